/* SPDX-License-Identifier: GPL-2.0 */
/* The twin's configuration: included before every file, as kbuild does. */
#ifndef _TWIN_LINUX_KCONFIG_H
#define _TWIN_LINUX_KCONFIG_H

/*
 * IS_ENABLED(X) is 1 when X is a macro of value 1. Pasting the value to
 * __twin_arg_ gives "0," for 1 and junk for everything else, which moves the
 * answer to the second argument or leaves it there.
 */
#define __twin_arg_1			0,
#define __twin_second(first, second, ...) second
#define __twin_is_one(x)		___twin_is_one(x)
#define ___twin_is_one(value)		____twin_is_one(__twin_arg_##value)
#define ____twin_is_one(arg_or_junk)	__twin_second(arg_or_junk 1, 0, 0)

#define IS_BUILTIN(option)		__twin_is_one(option)
#define IS_MODULE(option)		__twin_is_one(option##_MODULE)
#define IS_ENABLED(option)		(IS_BUILTIN(option) || IS_MODULE(option))
/* There are no modules here. */
#define IS_REACHABLE(option)		IS_BUILTIN(option)

#define QDS_TWIN			1

#if __SIZEOF_LONG__ == 8
#define CONFIG_64BIT			1
#endif
#define CONFIG_SMP			1
#define CONFIG_HZ			250
#define CONFIG_KUNIT			1
#define CONFIG_FAULT_INJECTION		1
#define CONFIG_FAILSLAB			1
#define CONFIG_CRYPTO_LIB_SHA256	1

#ifdef TWIN_DEBUG
#define CONFIG_DEBUG_ATOMIC_SLEEP	1
#define CONFIG_DEBUG_LOCK_ALLOC		1
#endif
#ifdef TWIN_ASAN
#define CONFIG_KASAN			1
#endif
#ifdef TWIN_TSAN
#define CONFIG_KCSAN			1
#endif

#endif /* _TWIN_LINUX_KCONFIG_H */
