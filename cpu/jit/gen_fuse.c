/* The generator for x86-64: what several instructions of a member of a region compute that one host instruction can.
 *
 * Rows are exchanged in the decoded copy of the block: of two shifts and an OR that are a rotation, one shift becomes the rotation and the OR a copy
 * of its result; of two shifts that extend, one becomes the extension. The value that an exchanged instruction no longer makes must be
 * one that nobody sees: no other instruction reads it, and there is no way out until it is overwritten. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

#define BIT(n) (UINT32_C(1) << (n))

/* The last instruction before i that writes x register n, or -1. */
static int writer_of(const struct gen *g, unsigned n, unsigned i)
{
    int k = (int)i - 1;
    while (k >= 0 && g->tables->uses[k].rd != n) k--;
    return k;
}

/* The value that instruction c gives n is read by instruction i alone, and behind c there is no way out until i is done. */
static bool is_for(const struct gen *g, unsigned n, unsigned c, unsigned i)
{
    for (unsigned k = c + 1; k <= i; k++)
        if (g->tables->uses[k].leaves || (k < i && (g->tables->uses[k].reads >> n & 1))) return false;
    if (g->tables->uses[i].rd == n) return true;
    for (unsigned k = i + 1; k < g->length; k++) {
        if (g->tables->uses[k].leaves || (g->tables->uses[k].reads >> n & 1)) return false;
        if (g->tables->uses[k].rd == n) return true;
    }
    return false;
}

static void exchange(struct gen *g, unsigned i, enum insn_id id, unsigned rs1, int32_t imm)
{
    struct insn *insn = &g->insns[i];
    insn->id = (uint16_t)id;
    insn->rs1 = (uint8_t)rs1;
    insn->rs2 = 0;
    insn->imm = imm;
    g->tables->uses[i] = gen_use_of(insn);
}

struct shift {
    int at; /* -1: it is none */
    bool left, is_signed;
    unsigned width, count, source;
    int source_writer;
};

/* The shift by a constant that made what instruction i reads in n. */
static struct shift shift_behind(const struct gen *g, unsigned n, unsigned i)
{
    struct shift s = {.at = n ? writer_of(g, n, i) : -1};
    if (s.at < 0) return s;
    const struct insn *insn = &g->insns[s.at];
    switch (insn->id) {
    case INSN_slli: s.width = 64, s.left = true; break;
    case INSN_srli: s.width = 64; break;
    case INSN_srai: s.width = 64, s.is_signed = true; break;
    case INSN_slliw: s.width = 32, s.left = true; break;
    case INSN_srliw: s.width = 32; break;
    default: s.at = -1; return s;
    }
    s.count = (unsigned)insn->imm;
    s.source = insn->rs1;
    s.source_writer = writer_of(g, s.source, (unsigned)s.at);
    return s;
}

/* Makes s the rotation, and instruction i a copy of it. */
static bool rotate_at(struct gen *g, const struct shift *s, unsigned i)
{
    unsigned n = g->insns[s->at].rd;
    if (!is_for(g, n, (unsigned)s->at, i)) return false;
    unsigned right = s->left ? s->width - s->count : s->count;
    exchange(g, (unsigned)s->at, s->width == 64 ? INSN_rori : INSN_roriw, s->source, (int32_t)right);
    exchange(g, i, INSN_addi, n, 0);
    return true;
}

static void fuse_rotation(struct gen *g, unsigned i)
{
    const struct insn *insn = &g->insns[i];
    if ((insn->id != INSN_or && insn->id != INSN_xor) || insn->rs1 == insn->rs2) return;
    struct shift a = shift_behind(g, insn->rs1, i), b = shift_behind(g, insn->rs2, i);
    if (a.at < 0 || b.at < 0 || a.is_signed || b.is_signed || a.left == b.left || a.width != b.width) return;
    if (a.count + b.count != a.width || !a.count || !b.count || a.source != b.source || a.source == 0) return;
    if (a.source_writer != b.source_writer) return;
    bool second = insn->rs2 == insn->rd;
    const struct shift *first_try = second ? &b : &a, *other = second ? &a : &b;
    if (!rotate_at(g, first_try, i)) rotate_at(g, other, i);
}

/* The row that is a shift to the left and back, and its operand; INSN_ILLEGAL if there is none. */
static enum insn_id extension(const struct shift *left, const struct insn *right, int32_t *imm)
{
    unsigned back = (unsigned)right->imm;
    bool is_signed = right->id == INSN_srai;
    *imm = 0;
    if (left->count == back) {
        if (back == 32) return is_signed ? INSN_addiw : INSN_add_uw;
        if (back == 48) return is_signed ? INSN_sext_h : INSN_zext_h;
        *imm = 255;
        if (back == 56) return is_signed ? INSN_sext_b : INSN_andi;
    }
    *imm = (int32_t)(32 - back);
    if (left->count == 32 && back < 32 && !is_signed) return INSN_slli_uw;
    return INSN_ILLEGAL;
}

static void fuse_extension(struct gen *g, unsigned i)
{
    const struct insn *insn = &g->insns[i];
    if (insn->id != INSN_srli && insn->id != INSN_srai) return;
    struct shift left = shift_behind(g, insn->rs1, i);
    int32_t imm;
    if (left.at < 0 || !left.left || left.width != 64 || left.source == 0) return;
    enum insn_id id = extension(&left, insn, &imm);
    if (id == INSN_ILLEGAL) return;
    unsigned n = insn->rs1;
    if (writer_of(g, left.source, i) == left.source_writer) {
        exchange(g, i, id, left.source, imm);
    } else if (is_for(g, n, (unsigned)left.at, i)) {
        exchange(g, (unsigned)left.at, id, left.source, imm);
        exchange(g, i, INSN_addi, n, 0);
    }
}

void gen_fuse(struct gen *g)
{
    for (unsigned i = 0; i < g->length; i++) {
        fuse_rotation(g, i);
        fuse_extension(g, i);
    }
}
