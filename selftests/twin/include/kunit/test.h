/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What KUnit offers in 6.1, so that a suite that builds here builds in every
 * supported kernel. Each case runs in a thread of its own.
 */
#ifndef _TWIN_KUNIT_TEST_H
#define _TWIN_KUNIT_TEST_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kconfig.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

#define KUNIT_PARAM_DESC_SIZE		128
#define KUNIT_STATUS_COMMENT_SIZE	256

enum kunit_status {
	KUNIT_SUCCESS,
	KUNIT_FAILURE,
	KUNIT_SKIPPED,
};

struct kunit {
	void *priv;

	/* private: */
	const char *name;
	const void *param_value;
	int param_index;
	enum kunit_status status;
	char status_comment[KUNIT_STATUS_COMMENT_SIZE];
	void *twin;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;

	/* private: */
	struct kunit_suite *twin_next;
	bool twin_hidden;
};

#define KUNIT_CASE(test_name)						\
	{ .run_case = test_name, .name = #test_name }
#define KUNIT_CASE_PARAM(test_name, gen_params)				\
	{ .run_case = test_name, .name = #test_name,			\
	  .generate_params = gen_params }

#define KUNIT_ARRAY_PARAM(name, array, get_desc)			\
static const void *name##_gen_params(const void *prev, char *desc)	\
{									\
	typeof((array)[0]) *__next = prev ?				\
		(typeof(__next))prev + 1 : (array);			\
	void (*__get_desc)(typeof(__next) param, char *desc) = get_desc; \
									\
	if (__next - (array) >= (ptrdiff_t)ARRAY_SIZE(array))		\
		return NULL;						\
	if (__get_desc)							\
		__get_desc(__next, desc);				\
	return __next;							\
}

void twin_register_suite(struct kunit_suite *suite);

#define __kunit_test_suites(name, ...)					\
static __attribute__((__constructor__)) void name(void)			\
{									\
	static struct kunit_suite *const suites[] = { __VA_ARGS__ };	\
	size_t i;							\
									\
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)	\
		twin_register_suite(suites[i]);				\
}									\
_Static_assert(1, "suites")

#define kunit_test_suites(suites...)					\
	__kunit_test_suites(__UNIQUE_ID(kunit_suites), suites)
#define kunit_test_suite(suite)	kunit_test_suites(&suite)

/* Freed with the case that asked for it. */
void *twin_kunit_alloc(struct kunit *test, size_t size, gfp_t gfp,
		       const char *site);
void kunit_kfree(struct kunit *test, const void *ptr);

#define kunit_kmalloc(test, size, gfp) \
	twin_kunit_alloc(test, size, gfp, TWIN_SITE)
#define kunit_kzalloc(test, size, gfp) \
	kunit_kmalloc(test, size, (gfp) | __GFP_ZERO)
#define kunit_kmalloc_array(test, n, size, gfp) \
	kunit_kmalloc(test, size_mul(n, size), gfp)
#define kunit_kcalloc(test, n, size, gfp) \
	kunit_kmalloc_array(test, n, size, (gfp) | __GFP_ZERO)

/* What an assertion knows of itself before it is evaluated. */
struct twin_assert {
	const char *file;
	int line;
	bool fatal;
	const char *text;
};

#define __TWIN_ASSERT(is_fatal, what)					\
	(&(const struct twin_assert){ __FILE__, __LINE__, is_fatal, what })

void kunit_log_append(struct kunit *test, const char *fmt, ...) __printf(2, 3);
void twin_mark_skipped(struct kunit *test, const char *fmt, ...) __printf(2, 3);
void twin_abort(struct kunit *test) __noreturn;
void twin_failed(struct kunit *test, const struct twin_assert *assert,
		 const char *fmt, ...) __printf(3, 4) __cold;
void twin_failed_int(struct kunit *test, const struct twin_assert *assert,
		     const char *left_text, long long left,
		     const char *right_text, long long right,
		     const char *fmt, ...) __printf(7, 8) __cold;
void twin_failed_ptr(struct kunit *test, const struct twin_assert *assert,
		     const char *left_text, const void *left,
		     const char *right_text, const void *right,
		     const char *fmt, ...) __printf(7, 8) __cold;
