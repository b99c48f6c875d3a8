/* The H extension as instructions meet it: what a running guest's faults report, transformed instructions of every row, HLV and HSV in
 * all their ways, interrupts of a guest. */
#include "cpu/engine_internal.h"
#include "tests/unit/asm.h"
#include "tests/unit/engine_bench.h"

#include <criterion/criterion.h>

static struct world world;
#define H (world.hart[0])

#define CODE     (RAM + 0x1000)
#define HANDLER  (RAM + 0x2000)
#define DATA     (RAM + 0x8000)
#define VS_ROOT  (RAM + 0xc000)
#define G_ROOT   (RAM + 0x10000)
#define G_MIDDLE (RAM + 0x14000)
#define G_LAST   (RAM + 0x15000)

enum {
    STVEC_ = 0x105,
    HSTATUS = 0x600,
    HEDELEG = 0x602,
    HIDELEG = 0x603,
    HTVAL = 0x643,
    HVIP = 0x645,
    HTINST = 0x64a,
    HGATP = 0x680,
    VSSTATUS = 0x200,
    VSIE = 0x204,
    VSTVEC = 0x205,
    VSEPC = 0x241,
    VSCAUSE = 0x242,
    VSATP = 0x280,
};

#define SV39  (UINT64_C(8) << 60)
#define URWX  0xdfu /* V R W X U A D */
#define PLAIN 0xcfu /* without U */
#define ECALL 0x00000073u
#define PUT(at, ...)                                                                                                   \
    do {                                                                                                               \
        const uint32_t words_[] = {__VA_ARGS__};                                                                       \
        bus_dma_write(&world.bus, at, words_, sizeof words_);                                                          \
    } while (0)

static void put64(gpa_t at, uint64_t v) { bus_dma_write(&world.bus, at, &v, 8); }
static uint64_t get64(gpa_t at) { return load_le64(world_ram(&world, at)); }
static uint64_t csr(unsigned n)
{
    uint64_t v = 0;
    cr_assert(csr_peek(H, n, &v));
    return v;
}
static void set(unsigned n, uint64_t v) { cr_assert(csr_poke(H, n, v), "csr %x", n); }

/* Guest-physical page `page` of the first 2 MiB. */
static void g_map(unsigned page, gpa_t to, unsigned flags)
{
    put64(G_LAST + page * 8, to >> 12 << 10 | flags);
    mmu_fence(&H->mmu, &(struct mmu_fence){.scope = FENCE_G});
}

static void mode(enum priv priv, bool virt)
{
    priv_set_mode(H, priv, virt);
    priv_update(H);
}

/* A guest whose RAM gigapage is the machine's, and whose first 2 MiB are mapped page by page; its VS-stage is Bare. */
static void start(void)
{
    world_create(&world, "rv64", 1, 0);
    put64(G_ROOT, G_MIDDLE >> 12 << 10 | 1);
    put64(G_ROOT + 16, RAM >> 12 << 10 | URWX);
    put64(G_MIDDLE, G_LAST >> 12 << 10 | 1);
    set(PMPADDR0, UINT64_MAX);
    set(PMPCFG0, 0x1f);
    set(MEDELEG, UINT64_MAX);
    set(HGATP, SV39 | UINT64_C(7) << 44 | G_ROOT >> 12);
    set(STVEC_, HANDLER);
    set(MTVEC, HANDLER);
    set(VSTVEC, HANDLER);
    set(MSTATUS, MSTATUS_FS);
    set(VSSTATUS, MSTATUS_FS);
    PUT(HANDLER, J_SELF);
}
static void stop(void) { world_destroy(&world); }
TestSuite(hyp_engine, .init = start, .fini = stop);

static void run_in(enum priv priv, bool virt, unsigned insns)
{
    mode(priv, virt);
    H->pc = CODE;
    set(SCAUSE, 99);
    set(VSCAUSE, 99);
    set(MCAUSE, 99);
    world_run(&world, 0, insns);
}
static void run_guest(unsigned insns) { run_in(PRIV_S, true, insns); }

