#include "devices/virtio/blk.h"

#include "emu/base/bits.h"
#include <inttypes.h>
#include <stdlib.h>

#define F_SEG_MAX      (UINT64_C(1) << 2)
#define F_RO           (UINT64_C(1) << 5)
#define F_BLK_SIZE     (UINT64_C(1) << 6)
#define F_FLUSH        (UINT64_C(1) << 9)
#define F_TOPOLOGY     (UINT64_C(1) << 10)
#define F_CONFIG_WCE   (UINT64_C(1) << 11)
#define F_MQ           (UINT64_C(1) << 12)
#define F_DISCARD      (UINT64_C(1) << 13)
#define F_WRITE_ZEROES (UINT64_C(1) << 14)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

#define HEADER_BYTES 16u /* le32 type, le32 reserved, le64 sector */

/* struct virtio_blk_config; the rest of its 60 bytes is zero here. */
enum {
    CONFIG_CAPACITY = 0,
    CONFIG_SEG_MAX = 12,
    CONFIG_BLK_SIZE = 20,
    CONFIG_PHYSICAL_EXP = 24,
    CONFIG_MIN_IO = 26,
    CONFIG_OPT_IO = 28,
    CONFIG_WRITEBACK = 32,
    CONFIG_NUM_QUEUES = 34,
    CONFIG_DISCARD_SECTORS = 36,
    CONFIG_DISCARD_SEG = 40,
    CONFIG_DISCARD_ALIGNMENT = 44,
    CONFIG_ZEROES_SECTORS = 48,
    CONFIG_ZEROES_SEG = 52,
    CONFIG_ZEROES_MAY_UNMAP = 56,
    CONFIG_BYTES = 60,
};

#define PHYSICAL_BLOCK_BYTES 4096u /* what the host's file systems write and free at once */
#define RANGES_MAX           16u   /* segments of one DISCARD or WRITE_ZEROES */
#define RANGE_SECTORS_MAX    (1u << 22)
#define RANGE_BYTES          16u /* le64 sector, le32 count, le32 flags */
#define RANGE_F_UNMAP        1u

struct blk;

/* A request in flight. The chain's elements are copied: the driver could change the descriptors. */
struct request {
    struct medium_request io; /* first */
    struct blk *blk;
    struct request *previous, *next;
    uint16_t queue, head;
    uint16_t readable, writable; /* elements */
    struct medium_range ranges[RANGES_MAX];
    struct iovec *iov;
    struct virtq_seg seg[]; /* readable ones first; iov[] follows in the same allocation */
};

struct blk {
    struct virtio_device dev; /* first */
    struct medium *medium;
    struct request *first, *last; /* in flight, in order of submission */
    uint8_t config[CONFIG_BYTES];
    char serial[VIRTIO_BLK_SERIAL_MAX];
    bool writeback_at_reset;
};

static struct blk *blk_of(struct virtio_device *dev) { return (struct blk *)dev; }

/* ---- requests in flight ---- */

static struct request *request_new(struct blk *b, unsigned elements)
{
    struct request *r = calloc(1, sizeof *r + elements * (sizeof r->seg[0] + sizeof r->iov[0]));
    if (!r) return NULL;
    r->blk = b;
    r->iov = (struct iovec *)(r->seg + elements);
    return r;
}

static void request_link(struct request *r)
{
    struct blk *b = r->blk;
    r->previous = b->last;
    *(b->last ? &b->last->next : &b->first) = r;
    b->last = r;
}

static void request_free(struct request *r)
{
    struct blk *b = r->blk;
    *(r->previous ? &r->previous->next : &b->first) = r->next;
    *(r->next ? &r->next->previous : &b->last) = r->previous;
    free(r);
}

static uint64_t seg_bytes(const struct virtq_seg *seg, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) sum += seg[i].len;
    return sum;
}

/* Ends a request: after the first `data` writable bytes come zeroes, and the status in the last one. The whole writable part is then
 * defined, so that the used length may cover it ("The Virtqueue Used Ring"). */
static void answer(struct virtq *q, uint16_t head, const struct virtq_seg *writable, unsigned n, uint64_t data,
                   uint8_t status)
{
    struct iovec iov[VIRTQ_SIZE_MAX];
    uint64_t bytes = seg_bytes(writable, n);
    virtq_touch(q, writable, n);
    unsigned count = virtq_slice(writable, n, data, bytes - data, iov);
    for (unsigned i = 0; i < count; i++) memset(iov[i].iov_base, 0, iov[i].iov_len);
    writable[n - 1].host[writable[n - 1].len - 1] = status;
    virtq_push(q, head, bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes);
}

