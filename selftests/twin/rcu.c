// SPDX-License-Identifier: GPL-2.0
/*
 * RCU over liburcu, flavour memb.
 *
 * This file is built without ThreadSanitizer, which is told of two orders only:
 * all that a reader did comes before the end of a grace period that begins
 * during its section (readers_done), and all that was done before a grace
 * period begins comes before the sections that begin later (period_begun).
 */
#define TWIN_HOST
#include <pthread.h>
#include <stdlib.h>
#include <linux/types.h>

/* liburcu has a struct of the same name. */
#pragma push_macro("rcu_head")
#undef rcu_head
#define rcu_head urcu_rcu_head
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>
#pragma pop_macro("rcu_head")
#undef rcu_dereference
#undef rcu_assign_pointer

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "internal.h"

static char readers_done, period_begun, callbacks_done;

static struct callback_head *queue;	/* pushed at the front: newest first */
static u32 n_queued;		/* counted before the push */
static u32 n_pushed;		/* counted after it: what the thread sleeps on */
static u32 n_invoked;		/* what rcu_barrier() sleeps on */
static u32 n_barriers;		/* ends the wait for more callbacks */
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

void twin_rcu_thread_enter(void)
{
	twin_ignore_sync_begin();
	urcu_memb_register_thread();
	twin_ignore_sync_end();
}

void twin_rcu_thread_exit(void)
{
	twin_ignore_sync_begin();
	urcu_memb_unregister_thread();
	twin_ignore_sync_end();
}

void rcu_read_lock(void)
{
	urcu_memb_read_lock();
#ifdef TWIN_DEBUG
	if (!twin_self.rcu++)
		__tsan_acquire(&period_begun);
	twin_perturb();
#endif
}

void rcu_read_unlock(void)
{
#ifdef TWIN_DEBUG
	if (!twin_self.rcu) {
		twin_report(_RET_IP_, "rcu_read_unlock() without rcu_read_lock()");
		return;
	}
	if (!--twin_self.rcu)
		__tsan_release(&readers_done);
#endif
	urcu_memb_read_unlock();
}

static void wait_for_readers(void)
{
	__tsan_release(&period_begun);
	twin_ignore_sync_begin();
	urcu_memb_synchronize_rcu();
	twin_ignore_sync_end();
	__tsan_acquire(&readers_done);
}

void synchronize_rcu(void)
{
	twin_might_sleep("synchronize_rcu()", _RET_IP_);
	if (twin_self.rcu)
		twin_fatal("synchronize_rcu() in a reader never ends");
	wait_for_readers();
}

void synchronize_rcu_expedited(void)
{
	synchronize_rcu();
}

static struct callback_head *take_queue(void)
{
	struct callback_head *newest = xchg(&queue, NULL), *oldest = NULL;

	while (newest) {
		struct callback_head *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* A kfree_rcu() stores the offset of the head instead of a function. */
static bool is_free_request(struct callback_head *head)
{
	return (unsigned long)head->func < 4096;
}

static void invoke(struct callback_head *head)
{
	__tsan_acquire(head);
	if (is_free_request(head)) {
		kvfree((void *)head - (unsigned long)head->func);
		return;
	}
	head->func(head);
	twin_check_idle("an RCU callback");
}

/* Callbacks run in softirq context: they may not sleep. */
static void invoke_all(struct callback_head *list)
{
	u32 n = 0;

	twin_self.in_softirq = true;
	while (list) {
		struct callback_head *next = list->next;

		invoke(list);
		list = next;
		n++;
	}
	twin_self.in_softirq = false;
	__tsan_release(&callbacks_done);
	__atomic_fetch_add(&n_invoked, n, __ATOMIC_SEQ_CST);
	twin_futex_wake(&n_invoked, INT_MAX);
}

/* One grace period serves all that came within a while, as in the kernel. */
#define BATCH_NS	200000

static void *rcu_thread(void *unused)
{
	struct callback_head *list;

	twin_host_thread_enter("rcu");
	for (;;) {
		u32 barriers = smp_load_acquire(&n_barriers);
		u32 pushed = smp_load_acquire(&n_pushed);

		if (!READ_ONCE(queue)) {
			twin_futex_wait(&n_pushed, pushed, TWIN_FOREVER);
			twin_futex_wait(&n_barriers, barriers, BATCH_NS);
			continue;
		}
		list = take_queue();
		wait_for_readers();
		invoke_all(list);
	}
	return unused;
}

static void start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, rcu_thread, NULL))
		twin_fatal("no thread for RCU callbacks");
	pthread_detach(thread);
}

static void enqueue(struct callback_head *head, rcu_callback_t func)
{
	struct callback_head *first = READ_ONCE(queue);

	pthread_once(&thread_once, start_thread);
	head->func = func;
	__tsan_release(head);
	__atomic_fetch_add(&n_queued, 1, __ATOMIC_SEQ_CST);
	do {
		head->next = first;
	} while (!try_cmpxchg(&queue, &first, head));
	__atomic_fetch_add(&n_pushed, 1, __ATOMIC_SEQ_CST);
	if (!first)
		twin_futex_wake(&n_pushed, 1);
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	enqueue(head, func);
}

void twin_kvfree_rcu(struct rcu_head *head, size_t offset)
{
	if (offset >= 4096)
		twin_fatal("kvfree_rcu(): the head is %zu bytes into the object",
			   offset);
	enqueue(head, (rcu_callback_t)offset);
}

void kvfree_rcu_mightsleep(const void *ptr)
{
	if (!ptr)
		return;
	synchronize_rcu();
	kvfree(ptr);
}

static void wait_for_callbacks(void)
{
	u32 target = smp_load_acquire(&n_queued), seen;

	__atomic_fetch_add(&n_barriers, 1, __ATOMIC_SEQ_CST);
	twin_futex_wake(&n_barriers, 1);
	while (seen = smp_load_acquire(&n_invoked), (s32)(seen - target) < 0)
		twin_futex_wait(&n_invoked, seen, TWIN_FOREVER);
	__tsan_acquire(&callbacks_done);
}

void rcu_barrier(void)
{
	twin_might_sleep("rcu_barrier()", _RET_IP_);
	if (twin_self.rcu)
		twin_fatal("rcu_barrier() in a reader never ends");
	wait_for_callbacks();
}

bool twin_rcu_pending(void)
{
	return smp_load_acquire(&n_queued) != smp_load_acquire(&n_invoked);
}

/* A callback may queue another one: until none is left. */
void twin_rcu_drain(void)
{
	do
		wait_for_callbacks();
	while (twin_rcu_pending());
}
