// SPDX-License-Identifier: GPL-2.0
/*
 * hbitmap: chunks in QEMU's format, and the digest. hbitmap.c has the overview.
 *
 * Bit i of the bitmap is bit i % 8 of byte i / 8. A chunk is a whole number of
 * units of HBITMAP_CHUNK_BITS, so one never splits a word.
 */
#include <crypto/sha2.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "hbitmap_private.h"

static __always_inline void chunk_put(u8 *chunk, unsigned long word)
{
#if BITS_PER_LONG == 64
	__le64 bytes = cpu_to_le64(word);
#else
	__le32 bytes = cpu_to_le32(word);
#endif
	memcpy(chunk, &bytes, sizeof(bytes));
}

static __always_inline unsigned long chunk_get(const u8 *chunk)
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

/* What the bits of a chunk are, and of a bitmap of how many. */
struct chunk_bits {
	u64 first;
	u64 last;
	u64 nbits;
};

/* Whether a chunk may be these items, and then, if any, which bits. */
static int chunk_check(const struct hbitmap *hb, u64 start, u64 count,
		       struct chunk_bits *bits)
{
	const struct hbitmap_tree *tree;
	bool valid, at_end;
	u64 inside;

	if (!hbitmap_is_serializable(hb))
		return -EOPNOTSUPP;
	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	valid = range_is_valid(tree, start, count);
	at_end = start + count == tree->size;
	bits->nbits = tree->nbits;
	rcu_read_unlock();

	if (!valid)
		return -EINVAL;
	if (!count)
		return 0;
	inside = hbitmap_serialization_align(hb) - 1;
	if ((start & inside) || ((count & inside) && !at_end))
		return -EINVAL;
	bits->first = start >> hb->granularity;
	bits->last = (start + count - 1) >> hb->granularity;
	return 0;
}

static u64 chunk_size(const struct chunk_bits *bits)
{
	return DIV_ROUND_UP_ULL(bits->last + 1 - bits->first, HBITMAP_CHUNK_BITS) *
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
	struct chunk_bits bits;

	if (chunk_check(hb, start, count, &bits) || !count)
		return 0;
	return chunk_size(&bits);
}
EXPORT_SYMBOL_GPL(hbitmap_serialization_size);

struct leaf_bytes {
	u8 *chunk;
	/* A leaf that will be read soon, or this one. */
	const struct hbitmap_leaf *ahead;
	unsigned int first;
	unsigned int last;
};

static void leaf_to_chunk(const struct hbitmap_leaf *leaf, void *arg)
{
	struct leaf_bytes *bytes = arg;
	unsigned int w1 = bytes->last / BITS_PER_LONG;
	const unsigned long *words = leaf->words + bytes->first / BITS_PER_LONG;
	const unsigned long *end = leaf->words + w1;
	const char *ahead = (const char *)bytes->ahead;
	u8 *chunk = bytes->chunk;

	/* Its head has the lock, and is as long as what is read here in one go. */
	prefetch(ahead);
	for (; end - words >= 4; words += 4, chunk += 4 * sizeof(long)) {
		ahead += 4 * sizeof(long);
		prefetch(ahead + 32);
		prefetchw(chunk + 1024);
		chunk_put(chunk, READ_ONCE(words[0]));
		chunk_put(chunk + sizeof(long), READ_ONCE(words[1]));
		chunk_put(chunk + 2 * sizeof(long), READ_ONCE(words[2]));
		chunk_put(chunk + 3 * sizeof(long), READ_ONCE(words[3]));
	}
	for (; words < end; words++, chunk += sizeof(long))
		chunk_put(chunk, READ_ONCE(*words));
	/* The bitmap may be extended at the same time, and the leaf with it. */
	chunk_put(chunk, READ_ONCE(*words) & word_mask(w1, bytes->first, bytes->last));
}

/* Ones for @bits bits; what is left of the last byte's unit is zero already. */
static void ones_to_chunk(u8 *chunk, u64 bits)
{
	memset(chunk, 0xff, bits / 8);
	if (bits % 8)
		chunk[bits / 8] = (1U << (bits % 8)) - 1;
}

/*
 * Write what comes from @bit on: zeroes, and what follows them as far as one slot
 * goes. Returns the bit behind it. Under RCU.
 */
