// SPDX-License-Identifier: GPL-2.0
/*
 * Torture test of qht: threads that do everything to one table at the same time
 * and know at each moment what it must answer.
 *
 * In the shape of kernel/scftorture.c (Paul E. McKenney), with helpers of its
 * own, since distributions do not build kernel/torture.c.
 */
#define pr_fmt(fmt) "qht-torture: " fmt

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/qht.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#ifdef QDS_TWIN
#include <twin.h>
#endif

/**
 * DOC: qht_torture
 *
 * The test begins when the module is loaded and ends after @runtime seconds, or
 * when the module is unloaded. Its last line on the console is the verdict::
 *
 *	qht-torture: End of test: SUCCESS
 *	qht-torture: End of test: FAILURE: 3 errors
 *
 * **Threads.** Updaters (@nthreads) do every operation, chosen by weight. Readers
 * (@nreaders), walkers (@nwalkers) and resizers (@nresizers) do only what their
 * name says, by the same weights.
 *
 * **Keys**, @nkeys of each kind, @keys_per_hash neighbours of different kinds to
 * a hash:
 *
 * - permanent ones are inserted at the start and stay: every lookup must find
 *   them and every walk must come by each once;
 * - absent ones are never inserted;
 * - owned ones are changed by one updater only, which therefore knows what each
 *   of its operations must answer, and says so: everybody who looks while it
 *   changes nothing must find precisely its entry;
 * - shared ones are changed by all. A ledger counts the insertions won less the
 *   removals won; where all is quiet it is 0 or 1, and the table agrees.
 *
 * **Entries.** One that is taken out is poisoned after a grace period, so that a
 * lookup that returns it later is seen, and freed a while after that. Each
 * knows when its insertion and its removal had returned, so a lookup
 * that began later must not return what had been removed by then.
 *
 * **Softirqs.** The RCU callbacks that free entries look up keys, and now and then
 * insert a shared key or remove it.
 *
 * **Audits.** Every @stutter seconds, and at the end, those who change entries halt,
 * the resizers do not, and the whole table is compared with what is known,
 * qht_count() too. At the end the entries that qht_destroy() releases must be as
 * many, and none may have been lost.
 *
 * Parameters of the test:
 *
 * - @nthreads: updaters; -1 is one for each CPU
 * - @nreaders, @nwalkers, @nresizers: threads of these kinds
 * - @runtime: seconds until the test ends, 0: when the module is unloaded
 * - @stat_interval: seconds between two lines of statistics, 0: at the end only
 * - @stutter: seconds between two audits, 0: at the end only
 * - @seed: of the threads' choices, 0: a random one; printed at the start. The
 *   threads' interleaving is not repeated with it.
 * - @verbose: tell when threads begin and end, and of each audit
 *
 * Parameters of the table:
 *
 * - @nkeys: keys of each kind
 * - @hot_keys: of each kind, those to which half of the operations go
 * - @keys_per_hash: keys that have the same 32-bit hash
 * - @min_elems, @max_elems: the range of qht_resize()'s n_elems. The less, the
 *   longer the chains.
 * - @auto_resize: 0: sizes are what resizers make them; 1: the table grows by
 *   itself as well; 2: it grows and shrinks
 *
 * Weights of operations, 0: never; weight_lookup and so on:
 *
 * - lookup, lookup_batch
 * - insert, get_or_insert, replace, remove
 * - walk: a whole one, by qht_walk() or qht_iter()
 * - iter_remove: of a sixteenth of the keys that the updater may change
 * - resize_up, resize_down: by a factor of 2 to 8
 * - reset: of the whole table, by qht_reset() or qht_reset_size(); 0 unless asked
 *   for, since all keys are shared then and less can be checked
 *
 * - @softirq: one in so many RCU callbacks changes a shared key, 0: none
 * - @fail_every: one in so many operations runs out of memory, 0: none; needs
 *   CONFIG_FAULT_INJECTION. In a kernel also echo N into
 *   /sys/kernel/debug/failslab/ignore-gfp-wait.
 * - @forget_every: one in so many insertions of owned keys is kept from the
 *   checker, 0: none. The verdict must then be FAILURE: a test of the test.
 *
 * @errors can be read, and is the number of errors so far.
 */

#define torture_param(type, name, init, msg)				\
	static type name = init;					\
	module_param(name, type, 0444);					\
	MODULE_PARM_DESC(name, msg)

torture_param(int, nthreads, -1, "Updaters, -1: one for each CPU");
torture_param(uint, nreaders, 1, "Threads that look up");
torture_param(uint, nwalkers, 1, "Threads that walk");
torture_param(uint, nresizers, 1, "Threads that resize");
torture_param(uint, runtime, 0, "Seconds until the end, 0: when unloaded");
torture_param(uint, stat_interval, 60, "Seconds between statistics, 0: at the end only");
torture_param(uint, stutter, 1, "Seconds between audits, 0: at the end only");
torture_param(ulong, seed, 0, "Seed of the threads' choices, 0: random");
torture_param(bool, verbose, false, "Tell of threads and audits");
torture_param(uint, nkeys, 128, "Keys of each kind");
torture_param(uint, hot_keys, 4, "Of each kind, those that get half of the operations");
torture_param(uint, keys_per_hash, 3, "Keys that have the same hash");
torture_param(ulong, min_elems, 32, "Least that resizers make room for");
torture_param(ulong, max_elems, 4096, "Most that resizers make room for");
torture_param(uint, auto_resize, 2, "Table resizes itself: 0 no, 1 grows, 2 grows and shrinks");
torture_param(uint, weight_lookup, 300, "Weight of lookups");
torture_param(uint, weight_lookup_batch, 30, "Weight of batched lookups");
torture_param(uint, weight_insert, 100, "Weight of insertions");
torture_param(uint, weight_get_or_insert, 50, "Weight of get-or-insert");
torture_param(uint, weight_replace, 50, "Weight of replacements");
torture_param(uint, weight_remove, 130, "Weight of removals");
torture_param(uint, weight_walk, 1, "Weight of walks");
torture_param(uint, weight_iter_remove, 2, "Weight of iterate-and-remove");
torture_param(uint, weight_resize_up, 1, "Weight of growth");
torture_param(uint, weight_resize_down, 1, "Weight of shrinkage");
torture_param(uint, weight_reset, 0, "Weight of resets");
torture_param(uint, softirq, 8, "One in so many RCU callbacks changes a key, 0: none");
torture_param(uint, fail_every, 0, "One in so many operations has no memory, 0: none");
torture_param(uint, forget_every, 0, "One in so many insertions is kept from the checker, 0: none");

/* Errors found; can be read while the test runs and after it. */
static int errors;
module_param(errors, int, 0444);
MODULE_PARM_DESC(errors, "Errors found so far (read only)");

