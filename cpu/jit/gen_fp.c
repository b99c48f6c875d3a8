/* The generator for x86-64: floating point with SSE, exact because the host unit is the guest's while guest code runs (cpu/fp/fp.h).
 * What the host does otherwise than RISC-V (NaN results, single operands that are not boxed, conversions out of range) is left to the
 * interpreter, instruction and all: flags raised so far accrue, and will be raised again. */
#include "cpu/jit/gen_fp.h"

#include "emu/base/bits.h"

/* ---- conditions ---- */

/* The instruction's rounding mode is the host unit's. Nothing in a block changes that, so once for each mode is enough. */
static void check_mode(struct gen *g, bool fma)
{
    uint8_t *checked = fma ? &g->fma_modes_checked : &g->modes_checked, bit = (uint8_t)(1u << g->insn->rm);
    if (*checked & bit) return;
    int32_t field =
        fma ? H(fp) + (int32_t)offsetof(struct fp_ctx, fast_fma) : H(fp) + (int32_t)offsetof(struct fp_ctx, fast);
    x_ins(&g->c, 0xf6, 0, m_(R_HART, field)); /* test byte */
    x_8(&g->c, bit);
    gen_deopt(g, x_jcc(&g->c, C_E));
    *checked |= bit;
}

static void check_boxed(struct gen *g, unsigned x)
{
    if (g->boxed[x]) return;
    x_ins(&g->c, X_66 | X_W | 0x7e | X_0F, x, r_(RAX)); /* movq rax, x */
    x_shift_imm(&g->c, S_SHR, RAX, 32);
    x_ins(&g->c, 0x83, G_CMP, r_(RAX));
    x_8(&g->c, 0xff);
    gen_deopt(g, x_jcc(&g->c, C_NE));
    g->boxed[x] = true;
}

static unsigned source(struct gen *g, unsigned n, bool single)
{
    unsigned x = gen_f_read(g, n);
    if ((single ? g->now.nan_d : g->now.nan_s) >> n & 1) gen_mend_nan(g, n);
    if (single) check_boxed(g, x);
    return x;
}

/* A NaN result is x86's own. */
static void check_result(struct gen *g, unsigned x, bool single)
{
    gen_compare_to_itself(g, x, single);
    gen_deopt(g, x_jcc(&g->c, C_P));
}

/* f[rd] <- x, the result of an operation whose every NaN is canonical. With a home it may stay x86's NaN until somebody looks at its bits: as
 * an operand it is as good as another quiet one. */
static void set_result(struct gen *g, unsigned x, bool single)
{
    unsigned n = g->insn->rd;
    if (!gen_f_home(g, n)) check_result(g, x, single);
    gen_f_write(g, n, x, single);
    if (!gen_f_home(g, n)) return;
    *(single ? &g->now.nan_s : &g->now.nan_d) |= UINT32_C(1) << n;
    g->raw_f &= ~(UINT32_C(1) << n);
}

static void xmm_move(struct gen *g, unsigned to, unsigned from) { x_ins(&g->c, X_0F | 0x28, to, r_(from)); }
static void xmm_zero(struct gen *g, unsigned x) { x_ins(&g->c, X_66 | X_0F | 0xef, x, r_(x)); }
static void xmm_ones(struct gen *g, unsigned x) { x_ins(&g->c, X_66 | X_0F | 0x76, x, r_(x)); }
static unsigned scalar(bool single) { return (single ? X_F3 : X_F2) | X_0F; }

/* ---- operations ---- */

static bool arithmetic(struct gen *g, unsigned op, bool single)
{
    check_mode(g, false);
    unsigned a = source(g, g->insn->rs1, single), b = source(g, g->insn->rs2, single);
    if (g->jit->has_avx) {
        unsigned d = gen_f_target(g);
        x_vex(&g->c, 1, single ? 2 : 3, false, op, d, a, r_(b)); /* the bits above the result are a's */
        set_result(g, d, single);
        return true;
    }
    unsigned d = gen_f_result(g);
    xmm_move(g, d, a);
    x_ins(&g->c, scalar(single) | op, d, r_(b));
    set_result(g, d, single);
    return true;
}

