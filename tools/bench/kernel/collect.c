// SPDX-License-Identifier: GPL-2.0
/* Turns the samples that qht_bench.ko prints into figures and ratios. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define OURS		"qht"
#define NOISE		"noise"
#define MAX_POINTS	256

/* A workload of a size on a number of threads, for one subject. */
struct point {
	char workload[32];
	uint64_t size;
	unsigned int threads;
	char subject[32];
	bool is_time; /* in us; or else a rate in Mops/s */
	struct bench_series series;
};

static struct point points[MAX_POINTS];
static unsigned int n_points;

static bool same_place(const struct point *a, const struct point *b)
{
	return a->size == b->size && a->threads == b->threads &&
	       !strcmp(a->workload, b->workload);
}

static struct point *find(const struct point *like)
{
	unsigned int i;

	for (i = 0; i < n_points; i++)
		if (same_place(&points[i], like) &&
		    !strcmp(points[i].subject, like->subject))
			return &points[i];
	if (n_points == MAX_POINTS)
		bench_die("more than %d points", MAX_POINTS);
	points[n_points] = *like;
	return &points[n_points++];
}

/* What is no sample is the rest of the kernel's console. */
static void read_line(const char *line)
{
	struct point point = { .size = 0 };
	unsigned long long size, value;
	char unit[8];

	line = strstr(line, "qht_bench: sample ");
	if (!line ||
	    sscanf(line, "qht_bench: sample %31s %llu %u %31s %llu %7s",
		   point.workload, &size, &point.threads, point.subject, &value,
		   unit) != 6)
		return;
	point.size = size;
	point.is_time = !strcmp(unit, "ns");
	bench_add(&find(&point)->series,
		  point.is_time ? value / 1e3 : value / 1e6);
}

static const char *name_of(const struct point *point)
{
	static char name[128];

	snprintf(name, sizeof(name), "qht-kernel/%.31s/%.23s/%u/%.31s", point->workload,
		 bench_size_name(point->size), point->threads, point->subject);
	return name;
}

static const struct point *own_point(const struct point *peer)
{
	unsigned int i;

	for (i = 0; i < n_points; i++)
		if (same_place(&points[i], peer) && !strcmp(points[i].subject, OURS))
			return &points[i];
	bench_die("qht has no sample beside %s", name_of(peer));
}

static bool is_peer(const struct point *point)
{
	return strcmp(point->subject, OURS) && strcmp(point->subject, NOISE);
}

static void report(void)
{
	unsigned int i;

	for (i = 0; i < n_points; i++)
		if (bench_wanted("%s", name_of(&points[i])))
			bench_figure(name_of(&points[i]), &points[i].series,
				     points[i].is_time ? "us" : "Mops/s");
	for (i = 0; i < n_points; i++)
		if (is_peer(&points[i]) &&
		    bench_wanted("%s", name_of(&points[i])))
			bench_ratio(name_of(&points[i]), &own_point(&points[i])->series,
				    &points[i].series, points[i].is_time);
}

int main(int argc, char **argv)
{
	char line[512];

	bench_begin(argc, argv, "bench-qht-kernel",
		    "Reads the console of a kernel that has loaded qht_bench.ko: qht against\n"
		    "rhashtable.");
	while (fgets(line, sizeof(line), stdin))
		read_line(line);
	if (!n_points)
		bench_die("no samples on standard input");
	report();
	bench_end();
	return 0;
}
