/* Points 28 and 29: loads and stores as a guest, by instruction and by MPRV. */
#include "accesses.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* norm:hlsv_priv: SPVP, from HS-mode, M-mode and U-mode */
static void h28_privilege_is_spvp(void)
{
    guest_start(SV39, SV39);
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    map_both(VA + 0x1000, ALL & ~(uint64_t)U, GPA + 0x1000, ALL, (uint64_t)frame[1]);
    fence_all();
    static const unsigned from[] = {IN_HS, IN_U, IN_M};
    for (unsigned i = 0; i < (GROUND_IS_HS ? 2 : 3); i++) {
        h_write(HSTATUS, HS_HU);
        CAUSE(try_insn(from[i], HLV_D, VA, 0), NO_TRAP);
        CAUSE(try_insn(from[i], HSV_D, VA, 0), NO_TRAP);
        CAUSE(try_insn(from[i], HLVX_HU, VA, 0), NO_TRAP);
        CAUSE(try_insn(from[i], HLV_D, VA + 0x1000, 0), LOAD_PAGE);
        EQUAL(t.tval, VA + 0x1000);
        EQUAL(trap_gva(), 1);
        CAUSE(try_insn(from[i], HSV_D, VA + 0x1000, 0), STORE_PAGE);
        h_write(HSTATUS, HS_HU | HS_SPVP);
        CAUSE(try_insn(from[i], HLV_D, VA + 0x1000, 0), NO_TRAP);
        CAUSE(try_insn(from[i], HSV_D, VA + 0x1000, 0), NO_TRAP);
        CAUSE(try_insn(from[i], HLVX_WU, VA + 0x1000, 0), NO_TRAP);
        CAUSE(try_insn(from[i], HLV_D, VA, 0), LOAD_PAGE);
        CAUSE(try_insn(from[i], HLV_D, VA + 0x2000, 0), LOAD_PAGE);
        *pte_of(&g_table, GPA + 0x1000, 0) = 0;
        fence_all();
        CAUSE(try_insn(from[i], HLV_D, VA + 0x1008, 0), LOAD_GUEST);
        EQUAL(t.tval, VA + 0x1008);
        EQUAL(t.tval2, (GPA + 0x1008) >> 2);
        EQUAL(trap_gva(), 1);
        EQUAL(trap_pv(), 0);
        CAUSE(try_insn(from[i], HSV_W, VA + 0x1008, 0), STORE_GUEST);
        map(&g_table, GPA + 0x1000, (uint64_t)frame[1], ALL, 0);
        fence_all();
    }
}

/* norm:hlsv_op: every width and sign, and only as many bytes as that */
static void h28_widths_and_signs(void)
{
    guest_start(SV39, SV48);
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    fence_all();
    static const struct {
        uint32_t insn;
        uint64_t want[2];
    } loads[] = {
        {HLV_B, {0xfffffffffffffff0, 0x70}},
        {HLV_BU, {0xf0, 0x70}},
        {HLV_H, {0xffffffffffffe1f0, 0x6170}},
        {HLV_HU, {0xe1f0, 0x6170}},
        {HLVX_HU, {0xe1f0, 0x6170}},
        {HLV_W, {0xffffffffc3d2e1f0, 0x43526170}},
        {HLV_WU, {0xc3d2e1f0, 0x43526170}},
        {HLVX_WU, {0xc3d2e1f0, 0x43526170}},
        {HLV_D, {0x8796a5b4c3d2e1f0, 0x0716253443526170}},
    };
    for (unsigned n = 0; n < 2; n++) {
        frame[0][2] = n ? 0x0716253443526170 : 0x8796a5b4c3d2e1f0;
        for (unsigned i = 0; i < COUNT(loads); i++) {
            CAUSE(try_insn(IN_HS, loads[i].insn, VA + 16, 0), NO_TRAP);
            EQUAL(t.a2, loads[i].want[n]);
        }
    }
    static const uint32_t stores[] = {HSV_B, HSV_H, HSV_W, HSV_D};
    for (unsigned i = 0; i < 4; i++) {
        frame[0][2] = 0x1111111111111111, frame[0][3] = 0x2222222222222222;
        CAUSE(try_insn(IN_HS, stores[i], VA + 16, 0xf1e2d3c4b5a69788), NO_TRAP);
        uint64_t mask = i == 3 ? ~UINT64_C(0) : (UINT64_C(1) << (8 << i)) - 1;
        EQUAL(frame[0][2], (0x1111111111111111 & ~mask) | (0xf1e2d3c4b5a69788 & mask));
        EQUAL(frame[0][3], 0x2222222222222222);
    }
    frame[0][2] = 0x1122334455667788, frame[0][3] = 0x99aabbccddeeff00;
    CAUSE(try_insn(IN_HS, HLV_D, VA + 19, 0), NO_TRAP); /* misaligned as for others */
    EQUAL(t.a2, 0xeeff001122334455);
}

