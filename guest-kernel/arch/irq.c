/*
 * irq.c - the platform-level interrupt controller. See irq.h.
 *
 * Every interrupt source has a number and a priority. Each hart has contexts, one for S-mode, with a bit per source (enabled), a
 * threshold, and a claim register: reading it answers "which interrupt is pending?" and takes it, writing the number back
 * completes it. A source cannot be pending again until it is completed, so its handler never runs twice at a time.
 *
 *      0x000000 + 4 * source                 priority; 0 is never
 *      0x002000 + 0x80 * context             enable bits
 *      0x200000 + 0x1000 * context           threshold, then claim/complete
 *
 * Source: RISC-V Platform-Level Interrupt Controller Specification.
 */
#include "arch/irq.h"

#include "arch/hart.h"
#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "base/errno.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "kern/trace.h"

#define IRQ_MAX 128

static struct {
    irq_handler *handler;
    void *context;
    const char *name;
    uint64_t count;
} sources[IRQ_MAX];

static struct spinlock irq_lock = SPINLOCK_INIT("interrupt table", RANK_IRQ);

static volatile char *plic_register(uint64_t offset) { return (char *)pa_to_va(machine.plic.base) + offset; }
static volatile char *enable_word(unsigned hart, unsigned irq)
{
    return plic_register(0x2000 + 0x80ul * machine.plic_context[hart] + irq / 32 * 4);
}

void irq_init_hart(void)
{
    if (!machine.plic.bytes) return;
    unsigned hart = this_hart()->number;
    spin_lock(&irq_lock);
    for (unsigned word = 0; word < IRQ_MAX; word += 32) {
        uint32_t bits = 0;
        for (unsigned i = 0; i < 32; i++)
            if (sources[word + i].handler) bits |= 1u << i;
        io_write32(enable_word(hart, word), bits);
    }
    io_write32(plic_register(0x200000 + 0x1000ul * machine.plic_context[hart]), 0);
    spin_unlock(&irq_lock);
    csr_set("sie", SIE_SEIE);
}

int irq_connect(unsigned irq, const char *name, irq_handler *handler, void *context)
{
    if (!machine.plic.bytes || !irq || irq >= IRQ_MAX) return -EINVAL;
    spin_lock(&irq_lock);
    int error = sources[irq].handler ? -EBUSY : 0;
    if (!error) {
        sources[irq].context = context;
        sources[irq].name = name;
        __atomic_store_n(&sources[irq].handler, handler, __ATOMIC_RELEASE);
        io_write32(plic_register(4 * irq), 1);
        for (unsigned hart = 0; hart < machine.harts; hart++) {
            volatile char *word = enable_word(hart, irq);
            if (harts[hart].online) io_write32(word, io_read32(word) | 1u << irq % 32);
        }
    }
    spin_unlock(&irq_lock);
    return error;
}

void irq_dispatch(void)
{
    volatile char *claim = plic_register(0x200004 + 0x1000ul * machine.plic_context[this_hart()->number]);
    for (uint32_t irq; (irq = io_read32(claim)) != 0; io_write32(claim, irq)) {
        if (irq >= IRQ_MAX || !sources[irq].handler) continue;
        __atomic_fetch_add(&sources[irq].count, 1, __ATOMIC_RELAXED);
        trace(TRACE_IRQ, irq, 0, 0);
        sources[irq].handler(sources[irq].context);
    }
}

size_t irq_describe(unsigned *irq, const char **name, uint64_t *count)
{
    for (; *irq < IRQ_MAX; ++*irq) {
        if (!sources[*irq].handler) continue;
        *name = sources[*irq].name;
        *count = sources[*irq].count;
        return 1;
    }
    return 0;
}
