// SPDX-License-Identifier: GPL-2.0
/*
 * What hbitmap promises of several bitmaps, of sizes that change, and of what can
 * be done without memory. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "hbitmap_test.h"

/* A bitmap and what it must be: bit i of @map for its group i */
struct shadow {
	struct kunit *test;
	struct hbitmap *hb;
	u64 size;
	unsigned int granularity;
	u64 nbits;
	/* So many bits there is room for. */
	u64 room;
	u8 *map;
};

static size_t map_bytes(u64 nbits)
{
	return (nbits + 63) / 64 * 8;
}

static void shadow_init(struct shadow *s, struct kunit *test, u64 size,
			unsigned int granularity, u64 room)
{
	s->test = test;
	s->size = size;
	s->granularity = granularity;
	s->nbits = size ? ((size - 1) >> granularity) + 1 : 0;
	s->room = max(room, s->nbits);
	s->hb = bitmap_create(test, size, granularity);
	s->map = kvzalloc(map_bytes(s->room) + 8, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, s->map);
}

static void shadow_exit(struct shadow *s)
{
	hbitmap_free(s->hb);
	kvfree(s->map);
}

/* The bits @first to @last dirty or clean, in both. */
static void shadow_assign(struct shadow *s, u64 first, u64 last, bool value)
{
	u64 start = first << s->granularity;
	u64 end = min((last + 1) << s->granularity, s->size);

	KUNIT_EXPECT_EQ(s->test, value ?
			hbitmap_set(s->hb, start, end - start, GFP_KERNEL) :
			hbitmap_reset(s->hb, start, end - start, GFP_KERNEL), 0);
	map_assign(s->map, first, last, value);
}

/* Is @hb what @map says, by every way to look at it? */
static void expect_map(struct kunit *test, struct hbitmap *hb, const u8 *map)
{
	unsigned int granularity = hbitmap_granularity(hb), wrong = 0;
	u64 size = hbitmap_size(hb), weight = 0, i, item;
	u64 nbits = size ? ((size - 1) >> granularity) + 1 : 0;
	u8 *buf = kvzalloc(map_bytes(nbits) + 8, GFP_KERNEL);
	struct hbitmap *clone;

	KUNIT_ASSERT_TRUE(test, buf);
	for (i = 0; i < nbits; i++)
		weight += map_test(map, i);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), weight << granularity);
	KUNIT_EXPECT_EQ(test, hbitmap_empty(hb), !weight);
	if (!weight || weight == nbits)
		KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	item = weight << granularity;
	if (nbits && map_test(map, nbits - 1))
		item -= (nbits << granularity) - size;
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, size), item);

	if (hbitmap_is_serializable(hb)) {
		KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 0, size), 0);
		for (i = 0; i < map_bytes(nbits) * 8; i++)
			wrong += map_test(buf, i) != (i < nbits && map_test(map, i));
	} else {
		for (i = 0; i < nbits; i++)
			wrong += hbitmap_get(hb, i << granularity) != map_test(map, i);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	kvfree(buf);

	/* What a bitmap takes follows from its content alone. */
	clone = hbitmap_clone(hb, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), hbitmap_memory(clone));
	hbitmap_free(clone);
}

static void shadow_expect(struct shadow *s)
{
	KUNIT_EXPECT_EQ(s->test, hbitmap_size(s->hb), s->size);
	expect_map(s->test, s->hb, s->map);
}

/* Something of everything: uniform leaves, dense and sparse ones, whole nodes. */
static void shadow_fill(struct shadow *s, u64 *random)
{
	u64 first, last;
	unsigned int i;

	if (!s->nbits)
		return;
	if (random_below(random, 4) == 0)
		shadow_assign(s, 0, s->nbits - 1, true);
	for (i = 0; i < 12; i++) {
		first = random_below(random, s->nbits);
		switch (random_below(random, 4)) {
		case 0:
			last = first + random_below(random, s->nbits - first);
			break;
		case 1:
			first -= first % LEAF;
			last = first + LEAF * (1 + random_below(random, 3)) - 1;
			break;
		case 2:
			first -= first % NODE;
			last = first + NODE - 1;
			break;
		default:
			last = first + random_below(random, 200);
			break;
		}
		shadow_assign(s, first, min(last, s->nbits - 1), random_below(random, 2));
	}
}

static const u64 edges[] = {
	1, 63, 64, 65, LEAF - 1, LEAF, LEAF + 1, 3 * LEAF + 100, NODE - 1, NODE,
	NODE + 1, NODE + LEAF + 17,
};

/* Several bitmaps */

enum how { OR, AND, ANDNOT, XOR };

static bool how_bit(enum how how, bool a, bool b)
{
	switch (how) {
	case OR:
		return a || b;
	case AND:
		return a && b;
	case ANDNOT:
		return a && !b;
	default:
		return a != b;
	}
}

static int how_call(enum how how, const struct hbitmap *a, const struct hbitmap *b,
		    struct hbitmap *result, gfp_t gfp)
{
	switch (how) {
	case OR:
		return hbitmap_merge(a, b, result, gfp);
	case AND:
		return hbitmap_and(a, b, result, gfp);
	case ANDNOT:
		return hbitmap_andnot(a, b, result, gfp);
	default:
		return hbitmap_xor(a, b, result, gfp);
	}
}

/* @alias: which of the operands the result is: bit 0 for a, bit 1 for b */
static void combine_once(struct kunit *test, u64 nbits, unsigned int granularity,
			 enum how how, unsigned int alias, u64 *random)
{
	u64 size = (nbits << granularity) - (granularity ? 1 : 0), i;
	struct shadow a, b, other, *pb = &b, *result = &other;

	shadow_init(&a, test, size, granularity, 0);
	shadow_init(&b, test, size, granularity, 0);
	shadow_init(&other, test, size, granularity, 0);
	shadow_fill(&a, random);
	shadow_fill(&b, random);
	shadow_fill(&other, random);
	if (alias == 3)
		pb = &a;
	if (alias)
		result = alias & 1 ? &a : &b;

	KUNIT_EXPECT_EQ(test, how_call(how, a.hb, pb->hb, result->hb, GFP_KERNEL), 0);
	for (i = 0; i < nbits; i++)
		map_assign(result->map, i, i,
			   how_bit(how, map_test(a.map, i), map_test(pb->map, i)));
	shadow_expect(&a);
	shadow_expect(&b);
	shadow_expect(&other);
	shadow_exit(&a);
	shadow_exit(&b);
	shadow_exit(&other);
}

