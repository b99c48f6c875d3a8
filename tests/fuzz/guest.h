/* Parts of random guests, for tests that run them: where things lie in the RAM of an engine bench, page tables of both stages, values that
 * are likely to matter. The same random number always gives the same guest. */
#ifndef TESTS_FUZZ_GUEST_H
#define TESTS_FUZZ_GUEST_H

#include "cpu/insn.h"
#include "tests/unit/asm.h"
#include "tests/unit/engine_bench.h"

/* Pages of RAM. */
enum { CODE = 0, CODE_PAGES = 4, HANDLER_M = 8, HANDLER_S = 9, DATA = 10, G_TABLES = 16, TABLES = 24 };
#define PAGE(n)      (RAM + (gpa_t)(n)*0x1000)
#define MAPPED_PAGES 32

static inline uint64_t next_random(uint64_t *s)
{
    *s = *s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t v = *s;
    v ^= v >> 33;
    v *= UINT64_C(0xff51afd7ed558ccd);
    return v ^ v >> 29;
}

/* CSRs that code may write without losing its way; trap vectors are not among them. */
static const uint16_t csrs[] = {0x001, 0x002, 0x003, 0xc00, 0xc01, 0xc02, 0x100, 0x104, 0x106, 0x10a, 0x140,
                                0x141, 0x142, 0x143, 0x144, 0x14d, 0x180, 0x300, 0x301, 0x302, 0x303, 0x304,
                                0x306, 0x30a, 0x320, 0x340, 0x341, 0x343, 0x344, 0x3a0, 0x3b0, 0xb00, 0xb02,
                                0x200, 0x204, 0x241, 0x244, 0x24d, 0x280, 0x600, 0x602, 0x603, 0x604, 0x605,
                                0x606, 0x60a, 0x644, 0x645, 0x643, 0x64a, 0x680, 0x34a, 0x34b};

/* ---- instructions ---- */

/* A trap handler. Goes on behind what trapped, further away after faults; clobbers t5 and t6. */
static inline void place_handler(struct world *w, gpa_t at, unsigned epc, unsigned cause, uint32_t ret)
{
    enum { T5 = 30, T6 = 31 };
    const uint32_t code[] = {
        CSRR(T6, epc),
        CSRR(T5, cause),
        asm_i(0x13, 5, T5, T5, 2),
        SLLI(T5, T5, 10),
        ADD(T6, T6, T5),
        ADDI(T6, T6, 4),
        SLLI(T6, T6, 50),
        asm_i(0x13, 5, T6, T6, 50), /* into the code pages */
        LUI(T5, 0x80000),
        SLLI(T5, T5, 32),
        asm_i(0x13, 5, T5, T5, 32),
        ADD(T6, T6, T5),
        CSRW(epc, T6),
        ret,
    };
    memcpy(world_ram(w, at), code, sizeof code);
}

/* A store to code nearby: mostly ahead, in the block that runs, sometimes behind or into the next page. What is stored is code again. */
static inline unsigned make_self_modification(uint32_t bits, uint8_t *to)
{
    static const uint32_t put[] = {0x00150513 /* addi a0,a0,1 */, 0x0505 /* c.addi a0,1 */, 0x00000517 /* auipc a0,0 */,
                                   0xffdff06f /* j back */};
    const uint32_t code[] = {
        AUIPC(S1, bits & 1 ? 0 : bits >> 8 & 1),
        LUI(A1, (put[bits >> 1 & 3] + 0x800) >> 12),
        ADDI(A1, A1, put[bits >> 1 & 3] & 0xfff),
        asm_s(bits >> 3 & 3, S1, A1, bits >> 5 & 1 ? 16 + (bits >> 8 & 0x3e) : (bits >> 8 & 0xffe)),
    };
    memcpy(to, code, sizeof code);
    return sizeof code;
}

