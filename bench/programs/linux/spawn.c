/* A round starts a program in a new process and waits for its end. */
#include "bench.h"
#include "linux.h"
#include "platform.h"

static void setup(void) {}

static uint64_t run(uint64_t rounds)
{
    static const char *const argv[] = {"/bin/nothing", NULL};
    for (uint64_t round = 0; round < rounds; round++) {
        long child = linux_fork();
        if (child < 0) bench_fail("fork");
        if (child == 0) {
            linux_exec(argv[0], argv);
            platform_exit(127);
        }
        if (linux_wait(child) != 0) bench_fail("/bin/nothing did not run");
    }
    return rounds;
}

const struct bench_program bench_program = {.name = "spawn", .rounds = 400, .setup = setup, .run = run};
