// SPDX-License-Identifier: GPL-2.0
/* fdstore create, save, resave, find, delete, walk, info; others in fdstore_stream.c */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdstore.h"
#include "json.h"
#include "name.h"
#include "parse.h"

/**
 * struct key - a key as it is written: NAME or NAME:ID
 * @name: the name
 * @id: the number, 0 if none is written
 */
struct key {
	char name[QDS_FDSTORE_NAME_MAX + 1];
	uint32_t id;
};

static enum status parse_key(const struct call *call, const char *text, struct key *key)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);

	key->id = 0;
	if (!length || length > QDS_FDSTORE_NAME_MAX)
		return fail(call, STATUS_USAGE,
			    "'%s': the name of a key has 1 to %d bytes", text,
			    QDS_FDSTORE_NAME_MAX);
	if (colon && parse_u32(colon + 1, &key->id))
		return fail(call, STATUS_USAGE,
			    "'%s' is no key: write NAME, or NAME:ID with a number", text);
	memcpy(key->name, text, length);
	key->name[length] = 0;
	return STATUS_OK;
}

static enum status parse_fd(const struct call *call, const char *text, int *fd)
{
	uint32_t number;

	if (parse_u32(text, &number) || number > INT32_MAX)
		return fail(call, STATUS_USAGE, "'%s' is no number of a descriptor", text);
	*fd = number;
	return STATUS_OK;
}

static enum status run_create(struct call *call)
{
	enum status status = names_check(call, call->args[0]);
	int dev, fd;

	if (status)
		return status;
	dev = device_open(call);
	if (dev < 0)
		return STATUS_ERROR;
	fd = qds_create_fdstore(dev, call->max_entries);
	close(dev);
	if (fd < 0)
		return fail_errno(call, fd, "an fd store");
	return names_give(call, call->args[0], fd, NULL);
}

static bool is_read_only(const struct object *store)
{
	struct qds_object_info info;

	return !qds_object_get_info(store->fd, &info) &&
	       !(info.access & QDS_ACCESS_WRITE);
}

static enum status key_error(const struct call *call, const struct object *store,
			     const char *key, int err)
{
	switch (err) {
	case -EEXIST:
		return fail(call, STATUS_NO, "key %s is there already", key);
	case -ENOENT:
		return fail(call, STATUS_NO, "key %s is not in the store", key);
	case -EBADF:
		return fail(call, STATUS_ERROR, "key %s: %s", key, is_read_only(store) ?
			    "the store's descriptor is read-only" :
			    "the descriptor is not open");
	case -ENOSPC:
		return fail(call, STATUS_ERROR, "key %s: %s (its --max-entries)", key,
			    strerror(-err));
	case -ELOOP:
		return fail(call, STATUS_ERROR,
			    "key %s: the file could keep the store for ever (link the store to a name first if it is a UNIX socket)",
			    key);
	default:
		return fail_errno(call, err, "key %s", key);
	}
}

static enum status save_with(struct call *call,
			     int (*save)(int fd, struct qds_fd_list *list))
{
	struct qds_fdstore_entry entry;
	struct qds_fd_list list = { .entries = &entry, .nr = 1 };
	struct object store;
	enum status status;
	struct key key;
	int fd = -1, err;

	status = object_find(call, call->args[0], QDS_KIND_FDSTORE, &store);
	if (!status)
		status = parse_key(call, call->args[1], &key);
	if (!status)
		status = parse_fd(call, call->args[2], &fd);
	if (status)
		return status;
	qds_fdstore_entry_init(&entry, key.name, key.id, fd);
	err = save(store.fd, &list);
	if (err == -EEXIST && save == qds_fdstore_resave)
		return fail(call, STATUS_NO, "key %s holds another open file",
			    call->args[1]);
	return err ? key_error(call, &store, call->args[1], err) : STATUS_OK;
}

static enum status run_save(struct call *call)
{
	return save_with(call, qds_fdstore_save);
}

static enum status run_resave(struct call *call)
{
	return save_with(call, qds_fdstore_resave);
}

static enum status run_find(struct call *call)
{
	struct object store;
	enum status status;
	struct key key;
	int fd = -1, found, err;

	status = object_find(call, call->args[0], QDS_KIND_FDSTORE, &store);
	if (!status)
		status = parse_key(call, call->args[1], &key);
	if (!status)
		status = parse_fd(call, call->args[2], &fd);
	if (status)
		return status;
	found = qds_fdstore_find_one(store.fd, key.name, key.id);
	if (found < 0)
		return key_error(call, &store, call->args[1], found);
	/* For a program that exec runs. */
	err = (found == fd ? fcntl(fd, F_SETFD, 0) : dup2(found, fd)) < 0 ? -errno : 0;
	if (err == -EBADF)
		status = fail(call, STATUS_ERROR,
			      "%d is more than this process may have (ulimit -n)", fd);
	else if (err)
		status = fail_errno(call, err, "descriptor %d", fd);
	if (found != fd)
		close(found);
	return status;
}

static enum status run_delete(struct call *call)
{
	struct qds_fdstore_entry entry;
	struct qds_fd_list list = { .entries = &entry, .nr = 1 };
	struct object store;
	enum status status;
	struct key key;
	int i, err;

