// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/qds: what an administrator asks first.
 *
 *	objects		what there is, who made it, how large it is
 *	tables		how the tables are filled
 *	users		what each user has of what is bounded
 *
 * Objects are in a list, in the order of their numbers, from the moment that they
 * are complete until their last reference is gone. Who reads the file takes a
 * reference of an object while it is printed, so that the object may be closed
 * meanwhile: then the reader destroys it. An object whose last reference is gone
 * already, and that is about to leave the list, is passed over.
 *
 * Nothing waits for a reader: the list's lock is held to find the next object, and
 * not while one is printed. Without debugfs there is the list, and no file.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <trace/events/qds.h>

#include "limits.h"
#include "qds_private.h"

static LIST_HEAD(qds_objects);
static DEFINE_MUTEX(qds_objects_lock);
/* The number of the object that was made last. */
static u64 qds_last_id;
static struct dentry *qds_debugfs_dir;

/**
 * qds_debugfs_add() - let an object be seen
 * @object: the object, complete
 *
 * Context: Process; sleeps. Takes the list's mutex.
 */
void qds_debugfs_add(struct qds_object *object)
{
	mutex_lock(&qds_objects_lock);
	object->id = ++qds_last_id;
	list_add_tail(&object->node, &qds_objects);
	mutex_unlock(&qds_objects_lock);
	trace_qds_create(object->id, object->kind->name);
}

/**
 * qds_debugfs_del() - let an object be seen no more
 * @object: the object, with no reference left; it need not have been added
 *
 * Context: Process; sleeps. Takes the list's mutex.
 */
void qds_debugfs_del(struct qds_object *object)
{
	mutex_lock(&qds_objects_lock);
	list_del(&object->node);
	mutex_unlock(&qds_objects_lock);
}

/* Is the object one that the file tells of: of the file's kind, if it has one? */
static bool qds_is_shown(const struct seq_file *m, const struct qds_object *object)
{
	return !m->private || object->kind->id == (uintptr_t)m->private;
}

/* The first object from a number on, with a reference for the caller. */
static struct qds_object *qds_object_from(const struct seq_file *m, u64 id)
{
	struct qds_object *object, *found = NULL;

	mutex_lock(&qds_objects_lock);
	list_for_each_entry(object, &qds_objects, node) {
		if (object->id >= id && qds_is_shown(m, object) &&
		    refcount_inc_not_zero(&object->refs)) {
			found = object;
			break;
		}
	}
	mutex_unlock(&qds_objects_lock);
	return found;
}

/* The object behind one of which the caller has a reference, likewise. */
static struct qds_object *qds_object_after(const struct seq_file *m,
					   struct qds_object *object)
{
	struct qds_object *found = NULL;

	mutex_lock(&qds_objects_lock);
	list_for_each_entry_continue(object, &qds_objects, node) {
		if (qds_is_shown(m, object) &&
		    refcount_inc_not_zero(&object->refs)) {
			found = object;
			break;
		}
	}
	mutex_unlock(&qds_objects_lock);
	return found;
}

/* A position is the number of the object that comes next. */
static void *qds_objects_start(struct seq_file *m, loff_t *pos)
{
	struct qds_object *object = qds_object_from(m, *pos);

	if (object)
		*pos = object->id;
	return object;
}

static void *qds_objects_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct qds_object *object = v, *next = qds_object_after(m, object);

	*pos = next ? next->id : object->id + 1;
	qds_object_put(object);
	return next;
}

static void qds_objects_stop(struct seq_file *m, void *v)
{
	if (v)
		qds_object_put(v);
}

static int qds_tables_show(struct seq_file *m, void *v)
{
	struct qds_object *object = v;
	int rc = object->kind->show(m, object);

	seq_putc(m, '\n');
	return rc;
}

/* A line for each, the name of its maker last: a process may have called itself anything. */
static int qds_objects_show(struct seq_file *m, void *v)
{
	struct qds_object *object = v;

	seq_printf(m, "%llu %s ", object->id, object->kind->name);
	object->kind->show_size(m, object);
	seq_printf(m, " uid %u pid %d comm ", qds_user_id(object->user), object->pid);
	seq_escape_str(m, object->comm, ESCAPE_SPACE | ESCAPE_SPECIAL | ESCAPE_NP | ESCAPE_OCTAL,
		       NULL);
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations qds_objects_sops = {
	.start = qds_objects_start,
	.next = qds_objects_next,
	.stop = qds_objects_stop,
	.show = qds_objects_show,
};
DEFINE_SEQ_ATTRIBUTE(qds_objects);

static const struct seq_operations qds_tables_sops = {
	.start = qds_objects_start,
	.next = qds_objects_next,
	.stop = qds_objects_stop,
	.show = qds_tables_show,
};
DEFINE_SEQ_ATTRIBUTE(qds_tables);

static int qds_users_file_show(struct seq_file *m, void *v)
{
	qds_users_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(qds_users_file);

/**
 * qds_debugfs_init() - make the files, if debugfs is there
 *
 * Context: Process; sleeps.
 */
void qds_debugfs_init(void)
{
	qds_debugfs_dir = debugfs_create_dir("qds", NULL);
	debugfs_create_file("objects", 0400, qds_debugfs_dir, NULL,
			    &qds_objects_fops);
	debugfs_create_file("tables", 0400, qds_debugfs_dir,
			    (void *)QDS_KIND_TABLE, &qds_tables_fops);
	debugfs_create_file("users", 0400, qds_debugfs_dir, NULL,
			    &qds_users_file_fops);
}

/**
 * qds_debugfs_exit() - undo qds_debugfs_init()
 *
 * Context: Process; sleeps.
 */
void qds_debugfs_exit(void)
{
	debugfs_remove(qds_debugfs_dir);
}
