#include "emu/stats.h"

void stats_start(struct stats *s) { s->start_ns = host_clock_ns(); }

void stats_print(const struct stats *s, const struct machine *m, FILE *to)
{
    uint64_t ns = host_clock_ns() - s->start_ns, insns = machine_icount(m);
    const struct engine_stats *e = engine_stats(m->engine);
    fprintf(to, "instructions      %llu\n", (unsigned long long)insns);
    fprintf(to, "host_seconds      %.6f\n", (double)ns / 1e9);
    fprintf(to, "mips              %.1f\n", ns ? (double)insns * 1e3 / (double)ns : 0.0);
    fprintf(to, "guest_seconds     %.6f\n", (double)m->now / 1e12);
    fprintf(to, "blocks_decoded    %llu\n", (unsigned long long)e->blocks_decoded);
    fprintf(to, "insns_decoded     %llu\n", (unsigned long long)e->insns_decoded);
    fprintf(to, "flushes           %llu\n", (unsigned long long)e->flushes);
    fprintf(to, "blocks translated %llu\n", (unsigned long long)e->blocks_translated);
    fprintf(to, "invalidations     %llu\n", (unsigned long long)e->invalidations);
    fprintf(to, "lookups           %llu\n", (unsigned long long)e->lookups);
}
