/* Every CSR row: reset value, what a write leaves, who may access it; then what single registers do. */
#include "tests/unit/priv_bench.h"

static struct hart *h;
static void setup(void)
{
    bench_now = 0;
    bench_timer_changes = 0;
    h = bench_hart("rv64");
}
static void teardown(void) { hart_destroy(h); }
TestSuite(csr, .init = setup, .fini = teardown);

#define ALL UINT64_MAX
#define UXL (UINT64_C(2) << 32)
#define SXL (UINT64_C(2) << 34)

/* Of the default hart, everything delegated and enabled. What the whole register reads after reset, after writing all ones, after writing zero; each_bit: every bit of `ones` that is not in
 * `zeros` can be set alone. Numbers with ro are read-only. */
static const struct expect {
    unsigned first, last, step;
    uint64_t reset, ones, zeros;
    bool each_bit;
} expected[] = {
    {FFLAGS, FFLAGS, 1, 0, 0x1f, 0, true},
    {FRM, FRM, 1, 0, 7, 0, true},
    {FCSR, FCSR, 1, 0, 0xff, 0, true},
    {SSTATUS, SSTATUS, 1, UXL, UINT64_C(0x80000000000c6122) | UXL, UXL, false},
    {SIE, SIE, 1, 0, 0x222, 0, true},
    {STVEC, STVEC, 1, 0, ALL - 2, 0, true},
    {SCOUNTEREN, SCOUNTEREN, 1, 0, 0xffffffff, 0, true},
    {SENVCFG, SENVCFG, 1, 0, 0xf1, 0, false},
    {SSTATEEN0, SSTATEEN0 + 3, 1, 0, 0, 0, true},
    {SSCRATCH, SSCRATCH, 1, 0, ALL, 0, true},
    {SEPC, SEPC, 1, 0, ALL - 1, 0, true},
    {SCAUSE, STVAL, 1, 0, ALL, 0, true},
    {SIP, SIP, 1, 0, 0x002, 0, true},
    {STIMECMP, STIMECMP, 1, ALL, ALL, 0, true},
    {SATP, SATP, 1, 0, 0, 0, false},
    {VSSTATUS, VSSTATUS, 1, UXL, UINT64_C(0x80000000000c6122) | UXL, UXL, false},
    {VSIE, VSIE, 1, 0, 0x222, 0, true},
    {VSTVEC, VSTVEC, 1, 0, ALL - 2, 0, true},
    {VSSCRATCH, VSSCRATCH, 1, 0, ALL, 0, true},
    {VSEPC, VSEPC, 1, 0, ALL - 1, 0, true},
    {VSCAUSE, VSTVAL, 1, 0, ALL, 0, true},
    {VSIP, VSIP, 1, 0, 0x002, 0, true},
    {VSTIMECMP, VSTIMECMP, 1, ALL, ALL, 0, true},
    {VSATP, VSATP, 1, 0, 0, 0, false},
    {HSTATUS, HSTATUS, 1, UXL, UINT64_C(0x7003c0) | UXL, UXL, true},
    {HEDELEG, HEDELEG, 1, 0, 0xcb1ff, 0, true},
    {HIDELEG, HIDELEG, 1, 0, 0x444, 0, true},
    {HIE, HIE, 1, 0, 0x444, 0, true},
    {HTIMEDELTA, HTIMEDELTA, 1, 0, ALL, 0, true},
    {HCOUNTEREN, HCOUNTEREN, 1, 0, 0xffffffff, 0, true},
    {HGEIE, HGEIE, 1, 0, 0, 0, true},
    {HENVCFG, HENVCFG, 1, 0, UINT64_C(0xe0000000000000f1), 0, false},
    {HSTATEEN0, HSTATEEN0, 1, 0, UINT64_C(0xc000000000000000), 0, true},
    {HSTATEEN0 + 1, HSTATEEN0 + 3, 1, 0, UINT64_C(0x8000000000000000), 0, true},
    {HTVAL, HTVAL, 1, 0, ALL, 0, true},
    {HIP, HIP, 1, 0, 0x004, 0, true},
    {HVIP, HVIP, 1, 0, 0x444, 0, true},
    {HTINST, HTINST, 1, 0, ALL, 0, true},
    {HGATP, HGATP, 1, 0, UINT64_C(0x03fffffffffffffc), 0, false}, /* MODE 15 is not written */
    {HGEIP, HGEIP, 1, 0, 0, 0, false},
    {MSTATUS, MSTATUS, 1, UXL | SXL, UINT64_C(0x800000c0007e79aa) | UXL | SXL, UXL | SXL, false},
    {MISA, MISA, 1, UINT64_C(2) << 62 | 0x1411af, UINT64_C(2) << 62 | 0x1411af, UINT64_C(2) << 62 | 0x140102, false},
    {MEDELEG, MEDELEG, 1, 0, 0xf0b7ff, 0, true},
    {MIDELEG, MIDELEG, 1, 0x444, 0x666, 0x444, true},
    {MIE, MIE, 1, 0, 0xeee, 0, true},
    {MTVEC, MTVEC, 1, 0, ALL - 2, 0, true},
    {MCOUNTEREN, MCOUNTEREN, 1, 0, 0xffffffff, 0, true},
    {MENVCFG, MENVCFG, 1, 0, UINT64_C(0xe0000000000000f1), 0, false},
    {MSTATEEN0, MSTATEEN0, 1, 0, UINT64_C(0xc000000000000000), 0, true},
    {MSTATEEN0 + 1, MSTATEEN0 + 3, 1, 0, UINT64_C(0x8000000000000000), 0, true},
    {MCOUNTINHIBIT, MCOUNTINHIBIT, 1, 0, 5, 0, true},
    {0x323, 0x33f, 1, 0, 0, 0, true},
    {MSCRATCH, MSCRATCH, 1, 0, ALL, 0, true},
    {MEPC, MEPC, 1, 0, ALL - 1, 0, true},
    {MCAUSE, MTVAL, 1, 0, ALL, 0, true},
    {MIP, MIP, 1, 0, 0x226, 0, true},
    {MTINST, MTVAL2, 1, 0, ALL, 0, true},
    {PMPADDR0, PMPADDR0 + 15, 1, 0, ALL >> 10, 0, true}, /* before pmpcfg: all ones there lock */
    {PMPADDR0 + 16, PMPADDR0 + 63, 1, 0, 0, 0, true},
    {PMPCFG0, PMPCFG0 + 2, 2, 0, UINT64_C(0x9f9f9f9f9f9f9f9f), UINT64_C(0x9f9f9f9f9f9f9f9f), false},
    {PMPCFG0 + 4, PMPCFG0 + 14, 2, 0, 0, 0, true},
    {TSELECT, TSELECT + 3, 1, 0, 0, 0, true},
    {0x7a4, 0x7a4, 1, 1, 1, 1, true},
    {MCYCLE, MCYCLE, 1, 0, ALL - 1, ALL, false}, /* nothing retires here, but the write counts as one */
    {MINSTRET, MINSTRET, 1, 0, ALL - 1, ALL, false},
    {0xb03, 0xb1f, 1, 0, 0, 0, true},
    {CYCLE, 0xc1f, 1, 0, 0, 0, false},
    {0xf11, 0xf13, 1, 0, 0, 0, false},
    {MHARTID, MHARTID, 1, 3, 3, 3, false},
    {0xf15, 0xf15, 1, 0, 0, 0, false},
};

