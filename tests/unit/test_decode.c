#include "cpu/insn.h"

#include <criterion/criterion.h>

#define ALL UINT64_MAX

static struct insn decode(uint32_t raw)
{
    struct insn i;
    insn_decode(raw, ALL, &i);
    return i;
}

/* An encoding of the row: every operand field one (so that no reserved zero is met), rounding modes dynamic. */
static uint32_t encoding_of(unsigned id)
{
    const struct insn_pattern *p = insn_pattern(id);
    return p->match | (UINT32_MAX & ~p->mask & (insn_length(p->match) == 2 ? 0xffff : UINT32_MAX));
}

Test(decode, every_row_decodes_to_itself)
{
    unsigned rows = 0;
    for (unsigned id = 1; id < INSN_COUNT; id++, rows++)
        cr_assert_eq(decode(encoding_of(id)).row, id, "%s", insn_info(id)->name);
    cr_assert(rows > 250);
}

Test(decode, a_row_needs_each_of_its_extensions)
{
    for (unsigned id = 1; id < INSN_COUNT; id++)
        for (unsigned e = 0; e < EXT_COUNT; e++) {
            if (!isa_has(insn_info(id)->needs, e)) continue;
            struct insn i;
            insn_decode(encoding_of(id), ALL & ~(UINT64_C(1) << e), &i);
            cr_assert_neq(i.row, id, "%s without %s", insn_info(id)->name, isa_name(e));
        }
}

Test(decode, the_word_of_a_compressed_row_needs_the_base_row_s_extension_too)
{
    struct insn i;
    cr_assert(insn_decode(0x2108, ALL, &i) && i.id == INSN_fld);
    cr_assert_not(insn_decode(0x2108, ALL & ~ISA_BIT(d), &i));
}

Test(decode, reserved_encodings_are_illegal_with_their_bits)
{
    static const uint32_t reserved[] = {
        0x0000, /* c.addi4spn with imm 0: the all-zero word */
        0x6081, /* c.lui x1, 0 */
        0x6101, /* c.addi16sp 0 */
        0x2001, /* c.addiw x0 */
        0x4002, /* c.lwsp x0 */
        0x6002, /* c.ldsp x0 */
        0x8002, /* c.jr x0 */
        0xffffffff,
        0x0000007f,
        0x0200101b | 1u << 25, /* slliw with shamt bit 5 */
        0x005250d3,            /* fadd.s with rm 5 */
        0x005260d3,            /* fadd.s with rm 6 */
        0x1012302f | 1u << 20, /* lr.d with rs2 */
        0x30200073 | 1u << 7,  /* mret with rd */
    };
    for (size_t n = 0; n < sizeof reserved / sizeof reserved[0]; n++) {
        struct insn i;
        cr_assert_not(insn_decode(reserved[n], ALL, &i), "0x%x", reserved[n]);
        cr_assert(i.raw == reserved[n] && i.id == INSN_ILLEGAL && i.length == insn_length(reserved[n]));
    }
}

Test(decode, the_upper_half_of_a_16_bit_word_is_ignored)
{
    struct insn i;
    cr_assert_not(insn_decode(0x12340000, ALL, &i));
    cr_assert(i.raw == 0 && i.length == 2);
}

Test(decode, immediates_are_those_of_the_manual)
{
    cr_assert_eq(decode(0xfe000ee3).imm, -4);        /* beq x0, x0, -4 */
    cr_assert_eq(decode(0xffdff06f).imm, -4);        /* jal x0, -4 */
    cr_assert_eq(decode(0x80000537).imm, INT32_MIN); /* lui a0, 0x80000 */
    cr_assert_eq(decode(0xfe113c23).imm, -8);        /* sd ra, -8(sp) */
    cr_assert_eq(decode(0x43f55513).imm, 63);        /* srai a0, a0, 63 */
    struct insn i = decode(0x715d);                  /* c.addi16sp sp, -80 */
    cr_assert(i.id == INSN_addi && i.rd == 2 && i.rs1 == 2 && i.imm == -80);
    i = decode(0xa001); /* c.j 0 */
    cr_assert(i.id == INSN_jal && i.rd == 0 && i.imm == 0);
    i = decode(0x9002); /* c.ebreak */
    cr_assert_eq(i.id, INSN_ebreak);
    i = decode(0x8082); /* ret */
    cr_assert(i.id == INSN_jalr && i.rs1 == 1 && i.rd == 0 && i.imm == 0);
}

Test(decode, named_hints_fall_back_to_what_they_refine)
{
    struct insn i;
    cr_assert(insn_decode(0x0100000f, ALL, &i) && i.id == INSN_pause);
    cr_assert(insn_decode(0x0100000f, ALL & ~ISA_BIT(zihintpause), &i) && i.id == INSN_fence);
    cr_assert(insn_decode(0x00006013, ALL & ~ISA_BIT(zicbop), &i) && i.id == INSN_ori);
}

Test(decode, every_row_has_a_tag_and_text)
{
    for (unsigned id = 1; id < INSN_COUNT; id++) {
        char text[128];
        struct insn i = decode(encoding_of(id));
        cr_assert(strncmp(insn_info(id)->tag, "norm:", 5) == 0);
        int n = insn_format(text, sizeof text, &i, 0x80000000);
        cr_assert(n > 0 && (size_t)n == strlen(text));
        char small[5];
        cr_assert_eq(insn_format(small, sizeof small, &i, 0x80000000), n);
        cr_assert_eq(strncmp(small, text, 4), 0);
    }
}
