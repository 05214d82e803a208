// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libqds: one function per command of <linux/qds.h>, and the loops that every
 * caller would write: over extents, over chunks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "libqds.h"

/* The chunk that save and load use when the caller has no wish. */
#define DEFAULT_CHUNK ((size_t)64 << 10)

static uint64_t ptr_to_u64(const void *ptr)
{
	return (uintptr_t)ptr;
}

static int command(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

/**
 * qds_open() - open the device
 * @path: its path; NULL for QDS_DEVICE
 *
 * Return: a descriptor for qds_get_caps(), qds_create_table() and
 * qds_create_bitmap(), or -errno: -ENOENT when the module is not loaded.
 */
int qds_open(const char *path)
{
	int dev = open(path ? path : QDS_DEVICE, O_RDWR | O_CLOEXEC);

	return dev < 0 ? -errno : dev;
}

/**
 * qds_get_caps() - what the module has and its limits
 * @dev: the device
 * @caps: filled in
 *
 * Return: 0 or -errno.
 */
int qds_get_caps(int dev, struct qds_caps *caps)
{
	memset(caps, 0, sizeof(*caps));
	caps->size = sizeof(*caps);
	return command(dev, QDS_CAPS, caps);
}

/**
 * qds_object_get_info() - what a descriptor is and allows
 * @fd: any descriptor
 * @info: filled in
 *
 * Return: 0 or -errno: -ENOTTY when it is not an object of qds.
 */
int qds_object_get_info(int fd, struct qds_object_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return command(fd, QDS_OBJECT_INFO, info);
}

/**
 * qds_reopen() - a further descriptor of an object
 * @fd: the object
 * @access: QDS_ACCESS_READ, perhaps with QDS_ACCESS_WRITE
 *
 * Return: the descriptor or -errno.
 */
int qds_reopen(int fd, uint32_t access)
{
	struct qds_object_reopen arg = { .size = sizeof(arg), .access = access };
	int err = command(fd, QDS_OBJECT_REOPEN, &arg);

	return err ? err : arg.out_fd;
}

/**
 * qds_watch() - tell an eventfd when there is as much in an object as is wanted
 * @fd: a table or a bitmap
 * @eventfd: the eventfd
 * @amount: entries, or dirty items
 * @flags: 0, or QDS_WATCH_ONCE: one time
 *
 * Until @fd's open file is closed, or qds_unwatch().
 *
 * Return: 0 or -errno.
 */
int qds_watch(int fd, int eventfd, uint64_t amount, uint32_t flags)
{
	struct qds_object_watch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.eventfd = eventfd,
		.events = QDS_EVENT_REACHED,
		.amount = amount,
	};

	return command(fd, QDS_OBJECT_WATCH, &arg);
}

/**
 * qds_unwatch() - tell an eventfd no longer
 * @fd: the descriptor that qds_watch() was called with
 * @eventfd: the eventfd
 *
 * Return: 0 or -errno.
 */
int qds_unwatch(int fd, int eventfd)
{
	struct qds_object_watch arg = {
		.size = sizeof(arg),
		.flags = QDS_WATCH_REMOVE,
		.eventfd = eventfd,
	};

	return command(fd, QDS_OBJECT_WATCH, &arg);
}

/**
 * qds_watch_poll() - say what poll(2) waits for
 * @fd: a table or a bitmap
 * @amount: entries, or dirty items
 *
 * Return: 0 or -errno.
 */
int qds_watch_poll(int fd, uint64_t amount)
{
	return qds_watch(fd, -1, amount, 0);
}

/* One that is too long is so for the kernel, however long it is. */
static uint32_t name_length(const char *name)
{
	return strnlen(name, QDS_NAME_LEN + 1);
}

/**
 * qds_link() - give an object a name
 * @fd: the object
 * @name: the name; it must not be in use
 * @mode: who may open it, bits of 0666, as of a file
 * @flags: 0; or QDS_LINK_RESERVE: nobody may until qds_publish_name()
 *
 * An object lives as long as it has a name that is not only reserved.
 *
 * Return: 0 or -errno: -EEXIST when the name is in use.
 */
int qds_link(int fd, const char *name, uint32_t mode, uint32_t flags)
{
	struct qds_object_link arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = ptr_to_u64(name),
		.name_len = name_length(name),
		.mode = mode,
	};

	return command(fd, QDS_OBJECT_LINK, &arg);
}

/**
 * qds_publish_name() - let a reserved name be opened
 * @fd: the object that it is reserved for
 * @name: the name
 *
 * Return: 0 or -errno: -ENOENT when the object has no such name, -EEXIST when it is
 * published already.
 */
int qds_publish_name(int fd, const char *name)
{
	struct qds_object_publish arg = {
		.size = sizeof(arg),
		.name = ptr_to_u64(name),
		.name_len = name_length(name),
	};

	return command(fd, QDS_OBJECT_PUBLISH, &arg);
}

/**
 * qds_open_name() - open the object of a name
 * @dev: the device
 * @name: the name
 * @access: QDS_ACCESS_READ, perhaps with QDS_ACCESS_WRITE
 *
 * Return: a descriptor or -errno: -ENOENT when there is no such name, -EACCES when its
 * mode does not allow that, -EBUSY when it is only reserved.
 */
int qds_open_name(int dev, const char *name, uint32_t access)
{
	struct qds_name_open arg = {
		.size = sizeof(arg),
		.name = ptr_to_u64(name),
		.name_len = name_length(name),
		.access = access,
	};
	int err = command(dev, QDS_NAME_OPEN, &arg);

	return err ? err : arg.out_fd;
}

