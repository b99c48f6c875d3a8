/*
 * words.c - what people write and read against what the kernel takes: numbers with units, modes, user names, signal names.
 *
 * The kernel knows users and groups only as numbers; their names stand in two text files, /etc/passwd and /etc/group, which it never
 * reads. The same holds for signals: "KILL" is a word of the C library.
 */
#include "lib/util.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool parse_number(const char *s, long long *value)
{
    char *end;
    errno = 0;
    *value = strtoll(s, &end, 10);
    return end != s && !*end && !errno;
}

bool parse_size(const char *s, long long *bytes)
{
    static const char units[] = "kmgt";
    char *end;
    errno = 0;
    *bytes = strtoll(s, &end, 0);
    if (end == s || errno) return false;
    if (!*end) return true;
    const char *unit = strchr(units, *end | 0x20);
    if (*end == 'b') {
        *bytes *= 512;
    } else if (unit) {
        int shift = 10 * (int)(unit - units + 1);
        if (*bytes > INT64_MAX >> shift) return false;
        *bytes <<= shift;
        if (end[1] == 'B' || end[1] == 'i') end += strlen(end) - 1;
    } else {
        return false;
    }
    return !end[1];
}

bool parse_seconds(const char *s, double *seconds)
{
    char *end;
    *seconds = strtod(s, &end);
    if (end == s || !(*seconds >= 0)) return false;
    if (!*end) return true;
    switch (*end) {
    case 's': break;
    case 'm': *seconds *= 60; break;
    case 'h': *seconds *= 3600; break;
    case 'd': *seconds *= 86400; break;
    default: return false;
    }
    return !end[1];
}

/* One clause of chmod, "ug+rw"; the place behind it, or NULL. */
static const char *mode_clause(const char *s, bool folder, mode_t *mode)
{
    mode_t who = 0;
    for (;; s++) {
        if (*s == 'u')
            who |= 04700;
        else if (*s == 'g')
            who |= 02070;
        else if (*s == 'o')
            who |= 01007;
        else if (*s == 'a')
            who |= 07777;
        else
            break;
    }
    if (!who) {
        mode_t mask = umask(0);
        umask(mask);
        who = 07777 & ~mask;
    }
    if (!*s || !strchr("+-=", *s)) return NULL;
    while (*s && strchr("+-=", *s)) {
        char op = *s++;
        mode_t bits = 0;
        for (; *s && *s != ',' && !strchr("+-=", *s); s++) {
            switch (*s) {
            case 'r': bits |= 0444; break;
            case 'w': bits |= 0222; break;
            case 'x': bits |= 0111; break;
            case 'X': bits |= folder || *mode & 0111 ? 0111 : 0; break;
            case 's': bits |= 06000; break;
            case 't': bits |= 01000; break;
            case 'u': bits |= (*mode >> 6 & 7) * 0111; break;
            case 'g': bits |= (*mode >> 3 & 7) * 0111; break;
            case 'o': bits |= (*mode & 7) * 0111; break;
            default: return NULL;
            }
        }
        bits &= who;
        if (op == '+')
            *mode |= bits;
        else if (op == '-')
            *mode &= ~bits;
        else
            *mode = (*mode & ~(who & 0777)) | bits;
    }
    return s;
}

bool parse_mode(const char *s, mode_t old, bool folder, mode_t *mode)
{
    char *end;
    if (*s >= '0' && *s <= '7') {
        unsigned long value = strtoul(s, &end, 8);
        *mode = (mode_t)value;
        return !*end && value <= 07777;
    }
    *mode = old & 07777;
    while (s) {
        s = mode_clause(s, folder, mode);
        if (s && !*s) return true;
        if (s && *s++ != ',') return false;
    }
    return false;
}

const char *human_size(unsigned long long bytes, char out[16])
{
    static const char units[] = "BKMGTPE";
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1023.5 && unit < 6) value /= 1024, unit++;
    if (unit == 0)
        snprintf(out, 16, "%llu", bytes);
    else
        snprintf(out, 16, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return out;
}

