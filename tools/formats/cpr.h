/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's CPR state: the keys of open descriptors, and the descriptors, for the
 * successor of a process. Big-endian:
 *
 *	"QCPR", version 1
 *	for each: 1, length of the name with its NUL (4 bytes), the name, the id
 *	(4 bytes), the descriptor
 *	0
 *
 * The descriptor is its number (4 bytes) where the successor inherits it, or one
 * byte that carries it over a UNIX socket.
 */
#ifndef FORMATS_CPR_H
#define FORMATS_CPR_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

/* The longest name, with its NUL. */
#define CPR_NAME_ROOM 256
/* More descriptors than a process can have by default. */
#define CPR_MAX_ENTRIES (1U << 20)
/* The byte that carries a descriptor. */
#define CPR_FD_BYTE 0x20
#define CPR_HEADER_SIZE 8
#define CPR_KEY_ROOM (1 + 4 + CPR_NAME_ROOM + 4)

/**
 * struct cpr_entry - a key and its descriptor
 * @name: the name, not empty
 * @id: the number that belongs to it
 * @fd: the descriptor
 */
struct cpr_entry {
	char name[CPR_NAME_ROOM];
	uint32_t id;
	int fd;
};

/**
 * struct cpr_source - where a state is read from
 * @read: exactly that many bytes; 0, -ENODATA at the end, or another -errno
 * @receive: the byte that carries a descriptor, and the descriptor; 0 or -errno. NULL
 *	where descriptors are numbers
 * @opaque: for them
 */
struct cpr_source {
	int (*read)(void *opaque, void *data, size_t size);
	int (*receive)(void *opaque, uint8_t *byte, int *fd);
	void *opaque;
};

size_t cpr_put_header(void *bytes);
size_t cpr_put_key(void *bytes, const struct cpr_entry *entry);
size_t cpr_put_number(void *bytes, int fd);
size_t cpr_put_end(void *bytes);

int cpr_read_header(const struct cpr_source *source, struct fault *fault);
int cpr_read_entry(const struct cpr_source *source, struct cpr_entry *entry,
		   struct fault *fault);
int cpr_read_end(const struct cpr_source *source, struct fault *fault);

#endif /* FORMATS_CPR_H */
