// SPDX-License-Identifier: GPL-2.0
/* caps, info, reopen, close, list: the device, and objects of any kind. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "qdsctl.h"

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ QDS_FEATURE_TABLE, "table" },
	{ QDS_FEATURE_BITMAP, "bitmap" },
	{ QDS_FEATURE_NAMES, "names" },
	{ QDS_FEATURE_FDSTORE, "fdstore" },
	{ QDS_FEATURE_VARLEN, "varlen" },
	{ QDS_FEATURE_WATCH, "watch" },
	{ QDS_FEATURE_HISTORY, "history" },
};

static void print_limit(const char *name, uint64_t limit)
{
	if (limit)
		printf("%-23s %" PRIu64 "\n", name, limit);
	else
		printf("%-23s none\n", name);
}

static void print_caps(const struct qds_caps *caps)
{
	size_t i;

	printf("%-23s", "features");
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (caps->features & features[i].bit)
			printf(" %s", features[i].name);
	putchar('\n');
	printf("max_bitmap_bits         %" PRIu64 "\n",
	       (uint64_t)caps->max_bitmap_bits);
	printf("max_table_entries       %" PRIu64 "\n",
	       (uint64_t)caps->max_table_entries);
	printf("max_key_size            %u\n", caps->max_key_size);
	printf("max_value_size          %u\n", caps->max_value_size);
	printf("max_granularity         %u\n", caps->max_granularity);
	printf("max_serial_granularity  %u\n", caps->max_serial_granularity);
	print_limit("user_objects", caps->user_objects);
	print_limit("user_names", caps->user_names);
	print_limit("user_fds", caps->user_fds);
	print_limit("user_entries", caps->user_entries);
	print_limit("user_bits", caps->user_bits);
}

static void print_caps_json(const struct qds_caps *caps)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (caps->features & features[i].bit)
			json_object_array_add(list,
					      json_object_new_string(features[i].name));
	json_object_object_add(object, "features", list);
	json_number(object, "max_bitmap_bits", caps->max_bitmap_bits);
	json_number(object, "max_table_entries", caps->max_table_entries);
	json_number(object, "max_key_size", caps->max_key_size);
	json_number(object, "max_value_size", caps->max_value_size);
	json_number(object, "max_granularity", caps->max_granularity);
	json_number(object, "max_serial_granularity",
		    caps->max_serial_granularity);
	json_number(object, "user_objects", caps->user_objects);
	json_number(object, "user_names", caps->user_names);
	json_number(object, "user_fds", caps->user_fds);
	json_number(object, "user_entries", caps->user_entries);
	json_number(object, "user_bits", caps->user_bits);
	json_put_line(object);
}

static enum status run_caps(struct call *call)
{
	struct qds_caps caps;
	int dev = device_open(call);
	int err;

	if (dev < 0)
		return STATUS_ERROR;
	err = qds_get_caps(dev, &caps);
	close(dev);
	if (err)
		return fail_errno(call, err, "the device");
	if (call->json)
		print_caps_json(&caps);
	else
		print_caps(&caps);
	return STATUS_OK;
}

static const char *access_name(uint32_t access)
{
	return access & QDS_ACCESS_WRITE ? "read-write" : "read-only";
}

static enum status info_table(struct call *call, const struct object *object,
			      struct json_object *json)
{
	struct qds_table_info info;
	int err = qds_table_get_info(object->fd, &info);

	if (err)
		return fail_errno(call, err, "%s", object->name);
	json_number(json, "key_size", info.key_size);
	json_number(json, "value_size", info.value_size);
	json_number(json, "entries", info.entries);
	json_number(json, "max_entries", info.max_entries);
	json_number(json, "buckets", info.buckets);
	json_text(json, "state", info.state == QDS_TABLE_SEALED ? "sealed" :
								  "active");
	json_text(json, "lengths", info.create_flags & QDS_TABLE_VARLEN ?
				   "varying" : "fixed");
	return STATUS_OK;
}

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {
		[QDS_BITMAP_ACTIVE] = "active",
		[QDS_BITMAP_RESTORING] = "restoring",
		[QDS_BITMAP_ABANDONED] = "abandoned",
		[QDS_BITMAP_TAKEN] = "taken",
		[QDS_BITMAP_SEALED] = "sealed",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static enum status info_bitmap(struct call *call, const struct object *object,
			       struct json_object *json)
{
	struct qds_bitmap_info info;
	int err = qds_bitmap_get_info(object->fd, &info);

	if (err)
		return fail_errno(call, err, "%s", object->name);
	json_text(json, "state", state_name(info.state));
	json_number(json, "items", info.items);
	json_number(json, "granularity", info.granularity);
	json_number(json, "dirty", info.dirty);
	json_number(json, "memory", info.memory);
	return STATUS_OK;
}

static enum status info_fdstore(struct call *call, const struct object *object,
				struct json_object *json)
{
	struct qds_fdstore_info info;
	int err = qds_fdstore_get_info(object->fd, &info);

	if (err)
		return fail_errno(call, err, "%s", object->name);
	json_number(json, "entries", info.entries);
	json_number(json, "max_entries", info.max_entries);
	json_number(json, "sockets", info.sockets);
	return STATUS_OK;
}

/* What a person reads is the same members, without the punctuation. */
static void print_plain(struct json_object *json)
{
	json_object_object_foreach(json, key, value)
		printf("%-12s %s\n", key, json_object_get_string(value));
	json_object_put(json);
}

