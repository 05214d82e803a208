// SPDX-License-Identifier: GPL-2.0
/*
 * Walks: each entry once, whatever goes on beside them; what cursors tell and what they
 * do not; what is refused. And sealed tables.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "qds_test.h"

/* Enough that some have a hash of 32 bits in common: some ten pairs. */
#define MANY	300000
#define ROOM	1000

/* Room for a step, and what it tells. */
struct step {
	struct qds_table_walk arg;
	__u64 keys[ROOM];
	__u64 values[ROOM];
	__u32 key_lens[ROOM];
	__u32 value_lens[ROOM];
};

static void step_init(struct step *s, __u32 nr)
{
	memset(&s->arg, 0, sizeof(s->arg));
	s->arg.size = sizeof(s->arg);
	s->arg.keys = PTR(s->keys);
	s->arg.values = PTR(s->values);
	s->arg.nr = nr;
	s->arg.key_bytes = sizeof(s->keys);
	s->arg.value_bytes = sizeof(s->values);
}

/* The next step, with the room of the first. */
static int step_next(int fd, struct step *s, __u32 nr)
{
	s->arg.nr = nr;
	s->arg.key_bytes = sizeof(s->keys);
	s->arg.value_bytes = s->arg.values ? sizeof(s->values) : 0;
	return call(fd, QDS_TABLE_WALK, &s->arg);
}

static __u64 value_of(__u64 key)
{
	return key * 3 + 1;
}

/* Inserts or removes keys from @from on. */
static int change(int fd, unsigned int cmd, __u64 from, __u32 nr)
{
	struct qds_table_vec vec = { .size = sizeof(vec), .nr = nr, .key_size = 8 };
	__u64 *keys = calloc(nr, sizeof(*keys)), *values = calloc(nr, sizeof(*values));
	__u32 i;
	int ret;

	for (i = 0; i < nr; i++) {
		keys[i] = from + i;
		values[i] = value_of(from + i);
	}
	vec.keys = PTR(keys);
	if (cmd == QDS_TABLE_INSERT) {
		vec.values = PTR(values);
		vec.value_size = 8;
	}
	ret = call(fd, cmd, &vec);
	free(keys);
	free(values);
	return ret;
}

static __u64 entries_of(int fd)
{
	struct qds_table_info info;

	return table_info(fd, &info) ? ~0ULL : info.entries;
}

static int seal(int fd)
{
	struct qds_table_seal arg = { .size = sizeof(arg) };

	return call(fd, QDS_TABLE_SEAL, &arg);
}

FIXTURE(walk)
{
	int dev;
	int fd;
	struct step *s;
	__u8 *seen;
};

FIXTURE_SETUP(walk)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = table_create(self->dev, 8, 8, 0);
	ASSERT_LE(0, self->fd);
	self->s = calloc(1, sizeof(*self->s));
	self->seen = calloc(1, MANY);
	step_init(self->s, ROOM);
}

FIXTURE_TEARDOWN(walk)
{
	free(self->seen);
	free(self->s);
	close(self->fd);
	close(self->dev);
}

/* Counts what a step has told. Return: a fault, or NULL. */
static const char *count_step(const struct step *s, __u8 *seen, __u32 most)
{
	__u32 i;

	if (s->arg.nr > most)
		return "more entries than asked for";
	if (s->arg.key_bytes != s->arg.nr * 8 ||
	    (s->arg.values && s->arg.value_bytes != s->arg.nr * 8))
		return "wrong number of bytes";
	for (i = 0; i < s->arg.nr; i++) {
		if (s->keys[i] >= MANY)
			return "a key that is not there";
		if (s->arg.values && s->values[i] != value_of(s->keys[i]))
			return "a wrong value";
		if (++seen[s->keys[i]] > 1)
			return "a key twice";
	}
	return NULL;
}

