/* Fetching through the engine's caches: what runs must be what a translation of pc finds now, however warm the caches are. */
#include "asm.h"
#include "cpu/engine.h"
#include "cpu/priv.h"
#include "emu/base/bits.h"

#include <criterion/criterion.h>

#define RAM                UINT64_C(0x80000000)
#define RAM_SIZE           UINT64_C(0x100000)
#define JALR(rd, rs1, imm) asm_i(0x67, 0, rd, rs1, imm)

static struct bus bus;
static struct engine *engine;
static struct hart *hart;
static struct hart_env env;

static ps_t clock_at_zero(void *machine)
{
    (void)machine;
    return 0;
}

/* Stores instructions as a debugger would: code that is there already is forgotten. */
static void place(gpa_t at, const uint32_t *insns, unsigned n)
{
    cr_assert(bus_dma_write(&bus, at, insns, n * sizeof *insns));
}
#define PLACE(at, ...) place(at, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void setup(void)
{
    struct err err;
    struct hart_config c = {.pmp_count = 0, .reset_pc = RAM};
    env = (struct hart_env){.now = clock_at_zero, .timebase_ps = 100000};
    bus_init(&bus, NULL);
    cr_assert(bus_add_ram(&bus, RAM, RAM_SIZE, &err), "%s", err.text);
    cr_assert(isa_parse_cpu("max", &c.isa, &err), "%s", err.text);
    engine = engine_create(&bus, 0, NULL);
    hart = hart_create(&c, &bus, engine, &env, NULL);
    cr_assert_not_null(hart);
    hart->csr.mtvec = RAM + 0x2000;
    PLACE(RAM + 0x2000, J_SELF);
}
static void teardown(void)
{
    hart_destroy(hart);
    engine_destroy(engine);
    bus_finish(&bus);
}
TestSuite(fetch, .init = setup, .fini = teardown);

static void run_from(gva_t pc, uint64_t insns)
{
    hart->pc = pc;
    hart_run(hart, insns);
}

/* The jump cache knows blocks by virtual pc and decoding mode. Addresses that no walk accepts must not look like others in it. */
Test(fetch, far_addresses_are_not_those_of_another_mode)
{
    PLACE(RAM + 0x1100, ADDI(A0, A0, 1), JALR(ZERO, RA, 0));
    PLACE(RAM, JALR(RA, T0, 0), J_SELF);
    for (unsigned fs = 0; fs < 2; fs++)
        for (unsigned bit = 40; bit < 64; bit++) {
            csr_poke(hart, 0x300, UINT64_C(0x2000) * fs);
            hart->x[T0] = RAM + 0x1100;
            run_from(RAM, 4);
            csr_poke(hart, 0x300, UINT64_C(0x2000) * !fs); /* the other mode */
            uint64_t count = hart->x[A0];
            hart->csr.mcause = 99;
            hart->x[T0] = (RAM + 0x1100) ^ UINT64_C(1) << bit;
            run_from(RAM, 3);
            cr_assert(hart->x[A0] == count && hart->csr.mcause == CAUSE_FETCH_ACCESS && hart->csr.mtval == hart->x[T0],
                      "bit %u", bit);
        }
}

/* ---- Sv39 with three tables: one gigapage pointer down to 4 KiB pages at virtual address 0 ---- */

#define TABLES (RAM + 0x11000)
static void map(unsigned page, gpa_t to, unsigned flags)
{
    uint64_t pte = to >> 12 << 10 | flags;
    cr_assert(bus_dma_write(&bus, TABLES + 0x2000 + page * 8, &pte, 8));
}

static void paging_on(void)
{
    uint64_t pointer = (TABLES + 0x1000) >> 12 << 10 | 1;
    cr_assert(bus_dma_write(&bus, TABLES, &pointer, 8));
    pointer = (TABLES + 0x2000) >> 12 << 10 | 1;
    cr_assert(bus_dma_write(&bus, TABLES + 0x1000, &pointer, 8));
    csr_poke(hart, 0x180, UINT64_C(8) << 60 | TABLES >> 12);
    hart->priv = PRIV_S;
    priv_update(hart);
}

#define RX 0x4b /* V R X A */

