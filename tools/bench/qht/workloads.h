/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops that measure a table, compiled into its own file so that nothing of
 * it is called through a pointer. The file defines before:
 *
 *	SUBJECT					the name
 *	struct table;
 *	struct table *table_create(size_t n);	for n entries; 0: to be grown
 *	void table_destroy(struct table *);
 *	struct entry *table_lookup(struct table *, uint64_t key, uint64_t hash);
 *	bool table_insert(struct table *, struct entry *, uint64_t hash);
 *	bool table_insert_alone(struct table *, struct entry *, uint64_t hash);
 *	struct entry *table_remove(struct table *, uint64_t key, uint64_t hash);
 *	void section_begin(void), section_end(void);
 *
 * table_insert() is false when there is an equal entry; table_remove() gives the
 * entry to whoever removed it, or NULL. All are called within a section, but for
 * table_insert_alone(), which makes one of its own if it has to.
 */
#include <sched.h>

static void fill(struct load *load, uint64_t first, uint64_t n)
{
	struct table *table = load->table;
	struct pool pool = { .free = NULL };
	uint64_t i;

	for (i = first; i < first + n; i++) {
		struct entry *entry = pool_get(load, &pool);

		entry->key = key_of(load, i);
		if (!table_insert_alone(table, entry, hash_of(entry->key)))
			bench_die("%s has an entry twice", SUBJECT);
	}
	pool_give_back(load, &pool);
}

/* 100/0: lookups of keys that all are there, or all are not. */
static __always_inline void lookups(struct bench_thread *thread, bool there)
{
	struct load *load = thread->arg;
	struct table *table = load->table;
	uint64_t first = load->first, range = load->range;
	uint64_t wrong = 0;

	do {
		unsigned int i;

		section_begin();
		for (i = 0; i < SECTION; i++) {
			uint64_t key = key_of(load, first +
					      bench_below(bench_random(thread), range));
			struct entry *entry = table_lookup(table, key, hash_of(key));

			wrong += !entry == there;
		}
		section_end();
	} while (bench_more(thread, SECTION));
	if (wrong)
		bench_die("%s: %llu answers were wrong", SUBJECT,
			  (unsigned long long)wrong);
}

static void hit(struct bench_thread *thread)
{
	lookups(thread, true);
}

static void miss(struct bench_thread *thread)
{
	lookups(thread, false);
}

static __always_inline void change(struct load *load, struct pool *pool,
				   uint64_t key, bool insertion)
{
	struct table *table = load->table;
	struct entry *entry;

	if (insertion) {
		entry = pool_get(load, pool);
		entry->key = key;
		if (!table_insert(table, entry, hash_of(key)))
			pool_put(pool, entry);
	} else {
		entry = table_remove(table, key, hash_of(key));
		if (entry)
			pool_retire(pool, entry);
	}
}

/*
 * 95/5 and 50/50, of keys half of which are there: half of the updates insert,
 * half remove, and so half of either do nothing.
 */
static void mix(struct bench_thread *thread)
{
	struct load *load = thread->arg;
	struct table *table = load->table;
	uint64_t first = load->first, range = load->range;
	uint32_t updates = load->update;
	struct pool pool = { .free = NULL };

	do {
		unsigned int i;

		section_begin();
		for (i = 0; i < SECTION; i++) {
			uint64_t random = bench_random(thread);
			uint64_t key = key_of(load, first + bench_below(random, range));

			if ((uint32_t)random < updates)
				change(load, &pool, key,
				       (uint32_t)random < updates / 2);
			else
				bench_use(table_lookup(table, key, hash_of(key)));
		}
		section_end();
		if (pool.n_limbo >= GRACE_BATCH)
			pool_grace(load, &pool);
	} while (bench_more(thread, SECTION));
	pool_grace(load, &pool);
	pool_give_back(load, &pool);
}

/* Keys in an order that their entries' addresses do not follow. */
static __always_inline uint64_t scattered(const struct load *load, uint64_t i)
{
	return key_of(load, (i * 0x9e3779b1) & (load->range - 1));
}

static void remove_all(struct load *load, struct pool *pool, uint64_t first,
		       uint64_t n, unsigned int step)
{
	struct table *table = load->table;
	uint64_t i;

	for (i = first; i < first + n * step; i += step) {
		uint64_t key = scattered(load, i);
		struct entry *entry;

		section_begin();
		entry = table_remove(table, key, hash_of(key));
		section_end();
		if (!entry)
			bench_die("%s: an entry is not there", SUBJECT);
		pool_retire(pool, entry);
	}
}

static void insert_all(struct load *load, struct pool *pool, uint64_t first,
		       uint64_t n, unsigned int step)
{
	struct table *table = load->table;
	uint64_t i;

	for (i = first; i < first + n * step; i += step) {
		struct entry *entry = pool_get(load, pool);

		entry->key = scattered(load, i);
		if (!table_insert_alone(table, entry, hash_of(entry->key)))
			bench_die("%s has an entry twice", SUBJECT);
	}
}

