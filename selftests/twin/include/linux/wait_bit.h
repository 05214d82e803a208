/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting for a variable: those that share a queue are woken for each other. */
#ifndef _TWIN_LINUX_WAIT_BIT_H
#define _TWIN_LINUX_WAIT_BIT_H

#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

struct wait_queue_head *__var_waitqueue(const void *var);
void wake_up_var(void *var);

#define wait_var_event(var, condition) \
	wait_event(*__var_waitqueue(var), condition)

#define wait_var_event_killable(var, condition)				\
({									\
	bool __done = false;						\
									\
	wait_event(*__var_waitqueue(var),				\
		   (__done = (condition)) || fatal_signal_pending(current)); \
	__done ? 0 : -ERESTARTSYS;					\
})

#endif /* _TWIN_LINUX_WAIT_BIT_H */
