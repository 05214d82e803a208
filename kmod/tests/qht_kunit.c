// SPDX-License-Identifier: GPL-2.0
/*
 * What qht promises, as tests. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/qht.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

struct item {
	u32 key;
	u32 hash;
	bool stable;
	atomic_t seen;
	struct rcu_head rcu;
};

static bool items_equal(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->key == y->key;
}

static bool item_has_key(const void *entry, const void *key)
{
	const struct item *item = entry;

	return item->key == *(const u32 *)key;
}

/* Own generator: the same sequence in every home. */
struct rng {
	u64 state;
};

static u32 rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return (rng->state * 0x2545F4914F6CDD1DULL) >> 32;
}

/* Four keys to a hash, so that collisions are common. */
static u32 hash_of(u32 key)
{
	return (key / 4) * 0x85EBCA6B;
}

static struct item *item_alloc(u32 key, u32 hash)
{
	struct item *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (item) {
		item->key = key;
		item->hash = hash;
	}
	return item;
}

static void item_release(void *entry, void *released)
{
	if (released)
		++*(unsigned int *)released;
	kfree(entry);
}

static struct item *find(struct qht *ht, u32 key, u32 hash)
{
	struct item *item;

	rcu_read_lock();
	item = qht_lookup_custom(ht, &key, hash, item_has_key);
	rcu_read_unlock();
	return item;
}

static struct item *add(struct kunit *test, struct qht *ht, u32 key, u32 hash)
{
	struct item *item = item_alloc(key, hash);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
	KUNIT_ASSERT_EQ(test, qht_insert(ht, item, hash, NULL, GFP_KERNEL), 0);
	return item;
}

static void fill(struct kunit *test, struct qht *ht, u32 from, u32 to)
{
	u32 key;

	for (key = from; key < to; key++)
		add(test, ht, key, hash_of(key));
}

static void expect_keys(struct kunit *test, struct qht *ht, u32 from, u32 to,
			bool there)
{
	u32 key;

	for (key = from; key < to; key++)
		KUNIT_ASSERT_EQ(test, !!find(ht, key, hash_of(key)), there);
}

static void drop(struct kunit *test, struct qht *ht, u32 key)
{
	struct item *item = find(ht, key, hash_of(key));

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
	KUNIT_ASSERT_TRUE(test, qht_remove(ht, item, item->hash));
	kfree_rcu(item, rcu);
}

static void init_refuses_what_it_cannot_do(struct kunit *test)
{
	static struct qht ht;

	KUNIT_EXPECT_EQ(test, qht_init(&ht, NULL, 0, 0, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init(&ht, items_equal, 0, BIT(1), GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init(&ht, items_equal, SIZE_MAX, 0, GFP_KERNEL), -EFBIG);
}

static void init_makes_room_as_asked(struct kunit *test)
{
	static const size_t elems[] = { 0, 1, 2, 8, 16, 5000, 8192 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(elems); i++) {
		static struct qht ht;

		KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, elems[i], 0, GFP_KERNEL), 0);
		KUNIT_EXPECT_GE(test, qht_buckets(&ht) * QHT_BUCKET_ENTRIES,
				elems[i]);
		KUNIT_EXPECT_LE(test, qht_buckets(&ht), elems[i] + 2);
		fill(test, &ht, 0, 100);
		expect_keys(test, &ht, 0, 100, true);
		expect_keys(test, &ht, 100, 200, false);
		qht_destroy(&ht, item_release, NULL);
	}
}

static void insert_reports_the_equal_entry(struct kunit *test)
{
	struct item *one, *two;
	void *existing = NULL;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	one = add(test, &ht, 7, 99);
	two = item_alloc(7, 99);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, two);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, qht_insert(&ht, two, 99, &existing, GFP_ATOMIC),
			-EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, existing, (void *)one);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, qht_insert(&ht, two, 99, NULL, GFP_KERNEL), -EEXIST);
	KUNIT_EXPECT_EQ(test, qht_insert(&ht, NULL, 99, NULL, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)1);
	KUNIT_EXPECT_PTR_EQ(test, find(&ht, 7, 99), one);
	kfree(two);
	qht_destroy(&ht, item_release, NULL);
}

