/* Between the generator's files: the block that is being translated. */
#ifndef ORRERY_CPU_JIT_GEN_H
#define ORRERY_CPU_JIT_GEN_H

#include "cpu/jit/jit.h"
#include "cpu/jit/region.h"
#include "cpu/jit/tree.h"
#include "emu/base/bits.h"
#include <stddef.h>

/* Displacements from rbp, which points at x[16]. */
#define H(field)  ((int32_t)offsetof(struct hart, field) - (int32_t)offsetof(struct hart, x[16]))
#define X_DISP(n) (((int32_t)(n)-16) * 8)
#define F_DISP(n) (H(f) + (int32_t)(n)*8)
#define XREG(n)   m_(RBP, X_DISP(n))
#define FREG(n)   m_(RBP, F_DISP(n))

#define R_HART   RBP
#define R_BANK   R15
#define R_BUDGET R14

/* The host register that holds guest register n, or NOT_PINNED. */
#define NOT_PINNED 0xff
extern const uint8_t gen_host[32];

/* Of a way out where there can be none. */
#define NO_PLACE UINT32_MAX

/* Ways out of n instructions, at most. */
#define GEN_EXITS(n) ((n)*8 + 8)

/* Where a region keeps guest registers at one point of its code. */
struct place {
    uint8_t host[32]; /* of x registers, or NOT_PINNED: in memory */
    uint32_t stale;   /* sets of x registers: what memory holds is out of date */
    uint32_t low; /* the value is the low half of its host register, sign-extended; the upper half may be anything */
    uint32_t nan_d,
        nan_s;       /* sets of f registers: a NaN in its home, as a double or a single, stands for the canonical one */
    uint32_t member; /* the block that the interpreter goes on with */
};

struct exit {
    uint8_t *site; /* of a displacement */
    enum { EXIT_DEOPT, EXIT_LINK, EXIT_FAR, EXIT_LABEL, EXIT_REFUSED } kind;
    /* EXIT_DEOPT: index of the instruction; EXIT_LINK: target's offset in the page; EXIT_FAR: target from the block's start, signed;
     * EXIT_LABEL: number of a member */
    uint32_t value;
    unsigned member; /* of the region, whose way out it is */
    unsigned place;  /* in gen.places, of a region */
    bool unsettled;  /* EXIT_LABEL: registers are not yet where the label wants them */
};

/* An access whose hint may be wrong: what its code behind the block has to know. */
struct miss {
    uint8_t *site; /* of a displacement */
    const uint8_t *resume, *stub;
    unsigned member, place;
    int32_t imm, slot;
    uint16_t index; /* of the instruction in its block */
    uint8_t base;   /* host register */
    uint8_t *
        stray; /* NULL, or the site of another jump: the entry, which rax points to, has another addend than the hint's */
    int32_t addends;
    bool has_addend; /* rcx is the addend at `resume`, not the entry's place */
};

/* A NaN that is to become the canonical one, behind the code. */
struct mend {
    uint8_t *site; /* of a displacement */
    const uint8_t *resume;
    uint8_t n; /* f register with a home */
    bool single;
};

/* What an instruction does to x registers. */
struct reg_use {
    uint32_t reads, wide; /* wide: more than the low half */
    uint8_t rd;           /* or 0 */
    bool leaves;          /* there may be a way out of it */
};

/* Accesses of a block that are made in one page: gen_group.c. */
struct group {
    int32_t low, high; /* the first byte and the one behind the last, from the base as it is for the first access */
    uint8_t first;     /* index of its instruction */
    uint8_t count;
    bool checked; /* the addend is there */
};
#define GROUPS_MAX ARRAY_LEN(((struct hart *)0)->group_addends)
#define COPIES_MAX 16

/* What is known of the instructions of a member of a region. */
struct tables {
    /* gen_registers.c: of the block's instructions; for each and x register the next that reads or writes it, and the next with a way out */
    struct reg_use uses[CHAIN_INSNS_MAX];
    uint8_t next_read[CHAIN_INSNS_MAX + 1][32], next_write[CHAIN_INSNS_MAX + 1][32], next_leave[CHAIN_INSNS_MAX + 1];
    struct group groups[GROUPS_MAX + 1]; /* from 1 */
    uint8_t group_of[CHAIN_INSNS_MAX];
};

struct copy;

