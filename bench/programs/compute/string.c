/* Text work as a C library does it byte by byte: length, search for a byte, search for a word, number formatting. */
#include "bench.h"

#define TEXT_BYTES 65536
#define LINE_BYTES 128

static char text[TEXT_BYTES + 1];
static char line[LINE_BYTES];

static BENCH_NOINLINE size_t length_of(const char *at)
{
    const char *start = at;
    while (*at) at++;
    return (size_t)(at - start);
}

static BENCH_NOINLINE const char *find_byte(const char *at, char wanted, size_t count)
{
    for (; count; count--, at++)
        if (*at == wanted) return at;
    return NULL;
}

static BENCH_NOINLINE const char *find_word(const char *at, const char *word)
{
    size_t left = length_of(at);
    const char *end = at + left;
    while ((at = find_byte(at, word[0], (size_t)(end - at)))) {
        size_t i = 1;
        while (word[i] && at[i] == word[i]) i++;
        if (!word[i]) return at;
        at++;
    }
    return NULL;
}

static BENCH_NOINLINE char *put_number(char *at, uint64_t value, unsigned base, int width)
{
    char digits[64];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[value % base];
    while (value /= base);
    for (int i = count; i < width; i++) *at++ = ' ';
    while (count) *at++ = digits[--count];
    return at;
}

/* The smallest useful printf: %d and %x of 64-bit numbers with a one-digit width, %s. */
static BENCH_NOINLINE size_t format(char *out, const char *pattern, const uint64_t *values)
{
    char *at = out;
    for (; *pattern; pattern++) {
        if (*pattern != '%') {
            *at++ = *pattern;
            continue;
        }
        int width = 0;
        while (*++pattern >= '0' && *pattern <= '9') width = width * 10 + *pattern - '0';
        switch (*pattern) {
        case 'd': at = put_number(at, *values++, 10, width); break;
        case 'x': at = put_number(at, *values++, 16, width); break;
        case 's':
            for (const char *s = (const char *)(uintptr_t)*values++; *s; s++) *at++ = *s;
            break;
        default: bench_fail("unknown conversion");
        }
    }
    *at = 0;
    return (size_t)(at - out);
}

static void setup(void)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        uint64_t r = bench_random(&seed);
        text[i] = r % 6 == 0 ? ' ' : r % 97 == 1 ? '\n' : (char)('a' + (r >> 16) % 26);
    }
}

static uint64_t count_lines_and_words(void)
{
    uint64_t lines = 0, words = 0;
    for (const char *at = text, *end = text + TEXT_BYTES; at < end; lines++) {
        const char *newline = find_byte(at, '\n', (size_t)(end - at));
        if (!newline) break;
        for (const char *space = at; (space = find_byte(space, ' ', (size_t)(newline - space))); space++) words++;
        at = newline + 1;
    }
    return lines << 32 | words;
}

static uint64_t run(uint64_t rounds)
{
    static const char *const wanted[] = {"orrery", "clock", "moon", "sun"};
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        const char *word = wanted[round % BENCH_COUNT(wanted)];
        size_t place = TEXT_BYTES - 64 - round * 13 % 8000, count = length_of(word);
        for (size_t i = 0; i < count; i++) text[place + i] = word[i];
        const char *found = find_word(text, word);
        if (!found || found > text + place) bench_fail("a word that is in the text was not found");
        sum = bench_mix(sum, (uint64_t)(found - text));
        sum = bench_mix(sum, count_lines_and_words());
        for (uint64_t i = 0; i < 300; i++) {
            const uint64_t values[] = {sum >> 20, i, (uintptr_t)word, sum, round};
            size_t written = format(line, "%14x: %6d %s=%d (%5d)\n", values);
            if (written != length_of(line)) bench_fail("format counted wrongly");
            sum = bench_mix(sum, (uint64_t)line[i % written] + written);
        }
    }
    return sum;
}

const struct bench_program bench_program = {.name = "string", .rounds = 700, .setup = setup, .run = run};
