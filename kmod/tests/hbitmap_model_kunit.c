// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap beside a plain bitmap: random operations, around the edges of each level.
 * They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "hbitmap_test.h"

/*
 * The model: the bits of a window of the bitmap in the format of a chunk. What
 * lies outside of the window is all @background.
 */
struct model {
	struct kunit *test;
	struct hbitmap *hb;
	u64 size;
	unsigned int granularity;
	u64 nbits;
	u64 base;
	u64 bits;
	bool background;
	size_t bytes;
	u8 *map;
	u8 *buf;
	u64 random;
	unsigned int step;
	bool failed;
};

/* First bit in [@first, @last] with that value, or @last + 1. */
static u64 model_next(const struct model *m, u64 first, u64 last, bool value)
{
	u64 i;

	for (i = first; i <= last; i++) {
		if (i % 8 == 0 && m->map[i / 8] == (value ? 0 : 0xff))
			i += 7;
		else if (map_test(m->map, i) == value)
			return i;
	}
	return last + 1;
}

/* The item where bit @i of the window begins, and the first behind bit @i. */
static u64 model_item(const struct model *m, u64 i)
{
	return (m->base + i) << m->granularity;
}

static u64 model_item_end(const struct model *m, u64 i)
{
	return min(model_item(m, i + 1), m->size);
}

static void agree(struct model *m, const char *what, u64 got, u64 expected)
{
	if (got == expected)
		return;
	m->failed = true;
	KUNIT_FAIL(m->test,
		   "%s: %llu, expected %llu (size %llu granularity %u window %llu+%llu of %u, step %u)",
		   what, got, expected, m->size, m->granularity, m->base, m->bits,
		   m->background, m->step);
}

static bool model_init(struct model *m, struct kunit *test, u64 size,
		       unsigned int granularity, u64 base, u64 bits, bool background)
{
	memset(m, 0, sizeof(*m));
	m->test = test;
	m->size = size;
	m->granularity = granularity;
	m->nbits = ((size - 1) >> granularity) + 1;
	m->base = base;
	m->bits = min(bits, m->nbits - base);
	m->background = background;
	m->bytes = (m->bits + 63) / 64 * 8;
	m->random = 88172645463325252ULL + size + base + granularity;
	m->map = kvzalloc(m->bytes, GFP_KERNEL);
	m->buf = kvzalloc(m->bytes, GFP_KERNEL);
	m->hb = hbitmap_alloc(size, granularity, GFP_KERNEL);
	if (!m->map || !m->buf || IS_ERR(m->hb)) {
		KUNIT_FAIL(test, "no memory for the model");
		m->failed = true;
		return false;
	}
	if (background) {
		agree(m, "set all", hbitmap_set(m->hb, 0, size, GFP_KERNEL), 0);
		map_assign(m->map, 0, m->bits - 1, true);
	}
	return true;
}

static void model_exit(struct model *m)
{
	if (!IS_ERR_OR_NULL(m->hb))
		hbitmap_free(m->hb);
	kvfree(m->map);
	kvfree(m->buf);
}

/* All of the window, and what depends on all of the bitmap. */
static void model_check(struct model *m)
{
	u64 start = model_item(m, 0), count = model_item_end(m, m->bits - 1) - start;
	u64 weight = map_weight(m->map, 0, m->bits);

	if (m->background)
		weight += m->nbits - m->bits;
	agree(m, "count", hbitmap_count(m->hb), weight << m->granularity);
	agree(m, "empty", hbitmap_empty(m->hb), !weight);
	if (!weight || weight == m->nbits)
		agree(m, "memory of a uniform bitmap", hbitmap_memory(m->hb), 0);
	if (!hbitmap_is_serializable(m->hb))
		return;
	memset(m->buf, 0x5a, m->bytes);
	agree(m, "serialize", hbitmap_serialize_part(m->hb, m->buf, start, count), 0);
	agree(m, "content", memcmp(m->buf, m->map, m->bytes), 0);
}

