/* Self-tests of memory management, run by the boot argument selftest=mm in a kernel thread that wears an address
 * space of its own. Each test counts the free frames before and after: what is not given back is a failure. The
 * last line is "selftest mm: N failed". */
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/pagecache_internal.h"
#include "mm/replace.h"
#include "mm/slab.h"
#include "mm/space_internal.h"
#include "mm/swap.h"
#include "mm/usercopy.h"

static unsigned failures;

#define CHECK(condition)                                                                                               \
    do                                                                                                                 \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printk("selftest mm: %s:%d: not so: %s\n", __func__, __LINE__, #condition);                                \
        }                                                                                                              \
    while (0)

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void wear(struct mm *mm)
{
    bool on = interrupts_off();
    current->mm = mm;
    mm_switch(mm);
    interrupts_restore(on);
}

static void take_off(struct mm *mm)
{
    wear(NULL);
    mm_put(mm);
}

static struct mm *fresh(void)
{
    struct mm *mm = mm_create();
    if (mm) wear(mm);
    CHECK(mm);
    return mm;
}

static uint64_t word(uint64_t addr)
{
    uint64_t value = ~0ul;
    CHECK(!copy_from_user(&value, addr, sizeof value));
    return value;
}

static void put(uint64_t addr, uint64_t value) { CHECK(!copy_to_user(addr, &value, sizeof value)); }

static void test_slabs(void)
{
    enum { N = 3000 };
    static void *held[N];
    uint64_t objects = slab_objects();
    for (unsigned i = 0; i < N; i++) {
        size_t size = (i * 37) % 5000 + 1;
        CHECK(held[i] = kmalloc(size));
        if (held[i]) memset(held[i], (int)i, size);
    }
    for (unsigned i = 0; i < N; i++) CHECK(!held[i] || *(uint8_t *)held[i] == (uint8_t)i);
    for (unsigned i = 0; i < N; i++) kfree(held[i]);
    CHECK(slab_objects() == objects);
    CHECK(!kmalloc(1ul << 40));
}

static void test_demand_zero(void)
{
    struct mm *mm = fresh();
    long at = mm_map(mm, 0, 1ul << 30, RW, ANON | MAP_NORESERVE, NULL, 0);
    CHECK(at > 0 && mm->rss_anon == 0);
    uint64_t base = (uint64_t)at;
    CHECK(word(base + 12345 * PAGE_SIZE) == 0 && mm->rss_anon == 0); /* the zero page is nobody's */
    put(base + 12345 * PAGE_SIZE, 7);
    CHECK(word(base + 12345 * PAGE_SIZE) == 7 && mm->rss_anon == 1);
    CHECK(mm_unmap(mm, base, 1ul << 30) == 0 && mm->rss_anon == 0);
    uint64_t value;
    CHECK(copy_from_user(&value, base, 8) == -EFAULT && copy_to_user(base, &value, 8) == -EFAULT);
    CHECK(copy_from_user(&value, KERNEL_BASE, 8) == -EFAULT && copy_from_user(&value, USER_TOP - 4, 8) == -EFAULT);
    take_off(mm);
}

static void test_user_copies(void)
{
    struct mm *mm = fresh();
    uint64_t base = (uint64_t)mm_map(mm, 0, 3 * PAGE_SIZE, RW, ANON, NULL, 0);
    CHECK(mm_unmap(mm, base + 2 * PAGE_SIZE, PAGE_SIZE) == 0);
    char *from = kmalloc(3 * PAGE_SIZE), *to = kmalloc(3 * PAGE_SIZE);
    for (unsigned i = 0; i < 3 * PAGE_SIZE; i++) from[i] = (char)(i * 7 + i / 251);
    for (unsigned shift = 0; shift < 9; shift++)
        for (unsigned n = 0; n < 100; n += 3) {
            CHECK(!copy_to_user(base + PAGE_SIZE - 40 + shift, from + 3, n));
            CHECK(!copy_from_user(to + shift % 5, base + PAGE_SIZE - 40 + shift, n));
            CHECK(!memcmp(to + shift % 5, from + 3, n));
        }
    for (unsigned start = 0; start < 20; start++) /* exact up to the hole */
        CHECK(copy_to_user_rest(base + PAGE_SIZE + start, from, 2 * PAGE_SIZE) == PAGE_SIZE + start);
    CHECK(copy_from_user_rest(to, base + 2 * PAGE_SIZE - 5, 100) == 95);
    CHECK(!copy_to_user(base, "hello", 6));
    CHECK(copy_string_from_user(to, base, 100) == 5 && !strcmp(to, "hello"));
    CHECK(copy_string_from_user(to, base, 5) == -ENAMETOOLONG);
    CHECK(!copy_to_user(base + 2 * PAGE_SIZE - 3, "abc", 3));
    CHECK(copy_string_from_user(to, base + 2 * PAGE_SIZE - 3, 100) == -EFAULT);
    CHECK(clear_user(base, 2 * PAGE_SIZE) == 0 && word(base + 8) == 0 &&
          clear_user(base, 2 * PAGE_SIZE + 1) == -EFAULT);
    uint32_t seen;
    put(base, 5);
    CHECK(user_cmpxchg32(base, 5, 9, &seen) == 0 && seen == 5 && word(base) == 9);
    CHECK(user_cmpxchg32(base, 5, 11, &seen) == 0 && seen == 9 && word(base) == 9);
    CHECK(user_load32(base + 2, &seen) == -EINVAL && user_load32(USER_TOP, &seen) == -EFAULT);
    CHECK(user_load32_nofault(base + 2 * PAGE_SIZE, &seen) == -EAGAIN);
    kfree(from);
    kfree(to);
    take_off(mm);
}

