/* Figures about memory, for /proc: of the whole machine, of one space, and its areas one by one. */
#include "arch/kmap.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "mm/pagecache_internal.h"
#include "mm/slab.h"
#include "mm/space_internal.h"
#include "mm/swap.h"

void mem_stats(struct mem_stats *s)
{
    struct frame_stats f = frame_stats();
    struct swap_stats swap = swap_stats();
    *s = (struct mem_stats){
        .total = f.total,
        .free = f.free,
        .cached = atomic_load(&cache_counts.frames),
        .dirty = atomic_load(&cache_counts.dirty),
        .shmem = atomic_load(&cache_counts.memory_frames),
        .slab = slab_frames(),
        .stacks = kstack_frames(),
        .tables = pt_tables(),
        .swap_total = swap.slots,
        .swap_free = swap.free,
        .swap_cached = swap.cached,
        .reclaimed = mm_events.reclaimed,
        .swapped_in = mm_events.swapped_in,
        .swapped_out = mm_events.swapped_out,
        .faults = mm_events.faults,
        .faults_major = mm_events.faults_major,
        .cow_copies = mm_events.cow_copies,
        .prepaged = mm_events.prepaged,
        .cleaned = mm_events.cleaned,
        .oom_kills = mm_events.oom_kills,
    };
    uint64_t file_pages = s->cached - s->shmem - s->dirty;
    s->available = s->free + (s->cached > s->shmem + s->dirty ? file_pages : 0);
    struct mm *mm;
    spin_lock(&mm_list_lock);
    list_for_each(mm, &mm_list, all_link)
    {
        s->anon += mm->rss_anon; /* frames shared by copy on write count for each */
        s->mapped += mm->rss_file;
    }
    spin_unlock(&mm_list_lock);
}

/* Counts the resident frames of a range that others map as well, and those that the next write copies. */
static void count_shared(struct mm *mm, const struct area *a, struct mm_stats *s)
{
    spin_lock(&mm->table_lock);
    for (uint64_t va = a->start; (va = pt_next(mm->root, va, a->end)) < a->end; va += PAGE_SIZE) {
        pte_t e = *pt_find(mm->root, va);
        struct page *p = pte_present(e) ? page_of(pte_pa(e)) : NULL;
        if (!p || p == zero_page) continue;
        bool shared = atomic_load(&p->maps) > 1;
        s->shared += shared;
        if (area_is_private(a) && !(e & PTE_W) && a->prot & PROT_WRITE && (shared || !page_flag(p, PG_ANON))) s->cow++;
    }
    spin_unlock(&mm->table_lock);
}

static void count_tables(struct mm *mm, struct mm_stats *s)
{
    s->tables = 1;
    for (unsigned i = 0; i < PTES_PER_TABLE / 2; i++) {
        if (!pte_present(mm->root[i])) continue;
        const pte_t *middle = pa_to_va(pte_pa(mm->root[i]));
        s->tables++;
        for (unsigned k = 0; k < PTES_PER_TABLE; k++) s->tables += pte_present(middle[k]);
    }
}

void mm_stats(struct mm *mm, struct mm_stats *s)
{
    mutex_lock(&mm->lock);
    *s = (struct mm_stats){
        .virtual_pages = mm->virtual_pages,
        .rss_anon = mm->rss_anon,
        .rss_file = mm->rss_file,
        .swapped = mm->swapped,
        .locked = mm->locked_pages,
        .faults_minor = mm->faults_minor,
        .faults_major = mm->faults_major,
        .brk_start = mm->brk_start,
        .brk = mm->brk,
    };
    for (struct rb_node *n = rb_first(&mm->areas.tree); n; n = rb_next(n)) {
        struct area *a = rb_entry(n, struct area, node);
        uint64_t pages = (a->end - a->start) >> PAGE_SHIFT;
        if (a->flags & (AREA_STACK | AREA_GROWS))
            s->stack += pages;
        else if (a->prot & PROT_EXEC)
            s->text += pages;
        else if (area_is_private(a) && a->prot & PROT_WRITE)
            s->data += pages;
        count_shared(mm, a, s);
    }
    spin_lock(&mm->table_lock);
    count_tables(mm, s);
    spin_unlock(&mm->table_lock);
    mutex_unlock(&mm->lock);
}

