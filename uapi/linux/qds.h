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
 * with its last descriptor, unless it has a name. QDS_OBJECT_REOPEN makes a
 * further descriptor of the same object that may be read-only, to be handed to
 * those who shall not write. While an object lives, the module cannot be unloaded.
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
 * ============ ==============================================================
 * EBADF        the command changes the object, or /dev/qds makes one, and the
 *              descriptor is not open for writing; or source is no descriptor;
 *              or another thread has closed the descriptor by which a restore
 *              or an attachment would have begun
 * ENOTTY       no such command, or not one of this kind of object
 * EINVAL       size is shorter than the command's first version; or a value that
 *              can never be right: zero where there must be something, a chunk
 *              not aligned, key or value size not the table's, a member that is
 *              no input of this command and must be zero
 * E2BIG        size is above 4096, or what this kernel does not know is not zero
 * EOPNOTSUPP   an unknown bit of flags or a non-zero __reserved member; or this
 *              bitmap's granularity has no serialized form
 * EFAULT       a pointer cannot be read or written
 * EOVERFLOW    start + count does not fit in 64 bits
 * ERANGE       a range reaches past the end of the bitmap
 * EFBIG        larger than the limits of QDS_CAPS
 * ENOMEM       no memory; the object is as it was
 * EDQUOT       more than one user may have, see QDS_CAPS
 * ENOSPC       the table has max_entries entries, or the buffer is too small
 * EACCES       the mode of the name does not let the caller open the object so
 * ENAMETOOLONG a name has more than 255 bytes
 * EEXIST       the key is in the table already; or the name is in use
 * ENOENT       the key is not in the table; or there is no such name, or watch
 * EBUSY        the bitmap is being restored; or the descriptor is attached; or the
 *              name is not published yet
 * ENODATA      the bitmap is not being restored; or the descriptor is not
 *              attached by this process
 * ESTALE       since the point that was told, the bitmap may have lost something
 * EOWNERDEAD   who restored the bitmap has gone before FINISH
 * EPERM        the object is sealed, or it is what TAKE has made and would become
 *              dirtier; or the name is another user's
 * EMSGSIZE     the value is longer than the room for it
 * ELOOP        the file could keep the fd store, and the fd store keeps the file
 * EMFILE,      no descriptor or file to be had; nothing was made
 * ENFILE
 * EINTR        a fatal signal ended the call early; done says how far it came
 * ============ ==============================================================
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

/* Numbers: 0x00 the device, 0x10 any object, 0x20 tables, 0x40 bitmaps, 0x60 fd stores. */
enum {
	QDS_CMD_CAPS = 0x00,
	QDS_CMD_TABLE_CREATE = 0x01,
	QDS_CMD_BITMAP_CREATE = 0x02,
	QDS_CMD_NAME_OPEN = 0x03,
	QDS_CMD_NAME_UNLINK = 0x04,
	QDS_CMD_NAME_LIST = 0x05,
	QDS_CMD_NAME_WATCH = 0x06,
	QDS_CMD_FDSTORE_CREATE = 0x07,

	QDS_CMD_OBJECT_INFO = 0x10,
	QDS_CMD_OBJECT_REOPEN = 0x11,
	QDS_CMD_OBJECT_LINK = 0x12,
	QDS_CMD_OBJECT_PUBLISH = 0x13,
	QDS_CMD_OBJECT_WATCH = 0x14,

	QDS_CMD_TABLE_INFO = 0x20,
	QDS_CMD_TABLE_INSERT = 0x21,
	QDS_CMD_TABLE_LOOKUP = 0x22,
	QDS_CMD_TABLE_REMOVE = 0x23,
	QDS_CMD_TABLE_STATS = 0x24,
	QDS_CMD_TABLE_WALK = 0x25,
	QDS_CMD_TABLE_SEAL = 0x26,

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
	QDS_CMD_BITMAP_ATTACH = 0x54,
	QDS_CMD_BITMAP_DETACH = 0x55,
	QDS_CMD_BITMAP_HISTORY = 0x56,

