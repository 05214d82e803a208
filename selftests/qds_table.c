// SPDX-License-Identifier: GPL-2.0
/*
 * Tables: what creation refuses, vectors against a model beside the table, what
 * a vector leaves when it stops or a pointer goes bad, growth under readers.
 */
#define _GNU_SOURCE
#include <sched.h>

#include <kselftest_harness.h>

#include "qds_test.h"

/* Longer than any batch, and its end is far from a page's. */
#define LONG_VECTOR	3000

/*
 * Key number @i of a table: the same number always gives the same bytes, and
 * different numbers differ as far as @size bytes can hold them.
 */
static void make_key(__u8 *key, size_t size, __u64 i)
{
	__u64 state = i, word;
	size_t at;

	for (at = 0; at < size; at += sizeof(word)) {
		word = at ? next_random(&state) : htole64(i);
		memcpy(key + at, &word, size - at < sizeof(word) ? size - at : sizeof(word));
	}
}

static void make_value(__u8 *value, size_t size, __u64 seed)
{
	__u64 word;
	size_t at;

	for (at = 0; at < size; at += sizeof(word)) {
		word = next_random(&seed);
		memcpy(value + at, &word, size - at < sizeof(word) ? size - at : sizeof(word));
	}
}

static struct qds_table_vec vec_of(__u32 nr, __u32 key_size, const void *keys, __u32 value_size,
				   const void *values, __s32 *results)
{
	return (struct qds_table_vec) {
		.size = sizeof(struct qds_table_vec),
		.nr = nr,
		.done = 0xa5a5a5a5,
		.key_size = key_size,
		.value_size = value_size,
		.keys = PTR(keys),
		.values = PTR(values),
		.results = PTR(results),
	};
}

static __u64 entries_of(int fd)
{
	struct qds_table_info info;

	return table_info(fd, &info) ? ~0ULL : info.entries;
}

FIXTURE(create)
{
	int dev;
	int fds;
	int refs;
	struct qds_caps caps;
	struct qds_table_create arg;
};

FIXTURE_SETUP(create)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, caps_get(self->dev, &self->caps));
	self->fds = open_fds();
	self->refs = module_refs();
	self->arg = (struct qds_table_create) {
		.size = sizeof(self->arg),
		.key_size = 8,
		.value_size = 8,
	};
}

FIXTURE_TEARDOWN(create)
{
	EXPECT_EQ(self->fds, open_fds());
	EXPECT_EQ(self->refs, module_refs());
	close(self->dev);
}

TEST_F(create, key_size_0_is_EINVAL)
{
	self->arg.key_size = 0;
	EXPECT_EQ(-EINVAL, call(self->dev, QDS_TABLE_CREATE, &self->arg));
}

TEST_F(create, key_above_the_limit_is_EFBIG)
{
	self->arg.key_size = self->caps.max_key_size + 1;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	self->arg.key_size = UINT_MAX;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
}

TEST_F(create, value_above_the_limit_is_EFBIG)
{
	self->arg.value_size = self->caps.max_value_size + 1;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	self->arg.value_size = UINT_MAX;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
}

TEST_F(create, max_entries_above_the_limit_is_EFBIG)
{
	self->arg.max_entries = self->caps.max_table_entries + 1;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	self->arg.max_entries = ~0ULL;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
}

TEST_F(create, size_hint_above_the_limit_is_EFBIG)
{
	self->arg.size_hint = self->caps.max_table_entries + 1;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	self->arg.size_hint = ~0ULL;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_TABLE_CREATE, &self->arg));
}

