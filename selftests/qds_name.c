// SPDX-License-Identifier: GPL-2.0
/*
 * Names: by which objects are found and outlive the processes that made them; who may
 * open one and who may take it away; how they are listed.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define ITEMS		1000
#define USER_NAMES	"/sys/module/qds/parameters/user_names"
/* Users and groups whom nothing else in a guest runs as. */
#define SOMEONE		12345
#define ANOTHER		12346
#define A_GROUP		12400
#define ANOTHER_GROUP	12401
#define NOBODY		65534
#define SHARED		300	/* names at once */
#define READ		QDS_ACCESS_READ
#define BOTH		(QDS_ACCESS_READ | QDS_ACCESS_WRITE)
#define EVENTS		(QDS_NAME_PUBLISHED | QDS_NAME_UNLINKED)
#define MAX_WATCHES	256	/* of an open file */

/* The calls, with names of any bytes. */

static int link_bytes(int fd, const void *name, __u32 len, __u32 mode, __u32 flags)
{
	struct qds_object_link arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = PTR(name),
		.name_len = len,
		.mode = mode,
	};

	return call(fd, QDS_OBJECT_LINK, &arg);
}

static int publish_bytes(int fd, const void *name, __u32 len)
{
	struct qds_object_publish arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = len,
	};

	return call(fd, QDS_OBJECT_PUBLISH, &arg);
}

static int open_bytes(int dev, const void *name, __u32 len, __u32 access)
{
	struct qds_name_open arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = len,
		.access = access,
	};
	int ret = call(dev, QDS_NAME_OPEN, &arg);

	return ret ? ret : arg.out_fd;
}

static int unlink_bytes(int dev, const void *name, __u32 len)
{
	struct qds_name_unlink arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = len,
	};

	return call(dev, QDS_NAME_UNLINK, &arg);
}

static int name_link(int fd, const char *name)
{
	return link_bytes(fd, name, strlen(name), 0600, 0);
}

static int name_reserve(int fd, const char *name)
{
	return link_bytes(fd, name, strlen(name), 0600, QDS_LINK_RESERVE);
}

static int name_publish(int fd, const char *name)
{
	return publish_bytes(fd, name, strlen(name));
}

static int name_open(int dev, const char *name, __u32 access)
{
	return open_bytes(dev, name, strlen(name), access);
}

static int name_unlink(int dev, const char *name)
{
	return unlink_bytes(dev, name, strlen(name));
}

/* 0, or why the name cannot be opened. */
static int name_try(int dev, const char *name, __u32 access)
{
	int fd = name_open(dev, name, access);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Any name if @name is NULL. */
static int name_watch(int dev, const char *name, int event, __u32 events)
{
	struct qds_name_watch arg = {
		.size = sizeof(arg),
		.name = PTR(name),
		.name_len = name ? strlen(name) : 0,
		.eventfd = event,
		.events = events,
	};

	return call(dev, QDS_NAME_WATCH, &arg);
}

static int name_unwatch(int dev, const char *name, int event)
{
	struct qds_name_watch arg = {
		.size = sizeof(arg),
		.flags = QDS_WATCH_REMOVE,
		.name = PTR(name),
		.name_len = name ? strlen(name) : 0,
		.eventfd = event,
	};

	return call(dev, QDS_NAME_WATCH, &arg);
}

/* How often an eventfd was told since it was asked last. */
static int told(int event)
{
	eventfd_t times;

	return eventfd_read(event, &times) ? 0 : (int)times;
}

/* How many names from @cursor on there was room for, or an error. */
static int name_list(int dev, __u64 *cursor, struct qds_name_entry *entries, __u32 room)
{
	struct qds_name_list arg = {
		.size = sizeof(arg),
		.cursor = *cursor,
		.entries = PTR(entries),
		.nr = room,
	};
	int ret = call(dev, QDS_NAME_LIST, &arg);

	*cursor = arg.cursor;
	return ret ? ret : (int)arg.nr;
}

/* The entry of a name; -ENOENT if it is not listed. */
static int name_entry(int dev, const char *name, struct qds_name_entry *entry)
{
	__u64 cursor = 0;
	int nr;

	do {
		nr = name_list(dev, &cursor, entry, 1);
		if (nr < 1)
			return nr ? nr : -ENOENT;
	} while (strcmp(entry->name, name));
	return 0;
}

static int names_count(int dev)
{
	struct qds_name_entry entry;
	__u64 cursor = 0;
	int nr = 0, got;

	while ((got = name_list(dev, &cursor, &entry, 1)) == 1)
		nr++;
	return got ? got : nr;
}

static void unlink_all(int dev)
{
	struct qds_name_entry entry;
	__u64 cursor = 0;

	while (name_list(dev, &cursor, &entry, 1) == 1)
		unlink_bytes(dev, entry.name, entry.name_len);
}

static __u64 object_id(int fd)
{
	struct qds_object_info info = { .size = sizeof(info) };

	return call(fd, QDS_OBJECT_INFO, &info) ? 0 : info.id;
}

static int object_access(int fd)
{
	struct qds_object_info info = { .size = sizeof(info) };

	return call(fd, QDS_OBJECT_INFO, &info) ? 0 : info.access;
}

/* Other users */

struct who {
	uid_t uid;
	gid_t gid;
	gid_t extra;	/* a supplementary group */
};

static int become(const struct who *who)
{
	return setgroups(1, &who->extra) || setresgid(who->gid, who->gid, who->gid) ||
	       setresuid(who->uid, who->uid, who->uid);
}

/* Run @work as @who, without any capability. Its errno, or 127. */
static int as(const struct who *who, int (*work)(int fd, const void *opaque), int fd,
	      const void *opaque)
{
	pid_t child = fork_child();

	if (!child)
		_exit(become(who) ? 127 : -work(fd, opaque));
	return wait_for(child);
}

static int work_read(int dev, const void *name)
{
	return name_try(dev, name, READ);
}

static int work_write(int dev, const void *name)
{
	return name_try(dev, name, BOTH);
}

static int work_link(int fd, const void *name)
{
	return name_link(fd, name);
}

static int work_unlink(int dev, const void *name)
{
	return name_unlink(dev, name);
}

static int drop_capability(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << cap);
	data[0].permitted &= ~(1U << cap);
	data[0].inheritable &= ~(1U << cap);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

FIXTURE(name)
{
	int dev;
	int bitmap;
	int table;
};

FIXTURE_SETUP(name)
{
	self->dev = open(QDS_PATH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->dev);
	unlink_all(self->dev);
	self->bitmap = bitmap_create(self->dev, ITEMS, 0);
	ASSERT_LE(0, self->bitmap);
	self->table = table_create(self->dev, 8, 8, 0);
	ASSERT_LE(0, self->table);
}

FIXTURE_TEARDOWN(name)
{
	int dev = open(QDS_PATH, O_RDWR | O_CLOEXEC);

	unlink_all(dev);
	close(dev);
}

TEST_F(name, is_what_an_object_is_opened_by)
{
	int fd;

	EXPECT_EQ(-ENOENT, name_try(self->dev, "disk", BOTH));
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	fd = name_open(self->dev, "disk", BOTH);
	ASSERT_LE(0, fd);
	EXPECT_EQ(object_id(self->bitmap), object_id(fd));
	EXPECT_EQ(BOTH, object_access(fd));
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 3, 4));
	EXPECT_EQ(4, bitmap_dirty(self->bitmap));
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(-ENOENT, name_try(self->dev, "disk", BOTH));
	EXPECT_EQ(-ENOENT, name_unlink(self->dev, "disk"));
	/* Descriptors stay good. */
	EXPECT_EQ(4, bitmap_dirty(fd));
	EXPECT_EQ(4, bitmap_dirty(self->bitmap));
}

