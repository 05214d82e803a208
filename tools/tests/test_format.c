// SPDX-License-Identifier: GPL-2.0
/* Keys and values: read as written, written as read. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "format.h"
#include "tap.h"
#include "text.h"
#include "util.h"

static void test_names(void)
{
	enum format format = FORMAT_UNSET;

	CHECK(!format_parse("u64", &format) && format == FORMAT_U64);
	CHECK(!format_parse("bytes", &format) && format == FORMAT_BYTES);
	CHECK(format_parse("u65", &format) == -EINVAL);
	CHECK(format_parse("", &format) == -EINVAL);
	CHECK(format_parse("u6", &format) == -EINVAL);
	CHECK(format == FORMAT_BYTES);
	CHECK(!strcmp(format_name(FORMAT_HEX), "hex"));
}

static const struct {
	enum format format;
	const char *text;
	size_t size;
	int err;
	const char *bytes;
} reads[] = {
	{ FORMAT_BYTES, "abcd", 4, 0, "abcd" },
	{ FORMAT_BYTES, "abc", 4, -EMSGSIZE, NULL },
	{ FORMAT_BYTES, "abcde", 4, -EMSGSIZE, NULL },
	{ FORMAT_TEXT, "abcd", 4, 0, "abcd" },
	{ FORMAT_TEXT, "ab", 4, 0, "ab\0\0" },
	{ FORMAT_TEXT, "", 4, 0, "\0\0\0\0" },
	{ FORMAT_TEXT, "abcde", 4, -EMSGSIZE, NULL },
	{ FORMAT_HEX, "00ff10a9", 4, 0, "\x00\xff\x10\xa9" },
	{ FORMAT_HEX, "00ff10", 4, -EMSGSIZE, NULL },
	{ FORMAT_HEX, "00ff10zz", 4, -EINVAL, NULL },
	{ FORMAT_U32, "0x01020304", 4, 0, "\x04\x03\x02\x01" },
	{ FORMAT_U32, "4G", 4, -ERANGE, NULL },
	{ FORMAT_U32, "1", 8, -EMSGSIZE, NULL },
	{ FORMAT_U32, "one", 4, -EINVAL, NULL },
	{ FORMAT_U64, "0x0102030405060708", 8, 0,
	  "\x08\x07\x06\x05\x04\x03\x02\x01" },
	{ FORMAT_U64, "18446744073709551616", 8, -ERANGE, NULL },
	{ FORMAT_U64, "1", 4, -EMSGSIZE, NULL },
};

static void test_read(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reads); i++) {
		char *bytes = malloc(reads[i].size);
		int err;

		memset(bytes, 0x5a, reads[i].size);
		err = format_read(reads[i].format, reads[i].text, bytes,
				  reads[i].size);
		CHECK(err == reads[i].err, "'%s' as %s gives %d", reads[i].text,
		      format_name(reads[i].format), err);
		CHECK(err || !memcmp(bytes, reads[i].bytes, reads[i].size),
		      "'%s' as %s", reads[i].text,
		      format_name(reads[i].format));
		CHECK(!err || bytes[0] == 0x5a, "'%s' was written partly",
		      reads[i].text);
		free(bytes);
	}
}

static const struct {
	enum format format;
	const char *bytes;
	size_t size;
	const char *text;
} writes[] = {
	{ FORMAT_BYTES, "abcd", 4, "abcd" },
	{ FORMAT_BYTES, "ab\0\0", 4, "ab\\x00\\x00" },
	{ FORMAT_BYTES, "a\\ \xff", 4, "a\\x5c\\x20\\xff" },
	{ FORMAT_TEXT, "ab\0\0", 4, "ab" },
	{ FORMAT_TEXT, "a\0b\0", 4, "a\\x00b" },
	{ FORMAT_TEXT, "\0\0\0\0", 4, "" },
	{ FORMAT_HEX, "\x00\xff\x10\xa9", 4, "00ff10a9" },
	{ FORMAT_HEX, "", 0, "" },
	{ FORMAT_U32, "\x04\x03\x02\x01", 4, "16909060" },
	{ FORMAT_U64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
	  "18446744073709551615" },
};

static void test_write(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		char *text = format_write(writes[i].format, writes[i].bytes,
					  writes[i].size);

		CHECK(!strcmp(text, writes[i].text), "case %zu is '%s'", i,
		      text);
		free(text);
	}
}

static const struct {
	uint64_t value;
	const char *text;
} sizes[] = {
	{ 0, "0" },
	{ 1023, "1023" },
	{ 1024, "1K" },
	{ 1536, "1.5K" },
	{ 1025, "1.0K" },
	{ 1ULL << 20, "1M" },
	{ 96ULL << 20, "96M" },
	{ (1ULL << 30) + (1ULL << 29), "1.5G" },
	{ 1ULL << 63, "8E" },
	{ UINT64_MAX, "16.0E" },
};

static void test_human(void)
{
	char text[HUMAN_SIZE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		CHECK(!strcmp(human(sizes[i].value, text), sizes[i].text),
		      "%s is %s", sizes[i].text, text);
}

const struct test format_tests[] = {
	{ "names of formats", test_names },
	{ "keys and values are read strictly", test_read },
	{ "keys and values are written readably", test_write },
	{ "sizes for people", test_human },
	{ 0 }
};
