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
