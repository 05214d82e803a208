/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the plan. Each measures nothing that no filter asks for. */
#ifndef BENCH_HBITMAP_PLAN_H
#define BENCH_HBITMAP_PLAN_H

#include "bench.h"

/* Ours is the first of every list of subjects. */
#define OURS		0

void plan_set(unsigned int shift);
void plan_whole(unsigned int shift);
void plan_far(unsigned int shift);
void plan_memory(unsigned int shift, unsigned int far_shift);

/* image.c: content, as 64 bits a word; the same for the same seed. */
void image_clear(uint64_t *image, uint64_t nbits);
void image_random(uint64_t *image, uint64_t nbits, unsigned int per_1024,
		  uint64_t seed);
void image_runs(uint64_t *image, uint64_t nbits, uint64_t seed);
void image_ones(uint64_t *image, uint64_t nbits);

void settle(const struct subject *subject);

void tell_figure(const char *workload, unsigned int shift, unsigned int n,
		 const char *subject, const struct bench_series *series,
		 const char *unit);
void tell_ratio(const char *workload, unsigned int shift, unsigned int n,
		const char *peer, const struct bench_series *ours,
		const struct bench_series *peers, bool less_is_better);

#endif /* BENCH_HBITMAP_PLAN_H */
