/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libqds - hash tables and dirty bitmaps of the qds module, from C and C++
 *
 * A thin layer over <linux/qds.h>, which documents what every command does and
 * which errors it has. Each function issues one of them, but the iterators and
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

/** qds_open() - open the device; a NULL path means QDS_DEVICE */
int qds_open(const char *path);

/** qds_get_caps() - what the module has and its limits */
int qds_get_caps(int dev, struct qds_caps *caps);

/** qds_object_get_info() - kind and access of an object; -ENOTTY if it is none */
int qds_object_get_info(int fd, struct qds_object_info *info);

/** qds_reopen() - a further descriptor of an object; access is QDS_ACCESS_* */
int qds_reopen(int fd, uint32_t access);
/** qds_watch() - tell an eventfd when there is as much as amount; flags: 0, QDS_WATCH_ONCE */
int qds_watch(int fd, int eventfd, uint64_t amount, uint32_t flags);
/** qds_unwatch() - tell an eventfd no longer */
int qds_unwatch(int fd, int eventfd);
/** qds_watch_poll() - how much there must be for poll(2) of this descriptor to say POLLIN */
int qds_watch_poll(int fd, uint64_t amount);

/** qds_link() - give an object a name, of mode 0666 at most; flags may be QDS_LINK_RESERVE */
int qds_link(int fd, const char *name, uint32_t mode, uint32_t flags);

/** qds_publish_name() - let a name be opened that is reserved for this object */
int qds_publish_name(int fd, const char *name);

/** qds_open_name() - the object of a name; access is QDS_ACCESS_* */
int qds_open_name(int dev, const char *name, uint32_t access);

/** qds_unlink() - take a name away; an object without one goes with its last descriptor */
int qds_unlink(int dev, const char *name);

/**
 * qds_watch_name() - tell an eventfd each time that a name, or with NULL any, appears or
 * goes: events is QDS_NAME_*
 */
int qds_watch_name(int dev, const char *name, int eventfd, uint32_t events);

/** qds_unwatch_name() - tell an eventfd of that name no longer */
int qds_unwatch_name(int dev, const char *name, int eventfd);

/**
 * qds_get_names() - the next names, in the order in which they were linked; nr is the
 * room and then the number of them, 0 at the end; cursor is 0 to begin
 */
int qds_get_names(int dev, uint64_t *cursor, struct qds_name_entry *entries,
		  uint32_t *nr);

#define QDS_NAME_BATCH 32

/**
 * struct qds_name_iter - a walk over all names
 *
 * To be filled by qds_name_iter_init() and not touched. It holds nothing that needs to
 * be released.
 */
struct qds_name_iter {
	/* private: */
	int dev;
	uint64_t cursor;
	uint32_t nr;
	uint32_t at;
	struct qds_name_entry batch[QDS_NAME_BATCH];
};

/** qds_name_iter_init() - begin a walk; a wrong device is told by the first next */
void qds_name_iter_init(struct qds_name_iter *iter, int dev);

/** qds_name_iter_next() - Return: 1 and the name, 0 at the end, or -errno */
int qds_name_iter_next(struct qds_name_iter *iter, struct qds_name_entry *entry);

/**
 * qds_create_table() - make an empty table; a max_entries of 0 is no bound but
 * memory, a size_hint of 0 is unknown
 */
int qds_create_table(int dev, uint32_t key_size, uint32_t value_size,
		     uint64_t max_entries, uint64_t size_hint);

/**
 * qds_create_varlen_table() - make an empty table whose keys and values have lengths of
 * their own, up to these
 */
int qds_create_varlen_table(int dev, uint32_t max_key_size,
			    uint32_t max_value_size, uint64_t max_entries,
			    uint64_t size_hint);

/** qds_table_get_info() - a table's sizes and fill */
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
 * @key_lens: QDS_TABLE_VARLEN: lengths of the keys, which are @key_size bytes apart;
 *	else NULL
 * @value_lens: QDS_TABLE_VARLEN: lengths of the values, likewise; filled in by lookup;
 *	else NULL
 *
 * With @results a call that has been through all entries returns 0 even where
 * some of them failed.
 */
