// SPDX-License-Identifier: GPL-2.0
/*
 * qht beside rhashtable. Loading the module measures both, and prints a line for
 * every run of theirs, which collect.c turns into figures and ratios:
 *
 *	qht_bench: sample WORKLOAD ITEMS THREADS SUBJECT VALUE UNIT
 *
 * In a round each subject's table is grown from nothing, and the workloads are
 * run on both tables, one right after the other. The tables hold the same items.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/processor.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "bench.h"

#define MAX_THREADS	2
/* Until a table has settled; it takes a fraction of a second. */
#define SETTLE_MS	30000

static const struct subject *const subjects[] = {
	&subject_qht, &subject_rhashtable, &subject_noise
};

static unsigned int sizes[8] = { 1 << 10, 1 << 16, 1 << 20 };
static unsigned int n_sizes = 3;
module_param_array(sizes, uint, &n_sizes, 0444);
MODULE_PARM_DESC(sizes, "numbers of items, powers of two");

static unsigned int runs = 7;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "runs of each subject at each point");

static unsigned int lookups = 1 << 22;
module_param(lookups, uint, 0444);
MODULE_PARM_DESC(lookups, "lookups of a run, for each thread");

static unsigned int updates = 1 << 19;
module_param(updates, uint, 0444);
MODULE_PARM_DESC(updates, "removals and insertions of a run, for each thread");

/* A thread of a run, and what it waits for: that the others are there. */
struct worker {
	struct job job;
	void (*run)(struct job *job);
	struct task_struct *task;
	struct completion done;
	struct start *start;
} ____cacheline_aligned;

struct start {
	atomic_t missing;
};

static struct worker workers[MAX_THREADS];
static struct items items;
static void *tables[ARRAY_SIZE(subjects)];

static int work(void *arg)
{
	struct worker *w = arg;

	atomic_dec(&w->start->missing);
	while (atomic_read(&w->start->missing) > 0)
		cpu_relax();
	w->run(&w->job);
	complete(&w->done);
	return 0;
}

static int prepare_worker(struct worker *w, unsigned int cpu,
			  struct start *start, void (*run)(struct job *job))
{
	struct task_struct *task;

	w->run = run;
	w->start = start;
	init_completion(&w->done);
	task = kthread_create(work, w, "qht_bench/%u", cpu);
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	w->task = get_task_struct(task);
	return 0;
}

/* Run what is in the workers' jobs, on a processor each. */
static int run_jobs(unsigned int threads, void (*run)(struct job *job))
{
	struct start start = { .missing = ATOMIC_INIT(threads) };
	unsigned int i, n, cpu = cpumask_first(cpu_online_mask);
	int ret = 0;

	for (n = 0; n < threads && !ret; n++) {
		ret = prepare_worker(&workers[n], cpu, &start, run);
		cpu = cpumask_next(cpu, cpu_online_mask);
	}
	if (ret)
		n--;
	for (i = 0; i < n; i++) {
		if (ret)
			kthread_stop(workers[i].task);
		else
			wake_up_process(workers[i].task);
	}
	for (i = 0; i < n; i++) {
		if (!ret)
			wait_for_completion(&workers[i].done);
		put_task_struct(workers[i].task);
	}
	return ret;
}

static int check_jobs(const char *subject, const char *workload,
		      unsigned int threads)
{
	unsigned int i;

	for (i = 0; i < threads; i++) {
		const struct job *job = &workers[i].job;

		if (job->busy)
			pr_info("note: %s was busy for %llu insertions of %s\n",
				subject, job->busy, workload);
		if (job->failed) {
			pr_err("error: %s: %llu operations of %s went wrong\n",
			       subject, job->failed, workload);
			return -EIO;
		}
	}
	return 0;
}

static void tell(const char *workload, unsigned int threads,
		 const struct subject *subject, u64 value, const char *unit)
{
	pr_info("sample %s %lu %u %s %llu %s\n", workload, 1UL << items.bits,
		threads, subject->name, value, unit);
}

/* Operations a second: of each thread in its own time, in sum. */
static u64 rate(unsigned int threads, u64 ops, bool insert)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < threads; i++) {
		const struct job *job = &workers[i].job;

		sum += div64_u64(ops * NSEC_PER_SEC,
				 max(insert ? job->insert_ns : job->ns, 1ULL));
	}
	return sum;
}

/* Each thread has its share of the items; all threads look for any. */
static void set_jobs(unsigned int threads, void *table)
{
	const u32 share = (1U << items.bits) / threads;
	unsigned int i;

	for (i = 0; i < threads; i++) {
		workers[i].job = (struct job){
			.table = table,
			.items = &items,
			.first = share * i,
			.n = share,
		};
	}
}

static int settle(const struct subject *subject, void *table)
{
	unsigned int ms;

	for (ms = 0; ms < SETTLE_MS; ms += 20) {
		if (subject->settled(table))
			return 0;
		msleep(20);
	}
	pr_err("error: %s goes on growing for ever\n", subject->name);
	return -ETIMEDOUT;
}

