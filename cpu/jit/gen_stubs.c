/* The generator for x86-64: the stubs that all blocks share, and where guest registers live between blocks. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* The registers that compilers use most, for arguments and in loops. */
static const struct {
    uint8_t guest, host;
} pinned[] = {{10, RSI}, {11, RDI}, {12, R8}, {13, R9}, {14, R10}, {15, R11}, {8, RBX}, {9, R12}, {2, R13}};

#define U NOT_PINNED
const uint8_t gen_host[32] = {U, U, R13, U, U, U, U, U, RBX, R12, RSI, RDI, R8, R9, R10, R11,
                              U, U, U,   U, U, U, U, U, U,   U,   U,   U,   U,  U,  U,   U};
#undef U

/* ---- what all blocks share ---- */

static void spill(struct code *c)
{
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) x_store(c, XREG(pinned[i].guest), pinned[i].host);
    x_store(c, m_(R_HART, H(budget)), R_BUDGET);
}

static void fill(struct code *c)
{
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) x_load(c, pinned[i].host, XREG(pinned[i].guest));
    x_load(c, R_BUDGET, m_(R_HART, H(budget)));
}

#define FRAME_REGISTERS                                                                                                \
    {                                                                                                                  \
        RBX, RBP, R12, R13, R14, R15                                                                                   \
    }

/* The frame of native code: six saved registers and eight bytes, so that calls find the stack aligned. */
static void open_frame(struct code *c)
{
    static const uint8_t saved[] = FRAME_REGISTERS;
    for (size_t i = 0; i < ARRAY_LEN(saved); i++) {
        if (saved[i] >= 8) x_8(c, 0x41);
        x_8(c, 0x50 | (saved[i] & 7));
    }
    x_group_imm(c, G_SUB, r_(RSP), 8);
}

static void close_frame(struct code *c)
{
    static const uint8_t saved[] = FRAME_REGISTERS;
    x_group_imm(c, G_ADD, r_(RSP), 8);
    for (size_t i = ARRAY_LEN(saved); i-- > 0;) {
        if (saved[i] >= 8) x_8(c, 0x41);
        x_8(c, 0x58 | (saved[i] & 7));
    }
}

/* Back to the run loop; everything is spilt. */
static void return_null(struct code *c)
{
    close_frame(c);
    x_mov_imm(c, RAX, 0);
    x_8(c, 0xc3);
}

/* On to the interpreter's handler rax for the instruction rsi; everything is spilt. */
static void tail_call_handler(struct code *c)
{
    x_ins(c, X_W | 0x8d, RDI, m_(R_HART, -(int32_t)offsetof(struct hart, x[16])));
    x_mov(c, RDX, R_BANK);
    close_frame(c);
    x_ins(c, 0xff, 4, r_(RAX));
}

/* pc = its page, and the offset in `reg` */
static void set_page_offset(struct code *c, unsigned reg)
{
    x_load(c, RAX, m_(R_HART, H(pc)));
    x_group_imm(c, G_AND, r_(RAX), -(int32_t)GUEST_PAGE_BYTES);
    x_group(c, G_OR, RAX, r_(reg));
    x_store(c, m_(R_HART, H(pc)), RAX);
}

static void set_pc_of_block(struct code *c) /* of rcx; rdi is lost */
{
    x_ins(c, 0x8b, RDI, m_(RCX, (int32_t)offsetof(struct block, gpa)));
    x_ins(c, 0x81, G_AND, r_(RDI));
    x_32(c, (uint32_t)~GUEST_PAGE_MASK);
    set_page_offset(c, RDI);
}

/* The handler that a native block's first instruction has: rdi hart, rsi instruction, rdx bank. */
static void stub_enter(struct jit *j)
{
    struct code *c = &j->code;
    j->enter = (insn_fn *)(uintptr_t)code_exec(c, c->at);
    open_frame(c);
    x_ins(c, X_W | 0x8d, R_HART, m_(RDI, (int32_t)offsetof(struct hart, x[16])));
    x_mov(c, R_BANK, RDX);
    x_mov(c, RAX, RSI);
    fill(c);
    x_ins(c, 0xff, 4, m_(RAX, (int32_t)offsetof(struct block, native_body) - (int32_t)offsetof(struct block, code)));
}

/* `native` of blocks that are not: rcx block, pc its address, its count not yet taken off the budget. A jump entry may lead here still
 * though the block is native by now. */
