/*
 * checks_hypervisor.c - what a hypervisor needs of the firmware, on harts with the H extension.
 *
 * First that every trap of a guest arrives here, in HS-mode: a few instructions run in VS- and VU-mode with both stages off, so that
 * their addresses are ours. Then that a remote HFENCE works: another hart reads guest memory through both stages with HLV, before
 * and after a page-table entry changes.
 *
 *   guest-virtual VIRTUAL --VS-stage--> guest-physical GUEST --G-stage--> page_a, then page_b
 */
#include "kernel.h"

#define PAGE     4096ul
#define VIRTUAL  0xc0000000ul
#define GUEST    0x1c0000000ul
#define PTE_VS   0xcful /* D A X W R V */
#define PTE_G    0xdful /* and U: every G-stage access is one of U-mode */
#define MODE_39  (8ul << 60)
#define VMID(id) ((unsigned long)(id) << 44)
#define ASID(id) ((unsigned long)(id) << 44)

#define HSTATUS_GVA  (1ul << 6)
#define HSTATUS_SPV  (1ul << 7)
#define HSTATUS_SPVP (1ul << 8)
#define SSTATUS_SPP  (1ul << 8)
#define INTERRUPT    (1ul << 63)
#define VSSI         (1ul << 2)

#define CSR_READ(number)                                                                                               \
    ({                                                                                                                 \
        unsigned long value_;                                                                                          \
        __asm__ volatile("csrr %0, %1" : "=r"(value_) : "i"(number) : "memory");                                       \
        value_;                                                                                                        \
    })
#define CSR_WRITE(number, value) __asm__ volatile("csrw %0, %1" ::"i"(number), "r"((unsigned long)(value)) : "memory")
enum { HSTATUS = 0x600, HEDELEG = 0x602, HIDELEG = 0x603, HIE = 0x604, HCOUNTEREN = 0x606, HENVCFG = 0x60a };
enum { HSTATEEN0 = 0x60c, HTVAL = 0x643, HVIP = 0x645, HGATP = 0x680, VSATP = 0x280 };

static uint64_t g_root[2048] __attribute__((aligned(16384)));
static uint64_t g_middle[512] __attribute__((aligned(4096))), g_leaf[512] __attribute__((aligned(4096)));
static uint64_t vs_root[512] __attribute__((aligned(4096)));
static uint64_t vs_middle[512] __attribute__((aligned(4096))), vs_leaf[512] __attribute__((aligned(4096)));
static uint64_t page_a[512] __attribute__((aligned(4096))), page_b[512] __attribute__((aligned(4096)));

static uint64_t pte(unsigned long address, uint64_t bits) { return address >> 12 << 10 | bits; }
static uint64_t pte_to(const void *table, uint64_t bits) { return pte((unsigned long)(uintptr_t)table, bits); }

static void build_tables(void)
{
    g_root[2] = pte(0x80000000, PTE_G); /* memory one to one, where the VS-stage tables are */
    g_root[GUEST >> 30] = pte_to(g_middle, 1);
    g_middle[0] = pte_to(g_leaf, 1);
    g_leaf[0] = pte_to(page_a, PTE_G);
    vs_root[VIRTUAL >> 30] = pte_to(vs_middle, 1);
    vs_middle[0] = pte_to(vs_leaf, 1);
    vs_leaf[0] = pte(GUEST, PTE_VS);
    vs_leaf[1] = pte_to(page_b, PTE_VS);
    page_a[0] = 0xaaaa;
    page_b[0] = 0xbbbb;
}

static unsigned long hgatp(unsigned vmid) { return MODE_39 | VMID(vmid) | (unsigned long)(uintptr_t)g_root >> 12; }
static unsigned long vsatp(unsigned asid) { return MODE_39 | ASID(asid) | (unsigned long)(uintptr_t)vs_root >> 12; }

/* --- one hart: a guest's traps come to us --- */

static void check_guest_trap(struct cpu *self, const char *name, void (*guest)(void), bool supervisor,
                             unsigned long cause)
{
    try_guest(guest, supervisor ? SSTATUS_SPP : 0);
    check_equal(name, (long)self->cause, (long)cause);
    check("guest: hstatus says where it came from",
          (self->hstatus & HSTATUS_SPV) && (!supervisor || (self->hstatus & HSTATUS_SPVP)));
}

