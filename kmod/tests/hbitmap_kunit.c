// SPDX-License-Identifier: GPL-2.0
/*
 * What hbitmap promises, as tests. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define LEAF	((u64)HBITMAP_LEAF_BITS)
#define NODE	(LEAF * 64)

static struct hbitmap *bitmap_create(struct kunit *test, u64 size,
				     unsigned int granularity)
{
	struct hbitmap *hb = hbitmap_alloc(size, granularity, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(hb));
	return hb;
}

/* Own generator: the same sequence in every home. */
static u64 random_next(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1DULL;
}

static u64 random_below(u64 *state, u64 limit)
{
	/* The modulus of 32 bits, so that 32-bit machines need no division. */
	if (limit <= U32_MAX)
		return (u32)(random_next(state) >> 32) % (u32)limit;
	return random_next(state) & ((1ULL << (fls64(limit) - 1)) - 1);
}

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

static bool model_test(const struct model *m, u64 i)
{
	return m->map[i / 8] & (1U << (i % 8));
}

static void model_assign(struct model *m, u64 first, u64 last, bool value)
{
	u64 i;

	for (i = first; i <= last; i++) {
		if (i % 8 == 0 && last - i >= 8) {
			m->map[i / 8] = value ? 0xff : 0;
			i += 7;
		} else if (value) {
			m->map[i / 8] |= 1U << (i % 8);
		} else {
			m->map[i / 8] &= ~(1U << (i % 8));
		}
	}
}

/* First bit in [@first, @last] with that value, or @last + 1. */
static u64 model_next(const struct model *m, u64 first, u64 last, bool value)
{
	u64 i;

	for (i = first; i <= last; i++) {
		if (i % 8 == 0 && m->map[i / 8] == (value ? 0 : 0xff))
			i += 7;
		else if (model_test(m, i) == value)
			return i;
	}
	return last + 1;
}

static u64 model_weight(const struct model *m, u64 first, u64 last)
{
	u64 i, weight = 0;

	for (i = first; i <= last; i++) {
		if (i % 8 == 0 && last - i >= 8) {
			weight += hweight8(m->map[i / 8]);
			i += 7;
		} else {
			weight += model_test(m, i);
		}
	}
	return weight;
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
		model_assign(m, 0, m->bits - 1, true);
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
	u64 weight = model_weight(m, 0, m->bits - 1);

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
	model_assign(m, first, last, value);
}

