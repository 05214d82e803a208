// SPDX-License-Identifier: GPL-2.0
/* save: objects into an archive; which ones, sources.c finds out */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive_file.h"
#include "sources.h"
#include "table_walk.h"

/* Of a bitmap, asked for at once. */
#define CHUNKS 1024
#define DATA_SIZE ((size_t)512 << 10)

/**
 * struct save - a save
 * @call: the command
 * @writer: the archive
 * @output: where it goes
 * @progress: how far it came
 * @done: bytes of the objects before
 * @entries: of all tables
 */
struct save {
	struct call *call;
	struct archive_writer writer;
	struct output output;
	struct progress progress;
	uint64_t done;
	uint64_t entries;
};

static enum status write_result(const struct save *save, int err)
{
	return err ? fail(save->call, STATUS_ERROR, "cannot write %s: %s",
			  save->output.path, strerror(-err)) : STATUS_OK;
}

static void lens_to_le(uint32_t *lens, uint32_t nr)
{
	while (lens && nr--) {
		*lens = htole32(*lens);
		lens++;
	}
}

static enum status save_step(struct save *save, struct qds_walk *walk,
			     const char *name)
{
	const struct archive_entries entries = {
		.nr = walk->nr,
		.key_bytes = walk->key_bytes,
		.value_bytes = walk->value_bytes,
		.key_lens = (uint8_t *)walk->key_lens,
		.value_lens = (uint8_t *)walk->value_lens,
		.keys = walk->keys,
		.values = walk->values,
	};

	if (!walk->nr)
		return STATUS_OK;
	if (ARCHIVE_ENTRIES_SIZE + walk->nr * 8ULL + walk->key_bytes +
	    walk->value_bytes > ARCHIVE_MAX_PAYLOAD)
		return fail(save->call, STATUS_ERROR,
			    "%s has too many entries of one hash for an archive",
			    name);
	lens_to_le(walk->key_lens, walk->nr);
	lens_to_le(walk->value_lens, walk->nr);
	return write_result(save, archive_write_entries(&save->writer, &entries));
}

static enum status save_entries(struct save *save, const struct source *source,
				const struct qds_table_info *info)
{
	const char *name = source->text;
	enum status status = STATUS_OK;
	struct qds_walk walk;
	uint64_t done = 0;
	int err = walk_init(&walk, info);

	do {
		if (!err)
			err = walk_next(source->fd, &walk);
		if (err)
			status = fail_errno(save->call, err, "%s", name);
		else
			status = save_step(save, &walk, name);
		done += walk.key_bytes + walk.value_bytes;
		if (done <= source->bytes)
			progress_update(&save->progress, save->done + done);
	} while (!status && walk.cursor);
	walk_end(&walk);
	save->entries += save->writer.counts.entries;
	return status;
}

/* They stand between what begins the object and what it holds. */
static enum status save_names(struct save *save, const struct source *source)
{
	enum status status = STATUS_OK;
	size_t i;

	for (i = 0; i < source->nr && !status; i++)
		status = write_result(save, archive_write_name(&save->writer,
							       &source->names[i]));
	return status;
}

static enum status save_table(struct save *save, const struct source *source)
{
	const char *name = source->text;
	struct qds_table_info info;
	struct archive_table table;
	enum status status;
	int err = qds_table_get_info(source->fd, &info);

	if (err)
		return fail_errno(save->call, err, "%s", name);
	table = (struct archive_table){
		.flags = info.create_flags & QDS_TABLE_VARLEN ? ARCHIVE_VARLEN : 0,
		.key_size = info.key_size,
		.value_size = info.value_size,
		.state = info.state,
		.max_entries = info.max_entries,
		.entries = info.entries,
	};
	status = write_result(save, archive_write_table(&save->writer, &table));
	if (!status)
		status = save_names(save, source);
	return status ? status : save_entries(save, source, &info);
}

/* Those of a call, as they are in a record. */
static enum status write_chunks(struct save *save,
				const struct qds_chunk_list *list, uint8_t *head)
{
	const struct archive_chunks chunks = {
		.nr = list->done,
		.data_bytes = list->bytes,
		.head = head,
		.data = list->data,
	};
	uint32_t i;

	for (i = 0; i < list->done; i++) {
		const struct qds_chunk *from = &list->chunks[i];
		const struct archive_chunk chunk = {
			.start = from->start,
			.count = from->count,
			.bytes = from->bytes,
			.kind = from->flags & QDS_CHUNK_ZEROES ? ARCHIVE_CHUNK_ZEROES :
				from->flags & QDS_CHUNK_ONES ? ARCHIVE_CHUNK_ONES :
							       ARCHIVE_CHUNK_DATA,
		};

		archive_put_chunk(head + (size_t)i * ARCHIVE_CHUNK_SIZE, &chunk);
	}
	return write_result(save, archive_write_chunks(&save->writer, &chunks));
}