static void entries_of_one_hash_are_told_apart(struct kunit *test)
{
	struct item *items[50];
	static struct qht ht;
	u32 key;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	for (key = 0; key < ARRAY_SIZE(items); key++)
		items[key] = add(test, &ht, key, 0x12345678);
	for (key = 0; key < ARRAY_SIZE(items); key++)
		KUNIT_EXPECT_PTR_EQ(test, find(&ht, key, 0x12345678), items[key]);
	KUNIT_EXPECT_NULL(test, find(&ht, key, 0x12345678));
	KUNIT_EXPECT_NULL(test, find(&ht, 0, 0x12345679));
	qht_destroy(&ht, item_release, NULL);
}

static void lookup_compares_as_the_table_does(struct kunit *test)
{
	struct item *item, same = { .key = 3 }, other = { .key = 4 };
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	item = add(test, &ht, 3, 1);
	rcu_read_lock();
	qht_prefetch(&ht, 1);
	KUNIT_EXPECT_PTR_EQ(test, qht_lookup(&ht, &same, 1), (void *)item);
	KUNIT_EXPECT_NULL(test, qht_lookup(&ht, &other, 1));
	rcu_read_unlock();
	qht_destroy(&ht, item_release, NULL);
}

static void remove_takes_the_very_entry_once(struct kunit *test)
{
	struct item *item, twin = { .key = 5, .hash = 11 };
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	item = add(test, &ht, 5, 11);
	KUNIT_EXPECT_FALSE(test, qht_remove(&ht, &twin, 11));
	KUNIT_EXPECT_FALSE(test, qht_remove(&ht, NULL, 11));
	KUNIT_EXPECT_PTR_EQ(test, find(&ht, 5, 11), item);
	KUNIT_EXPECT_TRUE(test, qht_remove(&ht, item, 11));
	KUNIT_EXPECT_FALSE(test, qht_remove(&ht, item, 11));
	KUNIT_EXPECT_NULL(test, find(&ht, 5, 11));
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)0);
	kfree_rcu(item, rcu);
	qht_destroy(&ht, item_release, NULL);
}

/* Each position in a chain of one, two and three buckets. */
static void removal_leaves_no_gap(struct kunit *test)
{
	u32 n, hole, key;

	for (n = 1; n <= 3 * QHT_BUCKET_ENTRIES; n++) {
		for (hole = 0; hole < n; hole++) {
			struct item *item;
			static struct qht ht;

			KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
			for (key = 0; key < n; key++)
				add(test, &ht, key, 1);
			item = find(&ht, hole, 1);
			KUNIT_ASSERT_TRUE(test, qht_remove(&ht, item, 1));
			kfree_rcu(item, rcu);
			for (key = 0; key < n; key++)
				KUNIT_ASSERT_EQ(test, !!find(&ht, key, 1),
						key != hole);
			KUNIT_ASSERT_EQ(test, qht_count(&ht), (u64)n - 1);
			qht_destroy(&ht, item_release, NULL);
		}
	}
}

static void await_buckets(struct kunit *test, struct qht *ht, size_t at_least)
{
	unsigned int ms;

	for (ms = 0; qht_buckets(ht) < at_least && ms < 5000; ms += 2)
		usleep_range(2000, 3000);
	KUNIT_EXPECT_GE(test, qht_buckets(ht), at_least);
}

static void grows_by_itself(struct kunit *test)
{
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	fill(test, &ht, 0, 5000);
	await_buckets(test, &ht, 5000 / QHT_BUCKET_ENTRIES);
	expect_keys(test, &ht, 0, 5000, true);
	expect_keys(test, &ht, 5000, 6000, false);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)5000);
	qht_destroy(&ht, item_release, NULL);
}

static void does_not_grow_unasked(struct kunit *test)
{
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 500);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	expect_keys(test, &ht, 0, 500, true);
	qht_destroy(&ht, item_release, NULL);
}

static void resize_keeps_every_entry(struct kunit *test)
{
	static const size_t sizes[] = { 1 << 14, 0, 64, 1 << 12, 1 << 12, 1 };
	unsigned int released = 0, i;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 3000);
	KUNIT_EXPECT_EQ(test, qht_resize(&ht, SIZE_MAX), -EFBIG);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_ASSERT_EQ(test, qht_resize(&ht, sizes[i]), 0);
		KUNIT_EXPECT_GE(test, qht_buckets(&ht) * QHT_BUCKET_ENTRIES,
				sizes[i]);
		KUNIT_EXPECT_LE(test, qht_buckets(&ht), sizes[i] + 2);
		expect_keys(test, &ht, 0, 3000, true);
		expect_keys(test, &ht, 3000, 4000, false);
		KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)3000);
	}
	qht_destroy(&ht, item_release, &released);
	KUNIT_EXPECT_EQ(test, released, 3000U);
}

