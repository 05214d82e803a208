// SPDX-License-Identifier: GPL-2.0
/* bitmap import: dirty bitmaps of other programs */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bitmap.h"
#include "extents.h"
#include "progress.h"
#include "qcow2.h"

/* What talks to servers: a program of its own, for it is not static. */
#define NBD_PROGRAM "qds-nbd-map"
#define CANNOT_RUN 127

/* As QEMU has it when nothing is said. */
#define DEFAULT_GRANULARITY 16

/* Bytes restored at once from what a server has said. */
#define CHUNK (256U << 10)

/**
 * struct restore - a bitmap that is being imported
 * @call: the command
 * @bitmap: the bitmap
 * @progress: how far it came
 */
struct restore {
	struct call *call;
	struct bitmap bitmap;
	struct progress progress;
};

/* The serialized bits from @first on, as items. */
static int restore_part(void *opaque, const struct bits *bits)
{
	struct restore *restore = opaque;
	const struct bitmap *bitmap = &restore->bitmap;
	uint64_t start = bits->first << bitmap->granularity;
	uint64_t count = bitmap->items - start;
	int fd = bitmap->object.fd;
	int err;

	if (bits->nr <= count >> bitmap->granularity)
		count = bits->nr << bitmap->granularity;
	if (bits->kind == BITS_DATA)
		err = qds_bitmap_deserialize(fd, start, count, bits->data,
					     bits->size, NULL);
	else
		err = qds_bitmap_deserialize_fill(fd, start, count,
						  bits->kind == BITS_ONES ?
						  QDS_CHUNK_ONES :
						  QDS_CHUNK_ZEROES, NULL);
	progress_update(&restore->progress, qcow2_bits_bytes(bits->first));
	return err;
}

/*
 * Finds the bitmap, or makes it. One that is made is not named before it is
 * whole: @restore->bitmap.object has only its descriptor.
 */
static enum status restore_begin(struct restore *restore, uint64_t items,
				 unsigned int granularity)
{
	struct call *call = restore->call;
	struct bitmap *bitmap = &restore->bitmap;
	int dev;

	if (!call->create)
		return bitmap_find(call, bitmap);
	if (!name_ok(call, call->args[0]))
		return STATUS_USAGE;
	dev = device_open(call);
	if (dev < 0)
		return STATUS_ERROR;
	*bitmap = (struct bitmap){
		.object = {
			.name = call->args[0],
			.fd = qds_create_bitmap(dev, items, granularity),
		},
		.items = items,
		.granularity = granularity,
		.align = granularity,
	};
	close(dev);
	if (bitmap->object.fd < 0)
		return fail_errno(call, bitmap->object.fd,
				  "%" PRIu64 " items, granularity %u", items,
				  granularity);
	return STATUS_OK;
}

/* After a wrong import one that was to be made is not there. */
static enum status restore_end(struct restore *restore, enum status status)
{
	struct call *call = restore->call;
	int fd = restore->bitmap.object.fd;
	int err;

	if (status && !call->create)
		report_half(call, &restore->bitmap);
	if (!status) {
		err = qds_bitmap_finish_restore(fd);
		if (err)
			status = fail_errno(call, err, "%s",
					    restore->bitmap.object.name);
	}
	if (call->create && status)
		close(fd);
	else if (call->create && !object_add(call, call->args[0], fd))
		status = STATUS_ERROR;
	return status;
}

static void show_progress(struct restore *restore)
{
	const struct bitmap *bitmap = &restore->bitmap;
	uint64_t bits = ((bitmap->items - 1) >> bitmap->granularity) + 1;

	progress_begin(&restore->progress, restore->call->quiet ?
		       PROGRESS_NEVER : PROGRESS_AUTO, "import",
		       qcow2_bits_bytes(bits));
}

static const char use_create[] = " (--create makes one that fits)";

static enum status check_size(const struct restore *restore, uint64_t items)
{
	const struct bitmap *bitmap = &restore->bitmap;

	if (bitmap->items == items)
		return STATUS_OK;
	return fail(restore->call, STATUS_ERROR,
		    "%s has %" PRIu64 " bytes, bitmap %s %" PRIu64 " items: not as many%s",
		    restore->call->args[1], items, bitmap->object.name,
		    bitmap->items, use_create);
}

