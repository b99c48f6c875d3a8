/*
 * Three hash functions over the same block, written from their specifications: SHA-256 (FIPS 180-4), XXH64 (xxHash
 * specification 0.1.1) and SipHash-2-4 (Aumasson and Bernstein 2012). setup() checks published answers.
 */
#include "bench.h"

#define BLOCK_BYTES 65536

static uint8_t block[BLOCK_BYTES];
static uint32_t sha_constant[64];

static inline uint32_t right32(uint32_t x, int n) { return x >> n | x << (32 - n); }
static inline uint64_t left64(uint64_t x, int n) { return x << n | x >> (64 - n); }

/* Little-endian reads of aligned memory. */
static inline uint64_t read64(const uint8_t *at) { return *(const uint64_t *)at; }
static inline uint32_t read32(const uint8_t *at) { return *(const uint32_t *)at; }

static uint32_t swap32(uint32_t x) { return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24; }

/* The first 32 bits of the fractional part of a prime's cube root, by bisection on whole numbers. */
static uint32_t cube_root_fraction(uint64_t prime)
{
    uint64_t low = 0, high = 8ull << 32;
    while (high - low > 1) {
        uint64_t middle = (low + high) / 2;
        unsigned __int128 cube = (unsigned __int128)middle * middle * middle;
        if (cube > (unsigned __int128)prime << 96)
            high = middle;
        else
            low = middle;
    }
    return (uint32_t)low;
}

static void sha_block(uint32_t state[8], const uint8_t *in)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) w[i] = swap32(read32(in + 4 * i));
    for (int i = 16; i < 64; i++) {
        uint32_t a = right32(w[i - 15], 7) ^ right32(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = right32(w[i - 2], 17) ^ right32(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    for (int i = 0; i < 8; i++) s[i] = state[i];
    for (int i = 0; i < 64; i++) {
        uint32_t e = right32(s[4], 6) ^ right32(s[4], 11) ^ right32(s[4], 25);
        uint32_t choose = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t one = s[7] + e + choose + sha_constant[i] + w[i];
        uint32_t a = right32(s[0], 2) ^ right32(s[0], 13) ^ right32(s[0], 22);
        uint32_t two = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + one;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = one + two;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static uint64_t sha_first64(const uint8_t *in, size_t count)
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint32_t tail[32] = {0};
    uint8_t *last = (uint8_t *)tail;
    size_t whole = count / 64 * 64, rest = count - whole, padded = rest < 56 ? 64 : 128;
    for (size_t at = 0; at < whole; at += 64) sha_block(state, in + at);
    for (size_t i = 0; i < rest; i++) last[i] = in[whole + i];
    last[rest] = 0x80;
    for (size_t i = 0; i < 8; i++) last[padded - 1 - i] = (uint8_t)((uint64_t)count * 8 >> (8 * i));
    for (size_t at = 0; at < padded; at += 64) sha_block(state, last + at);
    return (uint64_t)state[0] << 32 | state[1];
}

#define XXH1 0x9e3779b185ebca87u
#define XXH2 0xc2b2ae3d27d4eb4fu
#define XXH3 0x165667b19e3779f9u
#define XXH4 0x85ebca77c2b2ae63u
#define XXH5 0x27d4eb2f165667c5u

static inline uint64_t xxh_round(uint64_t lane, uint64_t input) { return left64(lane + input * XXH2, 31) * XXH1; }

static uint64_t xxh64(const uint8_t *in, size_t count, uint64_t seed)
{
    const uint8_t *end = in + count;
    uint64_t hash = seed + XXH5;
    if (count >= 32) {
        uint64_t lane[4] = {seed + XXH1 + XXH2, seed + XXH2, seed, seed - XXH1};
        for (; end - in >= 32; in += 32)
            for (int i = 0; i < 4; i++) lane[i] = xxh_round(lane[i], read64(in + 8 * i));
        hash = left64(lane[0], 1) + left64(lane[1], 7) + left64(lane[2], 12) + left64(lane[3], 18);
        for (int i = 0; i < 4; i++) hash = (hash ^ xxh_round(0, lane[i])) * XXH1 + XXH4;
    }
    hash += count;
    for (; end - in >= 8; in += 8) hash = left64(hash ^ xxh_round(0, read64(in)), 27) * XXH1 + XXH4;
    for (; end - in >= 4; in += 4) hash = left64(hash ^ read32(in) * XXH1, 23) * XXH2 + XXH3;
    for (; in < end; in++) hash = left64(hash ^ *in * XXH5, 11) * XXH1;
    hash = (hash ^ hash >> 33) * XXH2;
    hash = (hash ^ hash >> 29) * XXH3;
    return hash ^ hash >> 32;
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = left64(v[1], 13) ^ v[0], v[3] = left64(v[3], 16) ^ v[2];
    v[0] = left64(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = left64(v[1], 17) ^ v[2], v[3] = left64(v[3], 21) ^ v[0];
    v[2] = left64(v[2], 32);
}

static uint64_t siphash(const uint8_t *in, size_t count, uint64_t key0, uint64_t key1)
{
    uint64_t v[4] = {key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du, key0 ^ 0x6c7967656e657261u,
                     key1 ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)count << 56;
    size_t whole = count / 8 * 8;
    for (size_t i = whole; i < count; i++) last |= (uint64_t)in[i] << (8 * (i - whole));
    for (size_t at = 0; at <= whole; at += 8) {
        uint64_t word = at < whole ? read64(in + at) : last;
        v[3] ^= word;
        sip_round(v), sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void setup(void)
{
    uint64_t seed = 3, prime = 2;
    for (int found = 0; found < 64; prime++) {
        uint64_t divisor = 2;
        while (divisor < prime && prime % divisor) divisor++;
        if (divisor == prime) sha_constant[found++] = cube_root_fraction(prime);
    }
    for (uint8_t i = 0; i < 15; i++) block[i] = i;
    if (siphash(block, 15, 0x0706050403020100u, 0x0f0e0d0c0b0a0908u) != 0xa129ca6149be45e5u)
        bench_fail("SipHash-2-4 of the paper's vector");
    if (xxh64(block, 0, 0) != 0xef46db3751d8e999u) bench_fail("XXH64 of nothing");
    block[0] = 'a', block[1] = 'b', block[2] = 'c';
    if (sha_first64(block, 3) != 0xba7816bf8f01cfeau) bench_fail("SHA-256 of abc");
    for (size_t i = 0; i < BLOCK_BYTES; i++) block[i] = (uint8_t)bench_random(&seed);
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        block[round % BLOCK_BYTES]++;
        sum = bench_mix(sum, sha_first64(block, BLOCK_BYTES));
        for (int i = 0; i < 4; i++) {
            sum = bench_mix(sum, xxh64(block, BLOCK_BYTES, sum));
            sum = bench_mix(sum, siphash(block, BLOCK_BYTES, sum, round));
        }
    }
    return sum;
}

const struct bench_program bench_program = {.name = "hash", .rounds = 500, .setup = setup, .run = run};
