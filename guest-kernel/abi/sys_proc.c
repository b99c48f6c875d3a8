/*
 * sys_proc.c - processes: their beginning and end, groups and sessions, what they may use and have used.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "ipc/eventfd.h"
#include "kern/cputime.h"
#include "kern/exit.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "mm/slab.h"

/* Beginning */

long sys_clone(K_HEX flags, K_PTR stack, K_PTR parent_tid, K_PTR tls, K_PTR child_tid)
{
    struct clone_request request = {
        .flags = flags & 0xffffff00u,
        .exit_signal = (int)(flags & CSIGNAL),
        .stack = stack,
        .tls = tls,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
    };
    return task_clone(&request);
}

long sys_clone3(K_IN arguments, K_SIZE size)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls, set_tid, set_tid_count,
            cgroup;
    } in = {0};
    if (size < 64) return -EINVAL;
    if (size > PAGE_SIZE) return -E2BIG;
    for (uint64_t at = sizeof in; at < size; at++) {
        uint8_t byte;
        if (copy_from_user(&byte, arguments + at, 1)) return -EFAULT;
        if (byte) return -E2BIG;
    }
    if (copy_from_user(&in, arguments, MIN(size, sizeof in))) return -EFAULT;
    if (in.set_tid_count || in.exit_signal > SIGNAL_MAX || (in.flags & (CSIGNAL | CLONE_DETACHED))) return -EINVAL;
    if (!in.stack != !in.stack_bytes || (in.flags >> 33)) return -EINVAL;
    if ((in.flags & (CLONE_THREAD | CLONE_PARENT)) && in.exit_signal) return -EINVAL;
    struct clone_request request = {
        .flags = in.flags,
        .exit_signal = (int)in.exit_signal,
        .stack = in.stack ? in.stack + in.stack_bytes : 0,
        .tls = in.tls,
        .parent_tid = in.parent_tid,
        .child_tid = in.child_tid,
    };
    return task_clone(&request);
}

static long execute(const char *path, uint64_t arguments, uint64_t environment)
{
    struct exec_strings *strings = exec_strings_create();
    if (!strings) return -ENOMEM;
    int error = exec_add_user(strings, arguments, false);
    if (!error) error = exec_add_user(strings, environment, true);
    if (error) {
        exec_strings_free(strings);
        return error;
    }
    return task_exec(path, strings);
}

long sys_execve(K_PATH path, K_PTR arguments, K_PTR environment)
{
    char *name = kmalloc(PATH_MAX);
    if (!name) return -ENOMEM;
    long result = copy_string_from_user(name, path, PATH_MAX);
    if (result == 0) result = -ENOENT;
    if (result > 0) result = execute(name, arguments, environment);
    kfree(name);
    return result;
}

/* What the task shares with others it gets a copy of. What cannot be copied must not be shared. */
long sys_unshare(K_CLONEFLAGS flags)
{
    const uint64_t alone = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    if (flags & ~(alone | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)) return -EINVAL; /* there are no name spaces */
    if (flags & alone && current->process->live > 1) return -EINVAL;
    bool want_files = flags & CLONE_FILES && fdtable_shared(current->files), want_fs = flags & CLONE_FS;
    struct fdtable *files = want_files ? fdtable_fork(current->files) : NULL;
    struct fs_context *fs = want_fs ? fs_context_fork(current->fs) : NULL;
    bool complete = !files == !want_files && !fs == !want_fs;
    spin_lock(&process_lock); /* /proc looks at both under it */
    if (complete && files) {
        struct fdtable *old = current->files;
        current->files = files, files = old;
    }
    if (complete && fs) {
        struct fs_context *old = current->fs;
        current->fs = fs, fs = old;
    }
    spin_unlock(&process_lock);
    if (files) fdtable_put(files);
    if (fs) fs_context_put(fs);
    return complete ? 0 : -ENOMEM;
}

long sys_exit(K_INT code) { task_exit((code & 0xff) << 8); }
long sys_exit_group(K_INT code) { process_exit((code & 0xff) << 8); }

/* Waiting */

struct user_rusage {
    struct user_timeval user, system;
    int64_t rss_max_kib, unused1[3], faults_minor, faults_major, unused2[6], switches_voluntary, switches_forced;
};
_Static_assert(sizeof(struct user_rusage) == 144, "Linux's size");

