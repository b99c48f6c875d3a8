/* Between walk.c, bank.c and mmu.c. */
#ifndef ORRERY_MMU_MMU_INTERNAL_H
#define ORRERY_MMU_MMU_INTERNAL_H

#include "emu/base/bits.h"
#include "mmu/mmu.h"

/* A page-table entry of Sv39, Sv48 and Sv57 (supervisor.adoc, "Sv39 page table entry"):
 *
 *   63 62   61 60      54 53                10 9   8 7 6 5 4 3 2 1 0
 *  +--+-------+----------+--------------------+-----+-+-+-+-+-+-+-+-+
 *  |N | PBMT  | reserved |        PPN         | RSW |D|A|G|U|X|W|R|V|
 *  +--+-------+----------+--------------------+-----+-+-+-+-+-+-+-+-+ */
#define PTE_V        (UINT64_C(1) << 0)
#define PTE_R        (UINT64_C(1) << 1)
#define PTE_W        (UINT64_C(1) << 2)
#define PTE_X        (UINT64_C(1) << 3)
#define PTE_U        (UINT64_C(1) << 4)
#define PTE_G        (UINT64_C(1) << 5)
#define PTE_A        (UINT64_C(1) << 6)
#define PTE_D        (UINT64_C(1) << 7)
#define PTE_RESERVED (UINT64_C(0x7f) << 54)
#define PTE_PBMT     (UINT64_C(3) << 61)
#define PTE_N        (UINT64_C(1) << 63)

enum walk_kind {
    WALK_ACCESS, /* all checks, A and D as the regime says */
    WALK_PROBE,  /* rights, PMP, A and D ignored, nothing written */
};

struct walk {
    enum mmu_fault fault;
    gpa_t gpa;
    uint8_t page_log2; /* size of the leaf, of two stages the smaller; 64 for Bare */
    uint8_t leaf_log2; /* size of the first stage's leaf */
    bool global;       /* in the first stage */
    bool
        write_proven; /* a store through the same entry would succeed and change nothing in it: W and D are set, in both stages */
    bool implicit, implicit_write; /* as in mmu_result */
    uint8_t guest_log2;            /* size of the G-stage's leaf */
    gpa_t guest_pa;                /* what the G-stage was asked for last: of va, or if implicit of a PTE */
};

struct walk mmu_walk(struct mmu *m, const struct mmu_regime *r, gva_t va, enum mmu_access access, enum walk_kind kind);

static inline unsigned atp_mode(uint64_t atp) { return (unsigned)bits_get(atp, 63, 60); }
static inline uint64_t satp_asid(uint64_t satp) { return bits_get(satp, 59, 44); }
static inline uint64_t hgatp_vmid(uint64_t hgatp) { return bits_get(hgatp, 57, 44); }

/* Banks. */
void data_bank_fill(struct data_bank *b, bool write, gva_t va, const struct walk *w, uint64_t addend,
                    uint64_t tag_flags);
void code_bank_fill(struct mmu *m, struct code_bank *b, gva_t va, const struct walk *w, uint8_t *host);

#endif
