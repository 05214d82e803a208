// SPDX-License-Identifier: GPL-2.0
/*
 * What hbitmap promises, as tests. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hbitmap_test.h"

/* Creation, properties, refusals */

static void a_bitmap_starts_clean(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1000, 4);

	KUNIT_EXPECT_EQ(test, hbitmap_size(hb), 1000ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_granularity(hb), 4U);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 0ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(hb));
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 1000), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, 1000), 0LL);
	hbitmap_free(hb);
}

static void alloc_refuses_what_cannot_be(struct kunit *test)
{
	u64 most = HBITMAP_MAX_BITS;
	struct hbitmap *hb;

	KUNIT_EXPECT_EQ(test, PTR_ERR(hbitmap_alloc(1, 64, GFP_KERNEL)), (long)-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(hbitmap_alloc(0, UINT_MAX, GFP_KERNEL)),
			(long)-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(hbitmap_alloc(most + 1, 0, GFP_KERNEL)),
			(long)-EFBIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(hbitmap_alloc((most << 9) + 1, 9, GFP_KERNEL)),
			(long)-EFBIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(hbitmap_alloc((u64)S64_MAX + 1, 63, GFP_KERNEL)),
			(long)-EFBIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(hbitmap_alloc(U64_MAX, 40, GFP_KERNEL)),
			(long)-EFBIG);

	hb = bitmap_create(test, most << 9, 9);
	hbitmap_free(hb);
	hb = bitmap_create(test, S64_MAX, 22);
	hbitmap_free(hb);
	hbitmap_free(NULL);
}

static void a_bitmap_of_size_0_answers_with_nothing(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 0, 0);
	struct hbitmap_iter iter;
	u64 start, count;
	u8 buf[8] = { 1 };

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 0, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 1, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 0, 1, GFP_KERNEL), -EINVAL);
	hbitmap_reset_all(hb);
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 0));
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(hb));
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 1), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, 1), -1LL);
	KUNIT_EXPECT_FALSE(test, hbitmap_next_dirty_area(hb, 0, 1, 1, &start, &count));
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, 1), 0ULL);
	hbitmap_iter_init(&iter, hb, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_serialization_size(hb, 0, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, 0, 0, GFP_KERNEL), 0);
	hbitmap_deserialize_finish(hb);
	KUNIT_EXPECT_EQ(test, buf[0], 1);
	hbitmap_free(hb);
}

struct bad_range {
	u64 start;
	u64 count;
};

/* Whatever is refused, the content stays. */
static void expect_refused(struct kunit *test, struct hbitmap *hb,
			   const struct bad_range *r, bool set, bool reset, bool chunk)
{
	u64 count = hbitmap_count(hb), memory = hbitmap_memory(hb);
	u8 buf[32], was[32];

	memset(buf, 0xa5, sizeof(buf));
	memcpy(was, buf, sizeof(buf));
	if (set)
		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, r->start, r->count, GFP_KERNEL),
				-EINVAL);
	if (reset)
		KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, r->start, r->count, GFP_KERNEL),
				-EINVAL);
	if (chunk) {
		KUNIT_EXPECT_EQ(test, hbitmap_serialization_size(hb, r->start, r->count),
				0ULL);
		KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, r->start, r->count),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, memcmp(buf, was, sizeof(buf)), 0);
		KUNIT_EXPECT_EQ(test,
				hbitmap_deserialize_part(hb, buf, r->start, r->count,
							 GFP_KERNEL), -EINVAL);
		KUNIT_EXPECT_EQ(test,
				hbitmap_deserialize_zeroes(hb, r->start, r->count,
							   GFP_KERNEL), -EINVAL);
		KUNIT_EXPECT_EQ(test,
				hbitmap_deserialize_ones(hb, r->start, r->count,
							 GFP_KERNEL), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), count);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), memory);
}

