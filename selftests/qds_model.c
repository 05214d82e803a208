// SPDX-License-Identifier: GPL-2.0
/*
 * Two workers on two CPUs and a reader at one table and one bitmap, for some
 * seconds, with random operations. Who may change what is divided so that all
 * is predictable: what a worker owns it alone changes and has a model of, what
 * is shared is only added to or is accounted for, what is fixed never changes.
 * The owned parts lie between one another, down to the words of the bitmap.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sched.h>

#include "qds_test.h"

#define WORKERS		2
#define VECTOR		64

/* Each a line of the result. */
enum check {
	WORK,
	OWN_KEYS,
	SHARED_KEYS,
	FIXED_KEYS,
	GROWN_KEYS,
	OWN_STRIPES,
	OWN_REGIONS,
	SET_ONLY,
	FIXED_BITS,
	TOTALS,
	CHECKS
};

static const char * const check_names[CHECKS] = {
	[WORK] = "both workers and the reader worked to the end, each worker on a CPU of its own",
	[OWN_KEYS] = "the keys that one worker owns are what its model says",
	[SHARED_KEYS] = "of keys that all insert and remove, inserts less removes are there",
	[FIXED_KEYS] = "keys that nobody removes are always found, those that nobody inserts never",
	[GROWN_KEYS] = "keys that were inserted for good are found from then on",
	[OWN_STRIPES] = "bits that one worker owns beside others' are what its model says",
	[OWN_REGIONS] = "regions that one worker owns are what its model says",
	[SET_ONLY] = "bits that are only ever set are dirty from then on",
	[FIXED_BITS] = "bits that nobody changes stay, whatever happens beside them",
	[TOTALS] = "at the end all counts, extents and serialized bytes are what the models say",
};

/*
 * Keys: a zone, in OWN and GROWN the worker, and a number. A value is a seed
 * and what key and seed give, so that a mixture of two values shows.
 */
enum key_zone { OWN = 1, SHARED, FIXED, ABSENT, GROWN };

#define OWN_NR		10000
#define SHARED_NR	512
#define FIXED_NR	2000
#define GROWN_NR	100000

struct value {
	__u64 seed;
	__u64 check;
};

/*
 * Bits: zones one behind the other. A leaf is what the kernel keeps in one piece;
 * zones and regions end within one on purpose, and a region has a whole one too.
 */
#define GRANULARITY	2
#define LEAF		16384
#define STRIPE		24	/* one each for the workers, then a fixed one */
#define STRIPES_BITS	(6 * LEAF + 37)
#define REGION		(3 * LEAF / 2)
#define REGIONS_NR	6	/* of each worker, one after the other in turn */
#define REGIONS_FIRST	(7 * LEAF)	/* the gap is clean */
#define REGIONS_BITS	(WORKERS * REGIONS_NR * REGION)
#define DIRTY_FIRST	(REGIONS_FIRST + REGIONS_BITS)
#define DIRTY_BITS	(2 * LEAF + 11)
#define CHAOS_FIRST	(DIRTY_FIRST + DIRTY_BITS)
#define CHAOS_BITS	(40 * LEAF)
#define CLEAN_FIRST	(CHAOS_FIRST + CHAOS_BITS)
#define CLEAN_BITS	(2 * LEAF + 13)
#define SET_FIRST	(CLEAN_FIRST + CLEAN_BITS)
#define SET_BITS	(4 * LEAF + 7)
#define NBITS		(SET_FIRST + SET_BITS)
#define ITEMS		(((__u64)NBITS << GRANULARITY) - 1)

#define LOG_NR		65536

struct worker {
	int cpu;
	__u64 random;
	/* Own keys: 0 when absent, else the seed of the value. */
	__u64 own[OWN_NR];
	__u32 inserted[SHARED_NR];
	__u32 removed[SHARED_NR];
	__u32 grown;			/* released to the reader */
	__u8 stripes[STRIPES_BITS];
	__u8 regions[REGIONS_NR][REGION];
	__u8 set[SET_BITS];
	__u32 log[LOG_NR];		/* bits of SET_BITS, in the order they were set */
	__u32 logged;			/* released to the reader */
	__u64 table_ops;
	__u64 bitmap_ops;
};

/* One mapping that all processes share. Each writes its own part only. */
static struct shared {
	__u32 stop;
	__u32 failed[CHECKS];
	__u64 reader_ops;
	struct worker workers[WORKERS];
} *shared;

