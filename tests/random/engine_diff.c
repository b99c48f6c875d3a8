/* Random programs on the translating engine against the interpreter: everything that software can see must be the same at every
 * checkpoint, whatever the slices that the two are run in.
 *
 *     engine_diff [--programs N] [--seed S] [--print] [--brief] [--verbose]
 *
 * runs N programs (default 1000) from the S-th on; --print shows the S-th. A program on which the engines differ is made smaller and
 * shown with the first instruction after which they do (--brief: named only, and the run ends); exit status 1. */
#include "tests/random/program.h"

#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_WIDTH       48
#define SWEEP_TAIL        150
#define CHECK_EVERY       256
#define DIFFERENCES_MAX   10
#define HANG_SECONDS      60
#define STALLED_TURNS_MAX 8

struct pair {
    const struct program *p;
    struct world jit, interp;
    uint64_t turns, slices; /* random */
    struct world_diff diff;
    bool stalled;
};

static struct {
    uint64_t programs, instructions, translated, invalidations, evictions, drops, regions;
    unsigned differences;
} totals;

/* ---- running ---- */

/* A turn on both engines. With one hart slices must not matter, so theirs differ; turns of several harts are architecture. */
static void run_turn(struct pair *c, unsigned hart, uint64_t n)
{
    uint64_t longest = c->p->harts == 1 ? c->p->slice_longest : n, same = 0;
    bool fast = run_hart_until(&c->jit, hart, hart_icount(c->jit.hart[hart]) + n, &c->slices, longest);
    bool slow = run_hart_until(&c->interp, hart, hart_icount(c->interp.hart[hart]) + n, &same, n);
    if (fast != slow) snprintf(c->diff.text, sizeof c->diff.text, "%s stalls", fast ? "the interpreter" : "the JIT");
    c->stalled = !fast;
}

static bool compare(struct pair *c)
{
    for (unsigned i = 0; i < c->p->harts && !c->diff.text[0]; i++) {
        c->diff = world_compare(&c->jit, &c->interp, i);
        size_t used = strlen(c->diff.text);
        if (used && c->p->harts > 1) snprintf(c->diff.text + used, sizeof c->diff.text - used, " (hart %u)", i);
    }
    return !c->diff.text[0];
}

/* A page of the code moves in virtual memory, or comes back, and everybody is told. */
static void move_page(struct world *w, uint64_t r)
{
    gpa_t leaf = PAGE(TABLES) + 0x2000 + (1 + (r >> 8) % 3) * 8, page = r & 1 ? 1 + (r >> 8) % 3 : 1 + (r >> 16) % 3;
    uint64_t flags = load_le64(world_ram(w, leaf)) & 0x3ff, pte = PAGE(page) >> 12 << 10 | flags;
    bus_dma_write(&w->bus, leaf, &pte, 8);
    for (unsigned i = 0; i < WORLD_HARTS && w->hart[i]; i++) mmu_flush_all(&w->hart[i]->mmu);
}

static void happen(struct pair *c, unsigned hart, uint64_t r)
{
    if (r >> 40 & 1) {
        outside_event(&c->jit, hart, r);
        outside_event(&c->interp, hart, r);
    } else {
        move_page(&c->jit, r);
        move_page(&c->interp, r);
    }
    c->jit.running = c->jit.hart[hart], c->interp.running = c->interp.hart[hart];
    hart_timer_check(c->jit.hart[hart]);
    hart_timer_check(c->interp.hart[hart]);
}

static void begin(struct pair *c, const struct program *p)
{
    *c = (struct pair){.p = p, .turns = p->seed ^ 0x7777, .slices = p->seed ^ 0x3333};
    program_place(p, &c->jit, true);
    program_place(p, &c->interp, false);
}

static bool end(struct pair *c)
{
    const struct engine_stats *s = engine_stats(c->jit.engine);
    totals.translated += s->blocks_translated;
    totals.invalidations += s->invalidations;
    totals.drops += s->drops;
    totals.evictions += s->evictions;
    totals.regions += s->regions_made;
    for (unsigned i = 0; i < c->p->harts; i++) totals.instructions += hart_icount(c->jit.hart[i]);
    world_destroy(&c->jit);
    world_destroy(&c->interp);
    return !c->diff.text[0];
}

