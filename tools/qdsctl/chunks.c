// SPDX-License-Identifier: GPL-2.0
/* bitmap chunks */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bitmap.h"
#include "json.h"

/* Chunks, and bytes of their data, asked for at once. */
#define CHUNKS 1024
#define DATA_SIZE ((size_t)1 << 20)

static void print_chunk(const struct call *call, struct json_list *list,
			const struct qds_chunk *chunk)
{
	const char *name = chunk->flags == QDS_CHUNK_ZEROES ? "zeroes" :
			   chunk->flags == QDS_CHUNK_ONES ? "ones" : "some";
	struct json_object *json;

	if (call->json) {
		json = json_object_new_object();
		json_number(json, "start", chunk->start);
		json_number(json, "count", chunk->count);
		json_text(json, "state", name);
		json_number(json, "bytes", chunk->bytes);
		json_list_add(list, json);
		return;
	}
	printf("%" PRIu64 "+%" PRIu64 " ", (uint64_t)chunk->start,
	       (uint64_t)chunk->count);
	if (chunk->flags)
		puts(name);
	else
		printf("%" PRIu64 " bytes\n", (uint64_t)chunk->bytes);
}

static int print_chunks(const struct call *call, int fd,
			const struct qds_range *range,
			struct qds_chunk_list *room, struct json_list *list)
{
	uint64_t next = range->start, end = range->start + range->count;
	uint32_t i;
	int err = 0;

	while (!err && next != end) {
		err = qds_bitmap_serialize_chunks(fd, next, end - next, room,
						  &next);
		for (i = 0; !err && i < room->done; i++)
			print_chunk(call, list, &room->chunks[i]);
	}
	return err;
}

enum status run_chunks(struct call *call)
{
	struct qds_chunk_list room = { .data_size = DATA_SIZE, .nr = CHUNKS };
	struct json_list list;
	struct qds_range range;
	struct bitmap bitmap;
	enum status status;
	int err = -ENOMEM;

	status = bitmap_find(call, &bitmap);
	if (!status)
		status = bitmap_range(call, &bitmap, call->args[1], &range);
	if (status)
		return status;
	bitmap.align = bitmap.granularity + 6;
	room.chunks = calloc(CHUNKS, sizeof(*room.chunks));
	room.data = malloc(DATA_SIZE);
	if (call->json)
		json_list_begin(&list);
	if (room.chunks && room.data)
		err = print_chunks(call, bitmap.object.fd, &range, &room, &list);
	if (call->json)
		json_list_end(&list);
	free(room.data);
	free(room.chunks);
	return err ? bitmap_range_error(call, &bitmap, &range, err) : STATUS_OK;
}
