// SPDX-License-Identifier: GPL-2.0
/*
 * The object model of /dev/qds and what holds for every command: how a struct
 * is sized, what is refused, and that a refused call changes nothing. These
 * tests are generated from one table of all commands.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define KEYS		8	/* the even ones are in the table */
#define ITEMS		1000
#define BYTES		(DIV_ROUND_UP(ITEMS, 64) * 8)
#define MAX_SIZE	4096	/* of any struct, by the ABI */
#define MAX_EXTENTS	64

#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))

/* One object of each kind and state, and the memory that valid calls point to. */
struct objects {
	int dev;
	int table;
	int bitmap;
	int restoring;
	int source;		/* another bitmap, to be merged */
	int event;		/* an eventfd */
	struct qds_name_entry names[4];
	__u64 present[KEYS / 2];
	__u64 absent[KEYS / 2];
	__u64 values[KEYS / 2];
	__s32 results[KEYS / 2];
	struct qds_dist_entry chain[KEYS];
	struct qds_dist_entry occupancy[KEYS];
	struct qds_range ranges[2];
	struct qds_extent extents[MAX_EXTENTS];
	struct qds_chunk chunks[2];	/* with the data: all of a bitmap */
	__u8 data[BYTES];
};

/* All that a refused call must leave as it was. */
struct state {
	int fds;
	int refs;
	__u64 entries;
	__u32 table_state;
	__s32 present[KEYS];
	__u64 values[KEYS];
	__u64 dirty;
	__u32 bitmap_state;
	__s32 items[ITEMS];
	__u64 restoring_dirty;
	__u32 restoring_state;
	__u32 writers;
	struct qds_name_entry names[4];
};

/* The struct of a command, with room behind it. */
union arg {
	__u32 size;
	struct {
		__u32 size;
		__u32 flags;
	} head;
	struct qds_table_create table_create;
	struct qds_bitmap_create bitmap_create;
	struct qds_fdstore_create fdstore_create;
	struct qds_object_reopen reopen;
	struct qds_object_link link;
	struct qds_object_publish publish;
	struct qds_object_watch object_watch;
	struct qds_name_open name_open;
	struct qds_name_unlink name_unlink;
	struct qds_name_list name_list;
	struct qds_name_watch name_watch;
	struct qds_table_vec table_vec;
	struct qds_table_stats table_stats;
	struct qds_table_walk table_walk;
	struct qds_bitmap_vec bitmap_vec;
	struct qds_bitmap_count count;
	struct qds_bitmap_extents extents;
	struct qds_bitmap_serialize_size serialize_size;
	struct qds_bitmap_chunk chunk;
	struct qds_bitmap_watch watch;
	struct qds_bitmap_copy copy;
	struct qds_bitmap_merge merge;
	struct qds_bitmap_truncate truncate;
	struct qds_bitmap_chunks chunks;
	__u8 bytes[2 * MAX_SIZE];
};

enum target { DEVICE, TABLE, BITMAP, RESTORING, TARGETS };

static int target_fd(const struct objects *o, enum target on)
{
	const int fds[TARGETS] = { o->dev, o->table, o->bitmap, o->restoring };

	return fds[on];
}

/* Each fills in the inputs of a call that succeeds; all else is garbage yet. */

static void fill_flags(union arg *a, const struct objects *o)
{
	(void)o;
	a->head.flags = 0;
}

static void fill_table_create(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->table_create.key_size = 8;
	a->table_create.value_size = 8;
	a->table_create.max_entries = 100;
	a->table_create.size_hint = 10;
	a->table_create.__reserved = 0;
}

static void fill_bitmap_create(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->bitmap_create.items = ITEMS;
	a->bitmap_create.granularity = 3;
}

static void fill_fdstore_create(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->fdstore_create.max_entries = 100;
	a->fdstore_create.__reserved = 0;
}

static void fill_reopen(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->reopen.access = QDS_ACCESS_READ;
}

/* One that is published, one that is free, and ones reserved for an object each. */
#define NAME_LEN		4
#define NAME_PUBLISHED		"here"
#define NAME_FREE		"free"
#define NAME_OF_TABLE		"tabl"
#define NAME_OF_BITMAP		"bitm"

static void fill_link(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->link.name = PTR(NAME_FREE);
	a->link.name_len = NAME_LEN;
	a->link.mode = 0640;
}

static void fill_publish_table(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->publish.name = PTR(NAME_OF_TABLE);
	a->publish.name_len = NAME_LEN;
	a->publish.__reserved = 0;
}

static void fill_publish_bitmap(union arg *a, const struct objects *o)
{
	fill_publish_table(a, o);
	a->publish.name = PTR(NAME_OF_BITMAP);
}

static void fill_object_watch(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->object_watch.eventfd = o->event;
	a->object_watch.events = QDS_EVENT_REACHED;
	a->object_watch.amount = 1;
}

static void fill_name_open(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->name_open.name = PTR(NAME_PUBLISHED);
	a->name_open.name_len = NAME_LEN;
	a->name_open.access = QDS_ACCESS_READ;
	a->name_open.__reserved = 0;
}

static void fill_name_unlink(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->name_unlink.name = PTR(NAME_PUBLISHED);
	a->name_unlink.name_len = NAME_LEN;
	a->name_unlink.__reserved = 0;
}

static void fill_name_list(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->name_list.cursor = 0;
	a->name_list.entries = PTR(o->names);
	a->name_list.nr = ARRAY_SIZE(o->names);
	a->name_list.__reserved = 0;
}

static void fill_name_watch(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->name_watch.name = PTR(NAME_FREE);
	a->name_watch.name_len = NAME_LEN;
	a->name_watch.eventfd = o->event;
	a->name_watch.events = QDS_NAME_PUBLISHED;
	a->name_watch.__reserved = 0;
}

static void fill_table_vec(union arg *a, const struct objects *o, const __u64 *keys)
{
	fill_flags(a, o);
	a->table_vec.nr = KEYS / 2;
	a->table_vec.key_size = sizeof(*keys);
	a->table_vec.value_size = 0;
	a->table_vec.keys = PTR(keys);
	a->table_vec.values = 0;
	a->table_vec.results = PTR(o->results);
	a->table_vec.key_lens = 0;
	a->table_vec.value_lens = 0;
}

static void fill_lookup(union arg *a, const struct objects *o)
{
	fill_table_vec(a, o, o->present);
	a->table_vec.value_size = sizeof(o->values[0]);
	a->table_vec.values = PTR(o->values);
}

static void fill_insert(union arg *a, const struct objects *o)
{
	fill_lookup(a, o);
	a->table_vec.keys = PTR(o->absent);
}

static void fill_remove(union arg *a, const struct objects *o)
{
	fill_table_vec(a, o, o->present);
}

static void fill_table_stats(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->table_stats.chain = PTR(o->chain);
	a->table_stats.occupancy = PTR(o->occupancy);
	a->table_stats.chain_nr = KEYS;
	a->table_stats.occupancy_nr = KEYS;
}

