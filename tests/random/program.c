/* Writes random programs. Registers have roles for the time of a program (addresses, loop counters, links), so that loops end and most
 * accesses hit something; everything else is left to chance. Traps return behind what trapped, or to the beginning if there was nothing
 * to fetch; handlers keep a hash of all traps in their scratch register. */
#include "tests/random/program.h"
#include "tests/unit/asm.h"

enum { T5 = 30, T6 = 31, BASES = 6, LEVELS = 2 };

struct maker {
    struct program *p;
    uint64_t random;
    uint32_t at;
    uint8_t base[BASES], counter[LEVELS], link[LEVELS];
    uint32_t roles;                /* registers that random instructions leave alone */
    uint32_t functions[LEVELS][2]; /* by the level that calls them */
    unsigned function_count[LEVELS], depth;
    unsigned level; /* of calls: 0 in the main loop */
    isa_set isa;
};

static uint64_t roll(struct maker *m, uint64_t n) { return (next_random(&m->random) >> 8) % n; }
static bool chance(struct maker *m, unsigned percent) { return roll(m, 100) < percent; }

/* ---- writing ---- */

static bool full(const struct maker *m)
{
    return m->at + 0x200 > PROGRAM_CODE_BYTES || m->p->piece_count + 64 > PROGRAM_PIECES_MAX;
}

static void emit(struct maker *m, uint32_t raw)
{
    unsigned bytes = insn_length(raw);
    memcpy(m->p->code + m->at, &raw, bytes);
    m->p->pieces[m->p->piece_count++] = (struct piece){(uint16_t)m->at, (uint8_t)bytes};
    m->at += bytes;
}

/* Replaces a 4-byte instruction written before. */
static void patch(struct maker *m, uint32_t at, uint32_t raw) { store_le32(m->p->code + at, raw); }

#define C_NOP 0x0001u

static uint32_t jal(unsigned rd, int32_t offset)
{
    uint32_t o = (uint32_t)offset;
    return 0x6f | rd << 7 | (o >> 20 & 1) << 31 | (o >> 1 & 0x3ff) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 0xff) << 12;
}
static uint32_t jalr(unsigned rd, unsigned rs1, int32_t imm) { return asm_i(0x67, 0, rd, rs1, imm & 0xfff); }

/* Compressed forms; the offset must fit. */
static uint32_t c_jalr(unsigned rs1) { return 0x9002 | rs1 << 7; }
static uint32_t c_j(uint32_t o)
{
    return 0xa001 | (o >> 11 & 1) << 12 | (o >> 4 & 1) << 11 | (o >> 8 & 3) << 9 | (o >> 10 & 1) << 8 |
           (o >> 6 & 1) << 7 | (o >> 7 & 1) << 6 | (o >> 1 & 7) << 3 | (o >> 5 & 1) << 2;
}
static uint32_t c_bnez(unsigned rs1, uint32_t o)
{
    return 0xe001 | (o >> 8 & 1) << 12 | (o >> 3 & 3) << 10 | (rs1 - 8) << 7 | (o >> 6 & 3) << 5 | (o >> 1 & 3) << 3 |
           (o >> 5 & 1) << 2;
}

/* Fills up with what does nothing and is nothing to show. */
static void skip_to(struct maker *m, uint32_t to)
{
    for (; m->at < to; m->at += 2) store_le16(m->p->code + m->at, C_NOP);
}

/* A register without a role. */
static unsigned free_x(struct maker *m)
{
    unsigned n;
    do n = 1 + (unsigned)roll(m, 31);
    while (m->roles >> n & 1);
    return n;
}

/* ---- single instructions ---- */

static bool may_stand_alone(const struct maker *m, const struct insn *i)
{
    const struct insn_info *info = insn_info((enum insn_id)i->id);
    if (info->kind == KIND_BRANCH || info->kind == KIND_JUMP || info->kind == KIND_JUMPR) return false;
    return !insn_writes_rd(i) || info->writes_f || !(m->roles >> i->rd & 1);
}

/* CSRs that change nothing but themselves. */
static const uint16_t harmless_csrs[] = {0x001, 0x002, 0x003, 0x140, 0x340, 0xc00, 0xc01, 0xc02, 0xb00,
                                         0xb02, 0x342, 0x142, 0x341, 0x141, 0x240, 0x343, 0x14d, 0x24d};