static void combinations_agree_with_a_model(struct kunit *test)
{
	/* Nothing runs at the same time. */
	unsigned int i, how, alias, granularity, skip = IS_ENABLED(CONFIG_KCSAN) ? 4 : 1;
	u64 random = 4711;

	for (i = 0; i < ARRAY_SIZE(edges); i += skip)
		for (how = OR; how <= XOR; how++)
			for (alias = 0; alias < 4; alias++) {
				granularity = random_below(&random, 2) ? 12 : 0;
				combine_once(test, edges[i], granularity, how, alias,
					     &random);
			}
	for (how = OR; how <= XOR; how++)
		combine_once(test, 1, 63, how, 0, &random);
}

/* What an item's group in another granularity is, if any item of it is dirty. */
static void map_regroup(u8 *to, unsigned int to_granularity, const struct shadow *from)
{
	u64 i, first, last, end;

	for (i = 0; i < from->nbits; i++) {
		if (!map_test(from->map, i))
			continue;
		end = min((i + 1) << from->granularity, from->size);
		first = i << from->granularity >> to_granularity;
		last = (end - 1) >> to_granularity;
		map_assign(to, first, last, true);
	}
}

static void merge_maps_between_granularities_in_both_directions(struct kunit *test)
{
	static const unsigned int g[][3] = {
		{ 0, 0, 5 }, { 5, 5, 0 }, { 0, 5, 0 }, { 0, 5, 5 }, { 5, 0, 3 },
		{ 3, 0, 3 }, { 2, 7, 4 }, { 0, 16, 7 }, { 16, 0, 20 }, { 4, 4, 4 },
	};
	u64 random = 99, size;
	unsigned int i, alias;

	for (i = 0; i < 3 * ARRAY_SIZE(g); i++) {
		const unsigned int *gran = g[i % ARRAY_SIZE(g)];
		struct shadow a, b, other, *result = &other;

		size = 1 + random_below(&random, 3 * LEAF);
		shadow_init(&a, test, size, gran[0], 0);
		shadow_init(&b, test, size, gran[1], 0);
		shadow_init(&other, test, size, gran[2], 0);
		shadow_fill(&a, &random);
		shadow_fill(&b, &random);
		shadow_fill(&other, &random);
		alias = i / ARRAY_SIZE(g);
		if (alias)
			result = alias == 1 ? &a : &b;
		KUNIT_EXPECT_EQ(test, hbitmap_merge(a.hb, b.hb, result->hb, GFP_KERNEL), 0);
		if (!alias)
			memset(other.map, 0, map_bytes(other.nbits));
		if (alias != 1)
			map_regroup(result->map, result->granularity, &a);
		if (alias != 2)
			map_regroup(result->map, result->granularity, &b);
		shadow_expect(&a);
		shadow_expect(&b);
		shadow_expect(&other);
		shadow_exit(&a);
		shadow_exit(&b);
		shadow_exit(&other);
	}
}

/* QEMU's merge overflows the heap when the result alone is coarser. */
static void merge_into_a_coarser_result_stays_within_it(struct kunit *test)
{
	struct hbitmap *a = bitmap_create(test, 1 << 16, 0);
	struct hbitmap *b = bitmap_create(test, 1 << 16, 0);
	struct hbitmap *result = bitmap_create(test, 1 << 16, 10);

	hbitmap_set(a, (1 << 16) - 1, 1, GFP_KERNEL);
	hbitmap_set(b, 1025, 1, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hbitmap_merge(a, b, result, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(result), 2048ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_get(result, (1 << 16) - 1024));
	KUNIT_EXPECT_TRUE(test, hbitmap_get(result, 1024));
	hbitmap_free(a);
	hbitmap_free(b);
	hbitmap_free(result);
}

static void combinations_of_what_does_not_fit_are_refused(struct kunit *test)
{
	static const u64 sizes[][3] = {
		{ 1000, 1000, 1001 }, { 1000, 1001, 1000 }, { 1001, 1000, 1000 },
		{ 0, 1000, 1000 }, { 1000, 1000, 0 },
	};
	unsigned int i, j, how;

	for (i = 0; i < ARRAY_SIZE(sizes) + 3; i++) {
		struct hbitmap *hb[3];

		for (j = 0; j < 3; j++) {
			bool size = i < ARRAY_SIZE(sizes);

			hb[j] = bitmap_create(test, size ? sizes[i][j] : 1000,
					      !size && i - ARRAY_SIZE(sizes) == j ? 3 : 0);
			hbitmap_set(hb[j], 0, (u32)hbitmap_size(hb[j]) / (j + 2), GFP_KERNEL);
		}
		for (how = OR; how <= XOR; how++) {
			/* Different granularities are for merge alone. */
			if (i >= ARRAY_SIZE(sizes) && how == OR)
				continue;
			KUNIT_EXPECT_EQ(test, how_call(how, hb[0], hb[1], hb[2], GFP_KERNEL),
					-EINVAL);
		}
		for (j = 0; j < 3; j++) {
			u64 dirty = (u32)hbitmap_size(hb[j]) / (j + 2);

			KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb[j], 0, dirty), dirty);
			KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb[j],
								 round_up(dirty, 8), 1000),
					-1LL);
			hbitmap_free(hb[j]);
		}
	}
}

