/* The generator for x86-64: accesses of a member of a region that are made in one page, because they are made close to one another.
 *
 * Loads through the same base register, which nothing but additions of constants changes between them, are a group, and so are stores. The first
 * one checks that all of them lie in one page, and keeps what is to be added to a guest address there; the others take that: while native
 * code runs, no translation changes. Should they not lie in one page, another copy of the rest of the block goes on, in which each access
 * is on its own. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

#define SPAN_MAX   1024
#define WORTHWHILE 3 /* accesses: the check costs as much as one saves */

static bool in_group(const struct insn *i)
{
    enum insn_kind kind = insn_info(i->id)->kind;
    return (kind == KIND_LOAD || kind == KIND_STORE) && i->rs1 != 0;
}

/* Adds access i to the open group of its kind and base, or opens one. moved: how far the base has gone since the group began. */
static void join(struct gen *g, unsigned i, uint8_t *open, const int32_t *moved)
{
    const struct insn *insn = &g->insns[i];
    int32_t low = moved[*open] + insn->imm, high = low + insn_info(insn->id)->mem_bytes;
    struct group *group = &g->tables->groups[*open];
    int32_t new_low = low < group->low ? low : group->low, new_high = high > group->high ? high : group->high;
    if (*open && new_high - new_low <= SPAN_MAX) {
        group->low = new_low;
        group->high = new_high;
        group->count++;
    } else if (g->group_count < GROUPS_MAX) {
        *open = (uint8_t)++g->group_count;
        g->tables->groups[*open] = (struct group){
            .low = insn->imm, .high = insn->imm + insn_info(insn->id)->mem_bytes, .first = (uint8_t)i, .count = 1};
    } else {
        *open = 0;
    }
    g->tables->group_of[i] = *open;
}

void gen_groups_begin(struct gen *g)
{
    uint8_t open[2][32] = {{0}};
    int32_t moved[GROUPS_MAX + 1] = {0};
    g->group_count = 0;
    for (unsigned i = 0; i < g->length; i++) {
        const struct insn *insn = &g->insns[i];
        g->tables->group_of[i] = 0;
        if (in_group(insn)) join(g, i, &open[insn_info(insn->id)->kind == KIND_STORE][insn->rs1], moved);
        unsigned rd = g->tables->uses[i].rd;
        if (!rd) continue;
        bool adds = insn->id == INSN_addi && insn->rs1 == rd;
        for (unsigned store = 0; store < 2; store++) {
            uint8_t *o = &open[store][rd];
            if (adds && *o)
                moved[*o] += insn->imm;
            else
                *o = 0;
        }
    }
}

struct group *gen_group(struct gen *g)
{
    if (!g->plan || g->separate || g->index >= g->length) return NULL;
    unsigned n = g->tables->group_of[g->index];
    return n && g->tables->groups[n].count >= WORTHWHILE ? &g->tables->groups[n] : NULL;
}

struct rm gen_group_addend(const struct gen *g)
{
    return m_(R_HART, H(group_addends) + (int32_t)((g->tables->group_of[g->index] - 1u) * sizeof(uint64_t)));
}

bool gen_group_check(struct gen *g, struct group *group, unsigned base)
{
    struct code *c = &g->c;
    unsigned rest = g->length - g->index;
    if (g->copy_count == COPIES_MAX || g->copied + rest > g->plan->insns) return false;
    struct copy *copy = &g->copies[g->copy_count++];
    copy->state = *g;
    copy->tables = *g->tables;
    g->copied += rest;
    if (g->plan->flat && insn_info(g->insn->id)->kind == KIND_LOAD) {
        copy->site = gen_check_flat(g, base, group->low, (unsigned)(group->high - group->low));
        group->checked = true;
        return true;
    }
    x_ins(c, 0x8d, RDX, m_(base, group->low)); /* lea edx */
    x_ins(c, 0x81, G_AND, r_(RDX));
    x_32(c, GUEST_PAGE_BYTES - 1);
    x_ins(c, 0x81, G_CMP, r_(RDX));
    x_32(c, (uint32_t)(GUEST_PAGE_BYTES - (group->high - group->low)));
    copy->site = x_jcc(c, C_A);
    group->checked = true;
    return true;
}

void gen_copies(struct gen *g)
{
    for (unsigned i = 0; i < g->copy_count; i++) {
        struct copy *copy = &g->copies[i];
        struct gen now = *g;
        *g = copy->state;
        g->c = now.c;
        g->exit_count = now.exit_count;
        g->miss_count = now.miss_count;
        g->mend_count = now.mend_count;
        g->place_count = now.place_count;
        g->copy_count = now.copy_count;
        g->failed = now.failed;
        g->host = g->now.host;
        g->tables = &copy->tables;
        g->insn = &g->insns[g->index];
        g->separate = true;
        g->next_member = -1;
        x_aim(copy->site, g->c.at);
        gen_rest(g);
    }
}
