// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: a hbitmap, and whether it is being restored.
 *
 * The library needs no lock around its calls. What is guarded here is the state:
 * whoever uses the content as a whole bitmap's must know that no restore begins
 * under its hands.
 *
 * Who changes bits holds bitmap->state_lock for reading around calls into the
 * library; who begins or ends a restore holds it for writing. It is a
 * percpu_rw_semaphore, since the state changes twice in a restore and is looked at
 * in every call: on different CPUs its readers share no cacheline. It is never held
 * while user memory is touched: a page fault can wait for another process for as
 * long as that likes, and a change of state cannot be interrupted.
 *
 * Who only looks takes no lock, so that a reader who gets no CPU delays nobody.
 * bitmap->restores is odd while the bitmap is being restored, and has changed when
 * a restore has begun meanwhile: then what was seen is not told.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/hbitmap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu-rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "qds_private.h"

/* Bits of a piece of the serialized form that fill a bounce buffer. */
#define QDS_PIECE_BITS		(QDS_BOUNCE_SIZE * 8ULL)
/* Extents that one call returns, and that it looks at. */
#define QDS_EXTENTS_MAX		(QDS_BOUNCE_SIZE / sizeof(struct qds_extent))
#define QDS_EXTENTS_SEEN_MAX	(4 * QDS_EXTENTS_MAX)

/* A leaf is in one piece, which is what a reader sees as of one moment. */
static_assert(QDS_PIECE_BITS % HBITMAP_LEAF_BITS == 0);

/**
 * struct qds_bitmap - a bitmap
 * @object: what it is to the device
 * @hb: the bits
 * @state_lock: of @restores, see the top of this file
 * @restores: how many restores have begun and ended: odd in between
 */
struct qds_bitmap {
	struct qds_object object;
	struct hbitmap *hb;
	struct percpu_rw_semaphore state_lock;
	u32 restores;
};

/**
 * struct qds_bitmap_batch - a vector of ranges
 * @vec: what all vectors have
 * @bitmap: the bitmap
 * @user: address of the ranges
 * @ranges: ranges of the batch
 */
struct qds_bitmap_batch {
	struct qds_vector vec;
	struct qds_bitmap *bitmap;
	u64 user;
	struct qds_range *ranges;
};

static struct qds_bitmap *qds_to_bitmap(struct qds_object *object)
{
	return container_of(object, struct qds_bitmap, object);
}

static struct qds_bitmap_batch *qds_to_bitmap_batch(struct qds_vector *vec)
{
	return container_of(vec, struct qds_bitmap_batch, vec);
}

static bool qds_is_restoring(const struct qds_bitmap *bitmap)
{
	return READ_ONCE(bitmap->restores) & 1;
}

/* With 0, no restore begins until qds_bitmap_leave(). */
static int qds_bitmap_enter(struct qds_bitmap *bitmap)
{
	percpu_down_read(&bitmap->state_lock);
	if (likely(!qds_is_restoring(bitmap)))
		return 0;
	percpu_up_read(&bitmap->state_lock);
	return -EBUSY;
}

static void qds_bitmap_leave(struct qds_bitmap *bitmap)
{
	percpu_up_read(&bitmap->state_lock);
}

/* With 0, what is seen until qds_bitmap_looked() may be told if that says so. */
static int qds_bitmap_look(const struct qds_bitmap *bitmap, u32 *restores)
{
	/* What the last restore wrote is seen: pairs with qds_bitmap_finish(). */
	*restores = smp_load_acquire(&bitmap->restores);
	return *restores & 1 ? -EBUSY : 0;
}

static int qds_bitmap_looked(const struct qds_bitmap *bitmap, u32 restores)
{
	/* Pairs with qds_begin_restore(): who saw its piece sees the count. */
	smp_rmb();
	return READ_ONCE(bitmap->restores) == restores ? 0 : -EBUSY;
}

/* Ranges */

static int qds_range_check(const struct qds_bitmap *bitmap, u64 start,
			   u64 count)
{
	u64 end;

	if (check_add_overflow(start, count, &end))
		return -EOVERFLOW;
	return end > hbitmap_size(bitmap->hb) ? -ERANGE : 0;
}