static void ranges_that_overflow_or_end_behind_the_bitmap_are_refused(struct kunit *test)
{
	/* Multiples of 64 << 2, so that nothing else is wrong with them. */
	static const struct bad_range bad[] = {
		{ 1024, 256 }, { 0, 1280 }, { 768, 512 }, { 1280, 0 }, { 1280, 256 },
		{ 256, U64_MAX - 255 }, { 0, U64_MAX - 255 }, { U64_MAX - 255, 256 },
		{ U64_MAX - 255, 512 }, { 1ULL << 63, 1ULL << 63 },
	};
	struct hbitmap *hb = bitmap_create(test, 1024, 2);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 512, GFP_KERNEL), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(test, hb, &bad[i], true, true, true);
	hbitmap_free(hb);
}

static void reset_refuses_parts_of_groups_but_at_the_end(struct kunit *test)
{
	static const struct bad_range bad[] = {
		{ 1, 8 }, { 0, 1 }, { 0, 7 }, { 0, 9 }, { 8, 15 }, { 4, 96 }, { 99, 1 },
	};
	static const struct bad_range bad_huge[] = {
		{ 0, 1ULL << 32 }, { 1ULL << 39, 1ULL << 40 }, { 1ULL << 40, 1ULL << 39 },
	};
	struct hbitmap *hb = bitmap_create(test, 100, 3);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 100, GFP_KERNEL), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(test, hb, &bad[i], false, true, true);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 104ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 96, 4, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 96ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 88, 12, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 88ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 8, 16, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 72ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, 7));
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 8));
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 23));
	KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, 24));
	hbitmap_free(hb);

	/* Groups of more than 2^32 items. */
	hb = bitmap_create(test, 1ULL << 50, 40);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 1ULL << 50, GFP_KERNEL), 0);
	for (i = 0; i < ARRAY_SIZE(bad_huge); i++)
		expect_refused(test, hb, &bad_huge[i], false, true, true);
	hbitmap_free(hb);
}

static void a_range_of_no_items_changes_nothing(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 100, 3);

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 5, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 100, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(hb));
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 100, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 8, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 100, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 104ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 5, 0), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 5, 0), 0ULL);
	hbitmap_free(hb);
}

static void set_rounds_outward_to_groups(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1000, 4);

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 31, 2, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 32ULL);
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 15));
	KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, 16));
	KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, 47));
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 48));
	hbitmap_free(hb);
}

static void count_is_of_whole_groups_and_never_overflows(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 10, 2);

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 10, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 12ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, 10), 10ULL);
	hbitmap_free(hb);

	hb = bitmap_create(test, S64_MAX, 63);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 5, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 1ULL << 63);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, U64_MAX), (u64)S64_MAX);
	hbitmap_free(hb);

	hb = bitmap_create(test, S64_MAX, 22);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, S64_MAX, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 1ULL << 63);
	hbitmap_free(hb);
}

static void questions_about_what_lies_behind_the_end_find_nothing(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 100, 0);
	u64 start = 7, count = 7;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 100, GFP_KERNEL), 0);
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, 100));
	KUNIT_EXPECT_FALSE(test, hbitmap_get(hb, U64_MAX));
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 100, 1), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, U64_MAX, U64_MAX), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 99, U64_MAX), 99LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, U64_MAX), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 90, U64_MAX), 10ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 100, U64_MAX), 0ULL);
	KUNIT_EXPECT_FALSE(test, hbitmap_next_dirty_area(hb, 100, U64_MAX, 1, &start,
							 &count));
	KUNIT_EXPECT_FALSE(test, hbitmap_next_dirty_area(hb, 5, 5, 1, &start, &count));
	KUNIT_EXPECT_FALSE(test, hbitmap_next_dirty_area(hb, 0, 5, 0, &start, &count));
	KUNIT_EXPECT_EQ(test, start, 7ULL);
	KUNIT_EXPECT_EQ(test, count, 7ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_next_dirty_area(hb, 98, U64_MAX, U64_MAX,
							&start, &count));
	KUNIT_EXPECT_EQ(test, start, 98ULL);
	KUNIT_EXPECT_EQ(test, count, 2ULL);
	hbitmap_free(hb);
}

