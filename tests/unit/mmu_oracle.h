/* A second, slow reading of the specification: physical memory protection and the page-table walk, step by step as the text has them,
 * on a memory of its own. Nothing here is shared with the folder mmu.
 *
 * Source: supervisor.adoc "Virtual Address Translation Process" (steps numbered as there), svnapot.adoc, svpbmt.adoc, svadu.adoc;
 * machine.adoc "Physical Memory Protection". Two choices that the text leaves open: page tables can only stand in RAM (a PMA of the
 * machine), and bits reserved in a pointer PTE (D, A, U) fault like all other reserved bits (step 3). */
#ifndef ORRERY_TESTS_MMU_ORACLE_H
#define ORRERY_TESTS_MMU_ORACLE_H

#include "mmu/mmu.h"
#include <string.h>

#define ORACLE_REGIONS 3

struct oracle_memory {
    struct {
        gpa_t base;
        uint64_t size;
        uint8_t *bytes;
    } region[ORACLE_REGIONS];
};

/* PMP as its registers hold it. */
struct oracle_pmp {
    unsigned count;
    uint8_t cfg[64];
    uint64_t addr[64];
};

/* What the CSRs say about a translation, as they say it. */
struct oracle_regime {
    uint64_t satp;
    enum priv priv;
    bool sum, mxr, adue, pbmte;
};

struct oracle_pte {
    gpa_t at;
    uint64_t value;
    unsigned shift; /* log2 of the bytes of virtual address space that it decides about */
};

struct oracle_walk {
    enum mmu_fault fault;
    gpa_t page; /* physical address of the 4 KiB page, if MMU_OK */
    struct oracle_pte path[5];
    unsigned depth;
    bool global;  /* any PTE on the path has G */
    bool updated; /* the last PTE of the path is to be rewritten, to `update` */
    uint64_t update;
};

static inline uint8_t *oracle_byte(const struct oracle_memory *m, gpa_t gpa)
{
    for (unsigned i = 0; i < ORACLE_REGIONS; i++)
        if (gpa >= m->region[i].base && gpa - m->region[i].base < m->region[i].size)
            return m->region[i].bytes + (gpa - m->region[i].base);
    return NULL;
}

static inline bool oracle_pmp_matches(const struct oracle_pmp *p, unsigned i, gpa_t byte)
{
    uint64_t y = byte >> 2; /* pmpaddr holds bits 55:2 */
    switch (p->cfg[i] >> 3 & 3) {
    case 0: return false;
    case 1: return (i == 0 || p->addr[i - 1] <= y) && y < p->addr[i];
    case 2: return y == p->addr[i];
    default: break;
    }
    for (unsigned bit = 0; bit < 64; bit++) /* NAPOT: the trailing ones and the zero above them are not compared */
        if (!(p->addr[i] >> bit & 1)) return y >> bit >> 1 == p->addr[i] >> bit >> 1;
    return true;
}

/* norm:pmp_entry_priority, norm:pmp_full_match_required, norm:pmp_rwx_check, norm:pmp_no_entry_match */
static inline bool oracle_pmp_allows(const struct oracle_pmp *p, gpa_t gpa, unsigned len, unsigned need, bool machine)
{
    for (unsigned i = 0; i < p->count; i++) {
        unsigned matched = 0;
        for (unsigned b = 0; b < len; b++) matched += oracle_pmp_matches(p, i, gpa + b);
        if (matched == 0) continue;
        if (matched < len) return false;
        if (machine && !(p->cfg[i] & 0x80)) return true;
        return (p->cfg[i] & need) == need;
    }
    return machine || p->count == 0;
}

static inline bool oracle_pte_is_pointer(uint64_t pte) { return (pte & 0xf) == 1; }

