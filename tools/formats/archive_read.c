// SPDX-License-Identifier: GPL-2.0
/*
 * Archives, read: strictly, so that what is handed on is what a writer has written, and
 * whoever gets it need not look again. No record is larger than ARCHIVE_MAX_PAYLOAD, so
 * nothing in an archive says how much memory reading it takes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/qds.h>

#include "archive.h"
#include "archive_format.h"
#include "bytes.h"

#define DAMAGED " (the archive is damaged: take another copy)"

static const char *type_name(enum archive_type type)
{
	static const char *const names[] = {
		[ARCHIVE_TABLE] = "table", [ARCHIVE_BITMAP] = "bitmap",
		[ARCHIVE_NAME] = "name", [ARCHIVE_ENTRIES] = "entries",
		[ARCHIVE_CHUNKS] = "chunks", [ARCHIVE_OBJECT_END] = "object end",
		[ARCHIVE_END] = "archive end",
	};

	return names[type];
}

/* What is wrong with the record that came last. */
static int bad(const struct archive_reader *reader, struct fault *fault,
	       const char *what)
{
	return fault_set(fault, -EBADMSG, "record %" PRIu32 ": %s" DAMAGED,
			 reader->counts.records - 1, what);
}

static int read_all(struct archive_reader *reader, void *data, size_t size,
		    struct fault *fault)
{
	int64_t got = reader->read(reader->opaque, data, size);

	if (got < 0)
		return fault_set(fault, got, "cannot be read: %s",
				 strerror(-got));
	reader->counts.bytes += got;
	if ((size_t)got < size)
		return fault_set(fault, -EBADMSG,
				 "ends after %" PRIu64 " bytes (cut short: take another copy)",
				 reader->counts.bytes);
	return 0;
}

/**
 * archive_reader_init() - read what an archive begins with
 * @reader: with its function, and zeroes; to be freed, on failure too
 * @fault: filled in on failure
 *
 * Return: 0 or -errno.
 */
int archive_reader_init(struct archive_reader *reader, struct fault *fault)
{
	uint8_t head[ARCHIVE_HEAD_SIZE];
	int err;

	reader->payload = malloc(ARCHIVE_MAX_PAYLOAD);
	if (!reader->payload)
		return fault_set(fault, -ENOMEM, "no memory");
	err = read_all(reader, head, sizeof(head), fault);
	if (err)
		return err;
	if (memcmp(head, ARCHIVE_MAGIC, ARCHIVE_MAGIC_SIZE))
		return fault_set(fault, -EBADMSG,
				 "is no archive of qds: qdsctl save makes one");
	if (get_le32(head + 12) !=
	    archive_checksum(&(struct iovec){ head, ARCHIVE_SUMMED }, 1))
		return fault_set(fault, -EBADMSG,
				 "the checksum of its head is wrong" DAMAGED);
	if (get_le32(head + 8) != ARCHIVE_VERSION)
		return fault_set(fault, -EBADMSG,
				 "is of version %" PRIu32 ", this qdsctl knows %d: use a newer one",
				 get_le32(head + 8), ARCHIVE_VERSION);
	return 0;
}

/**
 * archive_reader_free() - give the memory back
 * @reader: the reader
 */
void archive_reader_free(struct archive_reader *reader)
{
	free(reader->payload);
}

static int read_table(struct archive_reader *reader, const uint8_t *payload,
		      struct archive_record *record, struct fault *fault)
{
	struct archive_table *table = &record->table;

	*table = (struct archive_table){
		.flags = get_le32(payload + 4),
		.key_size = get_le32(payload + 8),
		.value_size = get_le32(payload + 12),
		.max_entries = get_le64(payload + 16),
		.entries = get_le64(payload + 24),
		.state = get_le32(payload + 32),
	};
	if (get_le32(payload) != reader->counts.objects)
		return bad(reader, fault, "the table's number is not the next");
	if (table->flags & ~ARCHIVE_VARLEN || get_le32(payload + 36))
		return bad(reader, fault, "what must be 0 is not");
	if (!table->key_size || table->key_size > ARCHIVE_MAX_SIZE ||
	    table->value_size > ARCHIVE_MAX_SIZE)
		return bad(reader, fault, "the table's sizes are not possible");
	if (table->state > QDS_TABLE_SEALED)
		return bad(reader, fault, "the table's state is not possible");
	reader->table = *table;
	reader->counts.entries = 0;
	reader->counts.objects++;
	return 0;
}

static int read_bitmap(struct archive_reader *reader, const uint8_t *payload,
		       struct archive_record *record, struct fault *fault)
{
	struct archive_bitmap *bitmap = &record->bitmap;