#define CHECK_HS(cause, tval, tval2, tinst)                                                                            \
    do {                                                                                                               \
        cr_assert(!H->virt && H->priv == PRIV_S, "not in HS-mode: V %d, privilege %d, mcause %lu", H->virt, H->priv,   \
                  csr(MCAUSE));                                                                                        \
        cr_assert(csr(SCAUSE) == (cause) && csr(STVAL) == (tval) && csr(HTVAL) == (tval2) && csr(HTINST) == (tinst),   \
                  "scause %lu stval %lx htval %lx htinst %lx", csr(SCAUSE), csr(STVAL), csr(HTVAL), csr(HTINST));      \
    } while (0)

/* ---- transformed instructions ---- */

#define KEEP(hi, lo) (raw & (UINT32_MAX >> (31 - (hi)) & UINT32_MAX << (lo)))

/* The pictures of hypervisor.adoc and cmo.adoc. */
static uint32_t transformed(uint32_t raw, unsigned offset)
{
    uint32_t at = offset << 15;
    switch (raw & 0x7f) {
    case 0x03:
    case 0x07: return KEEP(14, 12) | KEEP(11, 7) | KEEP(6, 0) | at;
    case 0x23:
    case 0x27: return KEEP(24, 20) | KEEP(14, 12) | KEEP(6, 0) | at;
    case 0x0f: return KEEP(31, 20) | KEEP(14, 12) | KEEP(6, 0);
    default: return KEEP(31, 20) | KEEP(14, 0) | at;
    }
}

static bool is_guest_access(enum insn_id id) { return id >= INSN_hlv_b && id <= INSN_hsv_d; }
static bool is_cache_block(enum insn_id id) { return id >= INSN_cbo_inval && id <= INSN_cbo_zero; }

Test(hyp_engine, every_wide_memory_instruction_is_transformed)
{
    unsigned rows = 0;
    uint64_t random = 1;
    for (unsigned id = 1; id < INSN_COUNT; id++) {
        enum insn_kind k = insn_info(id)->kind;
        bool memory = k == KIND_LOAD || k == KIND_STORE || k == KIND_LR || k == KIND_SC || k == KIND_AMO;
        if (!memory && !is_guest_access(id) && !is_cache_block(id)) continue;
        rows++;
        for (unsigned i = 0; i < 200; i++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            uint32_t raw = insn_pattern(id)->match | ((uint32_t)(random >> 32) & ~insn_pattern(id)->mask);
            struct insn insn;
            if (!insn_decode(raw, H->isa, &insn) || insn.id != id) continue;
            unsigned offset = is_cache_block(id) ? 0 : i % 8;
            cr_assert_eq(tinst_of(raw, H->isa, offset), transformed(raw, offset), "%s %08x", insn_info(id)->name, raw);
        }
    }
    cr_assert_eq(rows, 7 + 4 + 3 + 3 + 4 + 18 + 13 + 4); /* I, FLH FLW FLD and stores, LR and SC, AMO, HLV … HSV, CBO */
}

