// SPDX-License-Identifier: GPL-2.0
/*
 * Whole bitmaps: the table of states, sealing, take, clone, merge, truncate and
 * digest, and many chunks in one call; each with what it refuses.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define REGION_BITS	16384
#define REGION_BYTES	(REGION_BITS / 8)
#define ITEMS		1000
#define BYTES		128		/* of the serialized form of ITEMS */

/* The states, and how a bitmap of ITEMS with 100 to 199 dirty gets there. */

#define STATES		(QDS_BITMAP_SEALED + 1)

static const char *const state_names[STATES] = {
	"active", "restoring", "abandoned", "taken", "sealed",
};

/* Lets a process begin a restore of a bitmap, and end. */
static int abandon(int fd)
{
	pid_t pid = fork_child();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(bitmap_begin(fd) != 0);
	return wait_for(pid) ? -EIO : 0;
}

static int make_in_state(int dev, __u32 state)
{
	int taken, fd = bitmap_create(dev, ITEMS, 0), ret;

	if (fd < 0)
		return fd;
	ret = bitmap_change(fd, QDS_BITMAP_SET, 100, 100);
	if (ret)
		return ret;
	switch (state) {
	case QDS_BITMAP_RESTORING:
		return bitmap_begin(fd) ?: fd;
	case QDS_BITMAP_ABANDONED:
		return abandon(fd) ?: fd;
	case QDS_BITMAP_TAKEN:
		taken = bitmap_copy(fd, QDS_BITMAP_TAKE);
		close(fd);
		return taken;
	case QDS_BITMAP_SEALED:
		return bitmap_seal(fd) ?: fd;
	default:
		return fd;
	}
}

/* All that a state may refuse: each returns 0 or more, or -errno. */

static int errno_of(ssize_t ret)
{
	return ret < 0 ? -errno : 0;
}

static int do_test(int fd, int other)
{
	(void)other;
	return bitmap_test(fd, 0, ITEMS) < 0 ? bitmap_test(fd, 0, ITEMS) : 0;
}

static int do_count(int fd, int other)
{
	__u64 dirty;

	(void)other;
	return bitmap_count(fd, 0, ITEMS, &dirty);
}

static int do_extents(int fd, int other)
{
	struct qds_extent extents[4];
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = QDS_EXTENT_DIRTY,
		.count = ITEMS,
		.extents = PTR(extents),
		.nr = ARRAY_SIZE(extents),
	};

	(void)other;
	return call(fd, QDS_BITMAP_EXTENTS, &arg);
}

static int do_serialize(int fd, int other)
{
	__u8 data[BYTES];

	(void)other;
	return bitmap_serialize(fd, ITEMS, data, sizeof(data));
}

static int serialize_chunks(int fd, __u64 start, __u64 count, struct qds_chunk *chunks,
			    __u32 nr, void *data, __u64 size, struct qds_bitmap_chunks *arg)
{
	*arg = (struct qds_bitmap_chunks) {
		.size = sizeof(*arg),
		.start = start,
		.count = count,
		.chunks = PTR(chunks),
		.nr = nr,
		.data = PTR(data),
		.data_size = size,
		.bytes = ~0ULL,
		.next = ~0ULL,
		.done = ~0U,
	};
	return call(fd, QDS_BITMAP_SERIALIZE_CHUNKS, arg);
}

static int do_serialize_chunks(int fd, int other)
{
	struct qds_bitmap_chunks arg;
	struct qds_chunk chunks[4];
	__u8 data[BYTES];

	(void)other;
	return serialize_chunks(fd, 0, ITEMS, chunks, ARRAY_SIZE(chunks), data, sizeof(data),
				&arg);
}

static int do_digest(int fd, int other)
{
	__u8 digest[QDS_DIGEST_SIZE];

	(void)other;
	return bitmap_digest(fd, digest);
}

static int do_clone(int fd, int other)
{
	int ret = bitmap_copy(fd, QDS_BITMAP_CLONE);

	(void)other;
	if (ret >= 0)
		close(ret);
	return ret < 0 ? ret : 0;
}

static int do_merge_from(int fd, int other)
{
	return bitmap_merge(other, fd, QDS_MERGE_OR);
}

static int do_read(int fd, int other)
{
	__u8 byte;

	(void)other;
	return errno_of(pread(fd, &byte, 1, 3));
}

static int do_seek_data(int fd, int other)
{
	(void)other;
	return errno_of(lseek(fd, 0, SEEK_DATA));
}

static int do_reset(int fd, int other)
{
	(void)other;
	return bitmap_change(fd, QDS_BITMAP_RESET, 110, 1);
}

static int do_take(int fd, int other)
{
	int ret = bitmap_copy(fd, QDS_BITMAP_TAKE);

	(void)other;
	if (ret >= 0)
		close(ret);
	return ret < 0 ? ret : 0;
}

static int do_truncate(int fd, int other)
{
	(void)other;
	return bitmap_truncate(fd, ITEMS + 1);
}

static int do_and(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_AND);
}

static int do_andnot(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_ANDNOT);
}

static int do_set(int fd, int other)
{
	(void)other;
	return bitmap_change(fd, QDS_BITMAP_SET, 300, 1);
}

static int do_or(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_OR);
}

static int do_xor(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_XOR);
}

static int do_begin(int fd, int other)
{
	(void)other;
	return bitmap_begin(fd);
}

static int do_deserialize(int fd, int other)
{
	(void)other;
	return bitmap_restore_ones(fd, 64, 64);
}

static int restore_chunks(int fd, const struct qds_chunk *chunks, __u32 nr, const void *data,
			  __u64 size, struct qds_bitmap_chunks *arg)
{
	*arg = (struct qds_bitmap_chunks) {
		.size = sizeof(*arg),
		.chunks = PTR(chunks),
		.nr = nr,
		.data = PTR(data),
		.data_size = size,
		.bytes = ~0ULL,
		.done = ~0U,
	};
	return call(fd, QDS_BITMAP_DESERIALIZE_CHUNKS, arg);
}

static int do_deserialize_chunks(int fd, int other)
{
	const struct qds_chunk chunk = { .start = 64, .count = 64, .flags = QDS_CHUNK_ONES };
	struct qds_bitmap_chunks arg;

	(void)other;
	return restore_chunks(fd, &chunk, 1, NULL, 0, &arg);
}

static int do_write(int fd, int other)
{
	const __u8 byte = 0x3c;

	(void)other;
	return errno_of(pwrite(fd, &byte, 1, 3));
}

static int do_finish(int fd, int other)
{
	(void)other;
	return bitmap_finish(fd);
}

static int do_seal(int fd, int other)
{
	(void)other;
	return bitmap_seal(fd);
}

/* What leaves a state as it is. */
#define SAME	{ QDS_BITMAP_ACTIVE, QDS_BITMAP_RESTORING, QDS_BITMAP_ABANDONED, \
		  QDS_BITMAP_TAKEN, QDS_BITMAP_SEALED }

#define LOOKS(name, fn) \
	{ name, fn, { 0, -EBUSY, -EOWNERDEAD, 0, 0 }, SAME }
#define CLEANS(name, fn) \
	{ name, fn, { 0, -EBUSY, -EOWNERDEAD, 0, -EPERM }, SAME }
#define DIRTIES(name, fn) \
	{ name, fn, { 0, -EBUSY, -EOWNERDEAD, -EPERM, -EPERM }, SAME }
#define RESTORES(name, fn) \
	{ name, fn, { 0, 0, -EOWNERDEAD, -EPERM, -EPERM }, \
	  { QDS_BITMAP_RESTORING, QDS_BITMAP_RESTORING, QDS_BITMAP_ABANDONED, \
	    QDS_BITMAP_TAKEN, QDS_BITMAP_SEALED } }

