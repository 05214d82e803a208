// SPDX-License-Identifier: GPL-2.0
/*
 * What qht promises, as tests. They run in a kernel and in the userspace twin.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "qht_test.h"

static void init_refuses_what_it_cannot_do(struct kunit *test)
{
	static struct qht ht;

	KUNIT_EXPECT_EQ(test, qht_init(&ht, NULL, 0, 0, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init(&ht, items_equal, 0, BIT(2), GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_SHRINK, GFP_KERNEL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_ATOMIC), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_NOWAIT), -EINVAL);
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

static void get_or_insert_returns_what_is_there(struct kunit *test)
{
	struct item *one, *two;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	one = item_alloc(7, 99);
	two = item_alloc(7, 99);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, two);
	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, qht_get_or_insert(&ht, one, 99, GFP_ATOMIC), (void *)one);
	KUNIT_EXPECT_PTR_EQ(test, qht_get_or_insert(&ht, two, 99, GFP_ATOMIC), (void *)one);
	KUNIT_EXPECT_PTR_EQ(test, qht_get_or_insert(&ht, one, 99, GFP_ATOMIC), (void *)one);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, PTR_ERR(qht_get_or_insert(&ht, NULL, 99, GFP_KERNEL)),
			(long)-EINVAL);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)1);
	kfree(two);
	qht_destroy(&ht, item_release, NULL);
}

/* In each slot of a chain of three buckets. */
static void replace_puts_one_in_the_place_of_an_equal_one(struct kunit *test)
{
	const u32 n = 3 * QHT_BUCKET_ENTRIES;
	static struct qht ht;
	u32 key;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	for (key = 0; key < n; key++)
		add(test, &ht, key, 1);
	for (key = 0; key < n; key++) {
		struct item *old = find(&ht, key, 1), *new = item_alloc(key, 1);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, new);
		KUNIT_EXPECT_EQ(test, qht_replace(&ht, old, new, 1), 0);
		KUNIT_EXPECT_PTR_EQ(test, find(&ht, key, 1), new);
		KUNIT_EXPECT_EQ(test, qht_replace(&ht, old, new, 1), -ENOENT);
		KUNIT_EXPECT_FALSE(test, qht_remove(&ht, old, 1));
		kfree_rcu(old, rcu);
	}
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)n);
	qht_destroy(&ht, item_release, NULL);
}

static void replace_refuses_what_is_not_equal(struct kunit *test)
{
	struct item other = { .key = 6 }, same = { .key = 5 };
	struct item *item;
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	item = add(test, &ht, 5, 11);
	KUNIT_EXPECT_EQ(test, qht_replace(&ht, item, &other, 11), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_replace(&ht, item, NULL, 11), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_replace(&ht, NULL, &same, 11), -ENOENT);
	KUNIT_EXPECT_EQ(test, qht_replace(&ht, item, &same, 12), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, find(&ht, 5, 11), item);
	qht_destroy(&ht, item_release, NULL);
}

#define BATCH_KEYS	150

/* Every third key is there. */
static void expect_batch(struct kunit *test, struct qht *ht, unsigned int n)
{
	static void *entries[BATCH_KEYS + 1];
	static u32 keys[BATCH_KEYS], hashes[BATCH_KEYS];
	u32 i;

	for (i = 0; i < n; i++) {
		keys[i] = i * 7 % BATCH_KEYS;
		hashes[i] = hash_of(keys[i]);
	}
	entries[n] = keys;
	rcu_read_lock();
	qht_lookup_batch(ht, keys, sizeof(*keys), hashes, entries, n, item_has_key);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_PTR_EQ(test, entries[i],
				    qht_lookup_custom(ht, &keys[i], hashes[i],
						      item_has_key));
		KUNIT_EXPECT_EQ(test, !!entries[i], keys[i] % 3 == 0);
	}
	rcu_read_unlock();
	KUNIT_EXPECT_PTR_EQ(test, entries[n], (void *)keys);
}

