/*
 * ps.c - shows processes and their states, read from /proc.
 *
 *      R running or in the ready queue   S waiting, can be interrupted   D waiting for a device   T stopped   Z ended, not yet waited for
 *
 *      ps: those of this terminal's session   -e, -A, ax: all   -f: with parent and time   -l: with memory, priority and what it waits for
 */
#include <string.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/util.h"

static const char *terminal_name(int number, char out[16])
{
    if (!number) return "-";
    if (major((unsigned)number) == 136)
        snprintf(out, 16, "pts/%u", minor((unsigned)number));
    else if (major((unsigned)number) == 5)
        return "console";
    else
        snprintf(out, 16, "%u,%u", major((unsigned)number), minor((unsigned)number));
    return out;
}

static void waits_for(int pid, char out[32])
{
    struct text t = {0};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/wchan", pid);
    read_file(path, &t);
    snprintf(out, 32, "%s", t.n && strcmp(t.s, "0") ? t.s : "-");
    out[strcspn(out, "\n")] = 0;
    text_free(&t);
}

int main(int argc, char **argv)
{
    bool all = false, full = false, longer = false;
    size_t n;
    util_start(argv);
    for (int i = 1; i < argc; i++) {
        for (const char *o = argv[i]; *o; o++) {
            if (strchr("eAax", *o))
                all = true;
            else if (*o == 'f' || *o == 'u')
                full = true;
            else if (*o == 'l')
                longer = true;
            else if (*o != '-')
                fail_usage("[-efl]");
        }
    }
    int session = getsid(0);
    struct process *list = process_list(&n);
    printf("%5s %s%s%-7s S %s%8s COMMAND\n", "PID", full || longer ? " PPID " : "", full ? "USER     " : "", "TTY",
           longer ? " PRI   RSS WAITS-FOR        " : "", "TIME");
    for (size_t i = 0; i < n; i++) {
        const struct process *p = &list[i];
        char terminal[16], wait[32];
        unsigned long long seconds = (p->user_ticks + p->system_ticks) / (unsigned long long)sysconf(_SC_CLK_TCK);
        if (!all && p->session != session) continue;
        printf("%5d ", p->pid);
        if (full || longer) printf("%5d ", p->parent);
        if (full) printf("%-8s ", user_name(p->uid));
        printf("%-7s %c ", terminal_name(p->terminal, terminal), p->state);
        if (longer) {
            waits_for(p->pid, wait);
            printf("%4ld %5lluK %-16s ", p->priority, p->resident_bytes / 1024, wait);
        }
        printf("%02llu:%02llu:%02llu %s\n", seconds / 3600, seconds / 60 % 60, seconds % 60,
               full || longer ? p->command : p->name);
    }
    free(list);
    return util_end(0);
}
