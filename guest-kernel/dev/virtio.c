/*
 * virtio.c - the virtio transport: finds devices in the windows that the device tree names, agrees on features, runs queues.
 *
 * Memory shared with the device is written and read in an order that matters: a descriptor must be there before its number is in
 * the ring, and the number before the ring's index. The fences say so to the hart and to the compiler.
 */
#include "dev/virtio.h"

#include "arch/irq.h"
#include "arch/layout.h"
#include "arch/machine.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "mm/frame.h"
#include "mm/slab.h"

/* Registers: "MMIO Device Register Layout"; the last three are the legacy interface's. */
enum {
    R_MAGIC = 0x000,
    R_VERSION = 0x004,
    R_DEVICE_ID = 0x008,
    R_DEVICE_FEATURES = 0x010,
    R_DEVICE_FEATURES_SEL = 0x014,
    R_DRIVER_FEATURES = 0x020,
    R_DRIVER_FEATURES_SEL = 0x024,
    R_QUEUE_SEL = 0x030,
    R_QUEUE_NUM_MAX = 0x034,
    R_QUEUE_NUM = 0x038,
    R_QUEUE_READY = 0x044,
    R_QUEUE_NOTIFY = 0x050,
    R_INTERRUPT_STATUS = 0x060,
    R_INTERRUPT_ACK = 0x064,
    R_STATUS = 0x070,
    R_QUEUE_DESC = 0x080,
    R_QUEUE_DRIVER = 0x090,
    R_QUEUE_DEVICE = 0x0a0,
    R_CONFIG_GENERATION = 0x0fc,
    R_CONFIG = 0x100,
    R_GUEST_PAGE_SIZE = 0x028,
    R_QUEUE_ALIGN = 0x03c,
    R_QUEUE_PFN = 0x040,
};
enum { S_ACKNOWLEDGE = 1, S_DRIVER = 2, S_DRIVER_OK = 4, S_FEATURES_OK = 8, S_FAILED = 128 };
#define MAGIC 0x74726976u

enum { DESC_NEXT = 1, DESC_WRITE = 2 };
struct virtq_desc {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};
struct virtq_avail {
    uint16_t flags, index;
    uint16_t ring[];
};
struct virtq_used_entry {
    uint32_t id, bytes;
};
struct virtq_used {
    uint16_t flags, index;
    struct virtq_used_entry ring[];
};

static uint32_t get(struct virtio_device *device, unsigned offset)
{
    return *(volatile uint32_t *)(device->registers + offset);
}
static void set(struct virtio_device *device, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(device->registers + offset) = value;
}
static void set64(struct virtio_device *device, unsigned offset, uint64_t value)
{
    set(device, offset, (uint32_t)value);
    set(device, offset + 4, (uint32_t)(value >> 32));
}

static void fence(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }

