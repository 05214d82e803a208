/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the device share. main.c has the objects, the dispatcher
 * and the vectors; table.c and bitmap.c begin one kind of object each, and
 * table_stats.c and debugfs.c tell how tables are.
 */
#ifndef _QDS_PRIVATE_H
#define _QDS_PRIVATE_H

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/qds.h>

#include "watch.h"

struct qht;
struct seq_file;
struct qds_cmd;
struct qds_object;
struct qds_threshold;
struct poll_table_struct;
struct qds_user;

/* Limits that QDS_CAPS reports. */
#define QDS_MAX_KEY_SIZE	4096
#define QDS_MAX_VALUE_SIZE	4096
#define QDS_MAX_TABLE_ENTRIES	(2ULL << 30)

/*
 * Users choose how much is asked for at once, so a failure is not news for the
 * log, what it takes is charged to them, and rather than that a process is killed
 * they are told ENOMEM.
 */
#define QDS_GFP			(GFP_KERNEL_ACCOUNT | __GFP_NOWARN |	\
				 __GFP_RETRY_MAYFAIL)

/* The largest buffer between user memory and an object, unless one element is. */
#define QDS_BOUNCE_SIZE		(64 * 1024)
/* Bounds what a vector does between two looks at signals and the scheduler. */
#define QDS_BATCH_MAX		512U

/* The struct of any command. */
union qds_args {
	struct {
		__u32 size;
		__u32 flags;
	} head;
	struct qds_caps caps;
	struct qds_table_create table_create;
	struct qds_bitmap_create bitmap_create;
	struct qds_object_info object_info;
	struct qds_object_reopen object_reopen;
	struct qds_object_watch object_watch;
	struct qds_object_link object_link;
	struct qds_object_publish object_publish;
	struct qds_name_open name_open;
	struct qds_name_unlink name_unlink;
	struct qds_name_list name_list;
	struct qds_name_watch name_watch;
	struct qds_table_info table_info;
	struct qds_table_vec table_vec;
	struct qds_table_stats table_stats;
	struct qds_table_walk table_walk;
	struct qds_table_seal table_seal;
	struct qds_bitmap_info bitmap_info;
	struct qds_bitmap_vec bitmap_vec;
	struct qds_bitmap_count bitmap_count;
	struct qds_bitmap_extents bitmap_extents;
	struct qds_bitmap_serialize_size bitmap_serialize_size;
	struct qds_bitmap_chunk bitmap_chunk;
	struct qds_bitmap_finish bitmap_finish;
	struct qds_bitmap_begin bitmap_begin;
	struct qds_bitmap_seal bitmap_seal;
	struct qds_bitmap_watch bitmap_watch;
	struct qds_bitmap_copy bitmap_copy;
	struct qds_bitmap_merge bitmap_merge;
	struct qds_bitmap_truncate bitmap_truncate;
	struct qds_bitmap_digest bitmap_digest;
	struct qds_bitmap_chunks bitmap_chunks;
	struct qds_fdstore_create fdstore_create;
	struct qds_fdstore_info fdstore_info;
	struct qds_fdstore_vec fdstore_vec;
	struct qds_fdstore_walk fdstore_walk;
	struct qds_bitmap_attach bitmap_attach;
	struct qds_bitmap_detach bitmap_detach;
	struct qds_bitmap_history bitmap_history;
};

/**
 * struct qds_op - a command
 * @ioctl: its full number
 * @size: of its struct, as this kernel knows it
 * @min_size: of its struct, as the command was born
 * @flags: the bits of flags that have a name
 * @writes: needs a descriptor that is open for writing
 * @prepare: check all that can be checked without touching anything, or NULL
 * @issue: do it
 */
struct qds_op {
	unsigned int ioctl;
	unsigned int size;
	unsigned int min_size;
	u32 flags;
	bool writes;
	int (*prepare)(const struct qds_cmd *cmd);
	int (*issue)(struct qds_cmd *cmd);
};

#define QDS_OP(_ioctl, _type, _last, ...)				\
	{								\
		.ioctl = (_ioctl),					\
		.size = sizeof(_type) +					\
			BUILD_BUG_ON_ZERO(sizeof(_type) >		\
					  sizeof(union qds_args)) +	\
			BUILD_BUG_ON_ZERO(offsetof(_type, size) != 0) +	\
			BUILD_BUG_ON_ZERO(offsetof(_type, flags) !=	\
					  offsetof(union qds_args,	\
						   head.flags)),	\
		.min_size = offsetofend(_type, _last),			\
		__VA_ARGS__						\
	}

/**
 * struct qds_ops - the commands of a kind of object, or of the device
 * @op: them, in the order of their numbers and without gaps
 * @nr: how many
 * @first: number of the first
 */
struct qds_ops {
	const struct qds_op *op;
	unsigned int nr;
	unsigned int first;
};

