// SPDX-License-Identifier: GPL-2.0
/*
 * Planted bugs: each case of the hidden suite has one, and the case that is not
 * hidden runs this program on each of them and wants it to be caught, by name.
 */
#define TWIN_HOST
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct object {
	u32 value;
	struct rcu_head rcu;
};

struct shared {
	struct object __rcu *object;
	spinlock_t lock;	/* guards @seq and the pair */
	seqcount_spinlock_t seq;
	u64 left, right;
	u32 turn;
	u32 sum;
	struct completion done;
};

static struct shared *shared_alloc(struct kunit *test)
{
	struct shared *shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	struct object *object = kmalloc(sizeof(*object), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, shared);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, object);
	object->value = 1;
	rcu_assign_pointer(shared->object, object);
	spin_lock_init(&shared->lock);
	seqcount_spinlock_init(&shared->seq, &shared->lock);
	init_completion(&shared->done);
	return shared;
}

/* Waits without an order that a sanitizer would take for the missing one. */
static void wait_for_turn(struct shared *shared, u32 turn)
{
	while (READ_ONCE(shared->turn) != turn)
		cpu_relax();
}

static int read_late(void *arg)
{
	struct shared *shared = arg;
	struct object *object;

	rcu_read_lock();
	object = rcu_dereference(shared->object);
	WRITE_ONCE(shared->turn, 1);
	wait_for_turn(shared, 2);
	shared->sum += object->value;
	rcu_read_unlock();
	complete(&shared->done);
	return 0;
}

static void freed_under_a_reader(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);
	struct object *object = rcu_dereference_protected(shared->object, true);

	kthread_run(read_late, shared, "reader");
	wait_for_turn(shared, 1);
	RCU_INIT_POINTER(shared->object, NULL);
	kfree(object);
	WRITE_ONCE(shared->turn, 2);
	wait_for_completion(&shared->done);
}

static int read_early(void *arg)
{
	struct shared *shared = arg;
	struct object *object;

	rcu_read_lock();
	object = rcu_dereference(shared->object);
	shared->sum += object->value;
	rcu_read_unlock();
	WRITE_ONCE(shared->turn, 1);
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/* The reader has left in time, but nobody has waited for it. */
static void freed_without_a_grace_period(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);
	struct object *object = rcu_dereference_protected(shared->object, true);
	struct task_struct *task = kthread_run(read_early, shared, "reader");

	wait_for_turn(shared, 1);
	RCU_INIT_POINTER(shared->object, NULL);
	kfree(object);
	kthread_stop(task);
}

static void freed_with_a_grace_period(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);
	struct object *object = rcu_dereference_protected(shared->object, true);
	struct task_struct *task = kthread_run(read_early, shared, "reader");

	wait_for_turn(shared, 1);
	RCU_INIT_POINTER(shared->object, NULL);
	synchronize_rcu();
	kfree(object);
	kthread_stop(task);
}

/* Waited for before it was unlinked: a reader may come in between. */
static void unlinked_after_the_grace_period(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);
	struct object *object = rcu_dereference_protected(shared->object, true);
	struct task_struct *task;

	synchronize_rcu();
	task = kthread_run(read_early, shared, "reader");
	wait_for_turn(shared, 1);
	RCU_INIT_POINTER(shared->object, NULL);
	kfree(object);
	kthread_stop(task);
}

static int read_published(void *arg)
{
	struct shared *shared = arg;
	struct object *object = NULL;

	while (!object) {
		rcu_read_lock();
		object = rcu_dereference(shared->object);
		if (object)
			shared->sum += object->value;
		rcu_read_unlock();
		WRITE_ONCE(shared->turn, object ? 2 : 1);
	}
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

static void published_without_a_release(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);
	struct object *object = rcu_dereference_protected(shared->object, true);
	struct task_struct *task;

	RCU_INIT_POINTER(shared->object, NULL);
	task = kthread_run(read_published, shared, "reader");
	wait_for_turn(shared, 1);
	object->value = 2;
	RCU_INIT_POINTER(shared->object, object);
	wait_for_turn(shared, 2);
	kthread_stop(task);
	kfree(object);
}

static int increment(void *arg)
{
	struct shared *shared = arg;

	shared->sum++;
	complete(&shared->done);
	return 0;
}

