// SPDX-License-Identifier: GPL-2.0
/* Histograms. */
#include <inttypes.h>
#include <stdlib.h>

#include "bars.h"
#include "tap.h"
#include "util.h"

static const struct qds_dist_entry lengths[] = {
	{ 1, 600 }, { 2, 300 }, { 3, 99 }, { 7, 1 },
};

static void check_bar(const struct bar *bar, const char *label, uint64_t count)
{
	CHECK(!strcmp(bar->label, label), "label '%s'", bar->label);
	CHECK(bar->count == count, "count %" PRIu64, bar->count);
}

static void test_values(void)
{
	struct bar bars[5];

	CHECK(bars_of_values(bars, 5, lengths, 4) == 4);
	check_bar(&bars[0], "1", 600);
	check_bar(&bars[3], "7", 1);
	CHECK(bars_of_values(bars, 4, lengths, 4) == 4);
	check_bar(&bars[3], "7", 1);
	CHECK(bars_of_values(bars, 2, lengths, 4) == 2);
	check_bar(&bars[0], "1", 600);
	check_bar(&bars[1], "2+", 400);
	CHECK(bars_of_values(bars, 1, lengths, 4) == 1);
	check_bar(&bars[0], "1+", 1000);
	CHECK(bars_of_values(bars, 5, lengths, 0) == 0);
}

static void test_ranges(void)
{
	static const struct qds_dist_entry entries[] = {
		{ 0, 1 }, { 99, 2 }, { 100, 3 }, { 899, 4 }, { 900, 5 },
		{ 999, 6 }, { 1000, 7 },
	};
	struct bar bars[10];

	bars_of_ranges(bars, 10, 1000, entries, ARRAY_SIZE(entries));
	check_bar(&bars[0], "0-10 %", 3);
	check_bar(&bars[1], "10-20 %", 3);
	check_bar(&bars[2], "20-30 %", 0);
	check_bar(&bars[8], "80-90 %", 4);
	check_bar(&bars[9], "90-100 %", 18);
	bars_of_ranges(bars, 3, 1000, entries, 0);
	check_bar(&bars[1], "33-66 %", 0);
}

static void check_picture(const struct bar *bars, size_t nr, unsigned int width,
			  bool ascii, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	bars_print(file, bars, nr, width, ascii);
	fclose(file);
	CHECK(!strcmp(text, want), "it is\n%s", text);
	free(text);
}

static void test_picture(void)
{
	struct bar bars[4] = { { "1", 600 }, { "2", 300 }, { "30", 99 }, { "7", 1 } };

	check_picture(bars, 4, 33, true,
		      "   1  600   60.00 %  ############\n"
		      "   2  300   30.00 %  ######\n"
		      "  30   99    9.90 %  ##\n"
		      "   7    1    0.10 %  #\n");
	check_picture(bars, 4, 25, false,
		      "   1  600   60.00 %  ████\n"
		      "   2  300   30.00 %  ██\n"
		      "  30   99    9.90 %  ▋\n"
		      "   7    1    0.10 %  ▏\n");
	/* Narrower than what stands before the bars. */
	check_picture(bars, 2, 1, true,
		      "  1  600   66.67 %  #\n"
		      "  2  300   33.33 %  #\n");
	bars[0].count = 0;
	check_picture(bars, 1, 80, true, "  1  0    0.00 %\n");
	check_picture(bars, 0, 80, true, "");
}

/* Counts that would overflow if they were multiplied. */
static void test_large(void)
{
	struct bar bars[2] = { { "a", 1ULL << 62 }, { "b", 1ULL << 61 } };

	check_picture(bars, 2, 44, true,
		      "  a  4611686018427387904   66.67 %  ########\n"
		      "  b  2305843009213693952   33.33 %  ####\n");
}

const struct test bars_tests[] = {
	{ "a bar for each value", test_values },
	{ "bars for ranges", test_ranges },
	{ "bars are drawn to scale", test_picture },
	{ "bars of large counts", test_large },
	{ 0 }
};
