// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap: several bitmaps at once. hbitmap.c has the overview.
 *
 * Two bitmaps of the same geometry are walked side by side, in pieces: as much as
 * one slot of each covers. What two uniform slots make is uniform again; for a leaf
 * a copy is made, as it was at one moment, since the locks of two bitmaps
 * are never held at the same time.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hbitmap_private.h"

/* What is to be done to a piece of the result. */
enum piece_kind { PIECE_SKIP, PIECE_CLEAR, PIECE_FILL, PIECE_COMBINE };

struct piece {
	u64 first;
	u64 last;
	unsigned int level;
	enum piece_kind kind;
	/* What the slots hold: NULL, FULL, or a leaf that only RCU keeps. */
	void *src;
	void *old;
};

/* Both operands of a merge: @result, often @to, becomes "@to how @from". */
struct merge {
	const struct hbitmap *to;
	const struct hbitmap *from;
	const struct hbitmap *result;
	enum hbitmap_how how;
	/* Where the source is clean there is nothing to do. */
	bool jump;
	gfp_t gfp;
	struct hbitmap_pause *pause;
	/* Where copies of leaves are made. */
	struct hbitmap_leaf *src;
	struct hbitmap_leaf *old;
};

static bool how_bit(enum hbitmap_how how, bool old, bool src)
{
	switch (how) {
	case HBITMAP_OR:
		return old || src;
	case HBITMAP_AND:
		return old && src;
	case HBITMAP_ANDNOT:
		return old && !src;
	case HBITMAP_XOR:
		return old != src;
	case HBITMAP_NOTAND:
		return !old && src;
	default:
		return src;
	}
}

/* Could @slot have a bit of this value? */
static bool may_be(const void *slot, bool value)
{
	return slot_is_block(slot) || !!slot == value;
}

/* What follows from what is known of the two slots? */
static enum piece_kind piece_kind(enum hbitmap_how how, const void *old, const void *src)
{
	bool same = true, zero = true, one = true;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		bool result = how_bit(how, i & 1, i & 2);

		if (!may_be(old, i & 1) || !may_be(src, i & 2))
			continue;
		same &= result == (i & 1);
		zero &= !result;
		one &= result;
	}
	if (same)
		return PIECE_SKIP;
	if (zero)
		return PIECE_CLEAR;
	return one ? PIECE_FILL : PIECE_COMBINE;
}

/* Pieces between two calls of a pause: some hundred KiB are copied. */
#define PAUSE_PIECES	64

/*
 * Between two pieces of a long operation, under no lock. Returns what the caller's
 * pause says: the operation ends if that is not 0.
 */
int hbitmap_may_pause(struct hbitmap_pause *pause, gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp))
		cond_resched();
	if (!pause || ++pause->pieces % PAUSE_PIECES)
		return 0;
	return pause->pause(pause);
}

/*
 * The slot that has @bit, of @level. @end moves back to where it ends. What lies behind
 * the bitmap's end, which may have moved since the sizes were compared, is clean.
 */
static void *lookup_piece(const struct hbitmap_tree *tree, u64 bit, unsigned int *level,
			  u64 *end)
{
	void *slot;

	*level = MAX_LEVELS;
	if (bit >= tree->nbits)
		return NULL;
	slot = hbitmap_lookup(tree, bit, level);
	*end = min3(*end, slot_end(bit, *level), tree->nbits);
	return slot;
}

/* The piece from @bit on, or false at the end. Under RCU. */
static bool next_piece(const struct merge *m, u64 bit, struct piece *piece)
{
	const struct hbitmap_tree *from = rcu_dereference(m->from->tree);
	u64 end = rcu_dereference(m->result->tree)->nbits;
	unsigned int level;

	if (m->jump) {
		end = min(end, from->nbits);
		if (bit < end)
			piece->src = hbitmap_lookup_next(from, &bit, &piece->level, NULL);
		if (bit >= end)
			return false;
		end = min(end, slot_end(bit, piece->level));
	} else {
		if (bit >= end)
			return false;
		piece->src = lookup_piece(from, bit, &piece->level, &end);
	}
	piece->first = bit;
	piece->old = NULL;
	if (piece->src || !m->jump) {
		piece->old = lookup_piece(rcu_dereference(m->to->tree), bit, &level, &end);
		piece->level = min(piece->level, level);
	}
	piece->last = end - 1;
	piece->kind = piece_kind(m->how, piece->old, piece->src);
	return true;
}

