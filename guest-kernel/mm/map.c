/*
 * mmap, munmap, mprotect and brk: changes to the set of areas. Nothing here touches a frame except by taking
 * entries out of page tables; what is mapped comes in by faults.
 *
 * Arguments are a user program's and may be anything. The order of the checks is Linux's, since programs see
 * which error comes first.
 */
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/process.h"
#include "mm/space_internal.h"

#define MAP_LOW 0x10000ul /* lowest address the kernel chooses, and that a program may ask for */

uint64_t prot_bits(int prot)
{
    uint64_t bits = 0;
    if (prot & (PROT_READ | PROT_WRITE)) bits |= PTE_R; /* W without R is reserved */
    if (prot & PROT_EXEC) bits |= PTE_X;
    return bits;
}

/* Takes [start, end) out of the space; areas are cut at the ends. mm->lock held. */
int mm_unmap_locked(struct mm *mm, uint64_t start, uint64_t end)
{
    struct area *a = area_at_or_after(&mm->areas, start);
    if (!a || a->start >= end) return 0;
    if (a->start < start) {
        int error = area_split(a, start);
        if (error) return error;
        a = area_next(a);
    }
    struct area *last = area_find(&mm->areas, end - 1);
    if (last && last->end > end) {
        int error = area_split(last, end);
        if (error) return error;
    }
    while (a && a->start < end) {
        struct area *next = area_next(a);
        uint64_t pages = (a->end - a->start) >> PAGE_SHIFT;
        mm->virtual_pages -= pages;
        if (a->flags & AREA_LOCKED) mm->locked_pages -= pages;
        area_remove(&mm->areas, a);
        mm_zap(mm, a->start, a->end);
        area_destroy(a);
        a = next;
    }
    return 0;
}

static bool range_is_user(uint64_t addr, uint64_t len) { return len <= USER_TOP && addr <= USER_TOP - len; }

int mm_unmap(struct mm *mm, uint64_t addr, uint64_t len)
{
    if (addr & PAGE_MASK || !range_is_user(addr, len)) return -EINVAL;
    len = PAGE_ROUND_UP(len);
    if (!len || !range_is_user(addr, len)) return -EINVAL;
    mutex_lock(&mm->lock);
    int error = mm_unmap_locked(mm, addr, addr + len);
    mutex_unlock(&mm->lock);
    return error;
}

/* Where a map of `len` bytes goes; -errno. */
static long choose_place(struct mm *mm, uint64_t addr, uint64_t len, int flags)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (addr & PAGE_MASK) return -EINVAL;
        if (!range_is_user(addr, len)) return -ENOMEM;
        if (addr < MAP_LOW) return -EPERM;
        if (flags & MAP_FIXED_NOREPLACE && !area_range_free(&mm->areas, addr, addr + len)) return -EEXIST;
        return (long)addr;
    }
    addr = PAGE_ROUND_UP(addr);
    if (addr >= MAP_LOW && range_is_user(addr, len) && area_range_free(&mm->areas, addr, addr + len)) return (long)addr;
    uint64_t at = area_find_hole(&mm->areas, len, MAP_LOW, MAP_TOP);
    return at ? (long)at : -ENOMEM;
}

static int check_limits(struct mm *mm, uint64_t pages, int prot, int flags)
{
    if (mm->areas.count >= AREAS_MAX) return -ENOMEM;
    if (!current->process) return 0;
    uint64_t limit = process_limit(RLIMIT_AS);
    if (limit != RLIM_INFINITY && mm->virtual_pages + pages > limit >> PAGE_SHIFT) return -ENOMEM;
    (void)prot;
    if (flags & MAP_LOCKED || mm->lock_future) {
        limit = process_limit(RLIMIT_MEMLOCK);
        if (limit != RLIM_INFINITY && !cred_is_root() && mm->locked_pages + pages > limit >> PAGE_SHIFT) return -EAGAIN;
    }
    return 0;
}

/* More than all memory and swap at once is refused unless the program says that it does not mean it. */
static bool overcommits(uint64_t pages, int prot, int flags)
{
    if (flags & MAP_NORESERVE || !(prot & PROT_WRITE) || (flags & MAP_TYPE) == MAP_SHARED) return false;
    struct mem_stats s;
    mem_stats(&s);
    return pages > s.total + s.swap_total;
}

struct origin {
    struct mapping *mapping;
    struct file *file;
    struct memobj *object;
    uint64_t offset; /* pages */
};

