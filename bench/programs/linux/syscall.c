/* The shortest system call, over and over. */
#include "bench.h"
#include "linux.h"

static void setup(void) {}

static uint64_t run(uint64_t rounds)
{
    long parent = linux_call3(LINUX_GETPPID, 0, 0, 0);
    for (uint64_t round = 1; round < rounds; round++)
        if (linux_call3(LINUX_GETPPID, 0, 0, 0) != parent) bench_fail("the parent changed");
    return rounds;
}

const struct bench_program bench_program = {.name = "syscall", .rounds = 600000, .setup = setup, .run = run};
