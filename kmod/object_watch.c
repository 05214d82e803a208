// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: who waits for how much there is in them, by poll(2) or by an eventfd.
 *
 * A kind says what is watched of an object, its amount: of a bitmap the dirty items,
 * of a table the entries. A threshold is a watch (watch.c) that tells when the amount
 * has come up to it, and again when it has been below in between; who polls has one,
 * and each eventfd.
 *
 * Whoever changes the amount calls qds_object_changed() afterwards. If nobody watches,
 * that is a load and a branch. Else he looks at the amount under gauge->lock, after
 * all who did so before, and so tells everybody whom those have not told. He walks
 * over the thresholds only if one can have been crossed: all that are not reached are
 * at gauge->rise or above, all that are reached at gauge->fall or below. A walk finds
 * both anew; while there is one, everybody walks.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "compat.h"
#include "qds_private.h"

/* Eventfds of a descriptor. */
#define QDS_WATCHES_MAX		64

/**
 * struct qds_threshold - an amount that somebody waits for
 * @watch: in the list of the object
 * @object: it; whoever walks, or has the file, has a reference
 * @refs: one of the file, and one while @watch is in the list
 * @amount: how much, under gauge->lock
 * @reached: as much was there when somebody last looked, under gauge->lock
 * @once: to be told one time
 * @ctx: to be told, or NULL: those who poll
 * @node: in the list of the file
 */
struct qds_threshold {
	struct qds_watch watch;
	struct qds_object *object;
	refcount_t refs;
	u64 amount;
	bool reached;
	bool once;
	struct eventfd_ctx *ctx;
	struct list_head node;
};

static struct qds_threshold *qds_to_threshold(struct qds_watch *watch)
{
	return container_of(watch, struct qds_threshold, watch);
}

static void qds_threshold_put(struct qds_threshold *threshold)
{
	if (!refcount_dec_and_test(&threshold->refs))
		return;
	if (threshold->ctx)
		eventfd_ctx_put(threshold->ctx);
	kfree(threshold);
}

static void qds_threshold_release(struct qds_watch *watch)
{
	qds_threshold_put(qds_to_threshold(watch));
}

/* Is it reached, and was it not before? Under gauge->lock. */
static bool qds_threshold_crossed(struct qds_threshold *threshold)
{
	struct qds_object *object = threshold->object;
	struct qds_gauge *gauge = &object->gauge;
	bool before = threshold->reached;

	threshold->reached = object->kind->amount(object) >= threshold->amount;
	if (threshold->reached)
		gauge->fall = max(gauge->fall, threshold->amount);
	else
		gauge->rise = min(gauge->rise, threshold->amount);
	return threshold->reached && !before;
}

/* A threshold that is for one time removes itself, in the middle of the walk. */
static void qds_threshold_signal(struct qds_threshold *threshold)
{
	struct qds_gauge *gauge = &threshold->object->gauge;

	if (!threshold->ctx) {
		/*
		 * All of them: each waits for an amount of its own, so that one who wants
		 * to be woken alone may not be the one whose it is.
		 */
		__wake_up(&gauge->wait, TASK_NORMAL, 0,
			  poll_to_key(EPOLLIN | EPOLLRDNORM));
		return;
	}
	if (threshold->once && !qds_watch_remove(&gauge->watchers, &threshold->watch))
		return;
	qds_eventfd_signal(threshold->ctx);
}

/* Look whether to tell, as if it had not been told if @again, and do. */
static void qds_threshold_look(struct qds_threshold *threshold, bool again)
{
	struct qds_gauge *gauge = &threshold->object->gauge;
	bool crossed;

	spin_lock(&gauge->lock);
	if (again)
		threshold->reached = false;
	crossed = qds_threshold_crossed(threshold);
	spin_unlock(&gauge->lock);
	if (crossed)
		qds_threshold_signal(threshold);
}

static void qds_threshold_tell(struct qds_watch *watch, const void *what)
{
	const bool *again = what;

	qds_threshold_look(qds_to_threshold(watch), *again);
}

static const struct qds_watch_ops qds_threshold_ops = {
	.tell = qds_threshold_tell,
	.release = qds_threshold_release,
};

/* With a reference for the file. */
static struct qds_threshold *qds_threshold_alloc(struct qds_object *object, u64 amount)
{
	struct qds_threshold *threshold = kzalloc(sizeof(*threshold), QDS_GFP);

