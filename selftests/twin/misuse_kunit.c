// SPDX-License-Identifier: GPL-2.0
/* What the shims must find: each case misuses one of them and is told so. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <twin.h>

/* Runs @code, and wants @n findings of which the last one says @text. */
#define EXPECT_FOUND(test, n, text, code)				\
do {									\
	int __found;							\
									\
	twin_expect_begin();						\
	code;								\
	__found = twin_expect_end();					\
	KUNIT_EXPECT_EQ_MSG(test, __found, n, "%s", twin_expected());	\
	KUNIT_EXPECT_TRUE_MSG(test, !!strstr(twin_expected(), text),	\
			      "%s", twin_expected());			\
} while (0)

static void sleeping_under_a_spinlock(struct kunit *test)
{
	DEFINE_SPINLOCK(lock);
	DEFINE_MUTEX(mutex);

	spin_lock(&lock);
	EXPECT_FOUND(test, 1, "atomic", kfree(kmalloc(1, GFP_KERNEL)));
	EXPECT_FOUND(test, 1, "atomic", kfree(kmalloc(1, GFP_KERNEL | __GFP_NOFAIL)));
	EXPECT_FOUND(test, 0, "", kfree(kmalloc(1, GFP_ATOMIC)));
	EXPECT_FOUND(test, 0, "", kfree(kmalloc(1, GFP_NOWAIT)));
	EXPECT_FOUND(test, 1, "atomic", might_alloc(GFP_KERNEL));
	EXPECT_FOUND(test, 1, "atomic", might_sleep());
	EXPECT_FOUND(test, 1, "atomic", cond_resched());
	EXPECT_FOUND(test, 1, "atomic", msleep(0));
	EXPECT_FOUND(test, 1, "atomic", usleep_range(0, 1));
	EXPECT_FOUND(test, 1, "atomic", kvfree(NULL));
	EXPECT_FOUND(test, 1, "atomic", vfree(NULL));
	EXPECT_FOUND(test, 1, "atomic", synchronize_rcu());
	EXPECT_FOUND(test, 1, "atomic", rcu_barrier());
	EXPECT_FOUND(test, 1, "atomic", mutex_lock(&mutex));
	mutex_unlock(&mutex);
	spin_unlock(&lock);
}

static void sleeping_in_other_atomic_contexts(struct kunit *test)
{
	unsigned long flags;

	rcu_read_lock();
	EXPECT_FOUND(test, 1, "rcu_read_lock depth 1", might_sleep());
	rcu_read_unlock();
	local_bh_disable();
	EXPECT_FOUND(test, 1, "bh off 1", might_sleep());
	local_bh_enable();
	preempt_disable();
	EXPECT_FOUND(test, 1, "preemption off 1", might_sleep());
	preempt_enable();
	local_irq_save(flags);
	EXPECT_FOUND(test, 1, "irqs off 1", might_sleep());
	local_irq_restore(flags);
	EXPECT_FOUND(test, 0, "", might_sleep());
}

static void sleep_in_callback(struct rcu_head *head)
{
	might_sleep();
	kfree(head);
}

static void sleeping_in_an_rcu_callback(struct kunit *test)
{
	struct rcu_head *head = kmalloc(sizeof(*head), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, head);
	EXPECT_FOUND(test, 1, "in softirq 1", {
		call_rcu(head, sleep_in_callback);
		rcu_barrier();
	});
}

static void dereferencing_outside_of_a_reader(struct kunit *test)
{
	int __rcu *pointer = NULL;
	DEFINE_SPINLOCK(lock);

	EXPECT_FOUND(test, 1, "suspicious RCU usage", rcu_dereference(pointer));
	EXPECT_FOUND(test, 1, "suspicious RCU usage",
		     rcu_dereference_check(pointer, lockdep_is_held(&lock)));
	EXPECT_FOUND(test, 1, "suspicious RCU usage",
		     rcu_dereference_protected(pointer, lockdep_is_held(&lock)));
	EXPECT_FOUND(test, 0, "", rcu_dereference_raw(pointer));
	EXPECT_FOUND(test, 0, "", rcu_access_pointer(pointer));
	spin_lock(&lock);
	EXPECT_FOUND(test, 0, "",
		     rcu_dereference_protected(pointer, lockdep_is_held(&lock)));
	spin_unlock(&lock);
	rcu_read_lock();
	EXPECT_FOUND(test, 0, "", rcu_dereference(pointer));
	rcu_read_unlock();
}

static void leaving_a_section_that_was_not_entered(struct kunit *test)
{
	EXPECT_FOUND(test, 1, "without rcu_read_lock()", rcu_read_unlock());
}

struct held {
	spinlock_t lock;	/* guards nothing: it is held, or not */
	struct completion taken;
	struct completion leave;
};

static int hold(void *arg)
{
	struct held *held = arg;

	spin_lock(&held->lock);
	complete(&held->taken);
	while (!completion_done(&held->leave))
		udelay(1);
	spin_unlock(&held->lock);
	return 0;
}

