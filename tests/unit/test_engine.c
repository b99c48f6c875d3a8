/* The engine on small programs: exact counts, exact interrupts, self-modifying code, atomics, traps with exact addresses. */
#include "cpu/engine.h"
#include "cpu/insn.h"
#include "cpu/observe.h"
#include "cpu/priv.h"
#include "emu/base/bits.h"
#include "tests/unit/asm.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x10000)
#define DATA     UINT64_C(0x80008000)
#define HANDLER  UINT64_C(0x80004000) /* mtvec: holds an endless loop */
#define MMIO     UINT64_C(0x10000000)

#define ECALL                  0x00000073u
#define EBREAK                 0x00100073u
#define FENCE_I                0x0000100fu
#define LR_D(rd, rs1)          (0x1000302fu | (uint32_t)(rd) << 7 | (uint32_t)(rs1) << 15)
#define SC_D(rd, rs1, rs2)     (0x1800302fu | (uint32_t)(rd) << 7 | (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20)
#define AMOADD_D(rd, rs1, rs2) (0x0000302fu | (uint32_t)(rd) << 7 | (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20)
#define JALR(rd, rs1, imm)     asm_i(0x67, 0, rd, rs1, imm)

static struct bus bus;
static struct engine *engine;
static struct hart *h, *other;
static uint64_t counted; /* hart_icount as a device saw it */
static uint8_t device_mode;

static ps_t now(void *machine) { return (void)machine, 0; }
static void timer_changed(void *machine, unsigned hart) { (void)machine, (void)hart; }
static const struct hart_env env = {.now = now, .timebase_ps = 100000, .timer_changed = timer_changed};

/* Writing to it raises the machine external interrupt, or copies data over code as a device would. */
static uint64_t device_read(void *dev, uint64_t offset, unsigned size)
{
    (void)dev, (void)offset, (void)size;
    counted = hart_icount(h);
    return 0x1234;
}
static void device_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    (void)dev, (void)offset, (void)size;
    counted = hart_icount(h);
    if (device_mode == 1) hart_set_irq(h, IRQ_MEI, true);
    if (device_mode == 2) bus_dma_write(&bus, value, &(uint32_t){ADDI(A0, A0, 64)}, 4);
}
static const struct mmio_ops device_ops = {.name = "test", .widths = 15, .read = device_read, .write = device_write};

static struct hart *hart_new(unsigned id, const char *cpu)
{
    struct err err;
    struct hart_config c = {.id = id, .pmp_count = 16, .reset_pc = RAM};
    cr_assert(isa_parse_cpu(cpu, &c.isa, &err), "%s", err.text);
    struct hart *hart = hart_create(&c, &bus, engine, &env, NULL);
    csr_poke(hart, 0x305, HANDLER);
    csr_poke(hart, 0x300, 0x2000); /* FS */
    return hart;
}

static void setup_with(const char *cpu, size_t arena)
{
    struct err err;
    bus_init(&bus, NULL);
    cr_assert(bus_add_ram(&bus, RAM, RAM_SIZE, &err) && bus_add_mmio(&bus, MMIO, 0x1000, &device_ops, NULL, &err), "%s",
              err.text);
    engine = engine_create(&bus, arena, NULL);
    h = hart_new(0, cpu);
    other = hart_new(1, cpu);
    device_mode = 0;
    uint32_t loop = J_SELF;
    bus_dma_write(&bus, HANDLER, &loop, 4);
}
static void setup(void) { setup_with("rv64", 0); }
static void teardown(void)
{
    hart_destroy(h);
    hart_destroy(other);
    engine_destroy(engine);
    bus_finish(&bus);
}
TestSuite(engine, .init = setup, .fini = teardown);

static void load_at(gpa_t at, const uint32_t *words, size_t n) { cr_assert(bus_dma_write(&bus, at, words, n * 4)); }
#define PROGRAM(...) load_at(RAM, (const uint32_t[]){__VA_ARGS__}, sizeof(const uint32_t[]){__VA_ARGS__} / 4)

