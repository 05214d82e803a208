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

#include "bitmap_private.h"

static_assert(QDS_DIGEST_SIZE == HBITMAP_DIGEST_SIZE);

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
	return cmd->args->bitmap_copy.__reserved ? -EOPNOTSUPP : 0;
}

/* The content goes into the new bitmap when all else is done that can fail. */
static int qds_take_content(struct qds_bitmap *bitmap, struct qds_bitmap *taken)
{
	struct hbitmap *hb;
	int rc = qds_bitmap_enter(bitmap, QDS_USE_CLEAN);

	if (rc)
		return rc;
	hb = hbitmap_take(bitmap->hb, QDS_GFP);
	qds_bitmap_leave(bitmap);
	if (IS_ERR(hb))
		return PTR_ERR(hb);
	taken->hb = hb;
	taken->state = QDS_BITMAP_TAKEN;
	return 0;
}

static int qds_clone_content(struct qds_bitmap *bitmap, struct qds_bitmap *clone)
{
	struct hbitmap *hb;
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	if (rc)
		return rc;
	hb = hbitmap_clone(bitmap->hb, QDS_GFP);
	if (IS_ERR(hb))
		return PTR_ERR(hb);
	clone->hb = hb;
	return qds_bitmap_looked(bitmap, restores);
}

static int qds_bitmap_copy(struct qds_cmd *cmd, enum qds_use use,
			   int (*content)(struct qds_bitmap *bitmap,
					  struct qds_bitmap *copy))
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object), *copy;
	struct qds_published published;
	int rc = qds_bitmap_refusal(bitmap, use);

	if (rc)
		return rc;
	copy = qds_bitmap_alloc();
	if (!copy)
		return -ENOMEM;
	rc = qds_publish_begin(cmd, &copy->object, O_RDWR,
			       &cmd->args->bitmap_copy.out_fd, &published);
	if (rc)
		return rc;
	rc = content(bitmap, copy);
	if (rc)
		qds_publish_abort(&published);
	else
		qds_publish_end(&published);
	return rc;
}

int qds_bitmap_take(struct qds_cmd *cmd)
{
	return qds_bitmap_copy(cmd, QDS_USE_CLEAN, qds_take_content);
}

int qds_bitmap_clone(struct qds_cmd *cmd)
{
	return qds_bitmap_copy(cmd, QDS_USE_LOOK, qds_clone_content);
}

/* Merging */

int qds_bitmap_merge_prepare(const struct qds_cmd *cmd)
{
	return cmd->args->bitmap_merge.how > QDS_MERGE_XOR ? -EINVAL : 0;
}

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
static int qds_merge_enter(struct qds_bitmap *bitmap, struct qds_bitmap *source,
			   enum qds_use use)
{
	int rc;

	for (;;) {
		rc = qds_bitmap_enter(bitmap, use);
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
	}
	return rc;
}

static int qds_merge_content(struct hbitmap *hb, const struct hbitmap *source, u32 how)
{
	switch (how) {
	case QDS_MERGE_AND:
		return hbitmap_and(hb, source, hb, QDS_GFP);
	case QDS_MERGE_ANDNOT:
		return hbitmap_andnot(hb, source, hb, QDS_GFP);
	case QDS_MERGE_XOR:
		return hbitmap_xor(hb, source, hb, QDS_GFP);
	default:
		return hbitmap_merge(hb, source, hb, QDS_GFP);
	}
}

static int qds_merge_file(struct qds_bitmap *bitmap, const struct file *file, u32 how)
{
	struct qds_bitmap *source;
	int rc;

	if (!qds_file_is_object(file) ||
	    qds_file_object(file)->kind != bitmap->object.kind)
		return -EINVAL;
	source = qds_to_bitmap(qds_file_object(file));
	if (source == bitmap)
		return -EINVAL;
	rc = qds_merge_enter(bitmap, source, qds_merge_use(how));
	if (rc)
		return rc;
	rc = qds_merge_content(bitmap->hb, source->hb, how);
	percpu_up_read(&source->state_lock);
	qds_bitmap_leave(bitmap);
	qds_bitmap_dirtied(bitmap);
	return rc;
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

int qds_bitmap_truncate(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	int rc = qds_bitmap_enter(bitmap, QDS_USE_CLEAN);

	if (rc)
		return rc;
	rc = hbitmap_truncate(bitmap->hb, cmd->args->bitmap_truncate.items, QDS_GFP);
	qds_bitmap_leave(bitmap);
	return rc;
}

int qds_bitmap_digest(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	u32 restores;
	int rc = qds_bitmap_look(bitmap, &restores);

	if (!rc)
		rc = hbitmap_digest(bitmap->hb, cmd->args->bitmap_digest.digest, QDS_GFP);
	if (!rc)
		rc = qds_bitmap_looked(bitmap, restores);
	return rc ?: qds_respond(cmd);
}
