/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of hbitmap share. hbitmap.c opens with the names, the picture,
 * the locks and who publishes what to whom.
 *
 *	hbitmap.c		creation, set, reset, mark
 *	hbitmap_tree.c		leaves, and changes of the structure
 *	hbitmap_query.c		asking, counting, walking
 *	hbitmap_serialize.c	chunks, the digest
 *	hbitmap_merge.c		several bitmaps: or, and, and-not, xor, clone
 *	hbitmap_resize.c	take, truncate
 */
#ifndef _HBITMAP_PRIVATE_H
#define _HBITMAP_PRIVATE_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/hbitmap.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/percpu_counter.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define SLOT_SHIFT	6
#define NODE_SLOTS	64
#define NODE_LONGS	(NODE_SLOTS / BITS_PER_LONG)
#define LEAF_WORDS	(HBITMAP_LEAF_BITS / BITS_PER_LONG)
#define LEAF_LONGS	(LEAF_WORDS / BITS_PER_LONG)
/* Levels of nodes at HBITMAP_MAX_BITS. */
#define MAX_LEVELS	5

#define SLOT_FULL	((void *)1UL)
#define NO_BIT		U64_MAX

/*
 * The head of nodes and leaves. Only its owner uses it, never a reader: before
 * publication who builds the block, after detachment who retires it, then RCU.
 */
struct hbitmap_block {
	union {
		struct rcu_head rcu;
		/* Built, not yet published: what a node has below it, and itself. */
		struct {
			u64 bits;
			unsigned long memory;
		};
		/* In a stock, or detached by an operation. */
		struct {
			struct hbitmap_block *next;
			/* First bit covered | level: the leaf's bits leave room. */
			u64 place;
		};
	};
};

/*
 * @dirty and @zero are arrays of long so that a reader on 32 bits sees each of
 * their words whole. @sum remembers how many bits are set below the node, see
 * hbitmap_query.c.
 */
struct hbitmap_node {
	struct hbitmap_block block;
	unsigned long dirty[NODE_LONGS];
	unsigned long zero[NODE_LONGS];
	atomic64_t sum;
	void __rcu *slot[NODE_SLOTS];
};

/* 64 bytes and 2 KiB on 64 bits: 15 of them in a slab of 32 KiB. */
struct hbitmap_leaf {
	/* Protects all that follows but @block. */
	spinlock_t lock;
	seqcount_spinlock_t seq;
	unsigned int count;
	/* Left the tree. */
	bool dead;
	/* A node above may remember a sum that @count is part of. */
	bool counted;
	struct hbitmap_block block;
	unsigned long any[LEAF_LONGS];
	unsigned long words[LEAF_WORDS];
};

/* What moves on when a tree's geometry changes, and with the tree when it is taken. */
struct hbitmap_totals {
	struct percpu_counter bits;
	atomic_long_t memory;
	/* Operations that have changed the structure and still retire blocks. */
	atomic_t retiring;
	wait_queue_head_t settled;
};

/* What truncation exchanges as a whole: content and the geometry to read it with. */
struct hbitmap_tree {
	void __rcu *root;
	unsigned int levels;
	u64 size;
	u64 nbits;
	struct hbitmap_totals *totals;
	struct rcu_head rcu;
};

struct hbitmap {
	struct hbitmap_tree __rcu *tree;
	unsigned int granularity;
	/* Protects @tree, slots from its root on, and the masks and sums of nodes. */
	spinlock_t lock;
};

/* What a bit becomes of what it was and what it is in the source. */
enum hbitmap_how {
	HBITMAP_COPY,		/* src */
	HBITMAP_OR,		/* old | src */
	HBITMAP_AND,		/* old & src */
	HBITMAP_ANDNOT,		/* old & ~src */
	HBITMAP_XOR,		/* old ^ src */
	HBITMAP_NOTAND,		/* ~old & src */
};

/* A change within one leaf that exists: no more than that takes. */
struct hbitmap_change {
	u64 first;
	u64 last;
	/* NULL, FULL, or a leaf that nobody changes. */
	const void *src;
	enum hbitmap_how how;
	/* The leaf, if it has been looked up in the same critical section. */
	struct hbitmap_leaf *leaf;
	/* By how many more bits are set. */
	int delta;
	/* It is done, and the leaf need not exist any more. */
	bool tidy;
};

