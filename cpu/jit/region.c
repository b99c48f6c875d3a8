/* When a region is made, of what, and how it dies. */
#include "cpu/jit/region.h"

#include "cpu/jit/gen.h"
#include <stdlib.h>

/* ---- which registers ---- */

struct usage {
    uint64_t x[32], f[32];
    uint64_t f_last[32][4]; /* the last writer in a block, by enum gen_nan */
    uint32_t x_written, f_written;
};

static void use_tree(struct usage *u, const struct insn *i, const struct tree *t, uint64_t weight)
{
    if (!t) return;
    if (t->op == T_RS1) u->x[i->rs1] += weight;
    if (t->op == T_RS2) u->x[i->rs2] += weight;
    if (t->op == T_FS1) u->f[i->rs1] += weight;
    if (t->op == T_FS2) u->f[i->rs2] += weight;
    if (t->op == T_FS3) u->f[i->rs3] += weight;
    use_tree(u, i, t->a, weight);
    use_tree(u, i, t->b, weight);
    use_tree(u, i, t->c, weight);
}

static void use_insn(struct usage *u, const struct insn *i, uint64_t weight)
{
    const struct insn_info *info = insn_info(i->id);
    use_tree(u, i, row_trees[i->id].value, weight);
    use_tree(u, i, row_trees[i->id].stored, weight);
    if (info->mem_bytes) u->x[i->rs1] += weight;
    if (info->kind == KIND_SC) u->x[i->rs2] += weight;
    if (!insn_writes_rd(i)) return;
    (info->writes_f ? u->f : u->x)[i->rd] += weight;
    *(info->writes_f ? &u->f_written : &u->x_written) |= UINT32_C(1) << i->rd;
}

/* The register of greatest weight that is not in `taken`, or -1. */
static int heaviest(const uint64_t *weight, uint32_t taken)
{
    int best = -1;
    for (int n = 0; n < 32; n++)
        if (weight[n] && !(taken >> n & 1) && (best < 0 || weight[n] > weight[best])) best = n;
    return best;
}

/* Guest registers that have a place between blocks keep it, so that entering and leaving moves little. */
static void assign_x(struct plan *p, const struct usage *u)
{
    uint32_t chosen = 1, hosts = 0;
    unsigned count = 0, room = 0;
    for (unsigned n = 0; n < 32; n++) {
        if (gen_host[n] != NOT_PINNED) room++, hosts |= UINT32_C(1) << gen_host[n];
        p->host[n] = NOT_PINNED;
    }
    for (int n; count < room && (n = heaviest(u->x, chosen)) >= 0; count++) {
        chosen |= UINT32_C(1) << n;
        p->host[n] = gen_host[n];
        if (gen_host[n] != NOT_PINNED) hosts &= ~(UINT32_C(1) << gen_host[n]);
    }
    for (unsigned n = 1; n < 32; n++) {
        if (!(chosen >> n & 1) || p->host[n] != NOT_PINNED) continue;
        unsigned host = (unsigned)__builtin_ctz(hosts);
        hosts &= hosts - 1;
        p->host[n] = (uint8_t)host;
    }
    for (unsigned n = 1; n < 32; n++)
        if (gen_host[n] != NOT_PINNED && (hosts >> gen_host[n] & 1)) p->host[n] = gen_host[n];
}

static void assign_f(struct plan *p, const struct usage *u)
{
    uint32_t chosen = 0;
    memset(p->f_host, 0, sizeof p->f_host);
    p->f_hosts = 0;
    for (int n; p->f_hosts < F_HOSTS_MAX && (n = heaviest(u->f, chosen)) >= 0;) {
        chosen |= UINT32_C(1) << n;
        p->f_host[n] = (uint8_t)(15 - p->f_hosts++);
    }
}

/* f registers in which, at the ends of blocks, results of arithmetic stand: their NaNs need no mending from one block to the next. */
static void assign_nans(struct plan *p, const struct usage *u)
{
    p->nan_d = p->nan_s = 0;
    for (unsigned n = 0; n < 32; n++) {
        const uint64_t *last = u->f_last[n];
        if (!p->f_host[n]) continue;
        if (last[NAN_D] > last[NAN_RAW] && !last[NAN_S] && !last[NAN_BOXED]) p->nan_d |= UINT32_C(1) << n;
        if (last[NAN_S] > last[NAN_BOXED] && !last[NAN_D] && !last[NAN_RAW]) p->nan_s |= UINT32_C(1) << n;
    }
}

