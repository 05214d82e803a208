// SPDX-License-Identifier: GPL-2.0
/*
 * Resizing of a qht: maps, the moving of chains from one to the next, and when.
 * How it fits together is told at the top of qht.c.
 *
 * Who moves chains: the worker, or whoever calls qht_resize(), one after the
 * other; and each inserter, one. Who makes maps: the worker or the caller, under
 * ht->resize_lock. So no writer waits for memory, nor for the worker. One that
 * may sleep makes the map itself when the worker is so late that chains have
 * grown to several times their length: a worker that gets no CPU at all does not
 * keep a table from growing.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/qht.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <trace/events/qds.h>

#include "qht_private.h"

/*
 * A table grows with more entries than this part of what its heads have room for:
 * one that fits into a cache so that few chains are longer than their head, a larger
 * one so that it needs no more than some 22 bytes an entry.
 */
#define QHT_SMALL_BITS		14
#define QHT_FULL_PERCENT_SMALL	60
#define QHT_FULL_PERCENT	125
/* And shrinks with less than this part of that. */
#define QHT_SHRINK_PART		5
/* Two buckets at least: a shift by 32 is not defined. */
#define QHT_MIN_BITS		1
/* No resize makes chains longer than this many buckets, if hashes are good. */
#define QHT_MAX_CHAIN		64
/* Buckets added to a map, for each head, that a worker on time does not let be. */
#define QHT_LATE_CHAIN		4
/* Buckets that are allocated under a chain's lock, at the most. */
#define QHT_SPARES_LOCKED	16
/* Chains to which one is moved by one pass over it for each. */
#define QHT_SPLIT_PASSES	8
/* A table gets so many times larger in one step, as a logarithm. */
#define QHT_GROW_BITS		3
/* Removals by a CPU before the worker looks whether a table is too large. */
#define QHT_LOOK_MIN		64UL
/* Chains that the worker claims at a time. */
#define QHT_CLAIM		16
/* Before the next attempt to get memory for a resize; doubled each time. */
#define QHT_RETRY_MIN		(HZ / 10)
#define QHT_RETRY_MAX		(10 * HZ)

static struct workqueue_struct *qht_wq;

/* Of the order of 2^31 entries, or what is left of the address space on 32 bits. */
static unsigned int qht_max_bits(void)
{
	return BITS_PER_LONG == 64 ? 29 :
		ilog2(INT_MAX / sizeof(struct qht_bucket));
}

bool qht_has_room(size_t n_elems)
{
	return n_elems / QHT_BUCKET_ENTRIES <= (size_t)1 << qht_max_bits();
}

/* More entries than this are too many for so many heads. */
static u64 qht_full(unsigned int bits)
{
	u64 room = (u64)QHT_BUCKET_ENTRIES << bits;

	return div_u64(room * (bits <= QHT_SMALL_BITS ? QHT_FULL_PERCENT_SMALL :
							QHT_FULL_PERCENT), 100);
}

static unsigned int qht_clamp_bits(unsigned int bits)
{
	return clamp(bits, (unsigned int)QHT_MIN_BITS, qht_max_bits());
}

/* As QEMU: buckets for @n_elems entries, were the hashes perfect. */
static unsigned int qht_bits_exact(u64 n_elems)
{
	u64 buckets = div_u64(n_elems, QHT_BUCKET_ENTRIES);

	return qht_clamp_bits(buckets > 1 ? ilog2(buckets - 1) + 1 : 0);
}

/* As many that a table that grows by itself does not grow before. */
static unsigned int qht_bits_roomy(u64 n_elems)
{
	unsigned int bits = qht_bits_exact(n_elems);

	return qht_clamp_bits(n_elems > qht_full(bits) ? bits + 1 : bits);
}

static unsigned int qht_bits_for(const struct qht *ht, u64 n_elems)
{
	return ht->mode & QHT_AUTO_RESIZE ? qht_bits_roomy(n_elems) :
					    qht_bits_exact(n_elems);
}

static struct qht_bucket *qht_buckets_alloc(size_t n, gfp_t gfp)
{
	size_t size = array_size(n, sizeof(struct qht_bucket));

