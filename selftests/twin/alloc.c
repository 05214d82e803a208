// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's allocators over libc's. Every object is known by its address
 * until it is freed, so that a leak is told with the place that it came from
 * and an object is freed the way that it was allocated.
 *
 * Built without ThreadSanitizer: the table of objects must not seem to order
 * what its users do.
 */
#define TWIN_HOST
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asm/page.h>
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "internal.h"

/* Fresh memory that was not asked to be zero; the kernel's POISON_INUSE. */
#define POISON_INUSE	0x5a

enum kind {
	KIND_KMALLOC,
	KIND_VMALLOC,
	KIND_CACHE,
	KIND_PAGES,
};

struct kmem_cache {
	const char *name;
	unsigned int size;
	unsigned int align;
	void (*ctor)(void *object);
	long live;
};

static long nr_allocated;

#ifdef TWIN_DEBUG
#define TABLE_BITS	12

struct object {
	struct object *next;
	const void *addr;
	size_t size;
	const char *site;
	u64 number;
	const void *owner;	/* the cache that it is from */
	enum kind kind;
};

static struct object *table[1 << TABLE_BITS];
static unsigned int table_lock;
static u64 last_number;

static struct object **chain_of(const void *addr)
{
	u64 hash = (u64)(unsigned long)addr * 0x61C8864680B583EBull;

	return &table[hash >> (64 - TABLE_BITS)];
}

static void lock_table(void)
{
	struct twin_spin spin = { 0 };

	while (xchg(&table_lock, 1))
		twin_spin_turn(&spin, "waiting for the table of", table);
}

static void unlock_table(void)
{
	smp_store_release(&table_lock, 0);
}

static void remember(const void *addr, size_t size, enum kind kind,
		     const void *owner, const char *site)
{
	struct object *object = malloc(sizeof(*object));
	struct object **chain = chain_of(addr);

	if (!object)
		twin_fatal("out of memory");
	lock_table();
	*object = (struct object) {
		.next = *chain, .addr = addr, .size = size, .site = site,
		.number = ++last_number, .owner = owner, .kind = kind,
	};
	*chain = object;
	unlock_table();
}

static bool matches(const struct object *object, unsigned int kinds,
		    const void *owner)
{
	return (kinds & BIT(object->kind)) && object->owner == owner;
}

/* Takes out what is at @addr if it may be freed as what @kinds says. */
static struct object *take_out(const void *addr, unsigned int kinds,
			       const void *owner, bool *known)
{
	struct object **link, *object;

	lock_table();
	for (link = chain_of(addr); *link; link = &(*link)->next)
		if ((*link)->addr == addr)
			break;
	object = *link;
	*known = object;
	if (object && matches(object, kinds, owner))
		*link = object->next;
	else
		object = NULL;
	unlock_table();
	return object;
}

/* False if @addr must not be freed so: then it stays as it is. */
static bool forget(const void *addr, unsigned int kinds, const void *owner,
		   unsigned long ip)
{
	struct object *object;
	bool known;

	object = take_out(addr, kinds, owner, &known);
	if (!known)
		twin_report(ip, "%p is freed, but was not allocated or was freed before",
			    addr);
	else if (!object)
		twin_report(ip, "%p is freed by the wrong function", addr);
	else
		twin_no_locks_freed(addr, object->size);
	free(object);
	return object;
}

u64 twin_alloc_mark(void)
{
	return READ_ONCE(last_number);
}

/* Prints what was allocated after @mark and is still there. */
void twin_alloc_list(u64 mark)
{
	unsigned int i, shown = 0;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct object *object;

		for (object = table[i]; object; object = object->next) {
			if (object->number <= mark || shown++ >= 10)
				continue;
			_printk("  leaked: %zu bytes from %s\n", object->size,
				object->site);
		}
	}
}
#else
static void remember(const void *addr, size_t size, enum kind kind,
		     const void *owner, const char *site)
{
}

static bool forget(const void *addr, unsigned int kinds, const void *owner,
		   unsigned long ip)
{
	return true;
}

u64 twin_alloc_mark(void)
{
	return 0;
}

void twin_alloc_list(u64 mark)
{
}
#endif /* TWIN_DEBUG */

long twin_nr_allocated(void)
{
	return __atomic_load_n(&nr_allocated, __ATOMIC_RELAXED);
}

static bool workers_fail;

void twin_fail_workers(bool fail)
{
	WRITE_ONCE(workers_fail, fail);
}

static bool fails_now(gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL)
		return false;
	if (READ_ONCE(workers_fail) && twin_is_worker())
		return true;
	if (!current || !current->fail_nth || --current->fail_nth)
		return false;
	current->fail_seen = true;
	if (current->fail_on)
		current->fail_nth = 1;
	return true;
}

static void *obtain(size_t size, size_t align, gfp_t gfp, enum kind kind,
		    const void *owner, const char *site)
{
	void *addr;

	if (gfpflags_allow_blocking(gfp))
		twin_might_sleep_at("an allocation that may block", site);
	if (fails_now(gfp))
		return NULL;
	if (posix_memalign(&addr, max(align, sizeof(void *)), size))
		return NULL;
	if (gfp & __GFP_ZERO)
		memset(addr, 0, size);
	else if (IS_ENABLED(TWIN_DEBUG))
		memset(addr, POISON_INUSE, size);
	twin_count(&nr_allocated, 1);
	remember(addr, size, kind, owner, site);
	return addr;
}

