/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_OVERFLOW_H
#define _TWIN_LINUX_OVERFLOW_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/types.h>

#define is_signed_type(type)	(((type)(-1)) < (type)1)
#define type_max(t) \
	((t)(is_signed_type(t) ? \
	     (t)((1ULL << (sizeof(t) * 8 - 1)) - 1) : (t)~(t)0))
#define type_min(t)	((t)((t)-type_max(t) - (t)1))

static inline bool __must_check twin_must_check_overflow(bool overflow)
{
	return unlikely(overflow);
}

#define check_add_overflow(a, b, d) \
	twin_must_check_overflow(__builtin_add_overflow(a, b, d))
#define check_sub_overflow(a, b, d) \
	twin_must_check_overflow(__builtin_sub_overflow(a, b, d))
#define check_mul_overflow(a, b, d) \
	twin_must_check_overflow(__builtin_mul_overflow(a, b, d))

#define check_shl_overflow(a, s, d)					\
twin_must_check_overflow(({						\
	typeof(a) __shl_a = (a);					\
	typeof(s) __shl_s = (s);					\
	typeof(d) __shl_d = (d);					\
	bool __shl_fits = __shl_s < sizeof(*__shl_d) * 8;		\
									\
	*__shl_d = (u64)__shl_a << (__shl_fits ? __shl_s : 0);		\
	!__shl_fits || *__shl_d < 0 || __shl_a < 0 ||			\
		(*__shl_d >> __shl_s) != __shl_a;			\
}))

static inline size_t __must_check size_add(size_t a, size_t b)
{
	size_t sum;

	return check_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static inline size_t __must_check size_sub(size_t a, size_t b)
{
	size_t difference;

	if (a == SIZE_MAX || b == SIZE_MAX ||
	    check_sub_overflow(a, b, &difference))
		return SIZE_MAX;
	return difference;
}

static inline size_t __must_check size_mul(size_t a, size_t b)
{
	size_t product;

	return check_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

#define array_size(a, b)	size_mul(a, b)
#define array3_size(a, b, c)	size_mul(size_mul(a, b), c)
#define flex_array_size(p, member, count) \
	size_mul(count, sizeof(*(p)->member))
#define struct_size(p, member, count) \
	size_add(sizeof(*(p)), flex_array_size(p, member, count))

#endif /* _TWIN_LINUX_OVERFLOW_H */
