/* Random code in M, S, U, VS and VU under random page tables of both stages and CSRs: the fast engine, in slices of random length, against an observed run of
 * single steps. Everything that software can see must agree: registers, CSRs, counts, RAM, what a device was asked and when.
 *
 * An input is a header of fixed places and then a list of instructions, six bytes each: which row, and its operand bits. So most of what
 * runs is legal, and mutations stay so. The first code page is filled with them; the rest of RAM holds trap handlers that go on behind
 * what trapped, page tables and data. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/asm.h"
#include "tests/unit/engine_bench.h"
#include "cpu/insn.h"

/* Pages of RAM. */
enum { CODE = 0, CODE_PAGES = 4, HANDLER_M = 8, HANDLER_S = 9, DATA = 10, G_TABLES = 16, TABLES = 24 };
#define PAGE(n)      (RAM + (gpa_t)(n)*0x1000)
#define MAPPED_PAGES 32

struct header {
    uint8_t priv, arena, steps, satp_mode;
    uint64_t mstatus, seed, medeleg;
    uint16_t mideleg, mie;
    uint8_t menvcfg, senvcfg, pmp, events;
    uint8_t slices, code_at, tables, spare[5];
};
#define OP_BYTES 6

static uint64_t next_random(uint64_t *s)
{
    *s = *s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t v = *s;
    v ^= v >> 33;
    v *= UINT64_C(0xff51afd7ed558ccd);
    return v ^ v >> 29;
}

/* ---- what is put into RAM ---- */

/* Goes on behind what trapped, further away after faults; clobbers t5 and t6. */
static void place_handler(struct world *w, gpa_t at, unsigned epc, unsigned cause, uint32_t ret)
{
    enum { T5 = 30, T6 = 31 };
    const uint32_t code[] = {
        CSRR(T6, epc),
        CSRR(T5, cause),
        asm_i(0x13, 5, T5, T5, 2),
        SLLI(T5, T5, 10),
        ADD(T6, T6, T5),
        ADDI(T6, T6, 4),
        SLLI(T6, T6, 50),
        asm_i(0x13, 5, T6, T6, 50), /* into the code pages */
        LUI(T5, 0x80000),
        SLLI(T5, T5, 32),
        asm_i(0x13, 5, T5, T5, 32),
        ADD(T6, T6, T5),
        CSRW(epc, T6),
        ret,
    };
    memcpy(world_ram(w, at), code, sizeof code);
}

static const uint16_t csrs[] = {0x001, 0x002, 0x003, 0xc00, 0xc01, 0xc02, 0x100, 0x104, 0x106, 0x10a, 0x140,
                                0x141, 0x142, 0x143, 0x144, 0x14d, 0x180, 0x300, 0x301, 0x302, 0x303, 0x304,
                                0x306, 0x30a, 0x320, 0x340, 0x341, 0x343, 0x344, 0x3a0, 0x3b0, 0xb00, 0xb02,
                                0x200, 0x204, 0x241, 0x244, 0x24d, 0x280, 0x600, 0x602, 0x603, 0x604, 0x605,
                                0x606, 0x60a, 0x644, 0x645, 0x643, 0x64a, 0x680, 0x34a, 0x34b};

/* A store to code nearby: mostly ahead, in the block that runs, sometimes behind or into the next page. What is stored is code again. */
static unsigned make_self_modification(uint32_t bits, uint8_t *to)
{
    static const uint32_t put[] = {0x00150513 /* addi a0,a0,1 */, 0x0505 /* c.addi a0,1 */, 0x00000517 /* auipc a0,0 */,
                                   0xffdff06f /* j back */};
    const uint32_t code[] = {
        AUIPC(S1, bits & 1 ? 0 : bits >> 8 & 1),
        LUI(A1, (put[bits >> 1 & 3] + 0x800) >> 12),
        ADDI(A1, A1, put[bits >> 1 & 3] & 0xfff),
        asm_s(bits >> 3 & 3, S1, A1, bits >> 5 & 1 ? 16 + (bits >> 8 & 0x3e) : (bits >> 8 & 0xffe)),
    };
    memcpy(to, code, sizeof code);
    return sizeof code;
}

