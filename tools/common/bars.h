/* SPDX-License-Identifier: GPL-2.0 */
/* A histogram, for a terminal. */
#ifndef TOOLS_BARS_H
#define TOOLS_BARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/qds.h>

/**
 * struct bar - a line of a histogram
 * @label: what it is of
 * @count: its length
 */
struct bar {
	char label[24];
	uint64_t count;
};

size_t bars_of_values(struct bar *bars, size_t max,
		      const struct qds_dist_entry *entries, size_t nr);
void bars_of_ranges(struct bar *bars, size_t nr_bars, uint64_t end,
		    const struct qds_dist_entry *entries, size_t nr);
void bars_print(FILE *file, const struct bar *bars, size_t nr,
		unsigned int width, bool ascii);

#endif /* TOOLS_BARS_H */
