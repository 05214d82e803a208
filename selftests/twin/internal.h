/* SPDX-License-Identifier: GPL-2.0 */
/* Between the twin's own files. */
#ifndef _TWIN_INTERNAL_H
#define _TWIN_INTERNAL_H

#include <linux/limits.h>
#include <linux/types.h>
#include <twin.h>
#include <twin/debug.h>

struct kunit;

/* debug.c */
void twin_thread_id_get(void);
void twin_thread_id_put(void);
unsigned int twin_expecting(void);
void twin_seed(u64 seed);

/* kunit.c */
void twin_mark_failed(void);
bool twin_may_print(void);

/* module.c */
bool twin_set_initial(const char *assignment);

/* alloc.c */
u64 twin_alloc_mark(void);
bool twin_is_worker(void);
void twin_alloc_list(u64 mark);

/* rcu.c */
void twin_rcu_thread_enter(void);
void twin_rcu_thread_exit(void);
void twin_rcu_drain(void);
bool twin_rcu_pending(void);

/* sched.c */
void twin_thread_enter(struct task_struct *task);
void twin_thread_exit(void);
void twin_host_thread_enter(const char *name);
void twin_host_thread_exit(void);
int twin_nr_kthreads(void);

/* workqueue.c */
int twin_nr_works(void);
void twin_work_drain(void);

/* futex.c */
bool twin_futex_wait(const u32 *word, u32 seen, u64 timeout_ns);
void twin_futex_wake(const u32 *word, int n);

#define TWIN_FOREVER	U64_MAX

/*
 * What tests ask for is counted for all threads together, which a kernel does
 * not do: a benchmark is built with TWIN_BENCH and does not either.
 */
static inline void twin_count(long *counter, long amount)
{
	if (!IS_ENABLED(TWIN_BENCH))
		__atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
}

#ifdef TWIN_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);

/* What a library locks inside must not seem to order its callers. */
static inline void twin_ignore_sync_begin(void)
{
	AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}

static inline void twin_ignore_sync_end(void)
{
	AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
}
#else
static inline void twin_ignore_sync_begin(void)
{
}

static inline void twin_ignore_sync_end(void)
{
}

static inline void __tsan_acquire(void *addr)
{
}

static inline void __tsan_release(void *addr)
{
}
#endif

/* A busy wait on few CPUs: gives way soon, gives up when it can only be stuck. */
struct twin_spin {
	unsigned int turns;
	u64 deadline;
};

void twin_spin_turn(struct twin_spin *spin, const char *what, const void *on);

#endif /* _TWIN_INTERNAL_H */
