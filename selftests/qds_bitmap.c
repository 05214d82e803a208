// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: what creation and ranges refuse, random work against a model of one
 * byte per bit, extents, and the serialized form against an encoder of our own.
 */
#define _GNU_SOURCE

#include <kselftest_harness.h>

#include "qds_test.h"

#define ITEMS_MAX	((__u64)LLONG_MAX)
#define BITS_MAX	(1ULL << 41)
#define LEAF_BITS	16384		/* of one moment in the serialized form */

/* A bitmap and what it is to hold. */
struct model {
	int fd;
	__u64 items;
	__u32 granularity;
	__u64 nbits;
	__u8 *bit;
};

static __u64 bits_of(__u64 items, __u32 granularity)
{
	return ((items - 1) >> granularity) + 1;
}

/* One bitmap of @items, made anew; -errno as the device gives it. */
static int model_make(struct model *m, int dev, __u64 items, __u32 granularity)
{
	*m = (struct model) {
		.fd = bitmap_create(dev, items, granularity),
		.items = items,
		.granularity = granularity,
		.nbits = bits_of(items, granularity),
	};
	if (m->fd < 0)
		return m->fd;
	m->bit = calloc(1, m->nbits);
	return m->bit ? 0 : -ENOMEM;
}

static void model_free(struct model *m)
{
	close(m->fd);
	free(m->bit);
}

/* Where the items of @bit end, which for the last one is the bitmap's end. */
static __u64 end_of(const struct model *m, __u64 bit)
{
	return bit + 1 == m->nbits ? m->items : (bit + 1) << m->granularity;
}

static int model_check(const struct model *m, __u64 start, __u64 count, bool whole_bits)
{
	const __u64 inside = (1ULL << m->granularity) - 1;
	const __u64 end = start + count;

	if (end < start)
		return -EOVERFLOW;
	if (end > m->items)
		return -ERANGE;
	if (whole_bits && count && (start & inside || (end & inside && end != m->items)))
		return -EINVAL;
	return 0;
}

static int model_set(struct model *m, __u64 start, __u64 count)
{
	int ret = model_check(m, start, count, false);

	if (!ret && count)
		memset(m->bit + (start >> m->granularity), 1,
		       ((start + count - 1) >> m->granularity) - (start >> m->granularity) + 1);
	return ret;
}

static int model_reset(struct model *m, __u64 start, __u64 count)
{
	int ret = model_check(m, start, count, true);

	if (!ret && count)
		memset(m->bit + (start >> m->granularity), 0,
		       ((start + count - 1) >> m->granularity) - (start >> m->granularity) + 1);
	return ret;
}

/* How many of @nr bytes, each 0 or 1, are 1; eight at a time, for slow machines. */
static __u64 sum_bytes(const __u8 *bytes, __u64 nr)
{
	__u64 word, sum = 0;

	for (; nr >= sizeof(word); nr -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum += word * 0x0101010101010101ULL >> 56;
	}
	while (nr--)
		sum += *bytes++;
	return sum;
}

/* How many items of a range, which is in the bitmap, are dirty. */
static __u64 model_dirty(const struct model *m, __u64 start, __u64 count)
{
	const __u64 end = start + count, first = start >> m->granularity;
	__u64 last, dirty;

	if (!count)
		return 0;
	last = (end - 1) >> m->granularity;
	if (first == last)
		return m->bit[first] ? count : 0;
	dirty = sum_bytes(m->bit + first + 1, last - first - 1) << m->granularity;
	if (m->bit[first])
		dirty += end_of(m, first) - start;
	if (m->bit[last])
		dirty += end - (last << m->granularity);
	return dirty;
}

static int model_test(const struct model *m, __u64 start, __u64 count)
{
	int ret = model_check(m, start, count, false);
	__u64 dirty;

	if (ret)
		return ret;
	dirty = model_dirty(m, start, count);
	return !dirty ? QDS_TEST_CLEAN : dirty < count ? QDS_TEST_SOME : QDS_TEST_DIRTY;
}

static __u64 model_dirty_bits(const struct model *m)
{
	return sum_bytes(m->bit, m->nbits);
}

/* The serialized form, from its description and from nothing of the kernel's. */
static size_t encode(const struct model *m, __u64 first, __u64 nbits, __u8 *bytes)
{
	size_t size = (nbits + 63) / 64 * 8;
	__u64 i;

	memset(bytes, 0, size);
	for (i = 0; i < nbits; i++)
		if (m->bit[first + i])
			bytes[i / 8] |= 1 << i % 8;
	return size;
}

static struct qds_bitmap_chunk chunk_of(__u64 start, __u64 count, const void *data, __u64 size)
{
	return (struct qds_bitmap_chunk) {
		.size = sizeof(struct qds_bitmap_chunk),
		.start = start,
		.count = count,
		.data = PTR(data),
		.data_size = size,
		.done = 0xa5a5a5a5a5a5a5a5ULL,
	};
}

static __u64 dirty_of(int fd)
{
	struct qds_bitmap_info info;

	return bitmap_info(fd, &info) ? ~0ULL : info.dirty;
}

static __u32 state_of(int fd)
{
	struct qds_bitmap_info info;

	return bitmap_info(fd, &info) ? ~0U : info.state;
}

/* What the bitmap's serialized form differs in from the model's, or NULL. */
static const char *check_bytes(const struct model *m)
{
	size_t size = (m->nbits + 63) / 64 * 8;
	__u8 *bytes = malloc(size), *expected = malloc(size);
	struct qds_bitmap_chunk chunk = chunk_of(0, m->items, bytes, size);
	const char *wrong = NULL;

	memset(bytes, 0xa5, size);
	if (encode(m, 0, m->nbits, expected) != size)
		wrong = "the test's own size";
	else if (call(m->fd, QDS_BITMAP_SERIALIZE, &chunk))
		wrong = "serialize fails";
	else if (chunk.done != m->items)
		wrong = "serialize has not done all";
	else if (memcmp(bytes, expected, size))
		wrong = "the serialized bytes differ";
	free(bytes);
	free(expected);
	return wrong;
}

#define ROOM 64			/* extents in one call */

/* What one call of EXTENTS, over what is left of a range, answers wrongly. */
static const char *check_extents(const struct model *m, const struct qds_bitmap_extents *arg,
				 __u32 room, const struct qds_extent *extents)
{
	const __u32 kinds = arg->flags;
	__u64 at = arg->start;
	__u32 i;

	if (arg->nr > room)
		return "more extents than there is room for";
	if (arg->next < arg->start || arg->next > arg->start + arg->count)
		return "next is outside the range";
	if (arg->next == arg->start && arg->count)
		return "no progress";
	for (i = 0; i < arg->nr; i++) {
		const struct qds_extent *e = &extents[i];
		__u64 dirty;

		if (e->__reserved)
			return "an extent's reserved member is not 0";
		if (e->flags != QDS_EXTENT_DIRTY && e->flags != QDS_EXTENT_CLEAN)
			return "an extent is of no kind";
		if (!(e->flags & kinds))
			return "an extent is of a kind that was not asked for";
		if (!e->count || e->start < at || e->start + e->count > arg->next)
			return "an extent is empty, out of order or out of range";
		/* What lies between is of the kind that was not asked for. */
		dirty = model_dirty(m, at, e->start - at);
		if (dirty != (kinds & QDS_EXTENT_DIRTY ? 0 : e->start - at))
			return "there is an extent more than was reported";
		if (kinds == (QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN) && e->start != at)
			return "the extents of both kinds leave a gap";
		dirty = model_dirty(m, e->start, e->count);
		if (dirty != (e->flags & QDS_EXTENT_DIRTY ? e->count : 0))
			return "an extent is not what it says";
		if (i && e[-1].flags == e->flags && e[-1].start + e[-1].count == e->start)
			return "two neighbours are of the same kind";
		at = e->start + e->count;
	}
	if (kinds == (QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN) && at != arg->next)
		return "the extents of both kinds end before next";
	if (kinds == QDS_EXTENT_DIRTY && model_dirty(m, at, arg->next - at))
		return "a dirty extent at the end was not reported";
	if (kinds == QDS_EXTENT_CLEAN && model_dirty(m, at, arg->next - at) != arg->next - at)
		return "a clean extent at the end was not reported";
	return NULL;
}

/* Goes through a range with room for @room extents at a time. */
static const char *walk_extents(const struct model *m, __u32 kinds, __u64 start, __u64 count,
				__u32 room)
{
	struct qds_extent extents[ROOM + 1];
	struct qds_bitmap_extents arg;
	const __u64 end = start + count;
	const char *wrong;

	do {
		arg = (struct qds_bitmap_extents) {
			.size = sizeof(arg),
			.flags = kinds,
			.start = start,
			.count = end - start,
			.extents = PTR(extents),
			.nr = room,
			.next = ~0ULL,
		};
		memset(extents, 0xa5, sizeof(extents));
		if (call(m->fd, QDS_BITMAP_EXTENTS, &arg))
			return "the call fails";
		wrong = check_extents(m, &arg, room, extents);
		if (wrong)
			return wrong;
		if (extents[room].start != 0xa5a5a5a5a5a5a5a5ULL)
			return "an extent was written behind the room";
		start = arg.next;
	} while (start != end);
	return NULL;
}

FIXTURE(create)
{
	int dev;
	int fds;
	int refs;
	struct qds_bitmap_create arg;
};