static void fence(bool has_va, gva_t va, bool has_asid)
{
    struct mmu_fence f = {.scope = FENCE_S, .has_address = has_va, .address = va, .has_id = has_asid};
    mmu_fence(&hart->mmu, &f);
}

/* An instruction over a page's end: its second half lies in a page that the first half's translation says nothing about. */
static void place_straddling(gpa_t first, gpa_t second, uint32_t insn)
{
    uint16_t half[2] = {(uint16_t)insn, (uint16_t)(insn >> 16)};
    cr_assert(bus_dma_write(&bus, first + 0xffe, &half[0], 2) && bus_dma_write(&bus, second, &half[1], 2));
}

Test(fetch, a_straddling_instruction_follows_its_second_page)
{
    uint32_t back = J_SELF; /* after the straddling instruction the loop stays here */
    gpa_t first = RAM + 0x20000, one = RAM + 0x21000, two = RAM + 0x22000;
    PLACE(first + 0xff4, ADDI(A1, ZERO, 0), BEQ(ZERO, ZERO, 6));
    place_straddling(first, one, ADDI(A0, ZERO, 0x010));
    place_straddling(first, two, ADDI(A0, ZERO, 0x020));
    cr_assert(bus_dma_write(&bus, one + 2, &back, 4) && bus_dma_write(&bus, two + 2, &back, 4));
    paging_on();
    map(0, first, RX);
    map(1, one, RX);
    map(4, first, RX); /* the same first page elsewhere, followed by another */
    map(5, two, RX);
    for (unsigned i = 0; i < 4; i++) {
        run_from(0xff4, 4);
        cr_assert_eq(hart->x[A0], 0x010);
        run_from(0x4ff4, 4);
        cr_assert_eq(hart->x[A0], 0x020);
    }
    map(1, two, RX);
    fence(true, 0x1000, true);
    run_from(0xff4, 4);
    cr_assert_eq(hart->x[A0], 0x020, "a fence of the second page is enough");
    map(1, two, 0);
    fence(true, 0x1ffe, false);
    run_from(0xff4, 3);
    cr_assert(hart->csr.mcause == CAUSE_FETCH_PAGE && hart->csr.mtval == 0x1000 && hart->csr.mepc == 0xffe,
              "cause %lu tval %lx epc %lx", hart->csr.mcause, hart->csr.mtval, hart->csr.mepc);
}

Test(fetch, a_fence_reaches_code_that_ran_before)
{
    gpa_t one = RAM + 0x21000, two = RAM + 0x22000;
    PLACE(one, ADDI(A0, ZERO, 1), J_SELF);
    PLACE(two, ADDI(A0, ZERO, 2), J_SELF);
    paging_on();
    for (unsigned i = 0; i < 8; i++) {
        map(3, i & 1 ? two : one, RX);
        fence(i & 2, 0x3000, i & 4);
        run_from(0x3000, 3);
        cr_assert_eq(hart->x[A0], i & 1 ? 2 : 1, "fence %u", i);
    }
    map(3, one, RX & ~8u);
    fence(true, 0x3000, true);
    run_from(0x3000, 1);
    cr_assert(hart->csr.mcause == CAUSE_FETCH_PAGE && hart->csr.mtval == 0x3000);
}

/* norm:mstatus_mprv_inst_xlat_op, norm:sstatus_sum_op: fetches know neither MPRV nor SUM. */
Test(fetch, mprv_and_sum_do_not_matter)
{
    PLACE(RAM + 0x21000, ADDI(A0, ZERO, 1), J_SELF);
    paging_on();
    map(3, RAM + 0x21000, RX | 0x10);
    csr_poke(hart, 0x300, MSTATUS_SUM | MSTATUS_MXR);
    run_from(0x3000, 1);
    cr_assert(hart->csr.mcause == CAUSE_FETCH_PAGE, "a user page under SUM");
    csr_poke(hart, 0x300, MSTATUS_MPRV | MSTATUS_SUM);
    cr_assert_eq(hart->priv, PRIV_M);
    hart->csr.mcause = 0;
    run_from(RAM + 0x21000, 2);
    cr_assert(hart->csr.mcause == 0 && hart->x[A0] == 1, "M-mode fetches physically whatever MPRV says");
}
