/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lockcnt - a counter of visits and a lock in one word. After QEMU's QemuLockCnt,
 * by Paolo Bonzini.
 *
 * Visits of a data structure are counted; they do not exclude each other, nor the
 * holder of the lock. Two rules make it safe to free what visits look at:
 *
 * - it is freed only by the holder of the lock, and only while the count is zero;
 * - no visit begins while the count is zero and the lock is held.
 *
 * So a callback that is called during a visit may remove anything, itself included:
 * the visit that ends last frees it. Documentation/lockcnt.rst has the patterns.
 */
#ifndef _LINUX_LOCKCNT_H
#define _LINUX_LOCKCNT_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/kconfig.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/types.h>

/* Visits that are counted. One more, and the count is saturated: see below. */
#define LOCKCNT_MAX		((unsigned int)INT_MAX >> 2)
/* What lockcnt_count() says of a count that is saturated. */
#define LOCKCNT_SATURATED	UINT_MAX

/**
 * struct lockcnt - a counter and a lock
 *
 * It is one word, to which lockdep adds. It may be freed by whoever can exclude that
 * others will still use it: lockcnt_unlock(), once another could take the lock, uses
 * no more than its address.
 *
 * As a refcount_t does, a count that went too far up, or below zero, is saturated,
 * which is told once in the kernel's log. It stays so, the lock goes on to work, and
 * what would be freed at zero leaks.
 */
struct lockcnt {
	/* private: 1: locked; 2: somebody waits for the lock; 4 for each visit */
	atomic_t word;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map dep_map;
#endif
};

#ifndef CONFIG_DEBUG_LOCK_ALLOC
static_assert(sizeof(struct lockcnt) == sizeof(int));
#endif

#ifdef CONFIG_DEBUG_LOCK_ALLOC
#define __LOCKCNT_DEP_MAP(lockname)					\
	.dep_map = {							\
		.name = #lockname,					\
		.wait_type_inner = LD_WAIT_SLEEP,			\
	},
#else
#define __LOCKCNT_DEP_MAP(lockname)
#endif

#define __LOCKCNT_INITIALIZER(name)					\
	{								\
		.word = ATOMIC_INIT(0),					\
		__LOCKCNT_DEP_MAP(name)					\
	}

/**
 * DEFINE_LOCKCNT() - define one: count zero, not locked
 * @name: its name
 */
#define DEFINE_LOCKCNT(name)	struct lockcnt name = __LOCKCNT_INITIALIZER(name)

void __lockcnt_init(struct lockcnt *lc, const char *name, struct lock_class_key *key);
void __lockcnt_inc(struct lockcnt *lc);
void __lockcnt_dec_failed(struct lockcnt *lc, int old);

/**
 * lockcnt_init() - make one ready: count zero, not locked
 * @lc: it
 *
 * Nothing is to be undone. All that one place in the source makes ready are of one
 * class to lockdep.
 *
 * Context: Any.
 */
#define lockcnt_init(lc)						\
do {									\
	static struct lock_class_key __key;				\
									\
	__lockcnt_init((lc), #lc, &__key);				\
} while (0)

int lockcnt_inc_killable(struct lockcnt *lc) __must_check;
bool lockcnt_dec_and_lock(struct lockcnt *lc) __must_check;
int lockcnt_dec_and_lock_killable(struct lockcnt *lc) __must_check;
bool lockcnt_dec_if_lock(struct lockcnt *lc) __must_check;
void lockcnt_lock(struct lockcnt *lc);
int lockcnt_lock_killable(struct lockcnt *lc) __must_check;
bool lockcnt_trylock(struct lockcnt *lc) __must_check;
void lockcnt_unlock(struct lockcnt *lc);
void lockcnt_inc_and_unlock(struct lockcnt *lc);

/* The constants of the word; what a word says is the same everywhere. */
enum {
	__LOCKCNT_LOCKED = 1,
	__LOCKCNT_WAITERS = 2,
	__LOCKCNT_STATE = 3,
	__LOCKCNT_VISIT = 4,
};

/*
 * Can a visit begin by adding it? If not, __lockcnt_inc() knows what to do. Where
 * the kernel looks for deadlocks, that is also asked when the visit would be the
 * first, which is the one that may have to wait.
 */
static inline bool __lockcnt_can_inc(int word)
{
	if (!word)
		return !IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC) &&
		       !IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP);
	return word >= __LOCKCNT_VISIT && word <= INT_MAX - __LOCKCNT_VISIT;
}

/**
 * lockcnt_inc() - begin a visit
 * @lc: it
 *
 * It waits only while the count is zero and another holds the lock. So within a visit
 * one more never waits, and who holds the lock must not begin the first one.
 *
 * What the holders of the lock before have written is seen, and what the visit does
 * comes after (acquire).
 *
 * Context: Process; sleeps if the count is zero. Any if the caller knows that it is
 * not.
 */
static inline void lockcnt_inc(struct lockcnt *lc)
{
	int old = atomic_read(&lc->word);

	if (likely(__lockcnt_can_inc(old)) &&
	    likely(atomic_try_cmpxchg_acquire(&lc->word, &old, old + __LOCKCNT_VISIT)))
		return;
	__lockcnt_inc(lc);
}

/**
 * lockcnt_dec() - end a visit
 * @lc: it
 *
 * What the visit did comes before (release). It may be ended by another thread than
 * the one that began it.
 *
 * Context: Any. Never waits.
 */
static inline void lockcnt_dec(struct lockcnt *lc)
{
	int old = atomic_fetch_sub_release(__LOCKCNT_VISIT, &lc->word);

	if (unlikely(old < __LOCKCNT_VISIT))
		__lockcnt_dec_failed(lc, old);
}

/**
 * lockcnt_count() - number of visits
 * @lc: it
 *
 * To the holder of the lock, zero means that there is no visit and that none begins
 * before he unlocks; what visits did came before that (acquire). Everything else may
 * have changed by the time that it is returned.
 *
 * Context: Any.
 * Return: The number, LOCKCNT_MAX at most; LOCKCNT_SATURATED, which is more, if it is
 * no longer known.
 */
static inline unsigned int lockcnt_count(const struct lockcnt *lc)
{
	int word = atomic_read_acquire(&lc->word);

	return word < 0 ? LOCKCNT_SATURATED : (unsigned int)word / __LOCKCNT_VISIT;
}

/**
 * lockcnt_is_locked() - whether somebody holds the lock
 * @lc: it
 *
 * For assertions. lockdep_assert_held() knows who it is, if lockdep is there.
 *
 * Context: Any.
 * Return: True if so.
 */
static inline bool lockcnt_is_locked(const struct lockcnt *lc)
{
	return atomic_read(&lc->word) & __LOCKCNT_LOCKED;
}

#endif /* _LINUX_LOCKCNT_H */
