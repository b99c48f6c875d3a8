/* sim_disk.c - the simulated disk (sim_disk.h). */
#include "sim_disk.h"

#include <stdlib.h>

#include "base/errno.h"
#include "base/format.h"
#include "base/string.h"
#include "fs/kfs_order.h"
#include "host_fs.h"

unsigned kfs_left_out;
static struct sim *the_disk;

#define LATE SIZE_MAX

static struct sim_event *add(struct sim *sim, enum sim_kind kind, uint64_t sector, const void *data)
{
    if (sim->events == sim->room) {
        sim->room = sim->room ? sim->room * 2 : 1024;
        sim->event = realloc(sim->event, sim->room * sizeof *sim->event);
    }
    struct sim_event *event = &sim->event[sim->events++];
    event->kind = kind;
    event->request = sim->requests;
    event->sector = sector;
    event->done = 0;
    if (data) memcpy(event->data, data, SECTOR_BYTES);
    return event;
}

/* What was late is no longer so once a FLUSH has been submitted. */
static void add_flush(struct sim *sim)
{
    for (size_t i = sim->events; i-- > 0 && sim->event[i].kind != SIM_FLUSH;)
        if (sim->event[i].done == LATE) sim->event[i].done = sim->events + 1;
    add(sim, SIM_FLUSH, 0, 0)->done = sim->events;
}

void sim_record(struct sim *sim, enum sim_kind kind, uint64_t sector, const void *data)
{
    add(sim, kind, sector, data)->done = sim->events;
}

void sim_mark(struct sim *sim, uint64_t number)
{
    if (sim->recording) sim_record(sim, SIM_MARK, number, 0);
}

static void transfer(struct sim *sim, struct blk_request *request)
{
    uint64_t sector = request->sector;
    for (unsigned i = 0; i < request->segments; i++) {
        uint8_t *at = request->segment[i].address;
        for (uint32_t n = 0; n < request->segment[i].bytes; n += SECTOR_BYTES, sector++) {
            uint8_t *here = sim->now + sector * SECTOR_BYTES;
            memcpy(request->operation == BLK_READ ? at + n : here, request->operation == BLK_READ ? here : at + n,
                   SECTOR_BYTES);
            if (request->operation == BLK_WRITE && sim->recording) add(sim, SIM_WRITE, sector, at + n);
        }
    }
}

static bool sim_start(struct blkdev *device, struct blk_request *request)
{
    struct sim *sim = device->driver;
    request->driver = (void *)(uintptr_t)sim->events;
    if (request->operation == BLK_READ && ++sim->reads == sim->fail_read) sim->failed = request;
    if (request->operation == BLK_FLUSH) {
        if (sim->recording) add_flush(sim);
    } else {
        transfer(sim, request);
    }
    sim->requests++;
    list_push_back(&sim->in_flight, &request->link);
    return true;
}

/* Somebody waits: everything in flight ends. False: there is nothing. */
static bool sim_finish(void)
{
    struct sim *sim = the_disk;
    if (!sim || list_empty(&sim->in_flight)) return false;
    while (!list_empty(&sim->in_flight)) {
        struct blk_request *request = list_first(&sim->in_flight, struct blk_request, link);
        list_remove(&request->link);
        size_t first = (size_t)(uintptr_t)request->driver;
        bool is_write = request->operation == BLK_WRITE && sim->recording;
        for (size_t i = first; is_write && i < first + request->sectors; i++)
            sim->event[i].done = sim->late ? LATE : sim->events;
        bool failed = request == sim->failed;
        if (failed) sim->failed = 0;
        blk_complete(&sim->blk, request, failed ? -EIO : 0);
    }
    return true;
}

int kfs_wait_late(struct blk_batch *batch)
{
    the_disk->late = true;
    int error = blk_batch_wait(batch);
    the_disk->late = false;
    return error;
}

static const struct blkdev_ops sim_ops = {sim_start};

void sim_make(struct sim *sim, const char *name, const void *image, size_t bytes)
{
    *sim = (struct sim){.bytes = bytes, .now = malloc(bytes)};
    format(sim->blk.name, sizeof sim->blk.name, "%s", name);
    sim->blk.sectors = bytes / SECTOR_BYTES;
    sim->blk.major = 254;
    sim->blk.can_flush = true;
    sim->blk.ops = &sim_ops;
    sim->blk.driver = sim;
    list_init(&sim->in_flight);
    the_disk = sim;
    host_wait = sim_finish;
    blkdev_register(&sim->blk);
    sim_load(sim, image);
}

void sim_load(struct sim *sim, const void *image)
{
    memcpy(sim->now, image, sim->bytes);
    sim->events = 0;
    sim->requests = 0;
}

/* Behind the last FLUSH before `at`; 0: there was none. */
static size_t behind_flush(const struct sim *sim, size_t at)
{
    while (at > 0 && sim->event[at - 1].kind != SIM_FLUSH) at--;
    return at;
}

/* The FLUSH is event flushed-1: what had finished before it was submitted is on the medium. */
static bool certain(const struct sim_event *event, size_t flushed) { return event->done && event->done < flushed; }

bool sim_uncertain(const struct sim *sim, size_t at, uint32_t *request)
{
    size_t flushed = behind_flush(sim, at);
    for (size_t i = 0; i < at; i++) {
        const struct sim_event *event = &sim->event[i];
        if (event->kind != SIM_WRITE || event->request < *request || certain(event, flushed)) continue;
        *request = event->request;
        return true;
    }
    return false;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30, x *= 0xbf58476d1ce4e5b9ull, x ^= x >> 27, x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* Did the sector written by event i, which no FLUSH made certain, reach the medium? */
static bool got_out(const struct sim *sim, size_t i, size_t flushed, size_t at, struct sim_choice choice)
{
    uint64_t random = mix(choice.number);
    switch (choice.kept) {
    case SIM_NONE: return false;
    case SIM_ALL: return true;
    case SIM_BUT: return sim->event[i].request != choice.number;
    case SIM_ONLY: return sim->event[i].request == choice.number;
    case SIM_FROM: return sim->event[i].request >= choice.number;
    case SIM_RANDOM: break;
    }
    if (random % 3 == 0) return i >= flushed + (random >> 8) % (at - flushed + 1); /* the later ones only */
    if (random % 3 == 1) return i != flushed + (random >> 8) % (at - flushed + 1); /* all but one */
    return mix(choice.number * 1000003 + i) % 100 < (random >> 8) % 5 * 20 + 10;   /* some */
}

void sim_cut(const struct sim *sim, const uint8_t *base, size_t at, struct sim_choice choice, uint8_t *medium)
{
    size_t flushed = behind_flush(sim, at);
    memcpy(medium, base, sim->bytes);
    for (size_t i = 0; i < at; i++) {
        const struct sim_event *event = &sim->event[i];
        if (event->kind != SIM_WRITE) continue;
        if (!certain(event, flushed) && !got_out(sim, i, flushed, at, choice)) continue;
        memcpy(medium + event->sector * SECTOR_BYTES, event->data, SECTOR_BYTES);
    }
}