Test(hyp_engine, compressed_instructions_are_expanded_first_and_lose_bit_1)
{
    static const struct {
        uint32_t raw, wide; /* wide: the equivalent, with offset and rs1 zero; made with an assembler */
    } cases[] = {
        {0x414c, 0x00002583}, /* c.lw a1,4(a0)      lw a1,0(x0) */
        {0x650c, 0x00003583}, /* c.ld a1,8(a0)      ld */
        {0x45a2, 0x00002583}, /* c.lwsp a1,8(sp)    lw */
        {0x65a2, 0x00003583}, /* c.ldsp a1,8(sp)    ld */
        {0xc14c, 0x00b02023}, /* c.sw a1,4(a0)      sw a1,0(x0) */
        {0xe50c, 0x00b03023}, /* c.sd a1,8(a0)      sd */
        {0xc42e, 0x00b02023}, /* c.swsp a1,8(sp)    sw */
        {0xe42e, 0x00b03023}, /* c.sdsp a1,8(sp)    sd */
        {0x250c, 0x00003587}, /* c.fld fa1,8(a0)    fld fa1,0(x0) */
        {0xa50c, 0x00b03027}, /* c.fsd fa1,8(a0)    fsd fa1,0(x0) */
        {0x810c, 0x00004583}, /* c.lbu a1,0(a0)     lbu */
        {0x850c, 0x00005583}, /* c.lhu a1,0(a0)     lhu */
        {0x854c, 0x00001583}, /* c.lh a1,0(a0)      lh */
        {0x890c, 0x00b00023}, /* c.sb a1,0(a0)      sb */
        {0x8d0c, 0x00b01023}, /* c.sh a1,0(a0)      sh */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (unsigned offset = 0; offset < 8; offset++)
            cr_assert_eq(tinst_of(cases[i].raw, H->isa, offset), (cases[i].wide & ~2u) | offset << 15, "%x: %lx",
                         cases[i].raw, tinst_of(cases[i].raw, H->isa, offset));
}

/* ---- faults of a running guest ---- */

Test(hyp_engine, a_refused_load_tells_everything)
{
    PUT(CODE, ADDI(T0, T0, 0), LW(A1, S0, 12), J_SELF);
    H->x[S0] = 0x5123 - 12;
    run_guest(2);
    CHECK_HS(CAUSE_LOAD_GUEST_PAGE, 0x5123, 0x5123 >> 2, 0x00002583);
    cr_assert_eq(csr(SEPC), CODE + 4);
    cr_assert_eq(csr(HSTATUS) & 0x1c0, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP);
}

Test(hyp_engine, stores_atomics_and_reservations_report_as_what_they_are)
{
    static const struct {
        uint32_t insn, tinst;
        unsigned cause;
    } cases[] = {
        {asm_s(3, S0, A1, 0), 0x00b03023, CAUSE_STORE_GUEST_PAGE},
        {0x00b42627u, 0x00b02027, CAUSE_STORE_GUEST_PAGE}, /* fsw fa1,12(s0) */
        {0x0ab4252fu, 0x0ab0252f, CAUSE_STORE_GUEST_PAGE}, /* amoswap.w.rl a0,a1,(s0) */
        {0x1004252fu, 0x1000252f, CAUSE_LOAD_GUEST_PAGE},  /* lr.w a0,(s0) */
        {0x18b4252fu, 0x18b0252f, CAUSE_STORE_GUEST_PAGE}, /* sc.w a0,a1,(s0) */
        {0x0044200fu, 0x0040200f, CAUSE_STORE_GUEST_PAGE}, /* cbo.zero (s0) */
        {0x0014200fu, 0x0010200f, CAUSE_STORE_GUEST_PAGE}, /* cbo.clean (s0) */
    };
    set(0x30a, 0xf0); /* menvcfg and henvcfg: cache blocks */
    set(0x60a, 0xf0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        PUT(CODE, cases[i].insn, J_SELF);
        H->x[S0] = 0x5008;
        run_guest(1);
        uint64_t at = i == 1 ? 0x5014 : 0x5008;
        CHECK_HS(cases[i].cause, at, at >> 2, cases[i].tinst);
    }
}

Test(hyp_engine, an_access_over_a_page_end_names_the_page_that_faults)
{
    g_map(4, DATA, URWX);
    for (unsigned store = 0; store < 2; store++)
        for (unsigned back = 1; back < 8; back++) {
            PUT(CODE, store ? SD(A1, S0, 0) : LD(A1, S0, 0), J_SELF);
            H->x[S0] = 0x5000 - back;
            run_guest(1);
            CHECK_HS(store ? CAUSE_STORE_GUEST_PAGE : CAUSE_LOAD_GUEST_PAGE, 0x5000u, 0x5000u >> 2,
                     (store ? 0x00b03023u : 0x00003583u) | back << 15);
            H->x[S0] = 0x4000 - back;
            run_guest(1);
            CHECK_HS(store ? CAUSE_STORE_GUEST_PAGE : CAUSE_LOAD_GUEST_PAGE, 0x4000u - back, (0x4000u - back) >> 2,
                     store ? 0x00b03023u : 0x00003583u);
        }
}

Test(hyp_engine, a_refused_fetch_tells_which_half)
{
    g_map(6, CODE, URWX & ~8u);
    PUT(CODE, ADDI(T0, T0, 0));
    mode(PRIV_S, true);
    H->pc = 0x6000;
    world_run(&world, 0, 1);
    CHECK_HS(CAUSE_FETCH_GUEST_PAGE, 0x6000u, 0x6000u >> 2, 0);
    g_map(4, DATA, URWX);          /* a wide instruction over the end of page 4, page 5 unmapped */
    PUT(DATA + 0xffc, 0x00130001); /* c.nop, then the first half of addi */
    mode(PRIV_S, true);
    H->pc = 0x4ffe;
    world_run(&world, 0, 1);
    CHECK_HS(CAUSE_FETCH_GUEST_PAGE, 0x5000u, 0x5000u >> 2, 0);
    cr_assert_eq(csr(SEPC), 0x4ffe);
}

/* VS-stage tables at guest-physical page 16 and up, so that the G-stage can refuse each of them. */
static void vs_stage(unsigned leaf_flags)
{
    put64(VS_ROOT, 0x11000 >> 12 << 10 | 1);
    put64(VS_ROOT + 16, RAM >> 12 << 10 | PLAIN);
    put64(VS_ROOT + 0x1000, 0x12000 >> 12 << 10 | 1);
    put64(VS_ROOT + 0x2000 + 3 * 8, 0x4000 >> 12 << 10 | leaf_flags);
    for (unsigned i = 0; i < 3; i++) g_map(0x10 + i, VS_ROOT + i * 0x1000, URWX);
    g_map(4, DATA, URWX);
    set(VSATP, SV39 | 0x10);
}

Test(hyp_engine, a_refused_table_shows_as_a_pseudoinstruction)
{
    static const uint64_t ptes[] = {0x10000, 0x11000, 0x12018};
    vs_stage(PLAIN);
    PUT(CODE, LD(A1, S0, 0), J_SELF);
    H->x[S0] = 0x3008;
    run_guest(1);
    cr_assert_eq(csr(SCAUSE), 99, "all is mapped");
    for (unsigned i = 1; i < 3; i++) { /* without the root there is no code either */
        g_map(0x10 + i, 0, 0);
        run_guest(1);
        CHECK_HS(CAUSE_LOAD_GUEST_PAGE, 0x3008u, ptes[i] >> 2, 0x3000u);
        PUT(CODE, SD(A1, S0, 0));
        run_guest(1);
        CHECK_HS(CAUSE_STORE_GUEST_PAGE, 0x3008u, ptes[i] >> 2, 0x3000u);
        PUT(CODE, LD(A1, S0, 0));
        g_map(0x10 + i, VS_ROOT + i * 0x1000, URWX);
    }
    g_map(0x10, 0, 0);
    run_guest(1);
    CHECK_HS(CAUSE_FETCH_GUEST_PAGE, CODE, (0x10000 + 16) >> 2, 0x3000u);
}

Test(hyp_engine, a_refused_update_of_a_table_shows_as_a_write)
{
    set(0x30a, UINT64_C(1) << 61); /* menvcfg.ADUE, henvcfg.ADUE */
    set(0x60a, UINT64_C(1) << 61);
    vs_stage(PLAIN & ~0xc0u);
    g_map(0x12, VS_ROOT + 0x2000, URWX & ~0x84u); /* the table's page may only be read */
    PUT(CODE, LD(A1, S0, 0), J_SELF);
    H->x[S0] = 0x3008;
    run_guest(1);
    CHECK_HS(CAUSE_LOAD_GUEST_PAGE, 0x3008u, 0x12018u >> 2, 0x3020u);
    g_map(0x12, VS_ROOT + 0x2000, URWX);
    run_guest(1);
    cr_assert(csr(SCAUSE) == 99 && (get64(VS_ROOT + 0x2018) & 0xc0) == 0x40, "now it works, and A is set");
}

Test(hyp_engine, a_fault_of_the_first_stage_is_an_ordinary_one)
{
    vs_stage(PLAIN & ~0xc0u); /* Svade */
    PUT(CODE, LD(A1, S0, 0), J_SELF);
    H->x[S0] = 0x3008;
    run_guest(1);
    CHECK_HS(CAUSE_LOAD_PAGE, 0x3008u, 0, 0x00003583u);
    cr_assert(csr(HSTATUS) & HSTATUS_GVA);
    set(HEDELEG, 1 << CAUSE_LOAD_PAGE);
    run_guest(1);
    cr_assert(H->virt && csr(VSCAUSE) == CAUSE_LOAD_PAGE && csr(VSEPC) == CODE && csr(SCAUSE) == 99);
}

/* ---- HLV, HLVX, HSV ---- */

#define HLV(f7, rs2, rd, rs1)                                                                                          \
    (0x00004073u | (uint32_t)(f7) << 25 | (uint32_t)(rs2) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(rd) << 7)
#define HLV_D(rd, rs1)  HLV(0x36, 0, rd, rs1)
#define HSV_D(rs2, rs1) HLV(0x37, rs2, 0, rs1)

Test(hyp_engine, guest_loads_extend_as_loads_do)
{
    static const struct {
        unsigned f7, rs2;
        uint64_t want;
    } cases[] = {{0x30, 0, UINT64_C(0xfffffffffffffff8)},
                 {0x30, 1, 0xf8},
                 {0x32, 0, UINT64_C(0xfffffffffffff7f8)},
                 {0x32, 1, 0xf7f8},
                 {0x32, 3, 0xf7f8},
                 {0x34, 0, UINT64_C(0xfffffffff5f6f7f8)},
                 {0x34, 1, 0xf5f6f7f8},
                 {0x34, 3, 0xf5f6f7f8},
                 {0x36, 0, UINT64_C(0xf1f2f3f4f5f6f7f8)}};
    static const struct {
        enum priv priv;
        uint64_t hstatus;
    } modes[] = {{PRIV_M, 0}, {PRIV_S, 0}, {PRIV_U, HSTATUS_HU}};
    g_map(4, DATA, URWX);
    put64(DATA + 8, UINT64_C(0xf1f2f3f4f5f6f7f8));
    H->x[S0] = 0x4008;
    for (unsigned m = 0; m < 3; m++)
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            set(HSTATUS, modes[m].hstatus);
            PUT(CODE, HLV(cases[i].f7, cases[i].rs2, A1, S0), J_SELF);
            H->x[A1] = 1;
            run_in(modes[m].priv, false, 1);
            cr_assert_eq(H->x[A1], cases[i].want, "mode %u, case %zu: %lx, mcause %lu", m, i, H->x[A1], csr(MCAUSE));
        }
}

