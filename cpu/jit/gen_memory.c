/* The generator for x86-64, memory: the probe of the inline TLB, loads, stores and atomics. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* ---- memory ---- */

void gen_probe(struct gen *g, bool write, unsigned bytes, int32_t imm)
{
    struct code *c = &g->c;
    struct opnd base = gen_operand_x(g->insn->rs1);
    if (base.imm) {
        x_mov_imm(c, RAX, imm);
    } else if (gen_is_reg(&base)) {
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

bool gen_load(struct gen *g, const struct row_trees *row)
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

bool gen_store(struct gen *g, const struct row_trees *row)
{
    gen_probe(g, true, row->bytes, g->insn->imm);
    if (row->value->op == T_FS2) return gen_fp_store(g, row->bytes);
    struct opnd v;
    if (!gen_leaf(g, row->value, &v)) return false;
    if (!gen_is_reg(&v)) {
        gen_move(g, RCX, &v);
        v.rm = r_(RCX);
    }
    store_bytes(&g->c, m_(RAX, 0), v.rm.reg, row->bytes);
    return true;
}

bool gen_amo(struct gen *g, const struct row_trees *row)
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
    bool simple = s->op == T_RS2 ||
                  (s->op >= T_ADD && s->op <= T_XOR && s->a->op == T_LOADED && gen_leaf(g, s->b, &b)) ||
                  (s->op >= T_MIN && s->op <= T_MAXU && s->a->op == T_LOADED && gen_leaf(g, s->b, &b) && !b.imm);
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

bool gen_lr(struct gen *g, const struct row_trees *row)
{
    gen_probe(g, false, row->bytes, 0);
    if (!reservation_of_rax(g)) return false;
    x_store(&g->c, m_(R_HART, H(reservation)), RCX);
    if (!load_extended(g, row, RAX)) return false;
    gen_set_rd(g, RAX);
    return true;
}

/* rd <- 0 and the store, or 1; the reservation ends either way. */
bool gen_sc(struct gen *g, const struct row_trees *row)
{
    struct code *c = &g->c;
    gen_probe(g, true, row->bytes, 0);
    if (!reservation_of_rax(g)) return false;
    struct opnd v = gen_operand_x(g->insn->rs2);
    gen_move(g, RDX, &v);
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
