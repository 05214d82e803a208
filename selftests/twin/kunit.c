// SPDX-License-Identifier: GPL-2.0
/*
 * Runs KUnit suites and prints TAP. A case has passed when its expectations
 * held, no shim found misuse, no lock is held at its end, and what it allocated
 * is freed after a grace period.
 */
#define TWIN_HOST
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include "kunit.h"
#include "internal.h"

#define MAX_MESSAGES	20

struct resource {
	struct list_head entry;
	void *data;
};

/* What belongs to a running case, beyond struct kunit. */
struct run {
	struct kunit_suite *suite;
	struct kunit_case *test_case;
	struct kunit test;
	jmp_buf abort;
	struct task_struct *task;
	struct list_head resources;
	pthread_mutex_t lock;
	struct completion done;
};

static struct kunit_suite *suites;
static struct run *running;
static char running_name[256];
static bool case_failed;
static unsigned int n_messages;
static unsigned int n_results;

void twin_register_suite(struct kunit_suite *suite)
{
	struct kunit_suite **link = &suites;

	while (*link)
		link = &(*link)->twin_next;
	*link = suite;
}

struct kunit_suite *twin_suites(void)
{
	return suites;
}

void twin_mark_failed(void)
{
	WRITE_ONCE(case_failed, true);
}

/* False once a case has said enough. */
bool twin_may_print(void)
{
	unsigned int n = __atomic_fetch_add(&n_messages, 1, __ATOMIC_RELAXED);

	if (n == MAX_MESSAGES)
		_printk("... and more\n");
	return n < MAX_MESSAGES;
}

void kunit_log_append(struct kunit *test, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	_printk("%s: %s\n", test->name, text);
}

void twin_mark_skipped(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(test->status_comment, sizeof(test->status_comment), fmt, args);
	va_end(args);
	WRITE_ONCE(test->status, KUNIT_SKIPPED);
}

void twin_abort(struct kunit *test)
{
	struct run *run = test->twin;

	if (current != run->task)
		twin_fatal("%s: not the test's thread: use an expectation",
			   test->name);
	longjmp(run->abort, 1);
}

/* @message ends the report; "\n" stands for none. */
static void fail(struct kunit *test, const struct twin_assert *assert,
		 const char *values, const char *fmt, va_list args)
{
	char message[512];

	twin_mark_failed();
	if (twin_may_print()) {
		vsnprintf(message, sizeof(message), fmt, args);
		_printk("%s: %s FAILED at %s:%d\n  Expected %s%s\n%s",
			test->name, assert->fatal ? "ASSERTION" : "EXPECTATION",
			assert->file, assert->line, assert->text, values,
			strcmp(message, "\n") ? message : "");
	}
	if (assert->fatal)
		twin_abort(test);
}

void twin_failed(struct kunit *test, const struct twin_assert *assert,
		 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail(test, assert, "", fmt, args);
	va_end(args);
}

void twin_failed_int(struct kunit *test, const struct twin_assert *assert,
		     const char *left_text, long long left,
		     const char *right_text, long long right,
		     const char *fmt, ...)
{
	char values[512];
	va_list args;

	snprintf(values, sizeof(values),
		 ", but\n    %s == %lld (0x%llx)\n    %s == %lld (0x%llx)",
		 left_text, left, left, right_text, right, right);
	va_start(args, fmt);
	fail(test, assert, values, fmt, args);
	va_end(args);
}

void twin_failed_ptr(struct kunit *test, const struct twin_assert *assert,
		     const char *left_text, const void *left,
		     const char *right_text, const void *right,
		     const char *fmt, ...)
{
	char values[512];
	va_list args;

	snprintf(values, sizeof(values), ", but\n    %s == %p\n    %s == %p",
		 left_text, left, right_text, right);
	va_start(args, fmt);
	fail(test, assert, values, fmt, args);
	va_end(args);
}

void twin_failed_str(struct kunit *test, const struct twin_assert *assert,
		     const char *left_text, const char *left,
		     const char *right_text, const char *right,
		     const char *fmt, ...)
{
	char values[512];
	va_list args;

	snprintf(values, sizeof(values),
		 ", but\n    %s == \"%s\"\n    %s == \"%s\"",
		 left_text, left, right_text, right);
	va_start(args, fmt);
	fail(test, assert, values, fmt, args);
	va_end(args);
}

