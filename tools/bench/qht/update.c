// SPDX-License-Identifier: GPL-2.0
/* Insertions and removals by themselves, in a table of constant size. */
#include "plan.h"

#define MAX_THREADS	2

static const struct subject *const subjects[] = { &qht, &cds_lfht, &ck_hs };

#define N_SUBJECTS	ARRAY_SIZE(subjects)

static void run_threads(struct load *loads, size_t n, unsigned int threads)
{
	struct bench_series removals[N_SUBJECTS] = { };
	struct bench_series insertions[N_SUBJECTS] = { };
	double rates[BENCH_RATES];
	unsigned int round, i;

	for (round = 0; round < bench_options.runs; round++) {
		for (i = 0; i < N_SUBJECTS; i++) {
			unsigned int s = (i + round) % N_SUBJECTS;

			loads[s].n_threads = threads;
			bench_parallel(threads, subjects[s]->update, &loads[s],
				       rates);
			bench_add(&removals[s], rates[0] / 1e6);
			bench_add(&insertions[s], rates[1] / 1e6);
		}
	}
	tell("insert", n, threads, subjects, N_SUBJECTS, insertions, "Mops/s",
	     false);
	tell("remove", n, threads, subjects, N_SUBJECTS, removals, "Mops/s",
	     false);
}

static void run_size(size_t n)
{
	bool inserts = bench_wanted("qht/insert/%s/", bench_size_name(n));
	bool removes = bench_wanted("qht/remove/%s/", bench_size_name(n));
	struct load loads[N_SUBJECTS];
	unsigned int i;

	if (!inserts && !removes)
		return;
	for (i = 0; i < N_SUBJECTS; i++) {
		build(subjects[i], &loads[i], n);
		loads[i].range = n;
	}
	for (i = 1; i <= MAX_THREADS; i++)
		run_threads(loads, n, i);
	for (i = 0; i < N_SUBJECTS; i++)
		tear_down(subjects[i], &loads[i]);
}

void plan_update(const size_t *sizes, unsigned int n_sizes)
{
	unsigned int i;

	for (i = 0; i < n_sizes; i++)
		run_size(sizes[i]);
}
