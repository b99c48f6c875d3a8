/* Address translation: the page-table walker (Sv39, Sv48, Sv57; for a guest of the H extension two stages of them), PMP, and the
 * inline TLB banks that the engine probes.
 *
 * The MMU never sees a hart. It gets a *translation regime* by value: everything that decides how an address is translated. Each
 * regime has a bank of inline-TLB entries of its own; a write of satp, vsatp or hgatp, of a status bit, of the privilege level or of V
 * merely selects another bank and throws nothing away. Banks are recycled least-recently-used. A fence walks the banks that it names.
 *
 * Physical addresses are of type gpa_t: the machine that the hart belongs to is a guest of the host. The *guest-physical* addresses
 * of the H extension, which the G-stage translates, are called guest_pa here and stand in the same type.
 *
 * The inline TLB is an implementation detail and must never be visible to a guest: entries only ever hold what a walk just proved.
 *
 * Source: RISC-V privileged specification, "Virtual-Memory System" of Sv39/48/57, Svade/Svadu, Svnapot, Svpbmt; "Two-Stage Address
 * Translation" in hypervisor.adoc; PMP in machine.adoc. */
#ifndef ORRERY_MMU_MMU_H
#define ORRERY_MMU_MMU_H

#include "emu/base/log.h"
#include "emu/base/types.h"
#include "mmu/bus.h"
#include "mmu/pmp.h"

enum mmu_access { MMU_READ, MMU_WRITE, MMU_FETCH };

enum priv { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };

/* What the CSRs say about a translation, as they say it. Fields that an author leaves out are 0. */
struct mmu_context {
    uint64_t satp;        /* first stage: satp, or vsatp if virt */
    uint64_t hgatp;       /* the rest of the fields marked (g): meaningless unless virt */
    enum priv priv;       /* effective privilege (MPRV, SPVP already applied) */
    bool virt;            /* as a guest: V = 1, or HLV/HLVX/HSV, or MPRV with MPV (and not MPP = 3) */
    bool hlvx;            /* (g) reads want X in place of R */
    bool sum, mxr;        /* of the first stage: mstatus, or vsstatus if virt. False for fetches */
    bool g_mxr;           /* (g) mstatus.MXR: holds for both stages. False for fetches */
    bool adue, pbmte;     /* of the first stage: menvcfg, or henvcfg if virt */
    bool g_adue, g_pbmte; /* (g) menvcfg */
};

/* All that decides a translation, fields that cannot matter set to 0. Compared bytewise: always build it with mmu_regime(). */
struct mmu_regime {
    uint64_t satp;  /* 0 where the privilege or the mode makes the first stage Bare */
    uint64_t hgatp; /* 0 unless virt; the VMID alone where the G-stage is Bare */
    uint8_t priv;   /* S for U where the first stage is Bare: nothing there tells them apart */
    uint8_t virt;
    uint8_t hlvx;
    uint8_t sum, mxr; /* first stage; mxr includes g_mxr */
    uint8_t g_mxr;
    uint8_t adue;  /* Svadu: hardware updates A and D of the first stage; else they fault (Svade) */
    uint8_t pbmte; /* Svpbmt usable in the first stage */
    uint8_t g_adue, g_pbmte;
    uint8_t pad[6];
};
struct mmu_regime mmu_regime(const struct mmu_context *c);

enum mmu_fault { MMU_OK, MMU_PAGE_FAULT, MMU_ACCESS_FAULT, MMU_GUEST_PAGE_FAULT };

struct mmu_result {
    enum mmu_fault fault;
    gpa_t gpa;     /* valid if MMU_OK */
    uint8_t *host; /* host address of gpa if it is RAM, NULL for a device window or a hole */
    /* MMU_GUEST_PAGE_FAULT: the guest-physical address that the G-stage refused, exact to the byte (htval holds it >> 2). Of va, or, if
     * implicit, of the VS-stage PTE that was to be read (htinst 0x3000) or, if implicit_write, to get its A or D (0x3020). */
    gpa_t guest_pa;
    uint8_t page_log2; /* leaf size, of two stages the smaller: 12, 16 (NAPOT), 21, 30, 39, 48; 64 for Bare */
    bool implicit, implicit_write;
    bool cached; /* an inline-TLB entry now exists that the engine's fast path will hit */
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
#define TLB_SETS_LOG2 10
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
    /* All superpage leaves (of the first stage) with a fragment in the bank lie in first … last (first > last: none) of the lower and of
     * the upper half, so a fence elsewhere is one look. */
    struct mmu_span {
        gva_t first, last;
    } super[2];
};

/* A bank's sets by 64 groups. */
#define BANK_GROUP(sets) ((sets) < 64 ? 1 : (sets) / 64)

/* Translations of loads and stores under one regime. */
struct data_bank {
    struct tlb_entry read[TLB_SETS];
    struct tlb_entry write[TLB_SETS];
    /* For fences: size of the first stage's leaf that an entry is a fragment of, with TLB_LEAF_GLOBAL if the mapping is global. */
    uint8_t read_leaf[TLB_SETS], write_leaf[TLB_SETS];
    struct bank_info info;
    /* Where entries may be, a bit for each BANK_GROUP(TLB_SETS) sets: banks are cleared and fenced often, and seldom full. */
    uint64_t read_used, write_used;
    /* The bank that was selected when sstatus.SUM alone changed, or NULL. Which regime it serves by now has to be compared. */
    struct data_bank *sum_twin;
    /* Guests only, for fences of the G-stage: guest-physical page, with the log2 size of the G-stage's leaf in its low bits. */
    uint64_t read_guest[TLB_SETS], write_guest[TLB_SETS];
};