/* The last bits that two pieces need nodes for, to count each node once. */
static unsigned int new_nodes(const struct piece *piece, unsigned int levels, u64 before)
{
	unsigned int level, nodes = 0;

	for (level = piece->level + 1; level <= levels; level++)
		if (before == NO_BIT ||
		    slot_base(piece->first, level) != slot_base(before, level))
			nodes++;
	return nodes;
}

/*
 * Get all blocks that applying the merge can need. Nodes are counted as if there
 * were none, since one can vanish between two pieces; there are few of them.
 */
static int merge_reserve(const struct merge *m, struct hbitmap_stock *stock)
{
	unsigned int levels = levels_for(bits_for(hbitmap_size(m->to), m->to->granularity));
	unsigned int nodes = 0, leaves = 0;
	struct piece piece;
	u64 bit = 0, before = NO_BIT;
	bool more;
	int err;

	for (;;) {
		rcu_read_lock();
		more = next_piece(m, bit, &piece);
		rcu_read_unlock();
		if (!more)
			return 0;
		bit = piece.last + 1;
		if (piece.kind != PIECE_SKIP) {
			nodes += new_nodes(&piece, levels, before);
			before = piece.first;
		}
		if (piece.kind == PIECE_COMBINE && !slot_is_block(piece.old))
			leaves++;
		err = hbitmap_stock_fill(stock, nodes, leaves, m->gfp);
		if (!err)
			err = hbitmap_may_pause(m->pause, m->gfp);
		if (err)
			return err;
	}
}

/* The next but one at @bit: the next is on its way. Under RCU. */
static void prefetch_ahead(const struct merge *m, u64 bit)
{
	bit += HBITMAP_LEAF_BITS;
	hbitmap_prefetch(rcu_dereference(m->from->tree), bit);
	hbitmap_prefetch(rcu_dereference(m->to->tree), bit);
}

/* Fetch the next piece, and a copy of the source's leaf. */
static bool fetch_piece(const struct merge *m, u64 bit, struct piece *piece)
{
	bool more;

	rcu_read_lock();
	more = next_piece(m, bit, piece);
	if (more && piece->kind == PIECE_COMBINE && slot_is_block(piece->src)) {
		prefetch_ahead(m, piece->last + 1);
		hbitmap_leaf_copy(m->src, piece->src);
		piece->src = m->src;
	}
	rcu_read_unlock();
	return more;
}

/* Without hb->lock if that is enough. */
static int run_piece(struct hbitmap_op *op)
{
	struct hbitmap_change change = {
		.first = op->first, .last = op->last, .src = op->src, .how = op->how,
	};
	struct hbitmap_tree *tree;
	int err = -EAGAIN;

	if (op->how != HBITMAP_COPY) {
		rcu_read_lock();
		tree = rcu_dereference(op->hb->tree);
		if (op->last < tree->nbits)
			err = hbitmap_change_leaf(tree, &change);
		rcu_read_unlock();
		op->tidy = change.tidy;
	}
	return err ? hbitmap_op_run(op) : 0;
}

/* Apply a piece that was fetched. */
static int merge_piece(const struct merge *m, struct hbitmap *to,
		       const struct piece *piece, struct hbitmap_stock *stock)
{
	struct hbitmap_op op = {
		.hb = to, .first = piece->first, .last = piece->last,
		.gfp = m->gfp, .stock = stock,
	};

	switch (piece->kind) {
	case PIECE_SKIP:
		return 0;
	case PIECE_CLEAR:
		break;
	case PIECE_FILL:
		op.src = SLOT_FULL;
		break;
	case PIECE_COMBINE:
		op.src = piece->src;
		op.how = m->how;
		op.single = true;
		break;
	}
	return run_piece(&op);
}

/* Apply the merge to the bitmap that is its result too, piece by piece. */
static int merge_apply(const struct merge *m, struct hbitmap *to,
		       struct hbitmap_stock *stock)
{
	struct piece piece;
	u64 bit = 0;
	int err = 0;

