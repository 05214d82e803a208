// SPDX-License-Identifier: GPL-2.0
/* Bitmaps in qcow2 images: what is refused, what is kept, what a crash leaves. */
#include <errno.h>
#include <stdlib.h>

#include "bytes.h"
#include "check.h"
#include "extents.h"
#include "memory.h"
#include "seeds.h"
#include "tap.h"
#include "util.h"

static struct seed *seeds;

static const struct seed *seed_named(const char *name)
{
	const struct seed *seed;

	if (!seeds)
		seeds = seeds_read(SEEDS);
	for (seed = seeds; seed; seed = seed->next)
		if (!strcmp(seed->name, name))
			return seed;
	fprintf(stderr, "%s has no image %s\n", SEEDS, name);
	exit(2);
}

static int add_bits(void *opaque, const struct bits *bits)
{
	return extents_add_bits(opaque, bits);
}

/* Return: what qcow2_bitmap_load() or what comes before it returns. */
static int load(struct image *image, const char *name, struct extents *extents,
		struct fault *fault)
{
	const struct qcow2_bitmap *bitmap;
	struct qcow2 qcow2;
	int err;

	*extents = (struct extents){ 0 };
	*fault = (struct fault){ 0 };
	err = qcow2_open(&qcow2, image, fault);
	if (!err)
		err = qcow2_bitmap_find(&qcow2, name, &bitmap);
	if (!err) {
		extents_init(extents, qcow2.disk_size, bitmap->granularity);
		err = qcow2_bitmap_load(&qcow2, bitmap, add_bits, extents);
	}
	qcow2_close(&qcow2);
	return err;
}

static int store(struct image *image, const struct wanted *wanted,
		 struct fault *fault)
{
	const struct qcow2_new new = {
		.name = wanted->name,
		.granularity = wanted->granularity,
		.disabled = wanted->disabled,
		.fn = wanted_bits,
		.opaque = (void *)wanted,
	};
	struct qcow2 qcow2;
	int err;

	*fault = (struct fault){ 0 };
	err = qcow2_open(&qcow2, image, fault);
	if (!err)
		err = qcow2_bitmap_store(&qcow2, &new);
	qcow2_close(&qcow2);
	return err;
}

/* As make-seeds writes: 2048+3000, a discard of 20480+1024, 50000+5000. */
static void test_load(void)
{
	static const struct run coarse[] = { { 0, 2 }, { 5, 6 }, { 12, 14 } };
	static const struct run fine[] = { { 4, 10 }, { 40, 42 }, { 97, 108 } };
	const struct seed *seed = seed_named("two");
	struct extents extents;
	struct memory memory;
	struct fault fault;

	memory_init(&memory, seed->data, seed->size);
	CHECK(!load(&memory.image, "bm0", &extents, &fault), "%s", fault.text);
	CHECK(extents.items == 65536 && extents.granularity == 12);
	CHECK(extents.nr == ARRAY_SIZE(coarse) &&
	      !memcmp(extents.run, coarse, sizeof(coarse)));
	extents_free(&extents);
	CHECK(!load(&memory.image, "fine", &extents, &fault), "%s", fault.text);
	CHECK(extents.nr == ARRAY_SIZE(fine) &&
	      !memcmp(extents.run, fine, sizeof(fine)));
	extents_free(&extents);
	memory_free(&memory);
}

/* Where in the image "two" a field is. */
enum base { HEADER, EXTENSION, DIRECTORY, SECOND, TABLE, DATA, REFTABLE, REFBLOCK };

