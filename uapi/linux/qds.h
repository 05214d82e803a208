/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * qds - hash tables and dirty bitmaps as kernel objects, behind /dev/qds.
 *
 * This header is the ABI and its documentation. It compiles alone, in C and
 * C++, and means the same to 32-bit and 64-bit processes.
 */
#ifndef _UAPI_LINUX_QDS_H
#define _UAPI_LINUX_QDS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: Objects
 *
 * QDS_TABLE_CREATE and QDS_BITMAP_CREATE, issued on /dev/qds, each make an
 * object and return a descriptor of it: close-on-exec, open for reading and
 * writing. QDS_BITMAP_TAKE and QDS_BITMAP_CLONE make one out of a bitmap. It
 * can be duplicated, inherited and passed over a UNIX socket; the object goes
 * with its last descriptor. QDS_OBJECT_REOPEN makes a further descriptor of
 * the same object that may be read-only, to be handed to those who shall not
 * write. While an object lives, the module cannot be unloaded.
 *
 * The memory of entries and of bits is charged to the memory cgroup of the
 * process whose call needs it; the arrays of buckets that a table grows into, some
 * 24 to 48 bytes an entry, and half as much again while it grows, to that of its
 * maker. At a limit calls answer ENOMEM; nobody is killed for them.
 *
 * An operation on one entry, or on bits of one region of 16384, happens at one
 * moment. A range that is longer changes region by region, and what is asked of
 * it is asked region by region.
 */

/**
 * DOC: Calls
 *
 * Every command takes a pointer to a struct whose first member is its size.
 * The caller stores sizeof(struct) there. A shorter struct, as an older header
 * had it, is accepted down to the members that the command was born with; the
 * missing ones count as zero. A longer one is accepted when all that this
 * kernel does not know is zero. Members that are not inputs may hold anything;
 * members named __reserved and bits of flags that have no name must be zero.
 *
 * A call returns 0, or -1 and errno:
 *
 * ========== ================================================================
 * EBADF      the command changes the object, or /dev/qds makes one, and the
 *            descriptor is not open for writing; or source is no descriptor
 * ENOTTY     no such command, or not one of this kind of object
 * EINVAL     size is shorter than the command's first version; or a value that
 *            can never be right: zero where there must be something, a chunk
 *            not aligned, key or value size not the table's, a member that is
 *            no input of this command and must be zero
 * E2BIG      size is above 4096, or what this kernel does not know is not zero
 * EOPNOTSUPP an unknown bit of flags or a non-zero __reserved member; or this
 *            bitmap's granularity has no serialized form
 * EFAULT     a pointer cannot be read or written
 * EOVERFLOW  start + count does not fit in 64 bits
 * ERANGE     a range reaches past the end of the bitmap
 * EFBIG      larger than the limits of QDS_CAPS
 * ENOMEM     no memory; the object is as it was
 * ENOSPC     the table has max_entries entries, or the buffer is too small
 * EEXIST     the key is in the table already
 * ENOENT     the key is not in the table
 * EBUSY      the bitmap is being restored
 * ENODATA    the bitmap is not being restored
 * EOWNERDEAD who restored the bitmap has gone before FINISH
 * EPERM      the bitmap is sealed, or it is what TAKE has made and would become
 *            dirtier
 * EMFILE,    no descriptor or file to be had; nothing was made
 * ENFILE
 * EINTR      a fatal signal ended the call early; done says how far it came
 * ========== ================================================================
 *
 * Inputs are checked before anything is touched, and replies are written
 * before anything is changed: a call that returns EFAULT has not changed what
 * the failing reply was about.
 */

/**
 * DOC: Vectors
 *
 * Commands on entries and ranges take @nr of them in one call and work through
 * them in order, in batches; several callers' batches interleave. With
 * @results, a pointer to @nr __s32, each element gets a result of its own (0 or
 * more, or a negative errno), one failure does not stop the others, and the
 * call returns 0 when it has been through all. Without @results (0) the call
 * stops at the first element that fails and returns its errno. In both cases
 * @done is the number of elements that the call has been through without
 * stopping, so that a caller can go on from there.
 *
 * A batch is written to @results and @done before it changes the object. On
 * EFAULT, elements from @done on are as they were.
 */

#define QDS_IOC_MAGIC	0xBD

/* Numbers: 0x00 the device, 0x10 any object, 0x20 tables, 0x40 bitmaps. */
enum {
	QDS_CMD_CAPS = 0x00,
	QDS_CMD_TABLE_CREATE = 0x01,
	QDS_CMD_BITMAP_CREATE = 0x02,