/* norm:hlsv_u_op: execute permission at both stages, read permission at none; faults of loads */
static void h28_hlvx(void)
{
    guest_start(SV39, SV39);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool vs_r = bits & 1, vs_x = bits & 2, g_r = bits & 4, g_x = bits & 8;
        map_both(VA, V | U | A | (vs_r ? R : 0) | (vs_x ? X : 0), GPA, V | U | A | (g_r ? R : 0) | (g_x ? X : 0),
                 (uint64_t)frame[0]);
        fence_all();
        uint64_t want = !vs_x ? LOAD_PAGE : !g_x ? LOAD_GUEST : NO_TRAP;
        CAUSE(try_insn(IN_HS, HLVX_HU, VA, 0), want);
        CAUSE(try_insn(IN_HS, HLVX_WU, VA + 4, 0), want);
        if (want == LOAD_GUEST) EQUAL(t.tval2, (GPA + 4) >> 2);
        uint64_t plain = !vs_r ? LOAD_PAGE : !g_r ? LOAD_GUEST : NO_TRAP;
        CAUSE(try_insn(IN_HS, HLV_WU, VA, 0), plain);
        h_write(VSSTATUS, MXR | FS); /* MXR makes executable pages readable, not readable ones executable */
        CAUSE(try_insn(IN_HS, HLVX_HU, VA, 0), want);
        h_write(VSSTATUS, FS);
    }
}

/* norm:hlsv_u_op: both, for the physical memory; norm:H_pmp */
static void h28_hlvx_and_physical_memory_protection(void)
{
    guest_start(SV39, SV39);
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    ecall_in_frame_0(); /* PMP stops HS-mode's own stores too */
    for (unsigned cfg = 0; cfg < 8; cfg++) {
        if ((cfg & 3) == 2) continue;
        pmp((uint64_t)frame[0], cfg);
        bool r = cfg & 1, w = cfg & 2, x = cfg & 4;
        CAUSE(try_insn(IN_HS, HLVX_WU, VA, 0), r && x ? NO_TRAP : LOAD_ACCESS);
        CAUSE(try_insn(IN_HS, HLV_WU, VA, 0), r ? NO_TRAP : LOAD_ACCESS);
        if (!r) EQUAL(t.tval, VA);
        if (!r) EQUAL(trap_gva(), 1);
        CAUSE(load(IN_VU, VA), r ? NO_TRAP : LOAD_ACCESS);
        CAUSE(store(IN_VU, VA + 64), w ? NO_TRAP : STORE_ACCESS);
        CAUSE(fetch_what_is_there(IN_VU, VA), x ? NO_TRAP : FETCH_ACCESS);
        EQUAL(t.tval2, 0);
    }
    pmp_open_again();
}

/* In M-mode: MPRV with the MPP and MPV of a1, over one load. */
__asm__(".option push\n.option norvc\n.globl load_as\nload_as: csrs mstatus, a1\n.globl load_as_insn\nload_as_insn: ld "
        "a2, 0(a0)\ncsrc mstatus, "
        "a1\nret\n"
        ".globl hlv_as\nhlv_as: csrs mstatus, a1\n.word 0x6c054673\ncsrc mstatus, a1\nret\n.option pop");
