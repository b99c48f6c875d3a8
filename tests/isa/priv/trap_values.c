/* mcause, mepc and mtval of each synchronous exception, and where delegation sends it. */
#include "priv.h"

static uint8_t code[8192] __attribute__((aligned(4096)));

static void put16(unsigned at, uint16_t v) { code[at] = (uint8_t)v, code[at + 1] = (uint8_t)(v >> 8); }
static void put32(unsigned at, uint32_t v) { put16(at, (uint16_t)v), put16(at + 2, (uint16_t)(v >> 16)); }
static uint64_t here(unsigned at) { return (uint64_t)&code[at]; }

/* Runs the instruction bytes at code[at] in a mode. */
static uint64_t run(unsigned mode, unsigned at, uint64_t argument)
{
    __asm__ volatile("fence.i");
    return enter_at(mode, here(at), argument);
}

static void expect_at(int line, uint64_t cause, uint64_t epc, uint64_t tval)
{
    check_equal(m.cause, cause, "cause", line);
    check_equal(m.epc, epc, "epc", line);
    check_equal(m.tval, tval, "tval", line);
}
#define expect(...) expect_at(__LINE__, __VA_ARGS__)

static void illegal_instructions(void)
{
    static const uint32_t words[] = {0x0000000b, 0xffffffff, 0x30200073 /* mret below M */,
                                     0xc0001073 /* cycle written */, 0x00000073 | 0x999 << 20 | 2 << 12};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        put32(0, words[i]);
        run(MODE_U, 0, 0);
        expect(ILLEGAL, here(0), words[i]);
        put32(0x106, words[i]);
        run(MODE_S, 0x106, 0);
        if (words[i] != 0xc0001073) expect(ILLEGAL, here(0x106), words[i]);
    }
    put16(0, 0);
    put16(2, 0x1234);
    run(MODE_U, 0, 0);
    expect(ILLEGAL, here(0), 0); /* two bytes only */
    put16(0, 0x9c61);            /* reserved in C */
    run(MODE_M, 0, 0);
    EQUAL(m.cause, ILLEGAL);
    csr_clear(mstatus, FS);
    put32(0, 0x00007053); /* fadd.s */
    run(MODE_M, 0, 0);
    expect(ILLEGAL, here(0), 0x00007053);
    csr_set(mstatus, FS);
    run(MODE_M, 0, 0);
    CHECK(m.epc != here(0));
}

static void calls_and_breakpoints(void)
{
    static const unsigned modes[] = {MODE_U, MODE_S, MODE_M};
    for (unsigned i = 0; i < 3; i++) {
        put32(0, 0x00000073);
        run(modes[i], 0, 0);
        expect(ECALL_U + modes[i], here(0), 0);
        EQUAL(m.status >> 11 & 3, modes[i]);
        put32(2, 0x00100073);
        run(modes[i], 2, 0);
        expect(BREAKPOINT, here(2), here(2));
        put16(6, 0x9002);
        run(modes[i], 6, 0);
        expect(BREAKPOINT, here(6), here(6));
    }
}

static void data_faults(void)
{
    put32(0, 0x00053583);  /* ld a1, 0(a0) */
    put32(4, 0x00b53023);  /* sd a1, 0(a0) */
    put32(8, 0x00b5352f);  /* amoadd.d a0, a1, (a0) */
    put32(12, 0x100535af); /* lr.d a1, (a0) */
    put32(16, 0x18b5352f); /* sc.d a0, a1, (a0) */
    for (unsigned mode = MODE_U; mode <= MODE_M; mode += mode == MODE_S ? 2 : 1) {
        run(mode, 0, HOLE);
        expect(LOAD_ACCESS, here(0), HOLE);
        run(mode, 4, HOLE + 8);
        expect(STORE_ACCESS, here(4), HOLE + 8);
        run(mode, 8, HOLE);
        expect(STORE_ACCESS, here(8), HOLE);
        run(mode, 12, HOLE);
        expect(LOAD_ACCESS, here(12), HOLE);
        run(mode, 8, here(0x801));
        expect(STORE_MISALIGNED, here(8), here(0x801));
        run(mode, 12, here(0x804));
        expect(LOAD_MISALIGNED, here(12), here(0x804));
        run(mode, 16, here(0x802));
        expect(STORE_MISALIGNED, here(16), here(0x802));
        enter_at(mode, HOLE, 0);
        expect(FETCH_ACCESS, HOLE, HOLE);
    }
}

