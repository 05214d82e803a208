// SPDX-License-Identifier: GPL-2.0
/*
 * qht - a hash table of cacheline buckets with lock-free lookups and
 * incremental resizing.
 *
 * The structure is that of QEMU's util/qht.c (Emilio G. Cota, 2016), which owes
 * it to CLHT (David, Guerraoui, Trigonakis: Asynchronized Concurrency, 2015).
 * How it is resized is not: taking every bucket's lock, as QEMU does, is neither
 * possible nor bearable in a kernel. Chains move one at a time, as rhashtable's
 * do, and each says for itself whether it has moved.
 *
 * Names: ht is the table; map an array of head buckets; head a bucket in that
 * array; chain a head and the buckets that hang on it; h a scrambled hash.
 *
 *	ht->map --> [head 0][head 1][head 2][head 3]         map, shift 30
 *	                |       |M      |M
 *	                v       |       |              M: moved
 *	             [bucket]   |       +-------+
 *	                        |               |
 *	    ->next  --> [0][1]  [2][3]          [4][5]  [6][7]   shift 29
 *
 * Features:
 * - A lookup takes no lock and writes nothing. An insertion does not disturb it,
 *   a removal makes it look again only if it moved an entry in that very chain.
 * - Writers of different chains do not meet. A chain is written under the
 *   spinlock of its head; nothing holds more than two of them: the chain that
 *   moves, and the one it moves to.
 * - Growing and shrinking move chain by chain. Everyone goes on meanwhile, and
 *   inserters move a chain each, so that a worker that gets no CPU delays no one.
 * - A cursor stands between hashes, not between buckets: no resize invalidates it.
 *
 * Invariants of a chain, under its lock:
 * (a) entries stand without a gap from the first slot of the head on;
 * (b) no two are equal, and each has its hash beside it;
 * (c) once QHT_BUCKET_MOVED is set, nothing in it changes any more, and what it
 *     holds is also in map->next, which is authoritative.
 *
 * Memory ordering, in short (Documentation/qht.rst argues it):
 * - Insert: hash, then entry with release; a lookup reads the hash, then the
 *   entry as an RCU pointer. An old hash beside a new entry, or the reverse, is
 *   caught by the comparison of keys, and as a miss is a lookup that came first.
 * - Remove: the last entry of the chain takes the place of the removed one under
 *   head->sequence, since a lookup that has passed the hole would miss it.
 * - Move: copies first, then QHT_BUCKET_MOVED with release. A lookup that reads
 *   the flag unset before it looks may rely on what it then sees: whoever removes
 *   an entry from the next map frees it a grace period after the flag was set.
 * - Switch: ht->map is stored when the last chain has moved. The old map goes
 *   after a grace period, so a stale ht->map is followed through ->next.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/qht.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/* A lock and a seqcount are larger where they are checked or may sleep. */
#if !defined(CONFIG_DEBUG_SPINLOCK) && !defined(CONFIG_DEBUG_LOCK_ALLOC) && \
	!defined(CONFIG_PREEMPT_RT)
static_assert(sizeof(struct qht_bucket) <= 64);
#endif

/* Two buckets at least: a shift by 32 is not defined. */
#define QHT_MIN_BITS		1
/* Before the next attempt to get memory for a resize; doubled each time. */
#define QHT_RETRY_MIN		(HZ / 10)
#define QHT_RETRY_MAX		(10 * HZ)
/* Chains that a step of a walk looks at, most of them empty if it is that many. */
#define QHT_WALK_CHAINS		256

static struct workqueue_struct *qht_wq;

/* Buckets allocated ahead of a chain's lock, linked by ->next. */
struct qht_spares {
	struct qht_bucket *list;
	unsigned int nr;
};

static struct qht_bucket *qht_bucket_alloc(gfp_t gfp)
{
	return kzalloc(sizeof(struct qht_bucket), gfp);
}

/* Only for buckets that no reader can know: spares, and maps being freed. */
static struct qht_bucket *qht_bucket_next(const struct qht_bucket *b)
{
	return qht_untag(rcu_dereference_protected(b->next, true));
}

