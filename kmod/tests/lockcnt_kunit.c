// SPDX-License-Identifier: GPL-2.0
/*
 * What lockcnt promises, as tests. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/lockcnt.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#ifdef QDS_TWIN
#include <twin.h>
#endif

static void begins_with_no_visit_and_unlocked(struct kunit *test)
{
	static DEFINE_LOCKCNT(defined);
	struct lockcnt lc;

	memset(&lc, 0xff, sizeof(lc));
	lockcnt_init(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	KUNIT_EXPECT_EQ(test, lockcnt_count(&defined), 0U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&defined));
	KUNIT_ASSERT_TRUE(test, lockcnt_trylock(&defined));
	lockcnt_unlock(&defined);
}

static void visits_are_counted(struct kunit *test)
{
	struct lockcnt lc;
	unsigned int i;

	lockcnt_init(&lc);
	for (i = 0; i < 100; i++) {
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), i);
		if (i % 2)
			lockcnt_inc(&lc);
		else
			KUNIT_EXPECT_EQ(test, lockcnt_inc_killable(&lc), 0);
	}
	for (; i; i--) {
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), i);
		lockcnt_dec(&lc);
	}
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
}

static void the_lock_has_one_holder(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_lock(&lc);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	KUNIT_EXPECT_FALSE(test, lockcnt_trylock(&lc));
	lockcnt_unlock(&lc);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	KUNIT_ASSERT_TRUE(test, lockcnt_trylock(&lc));
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);
	KUNIT_ASSERT_EQ(test, lockcnt_lock_killable(&lc), 0);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
}

static void visits_begin_and_end_beside_the_lock_while_there_is_one(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_inc(&lc);
	lockcnt_lock(&lc);
	lockcnt_inc(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_inc_killable(&lc), 0);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 3U);
	lockcnt_dec(&lc);
	lockcnt_dec(&lc);
	lockcnt_dec(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);
}

static void the_lock_can_be_held_throughout_a_visit(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_inc(&lc);
	lockcnt_lock(&lc);
	lockcnt_unlock(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
	KUNIT_ASSERT_TRUE(test, lockcnt_trylock(&lc));
	lockcnt_unlock(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
	lockcnt_dec(&lc);
}

static void dec_and_lock_locks_for_the_last_visit_alone(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_inc(&lc);
	lockcnt_inc(&lc);
	KUNIT_EXPECT_FALSE(test, lockcnt_dec_and_lock(&lc));
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	KUNIT_ASSERT_TRUE(test, lockcnt_dec_and_lock(&lc));
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);

	lockcnt_inc(&lc);
	lockcnt_inc(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_dec_and_lock_killable(&lc), 0);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
	KUNIT_ASSERT_EQ(test, lockcnt_dec_and_lock_killable(&lc), 1);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);
}

static void dec_if_lock_leaves_the_count_unless_it_locks(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_inc(&lc);
	lockcnt_inc(&lc);
	KUNIT_EXPECT_FALSE(test, lockcnt_dec_if_lock(&lc));
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 2U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	lockcnt_dec(&lc);
	KUNIT_ASSERT_TRUE(test, lockcnt_dec_if_lock(&lc));
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_inc_and_unlock(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	lockcnt_dec(&lc);
}

/* Others, who wait */

/**
 * struct other - a thread that makes one call
 * @lc: on what
 * @call: the call
 * @result: what it returned
 * @called: it is about to be made
 * @returned: it was
 * @task: the thread
 */
struct other {
	struct lockcnt *lc;
	int (*call)(struct lockcnt *lc);
	int result;
	struct completion called;
	struct completion returned;
	struct task_struct *task;
};

static int other_main(void *data)
{
	struct other *other = data;

	allow_signal(SIGKILL);
	complete(&other->called);
	other->result = other->call(other->lc);
	complete(&other->returned);
	while (!kthread_should_stop())
		usleep_range(200, 1000);
	return 0;
}

static void other_begin(struct kunit *test, struct other *other, struct lockcnt *lc,
			int (*call)(struct lockcnt *lc))
{
	*other = (struct other){ .lc = lc, .call = call };
	init_completion(&other->called);
	init_completion(&other->returned);
	other->task = kthread_run(other_main, other, "lockcnt");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other->task));
	wait_for_completion(&other->called);
}

static void other_waits(struct kunit *test, struct other *other)
{
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&other->returned, HZ / 50));
}

