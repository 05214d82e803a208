/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_UTIL_H
#define TOOLS_UTIL_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define __printf(format, first) __attribute__((		\
		__format__(__printf__, format, first)))

#endif /* TOOLS_UTIL_H */
