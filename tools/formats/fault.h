/* SPDX-License-Identifier: GPL-2.0 */
/* What is wrong with a file of another program, in words. */
#ifndef FORMATS_FAULT_H
#define FORMATS_FAULT_H

#include "util.h"

/**
 * struct fault - why a file was refused
 * @text: a sentence for people that says what to do, without the file's name
 */
struct fault {
	char text[1400];
};

/* Fills in the text. Return: @err. */
int fault_set(struct fault *fault, int err, const char *format, ...)
	__printf(3, 4);

/* Makes text of a file printable: what is not becomes a question mark. */
void fault_clean(char *text);

#endif /* FORMATS_FAULT_H */
