// SPDX-License-Identifier: GPL-2.0
/*
 * Workqueues: each has a thread, a list of work and a list of timers. One mutex
 * guards them all, one condition tells of every change.
 */
#define TWIN_HOST
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "internal.h"

/*
 * Every queueing of a work item gets a ticket, and a flush waits for a ticket:
 * the item itself may be freed by its own function, so of @running only the
 * address is used.
 */
struct workqueue_struct {
	char name[24];
	struct list_head all;
	struct list_head works;
	struct list_head timers;
	struct work_struct *running;
	u64 running_ticket;
	bool stopping;
	pthread_t thread;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t changed_once = PTHREAD_ONCE_INIT;
static LIST_HEAD(workqueues);
static u64 last_ticket;
static int nr_works;
static __thread struct workqueue_struct *this_worker;

bool twin_is_worker(void)
{
	return this_worker;
}

static void init_changed(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
}

/* Work queued and not yet begun, timers included. */
int twin_nr_works(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = nr_works;
	pthread_mutex_unlock(&lock);
	return n;
}

static void append(struct workqueue_struct *wq, struct work_struct *work)
{
	work->wq = wq;
	work->ticket = ++last_ticket;
	work->queued = true;
	list_add_tail(&work->entry, &wq->works);
	pthread_cond_broadcast(&changed);
}

/* The workqueue whose thread is in the function of @work, or NULL. */
static struct workqueue_struct *runner_of(const struct work_struct *work)
{
	struct workqueue_struct *wq;

	list_for_each_entry(wq, &workqueues, all)
		if (wq->running == work)
			return wq;
	return NULL;
}

/* Moves what has expired to the work list; the ns until the next, or forever. */
static u64 run_timers(struct workqueue_struct *wq)
{
	u64 now = ktime_get_ns(), next = TWIN_FOREVER;
	struct delayed_work *dwork, *n;

	list_for_each_entry_safe(dwork, n, &wq->timers, timer) {
		if (dwork->expires <= now) {
			list_del(&dwork->timer);
			dwork->armed = false;
			append(wq, &dwork->work);
		} else {
			next = min(next, dwork->expires - now);
		}
	}
	return next;
}

static void wait_for_change(u64 timeout_ns)
{
	u64 until = ktime_get_ns() + timeout_ns;
	struct timespec ts = {
		.tv_sec = until / NSEC_PER_SEC,
		.tv_nsec = until % NSEC_PER_SEC,
	};

	if (timeout_ns == TWIN_FOREVER)
		pthread_cond_wait(&changed, &lock);
	else
		pthread_cond_timedwait(&changed, &lock, &ts);
}

static void run_first(struct workqueue_struct *wq)
{
	struct work_struct *work = list_first_entry(&wq->works,
						    struct work_struct, entry);

	list_del(&work->entry);
	work->queued = false;
	work->pending = false;
	nr_works--;
	wq->running = work;
	wq->running_ticket = work->ticket;
	pthread_mutex_unlock(&lock);
	work->func(work);
	twin_check_idle("a work function");
	pthread_mutex_lock(&lock);
	wq->running = NULL;
	pthread_cond_broadcast(&changed);
}

static void *worker(void *arg)
{
	struct workqueue_struct *wq = arg;

	twin_host_thread_enter(wq->name);
	this_worker = wq;
	pthread_mutex_lock(&lock);
	for (;;) {
		u64 timeout = run_timers(wq);

		if (!list_empty(&wq->works))
			run_first(wq);
		else if (!wq->stopping)
			wait_for_change(timeout);
		else
			break;
	}
	list_del(&wq->all);
	pthread_mutex_unlock(&lock);
	twin_host_thread_exit();
	return NULL;
}

/* Under the lock. */
static int start(struct workqueue_struct *wq)
{
	pthread_once(&changed_once, init_changed);
	INIT_LIST_HEAD(&wq->works);
	INIT_LIST_HEAD(&wq->timers);
	list_add_tail(&wq->all, &workqueues);
	if (!pthread_create(&wq->thread, NULL, worker, wq))
		return 0;
	list_del(&wq->all);
	return -EAGAIN;
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags,
					 int max_active, ...)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);
	va_list args;
	int err;

	if (!wq)
		return NULL;
	va_start(args, max_active);
	vsnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	err = start(wq);
	pthread_mutex_unlock(&lock);
	if (err) {
		kfree(wq);
		return NULL;
	}
	return wq;
}

/* These live as long as the program; their threads start when first used. */
struct workqueue_struct *twin_system_wq(unsigned int which)
{
	static struct workqueue_struct system[3];
	static bool started[3];

