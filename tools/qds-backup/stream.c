// SPDX-License-Identifier: GPL-2.0
/* A bitmap's serialized form, to and from a file, chunk by chunk. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "libqds.h"
#include "text.h"

struct stream {
	FILE *file;
	uint64_t bytes;
	unsigned int chunks;
};

static int write_chunk(void *opaque, uint64_t start, uint64_t count, void *data,
		       size_t size)
{
	struct stream *stream = opaque;

	(void)start;
	(void)count;
	errno = EIO;
	if (fwrite(data, 1, size, stream->file) != size)
		return -errno;
	stream->bytes += size;
	stream->chunks++;
	return 0;
}

static int read_chunk(void *opaque, uint64_t start, uint64_t count, void *data,
		      size_t size)
{
	struct stream *stream = opaque;

	(void)start;
	(void)count;
	errno = EIO;
	if (fread(data, 1, size, stream->file) != size)
		return ferror(stream->file) ? -errno : -ENODATA;
	stream->bytes += size;
	stream->chunks++;
	return 0;
}

/**
 * bitmap_save() - write a bitmap to a file
 * @fd: the bitmap
 * @items: its number of items
 * @file: path of the file
 * @chunk: bytes to serialize at once
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status bitmap_save(int fd, uint64_t items, const char *file,
			uint32_t chunk)
{
	struct stream stream = { .file = fopen(file, "we") };
	uint64_t begin = now_ns();
	int err, bad;

	if (!stream.file)
		return fail_errno(-errno, "cannot write %s", file);
	err = qds_bitmap_save(fd, 0, items, chunk, write_chunk, &stream);
	bad = fflush(stream.file) || fsync(fileno(stream.file));
	bad |= fclose(stream.file) != 0;
	if (err)
		return fail_errno(err, "bitmap: serialize to %s", file);
	if (bad)
		return fail_errno(-errno, "cannot write %s", file);
	printf("save: %s, %" PRIu64 " bytes in %u chunks, %.1f ms\n", file,
	       stream.bytes, stream.chunks, (now_ns() - begin) / 1e6);
	return STATUS_OK;
}

/**
 * bitmap_load() - restore a bitmap from a file
 * @fd: the bitmap
 * @items: its number of items
 * @file: path of the file
 * @chunk: bytes to restore at once
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status bitmap_load(int fd, uint64_t items, const char *file,
			uint32_t chunk)
{
	struct stream stream = { .file = fopen(file, "re") };
	bool more;
	int err;

	if (!stream.file)
		return fail_errno(-errno, "cannot read %s", file);
	err = qds_bitmap_load(fd, 0, items, chunk, read_chunk, &stream);
	more = !err && getc(stream.file) != EOF;
	fclose(stream.file);
	if (err == -ENODATA || more)
		return fail(STATUS_ERROR,
			    "%s is not of the length of this image's bitmap",
			    file);
	if (err)
		return fail_errno(err, "bitmap: deserialize from %s", file);
	err = qds_bitmap_finish_restore(fd);
	if (err)
		return fail_errno(err, "bitmap: finish");
	printf("load: %s, %" PRIu64 " bytes in %u chunks\n", file, stream.bytes,
	       stream.chunks);
	return STATUS_OK;
}
