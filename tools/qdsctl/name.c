// SPDX-License-Identifier: GPL-2.0
/* name link, publish, list, wait, unlink; objects that are opened by name */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "json.h"
#include "name.h"

#define DEFAULT_MODE 0600

static enum status name_fault(const struct call *call, const char *name, int err)
{
	switch (err) {
	case -ENOENT:
		return fail(call, STATUS_NO,
			    "there is no name '%s': name list shows which there are",
			    name);
	case -EEXIST:
		return fail(call, STATUS_NO,
			    "the name '%s' is in use: name list shows for what", name);
	case -EBUSY:
		return fail(call, STATUS_ERROR,
			    "the name '%s' is only reserved: whoever reserved it has to publish it",
			    name);
	case -EACCES:
		return fail(call, STATUS_ERROR,
			    "the mode of the name '%s' does not let you: name list shows it and the owner",
			    name);
	case -EPERM:
		return fail(call, STATUS_ERROR,
			    "the name '%s' is another user's: only its owner or root takes it away",
			    name);
	case -EINVAL:
	case -ENAMETOOLONG:
		return fail(call, STATUS_USAGE,
			    "'%s' is no name to link: use 1 to %d bytes without a slash, not . or ..",
			    name, QDS_NAME_LEN);
	default:
		return fail_errno(call, err, "name '%s'", name);
	}
}

/* The name is written as name list does. */
static enum status name_error(const struct call *call, const char *name, int err)
{
	char *shown = format_write(FORMAT_BYTES, name, strlen(name));
	enum status status = name_fault(call, shown ? shown : name, err);

	free(shown);
	return status;
}

/**
 * name_open() - open an object by its name
 * @call: the command
 * @name: the name
 * @fd: a descriptor, for writing if that is allowed; -1 when there is no such name
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status name_open(const struct call *call, const char *name, int *fd)
{
	int dev = device_open(call);
	int err;

	if (dev < 0)
		return STATUS_ERROR;
	err = qds_open_name(dev, name, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	if (err == -EACCES)
		err = qds_open_name(dev, name, QDS_ACCESS_READ);
	close(dev);
	*fd = err < 0 ? -1 : err;
	/* What cannot be a name is not one either. */
	if (err >= 0 || err == -ENOENT || err == -EINVAL || err == -ENAMETOOLONG)
		return STATUS_OK;
	return name_error(call, name, err);
}

static uint32_t mode_of(const struct call *call)
{
	return call->mode_given ? call->mode : DEFAULT_MODE;
}

/**
 * names_check() - may a new object be called so?
 * @call: the command that makes it
 * @local: its name in this process; NULL if it is to be known by --name only
 *
 * Return: STATUS_OK, or STATUS_USAGE after an error message.
 */
enum status names_check(const struct call *call, const char *local)
{
	if (!local && !call->name)
		return fail(call, STATUS_USAGE,
			    "give it a name, or with --name one that other processes find it by");
	if (call->mode_given && !call->name)
		return fail(call, STATUS_USAGE, "--mode is of what --name links");
	return !local || name_ok(call, local) ? STATUS_OK : STATUS_USAGE;
}

/**
 * names_link() - link a new object to what --name says, if that is given
 * @call: the command that makes it
 * @fd: the object
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status names_link(const struct call *call, int fd)
{
	int err = call->name ? qds_link(fd, call->name, mode_of(call), 0) : 0;

	return err ? name_error(call, call->name, err) : STATUS_OK;
}

/**
 * names_give() - call a new object so, and link it
 * @call: the command that makes it
 * @local: its name in this process, as names_check() has found it right
 * @fd: the object, which is taken care of from now on, also on failure
 * @object: the object in this process, NULL if it is not known here; or NULL
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status names_give(const struct call *call, const char *local, int fd,
		       struct object **object)
{
	enum status status = names_link(call, fd);
	struct object *added = NULL;

	if (local && !status)
		added = object_add(call, local, fd);
	else
		close(fd);
	if (status)
		return status;
	if (object)
		*object = added;
	return added || !local ? STATUS_OK : STATUS_ERROR;
}

static enum status run_link(struct call *call)
{
	const char *name = call->args[1];
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], 0, &object);
	if (status)
		return status;
	err = qds_link(object.fd, name, mode_of(call),
		       call->reserve ? QDS_LINK_RESERVE : 0);
	if (err == -EBADF)
		return fail_errno(call, err, "%s", object.name);
	return err ? name_error(call, name, err) : STATUS_OK;
}

static enum status run_publish(struct call *call)
{
	const char *name = call->args[1];
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], 0, &object);
	if (status)
		return status;
	err = qds_publish_name(object.fd, name);
	switch (err) {
	case 0:
		return STATUS_OK;
	case -ENOENT:
		return fail(call, STATUS_NO,
			    "the name '%s' is not reserved for %s: name link --reserve does that",
			    name, object.name);
	case -EEXIST:
		return fail(call, STATUS_NO, "the name '%s' is published already", name);
	case -EBADF:
		return fail_errno(call, err, "%s", object.name);
	default:
		return name_error(call, name, err);
	}
}

/*
 * From the files themselves: what else the C library would ask cannot be asked by a
 * static program.
 */