static void request_done(struct medium_request *io)
{
    struct request *r = (struct request *)io;
    struct blk *b = r->blk;
    struct virtq *q = &b->dev.queues[r->queue];
    if (virtio_live(&b->dev)) {
        const struct virtq_seg *writable = r->seg + r->readable;
        uint64_t data = io->op == MEDIUM_READ && io->ok ? seg_bytes(writable, r->writable) - 1 : 0;
        answer(q, r->head, writable, r->writable, data, io->ok ? S_OK : S_IOERR);
        virtq_signal(q);
    }
    request_free(r);
}

/* ---- starting requests ---- */

static bool in_range(const struct blk *b, uint64_t sector, uint64_t count)
{
    return sector <= b->medium->sectors && count <= b->medium->sectors - sector;
}

/* "A write becomes stable once it is completed and …": without FLUSH, or with the cache switched off. */
static bool writes_are_durable(const struct blk *b)
{
    return !virtio_has(&b->dev, F_FLUSH | F_CONFIG_WCE) || !b->config[CONFIG_WRITEBACK];
}

/* Fills the vectors of a READ or WRITE from the elements; its length has been checked. */
static void request_map(struct request *r)
{
    struct medium_request *io = &r->io;
    if (io->op == MEDIUM_READ)
        io->iov_count =
            virtq_slice(r->seg + r->readable, r->writable, 0, seg_bytes(r->seg + r->readable, r->writable) - 1, r->iov);
    else if (io->op == MEDIUM_WRITE)
        io->iov_count =
            virtq_slice(r->seg, r->readable, HEADER_BYTES, seg_bytes(r->seg, r->readable) - HEADER_BYTES, r->iov);
    io->iov = r->iov;
    io->ranges = r->ranges;
    io->done = request_done;
}

static uint8_t check_transfer(struct blk *b, bool write, uint64_t sector, uint64_t bytes)
{
    if (write && b->medium->read_only) return S_IOERR;
    if (bytes % SECTOR_BYTES == 0 && in_range(b, sector, bytes / SECTOR_BYTES)) return S_OK;
    virtio_complain(&b->dev, "%s of %" PRIu64 " bytes at sector %" PRIu64 " of %" PRIu64, write ? "write" : "read",
                    bytes, sector, b->medium->sectors);
    return S_IOERR;
}

/* Takes the segments of a DISCARD or WRITE_ZEROES apart. */
static uint8_t parse_ranges(struct blk *b, const struct virtq_chain *c, bool discard, struct medium_range *ranges,
                            unsigned *count)
{
    if (!virtio_has(&b->dev, discard ? F_DISCARD : F_WRITE_ZEROES)) return S_UNSUPP;
    uint64_t bytes = c->readable_bytes - HEADER_BYTES;
    if (bytes == 0 || bytes % RANGE_BYTES || bytes / RANGE_BYTES > RANGES_MAX) {
        virtio_complain(&b->dev, "%" PRIu64 " bytes of segments, the limit is %u of %u", bytes, RANGES_MAX,
                        RANGE_BYTES);
        return S_IOERR;
    }
    *count = (unsigned)(bytes / RANGE_BYTES);
    for (unsigned i = 0; i < *count; i++) {
        uint8_t raw[RANGE_BYTES];
        virtq_read(c, HEADER_BYTES + i * RANGE_BYTES, raw, sizeof raw);
        uint32_t flags = load_le32(raw + 12);
        ranges[i] = (struct medium_range){load_le64(raw), load_le32(raw + 8), flags & RANGE_F_UNMAP};
        if (flags & ~RANGE_F_UNMAP || (discard && flags)) return S_UNSUPP;
        if (ranges[i].count > RANGE_SECTORS_MAX || !in_range(b, ranges[i].sector, ranges[i].count)) {
            virtio_complain(&b->dev, "segment of %" PRIu64 " sectors at %" PRIu64, ranges[i].count, ranges[i].sector);
            return S_IOERR;
        }
    }
    return S_OK;
}

