/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SPINLOCK_TYPES_H
#define _TWIN_LINUX_SPINLOCK_TYPES_H

#include <linux/build_bug.h>
#include <linux/types.h>

typedef struct raw_spinlock {
	u32 val;
} raw_spinlock_t;

typedef struct spinlock {
	raw_spinlock_t rlock;
} spinlock_t;

static_assert(sizeof(spinlock_t) == 4);

/* The debug variant's mark of a lock that has been initialized. */
#define TWIN_SPIN_INITIALIZED	0x80000000U

#ifdef TWIN_DEBUG
#define __RAW_SPIN_LOCK_UNLOCKED(name)	{ TWIN_SPIN_INITIALIZED }
#else
#define __RAW_SPIN_LOCK_UNLOCKED(name)	{ 0 }
#endif
#define __SPIN_LOCK_UNLOCKED(name)	{ __RAW_SPIN_LOCK_UNLOCKED(name) }
#define DEFINE_RAW_SPINLOCK(x)	raw_spinlock_t x = __RAW_SPIN_LOCK_UNLOCKED(x)
#define DEFINE_SPINLOCK(x)	spinlock_t x = __SPIN_LOCK_UNLOCKED(x)

#endif /* _TWIN_LINUX_SPINLOCK_TYPES_H */