	*bitmap = (struct archive_bitmap){
		.items = get_le64(payload + 8),
		.granularity = get_le32(payload + 16),
		.state = get_le32(payload + 20),
		.dirty = get_le64(payload + 24),
	};
	if (get_le32(payload) != reader->counts.objects)
		return bad(reader, fault, "the bitmap's number is not the next");
	if (get_le32(payload + 4))
		return bad(reader, fault, "what must be 0 is not");
	if (!bitmap->items || bitmap->items > INT64_MAX ||
	    bitmap->granularity > ARCHIVE_MAX_GRANULARITY)
		return bad(reader, fault, "the bitmap's size is not possible");
	if (bitmap->state != QDS_BITMAP_ACTIVE &&
	    bitmap->state != QDS_BITMAP_TAKEN &&
	    bitmap->state != QDS_BITMAP_SEALED)
		return bad(reader, fault, "the bitmap's state is not possible");
	reader->bitmap = *bitmap;
	reader->counts.items = 0;
	reader->counts.objects++;
	return 0;
}

static bool name_is_possible(const struct archive_name *name)
{
	return name->length && !memchr(name->text, 0, name->length) &&
	       !memchr(name->text, '/', name->length) &&
	       strcmp(name->text, ".") && strcmp(name->text, "..");
}

static int read_name(struct archive_reader *reader, const uint8_t *payload,
		     uint32_t size, struct archive_record *record,
		     struct fault *fault)
{
	struct archive_name *name = &record->name;

	if (size < ARCHIVE_NAME_SIZE ||
	    size > ARCHIVE_NAME_SIZE + ARCHIVE_MAX_NAME)
		return bad(reader, fault, "it has no possible size");
	*name = (struct archive_name){
		.flags = get_le32(payload),
		.mode = get_le32(payload + 4),
		.uid = get_le32(payload + 8),
		.gid = get_le32(payload + 12),
		.length = size - ARCHIVE_NAME_SIZE,
	};
	memcpy(name->text, payload + ARCHIVE_NAME_SIZE, name->length);
	if (name->flags & ~ARCHIVE_PUBLISHED || name->mode & ~0666U ||
	    (!name->flags && (name->mode || name->uid || name->gid)))
		return bad(reader, fault, "what must be 0 is not");
	if (!name_is_possible(name))
		return bad(reader, fault, "no object can have this name");
	reader->counts.names += name->flags & ARCHIVE_PUBLISHED;
	return 0;
}

/* The sum of lengths, if each is possible; else UINT64_MAX. */
static uint64_t sum_lens(const uint8_t *lens, uint32_t nr, uint32_t least,
			 uint32_t most)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		uint32_t len = get_le32(lens + (size_t)i * 4);

		if (len < least || len > most)
			return UINT64_MAX;
		sum += len;
	}
	return sum;
}

static bool lens_are_right(const struct archive_table *table,
			   const struct archive_entries *entries)
{
	if (!entries->key_lens)
		return (uint64_t)entries->nr * table->key_size ==
		       entries->key_bytes &&
		       (uint64_t)entries->nr * table->value_size ==
		       entries->value_bytes;
	return sum_lens(entries->key_lens, entries->nr, 1, table->key_size) ==
	       entries->key_bytes &&
	       sum_lens(entries->value_lens, entries->nr, 0,
			table->value_size) == entries->value_bytes;
}

static int read_entries(struct archive_reader *reader, const uint8_t *payload,
			uint32_t size, struct archive_record *record,
			struct fault *fault)
{
	struct archive_entries *entries = &record->entries;
	uint64_t lens = 0;

	if (size < ARCHIVE_ENTRIES_SIZE)
		return bad(reader, fault, "it has no possible size");
	*entries = (struct archive_entries){
		.nr = get_le32(payload),
		.key_bytes = get_le32(payload + 4),
		.value_bytes = get_le32(payload + 8),
		.keys = payload + ARCHIVE_ENTRIES_SIZE,
	};
	if (get_le32(payload + 12))
		return bad(reader, fault, "what must be 0 is not");
	if (reader->table.flags & ARCHIVE_VARLEN)
		lens = (uint64_t)entries->nr * 4;
	if (!entries->nr || ARCHIVE_ENTRIES_SIZE + 2 * lens + entries->key_bytes +
			    entries->value_bytes != size)
		return bad(reader, fault, "its entries do not add up to its size");
	if (lens) {
		entries->key_lens = payload + ARCHIVE_ENTRIES_SIZE;
		entries->value_lens = entries->key_lens + lens;
		entries->keys += 2 * lens;
	}
	entries->values = entries->keys + entries->key_bytes;
	if (!lens_are_right(&reader->table, entries))
		return bad(reader, fault, "lengths of its entries are wrong");
	reader->counts.entries += entries->nr;
	return 0;
}