static const struct expect *expect_of(unsigned number)
{
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (expected[i].first <= number && number <= expected[i].last &&
            (number - expected[i].first) % expected[i].step == 0)
            return &expected[i];
    return NULL;
}

static bool read_only(unsigned number) { return number >> 10 == 3; }
static bool is_fp(unsigned number) { return number <= FCSR; }

/* Opens what hides bits of other registers. */
static void delegate_all(void)
{
    csr_set(h, MIDELEG, ALL);
    csr_set(h, MEDELEG, ALL);
    csr_set(h, HIDELEG, ALL);
    csr_set(h, MENVCFG, ALL & ~STCE); /* which makes STIP read-only */
    for (unsigned i = 0; i < 4; i++) csr_set(h, MSTATEEN0 + i, ALL);
}

Test(csr, the_rows_are_exactly_the_expected_ones)
{
    for (unsigned n = 0; n < 4096; n++) {
        cr_assert_eq(csr_name(n) != NULL, expect_of(n) != NULL, "csr %x", n);
        if (!csr_name(n)) cr_assert(!csr_read_ok(h, n) && !csr_write_ok(h, n, 0), "csr %x", n);
    }
    cr_assert_null(csr_name(5000));
}

Test(csr, reset_values)
{
    for (unsigned n = 0; n < 4096; n++)
        if (csr_name(n) && !is_fp(n)) cr_assert_eq(csr_get(h, n), expect_of(n)->reset, "%s", csr_name(n));
    csr_set(h, MSTATUS, FS_ON);
    for (unsigned n = FFLAGS; n <= FCSR; n++) cr_assert_eq(csr_get(h, n), 0);
    cr_assert_eq(h->priv, PRIV_M);
    cr_assert_eq(h->pc, RAM);
}