static void destroy_releases_what_is_left(struct kunit *test)
{
	unsigned int released = 0;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 100);
	drop(test, &ht, 17);
	drop(test, &ht, 99);
	qht_destroy(&ht, item_release, &released);
	KUNIT_EXPECT_EQ(test, released, 98U);
}

/* What goes on between the steps of a walk. */
enum between { NOTHING, GROW, SHRINK, CHURN };

/*
 * Walk in steps of @max over @n stable entries, and count how often each comes.
 * Keys from @n on come and go.
 */
static void walk_all(struct kunit *test, u32 n, unsigned int max,
		     enum between between)
{
	struct item **items = kunit_kcalloc(test, n, sizeof(*items), GFP_KERNEL);
	size_t room = between == SHRINK ? 1 << 14 : 16;
	struct qht_cursor cursor;
	struct rng rng = { 42 };
	unsigned int got, i;
	void *entries[8];
	static struct qht ht;
	u32 key;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, items);
	KUNIT_ASSERT_LE(test, max, (unsigned int)ARRAY_SIZE(entries));
	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, room, 0, GFP_KERNEL), 0);
	for (key = 0; key < n; key++)
		items[key] = add(test, &ht, key, hash_of(key));
	qht_cursor_init(&cursor);
	do {
		rcu_read_lock();
		got = qht_walk(&ht, &cursor, entries, max);
		for (i = 0; i < got; i++)
			atomic_inc(&((struct item *)entries[i])->seen);
		rcu_read_unlock();
		KUNIT_ASSERT_LE(test, got, max);

		if (between == GROW && room < 1 << 14)
			room *= 2;
		if (between == SHRINK && room > 1)
			room /= 2;
		if (between == GROW || between == SHRINK)
			KUNIT_ASSERT_EQ(test, qht_resize(&ht, room), 0);
		key = n + rng_next(&rng) % 64;
		if (between == CHURN && find(&ht, key, hash_of(key)))
			drop(test, &ht, key);
		else if (between == CHURN)
			add(test, &ht, key, hash_of(key));
	} while (!qht_cursor_done(&cursor));
	for (key = 0; key < n; key++)
		KUNIT_EXPECT_EQ(test, atomic_read(&items[key]->seen), 1);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, qht_walk(&ht, &cursor, entries, max), 0U);
	rcu_read_unlock();
	qht_destroy(&ht, item_release, NULL);
}

static void walk_visits_each_entry_once(struct kunit *test)
{
	walk_all(test, 0, 8, NOTHING);
	walk_all(test, 1, 1, NOTHING);
	walk_all(test, 1000, 8, NOTHING);
	walk_all(test, 1000, 3, NOTHING);
}

static void walk_shorter_than_a_chain_gets_on(struct kunit *test)
{
	walk_all(test, 300, 1, NOTHING);
}

static void walk_visits_once_while_growing(struct kunit *test)
{
	walk_all(test, 1000, 5, GROW);
}

static void walk_visits_once_while_shrinking(struct kunit *test)
{
	walk_all(test, 1000, 5, SHRINK);
}

static void walk_visits_once_beside_writers(struct kunit *test)
{
	walk_all(test, 1000, 5, CHURN);
}

static void walk_of_an_emptied_table_goes_in_steps(struct kunit *test)
{
	struct qht_cursor cursor;
	static struct qht ht;
	unsigned int steps;
	void *entry;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 1 << 15, 0, GFP_KERNEL), 0);
	qht_cursor_init(&cursor);
	for (steps = 0; !qht_cursor_done(&cursor); steps++) {
		rcu_read_lock();
		KUNIT_ASSERT_EQ(test, qht_walk(&ht, &cursor, &entry, 1), 0U);
		rcu_read_unlock();
	}
	KUNIT_EXPECT_GE(test, steps, qht_buckets(&ht) / 256);
	qht_destroy(&ht, item_release, NULL);
}

struct iter_remove {
	struct qht *ht;
	unsigned int visited, removed;
};

