/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers, ranges, hexadecimal bytes and words, as the tools' users write them. */
#ifndef TOOLS_PARSE_H
#define TOOLS_PARSE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/qds.h>

int parse_u64(const char *text, uint64_t *value);
int parse_u32(const char *text, uint32_t *value);
int parse_range(const char *text, uint64_t end, struct qds_range *range);
int parse_hex(const char *text, void *bytes, size_t size);

/**
 * struct words - the words of a command line
 * @nr: how many
 * @word: they, followed by NULL
 *
 * Freed by words_free().
 */
struct words {
	size_t nr;
	char **word;
};

int words_split(const char *line, struct words *words);
void words_free(struct words *words);

#endif /* TOOLS_PARSE_H */
