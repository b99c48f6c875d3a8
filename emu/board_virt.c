#include "emu/board_virt.h"

#include "devices/goldfish_rtc.h"
#include "devices/ns16550a.h"
#include "devices/sifive_test.h"
#include "emu/base/bits.h"
#include "emu/chars.h"
#include "emu/virtio_slots.h"

static struct device_place place_at(gpa_t base, uint64_t size, unsigned irq)
{
    return (struct device_place){
        .base = base, .size = size, .irq = irq, .irq_parent = VIRT_PHANDLE_PLIC, .irq_flags_cells = 1};
}

/* The SSWI's edge sets a bit that software clears. */
static void set_ssip(void *hart, unsigned irq, bool level)
{
    struct hart *h = hart;
    if (!level) return;
    h->csr.mip |= UINT64_C(1) << irq;
    hart_kick(h);
}

static bool add_aclint(struct machine *m, struct err *err)
{
    struct aclint_lines lines[HARTS_MAX];
    uint32_t phandles[HARTS_MAX];
    for (unsigned i = 0; i < m->hart_count; i++) {
        struct hart *h = m->harts[i].hart;
        lines[i] = (struct aclint_lines){
            .msip = {hart_irq_line, h, IRQ_MSI}, .mtip = {hart_irq_line, h, IRQ_MTI}, .ssip = {set_ssip, h, IRQ_SSI}};
        phandles[i] = virt_phandle_intc(i);
    }
    m->aclint = aclint_create(&m->host, m->hart_count, MACHINE_TIMEBASE_HZ, lines);
    if (!machine_attach(m, m->aclint, &aclint_device, place_at(VIRT_CLINT, ACLINT_CLINT_SIZE, 0), err)) return false;
    aclint_set_phandles(m->aclint, phandles);
    return machine_attach(m, m->aclint, &aclint_sswi_device, place_at(VIRT_SSWI, ACLINT_SSWI_SIZE, 0), err);
}

static bool add_plic(struct machine *m, struct err *err)
{
    struct irq_line targets[2 * HARTS_MAX];
    uint32_t phandles[2 * HARTS_MAX];
    for (unsigned i = 0; i < m->hart_count; i++) {
        targets[2 * i] = (struct irq_line){hart_irq_line, m->harts[i].hart, IRQ_MEI};
        targets[2 * i + 1] = (struct irq_line){hart_irq_line, m->harts[i].hart, IRQ_SEI};
        phandles[2 * i] = phandles[2 * i + 1] = virt_phandle_intc(i);
    }
    m->plic = plic_create(&m->host, VIRT_IRQ_SOURCES, 2 * m->hart_count, targets);
    if (!machine_attach(m, m->plic, &plic_device, place_at(VIRT_PLIC, PLIC_SIZE, 0), err)) return false;
    plic_set_phandles(m->plic, VIRT_PHANDLE_PLIC, phandles);
    return true;
}

static bool add_small(struct machine *m, struct err *err)
{
    struct sifive_test *test = sifive_test_create(&m->host, machine_power_port(m));
    if (!machine_attach(m, test, &sifive_test_device, place_at(VIRT_TEST, SIFIVE_TEST_SIZE, 0), err)) return false;
    sifive_test_set_phandle(test, VIRT_PHANDLE_TEST);
    uint64_t epoch = m->config->realtime ? host_wall_ns() : VIRT_RTC_EPOCH_NS;
    if (!machine_attach(m, goldfish_rtc_create(&m->host, plic_source(m->plic, VIRT_IRQ_RTC), epoch),
                        &goldfish_rtc_device, place_at(VIRT_RTC, GOLDFISH_RTC_SIZE, VIRT_IRQ_RTC), err))
        return false;
    return machine_attach(m, ns16550a_create(&m->host, plic_source(m->plic, VIRT_IRQ_UART), chars_serial(m->chars, 0)),
                          &ns16550a_device, place_at(VIRT_UART, NS16550A_SIZE, VIRT_IRQ_UART), err);
}

bool board_virt_build(struct machine *m, struct err *err)
{
    m->reset_pc = VIRT_ROM;
    uint64_t ram = m->config->ram_bytes;
    if (!bus_add_ram(&m->bus, VIRT_ROM, VIRT_ROM_BYTES, err) || !bus_add_ram(&m->bus, VIRT_RAM, ram, err)) return false;
    return add_aclint(m, err) && add_plic(m, err) && add_small(m, err) && virtio_slots_add(m, err) &&
           virt_load(m, ram, err);
}
