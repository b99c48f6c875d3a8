/* path.c - calls on names: opening, making, linking, moving, removing, and walking. */
#include "conformance.h"
#include <dirent.h>
#include <sys/mount.h>

static char long_name[300], long_path[5000];

static void opening(void)
{
    long f = make_file("a", "text"), d = open(".", O_RDONLY);
    mkdir("dir", 0755);
    symlink("a", "link"), symlink("nowhere", "dangling"), symlink("loop", "loop"), symlink("dir", "dirlink");
    K(openat, "read", AT_FDCWD, "a", O_RDONLY);
    E(openat, "no such file", AT_FDCWD, "none", O_RDONLY);
    E(openat, "empty path", AT_FDCWD, "", O_RDONLY);
    E(openat, "bad pointer", AT_FDCWD, BAD, O_RDONLY);
    E(openat, "kernel pointer", AT_FDCWD, KERNEL, O_RDONLY);
    E(openat, "name too long", AT_FDCWD, long_name, O_RDONLY);
    E(openat, "path too long", AT_FDCWD, long_path, O_RDONLY);
    E(openat, "file as directory", AT_FDCWD, "a/b", O_RDONLY);
    E(openat, "file with a slash", AT_FDCWD, "a/", O_RDONLY);
    E(openat, "bad base", 99, "a", O_RDONLY);
    K(openat, "bad base, absolute path", 99, "/tmp", O_RDONLY);
    E(openat, "base is a file", f, "a", O_RDONLY);
    K(openat, "base", d, "a", O_RDONLY);
    E(openat, "directory for writing", AT_FDCWD, "dir", O_WRONLY);
    E(openat, "O_DIRECTORY on a file", AT_FDCWD, "a", O_RDONLY | O_DIRECTORY);
    E(openat, "O_NOFOLLOW on a link", AT_FDCWD, "link", O_RDONLY | O_NOFOLLOW);
    K(openat, "O_PATH of a link", AT_FDCWD, "link", O_PATH | O_NOFOLLOW);
    E(openat, "dangling link", AT_FDCWD, "dangling", O_RDONLY);
    E(openat, "loop", AT_FDCWD, "loop", O_RDONLY);
    E(openat, "O_EXCL there", AT_FDCWD, "a", O_WRONLY | O_CREAT | O_EXCL, 0644);
    E(openat, "O_EXCL dangling link", AT_FDCWD, "dangling", O_WRONLY | O_CREAT | O_EXCL, 0644);
    K(openat, "O_CREAT through a dangling link", AT_FDCWD, "dangling", O_WRONLY | O_CREAT, 0644);
    V(openat, "and made is", access("nowhere", F_OK));
    E(openat, "O_CREAT with a slash", AT_FDCWD, "new/", O_WRONLY | O_CREAT, 0644);
    E(openat, "O_CREAT a directory", AT_FDCWD, "dir", O_RDONLY | O_CREAT, 0644);
    E(openat, "O_CREAT | O_DIRECTORY", AT_FDCWD, "x", O_RDONLY | O_CREAT | O_DIRECTORY, 0644);
    E(openat, "O_CREAT without parent", AT_FDCWD, "no/x", O_WRONLY | O_CREAT, 0644);
    K(openat, "access mode 3", AT_FDCWD, "a", 3);
    K(openat, "unknown flags", AT_FDCWD, "a", 0x40000000);
    mkfifo("fifo", 0600);
    E(openat, "FIFO, no reader", AT_FDCWD, "fifo", O_WRONLY | O_NONBLOCK);
    K(openat, "FIFO to read, no wait", AT_FDCWD, "fifo", O_RDONLY | O_NONBLOCK);
    K(openat, "O_TRUNC", AT_FDCWD, "a", O_WRONLY | O_TRUNC);
    E(openat, "device without driver", AT_FDCWD, "nodev", O_RDONLY);
    close_range(3, 1000, 0);
}

