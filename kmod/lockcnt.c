// SPDX-License-Identifier: GPL-2.0
/*
 * lockcnt: a counter of visits and a lock in one word. After QEMU's
 * util/lockcnt.c, by Paolo Bonzini.
 *
 *	 31 30                                     2      1       0
 *	+--+--------------------------------------+--------+--------+
 *	|  |                count                 | waiters| locked |
 *	+--+--------------------------------------+--------+--------+
 *
 * Every change of the word is one atomic operation, so count and lock are seen as of
 * one moment. Below zero, whatever the count, it is saturated.
 *
 * Waiting: only ever for the lock to be released, by those who want it, and by those
 * who begin a visit while the count is zero. Who has to wait sets "waiters", which is
 * never set while the lock is free, and sleeps on the kernel's hashed wait queues.
 * Who unlocks takes both bits away at once, and wakes all if the second was there;
 * who then cannot go on sets it again. Nobody is handed the lock: it is for structures
 * that are seldom fought over.
 *
 * Ordering: lock, and what begins a visit, acquire; unlock, and what ends a visit,
 * release. lockcnt_count() acquires: a count of zero was stored by the release of the
 * visit that ended last, and those of others come before that in the same chain of
 * atomic operations. So whoever holds the lock and finds zero comes after all visits.
 * A visit that begins later finds the word as the unlocker, or somebody after him, has
 * left it, and comes after what he did. The barrier of lockcnt_released() is told of
 * there. selftests/litmus/lockcnt-*.litmus try each, selftests/litmus/lockcnt.pml the
 * waiting.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/lockcnt.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#define LOCKED		__LOCKCNT_LOCKED
#define WAITERS		__LOCKCNT_WAITERS
#define STATE		__LOCKCNT_STATE
#define VISIT		__LOCKCNT_VISIT

/* In the middle of what is below zero: those that are at it do not move it out. */
#define SATURATED	(INT_MIN / 2)

/* What an attempt comes to. */
enum lockcnt_result {
	LOCKCNT_WAIT,		/* the lock is held: again once it is released */
	LOCKCNT_TAKEN,		/* the lock is the caller's */
	LOCKCNT_LEFT,		/* it is not, and need not be */
};

/**
 * __lockcnt_init() - the function behind lockcnt_init()
 * @lc: it
 * @name: for lockdep
 * @key: for lockdep
 *
 * Context: Any.
 */
void __lockcnt_init(struct lockcnt *lc, const char *name, struct lock_class_key *key)
{
	atomic_set(&lc->word, 0);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	debug_check_no_locks_freed((void *)lc, sizeof(*lc));
	lockdep_init_map_wait(&lc->dep_map, name, key, 0, LD_WAIT_SLEEP);
#endif
}
EXPORT_SYMBOL_GPL(__lockcnt_init);

/* The word @word, with a count that will never be zero. */
static int lockcnt_saturated(int word)
{
	return SATURATED | (word & STATE);
}

/* One visit more. */
static int lockcnt_plus(int word)
{
	if (likely(word >= 0 && word <= INT_MAX - VISIT))
		return word + VISIT;
	WARN_ONCE(1, "lockcnt: more than %u visits; leaking memory\n", LOCKCNT_MAX);
	return lockcnt_saturated(word);
}

/* There is no visit to end, so another may have lost its own: leak, rather than free. */
static void lockcnt_underflow(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);

	WARN_ONCE(1, "lockcnt: a visit ends that has not begun; leaking memory\n");
	while (!atomic_try_cmpxchg_relaxed(&lc->word, &old, lockcnt_saturated(old)))
		;
}

/**
 * __lockcnt_dec_failed() - lockcnt_dec() of a count that was zero or saturated
 * @lc: it
 * @old: its word before that
 *
 * Context: Any.
 */
void __lockcnt_dec_failed(struct lockcnt *lc, int old)
{
	if (old >= 0)
		lockcnt_underflow(lc);
	else
		atomic_add(VISIT, &lc->word);
}
EXPORT_SYMBOL_GPL(__lockcnt_dec_failed);

/*
 * The lock is held: let its holder know that somebody waits. False if the word has
 * changed since; it is in @word then.
 */
static bool lockcnt_will_wake(struct lockcnt *lc, int *word)
{
	return (*word & WAITERS) ||
	       atomic_try_cmpxchg_relaxed(&lc->word, word, *word | WAITERS);
}

static enum lockcnt_result lockcnt_try_inc(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);

	for (;;) {
		if ((old & LOCKED) && !(old & ~STATE)) {
			if (lockcnt_will_wake(lc, &old))
				return LOCKCNT_WAIT;
		} else if (atomic_try_cmpxchg_acquire(&lc->word, &old,
						      lockcnt_plus(old))) {
			return LOCKCNT_LEFT;
		}
	}
}

static enum lockcnt_result lockcnt_try_lock(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);

	for (;;) {
		if (old & LOCKED) {
			if (lockcnt_will_wake(lc, &old))
				return LOCKCNT_WAIT;
		} else if (atomic_try_cmpxchg_acquire(&lc->word, &old, old | LOCKED)) {
			return LOCKCNT_TAKEN;
		}
	}
}

