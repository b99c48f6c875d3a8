/*
 * sysv_sem.c - System V semaphores: counters with P and V, in sets.
 *
 * One semop() is a list of operations on one set, and it is atomic: all of them happen together or none does, and the caller waits
 * until all can. An operation of -n is P by n (waits until the value is at least n), +n is V, 0 waits until the value is 0. So
 * a philosopher takes both forks at once, which is one way out of the deadlock of the notes.
 *
 * SEM_UNDO: for each process and set the kernel keeps the sum of what its operations changed, and takes it back when the process
 * ends: a process that dies between P and V leaves no lock behind.
 *
 * A waiter sleeps on the set's queue, which is woken at every change; it then looks the set up again, which may have been removed (EIDRM).
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "ipc/sysv.h"
#include "kern/lock.h"
#include "kern/process.h"
#include "kern/wait.h"
#include "mm/slab.h"

enum { GETPID = 11, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL, SEM_STAT, SEM_INFO, SEM_STAT_ANY };
#define SEM_UNDO    0x1000
#define VALUE_MAX   32767
#define SET_MAX     32000u /* semaphores of one set: SEMMSL */
#define OPERATE_MAX 500u   /* operations of one call: SEMOPM */
#define SETS_MAX    4096u
#define ALL_MAX     ((int32_t)(SETS_MAX * SET_MAX)) /* semaphores of all sets */

struct semaphore {
    int value, pid;
};

struct set {
    struct ipc_object object;
    int64_t otime;
    struct waitq changed;
    struct list waits; /* of struct waiting, for GETNCNT and GETZCNT */
    unsigned count;
    struct semaphore semaphore[];
};

struct waiting { /* a caller that sleeps, and what for */
    struct list link;
    unsigned number;
    bool for_zero;
};

struct undo {
    struct list link; /* in undos */
    struct process *process;
    int id;
    unsigned count;
    int16_t adjust[];
};

struct sembuf {
    uint16_t number;
    int16_t operation, flags;
};

struct semid_ds {
    struct ipc_user_perm perm;
    int64_t otime, ctime;
    uint64_t count, unused[2];
};
_Static_assert(sizeof(struct semid_ds) == 88, "Linux's size");

static struct spinlock sets_lock = SPINLOCK_INIT("SysV semaphores", RANK_IPC); /* all of this */
static struct ipc_family sets = {.objects = LIST_INIT(sets.objects), .most = SETS_MAX};
static struct list undos = LIST_INIT(undos);

static struct set *find(int id)
{
    struct ipc_object *o = id < 0 ? NULL : ipc_by_id(&sets, id);
    return o ? container_of(o, struct set, object) : NULL;
}

long sys_semget(K_INT key, K_INT count, K_FLAGS flags)
{
    bool added;
    if (count < 0 || (unsigned)count > SET_MAX) return -EINVAL;
    struct set *s = kzalloc(sizeof *s + (unsigned)count * sizeof s->semaphore[0]);
    if (!s) return -ENOMEM;
    waitq_init(&s->changed);
    list_init(&s->waits);
    s->count = (unsigned)count;
    spin_lock(&sets_lock);
    int result = ipc_get(&sets, key, flags, &s->object, &added);
    if (added) {
        result = count ? s->object.id : -EINVAL;
        if (!count) ipc_remove(&sets, &s->object), added = false;
    } else if (result >= 0 && (unsigned)count > find(result)->count) {
        result = -EINVAL;
    }
    spin_unlock(&sets_lock);
    if (!added) kfree(s);
    return result;
}

/* Operations */

static struct undo *undo_of(struct process *process, int id)
{
    struct undo *u;
    list_for_each(u, &undos, link) if (u->process == process && u->id == id) return u;
    return NULL;
}

/* Tries all operations; takes them back if one must wait (1, *blocker) or is wrong (-errno). */
static int attempt(struct set *s, struct undo *undo, const struct sembuf *ops, unsigned n, unsigned *blocker)
{
    unsigned i = 0;
    int result = 0;
    for (; i < n && !result; i++) {
        struct semaphore *m = &s->semaphore[ops[i].number];
        int op = ops[i].operation, adjusted = undo && ops[i].flags & SEM_UNDO ? undo->adjust[ops[i].number] - op : 0;
        if ((op == 0 && m->value) || (op < 0 && m->value < -op))
            result = ops[i].flags & IPC_NOWAIT ? -EAGAIN : 1;
        else if (m->value + op > VALUE_MAX || adjusted > VALUE_MAX || adjusted < -VALUE_MAX - 1)
            result = -ERANGE;
        if (result) break;
        m->value += op;
        if (ops[i].flags & SEM_UNDO) undo->adjust[ops[i].number] = (int16_t)adjusted;
    }
    *blocker = i;
    if (!result) return 0;
    while (i-- > 0) {
        s->semaphore[ops[i].number].value -= ops[i].operation;
        if (ops[i].flags & SEM_UNDO)
            undo->adjust[ops[i].number] = (int16_t)(undo->adjust[ops[i].number] + ops[i].operation);
    }
    return result;
}

