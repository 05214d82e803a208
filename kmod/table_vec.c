// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors of entries: insert, lookup, remove.
 *
 * A batch predicts its results with lookups, tells them, and then inserts or
 * removes: see struct qds_vector_ops. No user memory is touched under RCU, and
 * nothing sleeps there.
 *
 * Where lengths vary, the arrays of the call have a stride, and each element a length
 * of its own. One with a length that cannot be is refused alone: qds_batch_read_keys()
 * and qds_batch_read_values() give its key the length 0, which no entry has.
 */
#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "limits.h"
#include "table_private.h"

/* Buffers that fit here are not allocated: those of single small entries. */
#define QDS_SMALL_BUFFER	256
/* In qds_table_batch.seen: nobody. */
#define QDS_NOBODY		U16_MAX

static_assert(QDS_BATCH_MAX < QDS_NOBODY);
static_assert(QDS_MAX_KEY_SIZE <= U16_MAX && QDS_MAX_VALUE_SIZE <= U16_MAX);

/**
 * struct qds_table_batch - a vector of entries
 * @vec: what all vectors have
 * @table: the table
 * @args: the call
 * @keys: keys of the batch
 * @values: values of the batch, if the call has values
 * @hashes: hash of each key
 * @key_lens: length of each key, 0 if the element is refused; NULL if all are alike
 * @value_lens: length of each value, likewise
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
	u32 *key_lens;
	u32 *value_lens;
	struct qds_entry **entries;
	u16 *seen;
	u32 seen_mask;
};

static struct qds_table_batch *qds_to_table_batch(struct qds_vector *vec)
{
	return container_of(vec, struct qds_table_batch, vec);
}

/**
 * qds_entry_equal() - do two entries of a table with fixed lengths have one key?
 * @entry: one that is in the table
 * @key: one that is new
 *
 * qht_insert() compares an entry of the table with the one that is new. Only the
 * latter is surely not being freed, and has its key_size.
 */
bool qds_entry_equal(const void *entry, const void *key)
{
	const struct qds_entry *old = entry, *new = key;

	return !memcmp(old->data, new->data, new->key_size);
}

/**
 * qds_var_entry_equal() - the same where lengths vary
 * @entry: one that is in the table
 * @key: one that is new
 */
bool qds_var_entry_equal(const void *entry, const void *key)
{
	const struct qds_lens *old = qds_entry_lens(entry);
	const struct qds_lens *new = qds_entry_lens(key);

	return old->key == new->key && !memcmp(old + 1, new + 1, new->key);
}

static inline bool qds_entry_match(const void *entry, const void *key)
{
	const struct qds_bytes *wanted = key;

	return !memcmp(((const struct qds_entry *)entry)->data, wanted->data,
		       wanted->size);
}

static inline bool qds_var_entry_match(const void *entry, const void *key)
{
	const struct qds_lens *lens = qds_entry_lens(entry);
	const struct qds_bytes *wanted = key;

	return lens->key == wanted->size &&
	       !memcmp(lens + 1, wanted->data, wanted->size);
}

/* @varlen is a constant, so that tables with fixed lengths pay nothing for it. */
static __always_inline struct qds_bytes
qds_batch_key_as(const struct qds_table_batch *batch, u32 i, bool varlen)
{
	u32 stride = batch->args->key_size;

	return (struct qds_bytes){
		.data = batch->keys + (size_t)i * stride,
		.size = varlen ? batch->key_lens[i] : stride,
	};
}

static struct qds_bytes qds_batch_key(const struct qds_table_batch *batch, u32 i)
{
	return qds_batch_key_as(batch, i, batch->key_lens);
}

static u8 *qds_batch_value(const struct qds_table_batch *batch, u32 i)
{
	return batch->values + (size_t)i * batch->args->value_size;
}

static bool qds_batch_refuses(const struct qds_table_batch *batch, u32 i)
{
	return batch->key_lens && !batch->key_lens[i];
}

/* The caller holds rcu_read_lock() for as long as it uses the entry. */
static struct qds_entry *qds_batch_find(const struct qds_table_batch *batch,
					u32 i)
{
	struct qds_bytes key = qds_batch_key(batch, i);

	if (batch->key_lens)
		return qht_lookup_custom(&batch->table->ht, &key, batch->hashes[i],
					 qds_var_entry_match);
	return qht_lookup_custom(&batch->table->ht, &key, batch->hashes[i],
				 qds_entry_match);
}

static __always_inline u32
qds_batch_find_as(const struct qds_table_batch *batch, u32 from, void **found,
		  bool varlen)
{
	u32 i, n = min(batch->vec.nr - from, QHT_BATCH);
	struct qds_bytes keys[QHT_BATCH];

	for (i = 0; i < n; i++)
		keys[i] = qds_batch_key_as(batch, from + i, varlen);
	qht_lookup_batch(&batch->table->ht, keys, sizeof(*keys),
			 batch->hashes + from, found, n,
			 varlen ? qds_var_entry_match : qds_entry_match);
	return n;
}

