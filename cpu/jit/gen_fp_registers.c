/* The generator for x86-64: where f registers are, and what becomes of NaNs that stand for the canonical one. */
#include "cpu/jit/gen_fp.h"

#include "emu/base/bits.h"

/* ---- f registers in xmm registers ----
 * In a region some f registers live in xmm registers, and nowhere else until the region is left. The others' values are remembered within a
 * block in what is left, and memory is up to date. */

void gen_fp_forget(struct gen *g)
{
    memset(g->xmm_of, 0, sizeof g->xmm_of);
    memset(g->f_in, 0xff, sizeof g->f_in);
    memset(g->boxed, 0, sizeof g->boxed);
    g->next_xmm = 0;
    g->marked_dirty = false;
    g->raw_f = 0;
    g->modes_checked = g->fma_modes_checked = 0;
}

unsigned gen_f_home(const struct gen *g, unsigned n) { return g->plan ? g->plan->f_host[n] : 0; }

unsigned gen_xmm_new(struct gen *g)
{
    do {
        if (++g->next_xmm > g->xmm_last) g->next_xmm = 1;
    } while (g->locked >> g->next_xmm & 1);
    unsigned x = g->next_xmm;
    if (g->f_in[x] < 32 && g->xmm_of[g->f_in[x]] == x) g->xmm_of[g->f_in[x]] = 0;
    g->f_in[x] = 0xff;
    g->boxed[x] = false;
    g->locked |= 1u << x;
    return x;
}

unsigned gen_f_read(struct gen *g, unsigned n)
{
    unsigned x = gen_f_home(g, n);
    if (x) return x;
    x = g->xmm_of[n];
    if (x) {
        g->locked |= 1u << x;
        return x;
    }
    x = gen_xmm_new(g);
    x_ins(&g->c, X_F2 | X_0F | 0x10, x, FREG(n)); /* movsd */
    g->xmm_of[n] = (uint8_t)x;
    g->f_in[x] = (uint8_t)n;
    return x;
}

static void mark_dirty(struct gen *g)
{
    if (g->marked_dirty) return;
    x_ins(&g->c, 0xc6, 0, m_(R_HART, H(fs_dirty)));
    x_8(&g->c, 1);
    g->marked_dirty = true;
}

unsigned gen_f_result(struct gen *g)
{
    const struct insn *i = g->insn;
    unsigned home = gen_f_home(g, i->rd);
    return home && i->rd != i->rs1 && i->rd != i->rs2 && i->rd != i->rs3 ? home : gen_xmm_new(g);
}

unsigned gen_f_target(struct gen *g)
{
    unsigned home = gen_f_home(g, g->insn->rd);
    return home ? home : gen_xmm_new(g);
}

/* Register n gets something else: what was known of its NaN is over. */
static void f_new_value(struct gen *g, unsigned n)
{
    uint32_t bit = UINT32_C(1) << n;
    g->now.nan_d &= ~bit;
    g->now.nan_s &= ~bit;
    g->raw_f |= bit;
}

void gen_f_write(struct gen *g, unsigned n, unsigned x, bool boxed)
{
    unsigned home = gen_f_home(g, n);
    mark_dirty(g);
    if (home) {
        if (x != home) x_ins(&g->c, X_0F | 0x28, home, r_(x)); /* movaps */
        g->boxed[home] = boxed;
        f_new_value(g, n);
        return;
    }
    x_ins(&g->c, X_F2 | X_0F | 0x11, x, FREG(n));
    if (g->xmm_of[n] && g->xmm_of[n] != x) g->f_in[g->xmm_of[n]] = 0xff;
    if (g->f_in[x] < 32 && g->f_in[x] != n && g->xmm_of[g->f_in[x]] == x) g->xmm_of[g->f_in[x]] = 0;
    g->xmm_of[n] = (uint8_t)x;
    g->f_in[x] = (uint8_t)n;
    g->boxed[x] = boxed;
}

