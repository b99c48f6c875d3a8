/*
 * dd.c - copies in blocks of a chosen size: if=FILE of=FILE bs=N count=N skip=N seek=N conv=notrunc,fsync,sync,noerror iflag=direct oflag=direct,append status=none
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

static const char *input, *output;
static long long block_bytes = 512, count = -1, skip, seek;
static bool keep, flush, pad, quiet, go_on;
static int input_flags, output_flags;

static bool is_in(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ',')) return true;
    return false;
}

static void read_word(const char *word)
{
    const char *value = strchr(word, '=');
    const struct {
        const char *name;
        long long *number;
    } numbers[] = {{"bs=", &block_bytes}, {"ibs=", &block_bytes}, {"obs=", &block_bytes},
                   {"count=", &count},    {"skip=", &skip},       {"seek=", &seek}};
    if (!value++) fail_text("%s: not understood", word);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strncmp(word, numbers[i].name, strlen(numbers[i].name))) continue;
        if (!parse_size(value, numbers[i].number) || *numbers[i].number < 0) fail_text("%s: not a size", word);
        return;
    }
    if (!strncmp(word, "if=", 3))
        input = value;
    else if (!strncmp(word, "of=", 3))
        output = value;
    else if (!strncmp(word, "status=", 7))
        quiet = !strcmp(value, "none");
    else if (!strncmp(word, "iflag=", 6))
        input_flags = is_in(value, "direct") ? O_DIRECT : 0;
    else if (!strncmp(word, "oflag=", 6))
        output_flags = (is_in(value, "direct") ? O_DIRECT : 0) | (is_in(value, "append") ? O_APPEND : 0) |
                       (is_in(value, "sync") ? O_SYNC : 0);
    else if (!strncmp(word, "conv=", 5))
        keep = is_in(value, "notrunc"), flush = is_in(value, "fsync") || is_in(value, "fdatasync"),
        pad = is_in(value, "sync"), go_on = is_in(value, "noerror");
    else
        fail_text("%s: not understood", word);
}

/* Up to one block; from a pipe it may be less. */
static ssize_t read_block(int fd, char *block)
{
    ssize_t n;
    do n = read(fd, block, (size_t)block_bytes);
    while (n < 0 && errno == EINTR);
    return n;
}

int main(int argc, char **argv)
{
    struct timespec start, end;
    util_start(argv);
    for (int i = 1; i < argc; i++) read_word(argv[i]);
    if (block_bytes < 1 || block_bytes > 1 << 30) fail_text("bs=%lld: out of range", block_bytes);
    int in = input ? open(input, O_RDONLY | input_flags) : 0;
    if (in < 0) fail_errno("%s", input);
    int out = output ? open(output, O_RDWR | O_CREAT | (keep || seek ? 0 : O_TRUNC) | output_flags, 0666) : 1;
    if (out < 0) out = open(output, O_WRONLY | output_flags);
    if (out < 0) fail_errno("%s", output);
    char *block = aligned_alloc(4096, (size_t)(block_bytes + 4095) & ~(size_t)4095);
    if (!block) fail_text("out of memory");
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (skip && lseek(in, skip * block_bytes, SEEK_CUR) < 0)
        for (long long i = 0; i < skip && read_block(in, block) > 0; i++) {
        }
    if (seek && !keep && output && ftruncate(out, seek * block_bytes) && errno != EINVAL) fail_errno("%s", output);
    if (seek && lseek(out, seek * block_bytes, SEEK_CUR) < 0) fail_errno("%s", output ? output : "standard output");
    unsigned long long whole = 0, part = 0, whole_out = 0, part_out = 0, bytes = 0;
    int worst = 0;
    for (long long i = 0; count < 0 || i < count; i++) {
        ssize_t n = read_block(in, block);
        if (n < 0) {
            warn_errno("%s", input ? input : "standard input");
            worst = 1;
            if (!go_on || lseek(in, block_bytes, SEEK_CUR) < 0) break;
            n = pad ? block_bytes : 0;
            memset(block, 0, (size_t)block_bytes);
        } else if (n == 0) {
            break;
        }
        *(n == block_bytes ? &whole : &part) += 1;
        if (pad && n < block_bytes) {
            memset(block + n, 0, (size_t)(block_bytes - n));
            n = block_bytes;
        }
        if (write_all(out, block, (size_t)n)) {
            warn_errno("%s", output ? output : "standard output");
            worst = 1;
            break;
        }
        *(n == block_bytes ? &whole_out : &part_out) += 1;
        bytes += (unsigned long long)n;
    }
    if (flush && fsync(out)) fail_errno("%s", output ? output : "standard output");
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    char size[16], rate[16];
    if (!quiet) {
        fprintf(stderr, "%llu+%llu records in\n%llu+%llu records out\n", whole, part, whole_out, part_out);
        fprintf(stderr, "%llu bytes (%s) copied, %.6f s, %s/s\n", bytes, human_size(bytes, size), seconds,
                human_size(seconds > 0 ? (unsigned long long)((double)bytes / seconds) : 0, rate));
    }
    free(block);
    return worst;
}
