// SPDX-License-Identifier: GPL-2.0
/*
 * Watching how much there is in an object: QDS_OBJECT_WATCH, poll(2) of tables.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define WATCHES_MAX	64

FIXTURE(watch)
{
	int dev;
	int fd;
	int event;
};

FIXTURE_VARIANT(watch)
{
	bool table;
};

FIXTURE_VARIANT_ADD(watch, bitmap) { .table = false };
FIXTURE_VARIANT_ADD(watch, table) { .table = true };

FIXTURE_SETUP(watch)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = variant->table ? table_create(self->dev, 4, 0, 0) :
				    bitmap_create(self->dev, 100000, 0);
	ASSERT_LE(0, self->fd);
	self->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(watch)
{
	close(self->event);
	close(self->fd);
	close(self->dev);
}

/* Make number @i be there, or not be there any more: an entry or a dirty item. */
static int change(int fd, bool table, __u32 i, bool there)
{
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.key_size = sizeof(i),
		.keys = PTR(&i),
	};

	if (!table)
		return bitmap_change(fd, there ? QDS_BITMAP_SET : QDS_BITMAP_RESET, i, 1);
	return call(fd, there ? QDS_TABLE_INSERT : QDS_TABLE_REMOVE, &vec);
}

static int watch(int fd, int event, __u64 amount, __u32 flags)
{
	struct qds_object_watch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.eventfd = event,
		.events = amount ? QDS_EVENT_REACHED : 0,
		.amount = amount,
	};

	return call(fd, QDS_OBJECT_WATCH, &arg);
}

/* How often it was told since it was last asked. */
static int told(int event)
{
	__u64 n;

	return read(event, &n, sizeof(n)) == sizeof(n) ? (int)n : 0;
}

static int poll_now(int fd, int milliseconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, milliseconds) < 0 ? -1 : p.revents;
}

#define ADD(i)		ASSERT_EQ(0, change(self->fd, variant->table, i, true))
#define REMOVE(i)	ASSERT_EQ(0, change(self->fd, variant->table, i, false))

TEST_F(watch, is_told_once_when_the_amount_is_reached)
{
	ASSERT_EQ(0, watch(self->fd, self->event, 3, 0));
	ADD(1);
	ADD(2);
	EXPECT_EQ(0, told(self->event));
	ADD(3);
	EXPECT_EQ(1, told(self->event));
	ADD(4);
	REMOVE(4);
	ADD(5);
	EXPECT_EQ(0, told(self->event));
}

/* In the middle of an epoll_wait() that says EPOLLEXCLUSIVE. */
struct waiter {
	int epoll;
	int events;
	pthread_t thread;
};

static void *wait_alone(void *arg)
{
	struct waiter *waiter = arg;
	struct epoll_event event;

	waiter->events = epoll_wait(waiter->epoll, &event, 1, 3000);
	return NULL;
}

static int waiter_start(struct waiter *waiter, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (waiter->epoll < 0 || epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return -pthread_create(&waiter->thread, NULL, wait_alone, waiter);
}

TEST_F(watch, who_waits_for_more_does_not_take_the_wake_of_who_waits_for_less)
{
	struct waiter more, less;
	int fd = object_reopen(self->fd, QDS_ACCESS_READ);
	__u32 i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, watch(self->fd, -1, 100, 0));
	ASSERT_EQ(0, watch(fd, -1, 10, 0));
	ASSERT_EQ(0, waiter_start(&more, self->fd));
	ASSERT_EQ(0, waiter_start(&less, fd));
	usleep(300000);
	for (i = 0; i < 20; i++)
		ADD(i);
	pthread_join(less.thread, NULL);
	EXPECT_EQ(1, less.events);
	for (; i < 100; i++)
		ADD(i);
	pthread_join(more.thread, NULL);
	EXPECT_EQ(1, more.events);
	close(more.epoll);
	close(less.epoll);
	close(fd);
}

TEST_F(watch, no_other_negative_number_means_poll)
{
	EXPECT_EQ(-EBADF, watch(self->fd, -2, 5, 0));
	EXPECT_EQ(-EBADF, watch(self->fd, -EMFILE, 5, 0));
	ADD(1);
	EXPECT_EQ(POLLIN, poll_now(self->fd, 0));
}

TEST_F(watch, is_told_again_after_it_was_below)
{
	ASSERT_EQ(0, watch(self->fd, self->event, 2, 0));
	ADD(1);
	ADD(2);
	EXPECT_EQ(1, told(self->event));
	REMOVE(2);
	EXPECT_EQ(0, told(self->event));
	ADD(2);
	EXPECT_EQ(1, told(self->event));
}

TEST_F(watch, is_told_at_once_if_it_is_reached)
{
	ADD(1);
	ASSERT_EQ(0, watch(self->fd, self->event, 1, 0));
	EXPECT_EQ(1, told(self->event));
	/* A second one is told anew: for those who have seen to the first. */
	ASSERT_EQ(0, watch(self->fd, self->event, 1, 0));
	EXPECT_EQ(1, told(self->event));
	ASSERT_EQ(0, watch(self->fd, self->event, 2, 0));
	EXPECT_EQ(0, told(self->event));
	ADD(2);
	EXPECT_EQ(1, told(self->event));
}

