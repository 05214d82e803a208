// SPDX-License-Identifier: GPL-2.0
/* Messages, the device, and objects by name. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "parse.h"
#include "qdsctl.h"

static void print_prefix(const struct call *call)
{
	fflush(stdout);
	fputs("qdsctl: ", stderr);
	if (call->session->script)
		fprintf(stderr, "%s:%u: ", call->session->script,
			call->session->line);
	if (call->command)
		fprintf(stderr, "%s: ", call->command->name);
	if (call->line)
		fprintf(stderr, "%s:%u: ", input_name(call->file), call->line);
}

/**
 * fail() - print an error
 * @call: what failed
 * @status: how
 * @format: the message, as for printf
 *
 * Return: @status.
 */
enum status fail(const struct call *call, enum status status,
		 const char *format, ...)
{
	va_list args;

	print_prefix(call);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static const char abandoned[] =
	"a restore was abandoned: bitmap begin, and restore all of it, in one qdsctl";

/* What an error of an object means that its name does not say. */
static const char *explain(int err)
{
	switch (-err) {
	case EBADF:
		return "the descriptor is read-only";
	case EBUSY:
		return "the bitmap is being restored: bitmap finish ends that";
	case ENODATA:
		return "the bitmap is not being restored";
	case ESTALE:
		return "something may have been lost since that point: copy everything";
	case EOWNERDEAD:
		return abandoned;
	case EPERM:
		return "it is sealed, or was taken and only becomes cleaner";
	case EFBIG:
	case EDQUOT:
		return "qdsctl caps shows the limits";
	case EOPNOTSUPP:
		return "qdsctl caps shows what this kernel has";
	default:
		return NULL;
	}
}

/**
 * fail_errno() - print an error that the kernel has returned
 * @call: what failed
 * @err: -errno
 * @format: what it was about, as for printf
 *
 * Return: STATUS_ERROR.
 */
enum status fail_errno(const struct call *call, int err, const char *format,
		       ...)
{
	const char *more = explain(err);
	va_list args;

	print_prefix(call);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s", strerror(-err));
	if (more)
		fprintf(stderr, " (%s)", more);
	fputc('\n', stderr);
	return STATUS_ERROR;
}

/**
 * worst() - the status of two things together
 * @a: status of one
 * @b: status of the other
 *
 * Return: the higher.
 */
enum status worst(enum status a, enum status b)
{
	return a > b ? a : b;
}

/**
 * device_open() - open the device
 * @call: for which command
 *
 * Return: its descriptor, or -1 after an error message.
 */
int device_open(const struct call *call)
{
	const char *device = call->session->device;
	int dev = qds_open(device);

	if (dev >= 0)
		return dev;
	print_prefix(call);
	fprintf(stderr, "cannot open %s: %s", device ? device : QDS_DEVICE,
		strerror(-dev));
	if (dev == -ENOENT || dev == -ENXIO || dev == -ENODEV)
		fputs(" (is the module loaded? try: modprobe qds)", stderr);
	else if (dev == -EACCES || dev == -EPERM)
		fputs(" (its owner or group may open it: try as root)", stderr);
	fputc('\n', stderr);
	return -1;
}

/**
 * kind_name() - the name of a kind of object
 * @kind: QDS_KIND_*
 *
 * Return: the name.
 */
const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case QDS_KIND_TABLE:
		return "table";
	case QDS_KIND_BITMAP:
		return "bitmap";
	case QDS_KIND_FDSTORE:
		return "fdstore";
	default:
		return "unknown";
	}
}

/* With its article, for a sentence. */
static const char *a_kind(uint32_t kind)
{
	switch (kind) {
	case QDS_KIND_TABLE:
		return "a table";
	case QDS_KIND_BITMAP:
		return "a bitmap";
	case QDS_KIND_FDSTORE:
		return "an fdstore";
	default:
		return "of a kind that is unknown";
	}
}

/**
 * object_named() - the object of a name
 * @session: the session
 * @name: the name
 *
 * Return: the object or NULL.
 */
struct object *object_named(struct session *session, const char *name)
{
	struct object *object = session->objects;

	while (object && strcmp(object->name, name))
		object = object->next;
	return object;
}

/**
 * name_ok() - may a new object have this name?
 * @call: the command that makes it
 * @name: the name
 *
 * Return: true, or false after an error message.
 */
bool name_ok(const struct call *call, const char *name)
{
	const char *at = name;

	if (isalpha((unsigned char)*at) || *at == '_') {
		while (isalnum((unsigned char)*at) || (*at && strchr("_-.", *at)))
			at++;
	}
	if (!*name || *at) {
		fail(call, STATUS_USAGE,
		     "'%s' is no name: use a letter, then letters, digits, _ - .",
		     name);
		return false;
	}
	if (object_named(call->session, name)) {
		fail(call, STATUS_USAGE,
		     "there is an object '%s' already: close it, or use another name",
		     name);
		return false;
	}
	return true;
}

