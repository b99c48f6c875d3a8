/* Media: when a disk answers. The middle of three layers (image, medium, front end). A medium takes requests, lets guest time pass as
 * its mechanism demands, carries them out on its image and calls back.
 *
 * Contract:
 *  - medium_submit never calls back from within itself; `done` is called from an event, exactly once, unless medium_cancel came first.
 *  - Requests may complete in any order. A request that overlaps another one in flight has no order with it (the driver waits).
 *  - A FLUSH covers the writes that were complete when it was submitted. `fua` writes are durable when they complete.
 *  - The caller keeps the request and all it points to until then. The host memory behind iov is read (WRITE) or written (READ) when
 *    the request is carried out, which is not later than `done`.
 *  - Ranges were checked by the caller and lie within [0, medium->sectors).
 *
 * Today's only medium is `none`: a fixed latency for every request, any number of them in parallel. */
#ifndef ORRERY_DEVICES_STORAGE_MEDIUM_H
#define ORRERY_DEVICES_STORAGE_MEDIUM_H

#include "devices/storage/image.h"
#include "emu/base/event.h"

/* The fixed answer time of `none`: that of a fast solid-state disk, long enough that a guest sees requests in flight. */
#define MEDIUM_NONE_LATENCY_PS (10 * 1000 * PS_PER_NS)

enum medium_op { MEDIUM_READ, MEDIUM_WRITE, MEDIUM_FLUSH, MEDIUM_DISCARD, MEDIUM_ZERO };

struct medium_range {
    uint64_t sector, count;
    bool may_unmap; /* MEDIUM_ZERO only */
};

struct medium_request {
    /* set by the caller */
    enum medium_op op;
    bool fua;                /* MEDIUM_WRITE, MEDIUM_ZERO: durable on completion */
    uint64_t sector;         /* MEDIUM_READ, MEDIUM_WRITE */
    const struct iovec *iov; /* MEDIUM_READ, MEDIUM_WRITE: whole sectors in total */
    unsigned iov_count;
    const struct medium_range *ranges; /* MEDIUM_DISCARD, MEDIUM_ZERO */
    unsigned range_count;
    void (*done)(struct medium_request *request);
    /* set by the medium */
    bool ok;            /* valid in done */
    struct event event; /* the medium's, while the request is in flight */
    struct medium *medium;
};

struct medium;

struct medium_ops {
    const char *name;
    void (*submit)(struct medium *medium, struct medium_request *request);
    void (*cancel)(struct medium *medium,
                   struct medium_request *request); /* in flight: forget it; it is not carried out further */
    /* Saves or restores the medium's part of a request in flight. On restore the caller's fields are set and the request is not submitted. */
    void (*request_state)(struct medium *medium, struct medium_request *request, struct state *s);
    void (*state)(struct medium *medium, struct state *s); /* the mechanism's own, and its image's */
    void (*destroy)(struct medium *medium);
};

struct medium {
    const struct medium_ops *ops;
    uint64_t sectors;
    bool read_only;
};

/* Owns the image from now on. NULL if host memory ran out. */
struct medium *medium_none_create(struct event_queue *events, struct image *image, ps_t latency_ps);

static inline void medium_submit(struct medium *m, struct medium_request *r) { m->ops->submit(m, r); }
static inline void medium_cancel(struct medium *m, struct medium_request *r) { m->ops->cancel(m, r); }
void medium_destroy(struct medium *medium); /* NULL is fine */

#endif
