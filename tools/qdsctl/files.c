// SPDX-License-Identifier: GPL-2.0
/* Files to read and write, where "-" is standard input or output. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "qdsctl.h"

static bool is_standard(const char *path)
{
	return !strcmp(path, "-");
}

/**
 * input_name() - what messages call a file that is read
 * @path: its path
 *
 * Return: the name.
 */
const char *input_name(const char *path)
{
	return is_standard(path) ? "stdin" : path;
}

/* A directory can be opened, and would fail only when it is read. */
static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat stat;

	if (!file || fstat(fileno(file), &stat) || !S_ISDIR(stat.st_mode))
		return file;
	fclose(file);
	errno = EISDIR;
	return NULL;
}

/**
 * input_open() - open a file to read
 * @call: the command
 * @path: its path
 *
 * Return: the file, or NULL after an error message.
 */
FILE *input_open(const struct call *call, const char *path)
{
	FILE *file;

	if (is_standard(path) && call->session->stdin_taken) {
		fail(call, STATUS_USAGE,
		     "standard input is the script itself: name a file");
		return NULL;
	}
	file = is_standard(path) ? stdin : open_file(path);
	if (!file)
		fail(call, STATUS_ERROR, "cannot read %s: %s", path,
		     strerror(errno));
	return file;
}

/**
 * input_close() - done with a file that was read
 * @call: the command
 * @file: the file
 * @path: its path
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status input_close(const struct call *call, FILE *file, const char *path)
{
	bool bad = ferror(file);

	if (file != stdin)
		fclose(file);
	return bad ? fail(call, STATUS_ERROR, "cannot read %s",
			  input_name(path)) : STATUS_OK;
}

/**
 * output_open() - open a file to write
 * @call: the command
 * @path: its path
 *
 * Return: the file, or NULL after an error message.
 */
FILE *output_open(const struct call *call, const char *path)
{
	FILE *file = is_standard(path) ? stdout : fopen(path, "we");

	if (!file)
		fail(call, STATUS_ERROR, "cannot write %s: %s", path,
		     strerror(errno));
	return file;
}

/**
 * output_close() - all has been written to a file
 * @call: the command
 * @file: the file
 * @path: its path
 *
 * Return: STATUS_OK, or STATUS_ERROR after an error message.
 */
enum status output_close(const struct call *call, FILE *file, const char *path)
{
	bool bad = ferror(file);

	if (file == stdout)
		bad |= fflush(file) != 0;
	else
		bad |= fclose(file) != 0;
	return bad ? fail(call, STATUS_ERROR, "cannot write %s: %s", path,
			  strerror(errno)) : STATUS_OK;
}

/**
 * check_source() - is there one source of what a command works on?
 * @call: the command: an object, and then arguments or --file
 * @what: what they are
 *
 * Return: STATUS_OK, or STATUS_USAGE after an error message.
 */
enum status check_source(const struct call *call, const char *what)
{
	bool arguments = call->nr > 1;

	if (arguments && call->file)
		return fail(call, STATUS_USAGE,
			    "give %s as arguments or in a file, not both", what);
	if (!arguments && !call->file)
		return fail(call, STATUS_USAGE,
			    "give %s, or a file of them with --file", what);
	return STATUS_OK;
}

/**
 * split_error() - a line could not be split into words
 * @call: the command, which knows the line
 * @err: what words_split() has returned
 *
 * Return: the status to end with.
 */
enum status split_error(const struct call *call, int err)
{
	if (err == -EINVAL)
		return fail(call, STATUS_USAGE, "a quote is not closed");
	return fail_errno(call, err, "the line's words");
}