static int rusage_to_user(uint64_t to, const struct usage *usage)
{
    struct user_rusage out = {
        .user = timeval_of(usage->user_ns),
        .system = timeval_of(usage->system_ns),
        .rss_max_kib = (int64_t)usage->rss_max_pages * 4,
        .faults_minor = (int64_t)usage->faults_minor,
        .faults_major = (int64_t)usage->faults_major,
        .switches_voluntary = (int64_t)usage->switches_voluntary,
        .switches_forced = (int64_t)usage->switches_forced,
    };
    return copy_to_user(to, &out, sizeof out);
}

long sys_wait4(K_PID pid, K_OUT status, K_FLAGS options, K_OUT usage)
{
    if (options & ~(WNOHANG | WSTOPPED | WCONTINUED | WNOTHREAD | WCLONE | WALL)) return -EINVAL;
    if (pid == INT32_MIN) return -ESRCH;
    struct wait_request request = {WAIT_ANY, 0, options | WEXITED, NULL};
    if (pid > 0) request.which = WAIT_PID, request.id = pid;
    if (pid == 0) request.which = WAIT_GROUP, request.id = current->process->pgid;
    if (pid < -1) request.which = WAIT_GROUP, request.id = -pid;
    struct wait_report report;
    int result = process_wait(&request, &report);
    if (result <= 0) return result;
    if (status && copy_to_user(status, &report.status, sizeof report.status)) return -EFAULT;
    if (usage && rusage_to_user(usage, &report.usage)) return -EFAULT;
    return result;
}

/* waitid(P_PIDFD): with a descriptor that does not block, what would wait is an error, unless it was asked not to wait. */
static int wait_for_pidfd(int fd, struct wait_request *request, struct wait_report *report)
{
    unsigned flags;
    struct process *process = pidfd_process(fd, &flags);
    if (!process) return -EBADF;
    bool refuse = flags & O_NONBLOCK && !(request->options & WNOHANG);
    request->which = WAIT_ANY, request->only = process;
    if (refuse) request->options |= WNOHANG;
    int result = process_wait(request, report);
    process_put(process);
    return result == 0 && refuse ? -EAGAIN : result;
}

long sys_waitid(K_INT type, K_PID id, K_OUT info, K_FLAGS options, K_OUT usage)
{
    struct wait_request request = {WAIT_ANY, id, options, NULL};
    if (options & ~(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WCLONE | WALL)) return -EINVAL;
    if (!(options & (WSTOPPED | WEXITED | WCONTINUED))) return -EINVAL;
    switch (type) {
    case 0: break;
    case 1:
        if (id <= 0) return -EINVAL;
        request.which = WAIT_PID;
        break;
    case 2:
        if (id < 0) return -EINVAL;
        request.which = WAIT_GROUP;
        if (!id) request.id = current->process->pgid;
        break;
    case 3:
        if (id < 0) return -EINVAL;
        break;
    default: return -EINVAL;
    }
    struct wait_report report;
    int result = type == 3 ? wait_for_pidfd(id, &request, &report) : process_wait(&request, &report);
    if (result < 0) return result;
    int status = report.code == CLD_EXITED ? report.status >> 8 : report.code == CLD_KILLED ? report.status & 0x7f : 0;
    if (report.code == CLD_STOPPED || report.code == CLD_TRAPPED) status = report.status >> 8;
    if (report.code == CLD_CONTINUED) status = SIGCONT;
    struct siginfo out = {0};
    if (result > 0) {
        out = (struct siginfo){.signo = SIGCHLD, .code = report.code, .pid = report.pid, .uid = report.uid};
        out.status = status;
        if (usage && rusage_to_user(usage, &report.usage)) return -EFAULT;
    }
    return info && copy_to_user(info, &out, sizeof out) ? -EFAULT : 0;
}

/* Who am I */

long sys_getpid(void) { return current->tgid; }
long sys_gettid(void) { return current->pid; }

long sys_getppid(void)
{
    spin_lock(&process_lock);
    int pid = current->process->parent ? current->process->parent->pid : 0;
    spin_unlock(&process_lock);
    return pid;
}

long sys_set_tid_address(K_PTR address)
{
    current->clear_child_tid = address;
    return current->pid;
}

long sys_set_robust_list(K_PTR head, K_SIZE size)
{
    if (size != 24) return -EINVAL;
    current->robust_list = head;
    return 0;
}

long sys_get_robust_list(K_PID pid, K_OUT head, K_OUT size)
{
    struct task *task = pid ? task_find(pid) : task_get(current);
    if (!task) return -ESRCH;
    uint64_t value = task->robust_list, bytes = 24;
    bool may = task->process && (cred_is_root() || task->cred.uid == current->cred.euid);
    task_put(task);
    if (!may) return -EPERM;
    return copy_to_user(size, &bytes, 8) || copy_to_user(head, &value, 8) ? -EFAULT : 0;
}

