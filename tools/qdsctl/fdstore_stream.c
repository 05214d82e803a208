// SPDX-License-Identifier: GPL-2.0
/* fdstore export, import: QEMU's CPR state, in a file or over a UNIX socket */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cpr.h"
#include "fdstore.h"

_Static_assert(QDS_FDSTORE_NAME_MAX + 1 == CPR_NAME_ROOM, "names are of one length");

static enum status check_target(const struct call *call, const char *option)
{
	if (!call->file == !call->socket)
		return fail(call, STATUS_USAGE, "give %s or --socket, one of them", option);
	return STATUS_OK;
}

static enum status socket_error(const struct call *call, int fd)
{
	enum status status = fail_errno(call, -errno, "%s", call->socket);

	if (fd >= 0)
		close(fd);
	return status;
}

/* Fills in the address and makes a socket for it, or -1 after an error message. */
static int socket_make(const struct call *call, struct sockaddr_un *address)
{
	int fd;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(call->socket) >= sizeof(address->sun_path)) {
		fail(call, STATUS_USAGE, "%s: the path of a socket has at most %zu bytes",
		     call->socket, sizeof(address->sun_path) - 1);
		return -1;
	}
	strcpy(address->sun_path, call->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		socket_error(call, fd);
	return fd;
}

/* Export */

/**
 * struct sink - where an export goes
 * @call: the command
 * @store: the store
 * @file: the file; NULL for a socket
 * @socket: the socket
 */
struct sink {
	struct call *call;
	struct object store;
	FILE *file;
	int socket;
};

static enum status put(struct sink *sink, const void *data, size_t size)
{
	const char *at = data;
	ssize_t done;

	if (sink->file) {
		fwrite(data, size, 1, sink->file);
		return STATUS_OK;
	}
	for (; size; at += done, size -= done) {
		done = send(sink->socket, at, size, MSG_NOSIGNAL);
		if (done < 0)
			return fail_errno(sink->call, -errno, "%s", sink->call->socket);
	}
	return STATUS_OK;
}

static enum status put_carried(struct sink *sink, int fd)
{
	char byte = CPR_FD_BYTE, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (sendmsg(sink->socket, &msg, MSG_NOSIGNAL) < 0)
		return fail_errno(sink->call, -errno, "%s", sink->call->socket);
	return STATUS_OK;
}

/* A number means something to who inherits the descriptor, so it stays open. */
static enum status put_number(struct sink *sink, int fd)
{
	unsigned char bytes[4];

	if (fcntl(fd, F_SETFD, 0))
		return fail_errno(sink->call, -errno, "descriptor %d", fd);
	return put(sink, bytes, cpr_put_number(bytes, fd));
}

static enum status export_record(void *opaque, const struct qds_fdstore_record *record)
{
	unsigned char bytes[CPR_KEY_ROOM];
	struct cpr_entry entry = { .id = record->id };
	struct sink *sink = opaque;
	enum status status;
	int fd;

	memcpy(entry.name, record->name, record->name_len);
	fd = qds_fdstore_find_one(sink->store.fd, entry.name, entry.id);
	if (fd < 0)
		return fail_errno(sink->call, fd, "key %s:%u", entry.name, entry.id);
	status = put(sink, bytes, cpr_put_key(bytes, &entry));
	if (status || !sink->file) {
		if (!status)
			status = put_carried(sink, fd);
		close(fd);
		return status;
	}
	return put_number(sink, fd);
}

static enum status export_all(struct sink *sink)
{
	unsigned char bytes[CPR_HEADER_SIZE];
	enum status status;

	status = put(sink, bytes, cpr_put_header(bytes));
	if (!status)
		status = walk_store(sink->call, &sink->store, export_record, sink);
	return status ? status : put(sink, bytes, cpr_put_end(bytes));
}

static enum status export_file(struct sink *sink)
{
	struct call *call = sink->call;
	enum status status;

	sink->file = output_open(call, call->file);
	if (!sink->file)
		return STATUS_ERROR;
	status = export_all(sink);
	return worst(status, output_close(call, sink->file, call->file));
}

static enum status export_socket(struct sink *sink)
{
	struct sockaddr_un address;
	enum status status;

	sink->socket = socket_make(sink->call, &address);
	if (sink->socket < 0)
		return STATUS_ERROR;
	if (connect(sink->socket, (struct sockaddr *)&address, sizeof(address)))
		return socket_error(sink->call, sink->socket);
	status = export_all(sink);
	close(sink->socket);
	return status;
}

/**
 * run_fdstore_export() - write a store as a CPR state
 * @call: the command
 *
 * Return: the status.
 */
enum status run_fdstore_export(struct call *call)
{
	struct sink sink = { .call = call };
	enum status status = check_target(call, "--output");

	if (!status)
		status = object_find(call, call->args[0], QDS_KIND_FDSTORE, &sink.store);
	if (status)
		return status;
	return call->file ? export_file(&sink) : export_socket(&sink);
}

/* Import */

/**
 * struct state - a state that has been read
 * @entry: its entries
 * @nr: how many
 */
struct state {
	struct cpr_entry *entry;
	size_t nr;
};

