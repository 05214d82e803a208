/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_BITOPS_H
#define _TWIN_ASM_BITOPS_H

#include <linux/bitops.h>

#endif /* _TWIN_ASM_BITOPS_H */
