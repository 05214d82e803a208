// SPDX-License-Identifier: GPL-2.0
/* qht against itself: misses against hits, batches against single lookups. */
#include "plan.h"

static void run_size(size_t n)
{
	bool misses = bench_wanted("qht/miss-vs-hit/%s/", bench_size_name(n));
	bool batches = bench_wanted("qht/batch-32/%s/", bench_size_name(n));
	struct bench_series hit = { }, miss = { }, batch = { };
	struct load load;
	unsigned int round;

	if (!misses && !batches)
		return;
	build(&qht, &load, n);
	load.range = n;
	for (round = 0; round < bench_options.runs; round++) {
		load.first = n;
		bench_add(&miss, bench_timed(1, qht.miss, &load) / 1e6);
		load.first = 0;
		bench_add(&hit, bench_timed(1, qht.hit, &load) / 1e6);
		bench_add(&batch, bench_timed(1, qht.batch, &load) / 1e6);
	}
	if (misses)
		tell_ratio("miss-vs-hit", n, 1, "self", &miss, &hit, false);
	if (batches) {
		tell_figure("batch-32", n, 1, "qht", &batch, "Mops/s");
		tell_figure("batch-32", n, 1, "single", &hit, "Mops/s");
		tell_ratio("batch-32", n, 1, "single", &batch, &hit, false);
	}
	tear_down(&qht, &load);
}

void plan_self(const size_t *sizes, unsigned int n_sizes)
{
	unsigned int i;

	for (i = 0; i < n_sizes; i++)
		run_size(sizes[i]);
}
