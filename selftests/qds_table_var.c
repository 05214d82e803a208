// SPDX-License-Identifier: GPL-2.0
/*
 * Tables whose keys and values have lengths of their own: vectors against a model,
 * every refusal, what is told when a value does not fit or a pointer goes bad, and
 * callers that know of no lengths.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "qds_test.h"

#define KEY_MAX		40
#define VALUE_MAX	100
#define KEYS		300
#define VECTOR		64
#define VECTORS		600
/* The struct as it was before lengths. */
#define OLD_VEC_SIZE	48
#define OLD_INFO_SIZE	40

/* Key number @i: some are the beginning of others, and zero bytes count. */
static __u32 make_key(__u8 *key, unsigned int i)
{
	__u32 len = 1 + i % KEY_MAX;

	memset(key, 0, KEY_MAX);
	key[0] = i / KEY_MAX + 1;
	return len;
}

static __u32 make_value(__u8 *value, __u64 seed)
{
	__u32 len = seed % (VALUE_MAX + 1), i;

	for (i = 0; i < len; i++)
		value[i] = seed >> (i % 8 * 8) ^ i;
	return len;
}

/* The memory of a vector: each array by itself, with garbage in what does not count. */
struct arrays {
	__u8 keys[VECTOR][KEY_MAX];
	__u8 values[VECTOR][VALUE_MAX];
	__u32 key_lens[VECTOR];
	__u32 value_lens[VECTOR];
	__s32 results[VECTOR];
};

static struct qds_table_vec vec_of(unsigned int cmd, struct arrays *a, __u32 nr)
{
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = nr,
		.done = 0xa5a5a5a5,
		.key_size = KEY_MAX,
		.keys = PTR(a->keys),
		.results = PTR(a->results),
		.key_lens = PTR(a->key_lens),
	};

	if (cmd != QDS_TABLE_REMOVE) {
		vec.value_size = VALUE_MAX;
		vec.values = PTR(a->values);
		vec.value_lens = PTR(a->value_lens);
	}
	return vec;
}

static int var_table(int dev, __u32 key_size, __u32 value_size, __u64 max_entries)
{
	struct qds_table_create arg = {
		.size = sizeof(arg),
		.flags = QDS_TABLE_VARLEN,
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = max_entries,
	};
	int ret = call(dev, QDS_TABLE_CREATE, &arg);

	return ret ? ret : arg.out_fd;
}

static __u64 entries_of(int fd)
{
	struct qds_table_info info;

	return table_info(fd, &info) ? ~0ULL : info.entries;
}

FIXTURE(var)
{
	int dev;
	int fd;
	struct arrays *a;
};

FIXTURE_SETUP(var)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = var_table(self->dev, KEY_MAX, VALUE_MAX, 0);
	ASSERT_LE(0, self->fd);
	self->a = calloc(1, sizeof(*self->a));
}

FIXTURE_TEARDOWN(var)
{
	free(self->a);
	close(self->fd);
	close(self->dev);
}

/* One entry with a key and a value of these lengths, by one call without results. */
static int one(int fd, unsigned int cmd, const void *key, __u32 key_len, void *value,
	       __u32 value_size, __u32 *value_len)
{
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.key_size = key_len,
		.value_size = value ? value_size : 0,
		.keys = PTR(key),
		.values = PTR(value),
		.key_lens = PTR(&key_len),
		.value_lens = value || cmd == QDS_TABLE_LOOKUP ? PTR(value_len) : 0,
	};

	return call(fd, cmd, &vec);
}

static int put(int fd, const char *key, const char *value)
{
	__u32 len = strlen(value);

	return one(fd, QDS_TABLE_INSERT, key, strlen(key), (void *)value, len, &len);
}

TEST_F(var, info_tells_how_it_was_made)
{
	struct qds_table_info info;

	ASSERT_EQ(0, table_info(self->fd, &info));
	EXPECT_EQ(KEY_MAX, info.key_size);
	EXPECT_EQ(VALUE_MAX, info.value_size);
	EXPECT_EQ(QDS_TABLE_VARLEN, info.create_flags);
	EXPECT_EQ(QDS_TABLE_ACTIVE, info.state);
}

