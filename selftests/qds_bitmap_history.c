// SPDX-License-Identifier: GPL-2.0
/*
 * The history of a bitmap: who writes, how that ends, what moves a generation, and that
 * an incremental take is right or refused.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/socket.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define ITEMS	1000

/* A point: what somebody remembers of a bitmap */
struct point {
	__u64 instance[2];
	__u64 generation;
};

static int attach(int fd, __u32 flags)
{
	struct qds_bitmap_attach arg = { .size = sizeof(arg), .flags = flags };

	return call(fd, QDS_BITMAP_ATTACH, &arg);
}

static int detach(int fd)
{
	struct qds_bitmap_detach arg = { .size = sizeof(arg) };

	return call(fd, QDS_BITMAP_DETACH, &arg);
}

static int history(int fd, const struct point *since, struct qds_bitmap_history *arg)
{
	*arg = (struct qds_bitmap_history) { .size = sizeof(*arg) };
	if (since) {
		memcpy(arg->instance, since->instance, sizeof(arg->instance));
		arg->since = since->generation;
	}
	return call(fd, QDS_BITMAP_HISTORY, arg);
}

static struct point point_of(int fd)
{
	struct qds_bitmap_history arg;
	struct point point = {};

	if (!history(fd, NULL, &arg)) {
		memcpy(point.instance, arg.instance, sizeof(point.instance));
		point.generation = arg.generation;
	}
	return point;
}

static bool is_at(int fd, const struct point *point)
{
	struct qds_bitmap_history arg;

	return !history(fd, point, &arg) && arg.complete == 1;
}

static __u32 writers(int fd)
{
	struct qds_bitmap_history arg;

	return history(fd, NULL, &arg) ? ~0U : arg.writers;
}

static __u64 unclean(int fd)
{
	struct qds_bitmap_history arg;

	return history(fd, NULL, &arg) ? ~0ULL : arg.unclean;
}

/* Moves @point on if that is asked for. */
static int take(int fd, __u32 flags, struct point *point)
{
	struct qds_bitmap_copy arg = {
		.size = sizeof(arg),
		.flags = flags,
		.instance = { point->instance[0], point->instance[1] },
		.since = flags ? point->generation : 0,
	};
	int ret = call(fd, QDS_BITMAP_TAKE, &arg);

	if (ret)
		return ret;
	memcpy(point->instance, arg.instance, sizeof(point->instance));
	point->generation = arg.generation;
	return arg.out_fd;
}

static int reopen(int fd)
{
	return object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
}

FIXTURE(history)
{
	int dev;
	int fd;
	/* Where the bitmap is when the test begins. */
	struct point point;
	/* What a child waits for the end of, and what it tells by. */
	int wait[2];
	int told[2];
};

FIXTURE_SETUP(history)
{
	self->dev = open(QDS_PATH, O_RDWR);
	self->fd = bitmap_create(self->dev, ITEMS, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 100, 100));
	self->point = point_of(self->fd);
	ASSERT_EQ(0, pipe(self->wait));
	ASSERT_EQ(0, pipe(self->told));
}

FIXTURE_TEARDOWN(history)
{
	close(self->wait[0]);
	close(self->wait[1]);
	close(self->told[0]);
	close(self->told[1]);
	close(self->fd);
	close(self->dev);
}

/* Points */

TEST_F(history, points_are_of_one_bitmap_and_one_generation)
{
	int other = bitmap_create(self->dev, ITEMS, 0);
	struct point point = self->point, strange = point_of(other);
	struct qds_bitmap_history arg;

	EXPECT_NE(0, point.generation);
	EXPECT_TRUE(point.instance[0] || point.instance[1]);
	EXPECT_NE(0, memcmp(point.instance, strange.instance, sizeof(point.instance)));
	EXPECT_TRUE(is_at(self->fd, &point));
	EXPECT_FALSE(is_at(other, &point));
	point.generation++;
	EXPECT_FALSE(is_at(self->fd, &point));
	point.generation = 0;
	EXPECT_FALSE(is_at(self->fd, &point));
	point = self->point;
	point.instance[1] ^= 1;
	EXPECT_FALSE(is_at(self->fd, &point));
	ASSERT_EQ(0, history(self->fd, &self->point, &arg));
	EXPECT_EQ(1, arg.complete);
	EXPECT_EQ(0, arg.writers);
	EXPECT_EQ(0, arg.unclean);
	EXPECT_EQ(self->point.generation, arg.since);
	close(other);
}

