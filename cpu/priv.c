/* Privileged instructions, and what follows from a change of privilege or status. */
#include "cpu/csr_internal.h"

static bool illegal(struct trap *t, uint32_t insn)
{
    *t = (struct trap){.cause = CAUSE_ILLEGAL, .tval = insn};
    return false;
}

void priv_sync_fp(struct hart *h)
{
    bool raised = fp_take_raised(&h->fp);
    if (!raised && !h->fs_dirty) return;
    h->fs_dirty = 0;
    /* norm:mstatus_fs_vs_xs_update_indep_priv; while it is Off only a debugger can have written */
    if (h->csr.mstatus & MSTATUS_FS) h->csr.mstatus |= MSTATUS_FS;
}

/* norm:mstatus_mprv_ldst_op: loads and stores as if in MPP. */
static enum priv priv_of_data(const struct hart *h)
{
    return h->csr.mstatus & MSTATUS_MPRV ? (enum priv)bits_get(h->csr.mstatus, 12, 11) : (enum priv)h->priv;
}

void priv_update(struct hart *h)
{
    uint64_t s = h->csr.mstatus;
    h->isa_live = s & MSTATUS_FS ? h->isa_fp_on : h->isa_fp_off;

    struct mmu_context c = {.satp = h->csr.satp,
                            .priv = (enum priv)h->priv,
                            .adue = h->csr.menvcfg & ENVCFG_ADUE,
                            .pbmte = h->csr.menvcfg & ENVCFG_PBMTE};
    struct mmu_regime code = mmu_regime(&c);
    c.priv = priv_of_data(h);
    c.sum = s & MSTATUS_SUM;
    c.mxr = s & MSTATUS_MXR;
    struct mmu_regime data = mmu_regime(&c);
    if (!h->data || memcmp(&h->data->info.regime, &data, sizeof data) != 0) h->data = mmu_select_data(&h->mmu, &data);
    if (!h->code || memcmp(&h->code->info.regime, &code, sizeof code) != 0) h->code = mmu_select_code(&h->mmu, &code);
}

/* The common half of MRET and SRET. norm:mstatus_mprv_clr_mret_sret_less_priv */
static void priv_return(struct hart *h, uint64_t status, enum priv to, uint64_t pc)
{
    if (to != PRIV_M) status &= ~MSTATUS_MPRV;
    h->csr.mstatus = status;
    h->priv = (uint8_t)to;
    h->pc = pc;
    priv_update(h);
}

bool priv_mret(struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->priv != PRIV_M) return illegal(t, insn);
    uint64_t s = h->csr.mstatus;
    enum priv to = (enum priv)bits_get(s, 12, 11);
    s = bits_set(s, 3, 3, bits_get(s, 7, 7)); /* MIE = MPIE */
    s = bits_set(s | MSTATUS_MPIE, 12, 11, isa_has(h->isa, EXT_u) ? PRIV_U : PRIV_M);
    priv_return(h, s, to, csr_epc(h, h->csr.mepc));
    return true;
}

bool priv_sret(struct hart *h, uint32_t insn, struct trap *t)
{
    bool trapped = h->priv == PRIV_S && (h->csr.mstatus & MSTATUS_TSR); /* norm:mstatus_tsr_op */
    if (!isa_has(h->isa, EXT_s) || h->priv < PRIV_S || trapped) return illegal(t, insn);
    uint64_t s = h->csr.mstatus;
    enum priv to = s & MSTATUS_SPP ? PRIV_S : PRIV_U;
    s = bits_set(s, 1, 1, bits_get(s, 5, 5)); /* SIE = SPIE */
    priv_return(h, (s | MSTATUS_SPIE) & ~MSTATUS_SPP, to, csr_epc(h, h->csr.sepc));
    return true;
}

/* norm:mstatus_tw_always_illegal, norm:mstatus_tw_umode_op: the time limit is zero. */
bool priv_wfi(struct hart *h, uint32_t insn, struct trap *t)
{
    bool limited = h->csr.mstatus & MSTATUS_TW || (h->priv == PRIV_U && isa_has(h->isa, EXT_s));
    if (h->priv != PRIV_M && limited) return illegal(t, insn);
    h->waiting = !hart_wakes(h);
    return true;
}

bool priv_sfence_vma(struct hart *h, uint32_t insn, bool has_va, uint64_t va, bool has_asid, uint64_t asid,
                     struct trap *t)
{
    bool trapped = h->priv == PRIV_S && (h->csr.mstatus & MSTATUS_TVM); /* norm:mstatus_tvm_warl_op */
    if (!isa_has(h->isa, EXT_sv39) || h->priv < PRIV_S || trapped) return illegal(t, insn);
    mmu_fence(&h->mmu, &(struct mmu_fence){
                           .scope = FENCE_S, .has_address = has_va, .address = va, .has_id = has_asid, .id = asid});
    return true;
}

/* SINVAL.VMA acts at once, so there is nothing left to order. */
bool priv_sfence_inval(struct hart *h, uint32_t insn, struct trap *t)
{
    return h->priv >= PRIV_S && isa_has(h->isa, EXT_s) ? true : illegal(t, insn);
}

/* cmo.adoc: menvcfg below M, senvcfg too below S. */
bool priv_cbo_allowed(struct hart *h, uint32_t insn, bool zero, bool inval, struct trap *t)
{
    uint64_t field = zero ? ENVCFG_CBZE : inval ? ENVCFG_CBIE : ENVCFG_CBCFE;
    if (h->priv < PRIV_M && !(h->csr.menvcfg & field)) return illegal(t, insn);
    if (h->priv < PRIV_S && isa_has(h->isa, EXT_s) && !(h->csr.senvcfg & field)) return illegal(t, insn);
    return true;
}
