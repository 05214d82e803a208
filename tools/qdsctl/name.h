/* SPDX-License-Identifier: GPL-2.0 */
/* The names by which other processes find objects. */
#ifndef QDSCTL_NAME_H
#define QDSCTL_NAME_H

#include "qdsctl.h"

/* Options of the commands that make an object. */
#define NAME_OPTION								\
	{ "name", OPT_NAME, "NAME", 0,						\
	  "Link it to NAME, by which other processes find it", 2 }
#define MODE_OPTION								\
	{ "mode", OPT_MODE, "MODE", 0,						\
	  "Who may open NAME, in octal; 600 if not given", 2 }

enum status name_open(const struct call *call, const char *name, int *fd);
enum status names_check(const struct call *call, const char *local);
enum status names_link(const struct call *call, int fd);
enum status names_give(const struct call *call, const char *local, int fd,
		       struct object **object);

#endif /* QDSCTL_NAME_H */
