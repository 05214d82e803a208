// SPDX-License-Identifier: GPL-2.0
/* restore: the objects of an archive */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_file.h"
#include "bytes.h"

/* Entries of varying length that are inserted at once. */
#define BATCH 256

/**
 * struct restored - an object that was restored
 * @fd: its descriptor
 * @name: what it will be called here; NULL if nobody has said that yet
 * @names: what it will be called by all
 * @nr: how many
 * @reserved: how many of them are reserved
 * @published: how many of them are published
 */
struct restored {
	int fd;
	char *name;
	struct archive_name *names;
	size_t nr;
	size_t reserved;
	size_t published;
};

/**
 * struct restore - a restore
 * @call: the command
 * @reader: the archive
 * @fault: what is wrong with it
 * @file: where it comes from
 * @dev: the device
 * @objects: those restored, of which the last may not be whole
 * @nr: how many
 * @table: the last one, if it is a table
 * @bitmap: the last one, if it is a bitmap
 * @is_table: which of them it is
 * @keys: room for keys of a batch
 * @values: room for values of a batch
 * @entries: of all tables
 * @progress: how far it came
 */
struct restore {
	struct call *call;
	struct archive_reader reader;
	struct fault fault;
	FILE *file;
	int dev;
	struct restored *objects;
	size_t nr;
	struct archive_table table;
	struct archive_bitmap bitmap;
	bool is_table;
	uint8_t *keys;
	uint8_t *values;
	uint64_t entries;
	struct progress progress;
};

static int64_t read_file(void *opaque, void *data, size_t size)
{
	struct restore *restore = opaque;
	size_t got = fread(data, 1, size, restore->file);

	if (got < size && ferror(restore->file))
		return errno ? -errno : -EIO;
	progress_update(&restore->progress, restore->reader.counts.bytes);
	return got;
}

static const char *file_name(const struct restore *restore)
{
	return input_name(restore->call->args[0]);
}

static enum status refused(const struct restore *restore, const char *what,
			   int err)
{
	return fail_errno(restore->call, err, "%s: %s %zu", file_name(restore),
			  what, restore->nr - 1);
}

static int current_fd(const struct restore *restore)
{
	return restore->objects[restore->nr - 1].fd;
}

/* A further object, which is closed if the restore fails. */
static enum status add_object(struct restore *restore, const char *what, int fd)
{
	struct restored *more;

	if (fd < 0)
		return fail_errno(restore->call, fd, "%s: %s %zu",
				  file_name(restore), what, restore->nr);
	more = realloc(restore->objects, (restore->nr + 1) * sizeof(*more));
	if (!more) {
		close(fd);
		return fail_errno(restore->call, -ENOMEM, "%s", file_name(restore));
	}
	restore->objects = more;
	restore->objects[restore->nr++] = (struct restored){ .fd = fd };
	return STATUS_OK;
}

static enum status set_name(struct restore *restore, const char *text)
{
	struct restored *object = &restore->objects[restore->nr - 1];
	size_t i;

	for (i = 0; i + 1 < restore->nr; i++)
		if (restore->objects[i].name &&
		    !strcmp(restore->objects[i].name, text))
			return fail(restore->call, STATUS_USAGE,
				    "two objects would be called '%s': give other names behind the file",
				    text);
	if (!name_ok(restore->call, text))
		return STATUS_USAGE;
	object->name = strdup(text);
	return object->name ? STATUS_OK :
	       fail_errno(restore->call, -ENOMEM, "%s", text);
}

/* What the user has said comes before what is in the archive. */
static enum status name_given(struct restore *restore)
{
	const struct call *call = restore->call;

	if (call->nr == 1)
		return STATUS_OK;
	if (restore->nr > (size_t)call->nr - 1)
		return fail(call, STATUS_USAGE,
			    "%s has more than %d objects: give as many names, or none",
			    file_name(restore), call->nr - 1);
	return set_name(restore, call->args[restore->nr]);
}

static enum status begin_table(struct restore *restore,
			       const struct archive_table *table)
{
	bool varlen = table->flags & ARCHIVE_VARLEN;
	enum status status;
	int fd;

	restore->table = *table;
	restore->is_table = true;
	fd = (varlen ? qds_create_varlen_table : qds_create_table)(restore->dev,
		table->key_size, table->value_size, table->max_entries, 0);
	status = add_object(restore, "table", fd);
	return status ? status : name_given(restore);
}

