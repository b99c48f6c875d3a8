/* What single CSRs do beyond being stored. Order as in isa/csr.def; the H extension's are in csr_hyp.c. */
#include "cpu/csr_internal.h"

/* ---- floating point ---- */

uint64_t fflags_read(struct hart *h, unsigned n)
{
    (void)n;
    return fp_flags(&h->fp);
}

uint64_t frm_read(struct hart *h, unsigned n)
{
    (void)n;
    return fp_frm(&h->fp);
}

uint64_t fcsr_read(struct hart *h, unsigned n) { return frm_read(h, n) << 5 | fflags_read(h, n); }

void fflags_write(struct hart *h, const struct csr_write *w)
{
    fp_set_flags(&h->fp, (unsigned)bits_get(w->value, 4, 0));
    h->fs_dirty = 1;
}

void frm_write(struct hart *h, const struct csr_write *w)
{
    fp_set_frm(&h->fp, (unsigned)bits_get(w->value, 2, 0));
    h->fs_dirty = 1;
}

void fcsr_write(struct hart *h, const struct csr_write *w)
{
    fp_set_flags(&h->fp, (unsigned)bits_get(w->value, 4, 0));
    fp_set_frm(&h->fp, (unsigned)bits_get(w->value, 7, 5));
    h->fs_dirty = 1;
}

/* ---- counters ----
 *
 * A counter is the running count plus an offset, or the offset alone while it is inhibited. norm:mcycle_minstret_wr: a write takes
 * effect after the writing instruction has completed, so the instruction itself (w->retiring) is not counted on top of it. */

static uint64_t cycles_of(const struct hart *h, uint64_t icount)
{
    uint64_t q16 = h->env->cycles_per_insn_q16;
    return q16 ? (uint64_t)(((unsigned __int128)icount * q16) >> 16) : icount;
}

static bool inhibited(const struct hart *h, uint64_t counter) { return h->csr.mcountinhibit & counter; }

uint64_t mcycle_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.mcycle_offset + (inhibited(h, COUNTER_CY) ? 0 : cycles_of(h, hart_icount(h)));
}

uint64_t minstret_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.minstret_offset + (inhibited(h, COUNTER_IR) ? 0 : hart_icount(h));
}

void mcycle_write(struct hart *h, const struct csr_write *w)
{
    h->csr.mcycle_offset = w->value - (inhibited(h, COUNTER_CY) ? 0 : cycles_of(h, hart_icount(h) + w->retiring));
}

void minstret_write(struct hart *h, const struct csr_write *w)
{
    h->csr.minstret_offset = w->value - (inhibited(h, COUNTER_IR) ? 0 : hart_icount(h) + w->retiring);
}

uint64_t mcountinhibit_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.mcountinhibit;
}

void mcountinhibit_write(struct hart *h, const struct csr_write *w)
{
    uint64_t next = w->value & (COUNTER_CY | COUNTER_IR), changed = next ^ h->csr.mcountinhibit;
    uint64_t icount = hart_icount(h) + w->retiring, cycles = cycles_of(h, icount);
    if (changed & COUNTER_CY) h->csr.mcycle_offset += next & COUNTER_CY ? cycles : -cycles;
    if (changed & COUNTER_IR) h->csr.minstret_offset += next & COUNTER_IR ? icount : -icount;
    h->csr.mcountinhibit = next;
}

/* norm:htimedelta_sz_acc_op: the sum wraps. */
uint64_t time_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->env->now(h->env->machine) / h->env->timebase_ps + (h->virt ? h->csr.htimedelta : 0);
}

/* norm:mcounteren_clr_ill_inst_exc, norm:hcounteren_op, norm:scounteren_op; n is cycle … hpmcounter31. */
enum csr_answer counter_access(const struct hart *h, unsigned n)
{
    unsigned counter = n & 31;
    bool for_user = h->priv != PRIV_U || !isa_has(h->isa_live, EXT_s) || bit_test(h->csr.scounteren, counter);
    if (h->priv == PRIV_M) return CSR_OK;
    if (!bit_test(h->csr.mcounteren, counter)) return CSR_ILLEGAL;
    if (h->virt) return for_user && bit_test(h->csr.hcounteren, counter) ? CSR_OK : CSR_VIRTUAL;
    return for_user ? CSR_OK : CSR_ILLEGAL;
}

