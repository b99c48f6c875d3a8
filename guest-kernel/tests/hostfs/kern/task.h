/* task.h - the host's stand-in: one task, root, that never waits. */
#ifndef KEPLER_KERN_TASK_H
#define KEPLER_KERN_TASK_H
#include "base/atomic.h"
#include "kern/signal.h"
#include "kern/wait.h"

struct cred {
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
};
struct process;
struct task {
    int pid, tgid;
    struct process *process;
    struct fdtable *files;
    struct fs_context *fs;
    struct cred cred;
};
extern struct task host_task;
#define current (&host_task)
struct task *kthread_start(const char *name, void (*f)(void *), void *arg);
bool signal_pending(void);
bool signal_fatal_pending(void);
bool cred_in_group(uint32_t gid);
static inline bool cred_is_root(void) { return current->cred.euid == 0; }
#endif
