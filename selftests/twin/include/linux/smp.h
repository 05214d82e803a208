/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SMP_H
#define _TWIN_LINUX_SMP_H

#include <linux/cpumask.h>
#include <linux/preempt.h>

unsigned int raw_smp_processor_id(void);
unsigned int smp_processor_id(void);

static inline unsigned int get_cpu(void)
{
	preempt_disable();
	return raw_smp_processor_id();
}

#define put_cpu()	preempt_enable()

#endif /* _TWIN_LINUX_SMP_H */