	while (!err && fetch_piece(m, bit, &piece)) {
		err = merge_piece(m, to, &piece, stock);
		/* The end has moved: nothing was done, and what is left is less. */
		if (err == -EINVAL)
			err = 0;
		else
			bit = piece.last + 1;
		if (!err)
			err = hbitmap_may_pause(m->pause, m->gfp);
	}
	return err;
}

static int merge_in_place(struct hbitmap *to, const struct hbitmap *from,
			  enum hbitmap_how how, gfp_t gfp, struct hbitmap_pause *pause)
{
	struct merge m = {
		.to = to, .from = from, .result = to, .how = how, .gfp = gfp,
		.pause = pause,
	};
	struct hbitmap_stock stock = {};
	int err;

	m.jump = how == HBITMAP_OR || how == HBITMAP_ANDNOT || how == HBITMAP_XOR;
	m.src = hbitmap_leaf_alloc(gfp);
	if (!m.src)
		return -ENOMEM;
	err = merge_reserve(&m, &stock);
	if (!err)
		err = merge_apply(&m, to, &stock);
	hbitmap_stock_free(&stock);
	hbitmap_leaf_free(m.src);
	/* It can have cleared bits: as in hbitmap_reset(). */
	smp_mb();
	return err;
}

/* Clear what lies behind the end: the copied leaf may just have been extended. */
static void trim_leaf(struct hbitmap_leaf *leaf, unsigned int last)
{
	unsigned int w = last / BITS_PER_LONG;

	leaf->words[w] &= word_mask(w, 0, last);
	memset(leaf->words + w + 1, 0, (LEAF_WORDS - w - 1) * sizeof(long));
	hbitmap_leaf_summarize(leaf);
}

/* What a slot of the result shall hold: m->old, if that takes a leaf. */
static void *combine_leaf(struct merge *m, const struct piece *piece, u64 nbits)
{
	unsigned int last = leaf_offset(piece->last);

	if (m->how == HBITMAP_COPY && slot_is_block(piece->src)) {
		swap(m->src, m->old);
	} else {
		if (!slot_is_block(piece->old))
			hbitmap_leaf_fill(m->old, piece->old, last + 1);
		spin_lock_bh(&m->old->lock);
		hbitmap_leaf_change(m->old, slot_is_block(piece->src) ? m->src : piece->src,
				    m->how, 0, last);
		spin_unlock_bh(&m->old->lock);
	}
	if (last < HBITMAP_LEAF_BITS - 1)
		trim_leaf(m->old, last);
	return hbitmap_leaf_reduce(m->old, slot_bits(nbits, 0, slot_base(piece->first, 0)));
}

/* Put a piece of the result where nothing is. Uses up m->old if it is needed. */
static int put_piece(struct merge *m, struct hbitmap *result, struct piece *piece)
{
	struct hbitmap_op op = {
		.hb = result, .first = piece->first, .last = piece->last, .gfp = m->gfp,
	};
	int err;

	switch (piece->kind) {
	case PIECE_SKIP:
		op.src = piece->old;
		break;
	case PIECE_CLEAR:
		return 0;
	case PIECE_FILL:
		op.src = SLOT_FULL;
		break;
	case PIECE_COMBINE:
		op.src = combine_leaf(m, piece, bits_for(hbitmap_size(result),
							 result->granularity));
		op.single = slot_is_block(op.src);
		break;
	}
	if (!op.src)
		return 0;
	err = hbitmap_op_run(&op);
	/* It is the result's now. */
	if (op.single && !op.src)
		m->old = NULL;
	return err;
}

/* As fetch_piece(), but for a result elsewhere: a leaf that stays is copied too. */
static bool fetch_pieces(struct merge *m, u64 bit, struct piece *piece)
{
	bool more;

	rcu_read_lock();
	more = next_piece(m, bit, piece);
	if (more && piece->kind == PIECE_SKIP && slot_is_block(piece->old))
		piece->kind = PIECE_COMBINE;
	if (more && piece->kind == PIECE_COMBINE) {
		prefetch_ahead(m, piece->last + 1);
		if (slot_is_block(piece->src))
			hbitmap_leaf_copy(m->src, piece->src);
		if (slot_is_block(piece->old))
			hbitmap_leaf_copy(m->old, piece->old);
	}
	rcu_read_unlock();
	return more;
}

