/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_IRQFLAGS_H
#define _TWIN_LINUX_IRQFLAGS_H

#include <linux/compiler.h>
#include <twin/debug.h>

static inline void local_irq_disable(void)
{
	twin_self.irq = 1;
	barrier();
}

static inline void local_irq_enable(void)
{
	barrier();
	twin_self.irq = 0;
}

#define local_irq_save(flags)						\
do {									\
	(flags) = twin_self.irq;					\
	local_irq_disable();						\
} while (0)

#define local_irq_restore(flags)					\
do {									\
	barrier();							\
	twin_self.irq = (flags);					\
} while (0)

#endif /* _TWIN_LINUX_IRQFLAGS_H */
