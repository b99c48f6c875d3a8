/* Instructions that are functions: CSRs, traps and returns, fences, cache blocks. Each ends its block, so everything that it may have
 * changed (regime, mode, pending interrupts) is looked at before the next instruction. Also the common ends of all handlers. */
#include "cpu/interp.h"

/* ---- where an instruction is ---- */

uint64_t insn_pc(const struct hart *h, const struct dinsn *d)
{
    const struct block *b = block_of(d);
    const uint32_t *raw = block_raw(b);
    uint64_t pc = h->pc;
    if (d->index + 1u == b->length) return pc + b->bytes - insn_length(raw[d->index]);
    for (unsigned i = 0; i < d->index; i++) pc += insn_length(raw[i]);
    return pc;
}

/* ---- how an instruction ends out of line ---- */

const struct dinsn *insn_trap(struct hart *h, const struct dinsn *d, const struct trap *t)
{
    uint64_t pc = insn_pc(h, d);
    h->budget += block_of(d)->length - d->index;
    if (h->observer) observe_trap(h, t);
    trap_take(h, t, pc);
    return NULL;
}

const struct dinsn *insn_leave(struct hart *h, const struct dinsn *d)
{
    h->pc = insn_pc(h, d) + insn_length(insn_raw(d));
    h->budget += block_of(d)->length - d->index - 1;
    return NULL;
}

/* After a slow access: it may have raised an interrupt, cut the run, or overwritten this block. */
const struct dinsn *insn_after_slow(HANDLER_ARGS)
{
    const struct block *b = block_of(d);
    if (UNLIKELY(h->kicked || (b->origin ? b->origin : b)->count == BLOCK_DEAD)) return insn_leave(h, d);
    NEXT;
}

__attribute__((cold)) const struct dinsn *insn_illegal(HANDLER_ARGS)
{
    (void)bank;
    return insn_trap(h, d, &(struct trap){.cause = CAUSE_ILLEGAL, .tval = insn_raw(d)});
}

/* ---- system instructions: true if it retired; false: *t is the trap ---- */

static bool sys_ecall(struct hart *h, const struct dinsn *d, struct trap *t)
{
    (void)d;
    bool vs = h->virt && h->priv == PRIV_S; /* norm:H_cause_ecall */
    *t = (struct trap){.cause = vs ? CAUSE_ECALL_VS : CAUSE_ECALL_U + h->priv};
    return false;
}

static bool sys_ebreak(struct hart *h, const struct dinsn *d, struct trap *t)
{
    *t = (struct trap){.cause = CAUSE_BREAKPOINT, .tval = insn_pc(h, d)};
    return false;
}

/* Stores reach blocks at once, so there is nothing to throw away; the next instruction is looked up anew. */
static bool sys_fence_i(struct hart *h, const struct dinsn *d, struct trap *t)
{
    (void)h, (void)d, (void)t;
    return true;
}

/* norm:csrrw: rd = x0 does not read; norm:csrrs_csrrc: rs1 = x0 (uimm = 0) does not write. */
static bool sys_csr(struct hart *h, const struct dinsn *d, enum csr_op op, uint64_t operand, struct trap *t)
{
    bool reads = op != CSR_WRITE || d->rd != 32, writes = op == CSR_WRITE || d->rs1 != 0;
    uint64_t old = 0;
    unsigned number = (unsigned)d->imm;
    uint64_t block_pc = h->pc;
    h->pc = insn_pc(h, d);
    h->unretired = 1;
    bool done = csr_access(h, number, op, operand, reads, writes, insn_raw(d), &old, t);
    h->unretired = 0;
    h->pc = block_pc;
    if (!done) return false;
    h->x[d->rd] = old;
    if (h->observer && writes) observe_csr_instruction(h, csr_substitute(h, number), csr_combine(op, old, operand));
    return true;
}
static bool sys_csrrw(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return sys_csr(h, d, CSR_WRITE, RS1, t);
}
static bool sys_csrrs(struct hart *h, const struct dinsn *d, struct trap *t) { return sys_csr(h, d, CSR_SET, RS1, t); }
static bool sys_csrrc(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return sys_csr(h, d, CSR_CLEAR, RS1, t);
}
static bool sys_csrrwi(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return sys_csr(h, d, CSR_WRITE, d->rs1, t);
}
static bool sys_csrrsi(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return sys_csr(h, d, CSR_SET, d->rs1, t);
}
static bool sys_csrrci(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return sys_csr(h, d, CSR_CLEAR, d->rs1, t);
}

static bool sys_cbo_inval(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_cbo_allowed(h, insn_raw(d), false, true, t) && mem_cache_block(h, d, RS1, false, t);
}
static bool sys_cbo_clean(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_cbo_allowed(h, insn_raw(d), false, false, t) && mem_cache_block(h, d, RS1, false, t);
}
static bool sys_cbo_flush(struct hart *h, const struct dinsn *d, struct trap *t) { return sys_cbo_clean(h, d, t); }
static bool sys_cbo_zero(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_cbo_allowed(h, insn_raw(d), true, false, t) && mem_cache_block(h, d, RS1, true, t);
}