	QDS_CMD_OBJECT_INFO = 0x10,
	QDS_CMD_OBJECT_REOPEN = 0x11,

	QDS_CMD_TABLE_INFO = 0x20,
	QDS_CMD_TABLE_INSERT = 0x21,
	QDS_CMD_TABLE_LOOKUP = 0x22,
	QDS_CMD_TABLE_REMOVE = 0x23,
	QDS_CMD_TABLE_STATS = 0x24,

	QDS_CMD_BITMAP_INFO = 0x40,
	QDS_CMD_BITMAP_SET = 0x41,
	QDS_CMD_BITMAP_RESET = 0x42,
	QDS_CMD_BITMAP_TEST = 0x43,
	QDS_CMD_BITMAP_COUNT = 0x44,
	QDS_CMD_BITMAP_EXTENTS = 0x45,
	QDS_CMD_BITMAP_SERIALIZE_SIZE = 0x46,
	QDS_CMD_BITMAP_SERIALIZE = 0x47,
	QDS_CMD_BITMAP_DESERIALIZE = 0x48,
	QDS_CMD_BITMAP_FINISH = 0x49,
	QDS_CMD_BITMAP_BEGIN = 0x4a,
	QDS_CMD_BITMAP_SEAL = 0x4b,
	QDS_CMD_BITMAP_WATCH = 0x4c,
	QDS_CMD_BITMAP_TAKE = 0x4d,
	QDS_CMD_BITMAP_CLONE = 0x4e,
	QDS_CMD_BITMAP_MERGE = 0x4f,
	QDS_CMD_BITMAP_TRUNCATE = 0x50,
	QDS_CMD_BITMAP_DIGEST = 0x51,
	QDS_CMD_BITMAP_SERIALIZE_CHUNKS = 0x52,
	QDS_CMD_BITMAP_DESERIALIZE_CHUNKS = 0x53,
};

/**
 * struct qds_caps - ioctl(QDS_CAPS), on /dev/qds
 * @size: sizeof(struct qds_caps)
 * @flags: must be 0
 * @features: out: bits QDS_FEATURE_*
 * @max_bitmap_bits: out: most bits (items >> granularity) of a bitmap
 * @max_table_entries: out: largest max_entries of a table
 * @max_key_size: out: largest key, in bytes
 * @max_value_size: out: largest value, in bytes
 * @max_granularity: out: largest granularity of a bitmap
 * @max_serial_granularity: out: largest that has a serialized form
 *
 * What this build has and its limits.
 */
struct qds_caps {
	__u32 size;
	__u32 flags;
	__aligned_u64 features;
	__aligned_u64 max_bitmap_bits;
	__aligned_u64 max_table_entries;
	__u32 max_key_size;
	__u32 max_value_size;
	__u32 max_granularity;
	__u32 max_serial_granularity;
};

/* Tables of fixed key and value size; bitmaps. */
#define QDS_FEATURE_TABLE	(1ULL << 0)
#define QDS_FEATURE_BITMAP	(1ULL << 1)

#define QDS_CAPS		_IO(QDS_IOC_MAGIC, QDS_CMD_CAPS)

/**
 * struct qds_table_create - ioctl(QDS_TABLE_CREATE), on /dev/qds
 * @size: sizeof(struct qds_table_create)
 * @flags: must be 0
 * @key_size: bytes of a key, 1 to max_key_size
 * @value_size: bytes of a value, 0 (a set of keys) to max_value_size
 * @max_entries: refuse to hold more than this; 0 for no bound but memory
 * @size_hint: entries expected, to start with room for them; 0 if unknown
 * @out_fd: out: the descriptor of the new table
 * @__reserved: must be 0
 *
 * Makes an empty table. It grows as entries come, and shrinks when most of them have
 * gone, though not below @size_hint, without stopping anyone.
 * Keys are compared byte by byte and hashed under a random secret of the table.
 */
struct qds_table_create {
	__u32 size;
	__u32 flags;
	__u32 key_size;
	__u32 value_size;
	__aligned_u64 max_entries;
	__aligned_u64 size_hint;
	__s32 out_fd;
	__u32 __reserved;
};

#define QDS_TABLE_CREATE	_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_CREATE)

