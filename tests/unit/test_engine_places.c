/* The engine against itself, at every place of a block: exact stops, traps, interrupts; code that changes, accesses over page ends,
 * reservations, a full arena, more modes than it keeps, records that tell everything. */
#include "asm.h"
#include "engine_bench.h"

#include <criterion/criterion.h>

#define CODE    RAM
#define HANDLER (RAM + 0x8000)
#define DATA    (RAM + 0xa000)
#define TABLES  (RAM + 0x18000)

#define NOP                ADDI(ZERO, ZERO, 0)
#define JAL(rd, offset)    (JAL0(offset) | (uint32_t)(rd) << 7)
#define JALR(rd, rs1, imm) asm_i(0x67, 0, rd, rs1, imm)
#define AMO(f5, w, rd, rs1, rs2)                                                                                       \
    ((f5) << 27 | (uint32_t)(rs2) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(w) << 12 | (uint32_t)(rd) << 7 | 0x2fu)
#define LR_D(rd, rs1)          AMO(2u, 3, rd, rs1, 0)
#define SC_D(rd, rs2, rs1)     AMO(3u, 3, rd, rs1, rs2)
#define AMOADD_D(rd, rs2, rs1) AMO(0u, 3, rd, rs1, rs2)
#define AMOADD_W(rd, rs2, rs1) AMO(0u, 2, rd, rs1, rs2)
#define SH(rs2, rs1, imm)      asm_s(1, rs1, rs2, imm)
#define ECALL                  0x00000073u
#define EBREAK                 0x00100073u
#define MRET                   0x30200073u
#define FENCE_I                0x0000100fu

static struct world world;