TEST_F(create, limits_themselves_are_taken_and_told)
{
	struct qds_table_info info;

	self->arg.key_size = self->caps.max_key_size;
	self->arg.value_size = self->caps.max_value_size;
	self->arg.max_entries = self->caps.max_table_entries;
	ASSERT_EQ(0, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	ASSERT_EQ(0, table_info(self->arg.out_fd, &info));
	EXPECT_EQ(self->caps.max_key_size, info.key_size);
	EXPECT_EQ(self->caps.max_value_size, info.value_size);
	EXPECT_EQ(self->caps.max_table_entries, info.max_entries);
	EXPECT_EQ(0, info.entries);
	close(self->arg.out_fd);
}

TEST_F(create, size_hint_makes_room_before_the_first_entry)
{
	struct qds_table_info plain, hinted;

	ASSERT_EQ(0, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	ASSERT_EQ(0, table_info(self->arg.out_fd, &plain));
	close(self->arg.out_fd);
	self->arg.size_hint = 10000;
	ASSERT_EQ(0, call(self->dev, QDS_TABLE_CREATE, &self->arg));
	ASSERT_EQ(0, table_info(self->arg.out_fd, &hinted));
	close(self->arg.out_fd);
	EXPECT_LT(0, plain.buckets);
	EXPECT_LT(plain.buckets, hinted.buckets);
}

/*
 * Every key and value size against a model: numbers of keys, each present or
 * not, and the seed of its value.
 */

#define MODEL_KEYS	4000
#define MODEL_VECTOR	64
#define MODEL_VECTORS	250

struct model {
	int fd;
	__u32 key_size;
	__u32 value_size;
	unsigned int nr_keys;
	__u64 entries;
	bool present[MODEL_KEYS];
	__u64 value[MODEL_KEYS];
};

/* One random vector, what the table is to answer, and where it answers. */
struct step {
	unsigned int cmd;
	__u32 nr;
	bool with_results;
	bool with_values;
	int expected_ret;
	__u32 expected_done;
	__s32 expected[MODEL_VECTOR];
	__s32 results[MODEL_VECTOR];
	unsigned int keys[MODEL_VECTOR];
	__u64 seeds[MODEL_VECTOR];
	__u8 *key_bytes;
	__u8 *value_bytes;
	__u8 *expected_values;
};

FIXTURE(vectors)
{
	int dev;
	struct model *m;
	struct step *s;
};

FIXTURE_VARIANT(vectors)
{
	__u32 key_size;
	__u32 value_size;
};

/* Whatever the limit is. */
#define MAX_SIZE	UINT_MAX

FIXTURE_VARIANT_ADD(vectors, key_1_value_0)
{
	.key_size = 1,
	.value_size = 0,
};

FIXTURE_VARIANT_ADD(vectors, key_1_value_8)
{
	.key_size = 1,
	.value_size = 8,
};

FIXTURE_VARIANT_ADD(vectors, key_4_value_0)
{
	.key_size = 4,
	.value_size = 0,
};

FIXTURE_VARIANT_ADD(vectors, key_4_value_1)
{
	.key_size = 4,
	.value_size = 1,
};

FIXTURE_VARIANT_ADD(vectors, key_8_value_0)
{
	.key_size = 8,
	.value_size = 0,
};

FIXTURE_VARIANT_ADD(vectors, key_8_value_8)
{
	.key_size = 8,
	.value_size = 8,
};

FIXTURE_VARIANT_ADD(vectors, key_8_value_max)
{
	.key_size = 8,
	.value_size = MAX_SIZE,
};

FIXTURE_VARIANT_ADD(vectors, key_13_value_1)
{
	.key_size = 13,
	.value_size = 1,
};

FIXTURE_VARIANT_ADD(vectors, key_13_value_100)
{
	.key_size = 13,
	.value_size = 100,
};

FIXTURE_VARIANT_ADD(vectors, key_16_value_8)
{
	.key_size = 16,
	.value_size = 8,
};

FIXTURE_VARIANT_ADD(vectors, key_16_value_100)
{
	.key_size = 16,
	.value_size = 100,
};

FIXTURE_VARIANT_ADD(vectors, key_64_value_0)
{
	.key_size = 64,
	.value_size = 0,
};

FIXTURE_VARIANT_ADD(vectors, key_64_value_100)
{
	.key_size = 64,
	.value_size = 100,
};

FIXTURE_VARIANT_ADD(vectors, key_max_value_1)
{
	.key_size = MAX_SIZE,
	.value_size = 1,
};

FIXTURE_VARIANT_ADD(vectors, key_max_value_max)
{
	.key_size = MAX_SIZE,
	.value_size = MAX_SIZE,
};

FIXTURE_SETUP(vectors)
{
	struct qds_caps caps;
	struct model *m = calloc(1, sizeof(*m));
	struct step *s = calloc(1, sizeof(*s));

	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, caps_get(self->dev, &caps));
	m->key_size = variant->key_size < MAX_SIZE ? variant->key_size : caps.max_key_size;
	m->value_size = variant->value_size < MAX_SIZE ? variant->value_size :
							 caps.max_value_size;
	m->nr_keys = m->key_size == 1 ? 256 : MODEL_KEYS;
	if (m->key_size + m->value_size > 1024)
		m->nr_keys = 100;
	m->fd = table_create(self->dev, m->key_size, m->value_size, 0);
	ASSERT_LE(0, m->fd);

	s->key_bytes = malloc((size_t)MODEL_VECTOR * m->key_size);
	s->value_bytes = malloc((size_t)MODEL_VECTOR * m->value_size + 1);
	s->expected_values = malloc((size_t)MODEL_VECTOR * m->value_size + 1);
	self->m = m;
	self->s = s;
}

FIXTURE_TEARDOWN(vectors)
{
	close(self->m->fd);
	close(self->dev);
}

static __u8 *element(__u8 *bytes, __u32 i, __u32 size)
{
	return bytes + (size_t)i * size;
}

static void choose_step(struct model *m, struct step *s, __u64 *random)
{
	static const unsigned int cmds[] = {
		QDS_TABLE_INSERT, QDS_TABLE_INSERT, QDS_TABLE_LOOKUP, QDS_TABLE_REMOVE,
	};
	__u32 i;

	s->cmd = cmds[random_below(random, ARRAY_SIZE(cmds))];
	s->nr = 1 + random_below(random, MODEL_VECTOR);
	s->with_results = random_below(random, 4);
	s->with_values = s->cmd == QDS_TABLE_INSERT ? m->value_size :
			 s->cmd == QDS_TABLE_LOOKUP ? random_below(random, 4) : 0;
	for (i = 0; i < s->nr; i++) {
		/* Now and then a key that the vector has already. */
		s->keys[i] = i && !random_below(random, 8) ? s->keys[random_below(random, i)] :
							     random_below(random, m->nr_keys);
		s->seeds[i] = next_random(random);
		make_key(element(s->key_bytes, i, m->key_size), m->key_size, s->keys[i]);
		make_value(element(s->value_bytes, i, m->value_size), m->value_size, s->seeds[i]);
	}
}

static int model_one(struct model *m, struct step *s, __u32 i)
{
	unsigned int key = s->keys[i];
	bool present = m->present[key];

	switch (s->cmd) {
	case QDS_TABLE_INSERT:
		if (present)
			return -EEXIST;
		m->present[key] = true;
		m->value[key] = s->seeds[i];
		m->entries++;
		return 0;
	case QDS_TABLE_REMOVE:
		if (!present)
			return -ENOENT;
		m->present[key] = false;
		m->entries--;
		return 0;
	default:
		memset(element(s->expected_values, i, m->value_size), 0, m->value_size);
		if (!present)
			return -ENOENT;
		make_value(element(s->expected_values, i, m->value_size), m->value_size,
			   m->value[key]);
		return 0;
	}
}

static void model_step(struct model *m, struct step *s)
{
	__u32 i;

	s->expected_ret = 0;
	for (i = 0; i < s->nr; i++) {
		s->expected[i] = model_one(m, s, i);
		if (s->expected[i] && !s->with_results) {
			s->expected_ret = s->expected[i];
			break;
		}
	}
	s->expected_done = i;
}

/* What is wrong with the table's answer, or NULL. */
static const char *check_step(struct model *m, struct step *s)
{
	__u32 value_size = s->with_values ? m->value_size : 0;
	struct qds_table_vec vec = vec_of(s->nr, m->key_size, s->key_bytes, value_size,
					  s->with_values ? s->value_bytes : NULL,
					  s->with_results ? s->results : NULL);

	if (call(m->fd, s->cmd, &vec) != s->expected_ret)
		return "the call returns something else";
	if (vec.done != s->expected_done)
		return "done is something else";
	if (s->with_results && memcmp(s->results, s->expected, s->nr * sizeof(s->results[0])))
		return "a result is something else";
	if (s->cmd == QDS_TABLE_LOOKUP && s->with_values &&
	    memcmp(s->value_bytes, s->expected_values, (size_t)vec.done * m->value_size))
		return "a value is something else";
	if (entries_of(m->fd) != m->entries)
		return "the number of entries is something else";
	return NULL;
}

TEST_F(vectors, of_random_operations_match_a_model)
{
	__u64 random = 2026;
	const char *wrong;
	int i;

	for (i = 0; i < MODEL_VECTORS; i++) {
		choose_step(self->m, self->s, &random);
		model_step(self->m, self->s);
		wrong = check_step(self->m, self->s);
		ASSERT_EQ(NULL, wrong)
			TH_LOG("vector %d, command 0x%x: %s", i, self->s->cmd, wrong);
	}
	EXPECT_LT(0, self->m->entries);
}

/* A table of 8-byte keys and values: even keys are in it, each with key + 1000. */

#define SMALL_KEYS 100

FIXTURE(small)
{
	int dev;
	int fd;
	__u64 keys[SMALL_KEYS];
	__u64 values[SMALL_KEYS];
	__s32 results[SMALL_KEYS];
};

static int small_fill(int fd)
{
	__u64 keys[SMALL_KEYS / 2], values[SMALL_KEYS / 2];
	struct qds_table_vec vec = vec_of(SMALL_KEYS / 2, 8, keys, 8, values, NULL);
	int i;

	for (i = 0; i < SMALL_KEYS / 2; i++) {
		keys[i] = 2 * i;
		values[i] = 2 * i + 1000;
	}
	return call(fd, QDS_TABLE_INSERT, &vec);
}

/* Whether the table is as small_fill() has left it. */
static bool small_is_untouched(int fd)
{
	__u64 keys[SMALL_KEYS], values[SMALL_KEYS];
	__s32 results[SMALL_KEYS];
	struct qds_table_vec vec = vec_of(SMALL_KEYS, 8, keys, 8, values, results);
	__u64 i;

	for (i = 0; i < SMALL_KEYS; i++)
		keys[i] = i;
	if (call(fd, QDS_TABLE_LOOKUP, &vec) || vec.done != SMALL_KEYS)
		return false;
	for (i = 0; i < SMALL_KEYS; i++)
		if (results[i] != (i % 2 ? -ENOENT : 0) || values[i] != (i % 2 ? 0 : i + 1000))
			return false;
	return entries_of(fd) == SMALL_KEYS / 2;
}

FIXTURE_SETUP(small)
{
	__u64 i;

	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = table_create(self->dev, 8, 8, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, small_fill(self->fd));
	ASSERT_TRUE(small_is_untouched(self->fd));
	for (i = 0; i < SMALL_KEYS; i++) {
		self->keys[i] = i;
		self->values[i] = i + 5000;
		self->results[i] = 12345;
	}
}

FIXTURE_TEARDOWN(small)
{
	close(self->fd);
	close(self->dev);
}

static const unsigned int all_vecs[] = { QDS_TABLE_INSERT, QDS_TABLE_LOOKUP, QDS_TABLE_REMOVE };

#define for_each_vec(cmd) \
	for (const unsigned int *__c = all_vecs; \
	     __c < all_vecs + ARRAY_SIZE(all_vecs) && ((cmd) = *__c, true); __c++)

/* A vector that @cmd takes as it is; each test then spoils one thing. */
static struct qds_table_vec good_vec(unsigned int cmd, const __u64 *keys, const __u64 *values,
				     __s32 *results)
{
	if (cmd == QDS_TABLE_REMOVE)
		return vec_of(SMALL_KEYS, 8, keys, 0, NULL, results);
	return vec_of(SMALL_KEYS, 8, keys, 8, values, results);
}

#define GOOD_VEC(cmd)	good_vec(cmd, self->keys, self->values, self->results)

TEST_F(small, nr_0_is_EINVAL)
{
	struct qds_table_vec vec;
	unsigned int cmd;

	for_each_vec(cmd) {
		vec = GOOD_VEC(cmd);
		vec.nr = 0;
		EXPECT_EQ(-EINVAL, call(self->fd, cmd, &vec));
		EXPECT_TRUE(small_is_untouched(self->fd));
	}
}

TEST_F(small, another_key_size_is_EINVAL)
{
	const __u32 sizes[] = { 0, 1, 7, 9, 16, UINT_MAX };
	struct qds_table_vec vec;
	unsigned int cmd;
	size_t i;

	for_each_vec(cmd) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			vec = GOOD_VEC(cmd);
			vec.key_size = sizes[i];
			EXPECT_EQ(-EINVAL, call(self->fd, cmd, &vec))
				TH_LOG("command 0x%x, key size %u", cmd, sizes[i]);
			EXPECT_TRUE(small_is_untouched(self->fd));
		}
	}
}