#define TORTURE_MAX_MESSAGES	20
#define TORTURE_BATCH		16
#define TORTURE_STEP		8
/* Poisoned entries that are not yet given back to the allocator. */
#define TORTURE_QUARANTINE	256
#define TORTURE_STRIPES		16

#define ITEM_ALIVE		0xA11FE5EDU
#define ITEM_POISON		0xDEADBEA7U
#define ITEM_IN			0
#define ITEM_OUT		1

/* Kinds of keys: a key modulo the number of kinds. */
enum {
	KIND_PERMANENT,
	KIND_ABSENT,
	KIND_SHARED,
	KIND_OWNED, /* by updater 0, and so on */
};

/* Kinds of threads, and which of them do an operation. */
enum {
	UPDATER = BIT(0),
	READER = BIT(1),
	WALKER = BIT(2),
	RESIZER = BIT(3),
};

/* What threads count. */
enum {
	N_FOUND,
	N_INSERTED,
	N_EXISTED,
	N_REPLACED,
	N_REMOVED,
	N_VISITED,
	N_NOMEM,
	N_COUNTERS
};

static const char *const counter_names[N_COUNTERS] = {
	"found", "inserted", "existed", "replaced", "removed", "visited", "nomem",
};

struct torture;

/**
 * struct torture_item - an entry
 * @t: the test
 * @key: never changes
 * @hash: that of @key
 * @magic: ITEM_ALIVE until a grace period after the removal; a plain word, so
 *	that a missing grace period is a data race as well
 * @state: ITEM_IN until somebody is told that it removed the entry
 * @inserted: when its insertion had returned, or 0
 * @removed: when its removal had returned, or 0
 * @next: of several that were removed at once
 * @rcu: for its release
 */
struct torture_item {
	struct torture *t;
	u32 key;
	u32 hash;
	u32 magic;
	atomic_t state;
	unsigned long inserted;
	unsigned long removed;
	struct torture_item *next;
	struct rcu_head rcu;
};

/**
 * struct torture_key - what is known of a key
 * @seq: odd while its owner changes the entry; always, where there is no owner
 * @gaps: odd while its owner inserts or removes; not when it replaces
 * @item: the entry that its owner has put in, or NULL
 * @ledger: of a shared key: insertions won less removals won. A removal is counted
 *	before it is tried, an insertion when it has returned, so that it is never
 *	more than what is in the table
 */
struct torture_key {
	u32 seq;
	u32 gaps;
	struct torture_item *item;
	atomic_t ledger;
};

/**
 * struct torture_view - what was known of a key before somebody looked
 * @key: the key
 * @seq: its seq
 * @gaps: its gaps
 * @item: its item
 * @now: the test's clock
 * @floor: entries that were in at this time have been reset
 */
struct torture_view {
	u32 key;
	u32 seq;
	u32 gaps;
	const struct torture_item *item;
	unsigned long now;
	unsigned long floor;
};

/* The key comes first: qht_lookup_batch() strides over the views. */
static_assert(!offsetof(struct torture_view, key));

/**
 * struct torture_walk - a walk and what it has come by
 * @t: the test
 * @view: from before the step
 * @last: scrambled hash of the last entry
 * @last_entry: its address
 * @n: number of entries
 * @seqs: of each key, from before the walk
 * @seen: of each key: how often
 */
struct torture_walk {
	struct torture *t;
	struct torture_view view;
	u32 last;
	const void *last_entry;
	unsigned long n;
	u32 *seqs;
	u8 *seen;
};

struct torture_thread {
	struct torture *t;
	struct task_struct *task;
	const char *name;
	unsigned int kind;
	unsigned int id;
	u64 rng;
	unsigned int weight; /* of all that it may do */
	struct torture_walk walk;
	struct torture_view views[TORTURE_BATCH];
	u32 hashes[TORTURE_BATCH];
	void *entries[TORTURE_BATCH];
	struct torture_item stranger; /* never in the table */
	unsigned long *runs; /* of each operation */
	unsigned long counts[N_COUNTERS];
};

/**
 * struct torture - the test
 * @ht: what is tested
 * @n_kinds: of keys
 * @n_keys: of all kinds
 * @keys: what is known of each
 * @sharing: all keys but the absent ones are shared, for the sake of resets
 * @clock: moves when an entry has been inserted or removed
 * @reset_floor: what was in at this time has been reset
 * @quiet: those who change entries are to halt
 * @n_parked: updaters that have halted
 * @n_items: entries allocated and not freed
 * @n_expected: entries that the last audit found
 * @n_released: entries that qht_destroy() has released
 * @quarantine: poisoned entries, a ring
 * @quarantine_at: its next place
 * @n_threads: those that run
 * @threads: all but the control
 * @control: audits, prints, and ends the test
 * @ended: the verdict has been given
 */
struct torture {
	struct qht ht;
	unsigned int n_kinds;
	u32 n_keys;
	struct torture_key *keys;
	bool sharing;
	atomic_long_t clock;
	unsigned long reset_floor;
	bool quiet;
	atomic_t n_parked;
	atomic_long_t n_items;
	unsigned long n_expected;
	unsigned long n_released;
	struct torture_item *quarantine[TORTURE_QUARANTINE];
	atomic_t quarantine_at;
	unsigned int n_threads;
	struct torture_thread *threads;
	struct torture_thread control;
	bool ended;
};

static struct torture *torture;
static atomic_t n_errors;