static void fill_table_walk(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->table_walk.cursor = 0;
	a->table_walk.keys = PTR(o->extents);
	a->table_walk.values = PTR(o->values);
	a->table_walk.key_lens = 0;
	a->table_walk.value_lens = 0;
	a->table_walk.key_bytes = sizeof(o->extents);
	a->table_walk.value_bytes = sizeof(o->values);
	a->table_walk.nr = KEYS / 2;
	a->table_walk.__reserved = 0;
}

static void fill_bitmap_vec(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->bitmap_vec.nr = ARRAY_SIZE(o->ranges);
	a->bitmap_vec.ranges = PTR(o->ranges);
	a->bitmap_vec.results = PTR(o->results);
}

static void fill_count(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->count.start = 0;
	a->count.count = ITEMS;
}

static void fill_extents(union arg *a, const struct objects *o)
{
	a->extents.flags = QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN;
	a->extents.start = 0;
	a->extents.count = ITEMS;
	a->extents.extents = PTR(o->extents);
	a->extents.nr = MAX_EXTENTS;
	a->extents.__reserved = 0;
}

static void fill_serialize_size(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->serialize_size.start = 0;
	a->serialize_size.count = ITEMS;
}

static void fill_chunk(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->chunk.start = 0;
	a->chunk.count = ITEMS;
	a->chunk.data = PTR(o->data);
	a->chunk.data_size = BYTES;
}

static void fill_watch(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->watch.dirty = 1;
}

static void fill_copy(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->copy.__reserved = 0;
}

static void fill_merge(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->merge.source = o->source;
	a->merge.how = QDS_MERGE_OR;
}

static void fill_truncate(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->truncate.items = ITEMS - 1;
}

static void fill_serialize_chunks(union arg *a, const struct objects *o)
{
	fill_flags(a, o);
	a->chunks.start = 0;
	a->chunks.count = ITEMS;
	a->chunks.chunks = PTR(o->extents);
	a->chunks.data = PTR(o->data);
	a->chunks.data_size = BYTES;
	a->chunks.nr = 1;
}

static void fill_deserialize_chunks(union arg *a, const struct objects *o)
{
	fill_serialize_chunks(a, o);
	a->chunks.count = 0;
	a->chunks.chunks = PTR(o->chunks);
	a->chunks.nr = ARRAY_SIZE(o->chunks);
	a->chunks.data = PTR(o->data + 8);
	a->chunks.data_size = BYTES - 8;
}

/* Offsets of an output, and of no member. */
#define OUT(type, member)	offsetof(struct type, member)
#define NONE			0

/*
 * Every command on every object that has it. The sizes are numbers because an
 * ABI does not change: a header where they differ would break old programs.
 */
