/* The generator for x86-64: a region. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"
#include <assert.h>

#define FOR_EACH_X for (unsigned n = 1; n < 32; n++)
#define FOR_EACH_F for (unsigned n = 0; n < 32; n++)

/* Registers that blocks on their own keep elsewhere, and the reverse. */
static bool is_own(const struct plan *p, unsigned n) { return p->host[n] != NOT_PINNED && gen_host[n] == NOT_PINNED; }
static bool is_evicted(const struct plan *p, unsigned n)
{
    return p->host[n] == NOT_PINNED && gen_host[n] != NOT_PINNED;
}

void gen_leave_region(struct gen *g, const struct place *p)
{
    struct code *c = &g->c;
    const struct plan *plan = g->plan;
    if (!plan) return;
    FOR_EACH_X if (p->low >> n & 1) x_ins(c, X_W | 0x63, p->host[n], r_(p->host[n])); /* movsxd */
    FOR_EACH_X if (p->host[n] != gen_host[n] && (p->stale >> n & 1)) x_store(c, XREG(n), p->host[n]);
    FOR_EACH_X if (p->host[n] != gen_host[n] && gen_host[n] != NOT_PINNED) x_load(c, gen_host[n], XREG(n));
    FOR_EACH_F if (plan->f_host[n] && (plan->f_written >> n & 1)) gen_fp_put_home(g, n, p);
}

/* Where registers are at every label. */
static void place_at_label(struct gen *g)
{
    const struct plan *p = g->plan;
    memcpy(g->now.host, p->host, sizeof g->now.host);
    g->host = g->now.host;
    g->label_stale = 0;
    FOR_EACH_X
    {
        bool kept = gen_host[n] != NOT_PINNED || (p->x_written >> n & 1);
        if (p->host[n] != NOT_PINNED && kept) g->label_stale |= UINT32_C(1) << n;
    }
    g->now.stale = g->label_stale;
    g->now.low = 0;
    g->now.nan_d = p->nan_d;
    g->now.nan_s = p->nan_s;
    g->now.member = g->member;
    g->raw_f = 0;
}

static unsigned add_place(struct gen *g, const struct place *p)
{
    if (!g->place_count || memcmp(&g->places[g->place_count - 1], p, sizeof *p) != 0) g->places[g->place_count++] = *p;
    return g->place_count - 1;
}

unsigned gen_place(struct gen *g)
{
    if (!g->plan) return 0;
    if (g->limbo) return NO_PLACE;
    struct place p = g->now;
    FOR_EACH_X if (p.host[n] == gen_host[n]) p.stale &= ~(UINT32_C(1) << n); /* is where it belongs */
    return add_place(g, &p);
}

unsigned gen_place_inside(struct gen *g) { return g->limbo ? NO_PLACE : add_place(g, &g->now); }

void gen_settle(struct gen *g)
{
    gen_registers_settle(g);
    gen_settle_nans(g);
}

static void enter_region(struct gen *g)
{
    struct code *c = &g->c;
    const struct plan *p = g->plan;
    FOR_EACH_X if (is_evicted(p, n)) x_store(c, XREG(n), gen_host[n]);
    FOR_EACH_X if (is_own(p, n)) x_load(c, p->host[n], XREG(n));
    FOR_EACH_F if (p->f_host[n]) x_ins(c, X_F2 | X_0F | 0x10, p->f_host[n], FREG(n));
}

void gen_set_page(struct gen *g, unsigned member)
{
    if (!g->plan || !g->plan->several_pages) return;
    x_mov_imm(&g->c, RAX, (int64_t)(g->plan->member[member].pc & GUEST_PAGE_MASK));
    x_store(&g->c, m_(R_HART, H(pc)), RAX);
}

/* ---- entries ---- */

#define GUARDS_MAX (REGION_MEMBERS_MAX * 3 + 1 + 32 + 5)

/* That rax is the constant; else to one of the sites. */
static uint8_t *guard(struct gen *g, struct rm m, uint64_t value)
{
    x_mov_imm(&g->c, RCX, (int64_t)value);
    x_group(&g->c, G_CMP, RCX, m);
    return x_jcc(&g->c, C_NE);
}

/* The region's code holds addresses of several pages: they are mapped as they were when it was made if the jump cache, which holds only
 * what is true at present, leads from an address in each page to the block that was there. */