static void start(unsigned harts) { world_create(&world, "max", harts, 0); }
static void place_in(struct world *w, gpa_t at, const uint32_t *insns, unsigned n)
{
    cr_assert(bus_dma_write(&w->bus, at, insns, n * sizeof *insns));
}
#define PLACE_IN(w, at, ...)                                                                                           \
    place_in(w, at, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
#define PLACE(at, ...) PLACE_IN(&world, at, __VA_ARGS__)
#define H              (world.hart[0])

static void run_from(gva_t pc, uint64_t insns)
{
    H->pc = pc;
    world_run(&world, 0, insns);
}

static struct observer silent;

/* ---- exact stops ---- */

/* A loop with a call, memory, counters, a trap and its handler. */
static void place_busy_program(struct world *w)
{
    PLACE_IN(w, CODE, LUI(S0, DATA >> 12), SLLI(S0, S0, 32), asm_i(0x13, 5, S0, S0, 32), /* zero-extended */
             ADDI(T0, ZERO, 50), ADDI(A0, A0, 1), JAL(RA, 36), SD(A0, S0, 0), CSRR(A1, MINSTRET), SD(A1, S0, 8),
             AMOADD_D(A2, A1, S0), ECALL, ADDI(T0, T0, -1), BNE(T0, ZERO, -32), J_SELF, /* function: */ ADD(A0, A0, A0),
             LD(A3, S0, 5), SD(A3, S0, 21), JALR(ZERO, RA, 0));
    PLACE_IN(w, HANDLER, CSRR(T1, MEPC), ADDI(T1, T1, 4), CSRW(MEPC, T1), MRET);
    csr_poke(w->hart[0], MTVEC, HANDLER);
}

Test(engine_places, slices_do_not_matter)
{
    struct world whole, ones, some;
    struct world *all[] = {&whole, &ones, &some};
    uint64_t total = 900, random = 1;
    for (unsigned i = 0; i < 3; i++) {
        world_create(all[i], "max", 1, 0);
        place_busy_program(all[i]);
    }
    cr_assert_eq(world_run(&whole, 0, total), HART_BUDGET);
    while (hart_icount(ones.hart[0]) < total) world_run(&ones, 0, 1);
    while (hart_icount(some.hart[0]) < total) {
        uint64_t n = 1 + (random = random * 69069 + 1) / 65536 % 40, left = total - hart_icount(some.hart[0]);
        world_run(&some, 0, n < left ? n : left);
    }
    struct world_diff d = world_compare(&whole, &ones, 0);
    cr_expect_str_empty(d.text, "single steps: %s", d.text);
    d = world_compare(&whole, &some, 0);
    cr_expect_str_empty(d.text, "random slices: %s", d.text);
    cr_expect(whole.hart[0]->x[A0] > 1000 && hart_icount(whole.hart[0]) == total);
    for (unsigned i = 0; i < 3; i++) world_destroy(all[i]);
}

Test(engine_places, run_retires_exactly_what_is_asked)
{
    start(1);
    for (unsigned i = 0; i < 300; i++) PLACE(CODE + 4 * i, ADDI(A0, A0, 1));
    uint64_t total = 0;
    for (unsigned n = 0; n < 300; n++) {
        H->x[A0] = 0;
        run_from(CODE, n);
        total += n;
        cr_assert(H->x[A0] == n && H->pc == CODE + 4 * n && hart_icount(H) == total, "asked for %u", n);
    }
    world_destroy(&world);
}

/* ---- traps and interrupts ---- */

static const struct {
    uint32_t insn;
    unsigned cause;
    uint64_t tval; /* 1: the instruction's address */
} trapping[] = {
    {0x00000000, CAUSE_ILLEGAL, 0},
    {0xffffffff, CAUSE_ILLEGAL, 0xffffffff},
    {ECALL, CAUSE_ECALL_M, 0},
    {EBREAK, CAUSE_BREAKPOINT, 1},
    {LW(A1, ZERO, 8), CAUSE_LOAD_ACCESS, 8},
    {SD(A1, ZERO, 16), CAUSE_STORE_ACCESS, 16},
    {AMOADD_D(A1, A1, S1), CAUSE_STORE_MISALIGNED, DATA + 4},
    {AMOADD_W(A1, A1, S0), CAUSE_STORE_MISALIGNED, DATA + 2},
    {SC_D(A1, A1, S1), CAUSE_STORE_MISALIGNED, DATA + 4},
    {LR_D(A1, S1), CAUSE_LOAD_MISALIGNED, DATA + 4},
    {LR_D(A1, T2), CAUSE_LOAD_ACCESS, DEVICE},
    {SC_D(A1, A1, T2), CAUSE_STORE_ACCESS, DEVICE},
    {AMOADD_D(A1, A1, T2), CAUSE_STORE_ACCESS, DEVICE},
    {CSRW(0xc00, A1), CAUSE_ILLEGAL, CSRW(0xc00, A1)},
};

static void check_trap(unsigned which, unsigned index)
{
    for (unsigned i = 0; i < 12; i++) PLACE(CODE + 4 * i, i == index ? trapping[which].insn : ADDI(A0, A0, 1));
    H->x[A0] = H->x[A1] = H->x[A2] = 0;
    H->x[S0] = DATA + 2, H->x[S1] = DATA + 4, H->x[T2] = DEVICE;
    csr_poke(H, MINSTRET, 0);
    csr_poke(H, MCAUSE, 99);
    uint64_t before = hart_icount(H), tval = trapping[which].tval == 1 ? CODE + 4 * index : trapping[which].tval;
    run_from(CODE, index + 1); /* and the first of the handler */
    cr_assert(hart_icount(H) == before + index + 1 && H->x[A0] == index && H->x[A1] == 0, "trap %u at %u", which,
              index);
    cr_assert(H->csr.mepc == CODE + 4 * index && H->csr.mcause == trapping[which].cause && H->csr.mtval == tval &&
                  H->pc == HANDLER + 4,
              "trap %u at %u: cause %lu tval %lx", which, index, H->csr.mcause, H->csr.mtval);
    cr_assert_eq(H->x[A2], index, "minstret in the handler: the trapping instruction does not retire");
}

Test(engine_places, traps_are_exact_at_every_place_of_a_block)
{
    start(1);
    csr_poke(H, MTVEC, HANDLER);
    PLACE(HANDLER, CSRR(A2, MINSTRET), J_SELF);
    for (unsigned observed = 0; observed < 2; observed++) {
        if (observed) hart_attach(H, &silent);
        for (unsigned which = 0; which < ARRAY_LEN(trapping); which++)
            for (unsigned index = 0; index < 12; index++) check_trap(which, index);
    }
    hart_detach(H, &silent);
    world_destroy(&world);
}

static void interrupts_on(void)
{
    csr_poke(H, MTVEC, HANDLER);
    PLACE(HANDLER, J_SELF);
    csr_poke(H, MIE, 1u << IRQ_MSI);
    csr_poke(H, MSTATUS, MSTATUS_MIE);
}

Test(engine_places, interrupts_between_runs_are_taken_at_once)
{
    start(1);
    interrupts_on();
    for (unsigned i = 0; i < 60; i++) PLACE(CODE + 4 * i, i % 7 == 6 ? BEQ(ZERO, ZERO, 4) : ADDI(A0, A0, 1));
    for (unsigned k = 0; k < 50; k++) {
        csr_poke(H, MSTATUS, MSTATUS_MIE);
        run_from(CODE, k);
        cr_assert_eq(H->pc, CODE + 4 * k);
        hart_set_irq(H, IRQ_MSI, true);
        world_run(&world, 0, 3);
        cr_assert(H->csr.mepc == CODE + 4 * k && H->csr.mcause == (CAUSE_INTERRUPT | IRQ_MSI) && H->pc == HANDLER,
                  "at %u: epc %lx", k, H->csr.mepc);
        hart_set_irq(H, IRQ_MSI, false);
    }
    world_destroy(&world);
}

/* A device that raises a wire while the hart runs: it is taken behind the store, and the device saw the exact count. */
Test(engine_places, interrupts_from_a_store_are_taken_behind_it)
{
    start(1);
    interrupts_on();
    for (unsigned index = 0; index < 30; index++)
        for (unsigned slice = 1; slice < 40; slice += 6) {
            for (unsigned i = 0; i < 40; i++)
                PLACE(CODE + 4 * i, i == index ? SD(ZERO, T0, DEVICE_IRQ_ON) : ADDI(A0, A0, 1));
            csr_poke(H, MSTATUS, MSTATUS_MIE);
            H->x[T0] = DEVICE;
            H->x[A0] = 0;
            H->pc = CODE;
            uint64_t before = hart_icount(H);
            while (hart_icount(H) < before + 35) {
                uint64_t left = before + 35 - hart_icount(H);
                world_run(&world, 0, left < slice ? left : slice);
            }
            cr_assert(H->csr.mepc == CODE + 4 * index + 4 && H->x[A0] == index && H->pc == HANDLER,
                      "store at %u, slices of %u", index, slice);
            cr_assert_eq(world.device_count, before + index);
            hart_set_irq(H, IRQ_MSI, false);
        }
    world_destroy(&world);
}

Test(engine_places, kick_stops_behind_the_access)
{
    start(1);
    PLACE(CODE, ADDI(A0, A0, 1), SD(ZERO, T0, DEVICE_KICK), ADDI(A0, A0, 1), ADDI(A0, A0, 1), J_SELF);
    H->x[T0] = DEVICE;
    cr_assert_eq((run_from(CODE, 100), hart_icount(H)), 2);
    cr_assert(H->pc == CODE + 8 && H->x[A0] == 1);
    world_run(&world, 0, 2);
    cr_assert(H->x[A0] == 3 && hart_icount(H) == 4);
    world_destroy(&world);
}

/* ---- code that changes ---- */

#define OLD ADDI(A0, A0, 1)
#define NEW ADDI(A0, A0, 0x100)

static void change_and_call(gpa_t target, bool fence)
{
    PLACE(target, OLD, JALR(ZERO, RA, 0));
    PLACE(CODE, JALR(RA, S0, 0), SW(A1, S0, 0), fence ? FENCE_I : NOP, JALR(RA, S0, 0), JALR(RA, S0, 0), J_SELF);
    H->x[A0] = 0, H->x[A1] = NEW, H->x[S0] = target;
    run_from(CODE, 12);
    cr_expect(H->x[A0] == 0x201 && H->pc == CODE + 20, "target 0x%lx, fence.i %d: a0 0x%lx", target, fence, H->x[A0]);
}

Test(engine_places, stores_reach_code_that_ran)
{
    start(1);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned fence = 0; fence < 2; fence++) {
            change_and_call(CODE + 0x100, fence);
            change_and_call(CODE + 24, fence);
            change_and_call(CODE + 0x1000, fence);
            change_and_call(CODE + 0x2ffc, fence);
        }
    world_destroy(&world);
}