TEST_F(small, another_value_size_is_EINVAL)
{
	const __u32 sizes[] = { 0, 1, 7, 9, 16, UINT_MAX };
	struct qds_table_vec vec;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vec = GOOD_VEC(QDS_TABLE_INSERT);
		vec.value_size = sizes[i];
		EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_INSERT, &vec));
		vec = GOOD_VEC(QDS_TABLE_LOOKUP);
		vec.value_size = sizes[i];
		EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_LOOKUP, &vec));
		EXPECT_TRUE(small_is_untouched(self->fd));
	}
}

TEST_F(small, value_size_without_values_is_EINVAL)
{
	struct qds_table_vec vec = GOOD_VEC(QDS_TABLE_LOOKUP);

	vec.values = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	vec.value_size = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
}

TEST_F(small, insert_without_the_values_that_the_table_has_is_EINVAL)
{
	struct qds_table_vec vec = GOOD_VEC(QDS_TABLE_INSERT);

	vec.values = 0;
	vec.value_size = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_TRUE(small_is_untouched(self->fd));
}

TEST_F(small, remove_with_values_is_EINVAL)
{
	struct qds_table_vec vec = GOOD_VEC(QDS_TABLE_REMOVE);

	vec.values = PTR(self->values);
	vec.value_size = 8;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_REMOVE, &vec));
	vec.value_size = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_REMOVE, &vec));
	vec.values = 0;
	vec.value_size = 8;
	EXPECT_EQ(-EINVAL, call(self->fd, QDS_TABLE_REMOVE, &vec));
	EXPECT_TRUE(small_is_untouched(self->fd));
}

TEST_F(small, existing_key_is_EEXIST_and_keeps_its_value)
{
	struct qds_table_vec vec = vec_of(1, 8, self->keys, 8, self->values, NULL);

	EXPECT_EQ(-EEXIST, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(0, vec.done);
	EXPECT_TRUE(small_is_untouched(self->fd));
	vec.results = PTR(self->results);
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(1, vec.done);
	EXPECT_EQ(-EEXIST, self->results[0]);
	EXPECT_TRUE(small_is_untouched(self->fd));
}

TEST_F(small, key_twice_in_one_vector_is_taken_once)
{
	__u64 keys[] = { 201, 203, 201, 203, 201 };
	__u64 values[] = { 1, 2, 3, 4, 5 };
	__s32 results[ARRAY_SIZE(keys)];
	const __s32 inserted[] = { 0, 0, -EEXIST, -EEXIST, -EEXIST };
	const __s32 removed[] = { 0, 0, -ENOENT, -ENOENT, -ENOENT };
	const __u64 found[] = { 1, 2, 1, 2, 1 };
	struct qds_table_vec vec = vec_of(ARRAY_SIZE(keys), 8, keys, 8, values, results);

	EXPECT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(0, memcmp(results, inserted, sizeof(results)));
	EXPECT_EQ(SMALL_KEYS / 2 + 2, entries_of(self->fd));
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(0, memcmp(values, found, sizeof(values)));
	vec.values = 0;
	vec.value_size = 0;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_REMOVE, &vec));
	EXPECT_EQ(0, memcmp(results, removed, sizeof(results)));
	EXPECT_TRUE(small_is_untouched(self->fd));
}

TEST_F(small, without_results_stops_at_the_first_failure)
{
	__u64 keys[] = { 301, 303, 4, 305, 6 };
	__u64 values[] = { 11, 12, 13, 14, 15 };
	struct qds_table_vec vec = vec_of(ARRAY_SIZE(keys), 8, keys, 8, values, NULL);

	EXPECT_EQ(-EEXIST, call(self->fd, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(2, vec.done);
	EXPECT_EQ(SMALL_KEYS / 2 + 2, entries_of(self->fd));

	keys[2] = 305;
	EXPECT_EQ(-ENOENT, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(2, vec.done);
	EXPECT_EQ(11, values[0]);
	EXPECT_EQ(12, values[1]);

	vec.values = 0;
	vec.value_size = 0;
	EXPECT_EQ(-ENOENT, call(self->fd, QDS_TABLE_REMOVE, &vec));
	EXPECT_EQ(2, vec.done);
	EXPECT_TRUE(small_is_untouched(self->fd));
}

TEST_F(small, lookup_zeroes_the_values_of_missing_keys)
{
	struct qds_table_vec vec = GOOD_VEC(QDS_TABLE_LOOKUP);
	__u64 i;

	ASSERT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(SMALL_KEYS, vec.done);
	for (i = 0; i < SMALL_KEYS; i++) {
		EXPECT_EQ(i % 2 ? 0 : i + 1000, self->values[i]);
		EXPECT_EQ(i % 2 ? -ENOENT : 0, self->results[i]);
	}
}

TEST_F(small, bad_pointer_in_each_position_is_EFAULT_and_changes_nothing)
{
	__u64 *bad = (__u64 *)guarded_alloc(4096) - 512;
	struct qds_table_vec vec;
	unsigned int cmd;

	for_each_vec(cmd) {
		vec = GOOD_VEC(cmd);
		vec.keys = PTR(bad);
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));
		EXPECT_EQ(0, vec.done);
		vec.keys = 0;
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));
		vec.keys = ~0ULL << 12;
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));

		vec = GOOD_VEC(cmd);
		vec.results = PTR(bad);
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));
		EXPECT_EQ(0, vec.done);
		vec.results = ~0ULL << 12;
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));
		EXPECT_TRUE(small_is_untouched(self->fd))
			TH_LOG("command 0x%x", cmd);

		if (cmd == QDS_TABLE_REMOVE)
			continue;
		vec = GOOD_VEC(cmd);
		vec.values = PTR(bad);
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));
		EXPECT_EQ(0, vec.done);
		vec.values = ~0ULL << 12;
		EXPECT_EQ(-EFAULT, call(self->fd, cmd, &vec));
		EXPECT_TRUE(small_is_untouched(self->fd))
			TH_LOG("command 0x%x", cmd);
	}
}

TEST_F(small, pointer_of_64_bits_is_not_cut)
{
	struct qds_table_vec vec = GOOD_VEC(QDS_TABLE_LOOKUP);

	vec.keys |= 1ULL << 63;
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_LOOKUP, &vec));
}

