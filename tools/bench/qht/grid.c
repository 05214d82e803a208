// SPDX-License-Identifier: GPL-2.0
/*
 * The grid: sizes, threads, and mixes of lookups and updates. Where there are
 * updates the keys are twice as many as the entries, so that about half of the
 * lookups find something, half of the insertions are refused, and half of the
 * removals find nothing; hits and misses apart are measured without updates.
 */
#include <string.h>

#include "plan.h"

#define MAX_THREADS	2

static const struct subject *const subjects[] = {
	&qht, &cds_lfht, &cds_lfht_fixed, &ck_hs,
};

#define N_SUBJECTS	ARRAY_SIZE(subjects)

/**
 * struct workload - a row of the grid
 * @name: as printed
 * @update: part of the operations that are updates
 * @misses: where there are none, that every lookup misses, not hits
 */
struct workload {
	const char *name;
	double update;
	bool misses;
};

static const struct workload grid[] = {
	{ "hit", 0, false },
	{ "miss", 0, true },
	{ "95-5", 0.05, false },
	{ "50-50", 0.5, false },
};

struct rates {
	struct bench_series of[MAX_THREADS][N_SUBJECTS];
};

static bench_body body_of(const struct subject *subject,
			  const struct workload *workload)
{
	if (workload->update > 0)
		return subject->mix;
	return workload->misses ? subject->miss : subject->hit;
}

static void set_keys(struct load *load, const struct workload *workload, size_t n)
{
	load->first = workload->misses ? n : 0;
	load->range = workload->update > 0 ? 2 * n : n;
	load->update = workload->update * 4294967295.0;
}

/* Who begins takes turns. One thread and two are neighbours, for scaling. */
static void run_round(const struct workload *workload, struct load *loads,
		      size_t n, unsigned int round, struct rates *rates)
{
	unsigned int i, threads;

	for (threads = 1; threads <= MAX_THREADS; threads++) {
		for (i = 0; i < N_SUBJECTS; i++) {
			unsigned int s = (i + round) % N_SUBJECTS;

			set_keys(&loads[s], workload, n);
			bench_add(&rates->of[threads - 1][s],
				  bench_timed(threads,
					      body_of(subjects[s], workload),
					      &loads[s]) / 1e6);
		}
	}
}

/* How many times as much two threads do as one. */
static void tell_scaling(const struct workload *workload, size_t n,
			 const struct rates *rates)
{
	struct bench_series scaling[N_SUBJECTS] = { };
	char name[32] = "scaling-";
	unsigned int i, round;

	strcat(name, workload->name);
	for (i = 0; i < N_SUBJECTS; i++)
		for (round = 0; round < rates->of[0][i].n; round++)
			bench_add(&scaling[i], rates->of[1][i].value[round] /
					       rates->of[0][i].value[round]);
	tell(name, n, 2, subjects, N_SUBJECTS, scaling, "times", false);
	tell_ratio(name, n, 2, "self", &rates->of[1][OURS], &rates->of[0][OURS],
		   false);
}

static void run_workload(const struct workload *workload, struct load *loads,
			 size_t n)
{
	struct rates rates = { };
	unsigned int round, threads;

	for (round = 0; round < bench_options.runs; round++)
		run_round(workload, loads, n, round, &rates);
	for (threads = 1; threads <= MAX_THREADS; threads++)
		tell(workload->name, n, threads, subjects, N_SUBJECTS,
		     rates.of[threads - 1], "Mops/s", false);
	if (workload->update > 0)
		tell_scaling(workload, n, &rates);
}

static void run_size(size_t n)
{
	bool wanted[ARRAY_SIZE(grid)], any = false;
	struct load loads[N_SUBJECTS];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(grid); i++) {
		wanted[i] = bench_wanted("qht/%s/%s/", grid[i].name,
					 bench_size_name(n));
		any |= wanted[i];
	}
	if (!any)
		return;
	for (i = 0; i < N_SUBJECTS; i++)
		build(subjects[i], &loads[i], n);
	for (i = 0; i < ARRAY_SIZE(grid); i++)
		if (wanted[i])
			run_workload(&grid[i], loads, n);
	for (i = 0; i < N_SUBJECTS; i++)
		tear_down(subjects[i], &loads[i]);
}

void plan_grid(const size_t *sizes, unsigned int n_sizes)
{
	unsigned int i;

	for (i = 0; i < n_sizes; i++)
		run_size(sizes[i]);
}
