/*
 * sys_ids.c - users and groups a process acts for.
 *
 * Each has three: real (who started it), effective (with whose rights it acts), saved (what effective may go back to). Root may set
 * any; others may only move among the three they have. The file-system id follows the effective one.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "kern/process_internal.h"

#define KEEP UINT32_MAX /* -1: leave as it is */

struct ids {
    uint32_t real, effective, saved;
};

static bool among(uint32_t id, const struct ids *have)
{
    return id == KEEP || id == have->real || id == have->effective || id == have->saved;
}

/*
 * A process that acts for somebody else now may still hold what it got before: its new user may not look inside, until it runs another
 * program. Nor may its parent's end send it a signal any more.
 */
static void changed_from(const struct cred *old)
{
    const struct cred *new = &current->cred;
    bool same =
        old->euid == new->euid && old->egid == new->egid && old->fsuid == new->fsuid && old->fsgid == new->fsgid;
    if (same) return;
    current->process->dumpable = false;
    current->process->parent_death_signal = 0;
}

static void store(const struct ids *ids, bool group)
{
    struct cred *cred = &current->cred, old;
    spin_lock(&process_lock);
    old = *cred;
    if (group)
        cred->gid = ids->real, cred->egid = cred->fsgid = ids->effective, cred->sgid = ids->saved;
    else
        cred->uid = ids->real, cred->euid = cred->fsuid = ids->effective, cred->suid = ids->saved;
    changed_from(&old);
    spin_unlock(&process_lock);
}

static struct ids load(bool group)
{
    const struct cred *cred = &current->cred;
    return group ? (struct ids){cred->gid, cred->egid, cred->sgid} : (struct ids){cred->uid, cred->euid, cred->suid};
}

static long set_three(uint32_t real, uint32_t effective, uint32_t saved, bool group)
{
    struct ids ids = load(group);
    if (!cred_is_root() && !(among(real, &ids) && among(effective, &ids) && among(saved, &ids))) return -EPERM;
    if (real != KEEP) ids.real = real;
    if (effective != KEEP) ids.effective = effective;
    if (saved != KEEP) ids.saved = saved;
    store(&ids, group);
    return 0;
}

static long set_two(uint32_t real, uint32_t effective, bool group)
{
    struct ids old = load(group), ids = old;
    bool root = cred_is_root();
    if (real != KEEP) {
        if (!root && real != old.real && real != old.effective) return -EPERM;
        ids.real = real;
    }
    if (effective != KEEP) {
        if (!root && !among(effective, &old)) return -EPERM;
        ids.effective = effective;
    }
    if (real != KEEP || (effective != KEEP && effective != old.real)) ids.saved = ids.effective;
    store(&ids, group);
    return 0;
}

static long set_one(uint32_t id, bool group)
{
    struct ids ids = load(group);
    if (id == KEEP) return -EINVAL;
    if (cred_is_root())
        ids = (struct ids){id, id, id};
    else if (id == ids.real || id == ids.saved)
        ids.effective = id;
    else
        return -EPERM;
    store(&ids, group);
    return 0;
}

static long get_three(uint64_t real, uint64_t effective, uint64_t saved, bool group)
{
    struct ids ids = load(group);
    bool failed = copy_to_user(real, &ids.real, 4) || copy_to_user(effective, &ids.effective, 4) ||
                  copy_to_user(saved, &ids.saved, 4);
    return failed ? -EFAULT : 0;
}

/* Returns the old one; refuses silently. */
static long set_fs(uint32_t id, bool group)
{
    struct cred *cred = &current->cred;
    struct ids ids = load(group);
    uint32_t *at = group ? &cred->fsgid : &cred->fsuid, old = *at;
    if (id == KEEP || !(cred_is_root() || among(id, &ids) || id == old)) return old;
    spin_lock(&process_lock);
    struct cred before = *cred;
    *at = id;
    changed_from(&before);
    spin_unlock(&process_lock);
    return old;
}

