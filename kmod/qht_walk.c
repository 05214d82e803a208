// SPDX-License-Identifier: GPL-2.0
/*
 * What visits many entries of a qht: walks by cursor, and what is built on them.
 *
 * A walk goes through the hashes in order, not through the buckets. The chain
 * that has the next hash is looked up as any writer does, so it does not matter
 * what resizes have done since the last step.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/qht.h>
#include <linux/sched.h>

#include "qht_private.h"

/* Chains that a step of a walk looks at, most of them empty if it is that many. */
#define QHT_WALK_CHAINS		256

/**
 * qht_cursor_init() - begin a walk
 * @cursor: the cursor
 *
 * Context: Any.
 */
void qht_cursor_init(struct qht_cursor *cursor)
{
	*cursor = (struct qht_cursor){};
}
EXPORT_SYMBOL_GPL(qht_cursor_init);

/* Has the walk yet to visit an entry with this hash and address? */
static bool qht_cursor_before(const struct qht_cursor *cursor, u32 h,
			      const void *entry)
{
	return h > cursor->position ||
	       (h == cursor->position && entry > cursor->after);
}

/* The entry of a chain that the walk visits next. */
static void *qht_walk_next_locked(struct qht_bucket *head,
				  struct qht_cursor *cursor)
{
	struct qht_cursor best = { .position = U64_MAX };
	struct qht_bucket *b;
	unsigned int i;

	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			void *entry = qht_entry_locked(head, b, i);
			u32 h = b->hashes[i];

			if (entry && qht_cursor_before(cursor, h, entry) &&
			    (h < best.position ||
			     (h == best.position && entry < best.after)))
				best = (struct qht_cursor){ h, entry };
		}
	}
	if (best.position == U64_MAX)
		return NULL;
	*cursor = best;
	return (void *)best.after;
}

/*
 * Lock the chain of @h. It stands for a range of hashes; of the maps that it has
 * moved through, the narrowest range counts, since beyond it other chains may not
 * have moved: *@last is the last hash of that.
 */
static struct qht_bucket *qht_lock_range(const struct qht *ht, u32 h, u32 *last)
	__acquires(bucket)
{
	struct qht_map *map = rcu_dereference(ht->map);
	struct qht_bucket *head;
	u32 mask = U32_MAX;

	for (;;) {
		mask = min_t(u32, mask, (u32)((1ULL << map->shift) - 1));
		if (qht_try_chain(map, h, &head))
			break;
		map = rcu_dereference(map->next);
	}
	*last = h | mask;
	return head;
}

/* Visit the chain at the cursor, in order of hash and address. */
static unsigned int qht_walk_chain(const struct qht *ht,
				   struct qht_cursor *cursor, void **entries,
				   unsigned int max)
{
	struct qht_cursor at = *cursor;
	struct qht_bucket *head;
	unsigned int n = 0;
	u32 last;

	head = qht_lock_range(ht, cursor->position, &last);
	while (n < max) {
		void *entry = qht_walk_next_locked(head, &at);

		if (!entry || at.position > last)
			break;
		entries[n++] = entry;
		*cursor = at;
	}
	qht_unlock_chain(head);
	if (n < max)
		*cursor = (struct qht_cursor){ .position = (u64)last + 1 };
	return n;
}

/**
 * qht_walk() - the next entries of a walk
 * @ht: the table
 * @cursor: where the walk stands, from qht_cursor_init()
 * @entries: room for @max entries
 * @max: at least 1
 *
 * Entries come in the order of their scrambled hashes, and of their addresses
 * where these are equal, which no resize changes. So an entry that is there all
 * through the walk comes exactly once, whatever is inserted, removed or resized
 * meanwhile; one that is inserted or removed meanwhile comes once or not at all.
 *
 * Context: Process or softirq. The caller holds rcu_read_lock() while it uses
 * the entries, and may drop it between calls. Takes one chain's spinlock with
 * softirqs disabled, at most 256 in turn.
 * Return: The number of entries. It can be 0 in the middle of a walk, where much
 * of the table is empty: qht_cursor_done() tells the end.
 */
unsigned int qht_walk(const struct qht *ht, struct qht_cursor *cursor,
		      void **entries, unsigned int max)
{
	unsigned int n = 0, chains = QHT_WALK_CHAINS;

	while (!n && max && chains-- && !qht_cursor_done(cursor))
		n = qht_walk_chain(ht, cursor, entries, max);
	return n;
}
EXPORT_SYMBOL_GPL(qht_walk);

