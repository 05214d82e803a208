// SPDX-License-Identifier: GPL-2.0
/*
 * The descriptor of a bitmap as a file: reading, writing and seeking in the
 * serialized form, against what SERIALIZE gives, and polling.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define REGION		2048		/* bytes that are of one moment; holes are of these */
#define REGION_BITS	(8 * REGION)
#define GRANULARITY	3
/* Five regions and a bit, with a tail of 5 bits and in the last group 3 items. */
#define NBITS		(5 * REGION_BITS + 69)
#define ITEMS		(((__u64)NBITS << GRANULARITY) - 5)
#define BYTES		((NBITS + 63) / 64 * 8)

/* A large one, for what is to cost little: 2^38 bytes. */
#define LARGE_BITS	(1ULL << 41)
#define LARGE_BYTES	(LARGE_BITS / 8)

FIXTURE(file)
{
	int dev;
	int fd;
	__u8 expected[BYTES];
	__u8 bytes[BYTES + 64];
};

/* Regions 1 and 3 stay clean; 2 is all dirty. */
static int make_pattern(int fd)
{
	__u64 random = 7, bit;
	int i, ret;

	ret = bitmap_change(fd, QDS_BITMAP_SET, (2ULL * REGION_BITS) << GRANULARITY,
			    REGION_BITS << GRANULARITY);
	for (i = 0; i < 3000 && !ret; i++) {
		bit = random_below(&random, NBITS);
		if (bit / REGION_BITS % 2)
			continue;
		ret = bitmap_change(fd, QDS_BITMAP_SET, bit << GRANULARITY, 1);
	}
	if (!ret)
		ret = bitmap_change(fd, QDS_BITMAP_SET, ITEMS - 1, 1);
	return ret ? ret : bitmap_change(fd, QDS_BITMAP_SET,
					 (4ULL * REGION_BITS) << GRANULARITY, 1);
}

FIXTURE_SETUP(file)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = bitmap_create(self->dev, ITEMS, GRANULARITY);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, make_pattern(self->fd));
	ASSERT_EQ(0, bitmap_serialize(self->fd, ITEMS, self->expected, BYTES));
	memset(self->bytes, 0xa5, sizeof(self->bytes));
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	close(self->dev);
}

TEST_F(file, is_the_serialized_form)
{
	ASSERT_EQ(BYTES, pread(self->fd, self->bytes, sizeof(self->bytes), 0));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, BYTES));
	EXPECT_EQ(0xa5, self->bytes[BYTES]);
	/* The tail is not there. */
	EXPECT_EQ(0, self->expected[NBITS / 8 + 1]);
}

TEST_F(file, is_read_from_any_offset_in_any_length)
{
	__u64 random = 3, at;
	size_t length;
	int i;

	for (i = 0; i < 600; i++) {
		at = random_below(&random, BYTES);
		length = random_below(&random, i % 2 ? 40 : BYTES);
		if (length > BYTES - at)
			length = BYTES - at;
		memset(self->bytes, 0xa5, sizeof(self->bytes));
		ASSERT_EQ(length, pread(self->fd, self->bytes, length, at));
		ASSERT_EQ(0, memcmp(self->bytes, self->expected + at, length))
			TH_LOG("%zu bytes from %llu on", length, (unsigned long long)at);
		ASSERT_EQ(0xa5, self->bytes[length]);
	}
}

TEST_F(file, is_read_in_pieces_by_its_own_position)
{
	size_t done = 0;
	ssize_t n;

	while ((n = read(self->fd, self->bytes + done, 999)) > 0)
		done += n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(BYTES, done);
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, BYTES));
	EXPECT_EQ(BYTES, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(file, is_read_into_several_buffers)
{
	struct iovec vec[] = {
		{ self->bytes, 5 }, { self->bytes + 5, 7001 }, { self->bytes + 7006, 3 },
	};

	ASSERT_EQ(7009, preadv(self->fd, vec, 3, 11));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected + 11, 7009));
}

