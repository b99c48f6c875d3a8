/* Between csr.c (rows, access), csr_hooks.c (what the rows call), trap.c and hart.c. */
#ifndef ORRERY_CPU_CSR_INTERNAL_H
#define ORRERY_CPU_CSR_INTERNAL_H

#include "cpu/priv.h"

#include "emu/base/bits.h"

/* norm:medeleg_when_rd0: without control-flow integrity these are what lower modes can raise; with the H extension those too. */
#define MEDELEG_MASK   UINT64_C(0xb3ff)
#define MEDELEG_MASK_H UINT64_C(0xf00400)
#define HEDELEG_MASK   UINT64_C(0xcb1ff) /* table hedeleg-bits */
#define IRQ_BIT(n)     (UINT64_C(1) << IRQ_##n)
#define S_INTERRUPTS   (IRQ_BIT(SSI) | IRQ_BIT(STI) | IRQ_BIT(SEI))
#define VS_INTERRUPTS  (IRQ_BIT(VSSI) | IRQ_BIT(VSTI) | IRQ_BIT(VSEI))
#define M_INTERRUPTS   (IRQ_BIT(MSI) | IRQ_BIT(MTI) | IRQ_BIT(MEI))
/* Of sstatus, and so of vsstatus. */
#define SSTATUS_WRITABLE (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)
#define TVEC_MASK        (~UINT64_C(2)) /* MODE 0 and 1; 2 and 3 are reserved and lose their upper bit */
#define COUNTEREN_MASK   UINT64_C(0xffffffff)
#define COUNTER_CY       UINT64_C(1)
#define COUNTER_TM       UINT64_C(2)
#define COUNTER_IR       UINT64_C(4)
#define STATEEN_SE       (UINT64_C(1) << 63)
#define STATEEN_ENVCFG   (UINT64_C(1) << 62)

#define ENVCFG_FIOM  UINT64_C(1)
#define ENVCFG_CBIE  (UINT64_C(3) << 4)
#define ENVCFG_CBCFE (UINT64_C(1) << 6)
#define ENVCFG_CBZE  (UINT64_C(1) << 7)
#define ENVCFG_ADUE  (UINT64_C(1) << 61)
#define ENVCFG_PBMTE (UINT64_C(1) << 62)
#define ENVCFG_STCE  (UINT64_C(1) << 63)

/* May it be accessed? Decided in the order of the names: what HS-mode could not do either is an illegal instruction, what only V = 1
 * prevents a virtual instruction (norm:H_cause_virtual_instruction). */
enum csr_answer { CSR_OK, CSR_ILLEGAL, CSR_VIRTUAL };

/* One write as a hook sees it. */
struct csr_write {
    unsigned number;
    uint64_t value;    /* the new value of the whole register, unmasked */
    uint64_t retiring; /* 1 if an instruction does it that has not yet been counted, 0 for the debugger */
};

struct csr_row {
    const char *name;
    uint16_t number;
    bool plain;
    uint16_t offset; /* of the field in csr_state, if plain */
    uint64_t mask;   /* writable bits, if plain */
    isa_set need;
    uint64_t (*read)(struct hart *h, unsigned number);
    void (*write)(struct hart *h, const struct csr_write *w);
    /* What the number does not say. With V = 1: CSR_ILLEGAL if HS-mode would be refused too (mstatus.TVM counts as 0). */
    enum csr_answer (*access)(const struct hart *h, unsigned number);
    const char *tag;
};

/* mip as a CSR read sees it, and the bits that software wrote (the ones that CSRRS and CSRRC work on). */
uint64_t csr_mip(const struct hart *h);

