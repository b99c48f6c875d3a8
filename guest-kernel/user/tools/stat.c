/*
 * stat.c - all that an inode holds but its content: size, blocks, links, permissions, owner, times. -L follows symbolic links.
 *      -c FORMAT: %n name %s size %b blocks %a octal mode %A mode %F kind %h links %i inode %u %U user %g %G group %Y change time %X access time
 */
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

static const char *kind(mode_t mode)
{
    static const char *const kinds[16] = {
        [1] = "fifo",         [2] = "character special file", [4] = "directory", [6] = "block special file",
        [8] = "regular file", [10] = "symbolic link",         [12] = "socket"};
    return kinds[mode >> 12 & 15] ? kinds[mode >> 12 & 15] : "unknown";
}

static void print_formatted(const char *format, const char *name, const struct stat *s)
{
    char mode[11];
    mode_string(s->st_mode, mode);
    for (const char *p = format; *p; p++) {
        if (*p != '%' || !p[1]) {
            putchar(*p);
            continue;
        }
        switch (*++p) {
        case 'n': fputs(name, stdout); break;
        case 's': printf("%lld", (long long)s->st_size); break;
        case 'b': printf("%lld", (long long)s->st_blocks); break;
        case 'B': printf("512"); break;
        case 'a': printf("%o", s->st_mode & 07777); break;
        case 'A': fputs(mode, stdout); break;
        case 'f': printf("%x", s->st_mode); break;
        case 'F': fputs(S_ISREG(s->st_mode) && !s->st_size ? "regular empty file" : kind(s->st_mode), stdout); break;
        case 'h': printf("%lu", (unsigned long)s->st_nlink); break;
        case 'i': printf("%lu", (unsigned long)s->st_ino); break;
        case 'd': printf("%lu", (unsigned long)s->st_dev); break;
        case 'u': printf("%u", s->st_uid); break;
        case 'U': fputs(user_name(s->st_uid), stdout); break;
        case 'g': printf("%u", s->st_gid); break;
        case 'G': fputs(group_name(s->st_gid), stdout); break;
        case 'X': printf("%lld", (long long)s->st_atime); break;
        case 'Y': printf("%lld", (long long)s->st_mtime); break;
        case 'Z': printf("%lld", (long long)s->st_ctime); break;
        default: putchar(*p);
        }
    }
    putchar('\n');
}

static void print_time(const char *name, struct timespec t)
{
    char when[64];
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime(&t.tv_sec));
    printf("%s: %s.%09ld\n", name, when, t.tv_nsec);
}

static void print_all(const char *name, const struct stat *s)
{
    char mode[11];
    mode_string(s->st_mode, mode);
    printf("  File: %s\n  Size: %-12lld Blocks: %-8lld %s\n", name, (long long)s->st_size, (long long)s->st_blocks,
           kind(s->st_mode));
    printf("Device: %u,%-9u Inode: %-9lu Links: %lu\n", major(s->st_dev), minor(s->st_dev), (unsigned long)s->st_ino,
           (unsigned long)s->st_nlink);
    printf("Access: (%04o/%s)  Uid: (%u/%s)", s->st_mode & 07777, mode, s->st_uid, user_name(s->st_uid));
    printf("  Gid: (%u/%s)\n", s->st_gid, group_name(s->st_gid));
    print_time("Access", s->st_atim);
    print_time("Modify", s->st_mtim);
    print_time("Change", s->st_ctim);
}

int main(int argc, char **argv)
{
    const char *format = NULL;
    bool follow = false;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "c:L")) != -1;) {
        if (c == '?') fail_usage("[-L] [-c FORMAT] FILE...");
        if (c == 'L')
            follow = true;
        else
            format = optarg;
    }
    if (optind == argc) fail_usage("[-L] [-c FORMAT] FILE...");
    for (int i = optind; i < argc; i++) {
        struct stat s;
        if (follow ? stat(argv[i], &s) : lstat(argv[i], &s)) {
            warn_errno("%s", argv[i]);
            worst = 1;
        } else if (format) {
            print_formatted(format, argv[i], &s);
        } else {
            print_all(argv[i], &s);
        }
    }
    return util_end(worst);
}
