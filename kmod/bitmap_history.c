// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: who writes, and whether something may have been lost. "The history of a
 * bitmap" in <linux/qds.h> says what is promised.
 *
 * A generation that somebody was told is a promise, until it changes: what becomes dirty
 * stays so. Who makes items clean holds history_lock for reading, changes the
 * generation when that is done, and then lets go. Who relies on it holds it for writing:
 * HISTORY while it looks at the generation, TAKE from there to the moment at which the
 * content moves. So they find none who has made something clean and not yet said so. A
 * SET takes no notice of all this.
 *
 * Each value of the generation is drawn once and never comes back. TAKE draws the one
 * that will follow it before it answers, and sets it when it has taken.
 *
 * Restores change the generation under state_lock for writing, which TAKE holds for
 * reading. history_lock is taken inside state_lock.
 *
 * An attachment is a file's, with the process that made it as its owner, and ends as
 * a restore is abandoned: when that closes a descriptor of the file.
 */
#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bitmap_private.h"

/**
 * qds_history_init() - begin the history of a bitmap
 * @bitmap: the bitmap
 */
void qds_history_init(struct qds_bitmap *bitmap)
{
	init_rwsem(&bitmap->history_lock);
	get_random_bytes(bitmap->instance, sizeof(bitmap->instance));
	atomic64_set(&bitmap->tickets, 0);
	qds_history_lose(bitmap);
}

/**
 * qds_history_ticket() - draw a value for the generation that no other will be
 * @bitmap: the bitmap
 *
 * Return: The value; never 0, which is for those who know of no point.
 */
u64 qds_history_ticket(struct qds_bitmap *bitmap)
{
	return atomic64_inc_return(&bitmap->tickets);
}

/**
 * qds_history_lose() - something may be missing from here on
 * @bitmap: the bitmap
 *
 * Context: The caller holds history_lock, or state_lock for writing.
 */
void qds_history_lose(struct qds_bitmap *bitmap)
{
	/* Several may be here at a time: whichever is last, no value comes back. */
	atomic64_set(&bitmap->generation, qds_history_ticket(bitmap));
}

/**
 * qds_clean_begin() - begin to make items clean
 * @bitmap: the bitmap; the caller holds its state_lock
 *
 * Context: Process; sleeps while a TAKE is under way.
 */
void qds_clean_begin(struct qds_bitmap *bitmap)
{
	down_read(&bitmap->history_lock);
}

/**
 * qds_clean_end() - end what qds_clean_begin() began
 * @bitmap: the bitmap
 * @cleaned: some may have become clean
 */
void qds_clean_end(struct qds_bitmap *bitmap, bool cleaned)
{
	if (cleaned)
		qds_history_lose(bitmap);
	up_read(&bitmap->history_lock);
}

/**
 * qds_history_is_at() - whether a bitmap is at a point
 * @bitmap: the bitmap
 * @instance: of the point
 * @generation: of the point
 *
 * Without history_lock for writing it may leave it at once.
 */
bool qds_history_is_at(const struct qds_bitmap *bitmap, const __u64 *instance,
		       u64 generation)
{
	return instance[0] == bitmap->instance[0] &&
	       instance[1] == bitmap->instance[1] &&
	       generation == atomic64_read(&bitmap->generation);
}

/* Under history_lock for writing. */
static int qds_writer_add(struct qds_bitmap *bitmap, struct file *file, u32 flags)
{
	struct qds_file *private = file->private_data;

	if (private->writer)
		return -EBUSY;
	/* Before the look: a close() that comes after it finds the writer. */
	WRITE_ONCE(private->writer, current->files);
	if (!qds_process_has_file(file)) {
		WRITE_ONCE(private->writer, NULL);
		return -EBADF;
	}
	private->attach_flags = flags;
	private->attach_generation = atomic64_read(&bitmap->generation);
	bitmap->writers++;
	return 0;
}

int qds_bitmap_attach(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_bitmap_attach *args = &cmd->args->bitmap_attach;
	const struct qds_file *private = cmd->file->private_data;
	int rc = qds_bitmap_refusal(bitmap, QDS_USE_DIRTY);

	if (!rc && READ_ONCE(private->writer))
		rc = -EBUSY;
	if (rc)
		return rc;
	memcpy(args->instance, bitmap->instance, sizeof(args->instance));
	args->generation = atomic64_read(&bitmap->generation);
	rc = qds_respond(cmd);
	if (!rc)
		rc = qds_bitmap_enter(bitmap, QDS_USE_DIRTY);
	if (rc)
		return rc;
	down_write(&bitmap->history_lock);
	rc = qds_writer_add(bitmap, cmd->file, args->flags);
	up_write(&bitmap->history_lock);
	qds_bitmap_leave(bitmap);
	return rc;
}

int qds_bitmap_detach(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_file *private = cmd->file->private_data;
	int rc = -ENODATA;

	down_write(&bitmap->history_lock);
	if (private->writer == current->files) {
		WRITE_ONCE(private->writer, NULL);
		bitmap->writers--;
		rc = 0;
	}
	up_write(&bitmap->history_lock);
	return rc;
}

/*
 * May a change be missing whose writer has ended without a word? One that was marked
 * before it was made is not, unless somebody has made that clean in between.
 */
static bool qds_writer_lost(const struct qds_bitmap *bitmap,
			    const struct qds_file *private)
{
	return !(private->attach_flags & QDS_ATTACH_MARKS_FIRST) ||
	       private->attach_generation != atomic64_read(&bitmap->generation);
}

/**
 * qds_writer_gone() - a file goes away; so may a writer
 * @bitmap: the bitmap
 * @file: the file
 * @owner: the process that closes it, or NULL if it was the last one
 *
 * Context: Process; takes history_lock for writing if the writer is gone.
 */
void qds_writer_gone(struct qds_bitmap *bitmap, const struct file *file,
		     fl_owner_t owner)
{
	struct qds_file *private = file->private_data;
	fl_owner_t writer = READ_ONCE(private->writer);

	if (likely(!writer) || (owner && writer != owner))
		return;
	down_write(&bitmap->history_lock);
	/* It may have called DETACH just now. */
	if (private->writer && (!owner || private->writer == owner)) {
		WRITE_ONCE(private->writer, NULL);
		bitmap->writers--;
		bitmap->unclean++;
		if (qds_writer_lost(bitmap, private))
			qds_history_lose(bitmap);
	}
	up_write(&bitmap->history_lock);
}

int qds_bitmap_history(struct qds_cmd *cmd)
{
	struct qds_bitmap *bitmap = qds_to_bitmap(cmd->object);
	struct qds_bitmap_history *args = &cmd->args->bitmap_history;

	/* For writing: who has made something clean has said so by then. */
	down_write(&bitmap->history_lock);
	args->complete = qds_history_is_at(bitmap, args->instance, args->since) &&
			 !qds_bitmap_refusal(bitmap, QDS_USE_LOOK);
	args->generation = atomic64_read(&bitmap->generation);
	args->unclean = bitmap->unclean;
	args->writers = bitmap->writers;
	up_write(&bitmap->history_lock);
	memcpy(args->instance, bitmap->instance, sizeof(args->instance));
	return qds_respond(cmd);
}
