/* SPDX-License-Identifier: GPL-2.0 */
/*
 * qht - a hash table of cacheline buckets with lock-free lookups and
 * incremental resizing. After QEMU's util/qht.c, by Emilio G. Cota.
 *
 * What is in this header beside the declarations is the read side, inlined
 * into its callers so that the comparison is a direct call. The design is
 * argued at the top of qht.c and in Documentation/qht.rst.
 */
#ifndef _LINUX_QHT_H
#define _LINUX_QHT_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/percpu_counter.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mem_cgroup;

/* Entries that fill a bucket of 64 bytes. */
#define QHT_BUCKET_ENTRIES	(BITS_PER_LONG == 64 ? 4 : 6)

/* qht_init(): grow when chains get long. */
#define QHT_AUTO_RESIZE		BIT(0)

/**
 * struct qht_bucket - a cacheline of entries
 * @lock: serializes the writers of a chain; used in its head bucket only
 * @sequence: odd while a removal moves an entry; used in the head bucket only
 * @hashes: scrambled hash of each entry, see qht_scramble()
 * @entries: the entries, without gaps from the head of the chain on
 * @next: the next bucket of the chain; bit 0 (head bucket only) says that the
 *	chain has moved to the next map and what is here is a frozen copy
 * @pad: fills the cacheline on 32 bits
 */
struct qht_bucket {
	spinlock_t lock; /* of the chain */
	seqcount_spinlock_t sequence;
	u32 hashes[QHT_BUCKET_ENTRIES];
	void __rcu *entries[QHT_BUCKET_ENTRIES];
	struct qht_bucket __rcu *next;
#if BITS_PER_LONG == 32
	u32 pad; /* to a cacheline */
#endif
};

#define QHT_BUCKET_MOVED	1UL

/**
 * struct qht_map - an array of head buckets
 * @buckets: 1 << @bits head buckets
 * @shift: 32 - @bits: what of a hash does not choose the bucket
 * @bits: logarithm of the number of head buckets
 * @next: the map that this one is being moved to, or NULL
 * @n_chained: buckets that are not heads
 * @n_claimed: head buckets that writers have set out to move
 * @n_moved: head buckets that have moved to @next
 * @free_work: frees the map after a grace period
 */
struct qht_map {
	struct qht_bucket *buckets;
	unsigned int shift;
	unsigned int bits;
	struct qht_map __rcu *next;

	/* Written during growth: not in the line that every lookup reads. */
	atomic_t n_chained ____cacheline_aligned_in_smp;
	atomic_t n_claimed;
	atomic_t n_moved;
	struct rcu_work free_work;
};

/**
 * typedef qht_match_fn - does an entry carry a key?
 * @entry: an entry of the table; may be in the course of removal, so what is
 *	read of it must stay readable until a grace period after its removal
 * @key: what the caller of the lookup passed
 *
 * Context: Under rcu_read_lock(), for insertions under a bucket's lock too: must
 * not sleep nor call into the same table.
 */
typedef bool (*qht_match_fn)(const void *entry, const void *key);

/**
 * typedef qht_entry_fn - visit an entry
 * @entry: the entry
 * @arg: the caller's
 */
typedef void (*qht_entry_fn)(void *entry, void *arg);

/**
 * struct qht - a hash table
 * @map: the head buckets
 * @equal: do two entries carry the same key?
 * @mode: QHT_AUTO_RESIZE or 0
 * @count: number of entries
 * @gfp: for maps
 * @memcg: charged for the maps that the worker makes, or NULL
 * @resize_lock: held by whoever makes a map and sees to it that all moves there
 * @retry_delay: in jiffies: when to try again after there was no memory
 * @resize_work: grows the table, and tries again when there was no memory
 */
struct qht {
	struct qht_map __rcu *map;
	qht_match_fn equal;
	unsigned int mode;

	struct percpu_counter count ____cacheline_aligned_in_smp;
	gfp_t gfp;
	struct mem_cgroup *memcg;
	struct mutex resize_lock; /* one resize at a time */
	unsigned long retry_delay;
	struct delayed_work resize_work;
};

/**
 * struct qht_cursor - where a walk stands
 * @position: first scrambled hash not yet visited, 1 << 32 at the end
 * @after: of the entries with that hash, those up to this address are visited
 */
struct qht_cursor {
	u64 position;
	const void *after;
};

int qht_init(struct qht *ht, qht_match_fn equal, size_t n_elems,
	     unsigned int mode, gfp_t gfp);
void qht_destroy(struct qht *ht, qht_entry_fn release, void *arg);
int qht_insert(struct qht *ht, void *entry, u32 hash, void **existing,
	       gfp_t gfp);
bool qht_remove(struct qht *ht, const void *entry, u32 hash);
int qht_resize(struct qht *ht, size_t n_elems);
u64 qht_count(const struct qht *ht);
size_t qht_buckets(const struct qht *ht);

void qht_cursor_init(struct qht_cursor *cursor);
unsigned int qht_walk(const struct qht *ht, struct qht_cursor *cursor,
		      void **entries, unsigned int max);