static void combinations_of_nothing_are_nothing(struct kunit *test)
{
	struct hbitmap *a = bitmap_create(test, 0, 0);
	struct hbitmap *b = bitmap_create(test, 0, 0);
	struct hbitmap *result = bitmap_create(test, 0, 0), *clone, *taken;
	unsigned int how;

	for (how = OR; how <= XOR; how++) {
		KUNIT_EXPECT_EQ(test, how_call(how, a, b, result, GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, how_call(how, a, b, a, GFP_KERNEL), 0);
	}
	clone = hbitmap_clone(a, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hbitmap_size(clone), 0ULL);
	taken = hbitmap_take(a, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(taken));
	hbitmap_free(clone);
	hbitmap_free(taken);
	hbitmap_free(a);
	hbitmap_free(b);
	hbitmap_free(result);
}

static void combinations_far_out_cost_what_is_touched(struct kunit *test)
{
	u64 size = HBITMAP_MAX_BITS;
	struct hbitmap *a = bitmap_create(test, size, 0);
	struct hbitmap *b = bitmap_create(test, size, 0);
	struct hbitmap *result = bitmap_create(test, size, 0);

	hbitmap_set(a, size / 2, size / 2 - 5, GFP_KERNEL);
	hbitmap_set(b, 7, size - 7 - 3, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hbitmap_xor(a, b, result, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(result), size / 2 - 7 + 2);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(result, size / 2, size), (s64)size - 5);
	KUNIT_EXPECT_EQ(test, hbitmap_xor(a, b, b, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(b), size / 2 - 7 + 2);
	KUNIT_EXPECT_EQ(test, hbitmap_merge(a, b, a, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(a), size - 10);
	KUNIT_EXPECT_LT(test, hbitmap_memory(a), 16384ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_andnot(a, a, a, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(a), 0ULL);
	hbitmap_free(a);
	hbitmap_free(b);
	hbitmap_free(result);
}

static void a_clone_is_equal_and_independent(struct kunit *test)
{
	u64 random = 5;
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(edges); i++) {
		struct hbitmap *clone;
		struct shadow s;

		shadow_init(&s, test, edges[i / 2] << 4, 4, 0);
		shadow_fill(&s, &random);
		clone = hbitmap_clone(s.hb, GFP_KERNEL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
		KUNIT_EXPECT_EQ(test, hbitmap_size(clone), s.size);
		KUNIT_EXPECT_EQ(test, hbitmap_granularity(clone), 4U);
		KUNIT_EXPECT_EQ(test, hbitmap_memory(clone), hbitmap_memory(s.hb));
		expect_map(test, clone, s.map);
		hbitmap_reset_all(s.hb);
		expect_map(test, clone, s.map);
		hbitmap_free(clone);
		shadow_exit(&s);
	}
}

static void take_moves_all_and_merge_puts_it_back(struct kunit *test)
{
	u64 random = 6;
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(edges); i++) {
		struct hbitmap *taken;
		struct shadow s;
		u64 memory;

		shadow_init(&s, test, (edges[i / 2] << 3) - 2, 3, 0);
		shadow_fill(&s, &random);
		memory = hbitmap_memory(s.hb);
		taken = hbitmap_take(s.hb, GFP_KERNEL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(taken));
		KUNIT_EXPECT_TRUE(test, hbitmap_empty(s.hb));
		KUNIT_EXPECT_EQ(test, hbitmap_count(s.hb), 0ULL);
		KUNIT_EXPECT_EQ(test, hbitmap_memory(s.hb), 0ULL);
		KUNIT_EXPECT_EQ(test, hbitmap_size(taken), s.size);
		KUNIT_EXPECT_EQ(test, hbitmap_memory(taken), memory);
		expect_map(test, taken, s.map);

		KUNIT_EXPECT_EQ(test, hbitmap_merge(s.hb, taken, s.hb, GFP_KERNEL), 0);
		hbitmap_free(taken);
		shadow_expect(&s);
		shadow_exit(&s);
	}
}

/* Sizes that change */

static void truncate_to(struct shadow *s, u64 size)
{
	u64 nbits = size ? ((size - 1) >> s->granularity) + 1 : 0;

	KUNIT_EXPECT_EQ(s->test, hbitmap_truncate(s->hb, size, GFP_KERNEL), 0);
	if (nbits < s->room)
		map_assign(s->map, nbits, s->room - 1, false);
	s->size = size;
	s->nbits = nbits;
	shadow_expect(s);
}

static void truncation_agrees_with_a_model(struct kunit *test)
{
	static const unsigned int granularities[] = { 0, 4, 12 };
	u64 room = NODE + LEAF + 100, random = 3;
	unsigned int i, step;

	for (i = 0; i < ARRAY_SIZE(granularities); i++) {
		unsigned int g = granularities[i];
		struct shadow s;

		shadow_init(&s, test, 1000, g, room);
		for (step = 0; step < (IS_ENABLED(CONFIG_KCSAN) ? 15 : 60); step++) {
			u64 nbits = random_below(&random, room), size;

			if (random_below(&random, 2))
				nbits = edges[random_below(&random, ARRAY_SIZE(edges))];
			size = nbits << g;
			if (g && size)
				size -= random_below(&random, 1 << g);
			if (random_below(&random, 20) == 0)
				size = 0;
			shadow_fill(&s, &random);
			/* So that sums are remembered. */
			hbitmap_count_range(s.hb, 0, s.size);
			truncate_to(&s, size);
		}
		shadow_exit(&s);
	}
}

static void truncation_keeps_the_group_that_it_cuts(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1024, 6);

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 100, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 130, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, 65, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, 64));
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 65));
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 64ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, 65), 1ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, 1024, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, 1024), 64ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 1024), 64LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 64, 1024), 128LL);
	hbitmap_free(hb);
}

static void truncation_reaches_the_largest_sizes(struct kunit *test)
{
	u64 most = HBITMAP_MAX_BITS;
	struct hbitmap *hb = bitmap_create(test, 5, 0);
	struct hbitmap_iter iter;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 5, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, most, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 5ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, most), 5LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 5, most), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, most - 2, 2, GFP_KERNEL), 0);
	hbitmap_iter_init(&iter, hb, 5);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), (s64)most - 2);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, most - 1, GFP_KERNEL), 0);
	/* The walk stays valid, and ends where the bitmap does. */
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 6ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, most - 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, most, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), most - 1);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, most), (s64)most - 1);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, 3, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 3ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	hbitmap_free(hb);
}

static void truncation_to_what_cannot_be_is_refused(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1000, 2);

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 10, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, (HBITMAP_MAX_BITS << 2) + 1, GFP_KERNEL),
			-EFBIG);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, (u64)S64_MAX + 1, GFP_KERNEL), -EFBIG);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, U64_MAX, GFP_KERNEL), -EFBIG);
	KUNIT_EXPECT_EQ(test, hbitmap_size(hb), 1000ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 12ULL);
	hbitmap_free(hb);
	hb = bitmap_create(test, 1000, 63);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, (u64)S64_MAX + 1, GFP_KERNEL), -EFBIG);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, S64_MAX, GFP_KERNEL), 0);
	hbitmap_free(hb);
}

