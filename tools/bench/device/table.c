// SPDX-License-Identifier: GPL-2.0
/*
 * Tables: ours with many keys a call, against maps of bpf(2), which take one.
 *
 * All have the same entries, made in one order and used in another. Lookups are of
 * keys that are there. What is removed is inserted again, so that a table keeps its
 * size. In a round, all that a ratio compares runs one after the other.
 *
 * Maps have room for a few more entries than there are, as they would in use, and so
 * have twice as many buckets as entries.
 */
#include <errno.h>
#include <stdio.h>

#include "device.h"

#define MAX_VECTOR	512
/* Entries that are out of the table at once while removals are measured. */
#define OUT		4096
#define OURS		0
/* The subject that takes many keys a call, and not one. */
#define BATCHES		(N_SUBJECTS - 1)

static const unsigned int vectors[] = { 1, 8, 64, MAX_VECTOR };

#define N_VECTORS	ARRAY_SIZE(vectors)

static const struct subject *const subjects[] = {
	&subject_qds, &subject_bpf_hash, &subject_bpf_hash_noprealloc,
	&subject_bpf_rhash, &subject_bpf_hash_batch,
};

#define N_SUBJECTS	ARRAY_SIZE(subjects)

/**
 * struct load - the entries, and where they are
 * @n: number of entries, a power of two
 * @keys: of all entries, in the order in which they are used
 * @values: of @keys
 * @found: values as the last lookup of each key found them
 * @results: of one call
 * @tables: of each subject; NULL if there is none
 * @has_library: the module has a table too
 */
struct load {
	size_t n;
	struct bench_key *keys;
	uint64_t *values;
	uint64_t *found;
	int32_t results[MAX_VECTOR];
	void *tables[N_SUBJECTS];
	bool has_library;
};

/* What a thread does: with the table of a subject, so many keys a call. */
struct job {
	struct load *load;
	unsigned int subject;
	unsigned int vector;
};

/* ns for each key: of ours by vector, of others that may be so too. */
struct times {
	struct bench_series of[N_SUBJECTS][N_VECTORS];
};

static void *table_of(const struct job *job)
{
	return job->load->tables[job->subject];
}

static void expect(const struct subject *subject, const char *what,
		   const int32_t *results, unsigned int n, int wanted)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (results[i] != wanted)
			bench_die("%s: %s of a key ended with %d, not %d",
				  subject->name, what, results[i], wanted);
}

/* --- the tables --- */

static void fill(struct load *load, unsigned int subject)
{
	static struct bench_key keys[MAX_VECTOR];
	static uint64_t values[MAX_VECTOR];
	struct batch batch = {
		.keys = keys, .values = values, .results = load->results,
		.n = MAX_VECTOR,
	};
	size_t i, j;

	for (i = 0; i < load->n; i += MAX_VECTOR) {
		for (j = 0; j < MAX_VECTOR; j++) {
			keys[j] = key_of(i + j);
			values[j] = value_of(i + j);
		}
		subjects[subject]->insert(load->tables[subject], &batch);
		expect(subjects[subject], "insertion", load->results, MAX_VECTOR,
		       0);
	}
}

static void load_begin(struct load *load, size_t n)
{
	unsigned int i;
	size_t k;

	*load = (struct load){ .n = n };
	load->keys = buffer_make(n * sizeof(*load->keys));
	load->values = buffer_make(n * sizeof(*load->values));
	load->found = buffer_make(n * sizeof(*load->found));
	for (k = 0; k < n; k++) {
		uint32_t number = key_shuffle(k, __builtin_ctzl(n));

		load->keys[k] = key_of(number);
		load->values[k] = value_of(number);
	}
	bench_say("making tables of %s entries", bench_size_name(n));
	for (i = 0; i < N_SUBJECTS; i++) {
		load->tables[i] = subjects[i]->create(n + MAX_VECTOR);
		if (load->tables[i])
			fill(load, i);
		else
			bench_say("this kernel has no %s", subjects[i]->name);
	}
	load->has_library = library_begin(n);
	/* Until what growing entails is done. */
	bench_sleep(bench_options.is_short ? 0.2 : 1);
}

static void load_end(struct load *load)
{
	unsigned int i;

	for (i = 0; i < N_SUBJECTS; i++)
		if (load->tables[i])
			subjects[i]->destroy(load->tables[i]);
	if (load->has_library)
		library_end();
	buffer_free(load->keys, load->n * sizeof(*load->keys));
	buffer_free(load->values, load->n * sizeof(*load->values));
	buffer_free(load->found, load->n * sizeof(*load->found));
}

/* --- do all tables answer alike? --- */

/* Every other key is one that is there; the rest are not. */
static void mixed_batch(const struct load *load, struct batch *batch,
			struct bench_key *keys)
{
	unsigned int i;

	for (i = 0; i < batch->n; i++) {
		keys[i] = i % 2 ? key_of(load->n + i) : load->keys[i];
		batch->values[i] = NO_VALUE;
	}
	batch->keys = keys;
}