	if (!threshold)
		return NULL;
	threshold->watch.ops = &qds_threshold_ops;
	threshold->object = object;
	threshold->amount = amount;
	refcount_set(&threshold->refs, 1);
	INIT_LIST_HEAD(&threshold->node);
	return threshold;
}

/* From here on it is looked at; the caller looks first. Under the file's watch_lock. */
static void qds_threshold_add(struct qds_threshold *threshold)
{
	refcount_inc(&threshold->refs);
	qds_watch_add(&threshold->object->gauge.watchers, &threshold->watch);
}

/* The object */

/**
 * qds_gauge_init() - nobody watches an object yet
 * @gauge: the object's
 */
void qds_gauge_init(struct qds_gauge *gauge)
{
	qds_watchers_init(&gauge->watchers);
	init_waitqueue_head(&gauge->wait);
	spin_lock_init(&gauge->lock);
	gauge->rise = U64_MAX;
	gauge->fall = 0;
	gauge->walks = 0;
}

/* Has a threshold been crossed? Then the caller walks. */
static bool qds_gauge_begin(struct qds_object *object, bool again)
{
	struct qds_gauge *gauge = &object->gauge;
	bool walks = again || gauge->walks;
	u64 amount;

	lockdep_assert_held(&gauge->lock);
	if (!walks) {
		amount = object->kind->amount(object);
		walks = amount >= gauge->rise || amount < gauge->fall;
	}
	if (walks && !gauge->walks++) {
		gauge->rise = U64_MAX;
		gauge->fall = 0;
	}
	return walks;
}

/**
 * __qds_object_changed() - qds_object_changed() where somebody watches
 * @object: the object
 * @again: tell those again who were told before, if it still holds
 *
 * Context: Process; sleeps.
 */
void __qds_object_changed(struct qds_object *object, bool again)
{
	struct qds_gauge *gauge = &object->gauge;
	bool walks;

	spin_lock(&gauge->lock);
	walks = qds_gauge_begin(object, again);
	spin_unlock(&gauge->lock);
	if (!walks)
		return;
	__qds_watchers_tell(&gauge->watchers, &again);
	spin_lock(&gauge->lock);
	gauge->walks--;
	spin_unlock(&gauge->lock);
}

/* The file */

/**
 * qds_file_watch_init() - get a file ready for those who will watch by it
 * @private: the file's; its object is set
 *
 * Context: Process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int qds_file_watch_init(struct qds_file *private)
{
	mutex_init(&private->watch_lock);
	INIT_LIST_HEAD(&private->watches);
	private->polled = false;
	private->poll = qds_threshold_alloc(private->object, 1);
	return private->poll ? 0 : -ENOMEM;
}

/**
 * qds_file_watch_exit() - nobody watches by a file any more
 * @private: the file's
 *
 * Context: Process; sleeps.
 */
void qds_file_watch_exit(struct qds_file *private)
{
	struct qds_watchers *watchers = &private->object->gauge.watchers;
	struct qds_threshold *threshold, *next;

	list_for_each_entry_safe(threshold, next, &private->watches, node) {
		qds_watch_remove(watchers, &threshold->watch);
		qds_threshold_put(threshold);
	}
	if (private->polled)
		qds_watch_remove(watchers, &private->poll->watch);
	qds_threshold_put(private->poll);
	mutex_destroy(&private->watch_lock);
}

/**
 * qds_file_poll_amount() - say what poll() by a file waits for
 * @private: the file's
 * @amount: how much
 *
 * Context: Process.
 */
void qds_file_poll_amount(struct qds_file *private, u64 amount)
{
	struct qds_gauge *gauge = &private->object->gauge;

	spin_lock(&gauge->lock);
	private->poll->amount = amount;
	spin_unlock(&gauge->lock);
	/* Others may be in poll() with this file. */
	qds_threshold_look(private->poll, true);
}

/**
 * qds_object_poll() - poll() of an object's file
 * @file: the file
 * @wait: of poll()
 *
 * The first one by a file makes that it is told, which can take a grace period.
 *
 * Context: Process; sleeps.
 * Return: EPOLLIN | EPOLLRDNORM while there is as much as the file waits for.
 */