/* @unit is a power of two. */
static bool qds_is_boundary(const struct qds_bitmap *bitmap, u64 item, u64 unit)
{
	return !(item & (unit - 1)) || item == hbitmap_size(bitmap->hb);
}

static u64 qds_group_size(const struct qds_bitmap *bitmap)
{
	return 1ULL << hbitmap_granularity(bitmap->hb);
}

/* Where the part of [@pos, @end) ends that is in one window of @bits bits. */
static u64 qds_window_end(const struct qds_bitmap *bitmap, u64 pos, u64 end,
			  u64 bits)
{
	unsigned int granularity = hbitmap_granularity(bitmap->hb);
	u64 window = bits << granularity;

	/* No bitmap is larger than a window that does not fit in 63 bits. */
	if (window >> granularity != bits || window > S64_MAX)
		return end;
	return min(end, (pos & ~(window - 1)) + window);
}

/* Vectors of ranges */

static int qds_batch_read_ranges(struct qds_bitmap_batch *batch)
{
	size_t size = sizeof(*batch->ranges);

	return qds_copy_in(batch->ranges, batch->user,
			   (u64)batch->vec.base * size, batch->vec.nr * size);
}

static int qds_change_predict(struct qds_vector *vec)
{
	struct qds_bitmap_batch *batch = qds_to_bitmap_batch(vec);

	return qds_is_restoring(batch->bitmap) ? -EBUSY :
						 qds_batch_read_ranges(batch);
}

static int qds_change_commit(struct qds_vector *vec,
			     int (*change)(struct hbitmap *hb, u64 start,
					   u64 count, gfp_t gfp))
{
	struct qds_bitmap_batch *batch = qds_to_bitmap_batch(vec);
	struct qds_bitmap *bitmap = batch->bitmap;
	u32 i;
	int rc;

	rc = qds_bitmap_enter(bitmap);
	if (rc)
		return rc;
	for (i = 0; i < vec->good; i++) {
		const struct qds_range *range = &batch->ranges[i];

		if (vec->res[i] || !range->count)
			continue;
		if (qds_vector_result(vec, i, change(bitmap->hb, range->start,
						     range->count, QDS_GFP)))
			break;
		cond_resched();
	}
	qds_bitmap_leave(bitmap);
	return 0;
}

static int qds_set_predict(struct qds_vector *vec)
{
	struct qds_bitmap_batch *batch = qds_to_bitmap_batch(vec);
	int rc = qds_change_predict(vec);
	u32 i;

	for (i = 0; !rc && i < vec->nr; i++)
		vec->res[i] = qds_range_check(batch->bitmap,
					      batch->ranges[i].start,
					      batch->ranges[i].count);
	return rc;
}

static int qds_set_commit(struct qds_vector *vec)
{
	return qds_change_commit(vec, hbitmap_set);
}

static const struct qds_vector_ops qds_set_ops = {
	.predict = qds_set_predict,
	.commit = qds_set_commit,
};

static int qds_reset_check(const struct qds_bitmap *bitmap,
			   const struct qds_range *range)
{
	int rc = qds_range_check(bitmap, range->start, range->count);
	u64 unit = qds_group_size(bitmap);

	if (rc || !range->count)
		return rc;
	if (!qds_is_boundary(bitmap, range->start, unit) ||
	    !qds_is_boundary(bitmap, range->start + range->count, unit))
		return -EINVAL;
	return 0;
}

static int qds_reset_predict(struct qds_vector *vec)
{
	struct qds_bitmap_batch *batch = qds_to_bitmap_batch(vec);
	int rc = qds_change_predict(vec);
	u32 i;

	for (i = 0; !rc && i < vec->nr; i++)
		vec->res[i] = qds_reset_check(batch->bitmap, &batch->ranges[i]);
	return rc;
}

static int qds_reset_commit(struct qds_vector *vec)
{
	return qds_change_commit(vec, hbitmap_reset);
}

static const struct qds_vector_ops qds_reset_ops = {
	.predict = qds_reset_predict,
	.commit = qds_reset_commit,
};

