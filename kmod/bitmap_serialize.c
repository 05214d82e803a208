// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: chunks of the serialized form, and restoring them.
 *
 * A chunk can be of any length. It is moved in pieces that fit a bounce buffer, so
 * that user memory is touched while nothing is held. How long a piece is follows
 * from its number of items alone: the bitmap may be truncated at any time, and the
 * library refuses what is then no chunk any more.
 */
#include <linux/hbitmap.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <trace/events/qds.h>

#include "bitmap_private.h"

/* A leaf is in one piece, which is what a reader sees as of one moment. */
static_assert(QDS_PIECE_BITS % HBITMAP_LEAF_BITS == 0);

/**
 * qds_serial_size() - how many bytes the serialized form of a chunk has
 * @bitmap: the bitmap
 * @count: number of items, from where a chunk can start
 */
u64 qds_serial_size(const struct qds_bitmap *bitmap, u64 count)
{
	u64 bits = count ? ((count - 1) >> hbitmap_granularity(bitmap->hb)) + 1 : 0;

	return DIV_ROUND_UP_ULL(bits, HBITMAP_CHUNK_BITS) * QDS_WORD_BYTES;
}

/**
 * qds_chunk_check() - whether a range can be a chunk
 * @bitmap: the bitmap
 * @start: first item
 * @count: number of items
 *
 * Return: 0, or an errno of the ABI.
 */
int qds_chunk_check(const struct qds_bitmap *bitmap, u64 start, u64 count)
{
	u64 unit = hbitmap_serialization_align(bitmap->hb);
	int rc;

	if (!hbitmap_is_serializable(bitmap->hb))
		return -EOPNOTSUPP;
	rc = qds_range_check(bitmap, start, count);
	if (rc)
		return rc;
	if ((start & (unit - 1)) ||
	    !qds_is_boundary(bitmap, start + count, unit))
		return -EINVAL;
	return 0;
}

int qds_bitmap_serialize_size_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_serialize_size *args;

	args = &cmd->args->bitmap_serialize_size;
	return qds_chunk_check(qds_to_bitmap(cmd->object), args->start,
			       args->count);
}

int qds_bitmap_serialize_size(struct qds_cmd *cmd)
{
	struct qds_bitmap_serialize_size *args;
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);

	args = &cmd->args->bitmap_serialize_size;
	args->bytes = qds_serial_size(bitmap, args->count);
	args->align = hbitmap_serialization_align(bitmap->hb);
	return qds_respond(cmd);
}

/* Pieces */

/**
 * qds_piece_next() - the next piece of a chunk
 * @bitmap: the bitmap
 * @end: where the chunk ends
 * @piece: the piece before; at first the chunk's start and flags, and nothing of it.
 *	Without bytes all is one piece
 *
 * Return: False if there is none.
 */
bool qds_piece_next(const struct qds_bitmap *bitmap, u64 end,
		    struct qds_piece *piece)
{
	u64 next = end;

	piece->start += piece->count;
	piece->offset += piece->size;
	if (piece->start == end)
		return false;
	if (!piece->flags)
		next = qds_window_end(bitmap, piece->start, end, QDS_PIECE_BITS);
	piece->count = next - piece->start;
	piece->size = piece->flags ? 0 : qds_serial_size(bitmap, piece->count);
	return true;
}

/**
 * qds_piece_apply() - put a piece in the place of what a bitmap has there
 * @bitmap: the bitmap; the caller holds its state_lock, and it is being restored
 * @piece: the piece
 *
 * Return: 0 or -ENOMEM; -EINVAL if a bit is set behind the end, or if it is no chunk
 * any more. On an error nothing has changed.
 */
int qds_piece_apply(struct qds_bitmap *bitmap, const struct qds_piece *piece)
{
	trace_qds_restore(bitmap->object.id, piece->start, piece->count, piece->size);
	switch (piece->flags) {
	case QDS_CHUNK_ZEROES:
		return hbitmap_deserialize_zeroes(bitmap->hb, piece->start,
						  piece->count, QDS_GFP);
	case QDS_CHUNK_ONES:
		return hbitmap_deserialize_ones(bitmap->hb, piece->start,
						piece->count, QDS_GFP);
	default:
		return hbitmap_deserialize_part(bitmap->hb, piece->buffer,
						piece->start, piece->count,
						QDS_GFP);
	}
}

/* Restoring */

/*
 * The state is made known before anything is restored, so that those who look are
 * warned. Under state_lock for writing. Returns -EBADF, and nothing has begun, if
 * the caller's process has no descriptor of @file any more: another thread has closed
 * it since the call began, and qds_bitmap_abandon() found no owner then.
 */