static void owner_name(uint32_t uid, char *text, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	snprintf(text, size, "%u", uid);
	if (!file)
		return;
	do
		user = fgetpwent(file);
	while (user && user->pw_uid != uid);
	if (user)
		snprintf(text, size, "%s", user->pw_name);
	fclose(file);
}

static void group_name(uint32_t gid, char *text, size_t size)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *group = NULL;

	snprintf(text, size, "%u", gid);
	if (!file)
		return;
	do
		group = fgetgrent(file);
	while (group && group->gr_gid != gid);
	if (group)
		snprintf(text, size, "%s", group->gr_name);
	fclose(file);
}

/**
 * struct listing - names being listed
 * @call: the command
 * @object: number of the object whose names they are; 0 for all
 * @list: the JSON that is being written
 * @uid: whose name is in @owner
 * @gid: whose name is in @group
 * @owner: a user's name
 * @group: a group's name
 *
 * Most names have the owner of the one before.
 */
struct listing {
	struct call *call;
	uint64_t object;
	struct json_list list;
	uint32_t uid;
	uint32_t gid;
	char owner[64];
	char group[64];
};

static void find_owner(struct listing *listing, const struct qds_name_entry *entry)
{
	if (!*listing->owner || entry->uid != listing->uid)
		owner_name(entry->uid, listing->owner, sizeof(listing->owner));
	if (!*listing->group || entry->gid != listing->gid)
		group_name(entry->gid, listing->group, sizeof(listing->group));
	listing->uid = entry->uid;
	listing->gid = entry->gid;
}

