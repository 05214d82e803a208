/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops that are measured. A subject includes this after
 *
 *	static bool subject_lookup_hit(void *table, const u64 *key);
 *	static bool subject_lookup_miss(void *table, const u64 *key);
 *	static int subject_insert(void *table, struct item *item);
 *	static bool subject_remove(void *table, struct item *item);
 *
 * all of them always inlined.
 */
#include <linux/bottom_half.h>
#include <linux/errno.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/kernel_stat.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>

/*
 * UML has no interrupt for irq_work, with which rhashtable asks for growth, and
 * would let it wait for the next tick. Elsewhere it comes at once.
 */
static __always_inline void subject_irq_work(void)
{
	unsigned long flags;

	if (!arch_irq_work_has_interrupt()) {
		local_irq_save(flags);
		irq_work_run();
		local_irq_restore(flags);
	}
}

static __always_inline void subject_lookups(struct job *job, bool there)
{
	const u32 n = 1U << job->items->bits, first = job->first, end = job->n;
	void *table = job->table;
	u64 begun, found = 0;
	u32 i, batch;

	begun = bench_clock();
	for (i = 0; i < end; ) {
		rcu_read_lock();
		for (batch = min(end, i + BENCH_BATCH); i < batch; i++) {
			u64 key = bench_random(first + i) & (n - 1);

			if (there) {
				found += subject_lookup_hit(table, &key);
			} else {
				key += n;
				found += subject_lookup_miss(table, &key);
			}
		}
		rcu_read_unlock();
		cond_resched();
	}
	job->ns = bench_clock() - begun;
	job->failed = there ? end - found : found;
}

static void subject_hit(struct job *job)
{
	subject_lookups(job, true);
}

static void subject_miss(struct job *job)
{
	subject_lookups(job, false);
}

/* One that is refused because the table is too busy is tried again. */
static __always_inline void subject_insert_item(struct job *job,
						struct item *item)
{
	int ret;

	while ((ret = subject_insert(job->table, item)) == -EBUSY) {
		job->busy++;
		subject_irq_work();
		cond_resched();
	}
	job->failed += ret != 0;
}

/* The @i-th of the thread's items that are out in a round: in another order each. */
static __always_inline struct item *subject_item(const struct job *job, u32 round,
						 u32 i)
{
	const u32 at = i * (bench_random(round) | 1) + bench_random(~round);

	return bench_item(job->items, job->first + (at & (job->n - 1)));
}

static void subject_inserts(struct job *job, u32 round)
{
	const u32 end = job->n / BENCH_PART;
	u32 i, batch;

	for (i = 0; i < end; ) {
		for (batch = min(end, i + BENCH_BATCH); i < batch; i++)
			subject_insert_item(job, subject_item(job, round, i));
		cond_resched();
	}
}

static void subject_removes(struct job *job, u32 round)
{
	const u32 end = job->n / BENCH_PART;
	u32 i, batch;

	for (i = 0; i < end; ) {
		for (batch = min(end, i + BENCH_BATCH); i < batch; i++)
			job->failed += !subject_remove(job->table,
						       subject_item(job, round, i));
		cond_resched();
	}
}

/* Nobody looks anything up meanwhile: what is removed needs no grace period. */
static void subject_update(struct job *job)
{
	u32 round;

	for (round = 0; round < job->rounds; round++) {
		const u64 begun = bench_clock();
		u64 between;

		subject_removes(job, round);
		between = bench_clock();
		subject_inserts(job, round);
		job->insert_ns += bench_clock() - between;
		job->ns += between - begun;
	}
}

static __always_inline unsigned long subject_interrupts(void)
{
	return kstat_cpu_irqs_sum(raw_smp_processor_id());
}

/*
 * An attempt at an insertion, and its time, if no interrupt fell into it. What
 * others have left to softirqs is not done in that time.
 */
static __always_inline int subject_time_insert(struct job *job,
					       struct item *item)
{
	unsigned long interrupts;
	u64 begun, ns;
	int ret;

	local_bh_disable();
	interrupts = subject_interrupts();
	begun = bench_clock();
	ret = subject_insert(job->table, item);
	subject_irq_work();
	ns = bench_clock() - begun;
	if (interrupts == subject_interrupts())
		job->ns = max(job->ns, ns);
	local_bh_enable();
	return ret;
}

/* An attempt that is refused because the table is too busy counts for itself. */
static void subject_grow(struct job *job)
{
	const u32 end = job->first + job->n;
	u32 i;
	int ret;

	for (i = job->first; i < end; i++) {
		struct item *item = bench_item(job->items, i);

		while ((ret = subject_time_insert(job, item)) == -EBUSY) {
			job->busy++;
			cond_resched();
		}
		job->failed += ret != 0;
		if (i % BENCH_BATCH == 0)
			cond_resched();
	}
}
