#include "mmu/mmu_internal.h"

#include "emu/base/bits.h"
#include <assert.h>

static bool fits_in_page(gva_t va, unsigned len)
{
    return len >= 1 && (va & ~GUEST_PAGE_MASK) + len <= GUEST_PAGE_BYTES;
}

static unsigned pmp_need(enum mmu_access access)
{
    static const uint8_t need[] = {[MMU_READ] = PMP_R, [MMU_WRITE] = PMP_W, [MMU_FETCH] = PMP_X};
    return need[access];
}

/* PMP for the final access. *rights: what holds for the whole page, 0 if that varies. */
static bool pmp_allows(const struct mmu *m, const struct mmu_regime *r, gpa_t gpa, unsigned len, enum mmu_access access,
                       unsigned *rights)
{
    bool machine = r->priv == PRIV_M;
    if (pmp_page_rights(&m->pmp, gpa & GUEST_PAGE_MASK, machine, rights)) return *rights & pmp_need(access);
    *rights = 0;
    return pmp_check(&m->pmp, gpa, len, pmp_need(access), machine);
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
    result->page_log2 = (access == MMU_WRITE ? b->write_leaf[i] : b->read_leaf[i]) & TLB_LEAF_LOG2;
    if (access == MMU_WRITE) entry_unprotect(m, e, result->gpa);
    result->cached = (e->tag & (TLB_TAG_SLOW | TLB_TAG_CODE)) == 0;
    return true;
}

struct mmu_result mmu_access_data(struct mmu *m, struct data_bank *b, gva_t va, unsigned len, enum mmu_access access)
{
    assert(fits_in_page(va, len) && access != MMU_FETCH);
    struct mmu_result result = {.fault = MMU_OK};
    if (data_bank_hit(m, b, va, access, &result)) return result;

    const struct mmu_regime *r = &b->info.regime;
    struct walk w = mmu_walk(m, r, va, access, WALK_ACCESS);
    result = (struct mmu_result){.fault = w.fault, .gpa = w.gpa, .page_log2 = w.page_log2};
    if (w.fault) return result;
    unsigned rights;
    if (!pmp_allows(m, r, w.gpa, len, access, &rights)) {
        result.fault = MMU_ACCESS_FAULT;
        return result;
    }
    result.host = bus_ram(m->bus, w.gpa, len);
    if (!rights) return result;

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
    const struct fetch_entry *e = &b->fetch[(va >> GUEST_PAGE_LOG2) & (FETCH_SETS - 1)];
    uint64_t offset = va & ~GUEST_PAGE_MASK;
    if (e->page == (va & GUEST_PAGE_MASK))
        return (struct mmu_result){
            .gpa = e->gpa + offset, .host = e->host + offset, .page_log2 = e->leaf & TLB_LEAF_LOG2, .cached = true};

    const struct mmu_regime *r = &b->info.regime;
    struct walk w = mmu_walk(m, r, va, MMU_FETCH, WALK_ACCESS);
    struct mmu_result result = {.fault = w.fault, .gpa = w.gpa, .page_log2 = w.page_log2};
    if (w.fault) return result;
    unsigned rights;
    /* Device windows and holes are not executable (physical memory attributes). */
    result.host = pmp_allows(m, r, w.gpa, len, MMU_FETCH, &rights) ? bus_ram(m->bus, w.gpa, len) : NULL;
    if (!result.host) {
        result.fault = MMU_ACCESS_FAULT;
        return result;
    }
    if (!rights) return result;
    code_bank_fill(b, va, &w, result.host - offset);
    result.cached = true;
    return result;
}

struct mmu_result mmu_probe(struct mmu *m, const struct mmu_regime *r, gva_t va)
{
    struct walk w = mmu_walk(m, r, va, MMU_READ, WALK_PROBE);
    struct mmu_result result = {.fault = w.fault, .gpa = w.gpa, .page_log2 = w.page_log2};
    if (w.fault == MMU_OK) result.host = bus_ram(m->bus, w.gpa, 1);
    return result;
}
