// SPDX-License-Identifier: GPL-2.0
/*
 * What save is to save: objects of this process, or those that names were published of.
 * All of it is found, and what cannot be saved refused, before anything is written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sources.h"

/* About how many bytes an object takes in the archive; 0 if it has none. */
static uint64_t source_bytes(int fd, uint32_t kind)
{
	struct qds_bitmap_info bitmap;
	struct qds_table_info table;
	uint64_t bytes;

	if (kind == QDS_KIND_TABLE)
		return qds_table_get_info(fd, &table) ? 0 :
		       table.entries * (table.key_size + table.value_size);
	if (qds_bitmap_get_info(fd, &bitmap) ||
	    qds_bitmap_get_serialize_size(fd, 0, bitmap.items, &bytes, NULL))
		return 0;
	return bytes;
}

/* Return: the new one, or NULL without memory; then the descriptor is closed. */
static struct source *source_add(struct sources *sources,
				 const struct source *source)
{
	struct source *more = realloc(sources->source,
				      (sources->nr + 1) * sizeof(*more));

	if (!more) {
		if (source->owned)
			close(source->fd);
		return NULL;
	}
	sources->source = more;
	more[sources->nr] = *source;
	return &more[sources->nr++];
}

static struct source *source_of_id(const struct sources *sources, uint64_t id)
{
	size_t i;

	for (i = 0; i < sources->nr; i++)
		if (sources->source[i].id == id)
			return &sources->source[i];
	return NULL;
}

