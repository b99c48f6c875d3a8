/* The generator for x86-64: which guest registers are where within a member of a region.
 *
 * At every label each guest register has its place, a host register or memory (plan->host). Between labels a register that is about to be read
 * may take the place of one that is not needed so soon, a result is made in a host register and stored at the end of the block, or
 * never if nothing can see it, and the extension of a 32-bit result waits until the upper half matters. Every way out knows the places where it
 * leaves (struct place), so the state that the interpreter finds is exact. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

#define NEVER        0xff
#define BIT(n)       (UINT32_C(1) << (n))
#define FOR_EACH_X   for (unsigned n = 1; n < 32; n++)
#define HOST_COUNT   16
#define HELD_BY_NONE 0

/* ---- what the instructions of the block do to x registers ---- */

static uint32_t tree_reads(const struct insn *i, const struct tree *t)
{
    if (!t) return 0;
    if (t->op == T_RS1) return BIT(i->rs1);
    if (t->op == T_RS2) return BIT(i->rs2);
    return tree_reads(i, t->a) | tree_reads(i, t->b) | tree_reads(i, t->c);
}

/* Registers of whose value more than the low half matters. low: of the value of t itself it does not. */
static uint32_t wide_reads(const struct insn *i, const struct tree *t, bool low)
{
    if (!t) return 0;
    switch (t->op) {
    case T_RS1: return low ? 0 : BIT(i->rs1);
    case T_RS2: return low ? 0 : BIT(i->rs2);
    case T_SX8:
    case T_SX16:
    case T_SX32:
    case T_ZX16:
    case T_ZX32: return wide_reads(i, t->a, true);
    case T_AND:
        if (t->b->op == T_IMM && i->imm >= 0) return wide_reads(i, t->a, true);
        return wide_reads(i, t->a, low) | wide_reads(i, t->b, low);
    case T_ADD:
    case T_SUB:
    case T_OR:
    case T_XOR:
    case T_MUL:
    case T_NOT: return wide_reads(i, t->a, low) | wide_reads(i, t->b, low);
    case T_SLL: return wide_reads(i, t->a, low) | wide_reads(i, t->b, true);
    case T_SRL:
    case T_SRA: return wide_reads(i, t->a, false) | wide_reads(i, t->b, true);
    case T_ROL32:
    case T_ROR32: return wide_reads(i, t->a, true) | wide_reads(i, t->b, true);
    default: return wide_reads(i, t->a, false) | wide_reads(i, t->b, false) | wide_reads(i, t->c, false);
    }
}

/* Operators that the generator has code for whatever their operands are: an instruction of them alone has no way out. */
static bool always_native(const struct tree *t)
{
    if (!t) return true;
    bool leaf = t->op <= T_IMM || t->op == T_CONST;
    bool one = (t->op >= T_ADD && t->op <= T_MUL) || (t->op >= T_MIN && t->op <= T_ROR32) ||
               (t->op >= T_NOT && t->op <= T_ZX32);
    return (leaf || one) && always_native(t->a) && always_native(t->b) && always_native(t->c);
}

struct reg_use gen_use_of(const struct insn *i)
{
    const struct insn_info *info = insn_info(i->id);
    const struct row_trees *row = &row_trees[i->id];
    struct reg_use u = {.rd = 0};
    u.reads = tree_reads(i, row->value) | tree_reads(i, row->stored);
    u.wide = wide_reads(i, row->value, info->kind == KIND_STORE && row->bytes <= 4) | wide_reads(i, row->stored, false);
    if (info->mem_bytes) u.reads |= BIT(i->rs1), u.wide |= BIT(i->rs1);
    if (info->kind == KIND_SC) u.reads |= BIT(i->rs2), u.wide |= BIT(i->rs2);
    u.reads &= ~BIT(0);
    if (insn_writes_rd(i) && !info->writes_f) u.rd = i->rd;
    u.leaves = info->kind != KIND_NOP && !(info->kind == KIND_ALU && always_native(row->value));
    return u;
}

static void note_holders(struct gen *g)
{
    memset(g->held, HELD_BY_NONE, sizeof g->held);
    FOR_EACH_X if (g->now.host[n] != NOT_PINNED) g->held[g->now.host[n]] = (uint8_t)n;
}

