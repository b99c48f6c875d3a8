/* The generator for x86-64: integer values, memory, control transfer, and the stubs that all blocks share. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* The registers that compilers use most, for arguments and in loops. */
static const struct {
    uint8_t guest, host;
} pinned[] = {{10, RSI}, {11, RDI}, {12, R8}, {13, R9}, {14, R10}, {15, R11}, {8, RBX}, {9, R12}, {2, R13}};

#define U NOT_PINNED
const uint8_t gen_host[32] = {U, U, R13, U, U, U, U, U, RBX, R12, RSI, RDI, R8, R9, R10, R11,
                              U, U, U,   U, U, U, U, U, U,   U,   U,   U,   U,  U,  U,   U};
#undef U

/* ---- operands ---- */

struct opnd {
    bool imm;
    int64_t value; /* if imm */
    struct rm rm;
};

static struct opnd operand_imm(int64_t v) { return (struct opnd){.imm = true, .value = v}; }

static struct opnd operand_x(unsigned n) { return n == 0 ? operand_imm(0) : (struct opnd){.rm = gen_x(n)}; }

/* A tree that needs no instruction. */
static bool leaf(const struct gen *g, const struct tree *t, struct opnd *o)
{
    switch (t->op) {
    case T_RS1: *o = operand_x(g->insn->rs1); return true;
    case T_RS2: *o = operand_x(g->insn->rs2); return true;
    case T_IMM: *o = operand_imm(g->insn->imm); return true;
    case T_CONST: *o = operand_imm(t->constant); return true;
    case T_LOADED: *o = (struct opnd){.rm = r_((unsigned)g->loaded)}; return true;
    default: return false;
    }
}

static bool is_imm32(const struct opnd *o) { return o->imm && o->value == (int32_t)o->value; }
static bool is_reg(const struct opnd *o) { return !o->imm && !o->rm.mem; }

