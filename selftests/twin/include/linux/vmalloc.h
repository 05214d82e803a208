/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_VMALLOC_H
#define _TWIN_LINUX_VMALLOC_H

#include <linux/gfp.h>
#include <linux/types.h>
#include <twin/debug.h>

void *twin_vmalloc(unsigned long size, gfp_t gfp, const char *site) __malloc;
void vfree(const void *addr);

#define __vmalloc(size, gfp)	twin_vmalloc(size, gfp, TWIN_SITE)
/* Pages are as large as the C library makes them. */
#define vmalloc_huge(size, gfp)	__vmalloc(size, gfp)
#define vmalloc(size)		__vmalloc(size, GFP_KERNEL)
#define vzalloc(size)		__vmalloc(size, GFP_KERNEL | __GFP_ZERO)

#endif /* _TWIN_LINUX_VMALLOC_H */
