// SPDX-License-Identifier: GPL-2.0
/*
 * Roaring (Debian's libroaring), which is for one thread: behind a lock where
 * several set bits, and without anybody else at work everywhere else.
 */
#include <pthread.h>
#include <roaring/roaring.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Of its portable format: what 2^16 bits are kept in. */
#define CONTAINER_WORDS	1024
#define CONTAINER_BYTES	(CONTAINER_WORDS * 8)
#define ARRAY_MAX	4096
#define COOKIE		12346
#define VALUES		1024

struct map {
	uint64_t nbits;
	roaring_bitmap_t *bitmap;
	pthread_spinlock_t lock;
};

static void *wrap(roaring_bitmap_t *bitmap, uint64_t nbits)
{
	struct map *map = malloc(sizeof(*map));

	if (!map || !bitmap)
		bench_die("roaring: no memory");
	map->nbits = nbits;
	map->bitmap = bitmap;
	pthread_spin_init(&map->lock, PTHREAD_PROCESS_PRIVATE);
	return map;
}

static void *map_create(uint64_t nbits)
{
	return wrap(roaring_bitmap_create(), nbits);
}

static void map_destroy(void *arg)
{
	struct map *map = arg;

	roaring_bitmap_free(map->bitmap);
	free(map);
}

/* Writes one container; how many bytes, and in @count how many bits are set. */
static size_t put_container(const uint64_t *words, void *to, uint32_t *count)
{
	uint16_t *values = to;
	unsigned int w;

	*count = 0;
	for (w = 0; w < CONTAINER_WORDS; w++)
		*count += __builtin_popcountll(words[w]);
	if (*count > ARRAY_MAX) {
		memcpy(to, words, CONTAINER_BYTES);
		return CONTAINER_BYTES;
	}
	for (w = 0; w < CONTAINER_WORDS; w++) {
		uint64_t bits = words[w];

		for (; bits; bits &= bits - 1)
			*values++ = w * 64 + __builtin_ctzll(bits);
	}
	return *count * sizeof(*values);
}

/* The portable format of an image: a header, and a container for each 2^16 bits. */
static char *to_portable(const uint64_t *image, uint64_t nbits)
{
	uint64_t i, n_containers = nbits >> 16;
	size_t header = 8 + n_containers * 8, at;
	char *buf = malloc(header + n_containers * CONTAINER_BYTES);
	uint32_t n = 0, count, *offsets;
	uint16_t *keys;

	if (!buf)
		bench_die("roaring: no memory");
	for (i = 0; i < n_containers; i++)
		n += put_container(image + i * CONTAINER_WORDS, buf + header, &count) > 0;
	at = 8 + n * 8;
	((uint32_t *)buf)[0] = COOKIE;
	((uint32_t *)buf)[1] = n;
	keys = (uint16_t *)(buf + 8);
	offsets = (uint32_t *)(buf + 8 + n * 4);
	for (i = 0; i < n_containers; i++) {
		size_t bytes = put_container(image + i * CONTAINER_WORDS, buf + at, &count);

		if (!bytes)
			continue;
		*keys++ = i;
		*keys++ = count - 1;
		*offsets++ = at;
		at += bytes;
	}
	return buf;
}

static void map_load(void *arg, const uint64_t *image)
{
	struct map *map = arg;
	char *portable = to_portable(image, map->nbits);

	roaring_bitmap_free(map->bitmap);
	map->bitmap = roaring_bitmap_portable_deserialize(portable);
	if (!map->bitmap)
		bench_die("roaring: what was made of an image cannot be read");
	roaring_bitmap_run_optimize(map->bitmap);
	free(portable);
}

static void map_set(void *arg, const struct spots *spots, uint64_t first, uint64_t n)
{
	struct map *map = arg;
	uint64_t i;

	for (i = first; i < first + n; i++) {
		pthread_spin_lock(&map->lock);
		roaring_bitmap_add(map->bitmap, spot(spots, i));
		pthread_spin_unlock(&map->lock);
	}
}