static void a_race_of_plain_accesses(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);

	kfree(rcu_dereference_protected(shared->object, true));
	kthread_run(increment, shared, "a");
	kthread_run(increment, shared, "b");
	wait_for_completion(&shared->done);
	wait_for_completion(&shared->done);
}

/* What the shims do when a thread ends and begins orders nothing. */
static void a_race_of_threads_far_apart(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);

	kfree(rcu_dereference_protected(shared->object, true));
	kthread_run(increment, shared, "a");
	msleep(20);
	kthread_run(increment, shared, "b");
	wait_for_completion(&shared->done);
	wait_for_completion(&shared->done);
}

static int write_pairs(void *arg)
{
	struct shared *shared = arg;
	u32 i;

	for (i = 0; i < 2000; i++) {
		spin_lock(&shared->lock);
		write_seqcount_begin(&shared->seq);
		shared->left++;
		shared->right++;
		write_seqcount_end(&shared->seq);
		spin_unlock(&shared->lock);
	}
	complete(&shared->done);
	return 0;
}

static void plain_reads_beside_a_seqcount_writer(struct kunit *test)
{
	struct shared *shared = shared_alloc(test);
	unsigned int seq;

	kfree(rcu_dereference_protected(shared->object, true));
	kthread_run(write_pairs, shared, "writer");
	while (!completion_done(&shared->done)) {
		do {
			seq = read_seqcount_begin(&shared->seq);
			shared->sum = shared->left != shared->right;
		} while (read_seqcount_retry(&shared->seq, seq));
	}
}

static void *leaked;

static void an_object_is_leaked(struct kunit *test)
{
	leaked = kmalloc(77, GFP_KERNEL);
	leaked = NULL;
}

static void a_lock_is_left_held(struct kunit *test)
{
	DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
}

static void a_section_is_left_open(struct kunit *test)
{
	rcu_read_lock();
}

static void sleeps_under_a_spinlock(struct kunit *test)
{
	DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	kfree(kmalloc(1, GFP_KERNEL));
	spin_unlock(&lock);
}

static void a_lock_is_taken_twice(struct kunit *test)
{
	DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	spin_lock(&lock);
}

static int never_stop(void *unused)
{
	for (;;)
		msleep(1000);
	return 0;
}

static void a_kthread_goes_on(struct kunit *test)
{
	kthread_run(never_stop, NULL, "immortal");
}

static void no_work(struct work_struct *work)
{
}

static struct delayed_work late_work;

static void work_is_left_queued(struct kunit *test)
{
	INIT_DELAYED_WORK(&late_work, no_work);
	queue_delayed_work(system_wq, &late_work, 1000 * HZ);
}

static void an_expectation_fails(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, 1 + 1, 3, "so much for %s\n", "sums");
	kunit_info(test, "goes on");
}

static void an_assertion_fails(struct kunit *test)
{
	KUNIT_ASSERT_STREQ(test, "left", "right");
	kunit_info(test, "goes on");
}

static int assert_elsewhere(void *arg)
{
	struct kunit *test = arg;

	KUNIT_ASSERT_TRUE(test, false);
	return 0;
}

static void an_assertion_of_another_thread_fails(struct kunit *test)
{
	kthread_run(assert_elsewhere, test, "other");
	msleep(1000);
}

static void a_null_pointer_is_read(struct kunit *test)
{
	const u32 *nowhere = test->param_value;

	KUNIT_EXPECT_EQ(test, READ_ONCE(*nowhere), 0);
}

static void a_test_never_ends(struct kunit *test)
{
	for (;;)
		msleep(100);
}

static void a_warning_is_raised(struct kunit *test)
{
	WARN_ON_ONCE(!test->priv);
}

static void a_read_is_out_of_bounds(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, 13, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, READ_ONCE(bytes[13]), 0);
}

static void a_shift_is_too_far(struct kunit *test)
{
	unsigned int bits = READ_ONCE(test->param_index) + 64;

	KUNIT_EXPECT_NE(test, 1UL << bits, 0);
}

static void a_test_is_skipped(struct kunit *test)
{
	kunit_mark_skipped(test, "for another reason");
	KUNIT_EXPECT_EQ(test, test->status, KUNIT_SKIPPED);
	kunit_skip(test, "for a reason");
	KUNIT_FAIL(test, "goes on after kunit_skip()");
}