static int other_end(struct kunit *test, struct other *other)
{
	bool in_time = wait_for_completion_timeout(&other->returned, 20 * HZ);

	KUNIT_ASSERT_TRUE(test, in_time);
	kthread_stop(other->task);
	return other->result;
}

static int call_inc(struct lockcnt *lc)
{
	lockcnt_inc(lc);
	return 0;
}

/* Taking and giving back, so that the test can go on with the lock. */
static int call_lock(struct lockcnt *lc)
{
	lockcnt_lock(lc);
	lockcnt_unlock(lc);
	return 0;
}

static int call_lock_killable(struct lockcnt *lc)
{
	int rc = lockcnt_lock_killable(lc);

	if (!rc)
		lockcnt_unlock(lc);
	return rc;
}

static int call_dec_and_lock(struct lockcnt *lc)
{
	bool locked = lockcnt_dec_and_lock(lc);

	if (locked)
		lockcnt_unlock(lc);
	return locked;
}

static int call_dec_and_lock_killable(struct lockcnt *lc)
{
	int locked = lockcnt_dec_and_lock_killable(lc);

	if (locked == 1)
		lockcnt_unlock(lc);
	return locked;
}

static int call_dec_if_lock(struct lockcnt *lc)
{
	bool locked = lockcnt_dec_if_lock(lc);

	if (locked)
		lockcnt_unlock(lc);
	return locked;
}

static void the_first_visit_waits_for_the_lock(struct kunit *test)
{
	static int (*const calls[])(struct lockcnt *lc) = {
		call_inc, lockcnt_inc_killable,
	};
	struct other other;
	struct lockcnt lc;
	unsigned int i;

	lockcnt_init(&lc);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		lockcnt_lock(&lc);
		other_begin(test, &other, &lc, calls[i]);
		other_waits(test, &other);
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
		lockcnt_unlock(&lc);
		KUNIT_EXPECT_EQ(test, other_end(test, &other), 0);
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
		lockcnt_dec(&lc);
	}
}

static void the_lock_is_waited_for(struct kunit *test)
{
	static int (*const calls[])(struct lockcnt *lc) = {
		call_lock, call_lock_killable,
	};
	struct other other;
	struct lockcnt lc;
	unsigned int i;

	lockcnt_init(&lc);
	for (i = 0; i < 2 * ARRAY_SIZE(calls); i++) {
		/* Visits make no difference. */
		if (i == ARRAY_SIZE(calls))
			lockcnt_inc(&lc);
		lockcnt_lock(&lc);
		other_begin(test, &other, &lc, calls[i % ARRAY_SIZE(calls)]);
		other_waits(test, &other);
		lockcnt_unlock(&lc);
		KUNIT_EXPECT_EQ(test, other_end(test, &other), 0);
	}
	lockcnt_dec(&lc);
}

static void all_who_wait_are_woken(struct kunit *test)
{
	struct other others[6];
	struct lockcnt lc;
	unsigned int i;

	lockcnt_init(&lc);
	lockcnt_lock(&lc);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		other_begin(test, &others[i], &lc, i % 2 ? call_inc : call_lock);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		other_waits(test, &others[i]);
	lockcnt_unlock(&lc);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		other_end(test, &others[i]);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 3U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	while (!lockcnt_dec_and_lock(&lc))
		;
	lockcnt_unlock(&lc);
}

static void the_last_visit_waits_for_the_lock_to_end(struct kunit *test)
{
	static int (*const calls[])(struct lockcnt *lc) = {
		call_dec_and_lock, call_dec_and_lock_killable, call_dec_if_lock,
	};
	struct other other;
	struct lockcnt lc;
	unsigned int i;

	lockcnt_init(&lc);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		lockcnt_inc(&lc);
		lockcnt_lock(&lc);
		other_begin(test, &other, &lc, calls[i]);
		other_waits(test, &other);
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 1U);
		lockcnt_unlock(&lc);
		KUNIT_EXPECT_EQ(test, other_end(test, &other), 1);
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
	}
}

