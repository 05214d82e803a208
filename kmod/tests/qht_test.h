/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test suites of qht share: items with keys, a model's random numbers,
 * and threads that work on one table.
 */
#ifndef _QHT_TEST_H
#define _QHT_TEST_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/qht.h>
#include <linux/sched.h>
#include <linux/slab.h>
#ifdef QDS_TWIN
#include <twin.h>
#endif

struct item {
	u32 key;
	u32 hash;
	bool stable;
	atomic_t seen;
	struct rcu_head rcu;
};

static inline bool items_equal(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->key == y->key;
}

static inline bool item_has_key(const void *entry, const void *key)
{
	const struct item *item = entry;

	return item->key == *(const u32 *)key;
}

/* Own generator: the same sequence in every home. */
struct rng {
	u64 state;
};

static inline u32 rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return (rng->state * 0x2545F4914F6CDD1DULL) >> 32;
}

/* Four keys to a hash, so that collisions are common. */
static inline u32 hash_of(u32 key)
{
	return (key / 4) * 0x85EBCA6B;
}

static inline struct item *item_alloc(u32 key, u32 hash)
{
	struct item *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (item) {
		item->key = key;
		item->hash = hash;
	}
	return item;
}

static inline void item_release(void *entry, void *released)
{
	if (released)
		++*(unsigned int *)released;
	kfree(entry);
}

static inline struct item *find(struct qht *ht, u32 key, u32 hash)
{
	struct item *item;

	rcu_read_lock();
	item = qht_lookup_custom(ht, &key, hash, item_has_key);
	rcu_read_unlock();
	return item;
}

static inline struct item *add(struct kunit *test, struct qht *ht, u32 key, u32 hash)
{
	struct item *item = item_alloc(key, hash);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
	KUNIT_ASSERT_EQ(test, qht_insert(ht, item, hash, NULL, GFP_KERNEL), 0);
	return item;
}

static inline void fill(struct kunit *test, struct qht *ht, u32 from, u32 to)
{
	u32 key;

	for (key = from; key < to; key++)
		add(test, ht, key, hash_of(key));
}

static inline void expect_keys(struct kunit *test, struct qht *ht, u32 from,
			       u32 to, bool there)
{
	u32 key;

	for (key = from; key < to; key++)
		KUNIT_ASSERT_EQ(test, !!find(ht, key, hash_of(key)), there);
}

static inline void drop(struct kunit *test, struct qht *ht, u32 key)
{
	struct item *item = find(ht, key, hash_of(key));

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
	KUNIT_ASSERT_TRUE(test, qht_remove(ht, item, item->hash));
	kfree_rcu(item, rcu);
}

/* In the place of a table's worker: one that never gets to run. */
static inline void work_that_does_nothing(struct work_struct *work)
{
}

static inline void await_buckets(struct kunit *test, struct qht *ht, size_t least)
{
	unsigned int ms;

	for (ms = 0; qht_buckets(ht) < least && ms < 5000; ms += 2)
		usleep_range(2000, 3000);
	KUNIT_EXPECT_GE(test, qht_buckets(ht), least);
}

/* Threads that work on one table; errors are counted, and expected to be none. */
struct crew {
	struct qht ht;
	atomic_t errors;
	atomic_t winners;
	atomic_t running;
	struct completion done;
};

struct worker {
	struct crew *crew;
	int (*work)(struct crew *crew, unsigned int id);
	unsigned int id;
};

static inline void crew_check(struct crew *crew, bool ok)
{
	if (!ok)
		atomic_inc(&crew->errors);
}

