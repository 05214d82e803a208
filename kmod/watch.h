/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those who want to be told of something, and who may stop wanting it at any time,
 * also while they are being told.
 *
 * A list of watches hangs on what is watched. qds_watchers_tell() calls each of them;
 * what it calls may remove watches, its own or others, and may call it again. A watch
 * that was removed is released when the last walk over the list has ended.
 *
 *	qds_watch_add(&watchers, &mine->watch);		mine->watch.ops is set
 *	...
 *	qds_watchers_tell(&watchers, what);		calls ops->tell() of each
 *	...
 *	qds_watch_remove(&watchers, &mine->watch);	ops->release() frees mine
 */
#ifndef _QDS_WATCH_H
#define _QDS_WATCH_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/lockcnt.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct qds_watch;

/**
 * struct qds_watch_ops - what a watch does
 * @tell: something has happened; @what says what, as qds_watchers_tell() has it. May
 *	be called by several tasks at a time, and until @release. May remove watches
 *	and tell, may not add any
 * @release: nobody has the watch any more: free it
 *
 * Both are called in process context and under no lock; @tell during a walk.
 */
struct qds_watch_ops {
	void (*tell)(struct qds_watch *watch, const void *what);
	void (*release)(struct qds_watch *watch);
};

/**
 * struct qds_watch - somebody who wants to be told
 * @ops: set by its maker
 * @node: in the list
 * @gone: in the list of those that were removed and are still in the other
 * @removed: it shall not be told any more
 */
struct qds_watch {
	const struct qds_watch_ops *ops;
	struct list_head node;
	struct list_head gone;
	bool removed;
};

/**
 * struct qds_watchers - all who want to be told of one thing
 * @lockcnt: visits walk over @list; the lock is for changing it, and the rest
 * @list: the watches; who was removed stays there until no one walks
 * @gone: those of @list that were removed
 * @armed: @list is not empty
 * @emptied: how often it has become so
 * @settled: whoever changes what is watched is sure to find @armed
 */
struct qds_watchers {
	struct lockcnt lockcnt;
	struct list_head list;
	struct list_head gone;
	bool armed;
	bool settled;
	unsigned int emptied;
};

#define qds_watchers_init(watchers)					\
do {									\
	lockcnt_init(&(watchers)->lockcnt);				\
	__qds_watchers_init(watchers);					\
} while (0)

void __qds_watchers_init(struct qds_watchers *watchers);
void __qds_watchers_tell(struct qds_watchers *watchers, const void *what);
void qds_watch_add(struct qds_watchers *watchers, struct qds_watch *watch);
bool qds_watch_remove(struct qds_watchers *watchers, struct qds_watch *watch);

/**
 * qds_watchers_armed() - whether anybody watches
 * @watchers: those who would
 *
 * To be asked after the change that they would be told of, which needs no barrier in
 * between: a load and a branch are all that a change costs that nobody watches.
 * Either this finds that somebody watches, or his qds_watch_add() returns after the
 * change can be seen: see there.
 *
 * Context: Any.
 * Return: True if they must be told.
 */
static inline bool qds_watchers_armed(const struct qds_watchers *watchers)
{
	bool armed;

	rcu_read_lock();
	armed = READ_ONCE(watchers->armed);
	rcu_read_unlock();
	return unlikely(armed);
}

/**
 * qds_watchers_tell() - tell everybody
 * @watchers: those who watch
 * @what: for their &qds_watch_ops.tell
 *
 * To be called after what they are told of was done. What @watchers is in must stay
 * until this returns.
 *
 * Context: Process; sleeps if anybody watches. A callback may call it.
 */
static inline void qds_watchers_tell(struct qds_watchers *watchers, const void *what)
{
	if (qds_watchers_armed(watchers))
		__qds_watchers_tell(watchers, what);
}

#endif /* _QDS_WATCH_H */
