/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The system's own <linux/types.h> gives __u32, __le64 and their like. A file
 * of the twin that needs libc as well defines TWIN_HOST: libc then names the
 * types on which kernel and libc differ.
 */
#ifndef _TWIN_LINUX_TYPES_H
#define _TWIN_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include_next <linux/types.h>
#include <linux/compiler.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#ifndef TWIN_HOST
typedef u8 uint8_t;
typedef u16 uint16_t;
typedef u32 uint32_t;
typedef u64 uint64_t;
typedef s8 int8_t;
typedef s16 int16_t;
typedef s32 int32_t;
typedef s64 int64_t;
typedef long long loff_t;
typedef long ssize_t;
typedef int pid_t;
typedef unsigned long uintptr_t;
typedef unsigned int uint;
typedef unsigned long ulong;
#endif

typedef unsigned int gfp_t;
typedef unsigned int slab_flags_t;
typedef u64 phys_addr_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter __aligned(8);
} atomic64_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct callback_head {
	struct callback_head *next;
	void (*func)(struct callback_head *head);
} __aligned(sizeof(void *));
#define rcu_head callback_head

typedef void (*rcu_callback_t)(struct rcu_head *head);

#endif /* _TWIN_LINUX_TYPES_H */
