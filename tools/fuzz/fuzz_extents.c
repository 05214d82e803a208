// SPDX-License-Identifier: GPL-2.0
/* Any text as what qds-nbd-map writes: a byte for the granularity, then lines. */
#include <stdlib.h>
#include <string.h>

#include "extents.h"
#include "fuzz.h"

#define MAX_BITS (1U << 22)

/**
 * struct sum - a bitmap that is walked
 * @extents: its extents
 * @next: the bit that must come next
 * @dirty: dirty bits so far
 */
struct sum {
	const struct extents *extents;
	uint64_t next;
	uint64_t dirty;
};

static void must(int condition)
{
	if (!condition)
		abort();
}

static int add_part(void *opaque, const struct bits *bits)
{
	struct sum *sum = opaque;
	uint64_t i;

	must(bits->first == sum->next && bits->nr && !(bits->first % 64));
	sum->next += bits->nr;
	if (bits->kind == BITS_ONES)
		sum->dirty += bits->nr;
	for (i = 0; bits->kind == BITS_DATA && i < bits->size; i++)
		sum->dirty += __builtin_popcount(((uint8_t *)bits->data)[i]);
	return 0;
}

static void check_extents(const struct extents *extents)
{
	uint64_t total = ((extents->items - 1) >> extents->granularity) + 1;
	struct sum sum = { .extents = extents };
	uint64_t dirty = 0;
	size_t i;

	for (i = 0; i < extents->nr; i++) {
		const struct run *run = &extents->run[i];

		must(run->first < run->end && run->end <= total);
		must(!i || run->first > run[-1].end);
		dirty += run->end - run->first;
	}
	must(!extents_walk(extents, 64, add_part, &sum));
	must(sum.next == total && sum.dirty == dirty);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct extents extents = { 0 };
	struct extents_reader reader = { .extents = &extents };
	struct fault fault;
	char *text, *line, *rest;
	int err = 0;

	if (!size)
		return 0;
	reader.granularity = data[0] % 64;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	for (rest = text; !err && (line = strsep(&rest, "\n"));)
		err = extents_read_line(&reader, line, &fault);
	if (reader.sized && (extents.items - 1) >> extents.granularity < MAX_BITS)
		check_extents(&extents);
	extents_free(&extents);
	free(text);
	return 0;
}