static int table, bitmap;

static bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

static void stop(void)
{
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
}

static char failure[200];

/* The first of each kind is told; all end then. */
static void tell_failure(enum check check)
{
	if (!__atomic_exchange_n(&shared->failed[check], 1, __ATOMIC_SEQ_CST))
		dprintf(STDOUT_FILENO, "# %s\n", failure);
	stop();
}

#define fail(check, ...) \
	(snprintf(failure, sizeof(failure), __VA_ARGS__), tell_failure(check))

static __u64 key_of(enum key_zone zone, int worker, __u32 i)
{
	return (__u64)zone << 56 | (__u64)worker << 48 | i;
}

static struct value value_of(__u64 key, __u64 seed)
{
	__u64 state = key ^ seed;

	return (struct value) { .seed = seed, .check = next_random(&state) };
}

static bool value_is(const struct value *value, __u64 key, __u64 seed)
{
	struct value expected = value_of(key, seed);

	return !memcmp(value, &expected, sizeof(expected));
}

static bool value_is_whole(const struct value *value, __u64 key)
{
	return value_is(value, key, value->seed);
}

/* A vector in the making, and what came of it. */
struct batch {
	__u32 nr;
	__u64 keys[VECTOR];
	struct value values[VECTOR];
	__s32 results[VECTOR];
};

static int run(struct batch *b, unsigned int cmd)
{
	bool values = cmd != QDS_TABLE_REMOVE;
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = b->nr,
		.key_size = sizeof(b->keys[0]),
		.value_size = values ? sizeof(b->values[0]) : 0,
		.keys = PTR(b->keys),
		.values = values ? PTR(b->values) : 0,
		.results = PTR(b->results),
	};
	int ret = call(table, cmd, &vec);

	return ret ? ret : vec.done == b->nr ? 0 : -EIO;
}

static unsigned int random_table_cmd(struct worker *w)
{
	static const unsigned int cmds[] = {
		QDS_TABLE_INSERT, QDS_TABLE_LOOKUP, QDS_TABLE_REMOVE,
	};

	return cmds[random_below(&w->random, ARRAY_SIZE(cmds))];
}

/* What element @i is to result in when nobody else touches its key; and the model after it. */
static int own_key_step(struct worker *w, const struct batch *b, unsigned int cmd, __u32 i)
{
	__u64 *own = &w->own[(__u32)b->keys[i]];

	switch (cmd) {
	case QDS_TABLE_INSERT:
		if (*own)
			return -EEXIST;
		*own = b->values[i].seed;
		return 0;
	case QDS_TABLE_REMOVE:
		if (!*own)
			return -ENOENT;
		*own = 0;
		return 0;
	default:
		return *own ? 0 : -ENOENT;
	}
}

static void own_keys(struct worker *w, int me)
{
	unsigned int cmd = random_table_cmd(w);
	struct batch b;
	__u32 i;
	int ret;

	b.nr = 1 + random_below(&w->random, VECTOR);
	for (i = 0; i < b.nr; i++) {
		b.keys[i] = key_of(OWN, me, random_below(&w->random, OWN_NR));
		b.values[i] = value_of(b.keys[i], next_random(&w->random) | 1);
	}
	ret = run(&b, cmd);
	if (ret)
		return fail(OWN_KEYS, "worker %d: command 0x%x returns %d", me, cmd, ret);
	for (i = 0; i < b.nr; i++) {
		ret = own_key_step(w, &b, cmd, i);
		if (b.results[i] != ret)
			return fail(OWN_KEYS, "worker %d: command 0x%x: key %u: result %d, not %d",
				    me, cmd, (__u32)b.keys[i], b.results[i], ret);
		if (cmd == QDS_TABLE_LOOKUP && !ret &&
		    !value_is(&b.values[i], b.keys[i], w->own[(__u32)b.keys[i]]))
			return fail(OWN_KEYS, "worker %d: key %u has another value",
				    me, (__u32)b.keys[i]);
	}
	w->table_ops += b.nr;
}