/* What QEMU's deserialize_ones left behind the end came up here. */
static void bits_behind_the_end_do_not_come_up_when_the_bitmap_grows(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 100, 0);

	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_ones(hb, 0, 100, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(hb, 128, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 100ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, 128), 100LL);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 64, 64, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 64ULL);
	hbitmap_free(hb);
}

/* Mark, test-and-set, status, sums, walks */

static void mark_is_exact_while_there_is_memory(struct kunit *test)
{
	struct shadow s;

	shadow_init(&s, test, NODE + 1000, 0, 0);
	KUNIT_EXPECT_TRUE(test, hbitmap_mark(s.hb, 5, 1));
	KUNIT_EXPECT_TRUE(test, hbitmap_mark(s.hb, LEAF - 1, LEAF + 2));
	KUNIT_EXPECT_TRUE(test, hbitmap_mark(s.hb, NODE + 990, U64_MAX));
	KUNIT_EXPECT_TRUE(test, hbitmap_mark(s.hb, NODE + 1000, 1));
	KUNIT_EXPECT_TRUE(test, hbitmap_mark(s.hb, U64_MAX, U64_MAX));
	KUNIT_EXPECT_TRUE(test, hbitmap_mark(s.hb, 77, 0));
	map_assign(s.map, 5, 5, true);
	map_assign(s.map, LEAF - 1, 2 * LEAF, true);
	map_assign(s.map, NODE + 990, NODE + 999, true);
	shadow_expect(&s);
	shadow_exit(&s);
}

/* No item is lost, whichever allocation fails, and no more regions than need be. */
static bool mark_without_memory(struct kunit *test, unsigned int nth, u64 size, u64 start,
				u64 count)
{
	struct hbitmap *hb = bitmap_create(test, size, 0);
	bool exact, fired;

	hbitmap_set(hb, start ? 0 : size - 1, 1, GFP_KERNEL);
	fail_nth(nth);
	exact = hbitmap_mark(hb, start, count);
	fired = !fail_is_armed();
	fail_nth(0);

	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, start, count), count);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, size), hbitmap_count(hb));
	if (exact)
		KUNIT_EXPECT_EQ(test, hbitmap_count(hb), count + 1);
	else
		KUNIT_EXPECT_GT(test, hbitmap_count(hb), count + 1);
	if (exact == fired && !IS_ENABLED(CONFIG_DEBUG_KERNEL))
		KUNIT_FAIL(test, "mark said %d, a failure fired: %d", exact, fired);
	/* There is a node, so only the leaf's region is rounded to. */
	if (!exact && size == 2 * LEAF)
		KUNIT_EXPECT_EQ(test, hbitmap_count(hb), LEAF + 1);
	if (size < NODE)
		expect_consistent(test, hb);
	hbitmap_free(hb);
	return fired;
}

static void mark_without_memory_rounds_outward_and_loses_nothing(struct kunit *test)
{
	static const u64 ranges[][3] = {
		{ 2 * LEAF, LEAF + 7, 1 }, { 2 * LEAF, LEAF + 7, 100 },
		{ 3 * NODE, NODE + LEAF + 3, 1 }, { 3 * NODE, NODE - 3, LEAF },
		{ 3 * NODE, 5 * LEAF - 1, NODE + 17 }, { LEAF + 100, LEAF + 7, 3 },
		{ 3 * NODE + 5, 3 * NODE + 1, 2 },
	};
	unsigned int i, nth, points = 0;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "no fault injection in this kernel");
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		for (nth = 1; mark_without_memory(test, nth, ranges[i][0], ranges[i][1],
						  ranges[i][2]); nth++)
			points++;
	KUNIT_EXPECT_GE(test, points, (unsigned int)ARRAY_SIZE(ranges));
}

#define BATCH	150

/* Ranges of every length, some of them in each other and some of them empty. */
static void fill_batch(struct hbitmap_range *ranges, u64 size, u64 *state)
{
	static const u64 lengths[] = { 1, 1, 1, 5, 64, 200, LEAF, 2 * LEAF + 9, 0 };
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		ranges[i].start = random_below(state, size);
		ranges[i].count = lengths[random_below(state, ARRAY_SIZE(lengths))];
		ranges[i].count = min(ranges[i].count, size - ranges[i].start);
	}
}

static void a_batch_sets_what_single_calls_set(struct kunit *test)
{
	struct hbitmap_range *ranges = kunit_kcalloc(test, BATCH, sizeof(*ranges),
						     GFP_KERNEL);
	unsigned int i, round, done;
	u64 state = 20, size = 40 * LEAF - 3;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (round = 0; round < 20; round++) {
		unsigned int granularity = round % 4;
		struct hbitmap *batch = bitmap_create(test, size, granularity);
		struct hbitmap *single = bitmap_create(test, size, granularity);

		fill_batch(ranges, size, &state);
		for (i = 0; i < BATCH; i++)
			KUNIT_EXPECT_EQ(test, hbitmap_set(single, ranges[i].start,
							  ranges[i].count, GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, hbitmap_set_batch(batch, ranges, BATCH, GFP_KERNEL,
							&done), 0);
		KUNIT_EXPECT_EQ(test, done, (unsigned int)BATCH);
		KUNIT_EXPECT_EQ(test, hbitmap_count(batch), hbitmap_count(single));
		KUNIT_EXPECT_EQ(test, hbitmap_memory(batch), hbitmap_memory(single));
		KUNIT_EXPECT_EQ(test, hbitmap_xor(batch, single, single, GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test, hbitmap_empty(single));
		if (!granularity)
			expect_consistent(test, batch);
		hbitmap_free(batch);
		hbitmap_free(single);
	}
}

/* The last bits of a region come by a batch: its leaf goes. */
static void a_batch_takes_out_what_it_fills(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 2 * LEAF, 0);
	struct hbitmap_range ranges[] = { { 7, 1 }, { LEAF - 1, 1 }, { LEAF + 1, 1 } };
	unsigned int done;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 7, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 8, LEAF - 9, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set_batch(hb, ranges, 2, GFP_KERNEL, &done), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), LEAF);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), LEAF / 8);
	KUNIT_EXPECT_EQ(test, hbitmap_set_batch(hb, ranges, 3, GFP_KERNEL, &done), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), LEAF + 1);
	expect_consistent(test, hb);
	hbitmap_free(hb);
}

