// SPDX-License-Identifier: GPL-2.0
/*
 * malloc() over an arena that only grows. Sizes up to 8 KiB are cut from chunks
 * of 64 KiB, one size a chunk; larger ones are powers of two of chunks. What is
 * freed waits in the list of its size for the next of that size.
 *
 * A thread keeps up to two batches of each small size, and trades whole ones with
 * the others: nobody walks a list of objects that are in no cache. It also keeps
 * what it has taken and given back: the sum over all threads is what is in use.
 * As with slabs, what counts is the size that an object takes up; of large areas,
 * the pages that were asked for.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "memory.h"

#define ARENA_SIZE	(1UL << 38)
#define CHUNK_SHIFT	16
#define CHUNK		(1UL << CHUNK_SHIFT)
#define PAGE		4096UL
#define N_SMALL		16
#define N_LARGE		22
#define N_CLASSES	(N_SMALL + N_LARGE)
#define BATCH		32
#define MAX_THREADS	128

/*
 * Powers of two are aligned to themselves, as kmalloc()'s are. A slab of its own
 * have the nodes and leaves of hbitmap: 576 and 2112.
 */
static const uint32_t small_sizes[N_SMALL] = {
	16, 32, 48, 64, 96, 128, 192, 256, 512, 576, 1024, 2048, 2112, 4096, 6144, 8192,
};

struct object {
	struct object *next;
	struct object *next_batch; /* of the first of a batch */
};

/**
 * struct magazine - what a thread has of one size
 * @objects: to be given out next
 * @spare: a whole batch, or NULL
 * @n: number of @objects, at most BATCH
 */
struct magazine {
	struct object *objects;
	struct object *spare;
	unsigned int n;
};

/**
 * struct depot - what all have of one size
 * @batches: whole batches, or single areas if large
 * @fresh: never used
 * @end: of @fresh
 */
struct depot {
	struct object *batches;
	char *fresh;
	char *end;
};

struct thread_memory {
	struct magazine magazines[N_SMALL];
	int64_t used;
	bool taken;
} __aligned(64);

/* Of a chunk that begins an area: its class, from 1 on, and bytes if large. */
struct chunk {
	uint64_t size;
	uint8_t class;
};

static char *arena, *frontier, *touched;
static struct chunk *chunks;
static struct depot depots[N_CLASSES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread_memory threads[MAX_THREADS];
static __thread struct thread_memory *self __attribute__((tls_model("initial-exec")));
static pthread_key_t exit_key;

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		bench_die("no address space for the arena");
	return p;
}

static struct object *pop(struct object **list)
{
	struct object *object = *list;

	if (object)
		*list = object->next;
	return object;
}

static void push(struct object **list, void *p)
{
	struct object *object = p;

	object->next = *list;
	*list = object;
}

/* Under the lock. A batch may also be short, at the end of a thread. */
static void put_batch(unsigned int class, struct object *batch)
{
	if (!batch)
		return;
	batch->next_batch = depots[class].batches;
	depots[class].batches = batch;
}

static struct object *get_batch(unsigned int class)
{
	struct object *batch = depots[class].batches;

	if (batch)
		depots[class].batches = batch->next_batch;
	return batch;
}

/* What an ended thread has at hand goes to all. Its count stays. */
static void thread_gone(void *arg)
{
	struct thread_memory *thread = arg;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < N_SMALL; i++) {
		put_batch(i, thread->magazines[i].objects);
		put_batch(i, thread->magazines[i].spare);
		thread->magazines[i] = (struct magazine){ };
	}
	thread->taken = false;
	self = NULL;
	pthread_mutex_unlock(&lock);
}

