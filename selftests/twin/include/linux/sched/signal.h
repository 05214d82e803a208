/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SCHED_SIGNAL_H
#define _TWIN_LINUX_SCHED_SIGNAL_H

#include <linux/sched.h>
#include <linux/signal.h>

/* What waits in a killable way for a variable wakes up; nothing else does. */
int send_sig(int sig, struct task_struct *task, int priv);

/* A kthread of a kernel lets no signal in before this. */
static inline void allow_signal(int sig)
{
}

#endif /* _TWIN_LINUX_SCHED_SIGNAL_H */