/* An instruction, or a few, from six bytes; returns the length of what is written. */
static unsigned make_insn(const uint8_t *op, uint8_t *to)
{
    uint16_t which = load_le16(op);
    uint32_t bits = load_le32(op + 2);
    static const uint16_t frequent[] = {
        INSN_ld,          INSN_sd,         INSN_lw,     INSN_sw,      INSN_sb,         INSN_lb,      INSN_beq,
        INSN_bne,         INSN_jal,        INSN_jalr,   INSN_csrrw,   INSN_csrrs,      INSN_csrrwi,  INSN_amoadd_w,
        INSN_amoswap_d,   INSN_lr_d,       INSN_sc_d,   INSN_fence_i, INSN_sfence_vma, INSN_mret,    INSN_sret,
        INSN_ecall,       INSN_c_j,        INSN_c_beqz, INSN_c_addi,  INSN_cbo_zero,   INSN_c_sdsp,  INSN_fsd,
        INSN_fadd_d,      INSN_lr_w,       INSN_sc_w,   INSN_wfi,     INSN_hlv_d,      INSN_hlvx_wu, INSN_hsv_w,
        INSN_hfence_vvma, INSN_hfence_gvma};
    if (which >> 12 == 7) return make_self_modification(bits, to);
    unsigned row = 1 + which % (INSN_COUNT - 1);
    if (which >> 14 == 3) row = frequent[which % ARRAY_LEN(frequent)];
    const struct insn_pattern *p = insn_pattern((enum insn_id)row);
    uint32_t raw = p->match | (bits & ~p->mask);
    if (which >> 13 == 4) raw = bits; /* anything */
    if ((raw & 0x7f) == 0x73 && (raw >> 12 & 3) && (bits & 7) != 0)
        raw = (raw & 0xfffff) | (uint32_t)csrs[(bits >> 20) % ARRAY_LEN(csrs)] << 20;
    if ((raw & 0x7f) == 0x6f) raw &= 0x81ffffff | 0x600000; /* near targets */
    store_le32(to, raw);
    return insn_length(raw);
}

static void place_code(struct world *w, const uint8_t *ops, size_t size)
{
    uint8_t *to = world_ram(w, PAGE(CODE));
    size_t room = CODE_PAGES * 0x1000, at = 0, from = 0;
    if (size < OP_BYTES) return;
    while (at + 16 <= room) {
        at += make_insn(ops + from, to + at);
        from += OP_BYTES;
        if (from + OP_BYTES > size) from = 0;
    }
}

/* Sv39 (or deeper: the upper levels point at the same table). Virtual 0x80000000 and 0 are both mapped, mostly to the same place. */
static void place_tables(struct world *w, uint64_t *random, uint8_t flavour, bool user)
{
    gpa_t top = PAGE(TABLES), middle = top + 0x1000, leaves = top + 0x2000, upper = top + 0x3000;
    uint64_t pointer = middle >> 12 << 10 | 1;
    store_le64(world_ram(w, top), pointer);
    store_le64(world_ram(w, top + 2 * 8), pointer);
    store_le64(world_ram(w, middle), leaves >> 12 << 10 | 1);
    store_le64(world_ram(w, middle + 8), RAM >> 12 << 10 | (user ? 0xdf : 0xcf)); /* a superpage over everything */
    store_le64(world_ram(w, middle + 16), DEVICE >> 21 << 19 | 0xc7);
    store_le64(world_ram(w, upper), top >> 12 << 10 | 1);
    for (unsigned i = 0; i < MAPPED_PAGES; i++) {
        uint64_t r = next_random(random), flags = user ? 0xdf : 0xcf;
        if (flavour & 1 && r % 8 == 0) flags = r >> 8 & 0xff;
        if (flavour & 2 && (r >> 16) % 8 == 0) flags ^= 0x10;            /* U */
        if (flavour & 4 && (r >> 20) % 8 == 0) flags &= ~UINT64_C(0xc0); /* A, D */
        if (i == HANDLER_S && flavour & 0x30) flags = 0xcf;
        uint64_t page = flavour & 8 && (r >> 24) % 4 == 0 ? (r >> 32) % MAPPED_PAGES : i;
        store_le64(world_ram(w, leaves + i * 8), (RAM + page * 0x1000) >> 12 << 10 | flags);
    }
}

