/*
 * sbi.c - calls into the firmware. See sbi.h.
 *
 * The extensions used: DBCN (debug console), TIME, IPI, RFENCE (remote fences), HSM (hart state), SRST (system reset). Only
 * the console has a substitute here: the legacy calls putchar and getchar.
 */
#include "arch/sbi.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"

enum {
    EID_LEGACY_PUTCHAR = 1,
    EID_LEGACY_GETCHAR = 2,
    EID_BASE = 0x10,
    EID_TIME = 0x54494d45,
    EID_IPI = 0x735049,
    EID_RFENCE = 0x52464e43,
    EID_HSM = 0x48534d,
    EID_SRST = 0x53525354,
    EID_DBCN = 0x4442434e,
};

struct sbi_result {
    long error, value;
};

static struct sbi_result sbi_call(long extension, long function, uint64_t arg0, uint64_t arg1, uint64_t arg2,
                                  uint64_t arg3, uint64_t arg4)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a3 __asm__("a3") = arg3;
    register uint64_t a4 __asm__("a4") = arg4;
    register long a6 __asm__("a6") = function;
    register long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(long)a0, (long)a1};
}

static bool has_console;

void sbi_init(void)
{
    struct sbi_result probe = sbi_call(EID_BASE, 3, EID_DBCN, 0, 0, 0, 0);
    has_console = !probe.error && probe.value;
}

/* `text` must be in the kernel image or the direct map. */
long sbi_console_write(const char *text, size_t bytes)
{
    if (has_console) {
        struct sbi_result done = sbi_call(EID_DBCN, 0, bytes, va_to_pa(text), 0, 0, 0);
        return done.error ? -1 : done.value;
    }
    for (size_t i = 0; i < bytes; i++) sbi_call(EID_LEGACY_PUTCHAR, 0, (uint64_t)(unsigned char)text[i], 0, 0, 0, 0);
    return (long)bytes;
}

bool sbi_console_read(char *byte)
{
    if (!has_console) {
        long c = sbi_call(EID_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0).error;
        *byte = (char)c;
        return c >= 0;
    }
    static char buffer; /* the firmware wants a physical address; one thread asks */
    struct sbi_result done = sbi_call(EID_DBCN, 1, 1, va_to_pa(&buffer), 0, 0, 0);
    *byte = buffer;
    return !done.error && done.value > 0;
}

void sbi_set_timer(uint64_t time) { sbi_call(EID_TIME, 0, time, 0, 0, 0, 0); }

/* A mask over our hart numbers becomes calls with a base and a mask over hart ids, which may lie far apart. */
static void for_harts(uint64_t harts, long extension, long function, uint64_t arg2, uint64_t arg3, uint64_t arg4)
{
    while (harts) {
        unsigned first = (unsigned)__builtin_ctzll(harts);
        uint64_t base = machine.hart_id[first], mask = 0;
        for (unsigned i = first; i < machine.harts; i++) {
            if (!(harts >> i & 1) || machine.hart_id[i] < base || machine.hart_id[i] - base >= 64) continue;
            mask |= 1ull << (machine.hart_id[i] - base);
            harts &= ~(1ull << i);
        }
        sbi_call(extension, function, mask, base, arg2, arg3, arg4);
        if (!mask) return;
    }
}

void sbi_send_ipi(uint64_t harts) { for_harts(harts, EID_IPI, 0, 0, 0, 0); }
void sbi_remote_fence_i(uint64_t harts) { for_harts(harts, EID_RFENCE, 0, 0, 0, 0); }
void sbi_remote_sfence(uint64_t harts, uint64_t va, uint64_t bytes) { for_harts(harts, EID_RFENCE, 1, va, bytes, 0); }
void sbi_remote_sfence_asid(uint64_t harts, uint64_t va, uint64_t bytes, unsigned asid)
{
    for_harts(harts, EID_RFENCE, 2, va, bytes, asid);
}

long sbi_start_hart(uint64_t hart_id, paddr_t entry, uint64_t opaque)
{
    return sbi_call(EID_HSM, 0, hart_id, entry, opaque, 0, 0).error;
}

static _Noreturn void reset(uint64_t type, uint64_t reason)
{
    sbi_call(EID_SRST, 0, type, reason, 0, 0, 0);
    for (;;) wait_for_interrupt();
}

_Noreturn void sbi_power_off(bool failed) { reset(0, failed); }
_Noreturn void sbi_reboot(void) { reset(1, 0); }