/* A whole walk, with room for @nr entries, or more where a call says so. */
static const char *walk_all(int fd, struct step *s, __u8 *seen, __u32 nr, unsigned int *full)
{
	const char *fault = NULL;
	__u32 room = nr;

	memset(seen, 0, MANY);
	s->arg.cursor = 0;
	do {
		__u64 cursor = s->arg.cursor;
		int ret = step_next(fd, s, room);

		if (ret == -ENOSPC) {
			if (s->arg.nr <= room || s->arg.cursor != cursor ||
			    s->arg.key_bytes != s->arg.nr * 8)
				return "ENOSPC that does not say how much is enough";
			room = s->arg.nr;
			(*full)++;
			continue;
		}
		if (ret)
			return strerror(-ret);
		fault = count_step(s, seen, room);
		room = nr;
	} while (!fault && s->arg.cursor);
	return fault;
}

static __u32 count_seen(const __u8 *seen, __u32 from, __u32 to)
{
	__u32 nr = 0;

	for (; from < to; from++)
		nr += seen[from];
	return nr;
}

TEST_F(walk, tells_each_entry_once_whatever_the_room)
{
	static const __u32 rooms[] = { 1, 2, 3, 63, 64, 65, 999, ROOM };
	unsigned int i, full = 0;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 20000));
	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		const char *fault = walk_all(self->fd, self->s, self->seen, rooms[i], &full);

		EXPECT_EQ(NULL, fault) {
			TH_LOG("room %u: %s", rooms[i], fault);
		}
		EXPECT_EQ(20000, count_seen(self->seen, 0, MANY));
	}
}

TEST_F(walk, of_an_empty_table_is_over_at_once)
{
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, &self->s->arg));
	EXPECT_EQ(0, self->s->arg.nr);
	EXPECT_EQ(0, self->s->arg.cursor);
	EXPECT_EQ(0, self->s->arg.key_bytes);
}

TEST_F(walk, needs_no_write_access)
{
	int fd = object_reopen(self->fd, QDS_ACCESS_READ);

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 3));
	ASSERT_EQ(0, call(fd, QDS_TABLE_WALK, &self->s->arg));
	EXPECT_EQ(3, self->s->arg.nr);
	close(fd);
}

TEST_F(walk, without_values_tells_keys)
{
	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 500));
	memset(self->s->values, 0xcc, sizeof(self->s->values));
	self->s->arg.values = 0;
	self->s->arg.value_bytes = 0;
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, &self->s->arg));
	EXPECT_EQ(NULL, count_step(self->s, self->seen, ROOM));
	EXPECT_EQ(500, self->s->arg.nr);
	EXPECT_EQ(0, self->s->arg.value_bytes);
	EXPECT_EQ(0xcccccccccccccccc, self->s->values[0]);
}

TEST_F_TIMEOUT(walk, entries_of_equal_hash_are_told_together, 120)
{
	unsigned int full = 0;
	const char *fault;
	__u64 at;

	for (at = 0; at < MANY; at += MANY / 10)
		ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, at, MANY / 10));
	fault = walk_all(self->fd, self->s, self->seen, 1, &full);
	EXPECT_EQ(NULL, fault) {
		TH_LOG("%s", fault);
	}
	EXPECT_EQ(MANY, count_seen(self->seen, 0, MANY));
	/* That there is no pair at all happens once in 30000 runs. */
	EXPECT_LT(0, full);
}

TEST_F(walk, room_in_bytes_is_kept_and_what_is_enough_is_told)
{
	struct qds_table_walk *arg = &self->s->arg;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 100));
	arg->key_bytes = 7;
	ASSERT_EQ(-ENOSPC, call(self->fd, QDS_TABLE_WALK, arg));
	EXPECT_EQ(1, arg->nr);
	EXPECT_EQ(8, arg->key_bytes);
	EXPECT_EQ(8, arg->value_bytes);
	EXPECT_EQ(0, arg->cursor);
	arg->nr = ROOM;
	arg->value_bytes = 7;
	ASSERT_EQ(-ENOSPC, call(self->fd, QDS_TABLE_WALK, arg));
	EXPECT_EQ(1, arg->nr);
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, arg));
	EXPECT_EQ(1, arg->nr);
	arg->nr = ROOM;
	arg->key_bytes = 8 * 10 + 7;
	arg->value_bytes = 8 * 20;
	memset(self->s->keys, 0xcc, sizeof(self->s->keys));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, arg));
	EXPECT_EQ(10, arg->nr);
	EXPECT_EQ(80, arg->key_bytes);
	EXPECT_EQ(0xcccccccccccccccc, self->s->keys[10]);
}

