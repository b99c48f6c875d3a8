/* A hart on a small bus for the tests of CSRs, traps and privileged instructions: no instruction ever runs here. */
#ifndef ORRERY_TESTS_PRIV_BENCH_H
#define ORRERY_TESTS_PRIV_BENCH_H

#include "cpu/priv.h"
#include "emu/base/bits.h"

#include <criterion/criterion.h>
#include <string.h>

/* These stand in where the engine is not linked; a hart at rest has retired this much. */
__attribute__((weak)) uint64_t hart_icount(const struct hart *h);
__attribute__((weak)) uint64_t hart_icount(const struct hart *h) { return h->icount_end - (uint64_t)h->budget; }
__attribute__((weak)) void hart_kick(struct hart *h);
__attribute__((weak)) void hart_kick(struct hart *h) { (void)h; }

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x100000)
#define INSN     0xabcd0073u /* whatever instruction asks: its bits must come back in tval */

static ps_t bench_now;
static unsigned bench_timer_changes;
static ps_t bench_clock(void *machine)
{
    (void)machine;
    return bench_now;
}
static void bench_timer_changed(void *machine, unsigned hart)
{
    (void)machine;
    (void)hart;
    bench_timer_changes++;
}
static struct hart_env bench_env = {.now = bench_clock, .timebase_ps = 100000, .timer_changed = bench_timer_changed};
static struct bus bench_bus;

static inline struct hart *bench_hart(const char *cpu)
{
    struct err err;
    struct hart_config c = {.id = 3, .pmp_count = 16, .reset_pc = RAM};
    cr_assert(isa_parse_cpu(cpu, &c.isa, &err), "%s", err.text);
    if (!bench_bus.ram_count) {
        bus_init(&bench_bus, NULL);
        cr_assert(bus_add_ram(&bench_bus, RAM, RAM_SIZE, &err), "%s", err.text);
    }
    struct hart *h = hart_create(&c, &bench_bus, NULL, &bench_env, NULL);
    cr_assert_not_null(h);
    return h;
}

static inline void bench_mode(struct hart *h, enum priv priv, bool virt)
{
    priv_set_mode(h, priv, virt);
    priv_update(h);
}
static inline void bench_priv(struct hart *h, enum priv priv) { bench_mode(h, priv, false); }

/* One CSR instruction; true if it does not trap. A trap must be an illegal instruction with the right bits. */
static inline bool csr_do(struct hart *h, unsigned n, enum csr_op op, uint64_t operand, bool reads, bool writes,
                          uint64_t *old)
{
    struct trap t = {.cause = 99, .tval = 99};
    if (csr_access(h, n, op, operand, reads, writes, INSN, old, &t)) return true;
    cr_assert(t.cause == CAUSE_ILLEGAL && t.tval == INSN, "csr %x: cause %lu tval %lx", n, t.cause, t.tval);
    return false;
}
static inline bool csr_read_ok(struct hart *h, unsigned n)
{
    uint64_t v;
    return csr_do(h, n, CSR_SET, 0, true, false, &v);
}
static inline bool csr_write_ok(struct hart *h, unsigned n, uint64_t v)
{
    return csr_do(h, n, CSR_WRITE, v, false, true, NULL);
}
static inline uint64_t csr_get(struct hart *h, unsigned n)
{
    uint64_t v = 0;
    cr_assert(csr_do(h, n, CSR_SET, 0, true, false, &v), "read of csr %x trapped", n);
    return v;
}
static inline void csr_set(struct hart *h, unsigned n, uint64_t v)
{
    cr_assert(csr_write_ok(h, n, v), "write of csr %x trapped", n);
}

enum {
    FFLAGS = 1,
    FRM = 2,
    FCSR = 3,
    SSTATUS = 0x100,
    SIE = 0x104,
    STVEC,
    SCOUNTEREN,
    SENVCFG = 0x10a,
    SSTATEEN0 = 0x10c,
    SSCRATCH = 0x140,
    SEPC,
    SCAUSE,
    STVAL,
    SIP,
    STIMECMP = 0x14d,
    SATP = 0x180,
    VSSTATUS = 0x200,
    VSIE = 0x204,
    VSTVEC,
    VSSCRATCH = 0x240,
    VSEPC,
    VSCAUSE,
    VSTVAL,
    VSIP,
    VSTIMECMP = 0x24d,
    VSATP = 0x280,
    HSTATUS = 0x600,
    HEDELEG = 0x602,
    HIDELEG,
    HIE,
    HTIMEDELTA,
    HCOUNTEREN,
    HGEIE,
    HENVCFG = 0x60a,
    HSTATEEN0 = 0x60c,
    HTVAL = 0x643,
    HIP,
    HVIP,
    HTINST = 0x64a,
    HGATP = 0x680,
    MSTATUS = 0x300,
    MISA,
    MEDELEG,
    MIDELEG,
    MIE,
    MTVEC,
    MCOUNTEREN,
    MENVCFG = 0x30a,
    MSTATEEN0 = 0x30c,
    MCOUNTINHIBIT = 0x320,
    MSCRATCH = 0x340,
    MEPC,
    MCAUSE,
    MTVAL,
    MIP,
    MTINST = 0x34a,
    MTVAL2,
    PMPCFG0 = 0x3a0,
    PMPADDR0 = 0x3b0,
    TSELECT = 0x7a0,
    MCYCLE = 0xb00,
    MINSTRET = 0xb02,
    CYCLE = 0xc00,
    TIME,
    INSTRET,
    HGEIP = 0xe12,
    MHARTID = 0xf14,
};
#define FS_ON UINT64_C(0x2000)
#define STCE  (UINT64_C(1) << 63)

/* All that M-mode can open to the lower modes. */
static inline void bench_open_everything(struct hart *h)
{
    csr_set(h, MSTATUS, FS_ON);
    csr_set(h, MCOUNTEREN, UINT64_MAX);
    csr_set(h, SCOUNTEREN, UINT64_MAX);
    csr_set(h, MENVCFG, STCE);
    for (unsigned i = 0; i < 4; i++) csr_set(h, MSTATEEN0 + i, UINT64_MAX);
}

#endif