/* Fills *io and ranges; S_OK: it is to be submitted. */
static uint8_t parse(struct blk *b, const struct virtq_chain *c, struct medium_request *io, struct medium_range *ranges)
{
    uint8_t header[HEADER_BYTES];
    virtq_read(c, 0, header, sizeof header);
    io->sector = load_le64(header + 8);
    switch (load_le32(header)) {
    case T_IN: io->op = MEDIUM_READ; return check_transfer(b, false, io->sector, c->writable_bytes - 1);
    case T_OUT:
        io->op = MEDIUM_WRITE;
        io->fua = writes_are_durable(b);
        return check_transfer(b, true, io->sector, c->readable_bytes - HEADER_BYTES);
    case T_FLUSH: io->op = MEDIUM_FLUSH; return S_OK;
    case T_DISCARD: io->op = MEDIUM_DISCARD; return parse_ranges(b, c, true, ranges, &io->range_count);
    case T_WRITE_ZEROES:
        io->op = MEDIUM_ZERO;
        io->fua = writes_are_durable(b);
        return parse_ranges(b, c, false, ranges, &io->range_count);
    default: return S_UNSUPP;
    }
}

static bool transfers_nothing(const struct medium_request *io, const struct virtq_chain *c)
{
    return (io->op == MEDIUM_READ && c->writable_bytes == 1) ||
           (io->op == MEDIUM_WRITE && c->readable_bytes == HEADER_BYTES);
}

/* The device's name: the one request that the medium has no part in. */
static void answer_id(struct blk *b, struct virtq *q, const struct virtq_chain *c)
{
    uint64_t room = c->writable_bytes - 1, n = room < sizeof b->serial ? room : sizeof b->serial;
    virtq_write(q, c, 0, b->serial, (size_t)n);
    answer(q, c->head, c->seg + c->readable, c->writable, n, S_OK);
}

static void start(struct blk *b, struct virtq *q, const struct virtq_chain *c)
{
    if (c->readable_bytes < HEADER_BYTES || c->writable_bytes < 1) {
        virtio_broken(&b->dev, "request without room for header or status");
        return;
    }
    uint8_t type[4];
    virtq_read(c, 0, type, sizeof type);
    if (load_le32(type) == T_GET_ID) {
        answer_id(b, q, c);
        return;
    }
    struct medium_request io = {0};
    struct medium_range ranges[RANGES_MAX];
    uint8_t status = parse(b, c, &io, ranges);
    if (status != S_OK || transfers_nothing(&io, c)) {
        answer(q, c->head, c->seg + c->readable, c->writable, 0, status);
        return;
    }
    struct request *r = request_new(b, c->readable + c->writable);
    if (!r) {
        answer(q, c->head, c->seg + c->readable, c->writable, 0, S_IOERR);
        return;
    }
    r->io = io;
    r->queue = (uint16_t)q->index;
    r->head = c->head;
    r->readable = c->readable;
    r->writable = c->writable;
    memcpy(r->ranges, ranges, io.range_count * sizeof ranges[0]);
    memcpy(r->seg, c->seg, (size_t)(c->readable + c->writable) * sizeof c->seg[0]);
    request_map(r);
    request_link(r);
    medium_submit(b->medium, &r->io);
}

static void blk_notify(struct virtio_device *dev, unsigned queue)
{
    struct virtq *q = &dev->queues[queue];
    struct virtq_chain chain;
    while (virtq_pop(q, &chain)) start(blk_of(dev), q, &chain);
    virtq_signal(q);
}

static void cancel(struct request *r)
{
    medium_cancel(r->blk->medium, &r->io);
    request_free(r);
}

static void blk_queue_stopped(struct virtio_device *dev, unsigned queue)
{
    for (struct request *r = blk_of(dev)->first, *next; r; r = next) {
        next = r->next;
        if (r->queue == queue) cancel(r);
    }
}

/* ---- configuration ---- */

static uint64_t blk_config_read(struct virtio_device *dev, unsigned offset, unsigned size)
{
    return virtio_config_load(blk_of(dev)->config, CONFIG_BYTES, offset, size);
}

static void blk_config_write(struct virtio_device *dev, unsigned offset, unsigned size, uint64_t value)
{
    if (offset == CONFIG_WRITEBACK && size == 1 && value <= 1 && dev->status & VIRTIO_FEATURES_OK &&
        virtio_has(dev, F_CONFIG_WCE))
        blk_of(dev)->config[CONFIG_WRITEBACK] = (uint8_t)value;
    else
        virtio_complain(dev, "write of 0x%" PRIx64 " to configuration byte %u", value, offset);
}

