// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: many chunks of the serialized form in one call, of which those that are
 * all clean or all dirty carry no bytes.
 *
 * Names: a region is what a leaf covers, the finest that is told apart; a pack is
 * what fits the bounce buffers: it is told, or restored, in one go.
 */
#include <linux/hbitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <trace/events/qds.h>

#include "bitmap_private.h"

/**
 * struct qds_pack - chunks on their way between user memory and a bitmap
 * @chunk: room for QDS_BATCH_MAX of them
 * @nr: how many there are
 * @room: how many there may be
 * @data: QDS_BOUNCE_SIZE bytes, for their serialized forms
 * @bytes: how many there are
 * @data_room: how many there may be
 * @pos: first item that is not in the pack
 */
struct qds_pack {
	struct qds_chunk *chunk;
	u32 nr;
	u32 room;
	u8 *data;
	size_t bytes;
	size_t data_room;
	u64 pos;
};

static int qds_pack_init(struct qds_pack *pack)
{
	pack->chunk = kvmalloc_array(QDS_BATCH_MAX, sizeof(*pack->chunk), QDS_GFP);
	pack->data = kvmalloc(QDS_BOUNCE_SIZE, QDS_GFP);
	return pack->chunk && pack->data ? 0 : -ENOMEM;
}

static void qds_pack_free(struct qds_pack *pack)
{
	kvfree(pack->data);
	kvfree(pack->chunk);
}

/* Serializing */

/* Add a chunk of @count items, without bytes if @flags says what they are. */
static int qds_pack_add(struct qds_pack *pack, u64 count, u32 flags, size_t bytes)
{
	struct qds_chunk *last = pack->nr ? &pack->chunk[pack->nr - 1] : NULL;

	if (last && last->flags == flags) {
		last->count += count;
		last->bytes += bytes;
	} else {
		if (pack->nr == pack->room)
			return -ENOSPC;
		pack->chunk[pack->nr++] = (struct qds_chunk) {
			.start = pack->pos,
			.count = count,
			.bytes = bytes,
			.flags = flags,
		};
	}
	pack->pos += count;
	pack->bytes += bytes;
	return 0;
}

/* The region at the start of what is left, of which only a part is dirty. */
static int qds_pack_region(const struct qds_bitmap *bitmap, struct qds_pack *pack,
			   u64 end)
{
	u64 next = qds_window_end(bitmap, pack->pos, end, HBITMAP_LEAF_BITS);
	size_t bytes = qds_serial_size(bitmap, next - pack->pos);
	int rc;

	if (bytes > pack->data_room - pack->bytes)
		return -ENOSPC;
	rc = hbitmap_serialize_part(bitmap->hb, pack->data + pack->bytes, pack->pos,
				    next - pack->pos);
	/* It was truncated since. */
	if (rc == -EINVAL)
		return -ERANGE;
	trace_qds_serialize(bitmap->object.id, pack->pos, next - pack->pos, bytes);
	return rc ?: qds_pack_add(pack, next - pack->pos, 0, bytes);
}

/* What comes next. Returns -ENOSPC if the pack is full. */
static int qds_pack_next(const struct qds_bitmap *bitmap, struct qds_pack *pack,
			 u64 end)
{
	unsigned int shift = HBITMAP_LEAF_SHIFT + hbitmap_granularity(bitmap->hb);
	u64 same, next;
	int dirty;

	dirty = hbitmap_status(bitmap->hb, pack->pos, end - pack->pos, &same);
	if (dirty < 0)
		return -ERANGE;
	next = pack->pos + same;
	/* Whole regions only; one that does not fit in 63 bits has all. */
	if (next < end)
		next = shift < 63 ? next >> shift << shift : 0;
	if (next <= pack->pos)
		return qds_pack_region(bitmap, pack, end);
	return qds_pack_add(pack, next - pack->pos,
			    dirty ? QDS_CHUNK_ONES : QDS_CHUNK_ZEROES, 0);
}

/* As much as fits of what comes before @end. */
static int qds_pack_fill(const struct qds_bitmap *bitmap, struct qds_pack *pack,
			 u64 end)
{
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	pack->nr = 0;
	pack->bytes = 0;
	while (!rc && pack->pos < end) {
		rc = fatal_signal_pending(current) ? -EINTR :
		     qds_pack_next(bitmap, pack, end);
		cond_resched();
	}
	if (rc == -ENOSPC && pack->nr)
		rc = 0;
	return rc ?: qds_bitmap_looked(bitmap, restores);
}

/* How far the call has come; behind what it has written. */
static int qds_chunks_told(const struct qds_cmd *cmd, u64 bytes, u64 next, u32 done)
{
	struct qds_bitmap_chunks __user *user = cmd->user;

	if (copy_to_user(&user->bytes, &bytes, sizeof(bytes)) ||
	    copy_to_user(&user->next, &next, sizeof(next)) ||
	    put_user(done, &user->done))
		return -EFAULT;
	return 0;
}

static int qds_pack_write(const struct qds_cmd *cmd, const struct qds_pack *pack,
			  u64 bytes, u32 done)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;

	return qds_copy_out(args->chunks, (u64)done * sizeof(*pack->chunk),
			    pack->chunk, pack->nr * sizeof(*pack->chunk)) ?:
	       qds_copy_out(args->data, bytes, pack->data, pack->bytes) ?:
	       qds_chunks_told(cmd, bytes + pack->bytes, pack->pos, done + pack->nr);
}

