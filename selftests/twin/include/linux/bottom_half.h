/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_BOTTOM_HALF_H
#define _TWIN_LINUX_BOTTOM_HALF_H

#include <linux/compiler.h>
#include <twin/debug.h>

static inline void local_bh_disable(void)
{
	twin_self.bh++;
	barrier();
}

static inline void local_bh_enable(void)
{
	barrier();
	twin_self.bh--;
}

#endif /* _TWIN_LINUX_BOTTOM_HALF_H */
