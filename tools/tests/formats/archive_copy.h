/* SPDX-License-Identifier: GPL-2.0 */
/* Archives in memory: read, and written again as they were read. */
#ifndef TESTS_ARCHIVE_COPY_H
#define TESTS_ARCHIVE_COPY_H

#include "archive.h"

/**
 * struct archive_bytes - an archive in memory
 * @data: its bytes
 * @size: their number
 * @at: where it is read
 */
struct archive_bytes {
	uint8_t *data;
	size_t size;
	size_t at;
};

int64_t archive_bytes_read(void *opaque, void *data, size_t size);
int archive_bytes_write(void *opaque, const struct iovec *parts, int nr);

/*
 * Reads all of an archive and writes each record again. Return: 0 or -errno of the
 * reader.
 */
int archive_copy(struct archive_bytes *from, struct archive_bytes *to,
		 struct fault *fault);

/* Gives each record that is there its right checksum and number. */
void archive_mend(uint8_t *data, size_t size);

#endif /* TESTS_ARCHIVE_COPY_H */
