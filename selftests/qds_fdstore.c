// SPDX-License-Identifier: GPL-2.0
/*
 * fd stores: the six operations, what each refuses, what an error loses (nothing),
 * and circles of references, which must not keep a store that nobody can reach.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/io_uring.h>
#include <netinet/in.h>

#include <kselftest_harness.h>

#include "qds_test.h"

/* What the kernel works on at once. */
#define BATCH		64
#define USER_FDS	"/sys/module/qds/parameters/user_fds"

static int store_create(int dev, __u64 max_entries)
{
	struct qds_fdstore_create arg = { .size = sizeof(arg), .max_entries = max_entries };
	int ret = call(dev, QDS_FDSTORE_CREATE, &arg);

	return ret ? ret : arg.out_fd;
}

static int store_info(int fd, struct qds_fdstore_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call(fd, QDS_FDSTORE_INFO, info);
}

static __u64 store_entries(int fd)
{
	struct qds_fdstore_info info;

	return store_info(fd, &info) ? ~0ULL : info.entries;
}

static __u64 store_sockets(int fd)
{
	struct qds_fdstore_info info;

	return store_info(fd, &info) ? ~0ULL : info.sockets;
}

static struct qds_fdstore_entry entry_of(const char *name, __u32 id, int fd)
{
	return (struct qds_fdstore_entry){
		.name = PTR(name),
		.name_len = strlen(name),
		.id = id,
		.fd = fd,
	};
}

static int entries_call(int store, unsigned int cmd, struct qds_fdstore_entry *entries,
			__u32 nr, __s32 *results, __u32 *done)
{
	struct qds_fdstore_vec arg = {
		.size = sizeof(arg),
		.nr = nr,
		.done = ~0U,
		.entries = PTR(entries),
		.results = PTR(results),
	};
	int ret = call(store, cmd, &arg);

	if (done)
		*done = arg.done;
	return ret;
}

/* One element; its result, or what the call failed with. */
static int entry_call(int store, unsigned int cmd, struct qds_fdstore_entry *entry)
{
	__s32 result = -EIO;
	int ret = entries_call(store, cmd, entry, 1, &result, NULL);

	return ret ? ret : result;
}

static int save(int store, const char *name, __u32 id, int fd)
{
	struct qds_fdstore_entry entry = entry_of(name, id, fd);

	return entry_call(store, QDS_FDSTORE_SAVE, &entry);
}

static int resave(int store, const char *name, __u32 id, int fd)
{
	struct qds_fdstore_entry entry = entry_of(name, id, fd);

	return entry_call(store, QDS_FDSTORE_RESAVE, &entry);
}

static int delete(int store, const char *name, __u32 id)
{
	struct qds_fdstore_entry entry = entry_of(name, id, -1);

	return entry_call(store, QDS_FDSTORE_DELETE, &entry);
}

/* The descriptor, or an error. */
static int find(int store, const char *name, __u32 id)
{
	struct qds_fdstore_entry entry = entry_of(name, id, -2);
	int ret = entry_call(store, QDS_FDSTORE_FIND, &entry);

	return ret ? ret : entry.fd;
}

/* Are two descriptors of one open file? They share its flags then. */
static bool same_file(int a, int b)
{
	int before = fcntl(b, F_GETFL), after;

	if (before == -1 || fcntl(a, F_SETFL, before ^ O_NONBLOCK))
		return false;
	after = fcntl(b, F_GETFL);
	fcntl(a, F_SETFL, before);
	return after == (before ^ O_NONBLOCK);
}

/* Wait until the module has as many references again. */
static bool refs_return(int refs)
{
	int i;

	for (i = 0; i < 200 && module_refs() != refs; i++)
		usleep(10000);
	return module_refs() == refs;
}

/* Send a descriptor over a socket. */
static int send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int name_link(int fd, const char *name)
{
	struct qds_object_link arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = strlen(name),
	};

	return call(fd, QDS_OBJECT_LINK, &arg);
}

static int name_unlink(int dev, const char *name)
{
	struct qds_name_unlink arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = strlen(name),
	};

	return call(dev, QDS_NAME_UNLINK, &arg);
}

static int name_open(int dev, const char *name)
{
	struct qds_name_open arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = strlen(name),
		.access = QDS_ACCESS_READ | QDS_ACCESS_WRITE,
	};
	int ret = call(dev, QDS_NAME_OPEN, &arg);

	return ret ? ret : arg.out_fd;
}

FIXTURE(fdstore)
{
	int dev;
	int store;
	int file;
	int refs;
};

FIXTURE_SETUP(fdstore)
{
	self->dev = open(QDS_PATH, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->dev, 0);
	self->refs = module_refs();
	self->store = store_create(self->dev, 0);
	ASSERT_GE(self->store, 0);
	self->file = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(self->file, 0);
}

FIXTURE_TEARDOWN(fdstore)
{
	close(self->file);
	close(self->store);
	EXPECT_TRUE(refs_return(self->refs));
	close(self->dev);
}