static bool square_root(struct gen *g, bool single)
{
    check_mode(g, false);
    unsigned a = source(g, g->insn->rs1, single);
    if (g->jit->has_avx) {
        unsigned d = gen_f_target(g);
        x_vex(&g->c, 1, single ? 2 : 3, false, 0x51, d, a, r_(a));
        set_result(g, d, single);
        return true;
    }
    unsigned d = gen_f_result(g);
    xmm_move(g, d, a);
    x_ins(&g->c, scalar(single) | 0x51, d, r_(a));
    set_result(g, d, single);
    return true;
}

/* op: of the 231 form, d <- ±(a * b) ± d */
static bool fused(struct gen *g, unsigned op, bool single)
{
    if (!g->jit->has_fma) return false;
    check_mode(g, true);
    unsigned a = source(g, g->insn->rs1, single), b = source(g, g->insn->rs2, single),
             z = source(g, g->insn->rs3, single), d = gen_f_result(g);
    xmm_move(g, d, z);
    x_vex(&g->c, 2, 1, !single, op, d, a, r_(b));
    check_result(g, d, single);
    gen_f_write(g, g->insn->rd, d, single);
    return true;
}

/* Quieting (ucomis) or signalling (comis) comparison, as x86 sets its flags for p against q. */
static void order(struct gen *g, bool signalling, bool single, unsigned p, unsigned q)
{
    x_ins(&g->c, (single ? 0 : X_66) | X_0F | (signalling ? 0x2f : 0x2e), p, r_(q));
}

static void set_truth(struct gen *g, unsigned condition)
{
    x_ins(&g->c, X_0F | X_BYTE | 0x90 | condition, 0, r_(RAX));
    x_ins(&g->c, X_0F | X_BYTE | 0xb6, RAX, r_(RAX));
    gen_set_rd(g, RAX);
}

/* a < b is b > a: of x86's conditions only "above" is false for unordered operands. */
static bool less(struct gen *g, bool signalling, bool or_equal, bool single)
{
    unsigned a = source(g, g->insn->rs1, single), b = source(g, g->insn->rs2, single);
    order(g, signalling, single, b, a);
    set_truth(g, or_equal ? C_AE : C_A);
    return true;
}

static bool equal(struct gen *g, bool single)
{
    unsigned a = source(g, g->insn->rs1, single), b = source(g, g->insn->rs2, single);
    order(g, false, single, a, b);
    x_ins(&g->c, X_0F | X_BYTE | 0x90 | C_E, 0, r_(RAX));
    x_ins(&g->c, X_0F | X_BYTE | 0x90 | C_NP, 0, r_(RCX));
    x_ins(&g->c, 0x23, RAX, r_(RCX));
    x_ins(&g->c, X_0F | X_BYTE | 0xb6, RAX, r_(RAX));
    gen_set_rd(g, RAX);
    return true;
}

/* Equal operands have the same bits, or are zeros: the lesser one is that with a sign. norm:fmin-s_fmax-s_zero_compare */
static bool least(struct gen *g, bool greatest, bool single)
{
    unsigned a = source(g, g->insn->rs1, single), b = source(g, g->insn->rs2, single), d = gen_f_result(g);
    order(g, false, single, a, b);
    gen_deopt(g, x_jcc(&g->c, C_P));
    xmm_move(g, d, a);
    uint8_t *equal = x_jcc(&g->c, C_E);
    x_ins(&g->c, scalar(single) | (greatest ? 0x5f : 0x5d), d, r_(b));
    uint8_t *done = x_jmp(&g->c);
    x_aim(equal, g->c.at);
    x_ins(&g->c, X_0F | (greatest ? 0x54 : 0x56), d, r_(b)); /* andps, orps */
    x_aim(done, g->c.at);
    gen_f_write(g, g->insn->rd, d, single);
    return true;
}

/* to a signed integer; x86's "indefinite" result needs mending */
static bool to_signed(struct gen *g, bool wide, bool single)
{
    struct code *c = &g->c;
    bool truncate = g->insn->rm == FP_RTZ;
    if (!truncate) check_mode(g, false);
    unsigned a = source(g, g->insn->rs1, single);
    x_ins(c, scalar(single) | (wide ? X_W : 0) | (truncate ? 0x2c : 0x2d), RAX, r_(a));
    if (wide) {
        x_mov_imm(c, RCX, INT64_MIN);
        x_group(c, G_CMP, RAX, r_(RCX));
    } else {
        x_ins(c, 0x81, G_CMP, r_(RAX));
        x_32(c, UINT32_C(0x80000000));
    }
    gen_deopt(g, x_jcc(c, C_E));
    if (!wide) x_ins(c, X_W | 0x63, RAX, r_(RAX));
    gen_set_rd(g, RAX);
    return true;
}

