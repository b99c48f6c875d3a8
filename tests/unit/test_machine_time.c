/* Guest time where the host has a say: input that ends an idle wait, deadlines that move while no hart runs. */
#include "emu/cli.h"
#include "emu/machine.h"
#include "tests/unit/asm.h"
#include "tests/unit/program_file.h"

#define CLINT_MSIP0 UINT64_C(0x2000000)
#define PS_PER_US   (PS_PER_S / 1000000)

static struct machine_config config;
static struct machine *machine;
static struct err err;

static void setup(const uint32_t *code, size_t words)
{
    char *path = file_make(code, words * 4);
    char *argv[] = {"orrery", "-bios", "none", "-serial", "null", "--engine", "interp", "-kernel", path};
    cr_assert_eq(cli_parse(&config, 9, argv, &err), CLI_RUN, "%s", err.text);
    machine = machine_create(&config, &err);
    cr_assert(machine, "%s", err.text);
    file_drop(path);
}

static void teardown(void)
{
    machine_destroy(machine);
    config_finish(&config);
}

TestSuite(machine_time, .fini = teardown);

/* ---- a key while all harts sleep --------------------------------------------------------------------------------------------- */

#define TYPED_AFTER_MS 100

/* Somebody at a terminal: a key after TYPED_AFTER_MS, which raises an interrupt, and another one right behind it, which leaves. */
struct user {
    uint64_t key_ns;
    unsigned keys;
};

static void user_prepare(void *self, struct host_poll *p)
{
    int64_t left = (int64_t)(((struct user *)self)->key_ns - host_clock_ns());
    host_poll_limit(p, left > 0 ? left : 0);
}

static void user_serve(void *self, struct host_poll *p)
{
    struct user *u = self;
    (void)p;
    if (host_clock_ns() < u->key_ns) return;
    if (u->keys++ == 0)
        cr_assert(bus_write(&machine->bus, CLINT_MSIP0, 4, 1));
    else
        machine_stop_with(machine, MACHINE_EXIT, 0);
}

/* Sleeps until an interrupt of software is pending, notes the time in a0, and computes. */
static const uint32_t sleeper[] = {
    ADDI(T1, ZERO, 8), CSRW(CSR_MIE, T1), WFI, CSRR(A0, CSR_TIME), J_SELF,
};

static void run_to_second_key(void)
{
    struct user user = {0};
    setup(sleeper, sizeof sleeper / 4);
    struct port port = {.prepare = user_prepare, .serve = user_serve, .self = &user};
    cr_assert(machine_add_port(machine, port, &err));
    user.key_ns = host_clock_ns() + TYPED_AFTER_MS * UINT64_C(1000000);
    cr_assert_eq(machine_run(machine), MACHINE_EXIT);
    cr_assert_eq(user.keys, 2);
}

Test(machine_time, a_key_is_seen_when_it_was_typed)
{
    run_to_second_key();
    /* Idle time passes at the host's pace; only the first turns may have run ahead. Less by a tenth is far from the start of the idle time. */
    cr_expect_geq(machine->harts[0].hart->x[A0], (TYPED_AFTER_MS - 10) * (MACHINE_TIMEBASE_HZ / 1000));
}

/* The hart that was woken does not compute for as long as it slept before somebody looks at the keys again. */
Test(machine_time, keys_behind_a_key_are_seen_at_once)
{
    run_to_second_key();
    cr_expect_lt(hart_icount(machine->harts[0].hart), TYPED_AFTER_MS * UINT64_C(1000000) / 2);
}

/* ---- deadlines that move while no hart runs ------------------------------------------------------------------------------------ */

static ps_t fired_at;

static void note_time(void *owner)
{
    fired_at = machine_hart_time(owner, 0);
    machine_stop_with(owner, MACHINE_PAUSED, 0);
}

/* A step leaves its round open, as a breakpoint does; what the debugger then schedules is as exact as ever. */
Test(machine_time, deadlines_move_while_the_round_is_open)
{
    static const uint32_t code[] = {J_SELF};
    struct event event;
    setup(code, 1);
    event_init(&event, "test", note_time, machine);
    machine_step_hart(machine, 0);
    cr_assert(machine->round_open && machine->running < 0);
    ps_t when = machine->now + PS_PER_US;
    event_schedule(&machine->events, &event, when);
    cr_assert_eq(machine_run(machine), MACHINE_PAUSED);
    cr_expect_geq(fired_at, when);
    cr_expect_lt(fired_at, when + 2 * machine->ps_per_insn);
}
