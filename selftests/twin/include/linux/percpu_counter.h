/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A counter of one slot per thread, as the kernel's is of one per CPU: what a
 * slot has not yet handed to @count is missing from percpu_counter_read().
 */
#ifndef _TWIN_LINUX_PERCPU_COUNTER_H
#define _TWIN_LINUX_PERCPU_COUNTER_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <twin/debug.h>

struct twin_counter_slot {
	s32 value;
} ____cacheline_aligned;

struct percpu_counter {
	raw_spinlock_t lock;
	s64 count;
	struct twin_counter_slot *slots;
};

extern int percpu_counter_batch;

int twin_percpu_counter_init(struct percpu_counter *fbc, s64 amount, gfp_t gfp,
			     struct lock_class_key *key, const char *site);
void percpu_counter_destroy(struct percpu_counter *fbc);
void percpu_counter_set(struct percpu_counter *fbc, s64 amount);
void twin_percpu_counter_fold(struct percpu_counter *fbc, s64 amount);
s64 percpu_counter_sum(struct percpu_counter *fbc);
int __percpu_counter_compare(struct percpu_counter *fbc, s64 rhs, s32 batch);

#define percpu_counter_init(fbc, value, gfp)				\
({									\
	static struct lock_class_key __key;				\
									\
	twin_percpu_counter_init(fbc, value, gfp, &__key, TWIN_SITE);	\
})

/* Only the slot's own thread writes it, except under the lock in a sum's set. */
static __always_inline void
percpu_counter_add_batch(struct percpu_counter *fbc, s64 amount, s32 batch)
{
	struct twin_counter_slot *slot = &fbc->slots[twin_self.id];
	s64 sum = READ_ONCE(slot->value) + amount;

	if (likely(sum < batch && sum > -batch))
		WRITE_ONCE(slot->value, sum);
	else
		twin_percpu_counter_fold(fbc, amount);
}

static inline void percpu_counter_add(struct percpu_counter *fbc, s64 amount)
{
	percpu_counter_add_batch(fbc, amount, percpu_counter_batch);
}

static inline void percpu_counter_sub(struct percpu_counter *fbc, s64 amount)
{
	percpu_counter_add(fbc, -amount);
}

static inline void percpu_counter_inc(struct percpu_counter *fbc)
{
	percpu_counter_add(fbc, 1);
}

static inline void percpu_counter_dec(struct percpu_counter *fbc)
{
	percpu_counter_add(fbc, -1);
}

static inline s64 percpu_counter_read(struct percpu_counter *fbc)
{
	return READ_ONCE(fbc->count);
}

static inline s64 percpu_counter_read_positive(struct percpu_counter *fbc)
{
	s64 ret = percpu_counter_read(fbc);

	return ret >= 0 ? ret : 0;
}

static inline s64 percpu_counter_sum_positive(struct percpu_counter *fbc)
{
	s64 ret = percpu_counter_sum(fbc);

	return ret >= 0 ? ret : 0;
}

static inline int percpu_counter_compare(struct percpu_counter *fbc, s64 rhs)
{
	return __percpu_counter_compare(fbc, rhs, percpu_counter_batch);
}

static inline bool percpu_counter_initialized(struct percpu_counter *fbc)
{
	return fbc->slots;
}

#endif /* _TWIN_LINUX_PERCPU_COUNTER_H */
