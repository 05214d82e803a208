// SPDX-License-Identifier: GPL-2.0
/* The twin without its test runner: threads, RCU and what the shims ask of it. */
#define TWIN_HOST
#include <stdlib.h>

#include <linux/hbitmap.h>
#include <linux/rcupdate.h>
#include "../../../selftests/twin/internal.h"

#include "bench.h"

/* What the shims find wrong would be a failing test; here it ends the program. */
void twin_mark_failed(void)
{
	bench_die("the twin's kernel has found a bug");
}

bool twin_may_print(void)
{
	return true;
}

void twin_begin(void)
{
	twin_host_thread_enter("main");
	if (hbitmap_module_init())
		bench_die("no memory for the caches");
}

void twin_end(void)
{
	hbitmap_module_exit();
	twin_host_thread_exit();
}

void twin_thread_begin(void)
{
	twin_host_thread_enter("bench");
}

void twin_thread_end(void)
{
	twin_host_thread_exit();
}

/* Until what was taken out is freed. */
void twin_settle(void)
{
	twin_rcu_drain();
}
