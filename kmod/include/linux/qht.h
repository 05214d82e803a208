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
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/prefetch.h>
#include <linux/qdist.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mem_cgroup;

/* Entries that fill a bucket of 64 bytes. */
#define QHT_BUCKET_ENTRIES	(BITS_PER_LONG == 64 ? 4 : 6)

/* qht_init(): grow when there are more entries than the buckets are meant for. */
#define QHT_AUTO_RESIZE		BIT(0)
/* qht_init(): and shrink when there are far less. */
#define QHT_AUTO_SHRINK		BIT(1)

/**
 * struct qht_bucket - a cacheline of entries
 * @lock: serializes the writers of a chain; used in its head bucket only
 * @hashes: scrambled hash of each entry, see qht_scramble()
 * @entries: the entries, NULL where there is room; one stays where it is for as
 *	long as the chain does
 * @next: the next bucket of the chain. In a head bucket the low bits carry more:
 *	QHT_BUCKET_MOVED says that the chain has moved to the next map and what is
 *	here is a frozen copy; those of qht_filter() which hashes are to be
 *	looked for in the buckets that follow
 * @pad: fills the cacheline on 32 bits
 */
struct qht_bucket {
	spinlock_t lock; /* of the chain */
	u32 hashes[QHT_BUCKET_ENTRIES];
	void __rcu *entries[QHT_BUCKET_ENTRIES];
	struct qht_bucket __rcu *next;
#if BITS_PER_LONG == 32
	u32 pad[2]; /* to a cacheline */
#endif
};

#define QHT_BUCKET_MOVED	1UL
/* Low bits of a bucket's address, for tags. */
#define QHT_BUCKET_ALIGN	64UL

/**
 * struct qht_map - an array of head buckets
 * @buckets: 1 << @bits head buckets
 * @shift: 32 - @bits: what of a hash does not choose the bucket
 * @bits: logarithm of the number of head buckets
 * @look_mask: a CPU that has removed so many entries, and one, has the worker look
 *	whether the table is too large
 * @next: the map that this one is being moved to, or NULL
 * @n_added: buckets that are not heads
 * @check_above: with more of them the table may have to grow
 * @renew_above: and with more of them be rebuilt in the size that it has
 * @n_claimed: head buckets that someone has set out to move
 * @n_moved: head buckets that have moved to @next
 * @free_work: frees the map after a grace period
 */
struct qht_map {
	struct qht_bucket *buckets;
	unsigned int shift;
	unsigned int bits;
	unsigned int look_mask;
	struct qht_map __rcu *next;

	/* Written during growth: not in the line that every lookup reads. */
	atomic_t n_added ____cacheline_aligned_in_smp;
	unsigned int check_above;
	unsigned int renew_above;
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
 * typedef qht_select_fn - choose among entries
 * @entry: the entry
 * @arg: the caller's
 */
typedef bool (*qht_select_fn)(void *entry, void *arg);

/**
 * struct qht_params - how the keys of a table are hashed and compared
 * @key_offset: where the key is in an entry, in bytes
 * @key_len: bytes of the key; 0 if it varies, and @match is given
 * @hash: of a key, with the table's seed; its length is @key_len, also if that is 0
 * @match: compares instead of memcmp(); the key is as it is at @key_offset
 *
 * A static const, which outlives the table. qht_init_params() takes its address, the
 * other functions its value, so that the compiler inlines what it says.
 */
struct qht_params {
	u16 key_offset;
	u16 key_len;
	u32 (*hash)(const void *key, u32 len, u32 seed);
	qht_match_fn match;
};

/**
 * struct qht_count - what a CPU has done to a table
 * @entries: that it has inserted, less those that it has removed
 * @removals: entries that it has removed
 */
struct qht_count {
	long entries;
	unsigned int removals;
};

/**
 * struct qht - a hash table
 * @map: the head buckets
 * @equal: do two entries carry the same key? NULL if @params say
 * @params: how keys are compared, or NULL
 * @seed: random, for hashes of keys
 * @mode: QHT_AUTO_RESIZE, QHT_AUTO_SHRINK
 * @min_bits: what the table is not to shrink below by itself
 * @counts: of entries, and of removals, each CPU's
 * @gfp: for maps
 * @memcg: charged for the memory of resizes, or NULL
 * @resize_lock: held by whoever makes a map and sees to it that all moves there
 * @starved: there was no memory for a resize
 * @retry_at: when to try again then, in jiffies
 * @retry_delay: how long after the last attempt that is
 * @dying: nobody needs a resize any more
 * @resize_work: resizes the table, and tries again when there was no memory
 */
struct qht {
	struct qht_map __rcu *map;
	qht_match_fn equal;
	const struct qht_params *params;
	u32 seed;
	unsigned int mode;
	unsigned int min_bits;

