// SPDX-License-Identifier: GPL-2.0
/* Bits, strings, numbers and counters. */
#define TWIN_HOST
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/percpu_counter.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "internal.h"

/* The first set bit of addr[] ^ @flip at @offset or after it. */
static unsigned long find_from(const unsigned long *addr, unsigned long size,
			       unsigned long offset, unsigned long flip)
{
	unsigned long i, word;

	if (offset >= size)
		return size;
	i = BIT_WORD(offset);
	word = (addr[i] ^ flip) & BITMAP_FIRST_WORD_MASK(offset);
	while (!word) {
		if (++i >= BITS_TO_LONGS(size))
			return size;
		word = addr[i] ^ flip;
	}
	return min(i * BITS_PER_LONG + __ffs(word), size);
}

unsigned long find_next_bit(const unsigned long *addr, unsigned long size,
			    unsigned long offset)
{
	return find_from(addr, size, offset, 0);
}

unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size,
				 unsigned long offset)
{
	return find_from(addr, size, offset, ~0UL);
}

unsigned long find_last_bit(const unsigned long *addr, unsigned long size)
{
	unsigned long i = BITS_TO_LONGS(size);
	unsigned long mask = BITMAP_LAST_WORD_MASK(size);

	while (i--) {
		if (addr[i] & mask)
			return i * BITS_PER_LONG + __fls(addr[i] & mask);
		mask = ~0UL;
	}
	return size;
}

void bitmap_free(const unsigned long *bitmap)
{
	kfree(bitmap);
}

void bitmap_set(unsigned long *map, unsigned int start, unsigned int nbits)
{
	unsigned int i;

	for (i = start; i < start + nbits; i++)
		__set_bit(i, map);
}

void bitmap_clear(unsigned long *map, unsigned int start, unsigned int nbits)
{
	unsigned int i;

	for (i = start; i < start + nbits; i++)
		__clear_bit(i, map);
}

/* Word @i of a bitmap, without what lies beyond its last bit. */
static unsigned long word_of(const unsigned long *src, unsigned int i,
			     unsigned int nbits)
{
	return i == BIT_WORD(nbits) ? src[i] & BITMAP_LAST_WORD_MASK(nbits) :
	       src[i];
}

unsigned int bitmap_weight(const unsigned long *src, unsigned int nbits)
{
	unsigned int i, weight = 0;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		weight += hweight_long(word_of(src, i, nbits));
	return weight;
}

bool bitmap_equal(const unsigned long *src1, const unsigned long *src2,
		  unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		if (word_of(src1, i, nbits) != word_of(src2, i, nbits))
			return false;
	return true;
}

bool bitmap_subset(const unsigned long *src1, const unsigned long *src2,
		   unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		if (word_of(src1, i, nbits) & ~src2[i])
			return false;
	return true;
}

bool bitmap_intersects(const unsigned long *src1, const unsigned long *src2,
		       unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		if (word_of(src1, i, nbits) & src2[i])
			return true;
	return false;
}

void bitmap_or(unsigned long *dst, const unsigned long *src1,
	       const unsigned long *src2, unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		dst[i] = src1[i] | src2[i];
}

void bitmap_xor(unsigned long *dst, const unsigned long *src1,
		const unsigned long *src2, unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		dst[i] = src1[i] ^ src2[i];
}

bool bitmap_and(unsigned long *dst, const unsigned long *src1,
		const unsigned long *src2, unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		dst[i] = word_of(src1, i, nbits) & src2[i];
	return !bitmap_empty(dst, nbits);
}

bool bitmap_andnot(unsigned long *dst, const unsigned long *src1,
		   const unsigned long *src2, unsigned int nbits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nbits); i++)
		dst[i] = word_of(src1, i, nbits) & ~src2[i];
	return !bitmap_empty(dst, nbits);
}

void *twin_kmemdup(const void *src, size_t len, gfp_t gfp, const char *site)
{
	void *p = twin_kmalloc(len, gfp, site);

	return p ? memcpy(p, src, len) : NULL;
}

char *twin_kstrdup(const char *s, gfp_t gfp, const char *site)
{
	return s ? twin_kmemdup(s, strlen(s) + 1, gfp, site) : NULL;
}