static const struct command {
	const char *name;
	unsigned int number;
	enum target on;
	__u32 size;		/* of the struct in its first version */
	bool writes;		/* EBADF without write access */
	__u32 grown;		/* its size today, if it is another */
	__u32 flags;		/* the bits that have a name */
	size_t out;		/* the last output */
	size_t out_fd;		/* the output that is a descriptor */
	size_t reserved;
	void (*fill)(union arg *a, const struct objects *o);
} commands[] = {
	{ "CAPS", QDS_CAPS, DEVICE, 48, .grown = 88, .fill = fill_flags,
	  .out = OUT(qds_caps, max_serial_granularity) },
	{ "TABLE_CREATE", QDS_TABLE_CREATE, DEVICE, 40, true, .fill = fill_table_create,
	  .flags = QDS_TABLE_VARLEN,
	  .out = OUT(qds_table_create, out_fd), .out_fd = OUT(qds_table_create, out_fd),
	  .reserved = OUT(qds_table_create, __reserved) },
	{ "BITMAP_CREATE", QDS_BITMAP_CREATE, DEVICE, 24, true, .fill = fill_bitmap_create,
	  .out = OUT(qds_bitmap_create, out_fd), .out_fd = OUT(qds_bitmap_create, out_fd) },
	{ "NAME_OPEN", QDS_NAME_OPEN, DEVICE, 32, .fill = fill_name_open,
	  .out = OUT(qds_name_open, out_fd), .out_fd = OUT(qds_name_open, out_fd),
	  .reserved = OUT(qds_name_open, __reserved) },
	{ "NAME_UNLINK", QDS_NAME_UNLINK, DEVICE, 24, true, .fill = fill_name_unlink,
	  .out = NONE, .reserved = OUT(qds_name_unlink, __reserved) },
	{ "NAME_LIST", QDS_NAME_LIST, DEVICE, 32, .fill = fill_name_list,
	  .out = OUT(qds_name_list, nr), .reserved = OUT(qds_name_list, __reserved) },
	{ "NAME_WATCH", QDS_NAME_WATCH, DEVICE, 32, .fill = fill_name_watch,
	  .flags = QDS_WATCH_REMOVE, .out = NONE,
	  .reserved = OUT(qds_name_watch, __reserved) },
	{ "FDSTORE_CREATE", QDS_FDSTORE_CREATE, DEVICE, 24, true,
	  .fill = fill_fdstore_create,
	  .out = OUT(qds_fdstore_create, out_fd), .out_fd = OUT(qds_fdstore_create, out_fd),
	  .reserved = OUT(qds_fdstore_create, __reserved) },
	{ "OBJECT_INFO of a table", QDS_OBJECT_INFO, TABLE, 16, .grown = 24, .fill = fill_flags,
	  .out = OUT(qds_object_info, access) },
	{ "OBJECT_INFO of a bitmap", QDS_OBJECT_INFO, BITMAP, 16, .grown = 24, .fill = fill_flags,
	  .out = OUT(qds_object_info, access) },
	{ "OBJECT_REOPEN of a table", QDS_OBJECT_REOPEN, TABLE, 16, .fill = fill_reopen,
	  .out = OUT(qds_object_reopen, out_fd), .out_fd = OUT(qds_object_reopen, out_fd) },
	{ "OBJECT_REOPEN of a bitmap", QDS_OBJECT_REOPEN, BITMAP, 16, .fill = fill_reopen,
	  .out = OUT(qds_object_reopen, out_fd), .out_fd = OUT(qds_object_reopen, out_fd) },
	{ "OBJECT_LINK of a table", QDS_OBJECT_LINK, TABLE, 24, true, .fill = fill_link,
	  .flags = QDS_LINK_RESERVE, .out = NONE },
	{ "OBJECT_LINK of a bitmap", QDS_OBJECT_LINK, BITMAP, 24, true, .fill = fill_link,
	  .flags = QDS_LINK_RESERVE, .out = NONE },
	{ "OBJECT_PUBLISH of a table", QDS_OBJECT_PUBLISH, TABLE, 24, true,
	  .fill = fill_publish_table, .out = NONE,
	  .reserved = OUT(qds_object_publish, __reserved) },
	{ "OBJECT_PUBLISH of a bitmap", QDS_OBJECT_PUBLISH, BITMAP, 24, true,
	  .fill = fill_publish_bitmap, .out = NONE,
	  .reserved = OUT(qds_object_publish, __reserved) },
	{ "OBJECT_WATCH of a table", QDS_OBJECT_WATCH, TABLE, 24, .fill = fill_object_watch,
	  .flags = QDS_WATCH_REMOVE | QDS_WATCH_ONCE, .out = NONE },
	{ "OBJECT_WATCH of a bitmap", QDS_OBJECT_WATCH, BITMAP, 24, .fill = fill_object_watch,
	  .flags = QDS_WATCH_REMOVE | QDS_WATCH_ONCE, .out = NONE },
	{ "TABLE_INFO", QDS_TABLE_INFO, TABLE, 40, .grown = 48, .fill = fill_flags,
	  .out = OUT(qds_table_info, buckets) },
	{ "TABLE_INSERT", QDS_TABLE_INSERT, TABLE, 48, true, .grown = 64, .fill = fill_insert,
	  .out = OUT(qds_table_vec, done) },
	{ "TABLE_LOOKUP", QDS_TABLE_LOOKUP, TABLE, 48, .grown = 64, .fill = fill_lookup,
	  .out = OUT(qds_table_vec, done) },
	{ "TABLE_REMOVE", QDS_TABLE_REMOVE, TABLE, 48, true, .grown = 64, .fill = fill_remove,
	  .out = OUT(qds_table_vec, done) },
	{ "TABLE_STATS", QDS_TABLE_STATS, TABLE, 72, .fill = fill_table_stats,
	  .out = OUT(qds_table_stats, occupancy_nr) },
	{ "TABLE_WALK", QDS_TABLE_WALK, TABLE, 72, .fill = fill_table_walk,
	  .out = OUT(qds_table_walk, nr), .reserved = OUT(qds_table_walk, __reserved) },
	{ "TABLE_SEAL", QDS_TABLE_SEAL, TABLE, 8, true, .fill = fill_flags,
	  .out = NONE },
	{ "BITMAP_INFO", QDS_BITMAP_INFO, BITMAP, 40, .fill = fill_flags,
	  .out = OUT(qds_bitmap_info, memory) },
	{ "BITMAP_SET", QDS_BITMAP_SET, BITMAP, 32, true, .fill = fill_bitmap_vec,
	  .out = OUT(qds_bitmap_vec, done) },
	{ "BITMAP_RESET", QDS_BITMAP_RESET, BITMAP, 32, true, .fill = fill_bitmap_vec,
	  .out = OUT(qds_bitmap_vec, done) },
	{ "BITMAP_TEST", QDS_BITMAP_TEST, BITMAP, 32, .fill = fill_bitmap_vec,
	  .out = OUT(qds_bitmap_vec, done) },
	{ "BITMAP_COUNT", QDS_BITMAP_COUNT, BITMAP, 32, .fill = fill_count,
	  .out = OUT(qds_bitmap_count, dirty) },
	{ "BITMAP_EXTENTS", QDS_BITMAP_EXTENTS, BITMAP, 48, .fill = fill_extents,
	  .flags = QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN,
	  .out = OUT(qds_bitmap_extents, next), .reserved = OUT(qds_bitmap_extents, __reserved) },
	{ "BITMAP_SERIALIZE_SIZE", QDS_BITMAP_SERIALIZE_SIZE, BITMAP, 40,
	  .fill = fill_serialize_size, .out = OUT(qds_bitmap_serialize_size, align) },
	{ "BITMAP_SERIALIZE", QDS_BITMAP_SERIALIZE, BITMAP, 48, .fill = fill_chunk,
	  .out = OUT(qds_bitmap_chunk, done) },
	{ "BITMAP_DESERIALIZE", QDS_BITMAP_DESERIALIZE, BITMAP, 48, true, .fill = fill_chunk,
	  .flags = QDS_CHUNK_ZEROES | QDS_CHUNK_ONES, .out = OUT(qds_bitmap_chunk, done) },
	{ "BITMAP_DESERIALIZE going on", QDS_BITMAP_DESERIALIZE, RESTORING, 48, true,
	  .fill = fill_chunk, .flags = QDS_CHUNK_ZEROES | QDS_CHUNK_ONES,
	  .out = OUT(qds_bitmap_chunk, done) },
	{ "BITMAP_FINISH", QDS_BITMAP_FINISH, RESTORING, 8, true, .fill = fill_flags,
	  .out = NONE },
	{ "BITMAP_BEGIN", QDS_BITMAP_BEGIN, BITMAP, 8, true, .fill = fill_flags,
	  .out = NONE },
	{ "BITMAP_SEAL", QDS_BITMAP_SEAL, BITMAP, 8, true, .fill = fill_flags,
	  .out = NONE },
	{ "BITMAP_WATCH", QDS_BITMAP_WATCH, BITMAP, 16, .fill = fill_watch,
	  .out = NONE },
	{ "BITMAP_TAKE", QDS_BITMAP_TAKE, BITMAP, 16, true, .grown = 48, .fill = fill_copy,
	  .flags = QDS_TAKE_SINCE,
	  .out = OUT(qds_bitmap_copy, out_fd), .out_fd = OUT(qds_bitmap_copy, out_fd),
	  .reserved = OUT(qds_bitmap_copy, __reserved) },
	{ "BITMAP_CLONE", QDS_BITMAP_CLONE, BITMAP, 16, .grown = 48, .fill = fill_copy,
	  .out = OUT(qds_bitmap_copy, out_fd), .out_fd = OUT(qds_bitmap_copy, out_fd),
	  .reserved = OUT(qds_bitmap_copy, __reserved) },
	{ "BITMAP_MERGE", QDS_BITMAP_MERGE, BITMAP, 16, true, .fill = fill_merge,
	  .out = NONE },
	{ "BITMAP_TRUNCATE", QDS_BITMAP_TRUNCATE, BITMAP, 16, true, .fill = fill_truncate,
	  .out = NONE },
	{ "BITMAP_DIGEST", QDS_BITMAP_DIGEST, BITMAP, 40, .fill = fill_flags,
	  .out = OUT(qds_bitmap_digest, digest) },
	{ "BITMAP_SERIALIZE_CHUNKS", QDS_BITMAP_SERIALIZE_CHUNKS, BITMAP, 72,
	  .fill = fill_serialize_chunks, .out = OUT(qds_bitmap_chunks, done) },
	{ "BITMAP_DESERIALIZE_CHUNKS", QDS_BITMAP_DESERIALIZE_CHUNKS, BITMAP, 72, true,
	  .fill = fill_deserialize_chunks, .out = OUT(qds_bitmap_chunks, done) },
	{ "BITMAP_ATTACH", QDS_BITMAP_ATTACH, BITMAP, 32, true, .fill = fill_flags,
	  .flags = QDS_ATTACH_MARKS_FIRST, .out = OUT(qds_bitmap_attach, generation) },
	{ "BITMAP_DETACH", QDS_BITMAP_DETACH, RESTORING, 8, true, .fill = fill_flags,
	  .out = NONE },
	{ "BITMAP_HISTORY", QDS_BITMAP_HISTORY, BITMAP, 56, .fill = fill_flags,
	  .out = OUT(qds_bitmap_history, complete) },
};