static uint32_t with_csr(struct maker *m, uint32_t raw)
{
    bool astray = m->p->random_csrs && chance(m, 30);
    uint32_t number = astray ? csrs[roll(m, ARRAY_LEN(csrs))] : harmless_csrs[roll(m, ARRAY_LEN(harmless_csrs))];
    if (number >= 0x140 && number < 0x350 && !astray) raw = (raw & 0xfff) | 2u << 12; /* reads only, but for scratch */
    return (raw & 0xfffff) | number << 20;
}

/* Lets an access go where an address register points, mostly not far from there. */
static uint32_t with_base(struct maker *m, uint32_t raw, const struct insn_info *row)
{
    if (insn_length(raw) == 2) {
        unsigned n = m->base[1]; /* the popular one */
        return strstr(row->operands, "rs1p") ? (raw & ~0x380u) | (n - 8u) << 7 : raw;
    }
    raw = (raw & ~(31u << 15)) | (uint32_t)m->base[roll(m, BASES)] << 15;
    if (chance(m, 30)) return raw;
    uint32_t aligned = chance(m, 25) ? 0 : (uint32_t)roll(m, 64) * 8;
    if (strstr(row->operands, "simm12")) return (raw & 0x1fff07f) | (aligned & 31) << 7 | (aligned >> 5) << 25;
    return strstr(row->operands, "imm12") ? (raw & 0xfffff) | aligned << 20 : raw;
}

static bool is_access(enum insn_kind k)
{
    return k == KIND_LOAD || k == KIND_STORE || k == KIND_AMO || k == KIND_LR || k == KIND_SC;
}

/* One instruction of this row; false if none that fits was found. */
static bool make_row(struct maker *m, enum insn_id id)
{
    const struct insn_pattern *p = insn_pattern(id);
    const struct insn_info *row = insn_info(id);
    for (unsigned attempt = 0; attempt < 8; attempt++) {
        uint32_t raw = p->match | ((uint32_t)next_random(&m->random) & ~p->mask);
        struct insn i;
        if (insn_length(raw) == 2) raw &= 0xffff;
        if (!insn_decode(raw, m->isa, &i)) continue;
        enum insn_kind kind = insn_info((enum insn_id)i.id)->kind;
        if (is_access(kind) || strstr(row->operands, "(rs1)")) raw = with_base(m, raw, row);
        if (strstr(row->operands, "csr")) raw = with_csr(m, raw);
        if (kind == KIND_FPR)
            raw = (raw & ~(7u << 12)) | (uint32_t)(chance(m, 60) ? 7 : roll(m, chance(m, 90) ? 5 : 8)) << 12;
        if (!insn_decode(raw, m->isa, &i) || !may_stand_alone(m, &i)) continue;
        emit(m, raw);
        /* Handlers go on four bytes further. */
        if (insn_length(raw) == 2 && is_access(kind)) emit(m, C_NOP);
        return true;
    }
    return false;
}

static enum insn_id row_of_kinds(struct maker *m, uint32_t kinds)
{
    while (true) {
        enum insn_id id = (enum insn_id)(1 + roll(m, INSN_COUNT - 1));
        if (kinds >> insn_info(id)->kind & 1) return id;
    }
}

static void make_simple(struct maker *m)
{
    static const uint32_t kinds[] = {
        1u << KIND_ALU,
        1u << KIND_LOAD | 1u << KIND_STORE,
        1u << KIND_FP | 1u << KIND_FPR,
        1u << KIND_C,
        1u << KIND_AMO | 1u << KIND_LR | 1u << KIND_SC,
        1u << KIND_SYS,
        ~0u,
    };
    static const uint8_t weights[] = {30, 54, 72, 86, 91, 93, 100};
    unsigned dice = (unsigned)roll(m, 100), k = 0;
    while (dice >= weights[k]) k++;
    if (!make_row(m, row_of_kinds(m, kinds[k]))) emit(m, C_NOP);
}

/* ---- pieces of a program ---- */

static void make_pieces(struct maker *m, unsigned count);

