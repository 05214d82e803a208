/* SPDX-License-Identifier: GPL-2.0 */
/* The buffer of a file, for what prints into it; there are no files. */
#ifndef _TWIN_LINUX_SEQ_FILE_H
#define _TWIN_LINUX_SEQ_FILE_H

#include <linux/bug.h>
#include <linux/types.h>

struct seq_file {
	char *buf;
	size_t size;
	size_t count;
};

static inline size_t seq_get_buf(struct seq_file *m, char **bufp)
{
	WARN_ON(m->count > m->size);
	*bufp = m->count < m->size ? m->buf + m->count : NULL;
	return m->size - m->count;
}

/* A negative number says that the buffer is too small. */
static inline void seq_commit(struct seq_file *m, int num)
{
	if (num < 0) {
		m->count = m->size;
		return;
	}
	WARN_ON(m->count + num > m->size);
	m->count += num;
}

static inline bool seq_has_overflowed(struct seq_file *m)
{
	return m->count == m->size;
}

#endif /* _TWIN_LINUX_SEQ_FILE_H */