static enum status check_granularity(const struct restore *restore,
				     const struct qcow2_bitmap *from)
{
	const struct bitmap *bitmap = &restore->bitmap;

	if (bitmap->granularity == from->granularity)
		return STATUS_OK;
	return fail(restore->call, STATUS_ERROR,
		    "bitmap '%s' of %s has granularity %u, bitmap %s %u: not the same%s",
		    from->name, restore->call->args[1], from->granularity,
		    bitmap->object.name, bitmap->granularity, use_create);
}

/* A fault is of the file; without one the error is the kernel's. */
static enum status load_error(const struct call *call, const struct fault *fault,
			      int err)
{
	if (*fault->text)
		return fail(call, STATUS_ERROR, "%s: %s", call->args[1],
			    fault->text);
	return fail_errno(call, err, "%s", call->args[0]);
}

static enum status load_qcow2(struct restore *restore, struct qcow2 *qcow2,
			      const struct qcow2_bitmap *from)
{
	enum status status;
	int err;

	status = restore_begin(restore, qcow2->disk_size, from->granularity);
	if (status)
		return status;
	status = check_size(restore, qcow2->disk_size);
	if (!status)
		status = check_granularity(restore, from);
	if (!status) {
		show_progress(restore);
		err = qcow2_bitmap_load(qcow2, from, restore_part, restore);
		progress_end(&restore->progress);
		if (err)
			status = load_error(restore->call, qcow2->fault, err);
	}
	return restore_end(restore, status);
}

static enum status import_qcow2(struct call *call)
{
	struct restore restore = { .call = call };
	const struct qcow2_bitmap *from;
	struct fault fault = { 0 };
	struct image_file file;
	struct qcow2 qcow2;
	enum status status;
	int err;

	err = image_file_open(&file, call->args[1], false, &fault);
	if (err)
		return load_error(call, &fault, err);
	err = qcow2_open(&qcow2, &file.image, &fault);
	if (!err)
		err = qcow2_bitmap_find(&qcow2, call->bitmap, &from);
	status = err ? load_error(call, &fault, err) :
		       load_qcow2(&restore, &qcow2, from);
	qcow2_close(&qcow2);
	image_file_close(&file);
	return status;
}

/* In the child. */
static void run_nbd_program(const struct call *call, int output)
{
	const char *option = call->bitmap ? "-B" : "-x";
	const char *what = call->bitmap ? call->bitmap : call->context;

	if (dup2(output, STDOUT_FILENO) >= 0)
		execlp(NBD_PROGRAM, NBD_PROGRAM, option, what, "--",
		       call->args[1], NULL);
	fail(call, STATUS_ERROR, "cannot run " NBD_PROGRAM ": %s%s",
	     strerror(errno), errno == ENOENT ?
	     " (is it installed? it is built where libnbd is)" : "");
	_exit(CANNOT_RUN);
}

static int start_nbd_program(const struct call *call, pid_t *pid)
{
	int pipe[2];
	int err;

	*pid = -1;
	if (pipe2(pipe, O_CLOEXEC))
		return -errno;
	*pid = fork();
	if (*pid < 0) {
		err = -errno;
		close(pipe[0]);
		close(pipe[1]);
		return err;
	}
	if (!*pid)
		run_nbd_program(call, pipe[1]);
	close(pipe[1]);
	return pipe[0];
}

static enum status read_lines(const struct call *call, FILE *file,
			      struct extents_reader *reader)
{
	struct fault fault = { 0 };
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		err = extents_read_line(reader, line, &fault);
	}
	free(line);
	return err ? fail(call, STATUS_ERROR, NBD_PROGRAM ": %s", fault.text) :
		     STATUS_OK;
}

/* It has told what is wrong itself. */
static enum status end_nbd_program(const struct call *call, pid_t pid,
				   const struct extents_reader *reader)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(call, -errno, NBD_PROGRAM);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
		return STATUS_ERROR;
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !reader->ended)
		return fail(call, STATUS_ERROR,
			    NBD_PROGRAM " has failed: nothing was imported");
	return STATUS_OK;
}

static enum status read_extents(const struct call *call,
				struct extents_reader *reader)
{
	enum status status;
	FILE *file;
	pid_t pid;
	int fd;