/* Fill @result, which is clean and private, with "m->to how m->from". */
static int merge_fill(struct merge *m, struct hbitmap *result)
{
	struct piece piece;
	u64 bit;
	int err = 0;

	m->src = hbitmap_leaf_alloc(m->gfp);
	if (!m->src)
		return -ENOMEM;
	for (bit = 0; !err; bit = piece.last + 1) {
		if (!m->old)
			m->old = hbitmap_leaf_alloc(m->gfp);
		if (!m->old) {
			err = -ENOMEM;
			break;
		}
		if (!fetch_pieces(m, bit, &piece))
			break;
		err = put_piece(m, result, &piece);
		if (!err)
			err = hbitmap_may_pause(m->pause, m->gfp);
	}
	hbitmap_leaf_free(m->src);
	hbitmap_leaf_free(m->old);
	return err;
}

/* Move the content of a private bitmap of the same geometry into @result. */
static int move_content(struct hbitmap *result, struct hbitmap *private, gfp_t gfp)
{
	/* Nobody else knows it. */
	struct hbitmap_tree *tree = rcu_dereference_protected(private->tree, 1);
	void *root = rcu_dereference_protected(tree->root, 1);
	struct hbitmap_op op = {
		.hb = result, .src = root, .last = tree->nbits - 1, .gfp = gfp,
		.built_nbits = tree->nbits,
	};
	int err;

	if (!tree->nbits)
		return 0;
	if (slot_is_block(root) && tree->levels) {
		struct hbitmap_block *block = hbitmap_slot_block(root, tree->levels);

		block->bits = percpu_counter_sum_positive(&tree->totals->bits);
		block->memory = atomic_long_read(&tree->totals->memory);
	}
	err = hbitmap_op_run(&op);
	if (!err) {
		RCU_INIT_POINTER(tree->root, NULL);
		return 0;
	}
	/* It was truncated since the sizes were compared. */
	return err == -EAGAIN ? -EINVAL : err;
}

/* A private bitmap like @hb, of that granularity, all clean. */
static struct hbitmap *alloc_like(const struct hbitmap *hb, unsigned int granularity,
				  gfp_t gfp)
{
	return hbitmap_alloc(hbitmap_size(hb), granularity, gfp);
}

static int merge_elsewhere(const struct hbitmap *a, const struct hbitmap *b,
			   struct hbitmap *result, enum hbitmap_how how, gfp_t gfp,
			   struct hbitmap_pause *pause)
{
	struct merge m = { .to = a, .from = b, .how = how, .gfp = gfp, .pause = pause };
	struct hbitmap *private = alloc_like(result, result->granularity, gfp);
	int err;

	if (IS_ERR(private))
		return PTR_ERR(private);
	m.result = private;
	err = merge_fill(&m, private);
	if (!err)
		err = move_content(result, private, gfp);
	hbitmap_discard(private, gfp);
	/* As in merge_in_place(). */
	smp_mb();
	return err;
}

/* "a how b" of one geometry. */
static int merge_alike(const struct hbitmap *a, const struct hbitmap *b,
		       struct hbitmap *result, enum hbitmap_how how, gfp_t gfp,
		       struct hbitmap_pause *pause)
{
	if (result == a)
		return merge_in_place(result, b, how, gfp, pause);
	if (result == b)
		return merge_in_place(result, a,
				      how == HBITMAP_ANDNOT ? HBITMAP_NOTAND : how,
				      gfp, pause);
	return merge_elsewhere(a, b, result, how, gfp, pause);
}

/* A private copy of @hb in groups of another size, rounded outward. */
static struct hbitmap *regroup(const struct hbitmap *hb, unsigned int granularity,
			       gfp_t gfp, struct hbitmap_pause *pause)
{
	struct hbitmap *private = alloc_like(hb, granularity, gfp);
	u64 inside = (1ULL << granularity) - 1, size, start, count, next;
	int err;

	if (IS_ERR(private))
		return private;
	size = hbitmap_size(private);
	/* With what was found dirty the rest of its group is. */
	for (next = 0; hbitmap_next_dirty_area(hb, next, size, U64_MAX, &start, &count);
	     next = ((start + count - 1) | inside) + 1) {
		err = hbitmap_set(private, start, count, gfp);
		if (!err)
			err = hbitmap_may_pause(pause, gfp);
		if (err) {
			hbitmap_discard(private, gfp);
			return ERR_PTR(err);
		}
	}
	return private;
}