TEST_F(name, gives_a_descriptor_that_allows_what_was_asked_and_closes_on_exec)
{
	int fd;

	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	fd = name_open(self->dev, "disk", READ);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(READ, object_access(fd));
	EXPECT_EQ(-EBADF, bitmap_change(fd, QDS_BITMAP_SET, 0, 1));
	EXPECT_EQ(-EBADF, object_reopen(fd, BOTH));
	EXPECT_EQ(-EINVAL, name_try(self->dev, "disk", 0));
	EXPECT_EQ(-EINVAL, name_try(self->dev, "disk", QDS_ACCESS_WRITE));
	EXPECT_EQ(-EOPNOTSUPP, name_try(self->dev, "disk", BOTH | 4));
}

TEST_F(name, keeps_an_object_that_nobody_has_open)
{
	int refs, fd;

	refs = module_refs();
	ASSERT_EQ(0, bitmap_change(self->bitmap, QDS_BITMAP_SET, 10, 20));
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	close(self->bitmap);
	fd = name_open(self->dev, "disk", BOTH);
	ASSERT_LE(0, fd);
	EXPECT_EQ(20, bitmap_dirty(fd));
	ASSERT_EQ(0, bitmap_change(fd, QDS_BITMAP_SET, 100, 1));
	close(fd);
	fd = name_open(self->dev, "disk", READ);
	ASSERT_LE(0, fd);
	EXPECT_EQ(21, bitmap_dirty(fd));
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(21, bitmap_dirty(fd));
	close(fd);
	/* Less the bitmap that the fixture has made. */
	if (refs >= 0)
		EXPECT_EQ(refs - 1, module_refs());
}

TEST_F(name, keeps_what_a_process_has_left_that_was_killed)
{
	pid_t child = fork_child();
	int fd;

	if (!child) {
		fd = bitmap_create(self->dev, ITEMS, 0);
		if (bitmap_change(fd, QDS_BITMAP_SET, 1, 7) || name_link(fd, "left"))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(128 + SIGKILL, wait_for(child));
	fd = name_open(self->dev, "left", READ);
	ASSERT_LE(0, fd);
	EXPECT_EQ(7, bitmap_dirty(fd));
}

TEST_F(name, is_one_of_several_an_object_may_have)
{
	__u64 id = object_id(self->bitmap);
	int fd;

	ASSERT_EQ(0, name_link(self->bitmap, "one"));
	ASSERT_EQ(0, name_link(self->bitmap, "two"));
	ASSERT_EQ(0, name_link(self->table, "three"));
	close(self->bitmap);
	ASSERT_EQ(0, name_unlink(self->dev, "one"));
	fd = name_open(self->dev, "two", BOTH);
	ASSERT_LE(0, fd);
	EXPECT_EQ(id, object_id(fd));
	EXPECT_EQ(-ENOENT, name_try(self->dev, "one", READ));
	/* A name that is free is free for any. */
	ASSERT_EQ(0, name_link(self->table, "one"));
	close(fd);
	fd = name_open(self->dev, "one", BOTH);
	EXPECT_EQ(object_id(self->table), object_id(fd));
}

TEST_F(name, in_use_is_EEXIST_for_any_object_whether_published_or_reserved)
{
	ASSERT_EQ(0, name_link(self->bitmap, "used"));
	ASSERT_EQ(0, name_reserve(self->bitmap, "reserved"));
	EXPECT_EQ(-EEXIST, name_link(self->bitmap, "used"));
	EXPECT_EQ(-EEXIST, name_reserve(self->bitmap, "used"));
	EXPECT_EQ(-EEXIST, name_link(self->table, "used"));
	EXPECT_EQ(-EEXIST, name_reserve(self->table, "used"));
	EXPECT_EQ(-EEXIST, name_link(self->bitmap, "reserved"));
	EXPECT_EQ(-EEXIST, name_reserve(self->bitmap, "reserved"));
	EXPECT_EQ(-EEXIST, name_link(self->table, "reserved"));
	EXPECT_EQ(-EEXIST, name_reserve(self->table, "reserved"));
	EXPECT_EQ(2, names_count(self->dev));
}

TEST_F(name, reserved_cannot_be_opened_until_it_is_published)
{
	struct qds_name_entry entry;

	ASSERT_EQ(0, name_reserve(self->bitmap, "new"));
	EXPECT_EQ(-EBUSY, name_try(self->dev, "new", READ));
	EXPECT_EQ(-EBUSY, name_try(self->dev, "new", BOTH));
	ASSERT_EQ(0, name_entry(self->dev, "new", &entry));
	EXPECT_EQ(QDS_LINK_RESERVE, entry.flags);
	EXPECT_EQ(0, name_publish(self->bitmap, "new"));
	EXPECT_EQ(0, name_try(self->dev, "new", BOTH));
	ASSERT_EQ(0, name_entry(self->dev, "new", &entry));
	EXPECT_EQ(0, entry.flags);
	EXPECT_EQ(0600, entry.mode);
	/* From now on it keeps the object. */
	close(self->bitmap);
	EXPECT_EQ(0, name_try(self->dev, "new", BOTH));
}

TEST_F(name, can_be_published_once_and_by_its_object_alone)
{
	ASSERT_EQ(0, name_reserve(self->bitmap, "new"));
	EXPECT_EQ(-ENOENT, name_publish(self->table, "new"));
	EXPECT_EQ(-ENOENT, name_publish(self->bitmap, "ne"));
	EXPECT_EQ(-ENOENT, name_publish(self->bitmap, "newer"));
	EXPECT_EQ(-EBUSY, name_try(self->dev, "new", READ));
	ASSERT_EQ(0, name_publish(self->bitmap, "new"));
	EXPECT_EQ(-EEXIST, name_publish(self->bitmap, "new"));
	ASSERT_EQ(0, name_link(self->bitmap, "linked"));
	EXPECT_EQ(-EEXIST, name_publish(self->bitmap, "linked"));
	EXPECT_EQ(-ENOENT, name_publish(self->table, "linked"));
}

TEST_F(name, reserved_goes_with_its_object)
{
	int other, refs;

	other = object_reopen(self->bitmap, READ);
	ASSERT_LE(0, other);
	refs = module_refs();
	ASSERT_EQ(0, name_reserve(self->bitmap, "a"));
	ASSERT_EQ(0, name_reserve(self->bitmap, "b"));
	/* It holds nothing. */
	EXPECT_EQ(refs, module_refs());
	close(self->bitmap);
	EXPECT_EQ(2, names_count(self->dev));
	close(other);
	EXPECT_EQ(0, names_count(self->dev));
	EXPECT_EQ(-ENOENT, name_try(self->dev, "a", READ));
	EXPECT_EQ(0, name_link(self->table, "a"));
	EXPECT_EQ(0, name_reserve(self->table, "b"));
}

TEST_F(name, reserved_can_be_unlinked)
{
	ASSERT_EQ(0, name_reserve(self->bitmap, "new"));
	ASSERT_EQ(0, name_unlink(self->dev, "new"));
	EXPECT_EQ(-ENOENT, name_publish(self->bitmap, "new"));
	EXPECT_EQ(0, names_count(self->dev));
	ASSERT_EQ(0, name_link(self->table, "new"));
	close(self->bitmap);
	EXPECT_EQ(0, name_try(self->dev, "new", READ));
}

TEST_F(name, of_an_object_that_has_both_kinds_keeps_it_by_the_published_one)
{
	ASSERT_EQ(0, name_reserve(self->bitmap, "new"));
	ASSERT_EQ(0, name_link(self->bitmap, "old"));
	close(self->bitmap);
	EXPECT_EQ(2, names_count(self->dev));
	ASSERT_EQ(0, name_unlink(self->dev, "old"));
	EXPECT_EQ(0, names_count(self->dev));
}

/* What all that take a name say of it; 1 if it is not the same. */
static int refused(int dev, int fd, const void *name, __u32 len)
{
	const int said[] = {
		link_bytes(fd, name, len, 0600, 0),
		link_bytes(fd, name, len, 0600, QDS_LINK_RESERVE),
		publish_bytes(fd, name, len),
		open_bytes(dev, name, len, READ),
		unlink_bytes(dev, name, len),
	};
	size_t i;

	for (i = 1; i < ARRAY_SIZE(said); i++)
		if (said[i] != said[0])
			return 1;
	return said[0];
}

TEST_F(name, that_cannot_be_one_is_refused)
{
	char longest[QDS_NAME_LEN + 1];

	memset(longest, 'x', sizeof(longest));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, longest, 0));
	EXPECT_EQ(-ENAMETOOLONG, refused(self->dev, self->bitmap, longest, sizeof(longest)));
	EXPECT_EQ(-ENAMETOOLONG, refused(self->dev, self->bitmap, longest, UINT_MAX));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, ".", 1));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "..", 2));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "/", 1));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "a/b", 3));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "a/", 2));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "", 1));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "a\0b", 3));
	EXPECT_EQ(-EINVAL, refused(self->dev, self->bitmap, "a", 2));
	EXPECT_EQ(0, names_count(self->dev));
}