	QDS_CMD_FDSTORE_INFO = 0x60,
	QDS_CMD_FDSTORE_SAVE = 0x61,
	QDS_CMD_FDSTORE_FIND = 0x62,
	QDS_CMD_FDSTORE_RESAVE = 0x63,
	QDS_CMD_FDSTORE_DELETE = 0x64,
	QDS_CMD_FDSTORE_WALK = 0x65,
	QDS_CMD_FDSTORE_FIND_OR_SAVE = 0x66,
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
 * @user_objects: out: most objects of one user, 0 for any number
 * @user_names: out: most names of one user, likewise
 * @user_fds: out: most files in fd stores of one user, likewise
 * @user_entries: out: most entries in tables of one user, likewise
 * @user_bits: out: most bits of all bitmaps of one user, likewise
 *
 * What this build has and its limits. A user is the real user id of the process that
 * made the object or the name, saved the file, and for entries and bits that made the
 * table or bitmap. What would go beyond a limit is EDQUOT. The limits of users are
 * parameters of the module, and CAP_SYS_RESOURCE may exceed them.
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
	__aligned_u64 user_objects;
	__aligned_u64 user_names;
	__aligned_u64 user_fds;
	__aligned_u64 user_entries;
	__aligned_u64 user_bits;
};

/* Tables of fixed key and value size; bitmaps. */
#define QDS_FEATURE_TABLE	(1ULL << 0)
#define QDS_FEATURE_BITMAP	(1ULL << 1)
/* fd stores. */
#define QDS_FEATURE_FDSTORE	(1ULL << 3)
/* Names. */
#define QDS_FEATURE_NAMES	(1ULL << 2)
/* Tables whose keys and values have lengths of their own, QDS_TABLE_VARLEN. */
#define QDS_FEATURE_VARLEN	(1ULL << 4)
/* QDS_OBJECT_WATCH, poll(2) of tables */
#define QDS_FEATURE_WATCH	(1ULL << 5)
/* Bitmaps that know who writes and what was lost: QDS_BITMAP_HISTORY. */
#define QDS_FEATURE_HISTORY	(1ULL << 6)

#define QDS_CAPS		_IO(QDS_IOC_MAGIC, QDS_CMD_CAPS)

/**
 * struct qds_table_create - ioctl(QDS_TABLE_CREATE), on /dev/qds
 * @size: sizeof(struct qds_table_create)
 * @flags: 0 or QDS_TABLE_VARLEN
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
 *
 * With QDS_TABLE_VARLEN the sizes are those of the longest key and value: each key has
 * a length of its own, at least 1, and each value one of at least 0. Keys are equal if
 * their lengths and their bytes are. An entry takes memory for its own lengths.
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

/* For QDS_TABLE_CREATE: keys and values have lengths of their own. */
#define QDS_TABLE_VARLEN	(1 << 0)

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
#define QDS_KIND_FDSTORE	3

/* What a descriptor allows. */
#define QDS_ACCESS_READ		(1 << 0)
#define QDS_ACCESS_WRITE	(1 << 1)

/**
 * struct qds_object_info - ioctl(QDS_OBJECT_INFO), on an object
 * @size: sizeof(struct qds_object_info)
 * @flags: must be 0
 * @kind: out: QDS_KIND_*
 * @access: out: bits QDS_ACCESS_* of this descriptor
 * @id: out: the object's number, which no other has while the module is loaded
 */
