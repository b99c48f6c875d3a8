/* Address translation: the page-table walker (Sv39, Sv48, Sv57), PMP, and the inline TLB banks that the engine probes.
 *
 * The MMU never sees a hart. It gets a *translation regime* by value: everything that decides how an address is translated. Each
 * regime has a bank of inline-TLB entries of its own; a write of satp, of a status bit or of the privilege level merely selects
 * another bank and throws nothing away. Banks are recycled least-recently-used. A fence walks the banks that it names.
 * (The next steps add the virtual regimes of the H extension: vsatp, hgatp and V become more fields of the regime.)
 *
 * The inline TLB is an implementation detail and must never be visible to a guest: entries only ever hold what a walk just proved.
 *
 * Source: RISC-V privileged specification, "Virtual-Memory System" of Sv39/48/57, Svade/Svadu, Svnapot, Svpbmt; PMP in machine.adoc. */
#ifndef ORRERY_MMU_MMU_H
#define ORRERY_MMU_MMU_H

#include "emu/base/log.h"
#include "emu/base/types.h"
#include "mmu/bus.h"
#include "mmu/pmp.h"

enum mmu_access { MMU_READ, MMU_WRITE, MMU_FETCH };

enum priv { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };

/* All that decides a translation. Compared bytewise: always build it with mmu_regime(). */
struct mmu_regime {
    uint64_t satp;    /* normalised to 0 where the privilege makes translation Bare */
    uint8_t priv;     /* effective privilege (MPRV already applied) */
    uint8_t sum, mxr; /* 0 for fetches */
    uint8_t adue;     /* Svadu: hardware updates A and D; else they fault (Svade) */
    uint8_t pbmte;    /* Svpbmt usable */
    uint8_t pad[3];
};
/* Fields that cannot matter where satp or the privilege make translation Bare are normalised away; there U counts as S. */
struct mmu_regime mmu_regime(uint64_t satp, enum priv priv, bool sum, bool mxr, bool adue, bool pbmte);

enum mmu_fault { MMU_OK, MMU_PAGE_FAULT, MMU_ACCESS_FAULT };

struct mmu_result {
    enum mmu_fault fault;
    gpa_t gpa;         /* valid if MMU_OK */
    uint8_t *host;     /* host address of gpa if it is RAM, NULL for a device window or a hole */
    uint8_t page_log2; /* leaf size: 12, 16 (NAPOT), 21, 30, 39, 48; 64 for Bare */
    bool cached;       /* an inline-TLB entry now exists that the engine's fast path will hit */
};

/* ---- the inline TLB, probed by the engine --------------------------------------------------------------------------------
 *
 *   63                       12 11  10  9 ... 0
 *  +---------------------------+---+---+-------+
 *  |   virtual page number     | I | C |   0   |  tag
 *  +---------------------------+---+---+-------+
 *   I  not for the fast path: invalid entry, or a device window      C  page holds decoded code: stores take the slow path
 *
 *  An access of 2^k bytes at va hits iff (va & (GUEST_PAGE_MASK | (2^k - 1))) == tag: misaligned accesses miss, and so do I and C. */
#define TLB_TAG_SLOW  (UINT64_C(1) << 11)
#define TLB_TAG_CODE  (UINT64_C(1) << 10)
#define TLB_TAG_EMPTY (UINT64_MAX)
#ifdef ORRERY_HOSTILE
#define TLB_SETS_LOG2 1
#else
#define TLB_SETS_LOG2 8
#endif
#define TLB_SETS (1u << TLB_SETS_LOG2)

struct tlb_entry {
    uint64_t tag;
    uint64_t addend; /* host address = va + addend (mod 2^64) */
};

/* The next higher bits are folded in, so that arrays at a power-of-two distance do not fight for a set. */
static inline unsigned tlb_index(gva_t va)
{
    return (unsigned)(va >> GUEST_PAGE_LOG2 ^ va >> (GUEST_PAGE_LOG2 + TLB_SETS_LOG2)) & (TLB_SETS - 1);
}

#define TLB_LEAF_GLOBAL 0x80u
#define TLB_LEAF_LOG2   0x7fu