TEST_F(walk, a_step_is_bounded)
{
	const __u32 nr = 100000;
	struct qds_table_walk arg = {
		.size = sizeof(arg),
		.nr = nr,
		.keys = PTR(calloc(nr, 8)),
		.key_bytes = nr * 8,
	};

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, nr));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, &arg));
	EXPECT_LT(100, arg.nr);
	EXPECT_GE(10000, arg.nr);
	EXPECT_NE(0, arg.cursor);
	free((void *)(uintptr_t)arg.keys);
}

/* Where there is next to nothing a call ends without an entry, and not the walk. */
TEST_F(walk, of_a_large_table_with_one_entry_goes_on_behind_empty_steps)
{
	struct qds_table_create create = {
		.size = sizeof(create),
		.key_size = 8,
		.value_size = 8,
		.size_hint = 20 << 20,
	};
	unsigned int calls = 0, nr = 0;

	ASSERT_EQ(0, call(self->dev, QDS_TABLE_CREATE, &create));
	ASSERT_EQ(0, change(create.out_fd, QDS_TABLE_INSERT, 5, 1));
	do {
		ASSERT_EQ(0, step_next(create.out_fd, self->s, ROOM));
		nr += self->s->arg.nr;
		ASSERT_GT(1000, ++calls);
	} while (self->s->arg.cursor);
	EXPECT_EQ(1, nr);
	EXPECT_LT(0, calls);
	close(create.out_fd);
}

TEST_F(walk, wrong_inputs_are_EINVAL)
{
	struct qds_table_walk good = self->s->arg, arg;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 3));
	arg = good;
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	arg.nr = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	arg.values = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	arg.key_lens = PTR(self->s->key_lens);
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	arg.value_lens = PTR(self->s->value_lens);
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_WALK, &arg));
}

TEST_F(walk, bad_pointer_in_each_position_is_EFAULT_and_tells_nothing)
{
	static const size_t members[] = {
		offsetof(struct qds_table_walk, keys), offsetof(struct qds_table_walk, values),
	};
	struct qds_table_walk good = self->s->arg, arg;
	unsigned int i;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 3));
	for (i = 0; i < ARRAY_SIZE(members); i++) {
		arg = good;
		*(__u64 *)((__u8 *)&arg + members[i]) = 16;
		EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_WALK, &arg));
		EXPECT_EQ(ROOM, arg.nr);
		EXPECT_EQ(0, arg.cursor);
	}
}

TEST_F(walk, cursor_that_is_made_up_or_of_another_table_is_EINVAL)
{
	int other = table_create(self->dev, 8, 8, 0);
	struct qds_table_walk *arg = &self->s->arg;
	unsigned int bit;
	__u64 cursor;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 2000));
	ASSERT_EQ(0, change(other, QDS_TABLE_INSERT, 0, 2000));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_WALK, arg));
	cursor = arg->cursor;
	ASSERT_NE(0, cursor);
	EXPECT_EQ(-EINVAL, step_next(other, self->s, ROOM));
	for (bit = 0; bit < 64; bit++) {
		arg->cursor = cursor ^ 1ULL << bit;
		EXPECT_EQ(-EINVAL, step_next(self->fd, self->s, ROOM));
	}
	arg->cursor = 1;
	EXPECT_EQ(-EINVAL, step_next(self->fd, self->s, ROOM));
	arg->cursor = cursor;
	EXPECT_EQ(0, step_next(self->fd, self->s, ROOM));
	close(other);
}