	struct qht_count __percpu *counts;
	gfp_t gfp ____cacheline_aligned_in_smp;
	struct mem_cgroup *memcg;
	struct mutex resize_lock; /* one resize at a time */
	bool starved;
	bool dying;
	unsigned long retry_at;
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
int qht_init_params(struct qht *ht, const struct qht_params *params,
		    size_t n_elems, unsigned int mode, gfp_t gfp);
int qht_insert(struct qht *ht, void *entry, u32 hash, void **existing,
	       gfp_t gfp);
void *qht_get_or_insert(struct qht *ht, void *entry, u32 hash, gfp_t gfp);
int qht_replace(struct qht *ht, const void *old, void *new, u32 hash);
bool qht_remove(struct qht *ht, const void *entry, u32 hash);
int qht_resize(struct qht *ht, size_t n_elems);
u64 qht_reset(struct qht *ht, qht_entry_fn release, void *arg);
int qht_reset_size(struct qht *ht, size_t n_elems, qht_entry_fn release,
		   void *arg);
u64 qht_count(const struct qht *ht);
size_t qht_buckets(const struct qht *ht);

void qht_cursor_init(struct qht_cursor *cursor);
unsigned int qht_walk(const struct qht *ht, struct qht_cursor *cursor,
		      void **entries, unsigned int max);
void qht_iter(const struct qht *ht, qht_entry_fn visit, void *arg);
u64 qht_iter_remove(struct qht *ht, qht_select_fn select, qht_entry_fn release,
		    void *arg);

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

/**
 * struct qht_stats - statistics of a table
 * @head_buckets: chains
 * @used_head_buckets: chains that have an entry
 * @chained_buckets: buckets that are not heads
 * @entries: entries
 * @memory: bytes of the maps and of all their buckets
 * @chain: buckets of each chain that has an entry
 * @occupancy: of each chain, thousandths of its slots that are taken
 */
struct qht_stats {
	u64 head_buckets;
	u64 used_head_buckets;
	u64 chained_buckets;
	u64 entries;
	u64 memory;
	struct qdist chain;
	struct qdist occupancy;
};

/* What a chain's occupancy is counted in. */
#define QHT_STATS_SCALE		1000

int qht_statistics(const struct qht *ht, struct qht_stats *stats, gfp_t gfp);
void qht_statistics_destroy(struct qht_stats *stats);

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
	return (struct qht_bucket *)((unsigned long)next & ~(QHT_BUCKET_ALIGN - 1));
}

/*
 * The tag that says that an entry with this hash may be in a bucket behind the
 * head: most misses are known for what they are without a look at the chain. Up to
 * 2^25 heads these bits of a hash do not choose the bucket; they vary if the low
 * bits of the caller's hash do.
 */
static __always_inline unsigned long qht_filter(u32 h)
{
	return 2UL << (((h & 0x7f) * 5) >> 7);
}

static __always_inline bool qht_may_follow(const struct qht_bucket *next, u32 h)
{
	return (unsigned long)next & qht_filter(h);
}

/* Without a branch per entry: which one matches is hard to predict. */
static __always_inline unsigned long qht_candidates(const struct qht_bucket *b,
						    u32 h)
{
	unsigned long mask = 0;
	int i;

#pragma GCC unroll 6
	for (i = QHT_BUCKET_ENTRIES - 1; i >= 0; i--)
		mask = 2 * mask + (READ_ONCE(b->hashes[i]) == h);
	return mask;
}

static __always_inline void *qht_scan_bucket(const struct qht_bucket *b,
					     const void *key, u32 h,
					     qht_match_fn match)
{
	unsigned long mask = qht_candidates(b, h);

	for (; mask; mask &= mask - 1) {
		unsigned long i = __ffs(mask);
		void *entry = rcu_dereference_raw(b->entries[i]);

		if (entry && likely(match(entry, key)))
			return entry;
	}
	return NULL;
}

/* @next is what the head's was before anything else of it was read. */
static __always_inline void *qht_scan(const struct qht_bucket *head,
				      struct qht_bucket *next, const void *key,
				      u32 h, qht_match_fn match)
{
	void *entry = qht_scan_bucket(head, key, h, match);

	if (entry || likely(!qht_may_follow(next, h)))
		return entry;
	next = qht_untag(next);
	do {
		entry = qht_scan_bucket(next, key, h, match);
		next = rcu_dereference_raw(next->next);
	} while (!entry && next);
	return entry;
}

/*
 * What is behind a head, and whether it has moved: before anything else of it is
 * read. Once the chain has moved, an entry that is here may have been removed, and
 * freed, before this section began. While it has not, whoever will free an entry
 * waits for this section.
 */
static __always_inline struct qht_bucket *
qht_next_acquire(const struct qht_bucket *head)
{
	/* Pairs with qht_tag_locked(): who sees the flag sees the copies. */
	return (__force struct qht_bucket *)smp_load_acquire(&head->next);
}

/**
 * qht_lookup_custom() - find an entry by a key of any type
 * @ht: the table
 * @key: passed on to @match
 * @hash: the hash that the entry was inserted with
 * @match: tells whether an entry carries @key; known at compile time, it is
 *	called directly or inlined
 *
 * A lookup never repeats work, whatever writers do; where the chain has moved it
 * goes on to the next map.
 *
 * After qht_lookup_custom() of QEMU's util/qht.c.
 *
 * Context: Any. The caller holds rcu_read_lock() for as long as it uses the entry.
 * Takes no lock, waits for nobody, writes nothing.
 * Return: The entry, or NULL.
 */
static __always_inline void *qht_lookup_custom(const struct qht *ht,
					       const void *key, u32 hash,
					       qht_match_fn match)
{
	const struct qht_map *map = rcu_dereference(ht->map);
	const u32 h = qht_scramble(hash);

	for (;;) {
		const struct qht_bucket *head = qht_head(map, h);
		struct qht_bucket *next = qht_next_acquire(head);

		if (likely(!qht_moved(next)))
			return qht_scan(head, next, key, h, match);
		map = rcu_dereference(map->next);
	}
}

static inline bool qht_params_match(const void *entry, const void *key,
				    const struct qht_params *params)
{
	if (params->match)
		return params->match(entry, key);
	return !memcmp(entry + params->key_offset, key, params->key_len);
}

/* Of two entries, of which @entry is the one that may be going. */
static inline bool qht_equal(const struct qht *ht, const void *entry,
			     const void *other)
{
	if (ht->params)
		return qht_params_match(entry, other + ht->params->key_offset,
					ht->params);
	return ht->equal(entry, other);
}

/* What is looked for when two entries are compared. */
struct qht_wanted {
	const struct qht *ht;
	const void *entry;
};

static inline bool qht_match_wanted(const void *entry, const void *key)
{
	const struct qht_wanted *wanted = key;

	return qht_equal(wanted->ht, entry, wanted->entry);
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
	struct qht_wanted wanted = { ht, key };

	return qht_lookup_custom(ht, &wanted, hash, qht_match_wanted);
}

/* Lookups whose misses are made to overlap. */
#define QHT_BATCH	32U

/*
 * Look into the head bucket of @h, and bring near what is behind the answer.
 * True when the answer is that there is no such entry; else *@entry is one to
 * be compared, or NULL.
 */
static __always_inline bool qht_glance(const struct qht_map *map, u32 h,
				       void **entry)
{
	const struct qht_bucket *head = qht_head(map, h);
	struct qht_bucket *next = qht_next_acquire(head);
	unsigned long mask;

	*entry = NULL;
	if (unlikely(qht_moved(next)))
		return false;
	mask = qht_candidates(head, h);
	if (mask) {
		*entry = rcu_dereference_raw(head->entries[__ffs(mask)]);
		prefetch(*entry);
		return false;
	}
	if (qht_may_follow(next, h)) {
		prefetch(qht_untag(next));
		return false;
	}
	return true;
}

static __always_inline void qht_lookup_some(const struct qht *ht,
					    const void *keys, size_t stride,
					    const u32 *hashes, void **entries,
					    unsigned int n, qht_match_fn match)
{
	const struct qht_map *map = rcu_dereference(ht->map);
	u32 open = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		prefetch(qht_head(map, qht_scramble(hashes[i])));
	for (i = 0; i < n; i++)
		open |= (u32)!qht_glance(map, qht_scramble(hashes[i]),
					 &entries[i]) << i;
	for (; open; open &= open - 1) {
		const void *key;

		i = __ffs(open);
		key = keys + i * stride;
		if (!entries[i] || unlikely(!match(entries[i], key)))
			entries[i] = qht_lookup_custom(ht, key, hashes[i], match);
	}
}

/**
 * qht_lookup_batch() - find many entries
 * @ht: the table
 * @keys: the first key, passed on to @match
 * @stride: bytes from one key to the next
 * @hashes: hash of each key
 * @entries: set to the entry of each key, or NULL
 * @n: number of keys
 * @match: as for qht_lookup_custom()
 *
 * As many lookups, but for the cache misses, which overlap: all heads are asked
 * for, then what they point to, then keys are compared. Worth it from about 4
 * keys on, in tables larger than the cache.
 *
 * Context: As qht_lookup_custom(). Cost follows @n: the caller bounds it.
 */
static __always_inline void qht_lookup_batch(const struct qht *ht,
					     const void *keys, size_t stride,
					     const u32 *hashes, void **entries,
					     unsigned int n, qht_match_fn match)
{
	while (n > QHT_BATCH) {
		qht_lookup_some(ht, keys, stride, hashes, entries, QHT_BATCH,
				match);
		keys += QHT_BATCH * stride;
		hashes += QHT_BATCH;
		entries += QHT_BATCH;
		n -= QHT_BATCH;
	}
	qht_lookup_some(ht, keys, stride, hashes, entries, n, match);
}

/* A table by constant parameters: what cannot be meant does not compile. */
static __always_inline void qht_check_params(const struct qht_params params)
{
	const bool no_hash = !params.hash;
	const bool no_key = !params.key_len && !params.match;

	BUILD_BUG_ON_MSG(__builtin_constant_p(no_hash) && no_hash,
			 "struct qht_params without a hash");
	BUILD_BUG_ON_MSG(__builtin_constant_p(no_key) && no_key,
			 "struct qht_params with neither key_len nor match");
}

/**
 * qht_key_hash() - hash of a key by a table's parameters
 * @ht: the table, from qht_init_params()
 * @key: the key
 * @params: the constant that the table was made with
 *
 * Context: Any.
 * Return: The hash.
 */
static __always_inline u32 qht_key_hash(const struct qht *ht, const void *key,
					const struct qht_params params)
{
	qht_check_params(params);
	return params.hash(key, params.key_len, ht->seed);
}

static __always_inline u32 qht_entry_hash(const struct qht *ht,
					  const void *entry,
					  const struct qht_params params)
{
	return qht_key_hash(ht, entry + params.key_offset, params);
}

/* What a comparison needs that is not constant. */
struct qht_sought {
	const void *key;
	struct qht_params params;
};

static __always_inline bool qht_match_sought(const void *entry, const void *key)
{
	const struct qht_sought *sought = key;

	return qht_params_match(entry, sought->key, &sought->params);
}

/**
 * qht_lookup_key() - find an entry by its key
 * @ht: the table, from qht_init_params()
 * @key: the key
 * @params: the constant that the table was made with
 *
 * Hashing and comparison are inlined.
 *
 * Context: As qht_lookup_custom().
 * Return: The entry, or NULL.
 */
static __always_inline void *qht_lookup_key(const struct qht *ht,
					    const void *key,
					    const struct qht_params params)
{
	const struct qht_sought sought = { key, params };

	return qht_lookup_custom(ht, &sought, qht_key_hash(ht, key, params),
				 qht_match_sought);
}

/**
 * qht_insert_key() - qht_insert() into a table with parameters
 * @ht: the table, from qht_init_params()
 * @entry: what to add, with its key
 * @params: the constant that the table was made with
 * @existing: as for qht_insert()
 * @gfp: as for qht_insert()
 *
 * Context: As qht_insert().
 * Return: As qht_insert().
 */
static __always_inline int qht_insert_key(struct qht *ht, void *entry,
					  const struct qht_params params,
					  void **existing, gfp_t gfp)
{
	if (!entry)
		return -EINVAL;
	return qht_insert(ht, entry, qht_entry_hash(ht, entry, params), existing,
			  gfp);
}

/**
 * qht_get_or_insert_key() - qht_get_or_insert() in a table with parameters
 * @ht: the table, from qht_init_params()
 * @entry: what to add, with its key
 * @params: the constant that the table was made with
 * @gfp: as for qht_get_or_insert()
 *
 * Context: As qht_get_or_insert().
 * Return: As qht_get_or_insert().
 */
static __always_inline void *
qht_get_or_insert_key(struct qht *ht, void *entry,
		      const struct qht_params params, gfp_t gfp)
{
	if (!entry)
		return ERR_PTR(-EINVAL);
	return qht_get_or_insert(ht, entry, qht_entry_hash(ht, entry, params),
				 gfp);
}

/**
 * qht_replace_key() - qht_replace() in a table with parameters
 * @ht: the table, from qht_init_params()
 * @old: the very entry that is to go
 * @new: an entry with the same key
 * @params: the constant that the table was made with
 *
 * Context: As qht_replace().
 * Return: As qht_replace().
 */
static __always_inline int qht_replace_key(struct qht *ht, const void *old,
					   void *new,
					   const struct qht_params params)
{
	if (!new)
		return -EINVAL;
	return qht_replace(ht, old, new, qht_entry_hash(ht, new, params));
}

/**
 * qht_remove_key() - qht_remove() from a table with parameters
 * @ht: the table, from qht_init_params()
 * @entry: the very entry
 * @params: the constant that the table was made with
 *
 * Context: As qht_remove().
 * Return: As qht_remove().
 */
static __always_inline bool qht_remove_key(struct qht *ht, const void *entry,
					   const struct qht_params params)
{
	return entry && qht_remove(ht, entry, qht_entry_hash(ht, entry, params));
}

#endif /* _LINUX_QHT_H */
