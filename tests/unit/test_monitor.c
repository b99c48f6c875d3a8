/* What the monitor shows, on a machine that has not run yet. */
#include "emu/cli.h"
#include "emu/machine.h"
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

Test(monitor, stops_and_continues)
{
    expect_answer("stop", "");
    cr_expect(machine->paused);
    expect_answer("cont", "");
    cr_expect_not(machine->paused);
    expect_answer("hart 7", "a number below 1");
}
