/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_CACHE_H
#define _TWIN_LINUX_CACHE_H

#include <linux/compiler.h>
#include <linux/math.h>

#define L1_CACHE_SHIFT		6
#define L1_CACHE_BYTES		(1 << L1_CACHE_SHIFT)
#define SMP_CACHE_BYTES		L1_CACHE_BYTES
#define ARCH_KMALLOC_MINALIGN	8
#define L1_CACHE_ALIGN(x)	round_up(x, L1_CACHE_BYTES)
#define cache_line_size()	L1_CACHE_BYTES
#define ____cacheline_aligned	__aligned(SMP_CACHE_BYTES)
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#define __cacheline_aligned	____cacheline_aligned
#define __cacheline_aligned_in_smp ____cacheline_aligned

#endif /* _TWIN_LINUX_CACHE_H */
