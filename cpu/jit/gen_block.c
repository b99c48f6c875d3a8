/* The generator for x86-64: a block, instruction by instruction, and its ways out. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* ---- blocks ---- */

static bool gen_insn(struct gen *g)
{
    const struct row_trees *row = &row_trees[g->insn->id];
    g->loaded = RAX;
    switch (insn_info(g->insn->id)->kind) {
    case KIND_ALU: return gen_alu(g, row->value);
    case KIND_NOP: return true;
    case KIND_LOAD: return gen_load(g, row);
    case KIND_STORE: return gen_store(g, row);
    case KIND_AMO: return gen_amo(g, row);
    case KIND_LR: return gen_lr(g, row);
    case KIND_SC: return gen_sc(g, row);
    case KIND_BRANCH: return gen_branch(g, row->value);
    case KIND_JUMP: return gen_jump(g);
    case KIND_JUMPR: return gen_jump_register(g, row->value);
    case KIND_FP:
    case KIND_FPR: return gen_fp(g);
    case KIND_SYS: return gen_system(g);
    default: return false;
    }
}

/* For listings. */
static void note_insn(struct gen *g)
{
    struct jit *j = g->jit;
    if (!j->told || g->separate) return;
    const uint8_t *at = g->plan && g->index == 0 ? g->plan->member[g->member].label : g->c.at;
    gva_t block = g->plan ? g->plan->member[g->member].pc : j->made.pc;
    j->insns[j->made.count++] =
        (struct translated_insn){.raw = g->insn->raw, .host = (uint32_t)(at - g->entry), .pc = block + g->offset};
}

/* Counts in memory that stays where it is; rax is lost, and the flags. */
static void count(struct gen *g, const uint64_t *counter, unsigned n)
{
    x_mov_imm(&g->c, RAX, (int64_t)(intptr_t)counter);
    x_group_imm(&g->c, G_ADD, m_(RAX, 0), (int32_t)n);
}

/* One instruction, or the way to the interpreter instead. false: nothing behind it is reached. */
static bool gen_or_leave(struct gen *g)
{
    uint8_t *start = g->c.at;
    unsigned exits = g->exit_count, misses = g->miss_count, copies = g->copy_count;
    if (gen_insn(g)) return true;
    g->c.at = start;
    g->exit_count = exits;
    g->miss_count = misses;
    g->copy_count = copies;
    gen_deopt(g, x_jmp(&g->c));
    return false;
}

void gen_mov_edx(struct gen *g, uint32_t v)
{
    x_8(&g->c, 0xba);
    x_32(&g->c, v);
}

static const struct block *block_of_exit(const struct gen *g, const struct exit *e)
{
    return g->plan ? g->plan->member[e->member].block : g->block;
}

static bool same_exit(const struct exit *a, const struct exit *b)
{
    return a->kind == b->kind && a->value == b->value && a->member == b->member && a->place == b->place;
}

static void count_deopt(struct gen *g, const struct block *b, unsigned index)
{
    const struct engine_counts *counts = g->jit->engine->counts;
    struct insn insn;
    if (!counts) return;
    insn_decode(block_raw(b)[index], g->live, &insn);
    count(g, &counts->left[insn.id], 1);
}

