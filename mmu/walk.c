/* The address-translation algorithm (supervisor.adoc, "Virtual Address Translation Process"), step by step as it stands there. */
#include "mmu/mmu_internal.h"

#include "emu/base/bits.h"
#include <inttypes.h>

#define VPN_BITS   9
#define NAPOT_LOG2 16

/* satp.MODE to levels; 0: Bare, and everything that satp's WARL rule never lets in. */
static unsigned satp_levels(uint64_t satp)
{
    switch (bits_get(satp, 63, 60)) {
    case 8: return 3;
    case 9: return 4;
    case 10: return 5;
    default: return 0;
    }
}

struct mmu_regime mmu_regime(uint64_t satp, enum priv priv, bool sum, bool mxr, bool adue, bool pbmte)
{
    if (priv == PRIV_M) return (struct mmu_regime){.priv = PRIV_M};
    if (satp_levels(satp) == 0) return (struct mmu_regime){.priv = PRIV_S};
    return (struct mmu_regime){
        .satp = satp, .priv = (uint8_t)priv, .sum = sum && priv == PRIV_S, .mxr = mxr, .adue = adue, .pbmte = pbmte};
}

/* Steps 3 and 4 for a valid entry at this level: reserved bits and encodings that call for a page fault. */
static bool pte_is_reserved(const struct mmu *m, const struct mmu_regime *r, uint64_t pte, unsigned level)
{
    if (!(pte & PTE_R) && (pte & PTE_W)) return true;
    if (pte & PTE_RESERVED) return true; /* norm:Sv39_pte_future_rsv */
    bool leaf = pte & (PTE_R | PTE_X);
    if (!leaf) return pte & (PTE_D | PTE_A | PTE_U | PTE_N | PTE_PBMT); /* norm:Svpbmt_nonleaf_pte_pbmt_must_be_zero */
    if ((pte & PTE_PBMT) && (!r->pbmte || (pte & PTE_PBMT) == PTE_PBMT))
        return true; /* norm:Svpbmt_leaf_pte_pbmt_reserved_3_fault */
    if (pte & PTE_N) /* norm:Svnapot_reserved_encoding_fault: only 64 KiB, only at the last level */
        return !m->svnapot || level != 0 || bits_get(pte, 13, 10) != 8;
    return bits_get(pte, 53, 10) & ((UINT64_C(1) << (VPN_BITS * level)) - 1); /* norm:Sv39_superpage_align_fault */
}

/* Steps 6 and 8. */
static bool pte_allows(const struct mmu_regime *r, uint64_t pte, enum mmu_access access)
{
    if (r->priv == PRIV_U && !(pte & PTE_U)) return false;
    if (r->priv == PRIV_S && (pte & PTE_U) && (access == MMU_FETCH || !r->sum)) return false;
    switch (access) {
    case MMU_READ: return (pte & PTE_R) || (r->mxr && (pte & PTE_X));
    case MMU_WRITE: return pte & PTE_W;
    default: return pte & PTE_X;
    }
}

/* Step 9. The machine runs on one host thread, so read, compare and store are atomic as they stand. */
static enum mmu_fault pte_mark_used(struct mmu *m, const struct mmu_regime *r, uint64_t *pte, gpa_t at,
                                    enum mmu_access access)
{
    uint64_t want = *pte | PTE_A | (access == MMU_WRITE ? PTE_D : 0);
    if (*pte == want) return MMU_OK;
    if (!r->adue) return MMU_PAGE_FAULT; /* norm:svade_access_ad_bit_clear */
    if (!pmp_check(&m->pmp, at, 8, PMP_W, false)) return MMU_ACCESS_FAULT;
    *pte = want;
    return bus_write(m->bus, at, 8, want) ? MMU_OK : MMU_ACCESS_FAULT;
}

/* Step 10. */
static gpa_t leaf_address(uint64_t pte, gva_t va, unsigned page_log2)
{
    gpa_t page = bits_get(pte, 53, 10) << GUEST_PAGE_LOG2;
    uint64_t offset = (UINT64_C(1) << page_log2) - 1;
    return (page & ~offset) | (va & offset);
}

static struct walk walk_tables(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access,
                               enum walk_kind kind)
{
    struct walk w = {.fault = MMU_PAGE_FAULT};
    unsigned levels = satp_levels(r->satp);
    unsigned va_bits = GUEST_PAGE_LOG2 + VPN_BITS * levels;
    if ((gva_t)sign_extend(va, va_bits) != va) return w; /* norm:Sv39_va_signext */

    gpa_t table = bits_get(r->satp, 43, 0) << GUEST_PAGE_LOG2;
    for (unsigned level = levels; level-- > 0;) {
        unsigned shift = GUEST_PAGE_LOG2 + VPN_BITS * level;
        gpa_t at = table + bits_get(va, shift + VPN_BITS - 1, shift) * 8;
        const uint8_t *host = bus_ram(m->bus, at, 8);
        bool readable = kind == WALK_PROBE || pmp_check(&m->pmp, at, 8, PMP_R, false);
        if (!host || !readable) { /* step 2; tables in device windows count as a PMA violation */
            w.fault = MMU_ACCESS_FAULT;
            return w;
        }
        uint64_t pte = load_le64(host);
        if (!(pte & PTE_V) || pte_is_reserved(m, r, pte, level)) return w;
        w.global |= (pte & PTE_G) != 0;
        if (!(pte & (PTE_R | PTE_X))) {
            table = bits_get(pte, 53, 10) << GUEST_PAGE_LOG2;
            continue;
        }
        if (kind == WALK_ACCESS) {
            if (!pte_allows(r, pte, access)) return w;
            w.fault = pte_mark_used(m, r, &pte, at, access);
            if (w.fault != MMU_OK) return w;
        }
        w.fault = MMU_OK;
        w.page_log2 = pte & PTE_N ? NAPOT_LOG2 : (uint8_t)shift;
        w.gpa = leaf_address(pte, va, w.page_log2);
        w.write_proven = (pte & PTE_W) && (pte & PTE_D);
        return w;
    }
    return w; /* step 4: a pointer at the last level */
}

static void walk_log(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access, const struct walk *w)
{
    static const char *const accesses[] = {[MMU_READ] = "read", [MMU_WRITE] = "write", [MMU_FETCH] = "fetch"};
    static const char *const faults[] = {[MMU_PAGE_FAULT] = "page fault", [MMU_ACCESS_FAULT] = "access fault"};
    if (w->fault)
        log_line(m->log, LOG_MMU, "mmu: %s of 0x%" PRIx64 ", satp 0x%" PRIx64 ": %s", accesses[access], va, r->satp,
                 faults[w->fault]);
    else
        log_line(m->log, LOG_MMU, "mmu: %s of 0x%" PRIx64 ", satp 0x%" PRIx64 ": 0x%" PRIx64 ", leaf of 2^%u bytes%s",
                 accesses[access], va, r->satp, w->gpa, w->page_log2, w->global ? ", global" : "");
}

struct walk mmu_walk(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access, enum walk_kind kind)
{
    if (r->satp == 0) return (struct walk){.fault = MMU_OK, .gpa = va, .page_log2 = 64, .write_proven = true};
    struct walk w = walk_tables(m, r, va, access, kind);
    if (kind == WALK_ACCESS && log_on(m->log, LOG_MMU)) walk_log(m, r, va, access, &w);
    return w;
}
