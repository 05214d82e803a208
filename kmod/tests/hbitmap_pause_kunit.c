// SPDX-License-Identifier: GPL-2.0
/*
 * What hbitmap promises of long operations that are cut into pieces: what is left of
 * one that is stopped, and what counts when an operand is truncated under its hands.
 */
#include <kunit/test.h>
#include <linux/container_of.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

#include "hbitmap_test.h"

/* More than fit between two pauses, and an end that is not one of a leaf */
#define LEAVES	200U
#define SIZE	(LEAVES * LEAF + 77)

struct stop {
	struct hbitmap_pause pause;
	/* The call that something is done at, counted from 1; 0 for none. */
	unsigned int at;
	unsigned int calls;
	/* This is truncated then. Without it the operation is stopped. */
	struct hbitmap *cut;
	u64 size;
};

static int stop_or_cut(struct hbitmap_pause *pause)
{
	struct stop *stop = container_of(pause, struct stop, pause);

	if (++stop->calls != stop->at)
		return 0;
	return stop->cut ? hbitmap_truncate(stop->cut, stop->size, GFP_KERNEL) : -EINTR;
}

static void stop_init(struct stop *stop, unsigned int at, struct hbitmap *cut, u64 size)
{
	memset(stop, 0, sizeof(*stop));
	stop->pause.pause = stop_or_cut;
	stop->at = at;
	stop->cut = cut;
	stop->size = size;
}

/* Some of each leaf from @first on, and every fifth one whole. */
static struct hbitmap *create_long(struct kunit *test, unsigned int first)
{
	struct hbitmap *hb = bitmap_create(test, SIZE, 0);
	u64 i;

	for (i = 0; i < LEAVES; i++)
		KUNIT_ASSERT_EQ(test, hbitmap_set(hb, i * LEAF + (i % 5 ? first : 0),
						  i % 5 ? 200 : LEAF, GFP_KERNEL), 0);
	return hb;
}

static struct hbitmap *clone(struct kunit *test, struct hbitmap *hb)
{
	struct hbitmap *copy = hbitmap_clone(hb, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(copy));
	return copy;
}

static bool leaf_is_equal(struct kunit *test, struct hbitmap *a, struct hbitmap *b,
			  unsigned int leaf)
{
	static u8 bytes[2][HBITMAP_LEAF_BITS / 8];

	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(a, bytes[0], leaf * LEAF, LEAF), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(b, bytes[1], leaf * LEAF, LEAF), 0);
	return !memcmp(bytes[0], bytes[1], sizeof(bytes[0]));
}

static bool is_equal(struct kunit *test, struct hbitmap *a, struct hbitmap *b)
{
	unsigned int i;

	for (i = 0; i < LEAVES; i++)
		if (!leaf_is_equal(test, a, b, i))
			return false;
	return hbitmap_count(a) == hbitmap_count(b);
}

/* Up to some leaf as @merged, from there on as @before. */
static bool is_merged_in_part(struct kunit *test, struct hbitmap *hb,
			      struct hbitmap *before, struct hbitmap *merged)
{
	unsigned int i = 0;

	while (i < LEAVES && leaf_is_equal(test, hb, merged, i))
		i++;
	while (i < LEAVES && leaf_is_equal(test, hb, before, i))
		i++;
	return i == LEAVES;
}

/* Returns whether the merge was stopped at that call. */
static bool merge_and_stop(struct kunit *test, enum hbitmap_merge_how how, unsigned int at,
			   struct hbitmap *before, struct hbitmap *source,
			   struct hbitmap *merged)
{
	struct hbitmap *hb = clone(test, before);
	struct stop stop;
	int err;

	stop_init(&stop, at, NULL, 0);
	err = hbitmap_merge_pausing(hb, source, hb, how, GFP_KERNEL, &stop.pause);
	KUNIT_EXPECT_EQ(test, err, stop.calls < at ? 0 : -EINTR);
	/* Nothing comes after the call that has stopped it. */
	KUNIT_EXPECT_LE(test, stop.calls, at);
	KUNIT_EXPECT_TRUE(test, is_merged_in_part(test, hb, before, merged));
	if (how != HBITMAP_MERGE_XOR) {
		KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(hb, source, hb, how, GFP_KERNEL,
							    NULL), 0);
		KUNIT_EXPECT_TRUE(test, is_equal(test, hb, merged));
	}
	expect_consistent(test, hb);
	hbitmap_free(hb);
	return err;
}

