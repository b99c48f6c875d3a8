/* inotify.c - watching files and directories: which events come in which order. */
#include "conformance.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

static long in;

/* All events that are there, as "wd:mask:name"; a cookie is only told by its presence. */
static void events(const char *what)
{
    static char buffer[4096], text[4096];
    long n = read(in, buffer, sizeof buffer), at = 0, used = 0;
    text[0] = 0;
    while (n > 0 && at < n) {
        struct inotify_event *e = (struct inotify_event *)(buffer + at);
        used += snprintf(text + used, sizeof text - used, "%s%d:%x%s%s%s", used ? " " : "", e->wd, e->mask,
                         e->cookie ? ":cookie" : "", e->len ? ":" : "", e->len ? e->name : "");
        at += sizeof *e + e->len;
    }
    show_text("inotify", what, n < 0 ? strerrorname_np(errno) : text);
}

static void wrong(void)
{
    E(inotify_init1, "wrong flags", 1);
    K(inotify_init1, "ok", IN_CLOEXEC | IN_NONBLOCK);
    E(inotify_add_watch, "bad descriptor", 99, ".", IN_OPEN);
    E(inotify_add_watch, "not its kind", make_file("f", ""), ".", IN_OPEN);
    E(inotify_add_watch, "no events", in, ".", 0);
    E(inotify_add_watch, "unknown", in, ".", 0x800000);
    E(inotify_add_watch, "no such file", in, "none", IN_OPEN);
    E(inotify_add_watch, "bad path", in, BAD, IN_OPEN);
    E(inotify_add_watch, "only directories", in, "f", IN_OPEN | IN_ONLYDIR);
    E(inotify_add_watch, "add and create", in, "f", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE);
    E(inotify_rm_watch, "bad descriptor", 99, 1);
    E(inotify_rm_watch, "not its kind", 0, 1);
    E(inotify_rm_watch, "no such watch", in, 1);
    char b[8];
    E(read, "inotify, nothing", in, b, 8L);
    E(write, "inotify", in, "x", 1L);
}

static void file(void)
{
    char b[8];
    long f = make_file("w", "text");
    struct pollfd p = {(int)in, POLLIN, 0};
    E(inotify_add_watch, "file", in, "w", IN_ALL_EVENTS);
    E(inotify_add_watch, "again", in, "w", IN_ALL_EVENTS);
    E(inotify_add_watch, "again, create", in, "w", IN_ALL_EVENTS | IN_MASK_CREATE);
    V(inotify_add_watch, "poll, nothing", poll(&p, 1, 0));
    read(f, b, 2);
    V(inotify_add_watch, "poll", poll(&p, 1, 0));
    int bytes = 0;
    ioctl(in, FIONREAD, &bytes);
    V(ioctl, "inotify FIONREAD", bytes);
    E(read, "inotify, small", in, b, 8L);
    write(f, "x", 1), write(f, "y", 1), write(f, "z", 1);
    events("read, writes");
    long again = open("w", O_RDONLY);
    close(again);
    again = open("w", O_WRONLY | O_TRUNC);
    close(again);
    events("open, close, open for writing, close");
    chmod("w", 0600), truncate("w", 3), ftruncate(f, 2);
    events("mode, truncate, ftruncate");
    link("w", "w2"), rename("w2", "w3"), unlink("w3");
    events("link, rename, unlink");
    E(inotify_add_watch, "other events", in, "w", IN_OPEN);
    read(f, b, 1), pwrite(f, "x", 1, 0);
    E(inotify_add_watch, "more events", in, "w", IN_ACCESS | IN_MASK_ADD);
    pread(f, b, 1, 0), close(open("w", O_RDONLY));
    events("only the chosen ones");
    E(inotify_rm_watch, "ok", in, 1);
    events("removed");
    E(inotify_add_watch, "once", in, "w", IN_ALL_EVENTS | IN_ONESHOT);
    pread(f, b, 1, 0), pread(f, b, 1, 0);
    events("once");
    E(inotify_add_watch, "to the end", in, "w", IN_ALL_EVENTS);
    close(f);
    unlink("w");
    events("close, last unlink");
    f = make_file("o", "x");
    E(inotify_add_watch, "deleted while open", in, "o", IN_ALL_EVENTS);
    unlink("o");
    events("unlink of an open file");
    close(f);
    events("and its close");
}

static void directory(void)
{
    long f;
    mkdir("d", 0755), mkdir("e", 0755);
    E(inotify_add_watch, "directory", in, "d", IN_ALL_EVENTS);
    E(inotify_add_watch, "second directory", in, "e", IN_ALL_EVENTS);
    close(open("d/new", O_WRONLY | O_CREAT, 0600));
    events("create");
    f = open("d/new", O_RDWR), write(f, "text", 4), close(f);
    events("open, write, close");
    mkdir("d/sub", 0755), symlink("x", "d/link"), mkfifo("d/fifo", 0600);
    events("mkdir, symlink, mkfifo");
    link("d/new", "e/other"), rename("d/new", "e/moved"), rename("e/moved", "e/other2");
    events("link, rename to another, rename in it");
    rename("e/other", "d/link");
    events("rename over another");
    unlink("d/link"), unlink("d/fifo"), rmdir("d/sub");
    events("unlink, rmdir");
    close(open("d", O_RDONLY));
    events("open the directory");
    E(inotify_add_watch, "inside a watched one", in, "e/other2", IN_ALL_EVENTS);
    close(open("e/other2", O_RDONLY));
    events("both watches");
    unlink("e/other2");
    rmdir("d");
    events("rmdir of the watched one");
    E(inotify_rm_watch, "ended already", in, 3);
    for (int i = 0; i < 20000; i++) {
        char name[16];
        snprintf(name, sizeof name, "e/%d", i % 2);
        close(open(name, O_WRONLY | O_CREAT, 0600));
    }
    static char large[1 << 21];
    long n = read(in, large, sizeof large), last = 0;
    for (long at = 0; at < n; at += sizeof(struct inotify_event) + ((struct inotify_event *)(large + at))->len)
        last = at;
    V(inotify_add_watch, "overflow", ((struct inotify_event *)(large + last))->mask == IN_Q_OVERFLOW);
    V(inotify_add_watch, "overflow, watch", ((struct inotify_event *)(large + last))->wd);
    mkdir("m", 0755);
    if (!mount("none", "m", "tmpfs", 0, 0)) {
        make_file("m/f", "");
        long one = Q(inotify_add_watch, in, "m", IN_ALL_EVENTS);
        V(inotify_add_watch, "on a mount", one);
        close(open("m/g", O_WRONLY | O_CREAT, 0600));
        while (read(in, large, sizeof large) > 0) {
        }
    }
}

static void plain_user(void)
{
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(inotify_add_watch, "user: not readable", in, "secret", IN_ALL_EVENTS);
}

void family_inotify(void)
{
    in = Q(inotify_init1, IN_NONBLOCK);
    wrong();
    file();
    close(in);
    in = Q(inotify_init1, IN_NONBLOCK);
    directory();
    close(in);
    in = Q(inotify_init1, 0);
    close(make_file("secret", "")), chmod("secret", 0600);
    show_child("inotify_add_watch", "user", plain_user);
    pid_t pid = fork();
    if (!pid) usleep(20000), close(open("secret", O_RDONLY)), _exit(0);
    E(inotify_add_watch, "to wait for", in, "secret", IN_OPEN);
    events("waited for");
    waitpid(pid, 0, 0);
    V(inotify_init1, "closed", close(in));
}
