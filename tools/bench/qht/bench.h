/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tables of this benchmark are given, the same for all.
 *
 * Key number i is bench_mix(i + base); its hash is 64 bits wide, of which a
 * table takes what it takes: qht 32, the others an unsigned long. Both are
 * computed in the loop that measures.
 */
#ifndef BENCH_QHT_H
#define BENCH_QHT_H

#include "harness.h"
#include "latency.h"
#include "memory.h"

/* Operations in one RCU section, of whatever table. */
#define SECTION		32
/* Entries that wait for a grace period together. */
#define GRACE_BATCH	1024
/* Entries that a pool has at hand beyond those in the table. */
#define POOL_SLACK	(64 * 1024)

/**
 * struct entry - the object, a cacheline, of each table
 * @key: first, so that a key's address can stand for an entry's
 * @node: room for what a table wants within the object
 * @next: in a pool, or among those that wait for a grace period; apart from
 *	@node, in which readers may still be
 */
struct entry {
	uint64_t key;
	uint64_t node[2];
	struct entry *next;
} __aligned(64);

/**
 * struct load - a table and what is done to it
 * @table: of the subject
 * @base: what keys begin from
 * @first: number of the first key
 * @range: number of keys
 * @update: of 2^32 operations so many are updates
 * @n_threads: that work on it
 * @entries: all of the table's entries
 * @n_entries: their number
 * @lock: of what follows
 * @unused: how many of @entries have ever been in a pool
 * @free: entries that are in nobody's pool
 */
struct load {
	void *table;
	uint64_t base;
	uint64_t first;
	uint64_t range;
	uint32_t update;
	unsigned int n_threads;
	struct entry *entries;
	size_t n_entries;

	pthread_mutex_t lock;
	size_t unused;
	struct entry *free;
};

/* Read by one thread and written by another. */
struct progress {
	uint64_t n;
} __aligned(64);

/**
 * struct growth - a table that grows from nothing, with a reader beside
 * @load: the table
 * @n: entries to insert
 * @limit: seconds of CPU time after which the inserter gives up: a table whose
 *	resize starves has ever longer chains
 * @is_timed: each operation is timed, not only all of them
 * @readers: that are ready
 * @inserted: what the reader may look for; 0 before, @n at the end
 * @inserts: time of each insertion
 * @lookups: time of each lookup of the reader's
 * @wall: seconds for all insertions, by the clock on the wall
 * @gave_up: that was the limit
 */
struct growth {
	struct load load;
	uint64_t n;
	double limit;
	bool is_timed;
	struct progress readers;
	struct progress inserted;
	struct latency inserts;
	struct latency lookups;
	double wall;
	bool gave_up;
};

/**
 * struct pool - a thread's entries
 * @free: at hand
 * @limbo: removed, to be free after a grace period; the newest first
 * @oldest: the last of @limbo
 * @n_free: number of @free
 * @n_limbo: number of @limbo
 */
struct pool {
	struct entry *free;
	struct entry *limbo;
	struct entry *oldest;
	unsigned int n_free;
	unsigned int n_limbo;
};

void load_init(struct load *load, size_t n);
void load_destroy(struct load *load);
void pool_refill(struct load *load, struct pool *pool);
void pool_give_back(struct load *load, struct pool *pool);
void pool_grace(struct load *load, struct pool *pool);

static inline struct entry *pool_get(struct load *load, struct pool *pool)
{
	struct entry *entry;

	if (unlikely(!pool->free))
		pool_refill(load, pool);
	entry = pool->free;
	pool->free = entry->next;
	pool->n_free--;
	return entry;
}

/* An entry that no reader can have seen. */
static inline void pool_put(struct pool *pool, struct entry *entry)
{
	entry->next = pool->free;
	pool->free = entry;
	pool->n_free++;
}

/* An entry that was removed. */
static inline void pool_retire(struct pool *pool, struct entry *entry)
{
	entry->next = pool->limbo;
	if (!pool->limbo)
		pool->oldest = entry;
	pool->limbo = entry;
	pool->n_limbo++;
}

static inline uint64_t key_of(const struct load *load, uint64_t i)
{
	return bench_mix(load->base + i);
}

/* Keys look random already, but a table may not count on that. */
static inline uint64_t hash_of(uint64_t key)
{
	key = (key ^ (key >> 32)) * 0x9fb21c651e98df25ull;
	return key ^ (key >> 32);
}

/**
 * struct subject - a table with the loops that measure it
 * @name: as printed
 * @in_entry: bytes that the table wants within each entry
 * @create: a table for so many entries; 0: one that grows from nothing
 * @destroy: free it; its entries are the caller's
 * @buckets: head buckets of a table of qht; NULL for the others
 * @settle: until resizes have ended and what readers may have been in is free;
 *	NULL where the table has no means to know
 * @fill: insert keys
 * @hit: lookups of keys that are there, for bench_timed()
 * @miss: of keys that are not
 * @mix: lookups and updates
 * @batch: hits in batches of SECTION, or NULL
 * @update: removes and inserts in turn, for bench_parallel()
 * @grow: thread 0 inserts, thread 1 looks up, for bench_parallel()
 *
 * The loops are compiled for each table on its own, from workloads.h.
 */
struct subject {
	const char *name;
	size_t in_entry;
	void *(*create)(size_t n);
	void (*destroy)(void *table);
	size_t (*buckets)(void *table);
	void (*settle)(void);
	void (*fill)(struct load *load, uint64_t first, uint64_t n);
	bench_body hit;
	bench_body miss;
	bench_body mix;
	bench_body batch;
	bench_body update;
	bench_body grow;
};

extern const struct subject qht, stop_the_world, cds_lfht, cds_lfht_fixed, ck_hs,
	noise;

/* twin.c: the kernel that qht finds itself in. */
void twin_begin(void);
void twin_end(void);
void twin_thread_begin(void);
void twin_thread_end(void);
void twin_settle(void);
void wait_for_readers(void);

#endif /* BENCH_QHT_H */