ssize_t strscpy(char *dest, const char *src, size_t count)
{
	size_t len = strnlen(src, count);

	if (!count)
		return -E2BIG;
	if (len == count) {
		memcpy(dest, src, count - 1);
		dest[count - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dest, src, len + 1);
	return len;
}

/* The first byte that is not @c. */
void *memchr_inv(const void *start, int c, size_t bytes)
{
	const u8 *p = start;
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i] != (u8)c)
			return (void *)&p[i];
	return NULL;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	if ((size_t)len < size)
		return len;
	return size ? size - 1 : 0;
}

/* One write per call, so that what two threads print does not mix. */
int _printk(const char *fmt, ...)
{
	char text[1024], out[2048] = "";
	char *line, *rest = text;
	va_list args;
	int len = 0;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	while ((line = strsep(&rest, "\n")))
		if (*line || rest)
			len += scnprintf(out + len, sizeof(out) - len, "# %s\n",
					 line);
	fputs(out, stdout);
	fflush(stdout);
	return len;
}

void sort(void *base, size_t num, size_t size, cmp_func_t cmp_func,
	  swap_func_t swap_func)
{
	if (swap_func)
		twin_fatal("sort() with a swap function is not implemented");
	qsort(base, num, size, cmp_func);
}

static u64 random_seed;

void twin_seed(u64 seed)
{
	random_seed = seed;
}

u32 get_random_u32(void)
{
	static __thread struct rnd_state state;

	if (!state.s)
		prandom_seed_state(&state, random_seed + ((u64)twin_self.id << 32));
	return prandom_u32_state(&state);
}

u64 get_random_u64(void)
{
	return (u64)get_random_u32() << 32 | get_random_u32();
}

void get_random_bytes(void *buf, size_t len)
{
	u8 *p = buf;

	while (len--)
		*p++ = get_random_u32();
}

void prandom_bytes_state(struct rnd_state *state, void *buf, size_t nbytes)
{
	u8 *p = buf;

	while (nbytes--)
		*p++ = prandom_u32_state(state);
}

int percpu_counter_batch = 32;

int twin_percpu_counter_init(struct percpu_counter *fbc, s64 amount, gfp_t gfp,
			     struct lock_class_key *key, const char *site)
{
	twin_spin_init(&fbc->lock, key, "percpu_counter");
	fbc->count = amount;
	fbc->slots = twin_kmalloc((TWIN_MAX_THREADS + 1) * sizeof(*fbc->slots),
				  gfp | __GFP_ZERO, site);
	return fbc->slots ? 0 : -ENOMEM;
}

void percpu_counter_destroy(struct percpu_counter *fbc)
{
	kfree(fbc->slots);
	fbc->slots = NULL;
}

static unsigned long lock_counter(struct percpu_counter *fbc)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fbc->lock, flags);
	return flags;
}

/* The lock keeps a sum from seeing an amount twice, or not at all. */
void twin_percpu_counter_fold(struct percpu_counter *fbc, s64 amount)
{
	struct twin_counter_slot *slot = &fbc->slots[twin_self.id];
	unsigned long flags = lock_counter(fbc);

	WRITE_ONCE(fbc->count, fbc->count + slot->value + amount);
	WRITE_ONCE(slot->value, 0);
	raw_spin_unlock_irqrestore(&fbc->lock, flags);
}

void percpu_counter_set(struct percpu_counter *fbc, s64 amount)
{
	unsigned long flags = lock_counter(fbc);
	unsigned int i;

	for (i = 0; i <= TWIN_MAX_THREADS; i++)
		WRITE_ONCE(fbc->slots[i].value, 0);
	WRITE_ONCE(fbc->count, amount);
	raw_spin_unlock_irqrestore(&fbc->lock, flags);
}

s64 percpu_counter_sum(struct percpu_counter *fbc)
{
	unsigned long flags = lock_counter(fbc);
	s64 sum = fbc->count;
	unsigned int i;

	for (i = 0; i <= TWIN_MAX_THREADS; i++)
		sum += READ_ONCE(fbc->slots[i].value);
	raw_spin_unlock_irqrestore(&fbc->lock, flags);
	return sum;
}

/* -1, 0 or 1; exact only where the approximate count is too near to tell. */
int __percpu_counter_compare(struct percpu_counter *fbc, s64 rhs, s32 batch)
{
	s64 count = percpu_counter_read(fbc);

	if (abs(count - rhs) <= (s64)batch * TWIN_MAX_THREADS)
		count = percpu_counter_sum(fbc);
	return count < rhs ? -1 : count > rhs;
}
