/* Observed runs: blocks of one instruction, a bank of translations that never hits, so that every access passes mem.c, and a record
 * of what the instruction did. The fast path knows nothing of it. */
#include "cpu/engine_internal.h"

#include "cpu/interp.h"

void hart_attach(struct hart *h, struct observer *o)
{
    o->next = NULL;
    struct observer **p = &h->observer;
    while (*p) p = &(*p)->next;
    *p = o;
}

void hart_detach(struct hart *h, struct observer *o)
{
    for (struct observer **p = &h->observer; *p; p = &(*p)->next)
        if (*p == o) {
            *p = o->next;
            return;
        }
}

void observe_memory(struct hart *h, gva_t va, gpa_t pa, unsigned size, bool store, uint64_t value)
{
    struct commit *c = h->commit;
    if (c && c->mem_count < COMMIT_MEM_MAX)
        c->mem[c->mem_count++] =
            (struct mem_record){.va = va, .pa = pa, .value = value, .size = (uint8_t)size, .store = store};
    for (struct observer *o = h->observer; o; o = o->next)
        if (o->access && o->access(o->self, h, va, size, store)) h->observed_stop = true;
}

static void record_csr(struct commit *c, unsigned number, uint64_t value)
{
    for (unsigned i = 0; i < c->csr_count; i++)
        if (c->csr[i].number == number) {
            c->csr[i].value = value;
            return;
        }
    if (c->csr_count < COMMIT_CSR_MAX) {
        c->csr[c->csr_count].number = (uint16_t)number;
        c->csr[c->csr_count++].value = value;
    }
}

#define CSR_FFLAGS       0x001
#define CSR_FRM          0x002
#define CSR_FCSR         0x003
#define CSR_VSSTATUS     0x200
#define CSR_MSTATUS      0x300
#define CSR_MISA         0x301
#define CSR_MIP          0x344
#define CSR_PMPCFG0      0x3a0
#define CSR_PMPADDR0     0x3b0
#define CSR_HGEIE        0x607
#define CSR_HVIP         0x645
#define CSR_MHPMCOUNTER3 0xb03

/* A write through a view is a write of what holds the bits. */
static unsigned written_through(unsigned number)
{
    static const struct {
        uint16_t view, holder;
    } views[] = {{0x100, CSR_MSTATUS}, {0x104, 0x304 /* mie */}, {0x144, CSR_MIP}, {0x204, 0x304},
                 {0x604, 0x304},       {0x244, CSR_MIP},         {0x644, CSR_MIP}};
    for (size_t i = 0; i < ARRAY_LEN(views); i++)
        if (views[i].view == number) return views[i].holder;
    return number;
}

/* No write happens to a register that is constant or locked, nor a partial one to misa (`value`: what it would have been). */
static bool write_is_ignored(const struct hart *h, unsigned number, uint64_t value)
{
    const struct pmp *p = &h->mmu.pmp;
    const uint64_t misa_c = UINT64_C(1) << 2;
    if (number == CSR_MISA) return (h->csr.misa & misa_c) && !(value & misa_c);
    if (number >= CSR_PMPCFG0 && number < CSR_PMPADDR0) return (number - CSR_PMPCFG0) * 4 >= p->count;
    if (number >= CSR_PMPADDR0 && number < CSR_PMPADDR0 + PMP_ENTRIES)
        return !pmp_addr_is_writable(p, number - CSR_PMPADDR0);
    return number == CSR_HGEIE || (number >= CSR_MHPMCOUNTER3 && number <= CSR_MHPMCOUNTER3 + 28);
}

void observe_csr_instruction(struct hart *h, unsigned number, uint64_t value)
{
    if (!write_is_ignored(h, number, value)) observe_csr_written(h, number);
}

void observe_csr_written(struct hart *h, unsigned number)
{
    uint64_t value = 0;
    if (!h->commit) return;
    if (number == CSR_FCSR) observe_csr_written(h, CSR_FRM);
    if (number == CSR_HVIP) observe_csr_written(h, CSR_MIP); /* where its bits are seen, too */
    number = number == CSR_FCSR ? CSR_FFLAGS : written_through(number);
    if (csr_peek(h, number, &value)) record_csr(h->commit, number, value);
}