static void shared_keys(struct worker *w, int me)
{
	unsigned int cmd = random_table_cmd(w);
	struct batch b;
	__u32 i, key;
	int ret;

	b.nr = 1 + random_below(&w->random, 16);
	for (i = 0; i < b.nr; i++) {
		b.keys[i] = key_of(SHARED, 0, random_below(&w->random, SHARED_NR));
		b.values[i] = value_of(b.keys[i], next_random(&w->random));
	}
	ret = run(&b, cmd);
	if (ret)
		return fail(SHARED_KEYS, "worker %d: command 0x%x returns %d", me, cmd, ret);
	for (i = 0; i < b.nr; i++) {
		key = b.keys[i];
		ret = cmd == QDS_TABLE_INSERT ? -EEXIST : -ENOENT;
		if (b.results[i] && b.results[i] != ret)
			return fail(SHARED_KEYS, "worker %d: command 0x%x: result %d", me, cmd,
				    b.results[i]);
		if (b.results[i])
			continue;
		w->inserted[key] += cmd == QDS_TABLE_INSERT;
		w->removed[key] += cmd == QDS_TABLE_REMOVE;
		if (cmd == QDS_TABLE_LOOKUP && !value_is_whole(&b.values[i], b.keys[i]))
			return fail(SHARED_KEYS, "worker %d: key %u has a torn value", me, key);
	}
	w->table_ops += b.nr;
}

static void grow_keys(struct worker *w, int me)
{
	struct batch b;
	__u32 i;
	int ret;

	if (w->grown + 16 > GROWN_NR)
		return;
	b.nr = 16;
	for (i = 0; i < b.nr; i++) {
		b.keys[i] = key_of(GROWN, me, w->grown + i);
		b.values[i] = value_of(b.keys[i], i);
	}
	ret = run(&b, QDS_TABLE_INSERT);
	for (i = 0; i < b.nr && !ret; i++)
		ret = b.results[i];
	if (ret)
		return fail(GROWN_KEYS, "worker %d: a new key cannot be inserted: %d", me, ret);
	__atomic_store_n(&w->grown, w->grown + b.nr, __ATOMIC_RELEASE);
	w->table_ops += b.nr;
}

static struct qds_range range_of(__u32 first, __u32 nbits)
{
	struct qds_range r = {
		.start = (__u64)first << GRANULARITY,
		.count = (__u64)nbits << GRANULARITY,
	};

	if (r.start + r.count > ITEMS)
		r.count = ITEMS - r.start;
	return r;
}

static int run_ranges(unsigned int cmd, const struct qds_range *ranges, __u32 nr, __s32 *results)
{
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = nr,
		.ranges = PTR(ranges),
		.results = PTR(results),
	};
	int ret = call(bitmap, cmd, &vec);

	return ret ? ret : vec.done == nr ? 0 : -EIO;
}

static int change_one(unsigned int cmd, __u32 first, __u32 nbits)
{
	struct qds_range range = range_of(first, nbits);

	return bitmap_change(bitmap, cmd, range.start, range.count);
}

static unsigned int random_bitmap_cmd(struct worker *w)
{
	static const unsigned int cmds[] = { QDS_BITMAP_SET, QDS_BITMAP_RESET, QDS_BITMAP_TEST };

	return cmds[random_below(&w->random, ARRAY_SIZE(cmds))];
}

static int model_range(__u8 *bits, unsigned int cmd, __u32 nbits)
{
	__u32 i, dirty = 0;

	if (cmd != QDS_BITMAP_TEST) {
		memset(bits, cmd == QDS_BITMAP_SET, nbits);
		return 0;
	}
	for (i = 0; i < nbits; i++)
		dirty += bits[i];
	return !dirty ? QDS_TEST_CLEAN : dirty < nbits ? QDS_TEST_SOME : QDS_TEST_DIRTY;
}

static void own_stripes(struct worker *w, int me)
{
	unsigned int cmd = random_bitmap_cmd(w);
	struct qds_range ranges[VECTOR];
	__u32 first[VECTOR], nbits[VECTOR], in, i;
	__s32 results[VECTOR];
	int ret;

	for (i = 0; i < VECTOR; i++) {
		in = random_below(&w->random, STRIPE);
		nbits[i] = 1 + random_below(&w->random, STRIPE - in);
		/* The last, which is cut, is nobody's. */
		first[i] = random_below(&w->random, STRIPES_BITS / (3 * STRIPE)) * 3 * STRIPE +
			   me * STRIPE + in;
		ranges[i] = range_of(first[i], nbits[i]);
	}
	ret = run_ranges(cmd, ranges, VECTOR, results);
	if (ret)
		return fail(OWN_STRIPES, "worker %d: command 0x%x returns %d", me, cmd, ret);
	for (i = 0; i < VECTOR; i++) {
		ret = model_range(w->stripes + first[i], cmd, nbits[i]);
		if (results[i] != ret)
			return fail(OWN_STRIPES, "worker %d: command 0x%x: bits %u+%u: %d, not %d",
				    me, cmd, first[i], nbits[i], results[i], ret);
	}
	w->bitmap_ops += VECTOR;
}

