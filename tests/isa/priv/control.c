/* What mstatus, menvcfg, counteren and stateen take away from lower modes; MPRV; counters. */
#include "priv.h"

static void do_sret(void) { __asm__ volatile("sret"); }
static void do_wfi(void) { __asm__ volatile("wfi"); }
static void do_sfence(void) { __asm__ volatile("sfence.vma"); }
static void do_satp(void) { csr_read(satp); }
static void do_satp_write(void) { csr_write(satp, 0); }
static void do_cycle(void) { csr_read(cycle); }
static void do_time(void) { csr_read(time); }
static void do_instret(void) { csr_read(instret); }
static void do_hpm(void) { __asm__ volatile("csrr zero, hpmcounter7"); }
static void do_sscratch(void) { csr_read(sscratch); }
static void do_mscratch(void) { csr_read(mscratch); }
static void do_stimecmp(void) { csr_read(0x14d); }
static void do_senvcfg(void) { csr_read(0x10a); }
static void do_sstateen1(void) { csr_read(0x10d); }
static void do_zero(void) { __asm__ volatile("mv a0, sp\n.insn i 0x0f, 2, x0, a0, 4"); }
static void do_clean(void) { __asm__ volatile("mv a0, sp\n.insn i 0x0f, 2, x0, a0, 1"); }
static void do_inval(void) { __asm__ volatile("mv a0, sp\n.insn i 0x0f, 2, x0, a0, 0"); }
static void do_w_inval(void) { __asm__ volatile(".insn r 0x73, 0, 0x0c, x0, x0, x0"); }
static void do_sinval(void) { __asm__ volatile(".insn r 0x73, 0, 0x0b, x0, x0, x0"); }
static void do_float(void) { __asm__ volatile("fmv.d.x ft0, zero"); }

/* Runs it in U, S and M-mode; the digits of `allowed` (1: yes) in that order say where it must not trap. */
static void allowed_at(int line, void (*fn)(void), unsigned u, unsigned s_mode, unsigned m_mode)
{
    static const unsigned modes[] = {MODE_U, MODE_S, MODE_M};
    unsigned want[] = {u, s_mode, m_mode};
    for (unsigned i = 0; i < 3; i++) {
        uint64_t cause = enter(modes[i], fn);
        check_equal(cause == ILLEGAL, !want[i], "illegal", line);
    }
}
#define ALLOWED(...) allowed_at(__LINE__, __VA_ARGS__)

static void status_bits(void)
{
    extern char experiment_end[];
    csr_write(sepc, experiment_end);
    csr_clear(mstatus, TSR | TW | TVM);
    ALLOWED(do_sret, 0, 1, 1);
    ALLOWED(do_sfence, 0, 1, 1);
    ALLOWED(do_sinval, 0, 1, 1);
    ALLOWED(do_w_inval, 0, 1, 1);
    ALLOWED(do_satp, 0, 1, 1);
    ALLOWED(do_satp_write, 0, 1, 1);
    csr_write(mie, BIT(1));
    csr_write(mideleg, BIT(1));
    csr_set(mip, BIT(1)); /* so that wfi comes back; masked by SIE = 0 and by M-mode */
    csr_clear(mstatus, SIE | SPIE);
    EQUAL(enter(MODE_S, do_wfi), ECALL_S);
    EQUAL(enter(MODE_M, do_wfi), ECALL_M);
    csr_set(mstatus, TW);
    EQUAL(enter(MODE_S, do_wfi), ILLEGAL);
    EQUAL(enter(MODE_M, do_wfi), ECALL_M);
    csr_write(mie, 0);
    csr_clear(mip, BIT(1));
    csr_clear(mstatus, TW);
    EQUAL(enter(MODE_U, do_wfi), ILLEGAL);
    csr_set(mstatus, TSR);
    ALLOWED(do_sret, 0, 0, 1);
    csr_clear(mstatus, TSR);
    csr_set(mstatus, TVM);
    ALLOWED(do_sfence, 0, 0, 1);
    ALLOWED(do_sinval, 0, 0, 1);
    ALLOWED(do_w_inval, 0, 1, 1);
    ALLOWED(do_satp, 0, 0, 1);
    ALLOWED(do_satp_write, 0, 0, 1);
    csr_clear(mstatus, TVM);
    ALLOWED(do_sscratch, 0, 1, 1);
    ALLOWED(do_mscratch, 0, 0, 1);
    csr_clear(mstatus, FS);
    ALLOWED(do_float, 0, 0, 0);
    csr_set(mstatus, FS & -FS);
    ALLOWED(do_float, 1, 1, 1);
    EQUAL(csr_read(mstatus) & FS, FS); /* dirty */
    EQUAL(csr_read(mstatus) >> 63, 1);
    csr_clear(mstatus, FS);
    EQUAL(csr_read(sstatus) >> 63, 0);
}