#define for_each_command(c) \
	for (c = commands; c < commands + ARRAY_SIZE(commands); c++)

/* A valid call of @c: what is not an input holds garbage, what is behind holds 0. */
static void fill(union arg *a, const struct command *c, const struct objects *o)
{
	memset(a, 0, sizeof(*a));
	memset(a, 0xa5, c->size);
	a->size = c->size;
	c->fill(a, o);
}

static int insert_present(struct objects *o)
{
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = KEYS / 2,
		.key_size = 8,
		.value_size = 8,
		.keys = PTR(o->present),
		.values = PTR(o->values),
	};

	return call(o->table, QDS_TABLE_INSERT, &vec);
}

static int attach_writer(int fd)
{
	struct qds_bitmap_attach attach = { .size = sizeof(attach) };

	return call(fd, QDS_BITMAP_ATTACH, &attach);
}

static int begin_restore(int fd)
{
	struct qds_bitmap_chunk chunk = {
		.size = sizeof(chunk),
		.flags = QDS_CHUNK_ONES,
		.count = 64,
	};

	return call(fd, QDS_BITMAP_DESERIALIZE, &chunk);
}

static int link_name(int fd, const char *name, __u32 flags)
{
	struct qds_object_link link = {
		.size = sizeof(link),
		.flags = flags,
		.name = PTR(name),
		.name_len = NAME_LEN,
		.mode = 0600,
	};

	return call(fd, QDS_OBJECT_LINK, &link);
}

static int link_names(const struct objects *o)
{
	int ret = link_name(o->source, NAME_PUBLISHED, 0);

	if (!ret)
		ret = link_name(o->table, NAME_OF_TABLE, QDS_LINK_RESERVE);
	return ret ? ret : link_name(o->bitmap, NAME_OF_BITMAP, QDS_LINK_RESERVE);
}

/* Names do not go with the descriptors, as all else does. */
static void unlink_names(int dev)
{
	static const char *const names[] = {
		NAME_PUBLISHED, NAME_FREE, NAME_OF_TABLE, NAME_OF_BITMAP,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct qds_name_unlink unlink = {
			.size = sizeof(unlink),
			.name = PTR(names[i]),
			.name_len = NAME_LEN,
		};

		call(dev, QDS_NAME_UNLINK, &unlink);
	}
}

static int objects_make(struct objects *o)
{
	int i, ret;

	memset(o, 0, sizeof(*o));
	o->table = -1;
	o->bitmap = -1;
	o->restoring = -1;
	o->source = -1;
	o->event = -1;
	for (i = 0; i < KEYS / 2; i++) {
		o->present[i] = 2 * i;
		o->absent[i] = 2 * i + 1;
		o->values[i] = 0x1000 + i;
	}
	/* Half of each range is dirty, so that both SET and RESET change it. */
	o->ranges[0] = (struct qds_range) { .start = 100, .count = 20 };
	o->ranges[1] = (struct qds_range) { .start = 300, .count = 400 };
	memset(o->data, 0x35, ITEMS / 8);
	o->chunks[0] = (struct qds_chunk) { .count = 64, .flags = QDS_CHUNK_ONES };
	o->chunks[1] = (struct qds_chunk) {
		.start = 64,
		.count = ITEMS - 64,
		.bytes = BYTES - 8,
	};

	o->dev = open(QDS_PATH, O_RDWR | O_CLOEXEC);
	if (o->dev < 0)
		return -errno;
	unlink_names(o->dev);
	o->event = eventfd(0, EFD_CLOEXEC);
	if (o->event < 0)
		return -errno;
	o->table = table_create(o->dev, 8, 8, 0);
	if (o->table < 0)
		return o->table;
	o->bitmap = bitmap_create(o->dev, ITEMS, 0);
	if (o->bitmap < 0)
		return o->bitmap;
	o->restoring = bitmap_create(o->dev, ITEMS, 0);
	if (o->restoring < 0)
		return o->restoring;
	o->source = bitmap_create(o->dev, ITEMS, 0);
	if (o->source < 0)
		return o->source;

	ret = insert_present(o);
	if (!ret)
		ret = link_names(o);
	if (!ret)
		ret = bitmap_change(o->bitmap, QDS_BITMAP_SET, 110, 390);
	if (!ret)
		ret = bitmap_change(o->source, QDS_BITMAP_SET, 50, 10);
	if (!ret)
		ret = attach_writer(o->restoring);
	if (!ret)
		ret = begin_restore(o->restoring);
	return ret;
}

static void objects_close(struct objects *o)
{
	int i;

	unlink_names(o->dev);
	for (i = 0; i < TARGETS; i++)
		if (target_fd(o, i) >= 0)
			close(target_fd(o, i));
	if (o->source >= 0)
		close(o->source);
	if (o->event >= 0)
		close(o->event);
}

static int read_table(const struct objects *o, struct state *s)
{
	struct qds_table_info info;
	__u64 keys[KEYS];
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = KEYS,
		.key_size = 8,
		.value_size = 8,
		.keys = PTR(keys),
		.values = PTR(s->values),
		.results = PTR(s->present),
	};
	int i, ret;

	for (i = 0; i < KEYS; i++)
		keys[i] = i;
	ret = call(o->table, QDS_TABLE_LOOKUP, &vec);
	if (!ret)
		ret = table_info(o->table, &info);
	s->entries = info.entries;
	s->table_state = info.state;
	return ret;
}

/* Of both bitmaps together. */
static int read_writers(const struct objects *o, struct state *s)
{
	struct qds_bitmap_history history = { .size = sizeof(history) };
	int ret = call(o->restoring, QDS_BITMAP_HISTORY, &history);

	s->writers = history.writers;
	if (!ret)
		ret = call(o->bitmap, QDS_BITMAP_HISTORY, &history);
	s->writers += history.writers;
	return ret;
}

static int read_bitmaps(const struct objects *o, struct state *s)
{
	struct qds_range ranges[ITEMS];
	struct qds_bitmap_info info;
	struct qds_bitmap_vec vec = {
		.size = sizeof(vec),
		.nr = ITEMS,
		.ranges = PTR(ranges),
		.results = PTR(s->items),
	};
	int i, ret;

	ret = bitmap_info(o->restoring, &info);
	if (ret)
		return ret;
	s->restoring_dirty = info.dirty;
	s->restoring_state = info.state;

	ret = read_writers(o, s) ?: bitmap_info(o->bitmap, &info);
	if (ret)
		return ret;
	s->dirty = info.dirty;
	s->bitmap_state = info.state;
	if (info.state == QDS_BITMAP_RESTORING)
		return 0;
	for (i = 0; i < ITEMS; i++)
		ranges[i] = (struct qds_range) { .start = i, .count = 1 };
	return call(o->bitmap, QDS_BITMAP_TEST, &vec);
}