/* A walk is in the order of hashes; neither half of what it shows may be. */
TEST_F(walk, cursors_do_not_show_the_order_of_hashes)
{
	__u64 last = 0;
	unsigned int nr = 0, up_low = 0, up_high = 0;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 2000));
	do {
		int ret = step_next(self->fd, self->s, 8);

		ASSERT_EQ(0, ret);
		up_low += (__u32)self->s->arg.cursor > (__u32)last;
		up_high += self->s->arg.cursor >> 32 > last >> 32;
		last = self->s->arg.cursor;
		nr++;
	} while (last);
	ASSERT_LT(100, nr);
	EXPECT_GT(nr * 3 / 4, up_low);
	EXPECT_LT(nr / 4, up_low);
	EXPECT_GT(nr * 3 / 4, up_high);
	EXPECT_LT(nr / 4, up_high);
}

TEST_F(walk, cursor_can_be_used_again)
{
	__u64 cursor, keys[ROOM];
	__u32 nr;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 3000));
	ASSERT_EQ(0, step_next(self->fd, self->s, 100));
	cursor = self->s->arg.cursor;
	ASSERT_EQ(0, step_next(self->fd, self->s, 100));
	nr = self->s->arg.nr;
	memcpy(keys, self->s->keys, nr * 8);
	self->s->arg.cursor = cursor;
	ASSERT_EQ(0, step_next(self->fd, self->s, 100));
	ASSERT_EQ(nr, self->s->arg.nr);
	EXPECT_EQ(0, memcmp(keys, self->s->keys, nr * 8));
}

/* Others insert and remove, so that the table grows and shrinks under the walks. */
static int disturb(int fd, __u64 from, __u64 to)
{
	const __u32 nr = 2000;
	__u64 at;

	for (;;) {
		for (at = from; at < to; at += nr)
			if (change(fd, QDS_TABLE_INSERT, at, nr))
				return 1;
		for (at = from; at < to; at += nr)
			if (change(fd, QDS_TABLE_REMOVE, at, nr))
				return 1;
	}
}

TEST_F_TIMEOUT(walk, beside_growth_shrinking_insertion_and_removal_tells_what_stays, 120)
{
	const __u32 stays = 5000;
	__u64 least = ~0ULL, most = 0;
	unsigned int walks = 0, full = 0;
	double end;
	pid_t pid;

	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, stays));
	pid = fork_child();
	if (!pid)
		_exit(disturb(self->fd, stays, stays + 100000));
	end = clock_now(CLOCK_MONOTONIC) + 15;
	while (clock_now(CLOCK_MONOTONIC) < end) {
		const char *fault = walk_all(self->fd, self->s, self->seen, 1 + walks % 100,
					     &full);
		struct qds_table_info info;

		ASSERT_EQ(NULL, fault) {
			TH_LOG("walk %u: %s", walks, fault);
		}
		ASSERT_EQ(stays, count_seen(self->seen, 0, stays)) {
			TH_LOG("walk %u", walks);
		}
		ASSERT_EQ(0, table_info(self->fd, &info));
		least = info.buckets < least ? info.buckets : least;
		most = info.buckets > most ? info.buckets : most;
		walks++;
	}
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_LT(5, walks);
	EXPECT_LT(least, most);
}

/* Entries with lengths of their own. */

FIXTURE(var)
{
	int dev;
	int fd;
	struct step *s;
};

static __u32 var_key(__u8 *key, __u32 i)
{
	memset(key, 0x11, 40);
	memcpy(key, &i, sizeof(i));
	return 4 + i % 30;
}

static __u32 var_value(__u8 *value, __u32 i)
{
	memset(value, i, 64);
	return i % 60;
}

static int var_insert(int fd, __u32 i)
{
	__u8 key[40], value[64];
	__u32 key_len = var_key(key, i), value_len = var_value(value, i);
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.key_size = 40,
		.value_size = 64,
		.keys = PTR(key),
		.values = PTR(value),
		.key_lens = PTR(&key_len),
		.value_lens = PTR(&value_len),
	};

	return call(fd, QDS_TABLE_INSERT, &vec);
}