TEST_F(file, ends_where_the_bitmap_ends)
{
	EXPECT_EQ(0, pread(self->fd, self->bytes, 8, BYTES));
	EXPECT_EQ(0, pread(self->fd, self->bytes, 8, 1ULL << 50));
	EXPECT_EQ(3, pread(self->fd, self->bytes, 8, BYTES - 3));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected + BYTES - 3, 3));
	EXPECT_EQ(0xa5, self->bytes[3]);
	EXPECT_EQ(0, pread(self->fd, self->bytes, 0, 0));
}

TEST_F(file, moves_its_end_when_the_bitmap_is_truncated)
{
	ASSERT_EQ(0, bitmap_truncate(self->fd, 100 << GRANULARITY));
	EXPECT_EQ(16, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(16, pread(self->fd, self->bytes, BYTES, 0));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, 12));
	EXPECT_EQ(0, self->bytes[13]);
	EXPECT_EQ(0, pread(self->fd, self->bytes, 8, 16));
}

TEST_F(file, that_cannot_be_stored_is_EFAULT_or_short)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	__u8 *memory = guarded_alloc(page);

	ASSERT_NE(NULL, memory);
	EXPECT_EQ(-1, pread(self->fd, memory + page, 100, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(100, pread(self->fd, memory + page - 100, 5000, 7));
	EXPECT_EQ(0, memcmp(memory + page - 100, self->expected + 7, 100));
	/* In a hole too. */
	EXPECT_EQ(-1, pread(self->fd, memory + page, 100, REGION));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(file, has_holes_where_regions_are_clean)
{
	/* Clean are the regions 1 and 3. */
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(REGION, lseek(self->fd, 0, SEEK_HOLE));
	EXPECT_EQ(5, lseek(self->fd, 5, SEEK_DATA));
	EXPECT_EQ(REGION + 5, lseek(self->fd, REGION + 5, SEEK_HOLE));
	EXPECT_EQ(2 * REGION, lseek(self->fd, REGION, SEEK_DATA));
	EXPECT_EQ(2 * REGION, lseek(self->fd, REGION + 5, SEEK_DATA));
	EXPECT_EQ(3 * REGION, lseek(self->fd, 2 * REGION + 1, SEEK_HOLE));
	EXPECT_EQ(4 * REGION, lseek(self->fd, 3 * REGION, SEEK_DATA));
	/* The last region has 9 bytes, and is dirty; behind it is a hole. */
	EXPECT_EQ(BYTES, lseek(self->fd, 4 * REGION, SEEK_HOLE));
	EXPECT_EQ(BYTES - 1, lseek(self->fd, BYTES - 1, SEEK_DATA));
	EXPECT_EQ(BYTES, lseek(self->fd, BYTES - 1, SEEK_HOLE));
}

TEST_F(file, has_no_data_behind_the_last_and_no_hole_behind_the_end)
{
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET,
				   (4ULL * REGION_BITS) << GRANULARITY,
				   ITEMS - ((4ULL * REGION_BITS) << GRANULARITY)));
	EXPECT_EQ(-1, lseek(self->fd, 3 * REGION, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(3 * REGION, lseek(self->fd, 3 * REGION, SEEK_HOLE));
	EXPECT_EQ(-1, lseek(self->fd, BYTES, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(self->fd, BYTES, SEEK_HOLE));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(file, is_sought_as_any_other)
{
	EXPECT_EQ(BYTES, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(BYTES - 10, lseek(self->fd, -10, SEEK_END));
	EXPECT_EQ(BYTES - 4, lseek(self->fd, 6, SEEK_CUR));
	EXPECT_EQ(4, read(self->fd, self->bytes, 100));
	EXPECT_EQ(17, lseek(self->fd, 17, SEEK_SET));
	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, BYTES + 1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, 99));
	EXPECT_EQ(EINVAL, errno);
}

/* Copies a file by its holes, as ordinary tools do: its length, or -errno. */
static off_t copy_sparse(int from, int to, __u64 *moved)
{
	__u8 buffer[REGION];
	off_t data = 0, hole, end = lseek(from, 0, SEEK_END);
	ssize_t n;

	*moved = 0;
	while ((data = lseek(from, data, SEEK_DATA)) >= 0) {
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		for (; data < hole; data += n) {
			n = pread(from, buffer,
				  hole - data < REGION ? hole - data : REGION, data);
			if (n <= 0 || pwrite(to, buffer, n, data) != n)
				return -EIO;
			*moved += n;
		}
	}
	return errno == ENXIO ? end : -errno;
}

TEST_F(file, is_copied_sparsely_and_restored_from_the_copy)
{
	int fd = bitmap_create(self->dev, ITEMS, GRANULARITY);
	__u64 moved;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bitmap_begin(fd));
	EXPECT_EQ(BYTES, copy_sparse(self->fd, fd, &moved));
	EXPECT_EQ(BYTES - 2 * REGION, moved);
	ASSERT_EQ(0, bitmap_finish(fd));
	EXPECT_EQ(bitmap_dirty(self->fd), bitmap_dirty(fd));
	ASSERT_EQ(BYTES, pread(fd, self->bytes, BYTES, 0));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, BYTES));
	close(fd);
}

