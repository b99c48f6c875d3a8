/* The address-translation algorithm (supervisor.adoc, "Virtual Address Translation Process"), step by step as it stands there, and its
 * two stages for a guest (hypervisor.adoc, "Two-Stage Address Translation"): the same algorithm runs once over the tables of satp or
 * vsatp, and for a guest once more, over those of hgatp, for every guest-physical address that the first one makes. */
#include "mmu/mmu_internal.h"

#include <inttypes.h>

#define VPN_BITS   9
#define NAPOT_LOG2 16
#define GUEST_BITS 2 /* norm:hgatp_mode_x4: a guest-physical address is this much wider */

/* satp.MODE or hgatp.MODE to levels; 0: Bare, and everything that the WARL rules never let in. */
static unsigned atp_levels(uint64_t atp)
{
    switch (atp_mode(atp)) {
    case 8: return 3;
    case 9: return 4;
    case 10: return 5;
    default: return 0;
    }
}

static void regime_add_guest(struct mmu_regime *r, const struct mmu_context *c)
{
    r->virt = 1;
    r->hlvx = c->hlvx;
    if (atp_levels(c->hgatp)) {
        r->hgatp = c->hgatp;
        r->g_mxr = c->g_mxr && !c->hlvx;
        r->g_adue = c->g_adue;
        r->g_pbmte = c->g_pbmte;
    } else if (r->satp) {
        r->hgatp = hgatp_vmid(c->hgatp) << 44; /* fences of the VS-stage go by it */
    }
}

struct mmu_regime mmu_regime(const struct mmu_context *c)
{
    if (c->priv == PRIV_M) return (struct mmu_regime){.priv = PRIV_M};
    struct mmu_regime r = {.priv = PRIV_S};
    if (atp_levels(c->satp)) {
        r.satp = c->satp;
        r.priv = (uint8_t)c->priv;
        r.sum = c->sum && c->priv == PRIV_S;
        r.mxr = (c->mxr || (c->virt && c->g_mxr)) && !(c->virt && c->hlvx); /* norm:sstatus_mxr_vm */
        r.adue = c->adue;
        r.pbmte = c->pbmte;
    }
    if (c->virt) regime_add_guest(&r, c);
    return r;
}

/* One stage: where its tables begin, and the rules by which their entries are read. */
struct stage {
    uint64_t atp;
    uint8_t levels;
    bool guest_physical; /* it translates guest-physical addresses: the G-stage */
    uint8_t priv, sum, mxr, hlvx, adue, pbmte;
};

static struct stage first_stage(const struct mmu_regime *r)
{
    return (struct stage){.atp = r->satp,
                          .levels = (uint8_t)atp_levels(r->satp),
                          .priv = r->priv,
                          .sum = r->sum,
                          .mxr = r->mxr,
                          .hlvx = r->hlvx,
                          .adue = r->adue,
                          .pbmte = r->pbmte};
}

/* Always as U (norm:H_vm_gpapriv). MXR and HLVX are about explicit loads. */
static struct stage g_stage(const struct mmu_regime *r, bool implicit)
{
    return (struct stage){.atp = r->hgatp,
                          .levels = (uint8_t)atp_levels(r->hgatp),
                          .guest_physical = true,
                          .priv = PRIV_U,
                          .mxr = r->g_mxr && !implicit,
                          .hlvx = r->hlvx && !implicit,
                          .adue = r->g_adue,
                          .pbmte = r->g_pbmte};
}

static unsigned stage_address_bits(const struct stage *s)
{
    return GUEST_PAGE_LOG2 + VPN_BITS * s->levels + (s->guest_physical ? GUEST_BITS : 0);
}

/* norm:Sv39_va_signext, norm:hgatp_mode_sv39x4 and their like */
static bool stage_takes(const struct stage *s, uint64_t addr)
{
    unsigned bits = stage_address_bits(s);
    return s->guest_physical ? addr >> bits == 0 : (uint64_t)sign_extend(addr, bits) == addr;
}

