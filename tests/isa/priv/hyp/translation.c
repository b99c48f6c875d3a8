/* Points 23 to 27 and 30: the two stages, who checks what, A and D. */
#include "accesses.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define AD       ((uint64_t)(A | D))
static const unsigned modes[] = {SV39, SV48, SV57};

/* norm:hgatp_mode_sv39x4, norm:hgatp_mode_sv48x4, norm:hgatp_mode_sv57x4, norm:hgatp_mode_x4: two more bits, and not one more. */
static void h23_width_of_guest_physical_addresses(void)
{
    for (unsigned i = 0; i < 3; i++) {
        guest_start(BARE, modes[i]);
        unsigned width = 41 + 9 * i;
        frame[0][0] = 1234;
        for (unsigned high = 1; high < 4; high++) { /* beyond the 512 entries of an ordinary root */
            uint64_t gpa = (uint64_t)high << (width - 2) | 0x5000;
            map(&g_table, gpa, (uint64_t)frame[0], ALL, 0);
            fence_all();
            CAUSE(load(IN_VS, gpa), NO_TRAP);
            EQUAL(t.a2, 1234);
            CAUSE(load(IN_VU, gpa), NO_TRAP);
            CAUSE(load(IN_VS, gpa + 0x1000), LOAD_GUEST);
            EQUAL(t.tval2, (gpa + 0x1000) >> 2);
        }
        uint64_t inside = (UINT64_C(3) << (width - 2)) | 0x5000;
        for (unsigned bit = width; bit < 64; bit++) {
            uint64_t gpa = UINT64_C(1) << bit | inside;
            CAUSE(load(IN_VS, gpa), LOAD_GUEST);
            EQUAL(t.tval, gpa);
            EQUAL(t.tval2, gpa >> 2);
            EQUAL(trap_gva(), 1);
            CAUSE(store(IN_VU, gpa), STORE_GUEST);
            CAUSE(fetch(IN_VS, gpa), FETCH_GUEST);
        }
        CAUSE(load(IN_VS, ~UINT64_C(7)), LOAD_GUEST); /* zeros are asked for, not a sign extension */
    }
}

/* The same with addresses that a VS-stage PTE makes: 56 bits of them. */
static void h23_wide_addresses_from_vs_stage(void)
{
    for (unsigned i = 0; i < 3; i++) {
        guest_start(SV39, modes[i]);
        unsigned width = 41 + 9 * i;
        uint64_t gpa = width < 56 ? (UINT64_C(3) << (width - 2)) | 0x7000 : UINT64_C(0xf0000000007000);
        map_both(VA, ALL & ~(uint64_t)U, gpa, ALL, (uint64_t)frame[0]);
        fence_all();
        CAUSE(load(IN_VS, VA), NO_TRAP);
        if (width >= 56) continue;
        map(&vs_table, VA, gpa | UINT64_C(1) << width, ALL & ~(uint64_t)U, 0);
        fence_all();
        CAUSE(load(IN_VS, VA + 8), LOAD_GUEST);
        EQUAL(t.tval, VA + 8);
        EQUAL(t.tval2, (gpa | UINT64_C(1) << width | 8) >> 2);
        CAUSE(store(IN_VS, VA + 8), STORE_GUEST);
        CAUSE(fetch(IN_VS, VA), FETCH_GUEST);
    }
}

