/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: pinned threads, rates by the thread's own CPU time,
 * medians of alternating pairs, and the lines that Documentation names.
 *
 * A benchmark is a plan of points, "<structure>/<workload>/<size>/<n>". At each
 * point every subject runs once in each round, so that ours and a peer's run are
 * neighbours in time, and their ratio is taken within the round.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

#define BENCH_MAX_RUNS		64
#define BENCH_MAX_THREADS	16
/* What a body can measure side by side. */
#define BENCH_RATES		2

/**
 * struct bench_options - what the command line said
 * @filter: glob that a point's name begins with, or NULL
 * @runs: rounds of each point
 * @seconds: that a run of a point lasts, at least
 * @seed: of every random number
 * @is_short: a look at whether everything works, at small sizes
 * @json: file for the results as JSON, or NULL
 */
struct bench_options {
	const char *filter;
	unsigned int runs;
	double seconds;
	uint64_t seed;
	bool is_short;
	const char *json;
};

extern struct bench_options bench_options;

/* One value for each round. */
struct bench_series {
	double value[BENCH_MAX_RUNS];
	unsigned int n;
};

/**
 * struct bench_thread - one of the threads of a run
 * @index: from 0 on
 * @arg: of bench_parallel() or bench_timed()
 * @random: state of bench_random(), of its own for each thread
 * @ops: operations done while measured, of each kind that the body has
 * @seconds: CPU time that they took
 */
struct bench_thread {
	unsigned int index;
	void *arg;
	uint64_t random;
	uint64_t ops[BENCH_RATES];
	double seconds[BENCH_RATES];

	/* the harness's own */
	void (*body)(struct bench_thread *thread);
	struct bench_clock *clock;
	unsigned int phase;
	double begun;
	pthread_t pthread;
} __aligned(128);

typedef void (*bench_body)(struct bench_thread *thread);

/* The state of a timed run, stored by the main thread alone. */
struct bench_clock {
	unsigned int phase;
};

/**
 * struct bench_hooks - what a benchmark needs in every thread
 * @enter: first, in the thread
 * @exit: last, in the thread
 */
struct bench_hooks {
	void (*enter)(void);
	void (*exit)(void);
};

extern struct bench_hooks bench_hooks;

void bench_begin(int argc, char **argv, const char *program, const char *about);
void bench_end(void);
void bench_die(const char *format, ...) __printf(1, 2) __noreturn __cold;
void bench_say(const char *format, ...) __printf(1, 2);

struct latency;

bool bench_wanted(const char *format, ...) __printf(1, 2);
void bench_figure(const char *name, const struct bench_series *series,
		  const char *unit);
void bench_ratio(const char *name, const struct bench_series *ours,
		 const struct bench_series *peer, bool less_is_better);

void bench_histogram(const char *name, const struct latency *latency);

void bench_add(struct bench_series *series, double value);
double bench_median(const struct bench_series *series);
const char *bench_size_name(uint64_t n);

unsigned int bench_cpus(void);
void bench_pin(unsigned int index);
double bench_thread_seconds(void);
double bench_seconds(void);
void bench_sleep(double seconds);

void bench_parallel(unsigned int n, bench_body body, void *arg, double *rates);
double bench_timed(unsigned int n, bench_body body, void *arg);
bool bench_next_phase(struct bench_thread *thread, unsigned int phase);

/**
 * bench_more() - is there more to do for a thread of bench_timed()?
 * @thread: the thread
 * @ops: operations done since the last call
 *
 * What is done before the first call that finds the measurement begun is warm-up.
 *
 * Return: false when the time is over.
 */
static inline bool bench_more(struct bench_thread *thread, unsigned int ops)
{
	unsigned int phase = __atomic_load_n(&thread->clock->phase,
					     __ATOMIC_RELAXED);

	thread->ops[0] += ops;
	if (likely(phase == thread->phase))
		return true;
	return bench_next_phase(thread, phase);
}

/* One to one, and of a random look: key number @i. The finalizer of splitmix64. */
static inline uint64_t bench_mix(uint64_t i)
{
	i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9ull;
	i = (i ^ (i >> 27)) * 0x94d049bb133111ebull;
	return i ^ (i >> 31);
}

static inline uint64_t bench_random(struct bench_thread *thread)
{
	thread->random += 0x9e3779b97f4a7c15ull;
	return bench_mix(thread->random);
}

/* The high half of @random, below @n < 1 << 32. */
static inline uint64_t bench_below(uint64_t random, uint64_t n)
{
	return ((random >> 32) * n) >> 32;
}

/* Keeps a result from being optimized away. */
static inline void bench_use(const void *p)
{
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

#endif /* BENCH_HARNESS_H */