/* The table of the ABI. */
static const struct {
	const char *name;
	int (*fn)(int fd, int other);
	int ret[STATES];
	__u32 then[STATES];
} uses[] = {
	LOOKS("TEST", do_test),
	LOOKS("COUNT", do_count),
	LOOKS("EXTENTS", do_extents),
	LOOKS("SERIALIZE", do_serialize),
	LOOKS("SERIALIZE_CHUNKS", do_serialize_chunks),
	LOOKS("DIGEST", do_digest),
	LOOKS("CLONE", do_clone),
	LOOKS("MERGE from it", do_merge_from),
	LOOKS("read", do_read),
	LOOKS("SEEK_DATA", do_seek_data),
	CLEANS("RESET", do_reset),
	CLEANS("TAKE", do_take),
	CLEANS("TRUNCATE", do_truncate),
	CLEANS("MERGE by AND", do_and),
	CLEANS("MERGE by ANDNOT", do_andnot),
	DIRTIES("SET", do_set),
	DIRTIES("MERGE by OR", do_or),
	DIRTIES("MERGE by XOR", do_xor),
	RESTORES("DESERIALIZE", do_deserialize),
	RESTORES("DESERIALIZE_CHUNKS", do_deserialize_chunks),
	{ "BEGIN", do_begin, { 0, -EBUSY, 0, -EPERM, -EPERM },
	  { QDS_BITMAP_RESTORING, QDS_BITMAP_RESTORING, QDS_BITMAP_RESTORING,
	    QDS_BITMAP_TAKEN, QDS_BITMAP_SEALED } },
	{ "write", do_write, { -ENODATA, 0, -EOWNERDEAD, -EPERM, -EPERM }, SAME },
	{ "FINISH", do_finish, { -ENODATA, 0, -EOWNERDEAD, -ENODATA, -ENODATA },
	  { QDS_BITMAP_ACTIVE, QDS_BITMAP_ACTIVE, QDS_BITMAP_ABANDONED,
	    QDS_BITMAP_TAKEN, QDS_BITMAP_SEALED } },
	{ "SEAL", do_seal, { 0, -EBUSY, -EOWNERDEAD, 0, 0 },
	  { QDS_BITMAP_SEALED, QDS_BITMAP_RESTORING, QDS_BITMAP_ABANDONED,
	    QDS_BITMAP_SEALED, QDS_BITMAP_SEALED } },
};

/* A bitmap's content, in whatever state, by its count and size. */
struct content {
	__u64 dirty;
	__u64 items;
};

static struct content content_of(int fd)
{
	struct qds_bitmap_info info;

	if (bitmap_info(fd, &info))
		info = (struct qds_bitmap_info) {};
	return (struct content) { .dirty = info.dirty, .items = info.items };
}

FIXTURE(states)
{
	int dev;
	int other;		/* 150 to 299 are dirty */
};

FIXTURE_SETUP(states)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->other = bitmap_create(self->dev, ITEMS, 0);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, bitmap_change(self->other, QDS_BITMAP_SET, 150, 150));
}

FIXTURE_TEARDOWN(states)
{
	close(self->other);
	close(self->dev);
}

TEST_F(states, are_reached_and_told)
{
	__u32 state;
	int fd;

	for (state = 0; state < STATES; state++) {
		fd = make_in_state(self->dev, state);
		ASSERT_LE(0, fd);
		EXPECT_EQ(state, bitmap_state(fd))
			TH_LOG("%s", state_names[state]);
		EXPECT_EQ(100, bitmap_dirty(fd));
		close(fd);
	}
}

TEST_F(states, allow_refuse_and_change_as_the_table_says)
{
	struct content before, after;
	__u32 state;
	size_t i;
	int fd, ret;

	for (i = 0; i < ARRAY_SIZE(uses); i++) {
		for (state = 0; state < STATES; state++) {
			fd = make_in_state(self->dev, state);
			ASSERT_LE(0, fd);
			before = content_of(fd);
			ret = uses[i].fn(fd, self->other);
			EXPECT_EQ(uses[i].ret[state], ret)
				TH_LOG("%s when %s", uses[i].name, state_names[state]);
			EXPECT_EQ(uses[i].then[state], bitmap_state(fd))
				TH_LOG("%s when %s", uses[i].name, state_names[state]);
			after = content_of(fd);
			if (ret)
				EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)))
					TH_LOG("%s when %s", uses[i].name, state_names[state]);
			close(fd);
		}
	}
}

TEST_F(states, do_not_hinder_info_size_watch_and_seeking_the_end)
{
	struct qds_bitmap_serialize_size size = { .size = sizeof(size), .count = ITEMS };
	__u32 state;
	int fd;

	for (state = 0; state < STATES; state++) {
		fd = make_in_state(self->dev, state);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, call(fd, QDS_BITMAP_SERIALIZE_SIZE, &size));
		EXPECT_EQ(0, bitmap_watch(fd, 5));
		EXPECT_EQ(BYTES, lseek(fd, 0, SEEK_END));
		close(fd);
	}
}

/* Who owns a restore, and when it is abandoned */

TEST_F(states, restore_whose_process_ends_is_abandoned)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	pid_t pid = fork_child();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(bitmap_restore_ones(fd, 0, 64) != 0);
	ASSERT_EQ(0, wait_for(pid));
	EXPECT_EQ(QDS_BITMAP_ABANDONED, bitmap_state(fd));
	EXPECT_EQ(164, bitmap_dirty(fd));
	/* Whoever takes it over restores all of it. */
	EXPECT_EQ(-EOWNERDEAD, bitmap_restore_ones(fd, 0, ITEMS));
	EXPECT_EQ(0, bitmap_begin(fd));
	EXPECT_EQ(0, bitmap_restore_ones(fd, 0, ITEMS));
	EXPECT_EQ(0, bitmap_finish(fd));
	EXPECT_EQ(ITEMS, bitmap_dirty(fd));
	close(fd);
}

TEST_F(states, restore_whose_process_is_killed_is_abandoned)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE), i;
	pid_t pid = fork_child();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (bitmap_begin(fd))
			_exit(1);
		pause();
	}
	while (bitmap_state(fd) == QDS_BITMAP_ACTIVE)
		usleep(1000);
	EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(fd));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	for (i = 0; i < 1000 && bitmap_state(fd) == QDS_BITMAP_RESTORING; i++)
		usleep(1000);
	EXPECT_EQ(QDS_BITMAP_ABANDONED, bitmap_state(fd));
	close(fd);
}

TEST_F(states, restore_whose_descriptor_is_closed_is_abandoned)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	int mine = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);

	ASSERT_EQ(0, bitmap_begin(mine));
	EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(fd));
	close(mine);
	EXPECT_EQ(QDS_BITMAP_ABANDONED, bitmap_state(fd));
	close(fd);
}

TEST_F(states, restore_outlives_the_descriptors_of_those_who_help)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	int helper = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	pid_t pid;

	ASSERT_EQ(0, bitmap_begin(fd));
	ASSERT_EQ(0, bitmap_restore_ones(helper, 0, 64));
	close(helper);
	EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(fd));
	/* Another process that has the very same file. */
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(bitmap_restore_ones(fd, 64, 64) != 0);
	ASSERT_EQ(0, wait_for(pid));
	EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(fd));
	EXPECT_EQ(0, bitmap_finish(fd));
	close(fd);
}

TEST_F(states, restore_that_is_finished_is_not_abandoned_afterwards)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	int mine = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);

	ASSERT_EQ(0, bitmap_begin(mine));
	ASSERT_EQ(0, bitmap_finish(fd));
	close(mine);
	EXPECT_EQ(QDS_BITMAP_ACTIVE, bitmap_state(fd));
	close(fd);
}

TEST_F(states, restore_whose_only_descriptor_goes_in_a_message_is_abandoned)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	int mine = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &mine, sizeof(mine));
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	ASSERT_EQ(0, bitmap_begin(mine));
	close(mine);
	EXPECT_EQ(QDS_BITMAP_ABANDONED, bitmap_state(fd));
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

/*
 * One thread begins while another closes the descriptor. Their process is the owner of
 * nothing then, whoever came first; and it lives on, so that its end mends nothing.
 */
#define CLOSINGS	60

struct closing {
	int fd;
	bool chunks;
	pthread_barrier_t barrier;
};

static void *begin_beside_close(void *arg)
{
	struct closing *c = arg;

	pthread_barrier_wait(&c->barrier);
	if (c->chunks)
		bitmap_restore_ones(c->fd, 0, 64);
	else
		bitmap_begin(c->fd);
	return NULL;
}

