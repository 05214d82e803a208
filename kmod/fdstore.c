// SPDX-License-Identifier: GPL-2.0
/*
 * fd stores: open files under keys, a name and a number each, for a successor to find.
 *
 * An entry is in the table, by its key, and in a tree, by its number; numbers count
 * up, so that a walk goes in the order of saving. It holds a reference of its file and
 * is charged to whoever saved it. store->lock protects all of that. It is held to
 * look and to change, never while user memory is touched, a descriptor is installed or
 * a file is put; nothing is taken inside it but memory.
 *
 * References must not go in circles, or nobody would ever come to break them:
 *
 * - A store's file holds the store, which holds files. So no store keeps a file of
 *   one, this or another.
 * - io_uring holds the files that are registered with it, which may be stores: not kept.
 * - An AF_UNIX socket holds the files that are in flight to it, which may be stores.
 *   The kernel collects such circles of sockets among themselves, but a reference from
 *   elsewhere, as a store's, is to it one of someone alive. So sockets are kept only
 *   while the store has a name: then it is not lost, whatever its references are. When
 *   the last name goes the sockets go too, and what is left cannot lead back. The name
 *   is looked at under the store's lock, and who has taken a name away takes the lock
 *   after that: a socket is refused, or it is found and dropped. If there is a name again
 *   by then the sockets stay, and that name's end comes back to them.
 * - Anything else that could hold any file would make circles with SCM_RIGHTS alone
 *   too; the kernel knows of no other but these. An epoll has no reference of what it
 *   watches.
 *
 * A file is put by a task work or a worker, so putting one does not run what its
 * release does, and thousands of them need no stack.
 */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <trace/events/qds.h>

#include "compat.h"
#include "limits.h"
#include "qds_private.h"

/* What is worked on between two looks at signals and the scheduler. */
#define QDS_FDSTORE_BATCH	64U
/* A store that may have more than this grows into it. */
#define QDS_FDSTORE_HINT	8192ULL

/**
 * struct qds_fdstore - an fd store
 * @object: what it is to the device
 * @max_entries: bound of @entries, 0 for none
 * @secret: of the hash, since users choose keys
 * @lock: of all below
 * @ht: struct qds_stored, by key
 * @order: the same, by number
 * @newest: the last in @order, or NULL
 * @sockets: those that are AF_UNIX
 * @entries: how many there are
 * @nr_sockets: how many are in @sockets
 * @last: the number that was given last
 */
struct qds_fdstore {
	struct qds_object object;
	u64 max_entries;
	hsiphash_key_t secret;
	/* Of all that follows. */
	struct mutex lock;
	struct qht ht;
	struct rb_root order;
	struct rb_node *newest;
	struct list_head sockets;
	u64 entries;
	u64 nr_sockets;
	u64 last;
};

/**
 * struct qds_fd_key - a key
 * @size: bytes of the name
 * @id: the number
 * @name: the name
 */
struct qds_fd_key {
	u32 size;
	u32 id;
	char name[];
};

/* Room for any key; a multiple of its alignment. */
#define QDS_FD_KEY_ROOM	ALIGN(sizeof(struct qds_fd_key) + QDS_FDSTORE_NAME_MAX, \
			      __alignof__(struct qds_fd_key))

/**
 * struct qds_stored - an entry
 * @rcu: for kfree_rcu(), since a resize of the table may still compare it
 * @node: in the store's order
 * @socket: in its sockets, if it is one
 * @file: the file, with a reference
 * @user: whom it is charged to, with a reference
 * @hash: of the key
 * @seq: its number
 * @key: the key
 */
struct qds_stored {
	struct rcu_head rcu;
	struct rb_node node;
	struct list_head socket;
	struct file *file;
	struct qds_user *user;
	u32 hash;
	u64 seq;
	struct qds_fd_key key;
};

/**
 * struct qds_fd_batch - a vector of entries
 * @vec: what all vectors have
 * @store: the store
 * @args: the call
 * @file: the descriptor that it came by
 * @user: who calls, with a reference
 * @try: what an element comes to now: its result, and in @found what it finds. Called
 *	with the store's lock
 * @entries: as the user has them
 * @found: file that each has found, with a reference, or NULL
 * @stored: for those that save: the new entry; NULL once it is in the store
 * @hashes: hash of each key
 * @keys: QDS_FD_KEY_ROOM bytes each
 */