long sys_getuid(void) { return current->cred.uid; }
long sys_geteuid(void) { return current->cred.euid; }
long sys_getgid(void) { return current->cred.gid; }
long sys_getegid(void) { return current->cred.egid; }
long sys_setuid(K_ID id) { return set_one(id, false); }
long sys_setgid(K_ID id) { return set_one(id, true); }
long sys_setreuid(K_ID real, K_ID effective) { return set_two(real, effective, false); }
long sys_setregid(K_ID real, K_ID effective) { return set_two(real, effective, true); }
long sys_setresuid(K_ID real, K_ID effective, K_ID saved) { return set_three(real, effective, saved, false); }
long sys_setresgid(K_ID real, K_ID effective, K_ID saved) { return set_three(real, effective, saved, true); }
long sys_getresuid(K_OUT real, K_OUT effective, K_OUT saved) { return get_three(real, effective, saved, false); }
long sys_getresgid(K_OUT real, K_OUT effective, K_OUT saved) { return get_three(real, effective, saved, true); }
long sys_setfsuid(K_ID id) { return set_fs(id, false); }
long sys_setfsgid(K_ID id) { return set_fs(id, true); }

long sys_getgroups(K_INT room, K_OUT to)
{
    const struct cred *cred = &current->cred;
    if (room < 0) return -EINVAL;
    if (!room) return cred->groups;
    if ((unsigned)room < cred->groups) return -EINVAL;
    return copy_to_user(to, cred->group, cred->groups * 4) ? -EFAULT : (long)cred->groups;
}

long sys_setgroups(K_INT count, K_IN from)
{
    uint32_t groups[TASK_GROUPS_MAX];
    if (!cred_is_root()) return -EPERM;
    if (count < 0 || count > TASK_GROUPS_MAX) return -EINVAL;
    if (copy_from_user(groups, from, (size_t)count * 4)) return -EFAULT;
    spin_lock(&process_lock);
    for (int i = 0; i < count; i++) { /* in order, as getgroups tells them */
        int at = i;
        for (; at > 0 && current->cred.group[at - 1] > groups[i]; at--)
            current->cred.group[at] = current->cred.group[at - 1];
        current->cred.group[at] = groups[i];
    }
    current->cred.groups = (unsigned)count;
    spin_unlock(&process_lock);
    return 0;
}

/* Capabilities: root has all, others none; that much can be asked, and nothing else can be set. */
struct cap_header {
    uint32_t version;
    int32_t pid;
};

/* An unknown version is answered with the one that is known. */
static int read_header(uint64_t header, struct cap_header *in)
{
    if (copy_from_user(in, header, sizeof *in)) return -EFAULT;
    if (in->version == 0x20080522 || in->version == 0x20071026) return 0;
    in->version = 0x20080522;
    return copy_to_user(header, in, sizeof *in) ? -EFAULT : -EINVAL;
}

long sys_capget(K_IN header, K_OUT data)
{
    struct cap_header in;
    int error = read_header(header, &in);
    if (error) return error == -EINVAL && !data ? 0 : error;
    if (in.pid < 0) return -EINVAL;
    bool root = cred_is_root();
    if (in.pid) {
        struct task *task = task_find(in.pid);
        if (!task) return -ESRCH;
        root = task->cred.euid == 0;
        task_put(task);
    }
    uint32_t all = root ? UINT32_MAX : 0, high = all & 0x1ff;
    uint32_t out[6] = {all, all, 0, high, high, 0};
    return data && copy_to_user(data, out, sizeof out) ? -EFAULT : 0;
}

long sys_capset(K_IN header, K_IN data)
{
    struct cap_header in;
    struct {
        uint32_t effective, permitted, inheritable;
    } set[2];
    int error = read_header(header, &in);
    if (error) return error;
    if (in.pid && in.pid != current->pid) return -EPERM;
    if (copy_from_user(set, data, sizeof set)) return -EFAULT;
    uint32_t all = cred_is_root() ? UINT32_MAX : 0, high = all & 0x1ff;
    bool same = set[0].effective == all && set[0].permitted == all && (set[1].effective & 0x1ff) == high &&
                (set[1].permitted & 0x1ff) == high && !set[0].inheritable && !(set[1].inheritable & 0x1ff);
    return same ? 0 : -EPERM;
}
