/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hbitmap - a concurrent, sparse, hierarchical dirty bitmap.
 *
 * The contract is QEMU's HBitmap (util/hbitmap.c), with -EINVAL where QEMU
 * asserts, any operation allowed beside any other, and memory only for what is
 * neither all zero nor all one. Documentation/hbitmap.rst has the design.
 *
 * Names: an *item* is what the user counts in (a byte, a sector); a *bit*
 * stands for a group of 1 << granularity items; a *leaf* holds the bits of one
 * region; @size, @start and @count are always in items.
 */
#ifndef _LINUX_HBITMAP_H
#define _LINUX_HBITMAP_H

#include <linux/gfp.h>
#include <linux/types.h>

struct hbitmap;

/* Most bits that a bitmap can have; its items are 1 << granularity times as many. */
#define HBITMAP_MAX_BITS		(1ULL << 41)
/* Largest granularity that a bitmap can have, and that one can serialize with. */
#define HBITMAP_MAX_GRANULARITY		63
#define HBITMAP_MAX_SERIAL_GRANULARITY	57
/* Bits in the unit of serialization: chunks start at a multiple of it. */
#define HBITMAP_CHUNK_BITS		64
/* Bits in a leaf: what a reader sees as it was at one moment. */
#define HBITMAP_LEAF_SHIFT		14
#define HBITMAP_LEAF_BITS		(1UL << HBITMAP_LEAF_SHIFT)
/* Bytes of a digest. */
#define HBITMAP_DIGEST_SIZE		32

/**
 * struct hbitmap_range - items next to each other
 * @start: the first
 * @count: how many
 */
struct hbitmap_range {
	u64 start;
	u64 count;
};

struct hbitmap *hbitmap_alloc(u64 size, unsigned int granularity, gfp_t gfp);
void hbitmap_free(struct hbitmap *hb);

u64 hbitmap_size(const struct hbitmap *hb);
unsigned int hbitmap_granularity(const struct hbitmap *hb);
u64 hbitmap_count(const struct hbitmap *hb);
bool hbitmap_empty(const struct hbitmap *hb);
u64 hbitmap_memory(const struct hbitmap *hb);

int hbitmap_set(struct hbitmap *hb, u64 start, u64 count, gfp_t gfp);
int hbitmap_set_batch(struct hbitmap *hb, const struct hbitmap_range *ranges,
		      unsigned int n, gfp_t gfp, unsigned int *done);
int hbitmap_test_and_set(struct hbitmap *hb, u64 item, gfp_t gfp);
bool hbitmap_mark(struct hbitmap *hb, u64 start, u64 count);
int hbitmap_reset(struct hbitmap *hb, u64 start, u64 count, gfp_t gfp);
void hbitmap_reset_all(struct hbitmap *hb);
bool hbitmap_get(const struct hbitmap *hb, u64 item);

s64 hbitmap_next_dirty(const struct hbitmap *hb, u64 start, u64 count);
s64 hbitmap_next_zero(const struct hbitmap *hb, u64 start, u64 count);
bool hbitmap_next_dirty_area(const struct hbitmap *hb, u64 start, u64 end,
			     u64 max_count, u64 *area_start, u64 *area_count);
int hbitmap_status(const struct hbitmap *hb, u64 start, u64 count, u64 *same);
u64 hbitmap_count_range(const struct hbitmap *hb, u64 start, u64 count);

/**
 * struct hbitmap_iter - a walk over the dirty items of a bitmap
 * @hb: the bitmap
 * @next: the first item not yet looked at
 *
 * Needs no lock between steps. An item that is dirty all through the walk is
 * returned once; one that is reset before the walk reaches it is not.
 */
struct hbitmap_iter {
	const struct hbitmap *hb;
	u64 next;
};

/**
 * struct hbitmap_word - dirty groups next to each other
 * @item: the first item of the group that bit 0 stands for
 * @bits: bit i is set if the group i << granularity items later is dirty
 */