/* Sv39x4: guest-physical 0 and 0x80000000 lie on RAM, page by page, and the device where it is. */
static void place_guest_tables(struct world *w, uint64_t *random, uint8_t flavour)
{
    gpa_t top = PAGE(G_TABLES), middle = top + 0x4000, leaves = top + 0x5000;
    uint64_t pointer = middle >> 12 << 10 | 1;
    memset(world_ram(w, top), 0, 0x6000);
    store_le64(world_ram(w, top), pointer);
    store_le64(world_ram(w, top + 16), pointer);
    store_le64(world_ram(w, middle), leaves >> 12 << 10 | 1);
    store_le64(world_ram(w, middle + (DEVICE >> 21) * 8), DEVICE >> 12 << 10 | 0xdf);
    for (unsigned i = 0; i < MAPPED_PAGES; i++) {
        uint64_t r = next_random(random), flags = 0xdf;
        if (flavour & 0x40 && r % 8 == 0) flags = r >> 8 & 0xff;
        if (flavour & 0x80 && (r >> 20) % 8 == 0) flags &= ~UINT64_C(0xc0); /* A, D */
        uint64_t page = flavour & 0x40 && (r >> 24) % 8 == 0 ? (r >> 32) % MAPPED_PAGES : i;
        store_le64(world_ram(w, leaves + i * 8), (RAM + page * 0x1000) >> 12 << 10 | flags);
    }
}

/* ---- the hart ---- */

static uint64_t interesting_value(uint64_t *random)
{
    uint64_t r = next_random(random);
    switch (r % 8) {
    case 0: return next_random(random);
    case 1: return r >> 8 & 0xff;
    case 2: return DEVICE + (r >> 8 & 0x38);
    case 3: return (r >> 8) % RAM_SIZE;                         /* low mapping */
    case 4: return PAGE((r >> 8) % 32) + 0xff8 + (r >> 16 & 7); /* near a page's end */
    case 5: return PAGE(CODE) + ((r >> 8) % 0x4000 & ~UINT64_C(1));
    default: return PAGE((r >> 8) % 32) + (r >> 16 & 0xff8);
    }
}

/* Guest state, and perhaps the guest itself. */
static void set_up_guest(struct world *w, const struct header *in, uint64_t *random, uint64_t satp)
{
    struct hart *h = w->hart[0];
    uint8_t how = in->spare[4];
    place_guest_tables(w, random, in->tables);
    csr_poke(h, 0x205, PAGE(HANDLER_S));
    csr_poke(h, 0x200, next_random(random) | (how & 0x20 ? MSTATUS_FS : 0));
    csr_poke(h, 0x280, how & 2 ? satp : 0);
    csr_poke(h, 0x680, how & 4 ? UINT64_C(8) << 60 | PAGE(G_TABLES) >> 12 : 0);
    csr_poke(h, 0x602, how & 8 ? UINT64_MAX : next_random(random));
    csr_poke(h, 0x603, how & 8 ? UINT64_MAX : next_random(random));
    csr_poke(h, 0x606, next_random(random));
    csr_poke(h, 0x60a, next_random(random));
    csr_poke(h, 0x645, next_random(random) & next_random(random));
    csr_poke(h, 0x600, (how & 0x10 ? next_random(random) : 0) & ~UINT64_C(0x80));
    h->virt = (how & 1) && h->priv != PRIV_M;
}