static void check_guest_page_faults(struct cpu *self)
{
    CSR_WRITE(HSTATUS, CSR_READ(HSTATUS) | HSTATUS_SPVP);
    CSR_WRITE(HGATP, hgatp(1));
    unsigned long hole = GUEST + PAGE + 8;
    try_guest_load(hole);
    check_equal("delegated: load guest-page fault", (long)self->cause, 21);
    check_equal("guest-page fault: stval", (long)self->value, (long)hole);
    check_equal("guest-page fault: htval", (long)self->htval, (long)(hole >> 2));
    check("guest-page fault of HLV: GVA without SPV", (self->hstatus & (HSTATUS_GVA | HSTATUS_SPV)) == HSTATUS_GVA);
    try_guest_store(hole);
    check_equal("delegated: store guest-page fault", (long)self->cause, 23);
    try_guest((void (*)(void))hole, SSTATUS_SPP);
    check_equal("delegated: instruction guest-page fault", (long)self->cause, 20);
    check_equal("guest-page fault of a fetch: htval", (long)self->htval, (long)(hole >> 2));
    CSR_WRITE(HGATP, 0);
}

/* mideleg: the VS interrupts are ours, and with hideleg zero we take one ourselves. */
static void check_guest_interrupt(struct cpu *self)
{
    CSR_WRITE(HIDELEG, 0);
    CSR_WRITE(HVIP, VSSI);
    CSR_WRITE(HIE, VSSI);
    self->cause = 0;
    __asm__ volatile("csrsi sstatus, 2\n\tnop\n\tcsrci sstatus, 2" ::: "memory");
    check_equal("delegated: VS software interrupt", (long)self->cause, (long)(INTERRUPT | 2));
    CSR_WRITE(HIE, 0);
    CSR_WRITE(HVIP, 0);
}

/* mcounteren: a guest's rdtime is stopped by hcounteren alone, and then as a virtual instruction. */
static void check_guest_counters(struct cpu *self)
{
    CSR_WRITE(HCOUNTEREN, 0);
    check_guest_trap(self, "guest: time without hcounteren", guest_time, true, 22);
    CSR_WRITE(HCOUNTEREN, 7);
    check_guest_trap(self, "guest: time with hcounteren", guest_time, true, 10);
    check_guest_trap(self, "guest: cycle with hcounteren", guest_cycle, true, 10);
    CSR_WRITE(HCOUNTEREN, 0);
}

/* A field of henvcfg or hstateen0 that menvcfg or mstateen0 leaves closed is read-only zero here. */
static void check_guest_environment(const uint8_t *tree)
{
    unsigned long wanted = 0xf0; /* CBIE, CBCFE, CBZE */
    if (!tree_mentions(tree, "zicbom") || !tree_mentions(tree, "zicboz")) wanted = 0;
    if (tree_mentions(tree, "sstc")) wanted |= 1ul << 63;
    if (tree_mentions(tree, "svpbmt")) wanted |= 1ul << 62;
    CSR_WRITE(HENVCFG, -1);
    check_equal("henvcfg: all that the hart has", (long)(CSR_READ(HENVCFG) & wanted), (long)wanted);
    CSR_WRITE(HENVCFG, 0);
    if (!tree_mentions(tree, "smstateen")) return;
    CSR_WRITE(HSTATEEN0, -1);
    check_equal("hstateen0: SE0 and ENVCFG", (long)(CSR_READ(HSTATEEN0) >> 62), 3);
    CSR_WRITE(HSTATEEN0, 0);
}

/* A fault that the firmware hands down is one of HS-mode, whatever ran before. */
static void check_legacy_after_guest(struct cpu *self)
{
    try_guest(guest_ecall, SSTATUS_SPP);
    try_legacy(4, RAM_BASE + 0x10000);
    check_equal("legacy mask after a guest: fault", (long)self->cause, 5);
    check("legacy mask after a guest: neither SPV nor GVA", !(self->hstatus & (HSTATUS_SPV | HSTATUS_GVA)));
    check_equal("legacy mask after a guest: htval", (long)self->htval, 0);
}

