/* virtio-net: an Ethernet card, one queue pair and a control queue, without offloads. Source: specification, "Network Device". */
#ifndef ORRERY_DEVICES_VIRTIO_NET_H
#define ORRERY_DEVICES_VIRTIO_NET_H

#include "devices/netdev.h"
#include "devices/virtio/virtio.h"

/* QEMU's first address, so that guests keep their interface names. */
#define VIRTIO_NET_DEFAULT_MAC                                                                                         \
    {                                                                                                                  \
        0x52, 0x54, 0x00, 0x12, 0x34, 0x56                                                                             \
    }

/* netdev is borrowed and may be NULL (no cable: the link is down). NULL if host memory ran out. */
struct virtio_device *virtio_net_create(struct netdev *netdev, const uint8_t mac[6]);

#endif
