/* Points 40 to 42: fences and their operands, guests and spaces side by side. What is stale before a fence is not looked at: either is
 * allowed. After the fence the new mapping must be there, and others must be as they were. */
#include "hyp.h"

#define COUNT(a)            (sizeof(a) / sizeof(a)[0])
#define S_PAGE              (ALL & ~(uint64_t)U)
#define FENCE(f7, rs1, rs2) INSN_R(f7, rs2, rs1, 0, X0, 0x73)
enum { F_SFENCE = 0x09, F_SINVAL = 0x0b, F_VVMA = 0x11, F_HINVAL_VVMA = 0x13, F_GVMA = 0x31, F_HINVAL_GVMA = 0x33 };

struct guest {
    struct table vs, g;
    uint64_t vsatp, hgatp;
};

static void switch_to(const struct guest *guest)
{
    h_write(VSATP, 0);
    h_write(HGATP, guest->hgatp);
    h_write(VSATP, guest->vsatp);
}

static struct guest guest_new(unsigned vs_mode, unsigned g_mode, unsigned vmid, unsigned asid)
{
    guest_more(vs_mode, g_mode, vmid, asid);
    return (struct guest){vs_table, g_table, h_read(VSATP), h_read(HGATP)};
}

static uint64_t loaded(uint64_t va)
{
    CAUSE(try_insn(IN_VS, LD, va, 0), NO_TRAP);
    return t.a2;
}

/* Two guests with the same addresses; frames 0 and 1 are theirs, 2 and 3 are for what changes. */
static struct guest guests[2];
static void two_guests(unsigned vmid0, unsigned vmid1, unsigned asid0, unsigned asid1)
{
    for (unsigned i = 0; i < 4; i++) frame[i][0] = 100 + i;
    guest_start(BARE, BARE);
    for (unsigned i = 0; i < 2; i++) {
        guests[i] = guest_new(SV39, i ? SV48 : SV39, i ? vmid1 : vmid0, i ? asid1 : asid0);
        map(&guests[i].vs, VA, GPA, S_PAGE, 0);
        map(&guests[i].g, GPA, (uint64_t)frame[i], ALL, 0);
        map(&guests[i].g, GPA + 0x1000, (uint64_t)frame[2 + i], ALL, 0);
    }
    fence_all();
    for (unsigned i = 0; i < 6; i++) {
        switch_to(&guests[i & 1]);
        EQUAL(loaded(VA), 100 + (i & 1));
    }
}

static void both_are(uint64_t first, uint64_t second)
{
    for (unsigned i = 0; i < 4; i++) {
        switch_to(&guests[i & 1]);
        EQUAL(loaded(VA), i & 1 ? second : first);
    }
    switch_to(&guests[0]);
}

/* Executes a fence; the inval instructions between the two that order them. */
static void fence_in(unsigned mode, unsigned f7, bool rs1, bool rs2, uint64_t a0, uint64_t a1)
{
    bool inval = f7 & 2;
    if (inval) CAUSE(try_insn(mode, SFENCE_W_INVAL, 0, 0), NO_TRAP);
    CAUSE(try_insn(mode, FENCE(f7, rs1 ? A0 : X0, rs2 ? A1 : X0), a0, a1), NO_TRAP);
    if (inval) CAUSE(try_insn(mode, SFENCE_INVAL_IR, 0, 0), NO_TRAP);
}

/* norm:sfence_vma_v1, norm:hfence-vvma_mode, norm:hfence-vvma_limits, norm:Svinval_hinval_vvma_gvma: every operand */
static void vs_stage_fences(unsigned mode, unsigned f7)
{
    for (unsigned operands = 0; operands < 4; operands++) {
        two_guests(1, 2, 5, 5);
        switch_to(&guests[0]);
        volatile uint64_t *leaf = pte_of(&guests[0].vs, VA, 0);
        *leaf = pte(GPA + 0x1000, S_PAGE);
        fence_in(mode, f7, operands & 1, operands & 2, VA + 0x128, 5);
        EQUAL(loaded(VA), 102);
        both_are(102, 101);
        *leaf = pte(GPA + 0x1000, V | R | A); /* less than before */
        fence_in(mode, f7, operands & 1, operands & 2, VA,
                 5 | UINT64_C(1) << 40); /* norm:hfence-vvma_asid: above ASIDMAX: ignored */
        CAUSE(try_insn(IN_VS, SD_, VA, 0), STORE_PAGE);
        *leaf = 0;
        fence_in(mode, f7, operands & 1, operands & 2, VA, 5);
        CAUSE(try_insn(IN_VS, LD, VA, 0), LOAD_PAGE);
        switch_to(&guests[1]);
        EQUAL(loaded(VA), 101);
    }
}
static void h40_sfence_vma_of_a_guest(void) { vs_stage_fences(IN_VS, F_SFENCE); }
static void h40_hfence_vvma(void) { vs_stage_fences(IN_HS, F_VVMA); }
static void h42_sinval_and_hinval_vvma(void)
{
    vs_stage_fences(IN_VS, F_SINVAL);
    vs_stage_fences(IN_HS, F_HINVAL_VVMA);
}

