/*
 * Slabs: frames cut into equal objects. The free objects of a frame form a list that runs through the objects
 * themselves, so a cache needs no memory of its own; the frame's struct page holds the head of that list, the
 * number of objects in use and the cache it belongs to.
 *
 *      frame   | object | object | free --+ | object | free | unused rest |
 *                                         +-----------^
 *
 * From an address the frame is found by division, from the frame the cache: so kfree() needs no size.
 */
#include "base/string.h"
#include "kern/init.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "mm/frame.h"
#include "mm/slab.h"

struct slab {
    struct spinlock lock;
    const char *name;
    size_t size;
    unsigned per_frame;
    struct list partial; /* frames with a free object */
    uint64_t frames, objects;
    struct slab *next;
};

/* The steps keep the unused part of an object below a third. */
static const uint16_t kmalloc_sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 576, 768, 1024, 1344, 2048};
#define KMALLOC_CACHES (sizeof kmalloc_sizes / sizeof kmalloc_sizes[0])
#define KMALLOC_SMALL  2048
static struct slab kmalloc_caches[KMALLOC_CACHES];

static struct slab *all_caches;
static struct spinlock all_lock = SPINLOCK_INIT("slab caches", RANK_SLAB);
static uint64_t large_frames;

static void slab_init(struct slab *s, const char *name, size_t size)
{
    *s = (struct slab){.name = name, .size = ALIGN_UP(MAX(size, 8ul), size < 16 ? 8ul : 16ul)};
    s->per_frame = (unsigned)(PAGE_SIZE / s->size);
    spin_init(&s->lock, name, RANK_SLAB);
    list_init(&s->partial);
    spin_lock(&all_lock);
    s->next = all_caches;
    all_caches = s;
    spin_unlock(&all_lock);
}

static void slab_start(void)
{
    for (unsigned i = 0; i < KMALLOC_CACHES; i++) slab_init(&kmalloc_caches[i], "kmalloc", kmalloc_sizes[i]);
}
INIT(INIT_SLAB, slab_start);

struct slab *slab_create(const char *name, size_t size)
{
    ASSERT(size && size <= KMALLOC_SMALL);
    struct slab *s = kmalloc(sizeof *s);
    if (s) slab_init(s, name, size);
    return s;
}

/* A new frame, all objects free; the caller puts it on the list. */
static struct page *grow(struct slab *s)
{
    struct page *p = page_alloc(0, 0);
    if (!p) return NULL;
    char *base = page_va(p);
    void *head = NULL;
    for (unsigned i = s->per_frame; i-- > 0;) {
        void **object = (void **)(base + i * s->size);
        *object = head;
        head = object;
    }
    p->free_list = head;
    p->slab = s;
    page_flag_set(p, PG_SLAB);
    return p;
}

void *slab_alloc(struct slab *s)
{
    spin_lock(&s->lock);
    while (list_empty(&s->partial)) {
        /* The frame is got without the lock: getting it may sleep. */
        spin_unlock(&s->lock);
        struct page *fresh = grow(s);
        if (!fresh) return NULL;
        spin_lock(&s->lock);
        list_push_front(&s->partial, &fresh->link);
        s->frames++;
    }
    struct page *p = list_first(&s->partial, struct page, link);
    void **object = p->free_list;
    p->free_list = *object;
    if (++p->inuse == s->per_frame) list_remove(&p->link);
    s->objects++;
    spin_unlock(&s->lock);
    return object;
}

void slab_free(struct slab *s, void *object)
{
    struct page *p = page_of_va(object), *empty = NULL;
    ASSERT(p && p->flags & PG_SLAB && p->slab == s && ((uintptr_t)object & PAGE_MASK) % s->size == 0);
    spin_lock(&s->lock);
    ASSERT(p->inuse && object != p->free_list);
    *(void **)object = p->free_list;
    p->free_list = object;
    if (p->inuse-- == s->per_frame) list_push_front(&s->partial, &p->link);
    s->objects--;
    if (!p->inuse) {
        list_remove(&p->link);
        s->frames--;
        empty = p;
    }
    spin_unlock(&s->lock);
    if (!empty) return;
    page_flag_clear(empty, PG_SLAB);
    page_put(empty);
}

static unsigned order_for(size_t bytes)
{
    unsigned order = 0;
    while (PAGE_SIZE << order < bytes) order++;
    return order;
}

void *kmalloc(size_t bytes)
{
    if (bytes <= KMALLOC_SMALL) {
        unsigned i = 0;
        while (kmalloc_sizes[i] < bytes) i++;
        return slab_alloc(&kmalloc_caches[i]);
    }
    if (bytes > PAGE_SIZE << PAGE_ORDER_MAX) return NULL;
    unsigned order = order_for(bytes);
    struct page *p = page_alloc(order, 0);
    if (!p) return NULL;
    __atomic_fetch_add(&large_frames, 1ul << order, __ATOMIC_RELAXED);
    return page_va(p);
}

void *kzalloc(size_t bytes)
{
    void *p = kmalloc(bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void kfree(void *object)
{
    if (!object) return;
    struct page *p = page_of_va(object);
    ASSERT(p);
    if (p->flags & PG_SLAB) {
        slab_free(p->slab, object);
        return;
    }
    ASSERT(((uintptr_t)object & PAGE_MASK) == 0 && page_refs(p) == 1);
    __atomic_fetch_sub(&large_frames, 1ul << p->order, __ATOMIC_RELAXED);
    page_put(p);
}

void *krealloc(void *old, size_t bytes)
{
    if (!old) return kmalloc(bytes);
    struct page *p = page_of_va(old);
    size_t room = p->flags & PG_SLAB ? p->slab->size : PAGE_SIZE << p->order;
    if (bytes <= room && bytes > room / 2) return old;
    void *moved = kmalloc(bytes);
    if (!moved) return NULL;
    memcpy(moved, old, MIN(room, bytes));
    kfree(old);
    return moved;
}

char *kstrdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = kmalloc(bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

void slab_each(void (*f)(void *arg, const char *name, size_t size, uint64_t objects, uint64_t frames), void *arg)
{
    /* Caches are only ever added, at the front. */
    for (struct slab *s = __atomic_load_n(&all_caches, __ATOMIC_ACQUIRE); s; s = s->next)
        f(arg, s->name, s->size, s->objects, s->frames);
}

static void add_frames(void *sum, const char *name, size_t size, uint64_t objects, uint64_t frames)
{
    (void)name, (void)size, (void)objects;
    *(uint64_t *)sum += frames;
}

static void add_objects(void *sum, const char *name, size_t size, uint64_t objects, uint64_t frames)
{
    (void)name, (void)size, (void)frames;
    *(uint64_t *)sum += objects;
}

uint64_t slab_large(void) { return __atomic_load_n(&large_frames, __ATOMIC_RELAXED); }

uint64_t slab_frames(void)
{
    uint64_t sum = slab_large();
    slab_each(add_frames, &sum);
    return sum;
}

uint64_t slab_objects(void)
{
    uint64_t sum = 0;
    slab_each(add_objects, &sum);
    return sum;
}