static unsigned gen_guards(struct gen *g, unsigned member, uint8_t **sites)
{
    struct code *c = &g->c;
    const struct plan *p = g->plan;
    unsigned count = 0;
    gva_t page = p->member[member].pc & GUEST_PAGE_MASK;
    x_load(c, RAX, m_(R_HART, H(pc)));
    x_group_imm(c, G_AND, r_(RAX), -(int32_t)GUEST_PAGE_BYTES);
    sites[count++] = guard(g, r_(RAX), page);
    x_load(c, RDX, m_(R_HART, H(code)));
    x_load(c, RDX, m_(RDX, (int32_t)offsetof(struct code_bank, jump_tag)));
    x_group_imm(c, G_ADD, r_(RDX), p->member[member].block->mode);
    x_load(c, RAX, m_(R_HART, H(mmu.jump)));
    for (unsigned i = 0; i < p->count; i++) {
        const struct member *m = &p->member[i];
        if ((m->pc & GUEST_PAGE_MASK) == page) continue;
        bool first = true;
        for (unsigned k = 0; k < i; k++) first = first && ((p->member[k].pc ^ m->pc) & GUEST_PAGE_MASK);
        if (!first) continue;
        int32_t at = (int32_t)(jump_index(m->pc) * sizeof(struct jump_entry));
        sites[count++] = guard(g, m_(RAX, at + (int32_t)offsetof(struct jump_entry, pc)), m->pc);
        x_group(c, G_CMP, RDX, m_(RAX, at + (int32_t)offsetof(struct jump_entry, tag)));
        sites[count++] = x_jcc(c, C_NE);
        sites[count++] =
            guard(g, m_(RAX, at + (int32_t)offsetof(struct jump_entry, block)), (uint64_t)(uintptr_t)m->block);
    }
    return count;
}

/* Registers whose NaNs stand for the canonical one hold no other when the region is entered. */
static unsigned gen_nan_guards(struct gen *g, uint8_t **sites)
{
    unsigned count = 0;
    FOR_EACH_F
    {
        bool single = g->plan->nan_s >> n & 1;
        if (!single && !(g->plan->nan_d >> n & 1)) continue;
        /* Without its sign a NaN is more than infinity. Compared as integers, because ucomisd raises NV for a signalling one. */
        unsigned wide = single ? 0 : X_W;
        x_ins(&g->c, wide | 0x8b, RAX, FREG(n));
        x_ins(&g->c, wide | 0x03, RAX, r_(RAX)); /* add */
        x_mov_imm(&g->c, RCX, single ? INT64_C(0xff000000) : -(INT64_C(1) << 53));
        x_ins(&g->c, wide | 0x3b, RAX, r_(RCX)); /* cmp */
        sites[count++] = x_jcc(&g->c, C_A);
    }
    return count;
}

/* That the 64-bit value in memory is what it was when the region was made. */
static uint8_t *guard_field(struct gen *g, struct rm m, uint64_t value)
{
    x_load(&g->c, RAX, m);
    return guard(g, r_(RAX), value);
}

/* Loads are still by physical addresses, and PMP says what it said: plan->flat. */
static unsigned gen_flat_guards(struct gen *g, uint8_t **sites)
{
    struct code *c = &g->c;
    const int32_t regime = (int32_t)(offsetof(struct data_bank, info) + offsetof(struct bank_info, regime));
    const struct hart *h = g->plan->hart;
    unsigned count = 0;
    uint64_t who;
    if (!g->plan->flat) return 0;
    _Static_assert(offsetof(struct mmu_regime, virt) == offsetof(struct mmu_regime, priv) + 1 &&
                       sizeof(struct mmu_regime) >= offsetof(struct mmu_regime, priv) + sizeof who,
                   "compared at once");
    memcpy(&who, &h->data->info.regime.priv, sizeof who);
    sites[count++] = guard_field(g, m_(R_BANK, regime + (int32_t)offsetof(struct mmu_regime, priv)), who);
    sites[count++] = guard_field(g, m_(R_BANK, regime + (int32_t)offsetof(struct mmu_regime, satp)), 0);
    x_ins(c, 0x83, G_CMP, m_(R_HART, H(mmu.pmp.active)));
    x_8(c, h->mmu.pmp.active);
    sites[count++] = x_jcc(c, C_NE);
    if (!h->mmu.pmp.active) return count;
    x_ins(c, 0x80, G_CMP, m_(R_HART, H(mmu.pmp.cfg[0])));
    x_8(c, h->mmu.pmp.cfg[0]);
    sites[count++] = x_jcc(c, C_NE);
    sites[count++] = guard_field(g, m_(R_HART, H(mmu.pmp.addr[0])), h->mmu.pmp.addr[0]);
    return count;
}

/* Where the entry of the member's own code leads from now on; if a guard fails it is run after all. */
static void gen_entry(struct gen *g, unsigned member)
{
    struct code *c = &g->c;
    const struct block *b = g->plan->member[member].block;
    uint8_t *sites[GUARDS_MAX];
    unsigned guards = g->plan->several_pages ? gen_guards(g, member, sites) : 0;
    guards += gen_nan_guards(g, sites + guards);
    guards += gen_flat_guards(g, sites + guards);
    enter_region(g);
    x_jmp_to(c, g->plan->member[member].label);
    if (!guards) return;
    for (unsigned i = 0; i < guards; i++) x_aim(sites[i], c->at);
    x_group_imm(c, G_SUB, r_(R_BUDGET), (int32_t)b->length);
    uint8_t *refused = x_jcc(c, C_S);
    x_jmp_to(c, b->native_body - c->to_exec);
    x_aim(refused, c->at);
    x_group_imm(c, G_ADD, r_(R_BUDGET), (int32_t)b->length);
    x_mov_imm(c, RCX, (int64_t)(intptr_t)b);
    x_jmp_to(c, g->jit->leave_refused);
}

