// SPDX-License-Identifier: GPL-2.0
/* What the bitmaps are filled with. */
#include <string.h>

#include "plan.h"

/* One bit in 10000, in runs of so many. */
#define RUN_BITS	1024
#define RUN_EVERY	(10000 * RUN_BITS)

void image_clear(uint64_t *image, uint64_t nbits)
{
	memset(image, 0, nbits / 8);
}

/* Each bit of a word is set with a probability of @per_1024 / 1024. */
static uint64_t random_word(struct bench_thread *thread, unsigned int per_1024)
{
	unsigned int i = __builtin_ctz(per_1024);
	uint64_t word = bench_random(thread);

	for (i++; i < 10; i++) {
		if (per_1024 & (1 << i))
			word |= bench_random(thread);
		else
			word &= bench_random(thread);
	}
	return word;
}

void image_random(uint64_t *image, uint64_t nbits, unsigned int per_1024,
		  uint64_t seed)
{
	struct bench_thread thread = { .random = bench_mix(bench_options.seed + seed) };
	uint64_t w;

	for (w = 0; w < nbits / 64; w++)
		image[w] = random_word(&thread, per_1024);
}

void image_runs(uint64_t *image, uint64_t nbits, uint64_t seed)
{
	struct bench_thread thread = { .random = bench_mix(bench_options.seed + seed) };
	uint64_t i, n = nbits / RUN_EVERY + 1;

	image_clear(image, nbits);
	for (i = 0; i < n; i++) {
		uint64_t run = bench_below(bench_random(&thread), nbits / RUN_BITS);

		memset(image + run * RUN_BITS / 64, 0xff, RUN_BITS / 8);
	}
}

/* All but the last. */
void image_ones(uint64_t *image, uint64_t nbits)
{
	memset(image, 0xff, nbits / 8);
	image[nbits / 64 - 1] >>= 1;
}
