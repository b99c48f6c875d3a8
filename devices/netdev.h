/* Ethernet frames between a guest's network device and a back end on the host (the user-mode network in emu/net_slirp.h).
 *
 * Frames are whole, start at the destination address and carry no check sequence. The guest's frames leave at once through `send`.
 * A back end hands frames to the guest only from an event or at a round boundary (guest-time points that a replay can repeat), never
 * from within `send` or `resume`. */
#ifndef ORRERY_DEVICES_NETDEV_H
#define ORRERY_DEVICES_NETDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETDEV_FRAME_MAX 65536 /* bytes; longer frames of a guest are dropped */

struct netdev {
    /* set by the back end */
    void (*send)(void *backend, const uint8_t *frame, size_t n);
    void (*resume)(void *backend); /* buffers came free after receive() said false: try again soon. May be NULL */
    void *backend;
    /* set by the front end when the device is created */
    bool (*receive)(void *frontend, const uint8_t *frame,
                    size_t n); /* false: no buffer now, keep the frame; true: taken or dropped */
    void *frontend;
};

#endif