/* norm:H_vm_gpatrans, norm:H_vm_gpapriv, norm:H_vm_gpa_g */
static void h24_g_stage_is_checked_as_user(void)
{
    for (unsigned i = 0; i < 3; i++) {
        guest_start(SV39, modes[i]);
        for (unsigned user = 0; user < 2; user++) {
            unsigned mode = user ? IN_VU : IN_VS;
            uint64_t bits = user ? ALL : ALL & ~(uint64_t)U;
            map_both(VA, bits, GPA, ALL & ~(uint64_t)U, (uint64_t)frame[0]);
            fence_all();
            CAUSE(load(mode, VA), LOAD_GUEST);
            CAUSE(store(mode, VA), STORE_GUEST);
            CAUSE(fetch(mode, VA), FETCH_GUEST);
            map(&g_table, GPA, (uint64_t)frame[0], ALL | G, 0);
            fence_all();
            CAUSE(load(mode, VA), NO_TRAP);
            CAUSE(store(mode, VA), NO_TRAP);
            CAUSE(fetch(mode, VA), NO_TRAP);
        }
    }
    guest_start(BARE, SV39); /* also without a first stage; and SUM does not help: this is no supervisor's access */
    map(&g_table, GPA, (uint64_t)frame[0], ALL & ~(uint64_t)U, 0);
    h_write(VSSTATUS, SUM | FS);
    fence_all();
    CAUSE(load(IN_VS, GPA), LOAD_GUEST);
    h_set(SSTATUS, SUM);
    CAUSE(load(IN_VS, GPA), LOAD_GUEST);
    CAUSE(load(IN_VU, GPA), LOAD_GUEST);
}

/* norm:H_vm_gpatrans: each permission of the G-stage's own; norm:hgatp_mode_x4: PTEs that are reserved are so here too */
static void h24_g_stage_permissions(void)
{
    guest_start(SV39, SV39);
    for (unsigned bits = 0; bits < 16; bits++) {
        uint64_t v = bits & 1 ? V : 0, r = bits & 2 ? R : 0, w = bits & 4 ? W : 0, x = bits & 8 ? X : 0;
        map_both(VA, ALL & ~(uint64_t)U, GPA, v | r | w | x | U | AD, (uint64_t)frame[0]);
        fence_all();
        bool good = v && (r || x) && !(w && !r);
        CAUSE(load(IN_VS, VA), good && r ? NO_TRAP : LOAD_GUEST);
        CAUSE(store(IN_VS, VA + 64), good && w ? NO_TRAP : STORE_GUEST);
        CAUSE(fetch(IN_VS, VA), good && x ? NO_TRAP : FETCH_GUEST);
    }
    static const uint64_t reserved[] = {BIT(54), BIT(57), BIT(60), BIT(61) | BIT(62), BIT(63)};
    for (unsigned i = 0; i < COUNT(reserved); i++) {
        map_both(VA, ALL & ~(uint64_t)U, GPA, ALL | reserved[i], 0x80000000); /* no size that NAPOT knows */
        fence_all();
        CAUSE(load(IN_VS, VA), LOAD_GUEST);
        map_both(VA, (ALL & ~(uint64_t)U) | reserved[i], GPA, ALL, (uint64_t)frame[0]);
        fence_all();
        CAUSE(load(IN_VS, VA), LOAD_PAGE);
    }
    map(&g_table, GPA, 0x80001000, ALL, 1); /* a superpage that is not aligned */
    fence_all();
    map(&vs_table, VA, GPA, ALL & ~(uint64_t)U, 0);
    CAUSE(load(IN_VS, VA), LOAD_GUEST);
}

/* norm:menvcfg_pbmte_op, norm:henvcfg_pbmte_op: each stage has its own switch */
static void h24_pbmt_of_each_stage(void)
{
    guest_start(SV39, SV39);
    for (unsigned bits = 0; bits < 4; bits++) {
        bool menv = bits & 1, henv = bits & 2;
        m_write(MENVCFG, menv ? ENV_PBMTE : 0);
        h_write(HENVCFG, henv ? ENV_PBMTE : 0);
        for (uint64_t pbmt = 1; pbmt < 4; pbmt++) {
            map_both(VA, (ALL & ~(uint64_t)U) | pbmt << 61, GPA, ALL, (uint64_t)frame[0]);
            fence_all();
            CAUSE(load(IN_VS, VA), menv && henv && pbmt < 3 ? NO_TRAP : LOAD_PAGE);
            map_both(VA, ALL & ~(uint64_t)U, GPA, ALL | pbmt << 61, (uint64_t)frame[0]);
            fence_all();
            CAUSE(load(IN_VS, VA), menv && pbmt < 3 ? NO_TRAP : LOAD_GUEST);
        }
    }
}