#define OP_BYTES 6
/* An instruction, or a few, from six bytes; returns the length of what is written. */
static inline unsigned make_insn(const uint8_t *op, uint8_t *to)
{
    uint16_t which = load_le16(op);
    uint32_t bits = load_le32(op + 2);
    static const uint16_t frequent[] = {
        INSN_ld,          INSN_sd,         INSN_lw,     INSN_sw,      INSN_sb,         INSN_lb,      INSN_beq,
        INSN_bne,         INSN_jal,        INSN_jalr,   INSN_csrrw,   INSN_csrrs,      INSN_csrrwi,  INSN_amoadd_w,
        INSN_amoswap_d,   INSN_lr_d,       INSN_sc_d,   INSN_fence_i, INSN_sfence_vma, INSN_mret,    INSN_sret,
        INSN_ecall,       INSN_c_j,        INSN_c_beqz, INSN_c_addi,  INSN_cbo_zero,   INSN_c_sdsp,  INSN_fsd,
        INSN_fadd_d,      INSN_lr_w,       INSN_sc_w,   INSN_wfi,     INSN_hlv_d,      INSN_hlvx_wu, INSN_hsv_w,
        INSN_hfence_vvma, INSN_hfence_gvma};
    if (which >> 12 == 7) return make_self_modification(bits, to);
    unsigned row = 1 + which % (INSN_COUNT - 1);
    if (which >> 14 == 3) row = frequent[which % ARRAY_LEN(frequent)];
    const struct insn_pattern *p = insn_pattern((enum insn_id)row);
    uint32_t raw = p->match | (bits & ~p->mask);
    if (which >> 13 == 4) raw = bits; /* anything */
    if ((raw & 0x7f) == 0x73 && (raw >> 12 & 3) && (bits & 7) != 0)
        raw = (raw & 0xfffff) | (uint32_t)csrs[(bits >> 20) % ARRAY_LEN(csrs)] << 20;
    if ((raw & 0x7f) == 0x6f) raw &= 0x81ffffff | 0x600000; /* near targets */
    store_le32(to, raw);
    return insn_length(raw);
}

/* ---- page tables ---- */

/* Tables are not written through translations: what a change of them means before the fence depends on what happens to be cached, and
 * engines and slices may differ there. */
#define PTE_WRITABLE UINT64_C(4)

/* Sv39 (or deeper: the upper levels point at the same table). Virtual 0x80000000 and 0 are both mapped, mostly to the same place. */
static inline void place_tables(struct world *w, uint64_t *random, uint8_t flavour, bool user)
{
    gpa_t top = PAGE(TABLES), middle = top + 0x1000, leaves = top + 0x2000, upper = top + 0x3000;
    uint64_t pointer = middle >> 12 << 10 | 1;
    store_le64(world_ram(w, top), pointer);
    store_le64(world_ram(w, top + 2 * 8), pointer);
    store_le64(world_ram(w, middle), leaves >> 12 << 10 | 1);
    store_le64(world_ram(w, middle + 8), RAM >> 12 << 10 | (user ? 0xdf : 0xcf)); /* a superpage over everything */
    store_le64(world_ram(w, middle + 16), DEVICE >> 21 << 19 | 0xc7);
    store_le64(world_ram(w, upper), top >> 12 << 10 | 1);
    for (unsigned i = 0; i < MAPPED_PAGES; i++) {
        uint64_t r = next_random(random), flags = user ? 0xdf : 0xcf;
        if (flavour & 1 && r % 8 == 0) flags = r >> 8 & 0xff;
        if (flavour & 2 && (r >> 16) % 8 == 0) flags ^= 0x10;            /* U */
        if (flavour & 4 && (r >> 20) % 8 == 0) flags &= ~UINT64_C(0xc0); /* A, D */
        if (i == HANDLER_S && flavour & 0x30) flags = 0xcf;
        uint64_t page = flavour & 8 && (r >> 24) % 4 == 0 ? (r >> 32) % MAPPED_PAGES : i;
        if (page >= G_TABLES) flags &= ~PTE_WRITABLE;
        store_le64(world_ram(w, leaves + i * 8), (RAM + page * 0x1000) >> 12 << 10 | flags);
    }
}

