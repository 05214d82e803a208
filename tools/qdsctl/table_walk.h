/* SPDX-License-Identifier: GPL-2.0 */
/* Walks over tables, with as much room as the entries need. */
#ifndef QDSCTL_TABLE_WALK_H
#define QDSCTL_TABLE_WALK_H

#include "libqds.h"

int walk_init(struct qds_walk *walk, const struct qds_table_info *info);
void walk_end(struct qds_walk *walk);
int walk_next(int fd, struct qds_walk *walk);

#endif /* QDSCTL_TABLE_WALK_H */
