/* SPDX-License-Identifier: GPL-2.0 */
/* A warning fails the running test; a BUG ends the program. */
#ifndef _TWIN_LINUX_BUG_H
#define _TWIN_LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <twin/debug.h>

#define WARN(condition, format...)					\
({									\
	bool __warn = !!(condition);					\
									\
	if (unlikely(__warn))						\
		twin_warn(TWIN_SITE, format);			\
	unlikely(__warn);						\
})

#define WARN_ON(condition)	WARN(condition, "WARN_ON(%s)", #condition)

/* Every test deserves to hear of it, so "once" does not hold here. */
#define WARN_ONCE(condition, format...)	WARN(condition, format)
#define WARN_ON_ONCE(condition)	WARN(condition, "WARN_ON_ONCE(%s)", #condition)

/* No BUG() and no BUG_ON(): a library must not take the machine down. */

#endif /* _TWIN_LINUX_BUG_H */