struct qds_object_info {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 access;
	__aligned_u64 id;
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
 * DOC: Names
 *
 * An object can have names, by which others find it. A name is 1 to 255 bytes without
 * a NUL or a slash, and neither "." nor ".."; what is wrong with it is EINVAL, or
 * ENAMETOOLONG. All names of a machine are in one list. A name has an owner and a
 * group, those of the process that linked it, and a mode as a file has: who opens the
 * object by it is EACCES if that does not let him. It says nothing to those who have a
 * descriptor already.
 *
 * QDS_OBJECT_LINK gives an object a name; it may have several. The object lives as
 * long as it has one, even if nobody has a descriptor. With QDS_LINK_RESERVE the name
 * is taken, but EBUSY for all who open it, until QDS_OBJECT_PUBLISH: so nobody finds an
 * object that is not filled yet. A name that is only reserved goes with the object's
 * last descriptor.
 *
 * While there is a name the module cannot be unloaded.
 */

/* The longest name, in bytes. */
#define QDS_NAME_LEN		255

/* For QDS_OBJECT_LINK: nobody can open the name until it is published. */
#define QDS_LINK_RESERVE	(1 << 0)

/**
 * struct qds_object_link - ioctl(QDS_OBJECT_LINK), on an object
 * @size: sizeof(struct qds_object_link)
 * @flags: 0 or QDS_LINK_RESERVE
 * @name: pointer to the name
 * @name_len: its length
 * @mode: who may open it: bits of 0666, as of a file
 *
 * EEXIST if the name is in use or reserved, for this object or another. EINVAL for
 * other bits of @mode. EDQUOT if the caller has as many names as a user may.
 */
struct qds_object_link {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
};

#define QDS_OBJECT_LINK		_IO(QDS_IOC_MAGIC, QDS_CMD_OBJECT_LINK)

/**
 * struct qds_object_publish - ioctl(QDS_OBJECT_PUBLISH), on an object
 * @size: sizeof(struct qds_object_publish)
 * @flags: must be 0
 * @name: pointer to a name that was reserved for this object
 * @name_len: its length
 * @__reserved: must be 0
 *
 * From now on the name can be opened. ENOENT if it is no name of this object, EEXIST
 * if it is published.
 */
struct qds_object_publish {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 __reserved;
};

#define QDS_OBJECT_PUBLISH	_IO(QDS_IOC_MAGIC, QDS_CMD_OBJECT_PUBLISH)

/* What can be watched. */
#define QDS_EVENT_REACHED	(1U << 0) /* there is as much as @amount */

/* How. */
#define QDS_WATCH_REMOVE	(1U << 0) /* no longer */
#define QDS_WATCH_ONCE		(1U << 1) /* until it was told, once */

/**
 * struct qds_object_watch - ioctl(QDS_OBJECT_WATCH), on a table or a bitmap
 * @size: sizeof(struct qds_object_watch)
 * @flags: 0, QDS_WATCH_REMOVE or QDS_WATCH_ONCE
 * @eventfd: descriptor of an eventfd to be told; or -1 to say what poll(2) of this
 *	descriptor waits for
 * @events: QDS_EVENT_REACHED; 0 with QDS_WATCH_REMOVE
 * @amount: dirty items of a bitmap, or entries of a table, at least 1; 0 with
 *	QDS_WATCH_REMOVE
 *
 * 1 is added to the eventfd when there is as much as @amount, at once if there is
 * already, and again each time that this has become true after it was seen not to be;
 * and after a TAKE or the end of a restore if it is true then. Who was told looks how
 * much there is before waiting again; if others make it less as well, who was told
 * issues this command again instead, which tells at once if there is cause. There can
 * be as much for a moment without anybody being told, never for longer.
 *
 * A bitmap that is being restored or abandoned counts as empty.
 *
 * A watch lives until this open file is closed, or until QDS_WATCH_REMOVE (ENOENT if
 * there is none for @eventfd). A second one for the same eventfd takes the place of the
 * first; for more than 64 eventfds it is ENOSPC. EINVAL if @eventfd is no eventfd,
 * EBADF if it is no descriptor. It needs no write access.
 *
 * poll(2) says EPOLLIN while there is as much as @amount, which is 1 at first.
 */
struct qds_object_watch {
	__u32 size;
	__u32 flags;
	__s32 eventfd;
	__u32 events;
	__aligned_u64 amount;
};

#define QDS_OBJECT_WATCH	_IO(QDS_IOC_MAGIC, QDS_CMD_OBJECT_WATCH)

/**
 * struct qds_name_open - ioctl(QDS_NAME_OPEN), on /dev/qds
 * @size: sizeof(struct qds_name_open)
 * @flags: must be 0
 * @name: pointer to the name
 * @name_len: its length
 * @access: QDS_ACCESS_READ, or with QDS_ACCESS_WRITE if /dev/qds was opened for that
 * @out_fd: out: a descriptor of the object, close-on-exec
 * @__reserved: must be 0
 *
 * ENOENT if there is no such name, EACCES if its mode does not allow @access, EBUSY if
 * it is not published yet. EBADF, EINVAL and EOPNOTSUPP as of QDS_OBJECT_REOPEN.
 */
struct qds_name_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 access;
	__s32 out_fd;
	__u32 __reserved;
};

#define QDS_NAME_OPEN		_IO(QDS_IOC_MAGIC, QDS_CMD_NAME_OPEN)

/**
 * struct qds_name_unlink - ioctl(QDS_NAME_UNLINK), on /dev/qds
 * @size: sizeof(struct qds_name_unlink)
 * @flags: must be 0
 * @name: pointer to the name
 * @name_len: its length
 * @__reserved: must be 0
 *
 * Takes the name away, reserved or published. Descriptors of the object stay good.
 * ENOENT if there is no such name; EPERM if another user has linked it and the caller
 * has not made the object either, but for CAP_FOWNER.
 */
struct qds_name_unlink {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 __reserved;
};

#define QDS_NAME_UNLINK		_IO(QDS_IOC_MAGIC, QDS_CMD_NAME_UNLINK)

