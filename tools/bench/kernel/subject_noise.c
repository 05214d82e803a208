// SPDX-License-Identifier: GPL-2.0
/*
 * No table: what is left of the loops, and what the machine does to the longest
 * of many operations.
 */
#include <linux/compiler.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "bench.h"

struct table {
	u32 seed;
};

static __always_inline void hash_only(const struct table *table, const u64 *key)
{
	u32 hash = bench_hash(key, table->seed);

	barrier_data(&hash);
}

static __always_inline bool subject_lookup_hit(void *table, const u64 *key)
{
	hash_only(table, key);
	return true;
}

static __always_inline bool subject_lookup_miss(void *table, const u64 *key)
{
	hash_only(table, key);
	return false;
}

static __always_inline int subject_insert(void *table, struct item *item)
{
	hash_only(table, &item->key);
	return 0;
}

static __always_inline bool subject_remove(void *table, struct item *item)
{
	hash_only(table, &item->key);
	return true;
}

#include "loops.h"

static void *create(void)
{
	struct table *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (t)
		t->seed = get_random_u32();
	return t;
}

static void destroy(void *table)
{
	kfree(table);
}

static bool settled(void *table)
{
	return true;
}

const struct subject subject_noise = {
	.name = "noise",
	.create = create,
	.destroy = destroy,
	.settled = settled,
	.hit = subject_hit,
	.miss = subject_miss,
	.update = subject_update,
	.grow = subject_grow,
};
