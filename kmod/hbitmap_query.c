// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap: asking, counting, walking. hbitmap.c has the overview.
 *
 * Sums. A node remembers in @sum how many bits are set below it, once somebody has
 * asked, until one of them changes:
 *
 *	SUM_UNKNOWN	nobody has asked
 *	SUM_BUSY	an operation changes something below, under hb->lock
 *	SUM_ASKED	somebody sums up; with his number
 *	SUM_KNOWN	with the sum
 *
 * Who sums up marks each leaf below as counted, under its lock, and writers leave
 * counted leaves to hbitmap_op_run(), which makes every node above busy before it
 * changes the first bit, and unknown after the last. So a node whose sum is known
 * has counted leaves only, and none of them changes while it is. A sum counts
 * only if nobody has touched the node since its number was put there: the number
 * says that it was not put there twice. Writers pay nothing for this, but that
 * the first change of a leaf after a count goes through hb->lock.
 */
#include <linux/export.h>

#include "hbitmap_private.h"

#define SUM_ASKED		2
#define SUM_KNOWN		3
#define SUM_SHIFT		2

/* Numbers of those who sum up; 62 bits are enough for ever. */
static atomic64_t sum_numbers = ATOMIC64_INIT(0);

/* First set bit from @from on, or HBITMAP_LEAF_BITS. */
static unsigned int leaf_next_dirty(const struct hbitmap_leaf *leaf, unsigned int from)
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

/*
 * First bit in [@bit, @end) that is not what @skip says (NULL: first dirty), or
 * NO_BIT. Under RCU.
 */
u64 hbitmap_find_next(const struct hbitmap_tree *tree, u64 bit, u64 end, void *skip)
{
	u64 found = NO_BIT;

	end = min(end, tree->nbits);
	while (bit < end) {
		struct hbitmap_leaf *leaf;
		unsigned int level, i;

		leaf = hbitmap_lookup_next(tree, &bit, &level, skip);
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
	/*
	 * What comes next, another lookup or the data behind an item, is read
	 * after what was seen here. Pairs with the release that published it.
	 */
	smp_rmb();
	return found < end ? found : NO_BIT;
}

/* Under RCU. */
static bool test_one(const struct hbitmap_tree *tree, u64 bit)
{
	unsigned int level, i = leaf_offset(bit);
	void *slot = hbitmap_lookup(tree, bit, &level);
	bool dirty;

	if (slot_is_block(slot)) {
		struct hbitmap_leaf *leaf = slot;

		dirty = READ_ONCE(leaf->words[i / BITS_PER_LONG]) &
			(1UL << (i % BITS_PER_LONG));
	} else {
		dirty = slot;
	}
	/* As in hbitmap_find_next(). */
	smp_rmb();
	return dirty;
}

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
	const struct hbitmap_tree *tree;
	bool dirty;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	dirty = item < tree->size && test_one(tree, item >> hb->granularity);
	rcu_read_unlock();
	return dirty;
}
EXPORT_SYMBOL_GPL(hbitmap_get);

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
	bool empty;

	rcu_read_lock();
	empty = hbitmap_find_next(rcu_dereference(hb->tree), 0, U64_MAX, NULL) == NO_BIT;
	rcu_read_unlock();
	return empty;
}
EXPORT_SYMBOL_GPL(hbitmap_empty);

/* First item in [@start, @start + @count) that is not what @skip says, or -1. */
static s64 next_item(const struct hbitmap *hb, u64 start, u64 count, void *skip)
{
	unsigned int granularity = hb->granularity;
	const struct hbitmap_tree *tree;
	u64 bit = NO_BIT;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	if (start < tree->size && count) {
		count = min(count, tree->size - start);
		bit = hbitmap_find_next(tree, start >> granularity,
					((start + count - 1) >> granularity) + 1, skip);
	}
	rcu_read_unlock();
	return bit == NO_BIT ? -1 : max(bit << granularity, start);
}

/**
 * hbitmap_next_dirty() - Find the first dirty item of a range.
 * @hb: the bitmap
 * @start: first item of the range
 * @count: its length; what lies behind the end of the bitmap is ignored
 *
 * Never misses an item that was dirty before the call and stays so. What was written
 * before by whoever made it dirty is visible to the caller; not so what was written by
 * one who found it dirty already. To have that too, hbitmap_reset() the item before its
 * data is read, or hbitmap_take() them all.
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

/* The end of the run of items like @item, which is not what @skip says, or @end. */
static u64 run_end(const struct hbitmap_tree *tree, unsigned int granularity, u64 item,
		   u64 end, void *skip)
{
	/* From the next group on: this one may have changed since it was seen. */
	u64 next = (item >> granularity) + 1;

	next = hbitmap_find_next(tree, next, ((end - 1) >> granularity) + 1, skip);
	return next == NO_BIT ? end : next << granularity;
}

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
 * Context: Any context. Takes RCU. The cost follows the levels, not the distance.
 * Return: true if there is one; false if not, and nothing is set.
 */