/* norm:Svnapot_hyp_gstage */
static void h24_napot_in_both_stages(void)
{
    guest_start(SV39, SV39);
    uint64_t napot = BIT(63);
    static volatile uint64_t big[16][512] __attribute__((aligned(65536)));
    for (unsigned i = 0; i < 16; i++) big[i][0] = 100 + i;
    for (unsigned stage = 0; stage < 3; stage++) {
        for (unsigned i = 0; i < 16; i++) {
            if (stage == 0)
                map_both(VA + i * 0x1000, ALL & ~(uint64_t)U, GPA + i * 0x1000, ALL | napot, (uint64_t)big + 0x8000);
            if (stage == 1)
                map_both(VA + i * 0x1000, (ALL & ~(uint64_t)U) | napot, GPA + i * 0x1000, ALL, (uint64_t)big[i]);
            if (stage == 2)
                map_both(VA + i * 0x1000, (ALL & ~(uint64_t)U) | napot, GPA + i * 0x1000, ALL | napot,
                         (uint64_t)big + 0x8000);
            if (stage) *pte_of(&vs_table, VA + i * 0x1000, 0) = pte(GPA + 0x8000, (ALL & ~(uint64_t)U) | napot);
        }
        fence_all();
        for (unsigned i = 0; i < 16; i++) {
            CAUSE(load(IN_VS, VA + i * 0x1000), NO_TRAP);
            EQUAL(t.a2, 100 + i);
        }
    }
    *pte_of(&g_table, GPA + 0x3000, 0) = pte((uint64_t)big + 0x4000, ALL | napot); /* no such size */
    fence_all();
    CAUSE(load(IN_VS, VA + 0x3000), LOAD_GUEST);
}

#define OFFSET UINT64_C(0x200000000)
static uint64_t table_gpa(uint64_t va, unsigned level) { return (uint64_t)pte_of(&vs_table, va, level) + OFFSET; }

/* norm:H_vm_gpapriv: a walk's own reads are loads for the G-stage, its writes stores; the fault is the original access's kind. */
static void h25_vs_stage_tables_through_the_g_stage(void)
{
    vs_tables_offset = OFFSET;
    for (unsigned i = 0; i < 3; i++) {
        guest_start(modes[i], SV39);
        map_both(VA, ALL & ~(uint64_t)U, GPA, ALL, (uint64_t)frame[0]);
        fence_all();
        CAUSE(load(IN_VS, VA), NO_TRAP);
        CAUSE(fetch(IN_VS, VA), NO_TRAP);
        /* The last level alone, as the others are the running code's too. */
        uint64_t gpa = table_gpa(VA, 0);
        volatile uint64_t *leaf = pte_of(&g_table, gpa, 0);
        static const struct {
            uint64_t bits;
            bool good;
        } cases[] = {
            {ALL, true},
            {V | R | U | A, true}, /* reading is enough, and D is not needed */
            {V | R | X | U | A, true},
            {V | R | W | U | A, true},
            {V | X | U | A, false},         /* reading, not executing, even for a fetch */
            {V | R | W | X | A | D, false}, /* as a user's */
            {V | R | W | X | U | D, false}, /* Svade: A */
            {0, false},
        };
        for (unsigned n = 0; n < COUNT(cases); n++) {
            *leaf = (*leaf & ~UINT64_C(0x3ff)) | cases[n].bits;
            fence_all();
            CAUSE(load(IN_VS, VA), cases[n].good ? NO_TRAP : LOAD_GUEST);
            if (!cases[n].good) EQUAL(t.tval2, gpa >> 2);
            CAUSE(store(IN_VS, VA), cases[n].good ? NO_TRAP : STORE_GUEST);
            CAUSE(fetch(IN_VS, VA), cases[n].good ? NO_TRAP : FETCH_GUEST);
            if (!cases[n].good) EQUAL(t.tval, VA);
            /* MXR and HLVX are about explicit loads. */
            h_write(HSTATUS, HS_SPVP);
            CAUSE(try_insn(IN_HS, HLVX_WU, VA, 0), cases[n].good ? NO_TRAP : LOAD_GUEST);
            h_write(HSTATUS, 0);
            m_set(MSTATUS, MXR);
            h_write(VSSTATUS, MXR | FS);
            CAUSE(load(IN_VS, VA + 8), cases[n].good ? NO_TRAP : LOAD_GUEST);
            m_clear(MSTATUS, MXR);
            h_write(VSSTATUS, FS);
        }
    }
}