TEST_F(watch, once_is_told_once_and_removes_itself)
{
	ASSERT_EQ(0, watch(self->fd, self->event, 2, QDS_WATCH_ONCE));
	ADD(1);
	EXPECT_EQ(0, told(self->event));
	ADD(2);
	EXPECT_EQ(1, told(self->event));
	REMOVE(2);
	ADD(2);
	EXPECT_EQ(0, told(self->event));
	EXPECT_EQ(-ENOENT, watch(self->fd, self->event, 0, QDS_WATCH_REMOVE));
	ASSERT_EQ(0, watch(self->fd, self->event, 2, QDS_WATCH_ONCE));
	EXPECT_EQ(1, told(self->event));
}

TEST_F(watch, many_amounts_are_told_each_in_its_turn)
{
	int events[WATCHES_MAX], i;

	/* Every other one leaves when it is told, in the middle of the others. */
	for (i = 0; i < WATCHES_MAX; i++) {
		events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ASSERT_LE(0, events[i]);
		ASSERT_EQ(0, watch(self->fd, events[i], i / 4 + 1,
				   i % 2 ? QDS_WATCH_ONCE : 0));
	}
	EXPECT_EQ(-ENOSPC, watch(self->fd, self->event, 1, 0));
	for (i = 0; i < WATCHES_MAX; i++) {
		EXPECT_EQ(0, told(events[i]));
		if (i % 4 == 3)
			ADD(i / 4);
		if (i % 4 == 3) {
			EXPECT_EQ(1, told(events[i]));
			EXPECT_EQ(1, told(events[i - 1]));
			EXPECT_EQ(1, told(events[i - 2]));
			EXPECT_EQ(1, told(events[i - 3]));
		}
	}
	/* Those that have left make room. */
	EXPECT_EQ(0, watch(self->fd, self->event, 1, 0));
	for (i = WATCHES_MAX / 4; i--; )
		REMOVE(i);
	for (i = 0; i < WATCHES_MAX / 4; i++)
		ADD(i);
	for (i = 0; i < WATCHES_MAX; i++) {
		EXPECT_EQ(i % 2 ? 0 : 1, told(events[i]));
		close(events[i]);
	}
}

TEST_F(watch, ends_when_it_is_removed)
{
	ASSERT_EQ(0, watch(self->fd, self->event, 1, 0));
	ASSERT_EQ(0, watch(self->fd, self->event, 0, QDS_WATCH_REMOVE));
	ADD(1);
	EXPECT_EQ(0, told(self->event));
	EXPECT_EQ(-ENOENT, watch(self->fd, self->event, 0, QDS_WATCH_REMOVE));
}

TEST_F(watch, ends_with_the_open_file_by_which_it_was_made)
{
	int reader = object_reopen(self->fd, QDS_ACCESS_READ), copy;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, watch(reader, self->event, 1, 0));
	EXPECT_EQ(-ENOENT, watch(self->fd, self->event, 0, QDS_WATCH_REMOVE));
	copy = dup(reader);
	ASSERT_LE(0, copy);
	close(reader);
	ADD(1);
	EXPECT_EQ(1, told(self->event));
	REMOVE(1);
	close(copy);
	ADD(1);
	EXPECT_EQ(0, told(self->event));
}

TEST_F(watch, poll_waits_for_what_it_was_told_to)
{
	EXPECT_EQ(0, poll_now(self->fd, 0));
	ADD(1);
	EXPECT_EQ(POLLIN, poll_now(self->fd, 0));
	ASSERT_EQ(0, watch(self->fd, -1, 3, 0));
	EXPECT_EQ(0, poll_now(self->fd, 0));
	ADD(2);
	ADD(3);
	EXPECT_EQ(POLLIN, poll_now(self->fd, 0));
	REMOVE(3);
	EXPECT_EQ(0, poll_now(self->fd, 0));
}

struct poller {
	int fd;
	int found;
};

static void *poller(void *arg)
{
	struct poller *p = arg;

	p->found = poll_now(p->fd, 20000);
	return NULL;
}

TEST_F(watch, all_who_poll_are_woken)
{
	struct poller pollers[3] = { { self->fd, 0 }, { self->fd, 0 } };
	double begun = clock_now(CLOCK_MONOTONIC);
	pthread_t threads[3];
	int i;

	pollers[2].fd = object_reopen(self->fd, QDS_ACCESS_READ);
	ASSERT_LE(0, pollers[2].fd);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, poller, &pollers[i]));
	usleep(200000);
	ADD(1);
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(POLLIN, pollers[i].found);
	}
	EXPECT_GT(10, clock_now(CLOCK_MONOTONIC) - begun);
	close(pollers[2].fd);
}

/* Tells come while watches come and go, and none is missed. */
static bool stop;

struct changer {
	int fd;
	bool table;
};

static void *changer(void *arg)
{
	const struct changer *c = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		change(c->fd, c->table, 1, true);
		change(c->fd, c->table, 1, false);
	}
	return NULL;
}