	fflush(stdout);
	fd = start_nbd_program(call, &pid);
	if (fd < 0)
		return fail_errno(call, fd, NBD_PROGRAM);
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		status = fail_errno(call, -ENOMEM, NBD_PROGRAM);
	} else {
		status = read_lines(call, file, reader);
		fclose(file);
	}
	/* One that writes on has no reader any more, and ends too. */
	return worst(status, end_nbd_program(call, pid, reader));
}

static enum status load_extents(struct restore *restore,
				const struct extents *extents)
{
	enum status status;
	int err;

	show_progress(restore);
	err = extents_walk(extents, CHUNK, restore_part, restore);
	progress_end(&restore->progress);
	status = err ? fail_errno(restore->call, err, "%s",
				  restore->bitmap.object.name) : STATUS_OK;
	return restore_end(restore, status);
}

static enum status import_nbd(struct call *call)
{
	struct restore restore = { .call = call };
	struct extents extents = { 0 };
	struct extents_reader reader = { .extents = &extents };
	enum status status = STATUS_OK;

	reader.granularity = call->granularity_given ? call->granularity :
						       DEFAULT_GRANULARITY;
	if (!call->create) {
		status = bitmap_find(call, &restore.bitmap);
		reader.granularity = restore.bitmap.granularity;
	}
	/* All of it is read before the bitmap is touched. */
	if (!status)
		status = read_extents(call, &reader);
	if (!status)
		status = restore_begin(&restore, extents.items,
				       extents.granularity);
	if (!status) {
		status = check_size(&restore, extents.items);
		if (!status)
			status = load_extents(&restore, &extents);
	}
	extents_free(&extents);
	return status;
}

/* It is deserialize with a file. */
static enum status import_raw(struct call *call)
{
	call->file = call->args[1];
	call->args[1] = call->args[2];
	call->nr--;
	return run_deserialize(call);
}

static enum status check_options(const struct call *call)
{
	if (call->container != CONTAINER_RAW && call->nr > 2)
		return fail(call, STATUS_USAGE,
			    "a range is only for -F raw");
	if (call->container == CONTAINER_RAW && call->create)
		return fail(call, STATUS_USAGE,
			    "a raw file does not say the number of items: use bitmap create, and no --create");
	if (call->container == CONTAINER_RAW && call->bitmap)
		return fail(call, STATUS_USAGE,
			    "a raw file has no names: no -B, or -F qcow2 or nbd");
	if (call->container != CONTAINER_NBD && call->context)
		return fail(call, STATUS_USAGE, "-x is only for -F nbd");
	if (call->container == CONTAINER_NBD && !call->bitmap == !call->context)
		return fail(call, STATUS_USAGE,
			    "name the server's bitmap with -B, or a metadata context with -x");
	if (call->granularity_given &&
	    !(call->create && call->container == CONTAINER_NBD))
		return fail(call, STATUS_USAGE,
			    "-g is only for --create with -F nbd");
	if (call->granularity > 63)
		return fail(call, STATUS_USAGE, "granularity %u is above 63",
			    call->granularity);
	return STATUS_OK;
}

enum status run_import(struct call *call)
{
	enum status status = check_options(call);

	if (status)
		return status;
	switch (call->container) {
	case CONTAINER_QCOW2:
		return import_qcow2(call);
	case CONTAINER_NBD:
		return import_nbd(call);
	default:
		return import_raw(call);
	}
}

const char import_details[] =
	"FILE is, with -F raw or without -F, a file of the serialized form, or -,\n"
	"as bitmap deserialize -f reads it; with -F qcow2 an image; with -F nbd\n"
	"the URI of a server, as nbd+unix:///?socket=PATH. Of an image and of a\n"
	"server an item is a byte, and the bitmap must have as many; of an image\n"
	"the granularity must be the bitmap's too. The bitmap is untouched when\n"
	"the source is refused or a server fails.";

const struct argp_option import_options[] = {
	{ "format", 'F', "FORMAT", 0, "raw, qcow2 or nbd; raw if not given", 0 },
	{ "bitmap", 'B', "NAME", 0, "Of several in the image; of the server", 0 },
	{ "context", 'x', "CONTEXT", 0, "A metadata context of the server instead", 0 },
	{ "create", OPT_CREATE, NULL, 0, "Make BITMAP, of the source's size", 0 },
	{ "granularity", 'g', "N", 0, "For --create from a server; 16 if not given", 0 },
	{ 0 }
};