static void a_batch_ends_at_what_is_refused(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 3 * LEAF, 0);
	struct hbitmap_range ranges[40] = {};
	unsigned int i, bad, done;

	for (bad = 0; bad < ARRAY_SIZE(ranges); bad++) {
		for (i = 0; i < ARRAY_SIZE(ranges); i++)
			ranges[i] = (struct hbitmap_range){ i * 100, 2 };
		ranges[bad].start = 3 * LEAF - 1;
		KUNIT_EXPECT_EQ(test, hbitmap_set_batch(hb, ranges, ARRAY_SIZE(ranges),
							GFP_KERNEL, &done), -EINVAL);
		KUNIT_EXPECT_EQ(test, done, bad);
		KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 2ULL * bad);
		hbitmap_reset_all(hb);
	}
	KUNIT_EXPECT_EQ(test, hbitmap_set_batch(hb, ranges, 0, GFP_KERNEL, &done), 0);
	KUNIT_EXPECT_EQ(test, done, 0U);
	hbitmap_free(hb);
}

static void a_batch_without_memory_tells_how_far_it_came(struct kunit *test)
{
	struct hbitmap_range ranges[] = {
		{ 5, 1 }, { LEAF + 5, 1 }, { 3 * LEAF, 2 * LEAF + 1 }, { 9 * LEAF, 1 },
	};
	unsigned int nth, done;
	bool fired = true;
	int err;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "no fault injection in this kernel");
	for (nth = 1; fired; nth++) {
		struct hbitmap *hb = bitmap_create(test, 70 * LEAF, 0);
		static const u64 counts[] = { 0, 1, 2, 2 * LEAF + 3, 2 * LEAF + 4 };

		fail_nth(nth);
		err = hbitmap_set_batch(hb, ranges, ARRAY_SIZE(ranges),
					GFP_NOWAIT | __GFP_NOWARN, &done);
		fired = !fail_is_armed();
		fail_nth(0);
		if (!fired || err || !IS_ENABLED(CONFIG_DEBUG_KERNEL))
			KUNIT_EXPECT_EQ(test, err, fired ? -ENOMEM : 0);
		KUNIT_EXPECT_EQ(test, done < ARRAY_SIZE(ranges), err != 0);
		KUNIT_EXPECT_EQ(test, hbitmap_count(hb), counts[done]);
		expect_consistent(test, hb);
		hbitmap_free(hb);
	}
	KUNIT_EXPECT_GE(test, nth, 5U);
}

static void test_and_set_tells_what_was(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, NODE, 3);
	unsigned int i;
	u64 item;

	for (i = 0; i < 20; i++) {
		item = i * 1000 + 7;
		KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, item, GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, item));
		KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, item ^ 1, GFP_KERNEL), 1);
	}
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 160ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, NODE, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, U64_MAX, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 160ULL);
	hbitmap_free(hb);

	/* The last of a leaf takes the leaf out, the only one of a bitmap has none. */
	hb = bitmap_create(test, LEAF, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, LEAF - 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, LEAF - 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, LEAF - 1, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), (u64)LEAF);
	hbitmap_free(hb);
	hb = bitmap_create(test, 1, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_test_and_set(hb, 0, GFP_KERNEL), 1);
	hbitmap_free(hb);
}

static void status_agrees_with_a_model(struct kunit *test)
{
	unsigned int i, step;
	u64 random = 8;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		unsigned int g = i % 3 * 4;
		struct shadow s;

		shadow_init(&s, test, (edges[i] << g) - i % 3, g, 0);
		shadow_fill(&s, &random);
		for (step = 0; step < 30; step++) {
			u64 start = random_below(&random, s.size);
			u64 count = 1 + random_below(&random, s.size - start);
			u64 bit = start >> g, end = start + count, same = 0;
			bool dirty = map_test(s.map, bit);

			while (bit << g < end && map_test(s.map, bit) == dirty)
				bit++;
			KUNIT_EXPECT_EQ(test, hbitmap_status(s.hb, start, count, &same),
					(int)dirty);
			KUNIT_EXPECT_EQ(test, same, min(bit << g, end) - start);
		}
		shadow_exit(&s);
	}
}

static void status_of_what_is_not_there_is_refused(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1000, 0);
	u64 same = 5;

	KUNIT_EXPECT_EQ(test, hbitmap_status(hb, 0, 0, &same), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_status(hb, 1000, 1, &same), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_status(hb, 999, 2, &same), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_status(hb, 0, 1001, &same), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_status(hb, 2, U64_MAX, &same), -EINVAL);
	KUNIT_EXPECT_EQ(test, same, 5ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_status(hb, 999, 1, &same), 0);
	KUNIT_EXPECT_EQ(test, same, 1ULL);
	hbitmap_free(hb);
}

/* Sums are remembered: each way to change a bit must make them forgotten. */
static void counts_of_ranges_follow_every_change(struct kunit *test)
{
	unsigned int step, steps = IS_ENABLED(CONFIG_KCSAN) ? 50 : 400;
	u64 random = 21, first, last, start, end;
	struct shadow s;

	shadow_init(&s, test, 2 * NODE + 3 * LEAF + 5, 0, 0);
	shadow_fill(&s, &random);
	for (step = 0; step < steps; step++) {
		first = random_below(&random, s.nbits);
		last = min(first + random_below(&random, step % 4 ? 3 : NODE), s.nbits - 1);
		switch (random_below(&random, 4)) {
		case 0:
			hbitmap_mark(s.hb, first, last + 1 - first);
			map_assign(s.map, first, last, true);
			break;
		case 1:
			hbitmap_test_and_set(s.hb, first, GFP_KERNEL);
			map_assign(s.map, first, first, true);
			break;
		default:
			shadow_assign(&s, first, last, random_below(&random, 2));
			break;
		}
		start = random_below(&random, s.nbits);
		end = start + random_below(&random, s.nbits - start + 1);
		KUNIT_EXPECT_EQ(test, hbitmap_count_range(s.hb, start, end - start),
				map_weight(s.map, start, end));
		KUNIT_EXPECT_EQ(test, hbitmap_count_range(s.hb, 0, s.size),
				hbitmap_count(s.hb));
	}
	shadow_expect(&s);
	shadow_exit(&s);
}

