/*
 * sim_disk.h - a disk with a write cache that remembers all that was done to it, and can show every state in which a power cut
 * at any moment might have left its medium.
 *
 * Written sectors are in the cache until FLUSH; until then each of them, independently of the others, may or may not have reached
 * the medium (512 bytes are atomic, a longer write is not). If a sector was written more than once, any of the versions may be there.
 */
#ifndef KEPLER_TESTS_SIM_DISK_H
#define KEPLER_TESTS_SIM_DISK_H

#include "blk/blk.h"

enum sim_kind { SIM_WRITE, SIM_FLUSH, SIM_MARK };
struct sim_event {
    enum sim_kind kind;
    uint64_t sector; /* SIM_MARK: the test's number */
    uint8_t data[SECTOR_BYTES];
};
struct sim {
    struct blkdev blk;
    uint8_t *now; /* as the kernel sees it */
    size_t bytes;
    struct sim_event *event;
    size_t events, room;
    bool recording;
};

void sim_make(struct sim *sim, const char *name, const void *image, size_t bytes); /* registered for ever */
void sim_load(struct sim *sim, const void *image);                                 /* new content, empty record */
void sim_mark(struct sim *sim, uint64_t number);
/* The medium after a cut just before event `at`: everything before the last FLUSH, and of what came after a choice: 0: nothing, 1: all,
 * else random by that seed. `base`: content at the start of the record. */
void sim_cut(const struct sim *sim, const uint8_t *base, size_t at, uint64_t choice, uint8_t *medium);

#endif
