/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program's malloc() and its like, for libraries too: memory as a kernel has
 * it. Small objects come from slabs through a list of each thread's own, all is
 * touched before it is measured, and every byte is counted.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>
#include <stdint.h>

int64_t memory_used(void);
void memory_settle(void);
void memory_prefault(size_t size);
void memory_huge(void);

#endif /* BENCH_MEMORY_H */
