// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: a hbitmap, and what state it is in.
 *
 * The library needs no lock around its calls. What is guarded here is the state:
 * whoever uses the content as a whole bitmap's must know that no restore begins
 * under its hands, and whoever has sealed it that nobody changes it any more.
 *
 * What a state allows is in one table, qds_refusals, as <linux/qds.h> has it. A state
 * changes in three places: TAKE makes a bitmap that is taken from the start, SEAL
 * (bitmap_ops.c) seals, and all that has to do with a restore is in
 * bitmap_serialize.c.
 *
 * Who changes bits holds bitmap->state_lock for reading around calls into the
 * library; who changes the state holds it for writing. It is a
 * percpu_rw_semaphore, since the state changes twice in a restore and is looked at
 * in every call: on different CPUs its readers share no cacheline. It is never held
 * while user memory is touched: a page fault can wait for another process for as
 * long as that likes, and a change of state cannot be interrupted. Those of two
 * bitmaps are held by MERGE alone, see there.
 *
 * Who only looks takes no lock, so that a reader who gets no CPU delays nobody.
 * bitmap->restores is odd while the bitmap is being restored or abandoned, and has
 * changed when a restore has begun meanwhile: then what was seen is not told.
 *
 * The number of items can change at any time. A range that was right can then be
 * refused by the library; what is behind the end is clean to those who look.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/hbitmap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu-rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "bitmap_private.h"
#include "limits.h"

/* Extents that one call returns, and that it looks at. */
#define QDS_EXTENTS_MAX		(QDS_BOUNCE_SIZE / sizeof(struct qds_extent))
#define QDS_EXTENTS_SEEN_MAX	(4 * QDS_EXTENTS_MAX)
/* Ranges that are changed in one go. */
#define QDS_CHANGE_RUN		32U

/* Ranges of the ABI go to the library as they are. */
static_assert(sizeof(struct qds_range) == sizeof(struct hbitmap_range) &&
	      offsetof(struct qds_range, count) ==
	      offsetof(struct hbitmap_range, count));

/* "The states of a bitmap" in <linux/qds.h> says the same to users. */
static const s16 qds_refusals[QDS_BITMAP_SEALED + 1][QDS_USES] = {
	[QDS_BITMAP_ACTIVE] = {
		[QDS_USE_RESTORE] = -ENODATA,
		[QDS_USE_FINISH] = -ENODATA,
	},
	[QDS_BITMAP_RESTORING] = {
		[QDS_USE_LOOK] = -EBUSY,
		[QDS_USE_CLEAN] = -EBUSY,
		[QDS_USE_DIRTY] = -EBUSY,
		[QDS_USE_BEGIN] = -EBUSY,
		[QDS_USE_SEAL] = -EBUSY,
	},
	[QDS_BITMAP_ABANDONED] = {
		[QDS_USE_LOOK] = -EOWNERDEAD,
		[QDS_USE_CLEAN] = -EOWNERDEAD,
		[QDS_USE_DIRTY] = -EOWNERDEAD,
		[QDS_USE_RESTORE] = -EOWNERDEAD,
		[QDS_USE_FINISH] = -EOWNERDEAD,
		[QDS_USE_SEAL] = -EOWNERDEAD,
	},
	[QDS_BITMAP_TAKEN] = {
		[QDS_USE_DIRTY] = -EPERM,
		[QDS_USE_BEGIN] = -EPERM,
		[QDS_USE_RESTORE] = -EPERM,
		[QDS_USE_FINISH] = -ENODATA,
	},
	[QDS_BITMAP_SEALED] = {
		[QDS_USE_CLEAN] = -EPERM,
		[QDS_USE_DIRTY] = -EPERM,
		[QDS_USE_BEGIN] = -EPERM,
		[QDS_USE_RESTORE] = -EPERM,
		[QDS_USE_FINISH] = -ENODATA,
	},
};

/**
 * struct qds_bitmap_batch - a vector of ranges
 * @vec: what all vectors have
 * @bitmap: the bitmap
 * @use: what is done with them
 * @user: address of the ranges
 * @ranges: ranges of the batch
 */
struct qds_bitmap_batch {
	struct qds_vector vec;
	struct qds_bitmap *bitmap;
	enum qds_use use;
	u64 user;
	struct qds_range *ranges;
};

static struct qds_bitmap_batch *qds_to_bitmap_batch(struct qds_vector *vec)
{
	return container_of(vec, struct qds_bitmap_batch, vec);
}

