// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel's lock debugging would find: see twin/debug.h.
 *
 * This file is built without ThreadSanitizer. Its state is shared by all
 * threads, and what orders the accesses to it must not seem to order theirs.
 */
#define TWIN_HOST
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include "internal.h"

__thread struct twin_thread twin_self;

static u64 thread_ids;		/* bit n: the id n + 1 is taken */
static unsigned int expecting;
static int expected_count;
static char expected_text[512];

/* Known to the sanitizers' runtimes only. */
void __sanitizer_print_stack_trace(void) __weak;
void __sanitizer_symbolize_pc(void *pc, const char *fmt, char *out,
			      size_t size) __weak;

void twin_thread_id_get(void)
{
	u64 taken = __atomic_load_n(&thread_ids, __ATOMIC_RELAXED);
	unsigned int free;

	do {
		if (!~taken)
			twin_fatal("more than %d threads", TWIN_MAX_THREADS);
		free = __builtin_ctzll(~taken);
	} while (!try_cmpxchg(&thread_ids, &taken, taken | BIT_ULL(free)));
	twin_self.id = free + 1;
	twin_self.perturb = twin_self.id * 2654435761U;
}

void twin_thread_id_put(void)
{
	__atomic_fetch_and(&thread_ids, ~BIT_ULL(twin_self.id - 1),
			   __ATOMIC_SEQ_CST);
	twin_self.id = 0;
}

/*
 * "function file:line" of a code address, as far as this build can tell. That
 * takes long: not for what nobody will read.
 */
void twin_where(unsigned long ip, char *buf, size_t size)
{
	if (__sanitizer_symbolize_pc && !twin_expecting())
		__sanitizer_symbolize_pc((void *)ip, "%f %S", buf, size);
	else
		snprintf(buf, size, "%#lx", ip);
}

static void found(const char *where, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	if (twin_expecting()) {
		__atomic_fetch_add(&expected_count, 1, __ATOMIC_RELAXED);
		memcpy(expected_text, text, sizeof(text));
		return;
	}
	twin_mark_failed();
	if (!twin_may_print())
		return;
	_printk("twin: %s\n  at %s\n", text, where);
	if (__sanitizer_print_stack_trace)
		__sanitizer_print_stack_trace();
}

void twin_warn(const char *site, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	found(site, fmt, args);
	va_end(args);
}

void twin_report(unsigned long ip, const char *fmt, ...)
{
	char where[256];
	va_list args;

	twin_where(ip, where, sizeof(where));
	va_start(args, fmt);
	found(where, fmt, args);
	va_end(args);
}

void twin_fatal(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	_printk("twin: fatal: %s\n", text);
	abort();
}

unsigned int twin_expecting(void)
{
	return __atomic_load_n(&expecting, __ATOMIC_RELAXED);
}

void twin_expect_begin(void)
{
	expected_text[0] = '\0';
	__atomic_store_n(&expected_count, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&expecting, 1, __ATOMIC_RELAXED);
}

int twin_expect_end(void)
{
	__atomic_store_n(&expecting, 0, __ATOMIC_RELAXED);
	return __atomic_load_n(&expected_count, __ATOMIC_RELAXED);
}

const char *twin_expected(void)
{
	return expected_text;
}

void twin_spin_turn(struct twin_spin *spin, const char *what, const void *on)
{
	if (++spin->turns % 128) {
		cpu_relax();
		return;
	}
	if (!spin->deadline)
		spin->deadline = ktime_get_ns() + 20 * NSEC_PER_SEC;
	else if (ktime_get_ns() > spin->deadline)
		twin_fatal("stuck for 20 seconds: %s %p", what, on);
	twin_relax();
}

static int max_spin_depth;

int twin_max_spin_depth(void)
{
	return __atomic_load_n(&max_spin_depth, __ATOMIC_RELAXED);
}

void twin_reset_max_spin_depth(void)
{
	__atomic_store_n(&max_spin_depth, 0, __ATOMIC_RELAXED);
}

#ifdef TWIN_DEBUG
/*
 * Lock order: classes and subclasses are the nodes of a graph, "was taken with
 * the other held" its edges. A new edge that closes a circle is a deadlock that
 * some other interleaving would show.
 */
#define MAX_CLASSES	128
#define SUBCLASSES	8
#define MAX_NODES	(MAX_CLASSES * SUBCLASSES)

