/* SPDX-License-Identifier: GPL-2.0 */
/* The bytes of an image: a file, or whatever a test puts in its place. */
#ifndef FORMATS_IMAGE_H
#define FORMATS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

/**
 * struct image - the bytes of an image
 * @read: fill @data with bytes that are all below @size
 * @write: write bytes; beyond @size they make the image longer
 * @flush: what was written before is on the disk before what is written next
 * @truncate: give the image another length
 * @opaque: for these, which return 0 or -errno
 * @size: its length in bytes, kept up to date by who writes
 */
struct image {
	int (*read)(void *opaque, uint64_t offset, void *data, size_t size);
	int (*write)(void *opaque, uint64_t offset, const void *data,
		     size_t size);
	int (*flush)(void *opaque);
	int (*truncate)(void *opaque, uint64_t size);
	void *opaque;
	uint64_t size;
};

/**
 * struct image_file - an image that is a file
 * @image: its bytes
 * @fd: its descriptor
 */
struct image_file {
	struct image image;
	int fd;
};

int image_file_open(struct image_file *file, const char *path, bool write,
		    struct fault *fault);
int image_file_close(struct image_file *file);

#endif /* FORMATS_IMAGE_H */
