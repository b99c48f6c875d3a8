/* The machine as a whole, through the library's interface: time, waiting, several harts, power, HTIF, repeatability. */
#include "emu/orrery.h"
#include "tests/unit/asm.h"
#include "tests/unit/program_file.h"

#define COUNT(a)  (sizeof(a) / sizeof *(a))
#define PS_PER_MS UINT64_C(1000000000)

/* A machine that runs `code` at 0x80000000 as QEMU's -bios none does. words: further arguments, NULL-terminated. */
static struct orrery *start_raw(const uint32_t *code, size_t count, const char *const *words)
{
    char *path = file_make(code, count * 4), message[256];
    char *arguments[32] = {"-bios", "none", "-serial", "null", "-kernel", path};
    int n = 6;
    for (; words && *words; words++) arguments[n++] = (char *)(uintptr_t)*words;
    struct orrery *o = orrery_create(n, arguments, message, sizeof message);
    cr_assert(o, "%s", message);
    file_drop(path);
    return o;
}

static struct orrery *start_program(const uint32_t *code, size_t count)
{
    char *path = program_make(code, count), message[256];
    char *arguments[] = {"-serial", "null", path};
    struct orrery *o = orrery_create(3, arguments, message, sizeof message);
    cr_assert(o, "%s", message);
    file_drop(path);
    return o;
}

static int run_to_end(struct orrery *o)
{
    cr_assert_eq(orrery_run(o, 0), ORRERY_ENDED);
    int code = orrery_exit_code(o);
    orrery_destroy(o);
    return code;
}

/* rd = 0x80000000 + high * 4096 in four instructions; uses A3. */
#define RAM(rd, high) ADDI(rd, ZERO, 1), SLLI(rd, rd, 31), LUI(A3, high), ADD(rd, rd, A3)

/* ---- power ----------------------------------------------------------------------------------------------------------------- */

#define FINISHER(value_high, value_low)                                                                                \
    LUI(T0, 0x100), LUI(T1, value_high), ADDI(T1, T1, value_low), SW(T1, T0, 0), J_SELF

Test(machine, finisher_powers_off)
{
    const uint32_t code[] = {FINISHER(0x5, 0x555)};
    cr_assert_eq(run_to_end(start_raw(code, COUNT(code), NULL)), 0);
}

Test(machine, finisher_fails_with_its_code)
{
    const uint32_t code[] = {FINISHER(0x73, 0x333)}; /* 0x73333 */
    cr_assert_eq(run_to_end(start_raw(code, COUNT(code), NULL)), 7);
}

/* A failure whose code is 0 in the low byte is not a success. */
Test(machine, finisher_failure_is_never_status_0)
{
    const uint32_t code[] = {FINISHER(0x3, 0x333)};
    cr_assert_eq(run_to_end(start_raw(code, COUNT(code), NULL)), 1);
}