FIXTURE_SETUP(var)
{
	struct qds_table_create arg = {
		.size = sizeof(arg),
		.flags = QDS_TABLE_VARLEN,
		.key_size = 40,
		.value_size = 64,
	};

	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, call(self->dev, QDS_TABLE_CREATE, &arg));
	self->fd = arg.out_fd;
	self->s = calloc(1, sizeof(*self->s));
	step_init(self->s, ROOM);
	self->s->arg.key_lens = PTR(self->s->key_lens);
	self->s->arg.value_lens = PTR(self->s->value_lens);
}

FIXTURE_TEARDOWN(var)
{
	free(self->s);
	close(self->fd);
	close(self->dev);
}

/* Takes the entries of a step apart. Return: how many are new and right. */
static __u32 var_count(const struct step *s, bool *seen, __u32 entries)
{
	const __u8 *key = (const __u8 *)s->keys, *value = (const __u8 *)s->values;
	__u8 want_key[40], want_value[64];
	__u32 i, index, nr = 0;

	for (i = 0; i < s->arg.nr; i++) {
		memcpy(&index, key, sizeof(index));
		if (index < entries && !seen[index] &&
		    s->key_lens[i] == var_key(want_key, index) &&
		    s->value_lens[i] == var_value(want_value, index) &&
		    !memcmp(key, want_key, s->key_lens[i]) &&
		    (!s->arg.values || !memcmp(value, want_value, s->value_lens[i]))) {
			seen[index] = true;
			nr++;
		}
		key += s->key_lens[i];
		value += s->value_lens[i];
	}
	if (key != (const __u8 *)s->keys + s->arg.key_bytes ||
	    (s->arg.values && value != (const __u8 *)s->values + s->arg.value_bytes))
		return 0;
	return nr;
}

TEST_F(var, entries_come_with_their_lengths)
{
	const __u32 entries = 3000;
	bool *seen = calloc(entries, 1);
	__u32 i, nr = 0;

	for (i = 0; i < entries; i++)
		ASSERT_EQ(0, var_insert(self->fd, i));
	do {
		ASSERT_EQ(0, step_next(self->fd, self->s, 177));
		nr += var_count(self->s, seen, entries);
	} while (self->s->arg.cursor);
	EXPECT_EQ(entries, nr);

	memset(seen, 0, entries);
	nr = 0;
	self->s->arg.values = 0;
	do {
		ASSERT_EQ(0, step_next(self->fd, self->s, ROOM));
		nr += var_count(self->s, seen, entries);
	} while (self->s->arg.cursor);
	EXPECT_EQ(entries, nr);
	free(seen);
}

TEST_F(var, what_is_enough_is_told_in_bytes)
{
	struct qds_table_walk *arg = &self->s->arg;

	ASSERT_EQ(0, var_insert(self->fd, 59));
	arg->key_bytes = 4 + 59 % 30 - 1;
	ASSERT_EQ(-ENOSPC, call(self->fd, QDS_TABLE_WALK, arg));
	EXPECT_EQ(1, arg->nr);
	EXPECT_EQ(4 + 59 % 30, arg->key_bytes);
	EXPECT_EQ(59, arg->value_bytes);
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_WALK, arg));
	EXPECT_EQ(1, arg->nr);
}

TEST_F(var, without_room_for_lengths_is_EINVAL)
{
	struct qds_table_walk good = self->s->arg, arg = good;

	arg.key_lens = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	arg.value_lens = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_WALK, &arg));
	arg.values = 0;
	arg.value_bytes = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_WALK, &arg));
	ASSERT_EQ(0, var_insert(self->fd, 1));
	arg = good;
	arg.key_lens = 16;
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_WALK, &arg));
	arg = good;
	arg.value_lens = 16;
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_WALK, &arg));
}