static void answers_are_never_below_start_nor_behind_the_range(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1 << 20, 4);
	u64 start, count;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 160, 32, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 160), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 161), 160LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 170, 1), 170LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 170, 22), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 170, 23), 192LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 5, 1), 5LL);
	KUNIT_EXPECT_TRUE(test, hbitmap_next_dirty_area(hb, 165, 1000, 1000, &start,
							&count));
	KUNIT_EXPECT_EQ(test, start, 165ULL);
	KUNIT_EXPECT_EQ(test, count, 27ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_next_dirty_area(hb, 165, 1000, 3, &start, &count));
	KUNIT_EXPECT_EQ(test, count, 3ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_next_dirty_area(hb, 0, 163, 1000, &start, &count));
	KUNIT_EXPECT_EQ(test, start, 160ULL);
	KUNIT_EXPECT_EQ(test, count, 3ULL);
	hbitmap_free(hb);
}

/* Iteration */

static void iteration_returns_the_first_item_of_each_dirty_group_once(struct kunit *test)
{
	static const u64 items[] = { 0, 56, 64, 8 * 63, 8 * 64, 8 * LEAF, 8 * NODE - 8,
				     8 * NODE };
	struct hbitmap *hb = bitmap_create(test, 9 * NODE, 3);
	struct hbitmap_iter iter;
	unsigned int i = 0;
	s64 item;

	for (i = 0; i < ARRAY_SIZE(items); i++)
		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, items[i] + 5, 1, GFP_KERNEL), 0);
	i = 0;
	hbitmap_for_each_dirty(&iter, hb, item) {
		KUNIT_ASSERT_LT(test, i, (unsigned int)ARRAY_SIZE(items));
		KUNIT_EXPECT_EQ(test, item, (s64)items[i]);
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, (unsigned int)ARRAY_SIZE(items));
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), -1LL);
	hbitmap_free(hb);
}

static void iteration_may_begin_inside_a_group_or_behind_the_end(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1000, 4);
	struct hbitmap_iter iter;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 160, 17, GFP_KERNEL), 0);
	hbitmap_iter_init(&iter, hb, 165);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), 160LL);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), 176LL);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), -1LL);
	hbitmap_iter_init(&iter, hb, 1000);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), -1LL);
	hbitmap_iter_init(&iter, hb, U64_MAX);
	KUNIT_EXPECT_EQ(test, hbitmap_iter_next(&iter), -1LL);
	hbitmap_free(hb);
}

static void iteration_does_not_return_what_was_reset_ahead_of_it(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 4 * LEAF, 0);
	struct hbitmap_iter iter;
	u64 seen = 0;
	s64 item;

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 4 * LEAF, GFP_KERNEL), 0);
	hbitmap_for_each_dirty(&iter, hb, item) {
		/* The word, the leaf and the node all change under the walk. */
		KUNIT_EXPECT_EQ(test, (u32)item % 1000, 0U);
		KUNIT_EXPECT_EQ(test,
				hbitmap_reset(hb, item, min(1000ULL, 4 * LEAF - item),
					      GFP_KERNEL), 0);
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, (4 * LEAF + 999) / 1000);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	hbitmap_free(hb);
}

/* Memory */

static void a_bitmap_of_2_to_the_41_bits_costs_nothing(struct kunit *test)
{
	u64 size = HBITMAP_MAX_BITS;
	struct hbitmap *hb = bitmap_create(test, size, 0);

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, size, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), size);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, size), -1LL);

	/* A hole of one bit: one leaf, and one node for each level. */
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, size - 1, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, size), (s64)size - 1);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), size - 1);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), 8192ULL);

	/* All but the ends: two leaves, and a node for each level and end. */
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 1, size - 2, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 1ULL);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), 12000ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, size - 1, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 1, size), (s64)size - 1);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, size), 2ULL);

	hbitmap_reset_all(hb);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(hb));
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	hbitmap_free(hb);
}