static void step_ask(struct model *m)
{
	u64 first, last, start, count, end, bit, stop, max, got[2] = { 1, 1 };
	u64 expected;
	s64 item;

	random_range(m, &first, &last);
	random_items(m, first, last, &start, &count);
	end = start + count;

	agree(m, "get", hbitmap_get(m->hb, start), model_test(m, first));

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

	expected = model_weight(m, first, last) << m->granularity;
	if (model_test(m, first))
		expected -= start - model_item(m, first);
	if (model_test(m, last))
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
		model_assign(m, first, last, false);
		break;
	case 2:
		err = hbitmap_deserialize_ones(m->hb, start, count, GFP_KERNEL);
		model_assign(m, first, last, true);
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
		model_assign(m, 0, m->bits - 1, value);
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

static void fail_nth(unsigned int nth)
{
#ifdef CONFIG_FAILSLAB
	current->fail_nth = nth;
#endif
}

static bool fail_is_armed(void)
{
#ifdef CONFIG_FAILSLAB
	return current->fail_nth;
#else
	return true;
#endif
}

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

/* Concurrency: workers do a number of steps, watchers look on until they are done */

#define STEPS	20000

struct team {
	struct kunit *test;
	struct hbitmap *hb;
	atomic_t working;
	atomic_t errors;
	bool done;
	/* What a case needs besides. */
	u64 stride;
	bool background;
};

struct member {
	struct team *team;
	unsigned int id;
	/* One call is a step; a watcher has none to do and is called on and on. */
	bool (*step)(struct member *member, unsigned int step);
	unsigned int steps;
	u64 random;
	u8 *bits;
	struct task_struct *task;
};

static int member_main(void *data)
{
	struct member *m = data;
	struct team *team = m->team;
	unsigned int step;

	for (step = 0; m->steps ? step < m->steps : !READ_ONCE(team->done); step++) {
		if (!m->step(m, step))
			atomic_inc(&team->errors);
		cond_resched();
	}
	if (m->steps)
		atomic_dec(&team->working);
	while (!kthread_should_stop())
		usleep_range(200, 1000);
	return 0;
}

static void team_run(struct team *team, struct member *members, unsigned int n)
{
	struct kunit *test = team->test;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (members[i].steps)
			atomic_inc(&team->working);
	for (i = 0; i < n; i++) {
		members[i].team = team;
		members[i].id = i;
		members[i].random = 0x9e3779b97f4a7c15ULL * (i + 1);
		members[i].task = kthread_run(member_main, &members[i], "hbitmap/%u", i);
		if (IS_ERR(members[i].task)) {
			KUNIT_FAIL(test, "no thread: %ld", PTR_ERR(members[i].task));
			if (members[i].steps)
				atomic_dec(&team->working);
		}
	}
	while (atomic_read(&team->working))
		usleep_range(200, 1000);
	WRITE_ONCE(team->done, true);
	for (i = 0; i < n; i++)
		if (!IS_ERR(members[i].task))
			kthread_stop(members[i].task);
	KUNIT_EXPECT_EQ(test, atomic_read(&team->errors), 0);
}

/* Whatever happened, the count and every way to look at the content agree. */
static void expect_consistent(struct kunit *test, struct hbitmap *hb)
{
	u64 bit, run, size = hbitmap_size(hb), weight = 0, area, length;
	u8 *buf = kvzalloc((size + 63) / 64 * 8, GFP_KERNEL);
	unsigned int wrong = 0;

	KUNIT_ASSERT_TRUE(test, buf);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 0, size), 0);
	for (bit = 0; bit < size; bit++) {
		bool dirty = buf[bit / 8] & (1U << (bit % 8));

		weight += dirty;
		wrong += hbitmap_get(hb, bit) != dirty;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), weight);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, size), weight);
	KUNIT_EXPECT_EQ(test, hbitmap_empty(hb), !weight);

	run = 0;
	for (bit = 0; hbitmap_next_dirty_area(hb, bit, size, size, &area, &length);
	     bit = area + length)
		run += length;
	KUNIT_EXPECT_EQ(test, run, weight);
	kvfree(buf);

	hbitmap_reset_all(hb);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
}

/* A watcher that asks everything and checks what holds at any time. */
static bool watch_everything(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 size = hbitmap_size(hb);
	u64 start = random_below(&m->random, size);
	u64 count = 1 + random_below(&m->random, size - start);
	u64 area, length, chunk = start - start % 64;
	struct hbitmap_iter iter;
	unsigned int i;
	s64 item, last;
	u8 buf[64];

	item = hbitmap_next_dirty(hb, start, count);
	if (item != -1 && (item < (s64)start || item >= (s64)(start + count)))
		return false;
	item = hbitmap_next_zero(hb, start, count);
	if (item != -1 && (item < (s64)start || item >= (s64)(start + count)))
		return false;
	if (hbitmap_next_dirty_area(hb, start, start + count, 100, &area, &length) &&
	    (area < start || !length || length > 100 || area + length > start + count))
		return false;
	if (hbitmap_count_range(hb, start, count) > count || hbitmap_count(hb) > size)
		return false;
	if (hbitmap_serialize_part(hb, buf, chunk, min(512ULL, size - chunk)))
		return false;
	if (size % 64 && chunk + 512 > size) {
		u64 tail = size - chunk;

		if (buf[tail / 8] & ~((1U << (tail % 8)) - 1))
			return false;
	}
	hbitmap_iter_init(&iter, hb, start);
	for (i = 0, last = -1; i < 10; i++) {
		item = hbitmap_iter_next(&iter);
		if (item == -1)
			break;
		if (item <= last || item < (s64)start)
			return false;
		last = item;
	}
	return true;
}

