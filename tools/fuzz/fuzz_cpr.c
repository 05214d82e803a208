// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a CPR state. The first one says whether descriptors are carried. What
 * is read must be the very bytes when it is written again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpr.h"
#include "fuzz.h"

struct memory {
	const uint8_t *at;
	size_t left;
};

static void must(int condition)
{
	if (!condition)
		abort();
}

static int memory_read(void *opaque, void *data, size_t size)
{
	struct memory *memory = opaque;

	if (size > memory->left)
		return -ENODATA;
	memcpy(data, memory->at, size);
	memory->at += size;
	memory->left -= size;
	return 0;
}

static int memory_receive(void *opaque, uint8_t *byte, int *fd)
{
	*fd = 3;
	return memory_read(opaque, byte, 1);
}

static void check_entry(const struct cpr_entry *entry, const uint8_t *from, int carried)
{
	uint8_t bytes[CPR_KEY_ROOM + 4];
	size_t size = cpr_put_key(bytes, entry);

	must(entry->name[0] && entry->fd >= 0);
	if (!carried)
		size += cpr_put_number(bytes + size, entry->fd);
	must(!memcmp(bytes, from, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = { data, size };
	struct cpr_source source = { .read = memory_read, .opaque = &memory };
	struct cpr_entry entry;
	struct fault fault;
	const uint8_t *from;
	int ret;

	uint8_t form;

	if (memory_read(&memory, &form, 1))
		return 0;
	if (form & 1)
		source.receive = memory_receive;
	if (cpr_read_header(&source, &fault))
		return 0;
	for (from = memory.at; (ret = cpr_read_entry(&source, &entry, &fault)) == 1;
	     from = memory.at)
		check_entry(&entry, from, form & 1);
	if (!ret)
		ret = cpr_read_end(&source, &fault);
	must(ret || !memory.left);
	return 0;
}