/* Steps 3 and 4 for a valid entry at this level: reserved bits and encodings that call for a page fault. */
static bool pte_is_reserved(const struct mmu *m, const struct stage *s, uint64_t pte, unsigned level)
{
    if (!(pte & PTE_R) && (pte & PTE_W)) return true;
    if (pte & PTE_RESERVED) return true; /* norm:Sv39_pte_future_rsv */
    bool leaf = pte & (PTE_R | PTE_X);
    if (!leaf) return pte & (PTE_D | PTE_A | PTE_U | PTE_N | PTE_PBMT); /* norm:Svpbmt_nonleaf_pte_pbmt_must_be_zero */
    if ((pte & PTE_PBMT) && (!s->pbmte || (pte & PTE_PBMT) == PTE_PBMT))
        return true; /* norm:Svpbmt_leaf_pte_pbmt_reserved_3_fault */
    if (pte & PTE_N) /* norm:Svnapot_reserved_encoding_fault: only 64 KiB, only at the last level */
        return !m->svnapot || level != 0 || bits_get(pte, 13, 10) != 8;
    return bits_get(pte, 53, 10) & ((UINT64_C(1) << (VPN_BITS * level)) - 1); /* norm:Sv39_superpage_align_fault */
}

/* Steps 6 and 8. */
static bool pte_allows(const struct stage *s, uint64_t pte, enum mmu_access access)
{
    if (s->priv == PRIV_U && !(pte & PTE_U)) return false;
    if (s->priv == PRIV_S && (pte & PTE_U) && (access == MMU_FETCH || !s->sum)) return false;
    switch (access) {
    case MMU_READ:
        if (s->hlvx) return pte & PTE_X; /* norm:hlsv_u_op */
        return (pte & PTE_R) || (s->mxr && (pte & PTE_X));
    case MMU_WRITE: return pte & PTE_W;
    default: return pte & PTE_X;
    }
}

/* A walk under way: over the tables of one stage. */
struct walker {
    struct mmu *m;
    const struct mmu_regime *r;
    enum walk_kind kind;
    bool nested; /* PTEs of this stage stand at guest-physical addresses */
    struct stage stage;
};

static struct walk walk_tables(const struct walker *k, uint64_t addr, enum mmu_access access);

/* The G-stage's translation. */
static struct walk walk_guest(struct mmu *m, const struct mmu_regime *r, gpa_t guest_pa, enum mmu_access access,
                              bool implicit, enum walk_kind kind)
{
    struct walker k = {.m = m, .r = r, .kind = kind, .stage = g_stage(r, implicit)};
    struct walk w = walk_tables(&k, guest_pa, access);
    if (w.fault == MMU_PAGE_FAULT) w.fault = MMU_GUEST_PAGE_FAULT;
    return w;
}

/* Where the PTE at `at` stands in memory. Of a VS-stage's table, reading is a load for the G-stage, setting A or D is a store,
 * whatever the access that it is done for (norm:H_vm_gpapriv). */
static enum mmu_fault pte_locate(const struct walker *k, gpa_t at, enum mmu_access access, gpa_t *gpa, struct walk *w)
{
    *gpa = at;
    if (!k->nested) return MMU_OK;
    struct walk g = walk_guest(k->m, k->r, at, access, true, k->kind);
    if (g.fault == MMU_GUEST_PAGE_FAULT) {
        w->guest_pa = at;
        w->implicit = true;
        w->implicit_write = access == MMU_WRITE;
    }
    *gpa = g.gpa;
    return g.fault;
}

