/*
 * random.c - the generator behind getrandom and /dev/urandom. See random.h.
 *
 * ChaCha20 turns a 256-bit key and a counter into 64 bytes that look random to everyone who does not know the key. After each
 * request part of the output replaces the key, so that who learns the state later cannot compute what was given out before.
 *
 * Source: RFC 8439, section 2.3.
 */
#include "kern/random.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/lock.h"

static struct spinlock random_lock = SPINLOCK_INIT("random", RANK_TRACE);
static uint32_t key[8];
static uint64_t counter;

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void quarter_round(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 7);
}

static void next_block(uint32_t out[16])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(start + 4, key, sizeof key);
    start[12] = (uint32_t)counter;
    start[13] = (uint32_t)(counter >> 32);
    counter++;
    memcpy(out, start, sizeof start);
    for (int i = 0; i < 10; i++) {
        for (int column = 0; column < 4; column++) quarter_round(out, column, column + 4, column + 8, column + 12);
        for (int i = 0; i < 4; i++) quarter_round(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (int i = 0; i < 16; i++) out[i] += start[i];
}

static void renew_key(void)
{
    uint32_t block[16];
    next_block(block);
    memcpy(key, block, sizeof key);
}

void random_bytes(void *to, size_t n)
{
    uint8_t *at = to;
    spin_lock(&random_lock);
    while (n) {
        uint32_t block[16];
        next_block(block);
        size_t step = MIN(n, sizeof block);
        memcpy(at, block, step);
        at += step, n -= step;
    }
    renew_key();
    spin_unlock(&random_lock);
}

void random_add(const void *from, size_t n)
{
    const uint8_t *bytes = from;
    spin_lock(&random_lock);
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)key)[i % sizeof key] ^= bytes[i];
        if (i % sizeof key == sizeof key - 1) renew_key();
    }
    renew_key();
    spin_unlock(&random_lock);
}

static void random_init(void)
{
    uint64_t seed[4] = {time_wall_ns(), csr_read("time"), csr_read("cycle"), machine.hart_id[0]};
    random_add(seed, sizeof seed);
    random_add(pa_to_va(machine.devicetree.base), (size_t)machine.devicetree.bytes);
}
INIT(INIT_KERNEL, random_init);
