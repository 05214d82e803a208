// SPDX-License-Identifier: GPL-2.0
/* The header of a qcow2 image, its extensions, and the directory of bitmaps. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "qcow2.h"

#define MAGIC 0x514649fb		/* "QFI\xfb" */
#define MIN_HEADER 104
#define MIN_CLUSTER_BITS 9
#define MAX_CLUSTER_BITS 21
#define MAX_REFCOUNT_ORDER 6
#define MAX_BACKING_NAME 1023
#define MAX_REFCOUNT_TABLE (8U << 20)
#define MAX_DISK ((uint64_t)INT64_MAX)

#define INCOMPATIBLE_DIRTY (1U << 0)
#define INCOMPATIBLE_CORRUPT (1U << 1)
#define INCOMPATIBLE_COMPRESSION (1U << 3)
#define INCOMPATIBLE_EXTENDED_L2 (1U << 4)
#define INCOMPATIBLE_KNOWN 0x1fU	/* with 2, the external data file */
#define AUTOCLEAR_BITMAPS (1U << 0)

#define EXTENSION_END 0U
#define EXTENSION_BITMAPS 0x23852875U
#define BITMAPS_SIZE 24

#define ENTRY_SIZE 24
#define TYPE_DIRTY 1
#define MAX_TABLE 0x8000000U
#define MAX_DATA (512U << 20)
#define MAX_DIRECTORY (1024U * QCOW2_MAX_BITMAPS)

uint64_t qcow2_bits(const struct qcow2 *qcow2, unsigned int granularity)
{
	return ((qcow2->disk_size - 1) >> granularity) + 1;
}

uint64_t qcow2_bits_bytes(uint64_t bits)
{
	return (bits / 64 + !!(bits % 64)) * 8;
}

uint64_t qcow2_clusters(const struct qcow2 *qcow2, uint64_t bytes)
{
	return (bytes >> qcow2->cluster_bits) +
	       !!(bytes & (qcow2->cluster_size - 1));
}

bool qcow2_within(const struct qcow2 *qcow2, uint64_t at, uint64_t size)
{
	return !(at & (qcow2->cluster_size - 1)) && at <= qcow2->image->size &&
	       size <= qcow2->image->size - at;
}

int qcow2_read(const struct qcow2 *qcow2, uint64_t at, void *data, size_t size)
{
	int err;

	if (at > qcow2->image->size || size > qcow2->image->size - at)
		return fault_set(qcow2->fault, -EINVAL,
				 "it is cut off: nothing at byte %" PRIu64, at);
	err = qcow2->image->read(qcow2->image->opaque, at, data, size);
	return err ? fault_set(qcow2->fault, err, "cannot read byte %" PRIu64 ": %s",
			       at, strerror(-err)) : 0;
}

static int refuse(const struct qcow2 *qcow2, const char *why)
{
	return fault_set(qcow2->fault, -EINVAL, "it is damaged: %s", why);
}

static int check_version(const struct qcow2 *qcow2, const uint8_t *header)
{
	uint32_t version = get_be32(header + 4);

	if (get_be32(header) != MAGIC)
		return fault_set(qcow2->fault, -EINVAL,
				 "it is not a qcow2 image");
	if (version == 2)
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "it is of version 2, which has no bitmaps: use qemu-img amend -o compat=1.1");
	if (version != 3)
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "it is of version %u, and only 3 is known",
				 version);
	return 0;
}

static int check_features(const struct qcow2 *qcow2, const uint8_t *header)
{
	uint64_t incompatible = get_be64(header + 72);
	bool compression = incompatible & INCOMPATIBLE_COMPRESSION;
	uint8_t type = qcow2->header_size > MIN_HEADER ? header[MIN_HEADER] : 0;

	if (incompatible & ~(uint64_t)INCOMPATIBLE_KNOWN)
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "it has features that are unknown here: 0x%" PRIx64,
				 incompatible & ~(uint64_t)INCOMPATIBLE_KNOWN);
	if (incompatible & INCOMPATIBLE_CORRUPT)
		return fault_set(qcow2->fault, -EINVAL,
				 "it is marked corrupt: use qemu-img check -r all");
	if (incompatible & INCOMPATIBLE_DIRTY)
		return fault_set(qcow2->fault, -EINVAL,
				 "it was not closed: use qemu-img check -r all");
	if (compression != !!type)
		return refuse(qcow2, "compression type");
	if (incompatible & INCOMPATIBLE_EXTENDED_L2 && qcow2->cluster_bits < 14)
		return refuse(qcow2, "extended L2 entries in small clusters");
	if (get_be32(header + 32) > 2)
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "it is encrypted by a method that is unknown here");
	return 0;
}

