/*
 * blk.c - the block layer: request queues between file systems and drivers (blk.h).
 *
 * A request goes straight to the driver if the device has room, else it waits in the device's queue; whenever a request is done
 * there is room for another. Requests are not merged or sorted here.
 */
#include "blk/blk.h"

#include "arch/time.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"
#include "kern/trace.h"
#include "kern/wait.h"
#include "mm/slab.h"

static struct spinlock devices_lock = SPINLOCK_INIT("block devices", RANK_BLOCK_QUEUE);
static struct list devices = LIST_INIT(devices);

void blkdev_register(struct blkdev *device)
{
    spin_init(&device->lock, "block queue", RANK_BLOCK_QUEUE);
    list_init(&device->queue);
    spin_lock(&devices_lock);
    list_push_back(&devices, &device->link);
    spin_unlock(&devices_lock);
}

struct blkdev *blkdev_next(struct blkdev *device)
{
    spin_lock(&devices_lock);
    struct list *at = device ? device->link.next : devices.next;
    spin_unlock(&devices_lock);
    return at == &devices ? 0 : list_entry(at, struct blkdev, link);
}

struct blkdev *blkdev_find(const char *name)
{
    struct blkdev *device = blkdev_next(0);
    while (device && strcmp(device->name, name)) device = blkdev_next(device);
    return device;
}

struct blkdev *blkdev_number(unsigned major, unsigned minor)
{
    struct blkdev *device = blkdev_next(0);
    while (device && (device->major != major || device->minor != minor)) device = blkdev_next(device);
    return device;
}

bool blkdev_claim(struct blkdev *device, void *holder)
{
    void *nobody = NULL;
    return atomic_cas(&device->holder, &nobody, holder);
}

void blkdev_release(struct blkdev *device) { atomic_store(&device->holder, NULL); }

bool blk_read_only(const struct blkdev *device)
{
    return device->read_only || (device->whole && device->whole->read_only);
}

static void count_start(struct blkdev *device)
{
    if (device->stats.in_flight++ == 0) device->busy_since_ns = time_ns();
}

static void count_end(struct blkdev *device, struct blk_request *request)
{
    struct blk_stats *s = &device->stats;
    uint64_t now = time_ns(), took = now - request->submitted_ns;
    if (--s->in_flight == 0) s->busy_ns += now - device->busy_since_ns;
    switch (request->operation) {
    case BLK_READ: s->reads++, s->sectors_read += request->sectors, s->read_ns += took; break;
    case BLK_WRITE: s->writes++, s->sectors_written += request->sectors, s->write_ns += took; break;
    case BLK_FLUSH: s->flushes++; break;
    case BLK_DISCARD: s->discards++; break;
    }
}

/* Why the request cannot be, or 0. */
static int request_wrong(struct blkdev *device, struct blk_request *request)
{
    if (request->operation == BLK_FLUSH) return 0;
    if (request->operation == BLK_READ || request->operation == BLK_WRITE) {
        uint64_t bytes = 0;
        for (unsigned i = 0; i < request->segments; i++) bytes += request->segment[i].bytes;
        request->sectors = (uint32_t)(bytes / SECTOR_BYTES);
        if (bytes % SECTOR_BYTES || !bytes) return -EINVAL;
    }
    if (request->sector > device->sectors || request->sectors > device->sectors - request->sector) return -EIO;
    if (request->operation != BLK_READ && blk_read_only(device)) return -EROFS;
    if (request->operation == BLK_DISCARD && !device->can_discard) return -EOPNOTSUPP;
    return 0;
}

/* Lock held: hands as much as possible to the driver. */
static void start_queued(struct blkdev *device)
{
    while (!list_empty(&device->queue)) {
        struct blk_request *request = list_first(&device->queue, struct blk_request, link);
        list_remove(&request->link);
        count_start(device);
        if (device->ops->start(device, request)) continue;
        device->stats.in_flight--;
        list_push_front(&device->queue, &request->link);
        return;
    }
}

/* A request to a part of a disk is one to the disk, some sectors further on. Counted here; the time it takes is the whole disk's. */
static struct blkdev *whole_of(struct blkdev *part, struct blk_request *request)
{
    struct blk_stats *s = &part->stats;
    spin_lock(&part->lock);
    switch (request->operation) {
    case BLK_READ: s->reads++, s->sectors_read += request->sectors; break;
    case BLK_WRITE: s->writes++, s->sectors_written += request->sectors; break;
    case BLK_FLUSH: s->flushes++; break;
    case BLK_DISCARD: s->discards++; break;
    }
    spin_unlock(&part->lock);
    request->sector += part->first_sector;
    return part->whole;
}

