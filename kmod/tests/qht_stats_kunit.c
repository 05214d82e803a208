// SPDX-License-Identifier: GPL-2.0
/*
 * What the statistics of a qht promise, as tests. They run in a kernel and in the
 * userspace twin.
 */
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/qdist.h>
#include <linux/string.h>

#include "qht_test.h"

#define SLOTS		QHT_BUCKET_ENTRIES
#define LINE_SIZE	200

/* Items of a test: in an array, since nobody frees them while the table lives. */
static struct item *items_make(struct kunit *test, u32 n)
{
	struct item *items = kunit_kcalloc(test, n, sizeof(*items), GFP_KERNEL);
	u32 key;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, items);
	for (key = 0; key < n; key++)
		items[key] = (struct item){ .key = key, .hash = hash_of(key) };
	return items;
}

static void insert(struct kunit *test, struct qht *ht, struct item *item)
{
	KUNIT_ASSERT_EQ(test, qht_insert(ht, item, item->hash, NULL, GFP_KERNEL), 0);
}

static void init(struct kunit *test, struct qht *ht, size_t n_elems)
{
	KUNIT_ASSERT_EQ(test, qht_init(ht, items_equal, n_elems, 0, GFP_KERNEL), 0);
}

static void statistics(struct kunit *test, const struct qht *ht,
		       struct qht_stats *stats)
{
	KUNIT_ASSERT_EQ(test, qht_statistics(ht, stats, GFP_KERNEL), 0);
}

static void expect_pairs(struct kunit *test, const struct qdist *dist,
			 const char *want)
{
	char got[LINE_SIZE];

	qdist_pr_pairs(dist, got, sizeof(got));
	KUNIT_EXPECT_STREQ(test, got, want);
}

static u64 map_bytes(const struct qht *ht)
{
	return sizeof(struct qht_map) + qht_buckets(ht) * sizeof(struct qht_bucket);
}

static void no_table_at_all_has_statistics(struct kunit *test)
{
	static const struct qht ht;
	struct qht_stats stats;

	memset(&stats, 0x5a, sizeof(stats));
	statistics(test, &ht, &stats);
	KUNIT_EXPECT_EQ(test, stats.head_buckets, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.used_head_buckets, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.chained_buckets, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.entries, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.memory, (u64)0);
	expect_pairs(test, &stats.chain, "");
	expect_pairs(test, &stats.occupancy, "");
	qht_statistics_destroy(&stats);
}

static void empty_table_has_empty_chains(struct kunit *test)
{
	struct qht_stats stats;
	static struct qht ht;

	init(test, &ht, 0);
	statistics(test, &ht, &stats);
	KUNIT_EXPECT_EQ(test, stats.head_buckets, (u64)qht_buckets(&ht));
	KUNIT_EXPECT_EQ(test, stats.used_head_buckets, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.chained_buckets, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.entries, (u64)0);
	KUNIT_EXPECT_EQ(test, stats.memory, map_bytes(&ht));
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&stats.chain), 0U);
	KUNIT_EXPECT_EQ(test, qdist_sample_count(&stats.occupancy),
			(u64)qht_buckets(&ht));
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&stats.occupancy), 1U);
	qht_statistics_destroy(&stats);
	qht_destroy(&ht, NULL, NULL);
}

/* Of two chains, one has nothing and the other all, a bucket after the other. */
static void chain_counts_by_buckets_and_slots(struct kunit *test)
{
	struct item *items = items_make(test, 3 * SLOTS);
	char want[LINE_SIZE];
	static struct qht ht;
	u32 n;

	init(test, &ht, 0);
	KUNIT_ASSERT_EQ(test, qht_buckets(&ht), (size_t)2);
	for (n = 1; n <= 3 * SLOTS; n++) {
		u32 buckets = DIV_ROUND_UP(n, SLOTS);
		u32 taken = (n * 1000 + buckets * SLOTS / 2) / (buckets * SLOTS);
		struct qht_stats stats;

		items[n - 1].hash = 1;
		insert(test, &ht, &items[n - 1]);
		statistics(test, &ht, &stats);
		KUNIT_EXPECT_EQ(test, stats.head_buckets, (u64)2);
		KUNIT_EXPECT_EQ(test, stats.used_head_buckets, (u64)1);
		KUNIT_EXPECT_EQ(test, stats.chained_buckets, (u64)buckets - 1);
		KUNIT_EXPECT_EQ(test, stats.entries, (u64)n);
		KUNIT_EXPECT_EQ(test, stats.memory, map_bytes(&ht) +
				(buckets - 1) * sizeof(struct qht_bucket));
		snprintf(want, sizeof(want), "%u:1", buckets);
		expect_pairs(test, &stats.chain, want);
		snprintf(want, sizeof(want), "0:1 %u:1", taken);
		expect_pairs(test, &stats.occupancy, want);
		qht_statistics_destroy(&stats);
	}
	qht_destroy(&ht, NULL, NULL);
}