static void it_may_no_longer_be_the_last_when_the_lock_is_free(struct kunit *test)
{
	static const struct {
		int (*call)(struct lockcnt *lc);
		unsigned int left;
	} cases[] = {
		{ call_dec_and_lock, 1 },
		{ call_dec_and_lock_killable, 1 },
		{ call_dec_if_lock, 2 },
	};
	struct other other;
	struct lockcnt lc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		lockcnt_init(&lc);
		lockcnt_inc(&lc);
		lockcnt_lock(&lc);
		other_begin(test, &other, &lc, cases[i].call);
		other_waits(test, &other);
		lockcnt_inc_and_unlock(&lc);
		KUNIT_EXPECT_EQ(test, other_end(test, &other), 0);
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), cases[i].left);
		KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
	}
}

static void inc_and_unlock_lets_waiters_in(struct kunit *test)
{
	struct other visitor, locker;
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_lock(&lc);
	other_begin(test, &visitor, &lc, call_inc);
	other_begin(test, &locker, &lc, call_lock);
	other_waits(test, &visitor);
	other_waits(test, &locker);
	lockcnt_inc_and_unlock(&lc);
	other_end(test, &visitor);
	other_end(test, &locker);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 2U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
}

static void who_is_killed_changes_nothing(struct kunit *test)
{
	static const struct {
		int (*call)(struct lockcnt *lc);
		unsigned int visits;
	} cases[] = {
		{ lockcnt_inc_killable, 0 },
		{ call_lock_killable, 0 },
		{ call_lock_killable, 3 },
		{ call_dec_and_lock_killable, 1 },
	};
	struct other other;
	struct lockcnt lc;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		lockcnt_init(&lc);
		for (k = 0; k < cases[i].visits; k++)
			lockcnt_inc(&lc);
		lockcnt_lock(&lc);
		other_begin(test, &other, &lc, cases[i].call);
		other_waits(test, &other);
		send_sig(SIGKILL, other.task, 1);
		KUNIT_EXPECT_EQ(test, other_end(test, &other), -EINTR);
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), cases[i].visits);
		KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
		lockcnt_unlock(&lc);
		KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
		KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), cases[i].visits);
		KUNIT_ASSERT_TRUE(test, lockcnt_trylock(&lc));
		lockcnt_unlock(&lc);
	}
}

/*
 * The patterns of Documentation/lockcnt.rst. What stands there is here to the letter,
 * with what its callers would do around it.
 */

struct xyz {
	unsigned int value;
};

static struct xyz *xyz;
static struct lockcnt xyz_lockcnt;

#define use(p)	KUNIT_EXPECT_EQ(test, READ_ONCE((p)->value), 42U)

static void example_set(struct kunit *test)
{
	struct xyz *new_xyz;

	lockcnt_lock(&xyz_lockcnt);
	if (!xyz) {
		new_xyz = kzalloc(sizeof(*new_xyz), GFP_KERNEL);
		if (new_xyz) {
			new_xyz->value = 42;
			/* Filled before it is seen: pairs with the load of visits. */
			smp_store_release(&xyz, new_xyz);
		}
	}
	lockcnt_unlock(&xyz_lockcnt);
}

static void example_access(struct kunit *test)
{
	struct xyz *p;

	lockcnt_inc(&xyz_lockcnt);
	/* Pairs with the store of who has set it. */
	p = smp_load_acquire(&xyz);
	if (p)
		use(p);
	lockcnt_dec(&xyz_lockcnt);
}

static void example_free(struct kunit *test)
{
	lockcnt_lock(&xyz_lockcnt);
	if (!lockcnt_count(&xyz_lockcnt)) {
		kfree(xyz);
		WRITE_ONCE(xyz, NULL);
	}
	lockcnt_unlock(&xyz_lockcnt);
}

static void example_access_and_free(struct kunit *test)
{
	struct xyz *p;

	lockcnt_inc(&xyz_lockcnt);
	/* Pairs with the store of who has set it. */
	p = smp_load_acquire(&xyz);
	if (p)
		use(p);
	if (lockcnt_dec_and_lock(&xyz_lockcnt)) {
		kfree(xyz);
		WRITE_ONCE(xyz, NULL);
		lockcnt_unlock(&xyz_lockcnt);
	}
}

static void a_variable_is_set_accessed_and_freed(struct kunit *test)
{
	lockcnt_init(&xyz_lockcnt);
	example_access(test);
	example_set(test);
	KUNIT_ASSERT_NOT_NULL(test, xyz);
	example_set(test);
	example_access(test);
	lockcnt_inc(&xyz_lockcnt);
	example_free(test);
	KUNIT_EXPECT_NOT_NULL(test, xyz);
	example_access_and_free(test);
	KUNIT_EXPECT_NOT_NULL(test, xyz);
	lockcnt_dec(&xyz_lockcnt);
	example_free(test);
	KUNIT_EXPECT_NULL(test, xyz);
	example_access(test);
	example_set(test);
	example_access_and_free(test);
	KUNIT_EXPECT_NULL(test, xyz);
}

