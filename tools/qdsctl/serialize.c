// SPDX-License-Identifier: GPL-2.0
/* bitmap serialize, serialize-size, deserialize, finish: the serialized form */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bitmap.h"
#include "json.h"
#include "parse.h"
#include "progress.h"

/**
 * struct stream - a serialized form on its way
 * @file: where it comes from or goes to
 * @done: bytes so far
 * @progress: to show that
 * @short_input: did the file end early?
 */
struct stream {
	FILE *file;
	uint64_t done;
	struct progress progress;
	bool short_input;
};

/* Length of the serialized form, to show how far it came. */
static uint64_t serialized_size(const struct bitmap *bitmap,
				const struct qds_range *range)
{
	const unsigned int shift = bitmap->granularity + 6;

	if (!range->count || shift > 63)
		return 0;
	return (((range->count - 1) >> shift) + 1) * 8;
}

static void stream_begin(struct stream *stream, const struct call *call,
			 const char *what, uint64_t total)
{
	enum progress_when when = PROGRESS_AUTO;

	/* The bar would be drawn into what is written to the same terminal. */
	if (call->quiet || (stream->file == stdout && isatty(STDOUT_FILENO)))
		when = PROGRESS_NEVER;
	progress_begin(&stream->progress, when, what, total);
}

static enum status find(const struct call *call, struct bitmap *bitmap,
			struct qds_range *range, uint64_t *bytes,
			uint64_t *align)
{
	enum status status = bitmap_find(call, bitmap);
	int err;

	if (!status)
		status = bitmap_range(call, bitmap, call->args[1], range);
	if (status)
		return status;
	err = qds_bitmap_get_serialize_size(bitmap->object.fd, range->start,
					    range->count, bytes, align);
	return err ? bitmap_range_error(call, bitmap, range, err) : STATUS_OK;
}

static int write_chunk(void *opaque, uint64_t start, uint64_t count, void *data,
		       size_t size)
{
	struct stream *stream = opaque;

	(void)start;
	(void)count;
	if (fwrite(data, 1, size, stream->file) != size)
		return 1;
	stream->done += size;
	progress_update(&stream->progress, stream->done);
	return 0;
}

enum status run_serialize(struct call *call)
{
	const char *path = call->file ? call->file : "-";
	struct stream stream = { 0 };
	struct qds_range range;
	struct bitmap bitmap;
	enum status status;
	uint64_t bytes;
	int err;

	if (call->chunk > SIZE_MAX)
		return fail(call, STATUS_USAGE, "--chunk is too large");
	status = find(call, &bitmap, &range, &bytes, NULL);
	if (status)
		return status;
	stream.file = output_open(call, path);
	if (!stream.file)
		return STATUS_ERROR;
	stream_begin(&stream, call, "serialize", bytes);
	err = qds_bitmap_save(bitmap.object.fd, range.start, range.count,
			      call->chunk, write_chunk, &stream);
	progress_end(&stream.progress);
	if (err < 0)
		status = bitmap_range_error(call, &bitmap, &range, err);
	return worst(status, output_close(call, stream.file, path));
}

enum status run_serialize_size(struct call *call)
{
	struct json_object *json;
	struct qds_range range;
	struct bitmap bitmap;
	enum status status;
	uint64_t bytes, align;

	status = find(call, &bitmap, &range, &bytes, &align);
	if (status)
		return status;
	if (call->json) {
		json = json_object_new_object();
		json_number(json, "bytes", bytes);
		json_number(json, "align", align);
		json_put_line(json);
	} else {
		printf("bytes        %" PRIu64 "\n", bytes);
		printf("align        %" PRIu64 "\n", align);
	}
	return STATUS_OK;
}

static int read_chunk(void *opaque, uint64_t start, uint64_t count, void *data,
		      size_t size)
{
	struct stream *stream = opaque;

	(void)start;
	(void)count;
	if (fread(data, 1, size, stream->file) != size) {
		stream->short_input = true;
		return 1;
	}
	stream->done += size;
	progress_update(&stream->progress, stream->done);
	return 0;
}

static enum status check_input(const struct call *call, struct stream *stream,
			       const char *path)
{
	if (ferror(stream->file))
		return STATUS_ERROR;
	if (stream->short_input)
		return fail(call, STATUS_ERROR,
			    "%s ends after %" PRIu64 " bytes and a part: too early",
			    path, stream->done);
	if (!call->no_finish && getc(stream->file) != EOF)
		return fail(call, STATUS_ERROR,
			    "%s does not end after the %" PRIu64 " bytes of this bitmap",
			    path, stream->done);
	return STATUS_OK;
}