/**
 * archive_chunk_at() - a chunk of a record
 * @chunks: the record
 * @i: which
 */
struct archive_chunk archive_chunk_at(const struct archive_chunks *chunks,
				      uint32_t i)
{
	const uint8_t *at = chunks->head + (size_t)i * ARCHIVE_CHUNK_SIZE;

	return (struct archive_chunk){
		.start = get_le64(at),
		.count = get_le64(at + 8),
		.bytes = get_le32(at + 16),
		.kind = get_le32(at + 20),
	};
}

/* Is it right behind @start, and does it end where a chunk may? */
static bool chunk_is_right(const struct archive_bitmap *bitmap, uint64_t start,
			   const struct archive_chunk *chunk)
{
	const unsigned int shift = bitmap->granularity + 6;
	const uint64_t left = bitmap->items - start;
	uint64_t bytes = 0;

	if (chunk->start != start || !chunk->count || chunk->count > left)
		return false;
	if (chunk->count != left && chunk->count & ((1ULL << shift) - 1))
		return false;
	if (chunk->kind > ARCHIVE_CHUNK_ONES)
		return false;
	if (chunk->kind == ARCHIVE_CHUNK_DATA)
		bytes = (((chunk->count - 1) >> shift) + 1) * 8;
	return chunk->bytes == bytes;
}

/* Bits behind the bitmap's end are zero. */
static bool tail_is_clean(const struct archive_bitmap *bitmap,
			  const uint8_t *data_end)
{
	unsigned int bits = (((bitmap->items - 1) >> bitmap->granularity) + 1) % 64;

	return !bits || !(get_le64(data_end - 8) >> bits);
}

static int read_chunks(struct archive_reader *reader, const uint8_t *payload,
		       uint32_t size, struct archive_record *record,
		       struct fault *fault)
{
	struct archive_chunks *chunks = &record->chunks;
	uint64_t at = reader->counts.items, bytes = 0;
	uint32_t i;

	if (size < ARCHIVE_CHUNKS_SIZE)
		return bad(reader, fault, "it has no possible size");
	*chunks = (struct archive_chunks){
		.nr = get_le32(payload),
		.data_bytes = get_le32(payload + 4),
		.head = payload + ARCHIVE_CHUNKS_SIZE,
	};
	if (!chunks->nr || ARCHIVE_CHUNKS_SIZE +
	    (uint64_t)chunks->nr * ARCHIVE_CHUNK_SIZE + chunks->data_bytes != size)
		return bad(reader, fault, "its chunks do not add up to its size");
	chunks->data = chunks->head + (size_t)chunks->nr * ARCHIVE_CHUNK_SIZE;
	for (i = 0; i < chunks->nr; i++) {
		struct archive_chunk chunk = archive_chunk_at(chunks, i);

		if (!chunk_is_right(&reader->bitmap, at, &chunk))
			return bad(reader, fault,
				   "a chunk does not fit to the bitmap, or to the one before");
		at += chunk.count;
		bytes += chunk.bytes;
		if (bytes > chunks->data_bytes)
			break;
		if (at == reader->bitmap.items && chunk.bytes &&
		    !tail_is_clean(&reader->bitmap, chunks->data + bytes))
			return bad(reader, fault,
				   "bits are set behind the bitmap's end");
	}
	if (bytes != chunks->data_bytes)
		return bad(reader, fault, "its chunks do not add up to its size");
	reader->counts.items = at;
	return 0;
}

static int read_object_end(struct archive_reader *reader, const uint8_t *payload,
			   struct fault *fault)
{
	uint64_t told = get_le64(payload);

	if (reader->in_object == ARCHIVE_TABLE &&
	    told != reader->counts.entries)
		return bad(reader, fault, "not all entries of the table are there");
	if (reader->in_object == ARCHIVE_BITMAP &&
	    (told != reader->counts.items || told != reader->bitmap.items))
		return bad(reader, fault, "not all of the bitmap is there");
	return 0;
}

static int read_end(struct archive_reader *reader, const uint8_t *payload,
		    struct fault *fault)
{
	uint8_t more;

	if (get_le32(payload) != reader->counts.objects ||
	    get_le32(payload + 4) != reader->counts.names ||
	    get_le64(payload + 8) + ARCHIVE_RECORD_SIZE + ARCHIVE_END_SIZE !=
		    reader->counts.bytes)
		return bad(reader, fault, "its sums are wrong");
	if (reader->read(reader->opaque, &more, 1))
		return fault_set(fault, -EBADMSG,
				 "has bytes behind its end" DAMAGED);
	return 0;
}