/* Blocks that are not yet part of a bitmap. */
struct hbitmap_stock {
	struct hbitmap_block *nodes;
	struct hbitmap_block *leaves;
	unsigned int nr_nodes;
	unsigned int nr_leaves;
};

/*
 * A change of the bits @first to @last, both included, that may have to change the
 * structure.
 */
struct hbitmap_op {
	struct hbitmap *hb;
	u64 first;
	u64 last;
	/*
	 * NULL, FULL, a tree that was built for a bitmap of @built_nbits, or if
	 * @single a leaf for the one leaf that the range lies in.
	 */
	void *src;
	u64 built_nbits;
	bool single;
	enum hbitmap_how how;
	/* Change no bit: only take out blocks on the way that became uniform. */
	bool tidy;
	/* Without memory make all of a clean slot dirty instead of a part. */
	bool outward;
	bool rounded;
	gfp_t gfp;
	struct hbitmap_stock *stock;

	/* From here on as it is under hb->lock. */
	u64 nbits;
	/* How many there were: what is retired has no others. */
	u64 retire_nbits;
	struct hbitmap_totals *totals;
	/* What is added to the totals, as far as that is known under the lock. */
	s64 delta;
	long memory;
	/* Detached single blocks whose bits another slot stands for now. */
	struct hbitmap_block *shells;
	/* Detached subtrees whose bits are to be taken off the totals. */
	struct hbitmap_block *subtrees;
};

/* Geometry */

static inline bool slot_is_block(const void *slot)
{
	return (unsigned long)slot > (unsigned long)SLOT_FULL;
}

static inline unsigned int level_shift(unsigned int level)
{
	return HBITMAP_LEAF_SHIFT + SLOT_SHIFT * level;
}

static inline u64 bits_for(u64 size, unsigned int granularity)
{
	return size ? ((size - 1) >> granularity) + 1 : 0;
}

/* How many levels of nodes so many bits take. */
static inline unsigned int levels_for(u64 nbits)
{
	unsigned int levels = 0;

	while (nbits > 1ULL << level_shift(levels))
		levels++;
	return levels;
}

/* First bit that the slot of @level around @bit covers. */
static inline u64 slot_base(u64 bit, unsigned int level)
{
	return bit >> level_shift(level) << level_shift(level);
}

/* First bit behind the slot of @level around @bit. */
static inline u64 slot_end(u64 bit, unsigned int level)
{
	return slot_base(bit, level) + (1ULL << level_shift(level));
}

/* How many valid bits the slot of @level at @base covers. */
static inline u64 slot_bits(u64 nbits, unsigned int level, u64 base)
{
	return min_t(u64, 1ULL << level_shift(level), nbits - base);
}

/* Which slot of a node that hangs on a slot of @level has @bit. */
static inline unsigned int slot_index(u64 bit, unsigned int level)
{
	return (bit >> level_shift(level - 1)) & (NODE_SLOTS - 1);
}

static inline u64 child_base(u64 base, unsigned int level, unsigned int index)
{
	return base + ((u64)index << level_shift(level - 1));
}

static inline unsigned int node_valid_slots(u64 nbits, unsigned int level, u64 base)
{
	return slot_index(base + slot_bits(nbits, level, base) - 1, level) + 1;
}

/* Which of the bits @first to @last of a leaf are in its word @w. */
static inline unsigned long word_mask(unsigned int w, unsigned int first,
				      unsigned int last)
{
	unsigned long mask = ~0UL;

	if (w == first / BITS_PER_LONG)
		mask &= ~0UL << (first % BITS_PER_LONG);
	if (w == last / BITS_PER_LONG)
		mask &= ~0UL >> (BITS_PER_LONG - 1 - last % BITS_PER_LONG);
	return mask;
}

static inline unsigned int leaf_offset(u64 bit)
{
	return bit & (HBITMAP_LEAF_BITS - 1);
}

