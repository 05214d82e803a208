// SPDX-License-Identifier: GPL-2.0
/*
 * Memory: what was allocated, against the regions of REGION_BITS that have a bit
 * set and another clear.
 */
#include "memory.h"
#include "plan.h"

#define KIB		1024.0
#define SPOTS		(1ULL << 20)
/* At the largest size: regions, and how many lie next to each other. */
#define REGIONS		4096
#define CLUSTER		64
/* What is allowed: so many times what was touched, and so much. */
#define LIMIT_TIMES	1.1
#define LIMIT_BYTES	65536

static const struct subject *const subjects[] = { &hbitmap, &flat, &roaring };

/**
 * struct touch - what is set, and how much that touches
 * @name: as printed
 * @shift: of the bitmap's size
 * @set: sets it; returns the number of regions
 */
struct touch {
	const char *name;
	unsigned int shift;
	uint64_t (*set)(const struct subject *subject, void *map, uint64_t nbits);
};

/* A bitmap as large as that cannot be had everywhere, but its size is known. */
static double flat_bytes(uint64_t nbits)
{
	return nbits / 8.0;
}

static uint64_t touch_spots(const struct subject *subject, void *map, uint64_t nbits)
{
	struct spots spots = {
		.base = bench_options.seed << 32,
		.shift = __builtin_clzll(nbits) + 1,
	};
	uint64_t region;

	subject->set(map, &spots, 0, bench_options.is_short ? SPOTS >> 8 : SPOTS);
	for (region = 0; region < nbits / REGION_BITS; region++)
		subject->set_range(map, region * REGION_BITS, 1);
	return nbits / REGION_BITS;
}

static uint64_t touch_regions(const struct subject *subject, void *map, uint64_t nbits,
			      unsigned int cluster)
{
	struct bench_thread thread = { .random = bench_mix(bench_options.seed) };
	uint64_t i, first = 0;

	for (i = 0; i < REGIONS; i++) {
		if (i % cluster == 0)
			first = bench_below(bench_random(&thread),
					    nbits / REGION_BITS / cluster) * cluster;
		subject->set_range(map, (first + i % cluster) * REGION_BITS, 1);
	}
	return REGIONS;
}

static uint64_t touch_clusters(const struct subject *subject, void *map, uint64_t nbits)
{
	return touch_regions(subject, map, nbits, CLUSTER);
}

static uint64_t touch_scattered(const struct subject *subject, void *map, uint64_t nbits)
{
	return touch_regions(subject, map, nbits, 1);
}

static uint64_t touch_all(const struct subject *subject, void *map, uint64_t nbits)
{
	subject->set_range(map, 0, nbits);
	return 0;
}

static double measure(const struct touch *touch, const struct subject *subject,
		      uint64_t *regions)
{
	uint64_t nbits = 1ULL << touch->shift;
	int64_t before;
	double bytes;
	void *map;

	settle(subject);
	memory_settle();
	before = memory_used();
	map = subject->create(nbits);
	*regions = touch->set(subject, map, nbits);
	settle(subject);
	memory_settle();
	bytes = memory_used() - before;
	subject->destroy(map);
	settle(subject);
	return bytes;
}

/* It depends on nothing but the bits: one run. */
static void run_touch(const struct touch *touch)
{
	struct bench_series bytes[ARRAY_SIZE(subjects)] = { }, limit = { };
	uint64_t nbits = 1ULL << touch->shift, regions = 0;
	unsigned int i;

	if (!bench_wanted("hbitmap/%s/2^%u/", touch->name, touch->shift))
		return;
	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		double used = 0;

		if (subjects[i] == &flat)
			used = flat_bytes(nbits);
		else if (nbits <= subjects[i]->max_bits)
			used = measure(touch, subjects[i], &regions);
		if (used > 0)
			bench_add(&bytes[i], used / KIB);
		tell_figure(touch->name, touch->shift, 1, subjects[i]->name, &bytes[i],
			    "KiB");
	}
	for (i = OURS + 1; i < ARRAY_SIZE(subjects); i++)
		tell_ratio(touch->name, touch->shift, 1, subjects[i]->name, &bytes[OURS],
			   &bytes[i], true);
	bench_add(&limit, (LIMIT_TIMES * regions * REGION_BITS / 8 + LIMIT_BYTES) / KIB);
	tell_ratio(touch->name, touch->shift, 1, "limit", &bytes[OURS], &limit, true);
}

void plan_memory(unsigned int shift, unsigned int far_shift)
{
	const struct touch touches[] = {
		{ "memory", shift, touch_spots },
		{ "memory", far_shift, touch_clusters },
		{ "memory-scattered", far_shift, touch_scattered },
		{ "memory-ones", shift, touch_all },
		{ "memory-ones", far_shift, touch_all },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(touches); i++)
		run_touch(&touches[i]);
}
