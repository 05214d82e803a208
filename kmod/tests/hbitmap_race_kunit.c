// SPDX-License-Identifier: GPL-2.0
/*
 * What hbitmap promises to those who are at work at the same time. They run in a
 * kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "hbitmap_test.h"

/* A watcher that asks everything and checks what holds at any time. */
static bool watch_everything(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 size = hbitmap_size(hb);
	u64 start = random_below(&m->random, size);
	u64 count = 1 + random_below(&m->random, size - start);
	u64 area, length, chunk = start - start % 64;
	struct hbitmap_iter iter;
	unsigned int i;
	s64 item, last;
	u8 buf[64];

	item = hbitmap_next_dirty(hb, start, count);
	if (item != -1 && (item < (s64)start || item >= (s64)(start + count)))
		return false;
	item = hbitmap_next_zero(hb, start, count);
	if (item != -1 && (item < (s64)start || item >= (s64)(start + count)))
		return false;
	if (hbitmap_next_dirty_area(hb, start, start + count, 100, &area, &length) &&
	    (area < start || !length || length > 100 || area + length > start + count))
		return false;
	if (hbitmap_count_range(hb, start, count) > count || hbitmap_count(hb) > size)
		return false;
	if (hbitmap_serialize_part(hb, buf, chunk, min(512ULL, size - chunk)))
		return false;
	if (size % 64 && chunk + 512 > size) {
		u64 tail = size - chunk;

		if (buf[tail / 8] & ~((1U << (tail % 8)) - 1))
			return false;
	}
	hbitmap_iter_init(&iter, hb, start);
	for (i = 0, last = -1; i < 10; i++) {
		item = hbitmap_iter_next(&iter);
		if (item == -1)
			break;
		if (item <= last || item < (s64)start)
			return false;
		last = item;
	}
	return true;
}

/*
 * The bitmap of the writers: leaf 0, whose head is busy and which is empty often;
 * leaf 1, which a member of its own sets and resets as a whole with parts of its
 * neighbours; leaf 2, which has a tail of 48 bits and is empty and full often.
 */
#define BUSY		64
#define RANGE_START	(LEAF - 100)
#define RANGE_END	(2 * LEAF + 16)
#define SHARED_SIZE	(2 * LEAF + 48)

/* Change some of the bits that are mine: each byte belongs to one member. */
static bool write_own_bits(struct member *m, unsigned int step)
{
	u64 group = random_below(&m->random, BUSY / 8 + 4), first, count, i;
	bool value = random_below(&m->random, 8) < 4 + (step / 64 % 2 ? 3 : -3);
	unsigned int from = random_below(&m->random, 8);
	int err;

	if (group % 2 != m->id % 2)
		group ^= 1;
	first = group < BUSY / 8 ? group * 8 : RANGE_END + (group - BUSY / 8) * 8;
	count = 1 + random_below(&m->random, 8 - from);
	for (i = from; i < from + count; i++)
		m->bits[first / 8] = (m->bits[first / 8] & ~(1U << i)) | value << i;
	err = value ? hbitmap_set(m->team->hb, first + from, count, GFP_KERNEL) :
		      hbitmap_reset(m->team->hb, first + from, count, GFP_KERNEL);
	return !err && hbitmap_get(m->team->hb, first + from) == value;
}

static bool write_range(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 start = RANGE_START + random_below(&m->random, 100);
	u64 end = RANGE_END - random_below(&m->random, 16);
	int err;

	if (step % 2)
		err = hbitmap_reset(hb, RANGE_START, RANGE_END - RANGE_START, GFP_KERNEL);
	else
		err = hbitmap_set(hb, start, end - start, GFP_KERNEL);
	if (step % 2)
		start = end;
	return !err && hbitmap_count_range(hb, RANGE_START, RANGE_END - RANGE_START) ==
		       end - start;
}

