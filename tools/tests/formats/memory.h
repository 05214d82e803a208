/* SPDX-License-Identifier: GPL-2.0 */
/* An image in memory, which can lose its power. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stdint.h>

#include "image.h"

/**
 * struct late_write - a write that has not been flushed
 * @offset: where
 * @data: what
 * @size: how much
 */
struct late_write {
	uint64_t offset;
	uint8_t *data;
	size_t size;
};

#define POWER_STAYS UINT32_MAX

/**
 * struct memory - an image in memory
 * @image: its bytes
 * @now: they, as who writes reads them
 * @disk: they, as of the last flush
 * @disk_size: length of that
 * @late: what has been written since
 * @nr_late: number of those writes
 * @room_late: how many @late has room for
 * @power: writes and flushes until the power fails, or POWER_STAYS
 * @off: has it failed?
 */
struct memory {
	struct image image;
	uint8_t *now;
	uint8_t *disk;
	uint64_t disk_size;
	struct late_write *late;
	size_t nr_late;
	size_t room_late;
	uint32_t power;
	bool off;
};

void memory_init(struct memory *memory, const void *data, size_t size);
void memory_free(struct memory *memory);

/*
 * Makes @now what the disk has after the power has failed: what was flushed, and
 * of the late writes all, or only the last.
 */
void memory_recover(struct memory *memory, bool last_only);

#endif /* TESTS_MEMORY_H */
