/*
 * sbi.h - the Supervisor Binary Interface as this firmware speaks it.
 *
 * Each extension is one probe and one handler; ecall.c keeps the table. A handler gets the argument registers a0..a5
 * exactly as the supervisor left them, and must treat each as hostile. It returns the pair that goes into a0 and a1.
 *
 * Source: RISC-V SBI specification 2.0; chapter per extension.
 */
#ifndef ORRERY_FIRMWARE_SBI_H
#define ORRERY_FIRMWARE_SBI_H

#include <stdbool.h>
#include <stdint.h>

struct hart;

#define SBI_SPEC_VERSION 0x02000000ul /* 2.0: major in bits 30..24, minor in 23..0 */
/* Our implementation id. The specification's table ends at 11; this one is not in it ("OR"). */
#define SBI_IMPL_ID      0x4f52ul
#define SBI_IMPL_VERSION 0x00010000ul /* 0.1: major in the high half */

enum sbi_error {
    SBI_SUCCESS = 0,
    SBI_ERR_FAILED = -1,
    SBI_ERR_NOT_SUPPORTED = -2,
    SBI_ERR_INVALID_PARAM = -3,
    SBI_ERR_DENIED = -4,
    SBI_ERR_INVALID_ADDRESS = -5,
    SBI_ERR_ALREADY_AVAILABLE = -6,
    SBI_ERR_ALREADY_STARTED = -7,
    SBI_ERR_ALREADY_STOPPED = -8,
    SBI_ERR_NO_SHMEM = -9,
};

struct sbiret {
    long error, value;
};
static inline struct sbiret sbi_value(long value) { return (struct sbiret){SBI_SUCCESS, value}; }
static inline struct sbiret sbi_error(enum sbi_error error) { return (struct sbiret){error, 0}; }

/* Extension numbers are their names in ASCII, but for the first. */
enum sbi_extension {
    SBI_EXT_LEGACY_FIRST = 0x00, /* SET_TIMER 0, PUTCHAR 1, GETCHAR 2, CLEAR_IPI 3, SEND_IPI 4, FENCE_I 5, */
    SBI_EXT_LEGACY_LAST = 0x08,  /* SFENCE_VMA 6, SFENCE_VMA_ASID 7, SHUTDOWN 8 */
    SBI_EXT_BASE = 0x10,
    SBI_EXT_TIME = 0x54494d45,
    SBI_EXT_IPI = 0x735049,
    SBI_EXT_RFENCE = 0x52464e43,
    SBI_EXT_HSM = 0x48534d,
    SBI_EXT_SRST = 0x53525354,
    SBI_EXT_DBCN = 0x4442434e,
    SBI_EXT_PMU = 0x504d55,
    SBI_EXT_SUSP = 0x53555350,
};

enum { SBI_DBCN_WRITE, SBI_DBCN_READ, SBI_DBCN_WRITE_BYTE };
enum { SBI_HSM_START, SBI_HSM_STOP, SBI_HSM_STATUS, SBI_HSM_SUSPEND };
enum {
    SBI_PMU_NUM_COUNTERS,
    SBI_PMU_COUNTER_INFO,
    SBI_PMU_CONFIG_MATCHING,
    SBI_PMU_START,
    SBI_PMU_STOP,
    SBI_PMU_FW_READ,
    SBI_PMU_FW_READ_HI,
    SBI_PMU_SNAPSHOT,
};

/* ecall.c: serves the environment call of `self`, whose registers are in self->x. */
void ecall_handle(struct hart *self);

/* timer.c */
struct sbiret timer_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
bool timer_probe(void);
void timer_set(struct hart *self, uint64_t when); /* in timebase ticks; UINT64_MAX is never */
void timer_fired(void);                           /* the machine timer interrupt */

/* ipi.c */
struct sbiret ipi_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
struct sbiret rfence_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
bool ipi_probe(void);
void ipi_send(unsigned long hartid, uint32_t reason); /* IPI_* */
uint32_t ipi_receive(struct hart *self);              /* serves what it can; returns the reasons it found */

/* hsm.c */
struct sbiret hsm_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
struct sbiret susp_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
_Noreturn void hsm_wait_for_start(struct hart *self); /* the stopped state */

/* reset.c */
struct sbiret reset_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
bool reset_probe(void);
void reset_shutdown(void);
_Noreturn void reset_fail(void); /* ends the machine with exit status 1 */

/* console.c */
struct sbiret console_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
bool console_probe(void);

/* pmu.c */
struct sbiret pmu_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);
bool pmu_probe(void);
void pmu_init(struct hart *self);
void pmu_count(struct hart *self, unsigned firmware_event); /* PMU_FW_* */

/* Firmware events: SBI specification, table "PMU Firmware Events". A fence event's receiving side is its number + 1. */
enum {
    PMU_FW_MISALIGNED_LOAD = 0,
    PMU_FW_MISALIGNED_STORE = 1,
    PMU_FW_ACCESS_LOAD = 2,
    PMU_FW_ACCESS_STORE = 3,
    PMU_FW_ILLEGAL_INSN = 4,
    PMU_FW_SET_TIMER = 5,
    PMU_FW_IPI_SENT = 6,
    PMU_FW_IPI_RECEIVED = 7,
    PMU_FW_FENCE_I_SENT = 8,
    PMU_FW_VMA_SENT = 10,
    PMU_FW_VMA_ASID_SENT = 12,
    PMU_FW_GVMA_SENT = 14,
    PMU_FW_GVMA_VMID_SENT = 16,
    PMU_FW_VVMA_SENT = 18,
    PMU_FW_VVMA_ASID_SENT = 20,
    PMU_FW_EVENTS = 22,
};

#endif