static int check_operations(const struct set *s, const struct sembuf *ops, unsigned n)
{
    bool alters = false;
    for (unsigned i = 0; i < n; i++) {
        if (ops[i].number >= s->count) return -EFBIG;
        alters = alters || ops[i].operation;
    }
    return ipc_allowed(&s->object, alters ? 2 : 4) ? 0 : -EACCES;
}

/* sets_lock is held. */
static int operate(int id, struct undo *undo, const struct sembuf *ops, unsigned n, uint64_t deadline)
{
    struct set *s = find(id);
    int error = s ? check_operations(s, ops, n) : -EINVAL;
    unsigned at;
    while (!error && (error = attempt(s, undo, ops, n, &at)) == 1) {
        struct waiting waiting = {.number = ops[at].number, .for_zero = !ops[at].operation};
        list_push_back(&s->waits, &waiting.link);
        error = wait_on(&s->changed, &sets_lock, true, deadline);
        s = find(id);
        if (!s) return -EIDRM; /* the list of waits has gone with it */
        list_remove(&waiting.link);
    }
    if (error) return error == -ETIMEDOUT ? -EAGAIN : error;
    for (unsigned i = 0; i < n; i++) s->semaphore[ops[i].number].pid = current->tgid;
    s->otime = ipc_seconds();
    wake_all(&s->changed);
    return 0;
}

/* The process's record for the set, made if need be. NULL: no memory, or no such set (*error). */
static struct undo *prepare_undo(int id, int *error)
{
    spin_lock(&sets_lock);
    struct set *s = find(id);
    unsigned count = s ? s->count : 0;
    struct undo *undo = undo_of(current->process, id);
    spin_unlock(&sets_lock);
    *error = s ? 0 : -EINVAL;
    if (undo || !s) return undo;
    undo = kzalloc(sizeof *undo + count * sizeof undo->adjust[0]);
    if (!undo) {
        *error = -ENOMEM;
        return NULL;
    }
    undo->process = current->process;
    undo->id = id;
    undo->count = count;
    spin_lock(&sets_lock);
    struct undo *other = undo_of(current->process, id);
    if (!other && find(id)) list_push_back(&undos, &undo->link);
    bool unused = other || !find(id);
    if (!other && unused) *error = -EIDRM;
    spin_unlock(&sets_lock);
    if (unused) kfree(undo);
    return unused ? other : undo;
}

long sys_semtimedop(K_INT id, K_IN operations, K_SIZE count, K_IN timeout)
{
    uint64_t deadline = 0;
    if (count < 1 || id < 0) return -EINVAL;
    if (count > OPERATE_MAX) return -E2BIG;
    if (timeout) {
        uint64_t ns = 0;
        int error = timespec_from_user(timeout, &ns);
        if (error) return error;
        deadline = time_ns() + ns;
    }
    struct sembuf *ops = kmalloc(count * sizeof *ops);
    if (!ops) return -ENOMEM;
    int error = copy_from_user(ops, operations, count * sizeof *ops) ? -EFAULT : 0;
    struct undo *undo = NULL;
    for (unsigned i = 0; i < count && !error && !undo; i++)
        if (ops[i].flags & SEM_UNDO) undo = prepare_undo(id, &error);
    if (!error) {
        spin_lock(&sets_lock);
        error = operate(id, undo, ops, (unsigned)count, deadline);
        spin_unlock(&sets_lock);
    }
    kfree(ops);
    return error;
}

long sys_semop(K_INT id, K_IN operations, K_SIZE count) { return sys_semtimedop(id, operations, count, 0); }

/* No record remains of a semaphore that was set, or of a set that was removed; number -1: the whole set. */
static void forget_undo(int id, int number, bool remove)
{
    struct undo *u, *after;
    list_for_each_safe(u, after, &undos, link)
    {
        if (u->id != id) continue;
        for (unsigned i = 0; i < u->count; i++)
            if (number < 0 || (unsigned)number == i) u->adjust[i] = 0;
        if (!remove) continue;
        list_remove(&u->link);
        kfree(u);
    }
}

void semaphores_process_ends(struct process *process)
{
    struct undo *u, *after;
    spin_lock(&sets_lock);
    list_for_each_safe(u, after, &undos, link)
    {
        if (u->process != process) continue;
        struct set *s = find(u->id);
        for (unsigned i = 0; s && i < u->count; i++) {
            if (!u->adjust[i]) continue;
            s->semaphore[i].value = MIN(MAX(s->semaphore[i].value + u->adjust[i], 0), VALUE_MAX);
            s->semaphore[i].pid = process->pid;
        }
        if (s) wake_all(&s->changed);
        list_remove(&u->link);
        kfree(u);
    }
    spin_unlock(&sets_lock);
}

/* Control */

static int waiters(const struct set *s, unsigned number, bool for_zero)
{
    int n = 0;
    struct waiting *w;
    list_for_each(w, &s->waits, link) n += w->number == number && w->for_zero == for_zero;
    return n;
}

