/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the bitmap object share. bitmap.c opens with the names, the
 * states and the locks.
 *
 *	bitmap.c		the object, its states, ranges, queries
 *	bitmap_serialize.c	a chunk of the serialized form, and restoring
 *	bitmap_chunks.c		many chunks in one call
 *	bitmap_file.c		the descriptor as a file: read, write, seek, poll
 *	bitmap_ops.c		whole bitmaps: seal, take, clone, merge, truncate
 *	bitmap_history.c	who writes, and what may have been lost
 */
#ifndef _QDS_BITMAP_PRIVATE_H
#define _QDS_BITMAP_PRIVATE_H

#include <linux/fs.h>
#include <linux/hbitmap.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "qds_private.h"

/* Bits of a piece of the serialized form that fill a bounce buffer. */
#define QDS_PIECE_BITS		(QDS_BOUNCE_SIZE * 8ULL)
/* Bytes of the serialized form of a leaf, what a reader sees as of one moment. */
#define QDS_LEAF_BYTES		(HBITMAP_LEAF_BITS / 8)
/* Bytes of the unit that chunks are aligned to. */
#define QDS_WORD_BYTES		(HBITMAP_CHUNK_BITS / 8)

/* Which part a command plays: what a state allows or refuses, see bitmap.c. */
enum qds_use {
	QDS_USE_LOOK,		/* tell what is dirty */
	QDS_USE_CLEAN,		/* make nothing dirty that is not */
	QDS_USE_DIRTY,		/* make items dirty */
	QDS_USE_BEGIN,		/* begin a restore, or take one over */
	QDS_USE_RESTORE,	/* go on with one */
	QDS_USE_FINISH,		/* end one */
	QDS_USE_SEAL,
	QDS_USES,
};

/**
 * struct qds_bitmap - a bitmap
 * @object: what it is to the device
 * @hb: the bits; NULL in one that TAKE or CLONE is making
 * @state_lock: of @state, @restores, @owner_file and @owner, see bitmap.c
 * @state: QDS_BITMAP_*
 * @restores: how many restores have begun and ended: odd in between
 * @owner_file: by which the restore was begun
 * @owner: the process that did, as flush() names it
 * @history_lock: of @charged, @writers and @unclean, and between those who change the
 *	size, see bitmap_history.c
 * @charged: bits that @object.user is charged for
 * @instance: random
 * @generation: changes when something may be missing
 * @tickets: how many values have been drawn for it
 * @unclean: how many writers have ended without DETACH
 * @writers: how many are attached
 * @write_lock: between those who write(2), who may share a word
 */
struct qds_bitmap {
	struct qds_object object;
	struct hbitmap *hb;
	struct percpu_rw_semaphore state_lock;
	u32 state;
	u32 restores;
	const struct file *owner_file;
	fl_owner_t owner;
	/* Between those who make items clean and those who rely on a generation. */
	struct rw_semaphore history_lock;
	u64 charged;
	u64 instance[2];
	atomic64_t generation;
	atomic64_t tickets;
	u64 unclean;
	u32 writers;
	/* Between those who write(2). */
	struct mutex write_lock;
};

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

static inline struct qds_bitmap *qds_to_bitmap(struct qds_object *object)
{
	return container_of(object, struct qds_bitmap, object);
}

/* bitmap.c */

int qds_bitmap_refusal(const struct qds_bitmap *bitmap, enum qds_use use);
int qds_bitmap_enter(struct qds_bitmap *bitmap, enum qds_use use);
void qds_bitmap_leave(struct qds_bitmap *bitmap);
int qds_bitmap_look(const struct qds_bitmap *bitmap, u32 *restores);
int qds_bitmap_looked(const struct qds_bitmap *bitmap, u32 restores);
bool qds_process_has_file(const struct file *file);
int qds_range_check(const struct qds_bitmap *bitmap, u64 start, u64 count);
bool qds_is_boundary(const struct qds_bitmap *bitmap, u64 item, u64 unit);
u64 qds_window_end(const struct qds_bitmap *bitmap, u64 pos, u64 end, u64 bits);
struct qds_bitmap *qds_bitmap_alloc(void);
u64 qds_bits(u64 items, u32 granularity);
int qds_bitmap_charge(struct qds_bitmap *bitmap, u64 bits);
int qds_items_check(u64 items, u32 granularity);