TEST_F(fdstore, is_an_object)
{
	struct qds_object_info info = { .size = sizeof(info) };
	struct qds_fdstore_info store;
	struct qds_caps caps;

	EXPECT_EQ(fcntl(self->store, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(call(self->store, QDS_OBJECT_INFO, &info), 0);
	EXPECT_EQ(info.kind, QDS_KIND_FDSTORE);
	EXPECT_EQ(caps_get(self->dev, &caps), 0);
	EXPECT_TRUE(caps.features & QDS_FEATURE_FDSTORE);
	EXPECT_EQ(store_info(self->store, &store), 0);
	EXPECT_EQ(store.entries, 0);
	EXPECT_EQ(store.max_entries, 0);
	EXPECT_EQ(store.sockets, 0);
}

TEST_F(fdstore, a_file_outlives_who_saved_it)
{
	int file = eventfd(7, EFD_CLOEXEC), found;
	__u64 value = 0;

	ASSERT_EQ(save(self->store, "state", 1, file), 0);
	close(file);
	found = find(self->store, "state", 1);
	ASSERT_GE(found, 0);
	EXPECT_EQ(fcntl(found, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(read(found, &value, sizeof(value)), sizeof(value));
	EXPECT_EQ(value, 7);
	close(found);
}

TEST_F(fdstore, finds_the_file_and_no_copy)
{
	int first, second;

	ASSERT_EQ(save(self->store, "state", 1, self->file), 0);
	first = find(self->store, "state", 1);
	second = find(self->store, "state", 1);
	EXPECT_NE(first, second);
	EXPECT_TRUE(same_file(first, self->file));
	EXPECT_TRUE(same_file(second, self->file));
	close(first);
	close(second);
}

TEST_F(fdstore, a_key_is_a_name_and_a_number)
{
	char longest[QDS_FDSTORE_NAME_MAX + 1];
	int other = eventfd(0, 0), found;

	memset(longest, 'x', sizeof(longest));
	longest[QDS_FDSTORE_NAME_MAX] = 0;
	EXPECT_EQ(save(self->store, "a", 1, self->file), 0);
	EXPECT_EQ(save(self->store, "a", 2, other), 0);
	EXPECT_EQ(save(self->store, "ab", 1, other), 0);
	EXPECT_EQ(save(self->store, "/rom@etc/acpi", ~0U, other), 0);
	EXPECT_EQ(save(self->store, longest, 0, other), 0);
	found = find(self->store, "a", 1);
	EXPECT_TRUE(same_file(found, self->file));
	close(found);
	found = find(self->store, "a", 2);
	EXPECT_FALSE(same_file(found, self->file));
	close(found);
	found = find(self->store, longest, 0);
	EXPECT_TRUE(same_file(found, other));
	close(found);
	EXPECT_EQ(find(self->store, "a", 3), -ENOENT);
	EXPECT_EQ(find(self->store, "b", 1), -ENOENT);
	longest[QDS_FDSTORE_NAME_MAX - 1] = 0;
	EXPECT_EQ(find(self->store, longest, 0), -ENOENT);
	close(other);
}

TEST_F(fdstore, a_key_is_saved_once)
{
	int other = eventfd(0, 0), found;

	ASSERT_EQ(save(self->store, "state", 1, self->file), 0);
	EXPECT_EQ(save(self->store, "state", 1, self->file), -EEXIST);
	EXPECT_EQ(save(self->store, "state", 1, other), -EEXIST);
	found = find(self->store, "state", 1);
	EXPECT_TRUE(same_file(found, self->file));
	EXPECT_EQ(store_entries(self->store), 1);
	close(found);
	close(other);
}

TEST_F(fdstore, one_file_may_have_several_keys)
{
	int first, second;

	ASSERT_EQ(save(self->store, "a", 1, self->file), 0);
	ASSERT_EQ(save(self->store, "b", 1, self->file), 0);
	first = find(self->store, "a", 1);
	ASSERT_EQ(delete(self->store, "a", 1), 0);
	second = find(self->store, "b", 1);
	EXPECT_TRUE(same_file(first, second));
	EXPECT_EQ(store_entries(self->store), 1);
	close(first);
	close(second);
}

TEST_F(fdstore, resave_accepts_the_same_file_alone)
{
	int same = dup(self->file), other = eventfd(0, 0), found;

	EXPECT_EQ(resave(self->store, "state", 1, self->file), QDS_FDSTORE_SAVED);
	EXPECT_EQ(resave(self->store, "state", 1, self->file), QDS_FDSTORE_FOUND);
	EXPECT_EQ(resave(self->store, "state", 1, same), QDS_FDSTORE_FOUND);
	EXPECT_EQ(resave(self->store, "state", 1, other), -EEXIST);
	found = find(self->store, "state", 1);
	EXPECT_TRUE(same_file(found, self->file));
	EXPECT_EQ(store_entries(self->store), 1);
	close(found);
	close(same);
	close(other);
}

TEST_F(fdstore, delete_lets_go_of_the_file)
{
	int ends[2];
	char byte;

	ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
	ASSERT_EQ(save(self->store, "pipe", 0, ends[1]), 0);
	close(ends[1]);
	EXPECT_EQ(read(ends[0], &byte, 1), -1);
	EXPECT_EQ(errno, EAGAIN);
	EXPECT_EQ(delete(self->store, "pipe", 0), 0);
	EXPECT_EQ(read(ends[0], &byte, 1), 0);
	EXPECT_EQ(delete(self->store, "pipe", 0), -ENOENT);
	EXPECT_EQ(find(self->store, "pipe", 0), -ENOENT);
	close(ends[0]);
}

TEST_F(fdstore, a_store_that_goes_lets_go_of_all_files)
{
	int ends[2], i, fd, store = store_create(self->dev, 0);
	char byte;

	ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
	ASSERT_EQ(save(store, "pipe", 0, ends[1]), 0);
	for (i = 0; i < 3000; i++) {
		fd = eventfd(0, 0);
		ASSERT_EQ(save(store, "many", i, fd), 0);
		close(fd);
	}
	close(ends[1]);
	close(store);
	EXPECT_EQ(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

TEST_F(fdstore, find_or_save_saves_once)
{
	struct qds_fdstore_entry entry = entry_of("state", 1, self->file);
	int other = eventfd(0, 0);

	EXPECT_EQ(entry_call(self->store, QDS_FDSTORE_FIND_OR_SAVE, &entry),
		  QDS_FDSTORE_SAVED);
	EXPECT_EQ(entry.fd, self->file);
	entry.fd = other;
	EXPECT_EQ(entry_call(self->store, QDS_FDSTORE_FIND_OR_SAVE, &entry),
		  QDS_FDSTORE_FOUND);
	EXPECT_NE(entry.fd, other);
	EXPECT_EQ(fcntl(entry.fd, F_GETFD), FD_CLOEXEC);
	EXPECT_TRUE(same_file(entry.fd, self->file));
	close(entry.fd);
	close(other);
}

#define RACERS 3
#define ROUNDS 30

/**
 * struct race - processes that find or save the same keys at the same time
 * @barrier: where they meet before each round
 * @results: what each of them was told
 */
struct race {
	pthread_barrier_t barrier;
	__s32 results[ROUNDS][RACERS][BATCH];
};

static int race_init(struct race *race)
{
	pthread_barrierattr_t attr;

	return pthread_barrierattr_init(&attr) ||
	       pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ||
	       pthread_barrier_init(&race->barrier, &attr, RACERS);
}

/* Who found and who saved add to the same file. */
static int race_round(int store, int round, int racer, struct race *race)
{
	struct qds_fdstore_entry entries[BATCH];
	const __u64 one = 1;
	int i, ret, fds[BATCH];

	for (i = 0; i < BATCH; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		entries[i] = entry_of("race", round * BATCH + i, fds[i]);
	}
	pthread_barrier_wait(&race->barrier);
	ret = entries_call(store, QDS_FDSTORE_FIND_OR_SAVE, entries, BATCH,
			   race->results[round][racer], NULL);
	for (i = 0; i < BATCH; i++) {
		if (write(entries[i].fd, &one, sizeof(one)) != sizeof(one))
			ret = -errno;
		if (entries[i].fd != fds[i])
			close(fds[i]);
		close(entries[i].fd);
	}
	return ret;
}

static void race_child(int store, int racer, struct race *race)
{
	int round;

	for (round = 0; round < ROUNDS; round++)
		if (race_round(store, round, racer, race))
			_exit(1);
	_exit(0);
}

TEST_F(fdstore, of_those_who_find_or_save_one_saves)
{
	struct race *race = shared_alloc(sizeof(*race));
	int i, key, round, saved, found;
	pid_t pids[RACERS];
	__u64 value;

	ASSERT_NE(race, NULL);
	ASSERT_EQ(race_init(race), 0);
	for (i = 0; i < RACERS; i++) {
		pids[i] = fork_child();
		if (!pids[i])
			race_child(self->store, i, race);
	}
	for (i = 0; i < RACERS; i++)
		EXPECT_EQ(wait_for(pids[i]), 0);
	for (key = 0; key < ROUNDS * BATCH; key++) {
		round = key / BATCH;
		for (saved = 0, i = 0; i < RACERS; i++)
			saved += race->results[round][i][key % BATCH] == QDS_FDSTORE_SAVED;
		ASSERT_EQ(saved, 1);
		found = find(self->store, "race", key);
		ASSERT_EQ(read(found, &value, sizeof(value)), sizeof(value));
		ASSERT_EQ(value, RACERS);
		close(found);
	}
}

/* Vectors */

TEST_F(fdstore, each_element_has_its_result)
{
	struct qds_fdstore_entry entries[] = {
		entry_of("a", 1, self->file), entry_of("a", 1, self->file),
		entry_of("b", 1, -1), entry_of("", 1, self->file),
		entry_of("c", 1, self->file),
	};
	static const __s32 saved[] = { 0, -EEXIST, -EBADF, -EINVAL, 0 };
	static const __s32 found[] = { 0, 0, -ENOENT, -EINVAL, 0 };
	__s32 results[5];
	__u32 done;
	int i;

	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_SAVE, entries, 5, results, &done), 0);
	EXPECT_EQ(done, 5);
	EXPECT_EQ(memcmp(results, saved, sizeof(saved)), 0);
	EXPECT_EQ(store_entries(self->store), 2);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, entries, 5, results, &done), 0);
	EXPECT_EQ(done, 5);
	EXPECT_EQ(memcmp(results, found, sizeof(found)), 0);
	EXPECT_EQ(entries[2].fd, -1);
	EXPECT_EQ(entries[3].fd, -1);
	for (i = 0; i < 5; i++)
		close(entries[i].fd);
}

TEST_F(fdstore, without_results_it_stops_at_the_first_failure)
{
	struct qds_fdstore_entry entries[] = {
		entry_of("a", 1, self->file), entry_of("b", 1, self->file),
		entry_of("a", 1, self->file), entry_of("c", 1, self->file),
	};
	int fds = open_fds();
	__u32 done;

	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_SAVE, entries, 4, NULL, &done), -EEXIST);
	EXPECT_EQ(done, 2);
	EXPECT_EQ(store_entries(self->store), 2);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, entries + 2, 2, NULL, &done),
		  -ENOENT);
	EXPECT_EQ(done, 1);
	EXPECT_EQ(open_fds(), fds + 1);
	close(entries[2].fd);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_DELETE, entries + 1, 3, NULL, &done),
		  -ENOENT);
	EXPECT_EQ(done, 2);
	EXPECT_EQ(store_entries(self->store), 0);
}