/**
 * struct qds_name_entry - a name, as QDS_NAME_LIST tells it
 * @object: number of its object, as in debugfs: names with one number are of one object
 * @kind: QDS_KIND_*
 * @mode: as given to QDS_OBJECT_LINK
 * @uid: its owner, in the caller's user namespace
 * @gid: its group, likewise
 * @flags: QDS_LINK_RESERVE if it is not published, else 0
 * @name_len: length of the name
 * @name: the name, and zeroes behind it
 */
struct qds_name_entry {
	__aligned_u64 object;
	__u32 kind;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 flags;
	__u32 name_len;
	char name[QDS_NAME_LEN + 1];
};

/**
 * struct qds_name_list - ioctl(QDS_NAME_LIST), on /dev/qds
 * @size: sizeof(struct qds_name_list)
 * @flags: must be 0
 * @cursor: in: 0 to begin, then what the call before has answered; out: where to go on
 * @entries: pointer to room for @nr struct qds_name_entry
 * @nr: in: that room, at least 1; out: how many were written, 0 at the end
 * @__reserved: must be 0
 *
 * Names come in the order in which they were linked, as long as those are fewer than
 * 2^32 in all. A name that is there all the time
 * is told once, whatever comes and goes.
 */
struct qds_name_list {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__aligned_u64 entries;
	__u32 nr;
	__u32 __reserved;
};

#define QDS_NAME_LIST		_IO(QDS_IOC_MAGIC, QDS_CMD_NAME_LIST)

/* What can happen to a name. */
#define QDS_NAME_PUBLISHED	(1 << 0)	/* it can be opened from now on */
#define QDS_NAME_UNLINKED	(1 << 1)	/* it was published, and is no more */

/**
 * struct qds_name_watch - ioctl(QDS_NAME_WATCH), on /dev/qds
 * @size: sizeof(struct qds_name_watch)
 * @flags: 0 or QDS_WATCH_REMOVE
 * @name: pointer to the name; not looked at if @name_len is 0
 * @name_len: its length; 0 for any name
 * @eventfd: a descriptor of eventfd(2), EINVAL or EBADF if it is none
 * @events: bits QDS_NAME_*, at least one; 0 with QDS_WATCH_REMOVE
 * @__reserved: must be 0
 *
 * Adds 1 to the eventfd each time that one of @events happens to the name. Those that
 * happen after the call are told; what was there before is found by QDS_NAME_LIST after
 * it. One watch of an eventfd for a name takes the place of the other; what happens
 * meanwhile may be told twice. ENOSPC if this
 * open file has 256.
 *
 * A watch lives until this open file is closed, or until QDS_WATCH_REMOVE with the same
 * eventfd and name, ENOENT if there is none.
 */
struct qds_name_watch {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__s32 eventfd;
	__u32 events;
	__u32 __reserved;
};

#define QDS_NAME_WATCH		_IO(QDS_IOC_MAGIC, QDS_CMD_NAME_WATCH)

/* States of a table. */
#define QDS_TABLE_ACTIVE	0	/* in use */
#define QDS_TABLE_SEALED	1	/* no entry comes or goes any more */

/**
 * struct qds_table_info - ioctl(QDS_TABLE_INFO), on a table
 * @size: sizeof(struct qds_table_info)
 * @flags: must be 0
 * @key_size: out: bytes of a key, or of the longest
 * @value_size: out: bytes of a value, or of the longest
 * @entries: out: entries now; exact while nobody writes
 * @max_entries: out: as given at creation
 * @buckets: out: head buckets now
 * @state: out: QDS_TABLE_ACTIVE or QDS_TABLE_SEALED
 * @create_flags: out: the flags given at creation
 */