/* norm:H_pmp: tables of both stages are where PMP lets them be read; the fault is an access fault of the original kind. */
static void h25_tables_and_physical_memory_protection(void)
{
    guest_start(SV39, SV39);
    map_both(VA, ALL & ~(uint64_t)U, GPA, ALL, (uint64_t)frame[0]);
    fence_all();
    ecall_in_frame_0();
    const uint64_t tables[] = {(uint64_t)pte_of(&vs_table, VA, 0), (uint64_t)pte_of(&g_table, GPA, 0)};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned readable = 0; readable < 2; readable++) {
            pmp(tables[i] & ~UINT64_C(0xfff), readable ? 1 : 4);
            CAUSE(load(IN_VS, VA + 8), readable ? NO_TRAP : LOAD_ACCESS);
            if (!readable) TRAP(LOAD_ACCESS, VA + 8, 0, INSN_I(0, 0, 3, A2, 0x03), 1);
            CAUSE(store(IN_VS, VA + 8), readable ? NO_TRAP : STORE_ACCESS);
            CAUSE(fetch_what_is_there(IN_VS, VA), readable ? NO_TRAP : FETCH_ACCESS);
            if (!readable) EQUAL(t.tval, VA);
        }
    pmp_open_again();
}

/* What a walk writes is a store for the G-stage: A or D in a VS-stage PTE. */
static void h25_vs_stage_table_updates_through_the_g_stage(void)
{
    vs_tables_offset = OFFSET;
    guest_start(SV39, SV39);
    m_set(MENVCFG, ENV_ADUE); /* both stages update by themselves */
    h_set(HENVCFG, ENV_ADUE);
    volatile uint64_t *vs = map(&vs_table, VA, GPA, V | R | W | X, 0);
    map(&g_table, GPA, (uint64_t)frame[0], ALL, 0);
    uint64_t gpa = table_gpa(VA, 0);
    volatile uint64_t *leaf = pte_of(&g_table, gpa, 0);
    *leaf = (*leaf & ~UINT64_C(0x3ff)) | V | R | X | U | AD; /* the table may be read, not written */
    fence_all();
    CAUSE(load(IN_VS, VA), LOAD_GUEST); /* not a store guest-page fault: that is what was executed */
    EQUAL(t.tval, VA);
    EQUAL(t.tval2, gpa >> 2);
    CAUSE(fetch(IN_VS, VA), FETCH_GUEST);
    CAUSE(store(IN_VS, VA), STORE_GUEST);
    EQUAL(*vs & AD, 0);
    *vs |= A;
    fence_all();
    CAUSE(load(IN_VS, VA), NO_TRAP); /* nothing to be written */
    CAUSE(store(IN_VS, VA), STORE_GUEST);
    EQUAL(*vs & AD, A);
    *leaf = (*leaf & ~UINT64_C(0x3ff)) | V | R | W | U; /* the G-stage's own bits are set for the table's page too */
    fence_all();
    CAUSE(store(IN_VS, VA), NO_TRAP);
    EQUAL(*vs & AD, AD);
    EQUAL(*leaf & AD, AD);
}

