// SPDX-License-Identifier: GPL-2.0
/*
 * liburcu's lock-free hash table as its documentation has it: without a limit,
 * it counts its entries and resizes itself.
 */
#include "lfht_table.h"

#define SUBJECT	"cds_lfht"

/* For a known size, one bucket for each entry: what it would grow to. */
static struct table *table_create(size_t n)
{
	size_t buckets = n ? n : 64;

	return (struct table *)cds_lfht_new_flavor(buckets, buckets, 0,
						   CDS_LFHT_AUTO_RESIZE |
						   CDS_LFHT_ACCOUNTING,
						   &urcu_memb_flavor, NULL);
}

#include "workloads.h"

const struct subject cds_lfht = {
	SUBJECT_OPERATIONS,
	.in_entry = sizeof(struct cds_lfht_node),
};
