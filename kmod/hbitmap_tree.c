// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap: leaves, and the one operation that changes the structure. hbitmap.c
 * has the overview.
 */
#include <linux/bottom_half.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hbitmap_private.h"

/* How often a reader of a leaf tries without its lock. */
#define LEAF_READ_TRIES	4

static struct kmem_cache *hbitmap_node_cache __ro_after_init;
static struct kmem_cache *hbitmap_leaf_cache __ro_after_init;

/* Blocks */

struct hbitmap_node *hbitmap_node_alloc(gfp_t gfp)
{
	return kmem_cache_zalloc(hbitmap_node_cache, gfp);
}

/* The words are for the caller to fill. */
struct hbitmap_leaf *hbitmap_leaf_alloc(gfp_t gfp)
{
	struct hbitmap_leaf *leaf = kmem_cache_alloc(hbitmap_leaf_cache, gfp);

	if (!leaf)
		return NULL;
	spin_lock_init(&leaf->lock);
	seqcount_spinlock_init(&leaf->seq, &leaf->lock);
	leaf->count = 0;
	leaf->dead = false;
	leaf->counted = false;
	return leaf;
}

/* Free what was never published. */
void hbitmap_node_free(struct hbitmap_node *node)
{
	kmem_cache_free(hbitmap_node_cache, node);
}

void hbitmap_leaf_free(struct hbitmap_leaf *leaf)
{
	if (leaf)
		kmem_cache_free(hbitmap_leaf_cache, leaf);
}

static void node_free_rcu(struct rcu_head *rcu)
{
	hbitmap_node_free(container_of(rcu, struct hbitmap_node, block.rcu));
}

static void leaf_free_rcu(struct rcu_head *rcu)
{
	hbitmap_leaf_free(container_of(rcu, struct hbitmap_leaf, block.rcu));
}

/* Free a block that nobody finds any more, once nobody can be in it. */
void hbitmap_block_free_rcu(struct hbitmap_block *block, unsigned int level)
{
	call_rcu(&block->rcu, level ? node_free_rcu : leaf_free_rcu);
}

struct hbitmap_block *hbitmap_slot_block(void *slot, unsigned int level)
{
	return level ? &((struct hbitmap_node *)slot)->block :
		       &((struct hbitmap_leaf *)slot)->block;
}

static void block_push(struct hbitmap_block **list, struct hbitmap_block *block)
{
	block->next = *list;
	*list = block;
}

static struct hbitmap_block *block_pop(struct hbitmap_block **list)
{
	struct hbitmap_block *block = *list;

	*list = block->next;
	return block;
}

void hbitmap_stock_free(struct hbitmap_stock *stock)
{
	while (stock->leaves)
		hbitmap_leaf_free(container_of(block_pop(&stock->leaves),
					       struct hbitmap_leaf, block));
	while (stock->nodes)
		hbitmap_node_free(container_of(block_pop(&stock->nodes),
					       struct hbitmap_node, block));
	stock->nr_leaves = 0;
	stock->nr_nodes = 0;
}

