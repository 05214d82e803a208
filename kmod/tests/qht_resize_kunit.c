// SPDX-License-Identifier: GPL-2.0
/*
 * What qht promises of its size, and of what takes out many entries at once.
 */
#include <linux/module.h>

#include "qht_test.h"

static void await_at_most(struct kunit *test, struct qht *ht, size_t buckets)
{
	unsigned int ms;

	for (ms = 0; qht_buckets(ht) > buckets && ms < 5000; ms += 2)
		usleep_range(2000, 3000);
	KUNIT_EXPECT_LE(test, qht_buckets(ht), buckets);
}

static void drop_all(struct kunit *test, struct qht *ht, u32 from, u32 to)
{
	u32 key;

	for (key = from; key < to; key++)
		drop(test, ht, key);
}

static void shrinks_by_itself(struct kunit *test)
{
	const size_t room = 16 * QHT_BUCKET_ENTRIES;
	static struct qht ht;
	size_t full, floor;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, room,
				       QHT_AUTO_RESIZE | QHT_AUTO_SHRINK,
				       GFP_KERNEL), 0);
	floor = qht_buckets(&ht);
	KUNIT_EXPECT_GE(test, floor, (size_t)16);
	fill(test, &ht, 0, 8000);
	await_buckets(test, &ht, 8000 / QHT_BUCKET_ENTRIES * 4 / 5);
	full = qht_buckets(&ht);
	drop_all(test, &ht, 600, 8000);
	await_at_most(test, &ht, full / 4);
	expect_keys(test, &ht, 0, 600, true);
	expect_keys(test, &ht, 600, 8000, false);
	drop_all(test, &ht, 0, 600);
	/* So small a table is let be; but it is never below what it was made for. */
	await_at_most(test, &ht, 64);
	msleep(20);
	KUNIT_EXPECT_GE(test, qht_buckets(&ht), floor);
	fill(test, &ht, 0, 8000);
	await_buckets(test, &ht, 8000 / QHT_BUCKET_ENTRIES * 4 / 5);
	expect_keys(test, &ht, 0, 8000, true);
	qht_destroy(&ht, item_release, NULL);
}

static void does_not_shrink_unasked(struct kunit *test)
{
	static struct qht ht;
	size_t full;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	fill(test, &ht, 0, 4000);
	await_buckets(test, &ht, 4000 / QHT_BUCKET_ENTRIES * 4 / 5);
	full = qht_buckets(&ht);
	drop_all(test, &ht, 0, 4000);
	msleep(50);
	KUNIT_EXPECT_GE(test, qht_buckets(&ht), full);
	qht_destroy(&ht, item_release, NULL);
}

static void does_not_shrink_below_what_was_asked_for(struct kunit *test)
{
	static struct qht ht;
	unsigned int round;
	size_t asked;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0,
				       QHT_AUTO_RESIZE | QHT_AUTO_SHRINK,
				       GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qht_resize(&ht, 64 * QHT_BUCKET_ENTRIES), 0);
	asked = qht_buckets(&ht);
	KUNIT_EXPECT_GE(test, asked, (size_t)64);
	for (round = 0; round < 20; round++) {
		fill(test, &ht, 0, 100);
		drop_all(test, &ht, 0, 100);
	}
	msleep(50);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), asked);
	qht_destroy(&ht, item_release, NULL);
}

/* What a table is made for it holds without growing. */
static void has_room_for_what_it_was_made_for(struct kunit *test)
{
	static const size_t room[] = { 20, 100, 1000, 4096, 10000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(room); i++) {
		static struct qht ht;
		size_t buckets;

		KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, room[i], QHT_AUTO_RESIZE,
					       GFP_KERNEL), 0);
		buckets = qht_buckets(&ht);
		fill(test, &ht, 0, room[i]);
		msleep(20);
		KUNIT_EXPECT_EQ(test, qht_buckets(&ht), buckets);
		qht_destroy(&ht, item_release, NULL);
	}
}

/* Between the size at which a table grows and that at which it shrinks is room. */
static void size_does_not_swing_with_the_entries(struct kunit *test)
{
	static struct qht ht;
	unsigned int round, changes = 0;
	size_t size;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0,
				       QHT_AUTO_RESIZE | QHT_AUTO_SHRINK,
				       GFP_KERNEL), 0);
	fill(test, &ht, 0, 2600);
	msleep(20);
	size = qht_buckets(&ht);
	for (round = 0; round < 20; round++) {
		drop_all(test, &ht, 1300, 2600);
		msleep(20);
		changes += size != qht_buckets(&ht);
		size = qht_buckets(&ht);
		fill(test, &ht, 1300, 2600);
		msleep(20);
		changes += size != qht_buckets(&ht);
		size = qht_buckets(&ht);
	}
	KUNIT_EXPECT_LE(test, changes, 1U);
	qht_destroy(&ht, item_release, NULL);
}

