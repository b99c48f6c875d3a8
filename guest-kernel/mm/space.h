/*
 * Address spaces. What a process may touch is a set of areas: ranges of pages with one protection and one origin
 * (nothing, i.e. zero pages; or a file). Areas are a promise; frames come when a page is first touched (demand
 * paging), in mm_fault(). A fork copies the areas and shares the frames, write-protected, until one side writes
 * (copy on write).
 *
 * All lengths and offsets are bytes; addresses need to be page-aligned only where Linux wants it. Errors are
 * negative errno values.
 */
#ifndef KEPLER_MM_SPACE_H
#define KEPLER_MM_SPACE_H
#include "base/types.h"

struct file;
struct mm;
struct page;
struct task;

enum mm_access { MM_READ = 1, MM_WRITE = 2, MM_EXEC = 4 };

/* As in the Linux system-call interface. */
enum {
    PROT_NONE = 0,
    PROT_READ = 1,
    PROT_WRITE = 2,
    PROT_EXEC = 4,
    PROT_GROWSDOWN = 0x01000000,
    PROT_GROWSUP = 0x02000000,
    MAP_SHARED = 1,
    MAP_PRIVATE = 2,
    MAP_SHARED_VALIDATE = 3,
    MAP_TYPE = 0xf,
    MAP_FIXED = 0x10,
    MAP_ANONYMOUS = 0x20,
    MAP_GROWSDOWN = 0x100,
    MAP_DENYWRITE = 0x800,
    MAP_EXECUTABLE = 0x1000,
    MAP_LOCKED = 0x2000,
    MAP_NORESERVE = 0x4000,
    MAP_POPULATE = 0x8000,
    MAP_NONBLOCK = 0x10000,
    MAP_STACK = 0x20000,
    MAP_FIXED_NOREPLACE = 0x100000,
    /* what MAP_SHARED_VALIDATE lets pass; large pages and synchronous faults are not there */
    MAP_KNOWN = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |
                MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE,
};

struct mm *mm_create(void);      /* empty; one reference; NULL: out of memory */
struct mm *mm_fork(struct mm *); /* copy on write; NULL: out of memory */
void mm_get(struct mm *);
void mm_put(struct mm *);    /* the last one frees everything; may sleep */
void mm_switch(struct mm *); /* this hart now translates by this space; NULL: kernel mappings only. Interrupts off. */

long mm_map(struct mm *, uint64_t addr, uint64_t len, int prot, int flags, struct file *,
            uint64_t offset); /* the address */
int mm_unmap(struct mm *, uint64_t addr, uint64_t len);
int mm_protect(struct mm *, uint64_t addr, uint64_t len, int prot);
long mm_remap(struct mm *, uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new_addr);
long mm_brk(struct mm *, uint64_t addr);      /* the break in force afterwards (Linux: never an error) */
void mm_set_brk(struct mm *, uint64_t start); /* exec: where the heap begins */
int mm_advise(struct mm *, uint64_t addr, uint64_t len, int advice);
int mm_sync(struct mm *, uint64_t addr, uint64_t len, int flags);
int mm_incore(struct mm *, uint64_t addr, uint64_t len, uint64_t user_vector);
int mm_lock_range(struct mm *, uint64_t addr, uint64_t len, bool lock);
int mm_lock_all(struct mm *, int flags);

/* exec: an area of `limit` bytes at most below `top` that grows down on demand, `initial` bytes of it at once.
 * Returns 0 or -ENOMEM. */
int mm_map_stack(struct mm *, uint64_t top, uint64_t initial, uint64_t limit);

/* A page fault of a user access. 0: repeat the access. -EFAULT: SIGSEGV (see *code: SEGV_MAPERR 1, SEGV_ACCERR
 * 2, may be NULL); -EIO, -ENXIO: SIGBUS; -ENOMEM: the task is being killed. Sleeps while the disk works;
 * interrupts on, no spinlock held. */
int mm_fault(struct mm *, uint64_t addr, enum mm_access, int *code);

/* Another process's memory (ptrace, /proc/pid/mem, core of exec before the switch): copies through the kernel's
 * own map. Returns the bytes copied, which may be fewer than n, or -EFAULT for none. */
long mm_read(struct mm *, uint64_t addr, void *to, size_t n);
long mm_write(struct mm *, uint64_t addr, const void *from, size_t n);

/* The identity of a futex word: equal for all who share it. `shared` false: private to mm. 0, -EFAULT, -EINVAL
 * (unaligned). */
struct mm_key {
    uint64_t object, offset;
};
int mm_futex_key(struct mm *, uint64_t addr, bool shared, struct mm_key *);

/* Figures for /proc. Frames of 4 KiB. */
struct mm_stats {
    uint64_t virtual_pages, rss_anon, rss_file, swapped;
    uint64_t shared; /* resident frames that someone else maps as well */
    uint64_t cow;    /* resident frames to be copied at the next write */
    uint64_t tables, locked, data, stack, text;
    uint64_t faults_minor, faults_major;
    uint64_t brk_start, brk;
};
void mm_stats(struct mm *, struct mm_stats *);
/* For /proc/pid/maps and /proc/pid/smaps: area by area in rising order. The file is valid during the call only;
 * do not sleep on it. */
struct mm_area_info {
    uint64_t start, end, offset, rss_pages, swapped_pages, anon_pages;
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty; /* the resident ones: mapped by others too? */
    uint64_t share_bytes; /* of each frame its part, if those who map it share it evenly ("Pss") */
    int prot;
    bool shared, stack, heap, locked;
    struct file *file; /* NULL: anonymous */
    const char *name;  // "[heap]", "[stack]", "/SYSV…"; NULL
};
void mm_each_area(struct mm *, void (*f)(void *arg, const struct mm_area_info *), void *arg);

struct mem_stats { /* for /proc/meminfo, in frames */
    uint64_t total, free, available, cached, dirty, writeback, anon, mapped, shmem, slab, stacks, tables;
    uint64_t swap_total, swap_free, swap_cached;
    uint64_t reclaimed, swapped_in, swapped_out, faults, faults_major, cow_copies, prepaged, cleaned, oom_kills;
};
void mem_stats(struct mem_stats *);

void mm_hart_start(void); /* on each hart before its first mm_switch() */

#endif
