// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of a bitmap that is dense, against those of a file in memory: read, and
 * restored or written, with calls of the same size.
 */
#include <string.h>
#include <unistd.h>

#include "../../libqds.h"
#include "device.h"

/* What a bitmap holds repeats after so many bytes, the largest call. */
#define PERIOD		(4u << 20)

static const size_t calls[] = { 64 << 10, 1 << 20, PERIOD };

/**
 * struct way - a way to move bytes
 * @workload: of the point
 * @subject: of the point
 * @read: bytes into memory; NULL where bytes are written
 * @write: bytes from memory, or NULL
 * @is_bitmap: the file is a bitmap, or else one in memory
 * @peer: index of the way that it is compared with, or its own
 */
struct way {
	const char *workload;
	const char *subject;
	void (*read)(int fd, uint64_t at, void *data, size_t size);
	void (*write)(int fd, uint64_t at, const void *data, size_t size);
	bool is_bitmap;
	unsigned int peer;
};

enum { SERIALIZE, PREAD, DESERIALIZE, MEMFD_READ, MEMFD_WRITE, N_WAYS };

static const struct way ways[N_WAYS] = {
	[SERIALIZE] = { "serialize", "qds", bitmap_read, NULL, true, MEMFD_READ },
	[PREAD] = { "pread", "qds", file_read, NULL, true, MEMFD_READ },
	[DESERIALIZE] = { "deserialize", "qds", NULL, bitmap_write, true,
			  MEMFD_WRITE },
	[MEMFD_READ] = { "pread", "memfd", file_read, NULL, false, MEMFD_READ },
	[MEMFD_WRITE] = { "pwrite", "memfd", NULL, file_write, false,
			  MEMFD_WRITE },
};

/**
 * struct files - what is read and written
 * @size: of each, in bytes
 * @pattern: what they hold, PERIOD bytes
 * @buffer: for one call
 * @fd: of each way
 */
struct files {
	uint64_t size;
	uint8_t *pattern;
	uint8_t *buffer;
	int fd[N_WAYS];
};

struct job {
	struct files *files;
	unsigned int way;
	size_t call;
};

static void move(const struct job *job, uint64_t at)
{
	const struct way *way = &ways[job->way];
	struct files *files = job->files;
	int fd = files->fd[job->way];

	if (way->read)
		way->read(fd, at, files->buffer, job->call);
	else
		way->write(fd, at, files->pattern + at % PERIOD, job->call);
}

static void body(struct bench_thread *thread)
{
	const struct job *job = thread->arg;
	uint64_t at = 0;

	do {
		move(job, at);
		at = (at + job->call) % job->files->size;
	} while (bench_more(thread, job->call));
}

/* Bytes at a time, all of the file: what is read is what was written. */
static void check_way(const struct job *job)
{
	const struct way *way = &ways[job->way];
	struct files *files = job->files;
	uint64_t at;

	for (at = 0; at < files->size; at += job->call) {
		memset(files->buffer, 0xaa, job->call);
		move(job, at);
		if (way->read && memcmp(files->buffer, files->pattern + at % PERIOD,
					job->call))
			bench_die("%s of %s gives other bytes", way->workload,
				  way->subject);
	}
}

/* A bitmap and a file are read, others are written. */
static void files_begin(struct files *files, unsigned int bits)
{
	struct job job = { .files = files, .call = PERIOD };
	unsigned int i;

	files->size = (1ull << bits) / 8;
	files->pattern = buffer_make(PERIOD);
	files->buffer = buffer_make(PERIOD);
	for (i = 0; i < PERIOD / sizeof(uint64_t); i++)
		((uint64_t *)files->pattern)[i] = key_mix(i + 1);
	for (i = 0; i < N_WAYS; i++)
		if (i != PREAD)
			files->fd[i] = ways[i].is_bitmap ?
				       bitmap_make(bits) : memfd_make(files->size);
	files->fd[PREAD] = files->fd[SERIALIZE];
	for (job.way = SERIALIZE; job.way < N_WAYS; job.way++)
		if (ways[job.way].write)
			check_way(&job);
	for (i = 0; i < files->size; i += PERIOD) {
		bitmap_write(files->fd[SERIALIZE], i, files->pattern, PERIOD);
		file_write(files->fd[MEMFD_READ], i, files->pattern, PERIOD);
	}
	if (qds_bitmap_finish_restore(files->fd[SERIALIZE]))
		bench_die("a restore cannot be finished");
}

static void files_end(struct files *files)
{
	unsigned int i;

	if (qds_bitmap_finish_restore(files->fd[DESERIALIZE]))
		bench_die("a restore cannot be finished");
	expect_same(files->fd[DESERIALIZE], files->fd[MEMFD_WRITE], files->size,
		    "what was restored");
	for (i = 0; i < N_WAYS; i++)
		if (i != PREAD)
			close(files->fd[i]);
	buffer_free(files->pattern, PERIOD);
	buffer_free(files->buffer, PERIOD);
}

static void plan_call(struct files *files, const char *size, size_t call)
{
	struct job job = { .files = files, .call = call };
	struct bench_series series[N_WAYS] = { };
	unsigned int i, round;

	for (job.way = 0; job.way < N_WAYS; job.way++)
		check_way(&job);
	for (round = 0; round < bench_options.runs; round++) {
		for (i = 0; i < N_WAYS; i++) {
			/* Who begins takes turns. */
			job.way = (i + round) % N_WAYS;
			bench_add(&series[job.way],
				  bench_timed(1, body, &job) / (1 << 20));
		}
	}
	for (i = 0; i < N_WAYS; i++)
		bench_figure(point(ways[i].workload, size, call, ways[i].subject),
			     &series[i], "MiB/s");
	for (i = 0; i < N_WAYS; i++)
		if (ways[i].peer != i)
			bench_ratio(point(ways[i].workload, size, call, "memfd"),
				    &series[i], &series[ways[i].peer], false);
}

void plan_reads(void)
{
	unsigned int bits = bench_options.is_short ? 26 : 30, i;
	const char *size = bits_name(bits);
	struct files files = { };

	if (!point_wanted("serialize", size) && !point_wanted("pread", size) &&
	    !point_wanted("deserialize", size))
		return;
	files_begin(&files, bits);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		plan_call(&files, size, calls[i]);
	files_end(&files);
}