/* ---- status ---- */

#define SSTATUS_VISIBLE (SSTATUS_WRITABLE | MSTATUS_UXL | MSTATUS_SD)
/* What decides about the regimes of modes; and what about the present mode's extensions and regime. */
#define MSTATUS_REGIMES (MSTATUS_SUM | MSTATUS_MXR)
#define MSTATUS_PRESENT (MSTATUS_FS | MSTATUS_MPRV | MSTATUS_MPV | MSTATUS_MPP)

static uint64_t mstatus_writable(const struct hart *h)
{
    uint64_t mask = MSTATUS_MIE | MSTATUS_MPIE;
    if (isa_has(h->isa, EXT_u)) mask |= MSTATUS_MPP | MSTATUS_MPRV | MSTATUS_TW;
    if (isa_has(h->isa, EXT_s)) mask |= MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_TSR;
    if (isa_has(h->isa, EXT_sv39))
        mask |= MSTATUS_MXR | MSTATUS_SUM |
                MSTATUS_TVM; /* norm:mstatus_mxr_rdonly0_no_smode, norm:mstatus_sum_rdonly0, norm:mstatus_tvm_warl_op */
    if (isa_has(h->isa, EXT_f)) mask |= MSTATUS_FS;
    if (isa_has(h->isa_live, EXT_h)) mask |= MSTATUS_MPV | MSTATUS_GVA;
    return mask;
}

static bool mpp_is_legal(const struct hart *h, uint64_t mpp)
{
    return mpp == PRIV_M || (mpp == PRIV_S && isa_has(h->isa, EXT_s)) || (mpp == PRIV_U && isa_has(h->isa, EXT_u));
}

uint64_t mstatus_read(struct hart *h, unsigned n)
{
    (void)n;
    priv_sync_fp(h);
    uint64_t v = h->csr.mstatus;
    if (isa_has(h->isa, EXT_u)) v = bits_set(v, 33, 32, 2); /* UXL */
    if (isa_has(h->isa, EXT_s)) v = bits_set(v, 35, 34, 2); /* SXL */
    return (v & MSTATUS_FS) == MSTATUS_FS ? v | MSTATUS_SD : v;
}

/* Kernels do it around every access to a program's memory; native code exchanges the two banks that it leaves known to each other. */
static void change_sum(struct hart *h)
{
    struct data_bank *before = h->data;
    priv_update(h);
    if (h->data == before) return;
    before->sum_twin = h->data;
    h->data->sum_twin = before;
}

static void mstatus_change(struct hart *h, uint64_t mask, uint64_t value)
{
    priv_sync_fp(h);
    uint64_t old = h->csr.mstatus;
    uint64_t next = bits_merge(old, mask & mstatus_writable(h), value);
    if (!mpp_is_legal(h, bits_get(next, 12, 11)))
        next = bits_set(next, 12, 11, isa_has(h->isa, EXT_u) ? PRIV_U : PRIV_M);
    h->csr.mstatus = next;
    if (((old ^ next) & MSTATUS_REGIMES) == MSTATUS_SUM)
        change_sum(h);
    else if ((old ^ next) & MSTATUS_REGIMES)
        priv_update(h);
    else if ((old ^ next) & MSTATUS_PRESENT)
        priv_switch(h);
}

void mstatus_write(struct hart *h, const struct csr_write *w) { mstatus_change(h, UINT64_MAX, w->value); }

uint64_t sstatus_read(struct hart *h, unsigned n) { return mstatus_read(h, n) & SSTATUS_VISIBLE; }

void sstatus_write(struct hart *h, const struct csr_write *w) { mstatus_change(h, SSTATUS_WRITABLE, w->value); }

/* ---- misa ---- */

static uint64_t misa_bit(char letter) { return UINT64_C(1) << (letter - 'a'); }