/*
 * The bitmap of the writers: leaf 0, whose head is busy and which is empty often;
 * leaf 1, which a member of its own sets and resets as a whole with parts of its
 * neighbours; leaf 2, which has a tail of 48 bits and is empty and full often.
 */
#define BUSY		64
#define RANGE_START	(LEAF - 100)
#define RANGE_END	(2 * LEAF + 16)
#define SHARED_SIZE	(2 * LEAF + 48)

/* Change some of the bits that are mine: each byte belongs to one member. */
static bool write_own_bits(struct member *m, unsigned int step)
{
	u64 group = random_below(&m->random, BUSY / 8 + 4), first, count, i;
	bool value = random_below(&m->random, 8) < 4 + (step / 64 % 2 ? 3 : -3);
	unsigned int from = random_below(&m->random, 8);
	int err;

	if (group % 2 != m->id % 2)
		group ^= 1;
	first = group < BUSY / 8 ? group * 8 : RANGE_END + (group - BUSY / 8) * 8;
	count = 1 + random_below(&m->random, 8 - from);
	for (i = from; i < from + count; i++)
		m->bits[first / 8] = (m->bits[first / 8] & ~(1U << i)) | value << i;
	err = value ? hbitmap_set(m->team->hb, first + from, count, GFP_KERNEL) :
		      hbitmap_reset(m->team->hb, first + from, count, GFP_KERNEL);
	return !err && hbitmap_get(m->team->hb, first + from) == value;
}

static bool write_range(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 start = RANGE_START + random_below(&m->random, 100);
	u64 end = RANGE_END - random_below(&m->random, 16);
	int err;

	if (step % 2)
		err = hbitmap_reset(hb, RANGE_START, RANGE_END - RANGE_START, GFP_KERNEL);
	else
		err = hbitmap_set(hb, start, end - start, GFP_KERNEL);
	if (step % 2)
		start = end;
	return !err && hbitmap_count_range(hb, RANGE_START, RANGE_END - RANGE_START) ==
		       end - start;
}

