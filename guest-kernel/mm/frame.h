/*
 * Frames: the physical memory of the machine in pieces of 4096 bytes, each described by one struct page.
 *
 * The allocator is a buddy system. Free memory is kept in blocks of 2^order frames, aligned to their size; a
 * block too large is split into two buddies, and a freed block whose buddy is free as well is joined with it
 * again. So external fragmentation heals itself, and finding the buddy is one exclusive or of the frame number.
 *
 * A frame in use has a reference count: every holder (a page-table entry, the page cache, a routine that looks
 * at the frame) owns one reference, and the last page_put() gives the frame back. The counts are exact: copy on
 * write decides by them, and the self-tests compare the number of free frames before and after.
 */
#ifndef KEPLER_MM_FRAME_H
#define KEPLER_MM_FRAME_H
#include "base/list.h"
#include "base/types.h"

#define PAGE_ORDER_MAX 11u /* the largest block: 2^11 frames = 8 MiB */

#define PAGE_ROUND_DOWN(x) ((x) & ~(uint64_t)PAGE_MASK)
#define PAGE_ROUND_UP(x)   (((x) + PAGE_MASK) & ~(uint64_t)PAGE_MASK)

/* How a caller wants its frame. */
enum page_want {
    PAGE_ZEROED = 1,  /* filled with zero bytes */
    PAGE_NOWAIT = 2,  /* return NULL rather than sleep until the pager has freed frames */
    PAGE_RESERVE = 4, /* may take the last frames of the free-frame pool (the pager itself, page tables on its way) */
    PAGE_USER = 8,    /* may be refused first, and may end in the out-of-memory kill */
};

/* What a frame holds; struct page.flags, changed with page_flag_set() and page_flag_clear() (atomic). */
enum page_flag {
    PG_LOCKED = 1 << 0,   /* its content is being read, written or replaced by one task; page_lock() */
    PG_UPTODATE = 1 << 1, /* the content is valid */
    PG_DIRTY = 1 << 2,    /* the content is newer than the file or the swap slot */
    PG_CACHE = 1 << 3,    /* in the page cache: mapping and index say which page of which file */
    PG_ANON = 1 << 4,     /* anonymous: family and index (page number of the virtual address) say where it is mapped */
    PG_SWAP = 1 << 5,     /* also in the swap cache: `slot` holds the same content unless PG_DIRTY */
    PG_RESIDENT = 1 << 6, /* known to the replacement policy */
    PG_FIXED = 1 << 7,    /* not from the allocator (the zero page, the kernel image): never counted, never freed */
    PG_FETCHED = 1 << 8,  /* no hart holds stale instructions of it */
    PG_ERROR = 1 << 9,    /* the last transfer failed */
    PG_SLAB = 1 << 10,    /* belongs to a slab */
    PG_BUDDY = 1 << 11,   /* head of a free block */
    PG_AHEAD = 1 << 12,   /* read ahead (prepaged) and not yet used */
    PG_TABLE = 1 << 13,   /* a page table */
    PG_WAITED = 1 << 14,  /* somebody waits for PG_LOCKED */
    PG_TOUCHED = 1 << 15, /* used by read() or write(): the reference bit of frames without a page-table entry */
};

struct mapping;
struct family;
struct slab;

struct page {
    struct list link; /* free list; slab list; or the replacement policy's queue */
    uint32_t refs;    /* holders; 0 when free */
    uint32_t maps;    /* page-table entries of users that point here */
    uint32_t flags;   /* enum page_flag */
    uint8_t order;    /* of the block of which this is the first frame */
    uint8_t history;  /* the replacement policy's reference-bit history */
    uint16_t inuse;   /* slab: objects handed out */
    union {
        struct mapping *mapping; /* PG_CACHE */
        struct family *family;   /* PG_ANON */
        struct slab *slab;       /* PG_SLAB */
    };
    uint64_t index; /* page number within the file, or virtual page number */
    union {
        uint64_t slot;   /* PG_SWAP: swap slot (see mm/swap.h) */
        void *free_list; /* PG_SLAB: first free object */
    };
};

struct frame_stats {
    uint64_t total;     /* frames under the allocator */
    uint64_t free;      /* on its free lists */
    uint64_t low, high; /* marks of the free-frame pool */
};

/* 2^order frames, physically contiguous and aligned; reference count 1. NULL: none (out of memory is an error
 * return, never a panic). May sleep unless PAGE_NOWAIT is given, a spinlock is held or interrupts are off. */
struct page *page_alloc(unsigned order, unsigned want);
void page_get(struct page *);
void page_put(struct page *); /* the last one frees */

void *page_va(const struct page *); /* address in the direct map */
paddr_t page_pa(const struct page *);
uint64_t page_number(const struct page *); /* physical frame number */
struct page *page_of(paddr_t);             /* NULL when the address is not RAM */
struct page *page_of_va(const void *);     /* for an address of the direct map */
unsigned page_refs(const struct page *);

void page_flag_set(struct page *, uint32_t flags);
void page_flag_clear(struct page *, uint32_t flags);
bool page_flag(const struct page *, uint32_t flags); /* any of them */

/* The page lock sleeps; who holds it alone changes PG_UPTODATE, the membership in a cache and the content's home. */
void page_lock(struct page *);
bool page_trylock(struct page *);
void page_unlock(struct page *);

struct frame_stats frame_stats(void);
uint64_t frame_free_blocks(unsigned order); /* free blocks of that order, for /proc/buddyinfo */

#endif