FIXTURE_SETUP(create)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fds = open_fds();
	self->refs = module_refs();
	self->arg = (struct qds_bitmap_create) {
		.size = sizeof(self->arg),
		.items = 1000,
	};
}

FIXTURE_TEARDOWN(create)
{
	EXPECT_EQ(self->fds, open_fds());
	EXPECT_EQ(self->refs, module_refs());
	close(self->dev);
}

TEST_F(create, no_items_is_EINVAL)
{
	self->arg.items = 0;
	EXPECT_EQ(-EINVAL, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
}

TEST_F(create, items_of_2_to_the_63_or_more_is_EINVAL)
{
	self->arg.granularity = 63;
	self->arg.items = ITEMS_MAX + 1;
	EXPECT_EQ(-EINVAL, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
	self->arg.items = ~0ULL;
	EXPECT_EQ(-EINVAL, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
}

TEST_F(create, granularity_above_the_limit_is_EFBIG)
{
	self->arg.granularity = 64;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
	self->arg.granularity = UINT_MAX;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
}

TEST_F(create, more_bits_than_the_limit_is_EFBIG)
{
	self->arg.items = BITS_MAX + 1;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
	self->arg.items = (BITS_MAX << 12) + 1;
	self->arg.granularity = 12;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
	self->arg.items = ITEMS_MAX;
	self->arg.granularity = 0;
	EXPECT_EQ(-EFBIG, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
}

TEST_F(create, limits_themselves_are_taken_and_told)
{
	const struct {
		__u64 items;
		__u32 granularity;
	} limits[] = {
		{ 1, 0 },
		{ 1, 63 },
		{ BITS_MAX, 0 },
		{ BITS_MAX << 12, 12 },
		{ ITEMS_MAX, 22 },
		{ ITEMS_MAX, 63 },
	};
	struct qds_bitmap_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		self->arg.items = limits[i].items;
		self->arg.granularity = limits[i].granularity;
		ASSERT_EQ(0, call(self->dev, QDS_BITMAP_CREATE, &self->arg));
		ASSERT_EQ(0, bitmap_info(self->arg.out_fd, &info));
		EXPECT_EQ(QDS_BITMAP_ACTIVE, info.state);
		EXPECT_EQ(limits[i].items, info.items);
		EXPECT_EQ(limits[i].granularity, info.granularity);
		EXPECT_EQ(0, info.dirty);
		EXPECT_EQ(QDS_TEST_CLEAN, bitmap_test(self->arg.out_fd, 0, limits[i].items));
		close(self->arg.out_fd);
	}
}

/*
 * Sizes in bits at the edges of words, leaves and trees, each with its last
 * group whole and with it cut short.
 */
static const __u64 edge_bits[] = {
	1, 63, 64, 65, 70, 4096, LEAF_BITS - 1, LEAF_BITS, LEAF_BITS + 1, (1 << 20) + 7,
};

#define EDGES		(2 * ARRAY_SIZE(edge_bits))
#define EDGE_70_CUT	9

/* Even edges are whole, odd ones cut. */
static __u64 edge_items(size_t edge, __u32 granularity)
{
	__u64 most = bits_of(ITEMS_MAX, granularity);
	__u64 nbits = edge_bits[edge / 2] < most ? edge_bits[edge / 2] : most;
	__u64 items = ((nbits - 1) << granularity) + (1ULL << granularity);

	if (edge % 2)
		items -= (1ULL << granularity) / 2;
	return items > ITEMS_MAX ? ITEMS_MAX : items;
}

FIXTURE(edges)
{
	int dev;
	struct model m;
};

FIXTURE_VARIANT(edges)
{
	__u32 granularity;
};

FIXTURE_VARIANT_ADD(edges, granularity_0)
{
	.granularity = 0,
};

FIXTURE_VARIANT_ADD(edges, granularity_3)
{
	.granularity = 3,
};

FIXTURE_VARIANT_ADD(edges, granularity_12)
{
	.granularity = 12,
};

FIXTURE_VARIANT_ADD(edges, granularity_16)
{
	.granularity = 16,
};

FIXTURE_VARIANT_ADD(edges, granularity_57)
{
	.granularity = 57,
};

FIXTURE_VARIANT_ADD(edges, granularity_63)
{
	.granularity = 63,
};

/* The same where there is a serialized form. */
FIXTURE(serial_edges)
{
	int dev;
	struct model m;
};

FIXTURE_VARIANT(serial_edges)
{
	__u32 granularity;
};

FIXTURE_VARIANT_ADD(serial_edges, granularity_0)
{
	.granularity = 0,
};

FIXTURE_VARIANT_ADD(serial_edges, granularity_3)
{
	.granularity = 3,
};

FIXTURE_VARIANT_ADD(serial_edges, granularity_12)
{
	.granularity = 12,
};

FIXTURE_VARIANT_ADD(serial_edges, granularity_16)
{
	.granularity = 16,
};

FIXTURE_VARIANT_ADD(serial_edges, granularity_57)
{
	.granularity = 57,
};

FIXTURE_SETUP(serial_edges)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(serial_edges)
{
	close(self->dev);
}

FIXTURE_SETUP(edges)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(edges)
{
	close(self->dev);
}

/* A range that may be anything: short, long, at the ends; now and then a bad one. */
static struct qds_range random_range(const struct model *m, __u64 *random)
{
	struct qds_range r;

	r.start = random_below(random, m->items);
	switch (random_below(random, 16)) {
	case 0:
		r.start = 0;
		r.count = m->items;
		break;
	case 1:
		r.count = m->items - r.start;
		break;
	case 2:
		r.count = 0;
		break;
	case 3:
		r.count = m->items - r.start + 1 + random_below(random, m->items);
		break;
	case 4:
		r.count = ~0ULL - random_below(random, r.start + 1);
		break;
	case 5 ... 9:
		r.count = 1 + random_below(random, m->items - r.start);
		break;
	default:
		r.count = 1 + random_below(random, 200) % (m->items - r.start);
		break;
	}
	return r;
}

/* For RESET, which takes whole bits: mostly made so, at times left as it is. */
static struct qds_range random_aligned(const struct model *m, __u64 *random)
{
	struct qds_range r = random_range(m, random);
	__u64 end = r.start + r.count;

	if (random_below(random, 8) && end > r.start && end <= m->items) {
		r.start = r.start >> m->granularity << m->granularity;
		r.count = end_of(m, (end - 1) >> m->granularity) - r.start;
	}
	return r;
}

#define VECTOR 40

static int model_range(struct model *m, unsigned int cmd, const struct qds_range *r)
{
	switch (cmd) {
	case QDS_BITMAP_SET:
		return model_set(m, r->start, r->count);
	case QDS_BITMAP_RESET:
		return model_reset(m, r->start, r->count);
	default:
		return model_test(m, r->start, r->count);
	}
}

/*
 * A range that is bad in two ways, unaligned and past the end, may be refused
 * for either.
 */
static bool same_result(const struct model *m, unsigned int cmd, const struct qds_range *r,
			int expected, int result)
{
	if (cmd == QDS_BITMAP_RESET && result == -EINVAL &&
	    (expected == -ERANGE || expected == -EOVERFLOW))
		return r->start & ((1ULL << m->granularity) - 1) ||
		       (r->start + r->count) & ((1ULL << m->granularity) - 1);
	return expected == result;
}

/* One random vector of @cmd: what is wrong about its outcome, or NULL. */
static const char *random_vector(struct model *m, unsigned int cmd, __u64 *random)
{
	struct qds_range ranges[VECTOR];
	__s32 expected = 0, results[VECTOR];
	bool with_results = cmd == QDS_BITMAP_TEST || random_below(random, 4);
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = 1 + random_below(random, VECTOR),
		.done = 0xa5a5a5a5,
		.ranges = PTR(ranges),
		.results = with_results ? PTR(results) : 0,
	};
	__u32 i, done;
	int ret;

	/* Few at once in a large bitmap, where the model is slow. */
	if (m->nbits > 2 * LEAF_BITS)
		vec.nr = 1 + vec.nr % 3;
	for (i = 0; i < vec.nr; i++)
		ranges[i] = cmd == QDS_BITMAP_RESET ? random_aligned(m, random) :
						      random_range(m, random);
	ret = call(m->fd, cmd, &vec);
	for (done = 0; done < vec.nr; done++) {
		expected = model_range(m, cmd, &ranges[done]);
		if (with_results && !same_result(m, cmd, &ranges[done], expected, results[done]))
			return "a result is something else";
		if (!with_results && expected < 0)
			break;
	}
	if (vec.done != done)
		return "done is something else";
	if (done == vec.nr)
		return ret ? "the call fails" : NULL;
	return same_result(m, cmd, &ranges[done], expected, ret) ? NULL :
	       "the call returns something else";
}

static const char *random_count(const struct model *m, __u64 *random)
{
	struct qds_range r = random_range(m, random);
	__u64 dirty;
	int ret = bitmap_count(m->fd, r.start, r.count, &dirty);

	if (ret != model_check(m, r.start, r.count, false))
		return "COUNT returns something else";
	if (!ret && dirty != model_dirty(m, r.start, r.count))
		return "COUNT counts something else";
	return NULL;
}

static const char *random_extents(const struct model *m, __u64 *random)
{
	const __u32 kinds = 1 + random_below(random, 3);
	const __u32 room = random_below(random, 2) ? ROOM : 1 + random_below(random, 8);
	struct qds_range r;

	do {
		r = random_range(m, random);
	} while (model_check(m, r.start, r.count, false));
	return walk_extents(m, kinds, r.start, r.count, room);
}

static const char *random_step(struct model *m, __u64 *random)
{
	switch (random_below(random, 8)) {
	case 0 ... 1:
		return random_vector(m, QDS_BITMAP_SET, random);
	case 2 ... 4:
		return random_vector(m, QDS_BITMAP_RESET, random);
	case 5:
		return random_vector(m, QDS_BITMAP_TEST, random);
	case 6:
		return random_count(m, random);
	default:
		return random_extents(m, random);
	}
}

TEST_F_TIMEOUT(edges, random_operations_match_a_model, 120)
{
	__u64 random = 4711;
	const char *wrong;
	size_t edge;
	int i;

	for (edge = 0; edge < EDGES; edge++) {
		ASSERT_EQ(0, model_make(&self->m, self->dev,
					edge_items(edge, variant->granularity),
					variant->granularity));
		for (i = 0; i < (self->m.nbits > 2 * LEAF_BITS ? 25 : 100); i++) {
			wrong = random_step(&self->m, &random);
			ASSERT_EQ(NULL, wrong)
				TH_LOG("%llu bits, step %d: %s",
				       (unsigned long long)self->m.nbits, i, wrong);
		}
		EXPECT_EQ(model_dirty_bits(&self->m) << self->m.granularity,
			  dirty_of(self->m.fd));
		if (variant->granularity <= 57) {
			wrong = check_bytes(&self->m);
			EXPECT_EQ(NULL, wrong)
				TH_LOG("%s", wrong);
		}
		model_free(&self->m);
	}
}

TEST_F(edges, set_rounds_outward_and_reset_only_takes_whole_bits)
{
	const __u64 group = 1ULL << variant->granularity;
	__u64 items = edge_items(EDGE_70_CUT, variant->granularity);
	__u64 nbits = bits_of(items, variant->granularity);

	ASSERT_EQ(0, model_make(&self->m, self->dev, items, variant->granularity));
	EXPECT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, items - 1, 1));
	EXPECT_EQ(group, dirty_of(self->m.fd));
	EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(self->m.fd, (nbits - 1) * group,
					      items - (nbits - 1) * group));
	/* The end of the bitmap counts as aligned. */
	EXPECT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_RESET, (nbits - 1) * group,
				   items - (nbits - 1) * group));
	EXPECT_EQ(0, dirty_of(self->m.fd));

	if (group > 2) {
		EXPECT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 0, items));
		EXPECT_EQ(-EINVAL, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 1, items - 1));
		EXPECT_EQ(-EINVAL, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 0, group / 2 - 1));
		EXPECT_EQ(-EINVAL, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 0, items - 1));
		EXPECT_EQ(nbits * group, dirty_of(self->m.fd));
	}
	model_free(&self->m);
}

