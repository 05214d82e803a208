// SPDX-License-Identifier: GPL-2.0
/* Numbers, ranges, hexadecimal, words: what users write. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "parse.h"
#include "tap.h"
#include "util.h"

#define UNTOUCHED 0x5a5a5a5a5a5a5a5aULL

struct number_case {
	const char *text;
	int err;
	uint64_t value;
};

static const struct number_case numbers[] = {
	{ "0", 0, 0 },
	{ "7", 0, 7 },
	{ "010", 0, 10 },
	{ "0x10", 0, 16 },
	{ "0XfF", 0, 255 },
	{ "4k", 0, 4096 },
	{ "4K", 0, 4096 },
	{ "0x4K", 0, 4096 },
	{ "1M", 0, 1ULL << 20 },
	{ "3G", 0, 3ULL << 30 },
	{ "2T", 0, 2ULL << 40 },
	{ "5p", 0, 5ULL << 50 },
	{ "0K", 0, 0 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "0xffffffffffffffff", 0, UINT64_MAX },
	{ "16383P", 0, 16383ULL << 50 },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "18446744073709551620", -ERANGE, 0 },
	{ "99999999999999999999", -ERANGE, 0 },
	{ "0x10000000000000000", -ERANGE, 0 },
	{ "16384P", -ERANGE, 0 },
	{ "18446744073709551615K", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "0x", -EINVAL, 0 },
	{ "x10", -EINVAL, 0 },
	{ "K", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "1KK", -EINVAL, 0 },
	{ "1KiB", -EINVAL, 0 },
	{ "1E", -EINVAL, 0 },
	{ "1.5K", -EINVAL, 0 },
	{ "12a", -EINVAL, 0 },
	{ "0xg", -EINVAL, 0 },
	{ "1,000", -EINVAL, 0 },
	{ "\xff", -EINVAL, 0 },
};

static void test_numbers(void)
{
	const struct number_case *at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t value = UNTOUCHED;
		int err;

		at = &numbers[i];
		err = parse_u64(at->text, &value);
		CHECK(err == at->err, "'%s' gives %d", at->text, err);
		CHECK(value == (err ? UNTOUCHED : at->value),
		      "'%s' is %" PRIu64, at->text, value);
	}
}

static void test_narrow_numbers(void)
{
	uint32_t value = 5;

	CHECK(parse_u32("4294967296", &value) == -ERANGE);
	CHECK(parse_u32("4G", &value) == -ERANGE);
	CHECK(parse_u32("0x100000000", &value) == -ERANGE);
	CHECK(parse_u32("99999999999999999999", &value) == -ERANGE);
	CHECK(parse_u32("nothing", &value) == -EINVAL);
	CHECK(value == 5, "it is %u", value);
	CHECK(parse_u32("4294967295", &value) == 0 && value == UINT32_MAX);
}

/* Of a bitmap with 1000 items. */
static const struct {
	const char *text;
	int err;
	uint64_t start, count;
} ranges[] = {
	{ "5", 0, 5, 1 },
	{ "5+0", 0, 5, 0 },
	{ "5+10", 0, 5, 10 },
	{ "5-10", 0, 5, 5 },
	{ "5-5", 0, 5, 0 },
	{ "5-", 0, 5, 995 },
	{ "0-", 0, 0, 1000 },
	{ "1000-", 0, 1000, 0 },
	{ "0x10+4K", 0, 16, 4096 },
	{ "4K-0x2000", 0, 4096, 4096 },
	/* For the kernel to refuse. */
	{ "2000+5", 0, 2000, 5 },
	{ "18446744073709551615+18446744073709551615", 0, UINT64_MAX,
	  UINT64_MAX },
	{ "10-5", -EINVAL, 0, 0 },
	{ "1001-", -EINVAL, 0, 0 },
	{ "", -EINVAL, 0, 0 },
	{ "-", -EINVAL, 0, 0 },
	{ "+", -EINVAL, 0, 0 },
	{ "-5", -EINVAL, 0, 0 },
	{ "5+", -EINVAL, 0, 0 },
	{ "5++5", -EINVAL, 0, 0 },
	{ "5--5", -EINVAL, 0, 0 },
	{ "5+5+5", -EINVAL, 0, 0 },
	{ "5 +5", -EINVAL, 0, 0 },
	{ "5:6", -EINVAL, 0, 0 },
	{ "all", -EINVAL, 0, 0 },
	{ "18446744073709551616+1", -ERANGE, 0, 0 },
	{ "1+18446744073709551616", -ERANGE, 0, 0 },
};

