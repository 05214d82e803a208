// SPDX-License-Identifier: GPL-2.0
/* What the twin's RCU promises. */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#define ALIVE	0x600dda7aU
#define DEAD	0xdeadda7aU

struct object {
	u32 state;
	atomic_t *freed;
	struct rcu_head rcu;
	struct rcu_work work;
};

static struct object *object_alloc(struct kunit *test, atomic_t *freed)
{
	struct object *object = kmalloc(sizeof(*object), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, object);
	object->state = ALIVE;
	object->freed = freed;
	return object;
}

/* A reader that stays in its section until it is told to leave. */
struct reader {
	struct completion entered;
	u32 leave;
	u32 left;
	struct task_struct *task;
};

static int reader_main(void *arg)
{
	struct reader *reader = arg;

	rcu_read_lock();
	complete(&reader->entered);
	smp_cond_load_acquire(&reader->leave, VAL);
	udelay(2000);
	WRITE_ONCE(reader->left, 1);
	rcu_read_unlock();
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

static void reader_enter(struct kunit *test, struct reader *reader)
{
	*reader = (struct reader) { 0 };
	init_completion(&reader->entered);
	reader->task = kthread_run(reader_main, reader, "reader");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reader->task);
	wait_for_completion(&reader->entered);
}

static void synchronize_waits_for_readers(struct kunit *test)
{
	struct reader reader;

	reader_enter(test, &reader);
	smp_store_release(&reader.leave, 1);
	synchronize_rcu();
	KUNIT_EXPECT_EQ(test, READ_ONCE(reader.left), 1);
	kthread_stop(reader.task);
}

static void note_state(struct rcu_head *head)
{
	struct object *object = container_of(head, struct object, rcu);

	object->state = DEAD;
	atomic_inc(object->freed);
	kfree(object);
}

static void call_rcu_waits_for_readers(struct kunit *test)
{
	atomic_t freed = ATOMIC_INIT(0);
	struct reader reader;

	reader_enter(test, &reader);
	call_rcu(&object_alloc(test, &freed)->rcu, note_state);
	usleep_range(3000, 4000);
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 0);
	smp_store_release(&reader.leave, 1);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(reader.left), 1);
	kthread_stop(reader.task);
}

static void barrier_waits_for_every_callback(struct kunit *test)
{
	atomic_t freed = ATOMIC_INIT(0);
	int i;

	for (i = 1; i <= 500; i++) {
		call_rcu(&object_alloc(test, &freed)->rcu, note_state);
		if (i % 50)
			continue;
		rcu_barrier();
		KUNIT_ASSERT_EQ(test, atomic_read(&freed), i);
	}
}

static bool callback_in_softirq;

static void note_context(struct rcu_head *head)
{
	callback_in_softirq = in_softirq() && !preemptible();
	kfree(container_of(head, struct object, rcu));
}

static void callbacks_run_in_softirq(struct kunit *test)
{
	callback_in_softirq = false;
	call_rcu(&object_alloc(test, NULL)->rcu, note_context);
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, callback_in_softirq);
	KUNIT_EXPECT_FALSE(test, in_softirq());
}

static void sections_nest(struct kunit *test)
{
	rcu_read_lock();
	rcu_read_lock();
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, rcu_read_lock_held());
	rcu_read_unlock();
	synchronize_rcu();
}

static void note_work(struct work_struct *work)
{
	struct object *object = container_of(to_rcu_work(work), struct object,
					     work);

	might_sleep();
	atomic_inc(object->freed);
	kfree(object);
}

static void rcu_work_runs_after_a_grace_period(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("rcu", WQ_UNBOUND, 0);
	atomic_t freed = ATOMIC_INIT(0);
	struct object *object = object_alloc(test, &freed);
	struct reader reader;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, wq);
	reader_enter(test, &reader);
	INIT_RCU_WORK(&object->work, note_work);
	KUNIT_EXPECT_TRUE(test, queue_rcu_work(wq, &object->work));
	KUNIT_EXPECT_FALSE(test, queue_rcu_work(wq, &object->work));
	usleep_range(3000, 4000);
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 0);
	smp_store_release(&reader.leave, 1);
	rcu_barrier();
	flush_workqueue(wq);
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(reader.left), 1);
	kthread_stop(reader.task);
	destroy_workqueue(wq);
}

/*
 * Readers and updaters at work, each way to wait for a grace period in turn.
 * Objects are read and written by plain accesses: a sanitizer that is silent
 * here knows what RCU orders.
 */