static bool sys_mret(struct hart *h, const struct dinsn *d, struct trap *t)
{
    if (!priv_mret(h, insn_raw(d), t)) return false;
    if (h->observer) observe_csr_written(h, 0x300); /* mstatus */
    return true;
}
static bool sys_sret(struct hart *h, const struct dinsn *d, struct trap *t)
{
    unsigned status = csr_substitute(h, 0x100); /* of the mode that is left */
    bool hypervisor = !h->virt && isa_has(h->isa_live, EXT_h);
    if (!priv_sret(h, insn_raw(d), t)) return false;
    if (h->observer) observe_csr_written(h, status);
    if (h->observer && hypervisor) observe_csr_written(h, 0x600); /* hstatus: SPV */
    return true;
}
static bool sys_wfi(struct hart *h, const struct dinsn *d, struct trap *t) { return priv_wfi(h, insn_raw(d), t); }
static bool sys_sfence_vma(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_sfence_vma(h, insn_raw(d), d->rs1 != 0, RS1, d->rs2 != 0, RS2, t);
}
static bool sys_sinval_vma(struct hart *h, const struct dinsn *d, struct trap *t) { return sys_sfence_vma(h, d, t); }
static bool sys_sfence_w_inval(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_sfence_inval(h, insn_raw(d), t);
}
static bool sys_sfence_inval_ir(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_sfence_inval(h, insn_raw(d), t);
}

static bool sys_hfence_vvma(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_hfence(h, insn_raw(d), false, d->rs1 != 0, RS1, d->rs2 != 0, RS2, t);
}
static bool sys_hfence_gvma(struct hart *h, const struct dinsn *d, struct trap *t)
{
    return priv_hfence(h, insn_raw(d), true, d->rs1 != 0, RS1, d->rs2 != 0, RS2, t);
}
/* They act at once, as SINVAL.VMA does. */
static bool sys_hinval_vvma(struct hart *h, const struct dinsn *d, struct trap *t) { return sys_hfence_vvma(h, d, t); }
static bool sys_hinval_gvma(struct hart *h, const struct dinsn *d, struct trap *t) { return sys_hfence_gvma(h, d, t); }

/* ---- loads and stores as a guest ---- */

static bool guest_load(struct hart *h, const struct dinsn *d, bool hlvx, unsigned size, uint64_t *value, struct trap *t)
{
    if (!priv_guest_access_allowed(h, insn_raw(d), t)) return false;
    struct mmu_regime r = priv_guest_regime(h, hlvx);
    return mem_load_as(h, d, &r, RS1, size, value, t);
}

static bool guest_store(struct hart *h, const struct dinsn *d, unsigned size, struct trap *t)
{
    if (!priv_guest_access_allowed(h, insn_raw(d), t)) return false;
    struct mmu_regime r = priv_guest_regime(h, false);
    return mem_store_as(h, d, &r, RS1, size, RS2, t);
}

#define GUEST_LOAD(id, hlvx, size, value)                                                                              \
    static bool sys_##id(struct hart *h, const struct dinsn *d, struct trap *t)                                        \
    {                                                                                                                  \
        uint64_t LOADED;                                                                                               \
        if (!guest_load(h, d, hlvx, size, &LOADED, t)) return false;                                                   \
        SET_X(value);                                                                                                  \
        return true;                                                                                                   \
    }
GUEST_LOAD(hlv_b, false, 1, SX8(LOADED))
GUEST_LOAD(hlv_bu, false, 1, LOADED)
GUEST_LOAD(hlv_h, false, 2, SX16(LOADED))
GUEST_LOAD(hlv_hu, false, 2, LOADED)
GUEST_LOAD(hlvx_hu, true, 2, LOADED)
GUEST_LOAD(hlv_w, false, 4, SX32(LOADED))
GUEST_LOAD(hlv_wu, false, 4, LOADED)
GUEST_LOAD(hlvx_wu, true, 4, LOADED)
GUEST_LOAD(hlv_d, false, 8, LOADED)
#undef GUEST_LOAD

static bool sys_hsv_b(struct hart *h, const struct dinsn *d, struct trap *t) { return guest_store(h, d, 1, t); }
static bool sys_hsv_h(struct hart *h, const struct dinsn *d, struct trap *t) { return guest_store(h, d, 2, t); }
static bool sys_hsv_w(struct hart *h, const struct dinsn *d, struct trap *t) { return guest_store(h, d, 4, t); }
static bool sys_hsv_d(struct hart *h, const struct dinsn *d, struct trap *t) { return guest_store(h, d, 8, t); }

/* Returns have put the new pc in place; every other instruction goes on behind itself. */
static bool sets_pc(enum insn_id id) { return id == INSN_mret || id == INSN_sret; }

/* A system instruction is the last one of its block. */
static uint64_t block_end_pc(const struct hart *h, const struct dinsn *d) { return h->pc + block_of(d)->bytes; }

#if INTERP_TAIL
/* The instruction is over; the run loop is spared if there is nothing that it would look at. */
HANDLER(go_on)
{
    const struct block *b = run_next(h);
    if (!b) return NULL;
    bank = h->data;
    h->budget -= b->count;
    CONTINUE(b->code);
}
#else
HANDLER(go_on)
{
    (void)h, (void)d, (void)bank;
    return NULL;
}
#endif

#define INSN_SYS(id, needs, picture, operands, tag)                                                                    \
    __attribute__((noinline)) static void run_##id(struct hart *h, const struct dinsn *d)                              \
    {                                                                                                                  \
        struct trap t;                                                                                                 \
        uint64_t next = block_end_pc(h, d);                                                                            \
        if (!sys_##id(h, d, &t))                                                                                       \
            insn_trap(h, d, &t);                                                                                       \
        else if (!sets_pc(INSN_##id))                                                                                  \
            h->pc = next;                                                                                              \
    }                                                                                                                  \
    HANDLER(do_##id)                                                                                                   \
    {                                                                                                                  \
        run_##id(h, d);                                                                                                \
        BECOME(go_on);                                                                                                 \
    }
#include "cpu/isa/insn.def"

insn_fn *const sys_handlers[INSN_COUNT] = {
    [INSN_ILLEGAL] = insn_illegal,
#define INSN_SYS(id, needs, picture, operands, tag) [INSN_##id] = do_##id,
#include "cpu/isa/insn.def"
};