/* Entries that come and go around any one number leave the size alone. */
static void size_settles_while_entries_come_and_go(struct kunit *test)
{
	static struct qht ht;
	u32 n;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0,
				       QHT_AUTO_RESIZE | QHT_AUTO_SHRINK,
				       GFP_KERNEL), 0);
	for (n = 100; n < 2000; n += 73) {
		unsigned int round, changes = 0;
		size_t size;

		fill(test, &ht, 0, n);
		msleep(20);
		size = qht_buckets(&ht);
		for (round = 0; round < 40; round++) {
			drop_all(test, &ht, n - 20, n);
			fill(test, &ht, n - 20, n);
			changes += size != qht_buckets(&ht);
			size = qht_buckets(&ht);
		}
		KUNIT_EXPECT_LE(test, changes, 2U);
		drop_all(test, &ht, 0, n);
	}
	qht_destroy(&ht, item_release, NULL);
}

/* The worker never gets to run: those who insert do its work. */
static void grows_although_the_worker_is_starved(struct kunit *test)
{
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	INIT_DELAYED_WORK(&ht.resize_work, work_that_does_nothing);
	fill(test, &ht, 0, 20000);
	/* Chains of some ten buckets, not of thousands. */
	KUNIT_EXPECT_GE(test, qht_buckets(&ht) * 10, (size_t)20000 / QHT_BUCKET_ENTRIES);
	expect_keys(test, &ht, 0, 20000, true);
	qht_destroy(&ht, item_release, NULL);
}

/* Who may not sleep cannot make maps, and works on all the same. */
static void works_in_atomic_context_without_a_worker(struct kunit *test)
{
	static struct qht ht;
	u32 key;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	INIT_DELAYED_WORK(&ht.resize_work, work_that_does_nothing);
	for (key = 0; key < 1000; key++) {
		struct item *item = item_alloc(key, hash_of(key));

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
		rcu_read_lock();
		KUNIT_ASSERT_EQ(test, qht_insert(&ht, item, item->hash, NULL,
						 GFP_ATOMIC), 0);
		rcu_read_unlock();
	}
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	expect_keys(test, &ht, 0, 1000, true);
	qht_destroy(&ht, item_release, NULL);
}

struct chosen {
	u32 divisor;
	unsigned int offered, chosen;
};

static bool choose_multiples(void *entry, void *arg)
{
	struct chosen *ctx = arg;
	struct item *item = entry;

	ctx->offered++;
	atomic_inc(&item->seen);
	if (item->key % ctx->divisor)
		return false;
	ctx->chosen++;
	return true;
}

static void release_chosen(void *entry, void *arg)
{
	struct item *item = entry;

	kfree_rcu(item, rcu);
}

static void iter_remove_takes_out_what_is_chosen(struct kunit *test)
{
	static const size_t room[] = { 0, 64, 4096 };
	unsigned int i;
	u32 key;

	for (i = 0; i < ARRAY_SIZE(room); i++) {
		struct chosen ctx = { .divisor = 10 };
		static struct qht ht;

		KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, room[i], 0, GFP_KERNEL), 0);
		fill(test, &ht, 0, 1000);
		KUNIT_EXPECT_EQ(test, qht_iter_remove(&ht, choose_multiples,
						      release_chosen, &ctx), (u64)100);
		KUNIT_EXPECT_EQ(test, ctx.offered, 1000U);
		KUNIT_EXPECT_EQ(test, ctx.chosen, 100U);
		KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)900);
		for (key = 0; key < 1000; key++)
			KUNIT_EXPECT_EQ(test, !!find(&ht, key, hash_of(key)), key % 10 != 0);
		qht_destroy(&ht, item_release, NULL);
	}
}

static void release_later(void *entry, void *released)
{
	struct item *item = entry;

	if (released)
		++*(unsigned int *)released;
	kfree_rcu(item, rcu);
}

