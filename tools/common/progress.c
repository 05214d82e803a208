// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <unistd.h>

#include "progress.h"
#include "text.h"

#define BAR_WIDTH 32
#define INTERVAL_NS 200000000ULL

/**
 * progress_begin() - begin long work
 * @progress: filled in
 * @when: when to show it
 * @what: what is done, in a word
 * @total: bytes to do
 */
void progress_begin(struct progress *progress, enum progress_when when,
		    const char *what, uint64_t total)
{
	progress->what = what;
	progress->total = total;
	progress->start = now_ns();
	progress->shown = progress->start;
	progress->on = when == PROGRESS_ALWAYS ||
		       (when == PROGRESS_AUTO && isatty(STDERR_FILENO));
}

static double seconds(const struct progress *progress)
{
	return (now_ns() - progress->start) / 1e9;
}

static void show(const struct progress *progress, uint64_t done)
{
	double part = progress->total ? (double)done / progress->total : 1;
	int full = part * BAR_WIDTH;
	double elapsed = seconds(progress);
	double rate = elapsed > 0 ? done / elapsed / (1 << 20) : 0;

	fprintf(stderr, "\r%-10s [%.*s%*s] %3d %%  %.1f MiB/s ", progress->what,
		full, "################################", BAR_WIDTH - full, "",
		(int)(part * 100), rate);
	fflush(stderr);
}

/**
 * progress_update() - show how far it came, if it is time to
 * @progress: the work
 * @done: bytes done
 */
void progress_update(struct progress *progress, uint64_t done)
{
	uint64_t now;

	if (!progress->on)
		return;
	now = now_ns();
	if (now - progress->shown < INTERVAL_NS)
		return;
	progress->shown = now;
	show(progress, done);
}

/**
 * progress_end() - the work is done, or has failed: wipe the line
 * @progress: the work
 *
 * Return: the seconds that it took.
 */
double progress_end(struct progress *progress)
{
	if (progress->on)
		fprintf(stderr, "\r%*s\r", BAR_WIDTH + 32, "");
	progress->on = false;
	return seconds(progress);
}
