// SPDX-License-Identifier: GPL-2.0
/*
 * An array of words: bits are set by the same atomic read-modify-write as in a
 * kernel, and everything else is a plain loop over all words.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct map {
	uint64_t nbits;
	uint64_t *words;
};

static uint64_t n_words(const struct map *map)
{
	return (map->nbits + 63) / 64;
}

static void *map_create(uint64_t nbits)
{
	struct map *map = malloc(sizeof(*map));

	if (map) {
		map->nbits = nbits;
		map->words = calloc(n_words(map), 8);
	}
	if (!map || !map->words)
		bench_die("flat: no memory");
	return map;
}

static void map_destroy(void *arg)
{
	struct map *map = arg;

	free(map->words);
	free(map);
}

static void map_load(void *arg, const uint64_t *image)
{
	struct map *map = arg;

	memcpy(map->words, image, n_words(map) * 8);
}

static void map_set(void *arg, const struct spots *spots, uint64_t first, uint64_t n)
{
	uint64_t *words = ((struct map *)arg)->words, i;

	for (i = first; i < first + n; i++) {
		uint64_t bit = spot(spots, i);

		__atomic_fetch_or(&words[bit / 64], 1ULL << (bit % 64), __ATOMIC_RELAXED);
	}
}

static void map_reset(void *arg, const struct spots *spots, uint64_t first, uint64_t n)
{
	uint64_t *words = ((struct map *)arg)->words, i;

	for (i = first; i < first + n; i++) {
		uint64_t bit = spot(spots, i);

		__atomic_fetch_and(&words[bit / 64], ~(1ULL << (bit % 64)),
				   __ATOMIC_RELAXED);
	}
}

/*
 * What is set need not be set: a test. It is not what a dirty bitmap needs beside
 * somebody who clears bits, see flat_ordered.
 */
static uint64_t map_set_again(void *arg, const struct spots *spots, uint64_t first,
			      uint64_t n)
{
	const uint64_t *words = ((struct map *)arg)->words;
	uint64_t i, found = 0;

	for (i = first; i < first + n; i++) {
		uint64_t bit = spot(spots, i);

		found += __atomic_load_n(&words[bit / 64], __ATOMIC_RELAXED) >>
			 (bit % 64) & 1;
	}
	return found;
}

/* What the caller wrote comes before the test: the barrier of every kernel on x86. */
static inline void full_barrier(void)
{
#ifdef __x86_64__
	__asm__ __volatile__("lock; addl $0,-4(%%rsp)" : : : "memory", "cc");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static uint64_t map_set_again_ordered(void *arg, const struct spots *spots,
				      uint64_t first, uint64_t n)
{
	const uint64_t *words = ((struct map *)arg)->words;
	uint64_t i, found = 0;

	for (i = first; i < first + n; i++) {
		uint64_t bit = spot(spots, i);

		full_barrier();
		found += __atomic_load_n(&words[bit / 64], __ATOMIC_RELAXED) >>
			 (bit % 64) & 1;
	}
	return found;
}

/* The bits of word @w that are from @first to @last. */
static uint64_t mask_of(uint64_t w, uint64_t first, uint64_t last)
{
	uint64_t mask = ~0ULL;

	if (w == first / 64)
		mask &= ~0ULL << (first % 64);
	if (w == last / 64)
		mask &= ~0ULL >> (63 - last % 64);
	return mask;
}

static void map_set_range(void *arg, uint64_t bit, uint64_t n)
{
	struct map *map = arg;
	uint64_t w, last = bit + n - 1;

	for (w = bit / 64; w <= last / 64; w++)
		map->words[w] |= mask_of(w, bit, last);
}

static void map_reset_range(void *arg, uint64_t bit, uint64_t n)
{
	struct map *map = arg;
	uint64_t w, last = bit + n - 1;

	for (w = bit / 64; w <= last / 64; w++)
		map->words[w] &= ~mask_of(w, bit, last);
}

static uint64_t map_iterate(void *arg)
{
	const struct map *map = arg;
	uint64_t w, sum = 0;

	for (w = 0; w < n_words(map); w++) {
		uint64_t bits = map->words[w];

		for (; bits; bits &= bits - 1)
			sum += w * 64 + __builtin_ctzll(bits);
	}
	return sum;
}

static uint64_t count_words(const uint64_t *words, uint64_t n)
{
	uint64_t w, count = 0;

	for (w = 0; w < n; w++)
		count += __builtin_popcountll(words[w]);
	return count;
}

static uint64_t map_count(void *arg)
{
	const struct map *map = arg;

	return count_words(map->words, n_words(map));
}

static uint64_t map_count_range(void *arg, uint64_t bit, uint64_t n)
{
	const struct map *map = arg;
	uint64_t last = bit + n - 1, w0 = bit / 64, w1 = last / 64, count;

	count = __builtin_popcountll(map->words[w0] & mask_of(w0, bit, last));
	if (w1 > w0)
		count += count_words(map->words + w0 + 1, w1 - w0 - 1) +
			 __builtin_popcountll(map->words[w1] & mask_of(w1, bit, last));
	return count;
}

/* As the kernel's find_next_bit() and find_next_zero_bit(). */
static int64_t find_next(const struct map *map, uint64_t bit, uint64_t invert)
{
	uint64_t w = bit / 64, word;

	if (bit >= map->nbits)
		return -1;
	word = (map->words[w] ^ invert) & ~0ULL << (bit % 64);
	while (!word) {
		if (++w == n_words(map))
			return -1;
		word = map->words[w] ^ invert;
	}
	bit = w * 64 + __builtin_ctzll(word);
	return bit < map->nbits ? bit : -1;
}

static int64_t map_next_dirty(void *arg, uint64_t bit)
{
	return find_next(arg, bit, 0);
}

static int64_t map_next_zero(void *arg, uint64_t bit)
{
	return find_next(arg, bit, ~0ULL);
}

static void map_merge(void *to, void *from)
{
	uint64_t w, *dst = ((struct map *)to)->words;
	const uint64_t *src = ((struct map *)from)->words;

	for (w = 0; w < n_words(to); w++)
		dst[w] |= src[w];
}

static size_t copy_chunks(void *dst, const void *src, size_t bytes)
{
	size_t at, n;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;
		memcpy((char *)dst + at, (const char *)src + at, n);
	}
	return bytes;
}

