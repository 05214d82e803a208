// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bytes.h"
#include "qcow2_refcount.h"

#define TABLE_RESERVED 0x1ffULL
#define MAX_TABLE (8U << 20)
#define MAX_OFFSET (1ULL << 56)
#define HEADER_TABLE 48		/* its offset, and behind it its clusters */

int qcow2_write(const struct qcow2 *qcow2, uint64_t at, const void *data,
		size_t size)
{
	struct image *image = qcow2->image;
	int err = image->write(image->opaque, at, data, size);

	if (err)
		return fault_set(qcow2->fault, err,
				 "cannot write byte %" PRIu64 ": %s", at,
				 strerror(-err));
	if (at + size > image->size)
		image->size = at + size;
	return 0;
}

int qcow2_flush(const struct qcow2 *qcow2)
{
	int err = qcow2->image->flush(qcow2->image->opaque);

	return err ? fault_set(qcow2->fault, err, "cannot flush it: %s",
			       strerror(-err)) : 0;
}

static int no_memory(const struct refcounts *counts)
{
	return fault_set(counts->qcow2->fault, -ENOMEM, "no memory");
}

/* Gives the table room for @nr blocks at least. */
static int resize(struct refcounts *counts, uint64_t nr)
{
	const uint64_t per_cluster = counts->qcow2->cluster_size / 8;
	struct refblock *blocks;
	uint64_t *table;

	nr = (nr + per_cluster - 1) / per_cluster * per_cluster;
	if (nr * 8 > MAX_TABLE)
		return fault_set(counts->qcow2->fault, -EFBIG,
				 "its refcount table would be larger than QEMU reads");
	table = realloc(counts->table, nr * sizeof(*table));
	if (!table)
		return no_memory(counts);
	counts->table = table;
	blocks = realloc(counts->blocks, nr * sizeof(*blocks));
	if (!blocks)
		return no_memory(counts);
	counts->blocks = blocks;
	memset(table + counts->nr, 0, (nr - counts->nr) * sizeof(*table));
	memset(blocks + counts->nr, 0, (nr - counts->nr) * sizeof(*blocks));
	counts->nr = nr;
	return 0;
}

static int read_table(struct refcounts *counts)
{
	const struct qcow2 *qcow2 = counts->qcow2;
	uint64_t i;
	int err;

	err = qcow2_read(qcow2, counts->at, counts->table, counts->nr * 8);
	for (i = 0; i < counts->nr && !err; i++) {
		uint64_t offset = be64toh(counts->table[i]);

		counts->table[i] = offset;
		if (offset & TABLE_RESERVED ||
		    (offset && !qcow2_within(qcow2, offset, qcow2->cluster_size)))
			err = fault_set(qcow2->fault, -EINVAL,
					"it is damaged: refcount table, entry %" PRIu64,
					i);
	}
	return err;
}

/**
 * refcounts_init() - begin to work with an image's reference counts
 * @counts: filled in; to be freed also on failure
 * @qcow2: the image
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_init(struct refcounts *counts, const struct qcow2 *qcow2)
{
	int err;

	*counts = (struct refcounts){
		.qcow2 = qcow2,
		.per_block = qcow2->cluster_size * 8 / qcow2->refcount_bits,
		.at = qcow2->refcounts,
		.clusters = qcow2->refcounts_clusters,
	};
	err = resize(counts, (uint64_t)counts->clusters *
			     (qcow2->cluster_size / 8));
	return err ? err : read_table(counts);
}

/**
 * refcounts_free() - release what refcounts_init() has made
 * @counts: the reference counts
 */
void refcounts_free(struct refcounts *counts)
{
	uint64_t i;

	for (i = 0; i < counts->nr; i++)
		free(counts->blocks[i].data);
	free(counts->blocks);
	free(counts->table);
}

