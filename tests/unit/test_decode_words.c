/* The decoder is total, and says "illegal" exactly where nothing is defined: every 16-bit word, many 32-bit words, every row, every
 * extension switched off. */
#include "cpu/insn.h"
#include "emu/base/bits.h"

#include <criterion/criterion.h>

static isa_set everything;

static void setup(void)
{
    struct err err;
    everything = isa_default();
    cr_assert(isa_close(&everything, &err));
}
TestSuite(decode_words, .init = setup);

static uint64_t state = 88172645463325252;
static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* What must hold of any word under any set. */
static bool check_word(uint32_t raw, isa_set live)
{
    struct insn insn;
    memset(&insn, 0xee, sizeof insn);
    bool legal = insn_decode(raw, live, &insn);
    unsigned length = insn_length(raw);
    uint32_t bits = length == 2 ? raw & 0xffff : raw;
    cr_assert(insn.length == length && insn.raw == bits, "0x%08x", raw);
    if (!legal) {
        cr_assert(insn.id == INSN_ILLEGAL && insn.row == INSN_ILLEGAL, "0x%08x", raw);
        return false;
    }
    const struct insn_pattern *p = insn_pattern((enum insn_id)insn.row);
    cr_assert(insn.row > INSN_ILLEGAL && insn.row < INSN_COUNT && insn.id < INSN_COUNT);
    cr_assert((bits & p->mask) == p->match, "0x%08x: row %s", raw, insn_info((enum insn_id)insn.row)->name);
    cr_assert((insn_info((enum insn_id)insn.row)->needs & ~live) == 0 &&
              (insn_info((enum insn_id)insn.id)->needs & ~live) == 0);
    cr_assert(insn_info((enum insn_id)insn.id)->kind != KIND_C && insn.rd < 32 && insn.rs1 < 32 && insn.rs2 < 32 &&
              insn.rs3 < 32 && insn.rm < 8);
    char text[128];
    int n = insn_format(text, sizeof text, &insn, 0x80000000);
    cr_assert(n > 0 && n < (int)sizeof text && (size_t)n == strlen(text));
    char tiny[4] = {1, 1, 1, 1};
    cr_assert_eq(insn_format(tiny, 3, &insn, 0x80000000), n);
    cr_assert(tiny[2] == 0 && tiny[3] == 1, "room is respected");
    return true;
}

Test(decode_words, every_16_bit_word)
{
    unsigned legal = 0;
    for (uint32_t raw = 0; raw < 0x10000; raw++) {
        if ((raw & 3) == 3) continue;
        bool one = check_word(raw, everything);
        cr_assert_eq(check_word(raw | 0xabcd0000, everything), one, "the upper half does not matter");
        legal += one;
    }
    cr_expect(legal > 40000 && legal < 49152);
}

Test(decode_words, many_32_bit_words)
{
    unsigned legal = 0;
    for (unsigned i = 0; i < 2000000; i++) legal += check_word(next_random() | 3, everything);
    cr_expect(legal > 100000 && legal < 1900000, "%u", legal);
}

Test(decode_words, all_zeros_and_all_ones_are_illegal)
{
    cr_expect(!check_word(0, everything));
    cr_expect(!check_word(0xffffffff, everything));
    cr_expect(!check_word(0xffff0000, everything), "norm:all zeros in 16 bits");
}

/* A word of the row with random operands, none of which is reserved. */
static uint32_t random_word(enum insn_id row)
{
    const struct insn_pattern *p = insn_pattern(row);
    struct insn insn;
    uint32_t raw;
    for (unsigned tries = 0; tries < 1000; tries++) {
        raw = p->match | (next_random() & ~p->mask);
        if (insn_length(raw) == 2) raw &= 0xffff;
        if (insn_decode(raw, everything, &insn) && insn.row == row) return raw;
    }
    cr_assert_fail("%s: no word of its picture decodes to it", insn_info(row)->name);
    return 0;
}

Test(decode_words, every_row_is_found_by_its_picture)
{
    for (unsigned row = 1; row < INSN_COUNT; row++)
        for (unsigned i = 0; i < 50; i++) {
            uint32_t raw = random_word((enum insn_id)row);
            cr_assert(check_word(raw, everything));
        }
}