/* Whole regions often, so that leaves come and go at once as well as bit by bit. */
static void own_regions(struct worker *w, int me)
{
	unsigned int cmd = random_bitmap_cmd(w);
	__u32 region = random_below(&w->random, REGIONS_NR);
	__u32 in = random_below(&w->random, 3) ? random_below(&w->random, REGION) : 0;
	__u32 nbits = in ? 1 + random_below(&w->random, REGION - in) : REGION;
	__u32 first = REGIONS_FIRST + (region * WORKERS + me) * REGION + in;
	struct qds_range range = range_of(first, nbits);
	__s32 result;
	__u64 dirty;
	__u32 i, expected = 0;
	int ret;

	ret = run_ranges(cmd, &range, 1, &result);
	if (!ret)
		ret = result - model_range(w->regions[region] + in, cmd, nbits);
	if (!ret)
		ret = bitmap_count(bitmap, range.start, range.count, &dirty);
	if (ret)
		return fail(OWN_REGIONS, "worker %d: command 0x%x: bits %u+%u: %d", me, cmd, first,
			    nbits, ret);
	for (i = 0; i < nbits; i++)
		expected += w->regions[region][in + i];
	if (dirty >> GRANULARITY != expected)
		fail(OWN_REGIONS, "worker %d: bits %u+%u: %llu are dirty, not %u", me, first, nbits,
		     (unsigned long long)dirty >> GRANULARITY, expected);
	w->bitmap_ops += 2;
}

static void set_only(struct worker *w, int me)
{
	__u32 first = random_below(&w->random, SET_BITS);
	__u32 nbits = 1 + random_below(&w->random, SET_BITS - first) % 40;
	int ret = change_one(QDS_BITMAP_SET, SET_FIRST + first, nbits);

	if (ret)
		return fail(SET_ONLY, "worker %d: set returns %d", me, ret);
	memset(w->set + first, 1, nbits);
	if (w->logged < LOG_NR) {
		w->log[w->logged] = first;
		__atomic_store_n(&w->logged, w->logged + 1, __ATOMIC_RELEASE);
	}
	w->bitmap_ops++;
}

