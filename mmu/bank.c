/* The banks of the inline TLB: which regime each serves, how entries come in, and what a fence takes out. */
#include "mmu/mmu_internal.h"

#include "emu/base/host_mem.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static bool regime_equal(const struct mmu_regime *a, const struct mmu_regime *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static struct data_bank *data_bank_of(struct bank_info *info)
{
    return (struct data_bank *)((char *)info - offsetof(struct data_bank, info));
}
static struct code_bank *code_bank_of(struct bank_info *info)
{
    return (struct code_bank *)((char *)info - offsetof(struct code_bank, info));
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

static void span_add(struct mmu_span *super, gva_t va, unsigned leaf_log2)
{
    if (leaf_log2 <= GUEST_PAGE_LOG2 || leaf_log2 >= 64) return;
    uint64_t offset = (UINT64_C(1) << leaf_log2) - 1;
    gva_t first = va & ~offset, last = va | offset;
    struct mmu_span *s = &super[va >> 63];
    bool none = s->first > s->last;
    if (none || first < s->first) s->first = first;
    if (none || last > s->last) s->last = last;
}

/* ---- jumps ---- */

#define JUMP_TABLE_BYTES (JUMP_SETS * sizeof(struct jump_entry))

#define UPPER_HALF (UINT64_C(1) << 63)

/* What address spaces with the same upper half of their root tables have in common; see "a new address space" below. */
static bool is_common(gva_t page, uint8_t leaf) { return (page & UPPER_HALF) && (leaf & TLB_LEAF_GLOBAL); }

/* An instruction at the very end of the upper half may reach over to the lower one. */
static bool is_private(const struct fetch_entry *e)
{
    return !is_common(e->page, e->leaf) || e->page == -(gva_t)GUEST_PAGE_BYTES;
}

static void reach_note(struct jump_reach *r, const struct fetch_entry *e)
{
    page_set_add(&r->pages, e->page);
    page_set_add(&r->guest_pages, e->guest);
    span_add(r->super, e->page, e->leaf & TLB_LEAF_LOG2);
    r->any_local = r->any_local || !(e->leaf & TLB_LEAF_GLOBAL);
    r->any_private = r->any_private || is_private(e);
    r->any_guest_super = r->any_guest_super || (e->guest & TLB_LEAF_LOG2) > GUEST_PAGE_LOG2;
}

/* Fetch entries that are there can make jump entries without another fill. */
static void reach_note_bank(struct jump_reach *r, const struct code_bank *b)
{
    FOR_USED(i, b->fetch_used, FETCH_SETS)
    if (b->fetch[i].page != TLB_TAG_EMPTY) reach_note(r, &b->fetch[i]);
}

/* A program of one address space needs few of the table's pages; one that makes many is a kernel, and jumps all over the table. */
#define LARGE_FROM_TAG (64 * (uint64_t)JUMP_MODES)

/* Nothing has the new tag. */
static void reach_begin(struct mmu *m, struct jump_reach *r)
{
    if (m->jump_tags == LARGE_FROM_TAG) host_mem_make_large(m->jump, JUMP_TABLE_BYTES);
    *r = (struct jump_reach){.tag = m->jump_tags += JUMP_MODES, .banks = r->banks, .super = {nowhere, nowhere}};
}

static void code_bank_leave(struct code_bank *b)
{
    if (b->reach) b->reach->banks--;
    b->reach = NULL;
}

static void code_bank_join(struct code_bank *b, struct jump_reach *r)
{
    r->banks++;
    b->reach = r;
    b->jump_tag = r->tag;
}

/* There is always a free one: each bank has one at most. */
static void code_bank_begin_reach(struct mmu *m, struct code_bank *b)
{
    struct jump_reach *r = m->reach;
    code_bank_leave(b);
    while (r->banks) r++;
    reach_begin(m, r);
    code_bank_join(b, r);
}

/* What had the tag of r is forgotten. */
static void reach_forget(struct mmu *m, struct jump_reach *r)
{
    reach_begin(m, r);
    for (unsigned i = 0; i < m->code.count; i++) {
        struct code_bank *b = code_bank_of(m->code.bank[i]);
        if (b->reach != r) continue;
        b->jump_tag = r->tag;
        reach_note_bank(r, b);
    }
}

static void code_bank_note(struct mmu *m, struct code_bank *b, const struct fetch_entry *e)
{
    if (b->reach->banks > 1 && is_private(e)) {
        code_bank_begin_reach(m, b);
        reach_note_bank(b->reach, b);
    }
    reach_note(b->reach, e);
}

static void code_bank_clear(struct code_bank *b)
{
    FOR_USED(i, b->fetch_used, FETCH_SETS) b->fetch[i].page = TLB_TAG_EMPTY;
    b->fetch_used = 0;
}

/* ---- selection ---- */

void mmu_init(struct mmu *m, struct bus *bus, struct log *log) { *m = (struct mmu){.bus = bus, .log = log}; }

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
    b->fetch_used = UINT64_MAX >> (64 - FETCH_SETS / BANK_GROUP(FETCH_SETS));
    return &b->info;
}

