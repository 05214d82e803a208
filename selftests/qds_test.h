/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the qds selftests share. Nothing here asserts: calls return 0 or a
 * negative errno, so that a test can as well expect a failure, or inject one.
 */
#ifndef QDS_TEST_H
#define QDS_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest.h>
#include <linux/qds.h>

#define QDS_PATH "/dev/qds"

/* Before main, because the harness has its own: without qds there is nothing to test. */
static void __attribute__((constructor)) need_device(void)
{
	if (!access(QDS_PATH, F_OK))
		return;
	ksft_print_header();
	ksft_exit_skip("there is no " QDS_PATH ": load the qds module\n");
}

/* A pointer as a member of the ABI carries it. */
#define PTR(p) ((__u64)(uintptr_t)(p))

/* More descriptors than any test has open. */
#define FD_LIMIT 256

static inline int call(int fd, unsigned int cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret == -1 ? -errno : ret;
}

/* The number of descriptors open, to see that a refused call leaves none. */
static inline int open_fds(void)
{
	int fd, nr = 0;

	for (fd = 0; fd < FD_LIMIT; fd++)
		nr += fcntl(fd, F_GETFD) != -1;
	return nr;
}

/* The module's references, one for each open file; -1 when it is built in. */
static inline int module_refs(void)
{
	FILE *f = fopen("/sys/module/qds/refcnt", "r");
	int refs;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &refs) != 1)
		refs = -1;
	fclose(f);
	return refs;
}

static inline int table_create(int dev, __u32 key_size, __u32 value_size, __u64 max_entries)
{
	struct qds_table_create arg = {
		.size = sizeof(arg),
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = max_entries,
	};
	int ret = call(dev, QDS_TABLE_CREATE, &arg);

	return ret ? ret : arg.out_fd;
}

static inline int bitmap_create(int dev, __u64 items, __u32 granularity)
{
	struct qds_bitmap_create arg = {
		.size = sizeof(arg),
		.items = items,
		.granularity = granularity,
	};
	int ret = call(dev, QDS_BITMAP_CREATE, &arg);

	return ret ? ret : arg.out_fd;
}

static inline int object_reopen(int fd, __u32 access)
{
	struct qds_object_reopen arg = { .size = sizeof(arg), .access = access };
	int ret = call(fd, QDS_OBJECT_REOPEN, &arg);

	return ret ? ret : arg.out_fd;
}

static inline int caps_get(int dev, struct qds_caps *caps)
{
	memset(caps, 0, sizeof(*caps));
	caps->size = sizeof(*caps);
	return call(dev, QDS_CAPS, caps);
}

static inline int table_info(int fd, struct qds_table_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call(fd, QDS_TABLE_INFO, info);
}

static inline int bitmap_info(int fd, struct qds_bitmap_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call(fd, QDS_BITMAP_INFO, info);
}

/* One range; without results, so that its errno is the call's. */
static inline int bitmap_change(int fd, unsigned int cmd, __u64 start, __u64 count)
{
	struct qds_range range = { .start = start, .count = count };
	struct qds_bitmap_vec arg = {
		.size = sizeof(arg),
		.nr = 1,
		.ranges = PTR(&range),
	};

	return call(fd, cmd, &arg);
}

static inline int bitmap_test(int fd, __u64 start, __u64 count)
{
	struct qds_range range = { .start = start, .count = count };
	__s32 result = -EIO;
	struct qds_bitmap_vec arg = {
		.size = sizeof(arg),
		.nr = 1,
		.ranges = PTR(&range),
		.results = PTR(&result),
	};
	int ret = call(fd, QDS_BITMAP_TEST, &arg);

	return ret ? ret : result;
}

static inline int bitmap_count(int fd, __u64 start, __u64 count, __u64 *dirty)
{
	struct qds_bitmap_count arg = { .size = sizeof(arg), .start = start, .count = count };
	int ret = call(fd, QDS_BITMAP_COUNT, &arg);

	*dirty = arg.dirty;
	return ret;
}

