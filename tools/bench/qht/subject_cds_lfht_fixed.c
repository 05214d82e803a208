// SPDX-License-Identifier: GPL-2.0
/*
 * The same table at its fastest: as many buckets as entries, known beforehand and
 * in one array, which takes a limit to be given; never resized, nothing counted.
 */
#include "lfht_table.h"

#define SUBJECT	"cds_lfht-fixed"

static struct table *table_create(size_t n)
{
	return (struct table *)cds_lfht_new_flavor(n, n, 1UL << 31, 0,
						   &urcu_memb_flavor, NULL);
}

#include "workloads.h"

const struct subject cds_lfht_fixed = {
	SUBJECT_OPERATIONS,
	.in_entry = sizeof(struct cds_lfht_node),
};