/* Each thread removes keys of its own, as many as one grace period serves. */
static void update(struct bench_thread *thread)
{
	struct load *load = thread->arg;
	unsigned int step = load->n_threads;
	uint64_t n = load->range / (2 * step);
	struct pool pool = { .free = NULL };
	uint64_t first = thread->index;
	double t[4];
	bool warm = false;

	if (n > GRACE_BATCH)
		n = GRACE_BATCH;
	while (thread->seconds[0] < bench_options.seconds / 2) {
		t[0] = bench_thread_seconds();
		remove_all(load, &pool, first, n, step);
		t[1] = bench_thread_seconds();
		pool_grace(load, &pool);
		t[2] = bench_thread_seconds();
		insert_all(load, &pool, first, n, step);
		t[3] = bench_thread_seconds();
		if (warm) {
			thread->ops[0] += n;
			thread->seconds[0] += t[1] - t[0];
			thread->ops[1] += n;
			thread->seconds[1] += t[3] - t[2];
		}
		warm = true;
		first += n * step;
	}
	pool_give_back(load, &pool);
}

static __always_inline uint64_t inserts(struct growth *growth, bool is_timed)
{
	struct load *load = &growth->load;
	struct table *table = load->table;
	double end = bench_thread_seconds() + growth->limit;
	uint64_t i;

	for (i = 0; i < growth->n; i++) {
		struct entry *entry = &load->entries[i];

		entry->key = key_of(load, i);
		if (!table_insert_alone(table, entry, hash_of(entry->key)))
			bench_die("%s has an entry twice", SUBJECT);
		if (is_timed)
			latency_tick(&growth->inserts);
		if (i % 32 != 31)
			continue;
		__atomic_store_n(&growth->inserted.n, i + 1, __ATOMIC_RELEASE);
		if (i % 8192 == 8191 && bench_thread_seconds() > end)
			break;
	}
	return i;
}

static uint64_t inserted(const struct growth *growth)
{
	return __atomic_load_n(&growth->inserted.n, __ATOMIC_ACQUIRE);
}

/* Until all is inserted: every key that was is found. */
static __always_inline void reads(struct bench_thread *thread,
				  struct growth *growth, bool is_timed)
{
	struct load *load = &growth->load;
	struct table *table = load->table;
	uint64_t n;

	while ((n = inserted(growth)) < growth->n) {
		unsigned int i;

		section_begin();
		for (i = 0; i < SECTION; i++) {
			uint64_t key = key_of(load, bench_below(bench_random(thread), n));

			if (!table_lookup(table, key, hash_of(key)))
				bench_die("%s: a lookup missed an entry", SUBJECT);
			if (is_timed)
				latency_tick(&growth->lookups);
		}
		section_end();
	}
}

static void grow_insert(struct bench_thread *thread, struct growth *growth)
{
	double wall, begun;

	while (!__atomic_load_n(&growth->readers.n, __ATOMIC_ACQUIRE))
		sched_yield();
	wall = bench_seconds();
	begun = bench_thread_seconds();
	latency_begin(&growth->inserts);
	if (growth->is_timed)
		thread->ops[0] = inserts(growth, true);
	else
		thread->ops[0] = inserts(growth, false);
	latency_end(&growth->inserts);
	thread->seconds[0] = bench_thread_seconds() - begun;
	growth->wall = (bench_seconds() - wall) * growth->n / thread->ops[0];
	growth->gave_up = thread->ops[0] < growth->n;
	__atomic_store_n(&growth->inserted.n, growth->n, __ATOMIC_RELEASE);
}

static void grow_read(struct bench_thread *thread, struct growth *growth)
{
	__atomic_store_n(&growth->readers.n, 1, __ATOMIC_RELEASE);
	while (!inserted(growth))
		sched_yield();
	latency_begin(&growth->lookups);
	if (growth->is_timed)
		reads(thread, growth, true);
	else
		reads(thread, growth, false);
	latency_end(&growth->lookups);
}

static void grow(struct bench_thread *thread)
{
	if (thread->index)
		grow_read(thread, thread->arg);
	else
		grow_insert(thread, thread->arg);
}

static void *create(size_t n)
{
	struct table *table = table_create(n);

	if (!table)
		bench_die("%s: no memory for a table", SUBJECT);
	return table;
}

static void destroy(void *table)
{
	table_destroy(table);
}

#define SUBJECT_OPERATIONS						\
	.name = SUBJECT,						\
	.create = create,						\
	.destroy = destroy,						\
	.fill = fill,							\
	.hit = hit,							\
	.miss = miss,							\
	.mix = mix,							\
	.update = update,						\
	.grow = grow