TEST_F(edges, range_past_the_end_is_ERANGE_and_one_that_overflows_EOVERFLOW)
{
	const unsigned int cmds[] = { QDS_BITMAP_SET, QDS_BITMAP_RESET };
	__u64 items = edge_items(EDGE_70_CUT, variant->granularity);
	__u64 dirty, past;
	size_t i;

	ASSERT_EQ(0, model_make(&self->m, self->dev, items, variant->granularity));
	/* Aligned too, so that nothing else is wrong with it. */
	past = variant->granularity ? self->m.nbits << variant->granularity : items + 1;
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-ERANGE, bitmap_change(self->m.fd, cmds[i], 0, past));
		EXPECT_EQ(-EOVERFLOW, bitmap_change(self->m.fd, cmds[i],
						    -(1ULL << variant->granularity),
						    1ULL << variant->granularity));
		EXPECT_EQ(0, dirty_of(self->m.fd));
		ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 0, items));
		EXPECT_EQ(0, bitmap_change(self->m.fd, cmds[i], items, 0));
		EXPECT_EQ(-ERANGE, bitmap_change(self->m.fd, cmds[i], 0, past));
		EXPECT_EQ(self->m.nbits << variant->granularity, dirty_of(self->m.fd));
		ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 0, items));
	}
	EXPECT_EQ(-ERANGE, bitmap_test(self->m.fd, 0, items + 1));
	EXPECT_EQ(-ERANGE, bitmap_test(self->m.fd, items, 1));
	EXPECT_EQ(-EOVERFLOW, bitmap_test(self->m.fd, 1, ~0ULL));
	EXPECT_EQ(-ERANGE, bitmap_count(self->m.fd, items, 1, &dirty));
	EXPECT_EQ(-ERANGE, bitmap_count(self->m.fd, 0, items + 1, &dirty));
	EXPECT_EQ(-EOVERFLOW, bitmap_count(self->m.fd, 1, ~0ULL, &dirty));
	EXPECT_EQ(0, bitmap_count(self->m.fd, items, 0, &dirty));
	EXPECT_EQ(0, dirty);
	model_free(&self->m);
}

/* Leaves a pattern of runs in the bitmap and in the model. */
static int make_pattern(struct model *m, __u64 seed)
{
	__u64 random = seed, first, last;
	int i, ret = 0;

	for (i = 0; i < 40 && !ret; i++) {
		first = random_below(&random, m->nbits);
		last = first + random_below(&random, m->nbits - first);
		if (i % 2)
			last = first + random_below(&random, 70) % (m->nbits - first);
		if (i % 4 < 3) {
			model_set(m, first << m->granularity, 1);
			memset(m->bit + first, 1, last - first + 1);
			ret = bitmap_change(m->fd, QDS_BITMAP_SET, first << m->granularity,
					    end_of(m, last) - (first << m->granularity));
		} else {
			memset(m->bit + first, 0, last - first + 1);
			ret = bitmap_change(m->fd, QDS_BITMAP_RESET, first << m->granularity,
					    end_of(m, last) - (first << m->granularity));
		}
	}
	return ret;
}

static int serialize_size(int fd, __u64 start, __u64 count, __u64 *bytes, __u64 *align)
{
	struct qds_bitmap_serialize_size arg = {
		.size = sizeof(arg),
		.start = start,
		.count = count,
	};
	int ret = call(fd, QDS_BITMAP_SERIALIZE_SIZE, &arg);

	*bytes = arg.bytes;
	*align = arg.align;
	return ret;
}

/* The items of a chunk of @nbits bits from bit @first on. */
static __u64 chunk_items(const struct model *m, __u64 first, __u64 nbits)
{
	return end_of(m, first + nbits - 1) - (first << m->granularity);
}

TEST_F_TIMEOUT(serial_edges, chunks_are_exact_to_the_byte, 120)
{
	__u64 random = 99, first, nbits, bytes, align;
	struct model *m = &self->m;
	struct qds_bitmap_chunk chunk;
	__u8 *data, *expected;
	size_t edge, size;
	int i;

	for (edge = 0; edge < EDGES; edge++) {
		ASSERT_EQ(0, model_make(m, self->dev, edge_items(edge, variant->granularity),
					variant->granularity));
		ASSERT_EQ(0, make_pattern(m, edge + 1));
		data = malloc(m->nbits / 8 + 16);
		expected = malloc(m->nbits / 8 + 16);
		for (i = 0; i < (m->nbits > 2 * LEAF_BITS ? 4 : 8); i++) {
			first = random_below(&random, m->nbits) / 64 * 64;
			nbits = m->nbits - first;
			if (i % 2 && nbits > 64)
				nbits = (1 + random_below(&random, nbits / 64)) * 64;
			size = encode(m, first, nbits, expected);
			ASSERT_EQ(0, serialize_size(m->fd, first << m->granularity,
						    chunk_items(m, first, nbits), &bytes, &align));
			EXPECT_EQ(size, bytes);
			EXPECT_EQ(64ULL << m->granularity, align);
			/* Room to spare is left alone. */
			memset(data, 0xa5, size + 8);
			chunk = chunk_of(first << m->granularity, chunk_items(m, first, nbits),
					 data, size + 8);
			ASSERT_EQ(0, call(m->fd, QDS_BITMAP_SERIALIZE, &chunk));
			EXPECT_EQ(chunk.count, chunk.done);
			EXPECT_EQ(0, memcmp(data, expected, size))
				TH_LOG("%llu bits from %llu on", (unsigned long long)nbits,
				       (unsigned long long)first);
			EXPECT_EQ(0xa5, data[size]);
		}
		free(data);
		free(expected);
		model_free(m);
	}
}

/* Copies @m into the bitmap @to in chunks of @step bits, a multiple of 64. */
static int copy_in_chunks(const struct model *m, int to, __u64 step)
{
	__u8 *data = malloc((step + 63) / 64 * 8);
	struct qds_bitmap_chunk chunk;
	__u64 first, nbits, size;
	int ret = 0;

	for (first = 0; first < m->nbits && !ret; first += nbits) {
		nbits = m->nbits - first < step ? m->nbits - first : step;
		size = (nbits + 63) / 64 * 8;
		chunk = chunk_of(first << m->granularity, chunk_items(m, first, nbits),
				 data, size);
		ret = call(m->fd, QDS_BITMAP_SERIALIZE, &chunk);
		if (!ret)
			ret = call(to, QDS_BITMAP_DESERIALIZE, &chunk);
		if (!ret && chunk.done != chunk.count)
			ret = -EIO;
	}
	free(data);
	return ret;
}

