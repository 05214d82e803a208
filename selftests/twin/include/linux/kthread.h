/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_KTHREAD_H
#define _TWIN_LINUX_KTHREAD_H

#include <linux/err.h>
#include <linux/sched.h>

struct task_struct *kthread_create(int (*threadfn)(void *data), void *data,
				   const char *namefmt, ...) __printf(3, 4);
void kthread_bind(struct task_struct *task, unsigned int cpu);
int kthread_stop(struct task_struct *task);
bool kthread_should_stop(void);

/* The task goes away when its function returns, unless someone holds it. */
#define kthread_run(threadfn, data, namefmt, ...)			\
({									\
	struct task_struct *__task =					\
		kthread_create(threadfn, data, namefmt, ##__VA_ARGS__);	\
									\
	if (!IS_ERR(__task))						\
		wake_up_process(__task);				\
	__task;								\
})

#endif /* _TWIN_LINUX_KTHREAD_H */