static int source_name(struct source *source, const struct archive_name *name)
{
	struct archive_name *more = realloc(source->names,
					    (source->nr + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	source->names = more;
	more[source->nr++] = *name;
	return 0;
}

static bool can_be_saved(uint32_t kind)
{
	return kind == QDS_KIND_TABLE || kind == QDS_KIND_BITMAP;
}

static enum status refuse_kind(const struct call *call, const char *text,
			       uint32_t kind)
{
	return fail(call, STATUS_USAGE,
		    "%s is a %s: only tables and bitmaps can be saved", text,
		    kind_name(kind));
}

/* Adds the object that an argument means. */
static enum status add_object(struct call *call, const char *text,
			      struct sources *sources)
{
	const char *bare = strncmp(text, "name:", 5) ? text : text + 5;
	struct archive_name name = { .length = strlen(bare) };
	struct source source = { .text = text }, *same;
	struct qds_object_info info;
	struct object object;
	enum status status = object_find(call, text, 0, &object);
	int err;

	if (status)
		return status;
	err = qds_object_get_info(object.fd, &info);
	if (err)
		return fail_errno(call, err, "%s", text);
	if (!can_be_saved(info.kind))
		return refuse_kind(call, text, info.kind);
	same = source_of_id(sources, info.id);
	if (same)
		return fail(call, STATUS_USAGE,
			    "%s and %s are the same object: name one of them",
			    same->text, text);
	source.fd = object.fd;
	source.id = info.id;
	source.kind = info.kind;
	source.bytes = source_bytes(object.fd, info.kind);
	same = source_add(sources, &source);
	if (!same)
		return fail_errno(call, -ENOMEM, "%s", text);
	/* An inherited descriptor has no name. */
	if (name.length > ARCHIVE_MAX_NAME || !strncmp(text, "fd:", 3))
		return STATUS_OK;
	memcpy(name.text, bare, name.length);
	return source_name(same, &name) ? fail_errno(call, -ENOMEM, "%s", text) :
					  STATUS_OK;
}

/**
 * sources_of_objects() - the objects that are named on the command line
 * @call: the command
 * @sources: filled in; to be freed, on failure too
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status sources_of_objects(struct call *call, struct sources *sources)
{
	enum status status = STATUS_OK;
	int i;

	if (call->nr < 2)
		return fail(call, STATUS_USAGE,
			    "which objects? Name them, or save published names with --names");
	for (i = 1; i < call->nr && !status; i++)
		status = add_object(call, call->args[i], sources);
	return status;
}

/* Is it asked for? What is found is taken off the arguments. */
static bool is_wanted(struct call *call, const struct qds_name_entry *entry,
		      bool *found)
{
	int i;

	if (call->nr == 1)
		return true;
	for (i = 1; i < call->nr; i++) {
		if (!strcmp(call->args[i], entry->name)) {
			found[i] = true;
			return true;
		}
	}
	return false;
}

/* The object of a name that is not among the sources yet. */
static enum status open_source(struct call *call, int dev,
			       const struct qds_name_entry *entry,
			       struct sources *sources, struct source **to)
{
	struct source source = {
		.fd = qds_open_name(dev, entry->name, QDS_ACCESS_READ),
		.owned = true,
		.id = entry->object,
		.kind = entry->kind,
	};
	struct qds_object_info info;
	int err = source.fd < 0 ? source.fd : qds_object_get_info(source.fd, &info);

	if (!err && info.id != entry->object) {
		close(source.fd);
		err = -ENOENT;
	}
	/* It went while the names were listed. */
	if (err == -ENOENT && call->nr == 1)
		return STATUS_OK;
	if (err)
		return fail_errno(call, err, "%s", entry->name);
	source.bytes = source_bytes(source.fd, source.kind);
	*to = source_add(sources, &source);
	return *to ? STATUS_OK : fail_errno(call, -ENOMEM, "%s", entry->name);
}

static enum status add_name(struct call *call, int dev,
			    const struct qds_name_entry *entry,
			    struct sources *sources)
{
	struct archive_name name = {
		.flags = ARCHIVE_PUBLISHED,
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.length = entry->name_len,
	};
	struct source *source = source_of_id(sources, entry->object);
	enum status status = STATUS_OK;

	memcpy(name.text, entry->name, name.length);
	if (!source)
		status = open_source(call, dev, entry, sources, &source);
	if (source && !status && source_name(source, &name))
		status = fail_errno(call, -ENOMEM, "%s", entry->name);
	return status;
}

static enum status pass_over(struct call *call,
			     const struct qds_name_entry *entry,
			     struct sources *sources)
{
	if (call->nr > 1)
		return refuse_kind(call, entry->name, entry->kind);
	sources->skipped++;
	if (!call->quiet)
		fail(call, STATUS_OK, "%s is a %s, and is not saved",
		     entry->name, kind_name(entry->kind));
	return STATUS_OK;
}

static enum status add_listed(struct call *call, int dev,
			      const struct qds_name_entry *entry,
			      struct sources *sources, bool *found)
{
	/* One that is reserved is not there yet. */
	if (entry->flags & QDS_LINK_RESERVE || !is_wanted(call, entry, found))
		return STATUS_OK;
	if (!can_be_saved(entry->kind))
		return pass_over(call, entry, sources);
	return add_name(call, dev, entry, sources);
}

static enum status list_names(struct call *call, int dev,
			      struct sources *sources, bool *found)
{
	struct qds_name_entry entry;
	enum status status = STATUS_OK;
	struct qds_name_iter iter;
	int got;

	qds_name_iter_init(&iter, dev);
	while (!status) {
		got = qds_name_iter_next(&iter, &entry);
		if (got < 0)
			return fail_errno(call, got, "the list of names");
		if (!got)
			break;
		status = add_listed(call, dev, &entry, sources, found);
	}
	return status;
}

/* Each object has a descriptor. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* What messages call them: only now do the names stay where they are. */
static void set_texts(struct sources *sources)
{
	size_t i;

	for (i = 0; i < sources->nr; i++)
		sources->source[i].text = sources->source[i].names[0].text;
}

/**
 * sources_of_names() - the objects of published names: those on the command line, or all
 * @call: the command
 * @sources: filled in; to be freed, on failure too
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status sources_of_names(struct call *call, struct sources *sources)
{
	bool *found = calloc(call->nr, sizeof(*found));
	int dev = found ? device_open(call) : -1;
	enum status status;
	int i;

	if (dev < 0) {
		free(found);
		return STATUS_ERROR;
	}
	raise_limit();
	status = list_names(call, dev, sources, found);
	for (i = 1; i < call->nr && !status; i++)
		if (!found[i])
			status = fail(call, STATUS_USAGE, "no name '%s' is published",
				      call->args[i]);
	close(dev);
	free(found);
	if (!status)
		set_texts(sources);
	return status;
}

/**
 * sources_free() - give back what was taken for them
 * @sources: they
 */
void sources_free(struct sources *sources)
{
	size_t i;

	for (i = 0; i < sources->nr; i++) {
		if (sources->source[i].owned)
			close(sources->source[i].fd);
		free(sources->source[i].names);
	}
	free(sources->source);
}
