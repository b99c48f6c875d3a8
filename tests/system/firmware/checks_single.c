/* checks_single.c - every call that one hart can try alone, with good and with hostile arguments. */
#include "kernel.h"

#define INTERRUPTS_ON()  __asm__ volatile("csrsi sstatus, 2" ::: "memory")
#define INTERRUPTS_OFF() __asm__ volatile("csrci sstatus, 2" ::: "memory")
#define SIE_WRITE(mask)  __asm__ volatile("csrw sie, %0" ::"r"((unsigned long)(mask)) : "memory")
#define SIE_TIMER        (1ul << 5)
#define SIE_SOFTWARE     (1ul << 1)

static unsigned long sip(void)
{
    unsigned long value;
    __asm__ volatile("csrr %0, sip" : "=r"(value));
    return value;
}

static void check_base(void)
{
    check_equal("base: specification version 2.0", SBI(BASE, 0, 0).value, 0x02000000);
    check("base: implementation id not taken", SBI(BASE, 1, 0).value > 11);
    check_equal("base: implementation version", SBI(BASE, 2, 0).error, OK);
    for (unsigned long function = 4; function <= 6; function++)
        check_equal("base: machine ids", SBI(BASE, function, 0).error, OK);
    static const unsigned long present[] = {BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, SUSP,
                                            0,    1,    2,   3,      4,   5,    6,    7,   8};
    for (unsigned i = 0; i < sizeof present / sizeof *present; i++)
        check_equal("base: probe finds", SBI(BASE, 3, present[i]).value, 1);
    static const unsigned long absent[] = {9,        0xf,        0x11, 0x43505043, 0x4e41434c,
                                           0x535441, 0x0a000000, -1ul, 0x154494d45};
    for (unsigned i = 0; i < sizeof absent / sizeof *absent; i++) {
        check_equal("base: probe does not find", SBI(BASE, 3, absent[i]).value, 0);
        check_equal("unknown extension", SBI(absent[i], 0, 0).error, NOT_SUPPORTED);
    }
    static const unsigned long all[] = {BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, SUSP};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        check_equal("unknown function", SBI(all[i], 99, 0).error, NOT_SUPPORTED);
        check_equal("unknown function, wide", SBI(all[i], 1ul << 32, 0).error, NOT_SUPPORTED);
    }
    check_equal("registers other than a0 and a1 survive a call", (long)registers_kept(), 0);
}

static void check_timer(struct cpu *self)
{
    SIE_WRITE(SIE_TIMER);
    self->timer_irqs = 0;
    unsigned long when = now() + 5 * TICKS_PER_MS;
    check_equal("time: set", SBI(TIME, 0, when).error, OK);
    bool pending = sip() & SIE_TIMER;
    check("time: not pending before its time", !pending || now() >= when);
    INTERRUPTS_ON();
    check("time: the interrupt comes", wait_until(&self->timer_irqs, 1));
    INTERRUPTS_OFF();
    SBI(TIME, 0, 0);
    wait_ms(1);
    check("time: a past time is pending at once", sip() & SIE_TIMER);
    SBI(TIME, 0, now() + 1000 * TICKS_PER_MS);
    check("time: a future time clears it", !(sip() & SIE_TIMER));
    SBI(TIME, 0, 0);
    wait_ms(1);
    SBI(TIME, 0, -1);
    check("time: never clears it", !(sip() & SIE_TIMER));
    SBI(0, 0, 0);
    wait_ms(1);
    check("legacy set_timer: pending", sip() & SIE_TIMER);
    check_equal("legacy set_timer: result", SBI(0, 0, -1).error, OK);
    check("legacy set_timer: cleared", !(sip() & SIE_TIMER));
    SIE_WRITE(0);
}

static void check_ipi(struct cpu *self)
{
    unsigned long me = self->id;
    check_equal("ipi: to nobody", SBI(IPI, 0, 0, 12345).error, OK);
    check("ipi: nobody is not me", !(sip() & SIE_SOFTWARE));
    check_equal("ipi: to myself", SBI(IPI, 0, 1, me).error, OK);
    wait_ms(1);
    check("ipi: pending", sip() & SIE_SOFTWARE);
    self->software_irqs = 0;
    SIE_WRITE(SIE_SOFTWARE);
    INTERRUPTS_ON();
    check("ipi: the interrupt comes", wait_until(&self->software_irqs, 1));
    INTERRUPTS_OFF();
    check_equal("ipi: to all", SBI(IPI, 0, 0, -1).error, OK);
    wait_ms(1);
    check_equal("legacy clear_ipi: one was pending", SBI(3, 0, 0).error, 1);
    check_equal("legacy clear_ipi: none was pending", SBI(3, 0, 0).error, 0);
    SIE_WRITE(0);
    static const unsigned long bad[][2] = {{1, 63},           {1, 8},        {1, -2ul}, {1ul << 63, 0}, {-1ul, 0},
                                           {1ul << 63, -2ul}, {1, 1ul << 32}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_equal("ipi: hart list names a stranger", SBI(IPI, 0, bad[i][0], bad[i][1]).error, INVALID_PARAM);
        check_equal("rfence: hart list names a stranger", SBI(RFENCE, 0, bad[i][0], bad[i][1]).error, INVALID_PARAM);
    }
}