static long one_value(struct set *s, unsigned number, int command, int value)
{
    if (!ipc_allowed(&s->object, command == SETVAL ? 2 : 4)) return -EACCES;
    if (number >= s->count) return -EINVAL;
    struct semaphore *m = &s->semaphore[number];
    switch (command) {
    case GETVAL: return m->value;
    case GETPID: return m->pid;
    case GETNCNT: return waiters(s, number, false);
    case GETZCNT: return waiters(s, number, true);
    default:
        if (value < 0 || value > VALUE_MAX) return -ERANGE;
        m->value = value;
        m->pid = current->tgid;
        s->object.ctime = ipc_seconds();
        forget_undo(s->object.id, (int)number, false);
        wake_all(&s->changed);
        return 0;
    }
}

/* GETALL and SETALL. The set must not be held while user memory is touched. */
static long all_values(int id, int command, uint64_t buffer)
{
    spin_lock(&sets_lock);
    struct set *s = find(id);
    long error = !s ? -EINVAL : !ipc_allowed(&s->object, command == SETALL ? 2 : 4) ? -EACCES : 0;
    unsigned count = s ? s->count : 0;
    spin_unlock(&sets_lock);
    if (error) return error;
    uint16_t *values = kmalloc(count * sizeof *values);
    if (!values) return -ENOMEM;
    if (command == SETALL && copy_from_user(values, buffer, count * sizeof *values)) error = -EFAULT;
    for (unsigned i = 0; command == SETALL && !error && i < count; i++)
        if (values[i] > VALUE_MAX) error = -ERANGE;
    spin_lock(&sets_lock);
    s = find(id);
    if (!s && !error) error = -EIDRM;
    for (unsigned i = 0; !error && i < count; i++) {
        if (command == SETALL)
            s->semaphore[i] = (struct semaphore){values[i], current->tgid};
        else
            values[i] = (uint16_t)s->semaphore[i].value;
    }
    if (!error && command == SETALL) {
        forget_undo(id, -1, false);
        s->object.ctime = ipc_seconds();
        wake_all(&s->changed);
    }
    spin_unlock(&sets_lock);
    if (!error && command == GETALL && copy_to_user(buffer, values, count * sizeof *values)) error = -EFAULT;
    kfree(values);
    return error;
}

static long remove_set(struct set *s)
{
    if (!ipc_owner(&s->object)) return -EPERM;
    forget_undo(s->object.id, -1, true);
    ipc_remove(&sets, &s->object);
    wake_all(&s->changed);
    kfree(s);
    return 0;
}

/* Limits; with SEM_INFO how many sets and semaphores there are. The result is the highest id. */
static long tell_limits(int command, uint64_t to)
{
    int32_t count = 0, semaphores = VALUE_MAX;
    spin_lock(&sets_lock);
    if (command == SEM_INFO) {
        struct set *s;
        count = (int32_t)sets.count, semaphores = 0;
        list_for_each(s, &sets.objects, object.link) semaphores += (int32_t)s->count;
    }
    int last = ipc_last(&sets);
    spin_unlock(&sets_lock);
    struct {
        int32_t map, sets, all, undos, of_set, operations, undo_entries, size, value_max, adjust_max;
    } out = {ALL_MAX,   SETS_MAX,    ALL_MAX,     ALL_MAX,
             SET_MAX,   OPERATE_MAX, OPERATE_MAX, command == SEM_INFO ? count : 20,
             VALUE_MAX, semaphores};
    return copy_to_user(to, &out, sizeof out) ? -EFAULT : last;
}

long sys_semctl(K_INT id, K_INT number, K_INT command, K_HEX argument)
{
    struct semid_ds d = {0};
    command &= ~IPC_64;
    if (id < 0) return -EINVAL;
    if (command == IPC_INFO || command == SEM_INFO) return tell_limits(command, argument);
    bool out = command == IPC_STAT || command == SEM_STAT || command == SEM_STAT_ANY;
    if (command == GETALL || command == SETALL) return all_values(id, command, argument);
    bool one = command == GETVAL || command == SETVAL || command == GETPID || command == GETNCNT || command == GETZCNT;
    if (!one && !out && command != IPC_SET && command != IPC_RMID) return -EINVAL;
    if (command == IPC_SET && copy_from_user(&d, argument, sizeof d)) return -EFAULT;
    spin_lock(&sets_lock);
    struct set *s = find(id);
    long result = s ? 0 : -EINVAL;
    if (s && one) {
        result = one_value(s, (unsigned)number, command, (int)argument);
    } else if (s && command == IPC_RMID) {
        result = remove_set(s);
    } else if (s && command == IPC_SET) {
        result = ipc_owner(&s->object) ? 0 : -EPERM;
        if (!result) ipc_change(&s->object, &d.perm);
    } else if (s) {
        result = command != SEM_STAT_ANY && !ipc_allowed(&s->object, 4) ? -EACCES : command == IPC_STAT ? 0 : id;
        d = (struct semid_ds){.otime = s->otime, .ctime = s->object.ctime, .count = s->count};
        ipc_describe(&s->object, &d.perm);
    }
    spin_unlock(&sets_lock);
    if (result >= 0 && out && copy_to_user(argument, &d, sizeof d)) return -EFAULT;
    return result;
}