/* For the families of csr.def; CSR_ROW(n, number) is defined there. */
/* clang-format off */
#define CSR_ROWS_3_TO_31(base)                                                                                         \
    CSR_ROW(3, (base) + 3)                                                                                             \
    CSR_ROW(4, (base) + 4) CSR_ROW(5, (base) + 5) CSR_ROW(6, (base) + 6) CSR_ROW(7, (base) + 7) CSR_ROW(8, (base) + 8) \
        CSR_ROW(9, (base) + 9) CSR_ROW(10, (base) + 10) CSR_ROW(11, (base) + 11) CSR_ROW(12, (base) + 12)              \
            CSR_ROW(13, (base) + 13) CSR_ROW(14, (base) + 14) CSR_ROW(15, (base) + 15) CSR_ROW(16, (base) + 16)        \
                CSR_ROW(17, (base) + 17) CSR_ROW(18, (base) + 18) CSR_ROW(19, (base) + 19) CSR_ROW(20, (base) + 20)    \
                    CSR_ROW(21, (base) + 21) CSR_ROW(22, (base) + 22) CSR_ROW(23, (base) + 23)                         \
                        CSR_ROW(24, (base) + 24) CSR_ROW(25, (base) + 25) CSR_ROW(26, (base) + 26)                     \
                            CSR_ROW(27, (base) + 27) CSR_ROW(28, (base) + 28) CSR_ROW(29, (base) + 29)                 \
                                CSR_ROW(30, (base) + 30) CSR_ROW(31, (base) + 31)
#define CSR_ROWS_32_TO_63(base)                                                                                        \
    CSR_ROW(32, (base) + 32)                                                                                           \
    CSR_ROW(33, (base) + 33) CSR_ROW(34, (base) + 34) CSR_ROW(35, (base) + 35) CSR_ROW(36, (base) + 36)                \
        CSR_ROW(37, (base) + 37) CSR_ROW(38, (base) + 38) CSR_ROW(39, (base) + 39) CSR_ROW(40, (base) + 40)            \
            CSR_ROW(41, (base) + 41) CSR_ROW(42, (base) + 42) CSR_ROW(43, (base) + 43) CSR_ROW(44, (base) + 44)        \
                CSR_ROW(45, (base) + 45) CSR_ROW(46, (base) + 46) CSR_ROW(47, (base) + 47) CSR_ROW(48, (base) + 48)    \
                    CSR_ROW(49, (base) + 49) CSR_ROW(50, (base) + 50) CSR_ROW(51, (base) + 51)                         \
                        CSR_ROW(52, (base) + 52) CSR_ROW(53, (base) + 53) CSR_ROW(54, (base) + 54)                     \
                            CSR_ROW(55, (base) + 55) CSR_ROW(56, (base) + 56) CSR_ROW(57, (base) + 57)                 \
                                CSR_ROW(58, (base) + 58) CSR_ROW(59, (base) + 59) CSR_ROW(60, (base) + 60)             \
                                    CSR_ROW(61, (base) + 61) CSR_ROW(62, (base) + 62) CSR_ROW(63, (base) + 63)
/* clang-format on */

/* The hooks. */
uint64_t fflags_read(struct hart *h, unsigned n);
uint64_t frm_read(struct hart *h, unsigned n);
uint64_t fcsr_read(struct hart *h, unsigned n);
uint64_t mcycle_read(struct hart *h, unsigned n);
uint64_t minstret_read(struct hart *h, unsigned n);
uint64_t time_read(struct hart *h, unsigned n);
uint64_t sstatus_read(struct hart *h, unsigned n);
uint64_t sie_read(struct hart *h, unsigned n);
uint64_t senvcfg_read(struct hart *h, unsigned n);
uint64_t sepc_read(struct hart *h, unsigned n);
uint64_t sip_read(struct hart *h, unsigned n);
uint64_t stimecmp_read(struct hart *h, unsigned n);
uint64_t satp_read(struct hart *h, unsigned n);
uint64_t mstatus_read(struct hart *h, unsigned n);
uint64_t medeleg_read(struct hart *h, unsigned n);
uint64_t misa_read(struct hart *h, unsigned n);
uint64_t mie_read(struct hart *h, unsigned n);
uint64_t menvcfg_read(struct hart *h, unsigned n);
uint64_t mcountinhibit_read(struct hart *h, unsigned n);
uint64_t mepc_read(struct hart *h, unsigned n);
uint64_t mip_read(struct hart *h, unsigned n);
uint64_t pmpcfg_read(struct hart *h, unsigned n);
uint64_t pmpaddr_read(struct hart *h, unsigned n);
uint64_t tinfo_read(struct hart *h, unsigned n);
uint64_t mhartid_read(struct hart *h, unsigned n);