bool hbitmap_next_dirty_area(const struct hbitmap *hb, u64 start, u64 end,
			     u64 max_count, u64 *area_start, u64 *area_count)
{
	unsigned int granularity = hb->granularity;
	const struct hbitmap_tree *tree;
	u64 bit = NO_BIT, item;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	end = min(end, tree->size);
	if (start < end && max_count)
		bit = hbitmap_find_next(tree, start >> granularity,
					((end - 1) >> granularity) + 1, NULL);
	if (bit != NO_BIT) {
		item = max(bit << granularity, start);
		end = min(end - item, max_count) + item;
		*area_start = item;
		*area_count = run_end(tree, granularity, item, end, SLOT_FULL) - item;
	}
	rcu_read_unlock();
	return bit != NO_BIT;
}
EXPORT_SYMBOL_GPL(hbitmap_next_dirty_area);

/**
 * hbitmap_status() - Is an item dirty, and how far does that go?
 * @hb: the bitmap
 * @start: the item, first of a range
 * @count: the range's length, which ends in the bitmap
 * @same: set to how many items from @start on, at most @count, are like the first
 *
 * Each of them was so at some moment of the call.
 *
 * Context: Any context. Takes RCU. The cost follows the levels, not the distance.
 * Return: 1 if the item is dirty, 0 if it is clean; -EINVAL if @count is 0, or if
 * the range ends behind the bitmap or overflows.
 */
int hbitmap_status(const struct hbitmap *hb, u64 start, u64 count, u64 *same)
{
	unsigned int granularity = hb->granularity;
	const struct hbitmap_tree *tree;
	int dirty = -EINVAL;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	if (count && range_is_valid(tree, start, count)) {
		dirty = test_one(tree, start >> granularity);
		*same = run_end(tree, granularity, start, start + count,
				dirty ? SLOT_FULL : NULL) - start;
	}
	rcu_read_unlock();
	return dirty;
}
EXPORT_SYMBOL_GPL(hbitmap_status);

/* Counting */

/**
 * hbitmap_count() - How many items are dirty.
 * @hb: the bitmap
 *
 * Whole groups are counted, the last one too even if @hb ends within it: the
 * result can exceed the size (size 10, granularity 2, all dirty: 12), as QEMU's
 * does. It never overflows. Exact when nobody changes the bitmap, else somewhere
 * between what was and what will be.
 *
 * Context: Any context. Takes RCU, and the spinlock of a percpu_counter, interrupts
 * off. Cost: the number of possible CPUs.
 * Return: dirty groups << granularity.
 */
u64 hbitmap_count(const struct hbitmap *hb)
{
	const struct hbitmap_tree *tree;
	u64 bits;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	bits = percpu_counter_sum_positive(&tree->totals->bits);
	bits = min(bits, tree->nbits);
	rcu_read_unlock();
	return bits << hb->granularity;
}
EXPORT_SYMBOL_GPL(hbitmap_count);

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

/* For a sum that shall be remembered: false if the leaf is about to leave. */
static bool leaf_weigh_for_sum(struct hbitmap_leaf *leaf, u64 *bits)
{
	bool stays;

	spin_lock_bh(&leaf->lock);
	*bits = leaf->count;
	stays = !leaf->dead;
	leaf->counted = true;
	spin_unlock_bh(&leaf->lock);
	return stays;
}

static u64 node_sum(const struct hbitmap_tree *tree, struct hbitmap_node *node,
		    unsigned int level, u64 base, bool *known);

/*
 * How many bits are set in all of a slot. Clears @known if nobody may remember
 * a sum that this is part of.
 */
static u64 slot_sum(const struct hbitmap_tree *tree, void *slot, unsigned int level,
		    u64 base, bool *known)
{
	struct leaf_weight weight = { .last = HBITMAP_LEAF_BITS - 1 };
	u64 bits;

	if (!slot_is_block(slot))
		return slot ? slot_bits(tree->nbits, level, base) : 0;
	if (level)
		return node_sum(tree, slot, level, base, known);
	if (*known) {
		*known = leaf_weigh_for_sum(slot, &bits);
		return bits;
	}
	hbitmap_leaf_read(slot, leaf_weigh_all, &weight);
	return weight.bits;
}