/* Bring a stock to so many; what there was memory for stays in it on an error. */
int hbitmap_stock_fill(struct hbitmap_stock *stock, unsigned int nodes,
		       unsigned int leaves, gfp_t gfp)
{
	for (; stock->nr_nodes < nodes; stock->nr_nodes++) {
		struct hbitmap_node *node = hbitmap_node_alloc(gfp);

		if (!node)
			return -ENOMEM;
		block_push(&stock->nodes, &node->block);
	}
	for (; stock->nr_leaves < leaves; stock->nr_leaves++) {
		struct hbitmap_leaf *leaf = hbitmap_leaf_alloc(gfp);

		if (!leaf)
			return -ENOMEM;
		block_push(&stock->leaves, &leaf->block);
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	return 0;
}

/*
 * Put @slot into a node that is, or will be, published. What announces content
 * is raised first, so that whoever has followed the slot (a writer may then
 * set a bit and return without looking at a mask) is not denied it by the masks
 * afterwards; rcu_assign_pointer() orders the two.
 */
void hbitmap_node_store(struct hbitmap_node *node, unsigned int i, void *slot)
{
	if (slot)
		mask_set(node->dirty, i);
	if (slot != SLOT_FULL)
		mask_set(node->zero, i);
	rcu_assign_pointer(node->slot[i], slot);
	if (!slot)
		mask_clear(node->dirty, i);
	if (slot == SLOT_FULL)
		mask_clear(node->zero, i);
}

/* What a slot may hold instead of @node, which can be @node itself. */
void *hbitmap_node_reduce(struct hbitmap_node *node, unsigned int valid)
{
	if (mask_next(node->dirty, 0, NODE_SLOTS, 0) == NODE_SLOTS)
		return NULL;
	if (mask_next(node->zero, 0, valid, 0) == valid)
		return SLOT_FULL;
	return node;
}

/* Leaves */

void *hbitmap_leaf_reduce(struct hbitmap_leaf *leaf, unsigned int valid)
{
	if (!leaf->count)
		return NULL;
	return leaf->count == valid ? SLOT_FULL : leaf;
}

/* Summary and count of a leaf that is not yet published, whose words are there. */
void hbitmap_leaf_summarize(struct hbitmap_leaf *leaf)
{
	unsigned int i, w, count = 0;

	for (i = 0; i < LEAF_LONGS; i++) {
		const unsigned long *words = leaf->words + i * BITS_PER_LONG;
		unsigned long any = 0;

		for (w = 0; w < BITS_PER_LONG; w++) {
			any |= (unsigned long)!!words[w] << w;
			count += hweight_long(words[w]);
		}
		leaf->any[i] = any;
	}
	leaf->count = count;
}

/* Finish a leaf that was filled, of @valid bits; what a slot shall hold of it. */
void *hbitmap_leaf_build(struct hbitmap_leaf *leaf, unsigned int valid)
{
	hbitmap_leaf_summarize(leaf);
	return hbitmap_leaf_reduce(leaf, valid);
}

/*
 * The order is hbitmap_node_store()'s, for the same reason. The release pairs with
 * the smp_rmb() after a lookup.
 */
static __always_inline void leaf_store(struct hbitmap_leaf *leaf, unsigned int w,
				       unsigned long word)
{
	if (word)
		mask_set(leaf->any, w);
	/* See above. */
	smp_store_release(&leaf->words[w], word);
	if (!word)
		mask_clear(leaf->any, w);
}

/* Make all of a leaf that is not yet published @slot: its first @valid bits. */
void hbitmap_leaf_fill(struct hbitmap_leaf *leaf, const void *slot, unsigned int valid)
{
	unsigned int w, last = valid - 1;

	memset(leaf->any, 0, sizeof(leaf->any));
	memset(leaf->words, 0, sizeof(leaf->words));
	leaf->count = 0;
	if (!slot)
		return;
	for (w = 0; w <= last / BITS_PER_LONG; w++)
		leaf_store(leaf, w, word_mask(w, 0, last));
	leaf->count = valid;
}

/* The word @w of what @src stands for: NULL, FULL or a leaf nobody changes. */
static __always_inline unsigned long src_word(const void *src, unsigned int w)
{
	if (slot_is_block(src))
		return ((const struct hbitmap_leaf *)src)->words[w];
	return src ? ~0UL : 0;
}

/* Not inline, nor are the next two: the common case is one word. */
static noinline int leaf_apply_words(struct hbitmap_leaf *leaf, const void *src,
				     enum hbitmap_how how, unsigned int first,
				     unsigned int last)
{
	unsigned int w;
	int delta = 0;

	for (w = first / BITS_PER_LONG; w <= last / BITS_PER_LONG; w++) {
		unsigned long mask = word_mask(w, first, last);
		unsigned long old = leaf->words[w];
		unsigned long new = (old & ~mask) |
				    (hbitmap_combine(how, old, src_word(src, w)) & mask);

		if (new == old)
			continue;
		delta += (int)hweight_long(new) - (int)hweight_long(old);
		leaf_store(leaf, w, new);
	}
	return delta;
}

/*
 * As leaf_apply_words() for all of a leaf, in groups of words that one word of @any
 * summarizes: it is raised for all of them, then they change.
 */
static __always_inline int apply_all(struct hbitmap_leaf *leaf, const void *src,
				     enum hbitmap_how how)
{
	unsigned int i, w, count = 0;

	for (i = 0; i < LEAF_LONGS; i++) {
		unsigned long *words = leaf->words + i * BITS_PER_LONG;
		unsigned long new[BITS_PER_LONG], any = 0;

		for (w = 0; w < BITS_PER_LONG; w++) {
			new[w] = hbitmap_combine(how, words[w],
						 src_word(src, i * BITS_PER_LONG + w));
			any |= (unsigned long)!!new[w] << w;
			count += hweight_long(new[w]);
		}
		WRITE_ONCE(leaf->any[i], leaf->any[i] | any);
		/* As the release in leaf_store(). */
		smp_wmb();
		for (w = 0; w < BITS_PER_LONG; w++)
			WRITE_ONCE(words[w], new[w]);
		WRITE_ONCE(leaf->any[i], any);
	}
	return (int)count - (int)leaf->count;
}

/* A word of a leaf becomes "word or src": how many bits it has then. */
static __always_inline unsigned int or_word(unsigned long *word, unsigned long src)
{
	unsigned long new = *word | src;

	WRITE_ONCE(*word, new);
	return hweight_long(new);
}

/* What merging mostly does; the summaries are as good as the words. */
static noinline int leaf_or_all(struct hbitmap_leaf *leaf, const struct hbitmap_leaf *src)
{
	unsigned long *words = leaf->words;
	const unsigned long *from = src->words;
	unsigned int i, count = 0, more = 0;

	for (i = 0; i < LEAF_LONGS; i++)
		WRITE_ONCE(leaf->any[i], leaf->any[i] | src->any[i]);
	/* As the release in leaf_store(). */
	smp_wmb();
	for (; words < leaf->words + LEAF_WORDS; words += 4, from += 4) {
		count += or_word(words, from[0]);
		more += or_word(words + 1, from[1]);
		count += or_word(words + 2, from[2]);
		more += or_word(words + 3, from[3]);
	}
	return (int)(count + more) - (int)leaf->count;
}

static noinline int leaf_apply_all(struct hbitmap_leaf *leaf, const void *src,
				   enum hbitmap_how how)
{
	return apply_all(leaf, src, how);
}

/* As leaf_apply_words() for bits of one word; mostly for one bit. */
static __always_inline int leaf_apply_word(struct hbitmap_leaf *leaf, const void *src,
					   enum hbitmap_how how, unsigned int first,
					   unsigned int last)
{
	unsigned int w = first / BITS_PER_LONG;
	unsigned long mask = word_mask(w, first, last), old = leaf->words[w];
	unsigned long new = (old & ~mask) |
			    (hbitmap_combine(how, old, src_word(src, w)) & mask);
	unsigned long diff = new ^ old;

	if (!diff)
		return 0;
	leaf_store(leaf, w, new);
	if (!(diff & (diff - 1)))
		return new > old ? 1 : -1;
	return (int)hweight_long(new) - (int)hweight_long(old);
}

/*
 * Change the bits @first to @last by what they are in @src; returns by how many
 * more are set.
 */
int hbitmap_leaf_change(struct hbitmap_leaf *leaf, const void *src,
			enum hbitmap_how how, unsigned int first, unsigned int last)
{
	int delta;

	lockdep_assert_held(&leaf->lock);
	write_seqcount_begin(&leaf->seq);
	if (first / BITS_PER_LONG == last / BITS_PER_LONG)
		delta = leaf_apply_word(leaf, src, how, first, last);
	else if (last - first < HBITMAP_LEAF_BITS - 1)
		delta = leaf_apply_words(leaf, src, how, first, last);
	else if (how == HBITMAP_OR && slot_is_block(src))
		delta = leaf_or_all(leaf, src);
	else
		delta = leaf_apply_all(leaf, src, how);
	/* Inside: who counts must not be denied what who looks has seen. */
	WRITE_ONCE(leaf->count, leaf->count + delta);
	write_seqcount_end(&leaf->seq);
	return delta;
}

/*
 * Let @look see a leaf as it was at one moment. It may be called several times;
 * the last one counts.
 */
void hbitmap_leaf_read(struct hbitmap_leaf *leaf,
		       void (*look)(const struct hbitmap_leaf *leaf, void *arg),
		       void *arg)
{
	unsigned int tries, seq;

	for (tries = 0; tries < LEAF_READ_TRIES; tries++) {
		seq = read_seqcount_begin(&leaf->seq);
		look(leaf, arg);
		if (!read_seqcount_retry(&leaf->seq, seq))
			return;
	}
	spin_lock_bh(&leaf->lock);
	look(leaf, arg);
	spin_unlock_bh(&leaf->lock);
}

static void leaf_copy_all(const struct hbitmap_leaf *leaf, void *arg)
{
	struct hbitmap_leaf *copy = arg;
	const unsigned long *from = leaf->words;
	unsigned long *to = copy->words;
	unsigned int i;

	for (; to < copy->words + LEAF_WORDS; to += 4, from += 4) {
		to[0] = READ_ONCE(from[0]);
		to[1] = READ_ONCE(from[1]);
		to[2] = READ_ONCE(from[2]);
		to[3] = READ_ONCE(from[3]);
	}
	for (i = 0; i < LEAF_LONGS; i++)
		copy->any[i] = READ_ONCE(leaf->any[i]);
	copy->count = READ_ONCE(leaf->count);
}

/* Words, summary and count of a leaf as they were at one moment. */
void hbitmap_leaf_copy(struct hbitmap_leaf *copy, struct hbitmap_leaf *leaf)
{
	hbitmap_leaf_read(leaf, leaf_copy_all, copy);
}

/* Retiring: what left the tree */

/* Close a leaf for writers; how many bits the last one left set. */
static unsigned int leaf_kill(struct hbitmap_leaf *leaf)
{
	unsigned int bits;

	spin_lock_bh(&leaf->lock);
	leaf->dead = true;
	bits = leaf->count;
	spin_unlock_bh(&leaf->lock);
	return bits;
}

/*
 * Free what hangs on a slot of @level at @base that has left the tree, or was never
 * in it. Adds up how many bits were set in it at last, and its memory.
 */
void hbitmap_slot_retire(u64 nbits, void *slot, unsigned int level, u64 base,
			 gfp_t gfp, u64 *bits, unsigned long *memory)
{
	unsigned int i;

	if (!slot_is_block(slot)) {
		if (slot)
			*bits += slot_bits(nbits, level, base);
		return;
	}
	if (level) {
		struct hbitmap_node *node = slot;

		for (i = 0; i < NODE_SLOTS; i++)
			/* Detached: nobody else changes it. */
			hbitmap_slot_retire(nbits,
					    rcu_dereference_protected(node->slot[i], 1),
					    level - 1, child_base(base, level, i), gfp,
					    bits, memory);
		*memory += sizeof(struct hbitmap_node);
	} else {
		*bits += leaf_kill(slot);
		*memory += sizeof(struct hbitmap_leaf);
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	hbitmap_block_free_rcu(hbitmap_slot_block(slot, level), level);
}

/* Free what was built and is nobody's. */
void hbitmap_built_free(u64 nbits, void *slot, unsigned int level, u64 base, gfp_t gfp)
{
	unsigned long memory = 0;
	u64 bits = 0;

	hbitmap_slot_retire(nbits, slot, level, base, gfp, &bits, &memory);
}

/* Changing the structure: under hb->lock, with all memory at hand */

void hbitmap_op_detach(struct hbitmap_block **list, void *slot,
		       unsigned int level, u64 base)
{
	struct hbitmap_block *block = hbitmap_slot_block(slot, level);

	block->place = base | level;
	block_push(list, block);
}

/* A block goes that another slot stands for now. */
void hbitmap_op_drop_shell(struct hbitmap_op *op, void *slot, unsigned int level,
			   u64 base)
{
	op->memory -= level ? sizeof(struct hbitmap_node) : sizeof(struct hbitmap_leaf);
	hbitmap_op_detach(&op->shells, slot, level, base);
}

static bool op_covers(const struct hbitmap_op *op, unsigned int level, u64 base)
{
	return !op->tidy && op->how == HBITMAP_COPY && (!op->single || !level) &&
	       op->first <= base &&
	       base + slot_bits(op->nbits, level, base) - 1 <= op->last;
}

/* True if the slot is NULL or FULL and can stay. */
static bool op_agrees(const struct hbitmap_op *op, const void *slot, const void *src)
{
	if (slot_is_block(slot))
		return false;
	if (op->tidy)
		return true;
	switch (op->how) {
	case HBITMAP_COPY:
		return slot == src;
	case HBITMAP_OR:
		return slot;
	case HBITMAP_AND:
	case HBITMAP_ANDNOT:
		return !slot;
	default:
		return false;
	}
}

/* Which slots of the node at @base the operation is about. */
static unsigned int op_first_slot(const struct hbitmap_op *op, unsigned int level,
				  u64 base)
{
	return slot_index(max(op->first, base), level);
}

static unsigned int op_last_slot(const struct hbitmap_op *op, unsigned int level,
				 u64 base)
{
	return slot_index(min(op->last, base + slot_bits(op->nbits, level, base) - 1),
			  level);
}

/* The slot under a slot that is uniform or a node that is not published. */
static void *src_child(const struct hbitmap_op *op, const void *src, unsigned int i)
{
	const struct hbitmap_node *node = src;

	if (op->single || !slot_is_block(src))
		return (void *)src;
	return rcu_dereference_protected(node->slot[i], 1);
}

void *hbitmap_node_slot(const struct hbitmap *hb, const struct hbitmap_node *node,
			unsigned int i)
{
	return rcu_dereference_protected(node->slot[i], lockdep_is_held(&hb->lock));
}

/* Count the nodes and leaves that hbitmap_op_slot() will need. */
void hbitmap_op_need(const struct hbitmap_op *op, void *slot, const void *src,
		     unsigned int level, u64 base, struct hbitmap_stock *need)
{
	unsigned int i, last;

	if (op_agrees(op, slot, src) || op_covers(op, level, base))
		return;
	if (!slot_is_block(slot) && level)
		need->nr_nodes++;
	else if (!slot_is_block(slot))
		need->nr_leaves++;
	if (!level)
		return;

	/* All between the two ends is covered. */
	last = op_last_slot(op, level, base);
	for (i = op_first_slot(op, level, base); i <= last;
	     i = i < last ? last : last + 1)
		hbitmap_op_need(op, slot_is_block(slot) ? hbitmap_node_slot(op->hb, slot, i) : slot,
				src_child(op, src, i), level - 1,
				child_base(base, level, i), need);
}

struct hbitmap_leaf *hbitmap_op_new_leaf(struct hbitmap_op *op, const void *slot,
					 u64 base)
{
	struct hbitmap_leaf *leaf;

	op->stock->nr_leaves--;
	op->memory += sizeof(*leaf);
	leaf = container_of(block_pop(&op->stock->leaves), struct hbitmap_leaf, block);
	hbitmap_leaf_fill(leaf, slot, slot_bits(op->nbits, 0, base));
	return leaf;
}

struct hbitmap_node *hbitmap_op_new_node(struct hbitmap_op *op, void *slot,
					 unsigned int level, u64 base)
{
	unsigned int i, valid = node_valid_slots(op->nbits, level, base);
	struct hbitmap_node *node;

	op->stock->nr_nodes--;
	op->memory += sizeof(*node);
	node = container_of(block_pop(&op->stock->nodes), struct hbitmap_node, block);
	for (i = 0; i < NODE_SLOTS; i++)
		hbitmap_node_store(node, i, i < valid ? slot : NULL);
	return node;
}

/* How many bits are set in a slot that is not published, and what it takes. */
u64 hbitmap_built_bits(u64 nbits, void *slot, unsigned int level, u64 base,
		       unsigned long *memory)
{
	*memory = 0;
	if (!slot)
		return 0;
	if (slot == SLOT_FULL)
		return slot_bits(nbits, level, base);
	*memory = level ? hbitmap_slot_block(slot, level)->memory :
			  sizeof(struct hbitmap_leaf);
	return level ? hbitmap_slot_block(slot, level)->bits :
		       ((struct hbitmap_leaf *)slot)->count;
}

/* Exchange all of a slot for @src, which may be a subtree that was built. */
static void *op_replace(struct hbitmap_op *op, void *slot, void *src,
			unsigned int level, u64 base)
{
	unsigned long memory;

	if (slot_is_block(slot))
		hbitmap_op_detach(&op->subtrees, slot, level, base);
	else if (slot)
		op->delta -= slot_bits(op->nbits, level, base);
	op->delta += hbitmap_built_bits(op->nbits, src, level, base, &memory);
	op->memory += memory;
	/* Tells that the leaf is the bitmap's now. */
	if (op->single)
		op->src = NULL;
	return src;
}

static void *op_leaf(struct hbitmap_op *op, void *slot, const void *src, u64 base)
{
	struct hbitmap_leaf *leaf = slot;
	void *reduced;

	if (!slot_is_block(slot))
		leaf = hbitmap_op_new_leaf(op, slot, base);

	spin_lock(&leaf->lock);
	/* The nodes above are busy, so nobody remembers what is counted now. */
	leaf->counted = false;
	if (!op->tidy)
		op->delta += hbitmap_leaf_change(leaf, src, op->how,
						 leaf_first(base, op->first),
						 leaf_last(base, op->last));
	reduced = hbitmap_leaf_reduce(leaf, slot_bits(op->nbits, 0, base));
	/* Closed while it is known to be uniform: no writer may slip in. */
	leaf->dead = reduced != leaf;
	spin_unlock(&leaf->lock);

	if (reduced != leaf)
		hbitmap_op_drop_shell(op, leaf, 0, base);
	return reduced;
}

static void *op_node(struct hbitmap_op *op, void *slot, void *src,
		     unsigned int level, u64 base)
{
	unsigned int i, last = op_last_slot(op, level, base);
	struct hbitmap_node *node = slot;
	void *reduced;

	if (!slot_is_block(slot))
		node = hbitmap_op_new_node(op, slot, level, base);

	/* Who sees what changes below must not get a sum from before. */
	atomic64_set(&node->sum, HBITMAP_SUM_BUSY);
	/* Pairs with the smp_rmb() after a lookup. */
	smp_wmb();
	for (i = op_first_slot(op, level, base); i <= last; i++) {
		void *old = hbitmap_node_slot(op->hb, node, i);
		void *from = src_child(op, src, i);
		void *new = hbitmap_op_slot(op, old, from, level - 1,
					    child_base(base, level, i));

		if (new != old)
			hbitmap_node_store(node, i, new);
		/* It has moved from the tree that was built into this one. */
		if (new == from && slot_is_block(new) && !op->single)
			RCU_INIT_POINTER(((struct hbitmap_node *)src)->slot[i], NULL);
	}
	/* After the last: pairs with the cmpxchg of who sums up. */
	atomic64_set_release(&node->sum, HBITMAP_SUM_UNKNOWN);

	reduced = hbitmap_node_reduce(node, node_valid_slots(op->nbits, level, base));
	if (reduced != node)
		hbitmap_op_drop_shell(op, node, level, base);
	return reduced;
}

/* Apply the operation to a slot of @level at @base: what shall it hold then? */
void *hbitmap_op_slot(struct hbitmap_op *op, void *slot, void *src,
		      unsigned int level, u64 base)
{
	if (op_agrees(op, slot, src))
		return slot;
	if (op_covers(op, level, base))
		return op_replace(op, slot, src, level, base);
	if (op->outward && !slot_is_block(slot) &&
	    !(level ? op->stock->nr_nodes : op->stock->nr_leaves)) {
		op->rounded = true;
		return op_replace(op, slot, SLOT_FULL, level, base);
	}
	if (!level)
		return op_leaf(op, slot, src, base);
	return op_node(op, slot, src, level, base);
}

/* What the bitmap holds when hb->lock has been taken. */
struct hbitmap_tree *hbitmap_op_begin(struct hbitmap_op *op)
{
	struct hbitmap_tree *tree = rcu_dereference_protected(op->hb->tree,
							      lockdep_is_held(&op->hb->lock));

	op->nbits = tree->nbits;
	op->retire_nbits = tree->nbits;
	op->totals = tree->totals;
	return tree;
}

/* Before hb->lock is dropped after a change; hbitmap_op_finish() must follow then. */
void hbitmap_op_end(struct hbitmap_op *op)
{
	percpu_counter_add(&op->totals->bits, op->delta);
	atomic_long_add(op->memory, &op->totals->memory);
	/* Under the lock: who takes the tree away after this waits for the rest. */
	atomic_inc(&op->totals->retiring);
}

static void retire_subtree(struct hbitmap_op *op, u64 *bits, unsigned long *memory)
{
	u64 place = op->subtrees->place;
	unsigned int level = leaf_offset(place);
	struct hbitmap_block *block = block_pop(&op->subtrees);
	void *slot;

	if (level)
		slot = container_of(block, struct hbitmap_node, block);
	else
		slot = container_of(block, struct hbitmap_leaf, block);
	hbitmap_slot_retire(op->retire_nbits, slot, level, slot_base(place, 0), op->gfp,
			    bits, memory);
}

/* Free what the operation has detached, and settle the totals. */
void hbitmap_op_finish(struct hbitmap_op *op)
{
	struct hbitmap_totals *totals = op->totals;
	unsigned long memory = 0;
	u64 bits = 0;

	while (op->shells) {
		unsigned int level = op->shells->place % HBITMAP_LEAF_BITS;

		hbitmap_block_free_rcu(block_pop(&op->shells), level);
	}
	while (op->subtrees)
		retire_subtree(op, &bits, &memory);

	if (bits) {
		/* Without SMP it is a plain variable, and softirqs use it too. */
		local_bh_disable();
		percpu_counter_add(&totals->bits, -(s64)bits);
		local_bh_enable();
	}
	atomic_long_sub(memory, &totals->memory);

	/* The totals stay for a grace period after the last one is seen gone. */
	rcu_read_lock();
	/* Fully ordered: pairs with the wait in hbitmap_take(). */
	if (atomic_dec_and_test(&totals->retiring))
		wake_up_all(&totals->settled);
	rcu_read_unlock();
}

/* Are there the blocks that the operation needs? */
static bool op_is_stocked(const struct hbitmap_op *op, const struct hbitmap_stock *need)
{
	return need->nr_nodes <= op->stock->nr_nodes &&
	       need->nr_leaves <= op->stock->nr_leaves;
}

/*
 * Apply @op under hb->lock if it is possible with its stock, or if @anyway it shall
 * make do with that. Returns 1 if it is not, and then what it needs.
 */
static int op_try(struct hbitmap_op *op, struct hbitmap_stock *need, bool anyway)
{
	struct hbitmap_tree *tree = hbitmap_op_begin(op);
	void *old, *new;

	if (op->last >= op->nbits)
		return -EINVAL;
	if (op->built_nbits && op->built_nbits != op->nbits)
		return -EAGAIN;
	old = rcu_dereference_protected(tree->root, lockdep_is_held(&op->hb->lock));
	hbitmap_op_need(op, old, op->src, tree->levels, 0, need);
	if (!anyway && !op_is_stocked(op, need))
		return 1;

	new = hbitmap_op_slot(op, old, op->src, tree->levels, 0);
	if (new != old)
		rcu_assign_pointer(tree->root, new);
	/* All of what was built is the bitmap's now. */
	if (new == op->src)
		op->src = NULL;
	hbitmap_op_end(op);
	return 0;
}

static int op_apply(struct hbitmap_op *op)
{
	bool no_memory = false;
	int err;

	for (;;) {
		struct hbitmap_stock need = {};

		spin_lock_bh(&op->hb->lock);
		err = op_try(op, &need, no_memory);
		spin_unlock_bh(&op->hb->lock);
		if (err <= 0)
			break;
		err = hbitmap_stock_fill(op->stock, need.nr_nodes, need.nr_leaves,
					 op->gfp);
		if (err && !op->outward)
			break;
		no_memory = err;
	}
	if (!err)
		hbitmap_op_finish(op);
	return err;
}

/*
 * Change the bits of @op by its @src; parts of a tree that was built move into the
 * bitmap's. Between the count of what is needed and the change others may come
 * first: then it is counted again. Returns 0; -EINVAL if the bitmap ends before
 * the range, -EAGAIN if it is not of the size that the source was built for,
 * -ENOMEM: then nothing has changed.
 */
int hbitmap_op_run(struct hbitmap_op *op)
{
	struct hbitmap_stock own = {};
	int err;

	if (op->stock) {
		err = op_apply(op);
		return op->tidy ? 0 : err;
	}
	op->stock = &own;
	err = op_apply(op);
	hbitmap_stock_free(&own);
	op->stock = NULL;
	/* To tidy up takes no memory, and what was cut off since is tidy. */
	return op->tidy ? 0 : err;
}

/*
 * Without hb->lock: change a leaf, if all of the range is in one that exists. Returns
 * 0, or -EAGAIN if that takes a change of the structure: of what is to be changed
 * (or, if change->tidy is set, only of what became uniform). Under RCU.
 */
int hbitmap_change_leaf(struct hbitmap_tree *tree, struct hbitmap_change *change)
{
	u64 base = slot_base(change->first, 0);
	struct hbitmap_leaf *leaf = change->leaf;
	unsigned int level;
	int err = -EAGAIN;

	if (slot_base(change->last, 0) != base)
		return -EAGAIN;
	if (!leaf)
		leaf = hbitmap_lookup(tree, change->first, &level);
	if (!slot_is_block(leaf))
		return -EAGAIN;

	spin_lock_bh(&leaf->lock);
	/* What is part of a sum changes under hb->lock, which the sum's node needs. */
	if (!leaf->dead && !leaf->counted) {
		change->delta = hbitmap_leaf_change(leaf, change->src, change->how,
						    leaf_offset(change->first),
						    leaf_offset(change->last));
		if (change->delta)
			percpu_counter_add(&tree->totals->bits, change->delta);
		change->tidy = hbitmap_leaf_reduce(leaf, slot_bits(tree->nbits, 0, base)) !=
			       leaf;
		err = change->tidy ? -EAGAIN : 0;
	}
	spin_unlock_bh(&leaf->lock);
	return err;
}

/*
 * As hbitmap_change_leaf(), of the bits @mask of the word that has @bit: sets or
 * clears them. Returns by how many, or -EAGAIN. It is the common case, hence without
 * whatever it need not.
 */
int hbitmap_leaf_change_word(struct hbitmap_tree *tree, struct hbitmap_leaf *leaf,
			     u64 bit, unsigned long mask, bool set, bool *tidy)
{
	unsigned int w = leaf_offset(bit) / BITS_PER_LONG, count;
	unsigned long old, new;
	int changed = -EAGAIN;

	spin_lock_bh(&leaf->lock);
	if (unlikely(leaf->dead || leaf->counted))
		goto out;
	old = leaf->words[w];
	new = set ? old | mask : old & ~mask;
	changed = hweight_long(old ^ new);
	if (unlikely(!changed))
		goto out;
	count = set ? leaf->count + changed : leaf->count - changed;
	write_seqcount_begin(&leaf->seq);
	leaf_store(leaf, w, new);
	/* Inside, as in hbitmap_leaf_change(). */
	WRITE_ONCE(leaf->count, count);
	write_seqcount_end(&leaf->seq);
	percpu_counter_add(&tree->totals->bits, set ? changed : -changed);
	if (unlikely(count == (set ? slot_bits(tree->nbits, 0, slot_base(bit, 0)) : 0))) {
		*tidy = true;
		changed = -EAGAIN;
	}
out:
	spin_unlock_bh(&leaf->lock);
	return changed;
}

/* The module */

/**
 * hbitmap_module_init() - Make the caches of nodes and leaves.
 *
 * Context: Process context. May sleep.
 * Return: 0, or -ENOMEM.
 */
int __init hbitmap_module_init(void)
{
	hbitmap_node_cache = kmem_cache_create("hbitmap_node",
					       sizeof(struct hbitmap_node), 0,
					       SLAB_HWCACHE_ALIGN, NULL);
	if (!hbitmap_node_cache)
		return -ENOMEM;
	hbitmap_leaf_cache = kmem_cache_create("hbitmap_leaf",
					       sizeof(struct hbitmap_leaf), 0,
					       SLAB_HWCACHE_ALIGN, NULL);
	if (!hbitmap_leaf_cache) {
		kmem_cache_destroy(hbitmap_node_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * hbitmap_module_exit() - Undo hbitmap_module_init(); every bitmap is freed.
 *
 * Context: Process context. Sleeps until RCU has freed every block.
 */
void hbitmap_module_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(hbitmap_leaf_cache);
	kmem_cache_destroy(hbitmap_node_cache);
}