TEST_F_TIMEOUT(serial_edges, restored_in_chunks_of_any_size_is_the_same, 120)
{
	const __u64 steps[] = { 64, 192, 1000 * 64, LEAF_BITS, LEAF_BITS + 64, 1 << 21 };
	struct model *m = &self->m;
	struct model copy;
	const char *wrong;
	size_t edge, i;

	for (edge = 0; edge < EDGES; edge++) {
		ASSERT_EQ(0, model_make(m, self->dev, edge_items(edge, variant->granularity),
					variant->granularity));
		ASSERT_EQ(0, make_pattern(m, edge + 100));
		/* A third of the sizes with each: to begin and to finish takes its time. */
		for (i = edge % 3; i < ARRAY_SIZE(steps); i += 3) {
			/* Many calls for little in a large bitmap. */
			if (steps[i] < 1000 && m->nbits > 2 * LEAF_BITS)
				continue;
			copy = *m;
			copy.fd = bitmap_create(self->dev, m->items, m->granularity);
			ASSERT_LE(0, copy.fd);
			/* What is there is replaced, not added to. */
			ASSERT_EQ(0, bitmap_change(copy.fd, QDS_BITMAP_SET, 0, m->items));
			EXPECT_EQ(0, copy_in_chunks(m, copy.fd, steps[i]));
			EXPECT_EQ(QDS_BITMAP_RESTORING, state_of(copy.fd));
			EXPECT_EQ(0, bitmap_finish(copy.fd));
			EXPECT_EQ(QDS_BITMAP_ACTIVE, state_of(copy.fd));
			wrong = check_bytes(&copy);
			EXPECT_EQ(NULL, wrong)
				TH_LOG("%llu bits by %llu: %s", (unsigned long long)m->nbits,
				       (unsigned long long)steps[i], wrong);
			EXPECT_EQ(dirty_of(m->fd), dirty_of(copy.fd));
			wrong = walk_extents(&copy, QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN, 0,
					     m->items, ROOM);
			EXPECT_EQ(NULL, wrong)
				TH_LOG("%s", wrong);
			close(copy.fd);
		}
		model_free(m);
	}
}

/* Vectors and what they refuse, on a bitmap of granularity 4 that is half dirty. */

#define SMALL_ITEMS	4000
#define SMALL_BITS	250
#define SMALL_GRAN	4
#define SMALL_RANGES	4

FIXTURE(small)
{
	int dev;
	struct model m;
	struct qds_range ranges[SMALL_RANGES];
	__s32 results[SMALL_RANGES];
};

FIXTURE_SETUP(small)
{
	const struct qds_range ranges[SMALL_RANGES] = {
		{ 0, 32 }, { 320, 160 }, { 640, 16 }, { 3200, 800 },
	};

	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, model_make(&self->m, self->dev, SMALL_ITEMS, SMALL_GRAN));
	ASSERT_EQ(0, make_pattern(&self->m, 5));
	memcpy(self->ranges, ranges, sizeof(ranges));
}

FIXTURE_TEARDOWN(small)
{
	model_free(&self->m);
	close(self->dev);
}

static struct qds_bitmap_vec good_vec(const struct qds_range *ranges, __s32 *results)
{
	return (struct qds_bitmap_vec) {
		.size = sizeof(struct qds_bitmap_vec),
		.nr = SMALL_RANGES,
		.done = 0xa5a5a5a5,
		.ranges = PTR(ranges),
		.results = PTR(results),
	};
}

/* Whether the bitmap is in use and holds what the model does. */
static bool untouched(const struct model *m)
{
	return state_of(m->fd) == QDS_BITMAP_ACTIVE && !check_bytes(m) &&
	       dirty_of(m->fd) == model_dirty_bits(m) << m->granularity;
}

static const unsigned int all_vecs[] = { QDS_BITMAP_SET, QDS_BITMAP_RESET, QDS_BITMAP_TEST };

TEST_F(small, nr_0_is_EINVAL)
{
	struct qds_bitmap_vec vec;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		vec = good_vec(self->ranges, self->results);
		vec.nr = 0;
		EXPECT_EQ(-EINVAL, call(self->m.fd, all_vecs[i], &vec));
		EXPECT_TRUE(untouched(&self->m));
	}
}

TEST_F(small, test_without_results_is_EINVAL)
{
	struct qds_bitmap_vec vec = good_vec(self->ranges, self->results);

	vec.results = 0;
	EXPECT_EQ(-EINVAL, call(self->m.fd, QDS_BITMAP_TEST, &vec));
}

TEST_F(small, bad_pointer_in_each_position_is_EFAULT_and_changes_nothing)
{
	const __u64 bad[] = { PTR(guarded_alloc(4096) - 64), ~0ULL << 12, 8 };
	struct qds_bitmap_vec vec;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(all_vecs); i++) {
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			vec = good_vec(self->ranges, self->results);
			vec.ranges = bad[k];
			EXPECT_EQ(-EFAULT, call(self->m.fd, all_vecs[i], &vec));
			vec = good_vec(self->ranges, self->results);
			vec.results = bad[k];
			EXPECT_EQ(-EFAULT, call(self->m.fd, all_vecs[i], &vec));
			EXPECT_EQ(0, vec.done);
			EXPECT_TRUE(untouched(&self->m))
				TH_LOG("command 0x%x, pointer 0x%llx", all_vecs[i],
				       (unsigned long long)bad[k]);
		}
		vec = good_vec(self->ranges, self->results);
		vec.ranges = 0;
		EXPECT_EQ(-EFAULT, call(self->m.fd, all_vecs[i], &vec));
		EXPECT_TRUE(untouched(&self->m));
	}
}

TEST_F(small, one_bad_range_does_not_stop_the_others_when_there_are_results)
{
	struct qds_range ranges[] = {
		{ 0, 16 }, { 3999, 2 }, { 160, 16 }, { 16, ~0ULL }, { 320, 15 }, { 480, 0 },
		{ 3984, 16 },
	};
	const __s32 set[] = { 0, -ERANGE, 0, -EOVERFLOW, 0, 0, 0 };
	const __s32 reset[] = { 0, -ERANGE, 0, -EOVERFLOW, -EINVAL, 0, 0 };
	const __s32 test[] = { 0, -ERANGE, 0, -EOVERFLOW, QDS_TEST_DIRTY, 0, 0 };
	__s32 results[ARRAY_SIZE(ranges)];
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = ARRAY_SIZE(ranges),
		.ranges = PTR(ranges),
		.results = PTR(results),
	};

	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 0, SMALL_ITEMS));
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_SET, &vec));
	EXPECT_EQ(ARRAY_SIZE(ranges), vec.done);
	EXPECT_EQ(0, memcmp(set, results, sizeof(set)));
	EXPECT_EQ(4 * 16, dirty_of(self->m.fd));

	/* Aligned, so that it is only past the end. */
	ranges[1] = (struct qds_range) { 3984, 32 };
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_RESET, &vec));
	EXPECT_EQ(ARRAY_SIZE(ranges), vec.done);
	EXPECT_EQ(0, memcmp(reset, results, sizeof(reset)));
	EXPECT_EQ(16, dirty_of(self->m.fd));

	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_TEST, &vec));
	EXPECT_EQ(ARRAY_SIZE(ranges), vec.done);
	EXPECT_EQ(0, memcmp(test, results, sizeof(test)));
}

TEST_F(small, without_results_stops_at_the_first_bad_range)
{
	struct qds_range ranges[] = { { 0, 16 }, { 160, 16 }, { 3999, 2 }, { 320, 16 } };
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = ARRAY_SIZE(ranges),
		.ranges = PTR(ranges),
	};

	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 0, SMALL_ITEMS));
	EXPECT_EQ(-ERANGE, call(self->m.fd, QDS_BITMAP_SET, &vec));
	EXPECT_EQ(2, vec.done);
	EXPECT_EQ(2 * 16, dirty_of(self->m.fd));
	ranges[1].count = 15;
	EXPECT_EQ(-EINVAL, call(self->m.fd, QDS_BITMAP_RESET, &vec));
	EXPECT_EQ(1, vec.done);
	EXPECT_EQ(16, dirty_of(self->m.fd));
}

TEST_F(small, test_tells_clean_some_and_dirty)
{
	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_RESET, 0, SMALL_ITEMS));
	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 100, 1));
	EXPECT_EQ(QDS_TEST_CLEAN, bitmap_test(self->m.fd, 0, 96));
	EXPECT_EQ(QDS_TEST_SOME, bitmap_test(self->m.fd, 95, 2));
	EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(self->m.fd, 96, 16));
	EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(self->m.fd, 111, 1));
	EXPECT_EQ(QDS_TEST_SOME, bitmap_test(self->m.fd, 111, 2));
	EXPECT_EQ(QDS_TEST_CLEAN, bitmap_test(self->m.fd, 112, SMALL_ITEMS - 112));
	EXPECT_EQ(QDS_TEST_CLEAN, bitmap_test(self->m.fd, 100, 0));
}

FIXTURE(faulting)
{
	int dev;
	size_t page;
	__u8 *memory;		/* two pages */
	struct model m;
};

#define LONG_VECTOR	1500
#define READABLE	300	/* elements before the memory ends */
#define READABLE_BYTES	5000	/* of serialized data */

