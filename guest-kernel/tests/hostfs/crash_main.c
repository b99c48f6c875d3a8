/*
 * crash_main.c - the power-cut test's command: scripts from seeds or from the command line, and the search for the shortest one
 * that shows a fault.
 *
 * usage: crash [-o OPERATIONS] [-c CUTS-EACH] [-t] [-m PLACE] [-x] [-s SCRIPT] [-v] IMAGE [SEED...]
 * -m: leave out that place of fs/kfs_order.h. -t: thorough second cuts. -x: if something is wrong, look for the shortest script that
 * shows it. Exit status 1: wrong, 2: bad usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "fs/kfs_order.h"

/* In a process of its own, since everything here is global. True: all right. */
static bool try(const struct crash_op *op, int count, const struct crash_settings *s, bool quiet)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (quiet && (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))) _exit(2);
        crash_cuts(op, count, s);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) crash_wrong("no process", "fork");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void print_script(const struct crash_op *op, int count)
{
    char text[80];
    for (int i = 0; i < count; i++) {
        crash_print(&op[i], text, sizeof text);
        printf("%s%s", text, i + 1 < count ? "; " : "\n");
    }
}

/* Leaves out what can be left out so that it still goes wrong. */
static int shorten(struct crash_op *op, int count, const struct crash_settings *s)
{
    for (int step = count / 2; step; step = step == 1 ? 0 : (step + 1) / 2) {
        for (int at = 0; at + step <= count;) {
            struct crash_op shorter[CRASH_OPS];
            memcpy(shorter, op, (size_t)at * sizeof *op);
            memcpy(shorter + at, op + at + step, (size_t)(count - at - step) * sizeof *op);
            if (try(shorter, count - step, s, true)) {
                at += step;
                continue;
            }
            count -= step;
            memcpy(op, shorter, (size_t)count * sizeof *op);
        }
    }
    return count;
}

static bool one_script(struct crash_op *op, int count, const struct crash_settings *s, bool shortest)
{
    if (s->verbose) print_script(op, count);
    if (try(op, count, s, false)) return true;
    if (shortest) count = shorten(op, count, s);
    printf("crash: seed %lu: %s", (unsigned long)s->seed,
           shortest ? "the shortest script that shows it: " : "script: ");
    print_script(op, count);
    return false;
}

static bool one_seed(uint64_t seed, int count, struct crash_settings *s, bool shortest)
{
    struct crash_op op[CRASH_OPS];
    crash_seed(seed);
    for (int i = 0; i < count; i++) crash_random_op(&op[i]);
    s->seed = seed;
    return one_script(op, count, s, shortest);
}

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "usage: crash [-o OPERATIONS] [-c CUTS-EACH] [-t] [-m PLACE] [-x] [-s SCRIPT] [-v] IMAGE [SEED...]\n");
    exit(2);
}

static void read_image(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fread(crash_empty, 1, CRASH_DISK, file) != CRASH_DISK) {
        fprintf(stderr, "crash: %s: cannot be read; make it: mkfs.kfs -s 2M -J 48 -N 64 %s\n", path, path);
        exit(2);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    struct crash_settings s = {.seed = 1, .cuts = 4};
    const char *script = 0;
    bool shortest = false, good = true;
    int operations = 40;
    for (int option; (option = getopt(argc, argv, "o:c:tm:s:xv")) != -1;) {
        switch (option) {
        case 'o': operations = atoi(optarg); break;
        case 'c': s.cuts = atoi(optarg); break;
        case 't': s.thorough = true; break;
        case 'm': kfs_left_out = (unsigned)atoi(optarg); break;
        case 's': script = optarg; break;
        case 'x': shortest = true; break;
        case 'v': s.verbose = true; break;
        default: usage();
        }
    }
    if (optind == argc || operations < 1 || operations >= CRASH_OPS || s.cuts < 1 || kfs_left_out >= KFS_ORDERS)
        usage();
    read_image(argv[optind++]);
    if (script) {
        struct crash_op op[CRASH_OPS];
        int count = crash_parse(script, op, CRASH_OPS - 1);
        if (count < 0) return 2;
        if (optind < argc) s.seed = strtoull(argv[optind], 0, 0);
        return one_script(op, count, &s, shortest) ? 0 : 1;
    }
    if (optind == argc) return one_seed(1, operations, &s, shortest) ? 0 : 1;
    for (; optind < argc && good; optind++) good = one_seed(strtoull(argv[optind], 0, 0), operations, &s, shortest);
    return good ? 0 : 1;
}