TEST_F(var, caps_have_the_feature)
{
	struct qds_caps caps;

	ASSERT_EQ(0, caps_get(self->dev, &caps));
	EXPECT_TRUE(caps.features & QDS_FEATURE_VARLEN);
}

TEST_F(var, keys_differ_by_length_and_by_bytes)
{
	__u8 value[8] = { 0 };
	__u32 len;

	ASSERT_EQ(0, put(self->fd, "a", "one"));
	ASSERT_EQ(0, put(self->fd, "ab", "two!"));
	ASSERT_EQ(0, one(self->fd, QDS_TABLE_INSERT, "a\0", 2, value, 0, (len = 0, &len)));
	EXPECT_EQ(-EEXIST, put(self->fd, "ab", "no"));
	EXPECT_EQ(3, entries_of(self->fd));

	ASSERT_EQ(0, one(self->fd, QDS_TABLE_LOOKUP, "a", 1, value, sizeof(value), &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(0, memcmp(value, "one\0\0\0\0\0", sizeof(value)));
	ASSERT_EQ(0, one(self->fd, QDS_TABLE_LOOKUP, "ab", 2, value, sizeof(value), &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(0, memcmp(value, "two!\0\0\0\0", sizeof(value)));
	ASSERT_EQ(0, one(self->fd, QDS_TABLE_LOOKUP, "a\0", 2, value, sizeof(value), &len));
	EXPECT_EQ(0, len);
	EXPECT_EQ(-ENOENT, one(self->fd, QDS_TABLE_LOOKUP, "b", 1, value, sizeof(value), &len));

	ASSERT_EQ(0, one(self->fd, QDS_TABLE_REMOVE, "a", 1, NULL, 0, NULL));
	EXPECT_EQ(-ENOENT, one(self->fd, QDS_TABLE_REMOVE, "a", 1, NULL, 0, NULL));
	EXPECT_EQ(0, one(self->fd, QDS_TABLE_LOOKUP, "a\0", 2, value, sizeof(value), &len));
}

TEST_F(var, bytes_behind_a_key_do_not_count)
{
	__u32 one_len = 1, value_len = 0;
	__u8 keys[2][8] = { "axxxxxx", "ayyyyyy" };
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.key_size = 8,
		.keys = PTR(keys[0]),
		.key_lens = PTR(&one_len),
	};

	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &vec));
	vec.keys = PTR(keys[1]);
	EXPECT_EQ(-EEXIST, call(self->fd, QDS_TABLE_INSERT, &vec));
	vec.value_lens = PTR(&value_len);
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
}

TEST_F(var, value_that_does_not_fit_is_EMSGSIZE_and_its_length_told)
{
	__u8 value[4] = { 1, 1, 1, 1 };
	__u32 len = 77;

	ASSERT_EQ(0, put(self->fd, "key", "12345"));
	EXPECT_EQ(-EMSGSIZE, one(self->fd, QDS_TABLE_LOOKUP, "key", 3, value, 4, &len));
	EXPECT_EQ(5, len);
	EXPECT_EQ(1, value[0]);
	len = 77;
	/* Without room for values only the length is asked for. */
	EXPECT_EQ(0, one(self->fd, QDS_TABLE_LOOKUP, "key", 3, NULL, 0, &len));
	EXPECT_EQ(5, len);
}

TEST_F(var, value_that_does_not_fit_does_not_stop_a_call_with_results)
{
	struct arrays *a = self->a;
	struct qds_table_vec vec;

	ASSERT_EQ(0, put(self->fd, "a", "123456"));
	ASSERT_EQ(0, put(self->fd, "b", "12"));
	memcpy(a->keys[0], "a", 1);
	memcpy(a->keys[1], "b", 1);
	memcpy(a->keys[2], "c", 1);
	a->key_lens[0] = 1;
	a->key_lens[1] = 1;
	a->key_lens[2] = 1;
	memset(a->values, 0xee, sizeof(a->values));
	memset(a->value_lens, 0xee, sizeof(a->value_lens));
	vec = vec_of(QDS_TABLE_LOOKUP, a, 3);
	vec.value_size = 4;
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(3, vec.done);
	EXPECT_EQ(-EMSGSIZE, a->results[0]);
	EXPECT_EQ(6, a->value_lens[0]);
	EXPECT_EQ(0, a->results[1]);
	EXPECT_EQ(2, a->value_lens[1]);
	EXPECT_EQ(-ENOENT, a->results[2]);
	EXPECT_EQ(0, a->value_lens[2]);
	EXPECT_EQ(0, memcmp(a->values, "\0\0\0\00012\0\0\0\0\0\0\xee", 13));
}

/* Which element is refused, by which length, and what becomes of the others. */
TEST_F(var, wrong_length_is_EINVAL_for_its_element_alone)
{
	static const __u32 key_lens[] = { 1, 0, 1, KEY_MAX + 1, UINT_MAX, KEY_MAX };
	static const __u32 value_lens[] = { 1, 1, VALUE_MAX + 1, 1, 1, VALUE_MAX };
	static const __s32 inserted[] = { 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0 };
	static const __s32 found[] = { 0, -EINVAL, -ENOENT, -EINVAL, -EINVAL, 0 };
	struct arrays *a = self->a;
	struct qds_table_vec vec;
	unsigned int i;

	for (i = 0; i < 6; i++)
		a->keys[i][0] = i;
	memcpy(a->key_lens, key_lens, sizeof(key_lens));
	memcpy(a->value_lens, value_lens, sizeof(value_lens));
	vec = vec_of(QDS_TABLE_INSERT, a, 6);
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(0, memcmp(inserted, a->results, sizeof(inserted)));
	EXPECT_EQ(2, entries_of(self->fd));

	vec = vec_of(QDS_TABLE_LOOKUP, a, 6);
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(0, memcmp(found, a->results, sizeof(found)));

	vec = vec_of(QDS_TABLE_REMOVE, a, 6);
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_REMOVE, &vec));
	EXPECT_EQ(0, memcmp(found, a->results, sizeof(found)));
	EXPECT_EQ(0, entries_of(self->fd));
}