static int read_names(const struct objects *o, struct state *s)
{
	struct qds_name_list list = {
		.size = sizeof(list),
		.entries = PTR(s->names),
		.nr = ARRAY_SIZE(s->names),
	};

	return call(o->dev, QDS_NAME_LIST, &list);
}

static int state_read(const struct objects *o, struct state *s)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->fds = open_fds();
	s->refs = module_refs();
	ret = read_table(o, s);
	if (!ret)
		ret = read_names(o, s);
	return ret ? ret : read_bitmaps(o, s);
}

/* Why a call did not fail as it should have, or NULL when it did. */
static const char *refused(const struct command *c, struct objects *o, void *arg, int error)
{
	static char why[200];
	struct state before, after;
	int ret;

	if (state_read(o, &before))
		return "the state before the call cannot be read";
	ret = call(target_fd(o, c->on), c->number, arg);
	if (ret != error) {
		snprintf(why, sizeof(why), "it returned %d (%s), not %d (%s)",
			 ret, strerror(-ret), error, strerror(-error));
		return why;
	}
	if (state_read(o, &after))
		return "the state after the call cannot be read";
	if (memcmp(&before, &after, sizeof(before))) {
		snprintf(why, sizeof(why),
			 "it failed as it should, but changed something (descriptors %d to %d, references %d to %d)",
			 before.fds, after.fds, before.refs, after.refs);
		return why;
	}
	return NULL;
}

/* One call that is to be refused; @how is what is wrong with it. */
#define EXPECT_REFUSED(error, c, o, arg, how) do { \
	const char *__why = refused(c, o, arg, error); \
	EXPECT_EQ(NULL, __why) \
		TH_LOG("%s, %s: %s", (c)->name, how, __why); \
} while (0)

FIXTURE(every_command)
{
	union arg *arg;		/* ends where a page ends, and no page follows */
	__u8 *page;		/* the same for structs that are placed by hand */
	size_t page_size;
	struct objects o;
};

FIXTURE_SETUP(every_command)
{
	self->page_size = sysconf(_SC_PAGESIZE);
	self->arg = (union arg *)guarded_alloc(sizeof(*self->arg));
	self->page = guarded_alloc(2 * self->page_size);
	ASSERT_NE(NULL, self->arg);
	ASSERT_NE(NULL, self->page);
	ASSERT_EQ(0, objects_make(&self->o));
}

FIXTURE_TEARDOWN(every_command)
{
	objects_close(&self->o);
}

/* For calls that succeed, and so change the objects. */
#define RENEW(o) do { \
	objects_close(o); \
	ASSERT_EQ(0, objects_make(o)); \
} while (0)

TEST_F(every_command, succeeds_whatever_its_outputs_held)
{
	const struct command *c;
	struct state before, after;
	bool changed;

	for_each_command(c) {
		RENEW(&self->o);
		fill(self->arg, c, &self->o);
		ASSERT_EQ(0, state_read(&self->o, &before));
		EXPECT_EQ(0, call(target_fd(&self->o, c->on), c->number, self->arg))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->size, self->arg->size);
		ASSERT_EQ(0, state_read(&self->o, &after));
		/* Else "changed nothing" would say nothing in the tests below. */
		changed = memcmp(&before, &after, sizeof(before));
		EXPECT_EQ(c->writes || c->out_fd, changed)
			TH_LOG("%s", c->name);
		if (c->out_fd)
			close(*(__s32 *)(self->arg->bytes + c->out_fd));
	}
}

TEST_F(every_command, struct_of_its_first_version_or_longer_with_zeroes_is_taken)
{
	const struct command *c;
	__u32 sizes[5];
	size_t i, k;

	for_each_command(c) {
		sizes[0] = c->size;
		sizes[1] = c->size + 1;
		sizes[2] = c->size + 8;
		sizes[3] = MAX_SIZE - 1;
		sizes[4] = MAX_SIZE;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			RENEW(&self->o);
			fill(self->arg, c, &self->o);
			self->arg->size = sizes[i];
			EXPECT_EQ(0, call(target_fd(&self->o, c->on), c->number, self->arg))
				TH_LOG("%s of %u bytes", c->name, sizes[i]);
			k = c->grown ? c->grown : c->size;
			k = k < sizes[i] ? k : sizes[i];
			while (k < sizes[i] && !self->arg->bytes[k])
				k++;
			EXPECT_EQ(sizes[i], k)
				TH_LOG("%s: byte %zu behind the struct written", c->name, k);
			if (c->out_fd)
				close(*(__s32 *)(self->arg->bytes + c->out_fd));
		}
	}
}

TEST_F(every_command, struct_shorter_than_its_first_version_is_EINVAL)
{
	const struct command *c;
	__u32 sizes[6];
	char how[40];
	size_t i;

	for_each_command(c) {
		sizes[0] = 0;
		sizes[1] = 1;
		sizes[2] = 4;
		sizes[3] = c->size - 8;
		sizes[4] = c->size - 4;
		sizes[5] = c->size - 1;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fill(self->arg, c, &self->o);
			self->arg->size = sizes[i];
			snprintf(how, sizeof(how), "size %u", sizes[i]);
			EXPECT_REFUSED(-EINVAL, c, &self->o, self->arg, how);
		}
	}
}

TEST_F(every_command, unknown_tail_that_is_not_zero_is_E2BIG)
{
	const struct command *c;
	__u32 sizes[2];
	char how[40];
	size_t i;

	for_each_command(c) {
		__u32 known = c->grown ? c->grown : c->size;

		sizes[0] = known + 8;
		sizes[1] = MAX_SIZE;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fill(self->arg, c, &self->o);
			self->arg->size = sizes[i];
			self->arg->bytes[sizes[i] - 1] = 1;
			snprintf(how, sizeof(how), "last byte of %u set", sizes[i]);
			EXPECT_REFUSED(-E2BIG, c, &self->o, self->arg, how);

			fill(self->arg, c, &self->o);
			self->arg->size = sizes[i];
			self->arg->bytes[known] = 1;
			snprintf(how, sizeof(how), "first unknown byte of %u set", sizes[i]);
			EXPECT_REFUSED(-E2BIG, c, &self->o, self->arg, how);
		}
	}
}

TEST_F(every_command, size_above_4096_is_E2BIG)
{
	const __u32 sizes[] = { MAX_SIZE + 1, 2 * MAX_SIZE, INT_MAX, UINT_MAX };
	const struct command *c;
	char how[40];
	size_t i;

	for_each_command(c) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fill(self->arg, c, &self->o);
			self->arg->size = sizes[i];
			snprintf(how, sizeof(how), "size %u", sizes[i]);
			EXPECT_REFUSED(-E2BIG, c, &self->o, self->arg, how);
		}
	}
}

