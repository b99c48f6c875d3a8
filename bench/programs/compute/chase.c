/* One random cycle through 4 MiB, a node per cache line: every step waits for the load before. */
#include "bench.h"

#define NODES (4 * 1024 * 1024 / sizeof(struct node))

struct node {
    struct node *next;
    uint64_t value;
    uint64_t unused[6];
} __attribute__((aligned(64)));

static struct node nodes[4 * 1024 * 1024 / 64];
_Static_assert(sizeof(nodes) == 4 * 1024 * 1024, "the working set is 4 MiB");

/* Sattolo's shuffle: a permutation that is a single cycle. */
static void setup(void)
{
    uint64_t seed = 6;
    for (size_t i = 0; i < NODES; i++) nodes[i] = (struct node){.next = &nodes[i], .value = i};
    for (size_t i = NODES - 1; i > 0; i--) {
        size_t j = bench_random(&seed) % i;
        struct node *kept = nodes[i].next;
        nodes[i].next = nodes[j].next;
        nodes[j].next = kept;
    }
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    struct node *at = nodes;
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t step = 0; step < NODES / 4; step++) at = at->next->next->next->next;
        if (at != nodes) bench_fail("a whole turn did not come back");
        at = at->next;
        sum = bench_mix(sum, at->value);
        at = nodes;
    }
    return sum;
}

const struct bench_program bench_program = {.name = "chase", .rounds = 100, .setup = setup, .run = run};