static void set_up(struct world *w, const struct header *in, const uint8_t *ops, size_t size)
{
    static const uint8_t privs[] = {PRIV_M, PRIV_S, PRIV_U, PRIV_S};
    static const uint8_t modes[] = {8, 8, 9, 10, 0};
    uint64_t random = in->seed;
    world_create(w, "max", 1, in->arena & 1 ? 1 : 256 << 10);
    struct hart *h = w->hart[0];
    for (unsigned i = 0; i < RAM_SIZE; i += 8)
        if (next_random(&random) % 8 == 0) store_le64(world_ram(w, RAM + i), interesting_value(&random));
    place_code(w, ops, size);
    place_handler(w, PAGE(HANDLER_M), MEPC, MCAUSE, 0x30200073);
    place_handler(w, PAGE(HANDLER_S), SEPC, SCAUSE, 0x10200073);
    place_tables(w, &random, in->tables, privs[in->priv % 4] == PRIV_U);
    for (unsigned i = 1; i < 32; i++) h->x[i] = interesting_value(&random);
    for (unsigned i = 0; i < 32; i++)
        h->f[i] = next_random(&random) | (next_random(&random) % 2 ? UINT64_C(0xffffffff) << 32 : 0);
    csr_poke(h, MTVEC, PAGE(HANDLER_M));
    csr_poke(h, STVEC, PAGE(HANDLER_S));
    csr_poke(h, MEDELEG, in->medeleg);
    csr_poke(h, MIDELEG, in->mideleg);
    csr_poke(h, MIE, in->mie);
    csr_poke(h, MENVCFG, (in->menvcfg & 0xf0) | (uint64_t)(in->menvcfg & 7) << 61);
    csr_poke(h, SENVCFG, in->senvcfg);
    csr_poke(h, MCOUNTEREN, in->spare[0]);
    csr_poke(h, SCOUNTEREN, in->spare[1]);
    /* The last entry lets everybody in; those before it take pieces out. */
    csr_poke(h, PMPADDR0 + 15, UINT64_MAX);
    csr_poke(h, PMPCFG0 + 2, UINT64_C(0x1f) << 56);
    if (in->pmp & 1) {
        csr_poke(h, PMPADDR0, PAGE(in->pmp >> 4) >> 2 | (in->pmp & 8 ? 0x1 : 0x1ff));
        csr_poke(h, PMPCFG0, 0x18 | (in->pmp >> 1 & 7));
    }
    uint64_t mode = modes[in->satp_mode % ARRAY_LEN(modes)], root = mode == 8 ? PAGE(TABLES) : PAGE(TABLES) + 0x3000;
    if (mode == 10) store_le64(world_ram(w, PAGE(TABLES) + 0x4000), root >> 12 << 10 | 1), root += 0x1000;
    csr_poke(h, SATP, mode << 60 | root >> 12);
    csr_poke(h, MSTATUS, (in->mstatus & ~MSTATUS_MPP) | (in->spare[2] & 3 ? MSTATUS_FS : 0));
    h->priv = privs[in->priv % 4];
    set_up_guest(w, in, &random, mode << 60 | root >> 12);
    priv_update(h);
    h->pc = PAGE(CODE) + (in->code_at & 0xfe) + (in->spare[3] & 1 ? 0xf00 : 0);
}

/* ---- running ---- */

/* Runs hart 0 to exactly `until` instructions in pieces of random length. false: it can do no more. */
static bool run_until(struct world *w, uint64_t until, uint64_t *slices, unsigned longest)
{
    struct hart *h = w->hart[0];
    while (hart_icount(h) < until) {
        uint64_t left = until - hart_icount(h), n = longest == 1 ? 1 : 1 + next_random(slices) % longest;
        enum hart_stop stop = world_run(w, 0, n < left ? n : left);
        if (hart_icount(h) > until) world_die("ran too far");
        if (h->stalled) return false;
        if (stop == HART_WFI) h->waiting = false; /* it may resume for any reason */
    }
    h->waiting = false;
    return true;
}

/* What happens from outside, between two instructions. */
static void outside_event(struct world *w, uint64_t r)
{
    static const uint8_t wires[] = {IRQ_MSI, IRQ_MTI, IRQ_MEI, IRQ_SEI, IRQ_SSI};
    uint64_t value = r * UINT64_C(0x9e3779b97f4a7c15);
    if (r % 4 == 0) {
        bus_dma_write(&w->bus, PAGE(CODE) + (r >> 8) % (CODE_PAGES * 0x1000), &value, 1 + (r >> 32) % 8);
    } else {
        hart_set_irq(w->hart[0], wires[(r >> 8) % 5], r >> 16 & 1);
    }
}

