#include "cpu/insn.h"

#include "cpu/isa/hash.h"
#include "cpu/isa/insn_tables.h"
#include "emu/base/bits.h"

#define E(name) ISA_BIT(name)

#define X 0
#define F 1
static const struct insn_info infos[INSN_COUNT] = {
    [INSN_ILLEGAL] = {"illegal", "", "", "", 0, KIND_SYS, false, 0},
#define INFO(id, needs, picture, operands, kind, tag, f, bytes)                                                        \
    [INSN_##id] = {#id, picture, operands, tag, needs, KIND_##kind, f, bytes},
#define INSN_ALU(id, needs, picture, operands, value, tag)        INFO(id, needs, picture, operands, ALU, tag, false, 0)
#define INSN_LOAD(id, needs, picture, operands, n, d, value, tag) INFO(id, needs, picture, operands, LOAD, tag, d, n)
#define INSN_STORE(id, needs, picture, operands, n, value, tag)   INFO(id, needs, picture, operands, STORE, tag, false, n)
#define INSN_BRANCH(id, needs, picture, operands, condition, tag)                                                      \
    INFO(id, needs, picture, operands, BRANCH, tag, false, 0)
#define INSN_JUMP(id, needs, picture, operands, tag)              INFO(id, needs, picture, operands, JUMP, tag, false, 0)
#define INSN_JUMPR(id, needs, picture, operands, target, tag)     INFO(id, needs, picture, operands, JUMPR, tag, false, 0)
#define INSN_LR(id, needs, picture, operands, n, value, tag)      INFO(id, needs, picture, operands, LR, tag, false, n)
#define INSN_SC(id, needs, picture, operands, n, tag)             INFO(id, needs, picture, operands, SC, tag, false, n)
#define INSN_AMO(id, needs, picture, operands, n, v, stored, tag) INFO(id, needs, picture, operands, AMO, tag, false, n)
#define INSN_FP(id, needs, picture, operands, d, value, tag)      INFO(id, needs, picture, operands, FP, tag, d, 0)
#define INSN_FPR(id, needs, picture, operands, d, value, tag)     INFO(id, needs, picture, operands, FPR, tag, d, 0)
#define INSN_NOP(id, needs, picture, operands, tag)               INFO(id, needs, picture, operands, NOP, tag, false, 0)
#define INSN_SYS(id, needs, picture, operands, tag)               INFO(id, needs, picture, operands, SYS, tag, false, 0)
#define INSN_C(id, needs, picture, operands, base, fix, tag)      INFO(id, needs, picture, operands, C, tag, false, 0)
#include "cpu/isa/insn.def"
#undef INFO
};
#undef X
#undef F

/* What a compressed row stands for, and the operands that it does not encode. */
static const struct compressed {
    uint16_t base;
    struct insn fix;
} compressed[INSN_COUNT] = {
#define FIX(...)                                                                                                       \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define INSN_C(id, needs, picture, operands, base, fix, tag) [INSN_##id] = {INSN_##base, fix},
#include "cpu/isa/insn.def"
#undef FIX
};

const struct insn_info *insn_info(enum insn_id id) { return &infos[id]; }
const struct insn_pattern *insn_pattern(enum insn_id id) { return &insn_patterns[id]; }

/* Puts one operand into its field; returns its value. */
static int32_t operand_apply(unsigned operand, uint32_t insn, struct insn *to)
{
    switch (operand) {
#define FIELD_rd(v)   to->rd = (uint8_t)(v)
#define FIELD_rs1(v)  to->rs1 = (uint8_t)(v)
#define FIELD_rs2(v)  to->rs2 = (uint8_t)(v)
#define FIELD_rs3(v)  to->rs3 = (uint8_t)(v)
#define FIELD_rm(v)   to->rm = (uint8_t)(v)
#define FIELD_imm(v)  to->imm = (int32_t)(v)
#define FIELD_BOTH(v) to->rd = to->rs1 = (uint8_t)(v)
#define FIELD_NONE(v) (void)(v)
#define OPERAND(id, field, value, style)                                                                               \
    case OPERAND_##id: {                                                                                               \
        int32_t v = (int32_t)(value);                                                                                  \
        FIELD_##field(v);                                                                                              \
        return v;                                                                                                      \
    }
#include "cpu/isa/operand.def"
    default: return 0;
    }
}

/* Fills the operands in; false if one of them is reserved. */
static bool row_apply(unsigned row, uint32_t raw, struct insn *insn)
{
    const struct insn_pattern *p = &insn_patterns[row];
    for (unsigned i = 0; p->operands[i]; i++) {
        int32_t v = operand_apply(p->operands[i], raw, insn);
        if (v == 0 && (p->nonzero >> i & 1)) return false;
        /* norm:roundingmode_rsv: 5 and 6 are reserved whatever frm holds */
        if (p->operands[i] == OPERAND_rm && (v == 5 || v == 6)) return false;
    }
    return true;
}

bool insn_decode(uint32_t raw, isa_set live, struct insn *insn)
{
    bool wide = insn_length(raw) == 4;
    if (!wide) raw &= 0xffff;
    const uint16_t *list = wide ? &insn_lists32[insn_index32[hash32(raw)]] : &insn_lists16[insn_index16[hash16(raw)]];
    for (; *list; list++) {
        const struct insn_pattern *p = &insn_patterns[*list];
        if ((raw & p->mask) != p->match || (infos[*list].needs & ~live)) continue;
        const struct compressed *c = &compressed[*list];
        *insn = c->fix;
        insn->row = *list;
        insn->id = infos[*list].kind == KIND_C ? c->base : *list;
        insn->length = wide ? 4 : 2;
        insn->raw = raw;
        /* what the compressed row stands for may belong to an extension of its own */
        if (row_apply(*list, raw, insn) && !(infos[insn->id].needs & ~live)) return true;
        break;
    }
    *insn = (struct insn){.id = INSN_ILLEGAL, .row = INSN_ILLEGAL, .length = wide ? 4 : 2, .raw = raw};
    return false;
}

bool insn_writes_rd(const struct insn *insn)
{
    switch (infos[insn->id].kind) {
    case KIND_ALU:
    case KIND_LOAD:
    case KIND_JUMP:
    case KIND_JUMPR:
    case KIND_LR:
    case KIND_SC:
    case KIND_AMO:
    case KIND_FP:
    case KIND_FPR: return true;
    case KIND_SYS:
        return (insn->id >= INSN_csrrw && insn->id <= INSN_csrrci) ||
               (insn->id >= INSN_hlv_b && insn->id <= INSN_hlv_d);
    default: return false;
    }
}
