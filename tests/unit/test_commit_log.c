/* The commit log's format, against lines that Spike prints. */
#include "emu/commit_log.h"
#include <criterion/criterion.h>
#include <string.h>

static void expect_line(const struct commit *c, const char *line)
{
    struct hart h = {.id = 0};
    char text[COMMIT_LINE_MAX + 1];
    text[commit_log_format(text, &h, c)] = 0;
    cr_expect_str_eq(text, line);
}

Test(commit_log, boot_rom)
{
    expect_line(
        &(struct commit){
            .pc = 0x1000, .insn = 0x297, .length = 4, .priv = 3, .wrote_x = true, .rd = 5, .rd_value = 0x1000},
        "core   0: 3 0x0000000000001000 (0x00000297) x5  0x0000000000001000");
    expect_line(&(struct commit){.pc = 0x1008, .insn = 0xf1402573, .length = 4, .priv = 3, .wrote_x = true, .rd = 10},
                "core   0: 3 0x0000000000001008 (0xf1402573) x10 0x0000000000000000");
    expect_line(&(struct commit){.pc = 0x100c,
                                 .insn = 0x0182b283,
                                 .length = 4,
                                 .priv = 3,
                                 .wrote_x = true,
                                 .rd = 5,
                                 .rd_value = 0x80000000,
                                 .mem = {{.va = 0x1018, .size = 8}},
                                 .mem_count = 1},
                "core   0: 3 0x000000000000100c (0x0182b283) x5  0x0000000080000000 mem 0x0000000000001018");
    expect_line(&(struct commit){.pc = 0x1010, .insn = 0x28067, .length = 4, .priv = 3},
                "core   0: 3 0x0000000000001010 (0x00028067)");
}

Test(commit_log, stores_show_their_value_in_its_width)
{
    expect_line(&(struct commit){.pc = 0x80000000,
                                 .insn = 0xc188,
                                 .length = 2,
                                 .priv = 0,
                                 .mem = {{.va = 0x80001000, .value = 0x1234, .size = 4, .store = true}},
                                 .mem_count = 1},
                "core   0: 0 0x0000000080000000 (0xc188) mem 0x0000000080001000 0x00001234");
}

Test(commit_log, amo_lists_load_then_store)
{
    expect_line(&(struct commit){.pc = 0x80000000,
                                 .insn = 0x00b6a52f,
                                 .length = 4,
                                 .priv = 3,
                                 .wrote_x = true,
                                 .rd = 10,
                                 .rd_value = 1,
                                 .mem = {{.va = 0x80002000, .value = 3, .size = 4, .store = true},
                                         {.va = 0x80002000, .size = 4}},
                                 .mem_count = 2},
                "core   0: 3 0x0000000080000000 (0x00b6a52f) x10 0x0000000000000001 mem 0x0000000080002000 mem "
                "0x0000000080002000 0x00000003");
}

/* By number, then x, f, CSR: f1, fflags (1), f2, mstatus (768). */
Test(commit_log, registers_are_sorted)
{
    expect_line(&(struct commit){.pc = 0x80000000,
                                 .insn = 0xf0000053,
                                 .length = 4,
                                 .priv = 3,
                                 .wrote_f = true,
                                 .rd = 0,
                                 .rd_value = 0xffffffff00000000,
                                 .csr = {{768, 0x8000000a00006000}},
                                 .csr_count = 1},
                "core   0: 3 0x0000000080000000 (0xf0000053) f0  0xffffffff00000000 c768_mstatus 0x8000000a00006000");
}

/* get_flen(): what misa says now, not what the register file could hold. */
Test(commit_log, without_d_floats_have_32_bits)
{
    struct hart h = {.id = 0, .isa_live = ISA_BIT(f)};
    struct commit c = {.pc = 0x80000000,
                       .insn = 0xf0000053,
                       .length = 4,
                       .priv = 3,
                       .wrote_f = true,
                       .rd = 12,
                       .rd_value = 0xffffffff3f800000};
    char text[COMMIT_LINE_MAX + 1];
    text[commit_log_format(text, &h, &c)] = 0;
    cr_expect_str_eq(text, "core   0: 3 0x0000000080000000 (0xf0000053) f12 0x3f800000");
}

Test(commit_log, a_zeroed_block_is_64_stores)
{
    const struct commit c = {.pc = 0x80000000,
                             .insn = 0x0045200f,
                             .length = 4,
                             .priv = 3,
                             .mem = {{.va = 0x80002000, .size = 64, .store = true}},
                             .mem_count = 1};
    char expected[COMMIT_LINE_MAX + 1] = "core   0: 3 0x0000000080000000 (0x0045200f)";
    for (unsigned i = 0; i < 64; i++) sprintf(expected + strlen(expected), " mem 0x%016x 0x00", 0x80002000 + i);
    expect_line(&c, expected);
}

Test(commit_log, x0_is_not_shown)
{
    expect_line(
        &(struct commit){
            .pc = 0x80000000, .insn = 0x13, .length = 4, .priv = 1, .wrote_x = true, .rd = 0, .rd_value = 5},
        "core   0: 1 0x0000000080000000 (0x00000013)");
}

Test(commit_log, flags_stand_by_their_number)
{
    struct commit c = {.pc = 0x80000000,
                       .insn = 0x1820f1d3,
                       .length = 4,
                       .priv = 3,
                       .wrote_f = true,
                       .rd = 3,
                       .rd_value = 0xffffffff3edb6db7,
                       .csr = {{1, 1}},
                       .csr_count = 1};
    expect_line(&c, "core   0: 3 0x0000000080000000 (0x1820f1d3) c1_fflags 0x0000000000000001 f3  0xffffffff3edb6db7");
    c.rd = 1;
    expect_line(&c, "core   0: 3 0x0000000080000000 (0x1820f1d3) f1  0xffffffff3edb6db7 c1_fflags 0x0000000000000001");
}

Test(commit_log, mret_shows_mstatus_and_tcontrol)
{
    expect_line(
        &(struct commit){
            .pc = 0x80000000, .insn = 0x30200073, .length = 4, .priv = 3, .csr = {{768, 0x80}}, .csr_count = 1},
        "core   0: 3 0x0000000080000000 (0x30200073) c768_mstatus 0x0000000000000080 c1957_tcontrol "
        "0x0000000000000000");
}