static void making(void)
{
    long f = make_file("m", "x");
    E(mkdirat, "ok", AT_FDCWD, "sub", 0755);
    E(mkdirat, "there", AT_FDCWD, "sub", 0755);
    E(mkdirat, "with slash", AT_FDCWD, "sub2/", 0755);
    E(mkdirat, "empty", AT_FDCWD, "", 0755);
    E(mkdirat, "root", AT_FDCWD, "/", 0755);
    E(mkdirat, "dot", AT_FDCWD, "sub/.", 0755);
    E(mkdirat, "no parent", AT_FDCWD, "no/x", 0755);
    E(mkdirat, "parent is a file", AT_FDCWD, "m/x", 0755);
    E(mkdirat, "bad pointer", AT_FDCWD, BAD, 0755);
    E(mkdirat, "bad base", 99, "x", 0755);
    E(mkdirat, "name too long", AT_FDCWD, long_name, 0755);
    E(mknodat, "FIFO", AT_FDCWD, "pipe", S_IFIFO | 0644, 0);
    E(mknodat, "file", AT_FDCWD, "plain", S_IFREG | 0644, 0);
    E(mknodat, "type 0", AT_FDCWD, "plain2", 0644, 0);
    E(mknodat, "directory", AT_FDCWD, "x", S_IFDIR | 0755, 0);
    E(mknodat, "bad type", AT_FDCWD, "x", 0110644, 0);
    E(mknodat, "link", AT_FDCWD, "x", S_IFLNK | 0644, 0);
    E(mknodat, "there", AT_FDCWD, "plain", S_IFREG | 0644, 0);
    E(mknodat, "device", AT_FDCWD, "null", S_IFCHR | 0644, 0x103);
    E(mknodat, "device unknown", AT_FDCWD, "nodev", S_IFCHR | 0644, 0xfe77);
    E(openat, "unknown device", AT_FDCWD, "nodev", O_RDONLY);
    E(mknodat, "socket", AT_FDCWD, "sock", S_IFSOCK | 0644, 0);
    E(openat, "socket", AT_FDCWD, "sock", O_RDONLY);
    E(symlinkat, "ok", "target", AT_FDCWD, "sl");
    E(symlinkat, "there", "target", AT_FDCWD, "sl");
    E(symlinkat, "empty target", "", AT_FDCWD, "sl2");
    E(symlinkat, "bad target", BAD, AT_FDCWD, "sl2");
    E(symlinkat, "empty name", "x", AT_FDCWD, "");
    E(symlinkat, "no parent", "x", AT_FDCWD, "no/x");
    E(symlinkat, "with slash", "x", AT_FDCWD, "sl3/");
    char b[64];
    E(readlinkat, "ok", AT_FDCWD, "sl", b, 64);
    E(readlinkat, "cut off", AT_FDCWD, "sl", b, 3);
    E(readlinkat, "no room", AT_FDCWD, "sl", b, 0);
    E(readlinkat, "negative room", AT_FDCWD, "sl", b, -1);
    E(readlinkat, "not a link", AT_FDCWD, "m", b, 64);
    E(readlinkat, "no such", AT_FDCWD, "none", b, 64);
    E(readlinkat, "bad pointer", AT_FDCWD, "sl", BAD, 64);
    E(readlinkat, "empty path", AT_FDCWD, "", b, 64);
    E(linkat, "ok", AT_FDCWD, "m", AT_FDCWD, "m2", 0);
    E(linkat, "there", AT_FDCWD, "m", AT_FDCWD, "m2", 0);
    E(linkat, "no such", AT_FDCWD, "none", AT_FDCWD, "m3", 0);
    E(linkat, "directory", AT_FDCWD, "sub", AT_FDCWD, "sub3", 0);
    E(linkat, "bad flags", AT_FDCWD, "m", AT_FDCWD, "m4", 1);
    E(linkat, "of a link", AT_FDCWD, "sl", AT_FDCWD, "sl4", 0);
    E(linkat, "through a dangling link", AT_FDCWD, "sl", AT_FDCWD, "sl5", AT_SYMLINK_FOLLOW);
    E(linkat, "other file system", AT_FDCWD, "/proc/version", AT_FDCWD, "v", 0);
    E(linkat, "by descriptor", f, "", AT_FDCWD, "m5", AT_EMPTY_PATH);
    E(linkat, "with slash", AT_FDCWD, "m", AT_FDCWD, "m6/", 0);
    E(unlinkat, "ok", AT_FDCWD, "m2", 0);
    E(unlinkat, "again", AT_FDCWD, "m2", 0);
    E(unlinkat, "directory", AT_FDCWD, "sub", 0);
    E(unlinkat, "bad flags", AT_FDCWD, "m", 1);
    E(unlinkat, "file as directory", AT_FDCWD, "m", AT_REMOVEDIR);
    E(unlinkat, "file with slash", AT_FDCWD, "m/", 0);
    mkdir("sub/inner", 0755);
    E(unlinkat, "not empty", AT_FDCWD, "sub", AT_REMOVEDIR);
    E(unlinkat, "dot", AT_FDCWD, "sub/.", AT_REMOVEDIR);
    E(unlinkat, "dot dot", AT_FDCWD, "sub/..", AT_REMOVEDIR);
    E(unlinkat, "root", AT_FDCWD, "/", AT_REMOVEDIR);
    E(unlinkat, "root as file", AT_FDCWD, "/", 0);
    E(unlinkat, "mounted", AT_FDCWD, "/proc", AT_REMOVEDIR);
    E(unlinkat, "empty", AT_FDCWD, "", 0);
    E(unlinkat, "bad pointer", AT_FDCWD, BAD, 0);
    E(unlinkat, "directory, with slash", AT_FDCWD, "sub/inner/", AT_REMOVEDIR);
    close((int)f);
}