#define USED_IN_SOFTIRQ	1
#define USED_WITH_BH_ON	2
#define USAGE_REPORTED	4

static struct {
	const char *name;
	unsigned int usage;
} classes[MAX_CLASSES];

static unsigned int n_classes = 1;	/* class 0: a lock without one */
static unsigned long edges[MAX_NODES][BITS_TO_LONGS(MAX_NODES)];
static unsigned int graph_lock;

static unsigned int node_of(u16 class, unsigned int subclass)
{
	return class * SUBCLASSES + subclass % SUBCLASSES;
}

static void lock_graph(void)
{
	while (xchg(&graph_lock, 1))
		twin_relax();
}

static void unlock_graph(void)
{
	smp_store_release(&graph_lock, 0);
}

u16 twin_lock_class(struct lock_class_key *key, const char *name)
{
	u16 id = READ_ONCE(key->id);

	if (id)
		return id;
	lock_graph();
	if (!key->id) {
		if (n_classes == MAX_CLASSES)
			twin_fatal("more than %d lock classes", MAX_CLASSES);
		classes[n_classes].name = name;
		WRITE_ONCE(key->id, n_classes++);
	}
	id = key->id;
	unlock_graph();
	return id;
}

/* Nobody may be taking locks meanwhile. */
void twin_forget_lock_order(void)
{
	unsigned int i;

	lock_graph();
	memset(edges, 0, sizeof(edges));
	for (i = 0; i < n_classes; i++)
		classes[i].usage = 0;
	unlock_graph();
}

static bool reaches(unsigned int from, unsigned int to, unsigned long *seen)
{
	unsigned int next;

	if (from == to)
		return true;
	if (__test_and_set_bit(from, seen))
		return false;
	for_each_set_bit(next, edges[from], MAX_NODES)
		if (reaches(next, to, seen))
			return true;
	return false;
}

/* True if the edge is new and closes a circle. */
static bool add_edge(unsigned int from, unsigned int to)
{
	unsigned long seen[BITS_TO_LONGS(MAX_NODES)] = { 0 };
	bool circle = false;

	if (test_bit(to, edges[from]))
		return false;
	lock_graph();
	if (!test_bit(to, edges[from])) {
		circle = reaches(to, from, seen);
		set_bit(to, edges[from]);
	}
	unlock_graph();
	return circle;
}

static void report_order(const struct twin_held *held, u16 class,
			 unsigned int subclass, unsigned long ip)
{
	char where[256];

	twin_where(held->ip, where, sizeof(where));
	twin_report(ip, "lock order: %s/%u is taken with %s/%u held (since %s), but not always",
		    classes[class].name, subclass, classes[held->class].name,
		    held->subclass, where);
}

void twin_lock_before(const void *lock, u16 class, unsigned int subclass,
		      unsigned long ip)
{
	u32 i;

	if (!class)
		return;
	for (i = 0; i < twin_self.n_held; i++) {
		const struct twin_held *held = &twin_self.held[i];

		if (!held->class)
			continue;
		if (held->class == class && held->subclass == subclass)
			twin_report(ip, "two locks of class %s: the inner by spin_lock_nested()",
				    classes[class].name);
		else if (add_edge(node_of(held->class, held->subclass),
				  node_of(class, subclass)))
			report_order(held, class, subclass, ip);
	}
}

/* A softirq that interrupts a holder with softirqs on would spin forever. */
static void note_usage(u16 class, unsigned long ip)
{
	unsigned int add = 0, usage;

	if (twin_self.in_softirq)
		add = USED_IN_SOFTIRQ;
	else if (!twin_self.bh && !twin_self.irq)
		add = USED_WITH_BH_ON;
	usage = __atomic_or_fetch(&classes[class].usage, add, __ATOMIC_RELAXED);
	if ((usage & (USED_IN_SOFTIRQ | USED_WITH_BH_ON)) !=
	    (USED_IN_SOFTIRQ | USED_WITH_BH_ON) || (usage & USAGE_REPORTED))
		return;
	__atomic_fetch_or(&classes[class].usage, USAGE_REPORTED,
			  __ATOMIC_RELAXED);
	twin_report(ip, "lock of class %s is for softirqs too: use spin_lock_bh()",
		    classes[class].name);
}

