// SPDX-License-Identifier: GPL-2.0
/*
 * What one user may have: bounds that the module's parameters set, who is beyond
 * them, and what /sys/kernel/debug/qds/users and objects tell of it.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <sys/mount.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define PARAMETERS	"/sys/module/qds/parameters/"
#define DEBUGFS		"/sys/kernel/debug"
/* Users whom nothing else in a guest runs as. */
#define SOMEONE		12345
#define ANOTHER		12346
#define ROOM		(1 << 16)
#define SOME		5

static int write_parameter(const char *name, unsigned long long value)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	fprintf(f, "%llu\n", value);
	return fclose(f) ? -errno : 0;
}

static long long read_parameter(const char *name)
{
	unsigned long long value;
	char path[100];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	n = fscanf(f, "%llu", &value);
	fclose(f);
	return n == 1 ? (long long)value : -EIO;
}

/* Run @work as that user, without any capability. Its result, 0 to 127. */
static int as_user(uid_t uid, int (*work)(int dev), int dev)
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
		    setresuid(uid, uid, uid))
			_exit(127);
		_exit(work(dev));
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* The columns of a user in the debugfs file; false if it does not tell of him. */
static bool user_has(uid_t uid, unsigned long long *columns)
{
	char line[200];
	bool found = false;
	unsigned int who;
	FILE *f;

	f = fopen(DEBUGFS "/qds/users", "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%u %llu %llu %llu %llu %llu", &who, &columns[0],
			       &columns[1], &columns[2], &columns[3],
			       &columns[4]) == 6 && who == uid;
	fclose(f);
	return found;
}

FIXTURE(limits)
{
	int dev;
	long long objects;
	long long bits;
};

