// SPDX-License-Identifier: GPL-2.0
/* apply: bring a full copy up to date by its dirty blocks */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "libqds.h"

#define BUFFER_SIZE (1U << 20)

static enum status copy_extent(const struct image *from, const struct image *to,
			       const struct qds_extent *extent, void *buffer)
{
	uint64_t at = extent->start, end = extent->start + extent->count;
	enum status status = STATUS_OK;
	size_t size;

	for (; at < end && !status; at += size) {
		size = end - at < BUFFER_SIZE ? end - at : BUFFER_SIZE;
		status = image_read(from, at, buffer, size);
		if (!status)
			status = image_write(to, at, buffer, size);
	}
	return status;
}

static enum status copy_extents(int bitmap, const struct options *options,
				const struct image *from,
				const struct image *to, uint64_t dirty)
{
	void *buffer = malloc(BUFFER_SIZE);
	enum status status = STATUS_OK;
	struct qds_extent_iter iter;
	struct progress progress;
	struct qds_extent extent;
	uint64_t copied = 0, nr = 0;
	double seconds;
	int more = 0;

	if (!buffer)
		return fail_errno(-ENOMEM, "%s", to->path);
	progress_begin(&progress, options->progress, "copy", dirty);
	qds_extent_iter_init(&iter, bitmap, QDS_EXTENT_DIRTY, 0, from->size);
	while (!status && (more = qds_extent_iter_next(&iter, &extent)) > 0) {
		status = copy_extent(from, to, &extent, buffer);
		copied += extent.count;
		nr++;
		progress_update(&progress, copied);
	}
	free(buffer);
	if (!status && !more)
		status = image_flush(to);
	seconds = progress_end(&progress);
	if (more < 0)
		return fail_errno(more, "bitmap: extents");
	if (status)
		return status;
	printf("apply: %" PRIu64 " of %" PRIu64 " blocks (%.1f MiB) copied to %s",
	       (copied + BLOCK_SIZE - 1) / BLOCK_SIZE, image_blocks(from),
	       mib(copied), to->path);
	printf(" in %" PRIu64 " dirty extents, %.2f s\n", nr, seconds);
	return STATUS_OK;
}

static void print_digest(const struct image *image,
			 const uint8_t digest[SHA256_DIGEST_SIZE])
{
	int i;

	fputs("  ", stdout);
	for (i = 0; i < SHA256_DIGEST_SIZE; i++)
		printf("%02x", digest[i]);
	printf("  %s\n", image->path);
}

static enum status compare_digests(const struct options *options,
				   const struct image *a, const struct image *b)
{
	uint8_t digest_a[SHA256_DIGEST_SIZE], digest_b[SHA256_DIGEST_SIZE];
	enum status status = image_digest(a, options, digest_a);

	if (!status)
		status = image_digest(b, options, digest_b);
	if (status)
		return status;
	printf("checksums (SHA-256):\n");
	print_digest(a, digest_a);
	print_digest(b, digest_b);
	if (memcmp(digest_a, digest_b, sizeof(digest_a)))
		return fail(STATUS_DIFFERENT, "%s is not equal to %s", b->path,
			    a->path);
	return STATUS_OK;
}

static enum status run(const struct options *options, const char *file,
		       const struct image *image, struct image *copy)
{
	struct qds_bitmap_info info;
	enum status status;
	int dev, bitmap, err;

	dev = device_open();
	if (dev < 0)
		return STATUS_ERROR;
	bitmap = qds_create_bitmap(dev, image->size, BLOCK_SHIFT);
	close(dev);
	if (bitmap < 0)
		return fail_errno(bitmap, "bitmap: create");
	status = bitmap_load(bitmap, image->size, file, options->chunk);
	if (status)
		goto out;
	err = qds_bitmap_get_info(bitmap, &info);
	if (err) {
		status = fail_errno(err, "bitmap: info");
		goto out;
	}
	/* Nothing is written before the bitmap is known to be one. */
	status = image_resize(copy, image->size);
	if (!status)
		status = copy_extents(bitmap, options, image, copy, info.dirty);
	if (!status)
		status = compare_digests(options, image, copy);
out:
	close(bitmap);
	return status;
}

/**
 * step_apply() - bring a full copy up to date
 * @options: of the command line
 * @file: path of the bitmap that scan has saved
 * @image: path of the image
 * @copy: path of the full copy, which is changed
 *
 * Return: the status to exit with.
 */
enum status step_apply(const struct options *options, const char *file,
		       const char *image, const char *copy)
{
	struct image from = { .fd = -1 }, to = { .fd = -1 };
	enum status status = image_open(&from, image, false);

	if (!status)
		status = image_open(&to, copy, true);
	if (!status)
		status = run(options, file, &from, &to);
	image_close(&to);
	image_close(&from);
	return status;
}
