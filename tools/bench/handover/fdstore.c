// SPDX-License-Identifier: GPL-2.0
/*
 * bench-fdstore: an fd store beside SCM_RIGHTS. Runs in a guest, as root, where qds is
 * loaded. Prints figures and ratios as all benchmarks do.
 *
 *	handover/find	one call for each file, in stores of several sizes
 *	handover/save-find	all files saved and found, in vectors, beside the same files
 *			sent and received over a UNIX socket, as many at once
 *
 * Each is the median of several runs, which alternate where there are two subjects.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../libqds.h"

#define RUNS 7
#define VECTOR 64
#define MAX_FILES 7530

static const unsigned int sizes[] = { 540, 2870, MAX_FILES };

static int files[MAX_FILES];
static struct qds_fdstore_entry entries[MAX_FILES];

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "bench-fdstore: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, RUNS, sizeof(*values), compare);
	return values[RUNS / 2];
}

static int make_store(unsigned int nr)
{
	int dev = qds_open(NULL), store = qds_create_fdstore(dev, nr);

	must(store >= 0, "an fd store");
	close(dev);
	return store;
}

static void set_entries(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		qds_fdstore_entry_init(&entries[i], "vfio-device-of-some-name", i, files[i]);
}

/* All entries, in vectors. */
static void store_call(int store, unsigned int nr,
		       int (*operation)(int fd, struct qds_fd_list *list))
{
	struct qds_fd_list list = { 0 };
	unsigned int i;

	for (i = 0; i < nr; i += list.nr) {
		list.entries = entries + i;
		list.nr = nr - i < VECTOR ? nr - i : VECTOR;
		must(!operation(store, &list), "a call on the store");
	}
}

static void close_found(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		close(entries[i].fd);
}

/* Nanoseconds for each file, one call each. */
static double find_each(unsigned int nr)
{
	struct qds_fd_list list = { .nr = 1 };
	int store = make_store(nr);
	uint64_t begin, taken;
	unsigned int i;

	set_entries(nr);
	store_call(store, nr, qds_fdstore_save);
	begin = now_ns();
	for (i = 0; i < nr; i++) {
		list.entries = &entries[i];
		must(!qds_fdstore_find(store, &list), "a find");
	}
	taken = now_ns() - begin;
	close_found(nr);
	close(store);
	return (double)taken / nr;
}

static double save_and_find(unsigned int nr)
{
	int store = make_store(nr);
	uint64_t begin, taken;

	set_entries(nr);
	begin = now_ns();
	store_call(store, nr, qds_fdstore_save);
	store_call(store, nr, qds_fdstore_find);
	taken = now_ns() - begin;
	close_found(nr);
	close(store);
	return (double)taken / nr;
}

/* One message with descriptors; on receiving they are in @fds then. */
static void pass(int socket, int *fds, unsigned int nr, int is_sent)
{
	char byte = 0, control[CMSG_SPACE(VECTOR * sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (!is_sent) {
		must(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
		cmsg = CMSG_FIRSTHDR(&msg);
		must(cmsg && cmsg->cmsg_len == CMSG_LEN(nr * sizeof(int)), "descriptors");
		memcpy(fds, CMSG_DATA(cmsg), nr * sizeof(int));
		return;
	}
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, nr * sizeof(int));
	must(sendmsg(socket, &msg, 0) == 1, "sendmsg");
}

/* As much is in flight at once as one message has. */
static double send_and_receive(unsigned int nr)
{
	static int received[MAX_FILES];
	unsigned int i, n;
	uint64_t begin, taken;
	int pair[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	begin = now_ns();
	for (i = 0; i < nr; i += n) {
		n = nr - i < VECTOR ? nr - i : VECTOR;
		pass(pair[0], files + i, n, 1);
		pass(pair[1], received + i, n, 0);
	}
	taken = now_ns() - begin;
	for (i = 0; i < nr; i++)
		close(received[i]);
	close(pair[0]);
	close(pair[1]);
	return (double)taken / nr;
}

static void measure_find(void)
{
	double runs[RUNS], first = 0;
	unsigned int i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (j = 0; j < RUNS; j++)
			runs[j] = find_each(sizes[i]);
		printf("figure handover/find/%u/1/qds %.0f ns\n", sizes[i], median(runs));
		if (!i)
			first = median(runs);
		else
			printf("ratio handover/find/%u/1/find-in-%u %.2f\n", sizes[i],
			       sizes[0], first / median(runs));
	}
}

static void measure_save_find(void)
{
	double ours[RUNS], theirs[RUNS], ratios[RUNS];
	unsigned int i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (j = 0; j < RUNS; j++) {
			ours[j] = save_and_find(sizes[i]);
			theirs[j] = send_and_receive(sizes[i]);
			ratios[j] = theirs[j] / ours[j];
		}
		printf("figure handover/save-find/%u/%d/qds %.0f ns\n", sizes[i], VECTOR,
		       median(ours));
		printf("figure handover/save-find/%u/%d/scm-rights %.0f ns\n", sizes[i], VECTOR,
		       median(theirs));
		printf("ratio handover/save-find/%u/%d/scm-rights %.2f\n", sizes[i], VECTOR,
		       median(ratios));
	}
}

int main(void)
{
	const struct rlimit limit = { 3 * MAX_FILES, 3 * MAX_FILES };
	unsigned int i;

	must(!setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	for (i = 0; i < MAX_FILES; i++) {
		files[i] = eventfd(0, EFD_CLOEXEC);
		must(files[i] >= 0, "eventfd");
	}
	measure_find();
	measure_save_find();
	return 0;
}
