/* SPDX-License-Identifier: GPL-2.0 */
/* What the tools print for people: sizes, rates, the width of the terminal. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_SIZE 24

const char *human(uint64_t value, char text[HUMAN_SIZE]);
const char *exact(uint64_t value, char text[HUMAN_SIZE]);
unsigned int terminal_width(int fd);
uint64_t now_ns(void);

#endif /* TOOLS_TEXT_H */
