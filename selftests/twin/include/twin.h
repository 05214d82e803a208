/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test suite may ask of the twin beyond the kernel's API:
 *
 *	#ifdef QDS_TWIN
 *	#include <twin.h>
 *	#endif
 */
#ifndef _TWIN_H
#define _TWIN_H

#include <linux/sched.h>
#include <linux/types.h>

/**
 * twin_fail_nth() - let an allocation of this thread fail
 * @n: which one, from 1 on; 0 calls it off
 *
 * The same as current->fail_nth = n, which a kernel with fault injection knows.
 */
static inline void twin_fail_nth(unsigned int n)
{
	current->fail_nth = n;
	current->fail_on = false;
	current->fail_seen = false;
}

/**
 * twin_fail_from() - let an allocation of this thread fail, and all after it
 * @n: which one, from 1 on
 *
 * Until twin_fail_fired() or twin_fail_nth().
 */
static inline void twin_fail_from(unsigned int n)
{
	twin_fail_nth(n);
	current->fail_on = true;
}

/* While @fail, no worker of a workqueue gets any memory. */
void twin_fail_workers(bool fail);

/**
 * twin_fail_fired() - has the allocation that was to fail been reached?
 *
 * Calls the failure off if it has not.
 *
 * Return: true if an allocation failed since twin_fail_nth().
 */
static inline bool twin_fail_fired(void)
{
	bool fired = !current->fail_nth || current->fail_seen;

	twin_fail_nth(0);
	return fired;
}

/*
 * A file with module_init(), as insmod and rmmod treat it: its parameters have
 * their initial values, or those of the program's --param, then those of
 * @parameters ("name=value name=value").
 */
int twin_load_module(const char *name, const char *parameters);
void twin_unload_module(const char *name);
long long twin_module_param(const char *module, const char *name);

/* Objects allocated and not freed, of all threads. */
long twin_nr_allocated(void);

/* Most spinlocks that a thread held at once since the last reset. */
int twin_max_spin_depth(void);
void twin_reset_max_spin_depth(void);

/* All that is known of the order of locks and of their use in softirqs. */
#ifdef TWIN_DEBUG
void twin_forget_lock_order(void);
#endif

/* How often cond_resched() was called, by all threads. */
unsigned long twin_nr_cond_resched(void);

/*
 * Between the two, what a shim finds is counted and does not fail the test.
 * twin_expect_end() returns the count, twin_expected() the last finding's text.
 */
void twin_expect_begin(void);
int twin_expect_end(void);
const char *twin_expected(void);

#endif /* _TWIN_H */