/* docs/architecture.md: a block that is hit by its own store is left after that store. */
Test(engine_places, a_store_reaches_its_own_block)
{
    start(1);
    for (unsigned size = 0; size < 4; size++)
        for (unsigned ahead = 1; ahead < 20; ahead++)
            for (unsigned slice = 1; slice < 30; slice += 4) {
                for (unsigned i = 0; i < 24; i++) PLACE(CODE + 4 * i, OLD);
                PLACE(CODE + 4, asm_s(size, S0, A1, 0));
                H->x[A0] = 0, H->x[A1] = size == 3 ? (uint64_t)OLD << 32 | NEW : NEW, H->x[S0] = CODE + 4 + 4 * ahead;
                if (size < 2) H->x[A1] = NEW >> 16, H->x[S0] += 2; /* the immediate */
                uint64_t end = hart_icount(H) + 24;
                for (H->pc = CODE; hart_icount(H) < end;)
                    world_run(&world, 0, end - hart_icount(H) < slice ? end - hart_icount(H) : slice);
                uint64_t expected = size == 0 ? 22 : 22 + 0x100; /* a byte is enough for addi a0,a0,0 */
                cr_assert_eq(H->x[A0], expected, "size %u, %u ahead, slices of %u: 0x%lx", size, ahead, slice,
                             H->x[A0]);
            }
    world_destroy(&world);
}