/* A bit of the window, mostly near an edge of something. */
static u64 random_bit(struct model *m)
{
	static const unsigned int edges[] = { 0, 32, 64, 4096, 1 << 14, 1 << 20 };
	u64 bit;

	switch (random_below(&m->random, 4)) {
	case 0:
		return random_below(&m->random, m->bits);
	case 1:
		bit = m->bits - 1 - random_below(&m->random, min(m->bits, 70ULL));
		break;
	default:
		bit = edges[random_below(&m->random, ARRAY_SIZE(edges))];
		bit *= random_below(&m->random, 4);
		bit += random_below(&m->random, 7);
		bit = bit >= 3 ? bit - 3 : 0;
		break;
	}
	return min(bit, m->bits - 1);
}

static void random_range(struct model *m, u64 *first, u64 *last)
{
	u64 a = random_bit(m), b = random_bit(m);

	if (random_below(&m->random, 3) == 0)
		b = min(a + random_below(&m->random, 70), m->bits - 1);
	*first = min(a, b);
	*last = max(a, b);
}

/* A range of items within the groups @first to @last that touches both. */
static void random_items(struct model *m, u64 first, u64 last, u64 *start,
			 u64 *count)
{
	u64 head = model_item_end(m, first) - model_item(m, first);
	u64 tail = model_item_end(m, last) - model_item(m, last);
	u64 end;

	*start = model_item(m, first) + random_below(&m->random, head);
	end = model_item_end(m, last) - random_below(&m->random, tail);
	if (end <= *start)
		end = *start + 1;
	*count = end - *start;
}

static void step_change(struct model *m)
{
	u64 first, last, start, count;
	bool value = random_below(&m->random, 2);

	random_range(m, &first, &last);
	if (value) {
		random_items(m, first, last, &start, &count);
		agree(m, "set", hbitmap_set(m->hb, start, count, GFP_KERNEL), 0);
	} else {
		start = model_item(m, first);
		count = model_item_end(m, last) - start;
		agree(m, "reset", hbitmap_reset(m->hb, start, count, GFP_KERNEL), 0);
	}
	map_assign(m->map, first, last, value);
}

static void step_ask(struct model *m)
{
	u64 first, last, start, count, end, bit, stop, max, got[2] = { 1, 1 };
	u64 expected;
	s64 item;

	random_range(m, &first, &last);
	random_items(m, first, last, &start, &count);
	end = start + count;

	agree(m, "get", hbitmap_get(m->hb, start), map_test(m->map, first));

	bit = model_next(m, first, last, true);
	item = bit > last ? -1 : max(model_item(m, bit), start);
	agree(m, "next_dirty", hbitmap_next_dirty(m->hb, start, count), item);

	max = 1 + random_below(&m->random, count + 1);
	agree(m, "next_dirty_area",
	      hbitmap_next_dirty_area(m->hb, start, end, max, &got[0], &got[1]),
	      item >= 0);
	if (item >= 0) {
		stop = model_next(m, bit, last, false);
		expected = stop > last ? end : model_item(m, stop);
		agree(m, "area start", got[0], item);
		agree(m, "area count", got[1], min(expected - item, max));
	}

	bit = model_next(m, first, last, false);
	item = bit > last ? -1 : max(model_item(m, bit), start);
	agree(m, "next_zero", hbitmap_next_zero(m->hb, start, count), item);

	expected = map_weight(m->map, first, last + 1) << m->granularity;
	if (map_test(m->map, first))
		expected -= start - model_item(m, first);
	if (map_test(m->map, last))
		expected -= model_item(m, last + 1) - end;
	agree(m, "count_range", hbitmap_count_range(m->hb, start, count), expected);
}