/*
 * Two looks can tell of two moments. A range within one group cannot be dirty
 * in part, and so is looked at once.
 */
static int qds_test_range(const struct qds_bitmap *bitmap, u64 start, u64 count)
{
	const struct hbitmap *hb = bitmap->hb;
	unsigned int granularity = hbitmap_granularity(hb);
	int rc = qds_range_check(bitmap, start, count);

	if (rc)
		return rc;
	if (!count)
		return QDS_TEST_CLEAN;
	if (start >> granularity == (start + count - 1) >> granularity)
		return hbitmap_get(hb, start) ? QDS_TEST_DIRTY : QDS_TEST_CLEAN;
	if (hbitmap_next_dirty(hb, start, count) < 0)
		return QDS_TEST_CLEAN;
	if (hbitmap_next_zero(hb, start, count) < 0)
		return QDS_TEST_DIRTY;
	return QDS_TEST_SOME;
}

static int qds_test_predict(struct qds_vector *vec)
{
	struct qds_bitmap_batch *batch = qds_to_bitmap_batch(vec);
	struct qds_bitmap *bitmap = batch->bitmap;
	u32 i, restores;
	int rc;

	rc = qds_batch_read_ranges(batch);
	if (!rc)
		rc = qds_bitmap_look(bitmap, &restores);
	if (rc)
		return rc;
	for (i = 0; i < vec->nr; i++)
		vec->res[i] = qds_test_range(bitmap, batch->ranges[i].start,
					     batch->ranges[i].count);
	return qds_bitmap_looked(bitmap, restores);
}

static const struct qds_vector_ops qds_test_ops = {
	.predict = qds_test_predict,
};

static int qds_bitmap_vec_prepare(const struct qds_cmd *cmd)
{
	return cmd->args->bitmap_vec.nr ? 0 : -EINVAL;
}

static int qds_bitmap_vec_run(struct qds_cmd *cmd,
			      const struct qds_vector_ops *ops)
{
	const struct qds_bitmap_vec *args = &cmd->args->bitmap_vec;
	struct qds_bitmap_vec __user *user = cmd->user;
	struct qds_bitmap_batch batch = {
		.bitmap = qds_to_bitmap(cmd->object),
		.user = args->ranges,
	};
	struct qds_range range;
	void *buffer = NULL;
	s32 res;
	u32 nr;
	int rc;

	rc = qds_vector_start(&batch.vec, ops, args->nr, QDS_BATCH_MAX,
			      args->results, &user->done);
	if (rc)
		return rc;
	/* One range is the common case, and needs no memory. */
	batch.ranges = &range;
	batch.vec.res = &res;
	nr = batch.vec.batch;
	if (nr > 1) {
		buffer = kvmalloc_array(nr, sizeof(range) + sizeof(res), QDS_GFP);
		if (!buffer)
			return -ENOMEM;
		batch.ranges = buffer;
		batch.vec.res = (s32 *)(batch.ranges + nr);
	}
	rc = qds_vector_run(&batch.vec);
	kvfree(buffer);
	return rc;
}

static int qds_bitmap_set(struct qds_cmd *cmd)
{
	return qds_bitmap_vec_run(cmd, &qds_set_ops);
}

static int qds_bitmap_reset(struct qds_cmd *cmd)
{
	return qds_bitmap_vec_run(cmd, &qds_reset_ops);
}

static int qds_bitmap_test_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_vec *args = &cmd->args->bitmap_vec;

	return args->nr && args->results ? 0 : -EINVAL;
}

static int qds_bitmap_test(struct qds_cmd *cmd)
{
	return qds_bitmap_vec_run(cmd, &qds_test_ops);
}

/* Queries */

static int qds_bitmap_info(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_bitmap_info *info = &cmd->args->bitmap_info;

	info->state = qds_is_restoring(bitmap) ? QDS_BITMAP_RESTORING :
						 QDS_BITMAP_ACTIVE;
	info->granularity = hbitmap_granularity(bitmap->hb);
	info->items = hbitmap_size(bitmap->hb);
	info->dirty = hbitmap_count(bitmap->hb);
	info->memory = hbitmap_memory(bitmap->hb);
	return qds_respond(cmd);
}