static uint64_t csr(unsigned n)
{
    uint64_t v = 0;
    cr_assert(csr_peek(h, n, &v));
    return v;
}
static uint64_t memory(gpa_t at)
{
    uint64_t v = 0;
    bus_dma_read(&bus, at, &v, 8);
    return v;
}
static void expect_trap(uint64_t cause, uint64_t epc, uint64_t tval)
{
    cr_assert(csr(0x342) == cause && csr(0x341) == epc && csr(0x343) == tval, "cause %lu epc %lx tval %lx", csr(0x342),
              csr(0x341), csr(0x343));
}

/* ---- exact counts ---- */

/* Two nested loops of pairs that have handlers of their own, loads, stores and a call. */
static void load_mixture(void)
{
    PROGRAM(AUIPC(S0, 8), ADDI(T0, ZERO, 9), /* DATA */
            /* 8: */ ADDI(T1, ZERO, 3),
            /* c: */ SLLI(A0, A0, 1), ADDI(A0, A0, 5), SD(A0, S0, 0), LD(A1, S0, 0), ADD(A2, A2, A1), ADDI(T1, T1, -1),
            BNE(T1, ZERO, -24),
            /* 28: */ ADDI(T0, T0, -1), BNE(T0, ZERO, -36), J_SELF);
    memset(h->x, 0, sizeof h->x);
    h->pc = RAM;
}

Test(engine, a_run_in_pieces_equals_a_run_at_once_at_every_instruction)
{
    struct {
        uint64_t pc, a0, a2, t0, t1;
    } after[260];
    load_mixture();
    h->x[8] = 0x80008000;
    for (unsigned n = 0; n < 260; n++) {
        cr_assert_eq(hart_run(h, 1), HART_BUDGET);
        cr_assert_eq(hart_icount(h), n + 1);
        after[n].pc = h->pc, after[n].a0 = h->x[A0], after[n].a2 = h->x[A2], after[n].t0 = h->x[T0],
        after[n].t1 = h->x[T1];
    }
    for (unsigned n = 1; n < 260; n++) {
        load_mixture();
        uint64_t before = hart_icount(h);
        hart_run(h, n + 1);
        cr_assert_eq(hart_icount(h) - before, n + 1);
        cr_assert(h->pc == after[n].pc && h->x[A0] == after[n].a0 && h->x[A2] == after[n].a2 &&
                      h->x[T0] == after[n].t0 && h->x[T1] == after[n].t1,
                  "after %u instructions: pc %lx, not %lx", n + 1, h->pc, after[n].pc);
    }
}

Test(engine, counting_accesses_changes_nothing)
{
    const struct engine_counts *counts = engine_count(engine);
    load_mixture();
    h->x[8] = 0x80008000;
    for (unsigned n = 1; n < 40; n++) hart_run(h, n); /* blocks are cut at every place */
    uint64_t count = hart_icount(h), a2 = h->x[A2];
    cr_assert(counts->accesses > 20, "%lu accesses", counts->accesses);
    teardown();
    setup();
    load_mixture();
    h->x[8] = 0x80008000;
    hart_run(h, count);
    cr_assert(h->x[A2] == a2 && hart_icount(h) == count);
}

Test(engine, a_device_and_a_csr_see_the_exact_count)
{
    PROGRAM(LUI(S0, 0x10000), ADDI(A0, ZERO, 1), ADDI(A0, A0, 1), LW(A1, S0, 0), ADDI(A0, A0, 1),
            asm_i(0x73, 2, A2, 0, 0xb02), J_SELF);
    hart_run(h, 6);
    cr_assert_eq(counted, 3, "%lu retired before the load", counted);
    cr_assert_eq(h->x[A1], 0x1234);
    cr_assert_eq(h->x[A2], 5, "minstret is %lu", h->x[A2]);
}

Test(engine, a_trapping_instruction_does_not_retire)
{
    PROGRAM(ADDI(A0, ZERO, 1), ECALL);
    hart_run(h, 1);
    cr_assert_eq(hart_run(h, 5), HART_BUDGET);
    cr_assert_eq(hart_icount(h), 6);
    expect_trap(CAUSE_ECALL_M, RAM + 4, 0);
    cr_assert_eq(h->pc, HANDLER);
}

