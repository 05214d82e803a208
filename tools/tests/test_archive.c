// SPDX-License-Identifier: GPL-2.0
/*
 * Archives: those of a program that shares no code with this one are read and written
 * again as they were; and whatever is changed in one is noticed.
 */
#include <errno.h>
#include <stdlib.h>

#include "archive_copy.h"
#include "bytes.h"
#include "seeds.h"
#include "tap.h"
#include "util.h"

/* Reads an archive of these bytes. Return: what archive_copy() does. */
static int copy(const uint8_t *data, size_t size, struct archive_bytes *to,
		struct fault *fault)
{
	struct archive_bytes from = { .data = (uint8_t *)data, .size = size };

	*to = (struct archive_bytes){ 0 };
	*fault = (struct fault){ 0 };
	return archive_copy(&from, to, fault);
}

static int check(const uint8_t *data, size_t size, struct fault *fault)
{
	struct archive_bytes to;
	int err = copy(data, size, &to, fault);

	free(to.data);
	return err;
}

static void test_same_bytes(void)
{
	struct seed *seeds = seeds_read(ARCHIVES), *seed;
	struct archive_bytes to;
	struct fault fault;
	int err;

	for (seed = seeds; seed; seed = seed->next) {
		err = copy(seed->data, seed->size, &to, &fault);
		CHECK(!err, "%s: %s", seed->name, fault.text);
		CHECK(to.size == seed->size &&
		      !memcmp(to.data, seed->data, to.size), "%s", seed->name);
		free(to.data);
	}
	seeds_free(seeds);
}

static void test_cut_short(void)
{
	struct seed *seeds = seeds_read(ARCHIVES), *seed;
	struct fault fault;
	size_t size;

	for (seed = seeds; seed; seed = seed->next) {
		for (size = 0; size < seed->size; size++) {
			CHECK(check(seed->data, size, &fault) == -EBADMSG &&
			      strstr(fault.text, "cut short"), "%s: %zu bytes: %s",
			      seed->name, size, fault.text);
		}
	}
	seeds_free(seeds);
}

static void test_each_bit(void)
{
	struct seed *seeds = seeds_read(ARCHIVES), *seed;
	struct fault fault;
	size_t bit;

	for (seed = seeds; seed; seed = seed->next) {
		for (bit = 0; bit < 8 * seed->size; bit++) {
			seed->data[bit / 8] ^= 1U << bit % 8;
			CHECK(check(seed->data, seed->size, &fault) == -EBADMSG,
			      "%s: bit %zu", seed->name, bit);
			seed->data[bit / 8] ^= 1U << bit % 8;
		}
	}
	seeds_free(seeds);
}

static void test_longer(void)
{
	struct seed *seeds = seeds_read(ARCHIVES);
	uint8_t *data = calloc(1, seeds->size + 1);
	struct fault fault;

	memcpy(data, seeds->data, seeds->size);
	CHECK(check(data, seeds->size + 1, &fault) == -EBADMSG &&
	      strstr(fault.text, "behind its end"), "%s", fault.text);
	free(data);
	seeds_free(seeds);
}

