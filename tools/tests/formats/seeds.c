// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "seeds.h"

static void die(const char *path, const char *line)
{
	fprintf(stderr, "%s: %s\n", path, line);
	exit(2);
}

static struct seed *new_seed(const char *line)
{
	struct seed *seed = calloc(1, sizeof(*seed));

	if (sscanf(line, "image %31s %zu", seed->name, &seed->size) != 2) {
		free(seed);
		return NULL;
	}
	seed->data = calloc(1, seed->size);
	return seed;
}

static int add_row(struct seed *seed, const char *line)
{
	char hex[33];
	size_t at, size;

	if (!seed || sscanf(line, "%zu %32s", &at, hex) != 2)
		return -1;
	size = strlen(hex) / 2;
	if (at > seed->size || size > seed->size - at)
		return -1;
	return parse_hex(hex, seed->data + at, size);
}

struct seed *seeds_read(const char *path)
{
	FILE *file = fopen(path, "r");
	struct seed *first = NULL, **last = &first, *seed = NULL;
	char line[100];

	if (!file)
		die(path, "cannot be read");
	while (fgets(line, sizeof(line), file)) {
		if (*line == '#')
			continue;
		if (*line == 'i') {
			seed = new_seed(line);
			if (!seed)
				die(path, line);
			*last = seed;
			last = &seed->next;
		} else if (add_row(seed, line)) {
			die(path, line);
		}
	}
	fclose(file);
	if (!first)
		die(path, "no images");
	return first;
}

void seeds_free(struct seed *seed)
{
	while (seed) {
		struct seed *next = seed->next;

		free(seed->data);
		free(seed);
		seed = next;
	}
}