static struct kunit_case planted_cases[] = {
	KUNIT_CASE(freed_under_a_reader),
	KUNIT_CASE(freed_without_a_grace_period),
	KUNIT_CASE(freed_with_a_grace_period),
	KUNIT_CASE(unlinked_after_the_grace_period),
	KUNIT_CASE(published_without_a_release),
	KUNIT_CASE(a_race_of_plain_accesses),
	KUNIT_CASE(a_race_of_threads_far_apart),
	KUNIT_CASE(plain_reads_beside_a_seqcount_writer),
	KUNIT_CASE(an_object_is_leaked),
	KUNIT_CASE(a_lock_is_left_held),
	KUNIT_CASE(a_section_is_left_open),
	KUNIT_CASE(sleeps_under_a_spinlock),
	KUNIT_CASE(a_lock_is_taken_twice),
	KUNIT_CASE(a_kthread_goes_on),
	KUNIT_CASE(work_is_left_queued),
	KUNIT_CASE(an_expectation_fails),
	KUNIT_CASE(an_assertion_fails),
	KUNIT_CASE(an_assertion_of_another_thread_fails),
	KUNIT_CASE(a_null_pointer_is_read),
	KUNIT_CASE(a_test_never_ends),
	KUNIT_CASE(a_warning_is_raised),
	KUNIT_CASE(a_read_is_out_of_bounds),
	KUNIT_CASE(a_shift_is_too_far),
	KUNIT_CASE(a_test_is_skipped),
	{}
};

static struct kunit_suite planted_suite = {
	.name = "planted",
	.test_cases = planted_cases,
	.twin_hidden = true,
};

/* @asan and @tsan: what the variant must say; NULL where it cannot know. */
struct plant {
	const char *name;
	const char *asan;
	const char *tsan;
	const char *never;	/* must not be said */
};

static const struct plant plants[] = {
	{ "freed_under_a_reader", "heap-use-after-free", "ThreadSanitizer: " },
	{ "freed_without_a_grace_period", NULL, "ThreadSanitizer: data race" },
	{ "unlinked_after_the_grace_period", NULL, "ThreadSanitizer: data race" },
	{ "published_without_a_release", NULL, "ThreadSanitizer: data race" },
	{ "a_race_of_plain_accesses", NULL, "ThreadSanitizer: data race" },
	{ "a_race_of_threads_far_apart", NULL, "ThreadSanitizer: data race" },
	{ "plain_reads_beside_a_seqcount_writer", NULL, "ThreadSanitizer: data race" },
	{ "an_object_is_leaked", "leaked: 77 bytes from", "leaked: 77 bytes from" },
	{ "a_lock_is_left_held", "ends with the lock held", "ends with the lock held" },
	{ "a_section_is_left_open", "rcu_read_lock depth 1", "rcu_read_lock depth 1" },
	{ "sleeps_under_a_spinlock", "sleeps in atomic", "sleeps in atomic" },
	{ "a_lock_is_taken_twice", "taken twice", "taken twice" },
	{ "a_kthread_goes_on", "1 kthreads still run", "1 kthreads still run" },
	{ "work_is_left_queued", "1 work items are", "1 work items are" },
	{ "an_expectation_fails", "1 + 1 == 2 (0x2)", "so much for sums" },
	{ "an_assertion_fails", "\"left\" == \"left\"", "ASSERTION FAILED", "goes on" },
	{ "an_assertion_of_another_thread_fails", "use an expectation",
	  "use an expectation" },
	{ "a_null_pointer_is_read", "Bail out! stopped", "Bail out! stopped" },
	{ "a_test_never_ends", "Bail out! timeout", "Bail out! timeout" },
	{ "a_warning_is_raised", "WARN_ON_ONCE(!test->priv", "WARN_ON_ONCE(!test->priv" },
	{ "a_read_is_out_of_bounds", "heap-buffer-overflow", NULL },
	{ "a_shift_is_too_far", "shift exponent 64 is too large", NULL },
};

/* A run of this program on one planted bug. */
struct child {
	const char *name;
	int output;
	pid_t pid;
};

/* Without symbols in the reports: they are what takes time. */
static char *const child_env[] = {
	"ASAN_OPTIONS=symbolize=0", "TSAN_OPTIONS=symbolize=0",
	"UBSAN_OPTIONS=symbolize=0:print_stacktrace=0", NULL
};

