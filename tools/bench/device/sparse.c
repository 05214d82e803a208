// SPDX-License-Identifier: GPL-2.0
/*
 * A large bitmap of which little is dirty, in runs: all of what is dirty, as bytes
 * and as extents. Against a file in memory of the same bytes, read as a whole, or
 * where it is not a hole: files have holes by page, whoever wrote them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../libqds.h"
#include "device.h"

#define RUN_BITS	1024
/* One bit of so many is dirty. */
#define SPARSENESS	10000
#define ROOM		(1 << 20)
#define CHUNKS		128
#define MAX_EXTENTS	4096

/**
 * struct sparse - the bitmap and the file
 * @size: of either, in bytes
 * @bitmap: descriptor
 * @memfd: descriptor
 * @buffer: ROOM bytes
 * @moved: bytes that passes have moved
 * @sum: of the words that are not 0 and where they are; if @is_check
 * @extents: that a pass has found; in bits
 * @n_extents: their number
 * @is_check: look at the bytes
 */
struct sparse {
	uint64_t size;
	int bitmap;
	int memfd;
	uint8_t *buffer;
	uint64_t moved;
	uint64_t sum;
	struct qds_range extents[MAX_EXTENTS];
	unsigned int n_extents;
	bool is_check;
};

typedef void (*pass_fn)(struct sparse *sparse);

static void consume(struct sparse *sparse, uint64_t at, const void *data,
		    size_t size)
{
	const uint64_t *words = data;
	size_t i;

	sparse->moved += size;
	for (i = 0; sparse->is_check && i < size / sizeof(*words); i++)
		if (words[i])
			sparse->sum += key_mix(words[i] ^ (at / 8 + i));
}

/* --- as bytes --- */

/* The file's bytes of chunks that have any; those that are all dirty have none. */
static void consume_chunks(struct sparse *sparse, const struct qds_chunk_list *list)
{
	const uint8_t *data = list->data;
	unsigned int i;

	sparse->moved += list->done * sizeof(*list->chunks);
	for (i = 0; i < list->done; i++) {
		const struct qds_chunk *chunk = &list->chunks[i];

		if (chunk->flags & QDS_CHUNK_ONES)
			bench_die("a chunk is all dirty where nothing is");
		consume(sparse, chunk->start / 8, data, chunk->bytes);
		data += chunk->bytes;
	}
}

static void pass_chunks(struct sparse *sparse)
{
	struct qds_chunk chunks[CHUNKS];
	uint64_t at = 0, next;
	int rc;

	for (; at < sparse->size * 8; at = next) {
		struct qds_chunk_list list = {
			.chunks = chunks, .data = sparse->buffer,
			.data_size = ROOM, .nr = CHUNKS,
		};

		rc = qds_bitmap_serialize_chunks(sparse->bitmap, at,
						 sparse->size * 8 - at, &list,
						 &next);
		if (rc)
			bench_die("SERIALIZE_CHUNKS failed: %s", strerror(-rc));
		consume_chunks(sparse, &list);
	}
}

static void read_whole(struct sparse *sparse, int fd)
{
	uint64_t at;

	for (at = 0; at < sparse->size; at += ROOM) {
		file_read(fd, at, sparse->buffer, ROOM);
		consume(sparse, at, sparse->buffer, ROOM);
	}
}

static off_t seek(int fd, off_t at, int whence)
{
	off_t found = lseek(fd, at, whence);

	if (found < 0 && errno != ENXIO)
		bench_die("lseek() failed: %s", strerror(errno));
	return found;
}

static void read_data(struct sparse *sparse, int fd)
{
	off_t at = 0, end;

	for (; (at = seek(fd, at, SEEK_DATA)) >= 0; at = end) {
		end = seek(fd, at, SEEK_HOLE);
		for (; at < end; at += ROOM) {
			size_t size = end - at < ROOM ? end - at : ROOM;

			file_read(fd, at, sparse->buffer, size);
			consume(sparse, at, sparse->buffer, size);
		}
	}
}

static void pass_whole(struct sparse *sparse)
{
	read_whole(sparse, sparse->bitmap);
}

static void pass_memfd_whole(struct sparse *sparse)
{
	read_whole(sparse, sparse->memfd);
}

static void pass_data(struct sparse *sparse)
{
	read_data(sparse, sparse->bitmap);
}

static void pass_memfd_data(struct sparse *sparse)
{
	read_data(sparse, sparse->memfd);
}

