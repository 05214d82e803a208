// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libqds.h"
#include "map.h"
#include "text.h"

/* Room for the number of a row's first item, and a space. */
#define LABEL_WIDTH 8

/* The columns of a row are a multiple of this where the width allows. */
#define COLUMN_STEP 16

enum shade { CLEAN, LOW, MIDDLE, HIGH, DIRTY, SHADES };

static const char *const shade_utf8[SHADES] = { "·", "░", "▒", "▓", "█" };
static const char *const shade_ascii[SHADES] = { ".", "-", "+", "*", "#" };
static const char *const shade_name[SHADES] = {
	"clean", "up to 1/3", "up to 2/3", "more", "all dirty",
};

/* Only what is all clean or all dirty is shown as such. */
static enum shade shade(uint64_t dirty, uint64_t count)
{
	if (!dirty)
		return CLEAN;
	if (dirty >= count)
		return DIRTY;
	if (dirty <= count / 3)
		return LOW;
	return dirty <= count - count / 3 ? MIDDLE : HIGH;
}

static uint64_t div_up(uint64_t value, uint64_t by)
{
	return value / by + !!(value % by);
}

/**
 * map_layout() - divide a range of items into cells
 * @map: filled in
 * @start: first item
 * @count: number of items
 * @granularity: a cell is no smaller than 1 << granularity items
 * @width: columns of the terminal
 * @rows: lines to take at most
 *
 * A cell has a power of two of items, for the numbers beside the rows to be
 * round ones.
 */
void map_layout(struct map *map, uint64_t start, uint64_t count,
		unsigned int granularity, unsigned int width, unsigned int rows)
{
	size_t columns = width > LABEL_WIDTH ? width - LABEL_WIDTH : 1;
	unsigned int shift = granularity;

	if (columns > COLUMN_STEP)
		columns -= columns % COLUMN_STEP;
	while (shift < 63 && div_up(count, 1ULL << shift) > columns * rows)
		shift++;
	map->start = start;
	map->count = count;
	map->cell = 1ULL << shift;
	map->cells = div_up(count, map->cell);
	map->columns = columns;
}

/**
 * map_cell_start() - the first item of a cell
 * @map: the map
 * @cell: number of the cell
 *
 * Return: the item.
 */
uint64_t map_cell_start(const struct map *map, size_t cell)
{
	return map->start + cell * map->cell;
}

/**
 * map_cell_count() - number of items of a cell
 * @map: the map
 * @cell: number of the cell
 *
 * Return: the number.
 */
uint64_t map_cell_count(const struct map *map, size_t cell)
{
	uint64_t left = map->count - cell * map->cell;

	return left < map->cell ? left : map->cell;
}

static void print_label(FILE *file, uint64_t item)
{
	char text[HUMAN_SIZE];

	if (strlen(exact(item, text)) > LABEL_WIDTH - 1)
		human(item, text);
	fprintf(file, "%*s ", LABEL_WIDTH - 1, text);
}

static void print_legend(FILE *file, const struct map *map,
			 const char *const *picture, const size_t *cells)
{
	char text[HUMAN_SIZE];
	int i;

	for (i = 0; i < SHADES; i++)
		fprintf(file, "%s %s %zu%s", picture[i], shade_name[i], cells[i],
			i < SHADES - 1 ? "   " : "\n");
	fprintf(file, "1 cell = %s items", human(map->cell, text));
}

/**
 * map_print() - draw a map
 * @file: where to
 * @map: its layout
 * @dirty: number of dirty items of each cell
 * @ascii: use no characters but ASCII
 */
void map_print(FILE *file, const struct map *map, const uint64_t *dirty,
	       bool ascii)
{
	const char *const *picture = ascii ? shade_ascii : shade_utf8;
	size_t cells[SHADES] = { 0 };
	uint64_t sum = 0;
	enum shade is;
	size_t i;

	for (i = 0; i < map->cells; i++) {
		if (i % map->columns == 0)
			print_label(file, map_cell_start(map, i));
		is = shade(dirty[i], map_cell_count(map, i));
		cells[is]++;
		sum += dirty[i];
		fputs(picture[is], file);
		if ((i + 1) % map->columns == 0 || i + 1 == map->cells)
			fputc('\n', file);
	}
	print_legend(file, map, picture, cells);
	fprintf(file, "; dirty: %" PRIu64 " of %" PRIu64 " items (%.2f %%)\n",
		sum, map->count, map->count ? 100.0 * sum / map->count : 0.0);
}

int map_bitmap(FILE *file, int fd, const struct map *map, bool ascii)
{
	uint64_t *dirty = calloc(map->cells + 1, sizeof(*dirty));
	size_t i;
	int err;

	if (!dirty)
		return -ENOMEM;
	for (i = 0; i < map->cells; i++) {
		err = qds_bitmap_count_dirty(fd, map_cell_start(map, i),
					     map_cell_count(map, i), &dirty[i]);
		if (err)
			goto out;
	}
	map_print(file, map, dirty, ascii);
	err = 0;
out:
	free(dirty);
	return err;
}