void *twin_kunit_alloc(struct kunit *test, size_t size, gfp_t gfp,
		       const char *site)
{
	struct run *run = test->twin;
	struct resource *res = malloc(sizeof(*res));
	void *data = twin_kmalloc(size, gfp, site);

	if (!res || !data) {
		free(res);
		kfree(data);
		return NULL;
	}
	res->data = data;
	pthread_mutex_lock(&run->lock);
	list_add(&res->entry, &run->resources);
	pthread_mutex_unlock(&run->lock);
	return data;
}

static bool release(struct run *run, const void *data, bool any)
{
	struct resource *res, *found = NULL;

	pthread_mutex_lock(&run->lock);
	list_for_each_entry(res, &run->resources, entry) {
		if (any || res->data == data) {
			found = res;
			list_del(&res->entry);
			break;
		}
	}
	pthread_mutex_unlock(&run->lock);
	if (!found)
		return false;
	kfree(found->data);
	free(found);
	return true;
}

void kunit_kfree(struct kunit *test, const void *ptr)
{
	if (ptr && !release(test->twin, ptr, false))
		twin_report(_RET_IP_, "kunit_kfree() of what is not the test's");
}

static int run_in_thread(void *arg)
{
	struct run *run = arg;
	struct kunit_suite *suite = run->suite;
	struct kunit *test = &run->test;

	if (!setjmp(run->abort)) {
		if (suite->init && suite->init(test)) {
			twin_mark_failed();
			_printk("%s: init failed\n", test->name);
		} else {
			run->test_case->run_case(test);
		}
	}
	twin_fail_nth(0);
	if (!setjmp(run->abort) && suite->exit)
		suite->exit(test);
	twin_check_idle(test->name);
	while (release(run, NULL, true))
		;
	complete(&run->done);
	return 0;
}

/* A thread whose function returns by itself is gone soon after, not at once. */
static void wait_for_kthreads(int before)
{
	u64 deadline = ktime_get_ns() + NSEC_PER_SEC;

	while (twin_nr_kthreads() > before && ktime_get_ns() < deadline)
		usleep(100);
	if (twin_nr_kthreads() > before)
		twin_report(_RET_IP_, "%d kthreads still run at the end",
			    twin_nr_kthreads() - before);
}

struct baseline {
	long objects;
	u64 mark;
	int kthreads;
	int works;
};

static struct baseline take_baseline(void)
{
	return (struct baseline) {
		.objects = twin_nr_allocated(),
		.mark = twin_alloc_mark(),
		.kthreads = twin_nr_kthreads(),
		.works = twin_nr_works(),
	};
}

/* Nothing of what came after the baseline may be left. */
static void check_baseline(const struct baseline *before)
{
	long leaked;

	wait_for_kthreads(before->kthreads);
	do {
		twin_rcu_drain();
		twin_work_drain();
	} while (twin_rcu_pending());
	if (twin_nr_works() != before->works)
		twin_report(_RET_IP_, "%d work items are still queued at the end",
			    twin_nr_works() - before->works);
	leaked = twin_nr_allocated() - before->objects;
	if (!leaked)
		return;
	if (READ_ONCE(case_failed)) {
		_printk("%ld objects are left by what failed\n", leaked);
		return;
	}
	twin_report(_RET_IP_, "%ld objects are not freed at the end", leaked);
	twin_alloc_list(before->mark);
}

static void wait_for_case(struct run *run, unsigned int timeout)
{
	if (wait_for_completion_timeout(&run->done, timeout * HZ))
		return;
	_printk("timeout: %s has not ended after %u seconds\n", run->test.name,
		timeout);
	twin_last_words("timeout");
	_exit(1);
}

static void run_once(struct run *run, unsigned int timeout)
{
	run->test.name = run->test_case->name;
	run->test.status = KUNIT_SUCCESS;
	run->test.twin = run;
	run->test.priv = NULL;
	INIT_LIST_HEAD(&run->resources);
	init_completion(&run->done);
	run->task = kthread_create(run_in_thread, run, "%s", run->test.name);
	if (IS_ERR(run->task))
		twin_fatal("no thread for a test");
	wake_up_process(run->task);
	wait_for_case(run, timeout);
}