TEST_F(small, table_without_values_takes_null_or_any_pointer)
{
	__u64 keys[] = { 1, 2 };
	struct qds_table_vec vec = vec_of(2, 8, keys, 0, NULL, NULL);
	int set = table_create(self->dev, 8, 0, 0);

	ASSERT_LE(0, set);
	EXPECT_EQ(0, call(set, QDS_TABLE_INSERT, &vec));
	EXPECT_EQ(0, call(set, QDS_TABLE_LOOKUP, &vec));
	vec.values = PTR(self->values);
	EXPECT_EQ(0, call(set, QDS_TABLE_LOOKUP, &vec));
	EXPECT_EQ(5000, self->values[0]);
	vec.value_size = 8;
	EXPECT_EQ(-EINVAL, call(set, QDS_TABLE_LOOKUP, &vec));
	close(set);
}

FIXTURE(bounded)
{
	int dev;
	int fd;
	__u64 keys[150];
	__s32 results[150];
};

#define BOUND 100

FIXTURE_SETUP(bounded)
{
	__u64 i;

	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = table_create(self->dev, 8, 0, BOUND);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < ARRAY_SIZE(self->keys); i++)
		self->keys[i] = i;
}

FIXTURE_TEARDOWN(bounded)
{
	close(self->fd);
	close(self->dev);
}

TEST_F(bounded, is_ENOSPC_beyond_max_entries_and_takes_as_many_as_were_removed)
{
	struct qds_table_vec all = vec_of(150, 8, self->keys, 0, NULL, self->results);
	struct qds_table_vec some = vec_of(10, 8, self->keys, 0, NULL, NULL);
	int i;

	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &all));
	for (i = 0; i < 150; i++)
		EXPECT_EQ(i < BOUND ? 0 : -ENOSPC, self->results[i]);
	EXPECT_EQ(BOUND, entries_of(self->fd));

	EXPECT_EQ(0, call(self->fd, QDS_TABLE_REMOVE, &some));
	some.keys = PTR(self->keys + BOUND);
	some.nr = 20;
	EXPECT_EQ(-ENOSPC, call(self->fd, QDS_TABLE_INSERT, &some));
	EXPECT_EQ(10, some.done);
	EXPECT_EQ(BOUND, entries_of(self->fd));
}

TEST_F(bounded, key_that_took_the_last_room_is_EEXIST_in_the_same_vector)
{
	struct qds_table_vec most = vec_of(BOUND - 1, 8, self->keys, 0, NULL, NULL);
	struct qds_table_vec twice = vec_of(3, 8, self->keys + BOUND - 1, 0, NULL,
					    self->results);
	__u64 other = self->keys[BOUND];

	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &most));
	self->keys[BOUND] = self->keys[BOUND - 1];
	self->keys[BOUND + 1] = other;
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &twice));
	EXPECT_EQ(0, self->results[0]);
	EXPECT_EQ(-EEXIST, self->results[1]);
	EXPECT_EQ(-ENOSPC, self->results[2]);
	EXPECT_EQ(BOUND, entries_of(self->fd));
}

TEST_F(bounded, failed_insert_takes_no_room)
{
	struct qds_table_vec vec = vec_of(1, 8, self->keys, 0, NULL, NULL);
	struct qds_table_vec rest = vec_of(BOUND, 8, self->keys, 0, NULL, self->results);
	int i;

	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &vec));
	for (i = 0; i < 2 * BOUND; i++)
		ASSERT_EQ(-EEXIST, call(self->fd, QDS_TABLE_INSERT, &vec));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_INSERT, &rest));
	EXPECT_EQ(-EEXIST, self->results[0]);
	for (i = 1; i < BOUND; i++)
		EXPECT_EQ(0, self->results[i]);
	EXPECT_EQ(BOUND, entries_of(self->fd));
}

/*
 * Long vectors over memory that ends in the middle. Whatever the size of a
 * batch: elements before done are done, elements from done on are as they were.
 */

struct long_vector {
	int dev;
	int fd;
	size_t page;
	__u8 *memory;		/* two pages */
	__u64 keys[LONG_VECTOR];
	__u64 values[LONG_VECTOR];
	__s32 results[LONG_VECTOR];
	__s32 present[LONG_VECTOR];
};

static int long_vector_make(struct long_vector *v)
{
	__u64 i;

	for (i = 0; i < LONG_VECTOR; i++) {
		v->keys[i] = i * 7;
		v->values[i] = i + 1;
		v->results[i] = 12345;
	}
	v->page = sysconf(_SC_PAGESIZE);
	v->memory = guarded_alloc(2 * v->page);
	if (!v->memory)
		return -ENOMEM;
	v->dev = open(QDS_PATH, O_RDWR);
	if (v->dev < 0)
		return -errno;
	v->fd = table_create(v->dev, 8, 8, 0);
	return v->fd < 0 ? v->fd : 0;
}

static void long_vector_free(struct long_vector *v)
{
	close(v->fd);
	close(v->dev);
}

FIXTURE(faulting)
{
	struct long_vector v;
};

FIXTURE_VARIANT(faulting)
{
	bool with_results;
};

FIXTURE_VARIANT_ADD(faulting, with_results)
{
	.with_results = true,
};

FIXTURE_VARIANT_ADD(faulting, without_results)
{
	.with_results = false,
};

FIXTURE_SETUP(faulting)
{
	ASSERT_EQ(0, long_vector_make(&self->v));
}

FIXTURE_TEARDOWN(faulting)
{
	long_vector_free(&self->v);
}

FIXTURE(faulting_results)
{
	struct long_vector v;
};

FIXTURE_SETUP(faulting_results)
{
	ASSERT_EQ(0, long_vector_make(&self->v));
}

FIXTURE_TEARDOWN(faulting_results)
{
	long_vector_free(&self->v);
}

static int insert_all(struct long_vector *v)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, v->keys, 8, v->values, NULL);

	return call(v->fd, QDS_TABLE_INSERT, &vec);
}

/* Puts the @nr elements of @size bytes where the last of them meets the guard. */
static void *before_guard(struct long_vector *v, const void *from, __u32 nr, size_t size)
{
	return memcpy(v->memory + 2 * v->page - nr * size, from, nr * size);
}

/* Whether exactly the elements in [from, to) are in the table. */
static bool holds(struct long_vector *v, __u32 from, __u32 to)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, v->keys, 0, NULL, v->present);
	__u32 i;

	if (call(v->fd, QDS_TABLE_LOOKUP, &vec))
		return false;
	for (i = 0; i < LONG_VECTOR; i++)
		if (!v->present[i] != (i >= from && i < to))
			return false;
	return entries_of(v->fd) == to - from;
}

/* Whether results say that the first @done elements succeeded. */
static bool succeeded(const __s32 *results, __u32 done)
{
	__u32 i;

	for (i = 0; i < done; i++)
		if (results[i])
			return false;
	return true;
}

#define READABLE 500		/* elements before the memory ends */

TEST_F(faulting, keys_of_an_insert_end)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, NULL, 8, self->v.values,
					  variant->with_results ? self->v.results : NULL);

	vec.keys = PTR(before_guard(&self->v, self->v.keys, READABLE, 8));
	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_INSERT, &vec));
	EXPECT_GE(READABLE, vec.done);
	EXPECT_TRUE(holds(&self->v, 0, vec.done));
	EXPECT_TRUE(!variant->with_results || succeeded(self->v.results, vec.done));
}

TEST_F(faulting, values_of_an_insert_end)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, self->v.keys, 8, NULL,
					  variant->with_results ? self->v.results : NULL);

	vec.values = PTR(before_guard(&self->v, self->v.values, READABLE, 8));
	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_INSERT, &vec));
	EXPECT_GE(READABLE, vec.done);
	EXPECT_TRUE(holds(&self->v, 0, vec.done));
	EXPECT_TRUE(!variant->with_results || succeeded(self->v.results, vec.done));
}

TEST_F(faulting, keys_of_a_remove_end)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, NULL, 0, NULL,
					  variant->with_results ? self->v.results : NULL);

	ASSERT_EQ(0, insert_all(&self->v));
	vec.keys = PTR(before_guard(&self->v, self->v.keys, READABLE, 8));
	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_REMOVE, &vec));
	EXPECT_GE(READABLE, vec.done);
	EXPECT_TRUE(holds(&self->v, vec.done, LONG_VECTOR));
	EXPECT_TRUE(!variant->with_results || succeeded(self->v.results, vec.done));
}

