// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/qds/tables: what it says of tables, and tables that come and
 * go while it is read.
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>

#include <kselftest_harness.h>

#include "qds_test.h"

#define DEBUGFS	"/sys/kernel/debug"
#define TABLES	DEBUGFS "/qds/tables"

#define ROOM	(1 << 20)
#define MANY	500
/* More than CPUs, so that some are stopped with a table that is half gone. */
#define CHURNERS 4
#define FILL	30

/* As need_device(), after it. */
static void __attribute__((constructor)) need_debugfs(void)
{
	if (access(TABLES, F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	if (!access(TABLES, F_OK))
		return;
	ksft_print_header();
	ksft_exit_skip("there is no " TABLES ": the kernel has no debugfs\n");
}

FIXTURE(debugfs)
{
	int dev;
	int fd;
	char *text;
};

FIXTURE_SETUP(debugfs)
{
	self->dev = open(QDS_PATH, O_RDWR);
	ASSERT_LE(0, self->dev);
	self->fd = open(TABLES, O_RDONLY);
	ASSERT_LE(0, self->fd);
	self->text = malloc(ROOM);
	ASSERT_NE(NULL, self->text);
}

FIXTURE_TEARDOWN(debugfs)
{
	free(self->text);
	close(self->fd);
	close(self->dev);
}

/* The whole file anew, in steps of @step bytes. */
static ssize_t read_all(int fd, char *text, size_t step)
{
	size_t at = 0;
	ssize_t got;

	if (lseek(fd, 0, SEEK_SET))
		return -errno;
	do {
		got = read(fd, text + at, step < ROOM - 1 - at ? step : ROOM - 1 - at);
		if (got < 0)
			return -errno;
		at += got;
	} while (got);
	text[at] = 0;
	return at;
}

static int count_of(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* Inserts at most FILL keys. */
static int fill(int fd, __u32 nr)
{
	__u64 keys[FILL];
	struct qds_table_vec vec = {
		.size = sizeof(vec),
		.nr = nr,
		.key_size = 8,
		.keys = PTR(keys),
	};
	__u32 i;

	if (!nr)
		return 0;
	for (i = 0; i < nr; i++)
		keys[i] = i;
	return call(fd, QDS_TABLE_INSERT, &vec);
}

TEST_F(debugfs, is_for_root_only)
{
	struct stat st;

	ASSERT_EQ(0, stat(TABLES, &st));
	EXPECT_EQ(0400, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
}

TEST_F(debugfs, without_tables_is_empty)
{
	int bitmap = bitmap_create(self->dev, 10, 0);

	ASSERT_LE(0, bitmap);
	EXPECT_EQ(0, read_all(self->fd, self->text, ROOM));
	close(bitmap);
}

TEST_F(debugfs, tells_of_an_empty_table)
{
	int table = table_create(self->dev, 8, 16, 77);
	struct qds_table_info info;
	char want[100];

	ASSERT_LE(0, table);
	ASSERT_EQ(0, table_info(table, &info));
	ASSERT_LT(0, read_all(self->fd, self->text, ROOM));
	EXPECT_EQ(self->text, strstr(self->text, "table "));
	EXPECT_NE(NULL, strstr(self->text, "\nkey_size 8\nvalue_size 16\nmax_entries 77\n"
					   "entries 0\n"));
	snprintf(want, sizeof(want), "\nbuckets %llu\nused_buckets 0\nchained_buckets 0\n",
		 info.buckets);
	EXPECT_NE(NULL, strstr(self->text, want));
	EXPECT_NE(NULL, strstr(self->text, "\nchain (empty)\nchain_pairs\n"));
	EXPECT_EQ(NULL, strstr(self->text, "chain_average"));
	EXPECT_NE(NULL, strstr(self->text, "\noccupancy_average 0.000%\n"));
	EXPECT_NE(NULL, strstr(self->text, "\noccupancy [0.0,0.0)%|\u2588|[0.0,0.0]%\n"));
	close(table);
}

TEST_F(debugfs, draws_how_full_a_table_is)
{
	int table = table_create(self->dev, 8, 0, 0);
	struct qds_table_stats stats = { .size = sizeof(stats) };
	struct qds_dist_entry occupancy[8];
	__u64 sum = 0, thousandths;
	char want[200];
	size_t at = 0;
	__u32 i;

	ASSERT_LE(0, table);
	ASSERT_EQ(0, fill(table, 4));
	stats.occupancy = PTR(occupancy);
	stats.occupancy_nr = ARRAY_SIZE(occupancy);
	ASSERT_EQ(0, call(table, QDS_TABLE_STATS, &stats));
	ASSERT_LT(0, read_all(self->fd, self->text, ROOM));
	EXPECT_NE(NULL, strstr(self->text, "\nentries 4\n"));
	snprintf(want, sizeof(want), "\nused_buckets %llu\n", stats.used_buckets);
	EXPECT_NE(NULL, strstr(self->text, want));
	snprintf(want, sizeof(want), "\nmemory %llu\n", stats.memory);
	EXPECT_NE(NULL, strstr(self->text, want));
	/* Four entries fit in one bucket, wherever they hash to. */
	snprintf(want, sizeof(want),
		 "\nchain_average 1.000\nchain 1|\u2588|1\nchain_pairs 1:%llu\n",
		 stats.used_buckets);
	EXPECT_NE(NULL, strstr(self->text, want));
	EXPECT_NE(NULL, strstr(self->text, "\noccupancy ["));
	for (i = 0; i < stats.occupancy_nr; i++) {
		sum += occupancy[i].x * occupancy[i].count;
		at += snprintf(want + at, sizeof(want) - at, "%s%llu:%llu",
			       i ? " " : "]%\noccupancy_pairs ", occupancy[i].x,
			       occupancy[i].count);
	}
	snprintf(want + at, sizeof(want) - at, "\n");
	EXPECT_NE(NULL, strstr(self->text, want));
	/* Thousandths of a percent, rounded down. */
	thousandths = sum * 100 / stats.buckets;
	snprintf(want, sizeof(want), "\noccupancy_average %llu.%03llu%%\n",
		 thousandths / 1000, thousandths % 1000);
	EXPECT_NE(NULL, strstr(self->text, want));
	close(table);
}

TEST_F(debugfs, lists_tables_in_order_in_steps_of_any_size)
{
	const size_t steps[] = { ROOM, 4096, 1000, 7 };
	const char *at, *next;
	int tables[MANY];
	size_t s;
	int i;

	for (i = 0; i < MANY; i++) {
		tables[i] = table_create(self->dev, i + 1, 0, 0);
		if (tables[i] < 0)
			break;
	}
	ASSERT_LT(200, i);
	for (s = 0; s < ARRAY_SIZE(steps); s++) {
		char want[40];
		int k;

		ASSERT_LT(0, read_all(self->fd, self->text, steps[s]));
		EXPECT_EQ(i, count_of(self->text, "\nkey_size "));
		for (at = self->text, k = 0; k < i; k++) {
			snprintf(want, sizeof(want), "\nkey_size %d\n", k + 1);
			next = strstr(at, want);
			ASSERT_NE(NULL, next)
				TH_LOG("table %d, steps of %zu", k, steps[s]);
			at = next;
		}
	}
	while (i)
		close(tables[--i]);
	EXPECT_EQ(0, read_all(self->fd, self->text, ROOM));
}

/* Makes and closes tables for ever, each with some entries. */
static int come_and_go(int dev)
{
	int fds[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
	unsigned int i;

	for (i = 0;; i++) {
		int *fd = &fds[i % 8];

		if (*fd >= 0)
			close(*fd);
		*fd = table_create(dev, 8, 0, 0);
		if (*fd < 0 || fill(*fd, i % FILL))
			return 1;
	}
}

TEST_F_TIMEOUT(debugfs, is_read_while_tables_come_and_go, 60)
{
	int stays = table_create(self->dev, 123, 0, 0);
	int last = 0, rounds = 0, i;
	pid_t pids[CHURNERS];
	double end;

	ASSERT_LE(0, stays);
	for (i = 0; i < CHURNERS; i++) {
		pids[i] = fork_child();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(come_and_go(self->dev));
	}
	for (end = clock_now(CLOCK_MONOTONIC) + 4; clock_now(CLOCK_MONOTONIC) < end;) {
		ASSERT_LT(0, read_all(self->fd, self->text, rounds % 2 ? 100 : ROOM));
		ASSERT_EQ(1, count_of(self->text, "\nkey_size 123\n"));
		last |= count_of(self->text, "\nkey_size 8\n");
		rounds++;
	}
	EXPECT_LT(0, last);
	EXPECT_LT(3, rounds);
	for (i = 0; i < CHURNERS; i++) {
		ASSERT_EQ(0, kill(pids[i], SIGKILL));
		EXPECT_EQ(128 + SIGKILL, wait_for(pids[i]));
	}
	close(stays);
	EXPECT_EQ(0, read_all(self->fd, self->text, ROOM));
}

TEST_F(debugfs, file_keeps_the_module)
{
	int refs = module_refs();
	int more;

	if (refs < 0)
		SKIP(return, "qds is built in");
	more = open(TABLES, O_RDONLY);
	ASSERT_LE(0, more);
	EXPECT_EQ(refs + 1, module_refs());
	close(more);
	EXPECT_EQ(refs, module_refs());
}

TEST_HARNESS_MAIN
