// SPDX-License-Identifier: GPL-2.0
/* The picture of a dirty map. */
#include <inttypes.h>
#include <stdlib.h>

#include "map.h"
#include "tap.h"
#include "util.h"

/* Draws a map in ASCII. Return: the text, to be freed. */
static char *draw(const struct map *map, const uint64_t *dirty)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	map_print(file, map, dirty, true);
	fclose(file);
	return text;
}

static void check_layout(uint64_t start, uint64_t count,
			 unsigned int granularity, unsigned int width,
			 unsigned int rows)
{
	uint64_t next = start;
	struct map map;
	size_t i;

	map_layout(&map, start, count, granularity, width, rows);
	CHECK(map.cells <= map.columns * rows, "%zu cells", map.cells);
	CHECK(map.columns >= 1 && (width < 9 || map.columns + 8 <= width),
	      "%zu columns in %u", map.columns, width);
	CHECK(map.cell >= 1ULL << granularity && !(map.cell & (map.cell - 1)));
	for (i = 0; i < map.cells; i++) {
		CHECK(map_cell_start(&map, i) == next, "cell %zu", i);
		CHECK(map_cell_count(&map, i) > 0, "cell %zu", i);
		next += map_cell_count(&map, i);
	}
	CHECK(next == start + count, "the cells end at %" PRIu64, next);
}

static void test_layout(void)
{
	static const uint64_t counts[] = {
		1, 63, 64, 65, 4096, 100003, 96 << 20, 1ULL << 41,
		(1ULL << 63) - 1,
	};
	static const unsigned int widths[] = { 1, 8, 9, 24, 79, 80, 1000 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (j = 0; j < ARRAY_SIZE(widths); j++) {
			check_layout(0, counts[i], 0, widths[j], 16);
			check_layout(0, counts[i], 12, widths[j], 1);
			check_layout(4096, counts[i], 63, widths[j], 3);
		}
	}
}

static void test_layout_of_nothing(void)
{
	struct map map;
	char *text;

	map_layout(&map, 0, 0, 12, 80, 16);
	CHECK(map.cells == 0);
	text = draw(&map, NULL);
	CHECK(strstr(text, "dirty: 0 of 0 items (0.00 %)"), "%s", text);
	free(text);
}

/* No shade may hide that something is dirty, or clean. */
static void test_shades(void)
{
	static const uint64_t dirty[] = { 0, 1, 21, 22, 42, 43, 44, 63, 64, 1 };
	struct map map = {
		.count = 9 * 64 + 1, .cell = 64, .cells = 10, .columns = 16,
	};
	char *text = draw(&map, dirty);

	CHECK(!strncmp(text, "      0 .--+++**##\n", 19), "%s", text);
	CHECK(strstr(text, ". clean 1   - up to 1/3 2   + up to 2/3 3   * more 2   "),
	      "%s", text);
	CHECK(strstr(text, "   # all dirty 2\n"), "%s", text);
	CHECK(strstr(text, "1 cell = 64 items; dirty: 301 of 577 items (52.17 %)"),
	      "%s", text);
	free(text);
}

static void test_rows(void)
{
	static const uint64_t dirty[5] = { 0, 1024, 0, 0, 1024 };
	struct map map = {
		.start = 1 << 20, .count = 5 << 10, .cell = 1 << 10, .cells = 5,
		.columns = 2,
	};
	char *text = draw(&map, dirty);

	CHECK(!strncmp(text,
		       "     1M .#\n"
		       "  1026K ..\n"
		       "  1028K #\n", 32), "%s", text);
	free(text);
}

static void test_utf8(void)
{
	static const uint64_t dirty[2] = { 0, 5 };
	struct map map = {
		.count = 10, .cell = 5, .cells = 2, .columns = 2,
	};
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	map_print(file, &map, dirty, false);
	fclose(file);
	CHECK(!strncmp(text, "      0 ·█\n", 13), "%s", text);
	free(text);
}

const struct test map_tests[] = {
	{ "cells cover the range and fit the width", test_layout },
	{ "a map of nothing", test_layout_of_nothing },
	{ "shades and legend", test_shades },
	{ "rows and their labels", test_rows },
	{ "UTF-8", test_utf8 },
	{ 0 }
};
