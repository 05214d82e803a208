// SPDX-License-Identifier: GPL-2.0
/*
 * What watch.h promises, as tests: watches that remove themselves and others while all
 * are told. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../watch.h"

static struct qds_watchers watchers;
static atomic_t nr_alive;

/**
 * struct mine - a watch of a test
 * @watch: it
 * @victim: which watch it removes when it is told, its own perhaps, or NULL
 * @again: to be told once more by itself, so deep
 * @told: how often
 */
struct mine {
	struct qds_watch watch;
	struct mine *victim;
	unsigned int again;
	unsigned int told;
};

static void mine_tell(struct qds_watch *watch, const void *what)
{
	struct mine *mine = container_of(watch, struct mine, watch);
	struct mine *victim = mine->victim;

	mine->told++;
	if (mine->again) {
		mine->again--;
		qds_watchers_tell(&watchers, what);
	}
	if (victim) {
		mine->victim = NULL;
		qds_watch_remove(&watchers, &victim->watch);
	}
}

static void mine_release(struct qds_watch *watch)
{
	atomic_dec(&nr_alive);
	kfree(container_of(watch, struct mine, watch));
}

static const struct qds_watch_ops mine_ops = {
	.tell = mine_tell,
	.release = mine_release,
};

static struct mine *mine_add(struct kunit *test)
{
	struct mine *mine = kzalloc(sizeof(*mine), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mine);
	mine->watch.ops = &mine_ops;
	atomic_inc(&nr_alive);
	qds_watch_add(&watchers, &mine->watch);
	return mine;
}

static void begin(void)
{
	qds_watchers_init(&watchers);
	atomic_set(&nr_alive, 0);
}

static void who_watches_is_told(struct kunit *test)
{
	struct mine *one, *two;

	begin();
	KUNIT_EXPECT_FALSE(test, qds_watchers_armed(&watchers));
	qds_watchers_tell(&watchers, NULL);
	one = mine_add(test);
	KUNIT_EXPECT_TRUE(test, qds_watchers_armed(&watchers));
	qds_watchers_tell(&watchers, NULL);
	two = mine_add(test);
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, one->told, 2U);
	KUNIT_EXPECT_EQ(test, two->told, 1U);
	KUNIT_EXPECT_TRUE(test, qds_watch_remove(&watchers, &one->watch));
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 1);
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, two->told, 2U);
	KUNIT_EXPECT_TRUE(test, qds_watch_remove(&watchers, &two->watch));
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 0);
	KUNIT_EXPECT_FALSE(test, qds_watchers_armed(&watchers));
}

static void a_watch_may_remove_itself_while_it_is_told(struct kunit *test)
{
	struct mine *self, *other;

	begin();
	self = mine_add(test);
	other = mine_add(test);
	self->victim = self;
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 1);
	KUNIT_EXPECT_EQ(test, other->told, 1U);
	other->victim = other;
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 0);
	KUNIT_EXPECT_FALSE(test, qds_watchers_armed(&watchers));
}

static void a_watch_may_remove_others_while_it_is_told(struct kunit *test)
{
	struct mine *first, *second, *third, *fourth;

	begin();
	first = mine_add(test);
	second = mine_add(test);
	third = mine_add(test);
	fourth = mine_add(test);
	/* The next one, which is then not told any more, and one that was told. */
	second->victim = third;
	fourth->victim = first;
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 2);
	KUNIT_EXPECT_EQ(test, second->told, 1U);
	KUNIT_EXPECT_EQ(test, fourth->told, 1U);
	second->victim = fourth;
	fourth->victim = second;
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 1);
	KUNIT_EXPECT_EQ(test, second->told, 2U);
	KUNIT_EXPECT_TRUE(test, qds_watch_remove(&watchers, &second->watch));
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 0);
}