static void visit_remove_tenth(void *entry, void *arg)
{
	struct iter_remove *ctx = arg;
	struct item *item = entry;

	ctx->visited++;
	if (item->key % 10 == 0 && qht_remove(ctx->ht, item, item->hash)) {
		ctx->removed++;
		kfree_rcu(item, rcu);
	}
}

static void iter_may_remove_what_it_visits(struct kunit *test)
{
	struct iter_remove ctx = {};
	static struct qht ht;
	u32 key;

	ctx.ht = &ht;
	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 64, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 1000);
	qht_iter(&ht, visit_remove_tenth, &ctx);
	KUNIT_EXPECT_EQ(test, ctx.visited, 1000U);
	KUNIT_EXPECT_EQ(test, ctx.removed, 100U);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)900);
	for (key = 0; key < 1000; key++)
		KUNIT_EXPECT_EQ(test, !!find(&ht, key, hash_of(key)), key % 10 != 0);
	qht_destroy(&ht, item_release, NULL);
}

/* RCU callbacks run in softirqs. */
struct softirq_user {
	struct rcu_head rcu;
	struct qht *ht;
	struct item *item;
	int inserted;
	bool found, removed;
};

static void use_in_softirq(struct rcu_head *rcu)
{
	struct softirq_user *user = container_of(rcu, struct softirq_user, rcu);
	struct item *item = user->item;

	user->inserted = qht_insert(user->ht, item, item->hash, NULL, GFP_ATOMIC);
	user->found = find(user->ht, item->key, item->hash) == item;
	user->removed = qht_remove(user->ht, item, item->hash);
}

static void softirqs_may_do_all_that_processes_may(struct kunit *test)
{
	static struct softirq_user user;
	static struct qht ht;
	u32 key;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	user.ht = &ht;
	user.item = item_alloc(1 << 20, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user.item);
	call_rcu(&user.rcu, use_in_softirq);
	for (key = 0; key < 500; key++)
		add(test, &ht, key, 1);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, user.inserted, 0);
	KUNIT_EXPECT_TRUE(test, user.found);
	KUNIT_EXPECT_TRUE(test, user.removed);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)500);
	kfree_rcu(user.item, rcu);
	qht_destroy(&ht, item_release, NULL);
}

#define MODEL_KEYS 512

static void random_operations_agree_with_a_model(struct kunit *test)
{
	struct item **model = kunit_kcalloc(test, MODEL_KEYS, sizeof(*model),
					    GFP_KERNEL);
	struct rng rng = { 0x9E3779B97F4A7C15ULL };
	struct item *item;
	u32 step, key, n = 0;
	static struct qht ht;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE, GFP_KERNEL), 0);
	for (step = 0; step < 60000; step++) {
		key = rng_next(&rng) % MODEL_KEYS;
		switch (rng_next(&rng) % 8) {
		case 0 ... 2:
			item = item_alloc(key, hash_of(key));
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
			KUNIT_ASSERT_EQ(test, qht_insert(&ht, item, item->hash, NULL,
							 GFP_KERNEL),
					model[key] ? -EEXIST : 0);
			if (model[key]) {
				kfree(item);
				break;
			}
			model[key] = item;
			n++;
			break;
		case 3 ... 4:
			if (!model[key])
				break;
			KUNIT_ASSERT_TRUE(test, qht_remove(&ht, model[key],
							   hash_of(key)));
			kfree_rcu(model[key], rcu);
			model[key] = NULL;
			n--;
			break;
		case 5:
			if (step % 64 == 0)
				KUNIT_ASSERT_EQ(test, qht_resize(&ht, rng_next(&rng) %
								 2048), 0);
			break;
		default:
			KUNIT_ASSERT_PTR_EQ(test, find(&ht, key, hash_of(key)),
					    model[key]);
		}
		if (step % 1024 == 0) {
			KUNIT_ASSERT_EQ(test, qht_count(&ht), (u64)n);
			cond_resched();
		}
	}
	qht_destroy(&ht, item_release, NULL);
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

static void crew_check(struct crew *crew, bool ok)
{
	if (!ok)
		atomic_inc(&crew->errors);
}

static int worker_main(void *arg)
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

