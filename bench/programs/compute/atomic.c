/* Atomic operations without contention: counters, a lock made of exchange, a stack made of compare-and-swap. */
#include "bench.h"

#define COUNTERS 64
#define CELLS    256

struct cell {
    struct cell *below;
    uint64_t value;
};

static uint64_t counters[COUNTERS];
static uint32_t lock;
static struct cell cells[CELLS], *top;

static void lock_take(void)
{
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {
    }
}

static void lock_release(void) { __atomic_store_n(&lock, 0, __ATOMIC_RELEASE); }

static void push(struct cell *cell)
{
    cell->below = __atomic_load_n(&top, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&top, &cell->below, cell, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
}

static struct cell *pop(void)
{
    struct cell *cell = __atomic_load_n(&top, __ATOMIC_ACQUIRE);
    while (cell && !__atomic_compare_exchange_n(&top, &cell, cell->below, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
    }
    return cell;
}

static void setup(void)
{
    for (uint64_t i = 0; i < CELLS; i++) cells[i].value = i;
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0, added = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint64_t i = 0; i < CELLS; i++) push(&cells[(i * 77 + round) % CELLS]);
        for (struct cell *cell; (cell = pop());) {
            uint64_t *counter = &counters[(cell->value + round) % COUNTERS];
            sum = bench_mix(sum, __atomic_fetch_add(counter, cell->value, __ATOMIC_RELAXED));
            __atomic_fetch_xor(&counters[0], 0, __ATOMIC_ACQ_REL);
            lock_take();
            added += cell->value;
            lock_release();
        }
    }
    for (int i = 0; i < COUNTERS; i++) added -= counters[i];
    if (added) bench_fail("the counters do not add up");
    return sum;
}

const struct bench_program bench_program = {.name = "atomic", .rounds = 70000, .setup = setup, .run = run};