TEST_F(faulting, keys_of_a_lookup_end)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, NULL, 0, NULL,
					  variant->with_results ? self->v.results : NULL);

	ASSERT_EQ(0, insert_all(&self->v));
	vec.keys = PTR(before_guard(&self->v, self->v.keys, READABLE, 8));
	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_LOOKUP, &vec));
	EXPECT_GE(READABLE, vec.done);
	EXPECT_TRUE(!variant->with_results || succeeded(self->v.results, vec.done));
}

TEST_F(faulting, values_of_a_lookup_end)
{
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, self->v.keys, 8, NULL,
					  variant->with_results ? self->v.results : NULL);
	__u64 *values = (__u64 *)(self->v.memory + 2 * self->v.page) - READABLE;
	__u32 i;

	ASSERT_EQ(0, insert_all(&self->v));
	vec.values = PTR(values);
	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_LOOKUP, &vec));
	ASSERT_GE(READABLE, vec.done);
	for (i = 0; i < vec.done; i++)
		ASSERT_EQ(self->v.values[i], values[i]);
	EXPECT_TRUE(!variant->with_results || succeeded(self->v.results, vec.done));
}

TEST_F(faulting_results, of_an_insert_end)
{
	__s32 *results = (__s32 *)(self->v.memory + 2 * self->v.page) - READABLE;
	struct qds_table_vec vec = vec_of(LONG_VECTOR, 8, self->v.keys, 8, self->v.values, results);

	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_INSERT, &vec));
	ASSERT_GE(READABLE, vec.done);
	EXPECT_TRUE(holds(&self->v, 0, vec.done));
	EXPECT_TRUE(succeeded(results, vec.done));
}

TEST_F(faulting_results, of_a_remove_become_read_only)
{
	__s32 *results = (__s32 *)(self->v.memory + self->v.page) - READABLE;
	struct qds_table_vec vec = vec_of(READABLE + 500, 8, self->v.keys, 0, NULL, results);

	ASSERT_EQ(0, insert_all(&self->v));
	ASSERT_EQ(0, mprotect(self->v.memory + self->v.page, self->v.page, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->v.fd, QDS_TABLE_REMOVE, &vec));
	ASSERT_GE(READABLE, vec.done);
	EXPECT_TRUE(holds(&self->v, vec.done, LONG_VECTOR));
	EXPECT_TRUE(succeeded(results, vec.done));
}

TEST_F(faulting, huge_nr_is_EFAULT_where_the_memory_ends)
{
	struct qds_table_vec vec = vec_of(UINT_MAX, 8, NULL, 0, NULL, NULL);
	unsigned int cmd;

	for_each_vec(cmd) {
		if (cmd == QDS_TABLE_INSERT)
			continue;
		ASSERT_EQ(0, cmd == QDS_TABLE_LOOKUP ? insert_all(&self->v) : 0);
		vec.keys = PTR(before_guard(&self->v, self->v.keys, READABLE, 8));
		EXPECT_EQ(-EFAULT, call(self->v.fd, cmd, &vec));
		EXPECT_GE(READABLE, vec.done);
	}
	EXPECT_TRUE(holds(&self->v, vec.done, LONG_VECTOR));
}

/* Several processes at one table. */

/* Polls, because nothing else is promised to happen when a call gets somewhere. */
static void nap(void)
{
	usleep(500);
}

#define GROWN		200000U
#define TAKEN		20000U	/* of them, out again */
#define GROW_VECTOR	500U
#define READ_VECTOR	64

struct growth {
	__u32 inserted;		/* keys below are in the table, until... */
	__u32 removed;		/* ...keys below are being or have been taken out */
	__u32 over;
	__u64 lookups;
};

static __u64 grown_value(__u64 key)
{
	return key * 0x9e3779b97f4a7c15ULL;
}

/* Looks for keys that are in the table all along: 0 if each was found each time. */
static int read_while_growing(int fd, struct growth *g)
{
	__u64 keys[READ_VECTOR], values[READ_VECTOR], random = 7;
	__s32 results[READ_VECTOR];
	struct qds_table_vec vec = vec_of(READ_VECTOR, 8, keys, 8, values, results);
	__u32 first, end;
	int i;

	while (!__atomic_load_n(&g->over, __ATOMIC_ACQUIRE)) {
		end = __atomic_load_n(&g->inserted, __ATOMIC_ACQUIRE);
		first = __atomic_load_n(&g->removed, __ATOMIC_ACQUIRE) ? TAKEN : 0;
		if (first >= end)
			continue;
		for (i = 0; i < READ_VECTOR; i++)
			keys[i] = i % 8 ? first + random_below(&random, end - first) :
					  GROWN + random_below(&random, GROWN);
		if (call(fd, QDS_TABLE_LOOKUP, &vec))
			return 1;
		if (!first && __atomic_load_n(&g->removed, __ATOMIC_ACQUIRE))
			continue;
		for (i = 0; i < READ_VECTOR; i++) {
			if (results[i] != (i % 8 ? 0 : -ENOENT))
				return 2;
			if (values[i] != (i % 8 ? grown_value(keys[i]) : 0))
				return 3;
		}
		g->lookups += READ_VECTOR;
	}
	return 0;
}

static int grow_step(int fd, unsigned int cmd, __u32 first)
{
	__u64 keys[GROW_VECTOR], values[GROW_VECTOR];
	bool insert = cmd == QDS_TABLE_INSERT;
	struct qds_table_vec vec = vec_of(GROW_VECTOR, 8, keys, insert ? 8 : 0,
					  insert ? values : NULL, NULL);
	__u32 i;

	for (i = 0; i < GROW_VECTOR; i++) {
		keys[i] = first + i;
		values[i] = grown_value(first + i);
	}
	return call(fd, cmd, &vec);
}

FIXTURE(shared)
{
	int dev;
	int fd;
};

