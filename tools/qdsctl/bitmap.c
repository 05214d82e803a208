// SPDX-License-Identifier: GPL-2.0
/* bitmap create, info, set, reset, test, count, extents, map: the dirty state */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bitmap.h"
#include "json.h"
#include "map.h"
#include "name.h"
#include "parse.h"
#include "text.h"

/* Ranges given to the kernel at once. */
#define BATCH 1024

/* The largest that the kernel takes. */
#define MAX_GRANULARITY 63

/* Rows of a map when nothing is said. */
#define DEFAULT_ROWS 16

enum operation { SET, RESET, TEST };

/**
 * struct work - ranges on their way through a command
 * @call: the command
 * @operation: what is done with the ranges
 * @bitmap: the bitmap
 * @ranges: a batch of them
 * @results: its results
 * @lines: the lines of the file that they are from; 0 if from none
 * @nr: their number
 * @done: ranges set, reset or tested so far
 * @list: the JSON that is being written
 */
struct work {
	struct call *call;
	enum operation operation;
	struct bitmap bitmap;
	struct qds_range ranges[BATCH];
	int32_t results[BATCH];
	unsigned int lines[BATCH];
	uint32_t nr;
	uint64_t done;
	struct json_list list;
};

/**
 * bitmap_find() - the bitmap of a command's first argument, and its size
 * @call: the command
 * @bitmap: filled in
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status bitmap_find(const struct call *call, struct bitmap *bitmap)
{
	struct qds_bitmap_info info;
	enum status status;
	int err;

	status = object_find(call, call->args[0], QDS_KIND_BITMAP,
			     &bitmap->object);
	if (status)
		return status;
	err = qds_bitmap_get_info(bitmap->object.fd, &info);
	if (err)
		return fail_errno(call, err, "%s", bitmap->object.name);
	bitmap->items = info.items;
	bitmap->granularity = info.granularity;
	bitmap->align = info.granularity;
	return STATUS_OK;
}

/* Two numbers, of which the second is lower? */
static bool ends_before_start(const char *text)
{
	const char *dash = strchr(text, '-');
	uint64_t start, end;
	char *first;
	bool is;

	if (!dash || parse_u64(dash + 1, &end))
		return false;
	first = strndup(text, dash - text);
	is = first && !parse_u64(first, &start) && end < start;
	free(first);
	return is;
}

/**
 * bitmap_range() - a range of a bitmap as the user wrote it
 * @call: the command
 * @bitmap: the bitmap
 * @text: the range; NULL for all
 * @range: filled in
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status bitmap_range(const struct call *call, const struct bitmap *bitmap,
			 const char *text, struct qds_range *range)
{
	int err;

	if (!text) {
		range->start = 0;
		range->count = bitmap->items;
		return STATUS_OK;
	}
	err = parse_range(text, bitmap->items, range);
	if (err == -ERANGE)
		return fail(call, STATUS_USAGE,
			    "range '%s' has a number above 2^64 - 1", text);
	if (err && ends_before_start(text))
		return fail(call, STATUS_USAGE,
			    "range '%s' ends before it starts", text);
	if (err)
		return fail(call, STATUS_USAGE,
			    "'%s' is no range: use ITEM, START+COUNT, START-END or START-",
			    text);
	return STATUS_OK;
}

/**
 * bitmap_range_error() - print what is wrong with a range
 * @call: the command
 * @bitmap: the bitmap
 * @range: the range
 * @err: what the kernel has said
 *
 * Return: STATUS_ERROR.
 */
enum status bitmap_range_error(const struct call *call,
			       const struct bitmap *bitmap,
			       const struct qds_range *range, int err)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 "+%" PRIu64,
		 (uint64_t)range->start, (uint64_t)range->count);
	if (err == -ERANGE)
		return fail_errno(call, err,
				  "range %s reaches past the end (%" PRIu64 " items)",
				  text, bitmap->items);
	if (err == -EINVAL)
		return fail_errno(call, err,
				  "range %s is not aligned to 2^%u items",
				  text, bitmap->align);
	return fail_errno(call, err, "range %s", text);
}

