/* From decoded instructions to a block that runs: handlers, operands in the form that handlers want them, slots. */
#include "cpu/engine_internal.h"

#include <string.h>

bool insn_ends_block(const struct insn *insn)
{
    switch (insn_info(insn->id)->kind) {
    case KIND_BRANCH:
    case KIND_JUMP:
    case KIND_JUMPR:
    case KIND_SYS: return true;
    default: return false;
    }
}

static insn_fn *fp_handler(const struct insn *insn)
{
    if (insn_info(insn->id)->kind == KIND_FPR && insn->rm == FP_DYN) return fp_handlers_dyn[insn->id];
    if (insn_info(insn->id)->kind == KIND_FPR && insn->rm == FP_RTZ) return fp_handlers_rtz[insn->id];
    return fp_handlers[insn->id];
}

static bool same_page(gpa_t a, gpa_t b) { return ((a ^ b) & GUEST_PAGE_MASK) == 0; }

/* Control transfers: imm becomes relative to the block, and a byte that is free holds the block's length in half-words. */
static void lower_flow(const struct block *b, struct dinsn *d, const struct insn *insn, unsigned offset, isa_set live)
{
    enum insn_kind kind = insn_info(insn->id)->kind;
    uint8_t halves = (uint8_t)(b->bytes / 2);
    bool compressed = isa_has(live, EXT_zca);
    if (kind == KIND_JUMPR) {
        d->rs2 = halves;
        d->fn = compressed ? flow_handlers_far[insn->id] : flow_handlers_misaligned[insn->id];
        return;
    }
    bool misaligned = !compressed && (insn->imm & 2);
    d->imm = insn->imm + (int32_t)offset;
    bool near = same_page(b->gpa, b->gpa + (uint64_t)(int64_t)d->imm) && !b->straddles;
    if (kind == KIND_BRANCH) {
        d->rd = halves;
        near = near && same_page(b->gpa, b->gpa + b->bytes);
    } else {
        d->rs1 = halves;
    }
    d->fn = misaligned ? flow_handlers_misaligned[insn->id]
            : near     ? flow_handlers[insn->id]
                       : flow_handlers_far[insn->id];
}

static void lower_insn(const struct block *b, struct dinsn *d, const struct insn *insn, unsigned offset, isa_set live)
{
    const struct insn_info *info = insn_info(insn->id);
    d->rd = insn->rd == 0 && !info->writes_f ? 32 : insn->rd;
    d->rs1 = insn->rs1;
    d->rs2 = insn->rs2;
    d->imm = insn->imm;
    switch (info->kind) {
    case KIND_ALU:
    case KIND_NOP:
        d->fn = alu_handlers[insn->id];
        if (insn->id == INSN_auipc) d->imm += (int32_t)offset;
        break;
    case KIND_LOAD:
    case KIND_STORE:
    case KIND_LR:
    case KIND_SC:
    case KIND_AMO: d->fn = mem_handlers[insn->id]; break;
    case KIND_BRANCH:
    case KIND_JUMP:
    case KIND_JUMPR: lower_flow(b, d, insn, offset, live); break;
    case KIND_FP: d->fn = fp_handler(insn); break;
    case KIND_FPR:
        d->fn = fp_handler(insn);
        d->imm = insn->rm | insn->rs3 << 8;
        break;
    case KIND_SYS: d->fn = sys_handlers[insn->id]; break;
    case KIND_C: break; /* decoded to its base row */
    }
}

/* Whether it has the handler that pairs are made of. */
static bool is_plain(const struct dinsn *d, enum insn_id id)
{
    switch (insn_info(id)->kind) {
    case KIND_ALU:
    case KIND_LOAD:
    case KIND_STORE:
    case KIND_FP: return true;
    case KIND_FPR: return d->fn == fp_handlers_dyn[id];
    case KIND_BRANCH: return d->fn == flow_handlers[id];
    case KIND_JUMP:
    case KIND_JUMPR: return d->fn != flow_handlers_misaligned[id];
    default: return false;
    }
}

/* Neighbours that have a handler together get it; both keep their place, so that a block can be left between them. */
static void lower_pairs(struct block *b, const struct insn *insns, unsigned length)
{
    for (unsigned i = 0; i + 1 < length; i++) {
        const struct insn *first = &insns[i], *second = first + 1;
        if (!is_plain(&b->code[i], first->id) || !is_plain(&b->code[i + 1], second->id)) continue;
        bool result = insn_writes_rd(first) && !insn_info(first->id)->writes_f && first->rd != 0;
        unsigned forward = result && second->rs1 == first->rd ? 1 : result && second->rs2 == first->rd ? 2 : 0;
        bool far = b->code[i + 1].fn == flow_handlers_far[second->id];
        insn_fn *fn = pair_handler(first->id, second->id, forward, far);
        if (fn) b->code[i++].fn = fn;
    }
}

/* The slots behind the last instruction. */
static void close_block(struct block *b, const struct insn *last)
{
    struct dinsn *fall = &b->code[b->length], *taken = fall + 1;
    fall->link = taken->link = &block_unlinked;
    fall->fn = taken->fn = NULL;
    if (insn_ends_block(last)) return;
    fall->fn = same_page(b->gpa, b->gpa + b->bytes) && !b->straddles ? block_end : block_end_far;
    taken->imm = b->bytes;
}

void block_lower(struct block *b, const struct insn *insns, unsigned length, isa_set live)
{
    b->length = (uint16_t)length;
    b->count = length;
    b->bytes = 0;
    for (unsigned i = 0; i < length; i++) b->bytes = (uint16_t)(b->bytes + insns[i].length);
    unsigned offset = 0;
    for (unsigned i = 0; i < length; i++) {
        struct dinsn *d = &b->code[i];
        d->index = (uint8_t)i;
        lower_insn(b, d, &insns[i], offset, live);
        block_raw(b)[i] = insns[i].raw;
        offset += insns[i].length;
    }
    lower_pairs(b, insns, length);
    close_block(b, &insns[length - 1]);
}

void block_truncate(struct block *b, const struct block *whole, unsigned length, isa_set live)
{
    uint32_t *raw = block_raw(whole);
    unsigned offset = 0;
    for (unsigned i = 0; i + 1 < length; i++) offset += insn_length(raw[i]);
    b->length = (uint16_t)length;
    b->count = length;
    b->bytes = (uint16_t)(offset + insn_length(raw[length - 1]));
    memcpy(b->code, whole->code, length * sizeof b->code[0]);
    memcpy(block_raw(b), raw, length * sizeof *raw);
    if (whole->first) b->code[0].fn = whole->first;
    struct insn last;
    insn_decode(raw[length - 1], live, &last);
    lower_insn(b, &b->code[length - 1], &last, offset, live); /* it may have been the first of a pair */
    close_block(b, &last);
}
