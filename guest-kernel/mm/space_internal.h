/*
 * What the files of mm/ know of an address space. Locks, in their order:
 *
 *   mm->lock (mutex)     the areas, the break; held over a fault except while the disk works
 *   mapping->lock        the frames of one file, and which areas map it (areas' bounds change under it, too)
 *   family->lock         the address spaces that may share anonymous frames
 *   mm->table_lock       the page table of one space, its counts of resident frames
 *
 * Families. A fork leaves parent and child with the same anonymous frames at the same addresses, and their
 * children likewise: all these spaces are one family, and an anonymous frame needs to remember only its family
 * and its virtual page number for the pager to find every page-table entry that points to it. exec starts a new
 * family. A frame that mremap() moves is made private first.
 */
#ifndef KEPLER_MM_SPACE_INTERNAL_H
#define KEPLER_MM_SPACE_INTERNAL_H
#include "base/atomic.h"
#include "kern/lock.h"
#include "mm/area.h"
#include "mm/pagecache.h"
#include "mm/pagetable.h"
#include "mm/space.h"

struct family {
    struct refcount refs; /* members and anonymous frames */
    struct spinlock lock;
    struct list members; /* mm.family_link */
};

struct mm {
    struct refcount refs;
    struct mutex lock;
    struct area_tree areas;
    uint64_t brk_start, brk;
    uint64_t virtual_pages, locked_pages;
    bool lock_future; /* mlockall(MCL_FUTURE) */

    struct spinlock table_lock;
    pte_t *root;
    uint64_t rss_anon, rss_file, swapped; /* frames; slots */

    struct family *family;
    struct list family_link;
    struct list all_link; /* in the list of all spaces */

    uint64_t asid;   /* generation and number; see tlb.c */
    uint32_t active; /* harts that translate by it now */
    uint32_t stale;  /* harts that must forget its translations before they use it again */
    uint64_t faults_minor, faults_major;
};

#define AREAS_MAX 65530u                   /* per space, as Linux */
#define MAP_TOP   (USER_TOP - (1ul << 30)) /* areas chosen by the kernel lie below; the stack above */

static inline bool area_is_private(const struct area *a) { return !(a->flags & AREA_SHARED); }
static inline uint64_t area_index(const struct area *a, uint64_t va)
{
    return a->offset + ((va - a->start) >> PAGE_SHIFT);
}

/* Shared memory without a file: shared anonymous maps, SysV segments. */
struct memobj {
    struct refcount refs;
    struct mapping mapping;
    int shmid; /* SysV; -1 */
};
struct memobj *memobj_create(uint64_t bytes); /* NULL: out of memory */
void memobj_get(struct memobj *);
void memobj_put(struct memobj *);

/* What a change to page tables leaves to be done without locks: frames and slots to be let go. Fill it under
 * table_lock; before it is full, tlb_flush the range, drop the lock, release. */
#define RELEASE_MAX 64
struct release {
    unsigned pages, slots;
    struct page *page[RELEASE_MAX];
    uint64_t slot[RELEASE_MAX];
};
static inline bool release_full(const struct release *r) { return r->pages == RELEASE_MAX || r->slots == RELEASE_MAX; }
void release_all(struct release *);

/* tlb.c. Addresses page-aligned; the caller has changed the entries and holds table_lock or has otherwise
 * excluded new ones. */
void tlb_flush(struct mm *, uint64_t start, uint64_t end);
void tlb_flush_all(struct mm *);
void tlb_flush_later(struct mm *); /* each hart when it next switches to it: where the old entry does no harm */
void tlb_forget(struct mm *);      /* before its tables are freed */

/* area bookkeeping (space.c): the object's list of areas and the references. */
struct area *area_create(struct mm *, uint64_t start, uint64_t end, int prot, unsigned flags);
void area_attach(struct area *, struct mapping *, struct file *, struct memobj *,
                 uint64_t offset); /* takes references */
void area_destroy(struct area *);
int area_split(struct area *, uint64_t at); /* [start, at) stays, [at, end) becomes the next one; 0 or -ENOMEM */
void area_join_neighbours(struct area *);   /* may free the neighbours, never the area */
void area_set_bounds(struct area *, uint64_t start, uint64_t end, uint64_t offset);

/* advise.c: may the current process have so many more pages that stay in memory? */
bool mm_may_lock(const struct mm *, uint64_t pages);

/* zap.c: takes the pages of [start, end) out of the table; area bounds do not matter to it. */
void mm_zap(struct mm *, uint64_t start, uint64_t end);
void mm_write_protect(struct mm *, uint64_t start, uint64_t end);

int mm_unmap_locked(struct mm *, uint64_t start, uint64_t end); /* mm->lock held */
long mm_map_object(struct mm *, uint64_t addr, uint64_t len, int prot, int flags, bool writable, struct memobj *);
/* shmdt: the attachment that begins at addr. 0 or -EINVAL. */
int mm_unmap_object(struct mm *, uint64_t addr);
void shm_detached(struct memobj *); /* ipc/shm.c: an area of a SysV segment has gone */
extern bool mm_prepage, mm_clean;   /* switches of /proc/policy */

/* R and X of a protection as entry bits; W is given page by page. */
uint64_t prot_bits(int prot);

/* rmap.c: every user's page-table entry that points to a frame. The frame is locked. */
bool rmap_referenced(struct page *);    /* and clears the reference bits; mlocked frames always are */
void rmap_write_protect(struct page *); /* the next write faults */
/* True: no entry is left. Anonymous frames need a slot. Collects dirty bits into PG_DIRTY. m: the frame's
 * mapping, NULL: anonymous; force: mlocked entries as well. */
bool rmap_unmap(struct page *, struct mapping *m, bool force);
void family_put(struct family *);

/* fault.c */
int mm_populate(struct mm *, uint64_t start,
                uint64_t end); /* touches every page that can be touched; 0 or the first error */
/* The frame behind an address with a reference, faulted in for that access. 0 or as mm_fault(). */
int mm_pin(struct mm *, uint64_t addr, enum mm_access, struct page **);
/* mm->lock held: the anonymous frame at va becomes this space's alone. 0 (look again) or -ENOMEM. */
int mm_own_page(struct mm *, uint64_t va);
void page_make_fetchable(struct page *); /* before it is mapped executable */

/* Counts of events, for mem_stats(). */
struct mm_events {
    uint64_t reclaimed, swapped_in, swapped_out, faults, faults_major, cow_copies, prepaged, cleaned, oom_kills,
        pager_steps;
};
extern struct mm_events mm_events;
#define COUNT(event)         __atomic_fetch_add(&mm_events.event, 1, __ATOMIC_RELAXED)
#define COUNT_MANY(event, n) __atomic_fetch_add(&mm_events.event, n, __ATOMIC_RELAXED)
extern struct list mm_list; /* all address spaces; under mm_list_lock */
extern struct spinlock mm_list_lock;
extern struct page *zero_page; /* shared by all untouched anonymous pages */

#endif
