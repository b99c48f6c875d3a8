/* The generator for x86-64, control transfer. */
#include "cpu/jit/gen.h"

#include "emu/base/bits.h"

/* ---- control transfer ---- */

uint32_t gen_page_offset(const struct gen *g) { return (uint32_t)(g->block->gpa & ~GUEST_PAGE_MASK); }

static bool is_near(const struct gen *g, int32_t offset)
{
    int64_t target = (int64_t)gen_page_offset(g) + offset;
    return target >= 0 && target < (int64_t)GUEST_PAGE_BYTES;
}

/* The region's label at `offset` bytes from this block, or -1. */
static int member_at(const struct gen *g, int32_t offset)
{
    if (!g->plan) return -1;
    gva_t pc = g->plan->member[g->member].pc + (uint64_t)(int64_t)offset;
    for (unsigned i = 0; i < g->plan->count; i++)
        if (g->plan->member[i].pc == pc && !g->plan->member[i].joined) return (int)i;
    return -1;
}

/* The jump at `site` goes `offset` bytes from the block's start. */
static void aim_at(struct gen *g, uint8_t *site, int32_t offset)
{
    int member = member_at(g, offset);
    uint32_t in_page = gen_page_offset(g) + (uint32_t)offset;
    if (!g->plan && offset == 0)
        x_aim(site, g->entry);
    else if (member >= 0)
        g->exits[g->exit_count++] = (struct exit){site, EXIT_LABEL, (uint32_t)member, g->member, g->exit_place, false};
    else if (is_near(g, offset))
        g->exits[g->exit_count++] = (struct exit){site, EXIT_LINK, in_page, g->member, g->exit_place, false};
    else
        g->exits[g->exit_count++] = (struct exit){site, EXIT_FAR, (uint32_t)offset, g->member, g->exit_place, false};
}

void gen_leave_at(struct gen *g, uint8_t *site, int32_t offset)
{
    uint32_t in_page = gen_page_offset(g) + (uint32_t)offset;
    bool near = is_near(g, offset);
    g->exits[g->exit_count++] = (struct exit){
        site, near ? EXIT_LINK : EXIT_FAR, near ? in_page : (uint32_t)offset, g->member, g->exit_place, false};
}

/* Goes to the guest address in rax. */
void gen_jump_anywhere(struct gen *g)
{
    struct code *c = &g->c;
    x_store(c, m_(R_HART, H(pc)), RAX);
    x_load(c, RCX, m_(R_HART, H(code)));
    /* rdx = mmu_jump(pc) */
    x_mov(c, RDX, RAX);
    x_shift_imm(c, S_SHR, RDX, JUMP_SETS_LOG2);
    x_ins(c, 0x33, RDX, r_(RAX));
    x_ins(c, 0xc1, S_SHL, r_(RDX));
    x_8(c, 4);
    x_ins(c, 0x81, G_AND, r_(RDX));
    x_32(c, (JUMP_SETS - 1) << 5);
    _Static_assert(sizeof(struct jump_entry) == 32, "scaled by shifts");
    x_group(c, G_ADD, RDX, m_(R_HART, H(mmu.jump)));
    x_load(c, RCX, m_(RCX, (int32_t)offsetof(struct code_bank, jump_tag)));
    if (g->block->mode) x_group_imm(c, G_ADD, r_(RCX), g->block->mode);
    x_group(c, G_CMP, RAX, m_(RDX, (int32_t)offsetof(struct jump_entry, pc)));
    uint8_t *other_pc = x_jcc(c, C_NE);
    x_group(c, G_CMP, RCX, m_(RDX, (int32_t)offsetof(struct jump_entry, tag)));
    uint8_t *other_tag = x_jcc(c, C_NE);
    x_load(c, RCX, m_(RDX, (int32_t)offsetof(struct jump_entry, block)));
    x_ins(c, 0xff, 4, m_(RDX, (int32_t)offsetof(struct jump_entry, target)));
    x_aim(other_pc, g->jit->leave_jump);
    x_aim(other_tag, g->jit->leave_jump);
}

void gen_pc(struct gen *g, unsigned dst, int32_t offset)
{
    struct code *c = &g->c;
    if (g->plan && g->plan->several_pages) {
        x_mov_imm(c, dst, (int64_t)(g->plan->member[g->member].pc + (uint64_t)(int64_t)offset));
        return;
    }
    x_load(c, dst, m_(R_HART, H(pc)));
    x_group_imm(c, G_AND, r_(dst), -(int32_t)GUEST_PAGE_BYTES);
    x_group_imm(c, G_ADD, r_(dst), (int32_t)gen_page_offset(g) + offset);
}

void gen_go_to(struct gen *g, int32_t offset)
{
    int member = member_at(g, offset);
    if (member >= 0 && member == g->next_member) return;
    if (member >= 0 || is_near(g, offset)) {
        aim_at(g, x_jmp(&g->c), offset);
        return;
    }
    gen_leave_region(g, &g->now);
    gen_pc(g, RAX, offset);
    gen_jump_anywhere(g);
}

