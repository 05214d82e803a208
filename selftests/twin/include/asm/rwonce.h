/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_RWONCE_H
#define _TWIN_ASM_RWONCE_H

#include <linux/compiler.h>

#endif /* _TWIN_ASM_RWONCE_H */
