// SPDX-License-Identifier: GPL-2.0
/* What is done to a whole bitmap: walks, counts, merges, chunks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* What is shorter is done again, until so much time has gone by. */
#define ENOUGH		0.002
#define MAX_SUBJECTS	3
#define SEED_OTHER	1
#define SPOTS		(1ULL << 20)

/**
 * struct scene - a bitmap that something is done to
 * @subject: what kind
 * @map: the bitmap
 * @other: another, whose content a merge adds; or where content goes
 * @buf: of a serialized form
 * @bytes: of it
 * @nbits: of both bitmaps
 */
struct scene {
	const struct subject *subject;
	void *map;
	void *other;
	char *buf;
	size_t bytes;
	uint64_t nbits;
};

/**
 * struct workload - what is done
 * @name: as printed
 * @unit: of its figure
 * @per_second: how many of these a second has
 * @by_wall: it sleeps: by the clock on the wall, not by CPU time
 * @once: it cannot be done again without @before
 * @before: not measured, or NULL
 * @run: measured; what it returns, and what @check does, is the same for all
 * @check: not measured, or NULL
 * @after: not measured, or NULL
 * @as_memcpy: the flat bitmap does nothing but memcpy()
 */
struct workload {
	const char *name;
	const char *unit;
	double per_second;
	bool by_wall;
	bool once;
	bool as_memcpy;
	void (*before)(struct scene *scene);
	uint64_t (*run)(struct scene *scene);
	uint64_t (*check)(struct scene *scene);
	void (*after)(struct scene *scene);
};

/**
 * struct content - what bitmaps are filled with, and what is done to them
 * @fill: makes the image; @which: 0, or SEED_OTHER for the other bitmap
 * @workloads: up to one without a name
 * @has_other: there is another bitmap
 */
struct content {
	void (*fill)(uint64_t *image, uint64_t nbits, uint64_t which);
	bool has_other;
	struct workload workloads[6];
};

static const struct subject *const subjects[MAX_SUBJECTS] = {
	&hbitmap, &flat, &roaring,
};

/* The images of the bitmaps, for whoever fills one again. */
static uint64_t *images[2];

static uint64_t count_all(struct scene *scene)
{
	return scene->subject->count(scene->map);
}

static uint64_t iterate_all(struct scene *scene)
{
	return scene->subject->iterate(scene->map);
}

/* Not all, which could be had for nothing. */
static uint64_t count_most(struct scene *scene)
{
	return scene->subject->count_range(scene->map, 1, scene->nbits - 2);
}

static void change_one(struct scene *scene)
{
	scene->subject->set_range(scene->map, scene->nbits / 2, 1);
	scene->subject->reset_range(scene->map, scene->nbits / 2, 1);
}

static uint64_t find_zero(struct scene *scene)
{
	return scene->subject->next_zero(scene->map, 0);
}

static uint64_t find_dirty(struct scene *scene)
{
	return scene->subject->next_dirty(scene->map, 1);
}

static void load_again(struct scene *scene)
{
	scene->subject->load(scene->map, images[0]);
	settle(scene->subject);
}

static uint64_t merge_other(struct scene *scene)
{
	scene->subject->merge(scene->map, scene->other);
	return 0;
}

static uint64_t write_all(struct scene *scene)
{
	scene->bytes = scene->subject->serialize(scene->map, scene->buf);
	return 0;
}

/* Roaring writes a format of its own. */
static uint64_t check_written(struct scene *scene)
{
	if (scene->subject != &roaring &&
	    memcmp(scene->buf, images[0], scene->nbits / 8))
		bench_die("%s has written something else", scene->subject->name);
	return 0;
}

static void make_clean(struct scene *scene)
{
	write_all(scene);
	scene->other = scene->subject->create(scene->nbits);
}

static uint64_t read_all(struct scene *scene)
{
	scene->other = scene->subject->deserialize(scene->other, scene->buf, scene->bytes);
	return 0;
}

static uint64_t count_other(struct scene *scene)
{
	return scene->subject->count(scene->other);
}

static void drop_other(struct scene *scene)
{
	scene->subject->destroy(scene->other);
	settle(scene->subject);
	scene->other = NULL;
}

static uint64_t write_dirty(struct scene *scene)
{
	scene->bytes = scene->subject->serialize_sparse(scene->map, scene->buf);
	return 0;
}

