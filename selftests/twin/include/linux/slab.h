/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_SLAB_H
#define _TWIN_LINUX_SLAB_H

#include <linux/cache.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/types.h>
#include <twin/debug.h>

#define SLAB_HWCACHE_ALIGN	((slab_flags_t)0x1)
#define SLAB_ACCOUNT		((slab_flags_t)0x2)
#define SLAB_PANIC		((slab_flags_t)0x4)
#define SLAB_RECLAIM_ACCOUNT	((slab_flags_t)0x8)
#define SLAB_MEM_SPREAD		((slab_flags_t)0x10)

#define KMALLOC_MAX_SIZE	(1UL << 22)
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x)	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

void *twin_kmalloc(size_t size, gfp_t gfp, const char *site) __malloc;
void *twin_kvmalloc(size_t size, gfp_t gfp, const char *site) __malloc;
void kfree(const void *p);
void kfree_sensitive(const void *p);
void kvfree(const void *p);

/* Macros, as in newer kernels: a leak is told with the place it is from. */
#define kmalloc(size, gfp)	twin_kmalloc(size, gfp, TWIN_SITE)
#define kzalloc(size, gfp)	kmalloc(size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp) kmalloc(size_mul(n, size), gfp)
#define kcalloc(n, size, gfp)	kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define kvmalloc(size, gfp)	twin_kvmalloc(size, gfp, TWIN_SITE)
#define kvzalloc(size, gfp)	kvmalloc(size, (gfp) | __GFP_ZERO)
#define kvmalloc_array(n, size, gfp) kvmalloc(size_mul(n, size), gfp)
#define kvcalloc(n, size, gfp)	kvmalloc_array(n, size, (gfp) | __GFP_ZERO)

struct kmem_cache;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *object));
void kmem_cache_destroy(struct kmem_cache *s);
void *twin_cache_alloc(struct kmem_cache *s, gfp_t gfp, const char *site)
	__malloc;
void kmem_cache_free(struct kmem_cache *s, void *object);
unsigned int kmem_cache_size(struct kmem_cache *s);

#define kmem_cache_alloc(s, gfp)	twin_cache_alloc(s, gfp, TWIN_SITE)
#define kmem_cache_zalloc(s, gfp)	kmem_cache_alloc(s, (gfp) | __GFP_ZERO)

#define KMEM_CACHE(__struct, __flags)					\
	kmem_cache_create(#__struct, sizeof(struct __struct),		\
			  __alignof__(struct __struct), (__flags), NULL)

#endif /* _TWIN_LINUX_SLAB_H */