void qht_iter(const struct qht *ht, qht_entry_fn visit, void *arg);

/**
 * qht_cursor_done() - is a walk over?
 * @cursor: the cursor
 *
 * Context: Any.
 * Return: True when qht_walk() has nothing more to visit.
 */
static inline bool qht_cursor_done(const struct qht_cursor *cursor)
{
	return cursor->position > U32_MAX;
}

int qht_module_init(void);
void qht_module_exit(void);

/*
 * Head buckets are chosen by the top bits of the scrambled hash: the
 * multiplication spreads what callers left in the low bits, is one to one, so
 * that equal scrambled hashes are equal hashes, and makes the order of buckets
 * the order of hashes in a map of any size, which is what a cursor lives on.
 */
static inline u32 qht_scramble(u32 hash)
{
	return hash * GOLDEN_RATIO_32;
}

static inline struct qht_bucket *qht_head(const struct qht_map *map, u32 h)
{
	return &map->buckets[h >> map->shift];
}

static inline bool qht_moved(const struct qht_bucket *next)
{
	return (unsigned long)next & QHT_BUCKET_MOVED;
}

static inline struct qht_bucket *qht_untag(struct qht_bucket *next)
{
	return (struct qht_bucket *)((unsigned long)next & ~QHT_BUCKET_MOVED);
}

/* Without a branch per entry: which one matches is hard to predict. */
static __always_inline unsigned long qht_candidates(const struct qht_bucket *b,
						    u32 h)
{
	unsigned long mask = 0;
	unsigned int i;

#pragma GCC unroll 6
	for (i = 0; i < QHT_BUCKET_ENTRIES; i++)
		mask |= (unsigned long)(READ_ONCE(b->hashes[i]) == h) << i;
	return mask;
}

static __always_inline void *qht_scan(struct qht_bucket *b, const void *key,
				      u32 h, qht_match_fn match)
{
	do {
		unsigned long mask = qht_candidates(b, h);

		for (; mask; mask &= mask - 1) {
			void *entry = rcu_dereference_raw(b->entries[__ffs(mask)]);

			if (entry && likely(match(entry, key)))
				return entry;
		}
		b = qht_untag(rcu_dereference_raw(b->next));
	} while (unlikely(b));
	return NULL;
}

/**
 * qht_lookup_custom() - find an entry by a key of any type
 * @ht: the table
 * @key: passed on to @match
 * @hash: the hash that the entry was inserted with
 * @match: tells whether an entry carries @key; known at compile time, it is
 *	called directly or inlined
 *
 * A lookup beside insertions never repeats work. It looks again when a removal
 * moved an entry within the chain meanwhile, and goes on to the next map where
 * the chain has moved.
 *
 * After qht_lookup_custom() of QEMU's util/qht.c.
 *
 * Context: Process or softirq, not hard interrupts: a removal that is interrupted
 * in the middle would be waited for. The caller holds rcu_read_lock() for as long
 * as it uses the entry. Takes no lock, writes nothing.
 * Return: The entry, or NULL.
 */
static __always_inline void *qht_lookup_custom(const struct qht *ht,
					       const void *key, u32 hash,
					       qht_match_fn match)
{
	const struct qht_map *map = rcu_dereference(ht->map);
	const u32 h = qht_scramble(hash);

	for (;;) {
		struct qht_bucket *head = qht_head(map, h);
		unsigned int seq;
		void *entry;

		/*
		 * Before any entry is looked at: once the chain has moved, one
		 * that is here may have been removed, and freed, before this
		 * section began. While it has not, whoever will free an entry
		 * waits for this section.
		 */
		if (unlikely(qht_moved(rcu_access_pointer(head->next)))) {
			smp_rmb(); /* Pairs with the release in qht_migrate_locked(). */
			map = rcu_dereference(map->next);
			continue;
		}
		seq = read_seqcount_begin(&head->sequence);
		entry = qht_scan(head, key, h, match);
		if (entry || likely(!read_seqcount_retry(&head->sequence, seq)))
			return entry;
	}
}

/**
 * qht_lookup() - find an entry equal to another
 * @ht: the table
 * @key: an entry, or what the table's comparison takes for one
 * @hash: the hash that the entry was inserted with
 *
 * Context: As qht_lookup_custom(), with an indirect call per candidate.
 * Return: The entry, or NULL.
 */
static inline void *qht_lookup(const struct qht *ht, const void *key, u32 hash)
{
	return qht_lookup_custom(ht, key, hash, ht->equal);
}

/**
 * qht_prefetch() - bring the bucket of a hash near
 * @ht: the table
 * @hash: a hash that is going to be looked up
 *
 * Before a batch of lookups, so that their cache misses overlap.
 *
 * Context: Any, under rcu_read_lock().
 */
static inline void qht_prefetch(const struct qht *ht, u32 hash)
{
	prefetch(qht_head(rcu_dereference(ht->map), qht_scramble(hash)));
}

#endif /* _LINUX_QHT_H */
