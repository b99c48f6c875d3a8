/*
 * ipi.c - one hart pokes another: inter-processor interrupts and remote fences (IPI and RFENCE extensions).
 *
 * The machine software interrupt carries no message, so the reasons are bits in the target's `ipi_bits`, set before the
 * poke.
 *
 * A remote fence is synchronous: the caller's page tables must not be seen stale after it returns. The caller writes
 * its one request slot, sets its own bit in each target's `fence_from`, pokes them, and waits until every target has
 * cleared its bit in `waiting_for`. While it waits it serves fences that others want of it; two harts that fence each
 * other therefore cannot deadlock, and nobody queues, because a hart that waits asks for nothing else.
 *
 * Stopped harts are skipped. That is safe: a hart publishes that it has left the stopped state before it fences itself
 * on its way into S-mode, so a hart seen stopped after the page table was written will see the new table.
 */
#include "hart.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

/* Longer ranges are cheaper flushed as a whole. */
#define FENCE_PAGES_MAX 64
#define PAGE_BYTES      4096ul
#define ASID_MAX        0xffffu
#define VMID_MAX        0x3fffu
#define HGATP_VMID      (0x3ffful << 44)

bool ipi_probe(void) { return platform.mswi != 0; }

void ipi_send(unsigned long hartid, uint32_t reason)
{
    __atomic_fetch_or(&hart_by_id(hartid)->ipi_bits, reason, __ATOMIC_SEQ_CST);
    fence_all(); /* memory before device */
    mmio_write32(platform.mswi + 4 * hartid, 1);
}

static void fence_page(const struct fence_request *fence, unsigned long address)
{
    unsigned long guest_address = address >> 2; /* HFENCE.GVMA wants it so */
    switch (fence->kind) {
    case FENCE_VMA: __asm__ volatile("sfence.vma %0" ::"r"(address) : "memory"); break;
    case FENCE_VMA_ASID: __asm__ volatile("sfence.vma %0, %1" ::"r"(address), "r"(fence->id) : "memory"); break;
    case FENCE_GVMA: __asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, x0" ::"r"(guest_address) : "memory"); break;
    case FENCE_GVMA_VMID:
        __asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(guest_address), "r"(fence->id) : "memory");
        break;
    case FENCE_VVMA: __asm__ volatile(".insn r 0x73, 0, 0x11, x0, %0, x0" ::"r"(address) : "memory"); break;
    case FENCE_VVMA_ASID:
        __asm__ volatile(".insn r 0x73, 0, 0x11, x0, %0, %1" ::"r"(address), "r"(fence->id) : "memory");
        break;
    case FENCE_I: break;
    }
}

static void fence_whole_space(const struct fence_request *fence)
{
    switch (fence->kind) {
    case FENCE_I: fence_instruction(); break;
    case FENCE_VMA: sfence_vma_all(); break;
    case FENCE_VMA_ASID: __asm__ volatile("sfence.vma x0, %0" ::"r"(fence->id) : "memory"); break;
    case FENCE_GVMA: __asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory"); break;
    case FENCE_GVMA_VMID: __asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" ::"r"(fence->id) : "memory"); break;
    case FENCE_VVMA: __asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" ::: "memory"); break;
    case FENCE_VVMA_ASID: __asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, %0" ::"r"(fence->id) : "memory"); break;
    }
}

static void fence_execute(const struct fence_request *fence)
{
    bool vvma = fence->kind == FENCE_VVMA || fence->kind == FENCE_VVMA_ASID;
    unsigned long own_hgatp = 0;
    if (vvma) { /* HFENCE.VVMA works on the VMID in hgatp; the caller means its own */
        own_hgatp = csr_read(CSR_HGATP);
        csr_write(CSR_HGATP, (own_hgatp & ~HGATP_VMID) | (fence->hgatp & HGATP_VMID));
    }
    if (fence->kind == FENCE_I || fence->size > FENCE_PAGES_MAX * PAGE_BYTES) {
        fence_whole_space(fence);
    } else {
        unsigned long first = fence->start & ~(PAGE_BYTES - 1);
        for (unsigned long at = first; at - first < fence->start - first + fence->size; at += PAGE_BYTES)
            fence_page(fence, at);
    }
    if (vvma) csr_write(CSR_HGATP, own_hgatp);
}

/* Firmware event of the sending side per kind; the receiving side is the next number. */
static const uint8_t fence_event[] = {
    [FENCE_I] = PMU_FW_FENCE_I_SENT,         [FENCE_VMA] = PMU_FW_VMA_SENT,
    [FENCE_VMA_ASID] = PMU_FW_VMA_ASID_SENT, [FENCE_GVMA_VMID] = PMU_FW_GVMA_VMID_SENT,
    [FENCE_GVMA] = PMU_FW_GVMA_SENT,         [FENCE_VVMA_ASID] = PMU_FW_VVMA_ASID_SENT,
    [FENCE_VVMA] = PMU_FW_VVMA_SENT,
};

