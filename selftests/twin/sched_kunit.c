// SPDX-License-Identifier: GPL-2.0
/* What the twin's threads, waits and workqueues promise. */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static int wait_for_stop(void *arg)
{
	atomic_inc(arg);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return -EPIPE;
}

static void kthread_stop_returns_the_result(struct kunit *test)
{
	atomic_t ran = ATOMIC_INIT(0);
	struct task_struct *task = kthread_run(wait_for_stop, &ran, "thread/%d", 7);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	KUNIT_EXPECT_STREQ(test, task->comm, "thread/7");
	while (!atomic_read(&ran))
		cond_resched();
	KUNIT_EXPECT_EQ(test, kthread_stop(task), -EPIPE);
}

static void kthread_never_woken_never_runs(struct kunit *test)
{
	atomic_t ran = ATOMIC_INIT(0);
	struct task_struct *task = kthread_create(wait_for_stop, &ran, "sleeper");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), -EINTR);
	KUNIT_EXPECT_EQ(test, atomic_read(&ran), 0);
}

struct pinned {
	unsigned int cpu;
	struct completion done;
};

static int note_cpu(void *arg)
{
	struct pinned *pinned = arg;

	pinned->cpu = get_cpu();
	put_cpu();
	complete(&pinned->done);
	return 0;
}

static void kthread_runs_where_it_is_bound(struct kunit *test)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct pinned pinned = { .cpu = UINT_MAX };
		struct task_struct *task;

		init_completion(&pinned.done);
		task = kthread_create(note_cpu, &pinned, "pinned/%u", cpu);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
		kthread_bind(task, cpu);
		wake_up_process(task);
		wait_for_completion(&pinned.done);
		KUNIT_EXPECT_EQ(test, pinned.cpu, cpu);
	}
	KUNIT_EXPECT_EQ(test, set_cpus_allowed_ptr(current,
						   cpumask_of(num_online_cpus())),
			-EINVAL);
}

static int sleep_in_schedule(void *arg)
{
	struct completion *done = arg;

	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		complete(done);
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void schedule_sleeps_until_woken(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct task_struct *task = kthread_run(sleep_in_schedule, &done, "sleeper");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	usleep_range(1000, 2000);
	KUNIT_EXPECT_FALSE(test, completion_done(&done));
	while (!wake_up_process(task))
		usleep_range(100, 200);
	wait_for_completion(&done);
	KUNIT_EXPECT_FALSE(test, completion_done(&done));
	kthread_stop(task);
}

static void completion_counts(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(done);

	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, 1), 0);
	complete(&done);
	complete(&done);
	wait_for_completion(&done);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&done, HZ), 0);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&done));
	complete_all(&done);
	wait_for_completion(&done);
	wait_for_completion(&done);
	KUNIT_EXPECT_TRUE(test, completion_done(&done));
	reinit_completion(&done);
	KUNIT_EXPECT_FALSE(test, completion_done(&done));
}

struct waiting {
	wait_queue_head_t queue;
	u32 asked, answered;
};

static int answer(void *arg)
{
	struct waiting *waiting = arg;
	u32 i;

	for (i = 1; i <= 200; i++) {
		wait_event(waiting->queue, smp_load_acquire(&waiting->asked) == i);
		smp_store_release(&waiting->answered, i);
		wake_up(&waiting->queue);
	}
	return 0;
}

/* False at first, but then all is done that would make it true. */
static bool wake_ourselves(struct waiting *waiting)
{
	if (waiting->asked++)
		return true;
	wake_up(&waiting->queue);
	return false;
}

static void wake_up_before_the_sleep_counts(struct kunit *test)
{
	struct waiting *waiting = kunit_kzalloc(test, sizeof(*waiting), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, waiting);
	init_waitqueue_head(&waiting->queue);
	KUNIT_EXPECT_GT(test, wait_event_timeout(waiting->queue,
						 wake_ourselves(waiting),
						 2 * HZ), HZ);
}

