// SPDX-License-Identifier: GPL-2.0
/* Runs all tests of what needs no kernel. */
#include "tap.h"
#include "util.h"

bool test_failed;

static const struct test *const files[] = {
	parse_tests, format_tests, map_tests, extents_tests, cpr_tests, qcow2_tests,
	archive_tests,
	fuzz_tests, bars_tests,
};

int main(void)
{
	const struct test *test;
	unsigned int nr = 0;
	bool failed = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		for (test = files[i]; test->name; test++)
			nr++;
	/* What was said before a crash must be seen. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%u\n", nr);
	nr = 0;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		for (test = files[i]; test->name; test++) {
			test_failed = false;
			test->run();
			printf("%sok %u %s\n", test_failed ? "not " : "", ++nr,
			       test->name);
			failed |= test_failed;
		}
	}
	return failed;
}