static u64 node_sum(const struct hbitmap_tree *tree, struct hbitmap_node *node,
		    unsigned int level, u64 base, bool *known)
{
	/* Pairs with the barriers of op_node(). */
	s64 number, sum = atomic64_read_acquire(&node->sum);
	bool mine = true;
	unsigned int i;
	u64 bits = 0;

	if ((sum & 3) == SUM_KNOWN)
		return sum >> SUM_SHIFT;
	number = atomic64_inc_return(&sum_numbers) << SUM_SHIFT | SUM_ASKED;
	/* Fully ordered: the sum begins after its number is there. */
	if (sum == HBITMAP_SUM_BUSY || atomic64_cmpxchg(&node->sum, sum, number) != sum)
		mine = false;

	for (i = mask_next(node->dirty, 0, NODE_SLOTS, 0); i < NODE_SLOTS;
	     i = mask_next(node->dirty, i + 1, NODE_SLOTS, 0))
		bits += slot_sum(tree, rcu_dereference(node->slot[i]), level - 1,
				 child_base(base, level, i), &mine);

	if (!mine || atomic64_cmpxchg(&node->sum, number,
				      bits << SUM_SHIFT | SUM_KNOWN) != number)
		*known = false;
	return bits;
}

/* How many of the bits @first to @last that a slot covers at least in part. */
static u64 slot_count(const struct hbitmap_tree *tree, void *slot, unsigned int level,
		      u64 base, u64 first, u64 last)
{
	u64 end = base + slot_bits(tree->nbits, level, base) - 1, bits = 0;
	struct leaf_weight weight;
	bool known = false;
	unsigned int i;

	first = max(first, base);
	last = min(last, end);
	if (!slot_is_block(slot))
		return slot ? last - first + 1 : 0;
	/* The block at the end can have been extended: its sum may be of more than that. */
	if (first == base && last - base == (1ULL << level_shift(level)) - 1)
		return slot_sum(tree, slot, level, base, &known);
	if (!level) {
		weight.first = leaf_offset(first);
		weight.last = leaf_offset(last);
		hbitmap_leaf_read(slot, leaf_weigh, &weight);
		return weight.bits;
	}
	for (i = slot_index(first, level); i <= slot_index(last, level); i++) {
		struct hbitmap_node *node = slot;

		bits += slot_count(tree, rcu_dereference(node->slot[i]), level - 1,
				   child_base(base, level, i), first, last);
	}
	return bits;
}

