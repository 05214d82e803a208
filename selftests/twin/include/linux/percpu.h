/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is one per CPU in a kernel is one per thread here. Only its own thread writes
 * it, others read it.
 */
#ifndef _TWIN_LINUX_PERCPU_H
#define _TWIN_LINUX_PERCPU_H

#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/slab.h>
#include <twin/debug.h>

#define __percpu

/* Each in a cacheline of its own. */
#define alloc_percpu_gfp(type, gfp)					\
({									\
	BUILD_BUG_ON(sizeof(type) > SMP_CACHE_BYTES);			\
	kcalloc(TWIN_MAX_THREADS + 1, SMP_CACHE_BYTES, gfp);		\
})
#define free_percpu(ptr)	kfree(ptr)
#define per_cpu_ptr(ptr, cpu) \
	((typeof(ptr))((char *)(ptr) + (size_t)(cpu) * SMP_CACHE_BYTES))
#define this_cpu_ptr(ptr)	per_cpu_ptr(ptr, twin_self.id)
#define this_cpu_add(pcp, val)						\
do {									\
	typeof(&(pcp)) __slot = this_cpu_ptr(&(pcp));			\
									\
	WRITE_ONCE(*__slot, *__slot + (val));				\
} while (0)
#define __this_cpu_add(pcp, val)	this_cpu_add(pcp, val)

#endif /* _TWIN_LINUX_PERCPU_H */