struct qds_entries {
	const void *keys;
	void *values;
	int32_t *results;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t nr;
	uint32_t done;
	const uint32_t *key_lens;
	uint32_t *value_lens;
};

/** qds_table_insert() - add entries; a key that is there is -EEXIST, and stays */
int qds_table_insert(int fd, struct qds_entries *entries);

/** qds_table_lookup() - find entries, fill in values; a missing key is -ENOENT */
int qds_table_lookup(int fd, struct qds_entries *entries);

/** qds_table_remove() - take entries out; a missing key is -ENOENT; no values */
int qds_table_remove(int fd, struct qds_entries *entries);

/**
 * struct qds_walk - a walk over the entries of a table
 * @cursor: 0 to begin; afterwards not to be touched; 0 when all have been told
 * @keys: room for keys, which come one right behind the other
 * @values: room for values, likewise; NULL if only keys are wanted
 * @key_lens: QDS_TABLE_VARLEN: room for their lengths; else NULL
 * @value_lens: QDS_TABLE_VARLEN: room for their lengths; else NULL
 * @key_room: bytes at @keys
 * @value_room: bytes at @values; 0 if that is NULL
 * @room: entries that the lengths have room for, at least 1
 * @nr: out: entries told, which may be 0 before the end
 * @key_bytes: out: bytes of their keys
 * @value_bytes: out: bytes of their values
 */
struct qds_walk {
	uint64_t cursor;
	void *keys;
	void *values;
	uint32_t *key_lens;
	uint32_t *value_lens;
	size_t key_room;
	size_t value_room;
	uint32_t room;
	uint32_t nr;
	size_t key_bytes;
	size_t value_bytes;
};

/**
 * qds_walk_table() - the next entries of a table; -ENOSPC where there is no room for
 * them: nr, key_bytes and value_bytes then say how much is enough
 */
int qds_walk_table(int fd, struct qds_walk *walk);

/** qds_table_set_sealed() - no entry comes or goes any more */
int qds_table_set_sealed(int fd);

/**
 * qds_table_get_stats() - how a table is filled, with as much of the distributions
 * as there is room for, in entries; stats says how many there are
 */
int qds_table_get_stats(int fd, struct qds_table_stats *stats,
			struct qds_dist_entry *chain, uint32_t chain_room,
			struct qds_dist_entry *occupancy,
			uint32_t occupancy_room);

/** qds_create_bitmap() - make a clean bitmap, a bit for 1 << granularity items */
int qds_create_bitmap(int dev, uint64_t items, uint32_t granularity);

/** qds_bitmap_get_info() - a bitmap's size, state, dirty items and memory */
int qds_bitmap_get_info(int fd, struct qds_bitmap_info *info);

/**
 * qds_bitmap_set() - make ranges dirty, rounded outward to whole bits; results
 * may be NULL, to stop at the first failure, and so may done
 */
int qds_bitmap_set(int fd, const struct qds_range *ranges, uint32_t nr,
		   int32_t *results, uint32_t *done);

/** qds_bitmap_reset() - make ranges of whole bits clean; NULLs as for set */
int qds_bitmap_reset(int fd, const struct qds_range *ranges, uint32_t nr,
		     int32_t *results, uint32_t *done);

/**
 * qds_bitmap_test() - are ranges dirty? results, QDS_TEST_* or -errno for each,
 * must be given; done may be NULL
 */
int qds_bitmap_test(int fd, const struct qds_range *ranges, uint32_t nr,
		    int32_t *results, uint32_t *done);

/** qds_bitmap_count_dirty() - how many items of a range are dirty */
int qds_bitmap_count_dirty(int fd, uint64_t start, uint64_t count,
			   uint64_t *dirty);

/**
 * qds_bitmap_get_extents() - the extents of a range, of kinds QDS_EXTENT_*; nr is
 * the room and then the number of them, next is where to go on
 */
int qds_bitmap_get_extents(int fd, uint32_t kinds, uint64_t start,
			   uint64_t count, struct qds_extent *extents,
			   uint32_t *nr, uint64_t *next);

/**
 * qds_bitmap_get_status() - Return: 1 if an item is dirty, 0 if it is clean, or
 * -errno; same is how many from it on, at most count, are like it
 */