/* Sizes that all else is measured in. */
static int read_sizes(struct qcow2 *qcow2, const uint8_t *header)
{
	uint32_t order = get_be32(header + 96);

	qcow2->cluster_bits = get_be32(header + 20);
	if (qcow2->cluster_bits < MIN_CLUSTER_BITS ||
	    qcow2->cluster_bits > MAX_CLUSTER_BITS)
		return refuse(qcow2, "cluster size");
	qcow2->cluster_size = 1ULL << qcow2->cluster_bits;
	qcow2->disk_size = get_be64(header + 24);
	if (!qcow2->disk_size)
		return fault_set(qcow2->fault, -EINVAL,
				 "its disk has no bytes, and so no bitmap");
	if (qcow2->disk_size > MAX_DISK)
		return refuse(qcow2, "size of the disk");
	if (order > MAX_REFCOUNT_ORDER)
		return refuse(qcow2, "refcount order");
	qcow2->refcount_bits = 1U << order;
	qcow2->header_size = get_be32(header + 100);
	if (qcow2->header_size < MIN_HEADER || qcow2->header_size % 8 ||
	    qcow2->header_size > qcow2->cluster_size ||
	    qcow2->header_size > qcow2->image->size)
		return refuse(qcow2, "length of the header");
	return 0;
}

static int read_places(struct qcow2 *qcow2, const uint8_t *header)
{
	uint64_t size;

	qcow2->refcounts = get_be64(header + 48);
	qcow2->refcounts_clusters = get_be32(header + 56);
	size = (uint64_t)qcow2->refcounts_clusters << qcow2->cluster_bits;
	if (!size || size > MAX_REFCOUNT_TABLE || !qcow2->refcounts ||
	    !qcow2_within(qcow2, qcow2->refcounts, size))
		return refuse(qcow2, "place of the refcount table");
	qcow2->l1 = get_be64(header + 40);
	qcow2->l1_size = get_be32(header + 36);
	if (qcow2->l1_size &&
	    (!qcow2->l1 || !qcow2_within(qcow2, qcow2->l1, qcow2->l1_size * 8ULL)))
		return refuse(qcow2, "place of the L1 table");
	qcow2->snapshots = get_be64(header + 64);
	qcow2->nr_snapshots = get_be32(header + 60);
	if (qcow2->nr_snapshots &&
	    (!qcow2->snapshots || !qcow2_within(qcow2, qcow2->snapshots, 1)))
		return refuse(qcow2, "place of the snapshots");
	qcow2->backing = get_be64(header + 8);
	qcow2->backing_size = qcow2->backing ? get_be32(header + 16) : 0;
	if (qcow2->backing &&
	    (qcow2->backing < qcow2->header_size ||
	     qcow2->backing_size > MAX_BACKING_NAME ||
	     qcow2->backing > qcow2->cluster_size ||
	     qcow2->backing_size > qcow2->cluster_size - qcow2->backing))
		return refuse(qcow2, "place of the backing file's name");
	return 0;
}

static int read_header(struct qcow2 *qcow2)
{
	/* And a byte of the compression type, if it is there. */
	uint8_t header[MIN_HEADER + 1] = { 0 };
	size_t size = sizeof(header);
	int err;

	if (qcow2->image->size < size)
		size = qcow2->image->size;
	err = qcow2_read(qcow2, 0, header, size);
	if (!err && size < MIN_HEADER && get_be32(header) == MAGIC)
		return refuse(qcow2, "it is cut off within its header");
	if (!err)
		err = check_version(qcow2, header);
	if (!err)
		err = read_sizes(qcow2, header);
	if (!err)
		err = check_features(qcow2, header);
	if (!err)
		err = read_places(qcow2, header);
	qcow2->autoclear = get_be64(header + 88);
	return err;
}