/* norm:hgatp_mode_bare_trans, norm:H_vm_twostage, norm:H_vm_gstagetrans */
static void h26_either_stage_bare(void)
{
    frame[0][1] = 77, frame[1][1] = 88;
    uint64_t a = (uint64_t)frame[0], b = (uint64_t)frame[1];
    guest_start(BARE, BARE);
    for (unsigned mode = IN_VU; mode <= IN_VS; mode++) {
        CAUSE(load(mode, a + 8), NO_TRAP);
        EQUAL(t.a2, 77);
        CAUSE(load(mode, HOLE), LOAD_ACCESS);
        EQUAL(trap_gva(), 1);
        EQUAL(t.tval2, 0);
    }
    guest_start(BARE, SV39);
    map(&g_table, GPA, b, ALL, 0);
    fence_all();
    CAUSE(load(IN_VS, GPA + 8), NO_TRAP);
    EQUAL(t.a2, 88);
    CAUSE(load(IN_VS, GPA + 0x1008), LOAD_GUEST);
    EQUAL(t.tval2, (GPA + 0x1008) >> 2);
    for (unsigned i = 0; i < 3; i++) {
        guest_start(modes[i], BARE);
        map(&vs_table, VA, a, ALL & ~(uint64_t)U, 0);
        map(&vs_table, VA + 0x1000, HOLE, ALL & ~(uint64_t)U, 0);
        fence_all();
        CAUSE(load(IN_VS, VA + 8), NO_TRAP);
        EQUAL(t.a2, 77);
        CAUSE(load(IN_VU, VA + 8), LOAD_PAGE);
        CAUSE(load(IN_VS, VA + 0x2000), LOAD_PAGE);
        EQUAL(t.tval2, 0);
        CAUSE(load(IN_VS, VA + 0x1000), LOAD_ACCESS);
        EQUAL(t.tval, VA + 0x1000);
    }
}

/* norm:vsstatus_mxr_vm, norm:sstatus_mxr_vm, norm:vsstatus_v0 */
static void h27_mxr(void)
{
    guest_start(SV39, SV39);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool vs_x_only = bits & 1, g_x_only = bits & 2, vs_mxr = bits & 4, hs_mxr = bits & 8;
        map_both(VA, V | X | A | (vs_x_only ? 0 : R), GPA, V | X | U | A | (g_x_only ? 0 : R), (uint64_t)frame[0]);
        h_write(VSSTATUS, (vs_mxr ? MXR : 0) | FS);
        if (hs_mxr)
            m_set(MSTATUS, MXR);
        else
            m_clear(MSTATUS, MXR);
        fence_all();
        uint64_t want = vs_x_only && !vs_mxr && !hs_mxr ? LOAD_PAGE : g_x_only && !hs_mxr ? LOAD_GUEST : NO_TRAP;
        CAUSE(load(IN_VS, VA), want);
        h_write(HSTATUS, HS_SPVP);
        CAUSE(try_insn(IN_HS, HLV_D, VA, 0), want); /* norm:hlsv_sstatus_mxr, norm:hlsv_vsstatus_mxr */
        h_write(HSTATUS, 0);
        CAUSE(store(IN_VS, VA), STORE_PAGE);
    }
    /* At once, without a fence. */
    map_both(VA, V | X | A, GPA, V | X | U | A, (uint64_t)frame[0]);
    fence_all();
    m_clear(MSTATUS, MXR);
    h_write(VSSTATUS, FS);
    CAUSE(load(IN_VS, VA), LOAD_PAGE);
    m_set(MSTATUS, MXR);
    CAUSE(load(IN_VS, VA), NO_TRAP);
    m_clear(MSTATUS, MXR);
    CAUSE(load(IN_VS, VA), LOAD_PAGE);
}

