/* The registers of the H extension that are more than storage: VS copies, views of interrupts, and what menvcfg and mstateen mask.
 *
 * Interrupts. Pending and enable bits of all levels live in one place each, csr_mip() and mie; bits 2, 6, 10 are the VS-level ones:
 *
 *     hvip  (written)  --+
 *     VSTI  (Sstc)     --+--> mip[10,6,2] == hip[10,6,2] == vsip[9,5,1], where hideleg has the bit
 *                             mie[10,6,2] == hie[10,6,2] == vsie[9,5,1], where hideleg has the bit */
#include "cpu/csr_internal.h"

#include <string.h>

/* ---- status ---- */

uint64_t vsstatus_read(struct hart *h, unsigned n)
{
    (void)n;
    priv_sync_fp(h);
    uint64_t v = bits_set(h->csr.vsstatus, 33, 32, 2); /* UXL */
    return (v & MSTATUS_FS) == MSTATUS_FS ? v | MSTATUS_SD : v;
}

void vsstatus_write(struct hart *h, const struct csr_write *w)
{
    uint64_t mask = SSTATUS_WRITABLE;
    if (!isa_has(h->isa, EXT_f)) mask &= ~MSTATUS_FS;
    priv_sync_fp(h);
    uint64_t changed = h->csr.vsstatus ^ (w->value & mask);
    h->csr.vsstatus ^= changed;
    if (changed & (MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)) priv_update(h);
}

uint64_t vsepc_read(struct hart *h, unsigned n)
{
    (void)n;
    return csr_epc(h, h->csr.vsepc);
}

void vsepc_write(struct hart *h, const struct csr_write *w) { h->csr.vsepc = w->value & ~UINT64_C(1); }

/* ---- interrupts ---- */

uint64_t hip_read(struct hart *h, unsigned n)
{
    (void)n;
    return csr_mip(h) & VS_INTERRUPTS;
}

/* norm:hip_vssip_vssie_op: the only writable bit, an alias of the one in hvip. */
void hip_write(struct hart *h, const struct csr_write *w)
{
    h->csr.hvip = bits_merge(h->csr.hvip, IRQ_BIT(VSSI), w->value);
}

uint64_t hie_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.mie & VS_INTERRUPTS;
}

void hie_write(struct hart *h, const struct csr_write *w)
{
    h->csr.mie = bits_merge(h->csr.mie, VS_INTERRUPTS, w->value);
}

/* norm:vsip_vsie_sei, norm:vsip_vsie_sti, norm:vsip_vsie_ssi: a VS interrupt is one lower where its own mode sees it. */
uint64_t vsip_read(struct hart *h, unsigned n) { return (hip_read(h, n) & h->csr.hideleg) >> 1; }

void vsip_write(struct hart *h, const struct csr_write *w)
{
    h->csr.hvip = bits_merge(h->csr.hvip, IRQ_BIT(VSSI) & h->csr.hideleg, w->value << 1);
}

uint64_t vsie_read(struct hart *h, unsigned n) { return (hie_read(h, n) & h->csr.hideleg) >> 1; }

void vsie_write(struct hart *h, const struct csr_write *w)
{
    h->csr.mie = bits_merge(h->csr.mie, VS_INTERRUPTS & h->csr.hideleg, w->value << 1);
}

/* ---- time ---- */

uint64_t vstimecmp_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.vstimecmp;
}

void vstimecmp_write(struct hart *h, const struct csr_write *w)
{
    h->csr.vstimecmp = w->value;
    csr_timer_changed(h);
}

uint64_t htimedelta_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.htimedelta;
}

void htimedelta_write(struct hart *h, const struct csr_write *w)
{
    h->csr.htimedelta = w->value;
    csr_timer_changed(h);
}

/* ---- environment configuration and state enables ---- */

#define ENVCFG_MASKED (ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE)

/* norm:menvcfg_adue_henvcfg_adue_rdonly0, norm:menvcfg_pbmte_henvcfg_pbmte_rdonly0, norm:menvcfg_stce_op2 */
static uint64_t henvcfg_visible(const struct hart *h) { return ~ENVCFG_MASKED | h->csr.menvcfg; }

uint64_t henvcfg_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.henvcfg & henvcfg_visible(h);
}

