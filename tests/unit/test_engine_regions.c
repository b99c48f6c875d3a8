/* Regions of hot blocks: what holds when they are entered by a hart that they were not made for. */
#include "tests/unit/asm.h"
#include "tests/unit/engine_bench.h"

#include <criterion/criterion.h>

#define FADD_D(rd, rs1, rs2) (0x02007053u | (uint32_t)(rd) << 7 | (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20)
#define FADD_S(rd, rs1, rs2) (0x00007053u | (uint32_t)(rd) << 7 | (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20)
#define BOXED                (UINT64_C(0xffffffff) << 32)

static void run_other_hart_with(uint32_t fadd, uint32_t use, uint64_t one, uint64_t two, uint64_t signalling)
{
    static struct world w;
    const struct world_engine how = {.arena_bytes = 256 << 10, .code_bytes = 256 << 10, .warm = 1};
    /* The loop is entered from a block of its own, for regions are entered from host code. */
    const uint32_t code[] = {JAL0(4), fadd, use, use, use, ADDI(A0, A0, 1), BNE(A0, 0, -20)};
    world_create_with(&w, "max", 2, &how);
    memcpy(world_ram(&w, RAM), code, sizeof code);
    for (unsigned n = 0; n < 2; n++) {
        csr_poke(w.hart[n], MSTATUS, MSTATUS_FS);
        w.hart[n]->f[2] = w.hart[n]->f[3] = one;
        w.hart[n]->x[A0] = 1;
    }
    for (unsigned runs = 0; runs < 20; runs++) {
        w.hart[0]->pc = RAM;
        world_run(&w, 0, 300);
    }
    cr_assert(engine_stats(w.engine)->regions_made > 0, "the loop became no region");
    w.hart[1]->f[1] = signalling;
    world_run(&w, 1, 300);
    cr_assert_eq(w.hart[1]->f[1], two);
    uint64_t flags = UINT64_MAX;
    cr_assert(csr_peek(w.hart[1], 0x001, &flags));
    cr_assert_eq(flags, 0, "a flag that no instruction raised");
    world_destroy(&w);
}

/* norm:fcsr_fflags_op: flags are those of the instructions that were executed. */
Test(engine_regions, a_signalling_nan_met_on_entering_raises_nothing)
{
    run_other_hart_with(FADD_D(1, 2, 3), FADD_D(4, 1, 2), UINT64_C(0x3ff0000000000000), UINT64_C(0x4000000000000000),
                        UINT64_C(0x7ff0000000000001));
    run_other_hart_with(FADD_S(1, 2, 3), FADD_S(4, 1, 2), BOXED | 0x3f800000, BOXED | 0x40000000, BOXED | 0x7f800001);
}

#define LOADED_FROM (RAM + 0x7000)
#define PROTECTED   (RAM + 0x8000)

#define NAPOT_PAGE(a) ((a) >> 2 | 0x1ff)
#define NAPOT_ALL     (UINT64_MAX >> 10)

/* A loop of loads through a2, which moves up, runs `runs` times in M-mode with pmp[] in the first entry (cfg, addr); then csr = value, and once
 * more. How that ends: mcause, and *at the last a2. */
static uint64_t cause_of_load_after(const uint64_t pmp[2], unsigned runs, unsigned csr, uint64_t value, uint64_t *at)
{
    static struct world w;
    const struct world_engine how = {.arena_bytes = 256 << 10, .code_bytes = 256 << 10, .warm = 1};
    const uint32_t code[] = {JAL0(4), LD(A1, A2, 0), ADDI(A2, A2, 8), ADDI(A0, A0, 1), BNE(A0, 0, -12)};
    const uint32_t handler = JAL0(0);
    uint64_t cause = UINT64_MAX;
    world_create_with(&w, "max", 1, &how);
    memcpy(world_ram(&w, RAM), code, sizeof code);
    memcpy(world_ram(&w, RAM + 0x100), &handler, sizeof handler);
    csr_poke(w.hart[0], MTVEC, RAM + 0x100);
    csr_poke(w.hart[0], PMPADDR0, pmp[1]);
    csr_poke(w.hart[0], PMPCFG0, pmp[0]);
    w.hart[0]->x[A0] = 1;
    for (unsigned i = 0; i <= runs; i++) {
        if (i == runs) csr_poke(w.hart[0], csr, value);
        w.hart[0]->pc = RAM;
        w.hart[0]->x[A2] = LOADED_FROM;
        world_run(&w, 0, 3000);
    }
    cr_assert(engine_stats(w.engine)->regions_made > 0, "the loop became no region");
    cr_assert(csr_peek(w.hart[0], MCAUSE, &cause));
    *at = w.hart[0]->x[A2];
    world_destroy(&w);
    return cause;
}

/* norm:pmp_l_bit_m_mode_enforcement: a locked entry binds M-mode as well. */
Test(engine_regions, a_region_of_physical_loads_obeys_pmp)
{
    const uint64_t off[2] = {0, NAPOT_PAGE(PROTECTED)};
    uint64_t at;
    cr_assert_eq(cause_of_load_after(off, 20, MSCRATCH, 0, &at), 0);
    cr_assert(at > PROTECTED);
    for (unsigned runs = 20; runs < 30; runs++) {
        cr_assert_eq(cause_of_load_after(off, runs, PMPCFG0, 0x98, &at), CAUSE_LOAD_ACCESS);
        cr_assert_eq(at, PROTECTED);
    }
}

Test(engine_regions, a_region_of_physical_loads_obeys_the_entry_that_allowed_everything)
{
    const uint64_t all[2] = {0x18, NAPOT_ALL}, locked[2] = {0x9f, NAPOT_ALL};
    uint64_t at;
    cr_assert_eq(cause_of_load_after(locked, 20, MSCRATCH, 0, &at), 0);
    for (unsigned runs = 20; runs < 60; runs++) {
        cr_assert_eq(cause_of_load_after(all, runs, PMPCFG0, 0x9c, &at), CAUSE_LOAD_ACCESS);
        cr_assert_eq(at, LOADED_FROM);
        cr_assert_eq(cause_of_load_after(all, runs, PMPADDR0, NAPOT_PAGE(RAM + 0x4000), &at), 0);
    }
}

/* With MPRV loads are made as in S-mode, which without a PMP entry may read nothing. */
Test(engine_regions, a_region_of_physical_loads_obeys_mprv)
{
    const uint64_t off[2] = {0, 0};
    uint64_t at, mprv = UINT64_C(1) << 17, mpp_s = UINT64_C(1) << 11;
    for (unsigned runs = 20; runs < 60; runs++) {
        cr_assert_eq(cause_of_load_after(off, runs, MSTATUS, mprv | mpp_s, &at), CAUSE_LOAD_ACCESS);
        cr_assert_eq(at, LOADED_FROM);
    }
}
