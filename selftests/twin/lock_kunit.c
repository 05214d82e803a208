// SPDX-License-Identifier: GPL-2.0
/* What the twin's locks, seqcounts, atomics and counters promise. */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/percpu_counter.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <twin.h>

#define THREADS	2
#define ROUNDS	5000

/* What the threads of a case share. Plain members need a lock. */
struct shared {
	spinlock_t spin;	/* guards @plain, @left and @right, as */
	raw_spinlock_t raw;
	seqcount_spinlock_t seq;
	seqlock_t seqlock;
	struct mutex mutex;	/* each of the others does in its case */
	struct percpu_counter counter;
	struct llist_head list;
	unsigned long plain;
	u64 left, right;
	atomic_t atomic;
	atomic64_t atomic64;
	unsigned long bits;
	u32 word;
	atomic_t errors;
	void (*work)(struct shared *shared);
	atomic_t ready;
	struct completion done;
};

static int thread_main(void *arg)
{
	struct shared *shared = arg;
	unsigned int i;

	/* Not asleep: all of them shall be on a CPU when they begin. */
	atomic_inc(&shared->ready);
	while (atomic_read(&shared->ready) < THREADS)
		cpu_relax();
	for (i = 0; i < ROUNDS; i++)
		shared->work(shared);
	complete(&shared->done);
	return 0;
}

static void run(struct kunit *test, void (*work)(struct shared *shared))
{
	struct shared *shared = test->priv;
	unsigned int i;

	shared->work = work;
	for (i = 0; i < THREADS; i++)
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(thread_main, shared,
							       "lock/%u", i));
	for (i = 0; i < THREADS; i++)
		wait_for_completion(&shared->done);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->errors), 0);
}

static int lock_init(struct kunit *test)
{
	struct shared *shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);

	if (!shared)
		return -ENOMEM;
	spin_lock_init(&shared->spin);
	raw_spin_lock_init(&shared->raw);
	seqcount_spinlock_init(&shared->seq, &shared->spin);
	seqlock_init(&shared->seqlock);
	mutex_init(&shared->mutex);
	init_completion(&shared->done);
	init_llist_head(&shared->list);
	test->priv = shared;
	return percpu_counter_init(&shared->counter, 0, GFP_KERNEL);
}

static void lock_exit(struct kunit *test)
{
	struct shared *shared = test->priv;

	percpu_counter_destroy(&shared->counter);
}

/* With room for another thread between the read and the write. */
static void add_one(struct shared *shared)
{
	unsigned long sum = shared->plain;

	cpu_relax();
	barrier();
	shared->plain = sum + 1;
}

static void spin_work(struct shared *shared)
{
	unsigned long flags;

	spin_lock(&shared->spin);
	lockdep_assert_held(&shared->spin);
	add_one(shared);
	spin_unlock(&shared->spin);
	spin_lock_bh(&shared->spin);
	add_one(shared);
	spin_unlock_bh(&shared->spin);
	spin_lock_irqsave(&shared->spin, flags);
	add_one(shared);
	spin_unlock_irqrestore(&shared->spin, flags);
	while (!spin_trylock(&shared->spin))
		cond_resched();
	add_one(shared);
	spin_unlock(&shared->spin);
}

static void spinlock_excludes(struct kunit *test)
{
	struct shared *shared = test->priv;

	run(test, spin_work);
	KUNIT_EXPECT_EQ(test, shared->plain, 4 * THREADS * ROUNDS);
}

static void raw_work(struct shared *shared)
{
	raw_spin_lock(&shared->raw);
	add_one(shared);
	raw_spin_unlock(&shared->raw);
}

static void raw_spinlock_excludes(struct kunit *test)
{
	struct shared *shared = test->priv;

	run(test, raw_work);
	KUNIT_EXPECT_EQ(test, shared->plain, THREADS * ROUNDS);
}

