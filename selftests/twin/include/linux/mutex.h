/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MUTEX_H
#define _TWIN_LINUX_MUTEX_H

#include <linux/lockdep.h>
#include <linux/types.h>

/* @word is 0 when free, 1 when locked, 2 when locked and waited for. */
struct mutex {
	u32 word;
	u32 owner;
	u16 class;
	bool initialized;
};

#define __MUTEX_INITIALIZER(name)	{ .initialized = true }
#define DEFINE_MUTEX(name)	struct mutex name = __MUTEX_INITIALIZER(name)

void twin_mutex_init(struct mutex *lock, struct lock_class_key *key,
		     const char *name);
void mutex_destroy(struct mutex *lock);
void mutex_lock_nested(struct mutex *lock, unsigned int subclass);
int mutex_trylock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
bool mutex_is_locked(const struct mutex *lock);

#define mutex_init(lock)						\
do {									\
	static struct lock_class_key __key;				\
									\
	twin_mutex_init(lock, &__key, #lock);				\
} while (0)

#define mutex_lock(lock)	mutex_lock_nested(lock, 0)

/* No signal reaches a thread of the twin. */
static inline int __must_check mutex_lock_killable(struct mutex *lock)
{
	mutex_lock(lock);
	return 0;
}

static inline int __must_check mutex_lock_interruptible(struct mutex *lock)
{
	mutex_lock(lock);
	return 0;
}

#endif /* _TWIN_LINUX_MUTEX_H */