/**
 * qds_bitmap_refusal() - what the state of a bitmap says to a command
 * @bitmap: the bitmap
 * @use: what the command does
 *
 * Without state_lock the state may change at once.
 *
 * Return: 0, or the errno that the command is refused with.
 */
int qds_bitmap_refusal(const struct qds_bitmap *bitmap, enum qds_use use)
{
	return qds_refusals[READ_ONCE(bitmap->state)][use];
}

/**
 * qds_bitmap_enter() - begin to change a bitmap
 * @bitmap: the bitmap
 * @use: what is done with it
 *
 * Context: Process; sleeps. Takes state_lock for reading.
 * Return: 0, and the state stays until qds_bitmap_leave(); or an errno.
 */
int qds_bitmap_enter(struct qds_bitmap *bitmap, enum qds_use use)
{
	int rc;

	percpu_down_read(&bitmap->state_lock);
	rc = qds_bitmap_refusal(bitmap, use);
	if (unlikely(rc))
		percpu_up_read(&bitmap->state_lock);
	return rc;
}

/**
 * qds_bitmap_leave() - end what qds_bitmap_enter() began
 * @bitmap: the bitmap
 */
void qds_bitmap_leave(struct qds_bitmap *bitmap)
{
	percpu_up_read(&bitmap->state_lock);
}

/**
 * qds_bitmap_look() - begin to look at a bitmap
 * @bitmap: the bitmap
 * @restores: for qds_bitmap_looked()
 *
 * Context: Process. Takes no lock.
 * Return: 0, and what is seen until qds_bitmap_looked() may be told if that says so;
 * or an errno.
 */
int qds_bitmap_look(const struct qds_bitmap *bitmap, u32 *restores)
{
	/* What the last restore wrote is seen: pairs with qds_restore_ends(). */
	*restores = smp_load_acquire(&bitmap->restores);
	if (likely(!(*restores & 1)))
		return 0;
	/* It may have ended just now. */
	return qds_bitmap_refusal(bitmap, QDS_USE_LOOK) ?: -EBUSY;
}

/**
 * qds_bitmap_looked() - whether what was seen may be told
 * @bitmap: the bitmap
 * @restores: from qds_bitmap_look()
 *
 * Return: 0, or -EBUSY if a restore has begun since.
 */
int qds_bitmap_looked(const struct qds_bitmap *bitmap, u32 restores)
{
	/* Pairs with qds_restore_starts(): who saw a piece sees the count. */
	smp_rmb();
	return READ_ONCE(bitmap->restores) == restores ? 0 : -EBUSY;
}

static int qds_is_file(const void *file, struct file *open, unsigned int fd)
{
	return open == file;
}

/**
 * qds_process_has_file() - whether a descriptor of the calling process is of a file
 * @file: the file
 *
 * What belongs to a process and a file ends when the process closes the file, which
 * flush() is told of, but not what begins later. A call in flight holds the file though
 * another thread has closed it; so who begins something looks here, once flush() would
 * find it: a descriptor that is there now is closed later.
 *
 * Context: Process. Takes files->file_lock. Cost: the descriptors of the process.
 */
bool qds_process_has_file(const struct file *file)
{
	return iterate_fd(current->files, 0, qds_is_file, file);
}

/* Ranges */

/**
 * qds_range_check() - whether a range is one of a bitmap
 * @bitmap: the bitmap
 * @start: first item
 * @count: number of items
 *
 * Return: 0, -EOVERFLOW or -ERANGE.
 */
int qds_range_check(const struct qds_bitmap *bitmap, u64 start, u64 count)
{
	u64 end;

	if (check_add_overflow(start, count, &end))
		return -EOVERFLOW;
	return end > hbitmap_size(bitmap->hb) ? -ERANGE : 0;
}

/**
 * qds_is_boundary() - whether what must be aligned may begin or end somewhere
 * @bitmap: the bitmap
 * @item: there
 * @unit: what it must be aligned to, a power of two
 *
 * Return: True at the bitmap's end too.
 */
bool qds_is_boundary(const struct qds_bitmap *bitmap, u64 item, u64 unit)
{
	return !(item & (unit - 1)) || item == hbitmap_size(bitmap->hb);
}

static u64 qds_group_size(const struct qds_bitmap *bitmap)
{
	return 1ULL << hbitmap_granularity(bitmap->hb);
}