static int qds_restore_starts(struct qds_bitmap *bitmap, const struct file *file)
{
	/* Before the look: a close() that comes after it finds the owner. */
	WRITE_ONCE(bitmap->owner, current->files);
	WRITE_ONCE(bitmap->owner_file, file);
	if (!qds_process_has_file(file)) {
		WRITE_ONCE(bitmap->owner_file, NULL);
		return -EBADF;
	}
	if (bitmap->state == QDS_BITMAP_ACTIVE) {
		WRITE_ONCE(bitmap->restores, bitmap->restores + 1);
		/* Pairs with qds_bitmap_looked(). */
		smp_wmb();
	}
	WRITE_ONCE(bitmap->state, QDS_BITMAP_RESTORING);
	return 0;
}

/* Likewise. */
static void qds_restore_ends(struct qds_bitmap *bitmap)
{
	WRITE_ONCE(bitmap->state, QDS_BITMAP_ACTIVE);
	WRITE_ONCE(bitmap->owner_file, NULL);
	/* What was restored comes before: pairs with qds_bitmap_look(). */
	smp_store_release(&bitmap->restores, bitmap->restores + 1);
}

/*
 * The first piece of a restore is applied under the lock for writing: those who
 * change bits find a bitmap that is as it was and in use, or one that is being
 * restored and has the piece. Another restore may have begun just now.
 */
static int qds_restore_first(struct qds_bitmap *bitmap, const struct file *file,
			     const struct qds_piece *piece)
{
	int rc;

	percpu_down_write(&bitmap->state_lock);
	rc = qds_bitmap_refusal(bitmap, QDS_USE_RESTORE);
	if (!rc) {
		rc = qds_piece_apply(bitmap, piece);
	} else if (bitmap->state == QDS_BITMAP_ACTIVE) {
		rc = qds_restore_starts(bitmap, file);
		if (rc)
			goto out;
		rc = qds_piece_apply(bitmap, piece);
		if (!rc)
			qds_history_lose(bitmap);
		else
			/* Nothing has changed, so there is nothing to be seen. */
			qds_restore_ends(bitmap);
	}
out:
	percpu_up_write(&bitmap->state_lock);
	return rc;
}

/**
 * qds_restore_piece() - restore a piece, and begin with that if it is the first
 * @cmd: the call
 * @piece: the piece
 * @first: this is the call's first; a restore that has ended since one before is
 *	not begun again
 *
 * Context: Process; takes state_lock.
 * Return: 0, or an errno of the ABI: nothing has changed.
 */
int qds_restore_piece(const struct qds_cmd *cmd, const struct qds_piece *piece,
		      bool first)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_enter(bitmap, QDS_USE_RESTORE);

	/* That is, in use: no other state refuses with it. */
	if (rc == -ENODATA && first)
		return qds_restore_first(bitmap, cmd->file, piece);
	if (rc)
		return rc;
	rc = qds_piece_apply(bitmap, piece);
	qds_bitmap_leave(bitmap);
	return rc;
}

int qds_bitmap_begin_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);

	return hbitmap_is_serializable(bitmap->hb) ? 0 : -EOPNOTSUPP;
}

int qds_bitmap_begin(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_refusal(bitmap, QDS_USE_BEGIN);

	/* Those at work are not made to wait for nothing. */
	if (rc)
		return rc;
	percpu_down_write(&bitmap->state_lock);
	rc = qds_bitmap_refusal(bitmap, QDS_USE_BEGIN);
	if (!rc)
		rc = qds_restore_starts(bitmap, cmd->file);
	if (!rc)
		qds_history_lose(bitmap);
	percpu_up_write(&bitmap->state_lock);
	return rc;
}

int qds_bitmap_finish(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_refusal(bitmap, QDS_USE_FINISH);

	/* As above. */
	if (rc)
		return rc;
	percpu_down_write(&bitmap->state_lock);
	rc = qds_bitmap_refusal(bitmap, QDS_USE_FINISH);
	if (!rc) {
		hbitmap_deserialize_finish(bitmap->hb);
		qds_history_lose(bitmap);
		qds_restore_ends(bitmap);
	}
	percpu_up_write(&bitmap->state_lock);
	if (!rc)
		qds_object_renewed(&bitmap->object);
	return rc;
}