void observe_trap(struct hart *h, const struct trap *t)
{
    if (!h->commit) return;
    h->commit->trapped = true;
    h->commit->trap = *t;
}

void observe_interrupt(struct hart *h, uint64_t cause)
{
    for (struct observer *o = h->observer; o; o = o->next)
        if (o->interrupt) o->interrupt(o->self, h, cause);
}

/* What the instruction wrote, from its row and the state after it. */
static void record_registers(const struct hart *h, struct commit *c, const struct insn *insn)
{
    if (!insn_writes_rd(insn)) return;
    bool f = insn_info(insn->id)->writes_f;
    c->wrote_f = f;
    c->wrote_x = !f && insn->rd != 0;
    c->rd = insn->rd;
    c->rd_value = f ? h->f[insn->rd] : h->x[insn->rd];
}

/* norm:vsstatus_fs_op: with V = 1 in both fields. */
static bool fs_is_dirty(struct hart *h)
{
    priv_sync_fp(h);
    uint64_t fs = h->csr.mstatus & (h->virt ? h->csr.vsstatus : UINT64_MAX);
    return (fs & MSTATUS_FS) == MSTATUS_FS;
}

/* Making the registers dirty is a write of each status that says so. */
static void record_dirty(struct hart *h)
{
    observe_csr_written(h, CSR_MSTATUS);
    if (h->virt) observe_csr_written(h, CSR_VSSTATUS);
}

/* A write of fflags, frm or fcsr makes them dirty; one of a status itself is recorded as what it is. */
static bool writes_fcsr(const struct insn *insn)
{
    return insn->id >= INSN_csrrw && insn->id <= INSN_csrrci && insn->imm >= CSR_FFLAGS && insn->imm <= CSR_FCSR;
}

/* Flags that this instruction raised count as a write of fflags. */
static void record_fp(struct hart *h, struct commit *c, unsigned flags_before)
{
    unsigned raised = fp_flags(&h->fp);
    fp_set_flags(&h->fp, flags_before | raised);
    if (raised) h->fs_dirty = 1;
    if (raised) record_csr(c, CSR_FFLAGS, flags_before | raised);
}

static bool any_before(struct hart *h)
{
    for (struct observer *o = h->observer; o; o = o->next)
        if (o->before && o->before(o->self, h, h->pc)) return true;
    return false;
}

static void report(struct hart *h, const struct commit *c)
{
    for (struct observer *o = h->observer; o; o = o->next)
        if (o->commit) o->commit(o->self, h, c);
}

/* One instruction; everything is set up for it. */
static void step(struct hart *h, struct commit *c)
{
    const struct block *b = run_find(h);
    if (!b) return;
    struct insn insn;
    insn_decode(block_raw(b)[0], h->isa_live, &insn);
    c->insn = insn.raw;
    c->length = insn.length;
    enum insn_kind kind = insn_info(insn.id)->kind;
    bool fp = kind == KIND_FP || kind == KIND_FPR || insn_info(insn.id)->writes_f;
    bool was_dirty = fs_is_dirty(h);
    unsigned flags = fp_flags(&h->fp);
    if (fp) fp_set_flags(&h->fp, 0);
    h->icount_end -= (uint64_t)(h->budget - 1);
    h->budget = 1;
    run_block(h, b, engine_blind_bank(h->engine));
    if (fp) record_fp(h, c, flags);
    if (!was_dirty && (fp || writes_fcsr(&insn)) && fs_is_dirty(h)) record_dirty(h);
    if (!c->trapped) record_registers(h, c, &insn);
}

bool observe_step(struct hart *h)
{
    if (any_before(h)) return true;
    struct commit c = {.pc = h->pc, .priv = h->priv};
    h->commit = &c;
    h->observed_stop = false;
    step(h, &c);
    h->commit = NULL;
    report(h, &c);
    return h->observed_stop;
}