/* The operand is not negative and converts to less than 2^32, or 2^63 if wide. Else the interpreter does it: x86 converts to signed 64 bits, and
 * would raise "inexact" where the result is out of range. xmm0 is lost. */
static void check_unsigned(struct gen *g, unsigned a, bool wide, bool single)
{
    static const int64_t largest[2][2] = {{INT64_C(0x41efffffffe00000), 0x4f7fffff},  /* 2^32 - 1; by format */
                                          {INT64_C(0x43dfffffffffffff), 0x5effffff}}; /* below 2^63 */
    xmm_zero(g, 0);
    order(g, false, single, a, 0);
    gen_deopt(g, x_jcc(&g->c, C_B));
    x_mov_imm(&g->c, RAX, largest[wide][single]);
    x_ins(&g->c, X_66 | X_W | X_0F | 0x6e, 0, r_(RAX)); /* movq */
    order(g, false, single, 0, a);
    gen_deopt(g, x_jcc(&g->c, C_B));
}

static bool to_unsigned(struct gen *g, bool wide, bool single)
{
    bool truncate = g->insn->rm == FP_RTZ;
    if (!truncate) check_mode(g, false);
    unsigned a = source(g, g->insn->rs1, single);
    check_unsigned(g, a, wide, single);
    x_ins(&g->c, scalar(single) | X_W | (truncate ? 0x2c : 0x2d), RAX, r_(a));
    if (!wide) x_ins(&g->c, X_W | 0x63, RAX, r_(RAX)); /* an unsigned result, too */
    gen_set_rd(g, RAX);
    return true;
}

/* From integer register `rs1`: as 64 bits, or its low 32 extended with or without sign. */
static bool from_integer(struct gen *g, bool word, bool without_sign, bool single)
{
    struct code *c = &g->c;
    check_mode(g, false);
    unsigned n = g->insn->rs1, d = gen_f_target(g);
    if (n == 0)
        x_mov_imm(c, RAX, 0);
    else if (word && without_sign)
        x_ins(c, 0x8b, RAX, gen_x(g, n));
    else if (word)
        x_ins(c, X_W | 0x63, RAX, gen_x(g, n));
    else
        x_load(c, RAX, gen_x(g, n));
    if (single)
        xmm_ones(g, d);
    else
        xmm_zero(g, d);
    uint8_t *done = NULL;
    if (!word && without_sign) {
        /* With the upper bit: half of it, the lowest bit standing for the two that were there, so that it rounds the same; and twice that. */
        x_ins(c, X_W | 0x85, RAX, r_(RAX));
        uint8_t *small = x_jcc(c, C_NS);
        x_mov(c, RCX, RAX);
        x_shift_imm(c, S_SHR, RCX, 1);
        x_group_imm(c, G_AND, r_(RAX), 1);
        x_group(c, G_OR, RCX, r_(RAX));
        x_ins(c, scalar(single) | X_W | 0x2a, d, r_(RCX));
        x_ins(c, scalar(single) | 0x58, d, r_(d));
        done = x_jmp(c);
        x_aim(small, c->at);
    }
    x_ins(c, scalar(single) | X_W | 0x2a, d, r_(RAX));
    if (done) x_aim(done, c->at);
    gen_f_write(g, g->insn->rd, d, single);
    return true;
}

static bool narrow(struct gen *g) /* fcvt.s.d */
{
    check_mode(g, false);
    unsigned a = gen_f_read(g, g->insn->rs1), d = gen_xmm_new(g);
    xmm_ones(g, d);
    x_ins(&g->c, X_F2 | X_0F | 0x5a, d, r_(a));
    set_result(g, d, true);
    return true;
}

static bool widen(struct gen *g) /* fcvt.d.s */
{
    check_mode(g, false);
    unsigned a = source(g, g->insn->rs1, true), d = gen_xmm_new(g);
    xmm_zero(g, d);
    x_ins(&g->c, X_F3 | X_0F | 0x5a, d, r_(a));
    set_result(g, d, false);
    return true;
}