static void test_copy_on_write(void)
{
    enum { N = 100 };
    struct mm *parent = fresh();
    uint64_t base = (uint64_t)mm_map(parent, 0, N * PAGE_SIZE, RW, ANON, NULL, 0);
    for (unsigned i = 0; i < N; i++) put(base + i * PAGE_SIZE, i);
    uint64_t before = frame_stats().free;
    struct mm *child = mm_fork(parent);
    CHECK(child);
    if (!child) return take_off(parent);
    uint64_t cost = before - frame_stats().free;
    CHECK(cost < 10); /* tables and structures only */
    wear(child);
    for (unsigned i = 0; i < N; i++) CHECK(word(base + i * PAGE_SIZE) == i);
    uint64_t shared = frame_stats().free;
    for (unsigned i = 0; i < 10; i++) put(base + i * PAGE_SIZE, 1000 + i);
    CHECK(shared - frame_stats().free == 10); /* a copy for each page written, no more */
    wear(parent);
    for (unsigned i = 0; i < N; i++) CHECK(word(base + i * PAGE_SIZE) == i);
    mm_put(child);
    uint64_t alone = frame_stats().free;
    for (unsigned i = 0; i < N; i++) put(base + i * PAGE_SIZE, 5); /* nobody to share with any more: no copies */
    CHECK(frame_stats().free == alone);
    take_off(parent);
}

static void test_protection(void)
{
    struct mm *mm = fresh();
    uint64_t base = (uint64_t)mm_map(mm, 0, 10 * PAGE_SIZE, RW, ANON, NULL, 0), value = 1;
    for (unsigned i = 0; i < 10; i++) put(base + i * PAGE_SIZE, i);
    CHECK(mm_protect(mm, base + 2 * PAGE_SIZE, 3 * PAGE_SIZE, PROT_READ) == 0 && mm->areas.count == 3);
    CHECK(copy_to_user(base + 3 * PAGE_SIZE, &value, 8) == -EFAULT && word(base + 3 * PAGE_SIZE) == 3);
    CHECK(mm_protect(mm, base + 3 * PAGE_SIZE, PAGE_SIZE, PROT_NONE) == 0 && mm->areas.count == 5);
    CHECK(copy_from_user(&value, base + 3 * PAGE_SIZE, 8) == -EFAULT);
    CHECK(mm_protect(mm, base, 10 * PAGE_SIZE, RW) == 0 && mm->areas.count == 1); /* joined again */
    for (unsigned i = 0; i < 10; i++) CHECK(word(base + i * PAGE_SIZE) == i);
    put(base + 3 * PAGE_SIZE, 33);
    CHECK(word(base + 3 * PAGE_SIZE) == 33);
    CHECK(mm_protect(mm, base + 5 * PAGE_SIZE, 10 * PAGE_SIZE, PROT_READ) == -ENOMEM);
    CHECK(mm_protect(mm, base + 1, PAGE_SIZE, PROT_READ) == -EINVAL);
    take_off(mm);
}