TEST_F(watch, none_is_missed_while_others_change_it)
{
	struct changer c = { self->fd, variant->table };
	pthread_t thread;
	int i, wait = eventfd(0, EFD_CLOEXEC), missed = 0;
	struct pollfd p = { .fd = wait, .events = POLLIN };
	double end;

	__atomic_store_n(&stop, false, __ATOMIC_RELAXED);
	ASSERT_LE(0, wait);
	ASSERT_EQ(0, pthread_create(&thread, NULL, changer, &c));
	end = clock_now(CLOCK_MONOTONIC) + 3;
	for (i = 0; clock_now(CLOCK_MONOTONIC) < end && !missed; i++) {
		missed += watch(self->fd, wait, 1, i % 2 ? QDS_WATCH_ONCE : 0) != 0;
		missed += poll(&p, 1, 10000) != 1 || !told(wait);
		if (i % 3 == 0)
			watch(self->fd, wait, 0, QDS_WATCH_REMOVE);
	}
	EXPECT_EQ(0, missed);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	close(wait);
}

TEST_F(watch, refuses_what_is_wrong)
{
	struct qds_object_watch good = {
		.size = sizeof(good),
		.eventfd = self->event,
		.events = QDS_EVENT_REACHED,
		.amount = 1,
	};
	struct qds_object_watch arg = good;
	int pipes[2], free_fd;

	ASSERT_EQ(0, pipe(pipes));
	free_fd = dup(self->event);
	close(free_fd);
	ASSERT_EQ(0, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.flags = 4;
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg = good;
	arg.events = 3;
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.events = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg = good;
	arg.amount = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg = good;
	arg.eventfd = free_fd;
	EXPECT_EQ(-EBADF, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.eventfd = pipes[0];
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg = good;
	arg.size = offsetof(struct qds_object_watch, amount);
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg = good;
	arg.eventfd = -1;
	arg.flags = QDS_WATCH_ONCE;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg = good;
	arg.flags = QDS_WATCH_REMOVE;
	arg.amount = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.events = 0;
	arg.amount = 1;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.amount = 0;
	arg.flags = QDS_WATCH_REMOVE | QDS_WATCH_ONCE;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.flags = QDS_WATCH_REMOVE;
	arg.eventfd = -1;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_OBJECT_WATCH, &arg));
	arg.eventfd = self->event;
	EXPECT_EQ(0, call(self->fd, QDS_OBJECT_WATCH, &arg));
	close(pipes[0]);
	close(pipes[1]);
}

FIXTURE(bitmap)
{
	int dev;
	int fd;
	int event;
};

FIXTURE_SETUP(bitmap)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = bitmap_create(self->dev, 1 << 20, 0);
	ASSERT_LE(0, self->fd);
	self->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(bitmap)
{
	close(self->event);
	close(self->fd);
	close(self->dev);
}

TEST_F(bitmap, take_and_truncate_are_seen)
{
	int taken;

	ASSERT_EQ(0, watch(self->fd, self->event, 10, 0));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 1000, 10));
	EXPECT_EQ(1, told(self->event));
	taken = bitmap_copy(self->fd, QDS_BITMAP_TAKE);
	ASSERT_LE(0, taken);
	EXPECT_EQ(0, told(self->event));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 1000, 10));
	EXPECT_EQ(1, told(self->event));
	ASSERT_EQ(0, bitmap_truncate(self->fd, 1000));
	EXPECT_EQ(0, told(self->event));
	ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 10));
	EXPECT_EQ(1, told(self->event));
	close(taken);
}

TEST_F(bitmap, merge_is_seen_both_ways)
{
	int other = bitmap_create(self->dev, 1 << 20, 0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bitmap_change(other, QDS_BITMAP_SET, 0, 100));
	ASSERT_EQ(0, watch(self->fd, self->event, 50, 0));
	ASSERT_EQ(0, bitmap_merge(self->fd, other, QDS_MERGE_OR));
	EXPECT_EQ(1, told(self->event));
	ASSERT_EQ(0, bitmap_merge(self->fd, other, QDS_MERGE_ANDNOT));
	EXPECT_EQ(0, told(self->event));
	ASSERT_EQ(0, bitmap_merge(self->fd, other, QDS_MERGE_OR));
	EXPECT_EQ(1, told(self->event));
	close(other);
}

TEST_F(bitmap, a_restore_is_told_when_it_is_finished)
{
	ASSERT_EQ(0, bitmap_begin(self->fd));
	ASSERT_EQ(0, watch(self->fd, self->event, 1, 0));
	ASSERT_EQ(0, bitmap_restore_ones(self->fd, 0, 64));
	EXPECT_EQ(0, told(self->event));
	ASSERT_EQ(0, bitmap_finish(self->fd));
	EXPECT_EQ(1, told(self->event));
	/* What was restored is told, though as much was there before. */
	ASSERT_EQ(0, bitmap_begin(self->fd));
	ASSERT_EQ(0, bitmap_finish(self->fd));
	EXPECT_EQ(1, told(self->event));
}

TEST_HARNESS_MAIN