/**
 * struct qds_bitmap_create - ioctl(QDS_BITMAP_CREATE), on /dev/qds
 * @size: sizeof(struct qds_bitmap_create)
 * @flags: must be 0
 * @items: number of items, 1 to 2^63 - 1
 * @granularity: a bit stands for 1 << granularity items
 * @out_fd: out: the descriptor of the new bitmap
 *
 * Makes a bitmap with all items clean. Memory is taken as items are set, and
 * none for regions that are all clean or all dirty.
 */
struct qds_bitmap_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 items;
	__u32 granularity;
	__s32 out_fd;
};

#define QDS_BITMAP_CREATE	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_CREATE)

/* Kinds of object. */
#define QDS_KIND_TABLE		1
#define QDS_KIND_BITMAP		2

/* What a descriptor allows. */
#define QDS_ACCESS_READ		(1 << 0)
#define QDS_ACCESS_WRITE	(1 << 1)

/**
 * struct qds_object_info - ioctl(QDS_OBJECT_INFO), on an object
 * @size: sizeof(struct qds_object_info)
 * @flags: must be 0
 * @kind: out: QDS_KIND_*
 * @access: out: bits QDS_ACCESS_* of this descriptor
 */
struct qds_object_info {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 access;
};

#define QDS_OBJECT_INFO		_IO(QDS_IOC_MAGIC, QDS_CMD_OBJECT_INFO)

/**
 * struct qds_object_reopen - ioctl(QDS_OBJECT_REOPEN), on an object
 * @size: sizeof(struct qds_object_reopen)
 * @flags: must be 0
 * @access: QDS_ACCESS_READ, or with QDS_ACCESS_WRITE if this descriptor has it
 * @out_fd: out: a further descriptor of the same object, close-on-exec
 *
 * EBADF when @access asks for more than this descriptor allows, EINVAL when it
 * does not ask for QDS_ACCESS_READ, EOPNOTSUPP on unknown bits.
 */
struct qds_object_reopen {
	__u32 size;
	__u32 flags;
	__u32 access;
	__s32 out_fd;
};

#define QDS_OBJECT_REOPEN	_IO(QDS_IOC_MAGIC, QDS_CMD_OBJECT_REOPEN)

/**
 * struct qds_table_info - ioctl(QDS_TABLE_INFO), on a table
 * @size: sizeof(struct qds_table_info)
 * @flags: must be 0
 * @key_size: out: bytes of a key
 * @value_size: out: bytes of a value
 * @entries: out: entries now; exact while nobody writes
 * @max_entries: out: as given at creation
 * @buckets: out: head buckets now
 */
struct qds_table_info {
	__u32 size;
	__u32 flags;
	__u32 key_size;
	__u32 value_size;
	__aligned_u64 entries;
	__aligned_u64 max_entries;
	__aligned_u64 buckets;
};

#define QDS_TABLE_INFO		_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_INFO)

/**
 * struct qds_table_vec - entries to work on
 * @size: sizeof(struct qds_table_vec)
 * @flags: must be 0
 * @nr: number of elements, at least 1
 * @done: out: elements gone through, see "Vectors"
 * @key_size: the table's key size, or EINVAL
 * @value_size: the table's value size if @values is given, else 0
 * @keys: pointer to @nr keys, one right behind the other
 * @values: pointer to @nr values, one right behind the other
 * @results: pointer to @nr __s32, or 0
 *
 * ioctl(QDS_TABLE_INSERT) adds each key with its value. Results: 0, -EEXIST
 * (the entry that is there stays as it is), -ENOSPC, -ENOMEM. @values may be 0
 * only where the table's value size is.
 *
 * ioctl(QDS_TABLE_LOOKUP) finds each key. Results: 0, -ENOENT. Values are
 * written to @values unless that is 0; the value of a key not found is zeroed.
 * Without @results it stops at the first key that is not there.
 *
 * ioctl(QDS_TABLE_REMOVE) takes each key out. Results: 0, -ENOENT. @values and
 * @value_size must be 0. Of several callers that remove one entry at the same
 * time one gets 0.
 */
struct qds_table_vec {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 done;
	__u32 key_size;
	__u32 value_size;
	__aligned_u64 keys;
	__aligned_u64 values;
	__aligned_u64 results;
};

#define QDS_TABLE_INSERT	_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_INSERT)
#define QDS_TABLE_LOOKUP	_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_LOOKUP)
#define QDS_TABLE_REMOVE	_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_REMOVE)

/**
 * struct qds_dist_entry - of a distribution: a value and how often it is found
 * @x: the value
 * @count: how often
 */