/* A comparison that skips `emit`ted instructions: the placeholder is patched when its target is known. */
static uint32_t random_branch(struct maker *m, int32_t offset)
{
    static const uint8_t f3[] = {0, 1, 4, 5, 6, 7};
    unsigned a = (unsigned)roll(m, 32), b = chance(m, 25) ? 0 : (unsigned)roll(m, 32);
    return asm_b(f3[roll(m, 6)], a, b, offset);
}

static void make_condition(struct maker *m)
{
    bool turns = m->depth > 0 && chance(m, 70);
    unsigned t = 0;
    if (turns) { /* in turns, by the innermost loop's counter */
        t = free_x(m);
        emit(m, asm_i(0x13, 7, t, m->counter[m->depth - 1], 1u << roll(m, 2)));
    }
    uint32_t branch = m->at;
    emit(m, BEQ(0, 0, 4));
    make_pieces(m, 1 + (unsigned)roll(m, 4));
    if (chance(m, 50)) { /* with an else */
        uint32_t jump = m->at;
        emit(m, jal(0, 4));
        patch(m, branch, turns ? BEQ(t, 0, m->at - branch) : random_branch(m, (int32_t)(m->at - branch)));
        make_pieces(m, 1 + (unsigned)roll(m, 4));
        patch(m, jump, jal(0, (int32_t)(m->at - jump)));
    } else {
        patch(m, branch, turns ? BEQ(t, 0, m->at - branch) : random_branch(m, (int32_t)(m->at - branch)));
    }
}

/* t <- the address of an offset in the code, by auipc */
static uint32_t make_address(struct maker *m, unsigned rd)
{
    uint32_t at = m->at;
    emit(m, AUIPC(rd, 0));
    emit(m, ADDI(rd, rd, 0));
    return at;
}
static void patch_address(struct maker *m, uint32_t at, unsigned rd, uint32_t target)
{
    int32_t distance = (int32_t)target - (int32_t)at;
    patch(m, at, AUIPC(rd, (uint32_t)(distance + 0x800) >> 12));
    patch(m, at + 4, ADDI(rd, rd, (uint32_t)distance & 0xfff));
}

/* In one round of a loop that has become hot an instruction of it is overwritten, of those from piece `first` on. */
static void make_overwriting_once(struct maker *m, unsigned counter, unsigned first)
{
    unsigned count = m->p->piece_count - first, t = free_x(m), u = free_x(m), n = free_x(m);
    if (!count) return; /* an empty loop */
    const struct piece *victim = &m->p->pieces[first + roll(m, count)];
    uint32_t raw = load_le16(m->p->code + victim->at), value = ADDI(n, n, 1 + roll(m, 100));
    bool jumps = (raw & 0x7f) == 0x63 || (raw & 0x77) == 0x67;
    if (victim->bytes != 4 || jumps || t == u) return;
    uint32_t at = victim->at;
    emit(m, ADDI(t, counter, (uint32_t)(chance(m, 50) ? -1 : -3) & 0xfff));
    uint32_t branch = m->at;
    emit(m, BNE(t, 0, 4));
    patch_address(m, make_address(m, t), t, at);
    emit(m, LUI(u, (value + 0x800) >> 12));
    emit(m, ADDI(u, u, value & 0xfff));
    emit(m, SW(u, t, 0));
    if (chance(m, 50)) emit(m, 0x0000100f); /* fence.i */
    patch(m, branch, BNE(t, 0, m->at - branch));
}

static void make_loop(struct maker *m)
{
    unsigned counter = m->counter[m->depth], first = m->p->piece_count + 1;
    m->depth++;
    bool up = chance(m, 30);
    int32_t times = 2 + (int32_t)roll(m, m->depth == 1 ? (chance(m, 30) ? 400 : 8) : 4);
    emit(m, ADDI(counter, 0, (up ? -times : times) & 0xfff));
    uint32_t head = m->at;
    make_pieces(m, 1 + (unsigned)roll(m, 6));
    if (m->p->modifies_itself && chance(m, 50)) make_overwriting_once(m, counter, first);
    emit(m, ADDI(counter, counter, (up ? 1 : -1) & 0xfff));
    int32_t back = (int32_t)head - (int32_t)m->at;
    if (back < -4000) { /* too far for a branch */
        emit(m, BEQ(counter, 0, 8));
        emit(m, jal(0, (int32_t)head - (int32_t)m->at));
    } else if (back >= -256 && counter >= 8 && counter < 16 && chance(m, 70)) {
        emit(m, c_bnez(counter, (uint32_t)back));
    } else {
        emit(m, BNE(counter, 0, (uint32_t)back));
    }
    m->depth--;
}