	gfp |= __GFP_ZERO;
	return size > PAGE_SIZE ? vmalloc_huge(size, gfp) : kmalloc(size, gfp);
}

static struct qht_map *qht_map_alloc_bits(const struct qht *ht, unsigned int bits)
{
	struct qht_map *map = kzalloc(sizeof(*map), ht->gfp);
	size_t i;

	if (!map)
		return NULL;
	map->bits = bits;
	map->shift = 32 - bits;
	/* A little less than what good hashes make of qht_full() entries. */
	map->check_above = qht_map_size(map) / (bits <= QHT_SMALL_BITS ? 12 : 2);
	map->renew_above = qht_map_size(map);
	if (ht->mode & QHT_AUTO_SHRINK)
		map->look_mask = max_t(size_t, qht_map_size(map) / 4,
				       QHT_LOOK_MIN) - 1;
	map->buckets = qht_buckets_alloc(qht_map_size(map), ht->gfp);
	if (!map->buckets) {
		kfree(map);
		return NULL;
	}
	for (i = 0; i < qht_map_size(map); i++) {
		spin_lock_init(&map->buckets[i].lock);
		cond_resched();
	}
	return map;
}

/* The first map of a table. */
struct qht_map *qht_map_alloc(const struct qht *ht)
{
	return qht_map_alloc_bits(ht, ht->min_bits);
}

void qht_map_free(struct qht_map *map)
{
	size_t i;

	for (i = 0; i < qht_map_size(map); i++) {
		qht_free_buckets(qht_bucket_next(&map->buckets[i]));
		cond_resched();
	}
	kvfree(map->buckets);
	kfree(map);
}

static void qht_map_free_work(struct work_struct *work)
{
	qht_map_free(container_of(to_rcu_work(work), struct qht_map, free_work));
}

/*
 * Buckets that moving @n entries to @new may need. Growing, the chains that they
 * go to get entries from nowhere else, and begin with an empty head. Shrinking,
 * they all go to one chain, which has others already.
 */
static unsigned int qht_spares_needed(const struct qht_map *old,
				      const struct qht_map *new, unsigned int n)
{
	if (!n)
		return 0;
	if (new->bits >= old->bits)
		return (n - 1) / QHT_BUCKET_ENTRIES;
	return DIV_ROUND_UP(n, QHT_BUCKET_ENTRIES);
}

static unsigned int qht_chain_length_locked(struct qht_bucket *head)
{
	struct qht_bucket *b;
	unsigned int n = 0;

	for (b = head; b; b = qht_next_locked(head, b))
		n += QHT_BUCKET_ENTRIES - hweight_long(qht_holes_locked(head, b));
	return n;
}

/* A chain that is being filled from another one. */
struct qht_filling {
	struct qht_map *map;
	struct qht_bucket *head;
	struct qht_slot slot;
	struct qht_spares *spares;
};

static void qht_fill_begin(struct qht_filling *to, struct qht_bucket *head)
	__acquires(bucket)
{
	spin_lock_nested(&head->lock, SINGLE_DEPTH_NESTING);
	to->head = head;
	to->slot = qht_hole_locked(head, head);
}

static void qht_fill_end(struct qht_filling *to)
	__releases(bucket)
{
	spin_unlock(&to->head->lock);
}

static void qht_fill(struct qht_filling *to, u32 h, void *entry)
{
	WARN_ON_ONCE(!qht_append_locked(to->map, to->head, &to->slot, h, entry,
					to->spares));
	to->slot = qht_hole_locked(to->head, to->slot.bucket);
}

/*
 * Copy what of a chain goes to chain @dest of the next map. That is locked as long
 * as it takes, or else others would fill up the buckets that were reckoned with.
 */
static void qht_copy_to_locked(struct qht_filling *to, struct qht_bucket *head,
			       struct qht_bucket *dest)
{
	struct qht_bucket *b;
	unsigned int i;

	qht_fill_begin(to, dest);
	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			void *entry = qht_entry_locked(head, b, i);

