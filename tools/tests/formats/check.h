/* SPDX-License-Identifier: GPL-2.0 */
/* What must hold of any bytes that are taken for an image. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct wanted - a bitmap to be stored in an image
 * @name: its name
 * @granularity: its granularity
 * @disabled: is it disabled?
 * @seed: chooses its bits
 */
struct wanted {
	const char *name;
	unsigned int granularity;
	int disabled;
	unsigned int seed;
};

/*
 * Reads all bitmaps and stores one. Ends the program when an image that was
 * refused has been written to, when what was stored is read back otherwise or
 * not at all, or when another bitmap has changed. Return: 0, or -errno if it was
 * refused.
 */
int check_image(const void *data, size_t size, const struct wanted *wanted);

/* The bits of @wanted, in any part of a bitmap. */
struct bits;
int wanted_bits(void *wanted, const struct bits *bits);

#endif /* TESTS_CHECK_H */