/**
 * qds_unlink() - take a name away
 * @dev: the device
 * @name: the name
 *
 * Return: 0 or -errno: -ENOENT when there is no such name, -EPERM when it is another
 * user's.
 */
int qds_unlink(int dev, const char *name)
{
	struct qds_name_unlink arg = {
		.size = sizeof(arg),
		.name = ptr_to_u64(name),
		.name_len = name_length(name),
	};

	return command(dev, QDS_NAME_UNLINK, &arg);
}

static int watch_name(int dev, const char *name, struct qds_name_watch *arg)
{
	arg->size = sizeof(*arg);
	arg->name = ptr_to_u64(name);
	arg->name_len = name ? name_length(name) : 0;
	return command(dev, QDS_NAME_WATCH, arg);
}

/**
 * qds_watch_name() - tell an eventfd what happens to a name
 * @dev: the device
 * @name: the name; NULL for any
 * @eventfd: the eventfd
 * @events: QDS_NAME_PUBLISHED, QDS_NAME_UNLINKED or both
 *
 * Until @dev's open file is closed, or qds_unwatch_name().
 *
 * Return: 0 or -errno.
 */
int qds_watch_name(int dev, const char *name, int eventfd, uint32_t events)
{
	struct qds_name_watch arg = { .eventfd = eventfd, .events = events };

	return name && !*name ? -EINVAL : watch_name(dev, name, &arg);
}

/**
 * qds_unwatch_name() - tell an eventfd no longer what happens to a name
 * @dev: the device
 * @name: as given to qds_watch_name()
 * @eventfd: likewise
 *
 * Return: 0 or -errno: -ENOENT when it is not told.
 */
int qds_unwatch_name(int dev, const char *name, int eventfd)
{
	struct qds_name_watch arg = { .flags = QDS_WATCH_REMOVE, .eventfd = eventfd };

	return name && !*name ? -EINVAL : watch_name(dev, name, &arg);
}

/**
 * qds_get_names() - the next names
 * @dev: the device
 * @cursor: 0 to begin; where to go on
 * @entries: room for names
 * @nr: for so many, at least 1; then how many were written, 0 at the end
 *
 * qds_name_iter_next() is the same without the bookkeeping.
 *
 * Return: 0 or -errno.
 */
int qds_get_names(int dev, uint64_t *cursor, struct qds_name_entry *entries,
		  uint32_t *nr)
{
	struct qds_name_list arg = {
		.size = sizeof(arg),
		.cursor = *cursor,
		.entries = ptr_to_u64(entries),
		.nr = *nr,
	};
	int err = command(dev, QDS_NAME_LIST, &arg);

	if (err)
		return err;
	*cursor = arg.cursor;
	*nr = arg.nr;
	return 0;
}

/**
 * qds_name_iter_init() - begin a walk over all names
 * @iter: the walk
 * @dev: the device, which must stay open
 */
void qds_name_iter_init(struct qds_name_iter *iter, int dev)
{
	iter->dev = dev;
	iter->cursor = 0;
	iter->nr = 0;
	iter->at = 0;
}

/**
 * qds_name_iter_next() - the next name of a walk
 * @iter: the walk
 * @entry: filled in
 *
 * Names come in the order in which they were linked. One that is there all the time is
 * told once, whatever comes and goes.
 *
 * Return: 1, 0 when there are no more, or -errno.
 */
int qds_name_iter_next(struct qds_name_iter *iter, struct qds_name_entry *entry)
{
	int err;

	if (iter->at == iter->nr) {
		iter->at = 0;
		iter->nr = QDS_NAME_BATCH;
		err = qds_get_names(iter->dev, &iter->cursor, iter->batch, &iter->nr);
		if (err)
			iter->nr = 0;
		if (err || !iter->nr)
			return err;
	}
	*entry = iter->batch[iter->at++];
	return 1;
}

static int create_table(int dev, struct qds_table_create *arg)
{
	int err;

	arg->size = sizeof(*arg);
	err = command(dev, QDS_TABLE_CREATE, arg);
	return err ? err : arg->out_fd;
}

/**
 * qds_create_table() - make an empty table
 * @dev: the device
 * @key_size: bytes of a key, at least 1
 * @value_size: bytes of a value, 0 for a set of keys
 * @max_entries: refuse to hold more; 0 for no bound but memory
 * @size_hint: entries expected; 0 if unknown
 *
 * Return: the table's descriptor or -errno.
 */
int qds_create_table(int dev, uint32_t key_size, uint32_t value_size,
		     uint64_t max_entries, uint64_t size_hint)
{
	struct qds_table_create arg = {
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = max_entries,
		.size_hint = size_hint,
	};

	return create_table(dev, &arg);
}

/**
 * qds_create_varlen_table() - make an empty table of varying lengths
 * @dev: the device
 * @max_key_size: bytes of the longest key, at least 1
 * @max_value_size: bytes of the longest value, 0 for a set of keys
 * @max_entries: refuse to hold more; 0 for no bound but memory
 * @size_hint: entries expected; 0 if unknown
 *
 * Return: the table's descriptor or -errno.
 */
int qds_create_varlen_table(int dev, uint32_t max_key_size,
			    uint32_t max_value_size, uint64_t max_entries,
			    uint64_t size_hint)
{
	struct qds_table_create arg = {
		.flags = QDS_TABLE_VARLEN,
		.key_size = max_key_size,
		.value_size = max_value_size,
		.max_entries = max_entries,
		.size_hint = size_hint,
	};

	return create_table(dev, &arg);
}