	pthread_mutex_lock(&lock);
	if (!started[which]) {
		snprintf(system[which].name, sizeof(system[which].name),
			 "system%u", which);
		if (start(&system[which]))
			twin_fatal("no thread for a workqueue");
		pthread_detach(system[which].thread);
		started[which] = true;
	}
	pthread_mutex_unlock(&lock);
	return &system[which];
}

static void refuse_own(struct workqueue_struct *wq, const char *what)
{
	if (this_worker == wq)
		twin_fatal("%s of workqueue %s from its own thread", what, wq->name);
}

static bool outstanding(const struct workqueue_struct *wq, u64 ticket)
{
	struct work_struct *work;

	if (wq->running && wq->running_ticket == ticket)
		return true;
	list_for_each_entry(work, &wq->works, entry)
		if (work->ticket == ticket)
			return true;
	return false;
}

static u64 last_ticket_of(const struct workqueue_struct *wq)
{
	if (!list_empty(&wq->works))
		return list_last_entry(&wq->works, struct work_struct,
				       entry)->ticket;
	return wq->running ? wq->running_ticket : 0;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	u64 ticket;

	twin_might_sleep("flush_workqueue()", _RET_IP_);
	refuse_own(wq, "flush");
	pthread_mutex_lock(&lock);
	ticket = last_ticket_of(wq);
	while (outstanding(wq, ticket))
		wait_for_change(TWIN_FOREVER);
	pthread_mutex_unlock(&lock);
}

/* Work that queues itself again is waited for too; timers are not. */
void drain_workqueue(struct workqueue_struct *wq)
{
	twin_might_sleep("drain_workqueue()", _RET_IP_);
	refuse_own(wq, "drain");
	pthread_mutex_lock(&lock);
	while (!list_empty(&wq->works) || wq->running)
		wait_for_change(TWIN_FOREVER);
	pthread_mutex_unlock(&lock);
}

static bool claim(struct work_struct *work)
{
	if (work->pending || work->cancels)
		return false;
	work->pending = true;
	nr_works++;
	return true;
}

/* An item that runs is queued where it runs: it never runs twice at once. */
static struct workqueue_struct *queue_for(struct workqueue_struct *wq,
					  struct work_struct *work)
{
	struct workqueue_struct *runner = runner_of(work);

	return runner ? runner : wq;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = claim(work);
	if (queued)
		append(queue_for(wq, work), work);
	pthread_mutex_unlock(&lock);
	return queued;
}

static void arm(struct workqueue_struct *wq, struct delayed_work *dwork,
		unsigned long delay)
{
	wq = queue_for(wq, &dwork->work);
	dwork->work.wq = wq;
	if (!delay) {
		append(wq, &dwork->work);
		return;
	}
	dwork->expires = ktime_get_ns() + (u64)delay * (NSEC_PER_SEC / HZ);
	dwork->armed = true;
	list_add_tail(&dwork->timer, &wq->timers);
	pthread_cond_broadcast(&changed);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
			unsigned long delay)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = claim(&dwork->work);
	if (queued)
		arm(wq, dwork, delay);
	pthread_mutex_unlock(&lock);
	return queued;
}

static bool disarm(struct delayed_work *dwork)
{
	bool armed = dwork->armed;

	if (armed)
		list_del(&dwork->timer);
	dwork->armed = false;
	return armed;
}

static bool unqueue(struct work_struct *work)
{
	if (!work->queued)
		return false;
	list_del(&work->entry);
	work->queued = false;
	work->pending = false;
	nr_works--;
	return true;
}

static bool unqueue_delayed(struct delayed_work *dwork)
{
	if (!disarm(dwork))
		return unqueue(&dwork->work);
	dwork->work.pending = false;
	nr_works--;
	return true;
}

static void drop_timers(struct workqueue_struct *wq)
{
	struct delayed_work *dwork, *n;

	list_for_each_entry_safe(dwork, n, &wq->timers, timer)
		unqueue_delayed(dwork);
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	drain_workqueue(wq);
	pthread_mutex_lock(&lock);
	if (!list_empty(&wq->timers))
		twin_report(_RET_IP_, "workqueue %s is destroyed with delayed work armed",
			    wq->name);
	drop_timers(wq);
	wq->stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(wq->thread, NULL);
	kfree(wq);
}

/* True if it was pending, and its time was changed. */
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
		      unsigned long delay)
{
	bool was_pending;

	pthread_mutex_lock(&lock);
	was_pending = unqueue_delayed(dwork);
	if (claim(&dwork->work))
		arm(wq, dwork, delay);
	pthread_mutex_unlock(&lock);
	return was_pending;
}