static void qht_free_buckets(struct qht_bucket *b)
{
	while (b) {
		struct qht_bucket *next = qht_bucket_next(b);

		kfree(b);
		b = next;
	}
}

static bool qht_spares_fill(struct qht_spares *spares, unsigned int nr, gfp_t gfp)
{
	while (spares->nr < nr) {
		struct qht_bucket *b = qht_bucket_alloc(gfp);

		if (!b)
			return false;
		RCU_INIT_POINTER(b->next, spares->list);
		spares->list = b;
		spares->nr++;
	}
	return true;
}

static struct qht_bucket *qht_spares_take(struct qht_spares *spares)
{
	struct qht_bucket *b = spares->list;

	spares->list = qht_bucket_next(b);
	spares->nr--;
	RCU_INIT_POINTER(b->next, NULL);
	return b;
}

static size_t qht_map_size(const struct qht_map *map)
{
	return (size_t)1 << map->bits;
}

static unsigned int qht_max_bits(void)
{
	return ilog2(INT_MAX / sizeof(struct qht_bucket));
}

static bool qht_has_room(size_t n_elems)
{
	return n_elems / QHT_BUCKET_ENTRIES <= (size_t)1 << qht_max_bits();
}

/* As QEMU: buckets for @n_elems entries, were the hashes perfect. */
static unsigned int qht_bits_for(u64 n_elems)
{
	u64 buckets = n_elems / QHT_BUCKET_ENTRIES;
	unsigned int bits = buckets > 1 ? ilog2(buckets - 1) + 1 : 0;

	return clamp_t(unsigned int, bits, QHT_MIN_BITS, qht_max_bits());
}

/*
 * A table can do without a larger map. So rather none than one for which others
 * are killed, or for which pages are moved about to make it contiguous.
 */
static struct qht_bucket *qht_buckets_alloc(size_t n, gfp_t gfp)
{
	size_t size = array_size(n, sizeof(struct qht_bucket));

	gfp |= __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	return size > PAGE_SIZE ? __vmalloc(size, gfp) : kmalloc(size, gfp);
}

static struct qht_map *qht_map_alloc(unsigned int bits, gfp_t gfp)
{
	struct qht_map *map = kzalloc(sizeof(*map), gfp);
	size_t i;

	if (!map)
		return NULL;
	map->bits = bits;
	map->shift = 32 - bits;
	map->buckets = qht_buckets_alloc(qht_map_size(map), gfp);
	if (!map->buckets) {
		kfree(map);
		return NULL;
	}
	for (i = 0; i < qht_map_size(map); i++) {
		spin_lock_init(&map->buckets[i].lock);
		seqcount_spinlock_init(&map->buckets[i].sequence,
				       &map->buckets[i].lock);
		cond_resched();
	}
	return map;
}

static void qht_map_free(struct qht_map *map)
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
 * The accessors of a chain for those who hold its lock. Readers beside them are
 * why stores are marked.
 */
static void *qht_entry_locked(const struct qht_bucket *head,
			      const struct qht_bucket *b, unsigned int i)
{
	return rcu_dereference_protected(b->entries[i],
					 lockdep_is_held(&head->lock));
}

static struct qht_bucket *qht_next_locked(const struct qht_bucket *head,
					  const struct qht_bucket *b)
{
	return qht_untag(rcu_dereference_protected(b->next,
						   lockdep_is_held(&head->lock)));
}

static void qht_put_locked(struct qht_bucket *b, unsigned int i, u32 h,
			   void *entry)
{
	WRITE_ONCE(b->hashes[i], h);
	/* Pairs with rcu_dereference_raw() in qht_scan(). */
	rcu_assign_pointer(b->entries[i], entry);
}

/* A slot of a chain. */
struct qht_slot {
	struct qht_bucket *bucket;
	unsigned int i;
};

/* Find the first free slot; false with the last bucket if there is none. */
static bool qht_free_slot_locked(struct qht_bucket *head, struct qht_slot *slot)
{
	struct qht_bucket *b = head;

	lockdep_assert_held(&head->lock);
	for (;;) {
		struct qht_bucket *next = qht_next_locked(head, b);
		unsigned int i;

		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			if (!qht_entry_locked(head, b, i)) {
				*slot = (struct qht_slot){ b, i };
				return true;
			}
		}
		if (!next) {
			*slot = (struct qht_slot){ b, 0 };
			return false;
		}
		b = next;
	}
}