static void test_map_arguments(void)
{
    struct mm *mm = fresh();
    CHECK(mm_map(mm, 0, 0, RW, ANON, NULL, 0) == -EINVAL);
    CHECK(mm_map(mm, 0, PAGE_SIZE, RW, MAP_ANONYMOUS, NULL, 0) == -EINVAL);
    CHECK(mm_map(mm, 0, ~0ul, RW, ANON, NULL, 0) == -ENOMEM);
    CHECK(mm_map(mm, 0, USER_TOP, RW, ANON | MAP_NORESERVE, NULL, 0) == -ENOMEM);
    CHECK(mm_map(mm, 0x100001, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) == -EINVAL);
    CHECK(mm_map(mm, USER_TOP - PAGE_SIZE, 2 * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) == -ENOMEM);
    CHECK(mm_map(mm, 0, PAGE_SIZE, RW, MAP_PRIVATE, NULL, 0) == -EBADF);
    CHECK(mm_map(mm, 0x200000, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) == 0x200000);
    CHECK(mm_map(mm, 0x200000, PAGE_SIZE, RW, ANON | MAP_FIXED_NOREPLACE, NULL, 0) == -EEXIST);
    put(0x200000, 1);
    CHECK(mm_map(mm, 0x200000, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) == 0x200000 && word(0x200000) == 0);
    CHECK(mm_unmap(mm, 0x200001, PAGE_SIZE) == -EINVAL && mm_unmap(mm, 0x200000, 0) == -EINVAL);
    CHECK(mm_unmap(mm, 0x300000, PAGE_SIZE) == 0); /* nothing there is no error */
    take_off(mm);
}

static void test_heap_and_stack(void)
{
    struct mm *mm = fresh();
    mm_set_brk(mm, 0x400000);
    CHECK(mm_brk(mm, 0) == 0x400000 && mm_brk(mm, 0x400010) == 0x400010);
    put(0x400008, 3);
    CHECK(mm_brk(mm, 0x410000) == 0x410000);
    put(0x40fff8, 4);
    CHECK(mm_brk(mm, 0x400000) == 0x400000 && mm->rss_anon == 0);
    CHECK(mm_brk(mm, ~0ul) == 0x400000);
    uint64_t top = USER_TOP - 16 * PAGE_SIZE, value = 0;
    CHECK(mm_map_stack(mm, top, 4 * PAGE_SIZE, 64 * PAGE_SIZE) == 0);
    put(top - 8, 1);
    put(top - 40 * PAGE_SIZE, 2);
    CHECK(word(top - 40 * PAGE_SIZE) == 2);
    CHECK(copy_to_user(top - 65 * PAGE_SIZE, &value, 8) == -EFAULT); /* past its limit */
    CHECK(mm_map(mm, top - 55 * PAGE_SIZE, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) > 0);
    CHECK(copy_to_user(top - 50 * PAGE_SIZE, &value, 8) == -EFAULT); /* too near to the area below */
    take_off(mm);
}

static void test_remap(void)
{
    struct mm *mm = fresh();
    uint64_t base = (uint64_t)mm_map(mm, 0, 8 * PAGE_SIZE, RW, ANON, NULL, 0);
    for (unsigned i = 0; i < 8; i++) put(base + i * PAGE_SIZE, i + 1);
    uint64_t blocker = (uint64_t)mm_map(mm, base + 8 * PAGE_SIZE, PAGE_SIZE, PROT_READ, ANON | MAP_FIXED, NULL, 0);
    CHECK(mm_remap(mm, base, 8 * PAGE_SIZE, 16 * PAGE_SIZE, 0, 0) == -ENOMEM);
    struct mm *child = mm_fork(mm); /* shared frames cannot be told a new place */
    uint64_t moved = (uint64_t)mm_remap(mm, base, 8 * PAGE_SIZE, 16 * PAGE_SIZE, 1, 0);
    CHECK(moved < USER_TOP && moved != base);
    for (unsigned i = 0; i < 8; i++) CHECK(word(moved + i * PAGE_SIZE) == i + 1);
    CHECK(word(moved + 12 * PAGE_SIZE) == 0);
    uint64_t value;
    CHECK(copy_from_user(&value, base, 8) == -EFAULT && word(blocker) == 0);
    CHECK(mm_remap(mm, moved, 16 * PAGE_SIZE, 2 * PAGE_SIZE, 0, 0) == (long)moved);
    CHECK(copy_from_user(&value, moved + 2 * PAGE_SIZE, 8) == -EFAULT && mm->rss_anon == 2);
    uint64_t fixed = (uint64_t)mm_remap(mm, moved, 2 * PAGE_SIZE, 2 * PAGE_SIZE, 3, 0x500000);
    CHECK(fixed == 0x500000 && word(0x500000) == 1 && word(0x501000) == 2);
    if (child) {
        wear(child);
        for (unsigned i = 0; i < 8; i++) CHECK(word(base + i * PAGE_SIZE) == i + 1);
        wear(mm);
        mm_put(child);
    }
    take_off(mm);
}

