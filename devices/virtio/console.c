#include "devices/virtio/console.h"

#include "emu/base/bits.h"
#include <stdlib.h>

#define F_SIZE        (UINT64_C(1) << 0)
#define F_EMERG_WRITE (UINT64_C(1) << 2)

enum { RECEIVE = 0, TRANSMIT = 1, QUEUES = 2 };
#define QUEUE_SIZE 64u

/* struct virtio_console_config: le16 cols, le16 rows, le32 max_nr_ports, le32 emerg_wr */
enum { CONFIG_COLUMNS = 0, CONFIG_ROWS = 2, CONFIG_EMERG_WRITE = 8, CONFIG_BYTES = 12 };

#define INPUT_BYTES 4096u /* keys that wait for buffers */

struct console {
    struct virtio_device dev; /* first */
    struct chardev *chardev;  /* may be NULL */
    uint8_t config[CONFIG_BYTES];
    uint8_t input[INPUT_BYTES]; /* a ring */
    uint32_t input_head, input_count;
};

static struct console *console_of(struct virtio_device *dev) { return (struct console *)dev; }

/* ---- host to guest ---- */

static size_t console_can_receive(void *frontend) { return INPUT_BYTES - ((struct console *)frontend)->input_count; }

/* Hands waiting input to the driver's buffers, as much as either has. */
static void deliver(struct console *c)
{
    struct virtq *q = &c->dev.queues[RECEIVE];
    struct virtq_chain chain;
    while (c->input_count && virtq_pop(q, &chain)) {
        if (chain.readable || chain.writable_bytes == 0) {
            virtio_broken(&c->dev, "a receive buffer that cannot be written");
            break;
        }
        uint32_t written = 0;
        while (c->input_count && written < chain.writable_bytes) {
            uint32_t run = INPUT_BYTES - c->input_head; /* up to the ring's end */
            if (run > c->input_count) run = c->input_count;
            run = (uint32_t)virtq_write(q, &chain, written, c->input + c->input_head, run);
            c->input_head = (c->input_head + run) % INPUT_BYTES;
            c->input_count -= run;
            written += run;
        }
        virtq_push(q, chain.head, written);
    }
    virtq_signal(q);
}

static void console_receive(void *frontend, const uint8_t *bytes, size_t n)
{
    struct console *c = frontend;
    for (size_t i = 0; i < n && c->input_count < INPUT_BYTES; i++)
        c->input[(c->input_head + c->input_count++) % INPUT_BYTES] = bytes[i];
    deliver(c);
}

/* ---- guest to host ---- */

static void transmit(struct console *c)
{
    struct virtq *q = &c->dev.queues[TRANSMIT];
    struct virtq_chain chain;
    while (virtq_pop(q, &chain)) {
        for (unsigned i = 0; i < chain.readable; i++) chardev_write(c->chardev, chain.seg[i].host, chain.seg[i].len);
        if (chain.writable) virtio_complain(&c->dev, "a transmit buffer with writable parts");
        virtq_push(q, chain.head, 0);
    }
    virtq_signal(q);
}

static void console_notify(struct virtio_device *dev, unsigned queue)
{
    if (queue == TRANSMIT)
        transmit(console_of(dev));
    else
        deliver(console_of(dev));
}

/* ---- configuration ---- */

static uint64_t console_config_read(struct virtio_device *dev, unsigned offset, unsigned size)
{
    return virtio_config_load(console_of(dev)->config, CONFIG_BYTES, offset, size);
}

/* "The device MUST allow a write to emerg_wr, even on an unconfigured device." */
static void console_config_write(struct virtio_device *dev, unsigned offset, unsigned size, uint64_t value)
{
    (void)size;
    uint8_t byte = (uint8_t)value;
    if (offset == CONFIG_EMERG_WRITE)
        chardev_write(console_of(dev)->chardev, &byte, 1);
    else
        virtio_complain(dev, "write to configuration byte %u", offset);
}

void virtio_console_resize(struct virtio_device *dev, uint16_t columns, uint16_t rows)
{
    uint8_t *config = console_of(dev)->config;
    if (load_le16(config + CONFIG_COLUMNS) == columns && load_le16(config + CONFIG_ROWS) == rows) return;
    store_le16(config + CONFIG_COLUMNS, columns);
    store_le16(config + CONFIG_ROWS, rows);
    if (virtio_has(dev, F_SIZE)) virtio_config_changed(dev);
}

/* ---- life ---- */

static void console_state(struct virtio_device *dev, struct state *s)
{
    struct console *c = console_of(dev);
    state_bytes(s, c->config, sizeof c->config);
    state_bytes(s, c->input, sizeof c->input);
    state_u32(s, &c->input_head);
    state_u32(s, &c->input_count);
    if (c->input_head >= INPUT_BYTES || c->input_count > INPUT_BYTES)
        state_refuse(s, "the console holds more input than it can");
    if (!state_ok(s)) c->input_head = c->input_count = 0;
}

static void console_destroy(struct virtio_device *dev) { free(dev); }

static const struct virtio_type console_type = {
    .name = "console",
    .id = VIRTIO_ID_CONSOLE,
    .config_read = console_config_read,
    .config_write = console_config_write,
    .notify = console_notify,
    .state = console_state,
    .destroy = console_destroy,
};

struct virtio_device *virtio_console_create(struct chardev *chardev)
{
    struct console *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->chardev = chardev;
    virtio_init(&c->dev, &console_type, F_SIZE | F_EMERG_WRITE, QUEUES, QUEUE_SIZE);
    if (chardev) {
        chardev->can_receive = console_can_receive;
        chardev->receive = console_receive;
        chardev->frontend = c;
    }
    return &c->dev;
}
