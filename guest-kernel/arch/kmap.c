/*
 * kmap.c - the kernel's page table. See layout.h for the picture and kmap.h for the promises.
 *
 * Protection: code can be executed but not written, constants can be neither, everything else can be written but not executed.
 * Since every frame is also visible in the direct map, the frames of code and constants are read-only there too.
 */
#include "arch/kmap.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "kern/print.h"

pte_t kernel_root[PTES_PER_TABLE] __attribute__((aligned(4096)));
uint64_t kernel_satp;      /* for entry.S */
uint64_t kernel_loaded_at; /* physical address of kernel_entry */
extern char kernel_start[], kernel_text_end[], kernel_rodata[], kernel_data[], kernel_end[];

#define KERNEL_PTE (PTE_V | PTE_G | PTE_A | PTE_D)

paddr_t va_to_pa(const void *va)
{
    uint64_t address = (uint64_t)va;
    if (address >= KERNEL_LINKED_AT) return address - KERNEL_LINKED_AT + kernel_loaded_at;
    ASSERT(address >= DIRECT_MAP_BASE && address < DIRECT_MAP_BASE + DIRECT_MAP_BYTES);
    return address - DIRECT_MAP_BASE;
}

/* The entry for `va` at `level`, making tables on the way from early memory. */
static pte_t *early_entry(uint64_t va, unsigned level)
{
    pte_t *table = kernel_root;
    for (unsigned at = PTE_LEVELS - 1; at > level; at--) {
        pte_t *entry = &table[pte_index(va, at)];
        if (!*entry) *entry = pte_make(va_to_pa(early_alloc(1)), PTE_V);
        ASSERT(!pte_is_leaf(*entry));
        table = pa_to_va(pte_pa(*entry));
    }
    return &table[pte_index(va, level)];
}

/* Maps with the largest pages that fit. */
static void map(uint64_t va, paddr_t pa, uint64_t bytes, uint64_t flags)
{
    while (bytes) {
        unsigned level = PTE_LEVELS - 1;
        while (level && (bytes < pte_level_bytes(level) || (va | pa) % pte_level_bytes(level))) level--;
        *early_entry(va, level) = pte_make(pa, KERNEL_PTE | flags);
        uint64_t step = pte_level_bytes(level);
        va += step, pa += step, bytes -= step;
    }
}

static void map_direct(paddr_t from, paddr_t to, uint64_t flags)
{
    if (from < to) map(from + DIRECT_MAP_BASE, from, to - from, flags);
}

static void map_window(struct region window)
{
    if (!window.bytes || window.base + window.bytes > DIRECT_MAP_BYTES) return;
    map_direct(ALIGN_DOWN(window.base, PAGE_SIZE), ALIGN_UP(window.base + window.bytes, PAGE_SIZE), PTE_R | PTE_W);
}

/* RAM, with a hole of read-only pages where code and constants are. */
static void map_memory(void)
{
    paddr_t constant_start = va_to_pa(kernel_start), constant_end = va_to_pa(kernel_data);
    for (unsigned i = 0; i < machine.memories; i++) {
        paddr_t start = machine.memory[i].base, end = start + machine.memory[i].bytes;
        if (constant_start >= start && constant_end <= end) {
            map_direct(start, constant_start, PTE_R | PTE_W);
            map_direct(constant_start, constant_end, PTE_R);
            start = constant_end;
        }
        map_direct(start, end, PTE_R | PTE_W);
    }
}

/* Windows of virtio devices are neighbours; one page may hold several. */
static void map_devices(void)
{
    map_window(machine.uart);
    map_window(machine.plic);
    map_window(machine.rtc);
    for (unsigned i = 0; i < machine.virtios; i++) {
        struct region window = machine.virtio[i].mmio;
        if (i && ALIGN_DOWN(window.base, PAGE_SIZE) == ALIGN_DOWN(machine.virtio[i - 1].mmio.base, PAGE_SIZE)) continue;
        map_window(window);
    }
}

void kmap_init(void)
{
    map_memory();
    map_devices();
    uint64_t text = (uint64_t)kernel_start, rodata = (uint64_t)kernel_rodata, data = (uint64_t)kernel_data;
    map(text, va_to_pa(kernel_start), rodata - text, PTE_R | PTE_X);
    map(rodata, va_to_pa(kernel_rodata), data - rodata, PTE_R);
    map(data, va_to_pa(kernel_data), (uint64_t)kernel_end - data, PTE_R | PTE_W);
    early_entry(MAPPED_AREA_BASE, 0); /* the root entry must exist before any root is copied */
    kernel_satp = SATP_SV39 | SATP_ROOT(va_to_pa(kernel_root));
    kmap_switch();
}

void kmap_switch(void)
{
    csr_write("satp", kernel_satp);
    sfence_all();
}