#define MODEL_ITEMS	3000

/* Entries of each head, counted from outside. */
static void all_chains_agree_with_a_model(struct kunit *test)
{
	static const size_t sizes[] = { 0, 64, 1000, 4000, 50000 };
	struct item *items = items_make(test, MODEL_ITEMS);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 used = 0, chained = 0;
		struct qdist chain, occupancy;
		char want[LINE_SIZE], got[LINE_SIZE];
		struct qht_stats stats;
		static struct qht ht;
		size_t heads, at;
		u32 *model, key;

		init(test, &ht, sizes[i]);
		heads = qht_buckets(&ht);
		model = kunit_kcalloc(test, heads, sizeof(*model), GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
		for (key = 0; key < MODEL_ITEMS; key++) {
			insert(test, &ht, &items[key]);
			model[((u64)qht_scramble(items[key].hash) * heads) >> 32]++;
		}
		qdist_init(&chain);
		qdist_init(&occupancy);
		for (at = 0; at < heads; at++) {
			u32 buckets = max_t(u32, 1, DIV_ROUND_UP(model[at], SLOTS));
			u32 slots = buckets * SLOTS;

			KUNIT_ASSERT_EQ(test, qdist_inc(&occupancy, (model[at] * 1000 +
							slots / 2) / slots,
							GFP_KERNEL), 0);
			if (!model[at])
				continue;
			used++;
			chained += buckets - 1;
			KUNIT_ASSERT_EQ(test, qdist_inc(&chain, buckets, GFP_KERNEL), 0);
		}
		statistics(test, &ht, &stats);
		KUNIT_EXPECT_EQ(test, stats.head_buckets, (u64)heads);
		KUNIT_EXPECT_EQ(test, stats.used_head_buckets, used);
		KUNIT_EXPECT_EQ(test, stats.chained_buckets, chained);
		KUNIT_EXPECT_EQ(test, stats.entries, (u64)MODEL_ITEMS);
		qdist_pr_pairs(&chain, want, sizeof(want));
		expect_pairs(test, &stats.chain, want);
		KUNIT_EXPECT_LT(test, qdist_pr_pairs(&occupancy, want, sizeof(want)),
				(ssize_t)sizeof(want));
		qdist_pr_pairs(&stats.occupancy, got, sizeof(got));
		KUNIT_EXPECT_STREQ(test, got, want);
		qht_statistics_destroy(&stats);
		qdist_destroy(&chain);
		qdist_destroy(&occupancy);
		qht_destroy(&ht, NULL, NULL);
		kunit_kfree(test, model);
	}
}

/* As QEMU's test of its table does after each change. */
static void entries_are_exact_after_each_change(struct kunit *test)
{
	static const size_t sizes[] = { 0, 1, 2, 8, 16, 8192, 16384 };
	static const u32 removed[] = { 1, 4, 6, 500, 1000 };
	struct item *items = items_make(test, 1000);
	size_t i, k;
	u32 key;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct qht_stats stats;
		static struct qht ht;

		init(test, &ht, sizes[i]);
		for (key = 0; key < 1000; key++)
			insert(test, &ht, &items[key]);
		for (k = 0; k < ARRAY_SIZE(removed); k++) {
			for (key = 0; key < removed[k]; key++)
				KUNIT_ASSERT_TRUE(test, qht_remove(&ht, &items[key],
								   items[key].hash));
			statistics(test, &ht, &stats);
			KUNIT_EXPECT_EQ(test, stats.entries, (u64)1000 - removed[k]);
			qht_statistics_destroy(&stats);
			KUNIT_ASSERT_EQ(test, qht_resize(&ht, 1 << (2 * k)), 0);
			for (key = 0; key < removed[k]; key++)
				insert(test, &ht, &items[key]);
			statistics(test, &ht, &stats);
			KUNIT_EXPECT_EQ(test, stats.entries, (u64)1000);
			KUNIT_EXPECT_EQ(test, stats.head_buckets, (u64)qht_buckets(&ht));
			qht_statistics_destroy(&stats);
		}
		qht_destroy(&ht, NULL, NULL);
	}
}

/* A table that is looked at while others work on it. */
struct watched {
	struct crew crew;
	struct item *items;
	u64 least;
	u64 most;
	unsigned int looks;
};