struct gen {
    struct code c;
    struct jit *jit;
    const uint8_t *host;              /* of guest registers, or NOT_PINNED */
    struct place now;                 /* in a region; host points into it */
    struct place *places;             /* those that exits name */
    unsigned place_count, exit_place; /* exit_place: of the present instruction's */
    struct mend *mends;
    unsigned mend_count;
    struct tables *tables; /* of a region */
    uint8_t held[16];      /* guest register in a host register, or 0 */
    uint32_t label_stale;  /* now.stale at labels */
    uint32_t known;        /* x registers whose value is its own low half sign-extended */
    uint32_t limbo;        /* x registers whose value is nowhere, because nobody will see it */
    bool result_low;       /* only the low half of the present result was made */
    bool keep_all;         /* no value goes into limbo */
    bool failed;           /* somebody would have seen one: to be done again with keep_all */
    unsigned group_count;
    struct copy *copies;
    unsigned copy_count, copied; /* copied: instructions */
    bool separate;               /* in a copy: no groups */
    uint32_t raw_f;              /* homes that were written in this block with what may be any NaN */
    const struct plan *plan;     /* NULL: a block on its own */
    unsigned member;             /* of the plan, that block is */
    int next_member;             /* behind it in the code, or -1 */
    const struct block *block;
    isa_set live;
    struct insn insns[CHAIN_INSNS_MAX]; /* of the block, and of the members that are joined to it */
    unsigned length, first;             /* how many they are; which is the present block's first */
    const struct insn *insn;
    unsigned index, offset; /* of insn: among insns; in the present block, in bytes */
    int loaded;             /* host register of LOADED */
    uint8_t *entry;
    struct exit *exits;
    unsigned exit_count;
    const uint8_t *deopt;  /* the common end of the ways out to the interpreter, of a block on its own */
    const uint8_t **tails; /* of a region: for each place */
    struct miss *misses;
    unsigned miss_count;
    unsigned accesses; /* of the block, so far */
    /* f registers in xmm1 … xmm_last; 0: not there */
    uint8_t xmm_of[32], f_in[16];
    bool boxed[16]; /* the register is known to hold a NaN-boxed single */
    unsigned next_xmm, xmm_last, locked;
    bool marked_dirty;
    uint8_t modes_checked, fma_modes_checked; /* by rounding mode */
};

/* The rest of a block, from where a group was to be checked, for when its accesses lie in two pages. */
struct copy {
    uint8_t *site; /* of a displacement */
    struct gen state;
    struct tables tables;
};

/* At the jump at `site` the block is left for the interpreter, which begins with the present instruction. */
static inline void gen_deopt(struct gen *g, uint8_t *site)
{
    if (g->exit_place == NO_PLACE) g->failed = true;
    g->exits[g->exit_count++] = (struct exit){site, EXIT_DEOPT, g->index - g->first, g->member, g->exit_place, false};
}

/* Whether another member is joined to the present block, whose last instruction is the present one. */
static inline bool gen_goes_on(const struct gen *g) { return g->index + 1 < g->length; }

/* Where guest register n is: a host register or memory. Not for x0, which gen_operand_x makes a constant. */
static inline struct rm gen_x(const struct gen *g, unsigned n)
{
    return g->host[n] == NOT_PINNED ? XREG(n) : r_(g->host[n]);
}

/* A value that an instruction can take as it is. */
struct opnd {
    bool imm;
    int64_t value; /* if imm */
    struct rm rm;
};
struct opnd gen_operand_x(const struct gen *g, unsigned n);
bool gen_is_imm32(const struct opnd *o);
bool gen_is_reg(const struct opnd *o);
/* A tree that needs no instruction: true, and *o is it. */
bool gen_leaf(const struct gen *g, const struct tree *t, struct opnd *o);
void gen_move(struct gen *g, unsigned dst, const struct opnd *o);
/* Sets the host's flags for the comparison t; *condition: how it reads. */
bool gen_compare(struct gen *g, const struct tree *t, unsigned *condition);
/* Puts the value of tree t into dst. false: no way to do so; what was written is to be thrown away. */
bool gen_value(struct gen *g, const struct tree *t, unsigned dst);
/* rd <- rax */
void gen_set_rd(struct gen *g, unsigned reg);
/* The host operand of the access at rs1 + imm; it uses rcx, and rax if rs1 is in memory. Leaves on a miss. rdx is lost. strict: a
 * misaligned address is a miss. */
struct rm gen_probe(struct gen *g, bool write, unsigned bytes, int32_t imm, bool strict);
/* rdx <- how far base + imm lies behind the start of the region's flat RAM; returns the site of the jump if there are no `bytes` there. */
uint8_t *gen_check_flat(struct gen *g, unsigned base, int32_t imm, unsigned bytes);
/* to <- where the entry stands in its table that the address in va belongs to. */
void gen_entry_offset(struct code *c, unsigned to, unsigned va);
/* Behind the code: what the probes jump to. */
void gen_misses(struct gen *g);