Test(engine_places, a_store_behind_itself_shows_in_the_next_turn)
{
    start(1);
    PLACE(CODE, OLD, OLD, SW(A1, S0, 0), ADDI(T0, T0, -1), BNE(T0, ZERO, -16), J_SELF);
    H->x[A1] = NEW, H->x[S0] = CODE + 4, H->x[T0] = 4;
    run_from(CODE, 30);
    cr_assert_eq(H->x[A0], 5 + 3 * 0x100);
    world_destroy(&world);
}

Test(engine_places, devices_change_code)
{
    start(1);
    PLACE(CODE, OLD, OLD, OLD, J_SELF);
    for (unsigned i = 0; i < 6; i++) {
        PLACE(CODE + 8, i & 1 ? NEW : OLD);
        H->x[A0] = 0;
        run_from(CODE, 3);
        cr_assert_eq(H->x[A0], i & 1 ? 0x102 : 3);
    }
    /* while the block runs that is changed */
    PLACE(CODE, SD(A2, S0, DEVICE_DMA_ADDRESS), SW(A1, S0, DEVICE_DMA), OLD, OLD, OLD, J_SELF);
    H->x[A0] = 0, H->x[A1] = NEW, H->x[A2] = 16, H->x[S0] = DEVICE;
    run_from(CODE, 5);
    cr_assert_eq(H->x[A0], 0x102);
    world_destroy(&world);
}

Test(engine_places, a_second_half_in_another_page_changes)
{
    start(1);
    for (unsigned way = 0; way < 3; way++) {
        for (unsigned i = 0; i < 4; i++) {
            uint16_t halves[4] = {(uint16_t)OLD, (uint16_t)(OLD >> 16), 0xa001 /* c.j itself */, 0};
            cr_assert(bus_dma_write(&world.bus, CODE + 0xffe, halves, 6));
            H->x[A0] = 0;
            run_from(CODE + 0xffe, 2);
            cr_assert_eq(H->x[A0], 1);
            PLACE(CODE + 0x200, SH(A1, S0, 0), JALR(ZERO, T0, 0));
            PLACE(CODE + 0x3000, SH(A1, S0, 0), JALR(ZERO, T0, 0));
            H->x[A1] = NEW >> 16, H->x[S0] = CODE + 0x1000, H->x[T0] = CODE + 0xffe, H->x[A0] = 0;
            if (way == 2) cr_assert(bus_dma_write(&world.bus, CODE + 0x1000, &H->x[A1], 2));
            run_from(way == 2 ? CODE + 0xffe : way == 1 ? CODE + 0x3000 : CODE + 0x200, 4);
            cr_assert_eq(H->x[A0], 0x100, "way %u", way);
        }
    }
    world_destroy(&world);
}

