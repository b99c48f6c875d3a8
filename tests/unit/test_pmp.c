/* Physical memory protection against a model that goes byte by byte through the sentences of machine.adoc. */
#include "emu/base/bits.h"
#include "mmu/pmp.h"

#include <criterion/criterion.h>

#define L 0x80u
enum { OFF = 0, TOR = 1 << 3, NA4 = 2 << 3, NAPOT = 3 << 3 };

static uint64_t rng_state = 88172645463325252u;
static uint64_t rng(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    return rng_state ^= rng_state << 17;
}

/* ---- the model ---- */

static bool model_matches(const struct pmp *p, unsigned i, uint64_t byte)
{
    uint64_t word = byte >> 2, addr = p->addr[i];
    switch (p->cfg[i] & (3 << 3)) {
    case TOR: return (i == 0 || p->addr[i - 1] <= word) && word < addr;
    case NA4: return word == addr;
    case NAPOT: {
        unsigned ones = 0;
        while (bit_test(addr, ones)) ones++;
        return word >> (ones + 1) == addr >> (ones + 1);
    }
    default: return false;
    }
}

static bool model_check(const struct pmp *p, uint64_t at, uint64_t len, unsigned need, bool machine)
{
    for (unsigned i = 0; i < p->count; i++) {
        uint64_t matched = 0;
        for (uint64_t b = 0; b < len; b++) matched += model_matches(p, i, at + b);
        if (matched == 0) continue;
        if (matched < len) return false;
        if (machine && !(p->cfg[i] & L)) return true;
        return (p->cfg[i] & need) == need;
    }
    return machine || p->count == 0;
}

/* ---- checks ---- */

static void check_everywhere(const struct pmp *p, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at++)
        for (unsigned len = 1; len <= 8; len *= 2)
            for (unsigned need = 1; need <= 4; need *= 2)
                for (int machine = 0; machine < 2; machine++)
                    cr_assert_eq(pmp_check(p, at, len, need, machine), model_check(p, at, len, need, machine),
                                 "0x%lx len %u need %u machine %d", at, len, need, machine);
}

static void set(struct pmp *p, unsigned i, unsigned cfg, uint64_t addr)
{
    pmp_write_addr(p, i, addr);
    unsigned index = i / 8 * 2, shift = i % 8 * 8;
    pmp_write_cfg(p, index, bits_set(pmp_read_cfg(p, index), shift + 7, shift, cfg));
}

Test(pmp, without_entries_everything_is_allowed)
{
    struct pmp p = {.count = 0};
    pmp_reset(&p);
    cr_assert(pmp_check(&p, 0x1000, 8, PMP_R | PMP_W | PMP_X, false));
    cr_assert_not(pmp_write_cfg(&p, 0, UINT64_MAX));
    cr_assert_not(pmp_write_addr(&p, 0, UINT64_MAX));
    cr_assert(pmp_read_cfg(&p, 0) == 0 && pmp_read_addr(&p, 0) == 0);
}

Test(pmp, with_all_entries_off_only_machine_mode_gets_through)
{
    struct pmp p = {.count = 16};
    pmp_reset(&p);
    cr_assert(pmp_check(&p, 0x1000, 8, PMP_R, true));
    cr_assert_not(pmp_check(&p, 0x1000, 8, PMP_R, false));
}

Test(pmp, each_mode_at_its_edges)
{
    static const struct {
        unsigned mode;
        uint64_t before, addr;
    } cases[] = {
        {NA4, 0, 0x10},   {NAPOT, 0, 0x10},  {NAPOT, 0, 0x11},  {NAPOT, 0, 0x13}, {NAPOT, 0, 0x17}, {NAPOT, 0, 0x3f},
        {TOR, 0x8, 0x10}, {TOR, 0x10, 0x10}, {TOR, 0x11, 0x10}, {TOR, 0, 0x10},   {OFF, 0, 0x10},
    };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++)
        for (unsigned rights = 0; rights < 8; rights++)
            for (unsigned lock = 0; lock < 2; lock++) {
                struct pmp p = {.count = 16};
                pmp_reset(&p);
                pmp_write_addr(&p, 2, cases[c].before);
                set(&p, 3, cases[c].mode | rights | (lock ? L : 0), cases[c].addr);
                check_everywhere(&p, 0, 0x240);
            }
}

Test(pmp, entry_zero_as_top_of_range_begins_at_zero)
{
    struct pmp p = {.count = 16};
    pmp_reset(&p);
    set(&p, 0, TOR | PMP_R, 0x10);
    cr_assert(pmp_check(&p, 0, 4, PMP_R, false) && pmp_check(&p, 0x3c, 4, PMP_R, false));
    cr_assert_not(pmp_check(&p, 0x40, 4, PMP_R, false));
    cr_assert_not(pmp_check(&p, 0x3c, 8, PMP_R, true), "partly matched: fails for M as well");
}