TEST_F(fdstore, vectors_are_longer_than_a_batch)
{
	struct qds_fdstore_entry entries[2 * BATCH + 3];
	const __u32 nr = 2 * BATCH + 3;
	__s32 results[2 * BATCH + 3];
	__u32 i, done;

	for (i = 0; i < nr; i++)
		entries[i] = entry_of("x", i, self->file);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_SAVE, entries, nr, NULL, &done), 0);
	EXPECT_EQ(done, nr);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, entries, nr, results, &done), 0);
	EXPECT_EQ(done, nr);
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(results[i], 0);
		EXPECT_EQ(close(entries[i].fd), 0);
	}
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_DELETE, entries, nr, NULL, &done), 0);
	EXPECT_EQ(store_entries(self->store), 0);
}

/* Walks */

static int walk(int store, __u64 *cursor, struct qds_fdstore_record *records, __u32 *nr)
{
	struct qds_fdstore_walk arg = {
		.size = sizeof(arg),
		.cursor = *cursor,
		.records = PTR(records),
		.nr = *nr,
	};
	int ret = call(store, QDS_FDSTORE_WALK, &arg);

	*cursor = arg.cursor;
	*nr = arg.nr;
	return ret;
}

TEST_F(fdstore, a_walk_goes_in_the_order_of_saving)
{
	static const char *const names[] = { "z", "a", "m" };
	static const struct qds_fdstore_record zero;
	struct qds_fdstore_record records[4];
	__u64 cursor = 0;
	__u32 i, nr = 4;

	memset(records, 0xff, sizeof(records));
	EXPECT_EQ(walk(self->store, &cursor, records, &nr), 0);
	EXPECT_EQ(nr, 0);
	EXPECT_EQ(cursor, 0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(save(self->store, names[i], 9 - i, self->file), 0);
	nr = 4;
	EXPECT_EQ(walk(self->store, &cursor, records, &nr), 0);
	EXPECT_EQ(cursor, 0);
	ASSERT_EQ(nr, 3);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(records[i].id, 9 - i);
		EXPECT_EQ(records[i].name_len, 1);
		EXPECT_EQ(records[i].flags, 0);
		EXPECT_EQ(records[i].__reserved, 0);
		EXPECT_STREQ(records[i].name, names[i]);
		EXPECT_EQ(memcmp(records[i].name + 1, zero.name, sizeof(zero.name) - 1), 0);
	}
}

