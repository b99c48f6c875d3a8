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

/* The trap of an access to va that `to` refused at byte `at`, by the hart itself or as a guest (regime). norm:H_trap_xtinst_val */
static struct trap access_trap(const struct hart *h, const struct dinsn *d, const struct mmu_regime *guest,
                               const struct mmu_result *to, bool store, gva_t va, gva_t at)
{
    static const uint8_t causes[][2] = {[MMU_PAGE_FAULT] = {CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE},
                                        [MMU_ACCESS_FAULT] = {CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS},
                                        [MMU_GUEST_PAGE_FAULT] = {CAUSE_LOAD_GUEST_PAGE, CAUSE_STORE_GUEST_PAGE}};
    const struct mmu_regime *regime = guest ? guest : &h->data->info.regime;
    struct trap t = {.cause = causes[to->fault][store], .tval = at, .gva = regime->virt};
    if (to->fault == MMU_GUEST_PAGE_FAULT) trap_of_guest_page(&t, to);
    if (!t.tinst && isa_has(h->isa_live, EXT_h)) t.tinst = tinst_of(insn_raw(d), h->isa_live, (unsigned)(at - va));
    return t;
}

static struct trap access_fault(const struct hart *h, const struct dinsn *d, const struct mmu_regime *guest, bool store,
                                gva_t va)
{
    return access_trap(h, d, guest, &(struct mmu_result){.fault = MMU_ACCESS_FAULT}, store, va, va);
}

static bool fail(struct hart *h, const struct dinsn *d, const struct trap *t)
{
    insn_trap(h, d, t);
    return false;
}

static struct mmu_result translate(struct hart *h, const struct mmu_regime *guest, const struct piece *p,
                                   enum mmu_access access)
{
    return guest ? mmu_access_once(&h->mmu, guest, p->va, p->size, access)
                 : mmu_access_data(&h->mmu, h->data, p->va, p->size, access);
}

/* Translates and checks every byte before any is touched. tval of a fault is the first address in the piece that faults. */
static bool access_prepare(struct hart *h, const struct dinsn *d, const struct mmu_regime *guest, struct access *a,
                           gva_t va, unsigned size, bool store, struct trap *t)
{
    unsigned room = (unsigned)(GUEST_PAGE_BYTES - (va & ~GUEST_PAGE_MASK));
    a->parts = size > room ? 2 : 1;
    a->part[0] = (struct piece){.va = va, .size = size > room ? room : size};
    if (a->parts == 2) a->part[1] = (struct piece){.va = va + room, .size = size - room};
    for (unsigned i = 0; i < a->parts; i++) {
        struct piece *p = &a->part[i];
        p->to = translate(h, guest, p, store ? MMU_WRITE : MMU_READ);
        /* A device window takes whole accesses only. */
        if (p->to.fault == MMU_OK && !p->to.host && a->parts == 2) p->to.fault = MMU_ACCESS_FAULT;
        if (p->to.fault == MMU_OK) continue;
        *t = access_trap(h, d, guest, &p->to, store, va, p->va);
        return false;
    }
    return true;
}

/* While a device is called the instruction has not retired, nor what follows it in its block. */
static void count_exactly(struct hart *h, const struct dinsn *d)
{
    h->unretired = (uint32_t)(block_of(d)->length - d->index);
}

static void count_access(struct engine_counts *c, const struct access *a, bool store)
{
    if (store)
        c->stores++;
    else
        c->loads++;
    if (!a->part[0].to.host) c->devices++;
}

static bool load(struct hart *h, const struct dinsn *d, const struct mmu_regime *guest, gva_t va, unsigned size,
                 uint64_t *value, struct trap *t)
{
    struct access a;
    if (!access_prepare(h, d, guest, &a, va, size, false, t)) return false;
    uint64_t v = 0;
    if (a.part[0].to.host) {
        for (unsigned i = 0, done = 0; i < a.parts; done += a.part[i++].size)
            v |= load_le(a.part[i].to.host, a.part[i].size) << 8 * done;
    } else {
        count_exactly(h, d);
        h->engine->activity = ENGINE_DEVICE;
        bool there = bus_read(h->mmu.bus, a.part[0].to.gpa, size, &v);
        h->engine->activity = ENGINE_RUNS;
        h->unretired = 0;
        if (!there) {
            *t = access_fault(h, d, guest, false, va);
            return false;
        }
    }
    if (UNLIKELY(h->engine->counts)) count_access(h->engine->counts, &a, false);
    if (h->observer) observe_memory(h, va, a.part[0].to.gpa, size, false, v);
    *value = v;
    return true;
}