struct qds_dist_entry {
	__aligned_u64 x;
	__aligned_u64 count;
};

/**
 * struct qds_table_stats - ioctl(QDS_TABLE_STATS), on a table
 * @size: sizeof(struct qds_table_stats)
 * @flags: must be 0
 * @buckets: out: head buckets; each begins a chain
 * @used_buckets: out: head buckets whose chain has an entry
 * @chained_buckets: out: buckets that are not heads
 * @entries: out: entries
 * @memory: out: bytes of memory that the buckets take, without the entries
 * @chain: pointer to room for @chain_nr struct qds_dist_entry: lengths of chains
 *	that have an entry, in buckets
 * @occupancy: pointer to room for @occupancy_nr struct qds_dist_entry: how full
 *	chains are, in thousandths of the slots of all their buckets
 * @chain_nr: in: that room; out: how many different lengths there are
 * @occupancy_nr: in: that room; out: how many different occupancies there are
 *
 * Values come in ascending order. Of those for which there is no room nothing is
 * written; where the room is 0 the pointer is not looked at.
 *
 * The whole table is looked through, and nobody waits for that. While nobody
 * writes, all is exact; beside writers, what is told of a chain was true of it at
 * some moment during the call.
 */
struct qds_table_stats {
	__u32 size;
	__u32 flags;
	__aligned_u64 buckets;
	__aligned_u64 used_buckets;
	__aligned_u64 chained_buckets;
	__aligned_u64 entries;
	__aligned_u64 memory;
	__aligned_u64 chain;
	__aligned_u64 occupancy;
	__u32 chain_nr;
	__u32 occupancy_nr;
};

#define QDS_TABLE_STATS		_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_STATS)

/* States of a bitmap. */
#define QDS_BITMAP_ACTIVE	0	/* in use */
#define QDS_BITMAP_RESTORING	1	/* between BEGIN or first DESERIALIZE and FINISH */
#define QDS_BITMAP_ABANDONED	2	/* being restored, and nobody is left to do it */
#define QDS_BITMAP_TAKEN	3	/* made by TAKE: it can only become cleaner */
#define QDS_BITMAP_SEALED	4	/* does not change any more */

/**
 * DOC: The states of a bitmap
 *
 * What a bitmap answers, by its state. ok is done; -> is done, and changes the
 * state.
 *
 * ========================= ============ ============ ============ ========= =========
 * command                   active       restoring    abandoned    taken     sealed
 * ========================= ============ ============ ============ ========= =========
 * TEST COUNT EXTENTS        ok           EBUSY        EOWNERDEAD   ok        ok
 * SERIALIZE(_CHUNKS)
 * DIGEST CLONE, source of
 * MERGE, read(2), SEEK_DATA
 * and SEEK_HOLE
 * RESET TAKE TRUNCATE,      ok           EBUSY        EOWNERDEAD   ok        EPERM
 * MERGE by AND or ANDNOT
 * SET, MERGE by OR or XOR   ok           EBUSY        EOWNERDEAD   EPERM     EPERM
 * BEGIN                     -> restoring EBUSY        -> restoring EPERM     EPERM
 * DESERIALIZE(_CHUNKS)      -> restoring ok           EOWNERDEAD   EPERM     EPERM
 * write(2)                  ENODATA      ok           EOWNERDEAD   EPERM     EPERM
 * FINISH                    ENODATA      -> active    EOWNERDEAD   ENODATA   ENODATA
 * SEAL                      -> sealed    EBUSY        EOWNERDEAD   -> sealed ok
 * its owner goes            ok           -> abandoned ok           ok        ok
 * ========================= ============ ============ ============ ========= =========
 *
 * INFO, SERIALIZE_SIZE, WATCH, poll(2) and the other whences of lseek(2) work in
 * all states.
 *
 * The owner of a restore is the process that began it, by BEGIN or the first
 * DESERIALIZE. Others may help with the restore and finish it. When the owner ends,
 * or closes the descriptor by which it began or a duplicate of that, before FINISH,
 * then the bitmap is abandoned: what it holds is a mixture. BEGIN takes it over; who
 * does that must restore all that the former owner may not have.
 */