static void mutex_work(struct shared *shared)
{
	mutex_lock(&shared->mutex);
	add_one(shared);
	cond_resched();
	mutex_unlock(&shared->mutex);
	while (!mutex_trylock(&shared->mutex))
		cond_resched();
	add_one(shared);
	mutex_unlock(&shared->mutex);
}

static void mutex_excludes(struct kunit *test)
{
	struct shared *shared = test->priv;

	run(test, mutex_work);
	KUNIT_EXPECT_EQ(test, shared->plain, 2 * THREADS * ROUNDS);
}

static void trylock_fails_when_held(struct kunit *test)
{
	struct shared *shared = test->priv;

	spin_lock(&shared->spin);
	KUNIT_EXPECT_TRUE(test, spin_is_locked(&shared->spin));
	KUNIT_EXPECT_FALSE(test, spin_trylock(&shared->spin));
	KUNIT_EXPECT_FALSE(test, spin_trylock_bh(&shared->spin));
	spin_unlock(&shared->spin);
	KUNIT_EXPECT_FALSE(test, spin_is_locked(&shared->spin));
	KUNIT_EXPECT_FALSE(test, in_softirq());
	mutex_lock(&shared->mutex);
	KUNIT_EXPECT_FALSE(test, mutex_trylock(&shared->mutex));
	mutex_unlock(&shared->mutex);
}

static void read_pair(struct shared *shared)
{
	unsigned int seq;
	u64 left, right;

	do {
		seq = read_seqcount_begin(&shared->seq);
		left = READ_ONCE(shared->left);
		right = READ_ONCE(shared->right);
	} while (read_seqcount_retry(&shared->seq, seq));
	if (left != right || (seq & 1))
		atomic_inc(&shared->errors);
}

static void seqcount_work(struct shared *shared)
{
	read_pair(shared);
	spin_lock(&shared->spin);
	write_seqcount_begin(&shared->seq);
	WRITE_ONCE(shared->left, shared->left + 1);
	WRITE_ONCE(shared->right, shared->right + 1);
	write_seqcount_end(&shared->seq);
	spin_unlock(&shared->spin);
	read_pair(shared);
}

static void seqcount_shows_no_half_write(struct kunit *test)
{
	struct shared *shared = test->priv;

	run(test, seqcount_work);
	KUNIT_EXPECT_EQ(test, shared->left, THREADS * ROUNDS);
	KUNIT_EXPECT_EQ(test, raw_read_seqcount(&shared->seq),
			2U * THREADS * ROUNDS);
}

static void seqcount_retries_after_a_write(struct kunit *test)
{
	struct shared *shared = test->priv;
	unsigned int seq = read_seqcount_begin(&shared->seq);

	KUNIT_EXPECT_FALSE(test, read_seqcount_retry(&shared->seq, seq));
	spin_lock(&shared->spin);
	write_seqcount_begin(&shared->seq);
	KUNIT_EXPECT_TRUE(test, read_seqcount_retry(&shared->seq, seq));
	KUNIT_EXPECT_EQ(test, raw_read_seqcount(&shared->seq), 1);
	KUNIT_EXPECT_EQ(test, raw_seqcount_begin(&shared->seq), 0);
	write_seqcount_end(&shared->seq);
	spin_unlock(&shared->spin);
	KUNIT_EXPECT_TRUE(test, read_seqcount_retry(&shared->seq, seq));
	seq = raw_read_seqcount_begin(&shared->seq);
	KUNIT_EXPECT_FALSE(test, read_seqcount_retry(&shared->seq, seq));
	write_seqcount_invalidate(&shared->seq);
	KUNIT_EXPECT_TRUE(test, read_seqcount_retry(&shared->seq, seq));
}

static void seqlock_work(struct shared *shared)
{
	u64 left, right;
	unsigned int seq;

	write_seqlock(&shared->seqlock);
	WRITE_ONCE(shared->left, shared->left + 1);
	WRITE_ONCE(shared->right, shared->right + 1);
	write_sequnlock(&shared->seqlock);
	do {
		seq = read_seqbegin(&shared->seqlock);
		left = READ_ONCE(shared->left);
		right = READ_ONCE(shared->right);
	} while (read_seqretry(&shared->seqlock, seq));
	if (left != right)
		atomic_inc(&shared->errors);
}