TEST_F(fdstore, a_walk_in_pieces_tells_each_once)
{
	struct qds_fdstore_record records[7];
	__u64 cursor = 0;
	__u32 i, nr, next = 0;

	for (i = 0; i < 200; i++)
		ASSERT_EQ(save(self->store, "x", i, self->file), 0);
	do {
		nr = 7;
		ASSERT_EQ(walk(self->store, &cursor, records, &nr), 0);
		for (i = 0; i < nr; i++)
			EXPECT_EQ(records[i].id, next++);
		/* The one that the cursor is at, and one that comes. */
		if (next == 70) {
			EXPECT_EQ(delete(self->store, "x", 69), 0);
			EXPECT_EQ(delete(self->store, "x", 70), 0);
			EXPECT_EQ(save(self->store, "x", 200, self->file), 0);
			next++;
		}
	} while (cursor);
	EXPECT_EQ(next, 201);
}

TEST_F(fdstore, a_walk_takes_more_than_a_batch_at_once)
{
	static struct qds_fdstore_record records[3 * BATCH];
	__u64 cursor = 0;
	__u32 i, nr = 3 * BATCH;

	for (i = 0; i < 2 * BATCH; i++)
		ASSERT_EQ(save(self->store, "x", i, self->file), 0);
	EXPECT_EQ(walk(self->store, &cursor, records, &nr), 0);
	EXPECT_EQ(nr, 2 * BATCH);
	EXPECT_EQ(cursor, 0);
	EXPECT_EQ(records[2 * BATCH - 1].id, 2 * BATCH - 1);
}

/* Refusals: everything else is right */

TEST_F(fdstore, create_refuses)
{
	struct qds_fdstore_create arg = { .size = sizeof(arg), .__reserved = 1 };
	int device = open(QDS_PATH, O_RDONLY);

	EXPECT_EQ(call(self->dev, QDS_FDSTORE_CREATE, &arg), -EOPNOTSUPP);
	arg = (struct qds_fdstore_create){ .size = sizeof(arg), .flags = 1 };
	EXPECT_EQ(call(self->dev, QDS_FDSTORE_CREATE, &arg), -EOPNOTSUPP);
	arg = (struct qds_fdstore_create){ .size = sizeof(arg) - 1 };
	EXPECT_EQ(call(self->dev, QDS_FDSTORE_CREATE, &arg), -EINVAL);
	EXPECT_EQ(store_create(device, 0), -EBADF);
	EXPECT_EQ(store_create(self->store, 0), -ENOTTY);
	close(device);
}

TEST_F(fdstore, calls_refuse)
{
	static const unsigned int cmds[] = {
		QDS_FDSTORE_SAVE, QDS_FDSTORE_FIND, QDS_FDSTORE_RESAVE,
		QDS_FDSTORE_DELETE, QDS_FDSTORE_FIND_OR_SAVE,
	};
	struct qds_fdstore_entry entry = entry_of("a", 1, self->file);
	struct qds_fdstore_vec arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		arg = (struct qds_fdstore_vec){ .size = sizeof(arg), .entries = PTR(&entry) };
		EXPECT_EQ(call(self->store, cmds[i], &arg), -EINVAL);
		arg.nr = 1;
		arg.flags = 1;
		EXPECT_EQ(call(self->store, cmds[i], &arg), -EOPNOTSUPP);
		arg.flags = 0;
		arg.size--;
		EXPECT_EQ(call(self->store, cmds[i], &arg), -EINVAL);
		arg.size++;
		arg.entries = 0;
		EXPECT_EQ(call(self->store, cmds[i], &arg), -EFAULT);
		EXPECT_EQ(arg.done, 0);
		arg.entries = PTR(&entry);
		EXPECT_EQ(call(self->dev, cmds[i], &arg), -ENOTTY);
	}
	EXPECT_EQ(store_entries(self->store), 0);
}

