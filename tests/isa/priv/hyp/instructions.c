/* Point 33: what mtinst and htinst say of the instruction that met a fault. The specification allows 0 for most of it; Orrery promises
 * the transformed instruction, so that is what is checked. */
#include "hyp.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define RS1      UINT32_C(0xf8000)

/* norm:H_trap_xtinst_val: loads keep funct3, rd and opcode. Through every destination register class that matters. */
static const uint32_t loads[] = {
    INSN_I(0x10, A0, 0, A2, 0x03) /* lb */,       INSN_I(0x10, A0, 4, A2, 0x03) /* lbu */,
    INSN_I(0x10, A0, 1, 31, 0x03) /* lh */,       INSN_I(0x10, A0, 5, 1, 0x03) /* lhu */,
    INSN_I(0x10, A0, 2, 8, 0x03) /* lw */,        INSN_I(0x10, A0, 6, A2, 0x03) /* lwu */,
    INSN_I(0x10, A0, 3, A0, 0x03) /* ld */,       INSN_I(0x10, A0, 3, X0, 0x03) /* ld x0 */,
    INSN_I(0x10, A0, 2, 9, 0x07) /* flw */,       INSN_I(0x10, A0, 3, 31, 0x07) /* fld */,
    INSN_I(0xff0, A0, 3, A2, 0x03) /* ld, -16 */, INSN_I(0x10, A0, 1, 3, 0x07) /* flh */,
};
static const uint32_t stores[] = {
    INSN_S(0x10, A1, A0, 0, 0x23) /* sb */,      INSN_S(0x10, A1, A0, 1, 0x23) /* sh */,
    INSN_S(0x10, 31, A0, 2, 0x23) /* sw */,      INSN_S(0x10, A0, A0, 3, 0x23) /* sd */,
    INSN_S(0x10, 9, A0, 2, 0x27) /* fsw */,      INSN_S(0x10, 31, A0, 3, 0x27) /* fsd */,
    INSN_S(0xff0, 7, A0, 3, 0x23) /* sd, -16 */, INSN_S(0x10, 3, A0, 1, 0x27) /* fsh */,
};
/* All of these to their address, with each of aq and rl. */
static const uint8_t amo_funct5[] = {0x00, 0x01, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c};

static const unsigned in_modes[] = {IN_VU, IN_VS};
static int64_t offset_of(uint32_t insn, bool is_store)
{
    uint32_t imm = is_store ? (insn >> 25 << 5 | (insn >> 7 & 31)) : insn >> 20;
    return (int64_t)(imm ^ 0x800) - 0x800;
}

static void guest(void)
{
    guest_start(SV39, SV39);
    map(&vs_table, VA, GPA, ALL, 0);
    map(&vs_table, VA + 0x1000, GPA + 0x1000, ALL & ~(uint64_t)U, 0);
    map(&vs_table, VA + 0x2000, HOLE, ALL, 0);
    map(&g_table, HOLE, HOLE, ALL, 0);
    map(&vs_table, VA + 0x3000, GPA + 0x3000, ALL & ~(uint64_t)(R | W), 0);
    fence_all();
}
static uint64_t page_of(unsigned mode) { return mode == IN_VU ? VA : VA + 0x1000; }
static uint64_t gpa_of(unsigned mode) { return mode == IN_VU ? GPA : GPA + 0x1000; }

static bool has_zfh(void) { return try_insn(IN_HS, UINT32_C(0xf4000053) /* fmv.h.x */, 0, 0) == NO_TRAP; }

static void h33_loads(void)
{
    guest();
    for (unsigned n = 0; n < 2; n++)
        for (unsigned i = 0; i < COUNT(loads) - !has_zfh(); i++) {
            unsigned mode = in_modes[n];
            int64_t offset = offset_of(loads[i], false);
            CAUSE(try_insn(mode, loads[i], page_of(mode) + 0x80, 0), LOAD_GUEST);
            TRAP(LOAD_GUEST, page_of(mode) + 0x80 + (uint64_t)offset, (gpa_of(mode) + 0x80 + (uint64_t)offset) >> 2,
                 loads[i] & 0x7fff & ~RS1, 1);
        }
}

