/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long each of many operations in a row takes. One reading of the clock
 * ends an operation and begins the next, so no time is lost between them.
 *
 * Time in which the thread was able to run and did not, because another one had
 * its CPU, is nobody's doing and is taken off. What interrupts and a hypervisor
 * take remains: a loop that does nothing (the subject "noise") tells how much.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>
#include <time.h>

#include "compiler.h"

/* Longer than this is looked into. */
#define LATENCY_SLOW_NS		10000
#define LATENCY_BUCKETS		256

/**
 * struct latency - a distribution of times, for one thread
 * @last: when the last operation ended, in ns
 * @waited: ns for which the thread has waited for its CPU, until then
 * @worst: ns of the longest operation
 * @n: number of operations
 * @histogram: four buckets for each power of two of ns
 * @schedstat: file descriptor, or -1 where the kernel does not tell
 */
struct latency {
	uint64_t last;
	uint64_t waited;
	uint64_t worst;
	uint64_t n;
	uint64_t histogram[LATENCY_BUCKETS];
	int schedstat;
} __aligned(64);

void latency_begin(struct latency *latency);
void latency_end(struct latency *latency);
void latency_record(struct latency *latency, uint64_t ns);
uint64_t latency_slow(struct latency *latency, uint64_t ns);
double latency_bucket_from(unsigned int i);

static inline uint64_t latency_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* An operation has ended. */
static inline void latency_tick(struct latency *latency)
{
	uint64_t now = latency_now(), ns = now - latency->last;

	latency->last = now;
	if (ns > LATENCY_SLOW_NS)
		ns = latency_slow(latency, ns);
	latency_record(latency, ns);
}

#endif /* BENCH_LATENCY_H */