static void regions_changed_bit_by_bit_cost_nothing_once_uniform(struct kunit *test)
{
	u64 i, size = NODE + LEAF / 2 + 5, first = NODE - LEAF, busy;
	struct hbitmap *hb = bitmap_create(test, size, 0);

	for (i = first; i < size; i += 2)
		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, i, 1, GFP_KERNEL), 0);
	busy = hbitmap_memory(hb);
	/* Leaf 63 of a full node, and the tail in a node of its own. */
	KUNIT_EXPECT_GT(test, busy, 2 * LEAF / 8);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), (size - first + 1) / 2);

	for (i = first + 1; i < size; i += 2)
		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, i, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), LEAF / 8);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, first, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), size);

	for (i = first; i < size; i++)
		KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, i, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), LEAF / 8);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), first);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 0, first, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(hb));
	hbitmap_free(hb);
}

static void a_large_range_frees_the_leaves_that_it_covers(struct kunit *test)
{
	u64 size = 3 * NODE, leaf;
	struct hbitmap *hb = bitmap_create(test, size, 0);

	for (leaf = 0; leaf < size / LEAF; leaf++)
		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, leaf * LEAF + leaf, 3, GFP_KERNEL), 0);
	KUNIT_EXPECT_GT(test, hbitmap_memory(hb), size / 8);
	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 100, size - 200, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), size - 200 + 3);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), 3 * LEAF / 8);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 0, size - 100, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	hbitmap_free(hb);
}

/* Serialization */

struct sample {
	u64 size;
	unsigned int granularity;
	unsigned int nitems;
	u64 items[6];
	unsigned int nbytes;
	u8 bytes[24];
};

static const struct sample samples[] = {
	{ 1, 0, 1, { 0 }, 8, { 0x01 } },
	{ 70, 0, 5, { 0, 9, 63, 64, 69 }, 16,
	  { 0x01, 0x02, 0, 0, 0, 0, 0, 0x80, 0x21 } },
	{ 65, 0, 3, { 7, 8, 64 }, 16, { 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0x01 } },
	{ 33, 0, 3, { 0, 31, 32 }, 8, { 0x01, 0, 0, 0x80, 0x01 } },
	{ 129, 0, 3, { 32, 96, 128 }, 24,
	  { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 } },
	/* 70 bits each, the last group there in part. */
	{ 557, 3, 5, { 7, 72, 511, 512, 556 }, 16,
	  { 0x01, 0x02, 0, 0, 0, 0, 0, 0x80, 0x21 } },
	{ (69ULL << 12) + 1, 12, 5,
	  { 4095, 9ULL << 12, 63ULL << 12, 64ULL << 12, 69ULL << 12 }, 16,
	  { 0x01, 0x02, 0, 0, 0, 0, 0, 0x80, 0x21 } },
	{ (69ULL << 16) + 65535, 16, 5,
	  { 0, 9ULL << 16, 63ULL << 16, 64ULL << 16, (69ULL << 16) + 65534 }, 16,
	  { 0x01, 0x02, 0, 0, 0, 0, 0, 0x80, 0x21 } },
};

static void serialized_bytes_are_those_of_the_format(struct kunit *test)
{
	unsigned int i, j;
	u8 buf[33];

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		struct hbitmap *hb = bitmap_create(test, s->size, s->granularity);

		for (j = 0; j < s->nitems; j++)
			hbitmap_set(hb, s->items[j], 1, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, hbitmap_serialization_size(hb, 0, s->size),
				(u64)s->nbytes);
		memset(buf, 0xa5, sizeof(buf));
		/* To an odd address, and not a byte too many. */
		KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf + 1, 0, s->size), 0);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(buf + 1, s->bytes, s->nbytes), 0,
				    "sample %u", i);
		KUNIT_EXPECT_EQ(test, buf[0], 0xa5);
		KUNIT_EXPECT_EQ(test, buf[s->nbytes + 1], 0xa5);
		hbitmap_free(hb);
	}
}