static uint64_t place(const struct seed *seed, enum base base)
{
	struct fault fault = { 0 };
	struct memory memory;
	struct qcow2 qcow2;
	uint64_t at = 0;

	memory_init(&memory, seed->data, seed->size);
	if (qcow2_open(&qcow2, &memory.image, &fault))
		abort();
	switch (base) {
	case HEADER:
		break;
	case EXTENSION:
		at = qcow2.extension - 8;
		break;
	case DIRECTORY:
		at = qcow2.directory_at;
		break;
	case SECOND:
		at = qcow2.directory_at + qcow2.bitmaps[1].entry;
		break;
	case TABLE:
		at = qcow2.bitmaps[0].table;
		break;
	case DATA:
		at = get_be64(seed->data + qcow2.bitmaps[0].table);
		break;
	case REFTABLE:
		at = qcow2.refcounts;
		break;
	case REFBLOCK:
		at = get_be64(seed->data + qcow2.refcounts);
		break;
	}
	qcow2_close(&qcow2);
	memory_free(&memory);
	return at;
}

/**
 * struct bytes - some of them, which may be zero
 * @text: they
 * @size: their number
 */
struct bytes {
	const char *text;
	size_t size;
};

#define BYTES(text) { text, sizeof(text) - 1 }

/* A field, what is put there, and what of that is said, when it is read, or for
 * lack of that when it is written.
 */