/*
 * Put an entry into the first free slot, or into a spare bucket at the end of
 * the chain. False when there is neither.
 */
static bool qht_append_locked(struct qht_map *map, struct qht_bucket *head,
			      u32 h, void *entry, struct qht_spares *spares)
{
	struct qht_bucket *b;
	struct qht_slot slot;

	if (qht_free_slot_locked(head, &slot)) {
		qht_put_locked(slot.bucket, slot.i, h, entry);
		return true;
	}
	if (!spares->nr)
		return false;
	b = qht_spares_take(spares);
	qht_put_locked(b, 0, h, entry);
	/* The bucket is complete: pairs with rcu_dereference_raw() in qht_scan(). */
	rcu_assign_pointer(slot.bucket->next, b);
	atomic_inc(&map->n_chained);
	return true;
}

static unsigned int qht_chain_length_locked(struct qht_bucket *head)
{
	struct qht_bucket *b;
	unsigned int n = 0, i;

	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			if (!qht_entry_locked(head, b, i))
				return n;
			n++;
		}
	}
	return n;
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
	if (new->bits > old->bits)
		return (n - 1) / QHT_BUCKET_ENTRIES;
	return DIV_ROUND_UP(n, QHT_BUCKET_ENTRIES);
}

/*
 * Copy a chain to the next map. One chain there is locked at a time, and for as
 * long as entries go to it in a row: when shrinking from the first to the last,
 * or else others would fill up the bucket that was reckoned with for the next.
 */
static void qht_copy_locked(struct qht_map *new, struct qht_bucket *head,
			    struct qht_spares *spares)
{
	struct qht_bucket *b, *to = qht_head(new, head->hashes[0]);
	unsigned int i;

	spin_lock_nested(&to->lock, SINGLE_DEPTH_NESTING);
	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			void *entry = qht_entry_locked(head, b, i);
			struct qht_bucket *dest = qht_head(new, b->hashes[i]);

			if (!entry)
				goto out;
			if (dest != to) {
				spin_unlock(&to->lock);
				to = dest;
				spin_lock_nested(&to->lock, SINGLE_DEPTH_NESTING);
			}
			WARN_ON_ONCE(!qht_append_locked(new, to, b->hashes[i],
							entry, spares));
		}
	}
out:
	spin_unlock(&to->lock);
}

/*
 * Move a chain to the next map. Its lock is held; those of the chains it goes to
 * are otherwise taken by writers that have seen the flag, who then hold no other.
 * False, with nothing done, when it takes more buckets than there are in @spares
 * or at hand.
 */
static bool qht_migrate_locked(struct qht_map *old, struct qht_map *new,
			       struct qht_bucket *head,
			       struct qht_spares *spares)
{
	unsigned int need = qht_spares_needed(old, new,
					      qht_chain_length_locked(head));
	struct qht_bucket *chain;

	lockdep_assert_held(&head->lock);
	if (!qht_spares_fill(spares, need, GFP_NOWAIT | __GFP_NOWARN))
		return false;
	qht_copy_locked(new, head, spares);
	chain = qht_next_locked(head, head);
	/* What has been copied comes before; pairs with smp_rmb() in lookups. */
	rcu_assign_pointer(head->next, (struct qht_bucket *)
			   ((unsigned long)chain | QHT_BUCKET_MOVED));
	return true;
}

static bool qht_moved_locked(const struct qht_bucket *head)
{
	lockdep_assert_held(&head->lock);
	return qht_moved(rcu_access_pointer(head->next));
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
	if (!moved && qht_migrate_locked(old, new, head, spares)) {
		moved = true;
		/* Fully ordered: the switch comes after every chain's move. */
		if (atomic_inc_return(&old->n_moved) == qht_map_size(old))
			qht_switch(ht, old, new);
	}
	spin_unlock_bh(&head->lock);
	return moved;
}

/*
 * What an inserter does for a resize in progress: move one chain. It claims
 * chains in order; one that it could not move for want of memory is left to the
 * worker.
 */