static void batched_lookups_find_what_single_ones_find(struct kunit *test)
{
	static const unsigned int n[] = { 0, 1, 31, 32, 33, 64, BATCH_KEYS };
	static const size_t room[] = { 0, 16, 4096 };
	unsigned int i, r;
	u32 key;

	for (r = 0; r < ARRAY_SIZE(room); r++) {
		static struct qht ht;

		KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, room[r], 0, GFP_KERNEL), 0);
		for (key = 0; key < BATCH_KEYS; key += 3)
			add(test, &ht, key, hash_of(key));
		for (i = 0; i < ARRAY_SIZE(n); i++)
			expect_batch(test, &ht, n[i]);
		qht_destroy(&ht, item_release, NULL);
	}
}

static u32 hash_seeded(const void *key, u32 len, u32 seed)
{
	return *(const u32 *)key * 0x9E3779B1 + seed + len;
}

static const struct qht_params item_params = {
	.key_offset = offsetof(struct item, key),
	.key_len = sizeof(u32),
	.hash = hash_seeded,
};

static bool item_has_half_key(const void *entry, const void *key)
{
	return ((const struct item *)entry)->key / 2 == *(const u32 *)key / 2;
}

/* Keys of no fixed length, compared by a function. */
static const struct qht_params half_params = {
	.key_offset = offsetof(struct item, key),
	.hash = hash_seeded,
	.match = item_has_half_key,
};

