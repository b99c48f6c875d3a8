/* Code that writes over itself: one to four harts execute the same pages of random code, about every third instruction of which stores
 * another random instruction somewhere into them, straight or through another mapping of the page, followed by FENCE.I or not. The translating engine
 * against the interpreter: both are coherent at once, so every difference is a mistake, fence or no fence.
 *
 * An input is a header and then a list of instructions, six bytes each, as in fuzz_code. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/guest.h"

struct header {
    uint64_t seed;
    uint8_t harts, mode, warm, code_room, slices, fences, events, steps;
};
enum { COUNT = 23 }; /* s7: of loops */
enum { WIDE_MAPPING = 0x200 /* pages from the plain mapping to that of the superpage */ };

/* The harts begin all over the code. */
static gpa_t entry_of(unsigned hart) { return PAGE(CODE) + hart * 0x640u; }

/* A loop of the code before it, long enough to become a region while it is being written over: a decrement and a branch back. */
static unsigned make_loop(const uint8_t *op, uint8_t *to, size_t at)
{
    unsigned back = (16 + op[1] % 128u) & ~3u;
    if (back > at) back = (unsigned)at & ~3u;
    uint32_t code[] = {ADDI(COUNT, COUNT, 0xfff), BNE(COUNT, 0, -(int32_t)back)};
    memcpy(to, code, sizeof code);
    return sizeof code;
}

/* Stores the instruction of op to a place in the code that its bits choose, mostly nearby. */
static unsigned make_store(const struct header *in, const uint8_t *op, uint8_t *to, size_t at)
{
    uint32_t bits = load_le32(op + 2) * 0x9e3779b1u, value = 0;
    uint8_t piece[16];
    if (make_insn(op, piece) <= 4) memcpy(&value, piece, insn_length(piece[0]));
    if (insn_length(value) == 2) value |= 0x00010000; /* c.nop */
    int32_t target = bits & 1 ? (int32_t)(bits >> 8 & 0x7e) + 28 : (int32_t)(bits >> 8 & 0x3ffe) - (int32_t)at;
    unsigned n = 0;
    uint32_t code[8];
    code[n++] = AUIPC(S1, (uint32_t)(target + 0x800) >> 12);
    code[n++] = ADDI(S1, S1, (uint32_t)target & 0xfff);
    if (in->mode & 2 && bits & 2) {
        code[n++] = LUI(A1, WIDE_MAPPING);
        code[n++] = ADD(S1, S1, A1);
    }
    code[n++] = LUI(A1, (value + 0x800) >> 12);
    code[n++] = ADDI(A1, A1, value & 0xfff);
    code[n++] = asm_s(bits & 4 ? 2 : bits >> 3 & 3, S1, A1, 0);
    if ((bits >> 24) % 4 < in->fences % 5u) code[n++] = 0x0000100f; /* fence.i */
    memcpy(to, code, n * 4);
    return n * 4;
}

static void place_modifying_code(struct world *w, const struct header *in, const uint8_t *ops, size_t size)
{
    uint8_t *to = world_ram(w, PAGE(CODE));
    size_t room = CODE_PAGES * 0x1000, at = 0, from = 0;
    while (at + 40 <= room) {
        const uint8_t *op = ops + from;
        if (in->mode & 4 && op[0] % 32 == 1) {
            at += make_loop(op, to + at, at);
        } else {
            at += op[0] % 3 == 0 ? make_store(in, op, to + at, at) : make_insn(op, to + at);
        }
        from += OP_BYTES;
        if (from + OP_BYTES > size) from = 0;
    }
}