static void start(struct child *child, const char *name)
{
	char filter[128];
	char *const argv[] = {
		"twin", "--planted", "--timeout", "1", "--filter", filter, NULL
	};
	posix_spawn_file_actions_t actions;

	snprintf(filter, sizeof(filter), "planted.%s", name);
	child->name = name;
	child->output = memfd_create(name, MFD_CLOEXEC);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, child->output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, child->output, STDERR_FILENO);
	if (posix_spawn(&child->pid, "/proc/self/exe", &actions, NULL, argv,
			child_env))
		child->pid = -1;
	posix_spawn_file_actions_destroy(&actions);
}

#define OUTPUT_SIZE	(64 * 1024)

/* Returns the wait status, or -1; the beginning of what was said in @output. */
static int finish(struct child *child, char *output)
{
	int status = -1;
	ssize_t n;

	if (child->pid > 0 && waitpid(child->pid, &status, 0) != child->pid)
		status = -1;
	n = pread(child->output, output, OUTPUT_SIZE - 1, 0);
	output[n > 0 ? n : 0] = '\0';
	close(child->output);
	return status;
}

static void expect_caught(struct kunit *test, const struct plant *plant,
			  const char *text, int status, const char *output)
{
	char line[128];

	snprintf(line, sizeof(line), "not ok 1 - planted.%s\n", plant->name);
	KUNIT_EXPECT_TRUE_MSG(test, status > 0, "%s: status %d\n", plant->name,
			      status);
	KUNIT_EXPECT_TRUE_MSG(test, !!strstr(output, text),
			      "%s: '%s' is not in:\n%s\n", plant->name, text,
			      output);
	KUNIT_EXPECT_TRUE_MSG(test, !!strstr(output, line),
			      "%s: no result in:\n%s\n", plant->name, output);
	if (plant->never)
		KUNIT_EXPECT_FALSE_MSG(test, !!strstr(output, plant->never),
				       "%s: '%s'\n", plant->name, plant->never);
}

static const char *expected_text(const struct plant *plant)
{
	return IS_ENABLED(TWIN_TSAN) ? plant->tsan : plant->asan;
}

/* All at once: some of them spend their time waiting. */
static void every_planted_bug_is_caught(struct kunit *test)
{
	char *output = kunit_kzalloc(test, OUTPUT_SIZE, GFP_KERNEL);
	struct child children[ARRAY_SIZE(plants)];
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, output);
	for (i = 0; i < ARRAY_SIZE(plants); i++)
		if (expected_text(&plants[i]))
			start(&children[i], plants[i].name);
	for (i = 0; i < ARRAY_SIZE(plants); i++) {
		const char *text = expected_text(&plants[i]);
		int status;

		if (!text)
			continue;
		status = finish(&children[i], output);
		expect_caught(test, &plants[i], text, status, output);
	}
}

static void the_mended_bug_is_not_caught(struct kunit *test)
{
	char *output = kunit_kzalloc(test, OUTPUT_SIZE, GFP_KERNEL);
	struct child child;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, output);
	start(&child, "freed_with_a_grace_period");
	KUNIT_EXPECT_EQ_MSG(test, finish(&child, output), 0, "%s", output);
}

static void a_skipped_test_is_marked(struct kunit *test)
{
	static const char line[] =
		"\nok 1 - planted.a_test_is_skipped # SKIP for a reason\n";
	char *output = kunit_kzalloc(test, OUTPUT_SIZE, GFP_KERNEL);
	struct child child;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, output);
	start(&child, "a_test_is_skipped");
	KUNIT_EXPECT_EQ(test, finish(&child, output), 0);
	KUNIT_EXPECT_TRUE_MSG(test, !!strstr(output, line), "%s", output);
}

static struct kunit_case catching_cases[] = {
	KUNIT_CASE(every_planted_bug_is_caught),
	KUNIT_CASE(the_mended_bug_is_not_caught),
	KUNIT_CASE(a_skipped_test_is_marked),
	{}
};

static struct kunit_suite catching_suite = {
	.name = "twin_planted",
	.test_cases = catching_cases,
};

kunit_test_suites(&planted_suite, &catching_suite);