Test(csr, all_ones_and_zeros_leave_what_is_legal)
{
    for (unsigned n = 0; n < 4096; n++) {
        const struct expect *e = expect_of(n);
        if (!e || read_only(n)) continue;
        teardown();
        setup();
        delegate_all();
        if (is_fp(n)) csr_set(h, MSTATUS, FS_ON);
        if (n == HENVCFG) csr_set(h, MENVCFG, ALL);
        csr_set(h, n, ALL);
        cr_assert_eq(csr_get(h, n), e->ones, "%s: %lx after ones, not %lx", csr_name(n), csr_get(h, n), e->ones);
        csr_set(h, n, 0);
        cr_assert_eq(csr_get(h, n), e->zeros, "%s: %lx after zero, not %lx", csr_name(n), csr_get(h, n), e->zeros);
    }
}

Test(csr, bits_that_stand_alone_are_set_and_cleared_alone)
{
    for (unsigned n = 0; n < 4096; n++) {
        const struct expect *e = expect_of(n);
        if (!e || !e->each_bit || read_only(n)) continue;
        teardown();
        setup();
        delegate_all();
        if (is_fp(n)) csr_set(h, MSTATUS, FS_ON);
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t one = UINT64_C(1) << bit, old;
            csr_set(h, n, 0);
            cr_assert(csr_do(h, n, CSR_SET, one, true, true, &old));
            cr_assert_eq(csr_get(h, n), e->zeros | (e->ones & one), "%s bit %u set", csr_name(n), bit);
            csr_set(h, n, ALL);
            cr_assert(csr_do(h, n, CSR_CLEAR, one, true, true, &old));
            cr_assert_eq(csr_get(h, n), e->zeros | (e->ones & ~one), "%s bit %u cleared", csr_name(n), bit);
        }
    }
}

Test(csr, the_number_says_who_may_access_it)
{
    static const enum priv modes[] = {PRIV_U, PRIV_S, PRIV_M};
    bench_open_everything(h);
    for (unsigned n = 0; n < 4096; n++) {
        if (!csr_name(n)) continue;
        for (unsigned m = 0; m < 3; m++) {
            bench_priv(h, modes[m]);
            unsigned level = n >> 8 & 3;
            bool allowed = modes[m] >= (level == 2 ? PRIV_S : level); /* the hypervisor's are for HS-mode */
            cr_assert_eq(csr_read_ok(h, n), allowed, "%s read by %d", csr_name(n), modes[m]);
            uint64_t old;
            bool set = csr_do(h, n, CSR_SET, 0, true, true, &old);
            cr_assert_eq(set, allowed && !read_only(n), "%s written by %d", csr_name(n), modes[m]);
        }
        bench_priv(h, PRIV_M);
        bench_open_everything(h);
    }
}

Test(csr, set_and_clear_with_x0_do_not_write)
{
    uint64_t old;
    cr_assert(csr_do(h, MHARTID, CSR_SET, 0, true, false, &old) && old == 3);
    cr_assert(csr_do(h, MHARTID, CSR_CLEAR, 0, true, false, &old));
    cr_assert_not(csr_do(h, MHARTID, CSR_WRITE, 3, true, true, &old));
    cr_assert_not(csr_do(h, MHARTID, CSR_WRITE, 3, false, true, &old));
}

Test(csr, a_swap_returns_the_old_value)
{
    uint64_t old = 1;
    csr_set(h, MSCRATCH, 0xf0);
    cr_assert(csr_do(h, MSCRATCH, CSR_WRITE, 5, true, true, &old) && old == 0xf0);
    cr_assert(csr_do(h, MSCRATCH, CSR_SET, 0xa, true, true, &old) && old == 5 && csr_get(h, MSCRATCH) == 0xf);
    cr_assert(csr_do(h, MSCRATCH, CSR_CLEAR, 3, true, true, &old) && old == 0xf && csr_get(h, MSCRATCH) == 0xc);
}

/* ---- harts with less ---- */