static enum status begin_bitmap(struct restore *restore,
				const struct archive_bitmap *bitmap)
{
	enum status status;
	int err;

	restore->bitmap = *bitmap;
	restore->is_table = false;
	status = add_object(restore, "bitmap",
			    qds_create_bitmap(restore->dev, bitmap->items,
					      bitmap->granularity));
	if (status)
		return status;
	err = qds_bitmap_begin_restore(current_fd(restore));
	return err ? refused(restore, "bitmap", err) : name_given(restore);
}

/* Its owner is whom this process is to files; root may be anybody. */
static int name_reserve(int fd, const struct archive_name *name)
{
	bool root = !geteuid();
	int err;

	if (root) {
		setfsgid(name->gid);
		setfsuid(name->uid);
	}
	err = qds_link(fd, name->text, name->mode, QDS_LINK_RESERVE);
	if (root) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	return err;
}

/* The names that are not reserved yet: so nobody takes them until all is restored. */
static enum status reserve_names(struct restore *restore)
{
	struct restored *object = &restore->objects[restore->nr - 1];
	const struct call *call = restore->call;
	int err = 0;

	while (object->reserved < object->nr) {
		const struct archive_name *name = &object->names[object->reserved];

		err = name_reserve(object->fd, name);
		if (err == -EEXIST)
			return fail(call, STATUS_ERROR,
				    "the name '%s' is in use: unlink it, or give names of this process behind the file",
				    name->text);
		if (err)
			return fail_errno(call, err, "the name '%s'", name->text);
		object->reserved++;
	}
	return STATUS_OK;
}

static enum status published_name(struct restore *restore,
				  const struct archive_name *name)
{
	struct restored *object = &restore->objects[restore->nr - 1];
	struct archive_name *more;

	more = realloc(object->names, (object->nr + 1) * sizeof(*more));
	if (!more)
		return fail_errno(restore->call, -ENOMEM, "%s", name->text);
	object->names = more;
	object->names[object->nr++] = *name;
	/* One that is taken is another object in the end, and gets them then. */
	if (!restore->is_table && restore->bitmap.state == QDS_BITMAP_TAKEN)
		return STATUS_OK;
	return reserve_names(restore);
}

static enum status restore_name(struct restore *restore,
				const struct archive_name *name)
{
	if (restore->objects[restore->nr - 1].name)
		return STATUS_OK;
	if (name->flags & ARCHIVE_PUBLISHED)
		return published_name(restore, name);
	return set_name(restore, name->text);
}

/* The kernel takes them apart by a stride, an archive has them side by side. */
static const uint8_t *spread(uint8_t *to, const uint8_t *from,
			     const uint32_t *lens, uint32_t nr, uint32_t stride)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		memcpy(to + (size_t)i * stride, from, lens[i]);
		from += lens[i];
	}
	return from;
}

static uint32_t read_lens(uint32_t *lens, const uint8_t *from, uint32_t nr)
{
	uint32_t i, most = 0;

	for (i = 0; i < nr; i++) {
		lens[i] = get_le32(from + (size_t)i * 4);
		most = lens[i] > most ? lens[i] : most;
	}
	return most;
}

static int insert_varying(struct restore *restore,
			  const struct archive_entries *from)
{
	const uint8_t *keys = from->keys, *values = from->values;
	uint32_t key_lens[BATCH], value_lens[BATCH], at, nr;
	int err = 0;

	for (at = 0; at < from->nr && !err; at += nr) {
		struct qds_entries entries = {
			.key_lens = key_lens,
			.value_lens = value_lens,
			.keys = restore->keys,
			.values = restore->values,
		};

		nr = from->nr - at < BATCH ? from->nr - at : BATCH;
		entries.nr = nr;
		entries.key_size = read_lens(key_lens, from->key_lens +
					     (size_t)at * 4, nr);
		entries.value_size = read_lens(value_lens, from->value_lens +
					       (size_t)at * 4, nr);
		keys = spread(restore->keys, keys, key_lens, nr, entries.key_size);
		values = spread(restore->values, values, value_lens, nr,
				entries.value_size);
		err = qds_table_insert(current_fd(restore), &entries);
	}
	return err;
}

