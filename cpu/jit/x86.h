/* An x86-64 assembler: writes the bytes of one instruction; knows nothing of guests. Intel SDM volume 2, chapter 2. */
#ifndef ORRERY_CPU_JIT_X86_H
#define ORRERY_CPU_JIT_X86_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Where code is written. `to_exec` turns an address here into the one at which it will run. The writer makes sure of room. */
struct code {
    uint8_t *at;
    intptr_t to_exec;
};
static inline uint8_t *code_exec(const struct code *c, const uint8_t *at) { return (uint8_t *)at + c->to_exec; }

/* The operand of a ModRM byte: a register, or [base + index * 2^scale + disp]. */
struct rm {
    bool mem;
    uint8_t reg; /* or base */
    int8_t index;
    uint8_t scale;
    int32_t disp;
};
static inline struct rm r_(unsigned reg) { return (struct rm){.reg = (uint8_t)reg, .index = -1}; }
static inline struct rm m_(unsigned base, int32_t disp)
{
    return (struct rm){.mem = true, .reg = (uint8_t)base, .index = -1, .disp = disp};
}
static inline struct rm mx_(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct rm){
        .mem = true, .reg = (uint8_t)base, .index = (int8_t)index, .scale = (uint8_t)scale, .disp = disp};
}

/* An opcode byte with what surrounds it. */
#define X_W    0x100u /* 64 bits wide */
#define X_0F   0x200u /* two-byte map */
#define X_66   0x400u /* mandatory prefixes */
#define X_F2   0x800u
#define X_F3   0x1000u
#define X_BYTE 0x2000u /* byte registers: needs REX to mean sil and dil */

static inline void x_8(struct code *c, unsigned v) { *c->at++ = (uint8_t)v; }
static inline void x_32(struct code *c, uint32_t v)
{
    memcpy(c->at, &v, 4);
    c->at += 4;
}
static inline void x_64(struct code *c, uint64_t v)
{
    memcpy(c->at, &v, 8);
    c->at += 8;
}

static inline void x_modrm(struct code *c, unsigned reg, struct rm m)
{
    unsigned r = (reg & 7) << 3;
    if (!m.mem) {
        x_8(c, 0xc0 | r | (m.reg & 7));
        return;
    }
    bool sib = m.index >= 0 || (m.reg & 7) == RSP;
    unsigned mod = m.disp == 0 && (m.reg & 7) != RBP ? 0 : m.disp == (int8_t)m.disp ? 1 : 2;
    x_8(c, mod << 6 | r | (sib ? 4 : m.reg & 7));
    if (sib) x_8(c, (unsigned)m.scale << 6 | (m.index >= 0 ? (unsigned)m.index & 7 : 4) << 3 | (m.reg & 7));
    if (mod == 1) x_8(c, (unsigned)m.disp & 0xff);
    if (mod == 2) x_32(c, (uint32_t)m.disp);
}

static inline void x_ins(struct code *c, unsigned op, unsigned reg, struct rm m)
{
    if (op & X_66) x_8(c, 0x66);
    if (op & X_F2) x_8(c, 0xf2);
    if (op & X_F3) x_8(c, 0xf3);
    unsigned rex = (op & X_W ? 8 : 0) | (reg >> 3 & 1) << 2 | (m.index >= 0 ? (unsigned)m.index >> 3 & 1 : 0) << 1 |
                   (m.reg >> 3 & 1u);
    if (rex || (op & X_BYTE)) x_8(c, 0x40 | rex);
    if (op & X_0F) x_8(c, 0x0f);
    x_8(c, op & 0xff);
    x_modrm(c, reg, m);
}

/* The three-byte VEX form. map: 1 for 0F, 2 for 0F38; pp: 0 none, 1 for 66, 2 for F3, 3 for F2. */
static inline void x_vex(struct code *c, unsigned map, unsigned pp, bool w, unsigned op, unsigned reg, unsigned v,
                         struct rm m)
{
    x_8(c, 0xc4);
    x_8(c, (~reg >> 3 & 1) << 7 | (m.index >= 0 ? ~(unsigned)m.index >> 3 & 1 : 1) << 6 |
               (~(unsigned)m.reg >> 3 & 1) << 5 | map);
    x_8(c, (unsigned)w << 7 | (~v & 15) << 3 | pp);
    x_8(c, op);
    x_modrm(c, reg, m);
}