static int close_beside_begin(int fd, int round)
{
	struct closing c = { .fd = fd, .chunks = round % 2 };
	pthread_t thread;

	if (pthread_barrier_init(&c.barrier, NULL, 2) ||
	    pthread_create(&thread, NULL, begin_beside_close, &c))
		return 1;
	pthread_barrier_wait(&c.barrier);
	usleep(round * 1000);
	close(fd);
	return pthread_join(thread, NULL);
}

TEST_F_TIMEOUT(states, restore_that_begins_beside_close_never_lacks_its_owner, 120)
{
	int i, over[2], done[2], nr_begun = 0;
	char byte;

	for (i = 0; i < CLOSINGS; i++) {
		int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
		__u32 state;
		pid_t pid;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, pipe(over));
		ASSERT_EQ(0, pipe(done));
		pid = fork_child();
		ASSERT_LE(0, pid);
		if (!pid) {
			close(over[1]);
			byte = close_beside_begin(fd, i);
			if (write(done[1], &byte, 1) != 1 || read(over[0], &byte, 1))
				_exit(1);
			_exit(0);
		}
		ASSERT_EQ(1, read(done[0], &byte, 1));
		EXPECT_EQ(0, byte);
		state = bitmap_state(fd);
		EXPECT_TRUE(state == QDS_BITMAP_ACTIVE || state == QDS_BITMAP_ABANDONED)
			TH_LOG("round %d: state %u without an owner", i, state);
		nr_begun += state == QDS_BITMAP_ABANDONED;
		close(over[0]);
		close(over[1]);
		close(done[0]);
		close(done[1]);
		EXPECT_EQ(0, wait_for(pid));
		close(fd);
	}
	/* Both orders were met. */
	EXPECT_LT(0, nr_begun);
	EXPECT_GT(CLOSINGS, nr_begun);
}

/* Two who begin at the same time: the restore begins once. */

#define BEGINNERS	4
#define BEGINNINGS	100

struct beginners {
	int fd;
	pthread_barrier_t barrier;
};

static void *begin_by_chunks(void *arg)
{
	struct beginners *b = arg;
	long failed = 0;
	int i;

	for (i = 0; i < BEGINNINGS; i++) {
		pthread_barrier_wait(&b->barrier);
		failed |= bitmap_restore_ones(b->fd, 0, 64) != 0;
		pthread_barrier_wait(&b->barrier);
		/* The main thread looks and finishes here. */
		pthread_barrier_wait(&b->barrier);
	}
	return (void *)failed;
}

TEST_F(states, restore_that_several_begin_at_once_begins_once)
{
	struct beginners b = { .fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE) };
	pthread_t threads[BEGINNERS];
	void *failed;
	int i;

	ASSERT_LE(0, b.fd);
	ASSERT_EQ(0, pthread_barrier_init(&b.barrier, NULL, BEGINNERS + 1));
	for (i = 0; i < BEGINNERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, begin_by_chunks, &b));
	for (i = 0; i < BEGINNINGS; i++) {
		pthread_barrier_wait(&b.barrier);
		pthread_barrier_wait(&b.barrier);
		EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(b.fd));
		EXPECT_EQ(-EBUSY, bitmap_test(b.fd, 0, 1));
		EXPECT_EQ(0, bitmap_finish(b.fd));
		EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(b.fd, 0, 1));
		pthread_barrier_wait(&b.barrier);
	}
	for (i = 0; i < BEGINNERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &failed));
		EXPECT_EQ(NULL, failed);
	}
	close(b.fd);
}

TEST_F(states, sealed_holds_for_every_descriptor_and_not_for_clones)
{
	int fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	int before = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	int after, clone;

	ASSERT_EQ(0, bitmap_seal(fd));
	after = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	ASSERT_LE(0, after);
	EXPECT_EQ(-EPERM, bitmap_change(before, QDS_BITMAP_SET, 0, 1));
	EXPECT_EQ(-EPERM, bitmap_change(after, QDS_BITMAP_SET, 0, 1));
	/* Even what would change nothing. */
	EXPECT_EQ(-EPERM, bitmap_change(after, QDS_BITMAP_SET, 100, 1));
	clone = bitmap_copy(fd, QDS_BITMAP_CLONE);
	ASSERT_LE(0, clone);
	EXPECT_EQ(0, bitmap_change(clone, QDS_BITMAP_SET, 0, 1));
	EXPECT_EQ(101, bitmap_dirty(clone));
	EXPECT_EQ(100, bitmap_dirty(fd));
	close(clone);
	close(after);
	close(before);
	close(fd);
}

/* Random bitmaps of several regions, and what they are to hold. */

struct model {
	int fd;
	__u64 items;
	__u32 granularity;
	__u64 nbits;
	__u8 *bit;		/* a byte each */
};

/* Runs of all lengths, so that regions are clean, dirty, or both. */
static int model_fill(struct model *m, __u64 seed)
{
	__u64 random = seed, first, nr, end;
	int i, ret = 0;

	for (i = 0; i < 30 && !ret; i++) {
		first = random_below(&random, m->nbits);
		nr = 1 + random_below(&random, i % 5 ? 900 : m->nbits);
		if (nr > m->nbits - first)
			nr = m->nbits - first;
		memset(m->bit + first, i % 3 < 2, nr);
		end = (first + nr) << m->granularity;
		if (first + nr == m->nbits)
			end = m->items;
		first <<= m->granularity;
		ret = bitmap_change(m->fd, i % 3 < 2 ? QDS_BITMAP_SET : QDS_BITMAP_RESET, first,
				    end - first);
	}
	return ret;
}

static int model_make(struct model *m, int dev, __u64 items, __u32 granularity, __u64 seed)
{
	*m = (struct model) {
		.fd = bitmap_create(dev, items, granularity),
		.items = items,
		.granularity = granularity,
		.nbits = ((items - 1) >> granularity) + 1,
	};
	if (m->fd < 0)
		return m->fd;
	m->bit = calloc(1, m->nbits);
	return seed ? model_fill(m, seed) : 0;
}

static void model_free(struct model *m)
{
	close(m->fd);
	free(m->bit);
}

/* Whether a bitmap holds what a model does; by its serialized form and its count. */
static bool model_is(const struct model *m, int fd)
{
	size_t size = (m->nbits + 63) / 64 * 8;
	__u8 *expected = calloc(1, size), *bytes = malloc(size);
	__u64 i, dirty = 0;
	bool same;

	for (i = 0; i < m->nbits; i++) {
		expected[i / 8] |= m->bit[i] << i % 8;
		dirty += m->bit[i];
	}
	same = !bitmap_serialize(fd, m->items, bytes, size) && !memcmp(bytes, expected, size) &&
	       bitmap_dirty(fd) == dirty << m->granularity;
	free(expected);
	free(bytes);
	return same;
}

#define MODEL_BITS	(9 * REGION_BITS + 77)

FIXTURE(whole)
{
	int dev;
	int fds;
	struct model m;
	struct model other;
};

FIXTURE_VARIANT(whole)
{
	__u32 granularity;
};

FIXTURE_VARIANT_ADD(whole, granularity_0)
{
	.granularity = 0,
};

FIXTURE_VARIANT_ADD(whole, granularity_4)
{
	.granularity = 4,
};

FIXTURE_SETUP(whole)
{
	/* The last group is cut short. */
	const __u64 items = ((__u64)MODEL_BITS << variant->granularity) -
			    (1ULL << variant->granularity) / 2;

	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, model_make(&self->m, self->dev, items, variant->granularity, 21));
	ASSERT_EQ(0, model_make(&self->other, self->dev, items, variant->granularity, 22));
	ASSERT_TRUE(model_is(&self->m, self->m.fd));
	self->fds = open_fds();
}

FIXTURE_TEARDOWN(whole)
{
	EXPECT_EQ(self->fds, open_fds());
	model_free(&self->m);
	model_free(&self->other);
	close(self->dev);
}