#define torture_error(fmt, ...)						\
do {									\
	int __nth = atomic_inc_return_relaxed(&n_errors);		\
									\
	WRITE_ONCE(errors, __nth);					\
	if (__nth <= TORTURE_MAX_MESSAGES)				\
		pr_alert("!!! " fmt "\n", ##__VA_ARGS__);		\
} while (0)

#define torture_verbose(fmt, ...)					\
do {									\
	if (verbose)							\
		pr_info(fmt "\n", ##__VA_ARGS__);			\
} while (0)

/* --- choices --- */

static u32 torture_random(struct torture_thread *th)
{
	th->rng ^= th->rng >> 12;
	th->rng ^= th->rng << 25;
	th->rng ^= th->rng >> 27;
	return (th->rng * 0x2545F4914F6CDD1DULL) >> 32;
}

static u32 torture_below(struct torture_thread *th, u32 n)
{
	return torture_random(th) % n;
}

static void torture_count(struct torture_thread *th, unsigned int counter,
			  unsigned long n)
{
	WRITE_ONCE(th->counts[counter], th->counts[counter] + n);
}

/* One to one, so that keys_per_hash is what it says. */
static u32 hash_of(u32 key)
{
	return key / keys_per_hash * 0x85EBCA6B;
}

static unsigned int kind_of(const struct torture *t, u32 key)
{
	return key % t->n_kinds;
}

static bool key_is_shared(const struct torture *t, u32 key)
{
	unsigned int kind = kind_of(t, key);

	return kind == KIND_SHARED || (t->sharing && kind != KIND_ABSENT);
}

/* One of all, or of the few that threads are to meet at. */
static u32 pick_index(u32 random)
{
	return (random & BIT(31)) ? random % nkeys : random % min(nkeys, hot_keys);
}

static u32 pick_shared(const struct torture *t, u32 random)
{
	return pick_index(random) * t->n_kinds + KIND_SHARED;
}

static u32 pick_any(struct torture_thread *th)
{
	u32 index = pick_index(torture_random(th));

	return index * th->t->n_kinds + torture_below(th, th->t->n_kinds);
}

/* A key that an updater may change. */
static u32 pick_changeable(struct torture_thread *th)
{
	const struct torture *t = th->t;
	u32 index = pick_index(torture_random(th));
	unsigned int kind = KIND_SHARED;

	if (torture_random(th) & 1)
		kind = KIND_OWNED + th->id;
	else if (t->sharing && (torture_random(th) & 1))
		kind = KIND_PERMANENT;
	return index * t->n_kinds + kind;
}

/* --- entries --- */

static bool items_equal(const void *a, const void *b)
{
	const struct torture_item *x = a, *y = b;

	return x->key == y->key;
}

static bool item_has_key(const void *entry, const void *key)
{
	const struct torture_item *item = entry;

	return item->key == *(const u32 *)key;
}

static struct torture_item *item_alloc(struct torture *t, u32 key, gfp_t gfp)
{
	struct torture_item *item = kzalloc(sizeof(*item), gfp | __GFP_NOWARN);

	if (!item)
		return NULL;
	item->t = t;
	item->key = key;
	item->hash = hash_of(key);
	item->magic = ITEM_ALIVE;
	atomic_long_inc(&t->n_items);
	return item;
}

static void item_free(struct torture_item *item)
{
	atomic_long_dec(&item->t->n_items);
	kfree(item);
}

/*
 * The clock: a time later than all that this thread has seen done. Relaxed and
 * with fences, which do not hide data races from ThreadSanitizer and KCSAN.
 */
static unsigned long torture_stamp(struct torture *t)
{
	smp_mb(); /* What was done comes before; pairs with torture_now(). */
	return atomic_long_inc_return_relaxed(&t->clock);
}

static unsigned long torture_now(struct torture *t)
{
	unsigned long now = atomic_long_read(&t->clock);

	smp_mb(); /* What had been done by then is seen; see torture_stamp(). */
	return now;
}

static bool had_happened(unsigned long stamp, unsigned long now)
{
	return stamp && (long)(stamp - now) <= 0;
}

/* May the table hand out this entry to somebody who has begun at @view? */
static bool item_check(const struct torture_view *view,
		       const struct torture_item *item, const char *who)
{
	if (item->magic != ITEM_ALIVE) {
		torture_error("%s: entry %p is freed or not one: %#x", who, item,
			      item->magic);
		return false;
	}
	if (had_happened(READ_ONCE(item->removed), view->now))
		torture_error("%s: key %u had been removed", who, item->key);
	if (had_happened(READ_ONCE(item->inserted), view->floor))
		torture_error("%s: key %u survived a reset", who, item->key);
	return true;
}

/* --- what is known of keys --- */

static void view_open(struct torture *t, u32 key, struct torture_view *view)
{
	const struct torture_key *k = &t->keys[key];

	view->key = key;
	view->floor = READ_ONCE(t->reset_floor);
	view->seq = READ_ONCE(k->seq);
	view->gaps = READ_ONCE(k->gaps);
	smp_rmb(); /* Pairs with key_open(): if these stay, so does the item. */
	view->item = READ_ONCE(k->item);
	view->now = torture_now(t);
}

/* Was @found the right answer to whoever has begun at @view? Under RCU. */
static void view_check(struct torture *t, const struct torture_view *view,
		       const struct torture_item *found, const char *who)
{
	const struct torture_key *k = &t->keys[view->key];

	smp_rmb(); /* The lookup comes before; pairs with key_open(). */
	if (found && item_check(view, found, who) && found->key != view->key)
		torture_error("%s: key %u for key %u", who, found->key, view->key);
	if (!(view->seq & 1) && READ_ONCE(k->seq) == view->seq) {
		if (found != view->item)
			torture_error("%s: key %u: %p, and not %p", who, view->key,
				      found, view->item);
	} else if (!(view->gaps & 1) && READ_ONCE(k->gaps) == view->gaps) {
		if (view->item && !found)
			torture_error("%s: key %u not found while replaced", who,
				      view->key);
	}
}

/* The owner begins to change an entry; a replacement leaves no gap. */
static void key_open(struct torture_key *k, bool gap)
{
	WRITE_ONCE(k->seq, k->seq + 1);
	if (gap)
		WRITE_ONCE(k->gaps, k->gaps + 1);
	smp_mb(); /* Before the change; pairs with view_open() and view_check(). */
}

static void key_close(struct torture_key *k, struct torture_item *item, bool gap)
{
	WRITE_ONCE(k->item, item);
	smp_mb(); /* After the change; pairs with view_open(). */
	if (gap)
		WRITE_ONCE(k->gaps, k->gaps + 1);
	WRITE_ONCE(k->seq, k->seq + 1);
}

/* --- lookups --- */

static void torture_lookup(struct torture_thread *th)
{
	struct torture_view *view = &th->views[0];
	struct torture *t = th->t;
	u32 key = pick_any(th);
	struct torture_item *found;

	view_open(t, key, view);
	rcu_read_lock();
	if (torture_random(th) & 1) {
		th->stranger.key = key;
		found = qht_lookup(&t->ht, &th->stranger, hash_of(key));
	} else {
		found = qht_lookup_custom(&t->ht, &key, hash_of(key), item_has_key);
	}
	view_check(t, view, found, "lookup");
	rcu_read_unlock();
	torture_count(th, N_FOUND, !!found);
}

static void torture_lookup_batch(struct torture_thread *th)
{
	u32 n = 1 + torture_below(th, TORTURE_BATCH), i, found = 0;
	struct torture *t = th->t;

	for (i = 0; i < n; i++) {
		u32 key = pick_any(th);

		view_open(t, key, &th->views[i]);
		th->hashes[i] = hash_of(key);
	}
	rcu_read_lock();
	qht_lookup_batch(&t->ht, th->views, sizeof(th->views[0]), th->hashes,
			 th->entries, n, item_has_key);
	for (i = 0; i < n; i++) {
		view_check(t, &th->views[i], th->entries[i], "lookup_batch");
		found += !!th->entries[i];
	}
	rcu_read_unlock();
	torture_count(th, N_FOUND, found);
}

/* --- changes --- */

enum torture_how { HOW_INSERT, HOW_GET_OR_INSERT };

/* As qht_insert(), by either function; *@existing is set on -EEXIST. */
static int torture_add(struct torture *t, struct torture_item *item,
		       void **existing, enum torture_how how, gfp_t gfp)
{
	void *entry;

	if (how == HOW_INSERT)
		return qht_insert(&t->ht, item, item->hash, existing, gfp);
	entry = qht_get_or_insert(&t->ht, item, item->hash, gfp);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	*existing = entry;
	return entry == item ? 0 : -EEXIST;
}

static void torture_added(struct torture_item *item)
{
	WRITE_ONCE(item->inserted, torture_stamp(item->t));
}

/* An insertion of a shared key has been won, or a removal has not. */
static void ledger_up(struct torture *t, u32 key)
{
	if (atomic_inc_return_relaxed(&t->keys[key].ledger) > 1)
		torture_error("shared key %u is there twice", key);
}

/* A removal of a shared key is about to be tried. */
static void ledger_down(struct torture *t, u32 key)
{
	atomic_dec_return_relaxed(&t->keys[key].ledger);
	smp_mb(); /* Before what makes room for an insertion. */
}

/* Somebody has been told that it removed the entry: nobody else may be. */
static bool item_take(struct torture_item *item)
{
	if (item->magic == ITEM_ALIVE &&
	    atomic_xchg_relaxed(&item->state, ITEM_OUT) == ITEM_IN)
		return true;
	torture_error("key %u: an entry was removed twice", item->key);
	return false;
}

static void item_free_rcu(struct rcu_head *rcu);

/* After item_take(). */
static void item_retire(struct torture_item *item)
{
	WRITE_ONCE(item->removed, torture_stamp(item->t));
	call_rcu(&item->rcu, item_free_rcu);
}

static void item_removed(struct torture_item *item)
{
	if (item_take(item))
		item_retire(item);
}

/* Returns the result of the insertion of a shared key. */
static int shared_add(struct torture *t, u32 key, enum torture_how how, gfp_t gfp)
{
	struct torture_item *item = item_alloc(t, key, gfp);
	struct torture_view view;
	void *existing = NULL;
	int ret;

	if (!item)
		return -ENOMEM;
	view_open(t, key, &view);
	rcu_read_lock();
	ret = torture_add(t, item, &existing, how, GFP_ATOMIC | __GFP_NOWARN);
	if (!ret) {
		torture_added(item);
		ledger_up(t, key);
	} else if (ret == -EEXIST) {
		view_check(t, &view, existing, "insert: existing");
	} else if (ret != -ENOMEM) {
		torture_error("insert: key %u: error %d", key, ret);
	}
	rcu_read_unlock();
	if (ret)
		item_free(item);
	return ret;
}

static bool shared_remove(struct torture *t, u32 key)
{
	u32 hash = hash_of(key);
	struct torture_item *item;
	bool removed = false;

	rcu_read_lock();
	item = qht_lookup_custom(&t->ht, &key, hash, item_has_key);
	if (item) {
		ledger_down(t, key);
		removed = qht_remove(&t->ht, item, hash);
		if (removed)
			item_removed(item);
		else
			ledger_up(t, key);
	}
	rcu_read_unlock();
	return removed;
}

/* Returns the result of the insertion of a key of one's own. */
static int own_add(struct torture_thread *th, u32 key, enum torture_how how)
{
	struct torture *t = th->t;
	struct torture_key *k = &t->keys[key];
	struct torture_item *old = k->item;
	struct torture_item *item = item_alloc(t, key, GFP_KERNEL);
	void *existing = NULL;
	bool forget = forget_every && !torture_below(th, forget_every);
	int ret;

	if (!item)
		return -ENOMEM;
	key_open(k, true);
	ret = torture_add(t, item, &existing, how, GFP_KERNEL | __GFP_NOWARN);
	if (!ret)
		torture_added(item);
	else
		item_free(item);
	key_close(k, ret || forget ? old : item, true);

	if (ret != (old ? -EEXIST : 0) && ret != -ENOMEM)
		torture_error("insert: own key %u was %s: %d", key,
			      old ? "there" : "not there", ret);
	if (ret == -EEXIST && existing != old)
		torture_error("insert: own key %u: another entry", key);
	return ret;
}

static void torture_add_any(struct torture_thread *th, enum torture_how how)
{
	u32 key = pick_changeable(th);
	int ret;

	if (key_is_shared(th->t, key))
		ret = shared_add(th->t, key, how, GFP_KERNEL);
	else
		ret = own_add(th, key, how);
	torture_count(th, ret == -EEXIST ? N_EXISTED : ret ? N_NOMEM : N_INSERTED, 1);
}

static void torture_insert(struct torture_thread *th)
{
	torture_add_any(th, HOW_INSERT);
}

static void torture_get_or_insert(struct torture_thread *th)
{
	torture_add_any(th, HOW_GET_OR_INSERT);
}

static bool own_remove(struct torture_thread *th, u32 key)
{
	struct torture *t = th->t;
	struct torture_key *k = &t->keys[key];
	struct torture_item *item = k->item;
	u32 hash = hash_of(key);

	if (qht_remove(&t->ht, &th->stranger, hash))
		torture_error("remove: key %u: an entry that was not there", key);
	if (!item)
		return false;
	key_open(k, true);
	if (!qht_remove(&t->ht, item, hash))
		torture_error("remove: own key %u was not there", key);
	else if (qht_remove(&t->ht, item, hash))
		torture_error("remove: own key %u is there again", key);
	key_close(k, NULL, true);
	item_removed(item);
	return true;
}

static void torture_remove(struct torture_thread *th)
{
	u32 key = pick_changeable(th);
	bool removed;

	if (key_is_shared(th->t, key))
		removed = shared_remove(th->t, key);
	else
		removed = own_remove(th, key);
	torture_count(th, N_REMOVED, removed);
}

static int shared_replace(struct torture *t, u32 key, struct torture_item *new)
{
	u32 hash = hash_of(key);
	struct torture_item *old;
	int ret = -ENOENT;

	rcu_read_lock();
	old = qht_lookup_custom(&t->ht, &key, hash, item_has_key);
	if (old)
		ret = qht_replace(&t->ht, old, new, hash);
	if (!ret) {
		torture_added(new);
		item_removed(old);
	} else if (ret != -ENOENT) {
		torture_error("replace: key %u: error %d", key, ret);
	}
	rcu_read_unlock();
	return ret;
}

static int own_replace(struct torture_thread *th, u32 key, struct torture_item *new)
{
	struct torture_key *k = &th->t->keys[key];
	struct torture_item *old = k->item;
	int ret;

	th->stranger.key = key;
	ret = qht_replace(&th->t->ht, &th->stranger, new, new->hash);
	if (ret != -ENOENT)
		torture_error("replace: own key %u: of what was not there: %d", key,
			      ret);
	if (!old || !ret)
		return ret;
	key_open(k, false);
	ret = qht_replace(&th->t->ht, old, new, new->hash);
	if (!ret)
		torture_added(new);
	key_close(k, ret ? old : new, false);
	if (ret)
		torture_error("replace: own key %u: error %d", key, ret);
	else
		item_removed(old);
	return ret;
}

static void torture_replace(struct torture_thread *th)
{
	u32 key = pick_changeable(th);
	struct torture_item *new = item_alloc(th->t, key, GFP_KERNEL);
	int ret;

	if (!new) {
		torture_count(th, N_NOMEM, 1);
		return;
	}
	if (key_is_shared(th->t, key))
		ret = shared_replace(th->t, key, new);
	else
		ret = own_replace(th, key, new);
	if (ret)
		item_free(new);
	torture_count(th, N_REPLACED, !ret);
}

/* --- release --- */

/* In softirqs, now and then. */
static void softirq_change(struct torture *t)
{
	u32 random = get_random_u32();

	if (!softirq || READ_ONCE(t->quiet) || random % softirq)
		return;
	random = get_random_u32();
	if (random & BIT(31))
		shared_add(t, pick_shared(t, random), HOW_INSERT, GFP_ATOMIC);
	else
		shared_remove(t, pick_shared(t, random));
}

static void softirq_lookup(struct torture *t, u32 key)
{
	struct torture_item *found;
	struct torture_view view;

	view_open(t, key, &view);
	rcu_read_lock();
	found = qht_lookup_custom(&t->ht, &key, hash_of(key), item_has_key);
	view_check(t, &view, found, "lookup in softirq");
	rcu_read_unlock();
}

/* A grace period after the removal. The table is still there. */
static void item_free_rcu(struct rcu_head *rcu)
{
	struct torture_item *item = container_of(rcu, struct torture_item, rcu);
	struct torture *t = item->t;
	u32 at = atomic_fetch_inc(&t->quarantine_at);
	struct torture_item *old;

	softirq_lookup(t, item->key - kind_of(t, item->key) + KIND_PERMANENT);
	softirq_change(t);
	item->magic = ITEM_POISON;
	old = xchg(&t->quarantine[at % TORTURE_QUARANTINE], item);
	if (old)
		item_free(old);
}

static void empty_quarantine(struct torture *t)
{
	unsigned int i;

	for (i = 0; i < TORTURE_QUARANTINE; i++)
		if (t->quarantine[i])
			item_free(t->quarantine[i]);
}

/* No callback runs any more, nor one that callbacks have asked for. */
static void wait_for_callbacks(struct torture *t)
{
	WARN_ON_ONCE(!READ_ONCE(t->quiet));
	rcu_barrier();
	rcu_barrier();
}

/* --- several at once --- */

struct torture_cull {
	struct torture_thread *th;
	u32 stripe;
	u32 n_permanent; /* offered */
	unsigned long n; /* taken */
	struct torture_item *items;
};

/* Under a chain's lock; the entry is out when the caller of select returns. */
static void cull_take(struct torture_cull *cull, struct torture_item *item)
{
	if (!item_take(item))
		return;
	if (key_is_shared(item->t, item->key))
		ledger_down(item->t, item->key);
	item->next = cull->items;
	cull->items = item;
	cull->n++;
}

static u32 stripe_of(const struct torture *t, u32 key)
{
	return key / t->n_kinds % TORTURE_STRIPES;
}

static bool may_cull(const struct torture_thread *th, u32 stripe, u32 key)
{
	const struct torture *t = th->t;

	return stripe_of(t, key) == stripe &&
	       (key_is_shared(t, key) || kind_of(t, key) == KIND_OWNED + th->id);
}

static bool cull_select(void *entry, void *arg)
{
	struct torture_cull *cull = arg;
	struct torture_item *item = entry;

	cull->n_permanent += kind_of(item->t, item->key) == KIND_PERMANENT;
	return may_cull(cull->th, cull->stripe, item->key);
}

static void cull_release(void *entry, void *arg)
{
	cull_take(arg, entry);
}

static void cull_retire(struct torture_cull *cull)
{
	struct torture_item *item, *next;

	for (item = cull->items; item; item = next) {
		next = item->next;
		item_retire(item);
	}
	torture_count(cull->th, N_REMOVED, cull->n);
}

/* Call @visit for each key of one's own in a stripe. */
static void own_stripe(struct torture_thread *th, u32 stripe,
		       void (*visit)(struct torture *t, u32 key))
{
	u32 index;

	if (th->t->sharing)
		return;
	for (index = stripe; index < nkeys; index += TORTURE_STRIPES)
		visit(th->t, index * th->t->n_kinds + KIND_OWNED + th->id);
}

static void cull_open_key(struct torture *t, u32 key)
{
	key_open(&t->keys[key], true);
}

static void cull_close_key(struct torture *t, u32 key)
{
	struct torture_item *item = t->keys[key].item;

	if (item && atomic_read(&item->state) == ITEM_IN) {
		torture_error("iter_remove: own key %u is still there", key);
		key_close(&t->keys[key], item, true);
	} else {
		key_close(&t->keys[key], NULL, true);
	}
}

static void torture_iter_remove(struct torture_thread *th)
{
	struct torture_cull cull = {
		.th = th,
		.stripe = torture_below(th, TORTURE_STRIPES),
	};
	u64 removed;

	own_stripe(th, cull.stripe, cull_open_key);
	removed = qht_iter_remove(&th->t->ht, cull_select, cull_release,
				  &cull);
	own_stripe(th, cull.stripe, cull_close_key);
	if (removed != cull.n)
		torture_error("iter_remove: removed %llu, selected %lu", removed,
			      cull.n);
	if (!th->t->sharing && cull.n_permanent != nkeys)
		torture_error("iter_remove: offered %u of %u permanent entries",
			      cull.n_permanent, nkeys);
	cull_retire(&cull);
}

static unsigned long random_size(struct torture_thread *th)
{
	return min_elems + torture_random(th) % (max_elems - min_elems + 1);
}

/* Of two resets at once the later one counts. */
static void raise_floor(struct torture *t, unsigned long now)
{
	unsigned long floor = READ_ONCE(t->reset_floor);

	while ((long)(now - floor) > 0) {
		unsigned long was = cmpxchg_relaxed(&t->reset_floor, floor, now);

		if (was == floor)
			break;
		floor = was;
	}
}

static void torture_reset(struct torture_thread *th)
{
	struct torture_cull cull = { .th = th };
	struct torture *t = th->t;
	unsigned long begun = torture_now(t);
	u64 removed = 0;
	int ret = 0;

	if (torture_random(th) & 1) {
		removed = qht_reset(&t->ht, cull_release, &cull);
		if (removed != cull.n)
			torture_error("reset: removed %llu, released %lu", removed,
				      cull.n);
	} else {
		ret = qht_reset_size(&t->ht, random_size(th), cull_release, &cull);
		if (ret && (ret != -ENOMEM || cull.n))
			torture_error("reset_size: error %d, released %lu", ret,
				      cull.n);
	}
	cull_retire(&cull);
	smp_mb(); /* The reset comes before; pairs with torture_now(). */
	if (!ret)
		raise_floor(t, begun);
}

/* --- sizes --- */

static void torture_resize(struct torture_thread *th, unsigned long size)
{
	int ret;

	size = clamp(size, min_elems, max_elems);
	ret = qht_resize(&th->t->ht, size);
	if (ret == -ENOMEM)
		torture_count(th, N_NOMEM, 1);
	else if (ret)
		torture_error("resize: to %lu: error %d", size, ret);
	/* Maps are freed a grace period later: do not outrun that. */
	if (th->kind == RESIZER)
		schedule_timeout_uninterruptible(torture_below(th, 3));
}

static void torture_resize_up(struct torture_thread *th)
{
	unsigned long size = qht_buckets(&th->t->ht) * QHT_BUCKET_ENTRIES;

	torture_resize(th, size << (1 + torture_below(th, 3)));
}

static void torture_resize_down(struct torture_thread *th)
{
	unsigned long size = qht_buckets(&th->t->ht) * QHT_BUCKET_ENTRIES;

	torture_resize(th, size >> (1 + torture_below(th, 3)));
}

/* --- walks --- */

static void walk_begin(struct torture_walk *walk)
{
	struct torture *t = walk->t;
	u32 key;

	walk->last = 0;
	walk->last_entry = NULL;
	walk->n = 0;
	memset(walk->seen, 0, t->n_keys);
	for (key = 0; key < t->n_keys; key++)
		walk->seqs[key] = READ_ONCE(t->keys[key].seq);
	/* Pairs with key_open(): if these stay, so do the items. */
	view_open(t, 0, &walk->view);
}

static void walk_visit(void *entry, void *arg)
{
	const struct torture_item *item = entry;
	struct torture_walk *walk = arg;
	u32 h;

	if (!item_check(&walk->view, item, "walk"))
		return;
	h = qht_scramble(item->hash);
	if (h < walk->last || (h == walk->last && entry <= walk->last_entry))
		torture_error("walk: key %u comes too late, or again", item->key);
	walk->last = h;
	walk->last_entry = entry;
	walk->n++;
	if (item->key >= walk->t->n_keys)
		torture_error("walk: no such key: %u", item->key);
	else if (walk->seen[item->key] < U8_MAX)
		walk->seen[item->key]++;
}

static void walk_steps(struct torture_thread *th, struct torture_walk *walk)
{
	unsigned int max = 1 + torture_below(th, TORTURE_STEP), n, i;
	void *entries[TORTURE_STEP];
	struct qht_cursor cursor;

	qht_cursor_init(&cursor);
	do {
		view_open(walk->t, 0, &walk->view);
		rcu_read_lock();
		n = qht_walk(&walk->t->ht, &cursor, entries, max);
		if (n > max)
			torture_error("walk: %u entries, asked for %u", n, max);
		for (i = 0; i < n && i < max; i++)
			walk_visit(entries[i], walk);
		rcu_read_unlock();
		cond_resched();
	} while (!qht_cursor_done(&cursor));
}

/* What has stayed, or stayed away, all through the walk. */
static void walk_end(struct torture_walk *walk)
{
	struct torture *t = walk->t;
	u32 key;

	smp_rmb(); /* The walk comes before; pairs with key_open(). */
	for (key = 0; key < t->n_keys; key++) {
		const struct torture_key *k = &t->keys[key];
		const struct torture_item *item = READ_ONCE(k->item);

		smp_rmb(); /* Pairs with key_open(), as above. */
		if ((walk->seqs[key] & 1) || READ_ONCE(k->seq) != walk->seqs[key])
			continue;
		if (walk->seen[key] != !!item)
			torture_error("walk: key %u was %s, and came %u times", key,
				      item ? "there" : "not there",
				      walk->seen[key]);
	}
}

static void torture_walk(struct torture_thread *th)
{
	struct torture_walk *walk = &th->walk;

	walk_begin(walk);
	if (torture_random(th) & 1)
		walk_steps(th, walk);
	else
		qht_iter(&th->t->ht, walk_visit, walk);
	walk_end(walk);
	torture_count(th, N_VISITED, walk->n);
}

static int walk_init(struct torture *t, struct torture_walk *walk)
{
	walk->t = t;
	walk->seqs = kvcalloc(t->n_keys, sizeof(*walk->seqs), GFP_KERNEL);
	walk->seen = kvcalloc(t->n_keys, sizeof(*walk->seen), GFP_KERNEL);
	return walk->seqs && walk->seen ? 0 : -ENOMEM;
}

static void walk_exit(struct torture_walk *walk)
{
	kvfree(walk->seqs);
	kvfree(walk->seen);
}

/* --- threads --- */

static const struct torture_op {
	const char *name;
	void (*run)(struct torture_thread *th);
	const unsigned int *weight;
	unsigned int kinds;
} ops[] = {
	{ "lookup", torture_lookup, &weight_lookup, UPDATER | READER },
	{ "lookup_batch", torture_lookup_batch, &weight_lookup_batch,
	  UPDATER | READER },
	{ "insert", torture_insert, &weight_insert, UPDATER },
	{ "get_or_insert", torture_get_or_insert, &weight_get_or_insert, UPDATER },
	{ "replace", torture_replace, &weight_replace, UPDATER },
	{ "remove", torture_remove, &weight_remove, UPDATER },
	{ "walk", torture_walk, &weight_walk, UPDATER | WALKER },
	{ "iter_remove", torture_iter_remove, &weight_iter_remove, UPDATER },
	{ "resize_up", torture_resize_up, &weight_resize_up, UPDATER | RESIZER },
	{ "resize_down", torture_resize_down, &weight_resize_down,
	  UPDATER | RESIZER },
	{ "reset", torture_reset, &weight_reset, UPDATER },
};

static unsigned int weight_for(unsigned int kind)
{
	unsigned int i, sum = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].kinds & kind)
			sum += *ops[i].weight;
	return sum;
}

