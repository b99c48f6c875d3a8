/* Two-stage translation against an independent reading of the specification (mmu_guest_oracle.h), on random page tables of both stages:
 * all modes, superpages, bad PTEs, A and D, PBMT, NAPOT, PMP. Each access is compared in all that mmu.h promises and in
 * what it leaves in memory; then by a hart, whose trap registers must say the same. */
#include "tests/unit/asm.h"
#include "tests/unit/engine_bench.h"
#include "tests/unit/mmu_guest_oracle.h"

#include <criterion/criterion.h>

/* Pages of RAM: 0 code; 4-7 and 8-11 roots of the G-stage; 8-15 its tables; 16-21 the VS-stage's tables; 22-31 data. */
#define ROM_PPN   (RAM >> 12)
#define G_FIRST   8u
#define VS_FIRST  16u
#define DATA_PAGE 22u
#define PAGES     32u
#define PLACES    24u
#define PROBES    48u
#define REGIMES   8u
#define CODE      (RAM + 0x100)
#define HANDLER   (RAM + 0x200)

struct probe {
    unsigned regime;
    gva_t page;
    enum mmu_access access;
};

enum {
    SEEN_OK,
    SEEN_PAGE,
    SEEN_ACCESS,
    SEEN_GUEST,
    SEEN_IMPLICIT,
    SEEN_WRITE,
    SEEN_UPDATES,
    SEEN_NAPOT,
    SEEN_CACHED,
    SEEN
};

static struct world world; /* the bus and, for the second half, a hart */
static struct mmu *mmu;
static struct oracle_memory memory;
static struct oracle_pmp pmp;
static uint64_t seed, state;
static uint64_t hgatp;
static uint64_t table_at[PLACES],
    data_at[PLACES]; /* guest-physical pages that lead to tables of the VS-stage, to others */
static unsigned tables, datas;
static struct mmu_context regime[REGIMES];
static struct probe probe[PROBES];
static unsigned long accesses, seen[SEEN];