static void reset_takes_out_all(struct kunit *test)
{
	unsigned int released = 0;
	static struct qht ht;
	size_t buckets;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 100, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qht_reset(&ht, release_later, &released), (u64)0);
	fill(test, &ht, 0, 1000);
	buckets = qht_buckets(&ht);
	KUNIT_EXPECT_EQ(test, qht_reset(&ht, release_later, &released), (u64)1000);
	KUNIT_EXPECT_EQ(test, released, 1000U);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)0);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), buckets);
	expect_keys(test, &ht, 0, 1000, false);
	fill(test, &ht, 0, 1000);
	expect_keys(test, &ht, 0, 1000, true);
	qht_destroy(&ht, item_release, NULL);
}

static void reset_without_release_leaves_entries_to_the_caller(struct kunit *test)
{
	struct item *item;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	item = add(test, &ht, 1, 1);
	KUNIT_EXPECT_EQ(test, qht_reset(&ht, NULL, NULL), (u64)1);
	KUNIT_EXPECT_EQ(test, item->key, 1U);
	kfree_rcu(item, rcu);
	qht_destroy(&ht, item_release, NULL);
}

static void reset_size_empties_and_resizes(struct kunit *test)
{
	static const size_t room[] = { 4096, 0, 4096, 4096, 64 };
	static struct qht ht;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	for (i = 0; i < ARRAY_SIZE(room); i++) {
		unsigned int released = 0;

		fill(test, &ht, 0, 500);
		KUNIT_EXPECT_EQ(test, qht_reset_size(&ht, SIZE_MAX, release_later,
						     &released), -EFBIG);
		KUNIT_EXPECT_EQ(test, released, 0U);
		KUNIT_EXPECT_EQ(test, qht_reset_size(&ht, room[i], release_later,
						     &released), 0);
		KUNIT_EXPECT_EQ(test, released, 500U);
		KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)0);
		KUNIT_EXPECT_GE(test, qht_buckets(&ht) * QHT_BUCKET_ENTRIES, room[i]);
		KUNIT_EXPECT_LE(test, qht_buckets(&ht), room[i] + 2);
		expect_keys(test, &ht, 0, 500, false);
	}
	qht_destroy(&ht, item_release, NULL);
}

static bool choose_transient(void *entry, void *arg)
{
	struct item *item = entry;

	/* A key of a fifth kind, that no other thread takes for its own. */
	return !item->stable && item->key >= STABLE_KEYS + 2 * CHURN_KEYS;
}

static int work_choose(struct crew *crew, unsigned int id)
{
	while (atomic_read(&crew->running) > 1) {
		u32 key = STABLE_KEYS + 2 * CHURN_KEYS, end = key + 200;
		u64 inserted = 0;

		for (; key < end; key++) {
			struct item *item = item_alloc(key, hash_of(key));

			if (!item)
				return -ENOMEM;
			crew_check(crew, !qht_insert(&crew->ht, item, item->hash,
						     NULL, GFP_KERNEL));
			inserted++;
		}
		crew_check(crew, qht_iter_remove(&crew->ht, choose_transient,
						 release_chosen, NULL) == inserted);
		cond_resched();
	}
	return 0;
}

static void iter_remove_offers_each_once_while_resized(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_churn, work_choose, work_resize, work_read,
	};

	run_beside_stable_entries(test, 0, works, ARRAY_SIZE(works));
}

static void two_resizes_and_a_walk_meet(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_churn, work_resize, work_resize, work_walk,
	};

	run_beside_stable_entries(test, QHT_AUTO_RESIZE | QHT_AUTO_SHRINK, works,
				  ARRAY_SIZE(works));
}

/* Counts what a reset takes out, all of it items of work_refill(). */
static atomic64_t put_in, taken_out;

static void release_counted(void *entry, void *arg)
{
	atomic64_inc(&taken_out);
	release_later(entry, NULL);
}

static int work_reset(struct crew *crew, unsigned int id)
{
	unsigned int i = 0;

	while (atomic_read(&crew->running) > 2) {
		if (++i % 2)
			qht_reset(&crew->ht, release_counted, NULL);
		else
			crew_check(crew, !qht_reset_size(&crew->ht,
							 i % 4 ? 16 : 2048,
							 release_counted, NULL));
		cond_resched();
	}
	return 0;
}

