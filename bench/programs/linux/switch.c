/* Two processes pass a byte to and fro through two pipes: a round is two context switches. */
#include "bench.h"
#include "linux.h"
#include "platform.h"

static int there[2], back[2];

static void setup(void)
{
    if (linux_call3(LINUX_PIPE2, (long)there, 0, 0) < 0 || linux_call3(LINUX_PIPE2, (long)back, 0, 0) < 0)
        bench_fail("pipe");
}

static void echo(void)
{
    uint8_t byte;
    linux_call3(LINUX_CLOSE, there[1], 0, 0);
    while (linux_call3(LINUX_READ, there[0], (long)&byte, 1) == 1) {
        byte++;
        linux_call3(LINUX_WRITE, back[1], (long)&byte, 1);
    }
    platform_exit(0);
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    uint8_t byte = 0;
    long child = linux_fork();
    if (child < 0) bench_fail("fork");
    if (child == 0) echo();
    linux_call3(LINUX_CLOSE, there[0], 0, 0);
    for (uint64_t round = 0; round < rounds; round++) {
        if (linux_call3(LINUX_WRITE, there[1], (long)&byte, 1) != 1) bench_fail("write");
        if (linux_call3(LINUX_READ, back[0], (long)&byte, 1) != 1) bench_fail("read");
        sum += byte;
    }
    linux_call3(LINUX_CLOSE, there[1], 0, 0);
    if (linux_wait(child) != 0 || byte != (uint8_t)rounds) bench_fail("the other process lost count");
    return sum;
}

const struct bench_program bench_program = {.name = "switch", .rounds = 4500, .setup = setup, .run = run};