static void refuse_itself(struct work_struct *work, const char *what)
{
	if (this_worker && this_worker->running == work)
		twin_fatal("%s of a work item from its own function", what);
}

bool flush_work(struct work_struct *work)
{
	struct workqueue_struct *wq;
	bool waited = false;
	u64 ticket = 0;

	twin_might_sleep("flush_work()", _RET_IP_);
	refuse_itself(work, "flush");
	pthread_mutex_lock(&lock);
	wq = work->queued ? work->wq : runner_of(work);
	if (wq) {
		refuse_own(wq, "flush_work()");
		ticket = work->queued ? work->ticket : wq->running_ticket;
	}
	while (wq && outstanding(wq, ticket)) {
		waited = true;
		wait_for_change(TWIN_FOREVER);
	}
	pthread_mutex_unlock(&lock);
	return waited;
}

bool flush_delayed_work(struct delayed_work *dwork)
{
	pthread_mutex_lock(&lock);
	if (disarm(dwork))
		append(dwork->work.wq, &dwork->work);
	pthread_mutex_unlock(&lock);
	return flush_work(&dwork->work);
}

bool cancel_work(struct work_struct *work)
{
	bool was_pending;

	pthread_mutex_lock(&lock);
	was_pending = unqueue(work);
	pthread_mutex_unlock(&lock);
	return was_pending;
}

bool cancel_delayed_work(struct delayed_work *dwork)
{
	bool was_pending;

	pthread_mutex_lock(&lock);
	was_pending = unqueue_delayed(dwork);
	pthread_mutex_unlock(&lock);
	return was_pending;
}

/* While a cancel waits, the work cannot be queued, by its own function either. */
static void wait_for_cancelled(struct work_struct *work)
{
	work->cancels++;
	while (runner_of(work))
		wait_for_change(TWIN_FOREVER);
	work->cancels--;
}

/* Until what waits for a timer or a grace period has got into its queue. */
static bool unqueue_wait(struct work_struct *work)
{
	while (work->pending && !work->queued)
		wait_for_change(TWIN_FOREVER);
	return unqueue(work);
}

bool cancel_work_sync(struct work_struct *work)
{
	bool was_pending;

	twin_might_sleep("cancel_work_sync()", _RET_IP_);
	refuse_itself(work, "cancel_work_sync()");
	pthread_mutex_lock(&lock);
	was_pending = unqueue_wait(work);
	wait_for_cancelled(work);
	pthread_mutex_unlock(&lock);
	return was_pending;
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	bool was_pending;

	twin_might_sleep("cancel_delayed_work_sync()", _RET_IP_);
	refuse_itself(&dwork->work, "cancel_delayed_work_sync()");
	pthread_mutex_lock(&lock);
	was_pending = unqueue_delayed(dwork);
	wait_for_cancelled(&dwork->work);
	pthread_mutex_unlock(&lock);
	return was_pending;
}

static void queue_after_grace_period(struct rcu_head *head)
{
	struct rcu_work *rwork = container_of(head, struct rcu_work, rcu);

	pthread_mutex_lock(&lock);
	append(rwork->wq, &rwork->work);
	pthread_mutex_unlock(&lock);
}

bool queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *rwork)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = claim(&rwork->work);
	rwork->wq = wq;
	pthread_mutex_unlock(&lock);
	if (queued)
		call_rcu(&rwork->rcu, queue_after_grace_period);
	return queued;
}

bool flush_rcu_work(struct rcu_work *rwork)
{
	if (!work_pending(&rwork->work))
		return flush_work(&rwork->work);
	rcu_barrier();
	flush_work(&rwork->work);
	return true;
}

/* Until no work is queued for now nor runs; armed timers are left alone. */
void twin_work_drain(void)
{
	struct workqueue_struct *wq;
	bool busy = true;

	pthread_mutex_lock(&lock);
	while (busy) {
		busy = false;
		list_for_each_entry(wq, &workqueues, all)
			busy |= wq->running || !list_empty(&wq->works);
		if (busy)
			wait_for_change(TWIN_FOREVER);
	}
	pthread_mutex_unlock(&lock);
}

bool work_pending(const struct work_struct *work)
{
	bool pending;

	pthread_mutex_lock(&lock);
	pending = work->pending;
	pthread_mutex_unlock(&lock);
	return pending;
}

bool delayed_work_pending(const struct delayed_work *dwork)
{
	return work_pending(&dwork->work);
}