/* norm:hfence-gvma_op, norm:hfence-gvma_vmid: guest-physical address and VMID; what was cached from GVA to SPA goes too */
static void g_stage_fences(unsigned f7)
{
    for (unsigned operands = 0; operands < 4; operands++)
        for (unsigned elsewhere = 0; elsewhere < 2;
             elsewhere++) { /* the fence works for a VMID that is not the current one */
            two_guests(1, 2, 5, 5);
            volatile uint64_t *leaf = pte_of(&guests[0].g, GPA, 0);
            *leaf = pte((uint64_t)frame[3], ALL);
            switch_to(&guests[elsewhere]);
            fence_in(IN_HS, f7, operands & 1, operands & 2, (GPA + 0x80) >> 2, 1);
            both_are(103, 101);
            *leaf = pte((uint64_t)frame[3], V | R | U | A);
            switch_to(&guests[elsewhere]);
            fence_in(IN_HS, f7, operands & 1, operands & 2, GPA >> 2,
                     1 | UINT64_C(1) << 14); /* above VMIDMAX: ignored */
            switch_to(&guests[0]);
            CAUSE(try_insn(IN_VS, SD_, VA, 0), STORE_GUEST);
            EQUAL(loaded(VA), 103);
            *leaf = 0;
            fence_in(IN_HS, f7, operands & 1, operands & 2, GPA >> 2, 1);
            CAUSE(try_insn(IN_VS, LD, VA, 0), LOAD_GUEST);
            EQUAL(t.tval2, GPA >> 2);
            switch_to(&guests[1]);
            EQUAL(loaded(VA), 101);
        }
}
static void h40_hfence_gvma(void) { g_stage_fences(F_GVMA); }
static void h42_hinval_gvma(void) { g_stage_fences(F_HINVAL_GVMA); }

/* norm:hgatp_vmid: VMID 0 is one like others, and a register with 0 names it; VMIDs and ASIDs that differ in their upper bits */
static void h40_vmids_and_asids(void)
{
    static const unsigned pairs[][4] = {{0, 1, 0, 0}, {1, 0x2001, 5, 5}, {3, 0x3fff, 0, 0xffff}, {7, 8, 1, 0x8001}};
    for (unsigned i = 0; i < COUNT(pairs); i++) {
        two_guests(pairs[i][0], pairs[i][1], pairs[i][2], pairs[i][3]);
        switch_to(&guests[0]);
        *pte_of(&guests[0].g, GPA, 0) = pte((uint64_t)frame[2], ALL);
        fence_in(IN_HS, F_GVMA, false, true, 0, pairs[i][0]);
        both_are(102, 101);
        *pte_of(&guests[0].vs, VA, 0) = pte(GPA + 0x1000, S_PAGE);
        map(&guests[0].g, GPA + 0x1000, (uint64_t)frame[3], ALL, 0);
        fence_in(IN_HS, F_GVMA, true, true, (GPA + 0x1000) >> 2, pairs[i][0]);
        fence_in(IN_HS, F_VVMA, true, true, VA, pairs[i][2]);
        both_are(103, 101);
    }
}

