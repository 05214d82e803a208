/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands on fd stores share. */
#ifndef QDSCTL_FDSTORE_H
#define QDSCTL_FDSTORE_H

#include "qdsctl.h"

/* Keys told at once. */
#define RECORDS 64

/**
 * typedef record_fn - what is done with a key of a store
 * @opaque: as given to walk_store()
 * @record: the key
 *
 * Return: STATUS_OK, or another after an error message, to stop.
 */
typedef enum status (*record_fn)(void *opaque, const struct qds_fdstore_record *record);

enum status walk_store(struct call *call, const struct object *store, record_fn fn,
		       void *opaque);

/* fdstore_stream.c */
enum status run_fdstore_export(struct call *call);
enum status run_fdstore_import(struct call *call);

#endif /* QDSCTL_FDSTORE_H */