/* Both workers, any range, nothing to predict but that it harms nobody. */
static void chaos(struct worker *w, int me)
{
	unsigned int cmd = random_below(&w->random, 2) ? QDS_BITMAP_SET : QDS_BITMAP_RESET;
	__u32 first = random_below(&w->random, CHAOS_BITS);
	__u32 nbits = 1 + random_below(&w->random, CHAOS_BITS - first);
	__u64 dirty = 0;
	int ret;

	if (random_below(&w->random, 2))
		nbits = 1 + nbits % 100;
	if (first + nbits > CHAOS_BITS)
		nbits = CHAOS_BITS - first;
	ret = change_one(cmd, CHAOS_FIRST + first, nbits);
	if (!ret)
		ret = bitmap_count(bitmap, (__u64)(CHAOS_FIRST + first) << GRANULARITY,
				   (__u64)nbits << GRANULARITY, &dirty);
	if (ret || dirty > (__u64)nbits << GRANULARITY)
		fail(TOTALS, "worker %d: command 0x%x: %d; %llu items of %u bits are dirty", me,
		     cmd, ret, (unsigned long long)dirty, nbits);
	w->bitmap_ops += 2;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int work(int me, __u64 seed)
{
	static void (* const actions[])(struct worker *w, int me) = {
		own_keys, own_keys, own_keys, shared_keys, shared_keys, grow_keys,
		own_stripes, own_stripes, own_regions, own_regions, set_only, chaos,
	};
	struct worker *w = &shared->workers[me];

	w->random = seed * WORKERS + me;
	pin(me);
	w->cpu = sched_getcpu();
	while (!stopped())
		actions[random_below(&w->random, ARRAY_SIZE(actions))](w, me);
	return 0;
}

static void read_fixed_keys(__u64 *random)
{
	struct batch b = { .nr = VECTOR };
	__u32 i;
	int ret;

	for (i = 0; i < b.nr; i++)
		b.keys[i] = key_of(i % 8 ? FIXED : ABSENT, 0, random_below(random, FIXED_NR));
	ret = run(&b, QDS_TABLE_LOOKUP);
	if (ret)
		return fail(FIXED_KEYS, "reader: lookup returns %d", ret);
	for (i = 0; i < b.nr; i++) {
		if (b.results[i] != (i % 8 ? 0 : -ENOENT))
			return fail(FIXED_KEYS, "reader: key %u: result %d",
				    (__u32)b.keys[i], b.results[i]);
		if (i % 8 && !value_is(&b.values[i], b.keys[i], i % 8 ? (__u32)b.keys[i] : 0))
			return fail(FIXED_KEYS, "reader: key %u has another value",
				    (__u32)b.keys[i]);
	}
	shared->reader_ops += b.nr;
}

static void read_grown_keys(__u64 *random, int worker)
{
	__u32 i, grown = __atomic_load_n(&shared->workers[worker].grown, __ATOMIC_ACQUIRE);
	struct batch b = { .nr = VECTOR };
	int ret;

	if (!grown)
		return;
	/* Half of them the newest. */
	for (i = 0; i < b.nr; i++)
		b.keys[i] = key_of(GROWN, worker, i % 2 && i < grown ? grown - i :
				   random_below(random, grown));
	ret = run(&b, QDS_TABLE_LOOKUP);
	for (i = 0; i < b.nr && !ret; i++) {
		ret = b.results[i];
		if (!ret && !value_is_whole(&b.values[i], b.keys[i]))
			ret = -EIO;
	}
	if (ret)
		fail(GROWN_KEYS, "reader: one of %u keys of worker %d: %d", grown, worker, ret);
	shared->reader_ops += b.nr;
}

static bool stripe_is_dirty(__u32 stripe)
{
	return stripe % 2;
}

static void read_fixed_stripes(__u64 *random)
{
	struct qds_range ranges[VECTOR];
	__u32 i, stripe[VECTOR];
	__s32 results[VECTOR];
	int ret;

	for (i = 0; i < VECTOR; i++) {
		stripe[i] = random_below(random, STRIPES_BITS / (3 * STRIPE));
		ranges[i] = range_of((3 * stripe[i] + 2) * STRIPE, STRIPE);
	}
	ret = run_ranges(QDS_BITMAP_TEST, ranges, VECTOR, results);
	if (ret)
		return fail(FIXED_BITS, "reader: test returns %d", ret);
	for (i = 0; i < VECTOR; i++)
		if (results[i] != (stripe_is_dirty(stripe[i]) ? QDS_TEST_DIRTY : QDS_TEST_CLEAN))
			fail(FIXED_BITS, "reader: stripe %u: result %d", stripe[i], results[i]);
	shared->reader_ops += VECTOR;
}

static void read_fixed_zones(void)
{
	struct qds_range ranges[] = {
		range_of(STRIPES_BITS, REGIONS_FIRST - STRIPES_BITS),
		range_of(DIRTY_FIRST, DIRTY_BITS),
		range_of(CLEAN_FIRST, CLEAN_BITS),
	};
	const __s32 expected[] = { QDS_TEST_CLEAN, QDS_TEST_DIRTY, QDS_TEST_CLEAN };
	__s32 results[ARRAY_SIZE(ranges)];
	__u64 dirty = 0;
	int ret;

	ret = run_ranges(QDS_BITMAP_TEST, ranges, ARRAY_SIZE(ranges), results);
	if (ret || memcmp(results, expected, sizeof(results)))
		return fail(FIXED_BITS, "reader: test returns %d; results %d, %d, %d", ret,
			    results[0], results[1], results[2]);
	ret = bitmap_count(bitmap, ranges[1].start, ranges[1].count, &dirty);
	if (ret || dirty != ranges[1].count)
		fail(FIXED_BITS, "reader: count returns %d, %llu dirty of %llu", ret,
		     (unsigned long long)dirty, (unsigned long long)ranges[1].count);
	shared->reader_ops += ARRAY_SIZE(ranges) + 1;
}

static void read_set_only(__u64 *random, int worker)
{
	struct worker *w = &shared->workers[worker];
	__u32 i, logged = __atomic_load_n(&w->logged, __ATOMIC_ACQUIRE);
	struct qds_range ranges[VECTOR];
	__s32 results[VECTOR];
	int ret;

	if (!logged)
		return;
	for (i = 0; i < VECTOR; i++)
		ranges[i] = range_of(SET_FIRST + w->log[i % 2 && i < logged ? logged - i :
							random_below(random, logged)], 1);
	ret = run_ranges(QDS_BITMAP_TEST, ranges, VECTOR, results);
	for (i = 0; i < VECTOR && !ret; i++)
		if (results[i] != QDS_TEST_DIRTY)
			ret = -EIO;
	if (ret)
		fail(SET_ONLY, "reader: one of %u bits that worker %d has set: %d", logged, worker,
		     ret);
	shared->reader_ops += VECTOR;
}

/* Extents of it all, at any moment: in order, apart, inside; fixed zones as they are. */
static void read_extents(__u64 *random)
{
	struct qds_extent extents[VECTOR];
	__u64 start = random_below(random, ITEMS), at = start;
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = QDS_EXTENT_DIRTY,
		.start = start,
		.count = ITEMS - start,
		.extents = PTR(extents),
		.nr = VECTOR,
	};
	const struct qds_range clean = range_of(CLEAN_FIRST, CLEAN_BITS);
	int ret = call(bitmap, QDS_BITMAP_EXTENTS, &arg);
	__u32 i;

	if (ret || arg.nr > VECTOR || arg.next < start || arg.next > ITEMS)
		return fail(FIXED_BITS, "reader: extents returns %d", ret);
	for (i = 0; i < arg.nr; i++) {
		const struct qds_extent *e = &extents[i];

		if (e->start < at || !e->count || e->start + e->count > arg.next)
			return fail(FIXED_BITS, "reader: extent %u is out of order", i);
		if (e->start < clean.start + clean.count && clean.start < e->start + e->count)
			return fail(FIXED_BITS, "reader: an extent in what is always clean");
		at = e->start + e->count;
	}
	shared->reader_ops += arg.nr;
}

