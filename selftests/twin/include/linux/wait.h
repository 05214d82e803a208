/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_WAIT_H
#define _TWIN_LINUX_WAIT_H

#include <asm/barrier.h>
#include <linux/sched.h>
#include <linux/types.h>

/* @wakeups changes with every wake-up, which is what a waiter sleeps on. */
struct wait_queue_head {
	u32 wakeups;
};

typedef struct wait_queue_head wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name)	{ 0 }
#define DECLARE_WAIT_QUEUE_HEAD(name) \
	struct wait_queue_head name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define init_waitqueue_head(wq)	((void)((wq)->wakeups = 0))

void wake_up_all(struct wait_queue_head *wq);
long twin_wait(struct wait_queue_head *wq, u32 seen, long timeout);

/* One woken too many looks and sleeps again: a wake-up wakes all. */
#define wake_up(wq)			wake_up_all(wq)
#define wake_up_interruptible(wq)	wake_up_all(wq)

#define wait_event_timeout(wq, condition, timeout)			\
({									\
	long __left = (timeout);					\
	u32 __seen;							\
									\
	might_sleep();							\
	for (;;) {							\
		__seen = smp_load_acquire(&(wq).wakeups);		\
		if (condition) {					\
			__left = __left ? __left : 1;			\
			break;						\
		}							\
		if (!__left)						\
			break;						\
		__left = twin_wait(&(wq), __seen, __left);		\
	}								\
	__left;								\
})

#define wait_event(wq, condition) \
	((void)wait_event_timeout(wq, condition, MAX_SCHEDULE_TIMEOUT))
#define wait_event_interruptible(wq, condition) \
	(wait_event(wq, condition), 0)
#define wait_event_killable(wq, condition) \
	(wait_event(wq, condition), 0)

#endif /* _TWIN_LINUX_WAIT_H */