static const struct {
	enum base base;
	uint64_t at;
	struct bytes bytes;
	const char *reading;
	const char *writing;
} pokes[] = {
	{ HEADER, 0, BYTES("QFI\xfc"), "not a qcow2" },
	{ HEADER, 4, BYTES("\0\0\0\2"), "version 2" },
	{ HEADER, 4, BYTES("\0\0\0\4"), "version 4" },
	{ HEADER, 20, BYTES("\0\0\0\x08"), "cluster size" },
	{ HEADER, 20, BYTES("\0\0\0\x16"), "cluster size" },
	{ HEADER, 24, BYTES("\0\0\0\0\0\0\0\0"), "no bytes" },
	{ HEADER, 24, BYTES("\x80"), "size of the disk" },
	{ HEADER, 24, BYTES("\0\0\0\0\x10"), "not of the size of the disk" },
	{ HEADER, 8, BYTES("\0\0\0\0\0\0\0\x50"), "backing file's name" },
	{ HEADER, 8, BYTES("\0\0\0\0\0\0\1\xf0\0\0\0\x20"), "backing file's name" },
	{ HEADER, 8, BYTES("\0\0\0\0\0\0\2\1\0\0\0\0"), "backing file's name" },
	{ HEADER, 8, BYTES("\0\0\0\0\0\0\1\0\0\0\4\0"), "backing file's name" },
	{ HEADER, 32, BYTES("\0\0\0\3"), "encrypted" },
	{ HEADER, 36, BYTES("\x10"), "L1 table" },
	{ HEADER, 40, BYTES("\0\0\0\0\0\0\0\0"), "L1 table" },
	{ HEADER, 47, BYTES("\1"), "L1 table" },
	{ HEADER, 48, BYTES("\0\0\0\0\0\0\0\0"), "refcount table" },
	{ HEADER, 55, BYTES("\x80"), "refcount table" },
	{ HEADER, 48, BYTES("\x80"), "refcount table" },
	{ HEADER, 56, BYTES("\0\0\0\0"), "refcount table" },
	{ HEADER, 56, BYTES("\x10"), "refcount table" },
	{ HEADER, 60, BYTES("\0\0\0\1"), "snapshots" },
	{ HEADER, 60, BYTES("\0\0\0\1\0\0\0\0\0\0\2\1"), "snapshots" },
	{ HEADER, 79, BYTES("\1"), "not closed" },
	{ HEADER, 79, BYTES("\2"), "corrupt" },
	{ HEADER, 79, BYTES("\x08"), "compression" },
	{ HEADER, 79, BYTES("\x10"), "extended L2" },
	{ HEADER, 79, BYTES("\x20"), "unknown" },
	{ HEADER, 72, BYTES("\x80"), "unknown" },
	{ HEADER, 95, BYTES("\0"), "inconsistent" },
	{ HEADER, 95, BYTES("\5"), NULL, "autoclear" },
	{ HEADER, 88, BYTES("\x80"), NULL, "autoclear" },
	{ HEADER, 99, BYTES("\7"), "refcount order" },
	{ HEADER, 103, BYTES("\x60"), "length of the header" },
	{ HEADER, 103, BYTES("\x71"), "length of the header" },
	{ HEADER, 100, BYTES("\x01"), "length of the header" },
	{ HEADER, 104, BYTES("\1"), "compression" },
	{ EXTENSION, 0, BYTES("\0\0\0\0\0\0\0\0"), "extension is missing" },
	{ EXTENSION, 4, BYTES("\0\0\0\x10"), "length of the bitmaps extension" },
	{ EXTENSION, 4, BYTES("\0\0\0\x20"), "length of the bitmaps extension" },
	{ EXTENSION, 4, BYTES("\0\1"), "length of a header extension" },
	{ EXTENSION, 8, BYTES("\0\0\0\0"), "number of bitmaps" },
	{ EXTENSION, 8, BYTES("\0\1\0\0"), "number of bitmaps" },
	{ EXTENSION, 8, BYTES("\0\0\0\1"), "directory is too long" },
	{ EXTENSION, 8, BYTES("\0\0\0\3"), "length of the bitmap directory" },
	{ EXTENSION, 12, BYTES("\1"), "reserved" },
	{ EXTENSION, 16, BYTES("\0\0\0\0\0\0\0\0"), "length of the bitmap directory" },
	{ EXTENSION, 16, BYTES("\x01"), "length of the bitmap directory" },
	{ EXTENSION, 21, BYTES("\x10"), "place of the bitmap directory" },
	{ EXTENSION, 24, BYTES("\0\0\0\0\0\0\0\0"), "place of the bitmap directory" },
	{ EXTENSION, 24, BYTES("\x01"), "place of the bitmap directory" },
	{ EXTENSION, 31, BYTES("\x08"), "place of the bitmap directory" },
	{ DIRECTORY, 0, BYTES("\0\0\0\0\0\0\0\0"), "place of its table" },
	{ DIRECTORY, 7, BYTES("\1"), "place of its table" },
	{ DIRECTORY, 0, BYTES("\x01"), "place of its table" },
	{ DIRECTORY, 8, BYTES("\0\0\0\0"), "size of its table" },
	{ DIRECTORY, 8, BYTES("\x08\0\0\1"), "size of its table" },
	{ DIRECTORY, 8, BYTES("\0\x10\0\2"), "size of its table" },
	{ DIRECTORY, 8, BYTES("\0\0\0\2"), "not of the size of the disk" },
	{ DIRECTORY, 15, BYTES("\1"), "in use", "in use" },
	{ DIRECTORY, 15, BYTES("\x08"), "flags" },
	{ DIRECTORY, 12, BYTES("\x80"), "flags" },
	{ DIRECTORY, 16, BYTES("\0"), "type 0" },
	{ DIRECTORY, 16, BYTES("\2"), "type 2" },
	{ DIRECTORY, 17, BYTES("\x08"), "granularity" },
	{ DIRECTORY, 17, BYTES("\x20"), "granularity" },
	{ DIRECTORY, 17, BYTES("\x0b"), NULL, "granularity 11" },
	{ DIRECTORY, 18, BYTES("\0\0"), "name" },
	{ DIRECTORY, 18, BYTES("\4\1"), "directory is too short" },
	{ DIRECTORY, 18, BYTES("\0\2"), "padding" },
	{ DIRECTORY, 20, BYTES("\xff\xff\xff\xff"), "directory is too short" },
	{ DIRECTORY, 20, BYTES("\0\0\0\x08"), "name" },
	{ DIRECTORY, 25, BYTES("\0"), "name" },
	{ DIRECTORY, 27, BYTES("\1"), "padding" },
	{ SECOND, 18, BYTES("\0\3\0\0\0\0bm0\0"), "two bitmaps" },
	{ SECOND, 12, BYTES("\0\0\0\x08"), "flags" },
	{ SECOND, 12, BYTES("\0\0\0\1"), NULL, "in use" },
	{ TABLE, 0, BYTES("\1"), "reserved bits" },
	{ TABLE, 7, BYTES("\1"), "reserved bits" },
	{ TABLE, 7, BYTES("\2"), "reserved bits" },
	{ TABLE, 1, BYTES("\1"), "behind the end" },
	{ TABLE, 0, BYTES("\0\0\0\0\0\0\0\2"), "reserved bits" },
	{ TABLE, 0, BYTES("\0\0\0\0\0\0\0\0"), NULL, NULL },
	{ TABLE, 0, BYTES("\0\0\0\0\0\0\0\1"), NULL, NULL },
	{ TABLE, 0, BYTES("\0\0\0\0\0\0\2\0"), "behind the end",
	  "something else too" },
	{ DATA, 2, BYTES("\1"), "behind the end" },
	{ DATA, 511, BYTES("\x80"), "behind the end" },
	{ REFTABLE, 7, BYTES("\1"), NULL, "refcount table, entry 0" },
	{ REFTABLE, 0, BYTES("\1"), NULL, "refcount table, entry 0" },
	{ REFTABLE, 0, BYTES("\0\0\0\0\0\0\0\0"), NULL, "not counted" },
	{ REFBLOCK, 0, BYTES("\0\0"), NULL, "not counted" },
	{ REFBLOCK, 0, BYTES("\0\2"), NULL, "not counted" },
	{ REFBLOCK, 2, BYTES("\0\0"), NULL, "not counted" },
};

