// SPDX-License-Identifier: GPL-2.0
/* bench-device: the program, and what a system call costs in any case. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../libqds.h"
#include "device.h"

int device;
bool is_uml;

static bool runs_in_uml(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[128];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "User Mode Linux");
	if (file)
		fclose(file);
	return found;
}

static const char *structure(void)
{
	return is_uml ? "device-uml" : "device";
}

const char *point(const char *workload, const char *size, uint64_t n,
		  const char *subject)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s/%s/%s/%s/%s", structure(), workload, size,
		 bench_size_name(n), subject);
	return name;
}

bool point_wanted(const char *workload, const char *size)
{
	return bench_wanted("%s/%s/%s/", structure(), workload, size);
}

const char *bits_name(unsigned int bits)
{
	static char name[16];

	snprintf(name, sizeof(name), "2^%u", bits);
	return name;
}

static void call_getppid(struct bench_thread *thread)
{
	while (bench_more(thread, 1))
		syscall(SYS_getppid);
}

static void call_caps(struct bench_thread *thread)
{
	struct qds_caps caps;

	while (bench_more(thread, 1))
		if (qds_get_caps(device, &caps))
			bench_die("QDS_CAPS failed");
}

/* The cheapest of all calls, and the cheapest of ours. */
void plan_floor(void)
{
	static const struct {
		const char *name;
		bench_body body;
	} calls[] = { { "getppid", call_getppid }, { "caps", call_caps } };
	struct bench_series series[ARRAY_SIZE(calls)] = { };
	unsigned int i, round;

	if (!point_wanted("call", "1"))
		return;
	for (round = 0; round < bench_options.runs; round++)
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			bench_add(&series[i],
				  1e9 / bench_timed(1, calls[i].body, NULL));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		bench_figure(point("call", "1", 1, calls[i].name), &series[i],
			     "ns");
}

int main(int argc, char **argv)
{
	bench_begin(argc, argv, "bench-device",
		    "Measure qds through /dev/qds against maps of bpf(2) and files in memory.");
	is_uml = runs_in_uml();
	device = qds_open(NULL);
	if (device < 0)
		bench_die("cannot open %s: %s; it needs qds.ko, and root",
			  QDS_DEVICE, strerror(-device));
	plan_floor();
	plan_tables();
	plan_reads();
	if (!is_uml) {
		plan_sparse();
		plan_sets();
	}
	close(device);
	bench_end();
	return 0;
}
