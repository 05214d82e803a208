/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_DIV64_H
#define _TWIN_ASM_DIV64_H

#include <linux/math64.h>

#endif /* _TWIN_ASM_DIV64_H */