static size_t map_serialize(void *arg, void *buf)
{
	const struct map *map = arg;

	return copy_chunks(buf, map->words, n_words(map) * 8);
}

static bool is_clean(const uint64_t *words, uint64_t n)
{
	uint64_t w;

	for (w = 0; w < n; w++)
		if (words[w])
			return false;
	return true;
}

static size_t map_serialize_sparse(void *arg, void *buf)
{
	const struct map *map = arg;
	uint64_t w, n, step = SPARSE_BYTES / 8;
	size_t bytes = 0;

	for (w = 0; w < n_words(map); w += step) {
		n = n_words(map) - w < step ? n_words(map) - w : step;
		if (is_clean(map->words + w, n))
			continue;
		memcpy((char *)buf + bytes, map->words + w, n * 8);
		bytes += n * 8;
	}
	return bytes;
}

static void *map_deserialize(void *arg, const void *buf, size_t size)
{
	struct map *map = arg;

	copy_chunks(map->words, buf, size);
	return map;
}

/* Word by word, as KVM gets and clears its log. */
static void *map_take(void *arg)
{
	struct map *map = arg, *taken = map_create(map->nbits);
	uint64_t w;

	for (w = 0; w < n_words(map); w++)
		if (__atomic_load_n(&map->words[w], __ATOMIC_RELAXED))
			taken->words[w] = __atomic_exchange_n(&map->words[w], 0,
							      __ATOMIC_SEQ_CST);
	return taken;
}

#define OPERATIONS							\
	.max_bits = 1ULL << 36,						\
	.create = map_create,						\
	.destroy = map_destroy,						\
	.load = map_load,						\
	.set = map_set,							\
	.reset = map_reset,						\
	.set_range = map_set_range,					\
	.reset_range = map_reset_range,					\
	.iterate = map_iterate,						\
	.count = map_count,						\
	.count_range = map_count_range,					\
	.next_dirty = map_next_dirty,					\
	.next_zero = map_next_zero,					\
	.merge = map_merge,						\
	.serialize = map_serialize,					\
	.serialize_sparse = map_serialize_sparse,			\
	.deserialize = map_deserialize,					\
	.take = map_take

const struct subject flat = {
	.name = "flat", .set_again = map_set_again, OPERATIONS,
};

const struct subject flat_ordered = {
	.name = "flat-ordered", .set_again = map_set_again_ordered, OPERATIONS,
};