/* Step 3 and the extensions' rules: is anything reserved in this PTE, met at level i? */
static inline bool oracle_pte_reserved(const struct oracle_regime *r, uint64_t pte, unsigned i, bool svnapot)
{
    unsigned n = pte >> 63, pbmt = pte >> 61 & 3;
    if (pte >> 54 & 0x7f) return true; /* norm:Sv39_pte_future_rsv */
    if (pbmt != 0 && (!r->pbmte || pbmt == 3))
        return true;                 /* norm:Sv39_pte_svpbmt_rsv, norm:Svpbmt_leaf_pte_pbmt_reserved_3_fault */
    if (n && !svnapot) return true;  /* norm:Sv39_pte_svnapot_rsv */
    if ((pte & 6) == 4) return true; /* W without R */
    if (oracle_pte_is_pointer(pte)) return n || pbmt != 0 || (pte & 0xd0); /* D, A, U */
    return n && (i != 0 || (pte >> 10 & 0xf) != 8);                        /* norm:Svnapot_reserved_encoding_fault */
}

static inline bool oracle_user_bit_allows(const struct oracle_regime *r, uint64_t pte, enum mmu_access access)
{
    bool user = pte & 0x10;
    if (r->priv == PRIV_U) return user;
    return !user || (r->sum && access != MMU_FETCH);
}

static inline bool oracle_rwx_allows(const struct oracle_regime *r, uint64_t pte, enum mmu_access access)
{
    switch (access) {
    case MMU_READ: return (pte & 2) || (r->mxr && (pte & 8));
    case MMU_WRITE: return pte & 4;
    default: return pte & 8;
    }
}

/* Steps 5 to 10 at a leaf. */
static inline void oracle_leaf(const struct oracle_pmp *p, const struct oracle_regime *r, gva_t va,
                               enum mmu_access access, unsigned i, struct oracle_walk *w)
{
    const struct oracle_pte *leaf = &w->path[w->depth - 1];
    uint64_t pte = leaf->value, ppn = pte >> 10 & ((UINT64_C(1) << 44) - 1), low = (UINT64_C(1) << 9 * i) - 1;
    w->fault = MMU_PAGE_FAULT;
    if (ppn & low) return;
    if (!oracle_user_bit_allows(r, pte, access) || !oracle_rwx_allows(r, pte, access)) return;
    uint64_t want = pte | 0x40 | (access == MMU_WRITE ? 0x80 : 0);
    if (want != pte) {
        if (!r->adue) return; /* norm:svade_access_ad_bit_clear */
        if (!oracle_pmp_allows(p, leaf->at, 8, PMP_W, false)) {
            w->fault = MMU_ACCESS_FAULT;
            return;
        }
        w->updated = true;
        w->update = want;
    }
    if (pte >> 63) low = 0xf; /* norm:Svnapot_implicit_read_ppn_subst */
    w->fault = MMU_OK;
    w->page = ((ppn & ~low) | (va >> 12 & low)) << 12;
}

/* The whole walk for the page of va. Memory is not written: the caller commits `update`. */
static inline struct oracle_walk oracle_walk(const struct oracle_memory *m, const struct oracle_pmp *p,
                                             const struct oracle_regime *r, bool svnapot, gva_t va,
                                             enum mmu_access access)
{
    struct oracle_walk w = {.fault = MMU_OK, .page = va & GUEST_PAGE_MASK};
    unsigned mode = r->satp >> 60, levels = mode - 5, unused = 64 - (12 + 9 * levels);
    if (r->priv == PRIV_M || mode == 0) return w;
    w.fault = MMU_PAGE_FAULT;
    if ((uint64_t)((int64_t)(va << unused) >> unused) != va) return w;
    gpa_t a = (r->satp & ((UINT64_C(1) << 44) - 1)) << 12;
    for (unsigned i = levels; i-- > 0;) {
        struct oracle_pte *e = &w.path[w.depth++];
        e->shift = 12 + 9 * i;
        e->at = a + (va >> e->shift & 511) * 8;
        if (!oracle_byte(m, e->at) || !oracle_pmp_allows(p, e->at, 8, PMP_R, false)) {
            w.fault = MMU_ACCESS_FAULT;
            return w;
        }
        memcpy(&e->value, oracle_byte(m, e->at), 8);
        w.global = w.global || (e->value & 0x21) == 0x21;
        if (!(e->value & 1) || oracle_pte_reserved(r, e->value, i, svnapot)) return w;
        if (!oracle_pte_is_pointer(e->value)) {
            oracle_leaf(p, r, va, access, i, &w);
            return w;
        }
        a = (e->value >> 10 & ((UINT64_C(1) << 44) - 1)) << 12;
    }
    return w;
}

#endif