static void stub_enter_interp(struct jit *j)
{
    struct code *c = &j->code;
    j->enter_interp = c->at;
    x_load(c, RAX, m_(RCX, (int32_t)offsetof(struct block, native)));
    x_mov_imm(c, RDX, (int64_t)(intptr_t)code_exec(c, j->enter_interp));
    x_group(c, G_CMP, RDX, r_(RAX));
    uint8_t *is_not = x_jcc(c, C_E);
    x_ins(c, 0xff, 4, r_(RAX));
    x_aim(is_not, c->at);
    x_group(c, G_SUB, R_BUDGET, m_(RCX, (int32_t)offsetof(struct block, count)));
    uint8_t *refused = x_jcc(c, C_S);
    spill(c);
    x_ins(c, X_W | 0x8d, RSI, m_(RCX, (int32_t)offsetof(struct block, code)));
    x_load(c, RAX, m_(RSI, (int32_t)offsetof(struct dinsn, fn)));
    tail_call_handler(c);
    x_aim(refused, c->at);
    x_group(c, G_ADD, R_BUDGET, m_(RCX, (int32_t)offsetof(struct block, count)));
    spill(c);
    return_null(c);
}

/* rcx block: the budget did not allow it. */
static void stub_refused(struct jit *j)
{
    struct code *c = &j->code;
    j->leave_refused = c->at;
    spill(c);
    set_pc_of_block(c);
    return_null(c);
}

/* rcx block, edx instruction with which the interpreter goes on. The first one's own handler stands in `first`. */
static void stub_deopt(struct jit *j)
{
    struct code *c = &j->code;
    j->leave_deopt = c->at;
    spill(c);
    set_pc_of_block(c);
    x_mov(c, RSI, RDX);
    x_shift_imm(c, S_SHL, RSI, 4);
    _Static_assert(sizeof(struct dinsn) == 16, "shifted by 4");
    x_ins(c, X_W | 0x8d, RSI, mx_(RCX, RSI, 0, (int32_t)offsetof(struct block, code)));
    x_load(c, RAX, m_(RSI, (int32_t)offsetof(struct dinsn, fn)));
    x_ins(c, X_W | 0x85, RDX, r_(RDX));
    x_ins(c, X_W | X_0F | 0x40 | C_E, RAX, m_(RCX, (int32_t)offsetof(struct block, first)));
    tail_call_handler(c);
}

/* leave_link: edx offset in the page of the block to go on with, rcx the site that wants to jump there, or 0.
 * leave_jump: pc is its address. */
static void stub_link(struct jit *j)
{
    struct code *c = &j->code;
    j->leave_link = c->at;
    set_page_offset(c, RDX);
    uint8_t *common = x_jmp(c);
    j->leave_jump = c->at;
    x_mov_imm(c, RCX, 0);
    x_aim(common, c->at);
    spill(c);
    x_ins(c, X_W | 0x8d, RDI, m_(R_HART, -(int32_t)offsetof(struct hart, x[16])));
    x_mov(c, RSI, RCX);
    x_mov_imm(c, RAX, (int64_t)(intptr_t)jit_link);
    x_ins(c, 0xff, 2, r_(RAX));
    x_ins(c, X_W | 0x85, RAX, r_(RAX));
    uint8_t *none = x_jcc(c, C_E);
    x_mov(c, RCX, RAX);
    fill(c);
    x_ins(c, 0xff, 4, m_(RCX, (int32_t)offsetof(struct block, native)));
    x_aim(none, c->at);
    return_null(c);
}

/* The hint at rcx from rbp becomes eax, and how it changes is counted. set: of the table of translations in the bank. */
static void change_hint(struct code *c, int32_t set)
{
    int32_t addend = set + (int32_t)offsetof(struct tlb_entry, addend);
    x_8(c, 0x56); /* push rsi */
    x_ins(c, 0x8b, RSI, mx_(R_HART, RCX, 0, (int32_t)offsetof(struct access_hint, entry)));
    x_ins(c, 0x89, RAX, mx_(R_HART, RCX, 0, (int32_t)offsetof(struct access_hint, entry)));
    x_ins(c, X_66 | 0xff, 0, mx_(R_HART, RCX, 0, (int32_t)offsetof(struct access_hint, misses))); /* inc */
    x_load(c, RSI, mx_(R_BANK, RSI, 0, addend));
    x_group(c, G_CMP, RSI, mx_(R_BANK, RAX, 0, addend));
    uint8_t *same = x_jcc(c, C_E);
    x_ins(c, X_66 | 0xff, 0, mx_(R_HART, RCX, 0, (int32_t)offsetof(struct access_hint, strays)));
    x_aim(same, c->at);
    x_8(c, 0x5e); /* pop rsi */
}

