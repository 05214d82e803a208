// SPDX-License-Identifier: GPL-2.0
/* The bits of a bitmap in a qcow2 image. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bytes.h"
#include "qcow2.h"

#define ENTRY_ONES (1ULL << 0)
#define ENTRY_OFFSET 0x00fffffffffffe00ULL

static int refuse(const struct qcow2 *qcow2, const struct qcow2_bitmap *bitmap,
		  uint32_t entry, const char *why)
{
	return fault_set(qcow2->fault, -EINVAL,
			 "it is damaged: bitmap '%.200s', cluster %u: %s",
			 bitmap->name, entry, why);
}

static int check_entry(const struct qcow2 *qcow2,
		       const struct qcow2_bitmap *bitmap, uint32_t i,
		       uint64_t entry)
{
	uint64_t offset = entry & ENTRY_OFFSET;

	if (entry & ~(ENTRY_OFFSET | ENTRY_ONES) || (offset && offset != entry))
		return refuse(qcow2, bitmap, i, "reserved bits are not zero");
	if (offset && !qcow2_within(qcow2, offset, qcow2->cluster_size))
		return refuse(qcow2, bitmap, i,
			      "it is not aligned, or behind the end of the file");
	return 0;
}

int qcow2_table_read(const struct qcow2 *qcow2,
		     const struct qcow2_bitmap *bitmap, uint64_t **table)
{
	size_t size = bitmap->table_size * sizeof(**table);
	uint64_t *entries = malloc(size);
	uint32_t i;
	int err;

	if (!entries)
		return fault_set(qcow2->fault, -ENOMEM, "no memory");
	err = qcow2_read(qcow2, bitmap->table, entries, size);
	for (i = 0; i < bitmap->table_size && !err; i++) {
		entries[i] = be64toh(entries[i]);
		err = check_entry(qcow2, bitmap, i, entries[i]);
	}
	if (err)
		free(entries);
	else
		*table = entries;
	return err;
}

/**
 * struct load - a bitmap that is being read
 * @qcow2: the image
 * @bitmap: the bitmap
 * @table: its table
 * @total: number of bits
 * @cluster: room for a cluster
 */
struct load {
	const struct qcow2 *qcow2;
	const struct qcow2_bitmap *bitmap;
	uint64_t *table;
	uint64_t total;
	uint8_t *cluster;
};

/* What cluster @i has of the bitmap, but the bytes. */
static struct bits part(const struct load *load, uint32_t i)
{
	const uint64_t room = load->qcow2->cluster_size * 8;
	struct bits bits = { .kind = BITS_DATA, .first = i * room };
	uint64_t left = load->total - bits.first;

	bits.nr = left < room ? left : room;
	if (!(load->table[i] & ENTRY_OFFSET))
		bits.kind = load->table[i] & ENTRY_ONES ? BITS_ONES : BITS_ZEROES;
	return bits;
}

static int read_part(const struct load *load, uint32_t i, struct bits *bits)
{
	bits->data = load->cluster;
	bits->size = qcow2_bits_bytes(bits->nr);
	return qcow2_read(load->qcow2, load->table[i] & ENTRY_OFFSET,
			  load->cluster, load->qcow2->cluster_size);
}

/* Behind the last bit, up to the cluster's end, there must be nothing. */
static bool is_clean_behind(const uint8_t *cluster, uint64_t nr, uint64_t size)
{
	uint64_t at = nr / 8;

	if (at == size)
		return true;
	if (cluster[at] >> (nr % 8))
		return false;
	while (++at < size)
		if (cluster[at])
			return false;
	return true;
}

static int check_tail(const struct load *load)
{
	uint32_t last = load->bitmap->table_size - 1;
	struct bits bits = part(load, last);
	int err;

	if (bits.kind != BITS_DATA)
		return 0;
	err = read_part(load, last, &bits);
	if (err)
		return err;
	if (is_clean_behind(load->cluster, bits.nr, load->qcow2->cluster_size))
		return 0;
	return refuse(load->qcow2, load->bitmap, last,
		      "bits are set behind the end of the disk");
}

static int load_parts(const struct load *load, bits_fn fn, void *opaque)
{
	uint32_t i, next;
	int err = 0;

	for (i = 0; i < load->bitmap->table_size && !err; i = next) {
		struct bits bits = part(load, i);

		next = i + 1;
		if (bits.kind == BITS_DATA) {
			err = read_part(load, i, &bits);
		} else {
			/* Neighbours of one kind are one part. */
			while (next < load->bitmap->table_size &&
			       load->table[next] == load->table[i])
				bits.nr += part(load, next++).nr;
		}
		if (!err)
			err = fn(opaque, &bits);
	}
	return err;
}

/**
 * qcow2_bitmap_load() - read a bitmap
 * @qcow2: the image
 * @bitmap: the bitmap, which qcow2_bitmap_find() has found
 * @fn: called for every part, in order, when all that can be wrong with the
 *	bitmap has been looked at, but that its bytes cannot be read
 * @opaque: for @fn
 *
 * Return: 0; -errno with a fault; or what @fn has returned, without one.
 */
int qcow2_bitmap_load(const struct qcow2 *qcow2,
		      const struct qcow2_bitmap *bitmap, bits_fn fn,
		      void *opaque)
{
	struct load load = {
		.qcow2 = qcow2,
		.bitmap = bitmap,
		.total = qcow2_bits(qcow2, bitmap->granularity),
		.cluster = malloc(qcow2->cluster_size),
	};
	int err;

	if (!load.cluster)
		return fault_set(qcow2->fault, -ENOMEM, "no memory");
	err = qcow2_table_read(qcow2, bitmap, &load.table);
	if (!err)
		err = check_tail(&load);
	if (!err)
		err = load_parts(&load, fn, opaque);
	free(load.table);
	free(load.cluster);
	return err;
}
