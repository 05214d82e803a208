/* SPDX-License-Identifier: GPL-2.0 */
/* Dirty extents of a bitmap, in memory, and the bits that they are. */
#ifndef FORMATS_EXTENTS_H
#define FORMATS_EXTENTS_H

#include "fault.h"
#include "qcow2.h"

/**
 * struct run - neighbouring dirty bits
 * @first: the first
 * @end: the first behind them
 */
struct run {
	uint64_t first;
	uint64_t end;
};

/**
 * struct extents - what is dirty of a bitmap
 * @items: its number of items
 * @granularity: a bit stands for 1 << granularity items
 * @run: the dirty bits, in order, with clean ones between any two
 * @nr: number of runs
 * @room: how many @run has room for
 */
struct extents {
	uint64_t items;
	unsigned int granularity;
	struct run *run;
	size_t nr;
	size_t room;
};

void extents_init(struct extents *extents, uint64_t items,
		  unsigned int granularity);
void extents_free(struct extents *extents);
int extents_add(struct extents *extents, uint64_t start, uint64_t count);
void extents_fill(const struct extents *extents, const struct bits *bits);
int extents_add_bits(struct extents *extents, const struct bits *bits);
int extents_walk(const struct extents *extents, size_t chunk, bits_fn fn,
		 void *opaque);

/**
 * struct extents_reader - dirty extents as qds-nbd-map writes them
 * @extents: filled in, by the first line, and then one after the other
 * @granularity: of the bitmap that they are for
 * @sized: has the first line been read?
 * @ended: has the last?
 * @end: where the last extent ended
 */
struct extents_reader {
	struct extents *extents;
	unsigned int granularity;
	bool sized;
	bool ended;
	uint64_t end;
};

int extents_read_line(struct extents_reader *reader, const char *line,
		      struct fault *fault);

#endif /* FORMATS_EXTENTS_H */