/* Step 2; tables in device windows count as a PMA violation. */
static enum mmu_fault pte_read(const struct walker *k, gpa_t at, uint64_t *pte, struct walk *w)
{
    gpa_t gpa;
    enum mmu_fault fault = pte_locate(k, at, MMU_READ, &gpa, w);
    if (fault) return fault;
    const uint8_t *host = bus_ram(k->m->bus, gpa, 8);
    if (!host) return MMU_ACCESS_FAULT;
    if (k->kind == WALK_ACCESS && !pmp_check(&k->m->pmp, gpa, 8, PMP_R, false)) return MMU_ACCESS_FAULT;
    *pte = load_le64(host);
    return MMU_OK;
}

/* Step 9. The machine runs on one host thread, so comparing and storing are atomic as they stand; but finding the place may itself have
 * set bits in a G-stage's PTE, and that may be this very word. *pte is what stands there at the end; *changed: it is not as it was read. */
static enum mmu_fault pte_mark_used(const struct walker *k, gpa_t at, enum mmu_access access, uint64_t *pte,
                                    bool *changed, struct walk *w)
{
    uint64_t want = *pte | PTE_A | (access == MMU_WRITE ? PTE_D : 0), now;
    if (*pte == want) return MMU_OK;
    if (!k->stage.adue) return MMU_PAGE_FAULT; /* norm:svade_access_ad_bit_clear */
    gpa_t gpa;
    enum mmu_fault fault = pte_locate(k, at, MMU_WRITE, &gpa, w);
    if (fault) return fault;
    if (!pmp_check(&k->m->pmp, gpa, 8, PMP_W, false)) return MMU_ACCESS_FAULT;
    if (!bus_read(k->m->bus, gpa, 8, &now)) return MMU_ACCESS_FAULT;
    *changed = now != *pte;
    *pte = want;
    return *changed || bus_write(k->m->bus, gpa, 8, want) ? MMU_OK : MMU_ACCESS_FAULT;
}

/* Step 10. */
static gpa_t leaf_address(uint64_t pte, uint64_t addr, unsigned page_log2)
{
    gpa_t page = bits_get(pte, 53, 10) << GUEST_PAGE_LOG2;
    uint64_t offset = (UINT64_C(1) << page_log2) - 1;
    return (page & ~offset) | (addr & offset);
}

static void walk_reach_leaf(struct walk *w, uint64_t pte, uint64_t addr, unsigned shift)
{
    w->fault = MMU_OK;
    w->page_log2 = w->leaf_log2 = pte & PTE_N ? NAPOT_LOG2 : (uint8_t)shift;
    w->gpa = leaf_address(pte, addr, w->page_log2);
    w->write_proven = (pte & PTE_W) && (pte & PTE_D);
}

static struct walk walk_tables(const struct walker *k, uint64_t addr, enum mmu_access access)
{
    const struct stage *s = &k->stage;
    struct walk w = {.fault = MMU_PAGE_FAULT};
    if (!stage_takes(s, addr)) return w;

    gpa_t table = bits_get(s->atp, 43, 0) << GUEST_PAGE_LOG2;
    unsigned top = stage_address_bits(s) - 1; /* the root is indexed by all bits that are left */
    for (unsigned level = s->levels; level-- > 0;) {
        unsigned shift = GUEST_PAGE_LOG2 + VPN_BITS * level;
        gpa_t at = table + bits_get(addr, top, shift) * 8;
        uint64_t pte;
        enum mmu_fault fault = pte_read(k, at, &pte, &w);
        if (fault) {
            w.fault = fault;
            return w;
        }
        if (!(pte & PTE_V) || pte_is_reserved(k->m, s, pte, level)) return w;
        w.global |= (pte & PTE_G) != 0;
        if (!(pte & (PTE_R | PTE_X))) {
            table = bits_get(pte, 53, 10) << GUEST_PAGE_LOG2;
            top = shift - 1;
            continue;
        }
        if (k->kind == WALK_ACCESS) {
            if (!pte_allows(s, pte, access)) return w;
            bool changed = false;
            fault = pte_mark_used(k, at, access, &pte, &changed, &w);
            if (fault) {
                w.fault = fault;
                return w;
            }
            if (changed) { /* back to step 2 at this level */
                level++;
                continue;
            }
        }
        walk_reach_leaf(&w, pte, addr, shift);
        return w;
    }
    return w; /* step 4: a pointer at the last level */
}

