/*
 * sys_timex.c - adjusting the clock without making it jump: adjtimex and clock_adjtime.
 *
 * A crystal is wrong by some millionths. A time daemon measures by how many and tells the kernel to count a second as that much more or less
 * (frequency; tick is the same in coarse steps). If the clock is behind, it lets it run 500 millionths too fast until the difference
 * is gone (offset), so that no program sees a time twice. The date is adjusted here, CLOCK_MONOTONIC counts on as the hardware does.
 * What else a daemon wants to tell others (status, estimated errors, TAI) is kept and given back.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "kern/clock.h"
#include "kern/lock.h"
#include "kern/task.h"
#include "kern/timer.h"

enum {
    ADJ_OFFSET = 1,
    ADJ_FREQUENCY = 2,
    ADJ_MAXERROR = 4,
    ADJ_ESTERROR = 8,
    ADJ_STATUS = 0x10,
    ADJ_TIMECONST = 0x20,
    ADJ_TAI = 0x80,
    ADJ_SETOFFSET = 0x100,
    ADJ_MICRO = 0x1000,
    ADJ_NANO = 0x2000,
    ADJ_TICK = 0x4000,
    ADJ_ADJTIME = 0x8000,     /* the old adjtime(): only with ADJ_OFFSET */
    ADJ_ADJTIME_READ = 0x2000 /* and that only asks */
};
enum { STA_PLL = 1, STA_UNSYNC = 0x40, STA_RONLY = 0xff00, STA_NANO = 0x2000 };
enum { TIME_OK = 0, TIME_ERROR = 5 };

#define TICK_US         10000     /* a tick of the interface is a hundredth of a second */
#define FREQUENCY_MOST  32768000  /* 500 millionths, with 16 bits behind the point */
#define ERROR_MOST      16000000  /* us */
#define OFFSET_MOST     500000000 /* ns */
#define FREQUENCY_RANGE (INT64_MAX / 65536000)

/* struct timex of the system-call interface */
struct timex {
    uint32_t modes;
    int64_t offset, frequency, max_error, est_error;
    int32_t status;
    int64_t constant, precision, tolerance;
    struct user_timeval time;
    int64_t tick, pps_frequency, jitter;
    int32_t shift;
    int64_t stability, jitter_count, calibrations, errors, exceeded;
    int32_t tai, spare[11];
};
_Static_assert(sizeof(struct timex) == 208, "as Linux has it");

static struct mutex timex_lock = MUTEX_INIT(timex_lock, "adjusting the clock");
static struct timex kept = {
    .status = STA_UNSYNC, .max_error = ERROR_MOST, .est_error = ERROR_MOST, .constant = 2, .tick = TICK_US};

static int64_t clamp(int64_t value, int64_t least, int64_t most) { return MAX(least, MIN(value, most)); }

static long modes_wrong(const struct timex *t)
{
    bool root = cred_is_root();
    if (t->modes & ADJ_ADJTIME) {
        if (!(t->modes & ADJ_OFFSET)) return -EINVAL;
        return (t->modes & ADJ_ADJTIME_READ) || root ? 0 : -EPERM;
    }
    if (t->modes && !root) return -EPERM;
    if ((t->modes & ADJ_TICK) && (t->tick < TICK_US * 9 / 10 || t->tick > TICK_US * 11 / 10)) return -EINVAL;
    if ((t->modes & ADJ_SETOFFSET) &&
        (t->time.us < 0 || t->time.us >= (t->modes & ADJ_NANO ? (int64_t)NS_PER_S : 1000000)))
        return -EINVAL;
    if ((t->modes & ADJ_FREQUENCY) && (t->frequency > FREQUENCY_RANGE || t->frequency < -FREQUENCY_RANGE))
        return -EINVAL;
    return 0;
}

static int64_t pace(void) { return kept.frequency + (kept.tick - TICK_US) * 100 * 65536; }

