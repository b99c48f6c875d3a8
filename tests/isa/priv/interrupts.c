/* When an interrupt is taken: enables, delegation, priority, vectors, and the instruction at which it happens. */
#include "priv.h"

static const unsigned modes[] = {MODE_U, MODE_S, MODE_M};
enum { SSI = 1, MSI = 3, STI = 5, MTI = 7, SEI = 9 };
#define S_BITS (BIT(SSI) | BIT(STI) | BIT(SEI))

static void idle(void)
{
    for (volatile int i = 0; i < 20; i++) {
    }
}

static void quiet(void)
{
    csr_write(mie, 0);
    csr_clear(mip, S_BITS);
    csr_write(mideleg, 0);
    *CLINT_MSIP = 0;
    *CLINT_MTIMECMP = UINT64_MAX;
    csr_clear(mstatus, SIE | MIE | SPIE | MPIE | SPP);
    csr_write(mtvec, m_direct);
    csr_write(stvec, s_direct);
    csr_write(medeleg, 0);
}

/* SSI from each mode, with every setting of both global enables, delegated or not. */
static void enables(void)
{
    for (unsigned n = 0; n < 3; n++)
        for (unsigned bits = 0; bits < 8; bits++) {
            bool mie_on = bits & 1, sie_on = bits & 2, delegated = bits & 4;
            quiet();
            csr_write(mideleg, delegated ? BIT(SSI) : 0);
            csr_write(mie, BIT(SSI));
            csr_set(mip, BIT(SSI));
            csr_set(mstatus, (mie_on ? MPIE : 0) | (sie_on ? SIE : 0));
            uint64_t end = enter(modes[n], idle);
            bool to_s = delegated && (modes[n] == MODE_U || (modes[n] == MODE_S && sie_on));
            bool to_m = !delegated && (modes[n] != MODE_M || mie_on);
            CHECK(to_m == (end == (INTERRUPT | SSI)));
            CHECK(to_s == (s.count == 1));
            if (to_m) CHECK(m.epc == (uint64_t)idle && m.tval == 0);
            if (to_s) CHECK(s.cause == (INTERRUPT | SSI) && s.epc == (uint64_t)idle && s.tval == 0 && s.count == 1);
            if (!to_m && !to_s) EQUAL(end, ECALL_U + modes[n]);
        }
    quiet();
}

static void priority(void)
{
    static const unsigned order[] = {MSI, MTI, SEI, SSI, STI};
    quiet();
    *CLINT_MSIP = 1;
    *CLINT_MTIMECMP = 0;
    csr_set(mip, S_BITS);
    csr_write(mie, ~UINT64_C(0));
    for (unsigned i = 0; i < 5; i++) {
        EQUAL(enter(MODE_U, idle), INTERRUPT | order[i]);
        csr_clear(mie, BIT(order[i]));
    }
    /* What goes to M-mode comes before what goes to S-mode, whatever its number. */
    csr_write(mideleg, BIT(SEI) | BIT(SSI));
    csr_write(mie, S_BITS);
    EQUAL(enter(MODE_U, idle), INTERRUPT | STI);
    EQUAL(s.count, 0);
    csr_clear(mie, BIT(STI));
    enter(MODE_U, idle);
    CHECK(s.count == 1 && s.cause == (INTERRUPT | SEI));
    quiet();
}

static void vectors(void)
{
    quiet();
    csr_write(mtvec, (uint64_t)m_vectored | 1);
    csr_write(stvec, (uint64_t)s_vectored | 1);
    csr_write(mie, ~UINT64_C(0));
    for (unsigned i = SSI; i <= SEI; i += 4) {
        csr_write(mideleg, 0);
        csr_set(mip, BIT(i));
        EQUAL(enter(MODE_S, idle), INTERRUPT | i);
        EQUAL(m.vector, i);
        csr_write(mideleg, BIT(i));
        enter(MODE_U, idle);
        EQUAL(s.vector, i);
        CHECK(m.cause == ECALL_S && m.vector == 0); /* an exception goes to the base */
        csr_clear(mip, BIT(i));
    }
    quiet();
}

