// SPDX-License-Identifier: GPL-2.0
/*
 * qds-nbd-map - the dirty extents that an NBD server tells of
 *
 * A program of its own, because libnbd has no static form and because what
 * listens to a network need not hold the descriptors of objects.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnbd.h>

#define QEMU_BITMAP "qemu:dirty-bitmap:"
#define BASE_ALLOCATION "base:allocation"

/* Exit status, as of qdsctl. */
#define STATUS_USAGE 2
#define STATUS_ERROR 3

/* Where extents have 32 bits, asked for at once; a multiple of any block size. */
#define MAX_REQUEST (1ULL << 31)

/* The bit of a hole in base:allocation, and of what is dirty in QEMU's bitmaps. */
#define STATE_HOLE (1U << 0)
#define STATE_DIRTY (1U << 0)

/**
 * struct walk - a server's extents
 * @context: the metadata context that is asked for
 * @size: bytes of the export
 * @at: how far its state is known
 * @asked: up to where it was asked for
 * @start: where the dirty extent begins that ends at @at; @at if there is none
 * @answered: has the request had an answer for the context?
 * @failed: was the answer wrong?
 */
struct walk {
	const char *context;
	uint64_t size;
	uint64_t at;
	uint64_t asked;
	uint64_t start;
	bool answered;
	bool failed;
};

struct options {
	const char *bitmap;
	const char *context;
	const char *uri;
};

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "qds-nbd-map: %s: %s\n", what, why);
}

static void flush_dirty(struct walk *walk)
{
	if (walk->start < walk->at)
		printf("%" PRIu64 "+%" PRIu64 " dirty\n", walk->start,
		       walk->at - walk->start);
	walk->start = walk->at;
}

/* Return: 1 dirty, 0 clean, -1 for flags that the context does not have. */
static int is_dirty(const struct walk *walk, uint64_t flags)
{
	if (!strncmp(walk->context, QEMU_BITMAP, strlen(QEMU_BITMAP)))
		return flags > STATE_DIRTY ? -1 : (int)flags;
	if (!strcmp(walk->context, BASE_ALLOCATION))
		return !(flags & STATE_HOLE);
	return !!flags;
}

/* The last extent of an answer may reach behind what was asked for. */
static bool take_extent(struct walk *walk, uint64_t length, uint64_t flags)
{
	int dirty = is_dirty(walk, flags);

	if (!length || length > walk->size - walk->at || dirty < 0 ||
	    walk->at >= walk->asked) {
		complain("the server", dirty < 0 ?
			 "flags that a dirty bitmap does not have" :
			 "extents that are empty or reach too far");
		return false;
	}
	if (!dirty)
		flush_dirty(walk);
	walk->at += length;
	if (!dirty)
		walk->start = walk->at;
	return true;
}

static bool begin_answer(struct walk *walk, const char *context, uint64_t offset)
{
	if (strcmp(context, walk->context))
		return false;
	/* A second answer, or one to what was not asked. */
	if (walk->answered || offset != walk->at)
		walk->failed = true;
	walk->answered = true;
	return !walk->failed;
}

#ifdef LIBNBD_HAVE_NBD_BLOCK_STATUS_64
static int answer(void *opaque, const char *context, uint64_t offset,
		  nbd_extent *entries, size_t nr, int *error)
{
	struct walk *walk = opaque;
	size_t i;

	(void)error;
	if (!begin_answer(walk, context, offset))
		return 0;
	for (i = 0; i < nr && !walk->failed; i++)
		walk->failed = !take_extent(walk, entries[i].length,
					    entries[i].flags);
	return 0;
}

static int ask(struct nbd_handle *nbd, struct walk *walk, uint64_t count)
{
	nbd_extent64_callback callback = {
		.callback = answer,
		.user_data = walk,
	};

	return nbd_block_status_64(nbd, count, walk->at, callback, 0);
}