static void set_return_address(struct gen *g, unsigned scratch)
{
    unsigned rd = g->insn->rd;
    if (rd == 0) return;
    unsigned reg = g->host[rd] == NOT_PINNED ? scratch : g->host[rd];
    gen_pc(g, reg, (int32_t)(g->offset + g->insn->length));
    if (reg == scratch) x_store(&g->c, XREG(rd), reg);
}

/* Whether the present block was seen to be followed by member a more often than by b, which may be -1. */
static bool is_likelier(const struct gen *g, int a, int b)
{
    const struct member *m = &g->plan->member[g->member];
    unsigned counts[2] = {0, 0};
    for (unsigned i = 0; i < m->next_count; i++) {
        if (m->next[i].member == a) counts[0] = m->next[i].count;
        if (m->next[i].member == b) counts[1] = m->next[i].count;
    }
    return counts[0] > counts[1];
}

/* The jump at `site` goes `offset` bytes from the block's start, from between members that are joined. */
static void leave_chain(struct gen *g, uint8_t *site, int32_t offset)
{
    int member = member_at(g, offset);
    unsigned place = member < 0 ? g->exit_place : gen_place_inside(g);
    if (place == NO_PLACE) g->failed = true;
    if (member < 0)
        aim_at(g, site, offset);
    else
        g->exits[g->exit_count++] = (struct exit){site, EXIT_LABEL, (uint32_t)member, g->member, place, true};
}

bool gen_branch(struct gen *g, const struct tree *t)
{
    unsigned condition;
    int32_t taken = (int32_t)g->offset + g->insn->imm, fall = (int32_t)(g->offset + g->insn->length);
    if (!gen_compare(g, t, &condition)) return false;
    if (gen_goes_on(g)) {
        const struct member *m = &g->plan->member[g->member];
        bool falls = m[1].pc - m->pc == (uint64_t)(int64_t)fall;
        leave_chain(g, x_jcc(&g->c, condition ^ !falls), falls ? taken : fall);
        return true;
    }
    int member = member_at(g, taken), fall_member = member_at(g, fall);
    bool falls_often = fall_member >= 0 && fall_member != g->next_member && is_likelier(g, fall_member, member);
    if (falls_often && (member < 0 || member != g->next_member)) {
        aim_at(g, x_jcc(&g->c, condition ^ 1), fall);
        gen_go_to(g, taken);
        return true;
    }
    if (member >= 0 && member == g->next_member) {
        aim_at(g, x_jcc(&g->c, condition ^ 1), fall);
        return true;
    }
    aim_at(g, x_jcc(&g->c, condition), taken);
    gen_go_to(g, fall);
    return true;
}

bool gen_jump(struct gen *g)
{
    int32_t target = (int32_t)g->offset + g->insn->imm;
    set_return_address(g, RAX);
    if (!gen_goes_on(g)) gen_go_to(g, target);
    return true;
}

/* To those of the region's blocks that this jump was seen to go to. rax: the target. */
static void jump_within_region(struct gen *g)
{
    struct code *c = &g->c;
    const struct member *m = &g->plan->member[g->member];
    bool anywhere = g->plan->several_pages;
    if (!m->next_count) return;
    if (!anywhere) { /* rdx: the target less the page that h->pc is in */
        x_load(c, RCX, m_(R_HART, H(pc)));
        x_group_imm(c, G_AND, r_(RCX), -(int32_t)GUEST_PAGE_BYTES);
        x_mov(c, RDX, RAX);
        x_group(c, G_SUB, RDX, r_(RCX));
    }
    for (unsigned i = 0; i < m->next_count; i++) {
        gva_t pc = g->plan->member[m->next[i].member].pc;
        if (g->plan->member[m->next[i].member].joined) continue;
        if (!anywhere) {
            x_group_imm(c, G_CMP, r_(RDX), (int32_t)(pc & ~GUEST_PAGE_MASK));
        } else if ((int64_t)pc == (int32_t)pc) {
            x_group_imm(c, G_CMP, r_(RAX), (int32_t)pc);
        } else {
            x_mov_imm(c, RCX, (int64_t)pc);
            x_group(c, G_CMP, RAX, r_(RCX));
        }
        g->exits[g->exit_count++] =
            (struct exit){x_jcc(c, C_E), EXIT_LABEL, m->next[i].member, g->member, g->exit_place, false};
    }
}

bool gen_jump_register(struct gen *g, const struct tree *t)
{
    if (!gen_value(g, t, RAX)) return false;
    set_return_address(g, RCX);
    if (g->plan) jump_within_region(g);
    gen_leave_region(g, &g->now);
    gen_jump_anywhere(g);
    return true;
}