static void writers_in_disjoint_areas_end_as_the_model_predicts(struct kunit *test)
{
	static u8 model[SHARED_SIZE / 8], found[(SHARED_SIZE + 63) / 64 * 8];
	struct member members[4] = {
		{ .step = write_own_bits, .steps = STEPS, .bits = model },
		{ .step = write_own_bits, .steps = STEPS, .bits = model },
		{ .step = write_range, .steps = STEPS },
		{ .step = watch_everything },
	};
	struct team team = { .test = test };

	memset(model, 0, sizeof(model));
	memset(found, 0, sizeof(found));
	team.hb = bitmap_create(test, SHARED_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(team.hb, found, 0, SHARED_SIZE), 0);
	KUNIT_EXPECT_EQ(test, memcmp(model, found, sizeof(model)), 0);
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* Anything anywhere, also what others are at. */
static bool write_anywhere(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 size = hbitmap_size(hb);
	u64 start = random_below(&m->random, size), count;
	u8 buf[64];

	switch (random_below(&m->random, 8)) {
	case 0:
		count = 1 + random_below(&m->random, size - start);
		return !hbitmap_set(hb, start, count, GFP_KERNEL);
	case 1:
	case 2:
		count = 1 + random_below(&m->random, size - start);
		return !hbitmap_reset(hb, start, count, GFP_KERNEL);
	case 3:
		memset(buf, random_next(&m->random) >> 32, sizeof(buf));
		start = min(start - start % 64, LEAF + 512);
		return !hbitmap_deserialize_part(hb, buf, start, 512, GFP_KERNEL);
	case 4:
		start = LEAF;
		count = LEAF;
		return !hbitmap_set(hb, start, count, GFP_KERNEL);
	case 5:
		hbitmap_reset_all(hb);
		return true;
	default:
		return !hbitmap_set(hb, start, 1, GFP_KERNEL) &&
		       !hbitmap_reset(hb, start / 2, 1, GFP_KERNEL);
	}
}

static void writers_in_one_area_leave_a_consistent_bitmap(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_anywhere, .steps = STEPS },
		{ .step = write_anywhere, .steps = STEPS },
		{ .step = watch_everything },
	};
	struct team team = { .test = test };

	team.hb = bitmap_create(test, SHARED_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* Each member has one bit of each leaf, next to the other's. */
static bool set_and_find(struct member *m, unsigned int step)
{
	u64 leaf = random_below(&m->random, 3) * LEAF, bit = leaf + 63 + m->id;
	struct hbitmap *hb = m->team->hb;
	u64 start, count;
	s64 item;

	if (hbitmap_set(hb, bit, 1, GFP_KERNEL) || !hbitmap_get(hb, bit) ||
	    hbitmap_empty(hb) || hbitmap_next_dirty(hb, bit, 1) != (s64)bit ||
	    hbitmap_count_range(hb, bit, 1) != 1)
		return false;
	item = hbitmap_next_dirty(hb, leaf, LEAF);
	if (item < (s64)leaf || item > (s64)bit)
		return false;
	if (!hbitmap_next_dirty_area(hb, bit, bit + 1, 1, &start, &count))
		return false;
	return !hbitmap_reset(hb, bit, 1, GFP_KERNEL) && !hbitmap_get(hb, bit) &&
	       hbitmap_next_zero(hb, bit, 1) == (s64)bit;
}

static void what_was_set_is_found_while_neighbours_are_reset(struct kunit *test)
{
	struct member members[] = {
		{ .step = set_and_find, .steps = STEPS },
		{ .step = set_and_find, .steps = STEPS },
	};
	struct team team = { .test = test };

	team.hb = bitmap_create(test, 3 * LEAF, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(team.hb));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/*
 * One member changes bit after bit, each in a word, and often a leaf and a node,
 * that nobody touched before. Whoever sees one changed must find it as well.
 */
static bool change_next(struct member *m, unsigned int step)
{
	struct team *team = m->team;
	u64 item = step * team->stride;

	return team->background ? !hbitmap_reset(team->hb, item, 1, GFP_KERNEL) :
				  !hbitmap_set(team->hb, item, 1, GFP_KERNEL);
}

static bool find_what_changed(struct member *m, unsigned int step)
{
	struct team *team = m->team;
	u64 item = step * team->stride;
	s64 found;

	while (hbitmap_get(team->hb, item) == team->background) {
		if (atomic_read(&team->errors))
			return false;
		cond_resched();
	}
	if (team->background)
		found = hbitmap_next_zero(team->hb, item, team->stride);
	else
		found = hbitmap_next_dirty(team->hb, item, team->stride);
	return found == (s64)item;
}

static void what_one_saw_is_not_denied_by_a_summary(struct kunit *test)
{
	static const u64 strides[] = { 64, 65 * 64, LEAF, NODE + 64 };
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(strides); i++) {
		struct member members[] = {
			{ .step = change_next, .steps = 2000 },
			{ .step = find_what_changed, .steps = 2000 },
		};
		struct team team = {
			.test = test, .stride = strides[i / 2], .background = i % 2,
		};

		team.hb = bitmap_create(test, 2000 * team.stride, 0);
		if (team.background)
			hbitmap_set(team.hb, 0, 2000 * team.stride, GFP_KERNEL);
		team_run(&team, members, ARRAY_SIZE(members));
		hbitmap_free(team.hb);
	}
}

/*
 * One member resets the only bit of a leaf; as soon as the other sees that, it
 * sets it again. The reset, which may still be about to give the leaf back, must not
 * take effect twice.
 */
static struct {
	unsigned int begun;
	unsigned int done;
	unsigned int checked;
} turn;

static bool wait_for_turn(struct team *team, unsigned int *counter, unsigned int value)
{
	/* Pairs with the release of who counts. */
	while (smp_load_acquire(counter) != value) {
		if (atomic_read(&team->errors))
			return false;
		cond_resched();
	}
	return true;
}

static bool reset_once(struct member *m, unsigned int step)
{
	int err;

	if (!wait_for_turn(m->team, &turn.checked, step))
		return false;
	WRITE_ONCE(turn.begun, step + 1);
	err = hbitmap_reset(m->team->hb, LEAF, 1, GFP_KERNEL);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.done, step + 1);
	return !err;
}