__poll_t qds_object_poll(struct file *file, poll_table *wait)
{
	struct qds_file *private = file->private_data;
	struct qds_gauge *gauge = &private->object->gauge;
	bool reached;

	if (!private->object->kind->amount)
		return DEFAULT_POLLMASK;
	/* First in the queue, then the look: whoever tells does it the other way round. */
	poll_wait(file, &gauge->wait, wait);
	/* Pairs with the store below: whoever finds it need not wait until it is told. */
	if (!smp_load_acquire(&private->polled)) {
		mutex_lock(&private->watch_lock);
		if (!private->polled) {
			qds_threshold_add(private->poll);
			/* It is told of changes from here on: pairs with the load above. */
			smp_store_release(&private->polled, true);
		}
		mutex_unlock(&private->watch_lock);
	}
	/* If this look is the one that finds it reached, others in poll() need to know. */
	qds_threshold_look(private->poll, false);
	spin_lock(&gauge->lock);
	reached = private->poll->reached;
	spin_unlock(&gauge->lock);
	return reached ? EPOLLIN | EPOLLRDNORM : 0;
}

/* The command */

/**
 * qds_object_watch_prepare() - check a QDS_OBJECT_WATCH
 * @cmd: the call
 *
 * Return: 0 or an errno of the ABI.
 */
int qds_object_watch_prepare(const struct qds_cmd *cmd)
{
	const struct qds_object_watch *args = &cmd->args->object_watch;

	if (!cmd->object->kind->amount)
		return -ENOTTY;
	if (args->events & ~QDS_EVENT_REACHED)
		return -EOPNOTSUPP;
	if (args->eventfd < -1)
		return -EBADF;
	if (args->flags & QDS_WATCH_REMOVE)
		return args->flags != QDS_WATCH_REMOVE || args->events ||
		       args->amount || args->eventfd < 0 ? -EINVAL : 0;
	if (!args->events || !args->amount || (args->eventfd < 0 && args->flags))
		return -EINVAL;
	return 0;
}

/*
 * The threshold of an eventfd, if it has one; those that have removed themselves are
 * taken out on the way, and the others are counted. Under watch_lock.
 */
static struct qds_threshold *qds_file_find(struct qds_file *private,
					   const struct eventfd_ctx *ctx, unsigned int *nr)
{
	struct qds_threshold *threshold, *next, *found = NULL;

	*nr = 0;
	list_for_each_entry_safe(threshold, next, &private->watches, node) {
		if (READ_ONCE(threshold->watch.removed)) {
			list_del(&threshold->node);
			qds_threshold_put(threshold);
			continue;
		}
		if (threshold->ctx == ctx)
			found = threshold;
		++*nr;
	}
	return found;
}

/* True if this removed it; false if it had removed itself. */
static bool qds_file_unwatch(struct qds_file *private, struct qds_threshold *threshold)
{
	bool first;

	list_del(&threshold->node);
	first = qds_watch_remove(&private->object->gauge.watchers, &threshold->watch);
	qds_threshold_put(threshold);
	return first;
}

/* A reference of @ctx goes to the threshold if there is a new one. Under watch_lock. */
static int qds_file_watch(struct qds_file *private, struct eventfd_ctx *ctx,
			  const struct qds_object_watch *args)
{
	struct qds_threshold *threshold, *old;
	unsigned int nr;

	old = qds_file_find(private, ctx, &nr);
	if (args->flags & QDS_WATCH_REMOVE)
		return old && qds_file_unwatch(private, old) ? 0 : -ENOENT;
	if (!old && nr == QDS_WATCHES_MAX)
		return -ENOSPC;
	threshold = qds_threshold_alloc(private->object, args->amount);
	if (!threshold)
		return -ENOMEM;
	threshold->once = args->flags & QDS_WATCH_ONCE;
	threshold->ctx = ctx;
	list_add(&threshold->node, &private->watches);
	qds_threshold_add(threshold);
	if (old)
		qds_file_unwatch(private, old);
	qds_threshold_look(threshold, false);
	return 1;
}

/**
 * qds_object_watch() - QDS_OBJECT_WATCH
 * @cmd: the call
 *
 * Context: Process; sleeps.
 * Return: 0 or an errno of the ABI.
 */
int qds_object_watch(struct qds_cmd *cmd)
{
	const struct qds_object_watch *args = &cmd->args->object_watch;
	struct qds_file *private = cmd->file->private_data;
	struct eventfd_ctx *ctx;
	int rc;

	if (args->eventfd < 0) {
		qds_file_poll_amount(private, args->amount);
		return 0;
	}
	ctx = eventfd_ctx_fdget(args->eventfd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	rc = mutex_lock_killable(&private->watch_lock);
	if (!rc) {
		rc = qds_file_watch(private, ctx, args);
		mutex_unlock(&private->watch_lock);
	}
	if (rc > 0)
		return 0;
	eventfd_ctx_put(ctx);
	return rc;
}