/**
 * qds_window_end() - where the part of a range ends that is in one window
 * @bitmap: the bitmap
 * @pos: first item of the range
 * @end: first item behind it
 * @bits: size of a window, in bits, a power of two
 */
u64 qds_window_end(const struct qds_bitmap *bitmap, u64 pos, u64 end, u64 bits)
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

	return qds_bitmap_refusal(batch->bitmap, batch->use) ?:
	       qds_batch_read_ranges(batch);
}

/* For SET, in one go: the cache misses of its ranges overlap. */
static int qds_set_some(struct hbitmap *hb, const struct qds_range *ranges,
			unsigned int n, unsigned int *done)
{
	return hbitmap_set_batch(hb, (const struct hbitmap_range *)ranges, n, QDS_GFP,
				 done);
}

static int qds_reset_some(struct hbitmap *hb, const struct qds_range *ranges,
			  unsigned int n, unsigned int *done)
{
	int rc;

	for (*done = 0; *done < n; ++*done) {
		rc = hbitmap_reset(hb, ranges[*done].start, ranges[*done].count, QDS_GFP);
		if (rc)
			return rc;
		cond_resched();
	}
	return 0;
}

/* How many elements from @i on are to be done, and next to each other. */
static unsigned int qds_change_run(const struct qds_bitmap_batch *batch, u32 i)
{
	const struct qds_vector *vec = &batch->vec;
	unsigned int n = 0;

	while (i + n < vec->good && n < QDS_CHANGE_RUN && !vec->res[i + n] &&
	       batch->ranges[i + n].count)
		n++;
	return n;
}

static int qds_change_commit(struct qds_vector *vec,
			     int (*change)(struct hbitmap *hb,
					   const struct qds_range *ranges,
					   unsigned int n, unsigned int *done))
{
	struct qds_bitmap_batch *batch = qds_to_bitmap_batch(vec);
	struct qds_bitmap *bitmap = batch->bitmap;
	unsigned int n, done;
	bool changed = false;
	u32 i = 0;
	int rc;

	rc = qds_bitmap_enter(bitmap, batch->use);
	if (rc)
		return rc;
	if (batch->use == QDS_USE_CLEAN)
		qds_clean_begin(bitmap);
	while (i < vec->good) {
		n = qds_change_run(batch, i);
		if (!n) {
			i++;
			continue;
		}
		rc = change(bitmap->hb, &batch->ranges[i], n, &done);
		changed |= done;
		i += done;
		/* The library refuses what was truncated since it was checked. */
		if (rc && qds_vector_result(vec, i++, rc == -EINVAL ? -ERANGE : rc))
			break;
		cond_resched();
	}
	if (batch->use == QDS_USE_CLEAN)
		qds_clean_end(bitmap, changed);
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
	int rc = qds_change_commit(vec, qds_set_some);

	if (!rc)
		qds_object_changed(&qds_to_bitmap_batch(vec)->bitmap->object);
	return rc;
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
	int rc = qds_change_commit(vec, qds_reset_some);

	if (!rc)
		qds_object_changed(&qds_to_bitmap_batch(vec)->bitmap->object);
	return rc;
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
			      const struct qds_vector_ops *ops, enum qds_use use)
{
	const struct qds_bitmap_vec *args = &cmd->args->bitmap_vec;
	struct qds_bitmap_vec __user *user = cmd->user;
	struct qds_bitmap_batch batch = {
		.bitmap = qds_to_bitmap(cmd->object),
		.use = use,
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
	return qds_bitmap_vec_run(cmd, &qds_set_ops, QDS_USE_DIRTY);
}

static int qds_bitmap_reset(struct qds_cmd *cmd)
{
	return qds_bitmap_vec_run(cmd, &qds_reset_ops, QDS_USE_CLEAN);
}

static int qds_bitmap_test_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_vec *args = &cmd->args->bitmap_vec;

	return args->nr && args->results ? 0 : -EINVAL;
}

static int qds_bitmap_test(struct qds_cmd *cmd)
{
	return qds_bitmap_vec_run(cmd, &qds_test_ops, QDS_USE_LOOK);
}

/* Queries */