struct qds_fd_batch {
	struct qds_vector vec;
	struct qds_fdstore *store;
	const struct qds_fdstore_vec *args;
	const struct file *file;
	struct qds_user *user;
	int (*try)(struct qds_fd_batch *batch, u32 i);
	struct qds_fdstore_entry *entries;
	struct file **found;
	struct qds_stored **stored;
	u32 *hashes;
	u8 *keys;
};

static struct qds_fdstore *qds_to_fdstore(struct qds_object *object)
{
	return container_of(object, struct qds_fdstore, object);
}

static struct qds_fd_batch *qds_to_fd_batch(struct qds_vector *vec)
{
	return container_of(vec, struct qds_fd_batch, vec);
}

static struct qds_fd_key *qds_fd_key_at(const struct qds_fd_batch *batch, u32 i)
{
	return (struct qds_fd_key *)(batch->keys + i * QDS_FD_KEY_ROOM);
}

static bool qds_fd_key_equal(const struct qds_fd_key *a, const struct qds_fd_key *b)
{
	return a->size == b->size && a->id == b->id &&
	       !memcmp(a->name, b->name, a->size);
}

static bool qds_stored_equal(const void *entry, const void *key)
{
	const struct qds_stored *old = entry, *new = key;

	return qds_fd_key_equal(&old->key, &new->key);
}

static inline bool qds_stored_match(const void *entry, const void *key)
{
	return qds_fd_key_equal(&((const struct qds_stored *)entry)->key, key);
}

/* The entry lives as long as the lock is held. */
static struct qds_stored *qds_fdstore_find(const struct qds_fd_batch *batch, u32 i)
{
	struct qds_stored *stored;

	lockdep_assert_held(&batch->store->lock);
	rcu_read_lock();
	stored = qht_lookup_custom(&batch->store->ht, qds_fd_key_at(batch, i),
				   batch->hashes[i], qds_stored_match);
	rcu_read_unlock();
	return stored;
}

/* Which files are refused */

static bool qds_file_is_fdstore(const struct file *file);

static bool qds_file_is_socket(struct file *file)
{
	struct socket *sock;

	if (!IS_ENABLED(CONFIG_NET))
		return false;
	sock = sock_from_file(file);
	return sock && sock->ops && sock->ops->family == AF_UNIX;
}

/*
 * Nothing that is exported tells a file of io_uring. Its name does: no user gives
 * names on the file system of anonymous inodes, which is that of our files.
 */
static bool qds_file_is_io_uring(const struct file *file, const struct file *ours)
{
	return file_inode(file)->i_sb == file_inode(ours)->i_sb &&
	       !strcmp(file->f_path.dentry->d_name.name, "[io_uring]");
}

/* Entries */

static void qds_stored_put(struct qds_stored *stored)
{
	fput(stored->file);
	qds_user_put(stored->user);
	kfree_rcu(stored, rcu);
}

/* Takes the reference of the file, also on an error. */
static struct qds_stored *qds_stored_alloc(const struct qds_fd_batch *batch, u32 i,
					   struct file *file)
{
	const struct qds_fd_key *key = qds_fd_key_at(batch, i);
	struct qds_stored *stored;

	stored = kmalloc(struct_size(stored, key.name, key->size), QDS_GFP);
	if (!stored) {
		fput(file);
		return NULL;
	}
	stored->user = qds_user_hold(batch->user);
	INIT_LIST_HEAD(&stored->socket);
	stored->file = file;
	stored->hash = batch->hashes[i];
	stored->key.size = key->size;
	stored->key.id = key->id;
	memcpy(stored->key.name, key->name, key->size);
	return stored;
}

/* It comes behind all others. */
static void qds_fdstore_order(struct qds_fdstore *store, struct qds_stored *stored)
{
	struct rb_node *newest = store->newest;

	stored->seq = ++store->last;
	rb_link_node(&stored->node, newest,
		     newest ? &newest->rb_right : &store->order.rb_node);
	rb_insert_color(&stored->node, &store->order);
	store->newest = &stored->node;
}