FIXTURE_SETUP(shared)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = table_create(self->dev, 8, 8, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(shared)
{
	close(self->fd);
	close(self->dev);
}

TEST_F_TIMEOUT(shared, readers_miss_nothing_while_it_grows_to_200000_and_loses_some, 300)
{
	struct growth *g = shared_alloc(sizeof(*g));
	struct qds_table_info before, after;
	pid_t pid;
	__u32 i;

	ASSERT_NE(NULL, g);
	ASSERT_EQ(0, table_info(self->fd, &before));
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(read_while_growing(self->fd, g));

	for (i = 0; i < GROWN; i += GROW_VECTOR) {
		ASSERT_EQ(0, grow_step(self->fd, QDS_TABLE_INSERT, i));
		__atomic_store_n(&g->inserted, i + GROW_VECTOR, __ATOMIC_RELEASE);
	}
	EXPECT_EQ(GROWN, entries_of(self->fd));
	for (i = 0; i < TAKEN; i += GROW_VECTOR) {
		__atomic_store_n(&g->removed, i + GROW_VECTOR, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, grow_step(self->fd, QDS_TABLE_REMOVE, i));
	}
	EXPECT_EQ(GROWN - TAKEN, entries_of(self->fd));
	__atomic_store_n(&g->over, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_LT(0, g->lookups);
	TH_LOG("%llu lookups beside the writer", (unsigned long long)g->lookups);

	ASSERT_EQ(0, table_info(self->fd, &after));
	EXPECT_LT(before.buckets, after.buckets);
}

/*
 * So many keys that some have the same 32-bit hash, whatever the secret: nine pairs
 * are to be expected. They differ behind their first 16 bytes only.
 */
#define ALIKE		280000U
#define ALIKE_VECTOR	400U
#define ALIKE_SECONDS	20	/* on a slow kernel there are as many as fit in */

struct alike_key {
	__u64 same[2];
	__u32 number;
};

static const char *alike_step(int fd, unsigned int cmd, __u32 first)
{
	struct alike_key keys[ALIKE_VECTOR] = {};
	__u64 values[ALIKE_VECTOR];
	struct qds_table_vec vec = vec_of(ALIKE_VECTOR, sizeof(keys[0]), keys, 8, values, NULL);
	__u32 i;

	for (i = 0; i < ALIKE_VECTOR; i++) {
		keys[i].number = first + i;
		values[i] = cmd == QDS_TABLE_INSERT ? grown_value(first + i) : 0;
	}
	if (call(fd, cmd, &vec))
		return "the call fails";
	for (i = 0; i < ALIKE_VECTOR; i++)
		if (values[i] != grown_value(first + i))
			return "a key has the value of another";
	return NULL;
}

TEST_F_TIMEOUT(shared, keys_that_hash_alike_are_told_apart, 120)
{
	const double end = clock_now(CLOCK_MONOTONIC) + ALIKE_SECONDS;
	int fd = table_create(self->dev, sizeof(struct alike_key), 8, 0);
	__u32 i, nr;

	ASSERT_LE(0, fd);
	for (nr = 0; nr < ALIKE && clock_now(CLOCK_MONOTONIC) < end; nr += ALIKE_VECTOR)
		ASSERT_EQ(NULL, alike_step(fd, QDS_TABLE_INSERT, nr));
	EXPECT_EQ(nr, entries_of(fd));
	for (i = 0; i < nr; i += ALIKE_VECTOR)
		ASSERT_EQ(NULL, alike_step(fd, QDS_TABLE_LOOKUP, i));
	TH_LOG("%u keys", nr);
	close(fd);
}

/*
 * A small table, whose few chains change all the time under a reader. Of two sets
 * of keys one stays while the other is taken out, which is what moves entries, and
 * put in again, behind those that stay. Then they change their parts.
 */

#define HOT_KEYS	60
#define HOT_SECONDS	1.5

struct turns {
	__u32 turn;		/* set turn % 2 stays */
	__u32 over;
	__u64 lookups;
};

static void hot_keys(__u64 *keys, int set)
{
	int i;

	for (i = 0; i < HOT_KEYS; i++)
		keys[i] = set * HOT_KEYS + i;
}

/* Looks for the keys that stay: 0 if each was found each time. */
static int read_hot(int fd, struct turns *t)
{
	__u64 keys[HOT_KEYS];
	struct qds_table_vec vec = vec_of(HOT_KEYS, 8, keys, 0, NULL, NULL);
	__u32 turn;
	int ret;

	while (!__atomic_load_n(&t->over, __ATOMIC_ACQUIRE)) {
		turn = __atomic_load_n(&t->turn, __ATOMIC_SEQ_CST);
		hot_keys(keys, turn % 2);
		ret = call(fd, QDS_TABLE_LOOKUP, &vec);
		/* Else the turn ended meanwhile, and any answer is right. */
		if (turn != __atomic_load_n(&t->turn, __ATOMIC_SEQ_CST))
			continue;
		if (ret)
			return 1;
		t->lookups += HOT_KEYS;
	}
	return 0;
}

static int hot_step(int fd, unsigned int cmd, int set)
{
	__u64 keys[HOT_KEYS];
	bool insert = cmd == QDS_TABLE_INSERT;
	struct qds_table_vec vec = vec_of(HOT_KEYS, 8, keys, insert ? 8 : 0,
					  insert ? keys : NULL, NULL);

	hot_keys(keys, set);
	return call(fd, cmd, &vec);
}

TEST_F(shared, readers_miss_nothing_in_chains_that_change)
{
	struct turns *t = shared_alloc(sizeof(*t));
	double end;
	pid_t pid;
	int i;

	ASSERT_NE(NULL, t);
	ASSERT_EQ(0, hot_step(self->fd, QDS_TABLE_INSERT, 1));
	ASSERT_EQ(0, hot_step(self->fd, QDS_TABLE_INSERT, 0));
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(read_hot(self->fd, t));
	end = clock_now(CLOCK_MONOTONIC) + HOT_SECONDS;
	for (i = 0; clock_now(CLOCK_MONOTONIC) < end; i++) {
		__atomic_store_n(&t->turn, i, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, hot_step(self->fd, QDS_TABLE_REMOVE, 1 - i % 2));
		ASSERT_EQ(0, hot_step(self->fd, QDS_TABLE_INSERT, 1 - i % 2));
	}
	__atomic_store_n(&t->over, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_LT(0, t->lookups);
	TH_LOG("%llu lookups beside the writer", (unsigned long long)t->lookups);
}

#define RACERS		2
#define RACE_KEYS	8000
#define RACE_VECTOR	100

struct race {
	__u32 ready;
	__u32 won[RACERS];
	__u8 won_key[RACERS][RACE_KEYS];
};

/* Inserts or removes the same keys as the others: how many times it was first. */
static int run_race(int fd, unsigned int cmd, struct race *r, int me)
{
	__u64 keys[RACE_VECTOR], values[RACE_VECTOR];
	__s32 results[RACE_VECTOR];
	bool insert = cmd == QDS_TABLE_INSERT;
	struct qds_table_vec vec = vec_of(RACE_VECTOR, 8, keys, insert ? 8 : 0,
					  insert ? values : NULL, results);
	__u32 first, i;

	__atomic_add_fetch(&r->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&r->ready, __ATOMIC_SEQ_CST) < RACERS)
		nap();
	for (first = 0; first < RACE_KEYS; first += RACE_VECTOR) {
		for (i = 0; i < RACE_VECTOR; i++) {
			keys[i] = first + i;
			values[i] = me;
		}
		if (call(fd, cmd, &vec))
			return 1;
		for (i = 0; i < RACE_VECTOR; i++) {
			if (results[i] && results[i] != (insert ? -EEXIST : -ENOENT))
				return 2;
			r->won_key[me][first + i] = !results[i];
			r->won[me] += !results[i];
		}
	}
	return 0;
}

static int race(int fd, unsigned int cmd, struct race *r)
{
	pid_t pids[RACERS];
	int i, ret = 0;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < RACERS; i++) {
		pids[i] = fork_child();
		if (!pids[i])
			_exit(run_race(fd, cmd, r, i));
	}
	for (i = 0; i < RACERS; i++)
		ret |= wait_for(pids[i]);
	return ret;
}

TEST_F_TIMEOUT(shared, each_key_is_inserted_by_one_and_removed_by_one, 120)
{
	struct race *r = shared_alloc(sizeof(*r));
	__u64 keys[RACE_VECTOR], values[RACE_VECTOR];
	struct qds_table_vec vec = vec_of(RACE_VECTOR, 8, keys, 8, values, NULL);
	__u32 first, i;

	ASSERT_NE(NULL, r);
	ASSERT_EQ(0, race(self->fd, QDS_TABLE_INSERT, r));
	EXPECT_EQ(RACE_KEYS, r->won[0] + r->won[1]);
	EXPECT_EQ(RACE_KEYS, entries_of(self->fd));
	for (first = 0; first < RACE_KEYS; first += RACE_VECTOR) {
		for (i = 0; i < RACE_VECTOR; i++)
			keys[i] = first + i;
		ASSERT_EQ(0, call(self->fd, QDS_TABLE_LOOKUP, &vec));
		for (i = 0; i < RACE_VECTOR; i++) {
			ASSERT_NE(r->won_key[0][first + i], r->won_key[1][first + i]);
			ASSERT_EQ(r->won_key[1][first + i], values[i]);
		}
	}

	ASSERT_EQ(0, race(self->fd, QDS_TABLE_REMOVE, r));
	EXPECT_EQ(RACE_KEYS, r->won[0] + r->won[1]);
	EXPECT_EQ(0, entries_of(self->fd));
}

/* Bounded tables, into which all racers insert at the same time. */

#define SQUEEZED	64
#define ROUNDS		200

struct squeeze {
	__u32 arrived[ROUNDS];
	__u32 won[RACERS][ROUNDS];
};

/* Inserts keys from @first on into one table after the other. */
static int run_squeeze(const int *fds, struct squeeze *s, int me, __u64 first)
{
	__u64 keys[SQUEEZED];
	__s32 results[SQUEEZED];
	struct qds_table_vec vec = vec_of(SQUEEZED, 8, keys, 0, NULL, results);
	int round, i;

	for (i = 0; i < SQUEEZED; i++)
		keys[i] = first + i;
	for (round = 0; round < ROUNDS; round++) {
		__atomic_add_fetch(&s->arrived[round], 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&s->arrived[round], __ATOMIC_SEQ_CST) < RACERS)
			sched_yield();
		if (call(fds[round], QDS_TABLE_INSERT, &vec))
			return 1;
		for (i = 0; i < SQUEEZED; i++) {
			if (results[i] && results[i] != -ENOSPC && results[i] != -EEXIST)
				return 2;
			s->won[me][round] += !results[i];
		}
	}
	return 0;
}

