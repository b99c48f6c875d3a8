/* The block cache: finding, decoding and killing blocks. */
#include "cpu/engine_internal.h"
#include "cpu/jit/jit.h"

#include "emu/base/bits.h"
#include "emu/base/host_mem.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#if ORRERY_HOSTILE
#define ARENA_DEFAULT_BYTES (64u << 10)
#else
#define ARENA_DEFAULT_BYTES (8u << 20)
#endif
#define ARENA_LEAST_BYTES (32u << 10)

/* ---- life ---- */

static uint64_t code_written(void *engine, gpa_t gpa, uint64_t len);
static void device_wrote(void *engine, gpa_t gpa, uint64_t len);
static void block_kill(struct engine *e, struct block *b);

static void arena_clear(struct engine *e)
{
    e->part = 0;
    e->part_used = 0;
    e->parts_begun = 1;
    memset(e->buckets, 0, sizeof e->buckets);
    memset(e->pages, 0, sizeof e->pages);
    e->free_pages = NULL;
    e->pages_begun = 0;
}

struct engine *engine_create(struct bus *bus, size_t arena_bytes, struct log *log)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->bus = bus;
    e->log = log;
    if (!arena_bytes) arena_bytes = ARENA_DEFAULT_BYTES;
    if (arena_bytes < ARENA_LEAST_BYTES) arena_bytes = ARENA_LEAST_BYTES;
    e->part_bytes = arena_bytes / ARENA_PARTS & ~(size_t)15;
    e->arena = host_mem_reserve(e->part_bytes * ARENA_PARTS);
    e->page_pool = malloc(CODE_PAGES_MAX * sizeof *e->page_pool);
    e->scratch = malloc(block_size(BLOCK_INSNS_MAX));
    e->blind = malloc(sizeof *e->blind);
    if (!e->arena || !e->page_pool || !e->scratch || !e->blind) {
        engine_destroy(e);
        return NULL;
    }
    e->parts_begun = 1;
    if (bus) {
        bus->code_written = code_written;
        bus->device_wrote = device_wrote;
        bus->watcher = e;
    }
    return e;
}

const struct data_bank *engine_blind_bank(struct engine *e)
{
    for (unsigned i = 0; i < TLB_SETS && !e->blind_is_clear; i++)
        e->blind->read[i].tag = e->blind->write[i].tag = TLB_TAG_EMPTY;
    e->blind_is_clear = true;
    return e->blind;
}

void engine_destroy(struct engine *e)
{
    if (!e) return;
    if (e->bus && e->bus->watcher == e) {
        e->bus->code_written = NULL;
        e->bus->device_wrote = NULL;
        e->bus->watcher = NULL;
    }
    jit_destroy(e->jit);
    free(e->counts);
    host_mem_release(e->arena, e->part_bytes * ARENA_PARTS);
    free(e->page_pool);
    free(e->scratch);
    free(e->blind);
    free(e);
}

bool engine_add_hart(struct engine *e, struct hart *h)
{
    if (e->hart_count == ENGINE_HARTS_MAX) return false;
    e->harts[e->hart_count++] = h;
    return true;
}

void engine_remove_hart(struct engine *e, struct hart *h)
{
    for (unsigned i = 0; i < e->hart_count; i++)
        if (e->harts[i] == h) e->harts[i] = e->harts[--e->hart_count];
}

bool engine_translate(struct engine *e, size_t code_bytes, unsigned warm)
{
    if (!e->jit) e->jit = jit_create(e, code_bytes, warm);
    return e->jit != NULL;
}

const struct engine_stats *engine_stats(const struct engine *e) { return &e->stats; }

const struct engine_counts *engine_count(struct engine *e)
{
    if (!e->counts) e->counts = calloc(1, sizeof *e->counts);
    return e->counts;
}

const volatile uint8_t *engine_activity(const struct engine *e) { return &e->activity; }

bool engine_code(const struct engine *e, const uint8_t **code, size_t *bytes)
{
    return e->jit && jit_code(e->jit, code, bytes);
}

void engine_on_translation(struct engine *e, void (*told)(void *self, const struct translation *t), void *self)
{
    if (e->jit) jit_on_translation(e->jit, told, self);
}

/* ---- the arena ---- */