Test(engine_places, another_hart_changes_code)
{
    start(2);
    PLACE(CODE, OLD, OLD, BEQ(ZERO, ZERO, -8));
    PLACE(CODE + 0x4000, SW(A1, S0, 0), J_SELF);
    struct hart *other = world.hart[1];
    run_from(CODE, 300);
    cr_assert_eq(H->x[A0], 200);
    other->pc = CODE + 0x4000, other->x[A1] = NEW, other->x[S0] = CODE + 4;
    world_run(&world, 1, 2);
    H->x[A0] = 0;
    run_from(CODE, 300);
    cr_assert_eq(H->x[A0], 100 * 0x101);
    world_destroy(&world);
}

/* Data that is written before, between and after code runs from its page. */
Test(engine_places, a_page_of_data_becomes_code_and_back)
{
    start(1);
    gpa_t page = CODE + 0x5000;
    PLACE(CODE, SW(A1, S0, 0), SW(A2, S0, 4), SD(ZERO, S0, 64), JALR(RA, S0, 0), J_SELF);
    H->x[S0] = page, H->x[A2] = JALR(ZERO, RA, 0);
    for (unsigned i = 1; i < 40; i++) {
        H->x[A1] = ADDI(A0, A0, i), H->x[A0] = 0;
        run_from(CODE, 7);
        cr_assert(H->x[A0] == i && H->pc == CODE + 16, "round %u", i);
    }
    world_destroy(&world);
}

/* ---- accesses over a page's end, with Sv39 ---- */

static void map(unsigned page, gpa_t to, unsigned flags)
{
    store_le64(world_ram(&world, TABLES + 0x2000 + page * 8), to >> 12 << 10 | flags);
}

/* Virtual 0x0… is mapped by 4 KiB pages, RAM by a gigapage to itself; S-mode. */
static void paging_on(void)
{
    store_le64(world_ram(&world, TABLES), (TABLES + 0x1000) >> 12 << 10 | 1);
    store_le64(world_ram(&world, TABLES + 0x1000), (TABLES + 0x2000) >> 12 << 10 | 1);
    store_le64(world_ram(&world, TABLES + 16), RAM >> 12 << 10 | 0xcf);
    csr_poke(H, PMPADDR0, UINT64_MAX);
    csr_poke(H, PMPCFG0, 0x1f);
    csr_poke(H, SATP, UINT64_C(8) << 60 | TABLES >> 12);
    csr_poke(H, MTVEC, HANDLER);
    PLACE(HANDLER, J_SELF);
    H->priv = PRIV_S;
    priv_update(H);
}

#define RW 0xc7
#define RO 0x43

/* One access of 2^size bytes at `va`; the expected tval, or 0 if it must work. */
static void check_crossing(unsigned size, gva_t va, bool store, uint64_t tval)
{
    uint8_t before[16], after[16];
    bus_dma_read(&world.bus, DATA + 0xff8, before, 8);
    bus_dma_read(&world.bus, DATA + 0x2000, before + 8, 8);
    PLACE(CODE, store ? asm_s(size, S0, A1, 0) : asm_i(0x03, size, A1, S0, 0), J_SELF);
    H->x[A1] = UINT64_C(0x1122334455667788), H->x[S0] = va;
    H->priv = PRIV_S;
    priv_update(H);
    H->csr.mcause = 99;
    run_from(CODE, 1);
    bus_dma_read(&world.bus, DATA + 0xff8, after, 8);
    bus_dma_read(&world.bus, DATA + 0x2000, after + 8, 8);
    if (tval) {
        cr_assert(H->csr.mcause == (store ? CAUSE_STORE_PAGE : CAUSE_LOAD_PAGE) && H->csr.mtval == tval &&
                      H->csr.mepc == CODE,
                  "size %u at %lx: cause %lu tval %lx", size, va, H->csr.mcause, H->csr.mtval);
        cr_assert(memcmp(before, after, 16) == 0 && H->x[A1] == UINT64_C(0x1122334455667788),
                  "a trapping access changes nothing");
        return;
    }
    cr_assert_eq(H->csr.mcause, 99);
    uint64_t mask = size == 3 ? UINT64_MAX : (UINT64_C(1) << (8 << size)) - 1, got = 0;
    memcpy(&got, after + (va - 0x2ff8), 1u << size);
    cr_assert_eq(H->x[A1] & mask, got & mask, "size %u at %lx", size, va);
}

