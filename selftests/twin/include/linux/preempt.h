/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nothing is disabled here, a thread of the twin is always preempted; what is
 * kept is the promise not to sleep meanwhile.
 */
#ifndef _TWIN_LINUX_PREEMPT_H
#define _TWIN_LINUX_PREEMPT_H

#include <linux/compiler.h>
#include <twin/debug.h>

#define in_softirq()		(twin_self.in_softirq || twin_self.bh)
#define in_serving_softirq()	(twin_self.in_softirq)
#define in_interrupt()		in_softirq()
#define in_hardirq()		false
#define in_task()		(!twin_self.in_softirq)
#define irqs_disabled()		(twin_self.irq != 0)
#define in_atomic()		twin_in_atomic()
#define preemptible()		(!twin_in_atomic())

static inline void preempt_disable(void)
{
	twin_self.preempt++;
	barrier();
}

static inline void preempt_enable(void)
{
	barrier();
	twin_self.preempt--;
}

#endif /* _TWIN_LINUX_PREEMPT_H */