/* One guest, two spaces: vsatp.ASID takes effect at once; a global page belongs to both. */
static void h40_spaces_of_a_guest(void)
{
    for (unsigned i = 0; i < 4; i++) frame[i][0] = 100 + i;
    guest_start(SV39, SV39);
    uint64_t first = h_read(VSATP);
    struct table one = vs_table, two = {new_page(1), 3, false, 0};
    map(&two, 0x80000000, 0x80000000, S_PAGE | G, 2);
    uint64_t second = UINT64_C(8) << 60 | ASID(2) | (uint64_t)two.root >> 12;
    map(&one, VA, GPA, S_PAGE, 0);
    map(&two, VA, GPA + 0x1000, S_PAGE, 0);
    map(&one, VA + 0x1000, GPA + 0x2000, S_PAGE | G, 0);
    map(&two, VA + 0x1000, GPA + 0x2000, S_PAGE | G, 0);
    for (unsigned i = 0; i < 4; i++) map(&g_table, GPA + i * 0x1000, (uint64_t)frame[i], ALL, 0);
    fence_all();
    for (unsigned i = 0; i < 6; i++) {
        CAUSE(try_insn(IN_VS, CSRW(SATP), i & 1 ? second : first, 0), NO_TRAP); /* the guest itself does it */
        EQUAL(loaded(VA), 100 + (i & 1));
        EQUAL(loaded(VA + 0x1000), 102);
    }
    h_write(VSATP, first);
    *pte_of(&one, VA, 0) = pte(GPA + 0x3000, S_PAGE);
    fence_in(IN_VS, F_SFENCE, false, true, 0, 1);
    EQUAL(loaded(VA), 103);
    EQUAL(loaded(VA + 0x1000), 102);
    h_write(VSATP, second);
    EQUAL(loaded(VA), 101);
    /* Global pages go with a fence that names no space. */
    *pte_of(&one, VA + 0x1000, 0) = *pte_of(&two, VA + 0x1000, 0) = pte(GPA + 0x3000, S_PAGE | G);
    fence_in(IN_HS, F_VVMA, true, false, VA + 0x1000, 0);
    EQUAL(loaded(VA + 0x1000), 103);
    h_write(VSATP, first);
    EQUAL(loaded(VA + 0x1000), 103);
}

/* A superpage of one stage over small pages of the other: a fence for any of its addresses is for all of it. */
static void h40_fences_and_superpages(void)
{
    for (unsigned i = 0; i < 4; i++) frame[i][0] = 100 + i;
    for (unsigned by_address = 0; by_address < 2; by_address++) {
        guest_start(SV39, SV39);
        uint64_t va = UINT64_C(0x40000000), gpa = UINT64_C(0x180000000);
        volatile uint64_t *leaf = map(&vs_table, va, gpa, S_PAGE, 1);
        for (unsigned i = 0; i < 2; i++) {
            map(&g_table, gpa + 0x3000 + 0x200000 * i, (uint64_t)frame[i], ALL, 0);
            map(&g_table, gpa + 0x9000 + 0x200000 * i, (uint64_t)frame[2 + i], ALL, 0);
        }
        fence_all();
        EQUAL(loaded(va + 0x3000), 100);
        EQUAL(loaded(va + 0x9000), 102);
        *leaf = pte(gpa + 0x200000, S_PAGE);
        fence_in(IN_HS, F_VVMA, by_address, false, va + 0x3000, 0);
        EQUAL(loaded(va + 0x9000), 103);
        EQUAL(loaded(va + 0x3000), 101);
        *leaf = pte(gpa, S_PAGE);
        fence_in(IN_VS, F_SFENCE, by_address, true, va + 0x100000, 1);
        EQUAL(loaded(va + 0x9000), 102);
        EQUAL(loaded(va + 0x3000), 100);
        /* The other way round: small pages of the guest in one of the G-stage. */
        static volatile uint64_t big[2][0x200000 / 8] __attribute__((aligned(0x200000)));
        big[0][0x3000 / 8] = 1, big[1][0x3000 / 8] = 2, big[0][0x9000 / 8] = 3, big[1][0x9000 / 8] = 4;
        leaf = map(&g_table, gpa + 0x600000, (uint64_t)big[0], ALL, 1);
        map(&vs_table, VA, gpa + 0x603000, S_PAGE, 0);
        map(&vs_table, VA + 0x1000, gpa + 0x609000, S_PAGE, 0);
        fence_all();
        EQUAL(loaded(VA), 1);
        EQUAL(loaded(VA + 0x1000), 3);
        *leaf = pte((uint64_t)big[1], ALL);
        fence_in(IN_HS, F_GVMA, by_address, false, (gpa + 0x609000) >> 2, 0);
        EQUAL(loaded(VA), 2);
        EQUAL(loaded(VA + 0x1000), 4);
        *leaf = pte((uint64_t)big[0], ALL);
        fence_in(IN_HS, F_GVMA, by_address, true, (gpa + 0x777000) >> 2, 1);
        EQUAL(loaded(VA), 1);
        EQUAL(loaded(VA + 0x1000), 3);
        /* A table between: pages below a pointer that changes. */
        leaf = pte_of(&g_table, gpa + 0x600000, 1);
        uint64_t *table = new_page(1);
        table[3] = pte((uint64_t)frame[3], ALL), table[9] = pte((uint64_t)frame[2], ALL);
        *leaf = pte((uint64_t)table, V);
        fence_in(IN_HS, F_GVMA, false, false, 0, 0);
        EQUAL(loaded(VA), 103);
        EQUAL(loaded(VA + 0x1000), 102);
    }
}

