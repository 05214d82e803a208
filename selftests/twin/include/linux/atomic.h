/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's rule: what returns a value is fully ordered unless its name says
 * otherwise, what does not is relaxed, and a failed compare orders nothing.
 */
#ifndef _TWIN_LINUX_ATOMIC_H
#define _TWIN_LINUX_ATOMIC_H

#include <asm/barrier.h>
#include <asm/processor.h>
#include <linux/types.h>

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC64_INIT(i)	{ (i) }

#define __twin_cmpxchg(ptr, old, new, order)				\
({									\
	__twin_rvalue_type(*(ptr)) __old = (old);			\
	__twin_rvalue_type(*(ptr)) __new = (new);			\
									\
	__atomic_compare_exchange((ptr), &__old, &__new, false, order,	\
				  __ATOMIC_RELAXED);			\
	__old;								\
})

#define __twin_try_cmpxchg(ptr, oldp, new, order)			\
({									\
	__twin_rvalue_type(*(ptr)) __new = (new);			\
									\
	__atomic_compare_exchange((ptr), (oldp), &__new, false, order,	\
				  __ATOMIC_RELAXED);			\
})

#define __twin_xchg(ptr, new, order)					\
({									\
	__twin_rvalue_type(*(ptr)) __new = (new);			\
	__twin_rvalue_type(*(ptr)) __was;				\
									\
	__atomic_exchange((ptr), &__new, &__was, order);		\
	__was;								\
})

#define cmpxchg(ptr, old, new)		__twin_cmpxchg(ptr, old, new, __ATOMIC_SEQ_CST)
#define cmpxchg_acquire(ptr, old, new)	__twin_cmpxchg(ptr, old, new, __ATOMIC_ACQUIRE)
#define cmpxchg_release(ptr, old, new)	__twin_cmpxchg(ptr, old, new, __ATOMIC_RELEASE)
#define cmpxchg_relaxed(ptr, old, new)	__twin_cmpxchg(ptr, old, new, __ATOMIC_RELAXED)
#define cmpxchg64(ptr, old, new)	cmpxchg(ptr, old, new)
#define try_cmpxchg(ptr, oldp, new)	__twin_try_cmpxchg(ptr, oldp, new, __ATOMIC_SEQ_CST)
#define try_cmpxchg_acquire(ptr, oldp, new) \
	__twin_try_cmpxchg(ptr, oldp, new, __ATOMIC_ACQUIRE)
#define try_cmpxchg_release(ptr, oldp, new) \
	__twin_try_cmpxchg(ptr, oldp, new, __ATOMIC_RELEASE)
#define try_cmpxchg_relaxed(ptr, oldp, new) \
	__twin_try_cmpxchg(ptr, oldp, new, __ATOMIC_RELAXED)
#define xchg(ptr, new)			__twin_xchg(ptr, new, __ATOMIC_SEQ_CST)
#define xchg_acquire(ptr, new)		__twin_xchg(ptr, new, __ATOMIC_ACQUIRE)
#define xchg_release(ptr, new)		__twin_xchg(ptr, new, __ATOMIC_RELEASE)
#define xchg_relaxed(ptr, new)		__twin_xchg(ptr, new, __ATOMIC_RELAXED)

