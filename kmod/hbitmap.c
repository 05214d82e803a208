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
 * The bits of a range of items, of which parts of groups count as whole ones. Returns
 * 1, or 0 if there are none, or -EINVAL. Under RCU.
 */
static __always_inline int range_to_bits(const struct hbitmap *hb,
					 const struct hbitmap_tree *tree, u64 start,
					 u64 count, struct hbitmap_change *change)
{
	if (!range_is_valid(tree, start, count))
		return -EINVAL;
	if (!count)
		return 0;
	change->first = start >> hb->granularity;
	change->last = (start + count - 1) >> hb->granularity;
	return 1;
}

/* Are all bits of a range what its source is? Looks up the leaf too. Under RCU. */
static bool bits_agree(const struct hbitmap_tree *tree, struct hbitmap_change *change)
{
	void *src = (void *)change->src;
	unsigned int level;
	void *slot = hbitmap_lookup(tree, change->first, &level);

	change->leaf = NULL;
	if (change->last < slot_end(change->first, level)) {
		unsigned int first = leaf_offset(change->first);
		unsigned int w = first / BITS_PER_LONG;
		struct hbitmap_leaf *leaf = slot;

		if (!slot_is_block(slot))
			return slot == src;
		change->leaf = leaf;
		if (change->last - slot_base(change->first, 0) < (w + 1) * BITS_PER_LONG)
			return !((READ_ONCE(leaf->words[w]) ^ (src ? ~0UL : 0)) &
				 word_mask(w, first, leaf_offset(change->last)));
	}
	return hbitmap_find_next(tree, change->first, change->last + 1, src) == NO_BIT;
}

/* The rest of a change, under hb->lock. */
static noinline int change_tree(struct hbitmap *hb, struct hbitmap_change *change,
				gfp_t gfp, bool *outward)
{
	struct hbitmap_op op = {
		.hb = hb, .first = change->first, .last = change->last,
		.src = (void *)change->src, .gfp = gfp, .tidy = change->tidy,
		.outward = outward,
	};
	int err = hbitmap_op_run(&op);

	change->delta += op.delta;
	if (outward)
		*outward = op.rounded;
	return err;
}

/*
 * Without hb->lock, and if that is not enough under it. Returns 0 or an error; in
 * change->delta by how many more bits are set, if that is one bit; in @outward, if
 * it may round, whether it did.
 */
static __always_inline int set_range(struct hbitmap *hb, u64 start, u64 count, gfp_t gfp,
				     struct hbitmap_change *change, bool *outward)
{
	struct hbitmap_tree *tree;
	int err;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	err = range_to_bits(hb, tree, start, count, change);
	if (err <= 0)
		goto out;
	err = 0;
	if (bits_agree(tree, change)) {
		/*
		 * What the caller wrote before is visible before the bits are
		 * looked at. Pairs with the smp_mb() in hbitmap_reset(): if they are
		 * found set here, then whoever clears them sees what was written.
		 */
		smp_mb();
		tree = rcu_dereference(hb->tree);
		err = range_to_bits(hb, tree, start, count, change);
		if (err <= 0)
			goto out;
		err = 0;
		if (bits_agree(tree, change))
			goto out;
	}
	/* Otherwise the leaf's lock, or hb->lock, orders the two. */
	err = hbitmap_change_leaf(tree, change);
out:
	rcu_read_unlock();
	return likely(err != -EAGAIN) ? err : change_tree(hb, change, gfp, outward);
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
	struct hbitmap_change change = { .src = SLOT_FULL };

	return set_range(hb, start, count, gfp, &change, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_set);

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
	struct hbitmap_change change = { .src = SLOT_FULL };
	int err = set_range(hb, item, 1, gfp, &change, NULL);

	return err ? err : !change.delta;
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
		struct hbitmap_change change = { .src = SLOT_FULL };

		outward = false;
		size = hbitmap_size(hb);
		if (start >= size || !count)
			return true;
		err = set_range(hb, start, min(count, size - start),
				GFP_NOWAIT | __GFP_NOWARN, &change, &outward);
		/* It was truncated since: what is left of the range is tried. */
	} while (err);
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
	struct hbitmap_change change = { .src = NULL };
	struct hbitmap_tree *tree;
	int err;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	err = range_to_bits(hb, tree, start, count, &change);
	if (err <= 0)
		goto out;
	err = -EINVAL;
	if ((start & inside) || ((count & inside) && start + count != tree->size))
		goto out;
	err = 0;
	if (!bits_agree(tree, &change))
		err = hbitmap_change_leaf(tree, &change);
out:
	rcu_read_unlock();
	if (err == -EAGAIN)
		err = change_tree(hb, &change, gfp, NULL);
	/* What the caller reads next is read after. Pairs with set_range(). */
	smp_mb();
	return err;
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
