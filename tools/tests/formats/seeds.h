/* SPDX-License-Identifier: GPL-2.0 */
/* The images of seeds.txt. */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct seed - an image that QEMU has made
 * @next: the next one
 * @name: its name
 * @data: its bytes
 * @size: their number
 */
struct seed {
	struct seed *next;
	char name[32];
	uint8_t *data;
	size_t size;
};

/* Reads them all, or ends the program with a message. */
struct seed *seeds_read(const char *path);
void seeds_free(struct seed *seed);

#endif /* TESTS_SEEDS_H */
