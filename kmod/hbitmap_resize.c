// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap: taking the content away, and changing the size. hbitmap.c has the overview.
 *
 * Both exchange the tree under hb->lock, and RCU keeps the old one for who is in
 * it: content, size and geometry are always of one tree.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hbitmap_private.h"

/**
 * hbitmap_take() - Move what is dirty into a new bitmap.
 * @hb: the bitmap; it is all clean afterwards
 * @gfp: how to allocate; it sleeps in any case
 *
 * Everything moves at one moment: of two items of which one was set before the
 * other, not the later alone is taken. A writer that is at work meanwhile lands in
 * one or the other. When this returns the taken one no longer changes by itself,
 * and what the writers of its items wrote before is visible. hbitmap_merge() puts
 * it back.
 *
 * Context: Process context. Takes hb->lock. Sleeps for an RCU grace period, and until
 * operations on @hb that had begun before have freed what they freed.
 * Return: a bitmap of the same size and granularity, for hbitmap_free(), or
 * ERR_PTR(-ENOMEM): nothing has changed.
 */
struct hbitmap *hbitmap_take(struct hbitmap *hb, gfp_t gfp)
{
	struct hbitmap_tree *empty, *full;
	struct hbitmap *taken;

	might_sleep();
	taken = kzalloc(sizeof(*taken), gfp);
	if (!taken)
		return ERR_PTR(-ENOMEM);
	empty = hbitmap_tree_alloc(gfp);
	if (!empty) {
		kfree(taken);
		return ERR_PTR(-ENOMEM);
	}
	spin_lock_init(&taken->lock);
	taken->granularity = hb->granularity;

	spin_lock_bh(&hb->lock);
	full = rcu_dereference_protected(hb->tree, lockdep_is_held(&hb->lock));
	empty->size = full->size;
	empty->nbits = full->nbits;
	empty->levels = full->levels;
	rcu_assign_pointer(hb->tree, empty);
	spin_unlock_bh(&hb->lock);

	/* No operation begins there any more. Pairs with hbitmap_op_finish(). */
	wait_event(full->totals->settled, !atomic_read(&full->totals->retiring));
	/*
	 * Who changes a leaf without hb->lock, or only looks, found the tree under
	 * RCU and is gone after this; so is who was about to wake us.
	 */
	synchronize_rcu();
	rcu_assign_pointer(taken->tree, full);
	return taken;
}
EXPORT_SYMBOL_GPL(hbitmap_take);

/* Drop all of a slot that lies behind the new end. */
static void cut_off(struct hbitmap_op *op, void *slot, unsigned int level, u64 base)
{
	if (slot_is_block(slot))
		hbitmap_op_detach(&op->subtrees, slot, level, base);
	else if (slot)
		op->delta -= slot_bits(op->retire_nbits, level, base);
}

static void *cut_slot(struct hbitmap_op *op, void *slot, unsigned int level, u64 base);

/*
 * What remains of a leaf is copied: who reads with the old size must not find that
 * the rest of the leaf counts as dirty when what remains is.
 */
static void *cut_leaf(struct hbitmap_op *op, struct hbitmap_leaf *old, u64 base)
{
	unsigned int valid = slot_bits(op->nbits, 0, base), w;
	struct hbitmap_leaf *leaf = hbitmap_op_new_leaf(op, NULL, base);
	void *reduced;

	spin_lock(&old->lock);
	/* Who changes it next starts again, and finds the copy. */
	old->dead = true;
	op->delta -= old->count;
	for (w = 0; w <= (valid - 1) / BITS_PER_LONG; w++)
		leaf->words[w] = old->words[w] & word_mask(w, 0, valid - 1);
	spin_unlock(&old->lock);
	hbitmap_op_drop_shell(op, old, 0, base);

	reduced = hbitmap_leaf_build(leaf, valid);
	op->delta += leaf->count;
	if (reduced != leaf)
		hbitmap_op_drop_shell(op, leaf, 0, base);
	return reduced;
}

static void *cut_node(struct hbitmap_op *op, struct hbitmap_node *old,
		      unsigned int level, u64 base)
{
	struct hbitmap_node *node = hbitmap_op_new_node(op, NULL, level, base);
	unsigned int i, last = slot_index(op->nbits - 1, level);
	void *slot, *reduced;

	for (i = 0; i < NODE_SLOTS; i++) {
		u64 child = child_base(base, level, i);

		slot = hbitmap_node_slot(op->hb, old, i);
		if (i > last)
			cut_off(op, slot, level - 1, child);
		else if (i == last)
			slot = cut_slot(op, slot, level - 1, child);
		if (i <= last)
			hbitmap_node_store(node, i, slot);
	}
	hbitmap_op_drop_shell(op, old, level, base);

	reduced = hbitmap_node_reduce(node, last + 1);
	if (reduced != node)
		hbitmap_op_drop_shell(op, node, level, base);
	return reduced;
}

/* What a slot holds that has the last bit, when there are op->nbits. */
static void *cut_slot(struct hbitmap_op *op, void *slot, unsigned int level, u64 base)
{
	u64 bits = slot_bits(op->nbits, level, base);

	if (slot == SLOT_FULL)
		op->delta -= slot_bits(op->retire_nbits, level, base) - bits;
	if (!slot_is_block(slot) || bits == slot_bits(op->retire_nbits, level, base))
		return slot;
	return level ? cut_node(op, slot, level, base) : cut_leaf(op, slot, base);
}

