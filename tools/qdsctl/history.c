// SPDX-License-Identifier: GPL-2.0
/* bitmap attach, detach, history; and points, which take --since goes from */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "json.h"
#include "parse.h"

/* 32 digits of the instance, a colon, the generation */
#define INSTANCE_DIGITS	32
#define POINT_ROOM	(INSTANCE_DIGITS + 22)

/**
 * point_parse() - read a point as bitmap history prints it
 * @call: for messages
 * @text: the point
 * @point: out
 *
 * Return: STATUS_OK or STATUS_USAGE.
 */
enum status point_parse(const struct call *call, const char *text,
			struct qds_bitmap_point *point)
{
	char digits[17] = "";
	size_t i;

	if (strspn(text, "0123456789abcdef") != INSTANCE_DIGITS ||
	    text[INSTANCE_DIGITS] != ':' ||
	    parse_u64(text + INSTANCE_DIGITS + 1, &point->generation))
		return fail(call, STATUS_USAGE,
			    "'%s' is no point: bitmap history prints it", text);
	for (i = 0; i < 2; i++) {
		memcpy(digits, text + 16 * i, 16);
		point->instance[i] = strtoull(digits, NULL, 16);
	}
	return STATUS_OK;
}

static void point_write(char *text, const struct qds_bitmap_point *point)
{
	snprintf(text, POINT_ROOM, "%016" PRIx64 "%016" PRIx64 ":%" PRIu64,
		 (uint64_t)point->instance[0], (uint64_t)point->instance[1],
		 (uint64_t)point->generation);
}

/**
 * point_print() - write a point, in a line
 * @call: the command
 * @point: the point
 */
void point_print(const struct call *call, const struct qds_bitmap_point *point)
{
	struct json_object *json;
	char text[POINT_ROOM];

	point_write(text, point);
	if (!call->json) {
		puts(text);
		return;
	}
	json = json_object_new_object();
	json_text(json, "point", text);
	json_put_line(json);
}

enum status run_attach(struct call *call)
{
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);
	int err;

	if (status)
		return status;
	err = qds_bitmap_attach_writer(bitmap.object.fd,
				       call->marks_first ? QDS_ATTACH_MARKS_FIRST : 0,
				       NULL);
	if (err == -EBUSY)
		return fail(call, STATUS_ERROR,
			    "%s is attached already, or being restored",
			    bitmap.object.name);
	return err ? fail_errno(call, err, "%s", bitmap.object.name) :
		     object_keep(call, &bitmap.object);
}

enum status run_detach(struct call *call)
{
	struct bitmap bitmap;
	enum status status = bitmap_find(call, &bitmap);
	int err;

	if (status)
		return status;
	err = qds_bitmap_detach_writer(bitmap.object.fd);
	if (err == -ENODATA)
		return fail(call, STATUS_ERROR, "%s is not attached: bitmap attach does that",
			    bitmap.object.name);
	return err ? fail_errno(call, err, "%s", bitmap.object.name) : STATUS_OK;
}

static void print_history(const struct call *call, const struct qds_bitmap_history *history,
			  const struct qds_bitmap_point *point)
{
	char text[POINT_ROOM];
	struct json_object *json;

	point_write(text, point);
	if (!call->json) {
		printf("point       %s\n", text);
		printf("writers     %u\n", history->writers);
		printf("unclean     %" PRIu64 "\n", (uint64_t)history->unclean);
		if (call->since)
			printf("complete    %s\n", history->complete ? "yes" : "no");
		return;
	}
	json = json_object_new_object();
	json_text(json, "point", text);
	json_number(json, "writers", history->writers);
	json_number(json, "unclean", history->unclean);
	if (call->since)
		json_object_object_add(json, "complete",
				       json_object_new_boolean(history->complete));
	json_put_line(json);
}

enum status run_history(struct call *call)
{
	struct qds_bitmap_point since = {}, point;
	struct qds_bitmap_history history;
	struct bitmap bitmap;
	enum status status = STATUS_OK;
	int err;

	if (call->since && !strcmp(call->since, "none"))
		return fail(call, STATUS_USAGE, "none is for take");
	if (call->since)
		status = point_parse(call, call->since, &since);
	if (!status)
		status = bitmap_find(call, &bitmap);
	if (status)
		return status;
	err = qds_bitmap_get_history(bitmap.object.fd, &since, &point, &history);
	if (err)
		return fail_errno(call, err, "%s", bitmap.object.name);
	if (!call->quiet || call->json)
		print_history(call, &history, &point);
	return call->since && !history.complete ? STATUS_NO : STATUS_OK;
}

const struct argp_option attach_options[] = {
	{ "marks-first", OPT_MARKS_FIRST, NULL, 0,
	  "Make dirty before a change, too: a death loses nothing until somebody takes", 0 },
	{ 0 }
};

const struct argp_option history_options[] = {
	{ "since", OPT_SINCE, "POINT", 0, "Exit with 1 if the bitmap is not at that point", 0 },
	{ 0 }
};