/* Notes where the directory is. */
static int read_extension(struct qcow2 *qcow2, const uint8_t *data,
			  uint32_t size)
{
	if (qcow2->extension)
		return refuse(qcow2, "two bitmaps extensions");
	if (size != BITMAPS_SIZE)
		return refuse(qcow2, "length of the bitmaps extension");
	/* Nothing is to be believed then. */
	if (!(qcow2->autoclear & AUTOCLEAR_BITMAPS))
		return 0;
	qcow2->nr = get_be32(data);
	qcow2->directory_size = get_be64(data + 8);
	qcow2->directory_at = get_be64(data + 16);
	if (!qcow2->nr || qcow2->nr > QCOW2_MAX_BITMAPS)
		return refuse(qcow2, "number of bitmaps");
	if (get_be32(data + 4))
		return refuse(qcow2, "reserved bytes of the bitmaps extension");
	if (qcow2->directory_size > MAX_DIRECTORY ||
	    qcow2->directory_size < (uint64_t)qcow2->nr * ENTRY_SIZE)
		return refuse(qcow2, "length of the bitmap directory");
	if (!qcow2->directory_at ||
	    !qcow2_within(qcow2, qcow2->directory_at, qcow2->directory_size))
		return refuse(qcow2, "place of the bitmap directory");
	return 0;
}

/* @area: the first cluster, or what there is of it, of @end bytes. */
static int walk_extensions(struct qcow2 *qcow2, const uint8_t *area,
			   uint64_t end)
{
	uint64_t at = qcow2->header_size;
	uint32_t magic, size;
	int err;

	while (at + 8 <= end) {
		magic = get_be32(area + at);
		size = get_be32(area + at + 4);
		if (magic == EXTENSION_END)
			break;
		if (size > end - at - 8)
			return refuse(qcow2, "length of a header extension");
		if (magic == EXTENSION_BITMAPS) {
			err = read_extension(qcow2, area + at + 8, size);
			if (err)
				return err;
			qcow2->extension = at + 8;
		}
		at += 8 + ((uint64_t)size + 7) / 8 * 8;
	}
	qcow2->extensions_end = at;
	if (qcow2->autoclear & AUTOCLEAR_BITMAPS)
		return qcow2->extension ? 0 :
		       refuse(qcow2, "the bitmaps extension is missing");
	if (!qcow2->extension)
		return 0;
	return fault_set(qcow2->fault, -EUCLEAN,
			 "its bitmaps are inconsistent, for a program that does not know them has changed it: drop them with qemu-img check -r all");
}

static int read_extensions(struct qcow2 *qcow2)
{
	uint64_t end = qcow2->backing ? qcow2->backing : qcow2->cluster_size;
	uint8_t *area;
	int err;

	if (end > qcow2->image->size)
		end = qcow2->image->size;
	area = malloc(end);
	if (!area)
		return fault_set(qcow2->fault, -ENOMEM, "no memory");
	err = qcow2_read(qcow2, 0, area, end);
	if (!err)
		err = walk_extensions(qcow2, area, end);
	free(area);
	return err;
}

static int refuse_bitmap(const struct qcow2 *qcow2,
			 const struct qcow2_bitmap *bitmap, const char *why)
{
	return fault_set(qcow2->fault, -EINVAL,
			 "it is damaged: bitmap '%s': %s", bitmap->name, why);
}

