// SPDX-License-Identifier: GPL-2.0
/* qht as modules use it: built by growth from nothing, resized by its worker. */
#include "qht_table.h"

#define SUBJECT	"qht"

/* It is not told how many entries to expect. */
static struct table *table_create(size_t n)
{
	return table_new(QHT_AUTO_RESIZE);
}

static __always_inline bool
table_insert(struct table *table, struct entry *entry, uint64_t hash)
{
	return !qht_insert(&table->ht, entry, hash, NULL, GFP_NOWAIT);
}

static __always_inline bool
table_insert_alone(struct table *table, struct entry *entry, uint64_t hash)
{
	return !qht_insert(&table->ht, entry, hash, NULL, GFP_KERNEL);
}

#include "workloads.h"

/* Hits in batches: the cache misses of one batch overlap. */
static void batch(struct bench_thread *thread)
{
	struct load *load = thread->arg;
	struct qht *ht = &((struct table *)load->table)->ht;
	uint64_t keys[SECTION], wrong = 0;
	void *entries[SECTION];
	u32 hashes[SECTION];

	do {
		unsigned int i;

		rcu_read_lock();
		for (i = 0; i < SECTION; i++) {
			keys[i] = key_of(load, load->first +
					 bench_below(bench_random(thread), load->range));
			hashes[i] = hash_of(keys[i]);
		}
		qht_lookup_batch(ht, keys, sizeof(keys[0]), hashes, entries,
				 SECTION, entry_has);
		for (i = 0; i < SECTION; i++)
			wrong += !entries[i];
		rcu_read_unlock();
	} while (bench_more(thread, SECTION));
	if (wrong)
		bench_die("%s: %llu answers were wrong", SUBJECT,
			  (unsigned long long)wrong);
}

const struct subject qht = {
	SUBJECT_OPERATIONS,
	.batch = batch,
	.buckets = table_buckets,
	.settle = twin_settle,
};
