/* SPDX-License-Identifier: GPL-2.0 */
/* The numbers of the archive that who reads and who writes it share. */
#ifndef FORMATS_ARCHIVE_FORMAT_H
#define FORMATS_ARCHIVE_FORMAT_H

#include <stdint.h>
#include <sys/uio.h>

/* No text mode of any program leaves these bytes as they are. */
#define ARCHIVE_MAGIC "\x89QDSA\r\n\x1a"
#define ARCHIVE_MAGIC_SIZE 8
#define ARCHIVE_HEAD_SIZE 16
#define ARCHIVE_RECORD_SIZE 16
/* Of either head, what comes before its checksum. */
#define ARCHIVE_SUMMED 12

/* Payloads of one size. */
#define ARCHIVE_TABLE_SIZE 40
#define ARCHIVE_BITMAP_SIZE 32
#define ARCHIVE_NAME_SIZE 16
#define ARCHIVE_OBJECT_END_SIZE 8
#define ARCHIVE_END_SIZE 16

/* The largest granularity that has a serialized form. */
#define ARCHIVE_MAX_GRANULARITY 57

/* Of all parts together. */
uint32_t archive_checksum(const struct iovec *parts, int nr);

#endif /* FORMATS_ARCHIVE_FORMAT_H */