TEST_F(file, is_written_at_any_offset_in_any_length)
{
	__u64 random = 5, at;
	size_t length;
	int i, fd = bitmap_create(self->dev, ITEMS, GRANULARITY);

	ASSERT_LE(0, fd);
	/* What is there is replaced. */
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 0, ITEMS));
	ASSERT_EQ(BYTES, pread(fd, self->bytes, BYTES, 0));
	ASSERT_EQ(0, bitmap_begin(fd));
	for (i = 0; i < 300; i++) {
		at = random_below(&random, BYTES);
		length = 1 + random_below(&random, i % 2 ? 40 : 3 * REGION);
		if (length > BYTES - at)
			length = BYTES - at;
		ASSERT_EQ(length, pwrite(fd, self->expected + at, length, at))
			TH_LOG("%zu bytes at %llu", length, (unsigned long long)at);
		memcpy(self->bytes + at, self->expected + at, length);
	}
	ASSERT_EQ(0, bitmap_finish(fd));
	memset(self->expected, 0xa5, BYTES);
	ASSERT_EQ(BYTES, pread(fd, self->expected, BYTES, 0));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, BYTES));
	close(fd);
}

TEST_F(file, is_written_by_its_own_position)
{
	size_t done = 0;
	ssize_t n;

	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 0, ITEMS));
	ASSERT_EQ(0, bitmap_begin(self->fd));
	while (done < BYTES) {
		n = write(self->fd, self->expected + done,
			  BYTES - done < 999 ? BYTES - done : 999);
		ASSERT_LT(0, n);
		done += n;
	}
	ASSERT_EQ(0, bitmap_finish(self->fd));
	ASSERT_EQ(BYTES, pread(self->fd, self->bytes, BYTES, 0));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, BYTES));
}

/* Errors of write(2), which must leave the bitmap as it was. */
#define EXPECT_WRITE_ERROR(error, data, length, at) do { \
	__u64 __dirty = bitmap_dirty(self->fd); \
	EXPECT_EQ(-1, pwrite(self->fd, data, length, at)); \
	EXPECT_EQ(error, errno); \
	EXPECT_EQ(__dirty, bitmap_dirty(self->fd)); \
} while (0)

TEST_F(file, not_being_restored_is_not_written)
{
	EXPECT_WRITE_ERROR(ENODATA, self->expected + 8, 8, 0);
	EXPECT_EQ(QDS_BITMAP_ACTIVE, bitmap_state(self->fd));
	ASSERT_EQ(0, bitmap_seal(self->fd));
	EXPECT_WRITE_ERROR(EPERM, self->expected + 8, 8, 0);
}

TEST_F(file, is_not_written_through_a_read_only_descriptor)
{
	int fd = object_reopen(self->fd, QDS_ACCESS_READ);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bitmap_begin(self->fd));
	EXPECT_EQ(-1, pwrite(fd, self->expected, 8, 0));
	EXPECT_EQ(EBADF, errno);
	ASSERT_EQ(0, bitmap_finish(self->fd));
	EXPECT_EQ(8, pread(fd, self->bytes, 8, 0));
	close(fd);
}