TEST_F(history, can_be_read_by_who_cannot_write)
{
	int reader = object_reopen(self->fd, QDS_ACCESS_READ);

	EXPECT_TRUE(is_at(reader, &self->point));
	EXPECT_EQ(-EBADF, attach(reader, 0));
	EXPECT_EQ(-EBADF, detach(reader));
	close(reader);
}

TEST_F(history, copies_have_one_of_their_own)
{
	struct point point = self->point;
	int taken = take(self->fd, 0, &point), clone;

	ASSERT_LE(0, taken);
	clone = bitmap_copy(self->fd, QDS_BITMAP_CLONE);
	ASSERT_LE(0, clone);
	EXPECT_TRUE(is_at(self->fd, &point));
	EXPECT_FALSE(is_at(taken, &point));
	EXPECT_FALSE(is_at(clone, &point));
	close(clone);
	close(taken);
}

/* What moves a generation, and what does not */

static int make_other(int dev)
{
	int fd = bitmap_create(dev, ITEMS, 0);

	return bitmap_change(fd, QDS_BITMAP_SET, 150, 100) ?: fd;
}

TEST_F(history, generation_stays_while_nothing_can_be_lost)
{
	int other = make_other(self->dev);
	__u8 data[128] = {};
	struct qds_bitmap_chunk wrong = {
		.size = sizeof(wrong), .start = 960, .count = 40, .data = PTR(data),
		.data_size = 8,
	};

	EXPECT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 50));
	EXPECT_EQ(0, bitmap_merge(self->fd, other, QDS_MERGE_OR));
	EXPECT_EQ(0, bitmap_truncate(self->fd, ITEMS));
	EXPECT_EQ(0, bitmap_truncate(self->fd, ITEMS + 100));
	EXPECT_EQ(0, attach(self->fd, 0));
	EXPECT_EQ(0, detach(self->fd));
	/* What is refused: not whole bits, no source, a bit behind the end. */
	EXPECT_EQ(-ERANGE, bitmap_change(self->fd, QDS_BITMAP_RESET, 0, ITEMS + 101));
	EXPECT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 5, 0));
	EXPECT_EQ(-EBADF, bitmap_merge(self->fd, -1, QDS_MERGE_AND));
	memset(data, 0xff, sizeof(data));
	EXPECT_EQ(-EINVAL, call(other, QDS_BITMAP_DESERIALIZE, &wrong));
	EXPECT_TRUE(is_at(self->fd, &self->point));
	EXPECT_EQ(QDS_BITMAP_ACTIVE, bitmap_state(other));
	close(other);
}

TEST_F(history, restore_that_does_not_begin_moves_nothing)
{
	__u8 data[8];
	struct qds_bitmap_chunk wrong = {
		.size = sizeof(wrong), .start = 960, .count = 40, .data = PTR(data),
		.data_size = sizeof(data),
	};

	memset(data, 0xff, sizeof(data));
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_BITMAP_DESERIALIZE, &wrong));
	EXPECT_TRUE(is_at(self->fd, &self->point));
}

static int move_reset(int fd, int other)
{
	(void)other;
	return bitmap_change(fd, QDS_BITMAP_RESET, 0, 1);
}

static int move_take(int fd, int other)
{
	int ret = bitmap_copy(fd, QDS_BITMAP_TAKE);

	(void)other;
	return ret < 0 ? ret : close(ret);
}

static int move_and(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_AND);
}

static int move_andnot(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_ANDNOT);
}