static void redirect(struct jit *j, struct region *r, unsigned i, const uint8_t *to)
{
    struct block *b = r->of[i].block;
    struct code at = {.at = (uint8_t *)b->native - j->code.to_exec, .to_exec = j->code.to_exec};
    memcpy(r->of[i].saved, at.at, sizeof r->of[i].saved);
    x_jmp_to(&at, to);
    r->of[i].entered = true;
    b->region_entered = true;
}

/* ---- code ---- */

#define REGION_ENDS_MAX (REGION_MEMBERS_MAX + COPIES_MAX)
#define PLACES_MAX      (REGION_INSNS_MAX * 4 + REGION_ENDS_MAX * 4)

/* An instruction has ways out from two places, a member from four and its entry. */
size_t jit_region_room(const struct plan *p)
{
    size_t way_out = 300 + F_HOSTS_MAX * 50;
    size_t insns = (size_t)p->insns * 2, ends = (size_t)p->count + COPIES_MAX; /* copies are no more than all of it */
    return insns * (300 + 2 * way_out) + ends * (1200 + 6 * way_out) + (4u << 10);
}

unsigned gen_joined_length(const struct gen *g, unsigned member)
{
    unsigned sum = 0;
    if (!g->plan) return 0;
    for (unsigned i = member + 1; i < g->plan->count && g->plan->member[i].joined; i++)
        sum += g->plan->member[i].block->length;
    return sum;
}

static void gen_member(struct gen *g, unsigned member)
{
    bool first;
    struct member *m = (struct member *)&g->plan->member[member];
    unsigned behind = member + 1;
    while (behind < g->plan->count && g->plan->member[behind].joined) behind++;
    m->label = g->c.at;
    g->member = member;
    g->next_member = behind < g->plan->count ? (int)behind : -1;
    g->block = m->block;
    place_at_label(g);
    x_group_imm(&g->c, G_SUB, r_(R_BUDGET), (int32_t)(m->block->length + gen_joined_length(g, member)));
    g->exits[g->exit_count++] = (struct exit){x_jcc(&g->c, C_S), EXIT_REFUSED, 0, member, gen_place(g), false};
    gen_body(g, &first);
}

static void tell(struct jit *j, const struct plan *p, const uint8_t *code)
{
    j->made.pc = p->member[0].pc;
    j->made.blocks = p->count;
    j->made.live = j->engine->modes[p->member[0].block->mode].live;
    j->made.code = code;
    j->made.insns = j->insns;
    j->told(j->told_self, &j->made);
}

/* The region's code, without entries. false: it is wrong, but would not be with g->keep_all. */
static bool gen_members(struct gen *g)
{
    struct jit *j = g->jit;
    j->made.count = 0;
    for (unsigned i = 0; i < g->plan->count; i++)
        if (!g->plan->member[i].joined) gen_member(g, i);
    j->made.host_end = (uint32_t)(g->c.at - g->entry);
    gen_copies(g);
    if (g->failed) return false;
    gen_misses(g);
    gen_mends(g);
    gen_exits(g);
    return true;
}

void jit_emit_region(struct jit *j, struct plan *plan, struct region *r)
{
    struct exit exits[GEN_EXITS(REGION_INSNS_MAX) + REGION_ENDS_MAX * 32];
    struct miss misses[REGION_INSNS_MAX * 2];
    struct mend mends[REGION_INSNS_MAX * 6 + REGION_ENDS_MAX * 32];
    struct copy copies[COPIES_MAX];
    struct tables tables;
    struct place places[PLACES_MAX];
    const uint8_t *tails[PLACES_MAX] = {NULL};
    const struct gen begin = {.c = j->code,
                              .jit = j,
                              .plan = plan,
                              .live = j->engine->modes[plan->member[0].block->mode].live,
                              .entry = j->code.at,
                              .xmm_last = 15 - plan->f_hosts,
                              .exits = exits,
                              .misses = misses,
                              .mends = mends,
                              .copies = copies,
                              .tables = &tables,
                              .places = places,
                              .tails = tails};
    struct gen g = begin;
    if (!gen_members(&g)) {
        g = begin;
        g.keep_all = true;
        gen_members(&g);
    }
    for (unsigned i = 0; i < plan->count; i++) {
        if (plan->member[i].block->region_entered || plan->member[i].joined) continue;
        const uint8_t *entry = g.c.at;
        gen_entry(&g, i);
        redirect(j, r, i, entry);
    }
    assert((size_t)(g.c.at - j->code.at) <= jit_region_room(plan));
    j->made.bytes = (size_t)(g.c.at - g.entry);
    if (j->told) tell(j, plan, code_exec(&g.c, g.entry));
    j->code = g.c;
}
