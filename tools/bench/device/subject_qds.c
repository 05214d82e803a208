// SPDX-License-Identifier: GPL-2.0
/* Our tables: a call has as many keys as it is given. */
#include <string.h>
#include <unistd.h>

#include "../../libqds.h"
#include "device.h"

/* A table's descriptor stands for it; NULL is no table. */
static int fd_of(const void *table)
{
	return (intptr_t)table - 1;
}

static void *create(size_t n)
{
	int fd = qds_create_table(device, sizeof(struct bench_key), sizeof(uint64_t),
				  0, 0);

	(void)n;
	if (fd < 0)
		bench_die("cannot make a table: %s", strerror(-fd));
	return (void *)(intptr_t)(fd + 1);
}

static void destroy(void *table)
{
	close(fd_of(table));
}

/*
 * Who asks for one key learns from the call what became of it, as with bpf(2), and
 * needs no array for that.
 */
static void run(void *table, struct batch *batch, bool has_values,
		int (*call)(int fd, struct qds_entries *entries))
{
	struct qds_entries entries = {
		.keys = batch->keys,
		.values = has_values ? batch->values : NULL,
		.results = batch->n > 1 ? batch->results : NULL,
		.key_size = sizeof(*batch->keys),
		.value_size = has_values ? sizeof(*batch->values) : 0,
		.nr = batch->n,
	};
	int rc = call(fd_of(table), &entries);

	if (batch->n == 1)
		batch->results[0] = rc;
	else if (rc)
		bench_die("a call for %u keys failed: %s", batch->n, strerror(-rc));
}

static void insert(void *table, struct batch *batch)
{
	run(table, batch, true, qds_table_insert);
}

static void lookup(void *table, struct batch *batch)
{
	run(table, batch, true, qds_table_lookup);
}

static void remove_keys(void *table, struct batch *batch)
{
	run(table, batch, false, qds_table_remove);
}

const struct subject subject_qds = {
	.name = "qds",
	.create = create,
	.destroy = destroy,
	.insert = insert,
	.lookup = lookup,
	.remove = remove_keys,
};
