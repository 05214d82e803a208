/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MM_H
#define _TWIN_LINUX_MM_H

#include <asm/page.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#endif /* _TWIN_LINUX_MM_H */