/* norm: misaligned accesses may be split, but a fault of either half leaves everything as it was; tval names the half. */
Test(engine_places, accesses_over_a_page_end_are_all_or_nothing)
{
    start(1);
    paging_on();
    for (unsigned i = 0; i < 16; i++)
        *world_ram(&world, DATA + (i < 8 ? 0xff8 + i : 0x2000 + i - 8)) = (uint8_t)(0x80 + i);
    static const struct {
        unsigned first, second;
    } rights[] = {{RW, RW}, {RW, RO}, {RW, 0}, {RO, RW}, {0, RW}, {0, 0}};
    for (unsigned r = 0; r < ARRAY_LEN(rights); r++) {
        map(2, DATA, rights[r].first);
        map(3, DATA + 0x2000, rights[r].second);
        mmu_fence(&H->mmu, &(struct mmu_fence){.scope = FENCE_S});
        for (unsigned warm = 0; warm < 2; warm++)
            for (unsigned size = 1; size < 4; size++)
                for (unsigned store = 0; store < 2; store++)
                    for (gva_t va = 0x3001 - (1u << size); va < 0x3000; va++) {
                        bool first = store ? rights[r].first == RW : rights[r].first,
                             second = store ? rights[r].second == RW : rights[r].second;
                        check_crossing(size, va, store, !first ? va : !second ? 0x3000 : 0);
                    }
    }
    world_destroy(&world);
}

Test(engine_places, accesses_over_the_end_of_ram_change_nothing)
{
    start(1);
    csr_poke(H, MTVEC, HANDLER);
    PLACE(HANDLER, J_SELF);
    PLACE(CODE, SD(A1, S0, 0), J_SELF);
    H->x[A1] = UINT64_MAX;
    for (unsigned back = 1; back < 8; back++) {
        H->x[S0] = RAM + RAM_SIZE - back;
        run_from(CODE, 1);
        cr_assert(H->csr.mcause == CAUSE_STORE_ACCESS && H->csr.mtval == RAM + RAM_SIZE && H->csr.mepc == CODE);
        cr_assert_eq(load_le64(world_ram(&world, RAM + RAM_SIZE - 8)), 0);
    }
    world_destroy(&world);
}

/* norm: the second half's page fault has the address of that half, in M-mode at the end of RAM an access fault. */
Test(engine_places, a_straddling_instruction_at_the_end_of_ram)
{
    start(1);
    csr_poke(H, MTVEC, HANDLER);
    PLACE(HANDLER, J_SELF);
    uint16_t half = (uint16_t)OLD;
    cr_assert(bus_dma_write(&world.bus, RAM + RAM_SIZE - 2, &half, 2));
    run_from(RAM + RAM_SIZE - 2, 1);
    cr_assert(H->csr.mcause == CAUSE_FETCH_ACCESS && H->csr.mtval == RAM + RAM_SIZE &&
              H->csr.mepc == RAM + RAM_SIZE - 2);
    half = 0x0505; /* c.addi a0,1: runs, then the fetch behind it traps */
    cr_assert(bus_dma_write(&world.bus, RAM + RAM_SIZE - 2, &half, 2));
    run_from(RAM + RAM_SIZE - 2, 2);
    cr_assert(H->x[A0] == 1 && H->csr.mcause == CAUSE_FETCH_ACCESS && H->csr.mtval == RAM + RAM_SIZE &&
              H->csr.mepc == RAM + RAM_SIZE);
    world_destroy(&world);
}

/* ---- reservations ---- */