static int read_all(__u64 seed)
{
	__u64 random = ~seed;
	int i;

	while (!stopped()) {
		read_fixed_keys(&random);
		read_fixed_stripes(&random);
		read_fixed_zones();
		read_extents(&random);
		for (i = 0; i < WORKERS; i++) {
			read_grown_keys(&random, i);
			read_set_only(&random, i);
		}
	}
	return 0;
}

/* What is there before the workers begin, and stays. */
static int make_fixed(void)
{
	struct batch b = { .nr = 1 };
	__u32 i;
	int ret = 0;

	for (i = 0; i < FIXED_NR && !ret; i++) {
		b.keys[0] = key_of(FIXED, 0, i);
		b.values[0] = value_of(b.keys[0], i);
		ret = run(&b, QDS_TABLE_INSERT);
	}
	for (i = 0; i < STRIPES_BITS / (3 * STRIPE) && !ret; i++)
		if (stripe_is_dirty(i))
			ret = change_one(QDS_BITMAP_SET, (3 * i + 2) * STRIPE, STRIPE);
	return ret ? ret : change_one(QDS_BITMAP_SET, DIRTY_FIRST, DIRTY_BITS);
}

/* Looks one key up: 1 when it is there and its value fits, 0 when it is not there. */
static int find(__u64 key, __u64 *seed)
{
	struct batch b = { .nr = 1, .keys = { key } };
	int ret = run(&b, QDS_TABLE_LOOKUP);

	if (ret || (b.results[0] && b.results[0] != -ENOENT))
		return ret ? ret : b.results[0];
	if (b.results[0])
		return 0;
	*seed = b.values[0].seed;
	return value_is_whole(&b.values[0], key) ? 1 : -EIO;
}

static __u64 check_own_keys(int worker)
{
	struct worker *w = &shared->workers[worker];
	__u64 seed, entries = 0;
	__u32 i;

	for (i = 0; i < OWN_NR; i++) {
		int found = find(key_of(OWN, worker, i), &seed);

		if (found != !!w->own[i] || (found && seed != w->own[i]))
			fail(OWN_KEYS, "at the end: worker %d, key %u: found %d, not %d", worker,
			     i, found, !!w->own[i]);
		entries += !!w->own[i];
	}
	return entries;
}

static __u64 check_shared_keys(void)
{
	const struct worker *w = shared->workers;
	__u64 seed, entries = 0;
	__s64 left;
	__u32 i;

	for (i = 0; i < SHARED_NR; i++) {
		left = (__s64)w[0].inserted[i] + w[1].inserted[i];
		left -= (__s64)w[0].removed[i] + w[1].removed[i];
		if (left != find(key_of(SHARED, 0, i), &seed))
			fail(SHARED_KEYS, "at the end: key %u: inserts less removes are %lld", i,
			     (long long)left);
		entries += left;
	}
	return entries;
}

