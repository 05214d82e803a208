// SPDX-License-Identifier: GPL-2.0
/*
 * Tables: a qht of entries with fixed key and value size.
 *
 * An entry never changes between its insertion and a grace period after its
 * removal, so that lookups copy a value under RCU without a lock.
 *
 * A batch predicts its results with lookups, tells them, and then inserts or
 * removes: see struct qds_vector_ops. No user memory is touched under RCU, and
 * nothing sleeps there.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "qds_private.h"

/* More than this is not allocated ahead, but grown into: 64 MiB of buckets. */
#define QDS_MAX_HINT		(4ULL << 20)
/* Buffers that fit here are not allocated: those of single small entries. */
#define QDS_SMALL_BUFFER	256
/* In qds_table_batch.seen: nobody. */
#define QDS_NOBODY		U16_MAX

static_assert(QDS_BATCH_MAX < QDS_NOBODY);

/**
 * struct qds_table - a table
 * @object: what it is to the device
 * @key_size: bytes of a key
 * @value_size: bytes of a value
 * @secret: of the hash, since users choose keys
 * @max_entries: bound of @entries, 0 for none
 * @ht: struct qds_entry
 * @entries: if there is a bound: entries in @ht and those about to go there
 */
struct qds_table {
	struct qds_object object;
	u32 key_size;
	u32 value_size;
	hsiphash_key_t secret;
	u64 max_entries;
	struct qht ht;
	atomic64_t entries ____cacheline_aligned_in_smp;
};

/**
 * struct qds_entry - an entry
 * @key_size: bytes of the key, until the entry is inserted
 * @rcu: for kfree_rcu(), from its removal on
 * @data: the key, right behind it the value
 */
struct qds_entry {
	union {
		u32 key_size;
		struct rcu_head rcu;
	};
	u8 data[];
};

/* What lookups look for. */
struct qds_key {
	const u8 *data;
	u32 size;
};

/**
 * struct qds_table_batch - a vector of entries
 * @vec: what all vectors have
 * @table: the table
 * @args: the call
 * @keys: keys of the batch
 * @values: values of the batch, if the call has values
 * @hashes: hash of each key
 * @entries: for insertions: the new entry of each element that will be tried
 * @seen: for changes: elements of the batch by their hash, open addressing
 * @seen_mask: size of @seen, a power of two, less one
 */
struct qds_table_batch {
	struct qds_vector vec;
	struct qds_table *table;
	const struct qds_table_vec *args;
	u8 *keys;
	u8 *values;
	u32 *hashes;
	struct qds_entry **entries;
	u16 *seen;
	u32 seen_mask;
};

static struct qds_table *qds_to_table(struct qds_object *object)
{
	return container_of(object, struct qds_table, object);
}

static struct qds_table_batch *qds_to_table_batch(struct qds_vector *vec)
{
	return container_of(vec, struct qds_table_batch, vec);
}

/*
 * qht_insert() compares an entry of the table with the one that is new. Only the
 * latter is surely not being freed, and has its key_size.
 */
static bool qds_entry_equal(const void *entry, const void *key)
{
	const struct qds_entry *old = entry, *new = key;

	return !memcmp(old->data, new->data, new->key_size);
}

static inline bool qds_entry_match(const void *entry, const void *key)
{
	const struct qds_key *wanted = key;

	return !memcmp(((const struct qds_entry *)entry)->data, wanted->data,
		       wanted->size);
}

static struct qds_key qds_batch_key(const struct qds_table_batch *batch, u32 i)
{
	u32 size = batch->table->key_size;

	return (struct qds_key){ batch->keys + (size_t)i * size, size };
}

static u8 *qds_batch_value(const struct qds_table_batch *batch, u32 i)
{
	return batch->values + (size_t)i * batch->args->value_size;
}

/* The caller holds rcu_read_lock() for as long as it uses the entry. */
static struct qds_entry *qds_batch_find(const struct qds_table_batch *batch,
					u32 i)
{
	struct qds_key key = qds_batch_key(batch, i);

	return qht_lookup_custom(&batch->table->ht, &key, batch->hashes[i],
				 qds_entry_match);
}

/*
 * Find the keys from element @from on, QHT_BATCH at most, so that their cache
 * misses overlap. Returns their number. The caller holds rcu_read_lock() for as
 * long as it uses @found.
 */
static u32 qds_batch_find_some(const struct qds_table_batch *batch, u32 from,
			       void **found)
{
	u32 i, n = min(batch->vec.nr - from, QHT_BATCH);
	struct qds_key keys[QHT_BATCH];

	for (i = 0; i < n; i++)
		keys[i] = qds_batch_key(batch, from + i);
	qht_lookup_batch(&batch->table->ht, keys, sizeof(*keys),
			 batch->hashes + from, found, n, qds_entry_match);
	return n;
}