/* Turns, events and checkpoints up to `steps` instructions of all harts together. */
static bool run_plain(struct pair *c, const struct program *p, uint64_t steps)
{
    begin(c, p);
    uint64_t done = 0, checked = 0;
    unsigned hart = 0, stalls = 0;
    uint64_t longest = p->harts > 1 && p->slice_longest < 400 ? p->slice_longest + 1 : 400;
    if (p->event_every && p->event_every < longest) longest = p->event_every;
    while (done < steps && !c->diff.text[0] && stalls < STALLED_TURNS_MAX) {
        uint64_t r = next_random(&c->turns), n = 1 + r % longest;
        if (n > steps - done) n = steps - done;
        run_turn(c, hart, n);
        stalls += c->stalled;
        done += n;
        if (p->event_every && r >> 40 & 1) happen(c, hart, r >> 12);
        if (done - checked >= CHECK_EVERY) compare(c), checked = done;
        hart = (hart + 1) % p->harts;
    }
    if (!c->diff.text[0]) compare(c);
    return end(c);
}

/* A timer interrupt comes in before instruction `at`. */
static bool run_interrupted(struct pair *c, const struct program *p, uint64_t at, uint64_t steps)
{
    begin(c, p);
    const uint64_t turns[] = {at < steps ? at : steps, at + 60 < steps ? 60 : 0, SWEEP_TAIL};
    for (unsigned i = 0; i < 3 && !c->diff.text[0] && !c->stalled; i++) {
        if (turns[i]) run_turn(c, 0, turns[i]);
        hart_set_irq(c->jit.hart[0], IRQ_MTI, i == 0);
        hart_set_irq(c->interp.hart[0], IRQ_MTI, i == 0);
        if (turns[0] == steps) break;
    }
    if (!c->diff.text[0]) compare(c);
    return end(c);
}

static bool run_program(const struct program *p, uint64_t steps, struct world_diff *diff)
{
    static struct pair c;
    bool same = run_plain(&c, p, steps);
    for (unsigned i = 0; p->sweep_from && i < SWEEP_WIDTH && same; i++)
        same = run_interrupted(&c, p, p->sweep_from + i, UINT64_MAX);
    *diff = c.diff;
    return same;
}

/* ---- differences ---- */

static volatile sig_atomic_t quiet_child;
static uint64_t present_seed;

static void on_signal(int number)
{
    char text[120];
    int n =
        snprintf(text, sizeof text, "engine_diff: program %llu: signal %d\n", (unsigned long long)present_seed, number);
    if (!quiet_child && n > 0 && write(2, text, (size_t)n) < 0) _exit(3);
    _exit(3);
}

/* In a process of its own, so that crashes and hangs can be made smaller, too. */
static bool fails(const struct program *p, uint64_t steps)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct world_diff diff;
        quiet_child = 1;
        alarm(5);
        _exit(run_program(p, steps, &diff) ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) world_die("no child process");
    return status != 0;
}

static void shrink(struct program *p)
{
    static struct program smaller;
    for (unsigned chunk = p->piece_count / 2 + 1; chunk > 0; chunk /= 2)
        for (unsigned i = 0; i < p->piece_count; i += chunk) {
            smaller = *p;
            for (unsigned k = i; k < i + chunk && k < p->piece_count; k++) program_erase(&smaller, k);
            if (memcmp(smaller.code, p->code, sizeof p->code) && fails(&smaller, p->steps)) *p = smaller;
        }
}