/* ---- interrupts ---- */

Test(engine, an_interrupt_that_a_store_raises_comes_before_the_next_instruction)
{
    device_mode = 1;
    csr_poke(h, 0x304, 1 << IRQ_MEI);
    csr_poke(h, 0x300, MSTATUS_MIE);
    PROGRAM(LUI(S0, 0x10000), SW(A0, S0, 0), ADDI(A0, ZERO, 7), ADDI(A1, ZERO, 7), J_SELF);
    for (unsigned turn = 0; turn < 4; turn++) hart_run(h, 20); /* a kick ends the run early */
    expect_trap(CAUSE_INTERRUPT | IRQ_MEI, RAM + 8, 0);
    cr_assert(h->x[A0] == 0 && counted == 1);
}

Test(engine, an_interrupt_that_a_csr_write_enables_comes_at_once)
{
    hart_set_irq(h, IRQ_MTI, true);
    csr_poke(h, 0x304, 1 << IRQ_MTI);
    PROGRAM(ADDI(A0, ZERO, 8), CSRS(CSR_MSTATUS, A0), ADDI(A1, ZERO, 1), J_SELF);
    hart_run(h, 10);
    expect_trap(CAUSE_INTERRUPT | IRQ_MTI, RAM + 8, 0);
    cr_assert_eq(h->x[A1], 0);
}

Test(engine, wfi_waits_and_an_interrupt_wakes)
{
    csr_poke(h, 0x304, 1 << IRQ_MTI);
    PROGRAM(WFI, ADDI(A0, ZERO, 1), J_SELF);
    cr_assert_eq(hart_run(h, 10), HART_WFI);
    cr_assert(hart_icount(h) == 1 && h->pc == RAM + 4 && !hart_wakes(h));
    cr_assert_eq(hart_run(h, 10), HART_WFI);
    hart_set_irq(h, IRQ_MTI, true);
    cr_assert(hart_wakes(h) && hart_run(h, 1) == HART_BUDGET && h->x[A0] == 1);
}

/* ---- code that changes ---- */

Test(engine, a_store_into_code_is_seen_after_fence_i_even_in_its_own_block)
{
    /* a1 holds "addi a0, a0, 64"; it replaces the instruction behind FENCE.I, which has run once before */
    PROGRAM(LUI(S0, 0x80000), SLLI(S0, S0, 32), asm_i(0x13, 5, S0, S0, 32), ADDI(T0, ZERO, 2), LW(A1, S0, 0x100),
            /* 14: */ ADDI(A0, A0, 1), ADDI(T0, T0, -1), BEQ(T0, ZERO, 16), SW(A1, S0, 0x14), FENCE_I, JAL0(-20),
            J_SELF);
    load_at(RAM + 0x100, &(uint32_t){ADDI(A0, A0, 64)}, 1);
    hart_run(h, 40);
    cr_assert_eq(h->x[A0], 65);
    cr_assert(engine_stats(engine)->invalidations > 0);
}

/* The first one looks the page up, the others see that their line holds no code. */
Test(engine, stores_beside_code_go_no_long_way)
{
    const struct engine_counts *counts = engine_count(engine);
    PROGRAM(LUI(S0, 0x80000), SLLI(S0, S0, 32), asm_i(0x13, 5, S0, S0, 32), ADDI(T0, ZERO, 100), SD(T0, S0, 0x200),
            ADDI(T0, T0, -1), BNE(T0, ZERO, -8), J_SELF);
    hart_run(h, 400);
    uint64_t v;
    cr_assert(bus_read(&bus, RAM + 0x200, 8, &v) && v == 1);
    cr_assert_leq(counts->stores, 2, "%lu stores", counts->stores);
}

Test(engine, dma_into_code_is_seen)
{
    device_mode = 2;
    PROGRAM(LUI(S0, 0x10000), LUI(A1, 0x80000), ADDI(A1, A1, 0x20), ADDI(T0, ZERO, 2), JAL0(16), 0, 0, 0,
            /* 20: */ ADDI(A0, A0, 1), ADDI(T0, T0, -1), BEQ(T0, ZERO, 12), SW(A1, S0, 0), JAL0(-16), J_SELF);
    hart_run(h, 40);
    cr_assert_eq(h->x[A0], 65);
}

