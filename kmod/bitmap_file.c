// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps: the descriptor as a file of the serialized form of all items, and who
 * waits for items to become dirty.
 *
 * Reading and writing go through a bounce buffer, word by word as the library has
 * it, so that user memory is touched while nothing is held. Holes and data are told
 * apart by what a leaf covers: finer ones would cost more calls than they save.
 *
 * Who waits for items to become dirty is known to object_watch.c.
 */
#include <linux/fs.h>
#include <linux/hbitmap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <trace/events/qds.h>

#include "bitmap_private.h"

/* As much of a hole as is told in one go; signals are looked at in between. */
#define QDS_HOLE_SIZE		(1024 * 1024)

static struct qds_bitmap *qds_file_bitmap(const struct file *file)
{
	return qds_to_bitmap(qds_file_object(file));
}

/* Length of the file, which can change at any time; -EOPNOTSUPP if it has none. */
static loff_t qds_file_size(const struct qds_bitmap *bitmap)
{
	if (!hbitmap_is_serializable(bitmap->hb))
		return -EOPNOTSUPP;
	return qds_serial_size(bitmap, hbitmap_size(bitmap->hb));
}

/* The first item that a byte, of a multiple of a word, stands for. */
static u64 qds_byte_item(const struct qds_bitmap *bitmap, u64 byte)
{
	return byte * 8 << hbitmap_granularity(bitmap->hb);
}

static u64 qds_item_byte(const struct qds_bitmap *bitmap, u64 item)
{
	return (item >> hbitmap_granularity(bitmap->hb)) / 8;
}

/*
 * The piece that has the bytes of [@pos, @end), as many as fit the buffer, in whole
 * words and with no leaf in two pieces. Returns how many bytes those are.
 */
static size_t qds_file_piece(const struct qds_bitmap *bitmap, u64 pos, u64 end,
			     struct qds_piece *piece)
{
	u64 first = round_down(pos, QDS_WORD_BYTES);
	u64 items = hbitmap_size(bitmap->hb);
	u64 last;

	end = min(end, round_down(pos, QDS_LEAF_BYTES) + QDS_BOUNCE_SIZE);
	last = round_up(end, QDS_WORD_BYTES);
	piece->start = qds_byte_item(bitmap, first);
	items = min(items, qds_byte_item(bitmap, last));
	/* It may have been truncated: there is none then, and the library says so. */
	piece->count = items > piece->start ? items - piece->start : 0;
	piece->size = last - first;
	return end - pos;
}

/* Reading */

/* How many bytes from @pos on, up to @end, can be told to be zero without looking. */
static u64 qds_hole_bytes(const struct qds_bitmap *bitmap, u64 pos, u64 end)
{
	u64 first = round_down(pos, QDS_WORD_BYTES);
	u64 start = qds_byte_item(bitmap, first);
	s64 dirty;

	dirty = hbitmap_next_dirty(bitmap->hb, start, U64_MAX - start);
	if (dirty < 0 || qds_item_byte(bitmap, dirty) >= end)
		return end - pos;
	/* Whole leaves: what is dirty in one is told with all of it. */
	first = round_down(qds_item_byte(bitmap, dirty), QDS_LEAF_BYTES);
	return first > pos ? first - pos : 0;
}

/* Some bytes; 0 if there are none any more, or an error. */
static ssize_t qds_read_piece(const struct qds_bitmap *bitmap, u64 pos,
			      struct qds_piece *piece, struct iov_iter *to)
{
	u64 size = qds_file_size(bitmap), hole;
	size_t bytes, copied;
	u32 restores;
	int rc;

	if (pos >= size)
		return 0;
	rc = qds_bitmap_look(bitmap, &restores);
	if (rc)
		return rc;
	size = min_t(u64, size, pos + iov_iter_count(to));
	hole = qds_hole_bytes(bitmap, pos, size);
	if (hole) {
		hole = min_t(u64, hole, QDS_HOLE_SIZE);
		rc = qds_bitmap_looked(bitmap, restores);
		return rc ?: (iov_iter_zero(hole, to) ?: -EFAULT);
	}
	bytes = qds_file_piece(bitmap, pos, size, piece);
	rc = hbitmap_serialize_part(bitmap->hb, piece->buffer, piece->start,
				    piece->count);
	/* It was truncated since: again. */
	if (rc == -EINVAL || qds_serial_size(bitmap, piece->count) != piece->size)
		return -EAGAIN;
	rc = rc ?: qds_bitmap_looked(bitmap, restores);
	if (rc)
		return rc;
	trace_qds_serialize(bitmap->object.id, piece->start, piece->count, bytes);
	copied = copy_to_iter(piece->buffer + pos % QDS_WORD_BYTES, bytes, to);
	return copied ?: -EFAULT;
}

