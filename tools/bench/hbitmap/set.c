// SPDX-License-Identifier: GPL-2.0
/*
 * Random bits, set and cleared one by one. What they are in exists before: one
 * more bit of each region is set and stays, so that no memory is allocated.
 */
#include <sched.h>

#include "plan.h"

#define MAX_THREADS	2
#define SPOTS		(1ULL << 20)

static const struct subject *const subjects[] = {
	&hbitmap, &flat, &roaring, &flat_ordered,
};

#define N_SUBJECTS	ARRAY_SIZE(subjects)

enum { SET, AGAIN, BATCHES, BATCHES_AGAIN, RESET, N_OPERATIONS };

/* A bitmap whose bits are set and cleared, by several threads at a time. */
struct load {
	const struct subject *subject;
	void *map;
	struct spots spots;
	uint64_t n_spots;
	unsigned int operation;
	unsigned int n_threads;
	unsigned int ready;
};

struct results {
	struct bench_series of[N_OPERATIONS][N_SUBJECTS];
	struct bench_series two[N_SUBJECTS];
};

static void start_together(struct load *load)
{
	__atomic_fetch_add(&load->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&load->ready, __ATOMIC_ACQUIRE) < load->n_threads)
		sched_yield();
}

static void work(struct load *load, uint64_t first, uint64_t n)
{
	const struct subject *subject = load->subject;

	switch (load->operation) {
	case SET:
		subject->set(load->map, &load->spots, first, n);
		break;
	case AGAIN:
		if (subject->set_again(load->map, &load->spots, first, n) != n)
			bench_die("%s has lost a bit", subject->name);
		break;
	case BATCHES:
	case BATCHES_AGAIN:
		subject->set_batch(load->map, &load->spots, first, n);
		break;
	default:
		subject->reset(load->map, &load->spots, first, n);
	}
}

/* Each thread has its part of the spots. */
static void body(struct bench_thread *thread)
{
	struct load *load = thread->arg;
	uint64_t n = load->n_spots / load->n_threads;
	double begun;

	start_together(load);
	begun = bench_thread_seconds();
	work(load, thread->index * n, n);
	thread->seconds[0] = bench_thread_seconds() - begun;
	thread->ops[0] = n;
}

static double rate(struct load *load, unsigned int operation, unsigned int n_threads)
{
	double rates[BENCH_RATES];

	load->operation = operation;
	load->n_threads = n_threads;
	load->ready = 0;
	bench_parallel(n_threads, body, load, rates);
	return rates[0];
}

static void check_count(struct load *load, uint64_t *expected)
{
	uint64_t count = load->subject->count(load->map);

	if (!*expected)
		*expected = count;
	if (count != *expected)
		bench_die("%s has %llu bits set, not %llu", load->subject->name,
			  (unsigned long long)count, (unsigned long long)*expected);
}

static void measure(struct load *load, struct results *results, unsigned int s,
		    uint64_t *all, uint64_t *rest)
{
	bench_add(&results->of[SET][s], 1e9 / rate(load, SET, 1));
	check_count(load, all);
	bench_add(&results->of[AGAIN][s], 1e9 / rate(load, AGAIN, 1));
	check_count(load, all);
	bench_add(&results->of[RESET][s], 1e9 / rate(load, RESET, 1));
	check_count(load, rest);
	if (load->subject->set_batch) {
		bench_add(&results->of[BATCHES][s], 1e9 / rate(load, BATCHES, 1));
		check_count(load, all);
		bench_add(&results->of[BATCHES_AGAIN][s], 1e9 / rate(load, BATCHES_AGAIN, 1));
		check_count(load, all);
		rate(load, RESET, 1);
		check_count(load, rest);
	}
	bench_add(&results->two[s], 1e9 / rate(load, SET, 2));
	check_count(load, all);
	rate(load, RESET, 1);
	check_count(load, rest);
}

static void build(struct load *load, const struct subject *subject, unsigned int shift)
{
	uint64_t nbits = 1ULL << shift, bit;

	*load = (struct load){
		.subject = subject,
		.map = subject->create(nbits),
		.spots = { .base = bench_options.seed << 32, .shift = 64 - shift },
		.n_spots = bench_options.is_short ? SPOTS >> 8 : SPOTS,
	};
	for (bit = 0; bit < nbits; bit += REGION_BITS)
		subject->set_range(load->map, bit, 1);
	/* Whatever a spot has set of those is cleared with it: then they are less. */
	rate(load, SET, 1);
	rate(load, RESET, 1);
	settle(subject);
}

static void tell_row(const char *name, unsigned int shift, unsigned int n,
		     const struct bench_series *series)
{
	unsigned int i;

	for (i = 0; i < N_SUBJECTS; i++)
		tell_figure(name, shift, n, subjects[i]->name, &series[i], "ns");
	for (i = OURS + 1; i < N_SUBJECTS; i++)
		tell_ratio(name, shift, n, subjects[i]->name, &series[OURS], &series[i],
			   true);
}

/* Many in a call, against one by one of the others, who have no such call. */
static void tell_batches(const char *name, unsigned int shift,
			 const struct bench_series *ours,
			 const struct bench_series *single)
{
	unsigned int i;

	tell_figure(name, shift, BATCH, subjects[OURS]->name, ours, "ns");
	for (i = OURS + 1; i < N_SUBJECTS; i++)
		tell_ratio(name, shift, BATCH, subjects[i]->name, ours, &single[i], true);
}

/* How many times as much two threads do as one. */
static void tell_scaling(unsigned int shift, struct results *results)
{
	struct bench_series scaling[N_SUBJECTS] = { };
	unsigned int i, round;

	for (i = 0; i < N_SUBJECTS; i++) {
		const struct bench_series *one = &results->of[SET][i];

		for (round = 0; round < one->n; round++)
			bench_add(&scaling[i],
				  one->value[round] / results->two[i].value[round]);
		tell_figure("scaling-set", shift, 2, subjects[i]->name, &scaling[i],
			    "times");
	}
	for (i = OURS + 1; i < N_SUBJECTS; i++)
		tell_ratio("scaling-set", shift, 2, subjects[i]->name, &scaling[OURS],
			   &scaling[i], false);
	tell_ratio("scaling-set", shift, 2, "self", &results->two[OURS],
		   &results->of[SET][OURS], true);
}

void plan_set(unsigned int shift)
{
	static const char *const names[] = { "set", "set-again", "scaling-set", "reset" };
	uint64_t all = 0, rest = 0;
	struct results results = { };
	struct load loads[N_SUBJECTS];
	unsigned int round, i;
	bool any = false;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		any |= bench_wanted("hbitmap/%s/2^%u/", names[i], shift);
	if (!any)
		return;
	for (i = 0; i < N_SUBJECTS; i++)
		build(&loads[i], subjects[i], shift);
	for (round = 0; round < bench_options.runs; round++)
		for (i = 0; i < N_SUBJECTS; i++) {
			unsigned int s = (i + round) % N_SUBJECTS;

			measure(&loads[s], &results, s, &all, &rest);
		}
	tell_row("set", shift, 1, results.of[SET]);
	tell_row("set-again", shift, 1, results.of[AGAIN]);
	tell_batches("set", shift, &results.of[BATCHES][OURS], results.of[SET]);
	tell_batches("set-again", shift, &results.of[BATCHES_AGAIN][OURS],
		     results.of[AGAIN]);
	tell_row("reset", shift, 1, results.of[RESET]);
	tell_scaling(shift, &results);
	for (i = 0; i < N_SUBJECTS; i++)
		subjects[i]->destroy(loads[i].map);
}