/* A block and the nodes that name it lie in one part, so that they go together. */
#define BLOCK_ROOM(length) (block_size(length) + 2 * sizeof(struct page_node))
_Static_assert(sizeof(struct page_node) % 16 == 0, "blocks begin at multiples of 16");

static bool arena_has_room(struct engine *e, size_t bytes)
{
    if (bytes <= e->part_bytes - e->part_used) return true;
    if (e->parts_begun == ARENA_PARTS) return false;
    if (e->parts_begun++ == 1) /* the others were never used */
        host_mem_prefer_large(e->arena + e->part_bytes, (ARENA_PARTS - 1) * e->part_bytes, true);
    e->part++;
    e->part_used = 0;
    return true;
}

/* There is room. */
static void *arena_take(struct engine *e, size_t bytes)
{
    void *p = e->arena + e->part * e->part_bytes + e->part_used;
    e->part_used += bytes;
    return p;
}

static void flush_jumps(struct engine *e)
{
    for (unsigned i = 0; i < e->hart_count; i++) mmu_flush_jumps(&e->harts[i]->mmu);
}

/* Marks on the bus stay; the watcher clears them when it finds nothing behind them. */
void engine_flush(struct engine *e)
{
    arena_clear(e);
    if (e->jit) jit_flush(e->jit);
    flush_jumps(e);
    e->stats.flushes++;
}

void engine_drop_native(struct engine *e)
{
    for (unsigned i = 0; i < BLOCK_BUCKETS; i++)
        for (struct block *b = e->buckets[i]; b; b = b->next) jit_block_dropped(e->jit, b);
    jit_flush(e->jit);
    e->stats.drops++;
    /* Dead blocks are in no bucket, and native code that finds one by a jump entry does not look whether it is dead. */
    flush_jumps(e);
}

/* ---- the oldest part goes ---- */

struct range {
    uintptr_t from, to;
};
static bool within(const void *p, struct range r) { return (uintptr_t)p >= r.from && (uintptr_t)p < r.to; }

/* b stays: it no longer leads to what goes. The second slot of a block that ends in no transfer holds no link. */
static void forget_links(struct block *b, struct range gone)
{
    struct dinsn *fall = &b->code[b->length], *taken = fall + 1;
    if (within(fall->link, gone)) fall->link = &block_unlinked;
    if (!fall->fn && within(taken->link, gone)) taken->link = &block_unlinked;
}

static void empty_buckets(struct engine *e, struct range gone)
{
    for (unsigned i = 0; i < BLOCK_BUCKETS; i++)
        for (struct block *b = e->buckets[i], *next; b; b = next) {
            next = b->next;
            if (within(b, gone))
                block_kill(e, b);
            else
                forget_links(b, gone);
        }
}

static void empty_pages(struct engine *e, struct range gone)
{
    for (unsigned i = 0; i < PAGE_BUCKETS; i++)
        for (struct code_page **slot = &e->pages[i]; *slot;) {
            struct code_page *page = *slot;
            struct page_node **p = &page->blocks;
            while (*p)
                if (within(*p, gone))
                    *p = (*p)->next;
                else
                    p = &(*p)->next;
            if (page->blocks) {
                slot = &page->next;
            } else {
                *slot = page->next;
                page->next = e->free_pages;
                e->free_pages = page;
            }
        }
}

void engine_make_room(struct engine *e)
{
    if (!e->free_pages && e->pages_begun == CODE_PAGES_MAX) { /* code is spread over too many pages */
        engine_flush(e);
        return;
    }
    e->part = (e->part + 1) % ARENA_PARTS;
    e->part_used = 0;
    uintptr_t from = (uintptr_t)e->arena + e->part * e->part_bytes;
    struct range gone = {from, from + e->part_bytes};
    empty_buckets(e, gone);
    empty_pages(e, gone);
    flush_jumps(e);
    e->stats.evictions++;
}

/* ---- modes ---- */

void engine_update_mode(struct engine *e, struct hart *h)
{
    bool single = h->observer != NULL;
    unsigned i = 0;
    while (i < e->mode_count && (e->modes[i].live != h->isa_live || e->modes[i].single != single)) i++;
    if (i == MODES_MAX) {
        engine_flush(e); /* no block is left that knows its mode by number */
        e->mode_count = i = 0;
        for (unsigned n = 0; n < e->hart_count; n++) e->harts[n]->mode_isa = 0;
    }
    if (i == e->mode_count) e->modes[e->mode_count++] = (struct mode){h->isa_live, single};
    h->mode = (uint8_t)i;
    h->mode_isa = h->isa_live;
}