static int check_bitmap(const struct qcow2 *qcow2,
			const struct qcow2_bitmap *bitmap)
{
	uint64_t table = bitmap->table_size * 8ULL;
	uint64_t bytes;

	if (bitmap->flags & ~(QCOW2_BITMAP_IN_USE | QCOW2_BITMAP_AUTO |
			      QCOW2_BITMAP_EXTRA))
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "bitmap '%s' has flags that are unknown here: 0x%x",
				 bitmap->name, bitmap->flags);
	if (bitmap->granularity < QCOW2_MIN_GRANULARITY ||
	    bitmap->granularity > QCOW2_MAX_GRANULARITY)
		return refuse_bitmap(qcow2, bitmap, "granularity");
	if (!bitmap->table_size || bitmap->table_size > MAX_TABLE ||
	    ((uint64_t)bitmap->table_size << qcow2->cluster_bits) >
	    MAX_DATA + qcow2->cluster_size)
		return refuse_bitmap(qcow2, bitmap, "size of its table");
	if (!bitmap->table || !qcow2_within(qcow2, bitmap->table, table))
		return refuse_bitmap(qcow2, bitmap, "place of its table");
	/* One that was not saved may be of another size than the disk. */
	bytes = qcow2_bits_bytes(qcow2_bits(qcow2, bitmap->granularity));
	if (!(bitmap->flags & QCOW2_BITMAP_IN_USE) &&
	    (bytes > MAX_DATA || qcow2_clusters(qcow2, bytes) != bitmap->table_size))
		return refuse_bitmap(qcow2, bitmap,
				     "it is not of the size of the disk");
	return 0;
}

/* Return: is all of it zero? */
static bool is_zero(const uint8_t *bytes, size_t size)
{
	while (size && !*bytes) {
		bytes++;
		size--;
	}
	return !size;
}

static int read_entry(struct qcow2 *qcow2, struct qcow2_bitmap *bitmap,
		      uint64_t at)
{
	const uint8_t *entry = qcow2->directory + at;
	uint64_t left = qcow2->directory_size - at;
	uint64_t used;
	uint16_t name_size;
	const uint8_t *name;

	if (left < ENTRY_SIZE)
		return refuse(qcow2, "the bitmap directory is too short");
	name_size = get_be16(entry + 18);
	bitmap->table = get_be64(entry);
	bitmap->table_size = get_be32(entry + 8);
	bitmap->flags = get_be32(entry + 12);
	bitmap->granularity = entry[17];
	bitmap->extra_size = get_be32(entry + 20);
	bitmap->entry = at;
	used = ENTRY_SIZE + (uint64_t)bitmap->extra_size + name_size;
	bitmap->entry_size = (used + 7) / 8 * 8;
	if (bitmap->entry_size > left)
		return refuse(qcow2, "the bitmap directory is too short");
	name = entry + ENTRY_SIZE + bitmap->extra_size;
	if (!name_size || name_size > QCOW2_MAX_NAME ||
	    memchr(name, 0, name_size))
		return refuse(qcow2, "name of a bitmap");
	bitmap->name = strndup((const char *)name, name_size);
	if (!bitmap->name)
		return fault_set(qcow2->fault, -ENOMEM, "no memory");
	if (!is_zero(entry + used, bitmap->entry_size - used))
		return refuse_bitmap(qcow2, bitmap, "padding of its entry");
	if (entry[16] != TYPE_DIRTY)
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "bitmap '%s' is of type %u, which is unknown here",
				 bitmap->name, entry[16]);
	return check_bitmap(qcow2, bitmap);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_duplicates(const struct qcow2 *qcow2)
{
	char **names = calloc(qcow2->nr, sizeof(*names));
	unsigned int i;
	int err = 0;

	if (!names)
		return fault_set(qcow2->fault, -ENOMEM, "no memory");
	for (i = 0; i < qcow2->nr; i++)
		names[i] = qcow2->bitmaps[i].name;
	qsort(names, qcow2->nr, sizeof(*names), compare_names);
	for (i = 1; i < qcow2->nr && !err; i++)
		if (!strcmp(names[i - 1], names[i]))
			err = fault_set(qcow2->fault, -EINVAL,
					"it is damaged: two bitmaps are named '%s'",
					names[i]);
	free(names);
	return err;
}

static int read_directory(struct qcow2 *qcow2)
{
	uint64_t at = 0;
	unsigned int i;
	int err;

	qcow2->directory = malloc(qcow2->directory_size);
	qcow2->bitmaps = calloc(qcow2->nr, sizeof(*qcow2->bitmaps));
	if (!qcow2->directory || !qcow2->bitmaps)
		return fault_set(qcow2->fault, -ENOMEM, "no memory");
	err = qcow2_read(qcow2, qcow2->directory_at, qcow2->directory,
			 qcow2->directory_size);
	for (i = 0; i < qcow2->nr && !err; i++) {
		err = read_entry(qcow2, &qcow2->bitmaps[i], at);
		at += qcow2->bitmaps[i].entry_size;
	}
	if (err)
		return err;
	if (at != qcow2->directory_size)
		return refuse(qcow2, "the bitmap directory is too long");
	return check_duplicates(qcow2);
}