/**
 * qds_table_get_info() - a table's sizes and fill
 * @fd: the table
 * @info: filled in
 *
 * Return: 0 or -errno.
 */
int qds_table_get_info(int fd, struct qds_table_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return command(fd, QDS_TABLE_INFO, info);
}

static int table_command(int fd, unsigned long cmd, struct qds_entries *entries)
{
	struct qds_table_vec arg = {
		.size = sizeof(arg),
		.nr = entries->nr,
		.key_size = entries->key_size,
		.value_size = entries->value_size,
		.keys = ptr_to_u64(entries->keys),
		.values = ptr_to_u64(entries->values),
		.results = ptr_to_u64(entries->results),
		.key_lens = ptr_to_u64(entries->key_lens),
		.value_lens = ptr_to_u64(entries->value_lens),
	};
	int err = command(fd, cmd, &arg);

	entries->done = arg.done;
	return err;
}

/**
 * qds_table_insert() - add entries
 * @fd: the table
 * @entries: keys and values; @done is filled in, and @results if given: 0, or
 *	-EEXIST where the key is there already and keeps its value
 *
 * Return: 0 or -errno.
 */
int qds_table_insert(int fd, struct qds_entries *entries)
{
	return table_command(fd, QDS_TABLE_INSERT, entries);
}

/**
 * qds_table_lookup() - find entries
 * @fd: the table
 * @entries: keys; @done is filled in, @values if given, and @results if given:
 *	0, or -ENOENT where the key is not there
 *
 * Return: 0 or -errno.
 */
int qds_table_lookup(int fd, struct qds_entries *entries)
{
	return table_command(fd, QDS_TABLE_LOOKUP, entries);
}

/**
 * qds_table_remove() - take entries out
 * @fd: the table
 * @entries: keys; @values must be NULL; @done is filled in, and @results if
 *	given: 0, or -ENOENT where the key is not there
 *
 * Return: 0 or -errno.
 */
int qds_table_remove(int fd, struct qds_entries *entries)
{
	return table_command(fd, QDS_TABLE_REMOVE, entries);
}

/**
 * qds_walk_table() - the next entries of a table
 * @fd: the table
 * @walk: where it stands, and room; filled in
 *
 * Return: 0 or -errno: -ENOSPC, with @walk->nr, @walk->key_bytes and
 * @walk->value_bytes saying how much room is enough.
 */
int qds_walk_table(int fd, struct qds_walk *walk)
{
	struct qds_table_walk arg = {
		.size = sizeof(arg),
		.cursor = walk->cursor,
		.keys = ptr_to_u64(walk->keys),
		.values = ptr_to_u64(walk->values),
		.key_lens = ptr_to_u64(walk->key_lens),
		.value_lens = ptr_to_u64(walk->value_lens),
		.key_bytes = walk->key_room,
		.value_bytes = walk->value_room,
		.nr = walk->room,
	};
	int err = command(fd, QDS_TABLE_WALK, &arg);

	walk->cursor = arg.cursor;
	walk->nr = err && err != -ENOSPC ? 0 : arg.nr;
	walk->key_bytes = arg.key_bytes;
	walk->value_bytes = arg.value_bytes;
	return err;
}

/**
 * qds_table_set_sealed() - seal a table
 * @fd: the table
 *
 * Who is at work with it is waited for.
 *
 * Return: 0 or -errno.
 */
int qds_table_set_sealed(int fd)
{
	struct qds_table_seal arg = { .size = sizeof(arg) };

	return command(fd, QDS_TABLE_SEAL, &arg);
}

/**
 * qds_table_get_stats() - how a table is filled
 * @fd: the table
 * @stats: filled in
 * @chain: room for lengths of chains, or NULL
 * @chain_room: for so many; @stats->chain_nr says how many there are
 * @occupancy: room for how full chains are, in thousandths, or NULL
 * @occupancy_room: for so many; @stats->occupancy_nr says how many there are
 *
 * Return: 0 or -errno.
 */
int qds_table_get_stats(int fd, struct qds_table_stats *stats,
			struct qds_dist_entry *chain, uint32_t chain_room,
			struct qds_dist_entry *occupancy,
			uint32_t occupancy_room)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->chain = ptr_to_u64(chain);
	stats->occupancy = ptr_to_u64(occupancy);
	stats->chain_nr = chain_room;
	stats->occupancy_nr = occupancy_room;
	return command(fd, QDS_TABLE_STATS, stats);
}

/**
 * qds_create_bitmap() - make a bitmap with all items clean
 * @dev: the device
 * @items: number of items
 * @granularity: a bit stands for 1 << granularity items
 *
 * Return: the bitmap's descriptor or -errno.
 */
int qds_create_bitmap(int dev, uint64_t items, uint32_t granularity)
{
	struct qds_bitmap_create arg = {
		.size = sizeof(arg),
		.items = items,
		.granularity = granularity,
	};
	int err = command(dev, QDS_BITMAP_CREATE, &arg);

	return err ? err : arg.out_fd;
}

