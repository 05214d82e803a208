// SPDX-License-Identifier: GPL-2.0
/*
 * nbdkit-qds-plugin - a dirty bitmap for NBD clients
 *
 * A plugin of nbdkit can answer for one metadata context, base:allocation. So
 * the export is a disk to which the answers are true: what is clean is a hole
 * that reads as zeroes, what is dirty is allocated; there it reads as the image
 * that is given does, and without one as zeroes too.
 */
#define NBDKIT_API_VERSION 2
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nbdkit-plugin.h>

#include "libqds.h"
#include "parse.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* The bitmap, its size, the image. */
static int bitmap = -1;
static uint64_t items;
static int image = -1;

static void unload(void)
{
	if (image >= 0)
		close(image);
}

static int config_fd(const char *value)
{
	uint32_t fd;

	if (parse_u32(value, &fd) || fd > INT32_MAX) {
		nbdkit_error("fd=%s: not a descriptor", value);
		return -1;
	}
	bitmap = fd;
	return 0;
}

static int config_image(const char *value)
{
	char *path = nbdkit_absolute_path(value);

	if (!path)
		return -1;
	image = open(path, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		nbdkit_error("image=%s: %m", value);
	free(path);
	return image < 0 ? -1 : 0;
}

static int config(const char *key, const char *value)
{
	if (!strcmp(key, "fd"))
		return config_fd(value);
	if (!strcmp(key, "image"))
		return config_image(value);
	nbdkit_error("there is no parameter %s: fd and image are", key);
	return -1;
}

static int check_image(void)
{
	off_t size = lseek(image, 0, SEEK_END);

	if (size < 0) {
		nbdkit_error("size of the image: %m");
		return -1;
	}
	if ((uint64_t)size == items)
		return 0;
	nbdkit_error("the image has %" PRId64 " bytes, the bitmap %" PRIu64
		     " items: they must be as many", (int64_t)size, items);
	return -1;
}

static int config_complete(void)
{
	struct qds_bitmap_info info;
	int err;

	if (bitmap < 0) {
		nbdkit_error("fd=N is missing: a descriptor that qdsctl exec gives");
		return -1;
	}
	err = qds_bitmap_get_info(bitmap, &info);
	if (err) {
		nbdkit_error("descriptor %d is not a bitmap of qds: %s", bitmap,
			     strerror(-err));
		return -1;
	}
	/* What is restored now is wrong now, and would be so for a client. */
	if (info.state == QDS_BITMAP_RESTORING ||
	    info.state == QDS_BITMAP_ABANDONED) {
		nbdkit_error("the bitmap is being restored: finish that first");
		return -1;
	}
	if (info.items > INT64_MAX) {
		nbdkit_error("the bitmap is too large for NBD");
		return -1;
	}
	items = info.items;
	return image < 0 ? 0 : check_image();
}

static void *open_connection(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t get_size(void *handle)
{
	(void)handle;
	return items;
}

static int yes(void *handle)
{
	(void)handle;
	return 1;
}

static int read_image(char *data, uint64_t count, uint64_t offset)
{
	while (count) {
		ssize_t got = pread(image, data, count, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			nbdkit_error("cannot read the image: %s",
				     got ? strerror(errno) : "it ends early");
			errno = EIO;
			return -1;
		}
		data += got;
		count -= got;
		offset += got;
	}
	return 0;
}

static int bitmap_error(int err)
{
	nbdkit_error("the bitmap: %s", strerror(-err));
	errno = err == -ENOMEM ? ENOMEM : EIO;
	return -1;
}

static int read_dirty(void *handle, void *buffer, uint32_t count,
		      uint64_t offset, uint32_t flags)
{
	struct qds_extent_iter iter;
	struct qds_extent dirty;
	char *data = buffer;
	int more;

	(void)handle;
	(void)flags;
	memset(data, 0, count);
	if (image < 0)
		return 0;
	qds_extent_iter_init(&iter, bitmap, QDS_EXTENT_DIRTY, offset, count);
	while ((more = qds_extent_iter_next(&iter, &dirty)) > 0)
		if (read_image(data + (dirty.start - offset), dirty.count,
			       dirty.start))
			return -1;
	return more ? bitmap_error(more) : 0;
}

/* Both kinds are asked for, so that they have no gaps. */
static int get_extents(void *handle, uint32_t count, uint64_t offset,
		       uint32_t flags, struct nbdkit_extents *extents)
{
	const uint32_t clean = NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO;
	struct qds_extent_iter iter;
	struct qds_extent extent;
	int more;

	(void)handle;
	qds_extent_iter_init(&iter, bitmap, QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN,
			     offset, count);
	while ((more = qds_extent_iter_next(&iter, &extent)) > 0) {
		if (nbdkit_add_extent(extents, extent.start, extent.count,
				      extent.flags & QDS_EXTENT_DIRTY ? 0 :
									clean))
			return -1;
		if (flags & NBDKIT_FLAG_REQ_ONE)
			return 0;
	}
	return more ? bitmap_error(more) : 0;
}

#define CONFIG_HELP \
	"fd=N                 (required) Descriptor of the bitmap.\n" \
	"image=FILE           What is dirty reads as this file does."

static struct nbdkit_plugin plugin = {
	.name = "qds",
	.longname = "nbdkit qds plugin",
	.version = VERSION,
	.description = "a dirty bitmap of the qds module: what is clean is a hole",
	.unload = unload,
	.config = config,
	.config_complete = config_complete,
	.config_help = CONFIG_HELP,
	.open = open_connection,
	.get_size = get_size,
	.can_extents = yes,
	.can_multi_conn = yes,
	.pread = read_dirty,
	.extents = get_extents,
	.errno_is_preserved = 1,
};

NBDKIT_REGISTER_PLUGIN(plugin)
