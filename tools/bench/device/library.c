// SPDX-License-Identifier: GPL-2.0
/* The library's own lookups, done by the module qds_bench_library. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

#define PARAMETERS	"/sys/module/qds_bench_library/parameters/"
/* A write asks for so many lookups, beside which what it costs itself is little. */
#define LOOKUPS		16384

static int open_parameter(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return open(path, O_WRONLY | O_CLOEXEC);
}

static void put(int fd, const char *name, size_t number)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%zu", number);

	if (write(fd, text, size) != size)
		bench_die("qds_bench_library: %s of %zu: %s", name, number,
			  strerror(errno));
}

static void set(const char *name, size_t number)
{
	int fd = open_parameter(name);

	if (fd < 0)
		bench_die("qds_bench_library has no %s: %s", name, strerror(errno));
	put(fd, name, number);
	close(fd);
}

/* False if the module is not there. */
bool library_begin(size_t n)
{
	if (access(PARAMETERS, F_OK)) {
		bench_say("nothing of the library's own: qds_bench_library.ko is not loaded");
		return false;
	}
	set("entries", n);
	return true;
}

void library_check(size_t at_least)
{
	set("check", at_least);
}

void library_end(void)
{
	set("entries", 0);
}

static void write_on(struct bench_thread *thread, const char *name)
{
	int fd = open_parameter(name);

	if (fd < 0)
		bench_die("qds_bench_library has no %s: %s", name, strerror(errno));
	do
		put(fd, name, LOOKUPS);
	while (bench_more(thread, LOOKUPS));
	close(fd);
}

void library_lookup(struct bench_thread *thread)
{
	write_on(thread, "lookup");
}

void library_lookup_hashed(struct bench_thread *thread)
{
	write_on(thread, "lookup_hashed");
}