static void crew_run(struct kunit *test, struct crew *crew,
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

static int work_read(struct crew *crew, unsigned int id)
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
static int work_churn(struct crew *crew, unsigned int id)
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

static int work_resize(struct crew *crew, unsigned int id)
{
	unsigned int i;

	for (i = 0; i < 4 * CHURN_ROUNDS && atomic_read(&crew->running) > 1; i++) {
		crew_check(crew, !qht_resize(&crew->ht, (i % 2) ? 4096 : 16));
		cond_resched();
	}
	return 0;
}

/* Every walk meets each stable entry once, and none that is freed. */
static int work_walk(struct crew *crew, unsigned int id)
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

static void run_beside_stable_entries(struct kunit *test, unsigned int mode,
				      int (*const works[])(struct crew *,
							   unsigned int),
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

static void readers_find_what_stays_beside_writers(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_churn, work_churn, work_read, work_read,
	};

	run_beside_stable_entries(test, QHT_AUTO_RESIZE, works, ARRAY_SIZE(works));
}

static void writers_and_readers_go_on_while_resized(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_churn, work_churn, work_read, work_resize,
	};

	run_beside_stable_entries(test, 0, works, ARRAY_SIZE(works));
}

static void walks_go_on_beside_writers_and_resizes(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_churn, work_walk, work_resize, work_read,
	};

	run_beside_stable_entries(test, 0, works, ARRAY_SIZE(works));
}

#define RACE_KEYS 4000

/* All insert equal entries, then all remove them: one wins each time. */
static int work_race_insert(struct crew *crew, unsigned int id)
{
	u32 key;

	for (key = 0; key < RACE_KEYS; key++) {
		struct item *item = item_alloc(key, hash_of(key));

		if (!item)
			return -ENOMEM;
		if (!qht_insert(&crew->ht, item, item->hash, NULL, GFP_KERNEL))
			atomic_inc(&crew->winners);
		else
			kfree(item);
		if (key % 64 == 0)
			cond_resched();
	}
	return 0;
}

static int work_race_remove(struct crew *crew, unsigned int id)
{
	u32 key;

	for (key = 0; key < RACE_KEYS; key++) {
		struct item *item;

		rcu_read_lock();
		item = qht_lookup_custom(&crew->ht, &key, hash_of(key), item_has_key);
		if (item && qht_remove(&crew->ht, item, item->hash)) {
			atomic_inc(&crew->winners);
			kfree_rcu(item, rcu);
		}
		rcu_read_unlock();
		if (key % 64 == 0)
			cond_resched();
	}
	return 0;
}

static void one_of_several_equal_writers_wins(struct kunit *test)
{
	int (*const inserts[])(struct crew *, unsigned int) = {
		work_race_insert, work_race_insert, work_race_insert,
	};
	int (*const removes[])(struct crew *, unsigned int) = {
		work_race_remove, work_race_remove, work_race_remove,
	};
	struct crew *crew = kunit_kzalloc(test, sizeof(*crew), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, crew);
	KUNIT_ASSERT_EQ(test, qht_init(&crew->ht, items_equal, 0,
				       QHT_AUTO_RESIZE, GFP_KERNEL), 0);
	crew_run(test, crew, inserts, ARRAY_SIZE(inserts));
	KUNIT_EXPECT_EQ(test, atomic_read(&crew->winners), RACE_KEYS);
	KUNIT_EXPECT_EQ(test, qht_count(&crew->ht), (u64)RACE_KEYS);
	atomic_set(&crew->winners, 0);
	crew_run(test, crew, removes, ARRAY_SIZE(removes));
	KUNIT_EXPECT_EQ(test, atomic_read(&crew->winners), RACE_KEYS);
	KUNIT_EXPECT_EQ(test, qht_count(&crew->ht), (u64)0);
	qht_destroy(&crew->ht, item_release, NULL);
}

#ifdef QDS_TWIN
#include <twin.h>

/* Fail each allocation of an operation in turn, until none is left to fail. */
static void insert_without_memory_changes_nothing(struct kunit *test)
{
	struct item *item;
	int nth, ret;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 64);
	item = item_alloc(64, hash_of(64));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
	for (nth = 1;; nth++) {
		twin_fail_nth(nth);
		ret = qht_insert(&ht, item, item->hash, NULL, GFP_KERNEL);
		if (!twin_fail_fired())
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		KUNIT_ASSERT_NULL(test, find(&ht, 64, item->hash));
		KUNIT_ASSERT_EQ(test, qht_count(&ht), (u64)64);
	}
	KUNIT_EXPECT_GT(test, nth, 1);
	KUNIT_EXPECT_EQ(test, ret, 0);
	expect_keys(test, &ht, 0, 65, true);
	qht_destroy(&ht, item_release, NULL);
}

