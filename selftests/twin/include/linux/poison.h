/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_POISON_H
#define _TWIN_LINUX_POISON_H

/* Addresses that nothing can be mapped at. */
#define LIST_POISON1	((void *)0xdead000000000100)
#define LIST_POISON2	((void *)0xdead000000000122)

#endif /* _TWIN_LINUX_POISON_H */