static noinline u32 qds_batch_find_var(const struct qds_table_batch *batch,
				       u32 from, void **found)
{
	return qds_batch_find_as(batch, from, found, true);
}

/*
 * Find the keys from element @from on, QHT_BATCH at most, so that their cache
 * misses overlap. Returns their number. The caller holds rcu_read_lock() for as
 * long as it uses @found.
 */
static u32 qds_batch_find_some(const struct qds_table_batch *batch, u32 from,
			       void **found)
{
	if (batch->key_lens)
		return qds_batch_find_var(batch, from, found);
	return qds_batch_find_as(batch, from, found, false);
}

/* Lengths of the elements of the batch. */
static int qds_batch_read_lens(const struct qds_table_batch *batch, u32 *lens,
			       u64 user)
{
	size_t size = sizeof(*lens);

	return qds_copy_in(lens, user, (u64)batch->vec.base * size,
			   batch->vec.nr * size);
}

static int qds_batch_read_key_lens(struct qds_table_batch *batch)
{
	u32 i;
	int rc;

	rc = qds_batch_read_lens(batch, batch->key_lens, batch->args->key_lens);
	for (i = 0; !rc && i < batch->vec.nr; i++)
		if (batch->key_lens[i] > batch->args->key_size)
			batch->key_lens[i] = 0;
	return rc;
}

static __always_inline void qds_batch_hash_as(struct qds_table_batch *batch,
					      bool varlen)
{
	const struct qds_table *table = batch->table;
	u32 i;

	for (i = 0; i < batch->vec.nr; i++)
		batch->hashes[i] = qds_key_hash(table, qds_batch_key_as(batch, i,
									varlen));
}

static int qds_batch_read_keys(struct qds_table_batch *batch)
{
	size_t size = batch->args->key_size;
	int rc;

	rc = qds_copy_in(batch->keys, batch->args->keys,
			 (u64)batch->vec.base * size, batch->vec.nr * size);
	if (rc)
		return rc;
	if (!batch->key_lens) {
		qds_batch_hash_as(batch, false);
		return 0;
	}
	rc = qds_batch_read_key_lens(batch);
	if (!rc)
		qds_batch_hash_as(batch, true);
	return rc;
}

/* No value at all is one of length 0. */
static int qds_batch_read_value_lens(struct qds_table_batch *batch)
{
	u32 i;
	int rc;

	if (!batch->args->value_lens) {
		memset(batch->value_lens, 0,
		       batch->vec.nr * sizeof(*batch->value_lens));
		return 0;
	}
	rc = qds_batch_read_lens(batch, batch->value_lens, batch->args->value_lens);
	for (i = 0; !rc && i < batch->vec.nr; i++)
		if (batch->value_lens[i] > batch->args->value_size)
			batch->key_lens[i] = 0;
	return rc;
}

static int qds_batch_read_values(struct qds_table_batch *batch)
{
	size_t size = batch->args->value_size;
	int rc;

	rc = qds_copy_in(batch->values, batch->args->values,
			 (u64)batch->vec.base * size, batch->vec.nr * size);
	if (!rc && batch->value_lens)
		rc = qds_batch_read_value_lens(batch);
	return rc;
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
	for (i = 0; batch->key_lens && i < batch->vec.nr; i++)
		if (qds_batch_refuses(batch, i))
			batch->vec.res[i] = -EINVAL;
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
	struct qds_bytes key = qds_batch_key(batch, i);
	u32 at = batch->hashes[i];

	for (;; at++) {
		u16 *slot = &batch->seen[at & batch->seen_mask];
		struct qds_bytes other;

		if (*slot == QDS_NOBODY)
			return slot;
		if (batch->hashes[*slot] != batch->hashes[i])
			continue;
		other = qds_batch_key(batch, *slot);
		if (other.size == key.size &&
		    !memcmp(other.data, key.data, key.size))
			return slot;
	}
}

/* Lookups */

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

/* A value that does not fit is not told; how long it is always is. */
static void qds_batch_take_var_value(const struct qds_table_batch *batch, u32 i,
				     const struct qds_entry *entry)
{
	size_t stride = batch->args->value_size;
	u8 *to = qds_batch_value(batch, i);
	struct qds_bytes value = {};
	s32 *res = &batch->vec.res[i];

	if (entry)
		value = qds_entry_value(batch->table, entry);
	batch->value_lens[i] = value.size;
	*res = entry ? 0 : qds_batch_refuses(batch, i) ? -EINVAL : -ENOENT;
	if (!batch->args->values)
		return;
	if (value.size > stride) {
		*res = -EMSGSIZE;
		value.size = 0;
	}
	memcpy(to, value.data, value.size);
	memset(to + value.size, 0, stride - value.size);
}