static void seqlock_shows_no_half_write(struct kunit *test)
{
	run(test, seqlock_work);
}

static void atomic_work(struct shared *shared)
{
	int i, old = atomic_read(&shared->atomic);

	for (i = 0; i < 20; i++)
		atomic_inc(&shared->atomic);
	atomic64_add(3, &shared->atomic64);
	change_bit(7, &shared->bits);
	while (!atomic_try_cmpxchg(&shared->atomic, &old, old + 1))
		;
	if (!test_and_set_bit_lock(0, &shared->bits)) {
		shared->plain++;
		clear_bit_unlock(0, &shared->bits);
	}
	if (cmpxchg(&shared->word, 0, 1) == 0) {
		shared->left++;
		smp_store_release(&shared->word, 0);
	}
}

static void atomics_lose_nothing(struct kunit *test)
{
	struct shared *shared = test->priv;

	run(test, atomic_work);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->atomic),
			21 * THREADS * ROUNDS);
	KUNIT_EXPECT_EQ(test, atomic64_read(&shared->atomic64),
			3 * THREADS * ROUNDS);
	KUNIT_EXPECT_EQ(test, shared->bits, 0);
	KUNIT_EXPECT_GT(test, shared->plain, 0);
	KUNIT_EXPECT_GT(test, shared->left, 0);
}

static void atomics_return_what_the_kernel_returns(struct kunit *test)
{
	atomic_t v = ATOMIC_INIT(5);
	refcount_t ref = REFCOUNT_INIT(1);
	u8 byte = 7;
	void *ptr = &v;

	KUNIT_EXPECT_EQ(test, atomic_add_return(2, &v), 7);
	KUNIT_EXPECT_EQ(test, atomic_fetch_sub(3, &v), 7);
	KUNIT_EXPECT_EQ(test, atomic_cmpxchg(&v, 4, 9), 4);
	KUNIT_EXPECT_EQ(test, atomic_cmpxchg(&v, 4, 8), 9);
	KUNIT_EXPECT_EQ(test, atomic_xchg(&v, 1), 9);
	KUNIT_EXPECT_TRUE(test, atomic_dec_and_test(&v));
	KUNIT_EXPECT_FALSE(test, atomic_inc_not_zero(&v));
	KUNIT_EXPECT_EQ(test, atomic_dec_if_positive(&v), -1);
	KUNIT_EXPECT_EQ(test, atomic_read(&v), 0);
	KUNIT_EXPECT_TRUE(test, atomic_add_negative(-1, &v));
	KUNIT_EXPECT_TRUE(test, refcount_inc_not_zero(&ref));
	KUNIT_EXPECT_FALSE(test, refcount_dec_and_test(&ref));
	KUNIT_EXPECT_TRUE(test, refcount_dec_and_test(&ref));
	KUNIT_EXPECT_FALSE(test, refcount_inc_not_zero(&ref));
	KUNIT_EXPECT_EQ(test, xchg(&byte, 8), 7);
	KUNIT_EXPECT_EQ(test, cmpxchg(&byte, 8, 9), 8);
	KUNIT_EXPECT_PTR_EQ(test, xchg(&ptr, NULL), &v);
	KUNIT_EXPECT_NULL(test, cmpxchg(&ptr, NULL, (void *)test));
	KUNIT_EXPECT_PTR_EQ(test, smp_load_acquire(&ptr), test);
}

static void counter_work(struct shared *shared)
{
	percpu_counter_add(&shared->counter, 3);
	percpu_counter_dec(&shared->counter);
	percpu_counter_add(&shared->counter, 1000);
	percpu_counter_sub(&shared->counter, 1000);
	cond_resched();
}