/* "If VIRTIO_BLK_F_CONFIG_WCE is negotiated but VIRTIO_BLK_F_FLUSH is not, the device MUST initialize writeback to 0." */
static void blk_negotiated(struct virtio_device *dev)
{
    if (virtio_has(dev, F_CONFIG_WCE) && !virtio_has(dev, F_FLUSH)) blk_of(dev)->config[CONFIG_WRITEBACK] = 0;
}

static void blk_reset(struct virtio_device *dev)
{
    struct blk *b = blk_of(dev);
    b->config[CONFIG_WRITEBACK] = b->writeback_at_reset;
}

static void config_init(struct blk *b, const struct virtio_blk_config *c, unsigned queues, unsigned block_bytes)
{
    uint8_t *config = b->config;
    store_le64(config + CONFIG_CAPACITY, b->medium->sectors);
    store_le32(config + CONFIG_SEG_MAX, VIRTQ_SIZE_MAX - 2); /* header and status take one each */
    store_le32(config + CONFIG_BLK_SIZE, block_bytes);
    while (block_bytes << config[CONFIG_PHYSICAL_EXP] < PHYSICAL_BLOCK_BYTES) config[CONFIG_PHYSICAL_EXP]++;
    store_le16(config + CONFIG_MIN_IO, 1);
    config[CONFIG_WRITEBACK] = b->writeback_at_reset = !c->write_through;
    store_le16(config + CONFIG_NUM_QUEUES, (uint16_t)queues);
    if (!virtio_offers(&b->dev, F_DISCARD)) return;
    store_le32(config + CONFIG_DISCARD_SECTORS, RANGE_SECTORS_MAX);
    store_le32(config + CONFIG_DISCARD_SEG, RANGES_MAX);
    store_le32(config + CONFIG_DISCARD_ALIGNMENT, PHYSICAL_BLOCK_BYTES / SECTOR_BYTES);
    store_le32(config + CONFIG_ZEROES_SECTORS, RANGE_SECTORS_MAX);
    store_le32(config + CONFIG_ZEROES_SEG, RANGES_MAX);
    config[CONFIG_ZEROES_MAY_UNMAP] = 1;
}

/* ---- saved state ---- */

static bool request_valid(const struct request *r)
{
    struct blk *b = r->blk;
    uint64_t readable = seg_bytes(r->seg, r->readable), writable = seg_bytes(r->seg + r->readable, r->writable);
    if (r->queue >= b->dev.queue_count || !b->dev.queues[r->queue].ready || readable < HEADER_BYTES || writable < 1)
        return false;
    for (unsigned i = 0; i < r->io.range_count; i++)
        if (!in_range(b, r->ranges[i].sector, r->ranges[i].count)) return false;
    bool read = r->io.op == MEDIUM_READ, write = r->io.op == MEDIUM_WRITE;
    uint64_t bytes = read ? writable - 1 : write ? readable - HEADER_BYTES : SECTOR_BYTES;
    if (b->medium->read_only && !read && r->io.op != MEDIUM_FLUSH) return false;
    return bytes && bytes % SECTOR_BYTES == 0 && (!(read || write) || in_range(b, r->io.sector, bytes / SECTOR_BYTES));
}

static void request_state(struct request *r, struct state *s)
{
    struct virtq *q = &r->blk->dev.queues[0];
    uint8_t op = (uint8_t)r->io.op;
    state_u16(s, &r->queue);
    state_u16(s, &r->head);
    for (unsigned i = 0; i < r->readable + r->writable; i++) virtq_seg_state(q, &r->seg[i], s);
    state_u8(s, &op);
    state_bool(s, &r->io.fua);
    state_u64(s, &r->io.sector);
    state_u32(s, &r->io.range_count);
    if (r->io.range_count > RANGES_MAX || op > MEDIUM_ZERO) state_refuse(s, "a request to a disk is none");
    for (unsigned i = 0; i < r->io.range_count && state_ok(s); i++) {
        state_u64(s, &r->ranges[i].sector);
        state_u64(s, &r->ranges[i].count);
        state_bool(s, &r->ranges[i].may_unmap);
    }
    r->io.op = (enum medium_op)op;
    if (s->restoring && state_ok(s)) {
        if (request_valid(r))
            request_map(r);
        else
            state_refuse(s, "a request to a disk is none");
    }
    if (state_ok(s)) r->blk->medium->ops->request_state(r->blk->medium, &r->io, s);
}

