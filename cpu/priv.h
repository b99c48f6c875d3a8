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
#define MSTATUS_GVA  (UINT64_C(1) << 38)
#define MSTATUS_MPV  (UINT64_C(1) << 39)
#define MSTATUS_SD   (UINT64_C(1) << 63)

#define MSTATUS_UXL (UINT64_C(3) << 32)
#define MSTATUS_SXL (UINT64_C(3) << 34)

/* hstatus fields, as in hypervisor.adoc. VSXL is always 2, VSBE and VGEIN 0. */
#define HSTATUS_GVA     (UINT64_C(1) << 6)
#define HSTATUS_SPV     (UINT64_C(1) << 7)
#define HSTATUS_SPVP    (UINT64_C(1) << 8)
#define HSTATUS_HU      (UINT64_C(1) << 9)
#define HSTATUS_VTVM    (UINT64_C(1) << 20)
#define HSTATUS_VTW     (UINT64_C(1) << 21)
#define HSTATUS_VTSR    (UINT64_C(1) << 22)
#define HSTATUS_VSXL_64 (UINT64_C(2) << 32)
#define HSTATUS_WRITABLE                                                                                               \
    (HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR)

/* What the engine sees to: during every function here, h->pc is the address of the instruction that calls for it (bit 1 decides whether
 * misa.C may be cleared), and hart_icount() does not yet count it. After every CSR write, xRET and trap it asks
 * trap_pending_interrupt() before it executes another instruction. */
enum csr_op { CSR_WRITE, CSR_SET, CSR_CLEAR };

/* One Zicsr instruction, with all access checks. `reads` is false for CSRRW with rd=x0, `writes` is false for CSRRS/C with rs1=x0 (uimm=0).
 * On success *old is the value read (if reads). false: trap filled in (illegal or virtual instruction; tval = insn bits). The engine ends the block
 * after a CSR instruction and re-reads everything it caches. */
bool csr_access(struct hart *h, unsigned number, enum csr_op op, uint64_t operand, bool reads, bool writes,
                uint32_t insn, uint64_t *old, struct trap *t);

/* What a Zicsr instruction makes of the old value. */
uint64_t csr_combine(enum csr_op op, uint64_t old, uint64_t operand);

/* The register that an instruction gets for `number`: where V = 1 the VS copy, if there is one. */
unsigned csr_substitute(const struct hart *h, unsigned number);

/* Debugger and monitor: no access checks, no substitution, no side effects on read; false if there is no such CSR on this hart. */
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
/* The mode that the hart is in: U, S (HS with the H extension), M, VU, VS. */
const char *priv_mode_name(const struct hart *h);

/* All of these return false with *t filled in if they may not be executed here: an illegal instruction, or, where only V = 1 prevents
 * them, a virtual instruction.
 *
 * xRET: the new pc is in h->pc. */
bool priv_mret(struct hart *h, uint32_t insn, struct trap *t);
bool priv_sret(struct hart *h, uint32_t insn, struct trap *t);
/* WFI: TW, VTW, S, U. On success h->waiting is set unless something is pending. */
bool priv_wfi(struct hart *h, uint32_t insn, struct trap *t);
/* SFENCE.VMA / SINVAL.VMA (same), SFENCE.W.INVAL, SFENCE.INVAL.IR. */
bool priv_sfence_vma(struct hart *h, uint32_t insn, bool has_va, uint64_t va, bool has_asid, uint64_t asid,
                     struct trap *t);
bool priv_sfence_inval(struct hart *h, uint32_t insn, struct trap *t);
/* HFENCE.VVMA and HINVAL.VVMA: guest-virtual address and ASID; HFENCE.GVMA and HINVAL.GVMA: guest-physical address >> 2 and VMID. */
bool priv_hfence(struct hart *h, uint32_t insn, bool gvma, bool has_address, uint64_t address, bool has_id, uint64_t id,
                 struct trap *t);
/* HLV, HLVX, HSV: may they execute here (V, HU)? */
bool priv_guest_access_allowed(const struct hart *h, uint32_t insn, struct trap *t);
/* The regime of their accesses: V = 1 and hstatus.SPVP, whatever MPRV says. */
struct mmu_regime priv_guest_regime(const struct hart *h, bool hlvx);
/* CBO.INVAL/CLEAN/FLUSH and CBO.ZERO: may they execute here (menvcfg, senvcfg, henvcfg)? CBO.INVAL may have to act as flush; no matter
 * here. */
bool priv_cbo_allowed(struct hart *h, uint32_t insn, bool zero, bool inval, struct trap *t);

/* Puts the hart into another mode; priv_switch must follow. */
void priv_set_mode(struct hart *h, enum priv priv, bool virt);
/* V or privilege changed, and of the statuses at most FS, MPRV, MPP and MPV: select banks and recompute isa_live. */
void priv_switch(struct hart *h);
/* A status, an xatp, an xenvcfg or misa changed: the same, with nothing taken from before. */
void priv_update(struct hart *h);
/* Dirtiness, from writes and from raised flags, brought into mstatus.FS; before anything reads or writes that. */
void priv_sync_fp(struct hart *h);

#endif
