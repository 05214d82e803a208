/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_MODULE_H
#define _TWIN_LINUX_MODULE_H

#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/types.h>

/* A file that is a module of its own; nobody calls it before it is loaded. */
struct twin_module {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
	struct twin_module *next;
};

void twin_register_module(struct twin_module *module);

#define __module_init(ctor, init_fn)					\
static void __twin_module_exit(void);					\
static __attribute__((__constructor__)) void ctor(void)			\
{									\
	static struct twin_module module = {				\
		.name = KBUILD_MODNAME,					\
		.init = init_fn,					\
		.exit = __twin_module_exit,				\
	};								\
									\
	twin_register_module(&module);					\
}									\
_Static_assert(1, "module")

#define module_init(init_fn)	__module_init(__UNIQUE_ID(module), init_fn)
#define module_exit(exit_fn)						\
static void __twin_module_exit(void)					\
{									\
	exit_fn();							\
}									\
_Static_assert(1, "module")

#define MODULE_LICENSE(s)		_Static_assert(1, s)
#define MODULE_AUTHOR(s)		_Static_assert(1, s)
#define MODULE_DESCRIPTION(s)		_Static_assert(1, s)
#define MODULE_IMPORT_NS(ns)		_Static_assert(1, #ns)

#endif /* _TWIN_LINUX_MODULE_H */
