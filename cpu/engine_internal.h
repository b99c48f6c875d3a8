/* Inside the engine: decoded blocks, and the contract between its parts.
 *
 * A block in memory:
 *
 *     +--------+---------+---------+ - - - +---------+---------+--------+--------+ - - - - +
 *     | struct | code[0] | code[1] |       | last    | fall    | taken  | raw[0] | raw[1] …|
 *     | block  |         |         |       | insn    | slot    | slot   |        |         |
 *     +--------+---------+---------+ - - - +---------+---------+--------+--------+ - - - - +
 *
 * A slot holds a link: the block that follows if the last instruction falls through (or jumps), or if its branch is taken. The fall
 * slot is at the same time an instruction, block_end, for blocks whose last instruction transfers no control. raw holds the bits of
 * the instructions, for what only traps and observers want to know. */
#ifndef ORRERY_CPU_ENGINE_INTERNAL_H
#define ORRERY_CPU_ENGINE_INTERNAL_H

#include "cpu/engine.h"
#include "cpu/insn.h"
#include "cpu/observe.h"
#include "cpu/priv.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

struct dinsn;
struct block;

/* Runs the instruction at d and everything after it, until the engine has to look up; then returns NULL. Where the compiler does not
 * guarantee tail calls it runs d alone and returns the next instruction. bank: h->data, or the blind bank of an observed run, in
 * which every access takes the slow path. */
typedef const struct dinsn *insn_fn(struct hart *h, const struct dinsn *d, const struct data_bank *bank);

struct dinsn {
    insn_fn *fn;
    union {
        struct {
            uint8_t rd; /* 32 for x0 */
            uint8_t rs1, rs2;
            uint8_t index; /* in its block */
            int32_t imm;   /* PC-relative values are relative to the block's start */
        };
        const struct block *link; /* of a slot */
    };
};
_Static_assert(sizeof(struct dinsn) == 16, "four instructions to a cache line");

#if ORRERY_HOSTILE
#define BLOCK_INSNS_MAX 3
#else
#define BLOCK_INSNS_MAX 100
#endif
#define BLOCK_DEAD (INT64_MAX / 2) /* count of what must not be entered */

struct block {
    int64_t count;   /* instructions that entering it takes off the budget: length, or BLOCK_DEAD */
    uint16_t length; /* instructions */
    uint16_t bytes;  /* of guest code */
    uint8_t mode;    /* index into the engine's modes */
    bool straddles;  /* one instruction over a page's end; the second half is at gpa2 */
    gpa_t gpa, gpa2;
    struct block *next;         /* in its bucket */
    const struct block *origin; /* of a truncated copy, else NULL */
    /* Tier 2, docs/jit.md; set only while there is one. */
    const uint8_t *native;      /* where native code enters the block */
    const uint8_t *native_body; /* the same, its count already taken off the budget */
    insn_fn *first;             /* the first instruction's own handler */
    insn_fn *counted;           /* the handler behind block_counted, with engine_count */
    uint8_t accesses;           /* loads, stores and atomics, with engine_count */
    uint32_t heat;              /* entries until it is translated */
    uint32_t hint;              /* the first of its accesses' hints in the hart */
    uint16_t regions;           /* how many it is part of */
    int8_t samples;             /* that fell on it */
    bool region_entered;        /* its native entry leads into one */
    struct dinsn code[];
};

static inline const struct block *block_of(const struct dinsn *d)
{
    return (const struct block *)((const char *)(d - d->index) - offsetof(struct block, code));
}
static inline uint32_t *block_raw(const struct block *b) { return (uint32_t *)&b->code[b->length + 2]; }
static inline size_t block_size(unsigned length)
{
    return (sizeof(struct block) + (length + 2) * sizeof(struct dinsn) + length * sizeof(uint32_t) + 15) & ~(size_t)15;
}

/* What a link that has not been made points at. */
extern const struct block block_unlinked;

/* Decoding depends on it. Its number is added to the tags of jump entries, so what is found there is of the present mode. */
struct mode {
    isa_set live;
    bool single; /* blocks of one instruction, for observed runs */
};
#if ORRERY_HOSTILE
#define MODES_MAX 16
#else
#define MODES_MAX 64
#endif
_Static_assert(MODES_MAX <= JUMP_MODES, "each mode has its own tag");
static inline uint64_t jump_tag(const struct hart *h) { return h->code->jump_tag + h->mode; }