static void deserialized_bytes_are_those_of_the_format(struct kunit *test)
{
	unsigned int i, j;
	u8 buf[25];

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		struct hbitmap *hb = bitmap_create(test, s->size, s->granularity);

		memcpy(buf + 1, s->bytes, s->nbytes);
		KUNIT_EXPECT_EQ(test,
				hbitmap_deserialize_part(hb, buf + 1, 0, s->size,
							 GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, hbitmap_count(hb),
				(u64)s->nitems << s->granularity);
		for (j = 0; j < s->nitems; j++)
			KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, s->items[j]));
		hbitmap_free(hb);
	}
}

static void serialization_align_is_64_groups(struct kunit *test)
{
	static const unsigned int granularities[] = { 0, 3, 12, 16, 57 };
	struct hbitmap *hb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(granularities); i++) {
		hb = bitmap_create(test, 1000, granularities[i]);
		KUNIT_EXPECT_TRUE(test, hbitmap_is_serializable(hb));
		KUNIT_EXPECT_EQ(test, hbitmap_serialization_align(hb),
				64ULL << granularities[i]);
		hbitmap_free(hb);
	}
}

static void a_granularity_above_57_is_not_serializable(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1000, 58);
	u8 buf[8] = { 0x5a };

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_FALSE(test, hbitmap_is_serializable(hb));
	KUNIT_EXPECT_EQ(test, hbitmap_serialization_align(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_serialization_size(hb, 0, 1000), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 0, 1000), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, buf[0], 0x5a);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, 0, 1000, GFP_KERNEL),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_zeroes(hb, 0, 1000, GFP_KERNEL),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_ones(hb, 0, 1000, GFP_KERNEL),
			-EOPNOTSUPP);
	KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, 0));
	hbitmap_free(hb);
}

static void chunks_that_are_not_aligned_are_refused(struct kunit *test)
{
	static const struct bad_range bad[] = {
		{ 8, 512 }, { 0, 8 }, { 0, 511 }, { 256, 512 }, { 512, 256 },
		{ 512, 487 }, { 511, 489 }, { 999, 1 },
	};
	struct hbitmap *hb = bitmap_create(test, 1000, 3);
	unsigned int i;
	u8 buf[8];

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 100, 500, GFP_KERNEL), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(test, hb, &bad[i], false, false, true);
	/* The last one reaches the end and need not be. */
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 512, 488), 0);
	hbitmap_free(hb);
}

static void bits_behind_the_end_are_refused_in_a_chunk(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 100, 0);
	unsigned int bit;
	u8 buf[16];

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 10, 20, GFP_KERNEL), 0);
	for (bit = 100; bit < 128; bit++) {
		memset(buf, 0, sizeof(buf));
		buf[bit / 8] |= 1U << (bit % 8);
		KUNIT_EXPECT_EQ(test,
				hbitmap_deserialize_part(hb, buf, 0, 100, GFP_KERNEL),
				-EINVAL);
		KUNIT_EXPECT_EQ(test,
				hbitmap_deserialize_part(hb, buf + 8, 64, 36, GFP_KERNEL),
				-EINVAL);
	}
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 20ULL);
	memset(buf, 0, sizeof(buf));
	buf[12] = 0x08;
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, 0, 100, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 1ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 100), 99LL);
	hbitmap_free(hb);
}

static void a_chunk_replaces_what_was_there_and_nothing_else(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 3 * LEAF, 0);
	u8 buf[8] = { 0xf0 };

	KUNIT_EXPECT_EQ(test, hbitmap_set(hb, 0, 3 * LEAF, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, LEAF, 64, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 3 * LEAF - 60);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 0, 3 * LEAF), (s64)LEAF);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, LEAF, LEAF), (s64)LEAF + 4);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, LEAF + 64, 3 * LEAF), -1LL);
	hbitmap_free(hb);
}

