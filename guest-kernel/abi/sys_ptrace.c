/*
 * sys_ptrace.c - ptrace as programs call it, and reading another process's memory in one go. kern/ptrace.c is what happens inside.
 *
 * One call with a number of requests. All but the first few are about a tracee that is stopped; ESRCH says that it is not (any
 * more). Registers and other things of variable size go through a struct iovec (PTRACE_GETREGSET), whose length is adjusted.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "arch/riscv.h"
#include "base/string.h"
#include "fs/uio.h"
#include "kern/process_internal.h"
#include "kern/ptrace.h"
#include "mm/slab.h"
#include "mm/space.h"

enum {
    PTRACE_TRACEME,
    PTRACE_PEEKTEXT,
    PTRACE_PEEKDATA,
    PTRACE_POKETEXT = 4,
    PTRACE_POKEDATA,
    PTRACE_CONT = 7,
    PTRACE_KILL,
    PTRACE_ATTACH = 16,
    PTRACE_DETACH,
    PTRACE_SYSCALL = 24,
    PTRACE_SETOPTIONS = 0x4200,
    PTRACE_GETEVENTMSG,
    PTRACE_GETSIGINFO,
    PTRACE_SETSIGINFO,
    PTRACE_GETREGSET,
    PTRACE_SETREGSET,
    PTRACE_SEIZE,
    PTRACE_INTERRUPT,
    PTRACE_LISTEN,
    PTRACE_GETSIGMASK = 0x420a,
    PTRACE_SETSIGMASK,
    PTRACE_GET_SYSCALL_INFO = 0x420e,
};

#define NT_PRSTATUS 1
#define NT_PRFPREG  2
#define ARCH_RISCV  0xc00000f3u /* AUDIT_ARCH_RISCV64 */
#define REGISTERS   32u         /* pc, x1..x31: struct user_regs_struct */

/* Its address space with a reference, if the caller traces it; or an error pointer. */
static struct mm *space_of_tracee(struct task *task)
{
    spin_lock(&process_lock);
    struct mm *mm = ptrace_of(task, false) ? task->mm : NULL;
    if (mm) mm_get(mm);
    spin_unlock(&process_lock);
    return mm ? mm : ERR_PTR(-ESRCH);
}

static long peek(struct task *task, uint64_t address, uint64_t to)
{
    uint64_t word;
    struct mm *mm = space_of_tracee(task);
    if (IS_ERR(mm)) return PTR_ERR(mm);
    long n = mm_read(mm, address, &word, sizeof word);
    mm_put(mm);
    if (n != sizeof word) return -EIO;
    return copy_to_user(to, &word, sizeof word) ? -EFAULT : 0;
}

static long poke(struct task *task, uint64_t address, uint64_t word)
{
    struct mm *mm = space_of_tracee(task);
    if (IS_ERR(mm)) return PTR_ERR(mm);
    long n = mm_write(mm, address, &word, sizeof word);
    mm_put(mm);
    return n == sizeof word ? 0 : -EIO;
}

/* Registers: copied under process_lock, since a tracee that is killed takes its stack, where they are, with it. */

union register_set {
    uint64_t general[REGISTERS];
    struct fpstate floating;
};

