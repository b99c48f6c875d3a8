/* The ground for tests of the hypervisor extension: programs that run bare and look at what guests get.
 *
 * Each program is built twice. In the M ground, main() runs in M-mode, enters an experiment with mret, and everything that an experiment
 * does ends in M-mode, except what the test itself delegates. In the HS ground, main() runs in HS-mode like a hypervisor: M-mode
 * delegates all it can, experiments are entered with sret and their traps caught in HS-mode. machine-level registers
 * are reached through m_read and m_write in both.
 *
 * An experiment is a function or a single instruction that runs in one of the modes until something traps. The first recorder that the
 * trap comes to (M, HS or VS-mode's) writes down `t`; then run() returns the cause. What does not trap ends in an ecall. */
#ifndef HYP_H
#define HYP_H

#include "../priv.h"

/* Whether main() runs in HS-mode. */
#define GROUND_IS_HS GROUND_HS

/* Modes of an experiment; LEVEL of a record says the same of the mode that took the trap. */
enum { IN_U = 0, IN_HS = 1, IN_M = 3, IN_VU = 4, IN_VS = 5 };

struct trap {
    uint64_t count; /* traps recorded since run(): more than 1 if a recorder itself trapped */
    uint64_t cause, epc, tval, status;
    uint64_t vector;       /* entry of a vectored table; 0 if direct */
    uint64_t tval2, tinst; /* mtval2, mtinst or htval, htinst; 0 if it came to VS-mode */
    uint64_t hstatus;      /* after the trap; 0 if it came to VS-mode */
    uint64_t level;        /* IN_M, IN_HS or IN_VS: who took it */
    uint64_t a0, a1, a2, a3;
};
extern volatile struct trap t;

enum {
    ECALL_HS = 9,
    ECALL_VS = 10,
    FETCH_GUEST = 20,
    LOAD_GUEST = 21,
    VIRTUAL_INSN = 22,
    STORE_GUEST = 23,
    NO_TRAP = 0x100 /* of a single instruction: it was executed */
};

/* CSRs by number, so that a table can hold them. */
enum {
    SSTATUS = 0x100,
    SIE_ = 0x104,
    STVEC = 0x105,
    SCOUNTEREN = 0x106,
    SENVCFG = 0x10a,
    SSTATEEN0 = 0x10c,
    SSCRATCH = 0x140,
    SEPC = 0x141,
    SCAUSE = 0x142,
    STVAL = 0x143,
    SIP_ = 0x144,
    STIMECMP = 0x14d,
    SATP = 0x180,
    VSSTATUS = 0x200,
    VSIE = 0x204,
    VSTVEC = 0x205,
    VSSCRATCH = 0x240,
    VSEPC = 0x241,
    VSCAUSE = 0x242,
    VSTVAL = 0x243,
    VSIP = 0x244,
    VSTIMECMP = 0x24d,
    VSATP = 0x280,
    MSTATUS = 0x300,
    MISA = 0x301,
    MEDELEG = 0x302,
    MIDELEG = 0x303,
    MIE_ = 0x304,
    MTVEC = 0x305,
    MCOUNTEREN = 0x306,
    MENVCFG = 0x30a,
    MSTATEEN0 = 0x30c,
    MSCRATCH = 0x340,
    MIP_ = 0x344,
    MTINST = 0x34a,
    MTVAL2 = 0x34b,
    HSTATUS = 0x600,
    HEDELEG = 0x602,
    HIDELEG = 0x603,
    HIE = 0x604,
    HTIMEDELTA = 0x605,
    HCOUNTEREN = 0x606,
    HGEIE = 0x607,
    HENVCFG = 0x60a,
    HSTATEEN0 = 0x60c,
    HTVAL = 0x643,
    HIP = 0x644,
    HVIP = 0x645,
    HTINST = 0x64a,
    HGATP = 0x680,
    HGEIP = 0xe12,
    CYCLE = 0xc00,
    TIME = 0xc01,
    INSTRET = 0xc02
};

/* Fields. */
#define HS_GVA    BIT(6)
#define HS_SPV    BIT(7)
#define HS_SPVP   BIT(8)
#define HS_HU     BIT(9)
#define HS_VTVM   BIT(20)
#define HS_VTW    BIT(21)
#define HS_VTSR   BIT(22)
#define M_GVA     BIT(38)
#define M_MPV     BIT(39)
#define ENV_ADUE  BIT(61)
#define ENV_PBMTE BIT(62)
#define ENV_STCE  BIT(63)
#define SEN_SE0   BIT(63)
#define SEN_ENV   BIT(62)

/* ---- Instructions ---- */

enum { X0 = 0, RA = 1, A0 = 10, A1 = 11, A2 = 12, A3 = 13 };
#define INSN_R(f7, rs2, rs1, f3, rd, op)                                                                               \
    ((uint32_t)(f7) << 25 | (uint32_t)(rs2) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(f3) << 12 |                     \
     (uint32_t)(rd) << 7 | (uint32_t)(op))
