/* The machine without the hypervisor extension (`-cpu rv64,h=off`): nothing of it is there. */
#include "priv.h"

static uint8_t code[16] __attribute__((aligned(4)));
static uint64_t word[2];
static uint64_t try_insn(unsigned mode, uint32_t insn)
{
    uint32_t words[] = {insn, 0x00000073};
    for (unsigned i = 0; i < 8; i++) code[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    __asm__ volatile("fence.i" ::: "memory");
    return enter_at(mode, (uint64_t)code, (uint64_t)word);
}
static const unsigned modes[] = {MODE_U, MODE_S, MODE_M};

/* norm:misa_extensions_disabling */
static void h01_every_register_is_illegal(void)
{
    static const uint16_t csrs[] = {
        0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x607, 0x60a, 0x60c, 0x60d, 0x60e, 0x60f, 0x643, 0x644, 0x645,
        0x64a, 0x680, 0xe12, 0x200, 0x204, 0x205, 0x240, 0x241, 0x242, 0x243, 0x244, 0x24d, 0x280, 0x34a, 0x34b,
    };
    csr_write(0x30a, ~UINT64_C(0));
    csr_write(0x30c, ~UINT64_C(0));
    csr_write(0x30d, ~UINT64_C(0));
    csr_write(0x30e, ~UINT64_C(0));
    csr_write(0x30f, ~UINT64_C(0));
    csr_write(mcounteren, ~UINT64_C(0));
    for (unsigned n = 0; n < 3; n++)
        for (unsigned i = 0; i < sizeof csrs / sizeof csrs[0]; i++) {
            uint32_t read = (uint32_t)csrs[i] << 20 | 2 << 12 | 12 << 7 | 0x73,
                     write = (uint32_t)csrs[i] << 20 | 10 << 15 | 1 << 12 | 0x73;
            EQUAL(try_insn(modes[n], read), ILLEGAL);
            EQUAL(m.tval, read);
            EQUAL(try_insn(modes[n], write), ILLEGAL);
        }
}

static void h01_every_instruction_is_illegal(void)
{
    static const uint8_t hlv[][2] = {{0x30, 0}, {0x30, 1}, {0x32, 0}, {0x32, 1}, {0x32, 3},
                                     {0x34, 0}, {0x34, 1}, {0x34, 3}, {0x36, 0}};
    static const uint8_t fences[] = {0x11, 0x31, 0x13, 0x33};
    for (unsigned n = 0; n < 3; n++) {
        for (unsigned i = 0; i < sizeof hlv / sizeof hlv[0]; i++)
            EQUAL(try_insn(modes[n],
                           (uint32_t)hlv[i][0] << 25 | (uint32_t)hlv[i][1] << 20 | 10 << 15 | 4 << 12 | 12 << 7 | 0x73),
                  ILLEGAL);
        for (unsigned i = 0; i < 4; i++)
            EQUAL(try_insn(modes[n], (0x31 + 2 * i) << 25 | 11 << 20 | 10 << 15 | 4 << 12 | 0x73), ILLEGAL);
        for (unsigned i = 0; i < 4; i++) EQUAL(try_insn(modes[n], (uint32_t)fences[i] << 25 | 0x73), ILLEGAL);
    }
}

/* The fields that it adds to others read as zero. */
static void h01_no_fields_of_it(void)
{
    EQUAL(csr_read(misa) >> 7 & 1, 0);
    csr_set(misa, BIT(7));
    EQUAL(csr_read(misa) >> 7 & 1, 0);
    csr_set(mstatus, BIT(38) | BIT(39));
    EQUAL(csr_read(mstatus) & (BIT(38) | BIT(39)), 0);
    csr_write(mideleg, ~UINT64_C(0));
    EQUAL(csr_read(mideleg) & (BIT(2) | BIT(6) | BIT(10) | BIT(12)), 0);
    csr_write(mideleg, 0);
    csr_write(medeleg, ~UINT64_C(0));
    EQUAL(csr_read(medeleg) & (BIT(10) | 0xf00000), 0);
    csr_write(medeleg, 0);
    csr_write(mie, ~UINT64_C(0));
    EQUAL(csr_read(mie) & (BIT(2) | BIT(6) | BIT(10) | BIT(12)), 0);
    csr_write(mie, 0);
    csr_set(mip, BIT(2) | BIT(6) | BIT(10));
    EQUAL(csr_read(mip) & (BIT(2) | BIT(6) | BIT(10)), 0);
}

int main(void)
{
    pmp_open();
    h01_no_fields_of_it();
    h01_every_register_is_illegal();
    h01_every_instruction_is_illegal();
    return 0;
}