static bool set_after_reset(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	bool stays;

	if (!wait_for_turn(m->team, &turn.begun, step + 1))
		return false;
	while (hbitmap_get(hb, LEAF))
		cond_resched();
	if (hbitmap_set(hb, LEAF, 1, GFP_KERNEL) ||
	    !wait_for_turn(m->team, &turn.done, step + 1))
		return false;
	stays = hbitmap_get(hb, LEAF);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.checked, step + 1);
	return stays;
}

static void a_reset_takes_effect_once(struct kunit *test)
{
	unsigned int steps = num_online_cpus() > 1 ? 1000 : 5;
	struct member members[] = {
		{ .step = reset_once, .steps = steps },
		{ .step = set_after_reset, .steps = steps },
	};
	struct team team = { .test = test };

	memset(&turn, 0, sizeof(turn));
	team.hb = bitmap_create(test, 2 * LEAF, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* RCU callbacks run in softirqs. */
struct softirq_user {
	struct rcu_head rcu;
	struct hbitmap *hb;
	int set, reset;
	bool dirty;
};

static void use_in_softirq(struct rcu_head *rcu)
{
	struct softirq_user *user = container_of(rcu, struct softirq_user, rcu);

	user->set = hbitmap_set(user->hb, LEAF / 2, 2 * LEAF, GFP_ATOMIC);
	user->dirty = hbitmap_get(user->hb, LEAF) &&
		      hbitmap_next_dirty(user->hb, LEAF, LEAF) == LEAF;
	user->reset = hbitmap_reset(user->hb, LEAF / 2, 2 * LEAF, GFP_ATOMIC);
}

static void softirqs_may_do_all_that_processes_may(struct kunit *test)
{
	static struct softirq_user user;
	u64 bit;

	user.hb = bitmap_create(test, 8 * LEAF, 0);
	call_rcu(&user.rcu, use_in_softirq);
	for (bit = 4 * LEAF; bit < 5 * LEAF; bit++)
		KUNIT_ASSERT_EQ(test, hbitmap_set(user.hb, bit, 1, GFP_KERNEL), 0);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, user.set, 0);
	KUNIT_EXPECT_TRUE(test, user.dirty);
	KUNIT_EXPECT_EQ(test, user.reset, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(user.hb), (u64)LEAF);
	expect_consistent(test, user.hb);
	hbitmap_free(user.hb);
}

/*
 * One member sets most of a leaf at once; as soon as the other sees the first of
 * these items, the count must have all of them.
 */
#define MOST_OF_LEAF	(LEAF - 100)

static bool set_most(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;

	if (!wait_for_turn(m->team, &turn.checked, step))
		return false;
	if (hbitmap_reset(hb, 0, MOST_OF_LEAF, GFP_KERNEL))
		return false;
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.begun, step + 1);
	return !hbitmap_set(hb, 0, MOST_OF_LEAF, GFP_KERNEL);
}

static bool count_what_was_seen(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 count;

	if (!wait_for_turn(m->team, &turn.begun, step + 1))
		return false;
	while (!hbitmap_get(hb, 0)) {
		if (atomic_read(&m->team->errors))
			return false;
		cond_resched();
	}
	count = hbitmap_count_range(hb, 0, LEAF);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.checked, step + 1);
	return count == MOST_OF_LEAF + 1;
}

