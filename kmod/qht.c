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
 * - A lookup takes no lock, writes nothing and waits for nobody. No writer makes it
 *   look again.
 * - A bucket is a cacheline and has the whole hashes: as a rule a hit costs two
 *   cache misses, that of the bucket and that of the entry, and a miss costs one.
 * - Writers of different chains do not meet. A chain is written under the
 *   spinlock of its head; nothing holds more than two of them: the chain that
 *   moves, and the one it moves to.
 * - Growing and shrinking move chain by chain. Everyone goes on meanwhile, and
 *   inserters move a chain each, so that a worker that gets no CPU delays no one.
 * - A cursor stands between hashes, not between buckets: no resize invalidates it.
 *
 * Invariants of a chain, under its lock:
 * (a) an entry stays in its slot until it is removed, or the chain moves; NULL slots
 *     are anywhere, and new entries go to the first of them;
 * (b) no two are equal, and each has its hash beside it;
 * (c) for each entry behind the head, head->next has the tag of its hash;
 * (d) once QHT_BUCKET_MOVED is set, nothing in it changes any more, and what it
 *     holds is also in map->next, which is authoritative.
 *
 * QEMU keeps chains without gaps: a removal moves the last entry into the hole, which
 * a lookup that has passed the hole would miss, so that there is a seqcount and
 * lookups that repeat. Gaps cost less: the branch-free comparison does not care, a
 * miss is told by the tags, and a removal is a store.
 *
 * Memory ordering, in short (Documentation/qht.rst argues it):
 * - Insert: hash, then entry with release, then the tag with release; a lookup
 *   reads head->next, then hashes, then the entry as an RCU pointer. An old hash
 *   beside a new entry, or the reverse, is caught by the comparison of keys, and
 *   as a miss is a lookup that came first.
 * - Remove: NULL, and the tag taken back if no entry needs it. A lookup that still
 *   sees the entry began before the grace period that the remover waits for.
 * - Move: copies first, then QHT_BUCKET_MOVED with release. A lookup that reads
 *   the flag unset before it looks may rely on what it then sees: whoever removes
 *   an entry from the next map frees it a grace period after the flag was set.
 * - Switch: ht->map is stored when the last chain has moved. The old map goes
 *   after a grace period, so a stale ht->map is followed through ->next.
 *
 * Files: this one has chains and what changes one entry; qht_resize.c the maps;
 * qht_walk.c what visits many entries. Lookups are in the header.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "qht_private.h"

/* A lock is larger where it is checked or may sleep. */
#if !defined(CONFIG_DEBUG_SPINLOCK) && !defined(CONFIG_DEBUG_LOCK_ALLOC) && \
	!defined(CONFIG_PREEMPT_RT)
static_assert(sizeof(struct qht_bucket) <= QHT_BUCKET_ALIGN);
#endif

static struct kmem_cache *qht_bucket_cache;

void qht_free_buckets(struct qht_bucket *b)
{
	while (b) {
		struct qht_bucket *next = qht_bucket_next(b);

		kmem_cache_free(qht_bucket_cache, b);
		b = next;
	}
}