/**
 * qds_bitmap_get_info() - a bitmap's size and state
 * @fd: the bitmap
 * @info: filled in
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_get_info(int fd, struct qds_bitmap_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return command(fd, QDS_BITMAP_INFO, info);
}

static int range_command(int fd, unsigned long cmd,
			 const struct qds_range *ranges, uint32_t nr,
			 int32_t *results, uint32_t *done)
{
	struct qds_bitmap_vec arg = {
		.size = sizeof(arg),
		.nr = nr,
		.ranges = ptr_to_u64(ranges),
		.results = ptr_to_u64(results),
	};
	int err = command(fd, cmd, &arg);

	if (done)
		*done = arg.done;
	return err;
}

/**
 * qds_bitmap_set() - make ranges dirty, rounded outward to whole bits
 * @fd: the bitmap
 * @ranges: the ranges
 * @nr: number of ranges, at least 1
 * @results: room for a result per range, or NULL to stop at the first failure
 * @done: out: ranges that the call has been through; may be NULL
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_set(int fd, const struct qds_range *ranges, uint32_t nr,
		   int32_t *results, uint32_t *done)
{
	return range_command(fd, QDS_BITMAP_SET, ranges, nr, results, done);
}

/**
 * qds_bitmap_reset() - make ranges clean
 * @fd: the bitmap
 * @ranges: the ranges, of whole bits
 * @nr: number of ranges, at least 1
 * @results: room for a result per range, or NULL to stop at the first failure
 * @done: out: ranges that the call has been through; may be NULL
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_reset(int fd, const struct qds_range *ranges, uint32_t nr,
		     int32_t *results, uint32_t *done)
{
	return range_command(fd, QDS_BITMAP_RESET, ranges, nr, results, done);
}

/**
 * qds_bitmap_test() - are ranges dirty?
 * @fd: the bitmap
 * @ranges: the ranges
 * @nr: number of ranges, at least 1
 * @results: out: QDS_TEST_* or -errno for each range
 * @done: out: ranges that the call has been through; may be NULL
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_test(int fd, const struct qds_range *ranges, uint32_t nr,
		    int32_t *results, uint32_t *done)
{
	return range_command(fd, QDS_BITMAP_TEST, ranges, nr, results, done);
}

/**
 * qds_bitmap_count_dirty() - how many items of a range are dirty
 * @fd: the bitmap
 * @start: first item
 * @count: number of items
 * @dirty: filled in
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_count_dirty(int fd, uint64_t start, uint64_t count,
			   uint64_t *dirty)
{
	struct qds_bitmap_count arg = {
		.size = sizeof(arg),
		.start = start,
		.count = count,
	};
	int err = command(fd, QDS_BITMAP_COUNT, &arg);

	if (!err)
		*dirty = arg.dirty;
	return err;
}

/**
 * qds_bitmap_get_extents() - the dirty and clean extents of a range
 * @fd: the bitmap
 * @kinds: QDS_EXTENT_DIRTY, QDS_EXTENT_CLEAN or both
 * @start: first item to look at
 * @count: number of items to look at
 * @extents: filled in
 * @nr: in: room at @extents; out: how many there are
 * @next: out: where to go on
 *
 * qds_extent_iter_next() is the same without the bookkeeping.
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_get_extents(int fd, uint32_t kinds, uint64_t start,
			   uint64_t count, struct qds_extent *extents,
			   uint32_t *nr, uint64_t *next)
{
	struct qds_bitmap_extents arg = {
		.size = sizeof(arg),
		.flags = kinds,
		.start = start,
		.count = count,
		.extents = ptr_to_u64(extents),
		.nr = *nr,
	};
	int err = command(fd, QDS_BITMAP_EXTENTS, &arg);

	if (!err) {
		*nr = arg.nr;
		*next = arg.next;
	}
	return err;
}

/**
 * qds_bitmap_get_status() - is an item dirty, and how far does that go?
 * @fd: the bitmap
 * @start: the item
 * @count: how far to look, at least 1
 * @same: out: how many items from @start on are like it, at most @count
 *
 * Return: 1 if it is dirty, 0 if it is clean, or -errno.
 */
int qds_bitmap_get_status(int fd, uint64_t start, uint64_t count,
			  uint64_t *same)
{
	struct qds_extent extent;
	uint64_t next;
	uint32_t nr = 1;
	int err;

	if (!count)
		return -EINVAL;
	err = qds_bitmap_get_extents(fd, QDS_EXTENT_DIRTY | QDS_EXTENT_CLEAN,
				     start, count, &extent, &nr, &next);
	if (err)
		return err;
	*same = extent.count;
	return extent.flags == QDS_EXTENT_DIRTY;
}

/**
 * qds_extent_iter_init() - begin a walk over extents
 * @iter: the walk
 * @fd: the bitmap, which must stay open
 * @kinds: QDS_EXTENT_DIRTY, QDS_EXTENT_CLEAN or both
 * @start: first item to look at
 * @count: number of items to look at
 *
 * A wrong range is reported by the first qds_extent_iter_next().
 */
void qds_extent_iter_init(struct qds_extent_iter *iter, int fd, uint32_t kinds,
			  uint64_t start, uint64_t count)
{
	iter->fd = fd;
	iter->kinds = kinds;
	iter->next = start;
	iter->left = count;
	iter->nr = 0;
	iter->at = 0;
}

/* Makes iter->batch[iter->at] the next extent. Return: 1, 0 at the end. */
static int iter_fill(struct qds_extent_iter *iter)
{
	uint64_t next;
	int err;

	while (iter->at == iter->nr) {
		if (!iter->left)
			return 0;
		iter->at = 0;
		iter->nr = QDS_EXTENT_BATCH;
		err = qds_bitmap_get_extents(iter->fd, iter->kinds, iter->next,
					     iter->left, iter->batch, &iter->nr,
					     &next);
		if (err) {
			iter->nr = 0;
			return err;
		}
		if (next - iter->next > iter->left ||
		    (next == iter->next && !iter->nr)) {
			iter->nr = 0;
			return -EIO;
		}
		iter->left -= next - iter->next;
		iter->next = next;
	}
	return 1;
}

