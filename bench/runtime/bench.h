/*
 * What a benchmark program and the runtime promise each other.
 *
 * A program is one source file that defines `bench_program`. The same object file is linked twice: with the bare
 * runtime (M-mode, unpaged, a `virt` board) and with the Linux runtime (a static user program, paged). The runtime runs
 *
 *     setup()             untimed: make the input, check known answers
 *     print "@begin NAME"
 *     run(rounds)         timed; the result must depend on all the work
 *     print "@end NAME CHECKSUM INSTRUCTIONS ROUNDS"
 *
 * and the host takes the time between the arrival of the two lines. INSTRUCTIONS is the difference of `instret` around
 * run() in the bare form and 0 under Linux, where user programs may not read the counter.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_program {
    const char *name;
    uint64_t rounds; /* at scale 100 percent; at least one round is run whatever the scale */
    void (*setup)(void);
    uint64_t (*run)(uint64_t rounds);
};

extern const struct bench_program bench_program;

/* Reports "@fail NAME why" and ends the program with a failure. */
_Noreturn void bench_fail(const char *why);

/* SplitMix64: the next number of the sequence that *state stands in. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Folds a value into a checksum; the order of values matters. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0xff51afd7ed558ccdu;
    return sum ^ (sum >> 29);
}

/* The bits of a double, for checksums. */
static inline uint64_t bench_bits(double value)
{
    union {
        double number;
        uint64_t bits;
    } u = {.number = value};
    return u.bits;
}

#define BENCH_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BENCH_NOINLINE     __attribute__((noinline))

#endif
