/* The operations of fp.h against the same operations on softfp (which test_fp_soft.c holds against MPFR): values, NaN
 * boxes, and flags, with every pair of frm and rm, inside and outside of fp_enter. */
#include <criterion/criterion.h>
#include <string.h>

#include "cpu/fp/fp.h"
#include "fp_cases.h"

enum { CASES = 1000 }; /* per operation, frm and rm */

enum operand { OPERAND_S, OPERAND_D, OPERAND_H, OPERAND_INTEGER };

struct arguments {
    uint64_t a, b, d;
    unsigned rm;
};

typedef uint64_t (*operation)(struct fp_ctx *c, const struct arguments *v);

#define CALL_A(f)    f(c, v->a)
#define CALL_AR(f)   f(c, v->a, v->rm)
#define CALL_AB(f)   f(c, v->a, v->b)
#define CALL_ABR(f)  f(c, v->a, v->b, v->rm)
#define CALL_ABDR(f) f(c, v->a, v->b, v->d, v->rm)
#define WRAP(shape, name)                                                                                              \
    static uint64_t fast_##name(struct fp_ctx *c, const struct arguments *v) { return CALL_##shape(fp_##name); }       \
    static uint64_t slow_##name(struct fp_ctx *c, const struct arguments *v) { return CALL_##shape(fp_slow_##name); }

FP_OPS_HOST(WRAP, h)
FP_OPS_HOST(WRAP, s)
FP_OPS_HOST(WRAP, d)
FP_OPS_SELECT(WRAP, h)
FP_OPS_SELECT(WRAP, s)
FP_OPS_SELECT(WRAP, d)
FP_OPS_HOST_MIXED(WRAP)
FP_OPS_SOFT(WRAP)

static const struct row {
    const char *name;
    operation fast, slow;
} rows[] = {
#define ROW(shape, name) {#name, fast_##name, slow_##name},
    FP_OPS_HOST(ROW, h) FP_OPS_HOST(ROW, s) FP_OPS_HOST(ROW, d) FP_OPS_SELECT(ROW, h) FP_OPS_SELECT(ROW, s)
        FP_OPS_SELECT(ROW, d) FP_OPS_HOST_MIXED(ROW) FP_OPS_SOFT(ROW)};

/* The operand's kind is the last letter of the name. */
static enum operand operand_of(const char *name)
{
    switch (name[strlen(name) - 1]) {
    case 's': return OPERAND_S;
    case 'd': return OPERAND_D;
    case 'h': return OPERAND_H;
    default: return OPERAND_INTEGER;
    }
}

static uint64_t box(struct fp_cases *r, enum operand kind, uint64_t bits)
{
    if (kind == OPERAND_D) return bits;
    uint64_t boxed = kind == OPERAND_S ? fp_box_s(bits) : fp_box_h(bits);
    switch (fp_cases_below(r, 24)) {
    case 0: return bits;
    case 1: return boxed & ~(UINT64_C(1) << (32 + fp_cases_below(r, 32)));
    default: return boxed;
    }
}

static struct arguments draw(struct fp_cases *r, enum operand kind, unsigned rm)
{
    if (kind == OPERAND_INTEGER) return (struct arguments){.a = fp_cases_integer(r), .rm = rm};
    enum fp_format f = (enum fp_format)kind;
    uint64_t a = fp_cases_operand(r, f), b = fp_cases_partner(r, f, a), d = fp_cases_addend(r, f, a, b);
    return (struct arguments){.a = box(r, kind, a), .b = box(r, kind, b), .d = box(r, kind, d), .rm = rm};
}

static const unsigned modes[] = {FP_RNE, FP_RTZ, FP_RDN, FP_RUP, FP_RMM, FP_DYN};

static void compare(const struct row *row, struct fp_cases *r, unsigned frm, unsigned rm, bool enter, struct fp_ctx *c)
{
    struct fp_ctx reference;
    fp_init(&reference);
    fp_set_frm(&reference, frm);
    if (enter) fp_enter(c);
    for (int i = 0; i < CASES; i++) {
        struct arguments v = draw(r, operand_of(row->name), rm);
        fp_set_flags(&reference, 0);
        fp_set_flags(c, 0);
        uint64_t got = row->fast(c, &v), want = row->slow(&reference, &v);
        unsigned got_flags = fp_flags(c), want_flags = fp_flags(&reference);
        if (got != want || got_flags != want_flags) {
            if (enter) fp_leave(c);
            cr_assert_fail("%s frm %u rm %u (%lx, %lx, %lx): got %lx flags %x, want %lx flags %x", row->name, frm, rm,
                           v.a, v.b, v.d, got, got_flags, want, want_flags);
        }
    }
    if (enter) fp_leave(c);
}

static void compare_all(bool enter, bool without_fma)
{
    struct fp_cases r = {.state = 100};
    struct fp_ctx c;
    fp_init(&c);
    if (without_fma) c.host_has_fma = c.host_has_round = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned frm = 0; frm <= FP_RMM; frm++) {
            fp_set_frm(&c, frm);
            for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) compare(&rows[i], &r, frm, modes[m], enter, &c);
        }
    }
}