/**
 * qds_extent_iter_next() - the next extent of a walk
 * @iter: the walk
 * @extent: filled in
 *
 * What the kernel reports in pieces is one extent here: of neighbours, one is
 * dirty and the other is clean.
 *
 * Return: 1, 0 when there are no more, or -errno.
 */
int qds_extent_iter_next(struct qds_extent_iter *iter,
			 struct qds_extent *extent)
{
	const struct qds_extent *piece;
	int more = iter_fill(iter);

	if (more <= 0)
		return more;
	*extent = iter->batch[iter->at++];
	for (;;) {
		more = iter_fill(iter);
		if (more < 0)
			return more;
		if (!more)
			return 1;
		piece = &iter->batch[iter->at];
		if (piece->flags != extent->flags ||
		    piece->start != extent->start + extent->count)
			return 1;
		extent->count += piece->count;
		iter->at++;
	}
}

/**
 * qds_bitmap_get_serialize_size() - length of the serialized form of a chunk
 * @fd: the bitmap
 * @start: first item
 * @count: number of items
 * @bytes: out: the length; may be NULL
 * @align: out: what chunks must be aligned to, in items; may be NULL
 *
 * Return: 0 or -errno: -EOPNOTSUPP when there is no serialized form.
 */
int qds_bitmap_get_serialize_size(int fd, uint64_t start, uint64_t count,
				  uint64_t *bytes, uint64_t *align)
{
	struct qds_bitmap_serialize_size arg = {
		.size = sizeof(arg),
		.start = start,
		.count = count,
	};
	int err = command(fd, QDS_BITMAP_SERIALIZE_SIZE, &arg);

	if (err)
		return err;
	if (bytes)
		*bytes = arg.bytes;
	if (align)
		*align = arg.align;
	return 0;
}

static int chunk_command(int fd, unsigned long cmd,
			 struct qds_bitmap_chunk *arg, uint64_t *done)
{
	int err;

	arg->size = sizeof(*arg);
	err = command(fd, cmd, arg);
	if (done)
		*done = arg->done;
	return err;
}

/**
 * qds_bitmap_serialize() - the serialized form of a chunk
 * @fd: the bitmap
 * @start: first item, aligned as qds_bitmap_get_serialize_size() says
 * @count: number of items, likewise, or up to the end
 * @data: filled in
 * @size: room at @data
 * @done: out: items written; may be NULL
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_serialize(int fd, uint64_t start, uint64_t count, void *data,
			 size_t size, uint64_t *done)
{
	struct qds_bitmap_chunk arg = {
		.start = start,
		.count = count,
		.data = ptr_to_u64(data),
		.data_size = size,
	};

	return chunk_command(fd, QDS_BITMAP_SERIALIZE, &arg, done);
}

/**
 * qds_bitmap_deserialize() - restore a chunk from its serialized form
 * @fd: the bitmap, which answers no queries until qds_bitmap_finish_restore()
 * @start: first item, aligned as qds_bitmap_get_serialize_size() says
 * @count: number of items, likewise, or up to the end
 * @data: the serialized form
 * @size: its length, exactly
 * @done: out: items restored; may be NULL
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_deserialize(int fd, uint64_t start, uint64_t count,
			   const void *data, size_t size, uint64_t *done)
{
	struct qds_bitmap_chunk arg = {
		.start = start,
		.count = count,
		.data = ptr_to_u64(data),
		.data_size = size,
	};

	return chunk_command(fd, QDS_BITMAP_DESERIALIZE, &arg, done);
}

/**
 * qds_bitmap_deserialize_fill() - restore a chunk that is all clean or dirty
 * @fd: the bitmap
 * @start: first item, aligned as qds_bitmap_get_serialize_size() says
 * @count: number of items, likewise, or up to the end
 * @fill: QDS_CHUNK_ZEROES or QDS_CHUNK_ONES
 * @done: out: items restored; may be NULL
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_deserialize_fill(int fd, uint64_t start, uint64_t count,
				uint32_t fill, uint64_t *done)
{
	struct qds_bitmap_chunk arg = {
		.flags = fill,
		.start = start,
		.count = count,
	};

	return chunk_command(fd, QDS_BITMAP_DESERIALIZE, &arg, done);
}

/**
 * qds_bitmap_begin_restore() - begin a restore, or take one over
 * @fd: the bitmap
 *
 * Return: 0 or -errno: -EBUSY when it is being restored by someone.
 */
int qds_bitmap_begin_restore(int fd)
{
	struct qds_bitmap_begin arg = { .size = sizeof(arg) };

	return command(fd, QDS_BITMAP_BEGIN, &arg);
}

/**
 * qds_bitmap_finish_restore() - end a restore
 * @fd: the bitmap
 *
 * Return: 0 or -errno: -ENODATA when the bitmap is not being restored.
 */
int qds_bitmap_finish_restore(int fd)
{
	struct qds_bitmap_finish arg = { .size = sizeof(arg) };

	return command(fd, QDS_BITMAP_FINISH, &arg);
}

static int chunks_command(int fd, unsigned long cmd,
			  struct qds_bitmap_chunks *arg,
			  struct qds_chunk_list *list)
{
	int err;