static void step_iterate(struct model *m)
{
	struct hbitmap_iter iter;
	u64 bit = random_bit(m);
	unsigned int i;
	s64 item;

	hbitmap_iter_init(&iter, m->hb,
			  model_item(m, bit) +
			  random_below(&m->random, model_item_end(m, bit) -
						   model_item(m, bit)));
	for (i = 0; i < 100; i++) {
		item = hbitmap_iter_next(&iter);
		bit = model_next(m, bit, m->bits - 1, true);
		if (bit == m->bits) {
			if (m->base + m->bits == m->nbits || !m->background)
				agree(m, "end of iteration", item, -1);
			return;
		}
		agree(m, "iteration", item, model_item(m, bit));
		bit++;
	}
}

static void step_chunk(struct model *m)
{
	u64 first, last, start, count, size, kind = random_below(&m->random, 4);
	u64 i;
	int err;

	if (!hbitmap_is_serializable(m->hb))
		return;
	random_range(m, &first, &last);
	first -= first % 64;
	last = min(last - last % 64 + 63, m->bits - 1);
	start = model_item(m, first);
	count = model_item_end(m, last) - start;
	size = hbitmap_serialization_size(m->hb, start, count);
	agree(m, "serialization_size", size, (last - first) / 64 * 8 + 8);

	switch (kind) {
	case 0:
		agree(m, "serialize", hbitmap_serialize_part(m->hb, m->buf, start, count), 0);
		agree(m, "chunk", memcmp(m->buf, m->map + first / 8, size), 0);
		return;
	case 1:
		err = hbitmap_deserialize_zeroes(m->hb, start, count, GFP_KERNEL);
		map_assign(m->map, first, last, false);
		break;
	case 2:
		err = hbitmap_deserialize_ones(m->hb, start, count, GFP_KERNEL);
		map_assign(m->map, first, last, true);
		break;
	default:
		/* Leaves that are all zero, all one, sparse, dense. */
		memset(m->buf, random_below(&m->random, 2) ? 0xff : 0, size);
		for (i = 0; i < size; i += 1 + random_below(&m->random, 8000))
			m->buf[i] = random_next(&m->random) >> 32;
		if ((last + 1) % 8)
			m->buf[(last - first) / 8] &= (1U << ((last + 1) % 8)) - 1;
		for (i = (last - first) / 8 + 1; i < size; i++)
			m->buf[i] = 0;
		err = hbitmap_deserialize_part(m->hb, m->buf, start, count, GFP_KERNEL);
		memcpy(m->map + first / 8, m->buf, size);
		break;
	}
	agree(m, "deserialize", err, 0);
	hbitmap_deserialize_finish(m->hb);
}

static void model_run(struct model *m, unsigned int steps, unsigned int check)
{
	for (m->step = 0; m->step < steps && !m->failed; m->step++) {
		switch (random_below(&m->random, 8)) {
		case 0:
			step_chunk(m);
			break;
		case 1:
			step_iterate(m);
			break;
		case 2:
		case 3:
			step_ask(m);
			break;
		default:
			step_change(m);
			break;
		}
		if (m->step % check == check - 1)
			model_check(m);
		cond_resched();
	}
	model_check(m);

	/* Clear piecemeal, then fill piecemeal: no memory may stay. */
	if (!m->failed) {
		u64 start = model_item(m, 0);
		u64 half = model_item(m, m->bits / 2);
		u64 end = model_item_end(m, m->bits - 1);
		bool value = m->background;

		if (value) {
			hbitmap_set(m->hb, half, end - half, GFP_KERNEL);
			hbitmap_set(m->hb, start, half - start, GFP_KERNEL);
		} else {
			hbitmap_reset(m->hb, half, end - half, GFP_KERNEL);
			hbitmap_reset(m->hb, start, half - start, GFP_KERNEL);
		}
		map_assign(m->map, 0, m->bits - 1, value);
		model_check(m);
	}
}