static int move_xor(int fd, int other)
{
	return bitmap_merge(fd, other, QDS_MERGE_XOR);
}

static int move_truncate(int fd, int other)
{
	(void)other;
	return bitmap_truncate(fd, ITEMS - 1) ?: bitmap_truncate(fd, ITEMS);
}

static int move_begin(int fd, int other)
{
	(void)other;
	return bitmap_begin(fd);
}

static int move_finish(int fd, int other)
{
	(void)other;
	return bitmap_finish(fd);
}

static int move_deserialize(int fd, int other)
{
	(void)other;
	return bitmap_restore_ones(fd, 0, 64);
}

TEST_F(history, generation_moves_with_all_that_makes_clean)
{
	static const struct {
		const char *name;
		int (*move)(int fd, int other);
	} moves[] = {
		{ "reset", move_reset }, { "take", move_take }, { "and", move_and },
		{ "andnot", move_andnot }, { "xor", move_xor },
		{ "truncate", move_truncate }, { "begin", move_begin },
		{ "finish", move_finish }, { "deserialize", move_deserialize },
		{ "finish", move_finish },
	};
	int other = make_other(self->dev);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		struct point before = point_of(self->fd), after;

		EXPECT_EQ(0, moves[i].move(self->fd, other)) TH_LOG("%s", moves[i].name);
		after = point_of(self->fd);
		EXPECT_NE(before.generation, after.generation) TH_LOG("%s", moves[i].name);
		EXPECT_EQ(0, memcmp(before.instance, after.instance, sizeof(after.instance)));
		EXPECT_FALSE(is_at(self->fd, &before)) TH_LOG("%s", moves[i].name);
		/* While it is being restored nothing is complete. */
		EXPECT_EQ(bitmap_state(self->fd) == QDS_BITMAP_ACTIVE, is_at(self->fd, &after))
			TH_LOG("%s", moves[i].name);
	}
	close(other);
}

/* Attachments, and their ends */

TEST_F(history, attach_tells_the_point)
{
	struct qds_bitmap_attach arg = { .size = sizeof(arg) };

	EXPECT_EQ(0, call(self->fd, QDS_BITMAP_ATTACH, &arg));
	EXPECT_EQ(0, memcmp(arg.instance, self->point.instance, sizeof(arg.instance)));
	EXPECT_EQ(self->point.generation, arg.generation);
	EXPECT_EQ(1, writers(self->fd));
}

TEST_F(history, attach_that_cannot_be_told_attaches_nothing)
{
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_BITMAP_ATTACH, NULL));
	EXPECT_EQ(0, writers(self->fd));
}

TEST_F(history, file_is_attached_once)
{
	int other = reopen(self->fd), copy = dup(self->fd);

	EXPECT_EQ(0, attach(self->fd, 0));
	EXPECT_EQ(-EBUSY, attach(self->fd, 0));
	EXPECT_EQ(-EBUSY, attach(copy, QDS_ATTACH_MARKS_FIRST));
	EXPECT_EQ(0, attach(other, 0));
	EXPECT_EQ(2, writers(self->fd));
	EXPECT_EQ(0, detach(copy));
	EXPECT_EQ(0, detach(other));
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_EQ(0, attach(self->fd, 0));
	EXPECT_EQ(0, detach(self->fd));
	close(copy);
	close(other);
	EXPECT_TRUE(is_at(self->fd, &self->point));
}

TEST_F(history, detach_of_what_is_not_attached_is_ENODATA)
{
	int other = reopen(self->fd);
	pid_t pid;

	EXPECT_EQ(-ENODATA, detach(self->fd));
	ASSERT_EQ(0, attach(self->fd, 0));
	EXPECT_EQ(-ENODATA, detach(other));
	/* Nor can another process say that this one has ended well. */
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-detach(self->fd));
	EXPECT_EQ(ENODATA, wait_for(pid));
	EXPECT_EQ(1, writers(self->fd));
	EXPECT_EQ(0, detach(self->fd));
	EXPECT_EQ(-ENODATA, detach(self->fd));
	close(other);
}

