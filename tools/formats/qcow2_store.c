// SPDX-License-Identifier: GPL-2.0
/*
 * Storing a bitmap in a qcow2 image
 *
 * What is there is not overwritten. The bits, their table and a directory with
 * the new entry go into free clusters, and then are made known in the order that
 * QEMU uses: the autoclear bit is cleared, the header changed, the bit set, with
 * a flush between any two. If all ends on the way, then the image's disk is as it
 * was; its bitmaps are the old ones, or the new ones, or known to be
 * inconsistent; and some clusters may be lost, which qemu-img check -r leaks
 * finds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bytes.h"
#include "qcow2_refcount.h"

#define HEADER_BACKING 8
#define HEADER_AUTOCLEAR 88
#define AUTOCLEAR_BITMAPS ((uint64_t)1 << 0)
#define AUTOCLEAR_KNOWN ((uint64_t)3)	/* with raw external data */

#define EXTENSION_BITMAPS 0x23852875U
#define BITMAPS_SIZE 24
#define EXTENSION_ROOM (8 + BITMAPS_SIZE + 8)	/* with the end of the area */

#define ENTRY_SIZE 24
#define TYPE_DIRTY 1
#define ENTRY_ONES (1ULL << 0)
#define ENTRY_OFFSET 0x00fffffffffffe00ULL
#define MAX_DATA (512ULL << 20)
#define MAX_DIRECTORY (1024ULL * QCOW2_MAX_BITMAPS)

/**
 * struct store - a bitmap on its way into an image
 * @qcow2: the image
 * @new: the bitmap
 * @old: the one that it replaces; NULL if none
 * @counts: the image's reference counts
 * @bits: number of bits
 * @table: its table
 * @table_size: number of entries
 * @table_at: where the table goes
 * @directory: the new directory
 * @directory_size: its length
 * @directory_at: where it goes
 * @backing: where the backing file's name goes, if it is in the way
 * @file_size: length of the file before
 * @committed: may the image know of its clusters?
 */
struct store {
	struct qcow2 *qcow2;
	const struct qcow2_new *new;
	const struct qcow2_bitmap *old;
	struct refcounts counts;
	uint64_t bits;
	uint64_t *table;
	uint32_t table_size;
	uint64_t table_at;
	uint8_t *directory;
	uint64_t directory_size;
	uint64_t directory_at;
	uint64_t backing;
	uint64_t file_size;
	bool committed;
};

static int no_memory(const struct store *store)
{
	return fault_set(store->qcow2->fault, -ENOMEM, "no memory");
}

static int check_new(struct store *store)
{
	const struct qcow2_new *new = store->new;
	struct qcow2 *qcow2 = store->qcow2;
	size_t length = strlen(new->name);
	uint64_t bytes;

	if (!length || length > QCOW2_MAX_NAME)
		return fault_set(qcow2->fault, -EINVAL,
				 "a bitmap's name has 1 to %u bytes",
				 QCOW2_MAX_NAME);
	if (new->granularity < QCOW2_MIN_GRANULARITY ||
	    new->granularity > QCOW2_MAX_GRANULARITY)
		return fault_set(qcow2->fault, -EINVAL,
				 "a bitmap there has granularity %u to %u, this one has %u",
				 QCOW2_MIN_GRANULARITY, QCOW2_MAX_GRANULARITY,
				 new->granularity);
	store->bits = qcow2_bits(qcow2, new->granularity);
	bytes = qcow2_bits_bytes(store->bits);
	if (bytes > MAX_DATA)
		return fault_set(qcow2->fault, -EFBIG,
				 "a bitmap there has at most 2^32 bits: use a larger granularity");
	store->table_size = qcow2_clusters(qcow2, bytes);
	return 0;
}