static unsigned int pick_op(struct torture_thread *th)
{
	unsigned int at = torture_below(th, th->weight), i;

	for (i = 0; i < ARRAY_SIZE(ops) - 1; i++) {
		if (!(ops[i].kinds & th->kind))
			continue;
		if (at < *ops[i].weight)
			break;
		at -= *ops[i].weight;
	}
	return i;
}

/* An allocation of this thread fails; in the twin those after it as well. */
#if defined(QDS_TWIN)
static void fail_memory(unsigned int nth)
{
	if (nth)
		twin_fail_from(nth);
	else
		twin_fail_nth(0);
}
#elif defined(CONFIG_FAULT_INJECTION)
static void fail_memory(unsigned int nth)
{
	current->fail_nth = nth;
}
#else
static void fail_memory(unsigned int nth)
{
}
#endif

static void run_one(struct torture_thread *th)
{
	unsigned int op = pick_op(th);

	if (fail_every && !torture_below(th, fail_every))
		fail_memory(1 + torture_below(th, 16));
	ops[op].run(th);
	if (fail_every)
		fail_memory(0);
	WRITE_ONCE(th->runs[op], th->runs[op] + 1);
}

/* Halt while the control looks at the whole table. */
static void park(struct torture_thread *th)
{
	struct torture *t = th->t;

	atomic_inc_return(&t->n_parked); /* Orders what was done before. */
	while (READ_ONCE(t->quiet) && !kthread_should_stop())
		schedule_timeout_interruptible(1);
	atomic_dec_return(&t->n_parked);
}