/* ---- the engine's cache of jump targets ----------------------------------------------------------------------------------
 *
 * One table for all regimes of a hart: virtual pc -> block. An entry counts while its tag is that of the present code bank, plus the
 * engine's mode. A bank gets another tag when any flush touches its jumps, so the table need not be cleared; banks in which the
 * same global pages were fetched from, as those of a kernel in all its address spaces, share one. */
#ifdef ORRERY_HOSTILE
#define JUMP_SETS_LOG2 4
#define FETCH_SETS     2
#else
#define JUMP_SETS_LOG2 16
#define FETCH_SETS     256
#endif
#define JUMP_SETS  (1u << JUMP_SETS_LOG2)
#define JUMP_MODES 64u /* tags of banks are multiples of it */
struct jump_entry {
    gva_t pc;
    uint64_t tag;       /* 0: empty */
    void *block;        /* the engine's */
    const void *target; /* the engine's, for native code */
};
/* Folded, as tlb_index is. The pcs of one page stand in neighbouring sets. */
static inline unsigned jump_index(gva_t pc) { return (unsigned)((pc ^ pc >> JUMP_SETS_LOG2) >> 1) & (JUMP_SETS - 1); }

static inline unsigned fetch_index(gva_t va) { return (unsigned)(va >> GUEST_PAGE_LOG2) & (FETCH_SETS - 1); }

struct fetch_entry {
    gva_t page; /* tag; TLB_TAG_EMPTY = empty */
    gpa_t gpa;  /* of the page */
    uint8_t *host;
    uint64_t guest; /* as read_guest */
    uint8_t leaf;   /* as read_leaf */
};
/* A set of pages that may name some too many. */
#define PAGE_SET_LOG2 11
struct page_set {
    uint64_t bits[(1 << PAGE_SET_LOG2) / 64];
};

/* Where the jumps with one tag may lead: the pages that the banks with this tag were filled with since they got it. A fetch entry may be
 * gone before its jumps are. */
struct jump_reach {
    uint64_t tag;
    unsigned banks;                     /* that have it; 0: free */
    struct page_set pages, guest_pages; /* guest_pages: of the G-stage's leaves of 4 KiB */
    struct mmu_span super[2];           /* as in bank_info */
    bool any_local;                     /* a page that is not global */
    bool any_private;                   /* one that other address spaces need not have */
    bool any_guest_super;               /* a larger leaf of the G-stage */
    bool fenced;                        /* by the present fence */
};

struct code_bank {
    struct fetch_entry fetch[FETCH_SETS];
    uint64_t jump_tag; /* of its reach */
    struct jump_reach *reach;
    uint64_t fetch_used; /* as read_used */
    struct bank_info info;
};

#ifdef ORRERY_HOSTILE
#define MMU_DATA_BANKS 2
#define MMU_CODE_BANKS 2
#else
#define MMU_DATA_BANKS 16
#define MMU_CODE_BANKS 12
#endif
#define MMU_BANKS_MAX MMU_DATA_BANKS

/* The banks of one kind, allocated at first use, most recently selected first. */
struct bank_pool {
    struct bank_info *bank[MMU_BANKS_MAX];
    unsigned count;
};

struct mmu {
    struct bus *bus;
    struct pmp pmp;
    struct log *log;
    bool svnapot; /* the hart has Svnapot; set it after mmu_init, before the first access */
    struct bank_pool data, code;
    struct jump_entry *jump; /* JUMP_SETS; NULL before the first code bank is selected */
    uint64_t jump_tags;      /* the last one given */
    struct jump_reach reach[MMU_CODE_BANKS];
};

/* The place of pc in the table. */
static inline struct jump_entry *mmu_jump(const struct mmu *m, gva_t pc) { return &m->jump[jump_index(pc)]; }

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
/* The same for one load or store under another regime than the hart's (HLV, HLVX, HSV): always walks, touches no bank. */
struct mmu_result mmu_access_once(struct mmu *m, const struct mmu_regime *r, gva_t va, unsigned len,
                                  enum mmu_access access);

/* The pure walk, without TLB: for debuggers (access rights and PMP ignored, A/D never written) and monitors. */
struct mmu_result mmu_probe(struct mmu *m, const struct mmu_regime *r, gva_t va);

/* What a fence instruction names. Fragments of a superpage that covers the address go too. */
enum mmu_fence_scope {
    FENCE_S,  /* SFENCE.VMA with V = 0: page tables of satp */
    FENCE_VS, /* SFENCE.VMA with V = 1, HFENCE.VVMA: page tables of vsatp, in one virtual machine */
    FENCE_G,  /* HFENCE.GVMA: page tables of hgatp */
};
struct mmu_fence {
    enum mmu_fence_scope scope;
    bool has_address, has_id; /* rs1, rs2 is not x0 */
    uint64_t address;         /* virtual; FENCE_G: guest-physical (rs1 << 2) */
    uint64_t id;              /* ASID; FENCE_G: VMID. Bits above the field's width are ignored */
    uint64_t vmid;            /* FENCE_VS: hgatp.VMID */
};
void mmu_fence(struct mmu *m, const struct mmu_fence *f);
void mmu_flush_all(struct mmu *m);   /* PMP changed, reset, restore */
void mmu_flush_jumps(struct mmu *m); /* the engine threw its blocks away */
/* A RAM page got decoded code: every write entry that reaches the host page gets TLB_TAG_CODE. When the watcher has thrown the code
 * away entries may keep the tag: the slow path clears it lazily at the next store. */
void mmu_protect_code(struct mmu *m, const uint8_t *host_page);

#endif