static void nothing_is_released_before_the_outermost_walk_ends(struct kunit *test)
{
	struct mine *first, *second;

	begin();
	first = mine_add(test);
	second = mine_add(test);
	first->again = 3;
	/* In the innermost walk, and used by those around it. */
	second->victim = first;
	qds_watchers_tell(&watchers, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 1);
	KUNIT_EXPECT_EQ(test, second->told, 4U);
	qds_watch_remove(&watchers, &second->watch);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 0);
}

/* Many at a time */

#define TELLERS		2
#define ADDERS		2
#define ROUNDS		(IS_ENABLED(CONFIG_KCSAN) ? 150 : 500)

static atomic_t working;
static atomic_t told;
static atomic_t wrong;

/**
 * struct once - a watch that removes itself, unless another does first
 * @watch: it
 * @refs: one of its maker, one of the list
 * @done: it was told
 */
struct once {
	struct qds_watch watch;
	atomic_t refs;
	bool done;
};

static void once_put(struct once *once)
{
	if (!atomic_dec_and_test(&once->refs))
		return;
	atomic_dec(&nr_alive);
	kfree(once);
}

static void once_tell(struct qds_watch *watch, const void *what)
{
	struct once *once = container_of(watch, struct once, watch);

	if (!qds_watch_remove(&watchers, watch))
		return;
	/* Of several that are telling it one comes here. */
	if (READ_ONCE(once->done))
		atomic_inc(&wrong);
	WRITE_ONCE(once->done, true);
	atomic_inc(&told);
}

static void once_release(struct qds_watch *watch)
{
	once_put(container_of(watch, struct once, watch));
}

static const struct qds_watch_ops once_ops = {
	.tell = once_tell,
	.release = once_release,
};

static int teller_main(void *data)
{
	while (!kthread_should_stop()) {
		qds_watchers_tell(&watchers, NULL);
		cond_resched();
	}
	return 0;
}

static int adder_main(void *data)
{
	struct once *once;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		once = kzalloc(sizeof(*once), GFP_KERNEL);
		if (!once)
			break;
		once->watch.ops = &once_ops;
		atomic_set(&once->refs, 2);
		atomic_inc(&nr_alive);
		qds_watch_add(&watchers, &once->watch);
		if (i % 3)
			usleep_range(1, 50);
		if (i % 2)
			qds_watch_remove(&watchers, &once->watch);
		else
			while (!READ_ONCE(once->done))
				usleep_range(1, 50);
		once_put(once);
		cond_resched();
	}
	atomic_dec(&working);
	while (!kthread_should_stop())
		usleep_range(200, 1000);
	return 0;
}

static void watches_come_and_go_while_many_tell(struct kunit *test)
{
	struct task_struct *tasks[TELLERS + ADDERS];
	unsigned int i;

	begin();
	atomic_set(&working, ADDERS);
	atomic_set(&told, 0);
	atomic_set(&wrong, 0);
	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		tasks[i] = kthread_run(i < TELLERS ? teller_main : adder_main, NULL,
				       "watch/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(tasks[i]));
	}
	while (atomic_read(&working))
		usleep_range(200, 1000);
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		kthread_stop(tasks[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&wrong), 0);
	KUNIT_EXPECT_GE(test, atomic_read(&told), ADDERS * ROUNDS / 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_alive), 0);
	KUNIT_EXPECT_FALSE(test, qds_watchers_armed(&watchers));
}

static struct kunit_case watch_cases[] = {
	KUNIT_CASE(who_watches_is_told),
	KUNIT_CASE(a_watch_may_remove_itself_while_it_is_told),
	KUNIT_CASE(a_watch_may_remove_others_while_it_is_told),
	KUNIT_CASE(nothing_is_released_before_the_outermost_walk_ends),
	KUNIT_CASE(watches_come_and_go_while_many_tell),
	{}
};

static struct kunit_suite watch_suite = {
	.name = "watch",
	.test_cases = watch_cases,
};

kunit_test_suite(watch_suite);

MODULE_DESCRIPTION("KUnit tests of watches");
MODULE_LICENSE("GPL");
