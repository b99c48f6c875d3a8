/* Traps, interrupts, returns and privileged instructions. */
#include "tests/unit/priv_bench.h"
#include <stdio.h>

static struct hart *h;
static void setup(void)
{
    bench_now = 0;
    h = bench_hart("rv64");
}
static void teardown(void) { hart_destroy(h); }
TestSuite(trap, .init = setup, .fini = teardown);

static const enum priv modes[] = {PRIV_U, PRIV_S, PRIV_M};
enum {
    SIE_BIT = 2,
    MIE_BIT = 8,
    SPIE_BIT = 0x20,
    MPIE_BIT = 0x80,
    SPP_BIT = 0x100,
    MPRV_BIT = 0x20000,
    TVM_BIT = 1 << 20,
    TW_BIT = 1 << 21,
    TSR_BIT = 1 << 22
};

static uint64_t status_bits(void) { return csr_get(h, MSTATUS) & 0xfffff; }

/* ---- entry ---- */

Test(trap, exceptions_go_where_medeleg_says)
{
    for (unsigned cause = 0; cause < 32; cause++)
        for (unsigned m = 0; m < 3; m++)
            for (unsigned delegated = 0; delegated < 2; delegated++) {
                bench_priv(h, PRIV_M);
                csr_set(h, MEDELEG, delegated ? UINT64_C(1) << cause : 0xf0b7ff & ~(UINT64_C(1) << cause));
                csr_set(h, MTVEC, 0x1000);
                csr_set(h, STVEC, 0x2000);
                bool to_s = delegated && modes[m] != PRIV_M && (0xf0b7ff >> cause & 1);
                for (unsigned n = SEPC; n <= STVAL; n++) csr_set(h, n, 0x1110);
                for (unsigned n = MEPC; n <= MTVAL; n++) csr_set(h, n, 0x1110);
                csr_set(h, MSTATUS, SIE_BIT | MIE_BIT);
                bench_priv(h, modes[m]);
                trap_take(h, &(struct trap){.cause = cause, .tval = 0x5555}, 0x80001002);
                cr_assert_eq(h->priv, to_s ? PRIV_S : PRIV_M, "cause %u from %d", cause, modes[m]);
                cr_assert_eq(h->pc, to_s ? 0x2000 : 0x1000);
                bench_priv(h, PRIV_M);
                unsigned base = to_s ? SEPC : MEPC, other = to_s ? MEPC : SEPC;
                cr_assert(csr_get(h, base) == 0x80001002 && csr_get(h, base + 1) == cause &&
                          csr_get(h, base + 2) == 0x5555);
                cr_assert(csr_get(h, other) == 0x1110 && csr_get(h, other + 1) == 0x1110 &&
                              csr_get(h, other + 2) == 0x1110,
                          "untouched");
                uint64_t want = to_s ? MIE_BIT | SPIE_BIT | (modes[m] == PRIV_S ? SPP_BIT : 0)
                                     : SIE_BIT | MPIE_BIT | (uint64_t)modes[m] << 11;
                cr_assert_eq(status_bits(), want, "status %lx, not %lx", status_bits(), want);
            }
}

Test(trap, the_enable_stack_keeps_what_was)
{
    csr_set(h, MSTATUS, MPIE_BIT | SPIE_BIT);
    csr_set(h, MEDELEG, 4);
    trap_take(h, &(struct trap){.cause = CAUSE_ILLEGAL}, RAM);
    cr_assert_eq(status_bits(), SPIE_BIT | PRIV_M << 11, "MPIE = 0");
    bench_priv(h, PRIV_U);
    trap_take(h, &(struct trap){.cause = CAUSE_ILLEGAL}, RAM);
    bench_priv(h, PRIV_M);
    cr_assert_eq(status_bits(), PRIV_M << 11, "SPIE = 0, SPP = U");
}