			if (entry && qht_head(to->map, b->hashes[i]) == dest)
				qht_fill(to, b->hashes[i], entry);
		}
	}
	qht_fill_end(to);
}

/*
 * Copy a chain to more chains than it is to be gone through for each: they will be
 * short, but for entries of one hash, and those come in a row.
 */
static void qht_copy_far_locked(struct qht_filling *to, struct qht_bucket *head)
{
	struct qht_bucket *b, *dest;
	unsigned int i;

	/* The first slot has had an entry, of the same range of hashes. */
	qht_fill_begin(to, qht_head(to->map, head->hashes[0]));
	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			void *entry = qht_entry_locked(head, b, i);

			if (!entry)
				continue;
			dest = qht_head(to->map, b->hashes[i]);
			if (dest != to->head) {
				qht_fill_end(to);
				qht_fill_begin(to, dest);
			}
			qht_fill(to, b->hashes[i], entry);
		}
	}
	qht_fill_end(to);
}

/* Copy chain @i to the next map, one chain there at a time. */
static void qht_copy_locked(struct qht_map *old, struct qht_map *new, size_t i,
			    struct qht_spares *spares)
{
	struct qht_filling to = { .map = new, .spares = spares };
	struct qht_bucket *head = &old->buckets[i];
	unsigned int split;
	size_t k;

	if (new->bits < old->bits) {
		qht_copy_to_locked(&to, head,
				   &new->buckets[i >> (old->bits - new->bits)]);
		return;
	}
	split = new->bits - old->bits;
	if (1ULL << split > QHT_SPLIT_PASSES) {
		qht_copy_far_locked(&to, head);
		return;
	}
	for (k = 0; k < 1UL << split; k++)
		qht_copy_to_locked(&to, head, &new->buckets[(i << split) + k]);
}

/*
 * Move a chain to the next map. Its lock is held; those of the chains it goes to
 * are otherwise taken by writers that have seen the flag, who then hold no other.
 * False, with nothing done, when it takes more buckets than there are in @spares
 * or at hand: spares->want tells how many.
 */
static bool qht_migrate_locked(const struct qht *ht, struct qht_map *old,
			       struct qht_map *new, size_t i,
			       struct qht_spares *spares)
{
	struct qht_bucket *head = &old->buckets[i];
	unsigned int n = qht_chain_length_locked(head);
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | (ht->gfp & __GFP_ACCOUNT);

	spares->want = qht_spares_needed(old, new, n);
	if (spares->want > spares->nr + QHT_SPARES_LOCKED ||
	    !qht_spares_fill(spares, spares->want, gfp))
		return false;
	if (n)
		qht_copy_locked(old, new, i, spares);
	/* What has been copied comes before: pairs with qht_next_acquire(). */
	qht_tag_locked(head, QHT_BUCKET_MOVED);
	return true;
}

/*
 * Whoever moves the last chain makes the next map the table's. There is no
 * resize but this one until it is done, so nobody else stores to ht->map.
 */
static void qht_switch(struct qht *ht, struct qht_map *old, struct qht_map *new)
{
	rcu_assign_pointer(ht->map, new);
	INIT_RCU_WORK(&old->free_work, qht_map_free_work);
	queue_rcu_work(qht_wq, &old->free_work);
}

/*
 * Move chain @i of @old, if it has not. True when it has. The caller's RCU
 * section keeps @old.
 *
 * Counting and switching are part of the move, under the chain's lock: whoever
 * has taken the lock of every chain and found it moved knows that the map has
 * been switched.
 */
static bool qht_migrate(struct qht *ht, struct qht_map *old, size_t i,
			struct qht_spares *spares)
{
	struct qht_map *new = rcu_dereference(old->next);
	struct qht_bucket *head = &old->buckets[i];
	bool moved;

	spin_lock_bh(&head->lock);
	moved = qht_moved_locked(head);
	if (!moved && qht_migrate_locked(ht, old, new, i, spares)) {
		moved = true;
		/* Fully ordered: the switch comes after every chain's move. */
		if (atomic_inc_return(&old->n_moved) == qht_map_size(old))
			qht_switch(ht, old, new);
	}
	spin_unlock_bh(&head->lock);
	return moved;
}

