/* SPDX-License-Identifier: GPL-2.0 */
/* Each thread's numbers follow from the program's --seed and the thread's id. */
#ifndef _TWIN_LINUX_RANDOM_H
#define _TWIN_LINUX_RANDOM_H

#include <linux/prandom.h>
#include <linux/types.h>

u32 get_random_u32(void);
u64 get_random_u64(void);
void get_random_bytes(void *buf, size_t len);

static inline unsigned long get_random_long(void)
{
	return get_random_u64();
}

static inline u32 get_random_u32_below(u32 ceil)
{
	return ((u64)get_random_u32() * ceil) >> 32;
}

static inline u32 get_random_u32_inclusive(u32 floor, u32 ceil)
{
	return floor + get_random_u32_below(ceil - floor + 1);
}

#endif /* _TWIN_LINUX_RANDOM_H */