static void moving(void)
{
    close((int)make_file("r1", "1")), close((int)make_file("r2", "2"));
    mkdir("d1", 0755), mkdir("d1/in", 0755), mkdir("d2", 0755), mkdir("full", 0755);
    close((int)make_file("full/x", ""));
    E(renameat2, "over a file", AT_FDCWD, "r1", AT_FDCWD, "r2", 0);
    E(renameat2, "no such", AT_FDCWD, "r1", AT_FDCWD, "r2", 0);
    E(renameat2, "to itself", AT_FDCWD, "r2", AT_FDCWD, "r2", 0);
    E(renameat2, "file over directory", AT_FDCWD, "r2", AT_FDCWD, "d2", 0);
    E(renameat2, "directory over file", AT_FDCWD, "d2", AT_FDCWD, "r2", 0);
    E(renameat2, "directory into itself", AT_FDCWD, "d1", AT_FDCWD, "d1/in/x", 0);
    E(renameat2, "ancestor", AT_FDCWD, "d1/in", AT_FDCWD, "d1", 0);
    E(renameat2, "over a full directory", AT_FDCWD, "d2", AT_FDCWD, "full", 0);
    E(renameat2, "over an empty directory", AT_FDCWD, "full", AT_FDCWD, "d2", 0);
    E(renameat2, "no replace", AT_FDCWD, "r2", AT_FDCWD, "d2", RENAME_NOREPLACE);
    E(renameat2, "exchange", AT_FDCWD, "r2", AT_FDCWD, "d1", RENAME_EXCHANGE);
    E(renameat2, "exchange with nothing", AT_FDCWD, "r2", AT_FDCWD, "none", RENAME_EXCHANGE);
    E(renameat2, "bad flags", AT_FDCWD, "r2", AT_FDCWD, "x", 8);
    E(renameat2, "both flags", AT_FDCWD, "r2", AT_FDCWD, "x", 3);
    E(renameat2, "dot", AT_FDCWD, "d2/.", AT_FDCWD, "x", 0);
    E(renameat2, "root", AT_FDCWD, "/", AT_FDCWD, "x", 0);
    E(renameat2, "other file system", AT_FDCWD, "d1", AT_FDCWD, "/proc/x", 0);
    E(renameat2, "file with slash", AT_FDCWD, "d1", AT_FDCWD, "x/", 0);
    E(renameat2, "bad pointer", AT_FDCWD, BAD, AT_FDCWD, "x", 0);
    E(renameat2, "bad base", 99, "x", AT_FDCWD, "x", 0);
    E(renameat2, "name too long", AT_FDCWD, "d1", AT_FDCWD, long_name, 0);
}

static void pivot_child(void);
static void mounts_that_move(void)
{
    mkdir("/tmp/path/top", 0755), mkdir("/tmp/path/place2", 0755);
    E(mount, "move: nothing there", "/tmp/path/none", "/tmp/path/place2", 0L, MS_MOVE, 0L);
    E(mount, "move: no source", 0L, "/tmp/path/place2", 0L, MS_MOVE, 0L);
    E(mount, "move: not mounted", "/tmp/path/top", "/tmp/path/place2", 0L, MS_MOVE, 0L);
    mount("x", "/tmp/path/top", "tmpfs", 0, 0);
    close(creat("/tmp/path/top/file", 0644));
    E(mount, "move: into itself", "/tmp/path/top", "/tmp/path/top", 0L, MS_MOVE, 0L);
    E(mount, "move: to a file", "/tmp/path/top", "/tmp/path/pf", 0L, MS_MOVE, 0L);
    E(mount, "move: no such place", "/tmp/path/top", "/tmp/path/none", 0L, MS_MOVE, 0L);
    E(mount, "move", "/tmp/path/top", "/tmp/path/place2", 0L, MS_MOVE, 0L);
    V(mount, "move: it is there", access("/tmp/path/place2/file", F_OK));
    V(mount, "move: and not here", access("/tmp/path/top/file", F_OK));
    E(mount, "move: back", "/tmp/path/place2", "/tmp/path/top", 0L, MS_MOVE, 0L);
    mkdir("/tmp/path/top/sub", 0755);
    mount("x", "/tmp/path/top/sub", "tmpfs", 0, 0);
    mkdir("/tmp/path/top/sub/old", 0755);
    E(pivot_root, "the root in memory", "/tmp/path/top", "/tmp/path/top/sub");
    show_child("pivot_root", "child", pivot_child);
    V(umount2, "after pivot_root", umount2("/tmp/path/top", 0));
}