TEST_F(history, attach_is_refused_where_set_is)
{
	struct point point = self->point;
	int taken = take(self->fd, 0, &point);

	ASSERT_LE(0, taken);
	EXPECT_EQ(-EPERM, attach(taken, 0));
	ASSERT_EQ(0, attach(self->fd, 0));
	ASSERT_EQ(0, bitmap_begin(self->fd));
	EXPECT_EQ(0, detach(self->fd));
	EXPECT_EQ(-EBUSY, attach(self->fd, 0));
	ASSERT_EQ(0, bitmap_finish(self->fd));
	ASSERT_EQ(0, attach(self->fd, 0));
	ASSERT_EQ(0, bitmap_seal(self->fd));
	EXPECT_EQ(0, detach(self->fd));
	EXPECT_EQ(-EPERM, attach(self->fd, 0));
	EXPECT_EQ(0, unclean(self->fd));
	close(taken);
}

/* A child does something with the file, tells of it, and waits to be killed. */
static pid_t start_writer(const int *wait, const int *told, int fd, __u32 flags)
{
	pid_t pid = fork_child();
	char byte = 0;

	if (pid)
		return pid;
	close(wait[1]);
	if (attach(fd, flags) || write(told[1], &byte, 1) != 1)
		_exit(1);
	/* What it writes now, elsewhere, is not recorded yet. */
	_exit(read(wait[0], &byte, 1) == 1 ? -detach(fd) : 2);
}

TEST_F(history, writer_that_is_killed_may_have_lost_something)
{
	int fd = reopen(self->fd);
	pid_t pid = start_writer(self->wait, self->told, fd, 0);
	char byte;

	ASSERT_LE(0, pid);
	ASSERT_EQ(1, read(self->told[0], &byte, 1));
	EXPECT_EQ(1, writers(self->fd));
	/* As long as it lives nothing is lost. */
	EXPECT_TRUE(is_at(self->fd, &self->point));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_EQ(1, unclean(self->fd));
	EXPECT_FALSE(is_at(self->fd, &self->point));
	EXPECT_EQ(100, bitmap_dirty(self->fd));
	close(fd);
}

TEST_F(history, writer_that_marks_first_has_lost_nothing_when_it_is_killed)
{
	int fd = reopen(self->fd);
	pid_t pid = start_writer(self->wait, self->told, fd, QDS_ATTACH_MARKS_FIRST);
	char byte;

	ASSERT_EQ(1, read(self->told[0], &byte, 1));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_EQ(1, unclean(self->fd));
	EXPECT_TRUE(is_at(self->fd, &self->point));
	close(fd);
}

/* The mark of what it was about to change may be among what was taken. */
TEST_F(history, writer_that_marks_first_may_have_lost_something_after_a_take)
{
	int fd = reopen(self->fd), taken;
	pid_t pid = start_writer(self->wait, self->told, fd, QDS_ATTACH_MARKS_FIRST);
	struct point point = self->point;
	char byte;

	ASSERT_EQ(1, read(self->told[0], &byte, 1));
	taken = take(self->fd, QDS_TAKE_SINCE, &point);
	ASSERT_LE(0, taken);
	close(taken);
	EXPECT_TRUE(is_at(self->fd, &point));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_FALSE(is_at(self->fd, &point));
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &point));
	close(fd);
}

TEST_F(history, writer_that_detaches_has_lost_nothing)
{
	int fd = reopen(self->fd);
	pid_t pid = start_writer(self->wait, self->told, fd, 0);
	char byte = 0;

	ASSERT_EQ(1, read(self->told[0], &byte, 1));
	ASSERT_EQ(1, write(self->wait[1], &byte, 1));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, unclean(self->fd));
	EXPECT_TRUE(is_at(self->fd, &self->point));
	close(fd);
	EXPECT_TRUE(is_at(self->fd, &self->point));
}