int qds_bitmap_get_status(int fd, uint64_t start, uint64_t count,
			  uint64_t *same);

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

/** qds_extent_iter_init() - begin a walk; a wrong range is told by the first next */
void qds_extent_iter_init(struct qds_extent_iter *iter, int fd, uint32_t kinds,
			  uint64_t start, uint64_t count);

/** qds_extent_iter_next() - Return: 1 and the extent, 0 at the end, or -errno */
int qds_extent_iter_next(struct qds_extent_iter *iter,
			 struct qds_extent *extent);

/*
 * A chunk is a range that begins at a multiple of align items, 64 << granularity,
 * and ends at one or at the bitmap's end.
 */

/** qds_bitmap_get_serialize_size() - bytes of a chunk, and align; both may be NULL */
int qds_bitmap_get_serialize_size(int fd, uint64_t start, uint64_t count,
				  uint64_t *bytes, uint64_t *align);

/** qds_bitmap_serialize() - write a chunk to data; done, in items, may be NULL */
int qds_bitmap_serialize(int fd, uint64_t start, uint64_t count, void *data,
			 size_t size, uint64_t *done);

/**
 * qds_bitmap_deserialize() - restore a chunk from data; until the restore is
 * finished the bitmap answers no queries; done may be NULL
 */
int qds_bitmap_deserialize(int fd, uint64_t start, uint64_t count,
			   const void *data, size_t size, uint64_t *done);

/**
 * qds_bitmap_deserialize_fill() - restore a chunk that is all clean, where fill
 * is QDS_CHUNK_ZEROES, or all dirty, QDS_CHUNK_ONES; done may be NULL
 */
int qds_bitmap_deserialize_fill(int fd, uint64_t start, uint64_t count,
				uint32_t fill, uint64_t *done);

/**
 * qds_bitmap_begin_restore() - begin a restore without restoring anything, or take
 * over one that is abandoned; the bitmap's descriptor can then be written
 */
int qds_bitmap_begin_restore(int fd);

/** qds_bitmap_finish_restore() - end a restore */
int qds_bitmap_finish_restore(int fd);

/**
 * struct qds_chunk_list - chunks, of which those that are all clean or all dirty
 * have no data
 * @chunks: @nr of them, or room for so many
 * @data: the serialized forms of the others, one right behind the other
 * @data_size: their length, or room for so much
 * @nr: number of chunks, at least 1
 * @done: out: chunks written or restored
 * @bytes: out: data written or read
 */
struct qds_chunk_list {
	struct qds_chunk *chunks;
	void *data;
	size_t data_size;
	uint32_t nr;
	uint32_t done;
	uint64_t bytes;
};

/**
 * qds_bitmap_serialize_chunks() - write a range as chunks, as many as there is room
 * for; next is where to go on
 */
int qds_bitmap_serialize_chunks(int fd, uint64_t start, uint64_t count,
				struct qds_chunk_list *list, uint64_t *next);

/** qds_bitmap_deserialize_chunks() - restore chunks, in order, up to a failure */
int qds_bitmap_deserialize_chunks(int fd, struct qds_chunk_list *list);

/** qds_bitmap_set_sealed() - nothing can change the bitmap any more */
int qds_bitmap_set_sealed(int fd);

/** qds_bitmap_set_watch() - how much must be dirty for poll(2) to say POLLIN */
int qds_bitmap_set_watch(int fd, uint64_t dirty);

/** qds_bitmap_take() - move what is dirty into a new bitmap, at one moment */
int qds_bitmap_take(int fd);

/**
 * struct qds_bitmap_point - what a reader remembers of a bitmap
 * @instance: which bitmap it was
 * @generation: that it had; 0 in no bitmap
 */
struct qds_bitmap_point {
	uint64_t instance[2];
	uint64_t generation;
};

/**
 * qds_bitmap_take_since() - as qds_bitmap_take(), only if nothing was lost since a
 * point, else -ESTALE; since may be NULL for any; point, the next one, may be since
 */
int qds_bitmap_take_since(int fd, const struct qds_bitmap_point *since,
			  struct qds_bitmap_point *point);