static void a_walk_by_words_is_a_walk_by_groups(struct kunit *test)
{
	struct hbitmap_word words[19];
	unsigned int i, j, n;
	u64 random = 31;

	for (i = 0; i < 2 * ARRAY_SIZE(edges); i++) {
		struct hbitmap_iter one, many;
		struct shadow s;

		shadow_init(&s, test, (edges[i / 2] << 2) - 1, 2, 0);
		shadow_fill(&s, &random);
		hbitmap_iter_init(&one, s.hb, i % 2 ? random_below(&random, s.size) : 0);
		many = one;
		do {
			n = 1 + random_below(&random, ARRAY_SIZE(words));
			n = hbitmap_iter_words(&many, words, n);
			for (j = 0; j < n; j++) {
				unsigned long bits = words[j].bits;

				KUNIT_EXPECT_NE(test, bits, 0UL);
				for (; bits; bits &= bits - 1)
					KUNIT_ASSERT_EQ(test, hbitmap_iter_next(&one),
							(s64)(words[j].item + (__ffs(bits) << 2)));
			}
		} while (n);
		KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&one), -1LL);
		KUNIT_EXPECT_EQ(test, hbitmap_iter_words(&many, words, 1), 0U);
		/* The last item's group, and no bit behind it. */
		hbitmap_set(s.hb, s.size - 1, 1, GFP_KERNEL);
		hbitmap_iter_init(&many, s.hb, s.size - 1);
		KUNIT_EXPECT_EQ(test, hbitmap_iter_words(&many, words, 2), 1U);
		KUNIT_EXPECT_EQ(test, hweight_long(words[0].bits), 1UL);
		hbitmap_iter_init(&many, s.hb, s.size);
		KUNIT_EXPECT_EQ(test, hbitmap_iter_words(&many, words, 2), 0U);
		shadow_exit(&s);
	}
}

/* The digest */

/* What a program of another language made of the description in hbitmap.rst. */
static const u8 known_digests[][HBITMAP_DIGEST_SIZE] = {
	{
		0x17, 0xb0, 0x76, 0x1f, 0x87, 0xb0, 0x81, 0xd5,
		0xcf, 0x10, 0x75, 0x7c, 0xcc, 0x89, 0xf1, 0x2b,
		0xe3, 0x55, 0xc7, 0x0e, 0x2e, 0x29, 0xdf, 0x28,
		0x8b, 0x65, 0xb3, 0x07, 0x10, 0xdc, 0xbc, 0xd1,
	},
	{
		0x41, 0xf0, 0x66, 0x5f, 0x07, 0x09, 0xc4, 0x5c,
		0xc3, 0xf6, 0xbf, 0x69, 0x63, 0xc1, 0x45, 0x39,
		0xad, 0xe0, 0x75, 0xf3, 0xf8, 0x35, 0x60, 0x2b,
		0xc7, 0x91, 0x74, 0x32, 0x63, 0x18, 0x38, 0x3a,
	},
	{
		0x91, 0xb4, 0x7a, 0x68, 0x86, 0xd0, 0xab, 0xba,
		0x2c, 0x02, 0x9b, 0x1f, 0xb0, 0xd5, 0x51, 0x1f,
		0xcc, 0x15, 0x06, 0x4c, 0x15, 0xcd, 0x96, 0xba,
		0x8a, 0x82, 0xdd, 0x3b, 0x4c, 0x30, 0xd6, 0xff,
	},
};

static void expect_digest(struct kunit *test, struct hbitmap *hb, const u8 *known)
{
	u8 digest[HBITMAP_DIGEST_SIZE];

	KUNIT_EXPECT_EQ(test, hbitmap_digest(hb, digest, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, memcmp(digest, known, sizeof(digest)), 0);
}

static void need_digest(struct kunit *test)
{
	if (!IS_REACHABLE(CONFIG_CRYPTO_LIB_SHA256))
		kunit_skip(test, "no SHA-256 in this kernel");
}

static void digests_are_those_of_the_format(struct kunit *test)
{
	struct hbitmap *hb;

	need_digest(test);
	hb = bitmap_create(test, 0, 0);
	expect_digest(test, hb, known_digests[0]);
	hbitmap_free(hb);

	hb = bitmap_create(test, 100, 0);
	hbitmap_set(hb, 1, 1, GFP_KERNEL);
	hbitmap_set(hb, 99, 1, GFP_KERNEL);
	expect_digest(test, hb, known_digests[1]);
	hbitmap_free(hb);

	hb = bitmap_create(test, ((5 * LEAF + 100) << 4) - 3, 4);
	hbitmap_set(hb, LEAF << 4, 2 * LEAF << 4, GFP_KERNEL);
	hbitmap_set(hb, (4 * LEAF + 7) << 4, 1, GFP_KERNEL);
	hbitmap_set(hb, 5 * LEAF << 4, (100 << 4) - 3, GFP_KERNEL);
	expect_digest(test, hb, known_digests[2]);
	hbitmap_free(hb);
}

static void digests_differ_as_bitmaps_do(struct kunit *test)
{
	static const u64 sizes[] = { 1000, 5 * LEAF, 5 * LEAF + 1, NODE + LEAF };
	u8 one[HBITMAP_DIGEST_SIZE], other[HBITMAP_DIGEST_SIZE];
	unsigned int i, step;
	u64 random = 77, bit;

	need_digest(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct hbitmap *hb = bitmap_create(test, sizes[i], 0), *copy;

		hbitmap_set(hb, sizes[i] / 2, (u32)sizes[i] / 3, GFP_KERNEL);
		copy = bitmap_create(test, sizes[i], 0);
		/* Bit by bit, and a leaf that came and went. */
		for (bit = 0; bit < (u32)sizes[i] / 3; bit++)
			hbitmap_set(copy, sizes[i] / 2 + bit, 1, GFP_KERNEL);
		hbitmap_set(copy, 5, 1, GFP_KERNEL);
		hbitmap_reset(copy, 5, 1, GFP_KERNEL);
		hbitmap_digest(hb, one, GFP_KERNEL);
		expect_digest(test, copy, one);
		for (step = 0; step < 20; step++) {
			bit = random_below(&random, sizes[i]);
			if (hbitmap_get(copy, bit))
				hbitmap_reset(copy, bit, 1, GFP_KERNEL);
			else
				hbitmap_set(copy, bit, 1, GFP_KERNEL);
			hbitmap_digest(copy, other, GFP_KERNEL);
			KUNIT_EXPECT_NE(test, memcmp(one, other, sizeof(one)), 0);
			memcpy(one, other, sizeof(one));
		}
		hbitmap_truncate(copy, sizes[i] + 1, GFP_KERNEL);
		hbitmap_digest(copy, other, GFP_KERNEL);
		KUNIT_EXPECT_NE(test, memcmp(one, other, sizeof(one)), 0);
		hbitmap_free(copy);
		copy = bitmap_create(test, sizes[i], 63);
		hbitmap_digest(copy, other, GFP_KERNEL);
		KUNIT_EXPECT_NE(test, memcmp(one, other, sizeof(one)), 0);
		hbitmap_free(copy);
		hbitmap_free(hb);
	}
}

static void a_digest_costs_what_is_touched(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, HBITMAP_MAX_BITS, 0);
	u8 one[HBITMAP_DIGEST_SIZE], other[HBITMAP_DIGEST_SIZE];

	need_digest(test);
	hbitmap_set(hb, HBITMAP_MAX_BITS - 7, 1, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hbitmap_digest(hb, one, GFP_KERNEL), 0);
	hbitmap_set(hb, 7, HBITMAP_MAX_BITS - 14, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hbitmap_digest(hb, other, GFP_KERNEL), 0);
	KUNIT_EXPECT_NE(test, memcmp(one, other, sizeof(one)), 0);
	hbitmap_free(hb);
}