	arg->size = sizeof(*arg);
	arg->chunks = ptr_to_u64(list->chunks);
	arg->data = ptr_to_u64(list->data);
	arg->data_size = list->data_size;
	arg->nr = list->nr;
	err = command(fd, cmd, arg);
	list->done = arg->done;
	list->bytes = arg->bytes;
	return err;
}

/**
 * qds_bitmap_serialize_chunks() - write a range as chunks
 * @fd: the bitmap
 * @start: first item, aligned as qds_bitmap_get_serialize_size() says
 * @count: number of items, likewise, or up to the end
 * @list: room; filled in
 * @next: out: where to go on, @start + @count at the end
 *
 * Return: 0 or -errno: -ENOSPC when there is no room even for the first.
 */
int qds_bitmap_serialize_chunks(int fd, uint64_t start, uint64_t count,
				struct qds_chunk_list *list, uint64_t *next)
{
	struct qds_bitmap_chunks arg = { .start = start, .count = count };
	int err = chunks_command(fd, QDS_BITMAP_SERIALIZE_CHUNKS, &arg, list);

	*next = arg.next;
	return err;
}

/**
 * qds_bitmap_deserialize_chunks() - restore chunks
 * @fd: the bitmap, which answers no queries until qds_bitmap_finish_restore()
 * @list: the chunks
 *
 * Return: 0, or the -errno of the chunk at @list->done.
 */
int qds_bitmap_deserialize_chunks(int fd, struct qds_chunk_list *list)
{
	struct qds_bitmap_chunks arg = { .start = 0 };

	return chunks_command(fd, QDS_BITMAP_DESERIALIZE_CHUNKS, &arg, list);
}

/**
 * qds_bitmap_set_sealed() - seal a bitmap
 * @fd: the bitmap
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_set_sealed(int fd)
{
	struct qds_bitmap_seal arg = { .size = sizeof(arg) };

	return command(fd, QDS_BITMAP_SEAL, &arg);
}

/**
 * qds_bitmap_set_watch() - say what poll(2) waits for
 * @fd: the bitmap
 * @dirty: how many items must be dirty, as qds_bitmap_get_info() has them
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_set_watch(int fd, uint64_t dirty)
{
	struct qds_bitmap_watch arg = { .size = sizeof(arg), .dirty = dirty };

	return command(fd, QDS_BITMAP_WATCH, &arg);
}

static int copy_command(int fd, unsigned long cmd)
{
	struct qds_bitmap_copy arg = { .size = sizeof(arg) };
	int err = command(fd, cmd, &arg);

	return err ? err : arg.out_fd;
}

/**
 * qds_bitmap_take() - move what is dirty into a new bitmap
 * @fd: the bitmap; it is clean afterwards
 *
 * qds_bitmap_merge_from() puts it back.
 *
 * Return: the new bitmap's descriptor, or -errno: nothing was taken.
 */
int qds_bitmap_take(int fd)
{
	return copy_command(fd, QDS_BITMAP_TAKE);
}

/**
 * qds_bitmap_take_since() - take, if nothing was lost since a point
 * @fd: the bitmap; it is clean afterwards
 * @since: the point, or NULL for any
 * @point: out: the point of the next take
 *
 * Return: the new bitmap's descriptor, or -errno: nothing was taken. -ESTALE: some of
 * what was changed since the point may not be dirty, or it is of another bitmap.
 */
int qds_bitmap_take_since(int fd, const struct qds_bitmap_point *since,
			  struct qds_bitmap_point *point)
{
	struct qds_bitmap_copy arg = { .size = sizeof(arg) };
	int err;

	if (since) {
		arg.flags = QDS_TAKE_SINCE;
		arg.instance[0] = since->instance[0];
		arg.instance[1] = since->instance[1];
		arg.since = since->generation;
	}
	err = command(fd, QDS_BITMAP_TAKE, &arg);
	if (err)
		return err;
	point->instance[0] = arg.instance[0];
	point->instance[1] = arg.instance[1];
	point->generation = arg.generation;
	return arg.out_fd;
}

/**
 * qds_bitmap_attach_writer() - be a writer that records in a bitmap
 * @fd: the bitmap
 * @flags: 0 or QDS_ATTACH_MARKS_FIRST
 * @point: out: where the bitmap was just before; may be NULL
 *
 * Return: 0 or -errno: -EBUSY when the descriptor is attached already.
 */
int qds_bitmap_attach_writer(int fd, uint32_t flags, struct qds_bitmap_point *point)
{
	struct qds_bitmap_attach arg = { .size = sizeof(arg), .flags = flags };
	int err = command(fd, QDS_BITMAP_ATTACH, &arg);

	if (!err && point) {
		point->instance[0] = arg.instance[0];
		point->instance[1] = arg.instance[1];
		point->generation = arg.generation;
	}
	return err;
}

/**
 * qds_bitmap_detach_writer() - end being a writer
 * @fd: the bitmap, in which all is dirty that was written
 *
 * Return: 0 or -errno: -ENODATA when this process has not attached by it.
 */
int qds_bitmap_detach_writer(int fd)
{
	struct qds_bitmap_detach arg = { .size = sizeof(arg) };

	return command(fd, QDS_BITMAP_DETACH, &arg);
}

