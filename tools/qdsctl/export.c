// SPDX-License-Identifier: GPL-2.0
/* bitmap export: dirty bitmaps for other programs */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bitmap.h"
#include "progress.h"
#include "qcow2.h"

/**
 * struct source - a bitmap that is being exported
 * @bitmap: the bitmap
 * @progress: how far it came
 */
struct source {
	struct bitmap bitmap;
	struct progress progress;
};

static int read_part(void *opaque, const struct bits *bits)
{
	struct source *source = opaque;
	const struct bitmap *bitmap = &source->bitmap;
	uint64_t start = bits->first << bitmap->granularity;
	uint64_t count = bitmap->items - start;

	if (bits->nr <= count >> bitmap->granularity)
		count = bits->nr << bitmap->granularity;
	progress_update(&source->progress, qcow2_bits_bytes(bits->first));
	return qds_bitmap_serialize(bitmap->object.fd, start, count, bits->data,
				    bits->size, NULL);
}

static enum status store_error(const struct call *call,
			       const struct fault *fault, int err)
{
	if (*fault->text)
		return fail(call, STATUS_ERROR, "%s: %s", call->args[1],
			    fault->text);
	return fail_errno(call, err, "%s", call->args[0]);
}

static enum status store(struct call *call, struct source *source,
			 struct qcow2 *qcow2)
{
	const struct bitmap *bitmap = &source->bitmap;
	const struct qcow2_new new = {
		.name = call->bitmap,
		.granularity = bitmap->granularity,
		.disabled = call->disabled,
		.fn = read_part,
		.opaque = source,
	};
	int err;

	if (bitmap->items != qcow2->disk_size)
		return fail(call, STATUS_ERROR,
			    "%s has %" PRIu64 " bytes, bitmap %s %" PRIu64 " items: not as many",
			    call->args[1], qcow2->disk_size,
			    bitmap->object.name, bitmap->items);
	progress_begin(&source->progress, call->quiet ? PROGRESS_NEVER :
							PROGRESS_AUTO, "export",
		       qcow2_bits_bytes(qcow2_bits(qcow2,
						   bitmap->granularity)));
	err = qcow2_bitmap_store(qcow2, &new);
	progress_end(&source->progress);
	return err ? store_error(call, qcow2->fault, err) : STATUS_OK;
}

static enum status export_qcow2(struct call *call)
{
	struct fault fault = { 0 };
	struct image_file file;
	struct source source;
	struct qcow2 qcow2;
	enum status status;
	int err;

	status = bitmap_find(call, &source.bitmap);
	if (status)
		return status;
	err = image_file_open(&file, call->args[1], true, &fault);
	if (err)
		return store_error(call, &fault, err);
	err = qcow2_open(&qcow2, &file.image, &fault);
	status = err ? store_error(call, &fault, err) :
		       store(call, &source, &qcow2);
	qcow2_close(&qcow2);
	err = image_file_close(&file);
	if (err && !status)
		status = fail_errno(call, err, "%s", call->args[1]);
	return status;
}

/* It is serialize with a file. */
static enum status export_raw(struct call *call)
{
	call->file = call->args[1];
	call->args[1] = call->args[2];
	call->nr--;
	return run_serialize(call);
}

enum status run_export(struct call *call)
{
	bool qcow2 = call->container == CONTAINER_QCOW2;

	if (call->container == CONTAINER_NBD)
		return fail(call, STATUS_USAGE,
			    "to serve a bitmap to NBD clients use nbdkit with nbdkit-qds-plugin");
	if (qcow2 && call->nr > 2)
		return fail(call, STATUS_USAGE, "a range is only for -F raw");
	if (qcow2 && !call->bitmap)
		return fail(call, STATUS_USAGE,
			    "name the bitmap in the image with -B");
	if (!qcow2 && (call->bitmap || call->disabled))
		return fail(call, STATUS_USAGE,
			    "-B and --disabled are only for -F qcow2");
	return qcow2 ? export_qcow2(call) : export_raw(call);
}

const char export_details[] =
	"FILE is, with -F raw or without -F, a file for the serialized form, or -,\n"
	"as bitmap serialize -o writes it; with -F qcow2 an image that no program\n"
	"has open. There an item is a byte of its disk, and there must be as many;\n"
	"granularity is 9 to 31. A bitmap of the name is replaced, others are kept.\n"
	"An image that is refused is as it was.";

const struct argp_option export_options[] = {
	{ "format", 'F', "FORMAT", 0, "raw or qcow2; raw if not given", 0 },
	{ "bitmap", 'B', "NAME", 0, "The bitmap's name in the image", 0 },
	{ "disabled", OPT_DISABLED, NULL, 0, "QEMU shall not record writes into it", 0 },
	{ 0 }
};