/* ---- tables ---- */

static struct block **bucket_of(struct engine *e, gpa_t gpa, unsigned mode)
{
    uint64_t hash = ((gpa >> 1) ^ (uint64_t)mode << 40) * UINT64_C(0x9e3779b97f4a7c15);
    return &e->buckets[hash >> 49]; /* 15 bits */
}
_Static_assert(BLOCK_BUCKETS == 1u << (64 - 49), "bucket_of takes the top bits of the hash");

static struct code_page **page_slot(struct engine *e, gpa_t page)
{
    struct code_page **p = &e->pages[(page >> GUEST_PAGE_LOG2) % PAGE_BUCKETS];
    while (*p && (*p)->page != page) p = &(*p)->next;
    return p;
}

static struct code_page *page_make(struct engine *e, gpa_t page)
{
    struct code_page **slot = page_slot(e, page), *p = *slot;
    if (p) return p;
    if ((p = e->free_pages))
        e->free_pages = p->next;
    else if (e->pages_begun < CODE_PAGES_MAX)
        p = &e->page_pool[e->pages_begun++];
    else
        return NULL;
    *p = (struct code_page){.page = page};
    return *slot = p;
}

/* Where the code of b lies in the page of gpa: at gpa itself, or in the page that it straddles into. */
static uint64_t block_lines(const struct block *b, gpa_t page)
{
    uint64_t lines = 0;
    if ((b->gpa & GUEST_PAGE_MASK) == page) lines |= bus_lines(b->gpa, b->straddles ? 2 : b->bytes);
    if (b->straddles && (b->gpa2 & GUEST_PAGE_MASK) == page) lines |= bus_lines(b->gpa2, 2);
    return lines;
}

/* Writes b into the list of the page of gpa, where it has bytes from gpa on; on the page's first block it becomes a code page. */
static void page_note(struct engine *e, struct block *b, gpa_t gpa, uint64_t bytes)
{
    struct code_page *p = page_make(e, gpa & GUEST_PAGE_MASK);
    struct page_node *node = arena_take(e, sizeof *node);
    bool first = !p->blocks || !bus_has_code(e->bus, p->page);
    bus_mark_code(e->bus, gpa, bytes);
    if (first) {
        const uint8_t *host = bus_ram(e->bus, p->page, 1);
        for (unsigned i = 0; i < e->hart_count; i++) mmu_protect_code(&e->harts[i]->mmu, host);
    }
    *node = (struct page_node){b, p->blocks};
    p->blocks = node;
}

static void block_kill(struct engine *e, struct block *b)
{
    if (b->count == BLOCK_DEAD) return;
    b->count = BLOCK_DEAD;
    if (e->jit) jit_block_killed(e->jit, b);
    struct block **p = bucket_of(e, b->gpa, b->mode);
    while (*p && *p != b) p = &(*p)->next;
    if (*p) *p = b->next;
}

static bool block_overlaps(const struct block *b, gpa_t gpa, uint64_t len)
{
    uint64_t first = b->straddles ? 2 : b->bytes;
    bool in_first = b->gpa < gpa + len && gpa < b->gpa + first;
    bool in_second = b->straddles && b->gpa2 < gpa + len && gpa < b->gpa2 + 2;
    return in_first || in_second;
}

/* The bus's watcher: these bytes change. Returns the lines of the page that still hold code. */
static uint64_t code_written(void *engine, gpa_t gpa, uint64_t len)
{
    struct engine *e = engine;
    struct code_page *page = *page_slot(e, gpa & GUEST_PAGE_MASK);
    uint64_t lines = 0;
    if (!page) return 0;
    for (struct page_node **p = &page->blocks; *p;) {
        struct block *b = (*p)->block;
        if (b->count != BLOCK_DEAD && block_overlaps(b, gpa, len)) {
            block_kill(e, b);
            e->stats.invalidations++;
        }
        if (b->count == BLOCK_DEAD) {
            *p = (*p)->next;
        } else {
            lines |= block_lines(b, page->page);
            p = &(*p)->next;
        }
    }
    return lines;
}