void check_hypervisor(struct cpu *self, const uint8_t *tree)
{
    if (!hypervisor_there) return;
    CSR_WRITE(HEDELEG, 0);
    CSR_WRITE(HGATP, 0);
    CSR_WRITE(VSATP, 0);
    build_tables();
    check_guest_trap(self, "delegated: ecall from VS-mode", guest_ecall, true, 10);
    check_guest_trap(self, "delegated: ecall from VU-mode", guest_ecall, false, 8);
    check_guest_trap(self, "delegated: virtual instruction", guest_csr, true, 22);
    check_guest_trap(self, "delegated: HFENCE in a guest", guest_fence, true, 22);
    check_guest_trap(self, "delegated: illegal instruction of a guest", guest_illegal, true, 2);
    check_guest_trap(self, "delegated: breakpoint of a guest", guest_breakpoint, true, 3);
    check_guest_counters(self);
    check_guest_environment(tree);
    check_guest_page_faults(self);
    check_guest_interrupt(self);
    check_legacy_after_guest(self);
}

/* --- two harts: remote fences --- */

static void job_enter_world(struct cpu *self)
{
    (void)self;
    CSR_WRITE(HSTATUS, CSR_READ(HSTATUS) | HSTATUS_SPVP);
    CSR_WRITE(HGATP, hgatp(1));
    CSR_WRITE(VSATP, vsatp(1));
}

static void job_other_world(struct cpu *self)
{
    (void)self;
    CSR_WRITE(HGATP, VMID(2)); /* another guest, without a second stage */
}

static void job_leave_world(struct cpu *self)
{
    (void)self;
    CSR_WRITE(HGATP, 0);
    CSR_WRITE(VSATP, 0);
}

static void job_read_guest(struct cpu *self)
{
    job_enter_world(self);
    self->job_result = try_guest_load(VIRTUAL);
}

static void job_read_hgatp(struct cpu *self) { self->job_result = CSR_READ(HGATP); }

/* Does this hart, just started, run in HS-mode? In VS-mode the register is out of its reach. */
static void job_try_hstatus(struct cpu *self)
{
    try_hstatus();
    self->job_result = self->cause;
}

static void check_hfence(struct cpu *other, unsigned long function, unsigned long start, unsigned long size)
{
    bool guest_physical = function <= 4;
    unsigned long id = 1; /* VMID for 3, ASID for 5 */
    g_leaf[0] = pte_to(page_a, PTE_G);
    vs_leaf[0] = pte(GUEST, PTE_VS);
    SBI(RFENCE, 4, 0, -1);
    job_enter_world(this_cpu());
    SBI(RFENCE, 6, 0, -1);
    job_run(other, job_read_guest);
    check_equal("rfence: old guest page", (long)other->job_result, 0xaaaa);
    job_run(other,
            job_other_world); /* the fence is for the asking hart's VMID, not for the one that is current there */
    if (guest_physical)
        g_leaf[0] = pte_to(page_b, PTE_G);
    else
        vs_leaf[0] = pte_to(page_b, PTE_VS);
    check_equal("rfence: hfence", SBI(RFENCE, function, 1, other->id, start, size, id).error, OK);
    job_run(other, job_read_hgatp);
    check_equal("rfence: hgatp is left alone", (long)other->job_result, (long)VMID(2));
    job_run(other, job_read_guest);
    check_equal("rfence: new guest page", (long)other->job_result, 0xbbbb);
    job_run(other, job_leave_world);
    job_leave_world(this_cpu());
}

void check_hypervisor_hart(struct cpu *other)
{
    if (!hypervisor_there) return;
    job_run(other, job_try_hstatus);
    check_equal("hsm: a hart starts in HS-mode", (long)other->job_result, 0);
    for (unsigned long function = 3; function <= 6; function++) {
        unsigned long page = function <= 4 ? GUEST : VIRTUAL;
        check_hfence(other, function, page, PAGE);
        check_hfence(other, function, page + 8, 1);
        check_hfence(other, function, 0, 0);
    }
}