static void waiters_answer_each_other(struct kunit *test)
{
	struct waiting *waiting = kunit_kzalloc(test, sizeof(*waiting), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, waiting);
	init_waitqueue_head(&waiting->queue);
	KUNIT_EXPECT_EQ(test, wait_event_timeout(waiting->queue, false, 1), 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(answer, waiting, "answer"));
	for (i = 1; i <= 200; i++) {
		smp_store_release(&waiting->asked, i);
		wake_up_all(&waiting->queue);
		KUNIT_ASSERT_GT(test,
				wait_event_timeout(waiting->queue,
						   smp_load_acquire(&waiting->answered) == i,
						   5 * HZ), 0);
	}
}

static void time_goes_on(struct kunit *test)
{
	unsigned long before = jiffies;
	ktime_t begun = ktime_get();

	msleep(12);
	KUNIT_EXPECT_GE(test, ktime_ms_delta(ktime_get(), begun), 12);
	KUNIT_EXPECT_TRUE(test, time_after(jiffies, before));
	KUNIT_EXPECT_FALSE(test, time_before(jiffies, before));
	KUNIT_EXPECT_EQ(test, msecs_to_jiffies(1), 1);
	KUNIT_EXPECT_EQ(test, msecs_to_jiffies(1000), HZ);
	KUNIT_EXPECT_EQ(test, jiffies_to_msecs(HZ), 1000);
}

static void random_numbers_follow_from_a_seed(struct kunit *test)
{
	struct rnd_state a, b;
	u32 i, same = 0, high = 0;

	prandom_seed_state(&a, 42);
	prandom_seed_state(&b, 42);
	for (i = 0; i < 1000; i++) {
		u32 x = prandom_u32_state(&a);

		KUNIT_ASSERT_EQ(test, x, prandom_u32_state(&b));
		same += x == get_random_u32();
		high += get_random_u32_below(10) >= 5;
		KUNIT_ASSERT_LT(test, get_random_u32_below(10), 10);
	}
	KUNIT_EXPECT_LT(test, same, 3);
	KUNIT_EXPECT_GT(test, high, 400);
	KUNIT_EXPECT_LT(test, high, 600);
}

struct job {
	struct delayed_work work;
	struct workqueue_struct *wq;
	atomic_t runs, inside, overlaps;
	unsigned int again;	/* how often it queues itself */
	struct completion begun;
	u32 hold;		/* stays inside while set */
	u64 when;
};

static void job_main(struct work_struct *work)
{
	struct job *job = container_of(to_delayed_work(work), struct job, work);

	if (atomic_inc_return(&job->inside) != 1)
		atomic_inc(&job->overlaps);
	complete(&job->begun);
	while (smp_load_acquire(&job->hold))
		cond_resched();
	job->when = ktime_get_ns();
	atomic_inc(&job->runs);
	atomic_dec(&job->inside);
	if (job->again) {
		job->again--;
		queue_delayed_work(job->wq, &job->work, 0);
	}
}

static int work_init(struct kunit *test)
{
	struct job *job = kunit_kzalloc(test, sizeof(*job), GFP_KERNEL);

	if (!job)
		return -ENOMEM;
	INIT_DELAYED_WORK(&job->work, job_main);
	init_completion(&job->begun);
	job->wq = alloc_workqueue("job", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	test->priv = job;
	return job->wq ? 0 : -ENOMEM;
}

static void work_exit(struct kunit *test)
{
	struct job *job = test->priv;

	destroy_workqueue(job->wq);
}

static void work_queued_twice_runs_once(struct kunit *test)
{
	struct job *job = test->priv;

	job->hold = 1;
	KUNIT_EXPECT_TRUE(test, queue_work(job->wq, &job->work.work));
	wait_for_completion(&job->begun);
	KUNIT_EXPECT_TRUE(test, queue_work(job->wq, &job->work.work));
	KUNIT_EXPECT_FALSE(test, queue_work(job->wq, &job->work.work));
	KUNIT_EXPECT_TRUE(test, work_pending(&job->work.work));
	smp_store_release(&job->hold, 0);
	flush_work(&job->work.work);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), 2);
	KUNIT_EXPECT_FALSE(test, flush_work(&job->work.work));
}

static void work_never_runs_beside_itself(struct kunit *test)
{
	struct job *job = test->priv;

	job->hold = 1;
	queue_work(job->wq, &job->work.work);
	wait_for_completion(&job->begun);
	queue_work(system_unbound_wq, &job->work.work);
	usleep_range(2000, 3000);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->inside), 1);
	smp_store_release(&job->hold, 0);
	flush_work(&job->work.work);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->overlaps), 0);
}