static const struct {
    char letter;
    bool writable;
    isa_set present; /* the bit is set if the hart has all of this */
    isa_set off;     /* what clearing the bit takes away, with all that needs it */
} misa_letters[] = {
    {'a', true, ISA_BIT(a), ISA_BIT(a) | ISA_BIT(zaamo) | ISA_BIT(zalrsc)},
    {'b', false, ISA_BIT(zba) | ISA_BIT(zbb) | ISA_BIT(zbs), 0}, /* norm:misa_b_op */
    {'c', true, ISA_BIT(c), ISA_BIT(c) | ISA_BIT(zca)},
    {'d', true, ISA_BIT(d), ISA_BIT(d)},
    {'f', true, ISA_BIT(f), ISA_BIT(f)},
    {'h', true, ISA_BIT(h), ISA_BIT(h)}, /* norm:misa_h_op */
    {'i', false, ISA_BIT(i), 0},
    {'m', true, ISA_BIT(m), ISA_BIT(m) | ISA_BIT(zmmul)},
    {'s', false, ISA_BIT(s), 0},
    {'u', false, ISA_BIT(u), 0},
};

uint64_t misa_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.misa;
}

static uint64_t misa_reset(const struct hart *h)
{
    uint64_t v = UINT64_C(2) << 62; /* MXL: 64 */
    for (size_t i = 0; i < ARRAY_LEN(misa_letters); i++)
        if ((h->isa & misa_letters[i].present) == misa_letters[i].present) v |= misa_bit(misa_letters[i].letter);
    return v;
}

/* What a cleared bit stands for is off. A hart that never had the bit may have a part of it, as Zca without C. */
static void misa_apply(struct hart *h)
{
    uint64_t cleared = misa_reset(h) & ~h->csr.misa;
    isa_set off = 0;
    for (size_t i = 0; i < ARRAY_LEN(misa_letters); i++)
        if (cleared & misa_bit(misa_letters[i].letter)) off |= misa_letters[i].off;
    h->isa_fp_on = isa_without(h->isa, off);
    h->isa_fp_off = isa_without(h->isa_fp_on, ISA_BIT(f));
}

void misa_write(struct hart *h, const struct csr_write *w)
{
    uint64_t writable = 0, has = misa_reset(h), next;
    for (size_t i = 0; i < ARRAY_LEN(misa_letters); i++)
        if (misa_letters[i].writable) writable |= misa_bit(misa_letters[i].letter) & has;
    next = bits_merge(has, writable, w->value);
    if (!(next & misa_bit('f'))) next &= ~misa_bit('d'); /* norm:misa_extensions_dependencies */
    bool loses_c = (h->csr.misa & ~next) & misa_bit('c');
    if (loses_c && (h->pc & 2)) return; /* norm:misa_inc_ialign: the next instruction would be misaligned */
    bool toggles_h = (h->csr.misa ^ next) & misa_bit('h');
    h->csr.misa = next;
    misa_apply(h);
    if (toggles_h) csr_hyp_reset(h, next & misa_bit('h'));
    priv_update(h);
    if (toggles_h) csr_timer_changed(h);
}

/* ---- delegation ---- */

uint64_t medeleg_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.medeleg;
}

void medeleg_write(struct hart *h, const struct csr_write *w)
{
    h->csr.medeleg = w->value & (MEDELEG_MASK | (isa_has(h->isa_live, EXT_h) ? MEDELEG_MASK_H : 0));
}

/* ---- exception program counters ---- */

/* norm:mepc_bit1_dyn_ialign_op: bit 1 is stored, but masked while IALIGN is 32. */
uint64_t csr_epc(const struct hart *h, uint64_t stored)
{
    return isa_has(h->isa_live, EXT_zca) ? stored : stored & ~UINT64_C(3);
}

uint64_t mepc_read(struct hart *h, unsigned n)
{
    (void)n;
    return csr_epc(h, h->csr.mepc);
}

uint64_t sepc_read(struct hart *h, unsigned n)
{
    (void)n;
    return csr_epc(h, h->csr.sepc);
}

void mepc_write(struct hart *h, const struct csr_write *w) { h->csr.mepc = w->value & ~UINT64_C(1); }
void sepc_write(struct hart *h, const struct csr_write *w) { h->csr.sepc = w->value & ~UINT64_C(1); }

/* ---- interrupts ---- */

uint64_t csr_mip(const struct hart *h) { return h->csr.mip | h->csr.mip_lines | h->csr.hvip; }

