/* Handlers of loads, stores and atomics: the probe of the inline TLB, and the way to mem.c. */
#include "cpu/interp.h"

/* The entry hits if the page, the flags and the low bits that alignment wants zero all agree in one comparison. */
#define HITS(entry, va, bytes) LIKELY(((va) & (GUEST_PAGE_MASK | ((bytes)-1))) == (entry)->tag)
#define HOST(entry, va)        ((uint8_t *)(uintptr_t)((va) + (entry)->addend))
/* A misaligned access inside one page needs no more than the page. */
#define HITS_ODD(entry, va, bytes)                                                                                     \
    LIKELY(((va)&GUEST_PAGE_MASK) == (entry)->tag && ((va) & ~GUEST_PAGE_MASK) <= GUEST_PAGE_BYTES - (bytes))

#define INSN_LOAD(id, needs, picture, operands, bytes, D, value, tag)                                                  \
    SLOW(mem_##id##_slow)                                                                                              \
    {                                                                                                                  \
        uint64_t LOADED;                                                                                               \
        if (!mem_load(h, d, RS1 + IMM, bytes, &LOADED)) return NULL;                                                   \
        SET_##D(value);                                                                                                \
        BECOME(insn_after_slow);                                                                                       \
    }                                                                                                                  \
    __attribute__((noinline)) HANDLER(mem_##id##_odd)                                                                  \
    {                                                                                                                  \
        gva_t va = RS1 + IMM;                                                                                          \
        const struct tlb_entry *e = &bank->read[tlb_index(va)];                                                        \
        if (!HITS_ODD(e, va, bytes)) BECOME(mem_##id##_slow);                                                          \
        uint64_t LOADED = load_le(HOST(e, va), bytes);                                                                 \
        SET_##D(value);                                                                                                \
        NEXT;                                                                                                          \
    }                                                                                                                  \
    HANDLER(mem_##id)                                                                                                  \
    {                                                                                                                  \
        gva_t va = RS1 + IMM;                                                                                          \
        const struct tlb_entry *e = &bank->read[tlb_index(va)];                                                        \
        if (!HITS(e, va, bytes)) BECOME(mem_##id##_odd);                                                               \
        uint64_t LOADED = load_le(HOST(e, va), bytes);                                                                 \
        SET_##D(value);                                                                                                \
        NEXT;                                                                                                          \
    }

#define INSN_STORE(id, needs, picture, operands, bytes, value, tag)                                                    \
    SLOW(mem_##id##_slow)                                                                                              \
    {                                                                                                                  \
        if (!mem_store(h, d, RS1 + IMM, bytes, value)) return NULL;                                                    \
        BECOME(insn_after_slow);                                                                                       \
    }                                                                                                                  \
    __attribute__((noinline)) HANDLER(mem_##id##_beside)                                                               \
    {                                                                                                                  \
        uint8_t *host = mem_beside_code(h, bank, RS1 + IMM, bytes);                                                    \
        if (!host) BECOME(mem_##id##_slow);                                                                            \
        store_le(host, bytes, value);                                                                                  \
        NEXT;                                                                                                          \
    }                                                                                                                  \
    __attribute__((noinline)) HANDLER(mem_##id##_odd)                                                                  \
    {                                                                                                                  \
        gva_t va = RS1 + IMM;                                                                                          \
        const struct tlb_entry *e = &bank->write[tlb_index(va)];                                                       \
        if (!HITS_ODD(e, va, bytes)) BECOME(mem_##id##_beside);                                                        \
        store_le(HOST(e, va), bytes, value);                                                                           \
        NEXT;                                                                                                          \
    }                                                                                                                  \
    HANDLER(mem_##id)                                                                                                  \
    {                                                                                                                  \
        gva_t va = RS1 + IMM;                                                                                          \
        const struct tlb_entry *e = &bank->write[tlb_index(va)];                                                       \
        if (!HITS(e, va, bytes)) BECOME(mem_##id##_odd);                                                               \
        store_le(HOST(e, va), bytes, value);                                                                           \
        NEXT;                                                                                                          \
    }

/* A write entry proves the right to read: there is no page or PMP region that is writable only. */
#define INSN_AMO(id, needs, picture, operands, bytes, value, stored, tag)                                              \
    SLOW(mem_##id##_slow)                                                                                              \
    {                                                                                                                  \
        uint8_t *host;                                                                                                 \
        gva_t va = RS1;                                                                                                \
        if (!mem_modify(h, d, va, bytes, &host)) return NULL;                                                          \
        uint64_t LOADED = load_le(host, bytes), result = value, to_store = stored;                                     \
        store_le(host, bytes, to_store);                                                                               \
        if (h->observer) observe_modified(h, va, host, bytes, LOADED, to_store);                                       \
        SET_X(result);                                                                                                 \
        BECOME(insn_after_slow);                                                                                       \
    }                                                                                                                  \
    HANDLER(mem_##id)                                                                                                  \
    {                                                                                                                  \
        gva_t va = RS1;                                                                                                \
        const struct tlb_entry *e = &bank->write[tlb_index(va)];                                                       \
        if (!HITS(e, va, bytes)) BECOME(mem_##id##_slow);                                                              \
        uint8_t *host = HOST(e, va);                                                                                   \
        uint64_t LOADED = load_le(host, bytes), result = value;                                                        \
        store_le(host, bytes, stored);                                                                                 \
        SET_X(result);                                                                                                 \
        NEXT;                                                                                                          \
    }

#define INSN_LR(id, needs, picture, operands, bytes, value, tag)                                                       \
    HANDLER(mem_##id)                                                                                                  \
    {                                                                                                                  \
        uint64_t LOADED;                                                                                               \
        if (!mem_reserve(h, d, RS1, bytes, &LOADED)) return NULL;                                                      \
        SET_X(value);                                                                                                  \
        BECOME(insn_after_slow);                                                                                       \
    }

#define INSN_SC(id, needs, picture, operands, bytes, tag)                                                              \
    HANDLER(mem_##id)                                                                                                  \
    {                                                                                                                  \
        bool stored;                                                                                                   \
        if (!mem_conditional(h, d, RS1, bytes, RS2, &stored)) return NULL;                                             \
        SET_X(!stored);                                                                                                \
        BECOME(insn_after_slow);                                                                                       \
    }

static void observe_modified(struct hart *h, gva_t va, const uint8_t *host, unsigned size, uint64_t old, uint64_t new)
{
    (void)host;
    gpa_t pa = mmu_access_data(&h->mmu, h->data, va, size, MMU_WRITE).gpa;
    observe_memory(h, va, pa, size, false, old);
    observe_memory(h, va, pa, size, true, new);
}

#include "cpu/isa/insn.def"

insn_fn *const mem_handlers[INSN_COUNT] = {
#define INSN_LOAD(id, needs, picture, operands, n, d, value, tag) [INSN_##id] = mem_##id,
#define INSN_STORE(id, needs, picture, operands, n, value, tag)   [INSN_##id] = mem_##id,
#define INSN_AMO(id, needs, picture, operands, n, v, stored, tag) [INSN_##id] = mem_##id,
#define INSN_LR(id, needs, picture, operands, n, value, tag)      [INSN_##id] = mem_##id,
#define INSN_SC(id, needs, picture, operands, n, tag)             [INSN_##id] = mem_##id,
#include "cpu/isa/insn.def"
};