TEST_F(history, writer_that_exits_without_detach_may_have_lost_something)
{
	pid_t pid = fork_child();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-attach(self->fd, 0));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(1, unclean(self->fd));
	EXPECT_FALSE(is_at(self->fd, &self->point));
}

TEST_F(history, close_of_any_duplicate_ends_the_attachment)
{
	int mine = reopen(self->fd), copy = dup(mine);

	ASSERT_EQ(0, attach(mine, 0));
	close(copy);
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_EQ(1, unclean(self->fd));
	EXPECT_EQ(-ENODATA, detach(mine));
	/* And of another file of the bitmap it does not. */
	ASSERT_EQ(0, attach(mine, 0));
	close(reopen(self->fd));
	EXPECT_EQ(1, writers(self->fd));
	/* As does what takes its number. */
	ASSERT_EQ(mine, dup2(self->dev, mine));
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_EQ(2, unclean(self->fd));
	close(mine);
}

TEST_F(history, child_of_fork_is_no_writer)
{
	pid_t pid;

	ASSERT_EQ(0, attach(self->fd, 0));
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->fd);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(1, writers(self->fd));
	EXPECT_EQ(0, unclean(self->fd));
}

TEST_F(history, writer_that_is_killed_is_gone_though_its_child_has_the_file)
{
	int fd = reopen(self->fd);
	pid_t pid = fork_child(), child;
	char byte = 0;

	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->wait[1]);
		if (attach(fd, 0))
			_exit(1);
		/* Not fork_child(): this one stays when its parent is killed. */
		child = fork();
		if (!child)
			_exit(read(self->wait[0], &byte, 1));
		if (write(self->told[1], &byte, 1) != 1)
			_exit(1);
		pause();
	}
	close(fd);
	ASSERT_EQ(1, read(self->told[0], &byte, 1));
	EXPECT_EQ(1, writers(self->fd));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_FALSE(is_at(self->fd, &self->point));
}

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
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

TEST_F(history, writer_that_passes_its_descriptor_on_is_the_writer_until_it_closes)
{
	int mine = reopen(self->fd), pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, attach(mine, 0));
	ASSERT_EQ(0, send_fd(pair[0], mine));
	EXPECT_EQ(1, writers(self->fd));
	/* The message keeps the file open. */
	close(mine);
	EXPECT_EQ(0, writers(self->fd));
	EXPECT_EQ(1, unclean(self->fd));
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(1, unclean(self->fd));
}

/* A child attaches, and becomes another program that waits for its input to end. */
static pid_t start_program(int fd, int *in, bool keep)
{
	pid_t pid = fork_child();

	if (pid)
		return pid;
	close(in[1]);
	dup2(in[0], 0);
	if (attach(fd, 0) || fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC))
		_exit(1);
	execl("/bin/sh", "sh", "-c", "echo >&2; read x", NULL);
	_exit(1);
}

TEST_F(history, execve_keeps_what_keeps_the_descriptor)
{
	bool keep;

	for (keep = false;; keep = true) {
		int fd = reopen(self->fd), in[2], i;
		pid_t pid;

		ASSERT_EQ(0, pipe(in));
		fcntl(in[1], F_SETFD, FD_CLOEXEC);
		pid = start_program(fd, in, keep);
		ASSERT_LE(0, pid);
		close(in[0]);
		for (i = 0; i < 1000 && unclean(self->fd) == keep; i++)
			usleep(keep ? 200 : 5000);
		EXPECT_EQ(1, unclean(self->fd));
		EXPECT_EQ(keep, writers(self->fd));
		close(in[1]);
		EXPECT_EQ(1, wait_for(pid));
		EXPECT_EQ(1 + keep, unclean(self->fd));
		close(fd);
		if (keep)
			break;
	}
}

static void *attach_in_thread(void *arg)
{
	return (void *)(long)attach(*(int *)arg, 0);
}

TEST_F(history, attachment_is_the_process_and_not_the_thread)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, attach_in_thread, &self->fd));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(1, writers(self->fd));
	EXPECT_EQ(0, detach(self->fd));
}