int qds_bitmap_serialize_chunks_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;

	if (!args->nr)
		return -EINVAL;
	return qds_chunk_check(qds_to_bitmap(cmd->object), args->start, args->count);
}

int qds_bitmap_serialize_chunks(struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;
	const struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_pack pack = { .pos = args->start };
	u64 end = args->start + args->count, bytes = 0;
	u32 done = 0;
	int rc;

	rc = qds_chunks_told(cmd, 0, args->start, 0) ?: qds_pack_init(&pack);
	while (!rc && pack.pos < end && done < args->nr) {
		pack.room = min(args->nr - done, QDS_BATCH_MAX);
		pack.data_room = min_t(u64, args->data_size - bytes, QDS_BOUNCE_SIZE);
		rc = qds_pack_fill(bitmap, &pack, end);
		if (rc == -ENOSPC && done) {
			/* Told already: the user's room is used up. */
			rc = 0;
			break;
		}
		if (!rc)
			rc = qds_pack_write(cmd, &pack, bytes, done);
		bytes += pack.bytes;
		done += pack.nr;
		if (!rc && pack.pos < end && fatal_signal_pending(current))
			rc = -EINTR;
	}
	qds_pack_free(&pack);
	return rc;
}

/* Restoring */

static int qds_chunks_restored(const struct qds_cmd *cmd, u64 bytes, u32 done)
{
	struct qds_bitmap_chunks __user *user = cmd->user;

	if (copy_to_user(&user->bytes, &bytes, sizeof(bytes)) ||
	    put_user(done, &user->done))
		return -EFAULT;
	return 0;
}

static int qds_chunk_valid(const struct qds_bitmap *bitmap,
			   const struct qds_chunk *chunk, u64 data_left)
{
	int rc;

	if (chunk->flags & ~(QDS_CHUNK_ZEROES | QDS_CHUNK_ONES) || chunk->__reserved)
		return -EOPNOTSUPP;
	rc = qds_chunk_check(bitmap, chunk->start, chunk->count);
	if (rc)
		return rc;
	if (chunk->flags)
		return chunk->flags == (QDS_CHUNK_ZEROES | QDS_CHUNK_ONES) ||
		       chunk->bytes ? -EINVAL : 0;
	if (chunk->bytes != qds_serial_size(bitmap, chunk->count) ||
	    chunk->bytes > data_left)
		return -EINVAL;
	return 0;
}

/* All pieces of a chunk whose bytes begin at @bytes. @first as for a piece. */
static int qds_chunk_restore(const struct qds_cmd *cmd, const struct qds_chunk *chunk,
			     void *buffer, u64 bytes, bool *first)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;
	struct qds_piece piece = {
		.start = chunk->start,
		.flags = chunk->flags,
		.offset = bytes,
		.buffer = buffer,
	};
	int rc = 0;

	while (!rc && qds_piece_next(qds_to_bitmap(cmd->object),
				     chunk->start + chunk->count, &piece)) {
		if (!*first && fatal_signal_pending(current))
			return -EINTR;
		rc = qds_copy_in(buffer, args->data, piece.offset, piece.size);
		if (!rc)
			rc = qds_restore_piece(cmd, &piece, *first);
		if (!rc)
			*first = false;
		cond_resched();
	}
	return rc;
}

/* The chunks of a pack, each told before it is restored, and taken back if it fails. */
static int qds_pack_restore(const struct qds_cmd *cmd, struct qds_pack *pack,
			    u64 *bytes, u32 done, bool *first)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;
	const struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	u32 i;
	int rc;

	rc = qds_copy_in(pack->chunk, args->chunks, (u64)done * sizeof(*pack->chunk),
			 pack->nr * sizeof(*pack->chunk));
	for (i = 0; !rc && i < pack->nr; i++) {
		const struct qds_chunk *chunk = &pack->chunk[i];

		rc = qds_chunk_valid(bitmap, chunk, args->data_size - *bytes) ?:
		     qds_chunks_restored(cmd, *bytes + chunk->bytes, done + i + 1);
		if (rc)
			return rc;
		rc = qds_chunk_restore(cmd, chunk, pack->data, *bytes, first);
		if (rc && qds_chunks_restored(cmd, *bytes, done + i))
			return -EFAULT;
		*bytes += chunk->bytes;
	}
	return rc;
}

int qds_bitmap_deserialize_chunks_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;

	if (!hbitmap_is_serializable(qds_to_bitmap(cmd->object)->hb))
		return -EOPNOTSUPP;
	return !args->nr || args->start || args->count ? -EINVAL : 0;
}

int qds_bitmap_deserialize_chunks(struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunks *args = &cmd->args->bitmap_chunks;
	struct qds_pack pack = {};
	bool first = true;
	u64 bytes = 0;
	u32 done;
	int rc;

	rc = qds_chunks_restored(cmd, 0, 0) ?: qds_pack_init(&pack);
	for (done = 0; !rc && done < args->nr; done += pack.nr) {
		/* Empty chunks have no pieces, which look for signals too. */
		if (done && fatal_signal_pending(current)) {
			rc = -EINTR;
			break;
		}
		cond_resched();
		pack.nr = min(args->nr - done, QDS_BATCH_MAX);
		rc = qds_pack_restore(cmd, &pack, &bytes, done, &first);
	}
	qds_pack_free(&pack);
	return rc;
}
