/* A fuzzing loop without coverage: `fuzz_x [runs [seed]]` mutates the seeds, `fuzz_x FILE…` replays inputs,
 * `fuzz_x --seeds DIR` writes the seeds as files. Prints how many inputs ran. */
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM    65536
#define SEEDS   64
#define RUNS    2000
#define CHANGES 8

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Bit flips, interesting numbers, copied pieces, cut ends. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const uint64_t numbers[] = {0,      1,          0x7f,       0xff,           0x7fff,
                                       0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX / 2, UINT64_MAX};
    for (uint64_t n = 1 + next_random() % CHANGES; n && size; n--) {
        size_t at = next_random() % size, left = size - at, width = (size_t)1 << next_random() % 4;
        switch (next_random() % 5) {
        case 0: data[at] ^= (uint8_t)(1u << next_random() % 8); break;
        case 1: data[at] = (uint8_t)next_random(); break;
        case 2: memcpy(data + at, &numbers[next_random() % 10], width < left ? width : left); break;
        case 3:
            memmove(data + at, data + next_random() % (size - (left < 16 ? left : 16) + 1), left < 16 ? left : 16);
            break;
        default:
            if (next_random() % 8 == 0) size = at + 1;
        }
    }
    return size;
}

static void replay(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        exit(2);
    }
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
}

static void write_seeds(const char *folder)
{
    static uint8_t data[ROOM];
    size_t size;
    for (unsigned n = 0; (size = fuzz_seed(n, data, ROOM)); n++) {
        char path[512];
        snprintf(path, sizeof path, "%s/seed%u", folder, n);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(data, 1, size, f) != size || fclose(f)) exit(2);
    }
}

int main(int argc, char **argv)
{
    static uint8_t data[ROOM];
    if (argc == 3 && !strcmp(argv[1], "--seeds")) {
        write_seeds(argv[2]);
        return 0;
    }
    char *end = "";
    unsigned long runs = argc > 1 ? strtoul(argv[1], &end, 10) : RUNS, seeds = 0;
    if (*end) {
        for (int i = 1; i < argc; i++) replay(argv[i]);
        printf("%d inputs replayed\n", argc - 1);
        return 0;
    }
    state = argc > 2 ? strtoull(argv[2], NULL, 0) : 88172645463325252;
    while (seeds < SEEDS && fuzz_seed((unsigned)seeds, data, ROOM))
        LLVMFuzzerTestOneInput(data, fuzz_seed((unsigned)seeds++, data, ROOM));
    for (unsigned long i = 0; i < runs; i++) {
        size_t size = seeds ? fuzz_seed((unsigned)(next_random() % seeds), data, ROOM) : 0;
        size = size ? mutate(data, size) : next_random() % 256;
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%lu inputs ran\n", seeds + runs);
    return seeds ? 0 : 1;
}