static void writers_in_disjoint_areas_end_as_the_model_predicts(struct kunit *test)
{
	static u8 model[SHARED_SIZE / 8], found[(SHARED_SIZE + 63) / 64 * 8];
	struct member members[4] = {
		{ .step = write_own_bits, .steps = STEPS, .bits = model },
		{ .step = write_own_bits, .steps = STEPS, .bits = model },
		{ .step = write_range, .steps = STEPS },
		{ .step = watch_everything },
	};
	struct team team = { .test = test };

	memset(model, 0, sizeof(model));
	memset(found, 0, sizeof(found));
	team.hb = bitmap_create(test, SHARED_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(team.hb, found, 0, SHARED_SIZE), 0);
	KUNIT_EXPECT_EQ(test, memcmp(model, found, sizeof(model)), 0);
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* Anything anywhere, also what others are at. */
static bool write_anywhere(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 size = hbitmap_size(hb);
	u64 start = random_below(&m->random, size), count;
	u8 buf[64];

	switch (random_below(&m->random, 8)) {
	case 0:
		count = 1 + random_below(&m->random, size - start);
		return !hbitmap_set(hb, start, count, GFP_KERNEL);
	case 1:
	case 2:
		count = 1 + random_below(&m->random, size - start);
		return !hbitmap_reset(hb, start, count, GFP_KERNEL);
	case 3:
		memset(buf, random_next(&m->random) >> 32, sizeof(buf));
		start = min(start - start % 64, LEAF + 512);
		return !hbitmap_deserialize_part(hb, buf, start, 512, GFP_KERNEL);
	case 4:
		start = LEAF;
		count = LEAF;
		return !hbitmap_set(hb, start, count, GFP_KERNEL);
	case 5:
		hbitmap_reset_all(hb);
		return true;
	default:
		return !hbitmap_set(hb, start, 1, GFP_KERNEL) &&
		       !hbitmap_reset(hb, start / 2, 1, GFP_KERNEL);
	}
}

static void writers_in_one_area_leave_a_consistent_bitmap(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_anywhere, .steps = STEPS },
		{ .step = write_anywhere, .steps = STEPS },
		{ .step = watch_everything },
	};
	struct team team = { .test = test };

	team.hb = bitmap_create(test, SHARED_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* Each member has one bit of each leaf, next to the other's. */
static bool set_and_find(struct member *m, unsigned int step)
{
	u64 leaf = random_below(&m->random, 3) * LEAF, bit = leaf + 63 + m->id;
	struct hbitmap *hb = m->team->hb;
	u64 start, count;
	s64 item;

	if (hbitmap_set(hb, bit, 1, GFP_KERNEL) || !hbitmap_get(hb, bit) ||
	    hbitmap_empty(hb) || hbitmap_next_dirty(hb, bit, 1) != (s64)bit ||
	    hbitmap_count_range(hb, bit, 1) != 1)
		return false;
	item = hbitmap_next_dirty(hb, leaf, LEAF);
	if (item < (s64)leaf || item > (s64)bit)
		return false;
	if (!hbitmap_next_dirty_area(hb, bit, bit + 1, 1, &start, &count))
		return false;
	return !hbitmap_reset(hb, bit, 1, GFP_KERNEL) && !hbitmap_get(hb, bit) &&
	       hbitmap_next_zero(hb, bit, 1) == (s64)bit;
}

static void what_was_set_is_found_while_neighbours_are_reset(struct kunit *test)
{
	struct member members[] = {
		{ .step = set_and_find, .steps = STEPS },
		{ .step = set_and_find, .steps = STEPS },
	};
	struct team team = { .test = test };

	team.hb = bitmap_create(test, 3 * LEAF, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(team.hb));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/*
 * One member changes bit after bit, each in a word, and often a leaf and a node,
 * that nobody touched before. Whoever sees one changed must find it as well.
 */
static bool change_next(struct member *m, unsigned int step)
{
	struct team *team = m->team;
	u64 item = step * team->stride;

	return team->background ? !hbitmap_reset(team->hb, item, 1, GFP_KERNEL) :
				  !hbitmap_set(team->hb, item, 1, GFP_KERNEL);
}

static bool find_what_changed(struct member *m, unsigned int step)
{
	struct team *team = m->team;
	u64 item = step * team->stride;
	s64 found;

	while (hbitmap_get(team->hb, item) == team->background) {
		if (atomic_read(&team->errors))
			return false;
		cond_resched();
	}
	if (team->background)
		found = hbitmap_next_zero(team->hb, item, team->stride);
	else
		found = hbitmap_next_dirty(team->hb, item, team->stride);
	return found == (s64)item;
}

static void what_one_saw_is_not_denied_by_a_summary(struct kunit *test)
{
	static const u64 strides[] = { 64, 65 * 64, LEAF, NODE + 64 };
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(strides); i++) {
		struct member members[] = {
			{ .step = change_next, .steps = 2000 },
			{ .step = find_what_changed, .steps = 2000 },
		};
		struct team team = {
			.test = test, .stride = strides[i / 2], .background = i % 2,
		};

		team.hb = bitmap_create(test, 2000 * team.stride, 0);
		if (team.background)
			hbitmap_set(team.hb, 0, 2000 * team.stride, GFP_KERNEL);
		team_run(&team, members, ARRAY_SIZE(members));
		hbitmap_free(team.hb);
	}
}

/*
 * One member resets the only bit of a leaf; as soon as the other sees that, it
 * sets it again. The reset, which may still be about to give the leaf back, must not
 * take effect twice.
 */
static struct {
	unsigned int begun;
	unsigned int done;
	unsigned int checked;
} turn;

static bool wait_for_turn(struct team *team, unsigned int *counter, unsigned int value)
{
	/* Pairs with the release of who counts. */
	while (smp_load_acquire(counter) != value) {
		if (atomic_read(&team->errors))
			return false;
		cond_resched();
	}
	return true;
}

static bool reset_once(struct member *m, unsigned int step)
{
	int err;

	if (!wait_for_turn(m->team, &turn.checked, step))
		return false;
	WRITE_ONCE(turn.begun, step + 1);
	err = hbitmap_reset(m->team->hb, LEAF, 1, GFP_KERNEL);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.done, step + 1);
	return !err;
}

static bool set_after_reset(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	bool stays;

	if (!wait_for_turn(m->team, &turn.begun, step + 1))
		return false;
	while (hbitmap_get(hb, LEAF))
		cond_resched();
	if (hbitmap_set(hb, LEAF, 1, GFP_KERNEL) ||
	    !wait_for_turn(m->team, &turn.done, step + 1))
		return false;
	stays = hbitmap_get(hb, LEAF);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.checked, step + 1);
	return stays;
}

