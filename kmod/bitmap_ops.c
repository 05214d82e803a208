// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: what is done with them as a whole: seal, take, clone, merge, truncate,
 * digest.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/hbitmap.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <trace/events/qds.h>

#include "bitmap_private.h"

static_assert(QDS_DIGEST_SIZE == HBITMAP_DIGEST_SIZE);
static_assert((int)QDS_MERGE_OR == (int)HBITMAP_MERGE_OR);
static_assert((int)QDS_MERGE_AND == (int)HBITMAP_MERGE_AND);
static_assert((int)QDS_MERGE_ANDNOT == (int)HBITMAP_MERGE_ANDNOT);
static_assert((int)QDS_MERGE_XOR == (int)HBITMAP_MERGE_XOR);

/* Between pieces of what only looks at a bitmap, and so holds nothing. */
static int qds_pause_looking(struct hbitmap_pause *pause)
{
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Who changes the bitmap is waited for; nobody can after that. */
int qds_bitmap_seal(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_refusal(bitmap, QDS_USE_SEAL);

	/* Those at work are not made to wait for nothing. */
	if (rc || READ_ONCE(bitmap->state) == QDS_BITMAP_SEALED)
		return rc;
	percpu_down_write(&bitmap->state_lock);
	rc = qds_bitmap_refusal(bitmap, QDS_USE_SEAL);
	if (!rc)
		WRITE_ONCE(bitmap->state, QDS_BITMAP_SEALED);
	percpu_up_write(&bitmap->state_lock);
	return rc;
}

int qds_bitmap_copy_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap_copy *args = &cmd->args->bitmap_copy;

	if (args->__reserved)
		return -EOPNOTSUPP;
	/* To have forgotten the flag would be to lose what one meant to keep. */
	return args->since && !(args->flags & QDS_TAKE_SINCE) ? -EINVAL : 0;
}

static int qds_take_exclusive(const struct qds_bitmap_copy *args,
			      struct qds_bitmap *bitmap, struct qds_bitmap *taken)
{
	struct hbitmap *hb;
	int rc;

	if ((args->flags & QDS_TAKE_SINCE) &&
	    !qds_history_is_at(bitmap, args->instance, args->since))
		return -ESTALE;
	/* It does not change: TRUNCATE holds history_lock for writing as well. */
	rc = qds_bitmap_charge(taken, bitmap->charged);
	if (rc)
		return rc;
	hb = hbitmap_take(bitmap->hb, QDS_GFP);
	if (IS_ERR(hb))
		return PTR_ERR(hb);
	taken->hb = hb;
	taken->state = QDS_BITMAP_TAKEN;
	/* As the caller has been told. */
	atomic64_set(&bitmap->generation, args->generation);
	return 0;
}

/* The content goes into the new bitmap when all else is done that can fail. */
static int qds_take(struct qds_cmd *cmd, struct qds_bitmap *taken)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_enter(bitmap, QDS_USE_CLEAN);

	if (rc)
		return rc;
	down_write(&bitmap->history_lock);
	rc = qds_take_exclusive(&cmd->args->bitmap_copy, bitmap, taken);
	up_write(&bitmap->history_lock);
	qds_bitmap_leave(bitmap);
	if (!rc)
		qds_object_renewed(&bitmap->object);
	return rc;
}

static int qds_clone(struct qds_cmd *cmd, struct qds_bitmap *clone)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct hbitmap_pause pause = { .pause = qds_pause_looking };
	struct hbitmap *hb;
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	if (rc)
		return rc;
	hb = hbitmap_clone_pausing(bitmap->hb, QDS_GFP, &pause);
	if (IS_ERR(hb))
		return PTR_ERR(hb);
	clone->hb = hb;
	rc = qds_bitmap_charge(clone, qds_bits(hbitmap_size(hb), hbitmap_granularity(hb)));
	return rc ?: qds_bitmap_looked(bitmap, restores);
}