FIXTURE_SETUP(faulting)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->memory = guarded_alloc(2 * self->page);
	ASSERT_NE(NULL, self->memory);
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, model_make(&self->m, self->dev, 3 * LEAF_BITS + 70, 0));
}

FIXTURE_TEARDOWN(faulting)
{
	model_free(&self->m);
	close(self->dev);
}

/* Range @i of a long vector: one bit of its own. */
static struct qds_range long_range(__u32 i)
{
	return (struct qds_range) { .start = 3 * i, .count = 1 };
}

/* Whether of the bits of a long vector those in [from, to) are dirty, no other. */
static bool only_dirty(struct model *m, __u32 from, __u32 to)
{
	__u32 i;

	memset(m->bit, 0, m->nbits);
	for (i = from; i < to; i++)
		m->bit[3 * i] = 1;
	return untouched(m);
}

static void fill_ranges(struct qds_range *ranges, __u32 nr)
{
	__u32 i;

	for (i = 0; i < nr; i++)
		ranges[i] = long_range(i);
}

TEST_F(faulting, ranges_end_in_the_middle_of_a_vector)
{
	struct qds_range *ranges = calloc(LONG_VECTOR, sizeof(*ranges));
	struct qds_range *ending = (struct qds_range *)(self->memory + 2 * self->page) - READABLE;
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = LONG_VECTOR,
		.ranges = PTR(ending),
	};

	fill_ranges(ending, READABLE);
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_SET, &vec));
	EXPECT_GE(READABLE, vec.done);
	EXPECT_TRUE(only_dirty(&self->m, 0, vec.done));

	fill_ranges(ranges, LONG_VECTOR);
	vec.ranges = PTR(ranges);
	ASSERT_EQ(0, call(self->m.fd, QDS_BITMAP_SET, &vec));
	vec.ranges = PTR(ending);
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_RESET, &vec));
	EXPECT_GE(READABLE, vec.done);
	EXPECT_TRUE(only_dirty(&self->m, vec.done, LONG_VECTOR));
}

TEST_F(faulting, results_end_in_the_middle_of_a_vector)
{
	struct qds_range *ranges = calloc(LONG_VECTOR, sizeof(*ranges));
	__s32 *results = (__s32 *)(self->memory + 2 * self->page) - READABLE;
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = LONG_VECTOR,
		.ranges = PTR(ranges),
		.results = PTR(results),
	};
	__u32 i;

	fill_ranges(ranges, LONG_VECTOR);
	memset(results, 0xa5, READABLE * sizeof(*results));
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_SET, &vec));
	ASSERT_GE(READABLE, vec.done);
	for (i = 0; i < vec.done; i++)
		EXPECT_EQ(0, results[i]);
	EXPECT_TRUE(only_dirty(&self->m, 0, vec.done));

	vec.results = 0;
	ASSERT_EQ(0, call(self->m.fd, QDS_BITMAP_SET, &vec));
	vec.results = PTR(results);
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_TEST, &vec));
	ASSERT_GE(READABLE, vec.done);
	for (i = 0; i < vec.done; i++)
		EXPECT_EQ(QDS_TEST_DIRTY, results[i]);
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_RESET, &vec));
	ASSERT_GE(READABLE, vec.done);
	EXPECT_TRUE(only_dirty(&self->m, vec.done, LONG_VECTOR));
}

TEST_F(faulting, room_for_extents_ends)
{
	struct qds_extent *extents = (struct qds_extent *)(self->memory + 2 * self->page) - 5;
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = QDS_EXTENT_DIRTY,
		.count = self->m.items,
		.extents = PTR(extents),
		.nr = 1000,
	};
	__u32 i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 3 * i, 1));
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_EXTENTS, &arg));
	arg.nr = 5;
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_EXTENTS, &arg));
	EXPECT_EQ(5, arg.nr);
	arg.nr = 5;
	arg.extents = 0;
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_EXTENTS, &arg));
}

TEST_F(faulting, serialized_data_has_no_room_behind_the_memory)
{
	size_t size = (self->m.nbits + 63) / 64 * 8;
	__u8 *at = self->memory + 2 * self->page - READABLE_BYTES;
	struct qds_bitmap_chunk chunk = chunk_of(0, self->m.items, at, size);
	__u8 *expected = malloc(size);

	ASSERT_EQ(0, make_pattern(&self->m, 3));
	encode(&self->m, 0, self->m.nbits, expected);
	ASSERT_LT(READABLE_BYTES, size);
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_SERIALIZE, &chunk));
	ASSERT_GE(READABLE_BYTES * 8, chunk.done);
	EXPECT_EQ(0, memcmp(at, expected, chunk.done / 8));
	chunk = chunk_of(0, self->m.items, NULL, size);
	EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_SERIALIZE, &chunk));
	EXPECT_TRUE(untouched(&self->m));
}

TEST_F(faulting, restored_is_what_done_says_when_the_data_ends)
{
	struct model *m = &self->m;
	size_t size = (m->nbits + 63) / 64 * 8;
	__u8 *at = self->memory + 2 * self->page - READABLE_BYTES;
	struct qds_bitmap_chunk chunk = chunk_of(0, m->items, at, size);
	const char *wrong;
	__u64 i;

	ASSERT_EQ(0, make_pattern(m, 3));
	ASSERT_LT(READABLE_BYTES, size);
	for (i = 0; i < READABLE_BYTES; i++)
		at[i] = i * 37;
	EXPECT_EQ(-EFAULT, call(m->fd, QDS_BITMAP_DESERIALIZE, &chunk));
	ASSERT_GE(READABLE_BYTES * 8, chunk.done);
	EXPECT_EQ(chunk.done ? QDS_BITMAP_RESTORING : QDS_BITMAP_ACTIVE, state_of(m->fd));
	EXPECT_EQ(chunk.done ? 0 : -ENODATA, bitmap_finish(m->fd));
	for (i = 0; i < chunk.done; i++)
		m->bit[i] = at[i / 8] >> i % 8 & 1;
	wrong = check_bytes(m);
	EXPECT_EQ(NULL, wrong)
		TH_LOG("%s", wrong);
}

TEST_F(faulting, restore_that_cannot_begin_leaves_the_bitmap_in_use)
{
	size_t size = (self->m.nbits + 63) / 64 * 8;
	const __u64 bad[] = { 0, PTR(self->memory - 64), ~0ULL << 12 };
	struct qds_bitmap_chunk chunk;
	size_t i;

	ASSERT_EQ(0, make_pattern(&self->m, 3));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		chunk = chunk_of(0, self->m.items, NULL, size);
		chunk.data = bad[i];
		EXPECT_EQ(-EFAULT, call(self->m.fd, QDS_BITMAP_DESERIALIZE, &chunk));
		EXPECT_EQ(0, chunk.done);
		EXPECT_TRUE(untouched(&self->m));
	}
}

/* Chunks: what is refused, with granularity 3 and a tail of 5 bits in the last word. */

#define CHUNK_BITS	(2 * 64 + 5)
#define CHUNK_ITEMS	(CHUNK_BITS * 8 - 3)
#define CHUNK_ALIGN	(64 * 8)

FIXTURE(chunk)
{
	int dev;
	struct model m;
	__u8 data[24];
	struct qds_bitmap_chunk whole;
};

FIXTURE_SETUP(chunk)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, model_make(&self->m, self->dev, CHUNK_ITEMS, 3));
	ASSERT_EQ(0, make_pattern(&self->m, 11));
	memset(self->data, 0x5a, CHUNK_BITS / 8);
	self->whole = chunk_of(0, CHUNK_ITEMS, self->data, sizeof(self->data));
}

FIXTURE_TEARDOWN(chunk)
{
	model_free(&self->m);
	close(self->dev);
}

static int restore(int fd, const struct qds_bitmap_chunk *with)
{
	struct qds_bitmap_chunk chunk = *with;

	return call(fd, QDS_BITMAP_DESERIALIZE, &chunk);
}

static int serialize(int fd, const struct qds_bitmap_chunk *with)
{
	struct qds_bitmap_chunk chunk = *with;
	__u8 data[64];

	chunk.data = PTR(data);
	return call(fd, QDS_BITMAP_SERIALIZE, &chunk);
}

/* The same place in all three commands that have one. */
#define EXPECT_BAD_PLACE(error, place_start, place_count) do { \
	struct qds_bitmap_chunk __c = self->whole; \
	__u64 __bytes, __align; \
	__c.start = (place_start); \
	__c.count = (place_count); \
	__c.data_size = ((__c.count + 7) / 8 + 63) / 64 * 8; \
	EXPECT_EQ(error, restore(self->m.fd, &__c)); \
	EXPECT_EQ(error, serialize(self->m.fd, &__c)); \
	EXPECT_EQ(error, serialize_size(self->m.fd, __c.start, __c.count, &__bytes, &__align)); \
	EXPECT_TRUE(untouched(&self->m)); \
} while (0)

TEST_F(chunk, start_that_is_not_aligned_is_EINVAL)
{
	EXPECT_BAD_PLACE(-EINVAL, 1, CHUNK_ITEMS - 1);
	EXPECT_BAD_PLACE(-EINVAL, 8, CHUNK_ITEMS - 8);
	EXPECT_BAD_PLACE(-EINVAL, CHUNK_ALIGN / 2, CHUNK_ITEMS - CHUNK_ALIGN / 2);
	EXPECT_BAD_PLACE(-EINVAL, CHUNK_ALIGN + 8, CHUNK_ITEMS - CHUNK_ALIGN - 8);
}

