// SPDX-License-Identifier: GPL-2.0
/* bitmap serialize, serialize-size, deserialize, finish: the serialized form */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bitmap.h"
#include "json.h"
#include "parse.h"
#include "progress.h"

/**
 * struct stream - a serialized form on its way
 * @file: where it comes from or goes to
 * @done: bytes so far
 * @total: bytes of it all
 * @progress: to show that
 * @short_input: did the file end early?
 */
struct stream {
	FILE *file;
	uint64_t done;
	uint64_t total;
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

/* The bitmap, and a range of chunks. */
static enum status find_range(const struct call *call, struct bitmap *bitmap,
			      struct qds_range *range)
{
	enum status status = bitmap_find(call, bitmap);

	if (status)
		return status;
	bitmap->align += 6;
	return bitmap_range(call, bitmap, call->args[1], range);
}

static enum status find(const struct call *call, struct bitmap *bitmap,
			struct qds_range *range, uint64_t *bytes,
			uint64_t *align)
{
	enum status status = find_range(call, bitmap, range);
	int err;

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
	if (!strcmp(path, "-") && isatty(STDOUT_FILENO))
		return fail(call, STATUS_USAGE,
			    "not written to a terminal: use -o FILE or a pipe");
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
	size_t got = fread(data, 1, size, stream->file);

	(void)start;
	(void)count;
	stream->done += got;
	if (got != size) {
		stream->short_input = true;
		return 1;
	}
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
			    "%s ended after %" PRIu64 " of %" PRIu64 " bytes",
			    input_name(path), stream->done, stream->total);
	if (!call->no_finish && getc(stream->file) != EOF)
		return fail(call, STATUS_ERROR,
			    "%s has more than the %" PRIu64 " bytes of this bitmap's form",
			    input_name(path), stream->done);
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

/* Of a file the length is known before the bitmap is touched. */
static enum status check_length(const struct call *call,
				const struct stream *stream, const char *path)
{
	struct stat stat;
	uint64_t left;
	off_t at = ftello(stream->file);

	if (at < 0 || fstat(fileno(stream->file), &stat) ||
	    !S_ISREG(stat.st_mode))
		return STATUS_OK;
	left = stat.st_size > at ? stat.st_size - at : 0;
	if (left == stream->total || (call->no_finish && left > stream->total))
		return STATUS_OK;
	return fail(call, STATUS_ERROR,
		    "%s has %" PRIu64 " bytes, this bitmap's form has %" PRIu64,
		    input_name(path), left, stream->total);
}

static enum status restore(struct call *call, const struct bitmap *bitmap,
			   const struct qds_range *range,
			   struct stream *stream, const char *path)
{
	int err;

	stream_begin(stream, call, "restore", stream->total);
	err = qds_bitmap_load(bitmap->object.fd, range->start, range->count,
			      call->chunk, read_chunk, stream);
	progress_end(&stream->progress);
	if (err == -EINVAL && is_aligned(bitmap, range))
		return fail(call, STATUS_ERROR,
			    "%s has bits set behind the bitmap's end",
			    input_name(path));
	if (err < 0)
		return bitmap_range_error(call, bitmap, range, err);
	return check_input(call, stream, path);
}

static enum status deserialize_file(struct call *call,
				    const struct bitmap *bitmap,
				    const struct qds_range *range)
{
	const char *path = call->file ? call->file : "-";
	struct stream stream = { 0 };
	enum status status = STATUS_OK;

	stream.file = input_open(call, path);
	if (!stream.file)
		return STATUS_ERROR;
	stream.total = serialized_size(bitmap, range);
	/* A wrong range, or no serialized form, is for the kernel to refuse. */
	if (is_aligned(bitmap, range) && bitmap->align < 64 &&
	    range->start <= bitmap->items &&
	    range->count <= bitmap->items - range->start)
		status = check_length(call, &stream, path);
	if (!status)
		status = restore(call, bitmap, range, &stream, path);
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

/**
 * report_half() - print that a restore has not come to its end, if it is so
 * @call: the command
 * @bitmap: the bitmap
 */
void report_half(const struct call *call, const struct bitmap *bitmap)
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
	status = find_range(call, &bitmap, &range);
	if (status)
		return status;
	status = call->fill ? deserialize_fill(call, &bitmap, &range) :
			      deserialize_file(call, &bitmap, &range);
	if (status)
		report_half(call, &bitmap);
	else if (!call->no_finish)
		status = finish(call, &bitmap);
	else
		status = object_keep(call, &bitmap.object);
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
