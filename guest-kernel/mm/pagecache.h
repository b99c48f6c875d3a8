/*
 * The page cache: file contents in frames, shared by read(), write() and mmap(). One struct mapping for each
 * inode (or block device, or shared-memory object) with cached data: a tree from page number to frame.
 *
 * Rules for an owner (fs/):
 *  * read_page and write_page are called with the frame locked, no other lock of mm held, and may sleep. They must not take a lock that is
 *    held while copying from or to user memory, because such a copy may fault on this very file.
 *  * the cache holds no reference to the owner. Before it goes away, pagecache_destroy() drops every frame (flush first what must stay).
 *  * the size limits what is read and mapped: pages wholly past it give -ENXIO to a fault (SIGBUS). Change it with pagecache_truncate() /
 *    pagecache_set_size().
 */
#ifndef KEPLER_MM_PAGECACHE_H
#define KEPLER_MM_PAGECACHE_H
#include "base/list.h"
#include "base/radix.h"
#include "base/types.h"
#include "kern/lock.h"
#include "mm/frame.h"

struct mapping;

struct mapping_ops {
    /* Fill the frame with page `index` of the object (zeros past the end). 0 or -errno. NULL: the page is zero
     * (memory objects). */
    int (*read_page)(struct mapping *, uint64_t index, struct page *);
    /* Optional: as many of the n consecutive pages from `index` in one go; every frame is locked. 0 or -errno
     * for all. */
    int (*read_pages)(struct mapping *, uint64_t index, struct page **, unsigned n);
    /* Write the frame to its place; allocate blocks when there are none. NULL: nothing to write to (memory
     * objects use swap). */
    int (*write_page)(struct mapping *, uint64_t index, struct page *);
    /* Optional: n consecutive dirty pages. */
    int (*write_pages)(struct mapping *, uint64_t index, struct page **, unsigned n);
    /* Optional: a page is about to become dirty for the first time through a shared map (reserve blocks). 0,
     * -ENOSPC, … */
    int (*make_writable)(struct mapping *, uint64_t index);
    /* The flusher wants to use the mapping outside any lock: keep its owner alive (false: it is going away), and
     * let it go again. */
    bool (*hold)(struct mapping *);
    void (*release)(struct mapping *);
};

struct mapping {
    const struct mapping_ops *ops;
    void *owner;          /* the inode */
    struct spinlock lock; /* everything below */
    struct radix pages; /* page number → struct page *, or a swap slot (odd value, memory objects only); mark: dirty */
    struct list areas;  /* struct area.mapping_link: who maps it */
    uint64_t size;      /* bytes */
    uint64_t resident;  /* frames in the tree */
    uint64_t dirty;     /* of these dirty */
    uint64_t writing;   /* of these on their way to the disk, neither dirty nor written */
    uint64_t dirty_since_ns; /* when the oldest became dirty */
    struct list dirty_link;  /* list of all mappings with dirty frames */
    int error;               /* of a write-back nobody waited for; pagecache_error() takes it */
    bool memory;             /* no backing file: swap is its backing store */
};

void mapping_init(struct mapping *, const struct mapping_ops *, void *owner, uint64_t size);
void mapping_init_memory(struct mapping *, void *owner,
                         uint64_t size); /* tmpfs, shared anonymous memory, SysV segments */

/* The frame of page `index`, up to date, with a reference for the caller (page_put()). 0; -EIO …; -ENOMEM. Reads
 * ahead (prepaging) along sequential use. Pages past the size are made as well: the caller checks the size. */
int pagecache_get(struct mapping *, uint64_t index, struct page **);
/* The same for a page that will be overwritten whole or lies past the end of the file: nothing is read, a new
 * frame is zero. */
int pagecache_get_new(struct mapping *, uint64_t index, struct page **);
struct page *pagecache_find(struct mapping *,
                            uint64_t index);           /* only if it is there and up to date; referenced; else NULL */
void pagecache_dirty(struct mapping *, struct page *); /* after writing into the frame */
/* Start reading [index, index + count), do not wait for more than memory. For readahead(), fadvise(WILLNEED),
 * madvise(WILLNEED). */
void pagecache_ahead(struct mapping *, uint64_t index, uint64_t count);

/* read() and write() of cached objects, from or to the user's memory (user = true) or the kernel's; they return
 * bytes or -errno (only when nothing was transferred). pagecache_read stops at the size. pagecache_write extends
 * the size as it goes; the caller has checked limits and owns the inode's write lock. Both sleep. */
long pagecache_read(struct mapping *, uint64_t offset, uint64_t buffer, size_t n, bool user);
long pagecache_write(struct mapping *, uint64_t offset, uint64_t buffer, size_t n, bool user);

/* Write back the dirty frames of bytes [from, to), wait for them and for those that somebody else is writing; 0 or -errno. */
int pagecache_flush(struct mapping *, uint64_t from, uint64_t to);
int pagecache_flush_all(void);         /* sync(): every mapping */
int pagecache_error(struct mapping *); /* 0 or the error kept from an earlier write-back, once */
/* Drops clean, unmapped frames of [from, to) bytes (posix_fadvise DONTNEED, O_DIRECT coherence). The number
 * dropped. */
uint64_t pagecache_drop(struct mapping *, uint64_t from, uint64_t to);
/* New size. Smaller: whole pages past it leave the cache and every address space, the rest of the last page
 * becomes zero (and dirty). */
void pagecache_truncate(struct mapping *, uint64_t size);
void pagecache_punch(struct mapping *, uint64_t from,
                     uint64_t to);        /* the bytes [from, to) read as zero: FALLOC_FL_PUNCH_HOLE */
void pagecache_destroy(struct mapping *); /* every frame goes, dirty or not; nobody maps it any more */
/* Switches of /proc/policy: periodic flush (else dirty frames stay until somebody asks or too many are dirty); write-through (a write
 * goes to the disk before it returns; else write-back). */
extern bool pagecache_periodic, pagecache_write_through;
void pagecache_throttle(void); /* a writer of file data waits here while too many frames are dirty; holds no lock */

struct pagecache_stats {
    uint64_t frames, dirty, hits, misses, read_ahead, written;
};
struct pagecache_stats pagecache_stats(void);

#endif