/* bitmap_serialize.c */

u64 qds_serial_size(const struct qds_bitmap *bitmap, u64 count);
int qds_chunk_check(const struct qds_bitmap *bitmap, u64 start, u64 count);
bool qds_piece_next(const struct qds_bitmap *bitmap, u64 end,
		    struct qds_piece *piece);
int qds_piece_apply(struct qds_bitmap *bitmap, const struct qds_piece *piece);
int qds_restore_piece(const struct qds_cmd *cmd, const struct qds_piece *piece,
		      bool first);
void qds_bitmap_abandon(struct qds_bitmap *bitmap, const struct file *file,
			fl_owner_t owner);

int qds_bitmap_serialize_size_prepare(const struct qds_cmd *cmd);
int qds_bitmap_serialize_size(struct qds_cmd *cmd);
int qds_bitmap_serialize_prepare(const struct qds_cmd *cmd);
int qds_bitmap_serialize(struct qds_cmd *cmd);
int qds_bitmap_deserialize_prepare(const struct qds_cmd *cmd);
int qds_bitmap_deserialize(struct qds_cmd *cmd);
int qds_bitmap_begin_prepare(const struct qds_cmd *cmd);
int qds_bitmap_begin(struct qds_cmd *cmd);
int qds_bitmap_finish(struct qds_cmd *cmd);

/* bitmap_chunks.c */

int qds_bitmap_serialize_chunks_prepare(const struct qds_cmd *cmd);
int qds_bitmap_serialize_chunks(struct qds_cmd *cmd);
int qds_bitmap_deserialize_chunks_prepare(const struct qds_cmd *cmd);
int qds_bitmap_deserialize_chunks(struct qds_cmd *cmd);

/* bitmap_file.c */

extern const struct file_operations qds_bitmap_fops;
u64 qds_bitmap_amount(const struct qds_object *object);
int qds_bitmap_watch_prepare(const struct qds_cmd *cmd);
int qds_bitmap_watch(struct qds_cmd *cmd);

/* bitmap_history.c */

void qds_history_init(struct qds_bitmap *bitmap);
void qds_history_lose(struct qds_bitmap *bitmap);
void qds_clean_begin(struct qds_bitmap *bitmap);
void qds_clean_end(struct qds_bitmap *bitmap, bool cleaned);
u64 qds_history_ticket(struct qds_bitmap *bitmap);
bool qds_history_is_at(const struct qds_bitmap *bitmap, const __u64 *instance,
		       u64 generation);
void qds_writer_gone(struct qds_bitmap *bitmap, const struct file *file,
		     fl_owner_t owner);
int qds_bitmap_attach(struct qds_cmd *cmd);
int qds_bitmap_detach(struct qds_cmd *cmd);
int qds_bitmap_history(struct qds_cmd *cmd);

/* bitmap_ops.c */

int qds_bitmap_seal(struct qds_cmd *cmd);
int qds_bitmap_copy_prepare(const struct qds_cmd *cmd);
int qds_bitmap_take(struct qds_cmd *cmd);
int qds_bitmap_clone(struct qds_cmd *cmd);
int qds_bitmap_merge_prepare(const struct qds_cmd *cmd);
int qds_bitmap_merge(struct qds_cmd *cmd);
int qds_bitmap_truncate_prepare(const struct qds_cmd *cmd);
int qds_bitmap_truncate(struct qds_cmd *cmd);
int qds_bitmap_digest(struct qds_cmd *cmd);

#endif /* _QDS_BITMAP_PRIVATE_H */