static void gen_exit(struct gen *g, const struct exit *e)
{
    struct code *c = &g->c;
    const struct block *b = block_of_exit(g, e);
    g->member = e->member;
    if (e->kind == EXIT_DEOPT) {
        count_deopt(g, b, e->value);
        gen_mov_edx(g, e->value);
        const uint8_t **tail = g->plan ? &g->tails[e->place] : &g->deopt;
        if (*tail) {
            x_jmp_to(c, *tail);
            return;
        }
        *tail = c->at;
    }
    unsigned joined = gen_joined_length(g, e->member);
    gen_set_page(g, e->member);
    if (g->plan) gen_leave_region(g, &g->places[e->place]);
    if (joined) x_group_imm(c, G_ADD, r_(R_BUDGET), (int32_t)joined);
    switch (e->kind) {
    case EXIT_DEOPT:
        x_mov_imm(c, RCX, (int64_t)(intptr_t)b);
        x_jmp_to(c, g->jit->leave_deopt);
        break;
    case EXIT_REFUSED:
        if (joined) { /* for the block alone it may do */
            uint8_t *refused = x_jcc(c, C_S);
            x_jmp_to(c, b->native_body - c->to_exec);
            x_aim(refused, c->at);
        }
        x_group_imm(c, G_ADD, r_(R_BUDGET), (int32_t)b->length);
        x_mov_imm(c, RCX, (int64_t)(intptr_t)b);
        x_jmp_to(c, g->jit->leave_refused);
        break;
    case EXIT_LINK: {
        uint8_t *site = g->plan ? x_jmp(c) : e->site;
        if (g->plan) x_aim(site, c->at);
        gen_mov_edx(g, e->value);
        x_mov_imm(c, RCX, (int64_t)(intptr_t)site);
        x_jmp_to(c, g->jit->leave_link);
        break;
    }
    default: /* EXIT_FAR */
        g->block = b;
        gen_pc(g, RAX, (int32_t)e->value);
        gen_jump_anywhere(g);
    }
}

/* From between members that are joined: registers and the budget become what the label expects. */
static void gen_way_to_label(struct gen *g, const struct exit *e)
{
    x_aim(e->site, g->c.at);
    gen_registers_settle_from(g, &g->places[e->place]);
    x_group_imm(&g->c, G_ADD, r_(R_BUDGET), (int32_t)gen_joined_length(g, e->member));
    x_jmp_to(&g->c, g->plan->member[e->value].label);
}

void gen_exits(struct gen *g)
{
    uint8_t *stub = NULL;
    for (unsigned i = 0; i < g->exit_count; i++) {
        const struct exit *e = &g->exits[i];
        if (e->kind == EXIT_LABEL && e->unsettled) {
            gen_way_to_label(g, e);
            continue;
        }
        if (e->kind == EXIT_LABEL) {
            x_aim(e->site, g->plan->member[e->value].label);
            continue;
        }
        if (i > 0 && e->kind == EXIT_DEOPT && same_exit(e, &e[-1])) {
            x_aim(e->site, stub);
            continue;
        }
        stub = g->c.at;
        x_aim(e->site, g->c.at);
        gen_exit(g, e);
    }
}

/* The same, with registers where they are best. */
static bool gen_in_region(struct gen *g)
{
    if (insn_ends_block(g->insn) && !gen_goes_on(g)) {
        gen_settle(g);
        g->exit_place = gen_place(g);
        return gen_or_leave(g);
    }
    if (!gen_prepare(g)) return true;
    bool goes_on = gen_or_leave(g);
    if (goes_on)
        gen_registers_done(g);
    else if (!g->tables->uses[g->index].leaves)
        g->failed = true; /* it was taken for one without a way out */
    return goes_on;
}

static void count_accesses(struct gen *g)
{
    const struct block *b = g->block;
    if (g->jit->engine->counts && b->accesses) count(g, &g->jit->engine->counts->accesses, b->accesses);
}

/* On to the member that is joined to the present one. */
static void go_on(struct gen *g)
{
    g->first += g->block->length;
    g->member++;
    g->block = g->plan->member[g->member].block;
    g->now.member = g->member;
    g->offset = 0;
    g->accesses = 0;
    count_accesses(g);
}

