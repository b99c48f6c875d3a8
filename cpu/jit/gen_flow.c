/* The generator for x86-64, control transfer. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* ---- control transfer ---- */

uint32_t gen_page_offset(const struct gen *g) { return (uint32_t)(g->block->gpa & ~GUEST_PAGE_MASK); }

/* The jump at `site` goes to the block at this offset of the page. */
static void link_to(struct gen *g, uint8_t *site, uint32_t target)
{
    if (target == gen_page_offset(g))
        x_aim(site, g->entry);
    else
        g->exits[g->exit_count++] = (struct exit){site, EXIT_LINK, target};
}

/* Goes to the guest address in rax. */
static void jump_anywhere(struct gen *g)
{
    struct code *c = &g->c;
    x_store(c, m_(R_HART, H(pc)), RAX);
    x_load(c, RCX, m_(R_HART, H(code)));
    /* rdx = jump_slot(pc) * 16; the mode's salt is a constant of the block. */
    x_ins(c, 0x8d, RDX, mx_(RAX, RAX, 0, 0));
    x_ins(c, 0xc1, S_SHL, r_(RDX));
    x_8(c, 2);
    x_ins(c, 0x81, G_AND, r_(RDX));
    x_32(c, (JUMP_SETS - 1) << 4);
    uint32_t salt = (uint32_t)MODE_SALT(g->block->mode) << 4;
    if (salt) {
        x_ins(c, 0x81, G_XOR, r_(RDX));
        x_32(c, salt);
    }
    _Static_assert(sizeof(struct jump_entry) == 16, "scaled by shifts");
    int32_t jump = (int32_t)offsetof(struct code_bank, jump);
    x_group(c, G_CMP, RAX, mx_(RCX, RDX, 0, jump + (int32_t)offsetof(struct jump_entry, pc)));
    uint8_t *missed = x_jcc(c, C_NE);
    x_load(c, RCX, mx_(RCX, RDX, 0, jump + (int32_t)offsetof(struct jump_entry, block)));
    x_ins(c, 0xff, 4, m_(RCX, (int32_t)offsetof(struct block, native)));
    x_aim(missed, g->jit->leave_jump);
}

/* The same for an address that is a constant but for its page. */
static void jump_relative(struct gen *g, int32_t offset)
{
    x_load(&g->c, RAX, m_(R_HART, H(pc)));
    x_group_imm(&g->c, G_AND, r_(RAX), -(int32_t)GUEST_PAGE_BYTES);
    x_group_imm(&g->c, G_ADD, r_(RAX), (int32_t)gen_page_offset(g) + offset);
    jump_anywhere(g);
}

static bool is_near(const struct gen *g, int32_t offset)
{
    int64_t target = (int64_t)gen_page_offset(g) + offset;
    return target >= 0 && target < (int64_t)GUEST_PAGE_BYTES;
}

/* To `offset` bytes from the block's start. */
void gen_go_to(struct gen *g, int32_t offset)
{
    if (is_near(g, offset))
        link_to(g, x_jmp(&g->c), (uint32_t)((int32_t)gen_page_offset(g) + offset));
    else
        jump_relative(g, offset);
}

static void set_return_address(struct gen *g, unsigned scratch)
{
    unsigned rd = g->insn->rd;
    if (rd == 0) return;
    unsigned reg = g->host[rd] == NOT_PINNED ? scratch : g->host[rd];
    x_load(&g->c, reg, m_(R_HART, H(pc)));
    x_group_imm(&g->c, G_AND, r_(reg), -(int32_t)GUEST_PAGE_BYTES);
    x_group_imm(&g->c, G_ADD, r_(reg), (int32_t)(gen_page_offset(g) + g->offset + g->insn->length));
    if (reg == scratch) x_store(&g->c, XREG(rd), reg);
}

bool gen_branch(struct gen *g, const struct tree *t)
{
    unsigned condition;
    int32_t taken = (int32_t)g->offset + g->insn->imm, fall = (int32_t)(g->offset + g->insn->length);
    if (!gen_compare(g, t, &condition)) return false;
    if (is_near(g, taken)) {
        link_to(g, x_jcc(&g->c, condition), (uint32_t)((int32_t)gen_page_offset(g) + taken));
        gen_go_to(g, fall);
        return true;
    }
    uint8_t *far = x_jcc(&g->c, condition);
    gen_go_to(g, fall);
    x_aim(far, g->c.at);
    jump_relative(g, taken);
    return true;
}

bool gen_jump(struct gen *g)
{
    int32_t target = (int32_t)g->offset + g->insn->imm;
    set_return_address(g, RAX);
    gen_go_to(g, target);
    return true;
}

bool gen_jump_register(struct gen *g, const struct tree *t)
{
    if (!gen_value(g, t, RAX)) return false;
    set_return_address(g, RCX);
    jump_anywhere(g);
    return true;
}
