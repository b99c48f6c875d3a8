#include "devices/sifive_test.h"

#include <libfdt.h>
#include <stdlib.h>

struct sifive_test {
    struct power_port power;
    uint32_t phandle;
    struct log *log;
};

static uint64_t sifive_test_read(void *dev, uint64_t offset, unsigned size)
{
    (void)dev, (void)offset, (void)size;
    return 0;
}

static void sifive_test_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct sifive_test *t = dev;
    (void)size;
    unsigned status = value & 0xffff, code = (value >> 16) & 0xffff;
    if (offset == 0 && status == SIFIVE_TEST_PASS)
        t->power.request(t->power.machine, POWER_OFF, 0);
    else if (offset == 0 && status == SIFIVE_TEST_FAIL)
        t->power.request(t->power.machine, POWER_FAIL, code ? code : 1);
    else if (offset == 0 && status == SIFIVE_TEST_RESET)
        t->power.request(t->power.machine, POWER_RESET, 0);
    else
        log_line(t->log, LOG_GUEST_ERROR, "test finisher: 0x%llx written to offset 0x%llx means nothing",
                 (unsigned long long)value, (unsigned long long)offset);
}

static const struct mmio_ops sifive_test_mmio = {
    .name = "test", .widths = 2 | 4, .read = sifive_test_read, .write = sifive_test_write};

static void sifive_test_state(void *dev, struct state *s)
{
    (void)dev;
    state_tag(s, "test", 1);
}

struct sifive_test *sifive_test_create(const struct device_host *host, struct power_port power)
{
    struct sifive_test *t = calloc(1, sizeof *t);
    if (t) *t = (struct sifive_test){.power = power, .log = host->log};
    return t;
}

void sifive_test_set_phandle(struct sifive_test *t, uint32_t phandle) { t->phandle = phandle; }

static int sifive_test_fdt_node(const void *dev, void *fdt, const struct device_place *place)
{
    const struct sifive_test *t = dev;
    char name[32];
    snprintf(name, sizeof name, "test@%llx", (unsigned long long)place->base);
    static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";
    fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    int bad = fdt_begin_node(fdt, name);
    if (!bad) bad = fdt_property_u32(fdt, "phandle", t->phandle);
    if (!bad) bad = fdt_property(fdt, "reg", reg, sizeof reg);
    if (!bad) bad = fdt_property(fdt, "compatible", compatible, sizeof compatible);
    if (!bad) bad = fdt_end_node(fdt);
    return bad;
}

const struct device_ops sifive_test_device = {
    .name = "test",
    .mmio = &sifive_test_mmio,
    .state = sifive_test_state,
    .destroy = free,
    .fdt_node = sifive_test_fdt_node,
};