static long place_area(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, unsigned area_flags,
                       const struct origin *o)
{
    int error = check_limits(mm, len >> PAGE_SHIFT, prot, flags);
    if (error) return error;
    long at = choose_place(mm, addr, len, flags);
    if (at < 0) return at;
    uint64_t start = (uint64_t)at;
    struct area *a = area_create(mm, start, start + len, prot, area_flags);
    if (!a) return -ENOMEM;
    error = mm_unmap_locked(mm, start, start + len);
    if (error) {
        area_destroy(a);
        return error;
    }
    if (o->mapping) area_attach(a, o->mapping, o->file, o->object, o->offset);
    if (mm->lock_future || flags & MAP_LOCKED) a->flags |= AREA_LOCKED;
    if (a->flags & AREA_LOCKED) mm->locked_pages += len >> PAGE_SHIFT;
    if (a->flags & AREA_GROWS) a->limit = current->process ? process_limit(RLIMIT_STACK) : 8ul << 20;
    mm->virtual_pages += len >> PAGE_SHIFT;
    area_add(&mm->areas, a);
    area_join_neighbours(a);
    return at;
}

static long map_origin(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, unsigned area_flags,
                       const struct origin *o)
{
    mutex_lock(&mm->lock);
    long at = place_area(mm, addr, len, prot, flags, area_flags, o);
    bool locked = mm->lock_future || flags & MAP_LOCKED;
    mutex_unlock(&mm->lock);
    if (at >= 0 && (locked || (flags & MAP_POPULATE && !(flags & MAP_NONBLOCK))))
        mm_populate(mm, (uint64_t)at, (uint64_t)at + len);
    return at;
}

long mm_map(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, struct file *file, uint64_t offset)
{
    int type = flags & MAP_TYPE;
    if (!len || offset & PAGE_MASK) return -EINVAL;
    if (len > USER_TOP || PAGE_ROUND_UP(len) > USER_TOP) return -ENOMEM;
    len = PAGE_ROUND_UP(len);
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) return -EINVAL;
    if (offset + len < offset || offset + len > INT64_MAX) return -EOVERFLOW;
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    unsigned area_flags = type == MAP_PRIVATE ? AREA_MAY_WRITE : AREA_SHARED;
    if (flags & MAP_NORESERVE) area_flags |= AREA_NO_RESERVE;
    struct origin o = {.offset = offset >> PAGE_SHIFT};
    if (flags & MAP_ANONYMOUS) {
        if (type == MAP_SHARED_VALIDATE) return -EINVAL;
        if (overcommits(len >> PAGE_SHIFT, prot, flags)) return -ENOMEM;
        if (flags & MAP_GROWSDOWN && type == MAP_PRIVATE) area_flags |= AREA_GROWS;
        area_flags |= AREA_MAY_WRITE;
        if (type == MAP_PRIVATE) return map_origin(mm, addr, len, prot, flags, area_flags, &o);
        if (!(o.object = memobj_create(len))) return -ENOMEM;
        o.mapping = &o.object->mapping;
        o.offset = 0;
        long at = map_origin(mm, addr, len, prot, flags, area_flags, &o);
        memobj_put(o.object);
        return at;
    }
    if (!file) return -EBADF;
    if (type == MAP_SHARED_VALIDATE && flags & ~MAP_KNOWN) return -EOPNOTSUPP;
    int error = file_map(file, prot, flags, &o.mapping);
    if (error) return error;
    if (type != MAP_PRIVATE && file_writable(file)) area_flags |= AREA_MAY_WRITE;
    if (o.mapping) {
        o.file = file;
        return map_origin(mm, addr, len, prot, flags, area_flags, &o);
    }
    return mm_map(mm, addr, len, prot, flags | MAP_ANONYMOUS, NULL, 0); /* zero pages, as of /dev/zero */
}

/* For SysV segments: as mm_map() of the object; flags: MAP_FIXED, MAP_FIXED_NOREPLACE. */
long mm_map_object(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, bool writable,
                   struct memobj *object)
{
    struct origin o = {.mapping = &object->mapping, .object = object};
    unsigned area_flags = AREA_SHARED | (writable ? AREA_MAY_WRITE : 0);
    return map_origin(mm, addr, PAGE_ROUND_UP(len), prot, flags, area_flags, &o);
}

int mm_unmap_object(struct mm *mm, uint64_t addr)
{
    mutex_lock(&mm->lock);
    struct area *a = area_find(&mm->areas, addr);
    struct memobj *object = a && a->start == addr && !a->offset ? a->object : NULL;
    int error = object && object->shmid >= 0 ? 0 : -EINVAL;
    /* mprotect may have cut the map into several areas: all that lie where this attachment put them. */
    while (!error && a) {
        struct area *next = area_next(a);
        if (a->object == object && a->start - (a->offset << PAGE_SHIFT) == addr)
            error = mm_unmap_locked(mm, a->start, a->end);
        a = next;
    }
    mutex_unlock(&mm->lock);
    return error;
}

