/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_INIT_H
#define _TWIN_LINUX_INIT_H

#include <linux/compiler.h>

#endif /* _TWIN_LINUX_INIT_H */
