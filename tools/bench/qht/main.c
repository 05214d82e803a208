// SPDX-License-Identifier: GPL-2.0
/* bench-qht: the program, and what the parts of its plan share. */
#include <stdio.h>

#include "plan.h"

void settle(const struct subject *subject)
{
	if (subject->settle)
		subject->settle();
	memory_settle();
}

void build(const struct subject *subject, struct load *load, size_t n)
{
	load_init(load, n);
	load->table = subject->create(n);
	subject->fill(load, 0, n);
	settle(subject);
}

void tear_down(const struct subject *subject, struct load *load)
{
	subject->destroy(load->table);
	load_destroy(load);
}

static const char *point_name(const char *workload, size_t n,
			      unsigned int threads, const char *subject)
{
	static char name[128];

	snprintf(name, sizeof(name), "qht/%s/%s/%u/%s", workload,
		 bench_size_name(n), threads, subject);
	return name;
}

void tell_figure(const char *workload, size_t n, unsigned int threads,
		 const char *subject, const struct bench_series *series,
		 const char *unit)
{
	bench_figure(point_name(workload, n, threads, subject), series, unit);
}

void tell_ratio(const char *workload, size_t n, unsigned int threads,
		const char *peer, const struct bench_series *ours,
		const struct bench_series *peers, bool less_is_better)
{
	bench_ratio(point_name(workload, n, threads, peer), ours, peers,
		    less_is_better);
}

void tell(const char *workload, size_t n, unsigned int threads,
	  const struct subject *const *subjects, unsigned int n_subjects,
	  const struct bench_series *series, const char *unit,
	  bool less_is_better)
{
	unsigned int i;

	for (i = 0; i < n_subjects; i++)
		tell_figure(workload, n, threads, subjects[i]->name, &series[i],
			    unit);
	for (i = OURS + 1; i < n_subjects; i++)
		tell_ratio(workload, n, threads, subjects[i]->name,
			   &series[OURS], &series[i], less_is_better);
}

int main(int argc, char **argv)
{
	static const size_t full[] = { 1 << 10, 64 << 10, 4 << 20 };
	static const size_t quick[] = { 1 << 10, 64 << 10 };
	const size_t *sizes = full;
	unsigned int n_sizes = ARRAY_SIZE(full);

	bench_begin(argc, argv, "bench-qht",
		    "Measure qht against liburcu's cds_lfht and Concurrency Kit's ck_hs.");
	if (bench_options.is_short) {
		sizes = quick;
		n_sizes = ARRAY_SIZE(quick);
	}
	twin_begin();
	bench_hooks.enter = twin_thread_begin;
	bench_hooks.exit = twin_thread_end;
	plan_grid(sizes, n_sizes);
	plan_update(sizes, n_sizes);
	plan_self(sizes, n_sizes);
	plan_grow(sizes[n_sizes - 1]);
	plan_footprint(sizes[n_sizes - 1]);
	twin_end();
	bench_end();
	return 0;
}