TEST_F(every_command, struct_may_be_the_last_thing_before_unmapped_memory)
{
	const struct command *c;
	__u8 *at;

	for_each_command(c) {
		RENEW(&self->o);
		fill(self->arg, c, &self->o);
		at = self->page + 2 * self->page_size - c->size;
		memcpy(at, self->arg, c->size);
		EXPECT_EQ(0, call(target_fd(&self->o, c->on), c->number, at))
			TH_LOG("%s", c->name);
		if (c->out_fd)
			close(*(__s32 *)(at + c->out_fd));
	}
}

TEST_F(every_command, struct_that_reaches_into_unmapped_memory_is_EFAULT)
{
	const struct command *c;
	__u8 *end = self->page + 2 * self->page_size;
	__u8 *at;

	for_each_command(c) {
		fill(self->arg, c, &self->o);
		self->arg->size = c->size + 8;
		at = end - c->size;
		memcpy(at, self->arg, c->size);
		EXPECT_REFUSED(-EFAULT, c, &self->o, at, "unknown tail not mapped");

		self->arg->size = c->size;
		at = end - c->size + 4;
		memcpy(at, self->arg, c->size - 4);
		EXPECT_REFUSED(-EFAULT, c, &self->o, at, "last member not mapped");

		at = end - 2;
		memcpy(at, self->arg, 2);
		EXPECT_REFUSED(-EFAULT, c, &self->o, at, "size not mapped");
	}
}

TEST_F(every_command, bad_struct_pointer_is_EFAULT)
{
	const struct command *c;

	for_each_command(c) {
		EXPECT_REFUSED(-EFAULT, c, &self->o, NULL, "NULL");
		EXPECT_REFUSED(-EFAULT, c, &self->o, self->page - 64, "unmapped pointer");
		EXPECT_REFUSED(-EFAULT, c, &self->o, (void *)-4096L, "pointer to the kernel");
	}
}

TEST_F(every_command, reply_that_cannot_be_written_is_EFAULT)
{
	const struct command *c;
	__u8 *second = self->page + self->page_size;
	__u8 *at;

	for_each_command(c) {
		if (c->out == NONE)
			continue;
		fill(self->arg, c, &self->o);
		memcpy(second, self->arg, c->size);
		ASSERT_EQ(0, mprotect(second, self->page_size, PROT_READ));
		EXPECT_REFUSED(-EFAULT, c, &self->o, second, "struct read-only");
		ASSERT_EQ(0, mprotect(second, self->page_size, PROT_READ | PROT_WRITE));

		at = second - c->out;
		memcpy(at, self->arg, c->size);
		ASSERT_EQ(0, mprotect(second, self->page_size, PROT_READ));
		EXPECT_REFUSED(-EFAULT, c, &self->o, at, "last output read-only");
		ASSERT_EQ(0, mprotect(second, self->page_size, PROT_READ | PROT_WRITE));
	}
}

TEST_F(every_command, without_outputs_takes_a_read_only_struct)
{
	const struct command *c;

	for_each_command(c) {
		if (c->out != NONE)
			continue;
		RENEW(&self->o);
		fill((union arg *)self->page, c, &self->o);
		ASSERT_EQ(0, mprotect(self->page, self->page_size, PROT_READ));
		EXPECT_EQ(0, call(target_fd(&self->o, c->on), c->number, self->page))
			TH_LOG("%s", c->name);
		ASSERT_EQ(0, mprotect(self->page, self->page_size, PROT_READ | PROT_WRITE));
	}
}

TEST_F(every_command, unknown_bit_of_flags_is_EOPNOTSUPP)
{
	const struct command *c;
	char how[40];
	int bit;

	for_each_command(c) {
		for (bit = 0; bit < 32; bit++) {
			if (c->flags & 1U << bit)
				continue;
			fill(self->arg, c, &self->o);
			self->arg->head.flags |= 1U << bit;
			snprintf(how, sizeof(how), "bit %d", bit);
			EXPECT_REFUSED(-EOPNOTSUPP, c, &self->o, self->arg, how);
		}
	}
}

TEST_F(every_command, reserved_member_that_is_not_zero_is_EOPNOTSUPP)
{
	const struct command *c;
	char how[40];
	int bit;

	for_each_command(c) {
		if (c->reserved == NONE)
			continue;
		for (bit = 0; bit < 32; bit++) {
			fill(self->arg, c, &self->o);
			*(__u32 *)(self->arg->bytes + c->reserved) = 1U << bit;
			snprintf(how, sizeof(how), "bit %d", bit);
			EXPECT_REFUSED(-EOPNOTSUPP, c, &self->o, self->arg, how);
		}
	}
}

TEST_F(every_command, that_changes_something_is_EBADF_on_a_read_only_descriptor)
{
	const struct command *c;
	struct objects o;
	int i;

	for_each_command(c) {
		RENEW(&self->o);
		o = self->o;
		o.dev = open(QDS_PATH, O_RDONLY);
		o.table = object_reopen(self->o.table, QDS_ACCESS_READ);
		o.bitmap = object_reopen(self->o.bitmap, QDS_ACCESS_READ);
		o.restoring = object_reopen(self->o.restoring, QDS_ACCESS_READ);
		o.source = object_reopen(self->o.source, QDS_ACCESS_READ);
		ASSERT_LE(0, o.source);
		o.event = dup(self->o.event);
		for (i = 0; i < TARGETS; i++)
			ASSERT_LE(0, target_fd(&o, i));

		fill(self->arg, c, &o);
		if (c->writes) {
			EXPECT_REFUSED(-EBADF, c, &o, self->arg, "read-only");
		} else {
			EXPECT_EQ(0, call(target_fd(&o, c->on), c->number, self->arg))
				TH_LOG("%s", c->name);
			if (c->out_fd)
				close(*(__s32 *)(self->arg->bytes + c->out_fd));
		}
		objects_close(&o);
	}
}

/* Leaves no descriptor to be had. */
static int exhaust_fds(struct rlimit *old)
{
	struct rlimit none;
	int lowest = dup(0);

	if (lowest < 0 || getrlimit(RLIMIT_NOFILE, old))
		return -errno;
	none = *old;
	none.rlim_cur = lowest;
	close(lowest);
	return setrlimit(RLIMIT_NOFILE, &none) ? -errno : 0;
}

TEST_F(every_command, that_makes_a_descriptor_is_EMFILE_when_there_is_none)
{
	const struct command *c;
	struct rlimit limit;
	int refs;

	for_each_command(c) {
		if (!c->out_fd)
			continue;
		fill(self->arg, c, &self->o);
		refs = module_refs();
		ASSERT_EQ(0, exhaust_fds(&limit));
		EXPECT_REFUSED(-EMFILE, c, &self->o, self->arg, "no descriptor left");
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		/* Not seen by EXPECT_REFUSED: reading it takes a descriptor. */
		EXPECT_EQ(refs, module_refs());
	}
}

/* In KiB; what is given back may still be on its way. */
static long memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[100];
	long kib = -1;

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

#define LARGE_HINT	(1 << 20)
#define LARGE_TRIES	12