static void work_moves_between_queues(struct kunit *test)
{
	struct job *job = test->priv;
	int i;

	for (i = 0; i < 200; i++) {
		queue_work(i % 2 ? job->wq : system_unbound_wq, &job->work.work);
		if (i % 16 == 0)
			usleep_range(10, 20);
	}
	flush_work(&job->work.work);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->overlaps), 0);
	KUNIT_EXPECT_GE(test, atomic_read(&job->runs), 1);
}

static void work_that_queues_itself_is_drained(struct kunit *test)
{
	struct job *job = test->priv;

	job->again = 10;
	queue_work(job->wq, &job->work.work);
	drain_workqueue(job->wq);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), 11);
}

static void cancel_waits_and_keeps_work_from_queueing_itself(struct kunit *test)
{
	struct job *job = test->priv;
	int runs;

	job->again = UINT_MAX;
	queue_delayed_work(job->wq, &job->work, 0);
	wait_for_completion(&job->begun);
	cancel_delayed_work_sync(&job->work);
	runs = atomic_read(&job->runs);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->inside), 0);
	usleep_range(2000, 3000);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), runs);
	job->again = 0;
}

static void delayed_work_waits(struct kunit *test)
{
	struct job *job = test->priv;
	u64 begun = ktime_get_ns();

	KUNIT_EXPECT_TRUE(test, queue_delayed_work(job->wq, &job->work, 5));
	KUNIT_EXPECT_FALSE(test, queue_delayed_work(job->wq, &job->work, 0));
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&job->work));
	KUNIT_EXPECT_FALSE(test, flush_work(&job->work.work));
	wait_for_completion(&job->begun);
	flush_work(&job->work.work);
	KUNIT_EXPECT_GE(test, job->when - begun, 5 * NSEC_PER_SEC / HZ);
}

static void delayed_work_is_flushed_cancelled_and_moved(struct kunit *test)
{
	struct job *job = test->priv;

	queue_delayed_work(job->wq, &job->work, 1000 * HZ);
	flush_delayed_work(&job->work);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), 1);
	queue_delayed_work(job->wq, &job->work, 1000 * HZ);
	KUNIT_EXPECT_TRUE(test, cancel_delayed_work_sync(&job->work));
	KUNIT_EXPECT_FALSE(test, cancel_delayed_work_sync(&job->work));
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), 1);
	KUNIT_EXPECT_FALSE(test, mod_delayed_work(job->wq, &job->work, 1000 * HZ));
	KUNIT_EXPECT_TRUE(test, mod_delayed_work(job->wq, &job->work, 0));
	flush_work(&job->work.work);
	KUNIT_EXPECT_EQ(test, atomic_read(&job->runs), 2);
}

static struct kunit_case sched_cases[] = {
	KUNIT_CASE(kthread_stop_returns_the_result),
	KUNIT_CASE(kthread_never_woken_never_runs),
	KUNIT_CASE(kthread_runs_where_it_is_bound),
	KUNIT_CASE(schedule_sleeps_until_woken),
	KUNIT_CASE(completion_counts),
	KUNIT_CASE(wake_up_before_the_sleep_counts),
	KUNIT_CASE(waiters_answer_each_other),
	KUNIT_CASE(time_goes_on),
	KUNIT_CASE(random_numbers_follow_from_a_seed),
	{}
};

static struct kunit_suite sched_suite = {
	.name = "twin_sched",
	.test_cases = sched_cases,
};

static struct kunit_case work_cases[] = {
	KUNIT_CASE(work_queued_twice_runs_once),
	KUNIT_CASE(work_never_runs_beside_itself),
	KUNIT_CASE(work_moves_between_queues),
	KUNIT_CASE(work_that_queues_itself_is_drained),
	KUNIT_CASE(cancel_waits_and_keeps_work_from_queueing_itself),
	KUNIT_CASE(delayed_work_waits),
	KUNIT_CASE(delayed_work_is_flushed_cancelled_and_moved),
	{}
};

static struct kunit_suite work_suite = {
	.name = "twin_work",
	.init = work_init,
	.exit = work_exit,
	.test_cases = work_cases,
};

kunit_test_suites(&sched_suite, &work_suite);
