#include "emu/stats.h"

#include "emu/base/bits.h"
#include "emu/base/host_sample.h"
#include <stdlib.h>

#define NATIVE     7 /* beside enum engine_activity */
#define ROWS_SHOWN 16

void stats_start(struct stats *s, struct machine *m, bool asked)
{
    const uint8_t *code = NULL;
    size_t bytes = 0;
    *s = (struct stats){.start_ns = host_clock_ns(), .start_cpu_ns = host_cpu_ns()};
    if (!asked) return;
    s->counts = engine_count(m->engine);
    engine_code(m->engine, &code, &bytes);
    s->sampled = host_sample_start(engine_activity(m->engine), code, bytes, NATIVE);
}

static void line(FILE *to, const char *name, uint64_t value)
{
    fprintf(to, "%-17s %llu\n", name, (unsigned long long)value);
}
static void seconds(FILE *to, const char *name, uint64_t ns) { fprintf(to, "%-17s %.6f\n", name, (double)ns / 1e9); }
static void percent(FILE *to, const char *name, uint64_t part, uint64_t whole)
{
    if (whole) fprintf(to, "%-17s %.3f\n", name, 100.0 * (double)part / (double)whole);
}

static void print_engine(const struct engine_stats *e, FILE *to)
{
    line(to, "blocks_decoded", e->blocks_decoded);
    line(to, "insns_decoded", e->insns_decoded);
    line(to, "blocks_killed", e->invalidations);
    line(to, "evictions", e->evictions);
    line(to, "flushes", e->flushes);
    line(to, "lookups", e->lookups);
    line(to, "blocks_translated", e->blocks_translated);
    line(to, "blocks_flushed", e->blocks_flushed);
    line(to, "regions_made", e->regions_made);
    line(to, "regions_died", e->regions_died);
    line(to, "code_full", e->drops);
    line(to, "links_asked", e->links_asked);
    line(to, "links_made", e->links_made);
    line(to, "code_bytes", e->code_bytes);
    line(to, "code_bytes_made", e->code_bytes_made);
}

/* Accesses are those of the blocks that were entered; one that was left early counts in full. */
static void print_accesses(const struct engine_counts *c, FILE *to)
{
    uint64_t slow = c->loads + c->stores;
    line(to, "accesses", c->accesses);
    line(to, "tlb_slow_loads", c->loads);
    line(to, "tlb_slow_stores", c->stores);
    line(to, "device_accesses", c->devices);
    percent(to, "tlb_hit_percent", c->accesses > slow ? c->accesses - slow : 0, c->accesses);
}

/* CPU time by what was going on, and time in which the process had none. */
static void print_times(const struct stats *s, uint64_t wall_ns, FILE *to)
{
    static const char *const names[HOST_SAMPLE_KINDS] = {[ENGINE_RUNS] = "interpreter",
                                                         [ENGINE_TRANSLATES] = "translating",
                                                         [ENGINE_DEVICE] = "devices",
                                                         [NATIVE] = "native"};
    uint64_t samples[HOST_SAMPLE_KINDS], all = 0, cpu_ns = host_cpu_ns() - s->start_cpu_ns;
    host_sample_stop(samples);
    for (unsigned i = 0; i < HOST_SAMPLE_KINDS; i++) all += samples[i];
    for (unsigned i = 0; i < HOST_SAMPLE_KINDS && all; i++) {
        if (!names[i]) continue;
        char name[32];
        snprintf(name, sizeof name, "%s_seconds", names[i]);
        seconds(to, name, (uint64_t)((double)cpu_ns * (double)samples[i] / (double)all));
    }
    seconds(to, "waiting_seconds", wall_ns > cpu_ns ? wall_ns - cpu_ns : 0);
}

/* Why native code is left at a row. */
static const char *why_left(enum insn_id id)
{
    switch (insn_info(id)->kind) {
    case KIND_LOAD:
    case KIND_STORE: return "not in the TLB, misaligned, a device, or a page with code";
    case KIND_LR:
    case KIND_SC:
    case KIND_AMO: return "not in the TLB, misaligned, or not translated";
    case KIND_FP:
    case KIND_FPR: return "operands or result that the host's unit treats otherwise, or not translated";
    default: return "never translated";
    }
}

struct left {
    enum insn_id id;
    uint64_t count;
};
static int more_first(const void *a, const void *b)
{
    uint64_t p = ((const struct left *)a)->count, q = ((const struct left *)b)->count;
    return (p < q) - (p > q);
}

static void print_left(const struct engine_counts *c, FILE *to)
{
    struct left left[INSN_COUNT];
    uint64_t all = 0;
    for (unsigned i = 0; i < INSN_COUNT; i++) {
        left[i] = (struct left){(enum insn_id)i, c->left[i]};
        all += c->left[i];
    }
    line(to, "native_left", all);
    qsort(left, INSN_COUNT, sizeof left[0], more_first);
    for (unsigned i = 0; i < ROWS_SHOWN && left[i].count; i++) {
        fprintf(to, "native_left_at    %-12s %-12llu %s\n", insn_info(left[i].id)->name,
                (unsigned long long)left[i].count, why_left(left[i].id));
    }
}

void stats_print(struct stats *s, const struct machine *m, FILE *to)
{
    uint64_t ns = host_clock_ns() - s->start_ns, insns = machine_icount(m);
    line(to, "instructions", insns);
    seconds(to, "host_seconds", ns);
    fprintf(to, "%-17s %.1f\n", "mips", ns ? (double)insns * 1e3 / (double)ns : 0.0);
    seconds(to, "guest_seconds", m->now / 1000);
    if (s->sampled) print_times(s, ns, to);
    print_engine(engine_stats(m->engine), to);
    if (!s->counts) return;
    print_accesses(s->counts, to);
    print_left(s->counts, to);
}