/* Groups and sessions */

static struct process *find_locked(int pid)
{
    struct process *process;
    list_for_each(process, &process_list, all_link) if (process->pid == pid) return process;
    return NULL;
}

static long set_group(struct process *process, int pgid)
{
    struct process *self = current->process, *other;
    if (!process || (process != self && process->parent != self)) return -ESRCH;
    if (process != self && process->sid != self->sid) return -EPERM;
    if (process != self && process->did_exec) return -EACCES;
    if (process->sid == process->pid) return -EPERM;
    bool exists = pgid == process->pid;
    list_for_each(other, &process_list, all_link) if (other->pgid == pgid && other->sid == self->sid) exists = true;
    if (!exists) return -EPERM;
    process->pgid = pgid;
    return 0;
}

long sys_setpgid(K_PID pid, K_PID pgid)
{
    if (pgid < 0) return -EINVAL;
    spin_lock(&process_lock);
    struct process *process = find_locked(pid ? pid : current->tgid);
    long result = set_group(process, pgid ? pgid : process ? process->pid : 0);
    spin_unlock(&process_lock);
    return result;
}

static long group_or_session(int pid, bool session)
{
    spin_lock(&process_lock);
    struct process *process = pid ? find_locked(pid) : current->process;
    long result = !process ? -ESRCH : session ? process->sid : process->pgid;
    spin_unlock(&process_lock);
    return result;
}

long sys_getpgid(K_PID pid) { return group_or_session(pid, false); }
long sys_getsid(K_PID pid) { return group_or_session(pid, true); }

long sys_setsid(void)
{
    struct process *self = current->process, *other;
    long result = self->pid;
    spin_lock(&process_lock);
    list_for_each(other, &process_list, all_link) if (other->pgid == self->pid) result = -EPERM;
    if (result > 0) {
        self->sid = self->pgid = self->pid;
        self->tty = NULL;
    }
    spin_unlock(&process_lock);
    return result;
}

/* Limits and use */

static long change_limit(struct process *process, unsigned number, const struct rlimit *new, struct rlimit *old)
{
    long result = 0;
    spin_lock(&process_lock);
    *old = process->limits[number];
    if (new) {
        if (new->hard > old->hard && !cred_is_root()) result = -EPERM;
        if (!result) process->limits[number] = *new;
        cputime_changed(process);
    }
    spin_unlock(&process_lock);
    return result;
}

long sys_prlimit64(K_PID pid, K_UINT number, K_IN new_limit, K_OUT old_limit)
{
    struct rlimit new, old;
    if (number >= RLIMITS) return -EINVAL;
    if (new_limit && copy_from_user(&new, new_limit, sizeof new)) return -EFAULT;
    if (new_limit && new.soft > new.hard) return -EINVAL;
    struct process *process = pid ? process_find(pid) : process_get(current->process);
    if (!process) return -ESRCH;
    bool may = process == current->process || cred_is_root() ||
               (process->leader && process->leader->cred.uid == current->cred.uid);
    long result = may ? change_limit(process, number, new_limit ? &new : NULL, &old) : -EPERM;
    process_put(process);
    if (!result && old_limit && copy_to_user(old_limit, &old, sizeof old)) return -EFAULT;
    return result;
}

long sys_getrlimit(K_UINT number, K_OUT limit) { return sys_prlimit64(0, number, 0, limit); }
long sys_setrlimit(K_UINT number, K_IN limit) { return sys_prlimit64(0, number, limit, 0); }

long sys_getrusage(K_INT who, K_OUT to)
{
    struct usage usage = {0};
    spin_lock(&process_lock);
    if (who == 0) usage = process_usage(current->process);
    if (who == -1) usage = current->process->dead_children;
    if (who == 1) usage = task_usage(current);
    spin_unlock(&process_lock);
    if (who < -1 || who > 1) return -EINVAL;
    return rusage_to_user(to, &usage);
}

long sys_times(K_OUT to)
{
    spin_lock(&process_lock);
    struct usage self = process_usage(current->process), children = current->process->dead_children;
    spin_unlock(&process_lock);
    const uint64_t tick = NS_PER_S / 100;
    uint64_t out[4] = {self.user_ns / tick, self.system_ns / tick, children.user_ns / tick, children.system_ns / tick};
    if (to && copy_to_user(to, out, sizeof out)) return -EFAULT;
    return (long)(time_ns() / tick);
}
