/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SIGNAL_H
#define _TWIN_LINUX_SIGNAL_H

/* Where libc's are not to be had. */
#ifndef SIGKILL
#define SIGKILL			9
#endif

#endif /* _TWIN_LINUX_SIGNAL_H */
