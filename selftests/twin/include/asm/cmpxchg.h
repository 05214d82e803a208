/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_CMPXCHG_H
#define _TWIN_ASM_CMPXCHG_H

#include <linux/atomic.h>

#endif /* _TWIN_ASM_CMPXCHG_H */
