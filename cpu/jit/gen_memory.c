/* The generator for x86-64, memory: the probe of the inline TLB, loads, stores and atomics. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* ---- memory ---- */

/* In a region it is known how often the hint was wrong while the block was watched. */
static bool hint_is_poor(const struct gen *g, unsigned hint)
{
    return g->plan && g->plan->hart->hints[hint].misses > g->plan->member[g->member].count / 8 + 1;
}

/* It mostly was wrong by entries that have the same addend: memory that is mapped in one piece. */
static bool addend_is_stable(const struct gen *g, unsigned hint)
{
    return g->plan->hart->hints[hint].strays <= g->plan->member[g->member].count / 32;
}

/* Both terms of the index lie in the low 32 bits. */
void gen_entry_offset(struct code *c, unsigned to, unsigned va)
{
    x_ins(c, 0x8b, to, r_(va));
    x_ins(c, 0xc1, S_SHR, r_(to));
    x_8(c, TLB_SETS_LOG2);
    x_ins(c, 0x33, to, r_(va));
    x_ins(c, 0xc1, S_SHR, r_(to));
    x_8(c, GUEST_PAGE_LOG2 - 4);
    x_ins(c, 0x81, G_AND, r_(to));
    x_32(c, (TLB_SETS - 1) << 4);
    _Static_assert(sizeof(struct tlb_entry) == 16 && GUEST_PAGE_LOG2 + 2 * TLB_SETS_LOG2 <= 32, "scaled by shifts");
}

uint8_t *gen_check_flat(struct gen *g, unsigned base, int32_t imm, unsigned bytes)
{
    struct code *c = &g->c;
    const struct ram_region *ram = g->plan->flat;
    int64_t moved = imm - (int64_t)ram->base;
    uint64_t size = ram->size < INT32_MAX ? ram->size : INT32_MAX;
    if (moved >= INT32_MIN) {
        x_ins(c, X_W | 0x8d, RDX, m_(base, (int32_t)moved));
    } else {
        x_ins(c, X_W | 0x8d, RDX, m_(base, imm));
        x_group_imm(c, G_ADD, r_(RDX), (int32_t) - (int64_t)ram->base);
    }
    x_group_imm(c, G_CMP, r_(RDX), (int32_t)(size - bytes));
    return x_jcc(c, C_A);
}

/* A load of a physical address. */
static struct rm probe_flat(struct gen *g, unsigned base, unsigned bytes, int32_t imm, struct miss *miss)
{
    struct group *group = gen_group(g);
    bool checked = group && group->checked;
    if (!checked && group && base != RAX && group->first == g->index) checked = gen_group_check(g, group, base);
    if (!checked) {
        miss->site = gen_check_flat(g, base, imm, bytes);
        miss->has_addend = true;
        g->misses[g->miss_count++] = *miss;
    }
    const struct ram_region *ram = g->plan->flat;
    x_mov_imm(&g->c, RCX, (int64_t)((uint64_t)(uintptr_t)ram->host - ram->base));
    if (!checked) g->misses[g->miss_count - 1].resume = g->c.at;
    return mx_(RCX, base, 0, imm);
}

struct rm gen_probe(struct gen *g, bool write, unsigned bytes, int32_t imm, bool strict)
{
    struct code *c = &g->c;
    struct opnd o = gen_operand_x(g, g->insn->rs1);
    unsigned base = gen_is_reg(&o) ? o.rm.reg : RAX;
    if (base == RAX) gen_move(g, RAX, &o);
    unsigned hint = (g->block->hint + g->accesses++) % ACCESS_HINTS;
    int32_t slot = H(hints) + (int32_t)(hint * sizeof(struct access_hint));
    int32_t set = write ? (int32_t)offsetof(struct data_bank, write) : (int32_t)offsetof(struct data_bank, read);
    unsigned size = (unsigned)__builtin_ctz(bytes);
    struct miss found = {.base = (uint8_t)base,
                         .imm = imm,
                         .slot = slot,
                         .stub = g->jit->find_entry[write ? FIND_BESIDE_CODE : FIND_READ][strict][size],
                         .member = g->member,
                         .place = g->exit_place,
                         .index = (uint16_t)(g->index - g->first),
                         .addends = set + (int32_t)offsetof(struct tlb_entry, addend)};
    if (g->plan && g->plan->flat && !write && !strict) return probe_flat(g, base, bytes, imm, &found);
    struct group *group = strict ? NULL : gen_group(g);
    if (group && group->checked) {
        x_load(c, RCX, gen_group_addend(g));
        return mx_(RCX, base, 0, imm);
    }
    if (group && (base == RAX || group->first != g->index || !gen_group_check(g, group, base))) group = NULL;
    if (group && write) found.stub = g->jit->find_entry[FIND_WRITE][strict][size]; /* the others look no more */
    bool indexed = hint_is_poor(g, hint), foretold = indexed && !write && base != RAX && addend_is_stable(g, hint);
    unsigned entry = foretold ? RAX : RCX;
    if (!indexed) x_ins(c, 0x8b, RCX, m_(R_HART, slot + (int32_t)offsetof(struct access_hint, entry)));
    if (imm)
        x_ins(c, X_W | 0x8d, RDX, m_(base, imm));
    else
        x_mov(c, RDX, base);
    if (indexed) gen_entry_offset(c, entry, RDX);
    x_group_imm(c, G_AND, r_(RDX), (int32_t)(GUEST_PAGE_MASK | (bytes - 1)));
    x_group(c, G_CMP, RDX, mx_(R_BANK, entry, 0, set + (int32_t)offsetof(struct tlb_entry, tag)));
    struct miss *miss = &g->misses[g->miss_count++];
    *miss = found;
    miss->site = x_jcc(c, C_NE);
    if (foretold) { /* the access need not wait for the entry that proves it right */
        x_ins(c, 0x8b, RCX, m_(R_HART, slot + (int32_t)offsetof(struct access_hint, entry)));
        x_load(c, RCX, mx_(R_BANK, RCX, 0, miss->addends));
        x_group(c, G_CMP, RCX, mx_(R_BANK, RAX, 0, miss->addends));
        miss->stray = x_jcc(c, C_NE);
        miss->resume = c->at;
    } else {
        miss->resume = c->at;
        x_load(c, RCX, mx_(R_BANK, RCX, 0, miss->addends));
    }
    if (group) x_store(c, gen_group_addend(g), RCX);
    return mx_(RCX, base, 0, imm);
}

