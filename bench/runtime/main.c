#include "bench.h"
#include "platform.h"

static char *put_text(char *at, const char *text)
{
    while (*text) *at++ = *text++;
    return at;
}

static char *put_hex(char *at, uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[(value >> shift) & 15];
    return at;
}

static char *put_decimal(char *at, uint64_t value)
{
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count) *at++ = digits[--count];
    return at;
}

/* "@WHAT NAME", the start of every line the host looks for. */
static char *put_head(char *at, const char *what)
{
    return put_text(put_text(put_text(at, what), " "), bench_program.name);
}

_Noreturn void bench_fail(const char *why)
{
    char line[160];
    char *end = put_text(put_text(put_head(line, "@fail"), " "), why);
    *end++ = '\n';
    platform_write(line, (size_t)(end - line));
    platform_exit(1);
}

_Noreturn void bench_main(void)
{
    char line[160];
    uint64_t rounds = bench_program.rounds * platform_scale_percent() / 100;
    if (rounds == 0) rounds = 1;
    bench_program.setup();

    char *end = put_head(line, "@begin");
    *end++ = '\n';
    platform_write(line, (size_t)(end - line));

    uint64_t before = platform_instret();
    uint64_t sum = bench_program.run(rounds);
    uint64_t instructions = platform_instret() - before;

    end = put_text(put_head(line, "@end"), " ");
    end = put_text(put_hex(end, sum), " ");
    end = put_text(put_decimal(end, instructions), " ");
    end = put_decimal(end, rounds);
    *end++ = '\n';
    platform_write(line, (size_t)(end - line));
    platform_exit(0);
}
