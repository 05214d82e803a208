// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/qds: the device, its objects, and how a call finds its command.
 *
 * Names: an object is a table or a bitmap; a kind is what it is; an op is a
 * command, with a prepare that checks and touches nothing, and an issue that
 * does it; a vector is the array of elements that some commands take.
 *
 * An object lives as long as a file of it, or a name. It is complete before its descriptor is
 * installed, and that is done when nothing can fail any more. The files' owner keeps
 * the module.
 */
#include <linux/anon_inodes.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hbitmap.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/qht.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "limits.h"
#include "names.h"
#include "qds_private.h"

/* Part of the ABI, whatever a page is here. */
#define QDS_MAX_ARGS_SIZE	4096

static const struct file_operations qds_object_fops;

/**
 * qds_object_init() - begin to make an object, with one reference
 * @object: the object
 * @kind: its kind
 *
 * It is charged to the caller of the ioctl. Until it can be given to qds_object_put(),
 * qds_object_fini() undoes this.
 *
 * Context: Process; sleeps.
 * Return: 0, -ENOMEM or -EDQUOT.
 */
int qds_object_init(struct qds_object *object, const struct qds_kind *kind)
{
	int rc;

	object->user = qds_user_get();
	if (!object->user)
		return -ENOMEM;
	rc = qds_charge(object->user, QDS_LIMIT_OBJECTS, 1);
	if (rc) {
		qds_user_put(object->user);
		return rc;
	}
	object->kind = kind;
	qds_gauge_init(&object->gauge);
	object->pid = task_tgid_nr(current);
	get_task_comm(object->comm, current->group_leader);
	INIT_LIST_HEAD(&object->node);
	INIT_LIST_HEAD(&object->reserved);
	refcount_set(&object->refs, 1);
	return 0;
}

static void qds_object_uncharge(struct qds_user *user)
{
	qds_uncharge(user, QDS_LIMIT_OBJECTS, 1);
	qds_user_put(user);
}

/**
 * qds_object_fini() - undo qds_object_init()
 * @object: the object, that nobody has seen
 *
 * Context: Process; sleeps.
 */
void qds_object_fini(struct qds_object *object)
{
	qds_object_uncharge(object->user);
}

void qds_object_put(struct qds_object *object)
{
	struct qds_user *user = object->user;

	if (!refcount_dec_and_test(&object->refs))
		return;
	qds_names_forget(object);
	object->kind->destroy(object);
	qds_object_uncharge(user);
}

/**
 * qds_respond() - write a command's struct back to its caller
 * @cmd: the call
 *
 * As much of it as the caller has, with the size that the caller gave.
 *
 * Context: Process; may sleep in a page fault, so under no lock.
 * Return: 0 or -EFAULT.
 */
int qds_respond(const struct qds_cmd *cmd)
{
	size_t size = min(cmd->user_size, cmd->op->size);

	return copy_to_user(cmd->user, cmd->args, size) ? -EFAULT : 0;
}

static struct file *qds_object_file(struct qds_object *object, unsigned int flags)
{
	const struct file_operations *fops = object->kind->fops ?: &qds_object_fops;
	struct qds_file *private = kzalloc(sizeof(*private), QDS_GFP);
	struct file *file;

	if (!private)
		return ERR_PTR(-ENOMEM);
	private->object = object;
	if (qds_file_watch_init(private)) {
		kfree(private);
		return ERR_PTR(-ENOMEM);
	}
	file = anon_inode_getfile(object->kind->name, fops, private, flags);
	if (IS_ERR(file)) {
		qds_file_watch_exit(private);
		kfree(private);
		return file;
	}
	/* What an open() would have set. */
	if (fops->llseek)
		file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE |
				FMODE_ATOMIC_POS;
	return file;
}

/**
 * qds_publish_begin() - make a file of an object, and answer the call
 * @cmd: the call
 * @object: the object; the caller's reference goes to the file, or on an error
 *	goes away
 * @flags: O_RDWR or O_RDONLY
 * @out_fd: where in the call's struct the descriptor is answered
 * @published: for qds_publish_end() or qds_publish_abort()
 *
 * What can fail is behind the caller then, and nobody sees the file yet.
 *
 * Context: Process; sleeps.
 * Return: 0 or an error.
 */
