/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that print TAP. */
#ifndef TOOLS_TESTS_TAP_H
#define TOOLS_TESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
};

/* One array a file, ended by an empty element. */
extern const struct test parse_tests[];
extern const struct test format_tests[];
extern const struct test map_tests[];
extern const struct test extents_tests[];
extern const struct test cpr_tests[];
extern const struct test qcow2_tests[];
extern const struct test archive_tests[];
extern const struct test fuzz_tests[];
extern const struct test bars_tests[];

extern bool test_failed;

/* Says what was wrong and goes on, for the others to be seen too. */
#define CHECK(condition, ...) do {					\
	if (!(condition)) {						\
		test_failed = true;					\
		printf("# %s:%d: %s", __FILE__, __LINE__, #condition);	\
		printf(" " __VA_ARGS__);				\
		putchar('\n');						\
	}								\
} while (0)

#endif /* TOOLS_TESTS_TAP_H */