static int qds_bitmap_copy(struct qds_cmd *cmd,
			   int (*content)(struct qds_cmd *cmd, struct qds_bitmap *copy))
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object), *copy;
	struct qds_published published;
	int rc;

	copy = qds_bitmap_alloc();
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	rc = qds_publish_begin(cmd, &copy->object, O_RDWR,
			       &cmd->args->bitmap_copy.out_fd, &published);
	if (rc)
		return rc;
	rc = content(cmd, copy);
	if (rc) {
		qds_publish_abort(&published);
		return rc;
	}
	qds_debugfs_add(&copy->object);
	if (copy->state == QDS_BITMAP_TAKEN)
		trace_qds_take(bitmap->object.id, copy->object.id,
			       hbitmap_count(copy->hb));
	qds_publish_end(&published);
	return 0;
}

int qds_bitmap_take(struct qds_cmd *cmd)
{
	struct qds_bitmap_copy *args = &cmd->args->bitmap_copy;
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_refusal(bitmap, QDS_USE_CLEAN);

	if (rc)
		return rc;
	if (!(args->flags & QDS_TAKE_SINCE))
		memcpy(args->instance, bitmap->instance, sizeof(args->instance));
	else if (!qds_history_is_at(bitmap, args->instance, args->since))
		return -ESTALE;
	args->generation = qds_history_ticket(bitmap);
	return qds_bitmap_copy(cmd, qds_take);
}

int qds_bitmap_clone(struct qds_cmd *cmd)
{
	return qds_bitmap_refusal(qds_to_bitmap(cmd->object), QDS_USE_LOOK) ?:
	       qds_bitmap_copy(cmd, qds_clone);
}

/* Merging */

int qds_bitmap_merge_prepare(const struct qds_cmd *cmd)
{
	return cmd->args->bitmap_merge.how > QDS_MERGE_XOR ? -EINVAL : 0;
}

/**
 * struct qds_merge - a merge that is under way
 * @pause: given to the library
 * @bitmap: what is merged into
 * @source: what is merged
 * @use: what is done with @bitmap
 * @cleans: it may become cleaner
 * @restores: of both, when it began
 * @inside: holds both state_locks
 */
struct qds_merge {
	struct hbitmap_pause pause;
	struct qds_bitmap *bitmap;
	struct qds_bitmap *source;
	enum qds_use use;
	bool cleans;
	u32 restores[2];
	bool inside;
};

static enum qds_use qds_merge_use(u32 how)
{
	return how == QDS_MERGE_AND || how == QDS_MERGE_ANDNOT ? QDS_USE_CLEAN :
								  QDS_USE_DIRTY;
}

/*
 * Two state_locks are held for reading here and nowhere else. Two who each wait for
 * the lock that the other has, both behind someone who wants to write, would wait for
 * ever; so nobody waits for the second one while he has the first.
 */