/* On success the store has the entry. The caller has found no other of its key. */
static int qds_fdstore_add(struct qds_fdstore *store, struct qds_stored *stored)
{
	int rc;

	lockdep_assert_held(&store->lock);
	rc = qds_charge(stored->user, QDS_LIMIT_FDS, 1);
	if (rc)
		return rc;
	rc = qht_insert(&store->ht, stored, stored->hash, NULL, QDS_GFP);
	if (rc) {
		qds_uncharge(stored->user, QDS_LIMIT_FDS, 1);
		return rc;
	}
	qds_fdstore_order(store, stored);
	if (qds_file_is_socket(stored->file)) {
		list_add_tail(&stored->socket, &store->sockets);
		store->nr_sockets++;
	}
	store->entries++;
	return 0;
}

/* The caller has the entry then. */
static void qds_fdstore_remove(struct qds_fdstore *store, struct qds_stored *stored)
{
	lockdep_assert_held(&store->lock);
	rcu_read_lock();
	qht_remove(&store->ht, stored, stored->hash);
	rcu_read_unlock();
	if (store->newest == &stored->node)
		store->newest = rb_prev(&stored->node);
	rb_erase(&stored->node, &store->order);
	if (!list_empty(&stored->socket)) {
		list_del(&stored->socket);
		store->nr_sockets--;
	}
	store->entries--;
	qds_uncharge(stored->user, QDS_LIMIT_FDS, 1);
}

/* What an element comes to: see struct qds_fd_batch, @try. */

static_assert(QDS_FDSTORE_SAVED == 0);

static int qds_try_absent(const struct qds_fd_batch *batch, u32 i)
{
	const struct qds_fdstore *store = batch->store;

	if (store->max_entries && store->entries >= store->max_entries)
		return -ENOSPC;
	/* Under the lock that qds_fdstore_unlinked() takes: see the opening comment. */
	if (qds_file_is_socket(batch->stored[i]->file) &&
	    !qds_object_is_named(&store->object))
		return -ELOOP;
	return 0;
}

static int qds_try_save(struct qds_fd_batch *batch, u32 i)
{
	return qds_fdstore_find(batch, i) ? -EEXIST : qds_try_absent(batch, i);
}

static int qds_try_resave(struct qds_fd_batch *batch, u32 i)
{
	struct qds_stored *stored = qds_fdstore_find(batch, i);

	if (!stored)
		return qds_try_absent(batch, i);
	return stored->file == batch->stored[i]->file ? QDS_FDSTORE_FOUND : -EEXIST;
}

static int qds_try_find(struct qds_fd_batch *batch, u32 i)
{
	struct qds_stored *stored = qds_fdstore_find(batch, i);

	if (!stored)
		return -ENOENT;
	batch->found[i] = get_file(stored->file);
	return 0;
}

static int qds_try_find_or_save(struct qds_fd_batch *batch, u32 i)
{
	return qds_try_find(batch, i) ? qds_try_absent(batch, i) : QDS_FDSTORE_FOUND;
}

static int qds_try_delete(struct qds_fd_batch *batch, u32 i)
{
	return qds_fdstore_find(batch, i) ? 0 : -ENOENT;
}

/* Reading and predicting a batch */

/* What is wrong with the element alone is its result. Return: 0 or -EFAULT. */
static int qds_fd_read_key(struct qds_fd_batch *batch, u32 i)
{
	const struct qds_fdstore_entry *entry = &batch->entries[i];
	struct qds_fd_key *key = qds_fd_key_at(batch, i);
	s32 *result = &batch->vec.res[i];

	*result = 0;
	if (entry->flags)
		*result = -EOPNOTSUPP;
	else if (!entry->name_len)
		*result = -EINVAL;
	else if (entry->name_len > QDS_FDSTORE_NAME_MAX)
		*result = -ENAMETOOLONG;
	if (*result)
		return 0;
	if (qds_copy_in(key->name, entry->name, 0, entry->name_len))
		return -EFAULT;
	if (memchr(key->name, 0, entry->name_len))
		*result = -EINVAL;
	key->size = entry->name_len;
	key->id = entry->id;
	batch->hashes[i] = hsiphash(&key->id, sizeof(key->id) + key->size,
				    &batch->store->secret);
	return 0;
}