TEST_F(fdstore, walk_refuses)
{
	struct qds_fdstore_record record;
	struct qds_fdstore_walk arg = { .size = sizeof(arg), .records = PTR(&record) };

	EXPECT_EQ(call(self->store, QDS_FDSTORE_WALK, &arg), -EINVAL);
	arg.nr = 1;
	arg.__reserved = 1;
	EXPECT_EQ(call(self->store, QDS_FDSTORE_WALK, &arg), -EOPNOTSUPP);
	arg.__reserved = 0;
	arg.flags = 1;
	EXPECT_EQ(call(self->store, QDS_FDSTORE_WALK, &arg), -EOPNOTSUPP);
	arg.flags = 0;
	arg.records = 0;
	EXPECT_EQ(save(self->store, "a", 1, self->file), 0);
	EXPECT_EQ(call(self->store, QDS_FDSTORE_WALK, &arg), -EFAULT);
}

TEST_F(fdstore, keys_refuse)
{
	static const unsigned int cmds[] = {
		QDS_FDSTORE_SAVE, QDS_FDSTORE_FIND, QDS_FDSTORE_RESAVE,
		QDS_FDSTORE_DELETE, QDS_FDSTORE_FIND_OR_SAVE,
	};
	char name[QDS_FDSTORE_NAME_MAX + 1];
	struct qds_fdstore_entry entry;
	size_t i;

	memset(name, 'x', sizeof(name));
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		entry = entry_of("a", 1, self->file);
		entry.name_len = 0;
		EXPECT_EQ(entry_call(self->store, cmds[i], &entry), -EINVAL);
		entry.name_len = 2;
		EXPECT_EQ(entry_call(self->store, cmds[i], &entry), -EINVAL);
		entry.name_len = 1;
		entry.flags = 1;
		EXPECT_EQ(entry_call(self->store, cmds[i], &entry), -EOPNOTSUPP);
		entry.flags = 0;
		entry.name = 0;
		EXPECT_EQ(entry_call(self->store, cmds[i], &entry), -EFAULT);
		entry.name = PTR(name);
		entry.name_len = sizeof(name);
		EXPECT_EQ(entry_call(self->store, cmds[i], &entry), -ENAMETOOLONG);
	}
	EXPECT_EQ(store_entries(self->store), 0);
}

TEST_F(fdstore, what_is_no_descriptor_is_not_saved)
{
	struct qds_fdstore_entry entry = entry_of("a", 1, -1);
	int closed = dup(self->file);

	close(closed);
	EXPECT_EQ(save(self->store, "a", 1, -1), -EBADF);
	EXPECT_EQ(save(self->store, "a", 1, closed), -EBADF);
	EXPECT_EQ(resave(self->store, "a", 1, closed), -EBADF);
	EXPECT_EQ(entry_call(self->store, QDS_FDSTORE_FIND_OR_SAVE, &entry), -EBADF);
	EXPECT_EQ(store_entries(self->store), 0);
}

TEST_F(fdstore, a_path_is_saved)
{
	int path = open("/", O_PATH), found;
	struct stat a, b;

	ASSERT_EQ(save(self->store, "path", 1, path), 0);
	found = find(self->store, "path", 1);
	EXPECT_TRUE(fcntl(found, F_GETFL) & O_PATH);
	EXPECT_EQ(fstat(path, &a), 0);
	EXPECT_EQ(fstat(found, &b), 0);
	EXPECT_EQ(a.st_ino, b.st_ino);
	close(found);
	close(path);
}

TEST_F(fdstore, a_read_only_descriptor_tells_and_gives_nothing)
{
	int store = object_reopen(self->store, QDS_ACCESS_READ);
	struct qds_fdstore_entry entry = entry_of("a", 2, self->file);
	struct qds_fdstore_record record;
	__u64 cursor = 0;
	__u32 nr = 1;

	ASSERT_GE(store, 0);
	ASSERT_EQ(save(self->store, "a", 1, self->file), 0);
	EXPECT_EQ(store_entries(store), 1);
	EXPECT_EQ(walk(store, &cursor, &record, &nr), 0);
	EXPECT_EQ(nr, 1);
	EXPECT_EQ(find(store, "a", 1), -EBADF);
	EXPECT_EQ(save(store, "a", 2, self->file), -EBADF);
	EXPECT_EQ(resave(store, "a", 1, self->file), -EBADF);
	EXPECT_EQ(delete(store, "a", 1), -EBADF);
	EXPECT_EQ(entry_call(store, QDS_FDSTORE_FIND_OR_SAVE, &entry), -EBADF);
	EXPECT_EQ(store_entries(store), 1);
	close(store);
}

/* What an error loses */

