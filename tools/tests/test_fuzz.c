// SPDX-License-Identifier: GPL-2.0
/*
 * A short run of each fuzzer, always the same one: make fuzz is the long one.
 * The environment has FUZZ_DIR, where they are, with their seeds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

static void show(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[200];

	while (file && fgets(line, sizeof(line), file))
		printf("# %.190s%s", line, strchr(line, '\n') ? "" : "\n");
	if (file)
		fclose(file);
}

static void run(const char *fuzzer, unsigned int runs)
{
	const char *dir = getenv("FUZZ_DIR");
	char command[1000];
	char log[300];

	CHECK(dir, "FUZZ_DIR is not set");
	if (!dir)
		return;
	/* What it finds goes into a directory that is empty to begin with. */
	snprintf(log, sizeof(log), "%s/%s.log", dir, fuzzer);
	snprintf(command, sizeof(command),
		 "cd '%s' && rm -rf short && mkdir short || exit\n"
		 "set -- -seed=1 -max_len=16384 -timeout=60 -artifact_prefix=crash-\n"
		 "./%s -runs=%u \"$@\" short seeds/%s >'%s' 2>&1",
		 dir, fuzzer, runs, fuzzer, log);
	if (!system(command))
		return;
	test_failed = true;
	show(log);
}

static void test_fuzz_qcow2(void)
{
	run("fuzz_qcow2", 20000);
}

static void test_fuzz_extents(void)
{
	run("fuzz_extents", 50000);
}

static void test_fuzz_archive(void)
{
	run("fuzz_archive", 50000);
}

static void test_fuzz_cpr(void)
{
	run("fuzz_cpr", 50000);
}

const struct test fuzz_tests[] = {
	{ "a short run of fuzz_qcow2", test_fuzz_qcow2 },
	{ "a short run of fuzz_extents", test_fuzz_extents },
	{ "a short run of fuzz_cpr", test_fuzz_cpr },
	{ "a short run of fuzz_archive", test_fuzz_archive },
	{ 0 }
};