static int merge(const struct hbitmap *a, const struct hbitmap *b,
		 struct hbitmap *result, enum hbitmap_how how, gfp_t gfp,
		 struct hbitmap_pause *pause)
{
	unsigned int granularity = result->granularity;
	struct hbitmap *mine[2] = {};
	int err = 0;

	if (hbitmap_size(a) != hbitmap_size(result) ||
	    hbitmap_size(b) != hbitmap_size(result))
		return -EINVAL;
	if (how != HBITMAP_OR &&
	    (a->granularity != granularity || b->granularity != granularity))
		return -EINVAL;

	if (a->granularity != granularity) {
		mine[0] = regroup(a, granularity, gfp, pause);
		if (IS_ERR(mine[0]))
			return PTR_ERR(mine[0]);
		a = mine[0];
	}
	if (b->granularity != granularity) {
		mine[1] = regroup(b, granularity, gfp, pause);
		err = PTR_ERR_OR_ZERO(mine[1]);
		b = mine[1];
	}
	if (!err) {
		err = merge_alike(a, b, result, how, gfp, pause);
		if (mine[1])
			hbitmap_discard(mine[1], gfp);
	}
	if (mine[0])
		hbitmap_discard(mine[0], gfp);
	return err;
}

/**
 * hbitmap_merge() - What is dirty in one of two bitmaps.
 * @a: a bitmap
 * @b: another, of the same size
 * @result: set to "a or b", of the same size; can be @a, @b or both
 * @gfp: how to allocate
 *
 * The granularities may differ, in either direction: an item that is dirty in @a or
 * @b is dirty in @result, and with it its group there.
 *
 * Others may be at work on all three. If @result is an operand then it is changed
 * leaf by leaf, and what others set in it meanwhile is kept; otherwise its content is
 * replaced, as if reset, at one moment. An item that is dirty in an operand
 * before the call and stays so is not missed. If an operand is truncated meanwhile then
 * what was cut off it counts as clean.
 *
 * Context: As hbitmap_set(). The cost follows the leaves that exist; between
 * different granularities, the runs of dirty items.
 * Return: 0; -EINVAL if the sizes differ; -ENOMEM: nothing has changed, but if
 * @result is an operand and others changed it at the same time then a part may
 * have been merged.
 */