static void check_rfence(struct cpu *self)
{
    unsigned long me = self->id, all = -1ul;
    bool hypervisor = hypervisor_there;
    check_equal("rfence: fence.i", SBI(RFENCE, 0, 1, me).error, OK);
    for (unsigned long function = 1; function <= 6; function++) {
        long wanted = function <= 2 || hypervisor ? OK : NOT_SUPPORTED;
        check_equal("rfence: everything", SBI(RFENCE, function, 0, all, 0, 0, 1).error, wanted);
        check_equal("rfence: everything, by size", SBI(RFENCE, function, 0, all, 4096, -1, 1).error, wanted);
        check_equal("rfence: one page", SBI(RFENCE, function, 1, me, 0x1000, 0x1000, 1).error, wanted);
        check_equal("rfence: odd range", SBI(RFENCE, function, 1, me, 0xfff, 2, 1).error, wanted);
        check_equal("rfence: up to the last byte", SBI(RFENCE, function, 1, me, -4096ul, 4095, 1).error, wanted);
        check_equal("rfence: a large range", SBI(RFENCE, function, 1, me, 0, 1ul << 40, 1).error, wanted);
        check_equal("rfence: no hart", SBI(RFENCE, function, 0, 0, 0, 0, 1).error, wanted);
        if (wanted == OK)
            check_equal("rfence: wrapping range", SBI(RFENCE, function, 1, me, -4096ul, 8192, 1).error,
                        INVALID_ADDRESS);
    }
    check_equal("rfence: asid too large", SBI(RFENCE, 2, 1, me, 0, 0, 0x10000).error, INVALID_PARAM);
    if (hypervisor) check_equal("rfence: vmid too large", SBI(RFENCE, 3, 1, me, 0, 0, 0x4000).error, INVALID_PARAM);
}

static void check_hsm(struct cpu *self)
{
    unsigned long good = (unsigned long)hart_entry;
    static const unsigned long strangers[] = {8, 63, 64, 1ul << 32, -1ul};
    for (unsigned i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        check_equal("hsm: status of a stranger", SBI(HSM, 2, strangers[i]).error, INVALID_PARAM);
        check_equal("hsm: start a stranger", SBI(HSM, 0, strangers[i], good, 0).error, INVALID_PARAM);
    }
    check_equal("hsm: start myself", SBI(HSM, 0, self->id, good, 0).error, ALREADY_AVAILABLE);
    static const unsigned long addresses[] = {0,       0x100000,     RAM_BASE, FIRMWARE_END - 2,
                                              RAM_END, RAM_BASE - 2, -2ul,     0x80300001};
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        check_equal("hsm: bad start address", SBI(HSM, 0, self->id, addresses[i], 0).error, INVALID_ADDRESS);
        check_equal("hsm: bad resume address", SBI(HSM, 3, 0x80000000, addresses[i], 0).error, INVALID_ADDRESS);
        check_equal("susp: bad resume address", SBI(SUSP, 0, 0, addresses[i], 0).error, INVALID_ADDRESS);
    }
    static const unsigned long types[] = {1, 0x0fffffff, 0x10000000, 0x7fffffff, 0x80000001, 0x90000000, 0xffffffff};
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        check_equal("hsm: unknown suspend type", SBI(HSM, 3, types[i], good, 0).error, INVALID_PARAM);
        check_equal("susp: unknown sleep type", SBI(SUSP, 0, types[i], good, 0).error, INVALID_PARAM);
    }
    SIE_WRITE(SIE_TIMER);
    unsigned long start = now();
    SBI(TIME, 0, start + 5 * TICKS_PER_MS);
    check_equal("hsm: retentive suspend returns", SBI(HSM, 3, 0, 0, 0).error, OK);
    check("hsm: after the alarm", now() >= start + 5 * TICKS_PER_MS);
    check("hsm: the alarm is pending", sip() & SIE_TIMER);
    SBI(TIME, 0, now() + 5 * TICKS_PER_MS);
    check_equal("hsm: non-retentive suspend resumes", (long)call_and_resume(HSM, 3, 0x80000000, 0x1234, self->id),
                0x1234);
    SBI(TIME, 0, now() + 5 * TICKS_PER_MS);
    check_equal("susp: resumes", (long)call_and_resume(SUSP, 0, 0, 0x5678, self->id), 0x5678);
    SBI(TIME, 0, -1);
    SIE_WRITE(SIE_SOFTWARE);
    SBI(IPI, 0, 1, self->id);
    check_equal("hsm: a pending interrupt ends a suspend at once", SBI(HSM, 3, 0, 0, 0).error, OK);
    SBI(3, 0, 0);
    SIE_WRITE(0);
}