static int work_refill(struct crew *crew, unsigned int id)
{
	u32 base = (id % 2) << 16, round, key;

	for (round = 0; round < CHURN_ROUNDS; round++) {
		for (key = base; key < base + CHURN_KEYS; key++) {
			struct item *item = item_alloc(key, hash_of(key));

			if (!item)
				return -ENOMEM;
			if (!qht_insert(&crew->ht, item, item->hash, NULL, GFP_KERNEL))
				atomic64_inc(&put_in);
			else
				kfree(item);
		}
		cond_resched();
	}
	return 0;
}

static int work_walk_any(struct crew *crew, unsigned int id)
{
	while (atomic_read(&crew->running) > 2) {
		struct qht_cursor cursor;
		void *entries[7];

		qht_cursor_init(&cursor);
		do {
			unsigned int n, i;

			rcu_read_lock();
			n = qht_walk(&crew->ht, &cursor, entries, ARRAY_SIZE(entries));
			for (i = 0; i < n; i++)
				crew_check(crew, READ_ONCE(((struct item *)entries[i])->key) <
					   (1 << 16) + CHURN_KEYS);
			rcu_read_unlock();
			cond_resched();
		} while (!qht_cursor_done(&cursor));
	}
	return 0;
}

static void resets_meet_writers_and_walks(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_refill, work_refill, work_reset, work_walk_any,
	};
	struct crew *crew = kunit_kzalloc(test, sizeof(*crew), GFP_KERNEL);
	unsigned int left = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, crew);
	KUNIT_ASSERT_EQ(test, qht_init(&crew->ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	atomic64_set(&put_in, 0);
	atomic64_set(&taken_out, 0);
	crew_run(test, crew, works, ARRAY_SIZE(works));
	KUNIT_EXPECT_EQ(test, (s64)qht_count(&crew->ht),
			atomic64_read(&put_in) - atomic64_read(&taken_out));
	qht_destroy(&crew->ht, item_release, &left);
	KUNIT_EXPECT_EQ(test, (s64)left,
			atomic64_read(&put_in) - atomic64_read(&taken_out));
}

/* Replaced all the time, a key is there all the time. */
static int work_replace(struct crew *crew, unsigned int id)
{
	u32 round, key;

	for (round = 0; round < CHURN_ROUNDS; round++) {
		for (key = id % 2; key < STABLE_KEYS; key += 2) {
			struct item *new = item_alloc(key, hash_of(key));
			struct item *old = find(&crew->ht, key, hash_of(key));

			if (!new)
				return -ENOMEM;
			new->stable = true;
			crew_check(crew, old && !qht_replace(&crew->ht, old, new,
							     hash_of(key)));
			if (old)
				kfree_rcu(old, rcu);
		}
		cond_resched();
	}
	return 0;
}

static void what_is_replaced_is_found_at_any_time(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_replace, work_replace, work_resize, work_read,
	};

	run_beside_stable_entries(test, 0, works, ARRAY_SIZE(works));
}

#define SHARED_KEYS 1000

/* One object for each key, whoever asks first brings it. */
static int work_get(struct crew *crew, unsigned int id)
{
	u32 key;

	for (key = 0; key < SHARED_KEYS; key++) {
		struct item *item = item_alloc(key, hash_of(key)), *got;

		if (!item)
			return -ENOMEM;
		rcu_read_lock();
		got = qht_get_or_insert(&crew->ht, item, item->hash, GFP_ATOMIC);
		crew_check(crew, !IS_ERR(got) && got->key == key);
		if (!IS_ERR(got))
			atomic_inc(&got->seen);
		rcu_read_unlock();
		if (got != item)
			kfree(item);
		if (key % 64 == 0)
			cond_resched();
	}
	return 0;
}