TEST_F(chunk, count_that_is_not_aligned_before_the_end_is_EINVAL)
{
	EXPECT_BAD_PLACE(-EINVAL, 0, 1);
	EXPECT_BAD_PLACE(-EINVAL, 0, CHUNK_ALIGN - 8);
	EXPECT_BAD_PLACE(-EINVAL, 0, CHUNK_ALIGN + 8);
	EXPECT_BAD_PLACE(-EINVAL, 0, CHUNK_ITEMS - 1);
	EXPECT_BAD_PLACE(-EINVAL, CHUNK_ALIGN, 8);
}

TEST_F(chunk, past_the_end_is_ERANGE)
{
	EXPECT_BAD_PLACE(-ERANGE, 0, 3 * CHUNK_ALIGN);
	EXPECT_BAD_PLACE(-ERANGE, 2 * CHUNK_ALIGN, CHUNK_ALIGN);
	EXPECT_BAD_PLACE(-ERANGE, 3 * CHUNK_ALIGN, CHUNK_ALIGN);
}

TEST_F(chunk, that_overflows_is_EOVERFLOW)
{
	EXPECT_BAD_PLACE(-EOVERFLOW, CHUNK_ALIGN, -(__u64)CHUNK_ALIGN);
	EXPECT_BAD_PLACE(-EOVERFLOW, -(__u64)CHUNK_ALIGN, CHUNK_ALIGN);
}

TEST_F(chunk, short_buffer_is_ENOSPC_and_is_not_written)
{
	const __u64 sizes[] = { 0, 1, 16, 23 };
	struct qds_bitmap_chunk chunk;
	__u8 data[24], before[24];
	size_t i;

	memset(data, 0xa5, sizeof(data));
	memcpy(before, data, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		chunk = chunk_of(0, CHUNK_ITEMS, data, sizes[i]);
		EXPECT_EQ(-ENOSPC, call(self->m.fd, QDS_BITMAP_SERIALIZE, &chunk))
			TH_LOG("%llu bytes", (unsigned long long)sizes[i]);
		EXPECT_EQ(0, memcmp(data, before, sizeof(data)));
	}
}

TEST_F(chunk, data_size_that_is_not_exact_is_EINVAL)
{
	const __u64 sizes[] = { 0, 1, 17, 23, 25, 32, ~0ULL };
	struct qds_bitmap_chunk chunk = self->whole;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		chunk.data_size = sizes[i];
		EXPECT_EQ(-EINVAL, restore(self->m.fd, &chunk))
			TH_LOG("%llu bytes", (unsigned long long)sizes[i]);
		EXPECT_TRUE(untouched(&self->m));
	}
}

TEST_F(chunk, each_bit_behind_the_end_is_EINVAL)
{
	int bit;

	for (bit = CHUNK_BITS; bit < 3 * 64; bit++) {
		self->data[bit / 8] |= 1 << bit % 8;
		EXPECT_EQ(-EINVAL, restore(self->m.fd, &self->whole))
			TH_LOG("bit %d", bit);
		EXPECT_TRUE(untouched(&self->m));
		self->data[bit / 8] &= ~(1 << bit % 8);
	}
	/* The last bit that counts is taken. */
	self->data[(CHUNK_BITS - 1) / 8] |= 1 << (CHUNK_BITS - 1) % 8;
	EXPECT_EQ(0, restore(self->m.fd, &self->whole));
}

TEST_F(chunk, bit_behind_the_end_is_EINVAL_while_restoring_too)
{
	struct qds_bitmap_chunk tail = chunk_of(2 * CHUNK_ALIGN, CHUNK_ITEMS - 2 * CHUNK_ALIGN,
						self->data, 8);

	ASSERT_EQ(0, restore(self->m.fd, &self->whole));
	memset(self->data, 0xff, sizeof(self->data));
	EXPECT_EQ(-EINVAL, restore(self->m.fd, &tail));
	EXPECT_EQ(QDS_BITMAP_RESTORING, state_of(self->m.fd));
	ASSERT_EQ(0, bitmap_finish(self->m.fd));
	memset(self->m.bit, 0, self->m.nbits);
	for (int i = 0; i < 2 * 64; i++)
		self->m.bit[i] = 0x5a >> i % 8 & 1;
	EXPECT_TRUE(untouched(&self->m));
}

TEST_F(chunk, of_zeroes_or_ones_has_no_data)
{
	const __u32 flags[] = { QDS_CHUNK_ZEROES, QDS_CHUNK_ONES };
	struct qds_bitmap_chunk chunk;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		chunk = chunk_of(0, CHUNK_ITEMS, self->data, 0);
		chunk.flags = flags[i];
		EXPECT_EQ(-EINVAL, restore(self->m.fd, &chunk));
		chunk = chunk_of(0, CHUNK_ITEMS, NULL, sizeof(self->data));
		chunk.flags = flags[i];
		EXPECT_EQ(-EINVAL, restore(self->m.fd, &chunk));
		EXPECT_TRUE(untouched(&self->m));
	}
	chunk = chunk_of(0, CHUNK_ITEMS, NULL, 0);
	chunk.flags = QDS_CHUNK_ZEROES | QDS_CHUNK_ONES;
	EXPECT_EQ(-EINVAL, restore(self->m.fd, &chunk));
	EXPECT_TRUE(untouched(&self->m));
}

TEST_F(chunk, serialize_takes_no_flags)
{
	struct qds_bitmap_chunk chunk = self->whole;

	chunk.flags = QDS_CHUNK_ONES;
	EXPECT_EQ(-EOPNOTSUPP, serialize(self->m.fd, &chunk));
	chunk.flags = QDS_CHUNK_ZEROES;
	EXPECT_EQ(-EOPNOTSUPP, serialize(self->m.fd, &chunk));
}

TEST_F(chunk, of_ones_stops_at_the_end_and_of_zeroes_leaves_nothing)
{
	struct qds_bitmap_chunk ones = chunk_of(0, CHUNK_ITEMS, NULL, 0);
	struct qds_bitmap_chunk zeroes = chunk_of(CHUNK_ALIGN, CHUNK_ALIGN, NULL, 0);

	ones.flags = QDS_CHUNK_ONES;
	zeroes.flags = QDS_CHUNK_ZEROES;
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_DESERIALIZE, &ones));
	EXPECT_EQ(CHUNK_ITEMS, ones.done);
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_DESERIALIZE, &zeroes));
	EXPECT_EQ(CHUNK_ALIGN, zeroes.done);
	EXPECT_EQ(0, bitmap_finish(self->m.fd));
	memset(self->m.bit, 1, CHUNK_BITS);
	memset(self->m.bit + 64, 0, 64);
	EXPECT_TRUE(untouched(&self->m));
}

TEST_F(chunk, untouched_parts_stay_as_they_were)
{
	struct qds_bitmap_chunk middle = chunk_of(CHUNK_ALIGN, CHUNK_ALIGN, self->data, 8);

	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_DESERIALIZE, &middle));
	EXPECT_EQ(CHUNK_ALIGN, middle.done);
	EXPECT_EQ(0, bitmap_finish(self->m.fd));
	for (int i = 0; i < 64; i++)
		self->m.bit[64 + i] = 0x5a >> i % 8 & 1;
	EXPECT_TRUE(untouched(&self->m));
}

TEST_F(chunk, without_items_begins_no_restore)
{
	struct qds_bitmap_chunk chunk = chunk_of(CHUNK_ALIGN, 0, self->data, 0);

	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_SERIALIZE, &chunk));
	EXPECT_EQ(0, chunk.done);
	chunk.done = 1;
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_DESERIALIZE, &chunk));
	EXPECT_EQ(0, chunk.done);
	EXPECT_TRUE(untouched(&self->m));
}

TEST_F(chunk, finish_of_a_bitmap_in_use_is_ENODATA)
{
	EXPECT_EQ(-ENODATA, bitmap_finish(self->m.fd));
	ASSERT_EQ(0, restore(self->m.fd, &self->whole));
	EXPECT_EQ(0, bitmap_finish(self->m.fd));
	EXPECT_EQ(-ENODATA, bitmap_finish(self->m.fd));
}