static void parameters_say_how_keys_are_hashed_and_compared(struct kunit *test)
{
	struct item same = { .key = 5 };
	static struct qht ht;
	void *existing;
	u32 key;

	KUNIT_ASSERT_EQ(test, qht_init_params(&ht, &item_params, 0, QHT_AUTO_RESIZE,
					      GFP_KERNEL), 0);
	for (key = 0; key < 100; key++) {
		struct item *item = item_alloc(key, 0);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, item);
		KUNIT_ASSERT_EQ(test, qht_insert_key(&ht, item, item_params, NULL, GFP_KERNEL), 0);
	}
	rcu_read_lock();
	for (key = 0; key < 200; key++) {
		struct item *item = qht_lookup_key(&ht, &key, item_params);

		KUNIT_EXPECT_EQ(test, !!item, key < 100);
		KUNIT_EXPECT_TRUE(test, !item || item->key == key);
	}
	key = 5;
	KUNIT_EXPECT_EQ(test, qht_insert_key(&ht, &same, item_params, &existing,
					     GFP_ATOMIC), -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, existing, qht_lookup_key(&ht, &key, item_params));
	KUNIT_EXPECT_PTR_EQ(test, qht_lookup(&ht, &same, qht_key_hash(&ht, &key, item_params)),
			    existing);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, qht_insert_key(&ht, NULL, item_params, NULL, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_FALSE(test, qht_remove_key(&ht, NULL, item_params));
	KUNIT_EXPECT_FALSE(test, qht_remove_key(&ht, &same, item_params));
	KUNIT_EXPECT_TRUE(test, qht_remove_key(&ht, existing, item_params));
	kfree_rcu((struct item *)existing, rcu);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)99);
	qht_destroy(&ht, item_release, NULL);

	KUNIT_ASSERT_EQ(test, qht_init_params(&ht, &half_params, 0, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qht_insert(&ht, item_alloc(4, 0), 1, NULL, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qht_insert(&ht, &same, 1, NULL, GFP_KERNEL), -EEXIST);
	qht_destroy(&ht, item_release, NULL);
}

static void parameters_that_contradict_are_refused(struct kunit *test)
{
	const struct qht_params no_hash = { .key_len = 4 };
	const struct qht_params no_key = { .hash = hash_seeded };
	static struct qht ht;

	KUNIT_EXPECT_EQ(test, qht_init_params(&ht, NULL, 0, 0, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init_params(&ht, &no_hash, 0, 0, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init_params(&ht, &no_key, 0, 0, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, qht_init_params(&ht, &item_params, 0, QHT_AUTO_SHRINK,
					      GFP_KERNEL), -EINVAL);
}

/* Hashes of one head in a map of two, all different. */
static u32 hash_of_one_head(u32 n)
{
	/* Inverse of the scrambling: an odd number times itself, modulo 2^32. */
	u32 inverse = GOLDEN_RATIO_32, i;

	for (i = 0; i < 5; i++)
		inverse *= 2 - GOLDEN_RATIO_32 * inverse;
	return n * inverse;
}

static struct qht_bucket *only_head(struct qht *ht)
{
	return &rcu_dereference_raw(ht->map)->buckets[0];
}

static unsigned long slot_of(struct qht *ht, const struct item *item)
{
	struct qht_bucket *b;
	u32 i;

	for (b = only_head(ht); b; b = qht_untag(rcu_dereference_raw(b->next)))
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++)
			if (rcu_access_pointer(b->entries[i]) == item)
				return (unsigned long)&b->entries[i];
	return 0;
}

/* In a chain of three buckets. A lookup can then not miss it beside a removal. */
static void an_entry_stays_where_it_is(struct kunit *test)
{
	const u32 n = 3 * QHT_BUCKET_ENTRIES;
	static unsigned long slots[3 * 6];
	static struct qht ht;
	u32 key, gone;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	for (key = 0; key < n; key++)
		slots[key] = slot_of(&ht, add(test, &ht, key, hash_of_one_head(key)));
	for (gone = 0; gone < n; gone++) {
		struct item *item = find(&ht, gone, hash_of_one_head(gone));

		KUNIT_ASSERT_TRUE(test, qht_remove(&ht, item, item->hash));
		kfree_rcu(item, rcu);
		for (key = gone + 1; key < n; key++)
			KUNIT_ASSERT_EQ(test, slots[key],
					slot_of(&ht, find(&ht, key, hash_of_one_head(key))));
		/* And what comes next takes its place. */
		item = add(test, &ht, n + gone, hash_of_one_head(n + gone));
		KUNIT_ASSERT_EQ(test, slot_of(&ht, item), slots[gone]);
	}
	qht_destroy(&ht, item_release, NULL);
}

/*
 * A key that is not there, but has the hash of one that is, and so costs one
 * comparison each time that a lookup goes through the chain.
 */
struct counting_key {
	u32 key;
	u64 compared;
};

static bool count_comparison(const void *entry, const void *key)
{
	struct counting_key *counting = (struct counting_key *)key;

	counting->compared++;
	return ((const struct item *)entry)->key == counting->key;
}

#define DECOY_HASH	hash_of_one_head(1 << 20)
#define CHAIN_KEYS	200
#define CHAIN_ROUNDS	30

static atomic64_t repeated;

static int work_count_repeats(struct crew *crew, unsigned int id)
{
	struct counting_key key = { .key = 1 << 21 };
	u64 lookups = 0;

	while (atomic_read(&crew->running) > 1) {
		rcu_read_lock();
		crew_check(crew, !qht_lookup_custom(&crew->ht, &key, DECOY_HASH,
						    count_comparison));
		rcu_read_unlock();
		if (++lookups % 256 == 0)
			cond_resched();
	}
	atomic64_add(key.compared - lookups, &repeated);
	return 0;
}

static int work_fill_chain(struct crew *crew, unsigned int id)
{
	u32 key;

	for (key = 0; key < CHAIN_KEYS; key++) {
		struct item *item = item_alloc(key, hash_of_one_head(key));

		if (!item)
			return -ENOMEM;
		crew_check(crew, !qht_insert(&crew->ht, item, item->hash, NULL,
					     GFP_KERNEL));
		if (key % 16 == 0)
			usleep_range(50, 100);
	}
	return 0;
}

static int work_empty_chain(struct crew *crew, unsigned int id)
{
	u32 key;

	for (key = 0; key < CHAIN_KEYS; key++) {
		struct item *item = find(&crew->ht, key, hash_of_one_head(key));

		crew_check(crew, item && qht_remove(&crew->ht, item, item->hash));
		if (item)
			kfree_rcu(item, rcu);
		if (key % 16 == 0)
			usleep_range(50, 100);
	}
	return 0;
}

static void lookups_never_repeat(struct kunit *test)
{
	int (*const fillers[])(struct crew *, unsigned int) = {
		work_count_repeats, work_fill_chain,
	};
	int (*const emptiers[])(struct crew *, unsigned int) = {
		work_count_repeats, work_empty_chain,
	};
	struct crew *crew = kunit_kzalloc(test, sizeof(*crew), GFP_KERNEL);
	unsigned int round;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, crew);
	KUNIT_ASSERT_EQ(test, qht_init(&crew->ht, items_equal, 0, 0, GFP_KERNEL), 0);
	add(test, &crew->ht, 1 << 20, DECOY_HASH);
	atomic64_set(&repeated, 0);
	for (round = 0; round < CHAIN_ROUNDS; round++) {
		crew_run(test, crew, fillers, ARRAY_SIZE(fillers));
		KUNIT_EXPECT_EQ(test, atomic64_read(&repeated), (s64)0);
		crew_run(test, crew, emptiers, ARRAY_SIZE(emptiers));
		KUNIT_EXPECT_EQ(test, atomic64_read(&repeated), (s64)0);
	}
	qht_destroy(&crew->ht, item_release, NULL);
}

/* The tags of a chain are those of the hashes behind its head. */
static void expect_tags(struct kunit *test, struct qht_bucket *head)
{
	unsigned long next = (unsigned long)rcu_dereference_raw(head->next), tags = 0;
	struct qht_bucket *b = qht_untag((struct qht_bucket *)next);
	u32 i;

	for (; b; b = rcu_dereference_raw(b->next))
		for (i = 0; i < QHT_BUCKET_ENTRIES; i++)
			if (rcu_access_pointer(b->entries[i]))
				tags |= qht_filter(b->hashes[i]);
	KUNIT_EXPECT_EQ(test, next & (QHT_BUCKET_ALIGN - 1), tags);
}

static void heads_know_the_hashes_behind_them(struct kunit *test)
{
	struct rng rng = { 4711 };
	static struct qht ht;
	u32 step;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, 0, GFP_KERNEL), 0);
	for (step = 0; step < 4000; step++) {
		u32 key = rng_next(&rng) % 16, hash = hash_of_one_head(key * 7);
		struct item *item = find(&ht, key, hash);

		if (item) {
			KUNIT_ASSERT_TRUE(test, qht_remove(&ht, item, hash));
			kfree_rcu(item, rcu);
		} else {
			add(test, &ht, key, hash);
		}
		expect_tags(test, only_head(&ht));
	}
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

static void grows_by_itself(struct kunit *test)
{
	static struct qht ht;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0, QHT_AUTO_RESIZE, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	fill(test, &ht, 0, 5000);
	await_buckets(test, &ht, 5000 / QHT_BUCKET_ENTRIES * 4 / 5);
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
		/* But never with chains of more than 64 buckets. */
		KUNIT_EXPECT_LE(test, qht_buckets(&ht),
				sizes[i] + 2 * (3000 / QHT_BUCKET_ENTRIES / 64));
		KUNIT_EXPECT_GE(test, qht_buckets(&ht) * 64,
				(size_t)3000 / QHT_BUCKET_ENTRIES);
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
	struct item *item, *other;
	bool ok;
};

static bool use(struct qht *ht, struct item *item, struct item *other)
{
	struct qht_cursor cursor;
	void *found;

	if (qht_insert(ht, item, item->hash, NULL, GFP_ATOMIC) ||
	    find(ht, item->key, item->hash) != item ||
	    qht_get_or_insert(ht, other, item->hash, GFP_ATOMIC) != item ||
	    qht_replace(ht, item, other, item->hash))
		return false;
	rcu_read_lock();
	qht_lookup_batch(ht, &item->key, 0, &item->hash, &found, 1, item_has_key);
	qht_cursor_init(&cursor);
	while (!qht_cursor_done(&cursor)) {
		void *entry;

		qht_walk(ht, &cursor, &entry, 1);
	}
	rcu_read_unlock();
	return found == other && qht_count(ht) && qht_buckets(ht) &&
	       qht_remove(ht, other, item->hash);
}

static void use_in_softirq(struct rcu_head *rcu)
{
	struct softirq_user *user = container_of(rcu, struct softirq_user, rcu);

	user->ok = use(user->ht, user->item, user->other);
}

static void softirqs_may_do_all_that_processes_may(struct kunit *test)
{
	static struct softirq_user user;
	static struct qht ht;
	u32 key;

	KUNIT_ASSERT_EQ(test, qht_init(&ht, items_equal, 0,
				       QHT_AUTO_RESIZE | QHT_AUTO_SHRINK,
				       GFP_KERNEL), 0);
	user.ht = &ht;
	user.ok = false;
	user.item = item_alloc(1 << 20, 1);
	user.other = item_alloc(1 << 20, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user.item);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user.other);
	call_rcu(&user.rcu, use_in_softirq);
	for (key = 0; key < 500; key++)
		add(test, &ht, key, 1);
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, user.ok);
	KUNIT_EXPECT_EQ(test, qht_count(&ht), (u64)500);
	kfree_rcu(user.item, rcu);
	kfree_rcu(user.other, rcu);
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
	/* It stays so: the worker would end it. */
	INIT_DELAYED_WORK(&ht->resize_work, work_that_does_nothing);
	/* The map and its array, and buckets for some of the chains. */
	twin_fail_from(40);
	KUNIT_ASSERT_EQ(test, qht_resize(ht, 64), -ENOMEM);
	KUNIT_ASSERT_TRUE(test, twin_fail_fired());
}