static const char *const access_names[] = {[MMU_READ] = "read", [MMU_WRITE] = "write", [MMU_FETCH] = "fetch"};

static void walk_log(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access, const struct walk *w)
{
    static const char *const faults[] = {[MMU_PAGE_FAULT] = "page fault", [MMU_ACCESS_FAULT] = "access fault"};
    if (w->fault)
        log_line(m->log, LOG_MMU, "mmu: %s of 0x%" PRIx64 ", satp 0x%" PRIx64 ": %s", access_names[access], va, r->satp,
                 faults[w->fault]);
    else
        log_line(m->log, LOG_MMU, "mmu: %s of 0x%" PRIx64 ", satp 0x%" PRIx64 ": 0x%" PRIx64 ", leaf of 2^%u bytes%s",
                 access_names[access], va, r->satp, w->gpa, w->page_log2, w->global ? ", global" : "");
}

static void walk_log_guest(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access,
                           const struct walk *w)
{
    char head[160];
    snprintf(head, sizeof head, "mmu: guest %s of 0x%" PRIx64 ", vsatp 0x%" PRIx64 ", hgatp 0x%" PRIx64,
             r->hlvx ? "execute-read" : access_names[access], va, r->satp, r->hgatp);
    const char *doing = w->implicit_write ? ", to set A or D of the VS-stage" : ", to read a PTE of the VS-stage";
    switch (w->fault) {
    case MMU_PAGE_FAULT: log_line(m->log, LOG_MMU, "%s: page fault in the VS-stage", head); break;
    case MMU_ACCESS_FAULT: log_line(m->log, LOG_MMU, "%s: access fault", head); break;
    case MMU_GUEST_PAGE_FAULT:
        log_line(m->log, LOG_MMU, "%s: guest-page fault in the G-stage at guest-physical 0x%" PRIx64 "%s", head,
                 w->guest_pa, w->implicit ? doing : "");
        break;
    default:
        log_line(m->log, LOG_MMU,
                 "%s: guest-physical 0x%" PRIx64 ", leaf of 2^%u bytes%s; physical 0x%" PRIx64 ", leaf of 2^%u bytes",
                 head, w->guest_pa, w->leaf_log2, w->global ? ", global" : "", w->gpa, w->guest_log2);
    }
}

/* The second stage, for what the first one found. */
static void walk_on(struct mmu *m, const struct mmu_regime *r, enum mmu_access access, enum walk_kind kind,
                    struct walk *w)
{
    w->guest_pa = w->gpa;
    w->guest_log2 = 64;
    if (!atp_mode(r->hgatp)) return; /* norm:hgatp_mode_bare_trans */
    struct walk g = walk_guest(m, r, w->guest_pa, access, false, kind);
    w->fault = g.fault;
    w->gpa = g.gpa;
    w->guest_log2 = g.page_log2;
    if (w->guest_log2 < w->page_log2) w->page_log2 = w->guest_log2;
    w->write_proven = w->write_proven && g.write_proven;
}

struct walk mmu_walk(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access, enum walk_kind kind)
{
    struct walk w = {.fault = MMU_OK, .gpa = va, .page_log2 = 64, .leaf_log2 = 64, .write_proven = true};
    if (r->satp) {
        struct walker k = {.m = m, .r = r, .kind = kind, .nested = atp_mode(r->hgatp) != 0, .stage = first_stage(r)};
        w = walk_tables(&k, va, access);
    }
    if (r->virt && w.fault == MMU_OK) walk_on(m, r, access, kind, &w);
    bool logged = kind == WALK_ACCESS && (r->satp || r->virt);
    if (logged && log_on(m->log, LOG_MMU)) (r->virt ? walk_log_guest : walk_log)(m, r, va, access, &w);
    return w;
}
