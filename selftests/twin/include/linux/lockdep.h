/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_LOCKDEP_H
#define _TWIN_LINUX_LOCKDEP_H

#include <linux/bug.h>
#include <twin/debug.h>

#define SINGLE_DEPTH_NESTING	1
#define LD_WAIT_SLEEP		3

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

/* What is locked by other means than the shims', told to them by its own code. */
struct lockdep_map {
	const char *name;
	u16 class;
	u8 wait_type_inner;
};

#define debug_check_no_locks_freed(from, size)	twin_no_locks_freed(from, size)
#define lock_is_held(map)	lockdep_is_held(map)

#ifdef TWIN_DEBUG
void lockdep_init_map_wait(struct lockdep_map *map, const char *name,
			   struct lock_class_key *key, int subclass, u8 inner);
void twin_map_acquire(struct lockdep_map *map, unsigned int subclass,
		      bool trylock, unsigned long ip);

#define lock_acquire_exclusive(map, subclass, trylock, nest_lock, ip) \
	twin_map_acquire(map, subclass, trylock, ip)
#define lock_release(map, ip)	twin_lock_released(map, ip)
#else
#define lock_acquire_exclusive(map, subclass, trylock, nest_lock, ip) ((void)0)
#define lock_release(map, ip)	((void)0)
#endif

#endif /* _TWIN_LINUX_LOCKDEP_H */