static void move(struct gen *g, unsigned dst, const struct opnd *o)
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
    if (leaf(g, t, o)) {
        if (!o->imm || is_imm32(o)) return true;
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
    if (op == G_ADD && leaf(g, t->a, &a) && is_reg(&a) && leaf(g, t->b, &b) && (is_imm32(&b) || is_reg(&b)) &&
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
    if (leaf(g, t->b, &n) && n.imm) {
        if (!gen_value(g, t->a, dst)) return false;
        unsigned count = (unsigned)n.value & (wide ? 63 : 31);
        if (count || !wide) {
            x_ins(c, (wide ? X_W : 0) | 0xc1, op, r_(dst));
            x_8(c, count);
        }
        return true;
    }
    if (dst == RCX) return false;
    if (leaf(g, t->b, &n))
        move(g, RCX, &n);
    else if (!gen_value(g, t->b, RCX))
        return false;
    if (!gen_value(g, t->a, dst)) return false;
    x_ins(c, (wide ? X_W : 0) | 0xd3, op, r_(dst));
    return true;
}

/* Sets the host's flags for a comparison; *condition: how it reads. */
static bool compare(struct gen *g, const struct tree *t, unsigned *condition)
{
    static const uint8_t straight[] = {C_E, C_NE, C_L, C_GE, C_B, C_AE}, swapped[] = {C_E, C_NE, C_G, C_LE, C_A, C_BE};
    struct code *c = &g->c;
    struct opnd a, b;
    unsigned which = t->op - T_EQ;
    *condition = straight[which];
    if (!leaf(g, t->a, &a)) {
        if (!gen_value(g, t->a, RAX)) return false;
        a = (struct opnd){.rm = r_(RAX)};
    }
    if (!leaf(g, t->b, &b)) {
        if (!gen_value(g, t->b, RDX)) return false;
        b = (struct opnd){.rm = r_(RDX)};
    }
    if (a.imm && !b.imm && is_imm32(&a)) {
        struct opnd was = a;
        a = b;
        b = was;
        *condition = swapped[which];
    }
    if (a.imm || (a.rm.mem && !b.imm && b.rm.mem)) {
        move(g, RAX, &a);
        a = (struct opnd){.rm = r_(RAX)};
    }
    if (b.imm && !is_imm32(&b)) return false;
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
    if (!compare(g, t, &condition)) return false;
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
    if (!leaf(g, t->b, &x) || !gen_value(g, t->c, RCX)) return false;
    struct opnd p, q;
    if (!leaf(g, t->a->a, &p) || !leaf(g, t->a->b, &q)) return false;
    move(g, RDX, &x);
    if (p.imm) return false;
    if (q.imm && !is_imm32(&q)) return false;
    if (!compare(g, t->a, &condition)) return false;
    x_ins(&g->c, X_W | X_0F | 0x40 | condition, RCX, r_(RDX));
    x_mov(&g->c, RAX, RCX);
    return true;
}

static bool value_high_product(struct gen *g, const struct tree *t, unsigned dst)
{
    struct code *c = &g->c;
    struct opnd b;
    if (!leaf(g, t->b, &b) || !gen_value(g, t->a, RAX)) return false;
    move(g, RCX, &b);
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
    if (leaf(g, t->b, &b))
        move(g, RCX, &b);
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
    if (leaf(g, t->a, &a) && !a.imm) {
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
    if (leaf(g, t, &o)) {
        move(g, dst, &o);
        return true;
    }
    switch (t->op) {
    case T_PC:
        x_load(c, dst, m_(R_HART, H(pc)));
        x_group_imm(c, G_AND, r_(dst), -(int32_t)GUEST_PAGE_BYTES);
        x_group_imm(c, G_ADD, r_(dst), (int32_t)((g->block->gpa & ~GUEST_PAGE_MASK) + g->offset));
        return true;
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
    if (gen_host[rd] == NOT_PINNED)
        x_store(&g->c, XREG(rd), reg);
    else
        x_mov(&g->c, gen_host[rd], reg);
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
    if (t->op < T_ADD || t->op > T_XOR || t->a->op != T_RS1 || g->insn->rs1 != g->insn->rd || !leaf(g, t->b, &b))
        return false;
    unsigned op = groups[t->op - T_ADD];
    if (b.imm && !is_imm32(&b)) return false;
    if (b.imm) {
        x_group_imm(&g->c, op, XREG(g->insn->rd), (int32_t)b.value);
        return true;
    }
    if (b.rm.mem) move(g, RAX, &b);
    x_group_to(&g->c, op, XREG(g->insn->rd), b.rm.mem ? RAX : b.rm.reg);
    return true;
}

static bool gen_alu(struct gen *g, const struct tree *t)
{
    unsigned rd = g->insn->rd;
    if (rd == 0) return true;
    unsigned host = gen_host[rd];
    if (host == NOT_PINNED && alu_in_memory(g, t)) return true;
    struct opnd o;
    if (host == NOT_PINNED && leaf(g, t, &o) && is_imm32(&o)) {
        x_store_imm(&g->c, XREG(rd), (int32_t)o.value);
        return true;
    }
    bool direct = host != NOT_PINNED && computes_in_place(t) && !reads_late(g, t, rd, true);
    if (!gen_value(g, t, direct ? host : RAX)) return false;
    if (!direct) gen_set_rd(g, RAX);
    return true;
}

/* ---- memory ---- */

void gen_probe(struct gen *g, bool write, unsigned bytes, int32_t imm)
{
    struct code *c = &g->c;
    struct opnd base = operand_x(g->insn->rs1);
    if (base.imm) {
        x_mov_imm(c, RAX, imm);
    } else if (is_reg(&base)) {
        x_ins(c, X_W | 0x8d, RAX, m_(base.rm.reg, imm));
    } else {
        x_load(c, RAX, base.rm);
        if (imm) x_group_imm(c, G_ADD, r_(RAX), imm);
    }
    /* rcx = tlb_index(rax) * 16: both terms of the index lie in the low 32 bits. */
    x_ins(c, 0x8b, RCX, r_(RAX));
    x_ins(c, 0xc1, S_SHR, r_(RCX));
    x_8(c, TLB_SETS_LOG2);
    x_ins(c, 0x33, RCX, r_(RAX));
    x_ins(c, 0xc1, S_SHR, r_(RCX));
    x_8(c, GUEST_PAGE_LOG2 - 4);
    x_ins(c, 0x81, G_AND, r_(RCX));
    x_32(c, (TLB_SETS - 1) << 4);
    x_mov(c, RDX, RAX);
    x_group_imm(c, G_AND, r_(RDX), (int32_t)(GUEST_PAGE_MASK | (bytes - 1)));
    int32_t entry = write ? (int32_t)offsetof(struct data_bank, write) : (int32_t)offsetof(struct data_bank, read);
    x_group(c, G_CMP, RDX, mx_(R_BANK, RCX, 0, entry + (int32_t)offsetof(struct tlb_entry, tag)));
    gen_deopt(g, x_jcc(c, C_NE));
    x_group(c, G_ADD, RAX, mx_(R_BANK, RCX, 0, entry + (int32_t)offsetof(struct tlb_entry, addend)));
}

/* LOADED alone or extended is one instruction. */
static bool load_extended(struct gen *g, const struct row_trees *row, unsigned dst)
{
    struct code *c = &g->c;
    struct rm at = m_(RAX, 0);
    enum tree_op op = row->value->op;
    if (op == T_LOADED) {
        switch (row->bytes) {
        case 1: x_ins(c, X_0F | 0xb6, dst, at); return true;
        case 2: x_ins(c, X_0F | 0xb7, dst, at); return true;
        case 4: x_ins(c, 0x8b, dst, at); return true;
        default: x_load(c, dst, at); return true;
        }
    }
    if ((op != T_SX8 && op != T_SX16 && op != T_SX32) || row->value->a->op != T_LOADED) return false;
    if (op == T_SX8) x_ins(c, X_W | X_0F | 0xbe, dst, at);
    if (op == T_SX16) x_ins(c, X_W | X_0F | 0xbf, dst, at);
    if (op == T_SX32) x_ins(c, X_W | 0x63, dst, at);
    return true;
}

static bool gen_load(struct gen *g, const struct row_trees *row)
{
    gen_probe(g, false, row->bytes, g->insn->imm);
    if (row->to_f) return gen_fp_load(g, row->bytes);
    unsigned rd = g->insn->rd, dst = rd && gen_host[rd] != NOT_PINNED ? gen_host[rd] : RAX;
    if (!load_extended(g, row, dst)) return false;
    if (dst == RAX) gen_set_rd(g, RAX);
    return true;
}

static void store_bytes(struct code *c, struct rm to, unsigned reg, unsigned bytes)
{
    switch (bytes) {
    case 1: x_ins(c, X_BYTE | 0x88, reg, to); break;
    case 2: x_ins(c, X_66 | 0x89, reg, to); break;
    case 4: x_ins(c, 0x89, reg, to); break;
    default: x_store(c, to, reg); break;
    }
}

static bool gen_store(struct gen *g, const struct row_trees *row)
{
    gen_probe(g, true, row->bytes, g->insn->imm);
    if (row->value->op == T_FS2) return gen_fp_store(g, row->bytes);
    struct opnd v;
    if (!leaf(g, row->value, &v)) return false;
    if (!is_reg(&v)) {
        move(g, RCX, &v);
        v.rm = r_(RCX);
    }
    store_bytes(&g->c, m_(RAX, 0), v.rm.reg, row->bytes);
    return true;
}

static bool gen_amo(struct gen *g, const struct row_trees *row)
{
    struct code *c = &g->c;
    gen_probe(g, true, row->bytes, 0);
    g->loaded = RCX;
    if (row->bytes == 4)
        x_ins(c, 0x8b, RCX, m_(RAX, 0));
    else
        x_load(c, RCX, m_(RAX, 0));
    /* The operators that are one instruction; the others have no register left. */
    const struct tree *s = row->stored;
    struct opnd b;
    bool simple = s->op == T_RS2 || (s->op >= T_ADD && s->op <= T_XOR && s->a->op == T_LOADED && leaf(g, s->b, &b)) ||
                  (s->op >= T_MIN && s->op <= T_MAXU && s->a->op == T_LOADED && leaf(g, s->b, &b) && !b.imm);
    if (!simple || !gen_value(g, s, RDX)) return false;
    store_bytes(c, m_(RAX, 0), RDX, row->bytes);
    if (g->insn->rd == 0) return true;
    if (!gen_value(g, row->value, RAX)) return false;
    gen_set_rd(g, RAX);
    return true;
}

/* rcx <- what h->reservation holds for the doubleword at host address rax. Memory of several regions is left to the interpreter. */
static bool reservation_of_rax(struct gen *g)
{
    const struct bus *bus = g->jit->engine->bus;
    if (bus->ram_count != 1) return false;
    x_mov_imm(&g->c, RCX, (int64_t)(bus->ram[0].base - (uint64_t)(uintptr_t)bus->ram[0].host));
    x_group(&g->c, G_ADD, RCX, r_(RAX));
    x_group_imm(&g->c, G_AND, r_(RCX), -8);
    x_group_imm(&g->c, G_ADD, r_(RCX), 1);
    return true;
}

static bool gen_lr(struct gen *g, const struct row_trees *row)
{
    gen_probe(g, false, row->bytes, 0);
    if (!reservation_of_rax(g)) return false;
    x_store(&g->c, m_(R_HART, H(reservation)), RCX);
    if (!load_extended(g, row, RAX)) return false;
    gen_set_rd(g, RAX);
    return true;
}

/* rd <- 0 and the store, or 1; the reservation ends either way. */
static bool gen_sc(struct gen *g, const struct row_trees *row)
{
    struct code *c = &g->c;
    gen_probe(g, true, row->bytes, 0);
    if (!reservation_of_rax(g)) return false;
    struct opnd v = operand_x(g->insn->rs2);
    move(g, RDX, &v);
    x_group(c, G_CMP, RCX, m_(R_HART, H(reservation)));
    x_ins(c, X_0F | X_BYTE | 0x90 | C_NE, 0, r_(RCX));
    x_ins(c, X_0F | X_BYTE | 0xb6, RCX, r_(RCX));
    x_store_imm(c, m_(R_HART, H(reservation)), 0);
    uint8_t *lost = x_jcc(c, C_NE);
    store_bytes(c, m_(RAX, 0), RDX, row->bytes);
    x_aim(lost, c->at);
    gen_set_rd(g, RCX);
    return true;
}

/* ---- control transfer ---- */

static uint32_t page_offset(const struct gen *g) { return (uint32_t)(g->block->gpa & ~GUEST_PAGE_MASK); }

/* The jump at `site` goes to the block at this offset of the page. */
static void link_to(struct gen *g, uint8_t *site, uint32_t target)
{
    if (target == page_offset(g))
        x_aim(site, g->entry);
    else
        g->exits[g->exit_count++] = (struct exit){site, EXIT_LINK, target};
}

/* Goes to the guest address in rax. */
static void jump_anywhere(struct gen *g)
{
    struct code *c = &g->c;
    x_store(c, m_(R_HART, H(pc)), RAX);
    x_load(c, RCX, m_(R_HART, H(code)));
    /* rdx = jump_slot(pc) * 16; the mode's salt is a constant of the block. */
    x_ins(c, 0x8d, RDX, mx_(RAX, RAX, 0, 0));
    x_ins(c, 0xc1, S_SHL, r_(RDX));
    x_8(c, 2);
    x_ins(c, 0x81, G_AND, r_(RDX));
    x_32(c, (JUMP_SETS - 1) << 4);
    uint32_t salt = (uint32_t)MODE_SALT(g->block->mode) << 4;
    if (salt) {
        x_ins(c, 0x81, G_XOR, r_(RDX));
        x_32(c, salt);
    }
    _Static_assert(sizeof(struct jump_entry) == 16, "scaled by shifts");
    int32_t jump = (int32_t)offsetof(struct code_bank, jump);
    x_group(c, G_CMP, RAX, mx_(RCX, RDX, 0, jump + (int32_t)offsetof(struct jump_entry, pc)));
    uint8_t *missed = x_jcc(c, C_NE);
    x_load(c, RCX, mx_(RCX, RDX, 0, jump + (int32_t)offsetof(struct jump_entry, block)));
    x_ins(c, 0xff, 4, m_(RCX, (int32_t)offsetof(struct block, native)));
    x_aim(missed, g->jit->leave_jump);
}

/* The same for an address that is a constant but for its page. */
static void jump_relative(struct gen *g, int32_t offset)
{
    x_load(&g->c, RAX, m_(R_HART, H(pc)));
    x_group_imm(&g->c, G_AND, r_(RAX), -(int32_t)GUEST_PAGE_BYTES);
    x_group_imm(&g->c, G_ADD, r_(RAX), (int32_t)page_offset(g) + offset);
    jump_anywhere(g);
}

static bool is_near(const struct gen *g, int32_t offset)
{
    int64_t target = (int64_t)page_offset(g) + offset;
    return target >= 0 && target < (int64_t)GUEST_PAGE_BYTES;
}

/* To `offset` bytes from the block's start. */
static void go_to(struct gen *g, int32_t offset)
{
    if (is_near(g, offset))
        link_to(g, x_jmp(&g->c), (uint32_t)((int32_t)page_offset(g) + offset));
    else
        jump_relative(g, offset);
}

static void set_return_address(struct gen *g, unsigned scratch)
{
    unsigned rd = g->insn->rd;
    if (rd == 0) return;
    unsigned reg = gen_host[rd] == NOT_PINNED ? scratch : gen_host[rd];
    x_load(&g->c, reg, m_(R_HART, H(pc)));
    x_group_imm(&g->c, G_AND, r_(reg), -(int32_t)GUEST_PAGE_BYTES);
    x_group_imm(&g->c, G_ADD, r_(reg), (int32_t)(page_offset(g) + g->offset + g->insn->length));
    if (reg == scratch) x_store(&g->c, XREG(rd), reg);
}

static bool gen_branch(struct gen *g, const struct tree *t)
{
    unsigned condition;
    int32_t taken = (int32_t)g->offset + g->insn->imm, fall = (int32_t)(g->offset + g->insn->length);
    if (!compare(g, t, &condition)) return false;
    if (is_near(g, taken)) {
        link_to(g, x_jcc(&g->c, condition), (uint32_t)((int32_t)page_offset(g) + taken));
        go_to(g, fall);
        return true;
    }
    uint8_t *far = x_jcc(&g->c, condition);
    go_to(g, fall);
    x_aim(far, g->c.at);
    jump_relative(g, taken);
    return true;
}

static bool gen_jump(struct gen *g)
{
    int32_t target = (int32_t)g->offset + g->insn->imm;
    set_return_address(g, RAX);
    go_to(g, target);
    return true;
}

static bool gen_jump_register(struct gen *g, const struct tree *t)
{
    if (!gen_value(g, t, RAX)) return false;
    set_return_address(g, RCX);
    jump_anywhere(g);
    return true;
}

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

/* One instruction, or the way to the interpreter instead. false: nothing behind it is reached. */
static bool gen_or_leave(struct gen *g)
{
    uint8_t *start = g->c.at;
    unsigned exits = g->exit_count;
    if (gen_insn(g)) return true;
    g->c.at = start;
    g->exit_count = exits;
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
    struct gen g = {.c = j->code, .jit = j, .block = b, .live = live};
    for (unsigned i = 0; i < b->length; i++) insn_decode(block_raw(b)[i], live, &g.insns[i]);
    /* What a dead block's entry is overwritten with goes here, and so to the block that lives at this address now. */
    mov_edx(&g, page_offset(&g));
    x_mov_imm(&g.c, RCX, 0);
    x_jmp_to(&g.c, j->leave_link);
    g.entry = g.c.at;
    x_group_imm(&g.c, G_SUB, r_(R_BUDGET), (int32_t)b->length);
    uint8_t *refused = x_jcc(&g.c, C_S), *body = g.c.at;
    bool goes_on = true;
    for (unsigned i = 0; i < b->length && goes_on; i++) {
        g.insn = &g.insns[i];
        g.index = i;
        goes_on = gen_or_leave(&g);
        if (i == 0 && !goes_on) return false;
        g.offset += g.insn->length;
    }
    if (goes_on && !insn_ends_block(&g.insns[b->length - 1])) go_to(&g, (int32_t)g.offset);
    gen_exits(&g, refused);
    _Static_assert(JIT_DEAD_BYTES == 5 + 2 + 5, "mov, xor, jmp");
    b->native = code_exec(&g.c, g.entry);
    b->native_body = code_exec(&g.c, body);
    j->code = g.c;
    return true;
}

/* ---- what all blocks share ---- */

static void spill(struct code *c)
{
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) x_store(c, XREG(pinned[i].guest), pinned[i].host);
    x_store(c, m_(R_HART, H(budget)), R_BUDGET);
}

static void fill(struct code *c)
{
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) x_load(c, pinned[i].host, XREG(pinned[i].guest));
    x_load(c, R_BUDGET, m_(R_HART, H(budget)));
}

#define FRAME_REGISTERS                                                                                                \
    {                                                                                                                  \
        RBX, RBP, R12, R13, R14, R15                                                                                   \
    }

/* The frame of native code: six saved registers and eight bytes, so that calls find the stack aligned. */
static void open_frame(struct code *c)
{
    static const uint8_t saved[] = FRAME_REGISTERS;
    for (size_t i = 0; i < ARRAY_LEN(saved); i++) {
        if (saved[i] >= 8) x_8(c, 0x41);
        x_8(c, 0x50 | (saved[i] & 7));
    }
    x_group_imm(c, G_SUB, r_(RSP), 8);
}

static void close_frame(struct code *c)
{
    static const uint8_t saved[] = FRAME_REGISTERS;
    x_group_imm(c, G_ADD, r_(RSP), 8);
    for (size_t i = ARRAY_LEN(saved); i-- > 0;) {
        if (saved[i] >= 8) x_8(c, 0x41);
        x_8(c, 0x58 | (saved[i] & 7));
    }
}

/* Back to the run loop; everything is spilt. */
static void return_null(struct code *c)
{
    close_frame(c);
    x_mov_imm(c, RAX, 0);
    x_8(c, 0xc3);
}

/* On to the interpreter's handler rax for the instruction rsi; everything is spilt. */
static void tail_call_handler(struct code *c)
{
    x_ins(c, X_W | 0x8d, RDI, m_(R_HART, -(int32_t)offsetof(struct hart, x[16])));
    x_mov(c, RDX, R_BANK);
    close_frame(c);
    x_ins(c, 0xff, 4, r_(RAX));
}

/* pc = its page, and the offset in `reg` */
static void set_page_offset(struct code *c, unsigned reg)
{
    x_load(c, RAX, m_(R_HART, H(pc)));
    x_group_imm(c, G_AND, r_(RAX), -(int32_t)GUEST_PAGE_BYTES);
    x_group(c, G_OR, RAX, r_(reg));
    x_store(c, m_(R_HART, H(pc)), RAX);
}

static void set_pc_of_block(struct code *c) /* of rcx; rdi is lost */
{
    x_ins(c, 0x8b, RDI, m_(RCX, (int32_t)offsetof(struct block, gpa)));
    x_ins(c, 0x81, G_AND, r_(RDI));
    x_32(c, (uint32_t)~GUEST_PAGE_MASK);
    set_page_offset(c, RDI);
}

/* The handler that a native block's first instruction has: rdi hart, rsi instruction, rdx bank. */
static void stub_enter(struct jit *j)
{
    struct code *c = &j->code;
    j->enter = (insn_fn *)(uintptr_t)code_exec(c, c->at);
    open_frame(c);
    x_ins(c, X_W | 0x8d, R_HART, m_(RDI, (int32_t)offsetof(struct hart, x[16])));
    x_mov(c, R_BANK, RDX);
    x_mov(c, RAX, RSI);
    fill(c);
    x_ins(c, 0xff, 4, m_(RAX, (int32_t)offsetof(struct block, native_body) - (int32_t)offsetof(struct block, code)));
}

/* `native` of blocks that are not: rcx block, pc its address, its count not yet taken off the budget. */
static void stub_enter_interp(struct jit *j)
{
    struct code *c = &j->code;
    j->enter_interp = c->at;
    x_group(c, G_SUB, R_BUDGET, m_(RCX, (int32_t)offsetof(struct block, count)));
    uint8_t *refused = x_jcc(c, C_S);
    spill(c);
    x_ins(c, X_W | 0x8d, RSI, m_(RCX, (int32_t)offsetof(struct block, code)));
    x_load(c, RAX, m_(RSI, (int32_t)offsetof(struct dinsn, fn)));
    tail_call_handler(c);
    x_aim(refused, c->at);
    x_group(c, G_ADD, R_BUDGET, m_(RCX, (int32_t)offsetof(struct block, count)));
    spill(c);
    return_null(c);
}

/* rcx block: the budget did not allow it. */
static void stub_refused(struct jit *j)
{
    struct code *c = &j->code;
    j->leave_refused = c->at;
    spill(c);
    set_pc_of_block(c);
    return_null(c);
}

/* rcx block, edx instruction with which the interpreter goes on. The first one's own handler stands in `first`. */
static void stub_deopt(struct jit *j)
{
    struct code *c = &j->code;
    j->leave_deopt = c->at;
    spill(c);
    set_pc_of_block(c);
    x_mov(c, RSI, RDX);
    x_shift_imm(c, S_SHL, RSI, 4);
    _Static_assert(sizeof(struct dinsn) == 16, "shifted by 4");
    x_ins(c, X_W | 0x8d, RSI, mx_(RCX, RSI, 0, (int32_t)offsetof(struct block, code)));
    x_load(c, RAX, m_(RSI, (int32_t)offsetof(struct dinsn, fn)));
    x_ins(c, X_W | 0x85, RDX, r_(RDX));
    x_ins(c, X_W | X_0F | 0x40 | C_E, RAX, m_(RCX, (int32_t)offsetof(struct block, first)));
    tail_call_handler(c);
}

/* leave_link: edx offset in the page of the block to go on with, rcx the site that wants to jump there, or 0.
 * leave_jump: pc is its address. */
static void stub_link(struct jit *j)
{
    struct code *c = &j->code;
    j->leave_link = c->at;
    set_page_offset(c, RDX);
    uint8_t *common = x_jmp(c);
    j->leave_jump = c->at;
    x_mov_imm(c, RCX, 0);
    x_aim(common, c->at);
    spill(c);
    x_ins(c, X_W | 0x8d, RDI, m_(R_HART, -(int32_t)offsetof(struct hart, x[16])));
    x_mov(c, RSI, RCX);
    x_mov_imm(c, RAX, (int64_t)(intptr_t)jit_link);
    x_ins(c, 0xff, 2, r_(RAX));
    x_ins(c, X_W | 0x85, RAX, r_(RAX));
    uint8_t *none = x_jcc(c, C_E);
    x_mov(c, RCX, RAX);
    fill(c);
    x_ins(c, 0xff, 4, m_(RCX, (int32_t)offsetof(struct block, native)));
    x_aim(none, c->at);
    return_null(c);
}

void jit_emit_stubs(struct jit *j)
{
    stub_enter(j);
    stub_enter_interp(j);
    stub_refused(j);
    stub_deopt(j);
    stub_link(j);
}
