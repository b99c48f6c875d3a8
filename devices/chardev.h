/* Character streams between a guest device (ns16550a, virtio-console, SBI console) and the host (terminal, file, pty, TCP).
 *
 * The back end lives in emu/; a device only holds this small struct. Output is written immediately and never blocks guest time.
 * Input arrives by the machine calling the front end's `receive` at a guest-time boundary (this is the recorded port: the
 * only way host input enters), at most can_receive() bytes at once. */
#ifndef ORRERY_DEVICES_CHARDEV_H
#define ORRERY_DEVICES_CHARDEV_H

#include <stddef.h>
#include <stdint.h>

struct chardev {
    /* set by the back end */
    void (*write)(void *backend, const uint8_t *bytes, size_t n);
    void *backend;
    /* set by the front end when the device is created */
    size_t (*can_receive)(void *frontend);
    void (*receive)(void *frontend, const uint8_t *bytes, size_t n);
    void *frontend;
};

static inline void chardev_write(struct chardev *c, const uint8_t *bytes, size_t n)
{
    if (c && c->write) c->write(c->backend, bytes, n);
}

#endif
