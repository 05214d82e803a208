// SPDX-License-Identifier: GPL-2.0
/*
 * qcow2_bitmap show IMAGE [NAME]
 *	print size, granularity and flags, and the dirty extents
 * qcow2_bitmap store IMAGE NAME GRANULARITY [disabled]
 *	store a bitmap from such lines
 * qcow2_bitmap crash STEPS all|last IMAGE NAME GRANULARITY
 *	the same, but the power fails after so many writes and flushes; of the
 *	writes that were not flushed all reach the disk, or only the last
 *
 * The tests' stand-in for qdsctl where there is no kernel with qds. Exit status:
 * 0, 1 if it has failed or was refused, 2 wrong usage, 3 the power has failed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extents.h"
#include "memory.h"
#include "parse.h"

static int failed(const char *path, const struct fault *fault, int err)
{
	fprintf(stderr, "%s: %s\n", path,
		*fault->text ? fault->text : strerror(-err));
	return 1;
}

static int add_bits(void *opaque, const struct bits *bits)
{
	return extents_add_bits(opaque, bits);
}

static void print_extents(const struct extents *extents)
{
	const unsigned int shift = extents->granularity;
	size_t i;

	for (i = 0; i < extents->nr; i++) {
		uint64_t start = extents->run[i].first << shift;
		uint64_t end = extents->run[i].end << shift;

		if (end > extents->items)
			end = extents->items;
		printf("%" PRIu64 "+%" PRIu64 " dirty\n", start, end - start);
	}
}

static int load(struct image *image, const char *name, struct fault *fault)
{
	const struct qcow2_bitmap *bitmap;
	struct extents extents = { 0 };
	struct qcow2 qcow2;
	int err;

	err = qcow2_open(&qcow2, image, fault);
	if (!err)
		err = qcow2_bitmap_find(&qcow2, name, &bitmap);
	if (!err) {
		extents_init(&extents, qcow2.disk_size, bitmap->granularity);
		err = qcow2_bitmap_load(&qcow2, bitmap, add_bits, &extents);
	}
	if (!err) {
		printf("# size %" PRIu64 " granularity %u flags %u\n",
		       qcow2.disk_size, bitmap->granularity, bitmap->flags);
		print_extents(&extents);
	}
	extents_free(&extents);
	qcow2_close(&qcow2);
	return err;
}

static int show(char **args)
{
	struct fault fault = { 0 };
	struct image_file file;
	int err;

	err = image_file_open(&file, args[0], false, &fault);
	if (!err) {
		err = load(&file.image, args[1], &fault);
		image_file_close(&file);
	}
	return err ? failed(args[0], &fault, err) : 0;
}

static int read_extents(struct extents *extents)
{
	struct qds_range range;
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n ")] = 0;
		if (*line == '#')
			continue;
		err = parse_range(line, extents->items, &range);
		if (!err)
			err = extents_add(extents, range.start, range.count);
	}
	free(line);
	return err;
}

static int fill_bits(void *opaque, const struct bits *bits)
{
	extents_fill(opaque, bits);
	return 0;
}

static int store_into(struct image *image, const struct qcow2_new *new,
		      struct fault *fault)
{
	struct extents *extents = new->opaque;
	struct qcow2 qcow2;
	int err;

	err = qcow2_open(&qcow2, image, fault);
	if (!err) {
		extents_init(extents, qcow2.disk_size, new->granularity);
		err = read_extents(extents);
		if (!err)
			err = qcow2_bitmap_store(&qcow2, new);
		extents_free(extents);
	}
	qcow2_close(&qcow2);
	return err;
}

static int read_new(struct qcow2_new *new, struct extents *extents, char **args)
{
	*new = (struct qcow2_new){
		.name = args[0],
		.disabled = args[2] && !strcmp(args[2], "disabled"),
		.fn = fill_bits,
		.opaque = extents,
	};
	return parse_u32(args[1], &new->granularity);
}

static int store(char **args)
{
	struct fault fault = { 0 };
	struct image_file file;
	struct extents extents;
	struct qcow2_new new;
	int err;

	if (read_new(&new, &extents, args + 1))
		return 2;
	err = image_file_open(&file, args[0], true, &fault);
	if (!err) {
		err = store_into(&file.image, &new, &fault);
		image_file_close(&file);
	}
	return err ? failed(args[0], &fault, err) : 0;
}

static int store_in_memory(struct image_file *file, const struct qcow2_new *new,
			   uint32_t power, bool last, struct fault *fault)
{
	struct memory memory;
	uint8_t *bytes = malloc(file->image.size);
	bool off;
	int err;

	err = file->image.read(file, 0, bytes, file->image.size);
	if (err)
		return err;
	memory_init(&memory, bytes, file->image.size);
	free(bytes);
	memory.power = power;
	err = store_into(&memory.image, new, fault);
	off = memory.off;
	if (off || !err) {
		memory_recover(&memory, last);
		err = file->image.write(file, 0, memory.now, memory.image.size);
	}
	memory_free(&memory);
	return err ? err : off;
}

/* Return: 3 if the power has failed, 0 if it was enough. */
static int crash(char **args)
{
	struct fault fault = { 0 };
	struct image_file file;
	struct extents extents;
	struct qcow2_new new;
	uint32_t power;
	int err;

	if (parse_u32(args[0], &power) || read_new(&new, &extents, args + 3))
		return 2;
	err = image_file_open(&file, args[2], true, &fault);
	if (!err) {
		err = store_in_memory(&file, &new, power,
				      !strcmp(args[1], "last"), &fault);
		image_file_close(&file);
	}
	if (err < 0)
		return failed(args[2], &fault, err);
	return err ? 3 : 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "show") && (argc == 3 || argc == 4))
		return show(argv + 2);
	if (!strcmp(command, "store") && (argc == 5 || argc == 6))
		return store(argv + 2);
	if (!strcmp(command, "crash") && argc == 7)
		return crash(argv + 2);
	fputs("usage: qcow2_bitmap show|store|crash ..., see its source\n",
	      stderr);
	return 2;
}
