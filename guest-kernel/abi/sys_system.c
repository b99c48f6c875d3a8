/*
 * sys_system.c - the system as a whole: its name, its state, its messages, its end; and small things of a process (prctl).
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "abi/system.h"
#include "arch/sbi.h"
#include "base/string.h"
#include "dev/tty.h"
#include "fs/memdev.h"
#include "fs/vfs.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "mm/slab.h"
#include "mm/space.h"

/* Names. The release says which interface programs may expect. */

/* struct utsname of the system-call interface */
static char names[SYSTEM_NAMES][SYSTEM_NAME_ROOM] = {"Linux", "kepler", "6.1.0-kepler", "Kepler", "riscv64", "(none)"};
static struct mutex names_mutex = MUTEX_INIT(names_mutex, "host name");

long sys_uname(K_OUT to)
{
    mutex_lock(&names_mutex);
    int error = copy_to_user(to, names, sizeof names);
    mutex_unlock(&names_mutex);
    return error;
}

void system_name_get(enum system_name which, char to[SYSTEM_NAME_ROOM])
{
    mutex_lock(&names_mutex);
    memcpy(to, names[which], SYSTEM_NAME_ROOM);
    mutex_unlock(&names_mutex);
}

void system_name_set(enum system_name which, const char *text)
{
    mutex_lock(&names_mutex);
    text_copy(names[which], text, SYSTEM_NAME_ROOM);
    mutex_unlock(&names_mutex);
}

static long set_name(enum system_name which, uint64_t from, int bytes)
{
    char text[SYSTEM_NAME_ROOM] = {0};
    if (!cred_is_root()) return -EPERM;
    if (bytes < 0 || bytes >= SYSTEM_NAME_ROOM) return -EINVAL;
    if (copy_from_user(text, from, (size_t)bytes)) return -EFAULT;
    system_name_set(which, text);
    return 0;
}

long sys_sethostname(K_STR name, K_INT bytes) { return set_name(NAME_NODE, name, bytes); }
long sys_setdomainname(K_STR name, K_INT bytes) { return set_name(NAME_DOMAIN, name, bytes); }

/* State */

static unsigned count_processes(void)
{
    unsigned n = 0;
    struct process *process;
    spin_lock(&process_lock);
    list_for_each(process, &process_list, all_link) n += process->live;
    spin_unlock(&process_lock);
    return n;
}

long sys_sysinfo(K_OUT to)
{
    struct {
        int64_t uptime_s;
        uint64_t loads[3], ram, ram_free, shared, buffers, swap, swap_free;
        uint16_t processes, padding;
        uint64_t high, high_free;
        uint32_t unit;
        char room[4];
    } out = {0};
    struct mem_stats m;
    mem_stats(&m);
    out.uptime_s = (int64_t)(time_ns() / NS_PER_S);
    for (int i = 0; i < 3; i++) out.loads[i] = sched_load_average(i) << (16 - LOAD_SHIFT);
    out.ram = m.total * PAGE_SIZE, out.ram_free = m.free * PAGE_SIZE, out.shared = m.shmem * PAGE_SIZE;
    out.swap = m.swap_total * PAGE_SIZE, out.swap_free = m.swap_free * PAGE_SIZE;
    out.processes = (uint16_t)count_processes();
    out.unit = 1;
    return copy_to_user(to, &out, sizeof out) ? -EFAULT : 0;
}

long sys_getrandom(K_OUT to, K_SIZE bytes, K_FLAGS flags)
{
    uint8_t block[256];
    if (flags & ~7u || (flags & 6) == 6) return -EINVAL;
    bytes = MIN(bytes, (uint64_t)INT32_MAX);
    uint64_t done = 0;
    while (done < bytes) {
        size_t step = MIN(bytes - done, sizeof block);
        random_bytes(block, step);
        if (copy_to_user(to + done, block, step)) return done ? (long)done : -EFAULT;
        done += step;
        if (done < bytes && signal_pending()) break;
        sched_relax();
    }
    return (long)done;
}

/* Messages */

static uint64_t log_cleared, log_read;

static long copy_log(uint64_t *at, uint64_t to, uint64_t room)
{
    char block[512];
    uint64_t done = 0;
    while (done < room) {
        size_t n = print_ring_read(at, block, MIN(room - done, sizeof block));
        if (!n) break;
        if (copy_to_user(to + done, block, n)) return -EFAULT;
        done += n;
    }
    return (long)done;
}

static int wait_for_log(void)
{
    while (print_ring_end() == atomic_load(&log_read)) {
        struct waiter waiter, *waiters[] = {&waiter};
        waiter_add(&waiter, print_ring_queue());
        int error = print_ring_end() == log_read ? wait_any(waiters, 1, true, time_ns() + NS_PER_S / 10) : 0;
        waiter_remove(&waiter);
        if (error == -EINTR) return -ERESTARTSYS;
    }
    return 0;
}

enum { LOG_READ = 2, LOG_READ_ALL, LOG_READ_CLEAR, LOG_CLEAR, LOG_UNREAD = 9, LOG_SIZE = 10, LOG_BYTES = 65536 };

