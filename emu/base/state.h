/* The state stream: what a snapshot is made of. Each module saves and restores what it holds, beside its own code:
 *
 *     void plic_state(struct plic *p, struct state *s) { state_tag(s, "plic", 1); state_u32(s, &p->pending[0]); … }
 *
 * One function does both directions: on saving a field is appended, on restoring it is overwritten. After a restore the
 * caller checks state_ok: a truncated or mismatching stream leaves ok false and all later fields untouched. */
#ifndef ORRERY_BASE_STATE_H
#define ORRERY_BASE_STATE_H

#include "emu/base/types.h"

struct state {
    bool restoring;
    bool ok;
    uint8_t *data; /* owned by whoever initialised the stream; grows by realloc when saving */
    size_t length; /* bytes used (saving) or available (restoring) */
    size_t room;
    size_t at; /* read position */
    char problem[128];
};

void state_init_save(struct state *s);
void state_init_restore(struct state *s, uint8_t *data, size_t length);
void state_finish(struct state *s); /* frees what a save allocated */

/* Marks the start of a module: name and layout version must match on restore. */
void state_tag(struct state *s, const char *name, uint32_t version);
void state_bytes(struct state *s, void *p, size_t n);
/* On restoring: what was read makes no sense to the module. The stream is not ok from here on. */
void state_refuse(struct state *s, const char *why);
static inline bool state_ok(const struct state *s) { return s->ok; }

static inline void state_u8(struct state *s, uint8_t *v) { state_bytes(s, v, sizeof *v); }
static inline void state_u16(struct state *s, uint16_t *v) { state_bytes(s, v, sizeof *v); }
static inline void state_u32(struct state *s, uint32_t *v) { state_bytes(s, v, sizeof *v); }
static inline void state_u64(struct state *s, uint64_t *v) { state_bytes(s, v, sizeof *v); }
static inline void state_bool(struct state *s, bool *v)
{
    uint8_t b = *v;
    state_u8(s, &b);
    if (s->restoring && s->ok && b > 1) state_refuse(s, "a truth value is neither 0 nor 1");
    *v = b != 0;
}

struct event;
struct event_queue;
/* Saves whether and when an event fires; on restore it is cancelled or scheduled again. */
void state_event(struct state *s, struct event_queue *q, struct event *e);

#endif
