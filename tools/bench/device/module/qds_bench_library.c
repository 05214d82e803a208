// SPDX-License-Identifier: GPL-2.0
/*
 * What looking up costs a user of the library, who is in the kernel and crosses no
 * system call. A program drives it by writing to the module's parameters, and takes
 * the time of its writes:
 *
 *	entries		make a table of so many entries, a power of two
 *	lookup		so many lookups, BATCH keys at a time; hashes are computed
 *	lookup_hashed	likewise; hashes are at hand, and values are not looked at
 *	check		are the values right that lookups have found?
 *
 * The table is as the device makes one: an entry has a head for RCU and then the key
 * and the value; the hash is the keyed one. lookup leaves in memory of the kernel's
 * what the device leaves in the caller's: values.
 */
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "../keys.h"

#define BATCH		512U

static_assert(BATCH % QHT_BATCH == 0);

struct entry {
	struct rcu_head rcu;
	struct bench_key key;
	u64 value;
};

/**
 * struct table - the one table that there is
 * @ht: struct entry
 * @secret: of the hash
 * @n: number of entries; 0 if there is no table
 * @at: where in the order of lookups the next one is
 * @keys: of all entries, in the order in which they are looked up
 * @hashes: of @keys
 * @values: as found by the last lookup of each key
 * @batch: hashes of the keys that are being looked up
 */
struct table {
	struct qht ht;
	hsiphash_key_t secret;
	u32 n;
	u32 at;
	struct bench_key *keys;
	u32 *hashes;
	u64 *values;
	u32 batch[BATCH];
};

static struct table table;

static __always_inline bool entry_match(const void *entry, const void *key)
{
	return !memcmp(&((const struct entry *)entry)->key, key,
		       sizeof(struct bench_key));
}

static bool entries_equal(const void *entry, const void *other)
{
	return entry_match(entry, &((const struct entry *)other)->key);
}

static u32 hash_key(const struct bench_key *key)
{
	return hsiphash(key, sizeof(*key), &table.secret);
}

static void entry_free(void *entry, void *arg)
{
	kfree(entry);
}

static void table_free(void)
{
	if (!table.n)
		return;
	qht_destroy(&table.ht, entry_free, NULL);
	kvfree(table.keys);
	kvfree(table.hashes);
	kvfree(table.values);
	table.n = 0;
}

static int table_insert(u64 i)
{
	struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);
	int rc;

	if (!entry)
		return -ENOMEM;
	entry->key = key_of(i);
	entry->value = value_of(i);
	rc = qht_insert(&table.ht, entry, hash_key(&entry->key), NULL, GFP_KERNEL);
	if (rc)
		kfree(entry);
	return rc;
}

static int table_fill(void)
{
	u32 i;
	int rc;

	for (i = 0; i < table.n; i++) {
		rc = table_insert(i);
		if (rc)
			return rc;
		cond_resched();
	}
	for (i = 0; i < table.n; i++) {
		table.keys[i] = key_of(key_shuffle(i, ilog2(table.n)));
		table.hashes[i] = hash_key(&table.keys[i]);
		cond_resched();
	}
	return 0;
}

static int table_make(u32 n)
{
	int rc;

	rc = qht_init(&table.ht, entries_equal, 0, QHT_AUTO_RESIZE, GFP_KERNEL);
	if (rc)
		return rc;
	get_random_bytes(&table.secret, sizeof(table.secret));
	table.keys = kvmalloc_array(n, sizeof(*table.keys), GFP_KERNEL);
	table.hashes = kvmalloc_array(n, sizeof(*table.hashes), GFP_KERNEL);
	table.values = kvcalloc(n, sizeof(*table.values), GFP_KERNEL);
	table.at = 0;
	table.n = n;
	rc = -ENOMEM;
	if (table.keys && table.hashes && table.values)
		rc = table_fill();
	if (rc)
		table_free();
	return rc;
}

static int entries_set(const char *text, const struct kernel_param *param)
{
	u32 n;
	int rc = kstrtou32(text, 0, &n);

	if (rc)
		return rc;
	if (n && (n < BATCH || n > 1 << 24 || !is_power_of_2(n)))
		return -EINVAL;
	table_free();
	return n ? table_make(n) : 0;
}