TEST_F_TIMEOUT(every_command, that_makes_a_descriptor_keeps_no_memory_when_it_fails, 120)
{
	const long before = memory_available();
	struct rlimit limit;
	long lost;
	int i;

	ASSERT_LT(0, before);
	for (i = 0; i < LARGE_TRIES; i++) {
		fill_table_create(self->arg, &self->o);
		self->arg->size = sizeof(self->arg->table_create);
		self->arg->table_create.size_hint = LARGE_HINT;
		ASSERT_EQ(0, exhaust_fds(&limit));
		EXPECT_EQ(-EMFILE, call(self->o.dev, QDS_TABLE_CREATE, self->arg));
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	}
	/* A key and its place in a bucket take 8 bytes at the very least. */
	for (i = 0; i < 20; i++) {
		lost = before - memory_available();
		if (lost < LARGE_TRIES * (LARGE_HINT / 1024 * 8) / 4)
			break;
		usleep(100000);
	}
	EXPECT_GT(20, i)
		TH_LOG("%ld KiB are gone", lost);
}

TEST_F(every_command, that_makes_a_descriptor_makes_it_close_on_exec)
{
	const struct command *c;
	int fd;

	for_each_command(c) {
		if (!c->out_fd)
			continue;
		fill(self->arg, c, &self->o);
		ASSERT_EQ(0, call(target_fd(&self->o, c->on), c->number, self->arg));
		fd = *(__s32 *)(self->arg->bytes + c->out_fd);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD))
			TH_LOG("%s", c->name);
		EXPECT_EQ(0, close(fd));
	}
}

static bool has_command(enum target on, unsigned int number)
{
	const struct command *c;

	for_each_command(c)
		if ((c->on == on || (c->on == RESTORING && on == BITMAP)) && c->number == number)
			return true;
	return false;
}

TEST_F(every_command, number_that_is_not_of_this_kind_is_ENOTTY)
{
	enum target on;
	int nr;

	for (on = DEVICE; on < RESTORING; on++) {
		for (nr = 0; nr < 256; nr++) {
			int known = has_command(on, _IO(QDS_IOC_MAGIC, nr)) ? -EFAULT : -ENOTTY;

			EXPECT_EQ(known, call(target_fd(&self->o, on),
					      _IO(QDS_IOC_MAGIC, nr), NULL))
				TH_LOG("number 0x%x on target %d", nr, on);
		}
	}
}

TEST_F(every_command, has_one_number_with_no_size_and_no_direction)
{
	const struct command *c;
	size_t i;

	for_each_command(c) {
		const unsigned int nr = _IOC_NR(c->number);
		const unsigned int numbers[] = {
			_IOC(_IOC_READ, QDS_IOC_MAGIC, nr, 0),
			_IOC(_IOC_WRITE, QDS_IOC_MAGIC, nr, 0),
			_IOC(_IOC_READ | _IOC_WRITE, QDS_IOC_MAGIC, nr, c->size),
			_IO(QDS_IOC_MAGIC ^ 0x40, nr),
		};

		fill(self->arg, c, &self->o);
		for (i = 0; i < ARRAY_SIZE(numbers); i++) {
			struct command other = *c;

			other.number = numbers[i];
			EXPECT_REFUSED(-ENOTTY, &other, &self->o, self->arg, "another number");
		}
	}
}

FIXTURE(device)
{
	int dev;
};

FIXTURE_SETUP(device)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(device)
{
	close(self->dev);
}

TEST_F(device, tells_its_limits_in_every_open_mode)
{
	const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	struct qds_caps caps;
	size_t i;
	int dev;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		dev = open(QDS_PATH, modes[i]);
		ASSERT_LE(0, dev);
		ASSERT_EQ(0, caps_get(dev, &caps));
		EXPECT_EQ(QDS_FEATURE_TABLE | QDS_FEATURE_BITMAP | QDS_FEATURE_NAMES |
			  QDS_FEATURE_FDSTORE | QDS_FEATURE_VARLEN | QDS_FEATURE_WATCH |
			  QDS_FEATURE_HISTORY, caps.features);
		EXPECT_EQ(1ULL << 41, caps.max_bitmap_bits);
		EXPECT_LE(1ULL << 20, caps.max_table_entries);
		EXPECT_LE(64, caps.max_key_size);
		EXPECT_LE(64, caps.max_value_size);
		EXPECT_EQ(63, caps.max_granularity);
		EXPECT_EQ(57, caps.max_serial_granularity);
		close(dev);
	}
}

TEST_F(device, makes_objects_when_open_for_writing_only)
{
	int dev = open(QDS_PATH, O_WRONLY);
	int fd = table_create(dev, 8, 8, 0);

	EXPECT_LE(0, fd);
	close(fd);
	fd = bitmap_create(dev, ITEMS, 0);
	EXPECT_LE(0, fd);
	close(fd);
	close(dev);
}

FIXTURE(object)
{
	struct objects o;
};

FIXTURE_VARIANT(object)
{
	enum target on;
	__u32 kind;
};

FIXTURE_VARIANT_ADD(object, table)
{
	.on = TABLE,
	.kind = QDS_KIND_TABLE,
};

FIXTURE_VARIANT_ADD(object, bitmap)
{
	.on = BITMAP,
	.kind = QDS_KIND_BITMAP,
};

FIXTURE_SETUP(object)
{
	ASSERT_EQ(0, objects_make(&self->o));
}

FIXTURE_TEARDOWN(object)
{
	objects_close(&self->o);
}

static int object_info(int fd, __u32 *kind, __u32 *access)
{
	struct qds_object_info info = { .size = sizeof(info) };
	int ret = call(fd, QDS_OBJECT_INFO, &info);

	*kind = info.kind;
	*access = info.access;
	return ret;
}

/* One write and one read through @fd, whatever its kind: 0 when both worked. */
static int use(int fd, enum target on, __u64 key)
{
	__u64 value = key;
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.key_size = 8,
		.value_size = 8,
		.keys = PTR(&key),
		.values = PTR(&value),
	};
	int ret;

	if (on == TABLE) {
		ret = call(fd, QDS_TABLE_INSERT, &vec);
		return ret ? ret : call(fd, QDS_TABLE_LOOKUP, &vec);
	}
	ret = bitmap_change(fd, QDS_BITMAP_SET, key, 1);
	return ret ? ret : bitmap_test(fd, key, 1) - QDS_TEST_DIRTY;
}

/* Whether what use() has left is there. */
static bool used(int fd, enum target on, __u64 key)
{
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = 1,
		.key_size = 8,
		.keys = PTR(&key),
	};

	if (on == TABLE)
		return !call(fd, QDS_TABLE_LOOKUP, &vec);
	return bitmap_test(fd, key, 1) == QDS_TEST_DIRTY;
}

#define KEY 900		/* neither in the table nor dirty at first */

