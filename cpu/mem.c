/* Loads and stores that the inline TLB does not serve: misses, misaligned and page-crossing accesses, device windows, pages with code. */
#include "cpu/engine_internal.h"

#include "emu/base/bits.h"
#include <assert.h>

/* One access in at most two pieces, one per page. */
struct access {
    unsigned parts;
    struct piece {
        struct mmu_result to;
        gva_t va;
        unsigned size;
    } part[2];
};

static struct trap access_trap(enum mmu_fault fault, bool store, gva_t va)
{
    static const uint8_t causes[2][2] = {{CAUSE_LOAD_PAGE, CAUSE_LOAD_ACCESS}, {CAUSE_STORE_PAGE, CAUSE_STORE_ACCESS}};
    return (struct trap){.cause = causes[store][fault == MMU_ACCESS_FAULT], .tval = va};
}

static bool fail(struct hart *h, const struct dinsn *d, struct trap t)
{
    insn_trap(h, d, &t);
    return false;
}

/* Translates and checks every byte before any is touched. tval of a fault is the first address in the piece that faults. */
static bool access_prepare(struct hart *h, struct access *a, gva_t va, unsigned size, bool store, struct trap *t)
{
    unsigned room = (unsigned)(GUEST_PAGE_BYTES - (va & ~GUEST_PAGE_MASK));
    a->parts = size > room ? 2 : 1;
    a->part[0] = (struct piece){.va = va, .size = size > room ? room : size};
    if (a->parts == 2) a->part[1] = (struct piece){.va = va + room, .size = size - room};
    for (unsigned i = 0; i < a->parts; i++) {
        struct piece *p = &a->part[i];
        p->to = mmu_access_data(&h->mmu, h->data, p->va, p->size, store ? MMU_WRITE : MMU_READ);
        enum mmu_fault fault = p->to.fault;
        /* A device window takes whole accesses only. */
        if (fault == MMU_OK && !p->to.host && a->parts == 2) fault = MMU_ACCESS_FAULT;
        if (fault == MMU_OK) continue;
        *t = access_trap(fault, store, p->va);
        return false;
    }
    return true;
}

/* While a device is called the instruction has not retired, nor what follows it in its block. */
static void count_exactly(struct hart *h, const struct dinsn *d)
{
    h->unretired = (uint32_t)(block_of(d)->length - d->index);
}

bool mem_load(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t *value)
{
    struct access a;
    struct trap t;
    if (!access_prepare(h, &a, va, size, false, &t)) return fail(h, d, t);
    uint64_t v = 0;
    if (a.part[0].to.host) {
        for (unsigned i = 0, done = 0; i < a.parts; done += a.part[i++].size)
            v |= load_le(a.part[i].to.host, a.part[i].size) << 8 * done;
    } else {
        count_exactly(h, d);
        bool there = bus_read(h->mmu.bus, a.part[0].to.gpa, size, &v);
        h->unretired = 0;
        if (!there) return fail(h, d, access_trap(MMU_ACCESS_FAULT, false, va));
    }
    if (h->observer) observe_memory(h, va, a.part[0].to.gpa, size, false, v);
    *value = v;
    return true;
}

bool mem_store(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t value)
{
    struct access a;
    struct trap t;
    if (!access_prepare(h, &a, va, size, true, &t)) return fail(h, d, t);
    if (size < 8) value &= (UINT64_C(1) << 8 * size) - 1;
    if (a.part[0].to.host) {
        for (unsigned i = 0, done = 0; i < a.parts; done += a.part[i++].size) {
            bus_touch_code(h->mmu.bus, a.part[i].to.gpa, a.part[i].size);
            store_le(a.part[i].to.host, a.part[i].size, value >> 8 * done);
        }
    } else {
        count_exactly(h, d);
        bool there = bus_write(h->mmu.bus, a.part[0].to.gpa, size, value);
        h->unretired = 0;
        if (!there) return fail(h, d, access_trap(MMU_ACCESS_FAULT, true, va));
    }
    if (h->observer) observe_memory(h, va, a.part[0].to.gpa, size, true, value);
    return true;
}