static void check_fault(size_t i, const char *how, int err,
			const struct fault *fault, const char *want)
{
	if (want)
		CHECK(err && strstr(fault->text, want), "case %zu, %s: '%s', not '%s'",
		      i, how, fault->text, want);
	else
		CHECK(!err, "case %zu, %s: '%s'", i, how, fault->text);
}

static void test_refuse(void)
{
	static const struct wanted wanted = { .name = "bm0", .granularity = 12 };
	const struct seed *seed = seed_named("two");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pokes); i++) {
		struct extents extents;
		struct memory memory;
		struct fault fault;
		uint64_t at = place(seed, pokes[i].base) + pokes[i].at;
		int err;

		memory_init(&memory, seed->data, seed->size);
		memcpy(memory.now + at, pokes[i].bytes.text, pokes[i].bytes.size);
		err = load(&memory.image, "bm0", &extents, &fault);
		extents_free(&extents);
		check_fault(i, "reading", err, &fault, pokes[i].reading);
		/* The data are not read to be replaced. */
		if (pokes[i].base != DATA) {
			memory.power = POWER_STAYS - 1;
			err = store(&memory.image, &wanted, &fault);
			check_fault(i, "writing", err, &fault, pokes[i].writing ?
				    pokes[i].writing : pokes[i].reading);
			CHECK(!err || memory.power == POWER_STAYS - 1,
			      "case %zu was written to", i);
		}
		memory_free(&memory);
	}
}

static void test_refuse_new(void)
{
	static const struct {
		struct wanted wanted;
		const char *fault;
	} cases[] = {
		{ { "", 12, 0, 0 }, "1 to 1023" },
		{ { "new", 8, 0, 0 }, "granularity 9 to 31" },
		{ { "new", 32, 0, 0 }, "granularity 9 to 31" },
		{ { "bm0", 9, 0, 0 }, "granularity 12" },
	};
	const struct seed *seed = seed_named("two");
	struct wanted longest = { .granularity = 12 };
	char name[1025];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases) + 2; i++) {
		const struct wanted *wanted = &longest;
		const char *want = "1 to 1023";
		struct memory memory;
		struct fault fault;
		int err;

		if (i < ARRAY_SIZE(cases)) {
			wanted = &cases[i].wanted;
			want = cases[i].fault;
		} else if (i == ARRAY_SIZE(cases)) {
			want = NULL;
		}
		/* The longest name that there can be, and a longer one. */
		memset(name, 'n', sizeof(name));
		name[want ? 1024 : 1023] = 0;
		longest.name = name;
		memory_init(&memory, seed->data, seed->size);
		err = store(&memory.image, wanted, &fault);
		check_fault(i, "storing", err, &fault, want);
		memory_free(&memory);
	}
}