extern char load_as[], load_as_insn[], hlv_as[];
static uint64_t as(unsigned mpp, bool mpv, uint64_t va)
{
    uint64_t cause = run_at(IN_M, (uint64_t)load_as, va, MPRV | MPP(mpp) | (mpv ? M_MPV : 0));
    return cause == ECALL_M ? NO_TRAP : cause;
}

/* norm:mstatus_mprv_hypervisor, norm:mstatus_mprv_hlsv */
static void h29_mprv(void)
{
    if (GROUND_IS_HS) return; /* MPRV is M-mode's */
    guest_start(SV39, SV39);
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    map_both(VA + 0x1000, ALL & ~(uint64_t)U, GPA + 0x1000, ALL, (uint64_t)frame[1]);
    map(&vs_table, VA + 0x2000, GPA + 0x2000, ALL, 0);
    fence_all();
    frame[0][0] = 5, frame[1][0] = 6;
    CAUSE(as(MODE_U, true, VA), NO_TRAP);
    EQUAL(t.a2, 5);
    CAUSE(as(MODE_U, true, VA + 0x1000), LOAD_PAGE);
    EQUAL(trap_gva(), 1);
    EQUAL(trap_pv(), 0);
    EQUAL(trap_pp(), 3);
    EQUAL(t.epc, load_as_insn);
    CAUSE(as(MODE_S, true, VA + 0x1000), NO_TRAP);
    EQUAL(t.a2, 6);
    CAUSE(as(MODE_S, true, VA), LOAD_PAGE);
    m_set(MSTATUS, SUM);
    CAUSE(as(MODE_S, true, VA), LOAD_PAGE); /* vsstatus.SUM applies instead */
    m_clear(MSTATUS, SUM);
    h_write(VSSTATUS, SUM | FS);
    CAUSE(as(MODE_S, true, VA), NO_TRAP);
    CAUSE(as(MODE_U, true, VA + 0x2010), LOAD_GUEST);
    EQUAL(t.tval, VA + 0x2010);
    EQUAL(t.tval2, (GPA + 0x2010) >> 2);
    EQUAL(trap_gva(), 1);
    EQUAL(t.tinst, INSN_I(0, 0, 3, A2, 0x03));
    for (unsigned mpv = 0; mpv < 2; mpv++) CAUSE(as(MODE_M, mpv, (uint64_t)frame[0]), NO_TRAP);
    CAUSE(as(MODE_M, true, HOLE), LOAD_ACCESS); /* MPP = 3: no translation, whatever MPV says */
    EQUAL(trap_gva(), 0);
    CAUSE(as(MODE_U, false, HOLE), LOAD_ACCESS); /* MPV = 0: satp, which is Bare here */
    CAUSE(as(MODE_S, false, (uint64_t)frame[0]), NO_TRAP);
    EQUAL(trap_gva(), 0);
    /* HLV is as SPVP says even so. */
    h_write(HSTATUS, 0);
    for (unsigned mpp = 0; mpp < 4; mpp += mpp == 1 ? 2 : 1)
        for (unsigned mpv = 0; mpv < 2; mpv++) {
            uint64_t bits = MPRV | MPP(mpp) | (mpv ? M_MPV : 0);
            h_write(HSTATUS, 0);
            CAUSE(run_at(IN_M, (uint64_t)hlv_as, VA, bits), ECALL_M);
            EQUAL(t.a2, 5);
            CAUSE(run_at(IN_M, (uint64_t)hlv_as, VA + 0x1000, bits), LOAD_PAGE);
            h_write(HSTATUS, HS_SPVP);
            CAUSE(run_at(IN_M, (uint64_t)hlv_as, VA + 0x1000, bits), ECALL_M);
            EQUAL(t.a2, 6);
        }
}

static const struct test tests[] = {
    TEST(h28_privilege_is_spvp),
    TEST(h28_widths_and_signs),
    TEST(h28_hlvx),
    TEST(h28_hlvx_and_physical_memory_protection),
    TEST(h29_mprv),
};
RUN_TESTS(tests)