/* Memory runs out at each point where it can */

#define FAIL_SIZE	(NODE * 64 + 5 * LEAF + 3)

/* What may fail: all of them change @hb, or make a bitmap of it. */
enum action {
	MERGE, MERGE_ELSEWHERE, MERGE_COARSE, MERGE_FINE, INTERSECT, SUBTRACT, SUBTRACT_FROM,
	DIFFER, DIFFER_ELSEWHERE, GROW, GROW_LEVEL, SHRINK, SHRINK_LEVEL, TAKE, CLONE,
	TEST_AND_SET, DIGEST, ACTIONS,
};

static int act_on_result(struct hbitmap *made)
{
	if (IS_ERR(made))
		return PTR_ERR(made);
	hbitmap_free(made);
	return 0;
}

/* @coarse and @fine are like @other, in groups of another size. */
static int act(enum action action, struct hbitmap *hb, struct hbitmap *other,
	       struct hbitmap *coarse, struct hbitmap *fine, gfp_t gfp)
{
	u8 digest[HBITMAP_DIGEST_SIZE];
	int ret;

	switch (action) {
	case MERGE:
		return hbitmap_merge(hb, other, hb, gfp);
	case MERGE_ELSEWHERE:
		return hbitmap_merge(other, other, hb, gfp);
	case MERGE_COARSE:
		return hbitmap_merge(hb, coarse, hb, gfp);
	case MERGE_FINE:
		return hbitmap_merge(fine, fine, hb, gfp);
	case INTERSECT:
		return hbitmap_and(hb, other, hb, gfp);
	case SUBTRACT:
		return hbitmap_andnot(hb, other, hb, gfp);
	case SUBTRACT_FROM:
		return hbitmap_andnot(other, hb, hb, gfp);
	case DIFFER:
		return hbitmap_xor(other, hb, hb, gfp);
	case DIFFER_ELSEWHERE:
		return hbitmap_xor(other, other, hb, gfp);
	case GROW:
		return hbitmap_truncate(hb, hbitmap_size(hb) + LEAF, gfp);
	case GROW_LEVEL:
		return hbitmap_truncate(hb, hbitmap_size(hb) * 100, gfp);
	case SHRINK:
		return hbitmap_truncate(hb, hbitmap_size(hb) - (3 * LEAF << 3), gfp);
	case SHRINK_LEVEL:
		return hbitmap_truncate(hb, LEAF << 4 | 5, gfp);
	case TAKE:
		return act_on_result(hbitmap_take(hb, gfp));
	case CLONE:
		return act_on_result(hbitmap_clone(hb, gfp));
	case TEST_AND_SET:
		ret = hbitmap_test_and_set(hb, (NODE * 40) << 3, gfp);
		return min(ret, 0);
	default:
		return hbitmap_digest(hb, digest, gfp);
	}
}

/* Leaves that stay, vanish, come, in one node and in several. */
static void fail_fill(struct hbitmap *hb, bool other)
{
	u64 i, size = hbitmap_size(hb);

	hbitmap_set(hb, 5 << 3, 100 << 3, GFP_KERNEL);
	hbitmap_set(hb, NODE << 3, (2 * NODE + LEAF / 2) << 3, GFP_KERNEL);
	hbitmap_set(hb, size - (7 << 3), 7 << 3, GFP_KERNEL);
	for (i = 0; i < 4; i++)
		hbitmap_set(hb, ((4 + i + other) * NODE + 77) << 3, 3 << 3, GFP_KERNEL);
	if (other)
		hbitmap_set(hb, NODE * 20 << 3, size / 4, GFP_KERNEL);
}

struct fail_set {
	struct hbitmap *hb;
	struct hbitmap *before;
	struct hbitmap *other;
	struct hbitmap *coarse;
	struct hbitmap *fine;
};

static void fail_set_init(struct fail_set *f, struct kunit *test)
{
	f->hb = bitmap_create(test, FAIL_SIZE << 3, 3);
	f->other = bitmap_create(test, FAIL_SIZE << 3, 3);
	f->coarse = bitmap_create(test, FAIL_SIZE << 3, 6);
	f->fine = bitmap_create(test, FAIL_SIZE << 3, 1);
	fail_fill(f->hb, false);
	fail_fill(f->other, true);
	fail_fill(f->coarse, true);
	fail_fill(f->fine, true);
	f->before = hbitmap_clone(f->hb, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->before));
}

static void fail_set_exit(struct fail_set *f)
{
	hbitmap_free(f->hb);
	hbitmap_free(f->before);
	hbitmap_free(f->other);
	hbitmap_free(f->coarse);
	hbitmap_free(f->fine);
}