static void a_merge_that_is_stopped_has_merged_up_to_some_leaf(struct kunit *test)
{
	struct hbitmap *before = create_long(test, 0), *source = create_long(test, 100);
	enum hbitmap_merge_how how;
	unsigned int at;

	for (how = HBITMAP_MERGE_OR; how <= HBITMAP_MERGE_XOR; how++) {
		struct hbitmap *merged = clone(test, before);

		KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(merged, source, merged, how,
							    GFP_KERNEL, NULL), 0);
		for (at = 1; merge_and_stop(test, how, at, before, source, merged); at++)
			;
		/* Through all leaves twice: to count blocks, and to merge. */
		KUNIT_EXPECT_GT(test, at, 2 * (LEAVES / 64));
		hbitmap_free(merged);
	}
	hbitmap_free(source);
	hbitmap_free(before);
}

static void what_makes_something_new_leaves_nothing_when_it_is_stopped(struct kunit *test)
{
	struct hbitmap *a = create_long(test, 0), *b = create_long(test, 100);
	struct hbitmap *result = create_long(test, 50), *before = clone(test, result);
	u8 digest[HBITMAP_DIGEST_SIZE] = { 1, 2 };
	unsigned int at;
	struct stop stop;

	for (at = 1; at <= LEAVES / 64; at++) {
		stop_init(&stop, at, NULL, 0);
		KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(a, b, result, HBITMAP_MERGE_OR,
							    GFP_KERNEL, &stop.pause), -EINTR);
		KUNIT_EXPECT_TRUE(test, is_equal(test, result, before));

		stop_init(&stop, at, NULL, 0);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(hbitmap_clone_pausing(a, GFP_KERNEL,
									    &stop.pause)),
				-EINTR);

		stop_init(&stop, at, NULL, 0);
		if (!IS_REACHABLE(CONFIG_CRYPTO_LIB_SHA256))
			continue;
		KUNIT_EXPECT_EQ(test, hbitmap_digest_pausing(a, digest, GFP_KERNEL,
							     &stop.pause), -EINTR);
		KUNIT_EXPECT_TRUE(test, digest[0] == 1 && digest[1] == 2 && !digest[2]);
	}
	expect_consistent(test, result);
	hbitmap_free(before);
	hbitmap_free(result);
	hbitmap_free(b);
	hbitmap_free(a);
}

static void a_merge_between_granularities_is_stopped_before_it_changes(struct kunit *test)
{
	struct hbitmap *coarse = bitmap_create(test, SIZE, 6), *fine = create_long(test, 0);
	struct stop stop;
	u64 i;

	for (i = 0; i < LEAVES; i++)
		hbitmap_set(coarse, i * LEAF + 64 * (i % 3), 1, GFP_KERNEL);
	stop_init(&stop, 1, NULL, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(fine, coarse, fine, HBITMAP_MERGE_OR,
						    GFP_KERNEL, &stop.pause), -EINTR);
	KUNIT_EXPECT_EQ(test, hbitmap_count(fine), LEAVES / 5 * (LEAF + 4 * 200));
	stop_init(&stop, 1, NULL, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(coarse, fine, coarse, HBITMAP_MERGE_OR,
						    GFP_KERNEL, &stop.pause), -EINTR);
	KUNIT_EXPECT_EQ(test, hbitmap_count(coarse), LEAVES * 64ULL);
	hbitmap_free(fine);
	hbitmap_free(coarse);
}