/* Only one visit is left, of which the lock takes the place. */
static bool lockcnt_is_last(int word)
{
	return (word & ~STATE) == VISIT;
}

static enum lockcnt_result lockcnt_try_last(struct lockcnt *lc, int *word)
{
	while (lockcnt_is_last(*word)) {
		if (*word & LOCKED) {
			if (lockcnt_will_wake(lc, word))
				return LOCKCNT_WAIT;
		} else if (atomic_try_cmpxchg_acquire(&lc->word, word, LOCKED)) {
			return LOCKCNT_TAKEN;
		}
	}
	return LOCKCNT_LEFT;
}

static enum lockcnt_result lockcnt_try_dec_and_lock(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);
	enum lockcnt_result result;

	do {
		result = lockcnt_try_last(lc, &old);
		if (result != LOCKCNT_LEFT || unlikely(old < 0))
			return result;
		if (unlikely(old < VISIT)) {
			lockcnt_underflow(lc);
			return result;
		}
	} while (!atomic_try_cmpxchg_release(&lc->word, &old, old - VISIT));
	return result;
}

static enum lockcnt_result lockcnt_try_dec_if_lock(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);
	enum lockcnt_result result = lockcnt_try_last(lc, &old);

	if (unlikely(result == LOCKCNT_LEFT && !(old & ~STATE)))
		lockcnt_underflow(lc);
	return result;
}

/* One attempt: is there no need to wait? */
static __always_inline bool lockcnt_done(struct lockcnt *lc, enum lockcnt_result *result,
					 enum lockcnt_result (*attempt)(struct lockcnt *lc))
{
	*result = attempt(lc);
	return *result != LOCKCNT_WAIT;
}

/*
 * Attempt until there is no need to wait. Those that may wait for the lock are to
 * lockdep as those that take it: before they know whether they must.
 */
static enum lockcnt_result lockcnt_wait(struct lockcnt *lc, unsigned long ip,
					enum lockcnt_result (*attempt)(struct lockcnt *lc))
{
	enum lockcnt_result result;

	lock_acquire_exclusive(&lc->dep_map, 0, 0, NULL, ip);
	wait_var_event(&lc->word, lockcnt_done(lc, &result, attempt));
	if (result != LOCKCNT_TAKEN)
		lock_release(&lc->dep_map, ip);
	return result;
}

/* The same; LOCKCNT_WAIT if the task is killed meanwhile. */
static enum lockcnt_result
lockcnt_wait_killable(struct lockcnt *lc, unsigned long ip,
		      enum lockcnt_result (*attempt)(struct lockcnt *lc))
{
	enum lockcnt_result result;

	lock_acquire_exclusive(&lc->dep_map, 0, 0, NULL, ip);
	if (wait_var_event_killable(&lc->word, lockcnt_done(lc, &result, attempt)))
		result = LOCKCNT_WAIT;
	if (result != LOCKCNT_TAKEN)
		lock_release(&lc->dep_map, ip);
	return result;
}

/* To be called when the lock was released, with what the word was before. */
static void lockcnt_released(struct lockcnt *lc, int old)
{
	WARN_ONCE(!(old & LOCKED), "lockcnt: unlocked by nobody who had the lock\n");
	if (likely(!(old & WAITERS)))
		return;
	/*
	 * First the word, then whether anybody is queued: a waiter is queued, and then
	 * looks at the word. Pairs with set_current_state() in wait_var_event().
	 *
	 * Whoever has the lock now may have freed all this: only the address is used.
	 */
	smp_mb();
	wake_up_var(&lc->word);
}

/**
 * __lockcnt_inc() - lockcnt_inc() where it is not just an addition
 * @lc: it
 *
 * Context: Process; sleeps if the count is zero.
 */
void __lockcnt_inc(struct lockcnt *lc)
{
	/* Another visit, be it the caller's own, lets this one in without waiting. */
	if (lockcnt_count(lc) && lockcnt_try_inc(lc) != LOCKCNT_WAIT)
		return;
	lockcnt_wait(lc, _RET_IP_, lockcnt_try_inc);
}
EXPORT_SYMBOL_GPL(__lockcnt_inc);

/**
 * lockcnt_inc_killable() - begin a visit, or be killed
 * @lc: it
 *
 * As lockcnt_inc().
 *
 * Context: Process; sleeps if the count is zero.
 * Return: 0; or -EINTR, and no visit has begun.
 */
int lockcnt_inc_killable(struct lockcnt *lc)
{
	enum lockcnt_result result = LOCKCNT_WAIT;

	if (lockcnt_count(lc))
		result = lockcnt_try_inc(lc);
	if (result == LOCKCNT_WAIT)
		result = lockcnt_wait_killable(lc, _RET_IP_, lockcnt_try_inc);
	return result == LOCKCNT_WAIT ? -EINTR : 0;
}
EXPORT_SYMBOL_GPL(lockcnt_inc_killable);