/* How long a character is that begins so; 0 if none does. */
static size_t utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* What is not cannot be told in JSON as it is. */
static bool is_utf8(const char *text)
{
	size_t length;

	while (*text) {
		length = utf8_length(*text++);
		if (!length)
			return false;
		while (--length)
			if ((*text++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void add_json(struct listing *listing, const struct qds_name_entry *entry,
		     const char *name)
{
	bool reserved = entry->flags & QDS_LINK_RESERVE;
	struct json_object *json = json_object_new_object();
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", entry->mode & 0777);
	json_text(json, "name", is_utf8(entry->name) ? entry->name : name);
	json_text(json, "kind", kind_name(entry->kind));
	json_text(json, "mode", mode);
	json_text(json, "owner", listing->owner);
	json_text(json, "group", listing->group);
	json_number(json, "uid", entry->uid);
	json_number(json, "gid", entry->gid);
	json_object_object_add(json, "reserved", json_object_new_boolean(reserved));
	json_number(json, "object", entry->object);
	json_list_add(&listing->list, json);
}

/* As ls -l has it, without what no name is: a directory, to be executed. */
static void print_name(const struct listing *listing,
		       const struct qds_name_entry *entry, const char *name)
{
	char mode[] = "rwrwrw";
	size_t i;

	for (i = 0; i < 6; i++)
		if (!(entry->mode & 0400 >> (i / 2 * 3 + i % 2)))
			mode[i] = '-';
	printf("%.2s-%.2s-%.2s- %-8s %-8s %-7s %s%s\n", mode, mode + 2, mode + 4,
	       listing->owner, listing->group, kind_name(entry->kind), name,
	       entry->flags & QDS_LINK_RESERVE ? " (reserved)" : "");
}

static enum status list_one(struct listing *listing,
			    const struct qds_name_entry *entry)
{
	char *name;

	if (listing->object && listing->object != entry->object)
		return STATUS_OK;
	name = format_write(FORMAT_BYTES, entry->name, entry->name_len);
	if (!name)
		return fail_errno(listing->call, -ENOMEM, "names");
	find_owner(listing, entry);
	if (listing->call->json)
		add_json(listing, entry, name);
	else
		print_name(listing, entry, name);
	free(name);
	return STATUS_OK;
}

/* Calls @fn for each name. */
static enum status walk_names(struct call *call, int dev,
			      enum status (*fn)(void *opaque, int dev,
						const struct qds_name_entry *entry),
			      void *opaque)
{
	enum status status = STATUS_OK;
	struct qds_name_iter iter;
	struct qds_name_entry entry;
	int more;

	qds_name_iter_init(&iter, dev);
	for (;;) {
		more = qds_name_iter_next(&iter, &entry);
		if (more < 0)
			return fail_errno(call, more, "names");
		if (!more)
			return status;
		status = worst(status, fn(opaque, dev, &entry));
	}
}

static enum status list_step(void *opaque, int dev,
			     const struct qds_name_entry *entry)
{
	(void)dev;
	return list_one(opaque, entry);
}

/* The number of the object that is asked for. */
static enum status listed_object(const struct call *call, uint64_t *id)
{
	struct qds_object_info info;
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], 0, &object);
	if (status)
		return status;
	err = qds_object_get_info(object.fd, &info);
	if (err)
		return fail_errno(call, err, "%s", object.name);
	*id = info.id;
	return STATUS_OK;
}

static enum status run_name_list(struct call *call)
{
	struct listing listing = { .call = call };
	enum status status = STATUS_OK;
	int dev;

	if (call->nr)
		status = listed_object(call, &listing.object);
	if (status)
		return status;
	dev = device_open(call);
	if (dev < 0)
		return STATUS_ERROR;
	if (call->json)
		json_list_begin(&listing.list);
	status = walk_names(call, dev, list_step, &listing);
	if (call->json)
		json_list_end(&listing.list);
	close(dev);
	return status;
}

/* One that has gone by itself meanwhile is as it should be. */
static enum status unlink_step(void *opaque, int dev,
			       const struct qds_name_entry *entry)
{
	int err = qds_unlink(dev, entry->name);

	if (!err || err == -ENOENT)
		return STATUS_OK;
	return name_error(opaque, entry->name, err);
}

static enum status run_unlink(struct call *call)
{
	enum status status = STATUS_OK;
	int dev, err, i;

	if (call->all && call->nr)
		return fail(call, STATUS_USAGE, "give names, or --all, not both");
	if (!call->all && !call->nr)
		return fail(call, STATUS_USAGE, "give names, or --all for all there are");
	dev = device_open(call);
	if (dev < 0)
		return STATUS_ERROR;
	if (call->all)
		status = walk_names(call, dev, unlink_step, call);
	for (i = 0; i < call->nr; i++) {
		err = qds_unlink(dev, call->args[i]);
		if (err)
			status = worst(status, name_error(call, call->args[i], err));
	}
	close(dev);
	return status;
}

/* Is a name published, or when will it be? Return: 1, 0 when the time is over, or -errno. */
static int wait_name(const struct call *call, int dev, const char *name)
{
	int event = eventfd(0, EFD_CLOEXEC);
	int err = event < 0 ? -errno : 0;
	int fd;

	if (!err)
		err = qds_watch_name(dev, name, event, QDS_NAME_PUBLISHED);
	if (!err) {
		fd = qds_open_name(dev, name, QDS_ACCESS_READ);
		if (fd >= 0)
			close(fd);
		err = fd < 0 ? fd : 1;
	}
	if (err == -ENOENT || err == -EBUSY)
		err = wait_for(call, event);
	if (event >= 0)
		close(event);
	return err;
}

static enum status run_name_wait(struct call *call)
{
	const char *name = call->args[0];
	int dev = device_open(call);
	int err;

	if (dev < 0)
		return STATUS_ERROR;
	err = wait_name(call, dev, name);
	close(dev);
	if (err < 0)
		return name_error(call, name, err);
	return err ? STATUS_OK : STATUS_NO;
}

static const struct argp_option wait_name_options[] = {
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "Wait no longer", 0 },
	{ 0 }
};

static const struct argp_option link_options[] = {
	{ "mode", OPT_MODE, "MODE", 0,
	  "Who may open it, in octal; 600 if not given", 0 },
	{ "reserve", OPT_RESERVE, NULL, 0,
	  "Nobody may until name publish; goes with the process", 0 },
	{ 0 }
};

static const struct argp_option unlink_options[] = {
	{ "all", OPT_ALL, NULL, 0, "All names there are", 0 },
	{ 0 }
};

const struct command name_commands[] = {
	{
		.name = "name link", .args = "OBJECT NAME", .run = run_link,
		.options = link_options, .min = 2, .max = 2,
		.help = "Let others find an object; 1 if the name is in use",
		.details = "The object lives on when qdsctl ends, until the name is\n"
			   "unlinked. NAME then stands for it in every command,\n"
			   "in every process that its owner, group and mode allow.",
	}, {
		.name = "name publish", .args = "OBJECT NAME", .run = run_publish,
		.min = 2, .max = 2,
		.help = "Let a name be opened that link has reserved",
	}, {
		.name = "name list", .args = "[OBJECT]", .run = run_name_list,
		.max = 1,
		.help = "Mode, owner, group, kind and name of all, or of one's",
	}, {
		.name = "name wait", .args = "NAME", .run = run_name_wait,
		.options = wait_name_options, .min = 1, .max = 1,
		.help = "Wait until there is a name that can be opened",
	}, {
		.name = "name unlink", .args = "[NAME]...", .run = run_unlink,
		.options = unlink_options, .max = -1,
		.help = "Take names away; 1 if there is none",
		.details = "An object goes with its last name, when nobody has it\n"
			   "open. While there is a name the module stays loaded.",
	},
	{ 0 }
};
