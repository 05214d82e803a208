/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_STDARG_H
#define _TWIN_LINUX_STDARG_H

#include <stdarg.h>

#endif /* _TWIN_LINUX_STDARG_H */