static void parts_rebuild_a_bitmap_that_is_right_between_them(struct kunit *test)
{
	u64 size = 4 * LEAF + 100, at, part, count = 0;
	struct hbitmap *from = bitmap_create(test, size, 0);
	struct hbitmap *to = bitmap_create(test, size, 0);
	static u8 buf[3 * 1024];
	u64 random = 7;

	for (at = 0; at < 3000; at++)
		hbitmap_set(from, random_below(&random, size), 1, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, hbitmap_set(from, LEAF, LEAF, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(to, 0, size, GFP_KERNEL), 0);

	for (at = 0; at < size; at += part) {
		part = min_t(u64, sizeof(buf) * 8, size - at);
		KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(from, buf, at, part), 0);
		KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(to, buf, at, part,
							       GFP_KERNEL), 0);
		count = hbitmap_count_range(from, 0, at + part);
		KUNIT_EXPECT_EQ(test, hbitmap_count_range(to, 0, at + part), count);
		KUNIT_EXPECT_EQ(test, hbitmap_count(to), count + size - at - part);
		KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(to, at, size),
				hbitmap_next_dirty(from, at, part) >= 0 ?
				hbitmap_next_dirty(from, at, part) : (s64)(at + part));
	}
	hbitmap_deserialize_finish(to);
	KUNIT_EXPECT_EQ(test, hbitmap_count(to), hbitmap_count(from));
	KUNIT_EXPECT_EQ(test, hbitmap_memory(to), hbitmap_memory(from));
	hbitmap_free(from);
	hbitmap_free(to);
}

static void uniform_chunks_cost_no_leaf(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 64 * LEAF, 0);
	static u8 buf[HBITMAP_LEAF_BITS / 8];

	memset(buf, 0xff, sizeof(buf));
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, LEAF, LEAF, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), LEAF);
	KUNIT_EXPECT_LT(test, hbitmap_memory(hb), LEAF / 8);
	memset(buf, 0, sizeof(buf));
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, LEAF, LEAF, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
	hbitmap_free(hb);
}

/* What QEMU's hbitmap, or the patches it began with, got wrong */

static void next_zero_far_behind_the_end_reads_nothing(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 100, 0);

	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, 1ULL << 40, 1), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, S64_MAX, S64_MAX), -1LL);
	KUNIT_EXPECT_EQ(test, hbitmap_next_zero(hb, U64_MAX, 1), -1LL);
	hbitmap_free(hb);
}

static void deserialize_ones_sets_no_bit_behind_the_end(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 100, 0);
	struct hbitmap_iter iter;
	unsigned int seen = 0;
	u8 buf[16];
	s64 item;

	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_ones(hb, 0, 100, GFP_KERNEL), 0);
	hbitmap_deserialize_finish(hb);
	hbitmap_for_each_dirty(&iter, hb, item)
		seen++;
	KUNIT_EXPECT_EQ(test, seen, 100U);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, buf[12], 0x0f);
	KUNIT_EXPECT_EQ(test, buf[13], 0);
	KUNIT_EXPECT_EQ(test, hbitmap_reset(hb, 64, 36, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 64ULL);
	hbitmap_free(hb);
}

static void deserialization_restores_the_count_and_the_summaries(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 1 << 20, 0);
	u8 buf[8] = { 0, 0, 0, 0x80, 0x03 };

	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, 1 << 19, 64, GFP_KERNEL), 0);
	hbitmap_deserialize_finish(hb);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 3ULL);
	KUNIT_EXPECT_FALSE(test, hbitmap_empty(hb));
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, 0, 1 << 20), (1LL << 19) + 31);
	hbitmap_free(hb);
}

static void chunks_of_no_items_are_nothing(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, 557, 3);
	u8 buf[8] = { 0xff };

	KUNIT_EXPECT_EQ(test, hbitmap_serialization_size(hb, 0, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 512, 0), 0);
	KUNIT_EXPECT_EQ(test, buf[0], 0xff);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, 0, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_ones(hb, 557, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_deserialize_zeroes(hb, 0, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(hb));
	hbitmap_free(hb);
}