static void qds_batch_take_some(const struct qds_table_batch *batch, u32 from,
				void **entries, u32 n)
{
	u32 i;

	if (batch->key_lens) {
		for (i = 0; i < n; i++)
			qds_batch_take_var_value(batch, from + i, entries[i]);
		return;
	}
	for (i = 0; i < n; i++)
		qds_batch_take_value(batch, from + i, entries[i]);
}

static int qds_table_lookup_predict(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	void *entries[QHT_BATCH];
	u32 from, n;
	int rc;

	rc = qds_batch_read_keys(batch);
	if (rc)
		return rc;
	for (from = 0; from < vec->nr; from += n) {
		rcu_read_lock();
		n = qds_batch_find_some(batch, from, entries);
		qds_batch_take_some(batch, from, entries, n);
		rcu_read_unlock();
	}
	return 0;
}

/* The length of a value that stops the call is told: it says how much to come with. */
static int qds_batch_write_value_lens(const struct qds_table_batch *batch)
{
	const struct qds_vector *vec = &batch->vec;
	size_t size = sizeof(*batch->value_lens);

	return qds_copy_out(batch->args->value_lens, (u64)vec->base * size,
			    batch->value_lens, min(vec->good + 1, vec->nr) * size);
}

static int qds_table_lookup_reply(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	size_t size = batch->args->value_size;
	int rc;

	rc = qds_copy_out(batch->args->values, (u64)vec->base * size,
			  batch->values, vec->good * size);
	if (!rc && batch->args->value_lens)
		rc = qds_batch_write_value_lens(batch);
	return rc;
}

static const struct qds_vector_ops qds_table_lookup_ops = {
	.predict = qds_table_lookup_predict,
	.reply = qds_table_lookup_reply,
};

/* Insertions */