#define __TWIN_ATOMIC_RMW(prefix, type, int_type, suffix, order)	\
static __always_inline int_type						\
prefix##_add_return##suffix(int_type i, type *v)			\
{									\
	return __atomic_add_fetch(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_sub_return##suffix(int_type i, type *v)			\
{									\
	return __atomic_sub_fetch(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type prefix##_inc_return##suffix(type *v)	\
{									\
	return __atomic_add_fetch(&v->counter, 1, order);		\
}									\
									\
static __always_inline int_type prefix##_dec_return##suffix(type *v)	\
{									\
	return __atomic_sub_fetch(&v->counter, 1, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_fetch_add##suffix(int_type i, type *v)				\
{									\
	return __atomic_fetch_add(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_fetch_sub##suffix(int_type i, type *v)				\
{									\
	return __atomic_fetch_sub(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type prefix##_fetch_inc##suffix(type *v)	\
{									\
	return __atomic_fetch_add(&v->counter, 1, order);		\
}									\
									\
static __always_inline int_type prefix##_fetch_dec##suffix(type *v)	\
{									\
	return __atomic_fetch_sub(&v->counter, 1, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_fetch_or##suffix(int_type i, type *v)				\
{									\
	return __atomic_fetch_or(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_fetch_and##suffix(int_type i, type *v)				\
{									\
	return __atomic_fetch_and(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_fetch_andnot##suffix(int_type i, type *v)			\
{									\
	return __atomic_fetch_and(&v->counter, ~i, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_fetch_xor##suffix(int_type i, type *v)				\
{									\
	return __atomic_fetch_xor(&v->counter, i, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_xchg##suffix(type *v, int_type new)				\
{									\
	return __atomic_exchange_n(&v->counter, new, order);		\
}									\
									\
static __always_inline int_type						\
prefix##_cmpxchg##suffix(type *v, int_type old, int_type new)		\
{									\
	return __twin_cmpxchg(&v->counter, old, new, order);		\
}									\
									\
static __always_inline bool						\
prefix##_try_cmpxchg##suffix(type *v, int_type *old, int_type new)	\
{									\
	return __twin_try_cmpxchg(&v->counter, old, new, order);	\
}

#define __TWIN_ATOMIC(prefix, type, int_type)				\
static __always_inline int_type prefix##_read(const type *v)		\
{									\
	return READ_ONCE(v->counter);					\
}									\
									\
static __always_inline int_type prefix##_read_acquire(const type *v)	\
{									\
	return smp_load_acquire(&v->counter);				\
}									\
									\
static __always_inline void prefix##_set(type *v, int_type i)		\
{									\
	WRITE_ONCE(v->counter, i);					\
}									\
									\
static __always_inline void prefix##_set_release(type *v, int_type i)	\
{									\
	smp_store_release(&v->counter, i);				\
}									\
									\
__TWIN_ATOMIC_RMW(prefix, type, int_type, , __ATOMIC_SEQ_CST)		\
__TWIN_ATOMIC_RMW(prefix, type, int_type, _acquire, __ATOMIC_ACQUIRE)	\
__TWIN_ATOMIC_RMW(prefix, type, int_type, _release, __ATOMIC_RELEASE)	\
__TWIN_ATOMIC_RMW(prefix, type, int_type, _relaxed, __ATOMIC_RELAXED)	\
									\
static __always_inline void prefix##_add(int_type i, type *v)		\
{									\
	prefix##_fetch_add_relaxed(i, v);				\
}									\
									\
static __always_inline void prefix##_sub(int_type i, type *v)		\
{									\
	prefix##_fetch_sub_relaxed(i, v);				\
}									\
									\
static __always_inline void prefix##_inc(type *v)			\
{									\
	prefix##_fetch_add_relaxed(1, v);				\
}									\
									\
static __always_inline void prefix##_dec(type *v)			\
{									\
	prefix##_fetch_sub_relaxed(1, v);				\
}									\
									\
static __always_inline void prefix##_or(int_type i, type *v)		\
{									\
	prefix##_fetch_or_relaxed(i, v);				\
}									\
									\
static __always_inline void prefix##_and(int_type i, type *v)		\
{									\
	prefix##_fetch_and_relaxed(i, v);				\
}									\
									\
static __always_inline void prefix##_andnot(int_type i, type *v)	\
{									\
	prefix##_fetch_andnot_relaxed(i, v);				\
}									\
									\
static __always_inline void prefix##_xor(int_type i, type *v)		\
{									\
	prefix##_fetch_xor_relaxed(i, v);				\
}									\
									\
static __always_inline bool prefix##_dec_and_test(type *v)		\
{									\
	return prefix##_dec_return(v) == 0;				\
}									\
									\
static __always_inline bool prefix##_inc_and_test(type *v)		\
{									\
	return prefix##_inc_return(v) == 0;				\
}									\
									\
static __always_inline bool prefix##_sub_and_test(int_type i, type *v)	\
{									\
	return prefix##_sub_return(i, v) == 0;				\
}									\
									\
static __always_inline bool prefix##_add_negative(int_type i, type *v)	\
{									\
	return prefix##_add_return(i, v) < 0;				\
}									\
									\
static inline int_type							\
prefix##_fetch_add_unless(type *v, int_type i, int_type u)		\
{									\
	int_type c = prefix##_read(v);					\
									\
	while (c != u && !prefix##_try_cmpxchg(v, &c, c + i))		\
		;							\
	return c;							\
}									\
									\
static inline bool prefix##_add_unless(type *v, int_type i, int_type u)	\
{									\
	return prefix##_fetch_add_unless(v, i, u) != u;			\
}									\
									\
static inline bool prefix##_inc_not_zero(type *v)			\
{									\
	return prefix##_add_unless(v, 1, 0);				\
}									\
									\
static inline int_type prefix##_dec_if_positive(type *v)		\
{									\
	int_type c = prefix##_read(v);					\
									\
	while (c > 0 && !prefix##_try_cmpxchg(v, &c, c - 1))		\
		;							\
	return c - 1;							\
}

__TWIN_ATOMIC(atomic, atomic_t, int)
__TWIN_ATOMIC(atomic64, atomic64_t, s64)

typedef struct {
	long counter;
} atomic_long_t;

#define ATOMIC_LONG_INIT(i)	{ (i) }

__TWIN_ATOMIC(atomic_long, atomic_long_t, long)

#define smp_cond_load_acquire(ptr, cond_expr)				\
({									\
	__twin_rvalue_type(*(ptr)) VAL;					\
									\
	while (VAL = smp_load_acquire(ptr), !(cond_expr))		\
		twin_relax();						\
	VAL;								\
})

/* Lets another thread run: on few CPUs the one waited for may need this one. */
void twin_relax(void);

#endif /* _TWIN_LINUX_ATOMIC_H */
