// SPDX-License-Identifier: GPL-2.0
/* table walk, table seal */
#include <errno.h>
#include <stdlib.h>

#include "json.h"
#include "qdsctl.h"
#include "table_walk.h"

/* Entries asked for at once, and room for them if they are not large. */
#define ENTRIES 4096
#define ROOM ((size_t)64 << 10)

/* Room for a step of a walk. Return: 0 or -ENOMEM. */
static int walk_alloc(struct qds_walk *walk, bool varlen)
{
	walk->keys = malloc(walk->key_room);
	walk->values = malloc(walk->value_room);
	if (varlen) {
		walk->key_lens = calloc(walk->room, sizeof(uint32_t));
		walk->value_lens = calloc(walk->room, sizeof(uint32_t));
	}
	return walk->keys && walk->values &&
	       (!varlen || (walk->key_lens && walk->value_lens)) ? 0 : -ENOMEM;
}

static void walk_free(struct qds_walk *walk)
{
	free(walk->value_lens);
	free(walk->key_lens);
	free(walk->values);
	free(walk->keys);
}

/**
 * walk_init() - begin a walk
 * @walk: filled in; to be freed by walk_end(), on failure too
 * @info: of the table
 *
 * Return: 0 or -ENOMEM.
 */
int walk_init(struct qds_walk *walk, const struct qds_table_info *info)
{
	*walk = (struct qds_walk){
		.room = ENTRIES,
		.key_room = ROOM,
		.value_room = ROOM,
	};
	return walk_alloc(walk, info->create_flags & QDS_TABLE_VARLEN);
}

/**
 * walk_end() - give the room back
 * @walk: from walk_init()
 */
void walk_end(struct qds_walk *walk)
{
	walk_free(walk);
}

/* Many entries of one hash: they come at once, whatever room they need. */
static int walk_grow(struct qds_walk *walk)
{
	struct qds_walk more = {
		.cursor = walk->cursor,
		.room = walk->room > walk->nr ? walk->room : walk->nr,
		.key_room = walk->key_room > walk->key_bytes ?
			    walk->key_room : walk->key_bytes,
		.value_room = walk->value_room > walk->value_bytes ?
			      walk->value_room : walk->value_bytes,
	};
	bool varlen = walk->key_lens;

	walk_free(walk);
	*walk = more;
	return walk_alloc(walk, varlen);
}

/**
 * walk_next() - the next entries of a walk, with as much room as they need
 * @fd: the table
 * @walk: from walk_init()
 *
 * Return: 0 or -errno.
 */
int walk_next(int fd, struct qds_walk *walk)
{
	int err = qds_walk_table(fd, walk);

	while (err == -ENOSPC) {
		err = walk_grow(walk);
		if (!err)
			err = qds_walk_table(fd, walk);
	}
	return err;
}

/* An entry of a step. */
struct entry {
	const unsigned char *key;
	const unsigned char *value;
	uint32_t key_size;
	uint32_t value_size;
};

static enum status print_entry(const struct call *call,
			       const struct object *object,
			       const struct entry *entry, struct json_list *list)
{
	char *key = format_write_some(object->key_format, entry->key,
				      entry->key_size);
	char *value = format_write_some(object->value_format, entry->value,
					entry->value_size);
	enum status status = STATUS_OK;
	struct json_object *json;

	if (!key || !value) {
		status = fail_errno(call, -ENOMEM, "%s", object->name);
	} else if (call->json) {
		json = json_object_new_object();
		json_text(json, "key", key);
		json_text(json, "value", value);
		json_list_add(list, json);
	} else {
		printf("%s%s%s\n", key, *value ? " " : "", value);
	}
	free(key);
	free(value);
	return status;
}

static enum status print_step(const struct call *call,
			      const struct object *object,
			      const struct qds_walk *walk,
			      const struct qds_table_info *info,
			      struct json_list *list)
{
	struct entry entry = { .key = walk->keys, .value = walk->values };
	enum status status = STATUS_OK;
	uint32_t i;

	for (i = 0; i < walk->nr && !status; i++) {
		entry.key_size = walk->key_lens ? walk->key_lens[i] :
						  info->key_size;
		entry.value_size = walk->value_lens ? walk->value_lens[i] :
						      info->value_size;
		status = print_entry(call, object, &entry, list);
		entry.key += entry.key_size;
		entry.value += entry.value_size;
	}
	return status;
}

static enum status print_all(const struct call *call,
			     const struct object *object,
			     const struct qds_table_info *info)
{
	struct json_list list;
	struct qds_walk walk;
	enum status status = STATUS_OK;
	int err = walk_init(&walk, info);

	if (call->json)
		json_list_begin(&list);
	do {
		if (!err)
			err = walk_next(object->fd, &walk);
		if (err)
			status = fail_errno(call, err, "%s", object->name);
		else
			status = print_step(call, object, &walk, info, &list);
	} while (!status && walk.cursor);
	if (call->json)
		json_list_end(&list);
	walk_end(&walk);
	return status;
}

enum status run_walk(struct call *call)
{
	struct qds_table_info info;
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], QDS_KIND_TABLE, &object);
	if (status)
		return status;
	err = qds_table_get_info(object.fd, &info);
	if (err)
		return fail_errno(call, err, "%s", object.name);
	if (call->key_format)
		object.key_format = call->key_format;
	if (call->value_format)
		object.value_format = call->value_format;
	return print_all(call, &object, &info);
}

enum status run_table_seal(struct call *call)
{
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], QDS_KIND_TABLE, &object);
	if (status)
		return status;
	err = qds_table_set_sealed(object.fd);
	return err ? fail_errno(call, err, "%s", object.name) : STATUS_OK;
}
