/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_GFP_H
#define _TWIN_LINUX_GFP_H

#include <linux/gfp_types.h>
#include <linux/types.h>
#include <twin/debug.h>

static inline bool gfpflags_allow_blocking(const gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

unsigned long twin_get_free_pages(gfp_t gfp, unsigned int order,
				  const char *site);
void free_pages(unsigned long addr, unsigned int order);

#define __get_free_pages(gfp, order) twin_get_free_pages(gfp, order, TWIN_SITE)
#define __get_free_page(gfp)	__get_free_pages(gfp, 0)
#define get_zeroed_page(gfp)	__get_free_page((gfp) | __GFP_ZERO)
#define free_page(addr)		free_pages(addr, 0)

#endif /* _TWIN_LINUX_GFP_H */