static void test_shared_memory(void)
{
    struct mm *mm = fresh();
    uint64_t base = (uint64_t)mm_map(mm, 0, 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
    put(base, 1);
    struct mm *child = mm_fork(mm);
    CHECK(child);
    if (child) {
        wear(child);
        CHECK(word(base) == 1);
        put(base, 2);
        put(base + 3 * PAGE_SIZE, 3);
        wear(mm);
        CHECK(word(base) == 2 && word(base + 3 * PAGE_SIZE) == 3);
        struct mm_key a, b;
        CHECK(!mm_futex_key(mm, base + 8, true, &a) && !mm_futex_key(child, base + 8, true, &b));
        CHECK(a.object == b.object && a.offset == b.offset);
        mm_put(child);
    }
    take_off(mm);
}

/* --- a file in memory of which every page holds its own number, and a swap disk that keeps one word per page */

static uint64_t file_reads, file_writes, file_words[64];

static int fake_read(struct mapping *m, uint64_t index, struct page *p)
{
    (void)m;
    file_reads++;
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) ((uint64_t *)page_va(p))[i] = file_words[index % 64];
    return 0;
}

static int fake_write(struct mapping *m, uint64_t index, struct page *p)
{
    (void)m;
    file_writes++;
    file_words[index % 64] = *(uint64_t *)page_va(p);
    return 0;
}

static const struct mapping_ops fake_ops = {.read_page = fake_read, .write_page = fake_write};

static void test_file_map(void)
{
    struct mm *mm = fresh();
    struct memobj *file = memobj_create(0);
    writeback_forget(&file->mapping); /* it becomes a file's mapping */
    mapping_init(&file->mapping, &fake_ops, file, 40 * PAGE_SIZE + 100);
    for (unsigned i = 0; i < 64; i++) file_words[i] = 100 + i;
    file_reads = file_writes = 0;
    uint64_t base = (uint64_t)mm_map_object(mm, 0, 60 * PAGE_SIZE, RW, 0, true, file), value;
    CHECK(word(base + 5 * PAGE_SIZE) == 105 && file_reads >= 1);
    uint64_t reads = file_reads;
    CHECK(word(base + 5 * PAGE_SIZE + 8) == 105 && file_reads == reads);
    CHECK(pagecache_read(&file->mapping, 5 * PAGE_SIZE, (uint64_t)&value, 8, false) == 8 && value == 105 &&
          file_reads == reads);
    CHECK(copy_from_user(&value, base + 41 * PAGE_SIZE, 8) == -EFAULT); /* past the end */
    CHECK(mm_fault(mm, base + 41 * PAGE_SIZE, MM_READ, NULL) == -ENXIO);
    CHECK(file->mapping.dirty == 0);
    put(base + 5 * PAGE_SIZE, 55);
    CHECK(file->mapping.dirty == 1 && file_writes == 0);
    CHECK(pagecache_flush(&file->mapping, 0, UINT64_MAX) == 0 && file_writes == 1 && file_words[5] == 55 &&
          !file->mapping.dirty);
    put(base + 5 * PAGE_SIZE, 56); /* write-protected by the flush, so it is noticed */
    CHECK(file->mapping.dirty == 1);
    value = 77;
    CHECK(pagecache_write(&file->mapping, 6 * PAGE_SIZE, (uint64_t)&value, 8, false) == 8 &&
          word(base + 6 * PAGE_SIZE) == 77);
    pagecache_truncate(&file->mapping, 5 * PAGE_SIZE + 8);
    CHECK(word(base + 5 * PAGE_SIZE) == 56 && word(base + 5 * PAGE_SIZE + 8) == 0);
    CHECK(copy_from_user(&value, base + 6 * PAGE_SIZE, 8) == -EFAULT);
    CHECK(mm->rss_file == file->mapping.resident || mm->rss_file < 8);
    take_off(mm);
    CHECK(file->mapping.resident > 0); /* the cache outlives the map */
    memobj_put(file);
}

#define SWAP_PAGES 40000u
static uint64_t *swap_words;