#define INSN_I(imm, rs1, f3, rd, op)                                                                                   \
    ((uint32_t)(imm) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(f3) << 12 | (uint32_t)(rd) << 7 | (uint32_t)(op))
#define INSN_S(imm, rs2, rs1, f3, op)                                                                                  \
    ((uint32_t)((imm) >> 5 & 127) << 25 | (uint32_t)(rs2) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(f3) << 12 |       \
     (uint32_t)((imm)&31) << 7 | (uint32_t)(op))
/* The usual operands: address or first operand in a0, data out of a1, result to a2. */
#define CSRR(csr)       INSN_I(csr, X0, 2, A2, 0x73)
#define CSRW(csr)       INSN_I(csr, A0, 1, X0, 0x73)
#define CSRRW(csr)      INSN_I(csr, A0, 1, A2, 0x73)
#define CSRS(csr)       INSN_I(csr, A0, 2, A2, 0x73)
#define CSRC(csr)       INSN_I(csr, A0, 3, A2, 0x73)
#define LB              INSN_I(0, A0, 0, A2, 0x03)
#define LD              INSN_I(0, A0, 3, A2, 0x03)
#define LW              INSN_I(0, A0, 2, A2, 0x03)
#define SD_             INSN_S(0, A1, A0, 3, 0x23)
#define SB_             INSN_S(0, A1, A0, 0, 0x23)
#define AMOADD_D        INSN_R(0, A1, A0, 3, A2, 0x2f)
#define HLV_B           INSN_R(0x30, 0, A0, 4, A2, 0x73)
#define HLV_BU          INSN_R(0x30, 1, A0, 4, A2, 0x73)
#define HLV_H           INSN_R(0x32, 0, A0, 4, A2, 0x73)
#define HLV_HU          INSN_R(0x32, 1, A0, 4, A2, 0x73)
#define HLVX_HU         INSN_R(0x32, 3, A0, 4, A2, 0x73)
#define HLV_W           INSN_R(0x34, 0, A0, 4, A2, 0x73)
#define HLV_WU          INSN_R(0x34, 1, A0, 4, A2, 0x73)
#define HLVX_WU         INSN_R(0x34, 3, A0, 4, A2, 0x73)
#define HLV_D           INSN_R(0x36, 0, A0, 4, A2, 0x73)
#define HSV_B           INSN_R(0x31, A1, A0, 4, X0, 0x73)
#define HSV_H           INSN_R(0x33, A1, A0, 4, X0, 0x73)
#define HSV_W           INSN_R(0x35, A1, A0, 4, X0, 0x73)
#define HSV_D           INSN_R(0x37, A1, A0, 4, X0, 0x73)
#define HFENCE_VVMA     INSN_R(0x11, A1, A0, 0, X0, 0x73)
#define HFENCE_GVMA     INSN_R(0x31, A1, A0, 0, X0, 0x73)
#define HINVAL_VVMA     INSN_R(0x13, A1, A0, 0, X0, 0x73)
#define HINVAL_GVMA     INSN_R(0x33, A1, A0, 0, X0, 0x73)
#define SFENCE_VMA      INSN_R(0x09, A1, A0, 0, X0, 0x73)
#define SINVAL_VMA      INSN_R(0x0b, A1, A0, 0, X0, 0x73)
#define SFENCE_W_INVAL  UINT32_C(0x18000073)
#define SFENCE_INVAL_IR UINT32_C(0x18100073)
#define SRET            UINT32_C(0x10200073)
#define MRET            UINT32_C(0x30200073)
#define WFI             UINT32_C(0x10500073)
#define ECALL           UINT32_C(0x00000073)
#define EBREAK          UINT32_C(0x00100073)
#define CBO_INVAL       INSN_I(0, A0, 2, X0, 0x0f)
#define CBO_CLEAN       INSN_I(1, A0, 2, X0, 0x0f)
#define CBO_FLUSH       INSN_I(2, A0, 2, X0, 0x0f)
#define CBO_ZERO        INSN_I(4, A0, 2, X0, 0x0f)
#define NOP             UINT32_C(0x00000013)

/* ---- Experiments ---- */

/* Runs fn in a mode; returns the cause of the first trap. */
uint64_t run(unsigned mode, void (*fn)(void));
/* The same from an address, with a0 and a1. */
uint64_t run_at(unsigned mode, uint64_t pc, uint64_t a0, uint64_t a1);
/* The same with no alias added to pc: at an address of the test's own. */
uint64_t run_exactly(unsigned mode, uint64_t pc);
/* One instruction with a0 and a1; NO_TRAP if it was executed (the result is in t.a2). The instruction's address is `code`, or its alias. */
uint64_t try_insn(unsigned mode, uint32_t insn, uint64_t a0, uint64_t a1);
/* The same with a compressed instruction. */
uint64_t try_insn16(unsigned mode, uint16_t insn, uint64_t a0, uint64_t a1);
extern uint8_t code[4096];
extern char hs_direct[], hs_vectored[], vs_direct[], vs_vectored[], experiment_end[];

