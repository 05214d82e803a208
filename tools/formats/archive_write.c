// SPDX-License-Identifier: GPL-2.0
/* Archives, written: who calls has made sure that what is written is right. */
#include <string.h>
/* It is linked statically, so that its state may be on the stack. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "archive.h"
#include "archive_format.h"
#include "bytes.h"

/* Most parts of a record's payload. */
#define MAX_PARTS 6

/**
 * archive_checksum() - what a head says of itself and of what follows
 * @parts: the bytes
 * @nr: number of parts
 *
 * Return: the low half of their XXH64.
 */
uint32_t archive_checksum(const struct iovec *parts, int nr)
{
	XXH64_state_t state;
	int i;

	XXH64_reset(&state, 0);
	for (i = 0; i < nr; i++)
		if (parts[i].iov_len)
			XXH64_update(&state, parts[i].iov_base,
				     parts[i].iov_len);
	return XXH64_digest(&state);
}

static int write_parts(struct archive_writer *writer, const struct iovec *parts,
		       int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		writer->counts.bytes += parts[i].iov_len;
	return writer->write(writer->opaque, parts, nr);
}

/* A record, whose payload is in parts. */
static int write_record(struct archive_writer *writer, enum archive_type type,
			const struct iovec *payload, int nr)
{
	struct iovec parts[MAX_PARTS + 1];
	uint8_t head[ARCHIVE_RECORD_SIZE];
	uint32_t size = 0;
	int i;

	for (i = 0; i < nr; i++)
		size += payload[i].iov_len;
	put_le32(head, type);
	put_le32(head + 4, size);
	put_le32(head + 8, writer->counts.records++);
	parts[0] = (struct iovec){ head, ARCHIVE_SUMMED };
	memcpy(parts + 1, payload, nr * sizeof(*payload));
	put_le32(head + 12, archive_checksum(parts, nr + 1));
	parts[0].iov_len = sizeof(head);
	return write_parts(writer, parts, nr + 1);
}

static int write_one(struct archive_writer *writer, enum archive_type type,
		     void *payload, size_t size)
{
	const struct iovec part = { payload, size };

	return write_record(writer, type, &part, 1);
}

/**
 * archive_write_begin() - write what an archive begins with
 * @writer: with its function, and zeroes
 *
 * Return: 0 or -errno, as for all that write.
 */
int archive_write_begin(struct archive_writer *writer)
{
	uint8_t head[ARCHIVE_HEAD_SIZE];
	const struct iovec part = { head, sizeof(head) };

	memcpy(head, ARCHIVE_MAGIC, ARCHIVE_MAGIC_SIZE);
	put_le32(head + 8, ARCHIVE_VERSION);
	put_le32(head + 12,
		 archive_checksum(&(struct iovec){ head, ARCHIVE_SUMMED }, 1));
	return write_parts(writer, &part, 1);
}

/**
 * archive_write_table() - begin a table
 * @writer: the archive
 * @table: the table
 */
int archive_write_table(struct archive_writer *writer,
			const struct archive_table *table)
{
	uint8_t payload[ARCHIVE_TABLE_SIZE];

	put_le32(payload, writer->counts.objects++);
	put_le32(payload + 4, table->flags);
	put_le32(payload + 8, table->key_size);
	put_le32(payload + 12, table->value_size);
	put_le64(payload + 16, table->max_entries);
	put_le64(payload + 24, table->entries);
	put_le32(payload + 32, table->state);
	put_le32(payload + 36, 0);
	writer->in_object = ARCHIVE_TABLE;
	writer->counts.entries = 0;
	return write_one(writer, ARCHIVE_TABLE, payload, sizeof(payload));
}

/**
 * archive_write_bitmap() - begin a bitmap
 * @writer: the archive
 * @bitmap: the bitmap
 */
int archive_write_bitmap(struct archive_writer *writer,
			 const struct archive_bitmap *bitmap)
{
	uint8_t payload[ARCHIVE_BITMAP_SIZE];

	put_le32(payload, writer->counts.objects++);
	put_le32(payload + 4, 0);
	put_le64(payload + 8, bitmap->items);
	put_le32(payload + 16, bitmap->granularity);
	put_le32(payload + 20, bitmap->state);
	put_le64(payload + 24, bitmap->dirty);
	writer->in_object = ARCHIVE_BITMAP;
	writer->counts.items = 0;
	return write_one(writer, ARCHIVE_BITMAP, payload, sizeof(payload));
}