TEST_F(name, is_any_other_bytes)
{
	static const char *const names[] = {
		"a", "...", ".a", "a.", " ", "\xff\xfe", "\n", "-", "..a", "a..", "\x7f",
	};
	char longest[QDS_NAME_LEN + 1] = "";
	struct qds_name_entry entry;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, name_link(self->bitmap, names[i])) TH_LOG("name %zu", i);
		EXPECT_EQ(0, name_try(self->dev, names[i], BOTH)) TH_LOG("name %zu", i);
		EXPECT_EQ(0, name_entry(self->dev, names[i], &entry));
	}
	memset(longest, 'x', QDS_NAME_LEN);
	ASSERT_EQ(0, name_link(self->bitmap, longest));
	ASSERT_EQ(0, name_entry(self->dev, longest, &entry));
	EXPECT_EQ(QDS_NAME_LEN, entry.name_len);
	longest[QDS_NAME_LEN - 1] = 'y';
	EXPECT_EQ(-ENOENT, name_try(self->dev, longest, BOTH));
	longest[QDS_NAME_LEN - 1] = 0;
	EXPECT_EQ(-ENOENT, name_try(self->dev, longest, BOTH));
	longest[QDS_NAME_LEN - 1] = 'x';
	EXPECT_EQ(0, name_unlink(self->dev, longest));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(0, name_unlink(self->dev, names[i])) TH_LOG("name %zu", i);
}

TEST_F(name, has_a_mode_with_no_bits_but_to_read_and_write)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++)
		EXPECT_EQ(0666 & 1U << bit ? 0 : -EINVAL,
			  link_bytes(self->bitmap, &"abcdefghi"[bit % 9], 1, 1U << bit, 0))
			TH_LOG("mode %#o", 1U << bit);
	EXPECT_EQ(6, names_count(self->dev));
	EXPECT_EQ(0, link_bytes(self->bitmap, "none", 4, 0, 0));
	EXPECT_EQ(0, link_bytes(self->bitmap, "all", 3, 0666, 0));
}

TEST_F(name, that_cannot_be_read_is_EFAULT_and_changes_nothing)
{
	size_t page = sysconf(_SC_PAGESIZE);
	__u8 *memory = guarded_alloc(page);
	int fds = open_fds(), refs = module_refs();
	const void *bad[3];
	size_t i;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, name_reserve(self->table, "xx"));
	memset(memory, 'x', page);
	bad[0] = NULL;
	bad[1] = memory + page - 1;
	bad[2] = memory - 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, refused(self->dev, self->bitmap, bad[i], 2));
		EXPECT_EQ(-EFAULT, publish_bytes(self->table, bad[i], 2));
	}
	EXPECT_EQ(1, names_count(self->dev));
	EXPECT_EQ(-EBUSY, name_try(self->dev, "xx", READ));
	EXPECT_EQ(fds, open_fds());
	EXPECT_EQ(refs, module_refs());
	/* It is the bytes of the name that are read, not more. */
	EXPECT_EQ(0, link_bytes(self->bitmap, memory + page - 1, 1, 0600, 0));
	EXPECT_EQ(0, unlink_bytes(self->dev, memory + page - 1, 1));
	guarded_free(memory, page);
}

TEST_F(name, reply_that_cannot_be_written_is_EFAULT_and_leaves_no_descriptor)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct qds_name_open *arg = (void *)guarded_alloc(page);
	struct qds_name_entry entries[2];
	struct qds_name_list *list;
	int fds, refs;

	ASSERT_NE(NULL, arg);
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	ASSERT_EQ(0, name_link(self->bitmap, "disk2"));
	fds = open_fds();
	refs = module_refs();
	*arg = (struct qds_name_open){
		.size = sizeof(*arg), .name = PTR("disk"), .name_len = 4, .access = BOTH,
	};
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->dev, QDS_NAME_OPEN, arg));
	EXPECT_EQ(fds, open_fds());
	EXPECT_EQ(refs, module_refs());
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ | PROT_WRITE));
	list = (void *)arg;
	*list = (struct qds_name_list){
		.size = sizeof(*list), .entries = PTR(entries), .nr = ARRAY_SIZE(entries),
	};
	ASSERT_EQ(0, mprotect(list, page, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->dev, QDS_NAME_LIST, list));
	ASSERT_EQ(0, mprotect(list, page, PROT_READ | PROT_WRITE));
	/* Room for one and a half. */
	list->entries = PTR((__u8 *)list + page) - 3 * sizeof(entries[0]) / 2;
	EXPECT_EQ(-EFAULT, call(self->dev, QDS_NAME_LIST, list));
	EXPECT_EQ(0, list->cursor);
	EXPECT_EQ(ARRAY_SIZE(entries), list->nr);
	list->entries = 0;
	EXPECT_EQ(-EFAULT, call(self->dev, QDS_NAME_LIST, list));
	EXPECT_EQ(0, list->cursor);
	list->entries = PTR(entries);
	EXPECT_EQ(0, call(self->dev, QDS_NAME_LIST, list));
	EXPECT_EQ(2, list->nr);
}

