// SPDX-License-Identifier: GPL-2.0
/* Extents of servers: read strictly, rounded outward, restored part by part. */
#include <errno.h>
#include <stdlib.h>

#include "extents.h"
#include "tap.h"
#include "util.h"

/* Lines, and what is said of the last; NULL if nothing is wrong. */
static const struct {
	const char *lines[5];
	const char *fault;
} texts[] = {
	{ { "# size 4096", "0+1 dirty", "1+4095 dirty", "# end" }, NULL },
	{ { "# size 4096", "# end" }, NULL },
	{ { "0+1 dirty" }, "no size" },
	{ { "# size 0" }, "no size" },
	{ { "# size" }, "no size" },
	{ { "# size 4096 " }, "no size" },
	{ { "# size -1" }, "no size" },
	{ { "# size 4096", "# end", "0+1 dirty" }, "behind the end" },
	{ { "# size 4096", "# end", "# end" }, "behind the end" },
	{ { "# size 4096", "0+1" }, "no extent" },
	{ { "# size 4096", "0+1 clean" }, "no extent" },
	{ { "# size 4096", "0+1 dirty " }, "no extent" },
	{ { "# size 4096", "0-1 dirty" }, "no extent" },
	{ { "# size 4096", "5 dirty" }, "no extent" },
	{ { "# size 4096", "+5 dirty" }, "no extent" },
	{ { "# size 4096", " dirty" }, "no extent" },
	{ { "# size 4096", "" }, "no extent" },
	{ { "# size 4096", "0+99999999999999999999 dirty" }, "no extent" },
	{ { "# size 4096", "0+0 dirty" }, "out of order" },
	{ { "# size 4096", "8+8 dirty", "0+4 dirty" }, "out of order" },
	{ { "# size 4096", "8+8 dirty", "15+4 dirty" }, "out of order" },
	{ { "# size 4096", "4096+1 dirty" }, "past the end" },
	{ { "# size 4096", "4095+2 dirty" }, "past the end" },
	{ { "# size 4096", "1+18446744073709551615 dirty" }, "past the end" },
};

static void test_read(void)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct extents extents = { 0 };
		struct extents_reader reader = { .extents = &extents };
		struct fault fault = { 0 };
		int err = 0;

		for (j = 0; texts[i].lines[j]; j++) {
			CHECK(!err, "case %zu, line %zu: %s", i, j, fault.text);
			err = extents_read_line(&reader, texts[i].lines[j],
						&fault);
		}
		if (texts[i].fault)
			CHECK(err && strstr(fault.text, texts[i].fault),
			      "case %zu: '%s', not '%s'", i, fault.text,
			      texts[i].fault);
		else
			CHECK(!err && reader.ended, "case %zu: %s", i,
			      fault.text);
		extents_free(&extents);
	}
}

static void test_round(void)
{
	static const struct run runs[] = { { 0, 3 }, { 62, 63 } };
	struct extents extents;

	extents_init(&extents, 1000, 4);
	CHECK(!extents_add(&extents, 5, 1));
	CHECK(!extents_add(&extents, 15, 2));
	CHECK(!extents_add(&extents, 17, 30));
	CHECK(!extents_add(&extents, 999, 1));
	CHECK(extents.nr == ARRAY_SIZE(runs) &&
	      !memcmp(extents.run, runs, sizeof(runs)));
	extents_free(&extents);
}

/**
 * struct copy - a bitmap that is put together of its parts
 * @bytes: a byte for each bit
 * @next: the bit that comes next
 * @kinds: how many parts of each kind there were
 */
struct copy {
	uint8_t *bytes;
	uint64_t next;
	unsigned int kinds[3];
};

