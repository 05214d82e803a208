// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "bytes.h"
#include "cpr.h"

#define MAGIC	0x51435052	/* QCPR */
#define VERSION_1	1

/* What stands before an entry, and what else may come behind the last. */
#define MORE		1
#define END		0
#define SUBSECTION	5

/**
 * cpr_put_header() - begin a state
 * @bytes: room for CPR_HEADER_SIZE
 *
 * Return: bytes written.
 */
size_t cpr_put_header(void *bytes)
{
	put_be32(bytes, MAGIC);
	put_be32((uint8_t *)bytes + 4, VERSION_1);
	return CPR_HEADER_SIZE;
}

/**
 * cpr_put_key() - an entry up to its descriptor
 * @bytes: room for CPR_KEY_ROOM
 * @entry: its name and id
 *
 * Return: bytes written.
 */
size_t cpr_put_key(void *bytes, const struct cpr_entry *entry)
{
	uint32_t length = strlen(entry->name) + 1;
	uint8_t *at = bytes;

	*at++ = MORE;
	put_be32(at, length);
	memcpy(at + 4, entry->name, length);
	put_be32(at + 4 + length, entry->id);
	return 1 + 4 + length + 4;
}

/**
 * cpr_put_number() - the descriptor of an entry, as a number
 * @bytes: room for 4
 * @fd: the descriptor
 *
 * Return: bytes written.
 */
size_t cpr_put_number(void *bytes, int fd)
{
	put_be32(bytes, fd);
	return 4;
}

/**
 * cpr_put_end() - end a state
 * @bytes: room for 1
 *
 * Return: bytes written.
 */
size_t cpr_put_end(void *bytes)
{
	*(uint8_t *)bytes = END;
	return 1;
}

static int get(const struct cpr_source *source, void *data, size_t size,
	       struct fault *fault)
{
	int err = source->read(source->opaque, data, size);

	if (err == -ENODATA)
		return fault_set(fault, err,
				 "it is cut short: let its writer end, and take the whole of it");
	if (err)
		return fault_set(fault, err, "it cannot be read: %s", strerror(-err));
	return 0;
}

/**
 * cpr_read_header() - begin to read a state
 * @source: where from
 * @fault: filled in on an error
 *
 * Return: 0 or -errno.
 */
int cpr_read_header(const struct cpr_source *source, struct fault *fault)
{
	uint8_t bytes[CPR_HEADER_SIZE];
	int err = get(source, bytes, sizeof(bytes), fault);

	if (err)
		return err;
	if (get_be32(bytes) != MAGIC)
		return fault_set(fault, -EINVAL,
				 "it is no CPR state of QEMU: that begins with QCPR");
	if (get_be32(bytes + 4) != VERSION_1)
		return fault_set(fault, -EINVAL,
				 "its version is %u, and only version 1 is known",
				 get_be32(bytes + 4));
	return 0;
}

static int read_name(const struct cpr_source *source, char *name,
		     struct fault *fault)
{
	uint8_t bytes[4];
	uint32_t length;
	int err = get(source, bytes, sizeof(bytes), fault);

	if (err)
		return err;
	length = get_be32(bytes);
	if (length < 2 || length > CPR_NAME_ROOM)
		return fault_set(fault, -EINVAL,
				 "a name has %u bytes: 2 to %d, its NUL among them, are possible",
				 length, CPR_NAME_ROOM);
	err = get(source, name, length, fault);
	if (err)
		return err;
	if (strnlen(name, length) != length - 1)
		return fault_set(fault, -EINVAL,
				 "a name does not end with its only NUL");
	return 0;
}

static int read_number(const struct cpr_source *source, int *fd,
		       struct fault *fault)
{
	uint8_t bytes[4];
	int err = get(source, bytes, sizeof(bytes), fault);

	if (err)
		return err;
	if (get_be32(bytes) > INT_MAX)
		return fault_set(fault, -EINVAL, "%u is the number of no descriptor",
				 get_be32(bytes));
	*fd = get_be32(bytes);
	return 0;
}

static int read_carried(const struct cpr_source *source, int *fd,
			struct fault *fault)
{
	uint8_t byte = 0;
	int err = source->receive(source->opaque, &byte, fd);

	if (err)
		return fault_set(fault, err, "no descriptor came with a key: %s",
				 strerror(-err));
	if (byte == CPR_FD_BYTE)
		return 0;
	return fault_set(fault, -EINVAL,
			 "a byte of 0x%02x carries a descriptor: it must be 0x%02x", byte,
			 CPR_FD_BYTE);
}

/**
 * cpr_read_entry() - the next entry
 * @source: where from
 * @entry: filled in; a descriptor that was received is the caller's, also after an
 *	error, where it is not -1
 * @fault: filled in on an error
 *
 * Return: 1, 0 at the end, or -errno.
 */
int cpr_read_entry(const struct cpr_source *source, struct cpr_entry *entry,
		   struct fault *fault)
{
	uint8_t more, bytes[4];
	int err;

	memset(entry, 0, sizeof(*entry));
	entry->fd = -1;
	err = get(source, &more, 1, fault);
	if (err)
		return err;
	if (more == END)
		return 0;
	if (more != MORE)
		return fault_set(fault, -EINVAL,
				 "a byte of 0x%02x stands before an entry: it must be 1, or 0 at the end",
				 more);
	err = read_name(source, entry->name, fault);
	if (!err)
		err = get(source, bytes, sizeof(bytes), fault);
	if (err)
		return err;
	entry->id = get_be32(bytes);
	err = (source->receive ? read_carried : read_number)(source, &entry->fd, fault);
	return err ? err : 1;
}

/**
 * cpr_read_end() - is a state, whose last entry was read, at its end?
 * @source: where from, one that can be at its end
 * @fault: filled in on an error
 *
 * Return: 0 or -errno.
 */
int cpr_read_end(const struct cpr_source *source, struct fault *fault)
{
	uint8_t byte;
	int err = source->read(source->opaque, &byte, 1);

	if (err == -ENODATA)
		return 0;
	if (err)
		return fault_set(fault, err, "it cannot be read: %s", strerror(-err));
	if (byte == SUBSECTION)
		return fault_set(fault, -EOPNOTSUPP,
				 "it has more than descriptors, as devices of VFIO: a store cannot keep that");
	return fault_set(fault, -EINVAL, "there is more behind its end");
}
