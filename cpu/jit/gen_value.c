/* The generator for x86-64, integer values: a tree of operators becomes instructions. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* ---- operands ---- */

static struct opnd operand_imm(int64_t v) { return (struct opnd){.imm = true, .value = v}; }

struct opnd gen_operand_x(const struct gen *g, unsigned n)
{
    return n == 0 ? operand_imm(0) : (struct opnd){.rm = gen_x(g, n)};
}

/* A tree that needs no instruction. */
bool gen_leaf(const struct gen *g, const struct tree *t, struct opnd *o)
{
    switch (t->op) {
    case T_RS1: *o = gen_operand_x(g, g->insn->rs1); return true;
    case T_RS2: *o = gen_operand_x(g, g->insn->rs2); return true;
    case T_IMM: *o = operand_imm(g->insn->imm); return true;
    case T_CONST: *o = operand_imm(t->constant); return true;
    case T_LOADED: *o = (struct opnd){.rm = r_((unsigned)g->loaded)}; return true;
    default: return false;
    }
}

bool gen_is_imm32(const struct opnd *o) { return o->imm && o->value == (int32_t)o->value; }
bool gen_is_reg(const struct opnd *o) { return !o->imm && !o->rm.mem; }

void gen_move(struct gen *g, unsigned dst, const struct opnd *o)
{
    if (o->imm)
        x_mov_imm(&g->c, dst, o->value);
    else if (o->rm.mem || o->rm.reg != dst)
        x_load(&g->c, dst, o->rm);
}

/* A scratch register beside dst. */
static unsigned beside(unsigned dst) { return dst == RDX ? RCX : RDX; }

/* The value of t as something that the second operand of an operation on dst may be; complex ones and wide constants take a register. */
static bool second(struct gen *g, const struct tree *t, unsigned dst, struct opnd *o)
{
    unsigned scratch = beside(dst);
    if (gen_leaf(g, t, o)) {
        if (!o->imm || gen_is_imm32(o)) return true;
        x_mov_imm(&g->c, scratch, o->value);
    } else if (!gen_value(g, t, scratch)) {
        return false;
    }
    *o = (struct opnd){.rm = r_(scratch)};
    return true;
}

/* The same, but never a constant. */
static bool second_rm(struct gen *g, const struct tree *t, unsigned dst, struct opnd *o)
{
    if (!second(g, t, dst, o)) return false;
    if (!o->imm) return true;
    x_mov_imm(&g->c, beside(dst), o->value);
    *o = (struct opnd){.rm = r_(beside(dst))};
    return true;
}

/* ---- operators ---- */

static bool value_group(struct gen *g, unsigned op, const struct tree *t, unsigned dst)
{
    struct code *c = &g->c;
    struct opnd a, b;
    bool leaves = gen_leaf(g, t->a, &a) && gen_leaf(g, t->b, &b);
    if (leaves && op != G_AND && op != G_SUB && a.imm && a.value == 0) { /* li, mv */
        gen_move(g, dst, &b);
        return true;
    }
    if (leaves && op == G_AND && b.imm && b.value == 0xff && !a.imm) { /* zext.b */
        x_ins(c, X_0F | X_BYTE | 0xb6, dst, a.rm);
        return true;
    }
    if (leaves && op == G_ADD && gen_is_reg(&a) && gen_leaf(g, t->b, &b) && (gen_is_imm32(&b) || gen_is_reg(&b)) &&
        a.rm.reg != dst) {
        struct rm sum = b.imm ? m_(a.rm.reg, (int32_t)b.value) : mx_(a.rm.reg, b.rm.reg, 0, 0);
        if (b.imm && b.value == 0)
            x_mov(c, dst, a.rm.reg);
        else
            x_ins(c, X_W | 0x8d, dst, sum);
        return true;
    }
    if (!gen_value(g, t->a, dst) || !second(g, t->b, dst, &b)) return false;
    if (!b.imm)
        x_group(c, op, dst, b.rm);
    else if (b.value != 0 || op == G_AND)
        x_group_imm(c, op, r_(dst), (int32_t)b.value);
    return true;
}