/*
 * One thread attaches while another closes the descriptor, which others have too. A TAKE
 * that is under way makes ATTACH wait, so that the close comes in between.
 */
#define CLOSINGS	40

static int close_beside_attach(int fd, int round)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, attach_in_thread, &fd))
		return 1;
	usleep(round * 300);
	close(fd);
	pthread_join(thread, NULL);
	return 0;
}

TEST_F_TIMEOUT(history, attachment_that_begins_beside_close_has_ended, 120)
{
	pid_t taker = fork_child(), pid;
	char byte;
	int i;

	ASSERT_LE(0, taker);
	if (!taker)
		for (;;)
			close(bitmap_copy(self->fd, QDS_BITMAP_TAKE));
	for (i = 0; i < CLOSINGS; i++) {
		int fd = reopen(self->fd);

		pid = fork_child();
		ASSERT_LE(0, pid);
		if (!pid) {
			close(self->wait[1]);
			byte = close_beside_attach(fd, i);
			if (write(self->told[1], &byte, 1) != 1)
				_exit(1);
			_exit(read(self->wait[0], &byte, 1) != 1);
		}
		ASSERT_EQ(1, read(self->told[0], &byte, 1));
		EXPECT_EQ(0, byte);
		/* The child lives, and has no descriptor of the file; this process has. */
		EXPECT_EQ(0, writers(self->fd)) TH_LOG("round %d", i);
		ASSERT_EQ(1, write(self->wait[1], &byte, 1));
		EXPECT_EQ(0, wait_for(pid));
		close(fd);
	}
	kill(taker, SIGKILL);
	wait_for(taker);
}

/* Incremental takes */

TEST_F(history, take_since_goes_from_point_to_point)
{
	struct point point = self->point;
	int i, taken;

	for (i = 0; i < 5; i++) {
		__u64 before = point.generation;

		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 100 * i, 10 + i));
		taken = take(self->fd, QDS_TAKE_SINCE, &point);
		ASSERT_LE(0, taken);
		EXPECT_LT(before, point.generation);
		EXPECT_TRUE(is_at(self->fd, &point));
		EXPECT_EQ(i ? 10 + i : 110, bitmap_dirty(taken));
		EXPECT_EQ(0, bitmap_dirty(self->fd));
		close(taken);
	}
}

TEST_F(history, take_since_another_point_is_ESTALE_and_takes_nothing)
{
	struct point point = self->point;
	int fds = open_fds(), taken;

	point.instance[0] ^= 1;
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &point));
	point = self->point;
	point.generation--;
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &point));
	point.generation += 2;
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &point));
	point.generation = ~0ULL;
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &point));
	EXPECT_EQ(fds, open_fds());
	EXPECT_EQ(100, bitmap_dirty(self->fd));
	/* And none of these was a take. */
	point = self->point;
	taken = take(self->fd, QDS_TAKE_SINCE, &point);
	EXPECT_LE(0, taken);
	close(taken);
}

TEST_F(history, take_since_is_refused_after_a_writer_was_killed)
{
	int fd = reopen(self->fd);
	pid_t pid = start_writer(self->wait, self->told, fd, 0);
	struct point point = self->point;
	char byte;
	int taken;

	ASSERT_EQ(1, read(self->told[0], &byte, 1));
	taken = take(self->fd, QDS_TAKE_SINCE, &point);
	EXPECT_LE(0, taken);
	/* The backup fails, and what it would have copied is put back. */
	EXPECT_EQ(0, bitmap_merge(self->fd, taken, QDS_MERGE_OR));
	close(taken);
	EXPECT_TRUE(is_at(self->fd, &point));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &point));
	EXPECT_EQ(100, bitmap_dirty(self->fd));
	close(fd);
}