TEST_F(whole, take_moves_what_is_dirty)
{
	int fd = bitmap_copy(self->m.fd, QDS_BITMAP_TAKE);
	struct qds_object_info object = { .size = sizeof(object) };
	struct qds_bitmap_info info;

	ASSERT_LE(0, fd);
	EXPECT_TRUE(model_is(&self->m, fd));
	ASSERT_EQ(0, bitmap_info(fd, &info));
	EXPECT_EQ(QDS_BITMAP_TAKEN, info.state);
	EXPECT_EQ(self->m.items, info.items);
	EXPECT_EQ(self->m.granularity, info.granularity);
	ASSERT_EQ(0, call(fd, QDS_OBJECT_INFO, &object));
	EXPECT_EQ(QDS_ACCESS_READ | QDS_ACCESS_WRITE, object.access);
	EXPECT_EQ(0, bitmap_dirty(self->m.fd));
	EXPECT_EQ(QDS_BITMAP_ACTIVE, bitmap_state(self->m.fd));
	/* And back: what was set meanwhile stays too. */
	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 0, 1));
	self->m.bit[0] = 1;
	ASSERT_EQ(0, bitmap_merge(self->m.fd, fd, QDS_MERGE_OR));
	EXPECT_TRUE(model_is(&self->m, self->m.fd));
	close(fd);
}

TEST_F(whole, taken_is_emptied_as_it_is_dealt_with)
{
	int fd = bitmap_copy(self->m.fd, QDS_BITMAP_TAKE);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_RESET, 0, self->m.items));
	EXPECT_EQ(0, bitmap_dirty(fd));
	EXPECT_EQ(-EPERM, bitmap_change(fd, QDS_BITMAP_SET, 0, 1));
	close(fd);
}

TEST_F(whole, clone_is_a_copy)
{
	int reader = object_reopen(self->m.fd, QDS_ACCESS_READ);
	int fd = bitmap_copy(reader, QDS_BITMAP_CLONE);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(model_is(&self->m, fd));
	EXPECT_TRUE(model_is(&self->m, self->m.fd));
	EXPECT_EQ(QDS_BITMAP_ACTIVE, bitmap_state(fd));
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_RESET, 0, self->m.items));
	EXPECT_TRUE(model_is(&self->m, self->m.fd));
	close(fd);
	close(reader);
}

/* A reply that cannot be written, and no descriptor left, for TAKE and for CLONE. */

static const unsigned int copies[] = { QDS_BITMAP_TAKE, QDS_BITMAP_CLONE };

TEST_F(whole, copy_that_cannot_be_told_takes_nothing)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct qds_bitmap_copy *arg = (struct qds_bitmap_copy *)guarded_alloc(page);
	size_t i;

	ASSERT_NE(NULL, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		EXPECT_EQ(-EFAULT, call(self->m.fd, copies[i], arg));
		EXPECT_TRUE(model_is(&self->m, self->m.fd));
		EXPECT_EQ(self->fds, open_fds());
	}
}

TEST_F(whole, copy_without_a_descriptor_takes_nothing)
{
	struct rlimit limit, none;
	size_t i;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
		EXPECT_EQ(-EMFILE, bitmap_copy(self->m.fd, copies[i]));
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		EXPECT_TRUE(model_is(&self->m, self->m.fd));
		EXPECT_EQ(self->fds, open_fds());
	}
}

TEST_F(whole, copy_that_is_refused_by_the_state_leaves_no_descriptor)
{
	size_t i;

	ASSERT_EQ(0, bitmap_begin(self->m.fd));
	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		EXPECT_EQ(-EBUSY, bitmap_copy(self->m.fd, copies[i]));
		EXPECT_EQ(self->fds, open_fds());
	}
	ASSERT_EQ(0, bitmap_finish(self->m.fd));
	EXPECT_TRUE(model_is(&self->m, self->m.fd));
}

/* Takes all the time while others set: nothing is lost, nothing told twice. */

#define TAKERS_ITEMS	(3 * REGION_BITS)

struct setter {
	int fd;
	__u64 first;
	int failed;
};

static void *set_every_other(void *arg)
{
	struct setter *s = arg;
	__u64 i;

	for (i = s->first; i < TAKERS_ITEMS; i += 2)
		s->failed |= bitmap_change(s->fd, QDS_BITMAP_SET, i, 1) != 0;
	return NULL;
}

TEST_F(whole, take_beside_writers_loses_nothing)
{
	int fd = bitmap_create(self->dev, TAKERS_ITEMS, 0), taken, i;
	int all = bitmap_create(self->dev, TAKERS_ITEMS, 0);
	struct setter setters[2];
	pthread_t threads[2];
	__u64 sum = 0, last;

	for (i = 0; i < 2; i++) {
		setters[i] = (struct setter) { .fd = fd, .first = i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, set_every_other, &setters[i]));
	}
	while (sum < TAKERS_ITEMS) {
		taken = bitmap_copy(fd, QDS_BITMAP_TAKE);
		ASSERT_LE(0, taken);
		last = bitmap_dirty(taken);
		sum += last;
		ASSERT_EQ(0, bitmap_merge(all, taken, QDS_MERGE_OR));
		/* Each item is in one of them, and none is in two. */
		ASSERT_EQ(sum, bitmap_dirty(all));
		EXPECT_EQ(last, bitmap_dirty(taken));
		close(taken);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, setters[i].failed);
	}
	EXPECT_EQ(TAKERS_ITEMS, bitmap_dirty(all));
	EXPECT_EQ(0, bitmap_dirty(fd));
	close(all);
	close(fd);
}

TEST_F(whole, merge_combines_as_told)
{
	__u32 how;
	__u64 i;
	int fd;

	for (how = QDS_MERGE_OR; how <= QDS_MERGE_XOR; how++) {
		struct model result = self->m;

		fd = bitmap_copy(self->m.fd, QDS_BITMAP_CLONE);
		ASSERT_LE(0, fd);
		result.bit = malloc(result.nbits);
		for (i = 0; i < result.nbits; i++) {
			const __u8 a = self->m.bit[i], b = self->other.bit[i];

			result.bit[i] = how == QDS_MERGE_OR ? a | b :
					how == QDS_MERGE_AND ? a & b :
					how == QDS_MERGE_ANDNOT ? a & !b : a ^ b;
		}
		ASSERT_EQ(0, bitmap_merge(fd, self->other.fd, how));
		EXPECT_TRUE(model_is(&result, fd))
			TH_LOG("how %u", how);
		EXPECT_TRUE(model_is(&self->other, self->other.fd));
		free(result.bit);
		close(fd);
	}
}

TEST_F(whole, merge_takes_a_read_only_source)
{
	int reader = object_reopen(self->other.fd, QDS_ACCESS_READ);

	ASSERT_EQ(0, bitmap_seal(self->other.fd));
	EXPECT_EQ(0, bitmap_merge(self->m.fd, reader, QDS_MERGE_AND));
	close(reader);
}

/* Refused, and nothing has changed. */
#define EXPECT_NO_MERGE(error, source, how) do { \
	EXPECT_EQ(error, bitmap_merge(self->m.fd, source, how)); \
	EXPECT_TRUE(model_is(&self->m, self->m.fd)); \
} while (0)

TEST_F(whole, merge_by_an_unknown_way_is_EINVAL)
{
	EXPECT_NO_MERGE(-EINVAL, self->other.fd, QDS_MERGE_XOR + 1);
	EXPECT_NO_MERGE(-EINVAL, self->other.fd, ~0U);
}

TEST_F(whole, merge_of_what_is_no_descriptor_is_EBADF)
{
	EXPECT_NO_MERGE(-EBADF, -1, QDS_MERGE_OR);
	EXPECT_NO_MERGE(-EBADF, FD_LIMIT + 1000, QDS_MERGE_OR);
}

TEST_F(whole, merge_of_what_is_no_bitmap_is_EINVAL)
{
	int table = table_create(self->dev, 8, 8, 0);

	ASSERT_LE(0, table);
	EXPECT_NO_MERGE(-EINVAL, table, QDS_MERGE_OR);
	EXPECT_NO_MERGE(-EINVAL, self->dev, QDS_MERGE_OR);
	EXPECT_NO_MERGE(-EINVAL, STDIN_FILENO, QDS_MERGE_OR);
	close(table);
}