static int issue(struct work *work)
{
	int fd = work->bitmap.object.fd;

	switch (work->operation) {
	case SET:
		return qds_bitmap_set(fd, work->ranges, work->nr, work->results,
				      NULL);
	case RESET:
		return qds_bitmap_reset(fd, work->ranges, work->nr,
					work->results, NULL);
	default:
		return qds_bitmap_test(fd, work->ranges, work->nr,
				       work->results, NULL);
	}
}

static enum status print_test(struct work *work, const struct qds_range *range,
			      int32_t result)
{
	static const char *const names[] = {
		[QDS_TEST_CLEAN] = "clean",
		[QDS_TEST_SOME] = "some",
		[QDS_TEST_DIRTY] = "dirty",
	};
	struct json_object *json;

	if (work->call->json) {
		json = json_object_new_object();
		json_number(json, "start", range->start);
		json_number(json, "count", range->count);
		json_text(json, "state", names[result]);
		json_list_add(&work->list, json);
	} else if (!work->call->quiet) {
		printf("%" PRIu64 "+%" PRIu64 " %s\n", (uint64_t)range->start,
		       (uint64_t)range->count, names[result]);
	}
	return result >= (work->call->all ? QDS_TEST_DIRTY : QDS_TEST_SOME) ?
	       STATUS_OK : STATUS_NO;
}

static enum status report(struct work *work, uint32_t i)
{
	const struct qds_range *range = &work->ranges[i];
	int32_t result = work->results[i];

	work->call->line = work->lines[i];
	if (result < 0)
		return bitmap_range_error(work->call, &work->bitmap, range,
					  result);
	work->done++;
	return work->operation == TEST ? print_test(work, range, result) :
					 STATUS_OK;
}

/* Gives the batch to the kernel and begins a new one. */
static enum status flush(struct work *work)
{
	enum status status = STATUS_OK;
	unsigned int line;
	uint32_t i;
	int err;

	if (!work->nr)
		return STATUS_OK;
	line = work->call->line;
	work->call->line = 0;
	err = issue(work);
	if (err)
		return fail_errno(work->call, err, "%s",
				  work->bitmap.object.name);
	for (i = 0; i < work->nr; i++)
		status = worst(status, report(work, i));
	work->call->line = line;
	work->nr = 0;
	return status;
}

static enum status from_words(struct work *work, char **words, size_t nr)
{
	enum status status = STATUS_OK;
	size_t i;

	for (i = 0; i < nr && status <= STATUS_NO; i++) {
		status = worst(status, bitmap_range(work->call, &work->bitmap,
						    words[i],
						    &work->ranges[work->nr]));
		work->lines[work->nr] = work->call->line;
		if (status <= STATUS_NO && ++work->nr == BATCH)
			status = worst(status, flush(work));
	}
	return status;
}

/* A range a line, as extents prints them: what stands behind it is not read. */
static enum status from_text(struct work *work, FILE *file)
{
	enum status status = STATUS_OK;
	struct words words;
	size_t room = 0;
	char *line = NULL;

	while (status <= STATUS_NO && getline(&line, &room, file) >= 0) {
		int err = words_split(line, &words);

		work->call->line++;
		if (err) {
			status = split_error(work->call, err);
			break;
		}
		status = worst(status, from_words(work, words.word,
						  words.nr ? 1 : 0));
		words_free(&words);
	}
	free(line);
	work->call->line = 0;
	return status;
}

static enum status from_file(struct work *work)
{
	struct call *call = work->call;
	FILE *file = input_open(call, call->file);
	enum status status;

	if (!file)
		return STATUS_ERROR;
	status = from_text(work, file);
	return worst(status, input_close(call, file, call->file));
}

static enum status run_ranges(struct call *call, enum operation operation)
{
	bool json = operation == TEST && call->json;
	struct work *work;
	enum status status;

	status = check_source(call, "ranges");
	if (status)
		return status;
	work = calloc(1, sizeof(*work));
	if (!work)
		return fail_errno(call, -ENOMEM, "%s", call->args[0]);
	work->call = call;
	work->operation = operation;
	status = bitmap_find(call, &work->bitmap);
	if (status)
		goto out;
	if (json)
		json_list_begin(&work->list);
	if (call->file)
		status = from_file(work);
	else
		status = from_words(work, call->args + 1, call->nr - 1);
	/* What came before a wrong word is done, as with a file. */
	status = worst(status, flush(work));
	if (json)
		json_list_end(&work->list);
	if (status > STATUS_NO && call->file)
		fail(call, status, "ranges done: %" PRIu64, work->done);
out:
	free(work);
	return status;
}

