/*
 * A byte-oriented LZ77 compressor with hash chains, and its decompressor, over text made from a small vocabulary.
 *
 * A stream is a row of items:   0LLLLLLL literal...          1..128 literal bytes follow
 *                               1LLLLLLL dddddddd dddddddd   copy L + 4 bytes from d bytes back (little-endian)
 */
#include "bench.h"

#define INPUT_BYTES  (256 * 1024)
#define WINDOW_BYTES 65535
#define SHORTEST     4
#define LONGEST      (127 + SHORTEST)
#define CHAIN_STEPS  8
#define HASH_BITS    13
#define NOWHERE      UINT32_MAX

static uint8_t input[INPUT_BYTES], output[INPUT_BYTES], packed[INPUT_BYTES + INPUT_BYTES / 64];
static uint32_t newest[1 << HASH_BITS], older[INPUT_BYTES];

struct match {
    uint32_t distance, length;
};

static uint32_t hash_at(const uint8_t *at)
{
    uint32_t word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return (word * 2654435761u) >> (32 - HASH_BITS);
}

static void remember(uint32_t position)
{
    uint32_t hash = hash_at(input + position);
    older[position] = newest[hash];
    newest[hash] = position;
}

static struct match longest_match(uint32_t position)
{
    struct match best = {0, 0};
    uint32_t limit = INPUT_BYTES - position < LONGEST ? INPUT_BYTES - position : LONGEST;
    uint32_t candidate = newest[hash_at(input + position)];
    for (int step = 0; step < CHAIN_STEPS && candidate != NOWHERE && position - candidate <= WINDOW_BYTES; step++) {
        uint32_t length = 0;
        while (length < limit && input[candidate + length] == input[position + length]) length++;
        if (length > best.length) best = (struct match){position - candidate, length};
        candidate = older[candidate];
    }
    return best;
}

static size_t put_literals(size_t out, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t count = to - from < 128 ? to - from : 128;
        packed[out++] = (uint8_t)(count - 1);
        while (count--) packed[out++] = input[from++];
    }
    return out;
}

static size_t compress(void)
{
    size_t out = 0;
    uint32_t literals_from = 0, position = 0;
    for (size_t i = 0; i < BENCH_COUNT(newest); i++) newest[i] = NOWHERE;
    while (position + SHORTEST <= INPUT_BYTES) {
        struct match match = longest_match(position);
        uint32_t next = position + 1;
        if (match.length >= SHORTEST) {
            out = put_literals(out, literals_from, position);
            packed[out++] = (uint8_t)(0x80 | (match.length - SHORTEST));
            packed[out++] = (uint8_t)match.distance;
            packed[out++] = (uint8_t)(match.distance >> 8);
            next = literals_from = position + match.length;
        }
        for (; position < next && position + SHORTEST <= INPUT_BYTES; position++) remember(position);
        position = next;
    }
    return put_literals(out, literals_from, INPUT_BYTES);
}

static size_t decompress(size_t packed_bytes)
{
    size_t out = 0;
    for (size_t in = 0; in < packed_bytes;) {
        uint8_t head = packed[in++];
        size_t count = head & 0x7f;
        if (head & 0x80) {
            size_t distance = packed[in] | (size_t)packed[in + 1] << 8;
            in += 2;
            for (count += SHORTEST; count; count--, out++) output[out] = output[out - distance];
        } else {
            for (count++; count; count--) output[out++] = packed[in++];
        }
    }
    return out;
}

static void setup(void)
{
    static char words[512][12];
    uint64_t seed = 4;
    for (size_t i = 0; i < BENCH_COUNT(words); i++) {
        size_t length = 2 + bench_random(&seed) % 9;
        for (size_t j = 0; j < length; j++) words[i][j] = (char)('a' + bench_random(&seed) % 26);
    }
    for (size_t at = 0; at < INPUT_BYTES;) {
        uint64_t r = bench_random(&seed);
        const char *word = words[(r & 511) * (r >> 10 & 511) >> 9]; /* low numbers are more frequent */
        while (*word && at < INPUT_BYTES) input[at++] = (uint8_t)*word++;
        if (at < INPUT_BYTES) input[at++] = (r >> 40) % 12 ? ' ' : '\n';
    }
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        input[round * 4099 % INPUT_BYTES] ^= (uint8_t)(round | 1);
        size_t packed_bytes = compress();
        for (int i = 0; i < 4; i++) {
            output[round % INPUT_BYTES] = 0;
            if (decompress(packed_bytes) != INPUT_BYTES) bench_fail("the decompressed length differs");
            sum = bench_mix(sum, output[round * 977 % INPUT_BYTES]);
        }
        for (size_t i = 0; i < INPUT_BYTES; i++)
            if (input[i] != output[i]) bench_fail("the decompressed bytes differ");
        sum = bench_mix(sum, packed_bytes);
    }
    return sum;
}

const struct bench_program bench_program = {.name = "compress", .rounds = 30, .setup = setup, .run = run};
