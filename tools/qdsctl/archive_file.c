// SPDX-License-Identifier: GPL-2.0
/* Files that save writes, whole or not at all; and what save and restore say. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_file.h"
#include "json.h"

/* What open(2) would have given it. */
static mode_t file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int open_temporary(struct output *output)
{
	if (asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
		output->temporary = NULL;
		return -ENOMEM;
	}
	output->fd = mkostemp(output->temporary, O_CLOEXEC);
	if (output->fd >= 0 && !fchmod(output->fd, file_mode()))
		return 0;
	return -errno;
}

/* A pipe or a device is written as it is. */
static bool is_special(const char *path)
{
	struct stat stat_of;

	return !stat(path, &stat_of) && !S_ISREG(stat_of.st_mode);
}

/**
 * output_begin() - open a file to write
 * @call: the command
 * @output: filled in
 * @path: its path; - is standard output
 *
 * Return: STATUS_OK, or another after an error message.
 */
enum status output_begin(const struct call *call, struct output *output,
			 const char *path)
{
	int err = 0;

	*output = (struct output){ .path = path, .fd = STDOUT_FILENO };
	if (!strcmp(path, "-")) {
		if (isatty(STDOUT_FILENO))
			return fail(call, STATUS_USAGE,
				    "not written to a terminal: name a file, or use a pipe");
		if (call->json)
			return fail(call, STATUS_USAGE,
				    "--json and the archive both go to standard output: name a file");
		fflush(stdout);
		return STATUS_OK;
	}
	if (is_special(path)) {
		output->fd = open(path, O_WRONLY | O_CLOEXEC);
		err = output->fd < 0 ? -errno : 0;
	} else {
		err = open_temporary(output);
	}
	if (!err)
		return STATUS_OK;
	free(output->temporary);
	return fail(call, STATUS_ERROR, "cannot write %s: %s", path,
		    strerror(-err));
}

/* What is left to write of the parts. Return: how many there are still. */
static int skip_written(struct iovec *parts, int nr, size_t written)
{
	int first = 0;

	while (first < nr && written >= parts[first].iov_len)
		written -= parts[first++].iov_len;
	memmove(parts, parts + first, (nr - first) * sizeof(*parts));
	if (first < nr) {
		parts[0].iov_base = (char *)parts[0].iov_base + written;
		parts[0].iov_len -= written;
	}
	return nr - first;
}

/**
 * output_write() - write all of some parts
 * @opaque: the struct output
 * @parts: the parts
 * @nr: how many, at most 8
 *
 * Return: 0 or -errno.
 */
int output_write(void *opaque, const struct iovec *parts, int nr)
{
	struct output *output = opaque;
	struct iovec left[8];
	ssize_t written;

	memcpy(left, parts, nr * sizeof(*parts));
	nr = skip_written(left, nr, 0);
	while (nr) {
		written = writev(output->fd, left, nr);
		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			nr = skip_written(left, nr, written);
	}
	return 0;
}

/**
 * output_end() - all is written, or something went wrong
 * @call: the command
 * @output: from output_begin(), which succeeded
 * @status: STATUS_OK for the file to be there; else it is as it was before
 *
 * Return: the status, after an error message if it got worse.
 */
enum status output_end(const struct call *call, struct output *output,
		       enum status status)
{
	int err = 0;

	if (output->temporary && !status && fsync(output->fd))
		err = -errno;
	if (output->fd != STDOUT_FILENO && close(output->fd))
		err = -errno;
	if (output->temporary && !status && !err &&
	    rename(output->temporary, output->path))
		err = -errno;
	if (output->temporary && (status || err))
		unlink(output->temporary);
	free(output->temporary);
	return err ? fail(call, STATUS_ERROR, "cannot write %s: %s",
			  output->path, strerror(-err)) : status;
}

/**
 * archive_summary() - say what was done
 * @call: the command
 * @what: "saved" or "restored"
 * @counts: of the archive
 * @entries: of all tables
 * @skipped: objects that were passed over
 */
void archive_summary(const struct call *call, const char *what,
		     const struct archive_counts *counts, uint64_t entries,
		     uint64_t skipped)
{
	struct json_object *json;

	if (call->json) {
		json = json_object_new_object();
		json_number(json, "objects", counts->objects);
		json_number(json, "names", counts->names);
		json_number(json, "entries", entries);
		json_number(json, "skipped", skipped);
		json_number(json, "bytes", counts->bytes);
		json_put_line(json);
	} else if (!call->quiet) {
		fflush(stdout);
		fprintf(stderr, "%" PRIu32 " objects, %" PRIu32 " names, ",
			counts->objects, counts->names);
		fprintf(stderr, "%" PRIu64 " entries, %" PRIu64 " bytes %s\n",
			entries, counts->bytes, what);
	}
}
