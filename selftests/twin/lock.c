// SPDX-License-Identifier: GPL-2.0
/* Spinlocks, mutexes and the slow side of seqcounts. */
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include "internal.h"

#ifdef TWIN_DEBUG
#define OWNER_MASK	0xffU
#define CLASS_SHIFT	8

static u16 class_of(u32 word)
{
	return (word & ~TWIN_SPIN_INITIALIZED) >> CLASS_SHIFT;
}

void twin_spin_init(raw_spinlock_t *lock, struct lock_class_key *key,
		    const char *name)
{
	WRITE_ONCE(lock->val, TWIN_SPIN_INITIALIZED |
			      twin_lock_class(key, name) << CLASS_SHIFT);
}

void lockdep_init_map_wait(struct lockdep_map *map, const char *name,
			   struct lock_class_key *key, int subclass, u8 inner)
{
	*map = (struct lockdep_map) {
		.name = name,
		.class = twin_lock_class(key, name),
		.wait_type_inner = inner,
	};
}

/* Before a lock is waited for: that its owner waits is in @map's name, not here. */
void twin_map_acquire(struct lockdep_map *map, unsigned int subclass,
		      bool trylock, unsigned long ip)
{
	if (!trylock) {
		if (twin_lock_is_held(map))
			twin_report(ip, "lock %s is taken twice by one thread", map->name);
		else
			twin_lock_before(map, map->class, subclass, ip);
	}
	twin_lock_held(map, map->class, subclass, true, ip);
}

static u32 unlocked_word(const raw_spinlock_t *lock, unsigned long ip)
{
	u32 word = READ_ONCE(lock->val);

	if (!(word & TWIN_SPIN_INITIALIZED))
		twin_report(ip, "spinlock %p was not initialized", lock);
	return word & ~OWNER_MASK;
}

void twin_spin_lock(raw_spinlock_t *lock, unsigned int subclass)
{
	u32 free = unlocked_word(lock, _RET_IP_);
	struct twin_spin spin = { 0 };
	u32 word = free;

	if (twin_lock_is_held(lock))
		twin_fatal("spinlock %p is taken twice by one thread", lock);
	twin_lock_before(lock, class_of(free), subclass, _RET_IP_);
	while (!try_cmpxchg_acquire(&lock->val, &word, free | twin_self.id)) {
		twin_spin_turn(&spin, "waiting for spinlock", lock);
		word = free;
	}
	twin_lock_held(lock, class_of(free), subclass, false, _RET_IP_);
	twin_perturb();
}

bool twin_spin_trylock(raw_spinlock_t *lock)
{
	u32 free = unlocked_word(lock, _RET_IP_);

	if (cmpxchg_acquire(&lock->val, free, free | twin_self.id) != free)
		return false;
	twin_lock_held(lock, class_of(free), 0, false, _RET_IP_);
	return true;
}

void twin_spin_unlock(raw_spinlock_t *lock)
{
	twin_lock_released(lock, _RET_IP_);
	smp_store_release(&lock->val, READ_ONCE(lock->val) & ~OWNER_MASK);
	twin_perturb();
}

bool raw_spin_is_locked(const raw_spinlock_t *lock)
{
	return READ_ONCE(lock->val) & OWNER_MASK;
}

void twin_check_write_begin(const seqcount_t *s, bool spins)
{
	if (s->sequence & 1)
		twin_report(_RET_IP_, "seqcount %p: a writer has begun already", s);
	if (spins && !twin_in_atomic())
		twin_report(_RET_IP_, "seqcount %p: its writer holds no spinlock", s);
}

void twin_check_write_end(const seqcount_t *s)
{
	if (!(s->sequence & 1))
		twin_report(_RET_IP_, "seqcount %p: no writer has begun", s);
}
#else
void twin_spin_wait(raw_spinlock_t *lock)
{
	struct twin_spin spin = { 0 };

	while (!twin_spin_trylock(lock))
		twin_spin_turn(&spin, "waiting for spinlock", lock);
}

bool raw_spin_is_locked(const raw_spinlock_t *lock)
{
	return READ_ONCE(lock->val);
}
#endif /* TWIN_DEBUG */

void twin_seqcount_wait(const seqcount_t *s)
{
	struct twin_spin spin = { 0 };

	while (READ_ONCE(s->sequence) & 1)
		twin_spin_turn(&spin, "waiting for the writer of seqcount", s);
}

void twin_mutex_init(struct mutex *lock, struct lock_class_key *key,
		     const char *name)
{
	*lock = (struct mutex) { .initialized = true };
#ifdef TWIN_DEBUG
	lock->class = twin_lock_class(key, name);
#endif
}

void mutex_destroy(struct mutex *lock)
{
	if (mutex_is_locked(lock))
		twin_report(_RET_IP_, "mutex %p is destroyed while locked", lock);
	lock->initialized = false;
}

static void mutex_acquired(struct mutex *lock, unsigned int subclass,
			   unsigned long ip)
{
	WRITE_ONCE(lock->owner, twin_self.id);
#ifdef TWIN_DEBUG
	twin_lock_held(lock, lock->class, subclass, true, ip);
#endif
}

void mutex_lock_nested(struct mutex *lock, unsigned int subclass)
{
	u32 word = 0;

	twin_might_sleep("mutex_lock()", _RET_IP_);
	if (!lock->initialized)
		twin_report(_RET_IP_, "mutex %p was not initialized", lock);
	if (READ_ONCE(lock->owner) == twin_self.id)
		twin_fatal("mutex %p is taken twice by one thread", lock);
#ifdef TWIN_DEBUG
	twin_lock_before(lock, lock->class, subclass, _RET_IP_);
#endif
	if (!try_cmpxchg_acquire(&lock->word, &word, 1))
		while (xchg_acquire(&lock->word, 2))
			twin_futex_wait(&lock->word, 2, TWIN_FOREVER);
	mutex_acquired(lock, subclass, _RET_IP_);
}

int mutex_trylock(struct mutex *lock)
{
	u32 word = 0;

	if (!try_cmpxchg_acquire(&lock->word, &word, 1))
		return 0;
	mutex_acquired(lock, 0, _RET_IP_);
	return 1;
}

void mutex_unlock(struct mutex *lock)
{
	if (READ_ONCE(lock->owner) != twin_self.id)
		twin_report(_RET_IP_, "mutex %p is unlocked by another thread", lock);
#ifdef TWIN_DEBUG
	twin_lock_released(lock, _RET_IP_);
#endif
	WRITE_ONCE(lock->owner, 0);
	if (xchg_release(&lock->word, 0) == 2)
		twin_futex_wake(&lock->word, 1);
}

bool mutex_is_locked(const struct mutex *lock)
{
	return READ_ONCE(lock->word);
}