struct page_node {
    struct block *block;
    struct page_node *next;
};
struct code_page {
    gpa_t page;
    struct page_node *blocks;
    struct code_page *next; /* in its bucket, or of those that are free */
};

#define ENGINE_HARTS_MAX 64
#define BLOCK_BUCKETS    32768u
#define PAGE_BUCKETS     4096u
#define CODE_PAGES_MAX   8192u
#define ARENA_PARTS      4u

struct engine {
    struct bus *bus;
    struct log *log;
    /* Decoded blocks, in parts that are filled one after the other. When all are full the oldest one is emptied. */
    uint8_t *arena;
    size_t part_bytes, part_used; /* part_used: of the present part */
    unsigned part, parts_begun;   /* parts_begun: since everything was thrown away */
    struct block *buckets[BLOCK_BUCKETS];
    struct code_page *pages[PAGE_BUCKETS];
    struct code_page *page_pool, *free_pages; /* CODE_PAGES_MAX of them */
    unsigned pages_begun;                     /* of the pool, that were ever used: what was not is not touched */
    struct mode modes[MODES_MAX];
    unsigned mode_count;
    struct hart *harts[ENGINE_HARTS_MAX];
    unsigned hart_count;
    struct block *scratch;   /* truncated copies and what must not be cached */
    struct data_bank *blind; /* engine_blind_bank */
    bool blind_is_clear;
    struct jit *jit; /* NULL: interpreter only */
    struct engine_stats stats;
    struct engine_counts *counts; /* NULL: nobody asks */
    volatile uint8_t activity;    /* enum engine_activity */
};

/* ---- engine.c ---- */

enum find_result { FIND_OK, FIND_TRAP, FIND_FULL };
/* The block at h->pc under the present mode. FIND_FULL: room must be made first (engine_make_room), which only the run loop may do. *cached:
 * it may be entered again without asking (jump cache, links). */
enum find_result engine_find(struct engine *e, struct hart *h, const struct block **found, struct trap *t,
                             bool *cached);
/* Forgets everything; the oldest blocks, so that there is room again; all native code. While no block runs. */
void engine_flush(struct engine *e);
void engine_make_room(struct engine *e);
void engine_drop_native(struct engine *e);
/* In which nothing hits: for observed runs. */
const struct data_bank *engine_blind_bank(struct engine *e);
/* Sets h->mode from isa_live and observers; may flush. */
void engine_update_mode(struct engine *e, struct hart *h);
/* A copy of the first `length` instructions of b; valid until the next call. */
const struct block *engine_truncate(struct engine *e, const struct hart *h, const struct block *b, unsigned length);

/* ---- lower.c ---- */

/* Fills code, slots and raw of a block from decoded instructions. */
void block_lower(struct block *b, const struct insn *insns, unsigned length, isa_set live);
/* Makes b, which has its address and mode, the first `length` instructions of another block. */
void block_truncate(struct block *b, const struct block *whole, unsigned length, isa_set live);
bool insn_ends_block(const struct insn *insn);

/* ---- interpreter: out-of-line ends of handlers ---- */

/* The address of the instruction; of the next one. */
uint64_t insn_pc(const struct hart *h, const struct dinsn *d);
static inline uint32_t insn_raw(const struct dinsn *d) { return block_raw(block_of(d))[d->index]; }
/* The instruction traps: neither it nor what follows retires. */
const struct dinsn *insn_trap(struct hart *h, const struct dinsn *d, const struct trap *t);
/* The instruction has retired and the run loop takes over at the next one. */
const struct dinsn *insn_leave(struct hart *h, const struct dinsn *d);

insn_fn insn_illegal, insn_after_slow, insn_next, block_end, block_end_far, enter_refused, link_refused, jump_missed;

/* Handlers by row, one table per file of handlers; rows of other kinds are NULL. */
extern insn_fn *const alu_handlers[INSN_COUNT], *const mem_handlers[INSN_COUNT], *const fp_handlers[INSN_COUNT],
                                                                                     *const sys_handlers[INSN_COUNT];