/* The instructions from i on, at g->offset. *first: the first one of the block is native. */
static void gen_from(struct gen *g, unsigned i, bool *first)
{
    bool goes_on = true;
    for (; i < g->length && goes_on; i++) {
        if (i == g->first + g->block->length) go_on(g);
        g->insn = &g->insns[i];
        g->index = i;
        note_insn(g);
        goes_on = g->plan ? gen_in_region(g) : gen_or_leave(g);
        if (i == 0) *first = goes_on;
        g->offset += g->insn->length;
    }
    if (!goes_on || insn_ends_block(&g->insns[g->length - 1])) return;
    g->index = g->length;
    if (g->plan) gen_settle(g);
    g->exit_place = gen_place(g);
    gen_go_to(g, (int32_t)g->offset);
}

void gen_rest(struct gen *g)
{
    bool first;
    if (!gen_or_leave(g)) return;
    gen_registers_done(g);
    g->offset += g->insn->length;
    gen_from(g, g->index + 1, &first);
}

/* Of an operation whose operands may be exchanged, the first is to be the one that the result replaces, as host instructions have it. */
static void commute(struct insn *i)
{
    static const enum insn_id ids[] = {INSN_add, INSN_addw, INSN_and, INSN_or, INSN_xor, INSN_mul, INSN_mulw};
    if (i->rs2 != i->rd || i->rs1 == i->rd) return;
    for (unsigned k = 0; k < ARRAY_LEN(ids); k++) {
        if (i->id != ids[k]) continue;
        i->rs2 = i->rs1;
        i->rs1 = i->rd;
        return;
    }
}

static void decode(struct gen *g, const struct block *b)
{
    for (unsigned i = 0; i < b->length; i++) {
        struct insn *insn = &g->insns[g->length++];
        insn_decode(block_raw(b)[i], g->live, insn);
        commute(insn);
    }
}

void gen_body(struct gen *g, bool *first)
{
    g->length = 0;
    decode(g, g->block);
    for (unsigned i = g->member + 1; g->plan && i < g->plan->count && g->plan->member[i].joined; i++)
        decode(g, g->plan->member[i].block);
    g->first = 0;
    g->offset = 0;
    g->accesses = 0;
    gen_fp_forget(g);
    if (g->plan) gen_registers_begin(g);
    count_accesses(g);
    if (!g->plan) g->jit->made.count = 0;
    *first = true;
    gen_from(g, 0, first);
}

bool jit_emit_block(struct jit *j, struct block *b, isa_set live)
{
    struct exit exits[GEN_EXITS(BLOCK_INSNS_MAX)];
    struct miss misses[BLOCK_INSNS_MAX];
    struct gen g = {.c = j->code,
                    .jit = j,
                    .block = b,
                    .live = live,
                    .host = gen_host,
                    .xmm_last = 15,
                    .next_member = -1,
                    .exits = exits,
                    .misses = misses};
    if (!j->ram->size && bus_largest_ram(j->engine->bus)) j->ram = bus_largest_ram(j->engine->bus);
    b->hint = j->next_hint;
    /* What a dead block's entry is overwritten with goes here, and so to the block that lives at this address now. */
    gen_mov_edx(&g, gen_page_offset(&g));
    x_mov_imm(&g.c, RCX, 0);
    x_jmp_to(&g.c, j->leave_link);
    g.entry = g.c.at;
    x_group_imm(&g.c, G_SUB, r_(R_BUDGET), (int32_t)b->length);
    g.exits[g.exit_count++] = (struct exit){x_jcc(&g.c, C_S), EXIT_REFUSED, 0, 0, 0, false};
    uint8_t *body = g.c.at;
    bool first;
    gen_body(&g, &first);
    if (!first) return false;
    j->made.host_end = (uint32_t)(g.c.at - g.entry);
    gen_misses(&g);
    gen_exits(&g);
    j->made.bytes = (size_t)(g.c.at - g.entry);
    j->next_hint = (b->hint + g.accesses) % ACCESS_HINTS;
    _Static_assert(JIT_DEAD_BYTES == 5 + 2 + 5, "mov, xor, jmp");
    b->native = code_exec(&g.c, g.entry);
    b->native_body = code_exec(&g.c, body);
    j->code = g.c;
    return true;
}