static int torture_main(void *arg)
{
	struct torture_thread *th = arg;

	torture_verbose("%s %u begins", th->name, th->id);
	while (!kthread_should_stop()) {
		run_one(th);
		cond_resched();
		if (th->kind == UPDATER && READ_ONCE(th->t->quiet))
			park(th);
	}
	torture_verbose("%s %u ends", th->name, th->id);
	return 0;
}

/* --- audits --- */

/* Is a key there that nobody is changing? */
static bool audit_expects(const struct torture *t, u32 key)
{
	const struct torture_key *k = &t->keys[key];
	int ledger = atomic_read(&k->ledger);

	if (!key_is_shared(t, key))
		return READ_ONCE(k->item);
	if (ledger != 0 && ledger != 1)
		torture_error("audit: shared key %u: %d insertions more than removals",
			      key, ledger);
	return ledger > 0;
}

static void audit_key(struct torture *t, const struct torture_walk *walk, u32 key,
		      bool expected)
{
	struct torture_item *found;
	struct torture_view view;

	view_open(t, key, &view);
	rcu_read_lock();
	found = qht_lookup_custom(&t->ht, &key, hash_of(key), item_has_key);
	view_check(t, &view, found, "audit");
	rcu_read_unlock();
	if (!!found != expected || walk->seen[key] != expected)
		torture_error("audit: key %u must%s be there: %s, visited %u times",
			      key, expected ? "" : " not",
			      found ? "found" : "not found", walk->seen[key]);
}

