// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>

#include "bars.h"

/* A block is drawn in eighths; without UTF-8 a whole one stands for any of it. */
#define EIGHTHS 8

static const char *const blocks[EIGHTHS + 1] = {
	"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█",
};

/**
 * bars_of_values() - a bar for each value
 * @bars: filled in
 * @max: room for so many, at least 1; the last one has what is left
 * @entries: the values, ascending
 * @nr: how many there are
 *
 * Return: the number of bars.
 */
size_t bars_of_values(struct bar *bars, size_t max,
		      const struct qds_dist_entry *entries, size_t nr)
{
	size_t i, at;

	for (i = 0; i < nr; i++) {
		at = i < max ? i : max - 1;
		if (i == at) {
			snprintf(bars[at].label, sizeof(bars[at].label),
				 "%" PRIu64 "%s", (uint64_t)entries[i].x,
				 i == max - 1 && i + 1 < nr ? "+" : "");
			bars[at].count = 0;
		}
		bars[at].count += entries[i].count;
	}
	return nr < max ? nr : max;
}

/**
 * bars_of_ranges() - bars for even ranges, labelled in percent
 * @bars: filled in
 * @nr_bars: number of ranges
 * @end: the greatest value, 100 %; the last range includes it
 * @entries: the values
 * @nr: how many there are
 */
void bars_of_ranges(struct bar *bars, size_t nr_bars, uint64_t end,
		    const struct qds_dist_entry *entries, size_t nr)
{
	size_t i, at;

	for (i = 0; i < nr_bars; i++) {
		snprintf(bars[i].label, sizeof(bars[i].label), "%zu-%zu %%",
			 i * 100 / nr_bars, (i + 1) * 100 / nr_bars);
		bars[i].count = 0;
	}
	for (i = 0; i < nr; i++) {
		at = entries[i].x * nr_bars / end;
		bars[at < nr_bars ? at : nr_bars - 1].count += entries[i].count;
	}
}

/* What is there is drawn, be it ever so little. */
static void print_bar(FILE *file, uint64_t count, uint64_t most,
		      unsigned int columns, bool ascii)
{
	uint64_t eighths;

	if (!count)
		return;
	eighths = (double)count / most * columns * EIGHTHS + 0.5;
	if (!eighths)
		eighths = 1;
	if (ascii)
		eighths = (eighths + EIGHTHS - 1) / EIGHTHS * EIGHTHS;
	fputs("  ", file);
	for (; eighths >= EIGHTHS; eighths -= EIGHTHS)
		fputs(ascii ? "#" : blocks[EIGHTHS], file);
	fputs(blocks[eighths], file);
}

/**
 * bars_print() - draw a histogram
 * @file: where to
 * @bars: its bars
 * @nr: how many there are
 * @width: columns of the terminal
 * @ascii: use no characters but ASCII
 *
 * A line for each bar: its label, its count, that in percent of all, the bar.
 */
void bars_print(FILE *file, const struct bar *bars, size_t nr,
		unsigned int width, bool ascii)
{
	int label = 0, digits = 0, used;
	uint64_t sum = 0, most = 0;
	char text[24];
	size_t i;

	for (i = 0; i < nr; i++) {
		sum += bars[i].count;
		if (bars[i].count > most)
			most = bars[i].count;
		if ((int)strlen(bars[i].label) > label)
			label = strlen(bars[i].label);
	}
	digits = snprintf(text, sizeof(text), "%" PRIu64, most);
	for (i = 0; i < nr; i++) {
		used = fprintf(file, "  %*s  %*" PRIu64 "  %6.2f %%", label,
			       bars[i].label, digits, bars[i].count,
			       sum ? 100.0 * bars[i].count / sum : 0.0);
		print_bar(file, bars[i].count, most,
			  (int)width > used + 2 ? width - used - 2 : 1, ascii);
		fputc('\n', file);
	}
}