TEST_F(history, take_since_is_refused_after_another_has_taken)
{
	struct point mine = self->point, other = self->point;
	int taken = take(self->fd, QDS_TAKE_SINCE, &other);

	ASSERT_LE(0, taken);
	EXPECT_EQ(-ESTALE, take(self->fd, QDS_TAKE_SINCE, &mine));
	close(taken);
}

TEST_F(history, take_that_cannot_be_told_stays_at_the_point)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct qds_bitmap_copy *arg = mmap(NULL, page, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fds = open_fds();

	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_BITMAP_TAKE, arg));
	EXPECT_EQ(fds, open_fds());
	EXPECT_TRUE(is_at(self->fd, &self->point));
	EXPECT_EQ(100, bitmap_dirty(self->fd));
	munmap(arg, page);
}

TEST_F(history, take_of_the_first_version_takes)
{
	struct qds_bitmap_copy arg = {
		.size = offsetof(struct qds_bitmap_copy, instance),
		.generation = 77,
	};

	ASSERT_EQ(0, call(self->fd, QDS_BITMAP_TAKE, &arg));
	EXPECT_EQ(77, arg.generation);
	EXPECT_EQ(100, bitmap_dirty(arg.out_fd));
	close(arg.out_fd);
	/* A point that it cannot tell is none. */
	arg.flags = QDS_TAKE_SINCE;
	EXPECT_EQ(-ESTALE, call(self->fd, QDS_BITMAP_TAKE, &arg));
}

TEST_F(history, point_without_the_flag_is_EINVAL)
{
	struct qds_bitmap_copy arg = { .size = sizeof(arg), .since = self->point.generation };

	EXPECT_EQ(-EINVAL, call(self->fd, QDS_BITMAP_TAKE, &arg));
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_BITMAP_CLONE, &arg));
	EXPECT_TRUE(is_at(self->fd, &self->point));
}

TEST_F(history, clone_since_is_EOPNOTSUPP)
{
	struct qds_bitmap_copy arg = { .size = sizeof(arg), .flags = QDS_TAKE_SINCE };

	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, QDS_BITMAP_CLONE, &arg));
}

/* Somebody makes items clean all the time: what is taken has all, or is refused. */

struct race {
	int fd;
	unsigned int over;
};

static void *reset_all_the_time(void *arg)
{
	struct race *race = arg;

	while (!__atomic_load_n(&race->over, __ATOMIC_ACQUIRE)) {
		bitmap_change(race->fd, QDS_BITMAP_RESET, 0, ITEMS);
		usleep(2000);
	}
	return NULL;
}

#define MANY	512

/* One call that makes item 0 clean first, and is not at its end for a while. */
static void *reset_many(void *arg)
{
	struct qds_range ranges[MANY];
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = MANY,
		.ranges = PTR(ranges),
	};
	struct race *race = arg;
	int i;

	for (i = 0; i < MANY; i++)
		ranges[i] = (struct qds_range){ i, 1 };
	while (!__atomic_load_n(&race->over, __ATOMIC_ACQUIRE))
		call(race->fd, QDS_BITMAP_RESET, &vec);
	return NULL;
}

/* Nobody is told that all is there after he has seen that it is not. */
TEST_F_TIMEOUT(history, complete_is_not_told_while_a_reset_is_under_way, 120)
{
	struct race race = { .fd = self->fd };
	int i, told = 0, gone = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reset_many, &race));
	for (i = 0; i < 1000; i++) {
		struct point point;

		point = point_of(self->fd);
		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 1));
		/* It is dirty from here on as long as the bitmap is at that point. */
		if (!is_at(self->fd, &point))
			continue;
		told++;
		while (bitmap_test(self->fd, 0, 1) == QDS_TEST_DIRTY)
			;
		gone++;
		EXPECT_FALSE(is_at(self->fd, &point));
	}
	__atomic_store_n(&race.over, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_LT(0, told);
	EXPECT_EQ(told, gone);
}

#define RESETTERS	8

