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
 *		root is a slot of level hb->levels, and a node that hangs on a slot
 *		of level n holds slots of level n - 1
 *	tail	the bits from hb->nbits on: they exist in the last leaf and are
 *		never set; FULL and "full" always mean the valid bits only
 *
 *	root ----> node: dirty 1 1 0 1 ...	slot[i] != NULL
 *		         zero  1 0 1 1 ...	slot[i] != FULL
 *		         slot  | F - |
 *		               |     +----> node ----> ...
 *		               v
 *		              leaf: lock, seqcount, count of set bits,
 *		                    any: bit w is set if word w is not zero
 *		                    words: HBITMAP_LEAF_BITS bits
 *
 * Features:
 * - Any operation beside any other. Readers take RCU and write nothing shared;
 *   what is set already is found so without a lock.
 * - A leaf exists only for a region that is neither all zero nor all one; whoever
 *   makes it all zero or all one takes it out.
 * - A range costs its two ends, whatever lies between: subtrees are exchanged
 *   for NULL or FULL in one store, and taken apart when no lock is held.
 * - -ENOMEM changes nothing: what an operation needs is counted and allocated
 *   before the first change.
 *
 * Locks: hb->lock (which slot holds what, the masks of nodes), inside it
 * leaf->lock (what the leaf holds). Bottom halves are off under both, so softirqs
 * may do whatever a process may.
 *
 * Who publishes what to whom:
 * - A block is complete before rcu_assign_pointer() makes it reachable.
 * - Masks and summaries are raised before the store that makes something visible
 *   and lowered after the one that takes it away. Whoever has seen an item dirty
 *   passes a read barrier before the next lookup, so that no summary denies him
 *   what he saw (and writers are more than that: they took the leaf's lock).
 * - set() has a full barrier before it looks, reset() one after it has cleared:
 *   of "write data; set" and "reset; read data" either the reader gets the data
 *   or the item is dirty afterwards.
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
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bottom_half.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/hbitmap.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#define SLOT_SHIFT	6
#define NODE_SLOTS	64
#define NODE_LONGS	(NODE_SLOTS / BITS_PER_LONG)
#define LEAF_WORDS	(HBITMAP_LEAF_BITS / BITS_PER_LONG)
#define LEAF_LONGS	(LEAF_WORDS / BITS_PER_LONG)

/* How often a reader of a leaf tries without its lock. */
#define LEAF_READ_TRIES	4

#define SLOT_FULL		((void *)1UL)
#define NO_BIT		U64_MAX

/*
 * The head of nodes and leaves. Only its owner uses it, never a reader: before
 * publication who builds the block, after detachment who retires it, then RCU.
 */
struct hbitmap_block {
	union {
		struct rcu_head rcu;
		/* Built, not yet published: how many bits are set below a node. */
		u64 bits;
		/* In the reserve of an operation, or detached by one. */
		struct {
			struct hbitmap_block *next;
			/* First bit covered | level: the leaf's bits leave room. */
			u64 place;
		};
	};
};

/*
 * @dirty and @zero are arrays of long so that a reader on 32 bits sees each of
 * their words whole.
 */
struct hbitmap_node {
	struct hbitmap_block block;
	unsigned long dirty[NODE_LONGS];
	unsigned long zero[NODE_LONGS];
	void __rcu *slot[NODE_SLOTS];
};

/* 64 bytes and 2 KiB on 64 bits: 15 of them in a slab of 32 KiB. */
struct hbitmap_leaf {
	/* Protects all that follows but @block. */
	spinlock_t lock;
	seqcount_spinlock_t seq;
	unsigned int count;
	bool dead;
	struct hbitmap_block block;
	unsigned long any[LEAF_LONGS];
	unsigned long words[LEAF_WORDS];
};

struct hbitmap {
	void __rcu *root;
	unsigned int levels;
	unsigned int granularity;
	u64 size;
	u64 nbits;
	/* Protects slots, from @root on, and the masks of nodes. */
	spinlock_t lock;
	struct percpu_counter count;
	atomic_long_t memory;
};

struct hbitmap_need {
	unsigned int nodes;
	unsigned int leaves;
};

/*
 * A change of the bits @first to @last, both included, that may have to change the
 * structure. @delta is what it adds to the count, as far as that is known under
 * the lock.
 */
struct hbitmap_op {
	struct hbitmap *hb;
	u64 first;
	u64 last;
	/* What to make of them: NULL, FULL or a tree that was built. */
	void *src;
	/* Change no bit: only take out blocks on the way that became uniform. */
	bool tidy;
	gfp_t gfp;
	s64 delta;
	/* Blocks to use, not yet published, and how many. */
	struct hbitmap_block *spare_nodes;
	struct hbitmap_block *spare_leaves;
	struct hbitmap_need spare;
	/* Detached single blocks whose bits a uniform slot stands for now. */
	struct hbitmap_block *shells;
	/* Detached subtrees whose bits are to be taken off the count. */
	struct hbitmap_block *subtrees;
};

static struct kmem_cache *hbitmap_node_cache __ro_after_init;
static struct kmem_cache *hbitmap_leaf_cache __ro_after_init;

/* Geometry */

static bool slot_is_block(const void *slot)
{
	return (unsigned long)slot > (unsigned long)SLOT_FULL;
}

static unsigned int level_shift(unsigned int level)
{
	return HBITMAP_LEAF_SHIFT + SLOT_SHIFT * level;
}

/* First bit that the slot of @level around @bit covers. */
static u64 slot_base(u64 bit, unsigned int level)
{
	return bit >> level_shift(level) << level_shift(level);
}

/* First bit behind the slot of @level around @bit. */
static u64 slot_end(u64 bit, unsigned int level)
{
	return slot_base(bit, level) + (1ULL << level_shift(level));
}

/* How many valid bits the slot of @level at @base covers. */
static u64 slot_bits(const struct hbitmap *hb, unsigned int level, u64 base)
{
	return min_t(u64, 1ULL << level_shift(level), hb->nbits - base);
}

/* Which slot of a node that hangs on a slot of @level has @bit. */
static unsigned int slot_index(u64 bit, unsigned int level)
{
	return (bit >> level_shift(level - 1)) & (NODE_SLOTS - 1);
}

static u64 child_base(u64 base, unsigned int level, unsigned int index)
{
	return base + ((u64)index << level_shift(level - 1));
}

static unsigned int node_valid_slots(const struct hbitmap *hb,
				     unsigned int level, u64 base)
{
	return slot_index(base + slot_bits(hb, level, base) - 1, level) + 1;
}

/* Which of the bits @first to @last of a leaf are in its word @w. */
static unsigned long word_mask(unsigned int w, unsigned int first,
			       unsigned int last)
{
	unsigned long mask = ~0UL;

	if (w == first / BITS_PER_LONG)
		mask &= ~0UL << (first % BITS_PER_LONG);
	if (w == last / BITS_PER_LONG)
		mask &= ~0UL >> (BITS_PER_LONG - 1 - last % BITS_PER_LONG);
	return mask;
}

static unsigned int leaf_offset(u64 bit)
{
	return bit & (HBITMAP_LEAF_BITS - 1);
}

/* Which bits of the leaf at @base are among @first to @last: of the leaf. */
static unsigned int leaf_first(u64 base, u64 first)
{
	return first > base ? leaf_offset(first) : 0;
}

static unsigned int leaf_last(u64 base, u64 last)
{
	return min_t(u64, last - base, HBITMAP_LEAF_BITS - 1);
}

/* Masks: written under the lock of what they summarize, read by anyone */

static void mask_set(unsigned long *mask, unsigned int i)
{
	unsigned long *word = &mask[i / BITS_PER_LONG];

	if (!(*word & (1UL << (i % BITS_PER_LONG))))
		WRITE_ONCE(*word, *word | (1UL << (i % BITS_PER_LONG)));
}

static void mask_clear(unsigned long *mask, unsigned int i)
{
	unsigned long *word = &mask[i / BITS_PER_LONG];

	if (*word & (1UL << (i % BITS_PER_LONG)))
		WRITE_ONCE(*word, *word & ~(1UL << (i % BITS_PER_LONG)));
}

/* First bit from @from on that is set (clear, if @invert is ~0), or @end. */
static unsigned int mask_next(const unsigned long *mask, unsigned int from,
			      unsigned int end, unsigned long invert)
{
	while (from < end) {
		unsigned long word = READ_ONCE(mask[from / BITS_PER_LONG]);

		word = (word ^ invert) >> (from % BITS_PER_LONG);
		if (word)
			return min_t(unsigned int, from + __ffs(word), end);
		from = (from / BITS_PER_LONG + 1) * BITS_PER_LONG;
	}
	return end;
}

/* Blocks */

static struct hbitmap_block *node_alloc(struct hbitmap *hb, gfp_t gfp)
{
	struct hbitmap_node *node;

	node = kmem_cache_zalloc(hbitmap_node_cache, gfp);
	if (!node)
		return NULL;
	atomic_long_add(sizeof(*node), &hb->memory);
	return &node->block;
}

static struct hbitmap_block *leaf_alloc(struct hbitmap *hb, gfp_t gfp)
{
	struct hbitmap_leaf *leaf;

	leaf = kmem_cache_zalloc(hbitmap_leaf_cache, gfp);
	if (!leaf)
		return NULL;
	spin_lock_init(&leaf->lock);
	seqcount_spinlock_init(&leaf->seq, &leaf->lock);
	atomic_long_add(sizeof(*leaf), &hb->memory);
	return &leaf->block;
}

static void node_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(hbitmap_node_cache,
			container_of(rcu, struct hbitmap_node, block.rcu));
}