void mmu_finish(struct mmu *m)
{
    for (unsigned i = 0; i < m->data.count; i++) free(data_bank_of(m->data.bank[i]));
    for (unsigned i = 0; i < m->code.count; i++) free(code_bank_of(m->code.bank[i]));
    host_mem_release(m->jump, JUMP_TABLE_BYTES);
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

/* b is clear. */
static void data_bank_inherit(struct data_bank *b, const struct data_bank *from)
{
    FOR_USED(i, from->read_used, TLB_SETS)
    if (is_common(from->read[i].tag, from->read_leaf[i])) {
        b->read[i] = from->read[i];
        b->read_leaf[i] = from->read_leaf[i];
    }
    FOR_USED(i, from->write_used, TLB_SETS)
    if (is_common(from->write[i].tag, from->write_leaf[i])) {
        b->write[i] = from->write[i];
        b->write_leaf[i] = from->write_leaf[i];
    }
    b->read_used = from->read_used;
    b->write_used = from->write_used;
    b->info.super[1] = from->info.super[1];
}

/* Jump entries do not say what kind of page they lead to, so none is taken if there may be a page that is not common to both. */
static void code_bank_inherit(struct mmu *m, struct code_bank *b, const struct code_bank *from)
{
    FOR_USED(i, from->fetch_used, FETCH_SETS)
    if (is_common(from->fetch[i].page, from->fetch[i].leaf)) b->fetch[i] = from->fetch[i];
    b->fetch_used = from->fetch_used;
    if (!from->reach->any_private) {
        code_bank_join(b, from->reach);
    } else {
        code_bank_begin_reach(m, b);
        reach_note_bank(b->reach, b);
    }
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
    if (!m->jump) m->jump = host_mem_reserve(JUMP_TABLE_BYTES);
    assert(m->jump);
    const struct bank_info *relative = pool_relative(m, &m->code, r);
    struct code_bank *b = code_bank_of(pool_recycle(&m->code, MMU_CODE_BANKS, code_bank_new, r));
    if (relative == &b->info) relative = NULL;
    code_bank_clear(b);
    code_bank_leave(b);
    if (relative)
        code_bank_inherit(m, b, code_bank_of((struct bank_info *)relative));
    else
        code_bank_begin_reach(m, b);
    return b;
}

/* ---- filling ---- */

/* For fences of the G-stage: the guest-physical page, and in its low bits the size of the leaf. */
static uint64_t guest_tag(const struct walk *w) { return (w->guest_pa & GUEST_PAGE_MASK) | w->guest_log2; }

static uint8_t leaf_of(const struct walk *w) { return (uint8_t)(w->leaf_log2 | (w->global ? TLB_LEAF_GLOBAL : 0)); }

void data_bank_fill(struct data_bank *b, bool write, gva_t va, const struct walk *w, uint64_t addend,
                    uint64_t tag_flags)
{
    unsigned i = tlb_index(va);
    struct tlb_entry *e = write ? &b->write[i] : &b->read[i];
    e->tag = (va & GUEST_PAGE_MASK) | tag_flags;
    e->addend = addend;
    *(write ? &b->write_used : &b->read_used) |= USED_BIT(i, TLB_SETS);
    (write ? b->write_leaf : b->read_leaf)[i] = leaf_of(w);
    span_add(b->info.super, va, w->leaf_log2);
    if (b->info.regime.virt) (write ? b->write_guest : b->read_guest)[i] = guest_tag(w);
}

void code_bank_fill(struct mmu *m, struct code_bank *b, gva_t va, const struct walk *w, uint8_t *host)
{
    gva_t page = va & GUEST_PAGE_MASK;
    unsigned i = fetch_index(page);
    struct fetch_entry *e = &b->fetch[i];
    b->fetch_used |= USED_BIT(i, FETCH_SETS);
    *e = (struct fetch_entry){
        .page = page, .gpa = w->gpa & GUEST_PAGE_MASK, .host = host, .guest = guest_tag(w), .leaf = leaf_of(w)};
    code_bank_note(m, b, e);
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
static bool fence_is_local(const struct mmu_fence *f, const struct mmu_span *super)
{
    const struct mmu_span *s = &super[f->address >> 63];
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
    uint64_t where = fence_is_local(f, b->info.super) ? USED_BIT(tlb_index(f->address), TLB_SETS) : UINT64_MAX;
    table_fence(b->read, b->read_leaf, b->read_guest, b->read_used & where, f);
    table_fence(b->write, b->write_leaf, b->write_guest, b->write_used & where, f);
}

/* Nothing that the fence names was ever fetched. */
static bool reach_is_clear_of(const struct jump_reach *r, const struct mmu_fence *f)
{
    if (f->scope == FENCE_G) return f->has_address && !r->any_guest_super && !page_set_has(&r->guest_pages, f->address);
    return (f->has_id && !r->any_local) || (fence_is_local(f, r->super) && !page_set_has(&r->pages, f->address));
}

/* Jumps into one page; and to the last address in the page before, whose instruction may reach over. */
static void jumps_forget_page(struct mmu *m, uint64_t tag, gva_t page)
{
    const unsigned count = JUMP_SETS < GUEST_PAGE_BYTES / 2 ? JUMP_SETS : (unsigned)GUEST_PAGE_BYTES / 2;
    struct jump_entry *first = &m->jump[jump_index(page) & ~(count - 1)];
    for (struct jump_entry *j = first; j < first + count; j++)
        if (j->tag - tag < JUMP_MODES && (j->pc & GUEST_PAGE_MASK) == page) j->tag = 0;
    struct jump_entry *before = mmu_jump(m, page - 2);
    if (before->tag - tag < JUMP_MODES && before->pc == page - 2) before->tag = 0;
}
static void code_bank_fence(struct code_bank *b, const struct mmu_fence *f)
{
    if (reach_is_clear_of(b->reach, f)) return;
    b->reach->fenced = true;
    FOR_USED(i, b->fetch_used, FETCH_SETS)
    {
        struct fetch_entry *e = &b->fetch[i];
        if (e->page != TLB_TAG_EMPTY && fence_names(f, e->page, e->leaf, e->guest)) e->page = TLB_TAG_EMPTY;
    }
}

static void reach_fence(struct mmu *m, struct jump_reach *r, const struct mmu_fence *f)
{
    if (!r->fenced) return;
    r->fenced = false;
    if (fence_is_local(f, r->super))
        jumps_forget_page(m, r->tag, f->address & GUEST_PAGE_MASK);
    else
        reach_forget(m, r);
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
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++) reach_fence(m, &m->reach[i], f);
}

void mmu_flush_all(struct mmu *m)
{
    for (unsigned i = 0; i < m->data.count; i++) data_bank_clear(data_bank_of(m->data.bank[i]));
    for (unsigned i = 0; i < m->code.count; i++) code_bank_clear(code_bank_of(m->code.bank[i]));
    mmu_flush_jumps(m);
}

void mmu_flush_jumps(struct mmu *m)
{
    for (unsigned i = 0; i < MMU_CODE_BANKS; i++)
        if (m->reach[i].banks) reach_forget(m, &m->reach[i]);
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
