// SPDX-License-Identifier: GPL-2.0
/* The clients, which know nothing of servers that die. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <netinet/in.h>

#include "handover.h"

/**
 * crowd_connect() - connect all clients
 * @crowd: with their number; the rest is filled in
 * @listener: a descriptor of the socket that the server listens at
 *
 * Return: 0 or -errno.
 */
int crowd_connect(struct crowd *crowd, int listener)
{
	const struct timeval patience = { .tv_sec = 20 };
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	unsigned int i;

	if (getsockname(listener, (struct sockaddr *)&address, &size))
		return -errno;
	for (i = 0; i < crowd->nr; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
			return -errno;
		crowd->fds[i] = fd;
	}
	return 0;
}

/* Waits for the answer to a request; one that was answered before may come first. */
static bool await(struct crowd *crowd, unsigned int i, uint64_t number)
{
	struct answer answer;

	do {
		if (recv(crowd->fds[i], &answer, sizeof(answer), MSG_WAITALL) !=
		    sizeof(answer))
			return false;
	} while (answer.number == number - 1 && answer.number);
	crowd->client[i] = answer.client;
	return answer.number == number;
}

static void ask_all(struct crowd *crowd)
{
	uint64_t waited, begin = now_us();
	struct request request;
	unsigned int i;

	for (i = 0; i < crowd->nr; i++) {
		request.number = crowd->number[i] + 1;
		if (send(crowd->fds[i], &request, sizeof(request), MSG_NOSIGNAL) !=
		    sizeof(request))
			crowd->broken++;
	}
	for (i = 0; i < crowd->nr; i++) {
		if (await(crowd, i, crowd->number[i] + 1))
			crowd->number[i]++;
		else
			crowd->broken++;
	}
	waited = now_us() - begin;
	if (waited > __atomic_load_n(&crowd->longest_us, __ATOMIC_RELAXED))
		__atomic_store_n(&crowd->longest_us, waited, __ATOMIC_RELAXED);
}

/**
 * crowd_run() - ask until told to stop, or until a connection breaks
 * @opaque: the crowd
 *
 * Return: NULL.
 */
void *crowd_run(void *opaque)
{
	struct crowd *crowd = opaque;

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED) && !crowd->broken)
		ask_all(crowd);
	return NULL;
}