/* Arithmetic of the first group by number: add 0, or 1, and 4, sub 5, xor 6, cmp 7. */
enum { G_ADD = 0, G_OR = 1, G_AND = 4, G_SUB = 5, G_XOR = 6, G_CMP = 7 };
static inline void x_group_imm(struct code *c, unsigned op, struct rm m, int32_t imm)
{
    bool small = imm == (int8_t)imm;
    x_ins(c, X_W | (small ? 0x83 : 0x81), op, m);
    if (small)
        x_8(c, (unsigned)imm & 0xff);
    else
        x_32(c, (uint32_t)imm);
}
static inline void x_group(struct code *c, unsigned op, unsigned reg, struct rm m)
{
    x_ins(c, X_W | (op << 3) | 3, reg, m); /* reg op= m */
}
static inline void x_group_to(struct code *c, unsigned op, struct rm m, unsigned reg)
{
    x_ins(c, X_W | (op << 3) | 1, reg, m); /* m op= reg */
}
static inline void x_load(struct code *c, unsigned reg, struct rm m) { x_ins(c, X_W | 0x8b, reg, m); }
static inline void x_store(struct code *c, struct rm m, unsigned reg) { x_ins(c, X_W | 0x89, reg, m); }
static inline void x_mov(struct code *c, unsigned to, unsigned from)
{
    if (to != from) x_load(c, to, r_(from));
}
static inline void x_mov_imm(struct code *c, unsigned reg, int64_t v)
{
    if (v == 0) {
        x_ins(c, 0x33, reg, r_(reg)); /* changes the flags */
    } else if (v == (int64_t)(uint32_t)v) {
        if (reg >= 8) x_8(c, 0x41);
        x_8(c, 0xb8 | (reg & 7));
        x_32(c, (uint32_t)v);
    } else if (v == (int32_t)v) {
        x_ins(c, X_W | 0xc7, 0, r_(reg));
        x_32(c, (uint32_t)v);
    } else {
        x_8(c, 0x48 | (reg >> 3));
        x_8(c, 0xb8 | (reg & 7));
        x_64(c, (uint64_t)v);
    }
}
static inline void x_store_imm(struct code *c, struct rm m, int32_t v)
{
    x_ins(c, X_W | 0xc7, 0, m);
    x_32(c, (uint32_t)v);
}
/* shl 4, shr 5, sar 7, rol 0, ror 1 */
enum { S_ROL = 0, S_ROR = 1, S_SHL = 4, S_SHR = 5, S_SAR = 7 };
static inline void x_shift_imm(struct code *c, unsigned op, unsigned reg, unsigned n)
{
    x_ins(c, X_W | 0xc1, op, r_(reg));
    x_8(c, n);
}

/* Conditions of jcc, setcc, cmovcc. */
enum { C_O, C_NO, C_B, C_AE, C_E, C_NE, C_BE, C_A, C_S, C_NS, C_P, C_NP, C_L, C_GE, C_LE, C_G };

/* Jumps with a 32-bit displacement; return where it stands, for x_aim. */
static inline uint8_t *x_jcc(struct code *c, unsigned condition)
{
    x_8(c, 0x0f);
    x_8(c, 0x80 | condition);
    x_32(c, 0);
    return c->at - 4;
}
static inline uint8_t *x_jmp(struct code *c)
{
    x_8(c, 0xe9);
    x_32(c, 0);
    return c->at - 4;
}
/* Makes the jump whose displacement is at `site` go to `target`, both as written addresses. */
static inline void x_aim(uint8_t *site, const uint8_t *target)
{
    int32_t rel = (int32_t)(target - (site + 4));
    memcpy(site, &rel, 4);
}
static inline void x_call_to(struct code *c, const uint8_t *target)
{
    x_8(c, 0xe8);
    x_32(c, 0);
    x_aim(c->at - 4, target);
}
static inline void x_jmp_to(struct code *c, const uint8_t *target) { x_aim(x_jmp(c), target); }

#endif
