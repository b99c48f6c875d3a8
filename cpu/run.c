/* The run loop: between blocks it looks at everything that the handlers leave to it. */
#include "cpu/interp.h"
#include "cpu/jit/jit.h"

uint64_t hart_icount(const struct hart *h) { return h->icount_end - (uint64_t)h->budget - h->unretired; }

void hart_kick(struct hart *h)
{
    h->icount_end -= (uint64_t)h->budget; /* the count stays as it is */
    h->budget = 0;
    h->kicked = true;
}

void run_block(struct hart *h, const struct block *b, const struct data_bank *bank)
{
    const struct dinsn *d = b->code;
    h->budget -= b->count;
#if INTERP_TAIL
    d->fn(h, d, bank);
#else
    while (d) d = d->fn(h, d, bank);
#endif
}

static void take_interrupt(struct hart *h, int irq)
{
    struct trap t = {.cause = CAUSE_INTERRUPT | (unsigned)irq};
    uint64_t epc = h->pc;
    if (h->observer) observe_interrupt(h, t.cause);
    trap_take(h, &t, epc);
}

/* Finds the block at h->pc; NULL if fetching it trapped (the trap has been taken). */
const struct block *run_find(struct hart *h)
{
    const struct block *b;
    struct trap t;
    bool cached;
    enum find_result r = engine_find(h->engine, h, &b, &t, &cached);
    if (r == FIND_FULL) {
        engine_make_room(h->engine);
        r = engine_find(h->engine, h, &b, &t, &cached);
    }
    if (r == FIND_OK) return b;
    if (h->observer) observe_trap(h, &t);
    trap_take(h, &t, h->pc);
    return NULL;
}

const struct block *run_look_up(struct hart *h)
{
    const struct block *b;
    struct trap t;
    bool cached;
    return engine_find(h->engine, h, &b, &t, &cached) == FIND_OK ? b : NULL;
}

const struct block *run_next(struct hart *h)
{
    uint64_t now = hart_icount(h), last = h->went_on;
    h->went_on = now;
    if (h->waiting || h->one_by_one || now == last || trap_pending_interrupt(h) >= 0) return NULL;
    if (h->mode_isa != h->isa_live) engine_update_mode(h->engine, h);
    const struct block *b = run_look_up(h);
    return b && b->count <= h->budget ? b : NULL;
}

/* Brings budget and icount_end into line with the count at which the run ends; returns how many instructions are left. */
static int64_t run_left(struct hart *h, uint64_t end)
{
    uint64_t left = end - hart_icount(h);
    h->icount_end = end;
    h->budget = (int64_t)left;
    return h->budget;
}

/* It is this hart's turn: it may store to a reservation set, so the reservations of others go. norm:sc_other_hart_store_fail */
static void reservations_of_others_end(struct hart *h)
{
    struct engine *e = h->engine;
    for (unsigned i = 0; i < e->hart_count; i++)
        if (e->harts[i] != h) e->harts[i]->reservation = 0;
}

/* A handler whose own instructions trap never retires anything, so the count would never reach its end. */
#define FRUITLESS_MAX 256

static bool run_is_fruitless(const struct hart *h, uint64_t *count, unsigned *rounds)
{
    uint64_t now = hart_icount(h);
    *rounds = now == *count ? *rounds + 1 : 0;
    *count = now;
    return *rounds > FRUITLESS_MAX;
}

/* The run loop is to come back after `count` instructions at the latest. */
static void run_at_most(struct hart *h, int64_t count)
{
    if (count >= h->budget) return;
    h->icount_end -= (uint64_t)(h->budget - count);
    h->budget = count;
}

static enum hart_stop run_loop(struct hart *h, uint64_t end)
{
    bool by_block = log_on(h->log, LOG_EXEC);
    h->one_by_one = by_block || h->observer;
    uint64_t count = hart_icount(h);
    unsigned rounds = 0;
    while (run_left(h, end) > 0 && !h->kicked) {
        if (run_is_fruitless(h, &count, &rounds)) {
            h->stalled = true;
            return HART_BUDGET;
        }
        int irq = trap_pending_interrupt(h);
        if (irq >= 0) {
            take_interrupt(h, irq);
            continue; /* it may have kicked: no budget is left then */
        }
        if (h->waiting) return HART_WFI;
        if (h->mode_isa != h->isa_live) engine_update_mode(h->engine, h);
        if (h->observer) {
            if (observe_step(h)) return HART_BREAKPOINT;
            continue;
        }
        if (h->engine->jit && h->engine->jit->full) engine_drop_native(h->engine);
        const struct block *b = run_find(h);
        if (!b) continue;
        if (h->engine->jit) run_at_most(h, region_step(h, b));
        if (b->count > h->budget) b = engine_truncate(h->engine, h, b, (unsigned)h->budget);
        if (by_block) {
            log_line(h->log, LOG_EXEC, "exec: hart %u 0x%llx", h->id, (unsigned long long)h->pc);
            run_at_most(h, b->count);
        }
        run_block(h, b, h->data);
    }
    return h->waiting ? HART_WFI : HART_BUDGET;
}

enum hart_stop hart_run(struct hart *h, uint64_t max)
{
    if (max > (uint64_t)INT64_MAX / 4) max = INT64_MAX / 4;
    uint64_t end = hart_icount(h) + max;
    h->kicked = false;
    h->stalled = false;
    if (h->waiting && hart_wakes(h)) h->waiting = false;
    reservations_of_others_end(h);
    fp_enter(&h->fp);
    h->mode_isa = 0; /* observers may have come or gone */
    enum hart_stop stop = run_loop(h, end);
    fp_leave(&h->fp);
    h->icount_end = hart_icount(h);
    h->budget = 0;
    return stop;
}
