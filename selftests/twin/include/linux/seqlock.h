/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readers use marked accesses: ThreadSanitizer reports a plain one that runs
 * beside a writer, even if the section is then retried.
 */
#ifndef _TWIN_LINUX_SEQLOCK_H
#define _TWIN_LINUX_SEQLOCK_H

#include <asm/barrier.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/types.h>

typedef struct seqcount {
	unsigned int sequence;
} seqcount_t;

typedef struct {
	seqcount_t seqcount;
} seqcount_spinlock_t;

typedef struct {
	seqcount_t seqcount;
} seqcount_raw_spinlock_t;

typedef struct {
	seqcount_t seqcount;
} seqcount_mutex_t;

static_assert(sizeof(seqcount_spinlock_t) == 4);

#define SEQCNT_ZERO(name)			{ .sequence = 0 }
#define SEQCNT_SPINLOCK_ZERO(name, lock)	{ .seqcount = { 0 } }
#define SEQCNT_RAW_SPINLOCK_ZERO(name, lock)	{ .seqcount = { 0 } }
#define SEQCNT_MUTEX_ZERO(name, lock)		{ .seqcount = { 0 } }

#define seqcount_init(s)	((void)((s)->sequence = 0))

#define __twin_seqcount_lock_init(s, lock_type, lock)			\
do {									\
	const lock_type *__seq_lock = (lock);				\
									\
	(void)__seq_lock;						\
	(s)->seqcount.sequence = 0;					\
} while (0)

#define seqcount_spinlock_init(s, lock) \
	__twin_seqcount_lock_init(s, spinlock_t, lock)
#define seqcount_raw_spinlock_init(s, lock) \
	__twin_seqcount_lock_init(s, raw_spinlock_t, lock)
#define seqcount_mutex_init(s, lock) \
	__twin_seqcount_lock_init(s, struct mutex, lock)

/* The count in any of the types, and whether its writers may be preempted. */
#define __seqprop_ptr(s) ((seqcount_t *)_Generic(*(s),			\
	seqcount_t: (s), seqcount_spinlock_t: (s),			\
	seqcount_raw_spinlock_t: (s), seqcount_mutex_t: (s)))
#define __seqprop_spins(s) _Generic(*(s), seqcount_mutex_t: false, default: true)

void twin_seqcount_wait(const seqcount_t *s);

static __always_inline unsigned int twin_seqcount_begin(const seqcount_t *s)
{
	unsigned int seq = smp_load_acquire(&s->sequence);

	while (unlikely(seq & 1)) {
		twin_seqcount_wait(s);
		seq = smp_load_acquire(&s->sequence);
	}
	twin_perturb();
	return seq;
}

static __always_inline bool twin_seqcount_retry(const seqcount_t *s,
						unsigned int start)
{
	smp_rmb();	/* the section's reads before that of the count */
	return unlikely(READ_ONCE(s->sequence) != start);
}

/* The release is what ThreadSanitizer sees; smp_wmb() orders what follows. */
static __always_inline void twin_write_seqcount_begin(seqcount_t *s)
{
	WRITE_ONCE(s->sequence, s->sequence + 1);
	smp_wmb();
	twin_perturb();
}

static __always_inline void twin_write_seqcount_end(seqcount_t *s)
{
	smp_store_release(&s->sequence, s->sequence + 1);
}

#ifdef TWIN_DEBUG
void twin_check_write_begin(const seqcount_t *s, bool spins);
void twin_check_write_end(const seqcount_t *s);
#else
static inline void twin_check_write_begin(const seqcount_t *s, bool spins)
{
}

static inline void twin_check_write_end(const seqcount_t *s)
{
}
#endif

#define read_seqcount_begin(s)		twin_seqcount_begin(__seqprop_ptr(s))
#define raw_read_seqcount_begin(s)	twin_seqcount_begin(__seqprop_ptr(s))
#define read_seqcount_retry(s, start)	twin_seqcount_retry(__seqprop_ptr(s), start)
#define __read_seqcount_begin(s)	twin_seqcount_begin(__seqprop_ptr(s))
#define __read_seqcount_retry(s, start)	\
	unlikely(READ_ONCE(__seqprop_ptr(s)->sequence) != (start))

/* The count as it stands, odd while a writer is at work. */
#define raw_read_seqcount(s)	smp_load_acquire(&__seqprop_ptr(s)->sequence)
/* An odd count is made even: the section will be retried. */
#define raw_seqcount_begin(s)	(raw_read_seqcount(s) & ~1U)

#define raw_write_seqcount_begin(s)	twin_write_seqcount_begin(__seqprop_ptr(s))
#define raw_write_seqcount_end(s)	twin_write_seqcount_end(__seqprop_ptr(s))

#define write_seqcount_begin_nested(s, subclass)			\
do {									\
	twin_check_write_begin(__seqprop_ptr(s), __seqprop_spins(s));	\
	twin_write_seqcount_begin(__seqprop_ptr(s));			\
	(void)(subclass);						\
} while (0)

#define write_seqcount_begin(s)		write_seqcount_begin_nested(s, 0)

#define write_seqcount_end(s)						\
do {									\
	twin_check_write_end(__seqprop_ptr(s));				\
	twin_write_seqcount_end(__seqprop_ptr(s));			\
} while (0)

/* Makes every section that has begun retry. */
#define write_seqcount_invalidate(s)					\
do {									\
	seqcount_t *__seq = __seqprop_ptr(s);				\
									\
	smp_wmb();							\
	WRITE_ONCE(__seq->sequence, __seq->sequence + 2);		\
} while (0)

typedef struct {
	seqcount_spinlock_t seqcount;
	spinlock_t lock;	/* of the writers */
} seqlock_t;

#define seqlock_init(sl)						\
do {									\
	spin_lock_init(&(sl)->lock);					\
	seqcount_spinlock_init(&(sl)->seqcount, &(sl)->lock);		\
} while (0)

#define DEFINE_SEQLOCK(sl) \
	seqlock_t sl = { .lock = __SPIN_LOCK_UNLOCKED((sl).lock) }

static inline unsigned int read_seqbegin(const seqlock_t *sl)
{
	return read_seqcount_begin(&sl->seqcount);
}

static inline unsigned int read_seqretry(const seqlock_t *sl, unsigned int start)
{
	return read_seqcount_retry(&sl->seqcount, start);
}

static inline void write_seqlock(seqlock_t *sl)
{
	spin_lock(&sl->lock);
	write_seqcount_begin(&sl->seqcount);
}

static inline void write_sequnlock(seqlock_t *sl)
{
	write_seqcount_end(&sl->seqcount);
	spin_unlock(&sl->lock);
}

#endif /* _TWIN_LINUX_SEQLOCK_H */