static void leaf_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(hbitmap_leaf_cache,
			container_of(rcu, struct hbitmap_leaf, block.rcu));
}

/* Free a block that nobody finds any more, once nobody can be in it. */
static void block_free(struct hbitmap *hb, struct hbitmap_block *block,
		       unsigned int level)
{
	if (level) {
		atomic_long_sub(sizeof(struct hbitmap_node), &hb->memory);
		call_rcu(&block->rcu, node_free_rcu);
	} else {
		atomic_long_sub(sizeof(struct hbitmap_leaf), &hb->memory);
		call_rcu(&block->rcu, leaf_free_rcu);
	}
}

static struct hbitmap_block *slot_block(void *slot, unsigned int level)
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

/*
 * Put @slot into a node that is, or will be, published. What announces content
 * is raised first, so that whoever has followed the slot (a writer may then
 * set a bit and return without looking at a mask) is not denied it by the masks
 * afterwards; rcu_assign_pointer() orders the two.
 */
static void node_store(struct hbitmap_node *node, unsigned int i, void *slot)
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

/* Make all of a node that is not yet published @slot: NULL or FULL. */
static void node_fill(struct hbitmap_node *node, void *slot, unsigned int valid)
{
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++)
		node_store(node, i, i < valid ? slot : NULL);
}

/* What a slot may hold instead of @node, which can be @node itself. */
static void *node_reduce(struct hbitmap_node *node, unsigned int valid)
{
	if (mask_next(node->dirty, 0, NODE_SLOTS, 0) == NODE_SLOTS)
		return NULL;
	if (mask_next(node->zero, 0, valid, 0) == valid)
		return SLOT_FULL;
	return node;
}

static void *leaf_reduce(struct hbitmap_leaf *leaf, unsigned int valid)
{
	if (!leaf->count)
		return NULL;
	return leaf->count == valid ? SLOT_FULL : leaf;
}

/* The order is node_store()'s, for the same reason. */
static void leaf_store(struct hbitmap_leaf *leaf, unsigned int w,
		       unsigned long word)
{
	if (word)
		mask_set(leaf->any, w);
	/* Pairs with the smp_rmb() after a lookup. */
	smp_store_release(&leaf->words[w], word);
	if (!word)
		mask_clear(leaf->any, w);
}

/* Make the first @valid bits of a leaf that is not yet published ones. */
static void leaf_fill(struct hbitmap_leaf *leaf, unsigned int valid)
{
	unsigned int w;

	for (w = 0; w <= (valid - 1) / BITS_PER_LONG; w++)
		leaf_store(leaf, w, word_mask(w, 0, valid - 1));
	leaf->count = valid;
}

/* The word @w of what @src stands for: NULL, FULL or a leaf nobody changes. */
static unsigned long src_word(const void *src, unsigned int w)
{
	if (slot_is_block(src))
		return ((const struct hbitmap_leaf *)src)->words[w];
	return src ? ~0UL : 0;
}

/* Make the bits @first to @last what they are in @src; by how many more are set. */
static int leaf_change(struct hbitmap_leaf *leaf, const void *src,
		       unsigned int first, unsigned int last)
{
	unsigned int w;
	int delta = 0;

	lockdep_assert_held(&leaf->lock);
	write_seqcount_begin(&leaf->seq);
	for (w = first / BITS_PER_LONG; w <= last / BITS_PER_LONG; w++) {
		unsigned long mask = word_mask(w, first, last);
		unsigned long old = leaf->words[w];
		unsigned long new = (old & ~mask) | (src_word(src, w) & mask);

		if (new == old)
			continue;
		delta += (int)hweight_long(new) - (int)hweight_long(old);
		leaf_store(leaf, w, new);
	}
	/* Inside: who counts must not be denied what who looks has seen. */
	WRITE_ONCE(leaf->count, leaf->count + delta);
	write_seqcount_end(&leaf->seq);
	return delta;
}

/*
 * Let @look see a leaf as it was at one moment. It may be called several times;
 * the last one counts.
 */