static void use_block(struct usage *u, const struct jit *j, const struct member *m)
{
    const struct block *b = m->block;
    int8_t last[32];
    memset(last, -1, sizeof last);
    for (unsigned k = 0; k < b->length; k++) {
        struct insn insn;
        insn_decode(block_raw(b)[k], j->engine->modes[b->mode].live, &insn);
        use_insn(u, &insn, m->count);
        if (insn_writes_rd(&insn) && insn_info(insn.id)->writes_f) last[insn.rd] = (int8_t)gen_nan_of(&insn);
    }
    for (unsigned n = 0; n < 32; n++)
        if (last[n] >= 0) u->f_last[n][last[n]] += m->count;
}

static void assign(const struct jit *j, struct plan *p)
{
    struct usage u = {.x_written = 0};
    for (unsigned i = 0; i < p->count; i++) use_block(&u, j, &p->member[i]);
    p->x_written = u.x_written;
    p->f_written = u.f_written;
    assign_x(p, &u);
    assign_f(p, &u);
    assign_nans(p, &u);
}

/* ---- which blocks, and in which order ---- */

#define NOWHERE UINT16_MAX
#define RARE    16 /* one in so many */

/* The blocks that ran more than once, most often first, as far as there is room. place[]: 0 for those. */
static void choose(const struct recorder *r, uint16_t *place, unsigned insns_max)
{
    unsigned insns = 0, count = 0;
    for (unsigned i = 0; i < r->seen_count; i++) place[i] = NOWHERE;
    while (count < REGION_MEMBERS_MAX) {
        int best = -1;
        for (unsigned i = 0; i < r->seen_count; i++) {
            const struct member *m = &r->seen[i];
            if (place[i] == NOWHERE && m->count >= 2 && m->label == NULL && insns + m->block->length <= insns_max &&
                (best < 0 || m->count > r->seen[best].count))
                best = (int)i;
        }
        if (best < 0) return;
        place[best] = 0;
        insns += r->seen[best].block->length;
        count++;
    }
}

/* Several ways lead to block n of those seen. */
static bool is_junction(const struct recorder *r, unsigned n)
{
    unsigned ways = 0;
    for (unsigned i = 0; i < r->seen_count; i++)
        for (unsigned k = 0; k < r->seen[i].next_count; k++)
            if (r->seen[i].next[k].member == n && r->seen[i].next[k].count * RARE >= r->seen[n].count) ways++;
    return ways > 1;
}

/* A chosen block that has no place yet and ran often: one that several lead to, if there is one, for such a one needs a label. */
static int beginning(const struct recorder *r, const uint16_t *place, const bool *placed)
{
    unsigned most = 0;
    int best = -1;
    for (unsigned i = 0; i < r->seen_count; i++)
        if (place[i] != NOWHERE && !placed[i] && r->seen[i].count > most) most = r->seen[i].count;
    for (unsigned i = 0; i < r->seen_count; i++) {
        if (place[i] == NOWHERE || placed[i] || r->seen[i].count * 2 < most) continue;
        bool junction = is_junction(r, i), better = junction && best >= 0 && !is_junction(r, (unsigned)best);
        bool worse = !junction && best >= 0 && is_junction(r, (unsigned)best);
        if (best < 0 || better || (!worse && r->seen[i].count > r->seen[best].count)) best = (int)i;
    }
    return best;
}

/* A chosen block that has no place yet: the likeliest behind m, or one that begins something new. */
static int follower(const struct recorder *r, const uint16_t *place, const bool *placed, int m)
{
    int best = -1;
    unsigned most = 0;
    for (unsigned i = 0; m >= 0 && i < r->seen[m].next_count; i++) {
        unsigned n = r->seen[m].next[i].member;
        if (place[n] == NOWHERE || placed[n] || r->seen[m].next[i].count <= most) continue;
        most = r->seen[m].next[i].count;
        best = (int)n;
    }
    return best >= 0 ? best : beginning(r, place, placed);
}

/* Numbers of successors become those of the plan; who is not in it goes. */
static void renumber(struct member *m, const uint16_t *place)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->next_count; i++) {
        if (place[m->next[i].member] == NOWHERE) continue;
        m->next[kept] = m->next[i];
        m->next[kept++].member = place[m->next[i].member];
    }
    m->next_count = kept;
    for (unsigned i = 1; i < kept; i++) /* most frequent first */
        for (unsigned k = i; k > 0 && m->next[k].count > m->next[k - 1].count; k--) {
            __typeof__(m->next[0]) t = m->next[k];
            m->next[k] = m->next[k - 1];
            m->next[k - 1] = t;
        }
}

static void lay_out(struct plan *p, const struct recorder *r, uint16_t *place)
{
    bool placed[REGION_SEEN_MAX] = {false};
    p->count = p->insns = 0;
    p->several_pages = false;
    for (int m = follower(r, place, placed, -1); m >= 0; m = follower(r, place, placed, m)) {
        placed[m] = true;
        place[m] = (uint16_t)p->count;
        p->member[p->count++] = r->seen[m];
        p->insns += r->seen[m].block->length;
        if ((r->seen[m].pc ^ p->member[0].pc) & GUEST_PAGE_MASK) p->several_pages = true;
    }
    for (unsigned i = 0; i < p->count; i++) renumber(&p->member[i], place);
}

