/*
 * sim_disk.h - a disk with a write cache that remembers all that was done to it, and can show every state in which a power cut
 * at any moment might have left its medium.
 *
 * Requests are in flight until somebody waits. A write is certain to be on the medium only once a FLUSH has been submitted *after it had
 * finished*; until then each of its sectors, independently of all others, may or may not have got there (512 bytes are atomic, a longer
 * write is not). If a sector was written more than once, any of the versions may be there.
 */
#ifndef KEPLER_TESTS_SIM_DISK_H
#define KEPLER_TESTS_SIM_DISK_H

#include "blk/blk.h"

enum sim_kind { SIM_WRITE, SIM_FLUSH, SIM_MARK };
struct sim_event {
    enum sim_kind kind;
    uint32_t request; /* number of the request it belongs to */
    uint64_t sector;  /* SIM_MARK: the test's number */
    size_t done;      /* events there were when the request had finished; 0: it has not */
    uint8_t data[SECTOR_BYTES];
};
struct sim {
    struct blkdev blk;
    uint8_t *now; /* as the kernel sees it */
    size_t bytes;
    struct list in_flight;
    struct sim_event *event;
    size_t events, room;
    uint32_t requests;
    bool recording;
    unsigned long reads, fail_read; /* read request number fail_read (1 ...) gives an error; 0: none */
    struct blk_request *failed;
    bool late; /* requests end for the kernel now, for the disk only after the next FLUSH was submitted (kfs_order.h) */
};

void sim_make(struct sim *sim, const char *name, const void *image,
              size_t bytes);                       /* registered for ever; one in a process */
void sim_load(struct sim *sim, const void *image); /* new content, empty record */
void sim_mark(struct sim *sim, uint64_t number);
void sim_record(struct sim *sim, enum sim_kind kind, uint64_t sector,
                const void *data); /* appends an event, finished */

/* What of the writes that no FLUSH made certain is on the medium. */
enum sim_kept { SIM_NONE, SIM_ALL, SIM_BUT, SIM_ONLY, SIM_FROM, SIM_RANDOM };
struct sim_choice {
    enum sim_kept kept;
    uint64_t
        number; /* SIM_BUT, SIM_ONLY, SIM_FROM (and later ones): a request; SIM_RANDOM: seed of a choice by sectors */
};
/* The medium after a cut just before event `at`. `base`: content at the start of the record. */
void sim_cut(const struct sim *sim, const uint8_t *base, size_t at, struct sim_choice choice, uint8_t *medium);
/* The next request, from number *request on, that is uncertain at `at`; false: no more. */
bool sim_uncertain(const struct sim *sim, size_t at, uint32_t *request);

#endif
