/* The banks of the inline TLB: which regime each serves, how entries come in, and what a fence takes out. */
#include "mmu/mmu_internal.h"

#include "emu/base/bits.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static bool regime_equal(const struct mmu_regime *a, const struct mmu_regime *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- clearing ---- */

static void data_bank_clear(struct data_bank *b)
{
    for (unsigned i = 0; i < TLB_SETS; i++) b->read[i].tag = b->write[i].tag = TLB_TAG_EMPTY;
    b->info.super_first = 1;
    b->info.super_last = 0;
}

static void code_bank_clear_jumps(struct code_bank *b)
{
    for (unsigned i = 0; i < JUMP_SETS; i++) b->jump[i].pc = 1;
    memset(b->jump_pages, 0, sizeof b->jump_pages);
    /* Fetch entries that are still here can make jump entries again without another fill. */
    for (unsigned i = 0; i < FETCH_SETS; i++)
        if (b->fetch[i].page != TLB_TAG_EMPTY) {
            unsigned bit = (unsigned)(b->fetch[i].page >> GUEST_PAGE_LOG2) & 255;
            b->jump_pages[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
}

static void code_bank_clear(struct code_bank *b)
{
    for (unsigned i = 0; i < FETCH_SETS; i++) b->fetch[i].page = TLB_TAG_EMPTY;
    b->info.super_first = 1;
    b->info.super_last = 0;
    code_bank_clear_jumps(b);
}

/* ---- selection ---- */

void mmu_init(struct mmu *m, struct bus *bus, struct log *log) { *m = (struct mmu){.bus = bus, .log = log}; }

void mmu_finish(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_DATA_BANKS; i++) free(m->data[i]);
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++) free(m->code[i]);
    mmu_init(m, m->bus, m->log);
}

static void bank_assign(struct mmu *m, struct bank_info *info, const struct mmu_regime *r)
{
    *info = (struct bank_info){.regime = *r, .in_use = true, .last_used = ++m->clock};
}

struct data_bank *mmu_select_data(struct mmu *m, const struct mmu_regime *r)
{
    struct data_bank *oldest = NULL;
    for (unsigned i = 0; i < MMU_DATA_BANKS; i++) {
        struct data_bank *b = m->data[i];
        if (!b) {
            b = m->data[i] = calloc(1, sizeof *b);
            if (!b) break; /* make do with those that are there */
        } else if (b->info.in_use) {
            if (regime_equal(&b->info.regime, r)) {
                b->info.last_used = ++m->clock;
                return b;
            }
            if (!oldest || b->info.last_used < oldest->info.last_used) oldest = b;
            continue;
        }
        oldest = b;
        break;
    }
    assert(oldest);
    bank_assign(m, &oldest->info, r);
    data_bank_clear(oldest);
    return oldest;
}

struct code_bank *mmu_select_code(struct mmu *m, const struct mmu_regime *r)
{
    struct code_bank *oldest = NULL;
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++) {
        struct code_bank *b = m->code[i];
        if (!b) {
            b = m->code[i] = calloc(1, sizeof *b);
            if (!b) break;
        } else if (b->info.in_use) {
            if (regime_equal(&b->info.regime, r)) {
                b->info.last_used = ++m->clock;
                return b;
            }
            if (!oldest || b->info.last_used < oldest->info.last_used) oldest = b;
            continue;
        }
        oldest = b;
        break;
    }
    assert(oldest);
    bank_assign(m, &oldest->info, r);
    code_bank_clear(oldest);
    return oldest;
}

/* ---- filling ---- */

static uint8_t bank_note_leaf(struct bank_info *info, gva_t va, const struct walk *w)
{
    if (w->page_log2 > GUEST_PAGE_LOG2 && w->page_log2 < 64) {
        uint64_t offset = (UINT64_C(1) << w->page_log2) - 1;
        gva_t first = va & ~offset, last = va | offset;
        bool none = info->super_first > info->super_last;
        if (none || first < info->super_first) info->super_first = first;
        if (none || last > info->super_last) info->super_last = last;
    }
    return (uint8_t)(w->page_log2 | (w->global ? TLB_LEAF_GLOBAL : 0));
}

void data_bank_fill(struct data_bank *b, bool write, gva_t va, const struct walk *w, uint64_t addend,
                    uint64_t tag_flags)
{
    unsigned i = tlb_index(va);
    struct tlb_entry *e = write ? &b->write[i] : &b->read[i];
    e->tag = (va & GUEST_PAGE_MASK) | tag_flags;
    e->addend = addend;
    (write ? b->write_leaf : b->read_leaf)[i] = bank_note_leaf(&b->info, va, w);
}