static void places(void)
{
    char b[256];
    mkdir("place", 0755);
    long f = make_file("pf", ""), d = open("place", O_RDONLY);
    E(chdir, "ok", "place");
    E(chdir, "no such", "none");
    E(chdir, "file", "../pf");
    E(chdir, "bad pointer", BAD);
    E(chdir, "empty", "");
    E(fchdir, "ok", d);
    E(fchdir, "file", f);
    E(fchdir, "bad descriptor", 99);
    E(getcwd, "ok", b, 256L);
    show_text("getcwd", "text", b);
    E(getcwd, "too small", b, 5L);
    E(getcwd, "none", b, 0L);
    E(getcwd, "bad pointer", BAD, 256L);
    rmdir("/tmp/path/place");
    E(getcwd, "removed", b, 256L);
    E(mkdirat, "in a removed directory", AT_FDCWD, "x", 0755);
    E(openat, "create in a removed directory", AT_FDCWD, "x", O_CREAT | O_WRONLY, 0644);
    E(openat, "dot of a removed directory", AT_FDCWD, ".", O_RDONLY | O_CLOEXEC);
    E(openat, "dot dot of a removed directory", AT_FDCWD, "..", O_RDONLY | O_CLOEXEC);
    chdir("/tmp/path");
    E(chroot, "file", "pf");
    E(chroot, "no such", "none");
    E(chroot, "bad pointer", BAD);
    E(mount, "no such type", "x", "/tmp/path", "nosuchfs", 0L, 0L);
    E(mount, "no such place", "x", "/tmp/none", "tmpfs", 0L, 0L);
    E(mount, "on a file", "x", "/tmp/path/pf", "tmpfs", 0L, 0L);
    E(mount, "bad type pointer", "x", "/tmp/path", BAD, 0L, 0L);
    mkdir("mnt", 0755);
    E(mount, "tmpfs", "x", "/tmp/path/mnt", "tmpfs", 0L, 0L);
    make_file("mnt/busy", "");
    E(umount2, "busy", "mnt", 0);
    E(renameat2, "mount point", AT_FDCWD, "mnt", AT_FDCWD, "mnt2", 0);
    E(unlinkat, "mount point", AT_FDCWD, "mnt", AT_REMOVEDIR);
    E(linkat, "across mounts", AT_FDCWD, "pf", AT_FDCWD, "mnt/pf", 0);
    E(umount2, "not mounted", "place", 0);
    E(umount2, "no mount point", "/tmp/path", 0);
    E(umount2, "bad flags", "mnt", 0x100);
    E(umount2, "bad pointer", BAD, 0);
    close_range(3, 1000, 0);
    E(umount2, "ok", "mnt", 0);
    mounts_that_move();
    E(umask, "new", 077);
    E(umask, "old", 022);
}

static void chroot_child(void)
{
    chroot("/tmp/path");
    if (access("/tmp", F_OK) == 0) _exit(1);
    if (access("/../../r2", F_OK) != access("/r2", F_OK)) _exit(2);
    _exit(0);
}

static void pivot_child(void)
{
    chroot("/tmp/path/top"), chdir("/");
    E(pivot_root, "new root is the root", "/", "/");
    E(pivot_root, "old root not in the new", "/sub", "/");
    E(pivot_root, "no directory of its own", "/sub/old", "/sub/old");
    E(pivot_root, "new root is a file", "/file", "/sub/old");
    E(pivot_root, "no such", "/none", "/sub/old");
    E(pivot_root, "no such old", "/sub", "/sub/none");
    E(pivot_root, "bad pointer", BAD, "/sub/old");
    E(pivot_root, "bad old pointer", "/sub", BAD);
    E(pivot_root, "ok", "/sub", "/sub/old");
    V(pivot_root, "the root is the new one", access("/old", F_OK));
    V(pivot_root, "the old one is in it", access("/old/sub", F_OK));
    E(umount2, "old root of pivot_root", "/old", 0);
    chdir("/");
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(pivot_root, "user", "/", "/old");
}