Test(hyp_engine, guest_stores_store_what_they_say)
{
    g_map(4, DATA, URWX);
    for (unsigned size = 0; size < 4; size++) {
        put64(DATA + 16, 0);
        H->x[S0] = 0x4010, H->x[A1] = UINT64_C(0x8877665544332211);
        PUT(CODE, HLV(0x31 + 2 * size, A1, 0, S0), J_SELF);
        run_in(PRIV_S, false, 1);
        uint64_t mask = size == 3 ? UINT64_MAX : (UINT64_C(1) << (8 << size)) - 1;
        cr_assert_eq(get64(DATA + 16), H->x[A1] & mask);
    }
    H->x[S0] = CODE + 8; /* into the block that runs */
    H->x[A1] = ADDI(A2, A2, 5);
    PUT(CODE, ADDI(T0, T0, 0), HLV(0x35, A1, 0, S0), ADDI(A2, A2, 1), J_SELF);
    H->x[A2] = 0;
    run_in(PRIV_S, false, 3);
    cr_assert_eq(H->x[A2], 5);
}

Test(hyp_engine, guest_accesses_fault_as_loads_and_stores_with_gva)
{
    H->x[S0] = 0x5ffc;
    g_map(5, DATA, URWX);
    PUT(CODE, HLV_D(A1, S0), J_SELF);
    run_in(PRIV_S, false, 1);
    CHECK_HS(CAUSE_LOAD_GUEST_PAGE, 0x6000u, 0x6000u >> 2, HLV_D(A1, 4));
    cr_assert_eq(csr(HSTATUS) & (HSTATUS_GVA | HSTATUS_SPV), HSTATUS_GVA);
    PUT(CODE, HSV_D(A1, S0), J_SELF);
    run_in(PRIV_S, false, 1);
    CHECK_HS(CAUSE_STORE_GUEST_PAGE, 0x6000u, 0x6000u >> 2, HSV_D(A1, 4));
    H->x[S0] = 0x5000;
    g_map(5, DATA, URWX & ~8u); /* readable, not executable */
    PUT(CODE, HLV(0x34, 3, A1, S0), J_SELF);
    run_in(PRIV_S, false, 1);
    CHECK_HS(CAUSE_LOAD_GUEST_PAGE, 0x5000u, 0x5000u >> 2, HLV(0x34, 3, A1, 0));
    g_map(5, DATA, URWX & ~6u); /* executable, not readable */
    put64(DATA, 0x1234);
    run_in(PRIV_S, false, 1);
    cr_assert(H->x[A1] == 0x1234 && csr(SCAUSE) == 99);
    g_map(5, DATA, URWX);
    put64(VS_ROOT, 0);
    set(VSATP, SV39 | VS_ROOT >> 12);
    PUT(CODE, HLV_D(A1, S0), J_SELF);
    run_in(PRIV_S, false, 1);
    CHECK_HS(CAUSE_LOAD_PAGE, 0x5000u, 0, HLV_D(A1, 0));
}