FIXTURE_SETUP(limits)
{
	if (access(DEBUGFS "/qds/users", F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->objects = read_parameter("user_objects");
	ASSERT_LT(0, self->objects);
	self->bits = read_parameter("user_bits");
	ASSERT_EQ(0, self->bits);
}

FIXTURE_TEARDOWN(limits)
{
	write_parameter("user_objects", self->objects);
	write_parameter("user_bits", self->bits);
	close(self->dev);
}

/* 0 if just SOME objects can be made, and one more for each that goes. */
static int make_some(int dev)
{
	int fds[SOME], i;

	for (i = 0; i < SOME; i++) {
		fds[i] = i % 2 ? bitmap_create(dev, 100, 0) : table_create(dev, 8, 8, 0);
		if (fds[i] < 0)
			return 1;
	}
	if (table_create(dev, 8, 8, 0) != -EDQUOT || bitmap_create(dev, 100, 0) != -EDQUOT)
		return 2;
	/* A second descriptor is no second object. */
	if (object_reopen(fds[0], QDS_ACCESS_READ) < 0)
		return 3;
	close(fds[1]);
	fds[1] = table_create(dev, 8, 8, 0);
	if (fds[1] < 0)
		return 4;
	return bitmap_create(dev, 100, 0) == -EDQUOT ? 0 : 5;
}

static int make_more(int dev)
{
	int i;

	for (i = 0; i < 2 * SOME; i++)
		if (table_create(dev, 8, 8, 0) < 0)
			return 1;
	return 0;
}

TEST_F(limits, objects_of_one_user_are_bounded)
{
	ASSERT_EQ(0, write_parameter("user_objects", SOME));
	EXPECT_EQ(0, as_user(SOMEONE, make_some, self->dev));
	/* What went with the process is not charged any more. */
	EXPECT_EQ(0, as_user(SOMEONE, make_some, self->dev));
}

TEST_F(limits, nil_is_no_bound_and_CAP_SYS_RESOURCE_is_beyond_any)
{
	ASSERT_EQ(0, write_parameter("user_objects", 0));
	EXPECT_EQ(0, as_user(SOMEONE, make_more, self->dev));
	ASSERT_EQ(0, write_parameter("user_objects", 1));
	EXPECT_EQ(1, as_user(SOMEONE, make_more, self->dev));
	EXPECT_EQ(0, make_more(self->dev));
}

TEST_F(limits, users_are_bounded_one_by_one)
{
	int pipes[2], status;
	pid_t child;
	char c;

	ASSERT_EQ(0, write_parameter("user_objects", SOME));
	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (!child) {
		close(pipes[1]);
		if (setresuid(ANOTHER, ANOTHER, ANOTHER))
			_exit(127);
		status = make_some(self->dev);
		_exit(read(pipes[0], &c, 1) ? 126 : status);
	}
	close(pipes[0]);
	EXPECT_EQ(0, as_user(SOMEONE, make_some, self->dev));
	close(pipes[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* 0 if 1000 bits can be had in all, whichever way they come. */
static int make_bits(int dev)
{
	struct qds_bitmap_truncate cut = { .size = sizeof(cut), .items = 400 << 4 };
	struct qds_bitmap_copy copy = { .size = sizeof(copy) };
	int a, b;

	a = bitmap_create(dev, 600 << 4, 4);
	if (a < 0 || bitmap_create(dev, 401, 0) != -EDQUOT)
		return 1;
	if (call(a, QDS_BITMAP_CLONE, &copy) != -EDQUOT ||
	    call(a, QDS_BITMAP_TAKE, &copy) != -EDQUOT)
		return 2;
	if (call(a, QDS_BITMAP_TRUNCATE, &cut) || call(a, QDS_BITMAP_CLONE, &copy))
		return 3;
	b = bitmap_create(dev, 200, 0);
	if (b < 0 || bitmap_create(dev, 1, 0) != -EDQUOT)
		return 4;
	cut.items = (400 << 4) + 1;
	if (call(a, QDS_BITMAP_TRUNCATE, &cut) != -EDQUOT)
		return 5;
	close(b);
	return call(a, QDS_BITMAP_TRUNCATE, &cut) ? 6 : 0;
}

TEST_F(limits, bits_of_one_user_are_bounded)
{
	ASSERT_EQ(0, write_parameter("user_bits", 1000));
	EXPECT_EQ(0, as_user(SOMEONE, make_bits, self->dev));
	EXPECT_EQ(0, as_user(SOMEONE, make_bits, self->dev));
}

TEST_F(limits, are_told)
{
	struct qds_caps caps;

	ASSERT_EQ(0, write_parameter("user_objects", 77));
	ASSERT_EQ(0, write_parameter("user_bits", 78));
	ASSERT_EQ(0, caps_get(self->dev, &caps));
	EXPECT_EQ(77, caps.user_objects);
	EXPECT_EQ(78, caps.user_bits);
	EXPECT_EQ(read_parameter("user_names"), (long long)caps.user_names);
	EXPECT_EQ(read_parameter("user_fds"), (long long)caps.user_fds);
	EXPECT_EQ(read_parameter("user_entries"), (long long)caps.user_entries);
}

/* Two objects, one of 1000 bits, and what the debugfs file tells meanwhile. */
TEST_F(limits, debugfs_tells_what_users_have)
{
	unsigned long long had[5] = {};
	int table, bitmap;

	if (access(DEBUGFS "/qds/users", F_OK))
		SKIP(return, "the kernel has no debugfs");
	ASSERT_FALSE(user_has(SOMEONE, had));
	ASSERT_EQ(0, setresuid(SOMEONE, 0, 0));
	table = table_create(self->dev, 8, 8, 0);
	bitmap = bitmap_create(self->dev, 1000, 0);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_LE(0, table);
	ASSERT_LE(0, bitmap);
	ASSERT_TRUE(user_has(SOMEONE, had));
	EXPECT_EQ(2, had[0]);
	EXPECT_EQ(0, had[1]);
	EXPECT_EQ(0, had[2]);
	EXPECT_EQ(0, had[3]);
	EXPECT_EQ(1000, had[4]);
	close(bitmap);
	ASSERT_TRUE(user_has(SOMEONE, had));
	EXPECT_EQ(1, had[0]);
	EXPECT_EQ(0, had[4]);
	close(table);
	EXPECT_FALSE(user_has(SOMEONE, had));
}

TEST_F(limits, debugfs_tells_of_objects_and_who_made_them)
{
	char text[ROOM], want[200];
	int table, bitmap;
	size_t n;
	FILE *f;

	if (access(DEBUGFS "/qds/objects", F_OK))
		SKIP(return, "the kernel has no debugfs");
	ASSERT_EQ(0, prctl(PR_SET_NAME, "odd one\n"));
	ASSERT_EQ(0, setresuid(SOMEONE, 0, 0));
	table = table_create(self->dev, 8, 8, 33);
	bitmap = bitmap_create(self->dev, 1000, 2);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_LE(0, table);
	ASSERT_LE(0, bitmap);
	ASSERT_EQ(0, bitmap_change(bitmap, QDS_BITMAP_SET, 0, 5));
	f = fopen(DEBUGFS "/qds/objects", "r");
	ASSERT_NE(NULL, f);
	n = fread(text, 1, ROOM - 1, f);
	fclose(f);
	text[n] = 0;
	snprintf(want, sizeof(want),
		 " [qds-table] entries 0 max_entries 33 buckets 2 state 0 uid %d pid %d comm odd one\\n\n",
		 SOMEONE, getpid());
	EXPECT_NE(NULL, strstr(text, want)) TH_LOG("%s\nnot in:\n%s", want, text);
	snprintf(want, sizeof(want),
		 " [qds-bitmap] items 1000 granularity 2 dirty 8 memory ");
	EXPECT_NE(NULL, strstr(text, want)) TH_LOG("%s\nnot in:\n%s", want, text);
	close(table);
	close(bitmap);
}

TEST_HARNESS_MAIN
