/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_STRING_H
#define _TWIN_LINUX_STRING_H

#include <linux/errno.h>
#include <linux/types.h>
#include <twin/debug.h>

#ifndef TWIN_HOST
void *memcpy(void *dest, const void *src, size_t count);
void *memmove(void *dest, const void *src, size_t count);
void *memset(void *s, int c, size_t count);
int memcmp(const void *a, const void *b, size_t count);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t count);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t count);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);
#endif

ssize_t strscpy(char *dest, const char *src, size_t count);
void *memchr_inv(const void *start, int c, size_t bytes);
char *twin_kstrdup(const char *s, gfp_t gfp, const char *site) __malloc;
void *twin_kmemdup(const void *src, size_t len, gfp_t gfp, const char *site);

#define kstrdup(s, gfp)		twin_kstrdup(s, gfp, TWIN_SITE)
#define kmemdup(src, len, gfp)	twin_kmemdup(src, len, gfp, TWIN_SITE)

static inline void *memset32(u32 *p, u32 v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = v;
	return p;
}

static inline void *memset64(u64 *p, u64 v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = v;
	return p;
}

static inline void *memset_l(unsigned long *p, unsigned long v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = v;
	return p;
}

static inline void memzero_explicit(void *s, size_t count)
{
	memset(s, 0, count);
	barrier_data(s);
}

#endif /* _TWIN_LINUX_STRING_H */