/**
 * struct qds_bitmap_info - ioctl(QDS_BITMAP_INFO), on a bitmap in any state
 * @size: sizeof(struct qds_bitmap_info)
 * @flags: must be 0
 * @state: out: QDS_BITMAP_ACTIVE to QDS_BITMAP_SEALED
 * @granularity: out: as given at creation
 * @items: out: as given at creation, or to TRUNCATE since
 * @dirty: out: dirty bits << granularity: may exceed @items where the last
 *	group is cut short; exact while nobody writes
 * @memory: out: bytes of memory that the bits take now
 */
struct qds_bitmap_info {
	__u32 size;
	__u32 flags;
	__u32 state;
	__u32 granularity;
	__aligned_u64 items;
	__aligned_u64 dirty;
	__aligned_u64 memory;
};

#define QDS_BITMAP_INFO		_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_INFO)

/**
 * struct qds_range - items from @start to @start + @count - 1
 * @start: first item
 * @count: number of items; 0 is an empty range, and nothing is done for it
 */
struct qds_range {
	__aligned_u64 start;
	__aligned_u64 count;
};

/* Results of QDS_BITMAP_TEST. */
#define QDS_TEST_CLEAN	0	/* no item of the range is dirty */
#define QDS_TEST_SOME	1	/* some are, some are not */
#define QDS_TEST_DIRTY	2	/* all are */

/**
 * struct qds_bitmap_vec - ranges to work on
 * @size: sizeof(struct qds_bitmap_vec)
 * @flags: must be 0
 * @nr: number of ranges, at least 1
 * @done: out: ranges gone through, see "Vectors"
 * @ranges: pointer to @nr struct qds_range
 * @results: pointer to @nr __s32, or 0 (QDS_BITMAP_TEST needs it)
 *
 * ioctl(QDS_BITMAP_SET) makes the ranges dirty, rounded outward to whole bits.
 * ioctl(QDS_BITMAP_RESET) makes them clean; each must start and end at a
 * multiple of 1 << granularity or at the bitmap's end, or it is EINVAL.
 * ioctl(QDS_BITMAP_TEST) answers QDS_TEST_* for each. An empty range is clean.
 * Other results: -EOVERFLOW, -ERANGE, -ENOMEM (SET and RESET).
 */
struct qds_bitmap_vec {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 done;
	__aligned_u64 ranges;
	__aligned_u64 results;
};

#define QDS_BITMAP_SET		_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_SET)
#define QDS_BITMAP_RESET	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_RESET)
#define QDS_BITMAP_TEST		_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_TEST)

/**
 * struct qds_bitmap_count - ioctl(QDS_BITMAP_COUNT), on a bitmap
 * @size: sizeof(struct qds_bitmap_count)
 * @flags: must be 0
 * @start: first item
 * @count: number of items
 * @dirty: out: how many of them are dirty
 */
struct qds_bitmap_count {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 count;
	__aligned_u64 dirty;
};

#define QDS_BITMAP_COUNT	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_COUNT)

/**
 * struct qds_extent - neighbouring items that are all dirty or all clean
 * @start: first item
 * @count: number of items
 * @flags: QDS_EXTENT_DIRTY or QDS_EXTENT_CLEAN
 * @__reserved: 0
 */
struct qds_extent {
	__aligned_u64 start;
	__aligned_u64 count;
	__u32 flags;
	__u32 __reserved;
};

#define QDS_EXTENT_DIRTY	(1 << 0)
#define QDS_EXTENT_CLEAN	(1 << 1)

/**
 * struct qds_bitmap_extents - ioctl(QDS_BITMAP_EXTENTS), on a bitmap
 * @size: sizeof(struct qds_bitmap_extents)
 * @flags: which kinds to report: QDS_EXTENT_DIRTY, QDS_EXTENT_CLEAN, or both
 * @start: first item to look at
 * @count: number of items to look at
 * @extents: pointer to room for @nr struct qds_extent
 * @nr: in: that room, at least 1; out: how many were written
 * @__reserved: must be 0
 * @next: out: where to go on: @start + @count when all has been looked at,
 *	else the first item that has not
 *
 * Extents come in order. What one says of an item was true of that item at some
 * moment during the call. Beside writers, neighbouring extents may be of one kind;
 * so may the last of one call and the first of the next.
 *
 * With room for one extent of both kinds the answer is what @start is, and how far
 * that goes.
 */
struct qds_bitmap_extents {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 count;
	__aligned_u64 extents;
	__u32 nr;
	__u32 __reserved;
	__aligned_u64 next;
};

#define QDS_BITMAP_EXTENTS	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_EXTENTS)

