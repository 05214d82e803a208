// SPDX-License-Identifier: GPL-2.0
/* What is shown: servers are killed, one after the other, while clients ask. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "libqds.h"

#define CLIENTS 24
#define SERVERS 6
#define LIFE_MS 400

static unsigned int failures;

uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

static void die(const char *what, int err)
{
	fprintf(stderr, "handover: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void check(bool good, const char *what)
{
	printf("%s: %s\n", good ? "ok" : "NOT OK", what);
	failures += !good;
}

/* The server is a program of its own: nothing is inherited but what is standard. */
static pid_t start_server(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", -errno);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl("/proc/self/exe", "handover", "serve", NULL);
	_exit(127);
}

static int await_store(void)
{
	int store = -ENOENT, tries;

	for (tries = 0; tries < 2000 && store < 0; tries++) {
		usleep(5000);
		store = store_open();
	}
	if (store < 0)
		die("the first server has made no store", store);
	return store;
}

static void await_generation(const struct state *state, uint64_t generation)
{
	int tries;

	for (tries = 0; tries < 2000; tries++) {
		if (__atomic_load_n(&state->generation, __ATOMIC_ACQUIRE) == generation)
			return;
		usleep(5000);
	}
	die("a server does not come up", -ETIMEDOUT);
}

static void kill_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static uint64_t requests(const struct crowd *crowd)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		sum += __atomic_load_n(&crowd->number[i], __ATOMIC_RELAXED);
	return sum;
}

/* Return: the next server. */
static pid_t replace_server(pid_t pid, uint64_t generation, struct crowd *crowd,
			    const struct state *state, int events)
{
	const uint64_t one = 1;

	usleep(LIFE_MS * 1000);
	printf("server %" PRIu64 " (pid %d) is killed with SIGKILL after %" PRIu64
	       " requests\n", generation, pid, requests(crowd));
	__atomic_store_n(&crowd->longest_us, 0, __ATOMIC_RELAXED);
	kill_server(pid);
	if (write(events, &one, sizeof(one)) != sizeof(one))
		die("the eventfd", -errno);
	pid = start_server();
	await_generation(state, generation + 1);
	printf("server %" PRIu64 " (pid %d) found %" PRIu64 " files and serves after %" PRIu64
	       ".%" PRIu64 " ms\n", generation + 1, pid, state->files,
	       state->ready_us / 1000, state->ready_us % 1000 / 100);
	return pid;
}

/* What the clients know, and what the servers have written down. */
static bool all_answered(const struct crowd *crowd, const struct state *state)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		if (!crowd->number[i] || crowd->client[i] >= MAX_CLIENTS ||
		    state->last[crowd->client[i]] != crowd->number[i])
			return false;
	return true;
}

static void judge(const struct crowd *crowd, const struct state *state, uint64_t begin)
{
	uint64_t ticks = (now_us() - begin) / 1000 / TICK_MS;

	printf("\n%u clients, %" PRIu64 " servers, %" PRIu64 " requests\n", crowd->nr,
	       state->generation, requests(crowd));
	check(state->generation == SERVERS, "as many servers as there were to be");
	check(!crowd->broken, "no client was disconnected, and none got a wrong answer");
	check(all_answered(crowd, state), "the state knows the last request of every client");
	check(state->events == SERVERS - 1,
	      "what was written to the eventfd while no server was there has arrived");
	check(state->ticks >= ticks * 9 / 10 && state->ticks <= ticks + 1,
	      "the timer ran on, also while no server was there");
}

static void show(void)
{
	struct crowd crowd = { .nr = CLIENTS };
	int store, events, listener, err;
	uint64_t begin, generation;
	struct state *state;
	pthread_t thread;
	pid_t pid;

	store_unlink();
	pid = start_server();
	store = await_store();
	begin = now_us();
	state = store_state(store);
	events = qds_fdstore_find_one(store, "events", 0);
	listener = qds_fdstore_find_one(store, "listener", 0);
	if (!state || events < 0 || listener < 0)
		die("the store is not complete", -ENOENT);
	await_generation(state, 1);
	printf("server 1 (pid %d) has made an fd store and named it \"%s\"\n", pid, STORE_NAME);
	err = crowd_connect(&crowd, listener);
	if (err)
		die("the clients cannot connect", err);
	close(listener);
	err = pthread_create(&thread, NULL, crowd_run, &crowd);
	if (err)
		die("a thread", -err);
	printf("%u clients have connected, and ask all the time\n", crowd.nr);
	for (generation = 1; generation < SERVERS; generation++) {
		pid = replace_server(pid, generation, &crowd, state, events);
		usleep(50000);
		printf("  the longest that a client waited for its answer: %" PRIu64 " ms\n",
		       __atomic_load_n(&crowd.longest_us, __ATOMIC_RELAXED) / 1000);
	}
	usleep(LIFE_MS * 1000);
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	judge(&crowd, state, begin);
	kill_server(pid);
	store_unlink();
	check(store_open() == -ENOENT, "with its name the store is gone");
}

int main(int argc, char **argv)
{
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "serve")) {
		err = serve();
		fprintf(stderr, "handover: the server ends: %s\n", strerror(-err));
		return 1;
	}
	if (argc > 1) {
		puts("handover: kills a server again and again, and no client notices\n"
		     "Run it without arguments, as root, where qds is loaded. Exit status 0:\n"
		     "everything that was shown is true.");
		return strcmp(argv[1], "--help") ? 2 : 0;
	}
	show();
	return failures != 0;
}