long sys_syslog(K_INT what, K_OUT to, K_INT bytes)
{
    if (what != LOG_READ_ALL && what != LOG_SIZE && !cred_is_root()) return -EPERM;
    if (what >= LOG_READ && what <= LOG_READ_CLEAR && (!to || bytes < 0)) return -EINVAL;
    uint64_t end = print_ring_end();
    switch (what) {
    case 0:
    case 1: return 0;
    case LOG_READ: {
        int error = bytes ? wait_for_log() : 0;
        return error ? error : copy_log(&log_read, to, (uint64_t)bytes);
    }
    case LOG_READ_ALL:
    case LOG_READ_CLEAR: {
        uint64_t at = MAX(log_cleared, end > (uint64_t)bytes ? end - (uint64_t)bytes : 0);
        long n = copy_log(&at, to, (uint64_t)bytes);
        if (n >= 0 && what == LOG_READ_CLEAR) log_cleared = end;
        return n;
    }
    case LOG_CLEAR: log_cleared = end; return 0;
    case 6:
    case 7: return 0;
    case 8: return bytes < 1 || bytes > 8 ? -EINVAL : 0;
    case LOG_UNREAD: return (long)MIN(end - log_read, (uint64_t)LOG_BYTES);
    case LOG_SIZE: return LOG_BYTES;
    default: return -EINVAL;
    }
}

/* The end */

long sys_reboot(K_HEX magic, K_HEX magic2, K_HEX command, K_STR argument)
{
    (void)argument;
    static const uint32_t second[] = {672274793, 85072278, 369367448, 537993216};
    bool known = false;
    if (!cred_is_root()) return -EPERM;
    for (unsigned i = 0; i < ARRAY_SIZE(second); i++) known |= (uint32_t)magic2 == second[i];
    if ((uint32_t)magic != 0xfee1dead || !known) return -EINVAL;
    switch ((uint32_t)command) {
    case 0x01234567:
        vfs_shutdown();
        printk("reboot\n");
        sbi_reboot();
    case 0x4321fedc:
    case 0xcdef0123:
        vfs_shutdown();
        printk("power off\n");
        sbi_power_off(false);
    case 0x89abcdef:
    case 0: return 0; /* Ctrl-Alt-Del */
    default: return -EINVAL;
    }
}

/* A fresh login: whatever else is open on this terminal is cut off. */
long sys_vhangup(void)
{
    if (!cred_is_root()) return -EPERM;
    struct tty *tty = job_terminal();
    if (!tty) return 0;
    tty_hang_up(tty);
    tty_put(tty);
    return 0;
}

/* Small things */

static long set_own_name(uint64_t from)
{
    char name[TASK_NAME_MAX];
    long n = copy_string_from_user(name, from, sizeof name);
    if (n == -ENAMETOOLONG) {
        if (copy_from_user(name, from, sizeof name - 1)) return -EFAULT;
        name[sizeof name - 1] = 0;
    } else if (n < 0) {
        return n;
    }
    memcpy(current->name, name, sizeof name);
    return 0;
}

static long put_int(uint64_t to, int value) { return copy_to_user(to, &value, sizeof value) ? -EFAULT : 0; }

/* What is asked about machinery that Kepler does not have: the answer of a machine where it is off. */
static long ask_absent(int option, uint64_t a)
{
    enum {
        GET_TIMING = 13,
        SET_TIMING,
        GET_SECCOMP = 21,
        CAPBSET_READ = 23,
        GET_SECUREBITS = 27,
        TASK_PERF_EVENTS_DISABLE = 31,
        TASK_PERF_EVENTS_ENABLE,
        MCE_KILL_GET = 34,
        GET_THP_DISABLE = 42,
        GET_IO_FLUSHER = 58,
        LAST_CAPABILITY = 40
    };
    switch (option) {
    case GET_TIMING:
    case GET_SECCOMP:
    case GET_SECUREBITS:
    case TASK_PERF_EVENTS_DISABLE:
    case TASK_PERF_EVENTS_ENABLE:
    case GET_THP_DISABLE:
    case GET_IO_FLUSHER: return 0;
    case SET_TIMING: return a ? -EINVAL : 0;
    case CAPBSET_READ: return a <= LAST_CAPABILITY ? 1 : -EINVAL;
    case MCE_KILL_GET: return 2; /* the system's default */
    default: return -EINVAL;
    }
}

long sys_prctl(K_INT option, K_HEX a, K_HEX b, K_HEX c, K_HEX d)
{
    struct process *process = current->process;
    switch (option) {
    case 1:
        if (a > SIGNAL_MAX) return -EINVAL;
        process->parent_death_signal = (int)a;
        return 0;
    case 2: return put_int(a, process->parent_death_signal);
    case 3: return process->dumpable;
    case 4:
        if (a > 1) return -EINVAL;
        process->dumpable = a;
        return 0;
    case 15: return set_own_name(a);
    case 16: return copy_to_user(a, current->name, TASK_NAME_MAX) ? -EFAULT : 0;
    case 36: process->subreaper = a; return 0;
    case 37: return put_int(a, process->subreaper);
    case 38:
        if (a != 1 || b || c || d) return -EINVAL;
        current->no_new_privileges = true;
        return 0;
    case 39: return a || b || c || d ? -EINVAL : current->no_new_privileges;
    default: return ask_absent(option, a);
    }
}

/* Other systems' ways are remembered and told, not followed. */
long sys_personality(K_HEX persona)
{
    spin_lock(&process_lock);
    uint32_t old = current->process->persona;
    if ((uint32_t)persona != UINT32_MAX) current->process->persona = (uint32_t)persona;
    spin_unlock(&process_lock);
    return old;
}