static bool store(struct hart *h, const struct dinsn *d, const struct mmu_regime *guest, gva_t va, unsigned size,
                  uint64_t value, struct trap *t)
{
    struct access a;
    if (!access_prepare(h, d, guest, &a, va, size, true, t)) return false;
    if (size < 8) value &= (UINT64_C(1) << 8 * size) - 1;
    if (a.part[0].to.host) {
        for (unsigned i = 0, done = 0; i < a.parts; done += a.part[i++].size) {
            bus_touch_code(h->mmu.bus, a.part[i].to.gpa, a.part[i].size);
            store_le(a.part[i].to.host, a.part[i].size, value >> 8 * done);
        }
    } else {
        count_exactly(h, d);
        h->engine->activity = ENGINE_DEVICE;
        bool there = bus_write(h->mmu.bus, a.part[0].to.gpa, size, value);
        h->engine->activity = ENGINE_RUNS;
        h->unretired = 0;
        if (!there) {
            *t = access_fault(h, d, guest, true, va);
            return false;
        }
    }
    if (UNLIKELY(h->engine->counts)) count_access(h->engine->counts, &a, true);
    if (h->observer) observe_memory(h, va, a.part[0].to.gpa, size, true, value);
    return true;
}

uint8_t *mem_beside_code(const struct hart *h, const struct data_bank *bank, gva_t va, unsigned size)
{
    const struct tlb_entry *e = &bank->write[tlb_index(va)];
    if (((va & (GUEST_PAGE_MASK | (size - 1))) | TLB_TAG_CODE) != e->tag) return NULL;
    uint8_t *host = (uint8_t *)(uintptr_t)(va + e->addend);
    return bus_is_beside_code(h->mmu.bus, host) ? host : NULL;
}

bool mem_load(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t *value)
{
    struct trap t;
    return load(h, d, NULL, va, size, value, &t) || fail(h, d, &t);
}

bool mem_store(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t value)
{
    struct trap t;
    return store(h, d, NULL, va, size, value, &t) || fail(h, d, &t);
}

bool mem_load_as(struct hart *h, const struct dinsn *d, const struct mmu_regime *r, gva_t va, unsigned size,
                 uint64_t *value, struct trap *t)
{
    return load(h, d, r, va, size, value, t);
}

bool mem_store_as(struct hart *h, const struct dinsn *d, const struct mmu_regime *r, gva_t va, unsigned size,
                  uint64_t value, struct trap *t)
{
    return store(h, d, r, va, size, value, t);
}

/* Atomics work on aligned main memory alone. norm:amo_alignment, norm:lr_sc_alignment */
static bool atomic_prepare(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, bool store,
                           struct mmu_result *r)
{
    struct trap t;
    *r = (struct mmu_result){.fault = MMU_OK};
    if ((va & (size - 1)) == 0) {
        *r = mmu_access_data(&h->mmu, h->data, va, size, store ? MMU_WRITE : MMU_READ);
        if (r->fault == MMU_OK && !r->host) r->fault = MMU_ACCESS_FAULT;
        if (r->fault == MMU_OK) return true;
        t = access_trap(h, d, NULL, r, store, va, va);
    } else {
        t = access_fault(h, d, NULL, store, va);
        t.cause = store ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED;
    }
    return fail(h, d, &t);
}

bool mem_modify(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint8_t **host)
{
    struct mmu_result r;
    if (!atomic_prepare(h, d, va, size, true, &r)) return false;
    bus_touch_code(h->mmu.bus, r.gpa, size);
    *host = r.host;
    return true;
}

/* The reservation set is the aligned doubleword. norm:lr_reservation_set_size */
static uint64_t reservation_of(gpa_t gpa) { return (gpa & ~UINT64_C(7)) + 1; }

bool mem_reserve(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t *value)
{
    struct mmu_result r;
    if (!atomic_prepare(h, d, va, size, false, &r)) return false;
    h->reservation = reservation_of(r.gpa);
    *value = load_le(r.host, size);
    if (h->observer) observe_memory(h, va, r.gpa, size, false, *value);
    return true;
}

/* A store-conditional that fails still needs the right to store. norm:sc_failed_as_store, norm:sc_reservation_invalidate */
bool mem_conditional(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t value, bool *stored)
{
    struct mmu_result r;
    if (!atomic_prepare(h, d, va, size, true, &r)) return false;
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

bool mem_cache_block(struct hart *h, const struct dinsn *d, gva_t va, bool zero, struct trap *t)
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
        r.guest_pa += r.implicit ? 0 : va - block; /* tval is rs1 (norm:fault_excep_csr), and tval2 belongs to it */
        *t = access_trap(h, d, NULL, &r, true, va, va);
        return false;
    }
    if (!zero) return true;
    bus_touch_code(h->mmu.bus, r.gpa, CACHE_BLOCK_BYTES);
    memset(r.host, 0, CACHE_BLOCK_BYTES);
    if (h->observer) observe_memory(h, block, r.gpa, CACHE_BLOCK_BYTES, true, 0);
    return true;
}
