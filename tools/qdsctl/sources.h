/* SPDX-License-Identifier: GPL-2.0 */
/* What save is to save. */
#ifndef QDSCTL_SOURCES_H
#define QDSCTL_SOURCES_H

#include "archive.h"
#include "qdsctl.h"

/**
 * struct source - an object that is saved
 * @fd: its descriptor
 * @owned: is it to be closed?
 * @id: its number
 * @kind: QDS_KIND_*
 * @bytes: about how many it takes in the archive
 * @names: its names there
 * @nr: how many
 * @text: what messages call it
 */
struct source {
	int fd;
	bool owned;
	uint64_t id;
	uint32_t kind;
	uint64_t bytes;
	struct archive_name *names;
	size_t nr;
	const char *text;
};

/**
 * struct sources - all of them
 * @source: they
 * @nr: how many
 * @skipped: names that were passed over
 */
struct sources {
	struct source *source;
	size_t nr;
	uint64_t skipped;
};

enum status sources_of_objects(struct call *call, struct sources *sources);
enum status sources_of_names(struct call *call, struct sources *sources);
void sources_free(struct sources *sources);

#endif /* QDSCTL_SOURCES_H */