Test(pmp, all_ones_covers_everything)
{
    struct pmp p = {.count = 16};
    pmp_reset(&p);
    set(&p, 0, NAPOT | PMP_R | PMP_W | PMP_X, UINT64_MAX);
    cr_assert_eq(pmp_read_addr(&p, 0), UINT64_MAX >> 10);
    cr_assert(pmp_check(&p, 0, 8, PMP_R, false) && pmp_check(&p, (UINT64_C(1) << 56) - 8, 8, PMP_X, false));
    set(&p, 0, NAPOT | PMP_R, (UINT64_MAX >> 10) - 1);
    cr_assert(pmp_check(&p, (UINT64_C(1) << 56) - 8, 8, PMP_R, false));
    cr_assert_not(pmp_check(&p, (UINT64_C(1) << 56) - 9, 1, PMP_R, false));
}

Test(pmp, random_tables_agree_with_the_model)
{
    for (unsigned round = 0; round < 300; round++) {
        struct pmp p = {.count = round % 2 ? 16 : 64};
        pmp_reset(&p);
        for (unsigned n = 0; n < 6; n++) {
            unsigned entry = (unsigned)(rng() % p.count);
            set(&p, entry, (unsigned)(rng() & 0x1f) | (rng() % 4 ? 0 : L), rng() % 64 + (rng() % 2 ? 0 : 0x3c0));
        }
        check_everywhere(&p, 0, 0x130);
        check_everywhere(&p, 0xf00, 0x1010);
    }
}

Test(pmp, page_rights_hold_for_every_byte_of_the_page)
{
    unsigned uniform = 0, mixed = 0;
    for (unsigned round = 0; round < 2000; round++) {
        struct pmp p = {.count = 16};
        pmp_reset(&p);
        for (unsigned n = 0; n < 3; n++)
            set(&p, (unsigned)(rng() % 16), (unsigned)(rng() & 0x1f) | (rng() % 4 ? 0 : L),
                (rng() % 4) << 10 | (rng() % 2 ? 0 : (rng() % 2 ? 0x1ff : rng() % 1024)));
        for (int machine = 0; machine < 2; machine++) {
            unsigned rights = 0;
            bool same = pmp_page_rights(&p, 0x1234, machine, &rights);
            bool differs = false;
            for (uint64_t at = 0x1000; at < 0x2000; at += 4)
                for (unsigned need = 1; need <= 4; need *= 2) {
                    bool allowed = model_check(&p, at, 4, need, machine);
                    differs |= allowed != model_check(&p, 0x1000, 4, need, machine);
                    if (same) cr_assert_eq(allowed, (rights & need) != 0);
                }
            if (differs) cr_assert_not(same);
            same ? uniform++ : mixed++;
        }
    }
    cr_assert(uniform > 100 && mixed > 100, "the test saw both kinds: %u, %u", uniform, mixed);
}

Test(pmp, cfg_is_warl_and_write_without_read_is_not_taken)
{
    struct pmp p = {.count = 16};
    pmp_reset(&p);
    cr_assert(pmp_write_cfg(&p, 0, UINT64_C(0x7f02060418100800)));
    cr_assert_eq(pmp_read_cfg(&p, 0), UINT64_C(0x1f00040418100800),
                 "reserved bits 6:5 are zero, W alone becomes none, WX becomes X");
    cr_assert_not(pmp_write_cfg(&p, 0, UINT64_C(0x7f02060418100800)), "nothing changed");
    cr_assert_not(pmp_write_cfg(&p, 4, UINT64_MAX), "entries 16 … are not there");
    cr_assert_eq(pmp_read_cfg(&p, 4), 0);
    cr_assert_not(pmp_write_addr(&p, 16, 1));
    struct pmp big = {.count = 64};
    pmp_reset(&big);
    cr_assert(pmp_write_cfg(&big, 14, UINT64_C(0x0f) << 56));
    cr_assert_eq(big.cfg[63], 0x0f);
}

Test(pmp, locked_entries_stay_as_they_are)
{
    struct pmp p = {.count = 16};
    pmp_reset(&p);
    set(&p, 4, TOR | PMP_R | L, 0x200);
    cr_assert_not(pmp_write_addr(&p, 4, 7));
    cr_assert_not(pmp_write_addr(&p, 3, 7), "the bottom of a locked range");
    cr_assert(pmp_write_addr(&p, 2, 7));
    cr_assert(pmp_write_addr(&p, 5, 7));
    cr_assert(pmp_write_cfg(&p, 0, UINT64_C(0x0101010101010101)), "the others change");
    cr_assert_eq(pmp_read_cfg(&p, 0), UINT64_C(0x0101018901010101));
    set(&p, 6, L, 0x300);
    cr_assert_not(pmp_write_addr(&p, 6, 1), "locked though off");
    cr_assert(pmp_write_addr(&p, 5, 8), "off is not a range, so its bottom is free");
    set(&p, 9, NAPOT | L, 0x300);
    cr_assert(pmp_write_addr(&p, 8, 8));
    pmp_reset(&p);
    cr_assert(pmp_read_cfg(&p, 0) == 0 && pmp_write_addr(&p, 4, 7) && p.count == 16, "until reset");
}

Test(pmp, derived_ranges_follow_a_restore)
{
    struct pmp p = {.count = 16};
    pmp_reset(&p);
    p.cfg[1] = NAPOT | PMP_R;
    p.addr[1] = 0x1ff;
    cr_assert_not(pmp_check(&p, 0, 8, PMP_R, false));
    pmp_derive(&p);
    cr_assert(pmp_check(&p, 0, 8, PMP_R, false));
}
