// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/qds/tables: what tables there are, and how they are filled.
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
}

/**
 * qds_debugfs_del() - let an object be seen no more
 * @object: the object, with no reference left
 *
 * Context: Process; sleeps. Takes the list's mutex.
 */
void qds_debugfs_del(struct qds_object *object)
{
	mutex_lock(&qds_objects_lock);
	list_del(&object->node);
	mutex_unlock(&qds_objects_lock);
}

/* The first object from a number on, with a reference for the caller. */
static struct qds_object *qds_object_from(u64 id)
{
	struct qds_object *object, *found = NULL;

	mutex_lock(&qds_objects_lock);
	list_for_each_entry(object, &qds_objects, node) {
		if (object->id >= id && refcount_inc_not_zero(&object->refs)) {
			found = object;
			break;
		}
	}
	mutex_unlock(&qds_objects_lock);
	return found;
}

/* The object behind one of which the caller has a reference, likewise. */
static struct qds_object *qds_object_after(struct qds_object *object)
{
	struct qds_object *found = NULL;

	mutex_lock(&qds_objects_lock);
	list_for_each_entry_continue(object, &qds_objects, node) {
		if (refcount_inc_not_zero(&object->refs)) {
			found = object;
			break;
		}
	}
	mutex_unlock(&qds_objects_lock);
	return found;
}

/* A position is the number of the object that comes next. */
static void *qds_tables_start(struct seq_file *m, loff_t *pos)
{
	struct qds_object *object = qds_object_from(*pos);

	if (object)
		*pos = object->id;
	return object;
}

static void *qds_tables_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct qds_object *object = v, *next = qds_object_after(object);

	*pos = next ? next->id : object->id + 1;
	qds_object_put(object);
	return next;
}

static void qds_tables_stop(struct seq_file *m, void *v)
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

static const struct seq_operations qds_tables_sops = {
	.start = qds_tables_start,
	.next = qds_tables_next,
	.stop = qds_tables_stop,
	.show = qds_tables_show,
};
DEFINE_SEQ_ATTRIBUTE(qds_tables);

/**
 * qds_debugfs_init() - make the file, if debugfs is there
 *
 * Context: Process; sleeps.
 */
void qds_debugfs_init(void)
{
	qds_debugfs_dir = debugfs_create_dir("qds", NULL);
	debugfs_create_file("tables", 0400, qds_debugfs_dir, NULL,
			    &qds_tables_fops);
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