bool qht_spares_fill(struct qht_spares *spares, unsigned int nr, gfp_t gfp)
{
	while (spares->nr < nr) {
		struct qht_bucket *b = kmem_cache_zalloc(qht_bucket_cache, gfp);

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

static void qht_put_locked(struct qht_slot slot, u32 h, void *entry)
{
	WRITE_ONCE(slot.bucket->hashes[slot.i], h);
	/* Pairs with rcu_dereference_raw() in qht_scan_bucket(). */
	rcu_assign_pointer(slot.bucket->entries[slot.i], entry);
}

/*
 * Put an entry into the first free slot, which is *@slot. If that is behind the
 * last bucket it takes a spare one; false when there is none. *@slot is then where
 * the entry is.
 */
bool qht_append_locked(struct qht_map *map, struct qht_bucket *head,
		       struct qht_slot *slot, u32 h, void *entry,
		       struct qht_spares *spares)
{
	if (likely(slot->i < QHT_BUCKET_ENTRIES)) {
		qht_put_locked(*slot, h, entry);
	} else {
		struct qht_bucket *last = slot->bucket;

		if (!spares->nr)
			return false;
		*slot = (struct qht_slot){ qht_spares_take(spares), 0 };
		qht_put_locked(*slot, h, entry);
		/* The bucket is complete: pairs with lookups' dereference. */
		rcu_assign_pointer(last->next, slot->bucket);
		atomic_inc(&map->n_added);
	}
	if (slot->bucket != head)
		qht_tag_locked(head, qht_filter(h));
	return true;
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
	struct qht_bucket *head;

	while (!qht_try_chain(map, h, &head))
		map = rcu_dereference(map->next);
	*mapp = map;
	return head;
}

static void *qht_equal_in_locked(const struct qht *ht,
				 const struct qht_bucket *head,
				 const struct qht_bucket *b, u32 h,
				 const void *entry)
{
	unsigned long mask;

	for (mask = qht_candidates(b, h); mask; mask &= mask - 1) {
		void *other = qht_entry_locked(head, b, __ffs(mask));

		if (other && qht_equal(ht, other, entry))
			return other;
	}
	return NULL;
}

/* An entry equal to @entry. */
static void *qht_find_equal_locked(const struct qht *ht, struct qht_bucket *head,
				   u32 h, const void *entry)
{
	void *other = qht_equal_in_locked(ht, head, head, h, entry);
	struct qht_bucket *b;

	if (other || likely(!qht_may_follow(rcu_access_pointer(head->next), h)))
		return other;
	for (b = qht_next_locked(head, head); b && !other;
	     b = qht_next_locked(head, b))
		other = qht_equal_in_locked(ht, head, b, h, entry);
	return other;
}

/*
 * What an insertion means for the size of the table. True when the worker should
 * have seen to it long ago.
 */
static bool qht_added(struct qht *ht, struct qht_map *map)
{
	struct qht_map *first = rcu_dereference(ht->map);

	if (rcu_access_pointer(first->next) && !qht_help(ht, first))
		return qht_is_late(first);
	if (likely(!qht_wants_look(ht, map)))
		return false;
	qht_look_soon(ht);
	return qht_is_late(map);
}

static int qht_insert_once(struct qht *ht, void *entry, u32 h, void **existing,
			   struct qht_spares *spares, bool *late)
{
	struct qht_bucket *head;
	struct qht_slot slot;
	struct qht_map *map;
	void *other;
	int ret = 0;

	rcu_read_lock();
	head = qht_lock_chain(ht, h, &map);
	other = qht_find_equal_locked(ht, head, h, entry);
	if (other) {
		ret = -EEXIST;
	} else {
		slot = qht_hole_locked(head, head);
		if (!qht_append_locked(map, head, &slot, h, entry, spares))
			ret = -EAGAIN;
		else
			qht_count_add(ht, 1);
	}
	qht_unlock_chain(head);

	if (other && existing)
		*existing = other;
	if (!ret)
		*late = qht_added(ht, map);
	rcu_read_unlock();
	return ret;
}

/* May a caller with these flags do what the worker does? */
static bool qht_may_do_all(const struct qht *ht, gfp_t gfp)
{
	return !(ht->gfp & ~gfp & (__GFP_RECLAIM | __GFP_IO | __GFP_FS));
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
 * move another chain; and if the worker has not come for long, then the resize
 * mutex, without waiting for it, to begin a resize or end one, if @gfp allows what
 * that of qht_init() does. Not with interrupts disabled.
 * Return: 0; -EEXIST when an equal entry is there; -ENOMEM, and -EINVAL when
 * @entry is NULL, with the table as it was.
 */
int qht_insert(struct qht *ht, void *entry, u32 hash, void **existing, gfp_t gfp)
{
	struct qht_spares spares = {};
	bool late = false;
	int ret;

	if (!entry)
		return -EINVAL;
	for (;;) {
		ret = qht_insert_once(ht, entry, qht_scramble(hash), existing,
				      &spares, &late);
		if (ret != -EAGAIN)
			break;
		if (!qht_spares_fill(&spares, 1, gfp)) {
			ret = -ENOMEM;
			break;
		}
	}
	qht_free_buckets(spares.list);
	if (unlikely(late) && qht_may_do_all(ht, gfp))
		qht_grow_here(ht);
	return ret;
}
EXPORT_SYMBOL_GPL(qht_insert);

/**
 * qht_get_or_insert() - find the entry equal to one, or else add that one
 * @ht: the table
 * @entry: what to add, not NULL
 * @hash: hash of its key
 * @gfp: for the memory that a chain may need
 *
 * Cheapest where the entry is usually there: then it is a lookup. A caller that
 * uses an entry that is not its own holds rcu_read_lock() from before the call,
 * and so passes flags that do not sleep.
 *
 * Context: As qht_insert().
 * Return: @entry if it has been added, else the equal one that is there; or an
 * ERR_PTR(): -ENOMEM, and -EINVAL when @entry is NULL, with the table as it was.
 */
void *qht_get_or_insert(struct qht *ht, void *entry, u32 hash, gfp_t gfp)
{
	void *existing;
	int ret;

	if (!entry)
		return ERR_PTR(-EINVAL);
	rcu_read_lock();
	existing = qht_lookup(ht, entry, hash);
	rcu_read_unlock();
	if (existing)
		return existing;
	ret = qht_insert(ht, entry, hash, &existing, gfp);
	if (ret == -EEXIST)
		return existing;
	return ret ? ERR_PTR(ret) : entry;
}
EXPORT_SYMBOL_GPL(qht_get_or_insert);

static bool qht_find_entry_locked(struct qht_bucket *head, u32 h,
				  const void *entry, struct qht_slot *slot)
{
	struct qht_bucket *b = head;
	unsigned long mask;

	for (;;) {
		for (mask = qht_candidates(b, h); mask; mask &= mask - 1) {
			unsigned int i = __ffs(mask);

			if (qht_entry_locked(head, b, i) == entry) {
				*slot = (struct qht_slot){ b, i };
				return true;
			}
		}
		if (b == head &&
		    !qht_may_follow(rcu_access_pointer(head->next), h))
			return false;
		b = qht_next_locked(head, b);
		if (!b)
			return false;
	}
}

/**
 * qht_replace() - put an entry in the place of an equal one
 * @ht: the table
 * @old: the very entry that is to go
 * @new: an entry with the same key, not NULL
 * @hash: hash of that key
 *
 * A lookup finds the one or the other at any time. A walk goes by addresses among
 * entries of one hash, so one that is going on may come upon both, or, if there are
 * several with that hash, upon neither. Of several callers that replace or remove
 * one entry at the same time one is successful; it frees @old after a grace period.
 *
 * Context: Process or softirq. Takes one chain's spinlock with softirqs disabled.
 * Return: 0; -ENOENT when @old is not there; -EINVAL when @new is NULL or not
 * equal to @old. On an error the table is as it was.
 */
int qht_replace(struct qht *ht, const void *old, void *new, u32 hash)
{
	const u32 h = qht_scramble(hash);
	struct qht_bucket *head;
	struct qht_map *map;
	struct qht_slot slot;
	int ret = 0;

	if (!new)
		return -EINVAL;
	rcu_read_lock();
	head = qht_lock_chain(ht, h, &map);
	if (!old || !qht_find_entry_locked(head, h, old, &slot))
		ret = -ENOENT;
	else if (!qht_equal(ht, old, new))
		ret = -EINVAL;
	else
		qht_put_locked(slot, h, new);
	qht_unlock_chain(head);
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(qht_replace);

/* Take back the tags of hashes that are no more behind the head. */
void qht_untag_locked(struct qht_bucket *head)
{
	struct qht_bucket *first = qht_next_locked(head, head), *b;
	unsigned long next = (unsigned long)first;
	unsigned int i;

	for (b = first; b; b = qht_next_locked(head, b)) {
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++)
			if (qht_entry_locked(head, b, i))
				next |= qht_filter(b->hashes[i]);
	}
	if (next != (unsigned long)rcu_access_pointer(head->next))
		rcu_assign_pointer(head->next, (struct qht_bucket *)next);
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
	const u32 h = qht_scramble(hash);
	struct qht_bucket *head;
	struct qht_map *map;
	struct qht_slot slot;
	bool found, look = false;

	if (!entry)
		return false;
	rcu_read_lock();
	head = qht_lock_chain(ht, h, &map);
	found = qht_find_entry_locked(head, h, entry, &slot);
	if (found) {
		RCU_INIT_POINTER(slot.bucket->entries[slot.i], NULL);
		if (unlikely(slot.bucket != head))
			qht_untag_locked(head);
		look = qht_count_removals(ht, map, 1);
	}
	qht_unlock_chain(head);
	if (unlikely(look))
		qht_look_later(ht);
	rcu_read_unlock();
	return found;
}
EXPORT_SYMBOL_GPL(qht_remove);

/**
 * qht_count() - number of entries
 * @ht: the table
 *
 * Context: Any. Its cost is that of looking at each CPU's part of the count, and
 * does not depend on the number of entries.
 * Return: The number; exact while nobody writes.
 */
u64 qht_count(const struct qht *ht)
{
	unsigned int cpu;
	long sum = 0;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(ht->counts, cpu)->entries);
	return max(sum, 0L);
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

static int qht_init_common(struct qht *ht, size_t n_elems, unsigned int mode,
			   gfp_t gfp)
{
	struct qht_map *map;

	if (mode & ~(QHT_AUTO_RESIZE | QHT_AUTO_SHRINK))
		return -EINVAL;
	if (!gfpflags_allow_blocking(gfp))
		return -EINVAL;
	if ((mode & QHT_AUTO_SHRINK) && !(mode & QHT_AUTO_RESIZE))
		return -EINVAL;
	if (!qht_has_room(n_elems))
		return -EFBIG;
	ht->counts = alloc_percpu_gfp(struct qht_count, gfp | __GFP_ZERO);
	if (!ht->counts)
		return -ENOMEM;
	ht->mode = mode;
	/* A table can do without, so nobody is killed for it. */
	ht->gfp = gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	qht_resize_init(ht, n_elems);
	map = qht_map_alloc(ht);
	if (!map) {
		free_percpu(ht->counts);
		return -ENOMEM;
	}
	ht->seed = get_random_u32();
	ht->memcg = NULL;
	if (gfp & __GFP_ACCOUNT)
		ht->memcg = get_mem_cgroup_from_mm(NULL);
	RCU_INIT_POINTER(ht->map, map);
	return 0;
}

/**
 * qht_init() - make an empty table
 * @ht: the table, in memory of the caller's
 * @equal: tells whether two entries carry the same key
 * @n_elems: entries to have room for at the start
 * @mode: QHT_AUTO_RESIZE to grow; QHT_AUTO_SHRINK with it to shrink too, though
 *	not below @n_elems
 * @gfp: for maps, the first and those that the table grows into: GFP_KERNEL, or
 *	GFP_KERNEL_ACCOUNT to charge them to the caller's memory cgroup, whoever
 *	makes them; GFP_NOIO and the like, but not what may not sleep
 *
 * After qht_init() of QEMU's util/qht.c.
 *
 * Context: Process; sleeps.
 * Return: 0; -EINVAL when @equal is missing, @mode is unknown or contradicts
 * itself, or @gfp may not sleep; -EFBIG when @n_elems is more than any map has room for; -ENOMEM.
 */
int qht_init(struct qht *ht, qht_match_fn equal, size_t n_elems,
	     unsigned int mode, gfp_t gfp)
{
	if (!equal)
		return -EINVAL;
	ht->equal = equal;
	ht->params = NULL;
	return qht_init_common(ht, n_elems, mode, gfp);
}
EXPORT_SYMBOL_GPL(qht_init);

/**
 * qht_init_params() - make an empty table whose keys are hashed by parameters
 * @ht: the table, in memory of the caller's
 * @params: the constant that is later passed to qht_lookup_key() and the like; has
 *	to stay
 * @n_elems: as for qht_init()
 * @mode: as for qht_init()
 * @gfp: as for qht_init()
 *
 * Context: Process; sleeps.
 * Return: As qht_init(); -EINVAL too when @params name no hash, or neither the
 * length of a key nor a comparison.
 */
int qht_init_params(struct qht *ht, const struct qht_params *params,
		    size_t n_elems, unsigned int mode, gfp_t gfp)
{
	if (!params || !params->hash || (!params->key_len && !params->match))
		return -EINVAL;
	ht->equal = NULL;
	ht->params = params;
	return qht_init_common(ht, n_elems, mode, gfp);
}
EXPORT_SYMBOL_GPL(qht_init_params);

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
 * Context: Process; sleeps. Takes no lock, but waits for a worker that may be waiting
 * for memory: not with a lock that reclaim takes.
 */
void qht_destroy(struct qht *ht, qht_entry_fn release, void *arg)
{
	struct qht_map *map, *next;

	WRITE_ONCE(ht->dying, true);
	cancel_delayed_work_sync(&ht->resize_work);
	for (map = rcu_dereference_protected(ht->map, true); map; map = next) {
		next = rcu_dereference_protected(map->next, true);
		if (release)
			qht_release_entries(map, release, arg);
		qht_map_free(map);
	}
	RCU_INIT_POINTER(ht->map, NULL);
	mutex_destroy(&ht->resize_lock);
	free_percpu(ht->counts);
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
	int ret;

	qht_bucket_cache = kmem_cache_create("qht_bucket",
					     sizeof(struct qht_bucket),
					     QHT_BUCKET_ALIGN, 0, NULL);
	if (!qht_bucket_cache)
		return -ENOMEM;
	ret = qht_resize_module_init();
	if (ret)
		kmem_cache_destroy(qht_bucket_cache);
	return ret;
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
	qht_resize_module_exit();
	kmem_cache_destroy(qht_bucket_cache);
}