/* LR; what happens in between; SC. Returns what SC said: 0 stored. */
static uint64_t reserve_and_store(void (*between)(void), uint32_t middle)
{
    PLACE(CODE, LR_D(A0, S0), middle, SC_D(A2, A1, S0), J_SELF);
    store_le64(world_ram(&world, DATA), 77);
    H->x[S0] = DATA, H->x[A1] = 88, H->x[A2] = 99, H->x[S1] = DATA + 64;
    run_from(CODE, 2);
    if (between) between();
    world_run(&world, 0, 1);
    cr_assert_eq(H->x[A0], 77);
    cr_assert(H->x[A2] == 0 || load_le64(world_ram(&world, DATA)) != 88, "a failing SC does not store");
    cr_assert(H->x[A2] != 0 || load_le64(world_ram(&world, DATA)) == 88);
    return H->x[A2];
}

static void other_hart_stores_the_same(void)
{
    struct hart *other = world.hart[1];
    PLACE(CODE + 0x400, SD(A0, S0, 0), J_SELF);
    other->pc = CODE + 0x400, other->x[A0] = 77, other->x[S0] = DATA;
    world_run(&world, 1, 1);
}
static void other_hart_changes_and_changes_back(void)
{
    struct hart *other = world.hart[1];
    PLACE(CODE + 0x400, SD(ZERO, S0, 0), SD(A0, S0, 0), J_SELF);
    other->pc = CODE + 0x400, other->x[A0] = 77, other->x[S0] = DATA;
    world_run(&world, 1, 2);
}
static void device_writes(void)
{
    uint64_t v = 78;
    cr_assert(bus_dma_write(&world.bus, DATA, &v, 8));
}

Test(engine_places, reservations)
{
    start(2);
    cr_expect_eq(reserve_and_store(NULL, NOP), 0, "over a stop");
    cr_expect_eq(reserve_and_store(other_hart_stores_the_same, NOP), 1, "norm:sc_other_hart_store_fail");
    cr_expect_eq(reserve_and_store(other_hart_changes_and_changes_back, NOP), 1, "norm:sc_other_hart_store_fail");
    cr_expect_eq(reserve_and_store(device_writes, NOP), 1, "norm:sc_other_device_write_fail");
    cr_expect_eq(reserve_and_store(NULL, SC_D(ZERO, A1, S1)), 1, "norm:sc_reservation_invalidate: an SC elsewhere");
    cr_expect_eq(reserve_and_store(NULL, LR_D(ZERO, S1)), 1, "an LR elsewhere moves the reservation");
    cr_expect_eq(reserve_and_store(NULL, NOP), 0);
    world_run(&world, 0, 1);
    run_from(CODE + 8, 1);
    cr_expect_eq(H->x[A2], 1, "a second SC");
    /* in one run, and with an observer */
    for (unsigned observed = 0; observed < 2; observed++) {
        if (observed) hart_attach(H, &silent);
        H->x[A2] = 99;
        run_from(CODE, 3);
        cr_expect_eq(H->x[A2], 0);
        run_from(CODE + 8, 1);
        cr_expect_eq(H->x[A2], 1);
    }
    hart_detach(H, &silent);
    world_destroy(&world);
}

/* ---- limits of the engine ---- */

/* A program over many pages, whose blocks are as long as they get, in an arena for a few of them. */
static void place_long_program(struct world *w)
{
    for (unsigned page = 0; page < 20; page++) {
        for (unsigned i = 0; i < 1023; i++)
            PLACE_IN(w, CODE + page * 0x1000 + 4 * i, i % 5 ? ADD(A0, A0, T0) : ADDI(T0, T0, 1));
        PLACE_IN(w, CODE + page * 0x1000 + 4092, page == 19 ? JALR(ZERO, ZERO, 0) : NOP);
    }
}

Test(engine_places, a_full_arena_shows_nowhere)
{
    struct world small, large;
    world_create(&small, "max", 1, 1);
    world_create(&large, "max", 1, 0);
    for (struct world *w = &small;; w = &large) {
        place_long_program(w);
        csr_poke(w->hart[0], MTVEC, CODE);
        for (unsigned i = 0; i < 9; i++) world_run(w, 0, 9001);
        if (w == &large) break;
    }
    struct world_diff d = world_compare(&small, &large, 0);
    cr_assert_str_empty(d.text, "%s", d.text);
    cr_assert(engine_stats(small.engine)->evictions > 2 && hart_icount(small.hart[0]) == 81009);
    world_destroy(&small);
    world_destroy(&large);
}