static void count_resident(struct mm *mm, const struct area *a, struct mm_area_info *info)
{
    spin_lock(&mm->table_lock);
    for (uint64_t va = a->start; (va = pt_next(mm->root, va, a->end)) < a->end; va += PAGE_SIZE) {
        pte_t e = *pt_find(mm->root, va);
        if (pte_is_swap(e)) info->swapped_pages++;
        struct page *p = pte_present(e) ? page_of(pte_pa(e)) : NULL;
        if (!p || p == zero_page) continue;
        unsigned maps = MAX(atomic_load(&p->maps), 1u);
        bool dirty = e & PTE_D || page_flag(p, PG_DIRTY);
        info->rss_pages++;
        info->share_bytes += PAGE_SIZE / maps;
        info->anon_pages += page_flag(p, PG_ANON);
        info->shared_clean += maps > 1 && !dirty;
        info->shared_dirty += maps > 1 && dirty;
        info->private_clean += maps == 1 && !dirty;
        info->private_dirty += maps == 1 && dirty;
    }
    spin_unlock(&mm->table_lock);
}

void mm_each_area(struct mm *mm, void (*f)(void *arg, const struct mm_area_info *), void *arg)
{
    mutex_lock(&mm->lock);
    for (struct rb_node *n = rb_first(&mm->areas.tree); n; n = rb_next(n)) {
        struct area *a = rb_entry(n, struct area, node);
        struct mm_area_info info = {
            .start = a->start,
            .end = a->end,
            .prot = a->prot,
            .shared = a->flags & AREA_SHARED,
            .file = a->file,
            .offset = a->mapping ? a->offset << PAGE_SHIFT : 0,
            .stack = a->flags & AREA_STACK,
            .heap = a->flags & AREA_HEAP,
            .locked = a->flags & AREA_LOCKED,
        };
        if (info.stack) info.name = "[stack]";
        if (info.heap) info.name = "[heap]";
        if (a->object) info.name = a->object->shmid >= 0 ? "/SYSV" : "/dev/zero (deleted)";
        count_resident(mm, a, &info);
        f(arg, &info);
    }
    mutex_unlock(&mm->lock);
}

static long transfer(struct mm *mm, uint64_t addr, char *kernel, size_t n, bool write)
{
    size_t done = 0;
    while (done < n) {
        struct page *p;
        int error = mm_pin(mm, addr + done, write ? MM_WRITE : MM_READ, &p);
        if (error) return done ? (long)done : error == -ENOMEM ? -ENOMEM : -EFAULT;
        size_t at = (addr + done) & PAGE_MASK, part = MIN(n - done, PAGE_SIZE - at);
        char *user = (char *)page_va(p) + at;
        memcpy(write ? user : kernel + done, write ? kernel + done : user, part);
        if (write) page_flag_clear(p, PG_FETCHED);
        page_put(p);
        done += part;
    }
    return (long)done;
}

long mm_read(struct mm *mm, uint64_t addr, void *to, size_t n) { return transfer(mm, addr, to, n, false); }
long mm_write(struct mm *mm, uint64_t addr, const void *from, size_t n)
{
    return transfer(mm, addr, (char *)from, n, true);
}

int mm_futex_key(struct mm *mm, uint64_t addr, bool shared, struct mm_key *key)
{
    if (addr & 3) return -EINVAL;
    if (addr >= USER_TOP) return -EFAULT;
    *key = (struct mm_key){(uint64_t)mm, addr};
    if (!shared) return 0;
    mutex_lock(&mm->lock);
    struct area *a = area_find(&mm->areas, addr);
    if (a && a->flags & AREA_SHARED)
        *key = (struct mm_key){(uint64_t)a->mapping, (area_index(a, addr) << PAGE_SHIFT) + (addr & PAGE_MASK)};
    mutex_unlock(&mm->lock);
    return a ? 0 : -EFAULT;
}
