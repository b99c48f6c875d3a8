/* Advanced core-local interruptor (RISC-V ACLINT specification 1.0): MSWI and MTIMER in one CLINT-compatible window, SSWI in another.
 *
 * mtime counts ticks of `timebase_hz` of guest time; a write to it shifts it against guest time, and the harts' `time` follows, because
 * they read aclint_time. */
#ifndef ORRERY_DEVICES_ACLINT_H
#define ORRERY_DEVICES_ACLINT_H

#include "devices/device.h"

#define ACLINT_HARTS_MAX  8
#define ACLINT_CLINT_SIZE UINT64_C(0x10000) /* MSWI at 0, MTIMECMP at 0x4000, MTIME at 0xbff8 */
#define ACLINT_SSWI_SIZE  UINT64_C(0x4000)

struct aclint_lines {
    struct irq_line msip, mtip; /* levels */
    struct irq_line ssip;       /* an edge: only ever set to true, which sets the hart's SSIP */
};

struct aclint;

struct aclint *aclint_create(const struct device_host *host, unsigned harts, uint64_t timebase_hz,
                             const struct aclint_lines *lines);
/* mtime at this moment of guest time. */
uint64_t aclint_time(const struct aclint *a);
/* Guest time at which mtime reaches `ticks`: now or earlier if it already has, PS_NEVER if not within the range of ps_t. */
ps_t aclint_time_to_ps(const struct aclint *a, uint64_t ticks);
/* A write to mtime moved the relation between the two: called so that Sstc deadlines can be computed anew. */
void aclint_on_shift(struct aclint *a, void (*shifted)(void *machine), void *machine);
/* phandles[h]: interrupt controller of hart h (copied). */
void aclint_set_phandles(struct aclint *a, const uint32_t *phandles);

extern const struct device_ops aclint_device;      /* MSWI + MTIMER; owns the struct */
extern const struct device_ops aclint_sswi_device; /* the SSWI window of the same struct */

#endif
