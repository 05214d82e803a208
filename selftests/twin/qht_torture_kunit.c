// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the torture module for some seconds. For longer, and otherwise:
 *
 *	twin --filter qht_torture.as_asked --timeout 700 \
 *		--param qht_torture.runtime=600 --param qht_torture.nkeys=1000
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <twin.h>

#define MODULE "qht_torture"

/*
 * For @ms milliseconds, or for what the parameter says, or 3 seconds. Returns the
 * number of errors.
 */
static long long errors_of(struct kunit *test, unsigned int ms,
			   const char *parameters)
{
	unsigned int seconds;

	KUNIT_ASSERT_EQ(test, twin_load_module(MODULE, parameters), 0);
	seconds = twin_module_param(MODULE, "runtime");
	msleep(ms ? ms : 1000 * (seconds ? seconds : 3));
	twin_unload_module(MODULE);
	return twin_module_param(MODULE, "errors");
}

static void run(struct kunit *test, unsigned int ms, const char *parameters)
{
	KUNIT_EXPECT_EQ(test, errors_of(test, ms, parameters), 0LL);
}

static void as_asked(struct kunit *test)
{
	run(test, 0, "");
}

static void chains_are_long(struct kunit *test)
{
	run(test, 500, "auto_resize=0 min_elems=8 max_elems=512 nkeys=64");
}

static void hashes_are_bad(struct kunit *test)
{
	run(test, 500, "keys_per_hash=40 nkeys=64");
}

static void nothing_is_resized(struct kunit *test)
{
	run(test, 300,
	    "auto_resize=0 nresizers=0 weight_resize_up=0 weight_resize_down=0 min_elems=64");
}

static void table_is_reset(struct kunit *test)
{
	run(test, 500, "weight_reset=5");
}

static void memory_runs_out(struct kunit *test)
{
	run(test, 500, "fail_every=3");
}

static void ends_by_itself(struct kunit *test)
{
	run(test, 1200, "runtime=1 stutter=0 stat_interval=0");
}

static void is_stopped_at_once(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, twin_load_module(MODULE, ""), 0);
	twin_unload_module(MODULE);
	KUNIT_EXPECT_EQ(test, twin_module_param(MODULE, "errors"), 0LL);
}

static void finds_what_is_wrong(struct kunit *test)
{
	KUNIT_EXPECT_GT(test, errors_of(test, 200, "forget_every=10"), 0LL);
}

static void refuses_what_makes_no_sense(struct kunit *test)
{
	static const char *const parameters[] = {
		"nkeys=0", "keys_per_hash=0", "min_elems=2 max_elems=1",
		"auto_resize=3", "nreaders=2000", "nkeys=-1", "nkeys=few",
		"nkeys", "no_such_parameter=1",
		"weight_lookup=0 weight_lookup_batch=0 weight_insert=0 weight_get_or_insert=0 weight_replace=0 weight_remove=0 weight_walk=0 weight_iter_remove=0 weight_resize_up=0 weight_resize_down=0",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++)
		KUNIT_EXPECT_EQ(test, twin_load_module(MODULE, parameters[i]),
				-EINVAL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(as_asked),
	KUNIT_CASE(chains_are_long),
	KUNIT_CASE(hashes_are_bad),
	KUNIT_CASE(nothing_is_resized),
	KUNIT_CASE(table_is_reset),
	KUNIT_CASE(memory_runs_out),
	KUNIT_CASE(ends_by_itself),
	KUNIT_CASE(is_stopped_at_once),
	KUNIT_CASE(finds_what_is_wrong),
	KUNIT_CASE(refuses_what_makes_no_sense),
	{}
};

static struct kunit_suite suite = {
	.name = "qht_torture",
	.test_cases = cases,
};

kunit_test_suite(suite);
