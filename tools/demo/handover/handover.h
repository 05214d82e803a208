/* SPDX-License-Identifier: GPL-2.0 */
/*
 * handover - a server that is killed, and whose successor goes on where it was
 *
 * What the server must not lose is open files, and those are in a named fd store: the
 * socket it listens at, the connections of its clients, memory with its state, a timer
 * and an eventfd. Each server finds them there, whatever became of the one before.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#define STORE_NAME "handover-demo"
#define MAX_CLIENTS 64
#define TICK_MS 20

/**
 * struct state - what the servers share, in memory that is a file
 * @generation: how many servers there have been
 * @ready_us: how long the last one took until it served
 * @files: how many files it has found
 * @ticks: how often the timer has gone off
 * @events: what has been written to the eventfd
 * @last: the number of the last request of each connection that was answered
 */
struct state {
	uint64_t generation;
	uint64_t ready_us;
	uint64_t files;
	uint64_t ticks;
	uint64_t events;
	uint64_t last[MAX_CLIENTS];
};

/**
 * struct request - what a client sends
 * @number: counts up from 1
 */
struct request {
	uint64_t number;
};

/**
 * struct answer - what it gets
 * @number: of the request
 * @client: the connection's number in the store
 * @generation: of the server that answers
 */
struct answer {
	uint64_t number;
	uint64_t client;
	uint64_t generation;
};

/**
 * struct crowd - clients that ask and wait for the answer, all the time
 * @nr: how many
 * @fds: their connections
 * @client: the number that the server has for each
 * @number: the last request of each that was answered
 * @broken: connections that were closed or answered wrong
 * @longest_us: the longest that one had to wait, since this was last set to 0
 * @stop: they are to end
 */
struct crowd {
	unsigned int nr;
	int fds[MAX_CLIENTS];
	uint64_t client[MAX_CLIENTS];
	uint64_t number[MAX_CLIENTS];
	uint64_t broken;
	uint64_t longest_us;
	bool stop;
};

uint64_t now_us(void);

/* store.c */
int store_open(void);
int store_reserve(int store);
int store_publish(int store);
void store_unlink(void);
struct state *store_state(int store);

/* server.c */
int serve(void);

/* clients.c */
int crowd_connect(struct crowd *crowd, int listener);
void *crowd_run(void *crowd);

#endif /* HANDOVER_H */