static void a_reset_takes_effect_once(struct kunit *test)
{
	unsigned int steps = num_online_cpus() > 1 ? 1000 : 5;
	struct member members[] = {
		{ .step = reset_once, .steps = steps },
		{ .step = set_after_reset, .steps = steps },
	};
	struct team team = { .test = test };

	memset(&turn, 0, sizeof(turn));
	team.hb = bitmap_create(test, 2 * LEAF, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* RCU callbacks run in softirqs. */
struct softirq_user {
	struct rcu_head rcu;
	struct hbitmap *hb;
	int set, reset;
	bool dirty;
};

static void use_in_softirq(struct rcu_head *rcu)
{
	struct softirq_user *user = container_of(rcu, struct softirq_user, rcu);

	user->set = hbitmap_set(user->hb, LEAF / 2, 2 * LEAF, GFP_ATOMIC);
	user->dirty = hbitmap_get(user->hb, LEAF) &&
		      hbitmap_next_dirty(user->hb, LEAF, LEAF) == LEAF;
	user->reset = hbitmap_reset(user->hb, LEAF / 2, 2 * LEAF, GFP_ATOMIC);
}

static void softirqs_may_do_all_that_processes_may(struct kunit *test)
{
	static struct softirq_user user;
	u64 bit;

	user.hb = bitmap_create(test, 8 * LEAF, 0);
	call_rcu(&user.rcu, use_in_softirq);
	for (bit = 4 * LEAF; bit < 5 * LEAF; bit++)
		KUNIT_ASSERT_EQ(test, hbitmap_set(user.hb, bit, 1, GFP_KERNEL), 0);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, user.set, 0);
	KUNIT_EXPECT_TRUE(test, user.dirty);
	KUNIT_EXPECT_EQ(test, user.reset, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(user.hb), (u64)LEAF);
	expect_consistent(test, user.hb);
	hbitmap_free(user.hb);
}

/*
 * One member sets most of a leaf at once; as soon as the other sees the first of
 * these items, the count must have all of them.
 */
#define MOST_OF_LEAF	(LEAF - 100)

static bool set_most(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;

	if (!wait_for_turn(m->team, &turn.checked, step))
		return false;
	if (hbitmap_reset(hb, 0, MOST_OF_LEAF, GFP_KERNEL))
		return false;
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.begun, step + 1);
	return !hbitmap_set(hb, 0, MOST_OF_LEAF, GFP_KERNEL);
}

static bool count_what_was_seen(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 count;

	if (!wait_for_turn(m->team, &turn.begun, step + 1))
		return false;
	while (!hbitmap_get(hb, 0)) {
		if (atomic_read(&m->team->errors))
			return false;
		cond_resched();
	}
	count = hbitmap_count_range(hb, 0, LEAF);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.checked, step + 1);
	return count == MOST_OF_LEAF + 1;
}