TEST_F(object, tells_its_kind_and_access)
{
	int fd = target_fd(&self->o, variant->on);
	__u32 kind, access;

	ASSERT_EQ(0, object_info(fd, &kind, &access));
	EXPECT_EQ(variant->kind, kind);
	EXPECT_EQ(QDS_ACCESS_READ | QDS_ACCESS_WRITE, access);
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
}

TEST_F(object, outlives_the_device_descriptor)
{
	int fd = target_fd(&self->o, variant->on);

	close(self->o.dev);
	self->o.dev = -1;
	EXPECT_EQ(0, use(fd, variant->on, KEY));
	EXPECT_TRUE(used(fd, variant->on, KEY));
}

TEST_F(object, is_shared_by_its_duplicates_and_goes_with_the_last)
{
	int fd = target_fd(&self->o, variant->on);
	int refs = module_refs();
	int copy = dup(fd);

	ASSERT_LE(0, copy);
	EXPECT_EQ(0, use(copy, variant->on, KEY));
	EXPECT_TRUE(used(fd, variant->on, KEY));
	EXPECT_EQ(refs, module_refs());
	close(copy);
	EXPECT_EQ(refs, module_refs());
	EXPECT_TRUE(used(fd, variant->on, KEY));
}

TEST_F(object, reopened_read_only_is_the_same_object)
{
	int fd = target_fd(&self->o, variant->on);
	int reader = object_reopen(fd, QDS_ACCESS_READ);
	__u32 kind, access;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, object_info(reader, &kind, &access));
	EXPECT_EQ(variant->kind, kind);
	EXPECT_EQ(QDS_ACCESS_READ, access);
	EXPECT_EQ(O_RDONLY, fcntl(reader, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-EBADF, use(reader, variant->on, KEY));
	EXPECT_FALSE(used(reader, variant->on, KEY));
	EXPECT_EQ(0, use(fd, variant->on, KEY));
	EXPECT_TRUE(used(reader, variant->on, KEY));
}

TEST_F(object, reopened_for_writing_can_write_and_outlives_the_first)
{
	int fd = target_fd(&self->o, variant->on);
	int writer = object_reopen(fd, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	__u32 kind, access;

	ASSERT_LE(0, writer);
	ASSERT_EQ(0, object_info(writer, &kind, &access));
	EXPECT_EQ(QDS_ACCESS_READ | QDS_ACCESS_WRITE, access);
	EXPECT_EQ(0, use(writer, variant->on, KEY));
	EXPECT_TRUE(used(fd, variant->on, KEY));
	ASSERT_EQ(fd, dup2(writer, fd));
	EXPECT_TRUE(used(writer, variant->on, KEY));
}

TEST_F(object, reopened_asks_for_reading_and_for_nothing_unknown)
{
	int fd = target_fd(&self->o, variant->on);
	int fds = open_fds();
	int bit;

	EXPECT_EQ(-EINVAL, object_reopen(fd, 0));
	EXPECT_EQ(-EINVAL, object_reopen(fd, QDS_ACCESS_WRITE));
	for (bit = 2; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, object_reopen(fd, QDS_ACCESS_READ | 1U << bit))
			TH_LOG("bit %d", bit);
	EXPECT_EQ(fds, open_fds());
}

TEST_F(object, read_only_cannot_be_turned_into_writable)
{
	int reader = object_reopen(target_fd(&self->o, variant->on), QDS_ACCESS_READ);
	char path[40];
	int again, fds;

	ASSERT_LE(0, reader);
	fds = open_fds();
	EXPECT_EQ(-EBADF, object_reopen(reader, QDS_ACCESS_READ | QDS_ACCESS_WRITE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", reader);
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(fds, open_fds());

	again = object_reopen(reader, QDS_ACCESS_READ);
	ASSERT_LE(0, again);
	EXPECT_EQ(-EBADF, use(again, variant->on, KEY));
}

TEST_F(object, is_shared_with_a_forked_child)
{
	int fd = target_fd(&self->o, variant->on);
	pid_t pid = fork_child();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(use(fd, variant->on, KEY) != 0);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(used(fd, variant->on, KEY));
}

static int send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(socket, &msg, 0) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg)
		return -ENOENT;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* A stranger: it has none of our descriptors but the socket. */
static int child_with_passed_fd(int socket, struct objects *o, enum target on)
{
	int fd;

	objects_close(o);
	fd = receive_fd(socket);
	return fd < 0 ? fd : use(fd, on, KEY);
}

TEST_F(object, passed_over_a_socket_serves_another_process)
{
	int fd = target_fd(&self->o, variant->on);
	int pair[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(child_with_passed_fd(pair[1], &self->o, variant->on) != 0);
	EXPECT_EQ(0, send_fd(pair[0], fd));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(used(fd, variant->on, KEY));
}

TEST_F(object, passed_read_only_cannot_be_written_by_another_process)
{
	int fd = target_fd(&self->o, variant->on);
	int reader = object_reopen(fd, QDS_ACCESS_READ);
	int pair[2];
	pid_t pid;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork_child();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(child_with_passed_fd(pair[1], &self->o, variant->on) != -EBADF);
	EXPECT_EQ(0, send_fd(pair[0], reader));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_FALSE(used(fd, variant->on, KEY));
}

/* Last, because a kernel that fails here leaves no device to test. */

FIXTURE(module)
{
	struct objects o;
};

FIXTURE_SETUP(module)
{
	ASSERT_EQ(0, objects_make(&self->o));
}

FIXTURE_TEARDOWN(module)
{
	objects_close(&self->o);
}

static int module_remove(void)
{
	return syscall(SYS_delete_module, "qds", O_NONBLOCK) ? -errno : 0;
}

static int module_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

TEST_F(module, cannot_be_removed_while_an_object_is_open)
{
	int kept, on;

	if (module_refs() < 0)
		SKIP(return, "qds is built in");
	for (on = DEVICE; on < TARGETS; on++) {
		RENEW(&self->o);
		kept = dup(target_fd(&self->o, on));
		ASSERT_LE(0, kept);
		objects_close(&self->o);
		EXPECT_EQ(1, module_refs());
		EXPECT_EQ(-EWOULDBLOCK, module_remove())
			TH_LOG("target %d", on);
		close(kept);
	}
}

TEST_F(module, can_be_removed_and_loaded_again_when_all_are_closed)
{
	const char *path = getenv("QDS_KO");

	if (module_refs() < 0)
		SKIP(return, "qds is built in");
	if (!path)
		SKIP(return, "set QDS_KO to the path of qds.ko to load it again");
	objects_close(&self->o);
	EXPECT_EQ(0, module_refs());
	EXPECT_EQ(0, module_remove());
	EXPECT_EQ(-1, access(QDS_PATH, F_OK));
	ASSERT_EQ(0, module_load(path));
	ASSERT_EQ(0, objects_make(&self->o));
	EXPECT_EQ(0, use(self->o.table, TABLE, KEY));
	EXPECT_EQ(0, use(self->o.bitmap, BITMAP, KEY));
}

TEST_HARNESS_MAIN
