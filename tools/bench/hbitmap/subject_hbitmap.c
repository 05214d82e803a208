// SPDX-License-Identifier: GPL-2.0
/* hbitmap as modules use it: granularity 0, one call for each bit or range. */
#define TWIN_HOST
#include <stdlib.h>

#include <linux/err.h>
#include <linux/hbitmap.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "bench.h"

#define WORDS	256

static void must(int err, const char *what)
{
	if (unlikely(err))
		bench_die("hbitmap: %s: error %d", what, err);
}

static void *map_create(uint64_t nbits)
{
	struct hbitmap *hb = hbitmap_alloc(nbits, 0, GFP_KERNEL);

	if (IS_ERR(hb))
		bench_die("hbitmap: no memory");
	return hb;
}

static void map_destroy(void *map)
{
	hbitmap_free(map);
}

static void map_set(void *map, const struct spots *spots, uint64_t first, uint64_t n)
{
	uint64_t i;

	for (i = first; i < first + n; i++)
		must(hbitmap_set(map, spot(spots, i), 1, GFP_NOWAIT), "set");
}

static uint64_t map_set_again(void *map, const struct spots *spots, uint64_t first,
			      uint64_t n)
{
	map_set(map, spots, first, n);
	return n;
}

/* As the door does it for an array of ranges. */
static void map_set_batch(void *map, const struct spots *spots, uint64_t first,
			  uint64_t n)
{
	struct hbitmap_range ranges[BATCH];
	uint64_t i, j, end = first + n;
	unsigned int done;

	for (i = first; i < end; i += j) {
		for (j = 0; j < BATCH && i + j < end; j++)
			ranges[j] = (struct hbitmap_range){ spot(spots, i + j), 1 };
		must(hbitmap_set_batch(map, ranges, j, GFP_NOWAIT, &done), "set");
	}
}

static void map_reset(void *map, const struct spots *spots, uint64_t first, uint64_t n)
{
	uint64_t i;

	for (i = first; i < first + n; i++)
		must(hbitmap_reset(map, spot(spots, i), 1, GFP_NOWAIT), "reset");
}

static void map_set_range(void *map, uint64_t bit, uint64_t n)
{
	must(hbitmap_set(map, bit, n, GFP_KERNEL), "set");
}

static void map_reset_range(void *map, uint64_t bit, uint64_t n)
{
	must(hbitmap_reset(map, bit, n, GFP_KERNEL), "reset");
}

static uint64_t map_iterate(void *map)
{
	struct hbitmap_word words[WORDS];
	struct hbitmap_iter iter;
	unsigned int i, n;
	uint64_t sum = 0;

	hbitmap_iter_init(&iter, map, 0);
	while ((n = hbitmap_iter_words(&iter, words, WORDS)) > 0)
		for (i = 0; i < n; i++) {
			unsigned long bits = words[i].bits;

			for (; bits; bits &= bits - 1)
				sum += words[i].item + __builtin_ctzl(bits);
		}
	return sum;
}

static uint64_t map_count(void *map)
{
	return hbitmap_count(map);
}

static uint64_t map_count_range(void *map, uint64_t bit, uint64_t n)
{
	return hbitmap_count_range(map, bit, n);
}

static int64_t map_next_dirty(void *map, uint64_t bit)
{
	return hbitmap_next_dirty(map, bit, U64_MAX);
}

static int64_t map_next_zero(void *map, uint64_t bit)
{
	return hbitmap_next_zero(map, bit, U64_MAX);
}

static void map_merge(void *to, void *from)
{
	must(hbitmap_merge(to, from, to, GFP_KERNEL), "merge");
}

static size_t map_serialize(void *map, void *buf)
{
	uint64_t size = hbitmap_size(map), bit;

	for (bit = 0; bit < size; bit += CHUNK_BYTES * 8)
		must(hbitmap_serialize_part(map, buf + bit / 8, bit,
					    min_t(u64, CHUNK_BYTES * 8, size - bit)),
		     "serialize");
	return (size + 63) / 64 * 8;
}

/* What lies between two chunks that have a dirty bit is skipped in one step. */
static size_t map_serialize_sparse(void *map, void *buf)
{
	uint64_t size = hbitmap_size(map);
	size_t bytes = 0;
	int64_t bit = 0;

	while ((bit = hbitmap_next_dirty(map, bit, U64_MAX)) >= 0) {
		uint64_t first = bit & -(SPARSE_BYTES * 8);
		uint64_t n = min_t(u64, SPARSE_BYTES * 8, size - first);

		must(hbitmap_serialize_part(map, buf + bytes, first, n), "serialize");
		bytes += (n + 63) / 64 * 8;
		bit = first + n;
	}
	return bytes;
}

static void *map_deserialize(void *map, const void *buf, size_t bytes)
{
	uint64_t size = hbitmap_size(map), bit;

	for (bit = 0; bit < size; bit += CHUNK_BYTES * 8)
		must(hbitmap_deserialize_part(map, buf + bit / 8, bit,
					      min_t(u64, CHUNK_BYTES * 8, size - bit),
					      GFP_KERNEL),
		     "deserialize");
	hbitmap_deserialize_finish(map);
	return map;
}

static void map_load(void *map, const uint64_t *image)
{
	map_deserialize(map, image, 0);
}

static void *map_take(void *map)
{
	struct hbitmap *taken = hbitmap_take(map, GFP_KERNEL);

	if (IS_ERR(taken))
		bench_die("hbitmap: no memory");
	return taken;
}

const struct subject hbitmap = {
	.name = "hbitmap",
	.max_bits = HBITMAP_MAX_BITS,
	.create = map_create,
	.destroy = map_destroy,
	.settle = twin_settle,
	.load = map_load,
	.set = map_set,
	.set_again = map_set_again,
	.set_batch = map_set_batch,
	.reset = map_reset,
	.set_range = map_set_range,
	.reset_range = map_reset_range,
	.iterate = map_iterate,
	.count = map_count,
	.count_range = map_count_range,
	.next_dirty = map_next_dirty,
	.next_zero = map_next_zero,
	.merge = map_merge,
	.serialize = map_serialize,
	.serialize_sparse = map_serialize_sparse,
	.deserialize = map_deserialize,
	.take = map_take,
};