void gen_registers_begin(struct gen *g)
{
    unsigned length = g->length;
    for (unsigned i = 0; i < length; i++) g->tables->uses[i] = gen_use_of(&g->insns[i]);
    if (!g->keep_all) gen_fuse(g);
    gen_groups_begin(g);
    memset(g->tables->next_read[length], NEVER, 32);
    memset(g->tables->next_write[length], NEVER, 32);
    g->tables->next_leave[length] = (uint8_t)length;
    for (unsigned i = length; i-- > 0;) {
        struct reg_use u = g->tables->uses[i];
        memcpy(g->tables->next_read[i], g->tables->next_read[i + 1], 32);
        memcpy(g->tables->next_write[i], g->tables->next_write[i + 1], 32);
        g->tables->next_leave[i] = u.leaves ? (uint8_t)i : g->tables->next_leave[i + 1];
        if (u.rd) g->tables->next_write[i][u.rd] = (uint8_t)i, g->tables->next_read[i][u.rd] = NEVER;
        FOR_EACH_X if (u.reads >> n & 1) g->tables->next_read[i][n] = (uint8_t)i;
    }
    g->known = g->limbo = 0;
    note_holders(g);
}

/* Nobody sees the value that n has before instruction i: it is overwritten before it is read, and before there is a way out. */
static bool is_dead(const struct gen *g, unsigned n, unsigned i)
{
    uint8_t write = g->tables->next_write[i][n];
    return !g->keep_all && g->tables->next_read[i][n] == NEVER && write != NEVER && g->tables->next_leave[i] > write;
}

/* How often the value that n has before instruction i is read in the block; *last: where for the last time. */
static unsigned count_reads(const struct gen *g, unsigned n, unsigned i, unsigned *last)
{
    unsigned count = 0;
    while (g->tables->next_read[i][n] != NEVER) {
        *last = g->tables->next_read[i][n];
        count++;
        if (g->tables->uses[*last].rd == n) break;
        i = *last + 1;
    }
    return count;
}

/* ---- moving ---- */

static void unmap(struct gen *g, unsigned n)
{
    g->held[g->now.host[n]] = HELD_BY_NONE;
    g->now.host[n] = NOT_PINNED;
    g->now.stale &= ~BIT(n);
    g->now.low &= ~BIT(n);
}

static void map(struct gen *g, unsigned n, unsigned host)
{
    g->held[host] = (uint8_t)n;
    g->now.host[n] = (uint8_t)host;
}

static void widen_low(struct gen *g, unsigned n)
{
    if (!(g->now.low >> n & 1)) return;
    unsigned host = g->now.host[n];
    x_ins(&g->c, X_W | 0x63, host, r_(host)); /* movsxd */
    g->now.low &= ~BIT(n);
}

static void store_back(struct gen *g, unsigned n)
{
    if (!(g->now.stale >> n & 1)) return;
    widen_low(g, n);
    x_store(&g->c, XREG(n), g->now.host[n]);
    g->now.stale &= ~BIT(n);
}

/* n leaves its host register before instruction i. */
static void evict(struct gen *g, unsigned n, unsigned i)
{
    if (is_dead(g, n, i))
        g->limbo |= BIT(n);
    else
        store_back(g, n);
    unmap(g, n);
}

static bool has_home(const struct gen *g, unsigned n) { return g->plan->host[n] != NOT_PINNED; }

/* Host registers that guest registers live in. */
static bool is_in_pool(unsigned host)
{
    const uint32_t pool =
        BIT(RBX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) | BIT(R10) | BIT(R11) | BIT(R12) | BIT(R13);
    return pool >> host & 1;
}

/* A host register for n, the value of which is used until instruction `last`, `reads` times; NOT_PINNED if those that are there are needed more.
 * taken: registers of the present instruction i. */
static unsigned find_room(struct gen *g, unsigned n, uint32_t taken, unsigned i, unsigned last, unsigned reads)
{
    unsigned home = g->plan->host[n], best = NOT_PINNED, best_next = 0;
    if (home != NOT_PINNED && !g->held[home]) return home;
    for (unsigned host = 0; host < HOST_COUNT; host++)
        if (is_in_pool(host) && !g->held[host]) return host;
    for (unsigned host = 0; host < HOST_COUNT; host++) {
        unsigned v = g->held[host];
        if (!is_in_pool(host) || (taken >> v & 1)) continue;
        unsigned next = is_dead(g, v, i)                      ? NEVER + 2
                        : g->tables->next_read[i][v] == NEVER ? NEVER + !has_home(g, v)
                                                              : g->tables->next_read[i][v];
        /* Giving up a home costs a store and a load; over a long way it serves several. */
        unsigned until = next < g->length ? next : g->length;
        bool pays = next > NEVER || (next > last && (reads >= 2 || until >= i + 8));
        if (!pays || next <= best_next) continue;
        best = host;
        best_next = next;
    }
    if (best != NOT_PINNED) evict(g, g->held[best], i);
    return best;
}