/* f[rd] holds a copy of a register of which this is known. */
static void copy_nan(struct gen *g, bool is_d, bool is_s)
{
    uint32_t bit = UINT32_C(1) << g->insn->rd;
    if (is_d) g->now.nan_d |= bit;
    if (is_s) g->now.nan_s |= bit;
    if (is_d || is_s) g->raw_f &= ~bit;
}

/* which: 'j' sgnj, 'n' sgnjn, 'x' sgnjx; a copy, fneg and fabs when both sources are the same */
static bool sign(struct gen *g, char which, bool single)
{
    struct code *c = &g->c;
    unsigned rs1 = g->insn->rs1, rs2 = g->insn->rs2, bit = single ? 31 : 63;
    if (single) {
        source(g, rs1, true);
        source(g, rs2, true);
    }
    if (rs1 == rs2 && which == 'j') {
        if (!gen_f_home(g, g->insn->rd)) gen_mend_nan(g, rs1);
        unsigned a = gen_f_read(g, rs1), d = gen_f_target(g);
        bool is_d = g->now.nan_d >> rs1 & 1, is_s = g->now.nan_s >> rs1 & 1;
        xmm_move(g, d, a);
        gen_f_write(g, g->insn->rd, d, single);
        if (gen_f_home(g, g->insn->rd)) copy_nan(g, is_d, is_s);
        return true;
    }
    gen_f_bits(g, RAX, rs1);
    if (rs1 == rs2) {
        x_ins(c, X_W | X_0F | 0xba, which == 'n' ? 7 : 6, r_(RAX)); /* btc, btr */
        x_8(c, bit);
    } else {
        gen_f_bits(g, RCX, rs2);
        if (which == 'n') x_ins(c, X_W | 0xf7, 2, r_(RCX));
        x_mov_imm(c, RDX, 1);
        x_shift_imm(c, S_SHL, RDX, bit);
        x_group(c, G_AND, RCX, r_(RDX));
        if (which != 'x') {
            x_ins(c, X_W | X_0F | 0xba, 6, r_(RAX));
            x_8(c, bit);
        }
        x_group(c, which == 'x' ? G_XOR : G_OR, RAX, r_(RCX));
    }
    gen_f_write_bits(g, g->insn->rd, RAX);
    return true;
}

static bool move_to_x(struct gen *g, bool word)
{
    gen_f_bits(g, RAX, g->insn->rs1);
    if (word) x_ins(&g->c, X_W | 0x63, RAX, r_(RAX));
    gen_set_rd(g, RAX);
    return true;
}

static bool move_from_x(struct gen *g, bool word)
{
    unsigned n = g->insn->rs1;
    if (n == 0)
        x_mov_imm(&g->c, RAX, 0);
    else
        x_ins(&g->c, (word ? 0 : X_W) | 0x8b, RAX, gen_x(g, n));
    if (word) {
        x_mov_imm(&g->c, RCX, INT64_C(-0x100000000));
        x_group(&g->c, G_OR, RAX, r_(RCX));
    }
    gen_f_write_bits(g, g->insn->rd, RAX);
    return true;
}

/* ---- rows ---- */

static bool is(const char *name, const char *what) { return strcmp(name, what) == 0; }

/* The operation is known by the name that the row gives it; `name` has lost its format, _s or _d. */
static bool in_one_format(struct gen *g, const char *name, bool single)
{
    if (is(name, "add")) return arithmetic(g, 0x58, single);
    if (is(name, "mul")) return arithmetic(g, 0x59, single);
    if (is(name, "sub")) return arithmetic(g, 0x5c, single);
    if (is(name, "div")) return arithmetic(g, 0x5e, single);
    if (is(name, "sqrt")) return square_root(g, single);
    if (is(name, "madd")) return fused(g, 0xb9, single);
    if (is(name, "msub")) return fused(g, 0xbb, single);
    if (is(name, "nmsub")) return fused(g, 0xbd, single); /* RISC-V and x86 name these two crosswise */
    if (is(name, "nmadd")) return fused(g, 0xbf, single);
    if (is(name, "eq")) return equal(g, single);
    if (is(name, "lt")) return less(g, true, false, single);
    if (is(name, "le")) return less(g, true, true, single);
    if (is(name, "ltq")) return less(g, false, false, single);
    if (is(name, "leq")) return less(g, false, true, single);
    if (is(name, "min")) return least(g, false, single);
    if (is(name, "max")) return least(g, true, single);
    if (is(name, "cvt_w")) return to_signed(g, false, single);
    if (is(name, "cvt_l")) return to_signed(g, true, single);
    if (is(name, "cvt_wu")) return to_unsigned(g, false, single);
    if (is(name, "cvt_lu")) return to_unsigned(g, true, single);
    if (is(name, "sgnj")) return sign(g, 'j', single);
    if (is(name, "sgnjn")) return sign(g, 'n', single);
    if (is(name, "sgnjx")) return sign(g, 'x', single);
    return false;
}