/** qds_bitmap_attach_writer() - be a writer, flags QDS_ATTACH_*; point may be NULL */
int qds_bitmap_attach_writer(int fd, uint32_t flags, struct qds_bitmap_point *point);

/** qds_bitmap_detach_writer() - be none any more: all that was written is dirty */
int qds_bitmap_detach_writer(int fd);

/** qds_bitmap_get_history() - where a bitmap is, and who writes; since may be NULL */
int qds_bitmap_get_history(int fd, const struct qds_bitmap_point *since,
			   struct qds_bitmap_point *point,
			   struct qds_bitmap_history *history);

/** qds_bitmap_clone() - a new bitmap that is a copy */
int qds_bitmap_clone(int fd);

/** qds_bitmap_merge_from() - merge another bitmap into one; how is QDS_MERGE_* */
int qds_bitmap_merge_from(int fd, int source, uint32_t how);

/** qds_bitmap_truncate_to() - change the number of items */
int qds_bitmap_truncate_to(int fd, uint64_t items);

/** qds_bitmap_get_digest() - QDS_DIGEST_SIZE bytes: equal if the bitmaps are */
int qds_bitmap_get_digest(int fd, void *digest);

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

/**
 * qds_bitmap_save() - serialize a range, calling fn with at most chunk bytes at
 * once, 0 for a default. Return: 0, -errno, or what fn returned other than 0
 */
int qds_bitmap_save(int fd, uint64_t start, uint64_t count, size_t chunk,
		    qds_chunk_fn fn, void *opaque);

/**
 * qds_bitmap_load() - restore a range from what fn fills in, likewise; it is not
 * finished by that
 */
int qds_bitmap_load(int fd, uint64_t start, uint64_t count, size_t chunk,
		    qds_chunk_fn fn, void *opaque);

/** qds_create_fdstore() - make an empty fd store; a max_entries of 0 is no bound */
int qds_create_fdstore(int dev, uint64_t max_entries);

/** qds_fdstore_get_info() - how many entries an fd store has */
int qds_fdstore_get_info(int fd, struct qds_fdstore_info *info);

/**
 * struct qds_fd_list - entries of an fd store to work on
 * @entries: @nr of them, for example by qds_fdstore_entry_init()
 * @results: room for a result each, or NULL to stop at the first failure
 * @nr: number of entries, at least 1
 * @done: out: entries that the call has been through
 */
struct qds_fd_list {
	struct qds_fdstore_entry *entries;
	int32_t *results;
	uint32_t nr;
	uint32_t done;
};

/** qds_fdstore_entry_init() - name, which must stay where it is, id and descriptor */
void qds_fdstore_entry_init(struct qds_fdstore_entry *entry, const char *name,
			    uint32_t id, int fd);

/** qds_fdstore_save() - save files; a key that is there is -EEXIST, and stays */
int qds_fdstore_save(int fd, struct qds_fd_list *list);

/** qds_fdstore_find() - a new descriptor of each file, or -ENOENT */
int qds_fdstore_find(int fd, struct qds_fd_list *list);

/** qds_fdstore_resave() - as save, but the same file may be there already */
int qds_fdstore_resave(int fd, struct qds_fd_list *list);

/** qds_fdstore_delete() - take entries out, or -ENOENT */
int qds_fdstore_delete(int fd, struct qds_fd_list *list);

/**
 * qds_fdstore_find_or_save() - find files, or save those given, each at one moment;
 * results say QDS_FDSTORE_FOUND or QDS_FDSTORE_SAVED
 */
int qds_fdstore_find_or_save(int fd, struct qds_fd_list *list);

/** qds_fdstore_save_one() - save one file */
int qds_fdstore_save_one(int fd, const char *name, uint32_t id, int file);

/** qds_fdstore_find_one() - Return: a new descriptor of one file, or -errno */
int qds_fdstore_find_one(int fd, const char *name, uint32_t id);

/**
 * qds_fdstore_get_records() - the next keys, in the order of saving; nr is the room and
 * then the number of them, cursor 0 to begin, and 0 again when all have been told
 */
int qds_fdstore_get_records(int fd, uint64_t *cursor,
			    struct qds_fdstore_record *records, uint32_t *nr);

#ifdef __cplusplus
}
#endif

#endif /* LIBQDS_H */
