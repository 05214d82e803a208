// SPDX-License-Identifier: GPL-2.0
/* Images: read, written and digested as wholes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"

#define BUFFER_SIZE (1U << 20)

/**
 * mib() - bytes in MiB, for messages
 * @bytes: the bytes
 *
 * Return: MiB.
 */
double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

/**
 * image_open() - open an image
 * @image: filled in
 * @path: its path, of a file or a disk
 * @writable: is it to be written?
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status image_open(struct image *image, const char *path, bool writable)
{
	off_t end;

	image->path = path;
	image->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (image->fd < 0)
		return fail_errno(-errno, "cannot open %s", path);
	end = lseek(image->fd, 0, SEEK_END);
	if (end <= 0) {
		fail_errno(end ? -errno : -ENODATA, "size of %s", path);
		image_close(image);
		return STATUS_ERROR;
	}
	image->size = end;
	return STATUS_OK;
}

/**
 * image_close() - done with an image
 * @image: the image
 */
void image_close(struct image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}

/**
 * image_blocks() - number of blocks of an image
 * @image: the image
 *
 * Return: the number, with the last one if it is shorter.
 */
uint64_t image_blocks(const struct image *image)
{
	return (image->size >> BLOCK_SHIFT) + !!(image->size % BLOCK_SIZE);
}

/**
 * image_read() - read from an image
 * @image: the image
 * @offset: from where
 * @data: filled in
 * @size: how much
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status image_read(const struct image *image, uint64_t offset, void *data,
		       size_t size)
{
	char *at = data;
	ssize_t got;

	while (size) {
		got = pread(image->fd, at, size, offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail_errno(got ? -errno : -ENODATA,
					  "%s: reading at byte %llu",
					  image->path,
					  (unsigned long long)offset);
		at += got;
		offset += got;
		size -= got;
	}
	return STATUS_OK;
}

/**
 * image_write() - write to an image
 * @image: the image
 * @offset: to where
 * @data: what
 * @size: how much
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status image_write(const struct image *image, uint64_t offset,
			const void *data, size_t size)
{
	const char *at = data;
	ssize_t put;

	while (size) {
		put = pwrite(image->fd, at, size, offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fail_errno(put ? -errno : -EIO,
					  "%s: writing at byte %llu",
					  image->path,
					  (unsigned long long)offset);
		at += put;
		offset += put;
		size -= put;
	}
	return STATUS_OK;
}

/**
 * image_resize() - give an image another size
 * @image: the image; a disk keeps its size and must have that one
 * @size: in bytes
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status image_resize(struct image *image, uint64_t size)
{
	struct stat stat;

	if (image->size == size)
		return STATUS_OK;
	if (fstat(image->fd, &stat))
		return fail_errno(-errno, "%s", image->path);
	if (!S_ISREG(stat.st_mode))
		return fail(STATUS_ERROR, "%s has %llu bytes, not %llu",
			    image->path, (unsigned long long)image->size,
			    (unsigned long long)size);
	if (ftruncate(image->fd, size))
		return fail_errno(-errno, "%s: cannot change the size",
				  image->path);
	image->size = size;
	return STATUS_OK;
}

/**
 * image_flush() - wait until all that was written is on the disk
 * @image: the image
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status image_flush(const struct image *image)
{
	return fsync(image->fd) ? fail_errno(-errno, "%s", image->path) :
				  STATUS_OK;
}

/**
 * image_digest() - SHA-256 of a whole image
 * @image: the image
 * @options: when to show progress
 * @digest: filled in
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status image_digest(const struct image *image,
			 const struct options *options,
			 uint8_t digest[SHA256_DIGEST_SIZE])
{
	uint8_t *buffer = malloc(BUFFER_SIZE);
	enum status status = STATUS_OK;
	struct progress progress;
	struct sha256_ctx context;
	uint64_t at, size;

	if (!buffer)
		return fail_errno(-ENOMEM, "%s", image->path);
	sha256_init(&context);
	progress_begin(&progress, options->progress, "checksum", image->size);
	for (at = 0; at < image->size && !status; at += size) {
		size = image->size - at;
		if (size > BUFFER_SIZE)
			size = BUFFER_SIZE;
		status = image_read(image, at, buffer, size);
		if (!status)
			sha256_update(&context, size, buffer);
		progress_update(&progress, at + size);
	}
	progress_end(&progress);
	sha256_digest(&context, SHA256_DIGEST_SIZE, digest);
	free(buffer);
	return status;
}
