// SPDX-License-Identifier: GPL-2.0
/* qht under test. */
#include <linux/gfp.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bench.h"

struct table {
	struct qht ht;
	u32 seed;
};

static __always_inline bool item_has_key(const void *entry, const void *key)
{
	return ((const struct item *)entry)->key == *(const u64 *)key;
}

static bool items_equal(const void *entry, const void *other)
{
	return item_has_key(entry, &((const struct item *)other)->key);
}

static __always_inline bool subject_lookup_hit(void *table, const u64 *key)
{
	struct table *t = table;

	return qht_lookup_custom(&t->ht, key, bench_hash(key, t->seed),
				 item_has_key);
}

static __always_inline bool subject_lookup_miss(void *table, const u64 *key)
{
	return subject_lookup_hit(table, key);
}

static __always_inline int subject_insert(void *table, struct item *item)
{
	struct table *t = table;

	return qht_insert(&t->ht, item, bench_hash(&item->key, t->seed), NULL,
			  GFP_ATOMIC);
}

static __always_inline bool subject_remove(void *table, struct item *item)
{
	struct table *t = table;

	return qht_remove(&t->ht, item, bench_hash(&item->key, t->seed));
}

#include "loops.h"

static void *create(void)
{
	struct table *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->seed = get_random_u32();
	if (qht_init(&t->ht, items_equal, 0, QHT_AUTO_RESIZE, GFP_KERNEL)) {
		kfree(t);
		return NULL;
	}
	return t;
}

static void destroy(void *table)
{
	struct table *t = table;

	qht_destroy(&t->ht, NULL, NULL);
	kfree(t);
}

static bool settled(void *table)
{
	struct table *t = table;
	bool is_moving;

	flush_delayed_work(&t->ht.resize_work);
	rcu_read_lock();
	is_moving = rcu_access_pointer(rcu_dereference(t->ht.map)->next);
	rcu_read_unlock();
	return !is_moving;
}

const struct subject subject_qht = {
	.name = "qht",
	.create = create,
	.destroy = destroy,
	.settled = settled,
	.hit = subject_hit,
	.miss = subject_miss,
	.update = subject_update,
	.grow = subject_grow,
};
