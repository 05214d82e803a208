/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_LOCKDEP_H
#define _TWIN_LINUX_LOCKDEP_H

#include <linux/bug.h>
#include <twin/debug.h>

#define SINGLE_DEPTH_NESTING	1

#ifdef TWIN_DEBUG
#define lockdep_is_held(lock)	twin_lock_is_held(lock)
#define lockdep_assert(cond)	WARN(!(cond), "lockdep_assert(%s)", #cond)
#define lockdep_assert_held(lock) \
	WARN(!lockdep_is_held(lock), "not held: %s", #lock)
#define lockdep_assert_not_held(lock) \
	WARN(lockdep_is_held(lock), "held: %s", #lock)
#else
#define lockdep_is_held(lock)	((void)(lock), true)
#define lockdep_assert(cond)	((void)(cond))
#define lockdep_assert_held(lock) ((void)(lock))
#define lockdep_assert_not_held(lock) ((void)(lock))
#endif

#endif /* _TWIN_LINUX_LOCKDEP_H */
