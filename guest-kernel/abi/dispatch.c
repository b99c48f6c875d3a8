/*
 * dispatch.c - from the number in a7 to the handler.
 *
 * The table is made from syscall.def. For each call there is a wrapper that turns the registers a0..a5 into arguments of the
 * right C types: this is where a 64-bit register becomes a 32-bit descriptor, in one place, for all calls.
 */
#include "abi/syscall.h"
#include "arch/trap.h"
#include "base/atomic.h"
#include "base/bitmap.h"
#include "base/format.h"
#include "base/string.h"
#include "kern/print.h"
#include "kern/ptrace.h"
#include "kern/task.h"
#include "kern/trace.h"

#define SYSCALLS_MAX 512u

struct call {
    const char *name, *kinds;
    long (*run)(const uint64_t *r);
};

#define WRAP(name, ...)                                                                                                \
    static long call_##name(const uint64_t *r)                                                                         \
    {                                                                                                                  \
        (void)r;                                                                                                       \
        return sys_##name(__VA_ARGS__);                                                                                \
    }
#define SYSCALL0(number, name)             WRAP(name)
#define SYSCALL1(number, name, a)          WRAP(name, (K_##a)r[0])
#define SYSCALL2(number, name, a, b)       WRAP(name, (K_##a)r[0], (K_##b)r[1])
#define SYSCALL3(number, name, a, b, c)    WRAP(name, (K_##a)r[0], (K_##b)r[1], (K_##c)r[2])
#define SYSCALL4(number, name, a, b, c, d) WRAP(name, (K_##a)r[0], (K_##b)r[1], (K_##c)r[2], (K_##d)r[3])
#define SYSCALL5(number, name, a, b, c, d, e)                                                                          \
    WRAP(name, (K_##a)r[0], (K_##b)r[1], (K_##c)r[2], (K_##d)r[3], (K_##e)r[4])
#define SYSCALL6(number, name, a, b, c, d, e, f)                                                                       \
    WRAP(name, (K_##a)r[0], (K_##b)r[1], (K_##c)r[2], (K_##d)r[3], (K_##e)r[4], (K_##f)r[5])
#include "abi/syscall.def"
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

#define ROW(number, name, kinds)                 [number] = {#name, kinds, call_##name},
#define SYSCALL0(number, name)                   ROW(number, name, "")
#define SYSCALL1(number, name, a)                ROW(number, name, #a)
#define SYSCALL2(number, name, a, b)             ROW(number, name, #a " " #b)
#define SYSCALL3(number, name, a, b, c)          ROW(number, name, #a " " #b " " #c)
#define SYSCALL4(number, name, a, b, c, d)       ROW(number, name, #a " " #b " " #c " " #d)
#define SYSCALL5(number, name, a, b, c, d, e)    ROW(number, name, #a " " #b " " #c " " #d " " #e)
#define SYSCALL6(number, name, a, b, c, d, e, f) ROW(number, name, #a " " #b " " #c " " #d " " #e " " #f)
static const struct call calls[SYSCALLS_MAX] = {
#include "abi/syscall.def"
};

/* Calls that C libraries try at every start, or mount before mount(2), and do without: not worth a line. */
static bool is_optional(uint64_t number)
{
    return number == 258 /* riscv_hwprobe */ || number == 293 /* rseq */ ||
           (number >= 428 && number <= 433) /* fsopen … */ || number == 444 /* landlock_create_ruleset */;
}

/* One line per unknown number, not one per call. */
static long unknown(uint64_t number)
{
    if (is_optional(number)) return -ENOSYS;
    static uint64_t seen[BITMAP_WORDS(SYSCALLS_MAX)];
    if (number < SYSCALLS_MAX && !(atomic_or(&seen[number / 64], 1ull << number % 64) >> number % 64 & 1))
        printk("%s (%d): system call %lu is not implemented\n", current->name, current->pid, number);
    return -ENOSYS;
}

void syscall_dispatch(struct trapframe *frame)
{
    uint64_t number = frame->a[7];
    frame->orig_a0 = frame->a[0];
    current->syscall = (int)MIN(number, (uint64_t)INT32_MAX);
    if (current->tracee) {
        ptrace_syscall(true);
        number = frame->a[7]; /* the tracer may have changed it; -1: there is to be no call */
    }
    trace(TRACE_SYSCALL, (long)number, (long)frame->a[0], (long)frame->a[1]);
    const struct call *call = number < SYSCALLS_MAX ? &calls[number] : NULL;
    long result = number == UINT64_MAX ? (long)frame->a[0] : call && call->run ? call->run(frame->a) : unknown(number);
    trace(TRACE_SYSRET, (long)number, result, 0);
    current->signals.unfinished_call = current->syscall >= 0 && (result == -ERESTARTSYS || result == -ERESTARTNOHAND ||
                                                                 result == -ERESTART_RESTARTBLOCK);
    frame->a[0] = (uint64_t)result;
    if (current->tracee) ptrace_syscall(false);
}

size_t syscall_describe(unsigned *number, char *to, size_t room)
{
    for (; *number < SYSCALLS_MAX; ++*number) {
        const struct call *call = &calls[*number];
        if (!call->run) continue;
        int n = format(to, room, "%u %s%s%s\n", *number, call->name, call->kinds[0] ? " " : "", call->kinds);
        return MIN((size_t)n, room - 1);
    }
    return 0;
}