static enum status save_chunks(struct save *save, const struct source *source,
			       uint64_t items)
{
	const char *name = source->text;
	struct qds_chunk_list list = { .data_size = DATA_SIZE, .nr = CHUNKS };
	uint8_t *head = malloc(CHUNKS * ARCHIVE_CHUNK_SIZE);
	enum status status = STATUS_OK;
	uint64_t next = 0;
	int err = 0;

	list.chunks = calloc(CHUNKS, sizeof(*list.chunks));
	list.data = malloc(DATA_SIZE);
	if (!head || !list.chunks || !list.data)
		err = -ENOMEM;
	while (!status && !err && next < items) {
		err = qds_bitmap_serialize_chunks(source->fd, next, items - next,
						  &list, &next);
		if (!err)
			status = write_chunks(save, &list, head);
		progress_update(&save->progress, save->done +
				(double)next / items * source->bytes);
	}
	free(list.data);
	free(list.chunks);
	free(head);
	return err ? fail_errno(save->call, err, "%s", name) : status;
}

static enum status save_bitmap(struct save *save, const struct source *source)
{
	const char *name = source->text;
	struct qds_bitmap_info info;
	struct archive_bitmap bitmap;
	enum status status;
	int err = qds_bitmap_get_info(source->fd, &info);

	/* There is nothing yet that could be saved: serialize says what is wrong. */
	if (!err && (info.state == QDS_BITMAP_RESTORING ||
		     info.state == QDS_BITMAP_ABANDONED))
		err = info.state == QDS_BITMAP_RESTORING ? -EBUSY : -EOWNERDEAD;
	if (err)
		return fail_errno(save->call, err, "%s", name);
	bitmap = (struct archive_bitmap){
		.items = info.items,
		.dirty = info.dirty,
		.granularity = info.granularity,
		.state = info.state,
	};
	status = write_result(save, archive_write_bitmap(&save->writer, &bitmap));
	if (!status)
		status = save_names(save, source);
	return status ? status : save_chunks(save, source, info.items);
}

static enum status save_object(struct save *save, const struct source *source)
{
	enum status status = source->kind == QDS_KIND_TABLE ?
			     save_table(save, source) :
			     save_bitmap(save, source);

	save->done += source->bytes;
	return status ? status :
	       write_result(save, archive_write_object_end(&save->writer));
}

static enum status save_all(struct save *save, const struct sources *sources)
{
	struct call *call = save->call;
	enum status status;
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < sources->nr; i++)
		total += sources->source[i].bytes;
	progress_begin(&save->progress, call->quiet ? PROGRESS_NEVER :
						      PROGRESS_AUTO,
		       "save", total);
	status = write_result(save, archive_write_begin(&save->writer));
	for (i = 0; i < sources->nr && !status; i++)
		status = save_object(save, &sources->source[i]);
	if (!status)
		status = write_result(save, archive_write_end(&save->writer));
	progress_end(&save->progress);
	return status;
}

static enum status run_save(struct call *call)
{
	struct save save = {
		.call = call,
		.writer = { .write = output_write, .opaque = &save.output },
	};
	struct sources sources = { 0 };
	enum status status;

	status = call->names ? sources_of_names(call, &sources) :
			       sources_of_objects(call, &sources);
	if (!status)
		status = output_begin(call, &save.output, call->args[0]);
	if (!status)
		status = output_end(call, &save.output,
				    save_all(&save, &sources));
	if (!status)
		archive_summary(call, "saved", &save.writer.counts,
				save.entries, sources.skipped);
	sources_free(&sources);
	return status;
}

static const struct argp_option save_options[] = {
	{ "names", OPT_NAMES, NULL, 0,
	  "Published names, with owner and mode; all if none is given", 0 },
	{ 0 }
};

const struct command save_commands[] = {
	{
		.name = "save", .args = "FILE [OBJECT]...", .run = run_save,
		.options = save_options, .min = 1, .max = -1,
		.help = "Save tables and bitmaps in an archive",
		.details = "FILE is written whole or not at all; - is standard output.\n"
			   "What is sealed is saved as it is at one moment; of other\n"
			   "tables each entry that is there all the time is saved,\n"
			   "and other bitmaps are saved region by region.\n"
			   "Of all names, those of fd stores are passed over.",
	},
	{ 0 }
};