static uint64_t unpack(const struct refcounts *counts, const uint8_t *data,
		       uint64_t i)
{
	const unsigned int bits = counts->qcow2->refcount_bits;

	switch (bits) {
	case 8:
		return data[i];
	case 16:
		return get_be16(data + 2 * i);
	case 32:
		return get_be32(data + 4 * i);
	case 64:
		return get_be64(data + 8 * i);
	default:
		return data[i * bits / 8] >> (i * bits % 8) & ((1U << bits) - 1);
	}
}

/* Only 0 and 1 are ever stored. */
static void pack(const struct refcounts *counts, uint8_t *data, uint64_t i,
		 unsigned int count)
{
	const unsigned int bits = counts->qcow2->refcount_bits;
	const unsigned int shift = i * bits % 8;

	switch (bits) {
	case 8:
		data[i] = count;
		break;
	case 16:
		put_be16(data + 2 * i, count);
		break;
	case 32:
		put_be32(data + 4 * i, count);
		break;
	case 64:
		put_be64(data + 8 * i, count);
		break;
	default:
		data[i * bits / 8] &= ~(((1U << bits) - 1) << shift);
		data[i * bits / 8] |= count << shift;
	}
}

/* The block that counts a cluster, NULL in *@block if there is none. */
static int find_block(struct refcounts *counts, uint64_t cluster,
		      struct refblock **block)
{
	const struct qcow2 *qcow2 = counts->qcow2;
	uint64_t i = cluster / counts->per_block;
	int err;

	*block = NULL;
	if (i >= counts->nr || !counts->table[i])
		return 0;
	*block = &counts->blocks[i];
	if ((*block)->data)
		return 0;
	(*block)->data = malloc(qcow2->cluster_size);
	if (!(*block)->data)
		return no_memory(counts);
	err = qcow2_read(qcow2, counts->table[i], (*block)->data,
			 qcow2->cluster_size);
	if (err) {
		free((*block)->data);
		(*block)->data = NULL;
	}
	return err;
}

/**
 * refcounts_get() - how often a cluster is used
 * @counts: the reference counts
 * @cluster: the cluster's number
 * @count: filled in
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_get(struct refcounts *counts, uint64_t cluster, uint64_t *count)
{
	struct refblock *block;
	int err = find_block(counts, cluster, &block);

	if (!err)
		*count = block ? unpack(counts, block->data,
					cluster % counts->per_block) : 0;
	return err;
}

static int set_count(struct refcounts *counts, uint64_t cluster,
		     unsigned int count)
{
	struct refblock *block;
	int err = find_block(counts, cluster, &block);

	if (err)
		return err;
	pack(counts, block->data, cluster % counts->per_block, count);
	block->changed = true;
	return 0;
}

/* Makes the block that counts @cluster, and puts it right there. */
static int add_block(struct refcounts *counts, uint64_t cluster)
{
	uint64_t i = cluster / counts->per_block;
	int err;

	if (i >= counts->nr) {
		err = resize(counts, i + 1);
		if (err)
			return err;
		counts->grown = true;
	}
	counts->blocks[i].data = calloc(1, counts->qcow2->cluster_size);
	if (!counts->blocks[i].data)
		return no_memory(counts);
	counts->blocks[i].added = true;
	counts->table[i] = cluster << counts->qcow2->cluster_bits;
	return set_count(counts, cluster, 1);
}

/* Finds neighbouring free clusters that have counts. */
static int find_free(struct refcounts *counts, uint64_t nr, uint64_t *first)
{
	const uint64_t end = MAX_OFFSET >> counts->qcow2->cluster_bits;
	struct refblock *block;
	uint64_t at, count;
	int err;

	*first = counts->next;
	for (at = *first; at - *first < nr; at++) {
		if (at >= end)
			return fault_set(counts->qcow2->fault, -EFBIG,
					 "it has no room for more clusters");
		err = find_block(counts, at, &block);
		if (!err && !block) {
			err = add_block(counts, at);
			*first = at + 1;
		}
		if (!err)
			err = refcounts_get(counts, at, &count);
		if (err)
			return err;
		if (count)
			*first = at + 1;
	}
	return 0;
}

