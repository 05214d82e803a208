/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_INSTRUCTION_POINTER_H
#define _TWIN_LINUX_INSTRUCTION_POINTER_H

#include <linux/compiler.h>

#endif /* _TWIN_LINUX_INSTRUCTION_POINTER_H */