/* Returns whether the allocation that was to fail was asked for. */
static bool act_and_fail(struct kunit *test, enum action action, unsigned int nth)
{
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	struct fail_set f;
	u64 count, memory;
	bool fired;
	int err;

	fail_set_init(&f, test);
	count = hbitmap_count(f.hb);
	memory = hbitmap_memory(f.hb);

	fail_nth(nth);
	err = act(action, f.hb, f.other, f.coarse, f.fine, gfp);
	fired = !fail_is_armed();
	fail_nth(0);

	/* In a kernel a debugging facility may have asked, and do without. */
	if (!fired || err || !IS_ENABLED(CONFIG_DEBUG_KERNEL))
		KUNIT_EXPECT_EQ(test, err, fired ? -ENOMEM : 0);
	if (err) {
		KUNIT_EXPECT_EQ(test, hbitmap_size(f.hb), FAIL_SIZE << 3);
		KUNIT_EXPECT_EQ(test, hbitmap_count(f.hb), count);
		KUNIT_EXPECT_EQ(test, hbitmap_memory(f.hb), memory);
		KUNIT_EXPECT_EQ(test, hbitmap_xor(f.hb, f.before, f.before, GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test, hbitmap_empty(f.before));
	}
	fail_set_exit(&f);
	return fired;
}

static void out_of_memory_changes_nothing_in_any_operation(struct kunit *test)
{
	unsigned int action, nth;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "no fault injection in this kernel");
	for (action = 0; action < ACTIONS; action++) {
		if (action == DIGEST && !IS_REACHABLE(CONFIG_CRYPTO_LIB_SHA256))
			continue;
		for (nth = 1; act_and_fail(test, action, nth); nth++)
			cond_resched();
		/* Each asks for something. */
		KUNIT_EXPECT_GT(test, nth, 1U);
	}
}

/* RCU callbacks run in softirqs. */
struct softirq_user {
	struct rcu_head rcu;
	struct hbitmap *hb, *other, *clone;
	bool exact;
	int merged, truncated, was;
};

static void use_in_softirq(struct rcu_head *rcu)
{
	struct softirq_user *user = container_of(rcu, struct softirq_user, rcu);

	user->exact = hbitmap_mark(user->hb, LEAF / 2, 2 * LEAF);
	user->was = hbitmap_test_and_set(user->hb, LEAF, GFP_ATOMIC);
	user->merged = hbitmap_merge(user->hb, user->other, user->hb, GFP_ATOMIC);
	user->truncated = hbitmap_truncate(user->hb, 5 * LEAF, GFP_ATOMIC);
	user->clone = hbitmap_clone(user->hb, GFP_ATOMIC);
}

static void softirqs_may_mark_merge_clone_and_truncate(struct kunit *test)
{
	static struct softirq_user user;
	u64 bit;

	user.hb = bitmap_create(test, 8 * LEAF, 0);
	user.other = bitmap_create(test, 8 * LEAF, 0);
	hbitmap_set(user.other, 3 * LEAF + 5, 7, GFP_KERNEL);
	call_rcu(&user.rcu, use_in_softirq);
	for (bit = 4 * LEAF; bit < 5 * LEAF; bit++)
		KUNIT_ASSERT_EQ(test, hbitmap_set(user.hb, bit, 1, GFP_KERNEL), 0);
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, user.exact);
	KUNIT_EXPECT_EQ(test, user.was, 1);
	KUNIT_EXPECT_EQ(test, user.merged, 0);
	KUNIT_EXPECT_EQ(test, user.truncated, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(user.hb), 3 * LEAF + 7);
	KUNIT_ASSERT_FALSE(test, IS_ERR(user.clone));
	KUNIT_EXPECT_TRUE(test, hbitmap_get(user.clone, LEAF));
	hbitmap_free(user.clone);
	hbitmap_free(user.other);
	expect_consistent(test, user.hb);
	hbitmap_free(user.hb);
}

static struct kunit_case hbitmap_ops_cases[] = {
	KUNIT_CASE(combinations_agree_with_a_model),
	KUNIT_CASE(merge_maps_between_granularities_in_both_directions),
	KUNIT_CASE(merge_into_a_coarser_result_stays_within_it),
	KUNIT_CASE(combinations_of_what_does_not_fit_are_refused),
	KUNIT_CASE(combinations_of_nothing_are_nothing),
	KUNIT_CASE(combinations_far_out_cost_what_is_touched),
	KUNIT_CASE(a_clone_is_equal_and_independent),
	KUNIT_CASE(take_moves_all_and_merge_puts_it_back),
	KUNIT_CASE(truncation_agrees_with_a_model),
	KUNIT_CASE(truncation_keeps_the_group_that_it_cuts),
	KUNIT_CASE(truncation_reaches_the_largest_sizes),
	KUNIT_CASE(truncation_to_what_cannot_be_is_refused),
	KUNIT_CASE(bits_behind_the_end_do_not_come_up_when_the_bitmap_grows),
	KUNIT_CASE(mark_is_exact_while_there_is_memory),
	KUNIT_CASE(mark_without_memory_rounds_outward_and_loses_nothing),
	KUNIT_CASE(a_batch_sets_what_single_calls_set),
	KUNIT_CASE(a_batch_takes_out_what_it_fills),
	KUNIT_CASE(a_batch_ends_at_what_is_refused),
	KUNIT_CASE(a_batch_without_memory_tells_how_far_it_came),
	KUNIT_CASE(test_and_set_tells_what_was),
	KUNIT_CASE(status_agrees_with_a_model),
	KUNIT_CASE(status_of_what_is_not_there_is_refused),
	KUNIT_CASE(counts_of_ranges_follow_every_change),
	KUNIT_CASE(a_walk_by_words_is_a_walk_by_groups),
	KUNIT_CASE(digests_are_those_of_the_format),
	KUNIT_CASE(digests_differ_as_bitmaps_do),
	KUNIT_CASE(a_digest_costs_what_is_touched),
	KUNIT_CASE(out_of_memory_changes_nothing_in_any_operation),
	KUNIT_CASE(softirqs_may_mark_merge_clone_and_truncate),
	{}
};

static struct kunit_suite hbitmap_ops_suite = {
	.name = "hbitmap_ops",
	.test_cases = hbitmap_ops_cases,
};

kunit_test_suite(hbitmap_ops_suite);

MODULE_DESCRIPTION("KUnit tests of operations on whole bitmaps of hbitmap");
MODULE_LICENSE("GPL");