static int check_old(struct store *store)
{
	struct qcow2 *qcow2 = store->qcow2;
	const char *name = store->new->name;
	unsigned int i;

	for (i = 0; i < qcow2->nr; i++)
		if (qcow2->bitmaps[i].flags & QCOW2_BITMAP_IN_USE)
			return fault_set(qcow2->fault, -EBUSY,
					 "its bitmap '%.200s' is in use, or was not saved by a program that died: end that, or use qemu-img bitmap --remove",
					 qcow2->bitmaps[i].name);
	store->old = qcow2_bitmap_named(qcow2, name);
	if (!store->old)
		return 0;
	if (store->old->granularity != store->new->granularity)
		return fault_set(qcow2->fault, -EINVAL,
				 "its bitmap '%.200s' has granularity %u, this one has %u: remove that with qemu-img bitmap --remove, or use another name",
				 name, store->old->granularity,
				 store->new->granularity);
	if (store->old->extra_size)
		return fault_set(qcow2->fault, -EOPNOTSUPP,
				 "its bitmap '%.200s' has extra data that is unknown here: use another name",
				 name);
	return 0;
}

/*
 * A further extension needs room before the name of the backing file, or that
 * must move; not onto itself, for one of the two to be whole at any time.
 */
static int check_room(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint64_t end = qcow2->extensions_end + EXTENSION_ROOM;

	if (qcow2->extension)
		return 0;
	if (qcow2->backing && qcow2->backing < end) {
		store->backing = qcow2->backing + qcow2->backing_size;
		if (store->backing < end)
			store->backing = end;
		end = store->backing + qcow2->backing_size;
	}
	if (end > qcow2->cluster_size)
		return fault_set(qcow2->fault, -ENOSPC,
				 "its header, of one cluster, has no room for bitmaps: use qemu-img convert -o cluster_size=64k");
	return 0;
}

/* The length of an entry is rounded up. */
static uint64_t new_entry_size(const struct store *store)
{
	return (ENTRY_SIZE + strlen(store->new->name) + 7) / 8 * 8;
}

static int check_directory(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;

	store->directory_size = qcow2->directory_size;
	if (store->old)
		return 0;
	store->directory_size += new_entry_size(store);
	if (qcow2->nr == QCOW2_MAX_BITMAPS ||
	    store->directory_size > MAX_DIRECTORY)
		return fault_set(qcow2->fault, -ENOSPC,
				 "it has as many bitmaps as it can have");
	return 0;
}

static int check(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	int err;

	err = check_new(store);
	if (!err && qcow2->autoclear & ~AUTOCLEAR_KNOWN)
		err = fault_set(qcow2->fault, -EOPNOTSUPP,
				"it has autoclear features that are unknown here: 0x%" PRIx64,
				qcow2->autoclear & ~AUTOCLEAR_KNOWN);
	if (!err)
		err = check_old(store);
	if (!err)
		err = check_room(store);
	if (!err)
		err = check_directory(store);
	if (!err)
		err = refcounts_init(&store->counts, qcow2);
	if (!err)
		err = qcow2_check_metadata(qcow2, &store->counts);
	return err;
}

/* Behind the end of the disk are zeroes, so that no cluster there is all ones. */
static enum bits_kind kind_of(const uint8_t *data, size_t size)
{
	size_t i;

	if (data[0] != 0 && data[0] != 0xff)
		return BITS_DATA;
	for (i = 1; i < size; i++)
		if (data[i] != data[0])
			return BITS_DATA;
	return data[0] ? BITS_ONES : BITS_ZEROES;
}

static int store_cluster(struct store *store, uint32_t i, uint8_t *cluster)
{
	const uint64_t size = store->qcow2->cluster_size;
	struct bits bits = {
		.first = i * size * 8,
		.data = cluster,
	};
	uint64_t left = store->bits - bits.first;
	int err;

	bits.nr = left < size * 8 ? left : size * 8;
	bits.size = qcow2_bits_bytes(bits.nr);
	memset(cluster, 0, size);
	err = store->new->fn(store->new->opaque, &bits);
	if (err)
		return err;
	switch (kind_of(cluster, size)) {
	case BITS_ZEROES:
		store->table[i] = 0;
		return 0;
	case BITS_ONES:
		store->table[i] = ENTRY_ONES;
		return 0;
	default:
		err = refcounts_take(&store->counts, 1, &store->table[i]);
		return err ? err : qcow2_write(store->qcow2, store->table[i],
					       cluster, size);
	}
}

