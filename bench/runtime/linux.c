#include "linux.h"
#include "platform.h"

char **linux_argv;

_Noreturn void linux_start(long *stack);

_Noreturn void linux_start(long *stack)
{
    linux_argv = (char **)(stack + 1); /* stack[0] is argc */
    bench_main();
}

void platform_write(const char *bytes, size_t count)
{
    while (count) {
        long done = linux_call3(LINUX_WRITE, 1, (long)bytes, (long)count);
        if (done <= 0) return;
        bytes += done;
        count -= (size_t)done;
    }
}

_Noreturn void platform_exit(int code)
{
    for (;;) linux_call3(LINUX_EXIT_GROUP, code, 0, 0);
}

uint64_t platform_scale_percent(void)
{
    if (!linux_argv[0] || !linux_argv[1]) return 100;
    uint64_t percent = 0;
    for (const char *at = linux_argv[1]; *at >= '0' && *at <= '9'; at++) percent = percent * 10 + (uint64_t)(*at - '0');
    return percent;
}

uint64_t platform_instret(void) { return 0; }