/* What the hint did not serve: look in the entry where the address belongs, and be back if that one does. */
void gen_misses(struct gen *g)
{
    struct code *c = &g->c;
    for (unsigned i = 0; i < g->miss_count; i++) {
        const struct miss *m = &g->misses[i];
        x_aim(m->site, c->at);
        x_ins(c, X_W | 0x8d, RDX, m_(m->base, m->imm));
        x_mov_imm(c, RCX, m->slot);
        x_call_to(c, m->stub);
        g->member = m->member;
        g->exit_place = m->place;
        g->index = m->index;
        g->first = 0;
        gen_deopt(g, x_jcc(c, C_NE));
        if (m->has_addend) x_load(c, RCX, mx_(R_BANK, RCX, 0, m->addends));
        if (m->stray) {
            x_load(c, RCX, mx_(R_BANK, RCX, 0, m->addends));
            x_jmp_to(c, m->resume);
            x_aim(m->stray, c->at);
            x_ins(c, 0x89, RAX, m_(R_HART, m->slot + (int32_t)offsetof(struct access_hint, entry)));
            x_load(c, RCX, mx_(R_BANK, RAX, 0, m->addends));
        }
        x_jmp_to(c, m->resume);
    }
}

/* LOADED alone or extended is one instruction. */
static bool load_extended(struct gen *g, const struct row_trees *row, struct rm at, unsigned dst)
{
    struct code *c = &g->c;
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
    struct rm at = gen_probe(g, false, row->bytes, g->insn->imm, false);
    if (row->to_f) return gen_fp_load(g, row->bytes, at);
    unsigned rd = g->insn->rd, dst = rd && g->host[rd] != NOT_PINNED ? g->host[rd] : RAX;
    if (!load_extended(g, row, at, dst)) return false;
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
    struct rm at = gen_probe(g, true, row->bytes, g->insn->imm, false);
    if (row->value->op == T_FS2) return gen_fp_store(g, row->bytes, at);
    struct opnd v;
    if (!gen_leaf(g, row->value, &v)) return false;
    if (!gen_is_reg(&v)) {
        gen_move(g, RDX, &v);
        v.rm = r_(RDX);
    }
    store_bytes(&g->c, at, v.rm.reg, row->bytes);
    return true;
}

/* rax <- host address of an atomic's access. */
static void probe_to_rax(struct gen *g, bool write, unsigned bytes)
{
    struct rm at = gen_probe(g, write, bytes, 0, true);
    x_ins(&g->c, X_W | 0x8d, RAX, at);
}

bool gen_amo(struct gen *g, const struct row_trees *row)
{
    struct code *c = &g->c;
    probe_to_rax(g, true, row->bytes);
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

/* rcx <- what h->reservation holds for the doubleword at host address rax. The interpreter sees to memory outside the largest region. rdx
 * is lost. */
static bool reservation_of_rax(struct gen *g)
{
    struct code *c = &g->c;
    const struct ram_region *ram = g->jit->ram;
    if (!ram->size) return false;
    x_mov_imm(c, RCX, -(int64_t)(uintptr_t)ram->host);
    x_group(c, G_ADD, RCX, r_(RAX));
    x_mov_imm(c, RDX, (int64_t)ram->size);
    x_group(c, G_CMP, RCX, r_(RDX));
    gen_deopt(g, x_jcc(c, C_AE));
    x_mov_imm(c, RDX, (int64_t)ram->base + 1);
    x_group_imm(c, G_AND, r_(RCX), -8);
    x_group(c, G_ADD, RCX, r_(RDX));
    return true;
}

bool gen_lr(struct gen *g, const struct row_trees *row)
{
    probe_to_rax(g, false, row->bytes);
    if (!reservation_of_rax(g)) return false;
    x_store(&g->c, m_(R_HART, H(reservation)), RCX);
    if (!load_extended(g, row, m_(RAX, 0), RAX)) return false;
    gen_set_rd(g, RAX);
    return true;
}

/* rd <- 0 and the store, or 1; the reservation ends either way. */
bool gen_sc(struct gen *g, const struct row_trees *row)
{
    struct code *c = &g->c;
    probe_to_rax(g, true, row->bytes);
    if (!reservation_of_rax(g)) return false;
    struct opnd v = gen_operand_x(g, g->insn->rs2);
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
