/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a user may have: bounds for all objects of one user together. The files of
 * the device charge what they make to the user who asked for it; limits.c counts.
 */
#ifndef _QDS_LIMITS_H
#define _QDS_LIMITS_H

#include <linux/types.h>

struct qds_user;
struct seq_file;

enum qds_limit {
	QDS_LIMIT_OBJECTS,
	QDS_LIMIT_NAMES,
	QDS_LIMIT_FDS,		/* files in fd stores */
	QDS_LIMIT_ENTRIES,	/* of tables */
	QDS_LIMIT_BITS,		/* of bitmaps, dirty or clean */
	QDS_LIMITS,
};

struct qds_user *qds_user_get(void);
struct qds_user *qds_user_hold(struct qds_user *user);
void qds_user_put(struct qds_user *user);
u32 qds_user_id(const struct qds_user *user);
int qds_charge(struct qds_user *user, enum qds_limit which, u64 n);
void qds_uncharge(struct qds_user *user, enum qds_limit which, u64 n);
u64 qds_limit(enum qds_limit which);
void qds_users_show(struct seq_file *m);
int qds_limits_init(void);
void qds_limits_exit(void);

#endif /* _QDS_LIMITS_H */