static uint64_t map_set_again(void *arg, const struct spots *spots, uint64_t first,
			      uint64_t n)
{
	struct map *map = arg;
	uint64_t i, found = 0;

	for (i = first; i < first + n; i++) {
		pthread_spin_lock(&map->lock);
		found += roaring_bitmap_contains(map->bitmap, spot(spots, i));
		pthread_spin_unlock(&map->lock);
	}
	return found;
}

static void map_reset(void *arg, const struct spots *spots, uint64_t first, uint64_t n)
{
	struct map *map = arg;
	uint64_t i;

	for (i = first; i < first + n; i++) {
		pthread_spin_lock(&map->lock);
		roaring_bitmap_remove(map->bitmap, spot(spots, i));
		pthread_spin_unlock(&map->lock);
	}
}

static void map_set_range(void *arg, uint64_t bit, uint64_t n)
{
	roaring_bitmap_add_range_closed(((struct map *)arg)->bitmap, bit, bit + n - 1);
}

static void map_reset_range(void *arg, uint64_t bit, uint64_t n)
{
	roaring_bitmap_remove_range_closed(((struct map *)arg)->bitmap, bit, bit + n - 1);
}

static uint64_t map_iterate(void *arg)
{
	roaring_uint32_iterator_t it;
	uint32_t values[VALUES], i, n;
	uint64_t sum = 0;

	roaring_init_iterator(((struct map *)arg)->bitmap, &it);
	while ((n = roaring_read_uint32_iterator(&it, values, VALUES)) > 0)
		for (i = 0; i < n; i++)
			sum += values[i];
	return sum;
}

static uint64_t map_count(void *arg)
{
	return roaring_bitmap_get_cardinality(((struct map *)arg)->bitmap);
}

static uint64_t map_count_range(void *arg, uint64_t bit, uint64_t n)
{
	return roaring_bitmap_range_cardinality(((struct map *)arg)->bitmap, bit, bit + n);
}

static int64_t map_next_dirty(void *arg, uint64_t bit)
{
	roaring_uint32_iterator_t it;

	roaring_init_iterator(((struct map *)arg)->bitmap, &it);
	if (!roaring_move_uint32_iterator_equalorlarger(&it, bit))
		return -1;
	return it.current_value;
}

/* It has none; the end of what is all set is looked for by halves. */
static int64_t map_next_zero(void *arg, uint64_t bit)
{
	const struct map *map = arg;
	uint64_t low = bit, high = map->nbits;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (roaring_bitmap_contains_range(map->bitmap, low, middle + 1))
			low = middle + 1;
		else
			high = middle;
	}
	return low < map->nbits ? low : -1;
}

static void map_merge(void *to, void *from)
{
	roaring_bitmap_or_inplace(((struct map *)to)->bitmap, ((struct map *)from)->bitmap);
}

/* It keeps no clean parts: as it is, its format is the sparse one. */
static size_t map_serialize(void *arg, void *buf)
{
	return roaring_bitmap_portable_serialize(((struct map *)arg)->bitmap, buf);
}

static void *map_deserialize(void *arg, const void *buf, size_t size)
{
	struct map *map = arg;

	roaring_bitmap_free(map->bitmap);
	map->bitmap = roaring_bitmap_portable_deserialize_safe(buf, size);
	if (!map->bitmap)
		bench_die("roaring: what it wrote cannot be read");
	return map;
}

/* A pointer moves: there is nobody else at work. */
static void *map_take(void *arg)
{
	struct map *map = arg;
	void *taken = wrap(map->bitmap, map->nbits);

	map->bitmap = roaring_bitmap_create();
	return taken;
}

const struct subject roaring = {
	.name = "roaring",
	.max_bits = 1ULL << 32,
	.create = map_create,
	.destroy = map_destroy,
	.load = map_load,
	.set = map_set,
	.set_again = map_set_again,
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
	.serialize_sparse = map_serialize,
	.deserialize = map_deserialize,
	.take = map_take,
};