static struct watched *to_watched(struct crew *crew)
{
	return container_of(crew, struct watched, crew);
}

/* Look until the others are done, at least once. */
static int work_look(struct crew *crew, unsigned int id)
{
	struct watched *watched = to_watched(crew);

	do {
		struct qht_stats stats;
		int ret = qht_statistics(&crew->ht, &stats, GFP_KERNEL);

		crew_check(crew, !ret);
		if (ret)
			return ret;
		crew_check(crew, stats.entries >= watched->least);
		crew_check(crew, stats.entries <= watched->most);
		crew_check(crew, stats.used_head_buckets <= stats.head_buckets);
		crew_check(crew, qdist_sample_count(&stats.chain) ==
				 stats.used_head_buckets);
		crew_check(crew, qdist_sample_count(&stats.occupancy) ==
				 stats.head_buckets);
		qht_statistics_destroy(&stats);
		watched->looks++;
		cond_resched();
	} while (atomic_read(&crew->running) > 1);
	return 0;
}

static struct watched *watched_make(struct kunit *test, u32 n)
{
	struct watched *watched = kunit_kzalloc(test, sizeof(*watched), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, watched);
	watched->items = items_make(test, n);
	init(test, &watched->crew.ht, 0);
	return watched;
}

static void watched_run(struct kunit *test, struct watched *watched,
			int (*const works[])(struct crew *, unsigned int),
			unsigned int n)
{
	crew_run(test, &watched->crew, works, n);
	KUNIT_EXPECT_GT(test, watched->looks, 0U);
	qht_destroy(&watched->crew.ht, NULL, NULL);
}

#define LONG_CHAIN	40
#define MOVE_ROUNDS	40000

/* Of the first half of the entries one at a time is away. The others stay. */
static int work_move(struct crew *crew, unsigned int id)
{
	struct item *items = to_watched(crew)->items;
	struct rng rng = { 7 };
	unsigned int round;

	for (round = 0; round < MOVE_ROUNDS; round++) {
		struct item *item = &items[rng_next(&rng) % (LONG_CHAIN / 2)];

		crew_check(crew, qht_remove(&crew->ht, item, item->hash));
		crew_check(crew, !qht_insert(&crew->ht, item, item->hash, NULL,
					     GFP_KERNEL));
		if (round % 256 == 0)
			cond_resched();
	}
	return 0;
}

static void entries_that_stay_count_once_beside_others(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = { work_move, work_look };
	struct watched *watched = watched_make(test, LONG_CHAIN);
	u32 i;

	for (i = 0; i < LONG_CHAIN; i++) {
		watched->items[i].hash = 5;
		insert(test, &watched->crew.ht, &watched->items[i]);
	}
	watched->least = LONG_CHAIN / 2;
	watched->most = LONG_CHAIN;
	watched_run(test, watched, works, ARRAY_SIZE(works));
}

#define STABLE_ITEMS	2000
#define CHURN_ITEMS	300
#define ROUNDS		60

static int work_come_and_go(struct crew *crew, unsigned int id)
{
	struct item *items = to_watched(crew)->items + STABLE_ITEMS;
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < CHURN_ITEMS; i++)
			crew_check(crew, !qht_insert(&crew->ht, &items[i], items[i].hash,
						     NULL, GFP_KERNEL));
		for (i = 0; i < CHURN_ITEMS; i++)
			crew_check(crew, qht_remove(&crew->ht, &items[i],
						    items[i].hash));
		cond_resched();
	}
	return 0;
}

static int work_resize_much(struct crew *crew, unsigned int id)
{
	static const size_t sizes[] = { 16, 8192, 256, 1, 2048 };
	unsigned int round;

	for (round = 0; round < 2 * ROUNDS; round++) {
		crew_check(crew, !qht_resize(&crew->ht,
					     sizes[round % ARRAY_SIZE(sizes)]));
		cond_resched();
	}
	return 0;
}

static void entries_that_stay_count_once_beside_resizes(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_resize_much, work_look,
	};
	struct watched *watched = watched_make(test, STABLE_ITEMS);
	u32 i;

	for (i = 0; i < STABLE_ITEMS; i++)
		insert(test, &watched->crew.ht, &watched->items[i]);
	watched->least = STABLE_ITEMS;
	watched->most = STABLE_ITEMS;
	watched_run(test, watched, works, ARRAY_SIZE(works));
}

