// SPDX-License-Identifier: GPL-2.0
/*
 * Limits: how much one user may have of objects, names, stored files, entries and
 * bits, over all objects together. Memory is the memory cgroup's to bound; what is
 * counted here is what costs others something beside memory: numbers, names that
 * are taken, files held open, and promises.
 *
 * A user is a uid of the initial user namespace, and is there as long as something
 * is charged to it. Who finds or makes one holds a mutex; who has one charges with
 * atomics only. CAP_SYS_RESOURCE goes beyond the bounds, as with other limits of the
 * system, and is counted all the same.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/qht.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "limits.h"
#include "qds_private.h"

/**
 * struct qds_user - a user who has something
 * @uid: who
 * @refs: one for each object, name and stored file
 * @used: what is charged
 */
struct qds_user {
	kuid_t uid;
	refcount_t refs;
	atomic64_t used[QDS_LIMITS];
};

static unsigned long long qds_bounds[QDS_LIMITS] = {
	[QDS_LIMIT_OBJECTS] = 65536,
	[QDS_LIMIT_NAMES] = 65536,
	[QDS_LIMIT_FDS] = 65536,
};

module_param_named(user_objects, qds_bounds[QDS_LIMIT_OBJECTS], ullong, 0644);
MODULE_PARM_DESC(user_objects, "objects that one user may have, 0 for any number (65536)");
module_param_named(user_names, qds_bounds[QDS_LIMIT_NAMES], ullong, 0644);
MODULE_PARM_DESC(user_names, "names that one user may have, 0 for any number (65536)");
module_param_named(user_fds, qds_bounds[QDS_LIMIT_FDS], ullong, 0644);
MODULE_PARM_DESC(user_fds, "files that one user may have in fd stores, 0 for any number (65536)");
module_param_named(user_entries, qds_bounds[QDS_LIMIT_ENTRIES], ullong, 0644);
MODULE_PARM_DESC(user_entries, "entries that one user may have in tables, 0 for any number (0)");
module_param_named(user_bits, qds_bounds[QDS_LIMIT_BITS], ullong, 0644);
MODULE_PARM_DESC(user_bits, "bits that one user's bitmaps may have, 0 for any number (0)");

static struct qht qds_users;
/* Protects @qds_users, and the last reference of each. */
static DEFINE_MUTEX(qds_users_lock);

static bool qds_user_equal(const void *entry, const void *key)
{
	return uid_eq(((const struct qds_user *)entry)->uid,
		      ((const struct qds_user *)key)->uid);
}

static struct qds_user *qds_user_find(const struct qds_user *key)
{
	struct qds_user *user;

	lockdep_assert_held(&qds_users_lock);
	rcu_read_lock();
	user = qht_lookup(&qds_users, key, __kuid_val(key->uid));
	rcu_read_unlock();
	return user;
}

static struct qds_user *qds_user_make(const struct qds_user *key)
{
	struct qds_user *user = kzalloc(sizeof(*user), QDS_GFP);

	if (!user)
		return NULL;
	user->uid = key->uid;
	refcount_set(&user->refs, 1);
	if (qht_insert(&qds_users, user, __kuid_val(user->uid), NULL, QDS_GFP)) {
		kfree(user);
		return NULL;
	}
	return user;
}

/**
 * qds_user_get() - the user who calls, for charging
 *
 * Context: Process; sleeps.
 * Return: The user, with a reference; NULL without memory.
 */
struct qds_user *qds_user_get(void)
{
	struct qds_user key = { .uid = current_uid() }, *user;

	mutex_lock(&qds_users_lock);
	user = qds_user_find(&key);
	if (user)
		refcount_inc(&user->refs);
	else
		user = qds_user_make(&key);
	mutex_unlock(&qds_users_lock);
	return user;
}

/**
 * qds_user_hold() - another reference of a user
 * @user: of whom the caller has one
 *
 * Context: Any.
 * Return: @user.
 */
struct qds_user *qds_user_hold(struct qds_user *user)
{
	refcount_inc(&user->refs);
	return user;
}

/**
 * qds_user_put() - give back a reference
 * @user: from qds_user_get(); NULL does nothing
 *
 * Context: Process; sleeps.
 */
void qds_user_put(struct qds_user *user)
{
	if (!user || !refcount_dec_and_mutex_lock(&user->refs, &qds_users_lock))
		return;
	qht_remove(&qds_users, user, __kuid_val(user->uid));
	mutex_unlock(&qds_users_lock);
	kfree(user);
}

/**
 * qds_user_id() - a user's uid, in the initial user namespace
 * @user: the user
 */
u32 qds_user_id(const struct qds_user *user)
{
	return __kuid_val(user->uid);
}

/**
 * qds_limit() - what one user may have
 * @which: of what
 *
 * Return: The bound; 0 for none.
 */
u64 qds_limit(enum qds_limit which)
{
	return READ_ONCE(qds_bounds[which]);
}

static bool qds_is_over(enum qds_limit which, u64 used)
{
	u64 bound = qds_limit(which);

	return bound && used > bound &&
	       !ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
}

/**
 * qds_charge() - count something as had by a user
 * @user: the user
 * @which: what
 * @n: how much of it
 *
 * Context: Process. Takes no lock.
 * Return: 0; -EDQUOT, with nothing counted.
 */
int qds_charge(struct qds_user *user, enum qds_limit which, u64 n)
{
	s64 used = atomic64_read(&user->used[which]), more;

	do {
		if (check_add_overflow(used, (s64)n, &more) || more < used ||
		    qds_is_over(which, more))
			return -EDQUOT;
	} while (!atomic64_try_cmpxchg_relaxed(&user->used[which], &used, more));
	return 0;
}

/**
 * qds_uncharge() - count it as gone
 * @user: the user
 * @which: what
 * @n: how much of it, charged before
 *
 * Context: Any.
 */
void qds_uncharge(struct qds_user *user, enum qds_limit which, u64 n)
{
	atomic64_sub(n, &user->used[which]);
}

static void qds_user_show(void *entry, void *arg)
{
	const struct qds_user *user = entry;
	struct seq_file *m = arg;
	unsigned int i;

	seq_printf(m, "%10u", __kuid_val(user->uid));
	for (i = 0; i < QDS_LIMITS; i++)
		seq_printf(m, " %14lld", (long long)atomic64_read(&user->used[i]));
	seq_putc(m, '\n');
}

/**
 * qds_users_show() - print what every user has, for debugfs
 * @m: where to
 *
 * Context: Process; sleeps.
 */
void qds_users_show(struct seq_file *m)
{
	seq_printf(m, "%10s %14s %14s %14s %14s %14s\n", "uid", "objects",
		   "names", "fds", "entries", "bits");
	mutex_lock(&qds_users_lock);
	qht_iter(&qds_users, qds_user_show, m);
	mutex_unlock(&qds_users_lock);
}

/**
 * qds_limits_init() - make ready to count
 *
 * Context: Process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int qds_limits_init(void)
{
	return qht_init(&qds_users, qds_user_equal, 0, QHT_AUTO_RESIZE, GFP_KERNEL);
}

/**
 * qds_limits_exit() - undo qds_limits_init()
 *
 * Context: Process; sleeps. Nothing is charged any more.
 */
void qds_limits_exit(void)
{
	qht_destroy(&qds_users, NULL, NULL);
}
