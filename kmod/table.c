// SPDX-License-Identifier: GPL-2.0
/*
 * Tables: a qht of entries, whose keys and values have one size or lengths of their
 * own.
 *
 * An entry never changes between its insertion and a grace period after its
 * removal, so that lookups copy a value under RCU without a lock.
 *
 * Who inserts or removes holds table->state_lock for reading around a batch; who seals
 * the table holds it for writing, and so waits for them. It is a
 * percpu_rw_semaphore: a batch pays an increment and a decrement of a counter of its
 * CPU, and no shared cacheline. RCU would not do, since insertions sleep for memory;
 * SRCU would, but has a full barrier at each end. It is never held while user memory is
 * touched, so that whoever seals waits for the kernel alone. Lookups and walks do not
 * know of it.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/minmax.h>
#include <linux/percpu-rwsem.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "limits.h"
#include "table_private.h"

/* More than this is not allocated ahead, but grown into: 64 MiB of buckets. */
#define QDS_MAX_HINT		(4ULL << 20)

/**
 * qds_table_enter() - begin to insert or remove
 * @table: the table
 *
 * Context: Process; sleeps. Takes state_lock for reading.
 * Return: 0, and the table is not sealed until qds_table_leave(); or -EPERM.
 */
int qds_table_enter(struct qds_table *table)
{
	percpu_down_read(&table->state_lock);
	if (likely(!table->sealed))
		return 0;
	percpu_up_read(&table->state_lock);
	return -EPERM;
}

/**
 * qds_table_leave() - end what qds_table_enter() began
 * @table: the table
 */
void qds_table_leave(struct qds_table *table)
{
	percpu_up_read(&table->state_lock);
}

static int qds_table_seal(struct qds_cmd *cmd)
{
	struct qds_table *table = qds_to_table(cmd->object);

	if (READ_ONCE(table->sealed))
		return 0;
	percpu_down_write(&table->state_lock);
	WRITE_ONCE(table->sealed, true);
	percpu_up_write(&table->state_lock);
	return 0;
}

const struct qht *qds_table_ht(const struct qds_object *object)
{
	return &container_of(object, struct qds_table, object)->ht;
}

/* Fill in what QDS_TABLE_INFO answers. */
void qds_table_describe(struct qds_object *object, struct qds_table_info *info)
{
	struct qds_table *table = qds_to_table(object);

	info->key_size = table->key_size;
	info->value_size = table->value_size;
	info->entries = qht_count(&table->ht);
	info->max_entries = table->max_entries;
	info->buckets = qht_buckets(&table->ht);
	info->state = READ_ONCE(table->sealed) ? QDS_TABLE_SEALED : QDS_TABLE_ACTIVE;
	info->create_flags = table->varlen ? QDS_TABLE_VARLEN : 0;
}

static int qds_table_info(struct qds_cmd *cmd)
{
	qds_table_describe(cmd->object, &cmd->args->table_info);
	return qds_respond(cmd);
}

static void qds_entry_release(void *entry, void *arg)
{
	kfree(entry);
}

static void qds_table_destroy(struct qds_object *object)
{
	struct qds_table *table = qds_to_table(object);

	qds_debugfs_del(object);
	if (table->charged)
		qds_uncharge(object->user, QDS_LIMIT_ENTRIES, qht_count(&table->ht));
	qht_destroy(&table->ht, qds_entry_release, NULL);
	percpu_free_rwsem(&table->state_lock);
	kfree_sensitive(table);
}

static const struct qds_op qds_table_op[] = {
	QDS_OP(QDS_TABLE_INFO, struct qds_table_info, buckets,
	       .issue = qds_table_info),
	QDS_OP(QDS_TABLE_INSERT, struct qds_table_vec, results,
	       .writes = true,
	       .prepare = qds_table_insert_prepare,
	       .issue = qds_table_insert),
	QDS_OP(QDS_TABLE_LOOKUP, struct qds_table_vec, results,
	       .prepare = qds_table_lookup_prepare,
	       .issue = qds_table_lookup),
	QDS_OP(QDS_TABLE_REMOVE, struct qds_table_vec, results,
	       .writes = true,
	       .prepare = qds_table_remove_prepare,
	       .issue = qds_table_remove),
	QDS_OP(QDS_TABLE_STATS, struct qds_table_stats, occupancy_nr,
	       .issue = qds_table_stats),
	QDS_OP(QDS_TABLE_WALK, struct qds_table_walk, __reserved,
	       .prepare = qds_table_walk_prepare,
	       .issue = qds_table_walk),
	QDS_OP(QDS_TABLE_SEAL, struct qds_table_seal, flags,
	       .writes = true,
	       .issue = qds_table_seal),
};

static u64 qds_table_amount(const struct qds_object *object)
{
	return qht_count(qds_table_ht(object));
}

static const struct qds_kind qds_table_kind = {
	.id = QDS_KIND_TABLE,
	.name = "[qds-table]",
	.ops = {
		.op = qds_table_op,
		.nr = ARRAY_SIZE(qds_table_op),
		.first = QDS_CMD_TABLE_INFO,
	},
	.destroy = qds_table_destroy,
	.show = qds_table_show,
	.show_size = qds_table_show_size,
	.amount = qds_table_amount,
};

int qds_table_create_prepare(const struct qds_cmd *cmd)
{
	const struct qds_table_create *args = &cmd->args->table_create;

	if (args->__reserved)
		return -EOPNOTSUPP;
	if (!args->key_size)
		return -EINVAL;
	if (args->key_size > QDS_MAX_KEY_SIZE ||
	    args->value_size > QDS_MAX_VALUE_SIZE ||
	    args->max_entries > QDS_MAX_TABLE_ENTRIES ||
	    args->size_hint > QDS_MAX_TABLE_ENTRIES)
		return -EFBIG;
	return 0;
}

static struct qds_table *qds_table_alloc(const struct qds_table_create *args)
{
	struct qds_table *table;
	int rc;

	table = kzalloc(sizeof(*table), QDS_GFP);
	if (!table)
		return ERR_PTR(-ENOMEM);
	rc = qds_object_init(&table->object, &qds_table_kind);
	if (rc)
		goto err_free;
	table->key_size = args->key_size;
	table->value_size = args->value_size;
	table->varlen = args->flags & QDS_TABLE_VARLEN;
	table->max_entries = args->max_entries;
	table->charged = qds_limit(QDS_LIMIT_ENTRIES);
	get_random_bytes(&table->secret, sizeof(table->secret));
	get_random_bytes(&table->cursor_secret, sizeof(table->cursor_secret));
	rc = percpu_init_rwsem(&table->state_lock);
	if (rc)
		goto err_object;
	rc = qht_init(&table->ht,
		      table->varlen ? qds_var_entry_equal : qds_entry_equal,
		      min(args->size_hint, QDS_MAX_HINT),
		      QHT_AUTO_RESIZE | QHT_AUTO_SHRINK, QDS_GFP);
	if (rc)
		goto err_lock;
	qds_debugfs_add(&table->object);
	return table;

err_lock:
	percpu_free_rwsem(&table->state_lock);
err_object:
	qds_object_fini(&table->object);
err_free:
	kfree_sensitive(table);
	return ERR_PTR(rc);
}

int qds_table_create_issue(struct qds_cmd *cmd)
{
	struct qds_table_create *args = &cmd->args->table_create;
	struct qds_table *table = qds_table_alloc(args);

	if (IS_ERR(table))
		return PTR_ERR(table);
	return qds_publish(cmd, &table->object, O_RDWR, &args->out_fd);
}