int mm_map_stack(struct mm *mm, uint64_t top, uint64_t initial, uint64_t limit)
{
    initial = PAGE_ROUND_UP(initial);
    if (top & PAGE_MASK || top > USER_TOP || initial > top) return -ENOMEM;
    struct area *a =
        area_create(mm, top - initial, top, PROT_READ | PROT_WRITE, AREA_GROWS | AREA_STACK | AREA_MAY_WRITE);
    if (!a) return -ENOMEM;
    a->limit = limit;
    mutex_lock(&mm->lock);
    bool room = area_range_free(&mm->areas, a->start, top);
    if (room) {
        area_add(&mm->areas, a);
        mm->virtual_pages += initial >> PAGE_SHIFT;
    }
    mutex_unlock(&mm->lock);
    if (!room) area_destroy(a);
    return room ? 0 : -ENOMEM;
}

/* --- mprotect */

/* New rights for the entries of an area that are there already. Writing is never given here: the next write
 * faults, so that copy on write and the marking of dirty pages are in one place. */
static void protect_entries(struct mm *mm, uint64_t start, uint64_t end, int prot)
{
    uint64_t bits = prot_bits(prot);
    spin_lock(&mm->table_lock);
    for (uint64_t va = start; (va = pt_next(mm->root, va, end)) < end; va += PAGE_SIZE) {
        pte_t *at = pt_find(mm->root, va);
        if (!pte_present(*at)) continue;
        if (bits & PTE_X) page_make_fetchable(page_of(pte_pa(*at)));
        /* No right at all: X without U lets neither the program nor a copy routine in, and is still a leaf. */
        atomic_and(at, ~(PTE_R | PTE_W | PTE_X | PTE_U));
        atomic_or(at, bits ? bits | PTE_U : PTE_X);
    }
    tlb_flush(mm, start, end);
    spin_unlock(&mm->table_lock);
}

static int protect_area(struct area *a, uint64_t start, uint64_t end, int prot, struct area **done)
{
    *done = a;
    if (prot & PROT_WRITE && !(a->flags & AREA_MAY_WRITE)) return -EACCES;
    if (a->prot == prot) return 0;
    if (a->start < start) {
        int error = area_split(a, start);
        if (error) return error;
        a = area_next(a);
    }
    if (a->end > end) {
        int error = area_split(a, end);
        if (error) return error;
    }
    a->prot = prot;
    protect_entries(a->mm, a->start, a->end, prot);
    area_join_neighbours(a);
    *done = a;
    return 0;
}

int mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot)
{
    bool grows_down = prot & PROT_GROWSDOWN;
    if (addr & PAGE_MASK || (grows_down && prot & PROT_GROWSUP)) return -EINVAL;
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
    if (!len) return 0;
    if (!range_is_user(addr, len) || !range_is_user(addr, PAGE_ROUND_UP(len))) return -ENOMEM;
    uint64_t end = addr + PAGE_ROUND_UP(len);
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    mutex_lock(&mm->lock);
    struct area *a = area_find(&mm->areas, addr);
    int error = a ? 0 : -ENOMEM;
    if (a && grows_down) {
        if (a->flags & AREA_GROWS)
            addr = a->start;
        else
            error = -EINVAL;
    }
    while (!error && addr < end) {
        a = area_find(&mm->areas, addr);
        if (!a) {
            error = -ENOMEM; /* a hole; what came before it is changed, as on Linux */
            break;
        }
        uint64_t stop = MIN(end, a->end);
        error = protect_area(a, addr, stop, prot, &a);
        addr = stop;
    }
    mutex_unlock(&mm->lock);
    return error;
}

/* --- brk */

void mm_set_brk(struct mm *mm, uint64_t start) { mm->brk_start = mm->brk = PAGE_ROUND_UP(start); }

long mm_brk(struct mm *mm, uint64_t addr)
{
    mutex_lock(&mm->lock);
    uint64_t old_end = PAGE_ROUND_UP(mm->brk), new_end = PAGE_ROUND_UP(addr);
    uint64_t limit = current->process ? process_limit(RLIMIT_DATA) : RLIM_INFINITY;
    bool ok = addr >= mm->brk_start && addr < MAP_TOP && (limit == RLIM_INFINITY || addr - mm->brk_start <= limit);
    if (ok && new_end < old_end) {
        ok = mm_unmap_locked(mm, new_end, old_end) == 0;
    } else if (ok && new_end > old_end) {
        struct origin none = {.offset = old_end >> PAGE_SHIFT};
        uint64_t len = new_end - old_end;
        /* A page stays free between the heap and what follows. */
        ok = area_range_free(&mm->areas, old_end, new_end + PAGE_SIZE) &&
             !overcommits(len >> PAGE_SHIFT, PROT_WRITE, MAP_PRIVATE) &&
             place_area(mm, old_end, len, PROT_READ | PROT_WRITE, MAP_FIXED, AREA_HEAP | AREA_MAY_WRITE, &none) >= 0;
    }
    if (ok) mm->brk = addr;
    bool populate = ok && mm->lock_future && new_end > old_end;
    long result = (long)mm->brk;
    mutex_unlock(&mm->lock);
    if (populate) mm_populate(mm, old_end, new_end);
    return result;
}
