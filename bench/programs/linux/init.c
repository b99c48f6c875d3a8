/*
 * The first process of the benchmark's Linux guest. Its arguments are a scale in percent and the names of programs; it
 * runs each from /bin with the scale as argument, one after the other, and powers the machine off.
 */
#include "linux.h"
#include "platform.h"

#define REBOOT_MAGIC1    0xfee1dead
#define REBOOT_MAGIC2    672274793
#define REBOOT_POWER_OFF 0x4321fedc

static void say(const char *text)
{
    size_t count = 0;
    while (text[count]) count++;
    platform_write(text, count);
}

static void run(const char *name, const char *scale)
{
    char path[64] = "/bin/";
    for (size_t i = 0; name[i] && i < sizeof(path) - 6; i++) path[5 + i] = name[i];
    const char *const argv[] = {path, scale, NULL};
    long child = linux_fork();
    if (child == 0) {
        linux_exec(path, argv);
        platform_exit(127);
    }
    long status = child < 0 ? child : linux_wait(child);
    if (status != 0) {
        say("@fail ");
        say(name);
        say(" did not end well\n");
    }
}

/* A kernel that has just booted still tests its ciphers in threads of its own. The first program is not to share the processor. */
static void let_the_kernel_settle(void)
{
    const struct {
        int64_t seconds, nanoseconds;
    } pause = {2, 0};
    linux_call3(LINUX_NANOSLEEP, (long)&pause, 0, 0);
}

_Noreturn void bench_main(void)
{
    say("@boot\n");
    if (linux_argv[0] && linux_argv[1] && linux_argv[2]) let_the_kernel_settle();
    if (linux_argv[0] && linux_argv[1])
        for (char **name = linux_argv + 2; *name; name++) run(*name, linux_argv[1]);
    for (;;) linux_call3(LINUX_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF);
}