Test(hyp_engine, guest_accesses_reach_devices_and_leave_the_harts_own_translations_alone)
{
    g_map(4, DEVICE, URWX);
    const struct data_bank *own;
    PUT(CODE, HLV(0x34, 0, A1, S0), J_SELF);
    H->x[S0] = 0x4000;
    mode(PRIV_S, false);
    own = H->data;
    run_in(PRIV_S, false, 1);
    cr_assert(csr(SCAUSE) == 99 && H->data == own && !own->info.regime.virt);
    cr_assert_eq(world.device_count, 0, "the reading instruction itself is not counted");
    H->x[S0] = 0x4040; /* past the window */
    run_in(PRIV_S, false, 1);
    CHECK_HS(CAUSE_LOAD_ACCESS, 0x4040u, 0, HLV(0x34, 0, A1, 0));
}

Test(hyp_engine, hypervisor_instructions_of_a_guest_are_virtual)
{
    static const uint32_t insns[] = {HLV_D(A1, S0), HSV_D(A1, S0), 0x22000073u, 0x62000073u, 0x26000073u, 0x66000073u};
    for (size_t i = 0; i < ARRAY_LEN(insns); i++)
        for (unsigned u = 0; u < 2; u++) {
            PUT(CODE, insns[i], J_SELF);
            run_in(u ? PRIV_U : PRIV_S, true, 1);
            CHECK_HS(CAUSE_VIRTUAL, insns[i], 0, 0);
            cr_assert_not(csr(HSTATUS) & HSTATUS_GVA);
        }
    set(0x301, csr(0x301) & ~UINT64_C(0x80));
    set(MEDELEG, UINT64_MAX);
    for (size_t i = 0; i < ARRAY_LEN(insns); i++) {
        PUT(CODE, insns[i], J_SELF);
        run_in(PRIV_S, false, 1);
        cr_assert(csr(SCAUSE) == CAUSE_ILLEGAL && csr(STVAL) == insns[i], "with misa.H off");
    }
}