/**
 * object_add() - give a name to an object
 * @call: the command that does it
 * @name: the name, for which name_ok() is true
 * @fd: the object, which the session owns from now on, also on failure
 *
 * Return: the object, or NULL after an error message.
 */
struct object *object_add(const struct call *call, const char *name, int fd)
{
	struct object *object = calloc(1, sizeof(*object));

	if (object)
		object->name = strdup(name);
	if (!object || !object->name) {
		free(object);
		close(fd);
		fail_errno(call, -ENOMEM, "%s", name);
		return NULL;
	}
	object->fd = fd;
	object->key_format = FORMAT_BYTES;
	object->value_format = FORMAT_BYTES;
	object->next = call->session->objects;
	call->session->objects = object;
	return object;
}

/* "fd:N", an inherited descriptor. Return: N, or -1 when it is not that. */
static int inherited(const char *text)
{
	uint32_t fd;

	if (strncmp(text, "fd:", 3) || parse_u32(text + 3, &fd) ||
	    fd > INT32_MAX)
		return -1;
	return fd;
}

/* Opens an object by the name it is linked to, for as long as the command runs. */
static enum status open_linked(const struct call *call, const char *name, int *fd)
{
	struct opened *opened = calloc(1, sizeof(*opened));
	enum status status;

	if (!opened)
		return fail_errno(call, -ENOMEM, "%s", name);
	status = name_open(call, name, fd);
	if (status || *fd < 0) {
		free(opened);
		return status;
	}
	opened->fd = *fd;
	opened->next = call->session->opened;
	call->session->opened = opened;
	return STATUS_OK;
}

/**
 * opened_close() - close what a command has opened by its name
 * @session: the session
 */
void opened_close(struct session *session)
{
	struct opened *opened;

	while (session->opened) {
		opened = session->opened;
		session->opened = opened->next;
		close(opened->fd);
		free(opened);
	}
}

/**
 * object_keep() - have what a command has opened by its name in this process
 * @call: the command
 * @object: as object_find() has filled it in
 *
 * What begins by a descriptor and ends with it, a restore or an attachment, is for the
 * commands behind this one too.
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status object_keep(const struct call *call, const struct object *object)
{
	const char *name = object->name;
	struct opened **at, *opened;

	for (at = &call->session->opened; *at; at = &(*at)->next) {
		opened = *at;
		if (opened->fd != object->fd)
			continue;
		*at = opened->next;
		free(opened);
		return object_add(call, name, object->fd) ? STATUS_OK : STATUS_ERROR;
	}
	return STATUS_OK;
}

/* Finds what is no object of this process. */
static enum status find_elsewhere(const struct call *call, const char *text, int *fd)
{
	*fd = inherited(text);
	if (*fd >= 0)
		return STATUS_OK;
	return open_linked(call, strncmp(text, "name:", 5) ? text : text + 5, fd);
}

/**
 * object_find() - the object that an argument means
 * @call: the command
 * @text: a name in this process, fd:N for an inherited descriptor, or a name that an
 *	object is linked to, also as name:NAME
 * @kind: the kind that it must be, 0 for any
 * @object: filled in, with a copy
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status object_find(const struct call *call, const char *text, uint32_t kind,
			struct object *object)
{
	const struct object *named = object_named(call->session, text);
	enum status status = STATUS_OK;
	struct qds_object_info info;
	int err;

	*object = named ? *named : (struct object){
		.name = (char *)text,
		.key_format = FORMAT_BYTES,
		.value_format = FORMAT_BYTES,
	};
	if (!named)
		status = find_elsewhere(call, text, &object->fd);
	if (status)
		return status;
	if (object->fd < 0)
		return fail(call, STATUS_USAGE,
			    "no object '%s' in this process, and none is linked to that name: create it first, or use fd:N for an inherited descriptor",
			    text);
	err = qds_object_get_info(object->fd, &info);
	if (err == -EBADF)
		return fail(call, STATUS_USAGE,
			    "%s: no such descriptor was inherited", text);
	if (err)
		return fail(call, STATUS_USAGE, "%s is not an object of qds: %s",
			    text, strerror(-err));
	if (kind && info.kind != kind)
		return fail(call, STATUS_USAGE, "%s is %s, not %s", text,
			    a_kind(info.kind), a_kind(kind));
	return STATUS_OK;
}

/**
 * session_close() - close all named objects
 * @session: the session
 */
void session_close(struct session *session)
{
	struct object *object = session->objects;

	while (object) {
		struct object *next = object->next;

		close(object->fd);
		free(object->name);
		free(object);
		object = next;
	}
	session->objects = NULL;
}