static uint64_t mie_writable(const struct hart *h)
{
    return M_INTERRUPTS | (isa_has(h->isa, EXT_s) ? S_INTERRUPTS : 0) |
           (isa_has(h->isa_live, EXT_h) ? VS_INTERRUPTS : 0);
}

uint64_t mip_read(struct hart *h, unsigned n)
{
    (void)n;
    return csr_mip(h);
}

/* norm:mip_meip_rdonly, norm:mip_mtip_rdonly, norm:mip_msip_rdonly, norm:mip_seip_acc, norm:mip_ssip_acc, norm:mip_stip_stimecmp_acc */
void mip_write(struct hart *h, const struct csr_write *w)
{
    uint64_t mask = isa_has(h->isa, EXT_s) ? S_INTERRUPTS : 0;
    if (h->csr.menvcfg & ENVCFG_STCE) mask &= ~IRQ_BIT(STI);
    h->csr.mip = bits_merge(h->csr.mip, mask, w->value);
    if (isa_has(h->isa_live, EXT_h)) hip_write(h, w); /* norm:mip_mie_alias */
}

uint64_t mie_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.mie;
}

void mie_write(struct hart *h, const struct csr_write *w) { h->csr.mie = w->value & mie_writable(h); }

/* Views of mip and mie: what is delegated. In sip only SSIP is writable (norm:sip_ssip_sie_ssie). The VS-level interrupts, though
 * always delegated, stand in hip and hie instead (norm:sie_hip_hie_mutex). */
uint64_t sip_read(struct hart *h, unsigned n)
{
    (void)n;
    return csr_mip(h) & h->csr.mideleg & S_INTERRUPTS;
}

void sip_write(struct hart *h, const struct csr_write *w)
{
    h->csr.mip = bits_merge(h->csr.mip, IRQ_BIT(SSI) & h->csr.mideleg, w->value);
}

uint64_t sie_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.mie & h->csr.mideleg & S_INTERRUPTS;
}

void sie_write(struct hart *h, const struct csr_write *w)
{
    h->csr.mie = bits_merge(h->csr.mie, h->csr.mideleg & S_INTERRUPTS, w->value);
}

/* ---- supervisor timer ---- */

uint64_t stimecmp_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.stimecmp;
}

void csr_timer_changed(struct hart *h)
{
    hart_timer_check(h);
    if (h->env->timer_changed) h->env->timer_changed(h->env->machine, h->id);
}

void stimecmp_write(struct hart *h, const struct csr_write *w)
{
    h->csr.stimecmp = w->value;
    csr_timer_changed(h);
}

/* Also of vstimecmp. norm:mcounteren_tm_clr, norm:menvcfg_stce_op2, norm:henvcfg_stce, norm:hcounteren_acc */
enum csr_answer stimecmp_access(const struct hart *h, unsigned n)
{
    (void)n;
    if (h->priv == PRIV_M) return CSR_OK;
    if (!(h->csr.mcounteren & COUNTER_TM) || !(h->csr.menvcfg & ENVCFG_STCE)) return CSR_ILLEGAL;
    return !h->virt || ((h->csr.hcounteren & COUNTER_TM) && (h->csr.henvcfg & ENVCFG_STCE)) ? CSR_OK : CSR_VIRTUAL;
}

/* ---- environment configuration and state enables ---- */

uint64_t csr_envcfg_legal(const struct hart *h, uint64_t v, uint64_t also)
{
    uint64_t mask = also;
    if (isa_has(h->isa, EXT_sv39)) mask |= ENVCFG_FIOM;
    if (isa_has(h->isa, EXT_zicbom)) mask |= ENVCFG_CBIE | ENVCFG_CBCFE;
    if (isa_has(h->isa, EXT_zicboz)) mask |= ENVCFG_CBZE;
    if (bits_get(v, 5, 4) == 2) v &= ~ENVCFG_CBIE; /* 0b10 is reserved */
    return v & mask;
}

uint64_t menvcfg_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.menvcfg;
}

