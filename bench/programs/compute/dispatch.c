/*
 * A bytecode machine whose every operation ends in a jump through a table of labels. The program counts primes with a
 * sieve and sums Collatz trajectories; both results are known.
 */
#include "bench.h"

#define LIMIT   4000
#define COLLATZ 1500

/* A register machine: one operation byte, three operand bytes; a jump's target is a 16-bit number in b and c. */
/* clang-format off */
enum operation {
    HALT, SET, MOVE, ADD, SUB, ADD_SMALL, HALVE, AND_SMALL, LOAD, STORE, JUMP, JUMP_IF_LESS, JUMP_IF_ZERO, JUMP_IF_NOT, OPERATIONS
};
/* clang-format on */

struct code {
    uint8_t operation, a, b, c;
};

static struct code program[128];
static size_t program_length;
static uint64_t memory[LIMIT];

static size_t emit(enum operation operation, int a, int b, int c)
{
    program[program_length] = (struct code){(uint8_t)operation, (uint8_t)a, (uint8_t)b, (uint8_t)c};
    return program_length++;
}

static void emit_set(int reg, unsigned value) { emit(SET, reg, (int)(value & 255), (int)(value >> 8)); }

/* A conditional jump is two codes: the test, then the target of success; failure steps over it. */
static size_t emit_jump(enum operation test, int a, int b, size_t target)
{
    if (test != JUMP) emit(test, a, b, 0);
    return emit(JUMP, 0, (int)(target & 255), (int)(target >> 8));
}

static void patch(size_t jump, size_t target)
{
    program[jump].b = (uint8_t)target;
    program[jump].c = (uint8_t)(target >> 8);
}

/* The interpreter under test. Returns register 0. */
static BENCH_NOINLINE uint64_t execute(const struct code *start)
{
    /* clang-format off */
    static const void *const label[OPERATIONS] = {
        [HALT] = &&halt, [SET] = &&set, [MOVE] = &&move, [ADD] = &&add, [SUB] = &&sub, [ADD_SMALL] = &&add_small,
        [HALVE] = &&halve, [AND_SMALL] = &&and_small, [LOAD] = &&load, [STORE] = &&store, [JUMP] = &&jump,
        [JUMP_IF_LESS] = &&jump_if_less, [JUMP_IF_ZERO] = &&jump_if_zero, [JUMP_IF_NOT] = &&jump_if_not,
    };
    uint64_t r[16] = {0};
    const struct code *at = start;
#define NEXT goto *label[at->operation]
    NEXT;
set: r[at->a] = at->b | (uint64_t)at->c << 8; at++; NEXT;
move: r[at->a] = r[at->b]; at++; NEXT;
add: r[at->a] = r[at->b] + r[at->c]; at++; NEXT;
sub: r[at->a] = r[at->b] - r[at->c]; at++; NEXT;
add_small: r[at->a] = r[at->b] + at->c; at++; NEXT;
halve: r[at->a] = r[at->b] >> 1; at++; NEXT;
and_small: r[at->a] = r[at->b] & at->c; at++; NEXT;
load: r[at->a] = memory[r[at->b]]; at++; NEXT;
store: memory[r[at->b]] = r[at->a]; at++; NEXT;
jump: at = start + (at->b | at->c << 8); NEXT;
jump_if_less: at += r[at->a] < r[at->b] ? 1 : 2; NEXT;
jump_if_zero: at += r[at->a] == 0 ? 1 : 2; NEXT;
jump_if_not: at += r[at->a] != 0 ? 1 : 2; NEXT;
    /* clang-format on */
halt:
    return r[0];
#undef NEXT
}

/* r0 counts primes below LIMIT (r1): for every unmarked r2, mark r2 + r2, r2 + r2 + r2, ... */
static void emit_sieve(void)
{
    emit_set(1, LIMIT), emit_set(2, 0), emit_set(3, 0);
    size_t clear = emit(STORE, 3, 2, 0);
    emit(ADD_SMALL, 2, 2, 1);
    emit_jump(JUMP_IF_LESS, 2, 1, clear);
    emit_set(2, 2), emit_set(5, 1);
    size_t test = emit(LOAD, 4, 2, 0);
    size_t marked = emit_jump(JUMP_IF_NOT, 4, 0, 0);
    emit(ADD_SMALL, 0, 0, 1);
    emit(ADD, 3, 2, 2);
    size_t mark = emit_jump(JUMP_IF_LESS, 3, 1, 0), done = emit_jump(JUMP, 0, 0, 0);
    patch(mark, emit(STORE, 5, 3, 0));
    emit(ADD, 3, 3, 2);
    emit_jump(JUMP, 0, 0, mark - 1);
    size_t step = emit(ADD_SMALL, 2, 2, 1);
    patch(marked, step), patch(done, step);
    emit_jump(JUMP_IF_LESS, 2, 1, test);
}

/* r0 grows by the steps that 1 .. COLLATZ - 1 need to reach one. */
static void emit_collatz(void)
{
    emit_set(6, 1), emit_set(7, COLLATZ), emit_set(10, 2);
    size_t outer = emit(MOVE, 8, 6, 0);
    size_t inner = program_length, reached = emit_jump(JUMP_IF_LESS, 8, 10, 0);
    emit(ADD_SMALL, 0, 0, 1);
    emit(AND_SMALL, 9, 8, 1);
    size_t even = emit_jump(JUMP_IF_ZERO, 9, 0, 0);
    emit(ADD, 9, 8, 8), emit(ADD, 8, 9, 8), emit(ADD_SMALL, 8, 8, 1);
    emit_jump(JUMP, 0, 0, inner);
    patch(even, emit(HALVE, 8, 8, 0));
    emit_jump(JUMP, 0, 0, inner);
    patch(reached, emit(ADD_SMALL, 6, 6, 1));
    emit_jump(JUMP_IF_LESS, 6, 7, outer);
}

static uint64_t collatz_steps(void)
{
    uint64_t steps = 0;
    for (uint64_t n = 1; n < COLLATZ; n++)
        for (uint64_t x = n; x != 1; steps++) x = x & 1 ? 3 * x + 1 : x / 2;
    return steps;
}

static void setup(void)
{
    emit_sieve();
    emit_collatz();
    emit(HALT, 0, 0, 0);
    /* 550 primes below 4000 */
    if (execute(program) != 550 + collatz_steps()) bench_fail("the bytecode computed a wrong result");
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) sum = bench_mix(sum, execute(program));
    return sum;
}

const struct bench_program bench_program = {.name = "dispatch", .rounds = 50, .setup = setup, .run = run};
