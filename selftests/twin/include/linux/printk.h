/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_PRINTK_H
#define _TWIN_LINUX_PRINTK_H

#include <linux/compiler.h>

#define KERN_EMERG	""
#define KERN_ALERT	""
#define KERN_CRIT	""
#define KERN_ERR	""
#define KERN_WARNING	""
#define KERN_NOTICE	""
#define KERN_INFO	""
#define KERN_DEBUG	""
#define KERN_CONT	""

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

/* Prints TAP diagnostics: every line is led by "# ". */
int _printk(const char *fmt, ...) __printf(1, 2);

#define printk(fmt, ...)	_printk(fmt, ##__VA_ARGS__)
#define pr_emerg(fmt, ...)	printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...)	printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...)	printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)	printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)						\
do {									\
	if (0)								\
		printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__);		\
} while (0)

#define pr_info_once(fmt, ...)						\
do {									\
	static bool __printed;						\
									\
	if (!__atomic_exchange_n(&__printed, true, __ATOMIC_RELAXED))	\
		pr_info(fmt, ##__VA_ARGS__);				\
} while (0)

#endif /* _TWIN_LINUX_PRINTK_H */