/* One that comes back behind itself in a chain that is being read counts twice. */
static void entries_that_stay_count_once_beside_writers(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_come_and_go, work_resize_much, work_look,
	};
	struct watched *watched = watched_make(test, STABLE_ITEMS + CHURN_ITEMS);
	u32 i;

	for (i = 0; i < STABLE_ITEMS; i++)
		insert(test, &watched->crew.ht, &watched->items[i]);
	watched->least = STABLE_ITEMS;
	watched->most = STABLE_ITEMS + 2 * CHURN_ITEMS;
	watched_run(test, watched, works, ARRAY_SIZE(works));
}

#ifdef CONFIG_FAILSLAB
/* In a kernel only such allocations fail as do not sleep. */
static void without_memory_there_are_no_statistics(struct kunit *test)
{
	struct item *items = items_make(test, 1000);
	struct qht_stats stats;
	static struct qht ht;
	bool fired;
	int nth, ret;
	u32 i;

	init(test, &ht, 512);
	for (i = 0; i < 1000; i++)
		insert(test, &ht, &items[i]);
	for (nth = 1;; nth++) {
		current->fail_nth = nth;
		ret = qht_statistics(&ht, &stats, GFP_NOWAIT | __GFP_NOWARN);
		fired = !current->fail_nth;
		current->fail_nth = 0;
		if (!fired)
			break;
		/* In a kernel a debugging facility may have asked, and do without. */
		if (ret || !IS_ENABLED(CONFIG_DEBUG_KERNEL))
			KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		else
			qht_statistics_destroy(&stats);
	}
	KUNIT_EXPECT_GT(test, nth, 2);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, stats.entries, (u64)1000);
	qht_statistics_destroy(&stats);
	qht_destroy(&ht, NULL, NULL);
}
#endif

#ifdef QDS_TWIN
/*
 * Resizes from @from to @to that run out of memory somewhere. What has moved and
 * what has not is counted as one table.
 */
static void check_half_moved(struct kunit *test, size_t from, size_t to)
{
	struct item *items = items_make(test, STABLE_ITEMS);
	unsigned int half_moved = 0;
	int nth, ret = -ENOMEM;
	u32 i;

	for (nth = 1; ret; nth += 1 + nth / 8) {
		struct qht_stats stats;
		static struct qht ht;
		u64 before, after;

		init(test, &ht, from);
		for (i = 0; i < STABLE_ITEMS; i++)
			insert(test, &ht, &items[i]);
		before = qht_buckets(&ht);
		twin_fail_from(nth);
		ret = qht_resize(&ht, to);
		twin_fail_nth(0);
		statistics(test, &ht, &stats);
		KUNIT_ASSERT_EQ(test, stats.entries, (u64)STABLE_ITEMS);
		KUNIT_ASSERT_GE(test, stats.memory, map_bytes(&ht));
		after = stats.head_buckets;
		qht_statistics_destroy(&stats);
		if (ret) {
			KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
			half_moved += after != before;
			KUNIT_ASSERT_EQ(test, qht_resize(&ht, to), 0);
		}
		KUNIT_ASSERT_EQ(test, before != (u64)qht_buckets(&ht), true);
		if (after != before)
			KUNIT_ASSERT_EQ(test, after < before, to < from);
		statistics(test, &ht, &stats);
		KUNIT_ASSERT_EQ(test, stats.entries, (u64)STABLE_ITEMS);
		KUNIT_ASSERT_EQ(test, stats.head_buckets, (u64)qht_buckets(&ht));
		qht_statistics_destroy(&stats);
		qht_destroy(&ht, NULL, NULL);
	}
	KUNIT_EXPECT_GT(test, half_moved, 0U);
}

static void half_grown_table_is_counted_whole(struct kunit *test)
{
	check_half_moved(test, 64, 512);
}

static void half_shrunk_table_is_counted_whole(struct kunit *test)
{
	check_half_moved(test, 512, 64);
}

/* The hash of which @h is the scrambled one. */
static u32 unscramble(u32 h)
{
	u32 inverse = GOLDEN_RATIO_32;
	unsigned int bits;

	for (bits = 3; bits < 32; bits *= 2)
		inverse *= 2 - GOLDEN_RATIO_32 * inverse;
	return h * inverse;
}

#define FILLERS		60

/*
 * A table shrinks from 16 chains to 2, and memory runs out before the last moves.
 * LONG_CHAIN items are of two old chains that have become one, the others are of the
 * last.
 */