static int qds_bitmap_count_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_count *args = &cmd->args->bitmap_count;

	return qds_range_check(qds_to_bitmap(cmd->object), args->start,
			       args->count);
}

/*
 * The first dirty window of [@pos, @end), and how many of its items are dirty.
 * Returns where it ends, @end if there is none.
 */
static u64 qds_count_window(const struct qds_bitmap *bitmap, u64 pos, u64 end,
			    u64 *dirty)
{
	s64 first = hbitmap_next_dirty(bitmap->hb, pos, end - pos), zero;
	u64 next;

	*dirty = 0;
	if (first < 0)
		return end;
	next = qds_window_end(bitmap, first, end, QDS_PIECE_BITS);
	/* What is all dirty from here on costs no more than its end. */
	zero = hbitmap_next_zero(bitmap->hb, first, end - first);
	if (zero < 0 || zero >= next) {
		next = zero < 0 ? end : zero;
		*dirty = next - first;
		return next;
	}
	*dirty = hbitmap_count_range(bitmap->hb, first, next - first);
	return next;
}

static int qds_bitmap_count(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_bitmap_count *args = &cmd->args->bitmap_count;
	u64 pos = args->start, end = args->start + args->count, dirty;
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	args->dirty = 0;
	while (!rc && pos < end) {
		pos = qds_count_window(bitmap, pos, end, &dirty);
		args->dirty += dirty;
		cond_resched();
		rc = fatal_signal_pending(current) ? -EINTR :
		     qds_bitmap_looked(bitmap, restores);
	}
	return rc ?: qds_respond(cmd);
}

static int qds_bitmap_extents_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_extents *args = &cmd->args->bitmap_extents;

	if (args->__reserved)
		return -EOPNOTSUPP;
	if (!args->flags || !args->nr)
		return -EINVAL;
	return qds_range_check(qds_to_bitmap(cmd->object), args->start,
			       args->count);
}

/* The extent at @pos. Never empty, whatever others do meanwhile. */
static struct qds_extent qds_extent_at(const struct qds_bitmap *bitmap, u64 pos,
				       u64 end)
{
	struct qds_extent extent = { .start = pos };
	s64 found;

	found = hbitmap_next_dirty(bitmap->hb, pos, end - pos);
	if (found != pos) {
		extent.flags = QDS_EXTENT_CLEAN;
		extent.count = (found < 0 ? end : found) - pos;
		return extent;
	}
	found = hbitmap_next_zero(bitmap->hb, pos, end - pos);
	/* Reset by now, but it was dirty when it was looked at. */
	if (found == pos)
		found = qds_window_end(bitmap, pos, end, 1);
	extent.flags = QDS_EXTENT_DIRTY;
	extent.count = (found < 0 ? end : found) - pos;
	return extent;
}

/*
 * Fill @extents with up to @args->nr of them, and set @args->nr and @args->next.
 * Kinds that are not asked for take no room, but are looked at in turn: what
 * bounds the work is that each is followed by one of the other kind, or if
 * others write all the time, how many are looked at.
 */
static int qds_extents_walk(const struct qds_bitmap *bitmap,
			    struct qds_bitmap_extents *args,
			    struct qds_extent *extents)
{
	u64 pos = args->start, end = args->start + args->count;
	unsigned int seen;
	u32 nr = 0;