static int read_file(void *opaque, void *data, size_t size)
{
	FILE *file = opaque;

	if (fread(data, size, 1, file) == 1)
		return 0;
	return ferror(file) ? -EIO : -ENODATA;
}

static int read_socket(void *opaque, void *data, size_t size)
{
	ssize_t got = recv(*(int *)opaque, data, size, MSG_WAITALL);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -ENODATA;
}

static int receive_socket(void *opaque, uint8_t *byte, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t got = recvmsg(*(int *)opaque, &msg, MSG_CMSG_CLOEXEC);

	if (got <= 0)
		return got ? -errno : -ENODATA;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return 0;
}

static int state_add(struct state *state, const struct cpr_entry *entry,
		     struct fault *fault)
{
	struct cpr_entry *more = state->entry;

	if (state->nr == CPR_MAX_ENTRIES)
		return fault_set(fault, -E2BIG, "it has more than %u descriptors",
				 CPR_MAX_ENTRIES);
	/* Grown when it is full, at each power of two. */
	if (!(state->nr & (state->nr - 1)))
		more = realloc(more, (state->nr ? state->nr * 2 : 1) * sizeof(*more));
	if (!more)
		return fault_set(fault, -ENOMEM, "there is no memory for it");
	state->entry = more;
	more[state->nr++] = *entry;
	return 0;
}

static int state_read(struct state *state, const struct cpr_source *source,
		      struct fault *fault)
{
	struct cpr_entry entry;
	int ret = cpr_read_header(source, fault);

	if (ret)
		return ret;
	while ((ret = cpr_read_entry(source, &entry, fault)) > 0) {
		ret = state_add(state, &entry, fault);
		if (ret)
			break;
	}
	if (ret && source->receive && entry.fd >= 0)
		close(entry.fd);
	/* QEMU keeps the socket open. */
	return ret || source->receive ? ret : cpr_read_end(source, fault);
}

static void state_free(struct state *state, bool received)
{
	size_t i;

	for (i = 0; received && i < state->nr; i++)
		close(state->entry[i].fd);
	free(state->entry);
}

/* All or nothing: what was saved before an error goes again. */
static enum status state_save(struct call *call, const struct object *store,
			      const struct state *state)
{
	const struct cpr_entry *entry;
	struct qds_fd_list list = { 0 };
	size_t i;
	int err;

	if (!state->nr)
		return STATUS_OK;
	list.entries = calloc(state->nr, sizeof(*list.entries));
	if (!list.entries)
		return fail_errno(call, -ENOMEM, "%s", store->name);
	for (i = 0; i < state->nr; i++) {
		entry = &state->entry[i];
		qds_fdstore_entry_init(&list.entries[i], entry->name, entry->id, entry->fd);
	}
	list.nr = state->nr;
	err = qds_fdstore_save(store->fd, &list);
	entry = &state->entry[list.done < state->nr ? list.done : 0];
	list.nr = list.done;
	if (err && list.nr)
		qds_fdstore_delete(store->fd, &list);
	free(list.entries);
	if (err == -EBADF && fcntl(entry->fd, F_GETFD) < 0)
		return fail(call, STATUS_ERROR,
			    "descriptor %d of the state is not open here: run import by exec behind export",
			    entry->fd);
	if (err)
		return fail_errno(call, err, "key %s:%u", entry->name, entry->id);
	return STATUS_OK;
}

static enum status import_from(struct call *call, const struct object *store,
			       const struct cpr_source *source, const char *name)
{
	struct state state = { 0 };
	enum status status;
	struct fault fault;

	if (state_read(&state, source, &fault))
		status = fail(call, STATUS_ERROR, "%s: %s", name, fault.text);
	else
		status = state_save(call, store, &state);
	state_free(&state, source->receive);
	return status;
}

static enum status import_file(struct call *call, const struct object *store)
{
	struct cpr_source source = { .read = read_file };
	FILE *file = input_open(call, call->file);
	enum status status;

	if (!file)
		return STATUS_ERROR;
	source.opaque = file;
	status = import_from(call, store, &source, input_name(call->file));
	return worst(status, input_close(call, file, call->file));
}

static enum status import_socket(struct call *call, const struct object *store)
{
	struct cpr_source source = { .read = read_socket, .receive = receive_socket };
	struct sockaddr_un address;
	int listener, fd;
	enum status status;

	listener = socket_make(call, &address);
	if (listener < 0)
		return STATUS_ERROR;
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)))
		return socket_error(call, listener);
	fd = listen(listener, 1) ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	unlink(call->socket);
	if (fd < 0)
		return socket_error(call, listener);
	source.opaque = &fd;
	status = import_from(call, store, &source, call->socket);
	close(fd);
	close(listener);
	return status;
}

/**
 * run_fdstore_import() - save what a CPR state has
 * @call: the command
 *
 * Return: the status.
 */
enum status run_fdstore_import(struct call *call)
{
	enum status status = check_target(call, "--file");
	struct object store;

	if (!status)
		status = object_find(call, call->args[0], QDS_KIND_FDSTORE, &store);
	if (status)
		return status;
	return call->file ? import_file(call, &store) : import_socket(call, &store);
}
