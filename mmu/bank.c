/* The banks of the inline TLB: which regime each serves, how entries come in, and what a fence takes out. */
#include "mmu/mmu_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static bool regime_equal(const struct mmu_regime *a, const struct mmu_regime *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- clearing ---- */

static const struct mmu_span nowhere = {1, 0};

static void bank_forget_supers(struct bank_info *info) { info->super[0] = info->super[1] = nowhere; }

/* For each set i, of `sets`, that may be used. */
#define FOR_USED(i, used, sets)                                                                                        \
    for (uint64_t groups_ = (used); groups_; groups_ &= groups_ - 1)                                                   \
        for (unsigned first_ = (unsigned)__builtin_ctzll(groups_) * BANK_GROUP(sets), i = first_;                      \
             i < first_ + BANK_GROUP(sets); i++)
#define USED_BIT(i, sets) (UINT64_C(1) << (i) / BANK_GROUP(sets))

static void data_bank_clear(struct data_bank *b)
{
    FOR_USED(i, b->read_used, TLB_SETS) b->read[i].tag = TLB_TAG_EMPTY;
    FOR_USED(i, b->write_used, TLB_SETS) b->write[i].tag = TLB_TAG_EMPTY;
    b->read_used = b->write_used = 0;
    bank_forget_supers(&b->info);
}