/* Under the lock. */
static void init_arena(void)
{
	arena = reserve(ARENA_SIZE + CHUNK);
	arena = (char *)(((uintptr_t)arena + CHUNK - 1) & ~(CHUNK - 1));
	chunks = reserve((ARENA_SIZE >> CHUNK_SHIFT) * sizeof(*chunks));
	frontier = arena;
	touched = arena;
	if (pthread_key_create(&exit_key, thread_gone))
		bench_die("no key for the memory of threads");
}

static struct thread_memory *enter_thread(void)
{
	unsigned int i = 0;

	pthread_mutex_lock(&lock);
	if (!arena)
		init_arena();
	while (i < MAX_THREADS && threads[i].taken)
		i++;
	if (i == MAX_THREADS)
		bench_die("more than %d threads", MAX_THREADS);
	threads[i].taken = true;
	self = &threads[i];
	pthread_mutex_unlock(&lock);
	pthread_setspecific(exit_key, self);
	return self;
}

static struct thread_memory *this_thread(void)
{
	return likely(self) ? self : enter_thread();
}

static struct chunk *chunk_of(const void *p)
{
	return &chunks[((const char *)p - arena) >> CHUNK_SHIFT];
}

/* Under the lock: chunks never used before, and so zero. */
static void *grow_arena(size_t size, unsigned int class)
{
	char *p = frontier;
	size_t i;

	if (size > ARENA_SIZE - (size_t)(frontier - arena))
		return NULL;
	frontier += size;
	for (i = 0; i < size; i += CHUNK)
		chunk_of(p + i)->class = class + 1;
	return p;
}

static unsigned int small_class(size_t align, size_t size)
{
	unsigned int i = 0;

	while (small_sizes[i] < size || (align > 16 && small_sizes[i] % align))
		i++;
	return i;
}

static void account(struct thread_memory *thread, int64_t size)
{
	__atomic_store_n(&thread->used, thread->used + size, __ATOMIC_RELAXED);
}

/* Under the lock: a batch of objects never used before. */
static struct object *cut_batch(unsigned int class)
{
	struct depot *depot = &depots[class];
	uint32_t size = small_sizes[class];
	struct object *batch = NULL;
	unsigned int i;

	if (depot->fresh + size > depot->end) {
		depot->fresh = grow_arena(CHUNK, class);
		depot->end = depot->fresh ? depot->fresh + CHUNK : NULL;
	}
	for (i = 0; i < BATCH && depot->fresh + size <= depot->end; i++) {
		push(&batch, depot->fresh);
		depot->fresh += size;
	}
	return batch;
}

static bool refill(struct magazine *magazine, unsigned int class)
{
	struct object *batch = magazine->spare;

	magazine->spare = NULL;
	if (!batch) {
		pthread_mutex_lock(&lock);
		batch = get_batch(class);
		if (!batch)
			batch = cut_batch(class);
		pthread_mutex_unlock(&lock);
	}
	magazine->objects = batch;
	magazine->n = BATCH;
	return batch;
}

static void *allocate_small(unsigned int class)
{
	struct thread_memory *thread = this_thread();
	struct magazine *magazine = &thread->magazines[class];

	if (!magazine->objects && !refill(magazine, class))
		return NULL;
	magazine->n--;
	account(thread, small_sizes[class]);
	return pop(&magazine->objects);
}

/* @fresh: set if the area was never used. */
static void *allocate_large(size_t size, bool *fresh)
{
	struct thread_memory *thread = this_thread();
	size_t area = CHUNK;
	unsigned int class = N_SMALL;
	void *p;

	while (area < size && class < N_CLASSES) {
		area *= 2;
		class++;
	}
	if (class == N_CLASSES)
		return NULL;
	pthread_mutex_lock(&lock);
	p = get_batch(class);
	*fresh = !p;
	if (!p)
		p = grow_arena(area, class);
	pthread_mutex_unlock(&lock);
	if (!p)
		return NULL;
	size = (size + PAGE - 1) & ~(PAGE - 1);
	chunk_of(p)->size = size;
	account(thread, size);
	return p;
}