void menvcfg_write(struct hart *h, const struct csr_write *w)
{
    uint64_t also = 0, old = h->csr.menvcfg;
    if (isa_has(h->isa, EXT_svadu)) also |= ENVCFG_ADUE;
    if (isa_has(h->isa, EXT_svpbmt)) also |= ENVCFG_PBMTE;
    if (isa_has(h->isa, EXT_sstc)) also |= ENVCFG_STCE;
    h->csr.menvcfg = csr_envcfg_legal(h, w->value, also);
    uint64_t changed = old ^ h->csr.menvcfg;
    if (changed & ENVCFG_STCE) { /* norm:menvcfg_stce_op2: STIP changes its owner */
        h->csr.mip &= ~IRQ_BIT(STI);
        csr_timer_changed(h);
    }
    if (changed & (ENVCFG_ADUE | ENVCFG_PBMTE)) priv_update(h);
}

uint64_t senvcfg_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.senvcfg;
}

void senvcfg_write(struct hart *h, const struct csr_write *w) { h->csr.senvcfg = csr_envcfg_legal(h, w->value, 0); }

/* norm:stateen_illegal_state_access */
static enum csr_answer stateen_answer(const struct hart *h, unsigned index, uint64_t bit)
{
    if (h->priv == PRIV_M) return CSR_OK;
    if (isa_has(h->isa_live, EXT_smstateen) && !(h->csr.mstateen[index] & bit)) return CSR_ILLEGAL;
    bool refused = h->virt && isa_has(h->isa_live, EXT_ssstateen) && !(h->csr.hstateen[index] & bit);
    return refused ? CSR_VIRTUAL : CSR_OK;
}

/* norm:mstateen0_envcfg_op, norm:hstateen0_envcfg_op */
enum csr_answer senvcfg_access(const struct hart *h, unsigned n)
{
    (void)n;
    return stateen_answer(h, 0, STATEEN_ENVCFG);
}
enum csr_answer henvcfg_access(const struct hart *h, unsigned n) { return senvcfg_access(h, n); }

/* norm:mstateen_bit_63_op, norm:hstateen_bit_63_op */
enum csr_answer sstateen_access(const struct hart *h, unsigned n) { return stateen_answer(h, n & 3, STATEEN_SE); }
enum csr_answer hstateen_access(const struct hart *h, unsigned n) { return sstateen_access(h, n); }

/* ---- translation and protection ---- */

uint64_t satp_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.satp;
}

bool csr_atp_mode_is_legal(const struct hart *h, uint64_t atp)
{
    static const struct {
        uint64_t mode;
        enum isa_ext need;
    } modes[] = {{0, EXT_sv39}, {8, EXT_sv39}, {9, EXT_sv48}, {10, EXT_sv57}};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (bits_get(atp, 63, 60) == modes[i].mode && isa_has(h->isa, modes[i].need)) return true;
    return false;
}

/* norm:satp_mode_op_unsupported: then nothing of the write takes effect. */
void satp_write(struct hart *h, const struct csr_write *w)
{
    if (!csr_atp_mode_is_legal(h, w->value)) return;
    h->csr.satp = w->value;
    priv_update(h);
}

/* norm:mstatus_tvm_warl_op, norm:hstatus_vtvm_op */
enum csr_answer satp_access(const struct hart *h, unsigned n)
{
    (void)n;
    if (h->virt) return h->csr.hstatus & HSTATUS_VTVM ? CSR_VIRTUAL : CSR_OK;
    return h->priv == PRIV_M || !(h->csr.mstatus & MSTATUS_TVM) ? CSR_OK : CSR_ILLEGAL;
}

uint64_t pmpcfg_read(struct hart *h, unsigned n) { return pmp_read_cfg(&h->mmu.pmp, n - 0x3a0); }
uint64_t pmpaddr_read(struct hart *h, unsigned n) { return pmp_read_addr(&h->mmu.pmp, n - 0x3b0); }

void pmpcfg_write(struct hart *h, const struct csr_write *w)
{
    if (pmp_write_cfg(&h->mmu.pmp, w->number - 0x3a0, w->value)) mmu_flush_all(&h->mmu);
}

void pmpaddr_write(struct hart *h, const struct csr_write *w)
{
    if (pmp_write_addr(&h->mmu.pmp, w->number - 0x3b0, w->value)) mmu_flush_all(&h->mmu);
}