static void check_absent(const char *cpu, const unsigned *numbers, size_t count)
{
    teardown();
    h = bench_hart(cpu);
    for (size_t i = 0; i < count; i++) {
        uint64_t v;
        cr_assert_not(csr_read_ok(h, numbers[i]), "%s has %s", cpu, csr_name(numbers[i]));
        cr_assert(!csr_peek(h, numbers[i], &v) && !csr_poke(h, numbers[i], 0));
    }
}
#define ABSENT(cpu, ...)                                                                                               \
    check_absent(cpu, (const unsigned[]){__VA_ARGS__}, sizeof((unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

Test(csr, what_an_absent_extension_adds_is_absent)
{
    ABSENT("rv64,s=off", SSTATUS, SIE, STVEC, SCOUNTEREN, SENVCFG, SSCRATCH, SEPC, SCAUSE, STVAL, SIP, SATP, MEDELEG,
           MIDELEG, STIMECMP, MSTATEEN0, SSTATEEN0);
    cr_assert_eq(csr_get(h, MSTATUS), UXL);
    csr_set(h, MSTATUS, ALL & ~UINT64_C(0x1800));
    cr_assert_eq(csr_get(h, MSTATUS), UINT64_C(0x8000000000226088) | UXL, "MIE MPIE FS MPRV TW");
    csr_set(h, MIE, ALL);
    csr_set(h, MIP, ALL);
    cr_assert(csr_get(h, MIE) == 0x888 && csr_get(h, MIP) == 0);
    ABSENT("rv64,u=off", MCOUNTEREN, MENVCFG, SSTATUS);
    cr_assert_eq(csr_get(h, MSTATUS), 0x1800);
    csr_set(h, MSTATUS, 0);
    cr_assert_eq(csr_get(h, MSTATUS), 0x1800, "only M");
    ABSENT("rv64,zicntr=off", CYCLE, TIME, INSTRET);
    cr_assert(csr_read_ok(h, MCYCLE));
    ABSENT("rv64,zihpm=off", 0xc03, 0xc1f);
    ABSENT("rv64,sstc=off", STIMECMP);
    csr_set(h, MENVCFG, ALL);
    cr_assert_not(csr_get(h, MENVCFG) & STCE);
    ABSENT("rv64,smstateen=off", MSTATEEN0, MSTATEEN0 + 3);
    cr_assert(csr_read_ok(h, SSTATEEN0), "Ssstateen alone");
    ABSENT("rv64,ssstateen=off", SSTATEEN0);
    ABSENT("rv64,f=off", FFLAGS, FRM, FCSR);
    csr_set(h, MSTATUS, ALL);
    cr_assert_not(csr_get(h, MSTATUS) & (UINT64_C(1) << 63 | 0x6000), "no FS, no SD");
    teardown();
    h = bench_hart("rv64,sv39=off"); /* norm:mstatus_mxr_rdonly0_no_smode: satp.MODE is read-only zero */
    csr_set(h, MSTATUS, ALL);
    cr_assert_not(csr_get(h, MSTATUS) & (MSTATUS_MXR | MSTATUS_SUM | MSTATUS_TVM));
    cr_assert((csr_get(h, MSTATUS) & MSTATUS_TSR) && csr_get(h, SATP) == 0);
    teardown();
    h = bench_hart("rv64,svadu=off,svpbmt=off,zicbom=off,zicboz=off");
    csr_set(h, MENVCFG, ALL);
    cr_assert_eq(csr_get(h, MENVCFG), STCE | 1);
}

Test(csr, a_hart_without_pmp_has_no_pmp_registers)
{
    h->mmu.pmp.count = 0;
    cr_assert(!csr_read_ok(h, PMPCFG0) && !csr_read_ok(h, PMPADDR0 + 63));
}

Test(csr, without_svade_hardware_updates_from_the_start)
{
    teardown();
    h = bench_hart("rv64,svade=off");
    cr_assert_eq(csr_get(h, MENVCFG), UINT64_C(1) << 61);
}

/* ---- status ---- */

Test(csr, mpp_takes_only_modes_that_exist)
{
    for (unsigned mpp = 0; mpp < 4; mpp++) {
        csr_set(h, MSTATUS, mpp << 11);
        cr_assert_eq(csr_get(h, MSTATUS) >> 11 & 3, mpp == 2 ? 0 : mpp);
    }
    teardown();
    h = bench_hart("rv64,s=off");
    csr_set(h, MSTATUS, 1 << 11);
    cr_assert_eq(csr_get(h, MSTATUS) >> 11 & 3, 0);
}

Test(csr, sstatus_is_a_view)
{
    csr_set(h, MSTATUS, 0x1888);
    csr_set(h, SSTATUS, 0x2);
    cr_assert_eq(csr_get(h, MSTATUS), 0x188a | UXL | SXL);
    cr_assert_eq(csr_get(h, SSTATUS), 0x2 | UXL);
}

Test(csr, floating_point_goes_with_fs)
{
    cr_assert(!csr_read_ok(h, FCSR) && !csr_write_ok(h, FRM, 0));
    cr_assert_not(isa_has(h->isa_live, EXT_f) || isa_has(h->isa_live, EXT_d) || isa_has(h->isa_live, EXT_zcd) ||
                  isa_has(h->isa_live, EXT_zfa));
    cr_assert(isa_has(h->isa_live, EXT_c));
    csr_set(h, MSTATUS, FS_ON);
    cr_assert_eq(h->isa_live, h->isa);
    cr_assert_eq(csr_get(h, MSTATUS) & 0x6000, FS_ON);
    csr_set(h, FCSR, 0x6a);
    cr_assert(csr_get(h, FRM) == 3 && csr_get(h, FFLAGS) == 0xa);
    cr_assert_eq(csr_get(h, MSTATUS) & (0x6000 | UINT64_C(1) << 63), 0x6000 | UINT64_C(1) << 63,
                 "a write makes it dirty");
    csr_set(h, MSTATUS, 2 * FS_ON);
    cr_assert_eq(csr_get(h, SSTATUS) & (0x6000 | UINT64_C(1) << 63), 2 * FS_ON, "clean again");
    csr_get(h, FCSR);
    cr_assert_eq(csr_get(h, SSTATUS) & 0x6000, 2 * FS_ON, "a read does not");
    h->fs_dirty = 1;
    csr_set(h, SSTATUS, 0);
    csr_set(h, MSTATUS, FS_ON);
    cr_assert_eq(csr_get(h, SSTATUS) & 0x6000, FS_ON, "dirtiness from before the write is not kept for after");
    csr_set(h, FRM, 7);
    csr_set(h, FFLAGS, 1);
    cr_assert_eq(csr_get(h, FCSR), 0xe1, "reserved rounding modes are held");
}

/* Parts of an extension that the hart never had stay when misa is written. */
Test(csr, misa_leaves_parts_of_what_was_never_there)
{
    struct hart *parts = bench_hart("rv64,c=off,m=off,a=off,zca=on,zmmul=on,zaamo=on");
    cr_assert(isa_has(parts->isa_live, EXT_zca) && isa_has(parts->isa_live, EXT_zmmul) &&
              isa_has(parts->isa_live, EXT_zaamo));
    isa_set before = parts->isa_live;
    csr_set(parts, MISA, csr_get(parts, MISA));
    cr_expect_eq(parts->isa_live, before);
    csr_set(parts, MISA, csr_get(parts, MISA) & ~UINT64_C(2));
    cr_expect(isa_has(parts->isa_live, EXT_zca) && isa_has(parts->isa_live, EXT_zmmul) &&
              isa_has(parts->isa_live, EXT_zaamo));
    hart_destroy(parts);
}

Test(csr, misa_switches_extensions)
{
    csr_set(h, MSTATUS, FS_ON);
    uint64_t all = csr_get(h, MISA);
    csr_set(h, MISA, all & ~(UINT64_C(1) << 12));
    cr_assert(!isa_has(h->isa_live, EXT_m) && !isa_has(h->isa_live, EXT_zmmul) && isa_has(h->isa_live, EXT_a));
    csr_set(h, MISA, all & ~UINT64_C(1));
    cr_assert(!isa_has(h->isa_live, EXT_zaamo) && !isa_has(h->isa_live, EXT_zalrsc) &&
              !isa_has(h->isa_live, EXT_zawrs) && isa_has(h->isa_live, EXT_m));
    csr_set(h, MISA, all & ~(UINT64_C(1) << 5));
    cr_assert_eq(csr_get(h, MISA), all & ~UINT64_C(0x28), "D goes with F");
    cr_assert(!isa_has(h->isa_live, EXT_zfhmin) && !csr_read_ok(h, FCSR));
    csr_set(h, MISA, all & ~(UINT64_C(1) << 3));
    cr_assert(!isa_has(h->isa_live, EXT_d) && !isa_has(h->isa_live, EXT_zcd) && isa_has(h->isa_live, EXT_f) &&
              isa_has(h->isa_live, EXT_zca));
    csr_set(h, MISA, all);
    cr_assert_eq(h->isa_live, h->isa);
}

Test(csr, misa_c_stays_when_the_next_instruction_would_be_misaligned)
{
    uint64_t all = csr_get(h, MISA), without = all & ~UINT64_C(4);
    h->pc = RAM + 2;
    csr_set(h, MISA, without & ~UINT64_C(1));
    cr_assert_eq(csr_get(h, MISA), all, "the whole write is suppressed");
    h->pc = RAM + 4;
    csr_set(h, MEPC, 0x1006);
    csr_set(h, SEPC, 0x1006);
    csr_set(h, MISA, without);
    cr_assert_eq(csr_get(h, MISA), without);
    cr_assert(!isa_has(h->isa_live, EXT_zca) && !isa_has(h->isa_live, EXT_zcb));
    cr_assert(csr_get(h, MEPC) == 0x1004 && csr_get(h, SEPC) == 0x1004, "bit 1 reads as zero");
    h->pc = RAM + 2;
    csr_set(h, MISA, all);
    cr_assert(csr_get(h, MISA) == all && csr_get(h, MEPC) == 0x1006, "and comes back");
}

/* ---- interrupts ---- */

Test(csr, wires_and_software_bits_of_mip)
{
    hart_set_irq(h, IRQ_MTI, true);
    hart_set_irq(h, IRQ_MSI, true);
    hart_set_irq(h, IRQ_MEI, true);
    csr_set(h, MIP, 0);
    cr_assert_eq(csr_get(h, MIP), 0x888, "read-only");
    hart_set_irq(h, IRQ_MTI, false);
    cr_assert_eq(csr_get(h, MIP), 0x808);
}

Test(csr, seip_is_wire_or_software_and_is_never_latched)
{
    uint64_t old;
    hart_set_irq(h, IRQ_SEI, true);
    cr_assert(csr_do(h, MIP, CSR_SET, 0x2, true, true, &old) && old == 0x200);
    hart_set_irq(h, IRQ_SEI, false);
    cr_assert_eq(csr_get(h, MIP), 0x2, "the wire was not written into the bit");
    csr_set(h, MIP, 0x200);
    cr_assert_eq(csr_get(h, MIP), 0x200);
    hart_set_irq(h, IRQ_SEI, true);
    cr_assert(csr_do(h, MIP, CSR_CLEAR, 0x200, true, true, &old) && old == 0x200);
    cr_assert_eq(csr_get(h, MIP), 0x200, "still the wire");
    hart_set_irq(h, IRQ_SEI, false);
    cr_assert_eq(csr_get(h, MIP), 0);
}

Test(csr, sip_and_sie_show_what_is_delegated)
{
    csr_set(h, MIE, ALL);
    csr_set(h, MIP, ALL);
    cr_assert(csr_get(h, SIE) == 0 && csr_get(h, SIP) == 0);
    csr_set(h, MIDELEG, 0x202);
    cr_assert(csr_get(h, SIE) == 0x202 && csr_get(h, SIP) == 0x202);
    csr_set(h, SIP, 0);
    cr_assert_eq(csr_get(h, MIP), 0x224, "only SSIP is writable there");
    csr_set(h, SIE, 0);
    cr_assert_eq(csr_get(h, MIE), 0xcec);
    csr_set(h, MIDELEG, 0);
    csr_set(h, SIP, 2);
    cr_assert_eq(csr_get(h, MIP), 0x224, "not delegated, not writable");
}

Test(csr, sswi_sets_ssip_and_software_clears_it)
{
    hart_irq_line(h, IRQ_SSI, true);
    hart_irq_line(h, IRQ_SSI, false);
    cr_assert_eq(csr_get(h, MIP), 2);
    csr_set(h, MIP, 0);
    cr_assert_eq(csr_get(h, MIP), 0);
}

/* ---- timer ---- */

Test(csr, stip_follows_stimecmp_once_enabled)
{
    csr_set(h, STIMECMP, 10);
    csr_set(h, MIP, 0x20);
    bench_now = 2000000;
    cr_assert(csr_get(h, MIP) == 0x20 && hart_timer_deadline(h) == UINT64_MAX);
    csr_set(h, MENVCFG, STCE);
    cr_assert_eq(csr_get(h, TIME), 20);
    cr_assert(csr_get(h, MIP) == 0x20 && hart_timer_deadline(h) == UINT64_MAX, "it is past");
    csr_set(h, MIP, 0);
    cr_assert_eq(csr_get(h, MIP), 0x20, "read-only now");
    csr_set(h, STIMECMP, 21);
    cr_assert(csr_get(h, MIP) == 0 && hart_timer_deadline(h) == 21);
    bench_now = 2099999;
    hart_timer_check(h);
    cr_assert_eq(csr_get(h, MIP), 0, "time is 20");
    bench_now = 2100000;
    hart_timer_check(h);
    cr_assert_eq(csr_get(h, MIP), 0x20, "time is 21: not less");
    csr_set(h, MENVCFG, 0);
    cr_assert_eq(csr_get(h, MIP), 0);
    cr_assert_eq(bench_timer_changes, 4, "two writes of stimecmp, two changes of STCE: %u", bench_timer_changes);
}

Test(csr, stimecmp_needs_tm_and_stce_below_machine_mode)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        bench_priv(h, PRIV_M);
        csr_set(h, MCOUNTEREN, bits & 1 ? 2 : 5);
        csr_set(h, MENVCFG, bits & 2 ? STCE : 0);
        cr_assert(csr_read_ok(h, STIMECMP));
        bench_priv(h, PRIV_S);
        cr_assert_eq(csr_read_ok(h, STIMECMP), bits == 3);
    }
}

/* ---- counters ---- */

Test(csr, counters_are_open_where_all_enables_say_so)
{
    for (unsigned n = 0; n < 32; n++)
        for (unsigned bits = 0; bits < 4; bits++) {
            bench_priv(h, PRIV_M);
            csr_set(h, MCOUNTEREN, bits & 1 ? UINT64_C(1) << n : ~(UINT64_C(1) << n));
            csr_set(h, SCOUNTEREN, bits & 2 ? UINT64_C(1) << n : ~(UINT64_C(1) << n));
            cr_assert(csr_read_ok(h, CYCLE + n));
            bench_priv(h, PRIV_S);
            cr_assert_eq(csr_read_ok(h, CYCLE + n), (bits & 1) != 0);
            bench_priv(h, PRIV_U);
            cr_assert_eq(csr_read_ok(h, CYCLE + n), bits == 3);
        }
    teardown();
    h = bench_hart("rv64,s=off");
    csr_set(h, MCOUNTEREN, 1);
    bench_priv(h, PRIV_U);
    cr_assert(csr_read_ok(h, CYCLE) && !csr_read_ok(h, TIME), "without S there is no second enable");
}

Test(csr, counters_count_and_can_be_set)
{
    h->icount_end = 100;
    cr_assert(csr_get(h, MINSTRET) == 100 && csr_get(h, INSTRET) == 100 && csr_get(h, MCYCLE) == 100);
    csr_set(h, MINSTRET, 5000);
    h->icount_end = 101; /* the writing instruction has retired */
    cr_assert_eq(csr_get(h, MINSTRET), 5000, "the value stands when the next instruction reads it");
    h->icount_end = 111;
    cr_assert(csr_get(h, MINSTRET) == 5010 && csr_get(h, MCYCLE) == 111);
    cr_assert(csr_poke(h, 0xb00, 7));
    cr_assert_eq(csr_get(h, MCYCLE), 7, "a debugger's write is not an instruction");
    bench_env.cycles_per_insn_q16 = 0x18000;
    csr_set(h, MCYCLE, 0);
    h->icount_end += 1 + 10;
    cr_assert_eq(csr_get(h, MCYCLE), 15);
    bench_env.cycles_per_insn_q16 = 0;
}

Test(csr, inhibited_counters_stand_still)
{
    h->icount_end = 100;
    csr_set(h, MCOUNTINHIBIT, 4);
    h->icount_end = 150;
    cr_assert(csr_get(h, MINSTRET) == 101 && csr_get(h, MCYCLE) == 150);
    csr_set(h, MINSTRET, 7);
    h->icount_end = 160;
    cr_assert_eq(csr_get(h, MINSTRET), 7);
    csr_set(h, MCOUNTINHIBIT, 1);
    h->icount_end = 161;
    cr_assert_eq(csr_get(h, MINSTRET), 7);
    h->icount_end = 171;
    cr_assert(csr_get(h, MINSTRET) == 17 && csr_get(h, MCYCLE) == 161 && csr_get(h, CYCLE) == 161);
}

/* ---- configuration ---- */

Test(csr, envcfg_cbie_never_holds_the_reserved_value)
{
    for (unsigned n = MENVCFG;; n = SENVCFG) {
        for (unsigned cbie = 0; cbie < 4; cbie++) {
            csr_set(h, n, cbie << 4);
            cr_assert_eq(csr_get(h, n), cbie == 2 ? 0 : cbie << 4);
        }
        if (n == SENVCFG) break;
    }
}

Test(csr, state_enables_guard_senvcfg_and_sstateen)
{
    bench_priv(h, PRIV_S);
    cr_assert_not(csr_read_ok(h, SENVCFG) || csr_read_ok(h, SSTATEEN0) || csr_read_ok(h, SSTATEEN0 + 3));
    bench_priv(h, PRIV_M);
    cr_assert(csr_read_ok(h, SENVCFG) && csr_read_ok(h, SSTATEEN0 + 3));
    csr_set(h, MSTATEEN0, UINT64_C(1) << 62);
    csr_set(h, MSTATEEN0 + 3, UINT64_C(1) << 63);
    bench_priv(h, PRIV_S);
    cr_assert(csr_read_ok(h, SENVCFG) && !csr_read_ok(h, SSTATEEN0) && csr_read_ok(h, SSTATEEN0 + 3) &&
              !csr_read_ok(h, SSTATEEN0 + 1));
    teardown();
    h = bench_hart("rv64,smstateen=off");
    bench_priv(h, PRIV_S);
    cr_assert(csr_read_ok(h, SENVCFG) && csr_read_ok(h, SSTATEEN0));
}

Test(csr, satp_takes_a_whole_write_or_nothing)
{
    for (unsigned mode = 0; mode < 16; mode++) {
        uint64_t before = UINT64_C(8) << 60 | 0x1234, after = (uint64_t)mode << 60 | UINT64_C(0xffff) << 44 | 0x5678;
        csr_set(h, SATP, before);
        csr_set(h, SATP, after);
        bool legal = mode == 0 || (mode >= 8 && mode <= 10);
        cr_assert_eq(csr_get(h, SATP), legal ? after : before, "mode %u", mode);
    }
    static const struct {
        const char *cpu;
        unsigned last;
    } less[] = {{"rv64,sv57=off", 9}, {"rv64,sv48=off", 8}, {"rv64,sv39=off", 0}};
    for (size_t i = 0; i < ARRAY_LEN(less); i++) {
        teardown();
        h = bench_hart(less[i].cpu);
        for (unsigned mode = 8; mode <= 10; mode++) {
            csr_set(h, SATP, (uint64_t)mode << 60);
            cr_assert_eq(csr_get(h, SATP) >> 60, mode <= less[i].last ? mode : i == 2 ? 0 : less[i].last);
        }
    }
}

Test(csr, tvm_takes_satp_from_the_supervisor)
{
    csr_set(h, MSTATUS, UINT64_C(1) << 20);
    cr_assert(csr_read_ok(h, SATP));
    bench_priv(h, PRIV_S);
    cr_assert(!csr_read_ok(h, SATP) && !csr_write_ok(h, SATP, 0));
}

Test(csr, pmp_writes_flush_translations)
{
    struct mmu_result r = mmu_access_data(&h->mmu, h->data, RAM, 8, MMU_READ);
    cr_assert(r.cached);
    csr_set(h, PMPADDR0, RAM >> 2);
    csr_set(h, PMPCFG0, 0x90);
    cr_assert_eq(mmu_access_data(&h->mmu, h->data, RAM, 4, MMU_READ).fault, MMU_ACCESS_FAULT,
                 "locked NA4 without rights binds M");
    cr_assert_eq(csr_get(h, PMPCFG0), 0x90);
}

/* ---- names and tags ---- */

Test(csr, names_lead_to_numbers_and_back)
{
    unsigned rows = 0;
    for (unsigned n = 0; n < 4096; n++)
        if (csr_name(n)) {
            cr_assert_eq(csr_number(csr_name(n)), (int)n);
            rows++;
        }
    cr_assert_eq(csr_number("MSTATUS"), MSTATUS);
    cr_assert_eq(csr_number("nonsense"), -1);
    cr_assert_gt(rows, 200);
}

static void count_row(void *to, unsigned number, const char *name, const char *tag)
{
    unsigned *last = to;
    cr_assert(number > *last && name && (strncmp(tag, "norm:", 5) == 0 || strncmp(tag, "debug:", 6) == 0));
    *last = number;
}
Test(csr, each_row_has_a_tag)
{
    unsigned last = 0;
    csr_each(count_row, &last);
    cr_assert_eq(last, 0xf15);
}