static void *allocate(size_t align, size_t size, bool *fresh)
{
	void *p;

	*fresh = false;
	if (align > CHUNK)
		return NULL;
	if (size <= 8192 && align <= 4096)
		p = allocate_small(small_class(align, size));
	else
		p = allocate_large(size, fresh);
	if (!p)
		errno = ENOMEM;
	return p;
}

void *malloc(size_t size)
{
	bool fresh;

	return allocate(16, size, &fresh);
}

void *calloc(size_t n, size_t size)
{
	bool fresh;
	void *p;

	if (__builtin_mul_overflow(n, size, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	p = allocate(16, size, &fresh);
	return p && !fresh ? memset(p, 0, size) : p;
}

int posix_memalign(void **p, size_t align, size_t size)
{
	bool fresh;

	*p = allocate(align, size, &fresh);
	return *p ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t size)
{
	bool fresh;

	return allocate(align, size, &fresh);
}

void *memalign(size_t align, size_t size)
{
	return aligned_alloc(align, size);
}

size_t malloc_usable_size(void *p)
{
	unsigned int class;

	if (!p)
		return 0;
	class = chunk_of(p)->class - 1;
	return class < N_SMALL ? small_sizes[class] : chunk_of(p)->size;
}

void free(void *p)
{
	struct thread_memory *thread;
	struct magazine *magazine;
	unsigned int class;

	if (!p)
		return;
	thread = this_thread();
	class = chunk_of(p)->class - 1;
	account(thread, -(int64_t)malloc_usable_size(p));
	if (class >= N_SMALL) {
		pthread_mutex_lock(&lock);
		put_batch(class, p);
		pthread_mutex_unlock(&lock);
		return;
	}
	magazine = &thread->magazines[class];
	if (magazine->n == BATCH) {
		if (magazine->spare) {
			pthread_mutex_lock(&lock);
			put_batch(class, magazine->spare);
			pthread_mutex_unlock(&lock);
		}
		magazine->spare = magazine->objects;
		magazine->objects = NULL;
		magazine->n = 0;
	}
	push(&magazine->objects, p);
	magazine->n++;
}

void *realloc(void *p, size_t size)
{
	size_t old = malloc_usable_size(p);
	void *new;

	if (p && size <= old && size)
		return p;
	new = malloc(size);
	if (new && p) {
		memcpy(new, p, old < size ? old : size);
		free(p);
	}
	return new;
}

/**
 * memory_used() - bytes that are allocated
 *
 * Return: the sum over all threads, of which each may be at work.
 */
int64_t memory_used(void)
{
	int64_t sum = 0;
	unsigned int i;

	for (i = 0; i < MAX_THREADS; i++)
		sum += __atomic_load_n(&threads[i].used, __ATOMIC_RELAXED);
	return sum;
}

/**
 * memory_settle() - wait until nobody allocates or frees any more
 *
 * What libraries do in threads of their own, they do not tell.
 */
void memory_settle(void)
{
	int64_t used = memory_used(), before;

	do {
		before = used;
		bench_sleep(0.05);
		used = memory_used();
	} while (used != before);
}

/**
 * memory_prefault() - touch memory that is going to be allocated
 * @size: bytes beyond all that was ever in use
 */
void memory_prefault(size_t size)
{
	pthread_mutex_lock(&lock);
	if (touched < frontier)
		touched = frontier;
	for (; touched < frontier + size; touched += PAGE)
		__atomic_store_n(touched, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
}

/**
 * memory_huge() - map what is allocated from now on in huge pages
 *
 * As a kernel's slabs are, and what it maps linearly.
 */
void memory_huge(void)
{
	pthread_mutex_lock(&lock);
	if (!arena)
		init_arena();
	/* Where there are none it is as it was. */
	madvise(frontier, ARENA_SIZE - (frontier - arena), MADV_HUGEPAGE);
	pthread_mutex_unlock(&lock);
}
