/* sim_disk.c - the simulated disk (sim_disk.h). */
#include "sim_disk.h"

#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"

static void record(struct sim *sim, enum sim_kind kind, uint64_t sector, const void *data)
{
    if (!sim->recording) return;
    if (sim->events == sim->room) {
        sim->room = sim->room ? sim->room * 2 : 1024;
        sim->event = realloc(sim->event, sim->room * sizeof *sim->event);
    }
    struct sim_event *event = &sim->event[sim->events++];
    event->kind = kind;
    event->sector = sector;
    if (data) memcpy(event->data, data, SECTOR_BYTES);
}

void sim_mark(struct sim *sim, uint64_t number) { record(sim, SIM_MARK, number, 0); }

static bool sim_start(struct blkdev *device, struct blk_request *request)
{
    struct sim *sim = device->driver;
    uint64_t sector = request->sector;
    for (unsigned i = 0; i < request->segments; i++) {
        uint8_t *at = request->segment[i].address;
        for (uint32_t n = 0; n < request->segment[i].bytes; n += SECTOR_BYTES, sector++) {
            if (request->operation == BLK_READ) memcpy(at + n, sim->now + sector * SECTOR_BYTES, SECTOR_BYTES);
            if (request->operation != BLK_WRITE) continue;
            memcpy(sim->now + sector * SECTOR_BYTES, at + n, SECTOR_BYTES);
            record(sim, SIM_WRITE, sector, at + n);
        }
    }
    if (request->operation == BLK_FLUSH) record(sim, SIM_FLUSH, 0, 0);
    request->error = 0;
    device->stats.in_flight--;
    request->done(request);
    return true;
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
    blkdev_register(&sim->blk);
    sim_load(sim, image);
}

void sim_load(struct sim *sim, const void *image)
{
    memcpy(sim->now, image, sim->bytes);
    sim->events = 0;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30, x *= 0xbf58476d1ce4e5b9ull, x ^= x >> 27, x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* Did the sector written by event i, not flushed since, reach the medium? `flushed`: the last FLUSH, `at`: the cut. */
static bool got_out(size_t i, size_t flushed, size_t at, uint64_t choice)
{
    uint64_t random = mix(choice);
    if (choice < 2) return choice == 1;
    switch (random % 3) {
    case 0: return i >= flushed + (random >> 8) % (at - flushed + 1);              /* the later ones only */
    case 1: return i != flushed + (random >> 8) % (at - flushed + 1);              /* all but one */
    default: return mix(choice * 1000003 + i) % 100 < (random >> 8) % 5 * 20 + 10; /* some */
    }
}

void sim_cut(const struct sim *sim, const uint8_t *base, size_t at, uint64_t choice, uint8_t *medium)
{
    size_t flushed = 0;
    memcpy(medium, base, sim->bytes);
    for (size_t i = 0; i < at; i++)
        if (sim->event[i].kind == SIM_FLUSH) flushed = i;
    for (size_t i = 0; i < at; i++) {
        const struct sim_event *event = &sim->event[i];
        if (event->kind != SIM_WRITE) continue;
        if (i >= flushed && !got_out(i, flushed, at, choice)) continue;
        memcpy(medium + event->sector * SECTOR_BYTES, event->data, SECTOR_BYTES);
    }
}