struct hbitmap_word {
	u64 item;
	unsigned long bits;
};

void hbitmap_iter_init(struct hbitmap_iter *iter, const struct hbitmap *hb,
		       u64 first);
s64 hbitmap_iter_next(struct hbitmap_iter *iter);
unsigned int hbitmap_iter_words(struct hbitmap_iter *iter, struct hbitmap_word *words,
				unsigned int n);

/**
 * hbitmap_for_each_dirty() - for each dirty group, its first item
 * @iter: &struct hbitmap_iter, the cursor
 * @hb: the bitmap
 * @item: s64, set to the first item of each dirty group in turn
 */
#define hbitmap_for_each_dirty(iter, hb, item)				\
	for (hbitmap_iter_init((iter), (hb), 0);			\
	     ((item) = hbitmap_iter_next(iter)) >= 0;)

int hbitmap_truncate(struct hbitmap *hb, u64 size, gfp_t gfp);
struct hbitmap *hbitmap_take(struct hbitmap *hb, gfp_t gfp);
struct hbitmap *hbitmap_clone(const struct hbitmap *hb, gfp_t gfp);
int hbitmap_merge(const struct hbitmap *a, const struct hbitmap *b,
		  struct hbitmap *result, gfp_t gfp);
int hbitmap_and(const struct hbitmap *a, const struct hbitmap *b,
		struct hbitmap *result, gfp_t gfp);
int hbitmap_andnot(const struct hbitmap *a, const struct hbitmap *b,
		   struct hbitmap *result, gfp_t gfp);
int hbitmap_xor(const struct hbitmap *a, const struct hbitmap *b,
		struct hbitmap *result, gfp_t gfp);

/**
 * struct hbitmap_pause - what a long operation does between bounded pieces of its work
 * @pause: called with this, under no lock of the library's; it may sleep if the
 *	operation may. Other than 0 ends the operation
 * @pieces: for the operation; 0 at the beginning
 */
struct hbitmap_pause {
	int (*pause)(struct hbitmap_pause *pause);
	unsigned int pieces;
};

/* The ways to merge, for hbitmap_merge_pausing(). */
enum hbitmap_merge_how {
	HBITMAP_MERGE_OR,
	HBITMAP_MERGE_AND,
	HBITMAP_MERGE_ANDNOT,
	HBITMAP_MERGE_XOR,
};

int hbitmap_merge_pausing(const struct hbitmap *a, const struct hbitmap *b,
			  struct hbitmap *result, enum hbitmap_merge_how how, gfp_t gfp,
			  struct hbitmap_pause *pause);
struct hbitmap *hbitmap_clone_pausing(const struct hbitmap *hb, gfp_t gfp,
				      struct hbitmap_pause *pause);

bool hbitmap_is_serializable(const struct hbitmap *hb);
u64 hbitmap_serialization_align(const struct hbitmap *hb);
u64 hbitmap_serialization_size(const struct hbitmap *hb, u64 start, u64 count);
int hbitmap_serialize_part(const struct hbitmap *hb, void *buf, u64 start,
			   u64 count);
int hbitmap_deserialize_part(struct hbitmap *hb, const void *buf, u64 start,
			     u64 count, gfp_t gfp);
int hbitmap_deserialize_zeroes(struct hbitmap *hb, u64 start, u64 count,
			       gfp_t gfp);
int hbitmap_deserialize_ones(struct hbitmap *hb, u64 start, u64 count,
			     gfp_t gfp);
void hbitmap_deserialize_finish(struct hbitmap *hb);
int hbitmap_digest(const struct hbitmap *hb, u8 *digest, gfp_t gfp);
int hbitmap_digest_pausing(const struct hbitmap *hb, u8 *digest, gfp_t gfp,
			   struct hbitmap_pause *pause);

int hbitmap_module_init(void);
void hbitmap_module_exit(void);

#endif /* _LINUX_HBITMAP_H */