FIXTURE(bounded_race)
{
	int dev;
	int fds[ROUNDS];
	struct squeeze *s;
};

FIXTURE_VARIANT(bounded_race)
{
	__u64 max_entries;
	__u64 apart;		/* from one racer's first key to the next one's */
};

/* The keys of one racer fill the table. */
FIXTURE_VARIANT_ADD(bounded_race, own_keys)
{
	.max_entries = SQUEEZED,
	.apart = SQUEEZED,
};

/* There is room, but only if who comes second for a key does not take any. */
FIXTURE_VARIANT_ADD(bounded_race, same_keys)
{
	.max_entries = 2 * SQUEEZED,
	.apart = 0,
};

FIXTURE_SETUP(bounded_race)
{
	int i;

	self->s = shared_alloc(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	for (i = 0; i < ROUNDS; i++) {
		self->fds[i] = table_create(self->dev, 8, 0, variant->max_entries);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(bounded_race)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		close(self->fds[i]);
	close(self->dev);
}

/* Fills a table with new keys: how many it took. */
static __u32 fill_up(int fd)
{
	__u64 key = 1000;
	struct qds_table_vec vec = vec_of(1, 8, &key, 0, NULL, NULL);

	while (!call(fd, QDS_TABLE_INSERT, &vec))
		key++;
	return key - 1000;
}

TEST_F_TIMEOUT(bounded_race, max_entries_is_reached_and_never_passed, 120)
{
	pid_t pids[RACERS];
	int i;

	for (i = 0; i < RACERS; i++) {
		pids[i] = fork_child();
		if (!pids[i])
			_exit(run_squeeze(self->fds, self->s, i, i * variant->apart));
	}
	for (i = 0; i < RACERS; i++)
		EXPECT_EQ(0, wait_for(pids[i]));
	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(SQUEEZED, self->s->won[0][i] + self->s->won[1][i]);
		EXPECT_EQ(SQUEEZED, entries_of(self->fds[i]));
		EXPECT_EQ(variant->max_entries - SQUEEZED, fill_up(self->fds[i]));
		EXPECT_EQ(variant->max_entries, entries_of(self->fds[i]));
	}
}

#define KILLED_VECTOR (1U << 20)

TEST_F(shared, killed_insert_ends_early_and_done_is_exact)
{
	struct qds_table_vec *vec = shared_alloc(sizeof(*vec));
	__u64 *keys = shared_alloc(KILLED_VECTOR * sizeof(*keys));
	pid_t pid;
	__u64 i;

	ASSERT_NE(NULL, vec);
	ASSERT_NE(NULL, keys);
	for (i = 0; i < KILLED_VECTOR; i++)
		keys[i] = i;
	*vec = vec_of(KILLED_VECTOR, 8, keys, 8, keys, NULL);
	vec->done = 0;

	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call(self->fd, QDS_TABLE_INSERT, vec) != 0);
	while (!__atomic_load_n(&vec->done, __ATOMIC_ACQUIRE))
		nap();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_GT(KILLED_VECTOR, vec->done);
	EXPECT_EQ(vec->done, entries_of(self->fd));
}

/*
 * Statistics. What a table is like inside is not part of the ABI; what must be
 * true of any table is checked.
 */

#define STATS_ROOM	1100		/* more than there are thousandths */
#define STATS_KEYS	5000

FIXTURE(stats)
{
	int dev;
	int fd;
	struct qds_dist_entry chain[STATS_ROOM];
	struct qds_dist_entry occupancy[STATS_ROOM];
	struct qds_table_stats arg;
};

static int insert_keys(int fd, __u64 from, __u32 nr)
{
	__u64 *keys = calloc(nr, sizeof(*keys));
	struct qds_table_vec vec = vec_of(nr, 8, keys, 0, NULL, NULL);
	int ret = -ENOMEM;
	__u32 i;

	for (i = 0; keys && i < nr; i++)
		keys[i] = from + i;
	if (keys)
		ret = call(fd, QDS_TABLE_INSERT, &vec);
	free(keys);
	return ret;
}

FIXTURE_SETUP(stats)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = table_create(self->dev, 8, 0, 0);
	ASSERT_LE(0, self->fd);
	self->arg = (struct qds_table_stats) {
		.size = sizeof(self->arg),
		.chain = PTR(self->chain),
		.occupancy = PTR(self->occupancy),
		.chain_nr = STATS_ROOM,
		.occupancy_nr = STATS_ROOM,
	};
}

FIXTURE_TEARDOWN(stats)
{
	close(self->fd);
	close(self->dev);
}

static __u64 sum_counts(const struct qds_dist_entry *entries, __u32 nr)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < nr; i++)
		sum += entries[i].count;
	return sum;
}

static bool ascends(const struct qds_dist_entry *entries, __u32 nr)
{
	__u32 i;

	for (i = 0; i < nr; i++)
		if (!entries[i].count || (i && entries[i].x <= entries[i - 1].x))
			return false;
	return true;
}

/* When the table does not change its size any more by itself. */
static bool settle(int fd)
{
	struct qds_table_info before, after;
	int i;

	for (i = 0; i < 50; i++) {
		if (table_info(fd, &before))
			return false;
		usleep(100000);
		if (table_info(fd, &after))
			return false;
		if (before.buckets == after.buckets)
			return true;
	}
	return false;
}

TEST_F(stats, of_an_empty_table_are_of_empty_chains)
{
	struct qds_table_info info;

	ASSERT_EQ(0, table_info(self->fd, &info));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	EXPECT_EQ(info.buckets, self->arg.buckets);
	EXPECT_EQ(0, self->arg.used_buckets);
	EXPECT_EQ(0, self->arg.chained_buckets);
	EXPECT_EQ(0, self->arg.entries);
	EXPECT_LE(64 * info.buckets, self->arg.memory);
	EXPECT_EQ(0, self->arg.chain_nr);
	ASSERT_EQ(1, self->arg.occupancy_nr);
	EXPECT_EQ(0, self->occupancy[0].x);
	EXPECT_EQ(info.buckets, self->occupancy[0].count);
}

TEST_F(stats, add_up_to_what_was_inserted)
{
	const struct qds_table_stats *arg = &self->arg;
	struct qds_table_info info;
	__u64 buckets = 0;
	__u32 i;

	ASSERT_EQ(0, insert_keys(self->fd, 0, STATS_KEYS));
	ASSERT_TRUE(settle(self->fd));
	ASSERT_EQ(0, table_info(self->fd, &info));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	EXPECT_EQ(STATS_KEYS, arg->entries);
	EXPECT_EQ(info.buckets, arg->buckets);
	EXPECT_LT(0, arg->used_buckets);
	EXPECT_GE(arg->buckets, arg->used_buckets);
	EXPECT_LE(64 * (arg->buckets + arg->chained_buckets), arg->memory);
	ASSERT_GE(STATS_ROOM, arg->chain_nr);
	ASSERT_GE(STATS_ROOM, arg->occupancy_nr);
	EXPECT_EQ(arg->used_buckets, sum_counts(self->chain, arg->chain_nr));
	EXPECT_EQ(arg->buckets, sum_counts(self->occupancy, arg->occupancy_nr));
	EXPECT_TRUE(ascends(self->chain, arg->chain_nr));
	EXPECT_TRUE(ascends(self->occupancy, arg->occupancy_nr));
	EXPECT_LE(1, self->chain[0].x);
	EXPECT_GE(1000, self->occupancy[arg->occupancy_nr - 1].x);
	for (i = 0; i < arg->chain_nr; i++)
		buckets += self->chain[i].x * self->chain[i].count;
	/* No chain is empty but those that nothing has been in. */
	EXPECT_EQ(arg->used_buckets + arg->chained_buckets, buckets);
}