static u64 slot_to_chunk(const struct hbitmap_tree *tree, u8 *chunk,
			 const struct chunk_bits *bits, u64 bit)
{
	u64 next, at = bit, end = min(bits->last + 1, tree->nbits);
	unsigned int level = 0;
	void *slot = NULL;

	if (at < end)
		slot = hbitmap_lookup(tree, at, &level);
	if (!slot && at < end)
		slot = hbitmap_lookup_next(tree, &at, &level, NULL);
	if (!slot || at >= end) {
		next = slot || bit >= end ? bits->last + 1 : slot_end(at, level);
		next = min(next, bits->last + 1);
		memset(chunk + (bit - bits->first) / 8, 0, (next - bit) / 8);
		return next;
	}
	if (at != bit)
		memset(chunk + (bit - bits->first) / 8, 0, (at - bit) / 8);
	chunk += (at - bits->first) / 8;
	next = min(slot_end(at, level), end);
	if (slot_is_block(slot)) {
		struct leaf_bytes bytes = {
			.chunk = chunk,
			.first = leaf_offset(at),
			.last = leaf_offset(next - 1),
			.ahead = hbitmap_leaf_at(tree, next + HBITMAP_LEAF_BITS, slot),
		};

		hbitmap_leaf_read(slot, leaf_to_chunk, &bytes);
	} else {
		ones_to_chunk(chunk, next - at);
	}
	return next;
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
	struct chunk_bits bits;
	u64 bit, size;
	int err;

	err = chunk_check(hb, start, count, &bits);
	if (err || !count)
		return err;

	/* The last unit may be filled in part. */
	size = chunk_size(&bits);
	memset(buf + size - HBITMAP_CHUNK_BITS / 8, 0, HBITMAP_CHUNK_BITS / 8);
	for (bit = bits.first; bit <= bits.last;) {
		rcu_read_lock();
		bit = slot_to_chunk(rcu_dereference(hb->tree), buf, &bits, bit);
		rcu_read_unlock();
		/* It was cut off at the same time, inside of a unit. */
		if (bit % HBITMAP_CHUNK_BITS && bit <= bits.last) {
			u64 done = round_up(bit, HBITMAP_CHUNK_BITS);

			memset(buf + (done - bits.first) / 8, 0,
			       size - (done - bits.first) / 8);
			break;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(hbitmap_serialize_part);

/* A tree made of a chunk, private until the operation moves it into the bitmap's */
struct chunk_tree {
	const u8 *chunk;
	struct chunk_bits bits;
	gfp_t gfp;
	/* For the next leaf: its memory is on the way to the cache. */
	struct hbitmap_leaf *spare;
};

/* Fill a part of a leaf; the rest is clean. */
static void chunk_to_words(struct hbitmap_leaf *leaf, const u8 *chunk, unsigned int w0,
			   unsigned int w1)
{
	unsigned int w;

	memset(leaf->words, 0, sizeof(leaf->words));
	for (w = w0; w <= w1; w++)
		leaf->words[w] = chunk_get(chunk + (w - w0) * sizeof(long));
	hbitmap_leaf_summarize(leaf);
}

/* Which of the words that one word of @any stands for are not zero. */
static unsigned long words_any(const unsigned long *words)
{
	unsigned long any = 0;
	unsigned int w;

	for (w = 0; w < BITS_PER_LONG; w++)
		any |= (unsigned long)!!words[w] << w;
	return any;
}

/* How far ahead of what is read its memory is asked for. */
#define CHUNK_AHEAD	(HBITMAP_LEAF_BITS / 8)

/* Copy as many words as one word of @any stands for; returns how many bits are set. */
static __always_inline unsigned int chunk_to_group(unsigned long *words, const u8 *chunk,
						   unsigned long *any)
{
	unsigned int w, count = 0, zeroes = 0;

	for (w = 0; w < BITS_PER_LONG; w += 4, chunk += 4 * sizeof(long)) {
		unsigned long a = chunk_get(chunk);
		unsigned long b = chunk_get(chunk + sizeof(long));
		unsigned long c = chunk_get(chunk + 2 * sizeof(long));
		unsigned long d = chunk_get(chunk + 3 * sizeof(long));

		prefetch(chunk + CHUNK_AHEAD);
		words[w] = a;
		words[w + 1] = b;
		words[w + 2] = c;
		words[w + 3] = d;
		zeroes += !a + !b + !c + !d;
		count += hweight_long(a) + hweight_long(b) +
			 hweight_long(c) + hweight_long(d);
	}
	/* What is dense costs no look at each word. */
	*any = zeroes ? words_any(words) : ~0UL;
	return count;
}

/* Fill all of a leaf, in one go since there are many. */
static void chunk_to_leaf(struct hbitmap_leaf *leaf, const u8 *chunk)
{
	unsigned int i, count = 0;

	for (i = 0; i < LEAF_LONGS; i++, chunk += BITS_PER_LONG * sizeof(long))
		count += chunk_to_group(leaf->words + i * BITS_PER_LONG, chunk,
					&leaf->any[i]);
	leaf->count = count;
}

/* What a slot shall hold for these bits of a leaf: NULL, FULL, or if mixed a leaf. */
static bool chunk_is_uniform(const u8 *chunk, unsigned int first, unsigned int last,
			     void **slot)
{
	unsigned int w, w0 = first / BITS_PER_LONG;
	bool zeroes = true, ones = true;

	for (w = w0; w <= last / BITS_PER_LONG && (zeroes || ones); w++) {
		unsigned long word = chunk_get(chunk + (w - w0) * sizeof(long));

		zeroes &= !word;
		ones &= word == word_mask(w, first, last);
	}
	*slot = ones ? SLOT_FULL : NULL;
	return zeroes || ones;
}

/* What of a chunk is for one leaf. */
struct chunk_part {
	const u8 *chunk;
	unsigned int first;
	unsigned int last;
};

static struct chunk_part chunk_part(const struct chunk_tree *tree, u64 base)
{
	struct chunk_part part = {
		.first = leaf_first(base, tree->bits.first),
		.last = leaf_last(base, tree->bits.last),
	};

	part.chunk = tree->chunk + (base + part.first - tree->bits.first) / 8;
	return part;
}

/* Will the next leaf, at @base, be one? */
static bool chunk_needs_leaf(const struct chunk_tree *tree, u64 base)
{
	struct chunk_part part;
	void *slot;

	if (base > tree->bits.last)
		return false;
	part = chunk_part(tree, base);
	return !chunk_is_uniform(part.chunk, part.first, part.last, &slot);
}

/*
 * The memory for the leaf at @base, or NULL. If the next will be one too, then its
 * memory is allocated now, so that it is at hand when it is filled.
 */
static struct hbitmap_leaf *chunk_take_leaf(struct chunk_tree *tree, u64 base)
{
	struct hbitmap_leaf *leaf = tree->spare;
	unsigned int i;

	tree->spare = NULL;
	if (!leaf)
		leaf = hbitmap_leaf_alloc(tree->gfp);
	if (!leaf || !chunk_needs_leaf(tree, slot_end(base, 0)))
		return leaf;
	tree->spare = hbitmap_leaf_alloc(tree->gfp);
	if (!tree->spare) {
		hbitmap_leaf_free(leaf);
		return NULL;
	}
	for (i = 0; i < sizeof(*leaf); i += SMP_CACHE_BYTES)
		prefetchw((char *)tree->spare + i);
	return leaf;
}

/* Returns the slot for the leaf at @base, or ERR_PTR(-ENOMEM). */
static void *chunk_leaf(struct chunk_tree *tree, u64 base)
{
	struct chunk_part part = chunk_part(tree, base);
	struct hbitmap_leaf *leaf;
	void *slot;

	if (chunk_is_uniform(part.chunk, part.first, part.last, &slot))
		return slot;
	leaf = chunk_take_leaf(tree, base);
	if (!leaf)
		return ERR_PTR(-ENOMEM);
	if (part.first || part.last < HBITMAP_LEAF_BITS - 1)
		chunk_to_words(leaf, part.chunk, part.first / BITS_PER_LONG,
			       part.last / BITS_PER_LONG);
	else
		chunk_to_leaf(leaf, part.chunk);
	return leaf;
}

static void *chunk_node(struct chunk_tree *tree, unsigned int level,
			u64 base);

static void *chunk_slot(struct chunk_tree *tree, unsigned int level,
			u64 base)
{
	if (level)
		return chunk_node(tree, level, base);
	if (gfpflags_allow_blocking(tree->gfp))
		cond_resched();
	return chunk_leaf(tree, base);
}

/* Take over what was built for slot @i of a node. */
static void chunk_node_add(const struct chunk_tree *tree, struct hbitmap_node *node,
			   unsigned int level, u64 base, unsigned int i, void *slot)
{
	unsigned long memory;

	hbitmap_node_store(node, i, slot);
	node->block.bits += hbitmap_built_bits(tree->bits.nbits, slot, level - 1,
					       child_base(base, level, i), &memory);
	node->block.memory += memory;
}

static void *chunk_node(struct chunk_tree *tree, unsigned int level,
			u64 base)
{
	u64 end = base + slot_bits(tree->bits.nbits, level, base) - 1;
	unsigned int first = slot_index(max(tree->bits.first, base), level);
	unsigned int last = slot_index(min(tree->bits.last, end), level);
	struct hbitmap_node *node;
	void *slot, *reduced;
	unsigned int i;

	node = hbitmap_node_alloc(tree->gfp);
	if (!node)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < NODE_SLOTS; i++)
		hbitmap_node_store(node, i, NULL);
	node->block.memory = sizeof(*node);

	for (i = first; i <= last; i++) {
		slot = chunk_slot(tree, level - 1, child_base(base, level, i));
		if (IS_ERR(slot)) {
			hbitmap_built_free(tree->bits.nbits, node, level, base, tree->gfp);
			return slot;
		}
		chunk_node_add(tree, node, level, base, i, slot);
	}
	/* What lies beside the chunk does not matter: nobody looks at it. */
	reduced = node;
	if (!node->block.bits)
		reduced = NULL;
	else if (mask_next(node->zero, first, last + 1, 0) == last + 1)
		reduced = SLOT_FULL;
	if (reduced != node)
		hbitmap_node_free(node);
	return reduced;
}

/* True if a chunk has a bit behind the end of the bitmap. */
static bool chunk_has_tail(const u8 *chunk, const struct chunk_bits *bits)
{
	unsigned int i, tail = (bits->last + 1 - bits->first) % HBITMAP_CHUNK_BITS;
	u8 over = 0;

	if (!tail)
		return false;
	chunk += chunk_size(bits) - HBITMAP_CHUNK_BITS / 8;
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
	struct chunk_tree tree = { .chunk = buf, .gfp = gfp };
	struct hbitmap_op op = { .hb = hb, .gfp = gfp };
	int err;

	do {
		err = chunk_check(hb, start, count, &tree.bits);
		if (err || !count)
			return err;
		if (chunk_has_tail(buf, &tree.bits))
			return -EINVAL;

		op.first = tree.bits.first;
		op.last = tree.bits.last;
		op.built_nbits = tree.bits.nbits;
		op.src = chunk_slot(&tree, levels_for(op.built_nbits), 0);
		/* Of a leaf that could not be reached for want of memory. */
		hbitmap_leaf_free(tree.spare);
		tree.spare = NULL;
		if (IS_ERR(op.src))
			return PTR_ERR(op.src);
		err = hbitmap_op_run(&op);
		hbitmap_built_free(op.built_nbits, op.src, levels_for(op.built_nbits), 0,
				   gfp);
		/* It was truncated since. */
	} while (err == -EAGAIN);
	/* It can have cleared bits: as in hbitmap_reset(). */
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
	struct chunk_bits bits;
	int err;

	err = chunk_check(hb, start, count, &bits);
	return err ? err : hbitmap_reset(hb, start, count, gfp);
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
	struct chunk_bits bits;
	int err;

	err = chunk_check(hb, start, count, &bits);
	return err ? err : hbitmap_set(hb, start, count, gfp);
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

/* The digest */

enum region_kind { REGION_CLEAN, REGION_DIRTY, REGION_MIXED };

/* What one step of the digest hashes: what was before, and a record. */
struct digest_step {
	u8 before[HBITMAP_DIGEST_SIZE];
	__le64 kind;
	__le64 regions;
	u8 chunk[HBITMAP_LEAF_BITS / 8];
};

struct digest {
	struct digest_step step;
	/* Uniform regions that are not yet hashed. */
	enum region_kind kind;
	u64 regions;
};

static void digest_record(struct digest *d, u64 kind, u64 regions,
			  size_t bytes)
{
	d->step.kind = cpu_to_le64(kind);
	d->step.regions = cpu_to_le64(regions);
	sha256((u8 *)&d->step, offsetof(struct digest_step, chunk) + bytes,
	       d->step.before);
}

/* The longest runs make the records, so that they do not depend on the structure. */
static void digest_uniform(struct digest *d, enum region_kind kind, u64 regions)
{
	if (d->regions && d->kind != kind) {
		digest_record(d, d->kind, d->regions, 0);
		d->regions = 0;
	}
	d->kind = kind;
	d->regions += regions;
}

/* A region that was copied into the step's chunk, of @valid bits. */
static void digest_region(struct digest *d, unsigned int valid)
{
	unsigned int i, bytes = DIV_ROUND_UP(valid, HBITMAP_CHUNK_BITS) * 8, count = 0;

	for (i = 0; i < bytes; i += sizeof(long))
		count += hweight_long(chunk_get(d->step.chunk + i));
	if (!count || count == valid) {
		digest_uniform(d, count ? REGION_DIRTY : REGION_CLEAN, 1);
		return;
	}
	if (d->regions)
		digest_record(d, d->kind, d->regions, 0);
	d->regions = 0;
	digest_record(d, REGION_MIXED, 1, bytes);
}

/* Take in what comes from @bit, of a leaf, on. Returns the bit behind it. */
static u64 digest_slot(struct digest *d, const struct hbitmap *hb, u64 bit, u64 nbits)
{
	struct leaf_bytes bytes = { .chunk = d->step.chunk };
	const struct hbitmap_tree *tree;
	u64 end, at = bit, next = nbits;
	unsigned int level, valid = 0;
	void *slot = NULL;

	rcu_read_lock();
	tree = rcu_dereference(hb->tree);
	end = min(nbits, tree->nbits);
	if (at < end)
		slot = hbitmap_lookup(tree, at, &level);
	if (!slot && at < end)
		slot = hbitmap_lookup_next(tree, &at, &level, NULL);
	if (at < end)
		next = min(slot_end(at, level), end);
	if (at < end && slot_is_block(slot)) {
		valid = slot_bits(nbits, 0, at);
		bytes.last = next - 1 - at;
		bytes.ahead = slot;
		memset(d->step.chunk, 0, sizeof(d->step.chunk));
		hbitmap_leaf_read(slot, leaf_to_chunk, &bytes);
	}
	rcu_read_unlock();

	at = min(at, nbits);
	if (at > bit)
		digest_uniform(d, REGION_CLEAN,
			       DIV_ROUND_UP_ULL(at - bit, HBITMAP_LEAF_BITS));
	if (valid)
		digest_region(d, valid);
	else if (at < next)
		digest_uniform(d, slot ? REGION_DIRTY : REGION_CLEAN,
			       DIV_ROUND_UP_ULL(next - at, HBITMAP_LEAF_BITS));
	return round_up(next, HBITMAP_LEAF_BITS);
}

/**
 * hbitmap_digest_pausing() - A digest, in bounded pieces.
 * @hb: the bitmap
 * @digest: HBITMAP_DIGEST_SIZE bytes, set to the digest
 * @gfp: how to allocate
 * @pause: called between pieces, or NULL; if it does not return 0 there is no digest
 *
 * Otherwise as hbitmap_digest().
 *
 * Context: As hbitmap_merge_pausing(). The cost follows the leaves that exist.
 * Return: As hbitmap_digest(); or what @pause returned.
 */
int hbitmap_digest_pausing(const struct hbitmap *hb, u8 *digest, gfp_t gfp,
			   struct hbitmap_pause *pause)
{
	struct digest *d;
	u64 bit, size, nbits;
	int err = 0;

	if (!IS_REACHABLE(CONFIG_CRYPTO_LIB_SHA256))
		return -EOPNOTSUPP;
	d = kzalloc(sizeof(*d), gfp);
	if (!d)
		return -ENOMEM;

	size = hbitmap_size(hb);
	nbits = bits_for(size, hb->granularity);
	/* The first record says what the bitmap is. */
	digest_record(d, hb->granularity, size, 0);
	for (bit = 0; bit < nbits && !err;) {
		bit = digest_slot(d, hb, bit, nbits);
		err = hbitmap_may_pause(pause, gfp);
	}
	if (d->regions)
		digest_record(d, d->kind, d->regions, 0);
	if (!err)
		memcpy(digest, d->step.before, HBITMAP_DIGEST_SIZE);
	kfree(d);
	return err;
}
EXPORT_SYMBOL_GPL(hbitmap_digest_pausing);

/**
 * hbitmap_digest() - A digest of size, granularity and content.
 * @hb: the bitmap
 * @digest: HBITMAP_DIGEST_SIZE bytes, set to the digest
 * @gfp: how to allocate
 *
 * The same on every machine, and whatever the history of the bitmap: equal digests
 * mean equal bitmaps. It is a chain of SHA-256 over runs of regions of
 * HBITMAP_LEAF_BITS groups; Documentation/hbitmap.rst has it byte by byte. Each leaf
 * is as it was at one moment.
 *
 * Context: As hbitmap_set(). The cost follows the leaves that exist.
 * Return: 0; -ENOMEM; -EOPNOTSUPP if the kernel was built without SHA-256
 * (CONFIG_CRYPTO_LIB_SHA256).
 */
int hbitmap_digest(const struct hbitmap *hb, u8 *digest, gfp_t gfp)
{
	return hbitmap_digest_pausing(hb, digest, gfp, NULL);
}
EXPORT_SYMBOL_GPL(hbitmap_digest);