static bool value_shift(struct gen *g, unsigned op, const struct tree *t, unsigned dst, bool wide)
{
    struct code *c = &g->c;
    struct opnd n;
    if (gen_leaf(g, t->b, &n) && n.imm) {
        if (!gen_value(g, t->a, dst)) return false;
        unsigned count = (unsigned)n.value & (wide ? 63 : 31);
        if (count || !wide) {
            x_ins(c, (wide ? X_W : 0) | 0xc1, op, r_(dst));
            x_8(c, count);
        }
        return true;
    }
    if (dst == RCX) return false;
    if (gen_leaf(g, t->b, &n))
        gen_move(g, RCX, &n);
    else if (!gen_value(g, t->b, RCX))
        return false;
    if (!gen_value(g, t->a, dst)) return false;
    x_ins(c, (wide ? X_W : 0) | 0xd3, op, r_(dst));
    return true;
}

/* Sets the host's flags for a comparison; *condition: how it reads. */
bool gen_compare(struct gen *g, const struct tree *t, unsigned *condition)
{
    static const uint8_t straight[] = {C_E, C_NE, C_L, C_GE, C_B, C_AE}, swapped[] = {C_E, C_NE, C_G, C_LE, C_A, C_BE};
    struct code *c = &g->c;
    struct opnd a, b;
    unsigned which = t->op - T_EQ;
    *condition = straight[which];
    if (!gen_leaf(g, t->a, &a)) {
        if (!gen_value(g, t->a, RAX)) return false;
        a = (struct opnd){.rm = r_(RAX)};
    }
    if (!gen_leaf(g, t->b, &b)) {
        if (!gen_value(g, t->b, RDX)) return false;
        b = (struct opnd){.rm = r_(RDX)};
    }
    if (a.imm && !b.imm && gen_is_imm32(&a)) {
        struct opnd was = a;
        a = b;
        b = was;
        *condition = swapped[which];
    }
    if (a.imm || (a.rm.mem && !b.imm && b.rm.mem)) {
        gen_move(g, RAX, &a);
        a = (struct opnd){.rm = r_(RAX)};
    }
    if (b.imm && !gen_is_imm32(&b)) return false;
    if (b.imm && b.value == 0 && !a.rm.mem)
        x_ins(c, X_W | 0x85, a.rm.reg, a.rm); /* test */
    else if (b.imm)
        x_group_imm(c, G_CMP, a.rm, (int32_t)b.value);
    else if (b.rm.mem)
        x_group(c, G_CMP, a.rm.reg, b.rm);
    else
        x_group_to(c, G_CMP, a.rm, b.rm.reg);
    return true;
}

static bool value_truth(struct gen *g, const struct tree *t, unsigned dst)
{
    unsigned condition;
    if (!gen_compare(g, t, &condition)) return false;
    x_ins(&g->c, X_0F | X_BYTE | 0x90 | condition, 0, r_(RAX));
    x_ins(&g->c, X_0F | X_BYTE | 0xb6, dst, r_(RAX));
    return true;
}

static bool value_least(struct gen *g, const struct tree *t, unsigned dst, unsigned condition)
{
    struct opnd b;
    if (!gen_value(g, t->a, dst) || !second_rm(g, t->b, dst, &b)) return false;
    x_group(&g->c, G_CMP, dst, b.rm);
    x_ins(&g->c, X_W | X_0F | 0x40 | condition, dst, b.rm);
    return true;
}

/* SELECT(condition, x, y) with a comparison of leaves: dst <- y, then x if it holds. */
static bool value_select(struct gen *g, const struct tree *t, unsigned dst)
{
    struct opnd x;
    unsigned condition;
    if (t->a->op < T_EQ || t->a->op > T_GEU || dst != RAX) return false;
    if (!gen_leaf(g, t->b, &x) || !gen_value(g, t->c, RCX)) return false;
    struct opnd p, q;
    if (!gen_leaf(g, t->a->a, &p) || !gen_leaf(g, t->a->b, &q)) return false;
    gen_move(g, RDX, &x);
    if (p.imm) return false;
    if (q.imm && !gen_is_imm32(&q)) return false;
    if (!gen_compare(g, t->a, &condition)) return false;
    x_ins(&g->c, X_W | X_0F | 0x40 | condition, RCX, r_(RDX));
    x_mov(&g->c, RAX, RCX);
    return true;
}

