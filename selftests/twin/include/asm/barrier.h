/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ThreadSanitizer does not know fences: they order, but it sees no
 * happens-before in them. Publish by smp_store_release() and
 * rcu_assign_pointer(), which it does see.
 */
#ifndef _TWIN_ASM_BARRIER_H
#define _TWIN_ASM_BARRIER_H

#include <linux/compiler.h>
#include <linux/types.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(TWIN_TSAN)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* As the kernel's on x86; compilers take mfence, which is slower. */
#if defined(__x86_64__) && !defined(TWIN_DEBUG)
#define smp_mb() \
	__asm__ __volatile__("lock; addl $0,-4(%%rsp)" : : : "memory", "cc")
#else
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define mb()			smp_mb()
#define rmb()			smp_rmb()
#define wmb()			smp_wmb()
#define smp_mb__before_atomic()	smp_mb()
#define smp_mb__after_atomic()	smp_mb()
#define smp_mb__after_spinlock() smp_mb()
#define smp_mb__after_unlock_lock() smp_mb()
#define smp_read_barrier_depends() barrier()

#define smp_load_acquire(p)	__twin_load(*(p), __ATOMIC_ACQUIRE)

#define smp_store_release(p, v)						\
do {									\
	__twin_rvalue_type(*(p)) __new = (v);				\
									\
	__atomic_store((p), &__new, __ATOMIC_RELEASE);			\
} while (0)

#define smp_store_mb(var, value)					\
do {									\
	WRITE_ONCE(var, value);						\
	smp_mb();							\
} while (0)

#endif /* _TWIN_ASM_BARRIER_H */
