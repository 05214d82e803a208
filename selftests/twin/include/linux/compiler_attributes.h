/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_COMPILER_ATTRIBUTES_H
#define _TWIN_LINUX_COMPILER_ATTRIBUTES_H

#include <linux/compiler.h>

#endif /* _TWIN_LINUX_COMPILER_ATTRIBUTES_H */