static bool give_back(const void *addr, unsigned int kinds, const void *owner,
		      unsigned long ip)
{
	if (!forget(addr, kinds, owner, ip))
		return false;
	twin_count(&nr_allocated, -1);
	free((void *)addr);
	return true;
}

/* kmalloc() aligns what is a power of two naturally, and large sizes to pages. */
static size_t kmalloc_align(size_t size)
{
	if (is_power_of_2(size))
		return min(size, PAGE_SIZE);
	return size > 2 * PAGE_SIZE ? PAGE_SIZE : ARCH_KMALLOC_MINALIGN;
}

void *twin_kmalloc(size_t size, gfp_t gfp, const char *site)
{
	if (!size)
		return ZERO_SIZE_PTR;
	if (size > KMALLOC_MAX_SIZE) {
		if (!(gfp & __GFP_NOWARN))
			twin_warn(site, "kmalloc() of %zu bytes: use kvmalloc()",
				  size);
		return NULL;
	}
	return obtain(size, kmalloc_align(size), gfp, KIND_KMALLOC, NULL, site);
}

void kfree(const void *p)
{
	if (!ZERO_OR_NULL_PTR(p))
		give_back(p, BIT(KIND_KMALLOC), NULL, _RET_IP_);
}

void kfree_sensitive(const void *p)
{
	if (!ZERO_OR_NULL_PTR(p))
		memzero_explicit((void *)p, malloc_usable_size((void *)p));
	kfree(p);
}

void *twin_vmalloc(unsigned long size, gfp_t gfp, const char *site)
{
	if (!size)
		return NULL;
	return obtain(size, PAGE_SIZE, gfp, KIND_VMALLOC, NULL, site);
}

void vfree(const void *addr)
{
	if (!twin_self.in_softirq)
		twin_might_sleep("vfree()", _RET_IP_);
	if (addr)
		give_back(addr, BIT(KIND_VMALLOC), NULL, _RET_IP_);
}

void *twin_kvmalloc(size_t size, gfp_t gfp, const char *site)
{
	if (size <= PAGE_SIZE || !gfpflags_allow_blocking(gfp))
		return twin_kmalloc(size, gfp, site);
	if (size > INT_MAX) {
		if (!(gfp & __GFP_NOWARN))
			twin_warn(site, "kvmalloc() of %zu bytes", size);
		return NULL;
	}
	return obtain(size, kmalloc_align(size), gfp, KIND_VMALLOC, NULL, site);
}

void kvfree(const void *p)
{
	if (!twin_self.in_softirq)
		twin_might_sleep("kvfree()", _RET_IP_);
	if (!ZERO_OR_NULL_PTR(p))
		give_back(p, BIT(KIND_KMALLOC) | BIT(KIND_VMALLOC), NULL,
			  _RET_IP_);
}

unsigned long twin_get_free_pages(gfp_t gfp, unsigned int order,
				  const char *site)
{
	size_t size = PAGE_SIZE << order;

	return (unsigned long)obtain(size, size, gfp, KIND_PAGES, NULL, site);
}

void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		give_back((void *)addr, BIT(KIND_PAGES), NULL, _RET_IP_);
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *object))
{
	struct kmem_cache *s = obtain(sizeof(*s), sizeof(void *), GFP_KERNEL,
				      KIND_KMALLOC, NULL, name);

	if (!s && (flags & SLAB_PANIC))
		twin_fatal("no memory for the cache %s", name);
	if (!s)
		return NULL;
	if (flags & SLAB_HWCACHE_ALIGN)
		align = max_t(unsigned int, align,
			      min_t(unsigned int, roundup_pow_of_two(size),
				    SMP_CACHE_BYTES));
	*s = (struct kmem_cache) {
		.name = name, .size = size, .ctor = ctor,
		.align = max_t(unsigned int, align, ARCH_KMALLOC_MINALIGN),
	};
	return s;
}

void kmem_cache_destroy(struct kmem_cache *s)
{
	twin_might_sleep("kmem_cache_destroy()", _RET_IP_);
	if (!s)
		return;
	if (READ_ONCE(s->live)) {
		twin_report(_RET_IP_, "cache %s is destroyed with %ld objects in use",
			    s->name, s->live);
		return;
	}
	kfree(s);
}

void *twin_cache_alloc(struct kmem_cache *s, gfp_t gfp, const char *site)
{
	void *object = obtain(s->size, s->align, gfp, KIND_CACHE, s, site);

	if (!object)
		return NULL;
	twin_count(&s->live, 1);
	if (s->ctor)
		s->ctor(object);
	return object;
}

void kmem_cache_free(struct kmem_cache *s, void *object)
{
	if (object && give_back(object, BIT(KIND_CACHE), s, _RET_IP_))
		twin_count(&s->live, -1);
}

unsigned int kmem_cache_size(struct kmem_cache *s)
{
	return s->size;
}
