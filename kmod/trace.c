// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints, of which a module has one definition: see trace/events/qds.h.
 */
#define CREATE_TRACE_POINTS
#include <trace/events/qds.h>
