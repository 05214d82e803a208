/* SPDX-License-Identifier: GPL-2.0 */
/* Attributes by the names that a kernel has; the twin's headers have them too. */
#ifndef BENCH_COMPILER_H
#define BENCH_COMPILER_H

#ifndef __aligned
#define __aligned(x)	__attribute__((		\
	__aligned__(x)))
#define __printf(a, b)	__attribute__((		\
	__format__(__printf__, a, b)))
#define __noreturn	__attribute__((		\
	__noreturn__))
#define __cold		__attribute__((		\
	__cold__))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

#endif /* BENCH_COMPILER_H */