static bool in_mixed_formats(struct gen *g, const char *name)
{
    if (is(name, "cvt_s_d")) return narrow(g);
    if (is(name, "cvt_d_s")) return widen(g);
    if (is(name, "cvt_s_w")) return from_integer(g, true, false, true);
    if (is(name, "cvt_s_wu")) return from_integer(g, true, true, true);
    if (is(name, "cvt_s_l")) return from_integer(g, false, false, true);
    if (is(name, "cvt_s_lu")) return from_integer(g, false, true, true);
    if (is(name, "cvt_d_w")) return from_integer(g, true, false, false);
    if (is(name, "cvt_d_wu")) return from_integer(g, true, true, false);
    if (is(name, "cvt_d_l")) return from_integer(g, false, false, false);
    if (is(name, "cvt_d_lu")) return from_integer(g, false, true, false);
    if (is(name, "mv_x_w")) return move_to_x(g, true);
    if (is(name, "mv_x_d")) return move_to_x(g, false);
    if (is(name, "mv_w_x")) return move_from_x(g, true);
    if (is(name, "mv_d_x")) return move_from_x(g, false);
    return false;
}

enum gen_nan gen_nan_of(const struct insn *i)
{
    static const char *const arithmetic[] = {"add_", "sub_", "mul_", "div_", "sqrt_"};
    const struct tree *t = row_trees[i->id].value;
    if (t->op != T_FP) return row_trees[i->id].bytes == 8 ? NAN_RAW : NAN_BOXED;
    if (is(t->name, "cvt_d_s")) return NAN_D;
    if (is(t->name, "cvt_s_d")) return NAN_S;
    const char *format = strchr(t->name, '_');
    if (is(t->name, "mv_d_x") || !strncmp(t->name, "cvt_d_", 6)) return NAN_RAW;
    bool as_d = format && is(format, "_d"), as_s = format && is(format, "_s");
    for (size_t k = 0; k < ARRAY_LEN(arithmetic); k++)
        if ((as_d || as_s) && !strncmp(t->name, arithmetic[k], strlen(arithmetic[k]))) return as_d ? NAN_D : NAN_S;
    return as_d ? NAN_RAW : NAN_BOXED;
}

bool gen_fp(struct gen *g)
{
    const struct tree *t = row_trees[g->insn->id].value;
    g->locked = 0;
    if (t->op != T_FP) return false;
    if (in_mixed_formats(g, t->name)) return true;
    size_t length = strlen(t->name);
    char name[16];
    if (length < 3 || length >= sizeof name || t->name[length - 2] != '_') return false;
    bool single = t->name[length - 1] == 's';
    if (!single && t->name[length - 1] != 'd') return false;
    memcpy(name, t->name, length - 2);
    name[length - 2] = 0;
    return in_one_format(g, name, single);
}

bool gen_fp_load(struct gen *g, unsigned bytes, struct rm at)
{
    g->locked = 0;
    if (bytes != 8 && bytes != 4) return false;
    unsigned d = gen_f_target(g);
    if (bytes == 8) {
        x_ins(&g->c, X_F2 | X_0F | 0x10, d, at);
    } else {
        x_ins(&g->c, X_F3 | X_0F | 0x10, 0, at); /* movss xmm0, memory */
        xmm_ones(g, d);
        x_ins(&g->c, X_F3 | X_0F | 0x10, d, r_(0)); /* movss d, xmm0: the rest of d stays */
    }
    gen_f_write(g, g->insn->rd, d, bytes == 4);
    return true;
}

bool gen_fp_store(struct gen *g, unsigned bytes, struct rm at)
{
    g->locked = 0;
    if (bytes != 4 && bytes != 8) return false;
    unsigned x = gen_f_read(g, g->insn->rs2);
    gen_mend_nan(g, g->insn->rs2);
    x_ins(&g->c, (bytes == 8 ? X_F2 : X_F3) | X_0F | 0x11, x, at);
    return true;
}
