// SPDX-License-Identifier: GPL-2.0
/*
 * qds-backup - incremental backup of images with the qds module
 *
 * A sample of libqds that does real work: see qds-backup(1).
 */
#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "libqds.h"
#include "map.h"
#include "parse.h"
#include "util.h"

const char *argp_program_version = "qds-backup " VERSION;

/* For the demo's small image to need several. */
#define DEFAULT_CHUNK 512

#define MAX_ARGS 4

enum {
	OPT_FD = 0x100,
	OPT_NAME,
	OPT_ASCII,
	OPT_CHUNK,
	OPT_PROGRESS,
};

struct arguments {
	struct options options;
	const char *arg[MAX_ARGS];
	int nr;
};

/**
 * fail() - print an error
 * @status: its status
 * @format: the message, as for printf
 *
 * Return: @status.
 */
enum status fail(enum status status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("qds-backup: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/**
 * fail_errno() - print an error of the system
 * @err: -errno
 * @format: what it was about, as for printf
 *
 * Return: STATUS_ERROR.
 */
enum status fail_errno(int err, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("qds-backup: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(-err));
	return STATUS_ERROR;
}

/**
 * device_open() - open the device
 *
 * Return: its descriptor, or -1 after an error message.
 */
int device_open(void)
{
	int dev = qds_open(NULL);

	if (dev >= 0)
		return dev;
	fail_errno(dev, "cannot open %s%s", QDS_DEVICE, dev == -ENOENT ?
		   " (is the module loaded? try: modprobe qds)" : "");
	return -1;
}

static error_t parse_progress(struct argp_state *state, const char *arg,
			      enum progress_when *when)
{
	static const char *const names[] = { "auto", "always", "never" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(arg, names[i])) {
			*when = i;
			return 0;
		}
	}
	argp_error(state, "--progress: use auto, always or never, not '%s'", arg);
	return -EINVAL;
}

static error_t parse_number(struct argp_state *state, const char *arg,
			    uint32_t max, uint32_t *value)
{
	if (!parse_u32(arg, value) && *value && *value <= max)
		return 0;
	argp_error(state, "'%s' is not a number from 1 to %u", arg, max);
	return -EINVAL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct options *options = &arguments->options;
	uint32_t fd;

	switch (key) {
	case OPT_PROGRESS:
		return parse_progress(state, arg, &options->progress);
	case OPT_ASCII:
		options->ascii = true;
		return 0;
	case 'w':
		return parse_number(state, arg, MAP_MAX_SIDE, &options->width);
	case OPT_CHUNK:
		return parse_number(state, arg, 1U << 30, &options->chunk);
	case OPT_FD:
		if (parse_number(state, arg, INT32_MAX, &fd))
			return -EINVAL;
		options->fd = fd;
		return 0;
	case OPT_NAME:
		options->name = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->nr == MAX_ARGS)
			argp_error(state, "too many arguments");
		else
			arguments->arg[arguments->nr++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option argp_options[] = {
	{ "progress", OPT_PROGRESS, "WHEN", 0,
	  "auto (if stderr is a terminal), always or never", 0 },
	{ "ascii", OPT_ASCII, NULL, 0, "scan: draw the map in ASCII", 0 },
	{ "width", 'w', "COLUMNS", 0, "scan: width of the map", 0 },
	{ "chunk", OPT_CHUNK, "BYTES", 0,
	  "scan, apply: serialize so much at once; 512 if not given", 0 },
	{ "fd", OPT_FD, "N", 0, "verify: the inherited bitmap", 0 },
	{ "name", OPT_NAME, "NAME", 0, "verify: the bitmap of that name", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc = "scan FULL IMAGE BITMAP\n"
		    "apply BITMAP IMAGE COPY\n"
		    "verify --fd N | --name NAME BITMAP",
	.doc = "Incremental backup of an image with the qds module.\n"
	       "\vscan finds the blocks of IMAGE that differ from its copy FULL, draws\n"
	       "and saves them as BITMAP, and lets another process verify that. apply\n"
	       "copies these blocks from IMAGE to COPY, a copy of FULL or FULL itself,\n"
	       "and compares checksums.\n\n"
	       "Exit status: 0 success; 1 what should be equal is not; 2 wrong usage;\n"
	       "3 an error.",
};

static enum status verify_named(const struct options *options, const char *file)
{
	struct options found = *options;
	enum status status;
	int dev = device_open();

	if (dev < 0)
		return STATUS_ERROR;
	found.fd = qds_open_name(dev, options->name, QDS_ACCESS_READ);
	close(dev);
	if (found.fd < 0)
		return fail_errno(found.fd,
				  "cannot open a bitmap of the name '%s' (qdsctl name list shows which there are)",
				  options->name);
	status = step_verify(&found, file);
	close(found.fd);
	return status;
}

static enum status run(const struct arguments *arguments)
{
	const struct options *options = &arguments->options;
	const char *const *arg = arguments->arg;

	if (arguments->nr == 4 && !strcmp(arg[0], "scan"))
		return step_scan(options, arg[1], arg[2], arg[3]);
	if (arguments->nr == 4 && !strcmp(arg[0], "apply"))
		return step_apply(options, arg[1], arg[2], arg[3]);
	if (arguments->nr == 2 && !strcmp(arg[0], "verify") && options->fd >= 0 &&
	    !options->name)
		return step_verify(options, arg[1]);
	if (arguments->nr == 2 && !strcmp(arg[0], "verify") && options->fd < 0 &&
	    options->name)
		return verify_named(options, arg[1]);
	return fail(STATUS_USAGE, "see qds-backup --help");
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.options = {
			.chunk = DEFAULT_CHUNK,
			.fd = -1,
			.self = "/proc/self/exe",
		},
	};
	enum status status;

	/* Results are to be seen as they come, also in a log. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	status = run(&arguments);
	if (fflush(stdout) || ferror(stdout))
		return fail(STATUS_ERROR, "cannot write the output");
	return status;
}
