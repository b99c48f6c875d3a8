/*
 * kstack.c - kernel stacks.
 *
 * Each lives in a slot of the mapped area: the lower half of the slot stays unmapped (the guard), the upper half is
 * the stack. A stack that has been given back keeps its frames and goes on a list, whose links are in the stacks
 * themselves; so a mapping once made stays, and no hart ever has to forget a translation.
 */
#include "arch/hart.h"
#include "arch/kmap.h"
#include "arch/layout.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "base/atomic.h"
#include "base/list.h"
#include "kern/lock.h"
#include "mm/frame.h"

static struct spinlock kstack_lock = SPINLOCK_INIT("kernel stacks", RANK_KSTACK);
static struct list free_stacks = LIST_INIT(free_stacks);
static uint64_t next_slot = MAPPED_AREA_BASE;
static uint64_t frames; /* of stacks, in use or kept, and of the tables that map them */

static pte_t *stack_entry(uint64_t va)
{
    pte_t *table = kernel_root;
    for (unsigned level = PTE_LEVELS - 1; level; level--) {
        pte_t *entry = &table[pte_index(va, level)];
        if (!*entry) {
            struct page *page = page_alloc(0, PAGE_ZEROED | PAGE_NOWAIT);
            if (!page) return NULL;
            frames++;
            atomic_store(entry, pte_make(page_pa(page), PTE_V));
        }
        table = pa_to_va(pte_pa(*entry));
    }
    return &table[pte_index(va, 0)];
}

static void *new_stack(void)
{
    uint64_t bottom = next_slot + KERNEL_STACK_SLOT - KERNEL_STACK_BYTES, top = next_slot + KERNEL_STACK_SLOT;
    if (top > MAPPED_AREA_BASE + pte_level_bytes(2)) return NULL;
    for (uint64_t va = bottom; va < top; va += PAGE_SIZE) {
        pte_t *entry = stack_entry(va);
        if (!entry) return NULL;
        if (*entry) continue; /* left over from an attempt that ran out of memory */
        struct page *page = page_alloc(0, PAGE_ZEROED | PAGE_NOWAIT);
        if (!page) return NULL;
        frames++;
        atomic_store(entry, pte_make(page_pa(page), PTE_V | PTE_G | PTE_A | PTE_D | PTE_R | PTE_W));
    }
    next_slot = top;
    /* A hart may have remembered that there was nothing. */
    sfence_all();
    sbi_remote_sfence(harts_online() & ~(1ull << this_hart()->number), bottom, KERNEL_STACK_BYTES);
    return (void *)top;
}

void *kstack_alloc(void)
{
    spin_lock(&kstack_lock);
    void *top;
    if (list_empty(&free_stacks)) {
        top = new_stack();
    } else {
        struct list *link = free_stacks.next;
        list_remove(link);
        top = (void *)ALIGN_UP((uint64_t)link, KERNEL_STACK_SLOT);
    }
    spin_unlock(&kstack_lock);
    return top;
}

void kstack_free(void *top)
{
    struct list *link = (struct list *)((char *)top - sizeof *link);
    spin_lock(&kstack_lock);
    list_push_front(&free_stacks, link);
    spin_unlock(&kstack_lock);
}

uint64_t kstack_frames(void) { return atomic_load(&frames); }