/* Which bits of the leaf at @base are among @first to @last: of the leaf. */
static inline unsigned int leaf_first(u64 base, u64 first)
{
	return first > base ? leaf_offset(first) : 0;
}

static inline unsigned int leaf_last(u64 base, u64 last)
{
	return min_t(u64, last - base, HBITMAP_LEAF_BITS - 1);
}

static inline bool range_is_valid(const struct hbitmap_tree *tree, u64 start, u64 count)
{
	return start <= tree->size && count <= tree->size - start;
}

static __always_inline unsigned long hbitmap_combine(enum hbitmap_how how,
						     unsigned long old,
						     unsigned long src)
{
	switch (how) {
	case HBITMAP_OR:
		return old | src;
	case HBITMAP_AND:
		return old & src;
	case HBITMAP_ANDNOT:
		return old & ~src;
	case HBITMAP_XOR:
		return old ^ src;
	case HBITMAP_NOTAND:
		return ~old & src;
	case HBITMAP_COPY:
	default:
		return src;
	}
}

/* Masks: written under the lock of what they summarize, read by anyone */

static inline void mask_set(unsigned long *mask, unsigned int i)
{
	unsigned long *word = &mask[i / BITS_PER_LONG];

	if (!(*word & (1UL << (i % BITS_PER_LONG))))
		WRITE_ONCE(*word, *word | (1UL << (i % BITS_PER_LONG)));
}

static inline void mask_clear(unsigned long *mask, unsigned int i)
{
	unsigned long *word = &mask[i / BITS_PER_LONG];

	if (*word & (1UL << (i % BITS_PER_LONG)))
		WRITE_ONCE(*word, *word & ~(1UL << (i % BITS_PER_LONG)));
}