uint64_t virtio_start(struct virtio_device *device, uint64_t wanted, int *error)
{
    set(device, R_STATUS, 0);
    set(device, R_STATUS, S_ACKNOWLEDGE);
    set(device, R_STATUS, S_ACKNOWLEDGE | S_DRIVER);
    set(device, R_DEVICE_FEATURES_SEL, 0);
    device->offered = get(device, R_DEVICE_FEATURES);
    if (!device->legacy) {
        set(device, R_DEVICE_FEATURES_SEL, 1);
        device->offered |= (uint64_t)get(device, R_DEVICE_FEATURES) << 32;
        wanted |= 1ull << VIRTIO_F_VERSION_1;
    }
    uint64_t agreed = device->offered & wanted;
    set(device, R_DRIVER_FEATURES_SEL, 0);
    set(device, R_DRIVER_FEATURES, (uint32_t)agreed);
    *error = 0;
    if (device->legacy) {
        set(device, R_GUEST_PAGE_SIZE, PAGE_SIZE);
        return agreed;
    }
    set(device, R_DRIVER_FEATURES_SEL, 1);
    set(device, R_DRIVER_FEATURES, (uint32_t)(agreed >> 32));
    set(device, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    if (!(agreed >> VIRTIO_F_VERSION_1 & 1) || !(get(device, R_STATUS) & S_FEATURES_OK)) {
        set(device, R_STATUS, S_FAILED);
        *error = -ENODEV;
    }
    return agreed;
}

/* One block of memory in the layout that the legacy interface wants; it does for the other, too: descriptors, available ring,
 * and the used ring on a page of its own. */
int virtio_queue_init(struct virtio_device *device, unsigned index, unsigned size, struct virtio_queue *queue)
{
    set(device, R_QUEUE_SEL, index);
    unsigned most = get(device, R_QUEUE_NUM_MAX);
    if (!most) return -ENODEV;
    while (size > most) size /= 2;
    size_t used_at = ALIGN_UP(size * sizeof(struct virtq_desc) + 6 + 2 * size, PAGE_SIZE);
    size_t bytes = used_at + 6 + size * sizeof(struct virtq_used_entry);
    unsigned order = 0;
    while (PAGE_SIZE << order < bytes) order++;
    struct page *page = page_alloc(order, PAGE_ZEROED);
    void **token = kzalloc(size * sizeof *token);
    if (!page || !token) {
        if (page) page_put(page);
        kfree(token);
        return -ENOMEM;
    }
    uint8_t *base = page_va(page);
    *queue = (struct virtio_queue){.device = device, .index = index, .size = size, .token = token};
    queue->desc = (void *)base;
    queue->avail = (void *)(base + size * sizeof(struct virtq_desc));
    queue->used = (void *)(base + used_at);
    queue->free_count = (uint16_t)size;
    for (unsigned i = 0; i < size; i++) queue->desc[i].next = (uint16_t)(i + 1);
    set(device, R_QUEUE_NUM, size);
    if (device->legacy) {
        set(device, R_QUEUE_ALIGN, PAGE_SIZE);
        set(device, R_QUEUE_PFN, (uint32_t)(page_pa(page) / PAGE_SIZE));
        return 0;
    }
    set64(device, R_QUEUE_DESC, va_to_pa(queue->desc));
    set64(device, R_QUEUE_DRIVER, va_to_pa(queue->avail));
    set64(device, R_QUEUE_DEVICE, va_to_pa(queue->used));
    set(device, R_QUEUE_READY, 1);
    return 0;
}

static void on_interrupt(void *context)
{
    struct virtio_device *device = context;
    set(device, R_INTERRUPT_ACK, get(device, R_INTERRUPT_STATUS));
    device->interrupt(device);
}

int virtio_ready(struct virtio_device *device, const char *name)
{
    int error = irq_connect(device->irq, name, on_interrupt, device);
    if (!error) set(device, R_STATUS, get(device, R_STATUS) | S_DRIVER_OK);
    return error;
}

void virtio_config(struct virtio_device *device, unsigned offset, void *to, size_t bytes)
{
    uint8_t *at = to;
    uint32_t before;
    do { /* once more if the device changed it meanwhile */
        before = device->legacy ? 0 : get(device, R_CONFIG_GENERATION);
        for (size_t i = 0; i < bytes; i++) at[i] = device->registers[R_CONFIG + offset + i];
    } while (!device->legacy && get(device, R_CONFIG_GENERATION) != before);
}

int virtio_queue_add(struct virtio_queue *queue, const struct virtio_buffer *buffer, unsigned n, void *token)
{
    if (!n || queue->free_count < n) return -1;
    uint16_t head = queue->free_head, at = head, last = head;
    for (unsigned i = 0; i < n; i++) {
        struct virtq_desc *desc = &queue->desc[at];
        desc->address = va_to_pa(buffer[i].address);
        desc->bytes = buffer[i].bytes;
        desc->flags = (uint16_t)((buffer[i].to_driver ? DESC_WRITE : 0) | (i + 1 < n ? DESC_NEXT : 0));
        last = at;
        at = desc->next;
    }
    queue->free_head = queue->desc[last].next;
    queue->free_count = (uint16_t)(queue->free_count - n);
    queue->token[head] = token;
    queue->avail->ring[queue->avail->index % queue->size] = head;
    fence();
    queue->avail->index++;
    return head;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
    fence();
    set(queue->device, R_QUEUE_NOTIFY, queue->index);
}

void *virtio_queue_take(struct virtio_queue *queue, uint32_t *bytes, unsigned *head_number)
{
    fence();
    if (*(volatile uint16_t *)&queue->used->index == queue->used_seen) return 0;
    fence();
    struct virtq_used_entry entry = queue->used->ring[queue->used_seen++ % queue->size];
    if (entry.id >= queue->size || !queue->token[entry.id]) return 0; /* a device that lies */
    uint16_t head = (uint16_t)entry.id, at = head;
    void *token = queue->token[head];
    queue->token[head] = 0;
    queue->free_count++;
    while (queue->desc[at].flags & DESC_NEXT) {
        at = queue->desc[at].next;
        queue->free_count++;
    }
    queue->desc[at].next = queue->free_head;
    queue->free_head = head;
    if (bytes) *bytes = entry.bytes;
    if (head_number) *head_number = head;
    return token;
}

#define DRIVERS 8
static struct {
    enum virtio_id id;
    int (*probe)(struct virtio_device *);
} drivers[DRIVERS];
static unsigned driver_count;

void virtio_driver_register(enum virtio_id id, int (*probe)(struct virtio_device *device))
{
    ASSERT(driver_count < DRIVERS);
    drivers[driver_count].id = id;
    drivers[driver_count++].probe = probe;
}

static void probe_window(unsigned slot)
{
    struct virtio_device found = {.registers = pa_to_va(machine.virtio[slot].mmio.base),
                                  .irq = machine.virtio[slot].irq};
    if (get(&found, R_MAGIC) != MAGIC) return;
    uint32_t version = get(&found, R_VERSION);
    found.id = get(&found, R_DEVICE_ID);
    found.legacy = version == 1;
    if (!found.id || version < 1 || version > 2) return;
    for (unsigned i = 0; i < driver_count; i++) {
        if (drivers[i].id != found.id) continue;
        struct virtio_device *device = kmalloc(sizeof *device);
        if (!device) return;
        *device = found;
        int error = drivers[i].probe(device);
        if (error) printk("virtio: device %u in window %u: error %d\n", found.id, slot, error);
        return; /* the device may still use its memory: it is not given back */
    }
}

/* Drivers register at level SUBSYSTEM; see INIT in each. */
static void virtio_init(void)
{
    for (unsigned slot = machine.virtios; slot-- > 0;) probe_window(slot);
}
INIT(INIT_DEVICE, virtio_init);