	for (seen = 0; pos < end && seen < QDS_EXTENTS_SEEN_MAX; seen++) {
		struct qds_extent extent = qds_extent_at(bitmap, pos, end);

		if (extent.flags & args->flags) {
			if (nr == args->nr)
				break;
			extents[nr++] = extent;
		}
		pos += extent.count;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	args->nr = nr;
	args->next = pos;
	return 0;
}

static int qds_bitmap_extents(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_bitmap_extents *args = &cmd->args->bitmap_extents;
	struct qds_extent *extents;
	u32 restores;
	int rc;

	args->nr = min_t(u32, args->nr, QDS_EXTENTS_MAX);
	extents = kvmalloc_array(args->nr, sizeof(*extents), QDS_GFP);
	if (!extents)
		return -ENOMEM;
	rc = qds_bitmap_look(bitmap, &restores);
	if (!rc)
		rc = qds_extents_walk(bitmap, args, extents);
	if (!rc)
		rc = qds_bitmap_looked(bitmap, restores);
	if (!rc)
		rc = qds_copy_out(args->extents, 0, extents,
				  args->nr * sizeof(*extents));
	if (!rc)
		rc = qds_respond(cmd);
	kvfree(extents);
	return rc;
}

/* The serialized form */

static int qds_chunk_check(const struct qds_bitmap *bitmap, u64 start, u64 count)
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

static int qds_bitmap_serialize_size_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_serialize_size *args;

	args = &cmd->args->bitmap_serialize_size;
	return qds_chunk_check(qds_to_bitmap(cmd->object), args->start,
			       args->count);
}

static int qds_bitmap_serialize_size(struct qds_cmd *cmd)
{
	struct qds_bitmap_serialize_size *args;
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);

	args = &cmd->args->bitmap_serialize_size;
	args->bytes = hbitmap_serialization_size(bitmap->hb, args->start,
						 args->count);
	args->align = hbitmap_serialization_align(bitmap->hb);
	return qds_respond(cmd);
}

/**
 * struct qds_piece - a part of a chunk that is moved in one go
 * @start: first item
 * @count: number of items
 * @flags: QDS_CHUNK_*, or 0 if there are bytes
 * @offset: of its bytes in the chunk
 * @size: number of bytes
 * @buffer: for the bytes
 */
struct qds_piece {
	u64 start;
	u64 count;
	u32 flags;
	u64 offset;
	size_t size;
	void *buffer;
};

/* The next piece; false if there is none. Without bytes all is one piece. */
static bool qds_piece_next(const struct qds_bitmap *bitmap,
			   const struct qds_bitmap_chunk *args,
			   struct qds_piece *piece)
{
	u64 end = args->start + args->count, next = end;

	piece->start += piece->count;
	piece->offset += piece->size;
	if (piece->start == end)
		return false;
	if (!piece->flags)
		next = qds_window_end(bitmap, piece->start, end, QDS_PIECE_BITS);
	piece->count = next - piece->start;
	if (!piece->flags)
		piece->size = hbitmap_serialization_size(bitmap->hb,
							 piece->start,
							 piece->count);
	return true;
}

static int qds_piece_init(const struct qds_bitmap *bitmap,
			  const struct qds_bitmap_chunk *args,
			  struct qds_piece *piece)
{
	u64 size;

	*piece = (struct qds_piece) {
		.start = args->start,
		.flags = args->flags,
	};
	if (args->flags)
		return 0;
	size = hbitmap_serialization_size(bitmap->hb, args->start, args->count);
	piece->buffer = kvmalloc(min_t(u64, size, QDS_BOUNCE_SIZE), QDS_GFP);
	return piece->buffer ? 0 : -ENOMEM;
}

static int qds_piece_apply(struct qds_bitmap *bitmap,
			   const struct qds_piece *piece)
{
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

/*
 * The first piece of a restore is applied under the lock for writing: those who
 * change bits find a bitmap that is as it was and in use, or one that is being
 * restored and has the piece. Those who look are warned before it is applied.
 */
static int qds_begin_restore(struct qds_bitmap *bitmap,
			     const struct qds_piece *piece)
{
	int rc;

	percpu_down_write(&bitmap->state_lock);
	WRITE_ONCE(bitmap->restores, bitmap->restores + 1);
	/* Pairs with qds_bitmap_looked(). */
	smp_wmb();
	rc = qds_piece_apply(bitmap, piece);
	if (rc)
		/* Nothing has changed, so there is nothing to be seen. */
		WRITE_ONCE(bitmap->restores, bitmap->restores + 1);
	percpu_up_write(&bitmap->state_lock);
	return rc;
}

/*
 * The other pieces need no more than that no FINISH comes between. One that came
 * between two pieces of a call has ended the restore that the call is part of.
 */
static int qds_restore_piece(struct qds_bitmap *bitmap,
			     const struct qds_piece *piece, bool first)
{
	bool restoring;
	int rc;

	percpu_down_read(&bitmap->state_lock);
	restoring = qds_is_restoring(bitmap);
	if (restoring)
		rc = qds_piece_apply(bitmap, piece);
	percpu_up_read(&bitmap->state_lock);
	if (restoring)
		return rc;
	return first ? qds_begin_restore(bitmap, piece) : -ENODATA;
}

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
	if (!rc)
		rc = qds_bitmap_looked(bitmap, restores);
	if (!rc)
		rc = qds_copy_out(args->data, piece->offset, piece->buffer,
				  piece->size);
	return rc ?: qds_chunk_done(cmd, piece->start + piece->count -
					 args->start);
}