static enum status run_set(struct call *call)
{
	return run_ranges(call, SET);
}

static enum status run_reset(struct call *call)
{
	return run_ranges(call, RESET);
}

static enum status run_test(struct call *call)
{
	return run_ranges(call, TEST);
}

static enum status run_create(struct call *call)
{
	const char *local = call->nr > 1 ? call->args[0] : NULL;
	const char *number = call->args[call->nr - 1];
	enum status status = names_check(call, local);
	uint64_t items;
	int dev, fd, err;

	if (status)
		return status;
	err = parse_u64(number, &items);
	if (err)
		return fail(call, STATUS_USAGE, "items: '%s' %s", number,
			    err == -ERANGE ? "is too large" : "is not a number");
	if (!items)
		return fail(call, STATUS_USAGE, "a bitmap has at least one item");
	if (call->granularity > MAX_GRANULARITY)
		return fail(call, STATUS_USAGE, "granularity %u is above %u",
			    call->granularity, MAX_GRANULARITY);
	dev = device_open(call);
	if (dev < 0)
		return STATUS_ERROR;
	fd = qds_create_bitmap(dev, items, call->granularity);
	close(dev);
	if (fd < 0)
		return fail_errno(call, fd, "%" PRIu64 " items, granularity %u",
				  items, call->granularity);
	return names_give(call, local, fd, NULL);
}

static enum status run_info(struct call *call)
{
	return info_run(call, QDS_KIND_BITMAP);
}

static void print_count(const struct call *call, const struct qds_range *range,
			uint64_t dirty)
{
	struct json_object *json;

	if (!call->json) {
		printf("%" PRIu64 "\n", dirty);
		return;
	}
	json = json_object_new_object();
	json_number(json, "start", range->start);
	json_number(json, "count", range->count);
	json_number(json, "dirty", dirty);
	json_put_line(json);
}

static enum status run_count(struct call *call)
{
	struct bitmap bitmap;
	struct qds_range range;
	enum status status;
	uint64_t dirty;
	int i, err;

	status = bitmap_find(call, &bitmap);
	/* Without a range args[1] is NULL, and it is all. */
	for (i = 1; !status && (i == 1 || i < call->nr); i++) {
		status = bitmap_range(call, &bitmap, call->args[i], &range);
		if (status)
			break;
		err = qds_bitmap_count_dirty(bitmap.object.fd, range.start,
					     range.count, &dirty);
		if (err)
			status = bitmap_range_error(call, &bitmap, &range, err);
		else
			print_count(call, &range, dirty);
	}
	return status;
}

static void print_extent(const struct call *call, struct json_list *list,
			 const struct qds_extent *extent)
{
	const char *kind = extent->flags & QDS_EXTENT_DIRTY ? "dirty" : "clean";
	struct json_object *json;

	if (!call->json) {
		printf("%" PRIu64 "+%" PRIu64 " %s\n", (uint64_t)extent->start,
		       (uint64_t)extent->count, kind);
		return;
	}
	json = json_object_new_object();
	json_number(json, "start", extent->start);
	json_number(json, "count", extent->count);
	json_text(json, "state", kind);
	json_list_add(list, json);
}

static enum status run_extents(struct call *call)
{
	struct qds_extent_iter iter;
	struct qds_extent extent;
	struct qds_range range;
	struct bitmap bitmap;
	struct json_list list;
	enum status status;
	int more;

	status = bitmap_find(call, &bitmap);
	if (!status)
		status = bitmap_range(call, &bitmap, call->args[1], &range);
	if (status)
		return status;
	qds_extent_iter_init(&iter, bitmap.object.fd,
			     call->kinds ? call->kinds : QDS_EXTENT_DIRTY,
			     range.start, range.count);
	if (call->json)
		json_list_begin(&list);
	while ((more = qds_extent_iter_next(&iter, &extent)) > 0)
		print_extent(call, &list, &extent);
	if (call->json)
		json_list_end(&list);
	return more ? bitmap_range_error(call, &bitmap, &range, more) :
		      STATUS_OK;
}