TEST_F(whole, merge_of_itself_is_EINVAL)
{
	int same = object_reopen(self->m.fd, QDS_ACCESS_READ);

	EXPECT_NO_MERGE(-EINVAL, self->m.fd, QDS_MERGE_XOR);
	EXPECT_NO_MERGE(-EINVAL, same, QDS_MERGE_XOR);
	close(same);
}

TEST_F(whole, merge_of_another_size_is_EINVAL)
{
	int fd = bitmap_create(self->dev, self->m.items - 1, self->m.granularity);

	ASSERT_LE(0, fd);
	EXPECT_NO_MERGE(-EINVAL, fd, QDS_MERGE_OR);
	EXPECT_NO_MERGE(-EINVAL, fd, QDS_MERGE_AND);
	close(fd);
}

TEST_F(whole, merge_of_another_granularity_is_for_or_alone)
{
	const __u32 granularity = self->m.granularity + 2;
	int fd = bitmap_create(self->dev, self->m.items, granularity);
	__u32 how;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 0, 1));
	for (how = QDS_MERGE_AND; how <= QDS_MERGE_XOR; how++)
		EXPECT_NO_MERGE(-EINVAL, fd, how);
	memset(self->m.bit, 1, 4);
	ASSERT_EQ(0, bitmap_merge(self->m.fd, fd, QDS_MERGE_OR));
	EXPECT_TRUE(model_is(&self->m, self->m.fd));
	close(fd);
}

TEST_F(whole, merge_of_one_that_is_being_restored_is_EBUSY)
{
	ASSERT_EQ(0, bitmap_begin(self->other.fd));
	EXPECT_NO_MERGE(-EBUSY, self->other.fd, QDS_MERGE_OR);
	ASSERT_EQ(0, bitmap_finish(self->other.fd));
}

/* Two that are merged into each other, while both change their state all the time. */

#define CROSSINGS	100

struct crossing {
	int to;
	int from;
	__u32 *over;
	int merged;
	int failed;
};

static void *merge_crossing(void *arg)
{
	struct crossing *c = arg;
	int ret;

	while (!__atomic_load_n(c->over, __ATOMIC_ACQUIRE)) {
		ret = bitmap_merge(c->to, c->from, QDS_MERGE_OR);
		c->merged += !ret;
		c->failed |= ret && ret != -EBUSY;
	}
	return NULL;
}

static void *restore_crossing(void *arg)
{
	struct crossing *c = arg;
	int i;

	for (i = 0; i < CROSSINGS; i++)
		c->failed |= bitmap_begin(c->to) || bitmap_finish(c->to);
	return NULL;
}

TEST_F_TIMEOUT(whole, merges_that_cross_do_not_wait_for_each_other_for_ever, 120)
{
	__u32 over = 0;
	struct crossing c[4] = {
		{ self->m.fd, self->other.fd, &over, 0, 0 },
		{ self->other.fd, self->m.fd, &over, 0, 0 },
		{ self->m.fd, -1, &over, 0, 0 },
		{ self->other.fd, -1, &over, 0, 0 },
	};
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i < 2 ? merge_crossing : restore_crossing, &c[i]));
	for (i = 3; i >= 0; i--) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, c[i].failed);
		if (i == 2)
			__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	}
	EXPECT_LT(0, c[0].merged);
	EXPECT_LT(0, c[1].merged);
}

/* Calls that take seconds: they can be killed, and nobody waits for their end. */

#define SLOW_BYTES	(8 << 20)
#define SLOW_ITEMS	(8ULL * SLOW_BYTES)

FIXTURE(slow)
{
	int dev;
	/* Each second item is dirty; and one that is clean, of larger groups. */
	int fd;
	int coarse;
	double *done;
};

FIXTURE_SETUP(slow)
{
	struct qds_bitmap_chunk arg = {
		.size = sizeof(arg),
		.count = SLOW_ITEMS,
		.data_size = SLOW_BYTES,
	};
	void *data = malloc(SLOW_BYTES);

	ASSERT_NE(NULL, data);
	memset(data, 0x55, SLOW_BYTES);
	self->dev = open(QDS_PATH, O_RDWR);
	self->fd = bitmap_create(self->dev, SLOW_ITEMS, 0);
	self->coarse = bitmap_create(self->dev, SLOW_ITEMS, 1);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->coarse);
	arg.data = PTR(data);
	ASSERT_EQ(0, call(self->fd, QDS_BITMAP_DESERIALIZE, &arg));
	ASSERT_EQ(0, bitmap_finish(self->fd));
	free(data);
	self->done = shared_alloc(sizeof(*self->done));
	ASSERT_NE(NULL, self->done);
}

FIXTURE_TEARDOWN(slow)
{
	munmap(self->done, sizeof(*self->done));
	close(self->coarse);
	close(self->fd);
	close(self->dev);
}

/* What a child does: its exit status is the errno. It tells how long it took. */
static pid_t start_slow(int (*slow)(int fd, int coarse), int fd, int coarse, double *done)
{
	double begun = clock_now(CLOCK_MONOTONIC);
	pid_t pid = fork_child();
	int ret;

	if (pid)
		return pid;
	ret = slow(fd, coarse);
	*done = clock_now(CLOCK_MONOTONIC) - begun;
	_exit(ret < 0 ? -ret : 0);
}

static int slow_merge(int fd, int coarse)
{
	return bitmap_merge(coarse, fd, QDS_MERGE_OR);
}

static int slow_clone(int fd, int coarse)
{
	(void)coarse;
	return bitmap_copy(fd, QDS_BITMAP_CLONE);
}

static int slow_digest(int fd, int coarse)
{
	__u8 digest[QDS_DIGEST_SIZE];

	(void)coarse;
	return bitmap_digest(fd, digest);
}

/* How long a call goes on that is killed when a tenth of its time is over. */
static double time_killed(int (*slow)(int fd, int coarse), int fd, int coarse,
			  double whole, double *done)
{
	pid_t pid = start_slow(slow, fd, coarse, done);
	double killed;

	usleep(whole * 1e6 / 10);
	killed = clock_now(CLOCK_MONOTONIC);
	kill(pid, SIGKILL);
	if (wait_for(pid) != 128 + SIGKILL)
		return whole;
	return clock_now(CLOCK_MONOTONIC) - killed;
}

TEST_F_TIMEOUT(slow, clone_and_digest_can_be_killed, 120)
{
	int (*const slow[])(int fd, int coarse) = { slow_clone, slow_digest };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slow); i++) {
		ASSERT_EQ(0, wait_for(start_slow(slow[i], self->fd, -1, self->done)));
		EXPECT_GT(*self->done / 2, time_killed(slow[i], self->fd, -1, *self->done,
						       self->done));
	}
}

TEST_F_TIMEOUT(slow, merge_between_granularities_can_be_killed, 300)
{
	double whole;

	ASSERT_EQ(0, wait_for(start_slow(slow_merge, self->fd, self->coarse, self->done)));
	EXPECT_EQ(SLOW_ITEMS, bitmap_dirty(self->coarse));
	ASSERT_EQ(0, bitmap_change(self->coarse, QDS_BITMAP_RESET, 0, SLOW_ITEMS));
	whole = *self->done;
	EXPECT_GT(whole / 2, time_killed(slow_merge, self->fd, self->coarse, whole, self->done));
	/* It had not come to the merge itself. */
	EXPECT_EQ(0, bitmap_dirty(self->coarse));
	EXPECT_EQ(SLOW_ITEMS / 2, bitmap_dirty(self->fd));
}

TEST_F_TIMEOUT(slow, merge_makes_nobody_wait_who_changes_a_state, 300)
{
	pid_t pid = start_slow(slow_merge, self->fd, self->coarse, self->done);

	ASSERT_LE(0, pid);
	usleep(100000);
	/* Were they to wait, the merge would have ended well. */
	EXPECT_EQ(0, bitmap_seal(self->fd));
	EXPECT_EQ(0, bitmap_begin(self->coarse));
	EXPECT_EQ(0, bitmap_finish(self->coarse));
	/* What was merged into is another one now, though it is active again. */
	EXPECT_EQ(EBUSY, wait_for(pid));
	EXPECT_EQ(0, bitmap_dirty(self->coarse));
}