/* ---- instructions ---- */

static void bring_in_sources(struct gen *g, const struct reg_use *u, uint32_t taken)
{
    unsigned i = g->index;
    FOR_EACH_X
    {
        if (!(u->reads >> n & 1) || g->now.host[n] != NOT_PINNED) continue;
        unsigned last = i, reads = count_reads(g, n, i, &last);
        if (u->rd == n) reads = 1 + count_reads(g, n, i + 1, &last);
        if (reads < 2) continue;
        unsigned host = find_room(g, n, taken, i, last, reads - 1);
        if (host == NOT_PINNED) continue;
        x_load(&g->c, host, XREG(n));
        map(g, n, host);
    }
}

static unsigned room_for_result(struct gen *g, const struct reg_use *u, uint32_t taken)
{
    unsigned i = g->index, last = i;
    if (!u->rd || g->now.host[u->rd] != NOT_PINNED || (u->reads >> u->rd & 1)) return NOT_PINNED;
    unsigned reads = count_reads(g, u->rd, i + 1, &last);
    if (!reads && !has_home(g, u->rd)) return NOT_PINNED;
    return find_room(g, u->rd, taken, i, last, reads);
}

/* li, mv, sext.w: of the sum t the operand that is not 0. */
static const struct tree *copied(const struct insn *i, const struct tree *t)
{
    if (t->a->op != T_RS1) return NULL;
    if (i->rs1 == 0) return t->b;
    return (t->b->op == T_IMM && i->imm == 0) || (t->b->op == T_RS2 && i->rs2 == 0) ? t->a : NULL;
}

/* Whether the value of t, which instruction i makes, is its own low half sign-extended. */
static bool is_extended(const struct gen *g, const struct insn *i, const struct tree *t)
{
    switch (t->op) {
    case T_RS1: return i->rs1 == 0 || g->known >> i->rs1 & 1;
    case T_RS2: return i->rs2 == 0 || g->known >> i->rs2 & 1;
    case T_IMM: return true;
    case T_CONST: return t->constant == (int32_t)t->constant;
    case T_LOADED: return row_trees[i->id].bytes <= 2;
    case T_AND:
        if (t->b->op == T_IMM && i->imm >= 0) return true;
        return is_extended(g, i, t->a) && is_extended(g, i, t->b);
    case T_OR:
    case T_XOR: return is_extended(g, i, t->a) && is_extended(g, i, t->b);
    case T_NOT: return is_extended(g, i, t->a);
    case T_ADD: {
        const struct tree *copy = copied(i, t);
        return copy && is_extended(g, i, copy);
    }
    case T_SRL: return t->b->op == T_IMM && i->imm > 32;
    case T_SRA: return t->a->op == T_SX32;
    case T_SX8:
    case T_SX16:
    case T_SX32:
    case T_ZX16: return true;
    default: return (t->op >= T_EQ && t->op <= T_GEU) || (t->op >= T_CLZ && t->op <= T_CPOP);
    }
}

void gen_registers_done(struct gen *g)
{
    const struct reg_use *u = &g->tables->uses[g->index];
    const struct tree *t = row_trees[g->insn->id].value;
    if (!u->rd) return;
    uint32_t bit = BIT(u->rd);
    bool extended = t && is_extended(g, g->insn, t);
    g->known = extended ? g->known | bit : g->known & ~bit;
    g->limbo &= ~bit;
    g->now.low &= ~bit;
    if (g->now.host[u->rd] == NOT_PINNED) return;
    g->now.stale |= bit;
    if (g->result_low) g->now.low |= bit;
}