/* Into clusters that are free as far as the image knows. */
static int store_data(struct store *store)
{
	uint8_t *cluster = malloc(store->qcow2->cluster_size);
	uint32_t i;
	int err = 0;

	store->table = calloc(store->table_size, sizeof(*store->table));
	if (!cluster || !store->table)
		err = no_memory(store);
	for (i = 0; i < store->table_size && !err; i++)
		err = store_cluster(store, i, cluster);
	free(cluster);
	return err;
}

/* Takes clusters for @size bytes and fills them, with zeroes behind the bytes. */
static int store_bytes(struct store *store, const void *bytes, uint64_t size,
		       uint64_t *at)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint64_t clusters = qcow2_clusters(qcow2, size);
	uint8_t *padded = calloc(clusters, qcow2->cluster_size);
	int err;

	if (!padded)
		return no_memory(store);
	memcpy(padded, bytes, size);
	err = refcounts_take(&store->counts, clusters, at);
	if (!err)
		err = qcow2_write(qcow2, *at, padded,
				  clusters << qcow2->cluster_bits);
	free(padded);
	return err;
}

static int store_table(struct store *store)
{
	uint64_t *table = calloc(store->table_size, sizeof(*table));
	uint32_t i;
	int err;

	if (!table)
		return no_memory(store);
	for (i = 0; i < store->table_size; i++)
		table[i] = htobe64(store->table[i]);
	err = store_bytes(store, table, store->table_size * 8ULL,
			  &store->table_at);
	free(table);
	return err;
}

/* What another entry of the name said stays, but for its table. */
static void fill_entry(const struct store *store, uint8_t *entry)
{
	uint32_t flags = store->old ? store->old->flags : QCOW2_BITMAP_AUTO;
	size_t length = strlen(store->new->name);

	if (store->new->disabled)
		flags &= ~QCOW2_BITMAP_AUTO;
	put_be64(entry, store->table_at);
	put_be32(entry + 8, store->table_size);
	put_be32(entry + 12, flags);
	entry[16] = TYPE_DIRTY;
	entry[17] = store->new->granularity;
	put_be16(entry + 18, length);
	memcpy(entry + ENTRY_SIZE, store->new->name, length);
}

static int store_directory(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint64_t at = store->old ? store->old->entry : qcow2->directory_size;

	store->directory = calloc(1, store->directory_size);
	if (!store->directory)
		return no_memory(store);
	if (qcow2->nr)
		memcpy(store->directory, qcow2->directory, qcow2->directory_size);
	fill_entry(store, store->directory + at);
	return store_bytes(store, store->directory, store->directory_size,
			   &store->directory_at);
}

/*
 * Behind this the clusters are used, though nothing refers to them. What comes next
 * is flushed before anything does.
 */
static int count_clusters(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	int err = refcounts_place_table(&store->counts);

	if (err)
		return err;
	store->committed = true;
	err = refcounts_write_blocks(&store->counts);
	if (!err)
		err = qcow2_flush(qcow2);
	return err ? err : refcounts_write_table(&store->counts);
}

static int write_autoclear(struct store *store, bool set)
{
	struct qcow2 *qcow2 = store->qcow2;
	uint8_t bytes[8];
	int err;

	if (set)
		qcow2->autoclear |= AUTOCLEAR_BITMAPS;
	else
		qcow2->autoclear &= ~AUTOCLEAR_BITMAPS;
	put_be64(bytes, qcow2->autoclear);
	err = qcow2_write(qcow2, HEADER_AUTOCLEAR, bytes, sizeof(bytes));
	return err ? err : qcow2_flush(qcow2);
}

/* The copy is whole before the header refers to it. */
static int move_backing(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint8_t name[1024];
	uint8_t place[8];
	int err;

	err = qcow2_read(qcow2, qcow2->backing, name, qcow2->backing_size);
	if (!err)
		err = qcow2_write(qcow2, store->backing, name,
				  qcow2->backing_size);
	if (!err)
		err = qcow2_flush(qcow2);
	put_be64(place, store->backing);
	if (!err)
		err = qcow2_write(qcow2, HEADER_BACKING, place, sizeof(place));
	return err ? err : qcow2_flush(qcow2);
}

/*
 * The area of extensions ends, as before, until the eight bytes that begin the
 * new one are written.
 */