TEST_F_TIMEOUT(slow, merge_into_what_is_sealed_meanwhile_is_EPERM, 300)
{
	pid_t pid = start_slow(slow_merge, self->fd, self->coarse, self->done);

	ASSERT_LE(0, pid);
	usleep(100000);
	EXPECT_EQ(0, bitmap_seal(self->coarse));
	EXPECT_EQ(EPERM, wait_for(pid));
	EXPECT_EQ(0, bitmap_dirty(self->coarse));
}

/* A source that is restored meanwhile: of what it held then nothing gets across. */
TEST_F_TIMEOUT(slow, merge_of_what_is_restored_meanwhile_is_EBUSY, 300)
{
	pid_t pid = start_slow(slow_merge, self->fd, self->coarse, self->done);

	ASSERT_LE(0, pid);
	usleep(100000);
	EXPECT_EQ(0, bitmap_restore_ones(self->fd, 0, SLOW_ITEMS));
	EXPECT_EQ(0, bitmap_finish(self->fd));
	EXPECT_EQ(EBUSY, wait_for(pid));
	EXPECT_EQ(0, bitmap_dirty(self->coarse));
}

TEST_F(whole, truncate_cuts_off_and_adds_what_is_clean)
{
	struct model *m = &self->m;
	const __u64 longer = (m->nbits + 3 * REGION_BITS) << m->granularity;
	const __u64 shorter = (4ULL * REGION_BITS + 100) << m->granularity;
	struct qds_bitmap_info info;
	__u8 *bit;

	ASSERT_EQ(0, bitmap_truncate(m->fd, longer));
	bit = calloc(1, longer >> m->granularity);
	memcpy(bit, m->bit, m->nbits);
	free(m->bit);
	m->bit = bit;
	m->items = longer;
	m->nbits = longer >> m->granularity;
	EXPECT_TRUE(model_is(m, m->fd));
	ASSERT_EQ(0, bitmap_info(m->fd, &info));
	EXPECT_EQ(longer, info.items);

	ASSERT_EQ(0, bitmap_truncate(m->fd, shorter));
	m->items = shorter;
	m->nbits = shorter >> m->granularity;
	EXPECT_TRUE(model_is(m, m->fd));
	EXPECT_EQ(-ERANGE, bitmap_change(m->fd, QDS_BITMAP_SET, shorter, 1));

	/* What was cut off does not come back. */
	ASSERT_EQ(0, bitmap_truncate(m->fd, longer));
	memset(m->bit + m->nbits, 0, (longer >> m->granularity) - m->nbits);
	m->items = longer;
	m->nbits = longer >> m->granularity;
	EXPECT_TRUE(model_is(m, m->fd));
}

TEST_F(whole, truncate_refuses_what_create_refuses)
{
	const __u64 items = self->m.items;

	EXPECT_EQ(-EINVAL, bitmap_truncate(self->m.fd, 0));
	EXPECT_EQ(-EINVAL, bitmap_truncate(self->m.fd, 1ULL << 63));
	EXPECT_EQ(-EFBIG, bitmap_truncate(self->m.fd, (1ULL << 41 << self->m.granularity) + 1));
	EXPECT_TRUE(model_is(&self->m, self->m.fd));
	EXPECT_EQ(items, content_of(self->m.fd).items);
}

/* Others look and set while it becomes shorter and longer. */

struct truncated {
	int fd;
	__u64 items;
	__u32 over;
	int failed;
};

static void *use_truncated(void *arg)
{
	struct truncated *t = arg;
	static __u8 bytes[64 * 1024];
	__u64 random = 1, dirty, at;
	int ret = 0;

	while (!__atomic_load_n(&t->over, __ATOMIC_ACQUIRE)) {
		at = random_below(&random, t->items);
		switch (random_below(&random, 6)) {
		case 0:
			ret = bitmap_change(t->fd, QDS_BITMAP_SET, at, 1);
			break;
		case 1:
			ret = bitmap_count(t->fd, 0, t->items / 2, &dirty);
			break;
		case 2:
			ret = bitmap_serialize(t->fd, t->items, bytes, sizeof(bytes));
			break;
		case 3:
			ret = pread(t->fd, bytes, 3000, at / 8) < 0 ? -errno : 0;
			break;
		case 4:
			ret = do_digest(t->fd, -1);
			break;
		default:
			ret = do_clone(t->fd, -1);
			break;
		}
		/* The aligned end of a chunk can be a multiple of nothing then. */
		if (ret && ret != -ERANGE && ret != -EINVAL && ret != -ENOSPC)
			t->failed = ret;
	}
	return NULL;
}

TEST_F(whole, truncate_goes_on_beside_all_others)
{
	struct truncated t = { .items = 8 * REGION_BITS };
	__u64 random = 9;
	pthread_t thread;
	int i;

	t.fd = bitmap_create(self->dev, t.items, 0);
	ASSERT_LE(0, t.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, use_truncated, &t));
	for (i = 0; i < 500; i++)
		ASSERT_EQ(0, bitmap_truncate(t.fd, 1 + random_below(&random, t.items)));
	__atomic_store_n(&t.over, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, t.failed);
	close(t.fd);
}

TEST_F(whole, digest_is_of_content_size_and_granularity)
{
	__u8 digest[QDS_DIGEST_SIZE], other[QDS_DIGEST_SIZE];
	int fd = bitmap_copy(self->m.fd, QDS_BITMAP_CLONE);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bitmap_digest(self->m.fd, digest));
	ASSERT_EQ(0, bitmap_digest(fd, other));
	EXPECT_EQ(0, memcmp(digest, other, sizeof(digest)));

	/* One bit more, and back by another way. */
	self->m.bit[0] = !self->m.bit[0];
	ASSERT_EQ(0, bitmap_change(fd, self->m.bit[0] ? QDS_BITMAP_SET : QDS_BITMAP_RESET, 0,
				   1ULL << self->m.granularity));
	ASSERT_EQ(0, bitmap_digest(fd, other));
	EXPECT_NE(0, memcmp(digest, other, sizeof(digest)));
	ASSERT_EQ(0, bitmap_merge(fd, self->m.fd, QDS_MERGE_AND));
	ASSERT_EQ(0, bitmap_merge(fd, self->m.fd, QDS_MERGE_OR));
	ASSERT_EQ(0, bitmap_digest(fd, other));
	EXPECT_EQ(0, memcmp(digest, other, sizeof(digest)));

	ASSERT_EQ(0, bitmap_truncate(fd, self->m.items + (64ULL << self->m.granularity)));
	ASSERT_EQ(0, bitmap_digest(fd, other));
	EXPECT_NE(0, memcmp(digest, other, sizeof(digest)));
	close(fd);
}

/* Many chunks */

#define CHUNKS	64

/* What is wrong with chunks that shall cover items from @start to @next, or NULL. */
static const char *check_chunks(const struct model *m, __u64 start,
				const struct qds_bitmap_chunks *arg,
				const struct qds_chunk *chunks, const __u8 *data)
{
	const __u64 region = (__u64)REGION_BITS << m->granularity;
	__u64 at = start, bytes = 0, bit;
	__u32 i;

	for (i = 0; i < arg->done; i++) {
		const struct qds_chunk *c = &chunks[i];
		__u64 end = c->start + c->count;
		__u64 size = ((((c->count - 1) >> m->granularity) + 1) + 63) / 64 * 8;

		if (c->start != at || !c->count)
			return "a gap, or a chunk out of order or empty";
		if (c->__reserved)
			return "a reserved member is not 0";
		if (end != m->items && end % region)
			return "a chunk ends inside of a region";
		if (c->bytes != (c->flags ? 0 : size) || c->bytes > 65536)
			return "a chunk has another number of bytes";
		for (bit = at >> m->granularity; bit < (end + (1ULL << m->granularity) - 1) >>
		     m->granularity; bit++) {
			__u64 k = bit - (at >> m->granularity);
			__u8 is = c->flags ? c->flags == QDS_CHUNK_ONES :
				  data[bytes + k / 8] >> k % 8 & 1;

			if (is != m->bit[bit])
				return "a chunk is not what it says";
		}
		bytes += c->bytes;
		at = end;
	}
	if (arg->bytes != bytes)
		return "bytes is something else";
	return arg->next == at ? NULL : "next is something else";
}