struct qds_table_info {
	__u32 size;
	__u32 flags;
	__u32 key_size;
	__u32 value_size;
	__aligned_u64 entries;
	__aligned_u64 max_entries;
	__aligned_u64 buckets;
	__u32 state;
	__u32 create_flags;
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
 * @key_lens: QDS_TABLE_VARLEN: pointer to @nr __u32; else 0
 * @value_lens: QDS_TABLE_VARLEN: pointer to @nr __u32, see below; else 0
 *
 * ioctl(QDS_TABLE_INSERT) adds each key with its value. Results: 0, -EEXIST
 * (the entry that is there stays as it is), -ENOSPC, -EDQUOT, -ENOMEM. @values may be 0
 * only where the table's value size is.
 *
 * ioctl(QDS_TABLE_LOOKUP) finds each key. Results: 0, -ENOENT. Values are
 * written to @values unless that is 0; the value of a key not found is zeroed.
 * Without @results it stops at the first key that is not there.
 *
 * ioctl(QDS_TABLE_REMOVE) takes each key out. Results: 0, -ENOENT. @values and
 * @value_size must be 0. Of several callers that remove one entry at the same
 * time one gets 0.
 *
 * In a table made with QDS_TABLE_VARLEN, @key_size and @value_size are how far it is
 * from one key or value to the next, at least 1 and 0 and at most what the table was
 * made with. @key_lens says how many bytes of each count; what is behind them is not
 * looked at. A length of 0, or above @key_size, is -EINVAL for that element.
 * INSERT takes the lengths of values from @value_lens, of which one above @value_size
 * is -EINVAL likewise; without @values, and then without @value_lens and with a
 * @value_size of 0, all values have length 0. LOOKUP writes the lengths of values to
 * @value_lens, which must be given if @values is, and zeroes behind each value. A value
 * that is longer than @value_size is -EMSGSIZE and is not written, but its length is,
 * also if the call stops at it. With @value_lens and without @values only lengths are
 * told. The length of a key not found is 0.
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
	__aligned_u64 key_lens;
	__aligned_u64 value_lens;
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

/**
 * struct qds_table_walk - ioctl(QDS_TABLE_WALK), on a table
 * @size: sizeof(struct qds_table_walk)
 * @flags: must be 0
 * @cursor: in: 0 to begin, then what the call before has answered; out: where to go
 *	on, 0 when all entries have been told
 * @keys: pointer to room for @key_bytes bytes of keys
 * @values: pointer to room for @value_bytes bytes of values, or 0: only keys
 * @key_lens: QDS_TABLE_VARLEN: pointer to room for @nr __u32; else 0
 * @value_lens: QDS_TABLE_VARLEN: pointer to room for @nr __u32, or 0 if @values is;
 *	else 0
 * @key_bytes: in: that room; out: bytes written
 * @value_bytes: in: that room, 0 if @values is; out: bytes written
 * @nr: in: most entries to tell, at least 1; out: entries told
 * @__reserved: must be 0
 *
 * Tells the entries of a table, in the order of a keyed hash of theirs: keys one right
 * behind the other, and values likewise. A call tells some of them, as many as there is
 * room for and not more than some thousand; it may tell none where much of the table is
 * empty. The walk is over when @cursor is 0, not when @nr is.
 *
 * An entry that is in the table all through the walk is told exactly once, whatever is
 * inserted, removed or resized meanwhile; one that is there for some of the time once or
 * not at all. No key is told twice. So a walk of a sealed table tells just what is in
 * it. A cursor can be used again, by any descriptor of the same table and at any time;
 * one that is not of this table is EINVAL.
 *
 * ENOSPC if there is no room for what comes next; @nr, @key_bytes and @value_bytes then
 * say how much is enough, and @cursor stays. That is more than one entry where several
 * have one hash: they are told in one call.
 */
struct qds_table_walk {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__aligned_u64 keys;
	__aligned_u64 values;
	__aligned_u64 key_lens;
	__aligned_u64 value_lens;
	__aligned_u64 key_bytes;
	__aligned_u64 value_bytes;
	__u32 nr;
	__u32 __reserved;
};

#define QDS_TABLE_WALK		_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_WALK)

/**
 * struct qds_table_seal - ioctl(QDS_TABLE_SEAL), on a table
 * @size: sizeof(struct qds_table_seal)
 * @flags: must be 0
 *
 * No entry comes or goes any more, through any descriptor: INSERT and REMOVE answer
 * EPERM. The call waits for those that are at work. There is no way back.
 */
struct qds_table_seal {
	__u32 size;
	__u32 flags;
};

#define QDS_TABLE_SEAL		_IO(QDS_IOC_MAGIC, QDS_CMD_TABLE_SEAL)

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
 * SET, MERGE by OR or XOR,  ok           EBUSY        EOWNERDEAD   EPERM     EPERM
 * ATTACH
 * BEGIN                     -> restoring EBUSY        -> restoring EPERM     EPERM
 * DESERIALIZE(_CHUNKS)      -> restoring ok           EOWNERDEAD   EPERM     EPERM
 * write(2)                  ENODATA      ok           EOWNERDEAD   EPERM     EPERM
 * FINISH                    ENODATA      -> active    EOWNERDEAD   ENODATA   ENODATA
 * SEAL                      -> sealed    EBUSY        EOWNERDEAD   -> sealed ok
 * its owner goes            ok           -> abandoned ok           ok        ok
 * ========================= ============ ============ ============ ========= =========
 *
 * INFO, SERIALIZE_SIZE, WATCH, DETACH, HISTORY, poll(2) and the other whences of
 * lseek(2) work in all states.
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
 * @flags: TAKE: 0 or QDS_TAKE_SINCE; CLONE: must be 0
 * @out_fd: out: the descriptor of the new bitmap, for reading and writing
 * @__reserved: must be 0
 * @instance: with QDS_TAKE_SINCE, in: the instance of the point; TAKE, out: of this
 *	bitmap
 * @since: with QDS_TAKE_SINCE: the generation of the point, see "The history of a
 *	bitmap"
 * @generation: TAKE, out: the generation of this bitmap from here on
 *
 * ioctl(QDS_BITMAP_TAKE) moves what is dirty into the new bitmap, all at one moment;
 * this one is clean then. A SET that is under way lands in one or the other, and
 * when the call returns the new one no longer changes by itself. It is
 * QDS_BITMAP_TAKEN. MERGE puts back what is left of it. On any error nothing was
 * taken. With QDS_TAKE_SINCE it is ESTALE unless all that attached writers have made
 * dirty since that point is taken by this. @instance and @generation answered are the
 * point of the next one.
 *
 * ioctl(QDS_BITMAP_CLONE) copies, region by region; it needs no write access. The new
 * bitmap is QDS_BITMAP_ACTIVE.
 */
struct qds_bitmap_copy {
	__u32 size;
	__u32 flags;
	__s32 out_fd;
	__u32 __reserved;
	__aligned_u64 instance[2];
	__aligned_u64 since;
	__aligned_u64 generation;
};

/* For QDS_BITMAP_TAKE: only if nothing was lost since a point. */
#define QDS_TAKE_SINCE		(1 << 0)

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
 * If the source is truncated meanwhile, then what was cut off counts as clean.
 *
 * On ENOMEM nothing has changed; or if others write meanwhile a part may have been
 * merged. So it may on EINTR, when the caller is killed; on EPERM, when this bitmap is
 * sealed meanwhile; and on EBUSY, when a restore of one of the two begins: those regions
 * are then merged that the call came to, and the others as they were. All but
 * QDS_MERGE_XOR can then be repeated.
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

/**
 * DOC: The history of a bitmap
 *
 * A writer records in a bitmap what it has changed elsewhere. If it dies, then
 * something may have been changed that was not recorded. The bitmap says so if the
 * writer was attached.
 *
 * Each bitmap has an instance, a random number that no other has, and a generation,
 * never 0, that changes whenever something may be missing in the bitmap that was, or
 * should be, dirty. Both together are a point. While a bitmap has the generation that
 * was told, all that attached writers have changed since is dirty, or is yet to be made
 * dirty by a writer who is alive and attached. The generation changes
 *
 * - when a writer ends without DETACH, unless it is QDS_ATTACH_MARKS_FIRST and the
 *   generation is still that at which it attached;
 * - by TAKE, RESET and MERGE by AND, ANDNOT or XOR, whatever they find dirty, and by
 *   TRUNCATE to fewer items;
 * - by BEGIN, the first DESERIALIZE, and FINISH.
 *
 * It does not by SET and MERGE by OR, by ATTACH and DETACH, and by TRUNCATE to as many
 * items or more.
 *
 * An attachment belongs to the process that called ATTACH, or all that share its table
 * of descriptors, and to the file of the descriptor: its duplicates and those that were
 * inherited or passed on are the same file, one that REOPEN makes is another. It ends
 * without DETACH when that process ends, however that comes, or closes any of its
 * descriptors of the file. A child of fork(2) and a process that was passed the
 * descriptor are not attached, and what they close does not matter. execve(2) keeps the
 * attachment if it keeps the descriptors.
 */

/* For QDS_BITMAP_ATTACH: the writer marks what it will change before it does, too. */
#define QDS_ATTACH_MARKS_FIRST	(1 << 0)

/**
 * struct qds_bitmap_attach - ioctl(QDS_BITMAP_ATTACH), on a bitmap
 * @size: sizeof(struct qds_bitmap_attach)
 * @flags: 0 or QDS_ATTACH_MARKS_FIRST
 * @instance: out: of the bitmap
 * @generation: out: of the bitmap, just before
 *
 * From here on this process is a writer: what it has changed it makes dirty, after that
 * and before it calls DETACH. With QDS_ATTACH_MARKS_FIRST it does so before the change as
 * well. Then its end loses nothing as long as no TAKE and no RESET can have come between
 * a mark and its change, which is as long as the generation has not changed since ATTACH.
 * To mark only before is not enough for anybody: the mark may go with a TAKE, whose taker
 * copies what was there before the change. A file that is attached already is EBUSY.
 */
struct qds_bitmap_attach {
	__u32 size;
	__u32 flags;
	__aligned_u64 instance[2];
	__aligned_u64 generation;
};

#define QDS_BITMAP_ATTACH	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_ATTACH)

/**
 * struct qds_bitmap_detach - ioctl(QDS_BITMAP_DETACH), on a bitmap in any state
 * @size: sizeof(struct qds_bitmap_detach)
 * @flags: must be 0
 *
 * All that the writer has changed is dirty. ENODATA if the file is not attached, or by
 * another process.
 */
struct qds_bitmap_detach {
	__u32 size;
	__u32 flags;
};

#define QDS_BITMAP_DETACH	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_DETACH)

/**
 * struct qds_bitmap_history - ioctl(QDS_BITMAP_HISTORY), on a bitmap in any state
 * @size: sizeof(struct qds_bitmap_history)
 * @flags: must be 0
 * @instance: in: the instance of a point; out: of the bitmap
 * @since: the generation of the point, or 0 for none
 * @generation: out: of the bitmap
 * @unclean: out: how many writers have ended without DETACH, of either kind
 * @writers: out: how many are attached
 * @complete: out: 1 if the bitmap is at that point still, else 0; 0 while it is being
 *	restored or abandoned
 *
 * QDS_BITMAP_TAKE with QDS_TAKE_SINCE asks the same, and acts at the same moment.
 */
struct qds_bitmap_history {
	__u32 size;
	__u32 flags;
	__aligned_u64 instance[2];
	__aligned_u64 since;
	__aligned_u64 generation;
	__aligned_u64 unclean;
	__u32 writers;
	__u32 complete;
};

#define QDS_BITMAP_HISTORY	_IO(QDS_IOC_MAGIC, QDS_CMD_BITMAP_HISTORY)

/**
 * DOC: fd stores
 *
 * A store holds open files under keys, a name of bytes and a number each, so that a
 * successor finds what a process had open. It has a reference of each file: a file
 * stays open when whoever saved it closes it or dies, until it is deleted or the store
 * goes. A store that is linked to a name does not go with its last descriptor.
 *
 * Who may find what is in a store may use it: SAVE, FIND and all that changes a store
 * need a descriptor of it that is open for writing. With a read-only one INFO and WALK
 * work. FIND passes the security hook that receiving a file over a UNIX socket passes;
 * what that refuses is the result.
 *
 * The same file may be saved under several keys. A descriptor opened with O_PATH may be
 * saved too.
 *
 * What could hold the store in turn is refused with ELOOP, or the two could keep each
 * other for ever: fd stores, this or another; and descriptors of io_uring. So are
 * AF_UNIX sockets, but in a store that is linked to a name: a name can be unlinked.
 * When its last name goes, the store drops its AF_UNIX sockets.
 *
 * Each file counts for the user who saved it, wherever it is: above the bound it is
 * EDQUOT.
 */

/* The longest name of a key, in bytes. */
#define QDS_FDSTORE_NAME_MAX	255

/**
 * struct qds_fdstore_create - ioctl(QDS_FDSTORE_CREATE), on /dev/qds
 * @size: sizeof(struct qds_fdstore_create)
 * @flags: must be 0
 * @max_entries: refuse to hold more than this; 0 for no bound but that of the user
 * @out_fd: out: the descriptor of the new store
 * @__reserved: must be 0
 *
 * Makes an empty fd store, with room for @max_entries, up to some thousand.
 */
struct qds_fdstore_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 max_entries;
	__s32 out_fd;
	__u32 __reserved;
};

