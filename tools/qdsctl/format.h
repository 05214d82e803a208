/* SPDX-License-Identifier: GPL-2.0 */
/* How keys and values are written. */
#ifndef QDSCTL_FORMAT_H
#define QDSCTL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum format {
	FORMAT_UNSET,
	FORMAT_BYTES,	/* the word's own bytes, exactly as many as needed */
	FORMAT_TEXT,	/* likewise, or fewer: zero bytes are appended */
	FORMAT_HEX,
	FORMAT_U32,	/* little-endian */
	FORMAT_U64,	/* little-endian */
};

int format_parse(const char *text, enum format *format);
const char *format_name(enum format format);
int format_fits(enum format format, size_t size);
int format_read(enum format format, const char *text, void *bytes, size_t size);
int format_read_some(enum format format, const char *text, void *bytes,
		     size_t max, size_t *size);
char *format_write(enum format format, const void *bytes, size_t size);
char *format_write_some(enum format format, const void *bytes, size_t size);

#endif /* QDSCTL_FORMAT_H */
