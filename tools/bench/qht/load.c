// SPDX-License-Identifier: GPL-2.0
/* Entries, and how they come back to use: one way for all tables. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define REFILL	256

/* Mapped and touched beforehand: what is measured takes no page fault. */
void load_init(struct load *load, size_t n)
{
	size_t size = (n + POOL_SLACK) * sizeof(struct entry);

	*load = (struct load){
		.base = bench_mix(bench_options.seed),
		.n_entries = n + POOL_SLACK,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	load->entries = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (load->entries == MAP_FAILED)
		bench_die("no memory for %zu entries", n);
}

void load_destroy(struct load *load)
{
	munmap(load->entries, load->n_entries * sizeof(struct entry));
	pthread_mutex_destroy(&load->lock);
}

/* In the order of their addresses for as long as there are unused ones. */
void pool_refill(struct load *load, struct pool *pool)
{
	unsigned int i;

	pthread_mutex_lock(&load->lock);
	for (i = 0; i < REFILL; i++) {
		struct entry *entry = load->free;

		if (entry)
			load->free = entry->next;
		else if (load->unused < load->n_entries)
			entry = &load->entries[load->unused++];
		else
			break;
		pool_put(pool, entry);
	}
	pthread_mutex_unlock(&load->lock);
	if (!pool->free)
		bench_die("all entries are in use or wait for a grace period");
}

/* Outside of RCU sections: what was removed can be used again. */
void pool_grace(struct load *load, struct pool *pool)
{
	if (!pool->n_limbo)
		return;
	wait_for_readers();
	pool->oldest->next = pool->free;
	pool->free = pool->limbo;
	pool->n_free += pool->n_limbo;
	pool->limbo = NULL;
	pool->n_limbo = 0;
	if (pool->n_free > 4 * GRACE_BATCH)
		pool_give_back(load, pool);
}

void pool_give_back(struct load *load, struct pool *pool)
{
	pthread_mutex_lock(&load->lock);
	while (pool->free) {
		struct entry *entry = pool->free;

		pool->free = entry->next;
		entry->next = load->free;
		load->free = entry;
	}
	pool->n_free = 0;
	pthread_mutex_unlock(&load->lock);
}