static void leaf_read(struct hbitmap_leaf *leaf,
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

/* First set bit from @from on, or HBITMAP_LEAF_BITS. */
static unsigned int leaf_next_dirty(const struct hbitmap_leaf *leaf,
				    unsigned int from)
{
	unsigned int w = from / BITS_PER_LONG;
	unsigned long word;

	word = READ_ONCE(leaf->words[w]) & (~0UL << (from % BITS_PER_LONG));
	while (!word) {
		w = mask_next(leaf->any, w + 1, LEAF_WORDS, 0);
		if (w == LEAF_WORDS)
			return HBITMAP_LEAF_BITS;
		word = READ_ONCE(leaf->words[w]);
	}
	return w * BITS_PER_LONG + __ffs(word);
}

/* Lookups: under RCU, without a lock */

/* What the slot that has @bit holds, as far down as there are nodes. */
static void *lookup(const struct hbitmap *hb, u64 bit, unsigned int *level)
{
	void *slot = rcu_dereference(hb->root);

	*level = hb->levels;
	while (*level && slot_is_block(slot)) {
		struct hbitmap_node *node = slot;

		slot = rcu_dereference(node->slot[slot_index(bit, *level)]);
		--*level;
	}
	return slot;
}

/*
 * As lookup(), but jumps over slots that hold @skip: @bit moves forward to the
 * first bit of the slot that is returned. If that is @skip, then the slot of
 * @level around @bit has nothing else from @bit on.
 */
static void *lookup_next(const struct hbitmap *hb, u64 *bit,
			 unsigned int *level, void *skip)
{
	void *slot = rcu_dereference(hb->root);

	*level = hb->levels;
	while (*level && slot_is_block(slot)) {
		struct hbitmap_node *node = slot;
		unsigned int from = slot_index(*bit, *level);
		unsigned int i;

		i = mask_next(skip ? node->zero : node->dirty, from, NODE_SLOTS, 0);
		if (i == NODE_SLOTS)
			return skip;
		if (i != from)
			*bit = child_base(slot_base(*bit, *level), *level, i);
		slot = rcu_dereference(node->slot[i]);
		--*level;
	}
	return slot;
}

/* First bit in [@bit, @end) that is not what @skip says (NULL: first dirty). */
static u64 find_next(const struct hbitmap *hb, u64 bit, u64 end, void *skip)
{
	u64 found = NO_BIT;

	rcu_read_lock();
	while (bit < end) {
		struct hbitmap_leaf *leaf;
		unsigned int level, i;

		leaf = lookup_next(hb, &bit, &level, skip);
		if (!slot_is_block(leaf)) {
			i = leaf_offset(bit);
			if (leaf == skip)
				i = HBITMAP_LEAF_BITS;
		} else if (skip) {
			i = mask_next(leaf->words, leaf_offset(bit),
				      HBITMAP_LEAF_BITS, ~0UL);
		} else {
			i = leaf_next_dirty(leaf, leaf_offset(bit));
		}
		if (i < HBITMAP_LEAF_BITS) {
			found = slot_base(bit, 0) + i;
			break;
		}
		bit = slot_end(bit, level);
	}
	rcu_read_unlock();
	/*
	 * What comes next, another lookup or the data behind an item, is read
	 * after what was seen here. Pairs with the release that published it.
	 */
	smp_rmb();
	return found < end ? found : NO_BIT;
}

static bool test_one(const struct hbitmap *hb, u64 bit)
{
	unsigned int level, i = leaf_offset(bit);
	void *slot;
	bool dirty;

	rcu_read_lock();
	slot = lookup(hb, bit, &level);
	if (slot_is_block(slot)) {
		struct hbitmap_leaf *leaf = slot;

		dirty = READ_ONCE(leaf->words[i / BITS_PER_LONG]) &
			(1UL << (i % BITS_PER_LONG));
	} else {
		dirty = slot;
	}
	rcu_read_unlock();
	/* As in find_next(). */
	smp_rmb();
	return dirty;
}

/* Retiring: what left the tree */

static void count_add(struct hbitmap *hb, s64 delta)
{
	/* Without SMP the counter is a plain variable, and softirqs use it too. */
	local_bh_disable();
	percpu_counter_add(&hb->count, delta);
	local_bh_enable();
}

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
 * Free what hangs on a slot of @level at @base that has left the tree. Returns
 * how many bits were set in it at last.
 */
static u64 slot_retire(struct hbitmap *hb, void *slot, unsigned int level,
		       u64 base, gfp_t gfp)
{
	u64 bits = 0;
	unsigned int i;

	if (!slot)
		return 0;
	if (slot == SLOT_FULL)
		return slot_bits(hb, level, base);

	if (level) {
		struct hbitmap_node *node = slot;

		for (i = 0; i < NODE_SLOTS; i++)
			/* Detached: nobody else changes it. */
			bits += slot_retire(hb, rcu_dereference_protected(node->slot[i], 1),
					    level - 1, child_base(base, level, i), gfp);
	} else {
		bits = leaf_kill(slot);
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	block_free(hb, slot_block(slot, level), level);
	return bits;
}

/* Changing the structure: under hb->lock, with all memory at hand */

static void op_detach(struct hbitmap_block **list, void *slot,
		      unsigned int level, u64 base)
{
	struct hbitmap_block *block = slot_block(slot, level);

	block->place = base | level;
	block_push(list, block);
}

static bool op_covers(const struct hbitmap_op *op, unsigned int level, u64 base)
{
	return !op->tidy && op->first <= base &&
	       base + slot_bits(op->hb, level, base) - 1 <= op->last;
}

/* True if the slot, which is NULL or FULL, can stay. */
static bool op_agrees(const struct hbitmap_op *op, const void *slot,
		      const void *src)
{
	return !slot_is_block(slot) && (slot == src || op->tidy);
}

/* Which slots of the node at @base the operation is about. */
static unsigned int op_first_slot(const struct hbitmap_op *op,
				  unsigned int level, u64 base)
{
	return slot_index(max(op->first, base), level);
}

static unsigned int op_last_slot(const struct hbitmap_op *op,
				 unsigned int level, u64 base)
{
	return slot_index(min(op->last, base + slot_bits(op->hb, level, base) - 1),
			  level);
}

/* The slot under a slot that is NULL, FULL or a node that is not published. */
static void *src_child(const void *src, unsigned int i)
{
	const struct hbitmap_node *node = src;

	return slot_is_block(src) ? rcu_dereference_protected(node->slot[i], 1) :
				    (void *)src;
}

static void *node_slot(const struct hbitmap *hb, const struct hbitmap_node *node,
		       unsigned int i)
{
	return rcu_dereference_protected(node->slot[i], lockdep_is_held(&hb->lock));
}

/* Count the nodes and leaves that op_slot() will need. */
static void op_need(const struct hbitmap_op *op, void *slot, const void *src,
		    unsigned int level, u64 base, struct hbitmap_need *need)
{
	unsigned int i, last;

	if (op_agrees(op, slot, src) || op_covers(op, level, base))
		return;
	if (!slot_is_block(slot) && level)
		need->nodes++;
	else if (!slot_is_block(slot))
		need->leaves++;
	if (!level)
		return;

	/* All between the two ends is covered. */
	last = op_last_slot(op, level, base);
	for (i = op_first_slot(op, level, base); i <= last;
	     i = i < last ? last : last + 1)
		op_need(op, slot_is_block(slot) ? node_slot(op->hb, slot, i) : slot,
			src_child(src, i), level - 1, child_base(base, level, i),
			need);
}

static void *op_new_leaf(struct hbitmap_op *op, const void *slot, u64 base)
{
	struct hbitmap_leaf *leaf;

	op->spare.leaves--;
	leaf = container_of(block_pop(&op->spare_leaves), struct hbitmap_leaf, block);
	if (slot)
		leaf_fill(leaf, slot_bits(op->hb, 0, base));
	return leaf;
}

static void *op_new_node(struct hbitmap_op *op, void *slot, unsigned int level,
			 u64 base)
{
	struct hbitmap_node *node;

	op->spare.nodes--;
	node = container_of(block_pop(&op->spare_nodes), struct hbitmap_node, block);
	node_fill(node, slot, node_valid_slots(op->hb, level, base));
	return node;
}

/* How many bits are set in a slot that is not published. */
static u64 built_bits(const struct hbitmap *hb, void *slot, unsigned int level,
		      u64 base)
{
	if (!slot)
		return 0;
	if (slot == SLOT_FULL)
		return slot_bits(hb, level, base);
	return level ? slot_block(slot, level)->bits :
		       ((struct hbitmap_leaf *)slot)->count;
}

/* Exchange all of a slot for @src, which may be a subtree that was built. */
static void *op_replace(struct hbitmap_op *op, void *slot, void *src,
			unsigned int level, u64 base)
{
	if (slot_is_block(slot))
		op_detach(&op->subtrees, slot, level, base);
	else if (slot)
		op->delta -= slot_bits(op->hb, level, base);
	op->delta += built_bits(op->hb, src, level, base);
	return src;
}

static void *op_leaf(struct hbitmap_op *op, void *slot, const void *src, u64 base)
{
	struct hbitmap_leaf *leaf = slot;
	void *reduced;

	if (!slot_is_block(slot))
		leaf = op_new_leaf(op, slot, base);

	spin_lock(&leaf->lock);
	if (!op->tidy)
		op->delta += leaf_change(leaf, src, leaf_first(base, op->first),
					 leaf_last(base, op->last));
	reduced = leaf_reduce(leaf, slot_bits(op->hb, 0, base));
	/* Closed while it is known to be uniform: no writer may slip in. */
	leaf->dead = reduced != leaf;
	spin_unlock(&leaf->lock);

	if (reduced != leaf)
		op_detach(&op->shells, leaf, 0, base);
	return reduced;
}

static void *op_slot(struct hbitmap_op *op, void *slot, void *src,
		     unsigned int level, u64 base);

static void *op_node(struct hbitmap_op *op, void *slot, void *src,
		     unsigned int level, u64 base)
{
	unsigned int i, last = op_last_slot(op, level, base);
	struct hbitmap_node *node = slot;
	void *reduced;

	if (!slot_is_block(slot))
		node = op_new_node(op, slot, level, base);

	for (i = op_first_slot(op, level, base); i <= last; i++) {
		void *old = node_slot(op->hb, node, i);
		void *from = src_child(src, i);
		void *new = op_slot(op, old, from, level - 1,
				    child_base(base, level, i));

		if (new != old)
			node_store(node, i, new);
		/* It has moved from the tree that was built into this one. */
		if (new == from && slot_is_block(new))
			RCU_INIT_POINTER(((struct hbitmap_node *)src)->slot[i], NULL);
	}

	reduced = node_reduce(node, node_valid_slots(op->hb, level, base));
	if (reduced != node)
		op_detach(&op->shells, node, level, base);
	return reduced;
}

/* Apply the operation to a slot of @level at @base: what shall it hold then? */
static void *op_slot(struct hbitmap_op *op, void *slot, void *src,
		     unsigned int level, u64 base)
{
	if (op_agrees(op, slot, src))
		return slot;
	if (op_covers(op, level, base))
		return op_replace(op, slot, src, level, base);
	if (!level)
		return op_leaf(op, slot, src, base);
	return op_node(op, slot, src, level, base);
}

/* Bring the reserve to what is needed. */
static int op_fill_reserve(struct hbitmap_op *op, const struct hbitmap_need *need)
{
	struct hbitmap_block *block;

	for (; op->spare.leaves < need->leaves; op->spare.leaves++) {
		block = leaf_alloc(op->hb, op->gfp);
		if (!block)
			return -ENOMEM;
		block_push(&op->spare_leaves, block);
	}
	for (; op->spare.nodes < need->nodes; op->spare.nodes++) {
		block = node_alloc(op->hb, op->gfp);
		if (!block)
			return -ENOMEM;
		block_push(&op->spare_nodes, block);
	}
	return 0;
}

/* Free what the operation has detached or not needed. */
static void op_finish(struct hbitmap_op *op)
{
	struct hbitmap *hb = op->hb;
	u64 removed = 0;

	if (slot_is_block(op->src))
		slot_retire(hb, op->src, hb->levels, 0, op->gfp);

	while (op->spare_leaves)
		block_free(hb, block_pop(&op->spare_leaves), 0);
	while (op->spare_nodes)
		block_free(hb, block_pop(&op->spare_nodes), 1);
	while (op->shells) {
		unsigned int level = op->shells->place % HBITMAP_LEAF_BITS;

		block_free(hb, block_pop(&op->shells), level);
	}
	while (op->subtrees) {
		u64 place = op->subtrees->place;
		unsigned int level = leaf_offset(place);
		struct hbitmap_block *block = block_pop(&op->subtrees);
		void *slot;

		if (level)
			slot = container_of(block, struct hbitmap_node, block);
		else
			slot = container_of(block, struct hbitmap_leaf, block);
		removed += slot_retire(hb, slot, level, slot_base(place, 0), op->gfp);
	}
	if (removed)
		count_add(hb, -(s64)removed);
}

/*
 * Make the bits of @op what they are in its @src; parts of a tree that was built
 * move into the bitmap's. Between the count of what is needed and the change
 * others may come first: then it is counted again.
 */
static int op_run(struct hbitmap_op *op)
{
	struct hbitmap *hb = op->hb;
	void *old, *new;
	int err;

	for (;;) {
		struct hbitmap_need need = {};

		spin_lock_bh(&hb->lock);
		old = rcu_dereference_protected(hb->root, lockdep_is_held(&hb->lock));
		op_need(op, old, op->src, hb->levels, 0, &need);
		if (need.nodes <= op->spare.nodes && need.leaves <= op->spare.leaves)
			break;
		spin_unlock_bh(&hb->lock);

		err = op_fill_reserve(op, &need);
		if (err)
			goto out;
	}
	new = op_slot(op, old, op->src, hb->levels, 0);
	if (new != old)
		rcu_assign_pointer(hb->root, new);
	if (new == op->src)
		op->src = NULL;
	percpu_counter_add(&hb->count, op->delta);
	spin_unlock_bh(&hb->lock);
	err = 0;
out:
	op_finish(op);
	return err;
}

/*
 * Change bits of one leaf that exists. Returns 0, or -EAGAIN if that takes a
 * change of the structure; @uniform says that the leaf need not exist any more.
 */
static int change_in_leaf(struct hbitmap *hb, u64 first, u64 last,
			  const void *src, bool *uniform)
{
	u64 base = slot_base(first, 0);
	struct hbitmap_leaf *leaf;
	unsigned int level;
	int err = -EAGAIN;

	if (slot_base(last, 0) != base)
		return -EAGAIN;

	rcu_read_lock();
	leaf = lookup(hb, first, &level);
	if (!slot_is_block(leaf))
		goto out;

	spin_lock_bh(&leaf->lock);
	if (!leaf->dead) {
		percpu_counter_add(&hb->count,
				   leaf_change(leaf, src, leaf_offset(first),
					       leaf_offset(last)));
		*uniform = leaf_reduce(leaf, slot_bits(hb, 0, base)) != leaf;
		err = 0;
	}
	spin_unlock_bh(&leaf->lock);
out:
	rcu_read_unlock();
	return err;
}

/* Make the bits @first to @last all zero (NULL) or all one (FULL). */
static int change_bits(struct hbitmap *hb, u64 first, u64 last, void *src,
		       gfp_t gfp)
{
	struct hbitmap_op op = {
		.hb = hb, .first = first, .last = last, .src = src, .gfp = gfp,
	};
	bool uniform = false;

	if (!change_in_leaf(hb, first, last, src, &uniform)) {
		if (!uniform)
			return 0;
		op.tidy = true;
	}
	return op_run(&op);
}

static int set_bits(struct hbitmap *hb, u64 first, u64 last, gfp_t gfp)
{
	/*
	 * What the caller wrote before is visible before the bits are looked at.
	 * Pairs with the smp_mb() in reset_bits(): if they are found set here,
	 * then whoever clears them sees what was written.
	 */
	smp_mb();
	if (find_next(hb, first, last + 1, SLOT_FULL) == NO_BIT)
		return 0;
	return change_bits(hb, first, last, SLOT_FULL, gfp);
}

static int reset_bits(struct hbitmap *hb, u64 first, u64 last, gfp_t gfp)
{
	int err = 0;

	if (find_next(hb, first, last + 1, NULL) != NO_BIT)
		err = change_bits(hb, first, last, NULL, gfp);
	/* What the caller reads next is read after. Pairs with set_bits(). */
	smp_mb();
	return err;
}

/* Creation and properties */

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
	struct hbitmap *hb;
	u64 nbits;
	int err;

	if (granularity > HBITMAP_MAX_GRANULARITY)
		return ERR_PTR(-EINVAL);
	nbits = size ? ((size - 1) >> granularity) + 1 : 0;
	if (size > S64_MAX || nbits > HBITMAP_MAX_BITS)
		return ERR_PTR(-EFBIG);

	hb = kzalloc(sizeof(*hb), gfp);
	if (!hb)
		return ERR_PTR(-ENOMEM);
	err = percpu_counter_init(&hb->count, 0, gfp);
	if (err) {
		kfree(hb);
		return ERR_PTR(err);
	}
	spin_lock_init(&hb->lock);
	hb->size = size;
	hb->granularity = granularity;
	hb->nbits = nbits;
	while (nbits > 1ULL << level_shift(hb->levels))
		hb->levels++;
	return hb;
}
EXPORT_SYMBOL_GPL(hbitmap_alloc);

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
	if (!hb)
		return;
	hbitmap_reset_all(hb);
	percpu_counter_destroy(&hb->count);
	kfree(hb);
}
EXPORT_SYMBOL_GPL(hbitmap_free);