static void an_unaligned_last_chunk_is_accepted_at_every_granularity(struct kunit *test)
{
	static const unsigned int granularities[] = { 0, 3, 12, 16 };
	unsigned int i;
	u8 buf[8];

	for (i = 0; i < ARRAY_SIZE(granularities); i++) {
		unsigned int g = granularities[i];
		u64 size = (69ULL << g) + 1, align = 64ULL << g;
		struct hbitmap *hb = bitmap_create(test, size, g);

		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, size - 1, 1, GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, align, size - align), 0);
		KUNIT_EXPECT_EQ(test, buf[0], 0x20);
		hbitmap_reset_all(hb);
		KUNIT_EXPECT_EQ(test, hbitmap_deserialize_part(hb, buf, align, size - align,
							       GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test, hbitmap_get(hb, size - 1));
		hbitmap_free(hb);
	}
}

/* Memory runs out at each point where it can */

#define FAIL_SIZE	(NODE * 64 * 64)
#define FAIL_BASE	(FAIL_SIZE / 2 - LEAF)
#define FAIL_BYTES	(4 * HBITMAP_LEAF_BITS / 8)

struct fail_case {
	/* What the bitmap has before: all, and a range of the other kind. */
	bool full;
	u64 other;
	/* Set (1), reset (0) or a chunk (2) of which part. */
	unsigned int change;
	u64 start;
	u64 count;
};

static const struct fail_case fail_cases[] = {
	{ false, 0, 1, FAIL_BASE + 5, 1 },
	{ true, 0, 0, FAIL_BASE + 5, 1 },
	{ false, 100, 1, FAIL_BASE + 5, 2 * LEAF },
	{ true, 100, 0, FAIL_BASE + LEAF - 5, 2 * LEAF + 10 },
	{ false, 2 * LEAF, 1, 77, FAIL_SIZE - 177 },
	{ true, 2 * LEAF, 0, 77, FAIL_SIZE - 177 },
	{ false, 0, 2, FAIL_BASE + 64, 3 * LEAF },
	{ true, 0, 2, FAIL_BASE + 64, 3 * LEAF },
	{ false, 3 * LEAF, 2, FAIL_BASE + LEAF, 2 * LEAF },
	{ true, 3 * LEAF, 2, FAIL_BASE + 64, 3 * LEAF },
};

/* Returns whether the allocation that was to fail was asked for. */
static bool fail_once(struct kunit *test, const struct fail_case *c,
		      unsigned int nth, u8 *before, u8 *after, u8 *chunk)
{
	struct hbitmap *hb = bitmap_create(test, FAIL_SIZE, 0);
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	u64 count, memory;
	bool fired;
	int err;

	if (c->full)
		hbitmap_set(hb, 0, FAIL_SIZE, GFP_KERNEL);
	if (c->full)
		hbitmap_reset(hb, FAIL_BASE, c->other, GFP_KERNEL);
	else
		hbitmap_set(hb, FAIL_BASE, c->other, GFP_KERNEL);
	hbitmap_serialize_part(hb, before, FAIL_BASE, FAIL_BYTES * 8);
	count = hbitmap_count(hb);
	memory = hbitmap_memory(hb);

	fail_nth(nth);
	if (c->change == 2)
		err = hbitmap_deserialize_part(hb, chunk, c->start, c->count, gfp);
	else if (c->change)
		err = hbitmap_set(hb, c->start, c->count, gfp);
	else
		err = hbitmap_reset(hb, c->start, c->count, gfp);
	fired = !fail_is_armed();
	fail_nth(0);

	/* In a kernel a debugging facility may have asked, and do without. */
	if (!fired || err || !IS_ENABLED(CONFIG_DEBUG_KERNEL))
		KUNIT_EXPECT_EQ(test, err, fired ? -ENOMEM : 0);
	if (err) {
		hbitmap_serialize_part(hb, after, FAIL_BASE, FAIL_BYTES * 8);
		KUNIT_EXPECT_EQ(test, memcmp(before, after, FAIL_BYTES), 0);
		KUNIT_EXPECT_EQ(test, hbitmap_count(hb), count);
		KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, FAIL_SIZE), count);
		KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), memory);
	}
	hbitmap_free(hb);
	return fired;
}

