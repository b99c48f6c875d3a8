/* What VS- and VU-mode find at an address, and pages that PMP narrows. */
#ifndef HYP_ACCESSES_H
#define HYP_ACCESSES_H

#include "hyp.h"

/* Outcome of a load, a store or a fetch at an address by VS or VU-mode. A fetch finds an ecall in frame[0]. */
static inline uint64_t load(unsigned mode, uint64_t va) { return try_insn(mode, LD, va, 0); }
static inline uint64_t store(unsigned mode, uint64_t va) { return try_insn(mode, SD_, va, 0); }
static inline void ecall_in_frame_0(void)
{
    frame[0][0] = ECALL;
    __asm__ volatile("fence.i" ::: "memory");
}
static inline uint64_t fetch_what_is_there(unsigned mode, uint64_t va)
{
    run_exactly(mode, va);
    bool call = t.cause >= ECALL_U && t.cause <= ECALL_M;
    return call && t.epc == va ? NO_TRAP : t.cause;
}
static inline uint64_t fetch(unsigned mode, uint64_t va)
{
    ecall_in_frame_0();
    return fetch_what_is_there(mode, va);
}

static inline void pmp(uint64_t page, unsigned cfg)
{
    m_write(0x3b1, ~UINT64_C(0)); /* entry 1 opens everything before entry 0 narrows: HS-mode goes on running */
    m_write(0x3a0, 0x1f1f);
    m_write(0x3b0, page >> 2 | 511);
    m_write(0x3a0, 0x1f00 | 0x18 | cfg);
    fence_all();
}

static inline void pmp_open_again(void)
{
    m_write(0x3a0, 0x1f1f);
    m_write(0x3b0, ~UINT64_C(0));
    m_write(0x3a0, 0x1f);
    fence_all();
}

#endif