/* The same chunks, but for Roaring. */
static uint64_t sum_written(struct scene *scene)
{
	static uint64_t expected;
	uint64_t i, sum = 0;

	for (i = 0; i < scene->bytes / 8; i++)
		sum = bench_mix(sum ^ ((uint64_t *)scene->buf)[i]);
	if (scene->subject == &roaring)
		return 0;
	if (!expected)
		expected = sum;
	if (sum != expected)
		bench_die("%s has written something else", scene->subject->name);
	return 0;
}

static uint64_t take_all(struct scene *scene)
{
	scene->other = scene->subject->take(scene->map);
	return 0;
}

/* All is in the one, and nothing in the other. */
static uint64_t count_taken(struct scene *scene)
{
	return count_other(scene) * 2 - count_all(scene);
}

static void swap_back(struct scene *scene)
{
	void *taken = scene->other;

	scene->other = scene->map;
	scene->map = taken;
	drop_other(scene);
}

static void fill_half(uint64_t *image, uint64_t nbits, uint64_t which)
{
	image_random(image, nbits, 512, which);
}

static void fill_hundredth(uint64_t *image, uint64_t nbits, uint64_t which)
{
	image_random(image, nbits, 10, which);
}

static void fill_runs(uint64_t *image, uint64_t nbits, uint64_t which)
{
	image_runs(image, nbits, which);
}

static void fill_ones(uint64_t *image, uint64_t nbits, uint64_t which)
{
	image_ones(image, nbits);
}

static void fill_last(uint64_t *image, uint64_t nbits, uint64_t which)
{
	image_clear(image, nbits);
	image[nbits / 64 - 1] = 1ULL << 63;
}

/* As many random bits as are set one by one elsewhere. */
static void fill_spots(uint64_t *image, uint64_t nbits, uint64_t which)
{
	struct spots spots = {
		.base = bench_options.seed << 32,
		.shift = __builtin_clzll(nbits) + 1,
	};
	uint64_t i, n = bench_options.is_short ? SPOTS >> 8 : SPOTS;

	image_clear(image, nbits);
	for (i = 0; i < n; i++) {
		uint64_t bit = spot(&spots, i);

		image[bit / 64] |= 1ULL << (bit % 64);
	}
}

#define MS	.unit = "ms", .per_second = 1e3
#define US	.unit = "us", .per_second = 1e6

static const struct content contents[] = {
	{
		.fill = fill_half, .has_other = true,
		.workloads = {
			{ .name = "merge-0.5", MS, .once = true, .before = load_again,
			  .run = merge_other, .check = count_all },
		},
	}, {
		.fill = fill_hundredth, .has_other = true,
		.workloads = {
			{ .name = "merge-0.01", MS, .once = true, .before = load_again,
			  .run = merge_other, .check = count_all },
		},
	}, {
		.fill = fill_half,
		.workloads = {
			{ .name = "iterate-0.5", MS, .run = iterate_all },
			{ .name = "serialize", MS, .as_memcpy = true, .run = write_all,
			  .check = check_written },
			{ .name = "deserialize", MS, .as_memcpy = true, .once = true,
			  .before = make_clean, .run = read_all, .check = count_other,
			  .after = drop_other },
		},
	}, {
		.fill = fill_runs,
		.workloads = {
			{ .name = "iterate-0.0001", MS, .run = iterate_all },
			{ .name = "serialize-sparse", MS, .run = write_dirty,
			  .check = sum_written },
		},
	}, {
		.fill = fill_spots,
		.workloads = {
			{ .name = "count", US, .run = count_all },
			{ .name = "count-range", US, .run = count_most },
			{ .name = "count-range-changed", US, .once = true,
			  .before = change_one, .run = count_most },
			{ .name = "take", US, .by_wall = true, .once = true,
			  .run = take_all, .check = count_taken, .after = swap_back },
		},
	}, {
		.fill = fill_ones,
		.workloads = {
			{ .name = "next-zero", US, .run = find_zero },
		},
	}, {
		.fill = fill_last,
		.workloads = {
			{ .name = "next-dirty", US, .run = find_dirty },
		},
	},
};

static double now(const struct workload *workload)
{
	return workload->by_wall ? bench_seconds() : bench_thread_seconds();
}

/* Seconds that it takes once. Of what is short, the clock would be a part. */
static double time_of(const struct workload *workload, struct scene *scene,
		      uint64_t *result)
{
	double seconds, begun = now(workload);
	unsigned int i, batch = 1, n = 0;

	do {
		for (i = 0; i < batch; i++)
			*result = workload->run(scene);
		n += batch;
		batch *= 2;
		seconds = now(workload) - begun;
	} while (!workload->once && seconds < ENOUGH);
	return seconds / n;
}

static void measure(const struct workload *workload, struct scene *scene,
		    struct bench_series *series, uint64_t *expected, bool is_first)
{
	uint64_t result;

