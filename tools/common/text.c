// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include "parse.h"
#include "text.h"

#define DEFAULT_WIDTH 80

static const char units[] = "KMGTPE";

/**
 * human() - a number in the binary units that parse_u64() reads
 * @value: the number
 * @text: room for the result
 *
 * Rounded to one decimal, unless @value is below 1024 or a multiple of its unit.
 *
 * Return: @text.
 */
const char *human(uint64_t value, char text[HUMAN_SIZE])
{
	unsigned int unit = 0;
	uint64_t tenths;

	while (unit < 6 && value >> (10 * (unit + 1)))
		unit++;
	if (!unit || !(value & ((1ULL << (10 * unit)) - 1)))
		return exact(value, text);
	/* The lower units do not show: with 10 bits of them nothing overflows. */
	tenths = ((value >> (10 * (unit - 1))) * 10 + 512) >> 10;
	snprintf(text, HUMAN_SIZE, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10,
		 tenths % 10, units[unit - 1]);
	return text;
}

/**
 * exact() - a number in the largest unit that it is a multiple of
 * @value: the number
 * @text: room for the result
 *
 * Return: @text.
 */
const char *exact(uint64_t value, char text[HUMAN_SIZE])
{
	unsigned int unit = 0;

	while (unit < 6 && value && !(value & 1023)) {
		value >>= 10;
		unit++;
	}
	if (unit)
		snprintf(text, HUMAN_SIZE, "%" PRIu64 "%c", value,
			 units[unit - 1]);
	else
		snprintf(text, HUMAN_SIZE, "%" PRIu64, value);
	return text;
}

/**
 * terminal_width() - columns of the terminal
 * @fd: where it may be; else $COLUMNS says, else it is 80
 *
 * Return: the width, at least 1.
 */
unsigned int terminal_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint32_t width;

	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	if (columns && !parse_u32(columns, &width) && width && width <= 10000)
		return width;
	return DEFAULT_WIDTH;
}

/**
 * now_ns() - a clock for durations
 *
 * Return: nanoseconds since some moment.
 */
uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}
