// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap - a concurrent, sparse, hierarchical dirty bitmap.
 *
 * Names:
 *	item	what the user counts in; @size, @start and @count are in items
 *	bit	stands for a group of 1 << granularity items
 *	leaf	the bits of one region of HBITMAP_LEAF_BITS, with a lock
 *	node	64 slots
 *	slot	NULL (no bit below is set), FULL (every valid bit below is set),
 *		or a pointer to a block: a leaf at level 0, a node above
 *	level	a slot of level n covers HBITMAP_LEAF_BITS << (6 * n) bits; the
 *		root is a slot of level tree->levels, and a node that hangs on a
 *		slot of level n holds slots of level n - 1
 *	tree	a root with the size and the levels to read it with
 *	totals	how many bits are set in a tree, and what memory it takes
 *	tail	the bits from tree->nbits on: they exist in the last leaf and are
 *		never set; FULL and "full" always mean the valid bits only
 *
 *	root ----> node: dirty 1 1 0 1 ...	slot[i] != NULL
 *		         zero  1 0 1 1 ...	slot[i] != FULL
 *		         sum			bits set below, if asked for
 *		         slot  | F - |
 *		               |     +----> node ----> ...
 *		               v
 *		              leaf: lock, seqcount, count of set bits,
 *		                    any: bit w is set if word w is not zero
 *		                    words: HBITMAP_LEAF_BITS bits
 *
 * Features:
 * - Any operation beside any other. Readers take RCU and write nothing shared (but
 *   for counts of ranges); what is set already is found so without a lock.
 * - A leaf exists only for a region that is neither all zero nor all one; whoever
 *   makes it all zero or all one takes it out.
 * - A range costs its two ends, whatever lies between: subtrees are exchanged
 *   for NULL or FULL in one store, and taken apart when no lock is held.
 * - -ENOMEM changes nothing: what an operation needs is counted and allocated
 *   before the first change. hbitmap_mark() rounds outward instead.
 * - The content can be taken away at one moment, and the size changed, while
 *   others are at work: the tree is exchanged.
 * - Ranges are counted in the number of levels; writers pay nothing for that.
 *
 * Locks: hb->lock (the tree, which slot holds what, masks and sums of nodes), inside
 * it leaf->lock (what the leaf holds); never those of two bitmaps. Bottom halves are
 * off under both, so softirqs may do whatever a process may.
 *
 * Who publishes what to whom:
 * - A block is complete before rcu_assign_pointer() makes it reachable.
 * - Masks and summaries are raised before the store that makes something visible
 *   and lowered after the one that takes it away. Whoever has seen an item dirty
 *   passes a read barrier before the next lookup, so that no summary denies him
 *   what he saw (and writers are more than that: they took the leaf's lock).
 * - set() has a full barrier before the look that it trusts, reset() one after it
 *   has cleared:
 *   of "write data; set" and "reset; read data" either the reader gets the data
 *   or the item is dirty afterwards.
 * - A tree is complete before rcu_assign_pointer() makes it the bitmap's. Who
 *   found the one from before reads and changes what both have in common, or what
 *   has left the bitmap.
 * - A leaf that leaves the tree is marked dead under its own lock. A writer that
 *   reached it before lands in front of the operation that detached it; one that
 *   finds it dead starts again under hb->lock. Then RCU frees it.
 *
 * Documentation/hbitmap.rst argues each of these step by step.
 *
 * Related work: QEMU's util/hbitmap.c has the contract and the format (dense, not
 * thread-safe, no hierarchy of zeroes); XArray the slots and the marks that
 * propagate upwards (a mark needs an entry, writers share one lock); Roaring
 * bitmaps the containers that are all zero, all one or a plain bitmap.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "hbitmap_private.h"

/* Creation and properties */

/* A tree without content, and totals for it. Its geometry is for the caller. */
struct hbitmap_tree *hbitmap_tree_alloc(gfp_t gfp)
{
	struct hbitmap_tree *tree = kzalloc(sizeof(*tree), gfp);

	if (!tree)
		return NULL;
	tree->totals = kzalloc(sizeof(*tree->totals), gfp);
	if (!tree->totals)
		goto err_tree;
	if (percpu_counter_init(&tree->totals->bits, 0, gfp))
		goto err_totals;
	init_waitqueue_head(&tree->totals->settled);
	return tree;

err_totals:
	kfree(tree->totals);
err_tree:
	kfree(tree);
	return NULL;
}

