// SPDX-License-Identifier: GPL-2.0
/* What the twin's allocators, bits, numbers and KUnit promise. */
#include <asm/byteorder.h>
#include <asm/page.h>
#include <asm/unaligned.h>
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <twin.h>

static void kmalloc_aligns_powers_of_two(struct kunit *test)
{
	size_t size;

	for (size = 1; size <= PAGE_SIZE * 4; size *= 2) {
		void *p = kmalloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
						   min(size, PAGE_SIZE)));
		kfree(p);
	}
}

static void zalloc_zeroes_and_alloc_does_not(struct kunit *test)
{
	u8 *zero = kzalloc(100, GFP_KERNEL), *poison = kmalloc(100, GFP_KERNEL);
	u8 *table = kvcalloc(100, 100, GFP_KERNEL);

	KUNIT_EXPECT_NULL(test, memchr_inv(zero, 0, 100));
	KUNIT_EXPECT_NULL(test, memchr_inv(table, 0, 10000));
	if (IS_ENABLED(TWIN_DEBUG))
		KUNIT_EXPECT_NOT_NULL(test, memchr_inv(poison, 0, 100));
	kfree(zero);
	kfree(poison);
	kvfree(table);
	kfree(NULL);
	kvfree(NULL);
	vfree(NULL);
}

static void sizes_that_overflow_are_refused(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, kmalloc_array(SIZE_MAX / 2, 3,
					      GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, kvcalloc(SIZE_MAX / 2, 3,
					 GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, kmalloc(KMALLOC_MAX_SIZE + 1,
					GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_PTR_EQ(test, kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
}

static void construct(void *object)
{
	memset(object, 0x77, 24);
}

static void caches_align_and_construct(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("aligned", 40, 0,
						     SLAB_HWCACHE_ALIGN, NULL);
	struct kmem_cache *made = kmem_cache_create("made", 24, 0, 0, construct);
	u8 *objects[8], *object;
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, made);
	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_zalloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, objects[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)objects[i], 64));
		KUNIT_EXPECT_NULL(test, memchr_inv(objects[i], 0, 40));
	}
	while (i--)
		kmem_cache_free(cache, objects[i]);
	object = kmem_cache_alloc(made, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, memchr_inv(object, 0x77, 24));
	kmem_cache_free(made, object);
	kmem_cache_destroy(made);
	kmem_cache_destroy(cache);
}

static void live_objects_are_counted(struct kunit *test)
{
	long before = twin_nr_allocated();
	unsigned long page = get_zeroed_page(GFP_KERNEL);
	void *p = kmalloc(10, GFP_ATOMIC);
	void *v = vzalloc(10);

	KUNIT_EXPECT_EQ(test, twin_nr_allocated(), before + 3);
	free_page(page);
	kfree(p);
	vfree(v);
	KUNIT_EXPECT_EQ(test, twin_nr_allocated(), before);
}

static int make_three(void)
{
	void *a = kmalloc(8, GFP_KERNEL);
	void *b = kvzalloc(8 * PAGE_SIZE, GFP_KERNEL);
	unsigned long c = __get_free_page(GFP_KERNEL);
	int ret = a && b && c ? 0 : -ENOMEM;

	kfree(a);
	kvfree(b);
	free_page(c);
	return ret;
}

static void every_failure_point_is_reached(struct kunit *test)
{
	unsigned int nth, failures = 0;
	int ret;

	for (nth = 1;; nth++) {
		twin_fail_nth(nth);
		ret = make_three();
		if (!twin_fail_fired())
			break;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		failures++;
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, failures, 3);
	twin_fail_nth(1);
	kfree(kmalloc(1, GFP_KERNEL | __GFP_NOFAIL));
	KUNIT_EXPECT_FALSE(test, twin_fail_fired());
}

#define BITS	200

static void finders_agree_with_a_loop(struct kunit *test)
{
	DECLARE_BITMAP(map, BITS);
	unsigned long from, size, i;
	unsigned int round;

	for (round = 0; round < 20; round++) {
		bitmap_zero(map, BITS);
		for (i = 0; i < round; i++)
			__set_bit(get_random_u32_below(BITS), map);
		for (size = BITS - 70; size <= BITS; size += 7) {
			for (from = 0; from <= size; from += 5) {
				for (i = from; i < size && !test_bit(i, map); i++)
					;
				KUNIT_ASSERT_EQ(test, find_next_bit(map, size, from), i);
				for (i = from; i < size && test_bit(i, map); i++)
					;
				KUNIT_ASSERT_EQ(test, find_next_zero_bit(map, size, from), i);
			}
			for (i = size; i && !test_bit(i - 1, map); i--)
				;
			KUNIT_ASSERT_EQ(test, find_last_bit(map, size),
					i ? i - 1 : size);
		}
	}
}