static inline int bitmap_finish(int fd)
{
	struct qds_bitmap_finish arg = { .size = sizeof(arg) };

	return call(fd, QDS_BITMAP_FINISH, &arg);
}

static inline int bitmap_begin(int fd)
{
	struct qds_bitmap_begin arg = { .size = sizeof(arg) };

	return call(fd, QDS_BITMAP_BEGIN, &arg);
}

static inline int bitmap_seal(int fd)
{
	struct qds_bitmap_seal arg = { .size = sizeof(arg) };

	return call(fd, QDS_BITMAP_SEAL, &arg);
}

static inline int bitmap_watch(int fd, __u64 dirty)
{
	struct qds_bitmap_watch arg = { .size = sizeof(arg), .dirty = dirty };

	return call(fd, QDS_BITMAP_WATCH, &arg);
}

/* A new bitmap, by QDS_BITMAP_TAKE or QDS_BITMAP_CLONE. */
static inline int bitmap_copy(int fd, unsigned int cmd)
{
	struct qds_bitmap_copy arg = { .size = sizeof(arg) };
	int ret = call(fd, cmd, &arg);

	return ret ? ret : arg.out_fd;
}

static inline int bitmap_merge(int fd, int source, __u32 how)
{
	struct qds_bitmap_merge arg = { .size = sizeof(arg), .source = source, .how = how };

	return call(fd, QDS_BITMAP_MERGE, &arg);
}

static inline int bitmap_truncate(int fd, __u64 items)
{
	struct qds_bitmap_truncate arg = { .size = sizeof(arg), .items = items };

	return call(fd, QDS_BITMAP_TRUNCATE, &arg);
}

static inline int bitmap_digest(int fd, __u8 *digest)
{
	struct qds_bitmap_digest arg = { .size = sizeof(arg) };
	int ret = call(fd, QDS_BITMAP_DIGEST, &arg);

	memcpy(digest, arg.digest, sizeof(arg.digest));
	return ret;
}

/* The whole of a bitmap's serialized form, @size bytes. */
static inline int bitmap_serialize(int fd, __u64 items, void *data, __u64 size)
{
	struct qds_bitmap_chunk arg = {
		.size = sizeof(arg),
		.count = items,
		.data = PTR(data),
		.data_size = size,
	};

	return call(fd, QDS_BITMAP_SERIALIZE, &arg);
}

/* Restores a chunk that is all dirty. */
static inline int bitmap_restore_ones(int fd, __u64 start, __u64 count)
{
	struct qds_bitmap_chunk arg = {
		.size = sizeof(arg),
		.flags = QDS_CHUNK_ONES,
		.start = start,
		.count = count,
	};

	return call(fd, QDS_BITMAP_DESERIALIZE, &arg);
}

static inline __u32 bitmap_state(int fd)
{
	struct qds_bitmap_info info;

	return bitmap_info(fd, &info) ? ~0U : info.state;
}

static inline __u64 bitmap_dirty(int fd)
{
	struct qds_bitmap_info info;

	return bitmap_info(fd, &info) ? ~0ULL : info.dirty;
}

/* splitmix64: a good stream from any seed. */
static inline __u64 next_random(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* A random number below @bound, which is not 0. */
static inline __u64 random_below(__u64 *state, __u64 bound)
{
	return next_random(state) % bound;
}

/*
 * Memory of @size bytes, a multiple of the page size, with an unmapped page
 * right before it and right behind it. NULL if there is none.
 */
static inline __u8 *guarded_alloc(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	__u8 *p = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + page, size, PROT_READ | PROT_WRITE))
		return NULL;
	return p + page;
}

static inline void guarded_free(__u8 *p, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	munmap(p - page, size + 2 * page);
}

/* Seconds of @clock, for what is to take some time or not too much of it. */
static inline double clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A child that does not outlive its parent, should a test end early. */
static inline pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* What a child has exited with, 128 and more when a signal ended it. */
static inline int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Memory that a process shares with its children. */
static inline void *shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

#endif /* QDS_TEST_H */
