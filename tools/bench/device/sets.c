// SPDX-License-Identifier: GPL-2.0
/*
 * Bits at random, made dirty and clean again: ours by calls with many ranges, against
 * a file in memory that gets each word that changed, and against the same file mapped,
 * which costs no call, and keeps no count and no order.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../libqds.h"
#include "device.h"

#define MAX_VECTOR	512
#define N_RANGES	(64 << 10)
/* So many are made clean, and then dirty again. */
#define BLOCK		4096

static const unsigned int vectors[] = { 1, 8, 64, MAX_VECTOR };

#define N_VECTORS	ARRAY_SIZE(vectors)

/**
 * struct bits - what is set
 * @size: of each bitmap, in bytes
 * @ranges: one bit each
 * @bitmap: descriptor of ours
 * @memfd: descriptor of a file that is written
 * @shadow: what the file holds
 * @mapped: descriptor of a file that is mapped
 * @words: its bytes
 * @vector: ranges a call
 */
struct bits {
	uint64_t size;
	struct qds_range *ranges;
	int bitmap;
	int memfd;
	uint64_t *shadow;
	int mapped;
	uint64_t *words;
	unsigned int vector;
};

typedef void (*change_fn)(struct bits *bits, size_t first);

static void set_ours(struct bits *bits, size_t i)
{
	int rc = qds_bitmap_set(bits->bitmap, &bits->ranges[i], bits->vector, NULL,
				NULL);

	if (rc)
		bench_die("SET failed: %s", strerror(-rc));
}

static void reset_ours(struct bits *bits, size_t i)
{
	int rc = qds_bitmap_reset(bits->bitmap, &bits->ranges[i], bits->vector,
				  NULL, NULL);

	if (rc)
		bench_die("RESET failed: %s", strerror(-rc));
}

static void write_word(struct bits *bits, uint64_t word)
{
	file_write(bits->memfd, word * sizeof(*bits->shadow), &bits->shadow[word],
		   sizeof(*bits->shadow));
}

static void set_memfd(struct bits *bits, size_t i)
{
	uint64_t bit = bits->ranges[i].start;

	bits->shadow[bit / 64] |= 1ull << bit % 64;
	write_word(bits, bit / 64);
}

static void reset_memfd(struct bits *bits, size_t i)
{
	uint64_t bit = bits->ranges[i].start;

	bits->shadow[bit / 64] &= ~(1ull << bit % 64);
	write_word(bits, bit / 64);
}

static void set_mapped(struct bits *bits, size_t i)
{
	uint64_t bit = bits->ranges[i].start;

	__atomic_fetch_or(&bits->words[bit / 64], 1ull << bit % 64,
			  __ATOMIC_RELAXED);
}

static void reset_mapped(struct bits *bits, size_t i)
{
	uint64_t bit = bits->ranges[i].start;

	__atomic_fetch_and(&bits->words[bit / 64], ~(1ull << bit % 64),
			   __ATOMIC_RELAXED);
}

/**
 * struct way - a way to change bits
 * @name: of the subject
 * @has_vectors: it takes many ranges a call
 * @set: make ranges dirty, bits->vector of them
 * @reset: make them clean
 */
struct way {
	const char *name;
	bool has_vectors;
	change_fn set;
	change_fn reset;
};

static const struct way ways[] = {
	{ "qds", true, set_ours, reset_ours },
	{ "memfd", false, set_memfd, reset_memfd },
	{ "memfd-mmap", false, set_mapped, reset_mapped },
};

#define OURS		0
#define N_WAYS		ARRAY_SIZE(ways)

/* What is measured of each. */
enum { RESET, SET, SET_AGAIN, N_WORKLOADS };

static const char *const workloads[N_WORKLOADS] = { "reset", "set", "set-again" };

struct times {
	struct bench_series of[N_WORKLOADS][N_WAYS][N_VECTORS];
};

static double change(struct bits *bits, size_t first, change_fn fn)
{
	double begun = bench_thread_seconds();
	size_t i;

	for (i = first; i < first + BLOCK; i += bits->vector)
		fn(bits, i);
	return bench_thread_seconds() - begun;
}

