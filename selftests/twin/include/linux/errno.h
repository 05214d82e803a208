/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_ERRNO_H
#define _TWIN_LINUX_ERRNO_H

#include_next <linux/errno.h>

/* Codes that never leave the kernel. */
#define ERESTARTSYS	512
#define ERESTARTNOINTR	513
#define ENOIOCTLCMD	515
#define EPROBE_DEFER	517
#define ENOTSUPP	524

#endif /* _TWIN_LINUX_ERRNO_H */