/**
 * qds_bitmap_get_history() - ask who writes, and what was lost
 * @fd: the bitmap
 * @since: for @history->complete: a point, or NULL
 * @point: out: where the bitmap is
 * @history: out
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_get_history(int fd, const struct qds_bitmap_point *since,
			   struct qds_bitmap_point *point,
			   struct qds_bitmap_history *history)
{
	int err;

	*history = (struct qds_bitmap_history) { .size = sizeof(*history) };
	if (since) {
		history->instance[0] = since->instance[0];
		history->instance[1] = since->instance[1];
		history->since = since->generation;
	}
	err = command(fd, QDS_BITMAP_HISTORY, history);
	point->instance[0] = history->instance[0];
	point->instance[1] = history->instance[1];
	point->generation = history->generation;
	return err;
}

/**
 * qds_bitmap_clone() - copy a bitmap
 * @fd: the bitmap
 *
 * Return: the new bitmap's descriptor or -errno.
 */
int qds_bitmap_clone(int fd)
{
	return copy_command(fd, QDS_BITMAP_CLONE);
}

/**
 * qds_bitmap_merge_from() - merge a bitmap into another
 * @fd: the bitmap that is changed
 * @source: the other, which is not
 * @how: QDS_MERGE_OR, QDS_MERGE_AND, QDS_MERGE_ANDNOT or QDS_MERGE_XOR
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_merge_from(int fd, int source, uint32_t how)
{
	struct qds_bitmap_merge arg = {
		.size = sizeof(arg),
		.source = source,
		.how = how,
	};

	return command(fd, QDS_BITMAP_MERGE, &arg);
}

/**
 * qds_bitmap_truncate_to() - change the number of items
 * @fd: the bitmap
 * @items: the new number
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_truncate_to(int fd, uint64_t items)
{
	struct qds_bitmap_truncate arg = { .size = sizeof(arg), .items = items };

	return command(fd, QDS_BITMAP_TRUNCATE, &arg);
}

/**
 * qds_bitmap_get_digest() - a digest of what a bitmap is
 * @fd: the bitmap
 * @digest: QDS_DIGEST_SIZE bytes, filled in
 *
 * Return: 0 or -errno.
 */
int qds_bitmap_get_digest(int fd, void *digest)
{
	struct qds_bitmap_digest arg = { .size = sizeof(arg) };
	int err = command(fd, QDS_BITMAP_DIGEST, &arg);

	if (!err)
		memcpy(digest, arg.digest, sizeof(arg.digest));
	return err;
}

/* What save and load share: a buffer, and how many items fit in it. */
struct chunks {
	uint64_t items;
	uint64_t align;
	void *data;
};

static int chunks_init(struct chunks *chunks, int fd, uint64_t count,
		       size_t size)
{
	uint64_t words = (size ? size : DEFAULT_CHUNK) / 8;
	int err;

	err = qds_bitmap_get_serialize_size(fd, 0, 0, NULL, &chunks->align);
	if (err)
		return err;
	if (words > UINT64_MAX / chunks->align)
		words = UINT64_MAX / chunks->align;
	if (words > count / chunks->align + 1)
		words = count / chunks->align + 1;
	if (!words)
		words = 1;
	chunks->items = words * chunks->align;
	chunks->data = malloc(words * 8);
	return chunks->data ? 0 : -ENOMEM;
}

/* Length of the serialized form of @count items. */
static size_t chunk_size(const struct chunks *chunks, uint64_t count)
{
	return (count / chunks->align + !!(count % chunks->align)) * 8;
}

/**
 * qds_bitmap_save() - serialize a range, chunk by chunk
 * @fd: the bitmap
 * @start: first item, aligned as qds_bitmap_get_serialize_size() says
 * @count: number of items, likewise, or up to the end
 * @chunk: bytes to give to @fn at once, rounded down to words; 0 for a default
 * @fn: called for every chunk, in order
 * @opaque: for @fn
 *
 * Return: 0, -errno, or what @fn returned other than 0.
 */
int qds_bitmap_save(int fd, uint64_t start, uint64_t count, size_t chunk,
		    qds_chunk_fn fn, void *opaque)
{
	struct chunks chunks;
	uint64_t items;
	size_t size;
	int err;

	err = chunks_init(&chunks, fd, count, chunk);
	if (err)
		return err;
	for (; count && !err; start += items, count -= items) {
		items = count < chunks.items ? count : chunks.items;
		size = chunk_size(&chunks, items);
		err = qds_bitmap_serialize(fd, start, items, chunks.data, size,
					   NULL);
		if (!err)
			err = fn(opaque, start, items, chunks.data, size);
	}
	free(chunks.data);
	return err;
}

/**
 * qds_bitmap_load() - restore a range, chunk by chunk
 * @fd: the bitmap
 * @start: first item, aligned as qds_bitmap_get_serialize_size() says
 * @count: number of items, likewise, or up to the end
 * @chunk: bytes to ask of @fn at once, rounded down to words; 0 for a default
 * @fn: called for every chunk, in order
 * @opaque: for @fn
 *
 * The restore is not ended: qds_bitmap_finish_restore() does that.
 *
 * Return: 0, -errno, or what @fn returned other than 0.
 */
int qds_bitmap_load(int fd, uint64_t start, uint64_t count, size_t chunk,
		    qds_chunk_fn fn, void *opaque)
{
	struct chunks chunks;
	uint64_t items;
	size_t size;
	int err;

	err = chunks_init(&chunks, fd, count, chunk);
	if (err)
		return err;
	for (; count && !err; start += items, count -= items) {
		items = count < chunks.items ? count : chunks.items;
		size = chunk_size(&chunks, items);
		err = fn(opaque, start, items, chunks.data, size);
		if (!err)
			err = qds_bitmap_deserialize(fd, start, items,
						     chunks.data, size, NULL);
	}
	free(chunks.data);
	return err;
}

