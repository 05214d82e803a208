// SPDX-License-Identifier: GPL-2.0
/* The named store, and the state that is in it. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handover.h"
#include "libqds.h"

/* The store, if one is published, or -errno. */
int store_open(void)
{
	int store, dev = qds_open(NULL);

	if (dev < 0)
		return dev;
	store = qds_open_name(dev, STORE_NAME, QDS_ACCESS_READ | QDS_ACCESS_WRITE);
	close(dev);
	return store;
}

/* Take the name, so that nobody finds the store before it is filled. */
int store_reserve(int store)
{
	return qds_link(store, STORE_NAME, 0600, QDS_LINK_RESERVE);
}

/* From now on the store is found, and lives without us. */
int store_publish(int store)
{
	return qds_publish_name(store, STORE_NAME);
}

void store_unlink(void)
{
	int dev = qds_open(NULL);

	qds_unlink(dev, STORE_NAME);
	close(dev);
}

/* The shared state, or NULL. */
struct state *store_state(int store)
{
	int fd = qds_fdstore_find_one(store, "state", 0);
	struct state *state;

	if (fd < 0)
		return NULL;
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return state == MAP_FAILED ? NULL : state;
}