#define QDS_FDSTORE_CREATE	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_CREATE)

/**
 * struct qds_fdstore_info - ioctl(QDS_FDSTORE_INFO), on an fd store
 * @size: sizeof(struct qds_fdstore_info)
 * @flags: must be 0
 * @max_entries: out: as given at creation
 * @entries: out: entries now
 * @sockets: out: how many of them are AF_UNIX sockets
 */
struct qds_fdstore_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 max_entries;
	__aligned_u64 entries;
	__aligned_u64 sockets;
};

#define QDS_FDSTORE_INFO	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_INFO)

/**
 * struct qds_fdstore_entry - a key, and a descriptor
 * @name: pointer to the name, of any bytes but zero
 * @name_len: its length, 1 to QDS_FDSTORE_NAME_MAX
 * @id: the number that belongs to the key
 * @fd: the descriptor, see the commands
 * @flags: must be 0
 */
struct qds_fdstore_entry {
	__aligned_u64 name;
	__u32 name_len;
	__u32 id;
	__s32 fd;
	__u32 flags;
};

/* Results of QDS_FDSTORE_RESAVE and QDS_FDSTORE_FIND_OR_SAVE. */
#define QDS_FDSTORE_SAVED	0	/* the key was not there */
#define QDS_FDSTORE_FOUND	1	/* it was */