/**
 * qds_bitmap_abandon() - a file goes away; so may a restore's owner
 * @bitmap: the bitmap
 * @file: the file
 * @owner: the process that closes it, or NULL if it was the last one
 *
 * Context: Process; takes state_lock for writing if the restore is abandoned.
 */
void qds_bitmap_abandon(struct qds_bitmap *bitmap, const struct file *file,
			fl_owner_t owner)
{
	bool abandoned = false;

	if (likely(READ_ONCE(bitmap->owner_file) != file) ||
	    (owner && READ_ONCE(bitmap->owner) != owner))
		return;
	percpu_down_write(&bitmap->state_lock);
	if (bitmap->owner_file == file && (!owner || bitmap->owner == owner)) {
		WRITE_ONCE(bitmap->state, QDS_BITMAP_ABANDONED);
		WRITE_ONCE(bitmap->owner_file, NULL);
		abandoned = true;
	}
	percpu_up_write(&bitmap->state_lock);
	if (abandoned)
		wake_up_poll(&bitmap->object.gauge.wait, EPOLLERR);
}

/* One chunk */

static int qds_chunk_done(const struct qds_cmd *cmd, u64 done)
{
	struct qds_bitmap_chunk __user *user = cmd->user;

	return copy_to_user(&user->done, &done, sizeof(done)) ? -EFAULT : 0;
}

static int qds_serialize_piece(const struct qds_cmd *cmd,
			       const struct qds_piece *piece)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	if (rc)
		return rc;
	rc = hbitmap_serialize_part(bitmap->hb, piece->buffer, piece->start,
				    piece->count);
	/* It was truncated since. */
	if (rc == -EINVAL)
		rc = -ERANGE;
	if (!rc)
		rc = qds_bitmap_looked(bitmap, restores);
	if (!rc)
		rc = qds_copy_out(args->data, piece->offset, piece->buffer,
				  piece->size);
	trace_qds_serialize(bitmap->object.id, piece->start, piece->count, piece->size);
	return rc ?: qds_chunk_done(cmd, piece->start + piece->count -
					 args->start);
}

/* Told before it is done, and taken back if it fails. */
static int qds_deserialize_piece(const struct qds_cmd *cmd,
				 const struct qds_piece *piece)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	u64 done = piece->start - args->start;
	int rc;

	rc = qds_copy_in(piece->buffer, args->data, piece->offset, piece->size);
	if (!rc)
		rc = qds_chunk_done(cmd, done + piece->count);
	if (rc)
		return rc;
	rc = qds_restore_piece(cmd, piece, !done);
	if (rc && qds_chunk_done(cmd, done))
		return -EFAULT;
	return rc;
}

static int qds_chunk_run(const struct qds_cmd *cmd,
			 int (*move)(const struct qds_cmd *cmd,
				     const struct qds_piece *piece))
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_piece piece = { .start = args->start, .flags = args->flags };
	u64 size = qds_serial_size(bitmap, args->count);
	int rc;

	rc = qds_chunk_done(cmd, 0);
	if (rc)
		return rc;
	if (!args->flags) {
		piece.buffer = kvmalloc(min_t(u64, size, QDS_BOUNCE_SIZE), QDS_GFP);
		if (!piece.buffer)
			return -ENOMEM;
	}
	while (!rc && qds_piece_next(bitmap, args->start + args->count, &piece)) {
		if (piece.start > args->start && fatal_signal_pending(current))
			rc = -EINTR;
		else
			rc = move(cmd, &piece);
		cond_resched();
	}
	kvfree(piece.buffer);
	return rc;
}

int qds_bitmap_serialize_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	const struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_chunk_check(bitmap, args->start, args->count);

	if (!rc && args->data_size < qds_serial_size(bitmap, args->count))
		rc = -ENOSPC;
	return rc;
}

int qds_bitmap_serialize(struct qds_cmd *cmd)
{
	return qds_bitmap_refusal(qds_to_bitmap(cmd->object), QDS_USE_LOOK) ?:
	       qds_chunk_run(cmd, qds_serialize_piece);
}

int qds_bitmap_deserialize_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	const struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_chunk_check(bitmap, args->start, args->count);

	if (rc)
		return rc;
	switch (args->flags) {
	case 0:
		return args->data_size == qds_serial_size(bitmap, args->count) ?
		       0 : -EINVAL;
	case QDS_CHUNK_ZEROES:
	case QDS_CHUNK_ONES:
		return args->data || args->data_size ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

int qds_bitmap_deserialize(struct qds_cmd *cmd)
{
	return qds_chunk_run(cmd, qds_deserialize_piece);
}
