// SPDX-License-Identifier: GPL-2.0
/*
 * Watches: a list that is walked while those on it leave it.
 *
 * A walk is a visit of watchers->lockcnt. Who adds a watch or removes one holds the
 * lock, for the moment that this takes; walks that are on do not mind. A watch that
 * is removed is only marked while there are any: the walk that ends last takes it out,
 * and so does the remover if there is none. That is the pattern for which lockcnt was
 * made, and why no callback has to care who else is at work.
 *
 * What holds the watchers, an object for example, outlives every walk and every call,
 * since whoever makes one has a reference of it.
 */
#include <linux/export.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "watch.h"

/**
 * __qds_watchers_init() - what qds_watchers_init() does besides the lock
 * @watchers: nobody watches yet
 */
void __qds_watchers_init(struct qds_watchers *watchers)
{
	INIT_LIST_HEAD(&watchers->list);
	INIT_LIST_HEAD(&watchers->gone);
	watchers->armed = false;
	watchers->settled = false;
	watchers->emptied = 0;
}
EXPORT_SYMBOL_GPL(__qds_watchers_init);

/* Take out those that were removed. Under the lock, and nobody walks. */
static void qds_watchers_sweep(struct qds_watchers *watchers, struct list_head *removed)
{
	struct qds_watch *watch;

	if (list_empty(&watchers->gone))
		return;
	list_for_each_entry(watch, &watchers->gone, gone)
		list_del(&watch->node);
	list_splice_init(&watchers->gone, removed);
	if (list_empty(&watchers->list)) {
		WRITE_ONCE(watchers->armed, false);
		watchers->settled = false;
		watchers->emptied++;
	}
}

/* They are in no list of others any more, so under no lock. */
static void qds_watches_release(struct list_head *removed)
{
	struct qds_watch *watch, *next;

	list_for_each_entry_safe(watch, next, removed, gone)
		watch->ops->release(watch);
}

/**
 * __qds_watchers_tell() - qds_watchers_tell() where somebody watches
 * @watchers: those who watch
 * @what: for their &qds_watch_ops.tell
 *
 * Context: Process; sleeps.
 */
void __qds_watchers_tell(struct qds_watchers *watchers, const void *what)
{
	struct qds_watch *watch;
	LIST_HEAD(removed);

	lockcnt_inc(&watchers->lockcnt);
	/* Watches are added meanwhile, but none is taken out. */
	list_for_each_entry_lockless(watch, &watchers->list, node) {
		if (!READ_ONCE(watch->removed))
			watch->ops->tell(watch, what);
		cond_resched();
	}
	if (!lockcnt_dec_and_lock(&watchers->lockcnt))
		return;
	qds_watchers_sweep(watchers, &removed);
	lockcnt_unlock(&watchers->lockcnt);
	qds_watches_release(&removed);
}
EXPORT_SYMBOL_GPL(__qds_watchers_tell);

/*
 * Until now others may have looked whether anybody watches, and may tell nobody of
 * what they changed before. After a grace period their RCU sections, in which they
 * looked, have ended; so what they changed before these is seen from here on. Unless
 * the list was empty in between, when nobody was sure to find anything: who has added a
 * watch since sees to it himself.
 */
static void qds_watchers_settle(struct qds_watchers *watchers, unsigned int emptied)
{
	synchronize_rcu_expedited();
	lockcnt_lock(&watchers->lockcnt);
	if (watchers->emptied == emptied)
		watchers->settled = true;
	lockcnt_unlock(&watchers->lockcnt);
}

/**
 * qds_watch_add() - let somebody watch
 * @watchers: those who watch already
 * @watch: who will, too; all but @watch->ops is set here
 *
 * Of what happens once this has returned, @watch is told. What has happened before can
 * be seen by then: the caller looks, and has missed nothing. In between both may be so.
 *
 * If @watch is removed before this returns, by its own &qds_watch_ops.tell, the caller
 * must have a reference of it.
 *
 * Context: Process; sleeps. The first one to watch waits for an expedited grace period,
 * so that those who change what nobody watches need no barrier. Not from a callback.
 */
void qds_watch_add(struct qds_watchers *watchers, struct qds_watch *watch)
{
	unsigned int emptied;
	bool settled;

	watch->removed = false;
	lockcnt_lock(&watchers->lockcnt);
	list_add_tail_rcu(&watch->node, &watchers->list);
	WRITE_ONCE(watchers->armed, true);
	settled = watchers->settled;
	emptied = watchers->emptied;
	lockcnt_unlock(&watchers->lockcnt);
	if (!settled)
		qds_watchers_settle(watchers, emptied);
}
EXPORT_SYMBOL_GPL(qds_watch_add);

/**
 * qds_watch_remove() - watch no longer
 * @watchers: those who watch
 * @watch: who shall not any more
 *
 * Its &qds_watch_ops.tell may still be running elsewhere. Its &qds_watch_ops.release is
 * called here or, if anybody is walking, by the last who does.
 *
 * If several may remove one watch, each must have a reference of it, of which the last
 * is not given back before its &qds_watch_ops.release; callbacks have the watch that
 * they are called for, and need none.
 *
 * Context: Process; sleeps. A callback may call it, for any watch.
 * Return: True if this call was the one that removed it.
 */
bool qds_watch_remove(struct qds_watchers *watchers, struct qds_watch *watch)
{
	LIST_HEAD(removed);
	bool first;

	lockcnt_lock(&watchers->lockcnt);
	first = !watch->removed;
	if (first) {
		WRITE_ONCE(watch->removed, true);
		list_add_tail(&watch->gone, &watchers->gone);
		if (!lockcnt_count(&watchers->lockcnt))
			qds_watchers_sweep(watchers, &removed);
	}
	lockcnt_unlock(&watchers->lockcnt);
	qds_watches_release(&removed);
	return first;
}
EXPORT_SYMBOL_GPL(qds_watch_remove);
