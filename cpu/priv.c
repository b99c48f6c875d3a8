/* Privileged instructions, and what follows from a change of privilege or status. */
#include "cpu/csr_internal.h"

/* Both end an instruction before it does anything; what HS-mode could do is virtual (norm:H_cause_virtual_instruction). */
static bool illegal(struct trap *t, uint32_t insn)
{
    *t = (struct trap){.cause = CAUSE_ILLEGAL, .tval = insn};
    return false;
}

static bool virtual(struct trap *t, uint32_t insn)
{
    *t = (struct trap){.cause = CAUSE_VIRTUAL, .tval = insn};
    return false;
}

/* norm:mstatus_fs_vs_xs_update_indep_priv, norm:vsstatus_fs_op: with V = 1 it makes both fields dirty. */
void priv_sync_fp(struct hart *h)
{
    bool raised = fp_take_raised(&h->fp);
    if (!raised && !h->fs_dirty) return;
    h->fs_dirty = 0;
    /* While it is Off only a debugger can have written. */
    if (h->csr.mstatus & MSTATUS_FS) h->csr.mstatus |= MSTATUS_FS;
    if (h->virt && (h->csr.vsstatus & MSTATUS_FS)) h->csr.vsstatus |= MSTATUS_FS;
}

/* V is part of what dirtiness means, so before it changes what is pending goes to its fields. */
void priv_set_mode(struct hart *h, enum priv priv, bool virt)
{
    if (h->virt != virt) priv_sync_fp(h);
    h->priv = (uint8_t)priv;
    h->virt = virt;
}

/* What decides a translation for a fetch in this mode. */
static struct mmu_context context_of(const struct hart *h, enum priv priv, bool virt)
{
    const struct csr_state *c = &h->csr;
    uint64_t config = virt ? c->henvcfg & c->menvcfg : c->menvcfg;
    return (struct mmu_context){.satp = virt ? c->vsatp : c->satp,
                                .hgatp = c->hgatp,
                                .priv = priv,
                                .virt = virt,
                                .adue = config & ENVCFG_ADUE,
                                .pbmte = config & ENVCFG_PBMTE,
                                .g_adue = c->menvcfg & ENVCFG_ADUE,
                                .g_pbmte = c->menvcfg & ENVCFG_PBMTE};
}

/* For a load or store. norm:vsstatus_mxr_vm, norm:sstatus_mxr_vm, norm:hlsv_trans */
static struct mmu_context context_of_data(const struct hart *h, enum priv priv, bool virt)
{
    struct mmu_context context = context_of(h, priv, virt);
    uint64_t status = virt ? h->csr.vsstatus : h->csr.mstatus;
    context.sum = status & MSTATUS_SUM;
    context.mxr = status & MSTATUS_MXR;
    context.g_mxr = h->csr.mstatus & MSTATUS_MXR;
    return context;
}

struct mmu_regime priv_guest_regime(const struct hart *h, bool hlvx)
{
    enum priv spvp = h->csr.hstatus & HSTATUS_SPVP ? PRIV_S : PRIV_U; /* norm:hlsv_priv */
    struct mmu_context context = context_of_data(h, spvp, true);
    context.hlvx = hlvx;
    return mmu_regime(&context);
}

/* The regimes of the present mode. Between two calls of priv_update they do not change, so that traps and returns only look them up. */
static const struct mode_regimes *regimes_of_mode(struct hart *h)
{
    unsigned mode = h->priv | (unsigned)h->virt << 2;
    struct mode_regimes *r = &h->regimes[mode];
    if (!(h->regimes_known & 1u << mode)) {
        struct mmu_context code = context_of(h, (enum priv)h->priv, h->virt);
        struct mmu_context data = context_of_data(h, (enum priv)h->priv, h->virt);
        *r = (struct mode_regimes){.data = mmu_regime(&data), .code = mmu_regime(&code)};
        h->regimes_known |= (uint8_t)(1u << mode);
    }
    return r;
}

