/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SCHED_H
#define _TWIN_LINUX_SCHED_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <twin/debug.h>

#define TASK_COMM_LEN		16
#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define TASK_KILLABLE		TASK_UNINTERRUPTIBLE
#define TASK_IDLE		TASK_UNINTERRUPTIBLE
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX

/* The allocation number @fail_nth of this task fails; see twin_fail_nth(). */
struct task_struct {
	char comm[TASK_COMM_LEN];
	pid_t pid;
	u32 __state;
	unsigned int fail_nth;
	bool fail_on;
	bool fail_seen;
	bool killed;
};

extern __thread struct task_struct *twin_current;
#define current	twin_current

#define might_sleep()	twin_might_sleep_at("might_sleep()", TWIN_SITE)
#define might_sleep_if(cond)						\
do {									\
	if (cond)							\
		might_sleep();						\
} while (0)

/* As smp_store_mb(): the state before what the caller then looks at. */
#define __set_current_state(state_value) \
	WRITE_ONCE(current->__state, (state_value))
#define set_current_state(state_value)					\
do {									\
	__set_current_state(state_value);				\
	__atomic_thread_fence(__ATOMIC_SEQ_CST);			\
} while (0)

void schedule(void);
long schedule_timeout(long timeout);
long schedule_timeout_interruptible(long timeout);
long schedule_timeout_uninterruptible(long timeout);
int wake_up_process(struct task_struct *task);
void yield(void);
int cond_resched(void);
bool need_resched(void);

struct cpumask;
int set_cpus_allowed_ptr(struct task_struct *task, const struct cpumask *mask);

struct task_struct *get_task_struct(struct task_struct *task);
void put_task_struct(struct task_struct *task);

/* Only send_sig(SIGKILL) reaches a thread of the twin. */
static inline int fatal_signal_pending(struct task_struct *task)
{
	return READ_ONCE(task->killed);
}

static inline int signal_pending(struct task_struct *task)
{
	return fatal_signal_pending(task);
}

#endif /* _TWIN_LINUX_SCHED_H */