/* A guest's own tables in guest-physical memory that moves: the G-stage's fence is for the walk's own accesses as well. */
static void h40_tables_that_move(void)
{
    frame[0][0] = 100, frame[1][0] = 101;
    vs_tables_offset = UINT64_C(0x200000000);
    guest_start(SV39, SV39);
    map_both(VA, S_PAGE, GPA, ALL, (uint64_t)frame[0]);
    map(&g_table, GPA + 0x1000, (uint64_t)frame[1], ALL, 0);
    fence_all();
    EQUAL(loaded(VA), 100);
    volatile uint64_t *leaf = pte_of(&vs_table, VA, 0);
    uint64_t table_gpa = ((uint64_t)leaf & ~UINT64_C(0xfff)) + vs_tables_offset;
    uint64_t *copy = new_page(1);
    for (unsigned i = 0; i < 512; i++) copy[i] = ((uint64_t *)((uint64_t)leaf & ~UINT64_C(0xfff)))[i];
    copy[VA >> 12 & 511] = pte(GPA + 0x1000, S_PAGE);
    *pte_of(&g_table, table_gpa, 0) = pte((uint64_t)copy, ALL);
    fence_in(IN_HS, F_GVMA, true, true, table_gpa >> 2, 1);
    fence_in(IN_HS, F_VVMA, false, false, 0, 0);
    EQUAL(loaded(VA), 101);
}

/* What is executed, and may have been compiled, under one guest is not another's, and goes with the fence. */
static void h40_code_of_two_guests(void)
{
    for (unsigned i = 0; i < 4; i++) { /* li a2, 40 + i; addi a2, a2, 1; ecall */
        volatile uint32_t *at = (volatile uint32_t *)frame[i];
        at[0] = INSN_I(40 + i, X0, 0, A2, 0x13), at[1] = INSN_I(1, A2, 0, A2, 0x13), at[2] = ECALL;
    }
    __asm__ volatile("fence.i" ::: "memory");
    guest_start(BARE, BARE);
    for (unsigned i = 0; i < 2; i++) {
        guests[i] = guest_new(SV39, SV39, i + 1, 5);
        map(&guests[i].vs, VA, GPA, S_PAGE, 0);
        map(&guests[i].g, GPA, (uint64_t)frame[i], ALL, 0);
        map(&guests[i].g, GPA + 0x1000, (uint64_t)frame[2 + i], ALL, 0);
    }
    fence_all();
    for (unsigned i = 0; i < 200; i++) {
        switch_to(&guests[i & 1]);
        run_exactly(IN_VS, VA);
        EQUAL(t.a2, 41 + (i & 1));
    }
    switch_to(&guests[0]);
    *pte_of(&guests[0].vs, VA, 0) = pte(GPA + 0x1000, S_PAGE);
    fence_in(IN_VS, F_SFENCE, true, true, VA, 5);
    run_exactly(IN_VS, VA);
    EQUAL(t.a2, 43);
    *pte_of(&guests[0].g, GPA + 0x1000, 0) = pte((uint64_t)frame[3], ALL);
    fence_in(IN_HS, F_GVMA, true, true, (GPA + 0x1000) >> 2, 1);
    run_exactly(IN_VS, VA);
    EQUAL(t.a2, 44);
    *pte_of(&guests[0].g, GPA + 0x1000, 0) = pte((uint64_t)frame[3], ALL & ~(uint64_t)X);
    fence_in(IN_HS, F_HINVAL_GVMA, true, true, (GPA + 0x1000) >> 2, 1);
    CAUSE(run_exactly(IN_VS, VA), FETCH_GUEST);
    switch_to(&guests[1]);
    run_exactly(IN_VS, VA);
    EQUAL(t.a2, 42);
}