/* Free a tree that nobody uses, with its totals; its content is gone. */
void hbitmap_tree_free(struct hbitmap_tree *tree)
{
	percpu_counter_destroy(&tree->totals->bits);
	kfree(tree->totals);
	kfree(tree);
}

/**
 * hbitmap_alloc() - Create a bitmap, all clean.
 * @size: how many items it has; 0 is allowed
 * @granularity: log2 of the items in a group, which is clean or dirty as a whole;
 *	0 to HBITMAP_MAX_GRANULARITY
 * @gfp: how to allocate; what later operations need, they are told themselves
 *
 * Context: Any context that @gfp allows, but hard interrupts.
 * Return: the bitmap, or ERR_PTR: -EINVAL if @granularity is too large, -EFBIG if
 * @size is above S64_MAX or needs more than HBITMAP_MAX_BITS groups, -ENOMEM.
 */
struct hbitmap *hbitmap_alloc(u64 size, unsigned int granularity, gfp_t gfp)
{
	struct hbitmap_tree *tree;
	struct hbitmap *hb;
	u64 nbits;

	if (granularity > HBITMAP_MAX_GRANULARITY)
		return ERR_PTR(-EINVAL);
	nbits = bits_for(size, granularity);
	if (size > S64_MAX || nbits > HBITMAP_MAX_BITS)
		return ERR_PTR(-EFBIG);

	hb = kzalloc(sizeof(*hb), gfp);
	if (!hb)
		return ERR_PTR(-ENOMEM);
	tree = hbitmap_tree_alloc(gfp);
	if (!tree) {
		kfree(hb);
		return ERR_PTR(-ENOMEM);
	}
	tree->size = size;
	tree->nbits = nbits;
	tree->levels = levels_for(nbits);
	spin_lock_init(&hb->lock);
	hb->granularity = granularity;
	RCU_INIT_POINTER(hb->tree, tree);
	return hb;
}
EXPORT_SYMBOL_GPL(hbitmap_alloc);

/* Free a bitmap that nobody uses; sleep only if @gfp allows. */
void hbitmap_discard(struct hbitmap *hb, gfp_t gfp)
{
	struct hbitmap_tree *tree = rcu_dereference_protected(hb->tree, 1);

	hbitmap_built_free(tree->nbits, rcu_dereference_protected(tree->root, 1),
			   tree->levels, 0, gfp);
	hbitmap_tree_free(tree);
	kfree(hb);
}

/**
 * hbitmap_free() - Free a bitmap.
 * @hb: the bitmap, or NULL; nobody uses it any more
 *
 * If readers find @hb through RCU, a grace period must have passed.
 *
 * Context: Process context. May sleep.
 */