static void make_call(struct maker *m)
{
    if (m->level == LEVELS || !m->function_count[m->level]) {
        make_simple(m);
        return;
    }
    unsigned link = m->link[m->level];
    uint32_t target = m->functions[m->level][roll(m, m->function_count[m->level])];
    if (chance(m, 60)) {
        emit(m, jal(link, (int32_t)target - (int32_t)m->at));
        return;
    }
    unsigned t = chance(m, 30) ? link : free_x(m);
    patch_address(m, make_address(m, t), t, target);
    emit(m, link == 1 && chance(m, 50) ? c_jalr(t) : jalr(link, t, 0));
}

static uint32_t csr_insn(unsigned f3, unsigned rd, unsigned rs1, unsigned number)
{
    return asm_i(0x73, f3, rd, rs1, number);
}

/* Switches the floating-point unit off or on: the same code is decoded anew. */
static void make_fp_switch(struct maker *m, unsigned status)
{
    unsigned t = free_x(m);
    emit(m, LUI(t, 6)); /* FS */
    emit(m, csr_insn(chance(m, 60) ? 2 : 3, 0, t, status));
}

/* What kernels do to their status, scratch and trap registers, and to whole pages; elsewhere most of it traps. */
static void make_system(struct maker *m)
{
    static const uint16_t registers[] = {0x40, 0x40, 0x41, 0x42, 0x43};
    bool machine = m->p->priv == PRIV_M;
    unsigned t = free_x(m), rd = chance(m, 30) ? 0 : free_x(m), status = machine ? 0x300 : 0x100;
    switch (roll(m, 6)) {
    case 0: make_fp_switch(m, status); break;
    case 1: /* SIE by an immediate, or whatever five bits say */
        emit(m, csr_insn(6 + (unsigned)roll(m, 2), rd, chance(m, 70) ? 2 : (unsigned)roll(m, 32), status));
        break;
    case 2: /* SUM around an access; or MXR, SUM, SPP, SPIE, SIE by a register */
        if (chance(m, 30)) {
            emit(m, LUI(t, 1 << 6));
            emit(m, csr_insn(2, rd, t, status));
            make_row(m, chance(m, 50) ? INSN_ld : INSN_sd);
            emit(m, LUI(t, 1 << 6));
            emit(m, csr_insn(3, rd, t, status));
            break;
        }
        emit(m, LUI(t, chance(m, 70) ? 0 : (uint32_t)roll(m, 4) << 6));
        emit(m, ADDI(t, t, (chance(m, 50) ? 2 : 0) | roll(m, 2) << 5 | roll(m, 2) << 8));
        emit(m, csr_insn(chance(m, 90) ? 2 + (unsigned)roll(m, 2) : 1, rd, t, status));
        break;
    case 3: emit(m, csr_insn(1, rd, t, (status & 0xf00) | 0x40)); break; /* exchange with scratch */
    case 4:
        emit(m, csr_insn(1 + (unsigned)roll(m, 3) + (chance(m, 30) ? 4 : 0), rd, (unsigned)roll(m, 32),
                         (status & 0xf00) | registers[roll(m, ARRAY_LEN(registers))]));
        break;
    default: make_row(m, INSN_cbo_zero);
    }
}

/* Jumps to one of four places, chosen by a register. */
static void make_dispatch(struct maker *m)
{
    unsigned t = free_x(m), u = free_x(m);
    while (u == t) u = free_x(m);
    uint32_t address = make_address(m, t);
    emit(m, asm_i(0x13, 7, u, chance(m, 50) ? m->counter[0] : roll(m, 32), 3));
    emit(m, SLLI(u, u, 4));
    emit(m, ADD(t, t, u));
    emit(m, jalr(0, t, 0));
    uint32_t first = m->at, jumps[4];
    patch_address(m, address, t, first);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t end = first + 16 * (i + 1);
        emit(m, asm_i(0x13, 0, free_x(m), roll(m, 32), roll(m, 4096)));
        jumps[i] = m->at;
        emit(m, jal(0, 4));
        while (m->at < end) emit(m, C_NOP);
    }
    for (unsigned i = 0; i < 4; i++) patch(m, jumps[i], jal(0, (int32_t)(m->at - jumps[i])));
}