TEST_F(whole, chunks_cover_the_bitmap_and_restore_it)
{
	static __u8 data[MODEL_BITS / 8 + 8];
	int fd = bitmap_create(self->dev, self->m.items, self->m.granularity);
	struct qds_chunk chunks[CHUNKS];
	struct qds_bitmap_chunks arg;
	const char *wrong;
	__u32 i, uniform = 0;

	ASSERT_EQ(0, serialize_chunks(self->m.fd, 0, self->m.items, chunks, CHUNKS, data,
				      sizeof(data), &arg));
	wrong = check_chunks(&self->m, 0, &arg, chunks, data);
	EXPECT_EQ(NULL, wrong)
		TH_LOG("%s", wrong);
	EXPECT_EQ(self->m.items, arg.next);
	for (i = 0; i < arg.done; i++)
		uniform |= chunks[i].flags;
	/* Else there was nothing to see. */
	EXPECT_EQ(QDS_CHUNK_ZEROES | QDS_CHUNK_ONES, uniform);

	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 5, 1000));
	ASSERT_EQ(0, restore_chunks(fd, chunks, arg.done, data, arg.bytes, &arg));
	EXPECT_EQ(arg.nr, arg.done);
	EXPECT_EQ(arg.data_size, arg.bytes);
	EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(fd));
	ASSERT_EQ(0, bitmap_finish(fd));
	EXPECT_TRUE(model_is(&self->m, fd));
	close(fd);
}

TEST_F(whole, chunks_go_on_where_the_room_ended)
{
	const __u64 rooms[][2] = {
		{ 1, 1 << 20 }, { 2, REGION_BYTES }, { CHUNKS, REGION_BYTES }, { 3, 5000 },
	};
	static __u8 data[(1 << 20) + 1];
	struct qds_chunk chunks[CHUNKS + 1];
	struct qds_bitmap_chunks arg;
	const char *wrong;
	__u64 at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		for (at = 0; at < self->m.items; at = arg.next) {
			memset(chunks, 0xa5, sizeof(chunks));
			data[rooms[i][1]] = 0xa5;
			ASSERT_EQ(0, serialize_chunks(self->m.fd, at, self->m.items - at, chunks,
						      rooms[i][0], data, rooms[i][1], &arg));
			ASSERT_LT(0, arg.done);
			wrong = check_chunks(&self->m, at, &arg, chunks, data);
			ASSERT_EQ(NULL, wrong)
				TH_LOG("%s", wrong);
			ASSERT_EQ(0xa5a5a5a5, chunks[rooms[i][0]].flags);
			ASSERT_EQ(0xa5, data[rooms[i][1]]);
		}
	}
}

FIXTURE(chunks)
{
	int dev;
	int fd;
	__u8 data[BYTES];
	struct qds_chunk chunk[2];
	struct qds_bitmap_chunks arg;
};

/* 100 to 199 of ITEMS are dirty; the chunks are all of a bitmap. */
FIXTURE_SETUP(chunks)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = make_in_state(self->dev, QDS_BITMAP_ACTIVE);
	ASSERT_LE(0, self->fd);
	memset(self->data, 0x11, ITEMS / 8 - 8);
	self->chunk[0] = (struct qds_chunk) { .count = 64, .flags = QDS_CHUNK_ONES };
	self->chunk[1] = (struct qds_chunk) {
		.start = 64,
		.count = ITEMS - 64,
		.bytes = BYTES - 8,
	};
}

FIXTURE_TEARDOWN(chunks)
{
	close(self->fd);
	close(self->dev);
}

static bool is_untouched(int fd)
{
	__u64 dirty;

	return bitmap_state(fd) == QDS_BITMAP_ACTIVE && bitmap_dirty(fd) == 100 &&
	       !bitmap_count(fd, 100, 100, &dirty) && dirty == 100;
}

static int restore_both(int fd, const struct qds_chunk *chunks, const void *data,
			struct qds_bitmap_chunks *arg)
{
	return restore_chunks(fd, chunks, 2, data, BYTES - 8, arg);
}

TEST_F(chunks, are_restored_in_any_order)
{
	struct qds_chunk chunks[] = { self->chunk[1], self->chunk[0] };

	ASSERT_EQ(0, restore_both(self->fd, chunks, self->data, &self->arg));
	EXPECT_EQ(2, self->arg.done);
	EXPECT_EQ(BYTES - 8, self->arg.bytes);
	ASSERT_EQ(0, bitmap_finish(self->fd));
	EXPECT_EQ(64 + 2 * (ITEMS / 8 - 8), bitmap_dirty(self->fd));
}

TEST_F(chunks, none_is_EINVAL)
{
	EXPECT_EQ(-EINVAL, restore_chunks(self->fd, self->chunk, 0, self->data, BYTES,
					  &self->arg));
	EXPECT_EQ(-EINVAL, serialize_chunks(self->fd, 0, ITEMS, self->chunk, 0, self->data,
					    BYTES, &self->arg));
	EXPECT_TRUE(is_untouched(self->fd));
}

TEST_F(chunks, range_with_a_restore_is_EINVAL)
{
	struct qds_bitmap_chunks arg = {
		.size = sizeof(arg),
		.chunks = PTR(self->chunk),
		.nr = 2,
		.data = PTR(self->data),
		.data_size = BYTES,
		.count = 64,
	};

	EXPECT_EQ(-EINVAL, call(self->fd, QDS_BITMAP_DESERIALIZE_CHUNKS, &arg));
	arg.count = 0;
	arg.start = 64;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_BITMAP_DESERIALIZE_CHUNKS, &arg));
	EXPECT_TRUE(is_untouched(self->fd));
}

/* A first chunk that is wrong leaves the bitmap alone. */
#define EXPECT_BAD_CHUNK(error, ...) do { \
	struct qds_chunk __bad = { __VA_ARGS__ }; \
	EXPECT_EQ(error, restore_chunks(self->fd, &__bad, 1, self->data, BYTES, &self->arg)); \
	EXPECT_EQ(0, self->arg.done); \
	EXPECT_EQ(0, self->arg.bytes); \
	EXPECT_TRUE(is_untouched(self->fd)); \
} while (0)

TEST_F(chunks, that_are_wrong_are_refused_as_by_deserialize)
{
	EXPECT_BAD_CHUNK(-EINVAL, .start = 1, .count = 63, .flags = QDS_CHUNK_ONES);
	EXPECT_BAD_CHUNK(-EINVAL, .start = 0, .count = 63, .flags = QDS_CHUNK_ONES);
	EXPECT_BAD_CHUNK(-ERANGE, .start = 0, .count = 1024, .flags = QDS_CHUNK_ONES);
	EXPECT_BAD_CHUNK(-EOVERFLOW, .start = 64, .count = -64ULL, .flags = QDS_CHUNK_ONES);
	EXPECT_BAD_CHUNK(-EINVAL, .count = 64, .flags = QDS_CHUNK_ONES | QDS_CHUNK_ZEROES);
	EXPECT_BAD_CHUNK(-EINVAL, .count = 64, .bytes = 8, .flags = QDS_CHUNK_ONES);
	EXPECT_BAD_CHUNK(-EOPNOTSUPP, .count = 64, .flags = 1 << 2);
	EXPECT_BAD_CHUNK(-EOPNOTSUPP, .count = 64, .flags = QDS_CHUNK_ONES, .__reserved = 1);
	EXPECT_BAD_CHUNK(-EINVAL, .count = 64, .bytes = 7);
	EXPECT_BAD_CHUNK(-EINVAL, .count = 64, .bytes = 16);
	EXPECT_BAD_CHUNK(-EINVAL, .count = 64);
}