static bool run_case(const struct header *in, const uint8_t *ops, size_t size, uint64_t steps, struct world_diff *diff,
                     uint64_t *pc)
{
    static const unsigned longest[] = {7, 100, 1000000, 3};
    static struct world fast, slow;
    struct observer nothing = {0};
    set_up(&fast, in, ops, size);
    set_up(&slow, in, ops, size);
    hart_attach(slow.hart[0], &nothing);
    uint64_t events = in->seed ^ 0x55, slices = in->seed ^ in->slices, at = 0;
    bool going = true;
    while (going && at < steps) {
        uint64_t r = next_random(&events);
        at += in->events % 4 == 0 ? steps : 1 + r % 97;
        if (at > steps) at = steps;
        going = run_until(&fast, at, &slices, longest[in->slices % 4]);
        *pc = slow.hart[0]->pc;
        if (run_until(&slow, at, &slices, 1) != going) snprintf(diff->text, sizeof diff->text, "one of the two stalls");
        if (going && at < steps) outside_event(&fast, r >> 8), outside_event(&slow, r >> 8);
    }
    if (!diff->text[0]) *diff = world_compare(&fast, &slow, 0);
    hart_detach(slow.hart[0], &nothing);
    world_destroy(&fast);
    world_destroy(&slow);
    return !diff->text[0];
}

static void report(const struct header *in, const uint8_t *ops, size_t size, uint64_t steps)
{
    struct world_diff diff = {{0}};
    uint64_t pc = 0, n = 1;
    while (n < steps && run_case(in, ops, size, n, &diff, &pc)) n++;
    if (n == steps) run_case(in, ops, size, n, &diff, &pc);
    fprintf(stderr, "fuzz_code: fast and observed run differ after %llu instructions: %s (priv %u)\n",
            (unsigned long long)n, diff.text, in->priv % 4);
    struct world w;
    struct observer nothing = {0};
    uint64_t slices = 0;
    set_up(&w, in, ops, size);
    hart_attach(w.hart[0], &nothing);
    if (in->events % 4 == 0) {
        run_until(&w, n - 1, &slices, 1);
        pc = w.hart[0]->pc;
    }
    uint32_t raw = 0;
    char text[96] = "";
    struct insn insn;
    if (hart_debug_read(w.hart[0], pc, &raw, 4)) {
        insn_decode(raw, w.hart[0]->isa_live, &insn);
        insn_format(text, sizeof text, &insn, pc);
    }
    fprintf(stderr, "fuzz_code: at pc 0x%llx, privilege %u: %08x %s\n", (unsigned long long)pc, w.hart[0]->priv, raw,
            text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header in;
    if (size < sizeof in + OP_BYTES) return 0;
    memcpy(&in, data, sizeof in);
    struct world_diff diff = {{0}};
    uint64_t pc, steps = 100 + 4u * in.steps;
    if (!run_case(&in, data + sizeof in, size - sizeof in, steps, &diff, &pc))
        report(&in, data + sizeof in, size - sizeof in, steps);
    return 0;
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    if (n >= 48) return 0;
    uint64_t random = n * UINT64_C(0x1234567) + 77;
    size_t size = sizeof(struct header) + OP_BYTES * (n % 3 == 0 ? 900 : 60);
    for (size_t i = 0; i < size && i < room; i++) to[i] = (uint8_t)next_random(&random);
    struct header in;
    memcpy(&in, to, sizeof in);
    in.priv = (uint8_t)n;
    in.seed = random;
    if (n % 4 < 2) in.mstatus &= ~MSTATUS_MPRV;
    if (n % 8 < 4) in.medeleg = 0, in.tables &= 0xf6;
    memcpy(to, &in, sizeof in);
    return size;
}