void fflags_write(struct hart *h, const struct csr_write *w);
void frm_write(struct hart *h, const struct csr_write *w);
void fcsr_write(struct hart *h, const struct csr_write *w);
void mcycle_write(struct hart *h, const struct csr_write *w);
void minstret_write(struct hart *h, const struct csr_write *w);
void sstatus_write(struct hart *h, const struct csr_write *w);
void sie_write(struct hart *h, const struct csr_write *w);
void senvcfg_write(struct hart *h, const struct csr_write *w);
void sepc_write(struct hart *h, const struct csr_write *w);
void sip_write(struct hart *h, const struct csr_write *w);
void stimecmp_write(struct hart *h, const struct csr_write *w);
void satp_write(struct hart *h, const struct csr_write *w);
void mstatus_write(struct hart *h, const struct csr_write *w);
void medeleg_write(struct hart *h, const struct csr_write *w);
void misa_write(struct hart *h, const struct csr_write *w);
void mie_write(struct hart *h, const struct csr_write *w);
void menvcfg_write(struct hart *h, const struct csr_write *w);
void mcountinhibit_write(struct hart *h, const struct csr_write *w);
void mepc_write(struct hart *h, const struct csr_write *w);
void mip_write(struct hart *h, const struct csr_write *w);
void pmpcfg_write(struct hart *h, const struct csr_write *w);
void pmpaddr_write(struct hart *h, const struct csr_write *w);

/* The H extension's (csr_hyp.c). */
uint64_t vsstatus_read(struct hart *h, unsigned n);
uint64_t vsie_read(struct hart *h, unsigned n);
uint64_t vsepc_read(struct hart *h, unsigned n);
uint64_t vsip_read(struct hart *h, unsigned n);
uint64_t vstimecmp_read(struct hart *h, unsigned n);
uint64_t vsatp_read(struct hart *h, unsigned n);
uint64_t hie_read(struct hart *h, unsigned n);
uint64_t htimedelta_read(struct hart *h, unsigned n);
uint64_t henvcfg_read(struct hart *h, unsigned n);
uint64_t hstateen_read(struct hart *h, unsigned n);
uint64_t hip_read(struct hart *h, unsigned n);
uint64_t hgatp_read(struct hart *h, unsigned n);

void vsstatus_write(struct hart *h, const struct csr_write *w);
void vsie_write(struct hart *h, const struct csr_write *w);
void vsepc_write(struct hart *h, const struct csr_write *w);
void vsip_write(struct hart *h, const struct csr_write *w);
void vstimecmp_write(struct hart *h, const struct csr_write *w);
void vsatp_write(struct hart *h, const struct csr_write *w);
void hie_write(struct hart *h, const struct csr_write *w);
void htimedelta_write(struct hart *h, const struct csr_write *w);
void henvcfg_write(struct hart *h, const struct csr_write *w);
void hstateen_write(struct hart *h, const struct csr_write *w);
void hip_write(struct hart *h, const struct csr_write *w);
void hgatp_write(struct hart *h, const struct csr_write *w);

enum csr_answer henvcfg_access(const struct hart *h, unsigned n);
enum csr_answer hstateen_access(const struct hart *h, unsigned n);
enum csr_answer hgatp_access(const struct hart *h, unsigned n);

enum csr_answer counter_access(const struct hart *h, unsigned n);
enum csr_answer sstateen_access(const struct hart *h, unsigned n);
enum csr_answer senvcfg_access(const struct hart *h, unsigned n);
enum csr_answer stimecmp_access(const struct hart *h, unsigned n);
enum csr_answer satp_access(const struct hart *h, unsigned n);
enum csr_answer pmp_access(const struct hart *h, unsigned n);

/* What csr_hooks.c and csr_hyp.c share: the legal fields of an xenvcfg, `also` among them;
 * whether an xatp's MODE is one that this hart has; news for the machine's timer. */
uint64_t csr_envcfg_legal(const struct hart *h, uint64_t value, uint64_t also);
bool csr_atp_mode_is_legal(const struct hart *h, uint64_t atp);
void csr_timer_changed(struct hart *h);
/* Reset, or misa.H goes on or off: the state of the H extension starts anew. */
void csr_hyp_reset(struct hart *h, bool on);

/* Reset values of all CSRs; the rest of the hart is hart_reset's. */
void csr_reset(struct hart *h);
/* csr_state, priv and virt were overwritten from a snapshot: do they hold what this hart can hold? */
bool csr_state_is_legal(const struct hart *h);
/* They do: brings what is derived from it up to date. */
void csr_restored(struct hart *h);
/* The instruction address that xRET takes from a stored xepc. */
uint64_t csr_epc(const struct hart *h, uint64_t stored);

#endif
