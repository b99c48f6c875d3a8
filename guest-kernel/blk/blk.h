/*
 * blk.h - block devices: arrays of 512-byte sectors that are read and written by requests.
 *
 *      file system, block device file
 *           | blk_submit (does not wait)
 *           v
 *      request queue  -->  driver  -->  device          many requests are on their way at once
 *                                          | interrupt
 *      done()  <--  soft-interrupt thread <-+
 *
 * The requests that the device is working on may finish in any order, and a device with a write cache keeps written
 * sectors in it: they may reach the medium in any order, or never if power fails. Only FLUSH orders: when it is done, everything
 * whose request had *finished before FLUSH was submitted* is on the medium.
 */
#ifndef KEPLER_BLK_BLK_H
#define KEPLER_BLK_BLK_H

#include "base/list.h"
#include "base/types.h"
#include "kern/lock.h"

#define SECTOR_BYTES   512u
#define BLK_SEGMENTS   16 /* pieces of memory one request may consist of */
#define BLK_NAME_BYTES 16

enum blk_operation { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD };

struct blk_segment {
    void *address;  /* kernel memory, in the direct map, physically contiguous */
    uint32_t bytes; /* multiple of 512 */
};

struct blk_request {
    struct list link; /* for whoever has the request: queue or driver */
    enum blk_operation operation;
    uint64_t sector;
    uint32_t sectors; /* discard; for the others the sum of the segments */
    unsigned segments;
    struct blk_segment segment[BLK_SEGMENTS];
    /* Called once, in a soft-interrupt thread, with `error` set: 0, -EIO, -EOPNOTSUPP. May submit, must not wait for requests. */
    void (*done)(struct blk_request *request);
    void *context;
    int error;
    void *driver; /* the driver's own */
    uint64_t submitted_ns;
};

struct blkdev;
struct blkdev_ops {
    /* Starts the request, or returns false: the device has no room now; blk_kick() is called when it has. Queue lock held. */
    bool (*start)(struct blkdev *device, struct blk_request *request);
};

struct blk_stats { /* as in /proc/diskstats */
    uint64_t reads, sectors_read, read_ns, writes, sectors_written, write_ns, flushes, discards, busy_ns;
    unsigned in_flight;
};

struct mapping;
struct blkdev {
    char name[BLK_NAME_BYTES]; /* vda */
    unsigned major, minor;
    uint64_t sectors;
    struct blkdev *whole; /* a partition: the disk it is a part of; NULL: a whole disk */
    uint64_t first_sector;
    bool read_only, can_flush, can_discard;
    bool made_read_only;   /* by a program (BLKROSET); the device itself may be written */
    uint32_t discard_most; /* sectors that one discard may have */
    unsigned opens;        /* files open on it; under blkfile.c's lock */
    const struct blkdev_ops *ops;
    void *driver;
    struct list link; /* list of all devices */

    struct spinlock lock; /* RANK_BLOCK_QUEUE: queue, stats */
    struct list queue;    /* requests that the driver has no room for yet */
    struct blk_stats stats;
    uint64_t busy_since_ns;
    void *holder;            /* what is mounted on it (blkdev_claim) */
    struct mapping *mapping; /* page cache of the device file /dev/vda; made when first opened */
};

/* Drivers. */
void blkdev_register(struct blkdev *device); /* name, ops, sectors filled in; lives for ever */
void blk_complete(struct blkdev *device, struct blk_request *request, int error); /* calls done(); no locks held */
void blk_kick(struct blkdev *device); /* the device has room: start what is queued */

/* Users. */
struct blkdev *blkdev_find(const char *name); /* "vda"; NULL */
struct blkdev *blkdev_number(unsigned major, unsigned minor);
struct blkdev *blkdev_next(struct blkdev *device); /* NULL: the first; NULL at the end */
/* One mounted file system at a time. False: there is a holder. */
bool blkdev_claim(struct blkdev *device, void *holder);
void blkdev_release(struct blkdev *device);
bool blk_read_only(
    const struct blkdev *device); /* it, or the disk that it is a part of; a part says nothing of its disk */
void blk_submit(struct blkdev *device, struct blk_request *request); /* out of range: done() with -EIO */

/* Waiting forms. Kernel memory in the direct map, any length that is a multiple of 512. 0 or -errno. */
int blk_transfer(struct blkdev *device, enum blk_operation operation, uint64_t sector, void *memory, size_t bytes);
int blk_flush(struct blkdev *device);
int blk_discard(struct blkdev *device, uint64_t sector, uint64_t sectors); /* -EOPNOTSUPP: the device cannot */

/* A set of requests of which one task waits for all. It has one request of its own, so that it gets on, slowly, without memory. */
struct blk_batch;
struct batch_request {
    struct blk_request request;
    struct blk_batch *batch;
};
struct blk_batch {
    struct spinlock lock;
    struct waitq queue;
    unsigned pending;
    int error; /* the first */
    struct batch_request spare;
};
void blk_batch_init(struct blk_batch *batch);
/* Submits a copy of what is described. May wait for what was added before. */
void blk_batch_add(struct blk_batch *batch, struct blkdev *device, enum blk_operation operation, uint64_t sector,
                   const struct blk_segment *segment, unsigned segments);
int blk_batch_wait(struct blk_batch *batch); /* for all; 0 or the first error */

#endif
