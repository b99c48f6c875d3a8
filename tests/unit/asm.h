/* A few RV64 instructions as numbers, for guest programs inside unit tests. */
#ifndef TESTS_ASM_H
#define TESTS_ASM_H

#include <stdint.h>

enum { ZERO = 0, RA = 1, SP = 2, T0 = 5, T1 = 6, T2 = 7, S0 = 8, S1 = 9, A0 = 10, A1 = 11, A2 = 12, A3 = 13 };

/* Formats as constant expressions, so that programs can be const tables. */
#define asm_i(op, f3, rd, rs1, imm)                                                                                    \
    ((uint32_t)(op) | (uint32_t)(rd) << 7 | (uint32_t)(f3) << 12 | (uint32_t)(rs1) << 15 | (uint32_t)(imm) << 20)
#define asm_s(f3, rs1, rs2, imm)                                                                                       \
    (0x23u | ((uint32_t)(imm)&31) << 7 | (uint32_t)(f3) << 12 | (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20 |        \
     ((uint32_t)(imm) >> 5 & 127) << 25)
#define asm_b(f3, rs1, rs2, offset)                                                                                    \
    (0x63u | ((uint32_t)(offset) >> 11 & 1) << 7 | ((uint32_t)(offset) >> 1 & 15) << 8 | (uint32_t)(f3) << 12 |        \
     (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20 | ((uint32_t)(offset) >> 5 & 63) << 25 |                            \
     ((uint32_t)(offset) >> 12 & 1) << 31)
#define ADDI(rd, rs1, imm) asm_i(0x13, 0, rd, rs1, imm)
#define SLLI(rd, rs1, n)   asm_i(0x13, 1, rd, rs1, n)
#define ADD(rd, rs1, rs2)  (0x33u | (uint32_t)(rd) << 7 | (uint32_t)(rs1) << 15 | (uint32_t)(rs2) << 20)
#define LUI(rd, high)      (0x37u | (uint32_t)(rd) << 7 | (uint32_t)(high) << 12)
#define AUIPC(rd, high)    (0x17u | (uint32_t)(rd) << 7 | (uint32_t)(high) << 12)
#define LW(rd, rs1, imm)   asm_i(0x03, 2, rd, rs1, imm)
#define LD(rd, rs1, imm)   asm_i(0x03, 3, rd, rs1, imm)
#define SB(rs2, rs1, imm)  asm_s(0, rs1, rs2, imm)
#define SW(rs2, rs1, imm)  asm_s(2, rs1, rs2, imm)
#define SD(rs2, rs1, imm)  asm_s(3, rs1, rs2, imm)
#define BEQ(a, b, offset)  asm_b(0, a, b, offset)
#define BNE(a, b, offset)  asm_b(1, a, b, offset)
#define J_SELF             0x0000006fu
#define JAL0(offset)                                                                                                   \
    (0x6fu | ((uint32_t)(offset)&0xff000) | ((uint32_t)(offset) >> 11 & 1) << 20 |                                     \
     ((uint32_t)(offset) >> 1 & 1023) << 21 | ((uint32_t)(offset) >> 20 & 1) << 31)
#define CSRW(csr, rs1) asm_i(0x73, 1, 0, rs1, csr)
#define CSRR(rd, csr)  asm_i(0x73, 2, rd, 0, csr)
#define CSRS(csr, rs1) asm_i(0x73, 2, 0, rs1, csr)
#define WFI            0x10500073u
#define CSR_MSTATUS    0x300
#define CSR_MIE        0x304
#define CSR_MHARTID    0xf14
#define CSR_MCYCLE     0xb00
#define CSR_TIME       0xc01

#endif
