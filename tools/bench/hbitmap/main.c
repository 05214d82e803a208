// SPDX-License-Identifier: GPL-2.0
/* bench-hbitmap: the program, and what the parts of its plan share. */
#include <stdio.h>

#include "memory.h"
#include "plan.h"

#define SMALL_SHIFT	24

void settle(const struct subject *subject)
{
	if (subject->settle)
		subject->settle();
}

static const char *point_name(const char *workload, unsigned int shift,
			      unsigned int n, const char *subject)
{
	static char name[128];

	snprintf(name, sizeof(name), "hbitmap/%s/2^%u/%u/%s", workload, shift, n, subject);
	return name;
}

void tell_figure(const char *workload, unsigned int shift, unsigned int n,
		 const char *subject, const struct bench_series *series,
		 const char *unit)
{
	bench_figure(point_name(workload, shift, n, subject), series, unit);
}

void tell_ratio(const char *workload, unsigned int shift, unsigned int n,
		const char *peer, const struct bench_series *ours,
		const struct bench_series *peers, bool less_is_better)
{
	bench_ratio(point_name(workload, shift, n, peer), ours, peers, less_is_better);
}

int main(int argc, char **argv)
{
	unsigned int shift = 32, far_shift = 41;

	bench_begin(argc, argv, "bench-hbitmap",
		    "Measure hbitmap against a flat bitmap, memcpy() and Roaring.");
	if (bench_options.is_short) {
		shift = SMALL_SHIFT;
		far_shift = 36;
	}
	bench_pin(0);
	twin_begin();
	bench_hooks.enter = twin_thread_begin;
	bench_hooks.exit = twin_thread_end;
	memory_huge();
	memory_prefault(1ULL << shift);
	/* All of it in the caches, and nearly nothing. */
	plan_set(SMALL_SHIFT);
	if (shift != SMALL_SHIFT)
		plan_set(shift);
	plan_whole(shift);
	plan_far(far_shift);
	plan_memory(shift, far_shift);
	twin_end();
	bench_end();
	return 0;
}