static enum status run_map(struct call *call)
{
	uint32_t width = call->width ? call->width :
				       terminal_width(STDOUT_FILENO);
	uint32_t rows = call->rows ? call->rows : DEFAULT_ROWS;
	struct bitmap bitmap;
	struct qds_range range;
	enum status status;
	struct map map;
	int err;

	if (call->json)
		return fail(call, STATUS_USAGE,
			    "a map is not drawn in JSON: use bitmap extents");
	if (width > MAP_MAX_SIDE || rows > MAP_MAX_SIDE)
		return fail(call, STATUS_USAGE, "a map has at most %u columns and rows",
			    MAP_MAX_SIDE);
	status = bitmap_find(call, &bitmap);
	if (!status)
		status = bitmap_range(call, &bitmap, call->args[1], &range);
	if (status)
		return status;
	map_layout(&map, range.start, range.count, bitmap.granularity, width,
		   rows);
	err = map_bitmap(stdout, bitmap.object.fd, &map, call->ascii);
	return err ? bitmap_range_error(call, &bitmap, &range, err) : STATUS_OK;
}

static const char range_details[] =
	"A range is ITEM, START+COUNT, START-END where END is not included, or\n"
	"START- up to the end. Numbers may be hexadecimal after 0x and may have\n"
	"a suffix K, M, G, T or P, powers of 1024.";

static const char chunk_details[] =
	"The range, all if none is given, must begin and end at a multiple of\n"
	"64 * 2^granularity items, or at the bitmap's end. It is ITEM,\n"
	"START+COUNT, START-END where END is not included, or START- up to the\n"
	"end.";

static const struct argp_option create_options[] = {
	{ "granularity", 'g', "N", 0, "A bit stands for 2^N items; 0 if not given", 0 },
	NAME_OPTION,
	MODE_OPTION,
	{ 0 }
};

static const struct argp_option range_options[] = {
	{ "file", 'f', "FILE", 0, "Read ranges from FILE, one a line; - is stdin", 0 },
	{ 0 }
};

static const struct argp_option test_options[] = {
	{ "file", 'f', "FILE", 0, "Read ranges from FILE, one a line; - is stdin", 0 },
	{ "all", OPT_ALL, NULL, 0, "Succeed only if all items are dirty", 0 },
	{ 0 }
};

static const struct argp_option extents_options[] = {
	{ "dirty", OPT_DIRTY, NULL, 0, "Dirty extents, as when nothing is said", 0 },
	{ "clean", OPT_CLEAN, NULL, 0, "Clean extents; with --dirty, both", 0 },
	{ 0 }
};

static const struct argp_option map_options[] = {
	{ "ascii", OPT_ASCII, NULL, 0, "Use no characters but ASCII", 0 },
	{ "width", 'w', "COLUMNS", 0, "Instead of the terminal's", 0 },
	{ "rows", OPT_ROWS, "N", 0, "At most so many; 16 if not given", 0 },
	{ 0 }
};

