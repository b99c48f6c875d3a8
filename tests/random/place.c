/* Puts a random program into a world, and shows it. */
#include "tests/random/program.h"
#include "tests/unit/asm.h"

enum { T5 = 30, T6 = 31 };

/* One trap handler: adds cause, value and address to a hash in the scratch register; an interrupt returns to where it came, what could not
 * be fetched to the entry, everything else behind the instruction that trapped. Clobbers t5 and t6. */
static void place_trap_handler(struct world *w, gpa_t at, unsigned base, uint32_t entry, uint32_t ret)
{
    const unsigned scratch = base + 0x40, epc = base + 0x41, cause = base + 0x42, value = base + 0x43;
    const uint32_t fetch_causes =
        1u << CAUSE_FETCH_MISALIGNED | 1u << CAUSE_FETCH_ACCESS | 1u << CAUSE_FETCH_PAGE | 1u << CAUSE_FETCH_GUEST_PAGE;
    const uint32_t code[] = {
        CSRR(T6, scratch),
        asm_i(0x13, 5, T6, T6, 0x600 | 7), /* rori */
        CSRR(T5, cause),
        ADD(T6, T6, T5),
        CSRR(T5, value),
        ADD(T6, T6, T5),
        CSRR(T5, epc),
        ADD(T6, T6, T5),
        CSRW(scratch, T6),
        CSRR(T5, cause),
        asm_b(4, T5, 0, 13 * 4), /* blt: interrupt */
        LUI(T6, (fetch_causes + 0x800) >> 12),
        ADDI(T6, T6, fetch_causes & 0xfff),
        asm_i(0x33, 5, T6, T6, 0x480 | T5), /* bext t6, t6, t5 */
        BNE(T6, 0, 5 * 4),
        CSRR(T6, epc),
        ADDI(T6, T6, 4),
        CSRW(epc, T6),
        ret,
        /* nothing to fetch */
        LUI(T6, 0x80000 + (entry + 0x800) / 0x1000),
        ADDI(T6, T6, entry & 0xfff),
        0x0800003bu | T6 << 7 | T6 << 15, /* zext.w */
        CSRW(epc, T6),
        /* interrupt */
        ret,
    };
    memcpy(world_ram(w, at), code, sizeof code);
}

/* ---- the state that a program begins with ---- */

static uint64_t random_f(uint64_t *random)
{
    static const uint64_t values[] = {
        0,
        0x8000000000000000,
        0x3ff0000000000000,
        0xbff8000000000000,
        0x7ff0000000000000,
        0xfff0000000000000,
        0x7ff8000000000000,
        0x7ff0000000000001,
        0x0000000000000001,
        0x000fffffffffffff,
        0x7fefffffffffffff,
        0x0010000000000000,
        0x41dfffffffc00000,
        0xc1e0000000000000,
        0x43e0000000000000,
        0x4340000000000001,
        0xffffffff00000000,
        0xffffffff80000000,
        0xffffffff3f800000,
        0xffffffffbfc00000,
        0xffffffff7f800000,
        0xffffffffff800000,
        0xffffffff7fc00000,
        0xffffffff7f800001,
        0xffffffff00000001,
        0xffffffff007fffff,
        0xffffffff7f7fffff,
        0xffffffff00800000,
        0xffffffff4f000000,
        0xffffffffcf000000,
        0xffffffff5f000000,
        0xffffffffffff3c00,
        /* where conversions to unsigned integers begin and end to be in range */
        0x3fe0000000000000,
        0xbfe0000000000000,
        0x41efffffffe00000,
        0x41effffffff00000,
        0x41f0000000000000,
        0x43dfffffffffffff,
        0x43f0000000000000,
        0xffffffff4f7fffff,
        0xffffffff4f800000,
        0xffffffff5effffff,
        0xffffffff5f800000,
    };
    uint64_t r = next_random(random);
    switch (r % 4) {
    case 0: return next_random(random);
    case 1: return next_random(random) | UINT64_C(0xffffffff) << 32;
    default: return values[(r >> 8) % ARRAY_LEN(values)];
    }
}

static uint64_t random_x(uint64_t *random)
{
    uint64_t r = next_random(random);
    switch (r % 8) {
    case 0: return r >> 8 & 0xff;
    case 1: return (uint64_t)0 - (r >> 8 & 0xff);
    case 2: return UINT64_C(1) << (r >> 8 & 63);
    case 3: return (uint64_t)(int64_t)(int32_t)(r >> 8);
    case 4: return (r >> 8 & 1) + INT64_MAX;
    case 5: return interesting_value(random);
    default: return next_random(random);
    }
}