static void what_one_saw_is_not_denied_by_a_count(struct kunit *test)
{
	struct member members[] = {
		{ .step = set_most, .steps = 200 },
		{ .step = count_what_was_seen, .steps = 200 },
	};
	struct team team = { .test = test };

	memset(&turn, 0, sizeof(turn));
	team.hb = bitmap_create(test, LEAF, 0);
	/* The leaf stays, whatever the others do. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF - 1, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	hbitmap_free(team.hb);
}

/*
 * Items with data: one member writes the data and sets the item, the other resets
 * the item and reads the data. What was set is dirty or its data was seen.
 */
#define DATA	8

static struct {
	unsigned int data;
	unsigned int written;
	unsigned int seen;
} harvest_items[DATA];

/* Many in a step, so that both members are at it at the same time. */
#define BURST	64

/* So many tell that both ran at the same time for long enough. */
#define HARVESTS	(10 * STEPS)

static unsigned int harvests;

static bool write_and_set(struct member *m, unsigned int step)
{
	unsigned int i, n, value;

	for (n = 0; n < BURST; n++) {
		i = n % DATA;
		value = harvest_items[i].data + 1;
		WRITE_ONCE(harvest_items[i].data, value);
		if (hbitmap_set(m->team->hb, i, 1, GFP_KERNEL))
			return false;
		/* Pairs with the acquire in is_seen_or_dirty(). */
		smp_store_release(&harvest_items[i].written, value);
	}
	return true;
}

/* Was the last write set so late that it is dirty, or so early that it was seen? */
static bool is_seen_or_dirty(struct hbitmap *hb, unsigned int i)
{
	unsigned int written;

	/* Pairs with the release in write_and_set(). */
	written = smp_load_acquire(&harvest_items[i].written);
	return harvest_items[i].seen >= written || hbitmap_get(hb, i);
}

static bool harvest(struct hbitmap *hb, unsigned int i)
{
	unsigned int n;

	if (hbitmap_get(hb, i)) {
		if (hbitmap_reset(hb, i, 1, GFP_KERNEL))
			return false;
		harvest_items[i].seen = READ_ONCE(harvest_items[i].data);
		harvests++;
	}
	/* At once, and for a while: the next write of the item hides what was lost. */
	for (n = 0; n < 16; n++)
		if (!is_seen_or_dirty(hb, i))
			return false;
	return true;
}

static bool reset_and_read(struct member *m, unsigned int step)
{
	unsigned int n;

	for (n = 0; n < BURST && harvests < HARVESTS; n++)
		if (!harvest(m->team->hb, n % DATA))
			return false;
	return true;
}

static void no_write_is_lost_between_set_and_reset(struct kunit *test)
{
	/* It takes two CPUs, and fences, which the thread sanitizers ignore. */
	bool races = num_online_cpus() > 1 && !IS_ENABLED(CONFIG_KCSAN);
	struct member members[] = {
		{ .step = write_and_set },
		{ .step = reset_and_read, .steps = races ? 2 * STEPS : STEPS / 50 },
	};
	struct team team = { .test = test };
	unsigned int i;

	memset(harvest_items, 0, sizeof(harvest_items));
	harvests = 0;
	team.hb = bitmap_create(test, LEAF, 0);
	/* The leaf stays, so that both are fast. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF - 1, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	for (i = 0; i < DATA; i++)
		KUNIT_EXPECT_TRUE(test, is_seen_or_dirty(team.hb, i));
	hbitmap_free(team.hb);
}

/* Leaf 1, of which each writer changes the same range in one call */
#define SNAP_START	(LEAF + 640)
#define SNAP_END	(2 * LEAF - 128)
#define SNAP_COUNT	(SNAP_END - SNAP_START)

static bool write_snapshot(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;

	return step % 2 ? !hbitmap_reset(hb, SNAP_START, SNAP_COUNT, GFP_KERNEL) :
			  !hbitmap_set(hb, SNAP_START, SNAP_COUNT, GFP_KERNEL);
}

static bool write_snapshot_chunk(struct member *m, unsigned int step)
{
	memset(m->bits, step % 3 ? 0x11 << (step % 4) : 0, LEAF / 8);
	return !hbitmap_deserialize_part(m->team->hb, m->bits, LEAF, LEAF, GFP_KERNEL);
}

static bool read_snapshot(struct member *m, unsigned int step)
{
	u8 *first = m->bits + (SNAP_START - LEAF) / 8;
	u64 count = hbitmap_count_range(m->team->hb, SNAP_START, SNAP_COUNT);

	if (count && count != SNAP_COUNT && count != SNAP_COUNT / 4)
		return false;
	if (hbitmap_serialize_part(m->team->hb, m->bits, LEAF, LEAF))
		return false;
	return !memcmp(first, first + 1, SNAP_COUNT / 8 - 1);
}

static void snapshot_run(struct kunit *test, struct member *members, unsigned int n,
			 u64 outside)
{
	static u8 bufs[3][HBITMAP_LEAF_BITS / 8];
	struct team team = { .test = test };
	unsigned int i;

	team.hb = bitmap_create(test, 3 * LEAF, 0);
	/* With a bit outside of the range the leaf stays, else it comes and goes. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, outside, 1, GFP_KERNEL), 0);
	for (i = 0; i < n; i++)
		members[i].bits = bufs[i];
	team_run(&team, members, n);
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

static void a_serialized_leaf_is_as_it_was_at_one_moment(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_snapshot, .steps = STEPS },
		{ .step = read_snapshot },
	};

	snapshot_run(test, members, ARRAY_SIZE(members), LEAF);
	snapshot_run(test, members, ARRAY_SIZE(members), 0);
}

static void a_chunk_is_loaded_leaf_by_leaf_at_one_moment(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_snapshot, .steps = STEPS / 2 },
		{ .step = write_snapshot_chunk, .steps = STEPS / 2 },
		{ .step = read_snapshot },
	};

	snapshot_run(test, members, ARRAY_SIZE(members), 0);
}

static struct kunit_case hbitmap_cases[] = {
	KUNIT_CASE(random_operations_agree_with_a_model_in_one_leaf),
	KUNIT_CASE(random_operations_agree_with_a_model_at_the_largest_granularities),
	KUNIT_CASE(random_operations_agree_with_a_model_in_one_node),
	KUNIT_CASE(random_operations_agree_with_a_model_in_two_levels),
	KUNIT_CASE(random_operations_agree_with_a_model_far_out),
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
	KUNIT_CASE(writers_in_disjoint_areas_end_as_the_model_predicts),
	KUNIT_CASE(writers_in_one_area_leave_a_consistent_bitmap),
	KUNIT_CASE(what_was_set_is_found_while_neighbours_are_reset),
	KUNIT_CASE(what_one_saw_is_not_denied_by_a_summary),
	KUNIT_CASE(what_one_saw_is_not_denied_by_a_count),
	KUNIT_CASE(softirqs_may_do_all_that_processes_may),
	KUNIT_CASE(a_reset_takes_effect_once),
	KUNIT_CASE(no_write_is_lost_between_set_and_reset),
	KUNIT_CASE(a_serialized_leaf_is_as_it_was_at_one_moment),
	KUNIT_CASE(a_chunk_is_loaded_leaf_by_leaf_at_one_moment),
	{}
};

static struct kunit_suite hbitmap_suite = {
	.name = "hbitmap",
	.test_cases = hbitmap_cases,
};

kunit_test_suite(hbitmap_suite);

MODULE_DESCRIPTION("KUnit tests of hbitmap");
MODULE_LICENSE("GPL");
