/* SPDX-License-Identifier: GPL-2.0 */
/*
 * qds-backup - what its files share
 *
 * full: the full copy of an image, made some time ago
 * image: the image as it is now
 * block: BLOCK_SIZE bytes of either; the last may be shorter
 * fingerprint: SHA-256 of a block's content
 */
#ifndef QDS_BACKUP_H
#define QDS_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nettle/sha2.h>

#include "progress.h"
#include "util.h"

#define BLOCK_SHIFT 12
#define BLOCK_SIZE (1U << BLOCK_SHIFT)

/* Blocks read, and entries given to the kernel, at once. */
#define BATCH_BLOCKS 256

enum status {
	STATUS_OK = 0,
	STATUS_DIFFERENT = 1,	/* what should be equal is not */
	STATUS_USAGE = 2,
	STATUS_ERROR = 3,
};

/**
 * struct options - of the command line
 * @progress: when to show progress
 * @ascii: draw the map without UTF-8
 * @width: columns of the map; 0 for the terminal's
 * @chunk: bytes to serialize at once
 * @fd: inherited bitmap to compare with; -1 if none
 * @name: the name of one, if none was inherited; NULL if none
 * @self: how to run this program again
 */
struct options {
	enum progress_when progress;
	bool ascii;
	uint32_t width;
	uint32_t chunk;
	int fd;
	const char *name;
	const char *self;
};

/* main.c */
enum status fail(enum status status, const char *format, ...)
	__printf(2, 3);
enum status fail_errno(int err, const char *format, ...)
	__printf(2, 3);
int device_open(void);

/**
 * struct image - an image file or a disk
 * @path: its path
 * @fd: its descriptor
 * @size: its size in bytes
 */
struct image {
	const char *path;
	int fd;
	uint64_t size;
};

/* image.c */
enum status image_open(struct image *image, const char *path, bool writable);
void image_close(struct image *image);
enum status image_read(const struct image *image, uint64_t offset, void *data,
		       size_t size);
enum status image_write(const struct image *image, uint64_t offset,
			const void *data, size_t size);
enum status image_resize(struct image *image, uint64_t size);
enum status image_flush(const struct image *image);
enum status image_digest(const struct image *image,
			 const struct options *options,
			 uint8_t digest[SHA256_DIGEST_SIZE]);
uint64_t image_blocks(const struct image *image);
double mib(uint64_t bytes);

/* The steps; each in the file of its name. */
enum status step_scan(const struct options *options, const char *full,
		      const char *image, const char *file);
enum status step_verify(const struct options *options, const char *file);
enum status step_apply(const struct options *options, const char *file,
		       const char *image, const char *copy);

/* stream.c */
enum status bitmap_save(int fd, uint64_t items, const char *file,
			uint32_t chunk);
enum status bitmap_load(int fd, uint64_t items, const char *file,
			uint32_t chunk);

#endif /* QDS_BACKUP_H */
