/* The generator for x86-64, system instructions that need no function: CSRs that hold what a trap or return wants, bits of sstatus that
 * nothing is derived from, FENCE.I, CBO.ZERO.
 *
 * A block is for a set of live extensions, not for a privilege, so each instruction first compares the mode; whatever is not the common
 * case is left to the interpreter, which does the whole instruction. None of them may make an interrupt pending or enable one that is
 * pending: then the interpreter looks at it, too. */
#include "cpu/jit/gen.h"

#include "cpu/csr_internal.h"

/* The instruction is for this privilege without V; priv and virt are compared at once. */
static void require_mode(struct gen *g, enum priv priv)
{
    struct code *c = &g->c;
    x_ins(c, X_66 | 0x83, G_CMP, m_(R_HART, H(priv)));
    x_8(c, (unsigned)priv);
    gen_deopt(g, x_jcc(c, C_NE));
    _Static_assert(offsetof(struct hart, virt) == offsetof(struct hart, priv) + 1, "compared at once");
}

/* ---- what a Zicsr instruction asks ---- */

struct csr_use {
    unsigned number;
    enum csr_op op;
    bool writes;
    struct opnd operand;
};

static struct csr_use csr_use(const struct gen *g)
{
    const struct insn *i = g->insn;
    struct csr_use u = {.number = (unsigned)i->imm, .operand = {.imm = true, .value = i->rs1}};
    switch (i->id) {
    case INSN_csrrs:
    case INSN_csrrsi: u.op = CSR_SET; break;
    case INSN_csrrc:
    case INSN_csrrci: u.op = CSR_CLEAR; break;
    default: u.op = CSR_WRITE;
    }
    if (i->id == INSN_csrrw || i->id == INSN_csrrs || i->id == INSN_csrrc) u.operand = gen_operand_x(g, i->rs1);
    u.writes = u.op == CSR_WRITE || i->rs1 != 0;
    return u;
}

/* rdx <- the operand combined with the old value in rax; of both only the bits of `mask`, which is an immediate. rcx is lost. */
static void combine(struct gen *g, const struct csr_use *u, int32_t mask)
{
    struct code *c = &g->c;
    gen_move(g, RDX, &u->operand);
    if (mask != -1) x_group_imm(c, G_AND, r_(RDX), mask);
    if (u->op == CSR_SET) x_group(c, G_OR, RDX, r_(RAX));
    if (u->op == CSR_CLEAR) {
        x_ins(c, X_W | 0xf7, 2, r_(RDX)); /* not */
        x_group(c, G_AND, RDX, r_(RAX));
    }
    if (u->op == CSR_WRITE && mask != -1) {
        x_mov(c, RCX, RAX);
        x_group_imm(c, G_AND, r_(RCX), ~mask);
        x_group(c, G_OR, RDX, r_(RCX));
    }
}

/* ---- registers that are memory ---- */

struct stored {
    uint16_t number;
    bool is_epc;
    int32_t at;
};
#define STORED(number, is_epc, field)                                                                                  \
    {                                                                                                                  \
        number, is_epc, H(csr.field)                                                                                   \
    }
static const struct stored stored[] = {
    STORED(0x140, false, sscratch), STORED(0x141, true, sepc),      STORED(0x142, false, scause),
    STORED(0x143, false, stval),    STORED(0x340, false, mscratch), STORED(0x341, true, mepc),
    STORED(0x342, false, mcause),   STORED(0x343, false, mtval),
};

static bool gen_stored(struct gen *g, const struct csr_use *u, const struct stored *s)
{
    struct code *c = &g->c;
    bool machine = u->number >> 8 == 3;
    if (!machine && !isa_has(g->live, EXT_s)) return false;
    require_mode(g, machine ? PRIV_M : PRIV_S);
    x_load(c, RAX, m_(R_HART, s->at)); /* an epc is stored without bit 0; where C is on bit 1 stands, too */
    if (u->writes) {
        combine(g, u, s->is_epc ? -2 : -1);
        if (s->is_epc) x_group_imm(c, G_AND, r_(RDX), -2);
        x_store(c, m_(R_HART, s->at), RDX);
    }
    if (g->insn->rd) gen_set_rd(g, RAX);
    return true;
}

/* ---- sstatus ---- */

#define STATUS_DERIVED (MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR) /* regimes and modes depend on these */

/* An interrupt that may be enabled now and is pending: the interpreter takes it. rcx is lost. */
static void require_nothing_pending(struct gen *g)
{
    struct code *c = &g->c;
    x_load(c, RCX, m_(R_HART, H(csr.mip)));
    x_group(c, G_OR, RCX, m_(R_HART, H(csr.mip_lines)));
    x_group(c, G_OR, RCX, m_(R_HART, H(csr.hvip)));
    x_ins(c, X_W | 0x85, RCX, m_(R_HART, H(csr.mie)));
    gen_deopt(g, x_jcc(c, C_NE));
}

/* SUM changes, alone of what regimes depend on: the banks for either are exchanged, if the other one is known and still the one for the
 * present regime but for SUM (where translation is off there is none). rcx, xmm0 to xmm2 are lost; there are no f registers. */