static bool value_high_product(struct gen *g, const struct tree *t, unsigned dst)
{
    struct code *c = &g->c;
    struct opnd b;
    if (!gen_leaf(g, t->b, &b) || !gen_value(g, t->a, RAX)) return false;
    gen_move(g, RCX, &b);
    if (t->op == T_MULHSU) { /* unsigned product, less b << 64 if a is negative */
        x_mov(c, RDX, RAX);
        x_shift_imm(c, S_SAR, RDX, 63);
        x_group(c, G_AND, RDX, r_(RCX));
        x_8(c, 0x52); /* push rdx */
        x_ins(c, X_W | 0xf7, 4, r_(RCX));
        x_8(c, 0x58); /* pop rax */
        x_group(c, G_SUB, RDX, r_(RAX));
    } else {
        x_ins(c, X_W | 0xf7, t->op == T_MULH ? 5 : 4, r_(RCX));
    }
    x_mov(c, dst, RDX);
    return true;
}

static bool value_product(struct gen *g, const struct tree *t, unsigned dst)
{
    struct opnd b;
    if (!gen_value(g, t->a, dst) || !second_rm(g, t->b, dst, &b)) return false;
    x_ins(&g->c, X_W | X_0F | 0xaf, dst, b.rm);
    return true;
}

/* Semantics of division by zero and overflow are the guest's: m-st-ext.adoc. */
static bool value_division(struct gen *g, const struct tree *t, unsigned dst)
{
    struct code *c = &g->c;
    bool is_signed = t->op == T_DIV || t->op == T_REM, quotient = t->op == T_DIV || t->op == T_DIVU;
    struct opnd b;
    if (gen_leaf(g, t->b, &b))
        gen_move(g, RCX, &b);
    else if (!gen_value(g, t->b, RCX))
        return false;
    if (!gen_value(g, t->a, RAX)) return false;
    x_ins(c, X_W | 0x85, RCX, r_(RCX));
    uint8_t *by_zero = x_jcc(c, C_E), *by_minus_one = NULL;
    if (is_signed) {
        x_group_imm(c, G_CMP, r_(RCX), -1);
        by_minus_one = x_jcc(c, C_E);
        x_8(c, 0x48);
        x_8(c, 0x99); /* cqo */
        x_ins(c, X_W | 0xf7, 7, r_(RCX));
    } else {
        x_mov_imm(c, RDX, 0);
        x_ins(c, X_W | 0xf7, 6, r_(RCX));
    }
    if (!quotient) x_mov(c, RAX, RDX);
    uint8_t *done = x_jmp(c), *done2 = NULL;
    if (is_signed) {
        x_aim(by_minus_one, c->at);
        if (quotient)
            x_ins(c, X_W | 0xf7, 3, r_(RAX)); /* neg */
        else
            x_mov_imm(c, RAX, 0);
        done2 = x_jmp(c);
    }
    x_aim(by_zero, c->at);
    if (quotient) x_mov_imm(c, RAX, -1);
    x_aim(done, c->at);
    if (done2) x_aim(done2, c->at);
    x_mov(c, dst, RAX);
    return true;
}