/**
 * qds_create_fdstore() - make an empty fd store
 * @dev: the device
 * @max_entries: refuse to hold more; 0 for no bound but the user's
 *
 * Return: the store's descriptor or -errno.
 */
int qds_create_fdstore(int dev, uint64_t max_entries)
{
	struct qds_fdstore_create arg = { .size = sizeof(arg), .max_entries = max_entries };
	int err = command(dev, QDS_FDSTORE_CREATE, &arg);

	return err ? err : arg.out_fd;
}

/**
 * qds_fdstore_get_info() - how many entries an fd store has
 * @fd: the store
 * @info: filled in
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_get_info(int fd, struct qds_fdstore_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return command(fd, QDS_FDSTORE_INFO, info);
}

/**
 * qds_fdstore_entry_init() - fill an entry in
 * @entry: the entry
 * @name: its name, which the entry points to
 * @id: its number
 * @fd: its descriptor; for finding and deleting, anything
 */
void qds_fdstore_entry_init(struct qds_fdstore_entry *entry, const char *name,
			    uint32_t id, int fd)
{
	*entry = (struct qds_fdstore_entry){
		.name = ptr_to_u64(name),
		.name_len = strlen(name),
		.id = id,
		.fd = fd,
	};
}

static int fdstore_command(int fd, unsigned long cmd, struct qds_fd_list *list)
{
	struct qds_fdstore_vec arg = {
		.size = sizeof(arg),
		.nr = list->nr,
		.entries = ptr_to_u64(list->entries),
		.results = ptr_to_u64(list->results),
	};
	int err = command(fd, cmd, &arg);

	list->done = arg.done;
	return err;
}

/**
 * qds_fdstore_save() - save files
 * @fd: the store
 * @list: entries; @done is filled in, and @results if given: 0, or
 *	-EEXIST where the key is there already
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_save(int fd, struct qds_fd_list *list)
{
	return fdstore_command(fd, QDS_FDSTORE_SAVE, list);
}

/**
 * qds_fdstore_find() - find files
 * @fd: the store
 * @list: entries; @done is filled in, and @results if given: 0 and a new
 *	descriptor, close-on-exec, or -ENOENT where the key is not there
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_find(int fd, struct qds_fd_list *list)
{
	return fdstore_command(fd, QDS_FDSTORE_FIND, list);
}

/**
 * qds_fdstore_resave() - save files that may have been saved
 * @fd: the store
 * @list: entries; @done is filled in, and @results if given: QDS_FDSTORE_SAVED,
 *	QDS_FDSTORE_FOUND, or -EEXIST where the key has another file
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_resave(int fd, struct qds_fd_list *list)
{
	return fdstore_command(fd, QDS_FDSTORE_RESAVE, list);
}

/**
 * qds_fdstore_delete() - take entries out
 * @fd: the store
 * @list: entries; @done is filled in, and @results if given: 0, or
 *	-ENOENT where the key is not there
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_delete(int fd, struct qds_fd_list *list)
{
	return fdstore_command(fd, QDS_FDSTORE_DELETE, list);
}

/**
 * qds_fdstore_find_or_save() - find files, or save those given
 * @fd: the store
 * @list: entries; @done is filled in, and @results if given: QDS_FDSTORE_SAVED,
 *	or QDS_FDSTORE_FOUND and a new descriptor in the place of the one given
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_find_or_save(int fd, struct qds_fd_list *list)
{
	return fdstore_command(fd, QDS_FDSTORE_FIND_OR_SAVE, list);
}

/**
 * qds_fdstore_save_one() - save one file
 * @fd: the store
 * @name: name of the key
 * @id: number of the key
 * @file: a descriptor of the file
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_save_one(int fd, const char *name, uint32_t id, int file)
{
	struct qds_fdstore_entry entry;
	struct qds_fd_list list = { .entries = &entry, .nr = 1 };

	qds_fdstore_entry_init(&entry, name, id, file);
	return qds_fdstore_save(fd, &list);
}

/**
 * qds_fdstore_find_one() - find one file
 * @fd: the store
 * @name: name of the key
 * @id: number of the key
 *
 * Return: a new descriptor or -errno.
 */
int qds_fdstore_find_one(int fd, const char *name, uint32_t id)
{
	struct qds_fdstore_entry entry;
	struct qds_fd_list list = { .entries = &entry, .nr = 1 };
	int err;

	qds_fdstore_entry_init(&entry, name, id, -1);
	err = qds_fdstore_find(fd, &list);
	return err ? err : entry.fd;
}

/**
 * qds_fdstore_get_records() - the next keys of an fd store
 * @fd: the store
 * @cursor: 0 to begin; where to go on, 0 at the end
 * @records: room for keys
 * @nr: for so many, at least 1; then how many were written
 *
 * Return: 0 or -errno.
 */
int qds_fdstore_get_records(int fd, uint64_t *cursor,
			    struct qds_fdstore_record *records, uint32_t *nr)
{
	struct qds_fdstore_walk arg = {
		.size = sizeof(arg),
		.cursor = *cursor,
		.records = ptr_to_u64(records),
		.nr = *nr,
	};
	int err = command(fd, QDS_FDSTORE_WALK, &arg);

	if (err)
		return err;
	*cursor = arg.cursor;
	*nr = arg.nr;
	return 0;
}
