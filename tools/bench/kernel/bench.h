/* SPDX-License-Identifier: GPL-2.0 */
/*
 * qht beside rhashtable: what the two have in common. A subject is one of them;
 * a job is what a thread does with a table of a subject's.
 */
#ifndef QHT_BENCH_H
#define QHT_BENCH_H

#include <linux/cache.h>
#include <linux/jhash.h>
#include <linux/ktime.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

/* Operations between two looks at whether others want the processor. */
#define BENCH_BATCH	64
/* One item of so many is removed in a round, before they are added again. */
#define BENCH_PART	4
/* Items that are allocated in one piece, as large as pieces come: 4 MiB. */
#define BENCH_CHUNK_BITS	16

/* In both tables at once; a line of its own, as larger objects have. */
struct item {
	u64 key; /* its number */
	struct rhash_head node; /* of rhashtable */
} ____cacheline_aligned;

/**
 * struct items - all the items of a size
 * @chunks: 1 << BENCH_CHUNK_BITS items each
 * @bits: logarithm of their number
 */
struct items {
	struct item *chunks[32];
	unsigned int bits;
};

/**
 * struct job - what one thread does
 * @table: a subject's
 * @items: that are in the table, or to be put there
 * @first: where the thread's items begin; of a lookup: a random seed
 * @n: the thread's items; of a lookup: how many lookups
 * @rounds: of an update: each removes @n / BENCH_PART items and adds them again
 * @failed: operations that did not end as they should have
 * @busy: insertions that had to be tried again
 * @ns: the time that all took: lookups, removals; or the longest insertion
 * @insert_ns: the time that the insertions of an update took
 */
struct job {
	void *table;
	const struct items *items;
	u32 first;
	u32 n;
	u32 rounds;

	u64 failed;
	u64 busy;
	u64 ns;
	u64 insert_ns;
};

/**
 * struct subject - a hash table under test
 * @name: as in figures
 * @create: an empty table that grows by itself, or NULL
 * @destroy: free it; what is in it stays
 * @settled: has it done what growing entails?
 * @hit: look up items that are there
 * @miss: look up keys that are not
 * @update: take items out and add them again
 * @grow: add items, each timed for itself
 *
 * The loops are part of each subject, so that in them all is inlined.
 */
struct subject {
	const char *name;
	void *(*create)(void);
	void (*destroy)(void *table);
	bool (*settled)(void *table);
	void (*hit)(struct job *job);
	void (*miss)(struct job *job);
	void (*update)(struct job *job);
	void (*grow)(struct job *job);
};

extern const struct subject subject_qht;
extern const struct subject subject_rhashtable;
extern const struct subject subject_noise;

/* The one that rhashtable takes by itself for such a key. */
static __always_inline u32 bench_hash(const u64 *key, u32 seed)
{
	return jhash2((const u32 *)key, sizeof(*key) / sizeof(u32), seed);
}

/* Of a random look, and different ones for 1 << 32 numbers in a row. */
static __always_inline u32 bench_random(u32 i)
{
	i *= 0x9e3779b1U;
	i ^= i >> 15;
	i *= 0x85ebca6bU;
	return i ^ (i >> 16);
}

/* One to one on the numbers below 1 << @bits. No prefetcher knows the order. */
static __always_inline u32 bench_shuffle(u32 i, unsigned int bits)
{
	const u32 mask = (1U << bits) - 1;
	const unsigned int half = (bits + 1) / 2;

	i = (i * 0x9e3779b1U) & mask;
	i ^= i >> half;
	i = (i * 0x85ebca6bU) & mask;
	return i ^ (i >> half);
}

static __always_inline struct item *bench_item(const struct items *items, u32 i)
{
	const u32 number = bench_shuffle(i, items->bits);
	struct item *chunk = items->chunks[number >> BENCH_CHUNK_BITS];

	return &chunk[number & ((1U << BENCH_CHUNK_BITS) - 1)];
}

#ifdef CONFIG_UML
/* libc's, which UML has in it. */
long syscall(long number, ...);

/*
 * The processor time of UML's CPU, which is a thread of the host's: what other
 * processes of the host take away is no fault of a table's.
 */
static inline u64 bench_clock(void)
{
	const long clock_gettime = 228, thread_cputime = 3;
	struct { long sec, nsec; } now;

	syscall(clock_gettime, thread_cputime, &now);
	return now.sec * (u64)NSEC_PER_SEC + now.nsec;
}
#else
static inline u64 bench_clock(void)
{
	return ktime_get_ns();
}
#endif

#endif /* QHT_BENCH_H */
