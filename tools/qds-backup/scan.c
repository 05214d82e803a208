// SPDX-License-Identifier: GPL-2.0
/*
 * scan: find out which blocks of an image differ from its full copy
 *
 * A table maps the fingerprint of every block of the full copy to the first
 * block that has this content. A block of the image is unchanged if the table
 * gives for it the same first block as for the full copy's block in its place;
 * what else the table knows has been there before, elsewhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup.h"
#include "libqds.h"
#include "map.h"
#include "text.h"

#define MAP_ROWS 12

struct fingerprint {
	uint8_t byte[SHA256_DIGEST_SIZE];
};

/**
 * struct batch - some blocks of an image
 * @data: their content
 * @start: number of the first
 * @nr: how many
 * @key: their fingerprints
 * @value: for each, the number of a block
 * @result: for each, what a command has returned
 * @range: dirty ones among them, in bytes
 */
struct batch {
	uint8_t data[BATCH_BLOCKS * BLOCK_SIZE];
	uint64_t start;
	uint32_t nr;
	struct fingerprint key[BATCH_BLOCKS];
	uint64_t value[BATCH_BLOCKS];
	int32_t result[BATCH_BLOCKS];
	struct qds_range range[BATCH_BLOCKS];
};

/**
 * struct scan - a scan
 * @options: of the command line
 * @full: the full copy
 * @image: the image
 * @table: from fingerprint to first block
 * @bitmap: the bytes of the image that differ, at a granularity of a block
 * @first: for each block of the full copy, the first with the same content
 * @zero: fingerprint of a block of zeroes
 * @distinct: number of contents in the full copy
 * @zeroes: number of blocks of zeroes in it
 * @unchanged: blocks of the image equal to the full copy's in their place
 * @cleared: blocks of zeroes that were not
 * @moved: blocks whose content was elsewhere in the full copy
 * @fresh: blocks with a content that was nowhere
 * @again: blocks with the content of a fresh one
 */
struct scan {
	const struct options *options;
	struct image full;
	struct image image;
	int table;
	int bitmap;
	uint64_t *first;
	struct fingerprint zero;
	uint64_t distinct;
	uint64_t zeroes;
	uint64_t unchanged;
	uint64_t cleared;
	uint64_t moved;
	uint64_t fresh;
	uint64_t again;
};

static void fingerprint(const uint8_t *data, size_t size,
			struct fingerprint *print)
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, size, data);
	sha256_digest(&context, sizeof(print->byte), print->byte);
}

static bool is_zero(const struct scan *scan, const struct fingerprint *print)
{
	return !memcmp(print, &scan->zero, sizeof(*print));
}

/* Reads the batch from block @start on. */
static enum status batch_read(struct batch *batch, const struct image *image,
			      uint64_t start)
{
	uint64_t offset = start << BLOCK_SHIFT;
	uint64_t size = image->size - offset;
	enum status status;
	uint32_t i;

	if (size > sizeof(batch->data))
		size = sizeof(batch->data);
	batch->start = start;
	batch->nr = (size + BLOCK_SIZE - 1) / BLOCK_SIZE;
	status = image_read(image, offset, batch->data, size);
	for (i = 0; i < batch->nr && !status; i++) {
		size_t at = (size_t)i << BLOCK_SHIFT;

		fingerprint(batch->data + at,
			    size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE,
			    &batch->key[i]);
	}
	return status;
}

static struct qds_entries batch_entries(struct batch *batch)
{
	return (struct qds_entries){
		.keys = batch->key,
		.values = batch->value,
		.results = batch->result,
		.key_size = sizeof(batch->key[0]),
		.value_size = sizeof(batch->value[0]),
		.nr = batch->nr,
	};
}

static enum status batch_lookup(struct scan *scan, struct batch *batch)
{
	struct qds_entries entries = batch_entries(batch);
	int err = qds_table_lookup(scan->table, &entries);

	return err ? fail_errno(err, "table: lookup") : STATUS_OK;
}

/* Failures but -EEXIST, which is an answer. */
static enum status batch_insert(struct scan *scan, struct qds_entries *entries)
{
	int err = qds_table_insert(scan->table, entries);
	uint32_t i;

	if (err)
		return fail_errno(err, "table: insert");
	for (i = 0; i < entries->nr; i++)
		if (entries->results[i] && entries->results[i] != -EEXIST)
			return fail_errno(entries->results[i], "table: insert");
	return STATUS_OK;
}

static enum status index_batch(struct scan *scan, struct batch *batch)
{
	struct qds_entries entries = batch_entries(batch);
	enum status status;
	uint32_t i;

	for (i = 0; i < batch->nr; i++)
		batch->value[i] = batch->start + i;
	status = batch_insert(scan, &entries);
	if (status)
		return status;
	for (i = 0; i < batch->nr; i++) {
		scan->distinct += !batch->result[i];
		scan->zeroes += is_zero(scan, &batch->key[i]);
	}
	status = batch_lookup(scan, batch);
	for (i = 0; i < batch->nr && !status; i++) {
		if (batch->result[i])
			return fail_errno(batch->result[i],
					  "the table has lost block %" PRIu64,
					  batch->start + i);
		scan->first[batch->start + i] = batch->value[i];
	}
	return status;
}