/**
 * DOC: The serialized form
 *
 * Bit i of a bitmap, which stands for the items from i << granularity on, is
 * bit i % 8 (the least significant is 0) of byte i / 8. Chunks start at a
 * multiple of 64 << granularity items and end at one or at the bitmap's end;
 * their bytes are padded with zero bits to a multiple of 8 bytes. The bytes are
 * the same on every machine, and are those of QEMU's hbitmap on a 64-bit one.
 *
 * A bitmap's descriptor is also a file of these bytes, those of all items; see "The
 * file".
 */

/**
 * struct qds_bitmap_serialize_size - ioctl(QDS_BITMAP_SERIALIZE_SIZE)
 * @size: sizeof(struct qds_bitmap_serialize_size)
 * @flags: must be 0
 * @start: first item of the chunk
 * @count: number of items in the chunk
 * @bytes: out: length of its serialized form
 * @align: out: 64 << granularity, in items
 *
 * In any state of the bitmap.
 */
struct qds_bitmap_serialize_size {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 count;
	__aligned_u64 bytes;
	__aligned_u64 align;
};

#define QDS_BITMAP_SERIALIZE_SIZE \
	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_SERIALIZE_SIZE)

/* For QDS_BITMAP_DESERIALIZE: the chunk is all clean, or all dirty, no bytes. */
#define QDS_CHUNK_ZEROES	(1 << 0)
#define QDS_CHUNK_ONES		(1 << 1)

/**
 * struct qds_bitmap_chunk - a chunk of the serialized form
 * @size: sizeof(struct qds_bitmap_chunk)
 * @flags: for DESERIALIZE at most one of QDS_CHUNK_*, else 0
 * @start: first item, a multiple of 64 << granularity
 * @count: number of items, such a multiple too unless the chunk ends where the
 *	bitmap ends
 * @data: pointer to the bytes; 0 with QDS_CHUNK_*
 * @data_size: SERIALIZE: room at @data, at least what QDS_BITMAP_SERIALIZE_SIZE
 *	says, or ENOSPC; DESERIALIZE: exactly that, or EINVAL; 0 with QDS_CHUNK_*
 * @done: out: items written or read, counted from @start; on an error what has
 *	been restored before it. Less than @count only on an error
 *
 * ioctl(QDS_BITMAP_SERIALIZE) writes the chunk to @data. Each region of 16384
 * bits is as it was at one moment; different ones may be of different moments.
 *
 * ioctl(QDS_BITMAP_DESERIALIZE) puts the chunk in the place of what the bitmap
 * has there. The first one makes the bitmap QDS_BITMAP_RESTORING; all commands that
 * ask for or change what is dirty are then EBUSY, but DESERIALIZE and FINISH.
 * A set bit behind the bitmap's end is EINVAL. An empty chunk does nothing.
 *
 * ioctl(QDS_BITMAP_FINISH), with a struct qds_bitmap_finish, ends the restore;
 * a DESERIALIZE of another caller's that is under way then ends with ENODATA.
 *
 * A chunk that was valid when the call began, and no longer is because of a TRUNCATE,
 * is ERANGE or EINVAL.
 */
struct qds_bitmap_chunk {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 count;
	__aligned_u64 data;
	__aligned_u64 data_size;
	__aligned_u64 done;
};

#define QDS_BITMAP_SERIALIZE	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_SERIALIZE)
#define QDS_BITMAP_DESERIALIZE	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_DESERIALIZE)

/**
 * struct qds_bitmap_finish - ioctl(QDS_BITMAP_FINISH), on a bitmap
 * @size: sizeof(struct qds_bitmap_finish)
 * @flags: must be 0
 */
struct qds_bitmap_finish {
	__u32 size;
	__u32 flags;
};

#define QDS_BITMAP_FINISH	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_FINISH)

/**
 * struct qds_bitmap_begin - ioctl(QDS_BITMAP_BEGIN), on a bitmap
 * @size: sizeof(struct qds_bitmap_begin)
 * @flags: must be 0
 *
 * Begins a restore, as the first DESERIALIZE does, without restoring anything: what
 * the bitmap holds stays until it is replaced. Takes over one that is abandoned.
 * EOPNOTSUPP if there is no serialized form.
 */
struct qds_bitmap_begin {
	__u32 size;
	__u32 flags;
};

#define QDS_BITMAP_BEGIN	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_BEGIN)