TEST_F(chunks, with_a_bit_behind_the_end_are_EINVAL)
{
	struct qds_chunk chunk = self->chunk[1];

	self->data[ITEMS / 8 - 8] = 1;
	EXPECT_EQ(-EINVAL, restore_chunks(self->fd, &chunk, 1, self->data, BYTES - 8,
					  &self->arg));
	EXPECT_TRUE(is_untouched(self->fd));
}

TEST_F(chunks, whose_bytes_are_more_than_the_data_are_EINVAL)
{
	EXPECT_EQ(-EINVAL, restore_chunks(self->fd, self->chunk, 2, self->data, BYTES - 9,
					  &self->arg));
	/* The first has none. */
	EXPECT_EQ(1, self->arg.done);
	EXPECT_EQ(0, self->arg.bytes);
}

TEST_F(chunks, end_at_the_first_that_is_wrong)
{
	struct qds_chunk chunks[] = { self->chunk[0], self->chunk[1], self->chunk[0] };

	chunks[1].start++;
	chunks[1].count--;
	EXPECT_EQ(-EINVAL, restore_chunks(self->fd, chunks, 3, self->data, BYTES, &self->arg));
	EXPECT_EQ(1, self->arg.done);
	EXPECT_EQ(QDS_BITMAP_RESTORING, bitmap_state(self->fd));
	EXPECT_EQ(164, bitmap_dirty(self->fd));
}

TEST_F(chunks, without_items_begin_no_restore)
{
	const struct qds_chunk empty = { .start = 64 };

	EXPECT_EQ(0, restore_chunks(self->fd, &empty, 1, NULL, 0, &self->arg));
	EXPECT_EQ(1, self->arg.done);
	EXPECT_TRUE(is_untouched(self->fd));
}

TEST_F(chunks, of_a_place_that_is_wrong_are_not_serialized)
{
	struct qds_chunk *c = self->chunk;

	EXPECT_EQ(-EINVAL, serialize_chunks(self->fd, 1, ITEMS - 1, c, 2, self->data, BYTES,
					    &self->arg));
	EXPECT_EQ(-EINVAL, serialize_chunks(self->fd, 0, ITEMS - 1, c, 2, self->data, BYTES,
					    &self->arg));
	EXPECT_EQ(-ERANGE, serialize_chunks(self->fd, 0, 1024, c, 2, self->data, BYTES,
					    &self->arg));
	EXPECT_EQ(-EOVERFLOW, serialize_chunks(self->fd, 64, -64ULL, c, 2, self->data, BYTES,
					       &self->arg));
}

TEST_F(chunks, without_room_for_the_first_bytes_are_ENOSPC)
{
	self->data[BYTES - 1] = 0xa5;
	EXPECT_EQ(-ENOSPC, serialize_chunks(self->fd, 0, ITEMS, self->chunk, 2, self->data,
					    BYTES - 1, &self->arg));
	EXPECT_EQ(0xa5, self->data[BYTES - 1]);
	EXPECT_EQ(0, self->arg.done);
	EXPECT_EQ(0, self->arg.next);
	/* What has no bytes needs no room. */
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, ITEMS));
	EXPECT_EQ(0, serialize_chunks(self->fd, 0, ITEMS, self->chunk, 2, NULL, 0, &self->arg));
	EXPECT_EQ(1, self->arg.done);
	EXPECT_EQ(QDS_CHUNK_ONES, self->chunk[0].flags);
	EXPECT_EQ(ITEMS, self->arg.next);
}

TEST_F(chunks, without_a_serialized_form_are_EOPNOTSUPP)
{
	int fd = bitmap_create(self->dev, 5ULL << 58, 58);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EOPNOTSUPP, serialize_chunks(fd, 0, 5ULL << 58, self->chunk, 2, self->data,
						BYTES, &self->arg));
	EXPECT_EQ(-EOPNOTSUPP, restore_both(fd, self->chunk, self->data, &self->arg));
	close(fd);
}

TEST_F(chunks, at_bad_pointers_are_EFAULT)
{
	void *bad = guarded_alloc(4096) - 64;

	EXPECT_EQ(-EFAULT, restore_both(self->fd, bad, self->data, &self->arg));
	EXPECT_EQ(0, self->arg.done);
	EXPECT_TRUE(is_untouched(self->fd));
	EXPECT_EQ(-EFAULT, restore_chunks(self->fd, self->chunk + 1, 1, bad, BYTES, &self->arg));
	EXPECT_EQ(0, self->arg.done);
	EXPECT_TRUE(is_untouched(self->fd));
	EXPECT_EQ(-EFAULT, serialize_chunks(self->fd, 0, ITEMS, bad, 2, self->data, BYTES,
					    &self->arg));
	EXPECT_EQ(0, self->arg.done);
	EXPECT_EQ(-EFAULT, serialize_chunks(self->fd, 0, ITEMS, self->chunk, 2, bad, BYTES,
					    &self->arg));
	EXPECT_EQ(0, self->arg.done);
}

#define KILLED_CHUNKS	(1U << 19)

TEST_F(chunks, whose_restore_is_killed_end_early_and_done_is_exact)
{
	struct qds_chunk *chunks = shared_alloc(KILLED_CHUNKS * sizeof(*chunks));
	struct qds_bitmap_chunks *arg = shared_alloc(sizeof(*arg));
	int fd = bitmap_create(self->dev, 128ULL * KILLED_CHUNKS, 0);
	pid_t pid;
	__u32 i;

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, chunks);
	ASSERT_NE(NULL, arg);
	for (i = 0; i < KILLED_CHUNKS; i++)
		chunks[i] = (struct qds_chunk) {
			.start = 128ULL * i,
			.count = 64,
			.flags = QDS_CHUNK_ONES,
		};
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(restore_chunks(fd, chunks, KILLED_CHUNKS, NULL, 0, arg) != 0);
	/* Before the call it is what nothing can be. */
	while (!__atomic_load_n(&arg->done, __ATOMIC_ACQUIRE) || arg->done == ~0U)
		usleep(500);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_GT(KILLED_CHUNKS, arg->done);
	EXPECT_EQ(QDS_BITMAP_ABANDONED, bitmap_state(fd));
	EXPECT_EQ(64ULL * arg->done, bitmap_dirty(fd));
	close(fd);
}

/* Empty chunks do nothing, and so many of them take long. */
TEST_F(chunks, that_are_empty_can_be_killed_too)
{
	struct qds_bitmap_chunks *arg = shared_alloc(sizeof(*arg));
	const __u32 n = 64U << 20;
	struct qds_chunk *chunks = mmap(NULL, (size_t)n * sizeof(*chunks), PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pid_t pid;

	ASSERT_NE(NULL, arg);
	ASSERT_NE(MAP_FAILED, chunks);
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(restore_chunks(self->fd, chunks, n, NULL, 0, arg) != 0);
	while (!__atomic_load_n(&arg->done, __ATOMIC_ACQUIRE) || arg->done == ~0U)
		usleep(500);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_GT(n, arg->done);
	EXPECT_TRUE(is_untouched(self->fd));
	munmap(chunks, (size_t)n * sizeof(*chunks));
}

TEST_F(chunks, of_the_largest_bitmap_are_few)
{
	const double begin = clock_now(CLOCK_PROCESS_CPUTIME_ID);
	static __u8 data[4 * REGION_BYTES];
	struct qds_chunk chunks[8];
	int fd = bitmap_create(self->dev, 1ULL << 41, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 1ULL << 40, 1ULL << 40));
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 12345, 1));
	ASSERT_EQ(0, serialize_chunks(fd, 0, 1ULL << 41, chunks, 8, data, sizeof(data),
				      &self->arg));
	EXPECT_EQ(3, self->arg.done);
	EXPECT_EQ(REGION_BYTES, self->arg.bytes);
	EXPECT_EQ(0, chunks[0].flags);
	EXPECT_EQ(QDS_CHUNK_ZEROES, chunks[1].flags);
	EXPECT_EQ(QDS_CHUNK_ONES, chunks[2].flags);
	EXPECT_EQ(1ULL << 40, chunks[2].count);
	EXPECT_GT(0.25, clock_now(CLOCK_PROCESS_CPUTIME_ID) - begin);
	close(fd);
}

TEST_HARNESS_MAIN
