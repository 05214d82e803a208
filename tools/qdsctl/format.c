// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "parse.h"
#include "util.h"

static const char *const names[] = {
	[FORMAT_BYTES] = "bytes",
	[FORMAT_TEXT] = "text",
	[FORMAT_HEX] = "hex",
	[FORMAT_U32] = "u32",
	[FORMAT_U64] = "u64",
};

/**
 * format_parse() - the format of a name
 * @text: its name
 * @format: filled in
 *
 * Return: 0, or -EINVAL when there is none of that name.
 */
int format_parse(const char *text, enum format *format)
{
	size_t i;

	for (i = FORMAT_BYTES; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i])) {
			*format = i;
			return 0;
		}
	}
	return -EINVAL;
}

/**
 * format_name() - the name of a format
 * @format: the format
 *
 * Return: its name.
 */
const char *format_name(enum format format)
{
	return names[format];
}

/**
 * format_fits() - can keys or values of a size be written so?
 * @format: the format
 * @size: the size, in bytes
 *
 * Return: 0, or -EMSGSIZE.
 */
int format_fits(enum format format, size_t size)
{
	if ((format == FORMAT_U32 && size != 4) ||
	    (format == FORMAT_U64 && size != 8))
		return -EMSGSIZE;
	return 0;
}

static int read_text(enum format format, const char *text, void *bytes,
		     size_t size)
{
	size_t length = strlen(text);

	if (length > size || (format == FORMAT_BYTES && length != size))
		return -EMSGSIZE;
	memset(bytes, 0, size);
	memcpy(bytes, text, length);
	return 0;
}

/**
 * format_read() - a key or value from what the user wrote
 * @format: how it is written
 * @text: what was written
 * @bytes: filled in
 * @size: bytes of a key or value
 *
 * Return: 0, -EMSGSIZE when it is not of that size, -ERANGE when the number is
 * too large, -EINVAL when it is not of that format.
 */
int format_read(enum format format, const char *text, void *bytes, size_t size)
{
	uint32_t narrow;
	uint64_t wide;
	int err = format_fits(format, size);

	if (err)
		return err;
	switch (format) {
	case FORMAT_HEX:
		return parse_hex(text, bytes, size);
	case FORMAT_U32:
		err = parse_u32(text, &narrow);
		narrow = htole32(narrow);
		if (!err)
			memcpy(bytes, &narrow, sizeof(narrow));
		return err;
	case FORMAT_U64:
		err = parse_u64(text, &wide);
		wide = htole64(wide);
		if (!err)
			memcpy(bytes, &wide, sizeof(wide));
		return err;
	default:
		return read_text(format, text, bytes, size);
	}
}

/* Bytes that a word stands for where lengths vary. */
static size_t natural_size(enum format format, const char *text)
{
	switch (format) {
	case FORMAT_HEX:
		return (strlen(text) + 1) / 2;
	case FORMAT_U32:
		return 4;
	case FORMAT_U64:
		return 8;
	default:
		return strlen(text);
	}
}

/**
 * format_read_some() - a key or value of a length of its own
 * @format: how it is written
 * @text: what was written
 * @bytes: filled in
 * @max: bytes of the longest
 * @size: its length
 *
 * Return: as format_read(); -EMSGSIZE when it is longer than @max.
 */
int format_read_some(enum format format, const char *text, void *bytes,
		     size_t max, size_t *size)
{
	*size = natural_size(format, text);
	return *size > max ? -EMSGSIZE : format_read(format, text, bytes, *size);
}

/* Escapes what is not printable ASCII, and the backslash, as \xNN. */
static char *write_text(enum format format, const unsigned char *bytes,
			size_t size)
{
	char *text = malloc(4 * size + 1);
	char *to = text;
	size_t i;

	if (!text)
		return NULL;
	while (format == FORMAT_TEXT && size && !bytes[size - 1])
		size--;
	for (i = 0; i < size; i++) {
		if (bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '\\')
			*to++ = bytes[i];
		else
			to += sprintf(to, "\\x%02x", bytes[i]);
	}
	*to = 0;
	return text;
}

static char *write_hex(const unsigned char *bytes, size_t size)
{
	char *text = malloc(2 * size + 1);
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	text[2 * size] = 0;
	return text;
}

static char *write_number(uint64_t value)
{
	char *text;

	return asprintf(&text, "%" PRIu64, value) < 0 ? NULL : text;
}

/**
 * format_write() - a key or value for the user to read
 * @format: how to write it; one that fits
 * @bytes: the key or value
 * @size: its size
 *
 * Text is written without the zero bytes at its end; in it, and among bytes,
 * what is not printable ASCII is written as \xNN.
 *
 * Return: the text, to be freed, or NULL when there is no memory.
 */
char *format_write(enum format format, const void *bytes, size_t size)
{
	uint32_t narrow;
	uint64_t wide;

	switch (format) {
	case FORMAT_HEX:
		return write_hex(bytes, size);
	case FORMAT_U32:
		memcpy(&narrow, bytes, sizeof(narrow));
		return write_number(le32toh(narrow));
	case FORMAT_U64:
		memcpy(&wide, bytes, sizeof(wide));
		return write_number(le64toh(wide));
	default:
		return write_text(format, bytes, size);
	}
}

/**
 * format_write_some() - a key or value of a length of its own
 * @format: how to write it; where its length does not fit that, it is hex
 * @bytes: the key or value
 * @size: its length
 *
 * Return: as format_write().
 */
char *format_write_some(enum format format, const void *bytes, size_t size)
{
	if (format_fits(format, size))
		format = FORMAT_HEX;
	return format_write(format, bytes, size);
}
