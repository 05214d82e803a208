/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_COMPILER_H
#define _TWIN_LINUX_COMPILER_H

#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define noinline		__attribute__((__noinline__))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __always_unused		__attribute__((__unused__))
#define __used			__attribute__((__used__))
#define __pure			__attribute__((__pure__))
#undef __attribute_const__
#define __attribute_const__	__attribute__((__const__))
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define __malloc		__attribute__((__malloc__))
#define __cold			__attribute__((__cold__))
#define __weak			__attribute__((__weak__))
#define __noreturn		__attribute__((__noreturn__))
#define __section(s)		__attribute__((__section__(s)))
#define fallthrough		__attribute__((__fallthrough__))

/* Checked by sparse in the kernel; this compiler does not know them. */
#define __rcu
#define __user
#define __kernel
#define __iomem
#define __percpu
#define __force
#define __bitwise
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)

#define __init
#define __exit
#define __read_mostly
#define __ro_after_init

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" : : : "memory")
#define barrier_data(ptr)	__asm__ __volatile__("" : : "r"(ptr) : "memory")
#define unreachable()		__builtin_unreachable()
#define OPTIMIZER_HIDE_VAR(v)	__asm__("" : "=r"(v) : "0"(v))

#define __stringify_1(x...)	#x
#define __stringify(x...)	__stringify_1(x)
#define ___PASTE(a, b)		a##b
#define __PASTE(a, b)		___PASTE(a, b)
#define __UNIQUE_ID(prefix)	__PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)
#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))
#define _THIS_IP_		({ __label__ __here; __here: (unsigned long)&&__here; })
#define _RET_IP_		((unsigned long)__builtin_return_address(0))

#undef offsetof
#define offsetof(type, member)	__builtin_offsetof(type, member)
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof_field(type, member))

/* An expression's type without const and volatile. */
#define __twin_rvalue_type(x)	typeof(({ x; }))

/*
 * Marked accesses are relaxed atomics, so that ThreadSanitizer tells them from
 * plain ones. A size that is not a machine word's does not link.
 */
#define __twin_load(x, order)						\
({									\
	__twin_rvalue_type(x) __val;					\
									\
	__atomic_load((typeof(__val) *)&(x), &__val, order);		\
	__val;								\
})

#define READ_ONCE(x)		__twin_load(x, __ATOMIC_RELAXED)

#define WRITE_ONCE(x, val)						\
do {									\
	__twin_rvalue_type(x) __new = (val);				\
									\
	__atomic_store((typeof(__new) *)&(x), &__new, __ATOMIC_RELAXED); \
} while (0)

/*
 * data_race() says that a plain access may race. ThreadSanitizer has no such
 * mark, hence the value is read as a marked access: use it on one lvalue.
 */
#define data_race(x)		READ_ONCE(x)

#endif /* _TWIN_LINUX_COMPILER_H */