/**
 * qht_iter() - visit every entry
 * @ht: the table
 * @visit: called for each; may insert into and remove from the table, must not
 *	sleep
 * @arg: passed on to @visit
 *
 * A walk with the promise of qht_walk(). After qht_iter() of QEMU's util/qht.c.
 *
 * Context: Process; sleeps between entries. Takes one chain's spinlock at a
 * time, none while in @visit.
 */
void qht_iter(const struct qht *ht, qht_entry_fn visit, void *arg)
{
	struct qht_cursor cursor;
	void *entries[16];
	unsigned int n, i;

	qht_cursor_init(&cursor);
	do {
		rcu_read_lock();
		n = qht_walk(ht, &cursor, entries, ARRAY_SIZE(entries));
		for (i = 0; i < n; i++)
			visit(entries[i], arg);
		rcu_read_unlock();
		cond_resched();
	} while (!qht_cursor_done(&cursor));
}
EXPORT_SYMBOL_GPL(qht_iter);

/* What is to be done with the entries of a table. */
struct qht_removal {
	qht_select_fn select;
	qht_entry_fn release;
	void *arg;
};

/* Offer the entry of a slot. True if it has been taken out. */
static bool qht_remove_selected(struct qht_bucket *head, struct qht_slot slot,
				struct qht_removal *removal)
{
	void *entry = qht_entry_locked(head, slot.bucket, slot.i);

	if (removal->select && !removal->select(entry, removal->arg))
		return false;
	/* A grace period may begin only when no lookup can find it any more. */
	RCU_INIT_POINTER(slot.bucket->entries[slot.i], NULL);
	if (removal->release)
		removal->release(entry, removal->arg);
	return true;
}

/* Offer the entries of a chain that has hashes from @first to *@last. */
static unsigned int qht_remove_range(struct qht *ht, u32 first, u32 *last,
				     struct qht_removal *removal)
{
	struct qht_bucket *head = qht_lock_range(ht, first, last), *b;
	unsigned int i, removed = 0;

	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			u32 h = b->hashes[i];

			if (qht_entry_locked(head, b, i) && h >= first && h <= *last)
				removed += qht_remove_selected(head,
							       (struct qht_slot){ b, i },
							       removal);
		}
	}
	if (removed) {
		qht_untag_locked(head);
		qht_count_add(ht, -(long)removed);
	}
	qht_unlock_chain(head);
	return removed;
}

/**
 * qht_iter_remove() - take out the entries that are chosen
 * @ht: the table
 * @select: called for each entry, which is taken out if it returns true; NULL
 *	chooses all
 * @release: called for each entry that has been taken out, or NULL. Lookups may
 *	still be using it, so it frees after a grace period, as kfree_rcu() does
 * @arg: passed on to @select and @release, neither of which may sleep or use a
 *	qht
 *
 * Choice and removal are one step: who else removes the entry is told that it is
 * not there. An entry that is there all the time is offered once; one that is
 * inserted or removed meanwhile, once or not at all.
 *
 * After qht_iter_remove() of QEMU's util/qht.c.
 *
 * Context: Process; sleeps between chains. Takes one chain's spinlock at a time,
 * with softirqs disabled, and calls @select and @release under it.
 * Return: The number of entries taken out.
 */
u64 qht_iter_remove(struct qht *ht, qht_select_fn select, qht_entry_fn release,
		    void *arg)
{
	struct qht_removal removal = { select, release, arg };
	u64 removed = 0, first = 0;
	u32 last;

	while (first <= U32_MAX) {
		unsigned int n;

		rcu_read_lock();
		n = qht_remove_range(ht, first, &last, &removal);
		rcu_read_unlock();
		removed += n;
		first = (u64)last + 1;
		cond_resched();
	}
	if (removed && (ht->mode & QHT_AUTO_SHRINK))
		qht_look_later(ht);
	return removed;
}
EXPORT_SYMBOL_GPL(qht_iter_remove);

/**
 * qht_reset() - take out all entries
 * @ht: the table
 * @release: as for qht_iter_remove()
 * @arg: passed on to @release
 *
 * What was in the table when the call began is not when it returns. What is
 * inserted meanwhile may be taken out too. Buckets are kept.
 *
 * After qht_reset() of QEMU's util/qht.c.
 *
 * Context: As qht_iter_remove().
 * Return: The number of entries taken out.
 */
u64 qht_reset(struct qht *ht, qht_entry_fn release, void *arg)
{
	return qht_iter_remove(ht, NULL, release, arg);
}
EXPORT_SYMBOL_GPL(qht_reset);