/**
 * struct qds_chunk - of several chunks
 * @start: first item, a multiple of 64 << granularity
 * @count: number of items, such a multiple too unless the chunk ends where the
 *	bitmap ends
 * @bytes: length of its serialized form among the data; 0 with QDS_CHUNK_*
 * @flags: 0, or one of QDS_CHUNK_*
 * @__reserved: 0
 */
struct qds_chunk {
	__aligned_u64 start;
	__aligned_u64 count;
	__aligned_u64 bytes;
	__u32 flags;
	__u32 __reserved;
};

/**
 * struct qds_bitmap_chunks - many chunks of the serialized form
 * @size: sizeof(struct qds_bitmap_chunks)
 * @flags: must be 0
 * @start: SERIALIZE_CHUNKS: first item, aligned as that of a chunk; else 0
 * @count: SERIALIZE_CHUNKS: number of items, aligned likewise; else 0
 * @chunks: pointer to @nr struct qds_chunk
 * @data: pointer to the serialized forms of those that have one, one right behind
 *	the other
 * @data_size: SERIALIZE_CHUNKS: room at @data; DESERIALIZE_CHUNKS: how much is there
 * @bytes: out: how much of @data was written or read
 * @next: out: SERIALIZE_CHUNKS: where to go on: @start + @count when all is told, else
 *	the first item that is not
 * @nr: SERIALIZE_CHUNKS: room at @chunks; DESERIALIZE_CHUNKS: their number; at least 1
 * @done: out: chunks written or restored
 *
 * ioctl(QDS_BITMAP_SERIALIZE_CHUNKS) covers the range with chunks, in order and
 * without a gap. Regions of 16384 bits that are all clean or all dirty carry no
 * bytes, and as many neighbours as are alike are one chunk; neighbours with bytes are
 * one chunk of at most 65536. It ends where there is no room for a further chunk or
 * for the bytes of a further region (2048 at most; ENOSPC if that is the first thing
 * to be told). What a chunk without bytes says of an item was true of that item at
 * some moment during the call. Otherwise as SERIALIZE.
 *
 * ioctl(QDS_BITMAP_DESERIALIZE_CHUNKS) restores chunks as so many DESERIALIZE would,
 * up to the first that fails. They may be of any order and length; @data_size must be
 * at least what their @bytes add up to, or EINVAL. Of the chunk at @done a part may
 * have been restored.
 *
 * After an error, EFAULT too, @bytes, @next and @done say what has been told or
 * restored before it.
 */
struct qds_bitmap_chunks {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 count;
	__aligned_u64 chunks;
	__aligned_u64 data;
	__aligned_u64 data_size;
	__aligned_u64 bytes;
	__aligned_u64 next;
	__u32 nr;
	__u32 done;
};

#define QDS_BITMAP_SERIALIZE_CHUNKS \
	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_SERIALIZE_CHUNKS)
#define QDS_BITMAP_DESERIALIZE_CHUNKS \
	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_DESERIALIZE_CHUNKS)

/**
 * DOC: The file
 *
 * The descriptor of a bitmap is a file of the serialized form of all its items, a
 * multiple of 8 bytes long. Without a serialized form all calls here are EOPNOTSUPP,
 * but poll(2).
 *
 * read(2), pread(2) and the like give any part of it. Each 2048 bytes from a multiple
 * of 2048 on, a region, are as they were at one moment; or where they are all zero,
 * each item was clean at some moment.
 *
 * write(2), pwrite(2) and the like restore, as DESERIALIZE does: the bitmap must be
 * QDS_BITMAP_RESTORING, else ENODATA and what the table of states says. Any offset
 * and length will do. A set bit behind the bitmap's end is EINVAL, behind the end of
 * the file ENOSPC. What was written before an error is told by a short count.
 *
 * lseek(2) knows all whences. Regions in which nothing is dirty are holes, all others
 * data, and behind the end is a hole.
 *
 * poll(2) says EPOLLIN while as much is dirty as QDS_BITMAP_WATCH asks for, and
 * EPOLLERR while the bitmap is abandoned. It says neither while it is being restored.
 */

/**
 * struct qds_bitmap_watch - ioctl(QDS_BITMAP_WATCH), on a bitmap in any state
 * @size: sizeof(struct qds_bitmap_watch)
 * @flags: must be 0
 * @dirty: as QDS_BITMAP_INFO counts it: how much must be dirty, at least 1
 *
 * When poll(2) of this descriptor and its duplicates says EPOLLIN; before the first
 * WATCH, when anything is dirty. It needs no write access.
 */
struct qds_bitmap_watch {
	__u32 size;
	__u32 flags;
	__aligned_u64 dirty;
};