static void test_ranges(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct qds_range range = { UNTOUCHED, UNTOUCHED };
		int err = parse_range(ranges[i].text, 1000, &range);

		CHECK(err == ranges[i].err, "'%s' gives %d", ranges[i].text,
		      err);
		CHECK(range.start == (err ? UNTOUCHED : ranges[i].start) &&
		      range.count == (err ? UNTOUCHED : ranges[i].count),
		      "'%s' is %llu+%llu", ranges[i].text,
		      (unsigned long long)range.start,
		      (unsigned long long)range.count);
	}
}

static void test_hex(void)
{
	/* As large as needed, for the sanitizer to see what lies behind. */
	unsigned char *bytes = malloc(3);

	memset(bytes, 0x5a, 3);
	CHECK(parse_hex("00fFa9", bytes, 3) == 0);
	CHECK(!memcmp(bytes, "\x00\xff\xa9", 3));
	CHECK(parse_hex("00ff", bytes, 3) == -EMSGSIZE);
	CHECK(parse_hex("00ff00ff", bytes, 3) == -EMSGSIZE);
	CHECK(parse_hex("", bytes, 3) == -EMSGSIZE);
	CHECK(parse_hex("00ff0", bytes, 3) == -EINVAL);
	CHECK(parse_hex("0x00ff", bytes, 3) == -EINVAL);
	CHECK(parse_hex("00 ff0", bytes, 3) == -EINVAL);
	CHECK(parse_hex("00ffgg", bytes, 3) == -EINVAL);
	CHECK(!memcmp(bytes, "\x00\xff\xa9", 3), "a failure wrote something");
	CHECK(parse_hex("", bytes, 0) == 0);
	free(bytes);
}

struct words_case {
	const char *line;
	int err;
	const char *words[6];
};

static const struct words_case lines[] = {
	{ "", 0, { NULL } },
	{ " \t\r\n", 0, { NULL } },
	{ "# nothing", 0, { NULL } },
	{ "  # 'nothing", 0, { NULL } },
	{ "a", 0, { "a" } },
	{ "a b\tc\n", 0, { "a", "b", "c" } },
	{ "a #b", 0, { "a" } },
	{ "a#b", 0, { "a#b" } },
	{ "'a b' c", 0, { "a b", "c" } },
	{ "\"a b\"", 0, { "a b" } },
	{ "''", 0, { "" } },
	{ "a '' b", 0, { "a", "", "b" } },
	{ "a'b'\"c\"d", 0, { "abcd" } },
	{ "a\\ b", 0, { "a b" } },
	{ "\\'a", 0, { "'a" } },
	{ "'a\\b'", 0, { "a\\b" } },
	{ "\"a\\\"b\"", 0, { "a\"b" } },
	{ "'a\"b'", 0, { "a\"b" } },
	{ "'#'", 0, { "#" } },
	{ "\\#a", 0, { "#a" } },
	{ "'a", -EINVAL, { NULL } },
	{ "a \"b", -EINVAL, { NULL } },
	{ "a b\\", -EINVAL, { NULL } },
	{ "a 'b\\'c'", -EINVAL, { NULL } },
};

static void check_words(const struct words_case *at)
{
	struct words words;
	int err = words_split(at->line, &words);
	size_t i;

	CHECK(err == at->err, "'%s' gives %d", at->line, err);
	if (err)
		return;
	for (i = 0; i < words.nr && at->words[i]; i++)
		CHECK(!strcmp(words.word[i], at->words[i]),
		      "'%s': word %zu is '%s'", at->line, i, words.word[i]);
	CHECK(i == words.nr && !at->words[i], "'%s' has %zu words", at->line,
	      words.nr);
	CHECK(!words.word[words.nr], "'%s': no end", at->line);
	words_free(&words);
}

static void test_words(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		check_words(&lines[i]);
}

/* The most words that a line of its length can have. */
static void test_many_words(void)
{
	const size_t length = 100001;
	char *line = malloc(length + 1);
	struct words words;
	size_t i;

	for (i = 0; i < length; i++)
		line[i] = i % 2 ? ' ' : 'x';
	line[length] = 0;
	CHECK(!words_split(line, &words));
	CHECK(words.nr == 50001, "there are %zu", words.nr);
	words_free(&words);
	memset(line, 'y', length);
	CHECK(!words_split(line, &words));
	CHECK(words.nr == 1 && strlen(words.word[0]) == length);
	words_free(&words);
	free(line);
}

const struct test parse_tests[] = {
	{ "numbers", test_numbers },
	{ "numbers below 2^32", test_narrow_numbers },
	{ "ranges", test_ranges },
	{ "hexadecimal is exact", test_hex },
	{ "words, quotes and comments", test_words },
	{ "a line of many words, a long word", test_many_words },
	{ 0 }
};
