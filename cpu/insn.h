/* One instruction, decoded: from bits to a row of isa/insn.def with operand values, and from there to text. Pure; knows no hart. */
#ifndef ORRERY_CPU_INSN_H
#define ORRERY_CPU_INSN_H

#include "cpu/isa.h"
#include "cpu/isa/rows.h"
#include <stddef.h>

struct insn {
    uint16_t id;  /* enum insn_id of the row that says what it does; INSN_ILLEGAL */
    uint16_t row; /* of the row that it is encoded by: the same, or a compressed one */
    uint8_t rd, rs1, rs2, rs3, rm;
    uint8_t length; /* bytes: 2 or 4; of an illegal instruction as its lowest bits have it */
    int32_t imm;
    uint32_t raw; /* the bits; upper half 0 if it is 16 bits wide */
};

/* 16-bit encodings have lowest bits other than 11. */
static inline unsigned insn_length(uint32_t raw) { return (raw & 3) == 3 ? 4 : 2; }

/* Decodes under the live extensions. false: illegal (reserved, unknown, or of an extension that is off); *insn is then filled in with
 * INSN_ILLEGAL, raw and length. For 16-bit encodings the upper half of raw is ignored. */
bool insn_decode(uint32_t raw, isa_set live, struct insn *insn);

/* Constant facts of a row. */
struct insn_info {
    const char *name; /* id of the row: "amoadd_w" */
    const char *picture, *operands, *tag;
    isa_set needs; /* all of them */
    enum insn_kind kind;
    bool writes_f;     /* rd is an f register */
    uint8_t mem_bytes; /* size of a load, store, AMO, LR or SC, else 0 */
};
const struct insn_info *insn_info(enum insn_id id);
const struct insn_pattern *insn_pattern(enum insn_id id);

/* Whether rd of the instruction is written (to x0 counts). */
bool insn_writes_rd(const struct insn *insn);

/* Assembly text as GNU objdump writes it with -M no-aliases: "addi a0,sp,-16"; targets as absolute addresses from pc. Returns the
 * length as snprintf does. An illegal instruction is ".4byte 0x…". */
int insn_format(char *to, size_t room, const struct insn *insn, uint64_t pc);

#endif
