/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_TIMEKEEPING_H
#define _TWIN_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>

#endif /* _TWIN_LINUX_TIMEKEEPING_H */