/* norm:mstatus_mprv_ldst_op, norm:mstatus_mprv_hypervisor: loads and stores as if in MPP and MPV. */
static struct mmu_regime regime_of_mprv(const struct hart *h)
{
    enum priv mpp = (enum priv)bits_get(h->csr.mstatus, 12, 11);
    struct mmu_context data = context_of_data(h, mpp, mpp != PRIV_M && (h->csr.mstatus & MSTATUS_MPV));
    return mmu_regime(&data);
}

void priv_switch(struct hart *h)
{
    uint64_t s = h->csr.mstatus;
    /* norm:vsstatus_fs_op: with V = 1 both fields are in effect. */
    uint64_t fs = h->virt && !(h->csr.vsstatus & MSTATUS_FS) ? 0 : s & MSTATUS_FS;
    h->isa_live = fs ? h->isa_fp_on : h->isa_fp_off;

    const struct mode_regimes *mode = regimes_of_mode(h);
    const struct mmu_regime *data = &mode->data, *code = &mode->code;
    struct mmu_regime modified;
    if (s & MSTATUS_MPRV) {
        modified = regime_of_mprv(h);
        data = &modified;
    }
    if (!h->data || memcmp(&h->data->info.regime, data, sizeof *data) != 0) h->data = mmu_select_data(&h->mmu, data);
    if (!h->code || memcmp(&h->code->info.regime, code, sizeof *code) != 0) h->code = mmu_select_code(&h->mmu, code);
}

void priv_update(struct hart *h)
{
    h->regimes_known = 0;
    priv_switch(h);
}

/* ---- returns ---- */

/* The common half of MRET and SRET. norm:mstatus_mprv_clr_mret_sret_less_priv */
static void priv_return(struct hart *h, enum priv to, bool virt, uint64_t pc)
{
    if (to != PRIV_M) h->csr.mstatus &= ~MSTATUS_MPRV;
    priv_set_mode(h, to, virt);
    h->pc = pc;
    priv_switch(h);
}

/* norm:mret_h */
bool priv_mret(struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->priv != PRIV_M) return illegal(t, insn);
    uint64_t s = h->csr.mstatus;
    enum priv to = (enum priv)bits_get(s, 12, 11);
    bool virt = to != PRIV_M && (s & MSTATUS_MPV);
    s = bits_set(s, 3, 3, bits_get(s, 7, 7)); /* MIE = MPIE */
    s = bits_set(s | MSTATUS_MPIE, 12, 11, isa_has(h->isa, EXT_u) ? PRIV_U : PRIV_M);
    h->csr.mstatus = s & ~MSTATUS_MPV;
    priv_return(h, to, virt, csr_epc(h, h->csr.mepc));
    return true;
}

/* SIE = SPIE, SPIE = 1, SPP = 0 of an sstatus or vsstatus; returns the mode that SPP held. */
static enum priv status_pop(uint64_t *status)
{
    uint64_t s = *status;
    *status = (bits_set(s, 1, 1, bits_get(s, 5, 5)) | MSTATUS_SPIE) & ~MSTATUS_SPP;
    return s & MSTATUS_SPP ? PRIV_S : PRIV_U;
}

/* norm:sret_v0, norm:sret_v1 */
bool priv_sret(struct hart *h, uint32_t insn, struct trap *t)
{
    struct csr_state *c = &h->csr;
    if (h->virt) {
        if (h->priv == PRIV_U || (c->hstatus & HSTATUS_VTSR)) return virtual(t, insn); /* norm:hstatus_vtsr_op */
        enum priv to = status_pop(&c->vsstatus);
        priv_return(h, to, true, csr_epc(h, c->vsepc));
        return true;
    }
    bool trapped = h->priv == PRIV_S && (c->mstatus & MSTATUS_TSR); /* norm:mstatus_tsr_op */
    if (!isa_has(h->isa, EXT_s) || h->priv < PRIV_S || trapped) return illegal(t, insn);
    bool virt = c->hstatus & HSTATUS_SPV;
    c->hstatus &= ~HSTATUS_SPV;
    enum priv to = status_pop(&c->mstatus);
    priv_return(h, to, virt, csr_epc(h, c->sepc));
    return true;
}