static int qds_batch_read_keys(struct qds_table_batch *batch)
{
	const struct qds_table *table = batch->table;
	size_t size = table->key_size;
	u32 i;
	int rc;

	rc = qds_copy_in(batch->keys, batch->args->keys,
			 (u64)batch->vec.base * size, batch->vec.nr * size);
	if (rc)
		return rc;
	for (i = 0; i < batch->vec.nr; i++)
		batch->hashes[i] = hsiphash(batch->keys + i * size, size,
					    &table->secret);
	return 0;
}

static int qds_batch_read_values(struct qds_table_batch *batch)
{
	size_t size = batch->args->value_size;

	return qds_copy_in(batch->values, batch->args->values,
			   (u64)batch->vec.base * size, batch->vec.nr * size);
}

/* Which keys are there? Those that are get @found for a result, others @missing. */
static void qds_batch_probe(struct qds_table_batch *batch, int found,
			    int missing)
{
	void *entries[QHT_BATCH];
	u32 from, i, n;

	for (from = 0; from < batch->vec.nr; from += n) {
		rcu_read_lock();
		n = qds_batch_find_some(batch, from, entries);
		rcu_read_unlock();
		for (i = 0; i < n; i++)
			batch->vec.res[from + i] = entries[i] ? found : missing;
	}
}

static void qds_batch_forget(struct qds_table_batch *batch)
{
	memset(batch->seen, 0xff, (batch->seen_mask + 1) * sizeof(*batch->seen));
}

/*
 * Where the key of an element is in @seen, or would be. At most half of @seen is
 * in use, so that the search ends.
 */
static u16 *qds_batch_seen(const struct qds_table_batch *batch, u32 i)
{
	struct qds_key key = qds_batch_key(batch, i);
	u32 at = batch->hashes[i];

	for (;; at++) {
		u16 *slot = &batch->seen[at & batch->seen_mask];

		if (*slot == QDS_NOBODY)
			return slot;
		if (batch->hashes[*slot] == batch->hashes[i] &&
		    !memcmp(qds_batch_key(batch, *slot).data, key.data, key.size))
			return slot;
	}
}

static void qds_batch_take_value(const struct qds_table_batch *batch, u32 i,
				 const struct qds_entry *entry)
{
	size_t size = batch->args->value_size;
	u8 *value = qds_batch_value(batch, i);

	batch->vec.res[i] = entry ? 0 : -ENOENT;
	if (entry)
		memcpy(value, entry->data + batch->table->key_size, size);
	else
		memset(value, 0, size);
}

static int qds_table_lookup_predict(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	void *entries[QHT_BATCH];
	u32 from, i, n;
	int rc;

	rc = qds_batch_read_keys(batch);
	if (rc)
		return rc;
	for (from = 0; from < vec->nr; from += n) {
		rcu_read_lock();
		n = qds_batch_find_some(batch, from, entries);
		for (i = 0; i < n; i++)
			qds_batch_take_value(batch, from + i, entries[i]);
		rcu_read_unlock();
	}
	return 0;
}

static int qds_table_lookup_reply(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	size_t size = batch->args->value_size;

	return qds_copy_out(batch->args->values, (u64)vec->base * size,
			    batch->values, vec->good * size);
}

static const struct qds_vector_ops qds_table_lookup_ops = {
	.predict = qds_table_lookup_predict,
	.reply = qds_table_lookup_reply,
};

static struct qds_entry *qds_entry_alloc(const struct qds_table_batch *batch,
					 u32 i)
{
	struct qds_key key = qds_batch_key(batch, i);
	size_t value_size = batch->args->value_size;
	struct qds_entry *entry;

	entry = kmalloc(struct_size(entry, data, key.size + value_size), QDS_GFP);
	if (!entry)
		return NULL;
	entry->key_size = key.size;
	memcpy(entry->data, key.data, key.size);
	memcpy(entry->data + key.size, qds_batch_value(batch, i), value_size);
	return entry;
}

static u64 qds_table_room(struct qds_table *table)
{
	u64 entries;

	if (!table->max_entries)
		return U64_MAX;
	entries = atomic64_read(&table->entries);
	return table->max_entries - min(entries, table->max_entries);
}

/*
 * What an insertion will result in whose key is not in the table. A key that the
 * batch has had before is there when its turn comes, if what comes before goes
 * well; it has an entry of its own to be tried with in case it does not.
 */
