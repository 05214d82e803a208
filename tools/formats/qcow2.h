/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Persistent dirty bitmaps in qcow2 images, as QEMU has them
 *
 * Everything is read strictly: what the format does not allow, and what cannot
 * be known to be right, is refused before anything is written anywhere.
 */
#ifndef FORMATS_QCOW2_H
#define FORMATS_QCOW2_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"

/* What QEMU reads and writes; the format itself knows no such bounds. */
#define QCOW2_MIN_GRANULARITY 9
#define QCOW2_MAX_GRANULARITY 31
#define QCOW2_MAX_NAME 1023
#define QCOW2_MAX_BITMAPS 65535

/* Of a bitmap in the directory. */
#define QCOW2_BITMAP_IN_USE (1U << 0)	/* not saved: what it says is not true */
#define QCOW2_BITMAP_AUTO (1U << 1)	/* QEMU records writes into it */
#define QCOW2_BITMAP_EXTRA (1U << 2)	/* what is unknown may be ignored */

/**
 * struct qcow2_bitmap - a bitmap of an image
 * @name: its name
 * @granularity: a bit stands for 1 << granularity bytes of the disk
 * @flags: bits QCOW2_BITMAP_*
 * @table: where its table is
 * @table_size: number of entries
 * @extra_size: bytes that we do not know the meaning of
 * @entry: where in the directory it stands
 * @entry_size: its bytes there
 */
struct qcow2_bitmap {
	char *name;
	unsigned int granularity;
	uint32_t flags;
	uint64_t table;
	uint32_t table_size;
	uint32_t extra_size;
	uint64_t entry;
	uint64_t entry_size;
};

/**
 * struct qcow2 - an image
 * @image: its bytes
 * @fault: to be filled in when something is wrong
 * @disk_size: bytes of the virtual disk
 * @cluster_bits: a cluster has 1 << cluster_bits bytes
 * @cluster_size: that
 * @header_size: bytes of the header
 * @autoclear: its autoclear features
 * @backing: where the name of the backing file is; 0 if there is none
 * @backing_size: its length
 * @refcount_bits: width of a reference count
 * @refcounts: where the table of reference counts is
 * @refcounts_clusters: its length
 * @l1: where the active L1 table is
 * @l1_size: number of its entries
 * @snapshots: where the snapshots are described
 * @nr_snapshots: their number
 * @extension: where the bitmaps extension's data is; 0 if there is none
 * @extensions_end: where a further extension goes
 * @directory_at: where the directory of bitmaps is
 * @directory_size: its length
 * @directory: it
 * @nr: number of bitmaps
 * @bitmaps: they
 */
struct qcow2 {
	struct image *image;
	struct fault *fault;
	uint64_t disk_size;
	unsigned int cluster_bits;
	uint64_t cluster_size;
	uint32_t header_size;
	uint64_t autoclear;
	uint64_t backing;
	uint32_t backing_size;
	unsigned int refcount_bits;
	uint64_t refcounts;
	uint32_t refcounts_clusters;
	uint64_t l1;
	uint32_t l1_size;
	uint64_t snapshots;
	uint32_t nr_snapshots;
	uint64_t extension;
	uint64_t extensions_end;
	uint64_t directory_at;
	uint64_t directory_size;
	uint8_t *directory;
	unsigned int nr;
	struct qcow2_bitmap *bitmaps;
};

int qcow2_open(struct qcow2 *qcow2, struct image *image, struct fault *fault);
void qcow2_close(struct qcow2 *qcow2);
const struct qcow2_bitmap *qcow2_bitmap_named(const struct qcow2 *qcow2,
					      const char *name);
int qcow2_bitmap_find(const struct qcow2 *qcow2, const char *name,
		      const struct qcow2_bitmap **bitmap);

/**
 * enum bits_kind - what a part of a bitmap is
 * @BITS_DATA: as its bytes say
 * @BITS_ZEROES: all clean
 * @BITS_ONES: all dirty
 */
enum bits_kind { BITS_DATA, BITS_ZEROES, BITS_ONES };

/**
 * struct bits - a part of a bitmap
 * @kind: what it is
 * @first: its first bit, a multiple of 64
 * @nr: number of bits, a multiple of 64 but for the bitmap's end
 * @data: bits as hbitmap serializes them, for BITS_DATA
 * @size: their length in bytes, a multiple of 8
 */
struct bits {
	enum bits_kind kind;
	uint64_t first;
	uint64_t nr;
	void *data;
	size_t size;
};

/* Takes a part. Return: 0 or -errno, which ends it; it sets no fault. */
typedef int (*bits_fn)(void *opaque, const struct bits *bits);

int qcow2_bitmap_load(const struct qcow2 *qcow2,
		      const struct qcow2_bitmap *bitmap, bits_fn fn,
		      void *opaque);

/**
 * struct qcow2_new - a bitmap to be stored
 * @name: its name
 * @granularity: a bit stands for 1 << granularity bytes of the disk
 * @disabled: is QEMU not to record writes into it?
 * @fn: fills in the data of a part of it
 * @opaque: for @fn
 */
struct qcow2_new {
	const char *name;
	unsigned int granularity;
	bool disabled;
	bits_fn fn;
	void *opaque;
};

int qcow2_bitmap_store(struct qcow2 *qcow2, const struct qcow2_new *new);

/* --- shared by the files of this folder --- */

/* Number of bits of the disk at a granularity, and bytes of those. */
uint64_t qcow2_bits(const struct qcow2 *qcow2, unsigned int granularity);
uint64_t qcow2_bits_bytes(uint64_t bits);

/* Clusters that @bytes take. */
uint64_t qcow2_clusters(const struct qcow2 *qcow2, uint64_t bytes);

/* Is [at, at + size) within the file, and @at where a cluster begins? */
bool qcow2_within(const struct qcow2 *qcow2, uint64_t at, uint64_t size);

/* Reads bytes. Return: 0 or -errno, with a fault. */
int qcow2_read(const struct qcow2 *qcow2, uint64_t at, void *data, size_t size);

/* A checked table, for the caller to free. Return: 0 or -errno, with a fault. */
int qcow2_table_read(const struct qcow2 *qcow2,
		     const struct qcow2_bitmap *bitmap, uint64_t **table);

#endif /* FORMATS_QCOW2_H */
