/*
 * checks_random.c - thousands of calls with arguments that make no sense, or almost do.
 *
 * Left out are only the calls whose success would end the test: power off, stopping, sleeping, starting another hart somewhere, and
 * printing. What must hold: every call returns, with an error code of the specification, and the firmware still works afterwards.
 */
#include "kernel.h"

#define CALLS 20000

static uint64_t seed = 1;

static unsigned long random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Mostly numbers near something that matters. */
static unsigned long random_argument(void)
{
    static const unsigned long interesting[] = {
        0,       1,          2,         3,         8,         31,        32,         47,
        48,      63,         64,        4096,      0xffff,    0xf0005,   RAM_BASE,   FIRMWARE_END,
        RAM_END, 0x80300000, 1ul << 31, 1ul << 32, 1ul << 55, 1ul << 63, 0x10000000, 0x2000000,
    };
    unsigned long bits = random_bits(), value = interesting[bits % (sizeof interesting / sizeof *interesting)];
    switch (bits >> 60 & 7) {
    case 0: return random_bits();
    case 1: return -value;
    case 2: return value - 1;
    case 3: return value + (bits >> 32 & 15);
    case 4: return random_bits() >> (bits >> 32 & 63);
    default: return value;
    }
}

static bool harmless(unsigned long extension, unsigned long function, const unsigned long *a, const struct cpu *self)
{
    switch (extension) {
    case 1:
    case 8: return false;
    case SRST: return function != 0 || (uint32_t)a[0] > 2 || (uint32_t)a[1] > 1;
    case DBCN: return function == 1 || function > 2;
    case SUSP: return function != 0 || (uint32_t)a[0] != 0;
    case HSM:
        if (function == 0) return a[0] == self->id || a[0] >= CPU_MAX;
        return function == 2 || function > 3 || (function == 3 && (uint32_t)a[0] & 0x7fffffff);
    default: return true;
    }
}

void check_random(struct cpu *self)
{
    static const unsigned long extensions[] = {BASE, TIME,   IPI, RFENCE, HSM, SRST, DBCN, PMU, SUSP,
                                               PMU,  RFENCE, 0,   3,      4,   5,    6,    7};
    unsigned long wrong = 0, made = 0;
    while (made < CALLS) {
        unsigned long bits = random_bits(), a[5];
        unsigned long extension = extensions[bits % (sizeof extensions / sizeof *extensions)];
        unsigned long function = bits >> 32 & 15 ? bits >> 40 & 7 : random_argument();
        if ((bits >> 48 & 63) == 0) extension = random_argument();
        for (int i = 0; i < 5; i++) a[i] = random_argument();
        if (!harmless(extension, function, a, self)) continue;
        made++;
        if (extension >= 4 && extension <= 7) {
            try_legacy(extension, a[0]);
            if (self->cause != 0 && self->cause != 5 && self->cause != 4) wrong++;
            continue;
        }
        struct sbiret ret = sbi(extension, function, a[0], a[1], a[2], a[3], a[4]);
        if (extension > 8 && (ret.error > 0 || ret.error < NO_SHMEM)) wrong++;
    }
    SBI(PMU, 4, 0, 5, 1);
    SBI(PMU, 4, 32, 0xffff, 1);
    SBI(TIME, 0, -1);
    SBI(3, 0, 0);
    check_equal("random: every call came back with a proper answer", (long)wrong, 0);
    check_equal("random: the firmware still answers", SBI(BASE, 0, 0).value, 0x02000000);
}
