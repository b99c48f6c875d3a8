#include "mmu/mmu_internal.h"

#include "emu/base/bits.h"
#include <assert.h>

__attribute__((unused)) static bool fits_in_page(gva_t va, unsigned len)
{
    return len >= 1 && (va & ~GUEST_PAGE_MASK) + len <= GUEST_PAGE_BYTES;
}

static unsigned pmp_need(const struct mmu_regime *r, enum mmu_access access)
{
    static const uint8_t need[] = {[MMU_READ] = PMP_R, [MMU_WRITE] = PMP_W, [MMU_FETCH] = PMP_X};
    return r->hlvx && access == MMU_READ ? PMP_R | PMP_X : need[access]; /* norm:hlsv_u_op */
}

/* PMP for the final access. *rights: what holds for the whole page, 0 if that varies. */
static bool pmp_allows(const struct mmu *m, const struct mmu_regime *r, gpa_t gpa, unsigned len, enum mmu_access access,
                       unsigned *rights)
{
    bool machine = r->priv == PRIV_M;
    unsigned need = pmp_need(r, access);
    if (pmp_page_rights(&m->pmp, gpa & GUEST_PAGE_MASK, machine, rights)) return (*rights & need) == need;
    *rights = 0;
    return pmp_check(&m->pmp, gpa, len, need, machine);
}

/* Walk, PMP, memory: everything about an access but the banks. Device windows and holes are not executable (physical memory
 * attributes). *rights: PMP's for the whole page, 0 if they vary: then no entry may stand for it. */
static struct mmu_result translate(struct mmu *m, const struct mmu_regime *r, gva_t va, unsigned len,
                                   enum mmu_access access, struct walk *w, unsigned *rights)
{
    *w = mmu_walk(m, r, va, access, WALK_ACCESS);
    struct mmu_result result = {.fault = w->fault, .gpa = w->gpa, .page_log2 = w->page_log2};
    *rights = 0;
    if (w->fault == MMU_GUEST_PAGE_FAULT) {
        result.guest_pa = w->guest_pa;
        result.implicit = w->implicit;
        result.implicit_write = w->implicit_write;
    }
    if (w->fault) return result;
    if (pmp_allows(m, r, w->gpa, len, access, rights))
        result.host = bus_ram(m->bus, w->gpa, len);
    else
        result.fault = MMU_ACCESS_FAULT;
    bool executes = access == MMU_FETCH || r->hlvx;
    if (executes && !result.host) result.fault = MMU_ACCESS_FAULT;
    return result;
}

static gpa_t host_to_gpa(const struct bus *bus, const uint8_t *host)
{
    for (unsigned i = 0; i < bus->ram_count; i++) {
        const struct ram_region *r = &bus->ram[i];
        if ((uintptr_t)host - (uintptr_t)r->host < r->size)
            return r->base + (gpa_t)((uintptr_t)host - (uintptr_t)r->host);
    }
    assert(!"an entry points outside RAM");
    return 0;
}

/* A store found the code mark on its entry. If the page has no code left, the fast path may have it back. */
static void entry_unprotect(struct mmu *m, struct tlb_entry *e, gpa_t gpa)
{
    if ((e->tag & TLB_TAG_CODE) && !(e->tag & TLB_TAG_SLOW) && !bus_has_code(m->bus, gpa)) e->tag &= ~TLB_TAG_CODE;
}

static uint8_t entry_page_log2(const struct bank_info *info, uint8_t leaf, uint64_t guest)
{
    uint8_t first = leaf & TLB_LEAF_LOG2, second = guest & TLB_LEAF_LOG2;
    return info->regime.virt && second < first ? second : first;
}