static bool value_extended(struct gen *g, const struct tree *t, unsigned dst)
{
    struct opnd a;
    struct rm from;
    const struct tree *of = t->a;
    if (of->op == T_ADD && of->b->op == T_IMM && g->insn->imm == 0) of = of->a; /* sext.w */
    if (gen_leaf(g, of, &a) && !a.imm) {
        from = a.rm;
    } else {
        if (!gen_value(g, t->a, dst)) return false;
        from = r_(dst);
    }
    switch (t->op) {
    case T_SX8: x_ins(&g->c, X_W | X_0F | X_BYTE | 0xbe, dst, from); return true;
    case T_SX16: x_ins(&g->c, X_W | X_0F | 0xbf, dst, from); return true;
    case T_SX32: x_ins(&g->c, X_W | 0x63, dst, from); return true;
    case T_ZX16: x_ins(&g->c, X_0F | 0xb7, dst, from); return true;
    default: x_ins(&g->c, 0x8b, dst, from); return true; /* ZX32 */
    }
}

static bool value_counted(struct gen *g, const struct tree *t, unsigned dst)
{
    struct opnd a;
    if (!g->jit->has_counts || !second_rm(g, t->a, dst, &a)) return false;
    unsigned op = t->op == T_CLZ ? 0xbd : t->op == T_CTZ ? 0xbc : 0xb8;
    x_ins(&g->c, X_F3 | X_W | X_0F | op, dst, a.rm);
    return true;
}

/* value.h, ORCB: ((tops << 1) - (tops >> 7)) */
static bool value_orcb(struct gen *g, const struct tree *t)
{
    struct code *c = &g->c;
    if (!gen_value(g, t->a, RAX)) return false;
    x_mov_imm(c, RCX, INT64_C(0x7f7f7f7f7f7f7f7f));
    x_mov(c, RDX, RAX);
    x_group(c, G_AND, RDX, r_(RCX));
    x_group(c, G_ADD, RDX, r_(RCX));
    x_group(c, G_OR, RDX, r_(RAX));
    x_ins(c, X_W | 0xf7, 2, r_(RCX)); /* not */
    x_group(c, G_AND, RDX, r_(RCX));
    x_ins(c, X_W | 0x8d, RAX, mx_(RDX, RDX, 0, 0));
    x_shift_imm(c, S_SHR, RDX, 7);
    x_group(c, G_SUB, RAX, r_(RDX));
    return true;
}

bool gen_value(struct gen *g, const struct tree *t, unsigned dst)
{
    struct code *c = &g->c;
    struct opnd o;
    if (gen_leaf(g, t, &o)) {
        gen_move(g, dst, &o);
        return true;
    }
    switch (t->op) {
    case T_PC: gen_pc(g, dst, (int32_t)g->offset); return true;
    case T_ADD: return value_group(g, G_ADD, t, dst);
    case T_SUB: return value_group(g, G_SUB, t, dst);
    case T_AND: return value_group(g, G_AND, t, dst);
    case T_OR: return value_group(g, G_OR, t, dst);
    case T_XOR: return value_group(g, G_XOR, t, dst);
    case T_SLL: return value_shift(g, S_SHL, t, dst, true);
    case T_SRL: return value_shift(g, S_SHR, t, dst, true);
    case T_SRA: return value_shift(g, S_SAR, t, dst, true);
    case T_ROL: return value_shift(g, S_ROL, t, dst, true);
    case T_ROR: return value_shift(g, S_ROR, t, dst, true);
    case T_ROL32: return value_shift(g, S_ROL, t, dst, false);
    case T_ROR32: return value_shift(g, S_ROR, t, dst, false);
    case T_EQ:
    case T_NE:
    case T_LT:
    case T_GE:
    case T_LTU:
    case T_GEU: return value_truth(g, t, dst);
    case T_MIN: return value_least(g, t, dst, C_G);
    case T_MAX: return value_least(g, t, dst, C_L);
    case T_MINU: return value_least(g, t, dst, C_A);
    case T_MAXU: return value_least(g, t, dst, C_B);
    case T_MUL: return value_product(g, t, dst);
    case T_MULH:
    case T_MULHU:
    case T_MULHSU: return value_high_product(g, t, dst);
    case T_DIV:
    case T_DIVU:
    case T_REM:
    case T_REMU: return value_division(g, t, dst);
    case T_NOT:
        if (!gen_value(g, t->a, dst)) return false;
        x_ins(c, X_W | 0xf7, 2, r_(dst));
        return true;
    case T_SX8:
    case T_SX16:
    case T_SX32:
    case T_ZX16:
    case T_ZX32: return value_extended(g, t, dst);
    case T_CLZ:
    case T_CTZ:
    case T_CPOP: return value_counted(g, t, dst);
    case T_REV8:
        if (!gen_value(g, t->a, dst)) return false;
        x_8(c, 0x48 | dst >> 3);
        x_8(c, 0x0f);
        x_8(c, 0xc8 | (dst & 7)); /* bswap */
        return true;
    case T_ORCB: return dst == RAX && value_orcb(g, t);
    case T_BOX16:
        if (!gen_value(g, t->a, dst)) return false;
        x_group_imm(c, G_OR, r_(dst), -0x10000);
        return true;
    case T_BOX32:
        if (!gen_value(g, t->a, dst)) return false;
        x_mov_imm(c, RDX, INT64_C(-0x100000000));
        x_group(c, G_OR, dst, r_(RDX));
        return true;
    case T_SELECT: return value_select(g, t, dst);
    default: return false;
    }
}