TEST_F(chunk, bitmap_being_restored_is_EBUSY_for_all_but_the_restore)
{
	const int fd = self->m.fd;
	struct qds_range range = { 0, 8 };
	__s32 results[1] = { 12345 };
	struct qds_extent extents[4];
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.ranges = PTR(&range),
		.results = PTR(results),
	};
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = QDS_EXTENT_DIRTY,
		.count = CHUNK_ITEMS,
		.extents = PTR(extents),
		.nr = ARRAY_SIZE(extents),
	};
	struct qds_object_info info = { .size = sizeof(info) };
	__u64 dirty, bytes, align;
	int copy;

	ASSERT_EQ(0, restore(fd, &self->whole));
	dirty = dirty_of(fd);
	EXPECT_EQ(-EBUSY, call(fd, QDS_BITMAP_SET, &vec));
	EXPECT_EQ(-EBUSY, call(fd, QDS_BITMAP_RESET, &vec));
	EXPECT_EQ(-EBUSY, call(fd, QDS_BITMAP_TEST, &vec));
	EXPECT_EQ(-EBUSY, bitmap_change(fd, QDS_BITMAP_SET, 0, 8));
	EXPECT_EQ(-EBUSY, bitmap_change(fd, QDS_BITMAP_RESET, 0, 8));
	EXPECT_EQ(-EBUSY, bitmap_count(fd, 0, CHUNK_ITEMS, &bytes));
	EXPECT_EQ(-EBUSY, call(fd, QDS_BITMAP_EXTENTS, &arg));
	EXPECT_EQ(0, serialize_size(fd, 0, CHUNK_ITEMS, &bytes, &align));
	EXPECT_EQ(-EBUSY, serialize(fd, &self->whole));

	EXPECT_EQ(QDS_BITMAP_RESTORING, state_of(fd));
	EXPECT_EQ(dirty, dirty_of(fd));
	EXPECT_EQ(0, call(fd, QDS_OBJECT_INFO, &info));
	copy = object_reopen(fd, QDS_ACCESS_READ);
	EXPECT_LE(0, copy);
	EXPECT_EQ(QDS_BITMAP_RESTORING, state_of(copy));
	close(copy);
	EXPECT_EQ(0, restore(fd, &self->whole));
	EXPECT_EQ(0, bitmap_finish(fd));
	EXPECT_LE(0, bitmap_test(fd, 0, 8));
}

TEST_F(chunk, without_a_serialized_form_is_EOPNOTSUPP)
{
	__u64 bytes, align, items = 5ULL << 58;
	int fd = bitmap_create(self->dev, items, 58);
	struct qds_bitmap_chunk chunk = chunk_of(0, items, self->data, 8);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EOPNOTSUPP, serialize_size(fd, 0, items, &bytes, &align));
	EXPECT_EQ(-EOPNOTSUPP, serialize(fd, &chunk));
	self->data[0] = 1;
	memset(self->data + 1, 0, 7);
	EXPECT_EQ(-EOPNOTSUPP, restore(fd, &chunk));
	EXPECT_EQ(QDS_BITMAP_ACTIVE, state_of(fd));
	EXPECT_EQ(0, dirty_of(fd));
	close(fd);
}

/* Extents of a bitmap of 1000 items, granularity 2, dirty in 100-119 and 200. */

FIXTURE(extents)
{
	int dev;
	struct model m;
	struct qds_extent out[8];
	struct qds_bitmap_extents arg;
};

FIXTURE_SETUP(extents)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, model_make(&self->m, self->dev, 1000, 2));
	model_set(&self->m, 100, 20);
	model_set(&self->m, 200, 1);
	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 100, 20));
	ASSERT_EQ(0, bitmap_change(self->m.fd, QDS_BITMAP_SET, 200, 1));
	self->arg = (struct qds_bitmap_extents) {
		.size = sizeof(self->arg),
		.flags = QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN,
		.count = 1000,
		.extents = PTR(self->out),
		.nr = ARRAY_SIZE(self->out),
	};
}

FIXTURE_TEARDOWN(extents)
{
	model_free(&self->m);
	close(self->dev);
}

TEST_F(extents, of_no_kind_is_EINVAL)
{
	self->arg.flags = 0;
	EXPECT_EQ(-EINVAL, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
}

TEST_F(extents, without_room_is_EINVAL)
{
	self->arg.nr = 0;
	EXPECT_EQ(-EINVAL, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
}

TEST_F(extents, past_the_end_is_ERANGE_and_that_overflow_EOVERFLOW)
{
	self->arg.count = 1001;
	EXPECT_EQ(-ERANGE, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
	self->arg.start = 1;
	self->arg.count = 1000;
	EXPECT_EQ(-ERANGE, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
	self->arg.count = ~0ULL;
	EXPECT_EQ(-EOVERFLOW, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
}

TEST_F(extents, of_an_empty_range_are_none)
{
	self->arg.start = 1000;
	self->arg.count = 0;
	EXPECT_EQ(0, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
	EXPECT_EQ(0, self->arg.nr);
	EXPECT_EQ(1000, self->arg.next);
}

TEST_F(extents, are_clipped_to_the_range)
{
	self->arg.start = 102;
	self->arg.count = 99;
	ASSERT_EQ(0, call(self->m.fd, QDS_BITMAP_EXTENTS, &self->arg));
	ASSERT_EQ(3, self->arg.nr);
	EXPECT_EQ(201, self->arg.next);
	EXPECT_EQ(102, self->out[0].start);
	EXPECT_EQ(18, self->out[0].count);
	EXPECT_EQ(QDS_EXTENT_DIRTY, self->out[0].flags);
	EXPECT_EQ(120, self->out[1].start);
	EXPECT_EQ(80, self->out[1].count);
	EXPECT_EQ(QDS_EXTENT_CLEAN, self->out[1].flags);
	EXPECT_EQ(200, self->out[2].start);
	EXPECT_EQ(1, self->out[2].count);
	EXPECT_EQ(QDS_EXTENT_DIRTY, self->out[2].flags);
}

TEST_F(extents, go_on_where_the_room_ended)
{
	const char *wrong;
	__u32 room, kinds;

	for (room = 1; room <= 6; room++) {
		for (kinds = 1; kinds <= 3; kinds++) {
			wrong = walk_extents(&self->m, kinds, 0, 1000, room);
			EXPECT_EQ(NULL, wrong)
				TH_LOG("room %u, kinds %u: %s", room, kinds, wrong);
		}
	}
}

/* One leaf, which two writers make come and go all the time. */

#define LEAF_SECONDS	1

FIXTURE(leaf)
{
	int dev;
	int fd;
};

FIXTURE_VARIANT(leaf)
{
	bool dirty;		/* all that the writers leave alone */
};

FIXTURE_VARIANT_ADD(leaf, clean)
{
	.dirty = false,
};

FIXTURE_VARIANT_ADD(leaf, dirty)
{
	.dirty = true,
};

FIXTURE_SETUP(leaf)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = bitmap_create(self->dev, 3 * LEAF_BITS, 0);
	ASSERT_LE(0, self->fd);
	if (variant->dirty)
		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, 3 * LEAF_BITS));
}

FIXTURE_TEARDOWN(leaf)
{
	close(self->fd);
	close(self->dev);
}

/* Makes one bit differ from the others and back: 0 if it always was what it was made. */
static int toggle(int fd, __u64 bit, bool dirty)
{
	const unsigned int differ = dirty ? QDS_BITMAP_RESET : QDS_BITMAP_SET;
	const unsigned int back = dirty ? QDS_BITMAP_SET : QDS_BITMAP_RESET;
	const double end = clock_now(CLOCK_MONOTONIC) + LEAF_SECONDS;

	while (clock_now(CLOCK_MONOTONIC) < end) {
		if (bitmap_change(fd, differ, bit, 1))
			return 1;
		if (bitmap_test(fd, bit, 1) != (dirty ? QDS_TEST_CLEAN : QDS_TEST_DIRTY))
			return 2;
		if (bitmap_change(fd, back, bit, 1))
			return 3;
		if (bitmap_test(fd, bit, 1) != (dirty ? QDS_TEST_DIRTY : QDS_TEST_CLEAN))
			return 4;
	}
	return 0;
}

TEST_F(leaf, that_comes_and_goes_under_two_writers_loses_no_bit)
{
	pid_t pid = fork_child();
	int mine;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(toggle(self->fd, LEAF_BITS + 7, variant->dirty));
	mine = toggle(self->fd, LEAF_BITS + 1000, variant->dirty);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, mine);
	EXPECT_EQ(variant->dirty ? 3 * LEAF_BITS : 0, dirty_of(self->fd));
}

/* A restore beside a process that writes all the time. */

#define RESTORED_BITS	(6 * LEAF_BITS + 100)
#define RESTORES	20

struct rivals {
	__u32 over;
	__u32 written;		/* calls that succeeded */
	__u32 busy;
};

/* Sets and resets single bits until it is over: 0 if no call failed but with EBUSY. */
static int write_all_the_time(int fd, struct rivals *r)
{
	__u64 random = 1;
	int ret;

	while (!__atomic_load_n(&r->over, __ATOMIC_ACQUIRE)) {
		ret = bitmap_change(fd, random & 1 ? QDS_BITMAP_SET : QDS_BITMAP_RESET,
				    random_below(&random, RESTORED_BITS), 1);
		if (ret && ret != -EBUSY)
			return 1;
		__atomic_add_fetch(ret ? &r->busy : &r->written, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

/* Waits until the rival has had two more calls of a kind behind it. */
static void await_rival(const __u32 *calls)
{
	__u32 before = __atomic_load_n(calls, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(calls, __ATOMIC_SEQ_CST) < before + 2)
		usleep(100);
}

FIXTURE(restore)
{
	int dev;
	struct model m;
	struct model source;
	struct rivals *rivals;
};

FIXTURE_SETUP(restore)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->rivals = shared_alloc(sizeof(*self->rivals));
	ASSERT_NE(NULL, self->rivals);
	ASSERT_EQ(0, model_make(&self->source, self->dev, RESTORED_BITS, 0));
	ASSERT_EQ(0, make_pattern(&self->source, 77));
	ASSERT_EQ(0, model_make(&self->m, self->dev, RESTORED_BITS, 0));
}

FIXTURE_TEARDOWN(restore)
{
	model_free(&self->source);
	model_free(&self->m);
	close(self->dev);
}

TEST_F(restore, is_exact_beside_a_process_that_writes_all_the_time)
{
	const __u64 dirty = dirty_of(self->source.fd);
	const char *wrong;
	pid_t pid = fork_child();
	int i;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(write_all_the_time(self->m.fd, self->rivals));
	for (i = 0; i < RESTORES; i++) {
		await_rival(&self->rivals->written);
		ASSERT_EQ(0, copy_in_chunks(&self->source, self->m.fd, LEAF_BITS + 64));
		await_rival(&self->rivals->busy);
		ASSERT_EQ(dirty, dirty_of(self->m.fd));
		ASSERT_EQ(0, bitmap_finish(self->m.fd));
	}
	ASSERT_EQ(0, copy_in_chunks(&self->source, self->m.fd, LEAF_BITS));
	await_rival(&self->rivals->busy);
	__atomic_store_n(&self->rivals->over, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, wait_for(pid));
	ASSERT_EQ(0, bitmap_finish(self->m.fd));
	memcpy(self->m.bit, self->source.bit, RESTORED_BITS);
	wrong = check_bytes(&self->m);
	EXPECT_EQ(NULL, wrong)
		TH_LOG("%s", wrong);
}

/* What is large, and what is long. */

FIXTURE(large)
{
	int dev;
	int fd;
	double begin;
};

/* Of the processor: enough for thousands of calls, not for looking at 2^41 bits. */
#define LITTLE_TIME	0.25

FIXTURE_SETUP(large)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = bitmap_create(self->dev, BITS_MAX, 0);
	ASSERT_LE(0, self->fd);
	self->begin = clock_now(CLOCK_PROCESS_CPUTIME_ID);
}

FIXTURE_TEARDOWN(large)
{
	close(self->fd);
	close(self->dev);
}

static bool took_little_time(double begin)
{
	double took = clock_now(CLOCK_PROCESS_CPUTIME_ID) - begin;

	if (took < LITTLE_TIME)
		return true;
	printf("# it took %.2f s of the processor's time\n", took);
	fflush(stdout);
	return false;
}

static __u64 memory_of(int fd)
{
	struct qds_bitmap_info info;

	return bitmap_info(fd, &info) ? ~0ULL : info.memory;
}

#define SMALL_MEMORY	(256 * 1024)	/* of 256 GiB that a plain bitmap of 2^41 bits takes */

TEST_F(large, of_2_to_the_41_bits_is_set_and_reset_whole_in_little_time_and_memory)
{
	__u64 dirty;

	EXPECT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, 0, BITS_MAX));
	EXPECT_EQ(BITS_MAX, dirty_of(self->fd));
	EXPECT_GT(SMALL_MEMORY, memory_of(self->fd));
	EXPECT_EQ(QDS_TEST_DIRTY, bitmap_test(self->fd, 0, BITS_MAX));

	EXPECT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, BITS_MAX / 2 + 1, 1));
	EXPECT_EQ(BITS_MAX - 1, dirty_of(self->fd));
	EXPECT_GT(SMALL_MEMORY, memory_of(self->fd));
	EXPECT_EQ(QDS_TEST_SOME, bitmap_test(self->fd, 0, BITS_MAX));
	EXPECT_EQ(0, bitmap_count(self->fd, BITS_MAX / 2, BITS_MAX / 2, &dirty));
	EXPECT_EQ(BITS_MAX / 2 - 1, dirty);

	EXPECT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_RESET, 0, BITS_MAX));
	EXPECT_EQ(0, dirty_of(self->fd));
	EXPECT_EQ(QDS_TEST_CLEAN, bitmap_test(self->fd, 0, BITS_MAX));
	EXPECT_GT(SMALL_MEMORY, memory_of(self->fd));

	EXPECT_TRUE(took_little_time(self->begin));
}

