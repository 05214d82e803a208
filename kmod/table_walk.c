// SPDX-License-Identifier: GPL-2.0
/*
 * QDS_TABLE_WALK: all entries of a table, step by step.
 *
 * A walk goes through the entries in the order of their scrambled hashes, as
 * qht_walk() does. Where one stands among entries of equal hash is an address, which
 * is nothing for users; so those are told all in one call, and a cursor is the first
 * hash that has not been told. All entries of a key have one hash: so no key is told
 * twice in a walk, whatever happens to the table meanwhile.
 *
 * Nor is the hash for users, who could choose keys by it. A cursor is the hash masked
 * by a keyed function of its tag, and the tag, which is another keyed function of the
 * hash. Who makes one up is found out by the tag. What the order of a walk gives away is
 * which keys have hashes near to each other: who may both walk a table and fill it can
 * find keys for one chain, and make that long. That one is no stranger to the table.
 *
 * Entries are gathered before any of them is looked at, so that their cache misses
 * overlap, and copied into a buffer under RCU.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/string.h>

#include "table_private.h"

/* Entries that one call tells, unless as many have one hash. */
#define QDS_WALK_ENTRIES	4096U
/* Entries that are gathered at once, likewise, in so many steps of the library. */
#define QDS_WALK_GATHERED	64U
#define QDS_WALK_STEPS		16
/* Times that a call gathers, where much of the table is empty. */
#define QDS_WALK_GATHERS	256
/* A cursor of a walk that has begun is not 0. */
#define QDS_CURSOR_BEGUN	(1ULL << 63)

/* Entries, and the bytes that their keys and values take. */
struct qds_walk_size {
	u64 nr;
	u64 key_bytes;
	u64 value_bytes;
};

/**
 * struct qds_walk - a call that walks
 * @table: the table
 * @args: the call's struct
 * @position: the first hash that has not been told; above U32_MAX at the end
 * @room: of the buffer
 * @used: of that, and what is told
 * @gathered: how many @entries there is room for
 * @entries: those that come next
 * @buffer: all of it
 * @key_lens: lengths of the keys, where they vary
 * @value_lens: of the values, likewise
 * @keys: one right behind the other
 * @values: likewise
 */
struct qds_walk {
	struct qds_table *table;
	struct qds_table_walk *args;
	u64 position;
	struct qds_walk_size room;
	struct qds_walk_size used;
	u32 gathered;
	void **entries;
	void *buffer;
	u32 *key_lens;
	u32 *value_lens;
	u8 *keys;
	u8 *values;
};

static u32 qds_cursor_tag(const struct qds_table *table, u32 hash)
{
	return siphash_1u32(hash, &table->cursor_secret) & S32_MAX;
}

/* Another keyed function than that of the tag: it has an input of another length. */
static u32 qds_cursor_mask(const struct qds_table *table, u32 tag)
{
	return siphash_2u32(tag, 0, &table->cursor_secret);
}

static u64 qds_cursor_encode(const struct qds_table *table, u64 position)
{
	u32 tag;

	if (position > U32_MAX)
		return 0;
	tag = qds_cursor_tag(table, position);
	return QDS_CURSOR_BEGUN | (u64)tag << 32 |
	       ((u32)position ^ qds_cursor_mask(table, tag));
}

static int qds_cursor_decode(const struct qds_table *table, u64 cursor,
			     u64 *position)
{
	u32 tag = (cursor >> 32) & S32_MAX;

	*position = 0;
	if (!cursor)
		return 0;
	*position = (u32)cursor ^ qds_cursor_mask(table, tag);
	if (!(cursor & QDS_CURSOR_BEGUN) ||
	    tag != qds_cursor_tag(table, *position))
		return -EINVAL;
	return 0;
}

static u32 qds_entry_position(const struct qds_table *table,
			      const struct qds_entry *entry)
{
	return qht_scramble(qds_key_hash(table, qds_entry_key(table, entry)));
}

/* How many of the first @nr entries come before those of the hash @position. */
static u32 qds_walk_before(const struct qds_walk *walk, u32 nr, u32 position)
{
	while (nr && qds_entry_position(walk->table, walk->entries[nr - 1]) ==
		     position)
		nr--;
	return nr;
}

/*
 * Gather the next entries, in whole groups of equal hash, and set *@next to where
 * the walk is behind them. Returns their number, 0 too where the table is empty;
 * or -E2BIG if the next group is larger than the array.
 */