/* ---- joined members ---- */

/* How often a was followed by member number n. */
static unsigned followed(const struct member *a, unsigned n)
{
    for (unsigned i = 0; i < a->next_count; i++)
        if (a->next[i].member == n) return a->next[i].count;
    return 0;
}

/* Whether a's last instruction leads to b if nothing traps, by a constant distance. */
static bool leads_to(const struct jit *j, const struct member *a, const struct member *b)
{
    const struct block *block = a->block;
    struct insn last;
    insn_decode(block_raw(block)[block->length - 1], j->engine->modes[block->mode].live, &last);
    uint64_t distance = b->pc - a->pc;
    enum insn_kind kind = insn_info(last.id)->kind;
    if ((kind == KIND_BRANCH || kind == KIND_JUMP) &&
        distance == (uint64_t)((int64_t)block->bytes - last.length + last.imm))
        return true;
    return kind != KIND_JUMP && (kind == KIND_BRANCH || !insn_ends_block(&last)) && distance == block->bytes;
}

/* What follows one member alone needs no label, no look at the budget, and no registers where labels have them. */
static void join_members(const struct jit *j, struct plan *p)
{
    unsigned length = 0;
    for (unsigned i = 0; i < p->count; i++) {
        struct member *m = &p->member[i];
        unsigned others = 0, before = i ? followed(&m[-1], i) : 0;
        for (unsigned k = 0; k < p->count; k++)
            if (k + 1 != i) others += followed(&p->member[k], i);
        m->joined = before && others * RARE <= before && before * 4 >= m[-1].count && !p->f_hosts &&
                    length + m->block->length <= CHAIN_INSNS_MAX && leads_to(j, &m[-1], m);
        length = (m->joined ? length : 0) + m->block->length;
    }
}

/* ---- life and death ---- */

static bool is_native(const struct jit *j, const struct block *b)
{
    return b->native != code_exec(&j->code, j->enter_interp);
}

/* The largest piece of RAM, if h loads by physical addresses and may read all of it. Programs without an operating system set up one PMP entry at
 * most, which allows everything. */
static const struct ram_region *flat_ram(const struct hart *h)
{
    const struct mmu_regime *r = &h->data->info.regime;
    const struct ram_region *best = bus_largest_ram(h->engine->bus);
    if (r->satp || r->virt || h->mmu.pmp.active > 1) return NULL;
    if (!best || best->base > -(uint64_t)INT32_MIN) return NULL; /* what is taken off is an immediate */
    return pmp_check(&h->mmu.pmp, best->base, best->size, PMP_R, r->priv == PRIV_M) ? best : NULL;
}

/* Makes a region of what was recorded, if anything ran again and again. */
static bool region_make(struct jit *j)
{
    struct recorder *r = &j->recorder;
    uint16_t place[REGION_SEEN_MAX];
    struct plan plan;
    unsigned most = 0;
    for (unsigned i = 0; i < r->seen_count; i++) {
        struct member *m = &r->seen[i];
        bool usable = m->block->count != BLOCK_DEAD && is_native(j, m->block);
        m->label = usable ? NULL : j->blocks; /* not NULL: not to be chosen */
        if (usable && m->count > most) most = m->count;
    }
    if (most < 3) return false;
    size_t fits = j->bytes / 4 / 600;
    choose(r, place, fits < REGION_INSNS_MAX ? (unsigned)fits : REGION_INSNS_MAX);
    lay_out(&plan, r, place);
    if (!plan.count || (size_t)(j->code.at - j->write) + jit_region_room(&plan) > j->bytes) return false;
    struct region *made = calloc(1, sizeof *made + plan.count * sizeof made->of[0]);
    if (!made) return false;
    assign(j, &plan);
    join_members(j, &plan);
    plan.flat = r->hart->code == r->bank ? flat_ram(r->hart) : NULL; /* it may have left for another mode */
    plan.hart = r->hart;
    made->count = plan.count;
    for (unsigned i = 0; i < plan.count; i++) {
        made->of[i].block = plan.member[i].block;
        made->of[i].block->regions++;
    }
    uint8_t *before = j->code.at;
    jit_emit_region(j, &plan, made);
    j->engine->stats.code_bytes += (uint64_t)(j->code.at - before);
    j->engine->stats.code_bytes_made += (uint64_t)(j->code.at - before);
    made->next = j->regions;
    j->regions = made;
    j->engine->stats.regions_made++;
    return true;
}