/* Serves the fences that other harts want of this one. */
static void fence_serve(struct hart *self)
{
    uint32_t askers = __atomic_exchange_n(&self->fence_from, 0, __ATOMIC_ACQ_REL);
    for (unsigned long id = 0; askers; id++, askers >>= 1) {
        if (!(askers & 1)) continue;
        struct fence_request *fence = &hart_by_id(id)->fence;
        pmu_count(self, fence_event[fence->kind] + 1u);
        fence_execute(fence);
        __atomic_fetch_and(&fence->waiting_for, ~(1u << self->id), __ATOMIC_RELEASE);
    }
}

uint32_t ipi_receive(struct hart *self)
{
    mmio_write32(platform.mswi + 4 * self->id, 0);
    fence_all(); /* device before memory: a poke after this point comes again */
    uint32_t reasons = __atomic_exchange_n(&self->ipi_bits, 0, __ATOMIC_SEQ_CST);
    if (reasons & IPI_SUPERVISOR) {
        pmu_count(self, PMU_FW_IPI_RECEIVED);
        csr_set(CSR_MIP, MIP(IRQ_SSI));
    }
    if (reasons & IPI_FENCE) fence_serve(self);
    return reasons;
}

/* Turns the hart-list argument pair into a mask; false if it names a hart that does not exist. */
static bool hart_list(unsigned long mask, unsigned long base, uint32_t *out)
{
    *out = platform.hart_mask;
    if (base == ~0ul) return true;
    *out = 0;
    if (mask == 0) return true;
    if (base >= HART_MAX) return false;
    for (unsigned long bit = 0; bit < 64; bit++) {
        if (!(mask >> bit & 1)) continue;
        if (!hart_exists(base + bit)) return false;
        *out |= 1u << (base + bit);
    }
    return true;
}

static bool hart_reachable(unsigned long id) { return hart_exists(id) && hart_state(hart_by_id(id)) != HSM_STOPPED; }

struct sbiret ipi_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    uint32_t targets;
    if (function != 0) return sbi_error(SBI_ERR_NOT_SUPPORTED);
    if (!hart_list(arguments[0], arguments[1], &targets)) return sbi_error(SBI_ERR_INVALID_PARAM);
    for (unsigned long id = 0; id < HART_MAX; id++) {
        if (!(targets >> id & 1) || !hart_reachable(id)) continue;
        pmu_count(self, PMU_FW_IPI_SENT);
        ipi_send(id, IPI_SUPERVISOR);
    }
    return sbi_value(0);
}

static void fence_all_harts(struct hart *self, uint32_t targets)
{
    struct fence_request *fence = &self->fence;
    uint32_t remote = 0;
    fence_all(); /* the caller's stores before the look at the targets' states */
    for (unsigned long id = 0; id < HART_MAX; id++)
        if ((targets >> id & 1) && id != self->id && hart_reachable(id)) remote |= 1u << id;
    __atomic_store_n(&fence->waiting_for, remote, __ATOMIC_RELEASE);
    for (unsigned long id = 0; id < HART_MAX; id++) {
        if (!(remote >> id & 1)) continue;
        pmu_count(self, fence_event[fence->kind]);
        __atomic_fetch_or(&hart_by_id(id)->fence_from, 1u << self->id, __ATOMIC_RELEASE);
        ipi_send(id, IPI_FENCE);
    }
    if (targets >> self->id & 1) fence_execute(fence);
    while (__atomic_load_n(&fence->waiting_for, __ATOMIC_ACQUIRE)) fence_serve(self);
}

struct sbiret rfence_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    uint32_t targets;
    if (function > FENCE_VVMA) return sbi_error(SBI_ERR_NOT_SUPPORTED);
    enum fence_kind kind = (enum fence_kind)function; /* same order as the function numbers */
    bool hypervisor = kind >= FENCE_GVMA_VMID;
    if (hypervisor && !self->has_hypervisor) return sbi_error(SBI_ERR_NOT_SUPPORTED);
    if (!hart_list(arguments[0], arguments[1], &targets)) return sbi_error(SBI_ERR_INVALID_PARAM);

    uint64_t start = arguments[2], size = arguments[3], id = arguments[4];
    if (kind == FENCE_I) start = size = 0;
    if (start == 0 && size == 0) size = UINT64_MAX;
    if (size != UINT64_MAX && start + size < start) return sbi_error(SBI_ERR_INVALID_ADDRESS);
    if ((kind == FENCE_VMA_ASID || kind == FENCE_VVMA_ASID) && id > ASID_MAX) return sbi_error(SBI_ERR_INVALID_PARAM);
    if (kind == FENCE_GVMA_VMID && id > VMID_MAX) return sbi_error(SBI_ERR_INVALID_PARAM);

    self->fence.kind = kind;
    self->fence.start = start;
    self->fence.size = size;
    self->fence.id = id;
    self->fence.hgatp = hypervisor ? csr_read(CSR_HGATP) : 0;
    fence_all_harts(self, targets);
    return sbi_value(0);
}