static int qds_walk_gather(struct qds_walk *walk, u64 *next)
{
	struct qht_cursor cursor = { .position = walk->position };
	unsigned int steps = QDS_WALK_STEPS, i;
	u32 nr = 0;

	while (nr < walk->gathered && steps-- && !qht_cursor_done(&cursor))
		nr += qht_walk(&walk->table->ht, &cursor, walk->entries + nr,
			       walk->gathered - nr);
	for (i = 0; i < nr; i++)
		prefetch(walk->entries[i]);
	*next = cursor.position;
	/* The last group may go on. */
	if (cursor.after) {
		nr = qds_walk_before(walk, nr, cursor.position);
		if (!nr)
			return -E2BIG;
	}
	return nr;
}

/* Count an entry. False, with it not counted, where there is no room for it. */
static bool qds_walk_count(const struct qds_walk *walk,
			   const struct qds_entry *entry,
			   struct qds_walk_size *size,
			   const struct qds_walk_size *room)
{
	const struct qds_table *table = walk->table;
	u32 key = qds_entry_key(table, entry).size, value = 0;

	if (walk->args->values)
		value = qds_entry_value(table, entry).size;
	if (room && (size->nr >= room->nr ||
		     key > room->key_bytes - size->key_bytes ||
		     value > room->value_bytes - size->value_bytes))
		return false;
	size->nr++;
	size->key_bytes += key;
	size->value_bytes += value;
	return true;
}

static void qds_walk_copy(struct qds_walk *walk, const struct qds_entry *entry)
{
	struct qds_bytes key = qds_entry_key(walk->table, entry);
	struct qds_bytes value = qds_entry_value(walk->table, entry);
	struct qds_walk_size *used = &walk->used;

	memcpy(walk->keys + used->key_bytes, key.data, key.size);
	if (walk->args->values)
		memcpy(walk->values + used->value_bytes, value.data, value.size);
	if (walk->table->varlen) {
		walk->key_lens[used->nr] = key.size;
		walk->value_lens[used->nr] = value.size;
	}
	qds_walk_count(walk, entry, used, NULL);
}

/* What the first of @nr gathered entries takes, with those that have its hash. */
static struct qds_walk_size qds_walk_group(const struct qds_walk *walk, u32 nr)
{
	u32 position = qds_entry_position(walk->table, walk->entries[0]), i;
	struct qds_walk_size size = {};

	for (i = 0; i < nr; i++) {
		if (qds_entry_position(walk->table, walk->entries[i]) != position)
			break;
		qds_walk_count(walk, walk->entries[i], &size, NULL);
	}
	return size;
}

/*
 * Gather once, and copy as many groups as there is room for.
 * Returns 1 to go on; 0 when the buffer is full; -E2BIG when the array of entries is
 * too short for a group; -ENOSPC, and *@need, when the buffer is.
 */
static int qds_walk_some(struct qds_walk *walk, struct qds_walk_size *need)
{
	struct qds_walk_size size = walk->used;
	u32 fit = 0, i;
	u64 next;
	int nr;

	nr = qds_walk_gather(walk, &next);
	if (nr < 0)
		return nr;
	while (fit < nr && qds_walk_count(walk, walk->entries[fit], &size,
					  &walk->room))
		fit++;
	if (fit < nr) {
		next = qds_entry_position(walk->table, walk->entries[fit]);
		fit = qds_walk_before(walk, fit, next);
	}
	if (!fit && nr && !walk->used.nr) {
		*need = qds_walk_group(walk, nr);
		return -ENOSPC;
	}
	for (i = 0; i < fit; i++)
		qds_walk_copy(walk, walk->entries[i]);
	walk->position = next;
	return fit == nr;
}

static int qds_walk_alloc(struct qds_walk *walk)
{
	size_t lens = walk->table->varlen ? walk->room.nr * sizeof(u32) : 0;
	size_t entries = walk->gathered * sizeof(*walk->entries);

	walk->buffer = kvmalloc(entries + 2 * lens + walk->room.key_bytes +
				walk->room.value_bytes, QDS_GFP);
	if (!walk->buffer)
		return -ENOMEM;
	walk->entries = walk->buffer;
	walk->key_lens = walk->buffer + entries;
	walk->value_lens = walk->buffer + entries + lens;
	walk->keys = walk->buffer + entries + 2 * lens;
	walk->values = walk->keys + walk->room.key_bytes;
	return 0;
}

/* Fill the buffer; -E2BIG and -ENOSPC as qds_walk_some(), when nothing is in it. */
static int qds_walk_fill(struct qds_walk *walk, struct qds_walk_size *need)
{
	unsigned int gathers = QDS_WALK_GATHERS;
	int rc = 1;

	while (rc > 0 && gathers-- && walk->position <= U32_MAX) {
		if (fatal_signal_pending(current))
			return -EINTR;
		rcu_read_lock();
		rc = qds_walk_some(walk, need);
		rcu_read_unlock();
		cond_resched();
	}
	if (walk->used.nr)
		return 0;
	return min(rc, 0);
}

