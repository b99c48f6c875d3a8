#include "devices/storage/medium.h"

#include <stdlib.h>

struct none {
    struct medium medium; /* first */
    struct event_queue *events;
    struct image *image;
    ps_t latency_ps;
};

static bool carry_out_ranges(struct image *image, const struct medium_request *r)
{
    bool ok = true;
    for (unsigned i = 0; i < r->range_count && ok; i++) {
        const struct medium_range *range = &r->ranges[i];
        if (range->count == 0) continue;
        if (r->op == MEDIUM_DISCARD)
            image->ops->discard(image, range->sector, range->count);
        else
            ok = image->ops->zero(image, range->sector, range->count, range->may_unmap);
    }
    return ok;
}

static bool carry_out(struct image *image, const struct medium_request *r)
{
    switch (r->op) {
    case MEDIUM_READ: return image->ops->read(image, r->sector, r->iov, r->iov_count);
    case MEDIUM_FLUSH: return image->ops->flush(image);
    case MEDIUM_WRITE:
        if (!image->ops->write(image, r->sector, r->iov, r->iov_count)) return false;
        break;
    case MEDIUM_DISCARD:
    case MEDIUM_ZERO:
        if (!carry_out_ranges(image, r)) return false;
        break;
    }
    return !r->fua || image->ops->flush(image);
}

static void fire(void *owner)
{
    struct medium_request *r = owner;
    r->ok = carry_out(((struct none *)r->medium)->image, r);
    r->done(r);
}

static void none_submit(struct medium *m, struct medium_request *r)
{
    struct none *n = (struct none *)m;
    r->medium = m;
    event_init(&r->event, "disk", fire, r);
    event_schedule(n->events, &r->event, event_now(n->events) + n->latency_ps);
}

static void none_cancel(struct medium *m, struct medium_request *r)
{
    event_cancel(((struct none *)m)->events, &r->event);
}

static void none_request_state(struct medium *m, struct medium_request *r, struct state *s)
{
    if (s->restoring) {
        r->medium = m;
        event_init(&r->event, "disk", fire, r);
    }
    state_event(s, ((struct none *)m)->events, &r->event);
}

static void none_state(struct medium *m, struct state *s)
{
    struct image *image = ((struct none *)m)->image;
    state_tag(s, "none", 1);
    if (image->ops->state) image->ops->state(image, s);
}

static void none_destroy(struct medium *m)
{
    image_close(((struct none *)m)->image);
    free(m);
}

static const struct medium_ops none_ops = {
    .name = "none",
    .submit = none_submit,
    .cancel = none_cancel,
    .request_state = none_request_state,
    .state = none_state,
    .destroy = none_destroy,
};

struct medium *medium_none_create(struct event_queue *events, struct image *image, ps_t latency_ps)
{
    struct none *n = calloc(1, sizeof *n);
    if (!n) {
        image_close(image);
        return NULL;
    }
    *n = (struct none){.medium = {&none_ops, image->sectors, image->read_only},
                       .events = events,
                       .image = image,
                       .latency_ps = latency_ps};
    return &n->medium;
}

void medium_destroy(struct medium *medium)
{
    if (medium) medium->ops->destroy(medium);
}