static void h33_stores(void)
{
    guest();
    for (unsigned n = 0; n < 2; n++)
        for (unsigned i = 0; i < COUNT(stores) - !has_zfh(); i++) {
            unsigned mode = in_modes[n];
            int64_t offset = offset_of(stores[i], true);
            CAUSE(try_insn(mode, stores[i], page_of(mode) + 0x80, 0), STORE_GUEST);
            TRAP(STORE_GUEST, page_of(mode) + 0x80 + (uint64_t)offset, (gpa_of(mode) + 0x80 + (uint64_t)offset) >> 2,
                 stores[i] & 0x01f0707f, 1);
        }
}

/* All fields of an atomic but rs1 stay. */
static void h33_atomics(void)
{
    guest();
    for (unsigned n = 0; n < 2; n++) {
        unsigned mode = in_modes[n];
        uint64_t at = page_of(mode) + 0x40, gpa = gpa_of(mode) + 0x40;
        for (unsigned width = 2; width < 4; width++)
            for (unsigned aqrl = 0; aqrl < 4; aqrl++) {
                for (unsigned i = 0; i < COUNT(amo_funct5); i++) {
                    uint32_t insn = INSN_R((unsigned)amo_funct5[i] << 2 | aqrl, A1, A0, width, A2, 0x2f);
                    CAUSE(try_insn(mode, insn, at, 0), STORE_GUEST);
                    TRAP(STORE_GUEST, at, gpa >> 2, insn & ~RS1, 1);
                }
                uint32_t lr = INSN_R(0x02 << 2 | aqrl, 0, A0, width, A2, 0x2f);
                CAUSE(try_insn(mode, lr, at, 0), LOAD_GUEST);
                TRAP(LOAD_GUEST, at, gpa >> 2, lr & ~RS1, 1);
            }
    }
    /* SC only translates if it is to store: reserve first, in memory that is there, then take it away. */
    uint32_t sc = INSN_R(0x03 << 2, A1, A0, 3, A2, 0x2f);
    map(&g_table, GPA, (uint64_t)frame[0], V | R | U | A, 0);
    fence_all();
    uint32_t lr = INSN_R(0x02 << 2, 0, A0, 3, A2, 0x2f);
    uint32_t words[] = {lr, sc};
    for (unsigned i = 0; i < 8; i++) ((uint8_t *)frame[2])[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    frame[2][1] = ECALL;
    __asm__ volatile("fence.i" ::: "memory");
    map_both(VA + 0x5000, ALL, GPA + 0x5000, ALL, (uint64_t)frame[2]);
    fence_all();
    extern void enter_asm(unsigned, uint64_t, uint64_t, uint64_t, uint64_t);
    enter_asm(IN_VU, VA + 0x5000, VA + 0x40, 0, ALIAS);
    EQUAL(t.epc, VA + 0x5004);
    TRAP(STORE_GUEST, VA + 0x40, (GPA + 0x40) >> 2, sc & ~RS1, 1);
}

/* All fields of HLV, HLVX and HSV but rs1 stay. */
static void h33_hypervisor_loads_and_stores(void)
{
    guest();
    static const uint32_t insns[] = {HLV_B,   HLV_BU, HLV_H, HLV_HU, HLVX_HU, HLV_W, HLV_WU,
                                     HLVX_WU, HLV_D,  HSV_B, HSV_H,  HSV_W,   HSV_D};
    static const unsigned from[] = {IN_HS, IN_U, IN_M};
    for (unsigned n = 0; n < (GROUND_IS_HS ? 2 : 3); n++)
        for (unsigned i = 0; i < COUNT(insns); i++) {
            h_write(HSTATUS, HS_HU);
            unsigned cause = i < 9 ? LOAD_GUEST : STORE_GUEST;
            CAUSE(try_insn(from[n], insns[i], VA + 0x48, 0), cause);
            TRAP(cause, VA + 0x48, (GPA + 0x48) >> 2, insns[i] & ~RS1, 1);
            EQUAL(trap_pv(), 0);
        }
}

/* A compressed instruction is expanded, transformed, and bit 1 becomes 0. The register is a1 (x11), its data a3 (x13) where it can be. */
static void h33_compressed(void)
{
    guest();
    static const struct {
        uint16_t insn;
        bool store, sp;
        uint32_t want;
        unsigned offset;
    } cases[] = {
        {0x41d4, false, false, INSN_I(0, 0, 2, 13, 0x01), 4}, /* c.lw a3, 4(a1) */
        {0x6594, false, false, INSN_I(0, 0, 3, 13, 0x01), 8}, /* c.ld a3, 8(a1) */
        {0x2594, false, false, INSN_I(0, 0, 3, 13, 0x05), 8}, /* c.fld fa3, 8(a1) */
        {0xc1d4, true, false, INSN_S(0, 13, 0, 2, 0x21), 4},  /* c.sw a3, 4(a1) */
        {0xe594, true, false, INSN_S(0, 13, 0, 3, 0x21), 8},  /* c.sd a3, 8(a1) */
        {0xa594, true, false, INSN_S(0, 13, 0, 3, 0x25), 8},  /* c.fsd fa3, 8(a1) */
        {0x46b2, false, true, INSN_I(0, 0, 2, 13, 0x01), 12}, /* c.lwsp a3, 12(sp) */
        {0x66a2, false, true, INSN_I(0, 0, 3, 13, 0x01), 8},  /* c.ldsp a3, 8(sp) */
        {0x26a2, false, true, INSN_I(0, 0, 3, 13, 0x05), 8},  /* c.fldsp fa3, 8(sp) */
        {0xc636, true, true, INSN_S(0, 13, 0, 2, 0x21), 12},  /* c.swsp a3, 12(sp) */
        {0xe436, true, true, INSN_S(0, 13, 0, 3, 0x21), 8},   /* c.sdsp a3, 8(sp) */
        {0xa436, true, true, INSN_S(0, 13, 0, 3, 0x25), 8},   /* c.fsdsp fa3, 8(sp) */
    };
    extern void enter_asm(unsigned, uint64_t, uint64_t, uint64_t, uint64_t);
    for (unsigned i = 0; i < COUNT(cases); i++) {
        unsigned cause = cases[i].store ? STORE_GUEST : LOAD_GUEST;
        if (cases[i].sp) { /* mv sp, a1 before it */
            code[0] = 0x2e, code[1] = 0x81, code[2] = (uint8_t)cases[i].insn, code[3] = (uint8_t)(cases[i].insn >> 8);
            __asm__ volatile("fence.i" ::: "memory");
            enter_asm(IN_VU, (uint64_t)code + ALIAS, 0, VA, ALIAS);
            EQUAL(t.epc, (uint64_t)code + ALIAS + 2);
        } else {
            try_insn16(IN_VU, cases[i].insn, 0, VA);
        }
        TRAP(cause, VA + cases[i].offset, (GPA + cases[i].offset) >> 2, cases[i].want, 1);
    }
    /* Over a page's end: the offset of the part that faults. */
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    map(&vs_table, VA + 0x1000, GPA + 0x1000, ALL, 0);
    fence_all();
    try_insn16(IN_VU, 0x6194 /* c.ld a3, 0(a1) */, 0, VA + 0xffa);
    TRAP(LOAD_GUEST, VA + 0x1000, (GPA + 0x1000) >> 2, INSN_I(0, 6, 3, 13, 0x01), 1);
}

/* The other exceptions of an explicit access have it too; the ones that are not of an access have 0. */
static void h33_other_exceptions(void)
{
    guest();
    static const struct {
        uint32_t insn;
        uint64_t a0;
        unsigned cause;
        uint32_t want;
    } cases[] = {
        {LD, VA + 0x4000, LOAD_PAGE, INSN_I(0, 0, 3, A2, 0x03)},
        {SD_, VA + 0x4000, STORE_PAGE, INSN_S(0, A1, 0, 3, 0x23)},
        {AMOADD_D, VA + 0x4000, STORE_PAGE, INSN_R(0, A1, 0, 3, A2, 0x2f)},
        {LD, VA + 0x2000, LOAD_ACCESS, INSN_I(0, 0, 3, A2, 0x03)},
        {SD_, VA + 0x2000, STORE_ACCESS, INSN_S(0, A1, 0, 3, 0x23)},
        {AMOADD_D, VA + 1, STORE_MISALIGNED, INSN_R(0, A1, 0, 3, A2, 0x2f)},
        {LD, VA + 0x3000, LOAD_PAGE, INSN_I(0, 0, 3, A2, 0x03)},
        {0xffffffff, 0, ILLEGAL, 0},
        {CSRR(HSTATUS), 0, VIRTUAL_INSN, 0},
        {EBREAK, 0, BREAKPOINT, 0},
        {ECALL, 0, ECALL_U, 0},
    };
    for (unsigned i = 0; i < COUNT(cases); i++) {
        try_insn(IN_VU, cases[i].insn, cases[i].a0, 0);
        EQUAL(t.cause, cases[i].cause);
        EQUAL(t.tinst, cases[i].want);
    }
    CAUSE(run_exactly(IN_VU, VA + 0x4000), FETCH_PAGE);
    EQUAL(t.tinst, 0);
    CAUSE(run_exactly(IN_VU, VA), FETCH_GUEST);
    EQUAL(t.tinst, 0);
    CAUSE(run_exactly(IN_VU, VA + 0x2000), FETCH_ACCESS);
    EQUAL(t.tinst, 0);
}

/* norm:H_trap_xtinst_interrupt */
static void h33_interrupts(void)
{
    guest();
    for (unsigned i = 2; i <= 10; i += 4) {
        CAUSE(try_insn(IN_VU, LD, VA, 0), LOAD_GUEST);
        CHECK(t.tinst);
        h_write(HIE, BIT(i));
        h_write(HVIP, BIT(i));
        CAUSE(try_insn(IN_VU, LD, VA, 0), INTERRUPT | i);
        EQUAL(t.tinst, 0);
        EQUAL(t.tval2, 0);
        EQUAL(t.tval, 0);
        EQUAL(trap_gva(), 0);
        h_write(HVIP, 0);
    }
}

/* norm:h_trans_cache: they have a transformation of their own, with all of the operation in it. */
static void h33_cache_blocks(void)
{
    guest();
    h_write(HENVCFG, 0xf0);
    h_write(SENVCFG, 0xf0);
    static const uint32_t insns[] = {CBO_ZERO, CBO_CLEAN, CBO_FLUSH, CBO_INVAL};
    for (unsigned i = 0; i < 4; i++) {
        CAUSE(try_insn(IN_VU, insns[i], VA + 0x48, 0), STORE_GUEST); /* norm:fault_excep_csr: rs1 as it is */
        TRAP(STORE_GUEST, VA + 0x48, (GPA + 0x48) >> 2, insns[i] & ~RS1, 1);
        CAUSE(try_insn(IN_VU, insns[i], VA + 0x4048, 0), STORE_PAGE);
        TRAP(STORE_PAGE, VA + 0x4048, 0, insns[i] & ~RS1, 1);
    }
}

static const struct test tests[] = {
    TEST(h33_loads),      TEST(h33_stores),           TEST(h33_atomics),    TEST(h33_hypervisor_loads_and_stores),
    TEST(h33_compressed), TEST(h33_other_exceptions), TEST(h33_interrupts), TEST(h33_cache_blocks),
};
RUN_TESTS(tests)