/**
 * info_run() - print what is known of an object
 * @call: the command; its first argument is the object
 * @kind: the kind it must be, or 0
 *
 * Return: the status.
 */
enum status info_run(struct call *call, uint32_t kind)
{
	struct qds_object_info info;
	struct json_object *json;
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], kind, &object);
	if (status)
		return status;
	err = qds_object_get_info(object.fd, &info);
	if (err)
		return fail_errno(call, err, "%s", object.name);
	json = json_object_new_object();
	json_text(json, "kind", kind_name(info.kind));
	json_text(json, "access", access_name(info.access));
	if (info.kind == QDS_KIND_TABLE)
		status = info_table(call, &object, json);
	else if (info.kind == QDS_KIND_BITMAP)
		status = info_bitmap(call, &object, json);
	else if (info.kind == QDS_KIND_FDSTORE)
		status = info_fdstore(call, &object, json);
	if (status)
		json_object_put(json);
	else if (call->json)
		json_put_line(json);
	else
		print_plain(json);
	return status;
}

static enum status run_info(struct call *call)
{
	return info_run(call, 0);
}

static enum status run_reopen(struct call *call)
{
	uint32_t access = QDS_ACCESS_READ;
	struct object object, *named;
	enum status status;
	int fd;

	status = object_find(call, call->args[0], 0, &object);
	if (status)
		return status;
	if (!name_ok(call, call->args[1]))
		return STATUS_USAGE;
	if (!call->read_only)
		access |= QDS_ACCESS_WRITE;
	fd = qds_reopen(object.fd, access);
	if (fd < 0)
		return fail_errno(call, fd, "%s", object.name);
	named = object_add(call, call->args[1], fd);
	if (!named)
		return STATUS_ERROR;
	named->key_format = object.key_format;
	named->value_format = object.value_format;
	return STATUS_OK;
}

static enum status run_close(struct call *call)
{
	struct object *object = object_named(call->session, call->args[0]);
	struct object **link;

	if (!object)
		return fail(call, STATUS_USAGE, "no object '%s' in this process",
			    call->args[0]);
	for (link = &call->session->objects; *link != object;
	     link = &(*link)->next)
		;
	*link = object->next;
	close(object->fd);
	free(object->name);
	free(object);
	return STATUS_OK;
}

static enum status run_list(struct call *call)
{
	struct json_list list;
	const struct object *object;
	struct qds_object_info info;
	struct json_object *json;
	enum status status = STATUS_OK;
	int err;

	if (call->json)
		json_list_begin(&list);
	for (object = call->session->objects; object; object = object->next) {
		err = qds_object_get_info(object->fd, &info);
		if (err) {
			status = fail_errno(call, err, "%s", object->name);
			continue;
		}
		if (!call->json) {
			printf("%-16s %-7s %s\n", object->name,
			       kind_name(info.kind), access_name(info.access));
			continue;
		}
		json = json_object_new_object();
		json_text(json, "name", object->name);
		json_text(json, "kind", kind_name(info.kind));
		json_text(json, "access", access_name(info.access));
		json_list_add(&list, json);
	}
	if (call->json)
		json_list_end(&list);
	return status;
}

static const struct argp_option reopen_options[] = {
	{ "read-only", 'r', NULL, 0, "The new descriptor may not write", 0 },
	{ 0 }
};

const struct command device_commands[] = {
	{
		.name = "caps", .args = "", .run = run_caps,
		.help = "What the module has and its limits",
	}, {
		.name = "info", .args = "OBJECT", .run = run_info,
		.min = 1, .max = 1,
		.help = "What is known of an object",
	}, {
		.name = "reopen", .args = "OBJECT NAME", .run = run_reopen,
		.options = reopen_options, .min = 2, .max = 2,
		.help = "Give a name to a further descriptor of an object",
		.details = "With fd:N it gives a name to an inherited object.",
	}, {
		.name = "close", .args = "NAME", .run = run_close,
		.min = 1, .max = 1,
		.help = "Close a named object",
	}, {
		.name = "list", .args = "", .run = run_list,
		.help = "The named objects of this process",
	},
	{ 0 }
};