Test(trap, only_interrupts_are_vectored)
{
    csr_set(h, MTVEC, 0x1001);
    csr_set(h, STVEC, 0x2001);
    csr_set(h, MIDELEG, 0x222);
    csr_set(h, MEDELEG, 0xb3ff);
    for (unsigned n = 1; n <= 11; n += 2) {
        bench_priv(h, PRIV_U);
        bool to_s = n % 4 == 1;
        if (n != 1 && n != 5 && n != 9) to_s = false;
        trap_take(h, &(struct trap){.cause = CAUSE_INTERRUPT | n}, RAM);
        cr_assert_eq(h->pc, (to_s ? 0x2000 : 0x1000) + 4 * n);
    }
    bench_priv(h, PRIV_S);
    trap_take(h, &(struct trap){.cause = CAUSE_LOAD_PAGE}, RAM);
    cr_assert_eq(h->pc, 0x2000);
    bench_priv(h, PRIV_M);
    trap_take(h, &(struct trap){.cause = CAUSE_LOAD_PAGE}, RAM);
    cr_assert_eq(h->pc, 0x1000);
}

/* ---- interrupts ---- */

/* The sentences of machine.adoc and supervisor.adoc, once more. */
static int model_interrupt(uint64_t mip, uint64_t mie, uint64_t mideleg, enum priv priv, bool mstatus_mie,
                           bool mstatus_sie)
{
    static const int order[] = {11, 3, 7, 9, 1, 5};
    bool to_m = priv != PRIV_M || mstatus_mie, to_s = priv == PRIV_U || (priv == PRIV_S && mstatus_sie);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < 6; i++) {
            uint64_t bit = UINT64_C(1) << order[i];
            bool delegated = mideleg & bit;
            if ((mip & mie & bit) && delegated == (pass == 1) && (pass ? to_s : to_m)) return order[i];
        }
    return -1;
}

static uint64_t spread(unsigned six)
{
    uint64_t v = 0;
    static const unsigned bit[] = {1, 3, 5, 7, 9, 11};
    for (unsigned i = 0; i < 6; i++)
        if (six >> i & 1) v |= UINT64_C(1) << bit[i];
    return v;
}

Test(trap, interrupts_in_every_combination)
{
    for (unsigned pending = 0; pending < 64; pending++) {
        for (unsigned irq = 3; irq <= 11; irq += 4) hart_set_irq(h, irq, spread(pending) >> irq & 1);
        bench_priv(h, PRIV_M);
        csr_set(h, MIP, spread(pending));
        for (unsigned enabled = 0; enabled < 64; enabled++)
            for (unsigned deleg = 0; deleg < 8; deleg++)
                for (unsigned state = 0; state < 12; state++) {
                    uint64_t mideleg = (deleg & 1 ? 2 : 0) | (deleg & 2 ? 0x20 : 0) | (deleg & 4 ? 0x200 : 0);
                    h->csr.mie = spread(enabled);
                    h->csr.mideleg = mideleg;
                    h->csr.mstatus = (state & 4 ? SIE_BIT : 0) | (state & 8 ? MIE_BIT : 0);
                    h->priv = (uint8_t)modes[state % 3];
                    cr_assert_eq(trap_pending_interrupt(h), model_interrupt(spread(pending), spread(enabled), mideleg,
                                                                            modes[state % 3], state & 8, state & 4));
                }
    }
}

Test(trap, a_hart_wakes_whatever_the_global_enables)
{
    cr_assert_not(hart_wakes(h));
    csr_set(h, MIE, 0x80);
    cr_assert_not(hart_wakes(h));
    hart_set_irq(h, IRQ_MTI, true);
    cr_assert(hart_wakes(h) && trap_pending_interrupt(h) < 0);
    csr_set(h, MIDELEG, 0x20);
    csr_set(h, MIE, 0x20);
    cr_assert_not(hart_wakes(h));
    csr_set(h, MIP, 0x20);
    cr_assert(hart_wakes(h) && trap_pending_interrupt(h) < 0, "delegated, and in M-mode");
}

/* ---- returns ---- */