static void set_up(struct world *w, const struct header *in, const uint8_t *ops, size_t size, bool translating)
{
    uint64_t random = in->seed;
    struct world_engine how = {.arena_bytes = in->code_room & 1 ? 1 : 256 << 10, .warm = 1 + in->warm % 4u};
    if (translating) how.code_bytes = (size_t)(64 + in->code_room % 128u) << 10;
    unsigned harts = 1 + in->harts % WORLD_HARTS;
    world_create_with(w, "max", harts, &how);
    place_modifying_code(w, in, ops, size);
    place_handler(w, PAGE(HANDLER_M), MEPC, MCAUSE, 0x30200073);
    place_handler(w, PAGE(HANDLER_S), SEPC, SCAUSE, 0x10200073);
    place_tables(w, &random, 0, false);
    for (unsigned n = 0; n < harts; n++) {
        struct hart *h = w->hart[n];
        for (unsigned i = 1; i < 32; i++) h->x[i] = interesting_value(&random);
        for (unsigned i = 0; i < 32; i++) h->f[i] = next_random(&random);
        csr_poke(h, MTVEC, PAGE(HANDLER_M));
        csr_poke(h, STVEC, PAGE(HANDLER_S));
        csr_poke(h, PMPADDR0 + 15, UINT64_MAX);
        csr_poke(h, PMPCFG0 + 2, UINT64_C(0x1f) << 56);
        csr_poke(h, MSTATUS, MSTATUS_FS);
        if (in->mode & 2) csr_poke(h, SATP, UINT64_C(8) << 60 | PAGE(TABLES) >> 12);
        h->priv = in->mode & 3 ? PRIV_S : PRIV_M;
        priv_update(h);
        h->pc = entry_of(n);
    }
}

static bool run_case(const struct header *in, const uint8_t *ops, size_t size, uint64_t steps, struct world_diff *diff)
{
    static const unsigned longest[] = {5, 40, 400, 1000};
    static struct world jit, interp;
    set_up(&jit, in, ops, size, true);
    set_up(&interp, in, ops, size, false);
    uint64_t turns = in->seed ^ 0x55, slices = in->seed, whole = 0, done = 0;
    unsigned harts = 1 + in->harts % WORLD_HARTS, hart = 0, stalls = 0;
    while (done < steps && stalls < 4) {
        uint64_t r = next_random(&turns), n = 1 + r % longest[in->slices % 4];
        if (n > steps - done) n = steps - done;
        uint64_t until = hart_icount(interp.hart[hart]) + n;
        bool going = run_hart_until(&interp, hart, until, &whole, n);
        if (run_hart_until(&jit, hart, until, &slices, harts == 1 ? 1 + n / 3 : n) != going)
            snprintf(diff->text, sizeof diff->text, "one of the two stalls");
        if (in->events & 1) outside_event(&jit, hart, r >> 8), outside_event(&interp, hart, r >> 8);
        done += n;
        stalls += !going;
        hart = (hart + 1) % harts;
    }
    for (unsigned i = 0; i < harts && !diff->text[0]; i++) *diff = world_compare(&jit, &interp, i);
    world_destroy(&jit);
    world_destroy(&interp);
    return !diff->text[0];
}

static void report(const struct header *in, const uint8_t *ops, size_t size, uint64_t steps)
{
    struct world_diff diff = {{0}};
    uint64_t n = 1;
    while (n < steps && run_case(in, ops, size, n, &diff)) n++;
    fprintf(stderr, "fuzz_selfmod: JIT and interpreter differ after %llu instructions of %u hart(s): %s\n",
            (unsigned long long)n, 1 + in->harts % WORLD_HARTS, diff.text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header in;
    struct world_diff diff = {{0}};
    if (size < sizeof in + OP_BYTES) return 0;
    memcpy(&in, data, sizeof in);
    uint64_t steps = 200 + 10u * in.steps;
    if (!run_case(&in, data + sizeof in, size - sizeof in, steps, &diff))
        report(&in, data + sizeof in, size - sizeof in, steps);
    return 0;
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    if (n >= 48) return 0;
    uint64_t random = n * UINT64_C(0x7654321) + 99;
    size_t size = sizeof(struct header) + OP_BYTES * (n % 3 == 0 ? 900 : 60);
    for (size_t i = 0; i < size && i < room; i++) to[i] = (uint8_t)next_random(&random);
    struct header in;
    memcpy(&in, to, sizeof in);
    in.harts = (uint8_t)n;
    in.fences = (uint8_t)(n / 4);
    memcpy(to, &in, sizeof in);
    return size;
}