/* The root of what remains of a tree. Blocks along its new end are copied. */
static void *shrink(struct hbitmap_op *op, const struct hbitmap_tree *tree,
		    unsigned int levels)
{
	void *slot = rcu_dereference_protected(tree->root, lockdep_is_held(&op->hb->lock));
	unsigned int level, i;

	if (!op->nbits) {
		cut_off(op, slot, tree->levels, 0);
		return NULL;
	}
	for (level = tree->levels; level > levels; level--) {
		struct hbitmap_node *node = slot;

		if (slot == SLOT_FULL)
			op->delta -= slot_bits(op->retire_nbits, level, 0) -
				     slot_bits(op->retire_nbits, level - 1, 0);
		if (!slot_is_block(slot))
			continue;
		for (i = 1; i < NODE_SLOTS; i++)
			cut_off(op, hbitmap_node_slot(op->hb, node, i), level - 1,
				child_base(0, level, i));
		slot = hbitmap_node_slot(op->hb, node, 0);
		hbitmap_op_drop_shell(op, node, level, 0);
	}
	return cut_slot(op, slot, levels, 0);
}

/* Count the blocks that grow() needs. */
static void grow_need(struct hbitmap_op *op, const struct hbitmap_tree *tree,
		      unsigned int levels, struct hbitmap_stock *need)
{
	void *root = rcu_dereference_protected(tree->root, lockdep_is_held(&op->hb->lock));

	if (!root)
		return;
	need->nr_nodes = levels - tree->levels;
	if (tree->nbits < 1ULL << level_shift(tree->levels))
		hbitmap_op_need(op, root, NULL, tree->levels, 0, need);
}

/*
 * The root of a tree with clean bits behind it. FULL along the old end would mean
 * the new bits too: they are taken out of it, in place, since that changes nothing
 * for who reads with the old size.
 */
static void *grow(struct hbitmap_op *op, const struct hbitmap_tree *tree,
		  unsigned int levels)
{
	void *slot = rcu_dereference_protected(tree->root, lockdep_is_held(&op->hb->lock));
	struct hbitmap_node *node;
	unsigned int level;

	if (!slot)
		return NULL;
	if (tree->nbits < 1ULL << level_shift(tree->levels))
		slot = hbitmap_op_slot(op, slot, NULL, tree->levels, 0);
	for (level = tree->levels + 1; level <= levels; level++) {
		node = hbitmap_op_new_node(op, NULL, level, 0);
		hbitmap_node_store(node, 0, slot);
		slot = node;
	}
	/* Bits that were not there were not counted. */
	op->delta = 0;
	return slot;
}

/*
 * Make the bitmap op->nbits long, under hb->lock, if that is possible with the
 * operation's stock. Returns the tree from before; or NULL, and then what it needs.
 */
static struct hbitmap_tree *resize(struct hbitmap_op *op, struct hbitmap_tree *tree,
				   struct hbitmap_stock *need)
{
	struct hbitmap_tree *old = hbitmap_op_begin(op);
	void *root = rcu_dereference_protected(old->root, lockdep_is_held(&op->hb->lock));

	op->nbits = tree->nbits;
	op->first = old->nbits;
	op->last = tree->nbits - 1;
	if (tree->nbits > old->nbits) {
		grow_need(op, old, tree->levels, need);
	} else if (tree->nbits < old->nbits) {
		/* A copy of each block along the end, at most. */
		need->nr_nodes = tree->levels;
		need->nr_leaves = 1;
	}
	if (need->nr_nodes > op->stock->nr_nodes || need->nr_leaves > op->stock->nr_leaves)
		return NULL;

	if (tree->nbits > old->nbits)
		root = grow(op, old, tree->levels);
	else if (tree->nbits < old->nbits)
		root = shrink(op, old, tree->levels);
	tree->totals = old->totals;
	RCU_INIT_POINTER(tree->root, root);
	/* Complete: pairs with the rcu_dereference() of all others. */
	rcu_assign_pointer(op->hb->tree, tree);
	hbitmap_op_end(op);
	return old;
}

/**
 * hbitmap_truncate() - Change the size.
 * @hb: the bitmap
 * @size: how many items it shall have
 * @gfp: how to allocate
 *
 * What is cut off becomes clean, what is added is clean. Of a group that is cut in
 * two the first part stays what it was; if the bitmap becomes longer again, then
 * the group is dirty as a whole.
 *
 * Readers and writers go on: each finds the old size or the new one, and who has
 * found the old one reads what was there. Walks stay valid.
 *
 * Context: As hbitmap_set().
 * Return: 0; -EFBIG if @size is above S64_MAX or needs more than HBITMAP_MAX_BITS
 * groups; -ENOMEM. On an error nothing has changed.
 */
int hbitmap_truncate(struct hbitmap *hb, u64 size, gfp_t gfp)
{
	u64 nbits = bits_for(size, hb->granularity);
	struct hbitmap_stock stock = {};
	struct hbitmap_op op = { .hb = hb, .gfp = gfp, .stock = &stock };
	struct hbitmap_tree *old, *tree;
	int err = 0;

	if (size > S64_MAX || nbits > HBITMAP_MAX_BITS)
		return -EFBIG;
	tree = kzalloc(sizeof(*tree), gfp);
	if (!tree)
		return -ENOMEM;
	tree->size = size;
	tree->nbits = nbits;
	tree->levels = levels_for(nbits);

	do {
		struct hbitmap_stock need = {};

		spin_lock_bh(&hb->lock);
		old = resize(&op, tree, &need);
		spin_unlock_bh(&hb->lock);
		if (!old)
			err = hbitmap_stock_fill(&stock, need.nr_nodes, need.nr_leaves,
						 gfp);
	} while (!old && !err);
	if (old) {
		kfree_rcu(old, rcu);
		hbitmap_op_finish(&op);
	} else {
		kfree(tree);
	}
	hbitmap_stock_free(&stock);
	/* It can have cleared bits: as in hbitmap_reset(). */
	smp_mb();
	return err;
}
EXPORT_SYMBOL_GPL(hbitmap_truncate);