static const uint8_t satp_modes[] = {[BARE] = 0, [SV39] = 8, [SV48] = 9, [SV57] = 10}; /* those of hgatp as well */
static const unsigned levels[] = {[BARE] = 3, [SV39] = 3, [SV48] = 4, [SV57] = 5};

/* satp or vsatp; the top tables of the deeper modes are made here. */
static uint64_t first_stage(const struct program *p, struct world *w)
{
    gpa_t root = p->regime == SV39 ? PAGE(TABLES) : PAGE(TABLES) + 0x3000;
    if (p->regime == SV57) {
        store_le64(world_ram(w, PAGE(TABLES) + 0x4000), root >> 12 << 10 | 1);
        root += 0x1000;
    }
    return p->regime == BARE ? 0 : (uint64_t)satp_modes[p->regime] << 60 | root >> 12;
}

static void place_trap_state(const struct program *p, struct hart *h, uint64_t *random)
{
    bool delegates = next_random(random) % 2;
    csr_poke(h, MTVEC, PAGE(HANDLER_M));
    csr_poke(h, STVEC, PAGE(HANDLER_S));
    csr_poke(h, MEDELEG, delegates ? next_random(random) | next_random(random) : 0);
    csr_poke(h, MIDELEG, delegates ? next_random(random) : 0);
    csr_poke(h, MIE, p->event_every ? UINT64_MAX : 0);
    csr_poke(h, MENVCFG, UINT64_MAX & (p->flavour & 1 ? next_random(random) : UINT64_MAX));
    csr_poke(h, SENVCFG, UINT64_MAX);
    csr_poke(h, MCOUNTEREN, p->flavour & 2 ? next_random(random) : 7);
    csr_poke(h, SCOUNTEREN, p->flavour & 2 ? next_random(random) : 7);
    for (unsigned i = 0; i < 4; i++) csr_poke(h, 0x30c + i, UINT64_MAX); /* mstateen */
    csr_poke(h, 0x205, PAGE(HANDLER_S));
    csr_poke(h, 0x200, MSTATUS_FS | (next_random(random) & MSTATUS_SUM));
    csr_poke(h, 0x606, 7);
    csr_poke(h, 0x60a, UINT64_MAX);
    csr_poke(h, 0x602, delegates ? next_random(random) : 0);
    csr_poke(h, 0x603, delegates ? next_random(random) : 0);
    csr_poke(h, 0x600, next_random(random) & 0x200);
    uint64_t status = MSTATUS_FS | MSTATUS_SUM | (p->event_every ? MSTATUS_MIE | MSTATUS_SIE : 0);
    if (p->flavour & 4)
        status ^=
            next_random(random) & (MSTATUS_SUM | MSTATUS_MXR | MSTATUS_FS | MSTATUS_TW | MSTATUS_TVM | MSTATUS_TSR);
    if (p->priv == PRIV_S && next_random(random) % 4 == 0) status &= ~MSTATUS_FS; /* as kernels run */
    if (p->priv == PRIV_M && p->flavour & 8) status |= MSTATUS_MPRV | (next_random(random) & MSTATUS_MPP);
    csr_poke(h, MSTATUS, status);
}

static void place_pmp(const struct program *p, struct hart *h, uint64_t *random)
{
    /* The last entry lets everybody in; those before it take pieces out. */
    csr_poke(h, PMPADDR0 + 15, UINT64_MAX);
    csr_poke(h, PMPCFG0 + 2, UINT64_C(0x1f) << 56);
    if (!p->random_pmp) return;
    uint64_t r = next_random(random);
    csr_poke(h, PMPADDR0, PAGE(r % 24) >> 2 | (r >> 8 & 1 ? 0x1 : 0x1ff));
    csr_poke(h, PMPCFG0, 0x18 | (r >> 9 & 7));
}

static void place_hart(const struct program *p, struct world *w, unsigned n, uint64_t satp, uint64_t *random)
{
    struct hart *h = w->hart[n];
    for (unsigned i = 1; i < 32; i++) h->x[i] = random_x(random);
    for (unsigned i = 0; i < 32; i++) h->f[i] = random_f(random);
    place_pmp(p, h, random);
    place_trap_state(p, h, random);
    csr_poke(h, SATP, p->virt ? 0 : satp);
    csr_poke(h, 0x280, p->virt ? satp : 0);
    uint64_t hgatp = (uint64_t)satp_modes[p->guest_regime] << 60;
    csr_poke(h, 0x680, p->guest_regime == BARE ? 0 : hgatp | PAGE(G_TABLES) >> 12);
    csr_poke(h, 0x002, p->frm);
    bool timer = p->event_every && next_random(random) % 2;
    csr_poke(h, 0x14d, timer ? next_random(random) % 300 : UINT64_MAX); /* stimecmp */
    csr_poke(h, 0x24d, timer ? next_random(random) % 300 : UINT64_MAX);
    h->priv = p->priv;
    h->virt = p->virt;
    priv_update(h);
    h->pc = PAGE(CODE) + p->entry[n];
}

