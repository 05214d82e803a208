/* SPDX-License-Identifier: GPL-2.0 */
/* A table of liburcu's, flavour memb, for the subjects that are one. */
#ifndef BENCH_LFHT_TABLE_H
#define BENCH_LFHT_TABLE_H

#define _LGPL_SOURCE
#include <assert.h>
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "bench.h"

static_assert(sizeof(struct cds_lfht_node) <= sizeof(((struct entry *)0)->node),
	      "the node fits");

struct table;

static struct cds_lfht *lfht_of(struct table *table)
{
	return (struct cds_lfht *)table;
}

static struct cds_lfht_node *node_of(struct entry *entry)
{
	return (struct cds_lfht_node *)entry->node;
}

static struct entry *entry_of(struct cds_lfht_node *node)
{
	return caa_container_of((uint64_t (*)[2])node, struct entry, node);
}

static int entry_has(struct cds_lfht_node *node, const void *key)
{
	return entry_of(node)->key == *(const uint64_t *)key;
}

static __always_inline void section_begin(void)
{
	urcu_memb_read_lock();
}

static __always_inline void section_end(void)
{
	urcu_memb_read_unlock();
}

/* A table must be empty to be destroyed. */
static void table_destroy(struct table *table)
{
	struct cds_lfht *ht = lfht_of(table);
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	section_begin();
	cds_lfht_for_each(ht, &iter, node)
		cds_lfht_del(ht, node);
	section_end();
	if (cds_lfht_destroy(ht, NULL))
		bench_die("a table of cds_lfht cannot be destroyed");
}

static __always_inline struct entry *
table_lookup(struct table *table, uint64_t key, uint64_t hash)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(lfht_of(table), hash, entry_has, &key, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? entry_of(node) : NULL;
}

static __always_inline bool
table_insert(struct table *table, struct entry *entry, uint64_t hash)
{
	struct cds_lfht_node *node = node_of(entry);

	return cds_lfht_add_unique(lfht_of(table), hash, entry_has, &entry->key,
				   node) == node;
}

static __always_inline bool
table_insert_alone(struct table *table, struct entry *entry, uint64_t hash)
{
	bool inserted;

	section_begin();
	inserted = table_insert(table, entry, hash);
	section_end();
	return inserted;
}

static __always_inline struct entry *
table_remove(struct table *table, uint64_t key, uint64_t hash)
{
	struct entry *entry = table_lookup(table, key, hash);

	return entry && !cds_lfht_del(lfht_of(table), node_of(entry)) ? entry : NULL;
}

#endif /* BENCH_LFHT_TABLE_H */
