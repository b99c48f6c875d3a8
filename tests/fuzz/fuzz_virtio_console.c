/* A hostile driver of virtio-console; see virtio_fuzz.h. */
#include "devices/virtio/console.h"
#include "virtio_fuzz.h"

static struct chardev chardev;
static size_t odd_bytes;

static void screen(void *backend, const uint8_t *bytes, size_t n)
{
    (void)backend;
    for (size_t i = 0; i < n; i++) odd_bytes += bytes[i] & 1;
}

static struct virtio_device *fuzz_device(struct fuzz *f)
{
    (void)f;
    chardev = (struct chardev){.write = screen};
    return virtio_console_create(&chardev);
}

static void fuzz_input(struct fuzz *f, const uint8_t *bytes, size_t n)
{
    if (n == 4) virtio_console_resize(virtio_mmio_device_in(f->slot), load_le16(bytes), load_le16(bytes + 2));
    chardev.receive(chardev.frontend, bytes, n); /* whether or not it fits */
    if (chardev.can_receive(chardev.frontend) > 4096) abort();
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    struct seed s = {to, 0, room};
    if (n > 1) return 0;
    seed_start(&s, n ? 5 | 1u << 28 | 1u << 29 : 0, 4);
    for (unsigned i = 0; i < 4; i++) {
        seed_desc(&s, 0, i, FIRST_BUFFER + 0x100 * i, 3 + 20 * i, DESC_WRITE, 0);
        seed_offer(&s, 0, i);
        seed_memory(&s, FIRST_BUFFER + 0x1000, "hello, world", 12);
        seed_desc(&s, 1, 2 * i, FIRST_BUFFER + 0x1000, 12, DESC_NEXT, 2 * i + 1);
        seed_desc(&s, 1, 2 * i + 1, FIRST_BUFFER + 0x1000, 200, 0, 0);
        seed_offer(&s, 1, 2 * i);
        seed_op(&s, INPUT);
        seed_put(&s, 4 + 9 * i, 1);
        for (unsigned b = 0; b < 4 + 9 * i; b++) seed_put(&s, 'a' + b, 1);
    }
    seed_op(&s, CONFIG);
    seed_put(&s, 8, 1);
    seed_put(&s, 2, 1);
    seed_put(&s, 'x', 4);
    seed_op(&s, SAVE);
    seed_op(&s, READ);
    return s.n;
}