static void bitmaps_are_sets(struct kunit *test)
{
	DECLARE_BITMAP(a, BITS);
	DECLARE_BITMAP(b, BITS);
	DECLARE_BITMAP(c, BITS);
	unsigned int bit, n = 0;

	bitmap_zero(a, BITS);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(a, BITS));
	bitmap_set(a, 60, 70);
	KUNIT_EXPECT_EQ(test, bitmap_weight(a, BITS), 70);
	bitmap_fill(b, BITS);
	KUNIT_EXPECT_TRUE(test, bitmap_full(b, BITS));
	bitmap_clear(b, 100, 100);
	KUNIT_EXPECT_EQ(test, bitmap_weight(b, BITS), 100);
	KUNIT_EXPECT_TRUE(test, bitmap_and(c, a, b, BITS));
	KUNIT_EXPECT_EQ(test, bitmap_weight(c, BITS), 40);
	KUNIT_EXPECT_TRUE(test, bitmap_subset(c, a, BITS));
	KUNIT_EXPECT_FALSE(test, bitmap_subset(a, c, BITS));
	bitmap_or(c, a, b, BITS);
	KUNIT_EXPECT_EQ(test, bitmap_weight(c, BITS), 130);
	KUNIT_EXPECT_TRUE(test, bitmap_andnot(c, a, b, BITS));
	KUNIT_EXPECT_EQ(test, bitmap_weight(c, BITS), 30);
	KUNIT_EXPECT_FALSE(test, bitmap_intersects(c, b, BITS));
	bitmap_copy(b, a, BITS);
	KUNIT_EXPECT_TRUE(test, bitmap_equal(a, b, BITS));
	for_each_set_bit(bit, a, BITS)
		n += test_and_clear_bit(bit, b);
	KUNIT_EXPECT_EQ(test, n, 70);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(b, BITS));
}

static void numbers_are_the_kernels(struct kunit *test)
{
	unsigned long x = 1000;
	u64 big = 10000000000ULL;
	size_t sum;
	u8 small;

	KUNIT_EXPECT_EQ(test, ilog2(x), 9);
	KUNIT_EXPECT_EQ(test, roundup_pow_of_two(x), 1024);
	KUNIT_EXPECT_EQ(test, rounddown_pow_of_two(x), 512);
	KUNIT_EXPECT_EQ(test, roundup_pow_of_two(1024), 1024);
	KUNIT_EXPECT_EQ(test, order_base_2(x), 10);
	KUNIT_EXPECT_TRUE(test, is_power_of_2(64));
	KUNIT_EXPECT_FALSE(test, is_power_of_2(65) || is_power_of_2(0));
	KUNIT_EXPECT_EQ(test, __ffs(x), 3);
	KUNIT_EXPECT_EQ(test, __fls(x), 9);
	KUNIT_EXPECT_EQ(test, ffs(0), 0);
	KUNIT_EXPECT_EQ(test, fls64(big), 34);
	KUNIT_EXPECT_EQ(test, hweight64(0xf0f0ULL), 8);
	KUNIT_EXPECT_EQ(test, GENMASK(7, 4), 0xf0);
	KUNIT_EXPECT_EQ(test, round_up(x, 64), 1024);
	KUNIT_EXPECT_EQ(test, round_down(x, 64), 960);
	KUNIT_EXPECT_EQ(test, ALIGN(x, 16), 1008);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP_ULL(big, 3), 3333333334ULL);
	KUNIT_EXPECT_EQ(test, do_div(big, 7), 4);
	KUNIT_EXPECT_EQ(test, big, 1428571428ULL);
	KUNIT_EXPECT_EQ(test, clamp(x, 5UL, 10UL), 10);
	KUNIT_EXPECT_TRUE(test, check_add_overflow(SIZE_MAX, (size_t)1, &sum));
	KUNIT_EXPECT_FALSE(test, check_add_overflow((size_t)1, (size_t)2, &sum));
	KUNIT_EXPECT_TRUE(test, check_shl_overflow(3, 7, &small));
	KUNIT_EXPECT_EQ(test, size_mul(SIZE_MAX, 2), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, hash_32(1, 32), 0x61C88647U);
	KUNIT_EXPECT_EQ(test, swab64(0x0102030405060708ULL), 0x0807060504030201ULL);
}