static void region_undo(struct jit *j, struct region *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct block *b = r->of[i].block;
        b->regions--;
        if (!r->of[i].entered) continue;
        memcpy((uint8_t *)b->native - j->code.to_exec, r->of[i].saved, sizeof r->of[i].saved);
        b->region_entered = false;
    }
}

static bool region_has(const struct region *r, const struct block *b)
{
    for (unsigned i = 0; i < r->count; i++)
        if (r->of[i].block == b) return true;
    return false;
}

void region_block_killed(struct jit *j, struct block *b)
{
    j->recorder.steps = j->recorder.seen_count = 0; /* it may name b */
    for (struct region **p = &j->regions; *p && b->regions;) {
        struct region *r = *p;
        if (region_has(r, b)) {
            region_undo(j, r);
            j->engine->stats.regions_died++;
            *p = r->next;
            free(r);
        } else {
            p = &r->next;
        }
    }
}

void region_flush(struct jit *j)
{
    while (j->regions) {
        struct region *r = j->regions;
        j->regions = r->next;
        j->engine->stats.regions_died++;
        free(r);
    }
    j->recorder.steps = 0;
    j->recorder.seen_count = 0;
}

/* ---- recording ---- */

/* Where a program spends its time shows in where it is after every so many instructions. */
#define PERIOD       16384
#define PERIOD_MAX   (1 << 20)
#define SAMPLES      2
#define STEPS        640
#define BARREN_SKIPS 30
/* For tests: everything at once. */
#define EAGER_PERIOD 61
#define EAGER_STEPS  40

static bool is_eager(const struct jit *j) { return j->warm <= 2; }

static unsigned note(struct recorder *r, struct block *b, gva_t pc)
{
    for (unsigned i = 0; i < r->seen_count; i++)
        if (r->seen[i].block == b && r->seen[i].pc == pc) return i;
    if (r->seen_count == REGION_SEEN_MAX) return REGION_SEEN_MAX;
    r->seen[r->seen_count] = (struct member){.block = b, .pc = pc};
    return r->seen_count++;
}

static void note_next(struct member *m, unsigned next)
{
    unsigned i = 0;
    while (i < m->next_count && m->next[i].member != next) i++;
    if (i == REGION_NEXT_MAX) return;
    if (i == m->next_count) {
        m->next[i].member = (uint16_t)next;
        m->next[i].count = 0;
        m->next_count++;
    }
    m->next[i].count++;
}

static void record_end(struct jit *j)
{
    struct recorder *r = &j->recorder;
    if (!region_make(j) && !is_eager(j)) r->start->samples = -BARREN_SKIPS;
    r->steps = r->seen_count = 0;
    r->credit = r->period;
}

static int64_t record(struct jit *j, struct hart *h, struct block *b)
{
    struct recorder *r = &j->recorder;
    bool goes_on = h->code == r->bank && b->mode == r->mode && b != j->engine->scratch;
    unsigned at = goes_on ? note(r, b, h->pc) : REGION_SEEN_MAX;
    if (at == REGION_SEEN_MAX) {
        record_end(j);
        return BLOCK_INSNS_MAX;
    }
    r->seen[at].count++;
    if (r->steps) note_next(&r->seen[r->last], at);
    r->last = at;
    if (++r->steps == (is_eager(j) ? EAGER_STEPS : STEPS)) record_end(j);
    return b->count;
}

/* A sample fell on b. Whether a recording is to begin. */
static bool sample(struct jit *j, struct block *b)
{
    struct recorder *r = &j->recorder;
    if (is_eager(j)) {
        r->period = EAGER_PERIOD;
    } else if (b->regions) {
        if (r->period < PERIOD_MAX) r->period *= 2;
    } else {
        r->period = PERIOD;
    }
    r->credit = r->period;
    if (b == j->engine->scratch || !is_native(j, b) || b->regions) return false;
    return ++b->samples >= SAMPLES || is_eager(j);
}

int64_t region_step(struct hart *h, const struct block *block)
{
    struct jit *j = h->engine->jit;
    struct recorder *r = &j->recorder;
    struct block *b = (struct block *)(uintptr_t)block;
    uint64_t now = hart_icount(h);
    r->credit -= (int64_t)(now - h->stepped);
    h->stepped = now;
    if (r->steps) return h == r->hart ? record(j, h, b) : INT64_MAX;
    if (r->credit <= 0 && sample(j, b)) {
        r->hart = h;
        r->bank = h->code;
        r->mode = b->mode;
        r->start = b;
        for (unsigned i = 0; i < ACCESS_HINTS; i++) h->hints[i].misses = h->hints[i].strays = 0;
        return record(j, h, b);
    }
    return r->credit < BLOCK_INSNS_MAX ? BLOCK_INSNS_MAX : r->credit;
}