static ssize_t qds_bitmap_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct qds_bitmap *bitmap = qds_file_bitmap(iocb->ki_filp);
	loff_t size = qds_file_size(bitmap);
	struct qds_piece piece = {};
	ssize_t rc = 0, done = 0;

	if (size < 0)
		return size;
	if (!iov_iter_count(to) || iocb->ki_pos >= size)
		return qds_bitmap_refusal(bitmap, QDS_USE_LOOK);
	/* The bytes of two words that are not aligned may be in three. */
	piece.buffer = kvmalloc(min_t(u64, iov_iter_count(to) + 2 * QDS_WORD_BYTES,
				      QDS_BOUNCE_SIZE), QDS_GFP);
	if (!piece.buffer)
		return -ENOMEM;
	do {
		if (fatal_signal_pending(current))
			rc = -EINTR;
		else
			rc = qds_read_piece(bitmap, iocb->ki_pos + done, &piece, to);
		if (rc > 0)
			done += rc;
		cond_resched();
	} while ((rc > 0 && iov_iter_count(to)) || rc == -EAGAIN);
	kvfree(piece.buffer);
	iocb->ki_pos += done;
	return done ?: rc;
}

/* Writing */

/*
 * The words that are written in part get what they hold from the bitmap. Under
 * write_lock, and the bitmap is being restored.
 */
static int qds_write_fill(const struct qds_bitmap *bitmap,
			  const struct qds_piece *piece, size_t head, size_t bytes)
{
	u8 *buffer = piece->buffer, *last = buffer + piece->size - QDS_WORD_BYTES;
	size_t tail = piece->size - head - bytes;
	u64 word = qds_byte_item(bitmap, QDS_WORD_BYTES);
	u64 start = piece->start, end = piece->start + piece->count;
	u8 old[QDS_WORD_BYTES];
	int rc;

	if (head) {
		rc = hbitmap_serialize_part(bitmap->hb, old, start, min(word, end - start));
		if (rc)
			return rc;
		memcpy(buffer, old, head);
	}
	if (!tail)
		return 0;
	start += (piece->size / QDS_WORD_BYTES - 1) * word;
	rc = hbitmap_serialize_part(bitmap->hb, old, start, end - start);
	if (!rc)
		memcpy(last + QDS_WORD_BYTES - tail, old + QDS_WORD_BYTES - tail, tail);
	return rc;
}

static int qds_write_restore(struct qds_bitmap *bitmap, const struct qds_piece *piece,
			     size_t head, size_t bytes)
{
	int rc;

	if (mutex_lock_killable(&bitmap->write_lock))
		return -EINTR;
	rc = qds_bitmap_enter(bitmap, QDS_USE_RESTORE);
	if (rc)
		goto out;
	/* It was truncated before the restore began; it cannot be now. */
	if (qds_serial_size(bitmap, piece->count) != piece->size)
		rc = -ENOSPC;
	rc = rc ?: qds_write_fill(bitmap, piece, head, bytes);
	rc = rc ?: qds_piece_apply(bitmap, piece);
	qds_bitmap_leave(bitmap);
out:
	mutex_unlock(&bitmap->write_lock);
	return rc;
}

static ssize_t qds_write_piece(struct qds_bitmap *bitmap, u64 pos,
			       struct qds_piece *piece, struct iov_iter *from)
{
	size_t head = pos % QDS_WORD_BYTES, bytes, copied;
	u64 size = qds_file_size(bitmap);
	int rc;

	if (pos >= size)
		return -ENOSPC;
	size = min_t(u64, size, pos + iov_iter_count(from));
	bytes = qds_file_piece(bitmap, pos, size, piece);
	copied = copy_from_iter(piece->buffer + head, bytes, from);
	if (!copied)
		return -EFAULT;
	/* What could be read is written. */
	if (copied < bytes)
		bytes = qds_file_piece(bitmap, pos, pos + copied, piece);
	rc = qds_write_restore(bitmap, piece, head, bytes);
	if (rc)
		iov_iter_revert(from, copied);
	return rc ?: copied;
}

static ssize_t qds_bitmap_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct qds_bitmap *bitmap = qds_file_bitmap(iocb->ki_filp);
	loff_t size = qds_file_size(bitmap);
	struct qds_piece piece = {};
	ssize_t rc, done = 0;

	if (size < 0)
		return size;
	rc = qds_bitmap_refusal(bitmap, QDS_USE_RESTORE);
	if (rc || !iov_iter_count(from))
		return rc;
	piece.buffer = kvmalloc(min_t(u64, iov_iter_count(from) + 2 * QDS_WORD_BYTES,
				      QDS_BOUNCE_SIZE), QDS_GFP);
	if (!piece.buffer)
		return -ENOMEM;
	do {
		if (done && fatal_signal_pending(current))
			rc = -EINTR;
		else
			rc = qds_write_piece(bitmap, iocb->ki_pos + done, &piece, from);
		if (rc > 0)
			done += rc;
		cond_resched();
	} while (rc > 0 && iov_iter_count(from));
	kvfree(piece.buffer);
	iocb->ki_pos += done;
	return done ?: rc;
}

/* Seeking */