/* May a record of this type come now? */
static bool is_in_order(const struct archive_reader *reader,
			enum archive_type type)
{
	switch (type) {
	case ARCHIVE_TABLE:
	case ARCHIVE_BITMAP:
	case ARCHIVE_END:
		return !reader->in_object;
	case ARCHIVE_NAME:
		return reader->in_object && !reader->filled;
	case ARCHIVE_ENTRIES:
		return reader->in_object == ARCHIVE_TABLE;
	case ARCHIVE_CHUNKS:
		return reader->in_object == ARCHIVE_BITMAP &&
		       reader->counts.items < reader->bitmap.items;
	case ARCHIVE_OBJECT_END:
		return reader->in_object;
	}
	return false;
}

static void follow(struct archive_reader *reader, enum archive_type type)
{
	if (type == ARCHIVE_TABLE || type == ARCHIVE_BITMAP) {
		reader->in_object = type;
		reader->filled = false;
	} else if (type == ARCHIVE_ENTRIES || type == ARCHIVE_CHUNKS) {
		reader->filled = true;
	} else if (type == ARCHIVE_OBJECT_END) {
		reader->in_object = 0;
	} else if (type == ARCHIVE_END) {
		reader->ended = true;
	}
}

/* Sizes of payloads that have but one; 0 for the others. */
static uint32_t fixed_size(enum archive_type type)
{
	static const uint32_t sizes[] = {
		[ARCHIVE_TABLE] = ARCHIVE_TABLE_SIZE,
		[ARCHIVE_BITMAP] = ARCHIVE_BITMAP_SIZE,
		[ARCHIVE_OBJECT_END] = ARCHIVE_OBJECT_END_SIZE,
		[ARCHIVE_END] = ARCHIVE_END_SIZE,
	};

	return sizes[type];
}

static int parse(struct archive_reader *reader, enum archive_type type,
		 uint32_t size, struct archive_record *record,
		 struct fault *fault)
{
	const uint8_t *payload = reader->payload;

	if (!is_in_order(reader, type))
		return fault_set(fault, -EBADMSG,
				 "record %" PRIu32 ": its kind, %s, is out of order" DAMAGED,
				 reader->counts.records - 1, type_name(type));
	if (fixed_size(type) && size != fixed_size(type))
		return bad(reader, fault, "it has no possible size");
	record->type = type;
	switch (type) {
	case ARCHIVE_TABLE:
		return read_table(reader, payload, record, fault);
	case ARCHIVE_BITMAP:
		return read_bitmap(reader, payload, record, fault);
	case ARCHIVE_NAME:
		return read_name(reader, payload, size, record, fault);
	case ARCHIVE_ENTRIES:
		return read_entries(reader, payload, size, record, fault);
	case ARCHIVE_CHUNKS:
		return read_chunks(reader, payload, size, record, fault);
	case ARCHIVE_OBJECT_END:
		return read_object_end(reader, payload, fault);
	case ARCHIVE_END:
		return read_end(reader, payload, fault);
	}
	return -EINVAL;
}

/**
 * archive_read() - the next record
 * @reader: the archive
 * @record: filled in; what it points to is there until the next call
 * @fault: filled in on failure
 *
 * Return: 1; 0 when the last was ARCHIVE_END; or -errno.
 */
int archive_read(struct archive_reader *reader, struct archive_record *record,
		 struct fault *fault)
{
	uint8_t head[ARCHIVE_RECORD_SIZE];
	struct iovec parts[] = {
		{ head, ARCHIVE_SUMMED }, { reader->payload, 0 },
	};
	uint32_t type, size;
	int err;

	if (reader->ended)
		return 0;
	err = read_all(reader, head, sizeof(head), fault);
	if (err)
		return err;
	reader->counts.records++;
	type = get_le32(head);
	size = get_le32(head + 4);
	if (size > ARCHIVE_MAX_PAYLOAD)
		return bad(reader, fault, "it is too large");
	err = read_all(reader, reader->payload, size, fault);
	if (err)
		return err;
	parts[1].iov_len = size;
	if (get_le32(head + 12) != archive_checksum(parts, 2))
		return bad(reader, fault, "its checksum is wrong");
	if (get_le32(head + 8) != reader->counts.records - 1)
		return bad(reader, fault, "a record before it is missing");
	if (type < ARCHIVE_TABLE || type > ARCHIVE_END)
		return bad(reader, fault, "its kind is not known");
	err = parse(reader, type, size, record, fault);
	if (err)
		return err;
	follow(reader, type);
	return 1;
}