/*
 * Move some chains of @old, which nobody else then sets out to move. Those for
 * which there was no memory are left to qht_sweep(). False when all are claimed.
 * The caller's RCU section keeps @old.
 */
static bool qht_move_some(struct qht *ht, struct qht_map *old, unsigned int nr)
{
	struct qht_spares spares = {};
	size_t i, end;

	if (atomic_read(&old->n_claimed) >= qht_map_size(old))
		return false;
	i = atomic_fetch_add(nr, &old->n_claimed);
	for (end = min_t(size_t, i + nr, qht_map_size(old)); i < end; i++)
		qht_migrate(ht, old, i, &spares);
	qht_free_buckets(spares.list);
	return true;
}

/*
 * What an inserter does for a resize in progress. False when there is nothing left
 * that it could do.
 */
bool qht_help(struct qht *ht, struct qht_map *map)
{
	struct mem_cgroup *memcg;
	bool more;

	if (!ht->memcg)
		return qht_move_some(ht, map, 1);
	memcg = set_active_memcg(ht->memcg);
	more = qht_move_some(ht, map, 1);
	set_active_memcg(memcg);
	return more;
}

/* Inserters are to go through all chains once more, for when there is memory. */
static void qht_claim_again(struct qht *ht, struct qht_map *old)
{
	rcu_read_lock();
	if (rcu_access_pointer(ht->map) == old)
		atomic_set(&old->n_claimed, 0);
	rcu_read_unlock();
}

/*
 * Move what has not been moved, for want of memory or because whoever has
 * claimed it is not done. Under ht->resize_lock, so that no map can come to be
 * at the address of @old once that is gone.
 */
static int qht_sweep(struct qht *ht, struct qht_map *old, size_t n)
{
	struct qht_spares spares = {};
	int ret = 0;
	size_t i = 0;

	while (i < n) {
		bool moved = true;

		if (READ_ONCE(ht->dying)) {
			ret = -EINTR;
			break;
		}
		rcu_read_lock();
		if (rcu_access_pointer(ht->map) != old)
			i = n;
		else
			moved = qht_migrate(ht, old, i, &spares);
		rcu_read_unlock();
		if (moved) {
			i++;
		} else if (!qht_spares_fill(&spares, spares.want, ht->gfp)) {
			qht_claim_again(ht, old);
			ret = -ENOMEM;
			break;
		}
		cond_resched();
	}
	qht_free_buckets(spares.list);
	return ret;
}

static int qht_migrate_all(struct qht *ht, struct qht_map *old, size_t n)
{
	bool more;

	lockdep_assert_held(&ht->resize_lock);
	do {
		rcu_read_lock();
		more = rcu_access_pointer(ht->map) == old &&
			!READ_ONCE(ht->dying) &&
			qht_move_some(ht, old, QHT_CLAIM);
		rcu_read_unlock();
		cond_resched();
	} while (more);
	return qht_sweep(ht, old, n);
}

/* The map, when no resize is in progress: nobody but the caller retires it. */
static struct qht_map *qht_map_settled(struct qht *ht)
{
	return rcu_dereference_protected(ht->map,
					 lockdep_is_held(&ht->resize_lock));
}

/*
 * End a resize that an earlier call could not, for want of memory. Inserters may
 * end it at any moment, and the map goes with that.
 */
static int qht_finish_resize(struct qht *ht)
{
	struct qht_map *map;
	size_t n = 0;

	rcu_read_lock();
	map = rcu_dereference(ht->map);
	if (rcu_access_pointer(map->next))
		n = qht_map_size(map);
	rcu_read_unlock();
	return n ? qht_migrate_all(ht, map, n) : 0;
}

/* From here on chains may move, and @old may go with the last of them. */
static void qht_begin_resize(const struct qht *ht, struct qht_map *old,
			     struct qht_map *new)
{
	trace_qht_resize(ht, qht_count(ht), qht_map_size(old), qht_map_size(new));
	rcu_assign_pointer(old->next, new);
}

