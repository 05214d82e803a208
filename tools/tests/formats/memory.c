// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* Of an image that a fuzzer makes grow. */
#define MAX_SIZE (256U << 20)

static int memory_read(void *opaque, uint64_t offset, void *data, size_t size)
{
	const struct memory *memory = opaque;

	/* As image.h has it, nobody asks for more. */
	if (offset > memory->image.size || size > memory->image.size - offset)
		abort();
	memcpy(data, memory->now + offset, size);
	return 0;
}

/* Bytes between the old end and the write are zero. */
static int put(uint8_t **bytes, uint64_t *length, uint64_t offset,
	       const void *data, size_t size)
{
	uint8_t *more;

	if (offset > MAX_SIZE || size > MAX_SIZE - offset)
		return -ENOSPC;
	if (offset + size > *length) {
		more = realloc(*bytes, offset + size);
		if (!more)
			return -ENOMEM;
		memset(more + *length, 0, offset + size - *length);
		*bytes = more;
		*length = offset + size;
	}
	memcpy(*bytes + offset, data, size);
	return 0;
}

static void note(struct memory *memory, uint64_t offset, const void *data,
		 size_t size)
{
	struct late_write *late;

	if (memory->nr_late == memory->room_late) {
		memory->room_late = memory->room_late * 2 + 16;
		memory->late = realloc(memory->late, memory->room_late *
						     sizeof(*memory->late));
	}
	late = &memory->late[memory->nr_late++];
	late->offset = offset;
	late->data = malloc(size);
	late->size = size;
	memcpy(late->data, data, size);
}

/* Return: does what is asked for happen? */
static bool use_power(struct memory *memory)
{
	if (!memory->power)
		memory->off = true;
	else if (memory->power != POWER_STAYS)
		memory->power--;
	return !memory->off;
}

static int memory_write(void *opaque, uint64_t offset, const void *data,
			size_t size)
{
	struct memory *memory = opaque;
	uint64_t length = memory->image.size;
	int err;

	if (!use_power(memory))
		return -EIO;
	err = put(&memory->now, &length, offset, data, size);
	if (!err && memory->power != POWER_STAYS)
		note(memory, offset, data, size);
	return err;
}

static void forget(struct memory *memory)
{
	while (memory->nr_late)
		free(memory->late[--memory->nr_late].data);
}

static int memory_flush(void *opaque)
{
	struct memory *memory = opaque;
	size_t i;

	if (!use_power(memory))
		return -EIO;
	for (i = 0; i < memory->nr_late; i++)
		put(&memory->disk, &memory->disk_size, memory->late[i].offset,
		    memory->late[i].data, memory->late[i].size);
	forget(memory);
	return 0;
}

static int memory_truncate(void *opaque, uint64_t size)
{
	struct memory *memory = opaque;

	/* The bytes that are cut off stay behind; only less is ever asked for. */
	if (memory->off)
		return -EIO;
	if (size > memory->image.size)
		abort();
	return 0;
}

void memory_init(struct memory *memory, const void *data, size_t size)
{
	*memory = (struct memory){
		.image = {
			.read = memory_read,
			.write = memory_write,
			.flush = memory_flush,
			.truncate = memory_truncate,
			.opaque = memory,
			.size = size,
		},
		.now = malloc(size),
		.disk = malloc(size),
		.disk_size = size,
		.power = POWER_STAYS,
	};
	memcpy(memory->now, data, size);
	memcpy(memory->disk, data, size);
}

void memory_free(struct memory *memory)
{
	forget(memory);
	free(memory->late);
	free(memory->now);
	free(memory->disk);
}

void memory_recover(struct memory *memory, bool last_only)
{
	size_t i = last_only && memory->nr_late ? memory->nr_late - 1 : 0;

	for (; i < memory->nr_late; i++)
		put(&memory->disk, &memory->disk_size, memory->late[i].offset,
		    memory->late[i].data, memory->late[i].size);
	forget(memory);
	memory->now = realloc(memory->now, memory->disk_size);
	memcpy(memory->now, memory->disk, memory->disk_size);
	memory->image.size = memory->disk_size;
	memory->off = false;
	memory->power = POWER_STAYS;
}