TEST_F(name, can_be_given_by_those_only_who_may_write)
{
	int reader = object_reopen(self->bitmap, READ);

	ASSERT_LE(0, reader);
	EXPECT_EQ(-EBADF, name_link(reader, "disk"));
	EXPECT_EQ(-EBADF, name_reserve(reader, "disk"));
	EXPECT_EQ(0, names_count(self->dev));
	ASSERT_EQ(0, name_reserve(self->bitmap, "disk"));
	EXPECT_EQ(-EBADF, name_publish(reader, "disk"));
	EXPECT_EQ(-EBUSY, name_try(self->dev, "disk", READ));
}

TEST_F(name, is_opened_and_listed_by_a_device_that_is_open_for_reading)
{
	int dev = open(QDS_PATH, O_RDONLY), writer = open(QDS_PATH, O_WRONLY);
	struct qds_name_entry entry;

	ASSERT_LE(0, dev);
	ASSERT_LE(0, writer);
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	EXPECT_EQ(0, name_try(dev, "disk", READ));
	EXPECT_EQ(-EBADF, name_try(dev, "disk", BOTH));
	EXPECT_EQ(0, name_entry(dev, "disk", &entry));
	EXPECT_EQ(-EBADF, name_unlink(dev, "disk"));
	EXPECT_EQ(0, name_try(writer, "disk", BOTH));
	EXPECT_EQ(0, name_unlink(writer, "disk"));
}

TEST_F(name, commands_are_ENOTTY_where_they_do_not_belong)
{
	__u64 cursor = 0;
	struct qds_name_entry entry;

	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	EXPECT_EQ(-ENOTTY, name_link(self->dev, "new"));
	EXPECT_EQ(-ENOTTY, name_publish(self->dev, "disk"));
	EXPECT_EQ(-ENOTTY, name_try(self->bitmap, "disk", READ));
	EXPECT_EQ(-ENOTTY, name_unlink(self->bitmap, "disk"));
	EXPECT_EQ(-ENOTTY, name_list(self->bitmap, &cursor, &entry, 1));
	EXPECT_EQ(0, name_try(self->dev, "disk", READ));
}

/* Who may open */

static const struct who owner = { SOMEONE, A_GROUP, NOBODY };
static const struct who owner_alone = { SOMEONE, ANOTHER_GROUP, NOBODY };
static const struct who of_group = { ANOTHER, A_GROUP, NOBODY };
static const struct who of_extra_group = { ANOTHER, ANOTHER_GROUP, A_GROUP };
static const struct who other = { ANOTHER, ANOTHER_GROUP, NOBODY };

/* A name of @owner with that mode; for which no capability is needed. */
static int name_of_owner(int fd, const char *name, __u32 mode)
{
	int ret;

	setfsgid(A_GROUP);
	setfsuid(SOMEONE);
	ret = link_bytes(fd, name, strlen(name), mode, 0);
	setfsuid(0);
	setfsgid(0);
	return ret;
}

TEST_F(name, mode_says_who_may_open_it_as_of_a_file)
{
	static const struct {
		__u32 mode;
		const struct who *who;
		int read;
		int write;
	} cases[] = {
		{ 0600, &owner, 0, 0 },
		{ 0600, &owner_alone, 0, 0 },
		{ 0400, &owner, 0, EACCES },
		{ 0200, &owner, EACCES, EACCES },
		{ 0000, &owner, EACCES, EACCES },
		/* Who is the owner is nobody else, and so with the group. */
		{ 0066, &owner, EACCES, EACCES },
		{ 0606, &of_group, EACCES, EACCES },
		{ 0606, &of_extra_group, EACCES, EACCES },
		{ 0060, &of_group, 0, 0 },
		{ 0060, &of_extra_group, 0, 0 },
		{ 0040, &of_group, 0, EACCES },
		{ 0040, &of_extra_group, 0, EACCES },
		{ 0020, &of_group, EACCES, EACCES },
		{ 0060, &other, EACCES, EACCES },
		{ 0660, &other, EACCES, EACCES },
		{ 0006, &other, 0, 0 },
		{ 0004, &other, 0, EACCES },
		{ 0002, &other, EACCES, EACCES },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, name_of_owner(self->bitmap, "disk", cases[i].mode));
		EXPECT_EQ(cases[i].read, as(cases[i].who, work_read, self->dev, "disk"))
			TH_LOG("case %zu", i);
		EXPECT_EQ(cases[i].write, as(cases[i].who, work_write, self->dev, "disk"))
			TH_LOG("case %zu", i);
		ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	}
}

TEST_F(name, mode_does_not_bind_CAP_DAC_OVERRIDE_but_root_without_it)
{
	ASSERT_EQ(0, name_of_owner(self->bitmap, "closed", 0));
	ASSERT_EQ(0, name_of_owner(self->bitmap, "read", 0444));
	EXPECT_EQ(0, name_try(self->dev, "closed", BOTH));
	ASSERT_EQ(0, drop_capability(CAP_DAC_OVERRIDE));
	/* What CAP_DAC_READ_SEARCH is for. */
	EXPECT_EQ(0, name_try(self->dev, "closed", READ));
	EXPECT_EQ(-EACCES, name_try(self->dev, "closed", BOTH));
	ASSERT_EQ(0, drop_capability(CAP_DAC_READ_SEARCH));
	EXPECT_EQ(-EACCES, name_try(self->dev, "closed", READ));
	EXPECT_EQ(0, name_try(self->dev, "read", READ));
	EXPECT_EQ(-EACCES, name_try(self->dev, "read", BOTH));
}

TEST_F(name, that_is_reserved_does_not_tell_those_who_may_not_open_it)
{
	setfsuid(SOMEONE);
	ASSERT_EQ(0, name_reserve(self->bitmap, "new"));
	setfsuid(0);
	EXPECT_EQ(EBUSY, as(&owner, work_read, self->dev, "new"));
	EXPECT_EQ(EACCES, as(&other, work_read, self->dev, "new"));
}

TEST_F(name, belongs_to_who_linked_it_and_not_to_who_made_or_published)
{
	struct qds_name_entry entry;

	ASSERT_EQ(0, as(&owner, work_link, self->bitmap, "theirs"));
	ASSERT_EQ(0, name_entry(self->dev, "theirs", &entry));
	EXPECT_EQ(SOMEONE, entry.uid);
	EXPECT_EQ(A_GROUP, entry.gid);
	ASSERT_EQ(0, name_link(self->bitmap, "ours"));
	ASSERT_EQ(0, name_entry(self->dev, "ours", &entry));
	EXPECT_EQ(0, entry.uid);
	EXPECT_EQ(0, entry.gid);
	setfsgid(A_GROUP);
	setfsuid(SOMEONE);
	ASSERT_EQ(0, name_reserve(self->bitmap, "new"));
	setfsuid(0);
	setfsgid(0);
	ASSERT_EQ(0, name_publish(self->bitmap, "new"));
	ASSERT_EQ(0, name_entry(self->dev, "new", &entry));
	EXPECT_EQ(SOMEONE, entry.uid);
	EXPECT_EQ(A_GROUP, entry.gid);
}