/* The same encodings under a smaller set: gone, or another row's (a hint is then what it refines). */
Test(decode_words, an_extension_that_is_off_decodes_to_nothing)
{
    static const isa_set hints = ISA_BIT(zihintpause) | ISA_BIT(zihintntl) | ISA_BIT(zicbop);
    unsigned with_rows = 0;
    for (unsigned e = 0; e < EXT_COUNT; e++) {
        isa_set live = isa_without(everything, UINT64_C(1) << e);
        bool any = false;
        for (unsigned row = 1; row < INSN_COUNT; row++) {
            if (!isa_has(insn_info((enum insn_id)row)->needs, (enum isa_ext)e)) continue;
            any = true;
            for (unsigned i = 0; i < 20; i++) {
                uint32_t raw = random_word((enum insn_id)row);
                bool legal = check_word(raw, live);
                cr_assert_eq(legal, isa_has(hints, (enum isa_ext)e), "%s without %s: 0x%08x",
                             insn_info((enum insn_id)row)->name, isa_name((enum isa_ext)e), raw);
            }
        }
        with_rows += any;
    }
    cr_expect(with_rows >= 20);
}

/* Without any extension nothing is left, not even by an index that was made for all of them. */
Test(decode_words, nothing_decodes_under_the_empty_set)
{
    for (unsigned i = 0; i < 300000; i++) cr_assert(!check_word(next_random(), 0));
}

/* Switching D off must leave compressed integer code alone, and so on: no row vanishes that does not need what is off. */
Test(decode_words, other_rows_stay)
{
    for (unsigned e = 0; e < EXT_COUNT; e++) {
        isa_set live = isa_without(everything, UINT64_C(1) << e);
        for (unsigned row = 1; row < INSN_COUNT; row++) {
            if (insn_info((enum insn_id)row)->needs & ~live) continue;
            struct insn insn;
            uint32_t raw = random_word((enum insn_id)row);
            insn_decode(raw, everything, &insn);
            if (insn_info((enum insn_id)insn.id)->needs & ~live) continue;
            cr_assert(insn_decode(raw, live, &insn) && insn.row == row, "%s without %s",
                      insn_info((enum insn_id)row)->name, isa_name((enum isa_ext)e));
        }
    }
}

/* ---- reserved compressed encodings (c-st-ext.adoc, tables of the three quadrants, "RES") ---- */

Test(decode_words, reserved_compressed_encodings)
{
    for (uint32_t raw = 0; raw < 0x10000; raw++) {
        unsigned quadrant = raw & 3, f3 = raw >> 13, rd = raw >> 7 & 31, rs2 = raw >> 2 & 31, bit12 = raw >> 12 & 1;
        bool reserved = false;
        if (quadrant == 0 && f3 == 0) reserved = (raw >> 5 & 0xff) == 0; /* c.addi4spn, nzuimm = 0; all zeros with it */
        if (quadrant == 0 && f3 == 4)                                    /* Zcb: loads and stores of bytes and halves */
            reserved = bit12 || ((raw >> 10 & 3) == 3 && (raw >> 6 & 1));
        if (quadrant == 1 && f3 == 1) reserved = rd == 0;              /* c.addiw */
        if (quadrant == 1 && f3 == 3) reserved = !bit12 && rs2 == 0;   /* c.lui, c.addi16sp, nzimm = 0 */
        if (quadrant == 1 && f3 == 4 && (raw >> 10 & 3) == 3 && bit12) /* 10 is c.mul, 11 the unary of Zcb */
            reserved = (raw >> 5 & 3) == 3 && (raw >> 2 & 7) > 5;
        if (quadrant == 2 && (f3 == 2 || f3 == 3)) reserved = rd == 0;          /* c.lwsp, c.ldsp */
        if (quadrant == 2 && f3 == 4) reserved = !bit12 && rs2 == 0 && rd == 0; /* c.jr */
        if (quadrant == 3) continue;
        struct insn insn;
        cr_assert_eq(insn_decode(raw, everything, &insn), !reserved, "0x%04x is %sreserved", raw,
                     reserved ? "" : "not ");
    }
}

/* Hints execute: they are legal, and change nothing because they write x0 or add zero. */
Test(decode_words, compressed_hints_are_legal)
{
    static const uint16_t hints[] = {0x0001 /* c.nop */,
                                     0x0005 /* c.nop, nzimm */,
                                     0x0081 /* c.addi x1,0 */,
                                     0x4005 /* c.li x0 */,
                                     0x6005 /* c.lui x0 */,
                                     0x8006 /* c.mv x0,x1 */,
                                     0x9006 /* c.add x0,x1 */,
                                     0x0006 /* c.slli x0 */,
                                     0x0082 /* c.slli x1,0 */,
                                     0x8001 /* c.srli x8,0 */,
                                     0x8401 /* c.srai x8,0 */};
    for (unsigned i = 0; i < ARRAY_LEN(hints); i++) cr_assert(check_word(hints[i], everything), "0x%04x", hints[i]);
}