static int swap_fake_read(struct mapping *m, uint64_t index, struct page *p)
{
    (void)m;
    uint64_t *at = page_va(p);
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) at[i] = swap_words[index];
    if (index) return 0;
    const uint32_t header[3] = {1, SWAP_PAGES - 1, 0};
    memcpy((char *)at + 1024, header, sizeof header);
    memcpy((char *)at + 4086, "SWAPSPACE2", 10);
    return 0;
}

static int swap_fake_write(struct mapping *m, uint64_t index, struct page *p)
{
    (void)m;
    swap_words[index] = *(uint64_t *)page_va(p);
    return 0;
}

static const struct mapping_ops swap_fake_ops = {.read_page = swap_fake_read, .write_page = swap_fake_write};
static struct inode swap_inode = {.mode = S_IFREG};
static int swap_fake_map(struct file *f, struct mapping **m) { return *m = &f->inode->mapping, 0; }
static const struct file_ops swap_fake_fops = {.map = swap_fake_map};
static struct file swap_file = {.ops = &swap_fake_fops, .inode = &swap_inode, .flags = O_RDWR};

/* Every word of the page is the same, since the fake disk keeps only one. */
static void fill_page(uint64_t va, uint64_t value)
{
    uint64_t line[64];
    for (unsigned i = 0; i < 64; i++) line[i] = value;
    for (unsigned i = 0; i < PAGE_SIZE / sizeof line; i++)
        CHECK(!copy_to_user(va + i * sizeof line, line, sizeof line));
}

static void test_swap(void)
{
    swap_words = kzalloc(SWAP_PAGES * 8);
    ref_init(&swap_file.refs);
    mapping_init(&swap_inode.mapping, &swap_fake_ops, &swap_inode, (uint64_t)SWAP_PAGES * PAGE_SIZE);
    CHECK(swap_words && swap_on(&swap_file, "selftest", 0) == 0);
    if (!swap_stats().slots) return kfree(swap_words);
    struct mm *mm = fresh();
    /* A quarter more than there is memory. */
    uint64_t pages = MIN(frame_stats().total * 5 / 4, (uint64_t)SWAP_PAGES - 2000);
    uint64_t base = (uint64_t)mm_map(mm, 0, pages * PAGE_SIZE, RW, ANON | MAP_NORESERVE, NULL, 0);
    for (uint64_t i = 0; i < pages; i++) fill_page(base + i * PAGE_SIZE, i + 1);
    CHECK(mm->swapped > 0 && mm->rss_anon + mm->swapped == pages);
    struct mm *child = mm_fork(mm);
    CHECK(child);
    for (uint64_t i = 0; i < pages; i += 97) CHECK(word(base + i * PAGE_SIZE + 1000) == i + 1);
    if (child) {
        wear(child);
        for (uint64_t i = 0; i < pages; i += 15) {
            CHECK(word(base + i * PAGE_SIZE) == i + 1);
            fill_page(base + i * PAGE_SIZE, 1000000 + i);
        }
        for (uint64_t i = 0; i < pages; i += 15) CHECK(word(base + i * PAGE_SIZE) == 1000000 + i);
        wear(mm);
        mm_put(child);
    }
    for (uint64_t i = 0; i < pages; i++) CHECK(word(base + i * PAGE_SIZE) == i + 1);
    printk("selftest mm: %lu pages, %lu swapped out, %lu in, %lu cleaned ahead, %lu prepaged\n", pages,
           mm_events.swapped_out, mm_events.swapped_in, mm_events.cleaned, mm_events.prepaged);
    CHECK(mm_unmap(mm, base, (pages - 200) * PAGE_SIZE) == 0);
    CHECK(swap_off(&swap_file) == 0 && mm->swapped == 0);
    for (uint64_t i = pages - 200; i < pages; i++) CHECK(word(base + i * PAGE_SIZE) == i + 1);
    take_off(mm);
    CHECK(ref_count(&swap_file.refs) == 1);
    kfree(swap_words);
}

/* Kernel threads on all harts hammer one space: faults, unmapping, protection. */
static struct mm *storm_mm;
static uint64_t storm_base;
static unsigned storm_running;

