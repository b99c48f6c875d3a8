/* A kernel's way to a program's memory in host code: sstatus.SUM set and cleared around each access, with another bank for either. */
#include "asm.h"
#include "cpu/insn.h"
#include "engine_bench.h"

#include <criterion/criterion.h>

#define HANDLER    (RAM + 0x8000)
#define DATA       UINT64_C(0xa000)
#define TABLES     (RAM + 0x18000)
#define PAGES      12
#define USERS      UINT64_C(0x40000000) /* where U-mode has the same memory */
#define GIGAPAGE_S 0xcfu                /* V, R, W, X, A, D */
#define GIGAPAGE_U 0xdfu

#define SSTATUS        0x100
#define CSRC(csr, rs1) asm_i(0x73, 3, 0, rs1, csr)
#define ECALL          0x00000073u
#define MRET           0x30200073u

static struct world world;

static void place(gpa_t at, const uint32_t *insns, size_t bytes)
{
    cr_assert(bus_dma_write(&world.bus, at, insns, bytes));
}

/* From page to page, so that every bank has to be filled by the way round: after a trap a load with SUM, which adds, and two
 * without, which trap. */
static void make_world(const struct world_engine *how)
{
    static const uint32_t loop[] = {
        CSRS(SSTATUS, T0),
        ECALL,
        LD(A1, S0, 0),
        ADD(A0, A0, A1),
        CSRC(SSTATUS, T0),
        LD(A2, S0, 0),
        LD(A2, S0, 0),
        ADD(S0, S0, T2),
        ADDI(A3, A3, -1),
        BNE(A3, ZERO, -36),
        J_SELF,
    };
    static const uint32_t handler[] = {ADDI(S1, S1, 1), CSRR(T1, MEPC), ADDI(T1, T1, 4), CSRW(MEPC, T1), MRET};
    world_create_with(&world, "max", 1, how);
    struct hart *h = world.hart[0];
    place(RAM, loop, sizeof loop);
    place(HANDLER, handler, sizeof handler);
    store_le64(world_ram(&world, TABLES) + 8, RAM >> 12 << 10 | GIGAPAGE_U);
    store_le64(world_ram(&world, TABLES) + 16, RAM >> 12 << 10 | GIGAPAGE_S);
    for (uint64_t i = 0; i < PAGES; i++) store_le64(world_ram(&world, RAM + DATA + i * GUEST_PAGE_BYTES), 1 + i);
    csr_poke(h, PMPADDR0, UINT64_MAX);
    csr_poke(h, PMPCFG0, 0x1f);
    csr_poke(h, MTVEC, HANDLER);
    csr_poke(h, MSTATUS, 0);
    csr_poke(h, SATP, UINT64_C(8) << 60 | TABLES >> 12);
    h->priv = PRIV_S;
    priv_update(h);
    h->x[T0] = MSTATUS_SUM;
    h->x[T2] = GUEST_PAGE_BYTES;
    h->x[S0] = USERS + DATA;
    h->x[A3] = PAGES;
    h->pc = RAM;
}

static void run_and_check(void)
{
    const struct hart *h = world.hart[0];
    world_run(&world, 0, PAGES * 30);
    cr_assert_eq(h->pc, RAM + 40, "pc 0x%lx", h->pc);
    cr_expect_eq(h->x[A0], PAGES * (PAGES + 1) / 2, "what was added: %lu", h->x[A0]);
    cr_expect_eq(h->x[S1], 3 * PAGES, "%lu traps", h->x[S1]);
    cr_expect_eq(h->x[A2], 0, "and loaded nothing");
}

Test(engine_status, sum_is_exact_when_interpreted)
{
    make_world(&(struct world_engine){.code_bytes = 0});
    run_and_check();
    world_destroy(&world);
}

Test(engine_status, sum_is_exact_in_host_code)
{
    make_world(&(struct world_engine){.code_bytes = 1 << 20, .warm = 1});
    const struct engine_counts *counts = engine_count(world.engine);
    run_and_check();
    uint64_t left = counts->left[INSN_csrrs] + counts->left[INSN_csrrc];
    cr_expect_lt(left, 8, "left for the interpreter %lu times of %d", left, 2 * PAGES);
    world_destroy(&world);
}

/* Between two spaces that take turns, and a third whose bank was another's. */
Test(engine_status, sum_belongs_to_an_address_space)
{
    make_world(&(struct world_engine){.code_bytes = 1 << 20, .warm = 1});
    struct hart *h = world.hart[0];
    run_and_check();
    for (unsigned asid = 1; asid < 40; asid++) {
        csr_poke(h, SATP, UINT64_C(8) << 60 | (uint64_t)(asid % 3 ? asid : 7) << 44 | TABLES >> 12);
        h->x[S0] = USERS + DATA;
        h->x[A0] = h->x[S1] = h->x[A2] = 0;
        h->x[A3] = PAGES;
        h->pc = RAM;
        run_and_check();
    }
    world_destroy(&world);
}