/**
 * refcounts_take() - allocate neighbouring clusters
 * @counts: the reference counts
 * @nr: number of clusters, at least 1
 * @offset: filled in with where in the file they are
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_take(struct refcounts *counts, uint64_t nr, uint64_t *offset)
{
	uint64_t first, i;
	int err = find_free(counts, nr, &first);

	for (i = 0; i < nr && !err; i++)
		err = set_count(counts, first + i, 1);
	if (err)
		return err;
	if (nr == 1)
		counts->next = first + 1;
	*offset = first << counts->qcow2->cluster_bits;
	return 0;
}

/**
 * refcounts_drop() - clusters are no longer used
 * @counts: the reference counts
 * @offset: where in the file they are
 * @nr: number of clusters, whose count is 1
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_drop(struct refcounts *counts, uint64_t offset, uint64_t nr)
{
	uint64_t first = offset >> counts->qcow2->cluster_bits;
	uint64_t i;
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = set_count(counts, first + i, 0);
	return err;
}

/**
 * refcounts_place_table() - find a place for the table, if it has grown
 * @counts: the reference counts; nothing can be allocated after this
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_place_table(struct refcounts *counts)
{
	const struct qcow2 *qcow2 = counts->qcow2;
	uint64_t clusters;
	int err;

	while (counts->grown) {
		clusters = qcow2_clusters(qcow2, counts->nr * 8);
		err = refcounts_take(counts, clusters, &counts->at);
		if (err)
			return err;
		counts->clusters = clusters;
		if (qcow2_clusters(qcow2, counts->nr * 8) == clusters)
			break;
		/* To count these clusters it has grown again. */
		err = refcounts_drop(counts, counts->at, clusters);
		if (err)
			return err;
	}
	return 0;
}

/**
 * refcounts_write_blocks() - write the counts that have changed
 * @counts: the reference counts
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_write_blocks(struct refcounts *counts)
{
	uint64_t i;
	int err;

	for (i = 0; i < counts->nr; i++) {
		struct refblock *block = &counts->blocks[i];

		if (!block->changed)
			continue;
		err = qcow2_write(counts->qcow2, counts->table[i], block->data,
				  counts->qcow2->cluster_size);
		if (err)
			return err;
		block->changed = false;
	}
	return 0;
}

static int write_entries(struct refcounts *counts)
{
	uint8_t entry[8];
	uint64_t i;
	int err = 0;

	for (i = 0; i < counts->nr && !err; i++) {
		if (!counts->blocks[i].added)
			continue;
		put_be64(entry, counts->table[i]);
		err = qcow2_write(counts->qcow2, counts->at + i * 8, entry,
				  sizeof(entry));
	}
	return err;
}

/* The new table first, then the header that points to it. */
static int write_grown(struct refcounts *counts)
{
	const struct qcow2 *qcow2 = counts->qcow2;
	uint64_t *table = calloc(counts->nr, sizeof(*table));
	uint8_t place[12];
	uint64_t i;
	int err;

	if (!table)
		return no_memory(counts);
	for (i = 0; i < counts->nr; i++)
		table[i] = htobe64(counts->table[i]);
	err = qcow2_write(qcow2, counts->at, table, counts->nr * 8);
	free(table);
	if (!err)
		err = qcow2_flush(qcow2);
	put_be64(place, counts->at);
	put_be32(place + 8, counts->clusters);
	if (!err)
		err = qcow2_write(qcow2, HEADER_TABLE, place, sizeof(place));
	return err;
}

/**
 * refcounts_write_table() - make new blocks known
 * @counts: the reference counts, whose blocks are written and flushed
 *
 * Return: 0 or -errno, with a fault.
 */
int refcounts_write_table(struct refcounts *counts)
{
	return counts->grown ? write_grown(counts) : write_entries(counts);
}