static inline int worker_main(void *arg)
{
	struct worker *worker = arg;

	worker->work(worker->crew, worker->id);
	if (atomic_dec_and_test(&worker->crew->running))
		complete(&worker->crew->done);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

#define MAX_WORKERS 4

static inline void crew_run(struct kunit *test, struct crew *crew,
			    int (*const works[])(struct crew *, unsigned int),
			    unsigned int n)
{
	struct task_struct *tasks[MAX_WORKERS];
	struct worker workers[MAX_WORKERS];
	unsigned int i, started = 0;

	init_completion(&crew->done);
	atomic_set(&crew->running, n);
	for (i = 0; i < n; i++) {
		workers[i] = (struct worker){ crew, works[i], i };
		tasks[i] = kthread_run(worker_main, &workers[i], "qht_kunit/%u", i);
		if (IS_ERR(tasks[i]))
			break;
		started++;
	}
	if (started == n)
		wait_for_completion(&crew->done);
	for (i = 0; i < started; i++)
		kthread_stop(tasks[i]);
	KUNIT_ASSERT_EQ(test, started, n);
	KUNIT_EXPECT_EQ(test, atomic_read(&crew->errors), 0);
}

#define STABLE_KEYS	1024
#define CHURN_KEYS	512
#define CHURN_ROUNDS	40

static inline int work_read(struct crew *crew, unsigned int id)
{
	struct rng rng = { id + 1 };
	unsigned int i;

	for (i = 0; i < STABLE_KEYS * CHURN_ROUNDS && atomic_read(&crew->running) > 1;
	     i++) {
		u32 key = rng_next(&rng) % (STABLE_KEYS + 2 * CHURN_KEYS);
		struct item *item;

		rcu_read_lock();
		item = qht_lookup_custom(&crew->ht, &key, hash_of(key), item_has_key);
		crew_check(crew, item || key >= STABLE_KEYS);
		crew_check(crew, !item || READ_ONCE(item->key) == key);
		rcu_read_unlock();
		if (i % 256 == 0)
			cond_resched();
	}
	return 0;
}

/* Inserts and removes keys of its own, and knows what must be there. */
static inline int work_churn(struct crew *crew, unsigned int id)
{
	u32 base = STABLE_KEYS + (id % 2) * CHURN_KEYS;
	u32 round, key;

	for (round = 0; round < CHURN_ROUNDS; round++) {
		for (key = base; key < base + CHURN_KEYS; key++) {
			struct item *item = item_alloc(key, hash_of(key));

			if (!item)
				return -ENOMEM;
			crew_check(crew, !find(&crew->ht, key, hash_of(key)));
			crew_check(crew, !qht_insert(&crew->ht, item, item->hash,
						     NULL, GFP_KERNEL));
			crew_check(crew, find(&crew->ht, key, hash_of(key)) == item);
		}
		for (key = base; key < base + CHURN_KEYS; key++) {
			struct item *item = find(&crew->ht, key, hash_of(key));

			crew_check(crew, item &&
				   qht_remove(&crew->ht, item, hash_of(key)));
			if (item)
				kfree_rcu(item, rcu);
		}
		cond_resched();
	}
	return 0;
}

static inline int work_resize(struct crew *crew, unsigned int id)
{
	unsigned int i;

	for (i = 0; i < 4 * CHURN_ROUNDS && atomic_read(&crew->running) > 1; i++) {
		crew_check(crew, !qht_resize(&crew->ht, (i % 2) ? 4096 : 16));
		cond_resched();
	}
	return 0;
}

/* Every walk meets each stable entry once, and none that is freed. */
static inline int work_walk(struct crew *crew, unsigned int id)
{
	int walks;

	for (walks = 1; walks <= 20 && atomic_read(&crew->running) > 1; walks++) {
		struct qht_cursor cursor;
		unsigned int stable = 0;
		void *entries[7];
		unsigned int n, i;

		qht_cursor_init(&cursor);
		do {
			rcu_read_lock();
			n = qht_walk(&crew->ht, &cursor, entries, ARRAY_SIZE(entries));
			for (i = 0; i < n; i++) {
				struct item *item = entries[i];

				if (!READ_ONCE(item->stable))
					continue;
				stable++;
				crew_check(crew, atomic_inc_return(&item->seen) ==
					   walks);
			}
			rcu_read_unlock();
			cond_resched();
		} while (!qht_cursor_done(&cursor));
		crew_check(crew, stable == STABLE_KEYS);
	}
	return 0;
}

static inline void
run_beside_stable_entries(struct kunit *test, unsigned int mode,
			  int (*const works[])(struct crew *, unsigned int),
			  unsigned int n)
{
	struct crew *crew = kunit_kzalloc(test, sizeof(*crew), GFP_KERNEL);
	unsigned int released = 0;
	u32 key;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, crew);
	KUNIT_ASSERT_EQ(test, qht_init(&crew->ht, items_equal, 0, mode, GFP_KERNEL), 0);
	for (key = 0; key < STABLE_KEYS; key++)
		add(test, &crew->ht, key, hash_of(key))->stable = true;
	crew_run(test, crew, works, n);
	KUNIT_EXPECT_EQ(test, qht_count(&crew->ht), (u64)STABLE_KEYS);
	expect_keys(test, &crew->ht, 0, STABLE_KEYS, true);
	qht_destroy(&crew->ht, item_release, &released);
	KUNIT_EXPECT_EQ(test, released, (unsigned int)STABLE_KEYS);
}

#endif /* _QHT_TEST_H */
