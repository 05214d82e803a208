// SPDX-License-Identifier: GPL-2.0
/*
 * bench-lockcnt: visits counted by lockcnt, against refcount_t, which counts and does
 * not lock, and against what locks too: a refcount_t with a mutex for the first and
 * the last visit, and a counter that is changed under a mutex.
 *
 * A visit is begun and ended. "nested" is while another visit goes on all the time, so
 * nobody can free anything; "alone" is the first and the last one each time, and looks
 * whether something is to be freed; in "read-mostly" one of 1024 finds that.
 */
#define TWIN_HOST
#include <stdio.h>
#include <sys/types.h>

#include <linux/array_size.h>
#include <linux/cache.h>
#include <linux/lockcnt.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include "../../../selftests/twin/internal.h"

#include "harness.h"

#define BATCH		64
/* Visits between two that leave something to be freed. */
#define SELDOM		1024

/**
 * struct guard - what is visited, guarded by one of them
 * @lockcnt: the counter and the lock
 * @refs: a counter
 * @mutex: a lock, with @refs or @visits
 * @visits: a counter under @mutex
 * @removed: something is to be freed when nobody visits
 * @freed: how often that was done
 */
struct guard {
	struct lockcnt lockcnt;
	refcount_t refs ____cacheline_aligned;
	struct mutex mutex ____cacheline_aligned;
	unsigned long visits;
	bool removed ____cacheline_aligned;
	unsigned long freed;
};

static struct guard guard;

/* What the shims find wrong would be a failing test; here it ends the program. */
void twin_mark_failed(void)
{
	bench_die("the twin's kernel has found a bug");
}

bool twin_may_print(void)
{
	return true;
}

/* For the one who has seen to it that nobody visits. */
static __always_inline void sweep(void)
{
	if (READ_ONCE(guard.removed)) {
		WRITE_ONCE(guard.removed, false);
		guard.freed++;
	}
}

static __always_inline void lockcnt_begin(void)
{
	lockcnt_inc(&guard.lockcnt);
}

static __always_inline void lockcnt_end(void)
{
	lockcnt_dec(&guard.lockcnt);
}

static __always_inline void lockcnt_last(void)
{
	if (lockcnt_dec_and_lock(&guard.lockcnt)) {
		sweep();
		lockcnt_unlock(&guard.lockcnt);
	}
}

static __always_inline void refcount_begin(void)
{
	if (!refcount_inc_not_zero(&guard.refs))
		bench_die("nobody holds the count");
}

static __always_inline void refcount_end(void)
{
	refcount_dec(&guard.refs);
}

static __always_inline void both_begin(void)
{
	if (refcount_inc_not_zero(&guard.refs))
		return;
	mutex_lock(&guard.mutex);
	if (!refcount_inc_not_zero(&guard.refs))
		refcount_set(&guard.refs, 1);
	mutex_unlock(&guard.mutex);
}

/* As refcount_dec_and_mutex_lock(). */
static __always_inline void both_last(void)
{
	if (atomic_add_unless(&guard.refs.refs, -1, 1))
		return;
	mutex_lock(&guard.mutex);
	if (refcount_dec_and_test(&guard.refs))
		sweep();
	mutex_unlock(&guard.mutex);
}

static __always_inline void mutex_begin(void)
{
	mutex_lock(&guard.mutex);
	guard.visits++;
	mutex_unlock(&guard.mutex);
}

static __always_inline void mutex_end(void)
{
	mutex_lock(&guard.mutex);
	guard.visits--;
	mutex_unlock(&guard.mutex);
}

static __always_inline void mutex_last(void)
{
	mutex_lock(&guard.mutex);
	if (!--guard.visits)
		sweep();
	mutex_unlock(&guard.mutex);
}

/* Each loop is compiled for what it measures. */
#define LOOP(name, begin, end, seldom)					\
static void name(struct bench_thread *thread)				\
{									\
	unsigned int i, visits = 0;					\
									\
	do {								\
		for (i = 0; i < BATCH; i++) {				\
			begin();					\
			if ((seldom) && ++visits % SELDOM == 0)		\
				WRITE_ONCE(guard.removed, true);	\
			end();						\
		}							\
	} while (bench_more(thread, BATCH));				\
}

LOOP(lockcnt_nested, lockcnt_begin, lockcnt_end, false)
LOOP(refcount_nested, refcount_begin, refcount_end, false)
LOOP(mutex_nested, mutex_begin, mutex_end, false)
LOOP(lockcnt_alone, lockcnt_begin, lockcnt_last, false)
LOOP(both_alone, both_begin, both_last, false)
LOOP(mutex_alone, mutex_begin, mutex_last, false)
LOOP(lockcnt_read_mostly, lockcnt_begin, lockcnt_last, true)
LOOP(both_read_mostly, both_begin, both_last, true)
LOOP(mutex_read_mostly, mutex_begin, mutex_last, true)

static const struct workload {
	const char *name;
	unsigned int held;
	struct {
		const char *name;
		bench_body body;
	} subjects[3];
} workloads[] = {
	{ "nested", 1, {
		{ "lockcnt", lockcnt_nested },
		{ "refcount", refcount_nested },
		{ "mutex", mutex_nested },
	} },
	{ "alone", 0, {
		{ "lockcnt", lockcnt_alone },
		{ "refcount-and-mutex", both_alone },
		{ "mutex", mutex_alone },
	} },
	{ "read-mostly", 0, {
		{ "lockcnt", lockcnt_read_mostly },
		{ "refcount-and-mutex", both_read_mostly },
		{ "mutex", mutex_read_mostly },
	} },
};

static const char *point_name(const struct workload *workload, unsigned int threads,
			      const char *subject)
{
	static char name[128];

	snprintf(name, sizeof(name), "lockcnt/%s/1/%u/%s", workload->name, threads, subject);
	return name;
}

static void run(const struct workload *workload, unsigned int threads)
{
	struct bench_series series[ARRAY_SIZE(workload->subjects)] = { };
	unsigned int i, round;

	if (!bench_wanted("lockcnt/%s/1/%u/", workload->name, threads))
		return;
	lockcnt_init(&guard.lockcnt);
	mutex_init(&guard.mutex);
	refcount_set(&guard.refs, workload->held);
	guard.visits = workload->held;
	if (workload->held)
		lockcnt_inc(&guard.lockcnt);
	for (round = 0; round < bench_options.runs; round++)
		for (i = 0; i < ARRAY_SIZE(series); i++)
			bench_add(&series[i], bench_timed(threads, workload->subjects[i].body,
							  NULL) / 1e6);
	for (i = 0; i < ARRAY_SIZE(series); i++)
		bench_figure(point_name(workload, threads, workload->subjects[i].name),
			     &series[i], "Mops/s");
	for (i = 1; i < ARRAY_SIZE(series); i++)
		bench_ratio(point_name(workload, threads, workload->subjects[i].name),
			    &series[0], &series[i], false);
}

static void thread_begin(void)
{
	twin_host_thread_enter("bench");
}

int main(int argc, char **argv)
{
	unsigned int i, threads;

	bench_begin(argc, argv, "bench-lockcnt",
		    "Measure lockcnt against refcount_t and a mutex.");
	twin_host_thread_enter("main");
	bench_hooks.enter = thread_begin;
	bench_hooks.exit = twin_host_thread_exit;
	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		for (threads = 1; threads <= 2; threads++)
			run(&workloads[i], threads);
	twin_host_thread_exit();
	bench_end();
	return 0;
}