static void le64_is_little_endian(struct kunit *test)
{
	__le64 le = cpu_to_le64(0x0102030405060708ULL);
	u8 bytes[9] = { 0 };

	memcpy(bytes + 1, &le, 8);
	KUNIT_EXPECT_EQ(test, bytes[1], 8);
	KUNIT_EXPECT_EQ(test, bytes[8], 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(le), 0x0102030405060708ULL);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 1), 0x0102030405060708ULL);
	put_unaligned_le32(7, bytes + 1);
	KUNIT_EXPECT_EQ(test, bytes[1], 7);
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void strings_and_sort(struct kunit *test)
{
	int values[] = { 5, 1, 4 };
	char buf[4];

	KUNIT_EXPECT_EQ(test, strscpy(buf, "abc", sizeof(buf)), 3);
	KUNIT_EXPECT_EQ(test, strscpy(buf, "abcd", sizeof(buf)), -E2BIG);
	KUNIT_EXPECT_STREQ(test, buf, "abc");
	KUNIT_EXPECT_EQ(test, scnprintf(buf, sizeof(buf), "%d", 12345), 3);
	sort(values, ARRAY_SIZE(values), sizeof(values[0]), by_value, NULL);
	KUNIT_EXPECT_EQ(test, values[0] * 100 + values[1] * 10 + values[2], 145);
	KUNIT_EXPECT_TRUE(test, IS_ERR(ERR_PTR(-ENOMEM)));
	KUNIT_EXPECT_FALSE(test, IS_ERR(test));
	KUNIT_EXPECT_EQ(test, PTR_ERR(ERR_PTR(-ENOTSUPP)), -524);
}

static int inits, exits, suite_inits;

static int count_suite_init(struct kunit_suite *suite)
{
	suite_inits++;
	return 0;
}

static int params_sum;

/* The digits of all parameters, unless a filter left them out. */
static void check_suite_exit(struct kunit_suite *suite)
{
	WARN_ON(params_sum && params_sum != 314);
	suite_inits = 0;
}

static int count_init(struct kunit *test)
{
	inits++;
	test->priv = kunit_kzalloc(test, 16, GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void count_exit(struct kunit *test)
{
	exits++;
}

static void first_case(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, inits - exits, 1);
	KUNIT_EXPECT_EQ(test, suite_inits, 1);
	kunit_kfree(test, test->priv);
}

static const int params[] = { 3, 1, 4 };

static void describe(const int *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "number %d", *param);
}

KUNIT_ARRAY_PARAM(number, params, describe);

static void second_case_has_params(struct kunit *test)
{
	const int *param = test->param_value;

	if (test->param_index == 0)
		params_sum = 0;
	params_sum = params_sum * 10 + *param;
}

static struct kunit_case lib_cases[] = {
	KUNIT_CASE(kmalloc_aligns_powers_of_two),
	KUNIT_CASE(zalloc_zeroes_and_alloc_does_not),
	KUNIT_CASE(sizes_that_overflow_are_refused),
	KUNIT_CASE(caches_align_and_construct),
	KUNIT_CASE(live_objects_are_counted),
	KUNIT_CASE(every_failure_point_is_reached),
	KUNIT_CASE(finders_agree_with_a_loop),
	KUNIT_CASE(bitmaps_are_sets),
	KUNIT_CASE(numbers_are_the_kernels),
	KUNIT_CASE(le64_is_little_endian),
	KUNIT_CASE(strings_and_sort),
	{}
};

static struct kunit_suite lib_suite = {
	.name = "twin_lib",
	.test_cases = lib_cases,
};

static struct kunit_case kunit_cases[] = {
	KUNIT_CASE(first_case),
	KUNIT_CASE_PARAM(second_case_has_params, number_gen_params),
	{}
};

static struct kunit_suite kunit_suite = {
	.name = "twin_kunit",
	.suite_init = count_suite_init,
	.suite_exit = check_suite_exit,
	.init = count_init,
	.exit = count_exit,
	.test_cases = kunit_cases,
};

kunit_test_suites(&lib_suite, &kunit_suite);