int qds_publish_begin(const struct qds_cmd *cmd, struct qds_object *object,
		      unsigned int flags, __s32 *out_fd,
		      struct qds_published *published)
{
	int rc;

	published->fd = get_unused_fd_flags(O_CLOEXEC);
	if (published->fd < 0) {
		qds_object_put(object);
		return published->fd;
	}
	published->file = qds_object_file(object, flags);
	if (IS_ERR(published->file)) {
		rc = PTR_ERR(published->file);
		qds_object_put(object);
		put_unused_fd(published->fd);
		return rc;
	}
	*out_fd = published->fd;
	rc = qds_respond(cmd);
	if (rc)
		qds_publish_abort(published);
	return rc;
}

/**
 * qds_publish_end() - install the file
 * @published: from qds_publish_begin()
 */
void qds_publish_end(const struct qds_published *published)
{
	fd_install(published->fd, published->file);
}

/**
 * qds_publish_abort() - give up the file, and with it the object
 * @published: from qds_publish_begin()
 */
void qds_publish_abort(const struct qds_published *published)
{
	fput(published->file);
	put_unused_fd(published->fd);
}

/**
 * qds_publish() - make a file of an object, answer the call, install the file
 * @cmd: the call
 * @object: the object; the caller's reference goes to the file, or on an error
 *	goes away
 * @flags: O_RDWR or O_RDONLY
 * @out_fd: where in the call's struct the descriptor is answered
 *
 * Context: Process; sleeps.
 * Return: 0; or an error, and the caller has no new descriptor.
 */
int qds_publish(const struct qds_cmd *cmd, struct qds_object *object,
		unsigned int flags, __s32 *out_fd)
{
	struct qds_published published;
	int rc;

	rc = qds_publish_begin(cmd, object, flags, out_fd, &published);
	if (!rc)
		qds_publish_end(&published);
	return rc;
}

/* Vectors */

/* Tell what the elements that the call goes through result in, and how many. */
static int qds_vector_reply(struct qds_vector *vec)
{
	int rc;

	if (vec->results) {
		rc = qds_copy_out(vec->results, (u64)vec->base * sizeof(s32),
				  vec->res, vec->good * sizeof(s32));
		if (rc)
			return rc;
	}
	return put_user(vec->base + vec->good, vec->done);
}

/**
 * qds_vector_result() - say what became of an element
 * @vec: the vector
 * @i: the element, counted from the start of the batch
 * @result: what became of it
 *
 * Return: True to stop here; the elements from @i on must be left as they are.
 */
bool qds_vector_result(struct qds_vector *vec, u32 i, int result)
{
	if (likely(vec->res[i] == result))
		return false;
	vec->res[i] = result;
	vec->differs = true;
	if (!qds_vector_stops(vec, result))
		return false;
	vec->good = i;
	return true;
}

/*
 * Others may have changed the object since the prediction. The elements whose
 * result differs are then ones that this call has not changed, so an EFAULT here
 * does not leave anything changed that was not told.
 */
static int qds_vector_commit(struct qds_vector *vec)
{
	int rc = vec->ops->commit(vec);

	if (rc) {
		vec->good = 0;
		vec->differs = true;
	}
	if (vec->differs && qds_vector_reply(vec))
		return -EFAULT;
	return rc;
}

static int qds_vector_batch(struct qds_vector *vec)
{
	const struct qds_vector_ops *ops = vec->ops;
	int rc;

	vec->differs = false;
	rc = ops->predict(vec);
	if (rc)
		return rc;
	for (vec->good = 0; vec->good < vec->nr; vec->good++)
		if (qds_vector_stops(vec, vec->res[vec->good]))
			break;
	if (ops->reply) {
		rc = ops->reply(vec);
		if (rc)
			return rc;
	}
	rc = qds_vector_reply(vec);
	if (!rc && ops->commit)
		rc = qds_vector_commit(vec);
	if (!rc && vec->good < vec->nr)
		rc = vec->res[vec->good];
	return rc;
}

/**
 * qds_vector_start() - set a vector up
 * @vec: the vector
 * @ops: its phases
 * @total: number of elements
 * @batch: as many of them as fit a buffer of the caller's
 * @results: user's array of results, or 0
 * @done: user's count of elements gone through, set to 0
 *
 * Between this and qds_vector_run() the caller makes the buffer for
 * @vec->batch elements, and sets @vec->res.
 *
 * Context: Process; may sleep in a page fault, so under no lock.
 * Return: 0 or -EFAULT.
 */