static void qht_help(struct qht *ht, struct qht_map *map)
{
	struct qht_spares spares = {};
	size_t i;

	if (atomic_read(&map->n_claimed) >= qht_map_size(map))
		return;
	i = atomic_fetch_inc(&map->n_claimed);
	if (i < qht_map_size(map))
		qht_migrate(ht, map, i, &spares);
	qht_free_buckets(spares.list);
}

/*
 * Move what has not moved of @old. Under ht->resize_lock, so that no map can
 * come to be at the address of @old once that is gone.
 */
static int qht_migrate_all(struct qht *ht, struct qht_map *old, size_t n)
{
	struct qht_spares spares = {};
	int ret = 0;
	size_t i = 0;

	lockdep_assert_held(&ht->resize_lock);
	while (i < n) {
		unsigned int want = spares.nr + 1;
		bool moved = true;

		rcu_read_lock();
		if (rcu_access_pointer(ht->map) != old)
			i = n;
		else
			moved = qht_migrate(ht, old, i, &spares);
		rcu_read_unlock();
		if (moved) {
			i++;
		} else if (!qht_spares_fill(&spares, want, ht->gfp)) {
			ret = -ENOMEM;
			break;
		}
		cond_resched();
	}
	qht_free_buckets(spares.list);
	return ret;
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

static int qht_resize_to(struct qht *ht, unsigned int bits)
{
	struct qht_map *old, *new;
	size_t n;
	int ret;

	ret = qht_finish_resize(ht);
	if (ret)
		return ret;
	old = qht_map_settled(ht);
	if (old->bits == bits)
		return 0;
	new = qht_map_alloc(bits, ht->gfp);
	if (!new)
		return -ENOMEM;
	n = qht_map_size(old);
	/* From here on chains may move, and @old may go with the last of them. */
	rcu_assign_pointer(old->next, new);
	return qht_migrate_all(ht, old, n);
}

/* As QEMU: an eighth as many buckets in chains as there are heads. */
static bool qht_wants_growth(const struct qht_map *map)
{
	unsigned int limit = max_t(size_t, qht_map_size(map) / 8, 1);

	return atomic_read(&map->n_chained) > limit && map->bits < qht_max_bits();
}

static void qht_resize_work(struct work_struct *work)
{
	struct qht *ht = container_of(to_delayed_work(work), struct qht,
				      resize_work);
	struct mem_cgroup *memcg = set_active_memcg(ht->memcg);
	struct qht_map *map;
	int ret;

	mutex_lock(&ht->resize_lock);
	ret = qht_finish_resize(ht);
	while (!ret && qht_wants_growth(map = qht_map_settled(ht)))
		ret = qht_resize_to(ht, max(map->bits + 1,
					    qht_bits_for(qht_count(ht))));
	if (ret) {
		queue_delayed_work(qht_wq, &ht->resize_work, ht->retry_delay);
		ht->retry_delay = min_t(unsigned long, 2 * ht->retry_delay,
					QHT_RETRY_MAX);
	} else {
		ht->retry_delay = QHT_RETRY_MIN;
	}
	mutex_unlock(&ht->resize_lock);
	set_active_memcg(memcg);
}

/*
 * Lock the chain of @h where it is now. The lock of a chain that has moved is
 * dropped before the next one is taken.
 */
static struct qht_bucket *qht_lock_chain(const struct qht *ht, u32 h,
					 struct qht_map **mapp)
	__acquires(bucket)
{
	struct qht_map *map = rcu_dereference(ht->map);

	for (;;) {
		struct qht_bucket *head = qht_head(map, h);

		spin_lock_bh(&head->lock);
		if (likely(!qht_moved_locked(head))) {
			*mapp = map;
			return head;
		}
		spin_unlock_bh(&head->lock);
		map = rcu_dereference(map->next);
	}
}

static void qht_unlock_chain(struct qht_bucket *head)
	__releases(bucket)
{
	spin_unlock_bh(&head->lock);
}

static void *qht_find_equal_locked(const struct qht *ht, struct qht_bucket *head,
				   u32 h, const void *entry)
{
	struct qht_bucket *b;
	unsigned int i;

	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			void *other = qht_entry_locked(head, b, i);

			if (!other)
				return NULL;
			if (b->hashes[i] == h && ht->equal(other, entry))
				return other;
		}
	}
	return NULL;
}

