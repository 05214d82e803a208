/* SPDX-License-Identifier: GPL-2.0 */
/* The names of objects: names.c, and names_watch.c who waits for them. */
#ifndef _QDS_NAMES_H
#define _QDS_NAMES_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/qds.h>

struct qds_cmd;
struct qds_object;

/* A name as a caller gives it. */
struct qds_name_key {
	u32 len;
	char text[QDS_NAME_LEN];
};

/**
 * struct qds_name_watches - what a file of the device watches
 * @lock: of the list
 * @list: struct qds_name_watcher
 * @nr: how many
 */
struct qds_name_watches {
	struct mutex lock; /* of the list */
	struct list_head list;
	unsigned int nr;
};

/* names.c */

int qds_name_check(u32 len);
int qds_name_read(u64 name, u32 len, struct qds_name_key *key);
int qds_object_link_prepare(const struct qds_cmd *cmd);
int qds_object_link(struct qds_cmd *cmd);
int qds_object_publish_prepare(const struct qds_cmd *cmd);
int qds_object_publish(struct qds_cmd *cmd);
int qds_name_open_prepare(const struct qds_cmd *cmd);
int qds_name_open(struct qds_cmd *cmd);
int qds_name_unlink_prepare(const struct qds_cmd *cmd);
int qds_name_unlink(struct qds_cmd *cmd);
int qds_name_list_prepare(const struct qds_cmd *cmd);
int qds_name_list(struct qds_cmd *cmd);
void qds_names_forget(struct qds_object *object);
int qds_names_init(void);
void qds_names_exit(void);

/* names_watch.c */

int qds_name_watch_prepare(const struct qds_cmd *cmd);
int qds_name_watch(struct qds_cmd *cmd);
void qds_names_tell(u32 event, const struct qds_name_key *key);
void qds_name_watches_init(struct qds_name_watches *watches);
void qds_name_watches_exit(struct qds_name_watches *watches);
void qds_names_watch_init(void);

#endif /* _QDS_NAMES_H */
