// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of grown tables: what was allocated, the objects not counted, but what
 * a table wants within each of them is.
 */
#include "plan.h"

static const struct subject *const subjects[] = { &qht, &cds_lfht, &ck_hs };

#define N_SUBJECTS	ARRAY_SIZE(subjects)
/* Sizes for the average, from a quarter to twice of one, evenly by logarithm. */
#define N_SIZES		24

static double bytes_per_entry(const struct subject *subject, int64_t before,
			      size_t n)
{
	settle(subject);
	return (double)(memory_used() - before) / n + subject->in_entry;
}

/* The @i-th of the sizes at which to look: the last is twice @n. */
static size_t nth_size(size_t n, unsigned int i)
{
	double size = 2.0 * n;

	/* The eighth root of two: three octaves in 24 steps. */
	for (; i < N_SIZES; i++)
		size /= 1.0905077326652577;
	return size;
}

/* In pieces: a table that grows behind the inserter's back may keep up. */
static size_t grow_to_quarter(const struct subject *subject, struct load *load,
			      size_t n)
{
	size_t size = n / 1024, first = 0;

	for (; size <= n / 4; size *= 2) {
		subject->fill(load, first, size - first);
		settle(subject);
		first = size;
	}
	return first;
}

static void run_subject(const struct subject *subject, size_t n,
			struct bench_series *at_n, struct bench_series *average)
{
	double sum = 0, bytes;
	unsigned int i;
	struct load load;
	size_t size;
	int64_t before;

	load_init(&load, 2 * n);
	memory_settle();
	before = memory_used();
	load.table = subject->create(0);
	size = grow_to_quarter(subject, &load, n);
	for (i = 1; i <= N_SIZES; i++) {
		size_t next = i == N_SIZES * 2 / 3 ? n : nth_size(n, i);

		subject->fill(&load, size, next - size);
		size = next;
		bytes = bytes_per_entry(subject, before, size);
		sum += bytes;
		if (size == n)
			bench_add(at_n, bytes);
	}
	bench_add(average, sum / N_SIZES);
	subject->destroy(load.table);
	load_destroy(&load);
	memory_settle();
}

/* It depends on the keys and on nothing else: one run. */
void plan_footprint(size_t n)
{
	struct bench_series at_n[N_SUBJECTS] = { }, average[N_SUBJECTS] = { };
	unsigned int i;

	if (!bench_wanted("qht/bytes-per-entry/%s/", bench_size_name(n)))
		return;
	for (i = 0; i < N_SUBJECTS; i++)
		run_subject(subjects[i], n, &at_n[i], &average[i]);
	tell("bytes-per-entry", n, 1, subjects, N_SUBJECTS, at_n, "B", true);
	tell("bytes-per-entry-average", n, 1, subjects, N_SUBJECTS, average, "B",
	     true);
}
