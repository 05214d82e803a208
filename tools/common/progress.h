/* SPDX-License-Identifier: GPL-2.0 */
/* A line on stderr that shows how far long work has come. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_when {
	PROGRESS_AUTO,	/* when stderr is a terminal */
	PROGRESS_ALWAYS,
	PROGRESS_NEVER,
};

/**
 * struct progress - long work
 * @what: what is done, in a word
 * @total: bytes to do
 * @start: when it began, see now_ns()
 * @shown: when it was last shown
 * @on: is it to be shown?
 */
struct progress {
	const char *what;
	uint64_t total;
	uint64_t start;
	uint64_t shown;
	bool on;
};

void progress_begin(struct progress *progress, enum progress_when when,
		    const char *what, uint64_t total);
void progress_update(struct progress *progress, uint64_t done);
double progress_end(struct progress *progress);

#endif /* TOOLS_PROGRESS_H */