/* ADJ_SETOFFSET: the one way to jump. -EINVAL: before 1970 or too far. */
static long jump(const struct timex *t)
{
    int64_t part = t->modes & ADJ_NANO ? t->time.us : t->time.us * 1000, by;
    uint64_t now = time_wall_ns(), wish;
    if (__builtin_mul_overflow(t->time.s, (int64_t)NS_PER_S, &by) || __builtin_add_overflow(by, part, &by))
        return -EINVAL;
    if (__builtin_add_overflow(now, by, &wish) || wish > TIME_MAX_NS) return -EINVAL;
    timer_set_wall(wish);
    return 0;
}

/* timex_lock held. */
static void take(const struct timex *t)
{
    if (t->modes & ADJ_STATUS) kept.status = (kept.status & STA_RONLY) | (t->status & ~STA_RONLY);
    if (t->modes & ADJ_NANO) kept.status |= STA_NANO;
    if (t->modes & ADJ_MICRO) kept.status &= ~STA_NANO;
    if (t->modes & ADJ_FREQUENCY) kept.frequency = clamp(t->frequency, -FREQUENCY_MOST, FREQUENCY_MOST);
    if (t->modes & ADJ_MAXERROR) kept.max_error = clamp(t->max_error, 0, ERROR_MOST);
    if (t->modes & ADJ_ESTERROR) kept.est_error = clamp(t->est_error, 0, ERROR_MOST);
    if (t->modes & ADJ_TIMECONST)
        kept.constant = clamp(clamp(t->constant, 0, 10) + (kept.status & STA_NANO ? 0 : 4), 0, 10);
    if ((t->modes & ADJ_TAI) && t->constant >= 0 && t->constant <= 100000) kept.tai = (int32_t)t->constant;
    if (t->modes & ADJ_TICK) kept.tick = t->tick;
    int64_t left = time_slew_left();
    if ((t->modes & ADJ_OFFSET) && (kept.status & STA_PLL)) {
        int64_t unit = kept.status & STA_NANO ? 1 : 1000;
        left = clamp(t->offset, -OFFSET_MOST / unit, OFFSET_MOST / unit) * unit;
    }
    timer_set_pace(pace(), left);
}

static long adjust(struct timex *t)
{
    long error = modes_wrong(t);
    if (!error && (t->modes & ADJ_SETOFFSET) && !(t->modes & ADJ_ADJTIME)) error = jump(t);
    if (error) return error;
    mutex_lock(&timex_lock);
    int64_t offset;
    if (t->modes & ADJ_ADJTIME) {
        int64_t wish = clamp(t->offset, -OFFSET_MOST, OFFSET_MOST) * 1000; /* us */
        offset = time_slew_left() / 1000;
        if (!(t->modes & ADJ_ADJTIME_READ)) timer_set_pace(pace(), wish);
    } else {
        if (t->modes) take(t);
        offset = kept.status & STA_PLL ? time_slew_left() / (kept.status & STA_NANO ? 1 : 1000) : 0;
    }
    uint32_t modes = t->modes;
    *t = kept;
    mutex_unlock(&timex_lock);
    t->modes = modes;
    t->offset = offset;
    t->precision = 1;
    t->tolerance = FREQUENCY_MOST;
    uint64_t now = time_wall_ns();
    t->time = timeval_of(now);
    if (t->status & STA_NANO) t->time.us = (int64_t)(now % NS_PER_S);
    return t->status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

long sys_adjtimex(K_PTR user)
{
    struct timex t;
    if (copy_from_user(&t, user, sizeof t)) return -EFAULT;
    long result = adjust(&t);
    return result >= 0 && copy_to_user(user, &t, sizeof t) ? -EFAULT : result;
}

long sys_clock_adjtime(K_INT id, K_PTR user)
{
    struct clock clock;
    struct timex t;
    if (copy_from_user(&t, user, sizeof t)) return -EFAULT;
    int error = clock_open(id, &clock);
    if (error) return error;
    clock_close(&clock);
    if (id != CLOCK_REALTIME) return -EOPNOTSUPP;
    return sys_adjtimex(user);
}
