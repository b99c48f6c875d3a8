/* A guest program for any RISC-V machine with F, D and Zfhmin: executes each floating-point instruction and compares
 * it, result and fflags, with softfp, which is compiled into it and uses integer instructions alone. Under qemu-riscv64
 * that checks softfp; under Orrery, Orrery. Prints one line per disagreement; exits 1 if there was any. */
#include <inttypes.h>
#include <stdio.h>

#include "cpu/fp/fp.h"
#include "fp_cases.h"

enum { CASES = 20000 };

static unsigned failures;
static uint64_t executed;

struct operands {
    uint64_t a, b, d;
};

typedef uint64_t (*instruction)(const struct operands *v);
typedef uint64_t (*model)(struct fp_ctx *c, const struct operands *v);

/* Register contents go in and out by fmv, so that boxes and NaN payloads are under control. */
#define LOAD_OPERANDS                                                                                                  \
    "fmv.d.x ft0, %[a]\n\t"                                                                                            \
    "fmv.d.x ft1, %[b]\n\t"                                                                                            \
    "fmv.d.x ft2, %[d]\n\t"
#define ASM(text)                                                                                                      \
    __asm__ volatile(".option push\n\t.option arch, +zfhmin\n\t" LOAD_OPERANDS text "\n\t.option pop"                  \
                     : [r] "=&r"(r)                                                                                    \
                     : [a] "r"(v->a), [b] "r"(v->b), [d] "r"(v->d)                                                     \
                     : "ft0", "ft1", "ft2", "ft3")

#define TO_F(id, text, expression)                                                                                     \
    static uint64_t run_##id(const struct operands *v)                                                                 \
    {                                                                                                                  \
        uint64_t r;                                                                                                    \
        ASM(text "\n\tfmv.x.d %[r], ft3");                                                                             \
        return r;                                                                                                      \
    }                                                                                                                  \
    static uint64_t model_##id(struct fp_ctx *c, const struct operands *v)                                             \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        return expression;                                                                                             \
    }
#define TO_X(id, text, expression)                                                                                     \
    static uint64_t run_##id(const struct operands *v)                                                                 \
    {                                                                                                                  \
        uint64_t r;                                                                                                    \
        ASM(text);                                                                                                     \
        return r;                                                                                                      \
    }                                                                                                                  \
    static uint64_t model_##id(struct fp_ctx *c, const struct operands *v)                                             \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        return expression;                                                                                             \
    }