TEST_F_TIMEOUT(history, take_ends_although_others_reset_all_the_time, 120)
{
	struct race race = { .fd = self->fd };
	pthread_t threads[RESETTERS];
	struct point point;
	int i, taken;

	for (i = 0; i < RESETTERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, reset_many, &race));
	for (i = 0; i < 10; i++) {
		taken = take(self->fd, 0, &point);
		EXPECT_LE(0, taken);
		close(taken);
	}
	__atomic_store_n(&race.over, 1, __ATOMIC_RELEASE);
	for (i = 0; i < RESETTERS; i++)
		pthread_join(threads[i], NULL);
}

TEST_F_TIMEOUT(history, take_since_beside_resets_has_all_or_is_refused, 120)
{
	struct race race = { .fd = self->fd };
	int taken, nr_taken = 0, nr_stale = 0, i;
	struct point point = self->point;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reset_all_the_time, &race));
	for (i = 0; i < 20000 && (nr_taken < 50 || nr_stale < 50); i++) {
		EXPECT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, i % ITEMS, 1));
		taken = take(self->fd, QDS_TAKE_SINCE, &point);
		if (taken < 0) {
			EXPECT_EQ(-ESTALE, taken);
			nr_stale++;
			point = point_of(self->fd);
			continue;
		}
		nr_taken++;
		EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(taken, i % ITEMS, 1))
			TH_LOG("round %d", i);
		close(taken);
	}
	__atomic_store_n(&race.over, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(50, nr_taken);
	EXPECT_LE(50, nr_stale);
}

/* Writers that are killed at any moment: what they have not recorded is told. */

#define KILLS	150

/* What a writer has done: it writes to it before it does. */
enum phase { IDLE, ATTACHED, WRITTEN, RECORDED, DETACHED };

static void enter(enum phase *phase, enum phase next)
{
	__atomic_store_n(phase, next, __ATOMIC_SEQ_CST);
}

static void write_and_record(int fd, __u32 flags, enum phase *phase)
{
	for (;;) {
		if (attach(fd, flags))
			_exit(1);
		enter(phase, ATTACHED);
		if (flags & QDS_ATTACH_MARKS_FIRST)
			bitmap_change(fd, QDS_BITMAP_SET, 7, 1);
		enter(phase, WRITTEN);
		if (!(flags & QDS_ATTACH_MARKS_FIRST))
			bitmap_change(fd, QDS_BITMAP_SET, 7, 1);
		enter(phase, RECORDED);
		if (detach(fd))
			_exit(1);
		enter(phase, DETACHED);
	}
}

TEST_F_TIMEOUT(history, writers_that_are_killed_at_random_are_never_taken_for_complete, 120)
{
	enum phase *phase = shared_alloc(sizeof(*phase));
	__u64 seed = 99;
	int i, lost = 0;

	ASSERT_NE(NULL, phase);
	for (i = 0; i < KILLS; i++) {
		__u32 flags = random_below(&seed, 4) ? 0 : QDS_ATTACH_MARKS_FIRST;
		struct point point;
		int fd = reopen(self->fd), taken;
		pid_t pid;

		bitmap_change(self->fd, QDS_BITMAP_RESET, 7, 1);
		point = point_of(self->fd);
		*phase = IDLE;
		pid = fork_child();
		ASSERT_LE(0, pid);
		if (!pid)
			write_and_record(fd, flags, phase);
		usleep(random_below(&seed, 5000));
		kill(pid, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, wait_for(pid));
		close(fd);
		EXPECT_EQ(0, writers(self->fd));
		taken = take(self->fd, QDS_TAKE_SINCE, &point);
		lost += taken == -ESTALE;
		/* Complete: what was written is recorded. */
		if (taken >= 0 && *phase >= WRITTEN)
			EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(taken, 7, 1));
		if (flags & QDS_ATTACH_MARKS_FIRST)
			EXPECT_LE(0, taken);
		close(taken);
	}
	EXPECT_LT(0, lost);
	EXPECT_GT(KILLS, lost);
	munmap(phase, sizeof(*phase));
}

TEST_HARNESS_MAIN