TEST_F(name, of_another_user_is_EPERM_to_unlink_but_for_CAP_FOWNER)
{
	int theirs;

	ASSERT_EQ(0, name_of_owner(self->bitmap, "disk", 0666));
	ASSERT_EQ(0, name_of_owner(self->bitmap, "disk2", 0666));
	ASSERT_EQ(0, name_of_owner(self->bitmap, "disk3", 0));
	EXPECT_EQ(EPERM, as(&other, work_unlink, self->dev, "disk"));
	EXPECT_EQ(EPERM, as(&of_group, work_unlink, self->dev, "disk"));
	EXPECT_EQ(0, name_try(self->dev, "disk", READ));
	EXPECT_EQ(0, as(&owner_alone, work_unlink, self->dev, "disk3"));
	ASSERT_EQ(0, setresuid(SOMEONE, 0, 0));
	theirs = bitmap_create(self->dev, 100, 0);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_LE(0, theirs);
	ASSERT_EQ(0, name_of_owner(theirs, "theirs", 0666));
	ASSERT_EQ(0, name_of_owner(theirs, "theirs2", 0666));
	EXPECT_EQ(0, name_unlink(self->dev, "theirs2"));
	ASSERT_EQ(0, drop_capability(CAP_FOWNER));
	EXPECT_EQ(-EPERM, name_unlink(self->dev, "theirs"));
	/* Who has made the object may, whoever has linked it. */
	EXPECT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(0, name_try(self->dev, "theirs", READ));
}

/* In a user namespace where 0 is SOMEONE and 1 is ANOTHER. */
static int map_ids(pid_t child, const char *file)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", child, file);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	fprintf(f, "0 %d 2\n", SOMEONE);
	return fclose(f) ? -errno : 0;
}

/* Capabilities of a namespace are good for what belongs to it alone. */
static int in_namespace(int dev)
{
	struct qds_name_entry entry;

	if (name_try(dev, "roots", READ) != -EACCES)
		return 1;
	if (name_unlink(dev, "roots") != -EPERM)
		return 2;
	if (name_try(dev, "mapped", BOTH))
		return 3;
	if (name_entry(dev, "mapped", &entry) || entry.uid != 1 || entry.gid != 1)
		return 4;
	if (name_entry(dev, "roots", &entry) || entry.uid != NOBODY)
		return 5;
	if (name_try(dev, "half", READ) != -EACCES)
		return 6;
	return name_unlink(dev, "mapped") ? 7 : 0;
}

TEST_F(name, is_not_opened_by_a_capability_of_a_user_namespace_that_does_not_know_it)
{
	int ready[2], go[2], ret;
	pid_t child;
	char c = 0;

	ASSERT_EQ(0, name_link(self->bitmap, "roots"));
	setfsgid(ANOTHER);
	setfsuid(ANOTHER);
	ret = name_link(self->bitmap, "mapped");
	setfsgid(0);
	ASSERT_EQ(0, ret);
	ret = name_link(self->bitmap, "half");
	setfsuid(0);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	child = fork_child();
	if (!child) {
		if (unshare(CLONE_NEWUSER))
			_exit(126);
		if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(125);
		if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
			_exit(124);
		_exit(in_namespace(self->dev));
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		ASSERT_EQ(126, wait_for(child));
		SKIP(return, "the kernel has no user namespaces");
	}
	ASSERT_EQ(0, map_ids(child, "uid_map"));
	ASSERT_EQ(0, map_ids(child, "gid_map"));
	ASSERT_EQ(1, write(go[1], &c, 1));
	EXPECT_EQ(0, wait_for(child));
}

TEST_F(name, without_a_descriptor_to_be_had_is_EMFILE_and_stays_as_it_is)
{
	struct rlimit limit, none;
	int refs;

	ASSERT_EQ(0, bitmap_change(self->bitmap, QDS_BITMAP_SET, 0, 5));
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	close(self->bitmap);
	refs = module_refs();
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, name_try(self->dev, "disk", BOTH));
	EXPECT_EQ(-ENOENT, name_try(self->dev, "none", BOTH));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(refs, module_refs());
	self->bitmap = name_open(self->dev, "disk", BOTH);
	ASSERT_LE(0, self->bitmap);
	EXPECT_EQ(5, bitmap_dirty(self->bitmap));
	/* None of the calls that failed has kept the object. */
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	ASSERT_EQ(0, name_reserve(self->bitmap, "disk"));
	close(self->bitmap);
	EXPECT_EQ(-ENOENT, name_unlink(self->dev, "disk"));
}

/* Listing */

TEST_F(name, list_tells_what_there_is_in_the_order_of_linking)
{
	struct qds_name_entry entries[8];
	__u64 cursor = 0;

	memset(entries, 0xff, sizeof(entries));
	EXPECT_EQ(0, name_list(self->dev, &cursor, entries, 8));
	ASSERT_EQ(0, link_bytes(self->bitmap, "zebra", 5, 0640, 0));
	ASSERT_EQ(0, name_reserve(self->table, "apple"));
	ASSERT_EQ(0, name_link(self->bitmap, "mango"));
	ASSERT_EQ(3, name_list(self->dev, &cursor, entries, 8));
	EXPECT_STREQ("zebra", entries[0].name);
	EXPECT_EQ(5, entries[0].name_len);
	EXPECT_EQ(QDS_KIND_BITMAP, entries[0].kind);
	EXPECT_EQ(0640, entries[0].mode);
	EXPECT_EQ(0, entries[0].flags);
	EXPECT_EQ(object_id(self->bitmap), entries[0].object);
	EXPECT_STREQ("apple", entries[1].name);
	EXPECT_EQ(QDS_KIND_TABLE, entries[1].kind);
	EXPECT_EQ(QDS_LINK_RESERVE, entries[1].flags);
	EXPECT_EQ(object_id(self->table), entries[1].object);
	EXPECT_STREQ("mango", entries[2].name);
	EXPECT_EQ(entries[0].object, entries[2].object);
	/* The end is told again and again; entries beyond are not written. */
	EXPECT_EQ(0xff, (__u8)entries[3].name[0]);
	EXPECT_EQ(0, name_list(self->dev, &cursor, entries, 8));
	EXPECT_EQ(0, name_list(self->dev, &cursor, entries, 1));
	ASSERT_EQ(0, name_link(self->table, "fig"));
	ASSERT_EQ(1, name_list(self->dev, &cursor, entries, 8));
	EXPECT_STREQ("fig", entries[0].name);
}

TEST_F(name, list_writes_zeroes_behind_a_name)
{
	struct qds_name_entry entry;
	__u64 cursor = 0;
	size_t i;

	memset(&entry, 0xff, sizeof(entry));
	ASSERT_EQ(0, name_link(self->bitmap, "abc"));
	ASSERT_EQ(1, name_list(self->dev, &cursor, &entry, 1));
	for (i = 3; i < sizeof(entry.name); i++)
		ASSERT_EQ(0, entry.name[i]);
}

