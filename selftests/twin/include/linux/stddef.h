/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_STDDEF_H
#define _TWIN_LINUX_STDDEF_H

#include_next <linux/stddef.h>
#include <linux/types.h>

#endif /* _TWIN_LINUX_STDDEF_H */