/* Where the next byte is that is in no hole. */
static loff_t qds_seek_data(const struct qds_bitmap *bitmap, u64 pos, u64 size)
{
	u64 start = qds_byte_item(bitmap, round_down(pos, QDS_LEAF_BYTES));
	s64 dirty = hbitmap_next_dirty(bitmap->hb, start, U64_MAX - start);
	u64 found;

	if (dirty < 0)
		return -ENXIO;
	found = round_down(qds_item_byte(bitmap, dirty), QDS_LEAF_BYTES);
	return found < size ? max(found, pos) : -ENXIO;
}

/* Where the next hole is; there is one behind the end. */
static loff_t qds_seek_hole(const struct qds_bitmap *bitmap, u64 pos, u64 size)
{
	u64 leaf = round_down(pos, QDS_LEAF_BYTES);
	s64 found;

	while (leaf < size) {
		u64 start = qds_byte_item(bitmap, leaf);
		u64 end = qds_window_end(bitmap, start, S64_MAX, HBITMAP_LEAF_BITS);

		if (fatal_signal_pending(current))
			return -EINTR;
		if (hbitmap_next_dirty(bitmap->hb, start, end - start) < 0)
			return max(leaf, pos);
		/* No need to look at each of those that are all dirty. */
		found = hbitmap_next_zero(bitmap->hb, start, U64_MAX - start);
		if (found < 0)
			break;
		found = round_down(qds_item_byte(bitmap, found), QDS_LEAF_BYTES);
		leaf = max_t(u64, found, leaf + QDS_LEAF_BYTES);
		cond_resched();
	}
	return size;
}

static loff_t qds_seek_extent(struct file *file, loff_t pos, int whence, loff_t size)
{
	const struct qds_bitmap *bitmap = qds_file_bitmap(file);
	u32 restores;
	int rc;

	rc = qds_bitmap_look(bitmap, &restores);
	if (rc)
		return rc;
	if (pos < 0 || pos >= size)
		return -ENXIO;
	pos = whence == SEEK_DATA ? qds_seek_data(bitmap, pos, size) :
				    qds_seek_hole(bitmap, pos, size);
	rc = qds_bitmap_looked(bitmap, restores);
	if (rc || pos < 0)
		return rc ?: pos;
	return vfs_setpos(file, pos, size);
}

static loff_t qds_bitmap_llseek(struct file *file, loff_t offset, int whence)
{
	loff_t size = qds_file_size(qds_file_bitmap(file));

	if (size < 0)
		return size;
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return qds_seek_extent(file, offset, whence, size);
	return fixed_size_llseek(file, offset, whence, size);
}

/* Watching */

/**
 * qds_bitmap_amount() - how much is dirty, for those who watch
 * @object: the bitmap
 *
 * Context: Any.
 * Return: the number of items; 0 while what is dirty is not told.
 */
u64 qds_bitmap_amount(const struct qds_object *object)
{
	const struct qds_bitmap *bitmap = container_of(object, struct qds_bitmap, object);

	/* What the last restore wrote is seen: pairs with qds_restore_ends(). */
	return smp_load_acquire(&bitmap->restores) & 1 ? 0 : hbitmap_count(bitmap->hb);
}

int qds_bitmap_watch_prepare(const struct qds_cmd *cmd)
{
	return cmd->args->bitmap_watch.dirty ? 0 : -EINVAL;
}

int qds_bitmap_watch(struct qds_cmd *cmd)
{
	qds_file_poll_amount(cmd->file->private_data, cmd->args->bitmap_watch.dirty);
	return 0;
}

static __poll_t qds_bitmap_poll(struct file *file, poll_table *wait)
{
	__poll_t events = qds_object_poll(file, wait);

	/* After the above: whoever abandons it wakes those who are queued by then. */
	return READ_ONCE(qds_file_bitmap(file)->state) == QDS_BITMAP_ABANDONED ?
	       EPOLLERR : events;
}

/* Going away */

/* Called for each close() of a descriptor, also when a process ends. */
static int qds_bitmap_flush(struct file *file, fl_owner_t owner)
{
	qds_bitmap_abandon(qds_file_bitmap(file), file, owner);
	qds_writer_gone(qds_file_bitmap(file), file, owner);
	return 0;
}

static int qds_bitmap_release(struct inode *inode, struct file *file)
{
	struct qds_bitmap *bitmap = qds_file_bitmap(file);

	qds_bitmap_abandon(bitmap, file, NULL);
	qds_writer_gone(bitmap, file, NULL);
	return qds_object_release(inode, file);
}

const struct file_operations qds_bitmap_fops = {
	.owner = THIS_MODULE,
	.llseek = qds_bitmap_llseek,
	.read_iter = qds_bitmap_read_iter,
	.write_iter = qds_bitmap_write_iter,
	.poll = qds_bitmap_poll,
	.flush = qds_bitmap_flush,
	.release = qds_bitmap_release,
	.unlocked_ioctl = qds_object_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
