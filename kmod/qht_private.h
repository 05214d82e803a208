/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of qht share: chains under their lock, and the maps.
 */
#ifndef _QHT_PRIVATE_H
#define _QHT_PRIVATE_H

#include <linux/bitops.h>
#include <linux/kconfig.h>
#include <linux/lockdep.h>
#include <linux/qht.h>
#include <linux/rcupdate.h>

/* A slot of a chain; @i is QHT_BUCKET_ENTRIES for one behind its last bucket. */
struct qht_slot {
	struct qht_bucket *bucket;
	unsigned int i;
};

/*
 * Buckets allocated ahead of a chain's lock, linked by ->next. @want is how many
 * there were not enough of.
 */
struct qht_spares {
	struct qht_bucket *list;
	unsigned int nr;
	unsigned int want;
};

static inline size_t qht_map_size(const struct qht_map *map)
{
	return (size_t)1 << map->bits;
}

/* Only for buckets that no reader can know: spares, and maps being freed. */
static inline struct qht_bucket *qht_bucket_next(const struct qht_bucket *b)
{
	return qht_untag(rcu_dereference_protected(b->next, true));
}

/*
 * The accessors of a chain for those who hold its lock. Readers beside them are
 * why stores are marked.
 */
static inline void *qht_entry_locked(const struct qht_bucket *head,
				     const struct qht_bucket *b, unsigned int i)
{
	return rcu_dereference_protected(b->entries[i],
					 lockdep_is_held(&head->lock));
}

static inline struct qht_bucket *
qht_next_locked(const struct qht_bucket *head, const struct qht_bucket *b)
{
	return qht_untag(rcu_dereference_protected(b->next,
						   lockdep_is_held(&head->lock)));
}

/* Without a branch per slot, as qht_candidates(). */
static inline unsigned long qht_holes_locked(const struct qht_bucket *head,
					     const struct qht_bucket *b)
{
	unsigned long mask = 0;
	int i;

#pragma GCC unroll 6
	for (i = QHT_BUCKET_ENTRIES - 1; i >= 0; i--)
		mask = 2 * mask + !qht_entry_locked(head, b, i);
	return mask;
}

/* The first free slot from bucket @b on, or that behind the last bucket. */
static inline struct qht_slot qht_hole_locked(const struct qht_bucket *head,
					      struct qht_bucket *b)
{
	for (;;) {
		unsigned long holes = qht_holes_locked(head, b);
		struct qht_bucket *next;

		if (holes)
			return (struct qht_slot){ b, __ffs(holes) };
		next = qht_next_locked(head, b);
		if (!next)
			return (struct qht_slot){ b, QHT_BUCKET_ENTRIES };
		b = next;
	}
}

static inline bool qht_moved_locked(const struct qht_bucket *head)
{
	lockdep_assert_held(&head->lock);
	return qht_moved(rcu_access_pointer(head->next));
}

/* Lock the chain of @h in @map. False, with no lock held, if it has moved. */
static inline bool qht_try_chain(struct qht_map *map, u32 h,
				 struct qht_bucket **headp)
{
	struct qht_bucket *head = qht_head(map, h);

	*headp = head;
	spin_lock_bh(&head->lock);
	if (likely(!qht_moved_locked(head)))
		return true;
	spin_unlock_bh(&head->lock);
	return false;
}

static inline void qht_unlock_chain(struct qht_bucket *head)
	__releases(bucket)
{
	spin_unlock_bh(&head->lock);
}

/* Set tags of a head; what was written before is seen by who sees them. */
static inline void qht_tag_locked(struct qht_bucket *head, unsigned long tags)
{
	unsigned long next = (unsigned long)
		rcu_dereference_protected(head->next, lockdep_is_held(&head->lock));

	if ((next | tags) != next)
		rcu_assign_pointer(head->next, (struct qht_bucket *)(next | tags));
}

/*
 * Under a chain's lock: no softirq gets in between, nor another process unless locks
 * sleep. Hard interrupts do not write tables.
 */
static inline void qht_count_add(struct qht *ht, long n)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		this_cpu_add(ht->counts->entries, n);
	else
		__this_cpu_add(ht->counts->entries, n);
}

/*
 * Count removals. True now and then, when it is to be found out whether the table
 * has become too large.
 */
static inline bool qht_count_removals(struct qht *ht, const struct qht_map *map,
				      unsigned int n)
{
	unsigned int before, mask = map->look_mask;

	qht_count_add(ht, -(long)n);
	if (!mask)
		return false;
	before = READ_ONCE(this_cpu_ptr(ht->counts)->removals);
	WRITE_ONCE(this_cpu_ptr(ht->counts)->removals, before + n);
	return ((before + n) ^ before) > mask && !rcu_access_pointer(map->next);
}

/* Has @map had so many buckets added that the table may have to grow? */
static inline bool qht_wants_look(const struct qht *ht, const struct qht_map *map)
{
	return (ht->mode & QHT_AUTO_RESIZE) &&
	       atomic_read(&map->n_added) > READ_ONCE(map->check_above) &&
	       !rcu_access_pointer(map->next);
}

/* qht.c */
void qht_free_buckets(struct qht_bucket *b);
bool qht_spares_fill(struct qht_spares *spares, unsigned int nr, gfp_t gfp);
bool qht_append_locked(struct qht_map *map, struct qht_bucket *head,
		       struct qht_slot *slot, u32 h, void *entry,
		       struct qht_spares *spares);
void qht_untag_locked(struct qht_bucket *head);

/* qht_resize.c */
bool qht_has_room(size_t n_elems);
struct qht_map *qht_map_alloc(const struct qht *ht);
void qht_map_free(struct qht_map *map);
bool qht_help(struct qht *ht, struct qht_map *map);
bool qht_is_late(const struct qht_map *map);
void qht_look_soon(struct qht *ht);
void qht_look_later(struct qht *ht);
void qht_grow_here(struct qht *ht);
void qht_resize_init(struct qht *ht, size_t n_elems);
int qht_resize_module_init(void);
void qht_resize_module_exit(void);

#endif /* _QHT_PRIVATE_H */