/* What has become of a block, after a lookup. Return: is it dirty? */
static bool classify(struct scan *scan, const struct batch *batch, uint32_t i)
{
	uint64_t block = batch->start + i;
	uint64_t blocks = image_blocks(&scan->full);

	if (batch->result[i])
		return true;
	if (block < blocks && scan->first[block] == batch->value[i]) {
		scan->unchanged++;
		return false;
	}
	if (batch->value[i] >= blocks)
		scan->again++;
	else if (is_zero(scan, &batch->key[i]))
		scan->cleared++;
	else
		scan->moved++;
	return true;
}

/* Gives the contents that the table does not know to it. */
static enum status insert_fresh(struct scan *scan, struct batch *batch)
{
	struct qds_entries entries = batch_entries(batch);
	enum status status;
	uint32_t i, nr = 0;

	for (i = 0; i < batch->nr; i++) {
		if (!batch->result[i])
			continue;
		batch->key[nr] = batch->key[i];
		batch->value[nr] = image_blocks(&scan->full) + batch->start + i;
		nr++;
	}
	if (!nr)
		return STATUS_OK;
	entries.nr = nr;
	status = batch_insert(scan, &entries);
	for (i = 0; i < nr && !status; i++) {
		if (batch->result[i])
			scan->again++;
		else
			scan->fresh++;
	}
	return status;
}

static enum status mark(struct scan *scan, struct batch *batch, uint32_t nr)
{
	int err;

	if (!nr)
		return STATUS_OK;
	err = qds_bitmap_set(scan->bitmap, batch->range, nr, NULL, NULL);
	return err ? fail_errno(err, "bitmap: set") : STATUS_OK;
}

static enum status compare_batch(struct scan *scan, struct batch *batch)
{
	enum status status = batch_lookup(scan, batch);
	struct qds_range *range = NULL;
	uint64_t offset, size;
	uint32_t i, nr = 0;

	if (status)
		return status;
	for (i = 0; i < batch->nr; i++) {
		if (batch->result[i] && batch->result[i] != -ENOENT)
			return fail_errno(batch->result[i], "table: lookup");
		if (!classify(scan, batch, i))
			continue;
		offset = (batch->start + i) << BLOCK_SHIFT;
		size = scan->image.size - offset;
		if (size > BLOCK_SIZE)
			size = BLOCK_SIZE;
		if (range && range->start + range->count == offset) {
			range->count += size;
			continue;
		}
		range = &batch->range[nr++];
		range->start = offset;
		range->count = size;
	}
	status = mark(scan, batch, nr);
	return status ? status : insert_fresh(scan, batch);
}

typedef enum status (*batch_fn)(struct scan *scan, struct batch *batch);

/* Runs @fn over all blocks of @image. */
static enum status for_batches(struct scan *scan, const struct image *image,
			       const char *what, batch_fn fn, double *seconds)
{
	struct batch *batch = malloc(sizeof(*batch));
	uint64_t blocks = image_blocks(image);
	enum status status = STATUS_OK;
	struct progress progress;
	uint64_t start;

	if (!batch)
		return fail_errno(-ENOMEM, "%s", what);
	progress_begin(&progress, scan->options->progress, what, image->size);
	for (start = 0; start < blocks && !status; start += batch->nr) {
		status = batch_read(batch, image, start);
		if (!status)
			status = fn(scan, batch);
		progress_update(&progress, (start + batch->nr) << BLOCK_SHIFT);
	}
	*seconds = progress_end(&progress);
	free(batch);
	return status;
}

static enum status index_full(struct scan *scan)
{
	uint64_t blocks = image_blocks(&scan->full);
	struct qds_table_info info;
	enum status status;
	double seconds;
	int err;

	status = for_batches(scan, &scan->full, "index", index_batch, &seconds);
	if (status)
		return status;
	err = qds_table_get_info(scan->table, &info);
	if (err)
		return fail_errno(err, "table: info");
	if (info.entries != scan->distinct)
		return fail(STATUS_ERROR,
			    "the table has %" PRIu64 " entries, not %" PRIu64,
			    (uint64_t)info.entries, scan->distinct);
	printf("index: %s, %" PRIu64 " blocks in %.1f s (%.1f MiB/s)\n",
	       scan->full.path, blocks, seconds,
	       mib(scan->full.size) / seconds);
	printf("  table: %" PRIu64 " fingerprints in %" PRIu64 " buckets\n",
	       (uint64_t)info.entries, (uint64_t)info.buckets);
	printf("  %" PRIu64 " blocks repeat another, %" PRIu64 " are zeroes\n",
	       blocks - scan->distinct, scan->zeroes);
	return STATUS_OK;
}

static enum status compare_image(struct scan *scan)
{
	uint64_t blocks = image_blocks(&scan->image);
	struct qds_bitmap_info info;
	enum status status;
	uint64_t changed;
	double seconds;
	int err;

