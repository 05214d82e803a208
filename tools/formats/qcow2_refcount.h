/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reference counts of a qcow2 image that is written
 *
 * Changes are made in memory. They reach the image in an order in which a crash
 * leaves at most clusters that nobody uses: first the blocks of counts, then the
 * table that points to them; counts are lowered last, when nothing refers to the
 * clusters any more.
 */
#ifndef FORMATS_QCOW2_REFCOUNT_H
#define FORMATS_QCOW2_REFCOUNT_H

#include "qcow2.h"

/**
 * struct refblock - counts of neighbouring clusters
 * @data: they; NULL if not read yet
 * @changed: must it be written?
 * @added: must the table's entry for it be written?
 */
struct refblock {
	uint8_t *data;
	bool changed;
	bool added;
};

/**
 * struct refcounts - the reference counts of an image
 * @qcow2: the image
 * @table: offsets of the blocks; 0 where there is none, and all counts are 0
 * @blocks: the blocks
 * @nr: number of both
 * @per_block: counts in a block
 * @next: below this cluster none is free
 * @at: where the table is, or will be
 * @clusters: its length
 * @grown: does it not fit in its old place?
 */
struct refcounts {
	const struct qcow2 *qcow2;
	uint64_t *table;
	struct refblock *blocks;
	uint64_t nr;
	uint64_t per_block;
	uint64_t next;
	uint64_t at;
	uint32_t clusters;
	bool grown;
};

int refcounts_init(struct refcounts *counts, const struct qcow2 *qcow2);
void refcounts_free(struct refcounts *counts);
int refcounts_get(struct refcounts *counts, uint64_t cluster, uint64_t *count);
int refcounts_take(struct refcounts *counts, uint64_t nr, uint64_t *offset);
int refcounts_drop(struct refcounts *counts, uint64_t offset, uint64_t nr);
int refcounts_place_table(struct refcounts *counts);
int refcounts_write_blocks(struct refcounts *counts);
int refcounts_write_table(struct refcounts *counts);

/* Writes bytes of the image. Return: 0 or -errno, with a fault. */
int qcow2_write(const struct qcow2 *qcow2, uint64_t at, const void *data,
		size_t size);
int qcow2_flush(const struct qcow2 *qcow2);

/* Is the metadata in clusters of its own, each of which is counted? */
int qcow2_check_metadata(const struct qcow2 *qcow2, struct refcounts *counts);

#endif /* FORMATS_QCOW2_REFCOUNT_H */
