// SPDX-License-Identifier: GPL-2.0
/* The twin without its test runner: threads, RCU and what the shims ask of it. */
#define TWIN_HOST
#include <stdlib.h>
#include <string.h>

#include <linux/qht.h>
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
	if (qht_module_init())
		bench_die("no memory for a workqueue");
}

void twin_end(void)
{
	qht_module_exit();
	twin_rcu_drain();
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

void wait_for_readers(void)
{
	synchronize_rcu();
}

/* Until resizes have ended and what they have left behind is freed. */
void twin_settle(void)
{
	twin_work_drain();
	twin_rcu_drain();
	twin_work_drain();
}