static void make_reservation(struct maker *m)
{
    unsigned b = m->base[roll(m, 3)], old = free_x(m), failed = free_x(m), wide = (unsigned)roll(m, 2);
    uint32_t lr = insn_pattern(wide ? INSN_lr_d : INSN_lr_w)->match | old << 7 | b << 15;
    uint32_t sc = insn_pattern(wide ? INSN_sc_d : INSN_sc_w)->match | failed << 7 | b << 15 | free_x(m) << 20;
    emit(m, lr);
    if (chance(m, 70)) emit(m, ADDI(old, old, 1));
    if (chance(m, 10)) make_simple(m);
    emit(m, sc);
}

/* Stores an instruction over one nearby, mostly ahead, sometimes behind. */
static void make_overwriting(struct maker *m)
{
    static const uint32_t put[] = {0x00150513 /* addi a0,a0,1 */, 0x00010505 /* c.addi a0,1; c.nop */,
                                   0x00000517 /* auipc a0,0 */,   0x00100073 /* ebreak */,
                                   0x40a58533 /* sub a0,a1,a0 */, 0x0005b503 /* ld a0,0(a1) */};
    unsigned t = free_x(m), u = free_x(m);
    while (u == t) u = free_x(m);
    uint32_t value = put[roll(m, ARRAY_LEN(put))], size = (uint32_t)roll(m, 10) < 7 ? 2 : (uint32_t)roll(m, 4);
    uint32_t address = make_address(m, t), target;
    if (chance(m, 60))
        target = m->at + 16 + 2 * (uint32_t)roll(m, 40);
    else
        target = 2 * (uint32_t)roll(m, m->at / 2 + 256);
    if (chance(m, 80)) target &= ~3u;
    if (target + 8 > PROGRAM_CODE_BYTES) target = 0;
    patch_address(m, address, t, target);
    emit(m, LUI(u, (value + 0x800) >> 12));
    emit(m, ADDI(u, u, value & 0xfff));
    emit(m, asm_s(size, t, u, 0));
    if (chance(m, 50)) emit(m, 0x0000100f); /* fence.i */
}

/* Goes on somewhere further, often on the next page. */
static void make_gap(struct maker *m)
{
    uint32_t to = m->at + 4 + 2 * (uint32_t)roll(m, 0x200);
    if (chance(m, 40)) to = ((m->at | 0xfff) + 1) - 2 * (uint32_t)roll(m, 8); /* before the page's end */
    if (to < m->at + 4 || to + 0x800 > PROGRAM_CODE_BYTES) return;
    uint32_t distance = to - m->at;
    emit(m, distance < 0x800 && chance(m, 50) ? c_j(distance) : jal(0, (int32_t)distance));
    skip_to(m, to);
}

/* A function that calls itself as often as its argument says. */
static void make_recursion(struct maker *m)
{
    if (m->level != 0) {
        make_simple(m);
        return;
    }
    unsigned link = m->link[0], n = m->counter[LEVELS - 1], sp = 2;
    if (m->depth > 0) n = free_x(m);
    emit(m, ADDI(n, 0, 2 + roll(m, 12)));
    uint32_t call = m->at;
    emit(m, jal(link, 4));
    uint32_t over = m->at;
    emit(m, jal(0, 4));
    uint32_t function = m->at;
    emit(m, ADDI(sp, sp, -16 & 0xfff));
    emit(m, SD(link, sp, 8));
    emit(m, ADDI(n, n, -1 & 0xfff));
    uint32_t branch = m->at;
    emit(m, BEQ(n, 0, 8));
    emit(m, jal(link, (int32_t)function - (int32_t)m->at));
    patch(m, branch, asm_b(0, n, 0, m->at - branch));
    if (chance(m, 50)) make_simple(m);
    emit(m, LD(link, sp, 8));
    emit(m, ADDI(sp, sp, 16));
    emit(m, jalr(0, link, 0));
    patch(m, call, jal(link, (int32_t)function - (int32_t)call));
    patch(m, over, jal(0, (int32_t)m->at - (int32_t)over));
}