/**
 * qcow2_open() - read an image's header and its directory of bitmaps
 * @qcow2: filled in; to be closed also on failure
 * @image: the image's bytes
 * @fault: filled in on failure, also by what is done to it later
 *
 * Return: 0 or -errno: -EINVAL for a damaged image, -EOPNOTSUPP for what is
 * unknown here, -EUCLEAN when its bitmaps are inconsistent.
 */
int qcow2_open(struct qcow2 *qcow2, struct image *image, struct fault *fault)
{
	int err;

	*qcow2 = (struct qcow2){ .image = image, .fault = fault };
	err = read_header(qcow2);
	if (!err)
		err = read_extensions(qcow2);
	if (!err && qcow2->nr)
		err = read_directory(qcow2);
	return err;
}

/**
 * qcow2_close() - release what qcow2_open() has made
 * @qcow2: the image
 */
void qcow2_close(struct qcow2 *qcow2)
{
	unsigned int i;

	for (i = 0; qcow2->bitmaps && i < qcow2->nr; i++)
		free(qcow2->bitmaps[i].name);
	free(qcow2->bitmaps);
	free(qcow2->directory);
	*qcow2 = (struct qcow2){ 0 };
}

/**
 * qcow2_bitmap_named() - the bitmap of a name
 * @qcow2: the image
 * @name: the name
 *
 * Return: the bitmap or NULL.
 */
const struct qcow2_bitmap *qcow2_bitmap_named(const struct qcow2 *qcow2,
					      const char *name)
{
	unsigned int i;

	for (i = 0; i < qcow2->nr; i++)
		if (!strcmp(qcow2->bitmaps[i].name, name))
			return &qcow2->bitmaps[i];
	return NULL;
}

/* The names, for a message: as many as fit. */
static void list_names(const struct qcow2 *qcow2, char *text, size_t room)
{
	size_t used = 0;
	unsigned int i;

	*text = 0;
	for (i = 0; i < qcow2->nr && used < room; i++)
		used += snprintf(text + used, room - used, "%s'%s'",
				 i ? ", " : "", qcow2->bitmaps[i].name);
}

/**
 * qcow2_bitmap_find() - a bitmap to be read
 * @qcow2: the image
 * @name: its name; NULL for the only one that there is
 * @bitmap: filled in
 *
 * Return: 0, or -errno with a fault: -ENOENT when there is none, or when several
 * are and no name is given; -EUCLEAN when it is in use or was not saved.
 */
int qcow2_bitmap_find(const struct qcow2 *qcow2, const char *name,
		      const struct qcow2_bitmap **bitmap)
{
	const struct qcow2_bitmap *found;
	char names[600];

	list_names(qcow2, names, sizeof(names));
	if (!qcow2->nr)
		return fault_set(qcow2->fault, -ENOENT, "it has no bitmap");
	if (!name && qcow2->nr > 1)
		return fault_set(qcow2->fault, -ENOENT,
				 "it has several bitmaps: name one with -B: %s",
				 names);
	found = name ? qcow2_bitmap_named(qcow2, name) : qcow2->bitmaps;
	if (!found)
		return fault_set(qcow2->fault, -ENOENT,
				 "it has no bitmap '%.200s'; it has %s", name,
				 names);
	if (found->flags & QCOW2_BITMAP_IN_USE)
		return fault_set(qcow2->fault, -EUCLEAN,
				 "bitmap '%.200s' is in use, or was not saved by a program that died: it is inconsistent, and good only for qemu-img bitmap --remove",
				 found->name);
	if (found->extra_size && !(found->flags & QCOW2_BITMAP_EXTRA))
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "bitmap '%.200s' has extra data that is unknown here",
				 found->name);
	*bitmap = found;
	return 0;
}