/* Sealed tables. */

TEST_F(walk, sealed_table_refuses_changes_through_any_descriptor_and_tells)
{
	int other = object_reopen(self->fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	struct qds_table_info info;
	unsigned int full = 0;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 1000));
	ASSERT_EQ(0, table_info(self->fd, &info));
	EXPECT_EQ(QDS_TABLE_ACTIVE, info.state);
	ASSERT_EQ(0, seal(self->fd));
	EXPECT_EQ(-EPERM, change(self->fd, QDS_TABLE_INSERT, 1000, 1));
	EXPECT_EQ(-EPERM, change(other, QDS_TABLE_INSERT, 1000, 1));
	EXPECT_EQ(-EPERM, change(self->fd, QDS_TABLE_REMOVE, 0, 1));
	EXPECT_EQ(-EPERM, change(other, QDS_TABLE_REMOVE, 0, 1));
	ASSERT_EQ(0, table_info(other, &info));
	EXPECT_EQ(QDS_TABLE_SEALED, info.state);
	EXPECT_EQ(1000, info.entries);
	EXPECT_EQ(0, seal(other));
	EXPECT_EQ(0, change(other, QDS_TABLE_LOOKUP, 0, 1000));
	EXPECT_EQ(NULL, walk_all(other, self->s, self->seen, ROOM, &full));
	EXPECT_EQ(1000, count_seen(self->seen, 0, MANY));
	close(other);
}

TEST_F(walk, seal_needs_write_access)
{
	int fd = object_reopen(self->fd, QDS_ACCESS_READ);

	EXPECT_EQ(-EBADF, seal(fd));
	EXPECT_EQ(0, change(self->fd, QDS_TABLE_INSERT, 0, 1));
	close(fd);
}

/* What an inserter has been told, until it is refused. */
struct told {
	__u64 done;
	int ret;
};

static int insert_until_refused(int fd, struct told *told, __u64 from)
{
	enum { NR = 2000 };
	__u64 keys[NR], values[NR] = { 0 };
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = NR,
		.key_size = 8,
		.value_size = 8,
		.keys = PTR(keys),
		.values = PTR(values),
	};
	int ret;

	do {
		__u32 i;

		for (i = 0; i < NR; i++)
			keys[i] = from + told->done + i;
		ret = call(fd, QDS_TABLE_INSERT, &vec);
		__atomic_store_n(&told->done, told->done + vec.done, __ATOMIC_RELAXED);
	} while (!ret && told->done < 1 << 20);
	told->ret = ret;
	return 0;
}

TEST_F_TIMEOUT(walk, seal_waits_for_those_at_work_who_know_how_far_they_came, 120)
{
	struct told *told = shared_alloc(2 * sizeof(*told));
	unsigned int round, i;

	ASSERT_NE(NULL, told);
	for (round = 0; round < 20; round++) {
		int fd = table_create(self->dev, 8, 8, 0);
		__u64 sealed;
		pid_t pid[2];

		ASSERT_LE(0, fd);
		memset(told, 0, 2 * sizeof(*told));
		for (i = 0; i < 2; i++) {
			pid[i] = fork_child();
			if (!pid[i])
				_exit(insert_until_refused(fd, &told[i], (__u64)i << 32));
		}
		while (!__atomic_load_n(&told[0].done, __ATOMIC_RELAXED) ||
		       !__atomic_load_n(&told[1].done, __ATOMIC_RELAXED))
			usleep(1000);
		ASSERT_EQ(0, seal(fd));
		sealed = entries_of(fd);
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(0, wait_for(pid[i]));
			EXPECT_EQ(-EPERM, told[i].ret);
		}
		ASSERT_EQ(sealed, entries_of(fd)) {
			TH_LOG("round %u", round);
		}
		ASSERT_EQ(sealed, told[0].done + told[1].done) {
			TH_LOG("round %u", round);
		}
		close(fd);
	}
}

TEST_HARNESS_MAIN
