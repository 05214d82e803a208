// SPDX-License-Identifier: GPL-2.0
/* Threads, waiting and time. */
#define TWIN_HOST
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/refcount.h>
#include <linux/smp.h>
#include <linux/wait_bit.h>
#include "internal.h"

#define NO_CPU	UINT_MAX

/* One reference is the thread's own, until its function has returned. */
struct kthread {
	struct task_struct task;
	refcount_t usage;
	int (*threadfn)(void *data);
	void *data;
	int result;
	bool should_stop;
	unsigned int cpu;
	pthread_t thread;
	struct completion exited;
};

__thread struct task_struct *twin_current;

static int nr_kthreads;
static int last_pid;
static long nr_cond_resched;

static struct kthread *to_kthread(struct task_struct *task)
{
	return container_of(task, struct kthread, task);
}

void twin_thread_enter(struct task_struct *task)
{
	twin_current = task;
	twin_thread_id_get();
	twin_rcu_thread_enter();
}

void twin_thread_exit(void)
{
	twin_check_idle(current->comm);
	twin_rcu_thread_exit();
	twin_thread_id_put();
	twin_current = NULL;
}

/* A thread that is no kthread: the program's first, and those of the shims. */
void twin_host_thread_enter(const char *name)
{
	struct kthread *k = calloc(1, sizeof(*k));

	if (!k)
		twin_fatal("out of memory");
	snprintf(k->task.comm, sizeof(k->task.comm), "%s", name);
	k->task.pid = __atomic_add_fetch(&last_pid, 1, __ATOMIC_RELAXED);
	refcount_set(&k->usage, 1);
	twin_thread_enter(&k->task);
}

void twin_host_thread_exit(void)
{
	struct task_struct *task = current;

	twin_thread_exit();
	put_task_struct(task);
}

int twin_nr_kthreads(void)
{
	return smp_load_acquire(&nr_kthreads);
}

struct task_struct *get_task_struct(struct task_struct *task)
{
	refcount_inc(&to_kthread(task)->usage);
	return task;
}

void put_task_struct(struct task_struct *task)
{
	if (refcount_dec_and_test(&to_kthread(task)->usage))
		free(to_kthread(task));
}

static void set_cpu(pthread_t thread, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void *kthread_main(void *arg)
{
	struct kthread *k = arg;
	int result = -EINTR;

	twin_thread_enter(&k->task);
	schedule();	/* until wake_up_process() */
	if (k->cpu != NO_CPU)
		set_cpu(pthread_self(), k->cpu);
	if (!smp_load_acquire(&k->should_stop))
		result = k->threadfn(k->data);
	k->result = result;
	twin_thread_exit();
	complete_all(&k->exited);
	put_task_struct(&k->task);
	__atomic_fetch_sub(&nr_kthreads, 1, __ATOMIC_RELEASE);
	return NULL;
}

struct task_struct *kthread_create(int (*threadfn)(void *data), void *data,
				   const char *namefmt, ...)
{
	struct kthread *k = calloc(1, sizeof(*k));
	pthread_attr_t attr;
	va_list args;
	int err;

	twin_might_sleep("kthread_create()", _RET_IP_);
	if (!k)
		return ERR_PTR(-ENOMEM);
	va_start(args, namefmt);
	vsnprintf(k->task.comm, sizeof(k->task.comm), namefmt, args);
	va_end(args);
	k->task.pid = __atomic_add_fetch(&last_pid, 1, __ATOMIC_RELAXED);
	k->task.__state = TASK_UNINTERRUPTIBLE;
	refcount_set(&k->usage, 1);
	k->threadfn = threadfn;
	k->data = data;
	k->cpu = NO_CPU;
	init_completion(&k->exited);
	__atomic_fetch_add(&nr_kthreads, 1, __ATOMIC_RELAXED);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&k->thread, &attr, kthread_main, k);
	pthread_attr_destroy(&attr);
	if (err) {
		__atomic_fetch_sub(&nr_kthreads, 1, __ATOMIC_RELAXED);
		free(k);
		return ERR_PTR(-err);
	}
	return &k->task;
}

/* Before the first wake_up_process(), as in the kernel. */
void kthread_bind(struct task_struct *task, unsigned int cpu)
{
	to_kthread(task)->cpu = cpu;
}