static int qds_bitmap_info(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_bitmap_info *info = &cmd->args->bitmap_info;

	info->state = READ_ONCE(bitmap->state);
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

/* What the items from @pos on are that are alike, which are not behind @end. */
static struct qds_extent qds_extent_at(const struct qds_bitmap *bitmap, u64 pos,
				       u64 end)
{
	struct qds_extent extent = {
		.start = pos,
		.flags = QDS_EXTENT_CLEAN,
	};
	u64 size;
	int dirty;

	do {
		size = min(end, hbitmap_size(bitmap->hb));
		/* What was cut off since the range was checked is clean. */
		extent.count = end - pos;
		if (pos >= size)
			return extent;
		dirty = hbitmap_status(bitmap->hb, pos, size - pos, &extent.count);
	} while (dirty < 0);
	if (dirty)
		extent.flags = QDS_EXTENT_DIRTY;
	return extent;
}

/*
 * How many items are dirty in what comes first of [@pos, @end): all that is alike,
 * or a window. Returns where that ends.
 */
static u64 qds_count_window(const struct qds_bitmap *bitmap, u64 pos, u64 end,
			    u64 *dirty)
{
	struct qds_extent extent = qds_extent_at(bitmap, pos, end);
	u64 next = qds_window_end(bitmap, pos, end, QDS_PIECE_BITS);

	if (extent.start + extent.count >= next) {
		*dirty = extent.flags & QDS_EXTENT_DIRTY ? extent.count : 0;
		return extent.start + extent.count;
	}
	*dirty = hbitmap_count_range(bitmap->hb, pos, next - pos);
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

/**
 * qds_bits() - how many bits stand for so many items
 * @items: how many, at least 1
 * @granularity: a bit stands for 1 << granularity of them
 */
u64 qds_bits(u64 items, u32 granularity)
{
	return ((items - 1) >> granularity) + 1;
}

/**
 * qds_bitmap_charge() - have its maker charged for so many bits
 * @bitmap: the bitmap
 * @bits: as many as it has, or will have
 *
 * Context: Process. Under history_lock for writing, unless nobody else has the bitmap.
 * Return: 0; -EDQUOT, with what was charged before. Less is never refused.
 */
int qds_bitmap_charge(struct qds_bitmap *bitmap, u64 bits)
{
	struct qds_user *user = bitmap->object.user;
	int rc = 0;

	if (bits > bitmap->charged)
		rc = qds_charge(user, QDS_LIMIT_BITS, bits - bitmap->charged);
	else
		qds_uncharge(user, QDS_LIMIT_BITS, bitmap->charged - bits);
	if (!rc)
		bitmap->charged = bits;
	return rc;
}

static void qds_bitmap_destroy(struct qds_object *object)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(object);

	qds_debugfs_del(object);
	qds_bitmap_charge(bitmap, 0);
	hbitmap_free(bitmap->hb);
	percpu_free_rwsem(&bitmap->state_lock);
	kfree(bitmap);
}

static void qds_bitmap_show_size(struct seq_file *m, struct qds_object *object)
{
	const struct qds_bitmap *bitmap = qds_to_bitmap(object);

	seq_printf(m, "items %llu granularity %u dirty %llu memory %llu state %u",
		   hbitmap_size(bitmap->hb), hbitmap_granularity(bitmap->hb),
		   hbitmap_count(bitmap->hb), hbitmap_memory(bitmap->hb),
		   READ_ONCE(bitmap->state));
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
	QDS_OP(QDS_BITMAP_BEGIN, struct qds_bitmap_begin, flags,
	       .writes = true,
	       .prepare = qds_bitmap_begin_prepare,
	       .issue = qds_bitmap_begin),
	QDS_OP(QDS_BITMAP_SEAL, struct qds_bitmap_seal, flags,
	       .writes = true,
	       .issue = qds_bitmap_seal),
	QDS_OP(QDS_BITMAP_WATCH, struct qds_bitmap_watch, dirty,
	       .prepare = qds_bitmap_watch_prepare,
	       .issue = qds_bitmap_watch),
	QDS_OP(QDS_BITMAP_TAKE, struct qds_bitmap_copy, __reserved,
	       .flags = QDS_TAKE_SINCE,
	       .writes = true,
	       .prepare = qds_bitmap_copy_prepare,
	       .issue = qds_bitmap_take),
	QDS_OP(QDS_BITMAP_CLONE, struct qds_bitmap_copy, __reserved,
	       .prepare = qds_bitmap_copy_prepare,
	       .issue = qds_bitmap_clone),
	QDS_OP(QDS_BITMAP_MERGE, struct qds_bitmap_merge, how,
	       .writes = true,
	       .prepare = qds_bitmap_merge_prepare,
	       .issue = qds_bitmap_merge),
	QDS_OP(QDS_BITMAP_TRUNCATE, struct qds_bitmap_truncate, items,
	       .writes = true,
	       .prepare = qds_bitmap_truncate_prepare,
	       .issue = qds_bitmap_truncate),
	QDS_OP(QDS_BITMAP_DIGEST, struct qds_bitmap_digest, digest,
	       .issue = qds_bitmap_digest),
	QDS_OP(QDS_BITMAP_SERIALIZE_CHUNKS, struct qds_bitmap_chunks, done,
	       .prepare = qds_bitmap_serialize_chunks_prepare,
	       .issue = qds_bitmap_serialize_chunks),
	QDS_OP(QDS_BITMAP_DESERIALIZE_CHUNKS, struct qds_bitmap_chunks, done,
	       .writes = true,
	       .prepare = qds_bitmap_deserialize_chunks_prepare,
	       .issue = qds_bitmap_deserialize_chunks),
	QDS_OP(QDS_BITMAP_ATTACH, struct qds_bitmap_attach, generation,
	       .flags = QDS_ATTACH_MARKS_FIRST,
	       .writes = true,
	       .issue = qds_bitmap_attach),
	QDS_OP(QDS_BITMAP_DETACH, struct qds_bitmap_detach, flags,
	       .writes = true,
	       .issue = qds_bitmap_detach),
	QDS_OP(QDS_BITMAP_HISTORY, struct qds_bitmap_history, complete,
	       .issue = qds_bitmap_history),
};

static const struct qds_kind qds_bitmap_kind = {
	.id = QDS_KIND_BITMAP,
	.name = "[qds-bitmap]",
	.fops = &qds_bitmap_fops,
	.ops = {
		.op = qds_bitmap_op,
		.nr = ARRAY_SIZE(qds_bitmap_op),
		.first = QDS_CMD_BITMAP_INFO,
	},
	.destroy = qds_bitmap_destroy,
	.show_size = qds_bitmap_show_size,
	.amount = qds_bitmap_amount,
};

/**
 * qds_items_check() - whether a bitmap can have so many items
 * @items: how many
 * @granularity: a bit stands for 1 << granularity of them
 *
 * Return: 0, -EINVAL or -EFBIG.
 */
int qds_items_check(u64 items, u32 granularity)
{
	if (!items || items > S64_MAX)
		return -EINVAL;
	if (granularity > HBITMAP_MAX_GRANULARITY ||
	    (items - 1) >> granularity >= HBITMAP_MAX_BITS)
		return -EFBIG;
	return 0;
}

int qds_bitmap_create_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_create *args = &cmd->args->bitmap_create;

	return qds_items_check(args->items, args->granularity);
}

