/* A guest whose trap handler traps must not keep hart_run, and with it the machine, for ever. */
#include "tests/unit/priv_bench.h"

#include "cpu/engine.h"

Test(hart_storm, hart_run_comes_back_without_a_retired_instruction)
{
    struct hart *h = bench_hart("rv64");
    h->engine = engine_create(&bench_bus, 0, NULL);
    csr_set(h, MTVEC, RAM); /* RAM is zero there: illegal */
    cr_assert_eq(hart_run(h, 1000), HART_BUDGET);
    cr_assert(h->stalled && hart_icount(h) == 0 && csr_get(h, MCAUSE) == CAUSE_ILLEGAL);
    csr_set(h, MTVEC, 0x1000); /* nothing is there: the fetch itself traps */
    cr_assert_eq(hart_run(h, 1000), HART_BUDGET);
    cr_assert(h->stalled && hart_icount(h) == 0 && csr_get(h, MCAUSE) == CAUSE_FETCH_ACCESS);
    /* Many traps with progress in between are no storm. */
    bus_write(&bench_bus, RAM + 0x100, 4, 0x00000013); /* nop; then zeros */
    csr_set(h, MTVEC, RAM + 0x100);
    h->pc = RAM + 0x100;
    cr_assert_eq(hart_run(h, 10000), HART_BUDGET);
    cr_assert(!h->stalled && hart_icount(h) == 10000);
    struct engine *engine = h->engine;
    hart_destroy(h);
    engine_destroy(engine);
}