struct churn {
	struct object __rcu *slot;
	spinlock_t lock;	/* guards @slot */
	unsigned int way;
	atomic_t errors;
};

static int churn_reader(void *arg)
{
	struct churn *churn = arg;

	while (!kthread_should_stop()) {
		struct object *object;

		rcu_read_lock();
		object = rcu_dereference(churn->slot);
		if (object && object->state != ALIVE)
			atomic_inc(&churn->errors);
		rcu_read_unlock();
		cond_resched();
	}
	return 0;
}

static void retire(struct churn *churn, struct object *old)
{
	switch (churn->way++ % 5) {
	case 0:
		kfree_rcu(old, rcu);
		break;
	case 1:
		call_rcu(&old->rcu, note_state);
		break;
	case 2:
		kfree_rcu_mightsleep(old);
		break;
	case 3:
		INIT_RCU_WORK(&old->work, note_work);
		queue_rcu_work(system_unbound_wq, &old->work);
		break;
	default:
		synchronize_rcu();
		old->state = DEAD;
		kfree(old);
	}
}

static void correct_use_is_no_race(struct kunit *test)
{
	struct churn churn = { .errors = ATOMIC_INIT(0) };
	struct task_struct *readers[2];
	atomic_t freed = ATOMIC_INIT(0);
	unsigned int i;

	spin_lock_init(&churn.lock);
	for (i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i] = kthread_run(churn_reader, &churn, "reader");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, readers[i]);
	}
	for (i = 0; i < 100; i++) {
		struct object *new = object_alloc(test, &freed), *old;

		spin_lock(&churn.lock);
		old = rcu_replace_pointer(churn.slot, new,
					  lockdep_is_held(&churn.lock));
		spin_unlock(&churn.lock);
		if (old)
			retire(&churn, old);
	}
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		kthread_stop(readers[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&churn.errors), 0);
	rcu_barrier();
	flush_workqueue(system_unbound_wq);
	KUNIT_EXPECT_EQ(test, atomic_read(&freed), 40);
	kfree(rcu_dereference_protected(churn.slot, true));
}

/* What was written before a grace period needs no other order to be read. */
struct flagged {
	u32 plain;
	u32 ready;
	atomic_t errors;
};

static int flagged_reader(void *arg)
{
	struct flagged *flagged = arg;

	while (!kthread_should_stop()) {
		rcu_read_lock();
		if (READ_ONCE(flagged->ready) && flagged->plain != ALIVE)
			atomic_inc(&flagged->errors);
		rcu_read_unlock();
	}
	return 0;
}

static void a_grace_period_publishes(struct kunit *test)
{
	struct flagged flagged = { 0 };
	struct task_struct *task;

	task = kthread_run(flagged_reader, &flagged, "reader");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	usleep_range(500, 600);
	flagged.plain = ALIVE;
	synchronize_rcu();
	WRITE_ONCE(flagged.ready, 1);
	usleep_range(500, 600);
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, atomic_read(&flagged.errors), 0);
}

struct listed {
	u32 value;
	struct list_head entry;
};

static void lists_are_walked_by_readers(struct kunit *test)
{
	struct listed items[3] = { { 1 }, { 2 }, { 4 } }, *item;
	LIST_HEAD(head);
	u32 sum = 0, i;

	for (i = 0; i < ARRAY_SIZE(items); i++)
		list_add_tail_rcu(&items[i].entry, &head);
	list_del_rcu(&items[1].entry);
	rcu_read_lock();
	list_for_each_entry_rcu(item, &head, entry)
		sum = sum * 10 + item->value;
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, sum, 14);
}

static struct kunit_case rcu_cases[] = {
	KUNIT_CASE(synchronize_waits_for_readers),
	KUNIT_CASE(call_rcu_waits_for_readers),
	KUNIT_CASE(barrier_waits_for_every_callback),
	KUNIT_CASE(callbacks_run_in_softirq),
	KUNIT_CASE(sections_nest),
	KUNIT_CASE(rcu_work_runs_after_a_grace_period),
	KUNIT_CASE(correct_use_is_no_race),
	KUNIT_CASE(a_grace_period_publishes),
	KUNIT_CASE(lists_are_walked_by_readers),
	{}
};

static struct kunit_suite rcu_suite = {
	.name = "twin_rcu",
	.test_cases = rcu_cases,
};

kunit_test_suite(rcu_suite);