/* More decoding modes than the engine keeps numbers for. */
Test(engine_places, many_modes)
{
    start(1);
    PLACE(CODE, ADDI(A0, A0, 1), ADDI(A0, A0, 1), BNE(A0, A1, -8), J_SELF);
    uint64_t full;
    cr_assert(csr_peek(H, 0x301, &full));
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 512; i++) {
            static const char letters[] = "acdfmbvx"; /* those that misa does not let go stay */
            uint64_t misa = full;
            for (unsigned b = 0; b < 8; b++)
                if (i >> b & 1) misa &= ~(UINT64_C(1) << (letters[b] - 'a'));
            H->pc = CODE;
            csr_poke(H, 0x301, misa);
            csr_poke(H, MSTATUS, i & 0x100 ? MSTATUS_FS : 0);
            if (i & 1) hart_attach(H, &silent);
            H->x[A0] = 0, H->x[A1] = 20;
            run_from(CODE, 31);
            cr_assert(H->x[A0] == 20 && H->pc == CODE + 12, "misa 0x%lx", misa);
            if (i & 1) hart_detach(H, &silent);
        }
    world_destroy(&world);
}

/* ---- observers ---- */

/* Rebuilds registers and memory from nothing but the records. */
struct replay {
    uint64_t x[32], pc, retired, traps;
    uint8_t ram[RAM_SIZE];
};

static void replay_commit(void *self, struct hart *h, const struct commit *c)
{
    struct replay *r = self;
    cr_assert_eq(c->pc, r->pc);
    cr_assert_eq(c->priv, PRIV_M);
    r->pc = h->pc;
    if (c->trapped) {
        r->traps++;
        cr_assert(!c->wrote_x && !c->mem_count && c->trap.cause == CAUSE_ECALL_M && c->insn == ECALL);
        return;
    }
    uint32_t raw = load_le32(r->ram + (c->pc - RAM));
    cr_assert(c->length == 4 && c->insn == raw);
    r->retired++;
    if (c->wrote_x) r->x[c->rd] = c->rd_value;
    for (unsigned i = 0; i < c->mem_count; i++) {
        const struct mem_record *m = &c->mem[i];
        cr_assert_eq(m->va, m->pa);
        if (m->store) store_le(r->ram + (m->pa - RAM), m->size, m->value);
        if (!m->store) cr_assert_eq(load_le(r->ram + (m->pa - RAM), m->size), m->value);
    }
    unsigned written = raw == MRET ? MSTATUS : raw == CSRW(MEPC, T1) ? MEPC : 0;
    uint64_t value = 0;
    csr_peek(h, written, &value);
    cr_assert_eq(c->csr_count, written != 0);
    if (written)
        cr_assert(c->csr[0].number == written && c->csr[0].value == value, "%08x: csr %x %lx", c->insn,
                  c->csr[0].number, c->csr[0].value);
}

Test(engine_places, records_tell_everything)
{
    struct world plain;
    static struct replay r;
    struct observer o = {.commit = replay_commit, .self = &r};
    world_create(&plain, "max", 1, 0);
    start(1);
    place_busy_program(&plain);
    place_busy_program(&world);
    memcpy(r.ram, world_ram(&world, RAM), RAM_SIZE);
    r.pc = H->pc;
    hart_attach(H, &o);
    world_run(&world, 0, 777);
    hart_detach(H, &o);
    world_run(&plain, 0, 777);
    struct world_diff d = world_compare(&world, &plain, 0);
    cr_expect_str_empty(d.text, "%s", d.text);
    cr_expect(r.retired == 777 && r.traps > 30);
    cr_expect(memcmp(r.x, H->x, sizeof r.x) == 0 && memcmp(r.ram, world_ram(&world, RAM), RAM_SIZE) == 0);
    world_destroy(&world);
    world_destroy(&plain);
}
