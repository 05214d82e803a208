/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libqds - hash tables and dirty bitmaps of the qds module, from C and C++
 *
 * A thin layer over <linux/qds.h>, which documents what every command does and
 * which errors it has. Each function issues one of them, but the iterator and
 * save and load, which are the loops that every caller would write. There is no
 * state but the descriptors: functions may be called from any thread, and an
 * object is closed with close(2).
 *
 * Functions that make a descriptor return it, close-on-exec; the others return
 * 0, or more where they say so. All return -errno on failure; errno itself is
 * not part of the interface.
 */
#ifndef LIBQDS_H
#define LIBQDS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/qds.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QDS_DEVICE "/dev/qds"

int qds_open(const char *path);
int qds_get_caps(int dev, struct qds_caps *caps);

int qds_object_get_info(int fd, struct qds_object_info *info);
int qds_reopen(int fd, uint32_t access);

int qds_create_table(int dev, uint32_t key_size, uint32_t value_size,
		     uint64_t max_entries, uint64_t size_hint);
int qds_table_get_info(int fd, struct qds_table_info *info);

/**
 * struct qds_entries - entries of a table to work on
 * @keys: @nr keys of @key_size bytes, one right behind the other
 * @values: @nr values of @value_size bytes, or NULL
 * @results: room for a result per entry, or NULL to stop at the first failure
 * @key_size: the table's key size
 * @value_size: the table's value size if @values is given, else 0
 * @nr: number of entries, at least 1
 * @done: out: entries that the call has been through
 */
struct qds_entries {
	const void *keys;
	void *values;
	int32_t *results;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t nr;
	uint32_t done;
};

int qds_table_insert(int fd, struct qds_entries *entries);
int qds_table_lookup(int fd, struct qds_entries *entries);
int qds_table_remove(int fd, struct qds_entries *entries);

int qds_create_bitmap(int dev, uint64_t items, uint32_t granularity);
int qds_bitmap_get_info(int fd, struct qds_bitmap_info *info);
int qds_bitmap_set(int fd, const struct qds_range *ranges, uint32_t nr,
		   int32_t *results, uint32_t *done);
int qds_bitmap_reset(int fd, const struct qds_range *ranges, uint32_t nr,
		     int32_t *results, uint32_t *done);
int qds_bitmap_test(int fd, const struct qds_range *ranges, uint32_t nr,
		    int32_t *results, uint32_t *done);
int qds_bitmap_count_dirty(int fd, uint64_t start, uint64_t count,
			   uint64_t *dirty);
int qds_bitmap_get_extents(int fd, uint32_t kinds, uint64_t start,
			   uint64_t count, struct qds_extent *extents,
			   uint32_t *nr, uint64_t *next);

#define QDS_EXTENT_BATCH 128

/**
 * struct qds_extent_iter - a walk over the extents of a bitmap
 *
 * To be filled by qds_extent_iter_init() and not touched. It holds nothing that
 * needs to be released.
 */
struct qds_extent_iter {
	/* private: */
	int fd;
	uint32_t kinds;
	uint64_t next;
	uint64_t left;
	uint32_t nr;
	uint32_t at;
	struct qds_extent batch[QDS_EXTENT_BATCH];
};

void qds_extent_iter_init(struct qds_extent_iter *iter, int fd, uint32_t kinds,
			  uint64_t start, uint64_t count);
int qds_extent_iter_next(struct qds_extent_iter *iter,
			 struct qds_extent *extent);

int qds_bitmap_get_serialize_size(int fd, uint64_t start, uint64_t count,
				  uint64_t *bytes, uint64_t *align);
int qds_bitmap_serialize(int fd, uint64_t start, uint64_t count, void *data,
			 size_t size, uint64_t *done);
int qds_bitmap_deserialize(int fd, uint64_t start, uint64_t count,
			   const void *data, size_t size, uint64_t *done);
int qds_bitmap_deserialize_fill(int fd, uint64_t start, uint64_t count,
				uint32_t fill, uint64_t *done);
int qds_bitmap_finish_restore(int fd);

/**
 * typedef qds_chunk_fn - what qds_bitmap_save() and qds_bitmap_load() call
 * @opaque: as given to them
 * @start: first item of the chunk
 * @count: number of items
 * @data: its serialized form: to be consumed by the function on a save, to be
 *	filled on a load
 * @size: length of that, in bytes
 *
 * Return: 0, or -errno to stop.
 */
typedef int (*qds_chunk_fn)(void *opaque, uint64_t start, uint64_t count,
			    void *data, size_t size);

int qds_bitmap_save(int fd, uint64_t start, uint64_t count, size_t chunk,
		    qds_chunk_fn fn, void *opaque);
int qds_bitmap_load(int fd, uint64_t start, uint64_t count, size_t chunk,
		    qds_chunk_fn fn, void *opaque);

#ifdef __cplusplus
}
#endif

#endif /* LIBQDS_H */