int kthread_stop(struct task_struct *task)
{
	struct kthread *k = to_kthread(task);
	int result;

	get_task_struct(task);
	smp_store_release(&k->should_stop, true);
	wake_up_process(task);
	wait_for_completion(&k->exited);
	result = k->result;
	put_task_struct(task);
	return result;
}

bool kthread_should_stop(void)
{
	return smp_load_acquire(&to_kthread(current)->should_stop);
}

int set_cpus_allowed_ptr(struct task_struct *task, const struct cpumask *mask)
{
	if (mask->cpu >= num_online_cpus())
		return -EINVAL;
	set_cpu(task == current ? pthread_self() : to_kthread(task)->thread,
		mask->cpu);
	return 0;
}

const struct cpumask *cpumask_of(unsigned int cpu)
{
	static struct cpumask masks[CPU_SETSIZE];

	if (cpu >= CPU_SETSIZE)
		twin_fatal("no CPU %u", cpu);
	WRITE_ONCE(masks[cpu].cpu, cpu);
	return &masks[cpu];
}

unsigned int num_online_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

unsigned int raw_smp_processor_id(void)
{
	return sched_getcpu();
}

unsigned int smp_processor_id(void)
{
	twin_check_unpreempted("smp_processor_id()");
	return raw_smp_processor_id();
}

/* True if woken, false when the time was over. */
static bool sleep_until_woken(u64 timeout_ns)
{
	bool in_time = true;
	u32 state;

	while (in_time) {
		state = smp_load_acquire(&current->__state);
		if (state == TASK_RUNNING)
			return true;
		in_time = twin_futex_wait(&current->__state, state, timeout_ns);
	}
	WRITE_ONCE(current->__state, TASK_RUNNING);
	return false;
}

void schedule(void)
{
	twin_might_sleep("schedule()", _RET_IP_);
	if (smp_load_acquire(&current->__state) == TASK_RUNNING)
		sched_yield();
	else
		sleep_until_woken(TWIN_FOREVER);
}

long schedule_timeout(long timeout)
{
	u64 begun = ktime_get_ns();
	long left;

	twin_might_sleep("schedule_timeout()", _RET_IP_);
	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		sleep_until_woken(TWIN_FOREVER);
		return timeout;
	}
	if (!sleep_until_woken((u64)timeout * (NSEC_PER_SEC / HZ)))
		return 0;
	left = timeout - (long)((ktime_get_ns() - begun) / (NSEC_PER_SEC / HZ));
	return left > 0 ? left : 0;
}

long schedule_timeout_interruptible(long timeout)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout);
}

long schedule_timeout_uninterruptible(long timeout)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}

int wake_up_process(struct task_struct *task)
{
	if (xchg(&task->__state, TASK_RUNNING) == TASK_RUNNING)
		return 0;
	twin_futex_wake(&task->__state, 1);
	return 1;
}

void twin_relax(void)
{
	sched_yield();
}

void yield(void)
{
	twin_might_sleep("yield()", _RET_IP_);
	sched_yield();
}

int cond_resched(void)
{
	twin_might_sleep("cond_resched()", _RET_IP_);
	twin_count(&nr_cond_resched, 1);
	twin_perturb();
	return 0;
}

unsigned long twin_nr_cond_resched(void)
{
	return __atomic_load_n(&nr_cond_resched, __ATOMIC_RELAXED);
}

/* Nothing tells a thread here that its time is up: one call in 16 says so. */
bool need_resched(void)
{
	static __thread unsigned int calls;

	return ++calls % 16 == 0;
}

void wake_up_all(struct wait_queue_head *wq)
{
	__atomic_fetch_add(&wq->wakeups, 1, __ATOMIC_ACQ_REL);
	twin_futex_wake(&wq->wakeups, INT_MAX);
}

/* Returns the jiffies that are left. */
long twin_wait(struct wait_queue_head *wq, u32 seen, long timeout)
{
	u64 begun = ktime_get_ns();
	long left;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		twin_futex_wait(&wq->wakeups, seen, TWIN_FOREVER);
		return timeout;
	}
	if (!twin_futex_wait(&wq->wakeups, seen,
			     (u64)timeout * (NSEC_PER_SEC / HZ)))
		return 0;
	left = timeout - (long)((ktime_get_ns() - begun) / (NSEC_PER_SEC / HZ));
	return left > 0 ? left : 0;
}

