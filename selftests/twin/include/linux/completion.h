/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_COMPLETION_H
#define _TWIN_LINUX_COMPLETION_H

#include <linux/compiler.h>
#include <linux/types.h>

/* @done counts complete()s not yet waited for; UINT_MAX after complete_all(). */
struct completion {
	u32 done;
};

#define COMPLETION_INITIALIZER(work)	{ 0 }
#define DECLARE_COMPLETION(work) \
	struct completion work = COMPLETION_INITIALIZER(work)
#define DECLARE_COMPLETION_ONSTACK(work)	DECLARE_COMPLETION(work)

static inline void init_completion(struct completion *x)
{
	*x = (struct completion) { 0 };
}

static inline void reinit_completion(struct completion *x)
{
	WRITE_ONCE(x->done, 0);
}

void complete(struct completion *x);
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);
unsigned long wait_for_completion_timeout(struct completion *x,
					  unsigned long timeout);
bool try_wait_for_completion(struct completion *x);
bool completion_done(struct completion *x);

#endif /* _TWIN_LINUX_COMPLETION_H */