void hbitmap_free(struct hbitmap *hb)
{
	if (hb)
		hbitmap_discard(hb, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(hbitmap_free);

/**
 * hbitmap_size() - How many items a bitmap has.
 * @hb: the bitmap
 *
 * Context: Any context. Takes RCU.
 * Return: the size it was created with or truncated to.
 */
u64 hbitmap_size(const struct hbitmap *hb)
{
	u64 size;

	rcu_read_lock();
	size = rcu_dereference(hb->tree)->size;
	rcu_read_unlock();
	return size;
}
EXPORT_SYMBOL_GPL(hbitmap_size);

/**
 * hbitmap_granularity() - log2 of the items in a group.
 * @hb: the bitmap
 *
 * Context: Any context. Takes no lock.
 * Return: the granularity it was created with.
 */
unsigned int hbitmap_granularity(const struct hbitmap *hb)
{
	return hb->granularity;
}
EXPORT_SYMBOL_GPL(hbitmap_granularity);

/**
 * hbitmap_memory() - Memory that the content takes.
 * @hb: the bitmap
 *
 * Context: Any context. Takes RCU.
 * Return: bytes of nodes and leaves that it has now: 0 for a bitmap that is all
 * clean or all dirty. What RCU is about to free is not counted.
 */
u64 hbitmap_memory(const struct hbitmap *hb)
{
	u64 memory;

	rcu_read_lock();
	memory = atomic_long_read(&rcu_dereference(hb->tree)->totals->memory);
	rcu_read_unlock();
	return memory;
}
EXPORT_SYMBOL_GPL(hbitmap_memory);

/* Changing */

/*
 * What one call does, without the fields that only few of them need: to clear all of
 * a struct hbitmap_change costs more than a lookup does.
 */
struct bit_range {
	u64 first;
	u64 last;
};

/*
 * The bits of a range of items, of which parts of groups count as whole ones. Returns
 * 1, or 0 if there are none, or -EINVAL. Under RCU.
 */
static __always_inline int range_to_bits(const struct hbitmap *hb,
					 const struct hbitmap_tree *tree, u64 start,
					 u64 count, struct bit_range *range)
{
	if (unlikely(!range_is_valid(tree, start, count)))
		return -EINVAL;
	if (unlikely(!count))
		return 0;
	range->first = start >> hb->granularity;
	range->last = (start + count - 1) >> hb->granularity;
	return 1;
}

static __always_inline bool in_one_word(const struct bit_range *range)
{
	return range->first / BITS_PER_LONG == range->last / BITS_PER_LONG;
}

/* Of a range in one word: its bits of the word. */
static __always_inline unsigned long range_mask(const struct bit_range *range)
{
	return (~0UL << (range->first % BITS_PER_LONG)) &
	       (~0UL >> (BITS_PER_LONG - 1 - range->last % BITS_PER_LONG));
}

/* Are all bits of a range, which lies in one word, as @set says? Under RCU. */
static __always_inline bool word_agrees(const void *slot, const struct bit_range *range,
					bool set)
{
	const struct hbitmap_leaf *leaf = slot;
	unsigned long word;

	if (unlikely(!slot_is_block(slot)))
		return !!slot == set;
	word = READ_ONCE(leaf->words[leaf_offset(range->first) / BITS_PER_LONG]);
	return !((set ? ~word : word) & range_mask(range));
}

/* As word_agrees(), for any range. */
static noinline bool bits_agree(const struct hbitmap_tree *tree,
				const struct bit_range *range, bool set)
{
	return hbitmap_find_next(tree, range->first, range->last + 1,
				 set ? SLOT_FULL : NULL) == NO_BIT;
}

/* Without hb->lock, for a range in several words. */
static noinline int change_words(struct hbitmap_tree *tree, const struct bit_range *range,
				 bool set, bool *tidy)
{
	struct hbitmap_change change = {
		.first = range->first, .last = range->last,
		.src = set ? SLOT_FULL : NULL,
	};
	int err = hbitmap_change_leaf(tree, &change);

	*tidy = change.tidy;
	return err;
}

/*
 * Change a range without hb->lock, if it is not as @set says. Returns by how many
 * bits it did (if it lies in one word), or -EAGAIN, and in @tidy whether it is
 * only the structure that is left to change. Under RCU.
 */
static __always_inline int change_bits(struct hbitmap_tree *tree,
				       const struct bit_range *range, bool set, bool *tidy)
{
	unsigned int level;
	void *slot;

	if (unlikely(!in_one_word(range)))
		return bits_agree(tree, range, set) ? 0 :
		       change_words(tree, range, set, tidy);
	slot = hbitmap_lookup(tree, range->first, &level);
	if (word_agrees(slot, range, set))
		return 0;
	if (unlikely(!slot_is_block(slot)))
		return -EAGAIN;
	return hbitmap_leaf_change_word(tree, slot, range->first, range_mask(range), set,
					tidy);
}

/* The rest of a change, under hb->lock. Returns as change_bits(), or an error. */
static noinline int change_tree(struct hbitmap *hb, const struct bit_range *range, bool set,
				gfp_t gfp, bool tidy, bool *outward)
{
	struct hbitmap_op op = {
		.hb = hb, .first = range->first, .last = range->last,
		.src = set ? SLOT_FULL : NULL, .gfp = gfp, .tidy = tidy,
		.outward = outward,
	};
	int err = hbitmap_op_run(&op);

	if (outward)
		*outward = op.rounded;
	/* Tidying up is done for a change that was one. */
	return err ? err : tidy || op.delta;
}

/*
 * Without hb->lock, and if that is not enough under it. Returns whether a bit has
 * changed (if the range lies in one word), or an error; in @outward, if it may round,
 * whether it did.
 */
static __always_inline int set_range(struct hbitmap *hb, u64 start, u64 count, gfp_t gfp,
				     bool *outward)
{
	struct hbitmap_tree *tree;
	struct bit_range range;
	bool tidy = false;
	int ret;

	rcu_read_lock();
	/*
	 * What the caller wrote before is visible before the bits are looked at.
	 * Pairs with the smp_mb() in hbitmap_reset(): if they are found set here, then
	 * whoever clears them sees what was written.
	 */
	smp_mb();
	tree = rcu_dereference(hb->tree);
	ret = range_to_bits(hb, tree, start, count, &range);
	if (likely(ret > 0))
		ret = change_bits(tree, &range, true, &tidy);
	rcu_read_unlock();
	if (unlikely(ret == -EAGAIN))
		ret = change_tree(hb, &range, true, gfp, tidy, outward);
	return ret;
}

/**
 * hbitmap_set() - Make a range of items dirty.
 * @hb: the bitmap
 * @start: first item
 * @count: how many items; 0 changes nothing
 * @gfp: how to allocate
 *
 * The range is rounded outward to groups. If all of it is dirty already then no
 * lock is taken and nothing written. What the caller wrote before (the data that
 * made the items dirty) is seen by whoever resets them.
 *
 * A range within one leaf (HBITMAP_LEAF_BITS groups, aligned) becomes dirty at one
 * moment; across leaves, leaf by leaf.
 *
 * Context: Process context or softirq, interrupts on. Takes hb->lock and a leaf's
 * lock, bottom halves off, for a bounded time. May sleep if @gfp allows.
 * Return: 0; -EINVAL if the range ends behind the bitmap or overflows; -ENOMEM.
 * On an error nothing has changed.
 */
int hbitmap_set(struct hbitmap *hb, u64 start, u64 count, gfp_t gfp)
{
	int ret = set_range(hb, start, count, gfp, NULL);

	return min(ret, 0);
}
EXPORT_SYMBOL_GPL(hbitmap_set);

/* How many ranges are looked up ahead: so many that memory is kept busy. */
#define BATCH_RANGES	32

/* Have what a range takes on its way to the cache. Under RCU. */
static __always_inline void hbitmap_prefetch_range(const struct hbitmap *hb,
						   const struct hbitmap_tree *tree,
						   u64 start)
{
	unsigned int level;
	u64 bit = start >> hb->granularity;
	struct hbitmap_leaf *leaf;

	if (unlikely(start >= tree->size))
		return;
	leaf = hbitmap_lookup(tree, bit, &level);
	if (!slot_is_block(leaf))
		return;
	prefetch(leaf);
	prefetch(&leaf->words[leaf_offset(bit) / BITS_PER_LONG]);
}

/*
 * Set some ranges, as far as that goes without hb->lock and without an error. Returns
 * how many; *@ret is what was met then, about @range, or not negative.
 */
static noinline unsigned int set_some(struct hbitmap *hb,
				      const struct hbitmap_range *ranges, unsigned int n,
				      struct bit_range *range, bool *tidy, int *ret)
{
	struct hbitmap_tree *tree;
	unsigned int i;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	for (i = 0; i < n; i++)
		hbitmap_prefetch_range(hb, tree, ranges[i].start);
	/* As in set_range(), for all of them. */
	smp_mb();
	tree = rcu_dereference(hb->tree);
	for (i = 0; i < n; i++) {
		*ret = range_to_bits(hb, tree, ranges[i].start, ranges[i].count, range);
		if (likely(*ret > 0))
			*ret = change_bits(tree, range, true, tidy);
		if (unlikely(*ret < 0))
			break;
	}
	rcu_read_unlock();
	return i;
}

/**
 * hbitmap_set_batch() - Make many ranges of items dirty.
 * @hb: the bitmap
 * @ranges: the ranges, each as for hbitmap_set()
 * @n: how many
 * @gfp: how to allocate
 * @done: set to how many of them have been gone through, from the first on
 *
 * The same as hbitmap_set() for one after the other, and faster: cache misses of
 * several ranges overlap.
 *
 * Context: As hbitmap_set(). The cost follows @n: cut what is long.
 * Return: 0; or the error of the range number *@done, which has changed nothing: as
 * hbitmap_set().
 */
int hbitmap_set_batch(struct hbitmap *hb, const struct hbitmap_range *ranges,
		      unsigned int n, gfp_t gfp, unsigned int *done)
{
	unsigned int i = 0;

	*done = 0;
	while (i < n) {
		unsigned int some = min_t(unsigned int, n - i, BATCH_RANGES);
		struct bit_range range;
		bool tidy = false;
		int ret = 0;

		i += set_some(hb, ranges + i, some, &range, &tidy, &ret);
		if (ret == -EAGAIN) {
			ret = change_tree(hb, &range, true, gfp, tidy, NULL);
			i += ret >= 0;
		}
		*done = i;
		if (ret < 0)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(hbitmap_set_batch);

/**
 * hbitmap_test_and_set() - Make an item dirty, and tell whether it was.
 * @hb: the bitmap
 * @item: the item
 * @gfp: how to allocate
 *
 * Of several callers at the same time one is told that the group was clean.
 * Otherwise as hbitmap_set().
 *
 * Context: As hbitmap_set().
 * Return: 1 if the item's group was dirty before; 0 if it was clean and is dirty
 * now; -EINVAL if there is no such item; -ENOMEM. On an error nothing has changed.
 */
int hbitmap_test_and_set(struct hbitmap *hb, u64 item, gfp_t gfp)
{
	int ret = set_range(hb, item, 1, gfp, NULL);

	return ret < 0 ? ret : !ret;
}
EXPORT_SYMBOL_GPL(hbitmap_test_and_set);

/**
 * hbitmap_mark() - Make items dirty, whatever happens.
 * @hb: the bitmap
 * @start: first item
 * @count: how many items; what lies behind the end of the bitmap is ignored
 *
 * For callers that may neither fail nor sleep. It asks for memory, but does not
 * wait for it. If there is none then all of a clean region becomes dirty instead of
 * a part: HBITMAP_LEAF_BITS groups, or if nothing of a larger region was ever dirty
 * then that region, at worst the bitmap. An item of the range is never left clean.
 * Otherwise as hbitmap_set().
 *
 * Context: Process context or softirq, interrupts on. Takes hb->lock and a leaf's
 * lock, bottom halves off, for a bounded time. Never sleeps (but for these locks
 * on PREEMPT_RT).
 * Return: true if it was exact, false if more items than the groups of the range
 * may have become dirty.
 */
bool hbitmap_mark(struct hbitmap *hb, u64 start, u64 count)
{
	bool outward;
	u64 size;
	int err;

	do {
		outward = false;
		size = hbitmap_size(hb);
		if (start >= size || !count)
			return true;
		err = set_range(hb, start, min(count, size - start),
				GFP_NOWAIT | __GFP_NOWARN, &outward);
		/* It was truncated since: what is left of the range is tried. */
	} while (err < 0);
	return !outward;
}
EXPORT_SYMBOL_GPL(hbitmap_mark);

/**
 * hbitmap_reset() - Make a range of items clean.
 * @hb: the bitmap
 * @start: first item, of a group
 * @count: how many items, of whole groups unless they reach the end of the
 *	bitmap; 0 changes nothing
 * @gfp: how to allocate: a region that was all dirty needs memory to be partly so
 *
 * What the caller reads after this (the data behind the items) is at least as
 * new as what was written before the items became dirty.
 *
 * Atomic leaf by leaf, as hbitmap_set().
 *
 * Context: As hbitmap_set().
 * Return: 0; -EINVAL if the range is not aligned, ends behind the bitmap or
 * overflows; -ENOMEM. On an error nothing has changed.
 */
int hbitmap_reset(struct hbitmap *hb, u64 start, u64 count, gfp_t gfp)
{
	u64 inside = (1ULL << hb->granularity) - 1;
	struct hbitmap_tree *tree;
	struct bit_range range;
	bool tidy = false;
	int ret;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	ret = range_to_bits(hb, tree, start, count, &range);
	if (unlikely(ret <= 0))
		goto out;
	ret = -EINVAL;
	if ((start & inside) || ((count & inside) && start + count != tree->size))
		goto out;
	ret = change_bits(tree, &range, false, &tidy);
out:
	rcu_read_unlock();
	if (unlikely(ret == -EAGAIN))
		ret = change_tree(hb, &range, false, gfp, tidy, NULL);
	/* What the caller reads next is read after. Pairs with set_range(). */
	smp_mb();
	return min(ret, 0);
}
EXPORT_SYMBOL_GPL(hbitmap_reset);

/**
 * hbitmap_reset_all() - Make every item clean.
 * @hb: the bitmap
 *
 * Needs no memory. Otherwise as hbitmap_reset().
 *
 * Context: Process context. Takes hb->lock and leaves' locks. May sleep.
 */
void hbitmap_reset_all(struct hbitmap *hb)
{
	/* It can be truncated at the same time, so ask again. */
	while (hbitmap_reset(hb, 0, hbitmap_size(hb), GFP_KERNEL))
		cond_resched();
}
EXPORT_SYMBOL_GPL(hbitmap_reset_all);
