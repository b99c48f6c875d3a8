/*
 * kernel.h - a kernel that does nothing but question its firmware.
 *
 * It runs in S-mode on the virt memory map, prints one line per check on the serial port by itself (so that a broken DBCN cannot hide),
 * and then obeys one-letter commands that end or restart the machine. run.sh drives it and counts the lines.
 */
#ifndef FIRMWARE_TEST_KERNEL_H
#define FIRMWARE_TEST_KERNEL_H

#define CPU_RESUME  0
#define CPU_SP      8
#define CPU_CAUSE   16
#define CPU_SIZE    256
#define CPU_MAX     8
#define STACK_BYTES 8192

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAM_BASE     0x80000000ul
#define RAM_END      0x90000000ul /* run.sh gives 256 MiB */
#define FIRMWARE_END 0x80020000ul
#define TICKS_PER_MS 10000ul

struct cpu {
    unsigned long resume; /* where to go on after an expected exception; 0: none is expected */
    unsigned long stack_top;
    volatile unsigned long cause, value, pc; /* the last exception */
    volatile unsigned long hstatus, htval;   /* likewise, on a hart with the H extension */
    volatile unsigned long timer_irqs, software_irqs;
    unsigned long id;
    volatile unsigned long arrivals, arrival_a0, arrival_satp, arrival_sstatus;
    void (*volatile job)(struct cpu *self);
    volatile unsigned long job_result;
};
_Static_assert(offsetof(struct cpu, resume) == CPU_RESUME && offsetof(struct cpu, stack_top) == CPU_SP &&
                   offsetof(struct cpu, cause) == CPU_CAUSE && sizeof(struct cpu) <= CPU_SIZE,
               "start.S agrees");

union cpu_slot {
    struct cpu cpu;
    char bytes[CPU_SIZE];
};
extern union cpu_slot cpus[CPU_MAX];

struct sbiret {
    long error, value;
};
struct sbiret sbi(unsigned long extension, unsigned long function, unsigned long a0, unsigned long a1, unsigned long a2,
                  unsigned long a3, unsigned long a4);
#define SBI(extension, function, ...) SBI_(extension, function, __VA_ARGS__, 0, 0, 0, 0, 0)
#define SBI_(extension, function, a0, a1, a2, a3, a4, ...)                                                             \
    sbi(extension, function, (unsigned long)(a0), (unsigned long)(a1), (unsigned long)(a2), (unsigned long)(a3),       \
        (unsigned long)(a4))

enum { OK = 0, FAILED = -1, NOT_SUPPORTED = -2, INVALID_PARAM = -3, DENIED = -4, INVALID_ADDRESS = -5 };
enum { ALREADY_AVAILABLE = -6, ALREADY_STARTED = -7, ALREADY_STOPPED = -8, NO_SHMEM = -9 };
enum {
    BASE = 0x10,
    TIME = 0x54494d45,
    IPI = 0x735049,
    RFENCE = 0x52464e43,
    HSM = 0x48534d,
    SRST = 0x53525354,
    DBCN = 0x4442434e,
    PMU = 0x504d55,
    SUSP = 0x53555350,
};

/* start.S */
extern char hart_entry[], resume_entry[];
unsigned long registers_kept(void); /* an ecall with marked registers: bit n set if x[n] was lost */
void try_load(unsigned long address);
void try_store(unsigned long address);
void try_jump(unsigned long address);
void try_illegal(void);
void try_breakpoint(void);
void try_user_ecall(void);
void try_hstatus(void);
/* Runs `guest` in VS-mode if `spp` is sstatus.SPP, in VU-mode if it is zero, until it traps. */
void try_guest(void (*guest)(void), unsigned long spp);
void guest_ecall(void), guest_csr(void), guest_fence(void), guest_illegal(void);
void guest_breakpoint(void), guest_time(void), guest_cycle(void); /* the last two end in an ecall if they can */
/* HLV.D, HSV.D of zero. */
unsigned long try_guest_load(unsigned long address);
void try_guest_store(unsigned long address);
/* A legacy call whose hart-mask pointer faults; returns the address of the ecall. */
unsigned long try_legacy(unsigned long extension, unsigned long pointer);
/* Makes a call that comes back at resume_entry; returns a1 as found there, or 0xbad if a0 is not `hartid`. */
unsigned long call_and_resume(unsigned long extension, unsigned long function, unsigned long type, unsigned long opaque,
                              unsigned long hartid);

/* support.c */
extern bool hypervisor_there; /* these harts have the H extension */
/* Is the text in the device tree? */
bool tree_mentions(const uint8_t *tree, const char *text);
void put_string(const char *text);
void put_hex(unsigned long value);
/* One line, PASS or FAIL. */
void check(const char *name, bool good);
/* Same, and shows both numbers if they differ. */
void check_equal(const char *name, long got, long wanted);
bool all_passed(void);
unsigned long now(void);
void wait_ms(unsigned long ms);
struct cpu *this_cpu(void);
/* Waits up to two seconds. */
bool wait_until(volatile unsigned long *word, unsigned long value);

/* checks_harts.c: hands the job to another hart and waits for its end. */
bool job_run(struct cpu *who, void (*job)(struct cpu *));

/* checks_*.c */
void check_single(struct cpu *self);
void check_counters(struct cpu *self);
void check_random(struct cpu *self);
void check_hypervisor(struct cpu *self, const uint8_t *tree);
void check_hypervisor_hart(struct cpu *other);
void check_harts(struct cpu *self, unsigned long count);
#endif
#endif