struct handler {
	void (*fn)(struct handler *handler);
	bool deleted;
	struct list_head node;
	/* What the tests look at. */
	struct kunit *test;
	struct handler *victim;
	unsigned int calls;
};

static LIST_HEAD(handlers);
static struct lockcnt handlers_lockcnt;
static unsigned int nr_freed;

static void handler_free(struct handler *handler)
{
	nr_freed++;
	kfree(handler);
}

static void example_walk(struct kunit *test)
{
	struct handler *handler, *next;

	lockcnt_inc(&handlers_lockcnt);
	list_for_each_entry_lockless(handler, &handlers, node)
		if (!READ_ONCE(handler->deleted))
			handler->fn(handler);
	if (lockcnt_dec_and_lock(&handlers_lockcnt)) {
		list_for_each_entry_safe(handler, next, &handlers, node) {
			if (handler->deleted) {
				list_del(&handler->node);
				handler_free(handler);
			}
		}
		lockcnt_unlock(&handlers_lockcnt);
	}
}

static void example_walk_and_free(struct kunit *test)
{
	struct handler *handler, *next;

	lockcnt_inc(&handlers_lockcnt);
	list_for_each_entry_safe(handler, next, &handlers, node) {
		if (READ_ONCE(handler->deleted)) {
			if (lockcnt_dec_if_lock(&handlers_lockcnt)) {
				list_del(&handler->node);
				handler_free(handler);
				lockcnt_inc_and_unlock(&handlers_lockcnt);
			}
		} else {
			handler->fn(handler);
		}
	}
	lockcnt_dec(&handlers_lockcnt);
}

static struct handler *handler_add(struct kunit *test, void (*fn)(struct handler *handler))
{
	struct handler *handler = kzalloc(sizeof(*handler), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, handler);
	handler->fn = fn;
	handler->test = test;
	lockcnt_lock(&handlers_lockcnt);
	list_add_tail_rcu(&handler->node, &handlers);
	lockcnt_unlock(&handlers_lockcnt);
	return handler;
}

static void handler_count(struct handler *handler)
{
	handler->calls++;
}

static void handler_delete_victim(struct handler *handler)
{
	handler->calls++;
	if (handler->victim)
		WRITE_ONCE(handler->victim->deleted, true);
	handler->victim = NULL;
}

/* Walks again, as a callback may; then nothing can be freed by the inner walk. */
static void handler_walk_again(struct handler *handler)
{
	if (handler->calls++)
		return;
	WRITE_ONCE(handler->deleted, true);
	example_walk(handler->test);
	KUNIT_EXPECT_EQ(handler->test, nr_freed, 0U);
}

static void walk_over_those_who_leave(struct kunit *test, void (*walk)(struct kunit *test))
{
	struct handler *first, *self, *last;

	lockcnt_init(&handlers_lockcnt);
	nr_freed = 0;
	handler_add(test, handler_walk_again);
	first = handler_add(test, handler_delete_victim);
	self = handler_add(test, handler_delete_victim);
	first->victim = handler_add(test, handler_count);
	self->victim = self;
	last = handler_add(test, handler_count);
	walk(test);
	walk(test);
	/* The first of all, the one after and the one that was a victim. */
	KUNIT_EXPECT_EQ(test, nr_freed, 3U);
	KUNIT_EXPECT_GE(test, first->calls, 2U);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&handlers_lockcnt), 0U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&handlers_lockcnt));
	first->victim = first;
	last->deleted = true;
	walk(test);
	walk(test);
	KUNIT_EXPECT_TRUE(test, list_empty(&handlers));
}

static void a_list_is_walked_and_freed_from_at_the_end(struct kunit *test)
{
	walk_over_those_who_leave(test, example_walk);
}

static void a_list_is_walked_and_freed_from_on_the_way(struct kunit *test)
{
	walk_over_those_who_leave(test, example_walk_and_free);
}

/* Many at a time */