static int qds_fd_read(struct qds_fd_batch *batch)
{
	size_t size = sizeof(*batch->entries);
	u32 i;
	int rc;

	rc = qds_copy_in(batch->entries, batch->args->entries,
			 (u64)batch->vec.base * size, batch->vec.nr * size);
	for (i = 0; !rc && i < batch->vec.nr; i++)
		rc = qds_fd_read_key(batch, i);
	return rc;
}

/* Get ready what an element would save. */
static int qds_fd_prepare(struct qds_fd_batch *batch, u32 i)
{
	struct file *file = fget_raw(batch->entries[i].fd);

	if (!file)
		return -EBADF;
	if (qds_file_is_fdstore(file) || qds_file_is_io_uring(file, batch->file)) {
		fput(file);
		return -ELOOP;
	}
	batch->stored[i] = qds_stored_alloc(batch, i, file);
	return batch->stored[i] ? 0 : -ENOMEM;
}

/* Elements behind the first that stops the call are not looked at. */
static int qds_fd_predict(struct qds_vector *vec,
			  int (*prepare)(struct qds_fd_batch *batch, u32 i))
{
	struct qds_fd_batch *batch = qds_to_fd_batch(vec);
	u32 i, n;
	int rc;

	memset(batch->found, 0, vec->nr * sizeof(*batch->found));
	memset(batch->stored, 0, vec->nr * sizeof(*batch->stored));
	rc = qds_fd_read(batch);
	if (rc)
		return rc;
	for (n = 0; n < vec->nr; n++) {
		if (prepare && !vec->res[n])
			vec->res[n] = prepare(batch, n);
		if (qds_vector_stops(vec, vec->res[n]))
			break;
	}
	mutex_lock(&batch->store->lock);
	for (i = 0; i < n; i++)
		if (!vec->res[i])
			vec->res[i] = batch->try(batch, i);
	mutex_unlock(&batch->store->lock);
	return 0;
}

static int qds_fd_predict_look(struct qds_vector *vec)
{
	return qds_fd_predict(vec, NULL);
}

static int qds_fd_predict_save(struct qds_vector *vec)
{
	return qds_fd_predict(vec, qds_fd_prepare);
}

static void qds_fd_drop_found(struct qds_fd_batch *batch, u32 i)
{
	if (batch->found[i])
		fput(batch->found[i]);
	batch->found[i] = NULL;
}

static void qds_fd_cleanup(struct qds_vector *vec)
{
	struct qds_fd_batch *batch = qds_to_fd_batch(vec);
	u32 i;

	for (i = 0; i < vec->nr; i++) {
		qds_fd_drop_found(batch, i);
		if (batch->stored[i])
			qds_stored_put(batch->stored[i]);
	}
}

/* Descriptors for who finds */

static int qds_fd_user_fd(const struct qds_fd_batch *batch, u32 i, s32 __user **fd)
{
	void __user *entry;

	if (qds_user_ptr(batch->args->entries,
			 ((u64)batch->vec.base + i) * sizeof(*batch->entries), &entry))
		return -EFAULT;
	*fd = &((struct qds_fdstore_entry __user *)entry)->fd;
	return 0;
}

/*
 * Say that there is no descriptor yet: @given, or that of the element. With that the
 * memory is known to be writable before anything is installed.
 */
static int qds_fd_reply(struct qds_fd_batch *batch, bool given)
{
	s32 __user *fd;
	u32 i;

	for (i = 0; i < batch->vec.good; i++)
		if (qds_fd_user_fd(batch, i, &fd) ||
		    put_user(given ? batch->entries[i].fd : -1, fd))
			return -EFAULT;
	return 0;
}

/* Install what an element has found. Return: 0 or an error, and nothing is there. */
static int qds_fd_receive(struct qds_fd_batch *batch, u32 i)
{
	const struct qds_fd_key *key = qds_fd_key_at(batch, i);
	s32 __user *user;
	int rc;

	rc = qds_fd_user_fd(batch, i, &user);
	if (!rc)
		rc = min(qds_receive_fd(batch->found[i], user, O_CLOEXEC), 0);
	trace_qds_find(batch->store->object.id, key->name, key->size, key->id, rc);
	return rc;
}