int qds_vector_start(struct qds_vector *vec, const struct qds_vector_ops *ops,
		     u32 total, u32 batch, u64 results, u32 __user *done)
{
	vec->ops = ops;
	vec->results = results;
	vec->done = done;
	vec->total = total;
	vec->batch = min3(total, max(batch, 1U), QDS_BATCH_MAX);
	return put_user(0, done);
}

/**
 * qds_vector_run() - work through a vector, batch by batch
 * @vec: the vector, from qds_vector_start()
 *
 * Each batch is told before it is done: a caller whose memory cannot be written
 * has lost nothing.
 *
 * Context: Process; sleeps. Under no lock, since user memory is touched.
 * Return: 0, the errno of the element that it stopped at, or of the call.
 */
int qds_vector_run(struct qds_vector *vec)
{
	int rc;

	for (vec->base = 0; vec->base < vec->total; vec->base += vec->nr) {
		if (vec->base && fatal_signal_pending(current))
			return -EINTR;
		vec->nr = min(vec->total - vec->base, vec->batch);
		rc = qds_vector_batch(vec);
		if (vec->ops->cleanup)
			vec->ops->cleanup(vec);
		if (rc)
			return rc;
		cond_resched();
	}
	return 0;
}

/* The commands of the device */

static int qds_caps(struct qds_cmd *cmd)
{
	struct qds_caps *caps = &cmd->args->caps;

	*caps = (struct qds_caps) {
		.size = caps->size,
		.features = QDS_FEATURE_TABLE | QDS_FEATURE_BITMAP |
			    QDS_FEATURE_NAMES | QDS_FEATURE_FDSTORE |
			    QDS_FEATURE_VARLEN | QDS_FEATURE_WATCH |
			    QDS_FEATURE_HISTORY,
		.max_bitmap_bits = HBITMAP_MAX_BITS,
		.max_table_entries = QDS_MAX_TABLE_ENTRIES,
		.max_key_size = QDS_MAX_KEY_SIZE,
		.max_value_size = QDS_MAX_VALUE_SIZE,
		.max_granularity = HBITMAP_MAX_GRANULARITY,
		.max_serial_granularity = HBITMAP_MAX_SERIAL_GRANULARITY,
		.user_objects = qds_limit(QDS_LIMIT_OBJECTS),
		.user_names = qds_limit(QDS_LIMIT_NAMES),
		.user_fds = qds_limit(QDS_LIMIT_FDS),
		.user_entries = qds_limit(QDS_LIMIT_ENTRIES),
		.user_bits = qds_limit(QDS_LIMIT_BITS),
	};
	return qds_respond(cmd);
}

static const struct qds_op qds_device_op[] = {
	QDS_OP(QDS_CAPS, struct qds_caps, max_serial_granularity,
	       .issue = qds_caps),
	QDS_OP(QDS_TABLE_CREATE, struct qds_table_create, __reserved,
	       .flags = QDS_TABLE_VARLEN,
	       .writes = true,
	       .prepare = qds_table_create_prepare,
	       .issue = qds_table_create_issue),
	QDS_OP(QDS_BITMAP_CREATE, struct qds_bitmap_create, out_fd,
	       .writes = true,
	       .prepare = qds_bitmap_create_prepare,
	       .issue = qds_bitmap_create_issue),
	QDS_OP(QDS_NAME_OPEN, struct qds_name_open, __reserved,
	       .prepare = qds_name_open_prepare,
	       .issue = qds_name_open),
	QDS_OP(QDS_NAME_UNLINK, struct qds_name_unlink, __reserved,
	       .writes = true,
	       .prepare = qds_name_unlink_prepare,
	       .issue = qds_name_unlink),
	QDS_OP(QDS_NAME_LIST, struct qds_name_list, __reserved,
	       .prepare = qds_name_list_prepare,
	       .issue = qds_name_list),
	QDS_OP(QDS_NAME_WATCH, struct qds_name_watch, __reserved,
	       .flags = QDS_WATCH_REMOVE,
	       .prepare = qds_name_watch_prepare,
	       .issue = qds_name_watch),
	[QDS_CMD_FDSTORE_CREATE] =
	QDS_OP(QDS_FDSTORE_CREATE, struct qds_fdstore_create, __reserved,
	       .writes = true,
	       .prepare = qds_fdstore_create_prepare,
	       .issue = qds_fdstore_create_issue),
};

