// SPDX-License-Identifier: GPL-2.0
/* verify: is the saved bitmap the one that another process holds? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "libqds.h"

/* Another length than scan saves with, for the result not to depend on it. */
#define LOAD_CHUNK 1000

static bool same_extent(const struct qds_extent *a, const struct qds_extent *b)
{
	return a->start == b->start && a->count == b->count &&
	       a->flags == b->flags;
}

/* All extents of both, dirty and clean, side by side. */
static enum status compare_extents(int a, int b, uint64_t items)
{
	const uint32_t kinds = QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN;
	struct qds_extent_iter iter_a, iter_b;
	struct qds_extent extent_a, extent_b;
	uint64_t nr = 0, dirty = 0, next = 0;
	int more_a, more_b;

	qds_extent_iter_init(&iter_a, a, kinds, 0, items);
	qds_extent_iter_init(&iter_b, b, kinds, 0, items);
	for (;;) {
		more_a = qds_extent_iter_next(&iter_a, &extent_a);
		more_b = qds_extent_iter_next(&iter_b, &extent_b);
		if (more_a < 0 || more_b < 0)
			return fail_errno(more_a < 0 ? more_a : more_b,
					  "bitmap: extents");
		if (more_a != more_b ||
		    (more_a && !same_extent(&extent_a, &extent_b)))
			return fail(STATUS_DIFFERENT,
				    "the bitmaps differ from extent %" PRIu64 " on, byte %" PRIu64,
				    nr, next);
		if (!more_a)
			break;
		next = extent_a.start + extent_a.count;
		nr++;
		dirty += !!(extent_a.flags & QDS_EXTENT_DIRTY);
	}
	if (next != items)
		return fail(STATUS_DIFFERENT,
			    "the extents end at byte %" PRIu64 " of %" PRIu64,
			    next, items);
	printf("  extents are equal: %" PRIu64 " dirty, %" PRIu64 " clean\n",
	       dirty, nr - dirty);
	return STATUS_OK;
}

struct compare {
	FILE *file;
	uint64_t bytes;
};

static int compare_chunk(void *opaque, uint64_t start, uint64_t count,
			 void *data, size_t size)
{
	struct compare *compare = opaque;
	char other[LOAD_CHUNK];

	(void)start;
	(void)count;
	if (size > sizeof(other) ||
	    fread(other, 1, size, compare->file) != size ||
	    memcmp(data, other, size))
		return 1;
	compare->bytes += size;
	return 0;
}

/* What the bitmap serializes to now, and the file. */
static enum status compare_bytes(int fd, uint64_t items, const char *file)
{
	struct compare compare = { .file = fopen(file, "re") };
	bool different;
	int err;

	if (!compare.file)
		return fail_errno(-errno, "cannot read %s", file);
	err = qds_bitmap_save(fd, 0, items, LOAD_CHUNK, compare_chunk, &compare);
	different = err == 1 || (!err && getc(compare.file) != EOF);
	fclose(compare.file);
	if (err < 0)
		return fail_errno(err, "bitmap: serialize");
	if (different)
		return fail(STATUS_DIFFERENT,
			    "the bitmap and %s differ after byte %" PRIu64,
			    file, compare.bytes);
	printf("  %" PRIu64 " bytes are equal\n", compare.bytes);
	return STATUS_OK;
}

static enum status compare_dirty(int a, int b)
{
	struct qds_bitmap_info info_a, info_b;
	int err = qds_bitmap_get_info(a, &info_a);

	if (!err)
		err = qds_bitmap_get_info(b, &info_b);
	if (err)
		return fail_errno(err, "bitmap: info");
	if (info_a.dirty != info_b.dirty || info_a.state != info_b.state)
		return fail(STATUS_DIFFERENT,
			    "%" PRIu64 " bytes are dirty, and %" PRIu64 " were",
			    (uint64_t)info_b.dirty, (uint64_t)info_a.dirty);
	printf("  %" PRIu64 " dirty blocks in both\n",
	       (uint64_t)info_a.dirty >> BLOCK_SHIFT);
	return STATUS_OK;
}

/**
 * step_verify() - is a saved bitmap that of a descriptor?
 * @options: of the command line: the descriptor, and the name if it was opened by that
 * @file: path of the saved bitmap
 *
 * It is read back into a second bitmap.
 *
 * Return: the status to exit with.
 */
enum status step_verify(const struct options *options, const char *file)
{
	struct qds_bitmap_info info;
	enum status status;
	int dev, fd, err;

	err = qds_bitmap_get_info(options->fd, &info);
	if (err)
		return options->name ? fail_errno(err, "%s is no bitmap", options->name) :
				       fail_errno(err, "descriptor %d", options->fd);
	dev = device_open();
	if (dev < 0)
		return STATUS_ERROR;
	fd = qds_create_bitmap(dev, info.items, info.granularity);
	close(dev);
	if (fd < 0)
		return fail_errno(fd, "bitmap: create");
	if (options->name)
		printf("verify: process %d has opened the bitmap %s\n",
		       (int)getpid(), options->name);
	else
		printf("verify: process %d has the bitmap of process %d as descriptor %d\n",
		       (int)getpid(), (int)getppid(), options->fd);
	status = bitmap_load(fd, info.items, file, LOAD_CHUNK);
	if (!status)
		status = compare_dirty(options->fd, fd);
	if (!status)
		status = compare_extents(options->fd, fd, info.items);
	if (!status)
		status = compare_bytes(fd, info.items, file);
	close(fd);
	return status;
}
