// SPDX-License-Identifier: GPL-2.0
/*
 * Growing from nothing with a reader beside: each subject once with every
 * operation timed, for the worst, and once without, for the rate.
 */
#include <stdio.h>

#include "plan.h"

/* What the tables of one run allocate, with what they have outgrown. */
#define BYTES_PER_ENTRY	160
/* They are long ones. */
#define MAX_RUNS	5
/* Microseconds: some times what the slowest takes. */
#define LIMIT_PER_ENTRY	2

static const struct subject *const subjects[] = {
	&qht, &stop_the_world, &cds_lfht, &ck_hs, &noise,
};

#define N_SUBJECTS	ARRAY_SIZE(subjects)
/* The last is no table: no rate is asked of it, nor a ratio. */
#define NOISE		(N_SUBJECTS - 1)
#define N_TABLES	NOISE

struct results {
	struct bench_series worst_insert[N_SUBJECTS];
	struct bench_series worst_lookup[N_SUBJECTS];
	struct bench_series rate[N_SUBJECTS];
	struct bench_series wall[N_SUBJECTS];
	struct latency inserts[N_SUBJECTS];
	struct latency lookups[N_SUBJECTS];
	size_t buckets;
};

static void add_latency(struct latency *sum, const struct latency *latency)
{
	unsigned int i;

	for (i = 0; i < LATENCY_BUCKETS; i++)
		sum->histogram[i] += latency->histogram[i];
	sum->n += latency->n;
	if (latency->worst > sum->worst)
		sum->worst = latency->worst;
}

/* Two ways to grow are compared, not two sizes. */
static void check_buckets(const struct subject *subject, void *table,
			  struct results *results)
{
	size_t buckets;

	if (!subject->buckets)
		return;
	subject->settle();
	buckets = subject->buckets(table);
	if (results->buckets && buckets != results->buckets)
		bench_die("qht grows to another size than stop-the-world: %zu and %zu buckets",
			  results->buckets, buckets);
	results->buckets = buckets;
}

static void run_subject(struct growth *growth, unsigned int s,
			struct results *results)
{
	double rates[BENCH_RATES];

	growth->readers.n = 0;
	growth->inserted.n = 0;
	growth->load.table = subjects[s]->create(0);
	bench_parallel(2, subjects[s]->grow, growth, rates);
	check_buckets(subjects[s], growth->load.table, results);
	subjects[s]->destroy(growth->load.table);
	if (growth->gave_up)
		bench_say("  %s did not grow in %.0f s of CPU time",
			  subjects[s]->name, growth->limit);
	memory_settle();
	if (growth->is_timed) {
		bench_add(&results->worst_insert[s], growth->inserts.worst / 1e3);
		bench_add(&results->worst_lookup[s], growth->lookups.worst / 1e3);
		add_latency(&results->inserts[s], &growth->inserts);
		add_latency(&results->lookups[s], &growth->lookups);
	} else {
		bench_add(&results->rate[s], rates[0] / 1e6);
		bench_add(&results->wall[s], growth->n / growth->wall / 1e6);
	}
}

static void tell_latencies(const char *workload, size_t n,
			   const struct bench_series *worst,
			   const struct latency *latencies)
{
	char name[128];
	unsigned int i;

	tell(workload, n, 1, subjects, N_TABLES, worst, "us", true);
	tell_figure(workload, n, 1, noise.name, &worst[NOISE], "us");
	for (i = 0; i < N_SUBJECTS; i++) {
		snprintf(name, sizeof(name), "qht/%s/%s/1/%s", workload,
			 bench_size_name(n), subjects[i]->name);
		bench_histogram(name, &latencies[i]);
	}
}

static void run_rounds(struct growth *growth, bool rates, bool times,
		       struct results *results)
{
	unsigned int runs = bench_options.runs, round, i, timed;

	if (runs > MAX_RUNS)
		runs = MAX_RUNS;
	for (round = 0; round < runs; round++) {
		for (timed = 0; timed < 2; timed++) {
			growth->is_timed = timed;
			if (timed ? !times : !rates)
				continue;
			bench_say("  growing to %s, round %u of %u%s",
				  bench_size_name(growth->n), round + 1, runs,
				  timed ? ", timed" : "");
			for (i = 0; i < N_SUBJECTS; i++)
				run_subject(growth, (i + round) % N_SUBJECTS,
					    results);
		}
	}
}

void plan_grow(size_t n)
{
	bool rates = bench_wanted("qht/grow/%s/", bench_size_name(n));
	bool inserts = bench_wanted("qht/worst-insert/%s/", bench_size_name(n));
	bool lookups = bench_wanted("qht/worst-lookup/%s/", bench_size_name(n));
	static struct results results;
	static struct growth growth;

	if (!rates && !inserts && !lookups)
		return;
	load_init(&growth.load, n);
	growth.n = n;
	growth.limit = LIMIT_PER_ENTRY * n / 1e6;
	memory_prefault(n * BYTES_PER_ENTRY);
	run_rounds(&growth, rates, inserts || lookups, &results);
	load_destroy(&growth.load);
	tell("grow", n, 1, subjects, N_TABLES, results.rate, "Mops/s", false);
	tell("grow-wall", n, 1, subjects, N_TABLES, results.wall, "Mops/s", false);
	if (inserts)
		tell_latencies("worst-insert", n, results.worst_insert,
			       results.inserts);
	if (lookups)
		tell_latencies("worst-lookup", n, results.worst_lookup,
			       results.lookups);
}
