/* Handlers of two instructions at once against the same two run one by one: every pair of rows that has one, with random operands, so
 * that the second takes the first one's result or not, either half traps or misses, and operands are such that the host's
 * floating-point unit does not do. */
#include "asm.h"
#include "cpu/engine_internal.h"
#include "engine_bench.h"

#include <criterion/criterion.h>

#define CODE     (RAM + 0xff0) /* calls and branches leave the page, too */
#define HANDLER  (RAM + 0x8000)
#define DATA     (RAM + 0xc000)
#define VARIANTS 24

static struct world fast, slow;
static struct observer silent;

static uint64_t next_random(void)
{
    static uint64_t s = 1;
    s = s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return s >> 32 | s << 32;
}

/* An encoding of the row with registers 8 to 11 where it has registers, or x0. */
static uint32_t random_insn(enum insn_id id)
{
    const struct insn_pattern *p = insn_pattern(id);
    uint32_t registers = 0;
    for (unsigned at = 7; at <= 27; at += at == 15 ? 5 : at == 20 ? 7 : 8) {
        uint32_t reg = next_random() % 16 ? 8 + (uint32_t)(next_random() % 4) : 0;
        registers |= reg << at;
    }
    uint32_t fields = 31u << 7 | 31u << 15 | 31u << 20 | 31u << 27;
    if (insn_info(id)->kind == KIND_FPR) return p->match | ((registers | 7u << 12) & ~p->mask);
    uint32_t bits = (uint32_t)next_random();
    if (insn_info(id)->kind == KIND_LOAD) bits &= 0x3f8fffff; /* offsets that hit more often than not */
    return p->match | (((bits & ~fields) | (registers & (31u << 7 | 31u << 15)) | (registers & bits & 31u << 20) |
                        (bits & 31u << 27)) &
                       ~p->mask);
}

static uint64_t random_float(void)
{
    static const uint64_t special[] = {
        0, 0x8000000000000000, 0x7ff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001,
        1, 0xffffffff7fc00000, 0xffffffff7f800001};
    uint64_t r = next_random();
    if (r % 8 == 0) return special[r / 8 % ARRAY_LEN(special)];
    if (r % 2) return 0x3ff0000000000000 + (next_random() >> 12) % 0x40000000000000;
    return fp_box_s(0x3f800000 + (next_random() & 0xffffff));
}

static void set_up(struct world *w, const uint32_t *code, const uint64_t *x, const uint64_t *f, unsigned frm)
{
    struct hart *h = w->hart[0];
    cr_assert(bus_dma_write(&w->bus, CODE, code, 8));
    for (unsigned i = 8; i < 12; i++) h->x[i] = x[i - 8], h->f[i] = f[i - 8];
    csr_poke(h, 0x003, frm << 5);
    csr_poke(h, MSTATUS, 0x4000); /* FS = Clean */
    h->pc = CODE;
    world_run(w, 0, 2);
}

static void check(enum insn_id first, enum insn_id second)
{
    uint64_t x[4], f[4];
    for (unsigned i = 0; i < 4; i++) {
        x[i] = DATA + (next_random() & 0xff8);
        if (next_random() % 4 == 0) x[i] = next_random() % 16 ? next_random() >> next_random() % 64 : RAM + RAM_SIZE;
        f[i] = random_float();
    }
    unsigned frm = next_random() % 8 ? 0 : (unsigned)(next_random() % 6);
    const uint32_t code[] = {random_insn(first), random_insn(second)};
    set_up(&fast, code, x, f, frm);
    set_up(&slow, code, x, f, frm);
    struct world_diff d = world_compare(&fast, &slow, 0);
    if (d.text[0]) {
        char text[2][96];
        for (unsigned i = 0; i < 2; i++) {
            struct insn insn;
            insn_decode(code[i], fast.hart[0]->isa, &insn);
            insn_format(text[i], sizeof text[i], &insn, CODE + 4 * i);
        }
        cr_assert_fail("%s; %s: %s", text[0], text[1], d.text);
    }
}

Test(pairs, do_what_their_halves_do)
{
    unsigned pairs = 0;
    struct world *both[] = {&fast, &slow};
    for (unsigned i = 0; i < 2; i++) {
        world_create(both[i], "max", 1, 0);
        cr_assert(bus_dma_write(&both[i]->bus, HANDLER, &(uint32_t){J_SELF}, 4));
        csr_poke(both[i]->hart[0], MTVEC, HANDLER);
    }
    hart_attach(slow.hart[0], &silent);
    for (unsigned first = 1; first < INSN_COUNT; first++)
        for (unsigned second = 1; second < INSN_COUNT; second++) {
            if (!pair_handler(first, second, 0, false)) continue;
            pairs++;
            for (unsigned i = 0; i < VARIANTS; i++) check(first, second);
        }
    cr_assert_gt(pairs, 1000);
    world_destroy(&fast);
    world_destroy(&slow);
}
