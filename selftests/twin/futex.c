// SPDX-License-Identifier: GPL-2.0
/* Waiting for a word to change. */
#define TWIN_HOST
#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/time64.h>
#include "internal.h"

/* False when the time is over. */
bool twin_futex_wait(const u32 *word, u32 seen, u64 timeout_ns)
{
	struct timespec ts = {
		.tv_sec = timeout_ns / NSEC_PER_SEC,
		.tv_nsec = timeout_ns % NSEC_PER_SEC,
	};

	return !syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen,
			timeout_ns == TWIN_FOREVER ? NULL : &ts) ||
	       errno != ETIMEDOUT;
}

void twin_futex_wake(const u32 *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n);
}