/* The image "disabled", with eight bytes of extra data for its only bitmap. */
static void make_extra(struct memory *memory, bool allowed)
{
	const struct seed *seed = seed_named("disabled");
	const uint64_t at = place(seed, DIRECTORY);
	uint8_t *data = calloc(1, seed->size + 8);
	uint8_t *entry = data + at;

	/* The directory is at the end of the file. */
	memcpy(data, seed->data, seed->size);
	data[place(seed, EXTENSION) + 8 + 15] += 8;
	memmove(entry + 32, entry + 24, 8);
	memcpy(entry + 24, "whatever", 8);
	entry[23] = 8;
	entry[15] |= allowed ? QCOW2_BITMAP_EXTRA : 0;
	memory_init(memory, data, seed->size + 8);
	free(data);
}

static bool has_extra(struct memory *memory)
{
	struct fault fault = { 0 };
	struct qcow2 qcow2;
	bool has;

	has = !qcow2_open(&qcow2, &memory->image, &fault) && qcow2.nr == 2 &&
	      qcow2.bitmaps[0].extra_size == 8 &&
	      !memcmp(qcow2.directory + 24, "whatever", 8);
	qcow2_close(&qcow2);
	return has;
}

/* The last extension reaches behind the header's cluster. */
static void test_extension_at_end(void)
{
	const struct seed *seed = seed_named("two");
	const uint64_t at = place(seed, EXTENSION), last = 512 - 24;
	struct extents extents;
	struct memory memory;
	struct fault fault;
	int err;

	memory_init(&memory, seed->data, seed->size);
	put_be32(memory.now + at, 0x11111111);
	put_be32(memory.now + at + 4, last - at - 8);
	put_be32(memory.now + last, 0x23852875);
	put_be32(memory.now + last + 4, 24);
	err = load(&memory.image, "bm0", &extents, &fault);
	check_fault(0, "reading", err, &fault, "length of a header extension");
	extents_free(&extents);
	memory_free(&memory);
}

/* It may be ignored when its flag says so, but not be written. */
static void test_extra_data(void)
{
	static const struct wanted wanted = { .name = "bm0", .granularity = 9 };
	static const struct wanted other = { .name = "new", .granularity = 12 };
	unsigned int allowed;

	for (allowed = 0; allowed < 2; allowed++) {
		struct extents extents;
		struct memory memory;
		struct fault fault;
		int err;

		make_extra(&memory, allowed);
		err = load(&memory.image, "bm0", &extents, &fault);
		extents_free(&extents);
		check_fault(allowed, "reading", err, &fault,
			    allowed ? NULL : "extra data");
		err = store(&memory.image, &wanted, &fault);
		check_fault(allowed, "writing", err, &fault, "extra data");
		/* And it is kept where another bitmap is added. */
		err = store(&memory.image, &other, &fault);
		check_fault(allowed, "adding", err, &fault, NULL);
		CHECK(has_extra(&memory));
		memory_free(&memory);
	}
}

/* Gives a part with bits, then no more. */
static int fail_second(void *opaque, const struct bits *bits)
{
	unsigned int *calls = opaque;

	if ((*calls)++)
		return -EBUSY;
	memset(bits->data, 0x55, bits->size);
	return 0;
}