static void storm(void *seed)
{
    uint64_t x = (uint64_t)seed * 0x9e3779b97f4a7c15 + 1;
    mm_get(storm_mm);
    wear(storm_mm);
    for (unsigned i = 0; i < 300; i++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        uint64_t at = storm_base + (x >> 33) % 256 * PAGE_SIZE, value = x;
        switch (x >> 60) {
        case 0: mm_unmap(storm_mm, at, 3 * PAGE_SIZE); break;
        case 1: mm_protect(storm_mm, at, 2 * PAGE_SIZE, PROT_READ); break;
        case 2: mm_map(storm_mm, at, 4 * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0); break;
        case 3: mm_advise(storm_mm, at, 2 * PAGE_SIZE, 4); break;
        case 4: {
            struct mm *child = mm_fork(storm_mm);
            if (child) mm_put(child);
            break;
        }
        case 5: mm_protect(storm_mm, at, 8 * PAGE_SIZE, RW); break;
        case 6: mm_remap(storm_mm, at, PAGE_SIZE, 2 * PAGE_SIZE, 1, 0); break;
        default:
            if (x & 1)
                copy_to_user(at + 8 * ((uint64_t)seed), &value, 8);
            else
                copy_from_user(&value, at, 8);
        }
    }
    take_off(storm_mm);
    atomic_add(&storm_running, -1u);
}

static void test_storm(void)
{
    storm_mm = mm_create();
    storm_base = (uint64_t)mm_map(storm_mm, 0, 260 * PAGE_SIZE, RW, ANON, NULL, 0);
    storm_running = machine.harts + 1;
    for (unsigned i = 0; i < machine.harts + 1; i++) CHECK(kthread_start("storm", storm, (void *)(uint64_t)(i + 1)));
    while (atomic_load(&storm_running)) sleep_until(time_ns() + 10000000, false);
    mm_put(storm_mm);
}

static void show_slab(void *arg, const char *name, size_t size, uint64_t objects, uint64_t frames)
{
    (void)arg;
    printk("selftest mm: %s %lu: %lu objects, %lu frames\n", name, size, objects, frames);
}

/* All programs have ended, so an anonymous frame that is still in use was forgotten by somebody. */
static void show_lost(void)
{
    for (unsigned i = 0; i < machine.memories; i++)
        for (uint64_t at = 0; at < machine.memory[i].bytes; at += PAGE_SIZE) {
            struct page *p = page_of(machine.memory[i].base + at);
            if (page_flag(p, PG_BUDDY | PG_SLAB) || !page_refs(p) ||
                !page_flag(p, PG_ANON | PG_CACHE | PG_TABLE | PG_SWAP | PG_UPTODATE | PG_RESIDENT | PG_LOCKED))
                continue;
            printk("selftest mm: frame %#lx: refs %u maps %u flags %#x index %#lx slot %#lx\n", page_pa(p),
                   page_refs(p), p->maps, p->flags, p->index, p->slot);
        }
}

static void run(const char *name, void (*test)(void))
{
    /* Ended threads give their stacks back a little later; the kernel's own lists may keep an object or two. */
    uint64_t before = frame_stats().free, start = time_ns(), objects = slab_objects();
    unsigned failed = failures;
    test();
    int64_t lost = 0;
    for (unsigned i = 0; i < 50; i++) {
        lost = (int64_t)(before - frame_stats().free);
        if (!lost) break;
        sleep_until(time_ns() + 10000000, false);
    }
    if (lost > 0 && slab_objects() > objects) {
        failures++;
        printk("selftest mm: %s: %ld frames and %ld objects lost\n", name, lost, (long)(slab_objects() - objects));
    } else if (lost > 40) {
        failures++;
        printk("selftest mm: %s: %ld frames lost\n", name, lost);
    }
    if (lost > 0 && failed != failures) {
        show_lost();
        slab_each(show_slab, NULL);
    }
    printk("selftest mm: %s %s (%lu us, %ld frames)\n", failed == failures ? "ok" : "FAILED", name,
           (time_ns() - start) / 1000, lost);
}

static void selftest(void)
{
    char what[32];
    if (!boot_argument("selftest", what, sizeof what) || strcmp(what, "mm")) return;
    run("slabs", test_slabs);
    run("demand zero", test_demand_zero);
    run("user copies", test_user_copies);
    run("copy on write", test_copy_on_write);
    run("protection", test_protection);
    run("map arguments", test_map_arguments);
    run("heap and stack", test_heap_and_stack);
    run("remap", test_remap);
    run("shared memory", test_shared_memory);
    run("file map", test_file_map);
    run("storm", test_storm);
    for (const struct replace_policy *const *at = replace_policies; *at; at++) {
        replace_choose((*at)->name);
        printk("selftest mm: replace=%s\n", replace_name());
        run("swap", test_swap);
    }
    replace_choose("clock");
    printk("selftest mm: %u failed\n", failures);
    sbi_power_off(failures != 0);
}
INIT(INIT_LATE, selftest);