/* A number put into an archive whose checksums are then mended, and what is said. */
static const struct {
	const char *name;
	size_t at;
	unsigned int width;
	uint64_t value;
	const char *fault;
	size_t also_at;		/* another, of 4 bytes, so that the sums are right */
	uint32_t also;
} wrong[] = {
	{ "empty", 0, 1, 'P', "is no archive" },
	{ "empty", 8, 4, 2, "version 2" },
	{ "empty", 16, 4, 0, "kind is not known" },
	{ "empty", 16, 4, 8, "kind is not known" },
	{ "empty", 16, 4, 2, "no possible size" },
	{ "empty", 16, 4, 6, "out of order" },
	{ "empty", 20, 4, (1 << 20) + 1, "too large" },
	{ "empty", 20, 4, 8, "no possible size" },
	{ "empty", 32, 4, 1, "sums are wrong" },
	{ "empty", 36, 4, 1, "sums are wrong" },
	{ "empty", 40, 8, 17, "sums are wrong" },
	{ "table", 32, 4, 1, "number is not the next" },
	{ "table", 36, 4, 2, "must be 0" },
	{ "table", 40, 4, 0, "sizes are not possible" },
	{ "table", 40, 4, 65537, "sizes are not possible" },
	{ "table", 44, 4, 65537, "sizes are not possible" },
	{ "table", 64, 4, 2, "state is not possible" },
	{ "table", 68, 4, 1, "must be 0" },
	{ "table", 72, 4, 1, "out of order" },
	{ "table", 88, 4, 2, "must be 0" },
	{ "table", 92, 4, 1, "must be 0" },
	{ "table", 96, 4, 1, "must be 0" },
	{ "table", 100, 4, 1, "must be 0" },
	{ "table", 104, 1, '/', "can have this name" },
	{ "table", 104, 1, 0, "can have this name" },
	{ "table", 104, 1, '.', "can have this name" },
	{ "table", 121, 4, 0, "do not add up" },
	{ "table", 121, 4, 3, "lengths of its entries" },
	{ "table", 125, 4, 7, "do not add up" },
	{ "table", 129, 4, 5, "do not add up" },
	{ "table", 133, 4, 1, "must be 0" },
	{ "table", 149, 4, 3, "out of order" },
	{ "table", 149, 4, 5, "out of order" },
	{ "table", 203, 8, 2, "not all entries" },
	{ "table", 211, 4, 1, "no possible size" },
	{ "table", 227, 4, 2, "sums are wrong" },
	/* From here on lengths, then chunks, in records behind a table or bitmap. */
	{ "varlen", 137, 4, 0, "lengths of its entries" },
	{ "varlen", 137, 4, 0, "lengths of its entries", 145, 3 },
	{ "varlen", 141, 4, 11, "lengths of its entries", 145, 1 },
	{ "varlen", 141, 4, 11, "lengths of its entries" },
	{ "varlen", 145, 4, 3, "lengths of its entries" },
	{ "varlen", 149, 4, 21, "lengths of its entries" },
	{ "varlen", 153, 4, 8, "lengths of its entries" },
	{ "bitmap", 32, 4, 1, "number is not the next" },
	{ "bitmap", 36, 4, 1, "must be 0" },
	{ "bitmap", 40, 8, 0, "size is not possible" },
	{ "bitmap", 40, 8, 1ULL << 63, "size is not possible" },
	{ "bitmap", 48, 4, 58, "size is not possible" },
	{ "bitmap", 52, 4, 1, "state is not possible" },
	{ "bitmap", 52, 4, 2, "state is not possible" },
	{ "bitmap", 52, 4, 5, "state is not possible" },
	{ "bitmap", 113, 4, 1, "do not add up" },
	{ "bitmap", 117, 4, 1, "do not add up" },
	{ "bitmap", 121, 8, 256, "a chunk does not fit" },
	{ "bitmap", 129, 8, 0, "a chunk does not fit" },
	{ "bitmap", 129, 8, 255, "record 2: a chunk does not fit", 145, 255 },
	{ "bitmap", 129, 8, 1024, "a chunk does not fit" },
	{ "bitmap", 137, 4, 8, "a chunk does not fit" },
	{ "bitmap", 141, 4, 3, "a chunk does not fit" },
	{ "bitmap", 141, 4, 0, "a chunk does not fit" },
	{ "bitmap", 145, 8, 512, "a chunk does not fit" },
	{ "bitmap", 232, 1, 4, "set behind" },
	{ "bitmap", 232, 1, 0x80, "set behind" },
	{ "bitmap", 249, 8, 999, "not all of the bitmap" },
};

static void put(uint8_t *at, unsigned int width, uint64_t value)
{
	for (; width; width--, value >>= 8)
		*at++ = value;
}

static void test_wrong(void)
{
	struct seed *seeds = seeds_read(ARCHIVES), *seed;
	struct fault fault;
	uint8_t *data;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		for (seed = seeds; strcmp(seed->name, wrong[i].name);)
			seed = seed->next;
		data = malloc(seed->size);
		memcpy(data, seed->data, seed->size);
		put(data + wrong[i].at, wrong[i].width, wrong[i].value);
		if (wrong[i].also_at)
			put(data + wrong[i].also_at, 4, wrong[i].also);
		archive_mend(data, seed->size);
		CHECK(check(data, seed->size, &fault) == -EBADMSG &&
		      strstr(fault.text, wrong[i].fault),
		      "case %zu, %s at %zu: '%s', not '%s'", i, wrong[i].name,
		      wrong[i].at, fault.text, wrong[i].fault);
		free(data);
	}
	seeds_free(seeds);
}

/* A record that is gone, or is there twice, has a right checksum. */
static void test_missing(void)
{
	struct seed *seeds = seeds_read(ARCHIVES), *seed = seeds->next;
	uint8_t *data = malloc(seed->size * 2);
	const size_t first = 105, second = 149, behind = 187;
	struct fault fault;

	memcpy(data, seed->data, first);
	memcpy(data + first, seed->data + second, seed->size - second);
	CHECK(check(data, seed->size - (second - first), &fault) == -EBADMSG &&
	      strstr(fault.text, "before it is missing"), "%s", fault.text);
	memcpy(data, seed->data, behind);
	memcpy(data + behind, seed->data + second, seed->size - second);
	CHECK(check(data, seed->size + (behind - second), &fault) == -EBADMSG &&
	      strstr(fault.text, "before it is missing"), "%s", fault.text);
	free(data);
	seeds_free(seeds);
}

static int64_t read_nothing(void *opaque, void *data, size_t size)
{
	(void)opaque;
	(void)data;
	(void)size;
	return -EIO;
}

static void test_cannot_be_read(void)
{
	struct archive_reader reader = { .read = read_nothing };
	struct fault fault;

	CHECK(archive_reader_init(&reader, &fault) == -EIO &&
	      strstr(fault.text, "cannot be read"), "%s", fault.text);
	archive_reader_free(&reader);
}

const struct test archive_tests[] = {
	{ "archives of another program are read, and written alike", test_same_bytes },
	{ "an archive that is cut short anywhere is refused", test_cut_short },
	{ "an archive with any bit flipped is refused", test_each_bit },
	{ "an archive with more behind its end is refused", test_longer },
	{ "numbers that cannot be are refused, each for what it is", test_wrong },
	{ "records that are missing or there twice are noticed", test_missing },
	{ "an archive that cannot be read says why", test_cannot_be_read },
	{ 0 }
};