static void model_compare(struct kunit *test, u64 nbits, unsigned int granularity,
			  unsigned int steps, unsigned int check)
{
	u64 size = nbits << granularity;
	struct model m;

	/* The last group is there in part. */
	if (granularity)
		size -= nbits & ((1ULL << min(granularity, 3U)) - 1);
	if (size > S64_MAX)
		size = S64_MAX;
	if (model_init(&m, test, size, granularity, 0, nbits, false))
		model_run(&m, steps, check);
	model_exit(&m);
}

static void model_compare_far(struct kunit *test, u64 nbits,
			      unsigned int granularity, u64 base, u64 bits,
			      bool background)
{
	struct model m;

	if (model_init(&m, test, nbits << granularity, granularity, base, bits,
		       background))
		model_run(&m, 200, 10);
	model_exit(&m);
}

static void random_operations_agree_with_a_model_in_one_leaf(struct kunit *test)
{
	static const u64 nbits[] = { 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129,
				     4095, 4096, 4097, LEAF - 1, LEAF };
	static const unsigned int granularities[] = { 0, 3, 12, 16 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(nbits); i++)
		for (j = 0; j < ARRAY_SIZE(granularities); j++)
			model_compare(test, nbits[i], granularities[j], 300, 1);
}

static void random_operations_agree_with_a_model_at_the_largest_granularities(struct kunit *test)
{
	static const u64 nbits[] = { 1, 2, 31, 32, 33, 63, 64 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nbits); i++)
		model_compare(test, nbits[i], 57, 300, 1);
	model_compare(test, 1, 63, 50, 1);
}

static void random_operations_agree_with_a_model_in_one_node(struct kunit *test)
{
	static const u64 nbits[] = { LEAF + 1, LEAF + 63, LEAF + 64, 2 * LEAF,
				     3 * LEAF - 1, 5 * LEAF + 77 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nbits); i++) {
		model_compare(test, nbits[i], 0, 300, 4);
		model_compare(test, nbits[i], 12, 300, 4);
	}
}

static void random_operations_agree_with_a_model_in_two_levels(struct kunit *test)
{
	static const u64 nbits[] = { NODE - 1, NODE, NODE + 1, NODE + LEAF - 1,
				     2 * NODE + 17 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nbits); i++)
		model_compare(test, nbits[i], i % 2 ? 16 : 3, 200, 20);
}

static void random_operations_agree_with_a_model_far_out(struct kunit *test)
{
	static const unsigned int shifts[] = { 26, 32, 38, 41 };
	unsigned int i, background;

	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		u64 edge = 1ULL << shifts[i];

		for (background = 0; background < 2; background++) {
			/* At the end, with and without a tail, and across an edge. */
			model_compare_far(test, edge, 0, edge - 3 * LEAF, 3 * LEAF,
					  background);
			model_compare_far(test, edge - 77, 3, edge - 2 * LEAF,
					  2 * LEAF, background);
			model_compare_far(test, edge, 12, edge / 2 - LEAF,
					  2 * LEAF + 64, background);
			if (edge < HBITMAP_MAX_BITS)
				model_compare_far(test, edge + 1, 0, edge - LEAF,
						  LEAF + 1, background);
		}
	}
}

static struct kunit_case hbitmap_model_cases[] = {
	KUNIT_CASE(random_operations_agree_with_a_model_in_one_leaf),
	KUNIT_CASE(random_operations_agree_with_a_model_at_the_largest_granularities),
	KUNIT_CASE(random_operations_agree_with_a_model_in_one_node),
	KUNIT_CASE(random_operations_agree_with_a_model_in_two_levels),
	KUNIT_CASE(random_operations_agree_with_a_model_far_out),
	{}
};

static struct kunit_suite hbitmap_model_suite = {
	.name = "hbitmap_model",
	.test_cases = hbitmap_model_cases,
};

kunit_test_suite(hbitmap_model_suite);

MODULE_DESCRIPTION("KUnit tests of hbitmap beside a model");
MODULE_LICENSE("GPL");