TEST_F(var, wrong_length_stops_a_call_without_results)
{
	struct arrays *a = self->a;
	struct qds_table_vec vec;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		a->keys[i][0] = i;
		a->key_lens[i] = i == 1 ? 0 : 1;
	}
	vec = vec_of(QDS_TABLE_INSERT, a, 3);
	vec.results = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(1, vec.done);
	EXPECT_EQ(1, entries_of(self->fd));
}

static const unsigned int all_vecs[] = { QDS_TABLE_INSERT, QDS_TABLE_LOOKUP, QDS_TABLE_REMOVE };

/* Each changes one thing in a call that else succeeds, or finds nothing. */
static struct qds_table_vec good_vec(unsigned int cmd, struct arrays *a)
{
	a->key_lens[0] = 3;
	a->value_lens[0] = 3;
	return vec_of(cmd, a, 1);
}

TEST_F(var, sizes_above_the_tables_or_no_key_size_are_EINVAL)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		struct qds_table_vec vec = good_vec(all_vecs[i], self->a);

		vec.key_size = KEY_MAX + 1;
		EXPECT_EQ(-EINVAL, call(self->fd, all_vecs[i], &vec));
		vec.key_size = 0;
		EXPECT_EQ(-EINVAL, call(self->fd, all_vecs[i], &vec));
		vec = good_vec(all_vecs[i], self->a);
		vec.value_size = VALUE_MAX + 1;
		EXPECT_EQ(-EINVAL, call(self->fd, all_vecs[i], &vec));
		vec = good_vec(all_vecs[i], self->a);
		EXPECT_EQ(0, call(self->fd, all_vecs[i], &vec));
	}
}

TEST_F(var, without_lengths_is_EINVAL)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		struct qds_table_vec vec = good_vec(all_vecs[i], self->a);

		vec.key_lens = 0;
		EXPECT_EQ(-EINVAL, call(self->fd, all_vecs[i], &vec));
		vec = good_vec(all_vecs[i], self->a);
		vec.size = OLD_VEC_SIZE;
		EXPECT_EQ(-EINVAL, call(self->fd, all_vecs[i], &vec));
		if (all_vecs[i] == QDS_TABLE_REMOVE)
			continue;
		vec = good_vec(all_vecs[i], self->a);
		vec.value_lens = 0;
		EXPECT_EQ(-EINVAL, call(self->fd, all_vecs[i], &vec));
	}
}