void henvcfg_write(struct hart *h, const struct csr_write *w)
{
    uint64_t old = h->csr.henvcfg, next = csr_envcfg_legal(h, w->value, ENVCFG_MASKED);
    h->csr.henvcfg = bits_merge(old, henvcfg_visible(h), next);
    uint64_t changed = old ^ h->csr.henvcfg;
    if (changed & ENVCFG_STCE) csr_timer_changed(h);
    if (changed & (ENVCFG_ADUE | ENVCFG_PBMTE)) priv_update(h);
}

/* norm:mstateen_lower_priv_roz */
static uint64_t hstateen_visible(const struct hart *h, unsigned index)
{
    uint64_t defined = STATEEN_SE | (index == 0 ? STATEEN_ENVCFG : 0);
    return isa_has(h->isa_live, EXT_smstateen) ? defined & h->csr.mstateen[index] : defined;
}

uint64_t hstateen_read(struct hart *h, unsigned n) { return h->csr.hstateen[n & 3] & hstateen_visible(h, n & 3); }

void hstateen_write(struct hart *h, const struct csr_write *w)
{
    uint64_t *field = &h->csr.hstateen[w->number & 3];
    *field = bits_merge(*field, hstateen_visible(h, w->number & 3), w->value);
}

/* ---- translation ---- */

uint64_t vsatp_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.vsatp;
}

/* norm:vsatp_mode_unsupported_v1, norm:vsatp_mode_unsupported_v0: ignored whole, whoever writes. */
void vsatp_write(struct hart *h, const struct csr_write *w)
{
    if (!csr_atp_mode_is_legal(h, w->value)) return;
    h->csr.vsatp = w->value;
    priv_update(h);
}

/*  63  60 59 58 57      44 43        0
 * +------+-----+----------+-----------+
 * | MODE |  0  |   VMID   |    PPN    |  hgatp; the root table is 16 KiB: PPN[1:0] = 0 */
#define HGATP_MODE     (UINT64_C(15) << 60)
#define HGATP_WRITABLE (UINT64_C(0x03ffffffffffffff) & ~UINT64_C(3))

uint64_t hgatp_read(struct hart *h, unsigned n)
{
    (void)n;
    return h->csr.hgatp;
}

/* norm:hgatp_mode_warl: with an unsupported MODE the other fields are still written. The VMID is kept under Bare as well. */
void hgatp_write(struct hart *h, const struct csr_write *w)
{
    uint64_t mask = HGATP_WRITABLE | (csr_atp_mode_is_legal(h, w->value) ? HGATP_MODE : 0);
    h->csr.hgatp = bits_merge(h->csr.hgatp, mask, w->value);
    priv_update(h);
}

/* norm:hgatp_tvm_illegal; with V = 1 TVM counts as 0 */
enum csr_answer hgatp_access(const struct hart *h, unsigned n)
{
    (void)n;
    bool trapped = h->priv == PRIV_S && !h->virt && (h->csr.mstatus & MSTATUS_TVM);
    return trapped ? CSR_ILLEGAL : CSR_OK;
}

/* ---- on and off ---- */

/* "When software enables an extension that was previously disabled, then all state uniquely associated with that extension is
 * UNSPECIFIED" (machine.adoc, misa): it is what it is after reset. Off, none of it can have an effect, because all is zero. */
void csr_hyp_reset(struct hart *h, bool on)
{
    struct csr_state *c = &h->csr;
    c->mstatus &= ~(MSTATUS_MPV | MSTATUS_GVA);
    c->medeleg &= MEDELEG_MASK;
    c->mideleg = (c->mideleg & ~VS_INTERRUPTS) | (on ? VS_INTERRUPTS : 0); /* norm:mideleg_acc_h */
    c->mie &= ~VS_INTERRUPTS;
    c->hstatus = on ? HSTATUS_VSXL_64 : 0;
    c->hedeleg = c->hideleg = c->hvip = c->htval = c->htinst = c->hgatp = 0;
    c->htimedelta = c->hcounteren = c->henvcfg = 0;
    memset(c->hstateen, 0, sizeof c->hstateen);
    c->vsstatus = c->vstvec = c->vsscratch = c->vsepc = c->vscause = c->vstval = c->vsatp = 0;
    c->mtval2 = c->mtinst = 0;
    c->vstimecmp = UINT64_MAX;
}
