/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A spinlock is a word, as in a kernel without lock debugging. With TWIN_DEBUG
 * the word holds the lock's class and its owner's id, so that recursion, a
 * wrong owner, an uninitialized lock and a bad order are seen.
 */
#ifndef _TWIN_LINUX_SPINLOCK_H
#define _TWIN_LINUX_SPINLOCK_H

#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/spinlock_types.h>

#ifdef TWIN_DEBUG
void twin_spin_init(raw_spinlock_t *lock, struct lock_class_key *key,
		    const char *name);
void twin_spin_lock(raw_spinlock_t *lock, unsigned int subclass);
bool twin_spin_trylock(raw_spinlock_t *lock);
void twin_spin_unlock(raw_spinlock_t *lock);
#else
void twin_spin_wait(raw_spinlock_t *lock);

static inline void twin_spin_init(raw_spinlock_t *lock,
				  struct lock_class_key *key, const char *name)
{
	lock->val = 0;
}

static __always_inline bool twin_spin_trylock(raw_spinlock_t *lock)
{
	return !READ_ONCE(lock->val) && !cmpxchg_acquire(&lock->val, 0, 1);
}

static __always_inline void twin_spin_lock(raw_spinlock_t *lock,
					   unsigned int subclass)
{
	if (unlikely(cmpxchg_acquire(&lock->val, 0, 1)))
		twin_spin_wait(lock);
}

static __always_inline void twin_spin_unlock(raw_spinlock_t *lock)
{
	smp_store_release(&lock->val, 0);
}
#endif

bool raw_spin_is_locked(const raw_spinlock_t *lock);

#define raw_spin_lock_init(lock)					\
do {									\
	static struct lock_class_key __key;				\
									\
	twin_spin_init(lock, &__key, #lock);				\
} while (0)

static __always_inline void raw_spin_lock_nested(raw_spinlock_t *lock,
						 unsigned int subclass)
{
	twin_spin_lock(lock, subclass);
}

static __always_inline void raw_spin_lock(raw_spinlock_t *lock)
{
	raw_spin_lock_nested(lock, 0);
}

static __always_inline bool raw_spin_trylock(raw_spinlock_t *lock)
{
	return twin_spin_trylock(lock);
}

static __always_inline void raw_spin_unlock(raw_spinlock_t *lock)
{
	twin_spin_unlock(lock);
}

static __always_inline void raw_spin_lock_bh(raw_spinlock_t *lock)
{
	local_bh_disable();
	raw_spin_lock(lock);
}

static __always_inline void raw_spin_unlock_bh(raw_spinlock_t *lock)
{
	raw_spin_unlock(lock);
	local_bh_enable();
}

static __always_inline bool raw_spin_trylock_bh(raw_spinlock_t *lock)
{
	local_bh_disable();
	if (raw_spin_trylock(lock))
		return true;
	local_bh_enable();
	return false;
}

static __always_inline void raw_spin_lock_irq(raw_spinlock_t *lock)
{
	local_irq_disable();
	raw_spin_lock(lock);
}

static __always_inline void raw_spin_unlock_irq(raw_spinlock_t *lock)
{
	raw_spin_unlock(lock);
	local_irq_enable();
}

#define raw_spin_lock_irqsave(lock, flags)				\
do {									\
	local_irq_save(flags);						\
	raw_spin_lock(lock);						\
} while (0)

static __always_inline void
raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags)
{
	raw_spin_unlock(lock);
	local_irq_restore(flags);
}

#define spin_lock_init(lock)						\
do {									\
	static struct lock_class_key __key;				\
									\
	twin_spin_init(&(lock)->rlock, &__key, #lock);			\
} while (0)

#define spin_lock_nested(lock, subclass) \
	raw_spin_lock_nested(&(lock)->rlock, subclass)
#define spin_lock_irqsave(lock, flags) \
	raw_spin_lock_irqsave(&(lock)->rlock, flags)
#define assert_spin_locked(lock) \
	WARN(!spin_is_locked(lock), "not locked: %s", #lock)

static __always_inline void spin_lock(spinlock_t *lock)
{
	raw_spin_lock(&lock->rlock);
}

static __always_inline void spin_lock_bh(spinlock_t *lock)
{
	raw_spin_lock_bh(&lock->rlock);
}

static __always_inline void spin_lock_irq(spinlock_t *lock)
{
	raw_spin_lock_irq(&lock->rlock);
}

static __always_inline bool spin_trylock(spinlock_t *lock)
{
	return raw_spin_trylock(&lock->rlock);
}

static __always_inline bool spin_trylock_bh(spinlock_t *lock)
{
	return raw_spin_trylock_bh(&lock->rlock);
}

static __always_inline void spin_unlock(spinlock_t *lock)
{
	raw_spin_unlock(&lock->rlock);
}

static __always_inline void spin_unlock_bh(spinlock_t *lock)
{
	raw_spin_unlock_bh(&lock->rlock);
}

static __always_inline void spin_unlock_irq(spinlock_t *lock)
{
	raw_spin_unlock_irq(&lock->rlock);
}

static __always_inline void
spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&lock->rlock, flags);
}

static inline bool spin_is_locked(const spinlock_t *lock)
{
	return raw_spin_is_locked(&lock->rlock);
}

#endif /* _TWIN_LINUX_SPINLOCK_H */
