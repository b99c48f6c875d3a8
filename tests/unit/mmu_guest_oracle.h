/* A second, slow reading of two-stage address translation: each step as the text has it, one PTE at a time, on a memory of its own, A and D
 * bits written at once. Nothing here is shared with the folder mmu, save the names of its interface.
 *
 * Source: supervisor.adoc "Virtual Address Translation Process" (steps numbered as there), hypervisor.adoc "Two-Stage Address Translation",
 * svnapot.adoc, svpbmt.adoc, svadu.adoc. Choices that the text leaves open: as in mmu_oracle.h; and MXR is for explicit loads alone. */
#ifndef ORRERY_TESTS_MMU_GUEST_ORACLE_H
#define ORRERY_TESTS_MMU_GUEST_ORACLE_H

#include "tests/unit/mmu_oracle.h"

#define GUEST_WALK_WRITES 16

struct guest_walk {
    const struct oracle_memory *memory; /* written to: A and D */
    const struct oracle_pmp *pmp;
    bool svnapot;
    struct mmu_context c; /* virt, as the CSRs say it */
    enum mmu_access access;
    /* what comes of it */
    enum mmu_fault fault;
    gpa_t pa; /* supervisor physical, if MMU_OK */
    uint64_t guest_pa;
    bool implicit, implicit_write;
    unsigned size_log2; /* the smaller leaf of both stages, 64 if there is none */
    unsigned written;   /* PTEs that the walk wrote, in this order */
    struct {
        gpa_t at;
        uint64_t before, after;
    } write[GUEST_WALK_WRITES];
    unsigned read; /* physical addresses of the PTEs that were read, so that a test can hit them */
    gpa_t pte[64];
};

struct guest_stage {
    bool second;            /* the G-stage */
    bool explicit_access;   /* not one that the VS-stage makes to its tables */
    enum mmu_access access; /* what the permissions, A and D are checked for */
};

static inline bool guest_refuse(struct guest_walk *w, const struct guest_stage *s, uint64_t addr)
{
    if (s->second) { /* norm:H_vm_gpatrans, norm:mtval2_trapval_vstrans, norm:H_trap_xtinst_guestpage_rw */
        w->fault = MMU_GUEST_PAGE_FAULT;
        w->guest_pa = addr;
        w->implicit = !s->explicit_access;
        w->implicit_write = !s->explicit_access && s->access == MMU_WRITE;
    } else {
        w->fault = MMU_PAGE_FAULT;
    }
    return false;
}

/* Step 2's and step 9's check of PMA and PMP for a PTE. */
static inline bool guest_may_touch(struct guest_walk *w, gpa_t at, unsigned need)
{
    if (oracle_byte(w->memory, at) && oracle_pmp_allows(w->pmp, at, 8, need, false)) return true;
    w->fault = MMU_ACCESS_FAULT;
    return false;
}

static inline uint64_t guest_load(const struct guest_walk *w, gpa_t at)
{
    uint64_t v;
    memcpy(&v, oracle_byte(w->memory, at), 8);
    return v;
}

/* Step 3, with what the extensions reserve. */
static inline bool guest_pte_is_good(const struct guest_walk *w, const struct guest_stage *s, uint64_t pte, unsigned i)
{
    bool r = pte & 2, wr = pte & 4, x = pte & 8, n = pte >> 63;
    unsigned pbmt = pte >> 61 & 3;
    bool pbmte = s->second ? w->c.g_pbmte : w->c.pbmte; /* norm:menvcfg_pbmte_op, norm:henvcfg_pbmte_op */
    if (!(pte & 1) || (!r && wr)) return false;
    if (pte >> 54 & 0x7f) return false; /* norm:Sv39_pte_future_rsv */
    if (pbmt == 3 || (pbmt && !pbmte)) return false;
    if (n && !w->svnapot) return false;
    if (!r && !x) return !n && !pbmt && !(pte & 0xd0);       /* a pointer: N, PBMT, D, A, U are reserved */
    if (n && (i > 0 || (pte >> 10 & 15) != 8)) return false; /* norm:Svnapot_reserved_encoding_fault */
    return true;
}

/* Steps 6 and 8. */
static inline bool guest_pte_permits(const struct guest_walk *w, const struct guest_stage *s, uint64_t pte)
{
    bool user = pte & 16, r = pte & 2, x = pte & 8, mxr;
    if (s->second) { /* norm:H_vm_gpapriv: as though in U-mode */
        if (!user) return false;
        mxr = w->c.g_mxr && s->explicit_access; /* norm:sstatus_mxr_vm */
    } else {
        if (w->c.priv == PRIV_U && !user) return false;
        if (w->c.priv == PRIV_S && user && (s->access == MMU_FETCH || !w->c.sum)) return false;
        mxr = w->c.mxr || w->c.g_mxr; /* norm:vsstatus_mxr_vm */
    }
    if (s->access == MMU_FETCH) return x;
    if (s->access == MMU_WRITE) return pte & 4;
    if (w->c.hlvx && s->explicit_access) return x; /* norm:hlsv_u_op */
    return r || (mxr && x);
}