/* --- as extents --- */

static void add_extent(struct sparse *sparse, uint64_t start, uint64_t count)
{
	unsigned int n = sparse->n_extents;
	struct qds_range *last = n ? &sparse->extents[n - 1] : NULL;

	if (last && last->start + last->count == start) {
		last->count += count;
		return;
	}
	if (n == MAX_EXTENTS)
		bench_die("more than %d extents", MAX_EXTENTS);
	sparse->extents[sparse->n_extents++] = (struct qds_range){ start, count };
}

static void pass_extents(struct sparse *sparse)
{
	struct qds_extent_iter iter;
	struct qds_extent extent;
	int rc;

	qds_extent_iter_init(&iter, sparse->bitmap, QDS_EXTENT_DIRTY, 0,
			     sparse->size * 8);
	while ((rc = qds_extent_iter_next(&iter, &extent)) > 0)
		add_extent(sparse, extent.start, extent.count);
	if (rc < 0)
		bench_die("EXTENTS failed: %s", strerror(-rc));
}

/* The runs of set bits of a word. */
static void scan_word(struct sparse *sparse, uint64_t word, uint64_t base)
{
	while (word) {
		unsigned int from = __builtin_ctzll(word);
		uint64_t rest = ~(word >> from);
		unsigned int n = rest ? __builtin_ctzll(rest) : 64;

		add_extent(sparse, base + from, n);
		word = n + from < 64 ? word >> (from + n) << (from + n) : 0;
	}
}

static void scan_whole(struct sparse *sparse, int fd)
{
	const uint64_t *words = (const uint64_t *)sparse->buffer;
	uint64_t at;
	size_t i;

	for (at = 0; at < sparse->size; at += ROOM) {
		file_read(fd, at, sparse->buffer, ROOM);
		for (i = 0; i < ROOM / sizeof(*words); i++)
			if (words[i])
				scan_word(sparse, words[i], at * 8 + i * 64);
	}
}

static void pass_scan(struct sparse *sparse)
{
	scan_whole(sparse, sparse->bitmap);
}

static void pass_memfd_scan(struct sparse *sparse)
{
	scan_whole(sparse, sparse->memfd);
}

/* --- the plan --- */

struct pass {
	const char *workload;
	const char *subject;
	uint64_t n;
	pass_fn pass;
	/* What it is compared with, or NULL. */
	const char *peers[3];
};

/* Extents are told QDS_EXTENT_BATCH a call. */
static const struct pass passes[] = {
	{ "serialize-sparse", "qds", ROOM, pass_chunks,
	  { "memfd", "memfd-seek" } },
	{ "serialize-sparse", "pread", ROOM, pass_whole, { "memfd" } },
	{ "serialize-sparse", "seek", ROOM, pass_data, { "memfd-seek" } },
	{ "serialize-sparse", "memfd", ROOM, pass_memfd_whole, { } },
	{ "serialize-sparse", "memfd-seek", ROOM, pass_memfd_data, { } },
	{ "extents", "qds", QDS_EXTENT_BATCH, pass_extents,
	  { "pread-scan", "memfd-scan" } },
	{ "extents", "pread-scan", ROOM, pass_scan, { } },
	{ "extents", "memfd-scan", ROOM, pass_memfd_scan, { } },
};

#define N_PASSES	ARRAY_SIZE(passes)

struct results {
	struct bench_series ms[N_PASSES];
	struct bench_series kib[N_PASSES];
};

static void sparse_begin(struct sparse *sparse, unsigned int bits)
{
	uint64_t i, n = (1ull << bits) / SPARSENESS / RUN_BITS, start;
	uint8_t ones[RUN_BITS / 8];
	struct qds_range range;
	int rc;

	memset(ones, 0xff, sizeof(ones));
	sparse->size = (1ull << bits) / 8;
	sparse->buffer = buffer_make(ROOM);
	sparse->bitmap = bitmap_make(bits);
	sparse->memfd = memfd_make(sparse->size);
	for (i = 0; i < n; i++) {
		start = bench_below(key_mix(bench_options.seed + i),
				    sparse->size / 8 - RUN_BITS / 64) * 64;
		range = (struct qds_range){ start, RUN_BITS };
		rc = qds_bitmap_set(sparse->bitmap, &range, 1, NULL, NULL);
		if (rc)
			bench_die("SET failed: %s", strerror(-rc));
		file_write(sparse->memfd, start / 8, ones, sizeof(ones));
	}
}

