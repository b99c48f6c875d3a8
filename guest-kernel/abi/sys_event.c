/*
 * sys_event.c - epoll, eventfd, timerfd, signalfd: events with descriptors (ipc/epoll.c and its neighbours).
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "arch/time.h"
#include "fs/fdtable.h"
#include "ipc/epoll.h"
#include "ipc/eventfd.h"
#include "kern/task.h"
#include "mm/usercopy.h"

#define CLOEXEC  02000000u
#define NONBLOCK 04000u

static long install(struct file *file, unsigned flags)
{
    if (!file) return -ENOMEM;
    long fd = fd_install(file, flags & CLOEXEC);
    if (fd < 0) file_put(file);
    return fd;
}

long sys_eventfd2(K_UINT count, K_FLAGS flags)
{
    enum { EFD_SEMAPHORE = 1 };
    if (flags & ~(EFD_SEMAPHORE | CLOEXEC | NONBLOCK)) return -EINVAL;
    return install(eventfd_open(count, flags & EFD_SEMAPHORE, flags & NONBLOCK), flags);
}

/* epoll */

long sys_epoll_create1(K_FLAGS flags) { return flags & ~CLOEXEC ? -EINVAL : install(epoll_open(), flags); }

long sys_epoll_ctl(K_FD epfd, K_INT op, K_FD fd, K_IN user)
{
    struct epoll_event event = {0};
    if (op != EPOLL_CTL_DEL && copy_from_user(&event, user, sizeof event)) return -EFAULT;
    struct file *epoll = fd_get(epfd), *file = fd_get(fd);
    long error = epoll && file ? epoll_control(epoll, op, file, fd, &event) : -EBADF;
    if (epoll) file_put(epoll);
    if (file) file_put(file);
    return error;
}

static long await(int epfd, uint64_t events, int room, uint64_t deadline, bool now, uint64_t mask_at, uint64_t size)
{
    sigset mask;
    if (mask_at) {
        if (size != sizeof mask) return -EINVAL;
        if (copy_from_user(&mask, mask_at, sizeof mask)) return -EFAULT;
    }
    if (room <= 0 || (unsigned)room > INT32_MAX / sizeof(struct epoll_event)) return -EINVAL;
    if (!user_range_ok(events, (uint64_t)room * sizeof(struct epoll_event))) return -EFAULT;
    struct file *epoll = fd_get(epfd);
    if (!epoll) return -EBADF;
    long result = -EINVAL;
    if (file_is_epoll(epoll)) {
        if (mask_at) signal_mask_begin(mask);
        result = epoll_await(epoll, events, (unsigned)room, deadline, now);
        if (mask_at && result != -EINTR) signal_mask_end();
    }
    file_put(epoll);
    return result;
}

long sys_epoll_pwait(K_FD epfd, K_OUT events, K_INT room, K_INT timeout_ms, K_IN mask, K_SIZE size)
{
    uint64_t deadline = timeout_ms > 0 ? time_ns() + (uint64_t)timeout_ms * 1000000 : 0;
    return await(epfd, events, room, deadline, timeout_ms == 0, mask, size);
}

long sys_epoll_pwait2(K_FD epfd, K_OUT events, K_INT room, K_IN timeout, K_IN mask, K_SIZE size)
{
    uint64_t ns = 0;
    if (timeout) {
        long error = timespec_from_user(timeout, &ns);
        if (error) return error;
    }
    return await(epfd, events, room, timeout && ns ? time_ns() + ns : 0, timeout && !ns, mask, size);
}

/* signalfd */

long sys_signalfd4(K_FD fd, K_IN mask_at, K_SIZE size, K_FLAGS flags)
{
    sigset which;
    if (flags & ~(CLOEXEC | NONBLOCK)) return -EINVAL;
    if (size != sizeof which) return -EINVAL;
    if (copy_from_user(&which, mask_at, sizeof which)) return -EFAULT;
    if (fd == -1) return install(signalfd_open(which, flags & NONBLOCK), flags);
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    bool right = file_is_signalfd(file);
    if (right) signalfd_set(file, which);
    file_put(file);
    return right ? fd : -EINVAL;
}

/* timerfd */

enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME = 7, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
enum { TFD_TIMER_ABSTIME = 1, TFD_TIMER_CANCEL_ON_SET = 2 };

struct user_itimerspec {
    struct user_timespec interval, value;
};

static struct user_itimerspec itimerspec_of(const struct timer_setting *setting)
{
    return (struct user_itimerspec){timespec_of(setting->interval_ns), timespec_of(setting->value_ns)};
}

long sys_timerfd_create(K_INT clock, K_FLAGS flags)
{
    if (flags & ~(CLOEXEC | NONBLOCK)) return -EINVAL;
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
    if (!wall && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_BOOTTIME_ALARM) return -EINVAL;
    if (clock >= CLOCK_REALTIME_ALARM && !cred_is_root()) return -EPERM;
    return install(timerfd_open(wall, flags & NONBLOCK), flags);
}

static struct file *timerfd_of(int fd, long *error)
{
    struct file *file = fd_get(fd);
    *error = !file ? -EBADF : file_is_timerfd(file) ? 0 : -EINVAL;
    return file;
}

long sys_timerfd_settime(K_FD fd, K_FLAGS flags, K_IN new_at, K_OUT old_at)
{
    struct timer_setting setting, old;
    long error;
    if ((error = timespec_from_user(new_at, &setting.interval_ns))) return error;
    if ((error = timespec_from_user(new_at + sizeof(struct user_timespec), &setting.value_ns))) return error;
    if (flags & ~(unsigned)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) return -EINVAL;
    struct file *file = timerfd_of(fd, &error);
    if (!error) timerfd_set(file, &setting, flags & TFD_TIMER_ABSTIME, &old);
    if (file) file_put(file);
    if (error || !old_at) return error;
    struct user_itimerspec out = itimerspec_of(&old);
    return copy_to_user(old_at, &out, sizeof out) ? -EFAULT : 0;
}

long sys_timerfd_gettime(K_FD fd, K_OUT to)
{
    struct timer_setting setting;
    long error;
    struct file *file = timerfd_of(fd, &error);
    if (!error) timerfd_get(file, &setting);
    if (file) file_put(file);
    if (error) return error;
    struct user_itimerspec out = itimerspec_of(&setting);
    return copy_to_user(to, &out, sizeof out) ? -EFAULT : 0;
}