/* One row: F or X for where the result goes, operand format, identifier, assembly, model. */
#define ROWS_OF(X, T, F)                                                                                               \
    X(TO_F, F, add_##T, "fadd." #T " ft3, ft0, ft1", fp_add_##T(c, v->a, v->b, FP_DYN))                                \
    X(TO_F, F, sub_##T, "fsub." #T " ft3, ft0, ft1", fp_sub_##T(c, v->a, v->b, FP_DYN))                                \
    X(TO_F, F, mul_##T, "fmul." #T " ft3, ft0, ft1", fp_mul_##T(c, v->a, v->b, FP_DYN))                                \
    X(TO_F, F, div_##T, "fdiv." #T " ft3, ft0, ft1", fp_div_##T(c, v->a, v->b, FP_DYN))                                \
    X(TO_F, F, sqrt_##T, "fsqrt." #T " ft3, ft0", fp_sqrt_##T(c, v->a, FP_DYN))                                        \
    X(TO_F, F, madd_##T, "fmadd." #T " ft3, ft0, ft1, ft2", fp_madd_##T(c, v->a, v->b, v->d, FP_DYN))                  \
    X(TO_F, F, msub_##T, "fmsub." #T " ft3, ft0, ft1, ft2", fp_msub_##T(c, v->a, v->b, v->d, FP_DYN))                  \
    X(TO_F, F, nmsub_##T, "fnmsub." #T " ft3, ft0, ft1, ft2", fp_nmsub_##T(c, v->a, v->b, v->d, FP_DYN))               \
    X(TO_F, F, nmadd_##T, "fnmadd." #T " ft3, ft0, ft1, ft2", fp_nmadd_##T(c, v->a, v->b, v->d, FP_DYN))               \
    X(TO_F, F, min_##T, "fmin." #T " ft3, ft0, ft1", fp_min_##T(c, v->a, v->b))                                        \
    X(TO_F, F, max_##T, "fmax." #T " ft3, ft0, ft1", fp_max_##T(c, v->a, v->b))                                        \
    X(TO_F, F, sgnj_##T, "fsgnj." #T " ft3, ft0, ft1", fp_sgnj_##T(v->a, v->b))                                        \
    X(TO_F, F, sgnjn_##T, "fsgnjn." #T " ft3, ft0, ft1", fp_sgnjn_##T(v->a, v->b))                                     \
    X(TO_F, F, sgnjx_##T, "fsgnjx." #T " ft3, ft0, ft1", fp_sgnjx_##T(v->a, v->b))                                     \
    X(TO_X, F, eq_##T, "feq." #T " %[r], ft0, ft1", fp_eq_##T(c, v->a, v->b))                                          \
    X(TO_X, F, lt_##T, "flt." #T " %[r], ft0, ft1", fp_lt_##T(c, v->a, v->b))                                          \
    X(TO_X, F, le_##T, "fle." #T " %[r], ft0, ft1", fp_le_##T(c, v->a, v->b))                                          \
    X(TO_X, F, class_##T, "fclass." #T " %[r], ft0", fp_class_##T(v->a))                                               \
    X(TO_X, F, cvt_w_##T, "fcvt.w." #T " %[r], ft0, dyn", fp_cvt_w_##T(c, v->a, FP_DYN))                               \
    X(TO_X, F, cvt_wu_##T, "fcvt.wu." #T " %[r], ft0, dyn", fp_cvt_wu_##T(c, v->a, FP_DYN))                            \
    X(TO_X, F, cvt_l_##T, "fcvt.l." #T " %[r], ft0, dyn", fp_cvt_l_##T(c, v->a, FP_DYN))                               \
    X(TO_X, F, cvt_lu_##T, "fcvt.lu." #T " %[r], ft0, dyn", fp_cvt_lu_##T(c, v->a, FP_DYN))                            \
    X(TO_X, F, cvt_w_##T##_rtz, "fcvt.w." #T " %[r], ft0, rtz", fp_cvt_w_##T(c, v->a, FP_RTZ))                         \
    X(TO_X, F, cvt_l_##T##_rdn, "fcvt.l." #T " %[r], ft0, rdn", fp_cvt_l_##T(c, v->a, FP_RDN))                         \
    X(TO_X, F, cvt_wu_##T##_rmm, "fcvt.wu." #T " %[r], ft0, rmm", fp_cvt_wu_##T(c, v->a, FP_RMM))                      \
    X(TO_F, -1, cvt_##T##_l, "fcvt." #T ".l ft3, %[a], dyn", fp_cvt_##T##_l(c, v->a, FP_DYN))                          \
    X(TO_F, -1, cvt_##T##_lu, "fcvt." #T ".lu ft3, %[a], dyn", fp_cvt_##T##_lu(c, v->a, FP_DYN))                       \
    X(TO_F, -1, cvt_##T##_w, "fcvt." #T ".w ft3, %[a]", fp_cvt_##T##_w(c, v->a, FP_DYN))                               \
    X(TO_F, -1, cvt_##T##_wu, "fcvt." #T ".wu ft3, %[a]", fp_cvt_##T##_wu(c, v->a, FP_DYN))

#define ROWS(X)                                                                                                        \
    ROWS_OF(X, s, FP_S)                                                                                                \
    ROWS_OF(X, d, FP_D)                                                                                                \
    X(TO_F, FP_D, cvt_s_d, "fcvt.s.d ft3, ft0", fp_cvt_s_d(c, v->a, FP_DYN))                                           \
    X(TO_F, FP_S, cvt_d_s, "fcvt.d.s ft3, ft0", fp_cvt_d_s(c, v->a, FP_DYN))                                           \
    X(TO_F, FP_H, cvt_s_h, "fcvt.s.h ft3, ft0", fp_cvt_s_h(c, v->a, FP_DYN))                                           \
    X(TO_F, FP_S, cvt_h_s, "fcvt.h.s ft3, ft0", fp_cvt_h_s(c, v->a, FP_DYN))                                           \
    X(TO_F, FP_H, cvt_d_h, "fcvt.d.h ft3, ft0", fp_cvt_d_h(c, v->a, FP_DYN))                                           \
    X(TO_F, FP_D, cvt_h_d, "fcvt.h.d ft3, ft0", fp_cvt_h_d(c, v->a, FP_DYN))                                           \
    X(TO_X, FP_S, mv_x_w, "fmv.x.w %[r], ft0", fp_mv_x_w(v->a))                                                        \
    X(TO_F, -1, mv_w_x, "fmv.w.x ft3, %[a]", fp_mv_w_x(v->a))                                                          \
    X(TO_X, FP_H, mv_x_h, "fmv.x.h %[r], ft0", fp_mv_x_h(v->a))                                                        \
    X(TO_F, -1, mv_h_x, "fmv.h.x ft3, %[a]", fp_mv_h_x(v->a))

#define DEFINE(kind, format, id, text, expression) kind(id, text, expression)
ROWS(DEFINE)

static const struct row {
    const char *name;
    int format; /* -1: integer operand */
    instruction run;
    model model;
} rows[] = {
#define ROW(kind, format, id, text, expression) {#id, format, run_##id, model_##id},
    ROWS(ROW)};

static uint64_t box(struct fp_cases *r, int format, uint64_t bits)
{
    if (format == FP_D) return bits;
    uint64_t boxed = format == FP_S ? fp_box_s(bits) : fp_box_h(bits);
    return fp_cases_below(r, 16) ? boxed : boxed & fp_cases_next(r);
}

static struct operands draw(struct fp_cases *r, int format)
{
    if (format < 0) return (struct operands){.a = fp_cases_integer(r)};
    enum fp_format f = (enum fp_format)format;
    uint64_t a = fp_cases_operand(r, f), b = fp_cases_partner(r, f, a), d = fp_cases_addend(r, f, a, b);
    return (struct operands){box(r, format, a), box(r, format, b), box(r, format, d)};
}

static void check(const struct row *row, struct fp_cases *r, struct fp_ctx *c, unsigned frm)
{
    struct operands v = draw(r, row->format);
    unsigned long got_flags;
    fp_set_frm(c, frm);
    fp_set_flags(c, 0);
    __asm__ volatile("csrw fcsr, %0" : : "r"((unsigned long)frm << 5) : "memory");
    uint64_t got = row->run(&v);
    __asm__ volatile("csrr %0, fflags\n\tcsrw fcsr, x0" : "=r"(got_flags) : : "memory");
    uint64_t want = row->model(c, &v);
    executed++;
    if (got == want && got_flags == fp_flags(c)) return;
    failures++;
    printf("%s frm %u (%" PRIx64 ", %" PRIx64 ", %" PRIx64 "): instruction %" PRIx64 " flags %lx, softfp %" PRIx64
           " flags %x\n",
           row->name, frm, v.a, v.b, v.d, got, got_flags, want, fp_flags(c));
}

int main(void)
{
    struct fp_ctx c;
    fp_init(&c);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fp_cases r = {.state = i};
        for (unsigned n = 0; n < CASES && failures < 20; n++) check(&rows[i], &r, &c, n % 5);
    }
    printf("fp_instructions: %" PRIu64 " instructions executed, %u disagree\n", executed, failures);
    return failures != 0;
}
