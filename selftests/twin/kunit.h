/* SPDX-License-Identifier: GPL-2.0 */
/* Between the runner of tests and the program around it. */
#ifndef _TWIN_KUNIT_H
#define _TWIN_KUNIT_H

#include <linux/types.h>

struct kunit_case;
struct kunit_suite;

struct twin_options {
	const char *filter;
	unsigned int repeat;
	unsigned int timeout;	/* seconds per case */
	bool times;
	bool hidden;		/* the suites that are planted bugs, not others */
};

struct kunit_suite *twin_suites(void);
bool twin_chosen(const struct kunit_suite *suite,
		 const struct kunit_case *test_case,
		 const struct twin_options *options);
unsigned int twin_run_suite(struct kunit_suite *suite,
			    const struct twin_options *options);
void twin_last_words(const char *why);

#endif /* _TWIN_KUNIT_H */