static void percpu_counter_sums_exactly(struct kunit *test)
{
	struct shared *shared = test->priv;
	struct percpu_counter *counter = &shared->counter;
	s64 expected = 2 * THREADS * ROUNDS;

	run(test, counter_work);
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(counter), expected);
	percpu_counter_add(counter, 5);
	expected += 5;
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(counter), expected);
	KUNIT_EXPECT_LE(test, abs(percpu_counter_read(counter) - expected),
			(THREADS + 1) * percpu_counter_batch);
	KUNIT_EXPECT_EQ(test, percpu_counter_compare(counter, expected), 0);
	KUNIT_EXPECT_EQ(test, percpu_counter_compare(counter, expected - 1), 1);
	KUNIT_EXPECT_EQ(test, percpu_counter_compare(counter, expected + 1), -1);
	percpu_counter_set(counter, -5);
	KUNIT_EXPECT_EQ(test, percpu_counter_sum(counter), -5);
	KUNIT_EXPECT_EQ(test, percpu_counter_sum_positive(counter), 0);
}

static void percpu_counter_reads_without_the_slots(struct kunit *test)
{
	struct shared *shared = test->priv;

	percpu_counter_add(&shared->counter, percpu_counter_batch - 1);
	KUNIT_EXPECT_EQ(test, percpu_counter_read(&shared->counter), 0);
	percpu_counter_inc(&shared->counter);
	KUNIT_EXPECT_EQ(test, percpu_counter_read(&shared->counter),
			percpu_counter_batch);
}

struct pushed {
	struct llist_node node;
	u32 value;
};

static void llist_keeps_the_order_of_pushes(struct kunit *test)
{
	struct pushed items[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
	struct shared *shared = test->priv;
	struct pushed *item, *n;
	u32 i, sum = 0;

	for (i = 0; i < ARRAY_SIZE(items); i++)
		KUNIT_EXPECT_EQ(test, llist_add(&items[i].node, &shared->list), !i);
	llist_for_each_entry_safe(item, n,
				  llist_reverse_order(llist_del_all(&shared->list)),
				  node)
		sum = sum * 10 + item->value;
	KUNIT_EXPECT_EQ(test, sum, 123);
	KUNIT_EXPECT_TRUE(test, llist_empty(&shared->list));
}

static void depth_of_spinlocks_is_known(struct kunit *test)
{
	struct shared *shared = test->priv;
	int before = twin_max_spin_depth();

	if (!IS_ENABLED(TWIN_DEBUG))
		kunit_skip(test, "this build keeps no account of locks");
	twin_reset_max_spin_depth();
	spin_lock(&shared->spin);
	spin_unlock(&shared->spin);
	KUNIT_EXPECT_EQ(test, twin_max_spin_depth(), 1);
	spin_lock(&shared->spin);
	raw_spin_lock(&shared->raw);
	raw_spin_unlock(&shared->raw);
	spin_unlock(&shared->spin);
	KUNIT_EXPECT_EQ(test, twin_max_spin_depth(), 2);
	KUNIT_EXPECT_GE(test, before, 0);
}

static struct kunit_case lock_cases[] = {
	KUNIT_CASE(spinlock_excludes),
	KUNIT_CASE(raw_spinlock_excludes),
	KUNIT_CASE(mutex_excludes),
	KUNIT_CASE(trylock_fails_when_held),
	KUNIT_CASE(seqcount_shows_no_half_write),
	KUNIT_CASE(seqcount_retries_after_a_write),
	KUNIT_CASE(seqlock_shows_no_half_write),
	KUNIT_CASE(atomics_lose_nothing),
	KUNIT_CASE(atomics_return_what_the_kernel_returns),
	KUNIT_CASE(percpu_counter_sums_exactly),
	KUNIT_CASE(percpu_counter_reads_without_the_slots),
	KUNIT_CASE(llist_keeps_the_order_of_pushes),
	KUNIT_CASE(depth_of_spinlocks_is_known),
	{}
};

static struct kunit_suite lock_suite = {
	.name = "twin_lock",
	.init = lock_init,
	.exit = lock_exit,
	.test_cases = lock_cases,
};

kunit_test_suite(lock_suite);
