/* What the monitor shows, on a machine that has not run yet. */
#include "emu/cli.h"
#include "emu/machine.h"
#include "cpu/priv.h"
#include "emu/monitor.h"
#include "tests/unit/asm.h"
#include "tests/unit/program_file.h"

static struct machine_config config;
static struct machine *machine;
static struct err err;

static void setup(void)
{
    static const uint32_t code[] = {ADDI(A0, ZERO, 5), SD(A0, SP, 8), J_SELF};
    char *path = program_make(code, 3), *argv[] = {"orrery", "-serial", "null", path};
    cr_assert_eq(cli_parse(&config, 4, argv, &err), CLI_RUN);
    machine = machine_create(&config, &err);
    cr_assert(machine, "%s", err.text);
    file_drop(path);
}

static void teardown(void)
{
    machine_destroy(machine);
    config_finish(&config);
}

TestSuite(monitor, .init = setup, .fini = teardown);

static void expect_answer(const char *line, const char *text)
{
    char *answer = NULL;
    size_t size;
    FILE *out = open_memstream(&answer, &size);
    monitor_execute(machine, line, out);
    fclose(out);
    cr_expect(strstr(answer, text), "%s: '%s' does not hold '%s'", line, answer, text);
    free(answer);
}

Test(monitor, examines_memory)
{
    expect_answer("x/2xw 0x80000000", "0x0000000080000000: 0x00500513 0x00a13423");
    expect_answer("xp /1xg 0x1018", "0x0000000000001018: 0x0000000080000000");
    expect_answer("x/3i 0x80000000", ": 00500513  addi a0,zero,5");
    expect_answer("x/1xg tohost", "0x0000000080001000: 0x0000000000000000");
    expect_answer("x/1xw 0x10", "not mapped");
    expect_answer("x/1i $pc", "0x0000000000001000: 00000297  auipc");
    machine->harts[0].hart->x[2] = 0x80000004;
    expect_answer("x/1xw $sp", "0x0000000080000004: 0x00a13423");
    expect_answer("x/1xw $mtvec", "not mapped");
    expect_answer("x $nowhere", "nor a register");
    expect_answer("x/1zw 0", "bad format");
    expect_answer("x nowhere", "neither an address nor a symbol");
}

Test(monitor, informs)
{
    expect_answer("info registers", "pc  0000000000001000");
    expect_answer("info harts", "* hart 0  pc 0000000000001000  M-mode  running");
    expect_answer("info mtree", "0000000010000000-00000000100000ff  serial");
    expect_answer("info mem", "no translation");
    expect_answer("info roms", "boot ROM");
    expect_answer("info qtree", "plic");
    expect_answer("info nonsense", "unknown");
    expect_answer("nonsense", "help lists the commands");
    expect_answer("help", "system_reset");
}

static void put_pte(gpa_t at, gpa_t to, unsigned flags)
{
    uint64_t pte = to >> 12 << 10 | flags;
    bus_dma_write(&machine->bus, at, &pte, 8);
}

/* A guest whose tables lie at guest-physical 0x1000 and up, which the G-stage puts at 0x80010000. */
Test(monitor, shows_both_stages_of_a_guest)
{
    struct hart *h = machine->harts[0].hart;
    const gpa_t vs = 0x80010000, g = 0x80020000;
    put_pte(vs, 0x2000, 1);                     /* VS-stage root at 0x1000 */
    put_pte(vs + 0x1000, 0x3000, 1);            /* middle at 0x2000 */
    put_pte(vs + 0x2000 + 5 * 8, 0x7000, 0xcf); /* last at 0x3000: page 5 and 6 */
    put_pte(vs + 0x2000 + 6 * 8, 0x8000, 0xcf);
    put_pte(vs + 0xff8, 0x40000000, 0xc7);   /* the last gigabyte of the root */
    put_pte(g + 2047 * 8, 0x80000000, 0xdf); /* G-stage root: 2048 entries */
    put_pte(g, g + 0x4000, 1);
    put_pte(g + 0x4000, g + 0x5000, 1);
    for (unsigned i = 1; i < 4; i++) put_pte(g + 0x5000 + i * 8, vs + (i - 1) * 0x1000, 0xd7);
    csr_poke(h, (unsigned)csr_number("vsatp"), UINT64_C(8) << 60 | UINT64_C(9) << 44 | 1);
    csr_poke(h, (unsigned)csr_number("hgatp"), UINT64_C(8) << 60 | UINT64_C(3) << 44 | g >> 12);
    expect_answer("info mem", "satp: no translation\nvsatp: Sv39, ASID 9\n");
    expect_answer("info mem", "0000000000005000 0000000000007000 0000000000002000 rwx--ad\n"
                              "ffffffffc0000000 0000000040000000 0000000040000000 rw---ad\nhgatp: Sv39x4, VMID 3\n");
    expect_answer("info mem", "0000000000001000 0000000080010000 0000000000003000 rw-u-ad\n"
                              "000001ffc0000000 0000000080000000 0000000040000000 rwxu-ad\n");
    priv_set_mode(h, PRIV_S, true);
    priv_update(h);
    expect_answer("info mem", "vsatp: Sv39, ASID 9\n");
    expect_answer("info registers", "hart 0  VS-mode");
    expect_answer("info registers", "hgatp      8000300000080020");
    expect_answer("info harts", "VS-mode");
}

/* A root that is its own subtable would be read for ever. */
Test(monitor, gives_up_on_tables_that_hold_themselves)
{
    struct hart *h = machine->harts[0].hart;
    for (unsigned i = 0; i < 512; i++) put_pte(0x80010000 + i * 8, 0x80010000, 1);
    csr_poke(h, (unsigned)csr_number("satp"), UINT64_C(10) << 60 | 0x80010);
    expect_answer("info mem", "only 65536 tables were read");
}

Test(monitor, stops_and_continues)
{
    expect_answer("stop", "");
    cr_expect(machine->paused);
    expect_answer("cont", "");
    cr_expect_not(machine->paused);
    expect_answer("hart 7", "a number below 1");
}
