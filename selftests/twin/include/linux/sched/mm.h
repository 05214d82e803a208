/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SCHED_MM_H
#define _TWIN_LINUX_SCHED_MM_H

#include <linux/gfp.h>
#include <linux/sched.h>

/* What an allocation with @gfp may do, without making one. */
static __always_inline void might_alloc(gfp_t gfp)
{
	might_sleep_if(gfpflags_allow_blocking(gfp));
}

/* See linux/memcontrol.h. */
struct mem_cgroup;

static inline struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg)
{
	return NULL;
}

#endif /* _TWIN_LINUX_SCHED_MM_H */
