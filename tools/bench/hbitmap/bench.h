/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bitmaps of this benchmark are given, the same for all.
 *
 * Random bit number i is bench_mix(i + base), shifted down to the size of the
 * bitmap; it is computed in the loop that measures. Other content is made as an
 * image: 64 bits a word, bit i of the bitmap is bit i % 64 of word i / 64.
 */
#ifndef BENCH_HBITMAP_H
#define BENCH_HBITMAP_H

#include "harness.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* Bits in what memory is counted by: a leaf of ours. */
#define REGION_BITS	(1ULL << 14)
/* Bytes in a call that writes or reads a part of a dense bitmap. */
#define CHUNK_BYTES	(1UL << 20)
/* Bytes that are written or left out as a whole where most is clean. */
#define SPARSE_BYTES	(1UL << 16)
/* Bits that are set in one call, where there is one for many. */
#define BATCH		64

/**
 * struct spots - the random bits of a bitmap
 * @base: what numbers begin from
 * @shift: 64 less the logarithm of the bitmap's size
 */
struct spots {
	uint64_t base;
	unsigned int shift;
};

static inline uint64_t spot(const struct spots *spots, uint64_t i)
{
	return bench_mix(spots->base + i) >> spots->shift;
}

/**
 * struct subject - a bitmap, with the loops that measure it
 * @name: as printed
 * @max_bits: that one can have here
 * @create: all clean
 * @destroy: free it
 * @settle: until what was freed is free; NULL where it is at once
 * @load: make it what an image says
 * @set: set the bits number @first to @first + @n - 1 of @spots, which may be set
 * @set_again: as @set, if they all are set: how many are
 * @set_batch: as @set, many in a call; NULL where there is no such call
 * @reset: the opposite of @set
 * @set_range: set a range
 * @reset_range: clear it
 * @iterate: the sum of the numbers of all bits that are set
 * @count: how many are set
 * @count_range: of a range
 * @next_dirty: the first that is set from @bit on, or -1
 * @next_zero: the first that is not
 * @merge: set all bits in @to that are set in @from
 * @serialize: write all of it, in calls of CHUNK_BYTES; how many bytes that takes
 * @serialize_sparse: as @serialize, without what is clean
 * @deserialize: read what @serialize wrote into @map, which is clean; it may be
 *	another map that has the content then
 * @take: move the content away at one moment: a map that has it
 *
 * The loops are compiled for each bitmap on its own: no call through a pointer
 * but one for each of these.
 */
struct subject {
	const char *name;
	uint64_t max_bits;
	void *(*create)(uint64_t nbits);
	void (*destroy)(void *map);
	void (*settle)(void);
	void (*load)(void *map, const uint64_t *image);
	void (*set)(void *map, const struct spots *spots, uint64_t first, uint64_t n);
	uint64_t (*set_again)(void *map, const struct spots *spots, uint64_t first,
			      uint64_t n);
	void (*set_batch)(void *map, const struct spots *spots, uint64_t first,
			  uint64_t n);
	void (*reset)(void *map, const struct spots *spots, uint64_t first, uint64_t n);
	void (*set_range)(void *map, uint64_t bit, uint64_t n);
	void (*reset_range)(void *map, uint64_t bit, uint64_t n);
	uint64_t (*iterate)(void *map);
	uint64_t (*count)(void *map);
	uint64_t (*count_range)(void *map, uint64_t bit, uint64_t n);
	int64_t (*next_dirty)(void *map, uint64_t bit);
	int64_t (*next_zero)(void *map, uint64_t bit);
	void (*merge)(void *to, void *from);
	size_t (*serialize)(void *map, void *buf);
	size_t (*serialize_sparse)(void *map, void *buf);
	void *(*deserialize)(void *map, const void *buf, size_t size);
	void *(*take)(void *map);
};

extern const struct subject hbitmap, flat, flat_ordered, roaring;

/* twin.c: the kernel that hbitmap finds itself in. */
void twin_begin(void);
void twin_end(void);
void twin_thread_begin(void);
void twin_thread_end(void);
void twin_settle(void);

#endif /* BENCH_HBITMAP_H */
