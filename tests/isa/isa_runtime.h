/* What a generated instruction test needs of the ground it stands on: Linux user mode, or a bare HTIF machine. */
#ifndef ISA_RUNTIME_H
#define ISA_RUNTIME_H

#include <stdint.h>

void say_text(const char *text);
static int said;

static inline void say_hex(uint64_t v)
{
    char text[20] = " ";
    for (int i = 0; i < 16; i++) text[1 + i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
    text[17] = 0;
    say_text(text);
}
static inline void say_name(const char *name) { say_text(name); }
static inline void say_ok(void)
{
    said = 1;
    say_text(" ok");
}
static inline void say_bad(uint64_t a, uint64_t b, uint64_t got, uint64_t want)
{
    said = 1;
    say_text(" BAD");
    say_hex(a);
    say_hex(b);
    say_text(" gives");
    say_hex(got);
    say_text(" not");
    say_hex(want);
}

/* Fills all registers but sp, gp, tp from the seed, s0 with the memory's address, runs the code, keeps the registers. */
extern uint64_t sequence_regs[32];
void run_sequence_asm(const void *code, const uint64_t *start);
static inline void run_sequence(const void *code, uint64_t seed, uint64_t *mem)
{
    uint64_t start[32];
    for (int i = 0; i < 32; i++) start[i] = seed = (seed ^ seed >> 31) * 0xbf58476d1ce4e5b9u + (uint64_t)i;
    for (int i = 0; i < 16; i++) mem[i] = seed = (seed ^ seed >> 31) * 0xbf58476d1ce4e5b9u + (uint64_t)i;
    start[0] = 0;
    start[8] = (uint64_t)mem;
    run_sequence_asm(code, start);
    for (int i = 0; i < 32; i++)
        if (i == 0 || i == 2 || i == 3 || i == 4 || i == 8)
            sequence_regs[i] = 0; /* addresses differ from ground to ground */
}

#endif