/* One instruction of a kind. false: leave it to the interpreter. */
bool gen_alu(struct gen *g, const struct tree *t);
bool gen_load(struct gen *g, const struct row_trees *row);
bool gen_store(struct gen *g, const struct row_trees *row);
bool gen_amo(struct gen *g, const struct row_trees *row);
bool gen_lr(struct gen *g, const struct row_trees *row);
bool gen_sc(struct gen *g, const struct row_trees *row);
bool gen_branch(struct gen *g, const struct tree *t);
bool gen_jump(struct gen *g);
bool gen_jump_register(struct gen *g, const struct tree *t);
/* gen_system.c; goes on behind it, for a system instruction ends its block. */
bool gen_system(struct gen *g);

/* Goes on `offset` bytes from the block's start. */
void gen_go_to(struct gen *g, int32_t offset);
/* The jump at `site` leaves the region and goes on `offset` bytes from the block's start. */
void gen_leave_at(struct gen *g, uint8_t *site, int32_t offset);
/* To the guest address in rax; registers are as between blocks. */
void gen_jump_anywhere(struct gen *g);
/* dst <- the address `offset` bytes from the block's start. */
void gen_pc(struct gen *g, unsigned dst, int32_t offset);
/* Of the block, in its page. */
uint32_t gen_page_offset(const struct gen *g);

/* Instructions of the members that are joined to `member` and behind it; their counts were taken off the budget with its own. */
unsigned gen_joined_length(const struct gen *g, unsigned member);
/* gen_block.c: the instructions of g->block and what is joined to it, and where the last one leads; *first: the first one is native. */
void gen_body(struct gen *g, bool *first);
/* The ways out, behind the code. */
void gen_exits(struct gen *g);
void gen_mov_edx(struct gen *g, uint32_t v);

/* gen_region.c: from the region's registers to those between blocks; nothing for a block on its own. rax, rcx, rdx stay. */
void gen_leave_region(struct gen *g, const struct place *p);
/* The number of g->now among the places; NO_PLACE: a value is nowhere, there can be no way out. */
unsigned gen_place(struct gen *g);
/* The same, of a way out to a label. */
unsigned gen_place_inside(struct gen *g);
/* Before control goes to another member, or the block's last instruction is made: what members expect at their labels. */
void gen_settle(struct gen *g);
/* h->pc gets the page of the member; rax is lost. Nothing for a block on its own. */
void gen_set_page(struct gen *g, unsigned member);

/* gen_registers.c, in a region. */
struct reg_use gen_use_of(const struct insn *i);
/* gen_fuse.c: exchanges rows in g->insns, and their uses. */
void gen_fuse(struct gen *g);
/* gen_group.c, in a region. */
void gen_groups_begin(struct gen *g);
/* Of the present access; NULL: it is on its own. */
struct group *gen_group(struct gen *g);
/* Where the group's addend is kept. */
struct rm gen_group_addend(const struct gen *g);
/* Before the first access of the group. false: there is no room for another copy. rdx is lost. */
bool gen_group_check(struct gen *g, struct group *group, unsigned base);
/* Behind the code. */
void gen_copies(struct gen *g);
/* gen_block.c: the block from the present instruction on, which has been prepared. */
void gen_rest(struct gen *g);
/* At a label, after the block's instructions have been decoded. */
void gen_registers_begin(struct gen *g);
/* Before and after an instruction that does not end the block. false: nobody sees what it does. */
bool gen_prepare(struct gen *g);
void gen_registers_done(struct gen *g);
/* To where registers are at labels. */
void gen_registers_settle(struct gen *g);
/* The same from p, behind the code. */
void gen_registers_settle_from(struct gen *g, const struct place *p);
/* What is to be computed for t in a register: without the sign-extension at its root, if that can wait. */
const struct tree *gen_without_extension(struct gen *g, const struct tree *t);

/* gen_fp.c. Nothing of the block is known of xmm registers any more. */
void gen_fp_forget(struct gen *g);
/* What a NaN that an instruction writes to an f register is: x86's for the canonical double or single, or any one that was loaded or moved as
 * a double, or otherwise. */
enum gen_nan { NAN_D, NAN_S, NAN_RAW, NAN_BOXED };
enum gen_nan gen_nan_of(const struct insn *i);
/* f register n, which has a home, gets the canonical NaN if it holds one that stands for it. */
void gen_mend_nan(struct gen *g, unsigned n);
/* At a label those of plan->nan_d and nan_s stand for the canonical NaN, and no other. */
void gen_settle_nans(struct gen *g);
/* movsd, and the canonical NaN instead. */
void gen_fp_put_home(struct gen *g, unsigned n, const struct place *p);
/* Behind the code. */
void gen_mends(struct gen *g);
/* false: leave it to the interpreter. */
bool gen_fp(struct gen *g);
bool gen_fp_load(struct gen *g, unsigned bytes, struct rm at);
bool gen_fp_store(struct gen *g, unsigned bytes, struct rm at);

#endif