static long transfer_registers(struct task *task, uint64_t type, union register_set *set, size_t bytes, bool store)
{
    long result = 0;
    spin_lock(&process_lock);
    if (!ptrace_of(task, false)) result = -ESRCH;
    uint64_t *frame = (uint64_t *)task_frame(task);
    void *at = type == NT_PRSTATUS ? (void *)frame : (void *)&task->fp;
    if (!result && store) memcpy(at, set, bytes);
    if (!result && store && type == NT_PRFPREG) {
        task->fp_used = true;
        task_frame(task)->status = (task_frame(task)->status & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
    }
    if (!result && !store) memcpy(set, at, bytes);
    spin_unlock(&process_lock);
    return result;
}

static long register_call(struct task *task, uint64_t type, uint64_t vector, bool store)
{
    union register_set set = {0};
    struct uio_segment part;
    size_t size = type == NT_PRSTATUS ? sizeof set.general : offsetof(struct fpstate, reserved) + 4;
    if (type != NT_PRSTATUS && type != NT_PRFPREG) return -EINVAL;
    if (copy_from_user(&part, vector, sizeof part)) return -EFAULT;
    part.bytes = MIN(part.bytes, size);
    if (store && part.bytes % 8) return -EINVAL;
    if (store && copy_from_user(&set, part.base, part.bytes)) return -EFAULT;
    long error = transfer_registers(task, type, &set, store ? part.bytes : size, store);
    if (error) return error;
    if (!store && copy_to_user(part.base, &set, part.bytes)) return -EFAULT;
    return copy_to_user(vector, &part, sizeof part) ? -EFAULT : 0;
}

/* What call a tracee that is stopped at one makes, or what has become of it. */
struct call_info {
    uint8_t phase, padding[3];
    uint32_t arch;
    uint64_t pc, sp;
    union {
        struct {
            uint64_t number, arguments[6];
        } entry;
        struct {
            int64_t result;
            uint8_t is_error;
        } exit;
    };
};

static long call_info(struct task *task, uint64_t room, uint64_t to)
{
    struct call_info info = {.arch = ARCH_RISCV};
    size_t size = offsetof(struct call_info, entry);
    spin_lock(&process_lock);
    struct tracee *tracee = ptrace_of(task, false);
    if (tracee) {
        const struct trapframe *frame = task_frame(task);
        info.phase = (uint8_t)tracee->call_phase;
        info.pc = frame->pc, info.sp = frame->sp;
        if (info.phase == 1) {
            info.entry.number = frame->a[7];
            memcpy(info.entry.arguments, frame->a, sizeof info.entry.arguments);
            size = sizeof info;
        } else if (info.phase == 2) {
            info.exit.result = (int64_t)frame->a[0];
            info.exit.is_error = info.exit.result < 0 && info.exit.result >= -4095;
            size = offsetof(struct call_info, exit.is_error) + 1;
        }
    }
    spin_unlock(&process_lock);
    if (!tracee) return -ESRCH;
    return copy_to_user(to, &info, MIN(room, size)) ? -EFAULT : (long)size;
}

static long signal_info(struct task *task, uint64_t user, bool store)
{
    struct siginfo info;
    if (store && copy_from_user(&info, user, sizeof info)) return -EFAULT;
    spin_lock(&process_lock);
    struct tracee *tracee = ptrace_of(task, false);
    long result = !tracee ? -ESRCH : !tracee->has_info ? -EINVAL : 0;
    if (!result && store) tracee->info = info;
    if (!result && !store) info = tracee->info;
    spin_unlock(&process_lock);
    return !result && !store && copy_to_user(user, &info, sizeof info) ? -EFAULT : result;
}

static long signal_mask(struct task *task, uint64_t size, uint64_t user, bool store)
{
    sigset mask;
    if (size != sizeof mask) return -EINVAL;
    if (store && copy_from_user(&mask, user, sizeof mask)) return -EFAULT;
    spin_lock(&process_lock);
    bool there = ptrace_of(task, false);
    if (there && store) task->signals.blocked = mask & ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
    if (there && !store) mask = task->signals.blocked;
    spin_unlock(&process_lock);
    if (!there) return -ESRCH;
    return !store && copy_to_user(user, &mask, sizeof mask) ? -EFAULT : 0;
}

static long event_message(struct task *task, uint64_t to)
{
    spin_lock(&process_lock);
    struct tracee *tracee = ptrace_of(task, false);
    uint64_t message = tracee ? tracee->message : 0;
    spin_unlock(&process_lock);
    if (!tracee) return -ESRCH;
    return copy_to_user(to, &message, sizeof message) ? -EFAULT : 0;
}

/* Requests that end a stop or change how the next one comes about. process_lock is held. */
static long steer(struct task *task, struct tracee *tracee, int request, uint64_t data)
{
    switch (request) {
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
        if (data > SIGNAL_MAX) return -EIO;
        tracee->syscalls = request == PTRACE_SYSCALL;
        tracee->signal = (int)data;
        ptrace_resume(tracee);
        return 0;
    case PTRACE_DETACH:
        if (data > SIGNAL_MAX) return -EIO;
        ptrace_detach(tracee, (int)data);
        return 0;
    case PTRACE_KILL: signal_queue(task->process, NULL, SIGKILL, NULL); return 0;
    case PTRACE_LISTEN:
        if (!tracee->seized || tracee->stop_status >> 8 != EVENT_STOP) return -EIO;
        tracee->listening = true;
        return 0;
    case PTRACE_SETOPTIONS:
        if (data & ~(uint64_t)TRACE_OPTIONS) return -EINVAL;
        tracee->options = (unsigned)data;
        return 0;
    default: return -EIO;
    }
}

static long interrupt(struct task *task)
{
    spin_lock(&process_lock);
    struct tracee *tracee = ptrace_of(task, true);
    long result = !tracee ? -ESRCH : tracee->seized ? 0 : -EIO;
    if (!result && tracee->listening) {
        tracee->listening = false;
        tracee->interrupt = true;
        ptrace_resume(tracee);
    } else if (!result && !tracee->stopped) {
        tracee->interrupt = true;
        wake_for_signal(task, false);
    }
    spin_unlock(&process_lock);
    return result;
}

static long steer_call(struct task *task, int request, uint64_t data)
{
    spin_lock(&process_lock);
    struct tracee *tracee = ptrace_of(task, false);
    long result = tracee ? steer(task, tracee, request, data) : -ESRCH;
    spin_unlock(&process_lock);
    return result;
}

static long request_on(struct task *task, int request, uint64_t address, uint64_t data)
{
    switch (request) {
    case PTRACE_ATTACH: return ptrace_attach(task, false, 0);
    case PTRACE_SEIZE:
        if (address || (data & ~(uint64_t)TRACE_OPTIONS)) return -EIO;
        return ptrace_attach(task, true, (unsigned)data);
    case PTRACE_INTERRUPT: return interrupt(task);
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA: return peek(task, address, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA: return poke(task, address, data);
    case PTRACE_GETREGSET: return register_call(task, address, data, false);
    case PTRACE_SETREGSET: return register_call(task, address, data, true);
    case PTRACE_GETSIGINFO: return signal_info(task, data, false);
    case PTRACE_SETSIGINFO: return signal_info(task, data, true);
    case PTRACE_GETSIGMASK: return signal_mask(task, address, data, false);
    case PTRACE_SETSIGMASK: return signal_mask(task, address, data, true);
    case PTRACE_GETEVENTMSG: return event_message(task, data);
    case PTRACE_GET_SYSCALL_INFO: return call_info(task, address, data);
    default: return steer_call(task, request, data);
    }
}

long sys_ptrace(K_LONG request, K_PID pid, K_PTR address, K_HEX data)
{
    if (request == PTRACE_TRACEME) return ptrace_traceme();
    struct task *task = task_find(pid);
    if (!task) return -ESRCH;
    long result = request_on(task, (int)request, address, data);
    task_put(task);
    return result;
}

/* Another process's memory */

#define BLOCK 4096u

/* Moves bytes between the caller's segments and those of the other, which need not have equal lengths. */
static long move(struct mm *mm, struct uio *own, struct uio_segment *other, uint64_t count, bool store, char *block)
{
    long done = 0;
    for (uint64_t i = 0; i < count; i++) {
        while (other[i].bytes && own->left) {
            size_t step = MIN(MIN(other[i].bytes, own->left), (uint64_t)BLOCK);
            long n = store ? uio_get(own, block, step) : mm_read(mm, other[i].base, block, step);
            if (store && n > 0) n = mm_write(mm, other[i].base, block, (size_t)n);
            if (n <= 0) return done ? done : -EFAULT;
            if (!store && uio_put(own, block, (size_t)n) != n) return done ? done : -EFAULT;
            done += n;
            other[i].base += (uint64_t)n;
            other[i].bytes -= (uint64_t)n;
            if ((size_t)n < step) return done;
            if (signal_fatal_pending()) return done;
        }
    }
    return done;
}

static long move_for(int pid, struct uio *own, struct uio_segment *other, uint64_t count, bool store)
{
    struct task *task = task_find(pid);
    if (!task) return -ESRCH;
    spin_lock(&process_lock);
    bool may = ptrace_may_access(task);
    struct mm *mm = may ? task->mm : NULL;
    if (mm) mm_get(mm);
    spin_unlock(&process_lock);
    task_put(task);
    if (!mm) return may ? -ESRCH : -EPERM;
    char *block = kmalloc(BLOCK);
    long result = block ? move(mm, own, other, count, store, block) : -ENOMEM;
    kfree(block);
    mm_put(mm);
    return result;
}

static long other_memory(int pid, uint64_t own_vector, uint64_t own_count, uint64_t vector, uint64_t count, bool store)
{
    struct uio own;
    if (own_count > UIO_SEGMENTS_MAX || count > UIO_SEGMENTS_MAX) return -EINVAL;
    struct uio_segment *storage = kmalloc((own_count + count + 1) * sizeof *storage), *other = storage + own_count;
    if (!storage) return -ENOMEM;
    long result = uio_init_vector(&own, storage, own_vector, own_count, 0);
    if (!result && copy_from_user(other, vector, count * sizeof *other)) result = -EFAULT;
    for (uint64_t i = 0; i < count && !result; i++)
        if (other[i].bytes > INT64_MAX) result = -EINVAL;
    if (!result) result = move_for(pid, &own, other, count, store);
    kfree(storage);
    return result;
}

long sys_process_vm_readv(K_PID pid, K_PTR own, K_SIZE own_count, K_PTR other, K_SIZE count, K_HEX flags)
{
    return flags ? -EINVAL : other_memory(pid, own, own_count, other, count, false);
}

long sys_process_vm_writev(K_PID pid, K_PTR own, K_SIZE own_count, K_PTR other, K_SIZE count, K_HEX flags)
{
    return flags ? -EINVAL : other_memory(pid, own, own_count, other, count, true);
}