static struct qds_entry *qds_entry_alloc(const struct qds_table_batch *batch,
					 u32 i)
{
	struct qds_bytes key = qds_batch_key(batch, i);
	size_t value_size = batch->args->value_size, head = 0;
	struct qds_entry *entry;

	if (batch->key_lens) {
		value_size = batch->value_lens[i];
		head = sizeof(struct qds_lens);
	}
	entry = kmalloc(struct_size(entry, data, head + key.size + value_size),
			QDS_GFP);
	if (!entry)
		return NULL;
	entry->key_size = key.size;
	if (head)
		*(struct qds_lens *)entry->data = (struct qds_lens){
			.key = key.size,
			.value = value_size,
		};
	memcpy(entry->data + head, key.data, key.size);
	memcpy(entry->data + head + key.size, qds_batch_value(batch, i), value_size);
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
	if (READ_ONCE(batch->table->sealed))
		return -EPERM;
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
 * The bounds, of the table and of its maker, are exact because a place is taken before
 * the insertion and given back after a removal. Insertions that are about to fail hold
 * a place as well, which can make others fail that run at the same time.
 */
static int qds_table_reserve(struct qds_table *table)
{
	int rc = 0;

	if (table->max_entries &&
	    atomic64_fetch_add_unless(&table->entries, 1,
				      table->max_entries) >= table->max_entries)
		return -ENOSPC;
	if (table->charged)
		rc = qds_charge(table->object.user, QDS_LIMIT_ENTRIES, 1);
	if (rc && table->max_entries)
		atomic64_dec(&table->entries);
	return rc;
}

static void qds_table_unreserve(struct qds_table *table)
{
	if (table->charged)
		qds_uncharge(table->object.user, QDS_LIMIT_ENTRIES, 1);
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
	int rc = qds_table_reserve(table);

	/* A key that is there needs no place, and may have taken the last. */
	if (rc)
		return qds_batch_has(batch, i) ? -EEXIST : rc;
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
	int rc = qds_table_enter(batch->table);
	u32 i;

	if (rc)
		return rc;
	for (i = 0; i < vec->good; i++) {
		if (!batch->entries[i])
			continue;
		if (qds_vector_result(vec, i, qds_table_insert_one(batch, i)))
			break;
	}
	qds_table_leave(batch->table);
	qds_object_changed(&batch->table->object);
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

/* Removals */

static int qds_table_remove_predict(struct qds_vector *vec)
{
	struct qds_table_batch *batch = qds_to_table_batch(vec);
	u32 i;
	int rc;

	if (READ_ONCE(batch->table->sealed))
		return -EPERM;
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
	int rc = qds_table_enter(batch->table);
	u32 i;

	if (rc)
		return rc;
	for (i = 0; i < vec->good; i++) {
		if (vec->res[i])
			continue;
		if (qds_vector_result(vec, i, qds_table_remove_one(batch, i)))
			break;
	}
	qds_table_leave(batch->table);
	qds_object_changed(&batch->table->object);
	return 0;
}

static const struct qds_vector_ops qds_table_remove_ops = {
	.predict = qds_table_remove_predict,
	.commit = qds_table_remove_commit,
};

/* The calls */

static size_t qds_lens_size(const struct qds_table_batch *batch)
{
	return batch->table->varlen ? sizeof(*batch->key_lens) +
				      sizeof(*batch->value_lens) : 0;
}

/* An upper bound: @seen has less than four slots for each element. */
static size_t qds_element_size(const struct qds_table_batch *batch)
{
	return sizeof(*batch->entries) + sizeof(*batch->hashes) +
	       sizeof(*batch->vec.res) + qds_lens_size(batch) +
	       4 * sizeof(*batch->seen) + batch->args->key_size +
	       batch->args->value_size;
}

/* Lay the arrays of a batch out, in the order of their alignment. */
static void qds_batch_layout(struct qds_table_batch *batch, void *buffer)
{
	u32 nr = batch->vec.batch, slots = roundup_pow_of_two(2 * nr);

	batch->entries = buffer;
	batch->hashes = (u32 *)(batch->entries + nr);
	batch->vec.res = (s32 *)(batch->hashes + nr);
	batch->seen = (u16 *)(batch->vec.res + nr);
	if (batch->table->varlen) {
		batch->key_lens = (u32 *)(batch->vec.res + nr);
		batch->value_lens = batch->key_lens + nr;
		batch->seen = (u16 *)(batch->value_lens + nr);
	}
	batch->seen_mask = slots - 1;
	batch->keys = (u8 *)(batch->seen + slots);
	batch->values = batch->keys + (size_t)nr * batch->args->key_size;
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

/* What holds for all vectors of entries; @value_size is what a fixed one must be. */
static int qds_table_vec_prepare(const struct qds_cmd *cmd, u32 value_size)
{
	const struct qds_table_vec *args = &cmd->args->table_vec;
	const struct qds_table *table = qds_to_table(cmd->object);

	if (!args->nr)
		return -EINVAL;
	if (table->varlen)
		return args->key_size && args->key_size <= table->key_size &&
		       args->value_size <= value_size && args->key_lens ?
		       0 : -EINVAL;
	if (args->key_size != table->key_size ||
	    args->value_size != value_size || args->key_lens || args->value_lens)
		return -EINVAL;
	return 0;
}

/**
 * qds_table_insert_prepare() - check what QDS_TABLE_INSERT is asked for
 * @cmd: the call
 */
int qds_table_insert_prepare(const struct qds_cmd *cmd)
{
	const struct qds_table_vec *args = &cmd->args->table_vec;
	const struct qds_table *table = qds_to_table(cmd->object);
	u32 value_size = table->value_size;

	if (table->varlen && !args->values != !args->value_lens)
		return -EINVAL;
	if (table->varlen && !args->values)
		value_size = 0;
	if (value_size && !args->values)
		return -EINVAL;
	return qds_table_vec_prepare(cmd, value_size);
}

/**
 * qds_table_insert() - QDS_TABLE_INSERT
 * @cmd: the call
 */
int qds_table_insert(struct qds_cmd *cmd)
{
	return qds_table_vec_run(cmd, &qds_table_insert_ops);
}

/**
 * qds_table_lookup_prepare() - check what QDS_TABLE_LOOKUP is asked for
 * @cmd: the call
 */
int qds_table_lookup_prepare(const struct qds_cmd *cmd)
{
	const struct qds_table_vec *args = &cmd->args->table_vec;
	const struct qds_table *table = qds_to_table(cmd->object);

	if (table->varlen && args->values && !args->value_lens)
		return -EINVAL;
	return qds_table_vec_prepare(cmd, args->values ? table->value_size : 0);
}

/**
 * qds_table_lookup() - QDS_TABLE_LOOKUP
 * @cmd: the call
 */
int qds_table_lookup(struct qds_cmd *cmd)
{
	return qds_table_vec_run(cmd, &qds_table_lookup_ops);
}

/**
 * qds_table_remove_prepare() - check what QDS_TABLE_REMOVE is asked for
 * @cmd: the call
 */
int qds_table_remove_prepare(const struct qds_cmd *cmd)
{
	const struct qds_table_vec *args = &cmd->args->table_vec;

	if (args->values || args->value_lens)
		return -EINVAL;
	return qds_table_vec_prepare(cmd, 0);
}

/**
 * qds_table_remove() - QDS_TABLE_REMOVE
 * @cmd: the call
 */
int qds_table_remove(struct qds_cmd *cmd)
{
	return qds_table_vec_run(cmd, &qds_table_remove_ops);
}
