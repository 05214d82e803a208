// SPDX-License-Identifier: GPL-2.0
/*
 * Concurrency Kit's hash set: readers take no lock, writers one for the whole
 * table, as the set wants it.
 */
#include <ck_hs.h>
#include <ck_spinlock.h>
#include <sched.h>
#include <stdlib.h>

#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

#include "bench.h"

#define SUBJECT	"ck_hs"

/* In a line of its own: readers do not want it. */
struct writers_lock {
	ck_spinlock_fas_t fas;
} __aligned(64);

struct table {
	ck_hs_t hs;
	struct writers_lock lock;
};

static unsigned long entry_hash(const void *key, unsigned long seed)
{
	(void)seed;
	return hash_of(*(const uint64_t *)key);
}

static bool entry_equal(const void *a, const void *b)
{
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

/* What a grown table leaves behind, readers may still be in. */
struct deferred {
	struct deferred *next;
	size_t pad;
};

static struct deferred *graveyard;

static void *hs_malloc(size_t size)
{
	struct deferred *memory = malloc(sizeof(*memory) + size);

	return memory ? memory + 1 : NULL;
}

static void hs_free(void *p, size_t size, bool defer)
{
	struct deferred *memory = p;

	(void)size;
	if (!memory)
		return;
	memory--;
	if (defer) {
		memory->next = graveyard;
		graveyard = memory;
	} else {
		free(memory);
	}
}

static void free_deferred(void)
{
	wait_for_readers();
	while (graveyard) {
		struct deferred *memory = graveyard;

		graveyard = memory->next;
		free(memory);
	}
}

static struct ck_malloc hs_memory = { .malloc = hs_malloc, .free = hs_free };

/* For known sizes what the set comes to in use: a quarter full, it never grows. */
static struct table *table_create(size_t n)
{
	struct table *table = aligned_alloc(64, sizeof(*table));

	if (!table)
		return NULL;
	ck_spinlock_fas_init(&table->lock.fas);
	if (!ck_hs_init(&table->hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT,
			entry_hash, entry_equal, &hs_memory, n ? 4 * n : 64, 0)) {
		free(table);
		return NULL;
	}
	return table;
}

static void table_destroy(struct table *table)
{
	ck_hs_destroy(&table->hs);
	free_deferred();
	free(table);
}

/* The CPU is given away as the twin's spinlocks do: a holder may need it. */
static __always_inline void lock(struct table *table)
{
	unsigned int turns = 0;

	while (!ck_spinlock_fas_trylock(&table->lock.fas)) {
		while (ck_spinlock_fas_locked(&table->lock.fas)) {
			ck_pr_stall();
			if (++turns % 256 == 0)
				sched_yield();
		}
	}
}

static __always_inline void unlock(struct table *table)
{
	ck_spinlock_fas_unlock(&table->lock.fas);
}

static __always_inline struct entry *
table_lookup(struct table *table, uint64_t key, uint64_t hash)
{
	return ck_hs_get(&table->hs, hash, &key);
}

static __always_inline bool
table_insert(struct table *table, struct entry *entry, uint64_t hash)
{
	bool inserted;

	lock(table);
	inserted = ck_hs_put(&table->hs, hash, entry);
	unlock(table);
	return inserted;
}

static __always_inline bool
table_insert_alone(struct table *table, struct entry *entry, uint64_t hash)
{
	return table_insert(table, entry, hash);
}

static __always_inline struct entry *
table_remove(struct table *table, uint64_t key, uint64_t hash)
{
	struct entry *entry;

	lock(table);
	entry = ck_hs_remove(&table->hs, hash, &key);
	unlock(table);
	return entry;
}

static __always_inline void section_begin(void)
{
	urcu_memb_read_lock();
}

static __always_inline void section_end(void)
{
	urcu_memb_read_unlock();
}

#include "workloads.h"

const struct subject ck_hs = { SUBJECT_OPERATIONS, .settle = free_deferred };