static bool is_aligned(const struct bitmap *bitmap,
		       const struct qds_range *range)
{
	/* Above this granularity the kernel has refused for that reason. */
	const uint64_t mask = (64ULL << (bitmap->granularity % 58)) - 1;

	return !(range->start & mask) &&
	       (!(range->count & mask) ||
		range->start + range->count == bitmap->items);
}

static enum status deserialize_file(struct call *call,
				    const struct bitmap *bitmap,
				    const struct qds_range *range)
{
	const char *path = call->file ? call->file : "-";
	struct stream stream = { 0 };
	enum status status = STATUS_OK;
	int err;

	stream.file = input_open(call, path);
	if (!stream.file)
		return STATUS_ERROR;
	stream_begin(&stream, call, "restore",
		     serialized_size(bitmap, range));
	err = qds_bitmap_load(bitmap->object.fd, range->start, range->count,
			      call->chunk, read_chunk, &stream);
	progress_end(&stream.progress);
	if (err == -EINVAL && is_aligned(bitmap, range))
		status = fail(call, STATUS_ERROR,
			      "%s has bits set behind the bitmap's end", path);
	else if (err < 0)
		status = bitmap_range_error(call, bitmap, range, err);
	else
		status = check_input(call, &stream, path);
	return worst(status, input_close(call, stream.file, path));
}

static enum status finish(const struct call *call, const struct bitmap *bitmap)
{
	int err = qds_bitmap_finish_restore(bitmap->object.fd);

	return err ? fail_errno(call, err, "%s", bitmap->object.name) :
		     STATUS_OK;
}

static enum status deserialize_fill(struct call *call,
				    const struct bitmap *bitmap,
				    const struct qds_range *range)
{
	int err = qds_bitmap_deserialize_fill(bitmap->object.fd, range->start,
					      range->count, call->fill, NULL);

	return err ? bitmap_range_error(call, bitmap, range, err) : STATUS_OK;
}

static void report_half(const struct call *call, const struct bitmap *bitmap)
{
	struct qds_bitmap_info info;

	if (!qds_bitmap_get_info(bitmap->object.fd, &info) &&
	    info.state == QDS_BITMAP_RESTORING)
		fail(call, STATUS_ERROR,
		     "%s is left half restored: restore it again, or bitmap finish",
		     bitmap->object.name);
}

enum status run_deserialize(struct call *call)
{
	struct qds_range range;
	struct bitmap bitmap;
	enum status status;

	if (call->chunk > SIZE_MAX)
		return fail(call, STATUS_USAGE, "--chunk is too large");
	if (call->fill && call->file)
		return fail(call, STATUS_USAGE,
			    "with --zeroes or --ones nothing is read from a file");
	status = bitmap_find(call, &bitmap);
	if (!status)
		status = bitmap_range(call, &bitmap, call->args[1], &range);
	if (status)
		return status;
	status = call->fill ? deserialize_fill(call, &bitmap, &range) :
			      deserialize_file(call, &bitmap, &range);
	if (status)
		report_half(call, &bitmap);
	else if (!call->no_finish)
		status = finish(call, &bitmap);
	return status;
}

enum status run_finish(struct call *call)
{
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);

	return status ? status : finish(call, &bitmap);
}

const struct argp_option serialize_options[] = {
	{ "output", 'o', "FILE", 0, "Write to FILE, not standard output", 0 },
	{ "chunk", OPT_CHUNK, "BYTES", 0, "Serialize so much at once", 0 },
	{ 0 }
};

const struct argp_option deserialize_options[] = {
	{ "file", 'f', "FILE", 0, "Read FILE, not standard input", 0 },
	{ "chunk", OPT_CHUNK, "BYTES", 0, "Restore so much at once", 0 },
	{ "zeroes", OPT_ZEROES, NULL, 0, "Read nothing: it is all clean", 0 },
	{ "ones", OPT_ONES, NULL, 0, "Read nothing: it is all dirty", 0 },
	{ "no-finish", OPT_NO_FINISH, NULL, 0, "More will follow", 0 },
	{ 0 }
};
