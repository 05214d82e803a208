// SPDX-License-Identifier: GPL-2.0
/* QEMU's CPR state: byte for byte, and what is refused. */
#include <errno.h>

#include "cpr.h"
#include "tap.h"
#include "util.h"

/* Made by hand after QEMU's migration/cpr.c: two entries. */
static const unsigned char reference[] = {
	0x51, 0x43, 0x50, 0x52, 0, 0, 0, 1,
	1, 0, 0, 0, 7, 'p', 'c', '.', 'r', 'a', 'm', 0, 0, 0, 0, 0, 0, 0, 0, 11,
	1, 0, 0, 0, 2, 'x', 0, 0xff, 0xff, 0xff, 0xfe, 0, 0, 1, 2,
	0,
};

static const struct cpr_entry entries[] = {
	{ "pc.ram", 0, 11 },
	{ "x", 0xfffffffe, 258 },
};

struct memory {
	const unsigned char *at;
	size_t left;
	int next_fd;
};

static int memory_read(void *opaque, void *data, size_t size)
{
	struct memory *memory = opaque;

	if (size > memory->left)
		return -ENODATA;
	memcpy(data, memory->at, size);
	memory->at += size;
	memory->left -= size;
	return 0;
}

static int memory_receive(void *opaque, uint8_t *byte, int *fd)
{
	struct memory *memory = opaque;
	int err = memory_read(opaque, byte, 1);

	if (!err)
		*fd = memory->next_fd++;
	return err;
}

/* Reads all of it; @nr is how many entries came. */
static int read_all(const void *data, size_t size, struct cpr_entry *got, size_t *nr,
		    struct fault *fault)
{
	struct memory memory = { data, size };
	const struct cpr_source source = { .read = memory_read, .opaque = &memory };
	struct cpr_entry entry;
	int ret = cpr_read_header(&source, fault);

	*nr = 0;
	if (ret)
		return ret;
	while ((ret = cpr_read_entry(&source, &entry, fault)) == 1) {
		if (got)
			got[*nr] = entry;
		++*nr;
	}
	return ret ? ret : cpr_read_end(&source, fault);
}

static void test_write(void)
{
	unsigned char bytes[CPR_HEADER_SIZE + 2 * (CPR_KEY_ROOM + 4) + 1];
	size_t i, size = cpr_put_header(bytes);

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		size += cpr_put_key(bytes + size, &entries[i]);
		size += cpr_put_number(bytes + size, entries[i].fd);
	}
	size += cpr_put_end(bytes + size);
	CHECK(size == sizeof(reference) && !memcmp(bytes, reference, size));
}

static void test_read(void)
{
	struct cpr_entry got[2] = { 0 };
	struct fault fault = { 0 };
	size_t i, nr;

	CHECK(!read_all(reference, sizeof(reference), got, &nr, &fault), "%s", fault.text);
	CHECK(nr == 2);
	for (i = 0; i < 2; i++)
		CHECK(!strcmp(got[i].name, entries[i].name) &&
		      got[i].id == entries[i].id && got[i].fd == entries[i].fd);
}

static void test_cut(void)
{
	struct fault fault;
	size_t size, nr;

	for (size = 0; size < sizeof(reference); size++) {
		fault.text[0] = 0;
		CHECK(read_all(reference, size, NULL, &nr, &fault) == -ENODATA &&
		      strstr(fault.text, "cut short"), "%zu bytes: %s", size, fault.text);
	}
}

/* One byte of the reference, and what is said then. */
static const struct {
	size_t at;
	unsigned char byte;
	const char *fault;
} changes[] = {
	{ 0, 'q', "no CPR state" },
	{ 7, 2, "version is 2" },
	{ 4, 1, "version is 16777217" },
	{ 8, 2, "stands before an entry" },
	{ 8, 5, "stands before an entry" },
	{ 12, 1, "a name has 1 bytes" },
	{ 12, 0, "a name has 0 bytes" },
	{ 11, 1, "a name has 263 bytes" },
	{ 9, 0xff, "a name has 4278190087 bytes" },
	{ 15, 0, "only NUL" },
	{ 19, 'x', "only NUL" },
	{ 24, 0x80, "the number of no descriptor" },
	{ sizeof(reference) - 1, 1, "cut short" },
};

static void test_refuse(void)
{
	unsigned char bytes[sizeof(reference) + 1];
	struct fault fault;
	size_t i, nr;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		memcpy(bytes, reference, sizeof(reference));
		bytes[changes[i].at] = changes[i].byte;
		fault.text[0] = 0;
		CHECK(read_all(bytes, sizeof(reference), NULL, &nr, &fault) < 0 &&
		      strstr(fault.text, changes[i].fault), "case %zu: '%s', not '%s'", i,
		      fault.text, changes[i].fault);
	}
	memcpy(bytes, reference, sizeof(reference));
	bytes[sizeof(reference)] = 5;
	CHECK(read_all(bytes, sizeof(bytes), NULL, &nr, &fault) == -EOPNOTSUPP);
	bytes[sizeof(reference)] = 0;
	CHECK(read_all(bytes, sizeof(bytes), NULL, &nr, &fault) == -EINVAL &&
	      strstr(fault.text, "behind its end"));
}

static void test_carried(void)
{
	static const unsigned char bytes[] = { 1, 0, 0, 0, 2, 'x', 0, 0, 0, 0, 7, 0x20, 0 };
	struct memory memory = { bytes, sizeof(bytes), 40 };
	const struct cpr_source source = { memory_read, memory_receive, &memory };
	struct cpr_entry entry;
	struct fault fault;

	CHECK(cpr_read_entry(&source, &entry, &fault) == 1);
	CHECK(entry.fd == 40 && entry.id == 7 && !strcmp(entry.name, "x"));
	CHECK(!cpr_read_entry(&source, &entry, &fault));
	memory = (struct memory){ bytes + sizeof(bytes) - 1, 1, 40 };
	CHECK(!cpr_read_entry(&source, &entry, &fault));
}

static void test_wrong_carrier(void)
{
	static const unsigned char bytes[] = { 1, 0, 0, 0, 2, 'x', 0, 0, 0, 0, 7, 0x21, 0 };
	struct memory memory = { bytes, sizeof(bytes), 40 };
	const struct cpr_source source = { memory_read, memory_receive, &memory };
	struct cpr_entry entry;
	struct fault fault;

	CHECK(cpr_read_entry(&source, &entry, &fault) == -EINVAL && entry.fd == 40);
	CHECK(strstr(fault.text, "0x21"));
}

const struct test cpr_tests[] = {
	{ "a CPR state is written byte for byte", test_write },
	{ "a CPR state is read", test_read },
	{ "a CPR state that is cut short is refused", test_cut },
	{ "a CPR state with a wrong byte is refused", test_refuse },
	{ "a CPR state whose descriptors are carried is read", test_carried },
	{ "a descriptor carried by another byte is refused", test_wrong_carrier },
	{ 0 }
};