TEST_F(file, refuses_each_bit_behind_the_end)
{
	__u8 last[8];
	int bit;

	memcpy(last, self->expected + BYTES - 8, 8);
	ASSERT_EQ(0, bitmap_begin(self->fd));
	for (bit = NBITS % 64; bit < 64; bit++) {
		last[bit / 8] |= 1 << bit % 8;
		EXPECT_WRITE_ERROR(EINVAL, last, 8, BYTES - 8);
		EXPECT_WRITE_ERROR(EINVAL, last + bit / 8, 1, BYTES - 8 + bit / 8);
		last[bit / 8] &= ~(1 << bit % 8);
	}
	EXPECT_EQ(8, pwrite(self->fd, last, 8, BYTES - 8));
}

TEST_F(file, is_full_at_its_end)
{
	ASSERT_EQ(0, bitmap_begin(self->fd));
	EXPECT_WRITE_ERROR(ENOSPC, self->bytes, 8, BYTES);
	EXPECT_WRITE_ERROR(ENOSPC, self->bytes, 8, 1ULL << 50);
	memset(self->bytes, 0, sizeof(self->bytes));
	EXPECT_EQ(3, pwrite(self->fd, self->bytes, 8, BYTES - 3));
	EXPECT_EQ(0, pwrite(self->fd, self->bytes, 0, 0));
}

TEST_F(file, from_memory_that_ends_is_EFAULT_or_short)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	__u8 *memory = guarded_alloc(page);

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, bitmap_begin(self->fd));
	EXPECT_WRITE_ERROR(EFAULT, memory + page, 100, 0);
	memset(memory, 0xff, page);
	EXPECT_EQ(100, pwrite(self->fd, memory + page - 100, 5000, REGION + 4));
	ASSERT_EQ(0, bitmap_finish(self->fd));
	memset(self->expected + REGION + 4, 0xff, 100);
	ASSERT_EQ(BYTES, pread(self->fd, self->bytes, BYTES, 0));
	EXPECT_EQ(0, memcmp(self->bytes, self->expected, BYTES));
}

TEST_F(file, being_restored_is_EBUSY_for_readers)
{
	ASSERT_EQ(0, bitmap_begin(self->fd));
	EXPECT_EQ(-1, pread(self->fd, self->bytes, 8, 0));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, pread(self->fd, self->bytes, 8, BYTES));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_HOLE));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(BYTES, lseek(self->fd, 0, SEEK_END));
}

TEST_F(file, is_none_without_a_serialized_form)
{
	int fd = bitmap_create(self->dev, 5ULL << 58, 58);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, pread(fd, self->bytes, 8, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, pwrite(fd, self->bytes, 8, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_DATA));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-EOPNOTSUPP, bitmap_begin(fd));
	EXPECT_EQ(QDS_BITMAP_ACTIVE, bitmap_state(fd));
	close(fd);
}

TEST_F(file, of_a_table_there_is_none)
{
	int fd = table_create(self->dev, 8, 8, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, self->bytes, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(ESPIPE, errno);
	close(fd);
}

TEST_F(file, cannot_be_mapped)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

FIXTURE(large)
{
	int dev;
	int fd;
};

FIXTURE_SETUP(large)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = bitmap_create(self->dev, LARGE_BITS, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(large)
{
	close(self->fd);
	close(self->dev);
}

/* Of the processor: enough for thousands of calls, not for looking at 2^41 bits. */
#define LITTLE_TIME	0.25

TEST_F(large, holes_and_data_are_found_at_once)
{
	const double begin = clock_now(CLOCK_PROCESS_CPUTIME_ID);
	__u8 byte;

	EXPECT_EQ(LARGE_BYTES, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, LARGE_BITS - 1, 1));
	EXPECT_EQ(LARGE_BYTES - REGION, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(1, pread(self->fd, &byte, 1, LARGE_BYTES - 1));
	EXPECT_EQ(0x80, byte);

	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, LARGE_BITS));
	EXPECT_EQ(LARGE_BYTES, lseek(self->fd, 0, SEEK_HOLE));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 1ULL << 40, REGION_BITS));
	EXPECT_EQ((1ULL << 40) / 8, lseek(self->fd, 0, SEEK_HOLE));
	EXPECT_GT(LITTLE_TIME, clock_now(CLOCK_PROCESS_CPUTIME_ID) - begin);
}

/* Readers and writers at the same time, at unaligned places that share words. */

#define WRITERS		4
#define STRIPES		2000

struct writer {
	int fd;
	int nr;
	int failed;
};

