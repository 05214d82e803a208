/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_LOG2_H
#define _TWIN_LINUX_LOG2_H

#include <linux/bitops.h>
#include <linux/types.h>

static __always_inline int __twin_ilog2(u64 n)
{
	return fls64(n) - 1;
}

/* A constant gives a constant, anything else is evaluated once. */
#define ilog2(n)							\
	(__builtin_constant_p(n) ?					\
	 ((n) < 2 ? 0 : 63 - __builtin_clzll((n) < 2 ? 1 : (n))) :	\
	 __twin_ilog2(n))

static __always_inline unsigned long __roundup_pow_of_two(unsigned long n)
{
	return 1UL << fls_long(n - 1);
}

static __always_inline unsigned long __rounddown_pow_of_two(unsigned long n)
{
	return 1UL << (fls_long(n) - 1);
}

static __always_inline int __order_base_2(unsigned long n)
{
	return n > 1 ? fls_long(n - 1) : 0;
}

#define roundup_pow_of_two(n)						\
	(__builtin_constant_p(n) ?					\
	 ((n) == 1 ? 1UL : 1UL << (ilog2((n) - 1) + 1)) :		\
	 __roundup_pow_of_two(n))
#define rounddown_pow_of_two(n)						\
	(__builtin_constant_p(n) ? 1UL << ilog2(n) :			\
	 __rounddown_pow_of_two(n))
#define order_base_2(n)							\
	(__builtin_constant_p(n) ?					\
	 ((n) > 1 ? ilog2((n) - 1) + 1 : 0) : __order_base_2(n))

static __always_inline bool is_power_of_2(unsigned long n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

#endif /* _TWIN_LINUX_LOG2_H */