/**
 * archive_write_name() - a name of the object that was begun
 * @writer: the archive
 * @name: the name
 */
int archive_write_name(struct archive_writer *writer,
		       const struct archive_name *name)
{
	uint8_t head[ARCHIVE_NAME_SIZE];
	const struct iovec parts[] = {
		{ head, sizeof(head) }, { (void *)name->text, name->length },
	};

	put_le32(head, name->flags);
	put_le32(head + 4, name->mode);
	put_le32(head + 8, name->uid);
	put_le32(head + 12, name->gid);
	writer->counts.names += !!(name->flags & ARCHIVE_PUBLISHED);
	return write_record(writer, ARCHIVE_NAME, parts, 2);
}

/**
 * archive_write_entries() - entries of the table that was begun
 * @writer: the archive
 * @entries: they, at most ARCHIVE_MAX_PAYLOAD bytes in all
 */
int archive_write_entries(struct archive_writer *writer,
			  const struct archive_entries *entries)
{
	size_t lens = entries->key_lens ? entries->nr * sizeof(uint32_t) : 0;
	uint8_t head[ARCHIVE_ENTRIES_SIZE];
	const struct iovec parts[] = {
		{ head, sizeof(head) },
		{ (void *)entries->key_lens, lens },
		{ (void *)entries->value_lens, lens },
		{ (void *)entries->keys, entries->key_bytes },
		{ (void *)entries->values, entries->value_bytes },
	};

	put_le32(head, entries->nr);
	put_le32(head + 4, entries->key_bytes);
	put_le32(head + 8, entries->value_bytes);
	put_le32(head + 12, 0);
	writer->counts.entries += entries->nr;
	return write_record(writer, ARCHIVE_ENTRIES, parts, 5);
}

/**
 * archive_put_chunk() - a chunk as it is in a record
 * @to: ARCHIVE_CHUNK_SIZE bytes
 * @chunk: the chunk
 */
void archive_put_chunk(uint8_t *to, const struct archive_chunk *chunk)
{
	put_le64(to, chunk->start);
	put_le64(to + 8, chunk->count);
	put_le32(to + 16, chunk->bytes);
	put_le32(to + 20, chunk->kind);
}

/**
 * archive_write_chunks() - chunks of the bitmap that was begun
 * @writer: the archive
 * @chunks: they, behind those before, at most ARCHIVE_MAX_PAYLOAD bytes in all
 */
int archive_write_chunks(struct archive_writer *writer,
			 const struct archive_chunks *chunks)
{
	uint8_t head[ARCHIVE_CHUNKS_SIZE];
	const struct iovec parts[] = {
		{ head, sizeof(head) },
		{ (void *)chunks->head, (size_t)chunks->nr * ARCHIVE_CHUNK_SIZE },
		{ (void *)chunks->data, chunks->data_bytes },
	};
	struct archive_chunk last = archive_chunk_at(chunks, chunks->nr - 1);

	put_le32(head, chunks->nr);
	put_le32(head + 4, chunks->data_bytes);
	writer->counts.items = last.start + last.count;
	return write_record(writer, ARCHIVE_CHUNKS, parts, 3);
}

/**
 * archive_write_object_end() - all of the object has been written
 * @writer: the archive
 */
int archive_write_object_end(struct archive_writer *writer)
{
	uint8_t payload[ARCHIVE_OBJECT_END_SIZE];

	put_le64(payload, writer->in_object == ARCHIVE_TABLE ?
			  writer->counts.entries : writer->counts.items);
	writer->in_object = 0;
	return write_one(writer, ARCHIVE_OBJECT_END, payload, sizeof(payload));
}

/**
 * archive_write_end() - all objects have been written
 * @writer: the archive
 */
int archive_write_end(struct archive_writer *writer)
{
	uint8_t payload[ARCHIVE_END_SIZE];

	put_le32(payload, writer->counts.objects);
	put_le32(payload + 4, writer->counts.names);
	put_le64(payload + 8, writer->counts.bytes);
	return write_one(writer, ARCHIVE_END, payload, sizeof(payload));
}