/* norm:hfence-gvma_mode: MODE changes for a VMID, with a fence. norm:sfence_vma_mode_effect: vsatp's take effect at once. */
static void h40_modes_that_change(void)
{
    frame[0][0] = 100, frame[1][0] = 101;
    uint64_t here = (uint64_t)frame[0];
    guest_start(BARE, SV39);
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        guest_more(BARE, mode, 1, 1);
        map(&g_table, GPA, (uint64_t)frame[mode & 1], ALL, 0);
        fence_in(IN_HS, F_GVMA, false, true, 0, 1);
        EQUAL(loaded(GPA), 100 + (mode & 1));
    }
    h_write(HGATP, 0);
    fence_in(IN_HS, F_GVMA, false, false, 0, 0);
    EQUAL(loaded(here), 100);
    CAUSE(try_insn(IN_VS, LD, HOLE, 0), LOAD_ACCESS);
    guest_start(SV39, BARE);
    map(&vs_table, VA, here, S_PAGE, 0);
    fence_all();
    uint64_t vsatp = h_read(VSATP);
    EQUAL(loaded(VA), 100);
    h_write(VSATP, 0);
    CAUSE(try_insn(IN_VS, LD, HOLE, 0), LOAD_ACCESS);
    EQUAL(loaded(here), 100);
    h_write(VSATP, vsatp);
    EQUAL(loaded(VA), 100);
    CAUSE(try_insn(IN_VS, LD, HOLE, 0), LOAD_PAGE);
}

/* norm:mstatus_tvm_hs, norm:hgatp_tvm_illegal, norm:hfence-vvma_tvm, norm:Svinval_illegal_instruction_tvm */
static void h41_tvm(void)
{
    static const struct {
        uint32_t insn;
        bool traps;
    } cases[] = {
        {HFENCE_GVMA, true},  {HINVAL_GVMA, true},     {CSRR(HGATP), true},      {CSRW(HGATP), true},
        {CSRS(HGATP), true},  {HFENCE_VVMA, false},    {HINVAL_VVMA, false},     {CSRR(VSATP), false},
        {CSRW(VSATP), false}, {CSRR(HSTATUS), false},  {SFENCE_VMA, true},       {SINVAL_VMA, true},
        {CSRR(SATP), true},   {SFENCE_W_INVAL, false}, {SFENCE_INVAL_IR, false},
    };
    for (unsigned i = 0; i < COUNT(cases); i++)
        for (unsigned tvm = 0; tvm < 2; tvm++) {
            if (tvm)
                m_set(MSTATUS, TVM);
            else
                m_clear(MSTATUS, TVM);
            CAUSE(try_insn(IN_HS, cases[i].insn, 0, 0), tvm && cases[i].traps ? ILLEGAL : NO_TRAP);
            if (!GROUND_IS_HS) CAUSE(try_insn(IN_M, cases[i].insn, 0, 0), NO_TRAP);
        }
}

/* norm:Svinval_virtual_instruction_vu_vs, norm:Svinval_illegal_instruction_u_mode, norm:Svinval_sfence_w_inval_inval_s_vs_mode,
 * norm:Svinval_sfence_w_inval_inval_vu_mode, norm:Svinval_sfence_w_inval_inval_u_mode */
static void h42_permissions(void)
{
    static const uint32_t pairs[][2] = {
        {HFENCE_VVMA, HINVAL_VVMA}, {HFENCE_GVMA, HINVAL_GVMA}, {SFENCE_VMA, SINVAL_VMA}};
    static const unsigned modes[] = {IN_U, IN_HS, IN_VU, IN_VS};
    for (unsigned bits = 0; bits < 4; bits++) {
        h_write(HSTATUS, bits & 1 ? HS_VTVM : 0);
        if (bits & 2)
            m_set(MSTATUS, TVM);
        else
            m_clear(MSTATUS, TVM);
        for (unsigned n = 0; n < 4; n++) {
            for (unsigned i = 0; i < 3; i++) {
                uint64_t want = try_insn(modes[n], pairs[i][0], 0, 0);
                CAUSE(try_insn(modes[n], pairs[i][1], 0, 0), want);
            }
            uint64_t want = modes[n] == IN_U ? ILLEGAL : modes[n] == IN_VU ? VIRTUAL_INSN : NO_TRAP;
            CAUSE(try_insn(modes[n], SFENCE_W_INVAL, 0, 0), want);
            CAUSE(try_insn(modes[n], SFENCE_INVAL_IR, 0, 0), want);
        }
    }
}

static const struct test tests[] = {
    TEST(h40_sfence_vma_of_a_guest),
    TEST(h40_hfence_vvma),
    TEST(h40_hfence_gvma),
    TEST(h40_vmids_and_asids),
    TEST(h40_spaces_of_a_guest),
    TEST(h40_fences_and_superpages),
    TEST(h40_tables_that_move),
    TEST(h40_code_of_two_guests),
    TEST(h40_modes_that_change),
    TEST(h41_tvm),
    TEST(h42_sinval_and_hinval_vvma),
    TEST(h42_hinval_gvma),
    TEST(h42_permissions),
};
RUN_TESTS(tests)
