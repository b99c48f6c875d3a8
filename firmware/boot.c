/*
 * boot.c - from reset to the supervisor's first instruction.
 *
 * All harts arrive together. One, the boot hart, clears memory, reads the device tree and goes on to the next stage;
 * the others sleep until it has finished and then wait, stopped, for the supervisor to start them. The boot hart is the
 * one that the next-stage record names, else the first to draw the lottery ticket. The ticket and the "ready" flag live
 * in .data, because .bss is not yet zero when they are used.
 */
#include "console.h"
#include "fdt.h"
#include "hart.h"
#include "next.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"
#include "text.h"

extern uint8_t bss_start[], bss_end[], stacks[];

static uint32_t lottery_drawn __attribute__((section(".data"))) = 0;
static uint32_t boot_ready __attribute__((section(".data"))) = 0;

_Noreturn void boot_entry(unsigned long hartid, uintptr_t tree, uintptr_t info_address);

static bool is_boot_hart(unsigned long hartid, const struct next_info *info)
{
    if (info && info->boot_hart < HART_MAX) return hartid == info->boot_hart;
    return __atomic_exchange_n(&lottery_drawn, 1, __ATOMIC_ACQ_REL) == 0;
}

/* Waits for the boot hart, which ends with a poke. A hart that the device tree does not list waits for ever. */
static _Noreturn void join(unsigned long hartid)
{
    csr_write(CSR_MIE, MIP(IRQ_MSI));
    while (!__atomic_load_n(&boot_ready, __ATOMIC_ACQUIRE)) wait_for_interrupt();
    csr_write(CSR_MIE, 0);
    while (!hart_exists(hartid)) wait_for_interrupt();
    hart_init(hart_by_id(hartid));
    hsm_wait_for_start(hart_by_id(hartid));
}

/* Tells the supervisor to keep off our memory. PMP enforces it; without the note it would find out by faults. */
static void reserve_own_memory(struct fdt *tree)
{
    if (!platform_supervisor_memory(tree->address, tree->total_bytes + FDT_RESERVE_GROWTH) ||
        !fdt_reserve(tree, "mmode_resv0@80000000", (uintptr_t)FIRMWARE_BASE, (uintptr_t)FIRMWARE_SIZE))
        panic("cannot add a reservation to the device tree", tree->address);
}

static void prepare_harts(unsigned long boot_hartid)
{
    for (unsigned long id = 0; id < HART_MAX; id++) {
        struct hart *hart = hart_by_id(id);
        hart->id = id;
        hart->stack_top = (unsigned long)stacks + (id + 1) * HART_STACK_BYTES;
        hart->state = id == boot_hartid ? HSM_STARTED : HSM_STOPPED;
        hart_mark_stack(hart);
    }
}

static void wake_others(unsigned long boot_hartid)
{
    __atomic_store_n(&boot_ready, 1, __ATOMIC_RELEASE);
    for (unsigned long id = 0; id < HART_MAX; id++)
        if (hart_exists(id) && id != boot_hartid) ipi_send(id, 0);
}

static void print_banner(uint64_t next)
{
    unsigned long harts_listed = 0, bytes = 0;
    for (unsigned long id = 0; id < HART_MAX; id++) harts_listed += hart_exists(id);
    for (uint32_t i = 0; i < platform.memory_count; i++) bytes += platform.memory[i].bytes;
    console_print("Orrery firmware: SBI 2.0, %lu hart%s, %lu MiB, %s timer, next stage at %lx\n", harts_listed,
                  harts_listed == 1 ? "" : "s", bytes >> 20, hart_self()->has_sstc ? "supervisor" : "machine", next);
}

_Noreturn void boot_entry(unsigned long hartid, uintptr_t tree_address, uintptr_t info_address)
{
    struct next_info record;
    const struct next_info *info = next_read_info(info_address, &record) ? &record : 0;
    if (!is_boot_hart(hartid, info)) join(hartid);

    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    prepare_harts(hartid);
    struct fdt tree;
    uint32_t first, last; /* is there anything at this address? */
    bool understood = load32_safe(tree_address, &first) && load32_safe(tree_address + FDT_HEADER_BYTES - 4, &last) &&
                      fdt_open(&tree, tree_address) && platform_discover(&tree);
    console_init();
    if (!understood) panic("no device tree, or a broken one", tree_address);
    if (!hart_exists(hartid)) panic("the device tree does not list the boot hart", hartid);
    if (!(csr_read(CSR_MISA) & MISA('S'))) panic("this hart has no S-mode", csr_read(CSR_MISA));
    hart_init(hart_self());
    uint64_t next = next_find(info);
    reserve_own_memory(&tree);
    print_banner(next);
    if (platform.mswi) wake_others(hartid);
    hart_enter_supervisor(next, hartid, tree_address);
}