/* ---- destinations ---- */

void gen_set_rd(struct gen *g, unsigned reg)
{
    unsigned rd = g->insn->rd;
    if (rd == 0) return;
    if (g->host[rd] == NOT_PINNED)
        x_store(&g->c, XREG(rd), reg);
    else
        x_mov(&g->c, g->host[rd], reg);
}

/* How often t reads guest register n, leaving out its leftmost leaf. */
static bool reads_late(const struct gen *g, const struct tree *t, unsigned n, bool leftmost)
{
    if (!t) return false;
    if (t->op == T_RS1) return !leftmost && g->insn->rs1 == n;
    if (t->op == T_RS2) return !leftmost && g->insn->rs2 == n;
    return reads_late(g, t->a, n, leftmost) || reads_late(g, t->b, n, false) || reads_late(g, t->c, n, false);
}

/* Whether the operators of t leave their destination alone until they have read all their operands but the leftmost. */
static bool computes_in_place(const struct tree *t)
{
    if (!t) return true;
    if ((t->op >= T_MULH && t->op <= T_REMU) || t->op == T_SELECT || t->op == T_ORCB) return false;
    return computes_in_place(t->a) && computes_in_place(t->b);
}

/* x[rd] op= operand, where rd is in memory. */
static bool alu_in_memory(struct gen *g, const struct tree *t)
{
    static const uint8_t groups[] = {G_ADD, G_SUB, G_AND, G_OR, G_XOR};
    struct opnd b;
    if (t->op < T_ADD || t->op > T_XOR || t->a->op != T_RS1 || g->insn->rs1 != g->insn->rd || !gen_leaf(g, t->b, &b))
        return false;
    unsigned op = groups[t->op - T_ADD];
    if (b.imm && !gen_is_imm32(&b)) return false;
    if (b.imm) {
        x_group_imm(&g->c, op, XREG(g->insn->rd), (int32_t)b.value);
        return true;
    }
    if (b.rm.mem) gen_move(g, RAX, &b);
    x_group_to(&g->c, op, XREG(g->insn->rd), b.rm.mem ? RAX : b.rm.reg);
    return true;
}

bool gen_alu(struct gen *g, const struct tree *t)
{
    unsigned rd = g->insn->rd;
    if (rd == 0) return true;
    unsigned host = g->host[rd];
    if (host == NOT_PINNED && alu_in_memory(g, t)) return true;
    struct opnd o;
    if (host == NOT_PINNED && gen_leaf(g, t, &o) && gen_is_imm32(&o)) {
        x_store_imm(&g->c, XREG(rd), (int32_t)o.value);
        return true;
    }
    if (host != NOT_PINNED) t = gen_without_extension(g, t);
    bool direct = host != NOT_PINNED && computes_in_place(t) && !reads_late(g, t, rd, true);
    if (!gen_value(g, t, direct ? host : RAX)) return false;
    if (!direct) gen_set_rd(g, RAX);
    return true;
}