struct bank_info {
    struct mmu_regime regime;
    uint64_t last_used;
    bool in_use;
    /* All superpage leaves with a fragment in the bank lie in first … last (first > last: none), so a fence elsewhere is one look. */
    gva_t super_first, super_last;
};

/* Translations of loads and stores under one regime. */
struct data_bank {
    struct tlb_entry read[TLB_SETS];
    struct tlb_entry write[TLB_SETS];
    /* For fences: size of the leaf that an entry is a fragment of, with TLB_LEAF_GLOBAL if the mapping is global. */
    uint8_t read_leaf[TLB_SETS], write_leaf[TLB_SETS];
    struct bank_info info;
};

/* Translations of fetches under one regime, and the engine's cache of jump targets: virtual pc -> block. Any flush that touches a
 * bank clears its jump cache too. */
#ifdef ORRERY_HOSTILE
#define JUMP_SETS  16
#define FETCH_SETS 2
#else
#define JUMP_SETS  2048
#define FETCH_SETS 64
#endif
struct jump_entry {
    gva_t pc;    /* odd = empty */
    void *block; /* the engine's */
};
static inline unsigned jump_index(gva_t pc) { return (unsigned)(pc >> 1) & (JUMP_SETS - 1); }

struct fetch_entry {
    gva_t page; /* tag; TLB_TAG_EMPTY = empty */
    gpa_t gpa;  /* of the page */
    uint8_t *host;
    uint8_t leaf; /* as read_leaf */
};
struct code_bank {
    struct jump_entry jump[JUMP_SETS];
    struct fetch_entry fetch[FETCH_SETS];
    /* Pages that may have jump entries (bit: page number modulo 256; a fetch entry may be gone before its jumps are). */
    uint64_t jump_pages[4];
    struct bank_info info;
};

#ifdef ORRERY_HOSTILE
#define MMU_DATA_BANKS 2
#define MMU_CODE_BANKS 2
#else
#define MMU_DATA_BANKS 16
#define MMU_CODE_BANKS 12
#endif

struct mmu {
    struct bus *bus;
    struct pmp pmp;
    struct log *log;
    bool svnapot;                           /* the hart has Svnapot; set it after mmu_init, before the first access */
    struct data_bank *data[MMU_DATA_BANKS]; /* allocated at first use */
    struct code_bank *code[MMU_CODE_BANKS];
    uint64_t clock; /* for least-recently-used */
};

void mmu_init(struct mmu *m, struct bus *bus, struct log *log);
void mmu_finish(struct mmu *m);

/* Banks for a regime: found or recycled. The pointers stay valid until mmu_finish; which regime they serve may change at the next
 * call, so the caller selects again whenever its regime changes, and keeps at most the two present ones. */
struct data_bank *mmu_select_data(struct mmu *m, const struct mmu_regime *r);
struct code_bank *mmu_select_code(struct mmu *m, const struct mmu_regime *r);

/* Translates the page of va for an access under the bank's regime (never crossing a page: len bytes from va lie within one), checks
 * PMP for [pa, pa+len), fills the bank when the whole page has uniform permission. va itself need not be aligned. */
struct mmu_result mmu_access_data(struct mmu *m, struct data_bank *b, gva_t va, unsigned len, enum mmu_access access);
struct mmu_result mmu_access_fetch(struct mmu *m, struct code_bank *b, gva_t va, unsigned len);

/* The pure walk, without TLB: for debuggers (access rights and PMP ignored, A/D never written) and monitors. */
struct mmu_result mmu_probe(struct mmu *m, const struct mmu_regime *r, gva_t va);

/* sfence.vma as the operands say. has_va/has_asid: rs1/rs2 is not x0. Fragments of a superpage that covers va go too. */
void mmu_fence(struct mmu *m, bool has_va, gva_t va, bool has_asid, uint64_t asid);
void mmu_flush_all(struct mmu *m);   /* PMP changed, reset, restore */
void mmu_flush_jumps(struct mmu *m); /* the engine threw its blocks away */
/* A RAM page got decoded code: every write entry that reaches the host page gets TLB_TAG_CODE. When the watcher has thrown the code
 * away entries may keep the tag: the slow path clears it lazily at the next store. */
void mmu_protect_code(struct mmu *m, const uint8_t *host_page);

#endif