static uint64_t max_request(struct nbd_handle *nbd)
{
	return nbd_get_extended_headers_negotiated(nbd) > 0 ? UINT64_MAX :
							      MAX_REQUEST;
}
#else
static int answer(void *opaque, const char *context, uint64_t offset,
		  uint32_t *entries, size_t nr, int *error)
{
	struct walk *walk = opaque;
	size_t i;

	(void)error;
	if (!begin_answer(walk, context, offset))
		return 0;
	if (nr % 2)
		walk->failed = true;
	for (i = 0; i + 1 < nr && !walk->failed; i += 2)
		walk->failed = !take_extent(walk, entries[i], entries[i + 1]);
	return 0;
}

static int ask(struct nbd_handle *nbd, struct walk *walk, uint64_t count)
{
	nbd_extent_callback callback = {
		.callback = answer,
		.user_data = walk,
	};

	return nbd_block_status(nbd, count, walk->at, callback, 0);
}

static uint64_t max_request(struct nbd_handle *nbd)
{
	(void)nbd;
	return MAX_REQUEST;
}
#endif

static int walk_extents(struct nbd_handle *nbd, struct walk *walk)
{
	const uint64_t max = max_request(nbd);

	printf("# size %" PRIu64 "\n", walk->size);
	while (walk->at < walk->size) {
		uint64_t left = walk->size - walk->at;
		uint64_t count = left < max ? left : max;
		uint64_t before = walk->at;

		walk->asked = walk->at + count;
		walk->answered = false;
		if (ask(nbd, walk, count)) {
			complain("block status", nbd_get_error());
			return STATUS_ERROR;
		}
		if (walk->failed || !walk->answered || walk->at == before) {
			complain("the server", "an answer that is none");
			return STATUS_ERROR;
		}
	}
	flush_dirty(walk);
	puts("# end");
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output", strerror(errno));
		return STATUS_ERROR;
	}
	return 0;
}

static int print_map(struct nbd_handle *nbd, const char *uri, const char *context)
{
	struct walk walk = { .context = context };
	int64_t size;

	if (nbd_add_meta_context(nbd, context) || nbd_connect_uri(nbd, uri)) {
		complain(uri, nbd_get_error());
		return STATUS_ERROR;
	}
	if (nbd_can_meta_context(nbd, context) != 1) {
		fprintf(stderr,
			"qds-nbd-map: %s: the server has no '%s': nbdinfo lists what it has\n",
			uri, context);
		return STATUS_ERROR;
	}
	size = nbd_get_size(nbd);
	if (size <= 0) {
		complain(uri, size ? nbd_get_error() : "the export has no bytes");
		return STATUS_ERROR;
	}
	walk.size = size;
	return walk_extents(nbd, &walk);
}

static int connect_and_map(const struct options *options)
{
	struct nbd_handle *nbd = nbd_create();
	char *context = NULL;
	int status = STATUS_ERROR;

	if (options->bitmap &&
	    asprintf(&context, QEMU_BITMAP "%s", options->bitmap) < 0)
		context = NULL;
	if (!nbd || (options->bitmap && !context)) {
		complain("libnbd", strerror(ENOMEM));
	} else {
		status = print_map(nbd, options->uri, context ? context :
				   options->context);
		nbd_shutdown(nbd, 0);
	}
	free(context);
	nbd_close(nbd);
	return status;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'B':
		options->bitmap = arg;
		return 0;
	case 'x':
		options->context = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (options->uri)
			argp_error(state, "one URI, not several");
		options->uri = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->uri)
			argp_error(state, "the server's URI is missing");
		if (!options->bitmap == !options->context)
			argp_error(state, "give either -B or -x");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option choices[] = {
		{ "bitmap", 'B', "NAME", 0, "A dirty bitmap, qemu:dirty-bitmap:NAME", 0 },
		{ "context", 'x', "CONTEXT", 0, "Another metadata context", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = choices,
		.parser = parse_option,
		.args_doc = "URI",
		.doc = "Print the dirty extents that an NBD server tells of.\n"
		       "\vDirty is in a dirty bitmap what is set, in base:allocation\n"
		       "what is no hole, in any other context what has flags.\n\n"
		       "Exit status: 0 success; 2 wrong usage; 3 an error.",
	};
	struct options options = { 0 };

	argp_program_version = "qds-nbd-map " VERSION;
	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	return connect_and_map(&options);
}