static void sparse_end(struct sparse *sparse)
{
	close(sparse->bitmap);
	close(sparse->memfd);
	buffer_free(sparse->buffer, ROOM);
}

static void forget(struct sparse *sparse)
{
	sparse->moved = 0;
	sparse->sum = 0;
	sparse->n_extents = 0;
}

/* All passes of a workload find the same. */
static void check_passes(struct sparse *sparse)
{
	static struct qds_range extents[MAX_EXTENTS];
	unsigned int i, n_extents = 0;
	uint64_t sum = 0;

	sparse->is_check = true;
	for (i = 0; i < N_PASSES; i++) {
		bool is_first = !i || strcmp(passes[i].workload,
					     passes[i - 1].workload);

		forget(sparse);
		passes[i].pass(sparse);
		if (is_first) {
			sum = sparse->sum;
			n_extents = sparse->n_extents;
			memcpy(extents, sparse->extents, sizeof(extents));
			if (!sum && !n_extents)
				bench_die("%s finds nothing", passes[i].workload);
		}
		if (sum != sparse->sum || n_extents != sparse->n_extents ||
		    memcmp(extents, sparse->extents, n_extents * sizeof(*extents)))
			bench_die("%s: %s finds something else",
				  passes[i].workload, passes[i].subject);
	}
	sparse->is_check = false;
}

static void measure(struct sparse *sparse, const struct pass *pass,
		    struct bench_series *ms, struct bench_series *kib)
{
	double begun = bench_thread_seconds(), took;
	unsigned int n = 0;

	do {
		forget(sparse);
		pass->pass(sparse);
		n++;
		took = bench_thread_seconds() - begun;
	} while (took < bench_options.seconds);
	bench_add(ms, took / n * 1e3);
	bench_add(kib, sparse->moved / 1024.0);
}

static bool is_peer(const struct pass *pass, const struct pass *ours,
		    const char *subject)
{
	return !strcmp(pass->workload, ours->workload) &&
	       !strcmp(pass->subject, subject);
}

static const struct bench_series *series_of(const struct bench_series *series,
					    const struct pass *ours,
					    const char *subject)
{
	unsigned int i = 0;

	while (!is_peer(&passes[i], ours, subject))
		i++;
	return &series[i];
}

/* Ours by the way that is not the first is a workload of its own. */
static const char *workload_of(const struct pass *pass)
{
	if (!strcmp(pass->subject, "pread"))
		return "pread-sparse";
	return strcmp(pass->subject, "seek") ? pass->workload : "seek-sparse";
}

static void tell(const char *size, const struct results *results)
{
	const struct pass *pass;
	unsigned int i, j;

	for (i = 0; i < N_PASSES; i++) {
		pass = &passes[i];
		bench_figure(point(pass->workload, size, pass->n, pass->subject),
			     &results->ms[i], "ms");
		if (passes[i].pass != pass_extents && results->kib[i].value[0] > 0)
			bench_figure(point("bytes-sparse", size, pass->n,
					   pass->subject), &results->kib[i], "KiB");
	}
	for (i = 0; i < N_PASSES; i++)
		for (pass = &passes[i], j = 0; pass->peers[j]; j++)
			bench_ratio(point(workload_of(pass), size, pass->n,
					  pass->peers[j]),
				    &results->ms[i],
				    series_of(results->ms, pass, pass->peers[j]),
				    true);
	for (j = 0; passes[0].peers[j]; j++)
		bench_ratio(point("bytes-sparse", size, ROOM, passes[0].peers[j]),
			    &results->kib[0],
			    series_of(results->kib, &passes[0], passes[0].peers[j]),
			    true);
}

void plan_sparse(void)
{
	unsigned int bits = bench_options.is_short ? 28 : 32, i, round;
	const char *size = bits_name(bits);
	static struct sparse sparse;
	struct results results = { };

	if (!point_wanted("serialize-sparse", size) && !point_wanted("extents", size))
		return;
	bench_pin(0);
	sparse_begin(&sparse, bits);
	check_passes(&sparse);
	for (round = 0; round < bench_options.runs; round++)
		for (i = 0; i < N_PASSES; i++)
			measure(&sparse, &passes[i], &results.ms[i],
				&results.kib[i]);
	tell(size, &results);
	sparse_end(&sparse);
}