static void check_reset(void)
{
    static const unsigned long bad[][2] = {{3, 0}, {0xefffffff, 0}, {0xf0000000, 0}, {0xffffffff, 0},
                                           {0, 2}, {0, 0xdfffffff}, {0, 0xe0000000}, {1, 0xf0000000}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        check_equal("srst: reserved type or reason", SBI(SRST, 0, bad[i][0], bad[i][1]).error, INVALID_PARAM);
}

static void check_console(void)
{
    static const char hello[] = "dbcn write works\n";
    static uint8_t buffer[16];
    struct sbiret ret = SBI(DBCN, 0, sizeof hello - 1, hello, 0);
    check_equal("dbcn: write", ret.error, OK);
    check_equal("dbcn: count", ret.value, sizeof hello - 1);
    check_equal("dbcn: write byte", SBI(DBCN, 2, '\n').error, OK);
    check_equal("dbcn: write nothing", SBI(DBCN, 0, 0, hello, 0).value, 0);
    ret = SBI(DBCN, 1, sizeof buffer, buffer, 0);
    check("dbcn: nothing to read", ret.error == OK && ret.value == 0);
    check_equal("legacy putchar", SBI(1, 0, '\n').error, OK);
    check_equal("legacy getchar: nothing", SBI(2, 0, 0).error, -1);
    static const unsigned long bad[][3] = {
        {1, RAM_BASE, 0},                  /* firmware */
        {1, FIRMWARE_END - 1, 0},          /* its last byte */
        {2, FIRMWARE_END - 1, 0},          /* straddling its end */
        {16, RAM_BASE - 8, 0},             /* straddling its beginning */
        {RAM_END - RAM_BASE, RAM_BASE, 0}, /* all of memory */
        {2, RAM_END - 1, 0},               /* straddling the end of memory */
        {1, RAM_END, 0},                   /* behind it */
        {1, 0, 0},                         /* a hole */
        {8, 0x10000000, 0},                /* a device */
        {-1ul, 0x80200000, 0},             /* wrapping */
        {0x1000, -16ul, 0},                /* wrapping */
        {1, 0x80200000, 1},                /* above 64 bits */
        {-0x80200000ul, 0x80200000, 0},    /* ends at 2^64 */
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_equal("dbcn: write from a forbidden place", SBI(DBCN, 0, bad[i][0], bad[i][1], bad[i][2]).error,
                    INVALID_PARAM);
        check_equal("dbcn: read into a forbidden place", SBI(DBCN, 1, bad[i][0], bad[i][1], bad[i][2]).error,
                    INVALID_PARAM);
    }
}

static void check_delegation(struct cpu *self)
{
    for (unsigned long at = RAM_BASE; at < FIRMWARE_END; at += 0x4000 - 8) {
        try_load(at);
        check_equal("pmp: load from the firmware", (long)self->cause, 5);
        check_equal("pmp: stval", (long)self->value, (long)at);
        try_store(at);
        check_equal("pmp: store to the firmware", (long)self->cause, 7);
        try_jump(at);
        check_equal("pmp: jump into the firmware", (long)self->cause, 1);
    }
    try_load(FIRMWARE_END);
    check_equal("pmp: the next byte is mine", (long)self->cause, 0);
    try_illegal();
    check_equal("delegated: illegal instruction", (long)self->cause, 2);
    try_breakpoint();
    check_equal("delegated: breakpoint", (long)self->cause, 3);
    try_user_ecall();
    check_equal("delegated: ecall from user mode", (long)self->cause, 8);
}

static void check_legacy_masks(struct cpu *self)
{
    static unsigned long mask;
    mask = 1ul << self->id;
    for (unsigned long call = 4; call <= 7; call++) {
        check_equal("legacy mask: mine", SBI(call, 0, &mask).error, OK);
        check_equal("legacy mask: all", SBI(call, 0, 0).error, OK);
        static const unsigned long bad[] = {RAM_BASE + 0x10000, FIRMWARE_END - 8, 0x10, RAM_END, -8ul};
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            unsigned long at = try_legacy(call, bad[i]);
            check_equal("legacy mask: fault", (long)self->cause, 5);
            check_equal("legacy mask: stval", (long)self->value, (long)bad[i]);
            check_equal("legacy mask: sepc is the ecall", (long)self->pc, (long)at);
        }
    }
    SBI(3, 0, 0);
}

void check_single(struct cpu *self)
{
    check_base();
    check_timer(self);
    check_ipi(self);
    check_rfence(self);
    check_hsm(self);
    check_reset();
    check_console();
    check_delegation(self);
    check_legacy_masks(self);
}