/* A hart without PMP entries has no PMP registers either. */
enum csr_answer pmp_access(const struct hart *h, unsigned n)
{
    (void)n;
    return h->mmu.pmp.count > 0 ? CSR_OK : CSR_ILLEGAL;
}

/* ---- machine information ---- */

uint64_t tinfo_read(struct hart *h, unsigned n)
{
    (void)h;
    (void)n;
    return 1;
}

uint64_t mhartid_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->id;
}

void csr_reset(struct hart *h)
{
    uint64_t lines = h->csr.mip_lines & ~(IRQ_BIT(STI) | IRQ_BIT(VSTI));
    h->csr = (struct csr_state){.misa = misa_reset(h), .stimecmp = UINT64_MAX, .mip_lines = lines};
    h->csr.mstatus = bits_set(0, 12, 11, isa_has(h->isa, EXT_u) ? PRIV_U : PRIV_M);
    /* Without Svade in the set, software has been told that A and D are hardware's. */
    if (isa_has(h->isa, EXT_svadu) && !isa_has(h->isa, EXT_svade)) h->csr.menvcfg = ENVCFG_ADUE;
    csr_hyp_reset(h, isa_has(h->isa, EXT_h));
    misa_apply(h);
}

/* Which bits of a field may be set at all; the rest of its WARL rules is in csr_state_is_legal. */
static bool fields_are_legal(const struct hart *h)
{
    const struct csr_state *c = &h->csr;
    const uint64_t lines = M_INTERRUPTS | S_INTERRUPTS | IRQ_BIT(VSTI);
    const struct {
        uint64_t value, mask;
    } fields[] = {
        {c->misa, misa_reset(h)},
        {c->mstatus, mstatus_writable(h) | MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA},
        {c->mie, mie_writable(h) | VS_INTERRUPTS},
        {c->mip, S_INTERRUPTS},
        {c->mip_lines, lines},
        {c->mideleg, S_INTERRUPTS | VS_INTERRUPTS},
        {c->medeleg, MEDELEG_MASK | MEDELEG_MASK_H},
        {c->mcounteren | c->scounteren | c->hcounteren, COUNTEREN_MASK},
        {c->mcountinhibit, COUNTER_CY | COUNTER_IR},
        {c->hstatus, HSTATUS_WRITABLE | HSTATUS_VSXL_64},
        {c->hedeleg, HEDELEG_MASK},
        {c->hideleg | c->hvip, VS_INTERRUPTS},
        {c->vsstatus, SSTATUS_WRITABLE},
        {c->hgatp, ~(UINT64_C(3) << 58 | UINT64_C(3))},
        {c->mepc | c->sepc | c->vsepc, ~UINT64_C(1)},
        {c->mtvec | c->stvec | c->vstvec, TVEC_MASK},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (fields[i].value & ~fields[i].mask) return false;
    return true;
}

bool csr_state_is_legal(const struct hart *h)
{
    const struct csr_state *c = &h->csr;
    bool hyp = c->misa & misa_bit('h');
    const uint64_t of_h = c->hedeleg | c->hideleg | c->hvip | c->vsstatus | c->hgatp | c->vsatp |
                          (c->mstatus & (MSTATUS_MPV | MSTATUS_GVA)) | (c->mie & VS_INTERRUPTS);
    if (!fields_are_legal(h) || !mpp_is_legal(h, h->priv) || !mpp_is_legal(h, bits_get(c->mstatus, 12, 11)))
        return false;
    if (c->misa >> 62 != 2 || (h->virt && (!hyp || h->priv == PRIV_M))) return false;
    if (!hyp && of_h) return false;
    if ((c->mideleg & VS_INTERRUPTS) != (hyp ? VS_INTERRUPTS : 0)) return false;
    if ((c->hstatus & HSTATUS_VSXL_64) != (hyp ? HSTATUS_VSXL_64 : 0)) return false;
    const uint64_t atps[] = {c->satp, c->vsatp, c->hgatp};
    for (size_t i = 0; i < ARRAY_LEN(atps); i++)
        if (atps[i] && !csr_atp_mode_is_legal(h, atps[i])) return false;
    return true;
}

void csr_restored(struct hart *h)
{
    misa_apply(h);
    priv_update(h);
}