/* Move all to a new map, of another size or of the same. */
static int qht_rebuild(struct qht *ht, unsigned int bits)
{
	struct qht_map *old = qht_map_settled(ht);
	struct qht_map *new = qht_map_alloc_bits(ht, bits);
	size_t n = qht_map_size(old);

	if (!new)
		return -ENOMEM;
	qht_begin_resize(ht, old, new);
	return qht_migrate_all(ht, old, n);
}

static int qht_resize_to(struct qht *ht, unsigned int bits)
{
	int ret = qht_finish_resize(ht);

	if (ret || qht_map_settled(ht)->bits == bits)
		return ret;
	return qht_rebuild(ht, bits);
}

/* The size that a table ought to have by itself. */
static unsigned int qht_bits_wanted(const struct qht *ht,
				    const struct qht_map *map)
{
	u64 n = qht_count(ht);

	if ((ht->mode & QHT_AUTO_RESIZE) && n > qht_full(map->bits) &&
	    map->bits < qht_max_bits())
		return clamp(qht_bits_roomy(n), map->bits + 1,
			     min(map->bits + QHT_GROW_BITS, qht_max_bits()));
	if ((ht->mode & QHT_AUTO_SHRINK) && map->bits > ht->min_bits &&
	    n < div_u64(qht_full(map->bits), QHT_SHRINK_PART))
		return max(ht->min_bits, qht_bits_roomy(2 * n));
	return map->bits;
}

/*
 * The table has the size that it ought to have. To be looked at again when a
 * sixteenth more buckets have joined chains, or else each one that does would call
 * for it.
 */
static void qht_look_less(struct qht_map *map)
{
	unsigned int more = max_t(size_t, qht_map_size(map) / 16, 1);
	unsigned int added = atomic_read(&map->n_added);

	if (added > map->check_above)
		WRITE_ONCE(map->check_above, added + more);
}

/*
 * Buckets that have joined chains stay there. Where entries come and go that makes
 * more of them than the entries would need: as many as heads, at the size that the
 * table ought to have, are more than good hashes make. After bad ones the next
 * attempt has to wait until they are twice as many.
 */
static int qht_renew(struct qht *ht)
{
	struct qht_map *map = qht_map_settled(ht);
	int ret;

	if (!(ht->mode & QHT_AUTO_RESIZE) ||
	    atomic_read(&map->n_added) <= map->renew_above)
		return 0;
	ret = qht_rebuild(ht, map->bits);
	if (ret)
		return ret;
	map = qht_map_settled(ht);
	map->renew_above = max_t(unsigned int, map->renew_above,
				 2 * atomic_read(&map->n_added));
	return 0;
}

static int qht_resize_wanted(struct qht *ht)
{
	int ret = qht_finish_resize(ht);

	while (!ret) {
		struct qht_map *map = qht_map_settled(ht);
		unsigned int bits = qht_bits_wanted(ht, map);

		if (bits == map->bits) {
			ret = qht_renew(ht);
			if (!ret)
				qht_look_less(qht_map_settled(ht));
			break;
		}
		ret = qht_resize_to(ht, bits);
	}
	return ret;
}

/*
 * When there was no memory to do what ought to be done, the worker comes again after
 * a while, and nobody tries before that.
 */
static void qht_settle(struct qht *ht, int ret)
{
	lockdep_assert_held(&ht->resize_lock);
	if (!ret) {
		WRITE_ONCE(ht->starved, false);
		ht->retry_delay = QHT_RETRY_MIN;
		return;
	}
	WRITE_ONCE(ht->retry_at, jiffies + ht->retry_delay);
	WRITE_ONCE(ht->starved, true);
	queue_delayed_work(qht_wq, &ht->resize_work, ht->retry_delay);
}

static bool qht_must_wait(const struct qht *ht)
{
	return READ_ONCE(ht->starved) &&
	       time_before(jiffies, READ_ONCE(ht->retry_at));
}