/* As many as find work on few CPUs; ThreadSanitizer takes its time. */
#define TEAM		4
#define TEAM_STEPS	(IS_ENABLED(CONFIG_KCSAN) ? 4000 : 20000)

struct thing {
	unsigned long alive;
	unsigned long copy;
};

/**
 * struct team - threads that visit one thing, and make and free it
 * @lc: guards it
 * @thing: it, or NULL
 * @holders: of the lock, which is never more than one; not atomic
 * @made: things, under the lock
 * @freed: things, under the lock
 * @errors: what a thread has found wrong
 * @visits: that have found a thing
 * @working: threads that are not done
 */
struct team {
	struct lockcnt lc;
	struct thing *thing;
	unsigned int holders;
	unsigned int made;
	unsigned int freed;
	atomic_t errors;
	atomic_t visits;
	atomic_t working;
};

struct member {
	struct team *team;
	u32 random;
	struct task_struct *task;
};

static void team_locked(struct team *team)
{
	if (team->holders++)
		atomic_inc(&team->errors);
}

static void team_unlocks(struct team *team)
{
	team->holders--;
}

static void team_make(struct team *team)
{
	struct thing *thing;

	if (team->thing)
		return;
	thing = kmalloc(sizeof(*thing), GFP_KERNEL);
	if (!thing)
		return;
	thing->alive = team->made;
	thing->copy = team->made++;
	/* Pairs with team_look(). */
	smp_store_release(&team->thing, thing);
}

static void team_free(struct team *team)
{
	struct thing *thing = team->thing;

	if (!thing)
		return;
	team->freed++;
	WRITE_ONCE(team->thing, NULL);
	/* Plain stores: who still reads is a race. */
	thing->alive = 1;
	thing->copy = 0;
	kfree(thing);
}

static void team_look(struct team *team)
{
	/* Pairs with team_make(). */
	struct thing *thing = smp_load_acquire(&team->thing);

	if (!thing)
		return;
	atomic_inc(&team->visits);
	if (thing->alive != thing->copy)
		atomic_inc(&team->errors);
}

static void member_lock(struct team *team, u32 how)
{
	if (how % 3 == 0)
		lockcnt_lock(&team->lc);
	else if (how % 3 == 1 && lockcnt_lock_killable(&team->lc))
		return;
	else if (how % 3 == 2 && !lockcnt_trylock(&team->lc))
		return;
	team_locked(team);
	if (how & 8)
		team_make(team);
	else if (!lockcnt_count(&team->lc))
		team_free(team);
	team_unlocks(team);
	if (how & 16) {
		lockcnt_unlock(&team->lc);
		return;
	}
	lockcnt_inc_and_unlock(&team->lc);
	team_look(team);
	lockcnt_dec(&team->lc);
}

static void member_visit(struct team *team, u32 how)
{
	lockcnt_inc(&team->lc);
	team_look(team);
	if (how & 8) {
		lockcnt_inc(&team->lc);
		team_look(team);
		lockcnt_dec(&team->lc);
	}
	if (how % 3 == 0 && lockcnt_dec_if_lock(&team->lc)) {
		team_locked(team);
		team_free(team);
		team_unlocks(team);
		lockcnt_inc_and_unlock(&team->lc);
	}
	if (how & 16) {
		lockcnt_dec(&team->lc);
	} else if (lockcnt_dec_and_lock(&team->lc)) {
		team_locked(team);
		if (how & 32)
			team_free(team);
		team_unlocks(team);
		lockcnt_unlock(&team->lc);
	}
}

static int member_main(void *data)
{
	struct member *m = data;
	unsigned int step;

	for (step = 0; step < TEAM_STEPS; step++) {
		m->random = m->random * 1664525 + 1013904223;
		if ((m->random >> 8) % 4)
			member_visit(m->team, m->random >> 16);
		else
			member_lock(m->team, m->random >> 16);
		cond_resched();
	}
	atomic_dec(&m->team->working);
	while (!kthread_should_stop())
		usleep_range(200, 1000);
	return 0;
}