void mode_string(mode_t mode, char out[11])
{
    static const char *const kinds = "?pc?d?b?-?l?s???";
    out[0] = kinds[mode >> 12 & 15];
    for (int i = 0; i < 9; i++) out[1 + i] = mode >> (8 - i) & 1 ? "rwxrwxrwx"[i] : '-';
    if (mode & S_ISUID) out[3] = mode & 0100 ? 's' : 'S';
    if (mode & S_ISGID) out[6] = mode & 0010 ? 's' : 'S';
    if (mode & S_ISVTX) out[9] = mode & 0001 ? 't' : 'T';
    out[10] = 0;
}

/* fgetpwent and fgetgrent read the files themselves: no name service, which a static program would have to load at run time. */
static struct passwd *passwd_find(const char *name, uid_t uid)
{
    FILE *file = fopen("/etc/passwd", "re");
    struct passwd *entry = NULL;
    if (!file) return NULL;
    while ((entry = fgetpwent(file)) && (name ? strcmp(entry->pw_name, name) != 0 : entry->pw_uid != uid)) {
    }
    fclose(file);
    return entry;
}

static struct group *group_find(const char *name, gid_t gid)
{
    FILE *file = fopen("/etc/group", "re");
    struct group *entry = NULL;
    if (!file) return NULL;
    while ((entry = fgetgrent(file)) && (name ? strcmp(entry->gr_name, name) != 0 : entry->gr_gid != gid)) {
    }
    fclose(file);
    return entry;
}

const char *user_name(uid_t uid)
{
    static uid_t last;
    static char name[64];
    if (name[0] && last == uid) return name;
    struct passwd *entry = passwd_find(NULL, uid);
    if (entry)
        snprintf(name, sizeof name, "%s", entry->pw_name);
    else
        snprintf(name, sizeof name, "%u", uid);
    last = uid;
    return name;
}

const char *group_name(gid_t gid)
{
    static gid_t last;
    static char name[64];
    if (name[0] && last == gid) return name;
    struct group *entry = group_find(NULL, gid);
    if (entry)
        snprintf(name, sizeof name, "%s", entry->gr_name);
    else
        snprintf(name, sizeof name, "%u", gid);
    last = gid;
    return name;
}

bool user_id(const char *name, uid_t *uid, gid_t *gid)
{
    long long number;
    struct passwd *entry = passwd_find(name, 0);
    if (entry) {
        *uid = entry->pw_uid;
        if (gid) *gid = entry->pw_gid;
        return true;
    }
    if (!parse_number(name, &number) || number < 0 || number > UINT32_MAX) return false;
    *uid = (uid_t)number;
    if (gid) *gid = (gid_t)number;
    return true;
}

bool group_id(const char *name, gid_t *gid)
{
    long long number;
    struct group *entry = group_find(name, 0);
    if (entry) {
        *gid = entry->gr_gid;
        return true;
    }
    if (!parse_number(name, &number) || number < 0 || number > UINT32_MAX) return false;
    *gid = (gid_t)number;
    return true;
}

int signal_number(const char *name)
{
    long long number;
    if (parse_number(name, &number)) return number >= 0 && number < NSIG ? (int)number : -1;
    if (!strncasecmp(name, "SIG", 3)) name += 3;
    if (!strcasecmp(name, "EXIT")) return 0;
    for (int i = 1; i < 32; i++)
        if (sigabbrev_np(i) && !strcasecmp(sigabbrev_np(i), name)) return i;
    return -1;
}

const char *signal_word(int number)
{
    static char digits[12];
    const char *name = number > 0 && number < 32 ? sigabbrev_np(number) : NULL;
    if (name) return name;
    snprintf(digits, sizeof digits, "%d", number);
    return digits;
}