static int qds_merge_enter(struct qds_merge *merge)
{
	struct qds_bitmap *bitmap = merge->bitmap, *source = merge->source;
	int rc;

	for (;;) {
		rc = qds_bitmap_enter(bitmap, merge->use);
		if (rc)
			return rc;
		if (percpu_down_read_trylock(&source->state_lock))
			break;
		qds_bitmap_leave(bitmap);
		/* Its state is being changed: until it is. */
		percpu_down_read(&source->state_lock);
		percpu_up_read(&source->state_lock);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	rc = qds_bitmap_refusal(source, QDS_USE_LOOK);
	if (rc) {
		percpu_up_read(&source->state_lock);
		qds_bitmap_leave(bitmap);
		return rc;
	}
	if (merge->cleans)
		qds_clean_begin(bitmap);
	merge->inside = true;
	return 0;
}

static void qds_merge_leave(struct qds_merge *merge)
{
	if (merge->inside) {
		if (merge->cleans)
			qds_clean_end(merge->bitmap, true);
		percpu_up_read(&merge->source->state_lock);
		qds_bitmap_leave(merge->bitmap);
	}
	merge->inside = false;
}

/*
 * Who wants to change a state gets it between two pieces. What is then being restored,
 * or has been, is not what the merge began with.
 */
static int qds_merge_pause(struct hbitmap_pause *pause)
{
	struct qds_merge *merge = container_of(pause, struct qds_merge, pause);
	int rc;

	qds_merge_leave(merge);
	if (fatal_signal_pending(current))
		return -EINTR;
	rc = qds_merge_enter(merge);
	if (!rc && (merge->bitmap->restores != merge->restores[0] ||
		    merge->source->restores != merge->restores[1]))
		rc = -EBUSY;
	return rc;
}

static int qds_merge_run(struct qds_merge *merge, u32 how)
{
	struct hbitmap *hb = merge->bitmap->hb;
	int rc = qds_merge_enter(merge);

	if (rc)
		return rc;
	merge->restores[0] = merge->bitmap->restores;
	merge->restores[1] = merge->source->restores;
	rc = hbitmap_merge_pausing(hb, merge->source->hb, hb, how, QDS_GFP, &merge->pause);
	qds_merge_leave(merge);
	qds_object_changed(&merge->bitmap->object);
	return rc;
}

static int qds_merge_file(struct qds_bitmap *bitmap, const struct file *file, u32 how)
{
	struct qds_merge merge = {
		.pause = { .pause = qds_merge_pause },
		.bitmap = bitmap,
		.use = qds_merge_use(how),
		.cleans = how != QDS_MERGE_OR,
	};

	if (!qds_file_is_object(file) ||
	    qds_file_object(file)->kind != bitmap->object.kind)
		return -EINVAL;
	merge.source = qds_to_bitmap(qds_file_object(file));
	if (merge.source == bitmap)
		return -EINVAL;
	return qds_merge_run(&merge, how);
}

int qds_bitmap_merge(struct qds_cmd *cmd)
{
	const struct qds_bitmap_merge *args = &cmd->args->bitmap_merge;
	struct file *file = fget(args->source);
	int rc;

	if (!file)
		return -EBADF;
	rc = qds_merge_file(qds_to_bitmap(cmd->object), file, args->how);
	fput(file);
	return rc;
}

/* Size and digest */

int qds_bitmap_truncate_prepare(const struct qds_cmd *cmd)
{
	const struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);

	return qds_items_check(cmd->args->bitmap_truncate.items,
			       hbitmap_granularity(bitmap->hb));
}

/* Charged for the larger size until it has the smaller. Under history_lock for writing. */
static int qds_truncate_charged(struct qds_bitmap *bitmap, u64 items)
{
	u64 bits = qds_bits(items, hbitmap_granularity(bitmap->hb)), had;
	int rc;

	had = bitmap->charged;
	rc = qds_bitmap_charge(bitmap, max(bits, had));
	if (!rc) {
		rc = hbitmap_truncate(bitmap->hb, items, QDS_GFP);
		qds_bitmap_charge(bitmap, rc ? had : bits);
	}
	return rc;
}

int qds_bitmap_truncate(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	u64 items = cmd->args->bitmap_truncate.items;
	int rc = qds_bitmap_enter(bitmap, QDS_USE_CLEAN);
	bool cuts;

	if (rc)
		return rc;
	/* For writing: the size that is compared is the size that is changed. */
	down_write(&bitmap->history_lock);
	cuts = items < hbitmap_size(bitmap->hb);
	rc = qds_truncate_charged(bitmap, items);
	if (!rc && cuts)
		qds_history_lose(bitmap);
	up_write(&bitmap->history_lock);
	qds_bitmap_leave(bitmap);
	qds_object_changed(&bitmap->object);
	return rc;
}

int qds_bitmap_digest(struct qds_cmd *cmd)
{
	struct hbitmap_pause pause = { .pause = qds_pause_looking };
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	if (!rc)
		rc = hbitmap_digest_pausing(bitmap->hb, cmd->args->bitmap_digest.digest,
					    QDS_GFP, &pause);
	if (!rc)
		rc = qds_bitmap_looked(bitmap, restores);
	return rc ?: qds_respond(cmd);
}
