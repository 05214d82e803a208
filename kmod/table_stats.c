// SPDX-License-Identifier: GPL-2.0
/*
 * How a table is filled: for its users, and for debugfs.
 */
#include <linux/build_bug.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/qdist.h>
#include <linux/qht.h>
#include <linux/seq_file.h>
#include <linux/stddef.h>

#include "qds_private.h"

/* Bins of a histogram that has more values than that. */
#define QDS_STATS_BINS		10

/* Distributions are copied as they are; values of tables are not negative. */
static_assert(sizeof(struct qds_dist_entry) == sizeof(struct qdist_entry));
static_assert(offsetof(struct qds_dist_entry, x) ==
	      offsetof(struct qdist_entry, x));
static_assert(offsetof(struct qds_dist_entry, count) ==
	      offsetof(struct qdist_entry, count));

/* Write as much of a distribution as there is room for, and say how much it is. */
static int qds_stats_copy_out(u64 to, u32 *nr, const struct qdist *dist)
{
	u32 room = *nr;

	*nr = qdist_unique_entries(dist);
	return qds_copy_out(to, 0, dist->entries,
			    min(room, *nr) * sizeof(struct qds_dist_entry));
}

int qds_table_stats(struct qds_cmd *cmd)
{
	struct qds_table_stats *args = &cmd->args->table_stats;
	struct qht_stats stats;
	int rc;

	rc = qht_statistics(qds_table_ht(cmd->object), &stats, QDS_GFP);
	if (rc)
		return rc;
	rc = qds_stats_copy_out(args->chain, &args->chain_nr, &stats.chain);
	if (!rc)
		rc = qds_stats_copy_out(args->occupancy, &args->occupancy_nr,
					&stats.occupancy);
	qht_statistics_destroy(&stats);
	if (rc)
		return rc;
	args->buckets = stats.head_buckets;
	args->used_buckets = stats.used_head_buckets;
	args->chained_buckets = stats.chained_buckets;
	args->entries = stats.entries;
	args->memory = stats.memory;
	return qds_respond(cmd);
}

/* The difference between the greatest and the least value. */
static u64 qds_stats_range(const struct qdist *dist)
{
	s64 min, max;

	if (qdist_xmin(dist, &min) || qdist_xmax(dist, &max))
		return 0;
	return max - min;
}

/* End the line of the histogram, and print what it is of. */
static void qds_show_pairs(struct seq_file *m, const char *name,
			   const struct qdist *dist)
{
	seq_printf(m, "\n%s", name);
	if (qdist_unique_entries(dist))
		seq_putc(m, ' ');
	qdist_seq_pr_pairs(m, dist);
	seq_putc(m, '\n');
}

static int qds_show_chain(struct seq_file *m, const struct qdist *dist)
{
	struct qdist_style style = {
		.options = QDIST_PR_BORDER | QDIST_PR_LABELS,
	};
	struct qdist_avg avg;
	int rc;

	/* A bin for each length, if they are few. */
	if (qds_stats_range(dist) > QDS_STATS_BINS)
		style.bins = QDS_STATS_BINS;
	else
		style.options |= QDIST_PR_NODECIMAL | QDIST_PR_NOBINRANGE;
	if (!qdist_avg(dist, &avg))
		seq_printf(m, "chain_average %lld.%03u\n", avg.whole, avg.milli);
	seq_puts(m, "chain ");
	rc = qdist_seq_pr(m, dist, &style);
	qds_show_pairs(m, "chain_pairs", dist);
	return rc;
}

static int qds_show_occupancy(struct seq_file *m, const struct qdist *dist)
{
	struct qdist_style style = {
		.bins = QDS_STATS_BINS,
		.scale = QHT_STATS_SCALE,
		.options = QDIST_PR_BORDER | QDIST_PR_LABELS | QDIST_PR_100X |
			   QDIST_PR_PERCENT,
	};
	struct qdist_avg avg;
	u32 rem;
	int rc;

	if (qds_stats_range(dist) == QHT_STATS_SCALE)
		style.options |= QDIST_PR_NODECIMAL;
	if (!qdist_avg(dist, &avg)) {
		u64 percent = div_u64_rem(avg.whole, 10, &rem);

		seq_printf(m, "occupancy_average %llu.%u%02u%%\n", percent, rem,
			   avg.milli / 10);
	}
	seq_puts(m, "occupancy ");
	rc = qdist_seq_pr(m, dist, &style);
	qds_show_pairs(m, "occupancy_pairs", dist);
	return rc;
}

void qds_table_show_size(struct seq_file *m, struct qds_object *object)
{
	struct qds_table_info info;

	qds_table_describe(object, &info);
	seq_printf(m, "entries %llu max_entries %llu buckets %llu state %u",
		   info.entries, info.max_entries, info.buckets, info.state);
}

/* Lines of a name and what it is, the first one of the table's kind and number. */
int qds_table_show(struct seq_file *m, struct qds_object *object)
{
	struct qds_table_info info;
	struct qht_stats stats;
	int rc;

	rc = qht_statistics(qds_table_ht(object), &stats, GFP_KERNEL);
	if (rc)
		return rc;
	qds_table_describe(object, &info);
	seq_printf(m, "table %llu\n", object->id);
	seq_printf(m, "key_size %u\n", info.key_size);
	seq_printf(m, "value_size %u\n", info.value_size);
	seq_printf(m, "max_entries %llu\n", info.max_entries);
	seq_printf(m, "entries %llu\n", stats.entries);
	seq_printf(m, "buckets %llu\n", stats.head_buckets);
	seq_printf(m, "used_buckets %llu\n", stats.used_head_buckets);
	seq_printf(m, "chained_buckets %llu\n", stats.chained_buckets);
	seq_printf(m, "memory %llu\n", stats.memory);
	rc = qds_show_chain(m, &stats.chain);
	if (!rc)
		rc = qds_show_occupancy(m, &stats.occupancy);
	qht_statistics_destroy(&stats);
	return rc;
}
