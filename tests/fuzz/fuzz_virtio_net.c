/* A hostile driver of virtio-net; see virtio_fuzz.h. What it sends comes back to it. */
#include "devices/virtio/net.h"
#include "virtio_fuzz.h"

static struct netdev netdev;
static size_t frames_sent;

static void card_sends(void *backend, const uint8_t *frame, size_t n)
{
    (void)backend;
    if (n < 14 || n > NETDEV_FRAME_MAX) abort();
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = (uint8_t)(sum + frame[i]);
    frames_sent += sum != 1;
}

static struct virtio_device *fuzz_device(struct fuzz *f)
{
    static const uint8_t mac[6] = VIRTIO_NET_DEFAULT_MAC;
    (void)f;
    netdev = (struct netdev){.send = card_sends};
    return virtio_net_create(&netdev, mac);
}

/* A frame of up to 255 given bytes, or, with less than 14, a long one for that many times 8 KiB. */
static void fuzz_input(struct fuzz *f, const uint8_t *bytes, size_t n)
{
    static uint8_t frame[NETDEV_FRAME_MAX];
    (void)f;
    memset(frame, 0xff, 6);
    memcpy(frame, bytes, n);
    netdev.receive(netdev.frontend, frame, n < 14 ? 14 + n * 4000 : n);
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const uint8_t commands[][16] = {
        {0, 0, 1}, {0, 1, 1}, {1, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x33, 0x33, 1, 2, 3, 4}};
    static const uint8_t frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 8, 0};
    struct seed s = {to, 0, room};
    if (n > 2) return 0;
    seed_start(&s, n ? 0x00870020 | 1u << 28 | 1u << 29 : 0x00020020, 4); /* with and without MRG_RXBUF */
    for (unsigned i = 0; i < 8; i++) {
        seed_desc(&s, 0, i, FIRST_BUFFER + 0x800 * i, n == 2 ? 100 : 1526, DESC_WRITE, 0);
        seed_offer(&s, 0, i);
    }
    for (unsigned i = 0; i < 4; i++) {
        seed_desc(&s, 1, i, FIRST_BUFFER + 0x8000, 100 + 500 * i, 0, 0);
        seed_offer(&s, 1, i);
        seed_memory(&s, FIRST_BUFFER + 0x9000 + 32 * i, commands[i], 16);
        seed_desc(&s, 2, 2 * i, FIRST_BUFFER + 0x9000 + 32 * i, 16, DESC_NEXT, 2 * i + 1);
        seed_desc(&s, 2, 2 * i + 1, FIRST_BUFFER + 0x9100, 1, DESC_WRITE, 0);
        seed_offer(&s, 2, 2 * i);
        seed_op(&s, INPUT);
        seed_put(&s, sizeof frame, 1);
        for (unsigned b = 0; b < sizeof frame; b++) seed_put(&s, frame[b], 1);
        seed_op(&s, INPUT);
        seed_put(&s, 0, 1);
    }
    seed_op(&s, SAVE);
    seed_op(&s, READ);
    return s.n;
}