TEST_F(fdstore, a_full_store_refuses_and_still_finds)
{
	int store = store_create(self->dev, 2), other = eventfd(0, 0), found;
	struct qds_fdstore_entry entry = entry_of("a", 1, other);

	ASSERT_EQ(save(store, "a", 1, self->file), 0);
	ASSERT_EQ(save(store, "a", 2, self->file), 0);
	EXPECT_EQ(save(store, "a", 3, self->file), -ENOSPC);
	EXPECT_EQ(resave(store, "a", 3, self->file), -ENOSPC);
	EXPECT_EQ(save(store, "a", 1, self->file), -EEXIST);
	EXPECT_EQ(resave(store, "a", 1, self->file), QDS_FDSTORE_FOUND);
	EXPECT_EQ(entry_call(store, QDS_FDSTORE_FIND_OR_SAVE, &entry), QDS_FDSTORE_FOUND);
	EXPECT_TRUE(same_file(entry.fd, self->file));
	close(entry.fd);
	entry = entry_of("a", 3, other);
	EXPECT_EQ(entry_call(store, QDS_FDSTORE_FIND_OR_SAVE, &entry), -ENOSPC);
	EXPECT_EQ(entry.fd, other);
	EXPECT_EQ(delete(store, "a", 2), 0);
	EXPECT_EQ(save(store, "a", 3, self->file), 0);
	found = find(store, "a", 3);
	EXPECT_GE(found, 0);
	close(found);
	close(other);
	close(store);
}

TEST_F(fdstore, who_has_no_slot_left_loses_nothing)
{
	struct qds_fdstore_entry entries[4], other = entry_of("x", 0, self->file);
	struct rlimit limit, before;
	__s32 results[4];
	__u32 done;
	int i, fds;

	for (i = 0; i < 4; i++) {
		entries[i] = entry_of("x", i, self->file);
		ASSERT_EQ(save(self->store, "x", i, self->file), 0);
	}
	fds = open_fds();
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	/* All below the next are in use: there are slots for two. */
	i = dup(self->file);
	close(i);
	limit = before;
	limit.rlim_cur = i + 2;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, entries, 4, NULL, &done), -EMFILE);
	EXPECT_EQ(done, 2);
	EXPECT_EQ(open_fds(), fds + 2);
	EXPECT_EQ(entries[2].fd, -1);
	EXPECT_EQ(entry_call(self->store, QDS_FDSTORE_FIND_OR_SAVE, &other), -EMFILE);
	EXPECT_EQ(other.fd, self->file);
	EXPECT_EQ(store_entries(self->store), 4);
	close(entries[0].fd);
	close(entries[1].fd);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, entries, 4, results, &done), 0);
	EXPECT_EQ(done, 4);
	EXPECT_EQ(results[1], 0);
	EXPECT_EQ(results[2], -EMFILE);
	EXPECT_EQ(results[3], -EMFILE);
	EXPECT_EQ(entries[3].fd, -1);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(entries[0].fd);
	close(entries[1].fd);
	i = find(self->store, "x", 3);
	EXPECT_GE(i, 0);
	close(i);
}

TEST_F(fdstore, memory_that_cannot_be_written_loses_nothing)
{
	size_t page = sysconf(_SC_PAGESIZE), size = 2 * page;
	__u32 done, nr = 2 * BATCH;
	struct qds_fdstore_entry *entries;
	int i, fds = open_fds();
	__u8 *memory;

	memory = guarded_alloc(size);
	ASSERT_NE(memory, NULL);
	/* The last batch's entries reach into the page that cannot be written. */
	entries = (void *)(memory + page - (2 * BATCH - 1) * sizeof(*entries));
	for (i = 0; i < 2 * BATCH; i++) {
		entries[i] = entry_of("x", i, self->file);
		ASSERT_EQ(save(self->store, "x", i, self->file), 0);
	}
	ASSERT_EQ(mprotect(memory + page, page, PROT_READ), 0);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, entries, nr, NULL, &done), -EFAULT);
	EXPECT_EQ(done, BATCH);
	EXPECT_EQ(open_fds(), fds + BATCH);
	for (i = 0; i < BATCH; i++)
		EXPECT_EQ(close(entries[i].fd), 0);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND_OR_SAVE, entries + 2 * BATCH - 1,
			       1, NULL, &done), -EFAULT);
	EXPECT_EQ(open_fds(), fds);
	EXPECT_EQ(store_entries(self->store), 2 * BATCH);
	guarded_free(memory, size);
}

TEST_F(fdstore, results_that_cannot_be_told_change_nothing)
{
	struct qds_fdstore_entry entry = entry_of("x", 1, self->file);
	__s32 *results = (__s32 *)8;
	int fds = open_fds();
	__u32 done;

	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_SAVE, &entry, 1, results, &done),
		  -EFAULT);
	EXPECT_EQ(done, 0);
	EXPECT_EQ(store_entries(self->store), 0);
	ASSERT_EQ(save(self->store, "x", 1, self->file), 0);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_FIND, &entry, 1, results, &done),
		  -EFAULT);
	EXPECT_EQ(open_fds(), fds);
	EXPECT_EQ(entries_call(self->store, QDS_FDSTORE_DELETE, &entry, 1, results, &done),
		  -EFAULT);
	EXPECT_EQ(store_entries(self->store), 1);
}

/* The bound of a user */

static int set_bound(unsigned long long bound)
{
	FILE *f = fopen(USER_FDS, "w");

	if (!f)
		return -errno;
	fprintf(f, "%llu\n", bound);
	return fclose(f) ? -errno : 0;
}

static unsigned long long get_bound(void)
{
	unsigned long long bound = 0;
	FILE *f = fopen(USER_FDS, "r");

	if (!f || fscanf(f, "%llu", &bound) != 1)
		bound = 0;
	if (f)
		fclose(f);
	return bound;
}

/* As a user who may not exceed bounds; what it exits with is the line that failed. */
#define MUST(condition) do { if (!(condition)) _exit(__LINE__ % 251 + 1); } while (0)