/* ---- the rest ---- */

Test(hyp_engine, environment_calls_tell_where_they_come_from)
{
    static const struct {
        enum priv priv;
        bool virt;
        unsigned cause;
    } cases[] = {{PRIV_U, false, CAUSE_ECALL_U},
                 {PRIV_S, false, CAUSE_ECALL_S},
                 {PRIV_M, false, CAUSE_ECALL_M},
                 {PRIV_U, true, CAUSE_ECALL_U},
                 {PRIV_S, true, CAUSE_ECALL_VS}};
    PUT(CODE, ECALL);
    set(MEDELEG, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        run_in(cases[i].priv, cases[i].virt, 1);
        cr_assert_eq(csr(MCAUSE), cases[i].cause);
        cr_assert(csr(MTVAL) == 0 && !(csr(MSTATUS) & MSTATUS_GVA));
    }
}

Test(hyp_engine, floating_point_that_the_guest_has_off_is_illegal)
{
    PUT(CODE, 0x02b5f553u, J_SELF); /* fadd.d fa0,fa1,fa1 */
    set(VSSTATUS, 0);
    run_guest(1);
    CHECK_HS(CAUSE_ILLEGAL, 0x02b5f553u, 0, 0);
    set(VSSTATUS, UINT64_C(1) << 13);
    set(MSTATUS, UINT64_C(1) << 13);
    run_guest(1);
    cr_assert_eq(csr(SCAUSE), 99);
    cr_assert((csr(VSSTATUS) & MSTATUS_FS) == MSTATUS_FS && (csr(MSTATUS) & MSTATUS_FS) == MSTATUS_FS,
              "both are dirty");
}

