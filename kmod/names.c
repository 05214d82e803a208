// SPDX-License-Identifier: GPL-2.0
/*
 * Names: by which objects are found by those who have no descriptor of them, and by
 * which they outlive everybody who has.
 *
 * A name is reserved or published. One that is published holds a reference of its
 * object, and of the module, since an object with no file would not keep that. One
 * that is reserved holds nothing: it keeps others from taking the name while its
 * object is being filled, is no way to open it, and goes with it.
 *
 * The registry is a qht of the names, and an XArray by their numbers, in which they
 * are listed. Names come and go under qds_names_lock held for writing; a number is
 * reserved before that, with nothing at it. Who holds it for
 * reading, to open or to list, sees names that cannot go, and through a published one
 * an object that cannot. So a name is freed as soon as it is out of the registry.
 *
 * The lock is taken with no other lock of the device held, and none of objects inside
 * it. References are dropped after it is released, since the last one destroys an
 * object; and so is a kind told that a name of its object has gone, which may have
 * another by then. No user memory is touched under it.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>
#include <trace/events/qds.h>

#include "limits.h"
#include "names.h"
#include "qds_private.h"

/* What one call lists at most. */
#define QDS_LIST_MAX		64U
#define QDS_NAME_MODE		0666

/**
 * struct qds_name - a name
 * @object: what it is a name of
 * @user: who is charged for it
 * @node: in @object->reserved until it is published
 * @uid: its owner
 * @gid: its group
 * @mode: who may open it
 * @published: whether it can be opened, and holds a reference
 * @id: its number
 * @hash: of its text
 * @len: bytes of @text
 * @text: not terminated
 */
struct qds_name {
	struct qds_object *object;
	struct qds_user *user;
	struct list_head node;
	kuid_t uid;
	kgid_t gid;
	u16 mode;
	bool published;
	u32 id;
	u32 hash;
	u32 len;
	char text[];
};