static int find(const struct bench_key *keys, const u32 *hashes, void **found)
{
	u32 i;

	qht_lookup_batch(&table.ht, keys, sizeof(*keys), hashes, found, QHT_BATCH,
			 entry_match);
	for (i = 0; i < QHT_BATCH; i++)
		if (!found[i])
			return -ENOENT;
	return 0;
}

/* One BATCH from table.at on. */
static int lookup(void)
{
	const struct bench_key *keys = table.keys + table.at;
	u64 *values = table.values + table.at;
	void *found[QHT_BATCH];
	u32 i, j;
	int rc = 0;

	for (i = 0; i < BATCH; i++)
		table.batch[i] = hash_key(&keys[i]);
	for (i = 0; i < BATCH && !rc; i += QHT_BATCH) {
		rcu_read_lock();
		rc = find(keys + i, table.batch + i, found);
		for (j = 0; j < QHT_BATCH && !rc; j++)
			values[i + j] = ((struct entry *)found[j])->value;
		rcu_read_unlock();
	}
	return rc;
}

static int lookup_hashed(void)
{
	void *found[QHT_BATCH];
	u32 i;
	int rc = 0;

	for (i = table.at; i < table.at + BATCH && !rc; i += QHT_BATCH) {
		rcu_read_lock();
		rc = find(table.keys + i, table.hashes + i, found);
		rcu_read_unlock();
	}
	return rc;
}

static int run(const char *text, int (*batch)(void))
{
	u32 n, i;
	int rc = kstrtou32(text, 0, &n);

	if (rc)
		return rc;
	if (!table.n || n % BATCH)
		return -EINVAL;
	for (i = 0; i < n && !rc; i += BATCH) {
		rc = batch();
		table.at = (table.at + BATCH) & (table.n - 1);
		cond_resched();
	}
	return rc;
}

static int lookup_set(const char *text, const struct kernel_param *param)
{
	return run(text, lookup);
}

static int lookup_hashed_set(const char *text, const struct kernel_param *param)
{
	return run(text, lookup_hashed);
}

/* At least so many lookups must have been, and none wrong. They are forgotten then. */
static int check_set(const char *text, const struct kernel_param *param)
{
	u32 wanted, i, n = 0;
	int rc = kstrtou32(text, 0, &wanted);

	if (rc)
		return rc;
	for (i = 0; i < table.n; i++) {
		u64 value = table.values[i];

		table.values[i] = NO_VALUE;
		if (value == NO_VALUE)
			continue;
		if (value != value_of(key_shuffle(i, ilog2(table.n))))
			return -EIO;
		n++;
		cond_resched();
	}
	return n >= wanted ? 0 : -ENODATA;
}

static const struct kernel_param_ops entries_ops = { .set = entries_set };
static const struct kernel_param_ops lookup_ops = { .set = lookup_set };
static const struct kernel_param_ops lookup_hashed_ops = { .set = lookup_hashed_set };
static const struct kernel_param_ops check_ops = { .set = check_set };

/* They are written one at a time: the kernel has a lock for that. */
module_param_cb(entries, &entries_ops, NULL, 0200);
MODULE_PARM_DESC(entries, "make a table of so many entries, a power of two; 0: none");
module_param_cb(lookup, &lookup_ops, NULL, 0200);
MODULE_PARM_DESC(lookup, "look up so many keys, a multiple of 512");
module_param_cb(lookup_hashed, &lookup_hashed_ops, NULL, 0200);
MODULE_PARM_DESC(lookup_hashed, "likewise, but hash nothing and copy nothing");
module_param_cb(check, &check_ops, NULL, 0200);
MODULE_PARM_DESC(check, "see whether what lookups found is right, so many at least");

static int __init qds_bench_library_init(void)
{
	return 0;
}
module_init(qds_bench_library_init);

static void __exit qds_bench_library_exit(void)
{
	table_free();
}
module_exit(qds_bench_library_exit);

MODULE_DESCRIPTION("qht's own lookups, to measure those through /dev/qds by");
MODULE_LICENSE("GPL");