Test(engine, another_hart_s_store_into_code_is_seen)
{
    PROGRAM(ADDI(A0, A0, 1), JAL0(-4));
    hart_run(h, 10);
    cr_assert_eq(h->x[A0], 5);
    const uint32_t writer[] = {SW(A1, S0, 0), J_SELF};
    load_at(RAM + 0x1000, writer, 2);
    other->pc = RAM + 0x1000;
    other->x[8] = RAM;
    other->x[11] = ADDI(A0, A0, 64);
    hart_run(other, 3);
    hart_run(h, 2);
    cr_assert_eq(h->x[A0], 69);
}

Test(engine, a_small_arena_is_flushed_and_nothing_is_lost)
{
    teardown();
    setup_with("rv64", 1);
    uint32_t code[4000];
    for (size_t i = 0; i < 3998; i++) code[i] = ADDI(A0, A0, 1);
    code[3998] = JAL0(-3998 * 4);
    load_at(RAM, code, 3999);
    hart_run(h, 3999 * 4);
    cr_assert_eq(h->x[A0], 3998 * 4);
    cr_assert(engine_stats(engine)->evictions > 2);
}

/* ---- fetching ---- */

Test(engine, an_instruction_may_straddle_two_pages)
{
    uint16_t halves[] = {0x0001, ADDI(A0, A0, 7) & 0xffff, ADDI(A0, A0, 7) >> 16, 0xa001};
    bus_dma_write(&bus, RAM + 0xffc, halves, sizeof halves);
    h->pc = RAM + 0xffc;
    hart_run(h, 3);
    cr_assert(h->x[A0] == 7 && h->pc == RAM + 0x1002, "a0 %lu pc %lx", h->x[A0], h->pc);
    /* and its second half is code, too */
    halves[2] = ADDI(A0, A0, 9) >> 16;
    bus_dma_write(&bus, RAM + 0x1000, &halves[2], 2);
    h->pc = RAM + 0xffe;
    hart_run(h, 1);
    cr_assert_eq(h->x[A0], 16);
}

Test(engine, a_fetch_fault_in_the_second_half_names_the_second_half)
{
    uint16_t half = ADDI(A0, A0, 7) & 0xffff;
    bus_dma_write(&bus, RAM + RAM_SIZE - 2, &half, 2);
    h->pc = RAM + RAM_SIZE - 2;
    hart_run(h, 1);
    expect_trap(CAUSE_FETCH_ACCESS, RAM + RAM_SIZE - 2, RAM + RAM_SIZE);
}

Test(engine, device_windows_hold_no_code)
{
    h->pc = MMIO;
    hart_run(h, 1);
    expect_trap(CAUSE_FETCH_ACCESS, MMIO, MMIO);
}

Test(engine, without_c_a_jump_to_a_half_word_traps_at_the_jump)
{
    teardown();
    setup_with("rv64,c=off", 0);
    PROGRAM(ADDI(T0, ZERO, 6), BNE(T0, ZERO, 6), J_SELF);
    hart_run(h, 2);
    expect_trap(CAUSE_FETCH_MISALIGNED, RAM + 4, RAM + 10);
    PROGRAM(ADDI(A0, A0, 0), BEQ(T0, ZERO, 6), LUI(S0, 0x80000), SLLI(S0, S0, 32), asm_i(0x13, 5, S0, S0, 32),
            JALR(RA, S0, 2));
    h->pc = RAM;
    h->x[RA] = 0;
    hart_run(h, 6);
    expect_trap(CAUSE_FETCH_MISALIGNED, RAM + 20, RAM + 2);
    cr_assert_eq(h->x[RA], 0, "nothing is written");
}

/* ---- illegal instructions ---- */

Test(engine, an_illegal_instruction_leaves_its_bits)
{
    PROGRAM(ADDI(A0, ZERO, 1), 0xffffffff);
    hart_run(h, 2);
    expect_trap(CAUSE_ILLEGAL, RAM + 4, 0xffffffff);
    PROGRAM(0x00000000);
    h->pc = RAM;
    hart_run(h, 1);
    expect_trap(CAUSE_ILLEGAL, RAM, 0);
}

