// SPDX-License-Identifier: GPL-2.0
/* At the largest size, where no other has a place: questions across what is clean. */
#include "plan.h"

/* Calls in a run. */
#define CALLS	10000

static double time_calls(int64_t (*find)(void *map, uint64_t bit), void *map,
			 int64_t expected)
{
	double begun = bench_thread_seconds();
	unsigned int i;

	for (i = 0; i < CALLS; i++)
		if (find(map, 1) != expected)
			bench_die("hbitmap: what was found is wrong");
	return (bench_thread_seconds() - begun) / CALLS * 1e6;
}

/* One bit, behind half of the bitmap; then the opposite of all. */
void plan_far(unsigned int shift)
{
	struct bench_series dirty = { }, zero = { };
	bool find_dirty = bench_wanted("hbitmap/next-dirty/2^%u/", shift);
	bool find_zero = bench_wanted("hbitmap/next-zero/2^%u/", shift);
	uint64_t nbits = 1ULL << shift, bit = nbits / 2 + 1;
	unsigned int round;
	void *map;

	if (!find_dirty && !find_zero)
		return;
	for (round = 0; round < bench_options.runs; round++) {
		map = hbitmap.create(nbits);
		hbitmap.set_range(map, bit, 1);
		bench_add(&dirty, time_calls(hbitmap.next_dirty, map, bit));
		hbitmap.set_range(map, 0, nbits);
		hbitmap.reset_range(map, bit, 1);
		bench_add(&zero, time_calls(hbitmap.next_zero, map, bit));
		hbitmap.destroy(map);
	}
	if (find_dirty)
		tell_figure("next-dirty", shift, 1, "hbitmap", &dirty, "us");
	if (find_zero)
		tell_figure("next-zero", shift, 1, "hbitmap", &zero, "us");
	settle(&hbitmap);
}