void twin_failed_str(struct kunit *test, const struct twin_assert *assert,
		     const char *left_text, const char *left,
		     const char *right_text, const char *right,
		     const char *fmt, ...) __printf(7, 8) __cold;

#define kunit_mark_skipped(test, fmt, ...) \
	twin_mark_skipped(test, fmt, ##__VA_ARGS__)
#define kunit_skip(test, fmt, ...)					\
do {									\
	twin_mark_skipped(test, fmt, ##__VA_ARGS__);			\
	twin_abort(test);						\
} while (0)

#define kunit_info(test, fmt, ...)	kunit_log_append(test, fmt, ##__VA_ARGS__)
#define kunit_warn(test, fmt, ...)	kunit_log_append(test, fmt, ##__VA_ARGS__)
#define kunit_err(test, fmt, ...)	kunit_log_append(test, fmt, ##__VA_ARGS__)

#define KUNIT_SUCCEED(test)		((void)(test))
#define KUNIT_FAIL(test, fmt, ...) \
	twin_failed(test, __TWIN_ASSERT(false, "failure"), fmt, ##__VA_ARGS__)

#define __TWIN_TRUE(test, fatal, condition, expected, what, fmt...)	\
do {									\
	const bool __holds = !!(condition);				\
									\
	if (unlikely(__holds != (expected)))				\
		twin_failed(test, __TWIN_ASSERT(fatal, what), fmt);	\
} while (0)

#define __TWIN_INT(test, fatal, left, op, right, ltext, rtext, fmt...)	\
do {									\
	const typeof(left) __left = (left);				\
	const typeof(right) __right = (right);				\
									\
	if (unlikely(!(__left op __right)))				\
		twin_failed_int(test,					\
				__TWIN_ASSERT(fatal, ltext " " #op " " rtext), \
				ltext, (long long)__left,		\
				rtext, (long long)__right, fmt);	\
} while (0)

#define __TWIN_PTR(test, fatal, left, op, right, ltext, rtext, fmt...)	\
do {									\
	const void *__left = (left);					\
	const void *__right = (right);					\
									\
	if (unlikely(!(__left op __right)))				\
		twin_failed_ptr(test,					\
				__TWIN_ASSERT(fatal, ltext " " #op " " rtext), \
				ltext, __left, rtext, __right, fmt);	\
} while (0)

#define __TWIN_STR(test, fatal, left, op, right, ltext, rtext, fmt...)	\
do {									\
	const char *__left = (left);					\
	const char *__right = (right);					\
									\
	if (unlikely(!(strcmp(__left, __right) op 0)))			\
		twin_failed_str(test,					\
				__TWIN_ASSERT(fatal, ltext " " #op " " rtext), \
				ltext, __left, rtext, __right, fmt);	\
} while (0)

#define __TWIN_NOT_ERR(test, fatal, ptr, text, fmt...)			\
do {									\
	const void *__ptr = (ptr);					\
									\
	if (unlikely(IS_ERR_OR_NULL(__ptr)))				\
		twin_failed_ptr(test,					\
				__TWIN_ASSERT(fatal, "a pointer, no error: " text), \
				text, __ptr, "NULL", NULL, fmt);	\
} while (0)

/*
 * A failed expectation lets the case go on, a failed assertion does not. Texts
 * are made here, where macros among the arguments are not yet expanded.
 */
#define KUNIT_EXPECT_TRUE_MSG(test, condition, fmt...) \
	__TWIN_TRUE(test, false, condition, true, #condition " is true", fmt)
#define KUNIT_EXPECT_TRUE(test, condition) \
	__TWIN_TRUE(test, false, condition, true, #condition " is true", "\n")
#define KUNIT_EXPECT_FALSE_MSG(test, condition, fmt...) \
	__TWIN_TRUE(test, false, condition, false, #condition " is false", fmt)
#define KUNIT_EXPECT_FALSE(test, condition) \
	__TWIN_TRUE(test, false, condition, false, #condition " is false", "\n")
#define KUNIT_EXPECT_EQ_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, false, left, ==, right, #left, #right, fmt)
#define KUNIT_EXPECT_EQ(test, left, right) \
	__TWIN_INT(test, false, left, ==, right, #left, #right, "\n")
#define KUNIT_EXPECT_NE_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, false, left, !=, right, #left, #right, fmt)
#define KUNIT_EXPECT_NE(test, left, right) \
	__TWIN_INT(test, false, left, !=, right, #left, #right, "\n")
#define KUNIT_EXPECT_LT_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, false, left, <, right, #left, #right, fmt)
#define KUNIT_EXPECT_LT(test, left, right) \
	__TWIN_INT(test, false, left, <, right, #left, #right, "\n")
#define KUNIT_EXPECT_LE_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, false, left, <=, right, #left, #right, fmt)
#define KUNIT_EXPECT_LE(test, left, right) \
	__TWIN_INT(test, false, left, <=, right, #left, #right, "\n")
#define KUNIT_EXPECT_GT_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, false, left, >, right, #left, #right, fmt)
#define KUNIT_EXPECT_GT(test, left, right) \
	__TWIN_INT(test, false, left, >, right, #left, #right, "\n")
#define KUNIT_EXPECT_GE_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, false, left, >=, right, #left, #right, fmt)
#define KUNIT_EXPECT_GE(test, left, right) \
	__TWIN_INT(test, false, left, >=, right, #left, #right, "\n")
#define KUNIT_EXPECT_PTR_EQ_MSG(test, left, right, fmt...) \
	__TWIN_PTR(test, false, left, ==, right, #left, #right, fmt)
#define KUNIT_EXPECT_PTR_EQ(test, left, right) \
	__TWIN_PTR(test, false, left, ==, right, #left, #right, "\n")
#define KUNIT_EXPECT_PTR_NE_MSG(test, left, right, fmt...) \
	__TWIN_PTR(test, false, left, !=, right, #left, #right, fmt)
#define KUNIT_EXPECT_PTR_NE(test, left, right) \
	__TWIN_PTR(test, false, left, !=, right, #left, #right, "\n")
#define KUNIT_EXPECT_NULL_MSG(test, ptr, fmt...) \
	__TWIN_PTR(test, false, ptr, ==, NULL, #ptr, "NULL", fmt)
#define KUNIT_EXPECT_NULL(test, ptr) \
	__TWIN_PTR(test, false, ptr, ==, NULL, #ptr, "NULL", "\n")
#define KUNIT_EXPECT_NOT_NULL_MSG(test, ptr, fmt...) \
	__TWIN_PTR(test, false, ptr, !=, NULL, #ptr, "NULL", fmt)
#define KUNIT_EXPECT_NOT_NULL(test, ptr) \
	__TWIN_PTR(test, false, ptr, !=, NULL, #ptr, "NULL", "\n")
#define KUNIT_EXPECT_STREQ_MSG(test, left, right, fmt...) \
	__TWIN_STR(test, false, left, ==, right, #left, #right, fmt)
#define KUNIT_EXPECT_STREQ(test, left, right) \
	__TWIN_STR(test, false, left, ==, right, #left, #right, "\n")
#define KUNIT_EXPECT_STRNEQ_MSG(test, left, right, fmt...) \
	__TWIN_STR(test, false, left, !=, right, #left, #right, fmt)
#define KUNIT_EXPECT_STRNEQ(test, left, right) \
	__TWIN_STR(test, false, left, !=, right, #left, #right, "\n")
#define KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, ptr, fmt...) \
	__TWIN_NOT_ERR(test, false, ptr, #ptr, fmt)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, ptr) \
	__TWIN_NOT_ERR(test, false, ptr, #ptr, "\n")

#define KUNIT_ASSERT_TRUE_MSG(test, condition, fmt...) \
	__TWIN_TRUE(test, true, condition, true, #condition " is true", fmt)
#define KUNIT_ASSERT_TRUE(test, condition) \
	__TWIN_TRUE(test, true, condition, true, #condition " is true", "\n")
#define KUNIT_ASSERT_FALSE_MSG(test, condition, fmt...) \
	__TWIN_TRUE(test, true, condition, false, #condition " is false", fmt)
#define KUNIT_ASSERT_FALSE(test, condition) \
	__TWIN_TRUE(test, true, condition, false, #condition " is false", "\n")
#define KUNIT_ASSERT_EQ_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, true, left, ==, right, #left, #right, fmt)
#define KUNIT_ASSERT_EQ(test, left, right) \
	__TWIN_INT(test, true, left, ==, right, #left, #right, "\n")
#define KUNIT_ASSERT_NE_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, true, left, !=, right, #left, #right, fmt)
#define KUNIT_ASSERT_NE(test, left, right) \
	__TWIN_INT(test, true, left, !=, right, #left, #right, "\n")
#define KUNIT_ASSERT_LT_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, true, left, <, right, #left, #right, fmt)
#define KUNIT_ASSERT_LT(test, left, right) \
	__TWIN_INT(test, true, left, <, right, #left, #right, "\n")
#define KUNIT_ASSERT_LE_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, true, left, <=, right, #left, #right, fmt)
#define KUNIT_ASSERT_LE(test, left, right) \
	__TWIN_INT(test, true, left, <=, right, #left, #right, "\n")
#define KUNIT_ASSERT_GT_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, true, left, >, right, #left, #right, fmt)
#define KUNIT_ASSERT_GT(test, left, right) \
	__TWIN_INT(test, true, left, >, right, #left, #right, "\n")
#define KUNIT_ASSERT_GE_MSG(test, left, right, fmt...) \
	__TWIN_INT(test, true, left, >=, right, #left, #right, fmt)
#define KUNIT_ASSERT_GE(test, left, right) \
	__TWIN_INT(test, true, left, >=, right, #left, #right, "\n")
#define KUNIT_ASSERT_PTR_EQ_MSG(test, left, right, fmt...) \
	__TWIN_PTR(test, true, left, ==, right, #left, #right, fmt)
#define KUNIT_ASSERT_PTR_EQ(test, left, right) \
	__TWIN_PTR(test, true, left, ==, right, #left, #right, "\n")
#define KUNIT_ASSERT_PTR_NE_MSG(test, left, right, fmt...) \
	__TWIN_PTR(test, true, left, !=, right, #left, #right, fmt)
#define KUNIT_ASSERT_PTR_NE(test, left, right) \
	__TWIN_PTR(test, true, left, !=, right, #left, #right, "\n")
#define KUNIT_ASSERT_NULL_MSG(test, ptr, fmt...) \
	__TWIN_PTR(test, true, ptr, ==, NULL, #ptr, "NULL", fmt)
#define KUNIT_ASSERT_NULL(test, ptr) \
	__TWIN_PTR(test, true, ptr, ==, NULL, #ptr, "NULL", "\n")
#define KUNIT_ASSERT_NOT_NULL_MSG(test, ptr, fmt...) \
	__TWIN_PTR(test, true, ptr, !=, NULL, #ptr, "NULL", fmt)
#define KUNIT_ASSERT_NOT_NULL(test, ptr) \
	__TWIN_PTR(test, true, ptr, !=, NULL, #ptr, "NULL", "\n")
#define KUNIT_ASSERT_STREQ_MSG(test, left, right, fmt...) \
	__TWIN_STR(test, true, left, ==, right, #left, #right, fmt)
#define KUNIT_ASSERT_STREQ(test, left, right) \
	__TWIN_STR(test, true, left, ==, right, #left, #right, "\n")
#define KUNIT_ASSERT_STRNEQ_MSG(test, left, right, fmt...) \
	__TWIN_STR(test, true, left, !=, right, #left, #right, fmt)
#define KUNIT_ASSERT_STRNEQ(test, left, right) \
	__TWIN_STR(test, true, left, !=, right, #left, #right, "\n")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, ptr, fmt...) \
	__TWIN_NOT_ERR(test, true, ptr, #ptr, fmt)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr) \
	__TWIN_NOT_ERR(test, true, ptr, #ptr, "\n")

#define KUNIT_ASSERT_FAILURE(test, fmt...) \
	twin_failed(test, __TWIN_ASSERT(true, "failure"), fmt)

#endif /* _TWIN_KUNIT_TEST_H */