/* What was appended to the image is cut off, and nothing else was written. */
static void test_source_fails(void)
{
	const struct seed *seed = seed_named("none");
	unsigned int calls = 0;
	const struct qcow2_new new = {
		.name = "new",
		.granularity = 9,
		.fn = fail_second,
		.opaque = &calls,
	};
	struct fault fault = { 0 };
	struct memory memory;
	struct qcow2 qcow2;
	uint64_t size;

	memory_init(&memory, seed->data, seed->size);
	/* For bits in two clusters. */
	put_be64(memory.now + 24, 8192 * 512);
	CHECK(!qcow2_open(&qcow2, &memory.image, &fault), "%s", fault.text);
	CHECK(qcow2_bitmap_store(&qcow2, &new) == -EBUSY && !*fault.text);
	size = memory.image.size;
	CHECK(calls == 2 && size == seed->size);
	put_be64(memory.now + 24, 65536);
	CHECK(!memcmp(memory.now, seed->data, size));
	qcow2_close(&qcow2);
	memory_free(&memory);
}

static void test_in_use(void)
{
	static const struct wanted wanted = { .name = "new", .granularity = 12 };
	const struct seed *seed = seed_named("in-use");
	struct extents extents;
	struct memory memory;
	struct fault fault;

	memory_init(&memory, seed->data, seed->size);
	CHECK(load(&memory.image, "bm0", &extents, &fault) == -EUCLEAN);
	CHECK(store(&memory.image, &wanted, &fault) == -EBUSY);
	memory_free(&memory);
}

/*
 * Where all bits are set there is no cluster, unless the disk ends within it: what
 * reads it could take the bits behind the end for set.
 */
static void test_all_dirty(void)
{
	static const struct wanted whole = { .name = "bm0", .granularity = 9,
					     .seed = 4 };
	const struct seed *seed = seed_named("narrow");
	unsigned int full;

	for (full = 0; full < 2; full++) {
		const struct qcow2_bitmap *bitmap;
		struct fault fault = { 0 };
		uint64_t *table = NULL;
		struct memory memory;
		struct qcow2 qcow2;

		memory_init(&memory, seed->data, seed->size);
		/* 4096 bits are a cluster. */
		put_be64(memory.now + 24, 4096 * 512 - (full ? 0 : 512));
		CHECK(!store(&memory.image, &whole, &fault), "%s", fault.text);
		CHECK(!qcow2_open(&qcow2, &memory.image, &fault));
		bitmap = qcow2_bitmap_named(&qcow2, "bm0");
		if (!bitmap || qcow2_table_read(&qcow2, bitmap, &table))
			abort();
		CHECK(full ? table[0] == 1 : table[0] > 1, "%#llx",
		      (unsigned long long)table[0]);
		free(table);
		qcow2_close(&qcow2);
		memory_free(&memory);
	}
}

/* Several clusters of bits, of which neighbours are all clean or all dirty. */
static void test_many_clusters(void)
{
	static const struct wanted wanted = { .name = "new", .granularity = 9 };
	const struct seed *seed = seed_named("none");
	uint8_t *data = malloc(seed->size);
	unsigned int clusters;

	memcpy(data, seed->data, seed->size);
	for (clusters = 1; clusters < 20; clusters++) {
		put_be64(data + 24, clusters * 4096ULL * 512 - 1000);
		CHECK(!check_image(data, seed->size, &wanted));
	}
	free(data);
}

/* All that check_image() asserts, of good images and of bad ones. */
static void test_seeds(void)
{
	static const struct wanted wanted[] = {
		{ "bm0", 9, 0, 0 }, { "bm0", 12, 1, 1 }, { "new", 9, 1, 2 },
		{ "new", 16, 0, 3 },
	};
	const struct seed *seed = seed_named("two");
	unsigned int stored = 0;
	size_t i;

	for (seed = seeds; seed; seed = seed->next)
		for (i = 0; i < ARRAY_SIZE(wanted); i++)
			stored += !check_image(seed->data, seed->size, &wanted[i]);
	/* None in the one in use; bm0 has one granularity. */
	CHECK(stored == 4 * 3 + 2 * 4, "%u", stored);
}