static void page_faults(void)
{
    paging_start(true);
    csr_write(satp, SATP_SV39);
    page_map(0x1000, (uint64_t)code, U | V | R | W | X | A | D);
    sfence();
    put32(0, 0x00053583);
    put32(4, 0x00b53023);
    put32(8, 0x00b5352f);
    run(MODE_U, 0, 0x2008);
    expect(LOAD_PAGE, here(0), 0x2008);
    run(MODE_U, 4, 0x2008);
    expect(STORE_PAGE, here(4), 0x2008);
    run(MODE_U, 8, 0x2008);
    expect(STORE_PAGE, here(8), 0x2008);
    run(MODE_U, 0, UINT64_C(0x4000000000)); /* not canonical */
    expect(LOAD_PAGE, here(0), UINT64_C(0x4000000000));
    enter_at(MODE_U, 0x2000, 0);
    expect(FETCH_PAGE, 0x2000, 0x2000);
    /* The half that faults: the second page of a straddling access, from its first byte on. */
    run(MODE_U, 0, 0x1ffc);
    expect(LOAD_PAGE, here(0), 0x2000);
    run(MODE_U, 4, 0x1fff);
    expect(STORE_PAGE, here(4), 0x2000);
    run(MODE_U, 0, 0xffd);
    expect(LOAD_PAGE, here(0), 0xffd);
    put32(0xffe, 0x00000013); /* a nop across the page end */
    __asm__ volatile("fence.i");
    enter_at(MODE_U, 0x1ffe, 0);
    expect(FETCH_PAGE, 0x1ffe, 0x2000);
    put16(0xffe, 0x0001); /* a compressed one is whole; the next one faults */
    __asm__ volatile("fence.i");
    enter_at(MODE_U, 0x1ffe, 0);
    expect(FETCH_PAGE, 0x2000, 0x2000);
    csr_write(satp, 0);
}

/* misa.C can only be cleared by an instruction behind which there is no misaligned one: its own address counts, wherever its block began. */
static void clearing_c(void)
{
    uint64_t all = csr_read(misa);
    for (unsigned at = 0; at < 8; at += 2) {
        put16(at, 0x0001);
        put32(at + 2, 0x30127073); /* csrci misa, 4 */
        put32(at + 6, 0x00000073);
        run(MODE_M, at, 0);
        bool misaligned = (at + 2) & 2;
        if (misaligned) expect(ECALL_M, here(at + 6), 0);
        EQUAL(csr_read(misa), misaligned ? all : all & ~UINT64_C(4));
        csr_set(misa, 4);
        EQUAL(csr_read(misa), all);
    }
}

static void jumps_without_c(void)
{
    __asm__ volatile(".option push\n.option norvc\n.balign 4\ncsrci misa, 4\n.option pop");
    if (csr_read(misa) & 4) return; /* cannot be switched off here */
    put32(0, 0x00050067);           /* jr a0 */
    put32(4, 0x0060006f);           /* j .+6 */
    put32(8, 0x00000363);           /* beq zero, zero, .+6 */
    put32(12, 0x00001363);          /* bne zero, zero, .+6: not taken */
    put32(16, 0x00000073);
    run(MODE_M, 0, here(0x102));
    expect(FETCH_MISALIGNED, here(0), here(0x102));
    run(MODE_M, 4, 0);
    expect(FETCH_MISALIGNED, here(4), here(10));
    run(MODE_M, 8, 0);
    expect(FETCH_MISALIGNED, here(8), here(14));
    run(MODE_M, 12, 0);
    expect(ECALL_M, here(16), 0);
    __asm__ volatile(".option push\n.option norvc\n.balign 4\ncsrsi misa, 4\n.option pop");
}

static void delegated(void)
{
    csr_write(stvec, s_direct);
    csr_write(medeleg, ~BIT(ECALL_S)); /* the end of each experiment */
    csr_set(mcounteren, 7);
    put32(0, 0x0000000b);
    put32(4, 0x00100073);
    put32(8, 0x00000073);
    for (unsigned mode = MODE_U; mode <= MODE_S; mode++) {
        run(mode, 0, 0);
        EQUAL(s.cause, ILLEGAL);
        EQUAL(s.epc, here(0));
        EQUAL(s.tval, 0xb);
        EQUAL(s.status >> 8 & 1, mode);
        CHECK(s.count == 1 && m.count == 1);
        run(mode, 4, 0);
        CHECK(s.cause == BREAKPOINT && s.tval == here(4));
    }
    run(MODE_U, 8, 0);
    CHECK(s.cause == ECALL_U && s.epc == here(8) && s.tval == 0);
    run(MODE_M, 0, 0);
    CHECK(s.count == 0 && m.cause == ILLEGAL); /* never from M downwards */
    csr_write(medeleg, 0);
}

int main(void)
{
    pmp_open();
    illegal_instructions();
    calls_and_breakpoints();
    data_faults();
    page_faults();
    clearing_c();
    jumps_without_c();
    delegated();
    return 0;
}