void gen_f_write_bits(struct gen *g, unsigned n, unsigned reg)
{
    unsigned home = gen_f_home(g, n);
    mark_dirty(g);
    if (home) {
        x_ins(&g->c, X_66 | X_W | X_0F | 0x6e, home, r_(reg)); /* movq home, reg */
        g->boxed[home] = false;
        f_new_value(g, n);
        return;
    }
    x_store(&g->c, FREG(n), reg);
    if (g->xmm_of[n]) g->f_in[g->xmm_of[n]] = 0xff;
    g->xmm_of[n] = 0;
}

void gen_f_bits(struct gen *g, unsigned reg, unsigned n)
{
    gen_mend_nan(g, n);
    if (gen_f_home(g, n))
        x_ins(&g->c, X_66 | X_W | X_0F | 0x7e, gen_f_home(g, n), r_(reg));
    else
        x_load(&g->c, reg, FREG(n));
}

/* ---- NaNs ---- */

void gen_compare_to_itself(struct gen *g, unsigned x, bool single)
{
    x_ins(&g->c, (single ? 0 : X_66) | X_0F | 0x2e, x, r_(x)); /* ucomis */
}

void gen_mend_nan(struct gen *g, unsigned n)
{
    uint32_t bit = UINT32_C(1) << n;
    if (!((g->now.nan_d | g->now.nan_s) & bit)) return;
    bool single = g->now.nan_s & bit;
    gen_compare_to_itself(g, gen_f_home(g, n), single);
    uint8_t *site = x_jcc(&g->c, C_P);
    g->mends[g->mend_count++] = (struct mend){.site = site, .resume = g->c.at, .n = (uint8_t)n, .single = single};
    g->now.nan_d &= ~bit;
    g->now.nan_s &= ~bit;
}

static void put_canonical(struct code *c, unsigned n, bool single)
{
    struct rm low = FREG(n), high = low;
    high.disp += 4;
    x_ins(c, 0xc7, 0, low);
    x_32(c, single ? UINT32_C(0x7fc00000) : 0);
    x_ins(c, 0xc7, 0, high);
    x_32(c, single ? UINT32_MAX : UINT32_C(0x7ff80000));
}

void gen_mends(struct gen *g)
{
    for (unsigned i = 0; i < g->mend_count; i++) {
        const struct mend *m = &g->mends[i];
        x_aim(m->site, g->c.at);
        put_canonical(&g->c, m->n, m->single);
        x_ins(&g->c, X_F2 | X_0F | 0x10, gen_f_home(g, m->n), FREG(m->n));
        x_jmp_to(&g->c, m->resume);
    }
}

void gen_fp_put_home(struct gen *g, unsigned n, const struct place *p)
{
    unsigned home = gen_f_home(g, n);
    bool single = p->nan_s >> n & 1;
    x_ins(&g->c, X_F2 | X_0F | 0x11, home, FREG(n));
    if (!single && !(p->nan_d >> n & 1)) return;
    gen_compare_to_itself(g, home, single);
    uint8_t *over = x_jcc(&g->c, C_NP);
    put_canonical(&g->c, n, single);
    x_aim(over, g->c.at);
}

/* A NaN that was loaded into a register of plan->nan_d or nan_s leaves the region: the interpreter, or the next block's own code, goes on. */
void gen_settle_nans(struct gen *g)
{
    const struct plan *p = g->plan;
    for (unsigned n = 0; n < 32; n++) {
        bool as_d = p->nan_d >> n & 1, as_s = p->nan_s >> n & 1;
        if ((g->now.nan_d >> n & 1 && !as_d) || (g->now.nan_s >> n & 1 && !as_s)) gen_mend_nan(g, n);
    }
    g->exit_place = gen_place(g);
    for (unsigned n = 0; n < 32; n++) {
        if (!(g->raw_f >> n & 1) || !((p->nan_d | p->nan_s) >> n & 1)) continue;
        gen_compare_to_itself(g, gen_f_home(g, n), p->nan_s >> n & 1);
        uint8_t *site = x_jcc(&g->c, C_P);
        if (g->index < g->length)
            gen_deopt(g, site);
        else
            gen_leave_at(g, site, (int32_t)g->offset);
    }
    g->now.nan_d = p->nan_d;
    g->now.nan_s = p->nan_s;
    g->raw_f = 0;
}