TEST_F(name, list_needs_room_and_a_cursor_that_was_answered)
{
	struct qds_name_entry entry;
	__u64 cursor = 0;

	EXPECT_EQ(-EINVAL, name_list(self->dev, &cursor, &entry, 0));
	cursor = 1ULL << 32;
	EXPECT_EQ(-EINVAL, name_list(self->dev, &cursor, &entry, 1));
	cursor = ~0ULL;
	EXPECT_EQ(-EINVAL, name_list(self->dev, &cursor, &entry, 1));
	cursor = UINT_MAX;
	EXPECT_EQ(0, name_list(self->dev, &cursor, &entry, 1));
}

TEST_F(name, list_goes_on_whatever_comes_and_goes_between_steps)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct qds_name_entry entry;
	__u64 cursor = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_EQ(0, name_link(self->bitmap, names[i]));
	ASSERT_EQ(1, name_list(self->dev, &cursor, &entry, 1));
	EXPECT_STREQ("a", entry.name);
	/* What was told last may go, and what is to be told next. */
	ASSERT_EQ(0, name_unlink(self->dev, "a"));
	ASSERT_EQ(0, name_unlink(self->dev, "b"));
	ASSERT_EQ(1, name_list(self->dev, &cursor, &entry, 1));
	EXPECT_STREQ("c", entry.name);
	/* What comes back comes behind. */
	ASSERT_EQ(0, name_link(self->bitmap, "a"));
	ASSERT_EQ(0, name_unlink(self->dev, "c"));
	ASSERT_EQ(0, name_link(self->bitmap, "c"));
	ASSERT_EQ(1, name_list(self->dev, &cursor, &entry, 1));
	EXPECT_STREQ("d", entry.name);
	ASSERT_EQ(1, name_list(self->dev, &cursor, &entry, 1));
	EXPECT_STREQ("a", entry.name);
	ASSERT_EQ(1, name_list(self->dev, &cursor, &entry, 1));
	EXPECT_STREQ("c", entry.name);
	EXPECT_EQ(0, name_list(self->dev, &cursor, &entry, 1));
}

/* All of @nr names, told in steps of @room; 0 if each is there once and in order. */
static int list_numbered(int dev, int nr, __u32 room)
{
	struct qds_name_entry *entries = calloc(room, sizeof(*entries));
	int next = 0, ret = 0, got, i;
	__u64 cursor = 0;
	char want[16];

	while (!ret && (got = name_list(dev, &cursor, entries, room)) > 0) {
		for (i = 0; i < got && !ret; i++) {
			snprintf(want, sizeof(want), "n%d", next++);
			ret = strcmp(want, entries[i].name);
		}
	}
	free(entries);
	return ret || got || next != nr ? -EIO : 0;
}

TEST_F(name, list_of_many_can_be_had_in_steps_of_any_size)
{
	static const __u32 rooms[] = { 1, 7, 63, 64, 65, SHARED, 1000 };
	char name[16];
	size_t i;
	int fd;

	for (i = 0; i < SHARED; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		ASSERT_EQ(0, name_link(i % 2 ? self->table : self->bitmap, name));
	}
	for (i = 0; i < ARRAY_SIZE(rooms); i++)
		EXPECT_EQ(0, list_numbered(self->dev, SHARED, rooms[i]))
			TH_LOG("room for %u", rooms[i]);
	for (i = 0; i < SHARED; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		fd = name_open(self->dev, name, BOTH);
		ASSERT_LE(0, fd);
		ASSERT_EQ(object_id(i % 2 ? self->table : self->bitmap), object_id(fd));
		close(fd);
		ASSERT_EQ(0, name_unlink(self->dev, name));
	}
	EXPECT_EQ(0, names_count(self->dev));
}

/* Waiting */