/* Compare all with what is known. Nobody changes entries meanwhile. */
static void torture_audit(struct torture *t)
{
	struct torture_walk *walk = &t->control.walk;
	unsigned long expected = 0;
	u64 count;
	u32 key;

	walk_begin(walk);
	walk_steps(&t->control, walk);
	walk_end(walk);
	for (key = 0; key < t->n_keys; key++) {
		bool there = audit_expects(t, key);

		audit_key(t, walk, key, there);
		expected += there;
		cond_resched();
	}
	count = qht_count(&t->ht);
	if (count != expected || walk->n != expected)
		torture_error("audit: %lu entries: count says %llu, a walk %lu",
			      expected, count, walk->n);
	t->n_expected = expected;
	torture_verbose("audit: %lu entries, %zu buckets", expected,
			qht_buckets(&t->ht));
}

static unsigned int n_updaters(void)
{
	return weight_for(UPDATER) ? nthreads : 0;
}

static void audit_while_running(struct torture *t)
{
	WRITE_ONCE(t->quiet, true);
	while (atomic_read(&t->n_parked) < n_updaters() && !kthread_should_stop())
		schedule_timeout_interruptible(1);
	if (!kthread_should_stop()) {
		wait_for_callbacks(t);
		torture_audit(t);
	}
	WRITE_ONCE(t->quiet, false);
	while (atomic_read(&t->n_parked) && !kthread_should_stop())
		schedule_timeout_interruptible(1);
}

