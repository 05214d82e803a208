// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps of granularity 0, and files in memory that hold the same bytes. What is
 * read and written here is the serialized form, by byte.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../libqds.h"
#include "device.h"

#define COMPARED	(1 << 20)

void *buffer_make(size_t size)
{
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (buffer == MAP_FAILED)
		bench_die("no memory for %zu bytes", size);
	return buffer;
}

void buffer_free(void *buffer, size_t size)
{
	munmap(buffer, size);
}

int bitmap_make(unsigned int bits)
{
	int fd = qds_create_bitmap(device, 1ull << bits, 0);

	if (fd < 0)
		bench_die("cannot make a bitmap: %s", strerror(-fd));
	return fd;
}

/* User mode Linux as we have it knows no such files, but its root is in memory. */
int memfd_make(uint64_t size)
{
	char path[] = "/bench-XXXXXX";
	int fd;

	if (is_uml) {
		fd = mkstemp(path);
		unlink(path);
	} else {
		fd = memfd_create("bench", MFD_CLOEXEC);
	}
	if (fd < 0 || ftruncate(fd, size))
		bench_die("cannot make a file in memory: %s", strerror(errno));
	return fd;
}

void bitmap_read(int fd, uint64_t at, void *data, size_t size)
{
	int rc = qds_bitmap_serialize(fd, at * 8, size * 8, data, size, NULL);

	if (rc)
		bench_die("QDS_BITMAP_SERIALIZE failed: %s", strerror(-rc));
}

void bitmap_write(int fd, uint64_t at, const void *data, size_t size)
{
	int rc = qds_bitmap_deserialize(fd, at * 8, size * 8, data, size, NULL);

	if (rc)
		bench_die("QDS_BITMAP_DESERIALIZE failed: %s", strerror(-rc));
}

void file_read(int fd, uint64_t at, void *data, size_t size)
{
	ssize_t n = pread(fd, data, size, at);

	if (n != (ssize_t)size)
		bench_die("pread() of %zu bytes gave %zd: %s", size, n,
			  n < 0 ? strerror(errno) : "too few");
}

void file_write(int fd, uint64_t at, const void *data, size_t size)
{
	ssize_t n = pwrite(fd, data, size, at);

	if (n != (ssize_t)size)
		bench_die("pwrite() of %zu bytes gave %zd: %s", size, n,
			  n < 0 ? strerror(errno) : "too few");
}

/* By each of the two ways that a bitmap can be read. */
void expect_same(int bitmap, int memfd, uint64_t size, const char *what)
{
	size_t part = size < COMPARED ? size : COMPARED;
	uint8_t *ours = buffer_make(part), *peers = buffer_make(part);
	uint64_t at;

	for (at = 0; at < size; at += part) {
		file_read(memfd, at, peers, part);
		bitmap_read(bitmap, at, ours, part);
		if (memcmp(ours, peers, part))
			bench_die("%s: SERIALIZE gives other bytes", what);
		memset(ours, 0xaa, part);
		file_read(bitmap, at, ours, part);
		if (memcmp(ours, peers, part))
			bench_die("%s: pread() gives other bytes", what);
	}
	buffer_free(ours, part);
	buffer_free(peers, part);
}