/* As qds_vector_result(), but where nothing can be told any more the call ends. */
static bool qds_fd_result(struct qds_fd_batch *batch, u32 i, int result)
{
	struct qds_vector *vec = &batch->vec;

	if (result != -EFAULT)
		return qds_vector_result(vec, i, result);
	vec->res[i] = result;
	vec->differs = true;
	vec->good = i;
	return true;
}

/* The commands */

static int qds_fd_save__locked(struct qds_fd_batch *batch, u32 i)
{
	const struct qds_fd_key *key = qds_fd_key_at(batch, i);
	struct qds_fdstore *store = batch->store;
	int rc = batch->try(batch, i);

	if (rc == QDS_FDSTORE_SAVED) {
		rc = qds_fdstore_add(store, batch->stored[i]);
		if (!rc)
			batch->stored[i] = NULL;
	}
	trace_qds_store(store->object.id, key->name, key->size, key->id, rc);
	return rc;
}

static int qds_fd_save_commit(struct qds_vector *vec)
{
	struct qds_fd_batch *batch = qds_to_fd_batch(vec);
	u32 i;

	mutex_lock(&batch->store->lock);
	for (i = 0; i < vec->good; i++)
		if (vec->res[i] >= 0 &&
		    qds_vector_result(vec, i, qds_fd_save__locked(batch, i)))
			break;
	mutex_unlock(&batch->store->lock);
	return 0;
}

static const struct qds_vector_ops qds_fd_save_ops = {
	.predict = qds_fd_predict_save,
	.commit = qds_fd_save_commit,
	.cleanup = qds_fd_cleanup,
};

static int qds_fd_find_reply(struct qds_vector *vec)
{
	return qds_fd_reply(qds_to_fd_batch(vec), false);
}

static int qds_fd_find_commit(struct qds_vector *vec)
{
	struct qds_fd_batch *batch = qds_to_fd_batch(vec);
	u32 i;

	for (i = 0; i < vec->good; i++)
		if (batch->found[i] &&
		    qds_fd_result(batch, i, qds_fd_receive(batch, i)))
			break;
	return 0;
}

static const struct qds_vector_ops qds_fd_find_ops = {
	.predict = qds_fd_predict_look,
	.reply = qds_fd_find_reply,
	.commit = qds_fd_find_commit,
	.cleanup = qds_fd_cleanup,
};

static int qds_fd_find_or_save_reply(struct qds_vector *vec)
{
	return qds_fd_reply(qds_to_fd_batch(vec), true);
}

static int qds_fd_find_or_save(struct qds_fd_batch *batch, u32 i)
{
	int rc;

	/*
	 * What the prediction has found may not be what is there now. If it was deleted
	 * since, this saves where it was to find; a caller who takes the memory away in
	 * which that is told does not learn of it.
	 */
	qds_fd_drop_found(batch, i);
	mutex_lock(&batch->store->lock);
	rc = qds_fd_save__locked(batch, i);
	mutex_unlock(&batch->store->lock);
	if (rc == QDS_FDSTORE_FOUND)
		rc = qds_fd_receive(batch, i) ?: QDS_FDSTORE_FOUND;
	return rc;
}

static int qds_fd_find_or_save_commit(struct qds_vector *vec)
{
	struct qds_fd_batch *batch = qds_to_fd_batch(vec);
	u32 i;

	for (i = 0; i < vec->good; i++)
		if (vec->res[i] >= 0 &&
		    qds_fd_result(batch, i, qds_fd_find_or_save(batch, i)))
			break;
	return 0;
}

static const struct qds_vector_ops qds_fd_find_or_save_ops = {
	.predict = qds_fd_predict_save,
	.reply = qds_fd_find_or_save_reply,
	.commit = qds_fd_find_or_save_commit,
	.cleanup = qds_fd_cleanup,
};

static int qds_fd_delete(struct qds_fd_batch *batch, u32 i)
{
	struct qds_fdstore *store = batch->store;
	struct qds_stored *stored;

	mutex_lock(&store->lock);
	stored = qds_fdstore_find(batch, i);
	if (stored)
		qds_fdstore_remove(store, stored);
	mutex_unlock(&store->lock);
	if (!stored)
		return -ENOENT;
	qds_stored_put(stored);
	return 0;
}