static void what_is_visited_is_never_freed(struct kunit *test)
{
	struct member members[TEAM];
	static struct team team;
	unsigned int i;

	memset(&team, 0, sizeof(team));
	lockcnt_init(&team.lc);
	atomic_set(&team.working, TEAM);
	for (i = 0; i < TEAM; i++) {
		members[i] = (struct member){ .team = &team, .random = i };
		members[i].task = kthread_run(member_main, &members[i], "lockcnt/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(members[i].task));
	}
	while (atomic_read(&team.working))
		usleep_range(200, 1000);
	for (i = 0; i < TEAM; i++)
		kthread_stop(members[i].task);
	KUNIT_EXPECT_EQ(test, atomic_read(&team.errors), 0);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&team.lc), 0U);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&team.lc));
	/* All of it has been done. */
	KUNIT_EXPECT_GT(test, team.freed, 10U);
	KUNIT_EXPECT_GT(test, atomic_read(&team.visits), 100);
	team_free(&team);
	KUNIT_EXPECT_EQ(test, team.freed, team.made);
}

#ifdef QDS_TWIN
/* What is warned of, where a warning is no failure if it was expected. */

static void expect_leaking(struct kunit *test, struct lockcnt *lc)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, lockcnt_count(lc), LOCKCNT_SATURATED);
	for (i = 0; i < 10; i++)
		lockcnt_dec(lc);
	KUNIT_EXPECT_FALSE(test, lockcnt_dec_and_lock(lc));
	KUNIT_EXPECT_EQ(test, lockcnt_dec_and_lock_killable(lc), 0);
	KUNIT_EXPECT_FALSE(test, lockcnt_dec_if_lock(lc));
	KUNIT_EXPECT_EQ(test, lockcnt_count(lc), LOCKCNT_SATURATED);
	lockcnt_lock(lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(lc), LOCKCNT_SATURATED);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(lc));
	lockcnt_unlock(lc);
	KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(lc));
	twin_expect_begin();
	lockcnt_inc(lc);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	KUNIT_EXPECT_EQ(test, lockcnt_count(lc), LOCKCNT_SATURATED);
}

static void too_many_visits_saturate(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	atomic_set(&lc.word, INT_MAX - 3 - 4);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), LOCKCNT_MAX - 1);
	lockcnt_inc(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), LOCKCNT_MAX);
	lockcnt_lock(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), LOCKCNT_MAX);
	twin_expect_begin();
	lockcnt_inc(&lc);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);
	expect_leaking(test, &lc);

	lockcnt_init(&lc);
	atomic_set(&lc.word, INT_MAX - 3);
	lockcnt_lock(&lc);
	twin_expect_begin();
	lockcnt_inc_and_unlock(&lc);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	expect_leaking(test, &lc);
}

static void call_dec(struct lockcnt *lc)
{
	lockcnt_dec(lc);
}

static void call_dec_and_lock_once(struct lockcnt *lc)
{
	if (lockcnt_dec_and_lock(lc))
		lockcnt_unlock(lc);
}

static void call_dec_if_lock_once(struct lockcnt *lc)
{
	if (lockcnt_dec_if_lock(lc))
		lockcnt_unlock(lc);
}

static void ending_what_has_not_begun_saturates(struct kunit *test)
{
	static void (*const calls[])(struct lockcnt *lc) = {
		call_dec, call_dec_and_lock_once, call_dec_if_lock_once,
	};
	struct lockcnt lc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		lockcnt_init(&lc);
		twin_expect_begin();
		calls[i](&lc);
		KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
		KUNIT_EXPECT_FALSE(test, lockcnt_is_locked(&lc));
		expect_leaking(test, &lc);
	}
	lockcnt_init(&lc);
	lockcnt_lock(&lc);
	twin_expect_begin();
	lockcnt_dec(&lc);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	KUNIT_EXPECT_TRUE(test, lockcnt_is_locked(&lc));
	lockcnt_unlock(&lc);
	expect_leaking(test, &lc);
}

static void unlocking_what_is_not_locked_is_warned_of(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	twin_expect_begin();
	lockcnt_unlock(&lc);
	KUNIT_EXPECT_GE(test, twin_expect_end(), 1);
	twin_expect_begin();
	lockcnt_inc_and_unlock(&lc);
	KUNIT_EXPECT_GE(test, twin_expect_end(), 1);
}
#endif

#if defined(QDS_TWIN) && defined(TWIN_DEBUG)
/* Did @a wait, or might it have, with @b held, after it was the other way round? */
static int inversions(struct lockcnt *a, struct lockcnt *b, int (*call)(struct lockcnt *lc))
{
	int found;

	twin_forget_lock_order();
	lockcnt_lock(a);
	lockcnt_lock(b);
	lockcnt_unlock(b);
	lockcnt_unlock(a);
	lockcnt_lock(b);
	twin_expect_begin();
	call(a);
	found = twin_expect_end();
	lockcnt_unlock(b);
	twin_forget_lock_order();
	return found;
}

