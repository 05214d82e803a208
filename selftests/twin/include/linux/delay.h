/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_DELAY_H
#define _TWIN_LINUX_DELAY_H

void msleep(unsigned int msecs);
void usleep_range(unsigned long min, unsigned long max);
void fsleep(unsigned long usecs);
void ndelay(unsigned long nsecs);
void udelay(unsigned long usecs);
void mdelay(unsigned long msecs);

#endif /* _TWIN_LINUX_DELAY_H */
