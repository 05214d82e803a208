/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_PAGE_H
#define _TWIN_ASM_PAGE_H

#include <linux/align.h>

#undef PAGE_SIZE
#undef PAGE_MASK
#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(addr) ALIGN(addr, PAGE_SIZE)

#endif /* _TWIN_ASM_PAGE_H */