static int insert_fixed(struct restore *restore,
			const struct archive_entries *from)
{
	struct qds_entries entries = {
		.nr = from->nr,
		.key_size = restore->table.key_size,
		.value_size = restore->table.value_size,
		.keys = from->keys,
		.values = (void *)from->values,
	};

	if (!entries.value_size)
		entries.values = NULL;
	return qds_table_insert(current_fd(restore), &entries);
}

static enum status restore_entries(struct restore *restore,
				   const struct archive_entries *entries)
{
	int err = entries->key_lens ? insert_varying(restore, entries) :
				      insert_fixed(restore, entries);

	restore->entries += entries->nr;
	if (err == -EEXIST)
		return fail(restore->call, STATUS_ERROR,
			    "%s: table %zu has a key twice (the archive is damaged: take another copy)",
			    file_name(restore), restore->nr - 1);
	return err ? refused(restore, "table", err) : STATUS_OK;
}

static enum status restore_chunks(struct restore *restore,
				  const struct archive_chunks *from)
{
	struct qds_chunk_list list = {
		.chunks = calloc(from->nr, sizeof(*list.chunks)),
		.data = (void *)from->data,
		.data_size = from->data_bytes,
		.nr = from->nr,
	};
	int err = list.chunks ? 0 : -ENOMEM;
	uint32_t i;

	for (i = 0; i < from->nr && !err; i++) {
		struct archive_chunk chunk = archive_chunk_at(from, i);

		list.chunks[i] = (struct qds_chunk){
			.start = chunk.start,
			.count = chunk.count,
			.bytes = chunk.bytes,
			.flags = chunk.kind == ARCHIVE_CHUNK_ZEROES ? QDS_CHUNK_ZEROES :
				 chunk.kind == ARCHIVE_CHUNK_ONES ? QDS_CHUNK_ONES : 0,
		};
	}
	if (!err)
		err = qds_bitmap_deserialize_chunks(current_fd(restore), &list);
	free(list.chunks);
	return err ? refused(restore, "bitmap", err) : STATUS_OK;
}

/* The object gets the state that it was saved in. */
static int set_state(struct restore *restore)
{
	struct restored *object = &restore->objects[restore->nr - 1];
	int fd, err;

	if (restore->is_table)
		return restore->table.state == QDS_TABLE_SEALED ?
		       qds_table_set_sealed(object->fd) : 0;
	err = qds_bitmap_finish_restore(object->fd);
	if (!err && restore->bitmap.state == QDS_BITMAP_SEALED)
		err = qds_bitmap_set_sealed(object->fd);
	if (!err && restore->bitmap.state == QDS_BITMAP_TAKEN) {
		fd = qds_bitmap_take(object->fd);
		if (fd < 0)
			return fd;
		close(object->fd);
		object->fd = fd;
	}
	return err;
}

static enum status end_object(struct restore *restore)
{
	int err = set_state(restore);

	if (err)
		return refused(restore, "object", err);
	if (restore->objects[restore->nr - 1].nr)
		return reserve_names(restore);
	if (!restore->objects[restore->nr - 1].name)
		return fail(restore->call, STATUS_USAGE,
			    "%s: object %zu has no name: give one for each object behind the file",
			    file_name(restore), restore->nr - 1);
	return STATUS_OK;
}

static enum status restore_record(struct restore *restore,
				  const struct archive_record *record)
{
	switch (record->type) {
	case ARCHIVE_TABLE:
		return begin_table(restore, &record->table);
	case ARCHIVE_BITMAP:
		return begin_bitmap(restore, &record->bitmap);
	case ARCHIVE_NAME:
		return restore_name(restore, &record->name);
	case ARCHIVE_ENTRIES:
		return restore_entries(restore, &record->entries);
	case ARCHIVE_CHUNKS:
		return restore_chunks(restore, &record->chunks);
	case ARCHIVE_OBJECT_END:
		return end_object(restore);
	default:
		return STATUS_OK;
	}
}

