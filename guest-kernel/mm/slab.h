/*
 * Small pieces of kernel memory. A slab cache cuts frames into objects of one size; kmalloc() chooses among
 * caches of rising sizes and goes to the frame allocator for more than half a frame. Internal fragmentation is
 * bounded by the steps of the sizes; an empty frame goes back to the buddy system at once, so that freed memory
 * is counted as free.
 */
#ifndef KEPLER_MM_SLAB_H
#define KEPLER_MM_SLAB_H
#include "base/types.h"

struct slab;

/* Objects of `size` bytes (1 … 2048), aligned to 8 (16 from size 16). `name` must stay. NULL: out of memory. */
struct slab *slab_create(const char *name, size_t size);
void *slab_alloc(struct slab *); /* content undefined; NULL: out of memory */
void slab_free(struct slab *, void *);

/* Any size up to 8 MiB; NULL: out of memory. kfree(NULL) does nothing. May sleep like page_alloc(); in an
 * interrupt or under a spinlock they do not sleep. */
void *kmalloc(size_t bytes);
void *kzalloc(size_t bytes);
void *krealloc(void *old, size_t bytes); /* keeps the content; NULL leaves `old` as it was */
char *kstrdup(const char *);
void kfree(void *);

uint64_t slab_frames(void);  /* frames held by all caches and by large kmalloc blocks */
uint64_t slab_large(void);   /* of these, those of large blocks */
uint64_t slab_objects(void); /* objects in use */
/* For /proc/slabinfo: calls f for every cache. */
void slab_each(void (*f)(void *arg, const char *name, size_t size, uint64_t objects, uint64_t frames), void *arg);

#endif
