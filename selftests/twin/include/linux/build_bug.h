/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_BUILD_BUG_H
#define _TWIN_LINUX_BUILD_BUG_H

#include <linux/compiler.h>

#undef static_assert
#define static_assert(expr, ...)	__twin_assert(expr, ##__VA_ARGS__, #expr)
#define __twin_assert(expr, msg, ...)	_Static_assert(expr, msg)

/*
 * What the condition is may be known only after inlining. Each has a function of
 * its own: a compiler takes but one message for each.
 */
#define BUILD_BUG_ON_MSG(cond, msg) \
	__twin_build_bug_on(cond, msg, __UNIQUE_ID(twin_build_bug_))
#define __twin_build_bug_on(cond, msg, name)				\
do {									\
	extern typeof(void (void)) name __attribute__((error(msg)));	\
									\
	if (cond)							\
		name();							\
} while (0)

#define BUILD_BUG_ON(cond)	BUILD_BUG_ON_MSG(cond, "BUILD_BUG_ON(" #cond ")")
#define BUILD_BUG_ON_ZERO(e)	((int)(sizeof(struct { int : (-!!(e)); })))
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) \
	BUILD_BUG_ON((n) == 0 || (((n) & ((n) - 1)) != 0))

#endif /* _TWIN_LINUX_BUILD_BUG_H */