Test(fp_host, agrees_with_softfp) { compare_all(true, false); }
Test(fp_host, agrees_with_softfp_on_an_old_host) { compare_all(true, true); }
Test(fp_host, agrees_with_softfp_outside_of_a_stretch) { compare_all(false, false); }

#define D(x)                                                                                                           \
    ((union {                                                                                                          \
         double f;                                                                                                     \
         uint64_t u;                                                                                                   \
     }){x}                                                                                                             \
         .u)

Test(fp_host, flags_stick_until_they_are_set)
{
    struct fp_ctx c;
    fp_init(&c);
    fp_enter(&c);
    fp_div_d(&c, D(1.0), D(0.0), FP_DYN);
    fp_add_d(&c, D(1.0), D(1.0), FP_DYN);
    cr_assert_eq(fp_flags(&c), FP_DZ);
    fp_add_d(&c, D(1.0), D(0x1p-60), FP_RMM); /* softfp's flags and the unit's come together */
    cr_assert_eq(fp_flags(&c), FP_DZ | FP_NX);
    fp_set_frm(&c, FP_RUP);
    cr_assert_eq(fp_flags(&c), FP_DZ | FP_NX);
    fp_leave(&c);
    cr_assert_eq(fp_flags(&c), FP_DZ | FP_NX);
    fp_enter(&c);
    cr_assert_eq(fp_flags(&c), FP_DZ | FP_NX);
    fp_set_flags(&c, FP_UF | 0xe0);
    cr_assert_eq(fp_flags(&c), FP_UF);
    fp_sqrt_d(&c, D(-1.0), FP_DYN);
    fp_leave(&c);
    cr_assert_eq(fp_flags(&c), FP_UF | FP_NV);
    fp_set_flags(&c, 0);
    cr_assert_eq(fp_flags(&c), 0);
}

/* Constants that a compiler could fold, and equal operations between which it could forget that the mode has changed.
 */
Test(fp_host, mode_changes_are_not_optimised_away)
{
    struct fp_ctx c;
    fp_init(&c);
    fp_enter(&c);
    uint64_t nearest = fp_add_d(&c, D(1.0), D(0x1p-60), FP_DYN);
    fp_set_frm(&c, FP_RUP);
    uint64_t up = fp_add_d(&c, D(1.0), D(0x1p-60), FP_DYN);
    fp_set_frm(&c, FP_RDN);
    uint64_t down = fp_add_d(&c, D(1.0), D(-0x1p-60), FP_DYN);
    fp_set_frm(&c, FP_RTZ);
    uint64_t zero = fp_add_d(&c, D(-1.0), D(0x1p-60), FP_DYN);
    fp_leave(&c);
    cr_assert_eq(nearest, D(1.0));
    cr_assert_eq(up, D(0x1.0000000000001p0));
    cr_assert_eq(down, D(0x1.fffffffffffffp-1));
    cr_assert_eq(zero, D(-0x1.fffffffffffffp-1));
    volatile double one = 1.0, tiny = 0x1p-60;
    cr_assert_eq(one + tiny, 1.0, "the host has its own mode back");
}

/* An operation whose result nobody reads still raises its flags. */
Test(fp_host, unused_results_raise_flags)
{
    struct fp_ctx c;
    fp_init(&c);
    fp_enter(&c);
    fp_cvt_w_d(&c, D(0.5), FP_RTZ);
    unsigned inexact = fp_flags(&c);
    fp_set_flags(&c, 0);
    fp_lt_d(&c, FP_NAN_D, D(1.0));
    unsigned invalid = fp_flags(&c);
    fp_leave(&c);
    cr_assert_eq(inexact, FP_NX);
    cr_assert_eq(invalid, FP_NV);
}

Test(fp_host, two_contexts_do_not_mix)
{
    struct fp_ctx a, b;
    fp_init(&a);
    fp_init(&b);
    fp_set_frm(&b, FP_RUP);
    fp_enter(&a);
    fp_div_d(&a, D(1.0), D(0.0), FP_DYN);
    fp_leave(&a);
    fp_enter(&b);
    uint64_t up = fp_add_d(&b, D(1.0), D(0x1p-60), FP_DYN);
    fp_leave(&b);
    cr_assert_eq(up, D(0x1.0000000000001p0));
    cr_assert_eq(fp_flags(&a), FP_DZ);
    cr_assert_eq(fp_flags(&b), FP_NX);
}

Test(fp_host, reserved_modes_are_told)
{
    struct fp_ctx c;
    fp_init(&c);
    for (unsigned frm = 0; frm < 8; frm++) {
        fp_set_frm(&c, frm);
        cr_assert_eq(fp_frm(&c), frm);
        for (unsigned rm = 0; rm < 8; rm++) cr_assert_eq(fp_rm_is_legal(&c, rm), rm < 5 || (rm == 7 && frm < 5));
    }
    /* A reserved frm disturbs neither static modes nor comparisons. */
    fp_enter(&c);
    uint64_t r = fp_add_d(&c, D(1.0), D(0x1p-60), FP_RUP), lt = fp_lt_d(&c, D(1.0), D(2.0));
    fp_leave(&c);
    cr_assert_eq(r, D(0x1.0000000000001p0));
    cr_assert_eq(lt, 1);
}