/* Who resizes, and who pays for it. */
static struct mem_cgroup *qht_lock_resizes(struct qht *ht)
{
	mutex_lock(&ht->resize_lock);
	return set_active_memcg(ht->memcg);
}

static void qht_unlock_resizes(struct qht *ht, struct mem_cgroup *memcg)
{
	set_active_memcg(memcg);
	mutex_unlock(&ht->resize_lock);
}

static void qht_resize_work(struct work_struct *work)
{
	struct qht *ht = container_of(to_delayed_work(work), struct qht,
				      resize_work);
	struct mem_cgroup *memcg = qht_lock_resizes(ht);
	int ret = qht_resize_wanted(ht);

	qht_settle(ht, ret);
	if (ret && !READ_ONCE(ht->dying)) {
		/* Later too if someone has asked for it to come at once. */
		mod_delayed_work(qht_wq, &ht->resize_work, ht->retry_delay);
		ht->retry_delay = min_t(unsigned long, 2 * ht->retry_delay,
					QHT_RETRY_MAX);
	}
	qht_unlock_resizes(ht, memcg);
}

/* Have so many been added that the worker should have been here long ago? */
bool qht_is_late(const struct qht_map *map)
{
	return atomic_read(&map->n_added) / QHT_LATE_CHAIN > qht_map_size(map);
}

/* Have the worker decide, if there is a chance that it has memory. */
void qht_look_soon(struct qht *ht)
{
	if (!qht_must_wait(ht))
		queue_delayed_work(qht_wq, &ht->resize_work, 0);
}

/* The same for what is not urgent, and may be asked for often. */
void qht_look_later(struct qht *ht)
{
	if (!qht_must_wait(ht))
		queue_delayed_work(qht_wq, &ht->resize_work, 1);
}

/* True when a resize is in progress that inserters cannot end by themselves. */
static bool qht_is_stuck(struct qht *ht, bool *in_progress)
{
	struct qht_map *map;
	bool stuck;

	rcu_read_lock();
	map = rcu_dereference(ht->map);
	*in_progress = rcu_access_pointer(map->next);
	stuck = *in_progress && atomic_read(&map->n_claimed) >= qht_map_size(map);
	rcu_read_unlock();
	return stuck;
}

/* Begin what the worker should have begun long ago; inserters move the chains. */
static int qht_grow_late(struct qht *ht)
{
	struct qht_map *map = qht_map_settled(ht), *new;
	unsigned int bits = qht_bits_wanted(ht, map);

	if (bits <= map->bits) {
		qht_look_less(map);
		return 0;
	}
	new = qht_map_alloc_bits(ht, bits);
	if (!new)
		return -ENOMEM;
	qht_begin_resize(ht, map, new);
	qht_look_soon(ht);
	return 0;
}

/*
 * Stand in for a worker that does not come. Who meets another one here, or a resize
 * that is under way, goes on. May sleep.
 */
void qht_grow_here(struct qht *ht)
{
	struct mem_cgroup *memcg;
	bool in_progress, stuck;
	int ret = 0;

	if (qht_must_wait(ht) || !mutex_trylock(&ht->resize_lock))
		return;
	memcg = set_active_memcg(ht->memcg);
	stuck = qht_is_stuck(ht, &in_progress);
	if (stuck)
		ret = qht_finish_resize(ht);
	else if (!in_progress && qht_is_late(qht_map_settled(ht)))
		ret = qht_grow_late(ht);
	qht_settle(ht, ret);
	qht_unlock_resizes(ht, memcg);
}

/* A size that is asked for, in the bounds of what chains may become. */
static unsigned int qht_bits_asked(const struct qht *ht, size_t n_elems)
{
	return max(qht_bits_for(ht, n_elems),
		   qht_bits_exact(div_u64(qht_count(ht), QHT_MAX_CHAIN)));
}

static bool qht_in_progress(const struct qht *ht)
{
	bool in_progress;

	rcu_read_lock();
	in_progress = rcu_access_pointer(rcu_dereference(ht->map)->next);
	rcu_read_unlock();
	return in_progress;
}

