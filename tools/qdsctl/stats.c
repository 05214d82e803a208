// SPDX-License-Identifier: GPL-2.0
/* table stats */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "bars.h"
#include "json.h"
#include "qdsctl.h"
#include "text.h"

/* Room for a distribution; more is taken when the table has more. */
#define FIRST_ROOM 1024
/* Lines of a histogram: one for each length of chain, and for each tenth. */
#define LENGTHS 12
#define TENTHS 10
/* Occupancies are in thousandths. */
#define ALL_SLOTS 1000

/**
 * struct distribution - one of those of a table
 * @entries: its values
 * @room: for so many
 */
struct distribution {
	struct qds_dist_entry *entries;
	uint32_t room;
};

static int make_room(struct distribution *dist, uint32_t room)
{
	struct qds_dist_entry *entries;

	if (room <= dist->room)
		return 0;
	entries = realloc(dist->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	dist->entries = entries;
	dist->room = room;
	return 0;
}

/* A table that changes may need more room than it said. */
static int get_stats(int fd, struct qds_table_stats *stats,
		     struct distribution *chain, struct distribution *occupancy)
{
	uint32_t chain_room = FIRST_ROOM, occupancy_room = FIRST_ROOM;
	int err;

	do {
		err = make_room(chain, chain_room);
		if (!err)
			err = make_room(occupancy, occupancy_room);
		if (!err)
			err = qds_table_get_stats(fd, stats, chain->entries,
						  chain->room, occupancy->entries,
						  occupancy->room);
		if (err)
			return err;
		chain_room = stats->chain_nr;
		occupancy_room = stats->occupancy_nr;
	} while (chain_room > chain->room || occupancy_room > occupancy->room);
	return 0;
}

static struct json_object *json_of(const struct qds_dist_entry *entries,
				   uint32_t nr)
{
	struct json_object *list = json_object_new_array();
	uint32_t i;

	for (i = 0; i < nr; i++) {
		struct json_object *json = json_object_new_object();

		json_number(json, "x", entries[i].x);
		json_number(json, "count", entries[i].count);
		json_object_array_add(list, json);
	}
	return list;
}

static void print_json(const struct qds_table_stats *stats,
		       const struct qds_dist_entry *chain,
		       const struct qds_dist_entry *occupancy)
{
	struct json_object *json = json_object_new_object();

	json_number(json, "buckets", stats->buckets);
	json_number(json, "used_buckets", stats->used_buckets);
	json_number(json, "chained_buckets", stats->chained_buckets);
	json_number(json, "entries", stats->entries);
	json_number(json, "memory", stats->memory);
	json_object_object_add(json, "chain", json_of(chain, stats->chain_nr));
	json_object_object_add(json, "occupancy",
			       json_of(occupancy, stats->occupancy_nr));
	json_put_line(json);
}

static double average(const struct qds_dist_entry *entries, uint32_t nr)
{
	double sum = 0, count = 0;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		sum += (double)entries[i].x * entries[i].count;
		count += entries[i].count;
	}
	return count ? sum / count : 0;
}

static void print_text(const struct call *call,
		       const struct qds_table_stats *stats,
		       const struct qds_dist_entry *chain,
		       const struct qds_dist_entry *occupancy)
{
	unsigned int width = call->width ? call->width :
					   terminal_width(STDOUT_FILENO);
	struct bar lengths[LENGTHS], tenths[TENTHS];
	size_t nr;

	printf("%-15s %" PRIu64 "\n", "buckets", (uint64_t)stats->buckets);
	printf("%-15s %" PRIu64 "\n", "used_buckets",
	       (uint64_t)stats->used_buckets);
	printf("%-15s %" PRIu64 "\n", "chained_buckets",
	       (uint64_t)stats->chained_buckets);
	printf("%-15s %" PRIu64 "\n", "entries", (uint64_t)stats->entries);
	printf("%-15s %" PRIu64 "\n", "memory", (uint64_t)stats->memory);
	nr = bars_of_values(lengths, LENGTHS, chain, stats->chain_nr);
	if (nr) {
		printf("\nchains by their number of buckets; on average %.3f\n",
		       average(chain, stats->chain_nr));
		bars_print(stdout, lengths, nr, width, call->ascii);
	}
	bars_of_ranges(tenths, TENTHS, ALL_SLOTS, occupancy, stats->occupancy_nr);
	printf("\nchains by how full they are; on average %.2f %%\n",
	       average(occupancy, stats->occupancy_nr) * 100 / ALL_SLOTS);
	bars_print(stdout, tenths, TENTHS, width, call->ascii);
}

/**
 * stats_run() - print how a table is filled
 * @call: the command; its argument is the table
 *
 * Return: the status.
 */
enum status stats_run(struct call *call)
{
	struct distribution chain = { 0 }, occupancy = { 0 };
	struct qds_table_stats stats;
	struct object object;
	enum status status;
	int err;

	status = object_find(call, call->args[0], QDS_KIND_TABLE, &object);
	if (status)
		return status;
	err = get_stats(object.fd, &stats, &chain, &occupancy);
	if (err)
		status = fail_errno(call, err, "%s", object.name);
	else if (call->json)
		print_json(&stats, chain.entries, occupancy.entries);
	else
		print_text(call, &stats, chain.entries, occupancy.entries);
	free(chain.entries);
	free(occupancy.entries);
	return status;
}