	if (workload->before)
		workload->before(scene);
	bench_add(series, time_of(workload, scene, &result) * workload->per_second);
	if (workload->check)
		result += workload->check(scene);
	if (workload->after)
		workload->after(scene);
	if (is_first)
		*expected = result;
	if (result != *expected)
		bench_die("%s: %s: %llu, not %llu", workload->name,
			  scene->subject->name, (unsigned long long)result,
			  (unsigned long long)*expected);
}

static const char *name_of(const struct workload *workload, unsigned int s)
{
	return workload->as_memcpy && subjects[s] == &flat ? "memcpy" : subjects[s]->name;
}

static void run_workload(const struct workload *workload, struct scene *scenes,
			 unsigned int shift)
{
	struct bench_series series[MAX_SUBJECTS] = { };
	unsigned int round, i;
	uint64_t expected = 0;

	for (round = 0; round < bench_options.runs; round++)
		for (i = 0; i < MAX_SUBJECTS; i++) {
			unsigned int s = (i + round) % MAX_SUBJECTS;

			measure(workload, &scenes[s], &series[s], &expected,
				!round && !i);
		}
	for (i = 0; i < MAX_SUBJECTS; i++)
		tell_figure(workload->name, shift, 1, name_of(workload, i), &series[i],
			    workload->unit);
	for (i = OURS + 1; i < MAX_SUBJECTS; i++)
		tell_ratio(workload->name, shift, 1, name_of(workload, i), &series[OURS],
			   &series[i], true);
}

static void tell_bytes(const struct scene *scenes, unsigned int shift)
{
	struct bench_series bytes[MAX_SUBJECTS] = { };
	unsigned int i;

	for (i = 0; i < MAX_SUBJECTS; i++) {
		bench_add(&bytes[i], scenes[i].bytes / 1024.0);
		tell_figure("serialize-sparse-bytes", shift, 1, subjects[i]->name,
			    &bytes[i], "KiB");
	}
	for (i = OURS + 1; i < MAX_SUBJECTS; i++)
		tell_ratio("serialize-sparse-bytes", shift, 1, subjects[i]->name,
			   &bytes[OURS], &bytes[i], true);
}

static void build(const struct content *content, struct scene *scene,
		  const struct subject *subject, uint64_t nbits)
{
	*scene = (struct scene){
		.subject = subject,
		.nbits = nbits,
		.map = subject->create(nbits),
		/* Roaring's header, and room for it. */
		.buf = malloc(nbits / 8 + (nbits >> 12) + 4096),
	};
	if (!scene->buf)
		bench_die("no memory");
	memset(scene->buf, 1, nbits / 8 + (nbits >> 12) + 4096);
	subject->load(scene->map, images[0]);
	if (content->has_other) {
		scene->other = subject->create(nbits);
		subject->load(scene->other, images[1]);
	}
	settle(subject);
}

static void tear_down(struct scene *scene)
{
	scene->subject->destroy(scene->map);
	if (scene->other)
		scene->subject->destroy(scene->other);
	settle(scene->subject);
	free(scene->buf);
}

static void run_content(const struct content *content, unsigned int shift)
{
	struct scene scenes[MAX_SUBJECTS];
	bool wanted[ARRAY_SIZE(content->workloads)] = { }, any = false;
	uint64_t nbits = 1ULL << shift;
	unsigned int i;

	for (i = 0; content->workloads[i].name; i++) {
		wanted[i] = bench_wanted("hbitmap/%s/2^%u/", content->workloads[i].name,
					 shift);
		any |= wanted[i];
	}
	if (!any)
		return;
	for (i = 0; i < ARRAY_SIZE(images); i++) {
		images[i] = malloc(nbits / 8);
		if (!images[i])
			bench_die("no memory");
		if (!i || content->has_other)
			content->fill(images[i], nbits, i);
	}
	for (i = 0; i < MAX_SUBJECTS; i++)
		build(content, &scenes[i], subjects[i], nbits);
	for (i = 0; content->workloads[i].name; i++) {
		if (!wanted[i])
			continue;
		run_workload(&content->workloads[i], scenes, shift);
		if (content->workloads[i].run == write_dirty)
			tell_bytes(scenes, shift);
	}
	for (i = 0; i < MAX_SUBJECTS; i++)
		tear_down(&scenes[i]);
	for (i = 0; i < ARRAY_SIZE(images); i++)
		free(images[i]);
}

void plan_whole(unsigned int shift)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(contents); i++)
		run_content(&contents[i], shift);
}