static void check_table(void)
{
	__u64 seed, entries = FIXED_NR;
	struct qds_table_info info;
	int worker;
	__u32 i;

	for (worker = 0; worker < WORKERS; worker++) {
		entries += check_own_keys(worker) + shared->workers[worker].grown;
		for (i = 0; i < shared->workers[worker].grown; i++)
			if (find(key_of(GROWN, worker, i), &seed) != 1)
				fail(GROWN_KEYS, "at the end: worker %d, key %u is lost",
				     worker, i);
	}
	entries += check_shared_keys();
	for (i = 0; i < FIXED_NR; i++)
		if (find(key_of(FIXED, 0, i), &seed) != 1)
			fail(FIXED_KEYS, "at the end: key %u is lost", i);
	if (table_info(table, &info) || info.entries != entries)
		fail(TOTALS, "at the end: %llu entries, not %llu",
		     (unsigned long long)info.entries, (unsigned long long)entries);
}

/* Which bits are to be dirty at the end, when CHAOS has been reset. */
static void predict(__u8 *bits)
{
	const struct worker *w = shared->workers;
	__u32 i, region;

	memset(bits, 0, NBITS);
	for (i = 0; i < STRIPES_BITS / (3 * STRIPE); i++)
		memset(bits + (3 * i + 2) * STRIPE, stripe_is_dirty(i), STRIPE);
	for (i = 0; i < STRIPES_BITS; i++)
		bits[i] |= w[0].stripes[i] | w[1].stripes[i];
	for (region = 0; region < REGIONS_NR; region++)
		for (i = 0; i < WORKERS; i++)
			memcpy(bits + REGIONS_FIRST + (region * WORKERS + i) * REGION,
			       w[i].regions[region], REGION);
	memset(bits + DIRTY_FIRST, 1, DIRTY_BITS);
	for (i = 0; i < SET_BITS; i++)
		bits[SET_FIRST + i] = w[0].set[i] | w[1].set[i];
}

/* Which check a wrong bit belongs to. */
static enum check zone_of(__u32 bit)
{
	if (bit < STRIPES_BITS)
		return bit / STRIPE % 3 == 2 ? FIXED_BITS : OWN_STRIPES;
	if (bit >= REGIONS_FIRST && bit < DIRTY_FIRST)
		return OWN_REGIONS;
	if (bit >= SET_FIRST)
		return SET_ONLY;
	if (bit >= CHAOS_FIRST && bit < CLEAN_FIRST)
		return TOTALS;
	return FIXED_BITS;
}

/* The number of dirty items by extents, or a negative errno. */
static __s64 sum_extents(void)
{
	struct qds_extent extents[VECTOR];
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = QDS_EXTENT_DIRTY,
		.extents = PTR(extents),
	};
	__s64 sum = 0;
	__u32 i;
	int ret;

	for (arg.start = 0; arg.start != ITEMS; arg.start = arg.next) {
		arg.count = ITEMS - arg.start;
		arg.nr = VECTOR;
		ret = call(bitmap, QDS_BITMAP_EXTENTS, &arg);
		if (ret)
			return ret;
		for (i = 0; i < arg.nr; i++)
			sum += extents[i].count;
	}
	return sum;
}

static void check_totals(const __u8 *bits)
{
	struct qds_bitmap_info info;
	__u64 i, dirty_bits = 0, dirty, counted;

	for (i = 0; i < NBITS; i++)
		dirty_bits += bits[i];
	dirty = dirty_bits << GRANULARITY;
	if (bitmap_info(bitmap, &info) || info.dirty != dirty)
		fail(TOTALS, "at the end: %llu items are dirty by info, not %llu",
		     (unsigned long long)info.dirty, (unsigned long long)dirty);
	/* The last bit stands for one item less. */
	dirty -= bits[NBITS - 1];
	if (bitmap_count(bitmap, 0, ITEMS, &counted) || counted != dirty)
		fail(TOTALS, "at the end: %llu items are dirty by count, not %llu",
		     (unsigned long long)counted, (unsigned long long)dirty);
	if (sum_extents() != (__s64)dirty)
		fail(TOTALS, "at the end: %lld items are dirty by extents, not %llu",
		     (long long)sum_extents(), (unsigned long long)dirty);
}

