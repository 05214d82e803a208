// SPDX-License-Identifier: GPL-2.0
/*
 * No table: what the machine does to a loop that only spends time, about as much
 * as an operation of a table takes, so as to be exposed to it for as long.
 */
#include "bench.h"

#define SUBJECT	"noise"

struct table {
	struct entry entry;
};

static struct table the_table;

static __always_inline void spend_time(uint64_t x)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		x = bench_mix(x);
	bench_use((const void *)(uintptr_t)x);
}

static struct table *table_create(size_t n)
{
	return &the_table;
}

static void table_destroy(struct table *table)
{
}

static __always_inline struct entry *
table_lookup(struct table *table, uint64_t key, uint64_t hash)
{
	spend_time(hash);
	return &table->entry;
}

static __always_inline bool
table_insert(struct table *table, struct entry *entry, uint64_t hash)
{
	spend_time(hash);
	return true;
}

static __always_inline bool
table_insert_alone(struct table *table, struct entry *entry, uint64_t hash)
{
	return table_insert(table, entry, hash);
}

static __always_inline struct entry *
table_remove(struct table *table, uint64_t key, uint64_t hash)
{
	return table_lookup(table, key, hash);
}

static __always_inline void section_begin(void)
{
}

static __always_inline void section_end(void)
{
}

#include "workloads.h"

const struct subject noise = { SUBJECT_OPERATIONS };