/* Atomics work on aligned main memory alone. norm:amo_alignment, norm:lr_sc_alignment */
static bool atomic_prepare(struct hart *h, gva_t va, unsigned size, bool store, struct mmu_result *r, struct trap *t)
{
    if (va & (size - 1)) {
        *t = (struct trap){.cause = store ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED, .tval = va};
        return false;
    }
    *r = mmu_access_data(&h->mmu, h->data, va, size, store ? MMU_WRITE : MMU_READ);
    if (r->fault == MMU_OK && !r->host) r->fault = MMU_ACCESS_FAULT;
    if (r->fault != MMU_OK) *t = access_trap(r->fault, store, va);
    return r->fault == MMU_OK;
}

bool mem_modify(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint8_t **host)
{
    struct mmu_result r;
    struct trap t;
    if (!atomic_prepare(h, va, size, true, &r, &t)) return fail(h, d, t);
    bus_touch_code(h->mmu.bus, r.gpa, size);
    *host = r.host;
    return true;
}

/* The reservation set is the aligned doubleword. norm:lr_reservation_set_size */
static uint64_t reservation_of(gpa_t gpa) { return (gpa & ~UINT64_C(7)) + 1; }

bool mem_reserve(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t *value)
{
    struct mmu_result r;
    struct trap t;
    if (!atomic_prepare(h, va, size, false, &r, &t)) return fail(h, d, t);
    h->reservation = reservation_of(r.gpa);
    *value = load_le(r.host, size);
    if (h->observer) observe_memory(h, va, r.gpa, size, false, *value);
    return true;
}

/* A store-conditional that fails still needs the right to store. norm:sc_failed_as_store, norm:sc_reservation_invalidate */
bool mem_conditional(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t value, bool *stored)
{
    struct mmu_result r;
    struct trap t;
    if (!atomic_prepare(h, va, size, true, &r, &t)) return fail(h, d, t);
    *stored = h->reservation == reservation_of(r.gpa);
    h->reservation = 0;
    if (!*stored) return true;
    if (size < 8) value &= (UINT64_C(1) << 8 * size) - 1;
    bus_touch_code(h->mmu.bus, r.gpa, size);
    store_le(r.host, size, value);
    if (h->observer) observe_memory(h, va, r.gpa, size, true, value);
    return true;
}

/* ---- cache blocks ---- */

#define CACHE_BLOCK_BYTES UINT64_C(64)

/* norm:cbm_access: management is allowed where a load, a store or a fetch would be; norm:cbm_unperm_fault: faults are a store's. */
static bool management_allowed(struct hart *h, gva_t block, struct mmu_result *r)
{
    *r = mmu_access_data(&h->mmu, h->data, block, CACHE_BLOCK_BYTES, MMU_READ);
    if (r->fault == MMU_OK) return true;
    struct mmu_result fetch = {.fault = MMU_PAGE_FAULT};
    if (!(h->csr.mstatus & MSTATUS_MPRV)) fetch = mmu_access_fetch(&h->mmu, h->code, block, CACHE_BLOCK_BYTES);
    return fetch.fault == MMU_OK;
}

bool mem_cache_block(struct hart *h, gva_t va, bool zero, struct trap *t)
{
    gva_t block = va & ~(CACHE_BLOCK_BYTES - 1);
    struct mmu_result r;
    bool allowed;
    if (zero) {
        r = mmu_access_data(&h->mmu, h->data, block, CACHE_BLOCK_BYTES, MMU_WRITE);
        if (r.fault == MMU_OK && !r.host) r.fault = MMU_ACCESS_FAULT;
        allowed = r.fault == MMU_OK;
    } else {
        allowed = management_allowed(h, block, &r);
    }
    if (!allowed) {
        *t = access_trap(r.fault, true, va);
        return false;
    }
    if (!zero) return true;
    bus_touch_code(h->mmu.bus, r.gpa, CACHE_BLOCK_BYTES);
    memset(r.host, 0, CACHE_BLOCK_BYTES);
    return true;
}