Test(hyp_engine, mprv_with_mpv_loads_as_the_guest_does)
{
    g_map(4, DATA, URWX);
    put64(DATA, 77);
    PUT(CODE, LD(A1, S0, 0), J_SELF);
    H->x[S0] = 0x4000;
    set(MSTATUS, MSTATUS_MPRV | MSTATUS_MPV | (uint64_t)PRIV_S << 11);
    set(MEDELEG, 0);
    run_in(PRIV_M, false, 1);
    cr_assert_eq(H->x[A1], 77);
    H->x[S0] = 0x5000;
    run_in(PRIV_M, false, 1);
    cr_assert(csr(MCAUSE) == CAUSE_LOAD_GUEST_PAGE && csr(0x34b) == 0x5000 >> 2 && csr(0x34a) == 0x3583);
    cr_assert_eq(csr(MSTATUS) & (MSTATUS_GVA | MSTATUS_MPV), MSTATUS_GVA, "V was 0");
}

Test(hyp_engine, a_guest_takes_its_interrupts_itself)
{
    set(HIDELEG, 0x444);
    set(VSIE, 0x222);
    set(VSSTATUS, MSTATUS_SIE);
    set(HVIP, 0x440);
    PUT(CODE, ADDI(T0, T0, 0), J_SELF);
    run_in(PRIV_S, false, 2);
    cr_assert(csr(VSCAUSE) == 99, "not while V = 0");
    run_guest(2);
    cr_assert(H->virt && csr(VSCAUSE) == (CAUSE_INTERRUPT | 9) && csr(VSEPC) == CODE);
    set(HVIP, 0x40);
    set(VSSTATUS, 0);
    run_guest(2);
    cr_assert_eq(csr(VSCAUSE), 99);
    run_in(PRIV_U, true, 2);
    cr_assert_eq(csr(VSCAUSE), CAUSE_INTERRUPT | 5, "VU-mode is below VS-mode");
}

Test(hyp_engine, a_world_switch_keeps_each_sides_translations)
{
    g_map(4, DATA, URWX);
    put64(DATA, 11);
    PUT(CODE, LD(A1, S0, 0), J_SELF);
    H->x[S0] = 0x4000;
    run_guest(1);
    const struct data_bank *guest = H->data;
    mode(PRIV_S, false);
    cr_assert_neq(H->data, guest);
    mode(PRIV_S, true);
    cr_assert(H->data == guest && guest->read[tlb_index(0x4000)].tag == 0x4000, "still there");
    set(HGATP, csr(HGATP) ^ UINT64_C(1) << 44);
    cr_assert(H->data != guest && H->data->read[tlb_index(0x4000)].tag != 0x4000);
    set(HGATP, csr(HGATP) ^ UINT64_C(1) << 44);
    cr_assert(H->data == guest && guest->read[tlb_index(0x4000)].tag == 0x4000);
}

/* ---- what an observer is told ---- */

static struct commit last;
static void note(void *self, struct hart *h, const struct commit *c)
{
    (void)self, (void)h;
    last = *c;
}

static void observe(enum priv priv, bool virt, uint32_t insn)
{
    struct observer o = {.commit = note};
    PUT(CODE, insn, J_SELF);
    hart_attach(H, &o);
    run_in(priv, virt, 1);
    hart_detach(H, &o);
    cr_assert(!last.trapped && last.insn == insn);
}

static bool told_of(unsigned number)
{
    for (unsigned i = 0; i < last.csr_count; i++)
        if (last.csr[i].number == number) {
            uint64_t now;
            return csr_peek(H, number, &now) && last.csr[i].value == now;
        }
    return false;
}

Test(hyp_engine, an_observer_sees_what_a_load_as_the_guest_writes)
{
    g_map(4, DATA, URWX);
    put64(DATA, 77);
    H->x[S0] = 0x4000;
    observe(PRIV_S, false, 0x6c0445f3); /* hlv.d a1,(s0) */
    cr_assert(last.wrote_x && last.rd == A1 && last.rd_value == 77);
    cr_assert(last.mem_count == 1 && last.mem[0].va == 0x4000 && !last.mem[0].store);
    observe(PRIV_S, false, 0x6eb44073); /* hsv.d a1,(s0) */
    cr_assert(!last.wrote_x && last.mem_count == 1 && last.mem[0].store && last.mem[0].value == 77);
}