/* --- statistics --- */

static unsigned long sum_runs(const struct torture *t, unsigned int op)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < t->n_threads; i++)
		sum += READ_ONCE(t->threads[i].runs[op]);
	return sum;
}

static unsigned long sum_counts(const struct torture *t, unsigned int counter)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < t->n_threads; i++)
		sum += READ_ONCE(t->threads[i].counts[counter]);
	return sum;
}

static void print_statistics(const struct torture *t)
{
	char text[400];
	unsigned int i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (*ops[i].weight)
			n += scnprintf(text + n, sizeof(text) - n, " %s: %lu",
				       ops[i].name, sum_runs(t, i));
	pr_info("operations:%s\n", text);
	for (i = 0, n = 0; i < N_COUNTERS; i++)
		n += scnprintf(text + n, sizeof(text) - n, " %s: %lu",
			       counter_names[i], sum_counts(t, i));
	pr_info("results:%s buckets: %zu errors: %d\n", text, qht_buckets(&t->ht),
		atomic_read(&n_errors));
}

/* --- from the beginning to the end --- */

static void stop_threads(struct torture *t)
{
	unsigned int i;

	for (i = 0; i < t->n_threads; i++) {
		if (t->threads[i].task)
			kthread_stop(t->threads[i].task);
		t->threads[i].task = NULL;
	}
}

static void release_item(void *entry, void *arg)
{
	struct torture_item *item = entry;
	struct torture *t = arg;

	t->n_released++;
	if (item->magic == ITEM_ALIVE && item_take(item))
		item_free(item);
	else
		torture_error("destroy: entry %p is freed or not one", item);
}

/* If memory can be made to run out, the table ends in the middle of a resize. */
static void half_resize(struct torture *t)
{
	if (!fail_every)
		return;
	fail_memory(4);
	qht_resize(&t->ht, qht_buckets(&t->ht) > 16 ? min_elems : max_elems);
	fail_memory(0);
}

/* All that comes after the threads, but for the test's own memory. */
static void torture_finish(struct torture *t)
{
	wait_for_callbacks(t);
	half_resize(t);
	torture_audit(t);
	qht_destroy(&t->ht, release_item, t);
	if (t->n_released != t->n_expected)
		torture_error("destroy: released %lu of %lu", t->n_released,
			      t->n_expected);
	empty_quarantine(t);
	if (atomic_long_read(&t->n_items))
		torture_error("%ld entries are lost", atomic_long_read(&t->n_items));
}

static void torture_end(struct torture *t)
{
	int n;

	if (t->ended)
		return;
	WRITE_ONCE(t->quiet, true);
	stop_threads(t);
	print_statistics(t);
	torture_finish(t);
	t->ended = true;
	n = atomic_read(&n_errors);
	if (n)
		pr_alert("End of test: FAILURE: %d errors\n", n);
	else
		pr_alert("End of test: SUCCESS\n");
}

/* True about every @seconds, which may be 0 for never. */
static bool is_due(unsigned long *last, unsigned int seconds)
{
	if (!seconds || time_before(jiffies, *last + seconds * HZ))
		return false;
	*last = jiffies;
	return true;
}

static int torture_control(void *arg)
{
	unsigned long begun = jiffies, printed = begun, audited = begun;
	struct torture *t = arg;

	while (!kthread_should_stop() && !is_due(&begun, runtime)) {
		schedule_timeout_interruptible(HZ / 20);
		if (is_due(&audited, stutter))
			audit_while_running(t);
		if (is_due(&printed, stat_interval))
			print_statistics(t);
	}
	torture_end(t);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 20);
	return 0;
}