static int qds_table_insert_predict_one(struct qds_table_batch *batch, u32 i,
					u64 *room)
{
	u16 *seen = qds_batch_seen(batch, i);
	bool again = *seen != QDS_NOBODY;

	if (!again && !*room)
		return -ENOSPC;
	batch->entries[i] = qds_entry_alloc(batch, i);
	if (!batch->entries[i])
		return -ENOMEM;
	if (again)
		return -EEXIST;
	*seen = i;
	(*room)--;
	return 0;
}

static int qds_table_insert_predict(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	u64 room = qds_table_room(batch->table);
	u32 i;
	int rc;

	memset(batch->entries, 0, vec->nr * sizeof(*batch->entries));
	rc = qds_batch_read_keys(batch);
	if (!rc)
		rc = qds_batch_read_values(batch);
	if (rc)
		return rc;
	qds_batch_probe(batch, -EEXIST, 0);
	qds_batch_forget(batch);
	for (i = 0; i < vec->nr; i++) {
		if (!vec->res[i])
			vec->res[i] = qds_table_insert_predict_one(batch, i,
								   &room);
		if (qds_vector_stops(vec, vec->res[i]))
			break;
	}
	return 0;
}

/*
 * The bound is exact because a place is taken before the insertion and given
 * back after a removal. Insertions that are about to fail hold a place as well,
 * which can make others fail that run at the same time.
 */
static bool qds_table_reserve(struct qds_table *table)
{
	return !table->max_entries ||
	       atomic64_fetch_add_unless(&table->entries, 1,
					 table->max_entries) < table->max_entries;
}

static void qds_table_unreserve(struct qds_table *table)
{
	if (table->max_entries)
		atomic64_dec(&table->entries);
}

static bool qds_batch_has(const struct qds_table_batch *batch, u32 i)
{
	bool found;

	rcu_read_lock();
	found = qds_batch_find(batch, i);
	rcu_read_unlock();
	return found;
}

static int qds_table_insert_one(struct qds_table_batch *batch, u32 i)
{
	struct qds_table *table = batch->table;
	int rc;

	/* A key that is there needs no place, and may have taken the last. */
	if (!qds_table_reserve(table))
		return qds_batch_has(batch, i) ? -EEXIST : -ENOSPC;
	rc = qht_insert(&table->ht, batch->entries[i], batch->hashes[i], NULL,
			QDS_GFP);
	if (rc)
		qds_table_unreserve(table);
	else
		batch->entries[i] = NULL;
	return rc;
}

static int qds_table_insert_commit(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	u32 i;

	for (i = 0; i < vec->good; i++) {
		if (!batch->entries[i])
			continue;
		if (qds_vector_result(vec, i, qds_table_insert_one(batch, i)))
			break;
	}
	return 0;
}

static void qds_table_insert_cleanup(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	u32 i;

	for (i = 0; i < vec->nr; i++)
		kfree(batch->entries[i]);
}

static const struct qds_vector_ops qds_table_insert_ops = {
	.predict = qds_table_insert_predict,
	.commit = qds_table_insert_commit,
	.cleanup = qds_table_insert_cleanup,
};

static int qds_table_remove_predict(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	u32 i;
	int rc;

	rc = qds_batch_read_keys(batch);
	if (rc)
		return rc;
	qds_batch_probe(batch, 0, -ENOENT);
	qds_batch_forget(batch);
	for (i = 0; i < vec->nr; i++) {
		u16 *seen;

		if (vec->res[i])
			continue;
		seen = qds_batch_seen(batch, i);
		if (*seen != QDS_NOBODY)
			vec->res[i] = -ENOENT;
		else
			*seen = i;
	}
	return 0;
}

/*
 * An entry found here may be taken out by another caller before it is by this
 * one; then the key was not there for a moment, and that is the answer.
 */
static int qds_table_remove_one(struct qds_table_batch *batch, u32 i)
{
	struct qds_table *table = batch->table;
	struct qds_entry *entry;
	bool removed;

	rcu_read_lock();
	entry = qds_batch_find(batch, i);
	removed = entry && qht_remove(&table->ht, entry, batch->hashes[i]);
	rcu_read_unlock();
	if (!removed)
		return -ENOENT;
	kfree_rcu(entry, rcu);
	qds_table_unreserve(table);
	return 0;
}

static int qds_table_remove_commit(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	u32 i;

	for (i = 0; i < vec->good; i++) {
		if (vec->res[i])
			continue;
		if (qds_vector_result(vec, i, qds_table_remove_one(batch, i)))
			break;
	}
	return 0;
}

static const struct qds_vector_ops qds_table_remove_ops = {
	.predict = qds_table_remove_predict,
	.commit = qds_table_remove_commit,
};

