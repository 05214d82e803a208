/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MINMAX_H
#define _TWIN_LINUX_MINMAX_H

#include <linux/compiler.h>

#define __twin_pick(type, x, y, op)					\
({									\
	type __pick_x = (x);						\
	type __pick_y = (y);						\
									\
	__pick_x op __pick_y ? __pick_x : __pick_y;			\
})

/* As in 6.1, both sides must have one type, constants included. */
#define __twin_pick_same(x, y, op)					\
({									\
	__twin_rvalue_type(x) __pick_x = (x);				\
	__twin_rvalue_type(y) __pick_y = (y);				\
									\
	_Static_assert(__same_type(__pick_x, __pick_y),			\
		       "two types: use min_t() or max_t()");		\
	__pick_x op __pick_y ? __pick_x : __pick_y;			\
})

#define min(x, y)		__twin_pick_same(x, y, <)
#define max(x, y)		__twin_pick_same(x, y, >)
#define min_t(type, x, y)	__twin_pick(type, x, y, <)
#define max_t(type, x, y)	__twin_pick(type, x, y, >)
#define min3(x, y, z)		min(min(x, y), z)
#define max3(x, y, z)		max(max(x, y), z)
#define clamp(val, lo, hi)	min(max(val, lo), hi)
#define clamp_t(type, val, lo, hi) min_t(type, max_t(type, val, lo), hi)
#define clamp_val(val, lo, hi)	clamp_t(typeof(val), val, lo, hi)

#define swap(a, b)							\
do {									\
	typeof(a) __swap = (a);						\
									\
	(a) = (b);							\
	(b) = __swap;							\
} while (0)

#endif /* _TWIN_LINUX_MINMAX_H */