/* Entries also serve what the fast path cannot take: device windows, misaligned accesses, pages with code. */
static bool data_bank_hit(struct mmu *m, struct data_bank *b, gva_t va, enum mmu_access access,
                          struct mmu_result *result)
{
    unsigned i = tlb_index(va);
    struct tlb_entry *e = access == MMU_WRITE ? &b->write[i] : &b->read[i];
    if ((e->tag & ~(TLB_TAG_SLOW | TLB_TAG_CODE)) != (va & GUEST_PAGE_MASK)) return false;
    bool ram = !(e->tag & TLB_TAG_SLOW);
    result->fault = MMU_OK;
    result->host = ram ? (uint8_t *)(uintptr_t)(va + e->addend) : NULL;
    result->gpa = ram ? host_to_gpa(m->bus, result->host) : va + e->addend;
    result->page_log2 = entry_page_log2(&b->info, (access == MMU_WRITE ? b->write_leaf : b->read_leaf)[i],
                                        (access == MMU_WRITE ? b->write_guest : b->read_guest)[i]);
    if (access == MMU_WRITE) entry_unprotect(m, e, result->gpa);
    result->cached = (e->tag & (TLB_TAG_SLOW | TLB_TAG_CODE)) == 0;
    return true;
}

struct mmu_result mmu_access_data(struct mmu *m, struct data_bank *b, gva_t va, unsigned len, enum mmu_access access)
{
    assert(fits_in_page(va, len) && access != MMU_FETCH);
    struct mmu_result result = {.fault = MMU_OK};
    if (data_bank_hit(m, b, va, access, &result)) return result;

    struct walk w;
    unsigned rights;
    result = translate(m, &b->info.regime, va, len, access, &w, &rights);
    if (result.fault || !rights) return result;
    if (result.host) bus_note_use(m->bus, w.gpa);
    uint64_t addend = result.host ? (uint64_t)(uintptr_t)result.host - va : w.gpa - va;
    uint64_t flags = result.host ? 0 : TLB_TAG_SLOW;
    uint64_t code = result.host && bus_has_code(m->bus, w.gpa) ? TLB_TAG_CODE : 0;
    /* What may be written may be read; and a read that saw W and D set has proved as much for a store. */
    if (access == MMU_READ || (rights & PMP_R)) data_bank_fill(b, false, va, &w, addend, flags);
    if (access == MMU_WRITE || (w.write_proven && (rights & PMP_W)))
        data_bank_fill(b, true, va, &w, addend, flags | code);
    result.cached = !flags && (access == MMU_READ || !code);
    return result;
}

struct mmu_result mmu_access_fetch(struct mmu *m, struct code_bank *b, gva_t va, unsigned len)
{
    assert(fits_in_page(va, len));
    const struct fetch_entry *e = &b->fetch[fetch_index(va)];
    uint64_t offset = va & ~GUEST_PAGE_MASK;
    if (e->page == (va & GUEST_PAGE_MASK))
        return (struct mmu_result){.gpa = e->gpa + offset,
                                   .host = e->host + offset,
                                   .page_log2 = entry_page_log2(&b->info, e->leaf, e->guest),
                                   .cached = true};

    struct walk w;
    unsigned rights;
    struct mmu_result result = translate(m, &b->info.regime, va, len, MMU_FETCH, &w, &rights);
    if (result.fault || !rights) return result;
    code_bank_fill(m, b, va, &w, result.host - offset);
    result.cached = true;
    return result;
}

struct mmu_result mmu_access_once(struct mmu *m, const struct mmu_regime *r, gva_t va, unsigned len,
                                  enum mmu_access access)
{
    assert(fits_in_page(va, len) && access != MMU_FETCH);
    struct walk w;
    unsigned rights;
    return translate(m, r, va, len, access, &w, &rights);
}

struct mmu_result mmu_probe(struct mmu *m, const struct mmu_regime *r, gva_t va)
{
    struct walk w = mmu_walk(m, r, va, MMU_READ, WALK_PROBE);
    struct mmu_result result = {.fault = w.fault, .gpa = w.gpa, .page_log2 = w.page_log2};
    if (w.fault == MMU_OK) result.host = bus_ram(m->bus, w.gpa, 1);
    return result;
}