static int call_trylock(struct lockcnt *lc)
{
	if (lockcnt_trylock(lc))
		lockcnt_unlock(lc);
	return 0;
}

static void lockdep_sees_inversions(struct kunit *test)
{
	struct lockcnt a, b;

	lockcnt_init(&a);
	lockcnt_init(&b);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_lock), 1);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_lock_killable), 1);
	/* What never waits cannot be waited for in a circle. */
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_trylock), 0);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_inc), 1);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_inc), 0);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, lockcnt_inc_killable), 0);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&a), 3U);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_dec_and_lock), 1);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_dec_and_lock), 1);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, call_dec_if_lock), 1);
	KUNIT_EXPECT_EQ(test, inversions(&a, &b, lockcnt_inc_killable), 1);
	lockcnt_dec(&a);
}

static void lockdep_sees_recursion(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	lockcnt_lock(&lc);
	/* It would wait for ever: who is killed does not. */
	current->killed = true;
	twin_expect_begin();
	KUNIT_EXPECT_EQ(test, lockcnt_inc_killable(&lc), -EINTR);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	twin_expect_begin();
	KUNIT_EXPECT_EQ(test, lockcnt_lock_killable(&lc), -EINTR);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	current->killed = false;
	lockcnt_unlock(&lc);
	KUNIT_EXPECT_EQ(test, lockcnt_count(&lc), 0U);
}

static void the_first_visit_may_sleep(struct kunit *test)
{
	struct lockcnt lc;

	lockcnt_init(&lc);
	preempt_disable();
	twin_expect_begin();
	lockcnt_inc(&lc);
	KUNIT_EXPECT_EQ(test, twin_expect_end(), 1);
	/* Another never does. */
	lockcnt_inc(&lc);
	lockcnt_dec(&lc);
	lockcnt_dec(&lc);
	preempt_enable();
}
#endif

static struct kunit_case lockcnt_cases[] = {
	KUNIT_CASE(begins_with_no_visit_and_unlocked),
	KUNIT_CASE(visits_are_counted),
	KUNIT_CASE(the_lock_has_one_holder),
	KUNIT_CASE(visits_begin_and_end_beside_the_lock_while_there_is_one),
	KUNIT_CASE(the_lock_can_be_held_throughout_a_visit),
	KUNIT_CASE(dec_and_lock_locks_for_the_last_visit_alone),
	KUNIT_CASE(dec_if_lock_leaves_the_count_unless_it_locks),
	KUNIT_CASE(the_first_visit_waits_for_the_lock),
	KUNIT_CASE(the_lock_is_waited_for),
	KUNIT_CASE(all_who_wait_are_woken),
	KUNIT_CASE(the_last_visit_waits_for_the_lock_to_end),
	KUNIT_CASE(it_may_no_longer_be_the_last_when_the_lock_is_free),
	KUNIT_CASE(inc_and_unlock_lets_waiters_in),
	KUNIT_CASE(who_is_killed_changes_nothing),
	KUNIT_CASE(a_variable_is_set_accessed_and_freed),
	KUNIT_CASE(a_list_is_walked_and_freed_from_at_the_end),
	KUNIT_CASE(a_list_is_walked_and_freed_from_on_the_way),
	KUNIT_CASE(what_is_visited_is_never_freed),
#ifdef QDS_TWIN
	KUNIT_CASE(too_many_visits_saturate),
	KUNIT_CASE(ending_what_has_not_begun_saturates),
	KUNIT_CASE(unlocking_what_is_not_locked_is_warned_of),
#endif
#if defined(QDS_TWIN) && defined(TWIN_DEBUG)
	KUNIT_CASE(lockdep_sees_inversions),
	KUNIT_CASE(lockdep_sees_recursion),
	KUNIT_CASE(the_first_visit_may_sleep),
#endif
	{}
};

static struct kunit_suite lockcnt_suite = {
	.name = "lockcnt",
	.test_cases = lockcnt_cases,
};

kunit_test_suite(lockcnt_suite);

MODULE_DESCRIPTION("KUnit tests of lockcnt");
MODULE_LICENSE("GPL");