static int measure_grow(const struct subject *subject, void *table,
			unsigned int threads)
{
	u64 worst = 0;
	unsigned int i;
	int ret;

	set_jobs(threads, table);
	ret = run_jobs(threads, subject->grow) ?:
	      check_jobs(subject->name, "grow", threads);
	if (ret)
		return ret;
	for (i = 0; i < threads; i++)
		worst = max(worst, workers[i].job.ns);
	tell("worst-insert", threads, subject, worst, "ns");
	return settle(subject, table);
}

static int measure_lookup(const struct subject *subject, void *table,
			  unsigned int threads, bool there)
{
	const char *name = there ? "hit" : "miss";
	unsigned int i;
	int ret;

	set_jobs(threads, table);
	for (i = 0; i < threads; i++) {
		workers[i].job.first = get_random_u32();
		workers[i].job.n = lookups;
	}
	ret = run_jobs(threads, there ? subject->hit : subject->miss) ?:
	      check_jobs(subject->name, name, threads);
	if (!ret)
		tell(name, threads, subject, rate(threads, lookups, false), "/s");
	return ret;
}

static int measure_hit(const struct subject *subject, void *table,
		       unsigned int threads)
{
	return measure_lookup(subject, table, threads, true);
}

static int measure_miss(const struct subject *subject, void *table,
			unsigned int threads)
{
	return measure_lookup(subject, table, threads, false);
}

static int measure_update(const struct subject *subject, void *table,
			  unsigned int threads)
{
	const u32 n = (1U << items.bits) / BENCH_PART / threads;
	const u32 rounds = max(1U, updates / n);
	unsigned int i;
	int ret;

	set_jobs(threads, table);
	for (i = 0; i < threads; i++)
		workers[i].job.rounds = rounds;
	ret = run_jobs(threads, subject->update) ?:
	      check_jobs(subject->name, "update", threads);
	if (ret)
		return ret;
	tell("insert", threads, subject, rate(threads, (u64)n * rounds, true), "/s");
	tell("remove", threads, subject, rate(threads, (u64)n * rounds, false), "/s");
	return 0;
}

static void destroy_tables(void)
{
	unsigned int i;

	/* No reader is left that looks at the items. */
	synchronize_rcu();
	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (tables[i])
			subjects[i]->destroy(tables[i]);
		tables[i] = NULL;
	}
	rcu_barrier();
}

static int create_tables(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		tables[i] = subjects[i]->create();
		if (!tables[i])
			return -ENOMEM;
	}
	return 0;
}

/* Who goes first changes from round to round. */
static int round_of(unsigned int round, unsigned int threads)
{
	static int (*const measure[])(const struct subject *subject, void *table,
				      unsigned int threads) = {
		measure_grow, measure_hit, measure_miss, measure_update
	};
	unsigned int i, j;
	int ret = create_tables();

	for (i = 0; i < ARRAY_SIZE(measure) && !ret; i++) {
		for (j = 0; j < ARRAY_SIZE(subjects) && !ret; j++) {
			unsigned int s = (round + j) % ARRAY_SIZE(subjects);

			ret = measure[i](subjects[s], tables[s], threads);
		}
	}
	destroy_tables();
	return ret;
}

static void free_items(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(items.chunks); i++) {
		kvfree(items.chunks[i]);
		items.chunks[i] = NULL;
	}
}

static int make_items(unsigned int bits)
{
	const unsigned int chunk_bits = min(bits, BENCH_CHUNK_BITS);
	unsigned int i, j;

	items.bits = bits;
	for (i = 0; i < 1U << (bits - chunk_bits); i++) {
		struct item *chunk = kvcalloc(1U << chunk_bits, sizeof(*chunk),
					      GFP_KERNEL);

		if (!chunk)
			return -ENOMEM;
		items.chunks[i] = chunk;
		for (j = 0; j < 1U << chunk_bits; j++)
			chunk[j].key = ((u64)i << chunk_bits) + j;
		cond_resched();
	}
	return 0;
}

static int measure_size(unsigned int n)
{
	unsigned int threads, round;
	int ret = make_items(ilog2(n));

	for (threads = 1; threads <= MAX_THREADS; threads++) {
		if (threads > num_online_cpus())
			break;
		for (round = 0; round < runs && !ret; round++)
			ret = round_of(round, threads);
	}
	free_items();
	return ret;
}

static bool size_is_possible(unsigned int n)
{
	return is_power_of_2(n) && n >= BENCH_PART * MAX_THREADS &&
	       n >> BENCH_CHUNK_BITS <= ARRAY_SIZE(items.chunks);
}

static int __init qht_bench_init(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < n_sizes; i++) {
		if (!size_is_possible(sizes[i])) {
			pr_err("error: no power of two, or too large: %u\n", sizes[i]);
			return -EINVAL;
		}
	}
	for (i = 0; i < n_sizes && !ret; i++)
		ret = measure_size(sizes[i]);
	if (ret)
		pr_err("error: ended with %d\n", ret);
	return ret;
}
module_init(qht_bench_init);

static void __exit qht_bench_exit(void)
{
}
module_exit(qht_bench_exit);

MODULE_DESCRIPTION("qht beside rhashtable");
MODULE_LICENSE("GPL");
