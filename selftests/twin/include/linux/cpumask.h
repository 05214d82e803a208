/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_CPUMASK_H
#define _TWIN_LINUX_CPUMASK_H

#include <twin/debug.h>

/* A mask here is always that of one CPU. */
struct cpumask {
	unsigned int cpu;
};

const struct cpumask *cpumask_of(unsigned int cpu);
unsigned int num_online_cpus(void);

#define num_possible_cpus()	num_online_cpus()
#define nr_cpu_ids		num_online_cpus()
#define for_each_online_cpu(cpu) \
	for ((cpu) = 0; (cpu) < num_online_cpus(); (cpu)++)
/* Those that percpu.h has: threads. */
#define for_each_possible_cpu(cpu) \
	for ((cpu) = 0; (cpu) <= TWIN_MAX_THREADS; (cpu)++)

#endif /* _TWIN_LINUX_CPUMASK_H */