/* Held by another thread is not held. */
static void asserting_a_lock_that_is_not_ours(struct kunit *test)
{
	struct held *held = kunit_kzalloc(test, sizeof(*held), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, held);
	spin_lock_init(&held->lock);
	init_completion(&held->taken);
	init_completion(&held->leave);
	EXPECT_FOUND(test, 1, "not held", lockdep_assert_held(&held->lock));
	EXPECT_FOUND(test, 1, "not locked", assert_spin_locked(&held->lock));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(hold, held, "holder"));
	wait_for_completion(&held->taken);
	EXPECT_FOUND(test, 1, "not held", lockdep_assert_held(&held->lock));
	EXPECT_FOUND(test, 0, "", assert_spin_locked(&held->lock));
	complete(&held->leave);
	spin_lock(&held->lock);
	EXPECT_FOUND(test, 0, "", lockdep_assert_held(&held->lock));
	EXPECT_FOUND(test, 1, "held", lockdep_assert_not_held(&held->lock));
	spin_unlock(&held->lock);
}

static void using_a_lock_that_was_not_initialized(struct kunit *test)
{
	spinlock_t zero = { { 0 } };
	struct mutex mutex = { 0 };

	EXPECT_FOUND(test, 1, "was not initialized", {
		spin_lock(&zero);
		spin_unlock(&zero);
	});
	EXPECT_FOUND(test, 1, "was not initialized", {
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
	});
}

static void nesting_locks_of_one_class(struct kunit *test)
{
	spinlock_t locks[2];
	int i;

	for (i = 0; i < 2; i++)
		spin_lock_init(&locks[i]);
	spin_lock(&locks[0]);
	EXPECT_FOUND(test, 1, "two locks of class", spin_lock(&locks[1]));
	spin_unlock(&locks[1]);
	EXPECT_FOUND(test, 0, "",
		     spin_lock_nested(&locks[1], SINGLE_DEPTH_NESTING));
	spin_unlock(&locks[1]);
	spin_unlock(&locks[0]);
}

static void taking_locks_in_a_circle(struct kunit *test)
{
	spinlock_t a, b, c;

	spin_lock_init(&a);
	spin_lock_init(&b);
	spin_lock_init(&c);
	spin_lock(&a);
	EXPECT_FOUND(test, 0, "", spin_lock(&b));
	spin_unlock(&b);
	spin_unlock(&a);
	spin_lock(&b);
	EXPECT_FOUND(test, 0, "", spin_lock(&c));
	spin_unlock(&c);
	spin_unlock(&b);
	spin_lock(&c);
	EXPECT_FOUND(test, 1, "lock order", spin_lock(&a));
	spin_unlock(&a);
	spin_unlock(&c);
}

/* Guards nothing. */
static spinlock_t softirq_lock;

static void lock_in_callback(struct rcu_head *head)
{
	spin_lock(&softirq_lock);
	spin_unlock(&softirq_lock);
	kfree(head);
}

static void taking_a_softirq_lock_with_softirqs_on(struct kunit *test)
{
	struct rcu_head *head = kmalloc(sizeof(*head), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, head);
	spin_lock_init(&softirq_lock);
	spin_lock_bh(&softirq_lock);
	spin_unlock_bh(&softirq_lock);
	EXPECT_FOUND(test, 0, "", {
		call_rcu(head, lock_in_callback);
		rcu_barrier();
	});
	EXPECT_FOUND(test, 1, "use spin_lock_bh()", spin_lock(&softirq_lock));
	spin_unlock(&softirq_lock);
}

static void unlocking_what_is_not_ours(struct kunit *test)
{
	DEFINE_SPINLOCK(lock);
	DEFINE_MUTEX(mutex);

	EXPECT_FOUND(test, 1, "does not hold it", spin_unlock(&lock));
	EXPECT_FOUND(test, 2, "does not hold it", mutex_unlock(&mutex));
}

static void writing_a_seqcount_without_its_lock(struct kunit *test)
{
	seqcount_spinlock_t seq;
	DEFINE_SPINLOCK(lock);

	seqcount_spinlock_init(&seq, &lock);
	EXPECT_FOUND(test, 1, "holds no spinlock", write_seqcount_begin(&seq));
	spin_lock(&lock);
	EXPECT_FOUND(test, 1, "has begun already", write_seqcount_begin(&seq));
	write_seqcount_invalidate(&seq);
	EXPECT_FOUND(test, 1, "no writer has begun", write_seqcount_end(&seq));
	spin_unlock(&lock);
}

