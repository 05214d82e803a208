/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_RCULIST_H
#define _TWIN_LINUX_RCULIST_H

#include <linux/list.h>
#include <linux/rcupdate.h>

static inline void list_add_rcu(struct list_head *new, struct list_head *head)
{
	struct list_head *next = head->next;

	new->next = next;
	new->prev = head;
	rcu_assign_pointer(head->next, new);
	next->prev = new;
}

static inline void list_add_tail_rcu(struct list_head *new,
				     struct list_head *head)
{
	list_add_rcu(new, head->prev);
}

static inline void list_del_rcu(struct list_head *entry)
{
	__list_del_entry(entry);
	entry->prev = LIST_POISON2;
}

#define list_entry_rcu(ptr, type, member) \
	container_of(rcu_dereference_raw(ptr), type, member)

#define list_for_each_entry_rcu(pos, head, member)			\
	for (RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(),		\
			      "list walk outside of a reader"),		\
	     pos = list_entry_rcu((head)->next, typeof(*pos), member);	\
	     &pos->member != (head);					\
	     pos = list_entry_rcu(pos->member.next, typeof(*pos), member))

/* For lists of which nothing is freed meanwhile, whatever sees to that. */
#define list_for_each_entry_lockless(pos, head, member)		\
	for (pos = list_entry_rcu((head)->next, typeof(*pos), member);	\
	     &pos->member != (head);					\
	     pos = list_entry_rcu(pos->member.next, typeof(*pos), member))

#endif /* _TWIN_LINUX_RCULIST_H */