static int qds_fd_delete_commit(struct qds_vector *vec)
{
	struct qds_fd_batch *batch = qds_to_fd_batch(vec);
	u32 i;

	for (i = 0; i < vec->good; i++)
		if (!vec->res[i] &&
		    qds_vector_result(vec, i, qds_fd_delete(batch, i)))
			break;
	return 0;
}

static const struct qds_vector_ops qds_fd_delete_ops = {
	.predict = qds_fd_predict_look,
	.commit = qds_fd_delete_commit,
	.cleanup = qds_fd_cleanup,
};

static size_t qds_fd_element_size(void)
{
	return sizeof(struct qds_fdstore_entry) + sizeof(struct file *) +
	       sizeof(struct qds_stored *) + sizeof(u32) + sizeof(s32) +
	       QDS_FD_KEY_ROOM;
}

/* Lay the arrays of a batch out, in the order of their alignment. */
static void qds_fd_batch_layout(struct qds_fd_batch *batch, void *buffer)
{
	u32 nr = batch->vec.batch;

	batch->entries = buffer;
	batch->found = (struct file **)(batch->entries + nr);
	batch->stored = (struct qds_stored **)(batch->found + nr);
	batch->hashes = (u32 *)(batch->stored + nr);
	batch->vec.res = (s32 *)(batch->hashes + nr);
	batch->keys = (u8 *)(batch->vec.res + nr);
}

static int qds_fdstore_vec_run(struct qds_cmd *cmd, const struct qds_vector_ops *ops,
			       int (*try)(struct qds_fd_batch *batch, u32 i))
{
	struct qds_fdstore_vec __user *user = cmd->user;
	struct qds_fd_batch batch = {
		.store = qds_to_fdstore(cmd->object),
		.args = &cmd->args->fdstore_vec,
		.file = cmd->file,
		.try = try,
	};
	void *buffer;
	int rc;

	rc = qds_vector_start(&batch.vec, ops, batch.args->nr, QDS_FDSTORE_BATCH,
			      batch.args->results, &user->done);
	if (rc)
		return rc;
	batch.user = qds_user_get();
	if (!batch.user)
		return -ENOMEM;
	rc = -ENOMEM;
	buffer = kvmalloc(batch.vec.batch * qds_fd_element_size(), QDS_GFP);
	if (buffer) {
		qds_fd_batch_layout(&batch, buffer);
		rc = qds_vector_run(&batch.vec);
		kvfree(buffer);
	}
	qds_user_put(batch.user);
	return rc;
}

static int qds_fdstore_vec_prepare(const struct qds_cmd *cmd)
{
	return cmd->args->fdstore_vec.nr ? 0 : -EINVAL;
}

static int qds_fdstore_save(struct qds_cmd *cmd)
{
	return qds_fdstore_vec_run(cmd, &qds_fd_save_ops, qds_try_save);
}

static int qds_fdstore_find_fds(struct qds_cmd *cmd)
{
	return qds_fdstore_vec_run(cmd, &qds_fd_find_ops, qds_try_find);
}

static int qds_fdstore_resave(struct qds_cmd *cmd)
{
	return qds_fdstore_vec_run(cmd, &qds_fd_save_ops, qds_try_resave);
}

static int qds_fdstore_delete(struct qds_cmd *cmd)
{
	return qds_fdstore_vec_run(cmd, &qds_fd_delete_ops, qds_try_delete);
}

static int qds_fdstore_find_or_save(struct qds_cmd *cmd)
{
	return qds_fdstore_vec_run(cmd, &qds_fd_find_or_save_ops,
				   qds_try_find_or_save);
}

/* Walking */

/* The first entry whose number is above one. */
static struct qds_stored *qds_fdstore_behind(struct qds_fdstore *store, u64 seq)
{
	struct rb_node *node = store->order.rb_node;
	struct qds_stored *stored, *behind = NULL;