/* Told before it is done, and taken back if it fails. */
static int qds_deserialize_piece(const struct qds_cmd *cmd,
				 const struct qds_piece *piece)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	u64 done = piece->start - args->start;
	int rc;

	rc = qds_copy_in(piece->buffer, args->data, piece->offset, piece->size);
	if (!rc)
		rc = qds_chunk_done(cmd, done + piece->count);
	if (rc)
		return rc;
	rc = qds_restore_piece(bitmap, piece, !done);
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
	struct qds_piece piece;
	int rc;

	rc = qds_chunk_done(cmd, 0);
	if (!rc)
		rc = qds_piece_init(bitmap, args, &piece);
	if (rc)
		return rc;
	while (!rc && qds_piece_next(bitmap, args, &piece)) {
		if (piece.start > args->start && fatal_signal_pending(current))
			rc = -EINTR;
		else
			rc = move(cmd, &piece);
		cond_resched();
	}
	kvfree(piece.buffer);
	return rc;
}

static u64 qds_chunk_size(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;

	return hbitmap_serialization_size(qds_to_bitmap(cmd->object)->hb,
					  args->start, args->count);
}

static int qds_bitmap_serialize_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	int rc = qds_chunk_check(qds_to_bitmap(cmd->object), args->start,
				 args->count);

	if (!rc && args->data_size < qds_chunk_size(cmd))
		rc = -ENOSPC;
	return rc;
}

static int qds_bitmap_serialize(struct qds_cmd *cmd)
{
	if (qds_is_restoring(qds_to_bitmap(cmd->object)))
		return -EBUSY;
	return qds_chunk_run(cmd, qds_serialize_piece);
}

static int qds_bitmap_deserialize_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_chunk *args = &cmd->args->bitmap_chunk;
	int rc = qds_chunk_check(qds_to_bitmap(cmd->object), args->start,
				 args->count);

	if (rc)
		return rc;
	switch (args->flags) {
	case 0:
		return args->data_size == qds_chunk_size(cmd) ? 0 : -EINVAL;
	case QDS_CHUNK_ZEROES:
	case QDS_CHUNK_ONES:
		return args->data || args->data_size ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int qds_bitmap_deserialize(struct qds_cmd *cmd)
{
	return qds_chunk_run(cmd, qds_deserialize_piece);
}

static int qds_bitmap_finish(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = -ENODATA;

	/* Those at work are not made to wait where there is nothing to end. */
	if (!qds_is_restoring(bitmap))
		return rc;
	percpu_down_write(&bitmap->state_lock);
	if (qds_is_restoring(bitmap)) {
		hbitmap_deserialize_finish(bitmap->hb);
		/* What was restored comes before: pairs with qds_bitmap_look(). */
		smp_store_release(&bitmap->restores, bitmap->restores + 1);
		rc = 0;
	}
	percpu_up_write(&bitmap->state_lock);
	return rc;
}

static void qds_bitmap_destroy(struct qds_object *object)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(object);

	hbitmap_free(bitmap->hb);
	percpu_free_rwsem(&bitmap->state_lock);
	kfree(bitmap);
}

