/* virtio-rng: random bytes. Source: specification, "Entropy Device".
 *
 * By default they come from a generator with a seed (SplitMix64), so that runs repeat; they are not secret. A host's entropy source may
 * be given instead: host input, which ends repeatability. */
#ifndef ORRERY_DEVICES_VIRTIO_RNG_H
#define ORRERY_DEVICES_VIRTIO_RNG_H

#include "devices/virtio/virtio.h"

struct entropy_source {
    void (*fill)(void *source, uint8_t *bytes, size_t n);
    void *source;
};

/* host may be NULL: the seed decides. NULL if host memory ran out. */
struct virtio_device *virtio_rng_create(uint64_t seed, const struct entropy_source *host);

#endif