static int copy_part(void *opaque, const struct bits *bits)
{
	struct copy *copy = opaque;
	const uint8_t *data = bits->data;
	uint64_t i;

	CHECK(bits->first == copy->next && bits->nr);
	CHECK(bits->kind != BITS_DATA ||
	      bits->size == qcow2_bits_bytes(bits->nr));
	copy->kinds[bits->kind]++;
	for (i = 0; i < bits->nr; i++)
		copy->bytes[bits->first + i] =
			bits->kind == BITS_DATA ? data[i / 8] >> i % 8 & 1 :
			bits->kind == BITS_ONES;
	copy->next += bits->nr;
	return 0;
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static void walk_random(uint64_t items, unsigned int granularity, uint64_t seed,
			unsigned int gap, struct copy *copy)
{
	uint64_t total = ((items - 1) >> granularity) + 1;
	uint8_t *model = calloc(1, total);
	struct extents extents;
	uint64_t at, count, i;

	*copy = (struct copy){ .bytes = calloc(1, total) };
	extents_init(&extents, items, granularity);
	for (at = next_random(&seed) % gap; at < items;
	     at += count + next_random(&seed) % gap) {
		count = next_random(&seed) % gap + 1;
		if (count > items - at)
			count = items - at;
		CHECK(!extents_add(&extents, at, count));
		for (i = at >> granularity; i <= (at + count - 1) >> granularity; i++)
			model[i] = 1;
	}
	CHECK(!extents_walk(&extents, 512, copy_part, copy));
	CHECK(copy->next == total);
	CHECK(!memcmp(model, copy->bytes, total), "%llu items, seed %llu",
	      (unsigned long long)items, (unsigned long long)seed);
	extents_free(&extents);
	free(model);
	free(copy->bytes);
}

static void test_walk(void)
{
	unsigned int kinds[3] = { 0 };
	struct copy copy;
	unsigned int i, j;

	for (i = 0; i < 300; i++) {
		walk_random(1 + i * 331 % 70000, i % 5, i, 1U << i % 16, &copy);
		for (j = 0; j < ARRAY_SIZE(kinds); j++)
			kinds[j] += copy.kinds[j];
	}
	CHECK(kinds[BITS_DATA] && kinds[BITS_ZEROES] && kinds[BITS_ONES]);
}

/* Of what is all clean or all dirty there are no bytes. */
static void test_whole(void)
{
	struct extents extents;
	struct copy copy = { 0 };

	extents_init(&extents, 64, 0);
	copy.bytes = calloc(1, 64);
	CHECK(!extents_walk(&extents, 8, copy_part, &copy));
	CHECK(copy.kinds[BITS_ZEROES] == 1 && copy.next == 64);
	CHECK(!extents_add(&extents, 0, 64));
	copy.next = 0;
	CHECK(!extents_walk(&extents, 8, copy_part, &copy));
	CHECK(copy.kinds[BITS_ONES] == 1 && copy.next == 64);
	free(copy.bytes);
	extents_free(&extents);
}

static void test_add_bits(void)
{
	static const struct run runs[] = { { 1, 2 }, { 7, 9 }, { 63, 192 } };
	uint8_t data[8] = { 0x82, 0x01, 0, 0, 0, 0, 0, 0x80 };
	struct bits bits = { BITS_DATA, 0, 64, data, sizeof(data) };
	struct extents extents;

	extents_init(&extents, 256, 0);
	CHECK(!extents_add_bits(&extents, &bits));
	bits = (struct bits){ BITS_ONES, 64, 128, NULL, 0 };
	CHECK(!extents_add_bits(&extents, &bits));
	bits = (struct bits){ BITS_ZEROES, 192, 64, NULL, 0 };
	CHECK(!extents_add_bits(&extents, &bits));
	CHECK(extents.nr == ARRAY_SIZE(runs) &&
	      !memcmp(extents.run, runs, sizeof(runs)));
	extents_free(&extents);
}

const struct test extents_tests[] = {
	{ "extents are read strictly", test_read },
	{ "extents are rounded outward and joined", test_round },
	{ "extents and their parts are the same bits", test_walk },
	{ "all clean, all dirty", test_whole },
	{ "bits as extents", test_add_bits },
	{ 0 }
};