static bool qds_walk_fits(const struct qds_walk_size *size,
			  const struct qds_table_walk *args)
{
	return size->nr <= args->nr && size->key_bytes <= args->key_bytes &&
	       size->value_bytes <= args->value_bytes;
}

/*
 * Allocate the buffer and fill it; again, with a larger one, where entries of equal
 * hash ask for it and there is room for them at the user's. -ENOSPC, and *@need, if
 * there is none.
 */
static int qds_walk_run(struct qds_walk *walk, struct qds_walk_size *need)
{
	int rc;

	for (;;) {
		rc = qds_walk_alloc(walk);
		if (rc)
			return rc;
		rc = qds_walk_fill(walk, need);
		if (rc == -E2BIG)
			walk->gathered *= 2;
		else if (rc == -ENOSPC && qds_walk_fits(need, walk->args))
			walk->room = *need;
		else
			return rc;
		kvfree(walk->buffer);
	}
}

static int qds_walk_reply(const struct qds_walk *walk)
{
	const struct qds_table_walk *args = walk->args;
	const struct qds_walk_size *used = &walk->used;
	size_t lens = used->nr * sizeof(u32);
	int rc;

	rc = qds_copy_out(args->keys, 0, walk->keys, used->key_bytes);
	if (!rc)
		rc = qds_copy_out(args->values, 0, walk->values,
				  used->value_bytes);
	if (!rc && args->key_lens)
		rc = qds_copy_out(args->key_lens, 0, walk->key_lens, lens);
	if (!rc && args->value_lens)
		rc = qds_copy_out(args->value_lens, 0, walk->value_lens, lens);
	return rc;
}

static int qds_walk_respond(struct qds_cmd *cmd, u64 cursor,
			    const struct qds_walk_size *size)
{
	struct qds_table_walk *args = &cmd->args->table_walk;

	args->cursor = cursor;
	args->nr = size->nr;
	args->key_bytes = size->key_bytes;
	args->value_bytes = size->value_bytes;
	return qds_respond(cmd);
}

/**
 * qds_table_walk_prepare() - check what QDS_TABLE_WALK is asked for
 * @cmd: the call
 */
int qds_table_walk_prepare(const struct qds_cmd *cmd)
{
	const struct qds_table_walk *args = &cmd->args->table_walk;
	const struct qds_table *table = qds_to_table(cmd->object);
	u64 position;

	if (args->__reserved)
		return -EOPNOTSUPP;
	if (!args->nr || (!args->values && args->value_bytes))
		return -EINVAL;
	if (!table->varlen && (args->key_lens || args->value_lens))
		return -EINVAL;
	if (table->varlen && (!args->key_lens || (args->values && !args->value_lens)))
		return -EINVAL;
	return qds_cursor_decode(table, args->cursor, &position);
}

/**
 * qds_table_walk() - QDS_TABLE_WALK
 * @cmd: the call
 *
 * Context: Process; sleeps. Takes one chain's spinlock at a time.
 * Return: 0; -ENOSPC, told how much is needed; or an errno.
 */
int qds_table_walk(struct qds_cmd *cmd)
{
	struct qds_table_walk *args = &cmd->args->table_walk;
	struct qds_walk walk = {
		.table = qds_to_table(cmd->object),
		.args = args,
		.room = {
			.nr = min(args->nr, QDS_WALK_ENTRIES),
			.key_bytes = min_t(u64, args->key_bytes, QDS_BOUNCE_SIZE),
			.value_bytes = min_t(u64, args->value_bytes,
					     QDS_BOUNCE_SIZE),
		},
		.gathered = min(args->nr, QDS_WALK_GATHERED - 1) + 1,
	};
	struct qds_walk_size need = {};
	int rc;

	rc = qds_cursor_decode(walk.table, args->cursor, &walk.position);
	if (rc)
		return rc;
	rc = qds_walk_run(&walk, &need);
	if (!rc)
		rc = qds_walk_reply(&walk);
	if (!rc)
		rc = qds_walk_respond(cmd, qds_cursor_encode(walk.table,
							     walk.position),
				      &walk.used);
	else if (rc == -ENOSPC && qds_walk_respond(cmd, args->cursor, &need))
		rc = -EFAULT;
	kvfree(walk.buffer);
	return rc;
}
