/* SPDX-License-Identifier: GPL-2.0 */
/* bench-device: what its parts share. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "harness.h"
#include "keys.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The device, open. */
extern int device;

/*
 * In user mode Linux, where code runs at the machine's speed and a system call takes
 * 50 times what it should: only what asks for much at once means anything there.
 */
extern bool is_uml;

/**
 * struct batch - keys of one call, or of so many calls as it takes
 * @keys: the keys
 * @values: of each key; set by lookups
 * @results: set to 0 or -errno for each key
 * @n: their number
 */
struct batch {
	const struct bench_key *keys;
	uint64_t *values;
	int32_t *results;
	unsigned int n;
};

/**
 * struct subject - a table in the kernel
 * @name: as printed
 * @create: a table for so many entries; NULL if this kernel has none of that kind
 * @destroy: free it
 * @insert: add entries; -EEXIST for those that are there
 * @lookup: find entries; -ENOENT for those that are not there
 * @remove: take entries out; likewise
 */
struct subject {
	const char *name;
	void *(*create)(size_t n);
	void (*destroy)(void *table);
	void (*insert)(void *table, struct batch *batch);
	void (*lookup)(void *table, struct batch *batch);
	void (*remove)(void *table, struct batch *batch);
};

extern const struct subject subject_qds, subject_bpf_hash,
	subject_bpf_hash_noprealloc, subject_bpf_rhash, subject_bpf_hash_batch;

/* bpf.c: entries from where @cursor says on; false when there are no more. */
bool bpf_scan(void *table, uint32_t *cursor, bool is_first, struct batch *batch);

/* library.c: lookups within the kernel, by a module. */
bool library_begin(size_t n);
void library_end(void);
void library_check(size_t at_least);
void library_lookup(struct bench_thread *thread);
void library_lookup_hashed(struct bench_thread *thread);

void plan_floor(void);
void plan_tables(void);
void plan_reads(void);
void plan_sparse(void);
void plan_sets(void);

/* Names of points: device/WORKLOAD/SIZE/N/SUBJECT, or device-uml/... */
const char *point(const char *workload, const char *size, uint64_t n,
		  const char *subject);
const char *bits_name(unsigned int bits);
bool point_wanted(const char *workload, const char *size);

/* Memory that was touched before: what is measured takes no page fault. */
void *buffer_make(size_t size);
void buffer_free(void *buffer, size_t size);

/* bitmap.c: bitmaps, and files in memory of what they hold. */
int bitmap_make(unsigned int bits);
int memfd_make(uint64_t size);
void bitmap_read(int fd, uint64_t at, void *data, size_t size);
void bitmap_write(int fd, uint64_t at, const void *data, size_t size);
void file_read(int fd, uint64_t at, void *data, size_t size);
void file_write(int fd, uint64_t at, const void *data, size_t size);
void expect_same(int bitmap, int memfd, uint64_t size, const char *what);

#endif /* BENCH_DEVICE_H */