/* Rounding modes known when decoding. */
extern insn_fn *const fp_handlers_dyn[INSN_COUNT], *const fp_handlers_rtz[INSN_COUNT];
/* Jumps: to this page, to anywhere, to an address that traps because C is off. */
extern insn_fn *const flow_handlers[INSN_COUNT], *const flow_handlers_far[INSN_COUNT],
                                                     *const flow_handlers_misaligned[INSN_COUNT];

/* One handler for two instructions in a row, if there is one for these rows; the second then finds its first source (forward 1) or its
 * second (forward 2) in the first one's result, or neither (0). far: a jump that leaves the page. The second keeps its own handler, at
 * which a trap or a miss goes on. */
insn_fn *pair_handler(enum insn_id first, enum insn_id second, unsigned forward, bool far);

/* ---- mem.c: what the inline TLB does not serve ---- */

/* False: the trap has been taken; return NULL. */
bool mem_load(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t *value);
bool mem_store(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t value);
/* Where an aligned store goes that the bank would serve but for TLB_TAG_CODE: into a line without code. NULL: no, or not that. */
uint8_t *mem_beside_code(const struct hart *h, const struct data_bank *bank, gva_t va, unsigned size);
/* For a read-modify-write: *host is where it may happen after the call (code marks are dealt with). Fails unless aligned RAM. */
bool mem_modify(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint8_t **host);
bool mem_reserve(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t *value);
bool mem_conditional(struct hart *h, const struct dinsn *d, gva_t va, unsigned size, uint64_t value, bool *stored);
/* HLV, HLVX, HSV: as a guest under regime r. False: *t is the trap, not yet taken. */
bool mem_load_as(struct hart *h, const struct dinsn *d, const struct mmu_regime *r, gva_t va, unsigned size,
                 uint64_t *value, struct trap *t);
bool mem_store_as(struct hart *h, const struct dinsn *d, const struct mmu_regime *r, gva_t va, unsigned size,
                  uint64_t value, struct trap *t);
/* Checks the cache block at va for management or zeroing, and zeroes it. False: *t is the trap, not yet taken. */
bool mem_cache_block(struct hart *h, const struct dinsn *d, gva_t va, bool zero, struct trap *t);

/* ---- tinst.c ---- */

/* What a walk tells of a guest-page fault, for xtval2 and for xtinst; the latter 0 unless a VS-stage PTE was to be accessed. */
#define TINST_PTE_READ  UINT64_C(0x3000)
#define TINST_PTE_WRITE UINT64_C(0x3020)
static inline void trap_of_guest_page(struct trap *t, const struct mmu_result *r)
{
    t->tval2 = r->guest_pa >> 2;
    if (r->implicit)
        t->tinst = r->implicit_write ? TINST_PTE_WRITE : TINST_PTE_READ; /* norm:H_trap_xtinst_guestpage_rw */
}
/* The transformation of a load, store, atomic, HLV, HLVX, HSV or cache-block instruction that faulted `offset` bytes from its address. */
uint64_t tinst_of(uint32_t raw, isa_set live, unsigned offset);

/* ---- observe.c ---- */

void observe_memory(struct hart *h, gva_t va, gpa_t pa, unsigned size, bool store, uint64_t value);
void observe_csr_written(struct hart *h, unsigned number);
/* The same for a Zicsr instruction that would have written `value`: some registers refuse. */
void observe_csr_instruction(struct hart *h, unsigned number, uint64_t value);
void observe_trap(struct hart *h, const struct trap *t);
/* Runs one instruction at h->pc and reports; true if an observer wants the run to stop. */
bool observe_step(struct hart *h);
void observe_interrupt(struct hart *h, uint64_t cause);

/* ---- run.c ---- */

/* The block at h->pc; NULL if fetching it trapped (the trap has been taken). May flush. */
const struct block *run_find(struct hart *h);
/* The same for handlers, which may not trap in its place: NULL, and the run loop finds out again. Functions of their own, because a
 * handler with locals whose addresses are known elsewhere does not end in a tail call, and the host's stack would grow. */
const struct block *run_look_up(struct hart *h);
/* After a system instruction, which may have changed anything: the block that runs next if the run loop would do nothing else than enter
 * it, or NULL. What does not retire comes back to the run loop when it is met twice in a row. */
const struct block *run_next(struct hart *h);
void run_block(struct hart *h, const struct block *b, const struct data_bank *bank);

#endif