Test(engine, floating_point_needs_fs_and_a_legal_mode)
{
    const uint32_t fadd = 0x02b57553; /* fadd.d fa0, fa0, fa1, dyn */
    PROGRAM(fadd, fadd, J_SELF);
    csr_poke(h, 0x300, 0);
    hart_run(h, 1);
    expect_trap(CAUSE_ILLEGAL, RAM, fadd);
    csr_poke(h, 0x300, 0x2000);
    h->pc = RAM;
    hart_run(h, 1);
    cr_assert_eq(h->pc, RAM + 4, "legal now, in the same code");
    fp_set_frm(&h->fp, 5);
    hart_run(h, 1);
    expect_trap(CAUSE_ILLEGAL, RAM + 4, fadd);
}

/* ---- memory ---- */

/* One instruction while FS is Clean and the flags of `accrued` are set already; FS afterwards. f8 and f9 are its operands. */
static uint64_t fs_after(uint32_t insn, uint64_t f8, uint64_t f9, unsigned accrued, bool observed)
{
    static struct observer silent;
    PROGRAM(insn);
    csr_poke(h, 0x300, 0x6000);
    csr_poke(h, 0x001, accrued);
    csr_poke(h, 0x300, 0x4000);
    h->f[8] = f8, h->f[9] = f9;
    h->pc = RAM;
    if (observed) hart_attach(h, &silent);
    hart_run(h, 1);
    if (observed) hart_detach(h, &silent);
    return csr(0x300) >> 13 & 3;
}

/* norm:mstatus_fs_vs_xs_clean_op: dirty is what a context switch has to save, and an instruction that neither wrote an f register nor
 * raised a flag has left nothing to save. */