static int new_event(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

TEST_F(name, watched_tells_when_it_is_published_and_when_it_goes)
{
	int comes = new_event(), goes = new_event(), both = new_event(), any = new_event();

	ASSERT_EQ(0, name_watch(self->dev, "disk", comes, QDS_NAME_PUBLISHED));
	ASSERT_EQ(0, name_watch(self->dev, "disk", goes, QDS_NAME_UNLINKED));
	ASSERT_EQ(0, name_watch(self->dev, "disk", both, EVENTS));
	ASSERT_EQ(0, name_watch(self->dev, NULL, any, EVENTS));
	ASSERT_EQ(0, name_reserve(self->bitmap, "disk"));
	EXPECT_EQ(0, told(comes) + told(goes) + told(both) + told(any));
	EXPECT_EQ(-EEXIST, name_link(self->table, "disk"));
	ASSERT_EQ(0, name_publish(self->bitmap, "disk"));
	EXPECT_EQ(1, told(comes));
	EXPECT_EQ(0, told(goes));
	EXPECT_EQ(1, told(both));
	EXPECT_EQ(1, told(any));
	ASSERT_EQ(0, name_link(self->bitmap, "dis"));
	ASSERT_EQ(0, name_link(self->bitmap, "disk2"));
	EXPECT_EQ(0, told(comes) + told(both));
	EXPECT_EQ(2, told(any));
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(-ENOENT, name_unlink(self->dev, "disk"));
	EXPECT_EQ(0, told(comes));
	EXPECT_EQ(1, told(goes));
	EXPECT_EQ(1, told(both));
	EXPECT_EQ(1, told(any));
	ASSERT_EQ(0, name_link(self->table, "disk"));
	EXPECT_EQ(1, told(comes));
}

TEST_F(name, watched_does_not_tell_of_what_was_only_reserved)
{
	int any = new_event();

	ASSERT_EQ(0, name_watch(self->dev, NULL, any, EVENTS));
	ASSERT_EQ(0, name_reserve(self->bitmap, "a"));
	ASSERT_EQ(0, name_reserve(self->bitmap, "b"));
	ASSERT_EQ(0, name_unlink(self->dev, "a"));
	close(self->bitmap);
	EXPECT_EQ(0, names_count(self->dev));
	EXPECT_EQ(0, told(any));
}

TEST_F(name, watch_ends_with_its_open_file_or_when_it_is_removed)
{
	int dev = open(QDS_PATH, O_RDONLY | O_CLOEXEC), other, event = new_event();

	ASSERT_LE(0, dev);
	ASSERT_EQ(0, name_watch(dev, "disk", event, EVENTS));
	ASSERT_EQ(0, name_watch(dev, NULL, event, EVENTS));
	EXPECT_EQ(-ENOENT, name_unwatch(self->dev, "disk", event));
	EXPECT_EQ(-ENOENT, name_unwatch(dev, "dis", event));
	EXPECT_EQ(-ENOENT, name_unwatch(dev, "disk", new_event()));
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	EXPECT_EQ(2, told(event));
	ASSERT_EQ(0, name_unwatch(dev, NULL, event));
	EXPECT_EQ(-ENOENT, name_unwatch(dev, NULL, event));
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(1, told(event));
	other = dup(dev);
	close(dev);
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	EXPECT_EQ(1, told(event));
	close(other);
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(0, told(event));
}

TEST_F(name, watch_takes_the_place_of_another_of_the_same_eventfd_up_to_256)
{
	int events[MAX_WATCHES], event = new_event(), i;

	ASSERT_EQ(0, name_watch(self->dev, "disk", event, QDS_NAME_PUBLISHED));
	ASSERT_EQ(0, name_watch(self->dev, "disk", event, QDS_NAME_UNLINKED));
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	EXPECT_EQ(0, told(event));
	ASSERT_EQ(0, name_unlink(self->dev, "disk"));
	EXPECT_EQ(1, told(event));
	for (i = 1; i < MAX_WATCHES; i++) {
		events[i] = new_event();
		ASSERT_EQ(0, name_watch(self->dev, "disk", events[i], EVENTS));
	}
	EXPECT_EQ(-ENOSPC, name_watch(self->dev, "other", event, EVENTS));
	EXPECT_EQ(0, name_watch(self->dev, "disk", event, EVENTS));
	ASSERT_EQ(0, name_link(self->bitmap, "disk"));
	EXPECT_EQ(1, told(event));
	for (i = 1; i < MAX_WATCHES; i++)
		ASSERT_EQ(1, told(events[i]));
	ASSERT_EQ(0, name_unwatch(self->dev, "disk", events[1]));
	EXPECT_EQ(0, name_watch(self->dev, "other", event, EVENTS));
}

TEST_F(name, watch_that_makes_no_sense_is_refused)
{
	struct qds_name_watch arg = {
		.size = sizeof(arg), .name = 1, .name_len = 4, .events = EVENTS,
	};
	int event = new_event();

	EXPECT_EQ(-EINVAL, name_watch(self->dev, "disk", event, 0));
	EXPECT_EQ(-EOPNOTSUPP, name_watch(self->dev, "disk", event, EVENTS | 4));
	EXPECT_EQ(-EBADF, name_watch(self->dev, "disk", -1, EVENTS));
	EXPECT_EQ(-EINVAL, name_watch(self->dev, "disk", self->bitmap, EVENTS));
	EXPECT_EQ(-EINVAL, name_watch(self->dev, "a/b", event, EVENTS));
	arg.eventfd = event;
	EXPECT_EQ(-EFAULT, call(self->dev, QDS_NAME_WATCH, &arg));
	arg.name_len = QDS_NAME_LEN + 1;
	EXPECT_EQ(-ENAMETOOLONG, call(self->dev, QDS_NAME_WATCH, &arg));
	arg.name_len = 0;
	arg.flags = QDS_WATCH_REMOVE;
	EXPECT_EQ(-EINVAL, call(self->dev, QDS_NAME_WATCH, &arg));
	EXPECT_EQ(-ENOTTY, name_watch(self->bitmap, "disk", event, EVENTS));
	EXPECT_EQ(-ENOENT, name_unwatch(self->dev, "disk", event));
}

/* Several at once */

/**
 * struct rivals - what threads share that run against each other
 * @dev: the device
 * @rounds: how often they meet
 * @barrier: where
 * @stop: who has no rounds ends
 * @wrong: an answer that no call may give
 */
struct rivals {
	int dev;
	int rounds;
	pthread_barrier_t barrier;
	bool stop;
	int wrong;
};

/**
 * struct linker - a thread that links its object to a name
 * @rivals: what it shares
 * @flags: of the link
 * @fd: the object
 * @ret: what came of it
 */
struct linker {
	struct rivals *rivals;
	__u32 flags;
	int fd;
	int ret;
};

static void *run_linker(void *arg)
{
	struct linker *linker = arg;
	struct rivals *rivals = linker->rivals;
	int i;

	for (i = 0; i < rivals->rounds; i++) {
		pthread_barrier_wait(&rivals->barrier);
		linker->ret = link_bytes(linker->fd, "prize", 5, 0600, linker->flags);
		pthread_barrier_wait(&rivals->barrier);
	}
	return NULL;
}

TEST_F(name, that_several_want_is_got_by_one)
{
	struct rivals rivals = { .dev = self->dev, .rounds = 400 };
	struct linker linkers[3];
	pthread_t threads[3];
	int i, k, won, lost;

	ASSERT_EQ(0, pthread_barrier_init(&rivals.barrier, NULL, 4));
	for (k = 0; k < 3; k++) {
		linkers[k] = (struct linker){ .rivals = &rivals, .fd = self->bitmap };
		linkers[k].fd = k ? table_create(self->dev, 8, 8, 0) : self->bitmap;
		linkers[k].flags = k == 2 ? QDS_LINK_RESERVE : 0;
		ASSERT_EQ(0, pthread_create(&threads[k], NULL, run_linker, &linkers[k]));
	}
	for (i = 0; i < rivals.rounds; i++) {
		pthread_barrier_wait(&rivals.barrier);
		pthread_barrier_wait(&rivals.barrier);
		won = 0;
		lost = 0;
		for (k = 0; k < 3; k++) {
			won += !linkers[k].ret;
			lost += linkers[k].ret == -EEXIST;
		}
		EXPECT_EQ(1, won);
		EXPECT_EQ(2, lost);
		EXPECT_EQ(1, names_count(self->dev));
		EXPECT_EQ(0, name_unlink(self->dev, "prize"));
	}
	for (k = 0; k < 3; k++)
		pthread_join(threads[k], NULL);
}

/* What is found by a name is whole: ITEMS, of which ITEMS - 1 are dirty. */
static void *run_opener(void *arg)
{
	struct rivals *rivals = arg;
	int fd;

	while (!__atomic_load_n(&rivals->stop, __ATOMIC_RELAXED)) {
		fd = name_open(rivals->dev, "here", BOTH);
		if (fd >= 0) {
			if (bitmap_dirty(fd) != ITEMS - 1)
				rivals->wrong = -EUCLEAN;
			close(fd);
		} else if (fd != -ENOENT && fd != -EBUSY) {
			rivals->wrong = fd;
		}
	}
	return NULL;
}

static int new_object(int dev)
{
	int fd = bitmap_create(dev, ITEMS, 0);
	int ret = fd < 0 ? fd : bitmap_change(fd, QDS_BITMAP_SET, 1, ITEMS - 1);

	return ret ? ret : fd;
}

TEST_F(name, being_unlinked_is_opened_or_ENOENT)
{
	struct rivals rivals = { .dev = self->dev };
	int refs = module_refs(), i, fd;
	pthread_t threads[2];

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_opener, &rivals));
	for (i = 0; i < 2000; i++) {
		fd = new_object(self->dev);
		ASSERT_LE(0, fd);
		if (i % 2) {
			ASSERT_EQ(0, name_reserve(fd, "here"));
			ASSERT_EQ(0, name_publish(fd, "here"));
		} else {
			ASSERT_EQ(0, name_link(fd, "here"));
		}
		close(fd);
		ASSERT_EQ(0, name_unlink(self->dev, "here"));
	}
	__atomic_store_n(&rivals.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, rivals.wrong);
	EXPECT_EQ(refs, module_refs());
}

static void *run_unlinker(void *arg)
{
	struct rivals *rivals = arg;
	struct qds_name_entry entry;
	int ret;

	while (!__atomic_load_n(&rivals->stop, __ATOMIC_RELAXED)) {
		ret = name_unlink(rivals->dev, "here");
		if (ret && ret != -ENOENT)
			rivals->wrong = ret;
		ret = name_entry(rivals->dev, "here", &entry);
		if (ret && ret != -ENOENT)
			rivals->wrong = ret;
	}
	return NULL;
}