TEST_F(stats, room_is_not_exceeded_and_what_is_needed_is_told)
{
	struct qds_dist_entry chain[STATS_ROOM], occupancy[STATS_ROOM];
	struct qds_table_stats whole;
	__u32 room;

	ASSERT_EQ(0, insert_keys(self->fd, 0, STATS_KEYS));
	ASSERT_TRUE(settle(self->fd));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	whole = self->arg;
	ASSERT_LT(2, whole.occupancy_nr);
	for (room = 0; room <= whole.occupancy_nr + 1; room++) {
		__u32 wrote = room < whole.occupancy_nr ? room : whole.occupancy_nr;

		memset(chain, 0xa5, sizeof(chain));
		memset(occupancy, 0xa5, sizeof(occupancy));
		self->arg.chain = PTR(chain);
		self->arg.occupancy = PTR(occupancy);
		self->arg.chain_nr = 0;
		self->arg.occupancy_nr = room;
		ASSERT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
		EXPECT_EQ(whole.chain_nr, self->arg.chain_nr);
		EXPECT_EQ(whole.occupancy_nr, self->arg.occupancy_nr);
		EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, chain[0].x);
		EXPECT_EQ(0, memcmp(occupancy, self->occupancy,
				    wrote * sizeof(*occupancy)));
		EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, occupancy[wrote].x);
	}
}

TEST_F(stats, without_room_the_pointers_are_not_looked_at)
{
	self->arg.chain = ~0ULL << 12;
	self->arg.occupancy = 1;
	self->arg.chain_nr = 0;
	self->arg.occupancy_nr = 0;
	ASSERT_EQ(0, insert_keys(self->fd, 0, 10));
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	EXPECT_EQ(10, self->arg.entries);
	EXPECT_LT(0, self->arg.chain_nr);
	EXPECT_LT(0, self->arg.occupancy_nr);
}

TEST_F(stats, bad_pointer_in_each_position_is_EFAULT_and_tells_nothing)
{
	const __u64 bad[] = {
		0, PTR(guarded_alloc(4096)) - 512, ~0ULL << 12,
		PTR(self->chain) | 1ULL << 63,
	};
	struct qds_table_stats before;
	size_t i;

	ASSERT_EQ(0, insert_keys(self->fd, 0, 10));
	for (i = 0; i < 2 * ARRAY_SIZE(bad); i++) {
		if (i % 2)
			self->arg.chain = bad[i / 2];
		else
			self->arg.occupancy = bad[i / 2];
		before = self->arg;
		EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_STATS, &self->arg))
			TH_LOG("pointer %zu", i / 2);
		EXPECT_EQ(0, memcmp(&before, &self->arg, sizeof(before)));
		self->arg.chain = PTR(self->chain);
		self->arg.occupancy = PTR(self->occupancy);
	}
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
}

TEST_F(stats, that_fit_before_unmapped_memory_are_written)
{
	struct qds_dist_entry *end = (void *)(guarded_alloc(4096) + 4096);

	ASSERT_EQ(0, insert_keys(self->fd, 0, STATS_KEYS));
	ASSERT_TRUE(settle(self->fd));
	ASSERT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	self->arg.chain = PTR(end - self->arg.chain_nr);
	self->arg.occupancy = PTR(end - self->arg.occupancy_nr);
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	/* There is room said to be, but it is not needed. */
	self->arg.occupancy_nr = UINT_MAX;
	self->arg.chain_nr = UINT_MAX;
	EXPECT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
	self->arg.occupancy += sizeof(*end);
	EXPECT_EQ(-EFAULT, call(self->fd, QDS_TABLE_STATS, &self->arg));
}

/* A child that inserts and removes, so that the table grows and shrinks. */
static int churn(int fd)
{
	__u64 keys[STATS_KEYS];
	struct qds_table_vec vec = vec_of(STATS_KEYS, 8, keys, 0, NULL, NULL);
	__u64 i;

	for (i = 0; i < STATS_KEYS; i++)
		keys[i] = STATS_KEYS + i;
	for (;;)
		if (call(fd, QDS_TABLE_INSERT, &vec) || call(fd, QDS_TABLE_REMOVE, &vec))
			return 1;
}

TEST_F_TIMEOUT(stats, beside_writers_count_what_stays, 60)
{
	double end;
	pid_t pid;

	ASSERT_EQ(0, insert_keys(self->fd, 0, STATS_KEYS));
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(churn(self->fd));
	for (end = clock_now(CLOCK_MONOTONIC) + 3; clock_now(CLOCK_MONOTONIC) < end;) {
		self->arg.chain_nr = STATS_ROOM;
		self->arg.occupancy_nr = STATS_ROOM;
		ASSERT_EQ(0, call(self->fd, QDS_TABLE_STATS, &self->arg));
		ASSERT_LE(STATS_KEYS, self->arg.entries);
		ASSERT_EQ(self->arg.used_buckets,
			  sum_counts(self->chain, self->arg.chain_nr));
		ASSERT_EQ(self->arg.buckets,
			  sum_counts(self->occupancy, self->arg.occupancy_nr));
	}
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
}

#define LARGE_TABLE	(4U << 20)
#define KILL_TRIES	5

static double seconds_of(int fd, struct qds_table_stats *arg)
{
	double start = clock_now(CLOCK_MONOTONIC);

	return call(fd, QDS_TABLE_STATS, arg) ? -1 : clock_now(CLOCK_MONOTONIC) - start;
}

/* How long a call goes on after it has been told to end, right from its start. */
static double seconds_after_kill(int fd, struct qds_table_stats *arg, int *begun)
{
	double start;
	pid_t pid;

	*begun = 0;
	pid = fork_child();
	if (!pid) {
		__atomic_store_n(begun, 1, __ATOMIC_RELEASE);
		_exit(call(fd, QDS_TABLE_STATS, arg) != 0);
	}
	while (!__atomic_load_n(begun, __ATOMIC_ACQUIRE))
		usleep(100);
	start = clock_now(CLOCK_MONOTONIC);
	kill(pid, SIGKILL);
	wait_for(pid);
	return clock_now(CLOCK_MONOTONIC) - start;
}

TEST_F_TIMEOUT(stats, of_a_large_table_end_when_killed, 60)
{
	struct qds_table_create create = {
		.size = sizeof(create), .key_size = 8, .size_hint = LARGE_TABLE,
	};
	int *begun = shared_alloc(sizeof(*begun));
	double whole = 0, took, least = 1e9;
	int i;

	ASSERT_NE(NULL, begun);
	ASSERT_EQ(0, call(self->dev, QDS_TABLE_CREATE, &create));
	for (i = 0; i < KILL_TRIES; i++) {
		took = seconds_of(create.out_fd, &self->arg);
		ASSERT_LT(0, took);
		if (!i || took < whole)
			whole = took;
	}
	for (i = 0; i < KILL_TRIES; i++) {
		took = seconds_after_kill(create.out_fd, &self->arg, begun);
		if (took < least)
			least = took;
	}
	EXPECT_GT(whole / 2, least)
		TH_LOG("killed, it took %g s of %g s", least, whole);
	close(create.out_fd);
}

TEST_HARNESS_MAIN