static void what_one_saw_is_not_denied_by_a_count(struct kunit *test)
{
	struct member members[] = {
		{ .step = set_most, .steps = 200 },
		{ .step = count_what_was_seen, .steps = 200 },
	};
	struct team team = { .test = test };

	memset(&turn, 0, sizeof(turn));
	team.hb = bitmap_create(test, LEAF, 0);
	/* The leaf stays, whatever the others do. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF - 1, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	hbitmap_free(team.hb);
}

/*
 * Items with data: one member writes the data and sets the item, the other resets
 * the item and reads the data. What was set is dirty or its data was seen.
 */
#define DATA	8

static struct {
	unsigned int data;
	unsigned int written;
	unsigned int seen;
} harvest_items[DATA];

/* Many in a step, so that both members are at it at the same time. */
#define BURST	64

/* So many tell that both ran at the same time for long enough. */
#define HARVESTS	(10 * STEPS)

static unsigned int harvests;

static bool write_and_set(struct member *m, unsigned int step)
{
	unsigned int i, n, value;

	for (n = 0; n < BURST; n++) {
		i = n % DATA;
		value = harvest_items[i].data + 1;
		WRITE_ONCE(harvest_items[i].data, value);
		if (hbitmap_set(m->team->hb, i, 1, GFP_KERNEL))
			return false;
		/* Pairs with the acquire in is_seen_or_dirty(). */
		smp_store_release(&harvest_items[i].written, value);
	}
	return true;
}

/* Was the last write set so late that it is dirty, or so early that it was seen? */
static bool is_seen_or_dirty(struct hbitmap *hb, unsigned int i)
{
	unsigned int written;

	/* Pairs with the release in write_and_set(). */
	written = smp_load_acquire(&harvest_items[i].written);
	return harvest_items[i].seen >= written || hbitmap_get(hb, i);
}

static bool harvest(struct hbitmap *hb, unsigned int i)
{
	unsigned int n;

	if (hbitmap_get(hb, i)) {
		if (hbitmap_reset(hb, i, 1, GFP_KERNEL))
			return false;
		harvest_items[i].seen = READ_ONCE(harvest_items[i].data);
		harvests++;
	}
	/* At once, and for a while: the next write of the item hides what was lost. */
	for (n = 0; n < 16; n++)
		if (!is_seen_or_dirty(hb, i))
			return false;
	return true;
}

static bool reset_and_read(struct member *m, unsigned int step)
{
	unsigned int n;

	for (n = 0; n < BURST && harvests < HARVESTS; n++)
		if (!harvest(m->team->hb, n % DATA))
			return false;
	return true;
}

static void no_write_is_lost_between_set_and_reset(struct kunit *test)
{
	/* It takes two CPUs, and fences, which the thread sanitizers ignore. */
	bool races = num_online_cpus() > 1 && !IS_ENABLED(CONFIG_KCSAN);
	struct member members[] = {
		{ .step = write_and_set },
		{ .step = reset_and_read, .steps = races ? 2 * STEPS : STEPS / 50 },
	};
	struct team team = { .test = test };
	unsigned int i;

	memset(harvest_items, 0, sizeof(harvest_items));
	harvests = 0;
	team.hb = bitmap_create(test, LEAF, 0);
	/* The leaf stays, so that both are fast. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF - 1, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	for (i = 0; i < DATA; i++)
		KUNIT_EXPECT_TRUE(test, is_seen_or_dirty(team.hb, i));
	hbitmap_free(team.hb);
}

/* Leaf 1, of which each writer changes the same range in one call */
#define SNAP_START	(LEAF + 640)
#define SNAP_END	(2 * LEAF - 128)
#define SNAP_COUNT	(SNAP_END - SNAP_START)

static bool write_snapshot(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;

	return step % 2 ? !hbitmap_reset(hb, SNAP_START, SNAP_COUNT, GFP_KERNEL) :
			  !hbitmap_set(hb, SNAP_START, SNAP_COUNT, GFP_KERNEL);
}

static bool write_snapshot_chunk(struct member *m, unsigned int step)
{
	memset(m->bits, step % 3 ? 0x11 << (step % 4) : 0, LEAF / 8);
	return !hbitmap_deserialize_part(m->team->hb, m->bits, LEAF, LEAF, GFP_KERNEL);
}

static bool read_snapshot(struct member *m, unsigned int step)
{
	u8 *first = m->bits + (SNAP_START - LEAF) / 8;
	u64 count = hbitmap_count_range(m->team->hb, SNAP_START, SNAP_COUNT);

	if (count && count != SNAP_COUNT && count != SNAP_COUNT / 4)
		return false;
	if (hbitmap_serialize_part(m->team->hb, m->bits, LEAF, LEAF))
		return false;
	return !memcmp(first, first + 1, SNAP_COUNT / 8 - 1);
}

static void snapshot_run(struct kunit *test, struct member *members, unsigned int n,
			 u64 outside)
{
	static u8 bufs[3][HBITMAP_LEAF_BITS / 8];
	struct team team = { .test = test };
	unsigned int i;

	team.hb = bitmap_create(test, 3 * LEAF, 0);
	/* With a bit outside of the range the leaf stays, else it comes and goes. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, outside, 1, GFP_KERNEL), 0);
	for (i = 0; i < n; i++)
		members[i].bits = bufs[i];
	team_run(&team, members, n);
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

static void a_serialized_leaf_is_as_it_was_at_one_moment(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_snapshot, .steps = STEPS },
		{ .step = read_snapshot },
	};

	snapshot_run(test, members, ARRAY_SIZE(members), LEAF);
	snapshot_run(test, members, ARRAY_SIZE(members), 0);
}

static void a_chunk_is_loaded_leaf_by_leaf_at_one_moment(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_snapshot, .steps = STEPS / 2 },
		{ .step = write_snapshot_chunk, .steps = STEPS / 2 },
		{ .step = read_snapshot },
	};

	snapshot_run(test, members, ARRAY_SIZE(members), 0);
}

/* Several bitmaps, sizes that change, sums */

#define RACES		(IS_ENABLED(CONFIG_KCSAN) ? 4000 : 20000)

/* Each setter sets each of its bits once, in an order of its own. */
#define TAKE_LEAVES	6
#define TAKE_SIZE	(TAKE_LEAVES * LEAF + 100)

static u8 taken_bits[(TAKE_SIZE + 63) / 64 * 8];

static bool set_each_once(struct member *m, unsigned int step)
{
	/* Odd, hence with no common factor: it comes round to each step once. */
	u32 at = step * 4111 % (m->steps | 1);
	u64 bit = at * (u32)TAKE_SIZE / (m->steps | 1);
	struct hbitmap *hb = m->team->hb;

	bit = bit - bit % 4 + m->id;
	if (bit >= TAKE_SIZE || map_test(m->bits, bit))
		return true;
	map_assign(m->bits, bit, bit, true);
	if (step % 3 == 0)
		hbitmap_mark(hb, bit, 1);
	else if (hbitmap_set(hb, bit, 1, GFP_KERNEL))
		return false;
	/* What it set is not looked for: it may be gone already. */
	return true;
}

/* What was taken goes to taken_bits; nothing may come twice, nor change later. */
static bool take_and_collect(struct member *m, unsigned int step)
{
	struct hbitmap *taken = hbitmap_take(m->team->hb, GFP_KERNEL);
	u64 count, again;
	unsigned int i;
	bool fine = true;

	if (IS_ERR(taken))
		return false;
	count = hbitmap_count(taken);
	if (hbitmap_serialize_part(taken, m->bits, 0, TAKE_SIZE))
		fine = false;
	cond_resched();
	for (i = 0; i < sizeof(taken_bits); i++) {
		if (taken_bits[i] & m->bits[i])
			fine = false;
		taken_bits[i] |= m->bits[i];
	}
	again = hbitmap_count_range(taken, 0, TAKE_SIZE);
	fine &= map_weight(m->bits, 0, TAKE_SIZE) == count && count == again &&
		hbitmap_count(taken) == count;
	hbitmap_free(taken);
	return fine;
}

static void what_is_set_beside_take_is_taken_once(struct kunit *test)
{
	size_t bytes = sizeof(taken_bits);
	u8 *bits = kvzalloc(3 * bytes, GFP_KERNEL);
	struct member members[] = {
		{ .step = set_each_once, .steps = RACES, .bits = bits },
		{ .step = set_each_once, .steps = RACES, .bits = bits + bytes },
		{ .step = take_and_collect, .bits = bits + 2 * bytes },
	};
	struct team team = { .test = test };
	unsigned int i, lost = 0;

	KUNIT_ASSERT_TRUE(test, bits);
	memset(taken_bits, 0, bytes);
	team.hb = bitmap_create(test, TAKE_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	members[2].team = &team;
	KUNIT_EXPECT_TRUE(test, take_and_collect(&members[2], 0));
	for (i = 0; i < bytes; i++)
		lost += taken_bits[i] != (bits[i] | bits[bytes + i]);
	KUNIT_EXPECT_EQ(test, lost, 0U);
	KUNIT_EXPECT_TRUE(test, hbitmap_empty(team.hb));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
	kvfree(bits);
}

/* Ranges whose ends lie in leaves and whose middle is cut off or made FULL at once. */
static bool set_and_reset_ranges(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 start = random_below(&m->random, TAKE_SIZE);
	u64 count = 1 + random_below(&m->random, TAKE_SIZE - start);

	if (step % 2)
		return !hbitmap_reset(hb, start, count, GFP_KERNEL);
	return !hbitmap_set(hb, start, count, GFP_KERNEL);
}

/* Totals of what was taken are right at once, though ranges still free leaves. */
static bool take_and_count(struct member *m, unsigned int step)
{
	struct hbitmap *taken = hbitmap_take(m->team->hb, GFP_KERNEL);
	bool fine;

	if (IS_ERR(taken))
		return false;
	fine = hbitmap_count(taken) == hbitmap_count_range(taken, 0, TAKE_SIZE);
	/* A leaf may be left that its last writer made uniform: this takes it out. */
	fine &= !hbitmap_set(taken, 0, TAKE_SIZE, GFP_KERNEL);
	hbitmap_reset_all(taken);
	fine &= !hbitmap_count(taken) && !hbitmap_memory(taken);
	hbitmap_free(taken);
	return fine;
}

static void what_is_taken_beside_ranges_has_right_totals(struct kunit *test)
{
	struct member members[] = {
		{ .step = set_and_reset_ranges, .steps = RACES / 4 },
		{ .step = set_and_reset_ranges, .steps = RACES / 4 },
		{ .step = take_and_count },
	};
	struct team team = { .test = test };

	team.hb = bitmap_create(test, TAKE_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/*
 * The end moves, and what lies before @stride does not: readers must find that, and
 * nothing dirty behind it, whatever the leaf or node of the old end becomes.
 */
static bool move_end(struct member *m, unsigned int step)
{
	struct team *team = m->team;
	static const u64 more[] = { 0, 1, 63, LEAF, LEAF + 5, NODE, NODE + LEAF, 65 * NODE };

	return !hbitmap_truncate(team->hb, team->stride +
				 more[random_below(&m->random, ARRAY_SIZE(more))],
				 GFP_KERNEL);
}

static bool read_before_end(struct member *m, unsigned int step)
{
	struct team *team = m->team;
	struct hbitmap *hb = team->hb;
	u64 size = team->stride, first = team->background ? 0 : size - 3, at, count;
	struct hbitmap_iter iter;
	struct hbitmap_word word;
	u8 buf[16];

	if (hbitmap_next_dirty(hb, 0, U64_MAX) != (s64)first ||
	    hbitmap_next_dirty(hb, size, U64_MAX) != -1 ||
	    hbitmap_next_zero(hb, first, size - first) != -1 ||
	    !hbitmap_get(hb, size - 1) || hbitmap_get(hb, size))
		return false;
	if (hbitmap_count_range(hb, 0, size) != size - first ||
	    hbitmap_count_range(hb, 0, U64_MAX) != size - first ||
	    hbitmap_count_range(hb, size, U64_MAX))
		return false;
	if (!hbitmap_next_dirty_area(hb, 0, U64_MAX, U64_MAX, &at, &count) || at != first ||
	    count != size - first)
		return false;
	hbitmap_iter_init(&iter, hb, size - 1);
	if (hbitmap_iter_next(&iter) != (s64)size - 1 || hbitmap_iter_next(&iter) != -1)
		return false;
	hbitmap_iter_init(&iter, hb, first);
	for (at = 0; at < size - first; at += hweight_long(word.bits))
		if (!hbitmap_iter_words(&iter, &word, 1))
			return false;
	if (at > size - first || hbitmap_iter_words(&iter, &word, 1))
		return false;
	at = size - size % 64;
	if (hbitmap_serialize_part(hb, buf, at - 64, 64))
		return false;
	/* This one is refused if it does not reach the end, which moves. */
	memset(buf, 0, sizeof(buf));
	if (!hbitmap_serialize_part(hb, buf, at, size - at) &&
	    map_weight(buf, 0, 64) != min(size - at, size - first))
		return false;
	return true;
}

static void readers_beside_truncate_read_what_is_there(struct kunit *test)
{
	static const u64 ends[] = { 100, LEAF - 1, LEAF + 100, NODE - LEAF + 7, NODE + 3,
				    NODE + LEAF - 1 };
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(ends); i++) {
		struct member members[] = {
			{ .step = move_end, .steps = RACES / 40 },
			{ .step = read_before_end },
		};
		struct team team = {
			.test = test, .stride = ends[i / 2], .background = i % 2,
		};
		u64 first = team.background ? 0 : team.stride - 3;

		team.hb = bitmap_create(test, team.stride, 0);
		KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, first, team.stride - first,
						  GFP_KERNEL), 0);
		team_run(&team, members, ARRAY_SIZE(members));
		KUNIT_EXPECT_EQ(test, hbitmap_truncate(team.hb, team.stride, GFP_KERNEL), 0);
		expect_consistent(test, team.hb);
		hbitmap_free(team.hb);
	}
}

/*
 * Of what becomes dirty behind the end, when that has moved, nothing is counted by who
 * found it where it was.
 */
static bool extend_and_cut(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 size = m->team->stride;

	return !hbitmap_truncate(hb, size + 200, GFP_KERNEL) &&
	       !hbitmap_set(hb, size, 150, GFP_KERNEL) &&
	       !hbitmap_truncate(hb, size, GFP_KERNEL);
}

static bool count_before_end(struct member *m, unsigned int step)
{
	u64 size = m->team->stride;

	return hbitmap_count_range(m->team->hb, 0, size) == 3 &&
	       hbitmap_count_range(m->team->hb, size - 2, 2) == 1;
}

static void counts_beside_truncate_are_of_the_range(struct kunit *test)
{
	static const u64 ends[] = { 1000, LEAF + 100, NODE - LEAF + 7, 2 * NODE + 3 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct member members[] = {
			{ .step = extend_and_cut, .steps = RACES / 8 },
			{ .step = count_before_end },
		};
		struct team team = { .test = test, .stride = ends[i] };

		team.hb = bitmap_create(test, team.stride, 0);
		KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, 7, 2, GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, team.stride - 1, 1, GFP_KERNEL), 0);
		team_run(&team, members, ARRAY_SIZE(members));
		expect_consistent(test, team.hb);
		hbitmap_free(team.hb);
	}
}

/* A chunk up to the end, if that is still where it was, and nothing behind it. */
static bool copy_chunk_at_end(struct hbitmap *hb, u8 *buf)
{
	u64 size = hbitmap_size(hb), start = size > 512 ? round_down(size - 512, 64) : 0;
	int err;

	if (!size)
		return true;
	memset(buf, 0, 80);
	err = hbitmap_serialize_part(hb, buf, start, size - start);
	if (!err && map_weight(buf, size - start, 640))
		return false;
	if (!err)
		err = hbitmap_deserialize_part(hb, buf, start, size - start, GFP_KERNEL);
	return !err || err == -EINVAL;
}

/* Where the end may be is for writers to find out. */
static bool write_at_end(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 bit = random_below(&m->random, TAKE_SIZE);
	u8 buf[80];
	int err;

	switch (random_below(&m->random, 6)) {
	case 4:
		return copy_chunk_at_end(hb, buf);
	case 0:
		err = hbitmap_reset(hb, bit, 1, GFP_KERNEL);
		break;
	case 1:
		err = hbitmap_set(hb, bit, LEAF, GFP_KERNEL);
		break;
	case 2:
		hbitmap_mark(hb, bit, LEAF / 2);
		return true;
	case 3:
		err = min(hbitmap_test_and_set(hb, bit, GFP_KERNEL), 0);
		break;
	default:
		err = hbitmap_set(hb, bit, 1, GFP_KERNEL);
		break;
	}
	return !err || err == -EINVAL;
}

static bool cut_and_grow(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 size = 1 + random_below(&m->random, TAKE_SIZE);

	if (hbitmap_truncate(hb, size, GFP_KERNEL) ||
	    hbitmap_count_range(hb, 0, U64_MAX) > size || hbitmap_count(hb) > size)
		return false;
	return hbitmap_truncate(hb, size + random_below(&m->random, LEAF), GFP_KERNEL) == 0;
}

static void writers_beside_truncate_leave_nothing_behind_the_end(struct kunit *test)
{
	struct member members[] = {
		{ .step = write_at_end, .steps = RACES },
		{ .step = write_at_end, .steps = RACES },
		{ .step = cut_and_grow },
	};
	struct team team = { .test = test };
	u64 count;

	team.hb = bitmap_create(test, TAKE_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(team.hb, LEAF + 777, GFP_KERNEL), 0);
	count = hbitmap_count(team.hb);
	KUNIT_EXPECT_EQ(test, hbitmap_truncate(team.hb, TAKE_SIZE, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_count(team.hb), count);
	KUNIT_EXPECT_EQ(test, hbitmap_next_dirty(team.hb, LEAF + 777, TAKE_SIZE), -1LL);
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* What the mergers merge in; nobody changes it. */
static struct hbitmap *merge_source;

static bool merge_on_and_on(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;

	if (hbitmap_merge(hb, merge_source, hb, GFP_KERNEL))
		return false;
	/* Twice is not at all, but for who looks in between. */
	return step % 4 || (!hbitmap_xor(hb, merge_source, hb, GFP_KERNEL) &&
			    !hbitmap_andnot(hb, merge_source, hb, GFP_KERNEL) &&
			    !hbitmap_merge(merge_source, hb, hb, GFP_KERNEL));
}

/* Bits that the source does not have: each stays what its setter made it. */
static bool set_beside_merge(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	u64 bit = random_below(&m->random, TAKE_SIZE);
	bool value = random_below(&m->random, 4);

	bit = bit - bit % 8 + m->id;
	if (bit >= TAKE_SIZE)
		return true;
	if (value ? hbitmap_set(hb, bit, 1, GFP_KERNEL) :
		    hbitmap_reset(hb, bit, 1, GFP_KERNEL))
		return false;
	map_assign(m->bits, bit, bit, value);
	return hbitmap_get(hb, bit) == value;
}

static void what_is_set_beside_merge_is_kept(struct kunit *test)
{
	size_t bytes = sizeof(taken_bits);
	u8 *bits = kvzalloc(3 * bytes, GFP_KERNEL);
	struct member members[] = {
		{ .step = set_beside_merge, .steps = RACES, .bits = bits },
		{ .step = set_beside_merge, .steps = RACES, .bits = bits + bytes },
		{ .step = merge_on_and_on },
	};
	struct team team = { .test = test };
	unsigned int wrong = 0;
	u64 i;

	KUNIT_ASSERT_TRUE(test, bits);
	team.hb = bitmap_create(test, TAKE_SIZE, 0);
	merge_source = bitmap_create(test, TAKE_SIZE, 0);
	for (i = 2; i < TAKE_SIZE; i += i / LEAF % 2 ? 8 : 8 * 101)
		hbitmap_set(merge_source, i, 1 + (u32)(i / LEAF) % 3, GFP_KERNEL);
	team_run(&team, members, ARRAY_SIZE(members));
	KUNIT_EXPECT_EQ(test, hbitmap_merge(team.hb, merge_source, team.hb, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(team.hb, bits + 2 * bytes, 0,
						     TAKE_SIZE), 0);
	for (i = 0; i < TAKE_SIZE; i++)
		wrong += map_test(bits + 2 * bytes, i) !=
			 (map_test(bits, i) || map_test(bits + bytes, i) ||
			  hbitmap_get(merge_source, i));
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	expect_consistent(test, team.hb);
	hbitmap_free(merge_source);
	hbitmap_free(team.hb);
	kvfree(bits);
}

#define CUT_SIZE	(4 * LEAF)

/* Rounds of merging that have begun, and that have been truncated. */
static unsigned int merge_rounds, cut_rounds;

/* All of the source is merged, or nothing since it is of another size by then. */
static bool merge_beside_truncate(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	int err;

	if (hbitmap_truncate(hb, CUT_SIZE, GFP_KERNEL) ||
	    hbitmap_reset(hb, 0, CUT_SIZE, GFP_KERNEL))
		return false;
	/* Pairs with the acquire in truncate_beside_merge(). */
	smp_store_release(&merge_rounds, merge_rounds + 1);
	err = hbitmap_merge(hb, merge_source, hb, GFP_KERNEL);
	/* Pairs with the release there. */
	while (smp_load_acquire(&cut_rounds) != merge_rounds)
		cond_resched();
	return err == -EINVAL ? hbitmap_empty(hb) :
	       !err && hbitmap_count(hb) == CUT_SIZE / 2;
}

static bool truncate_beside_merge(struct member *m, unsigned int step)
{
	/* Pairs with the release in merge_beside_truncate(). */
	unsigned int round = smp_load_acquire(&merge_rounds);

	if (round == cut_rounds)
		return true;
	if (hbitmap_truncate(m->team->hb, CUT_SIZE / 2, GFP_KERNEL))
		return false;
	/* Pairs with the acquire there. */
	smp_store_release(&cut_rounds, round);
	return true;
}

static void what_is_merged_beside_truncate_is_there(struct kunit *test)
{
	struct member members[] = {
		/* On one CPU each waits for the next tick. */
		{ .step = merge_beside_truncate, .steps = RACES / 40 },
		{ .step = truncate_beside_merge },
	};
	struct team team = { .test = test };

	merge_rounds = 0;
	cut_rounds = 0;
	team.hb = bitmap_create(test, CUT_SIZE, 0);
	merge_source = bitmap_create(test, CUT_SIZE, 0);
	KUNIT_ASSERT_EQ(test, hbitmap_set(merge_source, 0, CUT_SIZE, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	hbitmap_free(merge_source);
	hbitmap_free(team.hb);
}

/*
 * A merge changes all of a leaf; as soon as the other sees one of its items, a search
 * that comes from before must find it. Bit 0 of each leaf of the source is clean.
 */
#define MERGED	(40 * 64 + 5)

static bool merge_in_turn(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;

	if (!wait_for_turn(m->team, &turn.checked, step))
		return false;
	if (hbitmap_andnot(hb, merge_source, hb, GFP_KERNEL))
		return false;
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.begun, step + 1);
	return step % 2 ? !hbitmap_merge(hb, merge_source, hb, GFP_KERNEL) :
			  !hbitmap_xor(hb, merge_source, hb, GFP_KERNEL);
}

static bool find_in_turn(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	s64 found;

	if (!wait_for_turn(m->team, &turn.begun, step + 1))
		return false;
	while (!hbitmap_get(hb, MERGED))
		if (atomic_read(&m->team->errors))
			return false;
	found = hbitmap_next_dirty(hb, 0, LEAF);
	/* Pairs with wait_for_turn(). */
	smp_store_release(&turn.checked, step + 1);
	return found == MERGED;
}

static void what_one_saw_of_a_merge_is_not_denied_by_a_summary(struct kunit *test)
{
	unsigned int steps = num_online_cpus() > 1 ? RACES / 2 : 20;
	struct member members[] = {
		{ .step = merge_in_turn, .steps = steps },
		{ .step = find_in_turn, .steps = steps },
	};
	struct team team = { .test = test };

	memset(&turn, 0, sizeof(turn));
	team.hb = bitmap_create(test, LEAF, 0);
	merge_source = bitmap_create(test, LEAF, 0);
	KUNIT_EXPECT_EQ(test, hbitmap_set(merge_source, MERGED, 1000, GFP_KERNEL), 0);
	/* The leaf stays. */
	KUNIT_EXPECT_EQ(test, hbitmap_set(team.hb, LEAF - 1, 1, GFP_KERNEL), 0);
	team_run(&team, members, ARRAY_SIZE(members));
	hbitmap_free(merge_source);
	hbitmap_free(team.hb);
}

/* Anything beside anything. */
static bool do_anything(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb, *other;
	bool fine = true;
	int err;

	switch (random_below(&m->random, 6)) {
	case 0:
		other = hbitmap_clone(hb, GFP_KERNEL);
		if (IS_ERR(other))
			return false;
		fine = hbitmap_count(other) == hbitmap_count_range(other, 0, U64_MAX);
		err = hbitmap_merge(hb, other, hb, GFP_KERNEL);
		fine &= !err || err == -EINVAL;
		hbitmap_free(other);
		return fine;
	case 1:
		other = hbitmap_take(hb, GFP_KERNEL);
		if (IS_ERR(other))
			return false;
		err = hbitmap_merge(other, hb, hb, GFP_KERNEL);
		hbitmap_free(other);
		return !err || err == -EINVAL;
	case 2:
		return hbitmap_count_range(hb, random_below(&m->random, TAKE_SIZE),
					   U64_MAX) <= 2 * TAKE_SIZE;
	case 3:
		return !hbitmap_truncate(hb, random_below(&m->random, TAKE_SIZE), GFP_KERNEL);
	default:
		return write_at_end(m, step);
	}
}

static void anything_beside_anything_leaves_a_consistent_bitmap(struct kunit *test)
{
	struct member members[] = {
		{ .step = do_anything, .steps = RACES / 4 },
		{ .step = do_anything, .steps = RACES / 4 },
		{ .step = write_at_end },
	};
	struct team team = { .test = test };

	team.hb = bitmap_create(test, TAKE_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	expect_consistent(test, team.hb);
	hbitmap_free(team.hb);
}

/* Both want the same bits, in the same order. */
static bool claim_bit(struct member *m, unsigned int step)
{
	int was = hbitmap_test_and_set(m->team->hb, (u64)step * 3, GFP_KERNEL);

	if (was < 0)
		return false;
	m->random += !was;
	return true;
}

static void one_of_the_racers_is_told_that_it_set_the_bit(struct kunit *test)
{
	unsigned int steps = RACES;
	struct member members[] = {
		{ .step = claim_bit, .steps = steps },
		{ .step = claim_bit, .steps = steps },
	};
	struct team team = { .test = test };
	u64 won;

	team.hb = bitmap_create(test, 3 * steps, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	won = members[0].random + members[1].random - 3 * 0x9e3779b97f4a7c15ULL;
	KUNIT_EXPECT_EQ(test, won, (u64)steps);
	KUNIT_EXPECT_EQ(test, hbitmap_count(team.hb), (u64)steps);
	hbitmap_free(team.hb);
}

/*
 * One member sets a bit, in leaves that have been counted and in new ones; as soon
 * as the other sees it, the count must have it.
 */
#define SUM_STEPS	(IS_ENABLED(CONFIG_KCSAN) ? 2000 : 10000)
#define SUM_SIZE	(4 * NODE)

/* So many bits were set and counted. */
static unsigned int counted;

static u64 sum_bit(unsigned int step)
{
	return (u64)(step % 100) * LEAF + step / 100;
}

static bool set_when_counted(struct member *m, unsigned int step)
{
	/* Pairs with the release of who counts. */
	while (smp_load_acquire(&counted) != step) {
		if (atomic_read(&m->team->errors))
			return false;
		cond_resched();
	}
	return !hbitmap_set(m->team->hb, sum_bit(step), 1, GFP_KERNEL);
}

static bool count_when_set(struct member *m, unsigned int step)
{
	struct hbitmap *hb = m->team->hb;
	unsigned int n = 0;
	u64 count;

	while (!hbitmap_get(hb, sum_bit(step))) {
		if (atomic_read(&m->team->errors))
			return false;
		if (++n % 100 == 0)
			cond_resched();
	}
	count = hbitmap_count_range(hb, 0, SUM_SIZE);
	/* Pairs with set_when_counted(). */
	smp_store_release(&counted, step + 1);
	return count == step + 1;
}

static void what_one_saw_is_not_denied_by_a_sum(struct kunit *test)
{
	unsigned int steps = num_online_cpus() > 1 ? SUM_STEPS : 300;
	struct member members[] = {
		{ .step = set_when_counted, .steps = steps },
		{ .step = count_when_set, .steps = steps },
	};
	struct team team = { .test = test };

	counted = 0;
	team.hb = bitmap_create(test, SUM_SIZE, 0);
	team_run(&team, members, ARRAY_SIZE(members));
	hbitmap_free(team.hb);
}

/* A few leaves of one node, and bits of them. */
static bool change_few(struct member *m, unsigned int step)
{
	u64 bit = random_below(&m->random, 3) * LEAF + random_below(&m->random, 4);

	if (random_below(&m->random, 2))
		return !hbitmap_set(m->team->hb, bit, 1, GFP_KERNEL);
	return !hbitmap_reset(m->team->hb, bit, 1, GFP_KERNEL);
}

static bool count_on_and_on(struct member *m, unsigned int step)
{
	return hbitmap_count_range(m->team->hb, 0, SUM_SIZE) <= 15;
}

/* Who counts beside writers must not leave a sum behind that is wrong for ever. */
static void sums_beside_writers_are_right_in_the_end(struct kunit *test)
{
	struct hbitmap *hb = bitmap_create(test, SUM_SIZE, 0);
	unsigned int round, i, wrong = 0;

	/* The leaves stay: writers seldom need hb->lock. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, hbitmap_set(hb, i * LEAF + 77, 1, GFP_KERNEL), 0);
	for (round = 0; round < 40; round++) {
		struct member members[] = {
			{ .step = change_few, .steps = RACES / 40 },
			{ .step = count_on_and_on, .steps = RACES / 40 },
			{ .step = count_on_and_on },
		};
		struct team team = { .test = test, .hb = hb };

		team_run(&team, members, ARRAY_SIZE(members));
		wrong += hbitmap_count_range(hb, 0, SUM_SIZE) != hbitmap_count(hb);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	hbitmap_free(hb);
}

static struct kunit_case hbitmap_race_cases[] = {
	KUNIT_CASE(writers_in_disjoint_areas_end_as_the_model_predicts),
	KUNIT_CASE(writers_in_one_area_leave_a_consistent_bitmap),
	KUNIT_CASE(what_was_set_is_found_while_neighbours_are_reset),
	KUNIT_CASE(what_one_saw_is_not_denied_by_a_summary),
	KUNIT_CASE(what_one_saw_is_not_denied_by_a_count),
	KUNIT_CASE(softirqs_may_do_all_that_processes_may),
	KUNIT_CASE(a_reset_takes_effect_once),
	KUNIT_CASE(no_write_is_lost_between_set_and_reset),
	KUNIT_CASE(a_serialized_leaf_is_as_it_was_at_one_moment),
	KUNIT_CASE(a_chunk_is_loaded_leaf_by_leaf_at_one_moment),
	KUNIT_CASE(what_is_set_beside_take_is_taken_once),
	KUNIT_CASE(what_is_taken_beside_ranges_has_right_totals),
	KUNIT_CASE(readers_beside_truncate_read_what_is_there),
	KUNIT_CASE(counts_beside_truncate_are_of_the_range),
	KUNIT_CASE(writers_beside_truncate_leave_nothing_behind_the_end),
	KUNIT_CASE(what_is_set_beside_merge_is_kept),
	KUNIT_CASE(what_is_merged_beside_truncate_is_there),
	KUNIT_CASE(what_one_saw_of_a_merge_is_not_denied_by_a_summary),
	KUNIT_CASE(anything_beside_anything_leaves_a_consistent_bitmap),
	KUNIT_CASE(one_of_the_racers_is_told_that_it_set_the_bit),
	KUNIT_CASE(what_one_saw_is_not_denied_by_a_sum),
	KUNIT_CASE(sums_beside_writers_are_right_in_the_end),
	{}
};

static struct kunit_suite hbitmap_race_suite = {
	.name = "hbitmap_race",
	.test_cases = hbitmap_race_cases,
};

kunit_test_suite(hbitmap_race_suite);

MODULE_DESCRIPTION("KUnit tests of hbitmap, of several threads");
MODULE_LICENSE("GPL");
