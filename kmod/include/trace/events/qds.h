/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM qds

#if !defined(_TRACE_QDS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_QDS_H

#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

/*
 * Names come with a length and without an end; the macros for such strings are not the
 * same in all kernels. A name with the end of a line in it shall not look like an event.
 */
#ifndef _TRACE_QDS_NAME
#define _TRACE_QDS_NAME
static inline void qds_trace_name(char *to, const char *name, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		to[i] = (u8)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
	to[len] = 0;
}
#endif

/* An object was made: @id is its number in /sys/kernel/debug/qds/objects. */
TRACE_EVENT(qds_create,
	TP_PROTO(u64 id, const char *kind),
	TP_ARGS(id, kind),
	TP_STRUCT__entry(
		__field(u64, id)
		__dynamic_array(char, kind, strlen(kind) + 1)
	),
	TP_fast_assign(
		__entry->id = id;
		memcpy(__get_dynamic_array(kind), kind, strlen(kind) + 1);
	),
	TP_printk("id=%llu kind=%s", __entry->id, __get_str(kind))
);

DECLARE_EVENT_CLASS(qds_name,
	TP_PROTO(u64 id, const char *name, unsigned int len),
	TP_ARGS(id, name, len),
	TP_STRUCT__entry(
		__field(u64, id)
		__dynamic_array(char, name, len + 1)
	),
	TP_fast_assign(
		__entry->id = id;
		qds_trace_name(__get_dynamic_array(name), name, len);
	),
	TP_printk("id=%llu name=%s", __entry->id, __get_str(name))
);

/* A name of an object was published, opened, or taken away. */
DEFINE_EVENT(qds_name, qds_link,
	TP_PROTO(u64 id, const char *name, unsigned int len),
	TP_ARGS(id, name, len)
);

DEFINE_EVENT(qds_name, qds_open,
	TP_PROTO(u64 id, const char *name, unsigned int len),
	TP_ARGS(id, name, len)
);

DEFINE_EVENT(qds_name, qds_unlink,
	TP_PROTO(u64 id, const char *name, unsigned int len),
	TP_ARGS(id, name, len)
);

/* What was dirty went from bitmap @id to a new one. */
TRACE_EVENT(qds_take,
	TP_PROTO(u64 id, u64 taken, u64 dirty),
	TP_ARGS(id, taken, dirty),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, taken)
		__field(u64, dirty)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->taken = taken;
		__entry->dirty = dirty;
	),
	TP_printk("id=%llu taken=%llu dirty=%llu", __entry->id, __entry->taken,
		  __entry->dirty)
);

DECLARE_EVENT_CLASS(qds_chunk,
	TP_PROTO(u64 id, u64 start, u64 count, u64 bytes),
	TP_ARGS(id, start, count, bytes),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, start)
		__field(u64, count)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->start = start;
		__entry->count = count;
		__entry->bytes = bytes;
	),
	TP_printk("id=%llu start=%llu count=%llu bytes=%llu", __entry->id,
		  __entry->start, __entry->count, __entry->bytes)
);

/* A part of bitmap @id, in items, left or entered as so many bytes. */
DEFINE_EVENT(qds_chunk, qds_serialize,
	TP_PROTO(u64 id, u64 start, u64 count, u64 bytes),
	TP_ARGS(id, start, count, bytes)
);

DEFINE_EVENT(qds_chunk, qds_restore,
	TP_PROTO(u64 id, u64 start, u64 count, u64 bytes),
	TP_ARGS(id, start, count, bytes)
);

DECLARE_EVENT_CLASS(qds_stored,
	TP_PROTO(u64 id, const char *name, unsigned int len, u32 fd_id, int result),
	TP_ARGS(id, name, len, fd_id, result),
	TP_STRUCT__entry(
		__field(u64, id)
		__dynamic_array(char, name, len + 1)
		__field(u32, fd_id)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->id = id;
		qds_trace_name(__get_dynamic_array(name), name, len);
		__entry->fd_id = fd_id;
		__entry->result = result;
	),
	TP_printk("id=%llu name=%s fd_id=%u result=%d", __entry->id, __get_str(name),
		  __entry->fd_id, __entry->result)
);

/* A file went into fd store @id, or was looked for there. */
DEFINE_EVENT(qds_stored, qds_store,
	TP_PROTO(u64 id, const char *name, unsigned int len, u32 fd_id, int result),
	TP_ARGS(id, name, len, fd_id, result)
);

DEFINE_EVENT(qds_stored, qds_find,
	TP_PROTO(u64 id, const char *name, unsigned int len, u32 fd_id, int result),
	TP_ARGS(id, name, len, fd_id, result)
);

/* A qht begins to move to a map of another number of head buckets. */
TRACE_EVENT(qht_resize,
	TP_PROTO(const void *ht, u64 entries, unsigned long from, unsigned long to),
	TP_ARGS(ht, entries, from, to),
	TP_STRUCT__entry(
		__field(const void *, ht)
		__field(u64, entries)
		__field(unsigned long, from)
		__field(unsigned long, to)
	),
	TP_fast_assign(
		__entry->ht = ht;
		__entry->entries = entries;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("ht=%p entries=%llu from=%lu to=%lu", __entry->ht,
		  __entry->entries, __entry->from, __entry->to)
);

#endif /* _TRACE_QDS_H */

#include <trace/define_trace.h>
