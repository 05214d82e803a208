// SPDX-License-Identifier: GPL-2.0
/* Files that are modules of their own: parameters, loading and unloading. */
#define TWIN_HOST
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/module.h>
#include <linux/printk.h>
#include "internal.h"

static struct twin_module *modules;
static struct twin_param *params;

static long long get_param(const struct twin_param *param)
{
	switch (param->type) {
	case TWIN_PARAM_BOOL:
		return *(bool *)param->value;
	case TWIN_PARAM_INT:
		return *(int *)param->value;
	case TWIN_PARAM_UINT:
		return *(unsigned int *)param->value;
	case TWIN_PARAM_ULONG:
		return *(unsigned long *)param->value;
	}
	return 0;
}

/* False if the parameter cannot have this value. */
static bool set_param(const struct twin_param *param, long long value)
{
	switch (param->type) {
	case TWIN_PARAM_BOOL:
		*(bool *)param->value = value;
		break;
	case TWIN_PARAM_INT:
		*(int *)param->value = value;
		break;
	case TWIN_PARAM_UINT:
		*(unsigned int *)param->value = value;
		break;
	case TWIN_PARAM_ULONG:
		*(unsigned long *)param->value = value;
		break;
	}
	return get_param(param) == value;
}

void twin_register_module(struct twin_module *module)
{
	module->next = modules;
	modules = module;
}

void twin_register_param(struct twin_param *param)
{
	param->initial = get_param(param);
	param->next = params;
	params = param;
}

static struct twin_module *find_module(const char *name)
{
	struct twin_module *module = modules;

	while (module && strcmp(module->name, name))
		module = module->next;
	if (!module)
		twin_fatal("no module %s", name);
	return module;
}

/* The parameter's name has @len characters. */
static struct twin_param *find_param(const char *module, const char *name,
				     size_t len)
{
	struct twin_param *param;

	for (param = params; param; param = param->next)
		if (!strcmp(param->module, module) &&
		    !strncmp(param->name, name, len) && !param->name[len])
			return param;
	return NULL;
}

/* "name=value": a number. Returns the parameter, or NULL. */
static struct twin_param *parse(const char *module, const char *assignment,
				long long *value)
{
	size_t len = strcspn(assignment, "=");
	struct twin_param *param = find_param(module, assignment, len);
	char *end;

	if (!param || assignment[len] != '=')
		return NULL;
	*value = strtoll(assignment + len + 1, &end, 0);
	return end == assignment + len + 1 || *end ? NULL : param;
}

bool twin_set_initial(const char *assignment)
{
	size_t len = strcspn(assignment, ".");
	struct twin_param *param = NULL;
	char module[64];
	long long value;

	if (assignment[len] && len < sizeof(module)) {
		memcpy(module, assignment, len);
		module[len] = '\0';
		param = parse(module, assignment + len + 1, &value);
	}
	if (!param || !set_param(param, value)) {
		fprintf(stderr, "twin: no such parameter, or not its value: '%s';\n"
			"  give MODULE.NAME=NUMBER\n", assignment);
		return false;
	}
	param->initial = value;
	return true;
}

static void set_all_initial(const char *module)
{
	struct twin_param *param;

	for (param = params; param; param = param->next)
		if (!strcmp(param->module, module))
			set_param(param, param->initial);
}

static bool set_all(const char *module, const char *parameters)
{
	char *copy = strdup(parameters), *rest = copy, *word;
	bool ok = copy;

	while (ok && (word = strsep(&rest, " "))) {
		struct twin_param *param;
		long long value;

		if (!*word)
			continue;
		param = parse(module, word, &value);
		ok = param && set_param(param, value);
		if (!ok)
			_printk("%s: no such parameter, or not its value: %s\n",
				module, word);
	}
	free(copy);
	return ok;
}

int twin_load_module(const char *name, const char *parameters)
{
	struct twin_module *module = find_module(name);

	set_all_initial(name);
	return set_all(name, parameters) ? module->init() : -EINVAL;
}

void twin_unload_module(const char *name)
{
	find_module(name)->exit();
}

long long twin_module_param(const char *module, const char *name)
{
	struct twin_param *param = find_param(module, name, strlen(name));

	if (!param)
		twin_fatal("no parameter %s.%s", module, name);
	return get_param(param);
}