static void requests_restore(struct blk *b, struct state *s, uint32_t count)
{
    for (uint32_t i = 0; i < count && state_ok(s); i++) {
        uint16_t readable = 0, writable = 0;
        state_u16(s, &readable);
        state_u16(s, &writable);
        struct request *r = readable + writable <= (int)VIRTQ_SIZE_MAX ? request_new(b, readable + writable) : NULL;
        if (!r) {
            state_refuse(s, "a request to a disk has too many pieces, or the host has no memory for it");
            return;
        }
        r->readable = readable;
        r->writable = writable;
        request_link(r);
        request_state(r, s);
        if (!state_ok(s)) request_free(r); /* it is not with the medium */
    }
}

/* Each request will be pushed to its queue, which must expect it. */
static bool queues_expect(const struct blk *b)
{
    unsigned of_queue[VIRTIO_QUEUES_MAX] = {0};
    for (const struct request *r = b->first; r; r = r->next)
        if (++of_queue[r->queue] > b->dev.queues[r->queue].in_flight) return false;
    return true;
}

static void blk_state(struct virtio_device *dev, struct state *s)
{
    struct blk *b = blk_of(dev);
    state_u8(s, &b->config[CONFIG_WRITEBACK]);
    uint32_t count = 0;
    for (struct request *r = b->first; r; r = r->next) count++;
    state_u32(s, &count);
    if (s->restoring) {
        requests_restore(b, s, count);
        if (!queues_expect(b)) state_refuse(s, "more requests to a disk than its queues expect");
    } else {
        for (struct request *r = b->first; r; r = r->next) {
            state_u16(s, &r->readable);
            state_u16(s, &r->writable);
            request_state(r, s);
        }
    }
    b->medium->ops->state(b->medium, s);
}

/* ---- life ---- */

static void blk_destroy(struct virtio_device *dev)
{
    struct blk *b = blk_of(dev);
    while (b->first) cancel(b->first);
    medium_destroy(b->medium);
    free(b);
}

static const struct virtio_type blk_type = {
    .name = "blk",
    .id = VIRTIO_ID_BLK,
    .negotiated = blk_negotiated,
    .config_read = blk_config_read,
    .config_write = blk_config_write,
    .notify = blk_notify,
    .queue_stopped = blk_queue_stopped,
    .reset = blk_reset,
    .state = blk_state,
    .destroy = blk_destroy,
};

static bool config_check(const struct virtio_blk_config *c, unsigned queues, unsigned block_bytes, struct err *err)
{
    if (queues > VIRTIO_BLK_QUEUES_MAX)
        return err_set(err, "virtio-blk-device num-queues=%u: at most %u", queues, VIRTIO_BLK_QUEUES_MAX);
    if (!is_power_of_2(block_bytes) || block_bytes < SECTOR_BYTES || block_bytes > PHYSICAL_BLOCK_BYTES)
        return err_set(err, "virtio-blk-device logical_block_size=%u: must be 512, 1024, 2048 or 4096", block_bytes);
    if (c->medium->sectors % (block_bytes / SECTOR_BYTES))
        return err_set(
            err, "virtio-blk-device logical_block_size=%u: the image of %" PRIu64 " bytes is not a multiple of it",
            block_bytes, c->medium->sectors * SECTOR_BYTES);
    if (c->serial && strlen(c->serial) > VIRTIO_BLK_SERIAL_MAX)
        return err_set(err, "virtio-blk-device serial=%s: longer than %u characters", c->serial, VIRTIO_BLK_SERIAL_MAX);
    return true;
}

struct virtio_device *virtio_blk_create(const struct virtio_blk_config *c, struct err *err)
{
    unsigned queues = c->queues ? c->queues : 1, block_bytes = c->block_bytes ? c->block_bytes : SECTOR_BYTES;
    struct blk *b = config_check(c, queues, block_bytes, err) ? calloc(1, sizeof *b) : NULL;
    if (!b) {
        medium_destroy(c->medium);
        return NULL;
    }
    uint64_t features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY | F_CONFIG_WCE;
    if (c->medium->read_only)
        features |= F_RO;
    else if (!c->no_discard)
        features |= F_DISCARD | F_WRITE_ZEROES;
    if (queues > 1) features |= F_MQ;
    virtio_init(&b->dev, &blk_type, features, queues, VIRTQ_SIZE_MAX);
    b->medium = c->medium;
    if (c->serial) memcpy(b->serial, c->serial, strlen(c->serial));
    config_init(b, c, queues, block_bytes);
    return &b->dev;
}
