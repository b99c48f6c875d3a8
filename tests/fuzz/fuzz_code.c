/* Random code in M, S, U, VS and VU under random page tables of both stages and CSRs: the fast engine, in slices of random length, against an observed run of
 * single steps. Everything that software can see must agree: registers, CSRs, counts, RAM, what a device was asked and when.
 *
 * An input is a header of fixed places and then a list of instructions, six bytes each: which row, and its operand bits. So most of what
 * runs is legal, and mutations stay so. The first code page is filled with them; the rest of RAM holds trap handlers that go on behind
 * what trapped, page tables and data. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/guest.h"

struct header {
    uint8_t priv, arena, steps, satp_mode;
    uint64_t mstatus, seed, medeleg;
    uint16_t mideleg, mie;
    uint8_t menvcfg, senvcfg, pmp, events;
    uint8_t slices, code_at, tables, spare[5];
};
/* ---- what is put into RAM ---- */

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

/* ---- the hart ---- */

/* Guest state, and perhaps the guest itself. */
static void set_up_guest(struct world *w, const struct header *in, uint64_t *random, uint64_t satp)
{
    struct hart *h = w->hart[0];
    uint8_t how = in->spare[4];
    unsigned deeper = (in->spare[3] >> 1) % 3u; /* Sv39x4, Sv48x4, Sv57x4 */
    place_guest_tables(w, random, in->tables, 3 + deeper);
    csr_poke(h, 0x205, PAGE(HANDLER_S));
    csr_poke(h, 0x200, next_random(random) | (how & 0x20 ? MSTATUS_FS : 0));
    csr_poke(h, 0x280, how & 2 ? satp : 0);
    csr_poke(h, 0x680, how & 4 ? (uint64_t)(8 + deeper) << 60 | PAGE(G_TABLES) >> 12 : 0);
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
        going = run_hart_until(&fast, 0, at, &slices, longest[in->slices % 4]);
        *pc = slow.hart[0]->pc;
        if (run_hart_until(&slow, 0, at, &slices, 1) != going)
            snprintf(diff->text, sizeof diff->text, "one of the two stalls");
        if (going && at < steps) outside_event(&fast, 0, r >> 8), outside_event(&slow, 0, r >> 8);
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
        run_hart_until(&w, 0, n - 1, &slices, 1);
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