static void plain_user(void)
{
    syscall(SYS_setresgid, 1000, 1000, 1000), syscall(SYS_setresuid, 1000, 1000, 1000);
    E(openat, "user: no permission", AT_FDCWD, "secret", O_RDONLY);
    E(openat, "user: create in another's directory", AT_FDCWD, "x", O_WRONLY | O_CREAT, 0644);
    E(openat, "user: through a closed directory", AT_FDCWD, "closed/x", O_RDONLY);
    E(openat, "user: O_NOATIME", AT_FDCWD, "pf", O_RDONLY | O_NOATIME);
    E(unlinkat, "user: another's directory", AT_FDCWD, "pf", 0);
    E(unlinkat, "user: sticky directory", AT_FDCWD, "sticky/x", 0);
    E(chdir, "user: closed", "closed");
    E(chroot, "user", "/");
    E(mount, "user", "x", "/tmp/path", "tmpfs", 0L, 0L);
    E(umount2, "user", "/tmp", 0);
    E(mknodat, "user: device", AT_FDCWD, "sticky/dev", S_IFCHR | 0644, 0x103);
    E(mkdirat, "user", AT_FDCWD, "udir", 0755);
    E(fchmodat, "user: another's file", AT_FDCWD, "pf", 0777);
    E(fchownat, "user: another's file", AT_FDCWD, "pf", 1000, 1000, 0);
    E(fchownat, "user: give away", AT_FDCWD, "mine", 0, -1, 0);
    E(fchownat, "user: to foreign group", AT_FDCWD, "mine", -1, 0, 0);
    E(fchownat, "user: nothing", AT_FDCWD, "mine", -1, -1, 0);
    E(truncate, "user: no permission", "pf", 0L);
    E(utimensat, "user: another's file, now", AT_FDCWD, "pf", 0L, 0);
    E(faccessat, "user: secret", AT_FDCWD, "secret", R_OK);
    E(faccessat, "user: mine", AT_FDCWD, "mine", R_OK | W_OK);
    E(linkat, "user: another's file", AT_FDCWD, "secret", AT_FDCWD, "sticky/l", 0);
    E(renameat2, "user: sticky", AT_FDCWD, "sticky/x", AT_FDCWD, "sticky/y", 0);
}

static void users(void)
{
    close((int)make_file("secret", "s")), close((int)make_file("mine", "m")), close((int)make_file("pf", ""));
    chmod("secret", 0600), chown("mine", 1000, 1000);
    mkdir("closed", 0700), mkdir("sticky", 0777), chmod("sticky", 01777);
    close((int)make_file("sticky/x", "")), close((int)make_file("closed/x", ""));
    show_child("chroot", "keeps inside", chroot_child);
    show_child("openat", "user", plain_user);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void listing(void)
{
    struct {
        uint64_t ino;
        int64_t off;
        unsigned short bytes;
        unsigned char type;
        char name[];
    } * e;
    char b[4096], *names[64], text[300] = "";
    int n = 0;
    mkdir("list", 0755), mkdir("list/sub", 0755), symlink("x", "list/link"), mkfifo("list/fifo", 0600);
    long f = make_file("list/file", ""), d = open("list", O_RDONLY);
    long bytes = Q(getdents64, d, b, sizeof b);
    V(getdents64, "bytes", bytes);
    for (long at = 0; at < bytes; at += e->bytes) {
        e = (void *)(b + at);
        char line[64];
        snprintf(line, sizeof line, "%s:%d", e->name, e->type);
        names[n++] = strdup(line);
    }
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) strcat(strcat(text, names[i]), " ");
    show_text("getdents64", "names", text);
    E(getdents64, "at end", d, b, sizeof b);
    lseek((int)d, 0, SEEK_SET);
    E(getdents64, "no room for one", d, b, 10);
    E(getdents64, "bad pointer", d, BAD, 4096);
    E(getdents64, "file", f, b, 4096);
    E(getdents64, "bad descriptor", 99, b, 4096);
    close((int)d), close((int)f);
}

void family_path(void)
{
    memset(long_name, 'n', 256);
    for (int i = 0; i < 4998; i += 2) memcpy(long_path + i, "./", 2);
    opening();
    making();
    moving();
    places();
    users();
    listing();
}
