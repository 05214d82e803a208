/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the table object share.
 *
 *	table.c		the object: creation, what is known of it, sealing
 *	table_vec.c	vectors of entries: insert, lookup, remove
 *	table_walk.c	all entries, step by step
 *	table_stats.c	how a table is filled
 */
#ifndef _QDS_TABLE_PRIVATE_H
#define _QDS_TABLE_PRIVATE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/percpu-rwsem.h>
#include <linux/qht.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/types.h>

#include "qds_private.h"

/**
 * struct qds_table - a table
 * @object: what it is to the device
 * @key_size: bytes of a key; if lengths vary, of the longest
 * @value_size: bytes of a value, likewise
 * @varlen: lengths vary
 * @sealed: no entry comes or goes any more
 * @charged: there was a bound for entries when it was made: they are charged to its
 *	maker
 * @secret: of the hash, since users choose keys
 * @cursor_secret: of what users are given as cursors
 * @max_entries: bound of @entries, 0 for none
 * @state_lock: of @sealed, see table.c
 * @ht: struct qds_entry
 * @entries: if there is a bound: entries in @ht and those about to go there
 */
struct qds_table {
	struct qds_object object;
	u32 key_size;
	u32 value_size;
	bool varlen;
	bool sealed;
	bool charged;
	hsiphash_key_t secret;
	siphash_key_t cursor_secret;
	u64 max_entries;
	struct percpu_rw_semaphore state_lock;
	struct qht ht;
	atomic64_t entries ____cacheline_aligned_in_smp;
};

/**
 * struct qds_entry - an entry
 * @key_size: bytes of the key, until the entry is inserted
 * @rcu: for kfree_rcu(), from its removal on
 * @data: if lengths vary, a struct qds_lens; then the key, right behind it the value
 */
struct qds_entry {
	union {
		u32 key_size;
		struct rcu_head rcu;
	};
	u8 data[];
};

/**
 * struct qds_lens - lengths of an entry where they vary
 * @key: bytes of the key
 * @value: bytes of the value
 *
 * Lookups read them until a grace period after the entry's removal, so they share
 * no memory with what kfree_rcu() writes.
 */
struct qds_lens {
	u16 key;
	u16 value;
};

/* A key or a value. */
struct qds_bytes {
	const u8 *data;
	u32 size;
};

static inline struct qds_table *qds_to_table(struct qds_object *object)
{
	return container_of(object, struct qds_table, object);
}

static inline const struct qds_lens *qds_entry_lens(const struct qds_entry *entry)
{
	return (const struct qds_lens *)entry->data;
}

static inline struct qds_bytes qds_entry_key(const struct qds_table *table,
					     const struct qds_entry *entry)
{
	const struct qds_lens *lens = qds_entry_lens(entry);

	if (!table->varlen)
		return (struct qds_bytes){ entry->data, table->key_size };
	return (struct qds_bytes){ (const u8 *)(lens + 1), lens->key };
}

static inline struct qds_bytes qds_entry_value(const struct qds_table *table,
					       const struct qds_entry *entry)
{
	struct qds_bytes key = qds_entry_key(table, entry);
	u32 size = table->varlen ? qds_entry_lens(entry)->value : table->value_size;

	return (struct qds_bytes){ key.data + key.size, size };
}

static inline u32 qds_key_hash(const struct qds_table *table, struct qds_bytes key)
{
	return hsiphash(key.data, key.size, &table->secret);
}

/* table.c */

int qds_table_enter(struct qds_table *table);
void qds_table_leave(struct qds_table *table);

/* table_vec.c */

bool qds_entry_equal(const void *entry, const void *key);
bool qds_var_entry_equal(const void *entry, const void *key);
int qds_table_insert_prepare(const struct qds_cmd *cmd);
int qds_table_insert(struct qds_cmd *cmd);
int qds_table_lookup_prepare(const struct qds_cmd *cmd);
int qds_table_lookup(struct qds_cmd *cmd);
int qds_table_remove_prepare(const struct qds_cmd *cmd);
int qds_table_remove(struct qds_cmd *cmd);

/* table_walk.c */

int qds_table_walk_prepare(const struct qds_cmd *cmd);
int qds_table_walk(struct qds_cmd *cmd);

#endif /* _QDS_TABLE_PRIVATE_H */