static struct wait_queue_head var_queues[16];

struct wait_queue_head *__var_waitqueue(const void *var)
{
	return &var_queues[(unsigned long)var / sizeof(u32) % ARRAY_SIZE(var_queues)];
}

void wake_up_var(void *var)
{
	wake_up_all(__var_waitqueue(var));
}

int send_sig(int sig, struct task_struct *task, int priv)
{
	unsigned int i;

	smp_store_release(&task->killed, true);
	for (i = 0; i < ARRAY_SIZE(var_queues); i++)
		wake_up_all(&var_queues[i]);
	return 0;
}

/*
 * Nothing of @x is touched once it is done: a waiter may have it on its stack.
 * Waking by an address does not look at what is there.
 */
void complete(struct completion *x)
{
	u32 done = READ_ONCE(x->done);

	while (done != UINT_MAX && !try_cmpxchg(&x->done, &done, done + 1))
		;
	twin_futex_wake(&x->done, 1);
}

void complete_all(struct completion *x)
{
	smp_store_release(&x->done, UINT_MAX);
	twin_futex_wake(&x->done, INT_MAX);
}

bool try_wait_for_completion(struct completion *x)
{
	u32 done = smp_load_acquire(&x->done);

	while (done && done != UINT_MAX)
		if (try_cmpxchg_acquire(&x->done, &done, done - 1))
			break;
	return done;
}

bool completion_done(struct completion *x)
{
	return smp_load_acquire(&x->done);
}

void wait_for_completion(struct completion *x)
{
	twin_might_sleep("wait_for_completion()", _RET_IP_);
	while (!try_wait_for_completion(x))
		twin_futex_wait(&x->done, 0, TWIN_FOREVER);
}

unsigned long wait_for_completion_timeout(struct completion *x,
					  unsigned long timeout)
{
	u64 end = ktime_get_ns() + (u64)timeout * (NSEC_PER_SEC / HZ);
	u64 now;

	twin_might_sleep("wait_for_completion_timeout()", _RET_IP_);
	while (!try_wait_for_completion(x)) {
		now = ktime_get_ns();
		if (now >= end)
			return 0;
		twin_futex_wait(&x->done, 0, end - now);
	}
	now = ktime_get_ns();
	return now >= end ? 1 : (end - now) / (NSEC_PER_SEC / HZ) + 1;
}

u64 ktime_get_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* As the kernel's, close to wrapping soon after the start. */
unsigned long twin_jiffies(void)
{
	static u64 begun;
	u64 now = ktime_get_ns(), none = 0;

	__atomic_compare_exchange_n(&begun, &none, now, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return (unsigned long)-(2 * HZ) +
	       (now - READ_ONCE(begun)) / (NSEC_PER_SEC / HZ);
}

static void sleep_ns(u64 ns)
{
	struct timespec ts = {
		.tv_sec = ns / NSEC_PER_SEC,
		.tv_nsec = ns % NSEC_PER_SEC,
	};

	nanosleep(&ts, NULL);
}

void msleep(unsigned int msecs)
{
	twin_might_sleep("msleep()", _RET_IP_);
	sleep_ns((u64)msecs * NSEC_PER_MSEC);
}

void usleep_range(unsigned long min, unsigned long max)
{
	twin_might_sleep("usleep_range()", _RET_IP_);
	sleep_ns(min * NSEC_PER_USEC);
}

void fsleep(unsigned long usecs)
{
	twin_might_sleep("fsleep()", _RET_IP_);
	sleep_ns(usecs * NSEC_PER_USEC);
}

void ndelay(unsigned long nsecs)
{
	u64 end = ktime_get_ns() + nsecs;

	while (ktime_get_ns() < end)
		cpu_relax();
}

void udelay(unsigned long usecs)
{
	ndelay(usecs * NSEC_PER_USEC);
}

void mdelay(unsigned long msecs)
{
	ndelay(msecs * NSEC_PER_MSEC);
}