/* norm:mstatus_tw_always_illegal, norm:mstatus_tw_umode_op, norm:hstatus_vtw_op, norm:H_virtinst_vu_wfi_tw0: the time limit is zero. */
bool priv_wfi(struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->priv != PRIV_M && (h->csr.mstatus & MSTATUS_TW)) return illegal(t, insn);
    if (h->virt && (h->priv == PRIV_U || (h->csr.hstatus & HSTATUS_VTW))) return virtual(t, insn);
    if (h->priv == PRIV_U && isa_has(h->isa, EXT_s)) return illegal(t, insn);
    h->waiting = !hart_wakes(h);
    return true;
}

/* ---- fences ---- */

static uint64_t vmid_of(const struct hart *h) { return bits_get(h->csr.hgatp, 57, 44); }

/* norm:mstatus_tvm_warl_op, norm:hstatus_vtvm_op, norm:H_virtinst_vu_sret_sfence */
bool priv_sfence_vma(struct hart *h, uint32_t insn, bool has_va, uint64_t va, bool has_asid, uint64_t asid,
                     struct trap *t)
{
    bool trapped = h->priv == PRIV_S && (h->csr.mstatus & MSTATUS_TVM);
    if (h->virt) {
        if (h->priv == PRIV_U || (h->csr.hstatus & HSTATUS_VTVM)) return virtual(t, insn);
    } else if (!isa_has(h->isa, EXT_sv39) || h->priv < PRIV_S || trapped) {
        return illegal(t, insn);
    }
    mmu_fence(&h->mmu, &(struct mmu_fence){.scope = h->virt ? FENCE_VS : FENCE_S,
                                           .has_address = has_va,
                                           .address = va,
                                           .has_id = has_asid,
                                           .id = asid,
                                           .vmid = vmid_of(h)}); /* norm:sfence_vma_v0, norm:sfence_vma_v1 */
    return true;
}

/* SINVAL.VMA acts at once, so there is nothing left to order. norm:Svinval_sfence_w_inval_inval_vu_mode */
bool priv_sfence_inval(struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->virt && h->priv == PRIV_U) return virtual(t, insn);
    return h->priv >= PRIV_S && isa_has(h->isa, EXT_s) ? true : illegal(t, insn);
}

/* norm:hfence-vvma_hfence-gvma_exceptions, norm:hfence-vvma_tvm */
bool priv_hfence(struct hart *h, uint32_t insn, bool gvma, bool has_address, uint64_t address, bool has_id, uint64_t id,
                 struct trap *t)
{
    bool trapped = gvma && h->priv == PRIV_S && (h->csr.mstatus & MSTATUS_TVM);
    if (h->virt) return virtual(t, insn);
    if (h->priv < PRIV_S || trapped) return illegal(t, insn);
    mmu_fence(&h->mmu, &(struct mmu_fence){.scope = gvma ? FENCE_G : FENCE_VS,
                                           .has_address = has_address,
                                           .address = gvma ? address << 2 : address,
                                           .has_id = has_id,
                                           .id = id,
                                           .vmid = vmid_of(h)});
    return true;
}

/* ---- loads and stores as a guest ---- */

/* norm:hlsv_mode, norm:hlsv_virtinst, norm:hlsv_illegalinst */
bool priv_guest_access_allowed(const struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->virt) return virtual(t, insn);
    return h->priv != PRIV_U || (h->csr.hstatus & HSTATUS_HU) ? true : illegal(t, insn);
}

/* ---- cache blocks ---- */

/* cmo.adoc: menvcfg below M, senvcfg too below S, henvcfg too with V = 1 (norm:henvcfg_cbze, norm:henvcfg_cbcfe, norm:henvcfg_cbie). */
bool priv_cbo_allowed(struct hart *h, uint32_t insn, bool zero, bool inval, struct trap *t)
{
    uint64_t field = zero ? ENVCFG_CBZE : inval ? ENVCFG_CBIE : ENVCFG_CBCFE;
    bool user_may = h->priv != PRIV_U || !isa_has(h->isa, EXT_s) || (h->csr.senvcfg & field);
    if (h->priv < PRIV_M && !(h->csr.menvcfg & field)) return illegal(t, insn);
    if (h->virt) return user_may && (h->csr.henvcfg & field) ? true : virtual(t, insn);
    return user_may ? true : illegal(t, insn);
}
