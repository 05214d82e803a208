/* SPDX-License-Identifier: GPL-2.0 */
/* A picture of a dirty map, for a terminal. */
#ifndef TOOLS_MAP_H
#define TOOLS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Most columns and rows of a map. */
#define MAP_MAX_SIDE 1000U

/**
 * struct map - how a range of items is divided into cells
 * @start: first item
 * @count: number of items
 * @cell: items of a cell; the last may be shorter
 * @cells: number of cells
 * @columns: cells in a row
 */
struct map {
	uint64_t start;
	uint64_t count;
	uint64_t cell;
	size_t cells;
	size_t columns;
};

void map_layout(struct map *map, uint64_t start, uint64_t count,
		unsigned int granularity, unsigned int width,
		unsigned int rows);
uint64_t map_cell_start(const struct map *map, size_t cell);
uint64_t map_cell_count(const struct map *map, size_t cell);
void map_print(FILE *file, const struct map *map, const uint64_t *dirty,
	       bool ascii);

/* Draws the map of a range of the bitmap @fd. Return: 0 or -errno. */
int map_bitmap(FILE *file, int fd, const struct map *map, bool ascii);

#endif /* TOOLS_MAP_H */