/* The instruction that hart 0 executes after `steps` instructions, as the interpreter sees it. */
static void print_instruction(const struct program *p, uint64_t steps)
{
    struct world w;
    uint64_t slices = 0;
    program_place(p, &w, false);
    run_hart_until(&w, 0, steps, &slices, UINT64_MAX);
    struct hart *h = w.hart[0];
    struct insn insn;
    uint32_t raw = 0;
    char text[96] = "";
    if (hart_debug_read(h, h->pc, &raw, 4) || hart_debug_read(h, h->pc, &raw, 2)) {
        insn_decode(raw, h->isa_live, &insn);
        insn_format(text, sizeof text, &insn, h->pc);
    }
    fprintf(stderr, "  at 0x%llx, mode %s: %s\n", (unsigned long long)h->pc, priv_mode_name(h), text);
    world_destroy(&w);
}

/* Shows a program on which the engines differ. */
static void report(struct program *p)
{
    fprintf(stderr, "engine_diff: program %llu: the engines differ; making it smaller\n", (unsigned long long)p->seed);
    shrink(p);
    uint64_t first = 1;
    while (first < p->steps && !fails(p, first)) first += p->harts == 1 ? 1 : 16;
    struct world_diff diff = {{0}};
    program_print(p, stderr);
    if (p->harts == 1 && !p->event_every) print_instruction(p, first - 1);
    fprintf(stderr, "  first difference after %llu instructions\n", (unsigned long long)first);
    fflush(NULL);
    if (run_program(p, first, &diff) && run_program(p, p->steps, &diff)) return;
    fprintf(stderr, "  JIT and interpreter: %s\n", diff.text);
}

/* ---- the command ---- */

static void run_all(uint64_t seed, uint64_t programs, bool verbose, bool brief)
{
    static struct program p;
    for (uint64_t i = 0; i < programs && totals.differences < DIFFERENCES_MAX; i++) {
        struct world_diff diff;
        program_make(&p, present_seed = seed + i);
        if (verbose) fprintf(stderr, "program %llu\n", (unsigned long long)present_seed);
        alarm(HANG_SECONDS);
        if (!run_program(&p, p.steps, &diff)) {
            alarm(0);
            totals.differences++;
            if (brief) {
                fprintf(stderr, "engine_diff: program %llu: JIT and interpreter: %s\n", (unsigned long long)p.seed,
                        diff.text);
                return;
            }
            report(&p);
        }
        totals.programs++;
    }
}

static uint64_t number(const char *option, const char *text)
{
    char *rest = "";
    uint64_t n = text ? strtoull(text, &rest, 0) : 0;
    if (text && *text && !*rest) return n;
    fprintf(stderr, "engine_diff: %s: needs a number\n", option);
    exit(2);
}

int main(int argc, char **argv)
{
    uint64_t programs = 1000, seed = 1;
    bool print = false, verbose = false, brief = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--programs"))
            programs = number(argv[i], argv[i + 1]), i++;
        else if (!strcmp(argv[i], "--seed"))
            seed = number(argv[i], argv[i + 1]), i++;
        else if (!strcmp(argv[i], "--print"))
            print = true;
        else if (!strcmp(argv[i], "--brief"))
            brief = true;
        else if (!strcmp(argv[i], "--verbose"))
            verbose = true;
        else {
            fprintf(stderr,
                    "engine_diff: %s: unknown option; there are --programs N, --seed S, --print, --brief, --verbose\n",
                    argv[i]);
            return 2;
        }
    }
    static struct program p;
    program_make(&p, seed);
    if (print) {
        program_print(&p, stdout);
        return 0;
    }
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) signal(signals[i], on_signal);
    mallopt(M_MMAP_THRESHOLD, 64 << 20); /* worlds come and go: their memory need not go to the host and back */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    run_all(seed, programs, verbose, brief);
    printf("%llu programs, %llu instructions; %llu blocks translated, %llu killed, %llu evictions, %llu regions, "
           "code full %llu times; %u differences\n",
           (unsigned long long)totals.programs, (unsigned long long)totals.instructions,
           (unsigned long long)totals.translated, (unsigned long long)totals.invalidations,
           (unsigned long long)totals.evictions, (unsigned long long)totals.regions, (unsigned long long)totals.drops,
           totals.differences);
    if (programs >= 1000 && !totals.regions) {
        fprintf(stderr, "engine_diff: no region was made: these programs do not test them\n");
        return 1;
    }
    return totals.differences ? 1 : 0;
}
