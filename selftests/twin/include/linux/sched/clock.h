/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SCHED_CLOCK_H
#define _TWIN_LINUX_SCHED_CLOCK_H

#include <linux/ktime.h>

#endif /* _TWIN_LINUX_SCHED_CLOCK_H */