static uint64_t draw(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static uint64_t below(uint64_t n) { return draw() % n; }
static bool chance(unsigned percent) { return below(100) < percent; }
static uint64_t mask(unsigned bits) { return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1; }

/* ---- memory: the machine's, and the oracle's copy ---- */

static void store(gpa_t at, const void *bytes, unsigned len)
{
    cr_assert(bus_dma_write(&world.bus, at, bytes, len));
    memmove(oracle_byte(&memory, at), bytes, len);
}
static void store64(gpa_t at, uint64_t v) { store(at, &v, 8); }
static uint64_t oracle_load64(gpa_t at)
{
    uint64_t v;
    memcpy(&v, oracle_byte(&memory, at), 8);
    return v;
}

static void check_memory(void)
{
    const uint8_t *ram = world_ram(&world, RAM), *copy = memory.region[0].bytes;
    if (memcmp(ram, copy, RAM_SIZE) == 0) return;
    for (uint64_t i = 0; i < RAM_SIZE; i += 8)
        cr_assert_eq(load_le64(ram + i), load_le64(copy + i), "seed %lu: PTE at %#lx is %#lx, not %#lx", seed, RAM + i,
                     load_le64(ram + i), load_le64(copy + i));
}

static struct guest_walk walk_of(const struct mmu_context *c, gva_t va, enum mmu_access access)
{
    struct guest_walk w = {
        .memory = &memory, .pmp = &pmp, .svnapot = mmu->svnapot, .c = *c, .access = access, .guest_pa = va};
    guest_walk(&w, va);
    cr_assert_leq(w.written, GUEST_WALK_WRITES);
    return w;
}
/* The same without a trace in memory. */
static struct guest_walk look_of(const struct mmu_context *c, gva_t va, enum mmu_access access)
{
    struct guest_walk w = walk_of(c, va, access);
    for (unsigned i = w.written; i-- > 0;) memcpy(oracle_byte(&memory, w.write[i].at), &w.write[i].before, 8);
    return w;
}

/* ---- random tables ---- */

static uint64_t draw_ppn(bool second)
{
    switch (below(16)) {
    case 0: return draw() & mask(44);
    case 1: return (DEVICE >> 12) + below(2);
    case 2: return ROM_PPN + PAGES - below(2) * (PAGES + 1); /* just beyond RAM */
    default: break;
    }
    if (second) return ROM_PPN + (chance(50) ? VS_FIRST + below(DATA_PAGE - VS_FIRST) : below(PAGES));
    if (tables && chance(25)) return table_at[below(tables)] >> 12;
    return (datas ? data_at[below(datas)] >> 12 : ROM_PPN + DATA_PAGE + below(PAGES - DATA_PAGE)) & mask(44);
}

static uint64_t draw_pte(bool second, unsigned pointers)
{
    static const uint8_t alignments[] = {0, 0, 0, 0, 9, 18, 18, 27, 36};
    static const uint8_t odd[] = {54, 57, 60, 61, 62, 63};
    uint64_t pte = 1, ppn;
    if (chance(pointers)) {
        ppn = second ? ROM_PPN + G_FIRST + below(VS_FIRST - G_FIRST)
                     : (tables ? table_at[below(tables)] >> 12 : ROM_PPN + VS_FIRST);
        if (chance(3)) ppn = draw_ppn(second);
        pte |= below(4) << 8 | (chance(10) ? 0x20 : 0) | (chance(1) ? draw() & 0xd0 : 0);
    } else {
        ppn = draw_ppn(second);
        unsigned align = alignments[below(ARRAY_LEN(alignments))];
        if (second && align) ppn = chance(50) ? ROM_PPN : 0; /* superpages that hold RAM */
        ppn = ppn >> align << align;
        pte |= draw() & 0x33e;
        if (second ? chance(95) : chance(50)) pte |= 0x10;
        if (chance(70)) pte |= 0x6;
        if (chance(second ? 92 : 80)) pte |= 0x40;
        if (chance(65)) pte |= 0x80;
        if (!(pte & 0xe)) pte |= 2;
        if (chance(10)) {
            pte |= UINT64_C(1) << 63;
            if (chance(80)) ppn = (ppn & ~UINT64_C(15)) | 8;
        }
        if (chance(8)) pte |= below(4) << 61;
    }
    if (chance(1)) pte |= UINT64_C(1) << odd[below(ARRAY_LEN(odd))];
    if (chance(1)) pte &= ~UINT64_C(1);
    return pte | ppn << 10;
}

/* An address whose low part hits RAM through a superpage of some level. */
static uint64_t draw_low(uint64_t high)
{
    static const uint8_t bits[] = {21, 30, 39, 48};
    unsigned n = bits[below(4)];
    uint64_t page = datas && chance(60) ? data_at[below(datas)] : RAM + below(PAGES) * 4096;
    return (high & ~mask(n)) | (page & mask(n) & ~mask(12));
}

static uint64_t draw_guest_pa(void)
{
    unsigned mode = (unsigned)(hgatp >> 60), width = mode ? 12 + 9 * (mode - 5) + 2 : 56;
    if (mode == 0) return RAM + below(PAGES) * 4096;
    if (width > 56 && chance(97)) width = 56; /* as far as a PTE of the VS-stage reaches */
    uint64_t at = draw() & mask(width) & ~mask(12);
    if (chance(60)) at = draw_low(at) & mask(width);
    return at;
}

static gva_t draw_va(const struct mmu_context *c)
{
    unsigned mode = (unsigned)(c->satp >> 60), unused = mode ? 64 - (12 + 9 * (mode - 5)) : 0;
    uint64_t va = draw() & ~mask(12);
    if (mode == 0) {
        va = datas && chance(85) ? data_at[below(datas)] : draw_guest_pa();
        return chance(5) ? va | UINT64_C(1) << (38 + below(26)) : va;
    }
    if (chance(60)) va = draw_low(va);
    va = (uint64_t)((int64_t)(va << unused) >> unused);
    return chance(2) ? va ^ UINT64_C(1) << (63 - below(unused + 1)) : va;
}

/* What the guest-physical addresses lead to, A and D aside. */
static void find_places(void)
{
    struct mmu_context c = {.hgatp = hgatp, .virt = true, .priv = PRIV_S, .g_adue = true, .g_pbmte = true};
    tables = datas = 0;
    for (unsigned i = 0; i < 600 && (tables < PLACES || datas < PLACES); i++) {
        uint64_t at = draw_guest_pa();
        struct guest_walk w = look_of(&c, at, MMU_READ);
        if (w.fault != MMU_OK || !oracle_byte(&memory, w.pa) || at >> 56) continue;
        uint64_t page = (w.pa - RAM) >> 12;
        if (page >= VS_FIRST && page < DATA_PAGE) {
            if (tables < PLACES) table_at[tables++] = at;
        } else if (datas < PLACES) {
            data_at[datas++] = at;
        }
    }
}

static void draw_regime(unsigned i)
{
    static const uint8_t modes[] = {0, 8, 8, 9, 9, 10, 10};
    struct mmu_context *c = &regime[i];
    uint64_t bits = draw(), mode = modes[below(ARRAY_LEN(modes))];
    *c = (struct mmu_context){.hgatp = hgatp,
                              .virt = true,
                              .priv = bits & 1 ? PRIV_S : PRIV_U,
                              .sum = bits & 2,
                              .mxr = bits & 4,
                              .g_mxr = bits & 8,
                              .g_adue = bits & 0x10,
                              .g_pbmte = bits & 0x20};
    /* norm:menvcfg: henvcfg's bits are read-only zero where menvcfg's are zero */
    c->adue = c->g_adue && bits & 0xc0;
    c->pbmte = c->g_pbmte && bits & 0x300;
    if (mode == 0) return;
    uint64_t root = tables && chance(97) ? table_at[below(tables)] : draw_guest_pa();
    c->satp = mode << 60 | below(4) << 44 | (root >> 12 & mask(44));
}

static void draw_probe(unsigned i)
{
    struct probe *p = &probe[i];
    *p = (struct probe){.regime = (unsigned)below(REGIMES), .access = (enum mmu_access)below(3)};
    for (unsigned tries = 0; tries < 60; tries++) { /* most addresses fault: prefer others */
        p->regime = (unsigned)below(REGIMES);
        p->page = draw_va(&regime[p->regime]);
        if (look_of(&regime[p->regime], p->page, p->access).fault == MMU_OK) break;
    }
}

/* Registers as a guest could have written them; the oracle takes what they hold then. */
static void draw_pmp(struct pmp *to)
{
    to->count = 16;
    pmp_reset(to);
    pmp_write_addr(to, 15, UINT64_MAX);
    pmp_write_cfg(to, 2, UINT64_C(0x1f) << 56);
    uint64_t cfg = 0;
    for (unsigned i = 0; i < 3 && chance(20); i++) {
        gpa_t at = RAM + below(RAM_SIZE);
        pmp_write_addr(to, i, at >> 2 | mask(chance(30) ? (unsigned)below(9) : 9));
        uint64_t rwx = below(8);
        if ((rwx & 3) == 2) rwx |= 1;
        cfg |= (rwx | (chance(80) ? 0x18 : below(4) << 3)) << 8 * i;
    }
    pmp_write_cfg(to, 0, cfg);
    pmp = (struct oracle_pmp){.count = 16};
    for (unsigned i = 0; i < 16; i++) {
        pmp.cfg[i] = (uint8_t)(pmp_read_cfg(to, i / 8 * 2) >> 8 * (i % 8));
        pmp.addr[i] = pmp_read_addr(to, i);
    }
}

static void draw_world(uint64_t from)
{
    static const uint8_t modes[] = {0, 8, 8, 9, 9, 10, 10};
    seed = state = from;
    draw_pmp(&mmu->pmp);
    for (uint64_t i = 0; i < PAGES * 512; i++) store64(RAM + i * 8, 0);
    hgatp = (uint64_t)modes[below(ARRAY_LEN(modes))] << 60 | below(4) << 44 | (ROM_PPN + (chance(70) ? 4 : 8));
    if (!(hgatp >> 60)) hgatp = 0;
    tables = datas = 0;
    for (uint64_t page = 4; page < VS_FIRST; page++)
        for (uint64_t i = 0; i < 512; i++)
            store64(RAM + page * 4096 + i * 8, draw_pte(true, page < 8 ? 85 : page % 4 == 0 ? 70 : 35));
    for (unsigned tries = 0; tries < 8 && !tables; tries++) find_places();
    for (uint64_t page = VS_FIRST; page < DATA_PAGE; page++)
        for (uint64_t i = 0; i < 512; i++) store64(RAM + page * 4096 + i * 8, draw_pte(false, page % 3 == 0 ? 85 : 45));
    for (unsigned i = 0; i < REGIMES; i++) draw_regime(i);
    for (unsigned i = 0; i < PROBES; i++) draw_probe(i);
    mmu_flush_all(mmu);
}

/* Flips something in a PTE that this walk reads. Doing it again undoes it, whatever A and D have become. */
struct flip {
    gpa_t at;
    uint64_t bits;
};
static struct flip draw_flip(const struct guest_walk *w)
{
    static const uint64_t flips[] = {0x40,
                                     0x40,
                                     0x80,
                                     0x80,
                                     0xc0,
                                     0xc0,
                                     0xc0,
                                     0x40,
                                     1,
                                     2,
                                     4,
                                     8,
                                     0x10,
                                     0x20,
                                     0x40,
                                     0x80,
                                     0xc0,
                                     0x84,
                                     0x400,
                                     0x2000,
                                     1 << 19,
                                     1 << 28,
                                     UINT64_C(1) << 40,
                                     UINT64_C(1) << 53,
                                     UINT64_C(1) << 54,
                                     UINT64_C(1) << 60,
                                     UINT64_C(1) << 61,
                                     UINT64_C(1) << 62,
                                     UINT64_C(1) << 63};
    if (w->read == 0) return (struct flip){0};
    return (struct flip){w->pte[chance(50) ? w->read - 1 : below(w->read)], flips[below(ARRAY_LEN(flips))]};
}
static void do_flip(const struct flip *f)
{
    if (f->bits) store64(f->at, oracle_load64(f->at) ^ f->bits);
}

static void count(const struct guest_walk *w, enum mmu_fault fault)
{
    accesses++;
    seen[fault]++;
    seen[SEEN_IMPLICIT] += fault == MMU_GUEST_PAGE_FAULT && w->implicit;
    seen[SEEN_WRITE] += fault == MMU_GUEST_PAGE_FAULT && w->implicit_write;
    seen[SEEN_UPDATES] += w->written;
    seen[SEEN_NAPOT] += fault == MMU_OK && w->size_log2 == 16;
}

/* A test of nothing fails. */
static void check_counts(const char *what, unsigned long each)
{
    printf("%s: %lu accesses: %lu ok, %lu page faults, %lu access faults, %lu guest-page faults (%lu on tables, %lu of "
           "them writes), %lu A/D updates, %lu NAPOT, %lu from a bank\n",
           what, accesses, seen[SEEN_OK], seen[SEEN_PAGE], seen[SEEN_ACCESS], seen[SEEN_GUEST], seen[SEEN_IMPLICIT],
           seen[SEEN_WRITE], seen[SEEN_UPDATES], seen[SEEN_NAPOT], seen[SEEN_CACHED]);
    for (unsigned i = 0; i < SEEN_CACHED; i++) cr_assert_gt(seen[i], each, "counter %u", i);
}

static void start_world(const char *cpu)
{
    world_create(&world, cpu, 1, 0);
    memory = (struct oracle_memory){.region = {{RAM, RAM_SIZE, calloc(1, RAM_SIZE)}}};
    accesses = 0;
    memset(seen, 0, sizeof seen);
}
static void stop_world(void)
{
    free(memory.region[0].bytes);
    world_destroy(&world);
}

/* ---- the MMU ---- */

static struct mmu_result ask(const struct mmu_context *c, gva_t va, unsigned len, enum mmu_access access, bool once)
{
    struct mmu_context asked = *c;
    if (access == MMU_FETCH) asked.sum = asked.mxr = asked.g_mxr = false;
    struct mmu_regime r = mmu_regime(&asked);
    if (once && access != MMU_FETCH) return mmu_access_once(mmu, &r, va, len, access);
    if (access == MMU_FETCH) return mmu_access_fetch(mmu, mmu_select_code(mmu, &r), va, len);
    struct data_bank *b = mmu_select_data(mmu, &r);
    struct mmu_result x = mmu_access_data(mmu, b, va, len, access);
    const struct tlb_entry *e = &(access == MMU_WRITE ? b->write : b->read)[tlb_index(va)];
    bool hit = (e->tag & ~mask(11)) == (va & ~mask(12)) && !(e->tag & TLB_TAG_SLOW);
    if (x.cached || hit) {
        cr_assert(x.fault == MMU_OK && x.host && hit, "seed %lu: an entry without a translation for %#lx", seed, va);
        cr_assert_eq((uint8_t *)(uintptr_t)(va + e->addend), x.host, "seed %lu: cached elsewhere", seed);
        seen[SEEN_CACHED]++;
    }
    return x;
}

static const char *said(char *text, const struct mmu_context *c, gva_t va, unsigned len, enum mmu_access access,
                        const struct guest_walk *w)
{
    snprintf(
        text, 500,
        "seed %lu: access %d of %u bytes at %#lx, vsatp %#lx hgatp %#lx priv %u sum %u mxr %u/%u hlvx %u adue %u/%u "
        "pbmte %u/%u; the walk says fault %d pa %#lx guest_pa %#lx implicit %u/%u size %u, last PTE %#lx at %#lx",
        seed, access, len, va, c->satp, c->hgatp, c->priv, c->sum, c->mxr, c->g_mxr, c->hlvx, c->adue, c->g_adue,
        c->pbmte, c->g_pbmte, w->fault, w->pa, w->guest_pa, w->implicit, w->implicit_write, w->size_log2,
        w->read ? oracle_load64(w->pte[w->read - 1]) : 0, w->read ? w->pte[w->read - 1] : 0);
    return text;
}

static void check_access(const struct mmu_context *c, gva_t va, unsigned len, enum mmu_access access, bool once)
{
    struct guest_walk w = walk_of(c, va, access);
    struct mmu_result x = ask(c, va, len, access, once);
    char text[500];
    bool ram = w.fault == MMU_OK && oracle_byte(&memory, w.pa);
    enum mmu_fault want = w.fault;
    if (want == MMU_OK && !guest_pmp_allows(&w, len)) want = MMU_ACCESS_FAULT;
    /* Where nothing is, or only a device, the bus may be left to say so; but nothing can be fetched there. */
    if (want == MMU_OK && !ram && (access == MMU_FETCH || x.fault == MMU_ACCESS_FAULT)) want = MMU_ACCESS_FAULT;
    cr_assert_eq(x.fault, want, "%s; fault %d", said(text, c, va, len, access, &w), x.fault);
    if (want == MMU_OK) {
        cr_assert(x.gpa == w.pa && x.host == (ram ? bus_ram(&world.bus, w.pa, len) : NULL), "%s; gpa %#lx",
                  said(text, c, va, len, access, &w), x.gpa);
        cr_assert_eq(x.page_log2, w.size_log2, "%s; page %u", said(text, c, va, len, access, &w), x.page_log2);
    } else if (want == MMU_GUEST_PAGE_FAULT) {
        cr_assert(x.guest_pa == w.guest_pa && x.implicit == w.implicit && x.implicit_write == w.implicit_write,
                  "%s; guest_pa %#lx implicit %u/%u", said(text, c, va, len, access, &w), x.guest_pa, x.implicit,
                  x.implicit_write);
    }
    for (unsigned i = 0; i < w.written; i++)
        cr_assert_eq(load_le64(world_ram(&world, w.write[i].at)), oracle_load64(w.write[i].at),
                     "%s; PTE at %#lx is %#lx", said(text, c, va, len, access, &w), w.write[i].at,
                     load_le64(world_ram(&world, w.write[i].at)));
    count(&w, want);
}

static void mmu_step(void)
{
    const struct probe *p = &probe[below(PROBES)];
    struct mmu_context c = regime[p->regime];
    enum mmu_access access = chance(80) ? p->access : (enum mmu_access)below(3);
    unsigned len = access == MMU_FETCH ? 2u << below(2) : 1u << below(4);
    gva_t va = p->page + below(4096 - len + 1);
    if (access == MMU_FETCH) va &= ~UINT64_C(1);
    bool changed = chance(25), once = chance(30);
    struct flip f = {0};
    if (once && access == MMU_READ && chance(40)) c.hlvx = true;
    if (changed) {
        struct guest_walk w = look_of(&c, va, access);
        f = draw_flip(&w);
        do_flip(&f);
        mmu_flush_all(mmu);
    }
    check_access(&c, va, len, access, once);
    check_access(&c, va, len, access, once); /* now perhaps out of a bank */
    if (!once) {
        check_access(&c, (va & ~mask(12)) + (va & 0xff8), access == MMU_FETCH ? 2 : 8, access, false);
        if (access == MMU_READ) check_access(&c, va, len, MMU_WRITE, false); /* through the entry of a load */
    }
    if (changed && chance(80)) {
        do_flip(&f);
        mmu_flush_all(mmu);
    }
}

Test(mmu_guest_random, agrees_with_a_slow_walker_of_both_stages)
{
    struct mmu alone;
    start_world("rv64");
    mmu_init(mmu = &alone, &world.bus, NULL);
    for (uint64_t n = 1; n <= 120; n++) {
        alone.svnapot = n % 8 != 0;
        draw_world(n);
        for (unsigned i = 0; i < 700; i++) {
            mmu_step();
            if (i % 16 == 0) check_memory();
        }
        check_memory();
    }
    mmu_finish(&alone);
    check_counts("both stages", 50);
    cr_assert_geq(accesses, 200000);
    cr_assert_gt(seen[SEEN_CACHED], 10000);
    stop_world();
}

/* ---- a hart: what the trap registers say ---- */

#define H      (world.hart[0])
#define ECALL  0x00000073u
#define UNSET  UINT64_C(0x7770)
#define BIT(n) (UINT64_C(1) << (n))
enum {
    HSTATUS = 0x600,
    HENVCFG = 0x60a,
    HGATP = 0x680,
    VSSTATUS = 0x200,
    VSATP = 0x280,
    MTINST = 0x34a,
    MTVAL2 = 0x34b
};

static void set(unsigned n, uint64_t v) { cr_assert(csr_poke(H, n, v), "csr %x", n); }
static uint64_t get(unsigned n)
{
    uint64_t v = 0;
    cr_assert(csr_peek(H, n, &v), "csr %x", n);
    return v;
}

/* norm:H_cause, norm:H_trap_xtinst, norm:H_trap_xtinst_guestpage, norm:mtval2_htval_virtaddr; a load or store that faults gives its
 * transformed instruction, with the address offset 0: all are aligned. */
static void check_trap(const struct guest_walk *w, enum mmu_fault fault, gva_t va, uint32_t raw)
{
    static const uint8_t causes[4][3] = {
        [MMU_PAGE_FAULT] = {13, 15, 12}, [MMU_ACCESS_FAULT] = {5, 7, 1}, [MMU_GUEST_PAGE_FAULT] = {21, 23, 20}};
    uint64_t tval2 = 0, tinst = 0;
    switch (raw & 0x7f) {
    case 0x03: tinst = raw & 0x7fff; break;
    case 0x23: tinst = raw & 0x1f0707f; break;
    default: tinst = raw & ~UINT32_C(0xf8000); break;
    }
    if (w->access == MMU_FETCH) tinst = 0;
    if (fault == MMU_GUEST_PAGE_FAULT) tval2 = w->guest_pa >> 2;
    if (fault == MMU_GUEST_PAGE_FAULT && w->implicit) tinst = w->implicit_write ? 0x3020 : 0x3000;
    char text[500];
    cr_assert(get(MCAUSE) == causes[fault][w->access] && get(MTVAL) == va && get(MTVAL2) == tval2 &&
                  get(MTINST) == tinst,
              "%s; mcause %lu mtval %lx mtval2 %lx mtinst %lx (insn %08x), not %u %lx %lx %lx",
              said(text, &w->c, va, 0, w->access, w), get(MCAUSE), get(MTVAL), get(MTVAL2), get(MTINST), raw,
              causes[fault][w->access], va, tval2, tinst);
    cr_assert(get(MSTATUS) & MSTATUS_GVA, "seed %lu: norm:mstatus_gva_op", seed);
}

static enum mmu_fault fault_of(const struct guest_walk *w, unsigned len)
{
    if (w->fault != MMU_OK) return w->fault;
    return guest_pmp_allows(w, len) && oracle_byte(&memory, w->pa) ? MMU_OK : MMU_ACCESS_FAULT;
}

enum way { WAY_MPRV, WAY_HLV, WAY_INSIDE, WAYS };

static void set_guest(const struct mmu_context *c, enum way way)
{
    bool s = c->priv == PRIV_S;
    set(MENVCFG, (c->g_adue ? BIT(61) : 0) | (c->g_pbmte ? BIT(62) : 0));
    set(HENVCFG, (c->adue ? BIT(61) : 0) | (c->pbmte ? BIT(62) : 0));
    set(HGATP, c->hgatp);
    set(VSATP, c->satp);
    set(VSSTATUS, (c->sum ? MSTATUS_SUM : 0) | (c->mxr ? MSTATUS_MXR : 0));
    set(HSTATUS, s ? HSTATUS_SPVP : 0);
    set(MSTATUS, (c->g_mxr ? MSTATUS_MXR : 0) | (s ? BIT(11) : 0) | (way == WAY_MPRV ? MSTATUS_MPRV | MSTATUS_MPV : 0));
    set(MTVEC, HANDLER);
    set(MCAUSE, 63);
    set(MTVAL2, UNSET);
    set(MTINST, UNSET);
    cr_assert(get(HGATP) == c->hgatp && get(VSATP) == c->satp, "seed %lu", seed);
    priv_set_mode(H, way == WAY_INSIDE ? c->priv : PRIV_M, way == WAY_INSIDE);
    priv_update(H);
}

static uint32_t draw_insn(enum way way, struct mmu_context *c, enum mmu_access access)
{
    if (way != WAY_HLV) return access == MMU_WRITE ? SD(T2, T1, 0) : LD(T0, T1, 0);
    if (access == MMU_WRITE) return 0x6e704073u | (uint32_t)T1 << 15 | (uint32_t)T2 << 20; /* HSV.D */
    c->hlvx = chance(40);
    return (c->hlvx ? 0x68304073u : 0x6c004073u) | (uint32_t)T1 << 15 | (uint32_t)T0 << 7; /* HLVX.WU, HLV.D */
}

static void hart_step(void)
{
    const struct probe *p = &probe[below(PROBES)];
    struct mmu_context c = regime[p->regime];
    enum way way = (enum way)below(WAYS);
    enum mmu_access access = p->access == MMU_FETCH ? (enum mmu_access)below(2) : p->access;
    gva_t va = p->page + (below(4096) & ~UINT64_C(7)), pc = CODE;
    uint32_t raw = draw_insn(way, &c, access);
    unsigned len = c.hlvx ? 4 : 8;
    struct guest_walk w = look_of(&c, way == WAY_INSIDE ? p->page : va, way == WAY_INSIDE ? MMU_FETCH : access);
    struct flip f = chance(30) ? draw_flip(&w) : (struct flip){0};
    do_flip(&f);
    mmu_flush_all(mmu);
    set_guest(&c, way);
    enum mmu_fault fault = MMU_OK;
    if (way ==
        WAY_INSIDE) { /* the instruction comes from the guest's memory too: a fetch, then perhaps its load or store */
        pc = p->page + 8 * below(500);
        w = look_of(&c, pc, MMU_FETCH);
        fault = fault_of(&w, 4);
        if (fault == MMU_OK && w.pa < RAM + DATA_PAGE * 4096) goto undo; /* that is no place for code */
        w = walk_of(&c, pc, MMU_FETCH);
        va = probe[below(PROBES)].page + 8 * below(512);
    }
    if (fault == MMU_OK) {
        const uint32_t code[] = {raw, way == WAY_INSIDE ? ECALL : J_SELF};
        store(way == WAY_INSIDE ? w.pa : CODE, code, sizeof code);
        w = look_of(&c, va, access);
        if (w.fault == MMU_OK && w.pa - DEVICE < GUEST_PAGE_BYTES) { /* it would answer, and do things */
            store(RAM, memory.region[0].bytes, RAM_SIZE);            /* the fetch's A bits */
            goto undo;
        }
        w = walk_of(&c, va, access);
        fault = fault_of(&w, len);
    } else {
        va = pc;
    }
    uint64_t there = fault == MMU_OK ? oracle_load64(w.pa & ~UINT64_C(7)) : 0;
    store64(HANDLER, J_SELF);
    H->x[T1] = va, H->x[T2] = there, H->pc = pc;
    world_run(&world, 0, 3);
    count(&w, fault);
    if (fault != MMU_OK) {
        check_trap(&w, fault, va, raw);
    } else {
        char text[500];
        cr_assert_eq(get(MCAUSE),
                     way != WAY_INSIDE  ? 63u
                     : c.priv == PRIV_S ? 10u
                                        : 8u,
                     "%s; mcause %lu", said(text, &c, va, len, access, &w), get(MCAUSE));
        if (access == MMU_READ) cr_assert_eq(H->x[T0], len == 4 ? (uint32_t)there : there, "seed %lu", seed);
    }
undo:
    if (chance(80)) do_flip(&f);
}

Test(mmu_guest_random, a_hart_reports_what_the_slow_walker_says)
{
    start_world("rv64");
    mmu = &H->mmu;
    for (uint64_t n = 1; n <= 60; n++) {
        draw_world(1000 + n);
        for (unsigned i = 0; i < 500; i++) {
            hart_step();
            if (i % 8 == 0) check_memory();
        }
        check_memory();
    }
    check_counts("a hart", 2);
    stop_world();
}
