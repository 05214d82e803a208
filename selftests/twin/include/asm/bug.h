/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_BUG_H
#define _TWIN_ASM_BUG_H

#include <linux/bug.h>

#endif /* _TWIN_ASM_BUG_H */
