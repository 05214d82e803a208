/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MMDEBUG_H
#define _TWIN_LINUX_MMDEBUG_H

#include <linux/bug.h>

#endif /* _TWIN_LINUX_MMDEBUG_H */