static void counters(void)
{
    csr_write(mcounteren, 0);
    csr_write(scounteren, ~UINT64_C(0));
    ALLOWED(do_cycle, 0, 0, 1);
    csr_write(mcounteren, 1 | 4 | 0x80);
    ALLOWED(do_cycle, 1, 1, 1);
    ALLOWED(do_time, 0, 0, 1);
    ALLOWED(do_instret, 1, 1, 1);
    ALLOWED(do_hpm, 1, 1, 1);
    csr_write(scounteren, 2);
    ALLOWED(do_cycle, 0, 1, 1);
    ALLOWED(do_hpm, 0, 1, 1);
    csr_write(mcounteren, 2);
    ALLOWED(do_time, 1, 1, 1);
    uint64_t a, b;
    __asm__ volatile("csrr %0, minstret\nnop\nnop\nnop\ncsrr %1, minstret" : "=&r"(a), "=&r"(b));
    EQUAL(b - a, 4);
    __asm__ volatile("csrw minstret, %1\nnop\ncsrr %0, minstret" : "=&r"(a) : "r"(1000));
    EQUAL(a, 1001);
    __asm__ volatile("csrwi mcountinhibit, 4\ncsrr %0, minstret\nnop\nnop\ncsrr %1, minstret" : "=&r"(a), "=&r"(b));
    EQUAL(a, b);
    __asm__ volatile("csrw minstret, %1\nnop\ncsrwi mcountinhibit, 0\ncsrr %0, minstret" : "=&r"(a) : "r"(77));
    EQUAL(a, 77);
    /* A trapping instruction does not retire: mret (in enter) and the first of the handler count, ecall between them does not. */
    uint64_t before = csr_read(minstret);
    enter(MODE_M, do_cycle);
    CHECK(csr_read(minstret) > before);
}

static void environment(void)
{
    csr_write(0x30a, 0);
    csr_write(0x10a, 0xf0);
    ALLOWED(do_zero, 0, 0, 1);
    ALLOWED(do_clean, 0, 0, 1);
    ALLOWED(do_inval, 0, 0, 1);
    csr_write(0x30a, 0xf0);
    ALLOWED(do_zero, 1, 1, 1);
    ALLOWED(do_clean, 1, 1, 1);
    ALLOWED(do_inval, 1, 1, 1);
    csr_write(0x10a, 0);
    ALLOWED(do_zero, 0, 1, 1);
    ALLOWED(do_clean, 0, 1, 1);
    ALLOWED(do_inval, 0, 1, 1);
    csr_write(mcounteren, 0);
    ALLOWED(do_stimecmp, 0, 0, 1);
    csr_write(mcounteren, 2);
    ALLOWED(do_stimecmp, 0, 0, 1);
    csr_set(0x30a, BIT(63));
    ALLOWED(do_stimecmp, 0, 1, 1);
    csr_write(mcounteren, 0);
    ALLOWED(do_stimecmp, 0, 0, 1);
    csr_clear(0x30a, BIT(63));
    csr_write(0x30c, 0);
    csr_write(0x30d, 0);
    ALLOWED(do_senvcfg, 0, 0, 1);
    ALLOWED(do_sstateen1, 0, 0, 1);
    csr_write(0x30c, BIT(62));
    csr_write(0x30d, BIT(63));
    ALLOWED(do_senvcfg, 0, 1, 1);
    ALLOWED(do_sstateen1, 0, 1, 1);
}

/* ---- MPRV ---- */

static volatile uint64_t page[1024] __attribute__((aligned(4096)));

/* Loads or stores at an address as mode `as`. */
static uint64_t probe_argument;
static void load_as(void)
{
    __asm__ volatile("ld t0, %0\nli t1, 0x20000\ncsrs mstatus, t1\nld t2, 0(t0)\ncsrc mstatus, t1" ::"m"(probe_argument)
                     : "t0", "t1", "t2");
}
static uint64_t probe(unsigned as, uint64_t va)
{
    /* mret sets MPP to U, so the function that runs in M-mode sets it again. */
    probe_argument = va;
    uint64_t saved = csr_read(mscratch);
    csr_write(mscratch, MPP(as));
    extern void load_as_mode(void);
    uint64_t cause = enter(MODE_M, load_as_mode);
    csr_write(mscratch, saved);
    return cause;
}
__asm__(".globl load_as_mode\nload_as_mode: csrr t0, mscratch\nli t1, 0x1800\ncsrc mstatus, t1\ncsrs mstatus, t0\nla "
        "t0, do_load_as\nld t0, 0(t0)\njr t0");
void (*const do_load_as)(void) = load_as;

static void mprv(void)
{
    paging_start(false);
    page_map(0x21000, (uint64_t)page, V | R | W | A | D);
    page_map(0x22000, (uint64_t)page, V | R | W | U | A | D);
    page_map(0x23000, (uint64_t)page, V | X | A);
    csr_write(satp, SATP_SV39);
    sfence();
    csr_clear(mstatus, SUM | MXR);
    EQUAL(probe(MODE_M, 0x21000), LOAD_ACCESS);
    EQUAL(probe(MODE_S, 0x21000), ECALL_M);
    EQUAL(probe(MODE_U, 0x21000), LOAD_PAGE);
    EQUAL(probe(MODE_S, 0x22000), LOAD_PAGE);
    EQUAL(probe(MODE_U, 0x22000), ECALL_M);
    EQUAL(probe(MODE_S, 0x23000), LOAD_PAGE);
    csr_set(mstatus, SUM);
    EQUAL(probe(MODE_S, 0x22000), ECALL_M);
    csr_set(mstatus, MXR);
    EQUAL(probe(MODE_S, 0x23000), ECALL_M);
    csr_clear(mstatus, SUM | MXR);
    EQUAL(probe(MODE_S, 0x22000), LOAD_PAGE); /* at once, without a fence */
    EQUAL(probe(MODE_S, 0x23000), LOAD_PAGE);
    csr_write(satp, 0);
}

static void nothing(void) {}
static void mprv_goes_with_less_privilege(void)
{
    csr_set(mstatus, MPRV);
    enter(MODE_S, nothing);
    EQUAL(csr_read(mstatus) & MPRV, 0);
}

int main(void)
{
    pmp_open();
    status_bits();
    counters();
    environment();
    mprv();
    mprv_goes_with_less_privilege();
    return 0;
}