static void out_of_memory_changes_nothing(struct kunit *test)
{
	u8 *bufs = kunit_kzalloc(test, 3 * FAIL_BYTES, GFP_KERNEL);
	unsigned int i, nth, points = 0;

	KUNIT_ASSERT_TRUE(test, bufs);
	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "no fault injection in this kernel");
	for (i = 0; i < FAIL_BYTES; i += 1000)
		bufs[i] = 0x81;
	for (i = 0; i < ARRAY_SIZE(fail_cases); i++)
		for (nth = 1; fail_once(test, &fail_cases[i], nth, bufs + FAIL_BYTES,
					bufs + 2 * FAIL_BYTES, bufs); nth++)
			points++;
	/* Each needs some: a leaf and a node for each of three levels at least. */
	KUNIT_EXPECT_GE(test, points, 4 * (unsigned int)ARRAY_SIZE(fail_cases));
}

static struct kunit_case hbitmap_cases[] = {
	KUNIT_CASE(a_bitmap_starts_clean),
	KUNIT_CASE(alloc_refuses_what_cannot_be),
	KUNIT_CASE(a_bitmap_of_size_0_answers_with_nothing),
	KUNIT_CASE(ranges_that_overflow_or_end_behind_the_bitmap_are_refused),
	KUNIT_CASE(reset_refuses_parts_of_groups_but_at_the_end),
	KUNIT_CASE(a_range_of_no_items_changes_nothing),
	KUNIT_CASE(set_rounds_outward_to_groups),
	KUNIT_CASE(count_is_of_whole_groups_and_never_overflows),
	KUNIT_CASE(questions_about_what_lies_behind_the_end_find_nothing),
	KUNIT_CASE(answers_are_never_below_start_nor_behind_the_range),
	KUNIT_CASE(iteration_returns_the_first_item_of_each_dirty_group_once),
	KUNIT_CASE(iteration_may_begin_inside_a_group_or_behind_the_end),
	KUNIT_CASE(iteration_does_not_return_what_was_reset_ahead_of_it),
	KUNIT_CASE(a_bitmap_of_2_to_the_41_bits_costs_nothing),
	KUNIT_CASE(regions_changed_bit_by_bit_cost_nothing_once_uniform),
	KUNIT_CASE(a_large_range_frees_the_leaves_that_it_covers),
	KUNIT_CASE(serialized_bytes_are_those_of_the_format),
	KUNIT_CASE(deserialized_bytes_are_those_of_the_format),
	KUNIT_CASE(serialization_align_is_64_groups),
	KUNIT_CASE(a_granularity_above_57_is_not_serializable),
	KUNIT_CASE(chunks_that_are_not_aligned_are_refused),
	KUNIT_CASE(bits_behind_the_end_are_refused_in_a_chunk),
	KUNIT_CASE(a_chunk_replaces_what_was_there_and_nothing_else),
	KUNIT_CASE(parts_rebuild_a_bitmap_that_is_right_between_them),
	KUNIT_CASE(uniform_chunks_cost_no_leaf),
	KUNIT_CASE(next_zero_far_behind_the_end_reads_nothing),
	KUNIT_CASE(deserialize_ones_sets_no_bit_behind_the_end),
	KUNIT_CASE(deserialization_restores_the_count_and_the_summaries),
	KUNIT_CASE(chunks_of_no_items_are_nothing),
	KUNIT_CASE(an_unaligned_last_chunk_is_accepted_at_every_granularity),
	KUNIT_CASE(out_of_memory_changes_nothing),
	{}
};

static struct kunit_suite hbitmap_suite = {
	.name = "hbitmap",
	.test_cases = hbitmap_cases,
};

kunit_test_suite(hbitmap_suite);

MODULE_DESCRIPTION("KUnit tests of hbitmap");
MODULE_LICENSE("GPL");
