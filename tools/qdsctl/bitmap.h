/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the bitmap commands share. */
#ifndef QDSCTL_BITMAP_H
#define QDSCTL_BITMAP_H

#include "qdsctl.h"

/**
 * struct bitmap - a bitmap that a command works on
 * @object: its name and descriptor
 * @items: its number of items
 * @granularity: its granularity
 * @align: where ranges must be aligned, it is to 1 << align items
 */
struct bitmap {
	struct object object;
	uint64_t items;
	uint32_t granularity;
	uint32_t align;
};

enum status bitmap_find(const struct call *call, struct bitmap *bitmap);
enum status bitmap_range(const struct call *call, const struct bitmap *bitmap,
			 const char *text, struct qds_range *range);
enum status bitmap_range_error(const struct call *call,
			       const struct bitmap *bitmap,
			       const struct qds_range *range, int err);

/* serialize.c */
extern const struct argp_option serialize_options[];
extern const struct argp_option deserialize_options[];
enum status run_serialize(struct call *call);
enum status run_serialize_size(struct call *call);
enum status run_deserialize(struct call *call);
enum status run_finish(struct call *call);
void report_half(const struct call *call, const struct bitmap *bitmap);

/* chunks.c */
enum status run_chunks(struct call *call);

/* history.c */
extern const struct argp_option attach_options[];
extern const struct argp_option history_options[];
enum status point_parse(const struct call *call, const char *text,
			struct qds_bitmap_point *point);
void point_print(const struct call *call, const struct qds_bitmap_point *point);
enum status run_attach(struct call *call);
enum status run_detach(struct call *call);
enum status run_history(struct call *call);

/* whole.c */
extern const struct argp_option copy_options[];
extern const struct argp_option take_options[];
extern const struct argp_option merge_options[];
extern const struct argp_option wait_options[];
enum status run_begin(struct call *call);
enum status run_seal(struct call *call);
enum status run_take(struct call *call);
enum status run_clone(struct call *call);
enum status run_merge(struct call *call);
enum status run_truncate(struct call *call);
enum status run_digest(struct call *call);
enum status run_wait(struct call *call);
enum status run_status(struct call *call);

/* import.c, export.c */
extern const struct argp_option import_options[];
extern const struct argp_option export_options[];
extern const char import_details[];
extern const char export_details[];
enum status run_import(struct call *call);
enum status run_export(struct call *call);

#endif /* QDSCTL_BITMAP_H */
