/*
 * hostile_main.c - the command of the test with damaged disks.
 *
 * usage: hostile IMAGE ROUNDS [FIRST-SEED]       each round may take a minute; exit status 1: something is wrong, 2: bad usage
 *
 * Rounds run in groups, each group in a process, so that a crash can be named by its seed and does not end the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

#define GROUP 100

static uint8_t *image;
static long image_bytes;

static void group(unsigned long first, unsigned long rounds, int tell)
{
    unsigned long counts[3] = {0};
    if (!hostile_start(image, (size_t)image_bytes)) exit(2);
    for (unsigned long n = 0; n < rounds; n++) {
        bool mounted;
        counts[2] = first + n;
        if (write(tell, counts, sizeof counts) < 0) exit(2);
        alarm(60);
        if (!hostile_round(first + n, &mounted)) {
            fflush(stdout);
            _exit(1);
        }
        counts[mounted]++;
    }
    alarm(0);
    counts[2] = ~0ul;
    if (write(tell, counts, sizeof counts) < 0) exit(2);
    exit(0);
}

/* counts: refused, mounted, seed that runs. */
static bool run_group(unsigned long first, unsigned long rounds, unsigned long counts[3])
{
    int tell[2], status;
    fflush(stdout);
    if (pipe(tell)) exit(2);
    pid_t child = fork();
    if (child == 0) group(first, rounds, tell[1]);
    close(tell[1]);
    while (read(tell[0], counts, 3 * sizeof *counts) == (ssize_t)(3 * sizeof *counts)) {
    }
    close(tell[0]);
    if (child < 0 || waitpid(child, &status, 0) != child) exit(2);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) printf("hostile: does not end\n");
    printf("hostile: seed %lu: FAILED\n", counts[2]);
    return false;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 2 ? strtoul(argv[2], 0, 0) : 0, first = argc > 3 ? strtoul(argv[3], 0, 0) : 1;
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : 0;
    if (!file || !rounds) {
        fprintf(stderr, "usage: hostile IMAGE ROUNDS [FIRST-SEED]\n");
        return 2;
    }
    fseek(file, 0, SEEK_END);
    image_bytes = ftell(file);
    rewind(file);
    image = malloc((size_t)image_bytes);
    if (fread(image, 1, (size_t)image_bytes, file) != (size_t)image_bytes) return 2;
    fclose(file);
    unsigned long refused = 0, mounted = 0, failed = 0, counts[3];
    for (unsigned long n = 0; n < rounds; n += counts[2] == ~0ul ? GROUP : counts[2] - (first + n) + 1) {
        if (!run_group(first + n, rounds - n < GROUP ? rounds - n : GROUP, counts)) failed++;
        refused += counts[0];
        mounted += counts[1];
    }
    printf("hostile: %lu damaged disks: %lu refused, %lu mounted and used, %lu failed\n", rounds, refused, mounted,
           failed);
    return failed != 0;
}
