/*
 * Switching address spaces, and making harts forget what changed.
 *
 * A TLB entry carries the number of its address space (ASID), so that a switch need not flush: the entries of
 * others do not match. There are fewer numbers than spaces may ever be, so numbers are given out in generations:
 * when they are used up, a new generation begins, every hart flushes everything once, and each space gets a new
 * number when it is switched to. Spaces that run at that moment keep theirs.
 *
 * When an entry is taken away or its rights are reduced, every hart that may hold the old one must forget it
 * before the frame is used for anything else ("shootdown"). Harts that translate by the space right now are told
 * through the firmware, which waits until they have obeyed; for all others a bit is left that they look at when
 * they switch to it. The order of these steps makes it safe:
 *
 *      who changes:   entry := new;  stale |= all;   fence;  look at active, tell those
 *      who switches:  active |= me;  fence;  if stale has me: flush;  use the table
 *
 * Either the switcher is seen in `active`, or it sees the bit.
 */
#include "arch/hart.h"
#include "arch/kmap.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "base/bitmap.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/wait.h"
#include "mm/space_internal.h"

#define ASID_BITS_MAX 16
static struct spinlock asid_lock = SPINLOCK_INIT("asid", RANK_ASID);
static uint64_t asid_used[BITMAP_WORDS(1 << ASID_BITS_MAX)];
static uint64_t asid_generation = 1ull << ASID_BITS_MAX; /* above the number's bits */
static uint32_t asid_count;                              /* numbers the hart has; 1: no ASIDs */
static uint32_t asid_next = 1;                           /* 0 is the kernel's */
static uint32_t flush_pending;                           /* harts that have not yet entered this generation */
uint64_t tlb_generations;                                /* how many flushes of everything the wraps have cost */

/* How many bits of satp.ASID the hart keeps (priv. spec. "Supervisor Address Translation and Protection (satp)
 * Register"). */
static void tlb_start(void)
{
    uint64_t satp = csr_read("satp");
    csr_write("satp", satp | SATP_ASID(0xffff));
    uint64_t bits = csr_read("satp") >> 44 & 0xffff;
    csr_write("satp", satp);
    sfence_all();
    asid_count = (uint32_t)bits + 1;
    printk("mm: %u address-space numbers\n", asid_count);
}
INIT(INIT_KERNEL, tlb_start);

static uint32_t number_of(uint64_t asid) { return asid & ((1u << ASID_BITS_MAX) - 1); }

/* A new generation: all numbers are free but those in use on some hart at this moment. */
static void next_generation(void)
{
    asid_generation += 1ull << ASID_BITS_MAX;
    memset(asid_used, 0, sizeof asid_used);
    for (unsigned h = 0; h < machine.harts; h++) {
        struct mm *mm = atomic_load(&harts[h].mm);
        if (!mm) continue;
        mm->asid = asid_generation | number_of(mm->asid);
        bitmap_set(asid_used, number_of(mm->asid));
    }
    flush_pending = UINT32_MAX;
    asid_next = 1;
    tlb_generations++;
}

static void asid_assign(struct mm *mm)
{
    size_t n = bitmap_find_clear(asid_used, asid_count, asid_next);
    if (n >= asid_count) {
        next_generation();
        n = bitmap_find_clear(asid_used, asid_count, asid_next);
        ASSERT(n < asid_count);
    }
    bitmap_set(asid_used, n);
    asid_next = (uint32_t)n + 1;
    mm->asid = asid_generation | n;
}

void mm_switch(struct mm *mm)
{
    struct hart *h = this_hart();
    struct mm *old = h->mm;
    if (mm == old) return;
    uint32_t me = 1u << h->number;
    if (!mm) {
        csr_write("satp",
                  SATP_SV39 | SATP_ROOT(va_to_pa(kernel_root))); /* all its entries are global: nothing to flush */
        atomic_store(&h->mm, NULL);
        atomic_and(&old->active, ~me);
        return;
    }
    atomic_or(&mm->active, me);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool flush_all = asid_count <= HART_MAX, flush_one = false; /* too few numbers to be worth it */
    if (!flush_all) {
        spin_lock(&asid_lock);
        if (mm->asid < asid_generation) asid_assign(mm);
        flush_all = flush_pending & me;
        flush_pending &= ~me;
        atomic_store(&h->mm, mm);
        spin_unlock(&asid_lock);
    }
    if (atomic_load(&mm->stale) & me) flush_one = atomic_and(&mm->stale, ~me) & me;
    atomic_store(&h->mm, mm);
    csr_write("satp", SATP_SV39 | SATP_ASID(number_of(mm->asid)) | SATP_ROOT(va_to_pa(mm->root)));
    if (flush_all)
        sfence_all();
    else if (flush_one)
        sfence_asid(number_of(mm->asid));
    if (old) atomic_and(&old->active, ~me);
}

static void flush(struct mm *mm, uint64_t start, uint64_t bytes)
{
    bool on = interrupts_off();
    uint32_t me = 1u << this_hart()->number;
    atomic_or(&mm->stale, ~me);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t active = atomic_load(&mm->active);
    if (active & ~me) {
        if (asid_count <= HART_MAX)
            sbi_remote_sfence(active & ~me, start, bytes);
        else
            sbi_remote_sfence_asid(active & ~me, start, bytes, number_of(mm->asid));
    }
    if (!(active & me))
        atomic_or(&mm->stale, me);
    else if (bytes <= 16 * PAGE_SIZE)
        for (uint64_t va = start; va < start + bytes; va += PAGE_SIZE) sfence_page(va);
    else if (asid_count <= HART_MAX)
        sfence_all();
    else
        sfence_asid(number_of(mm->asid));
    interrupts_restore(on);
}

void tlb_flush(struct mm *mm, uint64_t start, uint64_t end)
{
    if (start < end) flush(mm, start, end - start);
}

void tlb_flush_later(struct mm *mm) { atomic_or(&mm->stale, UINT32_MAX); }

void tlb_flush_all(struct mm *mm) { flush(mm, 0, UINT64_MAX); }

/* Its number is not given to another space within this generation, so what TLBs still hold of it matches
 * nothing: no flush is needed. Only no hart may translate by it any more. */
void tlb_forget(struct mm *mm)
{
    bool on = interrupts_off();
    if (this_hart()->mm == mm) mm_switch(NULL);
    interrupts_restore(on);
    while (atomic_load(&mm->active)) sleep_until(time_ns() + 1000000, false);
}

void mm_hart_start(void)
{
    kmap_switch();
    sfence_all();
}
