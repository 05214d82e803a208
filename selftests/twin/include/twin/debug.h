/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the shims keep to see misuse: who holds what, and whether this thread
 * may sleep. The plain variant, for benchmarks, is built without TWIN_DEBUG.
 */
#ifndef _TWIN_DEBUG_H
#define _TWIN_DEBUG_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Threads alive at once; each has an id of its own from 1 on. */
#define TWIN_MAX_THREADS	64
#define TWIN_MAX_HELD		48

struct twin_held {
	const void *lock;
	unsigned long ip;
	u16 class;
	u8 subclass;
	bool sleeping_lock;
};

struct twin_thread {
	u32 id;
	u32 n_held;
	u32 n_spin;
	u32 rcu;
	u32 bh;
	u32 irq;
	u32 preempt;
	bool in_softirq;
	u32 perturb;
	struct twin_held held[TWIN_MAX_HELD];
};

extern __thread struct twin_thread twin_self;

static inline bool twin_in_atomic(void)
{
	return twin_self.n_spin || twin_self.rcu || twin_self.bh ||
	       twin_self.irq || twin_self.preempt || twin_self.in_softirq;
}

/* One per place that initializes a lock; @id is given out on first use. */
struct lock_class_key {
	u16 id;
};

/* The place in the source that a macro is used at. */
#define TWIN_SITE	__FILE__ ":" __stringify(__LINE__)

/* Fails the running test and says where; see twin_expect_begin(). */
void twin_warn(const char *site, const char *fmt, ...) __printf(2, 3) __cold;
void twin_report(unsigned long ip, const char *fmt, ...) __printf(2, 3) __cold;
void twin_fatal(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
void twin_where(unsigned long ip, char *buf, size_t size);

#ifdef TWIN_DEBUG
void twin_might_sleep(const char *what, unsigned long ip);
void twin_might_sleep_at(const char *what, const char *site);
void twin_check_unpreempted(const char *what);
void twin_perturb(void);
u16 twin_lock_class(struct lock_class_key *key, const char *name);
void twin_lock_before(const void *lock, u16 class, unsigned int subclass,
		      unsigned long ip);
void twin_lock_held(const void *lock, u16 class, unsigned int subclass,
		    bool sleeping_lock, unsigned long ip);
void twin_lock_released(const void *lock, unsigned long ip);
bool twin_lock_is_held(const void *lock);
void twin_no_locks_freed(const void *from, size_t size);
void twin_check_idle(const char *who);
#else
static inline void twin_might_sleep(const char *what, unsigned long ip)
{
}

static inline void twin_might_sleep_at(const char *what, const char *site)
{
}

static inline void twin_check_unpreempted(const char *what)
{
}

static inline void twin_perturb(void)
{
}

static inline void twin_no_locks_freed(const void *from, size_t size)
{
}

static inline void twin_check_idle(const char *who)
{
}
#endif /* TWIN_DEBUG */

#endif /* _TWIN_DEBUG_H */