static int add_extension(struct store *store, const uint8_t *data)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint8_t behind[EXTENSION_ROOM - 8] = { 0 };
	uint8_t head[8];
	int err = 0;

	if (store->backing)
		err = move_backing(store);
	memcpy(behind, data, BITMAPS_SIZE);
	if (!err)
		err = qcow2_write(qcow2, qcow2->extensions_end + 8, behind,
				  sizeof(behind));
	if (!err)
		err = qcow2_flush(qcow2);
	put_be32(head, EXTENSION_BITMAPS);
	put_be32(head + 4, BITMAPS_SIZE);
	return err ? err : qcow2_write(qcow2, qcow2->extensions_end, head,
				       sizeof(head));
}

static int write_extension(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint8_t data[BITMAPS_SIZE] = { 0 };
	int err;

	put_be32(data, qcow2->nr + !store->old);
	put_be64(data + 8, store->directory_size);
	put_be64(data + 16, store->directory_at);
	if (qcow2->extension)
		err = qcow2_write(qcow2, qcow2->extension, data, sizeof(data));
	else
		err = add_extension(store, data);
	return err ? err : qcow2_flush(qcow2);
}

static int publish(struct store *store)
{
	int err = 0;

	if (store->qcow2->autoclear & AUTOCLEAR_BITMAPS)
		err = write_autoclear(store, false);
	if (!err)
		err = write_extension(store);
	return err ? err : write_autoclear(store, true);
}

static int drop_bitmap(struct store *store, const struct qcow2_bitmap *bitmap)
{
	const struct qcow2 *qcow2 = store->qcow2;
	uint64_t *table;
	uint32_t i;
	int err;

	err = qcow2_table_read(qcow2, bitmap, &table);
	if (err)
		return err;
	for (i = 0; i < bitmap->table_size && !err; i++)
		if (table[i] & ENTRY_OFFSET)
			err = refcounts_drop(&store->counts, table[i], 1);
	free(table);
	if (!err)
		err = refcounts_drop(&store->counts, bitmap->table,
				     qcow2_clusters(qcow2, bitmap->table_size * 8ULL));
	return err;
}

/* What the image no longer refers to. */
static int drop_old(struct store *store)
{
	const struct qcow2 *qcow2 = store->qcow2;
	int err = 0;

	if (store->old)
		err = drop_bitmap(store, store->old);
	if (!err && qcow2->nr)
		err = refcounts_drop(&store->counts, qcow2->directory_at,
				     qcow2_clusters(qcow2, qcow2->directory_size));
	if (!err && store->counts.grown)
		err = refcounts_drop(&store->counts, qcow2->refcounts,
				     qcow2->refcounts_clusters);
	if (!err)
		err = refcounts_write_blocks(&store->counts);
	return err ? err : qcow2_flush(qcow2);
}

static int store_all(struct store *store)
{
	int err = store_data(store);

	if (!err)
		err = store_table(store);
	if (!err)
		err = store_directory(store);
	if (!err)
		err = count_clusters(store);
	if (!err)
		err = publish(store);
	return err ? err : drop_old(store);
}

/* Nothing refers to what has been appended. */
static void cut_off(struct store *store)
{
	struct image *image = store->qcow2->image;

	if (!store->committed && image->size != store->file_size &&
	    !image->truncate(image->opaque, store->file_size))
		image->size = store->file_size;
}

/**
 * qcow2_bitmap_store() - store a bitmap, in the place of one of its name if
 * there is one
 * @qcow2: the image, which can only be closed after this
 * @new: the bitmap; its function is called for every part, in order, with room
 *	for bytes that are zero, when all that can be wrong with the image has
 *	been looked at
 *
 * An image that is refused has not been written to. One that could not be
 * written is as the comment at the top says.
 *
 * Return: 0; -errno with a fault; or what the function has returned, without one.
 */
int qcow2_bitmap_store(struct qcow2 *qcow2, const struct qcow2_new *new)
{
	struct store store = {
		.qcow2 = qcow2,
		.new = new,
		.file_size = qcow2->image->size,
	};
	int err;

	err = check(&store);
	if (!err) {
		err = store_all(&store);
		if (err)
			cut_off(&store);
	}
	refcounts_free(&store.counts);
	free(store.table);
	free(store.directory);
	return err;
}
