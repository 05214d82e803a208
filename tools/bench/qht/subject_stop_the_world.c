// SPDX-License-Identifier: GPL-2.0
/*
 * qht resized as QEMU's is, and as ck_hs is: the insertion that makes the table
 * too full allocates the next map and moves everything there before it returns.
 * For one inserter; lookups are qht's own.
 */
#include "qht_table.h"

#define SUBJECT	"stop-the-world"

/* As qht grows: percent of the entries that fill all heads, few of them or many. */
#define FEW_BUCKETS		(1 << 14)
#define GROW_PERCENT_FEW	60
#define GROW_PERCENT		125

static void set_limit(struct table *table)
{
	size_t buckets = qht_buckets(&table->ht);

	table->limit = buckets * QHT_BUCKET_ENTRIES / 100.0 *
		       (buckets <= FEW_BUCKETS ? GROW_PERCENT_FEW : GROW_PERCENT);
}

static struct table *table_create(size_t n)
{
	struct table *table = table_new(0);

	if (table)
		set_limit(table);
	return table;
}

static __always_inline bool
table_insert_alone(struct table *table, struct entry *entry, uint64_t hash)
{
	if (qht_insert(&table->ht, entry, hash, NULL, GFP_KERNEL))
		return false;
	if (++table->n <= table->limit)
		return true;
	if (qht_resize(&table->ht, 2 * qht_buckets(&table->ht) *
				   QHT_BUCKET_ENTRIES))
		bench_die("%s: no memory to grow", SUBJECT);
	set_limit(table);
	return true;
}

static __always_inline bool
table_insert(struct table *table, struct entry *entry, uint64_t hash)
{
	return table_insert_alone(table, entry, hash);
}

#include "workloads.h"

const struct subject stop_the_world = {
	SUBJECT_OPERATIONS,
	.buckets = table_buckets,
	.settle = twin_settle,
};