/* norm:roundingmode_rsv, shift amounts of RV32's width with bit 5, reserved AMO widths, LR with rs2, … */
Test(decode_words, reserved_wide_encodings)
{
    static const uint32_t words[] = {
        0x00005053 | 0x50000000, /* fadd.s … fcvt with rm = 5 */
        0x00055053,
        0x00056053, /* fadd.s rm 5, 6 */
        0x0200101b, /* slliw, shamt[5] */
        0x4200501b, /* sraiw, shamt[5] */
        0x0000002f,
        0x0000102f,
        0x0000402f, /* AMO of a byte, a half (Zabha), 16 bytes */
        0x1010202f, /* lr.w with rs2 = 1 */
        0x00007003,
        0x00004023, /* load of funct3 7, store of funct3 4 */
        0x00002063,
        0x00003063,              /* branch of funct3 2, 3 */
        0x00001067,              /* jalr of funct3 1 */
        0x0000401b,              /* OP-IMM-32 of funct3 4 */
        0x02001033 | 0x10000000, /* OP with an unknown funct7 */
        0x00200073,              /* uret */
        0x30200073 | 0x80,       /* mret with rd */
        0x10500073 | 0x8000,     /* wfi with rs1 */
        0x12000073 | 0x80,       /* sfence.vma with rd */
        0x00004073,              /* SYSTEM of funct3 4 without Zimop, H */
        0x0030200f,              /* cbo of an unknown kind */
        0x58000053 | 1 << 20,    /* fsqrt.s with rs2 */
        0x06000053,              /* fadd.q */
        0x04000053,              /* fadd.h: Zfhmin has no arithmetic */
        0xe0002053,              /* fclass of funct3 2 */
        0xc2801053 | 7 << 12,    /* fcvtmod.w.d, rm other than rtz */
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        struct insn insn;
        cr_expect(!insn_decode(words[i], everything, &insn), "0x%08x decodes to %s", words[i],
                  insn_info((enum insn_id)insn.row)->name);
    }
}

/* ---- operands, by words whose meaning can be read off the manual ---- */

Test(decode_words, operands)
{
    static const struct {
        uint32_t raw;
        uint16_t id;
        uint8_t rd, rs1, rs2;
        int32_t imm;
    } words[] = {
        {0xff010113, INSN_addi, 2, 2, 0, -16}, {0x80000537, INSN_lui, 10, 0, 0, INT32_MIN},
        {0xffdff06f, INSN_jal, 0, 0, 0, -4},   {0x8000006f, INSN_jal, 0, 0, 0, -0x100000},
        {0xfe000ee3, INSN_beq, 0, 0, 0, -4},   {0x7e000fe3, INSN_beq, 0, 0, 0, 0xffe},
        {0xfeb53c23, INSN_sd, 0, 10, 11, -8},  {0x03f51513, INSN_slli, 10, 10, 0, 63},
        {0x1101, INSN_addi, 2, 2, 0, -32},    /* c.addi16sp's neighbour: c.addi sp,-32 */
        {0x7139, INSN_addi, 2, 2, 0, -64},    /* c.addi16sp */
        {0x1ffc, INSN_addi, 15, 2, 0, 0x3fc}, /* c.addi4spn */
        {0x4188, INSN_lw, 10, 11, 0, 0},       {0x5ffc, INSN_lw, 15, 15, 0, 0x7c},
        {0xfffc, INSN_sd, 0, 15, 15, 0xf8},    {0x60a2, INSN_ld, 1, 2, 0, 8},
        {0xe406, INSN_sd, 0, 2, 1, 8},         {0x8082, INSN_jalr, 0, 1, 0, 0},
        {0x9102, INSN_jalr, 1, 2, 0, 0},       {0xa001, INSN_jal, 0, 0, 0, 0},
        {0xbffd, INSN_jal, 0, 0, 0, -2},       {0xd001, INSN_beq, 0, 8, 0, -0x100},
        {0x7405, INSN_lui, 8, 0, 0, -0x1f000}, {0x57fd, INSN_addi, 15, 0, 0, -1},
        {0x9002, INSN_ebreak, 0, 0, 0, 0},     {0x9c7d, INSN_andi, 8, 8, 0, -1},
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        struct insn insn;
        uint32_t raw = words[i].raw;
        if (i + 1 == ARRAY_LEN(words)) raw = 0x987d; /* c.andi s0,-1 */
        cr_assert(insn_decode(raw, everything, &insn), "0x%x", raw);
        cr_expect(insn.id == words[i].id && insn.rd == words[i].rd && insn.rs1 == words[i].rs1 &&
                      insn.rs2 == words[i].rs2 && insn.imm == words[i].imm,
                  "0x%x: %s rd %u rs1 %u rs2 %u imm %d", raw, insn_info((enum insn_id)insn.id)->name, insn.rd, insn.rs1,
                  insn.rs2, insn.imm);
    }
}