/**
 * struct qds_kind - a kind of object
 * @id: QDS_KIND_*
 * @name: of the files
 * @fops: of the files; NULL if they are for ioctls alone
 * @ops: commands of this kind alone
 * @destroy: frees an object that nobody has any more; may sleep
 * @unlinked: a name of an object has gone, or NULL; may sleep. Whether it has another
 *	can change meanwhile
 * @show: print what is known of an object, for debugfs, or NULL; may sleep
 * @show_size: print how large it is, within a line
 * @amount: how much there is in an object, for those who watch it, or NULL; under
 *	gauge->lock
 */
struct qds_kind {
	u32 id;
	const char *name;
	const struct file_operations *fops;
	struct qds_ops ops;
	void (*destroy)(struct qds_object *object);
	void (*unlinked)(struct qds_object *object);
	int (*show)(struct seq_file *m, struct qds_object *object);
	void (*show_size)(struct seq_file *m, struct qds_object *object);
	u64 (*amount)(const struct qds_object *object);
};

/**
 * struct qds_gauge - who waits for how much there is in an object: object_watch.c
 * @watchers: them
 * @wait: those of them who poll
 * @lock: of the rest
 * @rise: no threshold that is not reached is below this
 * @fall: no threshold that is reached is above this
 * @walks: how many are walking over all thresholds, which finds both anew
 */
struct qds_gauge {
	struct qds_watchers watchers;
	wait_queue_head_t wait;
	spinlock_t lock; /* of all below */
	u64 rise;
	u64 fall;
	unsigned int walks;
};

/**
 * struct qds_object - what all kinds have; the first member of each
 * @kind: its kind
 * @refs: one for each file and each published name, one for its maker until there is
 *	a file, and one for whoever has it from the list
 * @id: its number in the list, and for people
 * @node: in the list of debugfs.c
 * @user: who made it, charged with one object
 * @pid: the process that did, in the initial namespace
 * @comm: its name
 * @gauge: who waits for how much there is in it
 * @links: published names; written under the lock of names.c
 * @reserving: a name was once reserved for it; likewise
 * @reserved: the names that are; likewise
 *
 * A file that is open keeps the object, and an ioctl in flight keeps the file,
 * so that commands need no reference of their own.
 */
struct qds_object {
	const struct qds_kind *kind;
	refcount_t refs;
	u64 id;
	struct list_head node;
	struct qds_user *user;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct qds_gauge gauge;
	u32 links;
	bool reserving;
	struct list_head reserved;
};

/**
 * struct qds_file - what a file of an object has
 * @object: the object, with a reference
 * @watch_lock: of @watches, and of setting @polled
 * @watches: the thresholds of its eventfds
 * @poll: what poll() waits for
 * @polled: it has been polled, and is told of changes
 * @writer: of a bitmap: the process that is attached by it, as flush() names it
 * @attach_flags: what it attached with
 * @attach_generation: of the bitmap then
 */
struct qds_file {
	struct qds_object *object;
	struct mutex watch_lock; /* of all below */
	struct list_head watches;
	struct qds_threshold *poll;
	bool polled;
	fl_owner_t writer;
	u32 attach_flags;
	u64 attach_generation;
};

/**
 * struct qds_published - a file of an object that is not installed yet
 * @file: the file
 * @fd: its descriptor
 */
struct qds_published {
	struct file *file;
	int fd;
};

/**
 * struct qds_cmd - a call in flight
 * @op: the command
 * @file: the descriptor that it came by
 * @object: the object of @file, NULL for the device
 * @args: the caller's struct, copied once
 * @user: the caller's struct
 * @user_size: its size as the caller gave it, also in @args
 */
struct qds_cmd {
	const struct qds_op *op;
	struct file *file;
	struct qds_object *object;
	union qds_args *args;
	void __user *user;
	u32 user_size;
};

/*
 * Whether an object has a published name. One that is found unnamed may have one in a
 * moment; when the last name of one that is found named has gone, unlinked() is yet to
 * be called.
 */
static inline bool qds_object_is_named(const struct qds_object *object)
{
	return READ_ONCE(object->links);
}

static inline struct qds_object *qds_file_object(const struct file *file)
{
	return ((struct qds_file *)file->private_data)->object;
}

int qds_object_init(struct qds_object *object, const struct qds_kind *kind);
void qds_object_fini(struct qds_object *object);
int qds_access_check(const struct qds_cmd *cmd, u32 access);
int qds_respond(const struct qds_cmd *cmd);
int qds_publish_begin(const struct qds_cmd *cmd, struct qds_object *object,
		      unsigned int flags, __s32 *out_fd,
		      struct qds_published *published);
void qds_publish_end(const struct qds_published *published);
void qds_publish_abort(const struct qds_published *published);
int qds_publish(const struct qds_cmd *cmd, struct qds_object *object,
		unsigned int flags, __s32 *out_fd);
void qds_object_put(struct qds_object *object);
long qds_object_ioctl(struct file *file, unsigned int ioctl, unsigned long arg);
int qds_object_release(struct inode *inode, struct file *file);
bool qds_file_is_object(const struct file *file);