static void test_damage(void)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	static const struct wanted wanted = { .name = "bm0", .granularity = 9 };
	const struct seed *seed = seed_named("two");
	unsigned int refused = 0;
	size_t i, j;

	for (seed = seeds; seed; seed = seed->next) {
		for (i = 0; i < seed->size; i++) {
			/* Of the disk's own bytes there is nothing to say. */
			if (i >= 160 && !seed->data[i] && i % 8)
				continue;
			for (j = 0; j < ARRAY_SIZE(values); j++) {
				uint8_t was = seed->data[i];

				seed->data[i] = values[j];
				refused += !!check_image(seed->data, seed->size,
							 &wanted);
				seed->data[i] = was;
			}
		}
	}
	CHECK(refused > 1000, "%u", refused);
}

static void test_cut_off(void)
{
	static const struct wanted wanted = { .name = "bm0", .granularity = 12 };
	const struct seed *seed = seed_named("two");
	size_t size;

	for (size = 0; size < seed->size; size++) {
		struct extents extents;
		struct memory memory;
		struct fault fault;

		check_image(seed->data, size, &wanted);
		memory_init(&memory, seed->data, size);
		if (!load(&memory.image, "bm0", &extents, &fault))
			CHECK(extents.nr == 3 && size > 4096, "of %zu bytes", size);
		extents_free(&extents);
		memory_free(&memory);
	}
}

static bool same_runs(const struct extents *a, const struct extents *b)
{
	return a->nr == b->nr &&
	       (!a->nr || !memcmp(a->run, b->run, a->nr * sizeof(*a->run)));
}

/* Has the image the same backing file as it had? */
static bool same_backing(struct memory *memory, const struct seed *seed)
{
	uint64_t was = get_be64(seed->data + 8);
	uint64_t is = get_be64(memory->now + 8);
	uint32_t size = get_be32(seed->data + 16);

	if (!was || !is)
		return was == is;
	return get_be32(memory->now + 16) == size && is < 1024 - size &&
	       !memcmp(memory->now + is, seed->data + was, size);
}

/*
 * What is there after a crash: the old bitmap, the new one, or neither is said,
 * which is counted.
 */
static bool survived(struct memory *memory, const struct seed *seed,
		     const struct wanted *wanted, const struct extents *new,
		     unsigned int *inconsistent)
{
	struct extents old, now, other;
	struct memory before;
	struct fault fault;
	bool is = false;
	int err, was;

	memory_init(&before, seed->data, seed->size);
	was = load(&before.image, wanted->name, &old, &fault);
	err = load(&memory->image, wanted->name, &now, &fault);
	if (err == -EUCLEAN)
		is = strstr(fault.text, "drop them") && ++*inconsistent;
	else if (err)
		is = err == -ENOENT && was == -ENOENT;
	else
		is = same_runs(&now, new) || (!was && same_runs(&now, &old));
	/* It can be gone on with: all metadata is counted and distinct. */
	if (is && err != -EUCLEAN) {
		is = !store(&memory->image, wanted, &fault) &&
		     !load(&memory->image, wanted->name, &other, &fault);
		if (is)
			extents_free(&other);
	}
	is = is && same_backing(memory, seed);
	if (!is)
		printf("# %s\n", fault.text);
	extents_free(&old);
	extents_free(&now);
	memory_free(&before);
	return is;
}

/* Stores it, with power for so many writes. Return: the error. */
static int store_until(const struct seed *seed, const struct wanted *wanted,
		       uint32_t power, struct memory *memory)
{
	struct fault fault;
	int err;

	memory_init(memory, seed->data, seed->size);
	memory->power = power;
	err = store(&memory->image, wanted, &fault);
	CHECK(memory->off == !!err, "%s", fault.text);
	return err;
}