#define QDS_BITMAP_WATCH	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_WATCH)

/**
 * struct qds_bitmap_seal - ioctl(QDS_BITMAP_SEAL), on a bitmap
 * @size: sizeof(struct qds_bitmap_seal)
 * @flags: must be 0
 *
 * The bitmap does not change any more, through no descriptor. There is no way back;
 * a CLONE of it is not sealed.
 */
struct qds_bitmap_seal {
	__u32 size;
	__u32 flags;
};

#define QDS_BITMAP_SEAL		_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_SEAL)

/**
 * struct qds_bitmap_copy - a new bitmap out of this one
 * @size: sizeof(struct qds_bitmap_copy)
 * @flags: must be 0
 * @out_fd: out: the descriptor of the new bitmap, for reading and writing
 * @__reserved: must be 0
 *
 * ioctl(QDS_BITMAP_TAKE) moves what is dirty into the new bitmap, all at one moment;
 * this one is clean then. A SET that is under way lands in one or the other, and
 * when the call returns the new one no longer changes by itself. It is
 * QDS_BITMAP_TAKEN. MERGE puts back what is left of it. On any error nothing was
 * taken.
 *
 * ioctl(QDS_BITMAP_CLONE) copies, region by region; it needs no write access. The new
 * bitmap is QDS_BITMAP_ACTIVE.
 */
struct qds_bitmap_copy {
	__u32 size;
	__u32 flags;
	__s32 out_fd;
	__u32 __reserved;
};

#define QDS_BITMAP_TAKE		_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_TAKE)
#define QDS_BITMAP_CLONE	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_CLONE)

/* How two bitmaps are merged: what is dirty in this one then. */
#define QDS_MERGE_OR		0	/* in this one or in the source */
#define QDS_MERGE_AND		1	/* in both */
#define QDS_MERGE_ANDNOT	2	/* in this one, but not in the source */
#define QDS_MERGE_XOR		3	/* in one of them, but not in both */

/**
 * struct qds_bitmap_merge - ioctl(QDS_BITMAP_MERGE), on a bitmap
 * @size: sizeof(struct qds_bitmap_merge)
 * @flags: must be 0
 * @source: the descriptor of another bitmap, which stays as it is
 * @how: QDS_MERGE_*, or EINVAL
 *
 * Changes this bitmap region by region; what others set in it meanwhile is kept.
 * The two must have the same number of items and, but for QDS_MERGE_OR, the same
 * granularity, or it is EINVAL; as it is if @source is a descriptor of something else,
 * or of this bitmap. QDS_MERGE_OR rounds outward to whole bits.
 *
 * On ENOMEM nothing has changed; or if others write meanwhile a part may have been
 * merged. All but QDS_MERGE_XOR can then be repeated.
 */
struct qds_bitmap_merge {
	__u32 size;
	__u32 flags;
	__s32 source;
	__u32 how;
};

#define QDS_BITMAP_MERGE	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_MERGE)

/**
 * struct qds_bitmap_truncate - ioctl(QDS_BITMAP_TRUNCATE), on a bitmap
 * @size: sizeof(struct qds_bitmap_truncate)
 * @flags: must be 0
 * @items: number of items, 1 to 2^63 - 1
 *
 * Changes the number of items. What is added is clean, unless it belongs to the last
 * bit and that is dirty; what is cut off is gone. Calls that are under way go on:
 * those that change what is cut off are ERANGE, those that look find it clean.
 */
struct qds_bitmap_truncate {
	__u32 size;
	__u32 flags;
	__aligned_u64 items;
};

#define QDS_BITMAP_TRUNCATE	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_TRUNCATE)

/* Bytes of a digest. */
#define QDS_DIGEST_SIZE		32

/**
 * struct qds_bitmap_digest - ioctl(QDS_BITMAP_DIGEST), on a bitmap
 * @size: sizeof(struct qds_bitmap_digest)
 * @flags: must be 0
 * @digest: out: of the number of items, the granularity and what is dirty
 *
 * Equal digests mean equal bitmaps, on every machine. Each region is as it was at one
 * moment. EOPNOTSUPP if the kernel was built without SHA-256.
 */
struct qds_bitmap_digest {
	__u32 size;
	__u32 flags;
	__u8 digest[QDS_DIGEST_SIZE];
};

#define QDS_BITMAP_DIGEST	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_DIGEST)

#endif /* _UAPI_LINUX_QDS_H */
