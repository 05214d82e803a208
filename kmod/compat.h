/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that are supported, found by feature: what of
 * <linux/...> has which type, not which version it is.
 */
#ifndef _QDS_COMPAT_H
#define _QDS_COMPAT_H

#include <linux/compiler.h>
#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

typedef int (*qds_receive_to_fn)(struct file *file, int __user *ufd,
				 unsigned int o_flags);
typedef int (*qds_receive_fn)(struct file *file, unsigned int o_flags);

/* receive_fd() if that is its type, else NULL. */
#define QDS_RECEIVE_FD_AS(type) \
	__builtin_choose_expr(__same_type(&receive_fd, type), receive_fd, NULL)

/*
 * Install a file for the caller, who may be refused it by a security module, and
 * write the descriptor's number to @ufd before that: on an error nothing is there.
 *
 * Up to 6.7 receive_fd() cannot write to @ufd, and no function that can is exported,
 * nor the hook alone. Then the number is written to memory that the caller has made
 * sure of beforehand. Only another thread that takes it away in between makes that
 * fail; then the descriptor, whose number nobody was told, is closed again: or what a
 * third thread, which has guessed it, has put in its place.
 */
static inline int qds_receive_fd(struct file *file, int __user *ufd,
				 unsigned int o_flags)
{
	const qds_receive_to_fn receive_to = QDS_RECEIVE_FD_AS(qds_receive_to_fn);
	const qds_receive_fn receive = QDS_RECEIVE_FD_AS(qds_receive_fn);
	int fd;

	if (receive_to)
		return receive_to(file, ufd, o_flags);
	fd = receive(file, o_flags);
	if (fd >= 0 && put_user(fd, ufd)) {
		close_fd(fd);
		return -EFAULT;
	}
	return fd;
}

typedef void (*qds_signal_fn)(struct eventfd_ctx *ctx);
typedef __u64 (*qds_signal_by_fn)(struct eventfd_ctx *ctx, __u64 n);

/* eventfd_signal() if that is its type, else NULL. */
#define QDS_EVENTFD_SIGNAL_AS(type) \
	__builtin_choose_expr(__same_type(&eventfd_signal, type), eventfd_signal, NULL)

/* Up to 6.7 eventfd_signal() wants to know what to add. */
static inline void qds_eventfd_signal(struct eventfd_ctx *ctx)
{
	const qds_signal_fn signal = QDS_EVENTFD_SIGNAL_AS(qds_signal_fn);
	const qds_signal_by_fn signal_by = QDS_EVENTFD_SIGNAL_AS(qds_signal_by_fn);

	if (signal)
		signal(ctx);
	else
		signal_by(ctx, 1);
}

#endif /* _QDS_COMPAT_H */