Test(trap, mret_pops_what_was_pushed)
{
    struct trap t;
    for (unsigned mpp = 0; mpp < 4; mpp++)
        for (unsigned bits = 0; bits < 8; bits++) {
            if (mpp == 2) continue;
            bench_priv(h, PRIV_M);
            csr_set(h, MEPC, 0x1236);
            csr_set(h, MSTATUS,
                    (uint64_t)mpp << 11 | (bits & 1 ? MIE_BIT : 0) | (bits & 2 ? MPIE_BIT : 0) |
                        (bits & 4 ? MPRV_BIT : 0));
            cr_assert(priv_mret(h, INSN, &t));
            cr_assert(h->pc == 0x1236 && h->priv == mpp);
            bench_priv(h, PRIV_M);
            uint64_t mprv = bits & 4 && mpp == PRIV_M ? MPRV_BIT : 0;
            cr_assert_eq(status_bits(), MPIE_BIT | (bits & 2 ? MIE_BIT : 0) | mprv,
                         "MPP becomes U, MPRV only survives in M");
        }
}

Test(trap, sret_pops_what_was_pushed)
{
    struct trap t;
    for (unsigned from = PRIV_S; from <= PRIV_M; from += 2)
        for (unsigned bits = 0; bits < 16; bits++) {
            bench_priv(h, PRIV_M);
            csr_set(h, SEPC, 0x1236);
            csr_set(h, MSTATUS,
                    (bits & 1 ? SIE_BIT : 0) | (bits & 2 ? SPIE_BIT : 0) | (bits & 4 ? MPRV_BIT : 0) |
                        (bits & 8 ? SPP_BIT : 0));
            bench_priv(h, (enum priv)from);
            cr_assert(priv_sret(h, INSN, &t));
            cr_assert(h->pc == 0x1236 && h->priv == (bits & 8 ? PRIV_S : PRIV_U));
            bench_priv(h, PRIV_M);
            cr_assert_eq(status_bits(), (uint64_t)SPIE_BIT | (bits & 2 ? SIE_BIT : 0), "MPRV is gone");
        }
}

Test(trap, returns_mask_bit_one_without_c)
{
    struct trap t;
    csr_set(h, MEPC, 0x1006);
    csr_set(h, MISA, csr_get(h, MISA) & ~UINT64_C(4));
    cr_assert(priv_mret(h, INSN, &t) && h->pc == 0x1004);
}

/* Whether it traps, with the right trap. */
static bool traps(bool ok, const struct trap *t)
{
    if (!ok) cr_assert(t->cause == CAUSE_ILLEGAL && t->tval == INSN);
    return !ok;
}

Test(trap, who_may_return)
{
    struct trap t = {0};
    for (unsigned m = 0; m < 3; m++)
        for (unsigned tsr = 0; tsr < 2; tsr++) {
            bench_priv(h, PRIV_M);
            csr_set(h, MSTATUS, tsr ? TSR_BIT : 0);
            bench_priv(h, modes[m]);
            cr_assert_eq(traps(priv_sret(h, INSN, &t), &t), modes[m] == PRIV_U || (modes[m] == PRIV_S && tsr));
            bench_priv(h, modes[m]);
            cr_assert_eq(traps(priv_mret(h, INSN, &t), &t), modes[m] != PRIV_M);
        }
    teardown();
    h = bench_hart("rv64,s=off");
    cr_assert(traps(priv_sret(h, INSN, &t), &t) && traps(priv_sfence_inval(h, INSN, &t), &t));
}

Test(trap, who_may_wait)
{
    struct trap t = {0};
    for (unsigned m = 0; m < 3; m++)
        for (unsigned tw = 0; tw < 2; tw++) {
            bench_priv(h, PRIV_M);
            csr_set(h, MSTATUS, tw ? TW_BIT : 0);
            bench_priv(h, modes[m]);
            h->waiting = false;
            bool trapped = traps(priv_wfi(h, INSN, &t), &t);
            cr_assert_eq(trapped, modes[m] == PRIV_U || (modes[m] == PRIV_S && tw));
            cr_assert_eq(h->waiting, !trapped);
        }
    bench_priv(h, PRIV_M);
    csr_set(h, MIE, 8);
    hart_set_irq(h, IRQ_MSI, true);
    h->waiting = false;
    cr_assert(priv_wfi(h, INSN, &t) && !h->waiting, "something is pending");
    hart_set_irq(h, IRQ_MSI, false);
    cr_assert(priv_wfi(h, INSN, &t) && h->waiting);
    trap_take(h, &(struct trap){.cause = CAUSE_INTERRUPT | IRQ_MSI}, RAM);
    cr_assert_not(h->waiting);
    teardown();
    h = bench_hart("rv64,s=off");
    for (unsigned tw = 0; tw < 2; tw++) {
        bench_priv(h, PRIV_M);
        csr_set(h, MSTATUS, tw ? TW_BIT : 0);
        bench_priv(h, PRIV_U);
        cr_assert_eq(traps(priv_wfi(h, INSN, &t), &t), tw == 1, "without S it is TW's");
    }
}