static void bounded_user(int store, int file)
{
	struct qds_fdstore_entry entry = entry_of("x", 1, file);

	MUST(!setgid(4711) && !setuid(4711));
	MUST(!save(store, "x", 1, file));
	MUST(!save(store, "x", 2, file));
	MUST(save(store, "x", 3, file) == -EDQUOT);
	MUST(resave(store, "x", 3, file) == -EDQUOT);
	/* What is there needs no place. */
	MUST(resave(store, "x", 1, file) == QDS_FDSTORE_FOUND);
	MUST(entry_call(store, QDS_FDSTORE_FIND_OR_SAVE, &entry) == QDS_FDSTORE_FOUND);
	MUST(!delete(store, "x", 1));
	MUST(!save(store, "x", 3, file));
	MUST(save(store, "x", 1, file) == -EDQUOT);
	_exit(0);
}

TEST_F(fdstore, a_user_has_so_many_and_no_more)
{
	unsigned long long before = get_bound();
	int i, first, second;

	ASSERT_EQ(set_bound(2), 0);
	first = fork_child();
	if (!first)
		bounded_user(self->store, self->file);
	EXPECT_EQ(wait_for(first), 0);
	/* What was saved still counts for who saved it, until the store goes. */
	second = fork_child();
	if (!second) {
		MUST(!setgid(4711) && !setuid(4711));
		_exit(save(self->store, "x", 9, self->file) != -EDQUOT);
	}
	EXPECT_EQ(wait_for(second), 0);
	/* The administrator goes beyond. */
	for (i = 10; i < 14; i++)
		EXPECT_EQ(save(self->store, "x", i, self->file), 0);
	EXPECT_EQ(delete(self->store, "x", 2), 0);
	EXPECT_EQ(delete(self->store, "x", 3), 0);
	second = fork_child();
	if (!second)
		bounded_user(self->store, self->file);
	EXPECT_EQ(wait_for(second), 0);
	EXPECT_EQ(set_bound(before), 0);
}

/* Circles of references */

static int io_uring(void)
{
	struct io_uring_params params = { 0 };
	int fd = syscall(__NR_io_uring_setup, 1, &params);

	return fd < 0 ? -errno : fd;
}

TEST_F(fdstore, stores_are_not_stored)
{
	int other = store_create(self->dev, 0), reader;
	int bitmap = bitmap_create(self->dev, 10, 0);

	reader = object_reopen(other, QDS_ACCESS_READ);
	EXPECT_EQ(save(self->store, "a", 1, self->store), -ELOOP);
	EXPECT_EQ(save(self->store, "a", 1, other), -ELOOP);
	EXPECT_EQ(save(self->store, "a", 1, reader), -ELOOP);
	EXPECT_EQ(resave(self->store, "a", 1, other), -ELOOP);
	EXPECT_EQ(store_entries(self->store), 0);
	/* Bitmaps, tables and the device hold no files. */
	EXPECT_EQ(save(self->store, "a", 1, bitmap), 0);
	EXPECT_EQ(save(self->store, "a", 2, self->dev), 0);
	EXPECT_EQ(delete(self->store, "a", 2), 0);
	close(bitmap);
	close(reader);
	close(other);
}

TEST_F(fdstore, rings_are_not_stored)
{
	int ring = io_uring();

	if (ring < 0)
		SKIP(return, "there is no io_uring");
	EXPECT_EQ(save(self->store, "a", 1, ring), -ELOOP);
	EXPECT_EQ(store_entries(self->store), 0);
	close(ring);
}

TEST_F(fdstore, unix_sockets_are_not_stored_without_a_name)
{
	int pair[2], tcp;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	EXPECT_EQ(save(self->store, "a", 1, pair[0]), -ELOOP);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	if (tcp >= 0)
		EXPECT_EQ(save(self->store, "a", 2, tcp), 0);
	EXPECT_EQ(store_sockets(self->store), 0);
	close(tcp);
	close(pair[0]);
	close(pair[1]);
}

/* The store holds an epoll, which watches a socket, to which the store is in flight. */
TEST_F(fdstore, an_epoll_holds_nothing)
{
	struct epoll_event event = { .events = EPOLLIN };
	int store, epoll, pair[2], refs = module_refs();

	store = store_create(self->dev, 0);
	epoll = epoll_create1(0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ASSERT_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event), 0);
	ASSERT_EQ(save(store, "epoll", 1, epoll), 0);
	ASSERT_EQ(send_fd(pair[1], store), 0);
	EXPECT_EQ(module_refs(), refs + 1);
	close(epoll);
	close(store);
	close(pair[1]);
	EXPECT_EQ(module_refs(), refs + 1);
	close(pair[0]);
	EXPECT_TRUE(refs_return(refs));
}

#define NAME "fdstore-test"

/* A name that an earlier test has left must not make others fail. */
FIXTURE(named)
{
	int dev;
	int store;
	int refs;
	int pair[2];
};

FIXTURE_SETUP(named)
{
	self->dev = open(QDS_PATH, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->dev, 0);
	name_unlink(self->dev, NAME);
	self->refs = module_refs();
	self->store = store_create(self->dev, 0);
	ASSERT_GE(self->store, 0);
	ASSERT_EQ(name_link(self->store, NAME), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->pair), 0);
}

FIXTURE_TEARDOWN(named)
{
	name_unlink(self->dev, NAME);
	close(self->store);
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_TRUE(refs_return(self->refs));
	close(self->dev);
}

/*
 * The store holds a socket, and its own descriptor is in flight to that socket. Nobody
 * has a descriptor of either, and the kernel's collector cannot know.
 */