Test(engine, fs_becomes_dirty_with_an_f_register_or_a_raised_flag_only)
{
    static const struct {
        enum insn_id id;
        uint32_t operands; /* rs1 = f8 or x8, rd = 10; rm */
        uint64_t f8, f9;
        bool dirty;
    } cases[] = {
        {INSN_feq_d, 9 << 20, 0x3ff0000000000000, 0x3ff0000000000000, false},
        {INSN_flt_d, 9 << 20, 0x3ff0000000000000, 0x4000000000000000, false},
        {INSN_flt_d, 9 << 20, 0x7ff8000000000000, 0, true}, /* NV */
        {INSN_feq_d, 9 << 20, 0x7ff8000000000000, 0, false},
        {INSN_feq_d, 9 << 20, 0x7ff0000000000001, 0, true},     /* signalling */
        {INSN_feq_s, 9 << 20, 0xffffffff7f800001, 0, true},     /* operand 9 has no box: softfp's way */
        {INSN_fcvt_w_d, 7 << 12, 0x4000000000000000, 0, false}, /* 2.0 */
        {INSN_fcvt_w_d, 7 << 12, 0x4004000000000000, 0, true},  /* 2.5: NX */
        {INSN_fcvt_w_d, 4 << 12, 0x4004000000000000, 0, true},  /* by softfp: RMM */
        {INSN_fcvt_w_d, 4 << 12, 0x4000000000000000, 0, false},
        {INSN_fcvt_lu_s, 1 << 12, 0xffffffffbf800000, 0, true}, /* -1.0: NV */
        {INSN_fmv_x_d, 0, 0x7ff0000000000001, 0, false},
        {INSN_fclass_d, 0, 0x7ff0000000000001, 0, false},
        {INSN_fadd_d, 7 << 12 | 9 << 20, 0x3ff0000000000000, 0, true},
        {INSN_fmv_d_x, 0, 0, 0, true},
        {INSN_fsgnj_d, 8 << 20, 0x3ff0000000000000, 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (unsigned variant = 0; variant < 4; variant++) {
            uint32_t insn = insn_pattern(cases[i].id)->match | cases[i].operands | 8 << 15 | A0 << 7;
            /* with all flags accrued before it, raising one again is no change of value but a write all the same */
            uint64_t fs = fs_after(insn, cases[i].f8, cases[i].f9, variant & 1 ? 31 : 0, variant & 2);
            cr_assert_eq(fs, cases[i].dirty ? 3 : 2, "case %zu, variant %u", i, variant);
        }
}

Test(engine, what_was_raised_before_fs_was_cleaned_does_not_dirty_it)
{
    uint32_t divide = insn_pattern(INSN_fdiv_d)->match | 7 << 12 | 9 << 20 | 8 << 15 | 10 << 7;
    uint32_t compare = insn_pattern(INSN_feq_d)->match | 9 << 20 | 8 << 15 | A1 << 7;
    PROGRAM(divide, CSRW(CSR_MSTATUS, T0), compare, CSRR(A2, CSR_MSTATUS), J_SELF);
    csr_poke(h, 0x300, 0x6000);
    h->f[8] = 0x3ff0000000000000, h->f[9] = 0; /* 1 / 0: DZ */
    h->x[T0] = 0x4000;
    hart_run(h, 4);
    cr_assert_eq(h->x[A2] >> 13 & 3, 2);
    cr_assert_eq(csr(0x001), 8, "the flag itself stays");
    csr_poke(h, 0x300, 0);
    csr_poke(h, 0x001, 3);
    cr_assert_eq(csr(0x300) >> 13 & 3, 0, "a debugger's write does not switch the unit on");
}

Test(engine, misaligned_accesses_work_within_and_across_pages)
{
    for (uint64_t at = DATA + 0xff0; at < DATA + 0x1008; at++) {
        PROGRAM(SD(A0, S0, 0), LD(A1, S0, 0), LW(A2, S0, 2), J_SELF);
        h->pc = RAM;
        h->x[8] = at;
        h->x[A0] = UINT64_C(0x8877665544332211) + at;
        hart_run(h, 3);
        cr_assert(h->x[A1] == h->x[A0] && memory(at) == h->x[A0] &&
                      h->x[A2] == (uint64_t)(int64_t)(int32_t)(h->x[A0] >> 16),
                  "at %lx", at);
    }
}

Test(engine, a_store_over_the_end_of_memory_writes_nothing_and_names_the_half)
{
    PROGRAM(SD(A0, S0, 0));
    h->x[8] = RAM + RAM_SIZE - 3;
    h->x[A0] = UINT64_MAX;
    hart_run(h, 1);
    expect_trap(CAUSE_STORE_ACCESS, RAM, RAM + RAM_SIZE);
    cr_assert_eq(memory(RAM + RAM_SIZE - 8), 0);
}

Test(engine, a_trap_in_either_half_of_a_pair_is_exact)
{
    PROGRAM(ADDI(A0, A0, 1), LD(A1, S0, 0), J_SELF);
    hart_run(h, 2);
    expect_trap(CAUSE_LOAD_ACCESS, RAM + 4, 0);
    cr_assert_eq(h->x[A0], 1);
    PROGRAM(LD(A1, S0, 8), ADDI(A0, A0, 1), J_SELF);
    h->pc = RAM;
    hart_run(h, 2);
    expect_trap(CAUSE_LOAD_ACCESS, RAM, 8);
    cr_assert_eq(h->x[A0], 1);
}

/* ---- atomics ---- */

Test(engine, atomics_demand_alignment)
{
    h->x[8] = DATA + 4;
    PROGRAM(AMOADD_D(A0, S0, A1));
    hart_run(h, 1);
    expect_trap(CAUSE_STORE_MISALIGNED, RAM, DATA + 4);
    PROGRAM(LR_D(A0, S0));
    h->pc = RAM;
    hart_run(h, 1);
    expect_trap(CAUSE_LOAD_MISALIGNED, RAM, DATA + 4);
    PROGRAM(SC_D(A0, S0, A1));
    h->pc = RAM;
    hart_run(h, 1);
    expect_trap(CAUSE_STORE_MISALIGNED, RAM, DATA + 4);
}

Test(engine, a_reservation_lasts_until_it_is_used_or_lost)
{
    PROGRAM(SC_D(A0, S0, A1), LR_D(A2, S0), SC_D(A2, S0, A1), SC_D(A3, S0, A1), LR_D(T1, S0), LR_D(T1, S1),
            SC_D(T1, S0, A1), J_SELF);
    h->x[8] = DATA;
    h->x[9] = DATA + 64;
    h->x[A1] = 55;
    hart_run(h, 7);
    cr_assert(h->x[A0] == 1 && h->x[A2] == 0 && h->x[A3] == 1 && h->x[T1] == 1);
    cr_assert_eq(memory(DATA), 55);
}

Test(engine, another_hart_s_store_of_the_same_value_breaks_the_reservation)
{
    PROGRAM(LR_D(A2, S0), SC_D(A2, S0, A1), J_SELF);
    const uint32_t writer[] = {SD(ZERO, S0, 0), J_SELF};
    load_at(RAM + 0x1000, writer, 2);
    h->x[8] = other->x[8] = DATA;
    other->pc = RAM + 0x1000;
    hart_run(h, 1);
    hart_run(other, 2);
    hart_run(h, 1);
    cr_assert_eq(h->x[A2], 1);
}

Test(engine, a_device_s_write_breaks_the_reservation)
{
    PROGRAM(LR_D(A2, S0), SC_D(A2, S0, A1), J_SELF);
    h->x[8] = DATA;
    hart_run(h, 1);
    bus_dma_write(&bus, DATA + 2, "x", 1);
    hart_run(h, 1);
    cr_assert_eq(h->x[A2], 1);
}

/* ---- observers ---- */

static struct commit seen[16];
static unsigned seen_count;
static void note(void *self, struct hart *hart, const struct commit *c)
{
    (void)self, (void)hart;
    if (seen_count < 16) seen[seen_count++] = *c;
}

Test(engine, an_observer_sees_everything_and_changes_nothing)
{
    struct observer o = {.commit = note};
    seen_count = 0;
    PROGRAM(ADDI(A0, ZERO, 3), SD(A0, S0, 0), AMOADD_D(A1, S0, A0), CSRW(0x340, A0), 0xf2000553 /* fmv.d.x fa0, zero */,
            ECALL);
    h->x[8] = DATA;
    hart_attach(h, &o);
    hart_run(h, 6); /* five, and the first of the handler */
    hart_detach(h, &o);
    cr_assert_eq(seen_count, 7);
    cr_assert(seen[0].wrote_x && seen[0].rd == A0 && seen[0].rd_value == 3 && seen[0].insn == ADDI(A0, ZERO, 3) &&
              seen[0].pc == RAM);
    cr_assert(!seen[1].wrote_x && seen[1].mem_count == 1 && seen[1].mem[0].store && seen[1].mem[0].va == DATA &&
              seen[1].mem[0].value == 3);
    cr_assert(seen[2].rd_value == 3 && seen[2].mem_count == 2 && !seen[2].mem[0].store && seen[2].mem[1].store &&
              seen[2].mem[1].value == 6);
    cr_assert(seen[3].csr_count == 1 && seen[3].csr[0].number == 0x340 && seen[3].csr[0].value == 3);
    cr_assert(seen[4].wrote_f && seen[4].rd == 10 && seen[4].rd_value == 0);
    cr_assert(seen[5].trapped && seen[5].trap.cause == CAUSE_ECALL_M);
    cr_assert(seen[6].pc == HANDLER && hart_icount(h) == 6);
}

static bool stop_at(void *self, struct hart *hart, uint64_t pc) { return (void)hart, pc == *(uint64_t *)self; }

Test(engine, an_observer_can_stop_before_an_instruction)
{
    uint64_t where = RAM + 8;
    struct observer o = {.before = stop_at, .self = &where};
    PROGRAM(ADDI(A0, A0, 1), ADDI(A0, A0, 1), ADDI(A0, A0, 1), J_SELF);
    hart_attach(h, &o);
    cr_assert_eq(hart_run(h, 10), HART_BREAKPOINT);
    cr_assert(h->pc == where && h->x[A0] == 2 && hart_icount(h) == 2);
    hart_detach(h, &o);
}