/* Writes each WRITERS-th byte of the file, one by one. */
static void *write_stripes(void *arg)
{
	struct writer *w = arg;
	const __u8 byte = 0x11 * (w->nr + 1);
	int i;

	for (i = 0; i < STRIPES; i++)
		w->failed |= pwrite(w->fd, &byte, 1, (off_t)i * WRITERS + w->nr) != 1;
	return NULL;
}

TEST_F(large, writers_of_one_word_do_not_lose_each_others_bytes)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	__u8 bytes[STRIPES * WRITERS];
	int i;

	ASSERT_EQ(0, bitmap_begin(self->fd));
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer) { .fd = self->fd, .nr = i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_stripes, &writers[i]));
	}
	for (i = 0; i < WRITERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, writers[i].failed);
	}
	ASSERT_EQ(0, bitmap_finish(self->fd));
	ASSERT_EQ(sizeof(bytes), pread(self->fd, bytes, sizeof(bytes), 0));
	for (i = 0; i < STRIPES * WRITERS; i++)
		ASSERT_EQ(0x11 * (i % WRITERS + 1), bytes[i])
			TH_LOG("byte %d", i);
}

/* Polling */

FIXTURE(poll)
{
	int dev;
	int fd;
	int reader;		/* a read-only descriptor of its own */
};

FIXTURE_SETUP(poll)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = bitmap_create(self->dev, 10000, 2);
	ASSERT_LE(0, self->fd);
	self->reader = object_reopen(self->fd, QDS_ACCESS_READ);
	ASSERT_LE(0, self->reader);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->reader);
	close(self->fd);
	close(self->dev);
}

/* What poll(2) says of all that it can say, or -1. */
static int events_within(int fd, int milliseconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDNORM | POLLPRI };

	return poll(&p, 1, milliseconds) < 0 ? -1 : p.revents;
}

static int events(int fd)
{
	return events_within(fd, 0);
}

TEST_F(poll, says_when_anything_is_dirty_unless_told_otherwise)
{
	EXPECT_EQ(0, events(self->reader));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 77, 1));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(self->reader));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(self->reader));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 0, 10000));
	EXPECT_EQ(0, events(self->reader));
}

TEST_F(poll, says_so_from_the_threshold_on_and_below_it_no_more)
{
	ASSERT_EQ(0, bitmap_watch(self->reader, 400));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 396));
	EXPECT_EQ(0, events(self->reader));
	/* Whole bits count: 4 items. */
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 1000, 1));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(self->reader));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 0, 4));
	EXPECT_EQ(0, events(self->reader));
}

TEST_F(poll, has_a_threshold_for_each_descriptor)
{
	int same = dup(self->reader);

	ASSERT_EQ(0, bitmap_watch(self->reader, 8));
	ASSERT_EQ(0, bitmap_watch(self->fd, 12));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 8));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(self->reader));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(same));
	EXPECT_EQ(0, events(self->fd));
	ASSERT_EQ(0, bitmap_watch(self->reader, 1ULL << 60));
	EXPECT_EQ(0, events(same));
	close(same);
}

TEST_F(poll, threshold_of_0_is_EINVAL)
{
	ASSERT_EQ(0, bitmap_watch(self->reader, 12));
	EXPECT_EQ(-EINVAL, bitmap_watch(self->reader, 0));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 8));
	EXPECT_EQ(0, events(self->reader));
}

#define PATIENCE	10		/* seconds */

/*
 * Whether poll(2) was woken. When its time is over it looks once more, and would tell
 * of what nobody has woken it for.
 */
static bool woken(int fd)
{
	const double begin = clock_now(CLOCK_MONOTONIC);

	return events_within(fd, 2000 * PATIENCE) == (POLLIN | POLLRDNORM) &&
	       clock_now(CLOCK_MONOTONIC) - begin < PATIENCE;
}

/* A child that is to be woken: exits with 0 when it was. */
static pid_t fork_poller(int fd)
{
	pid_t pid = fork_child();

	if (!pid)
		_exit(!woken(fd));
	return pid;
}

/* Waits until a process sleeps. */
static void await_sleep(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S') {
		usleep(1000);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 'S';
		if (f)
			fclose(f);
	}
}