Test(trap, who_may_fence)
{
    struct trap t = {0};
    for (unsigned m = 0; m < 3; m++)
        for (unsigned tvm = 0; tvm < 2; tvm++) {
            bench_priv(h, PRIV_M);
            csr_set(h, MSTATUS, tvm ? TVM_BIT : 0);
            bench_priv(h, modes[m]);
            cr_assert_eq(traps(priv_sfence_vma(h, INSN, true, 0, false, 0, &t), &t),
                         modes[m] == PRIV_U || (modes[m] == PRIV_S && tvm));
            cr_assert_eq(traps(priv_sfence_inval(h, INSN, &t), &t), modes[m] == PRIV_U, "TVM does not matter");
        }
    teardown();
    h = bench_hart("rv64,sv39=off");
    cr_assert(traps(priv_sfence_vma(h, INSN, false, 0, false, 0, &t), &t) &&
              !traps(priv_sfence_inval(h, INSN, &t), &t));
}

Test(trap, who_may_manage_cache_blocks)
{
    struct trap t = {0};
    static const struct {
        bool zero, inval;
        uint64_t bit;
    } kinds[] = {{true, false, 0x80}, {false, false, 0x40}, {false, true, 0x10}, {false, true, 0x30}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (unsigned m = 0; m < 3; m++)
            for (unsigned bits = 0; bits < 4; bits++) {
                bench_priv(h, PRIV_M);
                csr_set(h, MENVCFG, bits & 1 ? kinds[k].bit : 0xf0 & ~(kinds[k].bit | (kinds[k].inval ? 0x30 : 0)));
                csr_set(h, SENVCFG, bits & 2 ? kinds[k].bit : 0xf0 & ~(kinds[k].bit | (kinds[k].inval ? 0x30 : 0)));
                bench_priv(h, modes[m]);
                bool allowed = modes[m] == PRIV_M || ((bits & 1) && (modes[m] == PRIV_S || (bits & 2)));
                cr_assert_eq(!traps(priv_cbo_allowed(h, INSN, kinds[k].zero, kinds[k].inval, &t), &t), allowed);
            }
    teardown();
    h = bench_hart("rv64,s=off");
    csr_set(h, MENVCFG, 0x80);
    bench_priv(h, PRIV_U);
    cr_assert(priv_cbo_allowed(h, INSN, true, false, &t), "no senvcfg without S");
}

/* ---- regimes ---- */

Test(trap, loads_take_the_privilege_that_mprv_says)
{
    csr_set(h, SATP, UINT64_C(8) << 60 | 5);
    cr_assert(h->data->info.regime.satp == 0 && h->data->info.regime.priv == PRIV_M);
    csr_set(h, MSTATUS, MPRV_BIT | PRIV_S << 11 | 0xc0000);
    cr_assert(h->data->info.regime.satp == (UINT64_C(8) << 60 | 5) && h->data->info.regime.priv == PRIV_S);
    cr_assert(h->data->info.regime.sum && h->data->info.regime.mxr);
    cr_assert(h->code->info.regime.satp == 0 && h->code->info.regime.priv == PRIV_M, "fetches do not");
    csr_set(h, MSTATUS, MPRV_BIT | 0xc0000);
    cr_assert(h->data->info.regime.priv == PRIV_U && !h->data->info.regime.sum && h->data->info.regime.mxr);
    trap_take(h, &(struct trap){.cause = CAUSE_ILLEGAL}, RAM);
    cr_assert_eq(h->data->info.regime.priv, PRIV_M, "MPP is M now");
    struct trap t;
    csr_set(h, MSTATUS, MPRV_BIT | PRIV_S << 11);
    cr_assert(priv_mret(h, INSN, &t));
    cr_assert(h->data->info.regime.priv == PRIV_S && h->code->info.regime.priv == PRIV_S && h->code->info.regime.satp);
}

Test(trap, menvcfg_changes_the_regime_at_once)
{
    csr_set(h, SATP, UINT64_C(8) << 60 | 5);
    csr_set(h, MSTATUS, MPRV_BIT | PRIV_S << 11);
    csr_set(h, MENVCFG, UINT64_C(3) << 61);
    cr_assert(h->data->info.regime.adue && h->data->info.regime.pbmte);
    csr_set(h, MENVCFG, 0);
    cr_assert(!h->data->info.regime.adue && !h->data->info.regime.pbmte);
}

/* ---- words ---- */

Test(trap, every_cause_has_a_word)
{
    cr_assert_str_eq(trap_cause_name(CAUSE_LOAD_PAGE), "load page fault");
    cr_assert_str_eq(trap_cause_name(CAUSE_INTERRUPT | IRQ_STI), "supervisor timer interrupt");
    cr_assert_str_eq(trap_cause_name(14), "reserved cause");
    cr_assert_str_eq(trap_cause_name(UINT64_MAX), "reserved cause");
    cr_assert_str_eq(trap_cause_name(CAUSE_INTERRUPT), "reserved cause");
}

Test(trap, the_log_tells_traps_in_words)
{
    char line[256] = {0};
    FILE *f = fmemopen(line, sizeof line - 1, "w");
    struct log log = {.file = f, .items = LOG_INT};
    h->log = &log;
    bench_priv(h, PRIV_U);
    trap_take(h, &(struct trap){.cause = CAUSE_STORE_PAGE, .tval = 0x123}, 0x456);
    fclose(f);
    h->log = NULL;
    cr_assert_str_eq(line, "int: hart 3, pc 0x456: store page fault, tval 0x123, U to M\n");
}

/* ---- debugger ---- */

Test(trap, the_debugger_sees_memory_as_the_hart_does)
{
    char text[32] = {0};
    cr_assert(hart_debug_write(h, RAM + 0xff8, "across a page end", 18));
    cr_assert(hart_debug_read(h, RAM + 0xff8, text, 18));
    cr_assert_str_eq(text, "across a page end");
    cr_assert_not(hart_debug_read(h, 0x1000, text, 1));
    cr_assert_not(hart_debug_read(h, RAM + RAM_SIZE - 4, text, 8));
    /* One Sv39 page, not readable, at 0x5000. */
    bus_write(&bench_bus, RAM + 0x10000, 8, (RAM + 0x11000) >> 2 | 1);
    bus_write(&bench_bus, RAM + 0x11000, 8, (RAM + 0x12000) >> 2 | 1);
    bus_write(&bench_bus, RAM + 0x12000 + 5 * 8, 8, RAM >> 2 | 9);
    csr_set(h, SATP, UINT64_C(8) << 60 | (RAM + 0x10000) >> 12);
    bench_priv(h, PRIV_S);
    cr_assert(hart_debug_read(h, 0x5ff8, text, 8) && memcmp(text, "across a", 8) == 0);
    cr_assert_not(hart_debug_read(h, 0x5ff8, text, 9), "the next page is not mapped");
}

Test(trap, reset_goes_back_to_machine_mode_with_wires_as_they_are)
{
    csr_set(h, SATP, UINT64_C(8) << 60 | 5);
    csr_set(h, PMPCFG0, 0x99);
    hart_set_irq(h, IRQ_MEI, true);
    h->x[1] = 7;
    h->waiting = true;
    bench_priv(h, PRIV_U);
    hart_reset(h, 0x1000);
    cr_assert(h->pc == 0x1000 && h->priv == PRIV_M && h->x[1] == 0 && !h->waiting);
    cr_assert(csr_get(h, SATP) == 0 && csr_get(h, PMPCFG0) == 0 && csr_get(h, MIP) == 0x800);
    cr_assert(h->data->info.regime.priv == PRIV_M && h->isa_live == h->isa_fp_off);
}