static int make_two_ranges(struct kunit *test, struct watched *watched, int nth)
{
	struct qht *ht = &watched->crew.ht;
	u32 i;
	int ret;

	init(test, ht, 64);
	KUNIT_ASSERT_EQ(test, qht_buckets(ht), (size_t)16);
	INIT_DELAYED_WORK(&ht->resize_work, work_that_does_nothing);
	for (i = 0; i < LONG_CHAIN + FILLERS; i++) {
		u32 chain = i < LONG_CHAIN ? i % 2 : 15;

		watched->items[i].hash = unscramble(chain << 28 | i);
		insert(test, ht, &watched->items[i]);
	}
	twin_fail_from(nth);
	ret = qht_resize(ht, 8);
	twin_fail_nth(0);
	return ret;
}

/* Without memory it does not move chains that are left to be moved. */
static int work_move_starved(struct crew *crew, unsigned int id)
{
	twin_fail_from(1);
	work_move(crew, id);
	twin_fail_nth(0);
	return 0;
}

static u64 head_buckets(struct kunit *test, const struct qht *ht)
{
	struct qht_stats stats;

	statistics(test, ht, &stats);
	qht_statistics_destroy(&stats);
	return stats.head_buckets;
}

static void entries_that_stay_in_a_chain_of_two_ranges_count_once(struct kunit *test)
{
	int (*const works[])(struct crew *, unsigned int) = {
		work_move_starved, work_look,
	};
	struct watched *watched = watched_make(test, LONG_CHAIN + FILLERS);
	struct qht *ht = &watched->crew.ht;
	int nth = 0;

	do {
		qht_destroy(ht, NULL, NULL);
	} while (make_two_ranges(test, watched, ++nth));
	qht_destroy(ht, NULL, NULL);
	KUNIT_ASSERT_EQ(test, make_two_ranges(test, watched, nth - 1), -ENOMEM);
	/* What is left of 16, and the 2 that the others have gone to. */
	KUNIT_ASSERT_EQ(test, head_buckets(test, ht), (u64)3);
	watched->least = LONG_CHAIN / 2 + FILLERS;
	watched->most = LONG_CHAIN + FILLERS;
	crew_run(test, &watched->crew, works, ARRAY_SIZE(works));
	KUNIT_EXPECT_EQ(test, head_buckets(test, ht), (u64)3);
	KUNIT_EXPECT_GT(test, watched->looks, 0U);
	qht_destroy(ht, NULL, NULL);
}

static void others_get_the_cpu_in_between(struct kunit *test)
{
	struct qht_stats stats;
	static struct qht ht;
	unsigned long before;

	init(test, &ht, 1 << 16);
	before = twin_nr_cond_resched();
	statistics(test, &ht, &stats);
	KUNIT_EXPECT_GE(test, twin_nr_cond_resched() - before,
			qht_buckets(&ht) / 64);
	qht_statistics_destroy(&stats);
	qht_destroy(&ht, NULL, NULL);
}

static void statistics_take_no_lock(struct kunit *test)
{
	struct item *items = items_make(test, 100);
	struct qht_stats stats;
	static struct qht ht;
	u32 i;

	init(test, &ht, 0);
	for (i = 0; i < 100; i++)
		insert(test, &ht, &items[i]);
	twin_reset_max_spin_depth();
	statistics(test, &ht, &stats);
	KUNIT_EXPECT_EQ(test, twin_max_spin_depth(), 0);
	qht_statistics_destroy(&stats);
	qht_destroy(&ht, NULL, NULL);
}
#endif

static struct kunit_case qht_stats_cases[] = {
	KUNIT_CASE(no_table_at_all_has_statistics),
	KUNIT_CASE(empty_table_has_empty_chains),
	KUNIT_CASE(chain_counts_by_buckets_and_slots),
	KUNIT_CASE(all_chains_agree_with_a_model),
	KUNIT_CASE(entries_are_exact_after_each_change),
	KUNIT_CASE(entries_that_stay_count_once_beside_others),
	KUNIT_CASE(entries_that_stay_count_once_beside_resizes),
	KUNIT_CASE(entries_that_stay_count_once_beside_writers),
#ifdef CONFIG_FAILSLAB
	KUNIT_CASE(without_memory_there_are_no_statistics),
#endif
#ifdef QDS_TWIN
	KUNIT_CASE(half_grown_table_is_counted_whole),
	KUNIT_CASE(half_shrunk_table_is_counted_whole),
	KUNIT_CASE(entries_that_stay_in_a_chain_of_two_ranges_count_once),
	KUNIT_CASE(others_get_the_cpu_in_between),
	KUNIT_CASE(statistics_take_no_lock),
#endif
	{}
};

static struct kunit_suite qht_stats_suite = {
	.name = "qht_stats",
	.test_cases = qht_stats_cases,
};

kunit_test_suite(qht_stats_suite);

MODULE_DESCRIPTION("KUnit tests of the statistics of qht");
MODULE_LICENSE("GPL");
