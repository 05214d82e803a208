/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Archives of tables, bitmaps and their names: Documentation/archive.rst has them byte
 * by byte. Nothing here knows of the kernel or of files.
 *
 * record: what an archive consists of; it is read and written as a whole
 * object: a table or a bitmap; its records follow each other
 */
#ifndef FORMATS_ARCHIVE_H
#define FORMATS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fault.h"

#define ARCHIVE_VERSION 1

/* Most bytes of a record's payload. */
#define ARCHIVE_MAX_PAYLOAD ((uint32_t)1 << 20)
/* Largest key or value, so that one of each fits in a record. */
#define ARCHIVE_MAX_SIZE ((uint32_t)1 << 16)
#define ARCHIVE_MAX_NAME 255

enum archive_type {
	ARCHIVE_TABLE = 1,
	ARCHIVE_BITMAP,
	ARCHIVE_NAME,
	ARCHIVE_ENTRIES,
	ARCHIVE_CHUNKS,
	ARCHIVE_OBJECT_END,
	ARCHIVE_END,
};

/* Bits of archive_table.flags. */
#define ARCHIVE_VARLEN 1U
/* Bits of archive_name.flags. */
#define ARCHIVE_PUBLISHED 1U

enum archive_chunk_kind {
	ARCHIVE_CHUNK_DATA,
	ARCHIVE_CHUNK_ZEROES,
	ARCHIVE_CHUNK_ONES,
};

/**
 * struct archive_table - begins a table
 * @flags: ARCHIVE_VARLEN
 * @key_size: bytes of a key, or of the longest
 * @value_size: bytes of a value, or of the longest
 * @state: QDS_TABLE_*
 * @max_entries: bound of entries, 0 for none
 * @entries: how many there were when it was begun to be saved
 */
struct archive_table {
	uint32_t flags;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t state;
	uint64_t max_entries;
	uint64_t entries;
};

/**
 * struct archive_bitmap - begins a bitmap
 * @items: number of items
 * @dirty: how many were dirty when it was begun to be saved
 * @granularity: a bit stands for 1 << granularity items
 * @state: QDS_BITMAP_ACTIVE, _TAKEN or _SEALED
 */
struct archive_bitmap {
	uint64_t items;
	uint64_t dirty;
	uint32_t granularity;
	uint32_t state;
};

/**
 * struct archive_name - a name of the object
 * @flags: ARCHIVE_PUBLISHED; else it is what the tool called it
 * @mode: who may open it; 0 if not published
 * @uid: its owner; likewise
 * @gid: its group; likewise
 * @length: of @text
 * @text: the name, and a zero byte
 */
struct archive_name {
	uint32_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t length;
	char text[ARCHIVE_MAX_NAME + 1];
};

/**
 * struct archive_entries - entries of a table
 * @nr: how many, at least 1
 * @key_bytes: bytes of all keys
 * @value_bytes: bytes of all values
 * @key_lens: length of each key, little-endian; NULL if lengths are fixed
 * @value_lens: length of each value, likewise
 * @keys: one right behind the other
 * @values: likewise
 */
struct archive_entries {
	uint32_t nr;
	uint32_t key_bytes;
	uint32_t value_bytes;
	const uint8_t *key_lens;
	const uint8_t *value_lens;
	const uint8_t *keys;
	const uint8_t *values;
};

/**
 * struct archive_chunk - of the serialized form of a bitmap
 * @start: first item
 * @count: number of items
 * @bytes: of its data, 0 if it has none
 * @kind: ARCHIVE_CHUNK_*
 */
struct archive_chunk {
	uint64_t start;
	uint64_t count;
	uint32_t bytes;
	uint32_t kind;
};

/* Bytes of one in a record. */
#define ARCHIVE_CHUNK_SIZE 24
/* Of the heads of records of entries and of chunks. */
#define ARCHIVE_ENTRIES_SIZE 16
#define ARCHIVE_CHUNKS_SIZE 8

/**
 * struct archive_chunks - chunks that follow each other
 * @nr: how many, at least 1
 * @data_bytes: bytes of all data
 * @head: they, see archive_chunk_at()
 * @data: of those that have some, one right behind the other
 */
struct archive_chunks {
	uint32_t nr;
	uint32_t data_bytes;
	const uint8_t *head;
	const uint8_t *data;
};

/**
 * struct archive_counts - what came so far
 * @objects: in the archive
 * @names: published ones
 * @entries: of the table that came last
 * @items: of the bitmap that came last
 * @records: in the archive
 * @bytes: of the archive
 */
struct archive_counts {
	uint32_t objects;
	uint32_t names;
	uint64_t entries;
	uint64_t items;
	uint32_t records;
	uint64_t bytes;
};

/**
 * struct archive_record - a record
 * @type: of which kind
 */
struct archive_record {
	enum archive_type type;
	union {
		struct archive_table table;
		struct archive_bitmap bitmap;
		struct archive_name name;
		struct archive_entries entries;
		struct archive_chunks chunks;
	};
};

/**
 * struct archive_reader - an archive that is read
 * @read: fill @data with @size bytes. Return: how many, less only at the end, or -errno
 * @opaque: for @read
 * @counts: what was read
 * @in_object: is an object begun, and which?
 * @filled: has it entries or chunks?
 * @ended: has the end come?
 * @table: the table that came last
 * @bitmap: the bitmap that came last
 * @payload: of the record
 */
struct archive_reader {
	int64_t (*read)(void *opaque, void *data, size_t size);
	void *opaque;
	struct archive_counts counts;
	enum archive_type in_object;
	bool filled;
	bool ended;
	struct archive_table table;
	struct archive_bitmap bitmap;
	uint8_t *payload;
};

int archive_reader_init(struct archive_reader *reader, struct fault *fault);
void archive_reader_free(struct archive_reader *reader);
int archive_read(struct archive_reader *reader, struct archive_record *record,
		 struct fault *fault);
struct archive_chunk archive_chunk_at(const struct archive_chunks *chunks,
				      uint32_t i);

/**
 * struct archive_writer - an archive that is written
 * @write: write all these bytes. Return: 0 or -errno
 * @opaque: for @write
 * @counts: what was written
 * @in_object: is an object begun, and which?
 */
struct archive_writer {
	int (*write)(void *opaque, const struct iovec *parts, int nr);
	void *opaque;
	struct archive_counts counts;
	enum archive_type in_object;
};

int archive_write_begin(struct archive_writer *writer);
int archive_write_table(struct archive_writer *writer,
			const struct archive_table *table);
int archive_write_bitmap(struct archive_writer *writer,
			 const struct archive_bitmap *bitmap);
int archive_write_name(struct archive_writer *writer,
		       const struct archive_name *name);
int archive_write_entries(struct archive_writer *writer,
			  const struct archive_entries *entries);
int archive_write_chunks(struct archive_writer *writer,
			 const struct archive_chunks *chunks);
int archive_write_object_end(struct archive_writer *writer);
int archive_write_end(struct archive_writer *writer);
void archive_put_chunk(uint8_t *to, const struct archive_chunk *chunk);

#endif /* FORMATS_ARCHIVE_H */