static bool count_offered(void *entry, void *arg)
{
	++*(unsigned int *)arg;
	return false;
}

static void half_moved_table_is_offered_once(struct kunit *test)
{
	unsigned long resched = twin_nr_cond_resched();
	unsigned int offered = 0;
	static struct qht ht;

	make_half_moved(test, &ht);
	KUNIT_EXPECT_EQ(test, qht_iter_remove(&ht, count_offered, NULL, &offered), (u64)0);
	KUNIT_EXPECT_EQ(test, offered, (unsigned int)HALF_KEYS);
	KUNIT_EXPECT_GE(test, twin_nr_cond_resched() - resched, qht_buckets(&ht));
	qht_destroy(&ht, item_release, NULL);
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
	fill(test, &ht, 0, 30);
	msleep(50);
	KUNIT_EXPECT_EQ(test, qht_buckets(&ht), (size_t)2);
	expect_keys(test, &ht, 0, 30, true);
	twin_fail_workers(false);
	await_buckets(test, &ht, 8);
	expect_keys(test, &ht, 0, 30, true);
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
	KUNIT_CASE(get_or_insert_returns_what_is_there),
	KUNIT_CASE(replace_puts_one_in_the_place_of_an_equal_one),
	KUNIT_CASE(replace_refuses_what_is_not_equal),
	KUNIT_CASE(batched_lookups_find_what_single_ones_find),
	KUNIT_CASE(parameters_say_how_keys_are_hashed_and_compared),
	KUNIT_CASE(parameters_that_contradict_are_refused),
	KUNIT_CASE(an_entry_stays_where_it_is),
	KUNIT_CASE(lookups_never_repeat),
	KUNIT_CASE(heads_know_the_hashes_behind_them),
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
	KUNIT_CASE(half_moved_table_is_offered_once),
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
