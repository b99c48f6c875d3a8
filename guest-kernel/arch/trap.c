/*
 * trap.c - what to do about a trap. The entry code in trap.S has saved the registers in a frame.
 *
 *   from user mode:   system call            -> abi/dispatch.c
 *                     page fault             -> mm_fault: the page is brought in, or the program gets a signal
 *                     floating point, first use -> switched on
 *                     anything else          -> a signal (SIGILL, SIGTRAP, SIGBUS)
 *   from the kernel:  page fault in a copy from or to user memory -> mm/usercopy.c
 *                     anything else          -> panic, with a backtrace
 *   from either:      interrupts: timer, another hart (IPI), devices
 *
 * On the way back to user mode the task acts on signals and gives up the hart if its quantum is over. Interrupts are off
 * on entry; a trap from user mode switches them on as soon as it is known what it is about.
 */
#include "arch/trap.h"

#include "abi/syscall.h"
#include "arch/hart.h"
#include "arch/irq.h"
#include "arch/layout.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "kern/print.h"
#include "kern/signal_internal.h"
#include "kern/task.h"
#include "kern/task_internal.h"
#include "kern/timer.h"
#include "kern/trace.h"
#include "mm/space.h"
#include "mm/usercopy.h"
#include "sched/sched.h"

extern char trap_entry[];
void trap_from_user(struct trapframe *frame);
void trap_from_kernel(struct trapframe *frame);
_Noreturn void trap_stack_overflow(uint64_t pc, uint64_t address, uint64_t sp, uint64_t fp);

void trap_init(void)
{
    csr_write("sscratch", 0);
    csr_write("stvec", trap_entry);
    csr_write("sie", SIE_SSIE | SIE_STIE | SIE_SEIE);
    /* User programs may read the clock and count their cycles and instructions. */
    csr_write("scounteren", 7);
}

static void serve_calls(void)
{
    csr_clear("sip", SIE_SSIE);
    struct hart *hart = this_hart();
    uint64_t work = atomic_swap(&hart->work, 0);
    if (work & IPI_STOP)
        for (;;) wait_for_interrupt();
    if (work & IPI_TIMER) timer_reprogram();
    if (work & IPI_RESCHEDULE) hart->need_resched = true;
}

static void interrupt(uint64_t cause)
{
    struct hart *hart = this_hart();
    hart->in_interrupt = true;
    hart->interrupts++;
    switch (cause & ~CAUSE_INTERRUPT) {
    case IRQ_S_SOFT: serve_calls(); break;
    case IRQ_S_TIMER: timer_interrupt(); break;
    case IRQ_S_EXTERNAL: irq_dispatch(); break;
    default: panic("interrupt %#lx", cause);
    }
    hart->in_interrupt = false;
}

static bool page_fault_access(uint64_t cause, enum mm_access *access)
{
    switch (cause) {
    case CAUSE_FETCH_PAGE_FAULT: *access = MM_EXEC; return true;
    case CAUSE_LOAD_PAGE_FAULT: *access = MM_READ; return true;
    case CAUSE_STORE_PAGE_FAULT: *access = MM_WRITE; return true;
    default: return false;
    }
}

static void user_page_fault(struct trapframe *frame, enum mm_access access)
{
    int code = SEGV_MAPERR;
    uint64_t waits = current->sched.switches_voluntary, begin = time_ns();
    int error = frame->tval < USER_TOP ? mm_fault(current->mm, frame->tval, access, &code) : -EFAULT;
    if (current->sched.switches_voluntary != waits)
        trace(TRACE_FAULTWAIT, (long)frame->tval, (long)(time_ns() - begin), 0);
    trace(TRACE_FAULT, (long)frame->tval, access, error);
    if (!error) return;
    if (error == -ENOMEM)
        signal_fault(SIGKILL, SI_KERNEL, frame->tval);
    else if (error == -EFAULT)
        signal_fault(SIGSEGV, code, frame->tval);
    else
        signal_fault(SIGBUS, BUS_ADRERR, frame->tval);
}

/* The first floating-point instruction of a program finds the unit switched off. */
static void user_illegal(struct trapframe *frame)
{
    if (!current->fp_used) {
        interrupts_off();
        current->fp_used = true;
        current->fp = (struct fpstate){0};
        csr_set("sstatus", SSTATUS_FS_DIRTY);
        floating_load(&current->fp);
        csr_clear("sstatus", SSTATUS_FS);
        frame->status = (frame->status & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
        interrupts_on();
        return;
    }
    signal_fault(SIGILL, ILL_ILLOPC, frame->pc);
}

static void user_exception(struct trapframe *frame)
{
    enum mm_access access;
    if (page_fault_access(frame->cause, &access)) {
        user_page_fault(frame, access);
        return;
    }
    switch (frame->cause) {
    case CAUSE_ECALL_U:
        frame->pc += 4;
        syscall_dispatch(frame);
        break;
    case CAUSE_ILLEGAL: user_illegal(frame); break;
    case CAUSE_BREAKPOINT: signal_fault(SIGTRAP, TRAP_BRKPT, frame->pc); break;
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_STORE_MISALIGNED: signal_fault(SIGBUS, BUS_ADRALN, frame->tval); break;
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_ACCESS: signal_fault(SIGBUS, BUS_ADRERR, frame->tval); break;
    default: panic("user exception %lu at %#lx", frame->cause, frame->pc);
    }
}

/* Everything that is to be done before a task goes (back) to user mode. Returns with interrupts off. */
static void prepare_user(struct trapframe *frame)
{
    for (;;) {
        interrupts_off();
        bool resched = this_hart()->need_resched;
        if (!resched && !signal_work_pending()) break;
        interrupts_on();
        if (resched) sched_resched();
        signal_deliver(frame);
    }
    sched_leave_kernel();
}

void trap_from_user(struct trapframe *frame)
{
    sched_enter_kernel();
    current->syscall = -1;
    if (frame->cause & CAUSE_INTERRUPT) {
        interrupt(frame->cause);
    } else {
        interrupts_on();
        user_exception(frame);
    }
    prepare_user(frame);
}

/* A new task's way to user mode; task_begin in trap.S. */
void task_return_first(struct trapframe *frame) { prepare_user(frame); }

static _Noreturn void die(struct trapframe *frame)
{
    printk("trap in the kernel: cause %lu at %#lx, address %#lx, task %d (%s)\n", frame->cause, frame->pc, frame->tval,
           current->pid, current->name);
    printk("ra %#lx sp %#lx s0 %#lx a0 %#lx a1 %#lx a2 %#lx status %#lx\n", frame->ra, frame->sp, frame->s0,
           frame->a[0], frame->a[1], frame->a[2], frame->status);
    backtrace(frame->s0, frame->pc);
    panic("unexpected trap");
}

void trap_from_kernel(struct trapframe *frame)
{
    enum mm_access access;
    if (frame->cause & CAUSE_INTERRUPT) {
        interrupt(frame->cause);
        return;
    }
    if (page_fault_access(frame->cause, &access) && access != MM_EXEC && frame->tval < USER_TOP &&
        usercopy_fault(&frame->pc, frame->tval, access)) {
        interrupts_off();
        return;
    }
    die(frame);
}

_Noreturn void trap_stack_overflow(uint64_t pc, uint64_t address, uint64_t sp, uint64_t fp)
{
    (void)fp;
    panic("kernel stack overflow in task %d (%s): pc %#lx, sp %#lx, address %#lx", current->pid, current->name, pc, sp,
          address);
}