/* In S-mode: some of the data is a program's, so that SUM shows. */
static void place_user_pages(struct world *w, uint64_t *random)
{
    uint64_t pages = next_random(random) % 2 ? next_random(random) : 0;
    for (unsigned page = DATA; page < TABLES; page++) {
        uint8_t *entry = world_ram(w, PAGE(TABLES) + 0x2000 + page * 8);
        if (pages >> (page - DATA) & 1) *entry |= 0x10;
    }
}

void program_place(const struct program *p, struct world *w, bool translating)
{
    uint64_t random = p->seed ^ 0x1234567;
    struct world_engine how = p->engine;
    if (!translating) how.code_bytes = 0;
    world_create_with(w, "max", p->harts, &how);
    memcpy(world_ram(w, PAGE(CODE)), p->code, sizeof p->code);
    for (gpa_t at = PAGE(DATA); at < PAGE(G_TABLES); at += 8)
        if (next_random(&random) % 4 == 0) store_le64(world_ram(w, at), random_x(&random));
    uint32_t entry = p->entry[0];
    place_trap_handler(w, PAGE(HANDLER_M), 0x300, entry, 0x30200073);
    place_trap_handler(w, PAGE(HANDLER_S), 0x100, entry, 0x10200073);
    bool user = p->priv == PRIV_U;
    place_tables(w, &random, p->flavour | 0x30, user);
    if (p->regime != BARE && user) /* S-mode executes its handler there */
        store_le64(world_ram(w, PAGE(TABLES) + 0x2000 + HANDLER_S * 8), PAGE(HANDLER_S) >> 12 << 10 | 0xcf);
    if (p->regime != BARE && p->priv == PRIV_S) place_user_pages(w, &random);
    place_guest_tables(w, &random, p->flavour & 0x3f, levels[p->guest_regime]);
    uint64_t satp = first_stage(p, w);
    for (unsigned n = 0; n < p->harts; n++) place_hart(p, w, n, satp, &random);
}

/* ---- for the reader ---- */

static const char *const regime_names[] = {"bare", "Sv39", "Sv48", "Sv57"};

void program_print(const struct program *p, FILE *to)
{
    static const char *const modes[] = {"U", "S", "", "M"};
    struct err err;
    isa_set isa;
    if (!isa_parse_cpu("max", &isa, &err)) world_die(err.text);
    fprintf(to, "seed %llu: %u hart(s), mode %s%s, %s", (unsigned long long)p->seed, p->harts, p->virt ? "V" : "",
            modes[p->priv], regime_names[p->regime]);
    if (p->virt) fprintf(to, " over %s%s", regime_names[p->guest_regime], p->guest_regime == BARE ? "" : "x4");
    fprintf(to, ", flavour 0x%02x%s%s, frm %u\n", p->flavour, p->random_pmp ? ", PMP" : "",
            p->random_csrs ? ", CSRs" : "", p->frm);
    fprintf(to, "arena %zu, code %zu, warm %u; %u instructions, slices up to %u, an event every %u\n",
            p->engine.arena_bytes, p->engine.code_bytes, p->engine.warm, p->steps, p->slice_longest, p->event_every);
    for (unsigned i = 0; i < ARRAY_LEN(p->pool); i++)
        fprintf(to, "  pool[%u] 0x%llx\n", i, (unsigned long long)p->pool[i]);
    for (unsigned i = 0; i < p->piece_count; i++) {
        const struct piece *piece = &p->pieces[i];
        uint32_t raw = 0;
        struct insn insn;
        char text[96];
        memcpy(&raw, p->code + piece->at, piece->bytes);
        if (raw == 1 || raw == 0x00010001) continue; /* nothing, or erased */
        insn_decode(raw, isa, &insn);
        insn_format(text, sizeof text, &insn, RAM + piece->at);
        fprintf(to, "  %llx: %0*x  %s\n", (unsigned long long)(RAM + piece->at), piece->bytes * 2, raw, text);
    }
}