/* A base goes back and forth between pages, as the nodes of a list do. */
static void make_wandering_base(struct maker *m)
{
    static const enum insn_id loads[] = {INSN_ld, INSN_lw, INSN_lhu, INSN_lb};
    unsigned b = m->base[roll(m, 3)], t = free_x(m);
    emit(m, LUI(t, 1 + (uint32_t)roll(m, 3)));
    emit(m, asm_i(0x33, 4, b, b, t)); /* xor */
    for (unsigned n = 1 + (unsigned)roll(m, 3); n > 0; n--)
        emit(m, insn_pattern(loads[roll(m, 4)])->match | free_x(m) << 7 | b << 15 | (uint32_t)roll(m, 16) << 23);
}

static void make_piece(struct maker *m)
{
    unsigned dice = (unsigned)roll(m, 100);
    bool deep = m->depth == LEVELS;
    if (dice < 3)
        make_wandering_base(m);
    else if (dice < 64)
        make_simple(m);
    else if (dice < 66)
        make_system(m);
    else if (dice < 76)
        make_condition(m);
    else if (dice < 84 && !deep)
        make_loop(m);
    else if (dice < 90)
        make_call(m);
    else if (dice < 92)
        make_dispatch(m);
    else if (dice < 94)
        make_reservation(m);
    else if (dice < 96)
        make_gap(m);
    else if (dice < 97)
        make_recursion(m);
    else if (dice < 98)
        make_system(m);
    else if (m->p->modifies_itself)
        make_overwriting(m);
    else
        make_simple(m);
}

static void make_pieces(struct maker *m, unsigned count)
{
    while (count-- && !full(m)) make_piece(m);
}

/* Loads the registers that hold addresses; they drift in between. */
static void make_loads_of_bases(struct maker *m)
{
    unsigned t = m->base[BASES - 1];
    patch_address(m, make_address(m, t), t, m->p->pool_at);
    for (unsigned i = 0; i < BASES; i++) emit(m, LD(m->base[i], t, i * 8));
}

static void make_function(struct maker *m, unsigned level)
{
    uint32_t start = m->at;
    m->level = level + 1;
    make_pieces(m, 2 + (unsigned)roll(m, 8));
    unsigned link = m->link[level];
    emit(m, chance(m, 50) ? jalr(0, link, 0) : 0x8002u | link << 7 /* c.jr */);
    if (m->at & 2 && chance(m, 50)) emit(m, C_NOP);
    m->functions[level][m->function_count[level]++] = start;
}

/* ---- the program ---- */

static void give_role(struct maker *m, uint8_t *to, unsigned n)
{
    while (n == 0 || n >= T5 || m->roles >> n & 1) n = 1 + (unsigned)roll(m, 29);
    *to = (uint8_t)n;
    m->roles |= 1u << n;
}

static void give_roles(struct maker *m)
{
    m->roles = 0;
    give_role(m, &m->base[0], 2);
    give_role(m, &m->base[1], 8 + (unsigned)roll(m, 8));
    give_role(m, &m->link[0], chance(m, 75) ? 1 : 0);
    give_role(m, &m->link[1], chance(m, 75) ? 5 : 0);
    for (unsigned i = 2; i < BASES; i++) give_role(m, &m->base[i], 0);
    for (unsigned i = 0; i < LEVELS; i++) give_role(m, &m->counter[i], 0);
}

static void make_code(struct maker *m)
{
    struct program *p = m->p;
    m->at = 0;
    p->pool_at = PROGRAM_CODE_BYTES - 64;
    uint32_t over = m->at;
    emit(m, jal(0, 4));
    for (unsigned level = LEVELS; level-- > 0;)
        for (unsigned n = (unsigned)roll(m, 3); n > 0; n--) make_function(m, level);
    m->level = 0;
    /* often functions and the main loop lie in different pages */
    if (chance(m, 60)) skip_to(m, (m->at | 0xfff) + 1 - 2 * (uint32_t)roll(m, 0x100));
    uint32_t head = m->at;
    patch(m, over, jal(0, (int32_t)(head - over)));
    for (unsigned i = 0; i < WORLD_HARTS; i++) p->entry[i] = head;
    make_loads_of_bases(m);
    make_pieces(m, 4 + (unsigned)roll(m, 36));
    emit(m, jal(0, (int32_t)head - (int32_t)m->at));
    skip_to(m, p->pool_at);
}

