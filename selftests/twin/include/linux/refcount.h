/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_REFCOUNT_H
#define _TWIN_LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

#define REFCOUNT_INIT(n)	{ .refs = ATOMIC_INIT(n) }

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
	return atomic_read(&r->refs);
}

static inline __must_check bool refcount_inc_not_zero(refcount_t *r)
{
	int old = atomic_fetch_add_unless(&r->refs, 1, 0);

	WARN(old < 0, "refcount_t: saturated; leaking memory");
	return old != 0;
}

static inline void refcount_inc(refcount_t *r)
{
	int old = atomic_fetch_inc_relaxed(&r->refs);

	WARN(old <= 0, "refcount_t: addition on %d; use-after-free", old);
}

static inline __must_check bool refcount_dec_and_test(refcount_t *r)
{
	int old = atomic_fetch_dec(&r->refs);

	WARN(old <= 0, "refcount_t: underflow; use-after-free");
	return old == 1;
}

static inline void refcount_dec(refcount_t *r)
{
	WARN(atomic_fetch_dec_release(&r->refs) <= 1,
	     "refcount_t: decrement hit 0; leaking memory");
}

#endif /* _TWIN_LINUX_REFCOUNT_H */
