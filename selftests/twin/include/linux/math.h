/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MATH_H
#define _TWIN_LINUX_MATH_H

#include <linux/types.h>

#define __round_mask(x, y)	((typeof(x))((y) - 1))
#define round_up(x, y)		((((x) - 1) | __round_mask(x, y)) + 1)
#define round_down(x, y)	((x) & ~__round_mask(x, y))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d)	((unsigned long long)DIV_ROUND_UP((unsigned long long)(n), (d)))
#define DIV_ROUND_DOWN_ULL(n, d) ((unsigned long long)(n) / (d))

#define roundup(x, y)							\
({									\
	typeof(y) __roundup_y = (y);					\
									\
	(((x) + (__roundup_y - 1)) / __roundup_y) * __roundup_y;	\
})

#define rounddown(x, y)							\
({									\
	typeof(x) __rounddown_x = (x);					\
									\
	__rounddown_x - (__rounddown_x % (y));				\
})

#define DIV_ROUND_CLOSEST(x, divisor) (((x) + ((divisor) / 2)) / (divisor))
#define DIV_ROUND_CLOSEST_ULL(x, divisor) \
	DIV_ROUND_CLOSEST((unsigned long long)(x), (divisor))

#define mult_frac(x, n, d)						\
({									\
	typeof(x) __mult_x = (x);					\
									\
	__mult_x / (d) * (n) + __mult_x % (d) * (n) / (d);		\
})

#define abs(x)								\
({									\
	typeof(x) __abs_x = (x);					\
									\
	__abs_x < 0 ? -__abs_x : __abs_x;				\
})

#endif /* _TWIN_LINUX_MATH_H */
