/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints of the libraries: nobody traces here. */
#ifndef TWIN_TRACE_QDS_H
#define TWIN_TRACE_QDS_H

#include <linux/types.h>

static inline void trace_qht_resize(const void *ht, u64 entries, unsigned long from,
				    unsigned long to)
{
}

#endif