	status = object_find(call, call->args[0], QDS_KIND_FDSTORE, &store);
	for (i = 1; i < call->nr && status <= STATUS_NO; i++) {
		status = worst(status, parse_key(call, call->args[i], &key));
		if (status > STATUS_NO)
			break;
		qds_fdstore_entry_init(&entry, key.name, key.id, -1);
		err = qds_fdstore_delete(store.fd, &list);
		if (err)
			status = worst(status, key_error(call, &store, call->args[i],
							 err));
	}
	return status;
}

/**
 * walk_store() - go through the keys of a store
 * @call: the command
 * @store: the store
 * @fn: called for each, in the order of saving
 * @opaque: for @fn
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status walk_store(struct call *call, const struct object *store, record_fn fn,
		       void *opaque)
{
	struct qds_fdstore_record records[RECORDS];
	enum status status = STATUS_OK;
	uint64_t cursor = 0;
	uint32_t i, nr;
	int err;

	do {
		nr = RECORDS;
		err = qds_fdstore_get_records(store->fd, &cursor, records, &nr);
		if (err)
			return fail_errno(call, err, "%s", store->name);
		for (i = 0; i < nr && !status; i++)
			status = fn(opaque, &records[i]);
	} while (cursor && !status);
	return status;
}

/**
 * struct listing - keys being printed
 * @call: the command
 * @list: the JSON that is being written
 */
struct listing {
	struct call *call;
	struct json_list list;
};

static enum status print_record(void *opaque, const struct qds_fdstore_record *record)
{
	bool is_socket = record->flags & QDS_FDSTORE_SOCKET;
	struct listing *listing = opaque;
	struct json_object *json;

	if (!listing->call->json) {
		printf("%s:%u%s\n", record->name, record->id, is_socket ? " socket" : "");
		return STATUS_OK;
	}
	json = json_object_new_object();
	json_text(json, "name", record->name);
	json_number(json, "id", record->id);
	json_object_object_add(json, "socket", json_object_new_boolean(is_socket));
	json_list_add(&listing->list, json);
	return STATUS_OK;
}

static enum status run_fd_walk(struct call *call)
{
	struct listing listing = { .call = call };
	struct object store;
	enum status status;

	status = object_find(call, call->args[0], QDS_KIND_FDSTORE, &store);
	if (status)
		return status;
	if (call->json)
		json_list_begin(&listing.list);
	status = walk_store(call, &store, print_record, &listing);
	if (call->json)
		json_list_end(&listing.list);
	return status;
}

static enum status run_info(struct call *call)
{
	return info_run(call, QDS_KIND_FDSTORE);
}

static const struct argp_option create_options[] = {
	{ "max-entries", OPT_MAX_ENTRIES, "N", 0, "Refuse to hold more", 0 },
	NAME_OPTION,
	MODE_OPTION,
	{ 0 }
};

static const struct argp_option export_options[] = {
	{ "output", 'o', "FILE", 0, "Write numbers of descriptors to FILE", 0 },
	{ "socket", OPT_SOCKET, "PATH", 0, "Send to the UNIX socket at PATH", 0 },
	{ 0 }
};

static const struct argp_option import_options[] = {
	{ "file", 'f', "FILE", 0, "Read numbers of inherited descriptors", 0 },
	{ "socket", OPT_SOCKET, "PATH", 0, "Wait at PATH for who sends them", 0 },
	{ 0 }
};

#define KEY_DETAILS "A key is written NAME:ID; without :ID the number is 0."

const struct command fdstore_commands[] = {
	{
		.name = "fdstore create", .args = "[NAME]", .run = run_create,
		.options = create_options, .max = 1,
		.help = "Make an empty fd store",
	}, {
		.name = "fdstore save", .args = "STORE KEY FD", .run = run_save,
		.min = 3, .max = 3,
		.help = "Save an inherited descriptor; 1 if the key is there",
		.details = KEY_DETAILS,
	}, {
		.name = "fdstore resave", .args = "STORE KEY FD", .run = run_resave,
		.min = 3, .max = 3,
		.help = "Save it unless it is there; 1 if another file is",
		.details = KEY_DETAILS,
	}, {
		.name = "fdstore find", .args = "STORE KEY FD", .run = run_find,
		.min = 3, .max = 3,
		.help = "Make it descriptor FD, for exec; 1 if there is none",
		.details = KEY_DETAILS,
	}, {
		.name = "fdstore delete", .args = "STORE KEY...", .run = run_delete,
		.min = 2, .max = -1,
		.help = "Take entries out; 1 if one is missing",
		.details = KEY_DETAILS,
	}, {
		.name = "fdstore walk", .args = "STORE", .run = run_fd_walk,
		.min = 1, .max = 1,
		.help = "The keys, in the order of saving",
	}, {
		.name = "fdstore info", .args = "STORE", .run = run_info,
		.min = 1, .max = 1,
		.help = "How many entries there are",
	}, {
		.name = "fdstore export", .args = "STORE", .run = run_fdstore_export,
		.options = export_options, .min = 1, .max = 1,
		.help = "Write all of it as QEMU's CPR state",
		.details = "The numbers are those that a program has which exec\n"
			   "then runs in this process.",
	}, {
		.name = "fdstore import", .args = "STORE", .run = run_fdstore_import,
		.options = import_options, .min = 1, .max = 1,
		.help = "Save all of a CPR state, or nothing",
	},
	{ 0 }
};