static void check_bitmap(void)
{
	const size_t size = (NBITS + 63) / 64 * 8;
	__u8 *bits = malloc(NBITS), *data = calloc(1, size);
	struct qds_bitmap_chunk chunk = {
		.size = sizeof(chunk),
		.count = ITEMS,
		.data = PTR(data),
		.data_size = size,
	};
	__u32 i;
	int ret = change_one(QDS_BITMAP_RESET, CHAOS_FIRST, CHAOS_BITS);

	if (!ret)
		ret = call(bitmap, QDS_BITMAP_SERIALIZE, &chunk);
	if (ret)
		return fail(TOTALS, "at the end: the bitmap cannot be read: %d", ret);
	predict(bits);
	for (i = 0; i < NBITS; i++)
		if ((data[i / 8] >> i % 8 & 1) != bits[i])
			fail(zone_of(i), "at the end: bit %u is %s", i,
			     bits[i] ? "clean" : "dirty");
	check_totals(bits);
	free(bits);
	free(data);
}

static void run_workers(int seconds, __u64 seed)
{
	pid_t pids[WORKERS + 1];
	const double end = clock_now(CLOCK_MONOTONIC) + seconds;
	int i;

	fflush(stdout);
	for (i = 0; i <= WORKERS; i++) {
		pids[i] = fork_child();
		if (!pids[i])
			_exit(i < WORKERS ? work(i, seed) : read_all(seed));
	}
	while (!stopped() && clock_now(CLOCK_MONOTONIC) < end)
		usleep(20000);
	stop();
	for (i = 0; i <= WORKERS; i++)
		if (pids[i] < 0 || wait_for(pids[i]))
			fail(WORK, "process %d did not end as it should", i);
}

static void check_work(void)
{
	const struct worker *w = shared->workers;
	int i;

	for (i = 0; i < WORKERS; i++) {
		ksft_print_msg("worker %d on CPU %d: %llu table and %llu bitmap operations\n", i,
			       w[i].cpu, (unsigned long long)w[i].table_ops,
			       (unsigned long long)w[i].bitmap_ops);
		if (!w[i].table_ops || !w[i].bitmap_ops)
			fail(WORK, "worker %d did nothing", i);
	}
	ksft_print_msg("reader: %llu operations\n", (unsigned long long)shared->reader_ops);
	if (!shared->reader_ops)
		fail(WORK, "the reader did nothing");
	if (sysconf(_SC_NPROCESSORS_ONLN) < WORKERS)
		ksft_print_msg("there are not CPUs enough for each worker to have one\n");
	else if (w[0].cpu == w[1].cpu)
		fail(WORK, "both workers ran on CPU %d", w[0].cpu);
}

static void usage(void)
{
	printf("Usage: qds_model [--seconds N] [--seed N]\n"
	       "Two workers and a reader at one table and one bitmap, compared with a model.\n"
	       "  --seconds N   how long (default 10)\n"
	       "  --seed N      of the random operations (default 1)\n");
}

/* A whole number from 1 up, or 0. */
static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *end ? 0 : n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	unsigned long seconds = 10, seed = 1;
	int opt, dev, i;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h') {
			usage();
			return KSFT_PASS;
		}
		if (opt == 's')
			seconds = number(optarg);
		if (opt == 'r')
			seed = number(optarg);
		if (opt == '?' || !seconds || !seed) {
			fprintf(stderr, "qds_model: see qds_model --help\n");
			return KSFT_FAIL;
		}
	}

	ksft_print_header();
	dev = open(QDS_PATH, O_RDWR);
	if (dev < 0)
		ksft_exit_fail_msg("%s: %s\n", QDS_PATH, strerror(errno));
	table = table_create(dev, sizeof(__u64), sizeof(struct value), 0);
	bitmap = bitmap_create(dev, ITEMS, GRANULARITY);
	shared = shared_alloc(sizeof(*shared));
	if (table < 0 || bitmap < 0 || !shared || make_fixed())
		ksft_exit_fail_msg("cannot make what is to be worked on: table %d, bitmap %d\n",
				   table, bitmap);

	ksft_set_plan(CHECKS);
	ksft_print_msg("%lu seconds, seed %lu\n", seconds, seed);
	run_workers(seconds, seed);
	check_work();
	check_table();
	check_bitmap();
	for (i = 0; i < CHECKS; i++)
		ksft_test_result(!shared->failed[i], "%s\n", check_names[i]);
	ksft_finished();
}