static void crash(const struct seed *seed, const struct wanted *wanted,
		  bool last_only)
{
	struct extents new;
	struct memory memory;
	struct fault fault;
	unsigned int inconsistent = 0;
	uint32_t power;
	int err;

	err = store_until(seed, wanted, POWER_STAYS, &memory);
	CHECK(!err && !load(&memory.image, wanted->name, &new, &fault));
	memory_free(&memory);
	for (power = 0; err || !power; power++) {
		err = store_until(seed, wanted, power, &memory);
		memory_recover(&memory, last_only);
		CHECK(survived(&memory, seed, wanted, &new, &inconsistent),
		      "%s, %s, after %u writes, last %d", seed->name,
		      wanted->name, power, last_only);
		memory_free(&memory);
	}
	CHECK(power > 7, "only %u writes", power);
	/* Where there are bitmaps, they are so while the header changes. */
	CHECK(inconsistent >= 1, "%s is never inconsistent", seed->name);
	extents_free(&new);
}

/*
 * "wide", with all clusters in use that so many blocks of 64 counts each are for;
 * its refcount table has room for 64.
 */
static struct seed *full_seed(unsigned int blocks)
{
	const struct seed *wide = seed_named("wide");
	struct seed *seed = calloc(1, sizeof(*seed));
	const uint64_t table = get_be64(wide->data + 48);
	uint64_t next = wide->size / 512 + 1;
	unsigned int i, j;

	strcpy(seed->name, "full");
	seed->size = blocks * 64 * 512;
	seed->data = calloc(1, seed->size);
	memcpy(seed->data, wide->data, wide->size);
	for (i = 0; i < blocks; i++) {
		uint64_t block = get_be64(seed->data + table + 8 * i);

		if (!block)
			block = next++ * 512;
		put_be64(seed->data + table + 8 * i, block);
		for (j = 0; j < 64; j++)
			put_be64(seed->data + block + 8 * j, 1);
	}
	return seed;
}

static void test_full(void)
{
	static const struct wanted replaced = { "bm0", 9, 0, 1 };
	static const struct wanted added = { "new", 9, 0, 0 };
	unsigned int blocks;

	for (blocks = 63; blocks <= 64; blocks++) {
		struct seed *seed = full_seed(blocks);

		CHECK(!check_image(seed->data, seed->size, &replaced));
		CHECK(!check_image(seed->data, seed->size, &added));
		crash(seed, &replaced, false);
		crash(seed, &replaced, true);
		crash(seed, &added, true);
		seeds_free(seed);
	}
}

static void test_crash(void)
{
	static const struct wanted replaced = { "bm0", 9, 0, 1 };
	static const struct wanted added = { "new", 9, 0, 0 };
	unsigned int last;

	for (last = 0; last < 2; last++) {
		crash(seed_named("narrow"), &replaced, last);
		crash(seed_named("wide"), &replaced, last);
		crash(seed_named("two"), &added, last);
		crash(seed_named("none"), &added, last);
		crash(seed_named("backing"), &added, last);
	}
	seeds_free(seeds);
	seeds = NULL;
}

const struct test qcow2_tests[] = {
	{ "bitmaps that QEMU has written", test_load },
	{ "every field is checked, before anything is written", test_refuse },
	{ "names and granularities that cannot be stored", test_refuse_new },
	{ "an extension at the end of the header", test_extension_at_end },
	{ "extra data", test_extra_data },
	{ "what is to be stored cannot be read", test_source_fails },
	{ "a bitmap in use", test_in_use },
	{ "all is dirty, up to the end of the disk", test_all_dirty },
	{ "bits in several clusters", test_many_clusters },
	{ "what is stored is read back, all else is kept", test_seeds },
	{ "images that are damaged in one byte", test_damage },
	{ "images that are cut off", test_cut_off },
	{ "refcounts get a block, or a larger table, and the power fails", test_full },
	{ "the power fails while a bitmap is stored", test_crash },
	{ 0 }
};
