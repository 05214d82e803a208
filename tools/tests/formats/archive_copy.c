// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "archive_copy.h"
#include "archive_format.h"
#include "bytes.h"

int64_t archive_bytes_read(void *opaque, void *data, size_t size)
{
	struct archive_bytes *bytes = opaque;
	size_t left = bytes->size - bytes->at;

	if (size > left)
		size = left;
	memcpy(data, bytes->data + bytes->at, size);
	bytes->at += size;
	return size;
}

int archive_bytes_write(void *opaque, const struct iovec *parts, int nr)
{
	struct archive_bytes *bytes = opaque;
	int i;

	for (i = 0; i < nr; i++) {
		if (!parts[i].iov_len)
			continue;
		bytes->data = realloc(bytes->data, bytes->size + parts[i].iov_len);
		memcpy(bytes->data + bytes->size, parts[i].iov_base,
		       parts[i].iov_len);
		bytes->size += parts[i].iov_len;
	}
	return 0;
}

static void write_again(struct archive_writer *writer,
			const struct archive_record *record)
{
	switch (record->type) {
	case ARCHIVE_TABLE:
		archive_write_table(writer, &record->table);
		break;
	case ARCHIVE_BITMAP:
		archive_write_bitmap(writer, &record->bitmap);
		break;
	case ARCHIVE_NAME:
		archive_write_name(writer, &record->name);
		break;
	case ARCHIVE_ENTRIES:
		archive_write_entries(writer, &record->entries);
		break;
	case ARCHIVE_CHUNKS:
		archive_write_chunks(writer, &record->chunks);
		break;
	case ARCHIVE_OBJECT_END:
		archive_write_object_end(writer);
		break;
	case ARCHIVE_END:
		archive_write_end(writer);
	}
}

int archive_copy(struct archive_bytes *from, struct archive_bytes *to,
		 struct fault *fault)
{
	struct archive_reader reader = { .read = archive_bytes_read, .opaque = from };
	struct archive_writer writer = { .write = archive_bytes_write, .opaque = to };
	struct archive_record record;
	int got = archive_reader_init(&reader, fault);

	if (!got)
		archive_write_begin(&writer);
	while (!got || got == 1) {
		got = archive_read(&reader, &record, fault);
		if (got != 1)
			break;
		write_again(&writer, &record);
	}
	archive_reader_free(&reader);
	return got;
}

void archive_mend(uint8_t *data, size_t size)
{
	uint32_t number = 0, payload;
	size_t at = 16;
	struct iovec parts[2] = { { data, ARCHIVE_SUMMED } };

	if (size >= 16)
		put_le32(data + 12, archive_checksum(parts, 1));
	while (size >= 16 && size - at >= 16) {
		payload = get_le32(data + at + 4);
		if (payload > size - at - 16)
			break;
		put_le32(data + at + 8, number++);
		parts[0].iov_base = data + at;
		parts[1] = (struct iovec){ data + at + 16, payload };
		put_le32(data + at + 12, archive_checksum(parts, 2));
		at += 16 + payload;
	}
}
