/* "Entropy Device" */
#include "devices/virtio/rng.h"
#include "virtio_driver.h"

static void fixed(void *source, uint8_t *bytes, size_t n)
{
    ++*(int *)source;
    memset(bytes, 0x5a, n);
}

static void run(uint64_t seed, const struct entropy_source *host, uint8_t out[100])
{
    struct driver d;
    driver_host(&d);
    driver_plug(&d, virtio_rng_create(seed, host));
    driver_start(&d, 0, 1, 8);
    struct piece p = {DATA, 100, WRITE};
    cr_assert_eq(driver_do(&d, 0, &p, 1), 100);
    memcpy(out, ram(&d, DATA), 100);
    driver_finish(&d);
}

Test(virtio_rng, the_seed_decides)
{
    uint8_t a[100], b[100], c[100];
    run(7, NULL, a);
    run(7, NULL, b);
    run(8, NULL, c);
    cr_assert_arr_eq(a, b, 100);
    cr_assert_neq(memcmp(a, c, 100), 0);
}

/* The first output of SplitMix64 with seed 0 as its authors publish it. */
Test(virtio_rng, generator_is_splitmix64)
{
    uint8_t a[100];
    run(0, NULL, a);
    cr_assert_eq(load_le64(a), UINT64_C(0xe220a8397b1dcdaf));
}

Test(virtio_rng, host_entropy_is_used_when_given)
{
    int calls = 0;
    struct entropy_source host = {fixed, &calls};
    uint8_t a[100];
    run(7, &host, a);
    cr_assert_gt(calls, 0);
    for (unsigned i = 0; i < 100; i++) cr_assert_eq(a[i], 0x5a);
}

Test(virtio_rng, places_at_least_one_byte_and_tells_how_many)
{
    struct driver d;
    driver_host(&d);
    driver_plug(&d, virtio_rng_create(1, NULL));
    driver_start(&d, 0, 1, 8);
    struct piece p = {DATA, 0x100000, WRITE};
    uint32_t n = driver_do(&d, 0, &p, 1);
    cr_assert(n >= 1 && n <= 0x100000);
    cr_assert_eq(*ram(&d, DATA + n), 0);
    cr_assert_eq(*ram(&d, DATA + 0xfffff), 0);
    driver_finish(&d);
}

Test(virtio_rng, saving_keeps_the_stream)
{
    struct driver d;
    uint8_t whole[64];
    driver_host(&d);
    driver_plug(&d, virtio_rng_create(3, NULL));
    driver_start(&d, 0, 1, 8);
    struct piece p = {DATA, 32, WRITE};
    driver_do(&d, 0, &p, 1);
    memcpy(whole, ram(&d, DATA), 32);
    driver_save_restore(&d);
    driver_do(&d, 0, &p, 1);
    memcpy(whole + 32, ram(&d, DATA), 32);
    driver_finish(&d);
    uint8_t expected[100];
    run(3, NULL, expected);
    cr_assert_arr_eq(whole, expected, 64);
}
