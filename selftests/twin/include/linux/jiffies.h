/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_JIFFIES_H
#define _TWIN_LINUX_JIFFIES_H

#include <linux/limits.h>
#include <linux/math.h>
#include <linux/types.h>

#define HZ	CONFIG_HZ
#define MAX_JIFFY_OFFSET ((LONG_MAX >> 1) - 1)

unsigned long twin_jiffies(void);
#define jiffies	twin_jiffies()

#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)

static inline unsigned long msecs_to_jiffies(const unsigned int m)
{
	return DIV_ROUND_UP((u64)m * HZ, 1000);
}

static inline unsigned long usecs_to_jiffies(const unsigned int u)
{
	return DIV_ROUND_UP((u64)u * HZ, 1000000);
}

static inline unsigned int jiffies_to_msecs(const unsigned long j)
{
	return j * (1000 / HZ);
}

#endif /* _TWIN_LINUX_JIFFIES_H */