	while (node) {
		stored = rb_entry(node, struct qds_stored, node);
		if (stored->seq > seq) {
			behind = stored;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return behind;
}

static void qds_stored_describe(const struct qds_stored *stored,
				struct qds_fdstore_record *record)
{
	memset(record, 0, sizeof(*record));
	record->id = stored->key.id;
	record->name_len = stored->key.size;
	if (!list_empty(&stored->socket))
		record->flags = QDS_FDSTORE_SOCKET;
	memcpy(record->name, stored->key.name, stored->key.size);
}

/* Return: how many records there are. @cursor is the last, or 0 if none is behind it. */
static u32 qds_fdstore_walk_some(struct qds_fdstore *store, u64 *cursor,
				 struct qds_fdstore_record *records, u32 room)
{
	struct qds_stored *stored;
	struct rb_node *node;
	u32 nr = 0;

	mutex_lock(&store->lock);
	stored = qds_fdstore_behind(store, *cursor);
	for (; stored && nr < room; nr++) {
		qds_stored_describe(stored, &records[nr]);
		*cursor = stored->seq;
		node = rb_next(&stored->node);
		stored = node ? rb_entry(node, struct qds_stored, node) : NULL;
	}
	if (!stored)
		*cursor = 0;
	mutex_unlock(&store->lock);
	return nr;
}

static int qds_fdstore_walk_all(struct qds_fdstore *store,
				struct qds_fdstore_walk *walk,
				struct qds_fdstore_record *records)
{
	u32 done = 0, nr;

	do {
		if (done && fatal_signal_pending(current))
			return -EINTR;
		nr = qds_fdstore_walk_some(store, &walk->cursor, records,
					   min(walk->nr - done, QDS_FDSTORE_BATCH));
		if (qds_copy_out(walk->records, (u64)done * sizeof(*records), records,
				 nr * sizeof(*records)))
			return -EFAULT;
		done += nr;
		cond_resched();
	} while (walk->cursor && done < walk->nr);
	walk->nr = done;
	return 0;
}

static int qds_fdstore_walk_prepare(const struct qds_cmd *cmd)
{
	if (cmd->args->fdstore_walk.__reserved)
		return -EOPNOTSUPP;
	return cmd->args->fdstore_walk.nr ? 0 : -EINVAL;
}

static int qds_fdstore_walk(struct qds_cmd *cmd)
{
	struct qds_fdstore_walk *walk = &cmd->args->fdstore_walk;
	struct qds_fdstore_record *records;
	int rc;

	records = kvmalloc_array(min(walk->nr, QDS_FDSTORE_BATCH), sizeof(*records),
				 QDS_GFP);
	if (!records)
		return -ENOMEM;
	rc = qds_fdstore_walk_all(qds_to_fdstore(cmd->object), walk, records);
	kvfree(records);
	return rc ?: qds_respond(cmd);
}

/* The object */

static void qds_fdstore_describe(struct qds_fdstore *store,
				 struct qds_fdstore_info *info)
{
	mutex_lock(&store->lock);
	info->max_entries = store->max_entries;
	info->entries = store->entries;
	info->sockets = store->nr_sockets;
	mutex_unlock(&store->lock);
}

static int qds_fdstore_info(struct qds_cmd *cmd)
{
	qds_fdstore_describe(qds_to_fdstore(cmd->object), &cmd->args->fdstore_info);
	return qds_respond(cmd);
}

/* If that was the last name the reason is gone for which sockets were kept. */
static void qds_fdstore_unlinked(struct qds_object *object)
{
	struct qds_fdstore *store = qds_to_fdstore(object);
	struct qds_stored *stored;

	do {
		mutex_lock(&store->lock);
		stored = NULL;
		if (!qds_object_is_named(object))
			stored = list_first_entry_or_null(&store->sockets,
							  struct qds_stored, socket);
		if (stored)
			qds_fdstore_remove(store, stored);
		mutex_unlock(&store->lock);
		if (stored)
			qds_stored_put(stored);
		cond_resched();
	} while (stored);
}

static void qds_fdstore_release(void *entry, void *arg)
{
	struct qds_stored *stored = entry;

	qds_uncharge(stored->user, QDS_LIMIT_FDS, 1);
	qds_stored_put(stored);
}

static void qds_fdstore_destroy(struct qds_object *object)
{
	struct qds_fdstore *store = qds_to_fdstore(object);

	qds_debugfs_del(object);
	qht_destroy(&store->ht, qds_fdstore_release, NULL);
	mutex_destroy(&store->lock);
	kfree_sensitive(store);
}

static void qds_fdstore_show_size(struct seq_file *m, struct qds_object *object)
{
	struct qds_fdstore_info info;

	qds_fdstore_describe(qds_to_fdstore(object), &info);
	seq_printf(m, "entries %llu sockets %llu", info.entries, info.sockets);
}

static const struct qds_op qds_fdstore_op[] = {
	QDS_OP(QDS_FDSTORE_INFO, struct qds_fdstore_info, sockets,
	       .issue = qds_fdstore_info),
	QDS_OP(QDS_FDSTORE_SAVE, struct qds_fdstore_vec, results,
	       .writes = true,
	       .prepare = qds_fdstore_vec_prepare,
	       .issue = qds_fdstore_save),
	QDS_OP(QDS_FDSTORE_FIND, struct qds_fdstore_vec, results,
	       .writes = true,
	       .prepare = qds_fdstore_vec_prepare,
	       .issue = qds_fdstore_find_fds),
	QDS_OP(QDS_FDSTORE_RESAVE, struct qds_fdstore_vec, results,
	       .writes = true,
	       .prepare = qds_fdstore_vec_prepare,
	       .issue = qds_fdstore_resave),
	QDS_OP(QDS_FDSTORE_DELETE, struct qds_fdstore_vec, results,
	       .writes = true,
	       .prepare = qds_fdstore_vec_prepare,
	       .issue = qds_fdstore_delete),
	QDS_OP(QDS_FDSTORE_WALK, struct qds_fdstore_walk, __reserved,
	       .prepare = qds_fdstore_walk_prepare,
	       .issue = qds_fdstore_walk),
	QDS_OP(QDS_FDSTORE_FIND_OR_SAVE, struct qds_fdstore_vec, results,
	       .writes = true,
	       .prepare = qds_fdstore_vec_prepare,
	       .issue = qds_fdstore_find_or_save),
};

static const struct qds_kind qds_fdstore_kind = {
	.id = QDS_KIND_FDSTORE,
	.name = "[qds-fdstore]",
	.ops = {
		.op = qds_fdstore_op,
		.nr = ARRAY_SIZE(qds_fdstore_op),
		.first = QDS_CMD_FDSTORE_INFO,
	},
	.destroy = qds_fdstore_destroy,
	.unlinked = qds_fdstore_unlinked,
	.show_size = qds_fdstore_show_size,
};

static bool qds_file_is_fdstore(const struct file *file)
{
	return qds_file_is_object(file) &&
	       qds_file_object(file)->kind == &qds_fdstore_kind;
}

int qds_fdstore_create_prepare(const struct qds_cmd *cmd)
{
	return cmd->args->fdstore_create.__reserved ? -EOPNOTSUPP : 0;
}

static struct qds_fdstore *qds_fdstore_alloc(const struct qds_fdstore_create *args)
{
	struct qds_fdstore *store;
	int rc;

	store = kzalloc(sizeof(*store), QDS_GFP);
	if (!store)
		return ERR_PTR(-ENOMEM);
	rc = qds_object_init(&store->object, &qds_fdstore_kind);
	if (rc)
		goto err_free;
	store->max_entries = args->max_entries;
	store->order = RB_ROOT;
	INIT_LIST_HEAD(&store->sockets);
	mutex_init(&store->lock);
	get_random_bytes(&store->secret, sizeof(store->secret));
	rc = qht_init(&store->ht, qds_stored_equal,
		      min(args->max_entries, QDS_FDSTORE_HINT),
		      QHT_AUTO_RESIZE | QHT_AUTO_SHRINK, QDS_GFP);
	if (rc)
		goto err_object;
	qds_debugfs_add(&store->object);
	return store;

err_object:
	qds_object_fini(&store->object);
err_free:
	kfree_sensitive(store);
	return ERR_PTR(rc);
}

int qds_fdstore_create_issue(struct qds_cmd *cmd)
{
	struct qds_fdstore_create *args = &cmd->args->fdstore_create;
	struct qds_fdstore *store = qds_fdstore_alloc(args);

	if (IS_ERR(store))
		return PTR_ERR(store);
	return qds_publish(cmd, &store->object, O_RDWR, &args->out_fd);
}