void blk_submit(struct blkdev *device, struct blk_request *request)
{
    list_init(&request->link);
    request->submitted_ns = time_ns();
    request->error = request_wrong(device, request);
    if (request->error || (request->operation == BLK_FLUSH && !device->can_flush)) {
        request->done(request); /* without a write cache there is nothing to flush */
        return;
    }
    if (device->whole) device = whole_of(device, request);
    trace(TRACE_BLOCK, (long)request->sector, request->sectors, request->operation == BLK_WRITE);
    spin_lock(&device->lock);
    list_push_back(&device->queue, &request->link);
    start_queued(device);
    spin_unlock(&device->lock);
}

void blk_kick(struct blkdev *device)
{
    spin_lock(&device->lock);
    start_queued(device);
    spin_unlock(&device->lock);
}

void blk_complete(struct blkdev *device, struct blk_request *request, int error)
{
    request->error = error;
    spin_lock(&device->lock);
    count_end(device, request);
    spin_unlock(&device->lock);
    request->done(request);
}

/* Batches. */

void blk_batch_init(struct blk_batch *batch)
{
    spin_init(&batch->lock, "block batch", RANK_BLOCK_DEVICE);
    waitq_init(&batch->queue);
    batch->pending = 0;
    batch->error = 0;
}

static void batch_done(struct blk_request *request)
{
    struct batch_request *mine = container_of(request, struct batch_request, request);
    struct blk_batch *batch = mine->batch;
    bool spare = mine == &batch->spare;
    spin_lock(&batch->lock);
    if (request->error && !batch->error) batch->error = request->error;
    if (--batch->pending == 0) wake_all(&batch->queue); /* under the lock: afterwards the batch may be gone */
    spin_unlock(&batch->lock);
    if (!spare) kfree(mine);
}

static void batch_add(struct blk_batch *batch, struct blkdev *device, const struct blk_request *request)
{
    struct batch_request *mine = kzalloc(sizeof *mine);
    if (!mine) {
        blk_batch_wait(batch);
        mine = &batch->spare;
    }
    mine->batch = batch;
    mine->request = *request;
    mine->request.done = batch_done;
    spin_lock(&batch->lock);
    batch->pending++;
    spin_unlock(&batch->lock);
    blk_submit(device, &mine->request);
}

void blk_batch_add(struct blk_batch *batch, struct blkdev *device, enum blk_operation operation, uint64_t sector,
                   const struct blk_segment *segment, unsigned segments)
{
    struct blk_request request = {.operation = operation, .sector = sector, .segments = segments};
    for (unsigned i = 0; i < segments; i++) request.segment[i] = segment[i];
    batch_add(batch, device, &request);
}

int blk_batch_wait(struct blk_batch *batch)
{
    spin_lock(&batch->lock);
    while (batch->pending) wait_on(&batch->queue, &batch->lock, false, 0);
    int error = batch->error;
    spin_unlock(&batch->lock);
    return error;
}

#define TRANSFER_BYTES (256u << 10) /* one request of a long transfer */

int blk_transfer(struct blkdev *device, enum blk_operation operation, uint64_t sector, void *memory, size_t bytes)
{
    struct blk_batch batch;
    blk_batch_init(&batch);
    for (size_t done = 0; done < bytes;) {
        uint32_t part = (uint32_t)MIN(bytes - done, (size_t)TRANSFER_BYTES);
        struct blk_segment segment = {(char *)memory + done, part};
        blk_batch_add(&batch, device, operation, sector + done / SECTOR_BYTES, &segment, 1);
        done += part;
    }
    return blk_batch_wait(&batch);
}

int blk_discard(struct blkdev *device, uint64_t sector, uint64_t sectors)
{
    struct blk_batch batch;
    if (!device->can_discard) return -EOPNOTSUPP;
    blk_batch_init(&batch);
    for (uint64_t part; sectors; sector += part, sectors -= part) {
        part = MIN(sectors, (uint64_t)device->discard_most);
        struct blk_request request = {.operation = BLK_DISCARD, .sector = sector, .sectors = (uint32_t)part};
        batch_add(&batch, device, &request);
    }
    return blk_batch_wait(&batch);
}

int blk_flush(struct blkdev *device)
{
    struct blk_batch batch;
    blk_batch_init(&batch);
    blk_batch_add(&batch, device, BLK_FLUSH, 0, 0, 0);
    return blk_batch_wait(&batch);
}
