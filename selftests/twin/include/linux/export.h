/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_EXPORT_H
#define _TWIN_LINUX_EXPORT_H

/* Everything is linked into one program. */
#define EXPORT_SYMBOL(sym)		_Static_assert(1, #sym)
#define EXPORT_SYMBOL_GPL(sym)		_Static_assert(1, #sym)
#define THIS_MODULE			((struct module *)0)

#endif /* _TWIN_LINUX_EXPORT_H */