void code_bank_fill(struct code_bank *b, gva_t va, const struct walk *w, uint8_t *host)
{
    gva_t page = va & GUEST_PAGE_MASK;
    unsigned bit = (unsigned)(page >> GUEST_PAGE_LOG2) & 255;
    b->jump_pages[bit / 64] |= UINT64_C(1) << (bit % 64);
    b->fetch[(page >> GUEST_PAGE_LOG2) & (FETCH_SETS - 1)] = (struct fetch_entry){
        .page = page, .gpa = w->gpa & GUEST_PAGE_MASK, .host = host, .leaf = bank_note_leaf(&b->info, va, w)};
}

/* ---- fences ---- */

/* What one fence names; norm:sfence_vma_all_asid_va, norm:sfence_vma_asid_only, norm:sfence_vma_va_all_asid, norm:sfence_vma_va_asid. */
struct fence {
    bool has_va;
    gva_t va;
    bool keep_global;
};

/* Whether the entry whose page is tagged here must go. */
static bool fence_names(const struct fence *f, gva_t page, uint8_t leaf)
{
    if (f->keep_global && (leaf & TLB_LEAF_GLOBAL)) return false;
    if (!f->has_va) return true;
    return ((page ^ f->va) >> (leaf & TLB_LEAF_LOG2)) == 0;
}

/* Where a fragment of what the fence names can be: one set, or all of them. */
static bool fence_is_local(const struct fence *f, const struct bank_info *info)
{
    return f->has_va && !(info->super_first <= f->va && f->va <= info->super_last);
}

static void data_bank_fence(struct data_bank *b, const struct fence *f)
{
    bool local = fence_is_local(f, &b->info);
    unsigned first = local ? tlb_index(f->va) : 0, last = local ? first : TLB_SETS - 1;
    for (unsigned i = first; i <= last; i++) {
        struct tlb_entry *r = &b->read[i], *w = &b->write[i];
        if (r->tag != TLB_TAG_EMPTY && fence_names(f, r->tag & GUEST_PAGE_MASK, b->read_leaf[i]))
            r->tag = TLB_TAG_EMPTY;
        if (w->tag != TLB_TAG_EMPTY && fence_names(f, w->tag & GUEST_PAGE_MASK, b->write_leaf[i]))
            w->tag = TLB_TAG_EMPTY;
    }
}

static void code_bank_fence(struct code_bank *b, const struct fence *f)
{
    bool local = fence_is_local(f, &b->info);
    unsigned bit = (unsigned)(f->va >> GUEST_PAGE_LOG2) & 255;
    if (local && !bit_test(b->jump_pages[bit / 64], bit % 64)) return; /* never fetched from */
    for (unsigned i = 0; i < FETCH_SETS; i++) {
        struct fetch_entry *e = &b->fetch[i];
        if (e->page != TLB_TAG_EMPTY && fence_names(f, e->page, e->leaf)) e->page = TLB_TAG_EMPTY;
    }
    code_bank_clear_jumps(b);
}

void mmu_fence(struct mmu *m, bool has_va, gva_t va, bool has_asid, uint64_t asid)
{
    struct fence f = {.has_va = has_va, .va = va, .keep_global = has_asid};
    if (log_on(m->log, LOG_MMU)) {
        log_line(m->log, LOG_MMU, "mmu: fence of %s0x%" PRIx64 " in %s%" PRIu64, has_va ? "" : "all addresses, not ",
                 va, has_asid ? "address space " : "all address spaces, not ", asid);
    }
    for (unsigned i = 0; i < MMU_DATA_BANKS; i++) {
        struct data_bank *b = m->data[i];
        if (!b || !b->info.in_use || b->info.regime.satp == 0) continue;
        if (!has_asid || bits_get(b->info.regime.satp, 59, 44) == (asid & 0xffff)) data_bank_fence(b, &f);
    }
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++) {
        struct code_bank *b = m->code[i];
        if (!b || !b->info.in_use || b->info.regime.satp == 0) continue;
        if (!has_asid || bits_get(b->info.regime.satp, 59, 44) == (asid & 0xffff)) code_bank_fence(b, &f);
    }
}

void mmu_flush_all(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_DATA_BANKS; i++)
        if (m->data[i]) data_bank_clear(m->data[i]);
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++)
        if (m->code[i]) code_bank_clear(m->code[i]);
}

void mmu_flush_jumps(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++)
        if (m->code[i]) code_bank_clear_jumps(m->code[i]);
}

void mmu_protect_code(struct mmu *m, const uint8_t *host_page)
{
    for (unsigned i = 0; i < MMU_DATA_BANKS; i++) {
        struct data_bank *b = m->data[i];
        if (!b || !b->info.in_use) continue;
        for (unsigned set = 0; set < TLB_SETS; set++) {
            struct tlb_entry *e = &b->write[set];
            bool ram = !(e->tag & TLB_TAG_SLOW);
            if (ram && (e->tag & GUEST_PAGE_MASK) + e->addend == (uint64_t)(uintptr_t)host_page) e->tag |= TLB_TAG_CODE;
        }
    }
}