/* First bit from @from on that is set (clear, if @invert is ~0), or @end. */
static inline unsigned int mask_next(const unsigned long *mask, unsigned int from,
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

/* Lookups: under RCU, without a lock */

/* What the slot that has @bit holds, as far down as there are nodes. */
static inline void *hbitmap_lookup(const struct hbitmap_tree *tree, u64 bit,
				   unsigned int *level)
{
	void *slot = rcu_dereference(tree->root);

	*level = tree->levels;
	while (*level && slot_is_block(slot)) {
		struct hbitmap_node *node = slot;

		slot = rcu_dereference(node->slot[slot_index(bit, *level)]);
		--*level;
	}
	return slot;
}

/*
 * As hbitmap_lookup(), but jumps over slots that hold @skip: @bit moves forward to
 * the first bit of the slot that is returned. If that is @skip, then the slot of
 * @level around @bit has nothing else from @bit on.
 */
static inline void *hbitmap_lookup_next(const struct hbitmap_tree *tree, u64 *bit,
					unsigned int *level, void *skip)
{
	void *slot = rcu_dereference(tree->root);

	*level = tree->levels;
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

/*
 * The leaf at @bit, or @none. Who goes through leaves one by one asks for the memory of
 * the next while he looks at one: else each begins with a cache miss that nothing
 * overlaps, and with 2 KiB at a time the processor does not foresee the rest either.
 * Under RCU.
 */
static inline void *hbitmap_leaf_at(const struct hbitmap_tree *tree, u64 bit, void *none)
{
	unsigned int level;
	void *slot;

	if (bit >= tree->nbits)
		return none;
	slot = hbitmap_lookup(tree, bit, &level);
	return slot_is_block(slot) ? slot : none;
}

/* Ask for all memory of the leaf at @bit, if there is one. Under RCU. */
static inline void hbitmap_prefetch(const struct hbitmap_tree *tree, u64 bit)
{
	const char *leaf = hbitmap_leaf_at(tree, bit, NULL);
	unsigned int i;

	if (!leaf)
		return;
	for (i = 0; i < sizeof(struct hbitmap_leaf); i += SMP_CACHE_BYTES)
		prefetch(leaf + i);
}

/* hbitmap_tree.c */

struct hbitmap_leaf *hbitmap_leaf_alloc(gfp_t gfp);
struct hbitmap_node *hbitmap_node_alloc(gfp_t gfp);
void hbitmap_leaf_free(struct hbitmap_leaf *leaf);
void hbitmap_node_free(struct hbitmap_node *node);
void hbitmap_block_free_rcu(struct hbitmap_block *block, unsigned int level);
struct hbitmap_block *hbitmap_slot_block(void *slot, unsigned int level);

void hbitmap_node_store(struct hbitmap_node *node, unsigned int i, void *slot);
void *hbitmap_node_reduce(struct hbitmap_node *node, unsigned int valid);
void *hbitmap_leaf_reduce(struct hbitmap_leaf *leaf, unsigned int valid);
void hbitmap_leaf_fill(struct hbitmap_leaf *leaf, const void *slot, unsigned int valid);
void hbitmap_leaf_summarize(struct hbitmap_leaf *leaf);
int hbitmap_leaf_change(struct hbitmap_leaf *leaf, const void *src,
			enum hbitmap_how how, unsigned int first, unsigned int last);
void hbitmap_leaf_read(struct hbitmap_leaf *leaf,
		       void (*look)(const struct hbitmap_leaf *leaf, void *arg),
		       void *arg);
void hbitmap_leaf_copy(struct hbitmap_leaf *copy, struct hbitmap_leaf *leaf);
void *hbitmap_leaf_build(struct hbitmap_leaf *leaf, unsigned int valid);

void hbitmap_stock_free(struct hbitmap_stock *stock);
int hbitmap_stock_fill(struct hbitmap_stock *stock, unsigned int nodes,
		       unsigned int leaves, gfp_t gfp);

void hbitmap_slot_retire(u64 nbits, void *slot, unsigned int level, u64 base,
			 gfp_t gfp, u64 *bits, unsigned long *memory);
void hbitmap_built_free(u64 nbits, void *slot, unsigned int level, u64 base, gfp_t gfp);
u64 hbitmap_built_bits(u64 nbits, void *slot, unsigned int level, u64 base,
		       unsigned long *memory);
void hbitmap_op_detach(struct hbitmap_block **list, void *slot,
		       unsigned int level, u64 base);
void hbitmap_op_drop_shell(struct hbitmap_op *op, void *slot, unsigned int level,
			   u64 base);
void *hbitmap_node_slot(const struct hbitmap *hb, const struct hbitmap_node *node,
			unsigned int i);
struct hbitmap_node *hbitmap_op_new_node(struct hbitmap_op *op, void *slot,
					 unsigned int level, u64 base);
struct hbitmap_leaf *hbitmap_op_new_leaf(struct hbitmap_op *op, const void *slot,
					 u64 base);
void *hbitmap_op_slot(struct hbitmap_op *op, void *slot, void *src,
		      unsigned int level, u64 base);
void hbitmap_op_need(const struct hbitmap_op *op, void *slot, const void *src,
		     unsigned int level, u64 base, struct hbitmap_stock *need);
struct hbitmap_tree *hbitmap_op_begin(struct hbitmap_op *op);
void hbitmap_op_end(struct hbitmap_op *op);
void hbitmap_op_finish(struct hbitmap_op *op);
int hbitmap_op_run(struct hbitmap_op *op);
int hbitmap_change_leaf(struct hbitmap_tree *tree, struct hbitmap_change *change);
int hbitmap_leaf_change_word(struct hbitmap_tree *tree, struct hbitmap_leaf *leaf,
			     u64 bit, unsigned long mask, bool set, bool *tidy);

/* hbitmap.c */

struct hbitmap_tree *hbitmap_tree_alloc(gfp_t gfp);
void hbitmap_tree_free(struct hbitmap_tree *tree);
void hbitmap_discard(struct hbitmap *hb, gfp_t gfp);

/* hbitmap_merge.c */

int hbitmap_may_pause(struct hbitmap_pause *pause, gfp_t gfp);

/* hbitmap_query.c */

u64 hbitmap_find_next(const struct hbitmap_tree *tree, u64 bit, u64 end, void *skip);
/* What a node's sum is while its bits change: nobody may remember it. */
#define HBITMAP_SUM_UNKNOWN	0
#define HBITMAP_SUM_BUSY	1

#endif /* _HBITMAP_PRIVATE_H */
