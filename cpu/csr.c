/* CSRs: the rows of isa/csr.def, and one access with all its checks. What single registers do is in csr_hooks.c. */
#include "cpu/csr_internal.h"

#include <assert.h>
#include <strings.h>

enum {
    ROW_NONE,
#define CSR_PLAIN(number, name, need, field, mask, access, tag) ROW_##name,
#define CSR_HOOK(number, name, need, read, write, access, tag)  ROW_##name,
#define CSR_ZERO(number, name, need, access, tag)               ROW_##name,
#include "cpu/isa/csr.def"
    ROW_COUNT
};

static const struct csr_row csr_rows[ROW_COUNT] = {
#define CSR_PLAIN(number, name, need, field, mask, access, tag)                                                        \
    [ROW_##name] = {#name, number, true, offsetof(struct csr_state, field), mask, need, 0, 0, access, tag},
#define CSR_HOOK(number, name, need, read, write, access, tag)                                                         \
    [ROW_##name] = {#name, number, false, 0, 0, need, read, write, access, tag},
#define CSR_ZERO(number, name, need, access, tag) [ROW_##name] = {#name, number, false, 0, 0, need, 0, 0, access, tag},
#include "cpu/isa/csr.def"
};

#define CSR_COUNT 4096
static const uint16_t csr_index[CSR_COUNT] = {
#define CSR_PLAIN(number, name, need, field, mask, access, tag) [number] = ROW_##name,
#define CSR_HOOK(number, name, need, read, write, access, tag)  [number] = ROW_##name,
#define CSR_ZERO(number, name, need, access, tag)               [number] = ROW_##name,
#include "cpu/isa/csr.def"
};

static const struct csr_row *csr_find(unsigned number)
{
    if (number >= CSR_COUNT || csr_index[number] == ROW_NONE) return NULL;
    return &csr_rows[csr_index[number]];
}

static uint64_t csr_row_read(struct hart *h, const struct csr_row *row)
{
    if (row->plain) return load_le64((const uint8_t *)&h->csr + row->offset);
    return row->read ? row->read(h, row->number) : 0;
}

static void csr_row_write(struct hart *h, const struct csr_row *row, uint64_t value, uint64_t retiring)
{
    if (row->plain) {
        uint8_t *field = (uint8_t *)&h->csr + row->offset;
        store_le64(field, bits_merge(load_le64(field), row->mask, value));
    } else if (row->write) {
        row->write(h, &(struct csr_write){.number = row->number, .value = value, .retiring = retiring});
    }
}

/* csrs.adoc: privilege and read-only access are part of the number. Level 2, the hypervisor's and VS registers, is for HS-mode. */
static enum csr_answer csr_answer(const struct hart *h, const struct csr_row *row, bool writes)
{
    unsigned level = (unsigned)bits_get(row->number, 9, 8);
    bool in_hs_reach = h->virt || h->priv >= PRIV_S; /* HS-mode, or V = 1 and only because of that not */
    if (row->need & ~h->isa_live) return CSR_ILLEGAL;
    if (writes && bits_get(row->number, 11, 10) == 3) return CSR_ILLEGAL;
    if (level == 3 ? h->priv != PRIV_M : level != 0 && !in_hs_reach) return CSR_ILLEGAL;
    enum csr_answer answer = row->access ? row->access(h, row->number) : CSR_OK;
    if (answer == CSR_ILLEGAL || !h->virt) return answer;
    /* norm:H_virtinst_vu_vs_nonhigh_allowedhs_tvm0, norm:H_virtinst_vu_nonhigh_supervisor_allowedhs_tvm0 */
    if (level == 2 || (level == 1 && h->priv == PRIV_U)) return CSR_VIRTUAL;
    return answer;
}

unsigned csr_substitute(const struct hart *h, unsigned number)
{
    if (!h->virt) return number;
    switch (number) {
#define CSR_PLAIN(number, name, need, field, mask, access, tag)
#define CSR_HOOK(number, name, need, read, write, access, tag)
#define CSR_ZERO(number, name, need, access, tag)
#define CSR_TWIN(number) case number:
#include "cpu/isa/csr.def"
        return number + 0x100;
    default: return number;
    }
}

/* What CSRRS and CSRRC combine their operand with. norm:mip_seip_wrcsr: not the wires, or reading mip would latch them. */
static uint64_t csr_modify_base(const struct hart *h, const struct csr_row *row, uint64_t read)
{
    return row->read == mip_read ? h->csr.mip | h->csr.hvip : read;
}

uint64_t csr_combine(enum csr_op op, uint64_t old, uint64_t operand)
{
    return op == CSR_WRITE ? operand : op == CSR_SET ? old | operand : old & ~operand;
}

bool csr_access(struct hart *h, unsigned number, enum csr_op op, uint64_t operand, bool reads, bool writes,
                uint32_t insn, uint64_t *old, struct trap *t)
{
    assert(reads || op == CSR_WRITE);
    const struct csr_row *row = csr_find(number);
    enum csr_answer answer = row ? csr_answer(h, row, writes) : CSR_ILLEGAL;
    if (answer != CSR_OK) {
        *t = (struct trap){.cause = answer == CSR_ILLEGAL ? CAUSE_ILLEGAL : CAUSE_VIRTUAL, .tval = insn};
        return false;
    }
    row = csr_find(csr_substitute(h, number));
    uint64_t value = reads ? csr_row_read(h, row) : 0;
    if (writes) {
        uint64_t base = csr_modify_base(h, row, value);
        csr_row_write(h, row, csr_combine(op, base, operand), 1);
    }
    if (reads) *old = value;
    return true;
}

/* A disabled extension's registers are still there for a debugger. */
static const struct csr_row *csr_find_on(const struct hart *h, unsigned number)
{
    const struct csr_row *row = csr_find(number);
    return row && !(row->need & ~h->isa) ? row : NULL;
}

bool csr_peek(struct hart *h, unsigned number, uint64_t *value)
{
    const struct csr_row *row = csr_find_on(h, number);
    if (row) *value = csr_row_read(h, row);
    return row;
}

bool csr_poke(struct hart *h, unsigned number, uint64_t value)
{
    const struct csr_row *row = csr_find_on(h, number);
    if (!row || bits_get(number, 11, 10) == 3) return false;
    csr_row_write(h, row, value, 0);
    return true;
}

const char *csr_name(unsigned number)
{
    const struct csr_row *row = csr_find(number);
    return row ? row->name : NULL;
}

int csr_number(const char *name)
{
    for (unsigned i = ROW_NONE + 1; i < ROW_COUNT; i++)
        if (strcasecmp(csr_rows[i].name, name) == 0) return csr_rows[i].number;
    return -1;
}

void csr_each(void (*row)(void *to, unsigned number, const char *name, const char *tag), void *to)
{
    for (unsigned n = 0; n < CSR_COUNT; n++) {
        const struct csr_row *r = csr_find(n);
        if (r) row(to, n, r->name, r->tag);
    }
}