/* norm:sc_other_device_write_fail */
static void device_wrote(void *engine, gpa_t gpa, uint64_t len)
{
    struct engine *e = engine;
    for (unsigned i = 0; i < e->hart_count; i++) {
        gpa_t set = e->harts[i]->reservation - 1;
        if (e->harts[i]->reservation && set < gpa + len && gpa < set + 8) e->harts[i]->reservation = 0;
    }
}

/* ---- fetching ---- */

/* A piece of guest code, as far as it may be read without another translation. */
struct fetched {
    gpa_t gpa, gpa2; /* gpa2: of the second half of an instruction that straddles pages */
    const uint8_t *host;
    uint32_t raw; /* first instruction */
    bool straddles, cached;
};

static bool fetch_part(struct hart *h, gva_t va, struct mmu_result *r, struct trap *t)
{
    *r = mmu_access_fetch(&h->mmu, h->code, va, 2);
    if (r->fault == MMU_OK && r->host) return true;
    /* Device windows hold no code: only main memory may be executed. */
    *t = (struct trap){.cause = r->fault == MMU_PAGE_FAULT ? CAUSE_FETCH_PAGE : CAUSE_FETCH_ACCESS, .tval = va};
    if (r->fault == MMU_GUEST_PAGE_FAULT) {
        t->cause = CAUSE_FETCH_GUEST_PAGE;
        trap_of_guest_page(t, r);
    }
    return false;
}

static bool ends_page(gva_t va) { return (va & ~GUEST_PAGE_MASK) == GUEST_PAGE_BYTES - 2; }

/* The first instruction at h->pc, whose first parcel of two bytes is at `at`; tval of a fault is the address of the parcel. */
static bool fetch_insn(struct hart *h, const struct mmu_result *at, struct fetched *f, struct trap *t)
{
    struct mmu_result r = *at;
    *f = (struct fetched){.gpa = r.gpa, .host = r.host, .raw = load_le16(r.host), .cached = r.cached};
    if (insn_length(f->raw) == 2) return true;
    if (ends_page(h->pc) || !r.cached) {
        if (!fetch_part(h, h->pc + 2, &r, t)) return false;
        f->cached = f->cached && r.cached;
    } else {
        r.host += 2;
    }
    f->raw |= (uint32_t)load_le16(r.host) << 16;
    f->straddles = ends_page(h->pc);
    f->gpa2 = r.gpa;
    return true;
}

/* ---- decoding ---- */

/* Decodes from f on into insns; returns how many. Never zero: an illegal instruction is one, too. */
static unsigned decode_run(const struct engine *e, const struct hart *h, const struct fetched *f, struct insn *insns)
{
    isa_set live = h->isa_live;
    unsigned limit = e->modes[h->mode].single || !f->cached || f->straddles ? 1 : BLOCK_INSNS_MAX, n = 0;
    uint64_t room = GUEST_PAGE_BYTES - (f->gpa & ~GUEST_PAGE_MASK), offset = 0;
    uint32_t raw = f->raw;
    while (true) {
        insn_decode(raw, live, &insns[n]);
        offset += insns[n].length;
        if (insn_ends_block(&insns[n++]) || n == limit || room - offset < 2) return n;
        raw = load_le16(f->host + offset);
        if (insn_length(raw) == 4) {
            if (room - offset < 4) return n;
            raw = load_le32(f->host + offset);
        }
    }
}

static void log_block(const struct engine *e, const struct hart *h, const struct insn *insns, unsigned n)
{
    uint64_t pc = h->pc;
    for (unsigned i = 0; i < n; i++) {
        char text[96];
        insn_format(text, sizeof text, &insns[i], pc);
        log_line(e->log, LOG_IN_ASM, "in_asm: 0x%" PRIx64 ": %0*x %s", pc, insns[i].length * 2, insns[i].raw, text);
        pc += insns[i].length;
    }
}

/* First handler of every block while somebody counts. */
static const struct dinsn *block_counted(struct hart *h, const struct dinsn *d, const struct data_bank *bank)
{
    const struct block *b = block_of(d),
                       *whole = b->origin ? b->origin : b; /* a truncated copy may have this handler, too */
    h->engine->counts->accesses += whole->accesses;
    return whole->counted(h, d, bank);
}

