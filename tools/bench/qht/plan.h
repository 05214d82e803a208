/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the plan. Each measures nothing that no filter asks for. */
#ifndef BENCH_QHT_PLAN_H
#define BENCH_QHT_PLAN_H

#include "bench.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Ours is the first of every list of subjects. */
#define OURS		0

void plan_grid(const size_t *sizes, unsigned int n_sizes);
void plan_update(const size_t *sizes, unsigned int n_sizes);
void plan_self(const size_t *sizes, unsigned int n_sizes);
void plan_grow(size_t n);
void plan_footprint(size_t n);

/* Until a table has come to rest. */
void settle(const struct subject *subject);

/* A table with key numbers below @n. */
void build(const struct subject *subject, struct load *load, size_t n);
void tear_down(const struct subject *subject, struct load *load);

void tell_figure(const char *workload, size_t n, unsigned int threads,
		 const char *subject, const struct bench_series *series,
		 const char *unit);
void tell_ratio(const char *workload, size_t n, unsigned int threads,
		const char *peer, const struct bench_series *ours,
		const struct bench_series *peers, bool less_is_better);

/* Figures of all subjects, then ratios of ours against the others. */
void tell(const char *workload, size_t n, unsigned int threads,
	  const struct subject *const *subjects, unsigned int n_subjects,
	  const struct bench_series *series, const char *unit,
	  bool less_is_better);

#endif /* BENCH_QHT_PLAN_H */