/* What an insertion into @map does for the size of the table. */
static void qht_grow(struct qht *ht, struct qht_map *map)
{
	struct qht_map *current_map = rcu_dereference(ht->map);

	if (rcu_access_pointer(current_map->next))
		qht_help(ht, current_map);
	if ((ht->mode & QHT_AUTO_RESIZE) && qht_wants_growth(map))
		queue_delayed_work(qht_wq, &ht->resize_work, 0);
}

static int qht_insert_once(struct qht *ht, void *entry, u32 h, void **existing,
			   struct qht_spares *spares)
{
	struct qht_bucket *head;
	struct qht_map *map;
	void *other;
	int ret = 0;

	rcu_read_lock();
	head = qht_lock_chain(ht, h, &map);
	other = qht_find_equal_locked(ht, head, h, entry);
	if (other)
		ret = -EEXIST;
	else if (!qht_append_locked(map, head, h, entry, spares))
		ret = -EAGAIN;
	else
		percpu_counter_inc(&ht->count);
	qht_unlock_chain(head);

	if (other && existing)
		*existing = other;
	if (!other)
		qht_grow(ht, map);
	rcu_read_unlock();
	return ret;
}

/**
 * qht_insert() - add an entry
 * @ht: the table
 * @entry: what to add, not NULL
 * @hash: hash of its key; 32 good bits are best, bad ones are survived
 * @existing: if not NULL, set to the equal entry on -EEXIST
 * @gfp: for the memory that a chain may need
 *
 * An entry may be in a table once. A caller that uses *@existing holds
 * rcu_read_lock() from before the call, and so passes flags that do not sleep.
 *
 * After qht_insert() of QEMU's util/qht.c.
 *
 * Context: Process or softirq; sleeps if @gfp allows. Takes one chain's spinlock
 * with softirqs disabled; while the table is resized, then two at a time to
 * move another chain.
 * Return: 0; -EEXIST when an equal entry is there; -ENOMEM, and -EINVAL when
 * @entry is NULL, with the table as it was.
 */
int qht_insert(struct qht *ht, void *entry, u32 hash, void **existing, gfp_t gfp)
{
	struct qht_spares spares = {};
	int ret;

	if (!entry)
		return -EINVAL;
	for (;;) {
		ret = qht_insert_once(ht, entry, qht_scramble(hash), existing,
				      &spares);
		if (ret != -EAGAIN)
			break;
		if (!qht_spares_fill(&spares, 1, gfp)) {
			ret = -ENOMEM;
			break;
		}
	}
	qht_free_buckets(spares.list);
	return ret;
}
EXPORT_SYMBOL_GPL(qht_insert);

static bool qht_find_entry_locked(struct qht_bucket *head, const void *entry,
				  struct qht_slot *slot)
{
	struct qht_bucket *b;
	unsigned int i;

	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			if (qht_entry_locked(head, b, i) == entry) {
				*slot = (struct qht_slot){ b, i };
				return true;
			}
		}
	}
	return false;
}

/* The last entry of a chain that has one. */
static struct qht_slot qht_last_slot_locked(struct qht_bucket *head)
{
	struct qht_slot last = { head, 0 };
	struct qht_bucket *b;
	unsigned int i;

	for (b = head; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
			if (!qht_entry_locked(head, b, i))
				return last;
			last = (struct qht_slot){ b, i };
		}
	}
	return last;
}

/* Close the gap that a removal leaves with the last entry of the chain. */
static void qht_clear_slot_locked(struct qht_bucket *head, struct qht_slot slot)
{
	struct qht_slot last = qht_last_slot_locked(head);

	if (last.bucket == slot.bucket && last.i == slot.i) {
		RCU_INIT_POINTER(slot.bucket->entries[slot.i], NULL);
		return;
	}
	/* A lookup past @slot and not yet at @last would miss what moves. */
	write_seqcount_begin(&head->sequence);
	qht_put_locked(slot.bucket, slot.i, last.bucket->hashes[last.i],
		       qht_entry_locked(head, last.bucket, last.i));
	RCU_INIT_POINTER(last.bucket->entries[last.i], NULL);
	write_seqcount_end(&head->sequence);
}