static const struct qds_ops qds_device_ops = {
	.op = qds_device_op,
	.nr = ARRAY_SIZE(qds_device_op),
	.first = QDS_CMD_CAPS,
};

/* The commands of any object */

static int qds_object_info(struct qds_cmd *cmd)
{
	struct qds_object_info *info = &cmd->args->object_info;

	info->kind = cmd->object->kind->id;
	info->id = cmd->object->id;
	info->access = QDS_ACCESS_READ;
	if (cmd->file->f_mode & FMODE_WRITE)
		info->access |= QDS_ACCESS_WRITE;
	return qds_respond(cmd);
}

static int qds_object_reopen_prepare(const struct qds_cmd *cmd)
{
	return qds_access_check(cmd, cmd->args->object_reopen.access);
}

/**
 * qds_access_check() - whether a call may make a descriptor with such an access
 * @cmd: the call
 * @access: bits QDS_ACCESS_*
 *
 * Return: 0; -EOPNOTSUPP, -EINVAL or -EBADF.
 */
int qds_access_check(const struct qds_cmd *cmd, u32 access)
{
	if (access & ~(QDS_ACCESS_READ | QDS_ACCESS_WRITE))
		return -EOPNOTSUPP;
	if (!(access & QDS_ACCESS_READ))
		return -EINVAL;
	if ((access & QDS_ACCESS_WRITE) && !(cmd->file->f_mode & FMODE_WRITE))
		return -EBADF;
	return 0;
}

static int qds_object_reopen(struct qds_cmd *cmd)
{
	struct qds_object_reopen *reopen = &cmd->args->object_reopen;
	bool writes = reopen->access & QDS_ACCESS_WRITE;

	refcount_inc(&cmd->object->refs);
	return qds_publish(cmd, cmd->object, writes ? O_RDWR : O_RDONLY,
			   &reopen->out_fd);
}

static const struct qds_op qds_object_op[] = {
	QDS_OP(QDS_OBJECT_INFO, struct qds_object_info, access,
	       .issue = qds_object_info),
	QDS_OP(QDS_OBJECT_REOPEN, struct qds_object_reopen, out_fd,
	       .prepare = qds_object_reopen_prepare,
	       .issue = qds_object_reopen),
	QDS_OP(QDS_OBJECT_LINK, struct qds_object_link, mode,
	       .flags = QDS_LINK_RESERVE,
	       .writes = true,
	       .prepare = qds_object_link_prepare,
	       .issue = qds_object_link),
	QDS_OP(QDS_OBJECT_PUBLISH, struct qds_object_publish, __reserved,
	       .writes = true,
	       .prepare = qds_object_publish_prepare,
	       .issue = qds_object_publish),
	QDS_OP(QDS_OBJECT_WATCH, struct qds_object_watch, amount,
	       .flags = QDS_WATCH_REMOVE | QDS_WATCH_ONCE,
	       .prepare = qds_object_watch_prepare,
	       .issue = qds_object_watch),
};

static const struct qds_ops qds_object_ops = {
	.op = qds_object_op,
	.nr = ARRAY_SIZE(qds_object_op),
	.first = QDS_CMD_OBJECT_INFO,
};

/* The dispatcher */

static const struct qds_op *qds_find_op(const struct qds_ops *ops,
					unsigned int ioctl)
{
	unsigned int nr = _IOC_NR(ioctl) - ops->first;

	if (_IOC_NR(ioctl) < ops->first || nr >= ops->nr)
		return NULL;
	nr = array_index_nospec(nr, ops->nr);
	return ops->op[nr].ioctl == ioctl ? &ops->op[nr] : NULL;
}

/*
 * The size is read once. The copy of the struct has it too, and another thread
 * may have changed it by then, so the one that was checked is put in its place.
 */
static int qds_get_args(struct qds_cmd *cmd)
{
	const struct qds_op *op = cmd->op;
	int rc;

	if (get_user(cmd->user_size, (u32 __user *)cmd->user))
		return -EFAULT;
	if (cmd->user_size < op->min_size)
		return -EINVAL;
	if (cmd->user_size > QDS_MAX_ARGS_SIZE)
		return -E2BIG;
	rc = copy_struct_from_user(cmd->args, op->size, cmd->user,
				   cmd->user_size);
	if (rc)
		return rc;
	cmd->args->head.size = cmd->user_size;
	if (cmd->args->head.flags & ~op->flags)
		return -EOPNOTSUPP;
	return 0;
}