/**
 * hbitmap_size() - How many items a bitmap has.
 * @hb: the bitmap
 *
 * Context: Any context. Takes no lock.
 * Return: the size it was created with.
 */
u64 hbitmap_size(const struct hbitmap *hb)
{
	return hb->size;
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
 * hbitmap_count() - How many items are dirty.
 * @hb: the bitmap
 *
 * Whole groups are counted, the last one too even if @hb ends within it: the
 * result can exceed the size (size 10, granularity 2, all dirty: 12), as QEMU's
 * does. It never overflows. Exact when nobody changes the bitmap, else somewhere
 * between what was and what will be.
 *
 * Context: Any context. Takes the spinlock of a percpu_counter, interrupts off.
 * Cost: the number of possible CPUs.
 * Return: dirty groups << granularity.
 */
u64 hbitmap_count(const struct hbitmap *hb)
{
	/* Summing changes nothing that is the bitmap's. */
	struct percpu_counter *count = (struct percpu_counter *)&hb->count;
	u64 bits = percpu_counter_sum_positive(count);

	return min(bits, hb->nbits) << hb->granularity;
}
EXPORT_SYMBOL_GPL(hbitmap_count);

/**
 * hbitmap_empty() - Is every item clean?
 * @hb: the bitmap
 *
 * Context: Any context. Takes RCU.
 * Return: true if no dirty item was found. An item that was dirty before the
 * call and stays so is never missed.
 */
bool hbitmap_empty(const struct hbitmap *hb)
{
	return find_next(hb, 0, hb->nbits, NULL) == NO_BIT;
}
EXPORT_SYMBOL_GPL(hbitmap_empty);

/**
 * hbitmap_memory() - Memory that the content takes.
 * @hb: the bitmap
 *
 * Context: Any context. Takes no lock.
 * Return: bytes of nodes and leaves allocated now: 0 for a bitmap that is all
 * clean or all dirty. What RCU is about to free is not counted.
 */
u64 hbitmap_memory(const struct hbitmap *hb)
{
	return atomic_long_read(&hb->memory);
}
EXPORT_SYMBOL_GPL(hbitmap_memory);

/* Changing */

static bool range_is_valid(const struct hbitmap *hb, u64 start, u64 count)
{
	return start <= hb->size && count <= hb->size - start;
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
	unsigned int granularity = hb->granularity;

	if (!range_is_valid(hb, start, count))
		return -EINVAL;
	if (!count)
		return 0;
	return set_bits(hb, start >> granularity,
			(start + count - 1) >> granularity, gfp);
}
EXPORT_SYMBOL_GPL(hbitmap_set);

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
	unsigned int granularity = hb->granularity;
	u64 inside = (1ULL << granularity) - 1;

	if (!range_is_valid(hb, start, count))
		return -EINVAL;
	if (!count)
		return 0;
	if ((start & inside) || ((count & inside) && start + count != hb->size))
		return -EINVAL;
	return reset_bits(hb, start >> granularity,
			  (start + count - 1) >> granularity, gfp);
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
	if (hb->nbits)
		reset_bits(hb, 0, hb->nbits - 1, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(hbitmap_reset_all);

/* Asking */

/**
 * hbitmap_get() - Is an item dirty?
 * @hb: the bitmap
 * @item: the item
 *
 * Context: Any context. Takes RCU.
 * Return: true if its group is dirty; false if not, or past the end.
 */
bool hbitmap_get(const struct hbitmap *hb, u64 item)
{
	return item < hb->size && test_one(hb, item >> hb->granularity);
}
EXPORT_SYMBOL_GPL(hbitmap_get);

/* First item in [@start, @start + @count) that is not what @skip says, or -1. */
static s64 next_item(const struct hbitmap *hb, u64 start, u64 count, void *skip)
{
	unsigned int granularity = hb->granularity;
	u64 bit;

	if (start >= hb->size || !count)
		return -1;
	count = min(count, hb->size - start);
	bit = find_next(hb, start >> granularity,
			((start + count - 1) >> granularity) + 1, skip);
	if (bit == NO_BIT)
		return -1;
	return max(bit << granularity, start);
}

/**
 * hbitmap_next_dirty() - Find the first dirty item of a range.
 * @hb: the bitmap
 * @start: first item of the range
 * @count: its length; what lies behind the end of the bitmap is ignored
 *
 * Never misses an item that was dirty before the call and stays so. What its
 * setter wrote before is visible to the caller.
 *
 * Context: Any context. Takes RCU. The cost follows the levels, not the distance.
 * Return: the item, at or after @start, or -1.
 */
s64 hbitmap_next_dirty(const struct hbitmap *hb, u64 start, u64 count)
{
	return next_item(hb, start, count, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_next_dirty);

/**
 * hbitmap_next_zero() - Find the first clean item of a range.
 * @hb: the bitmap
 * @start: first item of the range
 * @count: its length; what lies behind the end of the bitmap is ignored
 *
 * Context: Any context. Takes RCU. The cost follows the levels, not the distance.
 * Return: the item, at or after @start, or -1.
 */
s64 hbitmap_next_zero(const struct hbitmap *hb, u64 start, u64 count)
{
	return next_item(hb, start, count, SLOT_FULL);
}
EXPORT_SYMBOL_GPL(hbitmap_next_zero);

/**
 * hbitmap_next_dirty_area() - Find the first run of dirty items of a range.
 * @hb: the bitmap
 * @start: first item of the range
 * @end: first item behind it; ignored as far as it lies behind the bitmap
 * @max_count: how long the area may be at most
 * @area_start: set to its first item, at or after @start
 * @area_count: set to its length, 1 to @max_count; it ends at or before @end
 *
 * Every item of the area was dirty at some moment of the call.
 *
 * Context: Any context. Takes RCU.
 * Return: true if there is one; false if not, and nothing is set.
 */
bool hbitmap_next_dirty_area(const struct hbitmap *hb, u64 start, u64 end,
			     u64 max_count, u64 *area_start, u64 *area_count)
{
	u64 next;
	s64 item;

	end = min(end, hb->size);
	if (start >= end || !max_count)
		return false;
	item = next_item(hb, start, end - start, NULL);
	if (item < 0)
		return false;

	*area_start = item;
	end = min(end - item, max_count) + item;
	/* From the next group on: this one may be clean again, but was dirty. */
	next = ((u64)item >> hb->granularity) + 1;
	next = find_next(hb, next, ((end - 1) >> hb->granularity) + 1, SLOT_FULL);
	if (next != NO_BIT)
		end = next << hb->granularity;
	*area_count = end - item;
	return true;
}
EXPORT_SYMBOL_GPL(hbitmap_next_dirty_area);

struct leaf_weight {
	unsigned int first;
	unsigned int last;
	unsigned int bits;
};

static void leaf_weigh(const struct hbitmap_leaf *leaf, void *arg)
{
	struct leaf_weight *weight = arg;
	unsigned int w;

	weight->bits = 0;
	for (w = weight->first / BITS_PER_LONG; w <= weight->last / BITS_PER_LONG; w++)
		weight->bits += hweight_long(READ_ONCE(leaf->words[w]) &
					     word_mask(w, weight->first, weight->last));
}

static void leaf_weigh_all(const struct hbitmap_leaf *leaf, void *arg)
{
	struct leaf_weight *weight = arg;

	weight->bits = READ_ONCE(leaf->count);
}

/* How many of the bits from @bit to @last, at most to the end of the leaf. */
static unsigned int leaf_count(struct hbitmap_leaf *leaf, u64 bit, u64 last)
{
	struct leaf_weight weight = {
		.first = leaf_offset(bit),
		.last = leaf_last(slot_base(bit, 0), last),
	};

	if (!weight.first && weight.last == HBITMAP_LEAF_BITS - 1)
		leaf_read(leaf, leaf_weigh_all, &weight);
	else
		leaf_read(leaf, leaf_weigh, &weight);
	return weight.bits;
}

static u64 count_bits(const struct hbitmap *hb, u64 bit, u64 last)
{
	u64 bits = 0;

	while (bit <= last) {
		unsigned int level;
		void *slot;
		u64 next;

		rcu_read_lock();
		slot = lookup_next(hb, &bit, &level, NULL);
		next = slot_end(bit, level);
		if (bit > last)
			slot = NULL;
		if (slot == SLOT_FULL)
			bits += min(next, last + 1) - bit;
		else if (slot)
			bits += leaf_count(slot, bit, last);
		rcu_read_unlock();
		bit = next;
	}
	return bits;
}

/**
 * hbitmap_count_range() - How many items of a range are dirty.
 * @hb: the bitmap
 * @start: first item of the range
 * @count: its length; what lies behind the end of the bitmap is ignored
 *
 * Items, not groups: of a group that lies in the range in part, that part is
 * counted. Each leaf is counted as it was at one moment.
 *
 * Context: Any context but hard interrupts. Takes RCU, and a leaf's lock if its
 * writers do not let up. The cost follows the leaves in the range that exist;
 * it does not reschedule, so cut what is long.
 * Return: how many, at most @count.
 */
u64 hbitmap_count_range(const struct hbitmap *hb, u64 start, u64 count)
{
	u64 inside = (1ULL << hb->granularity) - 1;
	u64 first, last, end, items;

	if (start >= hb->size || !count)
		return 0;
	end = start + min(count, hb->size - start);
	first = start >> hb->granularity;
	last = (end - 1) >> hb->granularity;
	if (first == last)
		return test_one(hb, first) ? end - start : 0;

	items = 0;
	if (start & inside) {
		if (test_one(hb, first))
			items += inside + 1 - (start & inside);
		first++;
	}
	if (end & inside) {
		if (test_one(hb, last))
			items += end & inside;
		last--;
	}
	return items + (count_bits(hb, first, last) << hb->granularity);
}
EXPORT_SYMBOL_GPL(hbitmap_count_range);

/**
 * hbitmap_iter_init() - Start a walk over the dirty items.
 * @iter: the cursor; it needs no end and holds nothing
 * @hb: the bitmap
 * @first: where to begin; behind the end is allowed
 *
 * Context: Any context. Takes no lock.
 */
void hbitmap_iter_init(struct hbitmap_iter *iter, const struct hbitmap *hb,
		       u64 first)
{
	iter->hb = hb;
	iter->next = first;
}
EXPORT_SYMBOL_GPL(hbitmap_iter_init);

/**
 * hbitmap_iter_next() - The next dirty group.
 * @iter: the cursor
 *
 * A walk that begins inside a dirty group returns that group first. The bitmap
 * may be changed during the walk, by the walker too.
 *
 * Context: Any context. Takes RCU.
 * Return: the first item of the group, or -1 at the end.
 */
s64 hbitmap_iter_next(struct hbitmap_iter *iter)
{
	const struct hbitmap *hb = iter->hb;
	u64 bit;

	if (iter->next >= hb->size)
		return -1;
	bit = find_next(hb, iter->next >> hb->granularity, hb->nbits, NULL);
	if (bit == NO_BIT) {
		iter->next = hb->size;
		return -1;
	}
	iter->next = (bit + 1) << hb->granularity;
	return bit << hb->granularity;
}
EXPORT_SYMBOL_GPL(hbitmap_iter_next);

/*
 * Serialization: bit i of the bitmap is bit i % 8 of byte i / 8. A chunk is a
 * whole number of units of HBITMAP_CHUNK_BITS, so one never splits a word.
 */

static void chunk_put(u8 *chunk, unsigned long word)
{
#if BITS_PER_LONG == 64
	__le64 bytes = cpu_to_le64(word);
#else
	__le32 bytes = cpu_to_le32(word);
#endif
	memcpy(chunk, &bytes, sizeof(bytes));
}

static unsigned long chunk_get(const u8 *chunk)
{
#if BITS_PER_LONG == 64
	__le64 bytes;

	memcpy(&bytes, chunk, sizeof(bytes));
	return le64_to_cpu(bytes);
#else
	__le32 bytes;

	memcpy(&bytes, chunk, sizeof(bytes));
	return le32_to_cpu(bytes);
#endif
}

/* Whether a chunk may be these items, and then, if any, which bits. */
static int chunk_check(const struct hbitmap *hb, u64 start, u64 count,
		       u64 *first, u64 *last)
{
	u64 inside;

	if (!hbitmap_is_serializable(hb))
		return -EOPNOTSUPP;
	if (!range_is_valid(hb, start, count))
		return -EINVAL;
	if (!count)
		return 0;
	inside = hbitmap_serialization_align(hb) - 1;
	if ((start & inside) || ((count & inside) && start + count != hb->size))
		return -EINVAL;
	*first = start >> hb->granularity;
	*last = (start + count - 1) >> hb->granularity;
	return 0;
}

static u64 chunk_size(u64 first, u64 last)
{
	return DIV_ROUND_UP(last + 1 - first, HBITMAP_CHUNK_BITS) *
	       (HBITMAP_CHUNK_BITS / 8);
}

/**
 * hbitmap_is_serializable() - Can the bitmap be serialized?
 * @hb: the bitmap
 *
 * Context: Any context. Takes no lock.
 * Return: true if the granularity is at most HBITMAP_MAX_SERIAL_GRANULARITY.
 */
bool hbitmap_is_serializable(const struct hbitmap *hb)
{
	return hb->granularity <= HBITMAP_MAX_SERIAL_GRANULARITY;
}
EXPORT_SYMBOL_GPL(hbitmap_is_serializable);

/**
 * hbitmap_serialization_align() - What chunks are aligned to.
 * @hb: the bitmap
 *
 * Context: Any context. Takes no lock.
 * Return: items: HBITMAP_CHUNK_BITS << granularity, the same on every machine; 0
 * if the bitmap is not serializable.
 */
u64 hbitmap_serialization_align(const struct hbitmap *hb)
{
	if (!hbitmap_is_serializable(hb))
		return 0;
	return (u64)HBITMAP_CHUNK_BITS << hb->granularity;
}
EXPORT_SYMBOL_GPL(hbitmap_serialization_align);

/**
 * hbitmap_serialization_size() - How many bytes a chunk takes.
 * @hb: the bitmap
 * @start: first item, aligned to hbitmap_serialization_align()
 * @count: how many items, aligned too unless they reach the end of the bitmap
 *
 * Context: Any context. Takes no lock.
 * Return: bytes, a multiple of 8; 0 if @count is, or if there is no such chunk.
 */
u64 hbitmap_serialization_size(const struct hbitmap *hb, u64 start, u64 count)
{
	u64 first, last;

	if (chunk_check(hb, start, count, &first, &last) || !count)
		return 0;
	return chunk_size(first, last);
}
EXPORT_SYMBOL_GPL(hbitmap_serialization_size);

struct leaf_copy {
	u8 *chunk;
	unsigned int first;
	unsigned int last;
};

static void leaf_to_chunk(const struct hbitmap_leaf *leaf, void *arg)
{
	struct leaf_copy *copy = arg;
	unsigned int w, first = copy->first / BITS_PER_LONG;

	for (w = first; w <= copy->last / BITS_PER_LONG; w++)
		chunk_put(copy->chunk + (w - first) * sizeof(long),
			  READ_ONCE(leaf->words[w]));
}

/* Ones for @bits bits; the rest of the chunk is zero already. */
static void ones_to_chunk(u8 *chunk, u64 bits)
{
	memset(chunk, 0xff, bits / 8);
	if (bits % 8)
		chunk[bits / 8] = (1U << (bits % 8)) - 1;
}

/**
 * hbitmap_serialize_part() - Write a chunk.
 * @hb: the bitmap
 * @buf: room for hbitmap_serialization_size() bytes, aligned as you like
 * @start: first item, aligned to hbitmap_serialization_align()
 * @count: how many items, aligned too unless they reach the end of the bitmap
 *
 * Bit i of the chunk is bit i % 8 of byte i / 8, on every machine. Bits behind the
 * end of the bitmap are zero. Each leaf is as it was at one moment.
 *
 * Context: Any context but hard interrupts. Takes RCU, and a leaf's lock if its
 * writers do not let up. The cost follows @count: cut what is long.
 * Return: 0; -EOPNOTSUPP if the bitmap is not serializable; -EINVAL if the chunk
 * is not aligned, ends behind the bitmap or overflows. On an error @buf is
 * unchanged.
 */
int hbitmap_serialize_part(const struct hbitmap *hb, void *buf, u64 start,
			   u64 count)
{
	u64 bit, first, last;
	int err;

	err = chunk_check(hb, start, count, &first, &last);
	if (err || !count)
		return err;

	memset(buf, 0, chunk_size(first, last));
	bit = first;
	while (bit <= last) {
		unsigned int level;
		void *slot;
		u64 next;

		rcu_read_lock();
		slot = lookup_next(hb, &bit, &level, NULL);
		next = slot_end(bit, level);
		if (bit > last) {
			rcu_read_unlock();
			break;
		}
		if (slot_is_block(slot)) {
			struct leaf_copy copy = {
				.chunk = buf + (bit - first) / 8,
				.first = leaf_offset(bit),
				.last = leaf_last(slot_base(bit, 0), last),
			};

			leaf_read(slot, leaf_to_chunk, &copy);
		} else if (slot) {
			ones_to_chunk(buf + (bit - first) / 8,
				      min(next, last + 1) - bit);
		}
		rcu_read_unlock();
		bit = next;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(hbitmap_serialize_part);

/* A tree made of a chunk, private until the operation moves it into the bitmap's */
struct chunk_tree {
	struct hbitmap *hb;
	const u8 *chunk;
	u64 first;
	u64 last;
	gfp_t gfp;
};

/* Returns the slot for the leaf at @base, or ERR_PTR(-ENOMEM). */
static void *chunk_leaf(const struct chunk_tree *tree, u64 base)
{
	unsigned int first = leaf_first(base, tree->first);
	unsigned int last = leaf_last(base, tree->last);
	const u8 *chunk = tree->chunk + (base + first - tree->first) / 8;
	unsigned int w, w0 = first / BITS_PER_LONG;
	struct hbitmap_block *block;
	struct hbitmap_leaf *leaf;
	bool zeroes = true, ones = true;

	for (w = w0; w <= last / BITS_PER_LONG && (zeroes || ones); w++) {
		unsigned long word = chunk_get(chunk + (w - w0) * sizeof(long));

		zeroes &= !word;
		ones &= word == word_mask(w, first, last);
	}
	if (zeroes)
		return NULL;
	if (ones)
		return SLOT_FULL;

	block = leaf_alloc(tree->hb, tree->gfp);
	if (!block)
		return ERR_PTR(-ENOMEM);
	leaf = container_of(block, struct hbitmap_leaf, block);
	for (w = w0; w <= last / BITS_PER_LONG; w++) {
		unsigned long word = chunk_get(chunk + (w - w0) * sizeof(long));

		leaf_store(leaf, w, word);
		leaf->count += hweight_long(word);
	}
	return leaf;
}

static void *chunk_node(const struct chunk_tree *tree, unsigned int level,
			u64 base);

static void *chunk_slot(const struct chunk_tree *tree, unsigned int level,
			u64 base)
{
	if (level)
		return chunk_node(tree, level, base);
	if (gfpflags_allow_blocking(tree->gfp))
		cond_resched();
	return chunk_leaf(tree, base);
}

static void *chunk_node(const struct chunk_tree *tree, unsigned int level,
			u64 base)
{
	u64 end = base + slot_bits(tree->hb, level, base) - 1;
	unsigned int first = slot_index(max(tree->first, base), level);
	unsigned int last = slot_index(min(tree->last, end), level);
	struct hbitmap_block *block;
	struct hbitmap_node *node;
	void *slot, *reduced;
	unsigned int i;
	u64 bits = 0;

	block = node_alloc(tree->hb, tree->gfp);
	if (!block)
		return ERR_PTR(-ENOMEM);
	node = container_of(block, struct hbitmap_node, block);
	node_fill(node, NULL, NODE_SLOTS);

	for (i = first; i <= last; i++) {
		slot = chunk_slot(tree, level - 1, child_base(base, level, i));
		if (IS_ERR(slot)) {
			slot_retire(tree->hb, node, level, base, tree->gfp);
			return slot;
		}
		node_store(node, i, slot);
		bits += built_bits(tree->hb, slot, level - 1,
				   child_base(base, level, i));
	}
	/* What lies beside the chunk does not matter: nobody looks at it. */
	reduced = node;
	if (!bits)
		reduced = NULL;
	else if (mask_next(node->zero, first, last + 1, 0) == last + 1)
		reduced = SLOT_FULL;
	block->bits = bits;
	if (reduced != node)
		block_free(tree->hb, block, level);
	return reduced;
}

/* True if a chunk has a bit behind the end of the bitmap. */
static bool chunk_has_tail(const u8 *chunk, u64 first, u64 last)
{
	unsigned int i, tail = (last + 1 - first) % HBITMAP_CHUNK_BITS;
	u8 over = 0;

	if (!tail)
		return false;
	chunk += chunk_size(first, last) - HBITMAP_CHUNK_BITS / 8;
	for (i = tail; i < HBITMAP_CHUNK_BITS; i++)
		over |= chunk[i / 8] & (1U << (i % 8));
	return over;
}

/**
 * hbitmap_deserialize_part() - Replace items by a chunk.
 * @hb: the bitmap
 * @buf: hbitmap_serialization_size() bytes as hbitmap_serialize_part() wrote them
 * @start: first item, aligned to hbitmap_serialization_align()
 * @count: how many items, aligned too unless they reach the end of the bitmap
 * @gfp: how to allocate
 *
 * Items of the chunk become what it says, whatever they were. Count, summaries
 * and structure are right at once: queries are answered correctly between parts.
 * Another operation on these items at the same time comes before or after it in
 * each leaf.
 *
 * Context: As hbitmap_set(). The cost follows @count: cut what is long.
 * Return: 0; -EOPNOTSUPP if the bitmap is not serializable; -EINVAL if the chunk
 * is not aligned, ends behind the bitmap, overflows, or has a bit set behind the
 * end of the bitmap; -ENOMEM. On an error nothing has changed.
 */
int hbitmap_deserialize_part(struct hbitmap *hb, const void *buf, u64 start,
			     u64 count, gfp_t gfp)
{
	struct chunk_tree tree = { .hb = hb, .chunk = buf, .gfp = gfp };
	struct hbitmap_op op = { .hb = hb, .gfp = gfp };
	int err;

	err = chunk_check(hb, start, count, &tree.first, &tree.last);
	if (err || !count)
		return err;
	if (chunk_has_tail(buf, tree.first, tree.last))
		return -EINVAL;

	op.first = tree.first;
	op.last = tree.last;
	op.src = chunk_slot(&tree, hb->levels, 0);
	if (IS_ERR(op.src))
		return PTR_ERR(op.src);
	err = op_run(&op);
	/* It can have cleared bits: as in reset_bits(). */
	smp_mb();
	return err;
}
EXPORT_SYMBOL_GPL(hbitmap_deserialize_part);

/**
 * hbitmap_deserialize_zeroes() - Make the items of a chunk clean.
 * @hb: the bitmap
 * @start: first item, aligned to hbitmap_serialization_align()
 * @count: how many items, aligned too unless they reach the end of the bitmap
 * @gfp: how to allocate
 *
 * The same as a chunk of zero bytes, but @count may be as large as the bitmap.
 *
 * Context: As hbitmap_set().
 * Return: 0; -EOPNOTSUPP if the bitmap is not serializable; -EINVAL if the chunk
 * is not aligned, ends behind the bitmap or overflows; -ENOMEM. On an error
 * nothing has changed.
 */
int hbitmap_deserialize_zeroes(struct hbitmap *hb, u64 start, u64 count,
			       gfp_t gfp)
{
	u64 first, last;
	int err;

	err = chunk_check(hb, start, count, &first, &last);
	if (err || !count)
		return err;
	return reset_bits(hb, first, last, gfp);
}
EXPORT_SYMBOL_GPL(hbitmap_deserialize_zeroes);

/**
 * hbitmap_deserialize_ones() - Make the items of a chunk dirty.
 * @hb: the bitmap
 * @start: first item, aligned to hbitmap_serialization_align()
 * @count: how many items, aligned too unless they reach the end of the bitmap
 * @gfp: how to allocate
 *
 * The bits behind the end of the bitmap stay zero.
 *
 * Context: As hbitmap_set().
 * Return: As hbitmap_deserialize_zeroes().
 */
int hbitmap_deserialize_ones(struct hbitmap *hb, u64 start, u64 count,
			     gfp_t gfp)
{
	u64 first, last;
	int err;

	err = chunk_check(hb, start, count, &first, &last);
	if (err || !count)
		return err;
	return set_bits(hb, first, last, gfp);
}
EXPORT_SYMBOL_GPL(hbitmap_deserialize_ones);

/**
 * hbitmap_deserialize_finish() - All parts have been read.
 * @hb: the bitmap
 *
 * Every part leaves the bitmap whole, so nothing is left to repair. The call keeps
 * its place in the sequence: a full barrier, after which what the caller
 * publishes is not seen before the bits.
 *
 * Context: Any context. Takes no lock.
 */
void hbitmap_deserialize_finish(struct hbitmap *hb)
{
	/* Pairs with the barrier of whoever learns that the bitmap is restored. */
	smp_mb();
}
EXPORT_SYMBOL_GPL(hbitmap_deserialize_finish);

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