static void all_who_get_or_insert_get_the_same(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_get, work_get, work_get, work_get,
	};
	struct crew *crew = kunit_kzalloc(test, sizeof(*crew), GFP_KERNEL);
	u32 key;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, crew);
	KUNIT_ASSERT_EQ(test, qht_init(&crew->ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	crew_run(test, crew, works, ARRAY_SIZE(works));
	KUNIT_EXPECT_EQ(test, qht_count(&crew->ht), (u64)SHARED_KEYS);
	for (key = 0; key < SHARED_KEYS; key++) {
		struct item *item = find(&crew->ht, key, hash_of(key));

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
		KUNIT_EXPECT_EQ(test, atomic_read(&item->seen), (int)ARRAY_SIZE(works));
	}
	qht_destroy(&crew->ht, item_release, NULL);
}

#ifdef QDS_TWIN
/* A size that was asked for in vain is not one that the table needs. */
static void resize_without_memory_does_not_keep_a_table_from_growing(struct kunit *test)
{
	static struct qht ht;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	for (i = 0; i < 9; i++) {
		twin_fail_from(1);
		KUNIT_EXPECT_EQ(test, qht_resize(&ht, 1 << 20), -ENOMEM);
		twin_fail_nth(0);
	}
	fill(test, &ht, 0, 5000);
	await_buckets(test, &ht, 5000 / QHT_BUCKET_ENTRIES);
	qht_destroy(&ht, item_release, NULL);
}

static void reset_size_without_memory_takes_nothing_out(struct kunit *test)
{
	unsigned int released = 0;
	static struct qht ht;
	int nth, ret;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 64, 0, GFP_KERNEL), 0);
	fill(test, &ht, 0, 100);
	for (nth = 1;; nth++) {
		twin_fail_nth(nth);
		ret = qht_reset_size(&ht, 1 << 12, release_later, &released);
		if (!twin_fail_fired())
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		KUNIT_ASSERT_EQ(test, released, 0U);
		expect_keys(test, &ht, 0, 100, true);
	}
	KUNIT_EXPECT_GT(test, nth, 2);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, released, 100U);
	qht_destroy(&ht, item_release, NULL);
}

static void a_starved_worker_and_no_memory_leave_a_working_table(struct kunit *test)
{
	static struct qht ht;
	u32 key;
	int ret;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE,
				       GFP_KERNEL), 0);
	INIT_DELAYED_WORK(&ht.resize_work, work_that_does_nothing);
	for (key = 0; key < 600; key++) {
		struct item *item = item_alloc(key, hash_of(key));

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
		twin_fail_from(1);
		ret = qht_insert(&ht, item, item->hash, NULL, GFP_KERNEL);
		twin_fail_nth(0);
		if (ret) {
			KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
			KUNIT_ASSERT_EQ(test, qht_insert(&ht, item, item->hash, NULL,
							 GFP_ATOMIC), 0);
		}
	}
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	expect_keys(test, &ht, 0, 600, true);
	/* Nobody tries again at once. */
	fill(test, &ht, 600, 700);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	for (key = 700; key < 850 && qht_buckets(&ht) == 2; key++) {
		msleep(100);
		add(test, &ht, key, hash_of(key));
	}
	fill(test, &ht, key, 5000);
	KUNIT_EXPECT_GE(test, qht_buckets(&ht), (size_t)64);
	expect_keys(test, &ht, 0, 5000, true);
	qht_destroy(&ht, item_release, NULL);
}
#endif

static struct kunit_case qht_resize_cases[] = {
	KUNIT_CASE(shrinks_by_itself),
	KUNIT_CASE(does_not_shrink_unasked),
	KUNIT_CASE(does_not_shrink_below_what_was_asked_for),
	KUNIT_CASE(has_room_for_what_it_was_made_for),
	KUNIT_CASE(size_does_not_swing_with_the_entries),
	KUNIT_CASE(size_settles_while_entries_come_and_go),
	KUNIT_CASE(grows_although_the_worker_is_starved),
	KUNIT_CASE(works_in_atomic_context_without_a_worker),
	KUNIT_CASE(iter_remove_takes_out_what_is_chosen),
	KUNIT_CASE(reset_takes_out_all),
	KUNIT_CASE(reset_without_release_leaves_entries_to_the_caller),
	KUNIT_CASE(reset_size_empties_and_resizes),
	KUNIT_CASE(iter_remove_offers_each_once_while_resized),
	KUNIT_CASE(two_resizes_and_a_walk_meet),
	KUNIT_CASE(resets_meet_writers_and_walks),
	KUNIT_CASE(what_is_replaced_is_found_at_any_time),
	KUNIT_CASE(all_who_get_or_insert_get_the_same),
#ifdef QDS_TWIN
	KUNIT_CASE(resize_without_memory_does_not_keep_a_table_from_growing),
	KUNIT_CASE(reset_size_without_memory_takes_nothing_out),
	KUNIT_CASE(a_starved_worker_and_no_memory_leave_a_working_table),
#endif
	{}
};

static struct kunit_suite qht_resize_suite = {
	.name = "qht_resize",
	.test_cases = qht_resize_cases,
};

kunit_test_suite(qht_resize_suite);

MODULE_DESCRIPTION("KUnit tests of the size of a qht, and of removals of many");
MODULE_LICENSE("GPL");