static long qds_run(const struct qds_op *op, struct file *file,
		    struct qds_object *object, unsigned long arg)
{
	union qds_args args;
	struct qds_cmd cmd = {
		.op = op,
		.file = file,
		.object = object,
		.args = &args,
		.user = (void __user *)arg,
	};
	int rc;

	if (!op)
		return -ENOTTY;
	if (op->writes && !(file->f_mode & FMODE_WRITE))
		return -EBADF;
	/* An initializer would clear only the union's first member. */
	memset(&args, 0, sizeof(args));
	rc = qds_get_args(&cmd);
	if (!rc && op->prepare)
		rc = op->prepare(&cmd);
	return rc ?: op->issue(&cmd);
}

/**
 * qds_object_ioctl() - a command on an object, whatever its kind
 * @file: a file of it
 * @ioctl: the command's number
 * @arg: address of its struct
 *
 * Return: 0 or an errno of the ABI.
 */
long qds_object_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct qds_object *object = qds_file_object(file);
	const struct qds_op *op;

	op = qds_find_op(&qds_object_ops, ioctl);
	if (!op)
		op = qds_find_op(&object->kind->ops, ioctl);
	return qds_run(op, file, object, arg);
}

/**
 * qds_object_release() - a file of an object goes away
 * @inode: not used
 * @file: the file
 *
 * Return: 0.
 */
int qds_object_release(struct inode *inode, struct file *file)
{
	struct qds_file *private = file->private_data;

	qds_file_watch_exit(private);
	qds_object_put(private->object);
	kfree(private);
	return 0;
}

/**
 * qds_file_is_object() - whether a file is one of an object
 * @file: any file
 */
bool qds_file_is_object(const struct file *file)
{
	return file->f_op->unlocked_ioctl == qds_object_ioctl;
}

static const struct file_operations qds_object_fops = {
	.owner = THIS_MODULE,
	.poll = qds_object_poll,
	.release = qds_object_release,
	.unlocked_ioctl = qds_object_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static long qds_device_ioctl(struct file *file, unsigned int ioctl,
			     unsigned long arg)
{
	return qds_run(qds_find_op(&qds_device_ops, ioctl), file, NULL, arg);
}

static int qds_device_open(struct inode *inode, struct file *file)
{
	struct qds_name_watches *watches = kzalloc(sizeof(*watches), QDS_GFP);

	if (!watches)
		return -ENOMEM;
	qds_name_watches_init(watches);
	file->private_data = watches;
	return 0;
}

static int qds_device_release(struct inode *inode, struct file *file)
{
	qds_name_watches_exit(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations qds_device_fops = {
	.owner = THIS_MODULE,
	.open = qds_device_open,
	.release = qds_device_release,
	.unlocked_ioctl = qds_device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice qds_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "qds",
	.fops = &qds_device_fops,
	.mode = 0600,
};

static int __init qds_init(void)
{
	int rc;

	rc = qht_module_init();
	if (rc)
		return rc;
	rc = qds_limits_init();
	if (rc)
		goto err_qht;
	rc = qds_names_init();
	if (rc)
		goto err_limits;
	rc = hbitmap_module_init();
	if (rc)
		goto err_names;
	rc = misc_register(&qds_device);
	if (rc)
		goto err_hbitmap;
	qds_debugfs_init();
	return 0;

err_hbitmap:
	hbitmap_module_exit();
err_names:
	qds_names_exit();
err_limits:
	qds_limits_exit();
err_qht:
	qht_module_exit();
	return rc;
}

/*
 * No object is left: its files would hold the module. Entries of tables may
 * still wait for a grace period, but kfree_rcu() needs nothing of this module.
 */
static void __exit qds_exit(void)
{
	qds_debugfs_exit();
	misc_deregister(&qds_device);
	hbitmap_module_exit();
	qds_names_exit();
	qds_limits_exit();
	qht_module_exit();
}

module_init(qds_init);
module_exit(qds_exit);

MODULE_DESCRIPTION("Concurrent hash tables and dirty bitmaps");
MODULE_LICENSE("GPL");
