// SPDX-License-Identifier: GPL-2.0
/*
 * The server. It may be killed at any moment, so a request stays in its connection
 * until the answer is sent: the successor finds it there, and answers it again if the
 * answer had been sent already.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "handover.h"
#include "libqds.h"
#include "util.h"

/* What an event is of, but for a connection, which has its number. */
enum { LISTENER = MAX_CLIENTS, TIMER, EVENTS };

/**
 * struct server - a server
 * @store: the store
 * @epoll: what it waits at
 * @state: what it shares with its successors
 * @fds: its files, by what they are
 * @clients: connections so far
 */
struct server {
	int store;
	int epoll;
	struct state *state;
	int fds[EVENTS + 1];
	unsigned int clients;
};

static int make_listener(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, MAX_CLIENTS))
		return -errno;
	return fd;
}

static int make_timer(void)
{
	const struct itimerspec period = {
		.it_interval.tv_nsec = TICK_MS * 1000000,
		.it_value.tv_nsec = TICK_MS * 1000000,
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 || timerfd_settime(fd, 0, &period, NULL) ? -errno : fd;
}

static int make_state(void)
{
	int fd = memfd_create("state", MFD_CLOEXEC);

	return fd < 0 || ftruncate(fd, sizeof(struct state)) ? -errno : fd;
}

/* The first server: makes what there is to be found, and shows it when it is whole. */
static int make_all(struct server *server)
{
	struct qds_fdstore_entry entries[4];
	struct qds_fd_list list = { .entries = entries, .nr = ARRAY_SIZE(entries) };
	int dev = qds_open(NULL);
	int err;

	if (dev < 0)
		return dev;
	server->store = qds_create_fdstore(dev, 0);
	close(dev);
	if (server->store < 0)
		return server->store;
	err = store_reserve(server->store);
	if (err)
		return err;
	qds_fdstore_entry_init(&entries[0], "listener", 0, make_listener());
	qds_fdstore_entry_init(&entries[1], "timer", 0, make_timer());
	qds_fdstore_entry_init(&entries[2], "events", 0, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	qds_fdstore_entry_init(&entries[3], "state", 0, make_state());
	err = qds_fdstore_save(server->store, &list);
	return err ? err : store_publish(server->store);
}

static int watch(struct server *server, unsigned int what, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

	if (fd < 0)
		return fd;
	server->fds[what] = fd;
	server->state->files++;
	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Connections are saved under consecutive numbers, so the first that is not ends them. */
static int find_clients(struct server *server)
{
	int fd, err = 0;

	while (!err && server->clients < MAX_CLIENTS) {
		fd = qds_fdstore_find_one(server->store, "client", server->clients);
		if (fd == -ENOENT)
			break;
		err = watch(server, server->clients++, fd);
	}
	return err;
}

static int find_all(struct server *server)
{
	int err;

	server->state = store_state(server->store);
	if (!server->state)
		return -ENOENT;
	server->state->files = 1;
	err = watch(server, LISTENER, qds_fdstore_find_one(server->store, "listener", 0));
	if (!err)
		err = watch(server, TIMER, qds_fdstore_find_one(server->store, "timer", 0));
	if (!err)
		err = watch(server, EVENTS, qds_fdstore_find_one(server->store, "events", 0));
	return err ? err : find_clients(server);
}

/* It is saved before anything is said to it. */
static int accept_client(struct server *server)
{
	int err, fd = accept4(server->fds[LISTENER], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (server->clients == MAX_CLIENTS)
		return -ENFILE;
	err = qds_fdstore_save_one(server->store, "client", server->clients, fd);
	return err ? err : watch(server, server->clients++, fd);
}

static int answer_client(struct server *server, unsigned int client)
{
	struct answer answer = { .client = client, .generation = server->state->generation };
	int fd = server->fds[client];
	struct request request;
	ssize_t got;

	got = recv(fd, &request, sizeof(request), MSG_PEEK);
	if (!got)
		return epoll_ctl(server->epoll, EPOLL_CTL_DEL, fd, NULL) ? -errno : 0;
	if (got != sizeof(request))
		return 0;
	answer.number = request.number;
	server->state->last[client] = request.number;
	if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
		return -EPIPE;
	got = recv(fd, &request, sizeof(request), 0);
	return got == sizeof(request) ? 0 : -EIO;
}

/* How often a timer has gone off, or what was written to an eventfd. */
static int add_count(int fd, uint64_t *sum)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return errno == EAGAIN ? 0 : -errno;
	*sum += count;
	return 0;
}

static int serve_event(struct server *server, unsigned int what)
{
	switch (what) {
	case LISTENER:
		return accept_client(server);
	case TIMER:
		return add_count(server->fds[TIMER], &server->state->ticks);
	case EVENTS:
		return add_count(server->fds[EVENTS], &server->state->events);
	default:
		return answer_client(server, what);
	}
}

/**
 * serve() - serve until killed
 *
 * Return: -errno when something is not as it should be.
 */
int serve(void)
{
	struct server server = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event event;
	uint64_t begin = now_us();
	int err = 0;

	server.store = store_open();
	if (server.store == -ENOENT)
		err = make_all(&server);
	else if (server.store < 0)
		err = server.store;
	if (!err)
		err = find_all(&server);
	if (err)
		return err;
	server.state->ready_us = now_us() - begin;
	/* Who waits for this server looks here. */
	__atomic_store_n(&server.state->generation, server.state->generation + 1,
			 __ATOMIC_RELEASE);
	while (!err)
		if (epoll_wait(server.epoll, &event, 1, -1) == 1)
			err = serve_event(&server, event.data.u32);
	return err;
}