TEST_F(name, reserved_that_goes_with_its_object_may_be_unlinked_at_that_moment)
{
	struct rivals rivals = { .dev = self->dev };
	int refs = module_refs(), i, fd, ret;
	pthread_t threads[2];

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, run_opener, &rivals));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, run_unlinker, &rivals));
	for (i = 0; i < 2000; i++) {
		fd = new_object(self->dev);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, name_reserve(fd, "here"));
		if (i % 2) {
			ret = name_publish(fd, "here");
			EXPECT_TRUE(!ret || ret == -ENOENT) TH_LOG("publish: %d", ret);
		}
		close(fd);
		ret = name_unlink(self->dev, "here");
		EXPECT_TRUE(!ret || ret == -ENOENT) TH_LOG("unlink: %d", ret);
	}
	__atomic_store_n(&rivals.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, rivals.wrong);
	EXPECT_EQ(refs, module_refs());
	EXPECT_EQ(0, names_count(self->dev));
}

static void *run_churn(void *arg)
{
	struct rivals *rivals = arg;
	int fd = bitmap_create(rivals->dev, ITEMS, 0);
	char name[16];
	int i;

	for (i = 0; !__atomic_load_n(&rivals->stop, __ATOMIC_RELAXED); i = (i + 1) % 20) {
		snprintf(name, sizeof(name), "churn%d", i);
		if (name_link(fd, name))
			name_unlink(rivals->dev, name);
	}
	close(fd);
	return NULL;
}

/* 0 if the names that stay are told once each and in order. */
static int list_stable(int dev, int nr)
{
	struct qds_name_entry entries[3];
	int next = 0, got, i;
	__u64 cursor = 0;

	while ((got = name_list(dev, &cursor, entries, ARRAY_SIZE(entries))) > 0)
		for (i = 0; i < got; i++)
			if (entries[i].name[0] == 'n' && atoi(entries[i].name + 1) != next++)
				return -EIO;
	return got || next != nr ? -EIO : 0;
}

TEST_F(name, that_stays_is_listed_once_while_others_come_and_go)
{
	struct rivals rivals = { .dev = self->dev };
	pthread_t thread;
	char name[16];
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_churn, &rivals));
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ASSERT_EQ(0, name_link(self->bitmap, name));
		usleep(100);
	}
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, list_stable(self->dev, 40));
	__atomic_store_n(&rivals.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* Limits, and the module */

static int set_user_names(unsigned long long value)
{
	FILE *f = fopen(USER_NAMES, "w");

	if (!f)
		return -errno;
	fprintf(f, "%llu\n", value);
	return fclose(f) ? -errno : 0;
}

static int get_user_names(unsigned long long *value)
{
	FILE *f = fopen(USER_NAMES, "r");
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "%llu", value);
	fclose(f);
	return n == 1 ? 0 : -EIO;
}

FIXTURE(limit)
{
	int dev;
	int bitmap;
	unsigned long long user_names;
};

FIXTURE_SETUP(limit)
{
	self->dev = open(QDS_PATH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->dev);
	unlink_all(self->dev);
	self->bitmap = bitmap_create(self->dev, ITEMS, 0);
	ASSERT_LE(0, self->bitmap);
	ASSERT_EQ(0, get_user_names(&self->user_names));
}

FIXTURE_TEARDOWN(limit)
{
	set_user_names(self->user_names);
	unlink_all(self->dev);
}

/* 0 if two names can be had and not a third, and another once one has gone. */
static int work_three(int fd, const void *opaque)
{
	const int *dev = opaque;

	if (name_link(fd, "first") || name_reserve(fd, "second"))
		return -1;
	if (name_link(fd, "third") != -EDQUOT || name_reserve(fd, "third") != -EDQUOT)
		return -2;
	if (name_publish(fd, "second") || name_link(fd, "third") != -EDQUOT)
		return -3;
	if (name_link(fd, "first") == 0 || name_unlink(*dev, "first"))
		return -4;
	return name_link(fd, "third") ? -5 : 0;
}

TEST_F(limit, of_names_is_of_who_links_them)
{
	const int *dev = &self->dev;

	ASSERT_EQ(0, set_user_names(2));
	EXPECT_EQ(0, as(&owner, work_three, self->bitmap, dev));
	EXPECT_EQ(2, names_count(self->dev));
	/* They outlive the process, and so does the charge. */
	EXPECT_EQ(EDQUOT, as(&owner, work_link, self->bitmap, "fourth"));
	EXPECT_EQ(0, as(&other, work_link, self->bitmap, "other"));
	/* Whoever takes it away, it was the linker's. */
	EXPECT_EQ(0, name_unlink(self->dev, "third"));
	EXPECT_EQ(0, as(&owner, work_link, self->bitmap, "fourth"));
	EXPECT_EQ(EDQUOT, as(&owner, work_link, self->bitmap, "fifth"));
	/* Root is beyond any limit. */
	EXPECT_EQ(0, name_link(self->bitmap, "sixth"));
	EXPECT_EQ(0, name_link(self->bitmap, "seventh"));
	EXPECT_EQ(0, name_link(self->bitmap, "eighth"));
	unlink_all(self->dev);
	EXPECT_EQ(0, as(&owner, work_three, self->bitmap, dev));
	EXPECT_EQ(EDQUOT, as(&owner, work_link, self->bitmap, "fourth"));
	ASSERT_EQ(0, set_user_names(0));
	EXPECT_EQ(0, as(&owner, work_link, self->bitmap, "fourth"));
}

FIXTURE(module)
{
};

FIXTURE_SETUP(module)
{
	int dev = open(QDS_PATH, O_RDWR);

	ASSERT_LE(0, dev);
	unlink_all(dev);
	close(dev);
	if (module_refs() < 0)
		SKIP(return, "qds is not a module");
}

FIXTURE_TEARDOWN(module)
{
	int dev = open(QDS_PATH, O_RDWR);

	unlink_all(dev);
	close(dev);
}

TEST_F(module, stays_while_there_is_a_name_and_no_file)
{
	int dev = open(QDS_PATH, O_RDWR);
	int fd = table_create(dev, 8, 8, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, name_link(fd, "one"));
	ASSERT_EQ(0, name_link(fd, "two"));
	EXPECT_EQ(4, module_refs());
	close(fd);
	close(dev);
	EXPECT_EQ(2, module_refs());
	EXPECT_EQ(-1, syscall(SYS_delete_module, "qds", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, dev);
	EXPECT_EQ(0, name_unlink(dev, "one"));
	EXPECT_EQ(0, name_try(dev, "two", BOTH));
	EXPECT_EQ(0, name_unlink(dev, "two"));
	EXPECT_EQ(1, module_refs());
	close(dev);
	EXPECT_EQ(0, module_refs());
}

TEST_F(module, is_not_kept_by_names_that_are_reserved)
{
	int dev = open(QDS_PATH, O_RDWR);
	int fd = table_create(dev, 8, 8, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, name_reserve(fd, "one"));
	EXPECT_EQ(2, module_refs());
	close(dev);
	close(fd);
	EXPECT_EQ(0, module_refs());
}

TEST_HARNESS_MAIN