/* All is read and checked before anyone sees an object. */
static enum status restore_all(struct restore *restore)
{
	struct archive_record record;
	enum status status = STATUS_OK;
	int got = archive_reader_init(&restore->reader, &restore->fault);

	while (!got || got == 1) {
		got = archive_read(&restore->reader, &record, &restore->fault);
		if (got != 1)
			break;
		status = restore_record(restore, &record);
		if (status)
			return status;
	}
	if (got < 0)
		return fail(restore->call, STATUS_ERROR, "%s: %s",
			    file_name(restore), restore->fault.text);
	if (restore->call->nr > 1 && restore->nr < (size_t)restore->call->nr - 1)
		return fail(restore->call, STATUS_USAGE,
			    "%s has %zu objects: give as many names, or none",
			    file_name(restore), restore->nr);
	return STATUS_OK;
}

/* Let all names be opened. If one cannot be, then none is. */
static enum status publish(struct restore *restore)
{
	size_t i;
	int err;

	for (i = 0; i < restore->nr; i++) {
		struct restored *object = &restore->objects[i];

		while (object->published < object->nr) {
			const struct archive_name *name;

			name = &object->names[object->published];
			err = qds_publish_name(object->fd, name->text);
			if (err)
				return fail_errno(restore->call, err,
						  "the name '%s'", name->text);
			object->published++;
		}
	}
	return STATUS_OK;
}

/* What is only reserved goes with its object. */
static void unpublish(struct restore *restore)
{
	size_t i;

	for (i = 0; i < restore->nr; i++) {
		struct restored *object = &restore->objects[i];

		while (object->published)
			qds_unlink(restore->dev,
				   object->names[--object->published].text);
	}
}

/* Gives the objects their names, or closes them if something went wrong. */
static enum status finish(struct restore *restore, enum status status)
{
	size_t i;

	if (!status)
		status = publish(restore);
	if (status)
		unpublish(restore);
	for (i = 0; i < restore->nr; i++) {
		struct restored *object = &restore->objects[i];

		if (status || !object->name)
			close(object->fd);
		else if (!object_add(restore->call, object->name, object->fd))
			status = STATUS_ERROR;
		free(object->name);
		free(object->names);
	}
	free(restore->objects);
	return status;
}

static void show_progress(struct restore *restore)
{
	struct stat stat;
	uint64_t total = 0;

	if (!fstat(fileno(restore->file), &stat) && S_ISREG(stat.st_mode))
		total = stat.st_size;
	progress_begin(&restore->progress, restore->call->quiet || !total ?
		       PROGRESS_NEVER : PROGRESS_AUTO, "restore", total);
}

static enum status restore_file(struct restore *restore)
{
	enum status status;

	show_progress(restore);
	status = restore_all(restore);
	progress_end(&restore->progress);
	archive_reader_free(&restore->reader);
	return finish(restore, status);
}

static enum status run_restore(struct call *call)
{
	struct restore restore = {
		.call = call,
		.reader = { .read = read_file, .opaque = &restore },
		.dev = device_open(call),
	};
	enum status status = STATUS_ERROR;

	if (restore.dev < 0)
		return status;
	restore.keys = malloc((size_t)BATCH * ARCHIVE_MAX_SIZE);
	restore.values = malloc((size_t)BATCH * ARCHIVE_MAX_SIZE);
	if (!restore.keys || !restore.values)
		status = fail_errno(call, -ENOMEM, "restore");
	else
		restore.file = input_open(call, call->args[0]);
	if (restore.file) {
		status = restore_file(&restore);
		if (restore.file != stdin)
			fclose(restore.file);
	}
	if (!status)
		archive_summary(call, "restored", &restore.reader.counts,
				restore.entries, 0);
	free(restore.values);
	free(restore.keys);
	close(restore.dev);
	return status;
}

const struct command restore_commands[] = {
	{
		.name = "restore", .args = "FILE [NAME]...", .run = run_restore,
		.min = 1, .max = -1,
		.help = "Make the objects of an archive again",
		.details = "FILE is what save has written; - is standard input. The\n"
			   "objects are called as they were then, or by the names given,\n"
			   "one for each, in this process alone. Names that save --names\n"
			   "has saved are published when all is restored. If anything\n"
			   "is wrong there is no new object.",
	},
	{ 0 }
};