void qds_gauge_init(struct qds_gauge *gauge);
void __qds_object_changed(struct qds_object *object, bool again);
int qds_file_watch_init(struct qds_file *private);
void qds_file_watch_exit(struct qds_file *private);
void qds_file_poll_amount(struct qds_file *private, u64 amount);
__poll_t qds_object_poll(struct file *file, struct poll_table_struct *wait);
int qds_object_watch_prepare(const struct qds_cmd *cmd);
int qds_object_watch(struct qds_cmd *cmd);

/**
 * qds_object_changed() - there may be more in an object than before, or less
 * @object: the object
 *
 * To be called after the change.
 *
 * Context: Process; sleeps. A load and a branch if nobody watches.
 */
static inline void qds_object_changed(struct qds_object *object)
{
	if (qds_watchers_armed(&object->gauge.watchers))
		__qds_object_changed(object, false);
}

/**
 * qds_object_renewed() - an object was empty for a moment, and may be no more
 * @object: the object
 *
 * As qds_object_changed(); who was told before is told again if there is cause, even
 * if nobody saw it empty.
 *
 * Context: Process; sleeps.
 */
static inline void qds_object_renewed(struct qds_object *object)
{
	if (qds_watchers_armed(&object->gauge.watchers))
		__qds_object_changed(object, true);
}

void qds_debugfs_add(struct qds_object *object);
void qds_debugfs_del(struct qds_object *object);
void qds_debugfs_init(void);
void qds_debugfs_exit(void);

const struct qht *qds_table_ht(const struct qds_object *object);
void qds_table_describe(struct qds_object *object, struct qds_table_info *info);
int qds_table_stats(struct qds_cmd *cmd);
int qds_table_show(struct seq_file *m, struct qds_object *object);
void qds_table_show_size(struct seq_file *m, struct qds_object *object);
int qds_table_create_prepare(const struct qds_cmd *cmd);
int qds_table_create_issue(struct qds_cmd *cmd);
int qds_bitmap_create_prepare(const struct qds_cmd *cmd);
int qds_bitmap_create_issue(struct qds_cmd *cmd);
int qds_fdstore_create_prepare(const struct qds_cmd *cmd);
int qds_fdstore_create_issue(struct qds_cmd *cmd);

/*
 * Addresses come as 64 bits. A 32-bit kernel would cut one that does not fit
 * down to one that the caller did not mean.
 */
static inline int qds_user_ptr(u64 base, u64 offset, void __user **ptr)
{
	u64 address;

	if (check_add_overflow(base, offset, &address) ||
	    address != (uintptr_t)address)
		return -EFAULT;
	*ptr = u64_to_user_ptr(address);
	return 0;
}

static inline int qds_copy_in(void *to, u64 base, u64 offset, size_t size)
{
	void __user *from;

	if (!size)
		return 0;
	if (qds_user_ptr(base, offset, &from))
		return -EFAULT;
	return copy_from_user(to, from, size) ? -EFAULT : 0;
}

static inline int qds_copy_out(u64 base, u64 offset, const void *from,
			       size_t size)
{
	void __user *to;

	if (!size)
		return 0;
	if (qds_user_ptr(base, offset, &to))
		return -EFAULT;
	return copy_to_user(to, from, size) ? -EFAULT : 0;
}

struct qds_vector;

/**
 * struct qds_vector_ops - the phases of a batch
 * @predict: read the elements of the batch from the user, make ready all that
 *	they need and store in @res what each will result in, negative from the
 *	start for those that will not be tried. What reads an object only is
 *	complete with that. An error here ends the call with the batch untouched
 * @reply: write what else is to be told of the first @good elements, or NULL
 * @commit: change the object for the first @good elements, and tell
 *	qds_vector_result() of each; or NULL. An error means that nothing was
 *	changed, and ends the call
 * @cleanup: give back what @predict has taken and @commit not used, or NULL
 */
struct qds_vector_ops {
	int (*predict)(struct qds_vector *vec);
	int (*reply)(struct qds_vector *vec);
	int (*commit)(struct qds_vector *vec);
	void (*cleanup)(struct qds_vector *vec);
};

/**
 * struct qds_vector - a vector being worked through
 * @ops: its phases
 * @results: user's array of results, or 0: stop at the first that fails
 * @done: user's count of elements gone through
 * @total: number of elements
 * @batch: most elements of a batch
 * @base: elements in the batches before
 * @nr: elements of this batch
 * @good: elements of this batch that the call goes through without stopping
 * @differs: a result is not what was predicted
 * @res: result of each element of this batch
 */
struct qds_vector {
	const struct qds_vector_ops *ops;
	u64 results;
	u32 __user *done;
	u32 total;
	u32 batch;
	u32 base;
	u32 nr;
	u32 good;
	bool differs;
	s32 *res;
};

int qds_vector_start(struct qds_vector *vec, const struct qds_vector_ops *ops,
		     u32 total, u32 batch, u64 results, u32 __user *done);
int qds_vector_run(struct qds_vector *vec);
bool qds_vector_result(struct qds_vector *vec, u32 i, int result);

/* Does an element that results in this end the call? */
static inline bool qds_vector_stops(const struct qds_vector *vec, int result)
{
	return result < 0 && !vec->results;
}

#endif /* _QDS_PRIVATE_H */
