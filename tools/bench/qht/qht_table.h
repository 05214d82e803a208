/* SPDX-License-Identifier: GPL-2.0 */
/* A table of qht, for the subjects that are one. */
#ifndef BENCH_QHT_TABLE_H
#define BENCH_QHT_TABLE_H

#define TWIN_HOST
#include <stdlib.h>
#include <string.h>

#include <linux/qht.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bench.h"

struct table {
	struct qht ht;
	/* stop_the_world's own */
	size_t n;
	size_t limit;
};

static bool entry_equal(const void *entry, const void *key)
{
	const struct entry *a = entry, *b = key;

	return a->key == b->key;
}

static __always_inline bool entry_has(const void *entry, const void *key)
{
	return ((const struct entry *)entry)->key == *(const uint64_t *)key;
}

static struct table *table_new(unsigned int mode)
{
	struct table *table = kzalloc(sizeof(*table), GFP_KERNEL);

	if (table && qht_init(&table->ht, entry_equal, 0, mode, GFP_KERNEL)) {
		kfree(table);
		table = NULL;
	}
	return table;
}

static void table_destroy(struct table *table)
{
	qht_destroy(&table->ht, NULL, NULL);
	rcu_barrier();
	kfree(table);
}

static size_t table_buckets(void *table)
{
	return qht_buckets(&((struct table *)table)->ht);
}

static __always_inline struct entry *
table_lookup(struct table *table, uint64_t key, uint64_t hash)
{
	return qht_lookup_custom(&table->ht, &key, hash, entry_has);
}

static __always_inline struct entry *
table_remove(struct table *table, uint64_t key, uint64_t hash)
{
	struct entry *entry = table_lookup(table, key, hash);

	return entry && qht_remove(&table->ht, entry, hash) ? entry : NULL;
}

static __always_inline void section_begin(void)
{
	rcu_read_lock();
}

static __always_inline void section_end(void)
{
	rcu_read_unlock();
}

#endif /* BENCH_QHT_TABLE_H */
