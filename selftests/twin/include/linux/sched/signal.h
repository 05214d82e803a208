/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SCHED_SIGNAL_H
#define _TWIN_LINUX_SCHED_SIGNAL_H

#include <linux/sched.h>

#endif /* _TWIN_LINUX_SCHED_SIGNAL_H */
