/*
 * cp.c - copies files and, with -r, directory trees.
 *
 * The copy is a new file with a new inode. With -p it gets the old one's times, permissions and owner too. A file is refused as its own
 * copy: opening it for writing would have emptied it before the first byte was read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static bool recursive, preserve, links, force;

static int copy(const char *from, const char *to);

static int copy_content(const char *from, const char *to, const struct stat *status)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, result;
    if (in >= 0) out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, status->st_mode & 0777);
    if (in >= 0 && out < 0 && force && !unlink(to))
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, status->st_mode & 0777);
    if (in < 0 || out < 0) {
        warn_errno("%s", in < 0 ? from : to);
        if (in >= 0) close(in);
        return 1;
    }
    result = copy_fd(in, out);
    if (result) warn_errno("%s", result == -1 ? from : to);
    close(in);
    if (close(out) && !result) {
        warn_errno("%s", to);
        result = -2;
    }
    return result ? 1 : 0;
}

static int copy_folder(const char *from, const char *to, const struct stat *status)
{
    struct stat old;
    struct strings names = {0};
    int worst = 0;
    if (!recursive) {
        warn_text("%s: is a directory; -r copies it", from);
        return 1;
    }
    if ((stat(to, &old) || !S_ISDIR(old.st_mode)) && mkdir(to, (status->st_mode & 0777) | 0700)) {
        warn_errno("%s", to);
        return 1;
    }
    if (!stat(to, &old) && old.st_ino == status->st_ino && old.st_dev == status->st_dev) {
        warn_text("%s and %s are the same directory", from, to);
        return 1;
    }
    DIR *folder = opendir(from);
    if (!folder) {
        warn_errno("%s", from);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) strings_add(&names, xstrdup(entry->d_name));
    closedir(folder);
    for (size_t i = 0; i < names.n; i++) {
        char *a = path_join(from, names.at[i]), *b = path_join(to, names.at[i]);
        struct stat below;
        bool itself = !lstat(a, &below) && !stat(to, &old) && below.st_ino == old.st_ino && below.st_dev == old.st_dev;
        if (itself) warn_text("%s: is the copy itself", a);
        worst |= itself ? 1 : copy(a, b);
        free(a);
        free(b);
    }
    strings_free(&names);
    if (chmod(to, status->st_mode & 07777)) warn_errno("%s", to);
    return worst;
}

static int copy_special(const char *from, const char *to, const struct stat *status)
{
    char target[4096];
    if (S_ISLNK(status->st_mode)) {
        ssize_t n = readlink(from, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = 0;
        unlink(to);
        if (n >= 0 && !symlink(target, to)) return 0;
    } else if (!mknod(to, status->st_mode, status->st_rdev)) {
        return 0;
    }
    warn_errno("%s", to);
    return 1;
}

static int copy(const char *from, const char *to)
{
    struct stat status, old;
    int result;
    if (links ? lstat(from, &status) : stat(from, &status)) {
        warn_errno("%s", from);
        return 1;
    }
    if (S_ISDIR(status.st_mode)) {
        result = copy_folder(from, to, &status);
    } else if (!stat(to, &old) && old.st_ino == status.st_ino && old.st_dev == status.st_dev) {
        warn_text("%s and %s are the same file", from, to);
        return 1;
    } else if (S_ISREG(status.st_mode) || !recursive) {
        result = copy_content(from, to, &status);
    } else {
        result = copy_special(from, to, &status);
    }
    if (preserve && !result) {
        struct timespec times[2] = {status.st_atim, status.st_mtim};
        utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW);
        if (!lchown(to, status.st_uid, status.st_gid) && !S_ISLNK(status.st_mode)) chmod(to, status.st_mode & 07777);
    }
    return result;
}

int main(int argc, char **argv)
{
    struct stat status;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "rRapdPf")) != -1;) {
        if (c == '?') fail_usage("[-rpdf] FILE... TARGET");
        recursive |= c == 'r' || c == 'R' || c == 'a';
        preserve |= c == 'p' || c == 'a';
        links |= c == 'd' || c == 'P' || c == 'a';
        force |= c == 'f';
    }
    if (recursive) links = true;
    if (argc - optind < 2) fail_usage("[-rpdf] FILE... TARGET");
    const char *target = argv[argc - 1];
    bool into = !stat(target, &status) && S_ISDIR(status.st_mode);
    if (!into && argc - optind > 2) fail_text("%s: not a directory", target);
    for (int i = optind; i < argc - 1; i++) {
        size_t n = strlen(argv[i]);
        while (n > 1 && argv[i][n - 1] == '/') argv[i][--n] = 0;
        char *to = into ? path_join(target, path_base(argv[i])) : xstrdup(target);
        worst |= copy(argv[i], to);
        free(to);
    }
    return worst;
}