/* One stage for one address. False: w says which fault. */
static inline bool guest_stage(struct guest_walk *w, struct guest_stage s, uint64_t addr, gpa_t *to)
{
    const struct guest_stage load = {true, false, MMU_READ}, store = {true, false, MMU_WRITE};
    uint64_t atp = s.second ? w->c.hgatp : w->c.satp;
    unsigned mode = (unsigned)(atp >> 60), levels = mode - 5, width = 12 + 9 * levels;
    *to = addr;
    if (mode == 0) return true; /* norm:hgatp_mode_bare_trans */
    if (s.second) {             /* norm:hgatp_mode_sv39x4 and its neighbours */
        if (addr >> (width + 2)) return guest_refuse(w, &s, addr);
    } else {
        uint64_t high = addr >> (width - 1);
        if (high && high != UINT64_MAX >> (width - 1)) return guest_refuse(w, &s, addr);
    }
    uint64_t a = (atp & ((UINT64_C(1) << 44) - 1)) * 4096; /* step 1 */
    unsigned i = levels - 1;
    for (;;) {
        uint64_t vpn = addr >> (12 + 9 * i) & (s.second && i == levels - 1 ? 2047 : 511), at = a + vpn * 8;
        gpa_t pa = at;
        /* step 2; norm:H_vm_gstagetrans */
        if (!s.second && !guest_stage(w, load, at, &pa)) return false;
        if (!guest_may_touch(w, pa, PMP_R)) return false;
        if (w->read < 64) w->pte[w->read++] = pa;
        uint64_t pte = guest_load(w, pa), ppn = pte >> 10 & ((UINT64_C(1) << 44) - 1);
        if (!guest_pte_is_good(w, &s, pte, i)) return guest_refuse(w, &s, addr); /* step 3 */
        if (!(pte & 10)) {                                                       /* step 4 */
            if (i == 0) return guest_refuse(w, &s, addr);
            i--;
            a = ppn * 4096;
            continue;
        }
        uint64_t low = (UINT64_C(1) << (12 + 9 * i)) - 1;                         /* offset within the leaf */
        if (ppn * 4096 & low & ~UINT64_C(4095)) return guest_refuse(w, &s, addr); /* step 5 */
        if (!guest_pte_permits(w, &s, pte)) return guest_refuse(w, &s, addr);     /* steps 6 and 8 */
        uint64_t want = pte | 0x40 | (s.access == MMU_WRITE ? 0x80 : 0);
        if (want != pte) { /* step 9; norm:menvcfg_adue_op, norm:henvcfg_adue_op */
            if (!(s.second ? w->c.g_adue : w->c.adue)) return guest_refuse(w, &s, addr);
            if (!s.second && !guest_stage(w, store, at, &pa)) return false;
            if (!guest_may_touch(w, pa, PMP_W)) return false;
            if (guest_load(w, pa) != pte) continue;
            memcpy(oracle_byte(w->memory, pa), &want, 8);
            if (w->written < GUEST_WALK_WRITES) {
                w->write[w->written].at = pa;
                w->write[w->written].before = pte;
                w->write[w->written].after = want;
            }
            w->written++;
        }
        unsigned size = 12 + 9 * i; /* step 10 */
        if (pte >> 63) {            /* norm:Svnapot_implicit_read_ppn_subst */
            ppn = (ppn & ~UINT64_C(15)) | (addr >> 12 & 15);
            size = 16;
        }
        *to = (ppn * 4096 & ~low) | (addr & low);
        if (pte >> 63) *to = ppn * 4096 | (addr & 4095);
        /* Sizes count for what is asked for, not for the tables. */
        if (s.explicit_access && size < w->size_log2) w->size_log2 = size;
        return true;
    }
}

/* The whole translation of one address; PMP for the access itself is the caller's to ask. */
static inline void guest_walk(struct guest_walk *w, gva_t va)
{
    gpa_t guest_pa;
    w->fault = MMU_OK;
    w->size_log2 = 64;
    if (!guest_stage(w, (struct guest_stage){false, true, w->access}, va, &guest_pa)) return;
    w->guest_pa = guest_pa;
    guest_stage(w, (struct guest_stage){true, true, w->access}, guest_pa, &w->pa);
}

/* After the translation, with the physical address: norm:H_pmp; HLVX wants both R and X (norm:hlsv_u_op). */
static inline bool guest_pmp_allows(const struct guest_walk *w, unsigned len)
{
    unsigned need = w->access == MMU_WRITE ? PMP_W : w->access == MMU_FETCH ? PMP_X : PMP_R;
    if (w->c.hlvx && w->access == MMU_READ) need |= PMP_X;
    return oracle_pmp_allows(w->pmp, w->pa, len, need, false);
}

#endif
