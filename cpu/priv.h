/* The privileged architecture as functions on a hart: CSRs, traps, returns, fences. The engine calls these out of line; none is on a
 * hot path. Inside cpu/ only, apart from the debugger, which reads CSRs through csr_peek/csr_poke.
 *
 * Source: RISC-V privileged specification (machine.adoc, supervisor.adoc, sstc.adoc, smstateen.adoc, …). */
#ifndef ORRERY_CPU_PRIV_H
#define ORRERY_CPU_PRIV_H

#include "cpu/hart.h"

/* mstatus fields [hi:lo] or single bits, as in machine.adoc. */
#define MSTATUS_SIE  (UINT64_C(1) << 1)
#define MSTATUS_MIE  (UINT64_C(1) << 3)
#define MSTATUS_SPIE (UINT64_C(1) << 5)
#define MSTATUS_UBE  (UINT64_C(1) << 6)
#define MSTATUS_MPIE (UINT64_C(1) << 7)
#define MSTATUS_SPP  (UINT64_C(1) << 8)
#define MSTATUS_VS   (UINT64_C(3) << 9)
#define MSTATUS_MPP  (UINT64_C(3) << 11)
#define MSTATUS_FS   (UINT64_C(3) << 13)
#define MSTATUS_XS   (UINT64_C(3) << 15)
#define MSTATUS_MPRV (UINT64_C(1) << 17)
#define MSTATUS_SUM  (UINT64_C(1) << 18)
#define MSTATUS_MXR  (UINT64_C(1) << 19)
#define MSTATUS_TVM  (UINT64_C(1) << 20)
#define MSTATUS_TW   (UINT64_C(1) << 21)
#define MSTATUS_TSR  (UINT64_C(1) << 22)
#define MSTATUS_SD   (UINT64_C(1) << 63)

#define MSTATUS_UXL (UINT64_C(3) << 32)
#define MSTATUS_SXL (UINT64_C(3) << 34)

/* What the engine sees to: during every function here, h->pc is the address of the instruction that calls for it (bit 1 decides whether
 * misa.C may be cleared), and hart_icount() does not yet count it. After every CSR write, xRET and trap it asks
 * trap_pending_interrupt() before it executes another instruction. */
enum csr_op { CSR_WRITE, CSR_SET, CSR_CLEAR };

/* One Zicsr instruction, with all access checks. `reads` is false for CSRRW with rd=x0, `writes` is false for CSRRS/C with rs1=x0 (uimm=0).
 * On success *old is the value read (if reads). false: trap filled in (illegal instruction; tval = insn bits). The engine ends the block
 * after a CSR instruction and re-reads everything it caches. */
bool csr_access(struct hart *h, unsigned number, enum csr_op op, uint64_t operand, bool reads, bool writes,
                uint32_t insn, uint64_t *old, struct trap *t);

/* Debugger and monitor: no access checks, no side effects on read; false if there is no such CSR on this hart. */
bool csr_peek(struct hart *h, unsigned number, uint64_t *value);
bool csr_poke(struct hart *h, unsigned number, uint64_t value);
const char *csr_name(unsigned number); /* NULL if none */
int csr_number(const char *name);      /* -1 if none */

/* For lists (documentation, gdb target description, tests): calls `row` for each CSR in order of number. */
void csr_each(void (*row)(void *to, unsigned number, const char *name, const char *tag), void *to);

/* Enters the handler of a synchronous trap or interrupt whose instruction is at `epc`; sets h->pc, priv and the regime. */
void trap_take(struct hart *h, const struct trap *t, uint64_t epc);
/* The interrupt to take now (cause without the top bit) in order of priority, or -1. */
int trap_pending_interrupt(const struct hart *h);
/* A word for a cause: "load page fault", "supervisor timer interrupt". */
const char *trap_cause_name(uint64_t cause);

/* xRET: check privilege and TSR, switch. The new pc is in h->pc. false: illegal instruction. */
bool priv_mret(struct hart *h, uint32_t insn, struct trap *t);
bool priv_sret(struct hart *h, uint32_t insn, struct trap *t);
/* WFI: legality (TW, S/U). On success h->waiting is set unless something is pending. */
bool priv_wfi(struct hart *h, uint32_t insn, struct trap *t);
/* SFENCE.VMA / SINVAL.VMA (same), SFENCE.W.INVAL, SFENCE.INVAL.IR: legality (TVM, privilege) and effect. */
bool priv_sfence_vma(struct hart *h, uint32_t insn, bool has_va, uint64_t va, bool has_asid, uint64_t asid,
                     struct trap *t);
bool priv_sfence_inval(struct hart *h, uint32_t insn, struct trap *t);
/* CBO.INVAL/CLEAN/FLUSH and CBO.ZERO: may they execute here (menvcfg, senvcfg)? CBO.INVAL may have to act as flush; no matter here. */
bool priv_cbo_allowed(struct hart *h, uint32_t insn, bool zero, bool inval, struct trap *t);

/* Privilege, mstatus, satp, menvcfg or misa changed: select banks and recompute isa_live. */
void priv_update(struct hart *h);
/* Dirtiness, from writes and from raised flags, brought into mstatus.FS; before anything reads or writes that. */
void priv_sync_fp(struct hart *h);

#endif
