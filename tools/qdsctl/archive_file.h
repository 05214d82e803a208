/* SPDX-License-Identifier: GPL-2.0 */
/* What save and restore share. */
#ifndef QDSCTL_ARCHIVE_FILE_H
#define QDSCTL_ARCHIVE_FILE_H

#include "archive.h"
#include "progress.h"
#include "qdsctl.h"

/**
 * struct output - a file that is written whole or not at all
 * @path: where it goes
 * @temporary: where it is meanwhile; NULL if it is written where it is
 * @fd: its descriptor
 */
struct output {
	const char *path;
	char *temporary;
	int fd;
};

enum status output_begin(const struct call *call, struct output *output,
			 const char *path);
int output_write(void *opaque, const struct iovec *parts, int nr);
enum status output_end(const struct call *call, struct output *output,
		       enum status status);
void archive_summary(const struct call *call, const char *what,
		     const struct archive_counts *counts, uint64_t entries,
		     uint64_t skipped);

#endif /* QDSCTL_ARCHIVE_FILE_H */
