#include "emu/gdb/points.h"

bool points_break_at(const struct points *p, gva_t pc)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->point[i].kind <= POINT_HARDWARE && p->point[i].at == pc) return true;
    return false;
}

bool points_software_break_at(const struct points *p, gva_t pc)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->point[i].kind == POINT_SOFTWARE && p->point[i].at == pc) return true;
    return false;
}

static bool before(void *self, struct hart *h, uint64_t pc)
{
    (void)h;
    return points_break_at(self, pc);
}

static bool watches(const struct point *w, bool store)
{
    return w->kind == POINT_ACCESS || w->kind == (store ? POINT_WRITE : POINT_READ);
}

static bool access_made(void *self, struct hart *h, gva_t va, unsigned size, bool store)
{
    (void)h;
    struct points *p = self;
    for (unsigned i = 0; i < p->count; i++) {
        const struct point *w = &p->point[i];
        if (!watches(w, store) || va + size <= w->at || w->at + w->length <= va) continue;
        p->hit = true;
        p->hit_point = *w;
        p->hit_address = va > w->at ? va : w->at;
        return true;
    }
    return false;
}

struct observer points_observer(struct points *p)
{
    return (struct observer){.before = before, .access = access_made, .self = p};
}

static bool same(const struct point *q, enum point_kind kind, gva_t at, uint64_t length)
{
    return q->kind == kind && q->at == at && (kind <= POINT_HARDWARE || q->length == length);
}

bool points_insert(struct points *p, enum point_kind kind, gva_t at, uint64_t length)
{
    for (unsigned i = 0; i < p->count; i++)
        if (same(&p->point[i], kind, at, length)) return true; /* inserting is idempotent, says the protocol */
    if (p->count == POINTS_MAX) return false;
    p->point[p->count++] = (struct point){kind, at, length};
    return true;
}

void points_remove(struct points *p, enum point_kind kind, gva_t at, uint64_t length)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (!same(&p->point[i], kind, at, length)) continue;
        p->point[i] = p->point[--p->count];
        return;
    }
}