static void freeing_by_the_wrong_function(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("wrong", 8, 0, 0, NULL);
	void *page = (void *)__get_free_page(GFP_KERNEL);
	void *small = kmalloc(8, GFP_KERNEL);
	void *large = kvmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	EXPECT_FOUND(test, 1, "wrong function", kfree(large));
	EXPECT_FOUND(test, 1, "wrong function", vfree(small));
	EXPECT_FOUND(test, 1, "wrong function", kfree(page));
	EXPECT_FOUND(test, 1, "wrong function", kvfree(object));
	EXPECT_FOUND(test, 1, "with 1 objects in use", kmem_cache_destroy(cache));
	kmem_cache_free(cache, object);
	EXPECT_FOUND(test, 1, "was freed before", kmem_cache_free(cache, object));
	kmem_cache_destroy(cache);
	kvfree(large);
	kfree(small);
	free_page((unsigned long)page);
}

static void freeing_a_held_lock(struct kunit *test)
{
	struct held *held = kmalloc(sizeof(*held), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, held);
	spin_lock_init(&held->lock);
	spin_lock(&held->lock);
	EXPECT_FOUND(test, 1, "held lock is freed", kfree(held));
	EXPECT_FOUND(test, 2, "ends in atomic context", twin_check_idle("a test"));
}

static void asking_for_too_much(struct kunit *test)
{
	EXPECT_FOUND(test, 1, "use kvmalloc()",
		     kfree(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL)));
	EXPECT_FOUND(test, 1, "kvmalloc()", kvfree(kvmalloc(1UL << 31, GFP_KERNEL)));
	EXPECT_FOUND(test, 0, "",
		     kvfree(kvmalloc(1UL << 31, GFP_KERNEL | __GFP_NOWARN)));
}

static void asking_for_the_cpu_when_preemptible(struct kunit *test)
{
	EXPECT_FOUND(test, 1, "preemptible", smp_processor_id());
	preempt_disable();
	EXPECT_FOUND(test, 0, "", smp_processor_id());
	preempt_enable();
}

static void dropping_a_reference_too_many(struct kunit *test)
{
	refcount_t ref = REFCOUNT_INIT(0);
	bool last;

	EXPECT_FOUND(test, 1, "underflow", last = refcount_dec_and_test(&ref));
	KUNIT_EXPECT_FALSE(test, last);
	refcount_set(&ref, 0);
	EXPECT_FOUND(test, 1, "use-after-free", refcount_inc(&ref));
}

static void warnings_are_findings(struct kunit *test)
{
	int i, fired = 0;

	for (i = 0; i < 2; i++)
		EXPECT_FOUND(test, 1, "i >= 0", fired += WARN_ON_ONCE(i >= 0));
	EXPECT_FOUND(test, 1, "number 7", fired += WARN(true, "number %d", 7));
	EXPECT_FOUND(test, 0, "", fired += WARN_ON(i < 0));
	KUNIT_EXPECT_EQ(test, fired, 3);
}

static void nothing(struct work_struct *work)
{
}

static void destroying_a_workqueue_with_a_timer(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("timer", 0, 0);
	struct delayed_work work;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, wq);
	INIT_DELAYED_WORK(&work, nothing);
	queue_delayed_work(wq, &work, 1000 * HZ);
	EXPECT_FOUND(test, 1, "delayed work armed", destroy_workqueue(wq));
	KUNIT_EXPECT_FALSE(test, cancel_delayed_work(&work));
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(sleeping_under_a_spinlock),
	KUNIT_CASE(sleeping_in_other_atomic_contexts),
	KUNIT_CASE(sleeping_in_an_rcu_callback),
	KUNIT_CASE(dereferencing_outside_of_a_reader),
	KUNIT_CASE(leaving_a_section_that_was_not_entered),
	KUNIT_CASE(asserting_a_lock_that_is_not_ours),
	KUNIT_CASE(using_a_lock_that_was_not_initialized),
	KUNIT_CASE(nesting_locks_of_one_class),
	KUNIT_CASE(taking_locks_in_a_circle),
	KUNIT_CASE(taking_a_softirq_lock_with_softirqs_on),
	KUNIT_CASE(unlocking_what_is_not_ours),
	KUNIT_CASE(writing_a_seqcount_without_its_lock),
	KUNIT_CASE(freeing_by_the_wrong_function),
	KUNIT_CASE(freeing_a_held_lock),
	KUNIT_CASE(asking_for_too_much),
	KUNIT_CASE(asking_for_the_cpu_when_preemptible),
	KUNIT_CASE(dropping_a_reference_too_many),
	KUNIT_CASE(warnings_are_findings),
	KUNIT_CASE(destroying_a_workqueue_with_a_timer),
	{}
};

/* What is done wrong here on purpose must not be held against others. */
static int misuse_init(struct kunit *test)
{
	twin_forget_lock_order();
	return 0;
}

static void misuse_exit(struct kunit *test)
{
	twin_forget_lock_order();
}

static struct kunit_suite misuse_suite = {
	.name = "twin_misuse",
	.init = misuse_init,
	.exit = misuse_exit,
	.test_cases = misuse_cases,
};

kunit_test_suite(misuse_suite);