/* Taken before the very next instruction after a write that makes it possible. */
static void m_enable(void) { __asm__ volatile(".globl m_enabled\ncsrsi mstatus, 8\nm_enabled: nop\nnop"); }
static void m_pend(void) { __asm__ volatile(".globl m_pended\ncsrsi mip, 2\nm_pended: nop\nnop"); }
static void m_mie(void) { __asm__ volatile(".globl m_mied\ncsrsi mie, 2\nm_mied: nop\nnop"); }
static void s_enable(void) { __asm__ volatile(".globl s_enabled\ncsrsi sstatus, 2\ns_enabled: nop\nnop"); }
static void s_return(void)
{
    __asm__ volatile("la t0, 1f\ncsrw sepc, t0\nli t0, 0x100\ncsrc sstatus, t0\nsret\n.globl s_returned\n.balign "
                     "4\n1:\ns_returned: nop");
}
static void m_msip(void)
{
    __asm__ volatile("li t0, 0x2000000\nli t1, 1\n.globl m_stored\nsw t1, 0(t0)\nm_stored: nop\nnop\nnop\nnop");
}
extern char m_enabled[], m_pended[], m_mied[], s_enabled[], s_returned[], m_stored[];

static void at_once(void)
{
    quiet();
    csr_set(mip, BIT(SSI));
    csr_write(mie, BIT(SSI));
    EQUAL(enter(MODE_M, m_enable), INTERRUPT | SSI);
    EQUAL(m.epc, m_enabled);
    csr_clear(mip, BIT(SSI));
    csr_set(mstatus, MPIE);
    EQUAL(enter(MODE_M, m_pend), INTERRUPT | SSI);
    EQUAL(m.epc, m_pended);
    csr_write(mie, 0);
    csr_set(mstatus, MPIE);
    EQUAL(enter(MODE_M, m_mie), INTERRUPT | SSI);
    EQUAL(m.epc, m_mied);
    quiet();
    csr_set(mip, BIT(SSI));
    csr_write(mie, BIT(SSI));
    csr_write(mideleg, BIT(SSI));
    enter(MODE_S, s_enable);
    CHECK(s.count == 1 && s.epc == (uint64_t)s_enabled);
    csr_clear(mstatus, SIE);
    enter(MODE_S, s_return); /* to U-mode, where SIE does not count */
    CHECK(s.count == 1 && s.epc == (uint64_t)s_returned && (s.status & SPP) == 0);
    quiet();
    csr_write(mie, BIT(MSI));
    csr_set(mstatus, MPIE);
    EQUAL(enter(MODE_M, m_msip), INTERRUPT | MSI);
    EQUAL(m.epc, m_stored);
    quiet();
}

static void wait(void) { __asm__ volatile(".globl waited\nwfi\nwaited: nop"); }
extern char waited[];

static void waiting(void)
{
    quiet();
    csr_write(mie, BIT(MTI));
    *CLINT_MTIMECMP = *CLINT_MTIME + 1000;
    csr_set(mstatus, MPIE);
    EQUAL(enter(MODE_M, wait), INTERRUPT | MTI);
    EQUAL(m.epc, waited); /* it points behind the wfi */
    CHECK(*CLINT_MTIME >= *CLINT_MTIMECMP);
    /* Globally disabled: wakes and goes on. */
    *CLINT_MTIMECMP = *CLINT_MTIME + 1000;
    csr_clear(mstatus, MPIE);
    EQUAL(enter(MODE_M, wait), ECALL_M);
    CHECK(*CLINT_MTIME >= *CLINT_MTIMECMP);
    /* Delegated and in M-mode, the same. */
    csr_write(mie, BIT(STI));
    csr_write(mideleg, BIT(STI));
    csr_set(mip, BIT(STI));
    EQUAL(enter(MODE_M, wait), ECALL_M);
    quiet();
}

static void software_bits(void)
{
    quiet();
    csr_write(mideleg, BIT(SSI));
    csr_set(mip, S_BITS);
    EQUAL(csr_read(sip), BIT(SSI));
    csr_write(sip, 0);
    EQUAL(csr_read(mip) & S_BITS, BIT(STI) | BIT(SEI));
    csr_write(mideleg, S_BITS);
    csr_clear(sip, S_BITS);
    EQUAL(csr_read(mip) & S_BITS, BIT(STI) | BIT(SEI));
    csr_write(mip, ~UINT64_C(0));
    EQUAL(csr_read(mip) & (BIT(MSI) | BIT(MTI)), 0);
    *CLINT_MSIP = 1;
    csr_clear(mip, ~UINT64_C(0));
    EQUAL(csr_read(mip) & (S_BITS | BIT(MSI)), BIT(MSI));
    quiet();
}

int main(void)
{
    pmp_open();
    enables();
    priority();
    vectors();
    at_once();
    waiting();
    software_bits();
    return 0;
}
