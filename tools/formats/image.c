// SPDX-License-Identifier: GPL-2.0
/*
 * Images that are files, locked as QEMU locks them.
 *
 * QEMU's programs hold a shared OFD lock on one byte for each thing that they
 * do to an image (100 and on), and on one for each that they do not want others
 * to do meanwhile (200 and on). Who comes takes its own, then looks whether it
 * collides with another's. Because all do both in this order, two that come at
 * the same time cannot both miss the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"

#define LOCK_DOES 100
#define LOCK_FORBIDS 200

/* What can be done to an image: the numbers are QEMU's. */
#define DO_READ (1U << 0)	/* and rely on what is read */
#define DO_WRITE (1U << 1)
#define DO_RESIZE (1U << 3)
#define DO_BITS 4

static int file_read(void *opaque, uint64_t offset, void *data, size_t size)
{
	const struct image_file *file = opaque;
	char *at = data;

	while (size) {
		ssize_t got = pread(file->fd, at, size, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		at += got;
		offset += got;
		size -= got;
	}
	return 0;
}

static int file_write(void *opaque, uint64_t offset, const void *data,
		      size_t size)
{
	const struct image_file *file = opaque;
	const char *at = data;

	while (size) {
		ssize_t put = pwrite(file->fd, at, size, offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		at += put;
		offset += put;
		size -= put;
	}
	return 0;
}

static int file_flush(void *opaque)
{
	const struct image_file *file = opaque;

	return fdatasync(file->fd) ? -errno : 0;
}

static int file_truncate(void *opaque, uint64_t size)
{
	const struct image_file *file = opaque;

	return ftruncate(file->fd, size) ? -errno : 0;
}

static int lock_bytes(int fd, unsigned int base, unsigned int what)
{
	unsigned int bit;

	for (bit = 0; bit < DO_BITS; bit++) {
		struct flock lock = {
			.l_type = F_RDLCK,
			.l_start = base + bit,
			.l_len = 1,
		};

		if (what & (1U << bit) && fcntl(fd, F_OFD_SETLK, &lock))
			return -errno;
	}
	return 0;
}

/* Has anybody else locked one of the bytes? */
static int look_at_bytes(int fd, unsigned int base, unsigned int what)
{
	unsigned int bit;

	for (bit = 0; bit < DO_BITS; bit++) {
		struct flock lock = {
			.l_type = F_WRLCK,
			.l_start = base + bit,
			.l_len = 1,
		};

		if (!(what & (1U << bit)))
			continue;
		if (fcntl(fd, F_OFD_GETLK, &lock))
			return -errno;
		if (lock.l_type != F_UNLCK)
			return -EBUSY;
	}
	return 0;
}

static int lock_file(int fd, bool write)
{
	const unsigned int forbids = DO_WRITE | DO_RESIZE;
	const unsigned int does = write ? DO_READ | forbids : DO_READ;
	int err;

	err = lock_bytes(fd, LOCK_DOES, does);
	if (!err)
		err = lock_bytes(fd, LOCK_FORBIDS, forbids);
	if (!err)
		err = look_at_bytes(fd, LOCK_FORBIDS, does);
	if (!err)
		err = look_at_bytes(fd, LOCK_DOES, forbids);
	/* Where the file system has no locks, QEMU does without them too. */
	return err == -ENOLCK || err == -EINVAL || err == -EOPNOTSUPP ? 0 : err;
}

static int check_file(int fd, uint64_t *size, struct fault *fault)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return fault_set(fault, -errno, "%s", strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return fault_set(fault, -EINVAL,
				 "it is not a regular file: images on block devices are not read or written");
	*size = stat.st_size;
	return 0;
}

/**
 * image_file_open() - open an image that is a file, and lock it
 * @file: filled in
 * @path: its path
 * @write: is it to be written?
 * @fault: filled in on failure
 *
 * Return: 0 or -errno.
 */
int image_file_open(struct image_file *file, const char *path, bool write,
		    struct fault *fault)
{
	/* Not to wait for the other end of a FIFO. */
	int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
	int err;

	*file = (struct image_file){
		.image = {
			.read = file_read,
			.write = file_write,
			.flush = file_flush,
			.truncate = file_truncate,
			.opaque = file,
		},
		.fd = open(path, flags),
	};
	if (file->fd < 0)
		return fault_set(fault, -errno, "%s", strerror(errno));
	err = check_file(file->fd, &file->image.size, fault);
	if (err)
		goto err_close;
	err = lock_file(file->fd, write);
	if (!err)
		return 0;
	if (err == -EBUSY || err == -EAGAIN || err == -EACCES)
		err = fault_set(fault, -EBUSY,
				"another program has it open: end that first");
	else
		err = fault_set(fault, err, "cannot lock it: %s",
				strerror(-err));
err_close:
	close(file->fd);
	return err;
}

/**
 * image_file_close() - done with an image
 * @file: the image
 *
 * Return: 0 or -errno: what was written may not be on the disk.
 */
int image_file_close(struct image_file *file)
{
	return close(file->fd) ? -errno : 0;
}
