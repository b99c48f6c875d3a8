/*
 * job.c - job control: which processes a terminal obeys, and which obey it.
 *
 *      session (one login)                      terminal
 *       +- shell          leader     <--------   session
 *       +- ls | more      a job      <--------   foreground: may read; gets ^C, ^\, ^Z
 *       +- make &         a job      - - reads:  SIGTTIN stops it until the shell brings it to the foreground
 *
 * A session leader gets a terminal by opening one that belongs to nobody; its children inherit it. When the leader ends, the
 * terminal is taken from the session: the foreground job is told by SIGHUP. A group whose parents have all gone is
 * *orphaned*: nobody could continue it, so instead of being stopped it gets an error (EIO).
 *
 * process.tty, tty.session and tty.foreground are under process_lock. process.tty holds no reference: whoever makes a
 * terminal go away first makes all processes forget it.
 */
#include "base/errno.h"
#include "dev/tty.h"
#include "kern/process.h"
#include "kern/process_internal.h"
#include "kern/signal.h"

int job_check(struct tty *tty, int signal)
{
    struct process *self = current->process;
    spin_lock(&process_lock);
    bool background = self->tty == tty && tty->foreground && tty->foreground != self->pgid;
    spin_unlock(&process_lock);
    if (!background) return 0;
    if (signal_is_ignored_or_blocked(signal)) return signal == SIGTTIN ? -EIO : 0;
    if (process_group_is_orphaned(self->pgid)) return -EIO;
    signal_send_group(self->pgid, signal);
    return -ERESTARTSYS;
}

void job_signal_foreground(struct tty *tty, int signal)
{
    int pgid = atomic_load(&tty->foreground);
    if (pgid) signal_send_group(pgid, signal);
}

void job_signal_foreground_set(struct tty *tty, uint64_t signals)
{
    for (; signals; signals &= signals - 1) job_signal_foreground(tty, __builtin_ctzll(signals) + 1);
}

struct tty *job_terminal(void)
{
    spin_lock(&process_lock);
    struct tty *tty = current->process ? current->process->tty : NULL;
    if (tty) tty_get(tty);
    spin_unlock(&process_lock);
    return tty;
}

/* process_lock is held. */
static void belong(struct tty *tty)
{
    struct process *self = current->process;
    self->tty = tty;
    tty->session = self->sid;
    atomic_store(&tty->foreground, self->pgid);
}

static void forget_locked(struct tty *tty)
{
    struct process *process;
    list_for_each(process, &process_list, all_link) if (process->tty == tty) process->tty = NULL;
    tty->session = 0;
    atomic_store(&tty->foreground, 0);
}

void job_forget(struct tty *tty)
{
    spin_lock(&process_lock);
    if (!atomic_load(&tty->opens)) forget_locked(tty);
    spin_unlock(&process_lock);
}

void job_try_control(struct tty *tty)
{
    struct process *self = current->process;
    if (!self) return;
    spin_lock(&process_lock);
    if (self->sid == self->pid && !self->tty && !tty->session) belong(tty);
    spin_unlock(&process_lock);
}

long job_take(struct tty *tty, bool steal, bool readable)
{
    struct process *self = current->process;
    long result = 0;
    spin_lock(&process_lock);
    bool leader = self->sid == self->pid;
    if (leader && self->tty == tty && tty->session == self->sid) {
        /* it has it already */
    } else if (!leader || self->tty || (!readable && !cred_is_root())) {
        result = -EPERM;
    } else if (tty->session && !(steal && cred_is_root())) {
        result = -EPERM;
    } else {
        if (tty->session) forget_locked(tty);
        belong(tty);
    }
    spin_unlock(&process_lock);
    return result;
}

/* To every process of group `pgid`. process_lock is held. */
static void signal_group_locked(int pgid, int signal)
{
    struct process *process;
    list_for_each(process, &process_list, all_link) if (pgid && process->pgid == pgid && !process->zombie)
        signal_queue(process, NULL, signal, NULL);
}

long job_give_up(struct tty *tty)
{
    struct process *self = current->process;
    long result = 0;
    spin_lock(&process_lock);
    if (self->tty != tty) {
        result = -ENOTTY;
    } else if (self->sid != self->pid) {
        self->tty = NULL;
    } else {
        int foreground = tty->foreground;
        forget_locked(tty);
        signal_group_locked(foreground, SIGHUP);
        signal_group_locked(foreground, SIGCONT);
    }
    spin_unlock(&process_lock);
    return result;
}

void job_hang_up(struct tty *tty)
{
    struct process *process;
    spin_lock(&process_lock);
    int foreground = tty->foreground, session = tty->session;
    list_for_each(process, &process_list, all_link)
    {
        if (!session || process->pid != session || process->sid != session || process->zombie) continue;
        signal_queue(process, NULL, SIGHUP, NULL);
        signal_queue(process, NULL, SIGCONT, NULL);
    }
    signal_group_locked(foreground, SIGHUP);
    signal_group_locked(foreground, SIGCONT);
    forget_locked(tty);
    spin_unlock(&process_lock);
}

/* kern/exit.c calls it when the last thread of a session leader ends. */
void tty_session_ends(struct process *leader)
{
    spin_lock(&process_lock);
    struct tty *tty = leader->tty;
    if (tty && tty->session == leader->sid)
        tty_get(tty);
    else
        tty = NULL;
    spin_unlock(&process_lock);
    if (!tty) return;
    tty_hang_up(tty);
    tty_put(tty);
}

long job_get_foreground(struct tty *tty, bool any, int *pgid)
{
    spin_lock(&process_lock);
    long result = any || current->process->tty == tty ? 0 : -ENOTTY;
    *pgid = tty->foreground;
    spin_unlock(&process_lock);
    return result;
}

long job_get_session(struct tty *tty, bool any, int *sid)
{
    spin_lock(&process_lock);
    long result = (any || current->process->tty == tty) && tty->session ? 0 : -ENOTTY;
    *sid = tty->session;
    spin_unlock(&process_lock);
    return result;
}

long job_set_foreground(struct tty *tty, int pgid)
{
    struct process *self = current->process, *process;
    if (pgid < 0) return -EINVAL;
    spin_lock(&process_lock);
    long result = self->tty == tty && tty->session == self->sid ? -ESRCH : -ENOTTY;
    if (result == -ESRCH)
        list_for_each(process, &process_list, all_link) if (process->pgid == pgid && result != 0) result =
            process->sid == self->sid ? 0 : -EPERM;
    if (!result) atomic_store(&tty->foreground, pgid);
    spin_unlock(&process_lock);
    return result;
}

void tty_describe(const struct tty *tty, uint64_t *rdev, int *foreground)
{
    *rdev = tty->rdev;
    *foreground = tty->foreground;
}
