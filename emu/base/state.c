#include "emu/base/state.h"

#include "emu/base/event.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void state_init_save(struct state *s) { *s = (struct state){.ok = true}; }

void state_init_restore(struct state *s, uint8_t *data, size_t length)
{
    *s = (struct state){.restoring = true, .ok = true, .data = data, .length = length};
}

void state_finish(struct state *s)
{
    if (!s->restoring) free(s->data);
    s->data = NULL;
}

void state_refuse(struct state *s, const char *why)
{
    if (s->ok) snprintf(s->problem, sizeof s->problem, "%s at byte %zu", why, s->at);
    s->ok = false;
}

void state_bytes(struct state *s, void *p, size_t n)
{
    if (!s->ok) return;
    if (s->restoring) {
        if (n > s->length - s->at) {
            state_refuse(s, "the state is truncated");
            return;
        }
        memcpy(p, s->data + s->at, n);
        s->at += n;
        return;
    }
    if (n > s->room - s->length) {
        size_t room = s->room ? s->room : 4096;
        while (n > room - s->length) room *= 2;
        uint8_t *data = realloc(s->data, room);
        if (!data) {
            state_refuse(s, "out of host memory");
            return;
        }
        s->data = data;
        s->room = room;
    }
    memcpy(s->data + s->length, p, n);
    s->length += n;
}

void state_tag(struct state *s, const char *name, uint32_t version)
{
    char have[16] = {0};
    snprintf(have, sizeof have, "%s", name);
    char want[16];
    memcpy(want, have, sizeof want);
    uint32_t have_version = version;
    state_bytes(s, have, sizeof have);
    state_u32(s, &have_version);
    if (s->ok && (memcmp(have, want, sizeof have) != 0 || have_version != version))
        state_refuse(s, "another module's state stands");
}

void state_event(struct state *s, struct event_queue *q, struct event *e)
{
    uint64_t when = event_is_scheduled(e) ? e->when : PS_NEVER;
    state_u64(s, &when);
    if (!s->restoring || !s->ok) return;
    if (when == PS_NEVER)
        event_cancel(q, e);
    else
        event_schedule(q, e, when);
}