static unsigned page_set_index(uint64_t addr)
{
    uint64_t page = addr >> GUEST_PAGE_LOG2;
    return (unsigned)(page ^ page >> PAGE_SET_LOG2) & ((1u << PAGE_SET_LOG2) - 1);
}
static void page_set_add(struct page_set *s, uint64_t addr)
{
    unsigned i = page_set_index(addr);
    s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static bool page_set_has(const struct page_set *s, uint64_t addr)
{
    unsigned i = page_set_index(addr);
    return bit_test(s->bits[i / 64], i % 64);
}

/* The bank can lead to the page of this entry. */
static void code_bank_note(struct code_bank *b, const struct fetch_entry *e)
{
    unsigned guest_log2 = e->guest & TLB_LEAF_LOG2;
    page_set_add(&b->pages, e->page);
    page_set_add(&b->guest_pages, e->guest);
    b->any_local = b->any_local || !(e->leaf & TLB_LEAF_GLOBAL);
    b->any_guest_super = b->any_guest_super || guest_log2 > GUEST_PAGE_LOG2;
}

static void code_bank_clear_jumps(struct code_bank *b)
{
    FOR_USED(i, b->jump_used, JUMP_SETS) b->jump[i].pc = 1;
    b->jump_used = 0;
    b->pages = b->guest_pages = (struct page_set){0};
    b->any_local = b->any_guest_super = false;
    /* Fetch entries that are still here can make jump entries again without another fill. */
    FOR_USED(i, b->fetch_used, FETCH_SETS)
    if (b->fetch[i].page != TLB_TAG_EMPTY) code_bank_note(b, &b->fetch[i]);
}

static void code_bank_clear(struct code_bank *b)
{
    FOR_USED(i, b->fetch_used, FETCH_SETS) b->fetch[i].page = TLB_TAG_EMPTY;
    b->fetch_used = 0;
    bank_forget_supers(&b->info);
    code_bank_clear_jumps(b);
}

/* ---- selection ---- */

void mmu_init(struct mmu *m, struct bus *bus, struct log *log) { *m = (struct mmu){.bus = bus, .log = log}; }

static struct data_bank *data_bank_of(struct bank_info *info)
{
    return (struct data_bank *)((char *)info - offsetof(struct data_bank, info));
}
static struct code_bank *code_bank_of(struct bank_info *info)
{
    return (struct code_bank *)((char *)info - offsetof(struct code_bank, info));
}

static struct bank_info *data_bank_new(void)
{
    struct data_bank *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->read_used = b->write_used = UINT64_MAX >> (64 - TLB_SETS / BANK_GROUP(TLB_SETS)); /* zeroes are no empty tags */
    return &b->info;
}
static struct bank_info *code_bank_new(void)
{
    struct code_bank *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->jump_used = UINT64_MAX >> (64 - JUMP_SETS / BANK_GROUP(JUMP_SETS));
    b->fetch_used = UINT64_MAX >> (64 - FETCH_SETS / BANK_GROUP(FETCH_SETS));
    return &b->info;
}

void mmu_finish(struct mmu *m)
{
    for (unsigned i = 0; i < m->data.count; i++) free(data_bank_of(m->data.bank[i]));
    for (unsigned i = 0; i < m->code.count; i++) free(code_bank_of(m->code.bank[i]));
    mmu_init(m, m->bus, m->log);
}

/* Brings the bank at `from` to the front, those before it one place back. */
static struct bank_info *pool_move_to_front(struct bank_pool *p, unsigned from)
{
    struct bank_info *info = p->bank[from];
    memmove(&p->bank[1], &p->bank[0], from * sizeof p->bank[0]);
    return p->bank[0] = info;
}

static struct bank_info *pool_find(struct bank_pool *p, const struct mmu_regime *r)
{
    for (unsigned i = 0; i < p->count; i++)
        if (regime_equal(&p->bank[i]->regime, r)) return pool_move_to_front(p, i);
    return NULL;
}

/* A bank to be cleared: a new one while there may be more, else the one least recently selected. */
static struct bank_info *pool_recycle(struct bank_pool *p, unsigned limit, struct bank_info *(*make)(void),
                                      const struct mmu_regime *r)
{
    struct bank_info *more = p->count < limit ? make() : NULL;
    if (more) p->bank[p->count++] = more;
    assert(p->count); /* without memory, make do with those that are there */
    struct bank_info *info = pool_move_to_front(p, p->count - 1);
    info->regime = *r;
    return info;
}

/* ---- a new address space ----
 *
 * Kernels map themselves alike into every address space: the upper half of all root tables is the same, and what lies there is global. So
 * when an address space is seen for the first time, global translations of its upper half are taken from the bank of another one whose
 * root table agrees with it there: each of them is what a walk of the new tables would find, or, if tables below were changed and not yet
 * fenced, what a global entry of the other address space may still stand for (supervisor.adoc, "The G bit"). Otherwise a kernel would have to be
 * looked up anew after every fork and exec. */

#define UPPER_HALF (UINT64_C(1) << 63)

/* Half of the root table; the walker may read it. */
static const uint8_t *upper_half_of_root(const struct mmu *m, const struct mmu_regime *r)
{
    gpa_t half = (bits_get(r->satp, 43, 0) << GUEST_PAGE_LOG2) + GUEST_PAGE_BYTES / 2;
    const uint8_t *host = bus_ram(m->bus, half, GUEST_PAGE_BYTES / 2);
    return host && pmp_check(&m->pmp, half, GUEST_PAGE_BYTES / 2, PMP_R, false) ? host : NULL;
}

/* a with the address space of b. */
static bool differ_in_space_alone(const struct mmu_regime *a, const struct mmu_regime *b)
{
    struct mmu_regime moved = *a;
    moved.satp = b->satp;
    return atp_mode(a->satp) == atp_mode(b->satp) && regime_equal(&moved, b);
}

/* The bank from which one for r, which is new, may take what is global in the upper half; NULL if there is none. */
static struct bank_info *pool_relative(const struct mmu *m, const struct bank_pool *p, const struct mmu_regime *r)
{
    if (!r->satp || r->virt || r->priv != PRIV_S) return NULL;
    for (unsigned i = 0; i < p->count; i++) {
        const struct mmu_regime *other = &p->bank[i]->regime;
        if (!differ_in_space_alone(other, r)) continue;
        const uint8_t *ours = upper_half_of_root(m, r), *theirs = upper_half_of_root(m, other);
        return ours && theirs && memcmp(ours, theirs, GUEST_PAGE_BYTES / 2) == 0 ? p->bank[i] : NULL;
    }
    return NULL;
}

static bool is_inherited(gva_t page, uint8_t leaf) { return (page & UPPER_HALF) && (leaf & TLB_LEAF_GLOBAL); }

/* b is clear. */
static void data_bank_inherit(struct data_bank *b, const struct data_bank *from)
{
    FOR_USED(i, from->read_used, TLB_SETS)
    if (is_inherited(from->read[i].tag, from->read_leaf[i])) {
        b->read[i] = from->read[i];
        b->read_leaf[i] = from->read_leaf[i];
    }
    FOR_USED(i, from->write_used, TLB_SETS)
    if (is_inherited(from->write[i].tag, from->write_leaf[i])) {
        b->write[i] = from->write[i];
        b->write_leaf[i] = from->write_leaf[i];
    }
    b->read_used = from->read_used;
    b->write_used = from->write_used;
    b->info.super[1] = from->info.super[1];
}

/* Jump entries do not say what kind of page they lead to, so none is taken if there may be a page that is not global. Nor is one at the
 * very end, whose instruction may reach over to the lower half. */
static void code_bank_inherit(struct code_bank *b, const struct code_bank *from)
{
    FOR_USED(i, from->fetch_used, FETCH_SETS)
    if (is_inherited(from->fetch[i].page, from->fetch[i].leaf)) b->fetch[i] = from->fetch[i];
    b->fetch_used = from->fetch_used;
    b->info.super[1] = from->info.super[1];
    if (from->any_local) {
        code_bank_clear_jumps(b); /* notes the fetch entries */
        return;
    }
    FOR_USED(i, from->jump_used, JUMP_SETS)
    if ((from->jump[i].pc & UPPER_HALF) && from->jump[i].pc < -(gva_t)GUEST_PAGE_BYTES) b->jump[i] = from->jump[i];
    b->jump_used = from->jump_used;
    b->pages = from->pages;
    b->guest_pages = from->guest_pages;
    b->any_guest_super = from->any_guest_super;
}

struct data_bank *mmu_select_data(struct mmu *m, const struct mmu_regime *r)
{
    struct bank_info *info = pool_find(&m->data, r);
    if (info) return data_bank_of(info);
    const struct bank_info *relative = pool_relative(m, &m->data, r);
    struct data_bank *b = data_bank_of(pool_recycle(&m->data, MMU_DATA_BANKS, data_bank_new, r));
    if (relative == &b->info) relative = NULL; /* the only one was needed */
    data_bank_clear(b);
    if (relative) data_bank_inherit(b, data_bank_of((struct bank_info *)relative));
    return b;
}

struct code_bank *mmu_select_code(struct mmu *m, const struct mmu_regime *r)
{
    struct bank_info *info = pool_find(&m->code, r);
    if (info) return code_bank_of(info);
    const struct bank_info *relative = pool_relative(m, &m->code, r);
    struct code_bank *b = code_bank_of(pool_recycle(&m->code, MMU_CODE_BANKS, code_bank_new, r));
    if (relative == &b->info) relative = NULL;
    code_bank_clear(b);
    if (relative) code_bank_inherit(b, code_bank_of((struct bank_info *)relative));
    return b;
}

/* ---- filling ---- */

/* For fences of the G-stage: the guest-physical page, and in its low bits the size of the leaf. */
static uint64_t guest_tag(const struct walk *w) { return (w->guest_pa & GUEST_PAGE_MASK) | w->guest_log2; }

static uint8_t bank_note_leaf(struct bank_info *info, gva_t va, const struct walk *w)
{
    if (w->leaf_log2 > GUEST_PAGE_LOG2 && w->leaf_log2 < 64) {
        uint64_t offset = (UINT64_C(1) << w->leaf_log2) - 1;
        gva_t first = va & ~offset, last = va | offset;
        struct mmu_span *s = &info->super[va >> 63];
        bool none = s->first > s->last;
        if (none || first < s->first) s->first = first;
        if (none || last > s->last) s->last = last;
    }
    return (uint8_t)(w->leaf_log2 | (w->global ? TLB_LEAF_GLOBAL : 0));
}

void data_bank_fill(struct data_bank *b, bool write, gva_t va, const struct walk *w, uint64_t addend,
                    uint64_t tag_flags)
{
    unsigned i = tlb_index(va);
    struct tlb_entry *e = write ? &b->write[i] : &b->read[i];
    e->tag = (va & GUEST_PAGE_MASK) | tag_flags;
    e->addend = addend;
    *(write ? &b->write_used : &b->read_used) |= USED_BIT(i, TLB_SETS);
    (write ? b->write_leaf : b->read_leaf)[i] = bank_note_leaf(&b->info, va, w);
    if (b->info.regime.virt) (write ? b->write_guest : b->read_guest)[i] = guest_tag(w);
}

void code_bank_fill(struct code_bank *b, gva_t va, const struct walk *w, uint8_t *host)
{
    gva_t page = va & GUEST_PAGE_MASK;
    unsigned i = fetch_index(page);
    struct fetch_entry *e = &b->fetch[i];
    b->fetch_used |= USED_BIT(i, FETCH_SETS);
    *e = (struct fetch_entry){.page = page,
                              .gpa = w->gpa & GUEST_PAGE_MASK,
                              .host = host,
                              .guest = guest_tag(w),
                              .leaf = bank_note_leaf(&b->info, va, w)};
    code_bank_note(b, e);
}

/* ---- fences ---- */

/* Whether the fence is about translations of this regime. Without tables there is nothing to order. */
static bool fence_concerns(const struct mmu_fence *f, const struct mmu_regime *r)
{
    if (f->scope == FENCE_G)
        return atp_mode(r->hgatp) && (!f->has_id || hgatp_vmid(r->hgatp) == bits_get(f->id, 13, 0));
    if (!r->satp || r->virt != (f->scope == FENCE_VS)) return false;
    if (f->scope == FENCE_VS && hgatp_vmid(r->hgatp) != f->vmid) return false; /* norm:hfence-vvma_limits */
    return !f->has_id || satp_asid(r->satp) == bits_get(f->id, 15, 0);         /* norm:sfence_vma_rs2_bits */
}

/* Whether the entry whose page is tagged here must go; norm:sfence_vma_all_asid_va, norm:sfence_vma_asid_only,
 * norm:sfence_vma_va_all_asid, norm:sfence_vma_va_asid. An address of the G-stage is compared with where the entry's page lies in the
 * guest's physical memory, and what the VS-stage said stays true (norm:hfence-gvma_op). */
static bool fence_names(const struct mmu_fence *f, gva_t page, uint8_t leaf, uint64_t guest)
{
    if (f->scope == FENCE_G) return !f->has_address || ((guest ^ f->address) >> (guest & TLB_LEAF_LOG2)) == 0;
    if (f->has_id && (leaf & TLB_LEAF_GLOBAL)) return false;
    return !f->has_address || ((page ^ f->address) >> (leaf & TLB_LEAF_LOG2)) == 0;
}

/* Where a fragment of what the fence names can be: one set, or all of them. */
static bool fence_is_local(const struct mmu_fence *f, const struct bank_info *info)
{
    const struct mmu_span *s = &info->super[f->address >> 63];
    return f->scope != FENCE_G && f->has_address && !(s->first <= f->address && f->address <= s->last);
}

static void table_fence(struct tlb_entry *table, const uint8_t *leaf, const uint64_t *guest, uint64_t used,
                        const struct mmu_fence *f)
{
    FOR_USED(i, used, TLB_SETS)
    if (table[i].tag != TLB_TAG_EMPTY && fence_names(f, table[i].tag & GUEST_PAGE_MASK, leaf[i], guest[i]))
        table[i].tag = TLB_TAG_EMPTY;
}

static void data_bank_fence(struct data_bank *b, const struct mmu_fence *f)
{
    uint64_t where = fence_is_local(f, &b->info) ? USED_BIT(tlb_index(f->address), TLB_SETS) : UINT64_MAX;
    table_fence(b->read, b->read_leaf, b->read_guest, b->read_used & where, f);
    table_fence(b->write, b->write_leaf, b->write_guest, b->write_used & where, f);
}

/* Nothing that the fence names was ever fetched. */
static bool code_bank_is_clear_of(const struct code_bank *b, const struct mmu_fence *f, bool local)
{
    if (f->scope == FENCE_G) return f->has_address && !b->any_guest_super && !page_set_has(&b->guest_pages, f->address);
    return (f->has_id && !b->any_local) || (local && !page_set_has(&b->pages, f->address));
}

/* Jumps into one page; and to its last address in the page before, whose instruction may reach over. */
static void code_bank_clear_jumps_of(struct code_bank *b, gva_t page)
{
    FOR_USED(i, b->jump_used, JUMP_SETS)
    {
        gva_t pc = b->jump[i].pc;
        if ((pc & GUEST_PAGE_MASK) == page || ((pc + 2) & GUEST_PAGE_MASK) == page) b->jump[i].pc = 1;
    }
}

static void code_bank_fence(struct code_bank *b, const struct mmu_fence *f)
{
    bool local = fence_is_local(f, &b->info);
    if (code_bank_is_clear_of(b, f, local)) return;
    FOR_USED(i, b->fetch_used, FETCH_SETS)
    {
        struct fetch_entry *e = &b->fetch[i];
        if (e->page != TLB_TAG_EMPTY && fence_names(f, e->page, e->leaf, e->guest)) e->page = TLB_TAG_EMPTY;
    }
    if (local)
        code_bank_clear_jumps_of(b, f->address & GUEST_PAGE_MASK);
    else
        code_bank_clear_jumps(b);
}

static void fence_log(struct log *log, const struct mmu_fence *f)
{
    static const char *const scopes[] = {
        [FENCE_S] = "fence", [FENCE_VS] = "fence of the VS-stage", [FENCE_G] = "fence of the G-stage"};
    char what[64] = "all addresses", where[64] = "";
    if (f->has_address)
        snprintf(what, sizeof what, "%s0x%" PRIx64, f->scope == FENCE_G ? "guest-physical " : "", f->address);
    if (f->has_id)
        snprintf(where, sizeof where, ", %s %" PRIu64, f->scope == FENCE_G ? "VMID" : "address space", f->id);
    if (f->scope == FENCE_VS)
        log_line(log, LOG_MMU, "mmu: %s of VMID %" PRIu64 ": %s%s", scopes[f->scope], f->vmid, what, where);
    else
        log_line(log, LOG_MMU, "mmu: %s: %s%s", scopes[f->scope], what, where);
}

void mmu_fence(struct mmu *m, const struct mmu_fence *f)
{
    if (log_on(m->log, LOG_MMU)) fence_log(m->log, f);
    for (unsigned i = 0; i < m->data.count; i++)
        if (fence_concerns(f, &m->data.bank[i]->regime)) data_bank_fence(data_bank_of(m->data.bank[i]), f);
    for (unsigned i = 0; i < m->code.count; i++)
        if (fence_concerns(f, &m->code.bank[i]->regime)) code_bank_fence(code_bank_of(m->code.bank[i]), f);
}

void mmu_flush_all(struct mmu *m)
{
    for (unsigned i = 0; i < m->data.count; i++) data_bank_clear(data_bank_of(m->data.bank[i]));
    for (unsigned i = 0; i < m->code.count; i++) code_bank_clear(code_bank_of(m->code.bank[i]));
}

void mmu_flush_jumps(struct mmu *m)
{
    for (unsigned i = 0; i < m->code.count; i++) code_bank_clear_jumps(code_bank_of(m->code.bank[i]));
}

void mmu_protect_code(struct mmu *m, const uint8_t *host_page)
{
    for (unsigned i = 0; i < m->data.count; i++) {
        struct data_bank *b = data_bank_of(m->data.bank[i]);
        FOR_USED(set, b->write_used, TLB_SETS)
        {
            struct tlb_entry *e = &b->write[set];
            bool ram = !(e->tag & TLB_TAG_SLOW);
            if (ram && (e->tag & GUEST_PAGE_MASK) + e->addend == (uint64_t)(uintptr_t)host_page) e->tag |= TLB_TAG_CODE;
        }
    }
}
