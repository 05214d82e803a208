/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MODULE_H
#define _TWIN_LINUX_MODULE_H

#include <linux/export.h>
#include <linux/types.h>

#define MODULE_LICENSE(s)		_Static_assert(1, s)
#define MODULE_AUTHOR(s)		_Static_assert(1, s)
#define MODULE_DESCRIPTION(s)		_Static_assert(1, s)
#define MODULE_IMPORT_NS(ns)		_Static_assert(1, #ns)

#endif /* _TWIN_LINUX_MODULE_H */
