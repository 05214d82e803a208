// SPDX-License-Identifier: GPL-2.0
/*
 * Names: who waits for one to be published or to go, by an eventfd.
 *
 * The watches are in one list (watch.c), in which names.c tells of each name, and in
 * the list of the open file of /dev/qds by which they were made, which removes them
 * when it is closed. Nobody else removes one.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "names.h"
#include "qds_private.h"
#include "watch.h"

/* Watches of an open file. */
#define QDS_NAME_WATCHES_MAX	256

/**
 * struct qds_name_watcher - a name, or any, that somebody waits for
 * @watch: in the list of all
 * @node: in the list of the file
 * @ctx: to be told
 * @events: of what
 * @key: of which name; any, if its length is 0
 */
struct qds_name_watcher {
	struct qds_watch watch;
	struct list_head node;
	struct eventfd_ctx *ctx;
	u32 events;
	struct qds_name_key key;
};

/* What happened to which name. */
struct qds_name_event {
	u32 event;
	const struct qds_name_key *key;
};

static struct qds_watchers qds_name_watchers;

static bool qds_name_same(const struct qds_name_key *a, const struct qds_name_key *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static void qds_name_watch_tell(struct qds_watch *watch, const void *what)
{
	const struct qds_name_watcher *mine = container_of(watch, struct qds_name_watcher,
							 watch);
	const struct qds_name_event *event = what;

	if ((mine->events & event->event) &&
	    (!mine->key.len || qds_name_same(&mine->key, event->key)))
		qds_eventfd_signal(mine->ctx);
}

static void qds_name_watch_release(struct qds_watch *watch)
{
	struct qds_name_watcher *mine = container_of(watch, struct qds_name_watcher, watch);

	eventfd_ctx_put(mine->ctx);
	kfree(mine);
}

static const struct qds_watch_ops qds_name_watch_ops = {
	.tell = qds_name_watch_tell,
	.release = qds_name_watch_release,
};

/**
 * qds_names_tell() - tell those who wait for a name
 * @event: QDS_NAME_PUBLISHED or QDS_NAME_UNLINKED
 * @key: the name
 *
 * Context: Process; sleeps if anybody waits.
 */
void qds_names_tell(u32 event, const struct qds_name_key *key)
{
	const struct qds_name_event what = { .event = event, .key = key };

	qds_watchers_tell(&qds_name_watchers, &what);
}

/**
 * qds_name_watches_init() - a file of the device by which nobody watches yet
 * @watches: the file's
 */
void qds_name_watches_init(struct qds_name_watches *watches)
{
	mutex_init(&watches->lock);
	INIT_LIST_HEAD(&watches->list);
	watches->nr = 0;
}

static void qds_name_unwatch(struct qds_name_watches *watches,
			     struct qds_name_watcher *watch)
{
	list_del(&watch->node);
	watches->nr--;
	qds_watch_remove(&qds_name_watchers, &watch->watch);
}

/**
 * qds_name_watches_exit() - the file is closed
 * @watches: the file's
 *
 * Context: Process; sleeps.
 */
void qds_name_watches_exit(struct qds_name_watches *watches)
{
	struct qds_name_watcher *watch, *next;

	list_for_each_entry_safe(watch, next, &watches->list, node)
		qds_name_unwatch(watches, watch);
	mutex_destroy(&watches->lock);
}

int qds_name_watch_prepare(const struct qds_cmd *cmd)
{
	const struct qds_name_watch *args = &cmd->args->name_watch;

	if (args->__reserved ||
	    args->events & ~(QDS_NAME_PUBLISHED | QDS_NAME_UNLINKED))
		return -EOPNOTSUPP;
	if (!args->events != !!(args->flags & QDS_WATCH_REMOVE))
		return -EINVAL;
	return args->name_len ? qds_name_check(args->name_len) : 0;
}

static struct qds_name_watcher *
qds_name_watch_find(const struct qds_name_watches *watches,
		    const struct qds_name_watcher *like)
{
	struct qds_name_watcher *watch;

	list_for_each_entry(watch, &watches->list, node)
		if (watch->ctx == like->ctx && qds_name_same(&watch->key, &like->key))
			return watch;
	return NULL;
}

/* Consumes @watch and its reference of an eventfd if it returns 0. */
static int qds_name_watch_set(struct qds_name_watches *watches,
			      struct qds_name_watcher *watch)
{
	struct qds_name_watcher *old = qds_name_watch_find(watches, watch);

	if (!old && watches->nr == QDS_NAME_WATCHES_MAX)
		return -ENOSPC;
	list_add(&watch->node, &watches->list);
	watches->nr++;
	qds_watch_add(&qds_name_watchers, &watch->watch);
	if (old)
		qds_name_unwatch(watches, old);
	return 0;
}

static int qds_name_watch_remove(struct qds_name_watches *watches,
				 const struct qds_name_watcher *like)
{
	struct qds_name_watcher *old = qds_name_watch_find(watches, like);

	if (!old)
		return -ENOENT;
	qds_name_unwatch(watches, old);
	return 0;
}

int qds_name_watch(struct qds_cmd *cmd)
{
	const struct qds_name_watch *args = &cmd->args->name_watch;
	struct qds_name_watches *watches = cmd->file->private_data;
	bool remove = args->flags & QDS_WATCH_REMOVE;
	struct qds_name_watcher *watch;
	int rc;

	watch = kzalloc(sizeof(*watch), QDS_GFP);
	if (!watch)
		return -ENOMEM;
	watch->watch.ops = &qds_name_watch_ops;
	watch->events = args->events;
	rc = args->name_len ? qds_name_read(args->name, args->name_len, &watch->key) : 0;
	if (rc)
		goto err_free;
	watch->ctx = eventfd_ctx_fdget(args->eventfd);
	rc = PTR_ERR_OR_ZERO(watch->ctx);
	if (rc)
		goto err_free;
	rc = mutex_lock_killable(&watches->lock);
	if (rc)
		goto err_put;
	if (remove)
		rc = qds_name_watch_remove(watches, watch);
	else
		rc = qds_name_watch_set(watches, watch);
	mutex_unlock(&watches->lock);
	if (!rc && !remove)
		return 0;
err_put:
	eventfd_ctx_put(watch->ctx);
err_free:
	kfree(watch);
	return rc;
}

/**
 * qds_names_watch_init() - make ready for those who wait
 *
 * Context: Process.
 */
void qds_names_watch_init(void)
{
	qds_watchers_init(&qds_name_watchers);
}
