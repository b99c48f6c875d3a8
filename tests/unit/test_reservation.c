/* LR and SC: when a reservation holds, and what ends it. Two harts share RAM and take turns. */
#include "asm.h"
#include "cpu/engine.h"
#include "cpu/priv.h"
#include "emu/base/bits.h"

#include <criterion/criterion.h>

#define RAM                    UINT64_C(0x80000000)
#define RAM_SIZE               UINT64_C(0x10000)
#define DATA                   (RAM + 0x8000)
#define LR(size, rd, rs1)      asm_i(0x2f, size, rd, rs1, 0x100)
#define SC(size, rd, rs1, rs2) asm_i(0x2f, size, rd, rs1, 0x180 | (rs2))
enum { W = 2, D = 3 };

static struct bus bus;
static struct engine *engine;
static struct hart *hart[2];
static struct hart_env env;

static ps_t clock_at_zero(void *machine)
{
    (void)machine;
    return 0;
}

static struct hart *new_hart(unsigned id)
{
    struct err err;
    struct hart_config c = {.id = id, .pmp_count = 0, .reset_pc = RAM};
    cr_assert(isa_parse_cpu("max", &c.isa, &err), "%s", err.text);
    struct hart *h = hart_create(&c, &bus, engine, &env, NULL);
    cr_assert_not_null(h);
    h->x[T0] = DATA;
    h->x[T1] = 0x5a;
    h->csr.mtvec = RAM + 0x2000;
    return h;
}

static void setup(void)
{
    struct err err;
    uint64_t initial = 0x1122334455667788;
    env = (struct hart_env){.now = clock_at_zero, .timebase_ps = 100000};
    bus_init(&bus, NULL);
    cr_assert(bus_add_ram(&bus, RAM, RAM_SIZE, &err), "%s", err.text);
    cr_assert(bus_dma_write(&bus, DATA, &initial, 8));
    cr_assert(bus_dma_write(&bus, RAM + 0x2000, &(uint32_t){J_SELF}, 4));
    engine = engine_create(&bus, 0, NULL);
    for (unsigned i = 0; i < 2; i++) hart[i] = new_hart(i);
}
static void teardown(void)
{
    for (unsigned i = 0; i < 2; i++) hart_destroy(hart[i]);
    engine_destroy(engine);
    bus_finish(&bus);
}
TestSuite(reservation, .init = setup, .fini = teardown);

/* Runs one instruction on a hart, in a turn of its own. */
static void turn(struct hart *h, uint32_t insn)
{
    cr_assert(bus_dma_write(&bus, RAM + 0x100 * h->id, &insn, 4));
    h->pc = RAM + 0x100 * h->id;
    hart_run(h, 1);
}

/* 0: it stored. */
static uint64_t sc_says(struct hart *h, uint32_t sc)
{
    h->x[A0] = 99;
    turn(h, sc);
    return h->x[A0];
}

static uint64_t data(void)
{
    uint64_t v = 0;
    cr_assert(bus_read(&bus, DATA, 8, &v));
    return v;
}

Test(reservation, a_pair_stores_once)
{
    turn(hart[0], LR(D, A1, T0));
    cr_assert_eq(hart[0]->x[A1], 0x1122334455667788);
    cr_assert(sc_says(hart[0], SC(D, A0, T0, T1)) == 0 && data() == 0x5a);
    hart[0]->x[T1] = 1;
    cr_assert(sc_says(hart[0], SC(D, A0, T0, T1)) == 1 && data() == 0x5a, "norm:sc_reservation_invalidate");
    turn(hart[0], LR(W, A1, T0));
    cr_assert(sc_says(hart[0], SC(W, A0, T0, T1)) == 0 && data() == 1);
    cr_assert_eq(sc_says(hart[1], SC(D, A0, T0, T1)), 1, "without any LR");
}

Test(reservation, a_failed_sc_ends_it_too)
{
    turn(hart[0], LR(D, A1, T0));
    hart[0]->x[T0] = DATA + 64;
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 1, "another address");
    hart[0]->x[T0] = DATA;
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 1);
}

Test(reservation, stores_of_others_end_it)
{
    turn(hart[0], LR(D, A1, T0));
    turn(hart[1], SD(T1, T0, 0));
    cr_assert(sc_says(hart[0], SC(D, A0, T0, T1)) == 1 && data() == 0x5a);
    turn(hart[0], LR(D, A1, T0));
    turn(hart[1], SD(T1, T0, 0)); /* the same value: still a store */
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 1);
    turn(hart[0], LR(D, A1, T0));
    cr_assert(bus_dma_write(&bus, DATA + 7, &(uint8_t){0xee}, 1)); /* a device */
    cr_assert(sc_says(hart[0], SC(D, A0, T0, T1)) == 1 && data() >> 56 == 0xee);
}

/* norm:sc_other_device_write_fail: a write, whatever it writes. */
Test(reservation, a_device_s_write_of_the_same_value_ends_it)
{
    uint64_t same = data();
    turn(hart[0], LR(D, A1, T0));
    cr_assert(bus_dma_write(&bus, DATA, &same, 8));
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 1);
    turn(hart[0], LR(D, A1, T0));
    cr_assert(bus_dma_write(&bus, DATA + 7, (uint8_t *)&same + 7, 1));
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 1);
    turn(hart[0], LR(W, A1, T0));
    cr_assert_not_null(bus_dma_map_write(&bus, DATA - 4, 8));
    cr_assert_eq(sc_says(hart[0], SC(W, A0, T0, T1)), 1);
    turn(hart[0], LR(D, A1, T0));
    cr_assert(bus_dma_write(&bus, DATA - 8, &same, 8) && bus_dma_write(&bus, DATA + 8, &same, 8));
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 0, "what lies beside it");
}

Test(reservation, faults_come_first)
{
    hart[0]->x[T0] = RAM + RAM_SIZE;
    turn(hart[0], LR(D, A1, T0));
    cr_assert(hart[0]->csr.mcause == CAUSE_LOAD_ACCESS && hart[0]->csr.mtval == RAM + RAM_SIZE);
    turn(hart[0], SC(D, A0, T0, T1));
    cr_assert_eq(hart[0]->csr.mcause, CAUSE_STORE_ACCESS, "norm:sc_failed_as_store: though it would fail");
    hart[0]->x[T0] = DATA + 4;
    turn(hart[0], LR(D, A1, T0));
    cr_assert_eq(hart[0]->csr.mcause, CAUSE_LOAD_MISALIGNED);
    turn(hart[0], SC(D, A0, T0, T1));
    cr_assert_eq(hart[0]->csr.mcause, CAUSE_STORE_MISALIGNED);
}

/* A restored machine must go on as the saved one would have. */
Test(reservation, a_snapshot_keeps_it)
{
    struct state save, restore;
    turn(hart[0], LR(D, A1, T0));
    state_init_save(&save);
    hart_state(hart[0], &save);
    hart_destroy(hart[0]);
    hart[0] = new_hart(0);
    state_init_restore(&restore, save.data, save.length);
    hart_state(hart[0], &restore);
    cr_assert(state_ok(&restore) && restore.at == restore.length);
    cr_assert(sc_says(hart[0], SC(D, A0, T0, T1)) == 0 && data() == 0x5a);
    turn(hart[1], SD(T1, T0, 0)); /* now the other hart runs before and after */
    state_init_restore(&restore, save.data, save.length);
    hart_state(hart[0], &restore);
    state_finish(&save);
    turn(hart[1], SD(T1, T0, 0));
    cr_assert_eq(sc_says(hart[0], SC(D, A0, T0, T1)), 1);
}