static int thread_init(struct torture *t, struct torture_thread *th,
		       unsigned int kind, const char *name, unsigned int id)
{
	th->t = t;
	th->kind = kind;
	th->name = name;
	th->id = id;
	th->weight = weight_for(kind);
	th->rng = (seed + 1) * 0x9E3779B97F4A7C15ULL + (kind << 16) + id;
	th->stranger.magic = ITEM_ALIVE;
	th->runs = kcalloc(ARRAY_SIZE(ops), sizeof(*th->runs), GFP_KERNEL);
	if (!th->runs)
		return -ENOMEM;
	return walk_init(t, &th->walk);
}

static void thread_exit(struct torture_thread *th)
{
	walk_exit(&th->walk);
	kfree(th->runs);
}

/* @n threads that do what a kind of thread does, if that is anything. */
static int threads_init(struct torture *t, unsigned int kind, const char *name,
			unsigned int n)
{
	unsigned int id;

	if (!weight_for(kind))
		return 0;
	for (id = 0; id < n; id++) {
		int ret = thread_init(t, &t->threads[t->n_threads++], kind, name, id);

		if (ret)
			return ret;
	}
	return 0;
}

static int all_threads_init(struct torture *t)
{
	int ret;

	t->threads = kcalloc(nthreads + nreaders + nwalkers + nresizers,
			     sizeof(*t->threads), GFP_KERNEL);
	if (!t->threads)
		return -ENOMEM;
	ret = thread_init(t, &t->control, 0, "control", 0);
	if (!ret)
		ret = threads_init(t, UPDATER, "updater", nthreads);
	if (!ret)
		ret = threads_init(t, READER, "reader", nreaders);
	if (!ret)
		ret = threads_init(t, WALKER, "walker", nwalkers);
	if (!ret)
		ret = threads_init(t, RESIZER, "resizer", nresizers);
	return ret;
}

static int keys_init(struct torture *t)
{
	u32 key;

	t->sharing = weight_reset;
	t->n_kinds = KIND_OWNED + nthreads;
	t->n_keys = nkeys * t->n_kinds;
	t->keys = kvcalloc(t->n_keys, sizeof(*t->keys), GFP_KERNEL);
	if (!t->keys)
		return -ENOMEM;
	/* Those of the shared ones never close. */
	for (key = 0; key < t->n_keys; key++)
		if (key_is_shared(t, key))
			key_open(&t->keys[key], true);
	return 0;
}

static int insert_permanent(struct torture *t)
{
	u32 index;

	for (index = 0; index < nkeys && !t->sharing; index++) {
		u32 key = index * t->n_kinds + KIND_PERMANENT;
		struct torture_item *item = item_alloc(t, key, GFP_KERNEL);
		int ret;

		if (!item)
			return -ENOMEM;
		ret = qht_insert(&t->ht, item, item->hash, NULL, GFP_KERNEL);
		if (ret) {
			item_free(item);
			return ret;
		}
		t->keys[key].item = item;
	}
	return 0;
}

static int table_init(struct torture *t)
{
	static const unsigned int modes[] = {
		0, QHT_AUTO_RESIZE, QHT_AUTO_RESIZE | QHT_AUTO_SHRINK,
	};
	int ret;

	ret = qht_init(&t->ht, items_equal, min_elems, modes[auto_resize],
		       GFP_KERNEL);
	if (ret)
		return ret;
	ret = insert_permanent(t);
	if (ret)
		qht_destroy(&t->ht, release_item, t);
	return ret;
}

static int run_thread(struct torture_thread *th, int (*main)(void *), void *arg)
{
	struct task_struct *task;

	task = kthread_run(main, arg, "qht_%s/%u", th->name, th->id);
	if (IS_ERR(task))
		return PTR_ERR(task);
	th->task = task;
	return 0;
}

static int start_threads(struct torture *t)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < t->n_threads && !ret; i++)
		ret = run_thread(&t->threads[i], torture_main, &t->threads[i]);
	if (!ret)
		ret = run_thread(&t->control, torture_control, t);
	return ret;
}

static int check_parameters(void)
{
	if (nthreads < 0)
		nthreads = num_online_cpus();
	if (!nkeys || nkeys > 1 << 20 || !hot_keys || !keys_per_hash || nthreads > 1024 ||
	    nreaders > 1024 || nwalkers > 1024 || nresizers > 1024) {
		pr_alert("!!! nkeys, hot_keys and keys_per_hash must be 1 at least, 2^20 keys and 1024 threads are the most\n");
		return -EINVAL;
	}
	if (min_elems > max_elems || max_elems > 1 << 24 || auto_resize > 2) {
		pr_alert("!!! min_elems must not be above max_elems, nor that above 2^24; auto_resize is 0, 1 or 2\n");
		return -EINVAL;
	}
	if (!weight_for(UPDATER)) {
		pr_alert("!!! all weights are zero: nothing would be tested\n");
		return -EINVAL;
	}
	if (fail_every && !IS_ENABLED(CONFIG_FAULT_INJECTION)) {
		pr_alert("!!! fail_every needs a kernel with CONFIG_FAULT_INJECTION\n");
		return -EINVAL;
	}
	return 0;
}

static void torture_free(struct torture *t)
{
	unsigned int i;

	for (i = 0; i < t->n_threads; i++)
		thread_exit(&t->threads[i]);
	thread_exit(&t->control);
	kfree(t->threads);
	kvfree(t->keys);
	kvfree(t);
}

static int __init qht_torture_init(void)
{
	struct torture *t;
	int ret;

	ret = check_parameters();
	if (ret)
		return ret;
	if (!seed)
		seed = get_random_u32();
	t = kvzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	atomic_set(&n_errors, 0);
	errors = 0;
	atomic_long_set(&t->clock, 1);
	ret = keys_init(t);
	if (!ret)
		ret = all_threads_init(t);
	if (!ret)
		ret = table_init(t);
	if (ret)
		goto err;
	pr_alert("--- Start of test: nthreads=%d nreaders=%u nwalkers=%u nresizers=%u runtime=%u nkeys=%u keys_per_hash=%u min_elems=%lu max_elems=%lu auto_resize=%u weight_reset=%u fail_every=%u seed=%lu\n",
		 nthreads, nreaders, nwalkers, nresizers, runtime, nkeys,
		 keys_per_hash, min_elems, max_elems, auto_resize, weight_reset,
		 fail_every, seed);
	ret = start_threads(t);
	if (ret) {
		torture_end(t);
		goto err;
	}
	torture = t;
	return 0;
err:
	torture_free(t);
	return ret;
}

static void __exit qht_torture_exit(void)
{
	kthread_stop(torture->control.task);
	/* It may have been stopped before it began. */
	torture_end(torture);
	torture_free(torture);
}

module_init(qht_torture_init);
module_exit(qht_torture_exit);

MODULE_DESCRIPTION("Torture test of qht");
MODULE_LICENSE("GPL");