/* Sv39x4, Sv48x4, Sv57x4, by `levels`: guest-physical 0 and 0x80000000 lie on RAM, page by page, and the device where it is. */
static inline void place_guest_tables(struct world *w, uint64_t *random, uint8_t flavour, unsigned levels)
{
    gpa_t top = PAGE(G_TABLES), middle = top + 0x4000, leaves = top + 0x5000, upper = top + 0x6000;
    uint64_t pointer = middle >> 12 << 10 | 1;
    memset(world_ram(w, top), 0, 0x8000);
    for (unsigned level = levels; level > 3; level--) { /* the root's first entry leads down a chain of tables */
        store_le64(world_ram(w, top), upper >> 12 << 10 | 1);
        top = upper;
        upper += 0x1000;
    }
    store_le64(world_ram(w, top), pointer);
    store_le64(world_ram(w, top + 16), pointer);
    store_le64(world_ram(w, middle), leaves >> 12 << 10 | 1);
    store_le64(world_ram(w, middle + (DEVICE >> 21) * 8), DEVICE >> 12 << 10 | 0xdf);
    for (unsigned i = 0; i < MAPPED_PAGES; i++) {
        uint64_t r = next_random(random), flags = 0xdf;
        if (flavour & 0x40 && r % 8 == 0) flags = r >> 8 & 0xff;
        if (flavour & 0x80 && (r >> 20) % 8 == 0) flags &= ~UINT64_C(0xc0); /* A, D */
        uint64_t page = flavour & 0x40 && (r >> 24) % 8 == 0 ? (r >> 32) % MAPPED_PAGES : i;
        if (page >= G_TABLES) flags &= ~PTE_WRITABLE;
        store_le64(world_ram(w, leaves + i * 8), (RAM + page * 0x1000) >> 12 << 10 | flags);
    }
}

static inline uint64_t interesting_value(uint64_t *random)
{
    uint64_t r = next_random(random);
    switch (r % 8) {
    case 0: return next_random(random);
    case 1: return r >> 8 & 0xff;
    case 2: return DEVICE + (r >> 8 & 0x38);
    case 3: return (r >> 8) % RAM_SIZE;                         /* low mapping */
    case 4: return PAGE((r >> 8) % 32) + 0xff8 + (r >> 16 & 7); /* near a page's end */
    case 5: return PAGE(CODE) + ((r >> 8) % 0x4000 & ~UINT64_C(1));
    default: return PAGE((r >> 8) % 32) + (r >> 16 & 0xff8);
    }
}

/* Runs a hart to exactly `until` instructions in pieces of random length. false: it can do no more. */
static inline bool run_hart_until(struct world *w, unsigned hart, uint64_t until, uint64_t *slices, uint64_t longest)
{
    struct hart *h = w->hart[hart];
    while (hart_icount(h) < until) {
        uint64_t left = until - hart_icount(h), n = longest == 1 ? 1 : 1 + next_random(slices) % longest;
        enum hart_stop stop = world_run(w, hart, n < left ? n : left);
        if (hart_icount(h) > until) world_die("ran too far");
        if (h->stalled) return false;
        if (stop == HART_WFI) h->waiting = false; /* it may resume for any reason */
    }
    h->waiting = false;
    return true;
}

/* What happens from outside, between two instructions: a device writes over code, or a wire of a hart changes. */
static inline void outside_event(struct world *w, unsigned hart, uint64_t r)
{
    static const uint8_t wires[] = {IRQ_MSI, IRQ_MTI, IRQ_MEI, IRQ_SEI, IRQ_SSI};
    uint64_t value = r * UINT64_C(0x9e3779b97f4a7c15);
    if (r % 4 == 0) {
        bus_dma_write(&w->bus, PAGE(CODE) + (r >> 8) % (CODE_PAGES * 0x1000), &value, 1 + (r >> 32) % 8);
    } else {
        hart_set_irq(w->hart[hart], wires[(r >> 8) % 5], r >> 16 & 1);
    }
}

#endif
