// SPDX-License-Identifier: GPL-2.0
/*
 * rhashtable under test, as fast as it gets: parameters known at compile time,
 * and a comparison that is inlined in place of the memcmp() it falls back to.
 */
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bench.h"

static __always_inline u32 item_hash(const void *key, u32 len, u32 seed)
{
	return bench_hash(key, seed);
}

static __always_inline int item_compare(struct rhashtable_compare_arg *arg,
					const void *object)
{
	return ((const struct item *)object)->key != *(const u64 *)arg->key;
}

static const struct rhashtable_params params = {
	.key_len = sizeof_field(struct item, key),
	.key_offset = offsetof(struct item, key),
	.head_offset = offsetof(struct item, node),
	.hashfn = item_hash,
	.obj_cmpfn = item_compare,
};

static __always_inline bool subject_lookup_hit(void *table, const u64 *key)
{
	return rhashtable_lookup_likely(table, key, params);
}

static __always_inline bool subject_lookup_miss(void *table, const u64 *key)
{
	return rhashtable_lookup(table, key, params);
}

static __always_inline int subject_insert(void *table, struct item *item)
{
	return rhashtable_lookup_insert_fast(table, &item->node, params);
}

static __always_inline bool subject_remove(void *table, struct item *item)
{
	return !rhashtable_remove_fast(table, &item->node, params);
}

#include "loops.h"

static void *create(void)
{
	struct rhashtable *ht = kzalloc(sizeof(*ht), GFP_KERNEL);

	if (ht && rhashtable_init(ht, &params)) {
		kfree(ht);
		return NULL;
	}
	return ht;
}

static void destroy(void *table)
{
	rhashtable_destroy(table);
	kfree(table);
}

/* A table that was allocated in an insertion may be nested, until it is not. */
static bool settled(void *table)
{
	struct rhashtable *ht = table;
	struct bucket_table *buckets;
	bool is_moving;

	flush_work(&ht->run_work);
	rcu_read_lock();
	buckets = rcu_dereference(ht->tbl);
	is_moving = rcu_access_pointer(buckets->future_tbl) || buckets->nest;
	rcu_read_unlock();
	return !is_moving;
}

const struct subject subject_rhashtable = {
	.name = "rhashtable",
	.create = create,
	.destroy = destroy,
	.settled = settled,
	.hit = subject_hit,
	.miss = subject_miss,
	.update = subject_update,
	.grow = subject_grow,
};
