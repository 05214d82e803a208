/* SPDX-License-Identifier: GPL-2.0 */
/* Parameters are set by twin_load_module() and by the program's --param. */
#ifndef _TWIN_LINUX_MODULEPARAM_H
#define _TWIN_LINUX_MODULEPARAM_H

#include <linux/compiler.h>
#include <linux/types.h>

enum twin_param_type {
	TWIN_PARAM_BOOL,
	TWIN_PARAM_INT,
	TWIN_PARAM_UINT,
	TWIN_PARAM_ULONG,
};

/* A parameter of a module; @initial is what loading the module makes of it. */
struct twin_param {
	const char *module;
	const char *name;
	enum twin_param_type type;
	void *value;
	long long initial;
	struct twin_param *next;
};

void twin_register_param(struct twin_param *param);

/* bool is a macro here, so the type's name cannot be pasted. */
#define __twin_param_type(param) _Generic(param, bool: TWIN_PARAM_BOOL,	\
	int: TWIN_PARAM_INT, unsigned int: TWIN_PARAM_UINT,		\
	unsigned long: TWIN_PARAM_ULONG)

#define __module_param(ctor, param_name)				\
static __attribute__((__constructor__)) void ctor(void)			\
{									\
	static struct twin_param param = {				\
		.module = KBUILD_MODNAME,				\
		.name = #param_name,					\
		.type = __twin_param_type(param_name),			\
		.value = &param_name,					\
	};								\
									\
	twin_register_param(&param);					\
}									\
_Static_assert(1, "parameter")

#define module_param(name, type, perm) \
	__module_param(__UNIQUE_ID(param), name)
#define MODULE_PARM_DESC(name, text)	_Static_assert(1, text)

#endif /* _TWIN_LINUX_MODULEPARAM_H */
