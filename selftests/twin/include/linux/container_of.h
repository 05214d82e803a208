/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_CONTAINER_OF_H
#define _TWIN_LINUX_CONTAINER_OF_H

#include <linux/build_bug.h>
#include <linux/compiler.h>

/* In integers: lists end at the container of NULL, which is no object to UBSan. */
#define container_of(ptr, type, member)					\
({									\
	unsigned long __member = (unsigned long)(ptr);			\
									\
	_Static_assert(__same_type(*(ptr), ((type *)0)->member) ||	\
		       __same_type(*(ptr), void),			\
		       "pointer type mismatch in container_of()");	\
	(type *)(__member - offsetof(type, member));			\
})

#endif /* _TWIN_LINUX_CONTAINER_OF_H */
