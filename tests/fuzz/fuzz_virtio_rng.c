/* A hostile driver of virtio-rng, the device with the least of its own: rings and registers; see virtio_fuzz.h. */
#include "devices/virtio/rng.h"
#include "virtio_fuzz.h"

static struct virtio_device *fuzz_device(struct fuzz *f)
{
    (void)f;
    return virtio_rng_create(1, NULL);
}

static void fuzz_input(struct fuzz *f, const uint8_t *bytes, size_t n) { (void)f, (void)bytes, (void)n; }

#define DESC_INDIRECT 4

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const uint8_t table[48] = {
        0,
        0,
        2,
        0x80,
        0,
        0,
        0,
        0,
        16,
        0,
        0,
        0,
        DESC_NEXT | DESC_WRITE,
        0,
        2,
        0,
        0,
        0,
        3,
        0x80,
        0,
        0,
        0,
        0,
        9,
        0,
        0,
        0,
        DESC_WRITE,
        0,
        0,
        0,
        0,
        0,
        4,
        0x80,
        0,
        0,
        0,
        0,
        7,
        0,
        0,
        0,
        DESC_NEXT | DESC_WRITE,
        0,
        1,
        0,
    };
    struct seed s = {to, 0, room};
    if (n > 1) return 0;
    seed_start(&s, n ? 1u << 28 | 1u << 29 : 0, 3);
    for (unsigned i = 0; i < 6; i++) {
        seed_desc(&s, 0, i, FIRST_BUFFER + 0x100 * i, 40, DESC_WRITE, 0);
        seed_offer(&s, 0, i);
    }
    seed_memory(&s, FIRST_BUFFER + 0x1000, table, sizeof table);
    seed_desc(&s, 0, 6, FIRST_BUFFER, 10, DESC_NEXT | DESC_WRITE, 7);
    seed_desc(&s, 0, 7, FIRST_BUFFER + 0x1000, sizeof table, DESC_INDIRECT, 0);
    seed_offer(&s, 0, 6);
    seed_op(&s, SAVE);
    seed_op(&s, READ);
    for (unsigned reg = 0; reg < 0x100; reg += 16) {
        seed_op(&s, REGISTER);
        seed_put(&s, reg / 4, 1);
        seed_put(&s, reg, 4);
    }
    return s.n;
}