static void note_depth(void)
{
	int depth = twin_self.n_spin, max = twin_max_spin_depth();

	while (depth > max && !try_cmpxchg(&max_spin_depth, &max, depth))
		;
}

void twin_lock_held(const void *lock, u16 class, unsigned int subclass,
		    bool sleeping_lock, unsigned long ip)
{
	if (twin_self.n_held == TWIN_MAX_HELD)
		twin_fatal("a thread holds %d locks", TWIN_MAX_HELD);
	twin_self.held[twin_self.n_held++] = (struct twin_held) {
		.lock = lock, .ip = ip, .class = class, .subclass = subclass,
		.sleeping_lock = sleeping_lock,
	};
	if (sleeping_lock)
		return;
	twin_self.n_spin++;
	note_depth();
	if (class)
		note_usage(class, ip);
}

void twin_lock_released(const void *lock, unsigned long ip)
{
	u32 i = twin_self.n_held;

	while (i--) {
		if (twin_self.held[i].lock != lock)
			continue;
		twin_self.n_spin -= !twin_self.held[i].sleeping_lock;
		twin_self.n_held--;
		memmove(&twin_self.held[i], &twin_self.held[i + 1],
			(twin_self.n_held - i) * sizeof(twin_self.held[0]));
		return;
	}
	twin_report(ip, "lock %p is released by a thread that does not hold it",
		    lock);
}

bool twin_lock_is_held(const void *lock)
{
	u32 i;

	for (i = 0; i < twin_self.n_held; i++)
		if (twin_self.held[i].lock == lock)
			return true;
	return false;
}

void twin_no_locks_freed(const void *from, size_t size)
{
	u32 i;

	for (i = 0; i < twin_self.n_held; i++)
		if ((unsigned long)twin_self.held[i].lock - (unsigned long)from < size)
			twin_report(twin_self.held[i].ip, "a held lock is freed");
}

static void describe_context(char *buf, size_t size)
{
	char where[256] = "nowhere";
	u32 i;

	for (i = 0; i < twin_self.n_held; i++)
		if (!twin_self.held[i].sleeping_lock)
			twin_where(twin_self.held[i].ip, where, sizeof(where));
	snprintf(buf, size,
		 "%u spinlocks (last taken at %s), rcu_read_lock depth %u, bh off %u, irqs off %u, preemption off %u, in softirq %d",
		 twin_self.n_spin, where, twin_self.rcu, twin_self.bh,
		 twin_self.irq, twin_self.preempt, twin_self.in_softirq);
}

void twin_might_sleep(const char *what, unsigned long ip)
{
	char context[384];

	if (likely(!twin_in_atomic()))
		return;
	describe_context(context, sizeof(context));
	twin_report(ip, "sleeps in atomic context: %s with %s", what, context);
}

void twin_might_sleep_at(const char *what, const char *site)
{
	char context[384];

	if (likely(!twin_in_atomic()))
		return;
	describe_context(context, sizeof(context));
	twin_warn(site, "sleeps in atomic context: %s with %s", what, context);
}

void twin_check_unpreempted(const char *what)
{
	if (!twin_in_atomic())
		twin_report(_RET_IP_, "%s in preemptible code", what);
}

/* At the end of a test, a callback, a thread: whatever is still held is a leak. */
void twin_check_idle(const char *who)
{
	bool in_softirq = twin_self.in_softirq;
	char context[384];
	u32 i;

	twin_self.in_softirq = false;

	for (i = 0; i < twin_self.n_held; i++)
		twin_report(twin_self.held[i].ip, "%s ends with the lock held that it took here",
			    who);
	if (twin_in_atomic()) {
		describe_context(context, sizeof(context));
		twin_report(_RET_IP_, "%s ends in atomic context: %s", who,
			    context);
	}
	twin_self.n_held = 0;
	twin_self.n_spin = 0;
	twin_self.bh = 0;
	twin_self.irq = 0;
	twin_self.preempt = 0;
	twin_self.in_softirq = in_softirq;
}

/* Lets threads interleave where they matter more than the scheduler would. */
void twin_perturb(void)
{
	u32 x = twin_self.perturb;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	twin_self.perturb = x;
	if (unlikely(x % 1024 == 0))
		twin_relax();
}
#endif /* TWIN_DEBUG */