/**
 * qht_remove() - take an entry out
 * @ht: the table
 * @entry: the very entry, not one equal to it
 * @hash: the hash that it was inserted with
 *
 * Of several callers that remove one entry at the same time one is told true;
 * it frees the entry after a grace period.
 *
 * After qht_remove() of QEMU's util/qht.c.
 *
 * Context: Process or softirq. Takes one chain's spinlock with softirqs disabled.
 * Return: True if it was there and now is not.
 */
bool qht_remove(struct qht *ht, const void *entry, u32 hash)
{
	struct qht_bucket *head;
	struct qht_map *map;
	struct qht_slot slot;
	bool found;

	if (!entry)
		return false;
	rcu_read_lock();
	head = qht_lock_chain(ht, qht_scramble(hash), &map);
	found = qht_find_entry_locked(head, entry, &slot);
	if (found) {
		qht_clear_slot_locked(head, slot);
		percpu_counter_dec(&ht->count);
	}
	qht_unlock_chain(head);
	rcu_read_unlock();
	return found;
}
EXPORT_SYMBOL_GPL(qht_remove);

/**
 * qht_resize() - choose the number of head buckets
 * @ht: the table
 * @n_elems: entries to have room for
 *
 * Grows or shrinks, while everyone goes on. A table with QHT_AUTO_RESIZE grows
 * again when it has to.
 *
 * Context: Process; sleeps. Takes the resize mutex, then two chains' spinlocks
 * at a time.
 * Return: 0; -EFBIG when @n_elems is more than any map has room for; -ENOMEM: the
 * table works as before, chains that had moved stay where they are, and insertions
 * or the next resize go on from there.
 */