static void count_block(struct block *b, const struct insn *insns, unsigned n)
{
    for (unsigned i = 0; i < n; i++) b->accesses = (uint8_t)(b->accesses + (insn_info(insns[i].id)->mem_bytes != 0));
    b->counted = b->code[0].fn;
    b->code[0].fn = block_counted;
}

static bool pages_has_room(struct engine *e, const struct fetched *f)
{
    return page_make(e, f->gpa & GUEST_PAGE_MASK) && (!f->straddles || page_make(e, f->gpa2 & GUEST_PAGE_MASK));
}

/* Makes the block that starts at f. NULL: the arena is full. */
static struct block *block_make(struct engine *e, const struct hart *h, const struct fetched *f)
{
    struct insn insns[BLOCK_INSNS_MAX];
    unsigned n = decode_run(e, h, f, insns);
    if (f->cached && !(arena_has_room(e, BLOCK_ROOM(n)) && pages_has_room(e, f))) return NULL;
    struct block *b = f->cached ? arena_take(e, block_size(n)) : e->scratch;
    *b = (struct block){.gpa = f->gpa, .gpa2 = f->gpa2, .mode = h->mode, .straddles = f->straddles};
    block_lower(b, insns, n, h->isa_live);
    if (e->counts) count_block(b, insns, n);
    if (e->jit) jit_block_made(e->jit, b, f->cached);
    if (f->cached) {
        page_note(e, b, f->gpa, f->straddles ? 2 : b->bytes);
        if (f->straddles) page_note(e, b, f->gpa2, 2);
        struct block **bucket = bucket_of(e, b->gpa, b->mode);
        b->next = *bucket;
        *bucket = b;
    }
    e->stats.blocks_decoded++;
    e->stats.insns_decoded += n;
    if (log_on(e->log, LOG_IN_ASM)) log_block(e, h, insns, n);
    return b;
}

/* The block at gpa; only one that straddles pages lies also at gpa2. */
static struct block *block_lookup(struct engine *e, const struct hart *h, gpa_t gpa, bool straddles, gpa_t gpa2)
{
    struct block *b = *bucket_of(e, gpa, h->mode);
    while (b && !(b->gpa == gpa && b->mode == h->mode && (!straddles || b->gpa2 == gpa2))) b = b->next;
    return b;
}

enum find_result engine_find(struct engine *e, struct hart *h, const struct block **found, struct trap *t, bool *cached)
{
    struct jump_entry *j = mmu_jump(&h->mmu, h->pc);
    struct block *b = j->block;
    if (j->pc == h->pc && j->tag == jump_tag(h) && b->count != BLOCK_DEAD) {
        j->target = b->native;
        *found = b;
        *cached = true;
        return FIND_OK;
    }
    b = NULL;
    struct mmu_result at;
    struct fetched f = {.cached = true};
    e->stats.lookups++;
    if (!fetch_part(h, h->pc, &at, t)) return FIND_TRAP;
    /* A known block is found without a look at the guest's memory, unless its first instruction may reach over the page's end. */
    if (at.cached && !ends_page(h->pc)) b = block_lookup(e, h, at.gpa, false, 0);
    if (!b) {
        if (!fetch_insn(h, &at, &f, t)) return FIND_TRAP;
        if (f.cached && ends_page(h->pc)) b = block_lookup(e, h, f.gpa, f.straddles, f.gpa2);
    }
    if (!b) b = block_make(e, h, &f);
    if (!b) return FIND_FULL;
    if (f.cached) *j = (struct jump_entry){h->pc, jump_tag(h), b, b->native}; /* the fetch may have changed the tag */
    *found = b;
    *cached = f.cached;
    return FIND_OK;
}

const struct block *engine_truncate(struct engine *e, const struct hart *h, const struct block *b, unsigned length)
{
    assert(b != e->scratch && length >= 1 && length <= b->length);
    *e->scratch =
        (struct block){.gpa = b->gpa, .gpa2 = b->gpa2, .mode = b->mode, .straddles = b->straddles, .origin = b};
    block_truncate(e->scratch, b, length, h->isa_live);
    if (e->jit) jit_block_made(e->jit, e->scratch, false);
    return e->scratch;
}