static struct qht qds_names;
static DEFINE_XARRAY_FLAGS(qds_names_by_id, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
static u32 qds_names_next;
/* Protects the registry, and what says of objects that they are named. */
static DECLARE_RWSEM(qds_names_lock);
static siphash_key_t qds_names_secret;

static bool qds_name_equal(const void *entry, const void *key)
{
	const struct qds_name *a = entry, *b = key;

	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static bool qds_name_match(const void *entry, const void *key)
{
	const struct qds_name *name = entry;
	const struct qds_name_key *wanted = key;

	return name->len == wanted->len &&
	       !memcmp(name->text, wanted->text, wanted->len);
}

static u32 qds_name_hash(const struct qds_name_key *key)
{
	return siphash(key->text, key->len, &qds_names_secret);
}

static bool qds_is_dots(const struct qds_name_key *key)
{
	return key->text[0] == '.' &&
	       (key->len == 1 || (key->len == 2 && key->text[1] == '.'));
}

/**
 * qds_name_check() - whether a name's length can be right
 * @len: the length
 *
 * Return: 0, -EINVAL or -ENAMETOOLONG.
 */
int qds_name_check(u32 len)
{
	if (!len)
		return -EINVAL;
	return len > QDS_NAME_LEN ? -ENAMETOOLONG : 0;
}

/**
 * qds_name_read() - read a name
 * @name: user's pointer to it
 * @len: its length, checked
 * @key: out: the name
 *
 * What can be a name of a file is one here.
 *
 * Context: Process; may sleep in a page fault, so under no lock.
 * Return: 0, -EFAULT or -EINVAL.
 */
int qds_name_read(u64 name, u32 len, struct qds_name_key *key)
{
	int rc;

	key->len = len;
	rc = qds_copy_in(key->text, name, 0, len);
	if (rc)
		return rc;
	if (memchr(key->text, 0, len) || memchr(key->text, '/', len) ||
	    qds_is_dots(key))
		return -EINVAL;
	return 0;
}

static struct qds_name *qds_name_find(const struct qds_name_key *key)
{
	struct qds_name *name;

	lockdep_assert_held(&qds_names_lock);
	rcu_read_lock();
	name = qht_lookup_custom(&qds_names, key, qds_name_hash(key), qds_name_match);
	rcu_read_unlock();
	return name;
}

/* Those who watch and those who trace are told of what is published. */
static void qds_name_appeared(u64 id, const struct qds_name_key *key)
{
	trace_qds_link(id, key->text, key->len);
	qds_names_tell(QDS_NAME_PUBLISHED, key);
}

static void qds_name_went(u64 id, const struct qds_name_key *key)
{
	trace_qds_unlink(id, key->text, key->len);
	qds_names_tell(QDS_NAME_UNLINKED, key);
}

/* Making one */

static void qds_name_free(struct qds_name *name)
{
	qds_uncharge(name->user, QDS_LIMIT_NAMES, 1);
	qds_user_put(name->user);
	kfree(name);
}

static struct qds_name *qds_name_alloc(const struct qds_name_key *key, u32 mode,
				       struct qds_object *object)
{
	struct qds_name *name;
	int rc;

	name = kzalloc(struct_size(name, text, key->len), QDS_GFP);
	if (!name)
		return ERR_PTR(-ENOMEM);
	name->user = qds_user_get();
	rc = name->user ? qds_charge(name->user, QDS_LIMIT_NAMES, 1) : -ENOMEM;
	if (rc) {
		qds_user_put(name->user);
		kfree(name);
		return ERR_PTR(rc);
	}
	name->object = object;
	INIT_LIST_HEAD(&name->node);
	current_fsuid_fsgid(&name->uid, &name->gid);
	name->mode = mode;
	name->hash = qds_name_hash(key);
	name->len = key->len;
	memcpy(name->text, key->text, key->len);
	return name;
}

/* A number, which nobody lists as long as there is nothing at it. */
static int qds_name_number(struct qds_name *name)
{
	int rc = xa_alloc_cyclic(&qds_names_by_id, &name->id, NULL, xa_limit_32b,
				 &qds_names_next, QDS_GFP);

	if (rc < 0)
		return rc == -EBUSY ? -ENOSPC : rc;
	return 0;
}

/*
 * Others wait for the lock, so that nobody's memory cgroup shall have to be reclaimed
 * under it: that of the few buckets is not charged, and the number has its place.
 */
static int qds_name_insert(struct qds_name *name)
{
	int rc;

	lockdep_assert_held_write(&qds_names_lock);
	rc = qht_insert(&qds_names, name, name->hash, NULL, GFP_KERNEL | __GFP_NOWARN);
	if (!rc)
		xa_store(&qds_names_by_id, name->id, name, GFP_KERNEL);
	return rc;
}

/* The caller has come by a file, so that neither count is at 0. */
static void qds_name_publish(struct qds_name *name)
{
	struct qds_object *object = name->object;

	lockdep_assert_held_write(&qds_names_lock);
	refcount_inc(&object->refs);
	__module_get(THIS_MODULE);
	WRITE_ONCE(object->links, object->links + 1);
	list_del_init(&name->node);
	name->published = true;
}

/*
 * Who drops the last reference of an object looks at @reserving, without the lock:
 * it does not change any more then.
 */
static void qds_name_reserve(struct qds_name *name)
{
	struct qds_object *object = name->object;

	lockdep_assert_held_write(&qds_names_lock);
	list_add(&name->node, &object->reserved);
	object->reserving = true;
}

int qds_object_link_prepare(const struct qds_cmd *cmd)
{
	const struct qds_object_link *args = &cmd->args->object_link;

	if (args->mode & ~QDS_NAME_MODE)
		return -EINVAL;
	return qds_name_check(args->name_len);
}

int qds_object_link(struct qds_cmd *cmd)
{
	const struct qds_object_link *args = &cmd->args->object_link;
	bool reserve = args->flags & QDS_LINK_RESERVE;
	struct qds_name_key key;
	struct qds_name *name;
	int rc;

	rc = qds_name_read(args->name, args->name_len, &key);
	if (rc)
		return rc;
	name = qds_name_alloc(&key, args->mode, cmd->object);
	if (IS_ERR(name))
		return PTR_ERR(name);
	rc = qds_name_number(name);
	if (rc)
		goto err_free;
	down_write(&qds_names_lock);
	rc = qds_name_insert(name);
	if (!rc && reserve)
		qds_name_reserve(name);
	else if (!rc)
		qds_name_publish(name);
	up_write(&qds_names_lock);
	if (rc)
		goto err_number;
	if (!reserve)
		qds_name_appeared(cmd->object->id, &key);
	return 0;

err_number:
	xa_release(&qds_names_by_id, name->id);
err_free:
	qds_name_free(name);
	return rc;
}

int qds_object_publish_prepare(const struct qds_cmd *cmd)
{
	const struct qds_object_publish *args = &cmd->args->object_publish;

	if (args->__reserved)
		return -EOPNOTSUPP;
	return qds_name_check(args->name_len);
}

int qds_object_publish(struct qds_cmd *cmd)
{
	const struct qds_object_publish *args = &cmd->args->object_publish;
	struct qds_name_key key;
	struct qds_name *name;
	int rc;

	rc = qds_name_read(args->name, args->name_len, &key);
	if (rc)
		return rc;
	down_write(&qds_names_lock);
	name = qds_name_find(&key);
	if (!name || name->object != cmd->object)
		rc = -ENOENT;
	else if (name->published)
		rc = -EEXIST;
	else
		qds_name_publish(name);
	up_write(&qds_names_lock);
	if (!rc)
		qds_name_appeared(cmd->object->id, &key);
	return rc;
}

/* Opening */

/* As with a file's owner: where the ids mean nothing, neither does a capability. */
static bool qds_name_capable(const struct qds_name *name, int cap)
{
	struct user_namespace *ns = current_user_ns();

	return kuid_has_mapping(ns, name->uid) && kgid_has_mapping(ns, name->gid) &&
	       ns_capable(ns, cap);
}

/* As for a file of that owner, group and mode. */
static bool qds_name_allows(const struct qds_name *name, u32 access)
{
	unsigned int mode = name->mode, wanted = 0;

	if (access & QDS_ACCESS_READ)
		wanted |= 04;
	if (access & QDS_ACCESS_WRITE)
		wanted |= 02;
	if (uid_eq(current_fsuid(), name->uid))
		mode >>= 6;
	else if (in_group_p(name->gid))
		mode >>= 3;
	if (!(wanted & ~mode))
		return true;
	if (wanted == 04 && qds_name_capable(name, CAP_DAC_READ_SEARCH))
		return true;
	return qds_name_capable(name, CAP_DAC_OVERRIDE);
}

int qds_name_open_prepare(const struct qds_cmd *cmd)
{
	const struct qds_name_open *args = &cmd->args->name_open;
	int rc;

	if (args->__reserved)
		return -EOPNOTSUPP;
	rc = qds_access_check(cmd, args->access);
	return rc ?: qds_name_check(args->name_len);
}

/* What the name is a name of, with a reference for the caller. */
static struct qds_object *qds_name_object(const struct qds_name_key *key, u32 access)
{
	struct qds_object *object;
	struct qds_name *name;

	down_read(&qds_names_lock);
	name = qds_name_find(key);
	if (!name) {
		object = ERR_PTR(-ENOENT);
	} else if (!qds_name_allows(name, access)) {
		object = ERR_PTR(-EACCES);
	} else if (!name->published) {
		object = ERR_PTR(-EBUSY);
	} else {
		object = name->object;
		refcount_inc(&object->refs);
	}
	up_read(&qds_names_lock);
	return object;
}

int qds_name_open(struct qds_cmd *cmd)
{
	struct qds_name_open *args = &cmd->args->name_open;
	struct qds_object *object;
	struct qds_name_key key;
	int rc;

	rc = qds_name_read(args->name, args->name_len, &key);
	if (rc)
		return rc;
	object = qds_name_object(&key, args->access);
	if (IS_ERR(object))
		return PTR_ERR(object);
	trace_qds_open(object->id, key.text, key.len);
	return qds_publish(cmd, object,
			   args->access & QDS_ACCESS_WRITE ? O_RDWR : O_RDONLY,
			   &args->out_fd);
}

/* Taking one away */

static void qds_name_erase(struct qds_name *name)
{
	lockdep_assert_held_write(&qds_names_lock);
	qht_remove(&qds_names, name, name->hash);
	xa_erase(&qds_names_by_id, name->id);
}

/* Its reference of the object is the caller's then. */
static void qds_name_retract(struct qds_name *name)
{
	struct qds_object *object = name->object;

	lockdep_assert_held_write(&qds_names_lock);
	qds_name_erase(name);
	if (name->published)
		WRITE_ONCE(object->links, object->links - 1);
	else
		list_del(&name->node);
}

/* Who has linked it, and who has made the object, which the name keeps. */
static bool qds_name_is_mine(const struct qds_name *name)
{
	return uid_eq(current_fsuid(), name->uid) ||
	       __kuid_val(current_fsuid()) == qds_user_id(name->object->user) ||
	       qds_name_capable(name, CAP_FOWNER);
}

int qds_name_unlink_prepare(const struct qds_cmd *cmd)
{
	const struct qds_name_unlink *args = &cmd->args->name_unlink;

	if (args->__reserved)
		return -EOPNOTSUPP;
	return qds_name_check(args->name_len);
}

int qds_name_unlink(struct qds_cmd *cmd)
{
	const struct qds_name_unlink *args = &cmd->args->name_unlink;
	struct qds_name_key key;
	struct qds_name *name;
	int rc;

	rc = qds_name_read(args->name, args->name_len, &key);
	if (rc)
		return rc;
	down_write(&qds_names_lock);
	name = qds_name_find(&key);
	if (!name)
		rc = -ENOENT;
	else if (!qds_name_is_mine(name))
		rc = -EPERM;
	else
		qds_name_retract(name);
	up_write(&qds_names_lock);
	if (rc)
		return rc;
	if (name->published) {
		qds_name_went(name->object->id, &key);
		if (name->object->kind->unlinked)
			name->object->kind->unlinked(name->object);
		qds_object_put(name->object);
		/* The caller's file keeps the module until this returns. */
		module_put(THIS_MODULE);
	}
	qds_name_free(name);
	return 0;
}

/**
 * qds_names_forget() - take away the names reserved for an object
 * @object: the object, with no reference left
 *
 * Context: Process; sleeps. Takes the registry's lock for writing, if any was ever
 * reserved.
 */
void qds_names_forget(struct qds_object *object)
{
	struct qds_name *name;

	if (!object->reserving)
		return;
	/* One at a time: others wait for the lock. */
	do {
		down_write(&qds_names_lock);
		name = list_first_entry_or_null(&object->reserved, struct qds_name, node);
		if (name)
			qds_name_retract(name);
		up_write(&qds_names_lock);
		if (name)
			qds_name_free(name);
		cond_resched();
	} while (name);
}

/* Listing */

int qds_name_list_prepare(const struct qds_cmd *cmd)
{
	const struct qds_name_list *args = &cmd->args->name_list;

	if (args->__reserved)
		return -EOPNOTSUPP;
	return args->nr && args->cursor <= U32_MAX ? 0 : -EINVAL;
}

static void qds_name_describe(const struct qds_name *name,
			      struct qds_name_entry *entry)
{
	struct user_namespace *ns = current_user_ns();

	memset(entry, 0, sizeof(*entry));
	entry->object = name->object->id;
	entry->kind = name->object->kind->id;
	entry->mode = name->mode;
	entry->uid = from_kuid_munged(ns, name->uid);
	entry->gid = from_kgid_munged(ns, name->gid);
	entry->flags = name->published ? 0 : QDS_LINK_RESERVE;
	entry->name_len = name->len;
	memcpy(entry->name, name->text, name->len);
}

/*
 * The object of a name that is reserved may be on its way out, but not further than
 * to qds_names_forget(), which waits for the lock.
 */
static u32 qds_names_collect(u64 *cursor, struct qds_name_entry *entries, u32 max)
{
	unsigned long id = *cursor;
	struct qds_name *name;
	u32 nr = 0;

	down_read(&qds_names_lock);
	for (name = xa_find_after(&qds_names_by_id, &id, U32_MAX, XA_PRESENT);
	     name && nr < max;
	     name = xa_find_after(&qds_names_by_id, &id, U32_MAX, XA_PRESENT)) {
		qds_name_describe(name, &entries[nr++]);
		*cursor = id;
	}
	up_read(&qds_names_lock);
	return nr;
}

int qds_name_list(struct qds_cmd *cmd)
{
	struct qds_name_list *args = &cmd->args->name_list;
	struct qds_name_entry *entries;
	int rc;

	args->nr = min(args->nr, QDS_LIST_MAX);
	entries = kvmalloc_array(args->nr, sizeof(*entries), QDS_GFP);
	if (!entries)
		return -ENOMEM;
	args->nr = qds_names_collect(&args->cursor, entries, args->nr);
	rc = qds_copy_out(args->entries, 0, entries, args->nr * sizeof(*entries));
	kvfree(entries);
	return rc ?: qds_respond(cmd);
}

/**
 * qds_names_init() - make ready for names
 *
 * Context: Process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int qds_names_init(void)
{
	qds_names_watch_init();
	get_random_bytes(&qds_names_secret, sizeof(qds_names_secret));
	return qht_init(&qds_names, qds_name_equal, 0,
			QHT_AUTO_RESIZE | QHT_AUTO_SHRINK, GFP_KERNEL);
}

/**
 * qds_names_exit() - undo qds_names_init()
 *
 * Context: Process; sleeps. No name is left: each would keep the module, or its object.
 */
void qds_names_exit(void)
{
	qht_destroy(&qds_names, NULL, NULL);
	xa_destroy(&qds_names_by_id);
}
