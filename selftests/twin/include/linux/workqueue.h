/* SPDX-License-Identifier: GPL-2.0 */
/* A workqueue has one thread; a flush from that thread would never end. */
#ifndef _TWIN_LINUX_WORKQUEUE_H
#define _TWIN_LINUX_WORKQUEUE_H

#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct workqueue_struct;
struct work_struct;

typedef void (*work_func_t)(struct work_struct *work);

/* All but @func belongs to workqueue.c, under its lock. */
struct work_struct {
	work_func_t func;
	struct list_head entry;
	struct workqueue_struct *wq;
	u64 ticket;
	u32 cancels;
	bool pending;	/* queued, or waiting for a timer or a grace period */
	bool queued;
};

struct delayed_work {
	struct work_struct work;
	struct list_head timer;
	u64 expires;
	bool armed;
};

struct rcu_work {
	struct work_struct work;
	struct rcu_head rcu;
	struct workqueue_struct *wq;
};

#define WQ_UNBOUND		0x02
#define WQ_FREEZABLE		0x04
#define WQ_MEM_RECLAIM		0x08
#define WQ_HIGHPRI		0x10
#define WQ_CPU_INTENSIVE	0x20
#define WQ_SYSFS		0x40

#define __WORK_INITIALIZER(n, f)	{ .func = (f) }
#define __DELAYED_WORK_INITIALIZER(n, f) { .work = { .func = (f) } }
#define DECLARE_WORK(n, f)	struct work_struct n = __WORK_INITIALIZER(n, f)
#define DECLARE_DELAYED_WORK(n, f) \
	struct delayed_work n = __DELAYED_WORK_INITIALIZER(n, f)

#define INIT_WORK(_work, _func) \
	((void)(*(_work) = (struct work_struct) { .func = (_func) }))
#define INIT_DELAYED_WORK(_work, _func) \
	((void)(*(_work) = (struct delayed_work) { .work = { .func = (_func) } }))
#define INIT_RCU_WORK(_work, _func) \
	((void)(*(_work) = (struct rcu_work) { .work = { .func = (_func) } }))
#define INIT_WORK_ONSTACK(_work, _func)		INIT_WORK(_work, _func)
#define INIT_DELAYED_WORK_ONSTACK(_work, _func)	INIT_DELAYED_WORK(_work, _func)
#define destroy_work_on_stack(work)		((void)(work))
#define destroy_delayed_work_on_stack(work)	((void)(work))

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags,
					 int max_active, ...) __printf(1, 4);
void destroy_workqueue(struct workqueue_struct *wq);
void flush_workqueue(struct workqueue_struct *wq);
void drain_workqueue(struct workqueue_struct *wq);

#define alloc_ordered_workqueue(fmt, flags, args...) \
	alloc_workqueue(fmt, WQ_UNBOUND | (flags), 1, ##args)

bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
bool flush_work(struct work_struct *work);
bool cancel_work(struct work_struct *work);
bool cancel_work_sync(struct work_struct *work);
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
			unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
		      unsigned long delay);
bool flush_delayed_work(struct delayed_work *dwork);
bool cancel_delayed_work(struct delayed_work *dwork);
bool cancel_delayed_work_sync(struct delayed_work *dwork);
bool queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *rwork);
bool flush_rcu_work(struct rcu_work *rwork);

bool work_pending(const struct work_struct *work);
bool delayed_work_pending(const struct delayed_work *dwork);

struct workqueue_struct *twin_system_wq(unsigned int which);

#define system_wq		twin_system_wq(0)
#define system_unbound_wq	twin_system_wq(1)
#define system_long_wq		twin_system_wq(2)

static inline bool schedule_work(struct work_struct *work)
{
	return queue_work(system_wq, work);
}

static inline bool schedule_delayed_work(struct delayed_work *dwork,
					 unsigned long delay)
{
	return queue_delayed_work(system_wq, dwork, delay);
}

static inline struct delayed_work *to_delayed_work(struct work_struct *work)
{
	return (struct delayed_work *)work;
}

static inline struct rcu_work *to_rcu_work(struct work_struct *work)
{
	return (struct rcu_work *)work;
}

#endif /* _TWIN_LINUX_WORKQUEUE_H */