/* An upper bound: @seen has less than four slots for each element. */
static size_t qds_element_size(const struct qds_table_batch *batch)
{
	return sizeof(*batch->entries) + sizeof(*batch->hashes) +
	       sizeof(*batch->vec.res) + 4 * sizeof(*batch->seen) +
	       batch->table->key_size + batch->args->value_size;
}

/* Lay the arrays of a batch out, in the order of their alignment. */
static void qds_batch_layout(struct qds_table_batch *batch, void *buffer)
{
	u32 nr = batch->vec.batch, slots = roundup_pow_of_two(2 * nr);

	batch->entries = buffer;
	batch->hashes = (u32 *)(batch->entries + nr);
	batch->vec.res = (s32 *)(batch->hashes + nr);
	batch->seen = (u16 *)(batch->vec.res + nr);
	batch->seen_mask = slots - 1;
	batch->keys = (u8 *)(batch->seen + slots);
	batch->values = batch->keys + (size_t)nr * batch->table->key_size;
}

static int qds_table_vec_run(struct qds_cmd *cmd,
			     const struct qds_vector_ops *ops)
{
	struct qds_table_vec __user *user = cmd->user;
	struct qds_table_batch batch = {
		.table = qds_to_table(cmd->object),
		.args = &cmd->args->table_vec,
	};
	u64 small[QDS_SMALL_BUFFER / sizeof(u64)];
	void *buffer = small;
	size_t size;
	int rc;

	size = qds_element_size(&batch);
	rc = qds_vector_start(&batch.vec, ops, batch.args->nr,
			      QDS_BOUNCE_SIZE / size, batch.args->results,
			      &user->done);
	if (rc)
		return rc;
	size *= batch.vec.batch;
	if (size > sizeof(small)) {
		buffer = kvmalloc(size, QDS_GFP);
		if (!buffer)
			return -ENOMEM;
	}
	qds_batch_layout(&batch, buffer);
	rc = qds_vector_run(&batch.vec);
	if (buffer != small)
		kvfree(buffer);
	return rc;
}

/* What holds for all vectors of entries. */
static int qds_table_vec_prepare(const struct qds_cmd *cmd, u32 value_size)
{
	const struct qds_table_vec *args = &cmd->args->table_vec;

	if (!args->nr ||
	    args->key_size != qds_to_table(cmd->object)->key_size ||
	    args->value_size != value_size)
		return -EINVAL;
	return 0;
}

static int qds_table_insert_prepare(const struct qds_cmd *cmd)
{
	u32 value_size = qds_to_table(cmd->object)->value_size;

	if (value_size && !cmd->args->table_vec.values)
		return -EINVAL;
	return qds_table_vec_prepare(cmd, value_size);
}

static int qds_table_insert(struct qds_cmd *cmd)
{
	return qds_table_vec_run(cmd, &qds_table_insert_ops);
}

static int qds_table_lookup_prepare(const struct qds_cmd *cmd)
{
	u32 value_size = qds_to_table(cmd->object)->value_size;

	return qds_table_vec_prepare(cmd, cmd->args->table_vec.values ?
					  value_size : 0);
}

static int qds_table_lookup(struct qds_cmd *cmd)
{
	return qds_table_vec_run(cmd, &qds_table_lookup_ops);
}

static int qds_table_remove_prepare(const struct qds_cmd *cmd)
{
	if (cmd->args->table_vec.values)
		return -EINVAL;
	return qds_table_vec_prepare(cmd, 0);
}

static int qds_table_remove(struct qds_cmd *cmd)
{
	return qds_table_vec_run(cmd, &qds_table_remove_ops);
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
	qht_destroy(&table->ht, qds_entry_release, NULL);
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
};

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
	qds_object_init(&table->object, &qds_table_kind);
	table->key_size = args->key_size;
	table->value_size = args->value_size;
	table->max_entries = args->max_entries;
	get_random_bytes(&table->secret, sizeof(table->secret));
	rc = qht_init(&table->ht, qds_entry_equal,
		      min(args->size_hint, QDS_MAX_HINT),
		      QHT_AUTO_RESIZE | QHT_AUTO_SHRINK, QDS_GFP);
	if (rc) {
		kfree_sensitive(table);
		return ERR_PTR(rc);
	}
	qds_debugfs_add(&table->object);
	return table;
}

int qds_table_create_issue(struct qds_cmd *cmd)
{
	struct qds_table_create *args = &cmd->args->table_create;
	struct qds_table *table = qds_table_alloc(args);

	if (IS_ERR(table))
		return PTR_ERR(table);
	return qds_publish(cmd, &table->object, O_RDWR, &args->out_fd);
}