int hbitmap_merge(const struct hbitmap *a, const struct hbitmap *b,
		  struct hbitmap *result, gfp_t gfp)
{
	return merge(a, b, result, HBITMAP_OR, gfp, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_merge);

/**
 * hbitmap_and() - What is dirty in both of two bitmaps.
 * @a: a bitmap
 * @b: another, of the same size and granularity
 * @result: set to "a and b", of the same size and granularity; can be @a, @b or both
 * @gfp: how to allocate
 *
 * Otherwise as hbitmap_merge().
 *
 * Context: As hbitmap_set(). The cost follows the leaves that exist.
 * Return: 0; -EINVAL if sizes or granularities differ; -ENOMEM as hbitmap_merge().
 */
int hbitmap_and(const struct hbitmap *a, const struct hbitmap *b,
		struct hbitmap *result, gfp_t gfp)
{
	return merge(a, b, result, HBITMAP_AND, gfp, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_and);

/**
 * hbitmap_andnot() - What is dirty in one bitmap, but not in another.
 * @a: a bitmap
 * @b: another, of the same size and granularity
 * @result: set to "a and not b", of the same size and granularity; can be @a, @b or
 *	both
 * @gfp: how to allocate
 *
 * Otherwise as hbitmap_merge().
 *
 * Context: As hbitmap_set(). The cost follows the leaves that exist.
 * Return: 0; -EINVAL if sizes or granularities differ; -ENOMEM as hbitmap_merge().
 */
int hbitmap_andnot(const struct hbitmap *a, const struct hbitmap *b,
		   struct hbitmap *result, gfp_t gfp)
{
	return merge(a, b, result, HBITMAP_ANDNOT, gfp, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_andnot);

/**
 * hbitmap_xor() - What is dirty in one of two bitmaps, but not in both.
 * @a: a bitmap
 * @b: another, of the same size and granularity
 * @result: set to "a xor b", of the same size and granularity; can be @a, @b or both
 * @gfp: how to allocate
 *
 * Otherwise as hbitmap_merge(). Unlike the others it cannot be repeated after
 * -ENOMEM if a part may have been merged.
 *
 * Context: As hbitmap_set(). The cost follows the leaves that exist.
 * Return: 0; -EINVAL if sizes or granularities differ; -ENOMEM as hbitmap_merge().
 */
int hbitmap_xor(const struct hbitmap *a, const struct hbitmap *b,
		struct hbitmap *result, gfp_t gfp)
{
	return merge(a, b, result, HBITMAP_XOR, gfp, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_xor);

static const enum hbitmap_how merge_hows[] = {
	[HBITMAP_MERGE_OR] = HBITMAP_OR,
	[HBITMAP_MERGE_AND] = HBITMAP_AND,
	[HBITMAP_MERGE_ANDNOT] = HBITMAP_ANDNOT,
	[HBITMAP_MERGE_XOR] = HBITMAP_XOR,
};

/**
 * hbitmap_merge_pausing() - Any of the four, in bounded pieces.
 * @a: a bitmap
 * @b: another
 * @result: as for hbitmap_merge(), hbitmap_and(), hbitmap_andnot() or hbitmap_xor()
 * @how: which of them
 * @gfp: how to allocate
 * @pause: called between pieces, or NULL
 *
 * A pause that does not return 0 ends the operation, which frees what it has and
 * returns the same. Of @result, if it is an operand, the regions that it came to are
 * then merged and the others as they were: it goes through them in ascending order, but
 * first in the source alone, through all regions, to get memory. Otherwise @result is
 * as it was. All but HBITMAP_MERGE_XOR can be repeated.
 *
 * Context: As hbitmap_merge(); and @pause is called under no lock.
 * Return: As hbitmap_merge(); or what @pause returned.
 */
int hbitmap_merge_pausing(const struct hbitmap *a, const struct hbitmap *b,
			  struct hbitmap *result, enum hbitmap_merge_how how, gfp_t gfp,
			  struct hbitmap_pause *pause)
{
	return merge(a, b, result, merge_hows[how], gfp, pause);
}
EXPORT_SYMBOL_GPL(hbitmap_merge_pausing);

/**
 * hbitmap_clone_pausing() - A copy of a bitmap, in bounded pieces.
 * @hb: the bitmap
 * @gfp: how to allocate
 * @pause: called between pieces, or NULL; if it does not return 0 there is no copy
 *
 * Otherwise as hbitmap_clone().
 *
 * Context: As hbitmap_merge_pausing(). The cost follows the leaves that exist.
 * Return: the copy, or ERR_PTR() of -ENOMEM or what @pause returned.
 */
struct hbitmap *hbitmap_clone_pausing(const struct hbitmap *hb, gfp_t gfp,
				      struct hbitmap_pause *pause)
{
	struct merge m = {
		.from = hb, .how = HBITMAP_COPY, .jump = true, .gfp = gfp,
		.pause = pause,
	};
	struct hbitmap *clone = alloc_like(hb, hb->granularity, gfp);
	int err;

	if (IS_ERR(clone))
		return clone;
	m.to = clone;
	m.result = clone;
	err = merge_fill(&m, clone);
	if (!err)
		return clone;
	hbitmap_discard(clone, gfp);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(hbitmap_clone_pausing);

/**
 * hbitmap_clone() - A copy of a bitmap.
 * @hb: the bitmap
 * @gfp: how to allocate
 *
 * Each leaf is as it was at one moment; an item that is dirty before the call and
 * stays so is dirty in the copy. hbitmap_take() has all leaves of one moment.
 *
 * Context: As hbitmap_set(). The cost follows the leaves that exist.
 * Return: the copy, or ERR_PTR(-ENOMEM).
 */
struct hbitmap *hbitmap_clone(const struct hbitmap *hb, gfp_t gfp)
{
	return hbitmap_clone_pausing(hb, gfp, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_clone);