static void exchange_sum_banks(struct gen *g)
{
    struct code *c = &g->c;
    const int32_t regime = (int32_t)offsetof(struct data_bank, info.regime);
    const int32_t twin = (int32_t)offsetof(struct data_bank, sum_twin);
    _Static_assert(sizeof(struct mmu_regime) == 32 && offsetof(struct mmu_regime, sum) >= 16, "two vectors");
    const uint32_t same = 0xffff, same_but_sum = same & ~(UINT32_C(1) << (offsetof(struct mmu_regime, sum) - 16));
    x_load(c, RCX, m_(R_BANK, twin));
    x_ins(c, X_W | 0x85, RCX, r_(RCX));
    gen_deopt(g, x_jcc(c, C_E));
    x_ins(c, X_0F | 0x10, 0, m_(RCX, regime)); /* movups */
    x_ins(c, X_0F | 0x10, 1, m_(RCX, regime + 16));
    x_ins(c, X_0F | 0x10, 2, m_(R_BANK, regime));
    x_ins(c, X_66 | X_0F | 0x74, 0, r_(2)); /* pcmpeqb */
    x_ins(c, X_0F | 0x10, 2, m_(R_BANK, regime + 16));
    x_ins(c, X_66 | X_0F | 0x74, 1, r_(2));
    for (unsigned i = 0; i < 2; i++) {
        x_ins(c, X_66 | X_0F | 0xd7, RCX, r_(i)); /* pmovmskb */
        x_ins(c, 0x81, G_CMP, r_(RCX));
        x_32(c, i ? same_but_sum : same);
        gen_deopt(g, x_jcc(c, C_NE));
    }
    x_load(c, R_BANK, m_(R_BANK, twin));
    x_store(c, m_(R_HART, H(data)), R_BANK);
    x_ins(c, 0x80, G_AND, m_(R_HART, H(regimes_known)));
    x_8(c, (unsigned)~(1u << PRIV_S) & 0xff);
}

/* With the floating-point unit off, as kernels have it: its state is not dirty, and SD reads as 0. */
static bool gen_sstatus(struct gen *g, const struct csr_use *u)
{
    struct code *c = &g->c;
    const isa_set needs = ISA_BIT(s) | ISA_BIT(u) | ISA_BIT(sv39);
    if ((g->live & needs) != needs || isa_has(g->live, EXT_f)) return false;
    require_mode(g, PRIV_S);
    x_load(c, RAX, m_(R_HART, H(csr.mstatus)));
    x_8(c, 0xa9); /* test eax */
    x_32(c, (uint32_t)(MSTATUS_FS | MSTATUS_MPRV));
    gen_deopt(g, x_jcc(c, C_NE));
    if (u->writes) {
        combine(g, u, (int32_t)SSTATUS_WRITABLE);
        if (u->op != CSR_CLEAR) {
            x_ins(c, 0x8b, RCX, r_(RAX));
            x_ins(c, 0xf7, 2, r_(RCX));   /* not */
            x_ins(c, 0x23, RCX, r_(RDX)); /* what is set */
            x_ins(c, 0xf7, 0, r_(RCX));   /* test */
            x_32(c, (uint32_t)MSTATUS_SIE);
            uint8_t *enables_nothing = x_jcc(c, C_E);
            require_nothing_pending(g);
            x_aim(enables_nothing, c->at);
        }
        x_ins(c, 0x8b, RCX, r_(RDX));
        x_ins(c, 0x33, RCX, r_(RAX)); /* what changes */
        x_ins(c, 0x81, G_AND, r_(RCX));
        x_32(c, (uint32_t)STATUS_DERIVED);
        uint8_t *derives_nothing = x_jcc(c, C_E);
        x_ins(c, 0x81, G_CMP, r_(RCX));
        x_32(c, (uint32_t)MSTATUS_SUM);
        gen_deopt(g, x_jcc(c, C_NE));
        exchange_sum_banks(g);
        x_aim(derives_nothing, c->at);
        x_store(c, m_(R_HART, H(csr.mstatus)), RDX);
    }
    if (!g->insn->rd) return true;
    x_ins(c, 0x81, G_AND, r_(RAX));
    x_32(c, (uint32_t)SSTATUS_WRITABLE);
    x_ins(c, X_W | X_0F | 0xba, 5, r_(RAX)); /* bts: UXL is 2 */
    x_8(c, 33);
    gen_set_rd(g, RAX);
    return true;
}

static bool gen_csr(struct gen *g)
{
    struct csr_use u = csr_use(g);
    if (u.number == 0x100) return gen_sstatus(g, &u);
    for (size_t i = 0; i < ARRAY_LEN(stored); i++)
        if (stored[i].number == u.number) return gen_stored(g, &u, &stored[i]);
    return false;
}

/* ---- cache blocks ---- */

#define CACHE_BLOCK_BYTES 64

/* In HS- and S-mode, where menvcfg alone allows it. norm:menvcfg_cbze_op */
static bool gen_cbo_zero(struct gen *g)
{
    struct code *c = &g->c;
    require_mode(g, PRIV_S);
    x_ins(c, 0xf6, 0, m_(R_HART, H(csr.menvcfg))); /* test */
    x_8(c, (unsigned)ENVCFG_CBZE);
    gen_deopt(g, x_jcc(c, C_E));
    struct rm at = gen_probe(g, true, 1, 0, false);
    x_ins(c, X_W | 0x8d, RAX, at);
    x_group_imm(c, G_AND, r_(RAX), -CACHE_BLOCK_BYTES);
    x_ins(c, X_0F | 0x57, 0, r_(0));                                                          /* xorps */
    for (int32_t i = 0; i < CACHE_BLOCK_BYTES; i += 16) x_ins(c, X_0F | 0x11, 0, m_(RAX, i)); /* movups */
    return true;
}

bool gen_system(struct gen *g)
{
    bool done;
    switch (g->insn->id) {
    case INSN_csrrw:
    case INSN_csrrs:
    case INSN_csrrc:
    case INSN_csrrwi:
    case INSN_csrrsi:
    case INSN_csrrci: done = gen_csr(g); break;
    case INSN_cbo_zero: done = gen_cbo_zero(g); break;
    case INSN_fence_i: done = true; break; /* stores reach blocks at once */
    default: done = false;
    }
    if (done) gen_go_to(g, (int32_t)(g->offset + g->insn->length));
    return done;
}
