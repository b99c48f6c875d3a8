/*
 * sigframe.c - how a signal handler is started and left.
 *
 * The kernel cannot call the handler: it lays everything needed on the user's stack (or on the alternate one) and lets user mode
 * continue in the handler, as if the interrupted instruction had called it. The return address leads to a page with two
 * instructions that make the system call rt_sigreturn, which restores the registers from the stack.
 *
 * The layout is Linux's for riscv64, because programs look into it (and change it):
 *
 *      sp ->  siginfo                        128 bytes
 *             ucontext: flags, link, stack    40
 *                       signal mask          128 (8 used), padding 8
 *                       pc, x1..x31          256
 *                       f0..f31, fcsr        528, which ends with an empty list of extensions
 */
#include "arch/layout.h"
#include "arch/riscv.h"
#include "base/string.h"
#include "kern/process_internal.h"
#include "kern/signal_internal.h"
#include "mm/usercopy.h"

struct user_context {
    uint64_t flags, link;
    uint64_t stack_base;
    uint32_t stack_flags, padding;
    uint64_t stack_bytes;
    sigset mask;
    uint8_t mask_room[120], alignment[8];
    uint64_t registers[32]; /* pc, x1..x31 */
    uint64_t f[32];
    uint32_t fcsr;
    uint8_t fp_room[256];
    uint32_t reserved;
    uint32_t end_magic, end_bytes;
};

struct signal_frame {
    struct siginfo info;
    struct user_context context;
};
_Static_assert(offsetof(struct user_context, registers) == 176, "Linux's layout");
_Static_assert(sizeof(struct signal_frame) == 128 + 176 + 256 + 528, "Linux's layout");

/* Brings the floating-point registers into current->fp. */
static void collect_fp(struct trapframe *frame)
{
    bool on = interrupts_off();
    if (current->fp_used && (frame->status & SSTATUS_FS) == SSTATUS_FS_DIRTY) {
        csr_set("sstatus", SSTATUS_FS_CLEAN);
        floating_save(&current->fp);
        csr_clear("sstatus", SSTATUS_FS);
        frame->status = (frame->status & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
    }
    interrupts_restore(on);
}

static void restore_fp(struct trapframe *frame, const struct user_context *context)
{
    bool on = interrupts_off();
    memcpy(current->fp.f, context->f, sizeof context->f);
    current->fp.fcsr = context->fcsr & 0xff;
    current->fp_used = true;
    csr_set("sstatus", SSTATUS_FS_CLEAN);
    floating_load(&current->fp);
    csr_clear("sstatus", SSTATUS_FS);
    frame->status = (frame->status & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
    interrupts_restore(on);
}

static bool on_alternate_stack(uint64_t sp)
{
    const struct signals *s = &current->signals;
    return s->stack_bytes && sp - s->stack_base - 1 < s->stack_bytes;
}

static uint64_t frame_address(const struct trapframe *frame, const struct sigaction *action)
{
    const struct signals *s = &current->signals;
    uint64_t sp = frame->sp;
    if ((action->flags & SA_ONSTACK) && s->stack_bytes && !on_alternate_stack(sp)) sp = s->stack_base + s->stack_bytes;
    return (sp - sizeof(struct signal_frame)) & ~15ul;
}

bool sigframe_push(struct trapframe *frame, const struct sigaction *action, const struct siginfo *info, sigset mask)
{
    struct signals *signals = &current->signals;
    uint64_t at = frame_address(frame, action);
    struct signal_frame out = {.info = *info};
    struct user_context *context = &out.context;
    context->stack_base = signals->stack_base;
    context->stack_bytes = signals->stack_bytes;
    context->stack_flags = !signals->stack_bytes ? SS_DISABLE : on_alternate_stack(frame->sp) ? SS_ONSTACK : 0;
    context->mask = mask;
    memcpy(context->registers, frame, sizeof context->registers);
    collect_fp(frame);
    memcpy(context->f, current->fp.f, sizeof context->f);
    context->fcsr = current->fp.fcsr;
    if (copy_to_user(at, &out, sizeof out)) return false;
    if (signals->stack_flags & SS_AUTODISARM) signals->stack_base = signals->stack_bytes = 0;
    frame->pc = action->handler;
    frame->sp = at;
    frame->ra = SIGRETURN_PAGE;
    frame->a[0] = (uint64_t)info->signo;
    frame->a[1] = at + offsetof(struct signal_frame, info);
    frame->a[2] = at + offsetof(struct signal_frame, context);
    return true;
}

bool sigframe_pop(struct trapframe *frame)
{
    struct signal_frame in;
    if (frame->sp % 16 || copy_from_user(&in, frame->sp, sizeof in)) return false;
    const struct user_context *context = &in.context;
    if (context->reserved || context->end_magic || context->end_bytes) return false;
    memcpy(frame, context->registers, sizeof context->registers);
    restore_fp(frame, context);
    if (!(context->stack_flags & SS_DISABLE) && context->stack_base < USER_TOP && context->stack_bytes < USER_TOP) {
        current->signals.stack_base = context->stack_base;
        current->signals.stack_bytes = context->stack_bytes;
    }
    signal_set_mask(context->mask);
    return true;
}