static bool ended(pid_t pid)
{
	siginfo_t info = {};

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

TEST_F(poll, is_woken_by_what_makes_items_dirty_and_not_before)
{
	pid_t pid;

	ASSERT_EQ(0, bitmap_watch(self->reader, 40));
	pid = fork_poller(self->reader);
	ASSERT_LT(0, pid);
	await_sleep(pid);
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 36));
	usleep(20000);
	ASSERT_FALSE(ended(pid));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 400, 4));
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(poll, is_woken_by_merge)
{
	int source = bitmap_create(self->dev, 10000, 2);
	pid_t pid = fork_poller(self->reader);

	ASSERT_LT(0, pid);
	ASSERT_LE(0, source);
	ASSERT_EQ(0, bitmap_change(source, QDS_BITMAP_SET, 5, 1));
	await_sleep(pid);
	ASSERT_EQ(0, bitmap_merge(self->fd, source, QDS_MERGE_OR));
	EXPECT_EQ(0, wait_for(pid));
	close(source);
}

TEST_F(poll, is_woken_by_a_threshold_that_is_lowered)
{
	pid_t pid;

	ASSERT_EQ(0, bitmap_watch(self->reader, 1000));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 500));
	pid = fork_poller(self->reader);
	ASSERT_LT(0, pid);
	await_sleep(pid);
	ASSERT_EQ(0, bitmap_watch(self->reader, 500));
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(poll, says_nothing_during_a_restore_and_is_woken_by_its_end)
{
	pid_t pid;

	ASSERT_EQ(0, bitmap_restore_ones(self->fd, 0, 256));
	EXPECT_EQ(0, events(self->reader));
	pid = fork_poller(self->reader);
	ASSERT_LT(0, pid);
	await_sleep(pid);
	ASSERT_EQ(0, bitmap_finish(self->fd));
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(poll, says_an_error_when_a_restore_is_abandoned_and_is_woken_by_that)
{
	pid_t pid = fork_child();
	double begin;

	ASSERT_LE(0, pid);
	if (!pid) {
		if (bitmap_begin(self->fd))
			_exit(1);
		usleep(300000);
		_exit(0);
	}
	while (bitmap_state(self->fd) == QDS_BITMAP_ACTIVE)
		usleep(1000);
	begin = clock_now(CLOCK_MONOTONIC);
	EXPECT_EQ(POLLERR, events_within(self->reader, 2000 * PATIENCE));
	EXPECT_GT(PATIENCE, clock_now(CLOCK_MONOTONIC) - begin);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(POLLERR, events(self->reader));
	ASSERT_EQ(0, bitmap_begin(self->fd));
	EXPECT_EQ(0, events(self->reader));
}

TEST_F(poll, goes_on_when_the_bitmap_is_sealed)
{
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 8));
	ASSERT_EQ(0, bitmap_seal(self->fd));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(self->reader));
	ASSERT_EQ(0, bitmap_watch(self->reader, 9));
	EXPECT_EQ(0, events(self->reader));
}

TEST_F(poll, by_epoll_tells_each_time_that_the_threshold_is_reached)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int i, ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, bitmap_watch(self->reader, 8));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->reader, &ev));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 8));
		EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 0));
		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 0, 8));
	}
	close(ep);
}

#define RACES	300

TEST_F(poll, loses_no_wake_up)
{
	__u32 *seen = shared_alloc(sizeof(*seen));
	pid_t pid;
	__u32 i;

	ASSERT_NE(NULL, seen);
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Each time it is told, it makes the bitmap clean again. */
		for (i = 0; i < RACES; i++) {
			if (!woken(self->reader))
				_exit(1);
			if (bitmap_change(self->fd, QDS_BITMAP_RESET, 0, 10000))
				_exit(2);
			__atomic_store_n(seen, i + 1, __ATOMIC_RELEASE);
		}
		_exit(0);
	}
	for (i = 0; i < RACES; i++) {
		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 4 * (i % 2500), 1));
		while (__atomic_load_n(seen, __ATOMIC_ACQUIRE) <= i && !ended(pid))
			sched_yield();
		ASSERT_LT(i, __atomic_load_n(seen, __ATOMIC_ACQUIRE));
	}
	EXPECT_EQ(0, wait_for(pid));
}

TEST_HARNESS_MAIN