/* A page with code has TLB_TAG_CODE on its entry: rax is what the tag is without it, rdx the address, rcx the entry. Zero flag if that is
 * all that is different, and an aligned access is to a line without code. rax and rdx are lost. */
static void beside_code(struct jit *j, int32_t set, unsigned bytes)
{
    struct code *c = &j->code;
    uint8_t *no[3];
    x_group_imm(c, G_OR, r_(RAX), (int32_t)TLB_TAG_CODE);
    x_group(c, G_CMP, RAX, mx_(R_BANK, RCX, 0, set + (int32_t)offsetof(struct tlb_entry, tag)));
    no[0] = x_jcc(c, C_NE);
    x_ins(c, 0xf7, 0, r_(RDX)); /* test */
    x_32(c, bytes - 1);
    no[1] = x_jcc(c, C_NE);
    x_load(c, RAX, mx_(R_BANK, RCX, 0, set + (int32_t)offsetof(struct tlb_entry, addend)));
    x_group(c, G_ADD, RAX, r_(RDX));
    x_mov_imm(c, RDX, (int64_t)(intptr_t)&j->ram);
    x_load(c, RDX, m_(RDX, 0));
    x_group(c, G_SUB, RAX, m_(RDX, (int32_t)offsetof(struct ram_region, host)));
    x_group(c, G_CMP, RAX, m_(RDX, (int32_t)offsetof(struct ram_region, size)));
    no[2] = x_jcc(c, C_AE);
    x_ins(c, X_W | 0xc1, S_SHR, r_(RAX));
    x_8(c, 6);
    x_load(c, RDX, m_(RDX, (int32_t)offsetof(struct ram_region, code_lines)));
    x_ins(c, X_W | X_0F | 0xa3, RAX, m_(RDX, 0)); /* bt */
    x_ins(c, 0x1b, RAX, r_(RAX));                 /* sbb: zero if the bit was */
    uint8_t *yes = x_jmp(c);
    for (unsigned i = 0; i < 3; i++) x_aim(no[i], c->at);
    x_ins(c, X_W | 0x85, R_BANK, r_(R_BANK)); /* a bank is somewhere: no zero flag */
    x_aim(yes, c->at);
}

/* Called: rdx address, rcx where the hint stands from rbp. Zero flag if the entry where the address belongs serves the access, rcx its
 * offset, which is the new hint. rdx is lost. */
static void stub_find_entry(struct jit *j, enum find what, bool strict, unsigned log2)
{
    struct code *c = &j->code;
    unsigned bytes = 1u << log2;
    int32_t set = what ? (int32_t)offsetof(struct data_bank, write) : (int32_t)offsetof(struct data_bank, read);
    j->find_entry[what][strict][log2] = c->at;
    x_8(c, 0x50); /* push rax */
    gen_entry_offset(c, RAX, RDX);
    change_hint(c, set);
    x_mov(c, RCX, RAX);
    x_mov(c, RAX, RDX);
    x_group_imm(c, G_AND, r_(RAX), (int32_t)(GUEST_PAGE_MASK | (strict ? bytes - 1 : 0)));
    x_group(c, G_CMP, RAX, mx_(R_BANK, RCX, 0, set + (int32_t)offsetof(struct tlb_entry, tag)));
    uint8_t *missed = x_jcc(c, C_NE), *crosses = NULL;
    if (!strict && bytes > 1) { /* in one page? */
        x_ins(c, 0x81, G_AND, r_(RDX));
        x_32(c, GUEST_PAGE_BYTES - 1);
        x_ins(c, 0x81, G_CMP, r_(RDX));
        x_32(c, (uint32_t)(GUEST_PAGE_BYTES - bytes));
        crosses = x_jcc(c, C_A);
        x_ins(c, 0x3b, RAX, r_(RAX)); /* cmp: zero flag */
    }
    uint8_t *done = x_jmp(c);
    x_aim(missed, c->at);
    if (what == FIND_BESIDE_CODE) beside_code(j, set, bytes);
    x_aim(done, c->at);
    if (crosses) x_aim(crosses, c->at);
    x_8(c, 0x58); /* pop rax */
    x_8(c, 0xc3);
}

void jit_emit_stubs(struct jit *j)
{
    for (unsigned i = 0; i < FINDS * 8; i++) stub_find_entry(j, (enum find)(i >> 3), i & 1, i >> 1 & 3);
    stub_enter(j);
    stub_enter_interp(j);
    stub_refused(j);
    stub_deopt(j);
    stub_link(j);
}
