/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RCU is liburcu's, flavour memb. What a grace period orders is told to
 * ThreadSanitizer, and only that: a reader that is not waited for is a race.
 */
#ifndef _TWIN_LINUX_RCUPDATE_H
#define _TWIN_LINUX_RCUPDATE_H

#include <asm/barrier.h>
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/bug.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/types.h>

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
void synchronize_rcu_expedited(void);
void call_rcu(struct rcu_head *head, rcu_callback_t func);
void rcu_barrier(void);
void twin_kvfree_rcu(struct rcu_head *head, size_t offset);
void kvfree_rcu_mightsleep(const void *ptr);

#define kfree_rcu_mightsleep(ptr)	kvfree_rcu_mightsleep(ptr)

#define kvfree_rcu(ptr, rhf)						\
do {									\
	typeof(ptr) __free_ptr = (ptr);					\
									\
	if (__free_ptr)							\
		twin_kvfree_rcu(&__free_ptr->rhf,			\
				offsetof(typeof(*__free_ptr), rhf));	\
} while (0)

#define kfree_rcu(ptr, rhf)	kvfree_rcu(ptr, rhf)

#ifdef TWIN_DEBUG
#define rcu_read_lock_held()	(twin_self.rcu != 0)
#define RCU_LOCKDEP_WARN(c, s)	((void)WARN(c, "suspicious RCU usage: %s", s))
#else
#define rcu_read_lock_held()	true
#define RCU_LOCKDEP_WARN(c, s)	((void)sizeof(c))
#endif

#define rcu_read_lock_any_held() \
	(rcu_read_lock_held() || twin_in_atomic())

static inline void rcu_read_lock_bh(void)
{
	local_bh_disable();
	rcu_read_lock();
}

static inline void rcu_read_unlock_bh(void)
{
	rcu_read_unlock();
	local_bh_enable();
}

/* Dependency ordering does not exist in C: acquire stands for it. */
#define rcu_dereference_raw(p)	__twin_load(p, __ATOMIC_ACQUIRE)

#define rcu_dereference_check(p, c)					\
({									\
	RCU_LOCKDEP_WARN(!((c) || rcu_read_lock_held()),		\
			 "rcu_dereference_check(" #p ")");		\
	twin_perturb();							\
	rcu_dereference_raw(p);						\
})

#define rcu_dereference_protected(p, c)					\
({									\
	RCU_LOCKDEP_WARN(!(c), "rcu_dereference_protected(" #p ")");	\
	READ_ONCE(p);							\
})

#define rcu_dereference(p)	rcu_dereference_check(p, 0)
#define rcu_dereference_bh(p)	rcu_dereference_check(p, twin_self.bh)
#define rcu_access_pointer(p)	READ_ONCE(p)
#define rcu_pointer_handoff(p)	(p)
#define unrcu_pointer(p)	(p)

#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)
#define RCU_INITIALIZER(v)		(v)

#define rcu_replace_pointer(p, ptr, c)					\
({									\
	typeof(ptr) __replaced = rcu_dereference_protected((p), (c));	\
									\
	rcu_assign_pointer((p), (ptr));					\
	__replaced;							\
})

#endif /* _TWIN_LINUX_RCUPDATE_H */