const struct command bitmap_commands[] = {
	{
		.name = "bitmap create", .args = "[NAME] ITEMS", .run = run_create,
		.options = create_options, .min = 1, .max = 2,
		.help = "Make a bitmap with all items clean",
	}, {
		.name = "bitmap set", .args = "BITMAP [RANGE]...",
		.options = range_options, .min = 1, .max = -1, .run = run_set,
		.help = "Make ranges dirty, rounded outward",
		.details = range_details,
	}, {
		.name = "bitmap reset", .args = "BITMAP [RANGE]...",
		.options = range_options, .min = 1, .max = -1,
		.run = run_reset,
		.help = "Make aligned ranges clean",
		.details = range_details,
	}, {
		.name = "bitmap test", .args = "BITMAP [RANGE]...",
		.options = test_options, .min = 1, .max = -1, .run = run_test,
		.help = "Print clean, some or dirty; 1 if one is clean",
		.details = range_details,
	}, {
		.name = "bitmap count", .args = "BITMAP [RANGE]...",
		.min = 1, .max = -1, .run = run_count,
		.help = "Print how many items are dirty",
		.details = range_details,
	}, {
		.name = "bitmap status", .args = "BITMAP ITEM",
		.min = 2, .max = 2, .run = run_status,
		.help = "Print an item's state, and how far it goes",
	}, {
		.name = "bitmap extents", .args = "BITMAP [RANGE]",
		.options = extents_options, .min = 1, .max = 2,
		.run = run_extents,
		.help = "Print the extents of dirty items",
		.details = range_details,
	}, {
		.name = "bitmap map", .args = "BITMAP [RANGE]",
		.options = map_options, .min = 1, .max = 2, .run = run_map,
		.help = "Draw the dirty map", .details = range_details,
	}, {
		.name = "bitmap info", .args = "BITMAP", .min = 1, .max = 1,
		.run = run_info,
		.help = "State, size, dirty items and memory of a bitmap",
	}, {
		.name = "bitmap serialize", .args = "BITMAP [RANGE]",
		.options = serialize_options, .min = 1, .max = 2,
		.run = run_serialize,
		.help = "Write the serialized form", .details = chunk_details,
	}, {
		.name = "bitmap serialize-size", .args = "BITMAP [RANGE]",
		.min = 1, .max = 2, .run = run_serialize_size,
		.help = "Print its length and alignment",
		.details = chunk_details,
	}, {
		.name = "bitmap chunks", .args = "BITMAP [RANGE]",
		.min = 1, .max = 2, .run = run_chunks,
		.help = "Print the chunks that it takes to move a bitmap",
		.details = chunk_details,
	}, {
		.name = "bitmap deserialize", .args = "BITMAP [RANGE]",
		.options = deserialize_options, .min = 1, .max = 2,
		.run = run_deserialize,
		.help = "Restore from the serialized form",
		.details = chunk_details,
	}, {
		.name = "bitmap begin", .args = "BITMAP", .min = 1, .max = 1,
		.run = run_begin,
		.help = "Begin a restore, or take an abandoned one over",
	}, {
		.name = "bitmap finish", .args = "BITMAP", .min = 1, .max = 1,
		.run = run_finish,
		.help = "End a restore",
	}, {
		.name = "bitmap take", .args = "BITMAP [NAME]", .min = 1, .max = 2,
		.options = take_options, .run = run_take,
		.help = "Move what is dirty into a new bitmap",
	}, {
		.name = "bitmap clone", .args = "BITMAP [NAME]", .min = 1, .max = 2,
		.options = copy_options, .run = run_clone,
		.help = "Copy a bitmap",
	}, {
		.name = "bitmap merge", .args = "BITMAP SOURCE", .min = 2, .max = 2,
		.options = merge_options, .run = run_merge,
		.help = "Merge another bitmap into one",
	}, {
		.name = "bitmap truncate", .args = "BITMAP ITEMS", .min = 2, .max = 2,
		.run = run_truncate,
		.help = "Change the number of items",
	}, {
		.name = "bitmap seal", .args = "BITMAP", .min = 1, .max = 1,
		.run = run_seal,
		.help = "Make a bitmap that does not change any more",
	}, {
		.name = "bitmap attach", .args = "BITMAP", .min = 1, .max = 1,
		.options = attach_options, .run = run_attach,
		.help = "Be a writer: an end without bitmap detach is told",
	}, {
		.name = "bitmap detach", .args = "BITMAP", .min = 1, .max = 1,
		.run = run_detach,
		.help = "End that: all that was written is dirty",
	}, {
		.name = "bitmap history", .args = "BITMAP", .min = 1, .max = 1,
		.options = history_options, .run = run_history,
		.help = "The point that a bitmap is at, and who writes",
	}, {
		.name = "bitmap digest", .args = "BITMAP", .min = 1, .max = 1,
		.run = run_digest,
		.help = "Print a digest, the same for equal bitmaps",
	}, {
		.name = "bitmap wait", .args = "BITMAP [DIRTY]", .min = 1, .max = 2,
		.options = wait_options, .run = run_wait,
		.help = "Wait until so many items are dirty, or any",
	}, {
		.name = "bitmap import", .args = "BITMAP FILE [RANGE]",
		.options = import_options, .min = 2, .max = 3,
		.run = run_import,
		.help = "Restore from a file, a qcow2 image or an NBD server",
		.details = import_details,
	}, {
		.name = "bitmap export", .args = "BITMAP FILE [RANGE]",
		.options = export_options, .min = 2, .max = 3,
		.run = run_export,
		.help = "Write into a file or a qcow2 image",
		.details = export_details,
	},
	{ 0 }
};