TEST_F(named, a_circle_through_a_socket_ends_with_the_name)
{
	int found;

	ASSERT_EQ(save(self->store, "socket", 1, self->pair[0]), 0);
	EXPECT_EQ(store_sockets(self->store), 1);
	ASSERT_EQ(send_fd(self->pair[1], self->store), 0);
	close(self->pair[0]);
	close(self->pair[1]);
	close(self->store);
	EXPECT_GT(module_refs(), self->refs);
	/* As long as there is a name all of it can be reached. */
	self->store = name_open(self->dev, NAME);
	ASSERT_GE(self->store, 0);
	found = find(self->store, "socket", 1);
	EXPECT_GE(found, 0);
	close(found);
	close(self->store);
	EXPECT_EQ(name_unlink(self->dev, NAME), 0);
	EXPECT_TRUE(refs_return(self->refs));
	self->store = -1;
	self->pair[0] = -1;
	self->pair[1] = -1;
}

TEST_F(named, sockets_go_with_the_last_name)
{
	struct qds_fdstore_entry entry = entry_of("socket", 2, self->pair[0]);
	int file = eventfd(0, 0), found;
	char byte;

	ASSERT_EQ(name_link(self->store, NAME "-2"), 0);
	ASSERT_EQ(save(self->store, "file", 1, file), 0);
	ASSERT_EQ(save(self->store, "socket", 1, self->pair[0]), 0);
	close(self->pair[0]);
	EXPECT_EQ(name_unlink(self->dev, NAME), 0);
	EXPECT_EQ(store_sockets(self->store), 1);
	found = find(self->store, "socket", 1);
	EXPECT_GE(found, 0);
	EXPECT_EQ(name_unlink(self->dev, NAME "-2"), 0);
	EXPECT_EQ(store_sockets(self->store), 0);
	EXPECT_EQ(store_entries(self->store), 1);
	EXPECT_EQ(find(self->store, "socket", 1), -ENOENT);
	/* Who has found it keeps it; then the other end is told. */
	EXPECT_EQ(recv(self->pair[1], &byte, 1, MSG_DONTWAIT), -1);
	EXPECT_EQ(errno, EAGAIN);
	EXPECT_EQ(save(self->store, "socket", 1, found), -ELOOP);
	entry.fd = found;
	EXPECT_EQ(resave(self->store, "socket", 1, found), -ELOOP);
	EXPECT_EQ(entry_call(self->store, QDS_FDSTORE_FIND_OR_SAVE, &entry), -ELOOP);
	close(found);
	EXPECT_EQ(recv(self->pair[1], &byte, 1, MSG_DONTWAIT), 0);
	self->pair[0] = -1;
	close(file);
}

TEST_F(named, a_walk_tells_which_are_sockets)
{
	struct qds_fdstore_record record;
	__u64 cursor = 0;
	__u32 nr = 1;

	ASSERT_EQ(save(self->store, "socket", 1, self->pair[0]), 0);
	EXPECT_EQ(walk(self->store, &cursor, &record, &nr), 0);
	EXPECT_EQ(record.flags, QDS_FDSTORE_SOCKET);
}

/* Saves as fast as it can, while the name comes and goes. */
static void save_sockets(int store, int socket)
{
	__u32 i;

	for (i = 0;; i++) {
		save(store, "race", i % 8, socket);
		if (i % 16 == 15)
			delete(store, "race", i % 8);
	}
}

TEST_F(named, no_socket_slips_in_beside_an_unlink)
{
	const double end = clock_now(CLOCK_MONOTONIC) + 3;
	int i, j, kept = 0;
	pid_t pid;

	pid = fork_child();
	if (!pid)
		save_sockets(self->store, self->pair[0]);
	for (i = 0; clock_now(CLOCK_MONOTONIC) < end; i++) {
		usleep(i % 4 * 100);
		kept += store_sockets(self->store) > 0;
		ASSERT_EQ(name_unlink(self->dev, NAME), 0);
		for (j = 0; j < 10; j++)
			ASSERT_EQ(store_sockets(self->store), 0);
		ASSERT_EQ(name_link(self->store, NAME), 0);
	}
	kill(pid, SIGKILL);
	wait_for(pid);
	/* Else there was nothing to be dropped. */
	EXPECT_GT(kept, 10);
}

/* What a process leaves behind that is killed while it saves. */
static void fill_until_killed(int dev, const int *ready)
{
	int store = name_open(dev, NAME), i, fd;
	__u64 value;

	for (i = 0;; i++) {
		value = i + 1;
		fd = eventfd(0, EFD_NONBLOCK);
		if (write(fd, &value, sizeof(value)) != sizeof(value) ||
		    save(store, "saved", i, fd))
			_exit(1);
		close(fd);
		if (i == 100 && write(ready[1], "", 1) != 1)
			_exit(1);
	}
}

TEST_F(named, a_successor_finds_what_a_killed_process_saved)
{
	int ready[2], i, fd, store;
	__u64 value, entries;
	pid_t pid;
	char byte;

	ASSERT_EQ(pipe(ready), 0);
	close(self->store);
	self->store = -1;
	pid = fork_child();
	if (!pid)
		fill_until_killed(self->dev, ready);
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_for(pid), 128 + SIGKILL);
	store = name_open(self->dev, NAME);
	ASSERT_GE(store, 0);
	entries = store_entries(store);
	EXPECT_GE(entries, 100);
	/* Each that was saved is there and whole, in the order of saving. */
	for (i = 0; i < (int)entries; i++) {
		fd = find(store, "saved", i);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(read(fd, &value, sizeof(value)), sizeof(value));
		ASSERT_EQ(value, i + 1ULL);
		close(fd);
	}
	EXPECT_EQ(find(store, "saved", i), -ENOENT);
	close(store);
	close(ready[0]);
	close(ready[1]);
}

TEST_HARNESS_MAIN