static void expect_mixed(const struct subject *subject, const char *what,
			 const struct batch *batch, int there, int not_there)
{
	unsigned int i;

	for (i = 0; i < batch->n; i++)
		expect(subject, what, &batch->results[i], 1,
		       i % 2 ? not_there : there);
}

/* All are out: those that are to be there go back. */
static void put_back(const struct job *job, struct batch *batch)
{
	const struct subject *subject = subjects[job->subject];
	struct batch one = { .results = batch->results, .n = 1 };
	unsigned int i;

	for (i = 0; i < batch->n; i += 2) {
		one.keys = &job->load->keys[i];
		one.values = &job->load->values[i];
		subject->insert(table_of(job), &one);
		expect(subject, "insertion", one.results, 1, 0);
	}
}

static void check_table(const struct job *job)
{
	const struct subject *subject = subjects[job->subject];
	struct load *load = job->load;
	struct bench_key keys[MAX_VECTOR];
	uint64_t values[MAX_VECTOR];
	struct batch batch = {
		.values = values, .results = load->results, .n = job->vector,
	};
	unsigned int i;

	mixed_batch(load, &batch, keys);
	subject->lookup(table_of(job), &batch);
	expect_mixed(subject, "lookup", &batch, 0, -ENOENT);
	for (i = 0; i < batch.n; i += 2)
		if (values[i] != load->values[i])
			bench_die("%s: a lookup found a wrong value", subject->name);
	subject->insert(table_of(job), &batch);
	expect_mixed(subject, "insertion", &batch, -EEXIST, 0);
	subject->remove(table_of(job), &batch);
	expect(subject, "removal", batch.results, batch.n, 0);
	subject->remove(table_of(job), &batch);
	expect(subject, "removal again", batch.results, batch.n, -ENOENT);
	put_back(job, &batch);
}

/* Batches of bpf(2) do not go on behind a key that fails. */
static void check_tables(struct load *load)
{
	struct job job = { .load = load, .vector = MAX_VECTOR };

	for (job.subject = 0; job.subject < N_SUBJECTS; job.subject++)
		if (load->tables[job.subject] && job.subject != BATCHES)
			check_table(&job);
	job.subject = OURS;
	job.vector = 1;
	check_table(&job);
}

/* --- lookups --- */

static void lookup(struct bench_thread *thread)
{
	const struct job *job = thread->arg;
	const struct subject *subject = subjects[job->subject];
	struct load *load = job->load;
	struct batch batch = { .results = load->results, .n = job->vector };
	size_t at = 0;

	do {
		batch.keys = &load->keys[at];
		batch.values = &load->found[at];
		subject->lookup(table_of(job), &batch);
		at = (at + job->vector) & (load->n - 1);
	} while (bench_more(thread, job->vector));
}

/* All that there is, not key by key: for bpf(2) that is what takes many a call. */
static void scan(struct bench_thread *thread)
{
	const struct job *job = thread->arg;
	struct bench_key keys[MAX_VECTOR];
	uint64_t values[MAX_VECTOR];
	struct batch batch = { .keys = keys, .values = values };
	uint32_t cursor = 0;
	bool more = false;

	do {
		batch.n = job->vector;
		more = bpf_scan(table_of(job), &cursor, !more, &batch);
	} while (bench_more(thread, batch.n));
}

/* Each value that was looked up is the key's; and there are some. */
static void check_found(struct load *load, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < load->n; i++) {
		if (load->found[i] == NO_VALUE)
			continue;
		if (load->found[i] != load->values[i])
			bench_die("%s: a lookup found a wrong value", name);
		load->found[i] = NO_VALUE;
		n++;
	}
	if (!n)
		bench_die("%s: nothing was looked up", name);
}

static double ns_of(bench_body body, struct job *job)
{
	return 1e9 / bench_timed(1, body, job);
}

static double measure_lookup(struct job *job)
{
	double ns = ns_of(lookup, job);

	check_found(job->load, subjects[job->subject]->name);
	return ns;
}

/* What is measured besides lookups key by key. */
struct others {
	struct bench_series scan;
	struct bench_series library;
	struct bench_series library_hashed;
};

static void lookup_others(struct load *load, struct others *others)
{
	struct job job = { load, BATCHES, MAX_VECTOR };

	if (load->tables[BATCHES])
		bench_add(&others->scan, ns_of(scan, &job));
	if (!load->has_library)
		return;
	bench_add(&others->library, ns_of(library_lookup, NULL));
	library_check(MAX_VECTOR);
	bench_add(&others->library_hashed, ns_of(library_lookup_hashed, NULL));
}

/* Does a subject take so many keys a call? */
static bool takes(unsigned int subject, unsigned int vector)
{
	if (subject == OURS)
		return true;
	return subject == BATCHES ? vectors[vector] > 1 : vectors[vector] == 1;
}

static void lookup_round(struct load *load, struct times *times)
{
	struct job job = { .load = load };
	unsigned int v;

	for (job.subject = 0; job.subject < BATCHES; job.subject++) {
		for (v = 0; v < N_VECTORS; v++) {
			if (!load->tables[job.subject] || !takes(job.subject, v))
				continue;
			job.vector = vectors[v];
			bench_add(&times->of[job.subject][v],
				  measure_lookup(&job));
		}
	}
}