TEST_F(var, values_and_their_lengths_come_together)
{
	struct qds_table_vec vec = good_vec(QDS_TABLE_INSERT, self->a);

	vec.values = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_INSERT, &vec));
	vec.value_lens = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_INSERT, &vec));
	vec.value_size = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &vec));
	vec = good_vec(QDS_TABLE_REMOVE, self->a);
	vec.value_lens = PTR(self->a->value_lens);
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_REMOVE, &vec));
	vec.value_lens = 0;
	vec.values = PTR(self->a->values);
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_REMOVE, &vec));
	vec.values = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_REMOVE, &vec));
}

TEST_F(var, lookup_without_values_has_no_value_size)
{
	struct qds_table_vec vec = good_vec(QDS_TABLE_LOOKUP, self->a);

	vec.values = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	vec.value_size = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(-ENOENT, self->a->results[0]);
	vec.value_lens = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(-ENOENT, self->a->results[0]);
}

/* Lengths are refused where all are alike, and nobody has to know of them. */
TEST_F(var, table_with_fixed_sizes_takes_no_lengths_and_old_callers)
{
	int fd = table_create(self->dev, KEY_MAX, VALUE_MAX, 0);
	__u8 info[64];
	unsigned int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		struct qds_table_vec vec = good_vec(all_vecs[i], self->a);

		vec.value_lens = 0;
		EXPECT_EQ(-EINVAL, call(fd, all_vecs[i], &vec));
		vec.key_lens = 0;
		vec.value_lens = PTR(self->a->value_lens);
		EXPECT_EQ(-EINVAL, call(fd, all_vecs[i], &vec));
		vec.value_lens = 0;
		EXPECT_EQ(0, call(fd, all_vecs[i], &vec));
		EXPECT_EQ(0, self->a->results[0]);
	}
	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		struct qds_table_vec vec = good_vec(all_vecs[i], self->a);

		vec.size = OLD_VEC_SIZE;
		EXPECT_EQ(0, call(fd, all_vecs[i], &vec));
		EXPECT_EQ(0, self->a->results[0]);
		EXPECT_EQ(1, vec.done);
	}
	memset(info, 0x5a, sizeof(info));
	*(__u32 *)info = OLD_INFO_SIZE;
	memset(info + 4, 0, 4);
	EXPECT_EQ(0, call(fd, QDS_TABLE_INFO, info));
	EXPECT_EQ(KEY_MAX, ((struct qds_table_info *)info)->key_size);
	EXPECT_EQ(0x5a, info[OLD_INFO_SIZE]);
	close(fd);
}

TEST_F(var, sets_and_the_longest_entries)
{
	struct qds_caps caps;
	__u32 key_len, value_len = 0;
	__u8 *bytes;
	int fd;

	ASSERT_EQ(0, caps_get(self->dev, &caps));
	bytes = calloc(1, caps.max_key_size + 2 * caps.max_value_size);
	memset(bytes, 7, caps.max_key_size + caps.max_value_size);
	fd = var_table(self->dev, caps.max_key_size, caps.max_value_size, 0);
	ASSERT_LE(0, fd);
	key_len = caps.max_key_size;
	value_len = caps.max_value_size;
	ASSERT_EQ(0, one(fd, QDS_TABLE_INSERT, bytes, key_len, bytes, value_len, &value_len));
	value_len = 0;
	ASSERT_EQ(0, one(fd, QDS_TABLE_LOOKUP, bytes, key_len, bytes + key_len + value_len,
			 caps.max_value_size, &value_len));
	EXPECT_EQ(caps.max_value_size, value_len);
	EXPECT_EQ(0, memcmp(bytes, bytes + key_len, value_len));
	close(fd);

	fd = var_table(self->dev, 5, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, one(fd, QDS_TABLE_INSERT, "12345", 5, NULL, 0, NULL));
	ASSERT_EQ(0, one(fd, QDS_TABLE_LOOKUP, "12345", 5, NULL, 0, &value_len));
	EXPECT_EQ(0, value_len);
	close(fd);
	free(bytes);
}

