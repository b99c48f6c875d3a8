/*
 * virtio_blk.c - disks of a virtual machine: vda, vdb, ...
 *
 * A request is a chain of descriptors: a header that says what and where, the data, and one byte that the device fills
 * with the result. As many chains as descriptors suffice for are on their way at once. The interrupt only raises the
 * soft-interrupt thread, which collects finished chains and starts the next ones.
 *
 * Source: VIRTIO 1.2, "Block Device".
 */
#include "blk/blk.h"
#include "blk/blkfile.h"
#include "base/errno.h"
#include "base/format.h"
#include "dev/virtio.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/softirq.h"
#include "mm/frame.h"
#include "mm/slab.h"

enum { F_SEG_MAX = 2, F_RO = 5, F_FLUSH = 9, F_DISCARD = 13 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_DISCARD = 11 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPPORTED = 2, STATUS_NONE = 0xff };

#define VIRTBLK_MAJOR 254
#define QUEUE_SIZE    128

/* What the device reads and writes besides data, one for each chain on its way. */
struct slot {
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } discard;
    uint8_t status;
    uint8_t spare[31];
};
_Static_assert(sizeof(struct slot) == 64 && QUEUE_SIZE * sizeof(struct slot) <= 2 * PAGE_SIZE, "slots fill two pages");

struct virtblk {
    struct blkdev blk;
    struct virtio_device *device;
    struct virtio_queue queue;
    struct softirq softirq;
    struct slot *slot;
    uint8_t free[QUEUE_SIZE]; /* stack of unused slots */
    unsigned free_count;
};

static unsigned disks;

/* Queue lock held. */
static bool virtblk_start(struct blkdev *blk, struct blk_request *request)
{
    static const uint32_t types[] = {
        [BLK_READ] = T_IN, [BLK_WRITE] = T_OUT, [BLK_FLUSH] = T_FLUSH, [BLK_DISCARD] = T_DISCARD};
    struct virtblk *disk = blk->driver;
    struct virtio_buffer chain[BLK_SEGMENTS + 2];
    unsigned n = 0;
    if (!disk->free_count) return false;
    struct slot *slot = &disk->slot[disk->free[disk->free_count - 1]];
    slot->header.type = types[request->operation];
    slot->header.reserved = 0;
    slot->header.sector = request->operation == BLK_READ || request->operation == BLK_WRITE ? request->sector : 0;
    slot->status = STATUS_NONE;
    chain[n++] = (struct virtio_buffer){&slot->header, sizeof slot->header, false};
    if (request->operation == BLK_DISCARD) {
        slot->discard.sector = request->sector;
        slot->discard.sectors = request->sectors;
        slot->discard.flags = 0;
        chain[n++] = (struct virtio_buffer){&slot->discard, sizeof slot->discard, false};
    }
    for (unsigned i = 0; i < request->segments; i++)
        chain[n++] = (struct virtio_buffer){request->segment[i].address, request->segment[i].bytes,
                                            request->operation == BLK_READ};
    chain[n++] = (struct virtio_buffer){&slot->status, 1, true};
    request->driver = slot;
    if (virtio_queue_add(&disk->queue, chain, n, request) < 0) return false;
    disk->free_count--;
    virtio_queue_notify(&disk->queue);
    return true;
}

/* Soft-interrupt thread. */
static void virtblk_collect(void *context)
{
    struct virtblk *disk = context;
    for (;;) {
        spin_lock(&disk->blk.lock);
        struct blk_request *request = virtio_queue_take(&disk->queue, 0, 0);
        uint8_t status = STATUS_NONE;
        if (request) {
            struct slot *slot = request->driver;
            status = *(volatile uint8_t *)&slot->status;
            disk->free[disk->free_count++] = (uint8_t)(slot - disk->slot);
        }
        spin_unlock(&disk->blk.lock);
        if (!request) break;
        int error = status == STATUS_OK ? 0 : status == STATUS_UNSUPPORTED ? -EOPNOTSUPP : -EIO;
        if (error) printk("%s: error at sector %lu\n", disk->blk.name, request->sector);
        blk_complete(&disk->blk, request, error);
    }
    blk_kick(&disk->blk);
}

static void virtblk_interrupt(struct virtio_device *device)
{
    struct virtblk *disk = device->driver;
    softirq_raise(&disk->softirq);
}

static const struct blkdev_ops virtblk_ops = {virtblk_start};

static int virtblk_probe(struct virtio_device *device)
{
    struct virtblk *disk = kzalloc(sizeof *disk);
    struct page *page = page_alloc(1, PAGE_ZEROED);
    if (!disk || !page) return -ENOMEM; /* at start: there is nothing to save */
    int error;
    uint64_t features = virtio_start(device, 1u << F_SEG_MAX | 1u << F_RO | 1u << F_FLUSH | 1u << F_DISCARD, &error);
    disk->device = device;
    disk->slot = page_va(page);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) disk->free[disk->free_count++] = (uint8_t)i;
    device->driver = disk;
    device->interrupt = virtblk_interrupt;
    softirq_init(&disk->softirq, "virtio-blk", virtblk_collect, disk);
    if (!error) error = virtio_queue_init(device, 0, QUEUE_SIZE, &disk->queue);
    if (error) return error;
    unsigned number = disks++;
    format(disk->blk.name, sizeof disk->blk.name, "vd%c", 'a' + (int)(number % 26));
    virtio_config(device, 0, &disk->blk.sectors, sizeof disk->blk.sectors);
    disk->blk.major = VIRTBLK_MAJOR;
    disk->blk.minor = number * 16;
    disk->blk.read_only = features >> F_RO & 1;
    disk->blk.can_flush = features >> F_FLUSH & 1;
    if (features >> F_DISCARD & 1) virtio_config(device, 36, &disk->blk.discard_most, sizeof disk->blk.discard_most);
    disk->blk.can_discard = disk->blk.discard_most > 0;
    disk->blk.ops = &virtblk_ops;
    disk->blk.driver = disk;
    blkdev_register(&disk->blk);
    error = virtio_ready(device, disk->blk.name);
    if (error) return error;
    blkfile_add(&disk->blk);
    printk("%s: %lu MiB%s\n", disk->blk.name, disk->blk.sectors >> 11, disk->blk.read_only ? ", read-only" : "");
    return 0;
}

static void virtblk_init(void) { virtio_driver_register(VIRTIO_BLK, virtblk_probe); }
INIT(INIT_SUBSYSTEM, virtblk_init);
