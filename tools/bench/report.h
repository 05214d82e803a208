/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

void bench_report_begin(const char *program);
void bench_report_end(void);

#endif /* BENCH_REPORT_H */
