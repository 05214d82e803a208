// SPDX-License-Identifier: GPL-2.0
/* bitmap begin, take, clone, merge, truncate, seal, digest, wait, status */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bitmap.h"
#include "json.h"
#include "name.h"
#include "parse.h"

/* What the kernel says of a bitmap as a whole. */
static enum status result_of(const struct call *call,
			     const struct bitmap *bitmap, int err)
{
	return err < 0 ? fail_errno(call, err, "%s", bitmap->object.name) :
			 STATUS_OK;
}

enum status run_begin(struct call *call)
{
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);

	if (!status)
		status = result_of(call, &bitmap,
				   qds_bitmap_begin_restore(bitmap.object.fd));
	return status ? status : object_keep(call, &bitmap.object);
}

enum status run_seal(struct call *call)
{
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);

	return status ? status :
	       result_of(call, &bitmap, qds_bitmap_set_sealed(bitmap.object.fd));
}

/* Or what was taken would be lost. */
static void give_back(const struct call *call, const struct bitmap *bitmap, int taken)
{
	int err = qds_bitmap_merge_from(bitmap->object.fd, taken, QDS_MERGE_OR);

	result_of(call, bitmap, err);
}

/* Returns the new bitmap's descriptor, or -errno. */
static int take_or_clone(const struct call *call, int fd, bool take,
			 struct qds_bitmap_point *point)
{
	bool since = call->since && strcmp(call->since, "none") != 0;

	if (!take)
		return qds_bitmap_clone(fd);
	return qds_bitmap_take_since(fd, since ? point : NULL, point);
}

/* The new bitmap gets the name of the second argument, if there is one. */
static enum status run_copy(struct call *call, bool take)
{
	const char *local = call->args[1];
	enum status status = names_check(call, local);
	struct qds_bitmap_point point;
	struct bitmap bitmap;
	int fd;

	if (!status && call->since && strcmp(call->since, "none"))
		status = point_parse(call, call->since, &point);
	if (!status)
		status = bitmap_find(call, &bitmap);
	if (status)
		return status;
	fd = take_or_clone(call, bitmap.object.fd, take, &point);
	if (fd < 0) {
		status = result_of(call, &bitmap, fd);
		/* As bitmap history has it, which would have said so. */
		return fd == -ESTALE ? STATUS_NO : status;
	}
	/* Also when it is put back: it is the point of what was there before, too. */
	if (call->since)
		point_print(call, &point);
	status = names_link(call, fd);
	if (status && take)
		give_back(call, &bitmap, fd);
	if (!status && local)
		return object_add(call, local, fd) ? STATUS_OK : STATUS_ERROR;
	close(fd);
	return status;
}

enum status run_take(struct call *call)
{
	return run_copy(call, true);
}

enum status run_clone(struct call *call)
{
	return run_copy(call, false);
}

enum status run_merge(struct call *call)
{
	struct object source;
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);
	int err;

	if (!status)
		status = object_find(call, call->args[1], QDS_KIND_BITMAP, &source);
	if (status)
		return status;
	err = qds_bitmap_merge_from(bitmap.object.fd, source.fd, call->how);
	if (err == -EINVAL)
		return fail(call, STATUS_ERROR,
			    "%s and %s are the same bitmap, or of different size or granularity",
			    bitmap.object.name, source.name);
	return result_of(call, &bitmap, err);
}

enum status run_truncate(struct call *call)
{
	struct bitmap bitmap;
	enum status status;
	uint64_t items;
	int err;

	err = parse_u64(call->args[1], &items);
	if (err)
		return fail(call, STATUS_USAGE, "items: '%s' %s", call->args[1],
			    err == -ERANGE ? "is too large" : "is not a number");
	if (!items)
		return fail(call, STATUS_USAGE, "a bitmap has at least one item");
	status = bitmap_find(call, &bitmap);
	return status ? status :
	       result_of(call, &bitmap,
			 qds_bitmap_truncate_to(bitmap.object.fd, items));
}

enum status run_digest(struct call *call)
{
	unsigned char digest[QDS_DIGEST_SIZE];
	char text[2 * QDS_DIGEST_SIZE + 1];
	struct json_object *json;
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);
	size_t i;

	if (!status)
		status = result_of(call, &bitmap,
				   qds_bitmap_get_digest(bitmap.object.fd, digest));
	if (status)
		return status;
	for (i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	if (!call->json) {
		printf("%s\n", text);
		return STATUS_OK;
	}
	json = json_object_new_object();
	json_text(json, "digest", text);
	json_put_line(json);
	return STATUS_OK;
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As long as --timeout says. Return: what poll(2) says, 0 if it said nothing, or -errno. */
int wait_for(const struct call *call, int fd)
{
	int64_t left, end = milliseconds() + (int64_t)call->timeout * 1000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int nr;

	do {
		left = call->timeout_given ? end - milliseconds() : -1;
		if (call->timeout_given && left < 0)
			left = 0;
		nr = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	} while ((nr < 0 && errno == EINTR) || (!nr && left > 0));
	return nr < 0 ? -errno : nr ? p.revents : 0;
}

enum status run_wait(struct call *call)
{
	uint64_t dirty = 1;
	struct bitmap bitmap;
	enum status status;
	int err;

	if (call->args[1]) {
		err = parse_u64(call->args[1], &dirty);
		if (err || !dirty)
			return fail(call, STATUS_USAGE,
				    "items: '%s' is not a number above 0",
				    call->args[1]);
	}
	status = bitmap_find(call, &bitmap);
	if (status)
		return status;
	err = qds_bitmap_set_watch(bitmap.object.fd, dirty);
	if (!err)
		err = wait_for(call, bitmap.object.fd);
	if (err > 0 && err & POLLERR)
		err = -EOWNERDEAD;
	if (err)
		return result_of(call, &bitmap, err);
	return STATUS_NO;
}

enum status run_status(struct call *call)
{
	struct qds_range range = { .count = 1 };
	struct json_object *json;
	struct bitmap bitmap;
	enum status status;
	uint64_t item, same;
	const char *name;
	int dirty;

	if (parse_u64(call->args[1], &item))
		return fail(call, STATUS_USAGE, "'%s' is no item", call->args[1]);
	status = bitmap_find(call, &bitmap);
	if (status)
		return status;
	range.start = item;
	if (item < bitmap.items)
		range.count = bitmap.items - item;
	dirty = qds_bitmap_get_status(bitmap.object.fd, range.start, range.count,
				      &same);
	if (dirty < 0)
		return bitmap_range_error(call, &bitmap, &range, dirty);
	name = dirty ? "dirty" : "clean";
	if (call->json) {
		json = json_object_new_object();
		json_number(json, "start", item);
		json_number(json, "count", same);
		json_text(json, "state", name);
		json_put_line(json);
	} else if (!call->quiet) {
		printf("%" PRIu64 "+%" PRIu64 " %s\n", item, same, name);
	}
	return dirty ? STATUS_OK : STATUS_NO;
}

const struct argp_option copy_options[] = {
	NAME_OPTION,
	MODE_OPTION,
	{ 0 }
};

const struct argp_option take_options[] = {
	NAME_OPTION,
	MODE_OPTION,
	{ "since", OPT_SINCE, "POINT", 0,
	  "Only if nothing was lost since, or 1; none: in any case. Print the next point", 0 },
	{ 0 }
};

const struct argp_option merge_options[] = {
	{ "how", OPT_HOW, "HOW", 0, "or, as when nothing is said, and, andnot, xor", 0 },
	{ 0 }
};

const struct argp_option wait_options[] = {
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "Wait no longer", 0 },
	{ 0 }
};