/* ns for each bit. */
static void measure(struct bits *bits, const struct way *way, double *ns)
{
	double took[N_WORKLOADS] = { }, all = 0;
	size_t first = 0, i, n = 0;

	while (all < bench_options.seconds) {
		took[RESET] += change(bits, first, way->reset);
		took[SET] += change(bits, first, way->set);
		took[SET_AGAIN] += change(bits, first, way->set);
		all = took[RESET] + took[SET] + took[SET_AGAIN];
		first = (first + BLOCK) % N_RANGES;
		n += BLOCK;
	}
	for (i = 0; i < N_WORKLOADS; i++)
		ns[i] = took[i] / n * 1e9;
}

static void measure_round(struct bits *bits, struct times *times)
{
	double ns[N_WORKLOADS];
	unsigned int w, v, i;

	for (w = 0; w < N_WAYS; w++) {
		for (v = 0; v < (ways[w].has_vectors ? N_VECTORS : 1); v++) {
			bits->vector = vectors[v];
			measure(bits, &ways[w], ns);
			for (i = 0; i < N_WORKLOADS; i++)
				bench_add(&times->of[i][w][v], ns[i]);
		}
	}
}

/* As a result of clearing and setting, not only of setting. */
static void check_ways(struct bits *bits)
{
	unsigned int w;
	size_t i;

	for (w = 0; w < N_WAYS; w++) {
		bits->vector = ways[w].has_vectors ? MAX_VECTOR : 1;
		for (i = 0; i < N_RANGES; i += bits->vector)
			ways[w].set(bits, i);
		for (i = 0; i < N_RANGES / 2; i += bits->vector)
			ways[w].reset(bits, i);
	}
	expect_same(bits->bitmap, bits->memfd, bits->size, "bits of a file");
	expect_same(bits->bitmap, bits->mapped, bits->size, "bits of a mapped file");
}

static void tell(const char *size, const struct times *times)
{
	unsigned int i, w, v;

	for (i = 0; i < N_WORKLOADS; i++) {
		const struct bench_series (*of)[N_VECTORS] = times->of[i];

		for (w = 0; w < N_WAYS; w++)
			for (v = 0; v < N_VECTORS; v++)
				bench_figure(point(workloads[i], size, vectors[v],
						   ways[w].name),
					     &of[w][v], "ns");
		for (v = 0; v < N_VECTORS; v++) {
			for (w = OURS + 1; w < N_WAYS; w++)
				bench_ratio(point(workloads[i], size, vectors[v],
						  ways[w].name),
					    &of[OURS][v], &of[w][0], true);
			if (v)
				bench_ratio(point(workloads[i], size, vectors[v],
						  "self"),
					    &of[OURS][v], &of[OURS][0], true);
		}
	}
}

static void bits_begin(struct bits *bits, unsigned int nbits)
{
	size_t i;

	*bits = (struct bits){ .size = (1ull << nbits) / 8 };
	bits->ranges = buffer_make(N_RANGES * sizeof(*bits->ranges));
	bits->shadow = buffer_make(bits->size);
	bits->bitmap = bitmap_make(nbits);
	bits->memfd = memfd_make(bits->size);
	bits->mapped = memfd_make(bits->size);
	bits->words = mmap(NULL, bits->size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, bits->mapped, 0);
	if (bits->words == MAP_FAILED)
		bench_die("cannot map a file");
	for (i = 0; i < N_RANGES; i++)
		bits->ranges[i] = (struct qds_range){
			bench_below(key_mix(bench_options.seed + i), 1ull << nbits), 1
		};
}

static void bits_end(struct bits *bits)
{
	munmap(bits->words, bits->size);
	buffer_free(bits->ranges, N_RANGES * sizeof(*bits->ranges));
	buffer_free(bits->shadow, bits->size);
	close(bits->bitmap);
	close(bits->memfd);
	close(bits->mapped);
}

void plan_sets(void)
{
	unsigned int nbits = bench_options.is_short ? 24 : 28, i, round;
	const char *size = bits_name(nbits);
	struct times times = { };
	struct bits bits;
	bool wanted = false;

	for (i = 0; i < N_WORKLOADS; i++)
		wanted |= point_wanted(workloads[i], size);
	if (!wanted)
		return;
	bench_pin(0);
	bits_begin(&bits, nbits);
	check_ways(&bits);
	for (round = 0; round < bench_options.runs; round++)
		measure_round(&bits, &times);
	check_ways(&bits);
	tell(size, &times);
	bits_end(&bits);
}