/**
 * struct qds_fdstore_vec - entries to work on
 * @size: sizeof(struct qds_fdstore_vec)
 * @flags: must be 0
 * @nr: number of elements, at least 1
 * @done: out: elements gone through, see "Vectors"
 * @entries: pointer to @nr struct qds_fdstore_entry
 * @results: pointer to @nr __s32, or 0
 *
 * What may be wrong with an element is its result: -EINVAL and -ENAMETOOLONG for the
 * name, -EOPNOTSUPP for flags; where a file is saved, -EBADF, -ELOOP, -EDQUOT, -ENOSPC
 * (the store has max_entries) and -ENOMEM; where one is found, -EMFILE, and what a
 * security module says. A file that was not saved is still the caller's, one that was
 * not found is still the store's.
 *
 * ioctl(QDS_FDSTORE_SAVE) saves the file of each @fd. Results: 0, -EEXIST (what is
 * there stays, even if it is the same file).
 *
 * ioctl(QDS_FDSTORE_FIND) makes a descriptor, close-on-exec, of each file, and writes it
 * to @fd, or -1. Results: 0, -ENOENT.
 *
 * ioctl(QDS_FDSTORE_RESAVE) saves as SAVE does, but accepts that the same file, by
 * whatever descriptor, is there under that key: results are QDS_FDSTORE_SAVED and
 * QDS_FDSTORE_FOUND. Another file is -EEXIST, and stays.
 *
 * ioctl(QDS_FDSTORE_DELETE) takes entries out. Results: 0, -ENOENT.
 *
 * ioctl(QDS_FDSTORE_FIND_OR_SAVE) finds the file, or if the key is not there, saves that
 * of @fd, all at one moment: of several callers one saves, and the others get that
 * file. Results: QDS_FDSTORE_FOUND, and @fd is a new descriptor as by FIND; or
 * QDS_FDSTORE_SAVED, and @fd stays.
 *
 * FIND and FIND_OR_SAVE write each @fd before the descriptor is there. When that fails,
 * the call is EFAULT, and @done, if it can be written, is that element.
 */
