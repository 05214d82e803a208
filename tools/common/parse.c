// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Binary: K is 1 << 10. There is no E, which is a digit in hexadecimal. */
static int suffix_shift(char c)
{
	static const char suffixes[] = "KMGTP";
	const char *at = c ? strchr(suffixes, toupper((unsigned char)c)) : NULL;

	return at ? (int)(at - suffixes + 1) * 10 : 0;
}

/* Reads a number at *@text and leaves *@text behind it. */
static int take_u64(const char **text, uint64_t *value)
{
	const char *at = *text;
	unsigned int base = 10;
	uint64_t sum = 0;
	const char *first;
	int shift;

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
		base = 16;
		at += 2;
	}
	first = at;
	for (; digit(*at) >= 0 && (unsigned int)digit(*at) < base; at++) {
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit(*at), &sum))
			return -ERANGE;
	}
	if (at == first)
		return -EINVAL;
	shift = suffix_shift(*at);
	if (shift) {
		if (sum > UINT64_MAX >> shift)
			return -ERANGE;
		sum <<= shift;
		at++;
	}
	*text = at;
	*value = sum;
	return 0;
}

/**
 * parse_u64() - a number: 4096, 0x1000, 4K
 * @text: decimal, or hexadecimal after 0x, then perhaps one of K M G T P, which
 *	are powers of 1024
 * @value: filled in
 *
 * Return: 0, -EINVAL when it is not a number, -ERANGE when it is too large.
 */
int parse_u64(const char *text, uint64_t *value)
{
	uint64_t sum;
	int err = take_u64(&text, &sum);

	if (err)
		return err;
	if (*text)
		return -EINVAL;
	*value = sum;
	return 0;
}

/**
 * parse_u32() - a number below 2^32
 * @text: as parse_u64() has it
 * @value: filled in
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int parse_u32(const char *text, uint32_t *value)
{
	uint64_t wide;
	int err = parse_u64(text, &wide);

	if (err)
		return err;
	if (wide > UINT32_MAX)
		return -ERANGE;
	*value = wide;
	return 0;
}

/**
 * parse_range() - a range of items: 5, 0+4K, 0-4K, 4K-
 * @text: one item; START+COUNT; START-END, where END is the first item that is
 *	no longer meant; or START-, up to @end
 * @end: number of items that there are
 * @range: filled in; it may reach past @end, for the kernel to refuse
 *
 * Return: 0, -EINVAL when it is not a range or ends before it starts, -ERANGE
 * when a number is too large.
 */
int parse_range(const char *text, uint64_t end, struct qds_range *range)
{
	uint64_t start, value;
	char how;
	int err = take_u64(&text, &start);

	if (err)
		return err;
	how = *text;
	if (how == '-' && !text[1]) {
		value = end;
	} else if (how == '-' || how == '+') {
		err = parse_u64(text + 1, &value);
		if (err)
			return err;
	} else if (!how) {
		value = 1;
	} else {
		return -EINVAL;
	}
	if (how == '-') {
		if (value < start)
			return -EINVAL;
		value -= start;
	}
	range->start = start;
	range->count = value;
	return 0;
}

/**
 * parse_hex() - bytes in hexadecimal
 * @text: two digits a byte, and nothing else
 * @bytes: filled in
 * @size: number of bytes, exactly
 *
 * Return: 0, -EINVAL when it is not hexadecimal, -EMSGSIZE when it is not @size
 * bytes.
 */
int parse_hex(const char *text, void *bytes, size_t size)
{
	size_t length = strlen(text);
	unsigned char *byte = bytes;
	size_t i;

	if (strspn(text, "0123456789abcdefABCDEF") != length || length % 2)
		return -EINVAL;
	if (length / 2 != size)
		return -EMSGSIZE;
	for (i = 0; i < size; i++)
		byte[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
	return 0;
}

/*
 * Copies the word at *@line to @to without its quotes, and leaves *@line behind
 * it. Return: the length, or -EINVAL when a quote is not closed.
 */
static ssize_t take_word(const char **line, char *to)
{
	const char *at = *line;
	size_t length = 0;
	char quote = 0;

	for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
		if (quote ? *at == quote : (*at == '\'' || *at == '"')) {
			quote = quote ? 0 : *at;
			continue;
		}
		if (*at == '\\' && quote != '\'') {
			at++;
			if (!*at)
				return -EINVAL;
		}
		to[length++] = *at;
	}
	if (quote)
		return -EINVAL;
	to[length] = 0;
	*line = at;
	return length;
}

/**
 * words_split() - the words of a line, as a shell sees them
 * @line: words between white space; quoted by '', "" or a backslash; a word that
 *	begins with # and what follows is a comment
 * @words: filled in, unless it fails
 *
 * Within "" a backslash quotes whatever follows it.
 *
 * Return: 0, -EINVAL when a quote is not closed, -ENOMEM.
 */
int words_split(const char *line, struct words *words)
{
	size_t length = strlen(line);
	char *text;

	/* A word and its end need two characters at least, but the last. */
	words->nr = 0;
	words->word = calloc(length / 2 + 2, sizeof(*words->word));
	text = malloc(length + 1);
	if (!words->word || !text)
		goto err_nomem;
	for (;;) {
		ssize_t size;

		line += strspn(line, " \t\r\n\v\f");
		if (!*line || *line == '#')
			break;
		size = take_word(&line, text);
		if (size < 0)
			goto err_free;
		words->word[words->nr] = strdup(text);
		if (!words->word[words->nr])
			goto err_nomem;
		words->nr++;
	}
	free(text);
	return 0;

err_free:
	free(text);
	words_free(words);
	return -EINVAL;

err_nomem:
	free(text);
	words_free(words);
	return -ENOMEM;
}

/**
 * words_free() - release what words_split() has made
 * @words: the words
 */
void words_free(struct words *words)
{
	size_t i;

	for (i = 0; words->word && i < words->nr; i++)
		free(words->word[i]);
	free(words->word);
	words->word = NULL;
	words->nr = 0;
}
