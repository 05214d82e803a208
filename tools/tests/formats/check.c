// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "extents.h"
#include "memory.h"

/* Larger bitmaps take too long. */
#define MAX_BITS (1U << 20)

#define MUST(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: not so: %s: %s\n", __FILE__,	\
			__LINE__, #condition, text(&fault));		\
		abort();						\
	}								\
} while (0)

static const char *text(const struct fault *fault)
{
	return fault->text;
}

/* A byte of which the next does not follow; some clusters are all 0 or all 1. */
static uint8_t wanted_byte(const struct wanted *wanted, uint64_t i)
{
	uint64_t block = i / 512 + wanted->seed;

	switch (block % 8) {
	case 1:
	case 2:
	case 3:
		return 0;
	case 4:
	case 5:
		return 0xff;
	}
	return (i * 167 + wanted->seed * 13) >> 2;
}

int wanted_bits(void *opaque, const struct bits *bits)
{
	const struct wanted *wanted = opaque;
	uint8_t *data = bits->data;
	uint64_t i;

	for (i = 0; i < bits->size; i++)
		data[i] = wanted_byte(wanted, bits->first / 8 + i);
	for (i = bits->nr; i < bits->size * 8; i++)
		data[i / 8] &= ~(1U << i % 8);
	return 0;
}

static int add_bits(void *opaque, const struct bits *bits)
{
	return extents_add_bits(opaque, bits);
}

/* One that cannot be loaded has no runs. */
static void load(const struct qcow2 *qcow2, const char *name,
		 struct extents *extents)
{
	const struct qcow2_bitmap *bitmap;

	*extents = (struct extents){ 0 };
	if (qcow2_bitmap_find(qcow2, name, &bitmap))
		return;
	extents_init(extents, qcow2->disk_size, bitmap->granularity);
	if (!qcow2_bitmap_load(qcow2, bitmap, add_bits, extents))
		return;
	extents_free(extents);
	*extents = (struct extents){ 0 };
}

static bool same(const struct extents *a, const struct extents *b)
{
	return a->nr == b->nr && a->items == b->items &&
	       (!a->nr || !memcmp(a->run, b->run, a->nr * sizeof(*a->run)));
}

/**
 * struct comparison - a bitmap that is compared with what was stored
 * @wanted: that
 * @next: the bit that comes next
 */
struct comparison {
	const struct wanted *wanted;
	uint64_t next;
};

static int compare_bits(void *opaque, const struct bits *bits)
{
	struct comparison *comparison = opaque;
	struct bits want = *bits;
	uint64_t i;
	bool differs = bits->first != comparison->next;

	comparison->next += bits->nr;
	want.size = qcow2_bits_bytes(bits->nr);
	want.data = malloc(want.size);
	wanted_bits((void *)comparison->wanted, &want);
	for (i = 0; i < bits->nr && !differs; i++) {
		const uint8_t *data = bits->kind == BITS_DATA ? bits->data :
								NULL;
		int bit = data ? data[i / 8] >> i % 8 & 1 :
				 bits->kind == BITS_ONES;

		differs = bit != (((uint8_t *)want.data)[i / 8] >> i % 8 & 1);
	}
	free(want.data);
	return differs;
}

static void check_others(const struct qcow2 *qcow2, const struct wanted *wanted,
			 struct extents *before, const struct qcow2 *old)
{
	struct fault fault = { 0 };
	unsigned int i;

	for (i = 0; i < old->nr; i++) {
		const char *name = old->bitmaps[i].name;
		const struct qcow2_bitmap *now = qcow2_bitmap_named(qcow2, name);
		struct extents extents;

		MUST(now);
		if (!strcmp(name, wanted->name))
			continue;
		load(qcow2, name, &extents);
		MUST(same(&extents, &before[i]));
		MUST(now->flags == old->bitmaps[i].flags);
		extents_free(&extents);
	}
}

static void check_stored(struct image *image, const struct wanted *wanted,
			 struct extents *before, const struct qcow2 *old)
{
	struct comparison comparison = { .wanted = wanted };
	const struct qcow2_bitmap *bitmap;
	struct fault fault = { 0 };
	struct qcow2 qcow2;

	MUST(!qcow2_open(&qcow2, image, &fault));
	MUST(!qcow2_bitmap_find(&qcow2, wanted->name, &bitmap));
	MUST(bitmap->granularity == wanted->granularity);
	MUST(!wanted->disabled || !(bitmap->flags & QCOW2_BITMAP_AUTO));
	MUST(!qcow2_bitmap_load(&qcow2, bitmap, compare_bits, &comparison));
	MUST(comparison.next == qcow2_bits(&qcow2, wanted->granularity));
	check_others(&qcow2, wanted, before, old);
	qcow2_close(&qcow2);
}

static int store(struct memory *memory, struct qcow2 *qcow2,
		 const struct wanted *wanted)
{
	const struct qcow2_new new = {
		.name = wanted->name,
		.granularity = wanted->granularity,
		.disabled = wanted->disabled,
		.fn = wanted_bits,
		.opaque = (void *)wanted,
	};
	const uint64_t size = memory->image.size;
	uint8_t *before = malloc(size);
	struct fault fault = *qcow2->fault;
	int err;

	memcpy(before, memory->now, size);
	memory->power = POWER_STAYS - 1;
	err = qcow2_bitmap_store(qcow2, &new);
	fault = *qcow2->fault;
	if (err) {
		MUST(*fault.text);
		MUST(memory->power == POWER_STAYS - 1);
		MUST(memory->image.size == size &&
		     !memcmp(memory->now, before, size));
	}
	memory->power = POWER_STAYS;
	free(before);
	return err;
}

static bool is_small(const struct qcow2 *qcow2, const struct wanted *wanted)
{
	return wanted->granularity > 63 ||
	       qcow2_bits(qcow2, wanted->granularity) <= MAX_BITS;
}

static int check_bitmaps(struct memory *memory, struct qcow2 *qcow2,
			 const struct wanted *wanted)
{
	struct extents *before = calloc(qcow2->nr + 1, sizeof(*before));
	unsigned int i;
	int err = 0;

	for (i = 0; i < qcow2->nr; i++)
		load(qcow2, qcow2->bitmaps[i].name, &before[i]);
	if (is_small(qcow2, wanted)) {
		err = store(memory, qcow2, wanted);
		if (!err)
			check_stored(&memory->image, wanted, before, qcow2);
	}
	for (i = 0; i < qcow2->nr; i++)
		extents_free(&before[i]);
	free(before);
	return err;
}

int check_image(const void *data, size_t size, const struct wanted *wanted)
{
	struct fault fault = { 0 };
	struct memory memory;
	struct qcow2 qcow2;
	int err;

	memory_init(&memory, data, size);
	err = qcow2_open(&qcow2, &memory.image, &fault);
	if (err)
		MUST(*fault.text);
	else
		err = check_bitmaps(&memory, &qcow2, wanted);
	qcow2_close(&qcow2);
	memory_free(&memory);
	return err;
}