/**
 * qht_resize() - choose the number of head buckets
 * @ht: the table
 * @n_elems: entries to have room for
 *
 * Grows or shrinks, while everyone goes on. A table with QHT_AUTO_RESIZE grows
 * again when it has to, one with QHT_AUTO_SHRINK does not shrink below this. Chains
 * of more than 64 buckets are not made: the table gets larger than asked for.
 *
 * After qht_resize() of QEMU's util/qht.c.
 *
 * Context: Process; sleeps. Takes the resize mutex, then two chains' spinlocks
 * at a time.
 * Return: 0; -EFBIG when @n_elems is more than any map has room for; -ENOMEM: the
 * table works as before. If the resize had begun, chains that had moved stay where
 * they are; insertions go on from there, and a worker when there is memory.
 */
int qht_resize(struct qht *ht, size_t n_elems)
{
	struct mem_cgroup *memcg;
	unsigned int min_bits;
	int ret;

	if (!qht_has_room(n_elems))
		return -EFBIG;
	memcg = qht_lock_resizes(ht);
	min_bits = ht->min_bits;
	/* Before there is a map that it says something of. */
	ht->min_bits = qht_bits_for(ht, n_elems);
	ret = qht_resize_to(ht, qht_bits_asked(ht, n_elems));
	if (ret)
		ht->min_bits = min_bits;
	/* Without a map nothing is left to be done: the table was large enough. */
	if (!ret || qht_in_progress(ht))
		qht_settle(ht, ret);
	qht_unlock_resizes(ht, memcg);
	return ret;
}
EXPORT_SYMBOL_GPL(qht_resize);

/**
 * qht_reset_size() - take out all entries and choose the number of head buckets
 * @ht: the table
 * @n_elems: entries to have room for
 * @release: as for qht_reset()
 * @arg: passed on to @release
 *
 * As qht_reset(), then qht_resize(), but that memory is got first.
 *
 * After qht_reset_size() of QEMU's util/qht.c.
 *
 * Context: As qht_resize().
 * Return: 0; -EFBIG when @n_elems is more than any map has room for; -ENOMEM with
 * no entry taken out.
 */
int qht_reset_size(struct qht *ht, size_t n_elems, qht_entry_fn release,
		   void *arg)
{
	struct qht_map *old, *new = NULL;
	struct mem_cgroup *memcg;
	unsigned int bits;
	size_t n;
	int ret;

	if (!qht_has_room(n_elems))
		return -EFBIG;
	bits = qht_bits_for(ht, n_elems);
	memcg = qht_lock_resizes(ht);
	ret = qht_finish_resize(ht);
	if (ret)
		goto out;
	old = qht_map_settled(ht);
	if (old->bits != bits)
		new = qht_map_alloc_bits(ht, bits);
	if (old->bits != bits && !new) {
		ret = -ENOMEM;
		goto out;
	}
	ht->min_bits = bits;
	qht_reset(ht, release, arg);
	if (!new)
		goto out;
	n = qht_map_size(old);
	qht_begin_resize(ht, old, new);
	/* What was inserted meanwhile may need memory: the worker sees to it. */
	qht_settle(ht, qht_migrate_all(ht, old, n));
out:
	qht_unlock_resizes(ht, memcg);
	return ret;
}
EXPORT_SYMBOL_GPL(qht_reset_size);

void qht_resize_init(struct qht *ht, size_t n_elems)
{
	ht->min_bits = qht_bits_for(ht, n_elems);
	ht->starved = false;
	ht->dying = false;
	ht->retry_delay = QHT_RETRY_MIN;
	ht->retry_at = jiffies;
	mutex_init(&ht->resize_lock);
	INIT_DELAYED_WORK(&ht->resize_work, qht_resize_work);
}

int qht_resize_module_init(void)
{
	qht_wq = alloc_workqueue("qht", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return qht_wq ? 0 : -ENOMEM;
}

/* Waits until the maps that tables have left behind are freed. */
void qht_resize_module_exit(void)
{
	rcu_barrier();
	destroy_workqueue(qht_wq);
}
