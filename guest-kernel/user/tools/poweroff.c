/*
 * poweroff.c - poweroff, reboot and halt: one program with three names.
 *
 * A program learns the name it was called by from its first argument. This one asks init (process 1) to end the system in order; with
 * -f it makes the system call itself, at once, and what the file systems had not written is left to their recovery.
 */
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    util_start(argv);
    bool force = argc == 2 && !strcmp(argv[1], "-f"), again = !strcmp(program, "reboot"),
         halt = !strcmp(program, "halt");
    if (argc > 1 && !force) fail_usage("[-f]");
    if (!force) {
        if (kill(1, again ? SIGTERM : halt ? SIGUSR1 : SIGUSR2)) fail_errno("init");
        return 0;
    }
    sync();
    reboot(again ? RB_AUTOBOOT : halt ? RB_HALT_SYSTEM : RB_POWER_OFF);
    fail_errno("reboot");
}