/**
 * qds_bitmap_alloc() - make a bitmap that has no bits yet
 *
 * Return: it, or an ERR_PTR().
 */
struct qds_bitmap *qds_bitmap_alloc(void)
{
	struct qds_bitmap *bitmap = kzalloc(sizeof(*bitmap), QDS_GFP);
	int rc;

	if (!bitmap)
		return ERR_PTR(-ENOMEM);
	rc = qds_object_init(&bitmap->object, &qds_bitmap_kind);
	if (rc)
		goto err_free;
	rc = percpu_init_rwsem(&bitmap->state_lock);
	if (rc)
		goto err_object;
	bitmap->state = QDS_BITMAP_ACTIVE;
	qds_history_init(bitmap);
	mutex_init(&bitmap->write_lock);
	return bitmap;

err_object:
	qds_object_fini(&bitmap->object);
err_free:
	kfree(bitmap);
	return ERR_PTR(rc);
}

int qds_bitmap_create_issue(struct qds_cmd *cmd)
{
	struct qds_bitmap_create *args = &cmd->args->bitmap_create;
	struct qds_bitmap *bitmap = qds_bitmap_alloc();
	struct hbitmap *hb;
	int rc;

	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	rc = qds_bitmap_charge(bitmap, qds_bits(args->items, args->granularity));
	if (rc)
		goto err_put;
	hb = hbitmap_alloc(args->items, args->granularity, QDS_GFP);
	rc = PTR_ERR_OR_ZERO(hb);
	if (rc)
		goto err_put;
	bitmap->hb = hb;
	qds_debugfs_add(&bitmap->object);
	return qds_publish(cmd, &bitmap->object, O_RDWR, &args->out_fd);

err_put:
	qds_object_put(&bitmap->object);
	return rc;
}