struct qds_fdstore_vec {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 done;
	__aligned_u64 entries;
	__aligned_u64 results;
};

#define QDS_FDSTORE_SAVE	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_SAVE)
#define QDS_FDSTORE_FIND	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_FIND)
#define QDS_FDSTORE_RESAVE	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_RESAVE)
#define QDS_FDSTORE_DELETE	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_DELETE)
#define QDS_FDSTORE_FIND_OR_SAVE \
	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_FIND_OR_SAVE)

/* The file is an AF_UNIX socket, and goes with the store's last name. */
#define QDS_FDSTORE_SOCKET	(1 << 0)

/**
 * struct qds_fdstore_record - of a walk
 * @id: the number that belongs to the key
 * @name_len: length of the name
 * @flags: bits QDS_FDSTORE_SOCKET
 * @__reserved: 0
 * @name: the name, and zeroes behind it
 */
struct qds_fdstore_record {
	__u32 id;
	__u32 name_len;
	__u32 flags;
	__u32 __reserved;
	char name[QDS_FDSTORE_NAME_MAX + 1];
};

/**
 * struct qds_fdstore_walk - ioctl(QDS_FDSTORE_WALK), on an fd store
 * @size: sizeof(struct qds_fdstore_walk)
 * @flags: must be 0
 * @cursor: in: 0 to begin, then what the call before has answered; out: where to go
 *	on, 0 when all entries have been told
 * @records: pointer to room for @nr struct qds_fdstore_record
 * @nr: in: that room, at least 1; out: how many were written
 * @__reserved: must be 0
 *
 * Entries come in the order in which they were saved. One that is there throughout is
 * told once, however many calls the walk takes; one that is saved meanwhile comes behind
 * them, if the walk is not over.
 */
struct qds_fdstore_walk {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__aligned_u64 records;
	__u32 nr;
	__u32 __reserved;
};

#define QDS_FDSTORE_WALK	_IO(QDS_IOC_MAGIC, QDS_CMD_FDSTORE_WALK)

#endif /* _UAPI_LINUX_QDS_H */
