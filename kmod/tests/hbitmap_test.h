/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of hbitmap share; a suite need not use all of it. */
#ifndef _HBITMAP_TEST_H
#define _HBITMAP_TEST_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hbitmap.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#define LEAF	((u64)HBITMAP_LEAF_BITS)
#define NODE	(LEAF * 64)

static __maybe_unused struct hbitmap *bitmap_create(struct kunit *test, u64 size,
						    unsigned int granularity)
{
	struct hbitmap *hb = hbitmap_alloc(size, granularity, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(hb));
	return hb;
}

/* Own generator: the same sequence in every home. */
static __maybe_unused u64 random_next(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1DULL;
}

static __maybe_unused u64 random_below(u64 *state, u64 limit)
{
	/* The modulus of 32 bits, so that 32-bit machines need no division. */
	if (limit <= U32_MAX)
		return (u32)(random_next(state) >> 32) % (u32)limit;
	return random_next(state) & ((1ULL << (fls64(limit) - 1)) - 1);
}

/* A plain bitmap, in the format of a chunk */

static __maybe_unused bool map_test(const u8 *map, u64 i)
{
	return map[i / 8] & (1U << (i % 8));
}

static __maybe_unused void map_assign(u8 *map, u64 first, u64 last, bool value)
{
	u64 i;

	for (i = first; i <= last; i++) {
		if (i % 8 == 0 && last - i >= 8) {
			map[i / 8] = value ? 0xff : 0;
			i += 7;
		} else if (value) {
			map[i / 8] |= 1U << (i % 8);
		} else {
			map[i / 8] &= ~(1U << (i % 8));
		}
	}
}

static __maybe_unused u64 map_weight(const u8 *map, u64 first, u64 end)
{
	u64 weight = 0;

	for (; first < end; first++)
		weight += map_test(map, first);
	return weight;
}

/* Memory runs out at the @nth allocation from here on. */
static __maybe_unused void fail_nth(unsigned int nth)
{
#ifdef CONFIG_FAILSLAB
	current->fail_nth = nth;
#endif
}

static __maybe_unused bool fail_is_armed(void)
{
#ifdef CONFIG_FAILSLAB
	return current->fail_nth;
#else
	return true;
#endif
}

/* Concurrency: workers do a number of steps, watchers look on until they are done */

#define STEPS	20000

struct team {
	struct kunit *test;
	struct hbitmap *hb;
	atomic_t working;
	atomic_t errors;
	bool done;
	/* What a case needs besides. */
	u64 stride;
	bool background;
};

struct member {
	struct team *team;
	unsigned int id;
	/* One call is a step; a watcher has none to do and is called on and on. */
	bool (*step)(struct member *member, unsigned int step);
	unsigned int steps;
	u64 random;
	u8 *bits;
	struct task_struct *task;
};

static __maybe_unused int member_main(void *data)
{
	struct member *m = data;
	struct team *team = m->team;
	unsigned int step;

	for (step = 0; m->steps ? step < m->steps : !READ_ONCE(team->done); step++) {
		if (!m->step(m, step))
			atomic_inc(&team->errors);
		cond_resched();
	}
	if (m->steps)
		atomic_dec(&team->working);
	while (!kthread_should_stop())
		usleep_range(200, 1000);
	return 0;
}

static __maybe_unused void team_run(struct team *team, struct member *members, unsigned int n)
{
	struct kunit *test = team->test;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (members[i].steps)
			atomic_inc(&team->working);
	for (i = 0; i < n; i++) {
		members[i].team = team;
		members[i].id = i;
		members[i].random = 0x9e3779b97f4a7c15ULL * (i + 1);
		members[i].task = kthread_run(member_main, &members[i], "hbitmap/%u", i);
		if (IS_ERR(members[i].task)) {
			KUNIT_FAIL(test, "no thread: %ld", PTR_ERR(members[i].task));
			if (members[i].steps)
				atomic_dec(&team->working);
		}
	}
	while (atomic_read(&team->working))
		usleep_range(200, 1000);
	WRITE_ONCE(team->done, true);
	for (i = 0; i < n; i++)
		if (!IS_ERR(members[i].task))
			kthread_stop(members[i].task);
	KUNIT_EXPECT_EQ(test, atomic_read(&team->errors), 0);
}

/* Whatever happened, the count and every way to look at the content agree. */
static __maybe_unused void expect_consistent(struct kunit *test, struct hbitmap *hb)
{
	u64 bit, run, size = hbitmap_size(hb), weight = 0, area, length;
	u8 *buf = kvzalloc((size + 63) / 64 * 8, GFP_KERNEL);
	unsigned int wrong = 0;

	KUNIT_ASSERT_TRUE(test, buf);
	KUNIT_EXPECT_EQ(test, hbitmap_serialize_part(hb, buf, 0, size), 0);
	for (bit = 0; bit < size; bit++) {
		bool dirty = buf[bit / 8] & (1U << (bit % 8));

		weight += dirty;
		wrong += hbitmap_get(hb, bit) != dirty;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), weight);
	KUNIT_EXPECT_EQ(test, hbitmap_count_range(hb, 0, size), weight);
	KUNIT_EXPECT_EQ(test, hbitmap_empty(hb), !weight);

	run = 0;
	for (bit = 0; hbitmap_next_dirty_area(hb, bit, size, size, &area, &length);
	     bit = area + length)
		run += length;
	KUNIT_EXPECT_EQ(test, run, weight);
	kvfree(buf);

	hbitmap_reset_all(hb);
	KUNIT_EXPECT_EQ(test, hbitmap_count(hb), 0ULL);
	KUNIT_EXPECT_EQ(test, hbitmap_memory(hb), 0ULL);
}

#endif /* _HBITMAP_TEST_H */