static void run_params(struct run *run, unsigned int timeout)
{
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const void *(*generate)(const void *prev, char *desc) =
		run->test_case->generate_params;
	unsigned int n = 0;

	run->test.param_value = generate(NULL, desc);
	for (; run->test.param_value; n++) {
		bool failed_before = case_failed;

		if (!desc[0])
			snprintf(desc, sizeof(desc), "param-%u", n);
		run->test.param_index = n;
		run_once(run, timeout);
		if (case_failed && !failed_before)
			_printk("%s: first failed with %s\n", run->test.name,
				desc);
		desc[0] = '\0';
		run->test.param_value = generate(run->test.param_value, desc);
	}
}

static void begin_case(struct kunit_suite *suite, struct kunit_case *test_case)
{
	scnprintf(running_name, sizeof(running_name), "%s.%s", suite->name,
		  test_case->name);
	WRITE_ONCE(case_failed, false);
	WRITE_ONCE(n_messages, 0);
}

static void run_case(struct run *run, unsigned int timeout)
{
	struct baseline before = take_baseline();

	running = run;
	if (run->test_case->generate_params)
		run_params(run, timeout);
	else
		run_once(run, timeout);
	check_baseline(&before);
	running = NULL;
}

static bool print_result(struct kunit *test, u64 begun, bool times)
{
	char comment[KUNIT_STATUS_COMMENT_SIZE + 16] = "";

	if (!case_failed && test->status == KUNIT_SKIPPED)
		snprintf(comment, sizeof(comment), " # SKIP %s",
			 test->status_comment);
	if (times)
		_printk("%s: %llu ms\n", running_name,
			(ktime_get_ns() - begun) / NSEC_PER_MSEC);
	printf("%s %u - %s%s\n", case_failed ? "not ok" : "ok", ++n_results,
	       running_name, comment);
	fflush(stdout);
	running_name[0] = '\0';
	return !case_failed;
}

static struct kunit_case *next_chosen(struct kunit_suite *suite,
				      struct kunit_case *test_case,
				      const struct twin_options *options)
{
	while (test_case->run_case && !twin_chosen(suite, test_case, options))
		test_case++;
	return test_case->run_case ? test_case : NULL;
}

/* The last case answers for suite_exit() and for what the suite leaves. */
static unsigned int run_cases(struct kunit_suite *suite,
			      struct kunit_case *test_case,
			      const struct twin_options *options,
			      const struct baseline *before)
{
	unsigned int failures = 0;
	bool usable = true;

	if (suite->suite_init && suite->suite_init(suite)) {
		_printk("%s: suite_init failed\n", suite->name);
		usable = false;
	}
	while (test_case) {
		struct kunit_case *next = next_chosen(suite, test_case + 1,
						      options);
		struct run run = {
			.suite = suite, .test_case = test_case,
			.lock = PTHREAD_MUTEX_INITIALIZER,
		};
		u64 begun = ktime_get_ns();

		begin_case(suite, test_case);
		if (usable)
			run_case(&run, options->timeout);
		else
			twin_mark_failed();
		if (!next) {
			if (suite->suite_exit)
				suite->suite_exit(suite);
			check_baseline(before);
		}
		failures += !print_result(&run.test, begun, options->times);
		test_case = next;
	}
	return failures;
}

unsigned int twin_run_suite(struct kunit_suite *suite,
			    const struct twin_options *options)
{
	struct kunit_case *first = next_chosen(suite, suite->test_cases, options);
	struct baseline before = take_baseline();

	return first ? run_cases(suite, first, options, &before) : 0;
}

static void put(const char *s)
{
	ssize_t unused = write(STDOUT_FILENO, s, strlen(s));

	(void)unused;
}

/* Async-signal-safe: what a reader of a broken run needs to know. */
void twin_last_words(const char *why)
{
	char number[16];
	unsigned int n = n_results + 1, i = sizeof(number) - 1;

	if (!running_name[0])
		return;
	number[i] = '\0';
	do
		number[--i] = '0' + n % 10;
	while (n /= 10);
	put("not ok ");
	put(&number[i]);
	put(" - ");
	put(running_name);
	put("\nBail out! ");
	put(why);
	put(" in ");
	put(running_name);
	put("\n");
	running_name[0] = '\0';
}