static void a_merge_into_coarser_groups_looks_at_each_group_once(struct kunit *test)
{
	struct hbitmap *coarse = bitmap_create(test, 4 * LEAF, 12);
	struct hbitmap *fine = bitmap_create(test, 4 * LEAF, 0);
	struct stop stop;
	u64 i;

	for (i = 0; i < 4 * LEAF; i += 2)
		hbitmap_set(fine, i, 1, GFP_KERNEL);
	stop_init(&stop, 0, NULL, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(coarse, fine, coarse, HBITMAP_MERGE_OR,
						    GFP_KERNEL, &stop.pause), 0);
	/* There are 16 groups, and 2^15 runs of dirty items. */
	KUNIT_EXPECT_LT(test, stop.calls, 4U);
	KUNIT_EXPECT_EQ(test, hbitmap_count(coarse), 4 * LEAF);
	hbitmap_free(fine);
	hbitmap_free(coarse);
}

/* The calls of the first walk, which changes nothing. */
#define AT_LAST		(2 * (LEAVES / 64))

static void what_is_cut_off_a_source_counts_as_clean(struct kunit *test)
{
	static const u64 sizes[] = { 0, 1, 190 * LEAF, 190 * LEAF + 150 };
	unsigned int i, at;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (at = 1; at <= AT_LAST; at++) {
			struct hbitmap *hb = create_long(test, 0);
			struct hbitmap *source = create_long(test, 100);
			struct stop stop;
			u64 from = sizes[i];

			stop_init(&stop, at, source, from);
			KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(hb, source, hb,
								    HBITMAP_MERGE_AND,
								    GFP_KERNEL,
								    &stop.pause), 0);
			KUNIT_EXPECT_GE(test, stop.calls, at);
			/* So far it may have come before, when it was not yet cut off. */
			if (at > LEAVES / 64)
				from = max(from, (at * 64ULL - LEAVES) * LEAF + LEAF);
			KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(hb, from, SIZE), -1LL);
			expect_consistent(test, hb);
			hbitmap_free(source);
			hbitmap_free(hb);
		}
	}
}

static void what_is_cut_off_one_operand_hides_nothing_of_the_other(struct kunit *test)
{
	unsigned int at, which;

	for (which = 0; which < 2; which++) {
		for (at = 1; at <= LEAVES / 64; at++) {
			struct hbitmap *hb[2] = { create_long(test, 0), create_long(test, 100) };
			struct hbitmap *result = bitmap_create(test, SIZE, 0);
			struct hbitmap *whole = clone(test, hb[!which]);
			struct stop stop;

			stop_init(&stop, at, hb[which], 77 * LEAF + 120);
			KUNIT_EXPECT_EQ(test, hbitmap_merge_pausing(hb[0], hb[1], result,
								    HBITMAP_MERGE_OR,
								    GFP_KERNEL,
								    &stop.pause), 0);
			KUNIT_EXPECT_EQ(test, hbitmap_andnot(whole, result, whole,
							     GFP_KERNEL), 0);
			KUNIT_EXPECT_TRUE(test, hbitmap_empty(whole));
			expect_consistent(test, result);
			hbitmap_free(whole);
			hbitmap_free(result);
			hbitmap_free(hb[0]);
			hbitmap_free(hb[1]);
		}
	}
}

static struct kunit_case hbitmap_pause_cases[] = {
	KUNIT_CASE(a_merge_that_is_stopped_has_merged_up_to_some_leaf),
	KUNIT_CASE(what_makes_something_new_leaves_nothing_when_it_is_stopped),
	KUNIT_CASE(a_merge_between_granularities_is_stopped_before_it_changes),
	KUNIT_CASE(a_merge_into_coarser_groups_looks_at_each_group_once),
	KUNIT_CASE(what_is_cut_off_a_source_counts_as_clean),
	KUNIT_CASE(what_is_cut_off_one_operand_hides_nothing_of_the_other),
	{}
};

static struct kunit_suite hbitmap_pause_suite = {
	.name = "hbitmap_pause",
	.test_cases = hbitmap_pause_cases,
};

kunit_test_suite(hbitmap_pause_suite);

MODULE_DESCRIPTION("KUnit tests of hbitmap's operations in bounded pieces");
MODULE_LICENSE("GPL");
