// SPDX-License-Identifier: GPL-2.0
/*
 * Where an image's metadata is
 *
 * Before an image is written it is made sure that what will be written, freed or
 * kept does not lie in clusters that are free, or used for two things.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "qcow2_refcount.h"

#define OFFSET_MASK 0x00fffffffffffe00ULL

/**
 * struct place - clusters that something is in
 * @first: the first
 * @nr: their number
 * @what: what is there
 */
struct place {
	uint64_t first;
	uint64_t nr;
	const char *what;
};

/**
 * struct places - all of them
 * @qcow2: the image
 * @place: they
 * @nr: their number
 * @room: how many @place has room for
 */
struct places {
	const struct qcow2 *qcow2;
	struct place *place;
	size_t nr;
	size_t room;
};

static int refuse(const struct qcow2 *qcow2, const struct place *place,
		  const char *why)
{
	return fault_set(qcow2->fault, -EINVAL,
			 "cluster %" PRIu64 ", in which is %s, %s: use qemu-img check -r all",
			 place->first, place->what, why);
}

static int add(struct places *places, uint64_t at, uint64_t bytes,
	       const char *what)
{
	const struct qcow2 *qcow2 = places->qcow2;
	struct place *more;

	if (places->nr == places->room) {
		places->room = places->room ? places->room * 2 : 64;
		more = realloc(places->place, places->room * sizeof(*more));
		if (!more)
			return fault_set(qcow2->fault, -ENOMEM, "no memory");
		places->place = more;
	}
	places->place[places->nr++] = (struct place){
		.first = at >> qcow2->cluster_bits,
		.nr = qcow2_clusters(qcow2, bytes),
		.what = what,
	};
	/* So many cannot be distinct, and need not be kept to be sorted. */
	if (places->nr > qcow2_clusters(qcow2, qcow2->image->size))
		return refuse(qcow2, &places->place[places->nr - 1],
			      "is used for something else too");
	return 0;
}

static int add_bitmap(struct places *places, const struct qcow2_bitmap *bitmap)
{
	const struct qcow2 *qcow2 = places->qcow2;
	uint64_t *table;
	uint32_t i;
	int err;

	err = add(places, bitmap->table, bitmap->table_size * 8ULL,
		  "a bitmap table");
	if (err)
		return err;
	err = qcow2_table_read(qcow2, bitmap, &table);
	if (err)
		return err;
	for (i = 0; i < bitmap->table_size && !err; i++)
		if (table[i] & OFFSET_MASK)
			err = add(places, table[i], qcow2->cluster_size,
				  "a bitmap");
	free(table);
	return err;
}

static int add_all(struct places *places, const struct refcounts *counts)
{
	const struct qcow2 *qcow2 = places->qcow2;
	uint64_t i;
	int err;

	err = add(places, 0, qcow2->cluster_size, "the header");
	if (!err)
		err = add(places, counts->at,
			  (uint64_t)counts->clusters << qcow2->cluster_bits,
			  "the refcount table");
	for (i = 0; i < counts->nr && !err; i++)
		if (counts->table[i])
			err = add(places, counts->table[i], qcow2->cluster_size,
				  "a refcount block");
	if (!err && qcow2->l1_size)
		err = add(places, qcow2->l1, qcow2->l1_size * 8ULL,
			  "the L1 table");
	if (!err && qcow2->nr_snapshots)
		err = add(places, qcow2->snapshots, 1, "the snapshot table");
	if (!err && qcow2->nr)
		err = add(places, qcow2->directory_at, qcow2->directory_size,
			  "the bitmap directory");
	for (i = 0; i < qcow2->nr && !err; i++)
		err = add_bitmap(places, &qcow2->bitmaps[i]);
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct place *one = a, *other = b;

	if (one->first != other->first)
		return one->first < other->first ? -1 : 1;
	return 0;
}

static int check_counts(const struct places *places, struct refcounts *counts,
			const struct place *place)
{
	uint64_t i, count;
	int err;

	for (i = 0; i < place->nr; i++) {
		err = refcounts_get(counts, place->first + i, &count);
		if (err)
			return err;
		if (count != 1)
			return refuse(places->qcow2, place,
				      "is not counted as used once");
	}
	return 0;
}

/**
 * qcow2_check_metadata() - is it safe to write into an image?
 * @qcow2: the image
 * @counts: its reference counts
 *
 * Return: 0 or -errno, with a fault.
 */
int qcow2_check_metadata(const struct qcow2 *qcow2, struct refcounts *counts)
{
	struct places places = { .qcow2 = qcow2 };
	const struct place *place;
	size_t i;
	int err;

	err = add_all(&places, counts);
	if (err)
		goto out;
	qsort(places.place, places.nr, sizeof(*places.place), compare);
	for (i = 0; i < places.nr && !err; i++) {
		place = &places.place[i];
		if (i && place->first < place[-1].first + place[-1].nr)
			err = refuse(qcow2, place,
				     "is used for something else too");
		else
			err = check_counts(&places, counts, place);
	}
out:
	free(places.place);
	return err;
}