	status = for_batches(scan, &scan->image, "compare", compare_batch,
			     &seconds);
	if (status)
		return status;
	changed = scan->cleared + scan->moved + scan->fresh + scan->again;
	err = qds_bitmap_get_info(scan->bitmap, &info);
	if (err)
		return fail_errno(err, "bitmap: info");
	if (scan->unchanged + changed != blocks ||
	    info.dirty >> BLOCK_SHIFT != changed)
		return fail(STATUS_ERROR,
			    "the bitmap has %" PRIu64 " dirty blocks, not %" PRIu64,
			    (uint64_t)info.dirty >> BLOCK_SHIFT, changed);
	printf("compare: %s, %" PRIu64 " blocks in %.1f s (%.1f MiB/s)\n",
	       scan->image.path, blocks, seconds,
	       mib(scan->image.size) / seconds);
	printf("  %8" PRIu64 " unchanged in their place\n", scan->unchanged);
	printf("  %8" PRIu64 " changed:\n", changed);
	printf("  %8" PRIu64 "   new\n", scan->fresh);
	printf("  %8" PRIu64 "   new, but like another new one\n", scan->again);
	printf("  %8" PRIu64 "   known from elsewhere in the full copy\n",
	       scan->moved);
	printf("  %8" PRIu64 "   now zeroes\n", scan->cleared);
	return STATUS_OK;
}

static enum status draw(const struct scan *scan)
{
	uint32_t width = scan->options->width;
	struct map map;
	int err;

	if (!width)
		width = terminal_width(STDOUT_FILENO);
	map_layout(&map, 0, scan->image.size, BLOCK_SHIFT, width, MAP_ROWS);
	err = map_bitmap(stdout, scan->bitmap, &map, scan->options->ascii);
	fflush(stdout);
	return err ? fail_errno(err, "bitmap: count") : STATUS_OK;
}

/* In the child: verify, with @fd open. Only returns on failure. */
static void exec_verify(const struct options *options, int fd, const char *file)
{
	char number[16];
	int inherited = dup(fd);

	if (inherited >= 0) {
		snprintf(number, sizeof(number), "%d", inherited);
		execl(options->self, "qds-backup", "verify", "--fd", number,
		      file, (char *)NULL);
	}
	fail_errno(-errno, "cannot run %s", options->self);
}

/* Another process reads @file back and compares it with the bitmap. */
static enum status verify_elsewhere(const struct scan *scan, const char *file)
{
	int fd = qds_reopen(scan->bitmap, QDS_ACCESS_READ);
	int status;
	pid_t pid;

	if (fd < 0)
		return fail_errno(fd, "bitmap: reopen");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		exec_verify(scan->options, fd, file);
		_exit(STATUS_ERROR);
	}
	close(fd);
	if (pid < 0)
		return fail_errno(-errno, "fork");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(-errno, "waitpid");
	if (WIFSIGNALED(status))
		return fail(STATUS_ERROR, "the other process: %s",
			    strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status);
}

static enum status prepare(struct scan *scan)
{
	static const uint8_t zeroes[BLOCK_SIZE];
	uint64_t blocks = image_blocks(&scan->full);
	int dev = device_open();

	if (dev < 0)
		return STATUS_ERROR;
	scan->table = qds_create_table(dev, sizeof(struct fingerprint),
				       sizeof(uint64_t), 0, 0);
	scan->bitmap = qds_create_bitmap(dev, scan->image.size, BLOCK_SHIFT);
	close(dev);
	if (scan->table < 0)
		return fail_errno(scan->table, "table: create");
	if (scan->bitmap < 0)
		return fail_errno(scan->bitmap, "bitmap: create");
	scan->first = calloc(blocks, sizeof(*scan->first));
	if (!scan->first)
		return fail_errno(-ENOMEM, "%" PRIu64 " blocks", blocks);
	fingerprint(zeroes, sizeof(zeroes), &scan->zero);
	return STATUS_OK;
}

static enum status run(struct scan *scan, const char *file)
{
	enum status status = prepare(scan);

	if (!status)
		status = index_full(scan);
	if (!status)
		status = compare_image(scan);
	if (!status)
		status = draw(scan);
	if (!status)
		status = bitmap_save(scan->bitmap, scan->image.size, file,
				     scan->options->chunk);
	if (!status)
		status = verify_elsewhere(scan, file);
	return status;
}

/**
 * step_scan() - find out which blocks of an image differ from its full copy
 * @options: of the command line
 * @full: path of the full copy
 * @image: path of the image
 * @file: path of the file to save the bitmap in
 *
 * Return: the status to exit with.
 */
enum status step_scan(const struct options *options, const char *full,
		      const char *image, const char *file)
{
	struct scan scan = {
		.options = options,
		.full.fd = -1,
		.image.fd = -1,
		.table = -1,
		.bitmap = -1,
	};
	enum status status;

	status = image_open(&scan.full, full, false);
	if (!status)
		status = image_open(&scan.image, image, false);
	if (!status)
		status = run(&scan, file);
	free(scan.first);
	if (scan.table >= 0)
		close(scan.table);
	if (scan.bitmap >= 0)
		close(scan.bitmap);
	image_close(&scan.image);
	image_close(&scan.full);
	return status;
}
