#include "devices/virtio/rng.h"

#include "emu/base/bits.h"
#include <stdlib.h>

#define QUEUE_SIZE   8u
#define ANSWER_BYTES 4096u /* "it MAY use less than the entire buffer length" */

struct rng {
    struct virtio_device dev; /* first */
    struct entropy_source host;
    uint64_t state; /* of SplitMix64 */
};

static struct rng *rng_of(struct virtio_device *dev) { return (struct rng *)dev; }

/* SplitMix64: a counter with an odd step and a mixing function (Steele, Lea, Flood 2014). */
static uint64_t next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void fill(struct rng *r, uint8_t *bytes, size_t n)
{
    if (r->host.fill) {
        r->host.fill(r->host.source, bytes, n);
        return;
    }
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = next(r);
        memcpy(bytes + i, &v, n - i < 8 ? n - i : 8);
    }
}

static void rng_notify(struct virtio_device *dev, unsigned queue)
{
    struct virtq *q = &dev->queues[queue];
    struct virtq_chain chain;
    while (virtq_pop(q, &chain)) {
        if (chain.readable || chain.writable_bytes == 0) {
            virtio_broken(dev, "a request that is not only room for random bytes");
            break;
        }
        uint8_t bytes[ANSWER_BYTES];
        size_t n = chain.writable_bytes < sizeof bytes ? (size_t)chain.writable_bytes : sizeof bytes;
        fill(rng_of(dev), bytes, n);
        virtq_write(q, &chain, 0, bytes, n);
        virtq_push(q, chain.head, (uint32_t)n);
    }
    virtq_signal(q);
}

static void rng_state(struct virtio_device *dev, struct state *s) { state_u64(s, &rng_of(dev)->state); }
static void rng_destroy(struct virtio_device *dev) { free(dev); }

static const struct virtio_type rng_type = {
    .name = "rng",
    .id = VIRTIO_ID_RNG,
    .notify = rng_notify,
    .state = rng_state,
    .destroy = rng_destroy,
};

struct virtio_device *virtio_rng_create(uint64_t seed, const struct entropy_source *host)
{
    struct rng *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->state = seed;
    if (host) r->host = *host;
    virtio_init(&r->dev, &rng_type, 0, 1, QUEUE_SIZE);
    return &r->dev;
}