/* t is made of bits of registers that are all extended, and of constants: its low half is the same operation on their low halves. */
static bool is_bitwise(const struct gen *g, const struct tree *t)
{
    switch (t->op) {
    case T_AND:
    case T_OR:
    case T_XOR: return is_bitwise(g, t->a) && is_bitwise(g, t->b);
    case T_NOT: return is_bitwise(g, t->a);
    case T_ADD: return copied(g->insn, t) && is_bitwise(g, copied(g->insn, t));
    default: return t->op <= T_IMM && is_extended(g, g->insn, t);
    }
}

bool gen_prepare(struct gen *g)
{
    const struct reg_use *u = &g->tables->uses[g->index];
    if (!u->leaves && (u->rd == 0 || is_dead(g, u->rd, g->index + 1))) return false;
    uint32_t taken = u->reads | BIT(u->rd) | BIT(0);
    bring_in_sources(g, u, taken);
    unsigned result = room_for_result(g, u, taken);
    bool in_host = result != NOT_PINNED || (u->rd && g->now.host[u->rd] != NOT_PINNED);
    const struct tree *t = row_trees[g->insn->id].value;
    if (insn_info(g->insn->id)->kind != KIND_ALU || !in_host || !is_bitwise(g, t))
        FOR_EACH_X if (u->reads & u->wide & BIT(n)) widen_low(g, n);
    g->exit_place = gen_place(g);
    if (result != NOT_PINNED) map(g, u->rd, result);
    g->result_low = false;
    return true;
}

const struct tree *gen_without_extension(struct gen *g, const struct tree *t)
{
    if (!g->plan) return t;
    uint32_t low = tree_reads(g->insn, t) & g->now.low;
    const struct tree *value = t->op == T_SX32 ? t->a : t;
    if (t->op == T_AND && t->b->op == T_IMM && g->insn->imm >= 0) return t;
    if (is_bitwise(g, value)) {
        g->result_low = low != 0;
        return value;
    }
    /* A logical shift to the right clears the sign. */
    bool positive = value->op == T_SRL && value->b->op == T_IMM && value->a->op == T_ZX32 && g->insn->imm > 0;
    g->result_low = t->op == T_SX32 && !positive;
    return value;
}

/* ---- labels ---- */

/* Moves to homes that are free, until no more can be moved. */
static void move_home(struct gen *g)
{
    for (bool moved = true; moved;) {
        moved = false;
        FOR_EACH_X
        {
            unsigned home = g->plan->host[n], from = g->now.host[n];
            if (home == NOT_PINNED || from == home || from == NOT_PINNED) continue;
            unsigned holder = g->held[home];
            if (holder && has_home(g, holder)) continue;
            if (holder) unmap(g, holder);
            uint32_t stale = g->now.stale & BIT(n);
            x_mov(&g->c, home, from);
            unmap(g, n);
            map(g, n, home);
            g->now.stale |= stale;
            moved = true;
        }
    }
}

/* What is left are registers in one another's homes. */
static void exchange_homes(struct gen *g)
{
    FOR_EACH_X
    {
        unsigned home = g->plan->host[n], from = g->now.host[n];
        if (home == NOT_PINNED || from == home || from == NOT_PINNED) continue;
        unsigned holder = g->held[home];
        x_ins(&g->c, X_W | 0x87, home, r_(from)); /* xchg */
        map(g, n, home);
        map(g, holder, from);
    }
}

void gen_registers_settle(struct gen *g)
{
    const struct plan *p = g->plan;
    unsigned rd = g->index < g->length ? g->tables->uses[g->index].rd : 0;
    FOR_EACH_X
    {
        if (g->now.host[n] == NOT_PINNED) continue;
        widen_low(g, n);
        if (!has_home(g, n)) store_back(g, n);
        if (!has_home(g, n) && n == rd) unmap(g, n);
    }
    move_home(g);
    exchange_homes(g);
    FOR_EACH_X
    {
        if (!has_home(g, n) || g->now.host[n] != NOT_PINNED) continue;
        if (g->held[p->host[n]]) unmap(g, g->held[p->host[n]]);
        x_load(&g->c, p->host[n], XREG(n));
        map(g, n, p->host[n]);
    }
    g->now.stale |= g->label_stale;
}

void gen_registers_settle_from(struct gen *g, const struct place *p)
{
    g->now = *p;
    g->host = g->now.host;
    g->index = g->length; /* behind all instructions */
    note_holders(g);
    gen_registers_settle(g);
}
