/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_KERNEL_H
#define _TWIN_LINUX_KERNEL_H

#include <asm/byteorder.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/stdarg.h>
#include <linux/types.h>

#define upper_32_bits(n)	((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n)	((u32)((n) & 0xffffffff))
#define u64_to_user_ptr(x)	((void __user *)(uintptr_t)(x))

#ifndef TWIN_HOST
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int sprintf(char *buf, const char *fmt, ...) __printf(2, 3);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
	__printf(3, 0);
#endif
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

#endif /* _TWIN_LINUX_KERNEL_H */