TEST_F(var, pointer_that_goes_bad_is_EFAULT_and_changes_nothing)
{
	static const size_t members[] = {
		offsetof(struct qds_table_vec, keys), offsetof(struct qds_table_vec, values),
		offsetof(struct qds_table_vec, key_lens),
		offsetof(struct qds_table_vec, value_lens),
		offsetof(struct qds_table_vec, results),
	};
	unsigned int i, j;

	ASSERT_EQ(0, put(self->fd, "stays", "x"));
	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		for (j = 0; j < ARRAY_SIZE(members); j++) {
			struct qds_table_vec vec;
			__u64 *member = (__u64 *)((__u8 *)&vec + members[j]);

			memcpy(self->a->keys[0], all_vecs[i] == QDS_TABLE_REMOVE ?
			       "stays" : "other", 5);
			self->a->key_lens[0] = 5;
			self->a->value_lens[0] = 5;
			vec = vec_of(all_vecs[i], self->a, 1);
			if (!*member)
				continue;
			*member = 16;
			EXPECT_EQ(-EFAULT, call(self->fd, all_vecs[i], &vec)) {
				TH_LOG("command %u, member %u", i, j);
			}
			EXPECT_EQ(0, vec.done);
			EXPECT_EQ(1, entries_of(self->fd));
		}
	}
}

/* As many batches as it takes, and memory ends in the middle of a later one. */
TEST_F(var, long_vector_that_faults_has_done_what_it_says)
{
	const __u32 nr = 3000, page = sysconf(_SC_PAGESIZE);
	__u8 *lens = guarded_alloc(4 * page), *keys = calloc(nr, 8);
	__s32 *results = calloc(nr, sizeof(*results));
	__u32 have = 4 * page / 4 - 1500, i;
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = nr,
		.key_size = 8,
		.keys = PTR(keys),
		.key_lens = PTR(lens + 1500 * 4),
		.results = PTR(results),
	};

	ASSERT_NE(NULL, lens);
	ASSERT_LT(have, nr);
	for (i = 0; i < nr; i++)
		memcpy(keys + 8 * i, &i, sizeof(i));
	for (i = 0; i < have; i++)
		((__u32 *)(lens + 1500 * 4))[i] = 4 + i % 5;
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_LT(512, vec.done);
	EXPECT_GE(have, vec.done);
	EXPECT_EQ(vec.done, entries_of(self->fd));
	guarded_free(lens, 4 * page);
	free(results);
	free(keys);
}

TEST_F(var, memory_follows_the_lengths)
{
	FILE *f = fopen("/proc/meminfo", "r");

	/* By what the kernel's allocator gives out for the entries. */
	long before = -1, after = -1, unit;
	__u32 key_len = 4, value_len = 2, i;
	char line[100];
	int fd = var_table(self->dev, 4096, 4096, 0);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Slab: %ld", &before);
	fclose(f);
	for (i = 0; i < 20000; i++)
		ASSERT_EQ(0, one(fd, QDS_TABLE_INSERT, &i, key_len, &i, value_len, &value_len));
	f = fopen("/proc/meminfo", "r");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Slab: %ld", &after);
	fclose(f);
	unit = (after - before) * 1024 / 20000;
	EXPECT_LT(unit, 600) {
		TH_LOG("%ld bytes an entry", unit);
	}
	close(fd);
}

/* The model: which keys are there, and with which value. */
struct model {
	bool present[KEYS];
	__u64 seed[KEYS];
	__u64 entries;
};

static int model_one(struct model *m, unsigned int cmd, unsigned int key, __u64 seed)
{
	bool present = m->present[key];

	if (cmd == QDS_TABLE_LOOKUP)
		return present ? 0 : -ENOENT;
	if (cmd == QDS_TABLE_INSERT && present)
		return -EEXIST;
	if (cmd == QDS_TABLE_REMOVE && !present)
		return -ENOENT;
	m->present[key] = cmd == QDS_TABLE_INSERT;
	m->seed[key] = seed;
	m->entries += cmd == QDS_TABLE_INSERT ? 1 : -1;
	return 0;
}