int qht_resize(struct qht *ht, size_t n_elems)
{
	int ret;

	if (!qht_has_room(n_elems))
		return -EFBIG;
	mutex_lock(&ht->resize_lock);
	ret = qht_resize_to(ht, qht_bits_for(n_elems));
	mutex_unlock(&ht->resize_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(qht_resize);

/**
 * qht_count() - number of entries
 * @ht: the table
 *
 * Context: Any. Cost is that of looking at each CPU's counter.
 * Return: The number; exact while nobody writes.
 */
u64 qht_count(const struct qht *ht)
{
	return percpu_counter_sum_positive((struct percpu_counter *)&ht->count);
}
EXPORT_SYMBOL_GPL(qht_count);

/**
 * qht_buckets() - number of head buckets
 * @ht: the table
 *
 * Context: Any.
 * Return: The number in the map that lookups start from.
 */
size_t qht_buckets(const struct qht *ht)
{
	size_t n;

	rcu_read_lock();
	n = qht_map_size(rcu_dereference(ht->map));
	rcu_read_unlock();
	return n;
}
EXPORT_SYMBOL_GPL(qht_buckets);

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

			if (!entry)
				break;
			if (qht_cursor_before(cursor, h, entry) &&
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
 * Visit the chain at the cursor, in order of hash and address. The chain stands
 * for a range of hashes; of the maps that it has moved through, the narrowest
 * range counts, since beyond it other chains may not have moved.
 */
static unsigned int qht_walk_chain(const struct qht *ht,
				   struct qht_cursor *cursor, void **entries,
				   unsigned int max)
{
	struct qht_map *map = rcu_dereference(ht->map);
	u32 h = cursor->position, mask = U32_MAX;
	struct qht_cursor at = *cursor;
	struct qht_bucket *head;
	unsigned int n = 0;

	for (;;) {
		mask = min_t(u32, mask, (u32)((1ULL << map->shift) - 1));
		head = qht_head(map, h);
		spin_lock_bh(&head->lock);
		if (!qht_moved_locked(head))
			break;
		spin_unlock_bh(&head->lock);
		map = rcu_dereference(map->next);
	}
	while (n < max) {
		void *entry = qht_walk_next_locked(head, &at);

		if (!entry || at.position > (h | mask))
			break;
		entries[n++] = entry;
		*cursor = at;
	}
	spin_unlock_bh(&head->lock);
	if (n < max)
		*cursor = (struct qht_cursor){ .position = (u64)(h | mask) + 1 };
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

/**
 * qht_init() - make an empty table
 * @ht: the table, in memory of the caller's
 * @equal: tells whether two entries carry the same key
 * @n_elems: entries to have room for at the start
 * @mode: QHT_AUTO_RESIZE or 0
 * @gfp: for maps, the first and those that the table grows into: GFP_KERNEL, or
 *	GFP_KERNEL_ACCOUNT to charge them to the caller's memory cgroup
 *
 * Context: Process; sleeps.
 * Return: 0; -EINVAL when @equal is missing or @mode is unknown; -EFBIG when
 * @n_elems is more than any map has room for; -ENOMEM.
 */
int qht_init(struct qht *ht, qht_match_fn equal, size_t n_elems,
	     unsigned int mode, gfp_t gfp)
{
	struct qht_map *map;
	int ret;

	if (!equal || (mode & ~QHT_AUTO_RESIZE))
		return -EINVAL;
	if (!qht_has_room(n_elems))
		return -EFBIG;
	ret = percpu_counter_init(&ht->count, 0, gfp);
	if (ret)
		return ret;
	map = qht_map_alloc(qht_bits_for(n_elems), gfp);
	if (!map) {
		percpu_counter_destroy(&ht->count);
		return -ENOMEM;
	}
	ht->equal = equal;
	ht->mode = mode;
	ht->gfp = gfp;
	ht->memcg = NULL;
	if (gfp & __GFP_ACCOUNT)
		ht->memcg = get_mem_cgroup_from_mm(current->mm);
	mutex_init(&ht->resize_lock);
	ht->retry_delay = QHT_RETRY_MIN;
	INIT_DELAYED_WORK(&ht->resize_work, qht_resize_work);
	RCU_INIT_POINTER(ht->map, map);
	return 0;
}
EXPORT_SYMBOL_GPL(qht_init);

static void qht_release_entries(struct qht_map *map, qht_entry_fn release,
				void *arg)
{
	size_t i;

	for (i = 0; i < qht_map_size(map); i++) {
		struct qht_bucket *b = &map->buckets[i];

		cond_resched();
		if (qht_moved(rcu_access_pointer(b->next)))
			continue;
		for (; b; b = qht_bucket_next(b)) {
			unsigned int j;

			for (j = 0; j < QHT_BUCKET_ENTRIES; j++) {
				void *entry = rcu_dereference_protected(b->entries[j],
									true);

				if (entry)
					release(entry, arg);
			}
		}
	}
}

/**
 * qht_destroy() - end a table
 * @ht: the table, which nobody uses any more, under rcu_read_lock() either
 * @release: called for each entry that is left, or NULL
 * @arg: passed on to @release
 *
 * Entries removed earlier are not the table's business.
 *
 * Context: Process; sleeps. Takes no lock.
 */
void qht_destroy(struct qht *ht, qht_entry_fn release, void *arg)
{
	struct qht_map *map, *next;

	cancel_delayed_work_sync(&ht->resize_work);
	for (map = rcu_dereference_protected(ht->map, true); map; map = next) {
		next = rcu_dereference_protected(map->next, true);
		if (release)
			qht_release_entries(map, release, arg);
		qht_map_free(map);
	}
	RCU_INIT_POINTER(ht->map, NULL);
	mutex_destroy(&ht->resize_lock);
	percpu_counter_destroy(&ht->count);
	mem_cgroup_put(ht->memcg);
}
EXPORT_SYMBOL_GPL(qht_destroy);

/**
 * qht_module_init() - what all tables share
 *
 * Context: Process; sleeps. Once, before the first table.
 * Return: 0 or -ENOMEM.
 */
int qht_module_init(void)
{
	qht_wq = alloc_workqueue("qht", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return qht_wq ? 0 : -ENOMEM;
}

/**
 * qht_module_exit() - undo qht_module_init()
 *
 * Waits until the maps that tables have left behind are freed.
 *
 * Context: Process; sleeps. Once, after the last table is destroyed.
 */
void qht_module_exit(void)
{
	rcu_barrier();
	destroy_workqueue(qht_wq);
}