static void h27_sum(void)
{
    guest_start(SV48, SV39);
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    fence_all();
    for (unsigned bits = 0; bits < 4; bits++) {
        bool vs_sum = bits & 1, hs_sum = bits & 2;
        h_write(VSSTATUS, (vs_sum ? SUM : 0) | FS);
        if (hs_sum)
            m_set(MSTATUS, SUM);
        else
            m_clear(MSTATUS, SUM);
        CAUSE(load(IN_VS, VA), vs_sum ? NO_TRAP : LOAD_PAGE);
        CAUSE(store(IN_VS, VA), vs_sum ? NO_TRAP : STORE_PAGE);
        CAUSE(fetch(IN_VS, VA), FETCH_PAGE);
        CAUSE(load(IN_VU, VA), NO_TRAP);
        h_write(HSTATUS, HS_SPVP);
        CAUSE(try_insn(IN_HS, HLV_D, VA, 0),
              vs_sum ? NO_TRAP : LOAD_PAGE); /* norm:hlsv_trans: HS-level SUM is ignored */
        CAUSE(try_insn(IN_HS, HLVX_WU, VA, 0), vs_sum ? NO_TRAP : LOAD_PAGE);
        h_write(HSTATUS, 0);
    }
}

/* norm:menvcfg_adue_op, norm:henvcfg_adue_op: a policy for each stage */
static void h30_accessed_and_dirty(void)
{
    guest_start(SV39, SV39);
    volatile uint64_t *vs = map(&vs_table, VA, GPA, ALL, 0), *g = map(&g_table, GPA, (uint64_t)frame[0], ALL, 0);
    uint64_t vs_bits = *vs & ~AD, g_bits = *g & ~AD;
    for (unsigned policy = 0; policy < 3; policy++) { /* none, the G-stage alone, both */
        bool g_hw = policy >= 1, vs_hw = policy == 2;
        m_write(MENVCFG, g_hw ? ENV_ADUE : 0);
        h_write(HENVCFG, vs_hw ? ENV_ADUE : 0);
        for (unsigned bits = 0; bits < 32; bits++) {
            uint64_t vs_ad = (bits & 1 ? A : 0) | (bits & 2 ? D : 0), g_ad = (bits & 4 ? A : 0) | (bits & 8 ? D : 0);
            bool writes = bits & 16;
            uint64_t need = writes ? AD : A;
            *vs = vs_bits | vs_ad, *g = g_bits | g_ad;
            fence_all();
            uint64_t want = (vs_ad & need) != need && !vs_hw ? (writes ? STORE_PAGE : LOAD_PAGE)
                            : (g_ad & need) != need && !g_hw ? (writes ? STORE_GUEST : LOAD_GUEST)
                                                             : NO_TRAP;
            CAUSE(writes ? store(IN_VU, VA) : load(IN_VU, VA), want);
            if (want == NO_TRAP) {
                EQUAL(*vs & AD, vs_ad | need);
                EQUAL(*g & AD, g_ad | need);
            } else {
                if (!vs_hw) EQUAL(*vs & AD, vs_ad);
                if (!g_hw) EQUAL(*g & AD, g_ad);
            }
        }
    }
    /* Hypervisor loads and stores follow the same policies. */
    m_write(MENVCFG, ENV_ADUE);
    h_write(HENVCFG, ENV_ADUE);
    *vs = vs_bits, *g = g_bits;
    fence_all();
    CAUSE(try_insn(IN_HS, HLV_D, VA, 0), NO_TRAP);
    EQUAL(*vs & AD, A);
    EQUAL(*g & AD, A);
    CAUSE(try_insn(IN_HS, HSV_B, VA, 0), NO_TRAP);
    EQUAL(*vs & AD, AD);
    EQUAL(*g & AD, AD);
}

static const struct test tests[] = {
    TEST(h23_width_of_guest_physical_addresses),
    TEST(h23_wide_addresses_from_vs_stage),
    TEST(h24_g_stage_is_checked_as_user),
    TEST(h24_g_stage_permissions),
    TEST(h24_pbmt_of_each_stage),
    TEST(h24_napot_in_both_stages),
    TEST(h25_vs_stage_tables_through_the_g_stage),
    TEST(h25_vs_stage_table_updates_through_the_g_stage),
    TEST(h25_tables_and_physical_memory_protection),
    TEST(h26_either_stage_bare),
    TEST(h27_mxr),
    TEST(h27_sum),
    TEST(h30_accessed_and_dirty),
};
RUN_TESTS(tests)
