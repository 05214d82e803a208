// SPDX-License-Identifier: GPL-2.0
/*
 * Hash maps of bpf(2), by the bare system call: one key a call, and the calls that
 * take many. The struct is as short as each command accepts it.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device.h"

/* Newer than Debian 12's header. */
#define MAP_TYPE_RHASH		35

#define SIZE_TO(member)							\
	(offsetof(union bpf_attr, member) + sizeof(((union bpf_attr *)0)->member))

static int fd_of(const void *table)
{
	return (intptr_t)table - 1;
}

static int bpf(enum bpf_cmd command, union bpf_attr *attr, size_t size)
{
	return syscall(SYS_bpf, command, attr, size) < 0 ? -errno : 0;
}

static int create_map(uint32_t type, uint32_t flags, size_t n)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = sizeof(struct bench_key);
	attr.value_size = sizeof(uint64_t);
	attr.max_entries = n;
	attr.map_flags = flags;
	fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

/* User mode Linux as we have it is without bpf(2). */
static void *known_map(uint32_t type, uint32_t flags, size_t n)
{
	int fd;

	if (is_uml)
		return NULL;
	fd = create_map(type, flags, n);
	if (fd < 0)
		bench_die("cannot make a map of bpf(2): %s", strerror(-fd));
	return (void *)(intptr_t)(fd + 1);
}

static void *create_hash(size_t n)
{
	return known_map(BPF_MAP_TYPE_HASH, 0, n);
}

static void *create_noprealloc(size_t n)
{
	return known_map(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, n);
}

/* A kernel of before 7 says EINVAL. */
static void *create_rhash(size_t n)
{
	int fd = is_uml ? -EINVAL : create_map(MAP_TYPE_RHASH, BPF_F_NO_PREALLOC, n);

	if (fd < 0 && fd != -EINVAL)
		bench_die("cannot make a resizable map: %s", strerror(-fd));
	return fd < 0 ? NULL : (void *)(intptr_t)(fd + 1);
}

static void destroy(void *table)
{
	close(fd_of(table));
}

static void each(void *table, struct batch *batch, enum bpf_cmd command,
		 bool has_values, uint64_t flags)
{
	union bpf_attr attr;
	unsigned int i;

	memset(&attr, 0, SIZE_TO(flags));
	attr.map_fd = fd_of(table);
	attr.flags = flags;
	for (i = 0; i < batch->n; i++) {
		attr.key = (uintptr_t)&batch->keys[i];
		if (has_values)
			attr.value = (uintptr_t)&batch->values[i];
		batch->results[i] = bpf(command, &attr, SIZE_TO(flags));
	}
}

static void insert(void *table, struct batch *batch)
{
	each(table, batch, BPF_MAP_UPDATE_ELEM, true, BPF_NOEXIST);
}

static void lookup(void *table, struct batch *batch)
{
	each(table, batch, BPF_MAP_LOOKUP_ELEM, true, 0);
}

static void remove_keys(void *table, struct batch *batch)
{
	each(table, batch, BPF_MAP_DELETE_ELEM, false, 0);
}

/* They end at the first key that fails, and say how many went well. */
static void many(void *table, struct batch *batch, enum bpf_cmd command,
		 bool has_values)
{
	union bpf_attr attr;
	int rc;

	memset(&attr, 0, SIZE_TO(batch));
	attr.batch.map_fd = fd_of(table);
	attr.batch.keys = (uintptr_t)batch->keys;
	if (has_values)
		attr.batch.values = (uintptr_t)batch->values;
	attr.batch.count = batch->n;
	rc = bpf(command, &attr, SIZE_TO(batch));
	if (rc || attr.batch.count != batch->n)
		bench_die("a batch of bpf(2) ended at key %u of %u: %s",
			  attr.batch.count, batch->n, strerror(-rc));
	memset(batch->results, 0, batch->n * sizeof(*batch->results));
}

static void insert_many(void *table, struct batch *batch)
{
	many(table, batch, BPF_MAP_UPDATE_BATCH, true);
}

static void remove_many(void *table, struct batch *batch)
{
	many(table, batch, BPF_MAP_DELETE_BATCH, false);
}

bool bpf_scan(void *table, uint32_t *cursor, bool is_first, struct batch *batch)
{
	union bpf_attr attr;
	int rc;

	memset(&attr, 0, SIZE_TO(batch));
	attr.batch.map_fd = fd_of(table);
	attr.batch.keys = (uintptr_t)batch->keys;
	attr.batch.values = (uintptr_t)batch->values;
	attr.batch.count = batch->n;
	attr.batch.in_batch = is_first ? 0 : (uintptr_t)cursor;
	attr.batch.out_batch = (uintptr_t)cursor;
	rc = bpf(BPF_MAP_LOOKUP_BATCH, &attr, SIZE_TO(batch));
	if (rc && rc != -ENOENT)
		bench_die("BPF_MAP_LOOKUP_BATCH failed: %s", strerror(-rc));
	batch->n = attr.batch.count;
	return !rc;
}

#define SUBJECT(_name, _create, _insert, _remove)			\
	{								\
		.name = (_name), .create = (_create), .destroy = destroy, \
		.insert = (_insert), .lookup = lookup, .remove = (_remove), \
	}

const struct subject subject_bpf_hash =
	SUBJECT("bpf-hash", create_hash, insert, remove_keys);
const struct subject subject_bpf_hash_noprealloc =
	SUBJECT("bpf-hash-noprealloc", create_noprealloc, insert, remove_keys);
const struct subject subject_bpf_rhash =
	SUBJECT("bpf-rhash", create_rhash, insert, remove_keys);
/* The first of them, with many keys a call. It has no lookup of that sort. */
const struct subject subject_bpf_hash_batch =
	SUBJECT("bpf-hash-batch", create_hash, insert_many, remove_many);