/* RAM outside the images survives: the second pass finds the mark of the first. */
Test(machine, reset_starts_again)
{
    const uint32_t code[] = {
        RAM(S0, 0x100), LW(T2, S0, 0), BNE(T2, ZERO, 28),   ADDI(T2, ZERO, 1), SW(T2, S0, 0),
        LUI(T0, 0x100), LUI(T1, 0x7),  ADDI(T1, T1, 0x777), SW(T1, T0, 0),     FINISHER(0x5, 0x555),
    };
    /* the branch lands on the finisher: word 5 + 28/4 = 12 */
    struct orrery *o = start_raw(code, COUNT(code), NULL);
    uint64_t pc;
    cr_assert(orrery_register(o, 0, 32, &pc) && pc == 0x1000);
    cr_assert_eq(run_to_end(o), 0);
    static const char *const no_reboot[] = {"-no-reboot", NULL};
    o = start_raw(code, COUNT(code), no_reboot);
    cr_assert_eq(orrery_run(o, 0), ORRERY_ENDED);
    uint32_t mark;
    cr_assert(orrery_memory_read(o, 0x80100000, &mark, 4));
    cr_assert_eq(mark, 1);
    cr_assert_lt(orrery_instructions(o, 0), 20u);
    orrery_destroy(o);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

/* Waits for mtime 20000 (2 ms) in WFI, then powers off. */
static const uint32_t wait_2ms[] = {
    LUI(T0, 0x2004),      LUI(T1, 0x5),      ADDI(T1, T1, -480),
    SD(T1, T0, 0), /* mtimecmp = 20000 */
    ADDI(T2, ZERO, 0x80), CSRW(CSR_MIE, T2), WFI,
    FINISHER(0x5, 0x555),
};

Test(machine, idle_time_is_skipped_exactly)
{
    struct orrery *o = start_raw(wait_2ms, COUNT(wait_2ms), NULL);
    cr_assert_eq(orrery_run(o, 0), ORRERY_ENDED);
    cr_expect_geq(orrery_time_ps(o), 2 * PS_PER_MS);
    cr_expect_leq(orrery_time_ps(o), 2 * PS_PER_MS + 50000 * 1000); /* the end of the turn */
    cr_expect_lt(orrery_instructions(o, 0), 30u);
    orrery_destroy(o);
}

/* The hart sees its own timer at the exact instruction: a loop of two instructions polls mip. */
Test(machine, timer_deadline_cuts_the_turn)
{
    const uint32_t code[] = {
        LUI(T0, 0x2004), ADDI(T1, ZERO, 10), SD(T1, T0, 0), /* mtimecmp = 10: 1000 instructions from power-on */
        CSRR(T2, 0x344), BEQ(T2, ZERO, -4),  CSRR(A0, CSR_MCYCLE), CSRR(A1, CSR_TIME), FINISHER(0x5, 0x555),
    };
    struct orrery *o = start_raw(code, COUNT(code), NULL);
    uint64_t cycle, time;
    cr_assert_eq(orrery_run(o, 0), ORRERY_ENDED);
    cr_assert(orrery_register(o, 0, A0, &cycle) && orrery_register(o, 0, A1, &time));
    cr_expect_eq(time, 10u);
    cr_expect_geq(cycle, 1000u);
    cr_expect_leq(cycle, 1003u);
    orrery_destroy(o);
}

Test(machine, cpi_and_freq_set_the_time_of_an_instruction)
{
    const uint32_t code[] = {J_SELF};
    static const char *const words[] = {"--cpi=2", "--freq=100M", NULL};
    struct orrery *o = start_raw(code, COUNT(code), words);
    cr_assert_eq(orrery_run(o, 100000), ORRERY_RUNNING);
    cr_expect_eq(orrery_instructions(o, 0), 100000u);
    cr_expect_eq(orrery_time_ps(o), 100000u * UINT64_C(20000));
    orrery_destroy(o);
}

Test(machine, nothing_left_to_wait_for_is_noticed)
{
    const uint32_t code[] = {WFI, JAL0(-4)};
    struct orrery *o = start_raw(code, COUNT(code), NULL);
    cr_assert_eq(orrery_run(o, 0), ORRERY_DEAD);
    orrery_destroy(o);
}

/* ---- harts ----------------------------------------------------------------------------------------------------------------- */

/* Hart 1 sleeps until hart 0 sends it an interrupt, then powers off with status 9. */
static const uint32_t ipi[] = {
    CSRR(T0, CSR_MHARTID),
    BNE(T0, ZERO, 20), /* -> hart 1 */
    LUI(T0, 0x2000),
    ADDI(T1, ZERO, 1),
    SW(T1, T0, 4),
    J_SELF,
    BNE(T0, ZERO, 8),
    J_SELF,
    ADDI(T2, ZERO, 8),
    CSRW(CSR_MIE, T2),
    WFI,
    FINISHER(0x93, 0x333),
};

Test(machine, harts_wake_each_other)
{
    static const char *const words[] = {"-smp", "2", NULL};
    cr_assert_eq(run_to_end(start_raw(ipi, COUNT(ipi), words)), 9);
}

/* All harts count in the same word without atomics: the interleaving, and so the sum, must repeat. */
Test(machine, runs_repeat_with_several_harts)
{
    const uint32_t code[] = {RAM(S0, 0x100), LW(T0, S0, 0), ADDI(T0, T0, 1), SW(T0, S0, 0), JAL0(-12)};
    static const char *const words[] = {"-smp", "4", NULL};
    uint32_t sums[2];
    for (int i = 0; i < 2; i++) {
        struct orrery *o = start_raw(code, COUNT(code), words);
        cr_assert_eq(orrery_run(o, 1000003), ORRERY_RUNNING);
        cr_assert(orrery_memory_read(o, 0x80100000, &sums[i], 4));
        for (unsigned h = 0; h < 4; h++) cr_expect_eq(orrery_instructions(o, h), orrery_instructions(o, 0));
        orrery_destroy(o);
    }
    cr_expect_eq(sums[0], sums[1]);
    cr_expect_gt(sums[0], 250000u);
}

Test(machine, two_machines_in_one_process)
{
    struct orrery *a = start_raw(wait_2ms, COUNT(wait_2ms), NULL), *b = start_raw(wait_2ms, COUNT(wait_2ms), NULL);
    cr_assert_eq(run_to_end(b), 0);
    cr_assert_eq(run_to_end(a), 0);
}

/* QEMU's words for -drive cache=. */
Test(machine, cache_modes_are_understood)
{
    static const char *const modes[] = {"writeback", "writethrough", "none", "unsafe", "directsync"};
    const uint32_t code[] = {FINISHER(0x5, 0x555)};
    const uint8_t sector[512] = {0};
    char *disk = file_make(sector, sizeof sector), drive[256];
    for (size_t i = 0; i < COUNT(modes); i++) {
        snprintf(drive, sizeof drive, "file=%s,format=raw,cache=%s", disk, modes[i]);
        const char *const words[] = {"-drive", drive, NULL};
        cr_assert_eq(run_to_end(start_raw(code, COUNT(code), words)), 0);
    }
    file_drop(disk);
}

/* ---- HTIF ------------------------------------------------------------------------------------------------------------------ */

#define TOHOST(value) RAM(T0, 0x1), ADDI(T1, ZERO, value), SD(T1, T0, 0), J_SELF

Test(htif, exit_status_is_the_programs)
{
    const uint32_t pass[] = {TOHOST(1)}, fail[] = {TOHOST(85)};
    cr_assert_eq(run_to_end(start_program(pass, COUNT(pass))), 0);
    cr_assert_eq(run_to_end(start_program(fail, COUNT(fail))), 42);
}

/* tohost is looked at every 5000 instructions, the five of the boot ROM included. */
Test(htif, polled_each_5000_instructions)
{
    const uint32_t code[] = {TOHOST(1)};
    struct orrery *o = start_program(code, COUNT(code));
    cr_assert_eq(orrery_run(o, 0), ORRERY_ENDED);
    cr_expect_eq(orrery_instructions(o, 0), 5000u);
    orrery_destroy(o);
}

/* exit(3) by the proxied system call, and an unknown call that answers -ENOSYS. */
Test(htif, system_calls)
{
    const uint32_t code[] = {
        RAM(S0, 0x1),     ADDI(S1, S0, 0x100), LUI(T1, 0x7),  SD(T1, S1, 0),      SD(S1, S0, 0), /* call 0x7000 */
        LD(T2, S0, 0x40), BEQ(T2, ZERO, -4),   LD(A0, S1, 0), SD(ZERO, S0, 0x40), ADDI(T1, ZERO, 93),
        SD(T1, S1, 0),    ADDI(T1, ZERO, 3),   SD(T1, S1, 8), SD(S1, S0, 0),      J_SELF,
    };
    struct orrery *o = start_program(code, COUNT(code));
    uint64_t answer;
    cr_assert_eq(orrery_run(o, 0), ORRERY_ENDED);
    cr_assert(orrery_register(o, 0, A0, &answer));
    cr_expect_eq((int64_t)answer, -38);
    cr_expect_eq(orrery_exit_code(o), 3);
    orrery_destroy(o);
}

/* putchar('!') by the console device, without a terminal. */
Test(htif, console_goes_where_the_serial_port_goes)
{
    const uint32_t code[] = {
        RAM(S0, 0x1),  ADDI(T1, ZERO, 0x101), SLLI(T1, T1, 48),  ADDI(T1, T1, '!'),
        SD(T1, S0, 0), LD(T2, S0, 0),         BNE(T2, ZERO, -4), TOHOST(1),
    };
    char *path = program_make(code, COUNT(code)), *log = file_make("", 0), message[256], serial[256];
    snprintf(serial, sizeof serial, "file:%s", log);
    char *arguments[] = {"-serial", serial, path};
    struct orrery *o = orrery_create(3, arguments, message, sizeof message);
    cr_assert(o, "%s", message);
    file_drop(path);
    cr_assert_eq(run_to_end(o), 0);
    char text[8] = "";
    FILE *f = fopen(log, "r");
    cr_expect_eq(fread(text, 1, sizeof text - 1, f), 1);
    cr_expect_str_eq(text, "!");
    fclose(f);
    file_drop(log);
}

Test(htif, a_signature_that_cannot_be_written_is_refused_at_once)
{
    const uint32_t code[] = {TOHOST(1)};
    char *path = program_make(code, COUNT(code)), message[256];
    char *arguments[] = {"+signature=/no/such/folder/s", path};
    cr_expect_null(orrery_create(2, arguments, message, sizeof message));
    cr_expect_str_eq(message, "+signature=/no/such/folder/s: cannot be opened for writing");
    file_drop(path);
}

/* A system-call block or a buffer outside memory, a command that does not exist: no harm, and the machine goes on. */
Test(htif, nonsense_is_survived)
{
    const uint32_t code[] = {
        RAM(S0, 0x1),       LUI(T1, 0x7ffff), SD(T1, S0, 0), LD(T2, S0, 0),     BNE(T2, ZERO, -4), /* block in a hole */
        ADDI(T1, ZERO, -2), SD(T1, S0, 0),    LD(T2, S0, 0), BNE(T2, ZERO, -4),                    /* device 255 */
        TOHOST(1),
    };
    cr_assert_eq(run_to_end(start_program(code, COUNT(code))), 0);
}