/* --- removals and insertions --- */

static double each_call(const struct job *job, size_t first, const char *what,
			void (*call)(void *table, struct batch *batch))
{
	struct load *load = job->load;
	struct batch batch = { .results = load->results, .n = job->vector };
	double begun = bench_thread_seconds();
	size_t i;

	for (i = first; i < first + OUT; i += job->vector) {
		batch.keys = &load->keys[i];
		batch.values = &load->values[i];
		call(table_of(job), &batch);
		expect(subjects[job->subject], what, batch.results, batch.n, 0);
	}
	return bench_thread_seconds() - begun;
}

/* Kind 0 is removals, kind 1 insertions. The first time of each is warm-up. */
static void update(struct bench_thread *thread)
{
	const struct job *job = thread->arg;
	const struct subject *subject = subjects[job->subject];
	double removing, inserting, all = 0;
	size_t first = 0;
	bool is_warm = false;

	for (; all < bench_options.seconds; is_warm = true) {
		removing = each_call(job, first, "removal", subject->remove);
		inserting = each_call(job, first, "insertion", subject->insert);
		first = (first + OUT) & (job->load->n - 1);
		if (!is_warm)
			continue;
		thread->ops[0] += OUT;
		thread->seconds[0] += removing;
		thread->ops[1] += OUT;
		thread->seconds[1] += inserting;
		all += removing + inserting;
	}
}

static void update_round(struct load *load, struct times *removals,
			 struct times *insertions)
{
	struct job job = { .load = load };
	double rates[BENCH_RATES];
	unsigned int v;

	for (job.subject = 0; job.subject < N_SUBJECTS; job.subject++) {
		for (v = 0; v < N_VECTORS; v++) {
			if (!load->tables[job.subject] || !takes(job.subject, v))
				continue;
			job.vector = vectors[v];
			bench_parallel(1, update, &job, rates);
			bench_add(&removals->of[job.subject][v], 1e9 / rates[0]);
			bench_add(&insertions->of[job.subject][v],
				  1e9 / rates[1]);
		}
	}
}

/* --- what is told --- */

/* Ours of each vector: against maps that take a key a call, and against itself. */
static void tell_ratios(const char *workload, const char *size,
			const struct times *times)
{
	const struct bench_series *ours = times->of[OURS], *peer;
	unsigned int s, v;

	for (v = 0; v < N_VECTORS; v++) {
		for (s = OURS + 1; s < N_SUBJECTS; s++) {
			peer = &times->of[s][takes(s, v) ? v : 0];
			bench_ratio(point(workload, size, vectors[v],
					  subjects[s]->name),
				    &ours[v], peer, true);
		}
		if (v)
			bench_ratio(point(workload, size, vectors[v], "self"),
				    &ours[v], &ours[0], true);
	}
}

static void tell_times(const char *workload, const char *size,
		       const struct times *times)
{
	unsigned int s, v;

	for (s = 0; s < N_SUBJECTS; s++)
		for (v = 0; v < N_VECTORS; v++)
			bench_figure(point(workload, size, vectors[v],
					   subjects[s]->name),
				     &times->of[s][v], "ns");
	tell_ratios(workload, size, times);
}

static void tell_other(const char *size, const struct bench_series *ours,
		       const char *peer, const struct bench_series *series)
{
	const char *name = point("lookup", size, MAX_VECTOR, peer);

	bench_figure(name, series, "ns");
	bench_ratio(name, ours, series, true);
}

static void plan_lookups(struct load *load, const char *size)
{
	struct others others = { };
	struct times times = { };
	const struct bench_series *ours = &times.of[OURS][N_VECTORS - 1];
	unsigned int round;

	for (round = 0; round < bench_options.runs; round++) {
		lookup_round(load, &times);
		lookup_others(load, &others);
	}
	tell_times("lookup", size, &times);
	tell_other(size, ours, "bpf-hash-scan", &others.scan);
	tell_other(size, ours, "library", &others.library);
	tell_other(size, ours, "library-hashed", &others.library_hashed);
}

static void plan_updates(struct load *load, const char *size)
{
	struct times removals = { }, insertions = { };
	unsigned int round;

	for (round = 0; round < bench_options.runs; round++)
		update_round(load, &removals, &insertions);
	tell_times("insert", size, &insertions);
	tell_times("remove", size, &removals);
}

static void plan_size(size_t n)
{
	bool lookups, updates;
	struct load load;
	char size[16];

	/* The name of a number does not last. */
	snprintf(size, sizeof(size), "%s", bench_size_name(n));
	lookups = point_wanted("lookup", size);
	updates = !is_uml && (point_wanted("insert", size) ||
			      point_wanted("remove", size));
	if (!lookups && !updates)
		return;
	load_begin(&load, n);
	check_tables(&load);
	if (lookups)
		plan_lookups(&load, size);
	if (updates)
		plan_updates(&load, size);
	check_tables(&load);
	load_end(&load);
}

void plan_tables(void)
{
	plan_size(bench_options.is_short ? 16 << 10 : 64 << 10);
	if (!bench_options.is_short)
		plan_size(1 << 20);
}
