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

void gen_leave_region(struct gen *g)
{
    struct code *c = &g->c;
    const struct plan *p = g->plan;
    if (!p) return;
    FOR_EACH_X if (is_own(p, n) && (p->x_written >> n & 1)) x_store(c, XREG(n), p->host[n]);
    FOR_EACH_X if (is_evicted(p, n)) x_load(c, gen_host[n], XREG(n));
    FOR_EACH_F if (p->f_host[n] && (p->f_written >> n & 1))
        x_ins(c, X_F2 | X_0F | 0x11, p->f_host[n], FREG(n)); /* movsd */
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

#define GUARDS_MAX (REGION_MEMBERS_MAX * 2 + 1)

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
    x_load(c, RAX, m_(R_HART, H(code)));
    for (unsigned i = 0; i < p->count; i++) {
        const struct member *m = &p->member[i];
        if ((m->pc & GUEST_PAGE_MASK) == page) continue;
        bool first = true;
        for (unsigned k = 0; k < i; k++) first = first && ((p->member[k].pc ^ m->pc) & GUEST_PAGE_MASK);
        if (!first) continue;
        unsigned slot = jump_index(m->pc) ^ (unsigned)MODE_SALT(m->block->mode);
        int32_t at = (int32_t)(offsetof(struct code_bank, jump) + slot * sizeof(struct jump_entry));
        sites[count++] = guard(g, m_(RAX, at + (int32_t)offsetof(struct jump_entry, pc)), m->pc);
        sites[count++] =
            guard(g, m_(RAX, at + (int32_t)offsetof(struct jump_entry, block)), (uint64_t)(uintptr_t)m->block);
    }
    return count;
}

/* Where the entry of the member's own code leads from now on; if a guard fails it is run after all. */
static void gen_entry(struct gen *g, unsigned member)
{
    struct code *c = &g->c;
    const struct block *b = g->plan->member[member].block;
    uint8_t *sites[GUARDS_MAX];
    unsigned guards = g->plan->several_pages ? gen_guards(g, member, sites) : 0;
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

#define BYTES_OF_INSN   300
#define BYTES_OF_MEMBER 1500

size_t jit_region_room(const struct plan *p)
{
    return (size_t)p->insns * BYTES_OF_INSN + (size_t)p->count * BYTES_OF_MEMBER + (4u << 10);
}

static void gen_member(struct gen *g, unsigned member)
{
    bool first;
    struct member *m = (struct member *)&g->plan->member[member];
    m->label = g->c.at;
    g->member = member;
    g->next_member = member + 1 < g->plan->count ? (int)member + 1 : -1;
    g->block = m->block;
    x_group_imm(&g->c, G_SUB, r_(R_BUDGET), (int32_t)m->block->length);
    g->exits[g->exit_count++] = (struct exit){x_jcc(&g->c, C_S), EXIT_REFUSED, 0, member};
    gen_body(g, &first);
}

void jit_emit_region(struct jit *j, struct plan *plan, struct region *r)
{
    struct exit exits[GEN_EXITS(REGION_INSNS_MAX)];
    struct miss misses[REGION_INSNS_MAX];
    struct gen g = {.c = j->code,
                    .jit = j,
                    .plan = plan,
                    .live = j->engine->modes[plan->member[0].block->mode].live,
                    .host = plan->host,
                    .xmm_last = 15 - plan->f_hosts,
                    .exits = exits,
                    .misses = misses};
    for (unsigned i = 0; i < plan->count; i++) gen_member(&g, i);
    gen_misses(&g);
    gen_exits(&g);
    for (unsigned i = 0; i < plan->count; i++) {
        if (plan->member[i].block->region_entered) continue;
        const uint8_t *entry = g.c.at;
        gen_entry(&g, i);
        redirect(j, r, i, entry);
    }
    assert((size_t)(g.c.at - j->code.at) <= jit_region_room(plan));
    j->code = g.c;
}