/* What a lookup must have written for an element. */
static bool value_is_right(const struct model *m, const struct arrays *a, __u32 i,
			   unsigned int key, bool found)
{
	__u8 value[VALUE_MAX] = { 0 };
	__u32 len = found ? make_value(value, m->seed[key]) : 0;

	return a->value_lens[i] == len && !memcmp(value, a->values[i], VALUE_MAX);
}

TEST_F(var, random_vectors_do_what_a_model_does)
{
	struct model *m = calloc(1, sizeof(*m));
	struct arrays *a = self->a;
	__u64 random = 5;
	unsigned int v;

	for (v = 0; v < VECTORS; v++) {
		unsigned int cmd = all_vecs[random_below(&random, 3)];
		__u32 nr = 1 + random_below(&random, VECTOR), i;
		unsigned int keys[VECTOR];
		__u64 seeds[VECTOR];
		struct qds_table_vec vec;

		memset(a, 0xcc, sizeof(*a));
		for (i = 0; i < nr; i++) {
			keys[i] = random_below(&random, KEYS);
			seeds[i] = next_random(&random);
			a->key_lens[i] = make_key(a->keys[i], keys[i]);
			memset(a->keys[i] + a->key_lens[i], v, KEY_MAX - a->key_lens[i]);
			a->value_lens[i] = make_value(a->values[i], seeds[i]);
		}
		vec = vec_of(cmd, a, nr);
		ASSERT_EQ(0, call(self->fd, cmd, &vec));
		ASSERT_EQ(nr, vec.done);
		for (i = 0; i < nr; i++) {
			int expected = model_one(m, cmd, keys[i], seeds[i]);

			ASSERT_EQ(expected, a->results[i]) {
				TH_LOG("vector %u, element %u, key %u", v, i, keys[i]);
			}
			ASSERT_TRUE(cmd != QDS_TABLE_LOOKUP ||
				    value_is_right(m, a, i, keys[i], !expected)) {
				TH_LOG("vector %u, element %u, key %u", v, i, keys[i]);
			}
		}
		ASSERT_EQ(m->entries, entries_of(self->fd));
	}
	free(m);
}

TEST_F(var, bound_is_kept)
{
	int fd = var_table(self->dev, 8, 8, 2);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, put(fd, "a", "1"));
	EXPECT_EQ(0, put(fd, "bb", ""));
	EXPECT_EQ(-ENOSPC, put(fd, "ccc", "1"));
	EXPECT_EQ(-EEXIST, put(fd, "bb", "1"));
	close(fd);
}

/* A table made under an administrator's bound is counted, whoever inserts. */
TEST_F(var, bound_of_the_user_is_EDQUOT)
{
	static const char path[] = "/sys/module/qds/parameters/user_entries";
	FILE *f = fopen(path, "w");
	int fd, uncounted;
	pid_t pid;

	if (!f)
		SKIP(return, "no %s", path);
	uncounted = var_table(self->dev, 8, 8, 0);
	fprintf(f, "2\n");
	fclose(f);
	fd = var_table(self->dev, 8, 8, 10);
	pid = fork_child();
	if (!pid) {
		/* root may go beyond the bound */
		int bad = setuid(12345) ||
			  put(fd, "a", "1") || put(fd, "b", "1") ||
			  put(fd, "c", "1") != -EDQUOT || put(fd, "a", "1") != -EEXIST ||
			  one(fd, QDS_TABLE_REMOVE, "a", 1, NULL, 0, NULL) ||
			  put(fd, "c", "1") || put(uncounted, "a", "1");

		_exit(bad);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(2, entries_of(fd));
	close(fd);
	fd = var_table(self->dev, 8, 8, 0);
	pid = fork_child();
	if (!pid)
		_exit(setuid(12345) || put(fd, "a", "1") || put(fd, "b", "1"));
	EXPECT_EQ(0, wait_for(pid));
	close(fd);
	close(uncounted);
	f = fopen(path, "w");
	fprintf(f, "0\n");
	fclose(f);
}

TEST_HARNESS_MAIN
