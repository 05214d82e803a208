/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MEMCONTROL_H
#define _TWIN_LINUX_MEMCONTROL_H

#include <linux/types.h>

/* There are no memory cgroups, as without CONFIG_MEMCG. */
struct mem_cgroup;

#define get_mem_cgroup_from_mm(mm)	((struct mem_cgroup *)NULL)

static inline void mem_cgroup_put(struct mem_cgroup *memcg)
{
}

#endif /* _TWIN_LINUX_MEMCONTROL_H */