static void init_without_memory_leaves_nothing(struct kunit *test)
{
	static struct qht ht;
	int nth, ret;

	for (nth = 1;; nth++) {
		twin_fail_nth(nth);
		ret = qht_init(&ht, items_equal, 100, 0, GFP_KERNEL);
		if (!twin_fail_fired())
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
	}
	KUNIT_EXPECT_GT(test, nth, 3);
	KUNIT_EXPECT_EQ(test, ret, 0);
	qht_destroy(&ht, NULL, NULL);
}

static void resize_without_memory_leaves_a_working_table(struct kunit *test)
{
	unsigned int released = 0, failed = 0;
	static struct qht ht;
	int nth, ret;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 1 << 12, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 1000);
	for (nth = 1; nth < 500; nth++) {
		size_t room = nth % 2 ? 64 : 1 << 12;

		twin_fail_nth(nth);
		ret = qht_resize(&ht, room);
		if (!ret)
			KUNIT_ASSERT_EQ(test, qht_buckets(&ht),
					room / QHT_BUCKET_ENTRIES);
		if (!twin_fail_fired())
			continue;
		failed += ret == -ENOMEM;
		expect_keys(test, &ht, 0, 1000, true);
		drop(test, &ht, 0);
		add(test, &ht, 0, hash_of(0));
	}
	twin_fail_nth(0);
	KUNIT_EXPECT_GT(test, failed, 0U);
	KUNIT_EXPECT_EQ(test, qht_resize(&ht, 1 << 13), 0);
	expect_keys(test, &ht, 0, 1000, true);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)1000);
	qht_destroy(&ht, item_release, &released);
	KUNIT_EXPECT_EQ(test, released, 1000U);
}

#define HALF_KEYS	1000

/*
 * A table of which some chains have moved and some have not: memory runs out in
 * the middle of a resize. It has HALF_KEYS keys.
 */
static void make_half_moved(struct kunit *test, struct qht *ht)
{
	KUNIT_ASSERT_EQ(test, qht_init(ht, items_equal, 1 << 12, 0, GFP_KERNEL), 0);
	fill(test, ht, 0, HALF_KEYS);
	/* The map and its array, and buckets for some of the chains. */
	twin_fail_from(40);
	KUNIT_ASSERT_EQ(test, qht_resize(ht, 64), -ENOMEM);
	KUNIT_ASSERT_TRUE(test, twin_fail_fired());
}

static void half_moved_table_works(struct kunit *test)
{
	struct iter_remove ctx = {};
	unsigned int released = 0;
	static struct qht ht;
	u32 key;

	make_half_moved(test, &ht);
	expect_keys(test, &ht, 0, HALF_KEYS, true);
	expect_keys(test, &ht, HALF_KEYS, 2 * HALF_KEYS, false);
	for (key = 0; key < HALF_KEYS; key++)
		drop(test, &ht, key);
	fill(test, &ht, 0, HALF_KEYS);
	ctx.ht = &ht;
	qht_iter(&ht, visit_remove_tenth, &ctx);
	KUNIT_EXPECT_EQ(test, ctx.visited, (unsigned int)HALF_KEYS);
	KUNIT_EXPECT_EQ(test, ctx.removed, HALF_KEYS / 10U);
	KUNIT_EXPECT_EQ(test, qht_resize(&ht, 1 << 13), 0);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht),
			(size_t)(1 << 13) / QHT_BUCKET_ENTRIES);
	qht_destroy(&ht, item_release, &released);
	KUNIT_EXPECT_EQ(test, released, HALF_KEYS * 9 / 10U);
}

static void half_moved_table_is_released_once(struct kunit *test)
{
	unsigned int released = 0;
	static struct qht ht;

	make_half_moved(test, &ht);
	qht_destroy(&ht, item_release, &released);
	KUNIT_EXPECT_EQ(test, released, (unsigned int)HALF_KEYS);
}

