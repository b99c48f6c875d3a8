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
    default: return false;
    }
}

/* For listings. */
static void note_insn(struct gen *g)
{
    struct jit *j = g->jit;
    if (!j->told) return;
    j->insns[j->made.count++] =
        (struct translated_insn){.raw = g->insn->raw, .offset = g->offset, .host = (uint32_t)(g->c.at - g->entry)};
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
    unsigned exits = g->exit_count, misses = g->miss_count;
    if (gen_insn(g)) return true;
    g->c.at = start;
    g->exit_count = exits;
    g->miss_count = misses;
    gen_deopt(g, x_jmp(&g->c));
    return false;
}

/* mov rcx, block; jmp stub */
static void leave_with_block(struct gen *g, const uint8_t *stub)
{
    x_mov_imm(&g->c, RCX, (int64_t)(intptr_t)g->block);
    x_jmp_to(&g->c, stub);
}

static void mov_edx(struct gen *g, uint32_t v)
{
    x_8(&g->c, 0xba);
    x_32(&g->c, v);
}

/* The ways out, behind the block. */
static void gen_exits(struct gen *g, uint8_t *refused)
{
    struct code *c = &g->c;
    x_aim(refused, c->at);
    x_group_imm(c, G_ADD, r_(R_BUDGET), (int32_t)g->block->length);
    leave_with_block(g, g->jit->leave_refused);
    uint8_t *deopt = c->at, *stub = NULL;
    leave_with_block(g, g->jit->leave_deopt);
    for (unsigned i = 0; i < g->exit_count; i++) {
        const struct exit *e = &g->exits[i];
        if (i > 0 && e->kind == EXIT_DEOPT && e[-1].kind == EXIT_DEOPT && e[-1].value == e->value) {
            x_aim(e->site, stub); /* the same instruction's */
            continue;
        }
        stub = c->at;
        x_aim(e->site, c->at);
        const struct engine_counts *counts = g->jit->engine->counts;
        if (counts && e->kind == EXIT_DEOPT) count(g, &counts->left[g->insns[e->value].id], 1);
        mov_edx(g, e->value);
        if (e->kind == EXIT_DEOPT) {
            x_jmp_to(c, deopt);
        } else {
            x_mov_imm(c, RCX, (int64_t)(intptr_t)e->site);
            x_jmp_to(c, g->jit->leave_link);
        }
    }
}

bool jit_emit_block(struct jit *j, struct block *b, isa_set live)
{
    b->hint = j->next_hint;
    struct gen g = {.c = j->code, .jit = j, .block = b, .host = gen_host};
    for (unsigned i = 0; i < b->length; i++) insn_decode(block_raw(b)[i], live, &g.insns[i]);
    /* What a dead block's entry is overwritten with goes here, and so to the block that lives at this address now. */
    mov_edx(&g, gen_page_offset(&g));
    x_mov_imm(&g.c, RCX, 0);
    x_jmp_to(&g.c, j->leave_link);
    g.entry = g.c.at;
    x_group_imm(&g.c, G_SUB, r_(R_BUDGET), (int32_t)b->length);
    uint8_t *refused = x_jcc(&g.c, C_S), *body = g.c.at;
    if (j->engine->counts && b->accesses) count(&g, &j->engine->counts->accesses, b->accesses);
    j->made.count = 0;
    bool goes_on = true;
    for (unsigned i = 0; i < b->length && goes_on; i++) {
        g.insn = &g.insns[i];
        g.index = i;
        note_insn(&g);
        goes_on = gen_or_leave(&g);
        if (i == 0 && !goes_on) return false;
        g.offset += g.insn->length;
    }
    if (goes_on && !insn_ends_block(&g.insns[b->length - 1])) gen_go_to(&g, (int32_t)g.offset);
    j->made.host_end = (uint32_t)(g.c.at - g.entry);
    gen_misses(&g);
    gen_exits(&g, refused);
    j->made.bytes = (size_t)(g.c.at - g.entry);
    j->next_hint = (b->hint + g.accesses) % ACCESS_HINTS;
    _Static_assert(JIT_DEAD_BYTES == 5 + 2 + 5, "mov, xor, jmp");
    b->native = code_exec(&g.c, g.entry);
    b->native_body = code_exec(&g.c, body);
    j->code = g.c;
    return true;
}