Test(hyp_engine, an_observer_sees_a_cache_block_become_zero)
{
    H->x[A0] = DATA + 20;
    observe(PRIV_M, false, 0x0045200f); /* cbo.zero (a0) */
    cr_assert(last.mem_count == 1 && last.mem[0].store && last.mem[0].va == DATA && last.mem[0].pa == DATA &&
              last.mem[0].size == 64 && last.mem[0].value == 0);
}

Test(hyp_engine, an_observer_sees_both_statuses_become_dirty)
{
    const uint64_t initial = UINT64_C(1) << 13;
    const uint32_t makes_dirty[] = {0xf2000553 /* fmv.d.x fa0,zero */, 0x00105073 /* csrwi fflags,0 */};
    for (size_t i = 0; i < ARRAY_LEN(makes_dirty); i++) {
        set(MSTATUS, MSTATUS_FS);
        set(VSSTATUS, initial);
        observe(PRIV_S, true, makes_dirty[i]);
        cr_assert(told_of(MSTATUS) && told_of(VSSTATUS));
        observe(PRIV_S, true, makes_dirty[i]);
        cr_assert(!told_of(MSTATUS) && !told_of(VSSTATUS), "they are dirty already");
        set(VSSTATUS, initial);
        observe(PRIV_S, false, makes_dirty[i]);
        cr_assert(!told_of(MSTATUS) && !told_of(VSSTATUS), "with V = 0 vsstatus is no part of it");
    }
    H->x[A0] = MSTATUS_FS;
    observe(PRIV_S, true, CSRW(0x100, A0));
    cr_assert(told_of(VSSTATUS) && !told_of(MSTATUS), "a write is a write of what it names");
}

Test(hyp_engine, an_observer_sees_all_that_sret_and_hvip_write)
{
    set(HSTATUS, UINT64_C(1) << 7);
    observe(PRIV_S, false, 0x10200073);
    cr_assert(told_of(MSTATUS) && told_of(HSTATUS) && !told_of(VSSTATUS));
    observe(PRIV_S, true, 0x10200073);
    cr_assert(told_of(VSSTATUS) && !told_of(HSTATUS) && !told_of(MSTATUS));
    H->x[A0] = 0x444;
    observe(PRIV_S, false, CSRW(HVIP, A0));
    cr_assert(told_of(HVIP) && told_of(MIP));
}

Test(hyp_engine, an_observer_hears_of_no_write_that_is_refused)
{
    enum { MISA = 0x301, PMPADDR1 = 0x3b1, PMPADDR2 = 0x3b2, HGEIE = 0x607, MHPMCOUNTER3 = 0xb03 };
    H->x[A0] = 0;
    observe(PRIV_M, false, CSRW(HGEIE, A0));
    cr_assert_eq(last.csr_count, 0);
    observe(PRIV_M, false, CSRW(MHPMCOUNTER3, A0));
    cr_assert_eq(last.csr_count, 0);
    observe(PRIV_M, false, CSRW(PMPADDR1, A0));
    cr_assert(told_of(PMPADDR1));
    set(PMPCFG0, UINT64_C(0x8f00) | 0x1f); /* entry 1: locked, TOR */
    observe(PRIV_M, false, CSRW(PMPADDR1, A0));
    cr_assert_eq(last.csr_count, 0);
    observe(PRIV_M, false, CSRW(PMPADDR0, A0));
    cr_assert_eq(last.csr_count, 0, "the bottom of a locked TOR entry");
    observe(PRIV_M, false, CSRW(PMPADDR2, A0));
    cr_assert(told_of(PMPADDR2));
    observe(PRIV_M, false, 0x30127073); /* csrci misa, 4 */
    cr_assert(told_of(MISA) && !(csr(MISA) & 4));
    observe(PRIV_M, false, 0x30126073); /* csrsi misa, 4 */
    cr_assert(told_of(MISA) && (csr(MISA) & 4));
    struct observer o = {.commit = note};
    PUT(CODE + 2, 0x30127073u, J_SELF); /* at an odd halfword C cannot go */
    hart_attach(H, &o);
    mode(PRIV_M, false);
    H->pc = CODE + 2;
    world_run(&world, 0, 1);
    hart_detach(H, &o);
    cr_assert(last.pc == CODE + 2 && last.csr_count == 0 && (csr(MISA) & 4));
}
