/*
 * rtc.c - the clock chip as a device: /dev/rtc0.
 *
 * The kernel asks the chip once, at start (arch/time.c), and counts for itself afterwards; programs like hwclock read the chip through this
 * file, or set it to the system's time. The chip counts nanoseconds since 1970; the interface wants years, months and days. The calendar is
 * counted from a first of March, so that the odd day of a leap year is the last one of its year and no month needs a special case.
 */
#include "arch/time.h"
#include "base/errno.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/task.h"
#include "mm/usercopy.h"

#define RTC_MAJOR 253

enum { RTC_RD_TIME = 0x80247009, RTC_SET_TIME = 0x4024700a };
enum { DAYS_400 = 146097, DAYS_TO_1970 = 719468 }; /* days of 400 years; from 0000-03-01 to 1970-01-01 */

/* struct rtc_time of the system-call interface */
struct rtc_time {
    int32_t sec, min, hour, mday, mon, year, wday, yday, isdst; /* mon from 0, year from 1900 */
};

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* Days since 1970 of a date; year 1970 or later, month 0 to 11, day 1 to 31. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month < 2 ? year - 1 : year;        /* years that begin in March */
    int64_t m = month < 2 ? month + 10 : month - 2; /* March is 0 */
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - DAYS_TO_1970;
}

static struct rtc_time split(uint64_t seconds)
{
    int64_t days = (int64_t)(seconds / 86400), left = (int64_t)(seconds % 86400);
    int64_t since = days + DAYS_TO_1970, age = since / DAYS_400, day = since % DAYS_400;
    int64_t y = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;
    int month = (int)(m < 10 ? m + 2 : m - 10);
    int64_t year = age * 400 + y + (month < 2);
    return (struct rtc_time){.sec = (int32_t)(left % 60),
                             .min = (int32_t)(left / 60 % 60),
                             .hour = (int32_t)(left / 3600),
                             .mday = (int32_t)(in_year - (153 * m + 2) / 5 + 1),
                             .mon = month,
                             .year = (int32_t)(year - 1900),
                             .wday = (int32_t)((days + 4) % 7),
                             .yday = (int32_t)(days - days_of(year, 0, 1))};
}

static bool is_date(const struct rtc_time *t)
{
    static const int8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (t->year < 70 || t->year > 8000 || t->mon < 0 || t->mon > 11) return false;
    int last = length[t->mon] + (t->mon == 1 && is_leap(t->year + 1900));
    return t->mday >= 1 && t->mday <= last && t->hour >= 0 && t->hour < 24 && t->min >= 0 && t->min < 60 &&
           t->sec >= 0 && t->sec < 60;
}

static long set_chip(uint64_t from)
{
    struct rtc_time t;
    if (!cred_is_root()) return -EACCES;
    if (copy_from_user(&t, from, sizeof t)) return -EFAULT;
    if (!is_date(&t)) return -EINVAL;
    int64_t seconds = days_of(t.year + 1900, t.mon, t.mday) * 86400 + t.hour * 3600 + t.min * 60 + t.sec;
    if ((uint64_t)seconds > UINT64_MAX / NS_PER_S) return -ERANGE;
    time_chip_set((uint64_t)seconds * NS_PER_S);
    return 0;
}

static long rtc_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    (void)file;
    if (request == RTC_SET_TIME) return set_chip(argument);
    if (request != RTC_RD_TIME) return -ENOTTY;
    struct rtc_time t = split(time_chip_ns() / NS_PER_S);
    return copy_to_user(argument, &t, sizeof t) ? -EFAULT : 0;
}

static const struct file_ops rtc_ops = {.ioctl = rtc_ioctl};

static void rtc_init(void)
{
    if (!time_has_chip()) return;
    device_register(false, RTC_MAJOR, 0, 1, &rtc_ops);
    devfs_add("rtc0", S_IFCHR | 0600, DEV_MAKE(RTC_MAJOR, 0));
}
INIT(INIT_DEVICE, rtc_init);