TEST_F(large, with_few_dirty_bits_has_its_extents_found_at_once)
{
	const __u64 dirty[] = { 0, 1ULL << 20, (1ULL << 40) - 1, 1ULL << 40, BITS_MAX - 1 };
	struct qds_extent extents[16];
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = QDS_EXTENT_DIRTY,
		.count = BITS_MAX,
		.extents = PTR(extents),
		.nr = ARRAY_SIZE(extents),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirty); i++)
		ASSERT_EQ(0, bitmap_change(self->fd, QDS_BITMAP_SET, dirty[i], 1));
	ASSERT_EQ(0, call(self->fd, QDS_BITMAP_EXTENTS, &arg));
	EXPECT_EQ(4, arg.nr);
	EXPECT_EQ(BITS_MAX, arg.next);
	EXPECT_EQ((1ULL << 40) - 1, extents[2].start);
	EXPECT_EQ(2, extents[2].count);
	EXPECT_EQ(BITS_MAX - 1, extents[3].start);
	EXPECT_TRUE(took_little_time(self->begin));
}

#define KILLED_VECTOR (1U << 20)

TEST_F(large, killed_set_ends_early_and_done_is_exact)
{
	struct qds_range *ranges = shared_alloc(KILLED_VECTOR * sizeof(*ranges));
	struct qds_bitmap_vec *vec = shared_alloc(sizeof(*vec));
	pid_t pid;

	ASSERT_NE(NULL, ranges);
	ASSERT_NE(NULL, vec);
	fill_ranges(ranges, KILLED_VECTOR);
	*vec = (struct qds_bitmap_vec) {
		.size = sizeof(*vec),
		.nr = KILLED_VECTOR,
		.ranges = PTR(ranges),
	};
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call(self->fd, QDS_BITMAP_SET, vec) != 0);
	while (!__atomic_load_n(&vec->done, __ATOMIC_ACQUIRE))
		usleep(500);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_GT(KILLED_VECTOR, vec->done);
	EXPECT_EQ(vec->done, dirty_of(self->fd));
}

/*
 * For check_format.py, which makes the same pattern from the same numbers: the
 * bytes that this machine serializes, for a program that is not ours to read.
 */

static void print_base64(const __u8 *bytes, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	__u32 word;
	size_t i;

	/* Serialized forms are multiples of 8 bytes; pads go to whole groups of 3. */
	for (i = 0; i < size; i += 3) {
		if (i % 48 == 0)
			printf("%s# serialized-bytes: ", i ? "\n" : "");
		word = bytes[i] << 16 | (i + 1 < size ? bytes[i + 1] << 8 : 0) |
		       (i + 2 < size ? bytes[i + 2] : 0);
		printf("%c%c%c%c", digits[word >> 18], digits[word >> 12 & 63],
		       i + 1 < size ? digits[word >> 6 & 63] : '=',
		       i + 2 < size ? digits[word & 63] : '=');
	}
	printf("\n");
}

/* The pattern: @nr ranges by a linear congruential generator; each fourth is a reset. */
static int publish_pattern(int fd, __u64 items, __u32 granularity, __u64 seed, int nr)
{
	const __u64 group = 1ULL << granularity;
	__u64 start, end, x = seed;
	int i, ret = 0;

	for (i = 0; i < nr && !ret; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		start = (x >> 11) % items;
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		end = start + 1 + (x >> 11) % (items / 100 + group);
		if (end > items)
			end = items;
		if (i % 4 == 3) {
			start -= start % group;
			end = end % group ? end - end % group + group : end;
			if (end > items)
				end = items;
			ret = bitmap_change(fd, QDS_BITMAP_RESET, start, end - start);
		} else {
			ret = bitmap_change(fd, QDS_BITMAP_SET, start, end - start);
		}
	}
	return ret;
}

FIXTURE(serialized)
{
	int dev;
};

FIXTURE_VARIANT(serialized)
{
	__u64 items;
	__u32 granularity;
};

/* None a multiple of 64 bits; two of more than one leaf. */
FIXTURE_VARIANT_ADD(serialized, of_70_items_granularity_0)
{
	.items = 70,
	.granularity = 0,
};

FIXTURE_VARIANT_ADD(serialized, of_20011_items_granularity_0)
{
	.items = 20011,
	.granularity = 0,
};

FIXTURE_VARIANT_ADD(serialized, of_8005_items_granularity_3)
{
	.items = 8005,
	.granularity = 3,
};

FIXTURE_VARIANT_ADD(serialized, of_69632001_items_granularity_12)
{
	.items = 69632001,
	.granularity = 12,
};

FIXTURE_VARIANT_ADD(serialized, of_65536123_items_granularity_16)
{
	.items = 65536123,
	.granularity = 16,
};

FIXTURE_SETUP(serialized)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(serialized)
{
	close(self->dev);
}

TEST_F(serialized, is_printed_for_another_program_to_check)
{
	const int seed = 2026, nr = 120;
	int fd = bitmap_create(self->dev, variant->items, variant->granularity);
	__u64 size = (bits_of(variant->items, variant->granularity) + 63) / 64 * 8;
	__u8 *data = malloc(size);
	struct qds_bitmap_chunk chunk = chunk_of(0, variant->items, data, size);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, publish_pattern(fd, variant->items, variant->granularity, seed, nr));
	ASSERT_EQ(0, call(fd, QDS_BITMAP_SERIALIZE, &chunk));
	printf("# serialized: items=%llu granularity=%u seed=%d ranges=%d bytes=%llu\n",
	       (unsigned long long)variant->items, variant->granularity, seed, nr,
	       (unsigned long long)size);
	print_base64(data, size);
	fflush(stdout);
	close(fd);
}

TEST_HARNESS_MAIN