/* How many items of @start to @end - 1, which are items of the bitmap. Under RCU. */
static u64 count_items(const struct hbitmap_tree *tree, unsigned int granularity,
		       u64 start, u64 end)
{
	u64 inside = (1ULL << granularity) - 1, items = 0;
	u64 first = start >> granularity, last = (end - 1) >> granularity;
	u64 bits;

	if (first == last)
		return test_one(tree, first) ? end - start : 0;
	if (start & inside) {
		if (test_one(tree, first))
			items += inside + 1 - (start & inside);
		first++;
	}
	if (end & inside) {
		if (test_one(tree, last))
			items += end & inside;
		last--;
	}
	if (first > last)
		return items;
	bits = slot_count(tree, rcu_dereference(tree->root), tree->levels, 0, first, last);
	return items + (min(bits, last + 1 - first) << granularity);
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
 * Context: Any context but hard interrupts. Takes RCU, and leaves' locks. The
 * cost follows the levels, and the leaves in the range that have changed since
 * they were last counted; it does not reschedule.
 * Return: how many, at most @count.
 */
u64 hbitmap_count_range(const struct hbitmap *hb, u64 start, u64 count)
{
	const struct hbitmap_tree *tree;
	u64 items = 0;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	if (start < tree->size && count)
		items = count_items(tree, hb->granularity, start,
				    start + min(count, tree->size - start));
	rcu_read_unlock();
	return items;
}
EXPORT_SYMBOL_GPL(hbitmap_count_range);

/* Walking */

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
 * may be changed during the walk, by the walker too; it may be truncated.
 *
 * Context: Any context. Takes RCU.
 * Return: the first item of the group, or -1 at the end.
 */
s64 hbitmap_iter_next(struct hbitmap_iter *iter)
{
	unsigned int granularity = iter->hb->granularity;
	const struct hbitmap_tree *tree;
	u64 bit = NO_BIT, nbits;

	rcu_read_lock();
	tree = rcu_dereference(iter->hb->tree);
	nbits = tree->nbits;
	if (iter->next < tree->size)
		bit = hbitmap_find_next(tree, iter->next >> granularity, nbits, NULL);
	rcu_read_unlock();
	if (bit == NO_BIT) {
		iter->next = max(iter->next, nbits << granularity);
		return -1;
	}
	iter->next = (bit + 1) << granularity;
	return bit << granularity;
}
EXPORT_SYMBOL_GPL(hbitmap_iter_next);

/* Words of a leaf that are not zero, from @bit on; @bit moves behind the last. */
static unsigned int leaf_fill_words(const struct hbitmap_leaf *leaf, u64 *bit,
				    unsigned int granularity, struct hbitmap_word *words,
				    unsigned int n)
{
	unsigned int w = leaf_offset(*bit) / BITS_PER_LONG, filled = 0;
	unsigned long bits = READ_ONCE(leaf->words[w]) & (~0UL << (*bit % BITS_PER_LONG));
	u64 base = slot_base(*bit, 0);

	for (;;) {
		if (bits) {
			words[filled].item = (base + w * BITS_PER_LONG) << granularity;
			words[filled++].bits = bits;
		}
		if (++w == LEAF_WORDS || filled == n)
			break;
		bits = READ_ONCE(leaf->words[w]);
		if (bits)
			continue;
		w = mask_next(leaf->any, w + 1, LEAF_WORDS, 0);
		if (w == LEAF_WORDS)
			break;
		bits = READ_ONCE(leaf->words[w]);
	}
	*bit = base + w * BITS_PER_LONG;
	return filled;
}

/* As leaf_fill_words() for bits up to @end that are all set. */
static unsigned int full_fill_words(u64 *bit, u64 end, unsigned int granularity,
				    struct hbitmap_word *words, unsigned int n)
{
	unsigned int filled;

	for (filled = 0; *bit < end && filled < n; filled++) {
		words[filled].item = round_down(*bit, BITS_PER_LONG) << granularity;
		words[filled].bits = ~0UL << (*bit % BITS_PER_LONG);
		*bit = round_down(*bit, BITS_PER_LONG) + BITS_PER_LONG;
	}
	return filled;
}

/* Take off bits behind the end, where the last leaf may just have been extended. */
static unsigned int clip_words(const struct hbitmap_tree *tree, unsigned int granularity,
			       struct hbitmap_word *words, unsigned int n)
{
	while (n) {
		u64 first = words[n - 1].item >> granularity;

		if (first + BITS_PER_LONG <= tree->nbits)
			break;
		if (first < tree->nbits)
			words[n - 1].bits &= word_mask(0, 0, tree->nbits - first - 1);
		else
			words[n - 1].bits = 0;
		if (words[n - 1].bits)
			break;
		n--;
	}
	return n;
}

/**
 * hbitmap_iter_words() - The next dirty groups, many at once.
 * @iter: the cursor
 * @words: set to words of bits, ascending, none of them zero; bit i of
 *	&struct hbitmap_word.bits is the group that begins i << granularity items after
 *	&struct hbitmap_word.item
 * @n: how many at most
 *
 * As hbitmap_iter_next() for each bit, and much faster; but what is reset between
 * this call and the use of @words is among them. A walk that begins inside a
 * dirty group has that group's bit first.
 *
 * Context: Any context. Takes RCU, for a time that follows @n.
 * Return: how many words; 0 at the end.
 */
unsigned int hbitmap_iter_words(struct hbitmap_iter *iter, struct hbitmap_word *words,
				unsigned int n)
{
	unsigned int granularity = iter->hb->granularity, filled = 0;
	const struct hbitmap_tree *tree;
	u64 bit = iter->next >> granularity;

	rcu_read_lock();
	tree = rcu_dereference(iter->hb->tree);
	while (iter->next < tree->size && bit < tree->nbits && filled < n) {
		unsigned int level;
		void *slot = hbitmap_lookup_next(tree, &bit, &level, NULL);

		if (slot_is_block(slot))
			filled += leaf_fill_words(slot, &bit, granularity, words + filled,
						  n - filled);
		else if (slot)
			filled += full_fill_words(&bit, min(slot_end(bit, level), tree->nbits),
						  granularity, words + filled, n - filled);
		else
			bit = slot_end(bit, level);
	}
	filled = clip_words(tree, granularity, words, filled);
	if (iter->next < tree->size)
		iter->next = min(bit, tree->nbits) << granularity;
	rcu_read_unlock();
	/* As in hbitmap_find_next(). */
	smp_rmb();
	return filled;
}
EXPORT_SYMBOL_GPL(hbitmap_iter_words);