static void insertions_alone_end_a_resize(struct kunit *test)
{
	static struct qht ht;
	size_t heads;

	make_half_moved(test, &ht);
	heads = qht_buckets(&ht);
	fill(test, &ht, HALF_KEYS, HALF_KEYS + heads);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)64 / QHT_BUCKET_ENTRIES);
	expect_keys(test, &ht, 0, HALF_KEYS + heads, true);
	qht_destroy(&ht, item_release, NULL);
}

static void growth_comes_when_there_is_memory_again(struct kunit *test)
{
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	twin_fail_workers(true);
	fill(test, &ht, 0, 1000);
	msleep(50);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	expect_keys(test, &ht, 0, 1000, true);
	twin_fail_workers(false);
	await_buckets(test, &ht, 1000 / QHT_BUCKET_ENTRIES);
	expect_keys(test, &ht, 0, 1000, true);
	qht_destroy(&ht, item_release, NULL);
}

/* As work_resize(), but memory runs out each time, somewhere. */
static int work_resize_starved(struct crew *crew, unsigned int id)
{
	struct rng rng = { id + 1 };
	unsigned int i;

	for (i = 0; i < 8 * CHURN_ROUNDS && atomic_read(&crew->running) > 1; i++) {
		int ret;

		twin_fail_from(1 + rng_next(&rng) % 64);
		ret = qht_resize(&crew->ht, (i % 2) ? 4096 : 16);
		crew_check(crew, twin_fail_fired() ? !ret || ret == -ENOMEM : !ret);
		cond_resched();
	}
	return 0;
}

static void resizes_fail_and_are_ended_by_others(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_churn, work_churn, work_read, work_resize_starved,
	};

	run_beside_stable_entries(test, 0, works, ARRAY_SIZE(works));
}

static void no_more_than_two_locks_are_held(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, twin_max_spin_depth(), 2);
}
#endif

static struct kunit_case qht_cases[] = {
	KUNIT_CASE(init_refuses_what_it_cannot_do),
	KUNIT_CASE(init_makes_room_as_asked),
	KUNIT_CASE(insert_reports_the_equal_entry),
	KUNIT_CASE(entries_of_one_hash_are_told_apart),
	KUNIT_CASE(lookup_compares_as_the_table_does),
	KUNIT_CASE(remove_takes_the_very_entry_once),
	KUNIT_CASE(removal_leaves_no_gap),
	KUNIT_CASE(grows_by_itself),
	KUNIT_CASE(does_not_grow_unasked),
	KUNIT_CASE(resize_keeps_every_entry),
	KUNIT_CASE(destroy_releases_what_is_left),
	KUNIT_CASE(walk_visits_each_entry_once),
	KUNIT_CASE(walk_shorter_than_a_chain_gets_on),
	KUNIT_CASE(walk_visits_once_while_growing),
	KUNIT_CASE(walk_visits_once_while_shrinking),
	KUNIT_CASE(walk_visits_once_beside_writers),
	KUNIT_CASE(walk_of_an_emptied_table_goes_in_steps),
	KUNIT_CASE(iter_may_remove_what_it_visits),
	KUNIT_CASE(softirqs_may_do_all_that_processes_may),
	KUNIT_CASE(random_operations_agree_with_a_model),
	KUNIT_CASE(readers_find_what_stays_beside_writers),
	KUNIT_CASE(writers_and_readers_go_on_while_resized),
	KUNIT_CASE(walks_go_on_beside_writers_and_resizes),
	KUNIT_CASE(one_of_several_equal_writers_wins),
#ifdef QDS_TWIN
	KUNIT_CASE(insert_without_memory_changes_nothing),
	KUNIT_CASE(init_without_memory_leaves_nothing),
	KUNIT_CASE(resize_without_memory_leaves_a_working_table),
	KUNIT_CASE(half_moved_table_works),
	KUNIT_CASE(half_moved_table_is_released_once),
	KUNIT_CASE(insertions_alone_end_a_resize),
	KUNIT_CASE(growth_comes_when_there_is_memory_again),
	KUNIT_CASE(resizes_fail_and_are_ended_by_others),
	KUNIT_CASE(no_more_than_two_locks_are_held),
#endif
	{}
};

static struct kunit_suite qht_suite = {
	.name = "qht",
	.test_cases = qht_cases,
};

kunit_test_suite(qht_suite);

MODULE_DESCRIPTION("KUnit tests of qht");
MODULE_LICENSE("GPL");