/**
 * lockcnt_dec_and_lock() - end a visit, and take the lock if it was the last
 * @lc: it
 *
 * Nothing can come between the two: if the lock is taken, no visit has begun. It waits
 * only while this is the last visit and another holds the lock.
 *
 * What the visit did comes before (release); if the lock is taken, after what all
 * visits did (acquire).
 *
 * Context: Process; sleeps. The caller is in a visit.
 * Return: True if the count is zero now and the caller holds the lock, to be given
 * back by lockcnt_unlock() or lockcnt_inc_and_unlock(). False if other visits go on.
 */
bool lockcnt_dec_and_lock(struct lockcnt *lc)
{
	return lockcnt_wait(lc, _RET_IP_, lockcnt_try_dec_and_lock) == LOCKCNT_TAKEN;
}
EXPORT_SYMBOL_GPL(lockcnt_dec_and_lock);

/**
 * lockcnt_dec_and_lock_killable() - lockcnt_dec_and_lock(), or be killed
 * @lc: it
 *
 * Context: Process; sleeps. The caller is in a visit.
 * Return: 1 if the count is zero now and the caller holds the lock, 0 if other visits
 * go on; or -EINTR, and the visit has not ended.
 */
int lockcnt_dec_and_lock_killable(struct lockcnt *lc)
{
	switch (lockcnt_wait_killable(lc, _RET_IP_, lockcnt_try_dec_and_lock)) {
	case LOCKCNT_TAKEN:
		return 1;
	case LOCKCNT_LEFT:
		return 0;
	default:
		return -EINTR;
	}
}
EXPORT_SYMBOL_GPL(lockcnt_dec_and_lock_killable);

/**
 * lockcnt_dec_if_lock() - take the lock instead of the visit, if it is the only one
 * @lc: it
 *
 * For a visit that would like to free something now, and goes on afterwards, by
 * lockcnt_inc_and_unlock(). It waits only while this is the only visit and another
 * holds the lock. If the lock is taken, after what all visits did (acquire).
 *
 * Context: Process; sleeps. The caller is in a visit.
 * Return: True if the count is zero now and the caller holds the lock. False if there
 * are other visits: the caller's goes on.
 */
bool lockcnt_dec_if_lock(struct lockcnt *lc)
{
	return lockcnt_wait(lc, _RET_IP_, lockcnt_try_dec_if_lock) == LOCKCNT_TAKEN;
}
EXPORT_SYMBOL_GPL(lockcnt_dec_if_lock);

/**
 * lockcnt_lock() - take the lock
 * @lc: it
 *
 * Visits go on, and if there are any, others begin. The caller may be in one.
 *
 * What the holders of the lock before have written is seen (acquire).
 *
 * Context: Process; sleeps.
 */
void lockcnt_lock(struct lockcnt *lc)
{
	lockcnt_wait(lc, _RET_IP_, lockcnt_try_lock);
}
EXPORT_SYMBOL_GPL(lockcnt_lock);

/**
 * lockcnt_lock_killable() - take the lock, or be killed
 * @lc: it
 *
 * Context: Process; sleeps.
 * Return: 0 if the caller holds the lock, or -EINTR.
 */
int lockcnt_lock_killable(struct lockcnt *lc)
{
	return lockcnt_wait_killable(lc, _RET_IP_, lockcnt_try_lock) == LOCKCNT_TAKEN ?
	       0 : -EINTR;
}
EXPORT_SYMBOL_GPL(lockcnt_lock_killable);

/**
 * lockcnt_trylock() - take the lock if it is free
 * @lc: it
 *
 * Context: Process: it must be able to sleep until the lock is released.
 * Return: True if the caller holds the lock.
 */
bool lockcnt_trylock(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);

	do {
		if (old & LOCKED)
			return false;
	} while (!atomic_try_cmpxchg_acquire(&lc->word, &old, old | LOCKED));
	lock_acquire_exclusive(&lc->dep_map, 0, 1, NULL, _RET_IP_);
	return true;
}
EXPORT_SYMBOL_GPL(lockcnt_trylock);

/**
 * lockcnt_unlock() - release the lock
 * @lc: it
 *
 * What its holder has written comes before (release).
 *
 * Context: Process, the one that took the lock.
 */
void lockcnt_unlock(struct lockcnt *lc)
{
	lock_release(&lc->dep_map, _RET_IP_);
	lockcnt_released(lc, atomic_fetch_andnot_release(LOCKED | WAITERS, &lc->word));
}
EXPORT_SYMBOL_GPL(lockcnt_unlock);

/**
 * lockcnt_inc_and_unlock() - begin a visit and release the lock
 * @lc: it
 *
 * Nobody comes between the two: what the caller has found under the lock stays for
 * the visit.
 *
 * Context: Process, the one that took the lock. Never waits.
 */
void lockcnt_inc_and_unlock(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);

	lock_release(&lc->dep_map, _RET_IP_);
	while (!atomic_try_cmpxchg_release(&lc->word, &old, lockcnt_plus(old) & ~STATE))
		;
	lockcnt_released(lc, old);
}
EXPORT_SYMBOL_GPL(lockcnt_inc_and_unlock);
