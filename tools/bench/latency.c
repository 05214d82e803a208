// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "latency.h"

/* The second number: ns for which the thread was runnable and not running. */
static uint64_t read_waited(const struct latency *latency)
{
	char text[128], *waited;
	ssize_t n;

	if (latency->schedstat < 0)
		return 0;
	n = pread(latency->schedstat, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	waited = strchr(text, ' ');
	return waited ? strtoull(waited, NULL, 10) : 0;
}

/**
 * latency_begin() - the first operation begins
 * @latency: set up for the calling thread
 */
void latency_begin(struct latency *latency)
{
	*latency = (struct latency){
		.schedstat = open("/proc/thread-self/schedstat",
				  O_RDONLY | O_CLOEXEC),
	};
	latency->waited = read_waited(latency);
	latency->last = latency_now();
}

void latency_end(struct latency *latency)
{
	if (latency->schedstat >= 0)
		close(latency->schedstat);
	latency->schedstat = -1;
}

/* The time without that in which the thread waited for its CPU. */
uint64_t latency_slow(struct latency *latency, uint64_t ns)
{
	uint64_t waited = read_waited(latency), more = waited - latency->waited;

	latency->waited = waited;
	latency->last = latency_now();
	return more < ns ? ns - more : 0;
}

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int log;

	if (ns < 4)
		return ns;
	log = 63 - __builtin_clzll(ns);
	return 4 * (log - 1) + (ns >> (log - 2)) % 4;
}

/* The smallest time, in ns, that bucket @i counts. */
double latency_bucket_from(unsigned int i)
{
	if (i < 4)
		return i;
	return (double)((uint64_t)(4 + i % 4) << (i / 4 - 1));
}

void latency_record(struct latency *latency, uint64_t ns)
{
	latency->histogram[bucket_of(ns)]++;
	latency->n++;
	if (ns > latency->worst)
		latency->worst = ns;
}