/* Where a trap came from, as the status registers say. */
static inline unsigned trap_gva(void) { return (t.level == IN_M ? t.status & M_GVA : t.hstatus & HS_GVA) != 0; }
static inline unsigned trap_pv(void) { return (t.level == IN_M ? t.status & M_MPV : t.hstatus & HS_SPV) != 0; }
static inline unsigned trap_pp(void) { return (unsigned)(t.level == IN_M ? t.status >> 11 & 3 : t.status >> 8 & 1); }

/* Machine-level CSR accesses from either ground: reads, or writes and returns the old value. */
uint64_t m_call(uint64_t (*leaf)(uint64_t), uint64_t argument);
uint64_t m_read(unsigned csr);
void m_write(unsigned csr, uint64_t value);
void m_set(unsigned csr, uint64_t bits);
void m_clear(unsigned csr, uint64_t bits);
/* The same through CSR number for those of HS-mode, in the mode of main(). */
uint64_t h_read(unsigned csr);
void h_write(unsigned csr, uint64_t value);
static inline void h_set(unsigned csr, uint64_t bits) { h_write(csr, h_read(csr) | bits); }
static inline void h_clear(unsigned csr, uint64_t bits) { h_write(csr, h_read(csr) & ~bits); }
/* What a register holds after a write of `value`; the old value is put back. */
uint64_t h_try(unsigned csr, uint64_t value);
uint64_t m_try(unsigned csr, uint64_t value);

/* Back to the state in which every test begins: no translation, no interrupts, nothing trapped by configuration, no further delegation. */
void quiet(void);
/* What M-mode passes on to HS-mode by itself: nothing in the M ground, all but ecalls from HS-mode in the other. */
#define DELEGATE_ALL UINT64_C(0xf0b5ff)

/* ---- Two stages of page tables ---- */

enum { BARE = 0, SV39 = 8, SV48 = 9, SV57 = 10 };
#define ALL (V | R | W | X | U | A | D)

struct table {
    uint64_t *root;
    unsigned levels; /* 3 to 5 */
    bool gstage;     /* a root of four pages */
    uint64_t offset; /* guest-physical address minus address of the tables below */
};
extern struct table vs_table, g_table;

/* Builds tables for both stages and switches to them: MODE of vsatp with ASID, MODE of hgatp with VMID, fences.
 * G-stage: the identity from 2 to 3 GiB. VS-stage: the identity from 2 to 3 GiB for VS-mode, and the same memory 1 GiB higher for VU-mode,
 * which run() uses for code and stack of VU-mode. */
void guest_start(unsigned vs_mode, unsigned g_mode);
/* The same, but the tables of guests made before stay: another guest, or another space. */
void guest_more(unsigned vs_mode, unsigned g_mode, unsigned vmid, unsigned asid);
/* Where the next guest_start() puts VS-stage tables: guest-physical minus physical address; then the G-stage maps them by pages of 4 KiB of
 * their own. 0 after quiet(): in the identity. */
extern uint64_t vs_tables_offset;
/* Sets a leaf at a level (0: 4 KiB); returns its PTE. No fence. */
volatile uint64_t *map(struct table *table, uint64_t va, uint64_t pa, uint64_t bits, unsigned level);
/* The PTE that the translation of va uses at a level, or the one above it where it ends. */
volatile uint64_t *pte_of(struct table *table, uint64_t va, unsigned level);
/* A VS-stage and a G-stage page of 4 KiB: va to gpa to pa. */
void map_both(uint64_t va, uint64_t vs_bits, uint64_t gpa, uint64_t g_bits, uint64_t pa);
uint64_t *new_page(unsigned pages);
void fence_all(void);

static inline uint64_t pte(uint64_t pa, uint64_t bits) { return pa >> 12 << 10 | bits; }
#define VMID(n) ((uint64_t)(n) << 44)
#define ASID(n) ((uint64_t)(n) << 44)
#define ALIAS   UINT64_C(0x40000000)
/* Where guests' test pages are: an address for VS-stage translation, and a guest-physical one. */
#define VA  UINT64_C(0x10000000)
#define GPA UINT64_C(0x140000000)
extern volatile uint64_t frame[4][512];

/* ---- Checks ---- */

struct test {
    const char *name;
    void (*run)(void);
};
int run_tests(const struct test *tests, size_t count);
#define TEST(fn)                                                                                                       \
    {                                                                                                                  \
#fn, fn                                                                                                        \
    }
#define RUN_TESTS(tests)                                                                                               \
    int main(void) { return run_tests(tests, sizeof tests / sizeof tests[0]); }

void expect_cause_at(int line, uint64_t got, uint64_t want);
/* The cause of an experiment; NO_TRAP and ecalls included. */
#define CAUSE(got, want) expect_cause_at(__LINE__, got, want)
void expect_trap_at(int line, uint64_t cause, uint64_t tval, uint64_t tval2, uint64_t tinst, unsigned gva);
/* The last trap's cause and values, as M or HS-mode saw them. */
#define TRAP(...) expect_trap_at(__LINE__, __VA_ARGS__)

#endif