static const struct qds_op qds_bitmap_op[] = {
	QDS_OP(QDS_BITMAP_INFO, struct qds_bitmap_info, memory,
	       .issue = qds_bitmap_info),
	QDS_OP(QDS_BITMAP_SET, struct qds_bitmap_vec, results,
	       .writes = true,
	       .prepare = qds_bitmap_vec_prepare,
	       .issue = qds_bitmap_set),
	QDS_OP(QDS_BITMAP_RESET, struct qds_bitmap_vec, results,
	       .writes = true,
	       .prepare = qds_bitmap_vec_prepare,
	       .issue = qds_bitmap_reset),
	QDS_OP(QDS_BITMAP_TEST, struct qds_bitmap_vec, results,
	       .prepare = qds_bitmap_test_prepare,
	       .issue = qds_bitmap_test),
	QDS_OP(QDS_BITMAP_COUNT, struct qds_bitmap_count, dirty,
	       .prepare = qds_bitmap_count_prepare,
	       .issue = qds_bitmap_count),
	QDS_OP(QDS_BITMAP_EXTENTS, struct qds_bitmap_extents, next,
	       .flags = QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN,
	       .prepare = qds_bitmap_extents_prepare,
	       .issue = qds_bitmap_extents),
	QDS_OP(QDS_BITMAP_SERIALIZE_SIZE, struct qds_bitmap_serialize_size, align,
	       .prepare = qds_bitmap_serialize_size_prepare,
	       .issue = qds_bitmap_serialize_size),
	QDS_OP(QDS_BITMAP_SERIALIZE, struct qds_bitmap_chunk, done,
	       .prepare = qds_bitmap_serialize_prepare,
	       .issue = qds_bitmap_serialize),
	QDS_OP(QDS_BITMAP_DESERIALIZE, struct qds_bitmap_chunk, done,
	       .flags = QDS_CHUNK_ZEROES | QDS_CHUNK_ONES,
	       .writes = true,
	       .prepare = qds_bitmap_deserialize_prepare,
	       .issue = qds_bitmap_deserialize),
	QDS_OP(QDS_BITMAP_FINISH, struct qds_bitmap_finish, flags,
	       .writes = true,
	       .issue = qds_bitmap_finish),
};

static const struct qds_kind qds_bitmap_kind = {
	.id = QDS_KIND_BITMAP,
	.name = "[qds-bitmap]",
	.ops = {
		.op = qds_bitmap_op,
		.nr = ARRAY_SIZE(qds_bitmap_op),
		.first = QDS_CMD_BITMAP_INFO,
	},
	.destroy = qds_bitmap_destroy,
};

int qds_bitmap_create_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_create *args = &cmd->args->bitmap_create;

	if (!args->items || args->items > S64_MAX)
		return -EINVAL;
	if (args->granularity > HBITMAP_MAX_GRANULARITY ||
	    (args->items - 1) >> args->granularity >= HBITMAP_MAX_BITS)
		return -EFBIG;
	return 0;
}

static struct qds_bitmap *qds_bitmap_alloc(const struct qds_bitmap_create *args)
{
	struct qds_bitmap *bitmap;
	int rc;

	bitmap = kzalloc(sizeof(*bitmap), QDS_GFP);
	if (!bitmap)
		return ERR_PTR(-ENOMEM);
	qds_object_init(&bitmap->object, &qds_bitmap_kind);
	rc = percpu_init_rwsem(&bitmap->state_lock);
	if (rc)
		goto err_bitmap;
	bitmap->hb = hbitmap_alloc(args->items, args->granularity, QDS_GFP);
	if (IS_ERR(bitmap->hb)) {
		rc = PTR_ERR(bitmap->hb);
		goto err_lock;
	}
	return bitmap;

err_lock:
	percpu_free_rwsem(&bitmap->state_lock);
err_bitmap:
	kfree(bitmap);
	return ERR_PTR(rc);
}

int qds_bitmap_create_issue(struct qds_cmd *cmd)
{
	struct qds_bitmap_create *args = &cmd->args->bitmap_create;
	struct qds_bitmap *bitmap = qds_bitmap_alloc(args);

	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	return qds_publish(cmd, &bitmap->object, O_RDWR, &args->out_fd);
}