static uint64_t random_address(struct maker *m)
{
    const struct program *p = m->p;
    uint64_t device = p->regime == BARE ? DEVICE : UINT64_C(0x80400000), page = PAGE(DATA + roll(m, 5));
    switch (roll(m, 16)) {
    case 0: return device + roll(m, 8) * 8;
    case 1: return page + 0xff9 + roll(m, 7); /* accesses without an offset cross into the next page */
    case 2: return p->regime == BARE ? page + 0x800 : page - RAM + 0x800;               /* low mapping */
    case 3: return p->regime == BARE ? page + 0x800 : page + 0x200000 + 0x800;          /* through a superpage */
    case 4: return chance(m, 50) ? next_random(&m->random) : page + 0x7fc + roll(m, 8); /* misaligned */
    case 5: return p->modifies_itself ? PAGE(CODE) + roll(m, PROGRAM_CODE_BYTES / 8) * 8 : page + 0x400;
    default: return page + 0x400 + roll(m, 0x80) * 8;
    }
}

static void choose_machine(struct maker *m)
{
    struct program *p = m->p;
    static const size_t codes[] = {38 << 10, 64 << 10, 512 << 10,
                                   2 << 20}; /* a block may take 32 KiB; a region ten times as much */
    p->harts = chance(m, 80) ? 1 : 2 + (unsigned)roll(m, WORLD_HARTS - 1);
    p->engine.arena_bytes = chance(m, 25) ? 1 : 256 << 10;
    p->engine.code_bytes = codes[roll(m, ARRAY_LEN(codes))];
    p->engine.warm = chance(m, 60) ? 1 : 1 + (unsigned)roll(m, 8);
    p->priv = (enum priv[]){PRIV_M, PRIV_S, PRIV_U}[roll(m, 3)];
    p->virt = p->priv != PRIV_M && chance(m, 40);
    p->regime = p->priv == PRIV_M ? BARE : (enum regime)roll(m, REGIME_COUNT);
    p->guest_regime = p->virt && chance(m, 70) ? (enum regime)(SV39 + roll(m, 3)) : BARE;
    p->flavour = chance(m, 80) ? 0 : (uint8_t)roll(m, 256);
    if (p->regime != BARE && chance(m, 40)) p->flavour |= 8; /* neighbours in virtual memory that are none in RAM */
    p->modifies_itself = chance(m, 30);
    p->random_pmp = chance(m, 10);
    p->random_csrs = chance(m, 10);
    p->frm = chance(m, 50) ? 0 : (unsigned)roll(m, chance(m, 90) ? 5 : 8);
    p->steps = 300 + (unsigned)roll(m, chance(m, 20) ? 8000 : 1500);
    p->slice_longest = (unsigned[]){1000000, 1000000, 200, 37, 5, 1}[roll(m, 6)];
    p->event_every = chance(m, 50) ? 0 : (unsigned[]){7, 31, 97, 400}[roll(m, 4)];
    if (p->harts > 1 || roll(m, 50)) return;
    p->event_every = 1;
    p->sweep_from = 50 + (unsigned)roll(m, 400);
}

void program_make(struct program *p, uint64_t seed)
{
    struct maker m = {.p = p, .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    struct err err;
    if (!isa_parse_cpu("max", &m.isa, &err)) world_die(err.text);
    *p = (struct program){.seed = seed};
    choose_machine(&m);
    give_roles(&m);
    make_code(&m);
    for (unsigned i = 0; i < ARRAY_LEN(p->pool); i++) p->pool[i] = random_address(&m);
    memcpy(p->code + p->pool_at, p->pool, sizeof p->pool);
}

void program_erase(struct program *p, unsigned piece)
{
    const struct piece *i = &p->pieces[piece];
    for (unsigned k = 0; k < i->bytes; k += 2) store_le16(p->code + i->at + k, C_NOP);
}
