// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics of a qht: how full its chains are and how long.
 *
 * The table is looked through without its locks. Taking the lock of each chain
 * would make its cacheline this CPU's own, of every head in the table, and every
 * lookup after that miss; a lookup's way of reading leaves the lines shared. It
 * suffices: an entry that stays in the table stays in its slot.
 *
 * The way through the table is that of qht_walk(): by the position of hashes, so
 * that an entry that is there throughout is counted once, whatever is resized
 * meanwhile. Nothing is remembered between two RCU sections but that position, so
 * that each can be short, and maps may come and go.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/qdist.h>
#include <linux/qht.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/types.h>

/* Chains that are looked at in one RCU section. */
#define QHT_STATS_CHAINS	64

struct qht_chain_count {
	u32 buckets;
	u32 taken; /* slots */
};

/**
 * struct qht_stats_walk - where a look through a table stands
 * @position: first scrambled hash not yet looked at, 1 << 32 at the end
 * @entries: entries counted in this RCU section
 * @n: chains counted in this RCU section
 * @chains: what they are like
 */
struct qht_stats_walk {
	u64 position;
	u64 entries;
	unsigned int n;
	struct qht_chain_count chains[QHT_STATS_CHAINS];
};

/*
 * Count a bucket, and return how many of its entries have hashes from @first to
 * @last. Hashes are read before entries, as in a lookup; entries are not looked at.
 */
static u32 qht_count_bucket(const struct qht_bucket *b, u32 first, u32 last,
			    struct qht_chain_count *count)
{
	unsigned int i;
	u32 n = 0;

	count->buckets++;
	for (i = 0; i < QHT_BUCKET_ENTRIES; i++) {
		u32 h = READ_ONCE(b->hashes[i]);

		if (!rcu_access_pointer(b->entries[i]))
			continue;
		count->taken++;
		n += h >= first && h <= last;
	}
	return n;
}

/* The same of a chain. If it moves meanwhile, what is here stays as it is. */
static u32 qht_count_chain(const struct qht_bucket *head, u32 first, u32 last,
			   struct qht_chain_count *count)
{
	const struct qht_bucket *b;
	u32 n = 0;

	*count = (struct qht_chain_count){};
	for (b = head; b; b = qht_untag(rcu_dereference(b->next)))
		n += qht_count_bucket(b, first, last, count);
	return n;
}

/*
 * Count the chain at the position. It stands for a range of hashes; of the maps
 * that it has moved through, the narrowest range counts, since beyond it other
 * chains may not have moved. When a table shrinks that is not all of the chain's:
 * the chain itself then counts where its range begins, and only there.
 */
static void qht_stats_step(const struct qht *ht, struct qht_stats_walk *walk)
{
	const struct qht_map *map = rcu_dereference(ht->map);
	u32 h = walk->position, mask = U32_MAX, own;
	struct qht_chain_count count;
	struct qht_bucket *head;

	for (;;) {
		own = (1ULL << map->shift) - 1;
		mask = min(mask, own);
		head = qht_head(map, h);
		if (!qht_moved(qht_next_acquire(head)))
			break;
		map = rcu_dereference(map->next);
	}
	walk->entries += qht_count_chain(head, h, h | mask, &count);
	if (!(h & own))
		walk->chains[walk->n++] = count;
	walk->position = (u64)(h | mask) + 1;
}

/* Outside of the RCU section, since it may take memory. */
static int qht_stats_add(struct qht_stats *stats,
			 const struct qht_stats_walk *walk, gfp_t gfp)
{
	unsigned int i;
	int ret = 0;

	stats->entries += walk->entries;
	stats->head_buckets += walk->n;
	for (i = 0; i < walk->n && !ret; i++) {
		const struct qht_chain_count *count = &walk->chains[i];
		u64 taken = (u64)count->taken * QHT_STATS_SCALE;
		u32 slots = count->buckets * QHT_BUCKET_ENTRIES;

		stats->chained_buckets += count->buckets - 1;
		ret = qdist_inc(&stats->occupancy,
				DIV_ROUND_CLOSEST_ULL(taken, slots), gfp);
		if (ret || !count->taken)
			continue;
		stats->used_head_buckets++;
		ret = qdist_inc(&stats->chain, count->buckets, gfp);
	}
	return ret;
}

/* Bytes of the maps; false when there is none, in a table of zeroes. */
static bool qht_stats_maps(const struct qht *ht, struct qht_stats *stats)
{
	const struct qht_map *map;
	bool any;

	rcu_read_lock();
	map = rcu_dereference(ht->map);
	any = !!map;
	for (; map; map = rcu_dereference(map->next))
		stats->memory += sizeof(*map) +
				 ((u64)sizeof(struct qht_bucket) << map->bits);
	rcu_read_unlock();
	return any;
}

static int qht_stats_walk(const struct qht *ht, struct qht_stats *stats,
			  gfp_t gfp)
{
	struct qht_stats_walk walk = {};
	unsigned int steps;
	int ret;

	do {
		walk.n = 0;
		walk.entries = 0;
		rcu_read_lock();
		for (steps = QHT_STATS_CHAINS;
		     steps && walk.position <= U32_MAX; steps--)
			qht_stats_step(ht, &walk);
		rcu_read_unlock();
		ret = qht_stats_add(stats, &walk, gfp);
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	} while (!ret && walk.position <= U32_MAX);
	return ret;
}

/**
 * qht_statistics() - see how a table is filled
 * @ht: the table, or zeroes in the place of one
 * @stats: filled in; to be given to qht_statistics_destroy()
 * @gfp: for the memory of the distributions
 *
 * Beside writers and resizes an entry that is there throughout is counted exactly
 * once, and what is said of a chain was true of it at some moment; while nobody
 * writes and nothing is resized, all is exact.
 *
 * After qht_statistics_init() of QEMU's util/qht.c.
 *
 * Context: Process; sleeps. Takes no lock; reads 64 chains at a time under
 * rcu_read_lock().
 * Return: 0; -ENOMEM; -EINTR after a fatal signal. On an error there is nothing to
 * be destroyed.
 */
int qht_statistics(const struct qht *ht, struct qht_stats *stats, gfp_t gfp)
{
	int ret;

	*stats = (struct qht_stats){};
	qdist_init(&stats->chain);
	qdist_init(&stats->occupancy);
	if (!qht_stats_maps(ht, stats))
		return 0;
	ret = qht_stats_walk(ht, stats, gfp);
	if (ret) {
		qht_statistics_destroy(stats);
		return ret;
	}
	stats->memory += stats->chained_buckets * sizeof(struct qht_bucket);
	return 0;
}
EXPORT_SYMBOL_GPL(qht_statistics);

/**
 * qht_statistics_destroy() - give back the memory of statistics
 * @stats: what qht_statistics() has filled in
 *
 * Context: Any but hard interrupts.
 */
void qht_statistics_destroy(struct qht_stats *stats)
{
	qdist_destroy(&stats->chain);
	qdist_destroy(&stats->occupancy);
}
EXPORT_SYMBOL_GPL(qht_statistics_destroy);
